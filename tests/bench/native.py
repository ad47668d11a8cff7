"""The rows of page/measure.js through the native host: the same prompts, the same clock readings.

Needs what the native host needs (wgpu-py, tokenizers); the browser's runs do without this file.
"""

import re
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from py_engine.base.errors import InferaivedError
from py_engine.generate.sampling import Sampling
from py_engine.hosts.native import NativeEngine
from tests.bench.visit import ADAPTER, Task, describe

SOFTWARE = re.compile("swiftshader|llvmpipe|lavapipe|basic render", re.I)
"""Adapters that are no GPU, as page/run.js knows them; a task must ask for one."""
TOGETHER_S = 1e-3
"""Tokens that come so soon after one came with it: they were not decoded since."""


class Words:
    """Prompts of made-up words, each another; the sequence of measure.js."""

    def __init__(self) -> None:
        self.per_token = 1.0
        self._letters = self._draw()

    def take(self, tokens: int) -> str:
        """Words of about so many tokens."""
        n = max(1, round(tokens * self.per_token))
        return "".join(" " + "".join(next(self._letters) for _ in range(4)) for _ in range(n))

    def _draw(self) -> Iterator[str]:
        state = 1
        while True:
            for letters in ("bcdfghjklmnpqrstvwxyz", "aeiou"):
                state = (state * 1664525 + 1013904223) % 2**32
                yield letters[state * len(letters) >> 32]


async def run(task: Task, path: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Every row of a task; a row that fails is an error and costs only itself."""
    rows: dict[str, Any] = {}
    result: dict[str, Any] = {
        "engine": "native", "model": task.model, "options": task.options, "adapter": "",
        "features": [], "rows": rows, "errors": [],
    }  # fmt: skip
    withheld = task.options.get("withhold", [])
    assert isinstance(withheld, list)
    started = time.perf_counter()
    async with NativeEngine(withhold=withheld) as engine:
        await engine.load(str(path), context=task.context, tune=bool(task.options.get("tune")))
        load = time.perf_counter() - started
        words = Words()
        first = await _request(engine, words.take(64), 8)
        words.per_token = 64 / first["prompt"]
        info = {key: value for key, value in engine.info.items() if key != "template"}
        rows |= {"load": {"s": load, "info": info}, "first": {"s": load + first["ttft"]}}
        result |= {"adapter": info["adapter"], "features": info["features"]}
        say(f"  adapter: {info['adapter']}; load {load:.2f} s")
        if SOFTWARE.search(info["adapter"]) and not task.software:
            message = f"the adapter is {info['adapter']}"
            return result | {"errors": [{"row": ADAPTER, "message": message}]}
        for row in task.rows:
            if row == "memory":  # there is no page
                continue
            try:
                rows[row] = {"row": row, **await _row(engine, task, words, row)}
                say(f"  {describe(rows[row])}")
            except InferaivedError as error:
                result["errors"].append({"row": row, "message": str(error)})
                say(f"  {row}: FAILED: {error}")
    result["seconds"] = round(time.perf_counter() - started, 1)
    return result


async def _row(engine: NativeEngine, task: Task, words: Words, row: str) -> dict[str, Any]:
    kind, _, size = row.partition(":")
    at = int(size)
    values: dict[str, Any] = {"replies": []}
    prompt = words.take(at)
    warm = await _request(engine, prompt, 8 if kind == "decode" else 1)
    if kind == "prefill":
        values["first_s"] = warm["ttft"]
    begun = time.perf_counter()
    while len(values["replies"]) < task.repeats:
        if values["replies"] and time.perf_counter() - begun > task.row_seconds:
            break
        if kind == "decode":
            reply = await _request(engine, prompt, task.tokens)
        elif kind == "prefill":
            reply = await _request(engine, words.take(at), 1)
        else:
            prompt = words.take(at)
            await _request(engine, prompt, 4)
            reply = await _request(engine, prompt + words.take(32), 1)
        values["replies"].append(reply)
    return values


async def _request(engine: NativeEngine, prompt: str, tokens: int) -> dict[str, Any]:
    times: list[float] = []  # of each token
    begun = time.perf_counter()
    async for piece in engine.complete(prompt, Sampling(temperature=0, max_tokens=tokens)):
        times += [time.perf_counter()] * len(piece.ids)
        if piece.reply:
            own = dict(piece.reply.timings)
            prompt_tokens = len(piece.reply.prompt_ids)
    ended = time.perf_counter()
    together = [sum(0 <= other - at < TOGETHER_S for other in times) for at in times]
    return {
        "prompt": prompt_tokens, "computed": int(own["prefill_tokens"]), "own": own,
        "ttft": times[0] - begun, "s": ended - times[0],
        "n": len(times), "decoded": len(times) - together[0],
        "gap": max((late - soon for soon, late in pairwise(times)), default=0.0),
        "burst": max(together),
    }  # fmt: skip
