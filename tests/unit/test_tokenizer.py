"""Text to ids and back: llama.cpp's vectors, Hugging Face's own splitting, hostile metadata.

`python -m tests.unit.test_tokenizer` runs the sweeps over all code points and many random texts.
"""

import json
from typing import Any

import pytest
import tokenizers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from py_engine.base.errors import (
    BadTokenizer,
    InferaivedError,
    NoTokenizer,
    UnsupportedTokenizer,
)
from py_engine.text.pretokenizers import PRE_TOKENIZERS
from py_engine.text.special import Splitter
from py_engine.text.tokenizer import Tokenizer
from tests.vocabularies import (
    COMMON,
    HARD_TEXTS,
    OTHERS,
    SPACES_AS_MARKS,
    RustEncoder,
    assigned,
    decoded,
    metadata,
    tokenizer,
    vectors,
)

ALL = COMMON + OTHERS
QUICK = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", ALL)
def test_llama_cpp_vectors(name: str) -> None:
    ours = tokenizer(name)
    cases = vectors(name)
    assert [ours.encode(text) for text, _ in cases] == [ids for _, ids in cases]
    assert [decoded(ours, ids) for _, ids in cases] == [text for text, _ in cases]


@pytest.mark.parametrize(
    ("name", "bos", "eos", "eog", "add_bos"),
    [  # as llama.cpp 0.3.36 reports them for these files
        ("gpt-2", 50256, 50256, {50256}, False),
        ("llama-bpe", 128000, 128001, {128001, 128009}, True),
        ("llama-spm", 1, 2, {2}, True),
        ("qwen2", 151643, 151643, {128247, 151643, 151645}, False),
        ("gemma-4", 2, 1, {1, 50, 106}, True),
        ("phi-3", 1, 32000, {2, 32000, 32007}, True),
    ],
)
def test_roles(name: str, bos: int, eos: int, eog: set[int], add_bos: bool) -> None:
    ours = tokenizer(name)
    assert (ours.bos, ours.eos, ours.eog, ours.add_bos) == (bos, eos, eog, add_bos)


def stock(name: str) -> tokenizers.Tokenizer:
    """The same vocabulary as Hugging Face would ship it: special tokens inside the library."""
    ours = tokenizer(name)
    described = json.loads(ours_json(name))
    described["model"]["vocab"] |= ours.special
    described["added_tokens"] = [
        {"id": i, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for text, i in sorted(ours.special.items(), key=lambda item: item[1])
    ]  # fmt: skip
    return tokenizers.Tokenizer.from_str(json.dumps(described))


def ours_json(name: str) -> str:
    """The tokenizer.json that we hand to the library."""
    encoder = tokenizer(name)._encoder
    assert isinstance(encoder, RustEncoder)
    return encoder.json


def texts(name: str) -> st.SearchStrategy[str]:
    """Random text made of what goes wrong: spaces, apostrophes, special tokens, any characters."""
    ours = tokenizer(name)
    special = sorted(ours.special)
    spaces = ["", " ", "  ", "\n", "\r\n", "\t", "\n\n\n", "\u3000", " \x0b"]
    pieces = st.one_of(
        st.sampled_from(special),
        st.sampled_from(spaces),
        st.sampled_from(
            ["'s", "'LL", "don't", "1234", "e\u0301", "👩‍💻", "漢字", "कि", *HARD_TEXTS]
        ),
        st.text(max_size=6),
        st.sampled_from([text for i in range(0, 20000, 7) if (text := ours.vocabulary.text(i))]),
    )
    return st.lists(pieces, max_size=12).map("".join)


@pytest.mark.parametrize("name", COMMON)
def test_special_tokens_split_as_the_library_would(name: str) -> None:
    ours, theirs = tokenizer(name), stock(name)

    @QUICK
    @given(texts(name))
    def check(text: str) -> None:
        assert ours.encode(text, special=True) == theirs.encode(text, add_special_tokens=False).ids

    check()


@pytest.mark.parametrize("name", COMMON)
def test_round_trip(name: str) -> None:
    ours = tokenizer(name)

    @QUICK
    @given(texts(name))
    def check(text: str) -> None:
        if name in SPACES_AS_MARKS:
            text = text.replace("▁", " ")
        for special in (False, True):
            ids = ours.encode(text, special=special)
            assert decoded(ours, ids) == text

    check()


@pytest.mark.parametrize("name", COMMON)
def test_typed_text_never_becomes_a_guarded_token(name: str) -> None:
    ours = tokenizer(name)
    guarded = [text for text, i in ours.special.items() if ours.is_guarded(i)]
    assert guarded
    for text in guarded:
        for typed in (text, f"a {text} b", f"{text}{text}", f"{text[:2]}{text}{text[2:]}"):
            assert not ours.vocabulary.guarded & set(ours.encode(typed))
            assert decoded(ours, ours.encode(typed)) == typed


def sweep(name: str, step: int) -> None:
    """Code points in context: the text comes back, and the special split changes nothing."""
    ours, theirs = tokenizer(name), stock(name)
    for char in assigned(step):
        text = f"a{char} {char}{char}1'{char}\n{char}"
        if name in SPACES_AS_MARKS:
            text = text.replace("▁", "-")
        ids = ours.encode(text)
        assert decoded(ours, ids) == text, hex(ord(char))
        assert ids == theirs.encode(text, add_special_tokens=False).ids, hex(ord(char))


@pytest.mark.parametrize("name", COMMON)
def test_code_points(name: str) -> None:
    sweep(name, step=61)


@pytest.mark.parametrize("name", COMMON)
def test_hard_texts(name: str) -> None:
    ours = tokenizer(name)
    for text in HARD_TEXTS:
        assert decoded(ours, ours.encode(text)) == text


def test_phi_3_tokens_swallow_white_space() -> None:
    ours = Tokenizer({**metadata("phi-3"), "general.name": "Phi-3-mini"}, RustEncoder)
    end = ours.special["<|end|>"]
    assert ours.encode("<|end|>\n \tx", special=True) == [end, *ours.encode("x")]
    assert ours.encode("<|endoftext|>\n", special=True)[1:] == ours.encode("\n")


# ---- made-up vocabularies


def bpe(*special: str, **more: Any) -> dict[str, object]:
    """A byte-level vocabulary of a, b, ab and the given control tokens."""
    tokens = [b"a", b"b", b"ab", *(text.encode() for text in special)]
    made: dict[str, object] = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [1, 1, 1] + [3] * len(special),
        "tokenizer.ggml.merges": [b"a b"],
    }
    return made | {f"tokenizer.ggml.{key}": value for key, value in more.items()}


def spm(**more: Any) -> dict[str, object]:
    """A SentencePiece vocabulary whose better scores win."""
    tokens = [b"<unk>", b"<s>", b"</s>", "▁".encode(), b"a", b"b", b"c", b"ab", b"bc", b"\xff"]
    made: dict[str, object] = {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [2, 3, 3, 1, 1, 1, 1, 1, 1, 1],
        "tokenizer.ggml.scores": [0.0, 0.0, 0.0, -9.0, -5.0, -5.0, -5.0, -3.0, -2.0, -1.0],
    }
    return made | {f"tokenizer.ggml.{key}": value for key, value in more.items()}


def test_sentencepiece_merges_by_score() -> None:
    ours = Tokenizer(spm(), RustEncoder)
    assert ours.encode("abc") == [3, 4, 8]  # bc scores better than ab
    assert ours.encode("") == []
    assert ours.encode("é") == [3, 0]  # no byte tokens: the unknown token
    assert ours.encode("<unk>")[0] == 3 and ours.encode("<unk>", special=True) == [0]
    plain = Tokenizer(spm(add_space_prefix=False), RustEncoder)
    assert plain.encode("abc") == [4, 8]
    assert any("1 tokens are empty or not valid" in warning for warning in ours.warnings)


def test_without_scores_ids_tell_the_order_of_merges() -> None:
    """XVERSE's files have none, and those of a tokenizer.json alone have -1000 for all."""
    given, right = metadata("llama-spm"), tokenizer("llama-spm")
    n_tokens = right.n_vocab
    texts = [text for text, _ in vectors("llama-spm") if "  " not in f" {text}"]
    assert len(texts) > 20  # Llama's runs of spaces alone are merged in another order
    for scores in (None, [-1000.0] * n_tokens):
        ours = Tokenizer({**given, "tokenizer.ggml.scores": scores}, RustEncoder)
        assert any("no scores" in warning for warning in ours.warnings) == (scores is None)
        for text in texts:
            assert ours.encode(text) == right.encode(text)


def test_suppressed_tokens_are_those_of_the_file() -> None:
    ours = Tokenizer(bpe(suppress_tokens=[1, -1, 99, 1]), RustEncoder)
    assert ours.vocabulary.suppressed == {1}
    assert Tokenizer(bpe(), RustEncoder).vocabulary.suppressed == frozenset()
    with pytest.raises(BadTokenizer, match="suppress_tokens"):
        Tokenizer(bpe(suppress_tokens="1"), RustEncoder)


def test_harmony_tokens_are_shown_but_guarded() -> None:
    marks = ["<|start|>", "<|message|>", "<|channel|>", "<|end|>", "<|return|>", "<|call|>"]
    ours = Tokenizer(bpe(*marks, eos_token_id=7), RustEncoder)
    ids = {text: i for i, text in enumerate(marks, 3)}
    assert ours.eog == {ids["<|return|>"], ids["<|call|>"]}
    shown = {text for text, i in ids.items() if not ours.is_special(i)}
    assert shown == {"<|start|>", "<|message|>", "<|channel|>", "<|end|>"}
    assert all(ours.is_guarded(i) for i in ids.values())


def test_gemma_keeps_a_plain_closing_tag() -> None:
    ours = Tokenizer(bpe("</s>", "<|tool_response>"), RustEncoder)
    assert ours.eog == {4}
    assert not ours.is_guarded(3)


def test_ordinary_token_eleven_is_no_end() -> None:
    """llama.cpp takes token 11 as EOS where no key says otherwise; in GPT-2 it is a comma."""
    filler = [f"x{i}".encode() for i in range(20)]
    made = bpe() | {
        "tokenizer.ggml.tokens": filler, "tokenizer.ggml.token_type": [1] * 20,
        "tokenizer.ggml.merges": [],
    }  # fmt: skip
    ours = Tokenizer(made, RustEncoder)
    assert (ours.bos, ours.eos, ours.eog) == (None, None, frozenset())


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"model": "bert"}, UnsupportedTokenizer),
        *(({"model": name}, NoTokenizer) for name in (None, "none", "no_vocab", "test")),
        ({"model": 3}, BadTokenizer),
        ({"pre": "unheard-of"}, UnsupportedTokenizer),
        ({"pre": [b"gpt-2"]}, BadTokenizer),
        ({"tokens": None}, BadTokenizer),
        ({"tokens": []}, BadTokenizer),
        ({"tokens": "abc"}, BadTokenizer),
        ({"tokens": ["a", "b", "c"]}, BadTokenizer),
        ({"token_type": [1, 1]}, BadTokenizer),
        ({"token_type": [1.0, 1.0, 1.0]}, BadTokenizer),
        ({"merges": None}, BadTokenizer),
        ({"merges": [3]}, BadTokenizer),
    ],
)
def test_bad_metadata(change: dict[str, object], error: type[InferaivedError]) -> None:
    (key, _), = change.items()  # fmt: skip
    with pytest.raises(error, match=f"tokenizer.ggml.{key}"):
        Tokenizer(bpe(**change), RustEncoder)


@pytest.mark.parametrize("change", [{"scores": [0.0] * 9}, {"scores": [float("nan")] * 10}])
def test_bad_scores(change: dict[str, object]) -> None:
    with pytest.raises(BadTokenizer, match="scores"):
        Tokenizer(spm(**change), RustEncoder)


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"pre": None}, "does not name its pre-tokenizer"),
        ({"eos_token_id": 99}, "eos_token_id is 99"),
        ({"bos_token_id": -1}, "bos_token_id is -1"),
        ({"eot_token_id": True}, "eot_token_id is true"),
        ({"add_bos_token": 2}, "add_bos_token is 2"),
        ({"add_bos_token": True}, "has none"),
        ({"token_type": None}, "no token types"),
        ({"tokens": [b"a", b"a", b"ab"]}, "occur twice"),
        ({"tokens": [b"a", b"", b"\xff"]}, "2 tokens are empty or not valid"),
    ],
)
def test_repairs_are_told(change: dict[str, object], warning: str) -> None:
    ours = Tokenizer(bpe(**change), RustEncoder)
    assert any(warning in told for told in ours.warnings)
    assert ours.n_vocab == 3 and decoded(ours, ours.encode("a")) in ("a", "")


def test_broken_merges_are_left_out() -> None:
    merges = [b"a b", b"", b" ", b"ab", b"a zz", b"\xff a", b"a  b"]
    assert Tokenizer(bpe(merges=merges), RustEncoder).encode("abab") == [2, 2]


def test_a_merge_cannot_form_a_control_token() -> None:
    made = bpe("aab", merges=[b"a b", b"a ab"])
    assert Tokenizer(made, RustEncoder).encode("aab") == [0, 2]


def test_bytes_without_a_token_part_their_neighbours() -> None:
    """As in llama.cpp; PyPI tokenizers alone would drop the byte first and merge a with b."""
    assert Tokenizer(bpe(), RustEncoder).encode("acb ab") == [0, 1, 2]


def test_every_pre_tokenizer_compiles() -> None:
    for name in PRE_TOKENIZERS:
        ours = Tokenizer(bpe(pre=name), RustEncoder)
        assert decoded(ours, ours.encode("ab\nab")) in ("ab\nab", "abab")


def test_ids_outside_the_vocabulary() -> None:
    ours = Tokenizer(bpe(), RustEncoder)
    for wrong in (-1, 3):
        with pytest.raises(IndexError):
            ours.token_bytes(wrong)


# ---- the splitter


@QUICK
@given(
    st.lists(st.text("ab<|>", min_size=1, max_size=4), min_size=1, max_size=6, unique=True),
    st.text("ab<|> \n", max_size=30),
)
def test_splitter_is_leftmost_longest(tokens: list[str], text: str) -> None:
    ids = {token: i for i, token in enumerate(tokens)}
    expected: list[str | int] = []
    at = done = 0
    while at < len(text):
        here = [token for token in tokens if text.startswith(token, at)]
        if not here:
            at += 1
            continue
        if done < at:
            expected.append(text[done:at])
        expected.append(ids[max(here, key=len)])
        at = done = at + len(max(here, key=len))
    if done < len(text):
        expected.append(text[done:])
    assert list(Splitter(ids).split(text)) == expected


@QUICK
@given(
    st.lists(st.text("ab<|>", min_size=1, max_size=4), min_size=1, max_size=6, unique=True),
    st.text("ab<|> ", max_size=30),
)
def test_cut_text_holds_no_token(tokens: list[str], text: str) -> None:
    splitter = Splitter({token: i for i, token in enumerate(tokens)})
    for cut in (splitter.cut(text), splitter.cut_all(text)):
        assert not [piece for piece in splitter.split(cut) if isinstance(piece, int)]
        kept = "".join(char for char in text if char not in tokens)
        assert cut.replace("\ufdd0", "") == kept


if __name__ == "__main__":
    for vocabulary in COMMON:
        sweep(vocabulary, step=1)
        print(vocabulary, "all code points")
