"""The native host over several loads, the GPU lost between two of them."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from py_engine.base.errors import DeviceLost, DeviceRefused
from py_engine.gpu import native
from py_engine.gpu.device import Binding, Dispatch, Segment
from py_engine.gpu.native import NativeDevice
from py_engine.gpu.wgsl import Shader
from py_engine.hosts import cli
from py_engine.hosts.native import NativeEngine
from tests.fixtures import write
from tests.model.conftest import GREEDY


class Zeros:
    def chunks(self, at: int, nbytes: int) -> Iterator[memoryview]:
        yield memoryview(bytes(nbytes))


KERNEL = """
@group(0) @binding(0) var<storage, read_write> a: array<u32>;
@compute @workgroup_size(1) fn main() { a[0] = 1u; }
"""


SPIN = """
    var x = a[0];
    for (var i = 0u; i < 200000u; i += 1u) { x = x * 1664525u + 1013904223u; }
    a[0] = x;"""


def test_every_verb_tells_a_loss() -> None:
    async def story() -> None:
        device = NativeDevice()
        handle = device.alloc(1024, "some")
        one, other = (
            Shader("one", "one", code, (("a", "read_write"),), ())
            for code in (KERNEL, KERNEL + " ")
        )
        await device.compile([one])
        dispatch = Dispatch(one, (Binding(handle, 0, 1024),), (1, 1, 1))
        program = device.record([dispatch])
        device._device.destroy()
        for verb in (
            lambda: device.alloc(4, "more"),
            lambda: device.write(handle, 0, bytes(4)),
            lambda: device.load(Zeros(), [Segment(0, 5, handle, 0)]),
            lambda: device.compile([other]),
            lambda: device.record([dispatch]),
            lambda: device.submit([program]),
            lambda: device.read(handle, 0, 4),
            lambda: device.seconds([program]),
        ):
            with pytest.raises(DeviceLost, match="lost"):
                await verb()  # type: ignore[misc]
        device.drop(program)
        device.free(handle)

    asyncio.run(story())


@pytest.mark.parametrize("withhold", [(), ("timestamp-query",)])
def test_more_work_takes_more_seconds_by_either_clock(withhold: tuple[str, ...]) -> None:
    code = KERNEL.replace("a[0] = 1u;", SPIN)

    async def story() -> tuple[float, float]:
        device = NativeDevice(withhold)
        shader = Shader("spin", "spin", code, (("a", "read_write"),), ())
        await device.compile([shader])
        binding = Binding(device.alloc(1024, "some"), 0, 1024)
        program = device.record([Dispatch(shader, (binding,), (1, 1, 1))])
        assert await device.seconds([]) < 1
        once, often = [
            min([await device.seconds([program] * n) for _ in range(5)]) for n in (1, 20)
        ]
        return once, often

    once, often = asyncio.run(story())
    assert 0 <= once < often < 20
    assert often > 1e-3


def test_a_read_that_fails_leaves_no_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither does a measurement. wgpu itself refuses: a mode of mapping, a lost device."""

    async def story() -> None:
        device = NativeDevice(["timestamp-query"])  # its clock needs a read
        handle = device.alloc(1024, "some")
        held: list[object] = []
        create, buffer = device._device.create_buffer, type(device._buffers[handle])
        monkeypatch.setattr(
            device._device, "create_buffer", lambda **how: held.append(create(**how)) or held[-1]
        )
        destroy = buffer.destroy
        monkeypatch.setattr(buffer, "destroy", lambda it: (held.remove(it), destroy(it))[1])
        mapped = buffer.map_sync
        monkeypatch.setattr(buffer, "map_sync", lambda it, _, *span: mapped(it, "NEVER", *span))
        for failing in (lambda: device.read(handle, 0, 4), lambda: device.seconds([])):
            with pytest.raises(ValueError, match="NEVER"):
                await failing()  # type: ignore[operator]
        assert held == []
        device._device.destroy()
        for failing in (lambda: device.read(handle, 0, 4), lambda: device.seconds([])):
            with pytest.raises(DeviceLost):
                await failing()  # type: ignore[operator]
        assert held == []

    asyncio.run(story())


def test_a_device_that_is_refused_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's own refusal, of a limit that it lacks."""
    monkeypatch.setattr(native, "_wanted_limits", lambda _: {"max-buffer-size": 2**62})
    with pytest.raises(DeviceRefused, match="Limit 'max_buffer_size'") as caught:
        NativeDevice()
    assert caught.value.hint.endswith(".")


def test_a_machine_without_a_gpu_is_told_in_one_line() -> None:
    command = "import sys; from py_engine.hosts.cli import main; sys.exit(main(sys.argv[1:]))"
    ask = [sys.executable, "-c", command, "ask", "demo", "Hello"]
    elsewhere = "Metal" if sys.platform != "darwin" else "D3D12"  # a kind that is not here
    env = {**os.environ, "WGPU_BACKEND_TYPE": elsewhere}
    ran = subprocess.run(ask, check=False, env=env, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith("inferaived: no GPU was found")
    assert "Traceback" not in ran.stderr


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
            with pytest.raises(DeviceLost):
                await answer(host)
            await host.load(path, tune=False)
            assert await answer(host) == first != ()

    asyncio.run(story())


def test_the_command_tells_the_template(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = (
        "{% for m in messages %}{{ m.content }}{% endfor %}{{ 'off' if enable_thinking is false }}"
    )
    texts = {"tokenizer.chat_template": source}
    path = str(write(tmp_path / "m.gguf", "qwen2", "Q4_K", texts=texts).path)
    ask = ["ask", path, "Hello", "--json", "--no-tune", "--max-tokens", "1"]
    prompts = []
    for more in ([], ["--reasoning-effort", "none"],
                 ["--chat-template-kwargs", '{"enable_thinking": false}']):  # fmt: skip
        assert cli.main([*ask, *more]) == 0
        prompts.append(json.loads(capsys.readouterr().out)["prompt_ids"])
    assert prompts[0] != prompts[1] == prompts[2]
    assert cli.main([*ask, "--chat-template-kwargs", '{"thinks": 1}']) == 1
    assert "reads: enable_thinking" in capsys.readouterr().err
