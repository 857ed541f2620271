"""The oracle's vocabulary: textbook operations on one row of numbers.

A row is a tuple of MPFR numbers, or anything `exact` turns into one.  Everything works at the precision that
`precision.working_precision` has set.  Minus infinity is a logit of an excluded class.
"""

from collections.abc import Iterable
from functools import lru_cache

import gmpy2
from gmpy2 import mpfr

Row = tuple[mpfr, ...]

INFINITY = mpfr("inf")


def exact(values: Iterable[float]) -> Row:
    """The row itself: a float is a dyadic fraction and loses nothing on the way in."""
    return tuple(mpfr(v if isinstance(v, mpfr) else float(v)) for v in values)


def total(terms: Iterable[mpfr]) -> mpfr:
    """The sum, rounded once."""
    return gmpy2.fsum(list(terms))


def dot(a: Row, b: Row) -> mpfr:
    """sum_k a_k b_k, where 0 times anything is 0: a class without mass has no say."""
    return total(x * y for x, y in zip(a, b, strict=True) if x != 0 and y != 0)


def logsumexp(logits: Iterable[float]) -> mpfr:
    """log sum_k e^{z_k}.  The maximum is taken out (exactly) only because e^1e300 has no exponent in MPFR."""
    row = exact(logits)
    largest = max(row)
    return largest + gmpy2.log(total(gmpy2.exp(z - largest) for z in row))


def log_softmax(logits: Iterable[float], temperature: float = 1.0) -> Row:
    """z_k / T - log sum_j e^{z_j / T}."""
    return _softened(_key(logits), float(temperature), gmpy2.get_context().precision)[1]


def softmax(logits: Iterable[float], temperature: float = 1.0) -> Row:
    """e^{z_k / T} / sum_j e^{z_j / T}."""
    return _softened(_key(logits), float(temperature), gmpy2.get_context().precision)[0]


def _key(logits: Iterable[float]) -> tuple[float, ...]:
    return tuple(z if isinstance(z, mpfr) else float(z) for z in logits)


# One example is softened for its value, its gradient and its neighbours' alike, and exponentials are what
# the oracle's time goes to.
@lru_cache(maxsize=16)
def _softened(logits: tuple[float, ...], temperature: float, bits: int) -> tuple[Row, Row]:
    row = exact(logits)
    largest = max(row)
    u = [(z - largest) / mpfr(temperature) for z in row]
    powers = [gmpy2.exp(x) for x in u]
    normaliser = total(powers)
    log_normaliser = gmpy2.log(normaliser)
    return tuple(e / normaliser for e in powers), tuple(x - log_normaliser for x in u)


def one_hot(label: int, n_classes: int) -> Row:
    """1 at the label, 0 elsewhere."""
    return exact(1.0 if k == label else 0.0 for k in range(n_classes))


def softmax_jacobian(logits: Iterable[float], temperature: float = 1.0) -> tuple[Row, ...]:
    """(1/T) (diag(p) - p p^T)."""
    p = softmax(logits, temperature)
    inverse = 1 / mpfr(temperature)
    return tuple(
        tuple(inverse * ((p[j] if j == k else 0) - p[j] * p[k]) for k in range(len(p)))
        for j in range(len(p))
    )


def softmax_vjp(
    logits: Iterable[float], cotangent: Iterable[float], temperature: float = 1.0
) -> Row:
    """(1/T) p_k (v_k - sum_j p_j v_j): the chain rule through softmax(z / T)."""
    p, v = softmax(logits, temperature), exact(cotangent)
    mean = dot(p, v)
    return tuple(
        x * (y - mean) / mpfr(temperature) if x != 0 else mpfr(0) for x, y in zip(p, v, strict=True)
    )
