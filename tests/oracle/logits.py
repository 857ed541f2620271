"""Losses on logits beyond labels, soft targets and their mixtures, by their definitions, on arrays of MPFR numbers."""

from collections.abc import Callable, Mapping
from typing import Any

import gmpy2
import numpy as np

from tests.oracle.arrays import Numbers, log, softmax, unit

ROOT = gmpy2.mpfr("0.5")
STABILISER = 1e-7
"""The float64 that stands in the authors' formulas."""


def mean(rows: Any) -> Any:
    return sum(rows) / len(rows)


def softened(logits: Numbers, temperature: float) -> Numbers:
    return softmax(logits / gmpy2.mpfr(temperature))


def kl(p: Numbers, q: Numbers) -> Numbers:
    return np.asarray((p * log(p / q)).sum(axis=1))


def logit_mse(s: Numbers, t: Numbers) -> Any:
    return ((s - t) ** 2).sum() / s.size


def logit_cosine(s: Numbers, t: Numbers) -> Any:
    return mean(1 - (unit(s) * unit(t)).sum(axis=1))


def standardised_kl(s: Numbers, t: Numbers, *, temperature: float, ddof: int) -> Any:
    def z(x: Numbers) -> Numbers:
        c = x - x.sum(axis=1, keepdims=True) / x.shape[1]
        variance = (c * c).sum(axis=1, keepdims=True) / (x.shape[1] - ddof)
        return np.asarray(c / (STABILISER + variance**ROOT))

    return mean(kl(softened(z(t), temperature), softened(z(s), temperature)))


def apart(p: Numbers, y: Any) -> tuple[Numbers, Numbers]:
    """The probability of the label, (N, 1), and the other classes' shares of the rest, (N, C - 1)."""
    target = np.array([[row[label]] for row, label in zip(p, y, strict=True)])
    others = np.array([np.delete(row, label) for row, label in zip(p, y, strict=True)])
    return target, others / others.sum(axis=1, keepdims=True)


def decoupled_kd(
    s: Numbers,
    t: Numbers,
    y: Any,
    *,
    temperature: float,
    target_weight: float,
    non_target_weight: float,
) -> Any:
    (p_y, p_rest), (q_y, q_rest) = (apart(softened(z, temperature), y) for z in (t, s))
    binary = kl(np.hstack([p_y, 1 - p_y]), np.hstack([q_y, 1 - q_y]))
    return mean(target_weight * binary + non_target_weight * kl(p_rest, q_rest))


def normalised_kd(s: Numbers, t: Numbers, y: Any, *, temperature: float, gamma: float) -> Any:
    (p_y, _), (q_y, _) = (apart(softmax(z), y) for z in (t, s))
    (_, p_rest), (_, q_rest) = (apart(softened(z, temperature), y) for z in (t, s))
    rest = (p_rest * log(q_rest)).sum(axis=1)
    return -mean((p_y * log(q_y))[:, 0] + gamma * gmpy2.mpfr(temperature) ** 2 * rest)


def weighted_soft_label(
    s: Numbers, t: Numbers, y: Any, *, temperature: float, held: Numbers | None = None
) -> Any:
    """``held``: the student from which the weight is taken, where it is to stay constant."""
    students, teachers = (
        -log(apart(softmax(z), y)[0])[:, 0] for z in (s if held is None else held, t)
    )
    powers = -students / (teachers + STABILISER)
    weight = 1 - np.array([gmpy2.exp(power) for power in powers])
    soft = -(softened(t, temperature) * log(softened(s, temperature))).sum(axis=1)
    return mean(weight * soft)


def correlation(x: Numbers, y: Numbers) -> Any:
    x, y = x - mean(x), y - mean(y)
    return (x * y).sum() / ((x * x).sum() * (y * y).sum()) ** ROOT


def dist(
    s: Numbers, t: Numbers, *, temperature: float, inter_weight: float, intra_weight: float
) -> Any:
    p, q = softened(t, temperature), softened(s, temperature)
    rows, columns = (
        mean([correlation(x, y) for x, y in zip(a, b, strict=True)])
        for a, b in ((p, q), (p.T, q.T))
    )
    return inter_weight * (1 - rows) + intra_weight * (1 - columns)


def top_k_kl(s: Numbers, t: Numbers, *, temperature: float, k: int, tail: str) -> Any:
    def row(p: Numbers, q: Numbers) -> Any:
        largest = sorted(range(len(p)), key=lambda i: (-p[i], i))
        kept, tail_classes = largest[:k], largest[k:]
        p_kept, q_kept = p[kept], q[kept]
        if tail == "bucket" and tail_classes:
            p_kept = np.append(p_kept, p[tail_classes].sum())
            q_kept = np.append(q_kept, q[tail_classes].sum())
        if tail != "bucket":
            p_kept = p_kept / p_kept.sum()
        if tail == "renormalise":
            q_kept = q_kept / q_kept.sum()
        return kl(p_kept[np.newaxis], q_kept[np.newaxis])[0]

    both = zip(softened(t, temperature), softened(s, temperature), strict=True)
    return mean([row(p, q) for p, q in both])


def universal_logit(s: Numbers, t: Numbers) -> Any:
    def row(q: Numbers, p: Numbers) -> Any:
        length = max(len(q), len(p))
        ranked = [sorted([*x, *[0] * (length - len(x))], reverse=True) for x in (q, p)]
        return sum(abs(a - b) for a, b in zip(*ranked, strict=True))

    return mean([row(q, p) for q, p in zip(softmax(s), softmax(t), strict=True)])


FORMULAS: Mapping[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        logit_mse,
        logit_cosine,
        standardised_kl,
        decoupled_kd,
        normalised_kd,
        weighted_soft_label,
        dist,
        top_k_kl,
        universal_logit,
    )
}
