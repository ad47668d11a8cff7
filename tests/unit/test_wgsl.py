"""The shader loader: holes filled, includes spliced, the interface read back, mistakes refused."""

import re
import struct

import pytest

from py_engine.gpu.wgsl import Shader, Value, load

FILES = {
    "kernel.wgsl": """\
// out = x

override N: u32 = 4;           // elements
override FAST: bool = true;
// #include "lib/add.wgsl"
// #include "lib/twice.wgsl"
struct Params {
    n: u32,
    offset: i32,
    eps: f32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(9) var<uniform> params: Params;
""",
    "lib/add.wgsl": '// #include "lib/base.wgsl"\nfn add() {}\n',
    "lib/twice.wgsl": '// #include "lib/base.wgsl"\nfn twice() {}\n',
    "lib/base.wgsl": """\
override WIDTH: u32 = 2;
const ON: bool = true;
const WIDER: u32 = WIDTH * 2u;
const HALF: f32 = 0.5;
fn base() {}
""",
    "lib/other.wgsl": "@group(0) @binding(3) var<storage, read> bias: array<f32>;\nfn add() {}\n",
    "lib/clash.wgsl": "@group(0) @binding(5) var<storage, read> bias: array<f32>;\n",
    "lib/again.wgsl": '// #include "lib/add.wgsl"\n',
    "plain.wgsl": "@group(0) @binding(0) var<storage, read_write> out: array<f32>;\n",
}


def kernel(
    constants: dict[str, Value] | None = None, includes: dict[str, str] | None = None
) -> Shader:
    return load(FILES.__getitem__, "kernel", constants=constants, includes=includes)


def test_defaults_and_values() -> None:
    code = kernel().code
    assert "const N: u32 = 4;" in code and "const FAST: bool = true;" in code
    assert "override" not in code
    code = kernel({"N": 7, "FAST": False, "WIDTH": 9}).code
    assert "const N: u32 = 7;" in code and "const FAST: bool = false;" in code
    assert "const WIDTH: u32 = 9;" in code


def test_constants_and_includes_are_data() -> None:
    """Those of an include and defaults too; what is no number in the text is left out."""
    shader = kernel({"N": 7, "FAST": False}, {"lib/add.wgsl": "lib/other.wgsl"})
    assert shader.constants == {"N": 7, "FAST": 0, "ON": 1, "WIDTH": 2}
    assert shader.includes == {"lib/add.wgsl": "lib/other.wgsl"}
    plain = load(FILES.__getitem__, "plain")
    assert not plain.constants and not plain.includes


def test_an_unknown_constant_is_refused() -> None:
    with pytest.raises(KeyError, match=r"declares no \['M', 'Z'\]"):
        kernel({"N": 1, "Z": 1, "M": 2})


def test_an_include_comes_once_and_before_its_user() -> None:
    code = kernel().code
    assert code.count("fn base()") == 1
    assert code.index("fn base()") < code.index("fn add()") < code.index("fn twice()")
    assert "#include" not in code


def test_an_include_may_stand_for_another() -> None:
    code = kernel(includes={"lib/add.wgsl": "lib/other.wgsl"}).code
    assert "bias" in code and code.count("fn add()") == 1 and code.count("fn base()") == 1


def test_bindings_are_numbered_without_gaps() -> None:
    plain = kernel()
    assert plain.bindings == (("x", "read"), ("out", "read_write"), ("params", "uniform"))
    assert [int(n) for n in re.findall(r"@binding\((\d+)\)", plain.code)] == [0, 1, 2]
    biased = kernel(includes={"lib/add.wgsl": "lib/other.wgsl"})
    assert [name for name, _ in biased.bindings] == ["x", "bias", "out", "params"]
    assert "@binding(1) var<storage, read> bias" in biased.code
    assert "@binding(2) var<storage, read_write> out" in biased.code


def test_two_bindings_of_one_number_are_refused() -> None:
    with pytest.raises(ValueError, match="one number"):
        kernel(includes={"lib/add.wgsl": "lib/clash.wgsl"})


def test_params_are_packed_in_the_shader_s_order() -> None:
    shader = kernel()
    assert shader.params == (("n", "u32"), ("offset", "i32"), ("eps", "f32"))
    assert shader.pack({"eps": 0.5, "n": 7, "offset": -1}) == struct.pack("<Iif", 7, -1, 0.5)
    for wrong in ({"n": 1}, {"n": 1, "offset": 0, "eps": 0.0, "more": 1}, {}):
        with pytest.raises(TypeError, match="Params are"):
            shader.pack(wrong)
    assert load(FILES.__getitem__, "plain").params == ()


def test_a_missing_file_says_which() -> None:
    with pytest.raises(KeyError, match="nowhere"):
        load(FILES.__getitem__, "nowhere")
