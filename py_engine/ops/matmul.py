"""Products of a weight with activations: `matvec` for one token, `matmul` for many.

Both take the options that spare a pass over the result. Two weights whose rows are interleaved,
gate 0, up 0, gate 1, up 1, …, and `gated` make the first half of a SwiGLU layer
(Shazeer, arXiv 2002.05202): silu(gate · x) · (up · x).
"""

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor
from py_engine.ops.weight import Weight

_ROWS = 4
"""Rows of the weight per workgroup in matvec."""
_TILE_ROWS = 64
"""Rows of the weight per workgroup in matmul: TN of shaders/matmul.wgsl."""


def matvec(
    rec: Recorder,
    weight: Weight,
    x: Tensor,
    out: Tensor,
    *,
    state: Tensor,
    norm: Tensor | None = None,
    eps: float = 0.0,
    bias: Tensor | None = None,
    add: bool = False,
    gated: bool = False,
    last: bool = False,
    out_at: int = 0,
) -> None:
    """out[out_at + r] = weight[r] · x[0] for each row r of the weight.   x (T, K), out f32

    Args:
        norm: weights (K,) of an RMSNorm of x, with `eps`, computed on the way.
        bias: (out_at + rows,) or more, of the stack that this weight is a part of: bias[out_at + r]
            is added to row r; gated: bias[2 · out_at + r].
        add: add to what `out` holds.
        gated: out[out_at + r] = silu(row 2r) · row (2r + 1).
        last: take row state.n - 1 of x instead of row 0.
    """
    buffers = {"w": weight.tensor, "x": x, "out": out, "state": state}
    includes = weight.includes
    if norm:
        buffers["norm"] = norm
        includes["lib/no_norm.wgsl"] = "lib/norm.wgsl"
    if bias:
        buffers["bias"] = bias
        includes["lib/no_bias.wgsl"] = "lib/bias.wgsl"
    rec.run(
        "matvec",
        -(-weight.rows // _ROWS),
        buffers,
        params={
            "rows": weight.rows,
            "out_at": out_at,
            "hi": weight.hi,
            "sc": weight.sc,
            "eps": eps,
        },
        includes=includes,
        K=weight.columns,
        R=_ROWS,
        ADD=add,
        GATED=gated,
        LAST=last,
    )


def matmul(
    rec: Recorder,
    weight: Weight,
    x: Tensor,
    out: Tensor,
    *,
    state: Tensor,
    bias: Tensor | None = None,
    add: bool = False,
    gated: bool = False,
    out_at: int = 0,
) -> None:
    """out[t, out_at + r] = weight[r] · x[t] for t < state.n.   x (T, K), out (T, width)

    `bias`, `add` and `gated` as in `matvec`. Where the device has f16 the weights are rounded to
    it once dequantised; activations, which may exceed its range, and sums stay f32.
    """
    buffers = {"w": weight.tensor, "x": x, "out": out, "state": state}
    includes = weight.includes
    if bias:
        buffers["bias"] = bias
        includes["lib/no_bias.wgsl"] = "lib/bias.wgsl"
    tokens, width = out.shape
    tile = next((size for size in (16, 32) if tokens <= size), 64)
    rec.run(
        "matmul",
        (-(-weight.rows // _TILE_ROWS), -(-tokens // tile), 1),
        buffers,
        params={
            "rows": weight.rows,
            "width": width,
            "out_at": out_at,
            "hi": weight.hi,
            "sc": weight.sc,
        },
        includes=includes,
        tile_t="f16" if rec.library.f16 else "f32",
        K=weight.columns,
        TM=tile,
        ADD=add,
        GATED=gated,
    )
