"""Hinton's composite for one example; its mean over a batch is the mean of these rows.

Without a label the soft term stands alone, as at alpha = 1.
"""

from collections.abc import Iterable

from gmpy2 import mpfr

from tests.oracle.hard_labels import hard_label, hard_label_gradient
from tests.oracle.rows import Row
from tests.oracle.soft_targets import forward_kl, forward_kl_gradient


def distillation(
    student: Iterable[float],
    teacher: Iterable[float],
    label: int | None,
    temperature: float = 4.0,
    alpha: float = 0.9,
) -> mpfr:
    """(1 - a) (-log q1_y) + a T^2 KL(p, q)."""
    a, t = mpfr(alpha), mpfr(temperature)
    soft = t * t * forward_kl(student, teacher, temperature) if a != 0 else mpfr(0)
    if label is None or a == 1:
        return a * soft
    return (1 - a) * hard_label(student, label) + a * soft


def distillation_gradient(
    student: Iterable[float],
    teacher: Iterable[float],
    label: int | None,
    temperature: float = 4.0,
    alpha: float = 0.9,
) -> Row:
    """(1 - a) (q1 - onehot(y)) + a T^2 (q - p) / T."""
    a, t = mpfr(alpha), mpfr(temperature)
    soft = forward_kl_gradient(student, teacher, temperature)
    if label is None:
        return tuple(a * t * t * y for y in soft)
    hard = hard_label_gradient(student, label)
    return tuple((1 - a) * x + a * t * t * y for x, y in zip(hard, soft, strict=True))
