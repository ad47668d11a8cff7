"""RMSNorm (Zhang and Sennrich, arXiv 1910.07467) of rows, and of a row's queries and keys."""

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor
from py_engine.ops.attention import Heads


def rms_norm(
    rec: Recorder,
    x: Tensor,
    weight: Tensor | None,
    out: Tensor,
    *,
    state: Tensor,
    eps: float,
    add: bool = False,
    scale: float = 1.0,
) -> None:
    """out = scale · x / sqrt(mean(x², last axis) + eps) · weight; `add`: out += that.

    Args:
        x, out: (T, C), C a multiple of four; they may be one tensor, unless `add`.
        weight: (C,), or None for an RMSNorm without weights.
    """
    tokens, width = x.shape
    buffers, includes = {"x": x, "out": out, "state": state}, dict[str, str]()
    if weight is None:
        includes = {"lib/norm_weight.wgsl": "lib/no_norm_weight.wgsl"}
    else:
        buffers["weight"] = weight
    rec.run(
        "rms_norm",
        tokens,
        buffers,
        params={"eps": eps, "scale": scale},
        includes=includes,
        C=width,
        ADD=add,
        WG=rec.library.threads(256, width // 64),
    )


def qk_norm(
    rec: Recorder, heads: Heads, qkv: Tensor, weight: Tensor, *, state: Tensor, eps: float
) -> None:
    """One RMSNorm over all of a row's query columns, one over its key columns, in place.

    Args:
        qkv: (T, (H + 2K) D).
        weight: (H · D + K · D,), the queries' first.
    """
    rec.run(
        "qk_norm",
        (qkv.shape[0], 2, 1),
        {"qkv": qkv, "weight": weight, "state": state},
        params={"eps": eps},
        D=heads.D,
        H=heads.H,
        KV=heads.K,
        WG=rec.library.threads(128),
    )
