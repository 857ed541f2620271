r"""Rows of logits softened in double-double arithmetic: what every formula of this package starts from.

The identities are those that float64 needs as well (the maximum out of the sum, :math:`\log q - \log p` from the
logits' differences), because 106 bits also end: a student one ulp from its teacher has a KL of 1e-32, of which the
definition :math:`\sum p (\log p - \log q)` keeps nothing.  What differs is that each step is carried out with twice
the digits, so that one rounding, the last, remains.

Three things need care at the edges of the range.  Probabilities are kept as a number near 1 and a power of two, so
that a product with one of them is rounded once even where the probability alone would underflow.  Exponents that
overflow as a number of nats (logits of 1e308, or a tiny temperature) or have no room for a second part (subnormal
logits) are kept in units of 2^scale nats, one scale for each row, until they meet their weights.  The exponent of an
excluded class stays infinite; its weight is zero.
"""

import math
from dataclasses import dataclass
from functools import cached_property

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

LARGEST_POWER = 1020
"""Logits, their differences and exponents stay below 2 to this power, in units of 2^scale ..."""

SMALLEST_POWER = -900
"""... and rows of tinier logits are raised to this one, where quotients of them have room for a second part."""


@dataclass(frozen=True)
class Softened:
    r"""Rows of :math:`p = \mathrm{softmax}(z / T)`.

    Attributes
    ----------
    top : array of int, shape (..., 1)
        Where the largest logit of each row stands.
    scale : array of int, shape (..., 1)
        Exponents and logarithms are in units of 2^scale nats; 0 for all but absurd logits.
    exponent : DoubleDouble, shape (..., C)
        :math:`u = (z - \max z) / T`, in these units.
    mantissa, power : DoubleDouble and array of int, shape (..., C)
        :math:`p = \mathrm{mantissa} \cdot 2^\mathrm{power}`.
    vanishes : array of bool, shape (..., C)
        Where p is zero, whatever it is multiplied by.
    log_normaliser : DoubleDouble, shape (..., 1)
        :math:`\log(1 + R)` in nats with :math:`R = \sum_{i \ne \mathrm{top}} e^{u_i}`; a tiny R is not lost beside
        the 1.
    """

    top: IntArray
    scale: IntArray
    exponent: DoubleDouble
    mantissa: DoubleDouble
    power: IntArray
    vanishes: BoolArray
    log_normaliser: DoubleDouble

    @cached_property
    def p(self) -> DoubleDouble:
        """The probabilities."""
        return self.times(1.0)

    @cached_property
    def log_p(self) -> DoubleDouble:
        """Their logarithms in nats."""
        return self.scaled_log_p.times_power_of_two(self.scale)

    @cached_property
    def scaled_log_p(self) -> DoubleDouble:
        """Their logarithms in units of 2^scale: two terms that are both at most zero, so that nothing cancels."""
        return self.exponent - self.log_normaliser.times_power_of_two(-self.scale)

    def times(self, values: Operand) -> DoubleDouble:
        """``p * values``: the product near 1 first, its power of two last."""
        product = self.mantissa * where(self.vanishes, 0.0, values)
        return product.times_power_of_two(self.power)

    def entropy(self) -> DoubleDouble:
        r"""Entropy of each row in nats, :math:`\log(1 + R) - \sum p u`: every term is at least zero."""
        return self.log_normaliser - self.times(self.exponent).sum().times_power_of_two(self.scale)

    def backward(self, g: DoubleDouble) -> DoubleDouble:
        r"""The chain rule through the softmax, :math:`p (g - \sum_k p_k g_k)`; to be divided by T.

        ``g`` is given relative to its value at ``top``, whose large weight then adds no error to the mean.
        """
        g = where(self.vanishes, 0.0, g)
        return self.times(g - self.times(g).sum())


def soften(logits: FloatArray, temperature: float, scale: IntArray | None = None) -> Softened:
    """The softened distribution of each row of checked logits; without a scale, of the scale that the row needs."""
    scale = needed_scale(temperature, logits) if scale is None else scale
    logits = np.ldexp(logits, -scale)
    top = np.asarray(logits.argmax(axis=-1))[..., np.newaxis]
    exponent = exact_sum(logits, -np.take_along_axis(logits, top, axis=-1)) / temperature
    nats = exponent.times_power_of_two(scale)
    y, power = reduced_exp(nats)
    vanishes = np.asarray(nats.hi <= VANISHING)
    left_out = vanishes | (np.arange(logits.shape[-1]) == top)
    others = where(left_out, 0.0, (y + 1.0).times_power_of_two(power)).sum()
    mantissa = (y + 1.0) / (others + 1.0)
    return Softened(top, scale, exponent, mantissa, power, vanishes, log1p(others))


def needed_scale(temperature: float, *logits: FloatArray) -> IntArray:
    """The power of two that keeps the logits' differences and their quotients by T in range, row by row."""
    sizes = [
        np.max(abs(z), axis=-1, keepdims=True, initial=0.0, where=np.isfinite(z)) for z in logits
    ]
    _, power = np.frexp(np.maximum.reduce(sizes))  # a difference is below 2^(power + 1)
    quotient = power + 2 - math.frexp(temperature)[1]
    excess = np.maximum(np.maximum(power + 1, quotient) - LARGEST_POWER, 0)
    return np.asarray(excess + np.minimum(power - SMALLEST_POWER, 0))


@dataclass(frozen=True)
class SoftenedPair:
    """Two softened distributions of the same rows, and log q - log p.

    Attributes
    ----------
    p, q : Softened
        Of one scale.
    scaled_gap, gap : DoubleDouble, shape (..., C)
        log q - log p in units of 2^scale, and in nats.
    missing : array of bool, shape (..., 1)
        Rows in which q excludes a class that p does not.  KL(p, q) is infinite there, even where the mass in
        question is too small for float64.
    """

    p: Softened
    q: Softened
    scaled_gap: DoubleDouble
    gap: DoubleDouble
    missing: BoolArray

    def difference(self) -> DoubleDouble:
        """``q - p`` as a multiple of the larger of the two, times an ``expm1``."""
        below = self.p.times(expm1(at_most(self.gap, 0.0)))
        above = self.q.times(expm1(-at_least(self.gap, 0.0)))
        return where(self.gap.hi <= 0.0, below, -above)

    def scaled_kl(self) -> DoubleDouble:
        """KL(p, q), shape (..., 1), in units of 2^scale."""
        finite = bregman_sum(self.p, self.q.p, self.scaled_gap, self.p.scale)
        return where(self.missing, np.inf, finite)

    def kl(self) -> DoubleDouble:
        """KL(p, q) in nats."""
        return self.scaled_kl().times_power_of_two(self.p.scale)

    def cross_entropy(self) -> DoubleDouble:
        """H(p, q) in nats, shape (..., 1): every term is at least zero."""
        finite = self.p.times(-self.q.scaled_log_p).sum().times_power_of_two(self.p.scale)
        return where(self.missing, np.inf, finite)


def soften_pair(p_logits: FloatArray, q_logits: FloatArray, temperature: float) -> SoftenedPair:
    r"""Both distributions and their log-ratio.

    With a class k that both believe in and :math:`x_i = ((b_i - a_i) - (b_k - a_k)) / T` of the logits a of p and
    b of q, :math:`\log q_i - \log p_i = x_i - c` with one constant for the row,
    :math:`c = \log \sum_i p_i e^{x_i} = \log\left(1 + \sum_i p_i (e^{x_i} - 1)\right)`, because q sums to 1.
    """
    scale = needed_scale(temperature, p_logits, q_logits)
    p, q = soften(p_logits, temperature, scale), soften(q_logits, temperature, scale)
    log_p, log_q = p.scaled_log_p, q.scaled_log_p
    shared = np.asarray((log_p.hi + log_q.hi).argmax(axis=-1))[..., np.newaxis]
    x = relative_difference(p_logits, q_logits, shared, scale) / temperature
    surplus = _surplus(p, q, x.times_power_of_two(scale), shared)
    close = abs(surplus.hi) < 0.5
    near = log1p(where(close, surplus, 0.0)).times_power_of_two(-scale)
    constant = where(close, near, log_p.pick(shared) - log_q.pick(shared))
    # Without a shared class each class is excluded on one side at least.
    apart = np.where(log_p.hi == log_q.hi, 0.0, np.where(np.isinf(log_p.hi), np.inf, -np.inf))
    gap = where(np.isfinite(constant.hi), x - constant, apart)
    missing = (np.isneginf(q_logits) & ~np.isneginf(p_logits)).any(axis=-1, keepdims=True)
    return SoftenedPair(p, q, gap, gap.times_power_of_two(scale), np.asarray(missing))


def relative_difference(
    p_logits: FloatArray, q_logits: FloatArray, reference: IntArray, scale: IntArray
) -> DoubleDouble:
    """``(b - a) - (b - a)_k`` for logits a of p and b of q, over 2^scale; 0 for a class that both exclude."""
    difference = exact_sum(np.ldexp(q_logits, -scale), np.ldexp(-p_logits, -scale))
    at_reference = difference.pick(reference)
    relative = difference - where(np.isfinite(at_reference.hi), at_reference, 0.0)
    return where(np.isnan(relative.hi), 0.0, relative)


def _surplus(p: Softened, q: Softened, x: DoubleDouble, shared: IntArray) -> DoubleDouble:
    r""":math:`\sum_i p_i (e^{x_i} - 1)`; where e^x is large, p e^x is q times a constant of the row."""
    q_p = q.p
    grown = q_p * (p.p.pick(shared) / q_p.pick(shared))
    return where(x.hi <= 1.0, p.times(expm1(at_most(x, 1.0))), grown - p.p).sum()


def bregman_sum(
    p: "Softened | Given", q: DoubleDouble, gap: DoubleDouble, scale: IntArray | int = 0
) -> DoubleDouble:
    r"""Sum of :math:`p \varphi(d)` with :math:`d = \log q/p`; ``gap`` and the sum are in units of 2^scale nats.

    Beyond :math:`|d| = 1` it is :math:`q - p - p d`, in which nothing cancels, and which needs no exponential.
    """
    nats = gap.times_power_of_two(scale)
    near = p.times(expm1_minus_identity(at_most(at_least(nats, -1.0), 1.0)))
    far = (q - p.p).times_power_of_two(np.negative(scale)) - p.times(gap)
    return where(abs(nats.hi) <= 1.0, near.times_power_of_two(np.negative(scale)), far).sum()


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
