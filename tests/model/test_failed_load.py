"""A native load that fails, at whatever place: no coroutine, no file and no buffer is left over."""

import asyncio
import gc
import os
import shutil
import warnings
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn

import pytest

from py_engine import engine
from py_engine.base.debug import Debug
from py_engine.base.errors import InferaivedError, MissingFeature
from py_engine.hosts.files import open_sources
from py_engine.hosts.native import LibraryEncoder, NativeEngine
from py_engine.hosts.shaders import read_shader
from tests.fixtures import write


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("whole") / "m.gguf", "llama", "F16").path


def leftovers(story: Callable[[], Coroutine[Any, Any, None]]) -> list[str]:
    """What Python warns of, files left open among it, while a coroutine runs and afterwards."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(story())
        gc.collect()
    return [str(warning.message) for warning in caught]


async def refused(host: NativeEngine, model: Path | str, wanted: str, **options: Any) -> None:
    """A load that must fail, on a device that is there already; its buffers are free again."""
    device = host._device
    assert device
    before = len(device._buffers), len(device._programs)
    with pytest.raises(InferaivedError, match=wanted):
        await host.load(str(model), tune=False, **options)
    assert host._device is device
    assert (len(device._buffers), len(device._programs)) == before
    assert host.engine is None


def test_a_failed_load_leaves_nothing(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("py_engine.layers.loading._PIECE", 1 << 16)  # so that many are on their way
    other, cut, half = (tmp_path / name for name in ("other.gguf", "cut.gguf", "half.gguf"))
    other.write_bytes(b"not a model" * 100)
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    shutil.copyfile(whole, cut)
    split = write(tmp_path / "s.gguf", "llama", "F16", split=5).path
    split.with_name("s-00005-of-00005.gguf").unlink()

    def cut_it(done: int, total: int) -> None:
        os.truncate(cut, whole.stat().st_size // 2)

    async def story() -> None:
        async with NativeEngine() as host:
            await host.load(str(whole), tune=False)
            await host.close()
            await refused(host, tmp_path / "none.gguf", "no such file")
            await refused(host, other, "GGUF")
            await refused(host, half, "half.gguf|GGUF")
            await refused(host, cut, "it ends", progress=cut_it)
            await refused(host, split, "no such file")
            await refused(host, "http://127.0.0.1:1/m.gguf", "127.0.0.1|m.gguf")
            for context in (0, -1, 1 << 40, "many"):
                await refused(host, whole, "context", context=context)
            await host.load(str(whole), tune=False)  # and the next one works

    assert leftovers(story) == []


def test_a_device_that_does_not_open_leaves_nothing(whole: Path) -> None:
    async def absent() -> NoReturn:
        raise MissingFeature("no GPU was found")

    async def story() -> None:
        for model, wanted in ((whole, "no GPU"), (whole.with_name("other.gguf"), "GGUF|no GPU")):
            model.with_name("other.gguf").write_bytes(b"not a model" * 100)
            with pytest.raises(InferaivedError, match=wanted):
                sources = open_sources(str(model))
                await engine.load(sources, absent(), LibraryEncoder, read_shader)

    assert leftovers(story) == []


def test_a_report_that_fails_leaves_nothing(whole: Path) -> None:
    def broken(text: str) -> None:
        raise OSError("standard error is closed")

    async def story() -> None:
        async with NativeEngine() as host:
            await host.load(str(whole), tune=False)
            device = host._device
            await host.close()
            assert device
            before = len(device._buffers), len(device._programs)
            host._debug = Debug(1, broken)
            with pytest.raises(OSError, match="closed"):
                await host.load(str(whole), tune=False)
            assert (len(device._buffers), len(device._programs)) == before
            assert host.engine is None

    assert leftovers(story) == []
