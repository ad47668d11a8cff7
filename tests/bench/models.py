"""GGUF files of real models' shapes with random weights: good for speed, not for quality.

Dimensions, metadata and the size of the vocabulary are the real models' (shapes.py); weights are
random (blocks.py), words made up (vocabulary.py), and the text that comes out is noise. Standard
library only, Python 3.10: it runs where nothing can be installed.

    python3 -m tests.bench.models FOLDER qwen3-0.6b:Q4_K
"""

import hashlib
import math
import random
import struct
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from py_engine.formats.quants import QUANTS
from tests.bench.blocks import TYPES, random_bytes
from tests.bench.shapes import SHAPES, Shape, Tensor, tensors
from tests.bench.vocabulary import tokenizer_metadata

ALIGNMENT = 32


def parse(spec: str) -> tuple[str, str]:
    """`SHAPE:TYPE`, checked.

    Raises:
        ValueError: no such shape or type.
    """
    shape, _, kind = spec.partition(":")
    if shape not in SHAPES or kind not in TYPES:
        known = f"shapes {', '.join(SHAPES)}; types {', '.join(TYPES)}"
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


def _sources() -> Sequence[Path]:
    """What decides about the bytes: a file that an older version wrote is not taken again."""
    here = Path(__file__)
    return [here, *(here.with_name(f"{name}.py") for name in ("blocks", "shapes", "vocabulary"))]


def write(path: Path, shape: Shape, kind: str, name: str, seed: int = 0) -> None:
    """Write one model with all matrices of the type `kind`; the same bytes for the same seed."""
    rng = random.Random(seed)
    with path.open("wb") as out:
        out.write(header(shape, kind, name))
        for tensor in tensors(shape, kind):
            for data in _data(tensor, rng):
                out.write(data)
            out.write(b"\0" * (-tensor.nbytes % ALIGNMENT))


def header(shape: Shape, kind: str, name: str) -> bytes:
    """All that comes before the tensors' data."""
    listed = list(tensors(shape, kind))
    pairs = {
        "general.architecture": shape.architecture,
        "general.name": f"random {name}",
        **shape.metadata(),
        **tokenizer_metadata(shape.pre, shape.vocab, shape.unused),
    }
    parts = [struct.pack("<4sIQQ", b"GGUF", 3, len(listed), len(pairs))]
    parts += [_string(key) + _value(value) for key, value in pairs.items()]
    at = 0
    for tensor in listed:
        dims = struct.pack(f"<I{len(tensor.dims)}Q", len(tensor.dims), *tensor.dims)
        place = struct.pack("<IQ", QUANTS[tensor.kind].id, at)
        parts.append(_string(tensor.name) + dims + place)
        at += -(-tensor.nbytes // ALIGNMENT) * ALIGNMENT
    data = b"".join(parts)
    return data + b"\0" * (-len(data) % ALIGNMENT)


def _data(tensor: Tensor, rng: random.Random) -> Iterator[bytes]:
    """The bytes of a tensor, a chunk at a time."""
    n, values = math.prod(tensor.dims), tensor.values
    if tensor.kind == "F32":
        yield struct.pack(f"<{len(values)}f", *values) * (n // len(values))
    else:
        yield from random_bytes(tensor.kind, n, tensor.dims[0], rng)


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
    if isinstance(value[0], str):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_string, value))
    kind, form = (7, "?") if isinstance(value[0], bool) else (5, "i")
    return struct.pack("<IIQ", 9, kind, len(value)) + struct.pack(f"<{len(value)}{form}", *value)


if __name__ == "__main__":
    for one in sys.argv[2:]:
        print(ensure(Path(sys.argv[1]), one))
