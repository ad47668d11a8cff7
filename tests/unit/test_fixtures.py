"""The fixture files: weights close to what was quantised, shards equal to the whole, same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader, quants

from tests.blocks import dequantize
from tests.fixtures import MIXES, MODELS, RANDOM_TYPES, TYPES, quantize, tensors, write

# Error over signal for normal weights, two to three times what was measured; a wrong layout: 1.
ERRORS = {
    "F32": 0.0, "F16": 1e-7, "BF16": 1e-5, "Q8_0": 1e-4, "Q4_0": 2e-2, "Q4_1": 2e-2, "Q5_0": 5e-3,
    "Q5_1": 5e-3, "Q4_K": 2e-2, "Q5_K": 5e-3, "Q6_K": 1e-3,
}  # fmt: skip


@pytest.mark.parametrize("kind", TYPES)
def test_quantised_weights_are_close(kind: str) -> None:
    values = np.random.default_rng(0).standard_normal((6, 512), dtype=np.float32)
    values[0] = 0.0  # a row without any scale
    values[1] = np.abs(values[1])  # a row without a minimum below zero
    back = quants.dequantize(quantize(values, kind), Type[kind])
    assert back.shape == values.shape
    assert np.all(back[0] == 0.0)
    error = np.square(back - values).sum(axis=1)[1:] / np.square(values).sum(axis=1)[1:]
    assert error.max() <= ERRORS[kind]


@pytest.mark.parametrize("kind", RANDOM_TYPES)
def test_random_blocks_spread_as_the_values_do(kind: str) -> None:
    values = 0.1 * np.random.default_rng(0).standard_normal((16, 512), dtype=np.float32)
    blocks = quantize(values, kind)
    assert np.array_equal(blocks, quantize(values, kind))
    spread = dequantize(kind, blocks).std() / values.std()
    assert 0.6 < spread < 1.6  # MXFP4 and NVFP4 have few scales


def test_shards_hold_the_whole(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.gguf", "llama3", odd=True)
    shards = write(tmp_path / "shards.gguf", "llama3", odd=True, split=4)
    assert [path.name for path in shards.paths] == [
        f"shards-0000{i}-of-00003.gguf" for i in range(1, 4)
    ]
    one = {t.name: t.data for t in GGUFReader(whole.path).tensors}
    many = {t.name: t.data for path in shards.paths for t in GGUFReader(path).tensors}
    assert list(one) == list(many) == list(whole.types)
    for name, data in one.items():
        np.testing.assert_array_equal(data, many[name])


def test_same_arguments_same_bytes(tmp_path: Path) -> None:
    first = write(tmp_path / "first.gguf", "qwen2", "Q4_0", odd=True, seed=3).path.read_bytes()
    assert (
        first == write(tmp_path / "again.gguf", "qwen2", "Q4_0", odd=True, seed=3).path.read_bytes()
    )
    other = write(tmp_path / "other.gguf", "qwen2", "Q4_0", odd=True, seed=4).path.read_bytes()
    assert len(first) == len(other) and first != other


def test_mix_and_tied_embedding(tmp_path: Path) -> None:
    tied = write(tmp_path / "tied.gguf", "qwen3", mix="Q4_K_M").types
    assert tied["token_embd.weight"] == "Q6_K" and "output.weight" not in tied
    untied = write(tmp_path / "untied.gguf", "qwen3", mix="Q4_K_M", tied=False).types
    assert untied["token_embd.weight"] == "Q4_K" and untied["output.weight"] == "Q6_K"
    assert untied["blk.0.ffn_down.weight"] == "Q6_K" and untied["blk.1.ffn_down.weight"] == "Q4_K"
    assert set(MIXES["Q4_K_M"].values()) | {"F32"} == set(tied.values())


def test_weights_do_not_depend_on_the_machine() -> None:
    """A few values as first recorded; should this fail, tests/vectors must be recorded anew."""
    weights = tensors(MODELS["llama3"], seed=0)
    assert weights["token_embd.weight"][0, :3].tolist() == [
        0.1498425006866455,
        0.2524745762348175,
        0.07928203791379929,
    ]
