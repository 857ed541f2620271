r"""Building blocks that lose nothing: what a rounding dropped, and differences without cancellation.

A float64 operation returns the true result rounded to 53 bits.  For a sum and for a quotient the part that
the rounding dropped can itself be computed; carried along as a second, small number it keeps a long chain
of operations accurate to the last bits.

References
----------
.. [1] D. E. Knuth, *The Art of Computer Programming*, vol. 2, section 4.2.2, theorem B (TwoSum).
.. [2] T. J. Dekker, "A floating-point technique for extending the available precision", 1971 (the exact
   product, by Veltkamp's splitting).
"""

import numpy as np

from kdref._checks import FloatArray

SPLITTER = 2.0**27 + 1.0
"""Veltkamp's constant: splits 53 bits into two halves of 26 whose products are exact."""

TAYLOR_TERMS = 20
r"""Terms of :math:`e^d - 1 - d`; for :math:`|d| \le 1` the first one left out is below 1e-20 of the sum."""


ARTANH_TERMS = 26
r"""Terms of the series of artanh beyond its first; for :math:`|r| < 0.49` the first one left out is below 1e-17."""


def two_sum(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The rounded sum of ``a`` and ``b`` and what the rounding dropped; together they are exact [1]."""
    total = a + b
    b_seen = total - a
    return total, (a - (total - b_seen)) + (b - b_seen)


def split(a: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two halves of 26 bits that sum to ``a`` [2]; not finite beyond 2^996."""
    scaled = SPLITTER * a
    high = scaled - (scaled - a)
    return high, a - high


def division_remainder(a: FloatArray, b: FloatArray, quotient: FloatArray) -> FloatArray:
    """``a - quotient * b`` exactly, where ``quotient`` is ``a / b`` rounded [2]."""
    product = quotient * b
    q_high, q_low = split(quotient)
    b_high, b_low = split(b)
    dropped = ((q_high * b_high - product) + q_high * b_low + q_low * b_high) + q_low * b_low
    return (a - product) - dropped


def finite_or_zero(a: FloatArray) -> FloatArray:
    """``a`` with zeros for its infinities and NaN: the correction of an infinite result is nothing."""
    return np.where(np.isfinite(a), a, 0.0)


def expm1_minus_identity(d: FloatArray) -> FloatArray:
    r"""The convex function :math:`\varphi(d) = e^d - 1 - d \ge 0` with full relative accuracy.

    Near zero :math:`\varphi(d) \approx d^2 / 2`, which ``expm1(d) - d`` loses to cancellation; there the Taylor
    series :math:`\frac{d^2}{2}\left(1 + \frac{d}{3}\left(1 + \frac{d}{4}(1 + \dots)\right)\right)` is summed
    from its far end.
    """
    near = np.minimum(np.maximum(d, -1.0), 1.0)
    series = np.ones_like(near)
    for k in range(TAYLOR_TERMS, 2, -1):
        series = 1.0 + series * near / k
    return np.where(abs(d) <= 1.0, near * near / 2.0 * series, np.expm1(d) - d)


def identity_minus_log1p(g: FloatArray, log1p: FloatArray) -> FloatArray:
    r"""The convex function :math:`g - \log(1 + g) \ge 0` with full relative accuracy, given the logarithm.

    Near zero it is about :math:`g^2 / 2`, which the subtraction loses; there, with :math:`r = g / (2 + g)` and
    :math:`\log(1 + g) = 2 \operatorname{artanh} r`, it is
    :math:`r g - 2 r^3 \left(\frac13 + \frac{r^2}{5} + \frac{r^4}{7} + \dots\right)`.
    """
    near = np.minimum(np.maximum(g, -0.65), 1.75)
    r = near / (2.0 + near)
    series = np.zeros_like(near)
    for k in range(ARTANH_TERMS, 0, -1):
        series = 1.0 / (2 * k + 1) + series * (r * r)
    return np.where(near == g, r * near - 2.0 * r * (r * r) * series, g - log1p)


def compensated_sum(a: FloatArray) -> FloatArray:
    """Sum along the last axis by halving, with the roundings summed beside it and added at the end."""
    dropped = np.zeros(a.shape[:-1])
    while a.shape[-1] > 1:
        half = a.shape[-1] // 2
        pairs, lost = two_sum(a[..., :half], a[..., half : 2 * half])
        dropped = dropped + lost.sum(axis=-1)
        a = np.concatenate([pairs, a[..., 2 * half :]], axis=-1)
    return np.asarray(a[..., 0] + dropped)
