"""What a token costs, counted on models of real shapes and no GPU: launches and bytes.

No clock: a design that launches more kernels or reads weights twice is slow on every machine, and
fails here on this one.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from py_engine import models as architectures
from py_engine.formats.gguf import GGUF, read_split
from py_engine.generate.profile import step_bytes
from py_engine.generate.programs import Programs, step
from py_engine.gpu.dry import DEFAULT_LIMITS, DryDevice
from py_engine.gpu.recorder import Library
from py_engine.gpu.tensor import Memory
from py_engine.hosts.files import open_sources
from py_engine.hosts.shaders import read_shader
from py_engine.layers.attention import Attention
from py_engine.ops.attention import SPAN
from tests.bench import models

CONTEXT = 4096
LIMITS = {**DEFAULT_LIMITS, "maxBufferSize": 1 << 31, "maxStorageBufferBindingSize": 1 << 31}
SPECS = ("qwen3-0.6b:Q4_K", "qwen3-0.6b:Q8_0", "llama-1b:Q4_K")
RUNGS = (frozenset({"subgroups"}), frozenset[str]())
Built = Callable[[frozenset[str]], tuple[GGUF, Programs]]


@pytest.fixture(params=SPECS)
def built(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Built:
    """Records a model's programs on a rung; of its file only the header is written."""
    shape, kind = models.parse(request.param)
    path = tmp_path / "m.gguf"
    monkeypatch.setattr(models, "_data", lambda *_: ())
    models.write(path, models.SHAPES[shape], kind, request.param)
    os.truncate(path, 1 << 31)  # a hole, where the weights would be

    def build(features: frozenset[str]) -> tuple[GGUF, Programs]:
        sources = open_sources(str(path))
        gguf = asyncio.run(read_split(sources))
        for source in sources:
            source.close()
        device = DryDevice(features, LIMITS)
        memory = Memory(device)
        model, context = architectures.built(gguf, memory, CONTEXT, usual=CONTEXT)
        return gguf, Programs(model, memory, Library(read_shader, device), context)

    return build


@pytest.mark.parametrize("features", RUNGS, ids=["subgroups", "plain"])
def test_launches_per_token(built: Built, features: frozenset[str]) -> None:
    """At most 5 a layer, 6 where attention is split, and 4 for all that is not a layer."""
    _, programs = built(features)
    layers = len(programs.model.parts) // 2
    for positions, most in ((SPAN, 5), (SPAN + 1, 6), (CONTEXT, 6)):
        blocks, *rest = (len(programs.recorded(key)) for key in step(positions))
        assert blocks <= most * layers + 1
        assert blocks + sum(rest) <= most * layers + 4


@pytest.mark.parametrize("features", RUNGS, ids=["subgroups", "plain"])
def test_bytes_per_token(built: Built, features: frozenset[str]) -> None:
    """A step reads every weight once, the cache as far as it is filled, and next to nothing else.

    Next to nothing: planes are up to 3 % larger than the file's blocks, and the rest is logits,
    activations and attention's splits, which are bound for the longest context.
    """
    gguf, programs = built(features)
    weights = sum(tensor.nbytes for tensor in gguf.tensors.values())
    mixers = [part.heads for part in programs.model.parts if isinstance(part, Attention)]
    kept = sum(2 * 2 * heads.K * heads.D for heads in mixers)  # keys and values, halves
    for position in (0, 511, CONTEXT - 1):
        least = weights + kept * (position + 1)
        found = step_bytes(programs, position)
        assert least <= found <= 1.08 * least


def test_weights_are_bound_once(built: Built) -> None:
    """But for the embedding, of which a step also takes one row."""
    _, programs = built(RUNGS[0])
    dispatches = [dispatch for key in step(1) for dispatch in programs.recorded(key)]
    bound = [
        binding
        for dispatch in dispatches
        for (name, _), binding in zip(dispatch.shader.bindings, dispatch.bindings, strict=True)
        if name == "w" and dispatch.shader.name != "embed"
    ]
    assert len(bound) == len(set(bound)) == 2 * len(programs.model.parts) + 1
