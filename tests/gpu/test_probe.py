"""The probe of subgroups: their size on each host, and lanes that are no neighbours."""

import asyncio

import pytest

from py_engine.gpu.native import NativeDevice
from py_engine.gpu.probe import probe
from py_engine.gpu.recorder import Library
from tests.gpu.chromium import ChromiumDevice
from tests.gpu.conftest import read_shader

Rung = tuple[NativeDevice | ChromiumDevice, Library, str]
LANE = "@builtin(local_invocation_index) lane: u32) {"
ELSEWHERE = {
    "strided": "let lane = (i * 5u) % WG;",
    "swapped": "let lane = select(i, i ^ 96u, i % 32u == 7u);",
}
"""How a driver might lay out lanes otherwise: the shader is told so."""


def library(device: NativeDevice | ChromiumDevice, first: str) -> Library:
    """The shaders, with `first` at the head of the probe, where `i` is the true lane."""

    def read(path: str) -> str:
        text = read_shader(path)
        if path != "load/subgroup_probe.wgsl":
            return text
        assert LANE in text
        return text.replace(LANE, LANE.replace("lane", "i") + first)

    return Library(read, device)


def test_the_size_is_what_the_device_says_where_it_says_one(rung: Rung) -> None:
    device, _, name = rung
    made = library(device, "let lane = i;")
    asyncio.run(probe(made, device))
    assert made.warnings == []
    assert made.subgroups == ("subgroups" in name)
    if made.subgroups:
        assert made.subgroup_size in (4, 8, 16, 32, 64, 128)
        assert device.subgroup_size in (0, made.subgroup_size)
        cpu = any(name in device.info for name in ("llvmpipe", "swiftshader"))
        assert (device.software, made.narrow) == (cpu, cpu)
    else:
        assert made.subgroup_size == 0


@pytest.mark.parametrize("rung", ["subgroups", "Chromium: subgroups"], indirect=True)
def test_the_size_is_what_wgsl_calls_it(rung: Rung) -> None:
    """wgpu-py does not tell the size, but a kernel can ask for it."""
    device, _, _ = rung

    def read(path: str) -> str:
        text = read_shader(path)
        if path == "load/subgroup_probe.wgsl":
            text = text.replace(LANE, f"@builtin(subgroup_size) told: u32, {LANE}")
            text = text.replace("select(0u, size, right)", "told")
        return text

    found, told = library(device, "let lane = i;"), Library(read, device)
    for made in (found, told):
        asyncio.run(probe(made, device))
    assert found.subgroup_size == told.subgroup_size > 0


@pytest.mark.parametrize("rung", ["subgroups", "Chromium: subgroups"], indirect=True)
@pytest.mark.parametrize("layout", ["strided", "swapped"])
def test_lanes_elsewhere_mean_plain_kernels(rung: Rung, layout: str) -> None:
    device, _, _ = rung
    made = library(device, ELSEWHERE[layout])
    assert "subgroupAdd" in made.shader("rms_norm", {"C": 64}, {}).code
    asyncio.run(probe(made, device))
    (warning,) = made.warnings
    assert "subgroups" in warning
    assert made.subgroup_size == 0 and not made.subgroups
    assert "subgroupAdd" not in made.shader("rms_norm", {"C": 64}, {}).code
