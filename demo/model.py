"""The network in PyTorch, as the engine's qwen3 computes it, and greedy answers from it.

Pre-norm blocks, grouped queries with a norm over each head, rotary pairs i and i + D/2, a gated
feed-forward layer, and an output matrix tied to the embedding. Parameters have their GGUF names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Shape:
    """Sizes; rows of matrices are multiples of 32, as Q8_0 asks."""

    vocab: int = 4096
    context: int = 1024
    dim: int = 256
    layers: int = 11
    heads: int = 8
    shared: int = 4
    head: int = 32
    feed_forward: int = 704
    theta: float = 10000.0
    eps: float = 1e-6


Weights = dict[str, Tensor]


def new_weights(shape: Shape, device: str) -> Weights:
    """Random parameters; matrices are (rows, columns)."""
    dim, wide = shape.dim, shape.heads * shape.head
    weights = {"token_embd.weight": torch.randn(shape.vocab, dim) * 0.02}
    for i in range(shape.layers):
        sizes = {
            "attn_norm": (dim,), "attn_q": (wide, dim), "attn_k": (shape.shared * shape.head, dim),
            "attn_v": (shape.shared * shape.head, dim), "attn_q_norm": (shape.head,),
            "attn_k_norm": (shape.head,), "attn_output": (dim, wide), "ffn_norm": (dim,),
            "ffn_gate": (shape.feed_forward, dim), "ffn_up": (shape.feed_forward, dim),
            "ffn_down": (dim, shape.feed_forward),
        }  # fmt: skip
        for name, size in sizes.items():
            matrix = torch.randn(size) / math.sqrt(size[-1])
            if name in ("attn_output", "ffn_down"):  # what is added to the residual stream
                matrix /= math.sqrt(2 * shape.layers)
            weights[f"blk.{i}.{name}.weight"] = torch.ones(size) if "norm" in name else matrix
    weights["output_norm.weight"] = torch.ones(dim)
    return {name: value.to(device).requires_grad_() for name, value in weights.items()}


def rotary(shape: Shape, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines (T, D/2)."""
    half = shape.head // 2
    rates = shape.theta ** (-torch.arange(half, device=device) / half)
    angles = torch.outer(torch.arange(length, device=device), rates)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """RoPE of (B, heads, T, D)."""
    a, b = x.chunk(2, dim=-1)
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def block(x: Tensor, w: list[Tensor], cos: Tensor, sin: Tensor, shape: Shape) -> Tensor:
    """One layer on (B, T, C); `w` in the order of `new_weights`."""
    norm1, wq, wk, wv, q_norm, k_norm, wo, norm2, gate, up, down = w
    size, length, _ = x.shape

    def norm(y: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(y, y.shape[-1:], weight.to(y.dtype), shape.eps)

    y = norm(x, norm1)
    q, k, v = (
        F.linear(y, m).view(size, length, -1, shape.head).transpose(1, 2) for m in (wq, wk, wv)
    )
    q, k = rotate(norm(q, q_norm), cos, sin), rotate(norm(k, k_norm), cos, sin)
    times = shape.heads // shape.shared
    k, v = k.repeat_interleave(times, 1), v.repeat_interleave(times, 1)
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    x = x + F.linear(y.transpose(1, 2).reshape(size, length, -1), wo)
    y = norm(x, norm2)
    return x + F.linear(F.silu(F.linear(y, gate)) * F.linear(y, up), down)


def hidden(w: Weights, ids: Tensor, shape: Shape) -> Tensor:
    """The normed output of the last layer (B, T, C) for ids (B, T)."""
    x = F.embedding(ids, w["token_embd.weight"])
    cos, sin = rotary(shape, ids.shape[1], ids.device)
    values = list(w.values())
    for i in range(shape.layers):
        x = block(x, values[1 + 11 * i : 12 + 11 * i], cos, sin, shape)
    return F.rms_norm(x, x.shape[-1:], w["output_norm.weight"].to(x.dtype), shape.eps)


def logits(w: Weights, x: Tensor) -> Tensor:
    """(…, V) in float32 from (…, C)."""
    return F.linear(x, w["token_embd.weight"]).float()


def answers(
    w: Weights, prompts: list[list[int]], end: int, shape: Shape, most: int = 320
) -> list[list[int]]:
    """Greedy replies without a cache, all prompts at once; `end` closes a reply and is left out."""
    device = w["token_embd.weight"].device
    longest = min(max(map(len, prompts)) + most, shape.context)
    ids = torch.zeros(len(prompts), longest, dtype=torch.long, device=device)
    for row, prompt in enumerate(prompts):
        ids[row, : len(prompt)] = torch.tensor(prompt)
    at = torch.tensor([len(prompt) for prompt in prompts], device=device)
    running = torch.arange(len(prompts), device=device)
    while len(running):
        here = at[running]
        with torch.no_grad():
            x = hidden(w, ids[running, : int(here.max())], shape)
            new = logits(w, x[torch.arange(len(running), device=device), here - 1]).argmax(-1)
        ids[running, here] = new
        at[running] += 1
        lengths = torch.tensor([len(p) for p in prompts], device=device)[running]
        running = running[(new != end) & (here + 1 < longest) & (here + 1 - lengths < most)]
    out = []
    for row, prompt in enumerate(prompts):
        reply = ids[row, len(prompt) : int(at[row])].tolist()
        out.append(reply[:-1] if reply[-1:] == [end] else [*reply, -1])
    return out
