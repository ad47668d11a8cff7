"""Tensors as records, and the memory they lie in.

A tensor has no operators: `ops.add(rec, a, b)`, never `a + b`. `Memory` owns every buffer of one
loaded model, so that closing it, or failing half-way, frees them all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from py_engine.base.errors import DeviceMemory
from py_engine.gpu.device import Binding, Device, Handle

SIZES = {"f32": 4, "u32": 4}

_SLOT = 256
"""Alignment of a uniform binding, WebGPU's default `minUniformBufferOffsetAlignment`."""
_SLOTS = 256
"""Slots in one parameter buffer: 64 KiB, the largest uniform binding of the default limits."""


@dataclass(frozen=True)
class Tensor:
    """A view of a buffer: `shape` elements of `dtype` from byte `at`."""

    handle: Handle
    shape: tuple[int, ...]
    dtype: str = "f32"
    at: int = 0

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * SIZES[self.dtype]

    def binding(self) -> Binding:
        return Binding(self.handle, self.at, max(self.nbytes, 4))


class Memory:
    """The buffers and parameter slots of one model on one device."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.nbytes = 0
        """Bytes allocated so far."""
        self._handles: list[Handle] = []
        self._slots: dict[bytes, Binding] = {}
        self._used = _SLOTS

    @property
    def largest(self) -> int:
        """Bytes of the largest buffer that a kernel can see whole."""
        limits = self.device.limits
        return min(limits["maxBufferSize"], limits["maxStorageBufferBindingSize"])

    def tensor(self, shape: Iterable[int], label: str, dtype: str = "f32") -> Tensor:
        """A zeroed tensor in a buffer of its own, since barriers are tracked per buffer."""
        shape = tuple(shape)
        nbytes = prod(shape) * SIZES[dtype]
        return Tensor(self.buffer(max(nbytes, 4), label), shape, dtype)

    def buffer(self, nbytes: int, label: str) -> Handle:
        """A zeroed buffer, checked against the device's limits first."""
        if nbytes > self.largest:
            raise DeviceMemory(nbytes, self.largest, label)
        handle = self.device.alloc(nbytes, label)
        self._handles.append(handle)
        self.nbytes += nbytes
        return handle

    def params(self, data: bytes) -> Binding:
        """A uniform slot that holds `data`; equal data share a slot."""
        if data not in self._slots:
            if self._used == _SLOTS:
                self._params = self.buffer(_SLOT * _SLOTS, "params")
                self._used = 0
            at = self._used * _SLOT
            self._used += 1
            self.device.write(self._params, at, data)
            self._slots[data] = Binding(self._params, at, _SLOT)
        return self._slots[data]

    def close(self) -> None:
        """Free every buffer; the object is empty afterwards."""
        for handle in self._handles:
            self.device.free(handle)
        self._handles.clear()
        self._slots.clear()
        self._used = _SLOTS
        self.nbytes = 0
