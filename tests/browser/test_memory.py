"""A model larger than what the page may hold loads without passing through its memory."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from playwright.async_api import Page

from py_engine.hosts.headless import BrowserEngine
from tests.browser.apart import apart
from tests.fixture_models import MODELS
from tests.fixtures import write_metadata

MIB = 2**20
HEAP_MIB = 100
"""What JavaScript may hold of a file of more than three times that, in the worker and in its
reading thread. Without buffers that are used again it was over 300 MiB; the rest of the 300 MiB
bar is Python's heap, which no weight enters."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """360 MB of zeros in the shape of a Qwen3."""
    path = tmp_path_factory.mktemp("large") / "large.gguf"
    shape = replace(MODELS["qwen3"], embedding=2048, feed_forward=8192, heads=16, layers=3)
    writer = gguf.GGUFWriter(path, shape.architecture)
    write_metadata(writer, shape, "zeros")
    width, inner, head = shape.embedding, shape.feed_forward, shape.head
    queries, keys = shape.heads * head, shape.kv_heads * head
    sizes: dict[str, tuple[int, ...]] = {"token_embd": (shape.vocab, width)}
    for i in range(shape.layers):
        sizes |= {
            f"blk.{i}.attn_norm": (width,),
            f"blk.{i}.ffn_norm": (width,),
            f"blk.{i}.attn_q_norm": (head,),
            f"blk.{i}.attn_k_norm": (head,),
            f"blk.{i}.attn_q": (queries, width),
            f"blk.{i}.attn_k": (keys, width),
            f"blk.{i}.attn_v": (keys, width),
            f"blk.{i}.attn_output": (width, queries),
            f"blk.{i}.ffn_gate": (inner, width),
            f"blk.{i}.ffn_up": (inner, width),
            f"blk.{i}.ffn_down": (width, inner),
        }
    sizes["output_norm"] = (width,)
    for name, size in sizes.items():
        dtype = np.float16 if len(size) > 1 else np.float32
        writer.add_tensor(f"{name}.weight", np.zeros(size, dtype))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


class Target:
    """A page or a worker over the DevTools protocol; a worker is reached through what started it.

    Args:
        send: takes a method and its parameters to the target.
    """

    def __init__(self, send: Callable[[str, dict[str, Any]], Awaitable[Any]]) -> None:
        self.send = send
        self.started: asyncio.Future[Target] = asyncio.get_running_loop().create_future()
        """The first worker that it starts."""
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._session = ""

    async def worker(self) -> "Target":
        options = {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": False}
        await self.send("Target.setAutoAttach", options)
        return await asyncio.wait_for(self.started, 60)

    async def mib(self) -> float:
        """Objects and buffers of its JavaScript, in MiB."""
        usage = await self.send("Runtime.getHeapUsage", {})
        return float(usage["usedSize"] + usage["backingStorageSize"]) / MIB

    def heard(self, name: str, event: Mapping[str, Any]) -> None:
        """What the target tells of itself and its worker."""
        if name == "Target.attachedToTarget":
            self._session = self._session or event["sessionId"]
            if not self.started.done():
                self.started.set_result(Target(self._forward))
        elif name == "Target.receivedMessageFromTarget" and event["sessionId"] == self._session:
            told = json.loads(event["message"])
            if "method" in told:
                self.started.result().heard(told["method"], told["params"])
            elif not (asked := self._answers[told["id"]]).done():  # or cancelled
                asked.set_result(told)

    async def _forward(self, method: str, params: dict[str, Any]) -> Any:
        number = len(self._answers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        message = json.dumps({"id": number, "method": method, "params": params})
        to = {"sessionId": self._session, "message": message}
        await self.send("Target.sendMessageToTarget", to)
        return (await asyncio.wait_for(self._answers[number], 60))["result"]


async def opened(page: Page) -> Target:
    """The page as a target."""
    session = await page.context.new_cdp_session(page)
    target = Target(session.send)
    for name in ("Target.attachedToTarget", "Target.receivedMessageFromTarget"):
        session.on(name, partial(target.heard, name))
    return target


def test_weights_do_not_stay_in_the_page(site: Path, large: Path) -> None:
    assert large.stat().st_size > 3 * HEAP_MIB * MIB

    async def ask() -> None:
        async with BrowserEngine(site, software=True) as host:
            engine = await (await opened(host.page)).worker()
            reader = await engine.worker()
            done: list[int] = []
            held: list[float] = []

            async def watch() -> None:
                while True:
                    held.append(await engine.mib() + await reader.mib())
                    await asyncio.sleep(0.02)

            watching = asyncio.ensure_future(watch())
            await host.load(str(large), progress=lambda now, total: done.append(now))
            watching.cancel()
            held.append(await engine.mib() + await reader.mib())
            assert done[-1] > 3 * HEAP_MIB * MIB
            assert len(held) > 2
            assert max(held) < HEAP_MIB

    apart(ask)
