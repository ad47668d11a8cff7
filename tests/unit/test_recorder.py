"""Recording dispatches, and the dry device that counts what a model would take."""

from pathlib import Path

import pytest

from py_engine.base.errors import DeviceMemory
from py_engine.gpu.device import Binding
from py_engine.gpu.dry import DEFAULT_LIMITS, DryDevice
from py_engine.gpu.recorder import Library, Recorder
from py_engine.gpu.tensor import Memory, Tensor
from py_engine.gpu.wgsl import Value

SHADERS = Path(__file__).parents[2] / "shaders"


def read(path: str) -> str:
    return (SHADERS / path).read_text(encoding="utf-8")


def recorder(device: DryDevice | None = None) -> Recorder:
    device = device or DryDevice()
    return Recorder(Library(read, device), Memory(device))


def norm(rec: Recorder, eps: float = 1e-5, groups: int | tuple[int, int, int] = 3) -> None:
    memory = rec.memory
    buffers = {
        "x": memory.tensor((3, 8), "x"),
        "weight": memory.tensor((8,), "weight"),
        "out": memory.tensor((3, 8), "out"),
        "state": memory.tensor((4,), "state", "u32"),
    }
    rec.run("rms_norm", groups, buffers, params={"eps": eps, "scale": 1.0}, C=8)


def test_buffers_are_bound_in_the_shader_s_order() -> None:
    rec = recorder()
    norm(rec)
    (dispatch,) = rec.dispatches
    assert [label for label, _ in dispatch.shader.bindings] == [
        "x", "weight", "out", "state", "params"
    ]  # fmt: skip
    assert [binding.nbytes for binding in dispatch.bindings] == [96, 32, 96, 16, 256]
    assert dispatch.groups == (3, 1, 1)


@pytest.mark.parametrize("change", ["missing", "unknown"])
def test_wrong_buffers_are_refused(change: str) -> None:
    rec = recorder()
    tensor = rec.memory.tensor((8,), "any")
    names = ["x", "weight", "out"] if change == "missing" else ["x", "weight", "out", "state", "y"]
    with pytest.raises(TypeError, match="bindings are"):
        rec.run("rms_norm", 1, dict.fromkeys(names, tensor), params={"eps": 0.0, "scale": 1.0}, C=8)
    assert not rec.dispatches


def test_equal_requests_share_a_shader_and_a_slot() -> None:
    rec = recorder()
    norm(rec)
    norm(rec)
    norm(rec, eps=1e-6)
    one, two, three = rec.dispatches
    assert one.shader is two.shader is three.shader
    assert one.bindings[-1] == two.bindings[-1] != three.bindings[-1]
    assert three.bindings[-1].at % 256 == 0


def test_more_parameters_than_one_buffer_holds() -> None:
    rec = recorder()
    slots = {rec.memory.params(bytes([i % 256, i // 256, 0, 0])) for i in range(600)}
    assert len(slots) == 600 and len({slot.handle for slot in slots}) == 3
    assert all(slot.at + slot.nbytes <= 65536 for slot in slots)


@pytest.mark.parametrize("groups", [1, 65535, 65536, 200000, 2**31])
def test_a_count_of_groups_is_spread_over_two_dimensions(groups: int) -> None:
    rec = recorder()
    norm(rec, groups=groups)
    x, y, z = rec.dispatches[0].groups
    assert z == 1 and max(x, y) <= 65535
    assert groups <= x * y < groups + y
    norm(rec, groups=(5, 6, 7))
    assert rec.dispatches[1].groups == (5, 6, 7)


@pytest.mark.parametrize("groups", [(65536, 1, 1), (1, 65536, 1), (1, 1, 65536), 2**32])
def test_more_groups_than_a_dimension_takes_are_refused(
    groups: int | tuple[int, int, int],
) -> None:
    rec = recorder()
    with pytest.raises(ValueError, match=r"rms_norm: .* a dimension takes 65535"):
        norm(rec, groups=groups)
    assert not rec.dispatches


def test_features_choose_the_variant() -> None:
    plain = Library(read, DryDevice()).shader("rms_norm", {"C": 8}, {})
    assert "subgroupAdd" not in plain.code and "enable" not in plain.code
    device = DryDevice(frozenset({"subgroups"}))
    assert "subgroupAdd" in Library(read, device).shader("rms_norm", {"C": 8}, {}).code
    device.wgsl_enables = frozenset({"subgroups"})
    library = Library(read, device)
    assert library.shader("rms_norm", {"C": 8}, {}).code.startswith("enable subgroups;\n")
    assert library.subgroups
    matmul = library.shader("matmul", {}, {"lib/weight.wgsl": "lib/weight_f32.wgsl"})
    assert "enable" not in matmul.code


def test_a_failing_form_gives_way_to_the_next_one() -> None:
    """Two shaders fail at once: each is given the next form, none is skipped."""
    library = Library(read, DryDevice(frozenset({"subgroups"})))
    library.subgroup_size = 32
    weight = {"lib/weight.wgsl": "lib/weight_q8_0.wgsl"}
    single = weight | {"lib/reduce_rows.wgsl": "lib/reduce_rows_single.wgsl"}
    failed = [library.shader("matvec", {"K": 256, "R": rows}, single) for rows in (2, 4)]
    assert [library.degrade(shader) for shader in failed] == [True, True]
    assert library.subgroup_size == 0
    shader = library.shader("matvec", {"K": 256}, weight)
    assert "lib/reduce_rows_subgroup.wgsl" in shader.includes.values()
    assert library.degrade(shader)
    shader = library.shader("matvec", {"K": 256}, weight)
    assert "subgroupAdd" not in shader.code
    assert not library.degrade(shader)


def test_matrices_are_multiplied_by_subgroups_of_32() -> None:
    features = frozenset({"subgroups", "shader-f16", "chromium-experimental-subgroup-matrix"})
    limits = DEFAULT_LIMITS | {"maxComputeWorkgroupStorageSize": 32768}
    library = Library(read, DryDevice(features, limits))
    assert not library.matrices  # nothing has told the size yet
    library.subgroup_size = 32
    assert library.matrices
    constants: dict[str, Value] = {"K": 256, "TM": 64, "TN": 64}
    weight = {"lib/weight.wgsl": "lib/weight_q8_0.wgsl"}
    assert library.degrade(library.shader("matmul_matrix", constants, weight))
    assert not library.matrices
    assert library.subgroup_size == 32
    assert not Library(read, DryDevice(features)).matrices  # the default limits share too little


def test_only_a_cpu_is_narrow() -> None:
    """GPUs have subgroups of 8, too."""
    device = DryDevice(frozenset({"subgroups"}))
    for software, size, narrow in ((True, 8, True), (False, 8, False), (True, 32, False)):
        device.software = software
        library = Library(read, device)
        library.subgroup_size = size
        assert library.narrow is narrow
        assert library.threads(128, 16) == (16 if narrow else 128)


def test_memory_counts_checks_and_frees() -> None:
    device = DryDevice()
    memory = Memory(device)
    tensor = memory.tensor((3, 5), "a")
    empty = memory.tensor((0,), "none")
    assert tensor.nbytes == 60 and memory.nbytes == device.nbytes == 64
    assert empty.binding().nbytes == 4  # a binding is never empty
    memory.params(b"1234")
    memory.close()
    assert memory.nbytes == device.nbytes == 0 and not device.buffers
    assert memory.params(b"1234").handle in device.buffers  # not a slot of a freed buffer


@pytest.mark.parametrize("limit", ["maxBufferSize", "maxStorageBufferBindingSize"])
def test_a_buffer_beyond_the_limits_is_refused_before_it_is_made(limit: str) -> None:
    device = DryDevice(limits={**DEFAULT_LIMITS, limit: 1000})
    memory = Memory(device)
    memory.buffer(1000, "fits")
    with pytest.raises(DeviceMemory, match="the keys"):
        memory.buffer(1004, "the keys")
    assert device.nbytes == 1000


def test_memory_of_an_unknown_size_is_not_called_0_mib() -> None:
    assert str(DeviceMemory(0, None, "the cache")) == "not enough GPU memory for the cache"
    assert "the cache: it needs 2 MiB, and 1 MiB is" in str(DeviceMemory(2**21, 2**20, "the cache"))


def test_views() -> None:
    view = Tensor(7, (2, 3), at=512)
    assert view.binding() == Binding(7, 512, 24)
