"""The exact forwards of Gemma 4 and Gemma 3n, whose blocks are not those of other models.

Sources: transformers/models/gemma4 and gemma3n, and llama.cpp for what GGUF stores.
"""

from __future__ import annotations

import math

import numpy as np

from tests.oracle import Array, Oracle, gelu, rms_norm, softmax


class Gemma4(Oracle):
    """Vectors of each token for each block; caches that later blocks share; two kinds of heads."""

    def blocks(self, ids: list[int], x: Array) -> Array:
        kept: dict[bool, tuple[Array, Array]] = {}
        inputs = self.inputs(ids, x)
        for i in range(self.layers):
            blk = f"blk.{i}"
            y = self.attended(i, self.norm(f"{blk}.attn_norm", x), kept)
            x = x + self.post(f"{blk}.post_attention_norm", y)
            y = self.feed_forward(i, self.norm(f"{blk}.ffn_norm", x))
            x = x + self.post(f"{blk}.post_ffw_norm", y)
            if inputs is not None:
                y = gelu(self.linear(f"{blk}.inp_gate", x)) * inputs[:, i]
                x = x + self.post(f"{blk}.post_norm", self.linear(f"{blk}.proj", y))
            if self.without != "block scale":
                x = x * self.weights.get(f"{blk}.layer_output_scale.weight", 1.0)
        return x

    def inputs(self, ids: list[int], x: Array) -> Array | None:
        """(T, blocks, P): what each block gets of each token."""
        size = int(self.keys.get("embedding_length_per_layer_input", 0))
        if not size or self.without == "per-layer inputs":
            return None
        shape = len(ids), self.layers, size
        made = self.linear("per_layer_model_proj", x) / math.sqrt(x.shape[1])
        made = self.norm("per_layer_proj_norm", made.reshape(shape))
        rows = self.weights["per_layer_token_embd.weight"][ids].reshape(shape)
        return (made + math.sqrt(size) * rows) / math.sqrt(2)

    def owned(self) -> int:
        """Blocks that have a cache of their own."""
        return self.layers - int(self.keys.get("attention.shared_kv_layers", 0))

    def size(self, layer: int) -> int:
        """Dimensions of a head, all of which are rotated in the models that there are."""
        return int(self.keys["attention.key_length_swa"]) if self.slides(layer) else self.head

    def slides(self, layer: int) -> bool:
        return bool(self.keys["attention.sliding_window_pattern"][layer])

    def attended(self, layer: int, x: Array, kept: dict[bool, tuple[Array, Array]]) -> Array:
        blk, size, near = f"blk.{layer}", self.size(layer), self.slides(layer)
        q = self.turned(layer, "q", self.linear(f"{blk}.attn_q", x).reshape(len(x), -1, size))
        own = layer < self.owned() or self.without == "shared caches"
        if own and f"{blk}.attn_k.weight" in self.weights:
            k = self.linear(f"{blk}.attn_k", x).reshape(len(x), -1, size)
            v = k
            if f"{blk}.attn_v.weight" in self.weights:
                v = self.linear(f"{blk}.attn_v", x).reshape(len(x), -1, size)
            if self.without != "value norm":
                v = rms_norm(v, np.ones(size), self.eps)
            kept[near] = self.turned(layer, "k", k), v
        group = q.shape[1] // kept[near][0].shape[1]
        k, v = (np.repeat(one, group, axis=1) for one in kept[near])
        scores = np.einsum("thd,shd->hts", q, k)
        distance = np.arange(len(x))[:, None] - np.arange(len(x))[None]
        seen = (distance >= 0) & (distance < (self.window(layer) or len(x)))
        mixed = np.einsum("hts,shd->thd", softmax(np.where(seen, scores, -np.inf)), v)
        return self.linear(f"{blk}.attn_output", mixed.reshape(len(x), -1))

    def turned(self, layer: int, letter: str, x: Array) -> Array:
        """Heads (T, heads, D), normed and rotated."""
        if self.without != "head norm":
            x = self.norm(f"blk.{layer}.attn_{letter}_norm", x)
        if self.without == "rotation":
            return x
        half = x.shape[-1] // 2
        angles = np.outer(np.arange(len(x)), self.rates(layer, half))[:, None, :]
        a, b, cos, sin = x[..., :half], x[..., half:], np.cos(angles), np.sin(angles)
        return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)

    def rates(self, layer: int, half: int) -> Array:
        near = self.slides(layer) and self.without != "scaling"
        base = float(self.keys.get("rope.freq_base_swa", 10000.0)) if near else self.theta
        plain = base ** (-np.arange(half) / half)
        if self.slides(layer) or self.without == "scaling":
            return plain
        return plain / self.weights.get("rope_freqs.weight", 1.0)


class Gemma3n(Gemma4):
    """Four residual streams, of which the first goes through the layers."""

    sample = 0
    """1: deviations are those of a sample, divided by F - 1, as llama.cpp has them."""

    def blocks(self, ids: list[int], x: Array) -> Array:
        w, kept, inputs = self.weights, {}, self.inputs(ids, x)
        s = [x, *(alike(x @ one.T, x) for one in w["altup_proj.weight"])]
        for i in range(self.layers):
            blk = f"blk.{i}"
            p = s
            if self.without != "prediction":
                coefs = self.modes(blk, s[0]) @ w[f"{blk}.altup_predict_coef.weight"].T  # (T, 16)
                p = [
                    s[k] + sum(coefs[:, 4 * k + j, None] * s[j] for j in range(4)) for k in range(4)
                ]
            x, n = p[0], self.norm(f"{blk}.attn_norm", p[0])
            g = x + self.post(f"{blk}.post_attention_norm", self.attended(i, n, kept))
            low = self.linear(f"{blk}.laurel_r", self.linear(f"{blk}.laurel_l", n))
            laurel = n + self.norm(f"{blk}.laurel_post_norm", low)
            u = g if self.without == "laurel" else (g + laurel) / math.sqrt(2)
            y = self.feed_forward(i, self.norm(f"{blk}.ffn_norm", u))
            y = u + self.post(f"{blk}.post_ffw_norm", y)
            coefs = 1 + self.modes(blk, y) @ w[f"{blk}.altup_correct_coef.weight"].T  # (T, 4)
            if self.without == "correction":
                coefs = np.ones_like(coefs)
            s = [p[k] + (y - x) * coefs[:, k, None] for k in range(4)]
            if inputs is not None:
                first = s[0] * w[f"{blk}.altup_correct_scale.weight"]
                z = gelu(self.linear(f"{blk}.inp_gate", first)) * inputs[:, i]
                z = self.post(f"{blk}.post_norm", self.linear(f"{blk}.proj", z))
                s = [s[0], *(one + z for one in s[1:])]
        others = zip(s[1:], w["altup_unembd_proj.weight"], strict=True)
        return (s[0] + sum(alike(one @ m.T, s[0]) for one, m in others)) / 4

    def modes(self, blk: str, x: Array) -> Array:
        """(T, 4)"""
        x = self.norm(f"{blk}.altup_router_norm", x) / x.shape[1]
        return np.tanh(self.linear(f"{blk}.altup_router", x))

    def feed_forward(self, layer: int, x: Array) -> Array:
        name = f"blk.{layer}.ffn"
        gate, up = self.linear(f"{name}_gate", x), self.linear(f"{name}_up", x)
        if layer < 10 and self.without != "sparse gate":
            mean = np.mean(gate, axis=1, keepdims=True)
            deviation = np.std(gate, axis=1, keepdims=True, ddof=self.sample)
            gate = np.maximum(gate - (mean + 1.6448536 * deviation), 0)
        return self.linear(f"{name}_down", gelu(gate) * up)

    def slides(self, layer: int) -> bool:
        return Oracle.slides(self, layer)

    def size(self, layer: int) -> int:
        return self.head


def alike(x: Array, to: Array) -> Array:
    """x at the magnitude of another."""
    wanted, own = (np.mean(one * one, axis=1, keepdims=True) for one in (to, x))
    return x * np.sqrt(wanted / np.maximum(own, 1e-5))


OTHERS: dict[str, type[Oracle]] = {"gemma3n": Gemma3n, "gemma4": Gemma4}
"""By `general.architecture`."""
