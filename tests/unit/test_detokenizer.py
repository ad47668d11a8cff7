"""Streaming: what is given out, joined, is the text; no half character, no part of a stop."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from py_engine.text.detokenizer import Detokenizer
from py_engine.text.tokenizer import Tokenizer
from tests.unit.test_tokenizer import bpe
from tests.vocabularies import COMMON, RustEncoder, decoded, tokenizer


def stream(ours: Tokenizer, ids: list[int], stops: list[str]) -> tuple[list[str], Detokenizer]:
    detokenizer = Detokenizer(ours, stops)
    return [*(detokenizer.push(i) for i in ids), detokenizer.finish()], detokenizer


def whole(ours: Tokenizer, ids: list[int]) -> str:
    shown = (ours.token_bytes(i) for i in ids if not ours.is_special(i))
    return b"".join(shown).decode(errors="replace")


@pytest.mark.parametrize("name", COMMON)
def test_pieces_join_to_the_text(name: str) -> None:
    ours = tokenizer(name)
    chance = random.Random(5)
    hard = "🙂👩‍👩‍👧‍👦 é́ 漢字 \x00\x1f" * 3
    for _ in range(200):
        ids = [chance.randrange(ours.n_vocab) for _ in range(20)] + ours.encode(hard)
        chance.shuffle(ids)
        pieces, _ = stream(ours, ids, [])
        assert "".join(pieces) == whole(ours, ids)


def test_a_character_in_pieces_is_given_out_once_whole() -> None:
    ours = tokenizer("gpt-2")
    ids = ours.encode("🙂")
    assert len(ids) > 1
    pieces, _ = stream(ours, ids, [])
    assert pieces == [""] * (len(ids) - 1) + ["🙂", ""]
    pieces, _ = stream(ours, ids[:1], [])
    assert pieces == ["", "\ufffd"]


def test_the_space_of_a_continuation_stays() -> None:
    ours = tokenizer("llama-spm")
    ids = ours.encode("brown fox")
    assert "".join(stream(ours, ids, [])[0]) == " brown fox"
    assert decoded(ours, ids) == "brown fox"


def test_control_tokens_are_not_shown() -> None:
    ours = tokenizer("qwen2")
    ids = ours.encode("a<|im_start|>b", special=True)
    assert "".join(stream(ours, ids, [])[0]) == "ab"
    assert decoded(ours, ids) == "a<|im_start|>b"
    beyond = ours.n_vocab + 1  # a model may have more rows than the vocabulary has tokens
    assert "".join(stream(ours, [ids[0], beyond, ids[-1]], [])[0]) == "ab"


@settings(deadline=None)
@given(
    st.text("ab\n", max_size=40),
    st.lists(st.text("ab\n", max_size=4), max_size=3),
)
def test_stops(text: str, stops: list[str]) -> None:
    metadata = bpe(tokens=[b"a", b"b", b"ab", "Ċ".encode()], token_type=[1, 1, 1, 1])
    ours = Tokenizer(metadata, RustEncoder)
    ids = ours.encode(text)
    detokenizer = Detokenizer(ours, stops)
    shown = seen = ""
    met: list[int] = []
    real = [stop for stop in stops if stop]
    for i in ids:
        seen += ours.token_bytes(i).decode()
        shown += detokenizer.push(i)
        met = [seen.find(stop) for stop in real if stop in seen]
        assert detokenizer.stopped == bool(met)
        if met:
            break
        assert seen.startswith(shown)
        rest = seen[len(shown) :]
        assert not rest or any(stop.startswith(rest) for stop in real)
    shown += detokenizer.finish()
    assert shown == seen[: min(met, default=len(text))]
    assert detokenizer.push(0) == "" or not detokenizer.stopped
