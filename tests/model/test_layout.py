"""However a model lies in files, buffers and programs, its logits are the same."""

import asyncio
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from py_engine.generate import loop, programs
from py_engine.generate.programs import step
from py_engine.gpu.native import NativeDevice
from py_engine.gpu.recorder import Library
from py_engine.layers import loading
from py_engine.ops.attention import SPAN
from tests import fixtures
from tests.divergence import kl_divergence
from tests.model.conftest import Open, replied, scored
from tests.oracle import Oracle

IDS = np.random.default_rng(13).integers(3, 571, 40).tolist()
one_rung = pytest.mark.parametrize("rung", ["plain"], indirect=True)


@one_rung
def test_split_files_give_the_same_logits(open_model: Open, tmp_path: Path) -> None:
    whole = fixtures.write(tmp_path / "whole.gguf", "llama", mix="Q4_K_M")
    split = fixtures.write(tmp_path / "split.gguf", "llama", mix="Q4_K_M", split=5)
    assert len(split.paths) > 3
    one, many = open_model(whole), open_model(split)
    assert np.array_equal(scored(one, IDS), scored(many, IDS))


@pytest.mark.parametrize("kinds", ["Q5_0 and Q8_0", "F32"])
def test_weights_in_shards_give_the_same_logits(
    rung: tuple[NativeDevice, Library, str],
    open_model: Open,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kinds: str,
) -> None:
    """A device whose bindings are too small for the vocabulary, stacked qkv and paired gate-up."""
    shape = dataclasses.replace(
        fixtures.MODELS["qwen2"], embedding=512, heads=8, layers=1, vocab=2571
    )
    monkeypatch.setitem(fixtures.MODELS, "wide", shape)
    mix = {"blk.0.attn_v.weight": "Q5_0", "*": "Q8_0"} if "and" in kinds else None
    spec = fixtures.write(tmp_path / "m.gguf", "wide", mix=mix)
    for module in (loop, programs):  # whose activations stay small
        monkeypatch.setattr(module, "CHUNKS", (16, 64))
    whole = open_model(spec)
    limit = 800_000 if kinds == "F32" else 790_000
    monkeypatch.setitem(rung[0].limits, "maxStorageBufferBindingSize", limit)
    monkeypatch.setattr(loading, "_PIECE", 100_000)
    sharded = open_model(spec)
    model = sharded._programs.model
    attention, feed_forward = model.parts
    assert len(model.token_embd.parts) >= 2
    if kinds == "F32":
        assert len(attention.qkv.parts) == 2
        assert len(feed_forward.gate_up.parts) == 3
    else:
        assert len(attention.qkv.parts) == 2  # by type
    assert np.array_equal(scored(whole, IDS), scored(sharded, IDS))
    ids = IDS[:12]
    assert np.array_equal(scored(whole, ids, by_step=True), scored(sharded, ids, by_step=True))
    exact = Oracle(spec.path).logits(IDS)
    assert kl_divergence(exact, scored(sharded, IDS)) < 1e-4


@pytest.mark.parametrize("part", ["attn_q", "attn_k", "attn_v"])
def test_stacked_parts_of_different_types_keep_their_biases(
    open_model: Open, tmp_path: Path, part: str
) -> None:
    mix = {f"blk.*.{part}.weight": "Q8_0", "*.ffn_up.weight": "F16", "*": "F32"}
    spec = fixtures.write(tmp_path / "m.gguf", "qwen2", mix=mix)
    engine = open_model(spec)
    exact = Oracle(spec.path).logits(IDS)
    assert kl_divergence(exact, scored(engine, IDS)) < 3e-5
    assert kl_divergence(exact, scored(engine, IDS, by_step=True)) < 5e-6


@one_rung
def test_long_contexts_are_split(
    open_model: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoding across the positions at which programs with more splits take over."""
    shape = dataclasses.replace(fixtures.MODELS["qwen3"], context=1100, layers=1)
    monkeypatch.setitem(fixtures.MODELS, "long", shape)
    spec = fixtures.write(tmp_path / "m.gguf", "long", "Q8_0")
    engine = open_model(spec)
    programs = engine._programs
    ids = np.random.default_rng(3).integers(3, 571, 1040).tolist()
    exact = Oracle(spec.path).logits(ids)
    for boundary in (SPAN, 2 * SPAN, 4 * SPAN):
        first = boundary - 3

        async def steps(first: int = first) -> list[bytes]:
            await programs.prepare(256)
            await programs.prepare(first % 256)
            for at in range(0, first, 256):
                await programs.chunk(ids[at : min(at + 256, first)], at)
            return [await programs.score_step(ids[first + i], first + i) for i in range(6)]

        got = np.stack([np.frombuffer(row, np.float32) for row in asyncio.run(steps())])
        assert kl_divergence(exact[first : first + 6], got) < 1e-5


@one_rung
def test_launches_per_token(
    open_model: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most 5 for a layer, 6 where attention is split, and 5 for all that is not a layer."""
    counts = {}
    for layers in (1, 3):
        shape = dataclasses.replace(fixtures.MODELS["qwen3"], context=512, layers=layers)
        monkeypatch.setitem(fixtures.MODELS, "deep", shape)
        engine = open_model(fixtures.write(tmp_path / f"{layers}.gguf", "deep", "Q4_K"))
        programs = engine._programs
        for positions in (SPAN, SPAN + 1):
            launches = [len(programs.recorded(key)) for key in step(positions)]
            counts[layers, positions] = sum(launches)
    for positions, most in ((SPAN, 5), (SPAN + 1, 6)):
        per_layer = (counts[3, positions] - counts[1, positions]) / 2
        assert per_layer <= most
        assert counts[1, positions] - per_layer <= 5


@one_rung
def test_the_last_position_of_the_context(open_model: Open, tmp_path: Path) -> None:
    engine = open_model(fixtures.write(tmp_path / "m.gguf", "llama", odd=True), context=40)
    exact = Oracle(tmp_path / "m.gguf").logits(IDS)
    assert kl_divergence(exact, scored(engine, IDS)) < 1e-5
    assert kl_divergence(exact, scored(engine, IDS, by_step=True)) < 1e-5
    assert len(replied(engine, IDS[:39]).ids) == 1
