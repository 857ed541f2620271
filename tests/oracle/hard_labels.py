"""Losses against labels, for one example: the student's logits and an integer label."""

from collections.abc import Iterable

from gmpy2 import mpfr

from tests.oracle.rows import Row, log_softmax, one_hot, softmax


def hard_label(student: Iterable[float], label: int) -> mpfr:
    """-log q_y at T = 1."""
    return -log_softmax(student)[label]


def hard_label_gradient(student: Iterable[float], label: int) -> Row:
    """q - onehot(y)."""
    q = softmax(student)
    return tuple(x - y for x, y in zip(q, one_hot(label, len(q)), strict=True))
