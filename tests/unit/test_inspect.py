"""What is told of a file, whatever stands in its header."""

import json
import struct

from py_engine.engine import inspect
from tests.gguf_cases import MemorySource, Pair, array, build, run, string

TEXT, ARRAY, F32 = 8, 9, 6


def told(*pairs: Pair, name: str = "memory.gguf") -> dict[str, object]:
    source = MemorySource(build(pairs))
    source.name = name
    return run(inspect([source]))


def test_facts_of_a_wrong_type_are_left_out() -> None:
    """They would make an answer that is no JSON, and a page that waits for it for ever."""
    about = told(
        Pair(b"general.architecture", TEXT, string(b"llama")),
        Pair(b"general.name", ARRAY, array(TEXT, [string(b"a"), string(b"b")])),
        Pair(b"general.license", F32, struct.pack("<f", float("nan"))),
        Pair(b"llama.block_count", F32, struct.pack("<f", float("nan"))),
        Pair(b"tokenizer.chat_template", ARRAY, array(TEXT, [string(b"{{ a }}")])),
    )
    json.dumps(about, allow_nan=False)
    assert about["name"] == "memory.gguf"
    assert [about[key] for key in ("license", "layers", "template")] == [None] * 3


def test_a_model_without_a_name_is_called_as_its_file() -> None:
    for place in ("https://example.org/models/tiny.gguf", "C:\\models\\tiny.gguf", "tiny.gguf"):
        assert told(name=place)["name"] == "tiny.gguf"
    named = Pair(b"general.name", TEXT, string(b"Tiny"))
    assert told(named)["name"] == "Tiny"
