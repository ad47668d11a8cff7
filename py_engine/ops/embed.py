"""Rows of activations: of the embedding matrix for token ids, and a chunk's last one."""

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor
from py_engine.ops.weight import Weight


def embed(
    rec: Recorder,
    weight: Weight,
    tokens: Tensor,
    out: Tensor,
    *,
    state: Tensor,
    first_row: int = 0,
    scale: float = 1.0,
) -> None:
    """out[t] = scale · row tokens[t] of the matrix.   weight (V, C), tokens (T,) u32, out (T, C)

    A matrix in several weights takes one call for each: rows that it does not hold are left.

    Args:
        first_row: the matrix's row that is this weight's row 0.
    """
    rec.run(
        "embed",
        out.shape[0],
        {"w": weight.tensor, "tokens": tokens, "out": out, "state": state},
        params={
            "first_row": first_row,
            "rows": weight.rows,
            "hi": weight.hi,
            "sc": weight.sc,
            "scale": scale,
        },
        includes=weight.includes,
        K=weight.columns,
    )


def embed_layers(
    rec: Recorder,
    weight: Weight,
    tokens: Tensor,
    norm: Tensor,
    inputs: Tensor,
    *,
    state: Tensor,
    first_row: int = 0,
    scale: float,
    eps: float,
) -> None:
    """inputs[t, l] = (RMSNorm(inputs[t, l]) + scale · row tokens[t], part l) / √2, in place.

    Args:
        weight: (V, L · P); as of `embed`, one of those that the matrix may lie in.
        norm: (P,), the weights of the norm.
        inputs: (T, L · P).
    """
    size = norm.shape[0]
    rec.run(
        "embed_layers",
        (weight.columns // size, inputs.shape[0], 1),
        {
            "w": weight.tensor,
            "tokens": tokens,
            "weight": norm,
            "inputs": inputs,
            "state": state,
        },
        params={
            "first_row": first_row,
            "rows": weight.rows,
            "hi": weight.hi,
            "sc": weight.sc,
            "scale": scale,
            "eps": eps,
        },
        includes=weight.includes,
        L=weight.columns // size,
        P=size,
        WG=rec.library.threads(32),
    )


def take_last(rec: Recorder, hidden: Tensor, *, state: Tensor, alone: bool = True) -> None:
    """hidden[0] = hidden[state.n - 1]; `alone`: the state becomes that token's.   hidden (T, C)"""
    width = hidden.shape[-1]
    buffers = {"hidden": hidden, "state": state}
    rec.run("take_last", 1, buffers, C=width, WG=rec.library.threads(256), ALONE=alone)
