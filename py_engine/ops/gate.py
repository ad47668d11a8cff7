"""The gate of a gated layer, where it could not be fused into the matrix before it."""

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor
from py_engine.ops.matmul import activation_form


def gate_mul(rec: Recorder, x: Tensor, out: Tensor, *, state: Tensor, activation: str) -> None:
    """out = activation(x[:, :F]) · x[:, F:].   x (T, 2F), out (T, F)"""
    tokens, inner = out.shape
    rec.run(
        "gate_mul",
        -(-tokens * inner // 64),
        {"x": x, "out": out, "state": state},
        includes=activation_form(activation),
        F=inner,
    )
