"""Gates that are not fused into the matrix before them."""

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


def sparse_gate(
    rec: Recorder, x: Tensor, out: Tensor, *, state: Tensor, activation: str, deviations: float
) -> None:
    """As `gate_mul`, of what gates are above a cutoff: their mean and so many deviations.

    A token's own mean, and the standard deviation of all its F gates.
    """
    tokens, inner = out.shape
    rec.run(
        "sparse_gate",
        (tokens, 1, 1),
        {"x": x, "out": out, "state": state},
        includes=activation_form(activation),
        F=inner,
        DEVIATIONS=deviations,
        WG=rec.library.threads(128),
    )


def add(rec: Recorder, x: Tensor, out: Tensor, *, state: Tensor, scale: float) -> None:
    """out = scale · (out + x).   (T, C)"""
    tokens, width = x.shape
    buffers = {"x": x, "out": out, "state": state}
    rec.run("add", -(-tokens * width // 64), buffers, params={"scale": scale}, C=width)


def layer_mul(rec: Recorder, x: Tensor, inputs: Tensor, *, at: int, state: Tensor) -> None:
    """x · inputs[:, at : at + P], in place.   x (T, P), inputs (T, L · P)"""
    tokens, width = x.shape
    rec.run(
        "layer_mul",
        -(-tokens * width // 64),
        {"x": x, "inputs": inputs, "state": state},
        params={"at": at},
        C=width,
        W=inputs.shape[1],
    )


def scale(rec: Recorder, x: Tensor, factor: Tensor, *, state: Tensor) -> None:
    """x · factor, in place.   x (T, C), factor (1,)"""
    tokens, width = x.shape
    buffers = {"x": x, "factor": factor, "state": state}
    rec.run("scale", -(-tokens * width // 64), buffers, C=width)


def sigmoid_gate(rec: Recorder, x: Tensor, gate: Tensor, *, state: Tensor) -> None:
    """x · sigmoid(gate), in place.   (T, C)"""
    tokens, width = x.shape
    buffers = {"x": x, "gate": gate, "state": state}
    rec.run("sigmoid_gate", -(-tokens * width // 64), buffers, C=width)
