"""Every file under shaders/ compiles, in every variant, on every rung of the ladder.

This is naga's verdict; tests/browser/test_tint.py has that of Tint.
"""

import asyncio

from py_engine.gpu.native import NativeDevice
from py_engine.gpu.recorder import Library
from tests.gpu.conftest import SHADERS, natively, read_shader
from tests.shader_variants import MATRICES, RUNGS, shaders


@natively
def test_every_variant_compiles(rung: tuple[NativeDevice, Library, str]) -> None:
    device, _, name = rung
    made = shaders(read_shader, RUNGS[name], device.wgsl_enables)
    asyncio.run(device.compile(made))
    words = "".join(shader.code for shader in made)
    assert ("subgroupAdd(" in words) == ("subgroups" in RUNGS[name])


def test_the_table_of_variants_leaves_no_file_out() -> None:
    seen = set()

    def read(path: str) -> str:
        seen.add(path)
        return read_shader(path)

    for features in (*RUNGS.values(), MATRICES):
        shaders(read, features, frozenset())
    files = {file.relative_to(SHADERS).as_posix() for file in SHADERS.rglob("*.wgsl")}
    assert files - seen == set()


def test_the_floor_of_the_specification_is_enough() -> None:
    for features in (*RUNGS.values(), MATRICES):
        for shader in shaders(read_shader, features, frozenset()):
            storage = [label for label, access in shader.bindings if access != "uniform"]
            assert len(storage) <= 8, (shader.name, storage)
