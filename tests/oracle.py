"""The exact answer: a float64 NumPy forward pass of a GGUF model's dequantised weights.

Obvious and slow: one matrix product per line, the whole text at once, no cache. It reads files
with gguf-py and shares no code with the engine. Sources: Llama 2 (arXiv 2307.09288) for the block,
RoFormer (2104.09864) for the rotation, Qwen2 and Qwen3 reports (2407.10671, 2505.09388) for biases
and for norms of q and k, llama.cpp for what GGUF stores. tests/model/test_oracle.py holds it to
recorded logits of llama.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from gguf import GGUFReader, quants

Array = np.ndarray  # float64


class Oracle:
    """One model, all weights in memory as float64.  T tokens, C hidden, H heads, D head size."""

    def __init__(self, *paths: Path | str) -> None:
        """Read one file, or all shards of a model, the first one first."""
        readers = [GGUFReader(path) for path in paths]
        meta = {key: field.contents() for key, field in readers[0].fields.items()}
        self.architecture = str(meta["general.architecture"])
        if self.architecture not in ("llama", "qwen2", "qwen3"):
            raise ValueError(f"the oracle does not know {self.architecture}")
        own = {k.split(".", 1)[1]: v for k, v in meta.items() if k.startswith(self.architecture)}
        self.weights = {
            t.name: quants.dequantize(t.data, t.tensor_type).astype(np.float64)
            for reader in readers
            for t in reader.tensors
        }
        self.layers = int(own["block_count"])
        self.heads = int(own["attention.head_count"])
        self.kv_heads = int(own.get("attention.head_count_kv", self.heads))
        self.head = int(own.get("attention.key_length", own["embedding_length"] // self.heads))
        self.eps = float(own["attention.layer_norm_rms_epsilon"])
        self.theta = float(own.get("rope.freq_base", 10000.0))
        linear = own.get("rope.scaling.type", "linear") == "linear"
        self.stretch = float(own.get("rope.scaling.factor", 0.0) or 1.0) if linear else 1.0

    def logits(self, ids: Sequence[int]) -> Array:
        """The logits [T, V] after each of the T tokens, given those before it."""
        w = self.weights
        x = w["token_embd.weight"][list(ids)]  # (T, C)
        for i in range(self.layers):
            x = x + self.attention(i, rms_norm(x, w[f"blk.{i}.attn_norm.weight"], self.eps))
            x = x + self.feed_forward(i, rms_norm(x, w[f"blk.{i}.ffn_norm.weight"], self.eps))
        x = rms_norm(x, w["output_norm.weight"], self.eps)
        return self.linear("output" if "output.weight" in w else "token_embd", x)

    def linear(self, name: str, x: Array) -> Array:
        """A matrix times x, and its bias where the file has one."""
        return x @ self.weights[f"{name}.weight"].T + self.weights.get(f"{name}.bias", 0.0)

    def attention(self, layer: int, x: Array) -> Array:
        q = self.rotate(self.project(layer, "q", x))  # (T, H, D)
        k = self.rotate(self.project(layer, "k", x))  # (T, K, D)
        v = self.project(layer, "v", x)
        group = self.heads // self.kv_heads
        k, v = (
            np.repeat(k, group, axis=1),
            np.repeat(v, group, axis=1),
        )  # query h reads kv h // group
        scores = np.einsum("thd,shd->hts", q, k) / np.sqrt(self.head)
        future = np.triu(np.ones(scores.shape[1:], bool), 1)
        mixed = np.einsum("hts,shd->thd", softmax(np.where(future, -np.inf, scores)), v)
        return self.linear(f"blk.{layer}.attn_output", mixed.reshape(len(x), -1))

    def project(self, layer: int, letter: str, x: Array) -> Array:
        """q, k or v as (T, heads, D): with a norm per head where the file has one."""
        name = f"blk.{layer}.attn_{letter}"
        y = self.linear(name, x).reshape(len(x), -1, self.head)
        norm = self.weights.get(f"{name}_norm.weight")
        return y if norm is None else rms_norm(y, norm, self.eps)

    def rotate(self, x: Array) -> Array:
        """RoPE of (T, heads, D): llama files pair neighbours, qwen ones i and i + D/2."""
        half = self.head // 2
        frequencies = self.theta ** (-np.arange(half) / half) / self.stretch
        frequencies = frequencies / self.weights.get("rope_freqs.weight", 1.0)
        angles = np.outer(np.arange(len(x)), frequencies)[:, None, :]  # (T, 1, D/2)
        cos, sin = np.cos(angles), np.sin(angles)
        neighbours = self.architecture == "llama"
        one, two = (
            (slice(0, None, 2), slice(1, None, 2))
            if neighbours
            else (slice(half), slice(half, None))
        )
        a, b = x[..., one], x[..., two]
        out = np.empty_like(x)
        out[..., one], out[..., two] = a * cos - b * sin, a * sin + b * cos
        return out

    def feed_forward(self, layer: int, x: Array) -> Array:
        name = f"blk.{layer}.ffn"
        gate, up = self.linear(f"{name}_gate", x), self.linear(f"{name}_up", x)
        return self.linear(f"{name}_down", gate / (1 + np.exp(-gate)) * up)


def rms_norm(x: Array, weight: Array, eps: float) -> Array:
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * weight


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def kl_divergence(exact: Array, other: Array) -> float:
    """Mean over positions of KL(softmax(exact) ‖ softmax(other)), in nats; both logits [T, V]."""
    exact, other = np.asarray(exact, np.float64), np.asarray(other, np.float64)
    log_p, log_q = log_softmax(exact), log_softmax(other)
    return float(np.mean(np.sum(np.exp(log_p) * (log_p - log_q), axis=-1)))


def log_softmax(x: Array) -> Array:
    x = x - x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def top1_agreement(exact: Array, other: Array) -> float:
    """The share of positions where both logits [T, V] have the same largest entry."""
    return float(np.mean(np.argmax(exact, axis=-1) == np.argmax(other, axis=-1)))
