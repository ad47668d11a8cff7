"""RMSNorm's weight and epsilon; the kernels that follow it fold it in."""

from dataclasses import dataclass

from py_engine.gpu.tensor import Tensor


@dataclass(frozen=True)
class Norm:
    """x / sqrt(mean(x²) + eps) · weight over the last dimension; weight (C,)."""

    weight: Tensor
    eps: float
