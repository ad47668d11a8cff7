"""The gated delta rule: linear attention whose memory is a matrix per head (Qwen3.5).

Letters: T tokens of this call, H value heads, K key and query heads, D the size of all of them.
Value head h goes with key head h mod K.
"""

from dataclasses import dataclass

from py_engine.gpu.recorder import Library, Recorder
from py_engine.gpu.tensor import Tensor

_MOST_THREADS = 256


@dataclass(frozen=True)
class DeltaHeads:
    """The shape of a gated delta net. A row of its inputs is q, k, v, z, alpha, beta."""

    H: int
    K: int
    D: int

    @property
    def mixed(self) -> int:
        """Columns of q, k and v, which a convolution mixes over time."""
        return (2 * self.K + self.H) * self.D

    @property
    def width(self) -> int:
        """Columns of the stacked inputs."""
        return self.mixed + self.H * self.D + 2 * self.H

    @property
    def memory(self) -> tuple[int, int, int, int]:
        """The shape of the state: for each head D / 4 times four keys, by D values."""
        return self.H, self.D // 4, self.D, 4


def gated_delta(
    rec: Recorder,
    heads: DeltaHeads,
    qkv: Tensor,
    x: Tensor,
    out: Tensor,
    *,
    memory: Tensor,
    rates: Tensor,
    norm: Tensor,
    state: Tensor,
    eps: float,
) -> None:
    """The gated delta rule over the first state.n of T tokens; see gated_delta.wgsl.

    Args:
        qkv: (T, heads.mixed), after convolution and silu, before the norms of q and k.
        x: (T, heads.width), the inputs of which z, alpha and beta are read.
        out: (T, H · D), each head normed and gated by silu(z).
        memory: heads.memory, read and written. What it holds at position 0 does not matter.
        rates: (2, H): a, which is negative, and dt, the bias of alpha.
        norm: (D,), the RMSNorm of each head of the result.
        eps: of that norm and of those of q and k.

    Raises:
        ValueError: a head size that is no multiple of 8, or is above 256.
    """
    if heads.D % 8 or not 0 < heads.D <= _MOST_THREADS:
        raise ValueError(f"a delta net's head size is a multiple of 8 up to 256, not {heads.D}")
    rec.run(
        "gated_delta",
        (heads.H, 1, 1),
        {
            "qkv": qkv,
            "x": x,
            "rates": rates,
            "norm": norm,
            "memory": memory,
            "out": out,
            "state": state,
        },
        params={"eps": eps},
        D=heads.D,
        H=heads.H,
        K=heads.K,
        W=x.shape[-1],
        Z=heads.mixed,
        LANES=_lanes(rec.library, heads.D),
    )


def _lanes(library: Library, size: int) -> int:
    """Threads for a column of the memory: many, but one where every barrier is dear."""
    lanes = 1
    while not library.narrow and 2 * lanes * size <= _MOST_THREADS and size // 4 % (2 * lanes) == 0:
        lanes *= 2
    return lanes
