"""The native host: an engine over wgpu-py, PyPI tokenizers and files on disk or behind HTTP.

`NativeEngine` has the same methods as hosts/headless.py's `BrowserEngine`, so that the command
line and the tests drive both alike.
"""

import json
import os
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self, Unpack

from tokenizers import Tokenizer as Library

from py_engine import engine
from py_engine.base.debug import SILENT, Debug
from py_engine.engine import Piece
from py_engine.formats.gguf import read_split
from py_engine.generate.sampling import Sampling
from py_engine.generate.tune import Tune
from py_engine.gpu.device import opened
from py_engine.gpu.native import NativeDevice
from py_engine.hosts.files import open_sources
from py_engine.hosts.shaders import read_shader
from py_engine.text.tokenizer import Tokenizer
from py_engine.text.tokenizer_json import tokenizer_json
from py_engine.text.variables import TemplateOptions
from py_engine.text.vocabulary import Vocabulary


class LibraryEncoder:
    """PyPI tokenizers behind the engine's `Encoder`."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._library = Library.from_str(tokenizer_json(vocabulary))

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._library.encode(text, add_special_tokens=False).ids
        return ids


class KeptTunings:
    """What was tuned, in a file of the user's cache folder; see `Tunings`.

    Args:
        driver: another version of it may compile otherwise.
    """

    def __init__(self, driver: str) -> None:
        self._driver = driver

    async def get(self, key: str) -> str:
        return self._read().get(f"{self._driver} {key}", "")

    async def put(self, key: str, text: str) -> None:
        kept = json.dumps(self._read() | {f"{self._driver} {key}": text}, indent=2)
        with suppress(OSError, RuntimeError):
            path = self._path()
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(f".{os.getpid()}")
            fresh.write_text(kept, encoding="utf-8")
            fresh.replace(path)

    def _read(self) -> dict[str, str]:
        with suppress(OSError, RuntimeError, ValueError):
            kept = json.loads(self._path().read_text(encoding="utf-8"))
            if isinstance(kept, dict):
                return kept
        return {}

    def _path(self) -> Path:
        if sys.platform == "win32":
            folder = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            folder = Path.home() / "Library" / "Caches"
        else:
            folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return folder / "inferaived" / "tunings.json"


class NativeEngine:
    """An engine on this machine's GPU: `async with NativeEngine() as host: await host.load(…)`.

    Args:
        withhold: WebGPU features not to use.
        default_limits: keep WebGPU's default limits although the adapter has more.
        debug: what to tell of itself, and where.
    """

    info: dict[str, Any]
    """What `load` tells of the model and the device."""

    def __init__(
        self,
        *,
        withhold: Sequence[str] = (),
        default_limits: bool = False,
        debug: Debug = SILENT,
    ) -> None:
        self._withhold, self._default_limits = withhold, default_limits
        self._debug = debug
        self._device: NativeDevice | None = None
        self.engine: engine.Engine | None = None
        self.info = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def load(
        self,
        model: str,
        *,
        context: int | None = None,
        tune: Tune = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Load a path or URL, in place of what was loaded.

        Args:
            context: as `engine.load`.
            tune: whether to find out, once for this device, which tilings are fast.
            progress: gets bytes done and in all.
        """
        await self.close()
        if self._device is None or not await _answers(self._device):
            self._device = NativeDevice(self._withhold, default_limits=self._default_limits)
        self.engine = await engine.load(
            open_sources(model),
            opened(self._device),
            LibraryEncoder,
            read_shader,
            context=context,
            progress=progress,
            tunings=KeptTunings(self._device.driver) if tune else None,
            retune=tune == "again",
        )
        self.info = self.engine.info
        try:
            await self.engine.report(self._debug)
        except BaseException:
            await self.close()
            raise

    def chat(
        self,
        messages: Sequence[Mapping[str, object]],
        sampling: Sampling,
        **told: Unpack[TemplateOptions],
    ) -> AsyncGenerator[Piece]:
        """As `Engine.chat`."""
        return self._loaded().chat(messages, sampling, **told)

    def complete(self, prompt: str | Sequence[int], sampling: Sampling) -> AsyncGenerator[Piece]:
        """As `Engine.complete`."""
        return self._loaded().complete(prompt, sampling)

    def score(self, ids: Sequence[int]) -> AsyncGenerator[bytes]:
        """As `Engine.score`."""
        return self._loaded().score(ids)

    async def tokenize(
        self, text: str | Sequence[str], *, special: bool = False, model: str | None = None
    ) -> list[Any]:
        """Ids of a text or of each of several: the loaded model's, or those of `model`."""
        if model is None:
            tokenizer = self._loaded().tokenizer
        else:
            with ExitStack() as closing:
                sources = open_sources(model)
                for source in sources:
                    closing.callback(source.close)
                tokenizer = Tokenizer((await read_split(sources)).metadata, LibraryEncoder)
        if isinstance(text, str):
            return tokenizer.encode(text, special=special)
        return [tokenizer.encode(one, special=special) for one in text]

    async def inspect(self, model: str) -> dict[str, Any]:
        """As `engine.inspect`."""
        with ExitStack() as closing:
            sources = open_sources(model)
            for source in sources:
                closing.callback(source.close)
            return await engine.inspect(sources)

    async def stop(self) -> None:
        """End the running reply between two tokens."""
        self._loaded().stop()

    async def close(self) -> None:
        """Free the model; another one may be loaded."""
        if self.engine:
            self.engine.close()
            self.engine = None

    def _loaded(self) -> engine.Engine:
        assert self.engine, "load a model first"
        return self.engine


async def _answers(device: NativeDevice) -> bool:
    """Whether a device is still there: a driver may tell its loss in words of its own."""
    try:
        handle = device.alloc(4, "an answer")
        await device.read(handle, 0, 4)
        device.free(handle)
    except Exception:
        return False
    return True
