"""The device over `navigator.gpu`, from Pyodide: the Python half of web/engine/gpu.js.

Each verb is one call of a bound JavaScript function with numbers, strings or bytes. Nothing but
this file and hosts/worker.py touches JavaScript; `rebuilt` makes its errors ours.
"""

import json
from array import array
from collections.abc import Awaitable, Callable, Generator, Sequence
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar, cast

from pyodide.ffi import JsException, to_js

from py_engine.base.errors import (
    DeviceLost,
    DeviceMemory,
    DeviceRefused,
    InferaivedError,
    MissingFeature,
    ShaderError,
    SourceError,
)
from py_engine.gpu.device import Dispatch, Handle, Program, Segment
from py_engine.gpu.wgsl import Shader

T = TypeVar("T")


class Streamable(Protocol):
    """A source that this host can stream: a file in web/engine/files.js's table."""

    id: int


class BrowserDevice:
    """A GPU behind web/engine/gpu.js. See `Device` for the verbs; `free` and `drop` never raise."""

    compiles_aside = True

    def __init__(self, gpu: Any) -> None:
        about = json.loads(gpu.describe())
        self.features = frozenset(about["features"])
        self.limits: dict[str, int] = about["limits"]
        self.subgroup_size: int = about["subgroupSize"]
        self.info: str = about["info"]
        self.software: bool = about["software"]
        self.wgsl_enables = self.features & {"subgroups"}
        self._pipelines: dict[str, int] = {}
        # Bound once: to look a method up costs four times the call.
        self._alloc, self._free, self._write, self._load = gpu.alloc, gpu.free, gpu.write, gpu.load
        self._compile, self._record, self._drop = gpu.compile, gpu.record, gpu.drop
        self._submit, self._read, self._seconds = gpu.submit, gpu.read, gpu.seconds
        self._close = gpu.close

    def alloc(self, nbytes: int, label: str) -> Handle:
        try:
            return cast(int, self._alloc(nbytes, label))
        except JsException as error:
            raise rebuilt(error) from None

    def free(self, handle: Handle) -> None:
        self._free(handle)

    def write(self, handle: Handle, at: int, data: bytes) -> None:
        try:
            self._write(handle, at, to_js(data))
        except JsException as error:
            raise rebuilt(error) from None

    def load(self, source: object, segments: Sequence[Segment]) -> Awaitable[None]:
        try:
            file = cast(Streamable, source).id
            promise = self._load(file, *chain.from_iterable(segments))
            return _Promise(promise, lambda _: None)
        except JsException as error:
            raise rebuilt(error) from None

    async def compile(self, shaders: Sequence[Shader]) -> None:
        fresh = {shader.code: shader for shader in shaders if shader.code not in self._pipelines}
        if not fresh:
            return
        wanted = list(fresh.values())
        texts = [
            {"name": s.name, "code": s.code, "bindings": [access for _, access in s.bindings]}
            for s in wanted
        ]
        try:
            numbers = json.loads(await self._compile(json.dumps(texts)))
        except JsException as error:
            if error.name != "ShaderError":
                raise rebuilt(error) from None
            refused = wanted[cast(Any, error).index]
            raise ShaderError(refused.name, error.message, refused.code) from None
        self._pipelines.update(zip(fresh, numbers, strict=True))

    def record(self, dispatches: Sequence[Dispatch]) -> Program:
        flat = array("I")  # 32 bits, as web/engine/gpu.js reads it
        for dispatch in dispatches:
            flat.append(self._pipelines[dispatch.shader.code])
            flat.extend(dispatch.groups)
            flat.append(len(dispatch.bindings))
            for binding in dispatch.bindings:
                flat.extend((binding.handle, binding.at, binding.nbytes))
        try:
            return cast(int, self._record(to_js(flat.tobytes())))
        except JsException as error:
            raise rebuilt(error) from None

    def drop(self, program: Program) -> None:
        self._drop(program)

    def submit(self, programs: Sequence[Program]) -> None:
        try:
            self._submit(*programs)
        except JsException as error:
            raise rebuilt(error) from None

    def read(
        self, handle: Handle, at: int, nbytes: int, programs: Sequence[Program] = ()
    ) -> Awaitable[bytes]:
        try:
            promise = self._read(handle, at, nbytes, *programs)
            return _Promise(promise, lambda data: cast(bytes, data.to_bytes()))
        except JsException as error:
            raise rebuilt(error) from None

    def seconds(self, programs: Sequence[Program]) -> Awaitable[float]:
        return _Promise(self._seconds(*programs), float)

    def close(self) -> None:
        """Destroy the device and with it every buffer."""
        self._close()


class _Promise(Generic[T]):
    """What is under way. Not a coroutine, so that it may also be left unawaited."""

    def __init__(self, promise: Any, take: Callable[[Any], T]) -> None:
        self._promise, self._take = promise, take

    def __await__(self) -> Generator[Any, None, T]:
        try:
            result = yield from self._promise.__await__()
        except JsException as error:
            raise rebuilt(error) from None
        return self._take(result)


def rebuilt(error: Any) -> Exception:
    """Our own exception for one of web/base/adapter.js, base/source.js or engine/gpu.js."""
    made: InferaivedError
    match error.name:
        case "DeviceLost":
            made = DeviceLost(error.message)
        case "DeviceMemory":
            made = DeviceMemory(error.nbytes, error.limit or None, error.message)
        case "DeviceRefused":
            made = DeviceRefused(error.message)
        case "MissingFeature":
            made = MissingFeature(error.message, error.hint)
        case "SourceError":
            made = SourceError(error.code, error.source, error.message, error.hint)
        case _:
            return RuntimeError(f"{error.name}: {error.message}")
    return made
