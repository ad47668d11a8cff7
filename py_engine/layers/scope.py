"""The tensors of a block by their names in it: `norm("attn_norm")` is `blk.3.attn_norm.weight`."""

from collections.abc import Sequence
from dataclasses import replace

from py_engine.base.errors import LongContext
from py_engine.gpu.tensor import Tensor
from py_engine.layers.config import Config
from py_engine.layers.linear import Linear
from py_engine.layers.norm import Norm
from py_engine.layers.weights import Weights
from py_engine.ops.attention import Cache, Heads, most_positions


class Scope:
    """The tensors whose names begin with `prefix`; names here are without it and `.weight`.

    Attributes:
        width: the embedding length C.
        eps: of the model's norms.
    """

    def __init__(self, weights: Weights, config: Config, prefix: str) -> None:
        self.weights, self.prefix = weights, prefix
        self.width, self.eps = config.embedding_length, config.eps

    def has(self, name: str) -> bool:
        return self.weights.has(self._full(name))

    def norm(self, name: str) -> Norm:
        """An RMSNorm over C."""
        return Norm(self.vector([name], [self.width]), self.eps)

    def vector(self, names: Sequence[str], sizes: Sequence[int]) -> Tensor:
        """F32 vectors one after another in one tensor, (sum of sizes,)."""
        return self.weights.vector([self._full(name) for name in names], sizes)

    def rates(self, names: Sequence[str], size: int) -> Tensor:
        """Vectors whose names have no `.weight`, one a row: (names, size)."""
        vectors = self.weights.vector(
            [f"{self.prefix}.{name}" for name in names], [size] * len(names)
        )
        return replace(vectors, shape=(len(names), size))

    def linear(self, name: str, rows: int, columns: int) -> Linear:
        """A matrix and, where the file has it, its bias."""
        return self.stack([name], [rows], columns)

    def stack(
        self, names: Sequence[str], sizes: Sequence[int], columns: int, *, fused: str = ""
    ) -> Linear:
        """Matrices one after another by rows, with biases; `fused` names one tensor of them all."""
        if fused and self.has(fused):
            names, sizes = [fused], [sum(sizes)]
        return self.weights.linear([self._full(name) for name in names], sizes, columns)

    def pair(self, gate: str, up: str, rows: int, columns: int) -> Linear:
        """Two matrices with their rows in turn, if their types allow it: see `Weights.pair`."""
        return self.weights.pair((self._full(gate), self._full(up)), rows, columns)

    def halves(self, name: str, rows: int, columns: int) -> Linear:
        """The same of one matrix (2 rows, columns), the upper half of which is the gate."""
        return self.weights.halves(self._full(name), rows, columns)

    def table(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """An F32 tensor of this shape, which a GGUF has the other way round."""
        return self.weights.table(self._full(name), shape)

    def alternating(
        self, names: Sequence[str], sizes: Sequence[int], columns: int, *, of: int
    ) -> tuple[Linear, Linear]:
        """A stack whose first matrix holds two things by turns: see `Weights.alternating`."""
        full = [self._full(name) for name in names]
        return self.weights.alternating(full, sizes, columns, of=of)

    def leave_out(self, *names: str) -> None:
        """Do without these, and what lies beside them, where the file has them: not fetched."""
        for name in names:
            for kind in ("weight", "bias", "scale"):
                self.weights.leave_out(f"{self.prefix}.{name}.{kind}")

    def cache(self, heads: Heads, context: int) -> Cache:
        """Keys and values of this block's attention for `context` positions.

        Raises:
            LongContext: part of it needs a larger buffer than kernels can see.
        """
        memory = self.weights.memory
        most = most_positions(heads, memory.largest)
        if context > most:
            raise LongContext(context, most, memory.largest)
        shape = (heads.K, heads.D // 8, context, 4)
        keys, values = (
            memory.tensor(shape, f"{self.prefix} {what}", "u32") for what in ("keys", "values")
        )
        return Cache(keys, values, context)

    def _full(self, name: str) -> str:
        return f"{self.prefix}.{name}.weight"
