"""DEBUG on a real device: every kernel is told of, and the reply after it is the same as ever."""

import asyncio
from pathlib import Path

from py_engine.base.debug import Debug
from py_engine.generate.programs import CHUNKS, Key, Kind
from tests import fixtures
from tests.model.conftest import Open, replied

PROMPT = list(range(5, 45))


def test_kernels_are_timed_and_leave_nothing_behind(open_model: Open, tmp_path: Path) -> None:
    spec = fixtures.write(tmp_path / "m.gguf", "qwen3", "Q4_K")
    wanted = replied(open_model(spec), PROMPT)
    engine = open_model(spec)
    told: list[str] = []
    asyncio.run(engine.report(Debug(2, told.append)))
    loaded, adapter, table = told
    assert loaded.startswith(f"{engine.info['name']}: qwen3, ")
    assert adapter.startswith(str(engine.info["adapter"]))
    chunk = min(engine._sequencer.pace.chunk(CHUNKS), engine._programs.context)
    decode, prefill = Key(Kind.DECODE, 1), Key(Kind.PREFILL, chunk)
    for key in (decode, prefill, Key(Kind.LOGITS), Key(Kind.SAMPLE)):
        total = [line for line in table.splitlines() if line.startswith(str(key))][-1].split()
        assert total[-1] == "all"
        assert int(total[-3]) == len(engine._programs.recorded(key))
        assert float(total[-2]) > 0
    assert replied(engine, PROMPT).ids == wanted.ids
    assert len(told) == 4
    assert f"{len(wanted.ids) - 1} steps" in told[-1]
