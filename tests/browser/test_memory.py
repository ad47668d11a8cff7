"""A model larger than what the page may hold loads without passing through its memory."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from playwright.async_api import CDPSession, Page

from py_engine.hosts.headless import BrowserEngine
from tests.browser.apart import apart
from tests.fixtures import MODELS, write_metadata

MIB = 2**20
HEAP_MIB = 100
"""What the worker's JavaScript may hold of a file of more than three times that. Without one
buffer for all reads it was over 300 MiB; the rest of the 300 MiB bar is Python's heap, which no
weight enters."""


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


class WorkerHeap:
    """Asks the page's worker, over the DevTools protocol, what its JavaScript holds."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session
        self._worker = ""
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}

    @classmethod
    async def of(cls, page: Page) -> "WorkerHeap":
        heap = cls(await page.context.new_cdp_session(page))
        session = heap._session
        session.on("Target.attachedToTarget", heap._attached)
        session.on("Target.receivedMessageFromTarget", heap._answered)
        options = {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": False}
        await session.send("Target.setAutoAttach", options)
        async with asyncio.timeout(60):
            while not heap._worker:
                await asyncio.sleep(0.05)
        return heap

    async def mib(self) -> float:
        """Objects and buffers, in MiB."""
        number = len(self._answers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        message = json.dumps({"id": number, "method": "Runtime.getHeapUsage"})
        target = {"sessionId": self._worker, "message": message}
        await self._session.send("Target.sendMessageToTarget", target)
        usage = (await asyncio.wait_for(self._answers[number], 60))["result"]
        return float(usage["usedSize"] + usage["backingStorageSize"]) / MIB

    def _attached(self, event: Mapping[str, Any]) -> None:
        self._worker = event["sessionId"]

    def _answered(self, event: Mapping[str, Any]) -> None:
        answer = json.loads(event["message"])
        if "id" in answer and not (asked := self._answers[answer["id"]]).done():  # or cancelled
            asked.set_result(answer)


def test_weights_do_not_stay_in_the_page(site: Path, large: Path) -> None:
    assert large.stat().st_size > 3 * HEAP_MIB * MIB

    async def ask() -> None:
        async with BrowserEngine(site, software=True) as host:
            heap = await WorkerHeap.of(host.page)
            done: list[int] = []
            held: list[float] = []

            async def watch() -> None:
                while True:
                    held.append(await heap.mib())
                    await asyncio.sleep(0.02)

            watching = asyncio.ensure_future(watch())
            await host.load(str(large), progress=lambda now, total: done.append(now))
            watching.cancel()
            held.append(await heap.mib())
            assert done[-1] > 3 * HEAP_MIB * MIB
            assert len(held) > 2
            assert max(held) < HEAP_MIB

    apart(ask)
