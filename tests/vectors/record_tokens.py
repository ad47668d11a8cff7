"""Record how llama.cpp cuts texts and which tokens it ends at; the results are committed.

    /tmp/llama/bin/python -m tests.vectors.record_tokens             # set up as record.py says;
                                                                     # also: pip install tokenizers

tokens.json: for each `tokenizer.ggml.pre` the words of each text and what else follows from the
name, and for each family of special tokens its ends of generation. llama.cpp tells no words, so
each vocabulary has every part of a text as a token, and merges that join any two: what was not cut
is one token. Families that tell upper from lower case are cut by the models' own expressions: see
CASED of tests/token_cases.py.
"""

import ctypes
import importlib.metadata
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gguf
import llama_cpp
import tokenizers
from tokenizers import pre_tokenizers

from py_engine.text.pretokenizers import PRE_TOKENIZERS
from py_engine.text.vocabulary import BYTE_OF_CHAR
from tests.token_cases import (
    CASED,
    CHAR_OF_BYTE,
    RAW,
    ROLES,
    TEXTS,
    by_bytes,
    flagged,
    parts,
    roles,
)

HERE = Path(__file__).resolve().parent
CASELESS = ("cohere2moe", "tiny_aya", "youtu")
"""Where llama.cpp takes a letter of either case for both, in ASCII too."""


@contextmanager
def vocabulary(metadata: dict[str, object]) -> Iterator[Any]:
    """llama.cpp's vocabulary of made-up metadata."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "vocabulary.gguf")
        writer = gguf.GGUFWriter(path, "llama")
        for key, value in metadata.items():
            if isinstance(value, list):
                writer.add_array(key, value)
            elif isinstance(value, int):
                writer.add_uint32(key, value)
            else:
                writer.add_string(key, str(value))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        params = llama_cpp.llama_model_default_params()
        params.vocab_only = True
        model = llama_cpp.llama_model_load_from_file(path.encode(), params)
        if not model:
            raise ValueError(metadata["tokenizer.ggml.pre"])
        yield llama_cpp.llama_model_get_vocab(model)
        llama_cpp.llama_model_free(model)


def encoded(vocab: Any, text: str) -> list[int]:
    """llama.cpp's ids, nothing added."""
    raw, room = text.encode(), 4 * len(text) + 16
    ids = (llama_cpp.llama_token * room)()
    count = llama_cpp.llama_tokenize(vocab, raw, len(raw), ids, room, False, False)
    assert count >= 0
    return list(ids[:count])


def words(pre: str, texts: Sequence[str]) -> list[list[str]]:
    """What llama.cpp does not cut."""
    raw = pre in RAW
    written = [text.replace(" ", "▁") if raw else by_bytes(text) for text in texts]
    tokens = [*CHAR_OF_BYTE.values()] if not raw else [f"<0x{byte:02X}>" for byte in range(256)]
    tokens += [part for part in parts(written) if part not in set(tokens)]
    merges = [
        f"{token[:at]} {token[at:]}"
        for token in tokens[256 if raw else 0 :]
        for at in range(1, len(token))
    ]
    made: dict[str, object] = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [1] * len(tokens),
        "tokenizer.ggml.merges": merges,
    }
    with vocabulary(made) as vocab:
        found = [[tokens[i] for i in encoded(vocab, text)] for text in texts]
    if raw:
        return [[word.replace("▁", " ") for word in row] for row in found]
    return [[_text(word) for word in row] for row in found]


def _text(word: str) -> str:
    return bytes(map(BYTE_OF_CHAR.__getitem__, word)).decode()


def cased(pre: str, texts: Sequence[str]) -> list[list[str]]:
    """What PyPI tokenizers does not cut, by a model's own expressions."""
    steps = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(tokenizers.Regex(one), "isolated") for one in CASED[pre]]
    )
    found = [[word for word, _ in steps.pre_tokenize_str(text)] for text in texts]
    for text, ours, theirs in zip(texts, found, words(pre, texts), strict=True):
        assert ours == theirs or not text.isascii() or pre in CASELESS, (pre, ours, theirs)
    return found


def flags(pre: str) -> dict[str, bool]:
    """What llama.cpp takes from a name beside how it cuts."""
    made, tokens = flagged(pre)
    with vocabulary(made | {"tokenizer.ggml.tokens": tokens}) as vocab:
        return {
            "whole": encoded(vocab, "abc") == [tokens.index("abc")],
            "add_bos": llama_cpp.llama_vocab_get_add_bos(vocab),
            "has_bos": llama_cpp.llama_vocab_bos(vocab) >= 0,
        }


def ends(name: str) -> list[str]:
    """The texts at which llama.cpp ends a reply."""
    made, tokens = roles(name)
    with vocabulary(made | {"tokenizer.ggml.tokens": tokens}) as vocab:
        return [text for i, text in enumerate(tokens) if llama_cpp.llama_vocab_is_eog(vocab, i)]


def main() -> None:
    quiet = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p())
    cuts: dict[str, list[str]] = {}
    names = sorted(PRE_TOKENIZERS)
    for pre in names:
        rows = cased(pre, TEXTS) if pre in CASED else words(pre, TEXTS)
        assert ["".join(row) for row in rows] == list(TEXTS), pre
        cuts.setdefault(json.dumps(rows, ensure_ascii=False), []).append(pre)
    record = {
        "made_by": {
            "script": "tests/vectors/record_tokens.py",
            **{name: importlib.metadata.version(name) for name in ("gguf", "tokenizers")},
            "llama-cpp-python": llama_cpp.__version__,
        },
        "words": [{"pre": names, "words": json.loads(rows)} for rows, names in cuts.items()],
        "flags": {pre: flags(pre) for pre in names},
        "ends": {name: ends(name) for name in ROLES},
    }
    text = json.dumps(record, ensure_ascii=False)
    (HERE / "tokens.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
