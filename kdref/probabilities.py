r"""Softmax, its logarithm and its derivative: from logits to probabilities, softened by a temperature.

All functions work on the last axis and accept any leading shape.  A logit of ``-inf`` excludes its class, which
then has probability exactly zero; NaN, ``+inf`` and a row of only ``-inf`` are refused.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import BoolArray, FloatArray
from kdref._softened import pick, soften

LARGEST_COTANGENT = 1e300
"""Differences of larger cotangents would overflow; below T = 1 the limit is this times T."""


def logsumexp(logits: ArrayLike) -> float | FloatArray:
    r"""Logarithm of the sum of exponentials of each row.

    .. math::

        \mathrm{lse}(z) = \log \sum_{i=1}^{C} e^{z_i}
            = z_k + \log\Bigl(1 + \sum_{i \ne k} e^{z_i - z_k}\Bigr), \qquad z_k = \max_i z_i

    Parameters
    ----------
    logits : array_like, shape (..., C)
        Unnormalised scores :math:`z`.

    Returns
    -------
    float or ndarray, shape (...)
        In nats; a builtin float for a single row.

    Raises
    ------
    TypeError
        If ``logits`` does not hold real numbers.
    ValueError
        If an entry is NaN or ``+inf``, or a row holds only ``-inf``.

    See Also
    --------
    log_softmax : the logits minus this.

    Notes
    -----
    The sum on the right leaves out its largest term, which is exactly 1, so that
    a rest of 1e-20 still counts.  The error is at most 2 ulp of
    :math:`\max(|z_k|, \log C)`: where the two terms cancel (the logits are
    already log-probabilities), float64 holds no more.

    Examples
    --------
    log(1 + 2 + 5) = log 8.

    >>> import numpy as np
    >>> round(logsumexp(np.log([1.0, 2.0, 5.0])), 6)
    2.079442
    >>> round(float(np.log(8.0)), 6)
    2.079442
    """
    z = _checks.logits("logits", logits)
    rows = soften(z, 1.0)
    return _checks.row_result((pick(z, rows.top) + np.log1p(rows.others))[..., 0])


def softmax(logits: ArrayLike, temperature: float = 1.0) -> FloatArray:
    r"""Probabilities of each row of logits, softened by a temperature.

    .. math::

        p_i = \frac{e^{z_i / T}}{\sum_{j=1}^{C} e^{z_j / T}}

    Parameters
    ----------
    logits : array_like, shape (..., C)
        Unnormalised scores :math:`z`.
    temperature : float, default 1.0
        :math:`T > 0`; above 1 it evens the probabilities out, towards 0 it
        leaves the largest alone.

    Returns
    -------
    ndarray, shape (..., C)
        Rows that sum to 1 within rounding.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers.
    ValueError
        If a logit is NaN or ``+inf``, a row holds only ``-inf``, or
        ``temperature`` is not a finite number above zero, 1e-100 at least.

    See Also
    --------
    log_softmax : its logarithm, finite where the probability underflows.
    softmax_vjp : its derivative, as backpropagation uses it.

    Notes
    -----
    The maximum is subtracted before the division by :math:`T`; dividing first
    would round away the digits that a common shift of the logits leaves.

    References
    ----------
    .. [1] G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a
       Neural Network", 2015, equation 1, arXiv:1503.02531.

    Examples
    --------
    Logits log 1, log 3 give 1/4 and 3/4; at T = 2 the weights are
    their square roots, 1 and 1.732.

    >>> import numpy as np
    >>> softmax(np.log([1.0, 3.0])).round(6)
    array([0.25, 0.75])
    >>> softmax(np.log([1.0, 3.0]), temperature=2.0).round(6)
    array([0.366025, 0.633975])
    """
    temperature = _checks.temperature(temperature)
    return soften(_checks.logits("logits", logits), temperature).p


def log_softmax(logits: ArrayLike, temperature: float = 1.0) -> FloatArray:
    r"""Logarithms of the softened probabilities of each row.

    .. math::

        \log p_i = \frac{z_i}{T} - \log \sum_{j=1}^{C} e^{z_j / T}

    Parameters
    ----------
    logits : array_like, shape (..., C)
        Unnormalised scores :math:`z`.
    temperature : float, default 1.0
        :math:`T > 0`.

    Returns
    -------
    ndarray, shape (..., C)
        Log-probabilities in nats, at most 0; ``-inf`` for excluded classes.

    Raises
    ------
    TypeError, ValueError
        As for `softmax`.

    See Also
    --------
    softmax : the probabilities themselves.

    Examples
    --------
    A gap of 2000 costs 2000 nats, although the probability underflows.

    >>> log_softmax([2000.0, 0.0]).tolist()
    [0.0, -2000.0]
    """
    temperature = _checks.temperature(temperature)
    return soften(_checks.logits("logits", logits), temperature).log_p


def softmax_jacobian(logits: ArrayLike, temperature: float = 1.0) -> FloatArray:
    r"""Derivatives of each probability with respect to each logit.

    .. math::

        \frac{\partial p_i}{\partial z_j} = \frac{1}{T} \, p_i (\delta_{ij} - p_j)

    Parameters
    ----------
    logits : array_like, shape (..., C)
        Unnormalised scores :math:`z`.
    temperature : float, default 1.0
        :math:`T > 0`.

    Returns
    -------
    ndarray, shape (..., C, C)
        Symmetric; rows and columns sum to zero.  A single probability row has
        C² of them, so use `softmax_vjp` where only a product is wanted.

    Raises
    ------
    TypeError, ValueError
        As for `softmax`.

    See Also
    --------
    softmax_vjp : a vector times this matrix without forming it.

    Notes
    -----
    :math:`1 - p_i` on the diagonal is the sum of the other probabilities, which
    does not cancel when :math:`p_i` is near 1.

    Examples
    --------
    At p = (1/4, 3/4) every entry is plus or minus 3/16.

    >>> import numpy as np
    >>> softmax_jacobian(np.log([1.0, 3.0])).round(6)
    array([[ 0.1875, -0.1875],
           [-0.1875,  0.1875]])
    """
    temperature = _checks.temperature(temperature)
    rows = soften(_checks.logits("logits", logits), temperature)
    jacobian = rows.p[..., :, np.newaxis] * -rows.p[..., np.newaxis, :]
    diagonal = np.arange(rows.p.shape[-1])
    at_top = rows.others / (1.0 + rows.others)
    complement = np.where(diagonal == rows.top, at_top, 1.0 - rows.p)
    jacobian[..., diagonal, diagonal] = rows.p * complement
    return jacobian / temperature


def softmax_vjp(logits: ArrayLike, cotangent: ArrayLike, temperature: float = 1.0) -> FloatArray:
    r"""A vector times the Jacobian of `softmax`: backpropagation through it.

    For a loss :math:`L` with :math:`g_i = \partial L / \partial p_i`,

    .. math::

        \frac{\partial L}{\partial z_j} = \sum_i g_i \frac{\partial p_i}{\partial z_j}
            = \frac{1}{T} \, p_j \Bigl(g_j - \sum_i p_i g_i\Bigr)

    Parameters
    ----------
    logits : array_like, shape (..., C)
        Unnormalised scores :math:`z`.
    cotangent : array_like, shape (..., C)
        :math:`g`, the derivative of something with respect to the probabilities.
    temperature : float, default 1.0
        :math:`T > 0`.

    Returns
    -------
    ndarray, shape (..., C)
        Rows that sum to zero: adding a constant to all logits changes nothing.

    Raises
    ------
    TypeError, ValueError
        As for `softmax`; also if the shapes differ or an entry of ``cotangent``
        is not within ±1e300 (±1e300 T for T < 1).

    See Also
    --------
    softmax_jacobian : the whole matrix.

    Examples
    --------
    With g = (1, 0) this is the first row of the Jacobian at p = (1/4, 3/4).

    >>> import numpy as np
    >>> softmax_vjp(np.log([1.0, 3.0]), [1.0, 0.0]).round(6)
    array([ 0.1875, -0.1875])
    """
    temperature = _checks.temperature(temperature)
    z = _checks.logits("logits", logits)
    g = _checks.bounded_array("cotangent", cotangent, LARGEST_COTANGENT * min(temperature, 1.0))
    _checks.same_shape("logits", z, "cotangent", g)
    rows = soften(z, temperature)
    return rows.backward(g - pick(g, rows.top)) / temperature


def one_hot(labels: ArrayLike, n_classes: int) -> FloatArray:
    r"""Integer labels as rows of probabilities, all on one class.

    .. math::

        p_i = \delta_{i y}

    Parameters
    ----------
    labels : array_like of int, shape (...)
        Class ids :math:`y`, from 0 to ``n_classes - 1``.
    n_classes : int
        :math:`C \ge 1`.

    Returns
    -------
    ndarray, shape (..., C)
        Ones at the labels, zeros elsewhere.

    Raises
    ------
    TypeError
        If ``labels`` or ``n_classes`` are not integers (whole floats included).
    ValueError
        If a label lies outside 0 .. ``n_classes - 1``.

    Examples
    --------
    >>> one_hot([0, 2], 3)
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    n_classes = _checks.count("n_classes", n_classes)
    ids = _checks.class_ids("labels", _checks.integers("labels", labels), n_classes)
    on: BoolArray = ids[..., np.newaxis] == np.arange(n_classes)
    return on.astype(np.float64)
