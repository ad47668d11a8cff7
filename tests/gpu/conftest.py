"""A device for each rung of the ladder of features, and the few verbs that kernel tests need."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from py_engine.formats.quants import SUPPORTED
from py_engine.gpu.native import NativeDevice
from py_engine.gpu.recorder import Library, Recorder
from py_engine.gpu.tensor import Memory, Tensor
from tests.gpu.chromium import ChromiumDevice
from tests.shader_variants import COMMON, MATRICES, RUNGS

SHADERS = Path(__file__).parents[2] / "shaders"
CHROMIUM = {f"Chromium: {name}": RUNGS[name] for name in ("subgroups", "plain")}
"""The rungs that SwiftShader has."""
MATRIX_RUNG = "Chromium: matrices"
natively = pytest.mark.parametrize("rung", list(RUNGS), indirect=True)
"""For tests that would take SwiftShader minutes and show nothing more there."""


Devices = dict[str, tuple[NativeDevice | ChromiumDevice, Library] | str]
"""By the name of a rung; or why there is none."""


def weights(rungs: Iterable[str], few: Iterable[str]) -> pytest.MarkDecorator:
    """For tests of every weight type: the common ones on all `rungs`, the others on a few.

    What differs between types is a block's decoding, and that is the same on every rung.
    """
    others = [type for type in SUPPORTED if type not in COMMON]
    cases = [*product(rungs, COMMON), *product(few, others)]
    return pytest.mark.parametrize(("rung", "type"), cases, indirect=["rung"])


def read_shader(path: str) -> str:
    """The text of a file below shaders/."""
    return (SHADERS / path).read_text(encoding="utf-8")


class Bench:
    """One test's tensors on a device that many tests share.

    `rec` collects the dispatches of the ops under test; `get` runs what is new in it first.
    """

    def __init__(self, device: NativeDevice | ChromiumDevice, library: Library, rung: str) -> None:
        self.device = device
        self.rung = rung
        self.memory = Memory(device)
        self.rec = Recorder(library, self.memory)
        self._done = 0

    def put(self, array: np.ndarray, label: str = "input") -> Tensor:
        """A tensor with these values; bytes become u32 words, padded with zeros."""
        if array.dtype == np.uint8:
            data = array.tobytes()
            array = np.frombuffer(data + bytes(-len(data) % 4), dtype=np.uint32)
        dtype = {"float32": "f32", "uint32": "u32"}[array.dtype.name]
        tensor = self.memory.tensor(array.shape, label, dtype)
        self.device.write(tensor.handle, 0, array.tobytes())
        return tensor

    def state(self, n: int, pos: int = 0) -> Tensor:
        """The state of a call of n tokens, the first of them at position pos."""
        return self.put(np.array([pos, n, 0, 0], dtype=np.uint32), "state")

    def get(self, tensor: Tensor) -> np.ndarray:
        """The values of a tensor after all that was recorded."""
        new = self.rec.dispatches[self._done :]
        self._done = len(self.rec.dispatches)

        async def fetch() -> bytes:
            await self.device.compile([dispatch.shader for dispatch in new])
            program = self.device.record(new)
            data = await self.device.read(tensor.handle, 0, tensor.nbytes, [program])
            self.device.drop(program)
            return data

        kind = {"f32": np.float32, "u32": np.uint32}[tensor.dtype]
        return np.frombuffer(asyncio.run(fetch()), dtype=kind).reshape(tensor.shape)


@pytest.fixture(scope="session")
def devices() -> Iterator[Devices]:
    """Those that were opened: pytest makes a fixture anew for each pair of parameters."""
    devices: Devices = {}
    yield devices
    for found in devices.values():
        if isinstance(found, tuple) and isinstance(found[0], ChromiumDevice):
            found[0].close()


@pytest.fixture(params=[*RUNGS, *CHROMIUM])
def rung(
    request: pytest.FixtureRequest, devices: Devices
) -> tuple[NativeDevice | ChromiumDevice, Library, str]:
    """A device with one rung's features; the lowest has WebGPU's default limits as well."""
    name = request.param
    if name not in devices:
        try:
            device = opened(name)
            devices[name] = device, Library(read_shader, device)
        except pytest.skip.Exception as absent:
            devices[name] = str(absent)
    found = devices[name]
    if isinstance(found, str):
        pytest.skip(found)
    return *found, name


def opened(name: str) -> NativeDevice | ChromiumDevice:
    """A device with the features of a rung, or the test is skipped where there is none."""
    features = (RUNGS | CHROMIUM | {MATRIX_RUNG: MATRICES})[name]
    kind = NativeDevice if name in RUNGS else ChromiumDevice
    device = kind(sorted(MATRICES - features), default_limits=not features)
    if missing := sorted(features - device.features):
        info = device.info
        if isinstance(device, ChromiumDevice):
            device.close()
        pytest.skip(f"{info} lacks {', '.join(missing)}")
    return device


@pytest.fixture
def bench(rung: tuple[NativeDevice | ChromiumDevice, Library, str]) -> Iterator[Bench]:
    """The rung's device, with memory that is freed after the test."""
    bench = Bench(*rung)
    yield bench
    bench.memory.close()
