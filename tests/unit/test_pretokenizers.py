"""Words as llama.cpp cuts them, in both hosts, and the tokens at which it ends a reply.

tests/vectors/record_tokens.py says how that was recorded, and where PyPI tokenizers was asked in
llama.cpp's place.
"""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from py_engine.text.pretokenizers import PRE_TOKENIZERS
from py_engine.text.tokenizer import Tokenizer
from py_engine.text.vocabulary import Vocabulary, read_vocabulary
from tests.token_cases import BY_ASCII, CHAR_OF_BYTE, ROLES, TEXTS, by_bytes, flagged, roles
from tests.unit.test_tokenizer_npm import npm_ids_of_each
from tests.vocabularies import ROOT, RustEncoder

RECORDED = json.loads((ROOT / "tests/vectors/tokens.json").read_text(encoding="utf-8"))
WORDS: dict[str, list[list[str]]] = {
    pre: family["words"] for family in RECORDED["words"] for pre in family["pre"]
}
SPACES = ("\u3000x\u3000", "a\u2029b", "\u3000。")
"""Texts that these families' own expressions cut otherwise than llama.cpp."""


@cache
def vocabulary(pre: str) -> tuple[Vocabulary, list[str], list[list[int]]]:
    """One whose tokens are the bytes and the recorded words; texts, and the ids they must get."""
    raw = not PRE_TOKENIZERS[pre].byte_level
    cases = [
        (text, words)
        for text, words in zip(TEXTS, WORDS[pre], strict=True)
        if text not in SPACES or pre not in BY_ASCII
    ]
    tokens = [f"<0x{byte:02X}>" for byte in range(256)] if raw else [*CHAR_OF_BYTE.values()]

    def written(word: str) -> str:
        return word.replace(" ", "▁") if raw else by_bytes(word)

    tokens += sorted({written(word) for _, words in cases for word in words}.difference(tokens))
    made: dict[str, object] = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": [token.encode() for token in tokens],
        "tokenizer.ggml.token_type": [1] * len(tokens),
        "tokenizer.ggml.merges": [],
    }
    read = read_vocabulary(made)
    ids = {token: i for i, token in enumerate(tokens)}
    expected = [[ids[written(word)] for word in words] for _, words in cases]
    whole = replace(read, pre=replace(read.pre, ignore_merges=True))
    return whole, [text for text, _ in cases], expected


def test_every_pre_tokenizer_was_recorded() -> None:
    assert set(WORDS) == set(PRE_TOKENIZERS)


@pytest.mark.parametrize("pre", sorted(WORDS))
def test_words_are_cut_as_llama_cpp_cuts_them(pre: str) -> None:
    whole, texts, expected = vocabulary(pre)
    encoder = RustEncoder(whole)
    for text, ids in zip(texts, expected, strict=True):
        assert encoder.encode(text) == ids, (pre, text)


def test_the_browser_cuts_the_same_words(tmp_path: Path) -> None:
    distinct = {PRE_TOKENIZERS[pre].expressions: pre for pre in WORDS}.values()
    cases = [(whole, texts) for whole, texts, _ in map(vocabulary, distinct)]
    for pre, got in zip(distinct, npm_ids_of_each(cases, tmp_path), strict=True):
        _, texts, expected = vocabulary(pre)
        wrong = [text for text, a, b in zip(texts, got, expected, strict=True) if a != b]
        assert not wrong, (pre, wrong)


@pytest.mark.parametrize("pre", sorted(WORDS))
def test_what_else_follows_from_a_name(pre: str) -> None:
    made, tokens = flagged(pre)
    ours = Tokenizer(made, RustEncoder)
    found = {
        "whole": ours.encode("abc") == [tokens.index("abc")],
        "add_bos": ours.add_bos,
        "has_bos": ours.bos is not None,
    }
    assert found == RECORDED["flags"][pre]


@pytest.mark.parametrize("name", ROLES)
def test_replies_end_where_llama_cpp_ends_them(name: str) -> None:
    made, tokens = roles(name)
    ours = Tokenizer(made, RustEncoder)
    assert {tokens[i] for i in ours.eog} == set(RECORDED["ends"][name])
    assert not {text for text in RECORDED["ends"][name] if not ours.is_special(tokens.index(text))}
