"""The native host over several loads, the GPU lost between two of them."""

import asyncio
from pathlib import Path

import pytest
from wgpu import GPUError

from py_engine.base.errors import InferaivedError
from py_engine.hosts.native import NativeEngine
from tests.fixtures import write
from tests.model.conftest import GREEDY


async def answer(host: NativeEngine) -> tuple[int, ...]:
    ids: tuple[int, ...] = ()
    async for piece in host.complete("The fox", GREEDY):
        ids += piece.ids
    return ids


def test_after_a_loss_the_next_load_works(tmp_path: Path) -> None:
    path = str(write(tmp_path / "m.gguf", "llama", "Q8_0").path)

    async def story() -> None:
        async with NativeEngine() as host:
            await host.load(path, tune=False)
            first, device = await answer(host), host._device
            assert device
            await host.load(path, tune=False)
            assert host._device is device  # with the pipelines that it has
            device._device.destroy()
            with pytest.raises((InferaivedError, GPUError)):
                await answer(host)
            await host.load(path, tune=False)
            assert await answer(host) == first != ()

    asyncio.run(story())
