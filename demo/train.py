"""Trains the demo model from nothing and writes its quantised weights, tokenizer and curve.

    python -m demo.train out/                      on one GPU, nine minutes
    python -m demo.train out/ --minutes 60 --batch 4096 --layers 4     on a CPU, a lesser model

Dialogues are generated while it runs. The learning rate falls to zero over the given time, so that
any machine ends with a finished model; a faster one has seen more text.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from demo.generate import KINDS, held_out
from demo.model import Shape, Weights, answers, hidden, logits, new_weights
from demo.stream import ChatML, Encoded, Stream, new_tokenizer

PEAK, WARMUP, DECAY = 2e-3, 300, 0.05
ROUND = 16384
"""Dialogues drawn at once, sorted by length, and cut into batches without much padding."""


class Pool:
    """All dialogues so far, on the device."""

    def __init__(self, device: str, most: int) -> None:
        self._ids = torch.zeros(most, dtype=torch.int16, device=device)
        self._learn = torch.zeros(most, dtype=torch.bool, device=device)
        self._starts, self._lengths = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self.tokens = 0

    def add(self, taken: list[Encoded]) -> None:
        """Keep them, as long as there is room."""
        starts, lengths = [self._starts], [self._lengths]
        for ids, learn, sizes in taken:
            if self.tokens + len(ids) > len(self._ids):
                break
            here = slice(self.tokens, self.tokens + len(ids))
            self._ids[here] = torch.from_numpy(ids.astype(np.int16))
            self._learn[here] = torch.from_numpy(learn)
            starts.append(self.tokens + np.cumsum(sizes) - sizes)
            lengths.append(sizes)
            self.tokens += len(ids)
        self._starts, self._lengths = np.concatenate(starts), np.concatenate(lengths)

    def batches(self, rng: np.random.Generator, tokens: int) -> Iterator[tuple[Tensor, Tensor]]:
        """A round of batches (ids, learn), each (B, T) with at most `tokens` positions."""
        chosen = rng.integers(len(self._starts), size=min(ROUND, len(self._starts)))
        chosen = chosen[np.argsort(self._lengths[chosen], kind="stable")]
        cuts, first = list[tuple[int, int]](), 0
        for at in range(1, len(chosen) + 1):
            if at == len(chosen) or (at + 1 - first) * int(self._lengths[chosen[at]]) > tokens:
                cuts.append((first, at))
                first = at
        cuts = [cut for cut in cuts if cut[1] - cut[0] > 1]  # a lone row is a shape of its own
        for one in rng.permutation(len(cuts)):
            yield self._batch(chosen[slice(*cuts[one])])

    def _batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        device = self._ids.device
        starts = torch.from_numpy(self._starts[rows]).to(device)[:, None]
        lengths = torch.from_numpy(self._lengths[rows]).to(device)[:, None]
        width = -(-int(self._lengths[rows].max()) // 32) * 32
        steps = torch.arange(width + 1, device=device)[None]
        inside = steps < lengths
        at = torch.where(inside, starts + steps, starts)
        return self._ids[at].long(), self._learn[at] & inside


def quantised(weights: Weights) -> dict[str, np.ndarray]:
    """Matrices as Q8_0 has them: int8 under their name, a float16 scale per 32 under name.scale."""
    out: dict[str, np.ndarray] = {}
    for name, value in weights.items():
        array = value.detach().float().cpu()
        if array.ndim == 1:
            out[name] = array.numpy()
            continue
        blocks = array.view(array.shape[0], -1, 32)
        scale = blocks.abs().amax(-1, keepdim=True) / 127
        whole = torch.where(scale > 0, blocks / scale, 0.0).round()
        out[name] = whole.to(torch.int8).view(array.shape).numpy()
        out[f"{name}.scale"] = scale.squeeze(-1).half().numpy()
    return out


def dequantised(arrays: dict[str, np.ndarray], device: str) -> Weights:
    """The weights that the engine will see."""
    weights: Weights = {}
    for name, array in arrays.items():
        if name.endswith(".scale"):
            continue
        value = torch.from_numpy(array).float()
        if value.ndim == 2:
            scale = torch.from_numpy(arrays[f"{name}.scale"]).float()
            value = (value.view(value.shape[0], -1, 32) * scale[..., None]).view(value.shape)
        weights[name] = value.to(device)
    return weights


def loss_of(weights: Weights, batch: tuple[Tensor, Tensor], shape: Shape) -> Tensor:
    """Mean cross-entropy of the answers' tokens, computed in bfloat16 on a GPU."""
    ids, learn = batch
    if ids.is_cuda:
        weights = {name: value.bfloat16() for name, value in weights.items()}
    x = hidden(weights, ids[:, :-1], shape)[learn[:, 1:]]
    return F.cross_entropy(logits(weights, x), ids[:, 1:][learn[:, 1:]])


def train(
    shape: Shape, stream: Stream, device: str, options: argparse.Namespace
) -> tuple[Weights, list[tuple[float, int, float]]]:
    """Weights, and the curve: seconds, tokens seen, mean loss since the point before."""
    weights = new_weights(shape, device)
    matrices = [w for w in weights.values() if w.ndim > 1]
    norms = [w for w in weights.values() if w.ndim == 1]
    groups = [{"params": matrices, "weight_decay": DECAY}, {"params": norms, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=device == "cuda")
    pool, rng = Pool(device, options.pool), np.random.default_rng(options.seed)
    while pool.tokens < 20 * options.batch:
        pool.add(stream.take(wait=True))
    begin, seen, step = time.monotonic(), 0, 0
    limit = options.begin + options.minutes * 60 - begin
    curve, losses = list[tuple[float, int, float]](), list[Tensor]()
    while True:
        for batch in pool.batches(rng, options.batch):
            part = (time.monotonic() - begin) / limit
            if part >= 1:
                return weights, curve
            rate = PEAK * min(1, (step + 1) / WARMUP) * (0.5 + 0.5 * math.cos(math.pi * part))
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = loss_of(weights, batch, shape)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
            optimizer.step()
            losses.append(loss.detach())
            step, seen = step + 1, seen + batch[0].numel()
            if step % 100 == 0:
                mean = float(torch.stack(losses).mean())
                curve.append((round(time.monotonic() - begin, 1), seen, mean))
                losses.clear()
                if step % options.every == 0:
                    print(f"{curve[-1]} step {step}, pool {pool.tokens}", flush=True)
            if step % 20 == 0:
                pool.add(stream.take(wait=False))


def quick_scores(weights: Weights, chat: ChatML, shape: Shape, each: int) -> None:
    """Held-out questions per kind, greedy; prints scores by sort and some failures."""
    for kind in KINDS:
        asked = [held_out(seed, kind) for seed in range(each)]
        given = answers(weights, [chat.prompt(one) for one in asked], chat.end, shape)
        sorts: dict[str, list[bool]] = {}
        failures = []
        for one, ids in zip(asked, given, strict=True):
            turn, text = one.turns[-1], chat.decode(ids)
            right = turn.accepts(text) and ids[-1:] != [-1]
            sorts.setdefault(turn.sort, []).append(right)
            if not right:
                failures.append(
                    f"    {turn.sort}: {turn.ask!r} -> {text[:300]!r} not {turn.answer[:60]!r}"
                )
        total = [right for rights in sorts.values() for right in rights]
        parts = ", ".join(f"{s} {sum(r)}/{len(r)}" for s, r in sorted(sorts.items()) if not all(r))
        print(f"{kind}: {sum(total)}/{len(total)}; {parts}", flush=True)
        print("\n".join(random.Random(0).sample(failures, min(9, len(failures)))), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=9, help="with all preparation")
    parser.add_argument("--batch", type=int, default=32768, help="tokens in a step")
    parser.add_argument("--processes", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--pool", type=int, default=400_000_000, help="tokens kept")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--layers", type=int, default=Shape.layers)
    parser.add_argument("--every", type=int, default=1000, help="steps between lines of progress")
    parser.add_argument("--check", type=int, default=150, help="held-out questions per kind")
    options = parser.parse_args()
    options.begin = time.monotonic()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.manual_seed(options.seed)
    torch.set_float32_matmul_precision("high")
    options.out.mkdir(parents=True, exist_ok=True)
    shape, begin = Shape(layers=options.layers), options.begin
    tokenizer = new_tokenizer(shape.vocab, 20_000, options.seed)
    tokenizer.save(str(options.out / "tokenizer.json"))
    print(f"tokenizer after {time.monotonic() - begin:.1f} s", flush=True)
    stream = Stream(tokenizer, options.seed, shape.context, options.processes)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights, curve = train(shape, stream, device, options)
    stream.close()
    arrays = quantised(weights)
    np.savez(options.out / "weights.npz", **arrays)  # type: ignore[arg-type]
    card = {"shape": shape.__dict__, "curve": curve, "minutes": options.minutes,
            "parameters": sum(w.numel() for w in weights.values())}  # fmt: skip
    (options.out / "training.json").write_text(json.dumps(card))
    print(f"trained after {time.monotonic() - begin:.1f} s", flush=True)
    quick_scores(dequantised(arrays, device), ChatML(tokenizer), shape, options.check)
    print(f"scored after {time.monotonic() - begin:.1f} s", flush=True)


if __name__ == "__main__":
    main()
