"""Models with recurrent states: what is computed again after a rewind, a stop and an abort.

Nothing of what was ahead, or of another conversation, may be left in the states.
"""

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from py_engine.engine import Engine
from py_engine.generate.sampling import Sampling
from tests.fixtures import write
from tests.model.conftest import Open, scored
from tests.model.test_logits import IDS

pytestmark = pytest.mark.parametrize("rung", ["subgroups"], indirect=True)
MODELS = pytest.mark.parametrize("model", ["lfm2", "qwen35"])
GREEDY = Sampling(temperature=0, max_tokens=6)


def sampled(
    engine: Engine, prompt: Sequence[int], stops: Collection[int] = (), *, take: int = 6
) -> tuple[list[int], int]:
    """The first tokens of a greedy reply, up to a stop, and how much of the prompt was computed."""

    async def run() -> list[int]:
        ids: list[int] = []
        async with engine._sequencer.generate(prompt, GREEDY, stops) as tokens:
            async for token in tokens:
                ids.append(token.id)
                if token.id in stops or len(ids) == take:
                    break
        return ids

    return asyncio.run(run()), engine._sequencer.prefilled


@MODELS
def test_a_conversation_is_not_computed_twice(
    rung: object, model: str, open_model: Open, tmp_path: Path
) -> None:
    """Each way to go on, against an engine that has computed nothing before."""
    spec = write(tmp_path / "m.gguf", model)
    engine, fresh = open_model(spec), open_model(spec)

    def same(prompt: Sequence[int], computed: int) -> list[int]:
        asyncio.run(fresh.score([1]).__anext__())  # forgets all
        ids, prefilled = sampled(engine, prompt)
        assert ids == sampled(fresh, prompt)[0]
        assert prefilled == computed
        return ids

    first = same(IDS[:60], 60)
    # Word for word: the states have seen all but the last token of the reply.
    second = [*IDS[:60], *first, *IDS[60:65]]
    same(second, 6)
    # Without the first reply's last tokens, as a template drops thoughts: from the copy.
    third = [*IDS[:58], *IDS[70:90]]
    same(third, 34)
    # Again, as it was: from this prompt's own copy.
    same(third, 16)
    # From before all copies.
    same([*IDS[:30], *IDS[90:94]], 34)


@MODELS
def test_a_stop_leaves_the_states_where_the_reply_ends(
    rung: object, model: str, open_model: Open, tmp_path: Path
) -> None:
    """The GPU stops them, while steps beyond it are under way; an abort does not."""
    spec = write(tmp_path / "m.gguf", model)
    engine, fresh = open_model(spec), open_model(spec)
    ids, _ = sampled(fresh, IDS[:40])
    end = ids[2]
    stopped, _ = sampled(engine, IDS[:40], {end})
    assert stopped == ids[: ids.index(end) + 1]
    again = [*IDS[:40], *stopped, *IDS[50:60]]
    got, prefilled = sampled(engine, again)
    assert prefilled == 11
    assert got == sampled(fresh, again)[0]
    left, _ = sampled(engine, IDS[:40], take=2)
    further = [*IDS[:40], *left, *IDS[60:64]]
    got, prefilled = sampled(engine, further)
    assert prefilled in (5, 22)  # from a copy, unless no step was ahead
    assert got == sampled(fresh, further)[0]


@MODELS
def test_chunks_of_all_sizes_leave_the_same_states(
    rung: object, model: str, open_model: Open, tmp_path: Path
) -> None:
    engine = open_model(write(tmp_path / "m.gguf", model))
    whole = scored(engine, IDS[:70])
    stepwise = scored(engine, IDS[:70], by_step=True)
    assert abs(whole - stepwise).max() < 0.05  # by the cache's halves, where there is one
    for n in (1, 2, 3, 17):
        ids, _ = sampled(engine, IDS[:n])
        assert ids[0] == whole[n - 1].argmax()
