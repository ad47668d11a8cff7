"""Tuning with times that are told, so that every machine finds the same: what is tried and kept."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence

import pytest

from py_engine.engine import Engine, load
from py_engine.generate import tune
from py_engine.generate.programs import Key, Kind, Programs
from py_engine.gpu.device import Dispatch
from py_engine.gpu.device import opened as ready
from py_engine.gpu.native import NativeDevice
from py_engine.gpu.recorder import Library
from py_engine.hosts.files import open_sources
from py_engine.hosts.native import LibraryEncoder
from py_engine.hosts.shaders import read_shader
from tests.fixtures import Spec, write
from tests.model.conftest import replied

Rung = tuple[NativeDevice, Library, str]
PROMPT = list(range(5, 45))
tunable = pytest.mark.parametrize("rung", ["plain"], indirect=True)
"""A CPU with subgroups is known as such, and not tuned."""


class Kept(dict[str, str]):
    """Tunings in memory."""

    async def get(self, key: str) -> str:
        return dict.get(self, key, "")

    async def put(self, key: str, text: str) -> None:
        self[key] = text


class Clock:
    """Tells how long a tiling takes: 1 ms, and what `fast` says of (threads, rows)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fast: Mapping[tuple[int, int], float]):
        self.fast, self.asked = fast, 0
        monkeypatch.setattr(tune, "replay_seconds", self.seconds)
        monkeypatch.setattr(tune, "_BUDGET_S", 600.0)
        monkeypatch.setattr(tune, "SLOW_COMPILE_S", 600.0)

    async def seconds(self, _: Programs, dispatches: Sequence[Dispatch], __: float) -> float:
        self.asked += 1
        constants = dispatches[0].shader.constants
        return self.fast.get((constants["WG"], constants["R"]), 1e-3)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    return write(tmp_path_factory.mktemp("model") / "m.gguf", "qwen2", "Q4_K")


def opened(
    model: Spec,
    rung: Rung,
    kept: Kept | None,
    read: Callable[[str], str] = read_shader,
    *,
    again: bool = False,
) -> Engine:
    sources = open_sources(str(model.path))
    device, _, _ = rung
    loading = load(sources, ready(device), LibraryEncoder, read, tunings=kept, retune=again)
    return asyncio.run(loading)


def tilings(engine: Engine) -> set[tuple[int, int]]:
    """R and WG of the products in a step."""
    shaders = [d.shader for d in engine._programs.recorded(Key(Kind.DECODE, 1))]
    products = [shader.constants for shader in shaders if shader.name == "matvec"]
    return {(constants["R"], constants["WG"]) for constants in products}


@tunable
def test_the_fastest_is_taken_and_kept(
    monkeypatch: pytest.MonkeyPatch, rung: Rung, model: Spec
) -> None:
    clock = Clock(monkeypatch, {(32, 8): 5e-4, (32, 2): 6e-4})
    kept = Kept()
    usual, tuned = opened(model, rung, None), opened(model, rung, kept)
    assert clock.asked > 0
    assert tilings(tuned) == {(8, 32)} != tilings(usual)
    (text,) = kept.values()
    assert set(map(tuple, json.loads(text).values())) == {(32, 8, 1)}
    assert replied(tuned, PROMPT).ids == replied(usual, PROMPT).ids
    clock.asked, clock.fast = 0, {(32, 2): 1e-4}
    later = opened(model, rung, kept)
    assert clock.asked == 0 and tilings(later) == tilings(tuned)
    again = opened(model, rung, kept, again=True)
    assert tilings(again) == {(2, 32)}
    for engine in (usual, tuned, later, again):
        engine.close()


@tunable
@pytest.mark.parametrize(
    "why",
    ["too little gained", "wrong results", "a slow device", "a slow compiler", "no time left"],
)
def test_the_usual_tiling_stays(
    monkeypatch: pytest.MonkeyPatch, rung: Rung, model: Spec, why: str
) -> None:
    fast = {"too little gained": 0.97e-3}.get(why, 1e-4)
    clock = Clock(monkeypatch, {(32, 8): fast})
    read = read_shader
    if why == "a slow device":
        clock.fast = {(8, 4): 0.1, (16, 4): 0.1, (32, 8): 1e-4}
    if why == "a slow compiler":
        monkeypatch.setattr(tune, "SLOW_COMPILE_S", 0.0)
    if why == "no time left":
        monkeypatch.setattr(tune, "_BUDGET_S", -1.0)
    if why == "wrong results":

        def read(path: str) -> str:
            right = "var y = biased("
            wrong = "var y = select(1.0, 1.1, R == 8u) * biased("
            return read_shader(path).replace(right, wrong)

        assert read("matvec.wgsl") != read_shader("matvec.wgsl")

    kept = Kept()
    engine = opened(model, rung, kept, read)
    assert tilings(engine) == {(4, 8), (4, 16)}
    (text,) = kept.values()
    assert not any(json.loads(text).values())  # and it is known for the next time
    assert engine.info["warnings"] == []
    engine.close()


@tunable
@pytest.mark.parametrize("text", ["{", "[]", '"x"', '{"x": [32, 8]}', '{"Q4_K 256": [7, 1000]}'])
def test_what_was_damaged_is_made_anew(
    monkeypatch: pytest.MonkeyPatch, rung: Rung, model: Spec, text: str
) -> None:
    Clock(monkeypatch, {(32, 8): 5e-4})
    kept = Kept()
    opened(model, rung, kept).close()
    (place,) = kept
    right, kept[place] = kept[place], text
    opened(model, rung, kept).close()
    assert kept[place] == right


@pytest.mark.parametrize("rung", ["subgroups"], indirect=True)
def test_a_cpu_is_not_tuned(monkeypatch: pytest.MonkeyPatch, rung: Rung, model: Spec) -> None:
    clock, kept = Clock(monkeypatch, {}), Kept()
    engine = opened(model, rung, kept)
    library = engine._programs._library
    assert library is not None
    assert library.narrow or "llvmpipe" not in rung[0].info  # Mesa's CPU driver, the tests' own
    assert (clock.asked == 0 and not kept) == library.narrow
    engine.close()
