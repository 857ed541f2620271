r"""Softmax, its logarithm and its derivative, each entry correctly rounded but for near ties.

Arguments, shapes and errors are those of the functions of the same names in `kdref.probabilities`.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray
from kdref.exact._rows import row_result
from kdref.exact._softened import soften
from kdref.exact.double_double import exact_sum, where
from kdref.exact.elementary import expm1

LARGEST_COTANGENT = 1e300
"""Differences of larger cotangents would overflow."""

CANCELLED = 2.0**-40
"""A log-sum-exp so much smaller than the largest logit has lost more bits than 106 can spare."""

FIRST_DIGITS = 60
"""Decimal digits to begin with where two numbers of 106 bits cancel."""


def logsumexp(logits: ArrayLike) -> float | FloatArray:
    r"""Logarithm of the sum of exponentials of each row.

    .. math::

        \mathrm{lse}(z) = \log \sum_{i=1}^{C} e^{z_i}
            = z_k + \log\Bigl(1 + \sum_{i \ne k} e^{z_i - z_k}\Bigr), \qquad z_k = \max_i z_i

    Parameters
    ----------
    logits
        See `kdref.logsumexp`.

    Returns
    -------
    float or ndarray, shape (...)
        In nats.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.logsumexp`.

    Notes
    -----
    For a row of log-probabilities the two terms cancel to about 1e-17, which is what
    their rounding left of log 1 = 0.  That is below the last bit of a double-double number
    near 1, so such rows are summed in decimal arithmetic.

    Examples
    --------
    Two equal logits: log 2, to the last bit.

    >>> logsumexp([0.0, 0.0])
    0.6931471805599453

    Twice the float64 nearest to log(1/2): what that float lacks, which is its second digit.

    >>> logsumexp([-0.6931471805599453, -0.6931471805599453])
    2.3190468138462996e-17
    """
    z = _checks.logits("logits", logits)
    with np.errstate(all="ignore"):
        rows = soften(z, 1.0)
        largest = np.take_along_axis(z, rows.top, axis=-1)
        total = rows.log_normaliser + largest
        cancelled = abs(total.hi) < CANCELLED * abs(largest)
        for index in np.argwhere(cancelled[..., 0]):
            total.hi[*index, 0] = _decimal_logsumexp(z[*index])
        return row_result(total)


def _decimal_logsumexp(row: FloatArray) -> float:
    """log-sum-exp of one row with as many digits as leave thirty right ones; a float is a finite decimal."""
    digits = FIRST_DIGITS
    while True:
        with localcontext(Context(prec=digits)):
            powers = [Decimal(z).exp() for z in row.tolist() if z > -np.inf]
            total = sum(powers, start=Decimal(0)).ln()
        if total and total.adjusted() > 30 - digits:
            return float(total)
        digits *= 2


def softmax(logits: ArrayLike, temperature: float = 1.0) -> FloatArray:
    r"""Probabilities of each row of logits, softened by a temperature.

    .. math::

        p_i = \frac{e^{z_i / T}}{\sum_{j=1}^{C} e^{z_j / T}}

    Parameters
    ----------
    logits, temperature
        See `kdref.softmax`.

    Returns
    -------
    ndarray, shape (..., C)
        Each entry the nearest float64; a row need not sum to exactly 1.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.softmax`.

    Examples
    --------
    >>> softmax([1e300, 1e300, 1e300]).tolist() == [1.0 / 3.0] * 3
    True
    """
    temperature = _checks.temperature(temperature)
    z = _checks.logits("logits", logits)
    with np.errstate(all="ignore"):
        return soften(z, temperature).p.hi


def log_softmax(logits: ArrayLike, temperature: float = 1.0) -> FloatArray:
    r"""Logarithms of the softened probabilities of each row.

    .. math::

        \log p_i = \frac{z_i - z_k}{T} - \log\Bigl(1 + \sum_{j \ne k} e^{(z_j - z_k) / T}\Bigr),
        \qquad z_k = \max_j z_j

    Parameters
    ----------
    logits, temperature
        See `kdref.log_softmax`.

    Returns
    -------
    ndarray, shape (..., C)
        In nats.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.log_softmax`.

    Examples
    --------
    A lead of 40 nats leaves the others e^-40, and costs as much.

    >>> float(log_softmax([40.0, 0.0])[0]) == -float(np.exp(-40.0))
    True
    """
    temperature = _checks.temperature(temperature)
    z = _checks.logits("logits", logits)
    with np.errstate(all="ignore"):
        return soften(z, temperature).log_p.hi


def softmax_jacobian(logits: ArrayLike, temperature: float = 1.0) -> FloatArray:
    r"""Derivatives of each probability with respect to each logit.

    .. math::

        \frac{\partial p_i}{\partial z_j} = \frac{1}{T} \, p_i (\delta_{ij} - p_j)

    On the diagonal :math:`1 - p_i` is ``-expm1(log p_i)``: it keeps its digits where p is nearly 1.

    Parameters
    ----------
    logits, temperature
        See `kdref.softmax_jacobian`.

    Returns
    -------
    ndarray, shape (..., C, C)
        Symmetric; rows and columns sum to zero within rounding.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.softmax_jacobian`.

    Examples
    --------
    >>> softmax_jacobian([0.0, 0.0]).tolist()
    [[0.25, -0.25], [-0.25, 0.25]]
    """
    temperature = _checks.temperature(temperature)
    z = _checks.logits("logits", logits)
    with np.errstate(all="ignore"):
        rows = soften(z[..., np.newaxis, :], temperature)  # entry (i, j) is p_j times factor (i, j)
        others = -rows.p[..., 0, :, np.newaxis]
        diagonal = np.eye(z.shape[-1], dtype=np.bool_)
        factors = where(diagonal, -expm1(rows.log_p), others)
        return rows.times(factors / temperature).hi


def softmax_vjp(logits: ArrayLike, cotangent: ArrayLike, temperature: float = 1.0) -> FloatArray:
    r"""A vector times the Jacobian of `softmax`: backpropagation through it.

    .. math::

        \frac{\partial L}{\partial z_j} = \frac{1}{T} \, p_j \Bigl(g_j - \sum_i p_i g_i\Bigr)

    Parameters
    ----------
    logits, cotangent, temperature
        See `kdref.softmax_vjp`.

    Returns
    -------
    ndarray, shape (..., C)
        Rows that sum to zero within rounding.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.softmax_vjp`.

    Examples
    --------
    >>> softmax_vjp([0.0, 0.0], [1.0, 0.0]).tolist()
    [0.25, -0.25]
    """
    temperature = _checks.temperature(temperature)
    z = _checks.logits("logits", logits)
    g = _checks.bounded_array("cotangent", cotangent, LARGEST_COTANGENT)
    _checks.same_shape("logits", z, "cotangent", g)
    with np.errstate(all="ignore"):
        rows = soften(z, temperature)
        relative = exact_sum(g, -np.take_along_axis(g, rows.top, axis=-1))
        return (rows.backward(relative) / temperature).hi
