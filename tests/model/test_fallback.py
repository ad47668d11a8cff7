"""A model on a GPU whose kernels go wrong: it answers as ever, more slowly, and says so."""

import asyncio
import re
from collections.abc import Callable

import pytest

from py_engine.engine import Engine, load
from py_engine.generate.sampling import Sampling
from py_engine.gpu.device import opened as ready
from py_engine.gpu.native import NativeDevice
from py_engine.gpu.recorder import Library
from py_engine.hosts.files import open_sources
from py_engine.hosts.native import LibraryEncoder
from py_engine.hosts.shaders import read_shader
from tests.fixtures import Spec, write
from tests.model.conftest import replied

Rung = tuple[NativeDevice, Library, str]
GREEDY = Sampling(temperature=0, max_tokens=6)
PROMPT = list(range(5, 45))
SINGLE, ROWS, ONE = (
    f"lib/reduce_{name}.wgsl" for name in ("rows_single", "rows_subgroup", "subgroup")
)
BROKEN = {(SINGLE,): "matvec", (SINGLE, ROWS): "matvec", (ONE,): "sample_scan"}
"""Files in which subgroups add wrongly, and a kernel that must be named for it."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    return write(tmp_path_factory.mktemp("model") / "m.gguf", "qwen3", "Q4_K")


def opened(model: Spec, device: NativeDevice, read: Callable[[str], str]) -> Engine:
    return asyncio.run(load(open_sources(str(model.path)), ready(device), LibraryEncoder, read))


@pytest.mark.parametrize("rung", ["subgroups"], indirect=True)
@pytest.mark.parametrize("files", BROKEN)
def test_wrong_sums_cost_speed_and_no_answer(
    rung: Rung, model: Spec, files: tuple[str, ...]
) -> None:
    device, _, _ = rung

    def read(path: str) -> str:
        text = read_shader(path)
        return (
            re.sub(r"= (subgroupAdd\((x|values))", r"= 2.0 * \1", text) if path in files else text
        )

    right, engine = opened(model, device, read_shader), opened(model, device, read)
    try:
        assert right.info["warnings"] == []
        warnings = " ".join(engine.info["warnings"])
        assert f"kernel {BROKEN[files]} " in warnings and "slower form" in warnings
        assert replied(engine, PROMPT, GREEDY).ids == replied(right, PROMPT, GREEDY).ids
        assert "wrong results" not in " ".join(engine.info["warnings"])
    finally:
        right.close()
        engine.close()


@pytest.mark.parametrize("rung", ["subgroups"], indirect=True)
def test_what_only_a_prompt_uses_is_told_with_its_reply(rung: Rung, model: Spec) -> None:
    device, _, _ = rung

    def read(path: str) -> str:
        text = read_shader(path).replace("inverseSqrt(reduce_sum", "inverseSqrt(2.0 * reduce_sum")
        return text if path == "rms_norm.wgsl" else read_shader(path)

    assert read("rms_norm.wgsl") != read_shader("rms_norm.wgsl")
    engine = opened(model, device, read)
    assert engine.info["warnings"] == []
    slower, wrong = replied(engine, PROMPT, GREEDY).warnings
    assert "kernel rms_norm fails its check" in slower
    assert "kernel rms_norm computes wrong results" in wrong
    assert replied(engine, PROMPT, GREEDY).warnings == []
    engine.close()


@pytest.mark.parametrize("rung", ["subgroups"], indirect=True)
def test_a_kernel_without_another_form_is_named(rung: Rung, model: Spec) -> None:
    device, _, _ = rung

    def read(path: str) -> str:
        return read_shader(path).replace("return 1.0 / (1.0", "return 1.0 / (3.0")

    assert read("lib/sigmoid.wgsl") != read_shader("lib/sigmoid.wgsl")
    engine = opened(model, device, read)
    wrong = " ".join(text for text in engine.info["warnings"] if "wrong results" in text)
    assert "kernel matvec " in wrong and "sample" not in wrong
    engine.close()
