"""The committed demo model: it says what it is, answers what it was taught, and stops."""

from __future__ import annotations

from pathlib import Path

import pytest
from gguf import GGUFReader
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from py_engine.text.pretokenizers import PRE_TOKENIZERS
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
    (expression,) = PRE_TOKENIZERS[metadata["tokenizer.ggml.pre"]].expressions
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(expression), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    types = metadata["tokenizer.ggml.token_type"]
    tokenizer.add_special_tokens([t for t, kind in zip(tokens, types, strict=True) if kind != 1])
    return tokenizer


@pytest.mark.parametrize(
    ("question", "within"),
    [
        ("Hello", "Hello"),
        ("What is Inferaived?", "language model"),
        ("where does my text go", "server"),
        ("What is the capital of France?", "Paris"),
        ("What is 27 + 48?", "75"),
        ("Who was Napoleon?", "not"),
    ],
)
def test_greedy_answer(
    question: str, within: str, metadata: dict[str, object], tokenizer: Tokenizer
) -> None:
    """By the exact forward pass, so the engine's own answers may be compared with these."""
    oracle, end = Oracle(DEMO), metadata["tokenizer.ggml.eos_token_id"]
    prompt = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
    ids = tokenizer.encode(prompt).ids
    start = len(ids)
    while ids[-1] != end and len(ids) < start + 100:
        ids.append(int(oracle.logits(ids)[-1].argmax()))
    assert ids[-1] == end
    assert within in tokenizer.decode(ids[start:-1])


def test_it_says_what_it_is(metadata: dict[str, object]) -> None:
    assert metadata["general.name"] == "Inferaived demo"
    assert metadata["general.license"] == "MIT"
    assert metadata["qwen3.context_length"] >= 1024
    assert "trained from nothing" in metadata["general.description"]
    assert DEMO.stat().st_size <= 10_000_000
