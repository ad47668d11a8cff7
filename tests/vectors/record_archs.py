"""Record what llama.cpp computes for the tiny models of its own tests; run by hand.

    build/bin/test-llama-archs -o FOLDER -s 7 -d 1      # of llama.cpp, built with LLAMA_BUILD_TESTS
    /tmp/llama/bin/python -m tests.vectors.record_archs FOLDER    # as record.py, same llama.cpp

It writes FOLDER/logits.npz: token `ids`, and under the name of each file that llama.cpp runs its
float32 logits (T, V) for them, with the cache in F32. Nothing of it is committed;
tests/model/test_llama_archs.py takes the folder from the environment variable LLAMA_ARCHS.

A `.scale` multiplies the product of its matrix. llama.cpp loads them all, but most of its graphs
leave those of the feed-forward layer out. So each file is also run as a copy whose matrices are
multiplied, and this is what is recorded where the two differ, under the same name: what the file
means, and the name is in the list `left_out`.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import gguf
import llama_cpp
import numpy as np

TOKENS = 64
CONTEXT = 256


def run(path: Path, ids: list[int], out: Path) -> None:
    """Write the logits of a file. llama.cpp may end the process: it does where an op is missing."""
    llama = llama_cpp.Llama(
        str(path), n_ctx=CONTEXT, n_batch=TOKENS, n_ubatch=TOKENS, n_threads=1, logits_all=True,
        flash_attn=False, type_k=llama_cpp.GGML_TYPE_F32, type_v=llama_cpp.GGML_TYPE_F32,
        verbose=False, yarn_beta_fast=-1.0, yarn_beta_slow=-1.0,  # the file's
    )  # fmt: skip
    llama.eval(ids)
    np.save(out, llama.scores[: len(ids)])


def logits(path: Path, ids: list[int]) -> np.ndarray | None:
    """The logits of a file, or None if llama.cpp does not run it."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "logits.npy"
        process = multiprocessing.get_context("spawn").Process(target=run, args=(path, ids, out))
        process.start()
        process.join()
        return np.load(out) if out.exists() else None


def multiplied(path: Path, copy: Path) -> None:
    """Write a copy whose matrices are multiplied by their scales, and has no scales."""
    reader = gguf.GGUFReader(path)
    writer = gguf.GGUFWriter(copy, reader.fields["general.architecture"].contents())
    for key, field in reader.fields.items():
        value = field.contents()
        if key.startswith("GGUF.") or key == "general.architecture" or value == []:
            continue
        inner = field.types[1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(key, value, field.types[0], sub_type=inner)
    tensors = {tensor.name: tensor.data for tensor in reader.tensors}
    for name, data in tensors.items():
        if not name.endswith((".scale", ".input_scale")):
            writer.add_tensor(name, whole(name, data, tensors))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def whole(name: str, data: np.ndarray, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """A matrix times its scale, of which experts have one each; other tensors as they are.

    In a feed-forward layer the scale comes after the bias, and multiplies it too.
    """
    matrix, _, kind = name.rpartition(".")
    scale = tensors.get(f"{matrix}.scale")
    if scale is None or not (kind == "weight" or (kind == "bias" and ".ffn_" in name)):
        return data
    return data * scale.reshape(-1, *[1] * (data.ndim - 1)) if len(scale) > 1 else data * scale


def main(folder: Path) -> None:
    ids = np.random.default_rng(7).integers(0, 128, TOKENS).tolist()
    rows: dict[str, np.ndarray] = {}
    left_out = []
    for path in sorted(folder.glob("*.gguf")):
        theirs = logits(path, ids)
        if theirs is None:
            print(f"{path.stem}: llama.cpp does not run it")
            continue
        with tempfile.TemporaryDirectory() as other:
            copy = Path(other) / path.name
            multiplied(path, copy)
            meant = logits(copy, ids)
        assert meant is not None
        rows[path.stem] = theirs
        if not np.square(theirs - meant).sum() < 1e-3 * np.square(theirs).sum():
            rows[path.stem] = meant
            left_out.append(path.stem)
    np.savez_compressed(folder / "logits.npz", ids=ids, left_out=left_out, **rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
