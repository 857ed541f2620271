r"""The number type: an unevaluated sum of two float64, about 106 bits, and its arithmetic.

A float64 sum or product is the true one rounded to 53 bits.  What the rounding dropped is itself a float64 and
can be computed from float64 operations alone; kept beside the result it doubles the precision.  Everything here is
made of ``+ - * /``, comparisons and powers of two, which IEEE 754 defines to the last bit: the digits do not depend on
the machine, the compiler or the version of NumPy, as those of ``np.exp`` do.

An infinite number has ``lo`` zero.  NaN appears only where a formula asks for infinity minus infinity or zero times
infinity; formulas discard it.

References
----------
.. [1] O. Møller, "Quasi double-precision in floating point addition", 1965; D. E. Knuth, *The Art of Computer
   Programming*, vol. 2, section 4.2.2, theorem B (`two_sum`).
.. [2] T. J. Dekker, "A floating-point technique for extending the available precision", Numerische Mathematik 18,
   1971 (`fast_two_sum`, `two_product`; `split` is G. W. Veltkamp's, 1968).
.. [3] M. Joldes, J.-M. Muller, V. Popescu, "Tight and rigorous error bounds for basic building blocks of double-word
   arithmetic", ACM TOMS 44(2), 2017 (the sum is algorithm 6, the product algorithm 10).
.. [4] Y. Hida, X. S. Li, D. H. Bailey, "Algorithms for quad-double precision floating point arithmetic", ARITH-15,
   2001 (the quotient by long division).
"""

from typing import Any, TypeAlias, Union

import numpy as np

from kdref._checks import BoolArray, FloatArray, IntArray

SPLITTER = 2.0**27 + 1.0
"""Veltkamp's constant: 53 bits fall into two halves of 26, the sign of the lower half being the 53rd."""

Operand: TypeAlias = Union["DoubleDouble", FloatArray, float]


def two_sum(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    r"""The sum and its rounding error: ``total + error`` is exactly ``a + b`` [1].

    ``b_seen`` is the part of b that entered the sum and ``total - b_seen`` the part of a.  What each lacks is
    smaller than its last bit, so both differences are exact, and so is their sum.
    """
    total = a + b
    b_seen = total - a
    return total, (a - (total - b_seen)) + (b - b_seen)


def fast_two_sum(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same in three operations, for ``|a| >= |b|`` [2]: then all of a enters the sum."""
    total = a + b
    return total, b - (total - a)


def split(a: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two halves of at most 26 bits that add up to ``a`` exactly [2]."""
    scaled = SPLITTER * a
    high = scaled - (scaled - a)
    if not _all_finite(high):
        # Beyond 2^996 the multiplication overflows: split a smaller number.
        smaller = a * 2.0**-28
        scaled = SPLITTER * smaller
        high = np.where(np.isfinite(high), high, (scaled - (scaled - smaller)) * 2.0**28)
    return high, a - high


def two_product(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The product and its rounding error: ``product + error`` is exactly ``a * b`` [2].

    Each partial product of two halves fits into 52 bits and is exact; added from the largest down, each sum is
    exact too.  True for products above 2^-969, whose error is not below the smallest float64.
    """
    product = a * b
    a_high, a_low = split(a)
    b_high, b_low = split(b)
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


class DoubleDouble:
    """Numbers ``hi + lo``, where ``hi`` is their sum rounded to float64.

    Attributes
    ----------
    hi, lo : array
        Of one shape; ``|lo|`` is at most half a unit in the last place of ``hi``.

    Examples
    --------
    A tenth has no finite binary expansion; the second number continues it where the first one ends.

    >>> third = DoubleDouble(1.0) / 3.0
    >>> float(third.hi), float(third.lo)
    (0.3333333333333333, 1.850371707708594e-17)
    >>> float((third * 3.0 - 1.0).hi)
    0.0
    """

    __slots__ = ("hi", "lo")
    __array_ufunc__ = None  # an array on the left leaves the operation to this class

    def __init__(self, hi: FloatArray | float, lo: FloatArray | float = 0.0) -> None:
        """Add up two numbers of which ``lo`` is the smaller."""
        high, low = np.asarray(hi, dtype=np.float64), np.asarray(lo, dtype=np.float64)
        self.hi, self.lo = fast_two_sum(high, low)
        if not _all_finite(self.lo):
            self.hi, self.lo = fast_two_sum(high, _finite_or_zero(low))
            self.lo = _finite_or_zero(self.lo)

    @classmethod
    def from_parts(cls, hi: FloatArray, lo: FloatArray) -> "DoubleDouble":
        """Parts that are in order already, because they come from such a number."""
        number = cls.__new__(cls)
        number.hi, number.lo = hi, lo
        return number

    def __neg__(self) -> "DoubleDouble":
        """Both parts change their sign."""
        return DoubleDouble.from_parts(-self.hi, -self.lo)

    def __add__(self, other: Operand) -> "DoubleDouble":
        """The sum, within 3 units of 2^-106, also where the summands cancel [3]."""
        other = double_double(other)
        high, high_error = two_sum(self.hi, other.hi)
        low, low_error = two_sum(self.lo, other.lo)
        first = DoubleDouble(high, _finite_or_zero(high_error) + low)
        return DoubleDouble(first.hi, first.lo + low_error)

    __radd__ = __add__

    def __sub__(self, other: Operand) -> "DoubleDouble":
        """The difference, as accurate as the sum."""
        return self + -double_double(other)

    def __rsub__(self, other: Operand) -> "DoubleDouble":
        """The difference from a float."""
        return double_double(other) + -self

    def __mul__(self, other: Operand) -> "DoubleDouble":
        """The product, within 7 units of 2^-106 [3]; ``lo * lo`` is below the last bit and left out."""
        other = double_double(other)
        product, error = two_product(self.hi, other.hi)
        return DoubleDouble(product, error + (self.hi * other.lo + self.lo * other.hi))

    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> "DoubleDouble":
        """The quotient by long division: two digits of 53 bits and a third one to round by [4]."""
        other = double_double(other)
        first = self.hi / other.hi
        rest = self - other * first
        second = _finite_or_zero(rest.hi / other.hi)
        rest = rest - other * second
        return DoubleDouble(first, second) + _finite_or_zero(rest.hi / other.hi)

    def __rtruediv__(self, other: Operand) -> "DoubleDouble":
        """A float divided by this."""
        return double_double(other) / self

    def __getitem__(self, index: Any) -> "DoubleDouble":
        """The same entries of both parts."""
        return DoubleDouble.from_parts(self.hi[index], self.lo[index])

    def __abs__(self) -> "DoubleDouble":
        """The sign of ``hi`` is the sign of the number."""
        return where(self.hi < 0.0, -self, self)

    def pick(self, index: IntArray) -> "DoubleDouble":
        """The entry of each row at ``index``, which has shape (..., 1)."""
        return DoubleDouble.from_parts(
            np.take_along_axis(self.hi, index, axis=-1), np.take_along_axis(self.lo, index, axis=-1)
        )

    def sum(self) -> "DoubleDouble":
        """Sum along the last axis, which stays with length 1; halves are added until one entry is left.

        The order is part of the result: ``np.sum`` chooses its own by the machine's vector length.
        """
        total = self
        while (n := total.hi.shape[-1]) > 1:
            half = n // 2
            pairs = total[..., :half] + total[..., half : 2 * half]
            odd = total[..., 2 * half :]
            total = DoubleDouble.from_parts(
                np.concatenate([pairs.hi, odd.hi], axis=-1),
                np.concatenate([pairs.lo, odd.lo], axis=-1),
            )
        return total

    def times_power_of_two(self, exponent: IntArray | int) -> "DoubleDouble":
        """``self * 2**exponent``: exact but for what falls below the smallest float64."""
        power = np.asarray(exponent, dtype=np.intc)
        return DoubleDouble(np.ldexp(self.hi, power), np.ldexp(self.lo, power))


def double_double(value: Operand) -> DoubleDouble:
    """A float64 as it is, with nothing behind it; a `DoubleDouble` unchanged."""
    if isinstance(value, DoubleDouble):
        return value
    high = np.asarray(value, dtype=np.float64)
    return DoubleDouble.from_parts(high, np.zeros_like(high))


def exact_sum(a: FloatArray, b: FloatArray) -> DoubleDouble:
    """``a + b`` without any rounding."""
    return DoubleDouble(*two_sum(a, b))


def exact_product(a: FloatArray, b: FloatArray) -> DoubleDouble:
    """``a * b`` without any rounding."""
    return DoubleDouble(*two_product(a, b))


def where(condition: BoolArray, a: Operand, b: Operand) -> DoubleDouble:
    """Entries of ``a`` where the condition holds, of ``b`` elsewhere."""
    first, second = double_double(a), double_double(b)
    return DoubleDouble.from_parts(
        np.where(condition, first.hi, second.hi), np.where(condition, first.lo, second.lo)
    )


def at_most(a: DoubleDouble, bound: float) -> DoubleDouble:
    """``a`` where it is below the bound, the bound elsewhere."""
    return where(a.hi < bound, a, bound)


def at_least(a: DoubleDouble, bound: float) -> DoubleDouble:
    """``a`` where it is above the bound, the bound elsewhere."""
    return where(a.hi > bound, a, bound)


def _finite_or_zero(a: FloatArray) -> FloatArray:
    """``a`` with zeros for what is not finite: an infinity has nothing behind it."""
    return a if _all_finite(a) else np.where(np.isfinite(a), a, 0.0)


def _all_finite(a: FloatArray) -> bool:
    """Asked after every operation, so that it counts: this takes half the time of ``np.isfinite(a).all()``."""
    return bool(np.count_nonzero(np.isfinite(a)) == a.size)
