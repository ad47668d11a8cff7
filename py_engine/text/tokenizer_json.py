"""A vocabulary as what hosts encode with: a tokenizer.json, or its parts with less ado.

It holds no special token: nothing that a host is given can become one. What is special is split
off before (special.py). Both hosts, PyPI tokenizers with the tokenizer.json and
web/engine/tokens.js with the parts, give llama.cpp's ids.
"""

import json
from collections.abc import Iterator

from py_engine.text.vocabulary import BYTE, BYTE_OF_CHAR, SENTINEL, UNKNOWN, Vocabulary

_UNKNOWN_NAME = f"{SENTINEL}unknown"
"""What the unknown token is called in the library's vocabulary: a text that nobody can type."""

_LONGEST_MERGED = 512
"""Characters; a longer SentencePiece token is not built from merges (real ones have under 100)."""


def tokenizer_json(vocabulary: Vocabulary) -> str:
    """The text of a tokenizer.json without added tokens."""
    vocab = {text.decode(): i for text, i in _plain(vocabulary).items()}
    if vocabulary.model == "llama":
        merges = [list(pair) for pair in _pairs_by_score(vocabulary, vocab)]
    else:
        merges = _pairs_in_file(vocabulary, vocab)
    fallback = not vocabulary.pre.byte_level
    unknown = _unknown(vocabulary)
    if unknown is not None:
        vocab[_UNKNOWN_NAME] = unknown
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
                "unk_token": _UNKNOWN_NAME if unknown is not None else None,
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


def packed(vocabulary: Vocabulary) -> tuple[str, bytes, bytes]:
    """The same for web/engine/tokens.js, nearly as the file has it: (rules, tokens, merges).

    The rules are JSON. Tokens by id and merges by rank are UTF-8, parted by a byte that UTF-8
    lacks; a token that is not to be found is empty. Which merges count, web/engine/merges.js
    decides.
    """
    vocab = _plain(vocabulary)
    tokens = [*vocabulary.raw]
    for i in set(range(len(tokens))).difference(vocab.values()):
        tokens[i] = b""
    tokens += [text for text, i in vocab.items() if i >= len(tokens)]
    merges = vocabulary.merges
    if vocabulary.model == "llama":
        texts = {text.decode(): i for text, i in vocab.items()}
        merges = [" ".join(pair).encode() for pair in _pairs_by_score(vocabulary, texts)]
    rules = {
        "normalizer": _normalizer(vocabulary),
        "pre_tokenizer": _pre_tokenizer(vocabulary),
        "whole": vocabulary.pre.ignore_merges,
        "unknown": _unknown(vocabulary),
    }
    return json.dumps(rules), b"\xff".join(tokens), b"\xff".join(merges)


def _plain(vocabulary: Vocabulary) -> dict[bytes, int]:
    """Text to id of every token that plain text may become.

    Ids from the number of tokens on stand for bytes that have no token. With them the hosts
    agree: without, one drops such a byte before the merges and the other after.
    """
    vocab = dict(vocabulary.ids)
    for i in vocabulary.guarded:
        if vocab.get(vocabulary.raw[i]) == i:
            del vocab[vocabulary.raw[i]]
    if vocabulary.pre.byte_level:
        missing = [char for char in map(str.encode, BYTE_OF_CHAR) if char not in vocab]
        vocab |= {char: i for i, char in enumerate(missing, len(vocabulary.raw))}
    return vocab


def _unknown(vocabulary: Vocabulary) -> int | None:
    """The id of a character that neither has a token nor bytes that have."""
    if vocabulary.pre.byte_level:
        return None
    return min((i for i in vocabulary.guarded if vocabulary.types[i] == UNKNOWN), default=None)


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
