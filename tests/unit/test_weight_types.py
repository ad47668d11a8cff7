"""Weight types without a GPU: codebooks, bytes that are told, and a type with two layouts."""

from math import prod
from pathlib import Path

import numpy as np
import pytest
from gguf import quants

from py_engine.base.errors import GGUFError
from py_engine.engine import inspect
from py_engine.formats.codebooks import grid
from py_engine.formats.gguf import read_gguf
from py_engine.formats.quants import QUANTS, SUPPORTED
from py_engine.ops.weight import plane_words
from tests.fixtures import write
from tests.gguf_cases import MemorySource, Tensor, build, run

BOOKS = ("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S")


@pytest.mark.parametrize("type", BOOKS)
def test_values_are_gguf_pys(type: str) -> None:
    kind = getattr(quants, type)
    kind.init_grid()
    unit = 8 if type.startswith("IQ1") else 1
    assert np.array_equal(np.frombuffer(grid(type), np.int8), unit * kind.grid.ravel())


def test_other_types_have_none() -> None:
    assert {type for type in SUPPORTED if grid(type)} == set(BOOKS)


@pytest.mark.parametrize("type", ["IQ2_S", "TQ1_0"])
def test_inspect_counts_what_the_gpu_holds(tmp_path: Path, type: str) -> None:
    """A codebook for each matrix or stack of them, and trits that were unpacked."""
    sources = [
        MemorySource(write(tmp_path / kind, "qwen2", kind, layers=1).path.read_bytes())
        for kind in ("F32", type)
    ]
    tensors = [t for t in run(read_gguf(sources[0])).tensors.values() if len(t.shape) == 2]
    floats = sum(prod(tensor.shape) for tensor in tensors)
    words, _, _ = plane_words(type, floats // 256, 256)
    codebooks = 5 * len(
        grid(type)
    )  # embedding; queries, keys and values; output; gate and up; down
    whole, packed = (run(inspect([source]))["memory"]["nbytes"] for source in sources)
    assert whole - packed == 4 * floats - (4 * words - len(grid(type))) - codebooks


def test_q2_0_in_the_wide_blocks_of_its_first_files_is_named() -> None:
    """34 bytes for 128 weights, under the id that has 18 for 64 now."""
    q2_0 = QUANTS["Q2_0"].id
    tensors = [Tensor(b"a", (128, 32), q2_0, 0), Tensor(b"b", (8,), 0, 32 * 34)]
    with pytest.raises(GGUFError, match="BAD_OFFSET") as refused:
        run(read_gguf(MemorySource(build(tensors=tensors, data=bytes(32 * 34 + 32)))))
    assert "blocks of 128" in refused.value.hint
    tensors[1] = Tensor(b"b", (8,), 0, 32)
    with pytest.raises(GGUFError, match="BAD_OFFSET") as refused:
        run(read_gguf(MemorySource(build(tensors=tensors, data=bytes(4096)))))
    assert "blocks of 128" not in refused.value.hint
