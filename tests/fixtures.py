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
from tests.fixture_models import MODELS, ODD, ODD_HEAD, Shape
from tests.fixture_tensors import metadata, tensors

K_TYPES = {"Q4_K": kquants.q4_k, "Q5_K": kquants.q5_k, "Q6_K": kquants.q6_k}
TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", *K_TYPES]
RANDOM_TYPES = [
    "Q2_K", "Q3_K", "IQ4_NL", "IQ4_XS", "IQ3_XXS", "IQ3_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ1_S",
    "IQ1_M", "MXFP4", "NVFP4", "Q1_0", "Q2_0", "TQ1_0", "TQ2_0",
]  # fmt: skip
"""Written as random blocks: gguf-py quantises few of them, and values hardly fit so few bits."""


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
        last = name.rpartition(".weight")[0].rpartition(".")[2]
        plain = values.ndim < 2 or "conv" in last or last.endswith("_coef")
        types[name] = "F32" if plain else weight_type
        if not plain:
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
    for key, value in metadata(shape, name).items():
        _add(writer, key, value)


def _add(writer: gguf.GGUFWriter, key: str, value: object) -> None:
    """A key of the usual type; integers are not negative."""
    integer = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    kind = gguf.GGUFValueType.UINT32 if integer else gguf.GGUFValueType.get_type(value)
    writer.add_key_value(key, value, kind)


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
