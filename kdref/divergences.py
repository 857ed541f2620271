r"""How far apart two distributions are: entropy, cross entropy, Kullback-Leibler, Jensen-Shannon, total variation.

Two spaces, two names: ``kl_divergence(p, q)`` takes rows of probabilities, ``kl_divergence_from_logits(p_logits,
q_logits)`` rows of logits that it softens.  Arguments stand in mathematical order, rows go in and rows come out, a
single row gives a builtin ``float``.  Everything is in nats, with :math:`0 \log 0 = 0`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._arithmetic import compensated_sum, expm1_minus_identity
from kdref._checks import FloatArray
from kdref._softened import SoftenedPair, soften, soften_pair

Weigh = Callable[[FloatArray], FloatArray]
"""Multiplies an array by the entries of a distribution, giving 0 where the distribution is 0."""

STEEP = 700.0
"""Beyond this the exponential of a log-ratio may overflow."""

LARGE = 0.7
"""Above this log(m/p) is better taken from log(m/q) and the gap; below it their sum cancels."""


def entropy(p: ArrayLike) -> float | FloatArray:
    r"""Entropy of each row of probabilities.

    .. math::

        H(p) = -\sum_{i=1}^{C} p_i \log p_i

    Parameters
    ----------
    p : array_like, shape (..., C)
        Rows of probabilities.

    Returns
    -------
    float or ndarray, shape (...)
        In nats: 0 for a one-hot row, :math:`\log C` for a uniform one.

    Raises
    ------
    TypeError
        If ``p`` does not hold real numbers.
    ValueError
        If an entry is negative or NaN, or a row's sum differs from 1 by more
        than 1e-6 (2e-3 for float16 input).

    See Also
    --------
    entropy_from_logits : the same of softened logits.

    Examples
    --------
    A fair coin holds log 2.

    >>> round(entropy([0.5, 0.5]), 6)
    0.693147
    >>> entropy([[1.0, 0.0], [0.5, 0.5]]).round(6)
    array([0.      , 0.693147])
    """
    p = _checks.probabilities("p", p)
    return _checks.row_result(_expected_cost(p, p))


def cross_entropy(p: ArrayLike, q: ArrayLike) -> float | FloatArray:
    r"""Cross entropy of each pair of rows: the cost of coding p with a code made for q.

    .. math::

        H(p, q) = -\sum_{i=1}^{C} p_i \log q_i = H(p) + \mathrm{KL}(p \,\|\, q)

    Parameters
    ----------
    p, q : array_like, shape (..., C)
        Rows of probabilities.

    Returns
    -------
    float or ndarray, shape (...)
        In nats; ``inf`` where :math:`p_i > 0 = q_i`.

    Raises
    ------
    TypeError, ValueError
        As for `entropy`; also if the shapes differ.

    See Also
    --------
    cross_entropy_grad : its gradient with respect to q.
    cross_entropy_from_logits : the same of softened logits.

    Examples
    --------
    With p on one class this is minus the logarithm of q there: log 4.

    >>> round(cross_entropy([1.0, 0.0], [0.25, 0.75]), 6)
    1.386294
    """
    return _checks.row_result(_expected_cost(*_probability_pair(p, q)))


def cross_entropy_grad(p: ArrayLike, q: ArrayLike) -> FloatArray:
    r"""Gradient of `cross_entropy` with respect to q, entry by entry.

    .. math::

        \frac{\partial H(p, q)}{\partial q_i} = -\frac{p_i}{q_i}

    Each :math:`q_i` counts as free: the rows that keep the sum at 1 are reached by the chain rule, for
    example through `softmax_vjp`.

    Parameters
    ----------
    p, q : array_like, shape (..., C)
        Rows of probabilities.

    Returns
    -------
    ndarray, shape (..., C)
        Zero where :math:`p_i = 0`.

    Raises
    ------
    TypeError, ValueError
        As for `cross_entropy`; also where :math:`p_i > 0 = q_i`.

    Examples
    --------
    >>> cross_entropy_grad([0.5, 0.5], [0.25, 0.75]).round(6)
    array([-2.      , -0.666667])
    """
    p, q = _probability_pair(p, q)
    _checks.divisible("q", q, "p", p)
    return np.where(p > 0.0, -p, 0.0) / np.where(p > 0.0, q, 1.0)


def kl_divergence(p: ArrayLike, q: ArrayLike) -> float | FloatArray:
    r"""Kullback-Leibler divergence of each pair of rows of probabilities.

    .. math::

        \mathrm{KL}(p \,\|\, q) = \sum_{i=1}^{C} p_i \log \frac{p_i}{q_i}

    Parameters
    ----------
    p : array_like, shape (..., C)
        Rows of probabilities, the ones taken to be true.
    q : array_like, shape (..., C)
        Rows of probabilities, the ones believed.

    Returns
    -------
    float or ndarray, shape (...)
        In nats; 0 exactly for equal rows, ``inf`` where :math:`p_i > 0 = q_i`.

    Raises
    ------
    TypeError, ValueError
        As for `cross_entropy`.

    See Also
    --------
    kl_divergence_grad : its gradient with respect to q.
    kl_divergence_from_logits : the same of softened logits; accurate at any distance.

    Notes
    -----
    With :math:`d_i = \log(q_i / p_i)` and :math:`\varphi(d) = e^d - 1 - d \ge 0`,

    .. math::

        \sum_i p_i \log \frac{p_i}{q_i} = \sum_i p_i \varphi(d_i) + \sum_i (p_i - q_i).

    The first sum has no negative term.  The second one is zero for exact
    probabilities, but rows rounded to float64 sum to 1 within about 1e-16 only:
    the value of the definition, which is returned, may therefore be a hair
    negative, and keeps fewer digits where the two sums nearly cancel.  From
    logits neither happens.

    References
    ----------
    .. [1] S. Kullback, R. A. Leibler, "On Information and Sufficiency",
       1951.

    Examples
    --------
    The article's pair: a teacher's soft labels and a student's prediction.

    >>> round(kl_divergence([0.554, 0.218, 0.228], [0.26, 0.32, 0.42]), 6)
    0.19613

    One bit is log 2.

    >>> round(kl_divergence([1.0, 0.0], [0.5, 0.5]), 6)
    0.693147
    """
    p, q = _probability_pair(p, q)
    gap = _log_quotient(q, p)
    defect = compensated_sum(np.concatenate([p, -q], axis=-1))
    return _checks.row_result(_bregman_sum(p, _weigh_by(p), q, gap) + defect)


def kl_divergence_grad(p: ArrayLike, q: ArrayLike) -> FloatArray:
    r"""Gradient of `kl_divergence` with respect to q, entry by entry.

    .. math::

        \frac{\partial\, \mathrm{KL}(p \,\|\, q)}{\partial q_i} = -\frac{p_i}{q_i}

    The same as for `cross_entropy`: the two differ by the entropy of p, in which q does not occur.

    Parameters
    ----------
    p, q : array_like, shape (..., C)
        Rows of probabilities.

    Returns
    -------
    ndarray, shape (..., C)
        Zero where :math:`p_i = 0`.

    Raises
    ------
    TypeError, ValueError
        As for `cross_entropy_grad`.

    Examples
    --------
    >>> kl_divergence_grad([0.5, 0.5], [0.25, 0.75]).round(6)
    array([-2.      , -0.666667])
    """
    return cross_entropy_grad(p, q)


def js_divergence(p: ArrayLike, q: ArrayLike, *, beta: float = 0.5) -> float | FloatArray:
    r"""Generalised Jensen-Shannon divergence of each pair of rows of probabilities.

    .. math::

        \mathrm{JS}_\beta(p, q) = \beta\, \mathrm{KL}(p \,\|\, m) + (1 - \beta)\, \mathrm{KL}(q \,\|\, m),
        \qquad m = \beta p + (1 - \beta) q

    Parameters
    ----------
    p, q : array_like, shape (..., C)
        Rows of probabilities.
    beta : float, default 0.5
        Weight of p, in [0, 1]; at both ends the divergence is 0.

    Returns
    -------
    float or ndarray, shape (...)
        In nats, between 0 and the entropy of :math:`(\beta, 1 - \beta)`, so at
        most log 2.

    Raises
    ------
    TypeError, ValueError
        As for `cross_entropy`; also if ``beta`` lies outside [0, 1].

    See Also
    --------
    js_divergence_from_logits : the same of softened logits.

    Examples
    --------
    Two rows without a common class are as far apart as can be: log 2.

    >>> round(js_divergence([1.0, 0.0], [0.0, 1.0]), 6)
    0.693147
    """
    p, q = _probability_pair(p, q)
    beta = _checks.fraction("beta", beta)
    return _checks.row_result(_js_rows(p, _weigh_by(p), q, _weigh_by(q), _log_quotient(q, p), beta))


def total_variation(p: ArrayLike, q: ArrayLike) -> float | FloatArray:
    r"""Total variation distance of each pair of rows of probabilities.

    .. math::

        \mathrm{TV}(p, q) = \frac{1}{2} \sum_{i=1}^{C} |p_i - q_i|

    Parameters
    ----------
    p, q : array_like, shape (..., C)
        Rows of probabilities.

    Returns
    -------
    float or ndarray, shape (...)
        Between 0 and 1: the largest difference in the probability of any event.

    Raises
    ------
    TypeError, ValueError
        As for `cross_entropy`.

    See Also
    --------
    total_variation_from_logits : the same of softened logits.

    Examples
    --------
    >>> total_variation([0.75, 0.25], [0.5, 0.5])
    0.25
    """
    p, q = _probability_pair(p, q)
    return _checks.row_result(abs(q - p).sum(axis=-1) / 2.0)


def entropy_from_logits(logits: ArrayLike, *, temperature: float = 1.0) -> float | FloatArray:
    r"""Entropy of each row of softened logits.

    .. math::

        H(p) = -\sum_{i=1}^{C} p_i \log p_i, \qquad p = \mathrm{softmax}(z / T)

    Parameters
    ----------
    logits : array_like, shape (..., C)
        Unnormalised scores :math:`z`.
    temperature : float, default 1.0
        :math:`T > 0`.

    Returns
    -------
    float or ndarray, shape (...)
        In nats.

    Raises
    ------
    TypeError, ValueError
        As for `softmax`.

    Examples
    --------
    Equal logits hold log C at any temperature.

    >>> round(entropy_from_logits([7.0, 7.0], temperature=3.0), 6)
    0.693147
    """
    temperature = _checks.temperature(temperature)
    return _checks.row_result(soften(_checks.logits("logits", logits), temperature).entropy())


def cross_entropy_from_logits(
    p_logits: ArrayLike, q_logits: ArrayLike, *, temperature: float = 1.0
) -> float | FloatArray:
    r"""Cross entropy of each pair of rows of softened logits.

    .. math::

        H(p, q) = -\sum_{i=1}^{C} p_i \log q_i, \qquad
        p = \mathrm{softmax}(a / T), \quad q = \mathrm{softmax}(b / T)

    Parameters
    ----------
    p_logits, q_logits : array_like, shape (..., C)
        Unnormalised scores :math:`a` of p and :math:`b` of q.
    temperature : float, default 1.0
        :math:`T > 0`, applied to both sides.

    Returns
    -------
    float or ndarray, shape (...)
        In nats; ``inf`` where q excludes a class to which p gives mass.

    Raises
    ------
    TypeError, ValueError
        As for `softmax`; also if the shapes differ.

    Examples
    --------
    Undecided q: log 2, whatever p is.

    >>> round(cross_entropy_from_logits([3.0, 1.0], [0.0, 0.0]), 6)
    0.693147
    """
    pair = _logit_pair(p_logits, q_logits, temperature)
    return _checks.row_result(cross_entropy_rows(pair))


def kl_divergence_from_logits(
    p_logits: ArrayLike, q_logits: ArrayLike, *, temperature: float = 1.0
) -> float | FloatArray:
    r"""Kullback-Leibler divergence of each pair of rows of softened logits.

    .. math::

        \mathrm{KL}(p \,\|\, q) = \sum_{i=1}^{C} p_i \log \frac{p_i}{q_i}, \qquad
        p = \mathrm{softmax}(a / T), \quad q = \mathrm{softmax}(b / T)

    Parameters
    ----------
    p_logits, q_logits : array_like, shape (..., C)
        Unnormalised scores :math:`a` of p and :math:`b` of q.
    temperature : float, default 1.0
        :math:`T > 0`, applied to both sides.

    Returns
    -------
    float or ndarray, shape (...)
        In nats; never negative, 0 exactly for equal logits, ``inf`` where q
        excludes a class to which p gives mass.

    Raises
    ------
    TypeError, ValueError
        As for `cross_entropy_from_logits`.

    See Also
    --------
    kl_divergence : the same of given probabilities.

    Notes
    -----
    The sum of :math:`p_i (\log p_i - \log q_i)` subtracts nearly equal terms when
    the two agree: its error stays near 1e-16 while the value falls with the square
    of their distance.  Since :math:`\sum_i p_i (e^{d_i} - 1) = \sum_i (q_i - p_i) = 0` for
    :math:`d_i = \log q_i - \log p_i`, it equals

    .. math::

        \mathrm{KL}(p \,\|\, q) = \sum_{i=1}^{C} p_i \varphi(d_i), \qquad \varphi(d) = e^d - 1 - d \ge 0,

    which has no negative term, and :math:`d` is taken from the differences of the
    logits, not from two logarithms.

    Examples
    --------
    p = (3/4, 1/4) and q = (1/2, 1/2): 3/4 log(3/2) + 1/4 log(1/2).

    >>> import numpy as np
    >>> round(kl_divergence_from_logits(np.log([3.0, 1.0]), [0.0, 0.0]), 6)
    0.130812

    A difference of 1e-9 in one logit: p (1 - p) / 2 of its square.

    >>> round(kl_divergence_from_logits([1e-9, 0.0], [0.0, 0.0]) * 1e18, 6)
    0.125
    """
    pair = _logit_pair(p_logits, q_logits, temperature)
    return _checks.row_result(kl_rows(pair))


def js_divergence_from_logits(
    p_logits: ArrayLike, q_logits: ArrayLike, *, temperature: float = 1.0, beta: float = 0.5
) -> float | FloatArray:
    r"""Generalised Jensen-Shannon divergence of each pair of rows of softened logits.

    .. math::

        \mathrm{JS}_\beta(p, q) = \beta\, \mathrm{KL}(p \,\|\, m) + (1 - \beta)\, \mathrm{KL}(q \,\|\, m),
        \qquad m = \beta p + (1 - \beta) q

    Parameters
    ----------
    p_logits, q_logits : array_like, shape (..., C)
        Unnormalised scores of p and of q.
    temperature : float, default 1.0
        :math:`T > 0`, applied to both sides.
    beta : float, default 0.5
        Weight of p, in [0, 1]; at both ends the divergence is 0.

    Returns
    -------
    float or ndarray, shape (...)
        In nats; never negative, 0 exactly for equal logits, finite always.

    Raises
    ------
    TypeError, ValueError
        As for `cross_entropy_from_logits`; also if ``beta`` lies outside [0, 1].

    Examples
    --------
    Classes that the other side excludes: log 2.

    >>> import numpy as np
    >>> round(js_divergence_from_logits([0.0, -np.inf], [-np.inf, 0.0]), 6)
    0.693147
    """
    pair = _logit_pair(p_logits, q_logits, temperature)
    return _checks.row_result(js_rows(pair, _checks.fraction("beta", beta)))


def total_variation_from_logits(
    p_logits: ArrayLike, q_logits: ArrayLike, *, temperature: float = 1.0
) -> float | FloatArray:
    r"""Total variation distance of each pair of rows of softened logits.

    .. math::

        \mathrm{TV}(p, q) = \frac{1}{2} \sum_{i=1}^{C} |p_i - q_i|, \qquad
        p = \mathrm{softmax}(a / T), \quad q = \mathrm{softmax}(b / T)

    Parameters
    ----------
    p_logits, q_logits : array_like, shape (..., C)
        Unnormalised scores :math:`a` of p and :math:`b` of q.
    temperature : float, default 1.0
        :math:`T > 0`, applied to both sides.

    Returns
    -------
    float or ndarray, shape (...)
        Between 0 and 1; 0 exactly for equal logits.

    Raises
    ------
    TypeError, ValueError
        As for `cross_entropy_from_logits`.

    Examples
    --------
    p = (3/4, 1/4) and q = (1/2, 1/2).

    >>> import numpy as np
    >>> round(total_variation_from_logits(np.log([3.0, 1.0]), [0.0, 0.0]), 6)
    0.25
    """
    pair = _logit_pair(p_logits, q_logits, temperature)
    return _checks.row_result(abs(pair.difference()).sum(axis=-1) / 2.0)


def cross_entropy_rows(pair: SoftenedPair) -> FloatArray:
    """H(p, q) of each row: every term is at least zero."""
    return np.where(pair.infinite_rows(), np.inf, pair.p.times(-pair.q.log_p).sum(axis=-1))


def kl_rows(pair: SoftenedPair) -> FloatArray:
    """KL(p, q) of each row, in its Bregman form; infinite even if what p gives an excluded class underflows."""
    finite = _bregman_sum(pair.p.p, pair.p.times, pair.q.p, pair.gap)
    return np.where(pair.infinite_rows(), np.inf, finite)


def js_rows(pair: SoftenedPair, beta: float) -> FloatArray:
    """Generalised JS of each row; ``beta`` weights p."""
    return _js_rows(pair.p.p, pair.p.times, pair.q.p, pair.q.times, pair.gap, beta)


def _bregman_sum(p: FloatArray, weigh: Weigh, q: FloatArray, gap: FloatArray) -> FloatArray:
    r"""Sum of :math:`p \varphi(d)` for d = log q/p, which is :math:`q - p - p d` where q outweighs the rest."""
    near = weigh(expm1_minus_identity(np.minimum(gap, 2.0)))
    far = (q - p) - weigh(gap)
    terms: FloatArray = np.where(gap <= 2.0, near, far)  # far is q where p is 0
    return np.asarray(terms.sum(axis=-1))


def _js_rows(
    p: FloatArray, weigh_p: Weigh, q: FloatArray, weigh_q: Weigh, gap: FloatArray, beta: float
) -> FloatArray:
    if beta in (0.0, 1.0):  # the mixture is one of the two, and the other has no weight
        return np.zeros(p.shape[:-1])
    to_p, to_q = mixture_gaps(gap, beta)
    mixture = beta * p + (1.0 - beta) * q
    from_p = _bregman_sum(p, weigh_p, mixture, to_p)
    return beta * from_p + (1.0 - beta) * _bregman_sum(q, weigh_q, mixture, to_q)


def mixture_gaps(gap: FloatArray, beta: float) -> tuple[FloatArray, FloatArray]:
    """log(m/p) and log(m/q) for m = beta p + (1 - beta) q; where one is large, from the other and the gap."""
    with np.errstate(
        all="ignore"
    ):  # an infinite gap leaves log beta or log(1 - beta) on the other side
        to_p = _log_mixed(np.minimum(gap, STEEP), beta, 1.0 - beta)
        to_q = _log_mixed(np.minimum(-gap, STEEP), 1.0 - beta, beta)
        far_from_p = (to_p > LARGE) | (gap > STEEP)
        far_from_q = (to_q > LARGE) | (gap < -STEEP)
        return np.where(far_from_p, gap + to_q, to_p), np.where(far_from_q, to_p - gap, to_q)


def _log_mixed(d: FloatArray, stay: float, move: float) -> FloatArray:
    """log(stay + move e^d) for stay + move = 1: by log1p unless that would cancel."""
    grown = move * np.expm1(d)
    return np.where(grown > -0.5, np.log1p(grown), np.log(stay + move * np.exp(d)))


def _log_quotient(q: FloatArray, p: FloatArray) -> FloatArray:
    """log(q / p): by log1p where they are close, by two logarithms where the quotient leaves the range."""
    with np.errstate(all="ignore"):  # 0 / 0 and q / 0: p is 0 there and the result is not used
        quotient = q / p
        within = (quotient > 1e-300) & (quotient < 1e300)
        far = np.where(within, np.log(quotient), np.log(q) - np.log(p))
        return np.where(abs(quotient - 1.0) < 0.5, np.log1p((q - p) / p), far)


def _expected_cost(p: FloatArray, q: FloatArray) -> FloatArray:
    """Sum of -p log q; adding 0 turns the -0 of a certain row into 0."""
    with np.errstate(divide="ignore"):  # log 0, where p may be 0 too
        costs = _weigh_by(p)(-np.log(q))
    return np.asarray(costs.sum(axis=-1) + 0.0)


def _weigh_by(p: FloatArray) -> Weigh:
    def weigh(values: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore"):  # 0 * inf, discarded
            return np.where(p > 0.0, p * values, 0.0)

    return weigh


def _probability_pair(p: ArrayLike, q: ArrayLike) -> tuple[FloatArray, FloatArray]:
    p, q = _checks.probabilities("p", p), _checks.probabilities("q", q)
    _checks.same_shape("p", p, "q", q)
    return p, q


def _logit_pair(p_logits: ArrayLike, q_logits: ArrayLike, temperature: float) -> SoftenedPair:
    temperature = _checks.temperature(temperature)
    a, b = _checks.logits("p_logits", p_logits), _checks.logits("q_logits", q_logits)
    _checks.same_shape("p_logits", a, "q_logits", b)
    return soften_pair(a, b, temperature)
