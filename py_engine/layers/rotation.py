"""Rotary positions: how fast each pair of dimensions turns, and what scales that.

References: RoFormer (arXiv 2104.09864), YaRN (2309.00071), LongRoPE (2402.13753); for what GGUF
stores, llama.cpp (src/llama-context.cpp, ggml_rope_yarn).
"""

from dataclasses import dataclass
from math import ceil, floor, log, pi, pow

from py_engine.gpu.tensor import Tensor
from py_engine.layers.config import Config
from py_engine.layers.weights import Weights
from py_engine.ops.attention import rates, rope_divide

_KINDS = ("none", "linear", "yarn", "longrope")


@dataclass(frozen=True)
class Scaling:
    """What stretches positions: `kind` by `factor`, for a model made for `original` positions.

    Linear: all turns are slower by the factor. YaRN: those of long waves are, and what is rotated
    is multiplied. LongRoPE: each by a number of the file. All multiply by `magnitude` too.
    """

    kind: str = "none"
    factor: float = 1.0
    original: int = 1
    magnitude: float = 1.0
    fast: float = 32.0
    slow: float = 1.0
    log_multiplier: float = 0.0

    @classmethod
    def read(cls, config: Config) -> "Scaling":
        name = "rope.scaling.factor"
        if config.value(name) is None:
            name = "rope.scale_linear"  # as it was called before
        kind = config.value("rope.scaling.type")
        kind = "linear" if kind is None else kind
        if not isinstance(kind, str) or kind not in _KINDS:
            raise config.refusal("rope.scaling.type", kind, ", ".join(_KINDS))
        config.neutral("rope.scaling.yarn_ext_factor", -1, 1 if kind == "yarn" else 0)
        config.neutral("rope.scaling.yarn_attn_factor", 0, 1)
        factor = config.real(name) if config.value(name) else 1.0
        return cls(
            kind,
            1.0 if kind == "none" else factor,
            config.size("rope.scaling.original_context_length", config.context_length),
            config.factor("rope.scaling.attn_factor"),
            config.real("rope.scaling.yarn_beta_fast", 32.0),
            config.real("rope.scaling.yarn_beta_slow", 1.0),
            config.factor("rope.scaling.yarn_log_multiplier", 0.0),
        )

    def frequencies(self, base: float, rotated: int) -> list[float]:
        """Radians per position of each of the `rotated` / 2 pairs."""
        pairs = rotated // 2
        plain = [base ** (-2.0 * i / rotated) for i in range(pairs)]
        if self.kind != "yarn" or self.factor == 1:
            return [frequency / self.factor for frequency in plain]

        def dimension(turns: float) -> float:  # where a wave fits so often into the original
            return rotated * log(self.original / (2 * pi * turns)) / (2 * log(base))

        low = max(0, floor(dimension(self.fast)))
        high = min(rotated - 1, ceil(dimension(self.slow)))
        kept = [1 - min(max((i - low) / max(0.001, high - low), 0), 1) for i in range(pairs)]
        return [f * (k + (1 - k) / self.factor) for f, k in zip(plain, kept, strict=True)]

    @property
    def multiplied(self) -> float:
        """What cosine and sine are multiplied by."""
        if self.kind != "yarn" or self.factor <= 1:
            return self.magnitude
        grown = 0.1 * log(self.factor)
        return self.magnitude * (1 + grown) / (1 + self.log_multiplier * grown)


UNSCALED = Scaling()
_MOST_ALPHA = 1e9


def ntk_base(config: Config) -> float:
    """The rotation's base as `rope.scaling.alpha` raises it (NTK-aware scaling: Hunyuan)."""
    name = "rope.scaling.alpha"
    alpha = config.factor(name)
    if not 0 < alpha <= _MOST_ALPHA:
        raise config.refusal(name, alpha, f"a number from 0 to {_MOST_ALPHA:g}")
    size = config.rotated()
    return config.real("rope.freq_base", 10000.0) * pow(alpha, size / (size - 2))


def rotation(
    weights: Weights,
    config: Config,
    context: int,
    *,
    base: float | None = None,
    scaling: Scaling | None = None,
    rotated: int | None = None,
    divided: bool = True,
) -> Tensor:
    """The kernels' table of rotation rates, (pairs, 4) u32, for all layers that turn alike.

    Divisors that the file has go into it: `rope_freqs.weight` (Llama 3.1 and later), or LongRoPE's
    for a `context` below or above the model's original one.

    Args:
        base, scaling, rotated: None reads `rope.freq_base`, and what says how it is scaled, and
            `rope.dimension_count`, as they stand for layers with full attention.
        divided: False leaves the divisors to others.
    """
    if rotated is None:
        rotated = config.rotated()
    base = base or config.real("rope.freq_base", 10000.0)
    scaling = Scaling.read(config) if scaling is None else scaling
    pairs = rotated // 2
    table = weights.memory.tensor((pairs, 4), "rotation", "u32")
    turns = rates(scaling.frequencies(base, rotated), scaling.multiplied)
    weights.memory.device.write(table.handle, 0, turns)
    if not divided:
        return table
    divisors = "rope_freqs.weight"
    if weights.has("rope_factors_long.weight"):
        chosen = "long" if context > scaling.original else "short"
        divisors = f"rope_factors_{chosen}.weight"
        weights.leave_out(f"rope_factors_{'short' if chosen == 'long' else 'long'}.weight")
    if weights.has(divisors):
        factors = weights.vector([divisors], [pairs])
        weights.afterwards(lambda rec: rope_divide(rec, factors, table))
    return table
