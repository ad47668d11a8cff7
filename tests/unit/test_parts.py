"""The fixtures show every part of a model: without it, the exact forward predicts something else.

A test against the oracle says little where a part does not count: with small weights a model
without any rotation is as good as a right one.
"""

from pathlib import Path

import pytest

from tests.divergence import kl_divergence
from tests.fixture_models import MODELS
from tests.fixtures import write
from tests.oracle import Oracle

IDS = [int(id) for id in (37 * i * i % 559 + 3 for i in range(48))]
LEAST = 1e-3
"""Nats; the engine's own error is below 1e-5."""


def parts(model: str) -> list[str]:
    """The parts that a model has."""
    shape, keys = MODELS[model], MODELS[model].keys
    has = {
        "rotation": keys.get("rope.scaling.finetuned", True),
        "bias": shape.bias,
        "scale": shape.scaled,
        "head norm": shape.qk_norm,
        "post norm": shape.norms != "before" and shape.layers < 64,  # else numbers overflow
        "window": "attention.sliding_window" in keys,
        "scaling": "rope.scaling.type" in keys
        or (shape.rope_factors and model != "pangu-embedded"),
        "magnitude": model in ("qwen3-yarn", "phi4-mini", "olmo3"),
        "temperature": "attention.temperature_scale" in keys,
        "scales": model in ("granite", "minicpm") or model.startswith("gemma"),
        "state": shape.architecture in ("lfm2", "qwen35"),
        "gate": shape.architecture == "qwen35",
        "softcap": "attn_logit_softcapping" in keys or "final_logit_softcapping" in keys,
        "per-layer inputs": keys.get("embedding_length_per_layer_input"),
        "block scale": shape.architecture == "gemma4",
        **dict.fromkeys(
            ("prediction", "correction", "laurel", "sparse gate", "shared caches"),
            shape.architecture == "gemma3n",
        ),
        "value norm": shape.architecture in ("gemma3n", "gemma4"),
    }
    return [part for part, there in has.items() if there]


@pytest.mark.parametrize("model", [model for model in MODELS if parts(model)])
def test_a_part_that_is_left_out_is_seen(model: str, tmp_path: Path) -> None:
    path = write(tmp_path / "m.gguf", model).path
    exact = Oracle(path).logits(IDS)
    for part in parts(model):
        assert kl_divergence(exact, Oracle(path, without=part).logits(IDS)) > LEAST, part
