"""Every architecture and option against the exact forward: in chunks, token by token, continued.

tests/model/test_logits.py has the weight types; here weights are F32, so that what separates the
two is the cache, whose keys and values are halves.
"""

from pathlib import Path

import numpy as np
import pytest

from py_engine.generate.sampling import Sampling
from tests.divergence import kl_divergence
from tests.fixture_models import MODELS, TYPED
from tests.fixtures import write
from tests.model.conftest import Open, replied, scored
from tests.model.test_logits import IDS, NEAR, agreement
from tests.oracle import Oracle

LIMIT = 1e-5
"""Mean KL divergence, nats."""
OTHERS = [model for model in MODELS if model not in TYPED]
STEPS = 40
TOKENS = 72


@pytest.mark.parametrize("rung", ["subgroups"], indirect=True)
@pytest.mark.parametrize("model", OTHERS)
def test_logits(rung: object, model: str, open_model: Open, tmp_path: Path) -> None:
    spec = write(tmp_path / "m.gguf", model)
    engine, ids = open_model(spec), IDS[:TOKENS]
    exact = Oracle(spec.path).logits(ids)
    together, stepwise = scored(engine, ids), scored(engine, ids[:STEPS], by_step=True)
    assert kl_divergence(exact, together) <= LIMIT
    assert kl_divergence(exact[:STEPS], stepwise) <= LIMIT
    assert agreement(exact, together) >= 0.99
    greedy = Sampling(temperature=0, max_tokens=3)
    first = replied(engine, ids[:50], greedy).ids  # a prompt's last chunk, and steps after it
    again = replied(engine, [*ids[:50], *first], greedy).ids  # from what is cached
    seen = [*ids[:50], *first, *again]
    logits = Oracle(spec.path).logits(seen)[49:-1]
    chosen = logits[np.arange(len(logits)), list(first + again)]
    assert np.all(chosen >= logits.max(axis=1) - NEAR)
