"""The GGUF reader against gguf-py: what GGUFWriter writes, both readers see alike; split files."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter

from py_engine.base.errors import GGUFError
from py_engine.formats.gguf import GGUF, read_split, shard_names
from py_engine.formats.quants import QUANTS
from py_engine.hosts.files import FileSource, open_sources
from tests.gguf_cases import (
    MemorySource,
    Pair,
    Tensor,
    array,
    build,
    placed,
    run,
    string,
    u32,
)

VOCAB = Path(__file__).resolve().parents[3] / "shared/data/vocab"
RANGES: dict[GGUFValueType, tuple[float, float]] = {
    GGUFValueType.UINT8: (0, 2**8 - 1), GGUFValueType.INT8: (-(2**7), 2**7 - 1),
    GGUFValueType.UINT16: (0, 2**16 - 1), GGUFValueType.INT16: (-(2**15), 2**15 - 1),
    GGUFValueType.UINT32: (0, 2**32 - 1), GGUFValueType.INT32: (-(2**31), 2**31 - 1),
    GGUFValueType.UINT64: (0, 2**64 - 1), GGUFValueType.INT64: (-(2**63), 2**63 - 1),
}  # fmt: skip


def _value(kind: GGUFValueType, random_: random.Random) -> Any:
    if kind is GGUFValueType.BOOL:
        return random_.random() < 0.5
    if kind is GGUFValueType.STRING:
        return "".join(random_.choices("aé中😀 \n\0", k=random_.randrange(30)))
    if kind in RANGES:
        low, high = RANGES[kind]
        return random_.choice([low, high, random_.randint(int(low), int(high))])
    return float(np.float32(random_.uniform(-1e3, 1e3)))


def _write(path: Path, seed: int) -> None:
    random_ = random.Random(seed)
    writer = GGUFWriter(path, "llama")
    if seed % 3:
        writer.add_custom_alignment(2 ** random_.randrange(3, 12))
    kinds = [kind for kind in GGUFValueType if kind is not GGUFValueType.ARRAY]
    for i in range(random_.randrange(60)):
        kind = random_.choice(kinds)
        if random_.random() < 0.4:
            items = [_value(kind, random_) for _ in range(random_.randrange(1, 40))]
            writer.add_key_value(f"key.{i}", items, GGUFValueType.ARRAY, sub_type=kind)
        else:
            writer.add_key_value(f"key.{i}", _value(kind, random_), kind)
    types = [kind for kind in GGMLQuantizationType if kind.name != "Q8_1"]  # see test_gguf.py
    for i in range(random_.randrange(40)):
        type_ = random_.choice(types)
        shape = [random_.randrange(1, 4) for _ in range(random_.randrange(1, 5))]
        shape[-1] *= QUANTS[type_.name].nbytes  # numpy's order, and in bytes
        writer.add_tensor(f"t.{i}", np.zeros(shape, np.uint8), raw_dtype=type_)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _same(ours: GGUF, path: Path) -> None:
    theirs = GGUFReader(path)
    fields = {k: v for k, v in theirs.fields.items() if not k.startswith("GGUF.")}
    assert list(ours.metadata) == list(fields)
    for key, field in fields.items():
        if field.types == [GGUFValueType.ARRAY, GGUFValueType.STRING]:
            assert ours.metadata[key] == [bytes(field.parts[i]) for i in field.data]
        else:
            assert ours.metadata[key] == field.contents()
    assert [(t.name, t.type, t.shape, t.nbytes, t.at) for t in ours.tensors.values()] == [
        (t.name, t.tensor_type.name, tuple(t.shape.tolist()), t.n_bytes, t.data_offset)
        for t in theirs.tensors
    ]
    assert not ours.tensors or ours.data_at == theirs.data_offset


@pytest.mark.parametrize("seed", range(20))
def test_both_readers_see_the_same(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    _write(path, seed)
    source = FileSource(str(path))
    _same(run(read_split([source])), path)
    source.close()


@pytest.mark.skipif(not VOCAB.is_dir(), reason="shared/data/vocab is not here")
def test_a_real_vocabulary() -> None:
    path = VOCAB / "ggml-vocab-llama-spm.gguf"
    source = FileSource(str(path))
    _same(run(read_split([source])), path)
    source.close()


# ---- split files


def test_what_gguf_py_splits_is_one_model(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "model.gguf", "llama", split_max_tensors=3)
    writer.add_block_count(7)
    for i in range(10):
        writer.add_tensor(f"t.{i}", np.full((2, 5), i, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    sources = open_sources(str(tmp_path / "model-00003-of-00004.gguf"))
    header = run(read_split(sources))
    assert header.metadata["llama.block_count"] == 7
    assert list(header.tensors) == [f"t.{i}" for i in range(10)]
    for i, tensor in enumerate(header.tensors.values()):
        assert tensor.file == i // 3
        (data,) = sources[tensor.file].chunks(tensor.at, tensor.nbytes)
        assert np.all(np.frombuffer(data, np.float32) == i)
    for source in sources:
        source.close()


def _shard(no: int, count: int, *, first: int, n: int = 2, total: int = 4) -> MemorySource:
    tensors, length = placed([Tensor(b"t%d" % i, (8,), 0) for i in range(first, first + n)])
    pairs = [
        Pair(b"split.no", 2, u32(no)[:2]),
        Pair(b"split.count", 2, u32(count)[:2]),
        Pair(b"split.tensors.count", 5, u32(total)),
    ]
    return MemorySource(build(pairs, tensors, bytes(length)))


ONE, TWO = _shard(0, 2, first=0), _shard(1, 2, first=2)
PLAIN = MemorySource(build())
SPLITS = {
    "one file is missing": ("SPLIT_COUNT", [ONE]),
    "only the last file": ("SPLIT_COUNT", [TWO]),
    "one file too many": ("SPLIT_COUNT", [ONE, TWO, TWO]),
    "two plain files": ("SPLIT_COUNT", [PLAIN, PLAIN]),
    "wrong order": ("SPLIT_ORDER", [TWO, ONE]),
    "the same file twice": ("SPLIT_ORDER", [ONE, ONE]),
    "a plain file among them": ("SPLIT_ORDER", [ONE, PLAIN]),
    "a file of another split": ("SPLIT_ORDER", [ONE, _shard(1, 3, first=2)]),
    "a tensor occurs twice": ("DUPLICATE_NAME", [ONE, _shard(1, 2, first=1)]),
    "a tensor is missing": ("SPLIT_TENSORS", [ONE, _shard(1, 2, first=2, n=1)]),
    "a tensor too many": ("SPLIT_TENSORS", [ONE, _shard(1, 2, first=2, n=3)]),
    "the count is a list": (
        "SPLIT_COUNT",
        [MemorySource(build([Pair(b"split.count", 9, array(8, [string(b"2")] * 2))])), TWO],
    ),
    "a file is bad": ("BAD_MAGIC", [ONE, MemorySource(b"FUGG" + bytes(40))]),
}


@pytest.mark.parametrize("name", SPLITS)
def test_split_rules(name: str) -> None:
    code, sources = SPLITS[name]
    with pytest.raises(GGUFError) as caught:
        run(read_split(sources))
    assert caught.value.code == code
    assert len(str(caught.value)) < 300


def test_a_good_split_and_a_split_of_one() -> None:
    header = run(read_split([ONE, TWO]))
    assert [(t.name, t.file) for t in header.tensors.values()] == [
        ("t0", 0), ("t1", 0), ("t2", 1), ("t3", 1)
    ]  # fmt: skip
    assert header.tensors["t2"].at == header.tensors["t0"].at == header.data_at
    assert len(run(read_split([_shard(0, 1, first=0)])).tensors) == 2
    assert run(read_split([PLAIN])).tensors == {}


def test_shard_names() -> None:
    three = [f"a/m-0000{i}-of-00003.gguf" for i in (1, 2, 3)]
    assert shard_names(three[0]) == shard_names(three[2]) == three
    url = "https://host/x/m-00001-of-00002.gguf?download=true#top"
    assert shard_names(url) == [url, url.replace("00001", "00002")]
    for name in (
        "model.gguf", "m-00001-of-00003.gguf.part", "m-1-of-3.gguf", "m-00004-of-00003.gguf",
        "m-00000-of-00000.gguf", "m-00001-of-00003.bin", "m-٠٠٠٠١-of-00001.gguf", "",
    ):  # fmt: skip
        assert shard_names(name) == [name]
