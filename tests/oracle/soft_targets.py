"""Losses against the teacher's softened distribution, for one example."""

from collections.abc import Iterable

from gmpy2 import mpfr

from tests.oracle.divergences import (
    cross_entropy_from_logits,
    kl_divergence_from_logits,
    total_variation_from_logits,
)
from tests.oracle.rows import INFINITY, Row, log_softmax, softmax, softmax_vjp


def soft_cross_entropy(
    student: Iterable[float], teacher: Iterable[float], temperature: float = 1.0
) -> mpfr:
    """-sum_k p_k log q_k."""
    return cross_entropy_from_logits(teacher, student, temperature)


def forward_kl(
    student: Iterable[float], teacher: Iterable[float], temperature: float = 1.0
) -> mpfr:
    """KL(teacher, student)."""
    return kl_divergence_from_logits(teacher, student, temperature)


def forward_kl_gradient(
    student: Iterable[float], teacher: Iterable[float], temperature: float = 1.0
) -> Row:
    """(q - p) / T."""
    p, q = softmax(teacher, temperature), softmax(student, temperature)
    return tuple((y - x) / mpfr(temperature) for x, y in zip(p, q, strict=True))


soft_cross_entropy_gradient = forward_kl_gradient
"""The two losses differ by the teacher's entropy, a constant."""


def reverse_kl(
    student: Iterable[float], teacher: Iterable[float], temperature: float = 1.0
) -> mpfr:
    """KL(student, teacher)."""
    return kl_divergence_from_logits(student, teacher, temperature)


def reverse_kl_gradient(
    student: Iterable[float], teacher: Iterable[float], temperature: float = 1.0
) -> Row:
    """(1/T) q_k (log(q_k / p_k) - RKL)."""
    value = reverse_kl(student, teacher, temperature)
    if value == INFINITY:
        raise ValueError("the reverse KL is infinite and has no gradient")
    q, log_q = softmax(student, temperature), log_softmax(student, temperature)
    log_p = log_softmax(teacher, temperature)
    return tuple(
        x * (a - b - value) / mpfr(temperature) if x != 0 else mpfr(0)
        for x, a, b in zip(q, log_q, log_p, strict=True)
    )


def symmetric_kl(
    student: Iterable[float],
    teacher: Iterable[float],
    temperature: float = 1.0,
    forward_weight: float = 0.5,
) -> mpfr:
    """w KL(teacher, student) + (1 - w) KL(student, teacher); a term of weight 0 is left out."""
    w = mpfr(forward_weight)
    forward = w * forward_kl(student, teacher, temperature) if w != 0 else mpfr(0)
    return forward + ((1 - w) * reverse_kl(student, teacher, temperature) if w != 1 else 0)


def symmetric_kl_gradient(
    student: Iterable[float],
    teacher: Iterable[float],
    temperature: float = 1.0,
    forward_weight: float = 0.5,
) -> Row:
    """The same mixture of the two gradients."""
    w = mpfr(forward_weight)
    forward = forward_kl_gradient(student, teacher, temperature)
    if w == 1:
        return forward
    reverse = reverse_kl_gradient(student, teacher, temperature)
    return tuple(w * x + (1 - w) * y for x, y in zip(forward, reverse, strict=True))


def total_variation(
    student: Iterable[float], teacher: Iterable[float], temperature: float = 1.0
) -> mpfr:
    """1/2 sum_k |p_k - q_k|."""
    return total_variation_from_logits(teacher, student, temperature)


def total_variation_gradient(
    student: Iterable[float], teacher: Iterable[float], temperature: float = 1.0
) -> Row:
    """The chain rule with 1/2 sign(q_k - p_k), which is 0 at a tie."""
    p, q = softmax(teacher, temperature), softmax(student, temperature)
    signs = [((y > x) - (y < x)) / mpfr(2) for x, y in zip(p, q, strict=True)]
    return softmax_vjp(student, signs, temperature)
