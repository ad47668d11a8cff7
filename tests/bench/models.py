"""GGUF files of real models' shapes with random weights: good for speed, not for quality.

Dimensions, metadata and the size of the vocabulary are the real models'; its words are made up
(vocabulary.py) and the text that comes out is noise. Weights are random bytes, except for the
scales of the blocks, which give every matrix about unit gain, so that activations stay finite.
Standard library only, Python 3.10: it runs where nothing can be installed.

    python3 -m tests.bench.models FOLDER qwen3-0.6b:Q4_K
"""

import hashlib
import math
import random
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.vocabulary import tokenizer_metadata


@dataclass(frozen=True)
class Shape:
    """A decoder's dimensions, as its GGUF metadata says them; the output matrix is tied."""

    architecture: str
    layers: int
    embedding: int
    heads: int
    kv_heads: int
    head: int
    feed_forward: int
    context: int
    pre: str
    vocab: int
    unused: int
    """Tokens at the end of the vocabulary that no text gives."""
    theta: float
    eps: float
    qk_norm: bool = False
    rope_factor: float = 0.0
    """Llama 3's: stretches a context of 8192; 0 is none."""


QWEN3 = Shape(
    architecture="qwen3", layers=28, embedding=1024, heads=16, kv_heads=8, head=128,
    feed_forward=3072, context=40960, pre="qwen2", vocab=151936, unused=267, theta=1e6, eps=1e-6,
    qk_norm=True,
)  # fmt: skip
SHAPES = {
    "qwen3-0.6b": QWEN3,
    "llama-1b": Shape(
        architecture="llama", layers=16, embedding=2048, heads=32, kv_heads=8, head=64,
        feed_forward=8192, context=131072, pre="llama-bpe", vocab=128256, unused=252, theta=5e5,
        eps=1e-5, rope_factor=32.0,
    ),
    "tiny": replace(
        QWEN3, layers=2, embedding=256, heads=4, kv_heads=2, head=64, feed_forward=512,
        context=2048, vocab=12288, unused=5,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Quant:
    """A tensor type: its id in GGUF, weights and bytes of a block, and where its scales are.

    `scales` are (offset in the block, divisor): the half there is 1 / sqrt(K) / divisor, which
    gives weights of a standard deviation near 1 / sqrt(K), and offsets that make their mean zero.
    """

    id: int
    block: int
    nbytes: int
    scales: tuple[tuple[int, float], ...]


# Q4_K: scale and offset are 6-bit numbers times the two halves; 258 is the deviation of their
# product with random nibbles, 7.5 the mean nibble. Q6_K: int8 scales times numbers of -32 to 31.
QUANTS = {
    "Q4_0": Quant(2, 32, 18, ((0, 4.6),)),
    "Q8_0": Quant(8, 32, 34, ((0, 74.0),)),
    "Q4_K": Quant(12, 256, 144, ((0, 258.0), (2, 258.0 / 7.5))),
    "Q6_K": Quant(14, 256, 210, ((208, 1366.0),)),
    "F16": Quant(1, 1, 2, ()),
}
EMBEDDING = {"Q4_K": "Q6_K", "Q4_0": "Q6_K"}
"""What llama.cpp makes the tied embedding where the rest is of this type; else the same."""

ALIGNMENT = 32
CHUNK = 1 << 24  # bytes of random weights at a time


def parse(spec: str) -> tuple[str, str]:
    """`SHAPE:TYPE`, checked.

    Raises:
        ValueError: no such shape or type.
    """
    shape, _, kind = spec.partition(":")
    if shape not in SHAPES or kind not in QUANTS:
        known = f"shapes {', '.join(SHAPES)}; types {', '.join(QUANTS)}"
        raise ValueError(f"{spec!r} is neither a file nor SHAPE:TYPE ({known})")
    return shape, kind


def ensure(folder: Path, spec: str) -> Path:
    """The file of a spec such as `qwen3-0.6b:Q4_K` in `folder`; written unless it is there."""
    shape, kind = parse(spec)
    recipe = hashlib.sha256(b"".join(file.read_bytes() for file in _sources())).hexdigest()[:8]
    path = folder / f"{shape}-{kind}-{recipe}.gguf"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        write(part, SHAPES[shape], kind, spec)
        part.replace(path)
    return path


def _sources() -> tuple[Path, Path]:
    """What decides about the bytes: a file that an older version wrote is not taken again."""
    here = Path(__file__)
    return here, here.with_name("vocabulary.py")


def write(path: Path, shape: Shape, kind: str, name: str, seed: int = 0) -> None:
    """Write one model with all matrices of the type `kind`; the same bytes for the same seed."""
    rng = random.Random(seed)
    tensors = list(_tensors(shape, kind))
    pairs = _metadata(shape, name)
    with path.open("wb") as out:
        out.write(struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(pairs)))
        for key, value in pairs.items():
            out.write(_string(key) + _value(value))
        at = 0
        for tensor in tensors:
            dims = struct.pack(f"<I{len(tensor.dims)}Q", len(tensor.dims), *tensor.dims)
            out.write(_string(tensor.name) + dims + struct.pack("<IQ", tensor.id, at))
            at += _padded(tensor.nbytes)
        out.write(b"\0" * (-out.tell() % ALIGNMENT))
        for tensor in tensors:
            for data in _data(tensor, shape, rng):
                out.write(data)
            out.write(b"\0" * (-tensor.nbytes % ALIGNMENT))


@dataclass(frozen=True)
class _Tensor:
    """One tensor to be written; `dims` in GGUF's order, the row's length first."""

    name: str
    dims: tuple[int, ...]
    kind: str  # F32 are norms and factors

    @property
    def id(self) -> int:
        return 0 if self.kind == "F32" else QUANTS[self.kind].id

    @property
    def nbytes(self) -> int:
        n = math.prod(self.dims)
        quant = QUANTS.get(self.kind)
        return n // quant.block * quant.nbytes if quant else 4 * n


def _tensors(shape: Shape, kind: str) -> Iterator[_Tensor]:
    """All tensors in the order in which llama.cpp's converter writes them."""
    width, inner = shape.embedding, shape.feed_forward
    queries, keys = shape.heads * shape.head, shape.kv_heads * shape.head
    if shape.rope_factor:
        yield _Tensor("rope_freqs.weight", (shape.head // 2,), "F32")
    yield _Tensor("token_embd.weight", (width, shape.vocab), EMBEDDING.get(kind, kind))
    for layer in range(shape.layers):
        matrices = {
            "attn_q": (width, queries), "attn_k": (width, keys), "attn_v": (width, keys),
            "attn_output": (queries, width), "ffn_gate": (width, inner), "ffn_up": (width, inner),
            "ffn_down": (inner, width),
        }  # fmt: skip
        norms = {"attn_norm": width, "ffn_norm": width}
        if shape.qk_norm:
            norms |= {"attn_q_norm": shape.head, "attn_k_norm": shape.head}
        for name, size in norms.items():
            yield _Tensor(f"blk.{layer}.{name}.weight", (size,), "F32")
        for name, dims in matrices.items():
            yield _Tensor(f"blk.{layer}.{name}.weight", dims, kind)
    yield _Tensor("output_norm.weight", (width,), "F32")


def _data(tensor: _Tensor, shape: Shape, rng: random.Random) -> Iterator[bytes]:
    """The bytes of a tensor, a chunk at a time."""
    if tensor.name == "rope_freqs.weight":
        yield struct.pack(f"<{tensor.dims[0]}f", *_rope_factors(shape))
    elif tensor.kind == "F32":
        yield struct.pack("<f", 1.0) * tensor.dims[0]
    else:
        quant, gain = QUANTS[tensor.kind], 1 / math.sqrt(tensor.dims[0])
        step = CHUNK // quant.nbytes * quant.nbytes
        for at in range(0, tensor.nbytes, step):
            n = min(step, tensor.nbytes - at)
            yield _halves(rng, n, gain) if tensor.kind == "F16" else _blocks(rng, n, quant, gain)


def _blocks(rng: random.Random, nbytes: int, quant: Quant, gain: float) -> bytes:
    """Whole blocks of random bytes with the scales in their places."""
    data = bytearray(rng.randbytes(nbytes))
    for offset, divisor in quant.scales:
        for i, byte in enumerate(struct.pack("<e", gain / divisor)):
            data[offset + i :: quant.nbytes] = bytes([byte]) * (nbytes // quant.nbytes)
    return bytes(data)


def _halves(rng: random.Random, nbytes: int, gain: float) -> bytes:
    """Halves of either sign between 1/2 and 2 of `gain`, to the next power of two."""
    exponent = math.floor(math.log2(gain)) + 15
    high = bytes((b & 0x80) | ((exponent - (b >> 6 & 1)) << 2) | (b & 3) for b in range(256))
    data = bytearray(rng.randbytes(nbytes))
    data[1::2] = data[1::2].translate(high)
    return bytes(data)


def _rope_factors(shape: Shape) -> list[float]:
    """What divides each frequency in Llama 3 (low 1, high 4, original context 8192)."""
    factors = []
    for i in range(shape.head // 2):
        turns = 8192 / (2 * math.pi * shape.theta ** (2 * i / shape.head))
        smooth = min(max((turns - 1) / 3, 0), 1)
        factors.append(1 / ((1 - smooth) / shape.rope_factor + smooth))
    return factors


def _metadata(shape: Shape, name: str) -> dict[str, object]:
    values = {
        "context_length": shape.context,
        "embedding_length": shape.embedding,
        "block_count": shape.layers,
        "feed_forward_length": shape.feed_forward,
        "attention.head_count": shape.heads,
        "attention.head_count_kv": shape.kv_heads,
        "attention.key_length": shape.head,
        "attention.value_length": shape.head,
        "rope.dimension_count": shape.head,
        "rope.freq_base": shape.theta,
        "attention.layer_norm_rms_epsilon": shape.eps,
        "vocab_size": shape.vocab,
    }
    return {
        "general.architecture": shape.architecture,
        "general.name": f"random {name}",
        **{f"{shape.architecture}.{key}": value for key, value in values.items()},
        **tokenizer_metadata(shape.pre, shape.vocab, shape.unused),
    }


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: object) -> bytes:
    """A metadata value with its type: bool 7, u32 4, f32 6, string 8, array 9."""
    if isinstance(value, bool):
        return struct.pack("<IB", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + _string(value)
    assert isinstance(value, list), value
    if isinstance(value[0], int):
        return struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)
    return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_string, value))


def _padded(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


if __name__ == "__main__":
    for one in sys.argv[2:]:
        print(ensure(Path(sys.argv[1]), one))
