"""The device over wgpu-py: Vulkan, Metal or D3D12, from CPython.

Knows wgpu and nothing else of the engine but the contract in device.py. The waiting verbs block
the thread: natively one program has one conversation, and wgpu-py's own promises poll slowly.
"""

import struct
import time
from collections.abc import Awaitable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, cast

import wgpu
import wgpu.backends.wgpu_native

from py_engine.base.errors import (
    DeviceLost,
    DeviceMemory,
    DeviceRefused,
    MissingFeature,
    ShaderError,
)
from py_engine.gpu.device import Dispatch, Handle, Program, Segment
from py_engine.gpu.wgpu_direct import Launch, nanoseconds_a_tick, replay, shader_module
from py_engine.gpu.wgsl import Shader

_FEATURES = {
    "subgroup": "subgroups",
    "timestamp-query": "timestamp-query",
}
"""wgpu's names of the features that we ask for, and the specification's."""
_UNIFORM_BYTES = 65536
_STAGING_BYTES = 4096
"""A read of at most this many bytes takes a staging buffer that is kept and used again."""


class Streamable(Protocol):
    """A source that the native host can stream: see hosts/files.py."""

    def chunks(self, at: int, nbytes: int) -> Iterator[memoryview]: ...


@contextmanager
def _loss_told() -> Iterator[None]:
    """Raise wgpu's word that the device is lost, a validation error, as `DeviceLost`."""
    try:
        yield
    except wgpu.GPUError as error:
        if "device is lost" not in str(error):
            raise
        raise DeviceLost(str(error).splitlines()[-1].strip()) from error


class NativeDevice:
    """A GPU behind wgpu-py. See `Device` for the verbs."""

    compiles_aside = False

    def __init__(self, withhold: Collection[str] = (), *, default_limits: bool = False) -> None:
        """Open the best adapter.

        Raises:
            MissingFeature: there is no GPU.
            DeviceRefused: its driver does not open it.

        Args:
            withhold: features to leave out, to run a lower rung of the ladder.
            default_limits: keep WebGPU's default limits although the adapter has more.
        """
        try:
            adapter = wgpu.gpu.request_adapter_sync(power_preference="high-performance")
        except RuntimeError as error:
            raise MissingFeature(
                f"no GPU was found: {error}",
                "Install a Vulkan driver (on Debian and Ubuntu a software one: "
                "apt install mesa-vulkan-drivers), or use --host browser.",
            ) from error
        names = [n for n, spec in _FEATURES.items() if n in adapter.features]
        names = [n for n in names if _FEATURES[n] not in withhold]
        limits = {} if default_limits else _wanted_limits(adapter.limits)
        try:
            device = adapter.request_device_sync(required_features=names, required_limits=limits)
        except RuntimeError as error:
            raise DeviceRefused(" ".join(str(error).split())) from error
        self._device = cast(Any, device)
        self.features = frozenset(_FEATURES[name] for name in names)
        self.limits = {_camel(name): value for name, value in self._device.limits.items()}
        self.subgroup_size = 0  # wgpu-py gives every adapter the same range: probe.py finds it
        self.info = f"{adapter.info['device']} ({adapter.info['backend_type']})"
        self.software: bool = adapter.info["adapter_type"] == "CPU"
        self.driver: str = adapter.info["description"]
        self.wgsl_enables: frozenset[str] = frozenset()
        self._buffers: dict[Handle, Any] = {}
        self._programs: dict[Program, list[Launch]] = {}
        self._pipelines: dict[str, tuple[Any, Any]] = {}
        self._layouts: dict[tuple[str, ...], tuple[Any, Any]] = {}
        self._staging: list[Any] = []
        self._next = 1

    @_loss_told()
    def alloc(self, nbytes: int, label: str) -> Handle:
        usage = wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC | wgpu.BufferUsage.COPY_DST
        if nbytes <= _UNIFORM_BYTES:
            usage |= wgpu.BufferUsage.UNIFORM
        size = (nbytes + 3) // 4 * 4
        try:
            buffer = self._device.create_buffer(label=label, size=size, usage=usage)
        except wgpu.GPUOutOfMemoryError as error:
            raise DeviceMemory(nbytes, None, label) from error
        return self._keep(self._buffers, buffer)

    def free(self, handle: Handle) -> None:
        self._buffers.pop(handle).destroy()

    @_loss_told()
    def write(self, handle: Handle, at: int, data: bytes | memoryview) -> None:
        self._device.queue.write_buffer(self._buffers[handle], at, data)

    async def load(self, source: object, segments: Sequence[Segment]) -> None:
        for segment in segments:
            self._bring(cast(Streamable, source), *segment)

    def _bring(self, source: Streamable, at: int, nbytes: int, handle: Handle, to: int) -> None:
        carry = b""
        for chunk in source.chunks(at, nbytes):
            data = carry + bytes(chunk) if carry else chunk
            whole = len(data) // 4 * 4
            if whole:
                self.write(handle, to, data[:whole])
            to += whole
            carry = bytes(data[whole:])
        if carry:
            self.write(handle, to, carry.ljust(4, b"\0"))

    async def compile(self, shaders: Sequence[Shader]) -> None:
        for shader in shaders:
            if shader.code in self._pipelines:
                continue
            try:
                with _loss_told():
                    kinds = tuple(kind for _, kind in shader.bindings)
                    layout, pipeline_layout = self._layout(kinds)
                    module = shader_module(self._device, shader)
                    pipeline = self._device.create_compute_pipeline(
                        label=shader.name,
                        layout=pipeline_layout,
                        compute={"module": module, "entry_point": "main"},
                    )
            except wgpu.GPUError as error:
                raise ShaderError(shader.name, str(error), shader.code) from error
            self._pipelines[shader.code] = (pipeline, layout)

    @_loss_told()
    def record(self, dispatches: Sequence[Dispatch]) -> Program:
        return self._keep(self._programs, [self._bind(dispatch) for dispatch in dispatches])

    def drop(self, program: Program) -> None:
        del self._programs[program]

    @_loss_told()
    def submit(self, programs: Sequence[Program]) -> None:
        self._submit(self._encode(programs))

    @_loss_told()
    def read(
        self, handle: Handle, at: int, nbytes: int, programs: Sequence[Program] = ()
    ) -> Awaitable[bytes]:
        return self._copied(self._encode(programs), self._buffers[handle], at, nbytes)

    async def seconds(self, programs: Sequence[Program]) -> float:
        timed = "timestamp-query" in self.features
        if timed and not programs:
            return 0.0  # without a pass nothing writes timestamps
        begin = time.perf_counter()
        with _loss_told():
            usage = wgpu.BufferUsage.QUERY_RESOLVE | wgpu.BufferUsage.COPY_SRC
            times = self._device.create_buffer(size=16, usage=usage)
            try:
                if timed:
                    queries = self._device.create_query_set(type="timestamp", count=2)
                    indices = {"beginning_of_pass_write_index": 0, "end_of_pass_write_index": 1}
                    encoder = self._encode(programs, {"query_set": queries, **indices})
                    encoder.resolve_query_set(queries, 0, 2, times, 0)
                else:
                    encoder = self._encode(programs)
                data = await self._copied(encoder, times, 0, 16)
            finally:
                times.destroy()
        if not timed:
            return time.perf_counter() - begin
        begin_tick, end_tick = struct.unpack("<2Q", data)
        return float(end_tick - begin_tick) * nanoseconds_a_tick(self._device) / 1e9

    def _copied(self, encoder: Any, buffer: Any, at: int, nbytes: int) -> Awaitable[bytes]:
        """Submit what was encoded, and a copy of a buffer's bytes for us."""
        staging = self._take(nbytes)
        try:
            encoder.copy_buffer_to_buffer(buffer, at, staging, 0, nbytes)
            self._submit(encoder)
        except BaseException:
            staging.destroy()
            raise
        return self._fetch(staging, nbytes)

    async def _fetch(self, staging: Any, nbytes: int) -> bytes:
        try:
            staging.map_sync("READ_NOSYNC", 0, nbytes)
            data = bytes(staging.read_mapped(0, nbytes))
            staging.unmap()
        except BaseException as error:
            staging.destroy()
            if isinstance(error, RuntimeError):
                raise DeviceLost(str(error)) from error
            raise
        if staging.size == _STAGING_BYTES:
            self._staging.append(staging)
        else:
            staging.destroy()
        return data

    def _take(self, nbytes: int) -> Any:
        if nbytes <= _STAGING_BYTES and self._staging:
            return self._staging.pop()
        usage = wgpu.BufferUsage.MAP_READ | wgpu.BufferUsage.COPY_DST
        return self._device.create_buffer(size=max(nbytes, _STAGING_BYTES), usage=usage)

    def _encode(self, programs: Sequence[Program], timestamps: Any = None) -> Any:
        encoder = self._device.create_command_encoder()
        if programs:
            compute = encoder.begin_compute_pass(timestamp_writes=timestamps)
            for program in programs:
                replay(compute, self._programs[program])
            compute.end()
        return encoder

    def _submit(self, encoder: Any) -> None:
        self._device.queue.submit([encoder.finish()])

    def _bind(self, dispatch: Dispatch) -> Launch:
        pipeline, layout = self._pipelines[dispatch.shader.code]
        entries = [
            {
                "binding": i,
                "resource": {"buffer": self._buffers[b.handle], "offset": b.at, "size": b.nbytes},
            }
            for i, b in enumerate(dispatch.bindings)
        ]
        return (
            pipeline,
            self._device.create_bind_group(layout=layout, entries=entries),
            dispatch.groups,
        )

    def _layout(self, kinds: tuple[str, ...]) -> tuple[Any, Any]:
        if kinds not in self._layouts:
            types = {"read": "read-only-storage", "read_write": "storage", "uniform": "uniform"}
            entries = [
                {
                    "binding": i,
                    "visibility": wgpu.ShaderStage.COMPUTE,
                    "buffer": {"type": types[kind]},
                }
                for i, kind in enumerate(kinds)
            ]
            layout = self._device.create_bind_group_layout(entries=entries)
            whole = self._device.create_pipeline_layout(bind_group_layouts=[layout])
            self._layouts[kinds] = (layout, whole)
        return self._layouts[kinds]

    def _keep(self, table: dict[int, Any], thing: Any) -> int:
        handle = self._next
        self._next += 1
        table[handle] = thing
        return handle


def _wanted_limits(limits: dict[str, int]) -> dict[str, int]:
    names = (
        "max-buffer-size",
        "max-storage-buffer-binding-size",
        "max-compute-workgroup-storage-size",
    )
    return {name: limits[name] for name in names}


def _camel(name: str) -> str:
    first, *rest = name.split("-")
    return first + "".join(word.capitalize() for word in rest)
