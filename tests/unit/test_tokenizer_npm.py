"""The browser's encoder gives the ids of the native library: vectors, text, code points.

Runs web/engine/tokens.js over npm @huggingface/tokenizers under Node (encode.mjs).
`python -m tests.unit.test_tokenizer_npm` runs the sweeps over all code points.
"""

import json
import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from py_engine.text.special import Splitter
from py_engine.text.tokenizer import Tokenizer
from py_engine.text.tokenizer_json import packed
from py_engine.text.vocabulary import Vocabulary
from tests.unit.test_tokenizer import bpe, spm
from tests.vocabularies import (
    COMMON,
    HARD_TEXTS,
    OTHERS,
    ROOT,
    RustEncoder,
    assigned,
    tokenizer,
    vectors,
)

LIBRARY = ROOT / "node_modules/@huggingface/tokenizers/dist/tokenizers.min.mjs"


def npm_ids(ours: Tokenizer, texts: list[str], folder: Path) -> list[list[int]]:
    """The browser's ids of plain texts; skips by name where it cannot run."""
    [ids] = npm_ids_of_each([(ours.vocabulary, texts)], folder)
    return ids


def npm_ids_of_each(
    cases: Sequence[tuple[Vocabulary, list[str]]], folder: Path
) -> list[list[list[int]]]:
    """The browser's ids of each vocabulary's texts."""
    node = shutil.which("node")
    if node is None or not LIBRARY.exists():
        pytest.skip("node or node_modules/@huggingface/tokenizers is absent (npm ci)")
    asked = []
    for i, (vocabulary, texts) in enumerate(cases):
        rules, *parts = packed(vocabulary)
        paths = {"tokens": folder / f"tokens{i}", "merges": folder / f"merges{i}"}
        for path, part in zip(paths.values(), parts, strict=True):
            path.write_bytes(part)
        asked.append(
            {"rules": rules, "texts": texts, **{name: str(path) for name, path in paths.items()}}
        )
    question = {"web": str(ROOT / "web"), "library": str(LIBRARY), "cases": asked}
    answer = subprocess.run(
        [node, str(ROOT / "tests/unit/encode.mjs")],
        input=json.dumps(question), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    ids: list[list[list[int]]] = json.loads(answer.stdout)
    return ids


def plain(ours: Tokenizer, texts: list[str]) -> list[str]:
    """The fragments of the texts that reach a library."""
    special = Splitter(ours.special)
    pieces = (piece for text in texts for piece in special.split(text))
    return [piece for piece in pieces if isinstance(piece, str)]


def check(ours: Tokenizer, texts: list[str], folder: Path) -> None:
    fragments = plain(ours, texts)
    expected = [ours._encoder.encode(text) for text in fragments]
    got = npm_ids(ours, fragments, folder)
    wrong = [
        (text, ids, right)
        for text, ids, right in zip(fragments, got, expected, strict=True)
        if ids != right
    ]
    assert not wrong, (len(wrong), wrong[0])


def contexts(step: int) -> list[str]:
    return [f"a{char} {char}{char}1'{char}\n{char}" for char in assigned(step)]


def random_texts(count: int) -> list[str]:
    chance = random.Random(11)
    pools = [
        "abcXYZ",
        " \t\n\r\x0b\u3000",
        "0123²٣",
        "'sS'tTlL",
        "éßñΣжकि漢かナ한👩‍💻🇩🇪",
        ".,;!?<|>[]{}#",
    ]
    return ["".join(chance.choice(chance.choice(pools)) for _ in range(24)) for _ in range(count)]


@pytest.mark.parametrize("name", COMMON + OTHERS)
def test_the_browsers_library_agrees(name: str, tmp_path: Path) -> None:
    cases = vectors(name)
    guarded = sorted(tokenizer(name).special)[:100]
    texts = [text for text, _ in cases] + [*HARD_TEXTS, *random_texts(300), *contexts(step=97)]
    check(tokenizer(name), [*texts, *(f"x{text[1:]} {text[:-1]}" for text in guarded)], tmp_path)


@pytest.mark.parametrize("name", COMMON)
def test_the_browsers_library_cannot_form_a_control_token(name: str, tmp_path: Path) -> None:
    ours = tokenizer(name)
    hostile = [text for text, i in ours.special.items() if ours.is_guarded(i)]
    for ids in npm_ids(ours, [*hostile, *(f" {text} {text}" for text in hostile)], tmp_path):
        assert not ours.vocabulary.guarded & set(ids)


_BYTES = [f"<0x{byte:02X}>".encode() for byte in range(256)]
_WORDS = [b"<unk>", "▁".encode(), b"a", b"b", b"c", b"ab", b"bc", b"abc", b"x y", "é".encode()]
MADE_UP = {
    "no byte has a token": spm(),
    "every byte has a token": spm(
        tokens=[*_WORDS, *_BYTES],
        token_type=[2] + [1] * 9 + [6] * 256,
        scores=[0.0, -9.0, *range(-8, 0), *[0.0] * 256],
    ),
    "two tokens of one text": bpe("ab", "a", tokens=[b"a", b"b", b"ab", b"ab", b"b"]),
    "merges of nothing": bpe(merges=[b"", b" ", b"ab", b"a zz", b"\xff a", b"a  b", b"a b"]),
    "merges in a wrong order": bpe(
        tokens=[b"a", b"b", b"ab", b"aba", b"abab", b"bab"], token_type=[1] * 6,
        merges=[b"ab ab", b"b ab", b"ab a", b"a b", b"ab a"],
    ),
    "a merge makes a control token": bpe("aab", merges=[b"a b", b"a ab"]),
    "words are taken whole": bpe(pre="llama-bpe", merges=[]),
    "no merges": bpe(merges=[]),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE_UP)
def test_the_browser_agrees_on_odd_vocabularies(name: str, tmp_path: Path) -> None:
    chance = random.Random(5)
    texts = ["".join(chance.choices("aabbbc é世\n", k=12)) for _ in range(200)]
    check(Tokenizer(MADE_UP[name], RustEncoder), ["", "ab", "ab" * 3000, *texts], tmp_path)


if __name__ == "__main__":
    import tempfile

    for vocabulary in COMMON:
        with tempfile.TemporaryDirectory() as there:
            check(tokenizer(vocabulary), contexts(step=1) + random_texts(5000), Path(there))
        print(vocabulary, "all code points, 5000 random texts")
