"""Losses against a mixture of the two distributions, for one example."""

from collections.abc import Iterable

import gmpy2
from gmpy2 import mpfr

from tests.oracle.divergences import js_divergence_from_logits, mixture
from tests.oracle.rows import Row, exact, softmax, softmax_vjp


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
