"""Record what llama.cpp computes for the fixture models; run by hand, the results are committed.

    python3 -m venv /tmp/llama && CMAKE_ARGS="-DGGML_NATIVE=OFF" /tmp/llama/bin/pip install \\
        --no-binary llama-cpp-python llama-cpp-python==0.3.36 gguf==0.19.0
    /tmp/llama/bin/python -m tests.vectors.record                    # from the repository's root
    /tmp/llama/bin/python -m tests.vectors.record gemma4             # some fixtures' logits only

Gemma's files want a llama.cpp whose GELU is not read from a table of halves: in
ggml/src/ggml-cpu/vec.h, GGML_GELU_FP16 is not defined.

logits.npz: float32 logits of the F32 models at some positions, which the oracle must equal.
llama_cpp.json: the token ids, what made all this, and how far llama.cpp itself is from the oracle
on quantised weights: it rounds activations to 8 bits for them, our engine does not, so the engine
must be nearer to the exact result. KV cache in F32 and no flash attention: nothing else is rounded.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
import tempfile
from pathlib import Path

import llama_cpp
import numpy as np

from tests.divergence import kl_divergence, top1_agreement
from tests.fixture_models import MODELS, TYPED
from tests.fixtures import MIXES, TYPES, Spec, write, write_named
from tests.oracle import Oracle

HERE = Path(__file__).resolve().parent
TOKENS = 48
CONTEXT = 256  # the models' own
POSITIONS = list(range(2, TOKENS, 15))  # recorded rows of logits; the figures are over all rows
RECORDED = [*MODELS, "qwen3-odd", "llama-saved", "qwen2-saved", "qwen3-saved"]


def llama_cpp_logits(spec: Spec, ids: list[int]) -> np.ndarray:
    """Teacher-forced logits (T, V) float32 of llama.cpp on the CPU, in one batch."""
    f32 = llama_cpp.GGML_TYPE_F32
    llama = llama_cpp.Llama(
        str(spec.path), n_ctx=CONTEXT, n_batch=TOKENS, n_ubatch=TOKENS, n_threads=1,
        logits_all=True, flash_attn=False, type_k=f32, type_v=f32, verbose=False,
        yarn_beta_fast=-1.0, yarn_beta_slow=-1.0,  # the file's
    )  # fmt: skip
    llama.eval(ids)
    logits = llama.scores[: len(ids)].copy()
    llama.close()
    return logits


def add(names: list[str]) -> None:
    """Record the logits of these fixtures beside those that there are."""
    ids = json.loads((HERE / "llama_cpp.json").read_text())["ids"]
    rows = dict(np.load(HERE / "logits.npz"))
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            spec = write_named(Path(folder) / "model.gguf", name)
            rows[name] = llama_cpp_logits(spec, ids)[POSITIONS]
    np.savez_compressed(HERE / "logits.npz", **rows)


def main() -> None:
    ids = np.random.default_rng(2026).integers(3, 571, TOKENS).tolist()
    rows: dict[str, np.ndarray] = {}
    errors: dict[str, dict[str, dict[str, float]]] = {model: {} for model in TYPED}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        for name in RECORDED:
            rows[name] = llama_cpp_logits(write_named(path, name), ids)[POSITIONS]
        for model in TYPED:
            for kind in [*TYPES, *MIXES]:
                spec = write(
                    path, model, **({"mix": kind} if kind in MIXES else {"weight_type": kind})
                )
                exact, theirs = Oracle(spec.path).logits(ids), llama_cpp_logits(spec, ids)
                errors[model][kind] = {
                    "kl": float(f"{kl_divergence(exact, theirs):.3e}"),
                    "top1": round(top1_agreement(exact, theirs), 4),
                }
    np.savez_compressed(HERE / "logits.npz", **rows)
    packages = ("llama-cpp-python", "gguf", "numpy")
    record = {
        "made_by": {
            "script": "tests/vectors/record.py",
            **{name: importlib.metadata.version(name) for name in packages},
            "python": platform.python_version(),
            "llama.cpp": llama_cpp.llama_print_system_info().decode().strip(),
        },
        "ids": ids,
        "positions": POSITIONS,
        "errors": errors,
    }
    (HERE / "llama_cpp.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:]:
        add(sys.argv[1:])
    else:
        main()
