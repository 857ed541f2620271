r"""Rows of logits softened in double-double arithmetic: what every formula of this package starts from.

The identities are those that float64 needs as well (the maximum out of the sum, :math:`\log q - \log p` from the
logits' differences), because 106 bits also end: a student within 1e-8 of its teacher has a KL of 1e-17, of which the
definition :math:`\sum p (\log p - \log q)` keeps 36 bits.  What differs is that each step is carried out with twice
the digits, so that one rounding, the last, remains.

Two things need care at the edge of the range.  Probabilities are kept as a number near 1 and a power of two, so that a
product with one of them is rounded once even where the probability alone would underflow.  Infinite exponents (excluded
classes, or a quotient by a tiny temperature that overflows) are left infinite: such a class has weight zero.
"""

from dataclasses import dataclass

import numpy as np

from kdref._checks import BoolArray, FloatArray, IntArray
from kdref.exact.double_double import (
    DoubleDouble,
    Operand,
    at_least,
    at_most,
    double_double,
    exact_sum,
    where,
)
from kdref.exact.elementary import VANISHING, expm1, expm1_minus_identity, log1p, reduced_exp

WIDE = 2.0**1020
"""Above this the difference of two logits may overflow: they and the temperature are scaled down alike."""

SMALLEST = 2.0**-1074


@dataclass(frozen=True)
class Softened:
    r"""Rows of :math:`p = \mathrm{softmax}(z / T)`.

    Attributes
    ----------
    top : array of int, shape (..., 1)
        Where the largest logit of each row stands.
    exponent : DoubleDouble, shape (..., C)
        :math:`u = (z - \max z) / T`.
    mantissa, power : DoubleDouble and array of int, shape (..., C)
        :math:`e^u = \mathrm{mantissa} \cdot 2^\mathrm{power}`.
    others : DoubleDouble, shape (..., 1)
        :math:`R = \sum_{i \ne \mathrm{top}} e^{u_i}`; the normaliser is :math:`1 + R`.
    log_normaliser : DoubleDouble, shape (..., 1)
        :math:`\log(1 + R)`, in which a tiny R is not lost beside the 1.
    """

    top: IntArray
    exponent: DoubleDouble
    mantissa: DoubleDouble
    power: IntArray
    others: DoubleDouble
    log_normaliser: DoubleDouble

    @property
    def p(self) -> DoubleDouble:
        """The probabilities."""
        return self.times(1.0)

    @property
    def log_p(self) -> DoubleDouble:
        """Their logarithms: two terms that are both at most zero, so that nothing cancels."""
        return self.exponent - self.log_normaliser

    @property
    def vanishes(self) -> BoolArray:
        """Where the weight is zero, whatever it is multiplied by."""
        return np.asarray(self.exponent.hi <= VANISHING)

    def times(self, values: Operand) -> DoubleDouble:
        """``p * values``: the product near 1 first, its power of two last."""
        values = where(self.vanishes, 0.0, values)
        product = self.mantissa * values / (self.others + 1.0)
        return product.times_power_of_two(self.power)

    def backward(self, g: DoubleDouble) -> DoubleDouble:
        r"""The chain rule through the softmax, :math:`p (g - \sum_k p_k g_k)`; to be divided by T.

        ``g`` is given relative to its value at ``top``, whose large weight then adds no error to the mean.
        """
        g = where(self.vanishes, 0.0, g)
        return self.times(g - self.times(g).sum())


def soften(logits: FloatArray, temperature: float) -> Softened:
    """The softened distribution of each row of checked logits."""
    temperature, (logits,) = _in_range(temperature, logits)
    top = np.asarray(logits.argmax(axis=-1))[..., np.newaxis]
    exponent = exact_sum(logits, -np.take_along_axis(logits, top, axis=-1)) / temperature
    y, power = reduced_exp(exponent)
    mantissa = y + 1.0
    excepted = (np.arange(logits.shape[-1]) == top) | (exponent.hi <= VANISHING)
    others = where(excepted, 0.0, mantissa.times_power_of_two(power)).sum()
    return Softened(top, exponent, mantissa, power, others, log1p(others))


@dataclass(frozen=True)
class SoftenedPair:
    """Two softened distributions of the same rows and ``gap``, which is log q - log p.

    ``missing`` marks the rows in which q excludes a class that p does not: KL(p, q) is infinite there, even where the
    mass in question is too small for float64.
    """

    p: Softened
    q: Softened
    gap: DoubleDouble
    missing: BoolArray

    def difference(self) -> DoubleDouble:
        """``q - p`` as a multiple of the larger of the two, times an ``expm1``."""
        below = self.p.times(expm1(at_most(self.gap, 0.0)))
        above = self.q.times(expm1(-at_least(self.gap, 0.0)))
        return where(self.gap.hi <= 0.0, below, -above)

    def kl(self) -> DoubleDouble:
        """KL(p, q), shape (..., 1)."""
        return where(self.missing, np.inf, bregman_sum(self.p, self.q.p, self.gap))


def soften_pair(p_logits: FloatArray, q_logits: FloatArray, temperature: float) -> SoftenedPair:
    r"""Both distributions and their log-ratio.

    With a class k that both believe in and :math:`x_i = ((b_i - a_i) - (b_k - a_k)) / T` of the logits a of p and
    b of q, :math:`\log q_i - \log p_i = x_i - c` with one constant for the row,
    :math:`c = \log \sum_i p_i e^{x_i} = \log\left(1 + \sum_i p_i (e^{x_i} - 1)\right)`, because q sums to 1.
    """
    temperature, (p_logits, q_logits) = _in_range(temperature, p_logits, q_logits)
    p, q = soften(p_logits, temperature), soften(q_logits, temperature)
    log_p, log_q = p.log_p, q.log_p
    shared = np.asarray((log_p.hi + log_q.hi).argmax(axis=-1))[..., np.newaxis]
    x = relative_difference(p_logits, q_logits, shared) / temperature
    surplus = _surplus(p, q, x, shared)
    far = log_p.pick(shared) - log_q.pick(shared)
    constant = where(abs(surplus.hi) < 0.5, log1p(_within_half(surplus)), far)
    # Without a shared class every class has an infinite logarithm on one side at least.
    apart = np.where(log_p.hi == log_q.hi, 0.0, np.where(np.isinf(log_p.hi), np.inf, -np.inf))
    gap = where(np.isfinite(constant.hi), x - constant, apart)
    missing = np.isneginf(q_logits) & ~np.isneginf(p_logits)
    return SoftenedPair(p, q, gap, np.asarray(missing.any(axis=-1, keepdims=True)))


def relative_difference(
    p_logits: FloatArray, q_logits: FloatArray, reference: IntArray
) -> DoubleDouble:
    """``(b - a) - (b - a)_k`` for logits a of p and b of q; 0 for a class that both exclude."""
    difference = exact_sum(q_logits, -p_logits)
    at_reference = difference.pick(reference)
    relative = difference - where(np.isfinite(at_reference.hi), at_reference, 0.0)
    return where(np.isnan(relative.hi), 0.0, relative)


def _surplus(p: Softened, q: Softened, x: DoubleDouble, shared: IntArray) -> DoubleDouble:
    r""":math:`\sum_i p_i (e^{x_i} - 1)`; where e^x is large, p e^x is q times a constant of the row."""
    q_p = q.p
    grown = q_p * (p.p.pick(shared) / q_p.pick(shared))
    return where(x.hi <= 1.0, p.times(expm1(at_most(x, 1.0))), grown - p.p).sum()


def bregman_sum(p: "Softened | Given", q: DoubleDouble, gap: DoubleDouble) -> DoubleDouble:
    r"""Sum of :math:`p \varphi(\log q/p)`, which is :math:`q - p - p d` where that cannot cancel."""
    near = p.times(expm1_minus_identity(at_most(gap, 1.0)))
    far = (q - p.p) - p.times(gap)
    return where(gap.hi <= 1.0, near, far).sum()


def _within_half(surplus: DoubleDouble) -> DoubleDouble:
    """What ``log1p`` is applied to: 0 where the constant is found in another way."""
    return where(abs(surplus.hi) < 0.5, surplus, 0.0)


@dataclass(frozen=True)
class Given:
    """Rows of given probabilities, with the manners of `Softened`."""

    values: FloatArray

    @property
    def p(self) -> DoubleDouble:
        """The probabilities, exactly as given."""
        return double_double(self.values)

    def times(self, values: Operand) -> DoubleDouble:
        """``p * values``, zero where p is."""
        return where(self.values > 0.0, values, 0.0) * self.values


def _in_range(temperature: float, *logits: FloatArray) -> tuple[float, tuple[FloatArray, ...]]:
    """The same quotients ``logits / temperature`` from numbers whose differences cannot overflow."""
    if all(np.abs(z).max(initial=0.0, where=np.isfinite(z)) <= WIDE for z in logits):
        return temperature, logits
    return max(temperature / 16.0, SMALLEST), tuple(z / 16.0 for z in logits)
