r"""The losses and their gradients, each value and each entry correctly rounded but for near ties.

Arguments, shapes, weights and errors are those of the functions of the same names in `kdref.losses`.  As there,
:math:`p = \mathrm{softmax}(t / T)` is the teacher's and :math:`q = \mathrm{softmax}(s / T)` the student's distribution.
A mean over examples is rounded once, after the last of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray, IntArray
from kdref.exact._mixture import js_rows, log_student_share
from kdref.exact._rows import labelled_rows, logit_rows
from kdref.exact._softened import needed_scale, relative_difference, soften, soften_pair
from kdref.exact.double_double import DoubleDouble, exact_product, exact_sum, where
from kdref.exact.elementary import expm1


def hard_label_loss(
    student_logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None
) -> float:
    r"""Cross entropy of the student with the true labels, at temperature 1.

    .. math::

        L = -\frac{1}{N} \sum_{i=1}^{N} \log r_{i y_i}, \qquad r_i = \mathrm{softmax}(s_i)

    Parameters
    ----------
    student_logits, labels, weights
        See `kdref.hard_label_loss`.

    Returns
    -------
    float
        Mean over the N examples, in nats.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.hard_label_loss`.

    Examples
    --------
    >>> hard_label_loss([[0.0, 0.0]], [1])
    0.6931471805599453
    """
    student, ids, rows = labelled_rows(student_logits, labels, weights)
    with np.errstate(all="ignore"):
        return rows.mean(_hard_rows(student, ids))


def hard_label_loss_grad(
    student_logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None
) -> FloatArray:
    r"""Gradient of `hard_label_loss` with respect to ``student_logits``.

    .. math::

        \frac{\partial L}{\partial s_{ik}} = \frac{r_{ik} - \delta_{k y_i}}{N}

    At the label, :math:`r_y - 1` is ``expm1(log r_y)``.

    Parameters
    ----------
    student_logits, labels, weights
        See `kdref.hard_label_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero within rounding.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.hard_label_loss_grad`.

    Examples
    --------
    >>> hard_label_loss_grad([[0.0, 0.0]], [1]).tolist()
    [[0.5, -0.5]]
    """
    student, ids, rows = labelled_rows(student_logits, labels, weights)
    with np.errstate(all="ignore"):
        return rows.mean_grad(_hard_row_grads(student, ids))


def soft_cross_entropy_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
) -> float:
    r"""Cross entropy of the student's softened distribution with the teacher's.

    .. math::

        L = -\frac{1}{N} \sum_{i=1}^{N} \sum_{k=1}^{C} p_{ik} \log q_{ik}

    Parameters
    ----------
    student_logits, teacher_logits, temperature, weights
        See `kdref.soft_cross_entropy_loss`.

    Returns
    -------
    float
        Mean over the N examples, in nats.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.soft_cross_entropy_loss`.

    Examples
    --------
    >>> soft_cross_entropy_loss([[0.0, 0.0]], [[1.0, 3.0]])
    0.6931471805599453
    """
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    with np.errstate(all="ignore"):
        return rows.mean(soften_pair(teacher, student, temperature).cross_entropy())


def soft_cross_entropy_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `soft_cross_entropy_loss` with respect to ``student_logits``.

    .. math::

        \frac{\partial L}{\partial s_{ik}} = \frac{q_{ik} - p_{ik}}{N T}

    Parameters
    ----------
    student_logits, teacher_logits, temperature, weights
        See `kdref.soft_cross_entropy_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        The same array as `forward_kl_loss_grad`.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.soft_cross_entropy_loss_grad`.

    Examples
    --------
    >>> soft_cross_entropy_loss_grad([[0.0, 0.0]], [[0.0, -np.inf]]).tolist()
    [[-0.5, 0.5]]
    """
    return forward_kl_loss_grad(
        student_logits, teacher_logits, temperature=temperature, weights=weights
    )


def forward_kl_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
) -> float:
    r"""KL divergence from the teacher's softened distribution to the student's.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \mathrm{KL}(p_i \,\|\, q_i)

    Parameters
    ----------
    student_logits, teacher_logits, temperature, weights
        See `kdref.forward_kl_loss`.

    Returns
    -------
    float
        Mean over the N examples, in nats.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.forward_kl_loss`.

    Examples
    --------
    >>> forward_kl_loss([[0.0, 0.0]], [[0.0, -np.inf]])
    0.6931471805599453
    """
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    with np.errstate(all="ignore"):
        return rows.mean(soften_pair(teacher, student, temperature).kl())


def forward_kl_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `forward_kl_loss` with respect to ``student_logits``.

    .. math::

        \frac{\partial L}{\partial s_{ik}} = \frac{q_{ik} - p_{ik}}{N T}

    Parameters
    ----------
    student_logits, teacher_logits, temperature, weights
        See `kdref.forward_kl_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero within rounding.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.forward_kl_loss_grad`.

    Examples
    --------
    >>> forward_kl_loss_grad([[0.0, 0.0]], [[0.0, -np.inf]]).tolist()
    [[-0.5, 0.5]]
    """
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    with np.errstate(all="ignore"):
        pair = soften_pair(teacher, student, temperature)
        return rows.mean_grad(pair.difference() / temperature)


def reverse_kl_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
) -> float:
    r"""KL divergence from the student's softened distribution to the teacher's.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \mathrm{KL}(q_i \,\|\, p_i)

    Parameters
    ----------
    student_logits, teacher_logits, temperature, weights
        See `kdref.reverse_kl_loss`.

    Returns
    -------
    float
        Mean over the N examples, in nats.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.reverse_kl_loss`.

    Examples
    --------
    >>> reverse_kl_loss([[0.0, -np.inf]], [[0.0, 0.0]])
    0.6931471805599453
    """
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    with np.errstate(all="ignore"):
        return rows.mean(soften_pair(student, teacher, temperature).kl())


def reverse_kl_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `reverse_kl_loss` with respect to ``student_logits``.

    .. math::

        \frac{\partial L}{\partial s_{ik}}
            = \frac{1}{N T} q_{ik} \Bigl(\log \frac{q_{ik}}{p_{ik}} - \mathrm{KL}(q_i \,\|\, p_i)\Bigr)

    Only differences of :math:`\log q / p` within a row matter, and those are differences of the logits: no
    normaliser occurs.

    Parameters
    ----------
    student_logits, teacher_logits, temperature, weights
        See `kdref.reverse_kl_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero within rounding.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.reverse_kl_loss_grad`.

    Examples
    --------
    >>> reverse_kl_loss_grad([[0.0, -np.inf]], [[0.0, 0.0]]).tolist()
    [[0.0, 0.0]]
    """
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    with np.errstate(all="ignore"):
        missing = np.isneginf(teacher) & ~np.isneginf(student)
        _checks.finite_rows(
            "reverse_kl_loss",
            np.asarray(missing.any(axis=-1)),
            rows.kept,
            "the teacher excludes a class of the student's",
        )
        scale = needed_scale(temperature, teacher, student)
        q = soften(student, temperature, scale)
        slope = relative_difference(teacher, student, q.top, scale) / temperature
        return rows.mean_grad((q.backward(slope) / temperature).times_power_of_two(scale))


def generalised_js_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    beta: float = 0.5,
    weights: ArrayLike | None = None,
) -> float:
    r"""Generalised Jensen-Shannon divergence between teacher and student.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \bigl[\beta\, \mathrm{KL}(p_i \,\|\, m_i)
            + (1 - \beta)\, \mathrm{KL}(q_i \,\|\, m_i)\bigr], \qquad m_i = \beta p_i + (1 - \beta) q_i

    Parameters
    ----------
    student_logits, teacher_logits, temperature, beta, weights
        See `kdref.generalised_js_loss`.

    Returns
    -------
    float
        Mean over the N examples, in nats.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.generalised_js_loss`.

    Examples
    --------
    >>> generalised_js_loss([[0.0, -np.inf]], [[-np.inf, 0.0]])
    0.6931471805599453
    """
    temperature, beta = _checks.temperature(temperature), _checks.fraction("beta", beta)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    with np.errstate(all="ignore"):
        pair = soften_pair(teacher, student, temperature)
        return rows.mean(js_rows(pair.p, pair.q, pair.gap, beta))


def generalised_js_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    beta: float = 0.5,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `generalised_js_loss` with respect to ``student_logits``.

    .. math::

        g_k = (1 - \beta) \log \frac{q_k}{m_k}, \qquad
        \frac{\partial L}{\partial s_{ik}} = \frac{1}{N T} q_{ik} \Bigl(g_{ik} - \sum_j q_{ij} g_{ij}\Bigr)

    Parameters
    ----------
    student_logits, teacher_logits, temperature, beta, weights
        See `kdref.generalised_js_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero within rounding.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.generalised_js_loss_grad`.

    Examples
    --------
    >>> generalised_js_loss_grad([[0.0, 0.0]], [[2.0, 2.0]]).tolist()
    [[0.0, 0.0]]
    """
    temperature, beta = _checks.temperature(temperature), _checks.fraction("beta", beta)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    if beta in (0.0, 1.0):
        return np.zeros((rows.n_rows, student.shape[1]))
    with np.errstate(all="ignore"):
        pair = soften_pair(teacher, student, temperature)
        top, scale = pair.q.top, pair.q.scale
        scaled = relative_difference(teacher, student, top, scale) / temperature
        shares = log_student_share(pair, beta, scaled.times_power_of_two(scale))
        factor = exact_sum(np.asarray(1.0), np.asarray(-beta)) / temperature
        return rows.mean_grad(pair.q.backward(shares) * factor)


def distillation_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    labels: ArrayLike | None,
    *,
    temperature: float = 4.0,
    alpha: float = 0.9,
    weights: ArrayLike | None = None,
) -> float:
    r"""The distillation loss of Hinton, Vinyals and Dean.

    .. math::

        L = (1 - \alpha)\, \mathrm{CE}(y, r) + \alpha\, T^2\, \mathrm{KL}(p \,\|\, q), \qquad r = \mathrm{softmax}(s)

    averaged over the N examples.

    Parameters
    ----------
    student_logits, teacher_logits, labels, temperature, alpha, weights
        See `kdref.distillation_loss`.

    Returns
    -------
    float
        Mean over the N examples, in nats.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.distillation_loss`.

    Examples
    --------
    Half of log 2 for the label, and half of T² log 2 = 4 log 2 for the teacher.

    >>> distillation_loss([[0.0, 0.0]], [[0.0, -np.inf]], [1], temperature=2.0, alpha=0.5)
    1.7328679513998633
    """
    alpha = _checks.fraction("alpha", alpha)
    temperature = _checks.squarable_temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    ids = _labels(student_logits, labels, weights, alpha)
    with np.errstate(all="ignore"):
        total = DoubleDouble(np.zeros((len(student), 1)))
        if alpha > 0.0:
            square = exact_product(np.asarray(temperature), np.asarray(temperature))
            pair = soften_pair(teacher, student, temperature)
            soft = (
                pair.scaled_kl() * square * alpha
            )  # T² may bring back what 2^scale would push out
            total = total + soft.times_power_of_two(pair.p.scale)
        if ids is not None and alpha < 1.0:
            total = total + _hard_rows(student, ids) * _hard_weight(alpha)
        return rows.mean(total)


def distillation_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    labels: ArrayLike | None,
    *,
    temperature: float = 4.0,
    alpha: float = 0.9,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `distillation_loss` with respect to ``student_logits``.

    .. math::

        \frac{\partial L}{\partial s_{ik}} = \frac{1}{N} \bigl[(1 - \alpha) (r_{ik} - \delta_{k y_i})
            + \alpha\, T (q_{ik} - p_{ik})\bigr]

    The two terms may cancel; both are carried to 100 bits until their sum is rounded.

    Parameters
    ----------
    student_logits, teacher_logits, labels, temperature, alpha, weights
        See `kdref.distillation_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero within rounding.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.distillation_loss_grad`.

    Examples
    --------
    Half of (1/2, -1/2) for the label, and half of T (q - p) = 2 (-1/2, 1/2) for the teacher.

    >>> distillation_loss_grad(
    ...     [[0.0, 0.0]], [[0.0, -np.inf]], [1], temperature=2.0, alpha=0.5
    ... ).tolist()
    [[-0.25, 0.25]]
    """
    alpha = _checks.fraction("alpha", alpha)
    temperature = _checks.squarable_temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    ids = _labels(student_logits, labels, weights, alpha)
    with np.errstate(all="ignore"):
        soft = soften_pair(teacher, student, temperature).difference()
        total = soft * exact_product(np.asarray(temperature), np.asarray(alpha))
        if ids is not None:
            total = total + _hard_row_grads(student, ids) * _hard_weight(alpha)
        return rows.mean_grad(total)


def _labels(
    student_logits: ArrayLike, labels: ArrayLike | None, weights: ArrayLike | None, alpha: float
) -> IntArray | None:
    """The labels of the rows that count, or None where only the soft term does."""
    if labels is None:
        _checks.labels_needed(alpha)
        return None
    return labelled_rows(student_logits, labels, weights)[1]


def _hard_weight(alpha: float) -> DoubleDouble:
    """1 - alpha, exactly."""
    return exact_sum(np.asarray(1.0), np.asarray(-alpha))


def _hard_rows(student: FloatArray, ids: IntArray) -> DoubleDouble:
    """-log r_y of each row, shape (N, 1)."""
    return -soften(student, 1.0).log_p.pick(ids)


def _hard_row_grads(student: FloatArray, ids: IntArray) -> DoubleDouble:
    """Gradients with respect to the logits, r - onehot(y) of each row."""
    softened = soften(student, 1.0)
    at_label = np.arange(student.shape[1]) == ids
    return where(at_label, expm1(softened.log_p), softened.p)
