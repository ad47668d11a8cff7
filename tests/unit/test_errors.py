"""What errors say to people: values as anybody reads them, no Python."""

import asyncio
import re

import pytest

from py_engine.base.errors import (
    BadRequest,
    GGUFError,
    UnsupportedConfig,
    UnsupportedModel,
    UnsupportedTokenizer,
    shown,
)
from py_engine.formats.gguf import read_split
from tests.gguf_cases import MemorySource

PYTHON = re.compile(r"\bb'|\\x|\bNone\b|\bTrue\b|\bFalse\b|\bnan\b|\binf\b| object at |\bdict\b")
ODD = [
    *(b"PK\x03\x04", b"GGU\x00", None, True, False, float("nan"), float("inf"), object),
    *([1, None, b"\xff"], {"a": None, "b": True}, "x" * 1000, [True] * 1000, b"x" * 1000),
]


@pytest.mark.parametrize("value", ODD, ids=lambda value: str(value)[:20])
def test_no_message_shows_a_value_as_python_spells_it(value: object) -> None:
    errors = [
        BadRequest("top_p", value, "a number"),
        UnsupportedConfig("llama.rope.scaling.type", value, "linear"),
        UnsupportedTokenizer("tokenizer.ggml.pre", value, ["llama-bpe"]),
    ]
    for error in errors:
        assert not PYTHON.search(str(error)), str(error)
        assert len(str(error)) < 250


def test_values_are_shown_plainly() -> None:
    assert shown(b"PK\x03\x04") == "the bytes 50 4b 03 04"
    assert shown(b"FUGG") == shown("FUGG") == "'FUGG'"
    assert shown([1, 0.5, None, True]) == "[1, 0.5, null, true]"
    assert str(UnsupportedModel("mamba", ["llama"])) == "the architecture 'mamba' is not supported"
    assert str(BadRequest("content", None, "text")) == "content is missing; wanted: text"


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"PK\x03\x04", "this is a ZIP archive (as those of PyTorch are), not a GGUF file"),
        (b"\x1f\x8b\x08\x00", "this is packed with gzip, not a GGUF file"),
        (b"tjgg\x03\x00", "this is a file in GGML's old format, not a GGUF file"),
        (b'\x08\x00\x00\x00\x00\x00\x00\x00{"a":', "this is a safetensors file, not a GGUF file"),
        (b"\x00\x01\x02\x03", "it begins with the bytes 00 01 02 03, not with 'GGUF'"),
    ],
)
def test_a_file_of_another_kind_is_named(head: bytes, says: str) -> None:
    with pytest.raises(GGUFError) as caught:
        asyncio.run(read_split([MemorySource(head + bytes(100))]))
    assert says in str(caught.value)
    assert caught.value.hint
    assert not PYTHON.search(str(caught.value))
