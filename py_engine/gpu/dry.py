"""A device without a GPU: it only counts. Says what a model would take before anything is made.

Knows the contract in device.py; nothing that is written to it can be read back.
"""

from collections.abc import Awaitable, Mapping, Sequence

from py_engine.gpu.device import Dispatch, Handle, Program, Segment
from py_engine.gpu.wgsl import Shader

DEFAULT_LIMITS: Mapping[str, int] = {
    "maxBufferSize": 268435456,
    "maxStorageBufferBindingSize": 134217728,
    "maxStorageBuffersPerShaderStage": 8,
    "maxComputeWorkgroupStorageSize": 16384,
    "maxComputeInvocationsPerWorkgroup": 256,
    "maxComputeWorkgroupsPerDimension": 65535,
}
"""What every WebGPU adapter has (WebGPU, section 3.6.2)."""


class DryDevice:
    """See `Device` for the verbs. `alloc` sums up sizes, `read` gives zeros."""

    info = "none"
    software = False
    subgroup_size = 0
    wgsl_enables: frozenset[str] = frozenset()
    compiles_aside = False

    def __init__(
        self, features: frozenset[str] = frozenset(), limits: Mapping[str, int] = DEFAULT_LIMITS
    ) -> None:
        self.features = features
        self.limits = limits
        self.buffers: dict[Handle, int] = {}
        self.programs: dict[Program, Sequence[Dispatch]] = {}
        self._next = 1

    @property
    def nbytes(self) -> int:
        """Bytes in buffers now."""
        return sum(self.buffers.values())

    def alloc(self, nbytes: int, label: str) -> Handle:
        self._next += 1
        self.buffers[self._next] = nbytes
        return self._next

    def free(self, handle: Handle) -> None:
        del self.buffers[handle]

    def write(self, handle: Handle, at: int, data: bytes) -> None:
        if at < 0 or at + len(data) > self.buffers[handle]:
            raise ValueError(f"write of {len(data)} bytes at {at} leaves the buffer")

    async def load(self, source: object, segments: Sequence[Segment]) -> None:
        for _, nbytes, handle, to in segments:
            if to + nbytes > self.buffers[handle]:
                raise ValueError(f"load of {nbytes} bytes at {to} leaves the buffer")

    async def compile(self, shaders: Sequence[Shader]) -> None:
        pass

    def record(self, dispatches: Sequence[Dispatch]) -> Program:
        self._next += 1
        self.programs[self._next] = dispatches
        return self._next

    def drop(self, program: Program) -> None:
        del self.programs[program]

    def submit(self, programs: Sequence[Program]) -> None:
        pass

    def read(
        self, handle: Handle, at: int, nbytes: int, programs: Sequence[Program] = ()
    ) -> Awaitable[bytes]:
        return _zeros(nbytes)

    async def seconds(self, programs: Sequence[Program]) -> float:
        return 0.0


async def _zeros(nbytes: int) -> bytes:
    return bytes(nbytes)
