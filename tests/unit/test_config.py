"""Hyper-parameters: what is refused by name, and that no file makes loading slow or large."""

import asyncio
import dataclasses
import time
from collections.abc import Mapping

import pytest

from py_engine.base.errors import (
    BadTensor,
    DeviceMemory,
    InferaivedError,
    UnsupportedConfig,
    UnsupportedModel,
    UnusedTensors,
)
from py_engine.engine import _build
from py_engine.formats.gguf import GGUF, MetaValue, read_gguf
from py_engine.gpu.dry import DryDevice
from py_engine.gpu.tensor import Memory
from py_engine.hosts.files import open_sources
from py_engine.layers.config import Config
from tests import fixtures

PLAIN: Mapping[str, MetaValue] = {
    "block_count": 2,
    "embedding_length": 256,
    "feed_forward_length": 512,
    "context_length": 4096,
    "attention.head_count": 4,
    "attention.layer_norm_rms_epsilon": 1e-5,
}
NAN, INF = float("nan"), float("inf")


def config(change: Mapping[str, MetaValue | None]) -> Config:
    """The configuration with some keys changed; None leaves one out."""
    values = {key: value for key, value in {**PLAIN, **change}.items() if value is not None}
    return Config.read({f"llama.{key}": value for key, value in values.items()}, "llama", neox=True)


def test_what_is_not_said_has_a_default() -> None:
    plain = config({})
    assert (plain.heads.H, plain.heads.K, plain.heads.D, plain.heads.rot) == (4, 4, 64, 64)
    assert (plain.freq_base, plain.freq_scale, plain.context_length) == (10000.0, 1.0, 4096)


def test_what_is_said_is_read() -> None:
    read = config(
        {
            "attention.head_count_kv": 2,
            "attention.key_length": 128,
            "attention.value_length": 128,
            "rope.dimension_count": 32,
            "rope.freq_base": 5e5,
            "rope.scaling.type": "linear",
            "rope.scaling.factor": 4.0,
            "attention.sliding_window": 1024,
        }
    )
    assert (read.heads.H, read.heads.K, read.heads.D, read.heads.rot) == (4, 2, 128, 32)
    assert (read.freq_base, read.freq_scale, read.context_length) == (5e5, 0.25, 1024)
    assert config({"rope.scale_linear": 2.0}).freq_scale == 0.5
    assert config({"rope.scaling.type": "none"}).freq_scale == 1.0
    assert config({"expert_count": 0, "attention.clamp_kqv": 0.0}).block_count == 2


REFUSED: list[tuple[str, MetaValue | None]] = [
    *((key, None) for key in PLAIN),
    *((key, value) for key in ("block_count", "context_length", "attention.head_count")
      for value in (0, -1, 10**9, 2**63, 1.0, "2", True, [2, 2])),
    *((key, value) for key in ("embedding_length", "feed_forward_length")
      for value in (0, 31, 48, 2**20 + 32, [512, 512])),
    ("attention.head_count", 3),
    ("attention.head_count_kv", 0),
    ("attention.head_count_kv", 3),
    ("attention.head_count_kv", 8),
    ("attention.head_count_kv", [4, 2]),
    ("attention.key_length", 0),
    ("attention.key_length", 60),
    ("attention.key_length", 512),
    ("attention.value_length", 32),
    ("rope.dimension_count", 66),
    ("rope.dimension_count", 7),
    ("rope.dimension_count", 0),
    *(("attention.layer_norm_rms_epsilon", value) for value in (0.0, -1e-5, NAN, INF, "x", None)),
    *(("rope.freq_base", value) for value in (0.0, -1.0, NAN, INF, "x")),
    ("rope.scaling.type", "yarn"),
    ("rope.scaling.type", "longrope"),
    ("rope.scaling.type", 3),
    ("rope.scale_linear", 0.0),
    ("expert_count", 8),
    ("attention.alibi_bias_max", 8.0),
    ("attention.clamp_kqv", 1.0),
    ("attention.scale", 0.25),
    ("logit_scale", 0.5),
    ("attention.sliding_window", -5),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), REFUSED)
def test_what_is_not_supported_is_refused_by_name(key: str, value: MetaValue | None) -> None:
    with pytest.raises(UnsupportedConfig) as caught:
        config({key: value})
    assert caught.value.key == f"llama.{key}" and caught.value.hint


def test_linear_scaling_without_its_factor_is_refused() -> None:
    with pytest.raises(UnsupportedConfig, match=r"rope\.scaling\.factor"):
        config({"rope.scaling.type": "linear"})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> GGUF:
    """The header of a model that runs."""
    spec = fixtures.write(tmp_path_factory.mktemp("config") / "m.gguf", "llama", "Q8_0")
    (source,) = open_sources(str(spec.path))
    try:
        return asyncio.run(read_gguf(source))
    finally:
        source.close()


def build(gguf: GGUF, change: Mapping[str, MetaValue], context: int | None = None) -> int:
    """Make the buffers of a changed model on no device; their bytes."""
    device = DryDevice()
    changed = dataclasses.replace(gguf, metadata={**gguf.metadata, **change})
    _build(changed, Memory(device), context)
    return device.nbytes


CONTRADICTIONS: list[tuple[Mapping[str, MetaValue], type[InferaivedError]]] = [
    ({"llama.block_count": 3}, BadTensor),
    ({"llama.block_count": 1}, UnusedTensors),
    ({"llama.block_count": 2**20}, BadTensor),
    ({"llama.block_count": 10**9}, UnsupportedConfig),
    ({"llama.embedding_length": 512, "llama.rope.dimension_count": 128}, BadTensor),
    ({"llama.feed_forward_length": 256}, BadTensor),
    ({"llama.feed_forward_length": 2**20}, BadTensor),
    ({"llama.embedding_length": 2**20, "llama.attention.head_count": 2**12}, InferaivedError),
    ({"llama.attention.head_count": 8, "llama.rope.dimension_count": 32}, BadTensor),
    ({"llama.attention.head_count_kv": 2}, BadTensor),
    ({"llama.attention.key_length": 128}, InferaivedError),
    ({"llama.attention.head_count": 0}, UnsupportedConfig),
    ({"llama.attention.layer_norm_rms_epsilon": NAN}, UnsupportedConfig),
    ({"general.architecture": "mamba"}, UnsupportedModel),
    ({"general.architecture": "../llama"}, UnsupportedModel),
    ({"general.architecture": 7}, UnsupportedModel),
    ({"general.architecture": "qwen3"}, UnsupportedConfig),
]


@pytest.mark.parametrize(("change", "error"), CONTRADICTIONS)
def test_contradictions_fail_clearly_and_at_once(
    whole: GGUF, change: Mapping[str, MetaValue], error: type[InferaivedError]
) -> None:
    started = time.process_time()
    with pytest.raises(error) as caught:
        build(whole, change)
    assert time.process_time() - started < 5  # to make what is claimed takes far longer
    assert str(caught.value) and caught.value.hint


def test_a_model_without_a_tensor_names_it(whole: GGUF) -> None:
    for name in whole.tensors:
        if name == "output.weight":
            continue  # a model may do without
        rest = {other: info for other, info in whole.tensors.items() if other != name}
        with pytest.raises(BadTensor, match=name.replace(".", r"\.")):
            build(dataclasses.replace(whole, tensors=rest), {})


@pytest.mark.parametrize("part", ["attn_q.bias", "attn_output.bias", "ffn_up.bias", "attn_sinks"])
def test_a_tensor_that_nothing_uses_is_refused_by_name(whole: GGUF, part: str) -> None:
    extra = dataclasses.replace(whole.tensors["output_norm.weight"], name=f"blk.1.{part}")
    more = {extra.name: extra, "other": dataclasses.replace(extra, name="other")}
    with pytest.raises(UnusedTensors, match=f"{part} and 1 more"):
        build(dataclasses.replace(whole, tensors={**whole.tensors, **more}), {})


def test_a_context_that_no_buffer_holds(whole: GGUF) -> None:
    assert build(whole, {"llama.context_length": 2**20}) > 0  # the default is shorter
    with pytest.raises(DeviceMemory):
        build(whole, {"llama.context_length": 2**20}, context=2**20)
