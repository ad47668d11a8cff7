"""DEBUG: one integer that says how much an engine tells of itself, the same in every host.

| level | tells |
| --- | --- |
| 0 | nothing |
| 1 | a line for each load: model, adapter, memory; and for each reply: tokens a second, GB/s |
| 2 | after a load also how long each kernel takes: generate/profile.py's table |

The command line takes it from the environment variable DEBUG and writes to standard error; the
page takes it from its address, `?debug=2`, and writes to the browser's console. What is told is
the same either way; this module knows how it reads, not where it goes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MIB = 1 << 20


def _unheard(text: str) -> None:
    pass


@dataclass(frozen=True)
class Debug:
    """A level, and where its lines go."""

    level: int = 0
    say: Callable[[str], None] = _unheard

    def loaded(self, info: Mapping[str, Any]) -> None:
        """Tell of a load, by the engine's `info`."""
        if self.level < 1:
            return
        types = ", ".join(f"{count} {name}" for name, count in info["types"].items())
        features = ", ".join(info["features"]) or "none"
        self.say(
            f"{info['name']}: {info['architecture']}, {info['layers']} layers, {types}; "
            f"{info['context']} positions; {info['gpu_bytes'] / MIB:.0f} MiB on the GPU for "
            f"{info['file_bytes'] / MIB:.0f} in the file; loaded in {info['load_s']:.2f} s"
        )
        self.say(f"{info['adapter']}; features: {features}")

    def replied(self, timings: Mapping[str, float], step_bytes: float) -> None:
        """Tell of a reply, by its timings and the bytes that one of its steps reads and writes."""
        if self.level < 1:
            return
        speed = timings["decode_tok_s"]
        self.say(
            f"prompt: {timings['prefill_tokens']:.0f} new tokens, {timings['prefill_tok_s']:.0f} "
            f"a second, the first answer after {timings['ttft_s'] * 1e3:.0f} ms; "
            f"reply: {timings['decode_tokens']:.0f} steps, {speed:.1f} a second, "
            f"{speed * step_bytes / 1e9:.1f} GB/s"
        )


SILENT = Debug()


def level(text: str | None) -> int:
    """A level as people write it. Other text is ignored: Playwright reads a DEBUG too."""
    return int(text) if text and text.isdecimal() else 0
