"""The oracle against llama.cpp's recorded logits, and the fixtures' power to show a mistake."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.divergence import kl_divergence
from tests.fixture_models import MODELS
from tests.fixtures import write, write_named
from tests.oracle import Oracle
from tests.oracle_gemma import Gemma3n

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
RECORD = json.loads((VECTORS / "llama_cpp.json").read_text())
IDS = RECORD["ids"]


SAVED = ["llama-saved", "qwen2-saved", "qwen3-saved"]


@pytest.mark.parametrize("name", [*MODELS, "qwen3-odd", *SAVED])
def test_oracle_equals_llama_cpp_on_f32_weights(name: str, tmp_path: Path) -> None:
    """llama.cpp sums in float32, so the two differ by its rounding: measured 2e-11 and 9e-5.

    Its rotation for pictures (M-RoPE), which a text of a VL model takes too, rounds more.
    """
    theirs = np.load(VECTORS / "logits.npz")[name]
    spec = write_named(tmp_path / "model.gguf", name)
    oracle = Oracle(spec.path)
    if isinstance(oracle, Gemma3n):
        oracle.sample = 1
    exact = oracle.logits(IDS)[RECORD["positions"]]
    pictures = name.endswith("vl")
    assert kl_divergence(exact, theirs) <= (2e-8 if pictures else 5e-11)
    assert np.abs(exact - theirs).max() <= (2e-3 if pictures else 2e-4)


def without(oracle: Oracle, part: str) -> Oracle:
    oracle.weights = {name: w for name, w in oracle.weights.items() if part not in name}
    return oracle


def with_value(oracle: Oracle, name: str, value: object) -> Oracle:
    setattr(oracle, name, value)
    return oracle


MISTAKES = {
    "no rope factors": ("llama3", lambda o: without(o, "rope_freqs")),
    "no linear scaling": ("llama-linear", lambda o: with_value(o, "without", "scaling")),
    "default rope base": ("llama3", lambda o: with_value(o, "theta", 10000.0)),
    "neighbours for halves": ("qwen2", lambda o: with_value(o, "architecture", "llama")),
    "halves for neighbours": ("llama", lambda o: with_value(o, "architecture", "qwen2")),
    "no k bias": ("qwen2", lambda o: without(o, "attn_k.bias")),
    "no v bias": ("qwen2", lambda o: without(o, "attn_v.bias")),
    "no q norm": ("qwen3", lambda o: without(o, "attn_q_norm")),
    "no q bias below a norm": ("qwen3-saved", lambda o: without(o, "attn_q.bias")),
    "no output bias": ("qwen2-saved", lambda o: without(o, "output.bias")),
    **{
        f"no {name} bias": ("llama-saved", partial(without, part=f"{name}.bias"))
        for name in ("attn_output", "ffn_gate", "ffn_up", "ffn_down")
    },
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_shows(mistake: str, tmp_path: Path) -> None:
    """Each part matters by far more than the 1e-5 that tests of the engine allow."""
    model, break_it = MISTAKES[mistake]
    spec = write_named(tmp_path / "model.gguf", model)
    right = Oracle(spec.path).logits(IDS)
    wrong = break_it(Oracle(spec.path)).logits(IDS)
    assert kl_divergence(right, wrong) >= 1e-2


def test_later_tokens_change_nothing_before_them(tmp_path: Path) -> None:
    oracle = Oracle(write(tmp_path / "model.gguf", "qwen3", odd=True).path)
    np.testing.assert_allclose(oracle.logits(IDS)[:9], oracle.logits(IDS[:9]), atol=1e-12)


def test_kl_divergence_is_that_of_the_formula() -> None:
    p, q = np.array([[0.5, 0.25, 0.25]]), np.array([[0.25, 0.25, 0.5]])
    assert kl_divergence(np.log(p) + 7, np.log(q)) == pytest.approx(0.25 * np.log(2))
