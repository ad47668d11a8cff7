"""The exact answer: a float64 NumPy forward pass of a GGUF model's dequantised weights.

Obvious and slow: one matrix product per line, the whole text at once, no cache. It reads files
with gguf-py and shares no code with the engine. What the tensors say of a model it takes from them;
what only its architecture says stands in the tables below. Sources: Llama 2 (arXiv 2307.09288) for
the block, RoFormer (2104.09864) for the rotation, YaRN (2309.00071), LongRoPE (2402.13753), the
models' own reports and reference code, and llama.cpp for what GGUF stores. tests/model/
test_oracle.py holds it to recorded logits of llama.cpp.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from gguf import GGUFReader, quants

Array = np.ndarray  # float64

_NEIGHBOURS = {
    "llama", "smollm3", "mistral3", "granite", "minicpm", "maincoder", "ernie4_5", "internlm2",
    "xverse", "baichuan", "arcee", "glm4", "chatglm", "deci",
}  # fmt: skip
"""Architectures whose files pair neighbours when they rotate; all others pair i and i + R/2."""
_HALVES = {
    "qwen2", "qwen2vl", "qwen3", "qwen3vl", "phi3", "hunyuan-dense", "hunyuan_vl", "exaone",
    "exaone4", "pangu-embedded", "qwen", "seed_oss", "olmo2", "gemma", "gemma2", "gemma3",
    "lfm2", "qwen35",
}  # fmt: skip
_TURN_FIRST = {"hunyuan-dense", "hunyuan_vl", "maincoder"}
"""The norm of heads comes after the rotation."""
_SCALED = {"granite", "minicpm"}
_FINAL_CAPS = {"gemma2": 30, "gemma3": 0, "gemma3n": 30, "gemma4": 0}
_SLIDING = {"olmo2": 4, "gemma2": 2, "gemma3": 6, "gemma3n": 5}
"""The n of which each n-th block sees all, where the file does not say it."""


_IGNORED = {"pangu-embedded": "rope_freqs.weight", "qwen2vl": "output.bias"}
"""What llama.cpp reads and does not use; the models have no such thing."""


class Oracle:
    """One model, all weights in memory as float64.  T tokens, C hidden, H heads, D head size."""

    def __new__(cls, *paths: Path | str, without: str = "", context: int = 256) -> Oracle:
        from tests.oracle_gemma import OTHERS  # architectures whose blocks are others

        name = str(GGUFReader(paths[0]).fields["general.architecture"].contents())
        return super().__new__(OTHERS.get(name, cls))

    def __init__(self, *paths: Path | str, without: str = "", context: int = 256) -> None:
        """Read one file, or all shards of a model, the first one first.

        Args:
            without: a part that is left out, to see that it counts: `rotation`, `window`, `scaling`
                (of positions), `magnitude`, `temperature`, `scales`, `scale` (of
                products), `bias`, `head norm`, `post norm`, `softcap`, `state` or `gate`.
            context: positions that the engine's cache has, by which LongRoPE goes.
        """
        readers = [GGUFReader(path) for path in paths]
        meta = {key: field.contents() for key, field in readers[0].fields.items()}
        self.architecture = str(meta["general.architecture"])
        if self.architecture not in _NEIGHBOURS | _HALVES and type(self) is Oracle:
            raise ValueError(f"the oracle does not know {self.architecture}")
        own = {k.split(".", 1)[1]: v for k, v in meta.items() if k.startswith(self.architecture)}
        self.keys = own
        self.weights = {
            t.name: quants.dequantize(t.data, t.tensor_type).astype(np.float64)
            for reader in readers
            for t in reader.tensors
        }
        self.weights.pop(_IGNORED.get(self.architecture), None)
        self.without, self.context = without, context
        self.layers = int(own["block_count"]) - int(own.get("nextn_predict_layers", 0))
        self.heads = self.each("attention.head_count")
        self.kv_heads = self.each("attention.head_count_kv", self.heads)
        self.head = int(own.get("attention.key_length", own["embedding_length"] // self.heads[0]))
        self.rotated = int(own.get("rope.dimension_count", self.head))
        self.eps = float(own["attention.layer_norm_rms_epsilon"])
        self.theta = float(own.get("rope.freq_base", 10000.0))

    def each(self, key: str, default: list[int] | None = None) -> list[int]:
        """A key's value for each block."""
        value = self.keys.get(key, default)
        return [int(v) for v in value] if isinstance(value, list) else [int(value)] * self.layers

    def logits(self, ids: Sequence[int]) -> Array:
        """The logits [T, V] after each of the T tokens, given those before it."""
        w = self.weights
        embedding, _, logit = self.scales()
        x = self.blocks(list(ids), embedding * w["token_embd.weight"][list(ids)])
        x = self.norm("token_embd_norm" if self.architecture == "lfm2" else "output_norm", x)
        y = logit * self.linear("output" if "output.weight" in w else "token_embd", x)
        return self.capped("final_logit_softcapping", _FINAL_CAPS, y)

    def blocks(self, ids: list[int], x: Array) -> Array:
        """The residual stream (T, C) after all blocks, from what it begins with."""
        w, branch = self.weights, self.scales()[1]
        for i in range(self.layers):
            blk = f"blk.{i}"
            before = self.architecture in ("seed_oss", "qwen35")  # the norm's name says after
            if self.heads[i]:
                y = self.mixer(i, self.norm(f"{blk}.attn_norm", x))
                if not before:
                    y = self.post(f"{blk}.post_attention_norm", y)
                x = x + branch * y
            if f"{blk}.ffn_down.weight" in w:
                name = "post_attention_norm" if before else "ffn_norm"
                y = self.feed_forward(i, self.norm(f"{blk}.{name}", x))
                x = x + branch * self.post(f"{blk}.post_ffw_norm", y)
        return x

    def capped(self, key: str, defaults: dict[str, float], x: Array) -> Array:
        """Soft caps, of the architectures that have them."""
        cap = defaults.get(self.architecture, 0)
        if self.architecture in defaults:
            cap = float(self.keys.get(key, 0)) or cap
        return cap * np.tanh(x / cap) if cap and self.without != "softcap" else x

    def scales(self) -> tuple[float, float, float]:
        """What multiplies the embedding, both branches, and the logits."""
        if self.without == "scales":
            return 1.0, 1.0, 1.0
        if self.architecture.startswith("gemma"):
            return math.sqrt(self.keys["embedding_length"]), 1.0, 1.0
        if self.architecture not in _SCALED:
            return 1.0, 1.0, 1.0
        old = self.architecture == "minicpm"
        defaults = (12, 1.4 / math.sqrt(self.layers), self.keys["embedding_length"] / 256)
        names = ("embedding_scale", "residual_scale", "logit_scale")
        embedding, branch, logit = (
            float(self.keys.get(name, 0)) or (default if old else 1.0)
            for name, default in zip(names, defaults, strict=True)
        )
        return embedding, branch, 1 / logit

    def norm(self, name: str, x: Array) -> Array:
        """An RMSNorm, if the file has it."""
        weight = self.weights.get(f"{name}.weight")
        return x if weight is None else rms_norm(x, weight, self.eps)

    def post(self, name: str, x: Array) -> Array:
        return x if self.without == "post norm" else self.norm(name, x)

    def linear(self, name: str, x: Array) -> Array:
        """A matrix times x, and its bias and scale where the file has them.

        The scale comes before the bias, but after it in feed-forward layers, as llama.cpp has it,
        which runs no such layer of NVFP4 weights with a bias.
        """
        bias = 0.0 if self.without == "bias" else self.weights.get(f"{name}.bias", 0.0)
        scale = 1.0 if self.without == "scale" else self.weights.get(f"{name}.scale", 1.0)
        y = x @ self.weights[f"{name}.weight"].T
        return scale * (y + bias) if ".ffn_" in name else scale * y + bias

    def mixer(self, layer: int, x: Array) -> Array:
        if f"blk.{layer}.shortconv.conv.weight" in self.weights:
            return self.short_conv(layer, x)
        if f"blk.{layer}.ssm_conv1d.weight" in self.weights:
            return self.delta_net(layer, x)
        return self.attention(layer, x)

    # ---- recurrent

    def convolved(self, name: str, x: Array) -> Array:
        """Each column with its last values, the present last: (T, C) by a kernel (C, width)."""
        kernel = self.weights[f"{name}.weight"]
        width = kernel.shape[1]
        if self.without == "state":  # each token sees itself alone
            return x * kernel[:, -1]
        padded = np.concatenate([np.zeros((width - 1, x.shape[1])), x])
        return sum(padded[j : j + len(x)] * kernel[:, j] for j in range(width))

    def short_conv(self, layer: int, x: Array) -> Array:
        name = f"blk.{layer}.shortconv"
        b, c, v = np.split(self.linear(f"{name}.in_proj", x), 3, axis=1)
        return self.linear(f"{name}.out_proj", c * self.convolved(f"{name}.conv", b * v))

    def delta_net(self, layer: int, x: Array) -> Array:
        """The gated delta rule, token by token; the memory of a head is (keys, values)."""
        blk, w, keys = f"blk.{layer}", self.weights, self.keys
        size, shared = int(keys["ssm.state_size"]), int(keys["ssm.group_count"])
        heads = int(keys["ssm.time_step_rank"])
        mixed = silu(self.convolved(f"{blk}.ssm_conv1d", self.linear(f"{blk}.attn_qkv", x)))
        q, k, v = np.split(mixed, np.cumsum([shared * size] * 2), axis=1)
        q, k = (
            one / np.sqrt(np.sum(one**2, axis=-1, keepdims=True) + self.eps)
            for one in (q.reshape(len(x), shared, size), k.reshape(len(x), shared, size))
        )
        v = v.reshape(len(x), heads, size)
        beta = 1 / (1 + np.exp(-self.linear(f"{blk}.ssm_beta", x)))
        alpha = self.linear(f"{blk}.ssm_alpha", x) + w[f"{blk}.ssm_dt.bias"]
        decay = np.exp(w[f"{blk}.ssm_a"] * np.logaddexp(0, alpha))
        memory, out = np.zeros((heads, size, size)), np.zeros_like(v)
        of = np.arange(heads) % shared  # the key head of a value head
        for t in range(len(x)):
            memory *= 0 if self.without == "state" else decay[t][:, None, None]
            change = v[t] - np.einsum("hk,hkv->hv", k[t, of], memory)
            memory += np.einsum("hk,hv->hkv", k[t, of], beta[t][:, None] * change)
            out[t] = np.einsum("hk,hkv->hv", q[t, of], memory) / math.sqrt(size)
        out = rms_norm(out, w[f"{blk}.ssm_norm.weight"], self.eps).reshape(len(x), -1)
        return self.linear(f"{blk}.ssm_out", out * silu(self.linear(f"{blk}.attn_gate", x)))

    # ---- attention

    def attention(self, layer: int, x: Array) -> Array:
        heads, kv_heads = self.heads[layer], self.kv_heads[layer]
        if not kv_heads:  # of Nemotron-51B: one matrix
            return self.linear(f"blk.{layer}.attn_output", x)
        q, k, v = self.projected(layer, x)  # (T, heads, D)
        q = q * self.temperature(len(x))[:, None, None]
        k, v = (np.repeat(one, heads // kv_heads, axis=1) for one in (k, v))  # h reads h // group
        scores = np.einsum("thd,shd->hts", q, k) * self.score_scale()
        scores = self.capped("attn_logit_softcapping", {"gemma2": 50}, scores)
        positions = np.arange(len(x))
        distance = positions[:, None] - positions[None]
        seen = (distance >= 0) & (distance < (self.window(layer) or len(x)))
        mixed = np.einsum("hts,shd->thd", softmax(np.where(seen, scores, -np.inf)), v)
        mixed = mixed.reshape(len(x), -1)
        if self.gated and self.without != "gate":
            rows = self.linear(f"blk.{layer}.attn_q", x).reshape(len(x), heads, 2, self.head)
            mixed = mixed / (1 + np.exp(-rows[:, :, 1].reshape(len(x), -1)))
        return self.linear(f"blk.{layer}.attn_output", mixed)

    @property
    def gated(self) -> bool:
        """Query heads have rows for a gate, too."""
        return self.architecture == "qwen35"

    def score_scale(self) -> float:
        known = self.architecture == "granite" and self.without != "scales"
        scale = float(self.keys.get("attention.scale", 0)) if known else 0.0
        return scale or 1 / math.sqrt(self.head)

    def projected(self, layer: int, x: Array) -> tuple[Array, Array, Array]:
        """q, k and v as (T, heads, D), normed and rotated."""
        heads, kv_heads = self.heads[layer], self.kv_heads[layer]
        if f"blk.{layer}.attn_qkv.weight" in self.weights:
            y = self.linear(f"blk.{layer}.attn_qkv", x)
        else:
            q, k, v = (self.linear(f"blk.{layer}.attn_{c}", x) for c in "qkv")
            if self.gated:
                q = q.reshape(len(x), heads, 2, self.head)[:, :, 0].reshape(len(x), -1)
            y = np.concatenate([q, k, v], axis=1)
        ends = np.cumsum([heads * self.head, kv_heads * self.head])
        q, k, v = np.split(y, ends, axis=1)
        steps = [self.head_norm, self.rotate]
        if self.architecture in _TURN_FIRST:
            steps.reverse()
        for step in steps:
            q, k = step(layer, "q", q), step(layer, "k", k)
        return (
            q.reshape(len(x), heads, -1),
            k.reshape(len(x), kv_heads, -1),
            v.reshape(len(x), kv_heads, -1),
        )

    def head_norm(self, layer: int, letter: str, x: Array) -> Array:
        """Queries or keys with a norm per head, or over all of a row, where the file has one."""
        weight = self.weights.get(f"blk.{layer}.attn_{letter}_norm.weight")
        if weight is None or self.without == "head norm":
            return x
        return rms_norm(x.reshape(len(x), -1, len(weight)), weight, self.eps).reshape(x.shape)

    def temperature(self, tokens: int) -> Array:
        """What queries grow by with their position (Ministral 3)."""
        growth = float(self.keys.get("attention.temperature_scale", 0))
        if self.architecture != "mistral3" or self.without == "temperature":
            return np.ones(tokens)
        original = int(self.keys["rope.scaling.original_context_length"])
        return 1 + growth * np.log(1 + np.arange(tokens) // original)

    def slides(self, layer: int) -> bool:
        if self.architecture == "exaone4":
            if self.layers != 64:
                return False
        elif self.architecture not in _SLIDING:
            return False
        if not self.keys.get("attention.sliding_window"):
            return False
        default = _SLIDING.get(self.architecture, 4)
        pattern = self.keys.get("attention.sliding_window_pattern", default)
        return bool(pattern[layer]) if isinstance(pattern, list) else (layer + 1) % pattern > 0

    def window(self, layer: int) -> int:
        """The positions that a token sees, itself included; 0: all before it."""
        if self.without == "window" or not self.slides(layer):
            return 0
        return int(self.keys["attention.sliding_window"])

    def turns(self, layer: int) -> bool:
        """Whether positions count in a block."""
        if self.without == "rotation":
            return False
        if self.architecture == "smollm3":
            return (layer + 1) % 4 > 0
        if self.architecture == "granite":
            return bool(self.keys.get("rope.scaling.finetuned", True))
        if self.architecture == "exaone4":
            return self.layers != 64 or self.slides(layer)
        return True

    def rotate(self, layer: int, letter: str, x: Array) -> Array:
        """RoPE of (T, heads · D)."""
        if not self.turns(layer):
            return x
        shape, half = x.shape, self.rotated // 2
        x = x.reshape(len(x), -1, self.head)
        frequencies, magnitude = self.frequencies(layer)
        angles = np.outer(np.arange(len(x)), frequencies)[:, None, :]  # (T, 1, R/2)
        cos, sin = magnitude * np.cos(angles), magnitude * np.sin(angles)
        neighbours = self.architecture in _NEIGHBOURS
        if self.architecture == "glm4" and any(self.keys.get("rope.dimension_sections", [])):
            neighbours = False
        one, two = (
            (slice(0, 2 * half, 2), slice(1, 2 * half, 2))
            if neighbours
            else (slice(half), slice(half, 2 * half))
        )
        a, b = x[..., one], x[..., two]
        out = x.copy()
        out[..., one], out[..., two] = a * cos - b * sin, a * sin + b * cos
        return out.reshape(shape)

    def frequencies(self, layer: int) -> tuple[Array, float]:
        """Radians per position of each pair, and what cosine and sine are multiplied by."""
        half, keys = self.rotated // 2, self.keys
        if self.architecture == "gemma3" and self.slides(layer) and self.without != "scaling":
            base = float(keys.get("rope.freq_base_swa", 10000.0))
            return base ** (-np.arange(half) / half), 1.0
        plain = self.theta ** (-np.arange(half) / half)
        if self.without == "scaling" or (self.architecture == "olmo2" and self.slides(layer)):
            return plain, 1.0
        if self.architecture == "hunyuan_vl":  # NTK-aware: a larger base
            alpha = float(keys.get("rope.scaling.alpha", 0.0)) or 1.0
            plain = plain * alpha ** (self.head / (self.head - 2) * -np.arange(half) / half)
        kind = keys.get("rope.scaling.type", "linear")
        factor = 1.0 if kind == "none" else float(keys.get("rope.scaling.factor", 0.0) or 1.0)
        original = int(keys.get("rope.scaling.original_context_length", keys["context_length"]))
        magnitude = float(keys.get("rope.scaling.attn_factor", 1.0))
        name = "rope_freqs"
        if kind == "longrope":
            name = f"rope_factors_{'long' if self.context > original else 'short'}"
        if kind == "yarn":
            fast = float(keys.get("rope.scaling.yarn_beta_fast", 32))
            slow = float(keys.get("rope.scaling.yarn_beta_slow", 1))
            low, high = (
                2 * half * math.log(original / (2 * math.pi * turns)) / (2 * math.log(self.theta))
                for turns in (fast, slow)
            )
            low, high = max(0, math.floor(low)), min(2 * half - 1, math.ceil(high))
            ramp = np.clip((np.arange(half) - low) / max(0.001, high - low), 0, 1)
            plain = plain * (1 - ramp) + plain / factor * ramp
            cancelled = float(keys.get("rope.scaling.yarn_log_multiplier", 0.0))
            grown = 0.1 * math.log(factor)
            magnitude *= (1 + grown) / (1 + cancelled * grown)
        else:
            plain = plain / factor
        divisors = self.weights.get(f"{name}.weight", 1.0)
        return plain / divisors, 1.0 if self.without == "magnitude" else magnitude

    # ---- feed-forward

    def feed_forward(self, layer: int, x: Array) -> Array:
        name = f"blk.{layer}.ffn"
        up = self.linear(f"{name}_up", x)
        width = self.weights[f"{name}_down.weight"].shape[1]
        if f"{name}_gate.weight" in self.weights:
            gate = gelu if self.architecture.startswith("gemma") else silu
            inner = gate(self.linear(f"{name}_gate", x)) * up
        elif up.shape[1] == 2 * width:
            inner = silu(up[:, :width]) * up[:, width:]
        else:
            inner = np.maximum(up, 0) ** 2  # arcee
        return self.linear(f"{name}_down", inner)


def silu(x: Array) -> Array:
    return x * (0.5 + 0.5 * np.tanh(0.5 * x))


def gelu(x: Array) -> Array:
    return x * (0.5 + 0.5 * np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def rms_norm(x: Array, weight: Array, eps: float) -> Array:
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * weight


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
