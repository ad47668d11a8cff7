"""How far logits are from exact ones."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


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
