"""The self-check's known answers: right kernels pass, and a fault in any part of one is seen."""

import asyncio
from collections.abc import Sequence

import pytest

from py_engine.formats.quants import SUPPORTED
from py_engine.generate.selfcheck import SelfCheck
from py_engine.gpu.native import NativeDevice
from py_engine.gpu.recorder import Library
from py_engine.gpu.wgsl import Shader
from tests.gpu.chromium import ChromiumDevice
from tests.gpu.conftest import natively, read_shader
from tests.shader_variants import Variant

Device = NativeDevice | ChromiumDevice
Rung = tuple[Device, Library, str]
_NORM = {"lib/no_norm.wgsl": "lib/norm.wgsl"}
_BIAS = {"lib/no_bias.wgsl": "lib/bias.wgsl"}
_SCALED_BIAS = {"lib/no_bias.wgsl": "lib/scaled_bias.wgsl"}
_HEAD_NORM = {"lib/no_head_norm.wgsl": "lib/head_norm.wgsl"}
_Q4 = {"lib/weight.wgsl": "lib/weight_q4_k.wgsl"}
_HEADS = {"D": 64, "H": 8, "KV": 2, "S": 300}
_WIDE = {"D": 512, "H": 4, "KV": 2, "S": 300}
_WARM = {"WARMTH": 0.1, "WARM_FROM": 40, "SCALE": 0.1}
_DELTA = {"D": 64, "K": 2, "H": 4, "W": 800, "Z": 512}
KERNELS: list[Variant] = [
    ("matvec", {"K": 1280, "R": 4, "WG": 32, "GATED": True}, _Q4 | _NORM),
    ("matvec", {"K": 256, "R": 8, "WG": 64, "ADD": True, "STAGED": True}, _Q4 | _BIAS),
    ("matvec", {"K": 2560, "R": 2, "WG": 32, "STAGED": True}, _Q4 | _NORM),
    ("matvec", {"K": 256, "R": 4, "WG": 32, "GATED": True}, _Q4 | _SCALED_BIAS),
    ("matvec", {"K": 2304, "R": 2, "WG": 128, "TEAMS": 4, "STAGED": True}, _Q4 | _NORM),
    ("matvec_batch", {"K": 512, "R": 2, "M": 8, "WG": 8, "GATED": True}, _Q4 | _BIAS),
    ("matmul", {"K": 512, "TM": 16, "ADD": True}, _Q4 | _BIAS),
    ("matmul", {"K": 512, "TM": 32, "GATED": True}, _Q4),
    ("matmul", {"K": 256, "TM": 16}, _Q4 | _SCALED_BIAS),
    ("embed", {"K": 1024}, _Q4),
    ("take_last", {"C": 300}, {}),
    ("gate_mul", {"F": 100}, {}),
    ("embed_layers", {"L": 3, "P": 256}, _Q4),
    ("embed_layers", {"L": 4, "P": 64}, {"lib/weight.wgsl": "lib/weight_iq4_nl.wgsl"}),
    ("sigmoid_gate", {"C": 300}, {}),
    ("layer_mul", {"C": 96, "W": 288}, {}),
    ("scale", {"C": 100}, {}),
    ("add", {"C": 100}, {}),
    ("sparse_gate", {"F": 300, "DEVIATIONS": 0.7}, {"lib/silu.wgsl": "lib/gelu.wgsl"}),
    ("altup_rescale", {"C": 300}, {}),
    ("altup_rescale", {"C": 300, "MERGE": True}, {}),
    ("altup_predict", {"C": 100}, {}),
    ("altup_correct", {"C": 100}, {}),
    ("copy", {"N": 500}, {}),
    ("gate_mul", {"F": 100}, {"lib/silu.wgsl": "lib/gelu.wgsl"}),
    ("rms_norm", {"C": 96}, {}),
    ("rms_norm", {"C": 200, "ADD": True}, {"lib/norm_weight.wgsl": "lib/no_norm_weight.wgsl"}),
    ("qk_norm", {"D": 64, "H": 4, "KV": 3}, {}),
    ("rope_cache", {**_HEADS, "ROT": 64, "WG": 32}, _HEAD_NORM),
    ("rope_cache", {**_HEADS, "ROT": 32, "SHARED": True, **_WARM}, {}),
    ("rope_cache", {**_HEADS, "ROT": 48, "TURN_FIRST": True, "VALUE_NORM": True}, _HEAD_NORM),
    ("attention_decode", {**_HEADS, "ROT": 32, "GW": 2, "NEOX": False}, {}),
    ("attention_decode", {**_HEADS, "ROT": 64, "GW": 1, "S": 5}, _HEAD_NORM),
    ("attention_decode", {**_HEADS, "SHARED": True, "WINDOW": 40, **_WARM}, {}),
    ("attention_decode", {**_WIDE, "ROT": 0, "WINDOW": 20, "VALUE_NORM": True}, _HEAD_NORM),
    ("attention_decode", {**_HEADS, "ROT": 32, "TURN_FIRST": True, "SOFTCAP": 1.5}, _HEAD_NORM),
    ("attention_decode", {**_HEADS, "VALUE_NORM": True, "WINDOW": 1, "SCALE": 1.0}, {}),
    ("attention_decode", {**_HEADS, "VALUE_NORM": True, "TIED": True}, _HEAD_NORM),
    ("rope_cache", {**_HEADS, "ROT": 64, "TIED": True}, {}),
    ("attention_merge", {"D": 64, "H": 8}, {}),
    ("attention_prefill", _HEADS, {}),
    ("attention_prefill", {**_WIDE, "WINDOW": 100, "WG": 256}, {}),
    ("attention_prefill", {**_HEADS, "WINDOW": 2, "SOFTCAP": 1.5}, {}),
    ("short_conv", {"C": 96, "W": 120, "WIDTH": 4}, {}),
    ("short_conv", {"C": 40, "W": 120, "WIDTH": 3, "GATED": True}, {}),
    ("gated_delta", {**_DELTA, "LANES": 1}, {}),
    ("gated_delta", {**_DELTA, "LANES": 4}, {}),
    ("sample_scan", {"V": 5000, "GROUPS": 3}, {}),
    ("sample_pick", {"V": 5000, "GROUPS": 3}, {}),
    ("sample_pick", {"V": 5000, "GROUPS": 3}, {"lib/no_stops.wgsl": "lib/stops.wgsl"}),
]
FAULTS = {
    "matvec": ("first += CHUNK)", "first += CHUNK * 2u)"),
    "matvec_batch": ("b += WG)", "b += WG * 2u)"),
    "matmul": ("step < K / 32u", "step < K / 32u - 1u"),
    "embed": ("i += WG", "i += WG * 2u"),
    "take_last": ("i += WG", "i += WG * 2u"),
    "embed_layers": ("i < OCTETS * 2u", "i < OCTETS"),
    "sigmoid_gate": ("x[i] *=", "x[i] ="),
    "layer_mul": ("params.at + i % C", "i % C"),
    "scale": ("x[i] *=", "x[i] +="),
    "add": ("params.scale * (out[i] + x[i])", "params.scale * out[i] + x[i]"),
    "sparse_gate": ("mean + DEVIATIONS", "DEVIATIONS"),
    "altup_rescale": ("sqrt(wanted / ", "(wanted / "),
    "altup_predict": ("m < N", "m < N - 1u"),
    "altup_correct": ("var coef = 1.0", "var coef = 0.0"),
    "copy": ("i < N", "i < N / 4u"),
    "gate_mul": ("let t = i / F;", "let t = i / F + i / 99u;"),
    "rms_norm": ("sum += dot(v[j], v[j])", "sum += v[j].x"),
    "qk_norm": ("select(H * D, KV * D, group.y == 1u)", "H * D"),
    "rope_cache": ("mean = reduce_sum(squares, lane) / f32(D)", "mean = 1.0"),
    "attention_decode": ("i += TEAMS", "i += 2u * TEAMS"),
    "attention_merge": ("weight += scale", "weight -= scale"),
    "attention_prefill": ("total * shrink[lane % BQ] + sum", "sum"),
    "short_conv": ("seen[j] = seen[j + 1u];", ""),
    "gated_delta": ("token.both * change", "change"),
    "sample_scan": ("sum += exp", "sum = exp"),
    "sample_pick": ("best = argmax(best, lane);", ""),
}
"""A fault for each kernel: a text and what stands in its place."""

_READY = {**_HEADS, "ROT": 32, "S": 200}
OPTION_FAULTS: list[tuple[Variant, str, str, str]] = [
    (("rope_cache", _READY | {"SCALE": 0.3}, {}), "lib/heads", "v * SCALE", "v"),
    (("rope_cache", _READY | _WARM, {}), "lib/heads", "1.0 + WARMTH", "1.0 + 0.9 * WARMTH"),
    (("rope_cache", _READY, {}), "lib/rope", " * bitcast<f32>(rate.z)", ""),
    (
        ("rope_cache", _READY | {"TURN_FIRST": True}, _HEAD_NORM),
        *("lib/heads", "if (TURN_FIRST) {", "if (false) {"),
    ),
    (
        ("attention_decode", _READY | {"VALUE_NORM": True}, {}),
        *("attention_decode", "(mean_square(OWN) + params.eps)", "(1.0)"),
    ),
    (
        ("attention_decode", _READY | {"SHARED": True}, {}),
        *("attention_decode", "if (!SHARED && ", "if ("),
    ),
    (
        ("attention_decode", _READY | {"WINDOW": 40}, {}),
        *("attention_decode", "min(end, WINDOW)", "min(end, WINDOW + 1u)"),
    ),
    (
        ("attention_decode", _READY | {"WINDOW": 40}, {}),
        *("attention_decode", "min(end, WINDOW)", "min(end, WINDOW - 1u)"),
    ),
    (("attention_decode", _READY | {"SOFTCAP": 1.5}, {}), "lib/softcap", "== 0.0", "> 0.0"),
    (("attention_prefill", _HEADS | {"SOFTCAP": 1.5}, {}), "lib/softcap", "== 0.0", "> 0.0"),
    (
        ("attention_prefill", _HEADS | {"WINDOW": 40}, {}),
        *("attention_prefill", "at + WINDOW) > own", "at + WINDOW) >= own"),
    ),
    (
        ("attention_prefill", _HEADS | {"WINDOW": 40}, {}),
        *("attention_prefill", "at + WINDOW) > own", "at + WINDOW) > own + 1u"),
    ),
    (("matvec", {"K": 256}, _Q4 | _SCALED_BIAS), "lib/scaled_bias", "y * bias[r].x", "y"),
    (("matmul", {"K": 256}, _Q4 | _SCALED_BIAS), "lib/scaled_bias", " + bias[r].y", ""),
    (
        ("matvec", {"K": 256, "GATED": True}, _Q4 | _SCALED_BIAS),
        *("matvec", "magnitude, r + 1u", "magnitude, r"),
    ),
    (
        ("matmul", {"K": 256, "GATED": True}, _Q4 | _BIAS),
        *("lib/product", "biased(next, r + 1u)", "biased(next, r)"),
    ),
    (("rms_norm", {"C": 96, "ADD": True}, {}), "rms_norm", "if (ADD)", "if (false)"),
    (("rms_norm", {"C": 96}, {}), "rms_norm", "params.scale * ", ""),
]
"""A fault in what an option does: a variant with it, a file, a text and what replaces it."""


def failing(device: Device, library: Library, variants: Sequence[Variant]) -> list[str]:
    """Names of the shaders that the self-check finds wrong."""
    made: list[Shader] = [library.shader(*variant) for variant in variants]
    asyncio.run(device.compile(made))
    wrong = asyncio.run(SelfCheck(library, device).wrong(made))
    return [shader.name for shader in wrong]


def test_right_kernels_pass(rung: Rung) -> None:
    device, library, _ = rung
    assert failing(device, library, KERNELS) == []


@natively
def test_every_weight_type_passes(rung: Rung) -> None:
    device, library, _ = rung
    variants: list[Variant] = [
        (
            "matvec",
            {"K": 768, "WG": 16, "R": 4},
            {"lib/weight.wgsl": f"lib/weight_{t.lower()}.wgsl"},
        )
        for t in SUPPORTED
    ]
    assert failing(device, library, variants) == []


@pytest.mark.parametrize("rung", ["subgroups"], indirect=True)
def test_a_fault_in_any_kernel_is_seen(rung: Rung) -> None:
    device, _, _ = rung

    def read(path: str) -> str:
        text = read_shader(path)
        right, wrong = FAULTS.get(path.removesuffix(".wgsl"), ("", ""))
        assert right in text
        return text.replace(right, wrong) if right else text

    first = {name: (name, constants, includes) for name, constants, includes in KERNELS[::-1]}
    assert first.keys() == FAULTS.keys()
    found = failing(device, Library(read, device), list(first.values()))
    assert set(found) == FAULTS.keys()


@pytest.mark.parametrize("rung", ["plain"], indirect=True)
def test_a_fault_in_any_option_is_seen(rung: Rung) -> None:
    device, _, _ = rung
    unseen = []
    for variant, file, right, wrong in OPTION_FAULTS:

        def read(path: str, file: str = file, right: str = right, wrong: str = wrong) -> str:
            text = read_shader(path)
            assert path != f"{file}.wgsl" or right in text
            return text.replace(right, wrong) if path == f"{file}.wgsl" else text

        if not failing(device, Library(read, device), [variant]):
            unseen.append((variant, right))
    assert not unseen


TERMS = {
    "short_conv": [
        ("return past[i * C + c];", "return 0.0;"),
        ("y += taps[j] * seen[j];", "y = taps[j] * seen[j];"),
        ("y = activate(y);", ""),
        ("seen[j + 1u] = input(begin + j, c);", "seen[j] = input(begin + j, c);"),
        ("kernel[c * WIDTH + j]", "kernel[j * C + c]"),
    ],
    "gated_delta": [
        ("m[i] = memory[at + i * D];", ""),
        ("m[i] * token.decay", "m[i]"),
        ("parts[turn + i]; }", "parts[turn + i]; break; }"),
        ("(v - token.key * dots.x)", "v"),
        ("token.key * token.beta", "token.key"),
        ("token.key * dots.x", "dots.x"),
        ("token.query * (dots.y", "token.query * (0.0"),
        ("x[at] + rates[H + head]", "x[at]"),
        ("rates[head] * softplus", "-softplus"),
        ("sum.x + params.eps", "sum.x"),
        ("sum.y + params.eps", "sum.y"),
        ("sum / f32(D) + params.eps", "sum / f32(D)"),
        (") * f32(D));", "));"),
        (" * norm[i % D]", ""),
        (" * activate(x[t * W + Z + at])", ""),
        ("sigmoid(x[at + H])", "sigmoid(x[at])"),
        ("head % K * QUADS]", "K * QUADS]"),
    ],
}
"""Faults of one term each in the kernels with a state: they take the most terms."""


@pytest.mark.parametrize("rung", ["plain"], indirect=True)
@pytest.mark.parametrize("name", TERMS)
def test_a_missing_term_is_seen(rung: Rung, name: str) -> None:
    variant = next(one for one in KERNELS[::-1] if one[0] == name and "GATED" not in one[1])
    device, _, _ = rung
    for right, wrong in TERMS[name]:

        def read(path: str, right: str = right, wrong: str = wrong) -> str:
            text = read_shader(path)
            assert right in text or path != f"{name}.wgsl", right
            return text.replace(right, wrong) if path == f"{name}.wgsl" else text

        assert failing(device, Library(read, device), [variant]) == [name], right
