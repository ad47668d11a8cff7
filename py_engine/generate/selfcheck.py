"""The self-check: each pipeline that a model is about to use is run once on a known answer.

Drivers differ in what their compilers get wrong, and a wrong sum in a kernel is a model that talks
nonsense. A kernel that fails takes its plain form, and the reader is told. The runs of all
pipelines go in one submit, with one readback.
"""

import struct
from collections.abc import Sequence

from py_engine.generate.answer import UNTOUCHED, Known, floats
from py_engine.generate.known import known
from py_engine.gpu.device import Device, Dispatch
from py_engine.gpu.recorder import Library
from py_engine.gpu.tensor import Memory, Tensor
from py_engine.gpu.wgsl import Shader

_TOLERANCE = 1e-3
"""Of the largest value; kernels differ by the order of their sums and by their exp."""
_ALIGNED = 256


class SelfCheck:
    """Checks the shaders of one device, each once."""

    def __init__(self, library: Library, device: Device) -> None:
        self._library, self._device = library, device
        self._checked: set[str] = set()

    async def check(self, shaders: Sequence[Shader]) -> bool:
        """Run what was not yet checked, all of it compiled.

        True: a kernel failed, and the library gives another form of it from now on.
        """
        fresh = {one.code: one for one in shaders if one.code not in self._checked}
        self._checked |= fresh.keys()
        changed = False
        for shader in await self.wrong(list(fresh.values())):
            name = shader.name
            if self._library.degrade(shader):
                changed = True
                self._warn(f"{name} fails its check on this GPU; a slower form of it is used.")
            else:
                self._warn(f"{name} computes wrong results on this GPU: do not trust its replies.")
        return changed

    def _warn(self, warning: str) -> None:
        text = f"The kernel {warning}"
        if text not in self._library.warnings:
            self._library.warnings.append(text)

    async def wrong(self, shaders: Sequence[Shader]) -> list[Shader]:
        """Those of these shaders, all compiled, that give other results than they must."""
        runs = [(shader, known(shader)) for shader in shaders]
        if not runs:
            return []
        sizes = [_rounded(4 * len(run.want)) for _, run in runs]
        memory = Memory(self._device)
        try:
            results = memory.tensor((sum(sizes) // 4,), "results of the self-check")
            self._device.write(results.handle, 0, floats(UNTOUCHED) * (sum(sizes) // 4))
            dispatches, at = [], 0
            for (shader, run), size in zip(runs, sizes, strict=True):
                out = Tensor(results.handle, (size // 4,), at=at)
                dispatches.append(_dispatch(memory, shader, run, out))
                at += size
            program = self._device.record(dispatches)
            data = await self._device.read(results.handle, 0, at, [program])
            self._device.drop(program)
        finally:
            memory.close()
        wrong, at = [], 0
        for (shader, run), size in zip(runs, sizes, strict=True):
            if not _agrees(run, data[at : at + size]):
                wrong.append(shader)
            at += size
        return wrong


def _dispatch(memory: Memory, shader: Shader, run: Known, out: Tensor) -> Dispatch:
    slots = []
    for label, _ in shader.bindings:
        if label == "params":
            wanted = {name: run.params[name] for name, _ in shader.params}
            slots.append(memory.params(shader.pack(wanted)))
        else:
            data, tensor = run.inputs.get(label, b""), out
            if label != run.out:
                nbytes = _rounded(max(len(data), run.sizes.get(label, 0)))
                tensor = memory.tensor((nbytes // 4,), f"self-check's {label}", "u32")
            if data:
                memory.device.write(tensor.handle, tensor.at, data)
            slots.append(tensor.binding())
    return Dispatch(shader, tuple(slots), run.groups)


def _rounded(nbytes: int) -> int:
    return -(-max(nbytes, 1) // _ALIGNED) * _ALIGNED


def _agrees(run: Known, data: bytes) -> bool:
    got = struct.unpack_from(f"<{run.form or 'f' * len(run.want)}", data)
    allowed = _TOLERANCE * max(1.0, *map(abs, run.want))
    return all(abs(a - b) <= allowed for a, b in zip(got, run.want, strict=True))  # NaN: False
