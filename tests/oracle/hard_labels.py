"""Losses against labels, for one example: the student's logits and an integer label."""

from collections.abc import Iterable

import gmpy2
from gmpy2 import mpfr

from tests.oracle.divergences import excludes, kl_divergence_from_logits
from tests.oracle.rows import INFINITY, Row, dot, log_softmax, one_hot, softmax


def hard_label(student: Iterable[float], label: int) -> mpfr:
    """-log q_y at T = 1."""
    return -log_softmax(student)[label]


def hard_label_gradient(student: Iterable[float], label: int) -> Row:
    """q - onehot(y)."""
    q = softmax(student)
    return tuple(x - y for x, y in zip(q, one_hot(label, len(q)), strict=True))


def smoothed(label: int, n_classes: int, smoothing: float) -> Row:
    """(1 - e) onehot(y) + e/C."""
    e = mpfr(smoothing)
    return tuple((1 - e) * hot + e / n_classes for hot in one_hot(label, n_classes))


def label_smoothing(student: Iterable[float], label: int, smoothing: float = 0.1) -> mpfr:
    """-sum_k u_k log q_k."""
    log_q = log_softmax(student)
    u = smoothed(label, len(log_q), smoothing)
    if excludes(log_q, tuple(x if x > 0 else -INFINITY for x in u)):
        return INFINITY
    return -dot(u, log_q)


def label_smoothing_gradient(student: Iterable[float], label: int, smoothing: float = 0.1) -> Row:
    """q - u."""
    q = softmax(student)
    return tuple(x - y for x, y in zip(q, smoothed(label, len(q), smoothing), strict=True))


def virtual_logits(label: int, n_classes: int, confidence: float) -> Row:
    """log u_k for u = a on the label and (1 - a) / (C - 1) elsewhere."""
    a = mpfr(confidence)
    return tuple(
        gmpy2.log(a if k == label else (1 - a) / (n_classes - 1)) for k in range(n_classes)
    )


def virtual_teacher(
    student: Iterable[float], label: int, temperature: float = 1.0, confidence: float = 0.9
) -> mpfr:
    """KL(softmax(log(u) / T), softmax(s / T))."""
    row = tuple(student)
    return kl_divergence_from_logits(virtual_logits(label, len(row), confidence), row, temperature)


def virtual_teacher_gradient(
    student: Iterable[float], label: int, temperature: float = 1.0, confidence: float = 0.9
) -> Row:
    """(q - p) / T."""
    q = softmax(student, temperature)
    p = softmax(virtual_logits(label, len(q), confidence), temperature)
    return tuple((y - x) / mpfr(temperature) for x, y in zip(p, q, strict=True))
