"""Replies and scores that are left early, dropped or never read, and arguments that are none."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from py_engine.base.errors import BadRequest
from py_engine.engine import Engine
from py_engine.generate.sampling import Sampling
from tests import fixtures
from tests.model.conftest import GREEDY, Open, replied, scored

pytestmark = pytest.mark.parametrize("rung", ["plain"], indirect=True)
HELLO = [{"role": "user", "content": "Hello"}]
LONG = Sampling(temperature=0)
STREAMS: dict[str, Callable[[Engine], AsyncGenerator[Any]]] = {
    "chat": lambda engine: engine.chat(HELLO, LONG),
    "complete": lambda engine: engine.complete([5, 6, 7], LONG),
    "score": lambda engine: engine.score([5] * 40),
}


@pytest.fixture
def engine(open_model: Open, tmp_path: Path) -> Engine:
    return open_model(fixtures.write(tmp_path / "m.gguf", "qwen2", "Q8_0"))


async def short(engine: Engine) -> tuple[int, ...]:
    """Ids of a reply that has to get its turn."""

    async def ids() -> tuple[int, ...]:
        return tuple([i async for piece in engine.complete([9, 8], GREEDY) for i in piece.ids])

    return await asyncio.wait_for(ids(), 30)


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_that_is_left_frees_the_engine(engine: Engine, kind: str) -> None:
    begin = STREAMS[kind]

    async def go() -> None:
        wanted = await short(engine)
        never = begin(engine)
        assert await short(engine) == wanted
        await never.aclose()
        closed = begin(engine)
        await anext(closed)
        await closed.aclose()
        assert await short(engine) == wanted
        dropped = begin(engine)
        await anext(dropped)
        del dropped
        assert await short(engine) == wanted
        cancelled = asyncio.ensure_future(anext(begin(engine)))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.wait([cancelled])  # it may have come to its first token by then
        del cancelled
        assert await short(engine) == wanted

    asyncio.run(go())


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_that_is_left_when_the_loop_ends_is_closed_once(engine: Engine, kind: str) -> None:
    """Python closes all generators then, at the same time."""
    wanted = replied(engine, [9, 8]).ids
    kept: list[AsyncGenerator[Any]] = []
    told: list[dict[str, Any]] = []

    async def go() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        kept.append(STREAMS[kind](engine))
        await anext(kept[0])
        await anext(kept[0])

    asyncio.run(go())
    assert told == []
    assert replied(engine, [9, 8]).ids == wanted


def test_a_score_goes_on_after_a_reply_had_its_turn(engine: Engine) -> None:
    ids = [3 + i * 7 % 500 for i in range(50)]
    wanted = scored(engine, ids)

    async def go() -> list[bytes]:
        rows: list[bytes] = []
        async for row in engine.score(ids):
            rows.append(row)
            if len(rows) in (1, 20, 49):
                await short(engine)
        return rows

    rows = np.stack([np.frombuffer(row, np.float32) for row in asyncio.run(go())])
    np.testing.assert_allclose(rows, wanted, atol=1e-5)


NOT_LISTS: list[Any] = [None, [], (), {}, {"role": "user"}, "Hello", 5, math.nan]
NOT_IDS: list[Any] = [[None], ["5"], [1.0], [True], [math.nan], [-1], [10**6]]


@pytest.mark.parametrize("value", NOT_LISTS)
def test_messages_that_are_no_list_are_named(engine: Engine, value: Any) -> None:
    with pytest.raises(BadRequest, match=r"^messages is "):
        engine.chat(value, GREEDY)
    if not isinstance(value, dict):
        with pytest.raises(BadRequest, match=r"^messages is "):
            engine.chat([value], GREEDY)
    if value is not None and value not in ([], ()):
        with pytest.raises(BadRequest, match=r"^tools is "):
            engine.chat(HELLO, GREEDY, tools=value)


def test_prompts_and_ids_that_are_none_are_named(engine: Engine) -> None:
    for value in (None, {}, {"text": "x"}, 5, math.nan, b"bytes"):
        wrong: Any = value
        with pytest.raises(BadRequest, match=r"^prompt is "):
            engine.complete(wrong, GREEDY)
        with pytest.raises(BadRequest, match=r"^ids is "):
            engine.score(wrong)
    for ids in NOT_IDS:
        with pytest.raises(BadRequest, match=r"^token id is "):
            replied(engine, ids)
        with pytest.raises(BadRequest, match=r"^token id is "):
            engine.score(ids)
    with pytest.raises(BadRequest, match=r"^prompt is "):
        replied(engine, [])
