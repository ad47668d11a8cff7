"""What is told of a file, whatever stands in its header."""

import json
import struct
from pathlib import Path

from py_engine.engine import inspect
from tests.fixtures import write
from tests.gguf_cases import MemorySource, Pair, Tensor, array, build, run, string, u32

TEXT, ARRAY, F32, U32 = 8, 9, 6, 4


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


def test_draft_blocks_are_not_counted(tmp_path: Path) -> None:
    whole, drafting = tmp_path / "whole.gguf", tmp_path / "drafting.gguf"
    write(whole, "qwen3", "Q8_0")
    write(drafting, "qwen3", "Q8_0", drafts=1)
    one, other = (run(inspect([MemorySource(path.read_bytes())])) for path in (whole, drafting))
    for key in ("parameters", "types", "file_bytes", "layers", "memory"):
        assert one[key] == other[key], key


def test_scales_of_products_are_counted(tmp_path: Path) -> None:
    """For each row two numbers more than its bias, and a number for each matrix."""
    names = ("llama-biased", "llama-scaled")
    sources = [MemorySource(write(tmp_path / name, name).path.read_bytes()) for name in names]
    plain, scaled = (run(inspect([source])) for source in sources)
    rows, matrices = 3 * 256 + 2 * 128 + 2 * 512, 7
    assert scaled["parameters"] == plain["parameters"] + 2 * matrices
    more = scaled["memory"]["nbytes"] - plain["memory"]["nbytes"]
    assert more == 2 * 4 * (2 * rows + matrices)


def test_a_model_that_writes_no_text_is_told_as_what_it_is() -> None:
    """Of Qwen3-Embedding's kind: it loaded as a model to chat with."""
    pairs = [
        Pair(b"general.architecture", TEXT, string(b"qwen3")),
        Pair(b"qwen3.pooling_type", U32, u32(3)),
    ]
    about = run(inspect([MemorySource(build(pairs, [Tensor(b"a", (1,), 0)], bytes(32)))]))
    assert str(about["unsupported"]).startswith("this is an embedding model and does not write")


def test_a_model_without_a_name_is_called_as_its_file() -> None:
    for place in ("https://example.org/models/tiny.gguf", "C:\\models\\tiny.gguf", "tiny.gguf"):
        assert told(name=place)["name"] == "tiny.gguf"
    named = Pair(b"general.name", TEXT, string(b"Tiny"))
    assert told(named)["name"] == "Tiny"


def test_a_baichuan_of_unknown_positions_is_refused(tmp_path: Path) -> None:
    """No key tells rotary positions from ALiBi's: the number of blocks does."""
    for layers, why in ((2, "baichuan.block_count is 2. "), (40, "baichuan.block_count is 40. ")):
        path = write(tmp_path / "m.gguf", "baichuan", layers=layers).path
        about = run(inspect([MemorySource(path.read_bytes())]))
        assert str(about["unsupported"]).startswith(why)
    path = write(tmp_path / "m.gguf", "baichuan").path
    assert "unsupported" not in run(inspect([MemorySource(path.read_bytes())]))
