"""A vocabulary as the tokenizer.json text that Hugging Face's libraries read.

It holds no special token: nothing that the library is given can become one. What is special is
split off before (special.py). Both libraries, PyPI tokenizers and npm @huggingface/tokenizers,
give llama.cpp's ids with these recipes.
"""

import json
from collections.abc import Iterator

from py_engine.text.vocabulary import BYTE, BYTE_OF_CHAR, SENTINEL, Vocabulary

_UNKNOWN_NAME = f"{SENTINEL}unknown"
"""What the unknown token is called in the library's vocabulary: a text that nobody can type."""

_LONGEST_MERGED = 512
"""Characters; a longer SentencePiece token is not built from merges (real ones have under 100)."""


def tokenizer_json(vocabulary: Vocabulary) -> str:
    """The text of a tokenizer.json without added tokens.

    Ids from the number of tokens on stand for bytes that have no token. With them the libraries
    agree: without, one drops such a byte before the merges and the other after.
    """
    vocab = dict(vocabulary.ids)
    for i in vocabulary.guarded:
        text = vocabulary.texts[i]
        if text is not None and vocab.get(text) == i:
            del vocab[text]
    if vocabulary.model == "llama":
        merges = [list(pair) for pair in _pairs_by_score(vocabulary, vocab)]
    else:
        merges = _pairs_in_file(vocabulary, vocab)
    fallback = not vocabulary.pre.byte_level
    unknown = min((i for i in vocabulary.guarded if vocabulary.types[i] == 2), default=None)
    if fallback and unknown is not None:
        vocab[_UNKNOWN_NAME] = unknown
    if not fallback:  # bytes without a token: ids past the end, which the tokenizer drops
        missing = [char for char in BYTE_OF_CHAR if char not in vocab]
        vocab |= {char: i for i, char in enumerate(missing, len(vocabulary.raw))}
    return json.dumps(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [],
            "normalizer": _normalizer(vocabulary),
            "pre_tokenizer": _pre_tokenizer(vocabulary),
            "post_processor": None,
            "decoder": None,
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": _UNKNOWN_NAME if _UNKNOWN_NAME in vocab else None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": fallback,
                "byte_fallback": fallback,
                "ignore_merges": vocabulary.pre.ignore_merges,
                "vocab": vocab,
                "merges": merges,
            },
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _normalizer(vocabulary: Vocabulary) -> object:
    if vocabulary.pre.byte_level:
        return None
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    if not vocabulary.space_prefix:
        return replace
    return {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, replace]}


def _pre_tokenizer(vocabulary: Vocabulary) -> object:
    steps: list[object] = [
        {"type": "Split", "pattern": {"Regex": one}, "behavior": "Isolated", "invert": False}
        for one in vocabulary.pre.expressions
    ]
    if vocabulary.pre.byte_level:
        steps.append(
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False,
             "use_regex": False}
        )  # fmt: skip
    return {"type": "Sequence", "pretokenizers": steps} if steps else None


def _pairs_in_file(vocabulary: Vocabulary, vocab: dict[str, int]) -> list[list[str]]:
    """The file's merges by rank; those that lead to no token of `vocab` are left out.

    A line is cut at the first space after its first byte, as llama.cpp cuts it.
    """
    lines = b"\n".join(vocabulary.merges).decode(errors="replace").split("\n")
    if len(lines) != len(vocabulary.merges):  # a line break within a line
        lines = [line.decode(errors="replace") for line in vocabulary.merges]
    pairs = [line.split(" ") for line in lines]
    if not set(map(len, pairs)) <= {2}:
        cuts = [line.find(" ", 1) for line in lines]
        pairs = [[s[:at], s[at + 1 :]] for s, at in zip(lines, cuts, strict=True) if at > 0]
    return [
        pair for pair in pairs if pair[0] in vocab and pair[1] in vocab and "".join(pair) in vocab
    ]


def _pairs_by_score(vocabulary: Vocabulary, vocab: dict[str, int]) -> Iterator[tuple[str, str]]:
    """SentencePiece as merges: every way to halve a token into two tokens, best score first."""
    scores, types = vocabulary.scores, vocabulary.types
    whole = [(-scores[i], i, text) for text, i in vocab.items() if types[i] != BYTE]
    whole.sort()
    for _, _, text in whole:
        if len(text) > _LONGEST_MERGED:
            continue
        for at in range(1, len(text)):
            left = text[:at]
            if left in vocab:
                right = text[at:]
                if right in vocab:
                    yield left, right
