r"""Losses that take soft targets apart at the label, or weigh them by it.

Beside :math:`p = \mathrm{softmax}(t / T)` and :math:`q = \mathrm{softmax}(s / T)` there are the distributions over
the classes other than the label, :math:`\hat p_k = p_k / (1 - p_y)` and :math:`\hat q_k = q_k / (1 - q_y)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray, IntArray
from kdref._softened import SoftenedPair, pick, replace, soften, soften_pair
from kdref.divergences import cross_entropy_rows, kl_rows
from kdref.losses._arguments import enough_classes, not_both_infinite, without_label
from kdref.losses._groups import group
from kdref.losses._rows import Rows, kept_labels, logit_rows, term

STABILISER = 1e-7
"""Added to the teacher's cross entropy by the authors of the weighted soft label."""


def decoupled_kd_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    labels: ArrayLike,
    *,
    temperature: float = 4.0,
    target_weight: float = 1.0,
    non_target_weight: float = 8.0,
    weights: ArrayLike | None = None,
) -> float:
    r"""Forward KL in two parts with free weights: how sure of the label, and how the rest is shared out.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \bigl[\alpha\, \mathrm{KL}(b^t_i \,\|\, b^s_i)
            + \beta\, \mathrm{KL}(\hat p_i \,\|\, \hat q_i)\bigr], \qquad
        b^t = (p_y, 1 - p_y), \quad b^s = (q_y, 1 - q_y)

    with :math:`p_i = \mathrm{softmax}(t_i / T)`, :math:`q_i = \mathrm{softmax}(s_i / T)` and
    :math:`\hat p, \hat q` their shares among the classes other than the label.

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`; C of at least 2.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; constants, never differentiated.
    labels : array_like of int, shape (N,)
        True class ids :math:`y`, from 0 to C - 1.
    temperature : float, default 4.0
        :math:`T > 0`, applied to both sides.
    target_weight : float, default 1.0
        :math:`\alpha \ge 0`, of the target-class part (TCKD).
    non_target_weight : float, default 8.0
        :math:`\beta \ge 0`, of the non-target-class part (NCKD), which is 0 for two classes.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats; zero exactly for equal logits.  ``inf`` where a part with weight is.

    Raises
    ------
    TypeError, ValueError
        As for `distillation_loss`; also if a weight is not finite and at least 0, there is one class only, or one side
        excludes every class but the label: :math:`\hat p` or :math:`\hat q` does not exist.

    See Also
    --------
    forward_kl_loss : the same parts with the weights :math:`1` and :math:`1 - p_y`.

    Notes
    -----
    In plain forward KL the second part has the weight :math:`1 - p_y`: the surer the teacher, the less is learnt from
    its other classes.  The authors' code multiplies both parts by :math:`T^2`.

    References
    ----------
    .. [1] B. Zhao et al., "Decoupled Knowledge Distillation", 2022,
       equations 6 and 7, arXiv:2203.08679.

    Examples
    --------
    Teacher 2 : 1 : 1, student 1 : 2 : 1, label 0. Sure of it by 1/2 and 1/4: log(4/3)/2. Of the rest (1/2, 1/2)
    and (2/3, 1/3): log(9/8)/2.

    >>> import numpy as np
    >>> teacher, student = np.log([[2.0, 1.0, 1.0]]), np.log([[1.0, 2.0, 1.0]])
    >>> round(decoupled_kd_loss(student, teacher, [0], temperature=1.0, non_target_weight=0.0), 6)
    0.143841
    >>> round(decoupled_kd_loss(student, teacher, [0], temperature=1.0, target_weight=0.0), 6)
    0.471132
    >>> round(8.0 * float(np.log(9.0 / 8.0)) / 2.0, 6)
    0.471132
    """
    target_weight = _checks.not_negative("target_weight", target_weight)
    non_target_weight = _checks.not_negative("non_target_weight", non_target_weight)
    temperature = _checks.temperature(temperature)
    parts = _split(student_logits, teacher_logits, labels, temperature, weights)
    members = np.arange(parts.student.shape[1]) == parts.ids
    pair = soften_pair(parts.teacher, parts.student, temperature)
    target = group(pair, members).cost() + group(pair, ~members).cost()
    rest = kl_rows(parts.rest)
    return parts.rows.mean(term(target_weight, target) + term(non_target_weight, rest))


def decoupled_kd_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    labels: ArrayLike,
    *,
    temperature: float = 4.0,
    target_weight: float = 1.0,
    non_target_weight: float = 8.0,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `decoupled_kd_loss` with respect to ``student_logits``.

    The first part is a divergence of two classes with the student's logit
    :math:`\log \frac{q_y}{1 - q_y} = \frac{s_y}{T} - \log \sum_{k \ne y} e^{s_k / T}`, whose derivatives are
    :math:`\frac{1}{T}` and :math:`-\frac{1}{T} \hat q_k`; the second one is forward KL without the label:

    .. math::

        \frac{\partial L}{\partial s_{iy}} = \frac{\alpha (q_y - p_y)}{N T}, \qquad
        \frac{\partial L}{\partial s_{ik}} = \frac{-\alpha (q_y - p_y)\, \hat q_k + \beta (\hat q_k - \hat p_k)}{N T}
        \quad (k \ne y)

    Parameters
    ----------
    student_logits, teacher_logits, labels, temperature, target_weight, non_target_weight, weights
        See `decoupled_kd_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero; finite also where the loss is infinite.

    Raises
    ------
    TypeError, ValueError
        As for `decoupled_kd_loss`.

    Examples
    --------
    q_y - p_y = -1/4, which the others share as 2/3 and 1/3; of the rest, (2/3 - 1/2, 1/3 - 1/2).

    >>> import numpy as np
    >>> teacher, student = np.log([[2.0, 1.0, 1.0]]), np.log([[1.0, 2.0, 1.0]])
    >>> decoupled_kd_loss_grad(student, teacher, [0], temperature=1.0, non_target_weight=0.0).round(6)
    array([[-0.25    ,  0.166667,  0.083333]])
    >>> decoupled_kd_loss_grad(student, teacher, [0], temperature=1.0, target_weight=0.0).round(6)
    array([[ 0.      ,  1.333333, -1.333333]])
    """
    target_weight = _checks.not_negative("target_weight", target_weight)
    non_target_weight = _checks.not_negative("non_target_weight", non_target_weight)
    temperature = _checks.temperature(temperature)
    parts = _split(student_logits, teacher_logits, labels, temperature, weights)
    pair = soften_pair(parts.teacher, parts.student, temperature)
    at_label = target_weight * pick(pair.difference(), parts.ids) + 0.0  # no -0
    others = -at_label * parts.rest.q.p + non_target_weight * parts.rest.difference()
    return parts.rows.mean_grad(replace(others, parts.ids, at_label) / temperature)


def normalised_kd_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    labels: ArrayLike,
    *,
    temperature: float = 1.0,
    gamma: float = 1.5,
    weights: ArrayLike | None = None,
) -> float:
    r"""Cross entropy at the label weighted by the teacher, and cross entropy of what each side gives the rest.

    .. math::

        L = -\frac{1}{N} \sum_{i=1}^{N} \Bigl[p^{(1)}_{i y_i} \log q^{(1)}_{i y_i}
            + \gamma T^2 \sum_{k \ne y_i} \hat p_{ik} \log \hat q_{ik}\Bigr]

    with :math:`p^{(1)}, q^{(1)}` at temperature 1, and :math:`\hat p, \hat q` at temperature T.

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`; C of at least 2.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; constants, never differentiated.
    labels : array_like of int, shape (N,)
        True class ids :math:`y`, from 0 to C - 1.
    temperature : float, default 1.0
        :math:`T > 0` of the second term; between 1e-100 and 1e100, so that its square is a sound factor.
    gamma : float, default 1.5
        :math:`\gamma \ge 0`, the weight of the second term.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats; not zero at agreement.  ``inf`` where a term with weight is.

    Raises
    ------
    TypeError, ValueError
        As for `decoupled_kd_loss`; also if ``gamma`` is not finite and at least 0, or ``temperature`` outside the
        range above.

    See Also
    --------
    decoupled_kd_loss : the same separation as divergences.

    Notes
    -----
    The factor :math:`T^2` is the paper's own; without it the second term's gradient would fade as T grows.

    References
    ----------
    .. [1] Z. Yang et al., "From Knowledge Distillation to Self-Knowledge Distillation: A Unified Approach with
       Normalized Loss and Customized Soft Labels", 2023, equation 7, arXiv:2303.13005.

    Examples
    --------
    Teacher 2 : 1 : 1, student 1 : 2 : 1, label 0: (1/2) log 4 = 0.693147, and for γ = 1
    (1/2) log(3/2) + (1/2) log 3 = 0.752039.

    >>> import numpy as np
    >>> teacher, student = np.log([[2.0, 1.0, 1.0]]), np.log([[1.0, 2.0, 1.0]])
    >>> round(normalised_kd_loss(student, teacher, [0], gamma=1.0), 6)
    1.445186
    """
    gamma = _checks.not_negative("gamma", gamma)
    temperature = _checks.squarable_temperature(temperature)
    parts = _split(student_logits, teacher_logits, labels, temperature, weights)
    costs = soften(parts.teacher, 1.0).times(-soften(parts.student, 1.0).log_p)
    rest = term(gamma * temperature**2, cross_entropy_rows(parts.rest))
    return parts.rows.mean(pick(costs, parts.ids)[:, 0] + rest + 0.0)


def normalised_kd_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    labels: ArrayLike,
    *,
    temperature: float = 1.0,
    gamma: float = 1.5,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `normalised_kd_loss` with respect to ``student_logits``.

    The first term is a hard-label loss times the constant :math:`p^{(1)}_y`; the second one a soft cross entropy
    over the classes other than the label, in which :math:`\gamma T^2` meets the :math:`1 / T` of the chain rule:

    .. math::

        \frac{\partial L}{\partial s_{ik}} = \frac{1}{N} \Bigl[p^{(1)}_{i y_i} \bigl(q^{(1)}_{ik} - \delta_{k y_i}\bigr)
            + \gamma T\, (1 - \delta_{k y_i}) (\hat q_{ik} - \hat p_{ik})\Bigr]

    Parameters
    ----------
    student_logits, teacher_logits, labels, temperature, gamma, weights
        See `normalised_kd_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero; finite also where the loss is infinite.

    Raises
    ------
    TypeError, ValueError
        As for `normalised_kd_loss`.

    Examples
    --------
    (1/2) (1/4 - 1, 1/2, 1/4), and 1/6 from the second class to the third's account.

    >>> import numpy as np
    >>> teacher, student = np.log([[2.0, 1.0, 1.0]]), np.log([[1.0, 2.0, 1.0]])
    >>> normalised_kd_loss_grad(student, teacher, [0], gamma=1.0).round(6)
    array([[-0.375   ,  0.416667, -0.041667]])
    """
    gamma = _checks.not_negative("gamma", gamma)
    temperature = _checks.squarable_temperature(temperature)
    parts = _split(student_logits, teacher_logits, labels, temperature, weights)
    student = soften(parts.student, 1.0)
    hard = replace(student.p, parts.ids, np.expm1(pick(student.log_p, parts.ids)))
    trust = pick(soften(parts.teacher, 1.0).p, parts.ids)
    return parts.rows.mean_grad(trust * hard + gamma * temperature * parts.rest.difference())


def weighted_soft_label_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    labels: ArrayLike,
    *,
    temperature: float = 4.0,
    weights: ArrayLike | None = None,
) -> float:
    r"""Soft cross entropy in which an example counts the less, the further the student is ahead of the teacher.

    .. math::

        L = -\frac{1}{N} \sum_{i=1}^{N} w_i \sum_{k=1}^{C} p_{ik} \log q_{ik}, \qquad
        w_i = 1 - \exp\Bigl(-\frac{\mathrm{CE}(y_i, s_i)}{\mathrm{CE}(y_i, t_i) + 10^{-7}}\Bigr)

    with both hard cross entropies at temperature 1.  The gradient holds :math:`w` constant.

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; constants, never differentiated.
    labels : array_like of int, shape (N,)
        True class ids :math:`y`, from 0 to C - 1.
    temperature : float, default 4.0
        :math:`T > 0` of the soft cross entropy, applied to both sides.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.  Not to be mistaken for
        :math:`w`: they multiply it.

    Returns
    -------
    float
        Mean over the N examples, in nats; not zero at agreement.  With one class it is 0.  ``inf`` where the student
        excludes a class of the teacher's and :math:`w` is above 0.

    Raises
    ------
    TypeError, ValueError
        As for `distillation_loss`; also if both sides exclude the label of a row: :math:`w` has no value there.

    See Also
    --------
    soft_cross_entropy_loss : the loss that is weighted.

    Notes
    -----
    Follows the authors' code, from which the constant 1e-7 and the frozen weight come; the code multiplies by
    :math:`T^2` as well, and the paper adds the hard-label loss.

    References
    ----------
    .. [1] H. Zhou et al., "Rethinking Soft Labels for Knowledge Distillation: A Bias-Variance Tradeoff Perspective",
       2021, equation 13, arXiv:2102.00650.

    Examples
    --------
    The student gives the label 1/2, the teacher 3/4: w = 1 - exp(-log 2 / log(4/3)) = 0.910133, times log 2.

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> round(weighted_soft_label_loss(student, teacher, [0], temperature=1.0), 6)
    0.630856
    """
    pair, focus, rows, _ = _focused(student_logits, teacher_logits, labels, temperature, weights)
    costs = cross_entropy_rows(pair)
    with np.errstate(invalid="ignore"):  # a weight of 0 makes an infinite cost count nothing
        return rows.mean(np.where(focus > 0.0, focus * costs, 0.0) + 0.0)


def weighted_soft_label_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    labels: ArrayLike,
    *,
    temperature: float = 4.0,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `weighted_soft_label_loss` with respect to ``student_logits``, with w held constant.

    .. math::

        \frac{\partial L}{\partial s_{ik}} = \frac{w_i (q_{ik} - p_{ik})}{N T}

    Parameters
    ----------
    student_logits, teacher_logits, labels, temperature, weights
        See `weighted_soft_label_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero.  Not the derivative of the value as a whole: :math:`w` depends on the student too.

    Raises
    ------
    TypeError, ValueError
        As for `weighted_soft_label_loss`.

    Examples
    --------
    w = 0.910133 of -1/4 and 1/4.

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> weighted_soft_label_loss_grad(student, teacher, [0], temperature=1.0).round(6)
    array([[-0.227533,  0.227533]])
    """
    pair, focus, rows, divisor = _focused(
        student_logits, teacher_logits, labels, temperature, weights
    )
    return rows.mean_grad(focus[:, np.newaxis] * pair.difference() / divisor)


@dataclass(frozen=True)
class _Parts:
    """Logits and labels of the rows that count, and the pair softened without the label."""

    student: FloatArray
    teacher: FloatArray
    ids: IntArray
    rest: SoftenedPair
    rows: Rows


def _split(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    labels: ArrayLike,
    temperature: float,
    weights: ArrayLike | None,
) -> _Parts:
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    enough_classes("student_logits", student, 2)
    ids = kept_labels(labels, student.shape[1], rows)
    rest = soften_pair(
        without_label("teacher_logits", teacher, ids, rows),
        without_label("student_logits", student, ids, rows),
        temperature,
    )
    return _Parts(student, teacher, ids, rest, rows)


def _focused(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    labels: ArrayLike,
    temperature: float,
    weights: ArrayLike | None,
) -> tuple[SoftenedPair, FloatArray, Rows, float]:
    """The softened pair; w of each row; the rows; the checked temperature."""
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    ids = kept_labels(labels, student.shape[1], rows)
    students, teachers = (-pick(soften(z, 1.0).log_p, ids)[:, 0] for z in (student, teacher))
    not_both_infinite("labels", students, teachers, rows)
    focus = -np.expm1(-students / (teachers + STABILISER))
    return soften_pair(teacher, student, temperature), focus, rows, temperature
