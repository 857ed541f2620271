"""Losses against a mixture of the two distributions, for one example."""

from collections.abc import Iterable

import gmpy2
from gmpy2 import mpfr

from tests.oracle.divergences import (
    excludes,
    expected_difference,
    js_divergence_from_logits,
    logarithms,
    mixture,
)
from tests.oracle.rows import INFINITY, Row, exact, log_softmax, softmax, softmax_vjp


def generalised_js(
    student: Iterable[float],
    teacher: Iterable[float],
    temperature: float = 1.0,
    beta: float = 0.5,
) -> mpfr:
    """b KL(p, m) + (1 - b) KL(q, m) with m = b p + (1 - b) q."""
    return js_divergence_from_logits(teacher, student, temperature, beta)


def generalised_js_gradient(
    student: Iterable[float],
    teacher: Iterable[float],
    temperature: float = 1.0,
    beta: float = 0.5,
) -> Row:
    """The chain rule with (1 - b) log(q_k / m_k); the mixture's own derivative cancels, since sum_k m_k = 1."""
    p, q, b = softmax(teacher, temperature), softmax(student, temperature), mpfr(beta)
    if b in (0, 1):
        return exact(0.0 for _ in q)
    m = mixture(p, q, b)
    slopes = [(1 - b) * gmpy2.log(x / y) if x != 0 else mpfr(0) for x, y in zip(q, m, strict=True)]
    return softmax_vjp(student, slopes, temperature)


def skew_forward_kl(
    student: Iterable[float],
    teacher: Iterable[float],
    temperature: float = 1.0,
    skew: float = 0.1,
) -> mpfr:
    """KL(p, m) with m = a p + (1 - a) q."""
    return _to_mixture(tuple(teacher), tuple(student), temperature, skew)


def skew_reverse_kl(
    student: Iterable[float],
    teacher: Iterable[float],
    temperature: float = 1.0,
    skew: float = 0.1,
) -> mpfr:
    """KL(q, m) with m = (1 - a) p + a q."""
    return _to_mixture(tuple(student), tuple(teacher), temperature, skew)


def _to_mixture(
    from_logits: tuple[float, ...], other: tuple[float, ...], temperature: float, skew: float
) -> mpfr:
    p, log_p = softmax(from_logits, temperature), log_softmax(from_logits, temperature)
    log_q = log_softmax(other, temperature)
    if skew == 0:  # the mixture is q, which may be too small for MPFR's exponent
        return INFINITY if excludes(log_q, log_p) else expected_difference(p, log_p, log_q)
    m = mixture(p, softmax(other, temperature), mpfr(skew))
    return expected_difference(p, log_p, logarithms(m))


def skew_forward_kl_gradient(
    student: Iterable[float],
    teacher: Iterable[float],
    temperature: float = 1.0,
    skew: float = 0.1,
) -> Row:
    """The chain rule with -(1 - a) p_k / m_k."""
    p, q, a = softmax(teacher, temperature), softmax(student, temperature), mpfr(skew)
    m = mixture(p, q, a)
    slopes = [-(1 - a) * x / y if y != 0 else mpfr(0) for x, y in zip(p, m, strict=True)]
    return softmax_vjp(student, slopes, temperature)


def skew_reverse_kl_gradient(
    student: Iterable[float],
    teacher: Iterable[float],
    temperature: float = 1.0,
    skew: float = 0.1,
) -> Row:
    """The chain rule with log(q_k / m_k) + 1 - a q_k / m_k."""
    p, q, a = softmax(teacher, temperature), softmax(student, temperature), mpfr(skew)
    m = mixture(q, p, a)
    slopes = [
        gmpy2.log(x / y) + 1 - a * x / y if x != 0 else mpfr(0) for x, y in zip(q, m, strict=True)
    ]
    return softmax_vjp(student, slopes, temperature)
