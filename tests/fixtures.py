"""Small GGUF files with random weights: every architecture and weight type that the engine runs.

    python -m tests.fixtures OUT.gguf [--model qwen3] [--type Q4_K] [--mix Q4_K_M] [--odd] …

The same arguments give the same bytes on every machine: weights are made from integers only.
They are scaled so that attention looks at some positions more than at others and logits spread
by about 3, as in a trained model; else comparing distributions would show little.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

from py_engine.formats.quants import QUANTS
from tests import kquants
from tests.blocks import dequantize, random_rows
from tests.fixture_vocab import tokenizer_metadata

K_TYPES = {"Q4_K": kquants.q4_k, "Q5_K": kquants.q5_k, "Q6_K": kquants.q6_k}
TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", *K_TYPES]
RANDOM_TYPES = [
    "Q2_K", "Q3_K", "IQ4_NL", "IQ4_XS", "IQ3_XXS", "IQ3_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ1_S",
    "IQ1_M", "MXFP4", "NVFP4", "Q1_0", "Q2_0", "TQ1_0", "TQ2_0",
]  # fmt: skip
"""Written as random blocks: gguf-py quantises few of them, and values hardly fit so few bits."""


@dataclass(frozen=True)
class Shape:
    """The hyper-parameters of one model. head_size 0: embedding / heads, and not in the file."""

    architecture: str
    tokenizer: str = "gpt2"
    pre: str | None = None
    embedding: int = 256
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    head_size: int = 0
    feed_forward: int = 512
    vocab: int = 640
    context: int = 256
    theta: float = 10000.0
    eps: float = 1e-5
    bias: bool = False
    qk_norm: bool = False
    tied: bool = True
    rope_factors: bool = False
    linear_scaling: float = 1.0
    saved: bool = False
    drafts: int = 0

    @property
    def head(self) -> int:
        return self.head_size or self.embedding // self.heads


MODELS = {
    "llama": Shape("llama", tokenizer="llama", kv_heads=4, tied=False),  # as Llama 2
    "llama3": Shape("llama", pre="llama-bpe", theta=500000.0, rope_factors=True),  # as 3.1, 3.2
    "llama-linear": Shape("llama", tokenizer="llama", linear_scaling=4.0, tied=False),
    "qwen2": Shape("qwen2", pre="qwen2", theta=1e6, eps=1e-6, bias=True),
    "qwen3": Shape("qwen3", pre="qwen2", head_size=128, theta=1e6, eps=1e-6, qk_norm=True),
}
# No K-quants (rows are not multiples of 256), a vocabulary that four does not divide, one kv head.
ODD = {
    "embedding": 160, "layers": 1, "heads": 2, "kv_heads": 1, "feed_forward": 288, "vocab": 571,
}  # fmt: skip
ODD_HEAD = {"llama": 0, "llama3": 0, "llama-linear": 0, "qwen2": 0, "qwen3": 96}

# What llama.cpp's saver writes into every file: a key's presence says nothing. Without the prefix.
SAVED: Mapping[str, int | float | bool | str | list[int] | list[float]] = {
    "expert_count": 0, "expert_used_count": 0, "expert_weights_scale": 0.0, "expert_gating_func": 0,
    "expert_feed_forward_length": 0, "expert_group_scale": 0.05, "leading_dense_block_count": 0,
    "swiglu_clamp_exp": [0.0, 0.0], "use_parallel_residual": False, "nextn_predict_layers": 0,
    "pooling_type": 2**32 - 1, "logit_scale": 0.0, "residual_scale": 0.0, "embedding_scale": 0.0,
    "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "decoder_start_token_id": -1,
    "deepstack_mapping": [-1, -1], "attention.max_alibi_bias": 0.0, "attention.clamp_kqv": 0.0,
    "attention.scale": 0.0, "attention.output_scale": 0.0, "attention.value_scale": 0.0,
    "attention.causal": True, "attention.layer_norm_epsilon": 0.0, "attention.rope_pattern": 1,
    "attention.sliding_window": 0, "attention.q_lora_rank": 0, "attention.key_length_mla": 0,
    "attention.indexer.top_k": 0, "attention.recurrent_layers": 0, "attention.compress_ratios": 0,
    "rope.dimension_sections": [0, 0, 0, 0], "rope.freq_base_swa": 10000.0,
    "rope.scaling.type": "linear", "rope.scaling.factor": 0.0, "rope.scaling.attn_factor": 1.0,
    "rope.scaling.original_context_length": 256, "rope.scaling.finetuned": False,
    "rope.scaling.yarn_log_multiplier": 0.0, "rope.scaling.yarn_ext_factor": -1.0,
    "rope.scaling.yarn_attn_factor": 1.0, "rope.scaling.yarn_beta_fast": 32.0,
    "ssm.inner_size": 0, "kda.gate_lower_bound": -math.inf,
}  # fmt: skip
BIASED: Mapping[str, tuple[str, ...]] = {
    "llama": ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"),
    "qwen2": ("attn_q", "attn_k", "attn_v", "output"),
    "qwen3": ("attn_q", "attn_k", "attn_v"),
}
"""The matrices that may have a bias: llama.cpp, src/models/*.cpp."""

# Tensor-name patterns and their types, first match; "output" stands for a tied embedding too.
Mix = Mapping[str, str]
MIXES: dict[str, Mix] = {
    "Q4_K_M": {
        "output.weight": "Q6_K",
        "blk.0.attn_v.weight": "Q6_K",
        "blk.0.ffn_down.weight": "Q6_K",
        "*": "Q4_K",
    },
    "every": {  # stacks of one, two and three types, pairs of one and of two
        "output.weight": "Q3_K",
        "blk.0.attn_[qk].weight": "Q2_K",
        "blk.0.attn_v.weight": "IQ4_XS",
        "blk.0.attn_output.weight": "MXFP4",
        "blk.0.ffn_gate.weight": "IQ3_XXS",
        "blk.0.ffn_up.weight": "IQ3_S",
        "blk.0.ffn_down.weight": "NVFP4",
        "blk.1.attn_q.weight": "IQ2_XXS",
        "blk.1.attn_k.weight": "IQ2_XS",
        "blk.1.attn_v.weight": "IQ2_S",
        "blk.1.attn_output.weight": "Q1_0",
        "blk.1.ffn_gate.weight": "IQ4_NL",
        "blk.1.ffn_up.weight": "IQ4_NL",
        "blk.1.ffn_down.weight": "Q2_0",
        "blk.2.attn_[qk].weight": "TQ1_0",
        "blk.2.attn_v.weight": "TQ2_0",
        "blk.2.attn_output.weight": "Q4_K",
        "blk.2.ffn_gate.weight": "IQ1_S",
        "blk.2.ffn_up.weight": "IQ1_M",
        "blk.2.ffn_down.weight": "Q6_K",
        "*": "Q8_0",
    },
}


@dataclass(frozen=True)
class Spec:
    """What was written: the file or its shards in order, and what a test may want to know of it."""

    paths: tuple[Path, ...]
    model: str
    shape: Shape
    types: Mapping[str, str]  # of each tensor

    @property
    def path(self) -> Path:
        return self.paths[0]


def write(
    path: Path | str,
    model: str = "llama",
    weight_type: str = "F32",
    *,
    mix: str | Mix | None = None,
    tied: bool | None = None,
    odd: bool = False,
    saved: bool = False,
    drafts: int = 0,
    context: int | None = None,
    seed: int = 0,
    split: int | None = None,
    layers: int | None = None,
    exact: bool = False,
    texts: Mapping[str, str] | None = None,
) -> Spec:
    """Write one model file, or shards of at most `split` tensors (names get -00001-of-0000N).

    Args:
        model: a key of MODELS; `odd` takes its small, awkward form instead.
        weight_type: of all matrices, where `mix` (a key of MIXES or patterns → types) says nothing.
        tied: whether the embedding is the output matrix too; None leaves it to the model.
        saved: as llama.cpp saves its own test models: all keys and optional tensors, no tokenizer.
        drafts: blocks behind the others that only draft tokens ahead.
        layers: blocks, where other than the model's own number.
        exact: the same weights, but as the F32 values that their types make of them.
        texts: more metadata.
    """
    path, shape = Path(path), MODELS[model]
    if odd:
        shape = dataclasses.replace(shape, **ODD, head_size=ODD_HEAD[model])
    if tied is not None:
        shape = dataclasses.replace(shape, tied=tied)
    if saved:
        shape = dataclasses.replace(shape, saved=True, tied=False)
    shape = dataclasses.replace(shape, drafts=drafts, context=context or shape.context)
    shape = dataclasses.replace(shape, layers=layers or shape.layers)
    patterns = MIXES[mix] if isinstance(mix, str) else (mix or {})
    writer = gguf.GGUFWriter(path, shape.architecture, split_max_tensors=split or 0)
    write_metadata(writer, shape, f"fixture {model} {weight_type}")
    for key, text in (texts or {}).items():
        writer.add_string(key, text)
    types: dict[str, str] = {}
    for name, values in tensors(shape, seed).items():
        types[name] = weight_type if values.ndim == 2 else "F32"
        if values.ndim == 2:
            sought = "output.weight" if shape.tied and name == "token_embd.weight" else name
            matches = (kind for glob, kind in patterns.items() if fnmatchcase(sought, glob))
            types[name] = next(matches, weight_type)
        _add_tensor(writer, name, values, types[name], exact=exact and values.ndim == 2)
    paths = tuple(writer.format_shard_names(path))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return Spec(paths, model, shape, types)


def _add_tensor(
    writer: gguf.GGUFWriter, name: str, values: np.ndarray, kind: str, *, exact: bool
) -> None:
    data = quantize(values, kind)
    if exact:
        data, kind = dequantize(kind, data.view(np.uint8)), "F32"
    # Shape and id are given as they are: gguf-py knows no Q2_0.
    own = data.view(np.int8)
    writer.add_tensor(name, own, raw_shape=values.shape, raw_dtype=QUANTS[kind].id)


def write_named(path: Path | str, name: str) -> Spec:
    """`write` a model by its name in tests/vectors, such as qwen3-odd or llama-saved."""
    model, _, form = name.rpartition("-")
    forms = ("odd", "saved")
    return write(path, model, **{form: True}) if form in forms else write(path, name)


def write_metadata(writer: gguf.GGUFWriter, shape: Shape, name: str) -> None:
    writer.add_name(name)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.embedding)
    writer.add_block_count(shape.layers + shape.drafts)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(shape.eps)
    writer.add_rope_freq_base(shape.theta)
    if shape.head_size:
        writer.add_key_length(shape.head_size)
        writer.add_value_length(shape.head_size)
    if shape.architecture == "llama" or shape.saved:  # as real files: qwen ones do not say it
        writer.add_rope_dimension_count(shape.head)
        writer.add_vocab_size(shape.vocab)
    if shape.saved or shape.drafts:
        writer.add_nextn_predict_layers(shape.drafts)
    if shape.saved:
        for key, value in SAVED.items():
            if key != "nextn_predict_layers":
                _add(writer, f"{shape.architecture}.{key}", value)
        writer.add_tokenizer_model("test")
        writer.add_token_list([f"tok_{i}" for i in range(shape.vocab)])
        return
    if shape.linear_scaling != 1.0:
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(shape.linear_scaling)
    values = tokenizer_metadata(shape.vocab, shape.tokenizer, shape.pre)
    for key, value in values.items():
        _add(writer, key, value)


def _add(writer: gguf.GGUFWriter, key: str, value: object) -> None:
    """A key of the usual type; integers are not negative."""
    integer = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    kind = gguf.GGUFValueType.UINT32 if integer else gguf.GGUFValueType.get_type(value)
    writer.add_key_value(key, value, kind)


def tensors(shape: Shape, seed: int) -> dict[str, np.ndarray]:
    """All tensors by name, float32; matrices (rows, columns), in the order files have them."""
    c, f = shape.embedding, shape.feed_forward
    q, kv = shape.heads * shape.head, shape.kv_heads * shape.head
    out: dict[str, np.ndarray] = {}
    biased = BIASED[shape.architecture] if shape.saved else ("attn_q", "attn_k", "attn_v")

    def matrix(name: str, rows: int, columns: int, gain: float = 1.0) -> None:
        out[f"{name}.weight"] = (
            gain / math.sqrt(columns) * _normal(f"{name}.weight", seed, rows, columns)
        )
        if (shape.bias or shape.saved) and name.rpartition(".")[2] in biased:
            out[f"{name}.bias"] = 0.5 * _normal(f"{name}.bias", seed, rows)
        if shape.saved and name.startswith("blk."):
            out[f"{name}.input_scale"] = _normal(f"{name}.input_scale", seed, 1)

    def norm(name: str, size: int) -> None:
        out[f"{name}.weight"] = 1 + 0.25 * _normal(f"{name}.weight", seed, size)

    matrix("token_embd", shape.vocab, c, gain=3)  # 3 is the spread of the logits where it is tied
    for i in range(shape.layers + shape.drafts):
        norm(f"blk.{i}.attn_norm", c)
        for letter, rows in ("q", q), ("k", kv), ("v", kv):
            matrix(f"blk.{i}.attn_{letter}", rows, c, gain=1.5)
            if shape.qk_norm and letter != "v":
                norm(f"blk.{i}.attn_{letter}_norm", shape.head)
        matrix(f"blk.{i}.attn_output", c, q)
        norm(f"blk.{i}.ffn_norm", c)
        matrix(f"blk.{i}.ffn_gate", f, c)
        matrix(f"blk.{i}.ffn_up", f, c)
        matrix(f"blk.{i}.ffn_down", c, f, gain=2)
        if i >= shape.layers:
            matrix(f"blk.{i}.nextn.eh_proj", c, 2 * c)
            norm(f"blk.{i}.nextn.enorm", c)
            norm(f"blk.{i}.nextn.hnorm", c)
    norm("output_norm", c)
    if not shape.tied:
        matrix("output", shape.vocab, c, gain=3)
    if shape.saved and shape.architecture == "qwen3":
        out["cls.output.weight"] = _normal("cls.output.weight", seed, c)
    if shape.rope_factors:
        out["rope_freqs.weight"] = np.array(rope_factors(shape.head, shape.theta))
    return {name: values.astype(np.float32) for name, values in out.items()}


def rope_factors(head: int, theta: float, factor: float = 8, original: int = 32) -> list[float]:
    """What divides each frequency in Llama 3.1 (its "llama3" rope type: low 1, high 4).

    The original context is 32 positions and not 8192, so that a short test sees every band.
    """
    factors = []
    for i in range(head // 2):
        turns = original / (2 * math.pi * theta ** (2 * i / head))
        smooth = min(max((turns - 1) / 3, 0), 1)
        factors.append(1 / ((1 - smooth) / factor + smooth))
    return factors


def _normal(name: str, seed: int, *shape: int) -> np.ndarray:
    """Nearly normal values of variance 1, float64: sums of four 16-bit integers, exact anywhere."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    sums = rng.integers(-(2**15), 2**15, (4, *shape), dtype=np.int32).sum(axis=0)
    return sums * (math.sqrt(3) / 2**16)


def quantize(values: np.ndarray, kind: str) -> np.ndarray:
    """Float32 values (…, columns) in the given type, as gguf-py wants to write them."""
    if kind in RANDOM_TYPES:
        return random_blocks(values, kind)
    if kind not in K_TYPES:
        return gguf.quants.quantize(values, Type[kind])
    blocks = K_TYPES[kind](values.reshape(-1, 256))
    return blocks.reshape(values.shape[0], -1)


def random_blocks(values: np.ndarray, kind: str) -> np.ndarray:
    """Random blocks of a type whose weights spread as the values do, and the same for the same."""
    seed, size = zlib.crc32(values.tobytes()), 0.0
    for _ in range(2):
        rng = np.random.default_rng(seed)
        blocks = random_rows(kind, *values.shape, rng, (size, size))
        size += math.log10(values.std() / dequantize(kind, blocks).std())
    return random_rows(kind, *values.shape, np.random.default_rng(seed), (size, size))


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a small GGUF file with random weights.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", choices=MODELS, default="llama")
    parser.add_argument("--type", choices=TYPES + RANDOM_TYPES, default="F32", dest="weight_type")
    parser.add_argument("--mix", choices=MIXES)
    parser.add_argument("--tied", action=argparse.BooleanOptionalAction)
    parser.add_argument("--odd", action="store_true")
    parser.add_argument("--saved", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", type=int, metavar="TENSORS", help="tensors per shard")
    arguments = vars(parser.parse_args())
    spec = write(arguments.pop("out"), **arguments)
    print(*spec.paths, sep="\n")


if __name__ == "__main__":
    main()
