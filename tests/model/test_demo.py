"""The committed demo model: it says what it is, it answers what it was taught, and it stops."""

from __future__ import annotations

from pathlib import Path

import pytest
from gguf import GGUFReader
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from tests.oracle import Oracle

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "web" / "models" / "demo.gguf"


@pytest.fixture(scope="module")
def metadata() -> dict[str, object]:
    return {key: field.contents() for key, field in GGUFReader(DEMO).fields.items()}


@pytest.fixture(scope="module")
def tokenizer(metadata: dict[str, object]) -> Tokenizer:
    tokens = metadata["tokenizer.ggml.tokens"]
    merges = [tuple(pair.split(" ")) for pair in metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    types = metadata["tokenizer.ggml.token_type"]
    tokenizer.add_special_tokens([t for t, kind in zip(tokens, types, strict=True) if kind != 1])
    return tokenizer


@pytest.mark.parametrize(
    ("question", "begin"),
    [
        ("Hello", "Hello! "),
        ("What is Inferaived?", "Inferaived is an engine that runs language models"),
        ("where does my text go", "Nowhere. What you write is read by the model on your own"),
        ("What is the capital of France?", "I am only a placeholder and know a handful"),
    ],
)
def test_greedy_answer(
    question: str, begin: str, metadata: dict[str, object], tokenizer: Tokenizer
) -> None:
    """By the exact forward pass, so the engine's own answers may be compared with these."""
    oracle, end = Oracle(DEMO), metadata["tokenizer.ggml.eos_token_id"]
    prompt = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
    ids = tokenizer.encode(prompt).ids
    start = len(ids)
    while ids[-1] != end and len(ids) < start + 100:
        ids.append(int(oracle.logits(ids)[-1].argmax()))
    assert ids[-1] == end
    assert tokenizer.decode(ids[start:-1]).startswith(begin)


def test_it_is_small_and_says_that_it_is_a_placeholder(metadata: dict[str, object]) -> None:
    assert "placeholder" in metadata["general.name"]
    assert "placeholder" in metadata["general.description"].lower()
    assert DEMO.stat().st_size < 3 << 20
