"""Sampling on the GPU: the next token, from logits and settings, without leaving the device."""

import struct
from collections.abc import Collection

from py_engine.gpu.recorder import Recorder
from py_engine.gpu.tensor import Tensor

RING = 64
"""Sampled tokens that the ring keeps; more steps than that are never in flight."""
GROUPS = 64
"""The most slices that a vocabulary is cut into; `groups` says how many."""
_SLICE = 2048
IN_PROMPT = 0x80000000
"""Bit of a token's count that says that the prompt contains it."""
SETTINGS_BYTES = 32
STOPS = 64
"""Tokens that may end a reply; the shader's constant."""
_NO_TOKEN = 0xFFFFFFFF


def packed_stops(ids: Collection[int]) -> bytes:
    """The bytes of `sample`'s stops, for the tokens that end a reply.

    Raises:
        ValueError: more than STOPS of them.
    """
    if len(ids) > STOPS:
        raise ValueError(f"{len(ids)} tokens end a reply; the sampler knows {STOPS}")
    return struct.pack(f"<{STOPS}I", *ids, *[_NO_TOKEN] * (STOPS - len(ids)))


def groups(vocabulary: int) -> int:
    """Workgroups of the scan: each has enough of the logits to be worth its start."""
    return min(-(-vocabulary // _SLICE), GROUPS)


def sample(
    rec: Recorder,
    logits: Tensor,
    parts: Tensor,
    *,
    bias: Tensor,
    counts: Tensor,
    settings: Tensor,
    tokens: Tensor,
    ring: Tensor,
    state: Tensor,
    stops: Tensor | None = None,
) -> None:
    """Sample one token and advance the state; see sample_scan.wgsl and sample_pick.wgsl.

    Args:
        logits: (V,), overwritten by the adjusted ones.
        parts: (GROUPS, 3) scratch.
        bias, counts: (V,) f32 and u32.
        settings: the shader's struct Sampling, 32 bytes.
        tokens, ring, state: written: the token for the next step, (RING, 2), and (4,).
        stops: (STOPS,) u32, `packed_stops`. From the first of these on state.n is 0, so that the
            steps under way leave recurrent states alone, until the state is written anew.
    """
    (vocabulary,) = logits.shape
    slices = groups(vocabulary)
    rec.run(
        "sample_scan",
        slices,
        {"logits": logits, "bias": bias, "counts": counts, "parts": parts, "sampling": settings},
        V=vocabulary,
        GROUPS=slices,
    )
    buffers = {
        "logits": logits,
        "parts": parts,
        "counts": counts,
        "tokens": tokens,
        "ring": ring,
        "state": state,
        "sampling": settings,
    }
    includes = {}
    if stops:
        buffers["stops"] = stops
        includes["lib/no_stops.wgsl"] = "lib/stops.wgsl"
    rec.run(
        "sample_pick",
        1,
        buffers,
        includes=includes,
        V=vocabulary,
        GROUPS=slices,
        RING=RING,
    )
