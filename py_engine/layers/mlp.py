"""The gated feed-forward layer (SwiGLU, Shazeer, arXiv 2002.05202)."""

from py_engine.gpu.recorder import Recorder
from py_engine.layers.activations import Activations
from py_engine.layers.config import Config
from py_engine.layers.norm import Norm
from py_engine.layers.weights import Weights
from py_engine.ops.gate import silu_mul


class SwiGLU:
    """hidden += down(silu(gate(norm(hidden))) · up(norm(hidden)))"""

    def __init__(self, weights: Weights, prefix: str, config: Config) -> None:
        width, inner = config.embedding_length, config.feed_forward_length
        self.ffn_norm = Norm(weights.vector([f"{prefix}.ffn_norm.weight"], [width]), config.eps)
        names = (f"{prefix}.ffn_gate.weight", f"{prefix}.ffn_up.weight")
        self.ffn_gate_up = weights.pair(names, inner, width)
        self.ffn_down = weights.linear([f"{prefix}.ffn_down.weight"], [width], inner)

    def apply(self, rec: Recorder, act: Activations) -> None:
        """Record the layer for T tokens."""
        fused = self.ffn_gate_up.interleaved
        target = act.inner if fused else act.gate
        self.ffn_gate_up.apply(rec, act, act.hidden, target, norm=self.ffn_norm)
        if not fused:
            silu_mul(rec, act.gate, act.inner, state=act.state)
        self.ffn_down.apply(rec, act, act.inner, act.hidden, add=True)
