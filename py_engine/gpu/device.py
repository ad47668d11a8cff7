"""The device contract: what every GPU host provides, and nothing more.

Handles are ints and payloads are bytes, so that the same engine drives `navigator.gpu` from
Pyodide (browser.py) and wgpu from CPython (native.py). A device knows buffers, pipelines and
programs; it does not know models, tensors or types.
"""

from collections.abc import Awaitable, Mapping, Sequence
from typing import NamedTuple, Protocol

from py_engine.gpu.wgsl import Shader

Handle = int
Program = int


class Binding(NamedTuple):
    """`nbytes` bytes of a buffer from byte `at`, which is a multiple of 256."""

    handle: Handle
    at: int
    nbytes: int


class Dispatch(NamedTuple):
    """One kernel launch: `bindings` in the shader's own binding order, `groups` workgroups."""

    shader: Shader
    bindings: tuple[Binding, ...]
    groups: tuple[int, int, int]


class Segment(NamedTuple):
    """`nbytes` bytes of a file from byte `at`, for a buffer at byte `to`, a multiple of 4."""

    at: int
    nbytes: int
    handle: Handle
    to: int


class Device(Protocol):
    """A GPU. Only `load`, `compile`, `read` and `seconds` wait; all else returns at once.

    After the device is lost every verb but `free` and `drop` raises `DeviceLost`. Errors that the
    GPU reports late are kept and raised by the next verb.
    """

    @property
    def features(self) -> frozenset[str]:
        """WebGPU feature names as the specification spells them, such as `subgroups`."""

    @property
    def limits(self) -> Mapping[str, int]:
        """WebGPU limits as the specification spells them, such as `maxBufferSize`."""

    @property
    def subgroup_size(self) -> int:
        """Threads of a subgroup, where the host knows that all have so many; else 0."""

    @property
    def info(self) -> str:
        """The adapter, for people."""

    @property
    def software(self) -> bool:
        """The adapter is a CPU that stands in for a GPU."""

    @property
    def wgsl_enables(self) -> frozenset[str]:
        """`enable` names that this host's WGSL compiler wants (Tint: subgroups)."""

    @property
    def compiles_aside(self) -> bool:
        """Whether Python can go on while `compile` is awaited."""

    def alloc(self, nbytes: int, label: str) -> Handle:
        """A zeroed buffer for storage, copies and (up to 64 KiB) uniform use, rounded up to 4."""

    def free(self, handle: Handle) -> None:
        """Destroy a buffer."""

    def write(self, handle: Handle, at: int, data: bytes) -> None:
        """Copy small data into a buffer; `at` and the length are multiples of 4."""

    def load(self, source: object, segments: Sequence[Segment]) -> Awaitable[None]:
        """Stream segments of this host's own `source` into buffers.

        A length that is no multiple of 4 is padded with zeros. In the browser Python sees none of
        the bytes. It may begin before it is awaited; what is asked of one source comes in order.
        """

    def compile(self, shaders: Sequence[Shader]) -> Awaitable[None]:
        """Build the pipelines of all these shaders; those already built cost nothing."""

    def record(self, dispatches: Sequence[Dispatch]) -> Program:
        """Make the bind groups of a list of dispatches once and keep the list for replay."""

    def drop(self, program: Program) -> None:
        """Forget a program."""

    def submit(self, programs: Sequence[Program]) -> None:
        """Replay programs, in order, in one command buffer."""

    def read(
        self, handle: Handle, at: int, nbytes: int, programs: Sequence[Program] = ()
    ) -> Awaitable[bytes]:
        """Replay programs, then copy bytes out, all in one command buffer and one crossing.

        The work is submitted when the method is called, not when its result is awaited; several
        reads may be in flight. `at` and `nbytes` are multiples of 4.
        """

    def seconds(self, programs: Sequence[Program]) -> Awaitable[float]:
        """Replay programs and tell how long it took: on the GPU, where it has `timestamp-query`.

        Else from submit to end, as the host sees it. Browsers round timestamps to 100 µs.
        """


async def opened(device: Device) -> Device:
    """A device that is open already, as something to await."""
    return device
