"""Sampling settings: what is refused, how requests are read, what the shader gets."""

import math
import struct

import pytest

from py_engine.base.errors import BadRequest
from py_engine.generate.sampling import Sampling
from py_engine.ops.sample import SETTINGS_BYTES

NAN, INF = math.nan, math.inf
BAD = {
    "temperature": [-0.1, 100.5, NAN, INF, "1", True, None, [], 10**400],
    "top_k": [-1, 2**31 + 1, 1.5, "40", True, None],
    "top_p": [-0.1, 1.01, NAN, "x", None],
    "min_p": [-0.1, 1.01, NAN, False],
    "repetition_penalty": [0.0, -1, 101, NAN],
    "presence_penalty": [-101, 101, NAN, INF],
    "frequency_penalty": [-101, 101, "0"],
    "seed": [-1, 2**32, 1.0, "5", True],
    "max_tokens": [0, -1, 2**31 + 1, 1.5, "9", True],
    "stop": [5, "text", ("",), ("a", ""), (1,), (None,), True],
    "logit_bias": [
        {-1: 1.0}, {"1": 1.0}, {1.5: 1.0}, {1: NAN}, {1: 10001}, {1: "x"}, {True: 1.0},
        {2**31 + 1: 0.0}, [1], 5, None,
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_bad_values_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(BadRequest, match=name):
        Sampling(**{name: value})


def test_bounds_are_allowed() -> None:
    Sampling(temperature=0, top_k=0, top_p=0, min_p=0, repetition_penalty=0.01, seed=0)
    Sampling(temperature=100, top_k=2**31, top_p=1, min_p=1, seed=2**32 - 1, max_tokens=1)
    Sampling(presence_penalty=-100, frequency_penalty=100, logit_bias={0: -1e4, 2**31: 1e4})


def test_options_of_a_request() -> None:
    assert Sampling.from_options({}) == Sampling()
    assert Sampling.from_options({"temperature": None, "stop": None}) == Sampling()
    asked = Sampling.from_options(
        {"temperature": 1, "stop": "END", "logit_bias": {"7": -100, "8": 1.5}, "max_tokens": 5}
    )
    assert asked == Sampling(
        temperature=1, stop=("END",), logit_bias={7: -100, 8: 1.5}, max_tokens=5
    )
    assert Sampling.from_options({"stop": ["a", "b"]}).stop == ("a", "b")


@pytest.mark.parametrize(
    "options",
    [
        {"temprature": 1},
        {"stop": ""},
        {"stop": [1]},
        {"stop": {"a": 1}},
        {"stop": 5},
        {"logit_bias": {"x": 1}},
        {"logit_bias": {"1": None}},
        {"logit_bias": []},
        {"logit_bias": "1"},
        {"temperature": "hot"},
        {"temperature": {}},
    ],
)
def test_bad_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        Sampling.from_options(options)


def unpacked(sampling: Sampling) -> tuple[float, ...]:
    data = sampling.packed()
    assert len(data) == SETTINGS_BYTES
    return struct.unpack("<fIfffffI", data)


def test_what_the_shader_gets() -> None:
    sampling = Sampling(
        temperature=0.5, top_k=7, top_p=0.25, min_p=0.5, repetition_penalty=2, presence_penalty=-1
    )
    inverse, top_k, top_p, distance, repetition, presence, frequency, penalties = unpacked(sampling)
    assert (inverse, top_k, top_p, repetition, presence, frequency) == (2, 7, 0.25, 2, -1, 0)
    assert distance == pytest.approx(math.log(2)) and penalties == 1


def test_greedy_and_switched_off_settings() -> None:
    off = unpacked(Sampling(temperature=0, top_k=0, top_p=1, min_p=0))
    assert off[0] == 0 and off[1] == 0 and off[2] == 1 and off[3] > 1e6 and off[7] == 0
    assert 0 < unpacked(Sampling(temperature=1e-30))[0] <= 1000
    assert unpacked(Sampling(top_p=0))[2] > 0  # one token is always kept


@pytest.mark.parametrize("name", ["repetition_penalty", "presence_penalty", "frequency_penalty"])
def test_any_penalty_reads_the_counts(name: str) -> None:
    assert not Sampling().penalises
    assert Sampling(**{name: 0.5}).penalises
