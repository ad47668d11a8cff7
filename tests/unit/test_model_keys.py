"""Keys of single architectures: in the forms that files have, and refused where they contradict."""

import asyncio
import dataclasses
import math
from pathlib import Path

import pytest

from py_engine.base.errors import UnsupportedConfig
from py_engine.engine import CONTEXT
from py_engine.formats.gguf import GGUF, MetaValue, read_gguf
from py_engine.gpu.dry import DryDevice
from py_engine.gpu.tensor import Memory
from py_engine.hosts.files import open_sources
from py_engine.layers.attention import SharedAttention
from py_engine.layers.feed_forward import Gated
from py_engine.models import built
from tests import fixtures


@pytest.mark.parametrize(
    ("model", "key", "value"),
    [
        ("gemma4", "attention.shared_kv_layers", 3),  # then no block before them sees all
        ("gemma4", "attention.shared_kv_layers", 6),
        ("gemma4", "attention.shared_kv_layers", 1.5),
        ("gemma4", "attention.head_count_kv", [1, 1, 1, 1, 2, 1]),  # of another cache's shape
        ("gemma4", "attention.sliding_window", None),
        ("gemma4", "attention.sliding_window_pattern", 2),
        ("gemma3n", "activation_sparsity_scale", [1.0]),
        ("gemma3n", "activation_sparsity_scale", [math.inf] * 22),
        ("gemma3n", "altup.active_idx", 1),
    ],
)
def test_shared_caches_and_windows_must_fit(
    model: str, key: str, value: MetaValue | None, tmp_path: Path
) -> None:
    gguf = changed(model, key, value, tmp_path)
    with pytest.raises(UnsupportedConfig) as told:
        built(gguf, Memory(DryDevice()), None, usual=CONTEXT)
    assert key in str(told.value) or "shared_kv_layers" in str(told.value)


def test_keys_of_gemma_that_files_have_in_two_forms(tmp_path: Path) -> None:
    """Published files of Gemma 3n hold the number of sharing blocks as a real number."""
    for value in (2, 2.0):
        gguf = changed("gemma3n", "attention.shared_kv_layers", value, tmp_path)
        model, _ = built(gguf, Memory(DryDevice()), None, usual=CONTEXT)
        assert sum(isinstance(part, SharedAttention) for part in model.parts) == 2
    gguf = changed("gemma3n", "activation_sparsity_scale", [1.5, *[0.0] * 21], tmp_path)
    model, _ = built(gguf, Memory(DryDevice()), None, usual=CONTEXT)
    told = [part.deviations for part in model.parts if isinstance(part, Gated)]
    assert told == [1.5, *[None] * 21]


def changed(model: str, key: str, value: MetaValue | None, folder: Path) -> GGUF:
    """A fixture's header with another value of a key, or without it."""
    (source,) = open_sources(str(fixtures.write(folder / "m.gguf", model).path))
    try:
        gguf = asyncio.run(read_gguf(source))
    finally:
        source.close()
    metadata = {k: v for k, v in gguf.metadata.items() if k != f"{model}.{key}"}
    if value is not None:
        metadata[f"{model}.{key}"] = value
    return dataclasses.replace(gguf, metadata=metadata)
