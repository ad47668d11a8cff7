"""Collect dispatches into a list that a device can replay.

`Library` gives shaders in the variant that the device's features call for: with subgroups, or
plain. `Recorder` binds tensors to a shader's names. Both are synchronous; pipelines are compiled
and programs made later, all together.
"""

from collections.abc import Callable, Mapping
from functools import cache

from py_engine.gpu.device import Binding, Device, Dispatch
from py_engine.gpu.tensor import Memory, Tensor
from py_engine.gpu.wgsl import Shader, Value, load

_MATRICES = "chromium-experimental-subgroup-matrix"
"""Of WebGPU's features, so far behind a flag; a device has it if the sizes are matmul_matrix's."""
_MATRIX_SHARED_BYTES = 32768
"""What the largest tiles of matmul_matrix share."""
SINGLE = {"lib/reduce_rows.wgsl": "lib/reduce_rows_single.wgsl"}
"""The form for workgroups that are no larger than a subgroup."""
_SUBGROUP_FORMS = {
    "lib/reduce.wgsl": "lib/reduce_subgroup.wgsl",
    "lib/reduce_rows.wgsl": "lib/reduce_rows_subgroup.wgsl",
}
"""The files that have a form for devices with subgroups."""
_NEED_SUBGROUPS = {*SINGLE.values(), *_SUBGROUP_FORMS.values()}


class Library:
    """Shaders by name for one device.

    Args:
        read: gives the text of a path below shaders/.
        device: its features choose the variants.
    """

    def __init__(self, read: Callable[[str], str], device: Device) -> None:
        self._read = cache(read)
        self._enables = device.wgsl_enables
        self._shaders: dict[object, Shader] = {}
        self._software = device.software
        self.subgroups = "subgroups" in device.features
        self.shared_bytes = device.limits["maxComputeWorkgroupStorageSize"]
        self.subgroup_size = device.subgroup_size if self.subgroups else 0
        self._multiplies = (
            _MATRICES in device.features and self.shared_bytes >= _MATRIX_SHARED_BYTES
        )
        self.tilings: dict[tuple[str, int], tuple[int, ...]] = {}
        """What was tuned on this device: a kernel's tiling by a weight's type and columns."""
        self.warnings: list[str] = []
        """What does not work on this device as it should, for people."""
        self._plain: set[str] = set()

    def forgo_subgroups(self, name: str | None = None) -> None:
        """From now on give the plain variant of one shader, or of all."""
        if name is None:
            self.subgroups, self.subgroup_size = False, 0
        else:
            self._plain.add(name)
        self._shaders.clear()

    def degrade(self, shader: Shader) -> bool:
        """From now on give a simpler form of a shader; False if there is none."""
        if not shader.uses_subgroups:
            return False
        if shader.name == "matmul_matrix":
            self._multiplies = False
        elif SINGLE.items() <= shader.includes.items():
            self.subgroup_size = 0  # its size may differ from kernel to kernel
        else:
            self.forgo_subgroups(shader.name)
        return True

    @property
    def matrices(self) -> bool:
        """Subgroups multiply matrices: f16 in, f32 out."""
        return self._multiplies and self.subgroup_size == 32

    @property
    def narrow(self) -> bool:
        """Subgroups are a CPU's, where each barrier ends a loop over the threads."""
        return self._software and 0 < self.subgroup_size <= 8

    def threads(self, usual: int, least: int = 1) -> int:
        """Threads for a workgroup that takes any power of two from `least`."""
        if not self.narrow:
            return usual
        return max(self.subgroup_size, 1 << (least - 1).bit_length())

    def shader(
        self, name: str, constants: Mapping[str, Value], includes: Mapping[str, str]
    ) -> Shader:
        """The shader with these constants; the same request gives the same object."""
        key = (name, frozenset(constants.items()), frozenset(includes.items()))
        if key not in self._shaders:
            self._shaders[key] = load(
                self._read,
                name,
                includes=self._chosen(name, includes),
                constants=constants,
                enables=self._enables,
            )
        return self._shaders[key]

    def _chosen(self, name: str, includes: Mapping[str, str]) -> dict[str, str]:
        if self.subgroups and name not in self._plain:
            return {**_SUBGROUP_FORMS, **includes}
        return {path: form for path, form in includes.items() if form not in _NEED_SUBGROUPS}


class Recorder:
    """A growing list of dispatches over the buffers of one `Memory`."""

    def __init__(self, library: Library, memory: Memory) -> None:
        self.library = library
        self.memory = memory
        self.dispatches: list[Dispatch] = []
        limits = memory.device.limits
        self._widest = limits["maxComputeWorkgroupsPerDimension"]

    def run(
        self,
        name: str,
        groups: int | tuple[int, int, int],
        buffers: Mapping[str, Tensor | Binding],
        *,
        params: Mapping[str, int | float] | None = None,
        includes: Mapping[str, str] | None = None,
        **constants: Value,
    ) -> None:
        """Append one launch of the shader `name`.

        Args:
            groups: workgroups, each dimension within the device's limit. An int is spread over
                two: such a shader counts by `group.x + group.y * groups.x` and guards the end.
            buffers: a tensor for each binding name of the shader, except `params`.
            params: the fields of the shader's `Params`.

        Raises:
            ValueError: more workgroups in a dimension than the device takes.
        """
        if isinstance(groups, int):
            groups = (*self.spread(groups), 1)
        if max(groups) > self._widest:
            raise ValueError(f"{name}: {groups} workgroups; a dimension takes {self._widest}")
        shader = self.library.shader(name, constants, includes or {})
        slots: dict[str, Tensor | Binding] = dict(buffers)
        if shader.params or params:
            slots["params"] = self.memory.params(shader.pack(params or {}))
        labels = [label for label, _ in shader.bindings]
        if slots.keys() != set(labels):
            raise TypeError(f"{name}: bindings are {sorted(labels)}, got {sorted(slots)}")
        self.dispatches.append(
            Dispatch(
                shader,
                tuple([_binding(slots[label]) for label in labels]),
                groups,
            )
        )

    def spread(self, groups: int) -> tuple[int, int]:
        """So many workgroups or a few more, as two dimensions that the device takes."""
        rows = -(-groups // self._widest)
        return -(-groups // rows), rows


def _binding(slot: Tensor | Binding) -> Binding:
    return slot if isinstance(slot, Binding) else slot.binding()
