r"""Losses on features inside the networks, example by example: :math:`f` the student's, :math:`g` the teacher's.

Features are vectors, (N, D), or maps, (N, C, H, W).  Where student and teacher differ in width, people put a small
layer (a regressor) on the student's side; here it counts as part of the student.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray
from kdref.losses._arguments import nonzero_rows
from kdref.losses._features import (
    STUDENT,
    TEACHER,
    FeaturePair,
    feature_maps,
    feature_pair,
    kept_map,
    kept_maps,
    map_pair,
)
from kdref.losses._vectors import Cosines, cosines, through_unit, unit_rows

LARGEST_POWER = 1000.0
"""One half to this power is still a normal float64."""


def hint_loss(
    student_features: ArrayLike, teacher_features: ArrayLike, *, weights: ArrayLike | None = None
) -> float:
    r"""Half the squared distance between the student's features and the teacher's.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \frac{1}{2} \|f_i - g_i\|^2

    Parameters
    ----------
    student_features : array_like, shape (N, D) or (N, C, H, W)
        :math:`f`, after the regressor if there is one.
    teacher_features : array_like, the same shape
        :math:`g`, the hint; constants.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in squared units of the features; a sum over D, not a mean.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers.
    ValueError
        If an array has another shape or an empty axis, the shapes differ, an entry is not finite, or the weights
        are not usable.

    Notes
    -----
    Frameworks' mean squared error divides by N D and has no 1/2: it is 2 / D times this.

    References
    ----------
    .. [1] A. Romero et al., "FitNets: Hints for Thin Deep Nets", 2015,
       equation 3, arXiv:1412.6550.

    Examples
    --------
    A distance of 5: 25 / 2.

    >>> hint_loss([[3.0, 4.0]], [[0.0, 0.0]])
    12.5
    """
    pair = feature_pair(student_features, teacher_features, weights)
    with np.errstate(over="ignore"):  # a distance whose square exceeds float64 costs inf
        return pair.rows.mean(((pair.student - pair.teacher) ** 2).sum(axis=1) / 2.0)


def hint_loss_grad(
    student_features: ArrayLike, teacher_features: ArrayLike, *, weights: ArrayLike | None = None
) -> FloatArray:
    r"""Gradient of `hint_loss` with respect to ``student_features``.

    .. math::

        \frac{\partial L}{\partial f_i} = \frac{f_i - g_i}{N}

    Parameters
    ----------
    student_features, teacher_features, weights
        See `hint_loss`.

    Returns
    -------
    ndarray, the shape of ``student_features``
        Zero at agreement.

    Raises
    ------
    TypeError, ValueError
        As for `hint_loss`.

    Examples
    --------
    >>> hint_loss_grad([[3.0, 4.0]], [[0.0, 0.0]])
    array([[3., 4.]])
    """
    pair = feature_pair(student_features, teacher_features, weights)
    with np.errstate(over="ignore"):
        return pair.mean_grad(pair.student - pair.teacher)


def cosine_feature_loss(
    student_features: ArrayLike, teacher_features: ArrayLike, *, weights: ArrayLike | None = None
) -> float:
    r"""One minus the cosine of the angle between student's and teacher's features.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \Bigl(1 - \frac{f_i \cdot g_i}{\|f_i\|\, \|g_i\|}\Bigr)

    Parameters
    ----------
    student_features : array_like, shape (N, D) or (N, C, H, W)
        :math:`f`; no example all zeros.  Maps count as vectors of C H W entries.
    teacher_features : array_like, the same shape
        :math:`g`; constants, no example all zeros.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, between 0 and 2 and without unit; zero exactly for equal features.

    Raises
    ------
    TypeError, ValueError
        As for `hint_loss`; also if an example of either side is zero: it has no direction.

    See Also
    --------
    logit_cosine_loss : the same of logits.

    References
    ----------
    .. [1] V. Sanh et al., "DistilBERT", 2019,
       section 3 (a cosine loss on hidden states), arXiv:1910.01108.

    Examples
    --------
    (3, 4) and (4, 3) have the cosine 24/25.

    >>> round(cosine_feature_loss([[3.0, 4.0]], [[4.0, 3.0]]), 6)
    0.04
    """
    pair = feature_pair(student_features, teacher_features, weights)
    return pair.rows.mean(_angles(pair, pair.student, pair.teacher).deficit)


def cosine_feature_loss_grad(
    student_features: ArrayLike, teacher_features: ArrayLike, *, weights: ArrayLike | None = None
) -> FloatArray:
    r"""Gradient of `cosine_feature_loss` with respect to ``student_features``.

    .. math::

        \frac{\partial L}{\partial f_i} = -\frac{\hat g_i - (\hat f_i \cdot \hat g_i)\, \hat f_i}{N \|f_i\|}

    Parameters
    ----------
    student_features, teacher_features, weights
        See `cosine_feature_loss`.

    Returns
    -------
    ndarray, the shape of ``student_features``
        Each example's is at right angles to its features.

    Raises
    ------
    TypeError, ValueError
        As for `cosine_feature_loss`.

    Examples
    --------
    (3, 0) against (0, 1): minus the teacher's direction, over the length 3.

    >>> cosine_feature_loss_grad([[3.0, 0.0]], [[0.0, 1.0]]).round(6) + 0.0
    array([[ 0.      , -0.333333]])
    """
    pair = feature_pair(student_features, teacher_features, weights)
    return pair.mean_grad(_angles(pair, pair.student, pair.teacher).grad)


def attention_transfer_loss(
    student_features: ArrayLike,
    teacher_features: ArrayLike,
    *,
    power: float = 2.0,
    weights: ArrayLike | None = None,
) -> float:
    r"""Squared distance between the normalised attention maps of student and teacher.

    .. math::

        A_h = \sum_{c=1}^{C} |f_{c h}|^p, \qquad Q = \frac{A}{\|A\|_2}, \qquad
        L = \frac{1}{N H W} \sum_{i=1}^{N} \|Q^f_i - Q^g_i\|^2
          = \frac{2}{N H W} \sum_{i=1}^{N} (1 - Q^f_i \cdot Q^g_i)

    Parameters
    ----------
    student_features : array_like, shape (N, C, H, W)
        :math:`f`; no example all zeros.
    teacher_features : array_like, shape (N, C', H, W)
        :math:`g`; constants.  The number of channels may differ.
    power : float, default 2.0
        :math:`1 \le p \le 1000`; 1 has a kink where a feature is zero.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples and the H W places, without unit; zero exactly for equal features.

    Raises
    ------
    TypeError, ValueError
        As for `hint_loss`; also if an example is zero, or ``power`` is out of range.

    Notes
    -----
    This is the authors' code.  The paper takes the norm :math:`\|Q^f - Q^g\|_2` itself and no mean over places.
    The second form, one minus a cosine, is what is computed: it loses nothing beyond the rounding of A.  At a
    relative distance :math:`\delta` between the two sides, value and gradient keep a relative accuracy of a few 1e-16
    / :math:`\delta`: 1e-8 at 1e-8, where the first form would do no better and a cosine subtracted from 1 would have
    no digit left.

    References
    ----------
    .. [1] S. Zagoruyko, N. Komodakis, "Paying More Attention to Attention",
       2017, section 3.1, arXiv:1612.03928.

    Examples
    --------
    One channel of two places: (1, 0) against (0, 1) give the maps themselves, squared distance 2, over two places.

    >>> import numpy as np
    >>> student, teacher = np.zeros((1, 1, 1, 2)), np.zeros((1, 1, 1, 2))
    >>> student[..., 0] = teacher[..., 1] = 1.0
    >>> round(attention_transfer_loss(student, teacher), 6)
    1.0
    """
    power = _power(power)
    pair = map_pair(student_features, teacher_features, weights)
    student, _ = _scaled(pair.student)
    teacher, _ = _scaled(pair.teacher)
    angles = _angles(pair, _attention(student, power), _attention(teacher, power))
    return pair.rows.mean(2.0 * angles.deficit / pair.student.shape[2])


def attention_transfer_loss_grad(
    student_features: ArrayLike,
    teacher_features: ArrayLike,
    *,
    power: float = 2.0,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `attention_transfer_loss` with respect to ``student_features``.

    .. math::

        \frac{\partial L}{\partial A_h} = -\frac{2}{N H W} \cdot
            \frac{Q^g_h - (Q^f \cdot Q^g)\, Q^f_h}{\|A\|}, \qquad
        \frac{\partial L}{\partial f_{c h}} = \frac{\partial L}{\partial A_h} \; p\, |f_{c h}|^{p - 1}
            \operatorname{sign} f_{c h}

    Parameters
    ----------
    student_features, teacher_features, power, weights
        See `attention_transfer_loss`.

    Returns
    -------
    ndarray, shape (N, C, H, W)
        Zero at agreement, and where a feature is zero.

    Raises
    ------
    TypeError, ValueError
        As for `attention_transfer_loss`.

    Examples
    --------
    The student's map is (1, 1)/√2, the teacher's (1, 0): only the direction (1, -1) is left, with -1/4 of
    2/(2 · 1) · 2 f / √2.

    >>> import numpy as np
    >>> student, teacher = np.ones((1, 1, 1, 2)), np.zeros((1, 1, 1, 2))
    >>> teacher[..., 0] = 1.0
    >>> attention_transfer_loss_grad(student, teacher).round(6)
    array([[[[-0.707107,  0.707107]]]])
    """
    power = _power(power)
    pair = map_pair(student_features, teacher_features, weights)
    student, exponent = _scaled(pair.student)
    teacher, _ = _scaled(pair.teacher)
    angles = _angles(pair, _attention(student, power), _attention(teacher, power))
    outer = 2.0 * angles.grad[:, np.newaxis, :] / pair.student.shape[2]
    inner = power * abs(student) ** (power - 1.0) * np.sign(student)
    with np.errstate(over="ignore"):
        return pair.mean_grad(np.ldexp(outer * inner, -exponent))


def neuron_selectivity_loss(
    student_features: ArrayLike, teacher_features: ArrayLike, *, weights: ArrayLike | None = None
) -> float:
    r"""Maximum mean discrepancy between the channels of student and teacher, with the kernel :math:`(x \cdot y)^2`.

    With each channel's map normalised, :math:`\hat f_c = f_c / \|f_c\|_2`,

    .. math::

        l = \frac{1}{C^2} \sum_{c, c'} (\hat f_c \cdot \hat f_{c'})^2
            + \frac{1}{C'^2} \sum_{c, c'} (\hat g_c \cdot \hat g_{c'})^2
            - \frac{2}{C C'} \sum_{c, c'} (\hat f_c \cdot \hat g_{c'})^2
          = \Bigl\| \frac{1}{C} \sum_c \hat f_c \hat f_c^\top - \frac{1}{C'} \sum_c \hat g_c \hat g_c^\top \Bigr\|_F^2

    averaged over the N examples.

    Parameters
    ----------
    student_features : array_like, shape (N, C, H, W)
        :math:`f`; no channel of an example all zeros.
    teacher_features : array_like, shape (N, C', H, W)
        :math:`g`; constants, no channel all zeros.  The number of channels may differ.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, at least 0 and without unit; zero exactly for equal features.

    Raises
    ------
    TypeError, ValueError
        As for `hint_loss`; also if a channel is zero: after a ReLU, leave such channels out.

    Notes
    -----
    The second form cannot become negative.  It needs (H W)² numbers, for one example at a time.  At a relative
    distance :math:`\delta` between the two sides, value and gradient keep a relative accuracy of a few 1e-16 /
    :math:`\delta`: the two matrices are rounded before they are compared.

    References
    ----------
    .. [1] Z. Huang, N. Wang, "Like What You Like: Knowledge Distill via Neuron Selectivity Transfer", 2017,
       equations 5 and 7, arXiv:1707.01219.

    Examples
    --------
    One channel each, at right angles: 1 + 1 - 0.

    >>> neuron_selectivity_loss([[[[5.0, 0.0]]]], [[[[0.0, 2.0]]]])
    2.0
    """
    pair = map_pair(student_features, teacher_features, weights)
    student, _ = _unit_channels(STUDENT, pair, pair.student)
    teacher, _ = _unit_channels(TEACHER, pair, pair.teacher)
    differences = (
        _second_moment(f) - _second_moment(g) for f, g in zip(student, teacher, strict=True)
    )
    return pair.rows.mean(np.array([(d * d).sum() for d in differences]))


def neuron_selectivity_loss_grad(
    student_features: ArrayLike, teacher_features: ArrayLike, *, weights: ArrayLike | None = None
) -> FloatArray:
    r"""Gradient of `neuron_selectivity_loss` with respect to ``student_features``.

    With D the difference of the two matrices in the norm,

    .. math::

        \frac{\partial l}{\partial \hat f_c} = \frac{4}{C} D \hat f_c, \qquad
        \frac{\partial l}{\partial f_c} = \frac{1}{\|f_c\|} \bigl(I - \hat f_c \hat f_c^\top\bigr)
            \frac{\partial l}{\partial \hat f_c}

    Parameters
    ----------
    student_features, teacher_features, weights
        See `neuron_selectivity_loss`.

    Returns
    -------
    ndarray, shape (N, C, H, W)
        At right angles to each channel's map.

    Raises
    ------
    TypeError, ValueError
        As for `neuron_selectivity_loss`.

    Examples
    --------
    f̂ = (1, 0) and ĝ = (1, 1)/√2: D = ((1/2, -1/2), (-1/2, -1/2)), 4 D f̂ = (2, -2), of which (0, -2) is across.

    >>> neuron_selectivity_loss_grad([[[[1.0, 0.0]]]], [[[[1.0, 1.0]]]]).round(6) + 0.0
    array([[[[ 0., -2.]]]])
    """
    pair = map_pair(student_features, teacher_features, weights)
    student, lengths = _unit_channels(STUDENT, pair, pair.student)
    teacher, _ = _unit_channels(TEACHER, pair, pair.teacher)
    slopes = np.empty_like(student)
    for i, (f, g) in enumerate(zip(student, teacher, strict=True)):
        slopes[i] = (
            4.0 / len(f) * (f @ (_second_moment(f) - _second_moment(g)))
        )  # (C, HW) @ (HW, HW)
    return pair.mean_grad(through_unit(student, lengths, slopes))


def flow_loss(
    student_features: ArrayLike,
    teacher_features: ArrayLike,
    *,
    student_later: ArrayLike,
    teacher_later: ArrayLike,
    weights: ArrayLike | None = None,
) -> float:
    r"""Squared difference of the flows, the inner products between the channels of two layers.

    .. math::

        G^f_{c c'} = \frac{1}{H W} \sum_{h=1}^{H W} f^1_{c h} f^2_{c' h}, \qquad
        L = \frac{1}{N C_1 C_2} \sum_{i=1}^{N} \|G^f_i - G^g_i\|_F^2

    Parameters
    ----------
    student_features : array_like, shape (N, C1, H, W)
        :math:`f^1`, the student's earlier layer.
    teacher_features : array_like, shape (N, C1, H', W')
        :math:`g^1`, the teacher's; constants.
    student_later : array_like, shape (N, C2, H, W)
        :math:`f^2`, the student's later layer, held constant: the loss is symmetric in the two layers of a side, so
        that exchanging them gives the gradient of the other one.
    teacher_later : array_like, shape (N, C2, H', W')
        :math:`g^2`; constants.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples and the C1 C2 entries, in fourth powers of the features' unit.

    Raises
    ------
    TypeError, ValueError
        As for `hint_loss`; also if the two layers of a side differ in their places, or the sides in their channels,
        or if a flow exceeds float64.

    Notes
    -----
    At a relative distance :math:`\delta` between the two sides, value and gradient keep a relative accuracy of a few
    1e-16 / :math:`\delta`: the flows are rounded before they are compared.

    References
    ----------
    .. [1] J. Yim et al., "A Gift from Knowledge Distillation: Fast Optimization, Network Minimization and Transfer
       Learning", CVPR 2017, equations 1 and 2.

    Examples
    --------
    One channel, one place: (2 · 3 - 1 · 1)² = 25.

    >>> one = lambda x: [[[[x]]]]
    >>> flow_loss(one(2.0), one(1.0), student_later=one(3.0), teacher_later=one(1.0))
    25.0
    """
    pair, difference, _ = _flows(
        student_features, teacher_features, student_later, teacher_later, weights
    )
    with np.errstate(over="ignore"):
        return pair.rows.mean((difference**2).mean(axis=(1, 2)))


def flow_loss_grad(
    student_features: ArrayLike,
    teacher_features: ArrayLike,
    *,
    student_later: ArrayLike,
    teacher_later: ArrayLike,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `flow_loss` with respect to ``student_features``, the earlier layer.

    .. math::

        \frac{\partial L}{\partial f^1_{c h}} = \frac{2}{N C_1 C_2 H W} \sum_{c'} (G^f - G^g)_{c c'} f^2_{c' h}

    Parameters
    ----------
    student_features, teacher_features, student_later, teacher_later, weights
        See `flow_loss`.

    Returns
    -------
    ndarray, shape (N, C1, H, W)
        Zero at agreement.

    Raises
    ------
    TypeError, ValueError
        As for `flow_loss`.

    Examples
    --------
    2 · 5 · 3.

    >>> one = lambda x: [[[[x]]]]
    >>> flow_loss_grad(one(2.0), one(1.0), student_later=one(3.0), teacher_later=one(1.0))
    array([[[[30.]]]])
    """
    pair, difference, later = _flows(
        student_features, teacher_features, student_later, teacher_later, weights
    )
    n_entries = difference.shape[1] * difference.shape[2]
    with np.errstate(over="ignore"):
        slopes = difference @ later  # (n, C1, C2) @ (n, C2, HW)
        return pair.mean_grad(2.0 * slopes / (n_entries * later.shape[2]))


def variational_information_loss(
    student_mean: ArrayLike,
    teacher_features: ArrayLike,
    *,
    variance: float | ArrayLike,
    weights: ArrayLike | None = None,
) -> float:
    r"""Negative log-likelihood of the teacher's features under Gaussians whose means the student predicts.

    .. math::

        L = \frac{1}{N D} \sum_{i=1}^{N} \sum_{d=1}^{D}
            \frac{1}{2} \Bigl(\frac{(\mu_{i d} - g_{i d})^2}{v_d} + \log v_d\Bigr)

    Parameters
    ----------
    student_mean : array_like, shape (N, D) or (N, C, H, W)
        :math:`\mu`, what the student expects the teacher's features to be.
    teacher_features : array_like, the same shape
        :math:`g`; constants.
    variance : float or array_like
        :math:`v > 0`; of a shape that broadcasts to the features', such as (C, 1, 1) for one variance a channel.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over all elements, in nats up to the constant log(2 π) / 2, which is left out; negative where the
        variance is small and the mean near.

    Raises
    ------
    TypeError, ValueError
        As for `hint_loss`; also if ``variance`` is not finite and above 0, or does not broadcast.

    Notes
    -----
    Only the mean is differentiated here; in training the variance is learned too.  At a variance of 1 this is
    `hint_loss` divided by D.

    References
    ----------
    .. [1] S. Ahn et al., "Variational Information Distillation for Knowledge Transfer", CVPR 2019, equations 4 and 5,
       arXiv:1904.05835.

    Examples
    --------
    1/2 (4 / 4 + log 4).

    >>> round(variational_information_loss([[3.0]], [[1.0]], variance=4.0), 6)
    1.193147
    """
    pair, v = _gaussians(student_mean, teacher_features, variance, weights)
    with np.errstate(over="ignore"):
        costs = (pair.student - pair.teacher) ** 2 / v + np.log(v)
        return pair.rows.mean(costs.mean(axis=1) / 2.0)


def variational_information_loss_grad(
    student_mean: ArrayLike,
    teacher_features: ArrayLike,
    *,
    variance: float | ArrayLike,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `variational_information_loss` with respect to ``student_mean``.

    .. math::

        \frac{\partial L}{\partial \mu_{i d}} = \frac{\mu_{i d} - g_{i d}}{N D\, v_d}

    Parameters
    ----------
    student_mean, teacher_features, variance, weights
        See `variational_information_loss`.

    Returns
    -------
    ndarray, the shape of ``student_mean``
        Zero at agreement, although the loss is not.

    Raises
    ------
    TypeError, ValueError
        As for `variational_information_loss`.

    Examples
    --------
    >>> variational_information_loss_grad([[3.0]], [[1.0]], variance=4.0)
    array([[0.5]])
    """
    pair, v = _gaussians(student_mean, teacher_features, variance, weights)
    with np.errstate(over="ignore"):
        return pair.mean_grad((pair.student - pair.teacher) / v / pair.student.shape[1])


def _power(power: float) -> float:
    number = _checks.positive("power", power)
    if not 1.0 <= number <= LARGEST_POWER:
        raise ValueError(f"power must lie in [1, {LARGEST_POWER:g}], got {number!r}")
    return number


def _angles(pair: FeaturePair, student: FloatArray, teacher: FloatArray) -> Cosines:
    nonzero_rows(STUDENT, student, pair.rows)
    nonzero_rows(TEACHER, teacher, pair.rows)
    return cosines(student, teacher)


def _scaled(maps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Maps whose largest entry is near 1, so that no power overflows, and the powers of two that it took."""
    _, exponent = np.frexp(abs(maps).max(axis=(1, 2), keepdims=True))
    return np.ldexp(maps, -exponent), exponent


def _attention(maps: FloatArray, power: float) -> FloatArray:
    """Sum over the channels of the features' powers, (n, H W)."""
    return np.asarray((abs(maps) ** power).sum(axis=1))


def _unit_channels(name: str, pair: FeaturePair, maps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Channels of length 1, and the lengths they had, shape (n, C, 1)."""
    zero = ~maps.any(axis=2)
    if zero.any():
        row, channel = (int(i) for i in np.argwhere(zero)[0])
        place = (int(pair.rows.kept[row]), channel)
        raise ValueError(f"{name} must not hold a zero channel, got one at index {place}")
    unit, lengths = unit_rows(maps.reshape(-1, maps.shape[2]))
    return unit.reshape(maps.shape), lengths.reshape(*maps.shape[:2], 1)


def _second_moment(unit: FloatArray) -> FloatArray:
    """Mean of the channels' outer products, (H W, H W)."""
    return np.asarray(unit.T @ unit / len(unit))


def _flows(
    student_features: ArrayLike,
    teacher_features: ArrayLike,
    student_later: ArrayLike,
    teacher_later: ArrayLike,
    weights: ArrayLike | None,
) -> tuple[FeaturePair, FloatArray, FloatArray]:
    """The rows, the difference of the flows (n, C1, C2), and the student's later layer (n, C2, H W)."""
    student, teacher = (
        feature_maps(STUDENT, student_features),
        feature_maps(TEACHER, teacher_features),
    )
    student_after = feature_maps("student_later", student_later)
    teacher_after = feature_maps("teacher_later", teacher_later)
    _same_places(STUDENT, student, "student_later", student_after)
    _same_places(TEACHER, teacher, "teacher_later", teacher_after)
    pair = kept_maps(student, teacher, weights)
    later = kept_map("student_later", student_after, pair.rows)
    after = kept_map("teacher_later", teacher_after, pair.rows)
    student_flow = _checks.finite_array("the student's flow", _flow(pair.student, later))
    teacher_flow = _checks.finite_array("the teacher's flow", _flow(pair.teacher, after))
    _checks.same_shape("the student's flow", student_flow, "the teacher's flow", teacher_flow)
    return pair, student_flow - teacher_flow, later


def _flow(first: FloatArray, second: FloatArray) -> FloatArray:
    """Inner products between the channels of two layers, a mean over the places."""
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused
        return np.asarray(first @ second.transpose(0, 2, 1) / first.shape[2])  # (C1, HW) @ (HW, C2)


def _same_places(name: str, first: FloatArray, other_name: str, other: FloatArray) -> None:
    if first.shape[0] != other.shape[0] or first.shape[2:] != other.shape[2:]:
        raise ValueError(
            f"{name} and {other_name} must have the same shape but for the channels, "
            f"got {first.shape} and {other.shape}"
        )


def _gaussians(
    student_mean: ArrayLike,
    teacher_features: ArrayLike,
    variance: float | ArrayLike,
    weights: ArrayLike | None,
) -> tuple[FeaturePair, FloatArray]:
    """The rows that count and the variance of each of their elements."""
    pair = feature_pair(student_mean, teacher_features, weights, student_name="student_mean")
    v = _checks.finite_array("variance", variance)
    _checks.above_zero("variance", v)
    try:
        full = np.broadcast_to(v, pair.shape)
    except ValueError:
        raise ValueError(
            f"variance must broadcast to the features' shape {pair.shape}, got {v.shape}"
        ) from None
    return pair, full[pair.rows.kept].reshape(pair.student.shape)
