"""Conversations with a whole model: the cache's reuse, chunks, limits, stops, seeds and shards."""

import asyncio
import dataclasses
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from py_engine.base.errors import BadRequest, ContextFull
from py_engine.engine import Engine
from py_engine.generate.sampling import Sampling
from tests import fixtures
from tests.divergence import kl_divergence
from tests.model.conftest import GREEDY, Open, replied, scored

IDS = np.random.default_rng(11).integers(3, 571, 120).tolist()
CHUNKINGS = [(120,), (1,) * 24 + (96,), (16, 104), (17, 1, 64, 38), (64, 56), (65, 55), (100, 20)]
one_rung = pytest.mark.parametrize("rung", ["plain"], indirect=True)
"""What does not depend on a kernel's variants is shown once."""


def run_chunks(engine: Engine, chunks: Sequence[int]) -> tuple[np.ndarray, list[int]]:
    """Prefill IDS but the last 16 in these chunks: the logits of the rest, and 8 greedy ids."""
    programs = engine._programs
    vocabulary = programs.model.vocabulary

    async def go() -> tuple[bytes, list[int]]:
        programs.begin(GREEDY, 0, IDS)
        at = 0
        for size in chunks:
            await programs.prepare(size)
            await programs.chunk(IDS[at : at + size], at)
            at += size
        await programs.prepare(16, scored=True)
        logits = await programs.score(IDS[at - 16 :], at - 16)
        last = [await programs.first(IDS[at - 16 :], at - 16)]
        last += [await programs.steps(at + i, i + 1, 1) for i in range(7)]
        return logits, [int.from_bytes(data[:4], "little") for data in last]

    logits, ids = asyncio.run(go())
    return np.frombuffer(logits, np.float32).reshape(-1, vocabulary), ids


@pytest.mark.parametrize("model", ["llama", "qwen3"])
def test_any_chunking_equals_token_by_token(open_model: Open, tmp_path: Path, model: str) -> None:
    engine = open_model(fixtures.write(tmp_path / "m.gguf", model, "Q8_0", odd=True))
    by_step = scored(engine, IDS, by_step=True)[-16:]
    ids = set()
    for chunks in CHUNKINGS:
        assert sum(chunks) == len(IDS)
        logits, greedy = run_chunks(engine, chunks)
        assert kl_divergence(by_step, logits) < 2e-5
        ids.add(tuple(greedy))
    assert len(ids) == 1
    assert ids == {replied(engine, IDS, dataclasses.replace(GREEDY, max_tokens=8)).ids}


@pytest.mark.parametrize("model", ["llama", "qwen3"])
def test_a_prompts_last_block_is_for_its_last_token(
    open_model: Open, tmp_path: Path, model: str
) -> None:
    engine = open_model(fixtures.write(tmp_path / "m.gguf", model, "Q8_0", odd=True))
    programs = engine._programs
    by_step = scored(engine, IDS[:70], by_step=True)

    async def logits(n: int, kept: int) -> bytes:
        programs.begin(GREEDY, 0, IDS[:n])
        await programs.prepare(n - kept)
        await programs.first(IDS[kept:n], kept)
        return await programs.device.read(programs._logits.handle, 0, 4 * by_step.shape[1], [])

    for n, kept in ((1, 0), (16, 0), (17, 0), (17, 16), (70, 17), (70, 0)):
        got = np.frombuffer(asyncio.run(logits(n, kept)), np.float32)
        assert kl_divergence(by_step[n - 1 : n], got[None]) < 2e-5


@pytest.mark.parametrize("model", ["llama3", "qwen2"])
def test_a_reused_prefix_equals_a_fresh_run(open_model: Open, tmp_path: Path, model: str) -> None:
    spec = fixtures.write(tmp_path / "m.gguf", model, mix="Q4_K_M")
    used, fresh = open_model(spec), open_model(spec)
    first = replied(used, IDS[:50])
    assert first.timings["prefill_tokens"] == 50
    longer = [*IDS[:50], *first.ids, *IDS[50:70]]
    again = replied(used, longer)
    # The last token of a reply was sampled but not yet taken as input.
    assert again.timings["prefill_tokens"] == len(longer) - 50 - (len(first.ids) - 1)
    assert again.ids == replied(fresh, longer).ids
    branch = [*IDS[:30], 5, *IDS[31:60]]  # differs from what is cached at 30
    third = replied(used, branch)
    assert third.timings["prefill_tokens"] == 30
    fourth = replied(used, branch)  # all of it is cached: only its last token is computed
    assert fourth.timings["prefill_tokens"] == 1
    assert third.ids == fourth.ids == replied(open_model(spec), branch).ids


def test_same_seed_same_text(open_model: Open, tmp_path: Path) -> None:
    engine = open_model(fixtures.write(tmp_path / "m.gguf", "qwen2", "Q4_0", odd=True))
    sampling = Sampling(temperature=1.2, top_k=0, top_p=1.0, seed=4, max_tokens=16)
    one = replied(engine, IDS[:20], sampling)
    replied(engine, IDS[50:60])
    two = replied(engine, IDS[:20], sampling)
    other = replied(engine, IDS[:20], dataclasses.replace(sampling, seed=5))
    assert one.ids == two.ids and one.text == two.text
    assert other.ids != one.ids


@one_rung
def test_penalties_and_bias_are_of_one_reply(open_model: Open, tmp_path: Path) -> None:
    engine = open_model(fixtures.write(tmp_path / "m.gguf", "llama", odd=True))
    plain = replied(engine, IDS[:20])
    biased = dataclasses.replace(GREEDY, logit_bias={77: 1000.0}, max_tokens=3)
    assert replied(engine, IDS[:20], biased).ids == (77, 77, 77)
    turns = dataclasses.replace(biased, presence_penalty=100.0, logit_bias={77: 99.0, 78: 60.0})
    assert replied(engine, IDS[:20], turns).ids[:2] == (77, 78)
    assert replied(engine, IDS[:20], turns).ids[:2] == (77, 78)
    assert replied(engine, IDS[:20]).ids == plain.ids


async def take(engine: Engine, prompt: Sequence[int], n: int, *, stop: bool) -> list[int]:
    """Ids of a reply that is ended after n tokens, by `stop` or by closing the iterator."""
    ids: list[int] = []
    async with aclosing(engine.complete(prompt, Sampling(temperature=0))) as pieces:
        async for piece in pieces:
            ids += piece.ids
            if piece.reply:
                assert piece.reply.finish_reason == "abort"
            if len(ids) == n:
                if not stop:
                    break
                engine.stop()
    return ids


@pytest.mark.parametrize("stop", [False, True])
@one_rung
def test_abort_leaves_a_usable_engine(open_model: Open, tmp_path: Path, stop: bool) -> None:
    spec = fixtures.write(tmp_path / "m.gguf", "qwen3", odd=True)
    engine = open_model(spec)
    whole = replied(open_model(spec), IDS[:40])
    assert asyncio.run(take(engine, IDS[:40], 3, stop=stop)) == list(whole.ids[:3])
    resumed = replied(engine, [*IDS[:40], *whole.ids[:3]])
    assert resumed.timings["prefill_tokens"] == 1  # steps in flight left nothing behind
    assert resumed.ids[:9] == whole.ids[3:12]
    assert replied(engine, IDS[:40]).ids == whole.ids


@one_rung
def test_a_reply_ends_where_it_should(open_model: Open, tmp_path: Path) -> None:
    spec = fixtures.write(tmp_path / "m.gguf", "llama3", odd=True)
    with pytest.raises(BadRequest, match="context"):
        open_model(spec, context="64")
    engine = open_model(spec, context=64)
    never = {token: -1e4 for token in engine.tokenizer.eog}
    greedy = Sampling(temperature=0, logit_bias=never)
    five = replied(engine, IDS[:20], dataclasses.replace(greedy, max_tokens=5))
    assert (len(five.ids), five.finish_reason) == (5, "length")
    full = replied(engine, IDS[:50], greedy)
    assert (len(full.ids), full.finish_reason) == (14, "length")
    last = replied(engine, IDS[:63], greedy)
    assert (len(last.ids), last.finish_reason) == (1, "length")
    for prompt in (IDS[:64], IDS[:90]):
        with pytest.raises(ContextFull):
            replied(engine, prompt)
    with pytest.raises(BadRequest):
        replied(engine, [])
    with pytest.raises(BadRequest):
        replied(engine, [571])
    assert replied(engine, IDS[:20], dataclasses.replace(greedy, max_tokens=5)).ids == five.ids


@one_rung
def test_end_of_generation_and_stop_strings(open_model: Open, tmp_path: Path) -> None:
    engine = open_model(fixtures.write(tmp_path / "m.gguf", "qwen2", odd=True))
    eog = min(engine.tokenizer.eog)
    forced = Sampling(temperature=0, logit_bias={eog: 1e4}, max_tokens=9)
    ended = replied(engine, IDS[:20], forced)
    assert (ended.ids, ended.text, ended.finish_reason) == ((eog,), "", "stop")
    never = {token: -1e4 for token in engine.tokenizer.eog}
    letters = {engine.tokenizer.encode(letter)[0]: 1e3 for letter in "abc"}
    spell = Sampling(temperature=0, logit_bias=letters | never, max_tokens=12)
    text = replied(engine, IDS[:20], spell).text
    assert len(text) == 12 and set(text) <= set("abc")
    stop = text[4:7]
    stopped = replied(engine, IDS[:20], dataclasses.replace(spell, stop=("x", stop)))
    assert stopped.text == text[: text.index(stop)] and stopped.finish_reason == "stop"
    assert len(stopped.ids) == text.index(stop) + 3
    unmet = replied(engine, IDS[:20], dataclasses.replace(spell, stop=(text[-2:] + "x",)))
    assert (unmet.text, unmet.finish_reason) == (text, "length")  # what was held back is given out
