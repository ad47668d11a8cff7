"""RMSNorm of rows (Zhang and Sennrich, arXiv 1910.07467)."""

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor


def rms_norm(
    rec: Recorder, x: Tensor, weight: Tensor, out: Tensor, *, state: Tensor, eps: float
) -> None:
    """out = x / sqrt(mean(x², last axis) + eps) · weight.   x, out (T, C), weight (C,)"""
    tokens, width = x.shape
    rec.run(
        "rms_norm",
        tokens,
        {"x": x, "weight": weight, "out": out, "state": state},
        params={"eps": eps},
        C=width,
        WG=rec.library.threads(128),
    )
