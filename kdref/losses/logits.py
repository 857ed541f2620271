r"""Losses between the logits themselves, and of logits that were standardised row by row.

No softmax stands between these losses and the logits, so that all logits must be finite.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray
from kdref._softened import SoftenedPair, soften_pair
from kdref.divergences import kl_rows
from kdref.losses._arguments import at_most, nonzero_rows
from kdref.losses._rows import Rows, logit_rows
from kdref.losses._vectors import Cosines, cosines, norms, unit_rows

STABILISER = 1e-7
"""Added to a row's standard deviation by the authors of the standardisation."""

LARGEST_STANDARDISED = 1e307
"""Logits of this size have a finite difference and a finite deviation."""


def logit_mse_loss(
    student_logits: ArrayLike, teacher_logits: ArrayLike, *, weights: ArrayLike | None = None
) -> float:
    r"""Mean squared difference of the logits.

    .. math::

        L = \frac{1}{N C} \sum_{i=1}^{N} \sum_{k=1}^{C} (s_{ik} - t_{ik})^2

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`; finite.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; finite constants, never differentiated.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples and C classes, in squared units of the logits; zero exactly for equal logits.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers.
    ValueError
        If an array is not 2-D, the shapes differ, an entry is NaN or infinite, or the weights are not usable.

    See Also
    --------
    forward_kl_loss : times :math:`T^2` it tends, as T grows, to half this loss of row-centred logits.

    Notes
    -----
    A constant added to a row of the student changes this loss, although it changes no probability.  The paper sums
    over the classes and halves; the mean over both axes is what libraries compute.

    References
    ----------
    .. [1] L. J. Ba, R. Caruana, "Do Deep Nets Really Need to be Deep?", 2014,
       equation 1, arXiv:1312.6184.

    Examples
    --------
    Differences 1 and 3: (1 + 9) / 2.

    >>> logit_mse_loss([[2.0, 0.0]], [[1.0, 3.0]])
    5.0
    """
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights, exclusion=False)
    with np.errstate(over="ignore"):  # a square beyond float64 is infinite
        return rows.mean(np.square(student - teacher).mean(axis=1))


def logit_mse_loss_grad(
    student_logits: ArrayLike, teacher_logits: ArrayLike, *, weights: ArrayLike | None = None
) -> FloatArray:
    r"""Gradient of `logit_mse_loss` with respect to ``student_logits``.

    .. math::

        \frac{\partial L}{\partial s_{ik}} = \frac{2 (s_{ik} - t_{ik})}{N C}

    Parameters
    ----------
    student_logits, teacher_logits, weights
        See `logit_mse_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows do not sum to zero: this loss minds a common shift.

    Raises
    ------
    TypeError, ValueError
        As for `logit_mse_loss`.

    Examples
    --------
    >>> logit_mse_loss_grad([[2.0, 0.0]], [[1.0, 3.0]])
    array([[ 1., -3.]])
    """
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights, exclusion=False)
    with np.errstate(over="ignore"):
        return rows.mean_grad(2.0 * (student - teacher) / student.shape[1])


def logit_cosine_loss(
    student_logits: ArrayLike, teacher_logits: ArrayLike, *, weights: ArrayLike | None = None
) -> float:
    r"""One minus the cosine of the angle between the two rows of logits.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \Bigl(1 - \frac{s_i \cdot t_i}{\|s_i\|\, \|t_i\|}\Bigr)

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`; finite, no row all zeros.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; finite constants, no row all zeros.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, between 0 and 2 and without unit; zero exactly for equal logits.  With one class the
        cosine is 1 or -1.

    Raises
    ------
    TypeError, ValueError
        As for `logit_mse_loss`; also if a row of either side is zero: it has no direction.

    Notes
    -----
    The scale of a row does not matter, a common shift does.  Computed from the part of :math:`s - t` at right angles
    to :math:`s`, so that a small angle keeps its digits.

    Examples
    --------
    (3, 4) and (4, 3) have the cosine 24/25.

    >>> round(logit_cosine_loss([[3.0, 4.0]], [[4.0, 3.0]]), 6)
    0.04
    """
    angles, rows = _logit_cosines(student_logits, teacher_logits, weights)
    return rows.mean(angles.deficit)


def logit_cosine_loss_grad(
    student_logits: ArrayLike, teacher_logits: ArrayLike, *, weights: ArrayLike | None = None
) -> FloatArray:
    r"""Gradient of `logit_cosine_loss` with respect to ``student_logits``.

    .. math::

        \frac{\partial L}{\partial s_i} = -\frac{\hat t_i - (\hat s_i \cdot \hat t_i)\, \hat s_i}{N \|s_i\|}
            = \frac{1}{N \|s_i\|\, \|t_i\|} \bigl(d_i - (d_i \cdot \hat s_i)\, \hat s_i\bigr), \qquad d_i = s_i - t_i

    Parameters
    ----------
    student_logits, teacher_logits, weights
        See `logit_cosine_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Each row is at right angles to the student's.  Its size is that of an angle over :math:`\|s_i\|`: entries
        beyond float64, of a student shorter than 1e-308, are infinite.

    Raises
    ------
    TypeError, ValueError
        As for `logit_cosine_loss`.

    Examples
    --------
    d = (-1, 1) and s/5 = (3/5, 4/5): d minus 1/5 of it is (-28, 21)/25, over 5 × 5.

    >>> logit_cosine_loss_grad([[3.0, 4.0]], [[4.0, 3.0]]).round(6)
    array([[-0.0448,  0.0336]])
    """
    angles, rows = _logit_cosines(student_logits, teacher_logits, weights)
    return rows.mean_grad(angles.grad)


def standardised_kl_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 2.0,
    ddof: int = 1,
    weights: ArrayLike | None = None,
) -> float:
    r"""Forward KL of logits that were centred and scaled to a standard deviation of one, row by row.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \mathrm{KL}(p_i \,\|\, q_i), \qquad
        p_i = \mathrm{softmax}(z(t_i) / T), \quad q_i = \mathrm{softmax}(z(s_i) / T)

    .. math::

        z(x) = \frac{x - \bar x}{10^{-7} + \sigma(x)}, \quad
        \sigma(x)^2 = \frac{1}{C - \mathrm{ddof}} \sum_{k=1}^{C} (x_k - \bar x)^2

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`; finite.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; finite constants, never differentiated.
    temperature : float, default 2.0
        :math:`T > 0`, applied to both standardised sides.
    ddof : int, default 1
        What is subtracted from C in the variance; below C.  The authors' code has 1, the paper's text 0.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats; zero exactly for equal logits.  A constant row becomes the uniform
        distribution.

    Raises
    ------
    TypeError, ValueError
        As for `logit_mse_loss`; also if ``temperature`` is not a finite number above zero or ``ddof`` not an integer
        from 0 to C - 1: with ``ddof`` 1, one class has no standard deviation; or if a logit lies beyond 1e307.

    Notes
    -----
    Follows the authors' code, from which the constant 1e-7 comes; the code multiplies by :math:`T^2` as well.
    Neither a shift nor a positive scale of a row of logits matters (up to that constant), so that the student need
    not reach the teacher's range.

    References
    ----------
    .. [1] S. Sun et al., "Logit Standardization in Knowledge Distillation",
       2024, section 4, arXiv:2403.01427.

    Examples
    --------
    Two classes become plus and minus 1/√2, whatever their gap: the student has the order reversed.
    KL is (2a - 1) √2 / T for a = 1 / (1 + exp(-√2 / T)); at T = √2, (e - 1)/(e + 1).

    >>> round(standardised_kl_loss([[0.0, 5.0]], [[3.0, 1.0]], temperature=2.0**0.5), 6)
    0.462117
    """
    pair, rows, *_ = _standardised(student_logits, teacher_logits, temperature, ddof, weights)
    return rows.mean(kl_rows(pair))


def standardised_kl_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 2.0,
    ddof: int = 1,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `standardised_kl_loss` with respect to ``student_logits``.

    With :math:`c = s_i - \bar s_i`, :math:`D = 10^{-7} + \sigma` and forward KL's gradient
    :math:`G = (q_i - p_i) / T` with respect to :math:`z`,

    .. math::

        \frac{\partial z_j}{\partial s_k}
            = \frac{\delta_{jk} - 1/C}{D} - \frac{c_j c_k}{(C - \mathrm{ddof})\, \sigma D^2}, \qquad
        \frac{\partial L}{\partial s_{ik}}
            = \frac{1}{N D} \Bigl(G_k - c_k \frac{G \cdot c}{(C - \mathrm{ddof})\, \sigma D}\Bigr)

    The part of G along c is worth only :math:`10^{-7} / D` of itself, and the two are kept apart: with two classes
    there is no other part.

    Parameters
    ----------
    student_logits, teacher_logits, temperature, ddof, weights
        See `standardised_kl_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero.  A constant row has :math:`D = 10^{-7}` and c = 0, hence the steep but finite gradient
        :math:`10^7 G / N`.

    Raises
    ------
    TypeError, ValueError
        As for `standardised_kl_loss`.

    Examples
    --------
    The student (1, 0, -1) has mean 0 and σ = 1, so z = s; the teacher is uniform. G = q - 1/3 is
    (0.331907, -0.088605, -0.243303), and half of G·c = 0.287605 goes off c.

    >>> standardised_kl_loss_grad([[1.0, 0.0, -1.0]], [[0.0, 0.0, 0.0]], temperature=1.0).round(6)
    array([[ 0.044302, -0.088605,  0.044302]])
    """
    pair, rows, centred, deviation, divisor = _standardised(
        student_logits, teacher_logits, temperature, ddof, weights
    )
    slopes = pair.difference() / divisor
    unit, _ = unit_rows(centred)
    unit = _mean_free(unit)  # a mean of subnormal logits is rounded too coarsely
    along = unit * _row_product(slopes, unit)
    # Two classes leave nothing across, and one subtraction would leave more of a rounding than there is gradient.
    across = slopes - along
    across = _mean_free(across - unit * _row_product(across, unit))
    scale = STABILISER + deviation
    return rows.mean_grad((across + along * (STABILISER / scale)) / scale)


def _row_product(left: FloatArray, right: FloatArray) -> FloatArray:
    return np.asarray((left * right).sum(axis=1, keepdims=True))


def _mean_free(rows: FloatArray) -> FloatArray:
    return np.asarray(rows - rows.mean(axis=1, keepdims=True))


def _logit_cosines(
    student_logits: ArrayLike, teacher_logits: ArrayLike, weights: ArrayLike | None
) -> tuple[Cosines, Rows]:
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights, exclusion=False)
    nonzero_rows("student_logits", student, rows)
    nonzero_rows("teacher_logits", teacher, rows)
    return cosines(student, teacher), rows


def _standardised(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    temperature: float,
    ddof: int,
    weights: ArrayLike | None,
) -> tuple[SoftenedPair, Rows, FloatArray, FloatArray, float]:
    """The softened pair of standardised rows; the rows; the student's c and σ; the checked temperature."""
    temperature = _checks.temperature(temperature)
    ddof = _checks.count("ddof", ddof, minimum=0)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights, exclusion=False)
    at_most("ddof", ddof, "C - 1", student.shape[1] - 1)
    for name, logits in (("student_logits", student), ("teacher_logits", teacher)):
        _checks.bounded_array(name, logits, LARGEST_STANDARDISED, row_numbers=rows.kept)
    centred, deviation = _centre(student, ddof)
    teacher_centred, teacher_deviation = _centre(teacher, ddof)
    pair = soften_pair(
        teacher_centred / (STABILISER + teacher_deviation),
        centred / (STABILISER + deviation),
        temperature,
    )
    return pair, rows, centred, deviation, temperature


def _centre(logits: FloatArray, ddof: int) -> tuple[FloatArray, FloatArray]:
    """Rows less their mean, and their standard deviations, shape (n, 1)."""
    n_classes = logits.shape[1]
    # Relative to the largest first: the digits of a common shift do not reach the mean.
    relative = logits - logits.max(axis=1, keepdims=True)
    centred = relative - (relative / n_classes).sum(axis=1, keepdims=True)
    return centred, norms(centred) / np.sqrt(n_classes - ddof)
