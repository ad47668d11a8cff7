"""wgpu-native called past wgpu-py's wrappers, where these cost a token or offer no way.

A dispatch through the wrappers is 3.5 µs of Python, through cffi 1 µs. A shader module through
them counts every turn of every loop, to end an endless one. That keeps drivers from unrolling:
2 to 10 times slower kernels. wgpu-py is pinned, for this uses names of its inside.
"""

from collections.abc import Iterable
from typing import Any

from wgpu.backends.wgpu_native import GPUShaderModule, ffi, lib
from wgpu.backends.wgpu_native._api import libf

from py_engine.gpu.wgsl import Shader

Launch = tuple[Any, Any, tuple[int, int, int]]
"""Pipeline, bind group, workgroups."""


def shader_module(device: Any, shader: Shader) -> Any:
    """A module whose loops are trusted to end; bounds of buffers stay checked.

    Raises:
        wgpu.GPUError: the text is refused.
    """
    label, code = (ffi.new("char[]", text.encode()) for text in (shader.name, shader.code))
    source = ffi.new("WGPUShaderSourceWGSL *")
    source.chain.sType = lib.WGPUSType_ShaderSourceWGSL
    source.code.data, source.code.length = code, len(shader.code.encode())
    descriptor = ffi.new("WGPUShaderModuleDescriptor *")
    descriptor.nextInChain = ffi.cast("WGPUChainedStruct *", source)
    descriptor.label.data, descriptor.label.length = label, len(shader.name)
    checks = lib.WGPUShaderRuntimeChecks_BoundsChecks
    made = libf.wgpuDeviceCreateShaderModuleTrusted(device._internal, descriptor, checks)
    return GPUShaderModule(shader.name, made, device)


def nanoseconds_a_tick(device: Any) -> float:
    """What the GPU's timestamps count in."""
    return float(lib.wgpuQueueGetTimestampPeriod(device.queue._internal))


def replay(compute_pass: Any, launches: Iterable[Launch]) -> None:
    """Record launches into an open pass."""
    encoder = compute_pass._internal
    set_pipeline = lib.wgpuComputePassEncoderSetPipeline
    set_bind_group = lib.wgpuComputePassEncoderSetBindGroup
    dispatch = lib.wgpuComputePassEncoderDispatchWorkgroups
    current = None
    for pipeline, group, size in launches:
        if pipeline is not current:
            set_pipeline(encoder, pipeline._internal)
            current = pipeline
        set_bind_group(encoder, 0, group._internal, 0, ffi.NULL)
        dispatch(encoder, *size)
