"""Losses against labels: the student alone."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray
from kdref._softened import SoftenedPair, pick, replace, soften, soften_pair
from kdref.divergences import kl_rows
from kdref.losses._arguments import enough_classes
from kdref.losses._rows import Rows, labelled_rows, term


def hard_label_loss(
    student_logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None
) -> float:
    r"""Cross entropy of the student with the true labels, at temperature 1.

    .. math::

        L = -\frac{1}{N} \sum_{i=1}^{N} \log r_{i y_i}, \qquad r_i = \mathrm{softmax}(s_i)

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    labels : array_like of int, shape (N,)
        True class ids :math:`y`, from 0 to C - 1.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; the mean is then
        :math:`\sum_i w_i l_i / \sum_i w_i`, and a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats; ``inf`` if the student excludes a label.

    Raises
    ------
    TypeError
        If the logits are not real numbers or the labels not integers.
    ValueError
        If the logits are not 2-D, hold NaN, ``+inf`` or a row of only ``-inf``, a
        label lies outside 0 .. C - 1, or the weights are not usable.

    See Also
    --------
    hard_label_loss_grad : its gradient, :math:`(r - \mathrm{onehot}(y)) / N`.
    distillation_loss : this loss together with a soft one.

    Notes
    -----
    A student that is certain and right still pays: at a lead of 40 nats the
    loss is e^-40, not 0.

    Examples
    --------
    The student gives the label 1/4: log 4.

    >>> import numpy as np
    >>> round(hard_label_loss(np.log([[1.0, 3.0]]), [0]), 6)
    1.386294
    """
    student, ids, rows = labelled_rows(student_logits, labels, weights)
    return rows.mean(-pick(soften(student, 1.0).log_p, ids)[:, 0] + 0.0)


def hard_label_loss_grad(
    student_logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None
) -> FloatArray:
    r"""Gradient of `hard_label_loss` with respect to ``student_logits``.

    .. math::

        \frac{\partial}{\partial s_k} \Bigl(\log \sum_j e^{s_j} - s_y\Bigr)
            = r_k - \delta_{k y}, \qquad
        \frac{\partial L}{\partial s_{ik}} = \frac{r_{ik} - \delta_{k y_i}}{N}

    Parameters
    ----------
    student_logits, labels, weights
        See `hard_label_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero.

    Raises
    ------
    TypeError, ValueError
        As for `hard_label_loss`.

    Notes
    -----
    At the label, :math:`r_y - 1` is :math:`\mathrm{expm1}(\log r_y)`, which keeps its digits
    when the student is nearly certain.

    Examples
    --------
    >>> import numpy as np
    >>> hard_label_loss_grad(np.log([[1.0, 3.0]]), [0]).round(6)
    array([[-0.75,  0.75]])
    """
    student, ids, rows = labelled_rows(student_logits, labels, weights)
    softened = soften(student, 1.0)
    return rows.mean_grad(replace(softened.p, ids, np.expm1(pick(softened.log_p, ids))))


def label_smoothing_loss(
    student_logits: ArrayLike,
    labels: ArrayLike,
    *,
    smoothing: float = 0.1,
    weights: ArrayLike | None = None,
) -> float:
    r"""Cross entropy of the student with labels of which a share is spread over all classes.

    .. math::

        L = -\frac{1}{N} \sum_{i=1}^{N} \sum_{k=1}^{C} u_{ik} \log r_{ik}, \qquad
        u_{ik} = (1 - \epsilon)\, \delta_{k y_i} + \frac{\epsilon}{C}, \quad r_i = \mathrm{softmax}(s_i)

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    labels : array_like of int, shape (N,)
        True class ids :math:`y`, from 0 to C - 1.
    smoothing : float, default 0.1
        The share :math:`\epsilon` in [0, 1] that is spread evenly, the label's own class included.  At 0 this is
        `hard_label_loss`.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats; its smallest value is the entropy of :math:`u`.  ``inf`` if the student
        excludes the label or, with ``smoothing`` above 0, any class.

    Raises
    ------
    TypeError, ValueError
        As for `hard_label_loss`; also if ``smoothing`` lies outside [0, 1].

    See Also
    --------
    virtual_teacher_loss : smoothed labels as a teacher, with a temperature.

    Notes
    -----
    Some libraries spread :math:`\epsilon` over the other C - 1 classes only, which is this loss with
    :math:`\epsilon C / (C - 1)`.

    References
    ----------
    .. [1] C. Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016, section 7,
       arXiv:1512.00567.

    Examples
    --------
    r = (1/4, 3/4), label 0 and half of it spread, so u = (3/4, 1/4): 3/4 log 4 + 1/4 log(4/3).

    >>> import numpy as np
    >>> round(label_smoothing_loss(np.log([[1.0, 3.0]]), [0], smoothing=0.5), 6)
    1.111641
    """
    smoothing = _checks.fraction("smoothing", smoothing)
    student, ids, rows = labelled_rows(student_logits, labels, weights)
    costs = -soften(student, 1.0).log_p
    at_label = term(1.0 - smoothing, pick(costs, ids)[:, 0])
    spread = term(smoothing / costs.shape[1], costs).sum(axis=1)
    return rows.mean(at_label + spread + 0.0)


def label_smoothing_loss_grad(
    student_logits: ArrayLike,
    labels: ArrayLike,
    *,
    smoothing: float = 0.1,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `label_smoothing_loss` with respect to ``student_logits``.

    .. math::

        \frac{\partial L}{\partial s_{ik}} = \frac{r_{ik} - u_{ik}}{N}
            = \frac{(1 - \epsilon) (r_{ik} - \delta_{k y_i}) + \epsilon\, (r_{ik} - 1/C)}{N}

    Parameters
    ----------
    student_logits, labels, smoothing, weights
        See `label_smoothing_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero; finite also where the loss is infinite.

    Raises
    ------
    TypeError, ValueError
        As for `label_smoothing_loss`.

    Examples
    --------
    r - u = (1/4 - 3/4, 3/4 - 1/4).

    >>> import numpy as np
    >>> label_smoothing_loss_grad(np.log([[1.0, 3.0]]), [0], smoothing=0.5).round(6)
    array([[-0.5,  0.5]])
    """
    smoothing = _checks.fraction("smoothing", smoothing)
    student, ids, rows = labelled_rows(student_logits, labels, weights)
    pair = soften_pair(np.zeros_like(student), student, 1.0)
    hard = replace(pair.q.p, ids, np.expm1(pick(pair.q.log_p, ids)))
    return rows.mean_grad((1.0 - smoothing) * hard + smoothing * pair.difference())


def virtual_teacher_loss(
    student_logits: ArrayLike,
    labels: ArrayLike,
    *,
    temperature: float,
    confidence: float = 0.9,
    weights: ArrayLike | None = None,
) -> float:
    r"""KL divergence to the student from a teacher made of the labels: distillation without a teacher.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \mathrm{KL}(p_i \,\|\, q_i), \qquad
        p_i = \mathrm{softmax}(\log u_i / T), \quad q_i = \mathrm{softmax}(s_i / T), \quad
        u_{ik} = \begin{cases} a & k = y_i \\ \frac{1 - a}{C - 1} & \text{otherwise} \end{cases}

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`; C of at least 2.
    labels : array_like of int, shape (N,)
        True class ids :math:`y`, from 0 to C - 1.
    temperature : float
        :math:`T > 0`, applied to both sides; the paper uses 20.
    confidence : float, default 0.9
        The probability :math:`a` in [0, 1] that the virtual teacher gives the label.  At 1 its other classes are
        excluded and the loss is :math:`-\log q_y`.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats; near zero where the student agrees with the virtual teacher.

    Raises
    ------
    TypeError, ValueError
        As for `hard_label_loss`; also if ``confidence`` lies outside [0, 1], ``temperature`` is not a finite number
        above zero, or there is one class only: nothing is left for the rest of the mass.

    See Also
    --------
    label_smoothing_loss : the same idea without a temperature.

    Notes
    -----
    Follows the paper.  The authors' code softens the probabilities :math:`u` themselves as if they were logits, and
    does not soften the student.

    References
    ----------
    .. [1] L. Yuan et al., "Revisiting Knowledge Distillation via Label Smoothing Regularization", 2020, section 5,
       arXiv:1909.11723 (Tf-KD with the manually designed teacher).

    Examples
    --------
    At T = 1 the teacher is u = (3/4, 1/4), the student is undecided: 3/4 log(3/2) + 1/4 log(1/2).

    >>> import numpy as np
    >>> round(virtual_teacher_loss([[0.0, 0.0]], [0], temperature=1.0, confidence=0.75), 6)
    0.130812
    """
    pair, rows, _ = _virtual_pair(student_logits, labels, temperature, confidence, weights)
    return rows.mean(kl_rows(pair))


def virtual_teacher_loss_grad(
    student_logits: ArrayLike,
    labels: ArrayLike,
    *,
    temperature: float,
    confidence: float = 0.9,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `virtual_teacher_loss` with respect to ``student_logits``.

    The virtual teacher does not depend on the student, so this is forward KL's gradient:

    .. math::

        \frac{\partial L}{\partial s_{ik}} = \frac{q_{ik} - p_{ik}}{N T}

    Parameters
    ----------
    student_logits, labels, temperature, confidence, weights
        See `virtual_teacher_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero.

    Raises
    ------
    TypeError, ValueError
        As for `virtual_teacher_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> virtual_teacher_loss_grad([[0.0, 0.0]], [0], temperature=1.0, confidence=0.75).round(6)
    array([[-0.25,  0.25]])
    """
    pair, rows, divisor = _virtual_pair(student_logits, labels, temperature, confidence, weights)
    return rows.mean_grad(pair.difference() / divisor)


def _virtual_pair(
    student_logits: ArrayLike,
    labels: ArrayLike,
    temperature: float,
    confidence: float,
    weights: ArrayLike | None,
) -> tuple[SoftenedPair, Rows, float]:
    """The virtual teacher and the student, softened; the rows; the checked temperature."""
    temperature = _checks.temperature(temperature)
    confidence = _checks.fraction("confidence", confidence)
    student, ids, rows = labelled_rows(student_logits, labels, weights)
    enough_classes("student_logits", student, 2)
    label, other = _virtual_logits(confidence, student.shape[1])
    teacher = replace(np.full_like(student, other), ids, label)
    return soften_pair(teacher, student, temperature), rows, temperature


def _virtual_logits(confidence: float, n_classes: int) -> tuple[float, float]:
    """The label's logit and that of each other class, which soften to u at T = 1."""
    if confidence == 1.0:
        return 0.0, -np.inf
    if confidence == 0.0:
        return -np.inf, 0.0
    # To 60 digits and in two parts: a small T magnifies what float64 drops, and near a = 1 / C it would drop all.
    with localcontext(prec=60):
        odds = Decimal(confidence) * (n_classes - 1) / (1 - Decimal(confidence))
        logit = odds.ln()
        leading = float(logit)
        return leading, -float(logit - Decimal(leading))
