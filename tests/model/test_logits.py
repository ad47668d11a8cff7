"""The engine's logits against the exact ones, for every architecture and weight type.

What separates the two is the cache, whose keys and values are halves.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from py_engine.engine import Engine
from tests.divergence import kl_divergence
from tests.fixture_models import MODELS, TYPED
from tests.fixtures import RANDOM_TYPES, TYPES, Spec, write
from tests.model.conftest import Open, scored
from tests.oracle import Oracle

RECORD = json.loads((Path(__file__).parents[1] / "vectors" / "llama_cpp.json").read_text())
RECORDED = len(RECORD["ids"])
IDS = RECORD["ids"] + np.random.default_rng(7).integers(3, 571, 128 - RECORDED).tolist()
"""llama.cpp's logits of the first tokens are recorded; no later token changes them."""
STEPS = 64
"""Tokens that are scored one by one."""
LIMIT = 5e-6
"""Mean KL divergence, nats: 1e-5 is allowed, at most 2.6e-6 was measured."""
NEAR = 0.01
"""Logits as close as this are a tie: among 640 random ones there are some, and the cache's halves
move each by up to 0.03. Without this allowance at most one choice in 64 was another."""


@dataclass(frozen=True)
class Case:
    """What is written; `kind` is a weight type or a mix."""

    model: str
    kind: str
    odd: bool = False
    tied: bool | None = None
    saved: bool = False

    def __str__(self) -> str:
        tied = {None: "", True: " tied", False: " untied"}[self.tied]
        return f"{self.model} {self.kind}{' odd' * self.odd}{tied}{' saved' * self.saved}"

    def write(self, folder: Path) -> Spec:
        kind = {"weight_type": self.kind} if self.kind in TYPES else {"mix": self.kind}
        forms = {"odd": self.odd, "tied": self.tied, "saved": self.saved}
        return write(folder / "model.gguf", self.model, **forms, **kind)


EVERY_TYPE = [Case("llama", kind) for kind in [*TYPES, "Q4_K_M"]]
FEW = [
    Case("llama3", "Q4_0"),
    Case("qwen2", "Q4_K_M"),
    Case("qwen3", "Q6_K", tied=False),
    Case("llama", "Q8_0", odd=True, tied=True),
]
OTHERS = [
    *(Case("llama3", kind) for kind in ("F16", "Q8_0", "Q4_K", "Q5_1")),
    *(Case("llama-linear", kind) for kind in ("F32", "Q5_0", "Q5_K")),
    *(Case("qwen2", kind) for kind in ("BF16", "Q4_1", "Q6_K")),
    *(Case("qwen3", kind) for kind in ("F32", "Q4_K", "Q5_0", "Q4_K_M")),
    *(Case(model, "Q5_1", odd=True, tied=False) for model in ("llama3", "qwen2", "qwen3")),
    Case("llama", "Q8_0", saved=True),
    Case("llama", "Q5_0", odd=True, saved=True),
    Case("qwen2", "F32", saved=True),
    Case("qwen3", "F16", saved=True),
]
CASES = [
    *(("subgroups", case) for case in [*EVERY_TYPE, *FEW, *OTHERS]),
    *(("plain", case) for case in FEW),
]
"""Subgroups only change how sums are added up."""


def agreement(exact: np.ndarray, got: np.ndarray) -> float:
    """The share of rows whose largest logit is the exact one's, or as good as it."""
    chosen = np.take_along_axis(exact, got.argmax(axis=1)[:, None], axis=1)[:, 0]
    return float(np.mean(chosen >= exact.max(axis=1) - NEAR))


def measured(engine: Engine, spec: Spec) -> dict[str, float]:
    """KL divergence and agreement by both ways, and the KL over the recorded tokens."""
    exact = Oracle(*spec.paths).logits(IDS)
    together, stepwise = scored(engine, IDS), scored(engine, IDS[:STEPS], by_step=True)
    return {
        "prefill": kl_divergence(exact, together),
        "steps": kl_divergence(exact[:STEPS], stepwise),
        "agreement": agreement(
            np.concatenate([exact, exact[:STEPS]]), np.concatenate([together, stepwise])
        ),
        "as recorded": kl_divergence(exact[:RECORDED], together[:RECORDED]),
    }


@pytest.mark.parametrize(("rung", "case"), CASES, indirect=["rung"], ids=str)
def test_logits(rung: object, case: Case, open_model: Open, tmp_path: Path) -> None:
    spec = case.write(tmp_path)
    engine = open_model(spec)
    got = measured(engine, spec)
    limit = LIMIT
    assert got["prefill"] <= limit and got["steps"] <= limit
    assert got["agreement"] >= 0.99
    if not case.odd and not case.saved and case.tied is None and case.kind not in ("F32", "F16"):
        # F32 and F16 weights llama.cpp multiplies as they are, with a cache of F32.
        assert got["as recorded"] < RECORD["errors"][case.model][case.kind]["kl"] / 10


SMALL = dataclasses.replace(MODELS["llama"], layers=1, heads=2, kv_heads=2, feed_forward=256)
"""Products of one width, so that few kernels are compiled."""


@pytest.mark.parametrize("rung", ["subgroups"], indirect=True)
@pytest.mark.parametrize("kind", ["Q2_K", "IQ4_XS", "MXFP4", "NVFP4"])
def test_logits_of_random_blocks(
    rung: object, kind: str, open_model: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file holds a type's blocks; the oracle reads what they mean, as F32.

    NVFP4 weights come with a scale for each matrix.
    """
    small = dataclasses.replace(SMALL, scaled=kind == "NVFP4")
    monkeypatch.setitem(MODELS, "small", small)
    engine = open_model(write(tmp_path / "model.gguf", "small", kind))
    exact = Oracle(write(tmp_path / "exact.gguf", "small", kind, exact=True).path)
    assert kl_divergence(exact.logits(IDS[:40]), scored(engine, IDS[:40])) <= LIMIT
    assert kl_divergence(exact.logits(IDS[:8]), scored(engine, IDS[:8], by_step=True)) <= LIMIT


@pytest.mark.parametrize("rung", ["subgroups"], indirect=True)
def test_logits_of_every_type_in_one_file(rung: object, open_model: Open, tmp_path: Path) -> None:
    form = {"mix": "every", "layers": 3, "tied": False}
    spec = write(tmp_path / "model.gguf", "qwen3", **form)
    assert set(RANDOM_TYPES) < set(spec.types.values())
    exact = Oracle(write(tmp_path / "exact.gguf", "qwen3", **form, exact=True).path)
    engine = open_model(spec)
    assert kl_divergence(exact.logits(IDS[:40]), scored(engine, IDS[:40])) <= LIMIT
    assert kl_divergence(exact.logits(IDS[:8]), scored(engine, IDS[:8], by_step=True)) <= LIMIT


def test_every_type_meets_two_architectures() -> None:
    for kind in [*TYPES, "Q4_K_M"]:
        met = {case.model for _, case in CASES if case.kind == kind}
        assert len(met) >= 2, kind
    assert {case.model for _, case in CASES} == set(TYPED)
