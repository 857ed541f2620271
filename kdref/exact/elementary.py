r"""Exponential and logarithm of `DoubleDouble` numbers, by argument reduction and a power series.

Only arithmetic is used, never ``np.exp`` or ``np.log``, so that no library's last bit shows through.  Coefficients
are quotients of small integers.  The relative error is below 2^-97 for the exponential of numbers within
:math:`\pm 1000` (it grows with the argument, whose own last bit then counts), and below 2^-100 for the logarithms.

References
----------
.. [1] J.-M. Muller, *Elementary Functions: Algorithms and Implementation*, 3rd edition, 2016, chapters 3 and 11.
"""

import numpy as np

from kdref._checks import FloatArray, IntArray
from kdref.exact.double_double import (
    DoubleDouble,
    at_least,
    at_most,
    exact_product,
    fast_two_sum,
    split,
    where,
)

LN2 = (
    float.fromhex("0x1.62e42fefa39efp-1"),
    float.fromhex("0x1.abc9e3b39803fp-56"),
    float.fromhex("0x1.7b57a079a1934p-111"),
)
"""log 2 in three pieces of 53 bits, so that a multiple of up to 5,000 can be subtracted without a trace."""

VANISHING = -3000.0
"""e^-3000 is 2^-4328: times anything a float64 can hold, it rounds to 0."""

HALVINGS = 9
"""The exponential's reduced argument is halved so often, to below 2^-10, and the result squared so often."""

SQRT_HALF = 0.7071067811865476

NEAR_ONE = (-0.2928932188134524, 0.41421356237309503)
"""log(1 + x) by the series directly: 1 + x between sqrt(1/2) and sqrt(2)."""

LONG_TERMS, ALL_TERMS = 10, 21
"""Terms of the logarithm's series: as `DoubleDouble` numbers, and in all; the later ones are below 2^-50."""

RECIPROCALS = (
    DoubleDouble(np.nan),
    *(DoubleDouble(1.0) / float(n) for n in range(1, 2 * ALL_TERMS)),
)
"""1/n at index n: the coefficients of all three series are products of these."""

UNCHANGED = 2.0**-110
"""Below this e^x - 1 and log(1 + x) are x, and the series would underflow before it says so."""

TINY = 2.0**-20
r"""Below this :math:`e^x - 1 - x` is summed as a series."""


def reduced_exp(x: DoubleDouble) -> tuple[DoubleDouble, IntArray]:
    r"""``(y, k)`` with :math:`e^x = 2^k (1 + y)` and :math:`|y| < 0.42`, for x clipped to within 3000.

    With k the integer nearest to :math:`x / \log 2`, the rest :math:`r = (x - k \log 2) / 2^9` lies below 2^-10, where
    eight terms of the series count, the last four in float64 alone:

    .. math::

        e^r - 1 = r \Bigl(1 + \frac{r}{2} \Bigl(1 + \frac{r}{3} \Bigl(1 + \frac{r}{4} (1 + \dots)\Bigr)\Bigr)\Bigr)

    The nine halvings are undone by :math:`e^{2r} - 1 = 2 (e^r - 1) + (e^r - 1)^2`, which keeps the relative accuracy
    of a small :math:`e^r - 1`; squaring :math:`e^r` itself would round it away.
    """
    x = at_most(at_least(x, VANISHING), -VANISHING)
    k = np.rint(x.hi / LN2[0])
    r = x - exact_product(k, np.asarray(LN2[0])) - exact_product(k, np.asarray(LN2[1])) - k * LN2[2]
    r = r.times_power_of_two(-HALVINGS)
    h = r.hi
    y = DoubleDouble(1.0, h / 5.0 * (1.0 + h / 6.0 * (1.0 + h / 7.0 * (1.0 + h / 8.0))))
    for n in (4, 3, 2):
        y = r * RECIPROCALS[n] * y + 1.0
    y = r * y
    hi, lo = y.hi, y.lo
    for _ in range(HALVINGS):
        hi, lo = _twice_plus_square(hi, lo)
    return DoubleDouble.from_parts(hi, lo), k.astype(np.intp)


def _twice_plus_square(hi: FloatArray, lo: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``2 y + y^2`` of a number below 1/2, with the square of ``hi`` made exact by Dekker's product."""
    a, b = split(hi)
    square = hi * hi
    error = ((a * a - square) + 2.0 * a * b) + b * b
    total, dropped = fast_two_sum(2.0 * hi, square)
    return fast_two_sum(total, dropped + (error + 2.0 * lo * (1.0 + hi)))


def exp(x: DoubleDouble) -> DoubleDouble:
    """e^x; 0 and infinity beyond the range."""
    y, k = reduced_exp(x)
    return (y + 1.0).times_power_of_two(k)


def expm1(x: DoubleDouble) -> DoubleDouble:
    """e^x - 1 with full relative accuracy near 0, where k is 0 and nothing is subtracted."""
    y, k = reduced_exp(x)
    result = where(k == 0, y, (y + 1.0).times_power_of_two(k) - 1.0)
    return where(abs(x.hi) < UNCHANGED, x, result)


def log(x: DoubleDouble) -> DoubleDouble:
    """The natural logarithm of numbers >= 0; minus infinity at 0."""
    reduced, k = _around_one(x)
    return _unless_infinite(x, _log1p_series(reduced) + _times_ln2(k))


def log1p(x: DoubleDouble) -> DoubleDouble:
    """log(1 + x) for x >= -1; near 0, where 1 + x would round x away, the series of x itself."""
    near = (x.hi > NEAR_ONE[0]) & (x.hi < NEAR_ONE[1])
    total = x + 1.0
    reduced, k = _around_one(total)
    logarithm = _log1p_series(where(near, x, reduced)) + _times_ln2(np.where(near, 0, k))
    return where(abs(x.hi) < UNCHANGED, x, _unless_infinite(total, logarithm))


def _around_one(x: DoubleDouble) -> tuple[DoubleDouble, IntArray]:
    """``(y, k)`` with x = 2^k (1 + y) and 1 + y between sqrt(1/2) and sqrt(2); (0, 0) for 0 and infinity."""
    usable = (x.hi > 0.0) & (x.hi < np.inf)
    x = where(usable, x, 1.0)
    mantissa, k = np.frexp(x.hi)
    k = k - (mantissa < SQRT_HALF)
    return x.times_power_of_two(-k) - 1.0, k


def _unless_infinite(x: DoubleDouble, logarithm: DoubleDouble) -> DoubleDouble:
    """The logarithm of x, or its limit where x is 0 or infinite."""
    return where(x.hi == np.inf, np.inf, where(x.hi == 0.0, -np.inf, logarithm))


def _times_ln2(k: IntArray) -> DoubleDouble:
    multiple = np.asarray(k, dtype=np.float64)
    first, second = (exact_product(multiple, np.asarray(piece)) for piece in LN2[:2])
    return first + (second + multiple * LN2[2])


def _log1p_series(x: DoubleDouble) -> DoubleDouble:
    r""":math:`\log(1 + x) = 2 \operatorname{artanh} s = 2 s (1 + s^2/3 + s^4/5 + \dots)` with :math:`s = x / (2 + x)`.

    For 1 + x between sqrt(1/2) and sqrt(2) each term is below 0.03 of the one before.
    """
    s = x / (x + 2.0)
    square = s * s
    tail = np.zeros_like(square.hi)
    for n in range(ALL_TERMS - 1, LONG_TERMS - 1, -1):
        tail = tail * square.hi + RECIPROCALS[2 * n + 1].hi
    series = DoubleDouble(tail)
    for n in range(LONG_TERMS - 1, -1, -1):
        series = series * square + RECIPROCALS[2 * n + 1]
    return series * s * 2.0


def expm1_minus_identity(x: DoubleDouble) -> DoubleDouble:
    r"""The convex function :math:`\varphi(x) = e^x - 1 - x \ge 0` of the Bregman form of KL.

    Near 0 it is the series :math:`\frac{x^2}{2}\left(1 + \frac{x}{3}\left(1 + \frac{x}{4} \dots\right)\right)`; from
    2^-20 on, subtracting x from ``expm1(x)`` costs 21 of more than 100 bits.
    """
    near = at_most(at_least(x, -TINY), TINY)
    series = DoubleDouble(1.0)
    for n in (6, 5, 4, 3):
        series = near * RECIPROCALS[n] * series + 1.0
    return where(abs(x.hi) < TINY, near * near * series * 0.5, expm1(x) - x)
