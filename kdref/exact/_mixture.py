r"""The mixture :math:`m = \beta p + (1 - \beta) q` of two distributions: its divergences and their slope."""

import numpy as np

from kdref.exact._softened import Given, Softened, SoftenedPair, bregman_sum
from kdref.exact.double_double import (
    DoubleDouble,
    at_least,
    at_most,
    double_double,
    exact_sum,
    where,
)
from kdref.exact.elementary import exp, expm1, log, log1p

STEEP = 700.0
"""e^700 is near the end of float64's range."""


def mixture_gaps(gap: DoubleDouble, beta: float) -> tuple[DoubleDouble, DoubleDouble]:
    """log(m/p) and log(m/q) for ``gap`` = log q - log p; where e^gap would overflow, each from the other one."""
    stay, move = double_double(np.asarray(beta)), _complement(beta)
    to_p = _log_mixed(at_most(gap, STEEP), stay, move)
    to_q = _log_mixed(-at_least(gap, -STEEP), move, stay)
    return where(gap.hi > STEEP, gap + to_q, to_p), where(gap.hi < -STEEP, to_p - gap, to_q)


def js_rows(
    p: Softened | Given, q: Softened | Given, gap: DoubleDouble, beta: float
) -> DoubleDouble:
    r"""Generalised JS, shape (..., 1): :math:`\beta \sum p \varphi(\log m/p) + (1 - \beta) \sum q \varphi(\log m/q)`.

    The two Bregman forms need no correction for rows that miss a sum of 1: what they leave out,
    :math:`\beta \sum (p - m) + (1 - \beta) \sum (q - m)`, is zero whatever the sums are.
    """
    if beta in (0.0, 1.0):  # the mixture is one of the two, and the other has no weight
        return DoubleDouble(np.zeros((*gap.hi.shape[:-1], 1)))
    b, rest = double_double(np.asarray(beta)), _complement(beta)
    to_p, to_q = mixture_gaps(gap, beta)
    m = b * p.p + rest * q.p
    return b * bregman_sum(p, m, to_p) + rest * bregman_sum(q, m, to_q)


def log_student_share(pair: SoftenedPair, beta: float, gap_from_top: DoubleDouble) -> DoubleDouble:
    r"""log(q/m) of each class relative to its value at the student's largest class k.

    With :math:`r = p / q`, so that :math:`m / q = 1 - \beta + \beta r`, it is
    :math:`-\log(1 + \beta (r - r_k) q_k / m_k)`, and :math:`r - r_k = r_k (e^{d_k - d} - 1)` for neighbouring gaps d.
    Where that quotient is large, the difference of the two logarithms is large as well, and nothing cancels in it.
    ``gap_from_top`` is :math:`d - d_k` from the logits: two gaps near log 2 that differ by 1e-36 are equal here.
    """
    _, to_q = mixture_gaps(pair.gap, beta)
    gap_top = pair.gap.pick(pair.q.top)
    ratio_top = exp(-gap_top)
    mixture_top = ratio_top * beta + _complement(beta)
    x = where(np.isfinite(gap_top.hi), -gap_from_top, gap_top - pair.gap)
    neighbours = abs(x.hi) < 1.0
    step = where(
        neighbours, ratio_top * expm1(where(neighbours, x, 0.0)), exp(-pair.gap) - ratio_top
    )
    argument = step * beta / mixture_top
    near = abs(argument.hi) < 0.5
    return where(near, -log1p(where(near, argument, 0.0)), to_q.pick(pair.q.top) - to_q)


def _log_mixed(d: DoubleDouble, stay: DoubleDouble, move: DoubleDouble) -> DoubleDouble:
    """log(stay + move e^d) for stay + move = 1: by log1p unless that would cancel."""
    grown = move * expm1(d)
    near = grown.hi > -0.5
    return where(near, log1p(where(near, grown, 0.0)), log(stay + move * exp(d)))


def _complement(beta: float) -> DoubleDouble:
    """1 - beta, exactly."""
    return exact_sum(np.asarray(1.0), np.asarray(-beta))
