"""Divergences of one row, as defined: of given probabilities, and of softened logits.

Given probabilities are taken as they are: their floats seldom sum to exactly 1, and the definition's value for
such rows is what stands here, even where it is a hair below zero.
"""

from collections.abc import Iterable

import gmpy2
from gmpy2 import mpfr

from tests.oracle.rows import INFINITY, Row, exact, log_softmax, softmax, total


def logarithms(p: Row) -> Row:
    """log p_k, minus infinity where p_k = 0."""
    return tuple(gmpy2.log(x) if x > 0 else -INFINITY for x in p)


def excludes(log_q: Row, log_p: Row) -> bool:
    """Whether q gives no mass to a class that p gives some.

    Logarithms tell: a class has no mass where its logit is minus infinity, not where its probability is too small
    for MPFR's exponent.
    """
    return any(y == -INFINITY and x != -INFINITY for x, y in zip(log_p, log_q, strict=True))


def expectation(p: Row, *, log_of: Row) -> mpfr:
    """sum_k p_k log a_k, given the logarithms; a class without mass adds nothing."""
    return total(x * a for x, a in zip(p, log_of, strict=True) if x != 0)


def expected_difference(p: Row, log_a: Row, log_b: Row) -> mpfr:
    """sum_k p_k (log a_k - log b_k); a class without mass adds nothing."""
    return total(x * (a - b) for x, a, b in zip(p, log_a, log_b, strict=True) if x != 0)


def entropy(p: Iterable[float]) -> mpfr:
    """-sum_k p_k log p_k."""
    row = exact(p)
    return -expectation(row, log_of=logarithms(row))


def cross_entropy(p: Iterable[float], q: Iterable[float]) -> mpfr:
    """-sum_k p_k log q_k."""
    row = exact(p)
    log_p, log_q = logarithms(row), logarithms(exact(q))
    if excludes(log_q, log_p):
        return INFINITY
    return -expectation(row, log_of=log_q)


def cross_entropy_gradient(p: Iterable[float], q: Iterable[float]) -> Row:
    """With respect to q: -p_k / q_k; 0 where p_k = 0, minus infinity where q_k = 0 < p_k."""
    return tuple(-x / y if x != 0 else mpfr(0) for x, y in zip(exact(p), exact(q), strict=True))


def kl_divergence(p: Iterable[float], q: Iterable[float]) -> mpfr:
    """sum_k p_k log(p_k / q_k)."""
    row = exact(p)
    log_p, log_q = logarithms(row), logarithms(exact(q))
    if excludes(log_q, log_p):
        return INFINITY
    return expected_difference(row, log_p, log_q)


kl_divergence_gradient = cross_entropy_gradient
"""With respect to q the two differ by -H(p), a constant."""


def js_divergence(p: Iterable[float], q: Iterable[float], beta: float = 0.5) -> mpfr:
    """b KL(p, m) + (1 - b) KL(q, m) with m = b p + (1 - b) q."""
    row, other, b = exact(p), exact(q), mpfr(beta)
    return js_of_rows(row, other, logarithms(row), logarithms(other), b)


def js_of_rows(p: Row, q: Row, log_p: Row, log_q: Row, b: mpfr) -> mpfr:
    """The same with the logarithms given; 0 at b = 0 and b = 1, where the mixture is one of its parts."""
    if b in (0, 1):
        return mpfr(0)
    log_m = logarithms(mixture(p, q, b))
    first, second = expected_difference(p, log_p, log_m), expected_difference(q, log_q, log_m)
    return b * first + (1 - b) * second


def mixture(p: Row, q: Row, b: mpfr) -> Row:
    """b p_k + (1 - b) q_k."""
    return tuple(b * x + (1 - b) * y for x, y in zip(p, q, strict=True))


def total_variation(p: Iterable[float], q: Iterable[float]) -> mpfr:
    """1/2 sum_k |p_k - q_k|."""
    return total(abs(x - y) for x, y in zip(exact(p), exact(q), strict=True)) / 2


def entropy_from_logits(logits: Iterable[float], temperature: float = 1.0) -> mpfr:
    """-sum_k p_k log p_k with p = softmax(z / T)."""
    return -expectation(softmax(logits, temperature), log_of=log_softmax(logits, temperature))


def cross_entropy_from_logits(
    p_logits: Iterable[float], q_logits: Iterable[float], temperature: float = 1.0
) -> mpfr:
    """-sum_k p_k log q_k of two rows of logits."""
    log_p, log_q = log_softmax(p_logits, temperature), log_softmax(q_logits, temperature)
    if excludes(log_q, log_p):
        return INFINITY
    return -expectation(softmax(p_logits, temperature), log_of=log_q)


def kl_divergence_from_logits(
    p_logits: Iterable[float], q_logits: Iterable[float], temperature: float = 1.0
) -> mpfr:
    """sum_k p_k (log p_k - log q_k) of two rows of logits."""
    log_p, log_q = log_softmax(p_logits, temperature), log_softmax(q_logits, temperature)
    if excludes(log_q, log_p):
        return INFINITY
    return expected_difference(softmax(p_logits, temperature), log_p, log_q)


def js_divergence_from_logits(
    p_logits: Iterable[float],
    q_logits: Iterable[float],
    temperature: float = 1.0,
    beta: float = 0.5,
) -> mpfr:
    """Generalised Jensen-Shannon divergence of two rows of logits."""
    p, log_p = softmax(p_logits, temperature), log_softmax(p_logits, temperature)
    q, log_q = softmax(q_logits, temperature), log_softmax(q_logits, temperature)
    return js_of_rows(p, q, log_p, log_q, mpfr(beta))


def total_variation_from_logits(
    p_logits: Iterable[float], q_logits: Iterable[float], temperature: float = 1.0
) -> mpfr:
    """1/2 sum_k |p_k - q_k| of two rows of logits."""
    p, q = softmax(p_logits, temperature), softmax(q_logits, temperature)
    return total_variation(p, q)
