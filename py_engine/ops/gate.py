"""The gate of a gated layer, where it could not be fused into the matrix before it."""

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor


def silu_mul(rec: Recorder, x: Tensor, out: Tensor, *, state: Tensor) -> None:
    """out = silu(x[:, :F]) · x[:, F:].   x (T, 2F), out (T, F)"""
    tokens, inner = out.shape
    rec.run("silu_mul", -(-tokens * inner // 64), {"x": x, "out": out, "state": state}, F=inner)
