"""Hyper-parameters: what is refused by name, and that no file makes loading slow or large."""

import asyncio
import dataclasses
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from py_engine.base.errors import (
    BadTensor,
    InferaivedError,
    LongContext,
    NotGenerative,
    UnsupportedConfig,
    UnsupportedModel,
    UnusedTensors,
)
from py_engine.engine import CONTEXT
from py_engine.formats.gguf import GGUF, MetaValue, read_gguf
from py_engine.gpu.dry import DryDevice
from py_engine.gpu.tensor import Memory
from py_engine.hosts.files import open_sources
from py_engine.layers.config import Config
from py_engine.layers.rotation import Scaling
from py_engine.models import built
from py_engine.ops.attention import Heads, most_positions, partial_size
from tests import fixture_saved, fixtures

PLAIN: Mapping[str, MetaValue] = {
    "block_count": 2,
    "embedding_length": 256,
    "feed_forward_length": 512,
    "context_length": 4096,
    "attention.head_count": 4,
    "attention.layer_norm_rms_epsilon": 1e-5,
}
NAN, INF = float("nan"), float("inf")


class Read(NamedTuple):
    """What a llama reads."""

    block_count: int
    context_length: int
    heads: list[Heads]
    inner: list[int]
    turns: list[float]
    magnitude: float


def config(change: Mapping[str, MetaValue | None]) -> Read:
    """What is read with some keys changed; None leaves one out."""
    values = {key: value for key, value in {**PLAIN, **change}.items() if value is not None}
    read = Config({f"llama.{key}": value for key, value in values.items()}, "llama")
    read.neutral("expert_count", 0)
    blocks = range(read.block_count)
    heads = [read.heads(i, neox=True) for i in blocks]
    inner = [read.feed_forward(i) for i in blocks]
    scaling, base = Scaling.read(read), read.real("rope.freq_base", 10000.0)
    turns = scaling.frequencies(base, heads[0].rot)
    return Read(read.block_count, read.context_length, heads, inner, turns, scaling.multiplied)


def test_what_is_not_said_has_a_default() -> None:
    plain = config({})
    assert plain.heads == [Heads(4, 4, 64, 64, True)] * 2
    assert plain.turns == [10000.0 ** (-i / 32) for i in range(32)]
    assert (plain.magnitude, plain.context_length) == (1.0, 4096)


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
    assert read.heads == [Heads(4, 2, 128, 32, True)] * 2
    assert read.turns == [5e5 ** (-i / 16) / 4 for i in range(16)]
    assert read.context_length == 1024


def test_blocks_may_differ() -> None:
    read = config(
        {
            "attention.head_count": [4, 2],
            "attention.head_count_kv": [2, 1],
            "feed_forward_length": [512, 544],
        }
    )
    assert [(heads.H, heads.K, heads.D) for heads in read.heads] == [(4, 2, 64), (2, 1, 64)]
    assert read.inner == [512, 544]


TYPE, FACTOR, OLD = "rope.scaling.type", "rope.scaling.factor", "rope.scale_linear"
SCALED: list[tuple[Mapping[str, MetaValue], float]] = [
    ({FACTOR: 4.0}, 0.25),
    ({FACTOR: 4}, 0.25),
    ({FACTOR: 0.5}, 2.0),
    ({TYPE: "linear", FACTOR: 4.0}, 0.25),
    ({TYPE: "linear", FACTOR: 0.0}, 1.0),
    ({TYPE: "linear"}, 1.0),
    ({OLD: 2.0}, 0.5),
    ({OLD: 0.0}, 1.0),
    ({TYPE: "linear", OLD: 2.0}, 0.5),
    ({FACTOR: 4.0, OLD: 2.0}, 0.25),
    ({FACTOR: 0.0, OLD: 2.0}, 1.0),
    ({TYPE: "none"}, 1.0),
    ({TYPE: "none", FACTOR: 4.0}, 1.0),
    ({TYPE: "none", OLD: 4.0}, 1.0),
    ({TYPE: "yarn", FACTOR: 1.0}, 1.0),
    ({TYPE: "yarn", FACTOR: 0.0}, 1.0),
]


@pytest.mark.parametrize(("change", "scale"), SCALED)
def test_positions_are_scaled_as_llama_cpp_does(
    change: Mapping[str, MetaValue], scale: float
) -> None:
    """What it does with these keys: src/llama-model.cpp, load_hparams; src/llama-context.cpp."""
    read = config(change)
    assert read.turns == pytest.approx([scale * turn for turn in config({}).turns])
    assert read.magnitude == 1


def test_neutral_values_refuse_nothing() -> None:
    """A key's presence says nothing: llama.cpp's saver writes all that it knows."""
    plain = config({"attention.head_count_kv": 4})
    assert config(fixture_saved.SAVED) == plain
    for key, values in {
        "expert_count": (0,),
        "attention.max_alibi_bias": (0.0,),
        "attention.clamp_kqv": (0.0,),
        "logit_scale": (0.0, 0.5),
        "residual_scale": (0.0, 0.22),
        "embedding_scale": (0.0, 12.0),
        "attn_logit_softcapping": (50.0,),
        "rope.scaling.yarn_ext_factor": (-1.0, 0.0),
        "attention.sliding_window": (0,),
        "pooling_type": (0, -1, 2**32 - 1),
        "attention.causal": (True,),
        "nextn_predict_layers": (0,),
        "feed_forward_length": ([512, 512],),
        "attention.head_count": ([4, 4],),
        "attention.head_count_kv": ([4, 4],),
    }.items():
        for value in values:
            assert config({"attention.head_count_kv": 4, key: value}) == plain, key


def test_a_context_beyond_what_the_rotation_counts_is_cut() -> None:
    """10 485 760 are Llama 4 Scout's; 4096 of them are as good as anybody's."""
    for length in (10_485_760, 2**31, 2**64 - 1):
        assert config({"context_length": length}).context_length == 2**20
        window = {"context_length": length, "attention.sliding_window": length}
        assert config(window).context_length == 2**20
    assert config({"context_length": 2**31, "attention.sliding_window": 8}).context_length == 8


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("pooling_type", 1, "embedding model"),
        ("pooling_type", 2, "embedding model"),
        ("pooling_type", 3, "embedding model"),
        ("pooling_type", 4, "reranker"),
        ("attention.causal", False, "both directions"),
    ],
)
def test_a_model_that_writes_no_text_is_refused_as_what_it_is(
    key: str, value: MetaValue, kind: str
) -> None:
    with pytest.raises(NotGenerative, match=f"{kind}.*does not write text.*{key}") as caught:
        config({key: value})
    assert "chat" in caught.value.hint


def test_an_epsilon_of_0_is_as_small_as_keeps_zeros() -> None:
    """The norm of a row of zeros would be 0 · 1 / √0; other rows shall not see it."""
    values = {**PLAIN, "attention.layer_norm_rms_epsilon": 0.0}
    read = Config({f"llama.{key}": value for key, value in values.items()}, "llama")
    assert 1e-37 < read.eps < 1e-20


def test_draft_blocks_do_not_run() -> None:
    assert config({"nextn_predict_layers": 1}).block_count == 1


@pytest.mark.parametrize(
    ("heads", "largest"),
    [
        (Heads(32, 8, 128, 128, True), 2**27),
        (Heads(40, 8, 128, 128, True), 2**28),
        (Heads(64, 1, 64, 64, True), 2**27),  # what the splits leave is more than the cache
        (Heads(2, 2, 8, 8, True), 2**27),
    ],
)
def test_the_longest_cache_is_the_longest(heads: Heads, largest: int) -> None:
    def fits(positions: int) -> bool:
        cached = 2 * heads.K * heads.D * positions
        return max(cached, 4 * partial_size(heads, positions)) <= largest

    most = most_positions(heads, largest)
    assert fits(most) and not fits(most + 1)


REFUSED: list[tuple[str, MetaValue | None]] = [
    *((key, None) for key in PLAIN),
    *((key, value) for key in ("block_count", "context_length", "attention.head_count")
      for value in (0, -1, 1.0, "2", True, [])),
    *((key, value) for key in ("block_count", "attention.head_count") for value in (10**9, 2**63)),
    *((key, value) for key in ("embedding_length", "feed_forward_length")
      for value in (0, 31, 48, 2**20 + 32, [512])),
    *((key, [2, -1]) for key in ("attention.head_count", "attention.head_count_kv")),
    *((key, [2, 2]) for key in ("block_count", "context_length", "embedding_length")),
    ("attention.head_count", 3),
    ("attention.head_count_kv", 0),
    ("attention.head_count_kv", 3),
    ("attention.head_count_kv", 8),
    ("attention.key_length", 0),
    ("attention.key_length", 60),
    ("attention.key_length", 520),
    ("attention.value_length", 32),
    ("rope.dimension_count", 66),
    ("rope.dimension_count", 7),
    ("rope.dimension_count", 0),
    *(("attention.layer_norm_rms_epsilon", value) for value in (-1e-5, NAN, INF, "x", None)),
    *(("rope.freq_base", value) for value in (0.0, -1.0, NAN, INF, "x")),
    *((TYPE, value) for value in ("ntk", "", 3)),
    *((key, value) for key in (FACTOR, OLD) for value in (-1.0, NAN, INF, "4", True, [4.0])),
    ("rope.scaling.attn_factor", NAN),
    ("expert_count", 8),
    ("expert_count", "8"),
    ("attention.sliding_window", -5),
    ("pooling_type", 7),
    ("pooling_type", "mean"),
    *(("nextn_predict_layers", value) for value in (2, 3, -1, 1.0, "1")),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), REFUSED)
def test_what_is_not_supported_is_refused_by_name(key: str, value: MetaValue | None) -> None:
    with pytest.raises(UnsupportedConfig) as caught:
        config({key: value})
    assert caught.value.key == f"llama.{key}" and caught.value.hint


def test_yarn_slows_long_waves_only() -> None:
    """Short ones turn as before, those longer than the original context by the factor slower."""
    original = {"rope.scaling.original_context_length": 1024}
    read, plain = config({TYPE: "yarn", FACTOR: 4.0, **original}), config({})
    ratios = [a / b for a, b in zip(read.turns, plain.turns, strict=True)]
    assert ratios == sorted(ratios, reverse=True)
    assert (ratios[0], ratios[-1]) == (1.0, 0.25)
    assert read.magnitude == pytest.approx(1 + 0.1 * math.log(4))
    cancelled = {"rope.scaling.yarn_log_multiplier": 1.0}
    assert config({TYPE: "yarn", FACTOR: 4.0, **cancelled}).magnitude == 1.0
    assert config({"rope.scaling.attn_factor": 1.19}).magnitude == 1.19


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
    built(changed, Memory(device), context, usual=CONTEXT)
    return device.nbytes


CONTRADICTIONS: list[tuple[Mapping[str, MetaValue], type[InferaivedError]]] = [
    ({"llama.block_count": 3}, BadTensor),
    ({"llama.block_count": 1}, UnusedTensors),
    ({"llama.block_count": 2**20}, BadTensor),
    ({"llama.block_count": 10**9}, UnsupportedConfig),
    ({"llama.block_count": 2**64 - 1, "llama.nextn_predict_layers": 2**64 - 2}, UnsupportedConfig),
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


@pytest.mark.parametrize("model", ["hunyuan-dense", "hunyuan_vl"])
@pytest.mark.parametrize("alpha", [-1.0, 1e300, NAN, INF, "x"])
def test_an_alpha_that_makes_no_base_is_refused(
    model: str, alpha: MetaValue, tmp_path: Path
) -> None:
    spec = fixtures.write(tmp_path / "m.gguf", model)
    (source,) = open_sources(str(spec.path))
    try:
        gguf = asyncio.run(read_gguf(source))
    finally:
        source.close()
    key = f"{model}.rope.scaling.alpha"
    build(gguf, {key: 0.0})  # none
    with pytest.raises(UnsupportedConfig) as caught:
        build(gguf, {key: alpha})
    assert caught.value.key == key and caught.value.hint


def test_a_model_without_a_tensor_names_it(whole: GGUF) -> None:
    for name in whole.tensors:
        if name == "output.weight":
            continue  # a model may do without
        rest = {other: info for other, info in whole.tensors.items() if other != name}
        with pytest.raises(BadTensor, match=name.replace(".", r"\.")):
            build(dataclasses.replace(whole, tensors=rest), {})


@pytest.mark.parametrize(
    "part", ["attn_norm.scale", "attn_norm.bias", "attn_sinks", "ffn_gate_inp.weight"]
)
def test_a_tensor_that_nothing_uses_is_refused_by_name(whole: GGUF, part: str) -> None:
    extra = dataclasses.replace(whole.tensors["output_norm.weight"], name=f"blk.1.{part}")
    more = {extra.name: extra, "other": dataclasses.replace(extra, name="other")}
    with pytest.raises(UnusedTensors, match=f"{part} and 1 more"):
        build(dataclasses.replace(whole, tensors={**whole.tensors, **more}), {})


@pytest.mark.parametrize("kind", ["bias", "scale"])
def test_a_bias_or_scale_of_what_is_no_product_is_refused(whole: GGUF, kind: str) -> None:
    extra = dataclasses.replace(whole.tensors["output_norm.weight"], name=f"token_embd.{kind}")
    with pytest.raises(UnusedTensors, match=rf"token_embd\.{kind}"):
        build(dataclasses.replace(whole, tensors={**whole.tensors, extra.name: extra}), {})


def test_a_context_that_no_buffer_holds_says_which_does(whole: GGUF) -> None:
    """128 MiB at 512 bytes a position."""
    million = {"llama.context_length": 2**20}
    assert build(whole, million) > 0  # the default is shorter
    with pytest.raises(LongContext, match=r"1048576 tokens.*128 MiB") as caught:
        build(whole, million, context=2**20)
    assert caught.value.hint == "Load this model with a context of up to 262144."
    assert build(whole, million, context=262144) >= 2 * 2 * 2**27
    with pytest.raises(LongContext):
        build(whole, million, context=262145)
