r"""One accurate pass over rows of logits: softened probabilities, their logarithms, their differences.

The textbook formulas fail in float64 on inputs that training produces every day; each has an identity
that does not fail.

====================================  ===========================================  ==============================
textbook                              why it fails                                 here
====================================  ===========================================  ==============================
``softmax(z / T)``                    a common shift of 1e8 is rounded away        subtract the maximum, then divide
``exp(u)`` for a large ``|u|``        the rounding of ``u`` costs ``|u| / 2`` ulp  carry what was dropped, once
``log(sum(exp(u)))``                  1 + 1e-20 is 1: a confident row costs 0      ``log1p`` of the sum of the others
``log q - log p``                     equal digits cancel near the teacher         from the logits' differences
``q - p``                             the same                                     ``p * expm1(log q - log p)``
====================================  ===========================================  ==============================

The derivations stand in the documentation, under "Accuracy".
"""

from dataclasses import dataclass

import numpy as np

from kdref._arithmetic import division_remainder, finite_or_zero, two_sum
from kdref._checks import BoolArray, FloatArray, IntArray

DEEP = 690.0
"""Below e^-690 a probability is near the end of float64's range and is multiplied before it underflows.

Much above, the raised exponential would make a large factor overflow.
"""

LIFT = 700.0
"""Deep exponents are raised by this much, so that what they are multiplied by can bring them back."""

E_MINUS_LIFT = float.fromhex("0x1.14f2b0fb9307fp-1010")
"""e^-700, correctly rounded."""

TIE = 2.0**-49
"""A gap within 8 roundings of zero is taken for zero where only its sign counts."""

WIDE = 2.0**1020
"""Above this the difference of two logits may overflow: they and the temperature are scaled down alike."""

HOT = 2.0**990
"""Above this a temperature has no two halves to be multiplied by, which the remainder of a division asks for."""


def pick(a: FloatArray, index: IntArray) -> FloatArray:
    """The entry of each row at ``index``, which has shape (..., 1)."""
    return np.take_along_axis(a, index, axis=-1)


def replace(a: FloatArray, index: IntArray, values: FloatArray | float) -> FloatArray:
    """A copy of ``a`` with the entry of each row at ``index`` replaced."""
    out = a.copy()
    np.put_along_axis(out, index, values, axis=-1)
    return out


def in_range(temperature: float, *logits: FloatArray) -> tuple[float, tuple[FloatArray, ...]]:
    """The same quotients ``logits / temperature`` from numbers whose differences cannot overflow.

    A power of two changes no digit, but for logits so small that divided by the temperature they are zero.
    """
    if temperature > HOT:
        temperature, logits = temperature * 2.0**-40, tuple(z * 2.0**-40 for z in logits)
    if all(abs(finite_or_zero(z)).max(initial=0.0) <= WIDE for z in logits):
        return temperature, logits
    return temperature / 16.0, tuple(z / 16.0 for z in logits)


@dataclass(frozen=True)
class Softened:
    r"""Rows of :math:`\mathrm{softmax}(z / T)`, each entry to a few ulp.

    Attributes
    ----------
    top : array of int, shape (..., 1)
        Where the largest logit of each row stands.
    exponent, correction : array, shape (..., C)
        :math:`u = (z - \max z) / T` as rounded, and what the two roundings dropped.
    others : array, shape (..., 1)
        :math:`R = \sum_{i \ne \mathrm{top}} e^{u_i}`; the normaliser is :math:`1 + R`.
    p, log_p : array, shape (..., C)
        Probabilities and their logarithms; 0 and -inf for excluded classes.
    """

    top: IntArray
    exponent: FloatArray
    correction: FloatArray
    others: FloatArray
    p: FloatArray
    log_p: FloatArray

    def times(self, values: FloatArray) -> FloatArray:
        """``p * values``, zero where p is; a deep p is multiplied before it underflows."""
        with np.errstate(all="ignore"):  # 0 * inf, discarded
            plain = np.where(self.p > 0.0, self.p * values, 0.0)
            deep = (self.exponent < -DEEP) & (self.exponent > -2.0 * LIFT)
            if not deep.any():
                return plain
            lifted = np.exp(np.where(deep, self.exponent, -LIFT) + LIFT)
            lifted = lifted + lifted * self.correction
            return np.where(deep, lifted * values / (1.0 + self.others) * E_MINUS_LIFT, plain)

    def entropy(self) -> FloatArray:
        r"""Entropy of each row, :math:`\log(1 + R) - \sum p u`: every term is at least zero."""
        rows: FloatArray = np.log1p(self.others[..., 0]) - self.times(self.exponent).sum(axis=-1)
        return rows

    def backward(self, g: FloatArray) -> FloatArray:
        r"""The chain rule through the softmax, :math:`q (g - \sum_k q_k g_k)`; to be divided by T.

        ``g`` is given relative to its value at ``top``, where it is zero.  In a nearly one-hot row the entry at
        ``top`` would cancel; since the row sums to zero, it is minus the sum of the others.
        """
        g = finite_or_zero(g)  # g is infinite only where q is zero
        rows = self.times(g - self.times(g).sum(axis=-1, keepdims=True))
        others = replace(rows, self.top, 0.0).sum(axis=-1, keepdims=True)
        at_top = np.where(pick(self.p, self.top) > 0.5, -others, pick(rows, self.top))
        return replace(rows, self.top, at_top)


def soften(logits: FloatArray, temperature: float) -> Softened:
    """The softened distribution of each row of checked logits."""
    temperature, (logits,) = in_range(temperature, logits)
    top = np.asarray(logits.argmax(axis=-1))[..., np.newaxis]
    divisor = np.float64(temperature)
    with np.errstate(
        all="ignore"
    ):  # excluded classes make infinities here; corrections of those are zero
        distance, dropped = two_sum(logits, -pick(logits, top))
        exponent = distance / divisor
        remainder = division_remainder(distance, np.asarray(divisor), exponent)
        correction = finite_or_zero((remainder + dropped) / divisor)
        e = np.exp(exponent)
        e = e + e * correction
        # The sum without its largest term, which is exactly 1: a tiny rest is not lost beside it.
        others = replace(e, top, 0.0).sum(axis=-1, keepdims=True)
        log_p = (exponent - np.log1p(others)) + correction
        return Softened(top, exponent, correction, others, e / (1.0 + others), log_p)


@dataclass(frozen=True)
class SoftenedPair:
    """Two softened distributions of the same rows and ``gap``, which is log q - log p; what they were made of.

    The ``rounding`` of a row, of shape (..., 1), is the size of the numbers that its gaps' common constant is rounded
    at.  The logits and the temperature are those after `in_range`.
    """

    p: Softened
    q: Softened
    gap: FloatArray
    rounding: FloatArray
    p_logits: FloatArray
    q_logits: FloatArray
    temperature: float

    def swapped(self) -> "SoftenedPair":
        """The pair with the roles exchanged."""
        return SoftenedPair(
            self.q,
            self.p,
            -self.gap,
            self.rounding,
            self.q_logits,
            self.p_logits,
            self.temperature,
        )

    def sign(self) -> FloatArray:
        """Sign of ``q - p``; a gap that rounding alone may have made is a tie, as of (2, 1, 0) and (0, 1, 2)."""
        return np.where(abs(self.gap) <= TIE * self.rounding, 0.0, np.sign(self.gap))

    def gap_from_top(self) -> FloatArray:
        """The gap relative to its value at q's top.

        From the logits: two gaps of 1e4 that hardly differ would leave little but their roundings.
        """
        at_top = pick(self.gap, self.q.top)
        with np.errstate(all="ignore"):  # an excluded class has an infinite gap
            x = _relative_difference(self.p_logits, self.q_logits, self.q.top)
            x = x / np.float64(self.temperature)
            return np.where(np.isfinite(at_top), np.where(np.isnan(x), 0.0, x), self.gap - at_top)

    def infinite_rows(self) -> BoolArray:
        """Rows of infinite KL(p, q): q excludes a class that p does not, or p has mass where log q overflows."""
        excluded = np.isneginf(self.q_logits) & ~np.isneginf(self.p_logits)
        overflows = np.isneginf(self.q.log_p) & (self.p.p > 0.0)
        return np.asarray((excluded | overflows).any(axis=-1))

    def difference(self) -> FloatArray:
        """``q - p``, as a multiple of the larger of the two times an ``expm1``."""
        with np.errstate(all="ignore"):
            below = self.p.times(np.expm1(np.minimum(self.gap, 0.0)))
            above = self.q.times(-np.expm1(-np.maximum(self.gap, 0.0)))
        return np.where(self.gap <= 0.0, below, above)


def soften_pair(p_logits: FloatArray, q_logits: FloatArray, temperature: float) -> SoftenedPair:
    r"""Both distributions and their log-ratio, accurate also where the two nearly agree.

    With a class k that both believe in and :math:`x_i = ((b_i - a_i) - (b_k - a_k)) / T` of the logits a of p and
    b of q, :math:`\log q_i - \log p_i = x_i - c` with one constant for the row,
    :math:`c = \log \sum_i p_i e^{x_i} = \log\left(1 + \sum_i p_i (e^{x_i} - 1)\right)`, because q sums to 1.
    """
    temperature, (p_logits, q_logits) = in_range(temperature, p_logits, q_logits)
    p, q = soften(p_logits, temperature), soften(q_logits, temperature)
    with np.errstate(all="ignore"):  # an excluded class has x = +-inf
        both = p.log_p + q.log_p
        shared = np.asarray(both.argmax(axis=-1))[..., np.newaxis]
        x = _relative_difference(p_logits, q_logits, shared) / np.float64(temperature)
        # A gap beyond float64 rules a class out like -inf; where each side rules out the other's, none is shared.
        apart = np.isneginf(pick(both, shared))
        x = np.where(apart, q.log_p - p.log_p, x)
        neither = np.isnan(x)  # both sides exclude the class
        grown = q.p * (pick(p.p, shared) / pick(q.p, shared))  # p e^x, also where p is zero
        surplus = np.where(x <= 1.0, p.p * np.expm1(np.minimum(x, 1.0)), grown - p.p)
        total = surplus.sum(axis=-1, keepdims=True)
        p_shared, q_shared = pick(p.log_p, shared), pick(q.log_p, shared)
        near = abs(total) < 0.5
        constant = np.where(near, np.log1p(_within_half(total)), p_shared - q_shared)
        moved = abs(surplus).sum(axis=-1, keepdims=True)
        rounding = np.where(near, moved, finite_or_zero(-p_shared - q_shared))
        gap = np.where(neither, 0.0, x - finite_or_zero(constant))
        # Twice a gap may overflow where the gap itself does not.
        gap = np.where(np.isinf(gap), q.log_p - p.log_p, gap)
    return SoftenedPair(p, q, gap, rounding, p_logits, q_logits, temperature)


def _relative_difference(
    p_logits: FloatArray, q_logits: FloatArray, shared: IntArray
) -> FloatArray:
    """``(b - a) - (b - a)_k`` for logits a of p and b of q, with what both roundings dropped put back."""
    d, lost = two_sum(q_logits, -p_logits)
    lost = finite_or_zero(lost)
    relative, lost_again = two_sum(d, -finite_or_zero(pick(d, shared)))
    return relative + (lost - pick(lost, shared) + finite_or_zero(lost_again))


def _within_half(total: FloatArray) -> FloatArray:
    """``total`` where its logarithm is taken by ``log1p``, zero elsewhere."""
    return np.where(abs(total) < 0.5, total, 0.0)
