r"""Entropy, cross entropy and divergences of rows, each correctly rounded but for near ties.

Arguments, shapes and errors are those of the functions of the same names in `kdref.divergences`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray
from kdref.exact._mixture import js_rows
from kdref.exact._rows import row_result
from kdref.exact._softened import Given, SoftenedPair, soften, soften_pair
from kdref.exact.double_double import DoubleDouble, double_double, exact_sum, where
from kdref.exact.elementary import expm1_minus_identity, log, log1p


def entropy(p: ArrayLike) -> float | FloatArray:
    r"""Entropy of each row of probabilities.

    .. math::

        H(p) = -\sum_{i=1}^{C} p_i \log p_i

    Parameters
    ----------
    p
        See `kdref.entropy`.

    Returns
    -------
    float or ndarray, shape (...)
        In nats.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.entropy`.

    Examples
    --------
    A fair coin holds log 2.

    >>> entropy([0.5, 0.5])
    0.6931471805599453
    """
    given = _checks.probabilities("p", p)
    with np.errstate(all="ignore"):
        return row_result(_expected_cost(given, given))


def cross_entropy(p: ArrayLike, q: ArrayLike) -> float | FloatArray:
    r"""Cross entropy of each pair of rows of probabilities.

    .. math::

        H(p, q) = -\sum_{i=1}^{C} p_i \log q_i

    Parameters
    ----------
    p, q
        See `kdref.cross_entropy`.

    Returns
    -------
    float or ndarray, shape (...)
        In nats; ``inf`` where :math:`p_i > 0 = q_i`.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.cross_entropy`.

    Examples
    --------
    >>> cross_entropy([1.0, 0.0], [0.5, 0.5])
    0.6931471805599453
    """
    given, believed = _probability_pair(p, q)
    with np.errstate(all="ignore"):
        return row_result(_expected_cost(given, believed))


def cross_entropy_grad(p: ArrayLike, q: ArrayLike) -> FloatArray:
    r"""Gradient of `cross_entropy` with respect to q, entry by entry.

    .. math::

        \frac{\partial H(p, q)}{\partial q_i} = -\frac{p_i}{q_i}

    A single division, which float64 rounds correctly: there is nothing to improve.

    Parameters
    ----------
    p, q
        See `kdref.cross_entropy_grad`.

    Returns
    -------
    ndarray, shape (..., C)
        Zero where :math:`p_i = 0`.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.cross_entropy_grad`.

    Examples
    --------
    >>> cross_entropy_grad([0.5, 0.5], [0.25, 0.75]).tolist()
    [-2.0, -0.6666666666666666]
    """
    given, believed = _probability_pair(p, q)
    _checks.divisible("q", believed, "p", given)
    with np.errstate(over="ignore"):
        return np.where(given > 0.0, -given, 0.0) / np.where(given > 0.0, believed, 1.0)


def kl_divergence(p: ArrayLike, q: ArrayLike) -> float | FloatArray:
    r"""Kullback-Leibler divergence of each pair of rows of probabilities.

    .. math::

        \mathrm{KL}(p \,\|\, q) = \sum_{i=1}^{C} p_i \log \frac{p_i}{q_i}, \qquad
        -p_i d_i = p_i \varphi(d_i) + (p_i - q_i), \qquad d_i = \log \frac{q_i}{p_i}

    with :math:`\varphi(d) = e^d - 1 - d`.  The right side is used where :math:`|d_i| \le 1`: the differences are exact
    and sum to next to nothing, and the rest has no sign to cancel.  Elsewhere :math:`-p_i d_i` stands alone, since
    a :math:`q_i` far larger than :math:`p_i` would drown it.

    Parameters
    ----------
    p, q
        See `kdref.kl_divergence`.

    Returns
    -------
    float or ndarray, shape (...)
        In nats; the definition's value for the rows as they are, which may be a
        hair negative.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.kl_divergence`.

    Examples
    --------
    >>> kl_divergence([1.0, 0.0], [0.5, 0.5])
    0.6931471805599453
    """
    given, believed = _probability_pair(p, q)
    with np.errstate(all="ignore"):
        gap = _log_quotient(believed, given)
        close = abs(gap.hi) <= 1.0
        bregman = Given(given).times(expm1_minus_identity(where(close, gap, 0.0)))
        near = bregman + exact_sum(given, -believed)
        return row_result(where(close, near, -Given(given).times(gap)).sum())


def kl_divergence_grad(p: ArrayLike, q: ArrayLike) -> FloatArray:
    r"""Gradient of `kl_divergence` with respect to q: that of `cross_entropy`.

    .. math::

        \frac{\partial\, \mathrm{KL}(p \,\|\, q)}{\partial q_i} = -\frac{p_i}{q_i}

    Parameters
    ----------
    p, q
        See `kdref.kl_divergence_grad`.

    Returns
    -------
    ndarray, shape (..., C)
        Zero where :math:`p_i = 0`.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.kl_divergence_grad`.

    Examples
    --------
    >>> kl_divergence_grad([0.5, 0.5], [0.25, 0.75]).tolist()
    [-2.0, -0.6666666666666666]
    """
    return cross_entropy_grad(p, q)


def js_divergence(p: ArrayLike, q: ArrayLike, *, beta: float = 0.5) -> float | FloatArray:
    r"""Generalised Jensen-Shannon divergence of each pair of rows of probabilities.

    .. math::

        \mathrm{JS}_\beta(p, q) = \beta\, \mathrm{KL}(p \,\|\, m) + (1 - \beta)\, \mathrm{KL}(q \,\|\, m),
        \qquad m = \beta p + (1 - \beta) q

    Parameters
    ----------
    p, q, beta
        See `kdref.js_divergence`.

    Returns
    -------
    float or ndarray, shape (...)
        In nats.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.js_divergence`.

    Examples
    --------
    >>> js_divergence([1.0, 0.0], [0.0, 1.0])
    0.6931471805599453
    """
    given, believed = _probability_pair(p, q)
    beta = _checks.fraction("beta", beta)
    with np.errstate(all="ignore"):
        gap = _log_quotient(believed, given)
        return row_result(js_rows(Given(given), Given(believed), gap, beta))


def total_variation(p: ArrayLike, q: ArrayLike) -> float | FloatArray:
    r"""Total variation distance of each pair of rows of probabilities.

    .. math::

        \mathrm{TV}(p, q) = \frac{1}{2} \sum_{i=1}^{C} |p_i - q_i|

    Parameters
    ----------
    p, q
        See `kdref.total_variation`.

    Returns
    -------
    float or ndarray, shape (...)
        Between 0 and 1.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.total_variation`.

    Examples
    --------
    >>> total_variation([0.75, 0.25], [0.5, 0.5])
    0.25
    """
    given, believed = _probability_pair(p, q)
    with np.errstate(all="ignore"):
        return row_result(abs(exact_sum(given, -believed)).sum() * 0.5)


def entropy_from_logits(logits: ArrayLike, *, temperature: float = 1.0) -> float | FloatArray:
    r"""Entropy of each row of softened logits.

    .. math::

        H(p) = \log(1 + R) - \sum_i p_i u_i, \qquad u_i = \frac{z_i - \max z}{T}, \quad
        R = \sum_{i \ne \mathrm{top}} e^{u_i}

    Parameters
    ----------
    logits, temperature
        See `kdref.entropy_from_logits`.

    Returns
    -------
    float or ndarray, shape (...)
        In nats.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.entropy_from_logits`.

    Examples
    --------
    >>> entropy_from_logits([7.0, 7.0], temperature=3.0)
    0.6931471805599453
    """
    temperature = _checks.temperature(temperature)
    z = _checks.logits("logits", logits)
    with np.errstate(all="ignore"):
        return row_result(soften(z, temperature).entropy())


def cross_entropy_from_logits(
    p_logits: ArrayLike, q_logits: ArrayLike, *, temperature: float = 1.0
) -> float | FloatArray:
    r"""Cross entropy of each pair of rows of softened logits.

    .. math::

        H(p, q) = -\sum_{i=1}^{C} p_i \log q_i

    Parameters
    ----------
    p_logits, q_logits, temperature
        See `kdref.cross_entropy_from_logits`.

    Returns
    -------
    float or ndarray, shape (...)
        In nats; ``inf`` where q excludes a class to which p gives mass.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.cross_entropy_from_logits`.

    Examples
    --------
    >>> cross_entropy_from_logits([3.0, 1.0], [0.0, 0.0])
    0.6931471805599453
    """
    with np.errstate(all="ignore"):
        return row_result(_logit_pair(p_logits, q_logits, temperature).cross_entropy())


def kl_divergence_from_logits(
    p_logits: ArrayLike, q_logits: ArrayLike, *, temperature: float = 1.0
) -> float | FloatArray:
    r"""Kullback-Leibler divergence of each pair of rows of softened logits.

    .. math::

        \mathrm{KL}(p \,\|\, q) = \sum_{i=1}^{C} p_i \varphi(\log q_i - \log p_i),
        \qquad \varphi(d) = e^d - 1 - d \ge 0

    Parameters
    ----------
    p_logits, q_logits, temperature
        See `kdref.kl_divergence_from_logits`.

    Returns
    -------
    float or ndarray, shape (...)
        In nats; never negative, 0 exactly for equal logits.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.kl_divergence_from_logits`.

    Examples
    --------
    A difference of 2^-60 in one of two equal logits: an eighth of its square.

    >>> kl_divergence_from_logits([2.0**-60, 0.0], [0.0, 0.0]) == 2.0**-123
    True
    """
    with np.errstate(all="ignore"):
        return row_result(_logit_pair(p_logits, q_logits, temperature).kl())


def js_divergence_from_logits(
    p_logits: ArrayLike, q_logits: ArrayLike, *, temperature: float = 1.0, beta: float = 0.5
) -> float | FloatArray:
    r"""Generalised Jensen-Shannon divergence of each pair of rows of softened logits.

    .. math::

        \mathrm{JS}_\beta(p, q) = \beta \sum_i p_i \varphi\Bigl(\log \frac{m_i}{p_i}\Bigr)
            + (1 - \beta) \sum_i q_i \varphi\Bigl(\log \frac{m_i}{q_i}\Bigr), \qquad m = \beta p + (1 - \beta) q

    Parameters
    ----------
    p_logits, q_logits, temperature, beta
        See `kdref.js_divergence_from_logits`.

    Returns
    -------
    float or ndarray, shape (...)
        In nats; never negative, 0 exactly for equal logits.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.js_divergence_from_logits`.

    Examples
    --------
    >>> js_divergence_from_logits([0.0, -np.inf], [-np.inf, 0.0])
    0.6931471805599453
    """
    beta = _checks.fraction("beta", beta)
    with np.errstate(all="ignore"):
        pair = _logit_pair(p_logits, q_logits, temperature)
        return row_result(js_rows(pair.p, pair.q, pair.gap, beta))


def total_variation_from_logits(
    p_logits: ArrayLike, q_logits: ArrayLike, *, temperature: float = 1.0
) -> float | FloatArray:
    r"""Total variation distance of each pair of rows of softened logits.

    .. math::

        \mathrm{TV}(p, q) = \frac{1}{2} \sum_{i=1}^{C} |p_i - q_i|

    Parameters
    ----------
    p_logits, q_logits, temperature
        See `kdref.total_variation_from_logits`.

    Returns
    -------
    float or ndarray, shape (...)
        Between 0 and 1; 0 exactly for equal logits.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.total_variation_from_logits`.

    Examples
    --------
    >>> total_variation_from_logits([0.0, 0.0], [0.0, -np.inf])
    0.5
    """
    with np.errstate(all="ignore"):
        pair = _logit_pair(p_logits, q_logits, temperature)
        return row_result(abs(pair.difference()).sum() * 0.5)


def _expected_cost(p: FloatArray, q: FloatArray) -> DoubleDouble:
    """Sum of -p log q."""
    return Given(p).times(-log(double_double(q))).sum()


def _log_quotient(q: FloatArray, p: FloatArray) -> DoubleDouble:
    """log(q / p): by log1p of (q - p) / p where the two are close, else by two logarithms; 0 where both are 0."""
    mantissa, exponent = np.frexp(p)  # p may be subnormal: the quotient is formed of numbers near 1
    scaled = np.ldexp(q, -exponent)
    close = (scaled > 0.5 * mantissa) & (scaled < 2.0 * mantissa)
    excess = where(close, exact_sum(scaled, -mantissa), 0.0) / np.where(close, mantissa, 1.0)
    apart = log(double_double(q)) - log(double_double(p))
    return where((p == 0.0) & (q == 0.0), 0.0, where(close, log1p(excess), apart))


def _probability_pair(p: ArrayLike, q: ArrayLike) -> tuple[FloatArray, FloatArray]:
    given, believed = _checks.probabilities("p", p), _checks.probabilities("q", q)
    _checks.same_shape("p", given, "q", believed)
    return given, believed


def _logit_pair(p_logits: ArrayLike, q_logits: ArrayLike, temperature: float) -> SoftenedPair:
    temperature = _checks.temperature(temperature)
    a, b = _checks.logits("p_logits", p_logits), _checks.logits("q_logits", q_logits)
    _checks.same_shape("p_logits", a, "q_logits", b)
    return soften_pair(a, b, temperature)
