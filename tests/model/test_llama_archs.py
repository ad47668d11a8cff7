"""llama.cpp's own tiny models, of all its architectures: each runs as there, or is refused by name.

The environment variable LLAMA_ARCHS names a folder with what `test-llama-archs -d 1` writes, and
the logits that tests/vectors/record_archs.py records there. These files hold every optional tensor,
with random numbers, and every key with its default.
"""

import asyncio
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from py_engine.base.errors import InferaivedError, UnsupportedModel
from py_engine.engine import load
from py_engine.gpu.device import opened as ready
from py_engine.hosts.files import open_sources
from py_engine.hosts.native import LibraryEncoder
from py_engine.hosts.shaders import read_shader
from tests.model.conftest import native, scored
from tests.reference import nmse

FOLDER = os.environ.get("LLAMA_ARCHS", "")
NAMES = sorted(path.stem for path in Path(FOLDER).glob("*.gguf")) if FOLDER else []
LIMIT = 3e-4
"""NMSE of logits, measured up to 8e-5: the cache's halves, as weights of this size make attention
choose one position. Without any rotation, which shows least, it is from 3e-3 (gemma3) up to 2."""
REFUSED = {
    "baichuan-dense": "baichuan.block_count is 2",  # there it runs without any positions
    **{
        f"{name}-moe": f"{name}.expert_count is 2"
        for name in ("granite", "llama", "minicpm", "mistral3")
    },
}
"""Files of architectures that run, and why they do not."""


@cache
def recorded() -> Mapping[str, np.ndarray]:
    return dict(np.load(Path(FOLDER) / "logits.npz"))


def logits(name: str) -> np.ndarray:
    sources = open_sources(str(Path(FOLDER) / f"{name}.gguf"))
    loading = load(sources, ready(native("subgroups")), LibraryEncoder, read_shader)
    engine = asyncio.run(loading)
    try:
        return scored(engine, recorded()["ids"].tolist())
    finally:
        engine.close()


@pytest.mark.skipif(not FOLDER, reason="no models of test-llama-archs (set LLAMA_ARCHS)")
@pytest.mark.parametrize("name", NAMES or ["none"])
def test_a_file_runs_as_in_llama_cpp_or_is_refused(name: str) -> None:
    try:
        ours = logits(name)
    except UnsupportedModel as error:
        print(f"{name}: {error}")
        assert name not in REFUSED and error.hint
        return
    except InferaivedError as error:
        print(f"{name}: {error}. {error.hint}")
        assert REFUSED.get(name, "not refused") in str(error)
        return
    theirs = recorded()[name]
    off, same = nmse(ours, theirs), np.mean(ours.argmax(1) == theirs.argmax(1))
    print(f"{name}: nmse {off:.1e}, same top token {same:.3f}")
    assert name not in REFUSED
    assert off <= LIMIT and same >= 0.98
