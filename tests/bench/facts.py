"""What a model file says that a speed is judged by: bytes read per token, and how many it holds.

Read from the header by the engine's own reader, which needs nothing but Python 3.10.
"""

import asyncio
from dataclasses import dataclass
from math import prod
from pathlib import Path

from py_engine.formats.gguf import read_gguf


@dataclass(frozen=True)
class Facts:
    """One model."""

    file_bytes: int
    weight_bytes: int
    """What a token must read: every matrix once, of embeddings only what the output shares."""
    kv_bytes: int
    """Keys and values of one position, as halves."""
    parameters: int
    """Weights that a token multiplies by."""
    context: int
    """Positions that the model was made for."""


class _File:
    """A file as the header's reader wants it (py_engine/formats/source.py)."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.size: int | None = path.stat().st_size
        self._file = path.open("rb")

    async def read(self, at: int, nbytes: int) -> bytes:
        self._file.seek(at)
        return self._file.read(nbytes)

    def close(self) -> None:
        self._file.close()


def read(path: Path) -> Facts:
    """Read a file's header.

    Raises:
        GGUFError: it is not a GGUF file.
        OSError: it cannot be read.
    """
    file = _File(path)
    try:
        gguf = asyncio.run(read_gguf(file))
    finally:
        file.close()
    name = gguf.metadata["general.architecture"]

    def number(key: str, default: int | None = None) -> int:
        value = gguf.metadata.get(f"{name}.{key}", default)
        if not isinstance(value, int):
            raise ValueError(f"{path}: {name}.{key} is {value!r}, not a number")
        return value

    heads = number("attention.head_count")
    head = number("embedding_length") // heads
    sizes = (number("attention.key_length", head), number("attention.value_length", head))
    shared = gguf.metadata.get(f"{name}.attention.head_count_kv", heads)
    each = shared if isinstance(shared, list) else [shared] * number("block_count")
    rows = [
        tensor.shape[1]
        for key, tensor in gguf.tensors.items()
        if key.endswith((".attn_k.weight", ".attn_v.weight"))  # blocks without have no cache
    ]
    cached = sum(rows) or sum(n for n in each if isinstance(n, int)) * sum(sizes)
    tied = "output.weight" not in gguf.tensors
    by_row = {"per_layer_token_embd.weight"} | (set() if tied else {"token_embd.weight"})
    read_per_token = [tensor for key, tensor in gguf.tensors.items() if key not in by_row]
    return Facts(
        file_bytes=path.stat().st_size,
        weight_bytes=sum(tensor.nbytes for tensor in read_per_token),
        kv_bytes=2 * cached,
        parameters=sum(prod(tensor.shape) for tensor in read_per_token),
        context=number("context_length"),
    )
