"""Every shader in every variant that the engine asks for: what a WGSL compiler must accept.

Knows the constants and includes that the ops choose between, not what the kernels compute. The
native tier compiles these texts with naga, the browser tier with Tint.
"""

from collections.abc import Callable, Iterator
from itertools import product
from types import SimpleNamespace

from py_engine.formats.quants import QUANTS, SUPPORTED
from py_engine.gpu.dry import DEFAULT_LIMITS
from py_engine.gpu.recorder import Library
from py_engine.gpu.wgsl import Shader, Value

RUNGS = {
    "subgroups": frozenset({"subgroups"}),
    "plain": frozenset(),
}
"""The ladder of device features, from the top; each is run by its own variants."""
MATRICES = frozenset({"subgroups", "shader-f16", "chromium-experimental-subgroup-matrix"})
"""The rung above, which so far only Chromium has on some GPUs, behind a flag."""

COMMON = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K")
"""The weight types that are run on every rung; the others differ by what decodes a block."""

Variant = tuple[str, dict[str, Value], dict[str, str]]
"""Shader, constants, includes. The Library adds the includes that a rung calls for."""

_NORM = {"lib/no_norm.wgsl": "lib/norm.wgsl"}
_SINGLE = {"lib/reduce_rows.wgsl": "lib/reduce_rows_single.wgsl"}
_BIAS = {"lib/no_bias.wgsl": "lib/bias.wgsl"}
_SCALED_BIAS = {"lib/no_bias.wgsl": "lib/scaled_bias.wgsl"}
_GELU = {"lib/silu.wgsl": "lib/gelu.wgsl"}
_CAPPED = {"lib/silu.wgsl": "lib/capped.wgsl"}
_RELU2 = {"lib/silu.wgsl": "lib/relu2.wgsl"}
_HEAD_NORM = {"lib/no_head_norm.wgsl": "lib/head_norm.wgsl"}
_NO_WEIGHT = {"lib/norm_weight.wgsl": "lib/no_norm_weight.wgsl"}
_STOPS = {"lib/no_stops.wgsl": "lib/stops.wgsl"}
_HEADS: tuple[dict[str, Value], ...] = (
    {"D": 64, "H": 8, "KV": 2, "S": 512},
    {"D": 256, "H": 4, "KV": 2, "S": 512},
    {"D": 512, "H": 4, "KV": 2, "S": 512},
)


def _weight(type: str) -> dict[str, str]:
    return {"lib/weight.wgsl": f"lib/weight_{type.lower()}.wgsl"}


def _repacks() -> Iterator[Variant]:
    kinds: dict[str, tuple[str, ...]] = {
        "float": ("WORDS",),
        "q8_0": (),
        "q4_0": ("MINIMUM", "FIFTH"),
        "q4_k": ("FIFTH",),
        **dict.fromkeys(("q2_k", "q3_k", "q6_k", "iq4_xs", "mxfp4", "nvfp4"), ()),
        **dict.fromkeys(("q1_0", "q2_0", "tq1_0", "tq2_0", "iq1_s", "iq1_m"), ()),
        **dict.fromkeys(("iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s"), ()),
    }
    for kind, flags in kinds.items():
        choices = (32, 16) if kind == "float" else (False, True)
        for values in product(choices, repeat=len(flags)):
            constants: dict[str, Value] = {"K": 256, **dict(zip(flags, values, strict=True))}
            yield "load/repack", constants, {"load/repack_type.wgsl": f"load/repack_{kind}.wgsl"}


def _products(subgroups: bool) -> Iterator[Variant]:
    for type in SUPPORTED if subgroups else COMMON:
        weight = _weight(type)
        yield "embed", {"K": 256}, weight
        yield "embed_layers", {"L": 4, "P": 64}, weight
        yield "matvec", {"K": 256, "GATED": True}, weight | _NORM
        yield "matmul", {"K": 256, "TM": 64}, weight
        yield "matvec_batch", {"K": 256, "M": 16}, weight
    weight = _weight("Q4_K")
    for name in ("matvec", "matmul", "matvec_batch"):
        yield name, {"K": 256, "GATED": True}, weight | _GELU
        yield name, {"K": 256, "ACTIVATED": True}, weight | _RELU2
        yield name, {"K": 256, "ACTIVATED": True, "SOFTCAP": 30.0}, weight | _CAPPED
    parts = {"lib/reduce_rows.wgsl": "lib/reduce_rows.wgsl"}  # teams that are parts of subgroups
    for norm, gated in product(({}, _NORM), (False, True)):
        teams: dict[str, Value] = {"WG": 128, "TEAMS": 16, "STAGED": True, "GATED": gated}
        yield "matvec", {"K": 1152, **teams}, _weight("Q4_0") | norm | parts
    for rows, threads in ((1, 256), (2, 64), (16, 4)):
        yield "matvec", {"K": 256, "R": rows, "WG": threads}, weight
        yield "matvec", {"K": 256, "R": rows, "WG": 32, "STAGED": True}, weight | _NORM
    for teams in (2, 4):
        shared: dict[str, Value] = {"K": 4096, "WG": 128, "TEAMS": teams, "STAGED": True}
        yield "matvec", shared | {"GATED": True}, weight | _NORM
    if subgroups:
        yield "load/subgroup_probe", {}, {}
        for norm in ({}, _NORM):
            yield "matvec", {"K": 256, "R": 4, "GATED": True}, weight | _SINGLE | norm
    options: tuple[tuple[str, ...], ...] = ((), ("ADD",), ("GATED",), ("ADD", "GATED"))
    for after in (False, True):
        yield "load/scaled_bias", {"AFTER": after}, {}
    for names, includes in product(options, ({}, _BIAS, _SCALED_BIAS)):
        constants: dict[str, Value] = {"K": 256, **dict.fromkeys(names, True)}
        yield "matvec", constants, weight | includes
        for tokens in (16, 32, 64, 128):
            yield "matmul", constants | {"TM": tokens}, weight | includes
        yield "matvec_batch", constants, weight | includes


def _matrices() -> Iterator[Variant]:
    tiles: tuple[dict[str, Value], ...] = (
        {"TM": 32, "TN": 32},
        {"TM": 64, "TN": 64},
        {"TM": 128, "TN": 64},
        {"TM": 128, "TN": 128},
    )
    for type in SUPPORTED:
        yield "matmul_matrix", {"K": 256}, _weight(type)
    for type, columns, size in product(COMMON, (256, 288), tiles):
        if columns % QUANTS[type].block == 0:
            yield "matmul_matrix", {"K": columns, **size}, _weight(type)
    for size, names in product(tiles, ((), ("ADD",), ("GATED",))):
        constants: dict[str, Value] = {"K": 256, **size, **dict.fromkeys(names, True)}
        yield "matmul_matrix", constants, _weight("Q4_K") | _BIAS
        yield "matmul_matrix", constants, _weight("NVFP4") | _SCALED_BIAS


def _attention() -> Iterator[Variant]:
    for shape, neox, includes in product(_HEADS, (False, True), ({}, _HEAD_NORM)):
        rotated = shape | {"ROT": shape["D"], "NEOX": neox}
        yield "attention_decode", {**rotated, "GW": 1}, includes
        yield "rope_cache", rotated, includes
    for shape in _HEADS:
        together = 1 if shape["D"] == 512 else 2
        yield "attention_decode", {**shape, "GW": together, "ROT": 64, "WG": 256}, {}
        yield "attention_merge", {"D": shape["D"], "H": shape["H"], "WG": 256}, {}
        tile: dict[str, Value] = {**shape, "WG": 256 if shape["D"] == 512 else 128}
        for options in ({}, {"WINDOW": 100}, {"SOFTCAP": 50.0}, {"WINDOW": 1, "SOFTCAP": 20.0}):
            yield "attention_prefill", tile | options, {}
    yield from _options()


def _options() -> Iterator[Variant]:
    """Each option of the heads and scores alone, then several together."""
    ready: tuple[dict[str, Value], ...] = (
        {"ROT": 0},
        {"SCALE": 1.0},
        {"WARMTH": 0.1, "WARM_FROM": 64},
        {"TURN_FIRST": True},
        {"VALUE_NORM": True},
        {"SHARED": True},
        {"TIED": True, "VALUE_NORM": True},
        {"TURN_FIRST": True, "VALUE_NORM": True, "WARMTH": 0.5, "WARM_FROM": 100, "SCALE": 1e-05},
    )
    scores: tuple[dict[str, Value], ...] = ({"WINDOW": 100}, {"WINDOW": 1}, {"SOFTCAP": 50.0})
    for options, includes in product(ready, ({}, _HEAD_NORM)):
        yield "rope_cache", _HEADS[0] | options, includes
        yield "attention_decode", {**_HEADS[0], "GW": 2, **options}, includes
    for score, options in product(scores, ({}, {"SHARED": True})):
        yield "attention_decode", _HEADS[0] | score | options, {}


def _recurrent() -> Iterator[Variant]:
    yield "short_conv", {"C": 96, "W": 288, "WIDTH": 3, "GATED": True}, {}
    yield "short_conv", {"C": 96, "W": 200, "WIDTH": 4}, {}
    for size, lanes in ((8, 2), (64, 4), (128, 1), (128, 2), (256, 1)):
        shape: dict[str, Value] = {"D": size, "K": 2, "H": 6, "LANES": lanes}
        yield "gated_delta", shape | {"W": 16 * size + 12, "Z": 10 * size}, {}


def _variants(features: frozenset[str]) -> Iterator[Variant]:
    subgroups = "subgroups" in features
    yield from _repacks()
    yield from _products(subgroups)
    if features >= MATRICES:
        yield from _matrices()
    yield from _attention()
    for add, norm in product((False, True), ({}, _NO_WEIGHT)):
        yield "rms_norm", {"C": 96, "ADD": add}, norm
    yield "qk_norm", {"D": 64, "H": 3, "KV": 1}, {}
    yield from _recurrent()
    yield "rms_norm", {"C": 96}, {}
    for alone in (True, False):
        yield "take_last", {"C": 96, "ALONE": alone}, {}
    yield "copy", {"N": 1000}, {}
    yield "sigmoid_gate", {"C": 96}, {}
    yield "layer_mul", {"C": 32, "W": 96}, {}
    yield "scale", {"C": 96}, {}
    yield "add", {"C": 96}, {}
    for activation in ({}, _GELU):
        yield "sparse_gate", {"F": 96, "DEVIATIONS": 1.5}, activation
    for merge in (False, True):
        yield "altup_rescale", {"C": 96, "MERGE": merge}, {}
    yield "altup_predict", {"C": 96}, {}
    yield "altup_correct", {"C": 96}, {}
    for activation in ({}, _GELU, _RELU2):
        yield "gate_mul", {"F": 96}, activation
    yield "load/rope_divide", {"P": 32}, {}
    yield "sample_scan", {"V": 1000}, {}
    yield "sample_pick", {"V": 1000}, {}
    yield "sample_pick", {"V": 1000}, _STOPS


def shaders(
    read: Callable[[str], str], features: frozenset[str], enables: frozenset[str]
) -> list[Shader]:
    """Every shader for a device with these features; no two have the same text.

    Args:
        read: gives the text of a path below shaders/.
        enables: `enable` names that the compiler wants to read (Tint: subgroups).
    """
    device = SimpleNamespace(
        features=features,
        wgsl_enables=enables,
        subgroup_size=0,
        software=False,
        limits=DEFAULT_LIMITS,
    )
    library = Library(read, device)
    made = (library.shader(*variant) for variant in _variants(features))
    return list({shader.code: shader for shader in made}.values())
