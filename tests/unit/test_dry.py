"""The dry device holds writers to a buffer's bounds."""

import asyncio

import pytest

from py_engine.gpu.device import Segment
from py_engine.gpu.dry import DryDevice


def test_writes_and_loads_stay_inside() -> None:
    device = DryDevice()
    handle = device.alloc(16, "a")
    device.write(handle, 8, bytes(8))
    asyncio.run(device.load(None, [Segment(0, 16, handle, 0)]))
    for at, nbytes in ((12, 8), (-4, 4), (0, 20)):
        with pytest.raises(ValueError, match="leaves the buffer"):
            device.write(handle, at, bytes(nbytes))
    with pytest.raises(ValueError, match="leaves the buffer"):
        asyncio.run(device.load(None, [Segment(0, 16, handle, 4)]))


def test_reads_are_zeros_and_freed_buffers_gone() -> None:
    device = DryDevice()
    handle = device.alloc(16, "a")
    program = device.record([])
    assert asyncio.run(_await(device, handle, program)) == bytes(8)
    device.drop(program)
    device.free(handle)
    assert not device.buffers and not device.programs
    with pytest.raises(KeyError):
        device.write(handle, 0, b"")


async def _await(device: DryDevice, handle: int, program: int) -> bytes:
    return await device.read(handle, 0, 8, [program])
