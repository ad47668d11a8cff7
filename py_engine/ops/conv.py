"""Short causal convolutions, channel by channel, whose last inputs are a state (LFM2, Qwen3.5)."""

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor

_THREADS, _TILE = 64, 16
"""Channels and tokens of a workgroup; the shader's constants."""


def short_conv(
    rec: Recorder,
    x: Tensor,
    kernel: Tensor,
    out: Tensor,
    *,
    past: Tensor,
    state: Tensor,
    gated: bool = False,
) -> None:
    """Convolve the first state.n of T tokens with what came before them; see short_conv.wgsl.

    Args:
        x: (T, W); its first C columns are convolved, and silu follows. Gated: (T, 3C), three
            parts b, c, v, of which b · v is convolved and multiplied by c, without silu.
        kernel: (C, width), the present last: a GGUF's (width, C).
        out: (T, C).
        past: (width - 1, C), read and written: the inputs before this call, the oldest first.
            What it holds at position 0 does not matter.

    Raises:
        ValueError: the shapes do not fit.
    """
    channels, width = kernel.shape
    tokens, columns = x.shape
    fits = columns == 3 * channels if gated else columns >= channels
    if not fits or past.shape != (width - 1, channels) or not 1 < width <= _TILE:
        raise ValueError(f"a convolution of {x} by {kernel} with {past}, gated: {gated}")
    rec.run(
        "short_conv",
        (-(-channels // _THREADS), -(-tokens // _TILE), 1),
        {"x": x, "kernel": kernel, "past": past, "out": out, "state": state},
        C=channels,
        W=columns,
        WIDTH=width,
        GATED=gated,
    )
