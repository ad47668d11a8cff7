"""llama.cpp's vocabulary files, their vectors, and the two tokenizer libraries over them.

The files are third-party and not in this repository: ../shared/data holds some vocabularies and
the chat templates, and the environment variable LLAMA_CPP_MODELS may name llama.cpp's own `models`
folder (all of them; it is in the sdist of llama-cpp-python). What is absent is skipped by name.
"""

import asyncio
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
import tokenizers

from py_engine.formats.gguf import read_gguf
from py_engine.hosts.files import FileSource
from py_engine.text.tokenizer import Tokenizer
from py_engine.text.tokenizer_json import tokenizer_json
from py_engine.text.vocabulary import CONTROL, UNKNOWN, USER_DEFINED, Vocabulary

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared/data/vocab"
MODELS = Path(os.environ.get("LLAMA_CPP_MODELS", SHARED))
TEMPLATES = next(
    (folder for folder in (MODELS / "templates", SHARED.with_name("templates")) if folder.is_dir()),
    MODELS / "templates",
)
"""llama.cpp's chat templates; there may be none."""
SEPARATOR = "\n__ggml_vocab_test__\n"

COMMON = ("gpt-2", "llama-bpe", "llama-spm", "qwen2")
"""The four that every developer has."""
OTHERS = (
    "command-r", "deepseek-coder", "deepseek-llm", "falcon", "gemma-4", "mpt", "phi-3", "qwen35",
    "refact", "starcoder",
)  # fmt: skip
SPACES_AS_MARKS = ("gemma-4", "llama-spm", "phi-3")
"""Vocabularies that write a space as U+2581, so that a typed U+2581 comes back as a space."""

HARD_TEXTS = (
    "\x1f", "¼-a ½-a ¾-a 〇-a Ⅵ-a", "\ufeff//", "Cửa Việt", "<s>a", "<unk><|endoftext|><s>",
    '"a\na"', '"', "⺎", "\n\x0b  ", "a\xa0\xa0\x00b", "one <mask>", "a </s> b", "\xa0aC",
    "\u2029\ua3e4", "a ?", "å", "\U000ac517\U000522f4", "I'Ll we'VE ſ's 'ſ", "  \t\u3000 x",
    "é́ 👩‍👩‍👧 🇩🇪", "1234567 ٣٤٥ ½", "a\r\n\r\n b\r", " " * 70 + "x", "[EMPTY_3]", "<0x0A>", "",
)  # fmt: skip
"""The edge list of llama.cpp's test-tokenizer-random.py, and ours."""


def path(name: str) -> Path:
    """The file of a vocabulary; skips the test when it is not here."""
    for folder in (MODELS, SHARED):
        found = folder / f"ggml-vocab-{name}.gguf"
        if found.exists():
            return found
    pytest.skip(f"{name}: no ggml-vocab-{name}.gguf (set LLAMA_CPP_MODELS)")


class RustEncoder:
    """PyPI tokenizers, as the native host uses it."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.json = tokenizer_json(vocabulary)
        self._tokenizer = tokenizers.Tokenizer.from_str(self.json)

    def encode(self, text: str) -> list[int]:
        """Plain text to ids."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


@cache
def metadata(name: str) -> Mapping[str, object]:
    """The metadata of a vocabulary file."""
    source = FileSource(str(path(name)))
    try:
        return asyncio.run(read_gguf(source)).metadata
    finally:
        source.close()


@cache
def tokenizer(name: str) -> Tokenizer:
    """The tokenizer of a vocabulary file, over PyPI tokenizers."""
    return Tokenizer(metadata(name), RustEncoder)


def decoded(tokenizer: Tokenizer, ids: Iterable[int]) -> str:
    """The text of ids, the inverse of `Tokenizer.encode`; broken UTF-8 becomes U+FFFD.

    The space that `encode` puts before a fragment is taken off again. In a stream of new tokens
    that space belongs to the text: see `Detokenizer`.
    """
    parts: list[bytes] = []
    vocabulary = tokenizer.vocabulary
    begins = vocabulary.space_prefix
    for id in ids:
        part = tokenizer.token_bytes(id)
        parts.append(part[1:] if begins and part.startswith(b" ") else part)
        kind = vocabulary.types[id]
        begins = vocabulary.space_prefix and kind in (CONTROL, UNKNOWN, USER_DEFINED)
    return b"".join(parts).decode(errors="replace")


def vectors(name: str) -> list[tuple[str, list[int]]]:
    """llama.cpp's cases: text, and its ids without BOS and without parsing special tokens."""
    file = path(name)
    with open(f"{file}.inp", encoding="utf-8", newline="") as inputs:
        texts = inputs.read().split(SEPARATOR)
    if not texts[-1]:
        texts.pop()
    with open(f"{file}.out", encoding="ascii") as outputs:
        rows = [[int(number) for number in line.split()] for line in outputs.read().split("\n")]
    assert len(rows) >= len(texts) > 40
    return list(zip(texts, rows, strict=False))


def assigned(step: int = 1, start: int = 0) -> Iterator[str]:
    """Every `step`-th assigned code point below 0x30000."""
    points = (
        chr(point)
        for point in range(0x30000)
        if unicodedata.category(chr(point)) not in ("Cn", "Co", "Cs")
    )
    for i, char in enumerate(points):
        if i % step == start % step:
            yield char
