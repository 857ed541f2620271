r"""Losses on relations between the examples of a batch: distances, angles and similarities of their features.

Student :math:`f` and teacher :math:`g` are compared through N × N (or N × N × N) numbers, so that their widths may
differ.  None of these losses is a mean over rows, and none takes ``weights``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import BoolArray, FloatArray
from kdref._softened import SoftenedPair, soften_pair
from kdref.divergences import kl_rows
from kdref.losses._arguments import nonzero_rows
from kdref.losses._features import (
    STUDENT,
    TEACHER,
    batches,
)
from kdref.losses._rows import weighted_rows
from kdref.losses._vectors import Cosines, cosines, norms, scaled_rows, through_unit, unit_rows


def similarity_preserving_loss(student_features: ArrayLike, teacher_features: ArrayLike) -> float:
    r"""Squared distance between the row-normalised Gram matrices of a batch.

    .. math::

        A^f = F F^\top, \qquad G^f_i = \frac{A^f_i}{\|A^f_i\|_2}, \qquad
        L = \frac{1}{N^2} \|G^f - G^g\|_F^2 = \frac{2}{N^2} \sum_{i=1}^{N} (1 - G^f_i \cdot G^g_i)

    Parameters
    ----------
    student_features : array_like, shape (N, D) or (N, C, H, W)
        :math:`F`, one row an example; none all zeros.
    teacher_features : array_like, shape (N, D') or (N, C', H', W')
        :math:`g`'s; constants, none all zeros.

    Returns
    -------
    float
        At least 0 and at most 4 / N, without unit; zero exactly for equal features.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers.
    ValueError
        If an array has another shape or an empty axis, the numbers of rows differ, an entry is not finite, or a row
        is zero, or so much shorter than the others (1e-300) that its similarities are.

    Notes
    -----
    At a relative distance :math:`\delta` between the two sides, value and gradient keep a relative accuracy of a few
    1e-16 / :math:`\delta`: the two sides are rounded before they are compared.

    References
    ----------
    .. [1] F. Tung, G. Mori, "Similarity-Preserving Knowledge Distillation", ICCV 2019, equations 2 to 4,
       arXiv:1907.09682.

    Examples
    --------
    The student's examples are at right angles, the teacher's equal: rows (1, 0), (0, 1) against (1, 1)/√2,
    squared distance 2 - √2 each, over 4.

    >>> round(similarity_preserving_loss([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]), 6)
    0.292893
    """
    student, teacher, _ = batches(student_features, teacher_features)
    angles = _gram_angles(student, teacher)
    return float(2.0 * angles.deficit.sum() / len(student) ** 2)


def similarity_preserving_loss_grad(
    student_features: ArrayLike, teacher_features: ArrayLike
) -> FloatArray:
    r"""Gradient of `similarity_preserving_loss` with respect to ``student_features``.

    .. math::

        B_i = \frac{\partial L}{\partial A^f_i} = -\frac{2}{N^2} \cdot
            \frac{G^g_i - (G^f_i \cdot G^g_i)\, G^f_i}{\|A^f_i\|}, \qquad
        \frac{\partial L}{\partial F} = (B + B^\top) F

    Parameters
    ----------
    student_features, teacher_features
        See `similarity_preserving_loss`.

    Returns
    -------
    ndarray, the shape of ``student_features``
        Zero at agreement.

    Raises
    ------
    TypeError, ValueError
        As for `similarity_preserving_loss`.

    Examples
    --------
    One example is always similar to itself: nothing to learn.

    >>> similarity_preserving_loss_grad([[3.0, 4.0]], [[1.0]]) + 0.0
    array([[0., 0.]])
    """
    student, teacher, shape = batches(student_features, teacher_features)
    angles = _gram_angles(student, teacher)
    scaled = _scaled(student)
    rows, exponents = scaled_rows(scaled.vectors)
    slopes = 2.0 * angles.grad / len(student) ** 2  # B times 2^exponents, row by row
    with np.errstate(over="ignore"):  # a slope beyond float64 is infinite
        grads = np.ldexp(slopes @ scaled.vectors, -exponents) + slopes.T @ rows  # (N, N) @ (N, D)
        return np.ldexp(grads, -scaled.exponent).reshape(shape)


def correlation_congruence_loss(
    student_features: ArrayLike, teacher_features: ArrayLike, *, gamma: float = 0.4, order: int = 2
) -> float:
    r"""Squared difference of the examples' correlations, by a Gaussian kernel in its Taylor series.

    .. math::

        K^f_{ij} = e^{-2 \gamma} \sum_{n=0}^{P} \frac{(2 \gamma)^n}{n!} \bigl(\hat f_i \cdot \hat f_j\bigr)^n
            \approx e^{-\gamma \|\hat f_i - \hat f_j\|^2}, \qquad
        L = \frac{1}{N^2} \|K^f - K^g\|_F^2

    Parameters
    ----------
    student_features : array_like, shape (N, D) or (N, C, H, W)
        :math:`f`, normalised to :math:`\hat f`; no example all zeros.
    teacher_features : array_like, shape (N, D') or (N, C', H', W')
        :math:`g`; constants, no example all zeros.
    gamma : float, default 0.4
        :math:`\gamma \ge 0`, the width of the kernel; at 0 all examples are alike.
    order : int, default 2
        :math:`P \ge 1`, where the series ends.

    Returns
    -------
    float
        At least 0 and without unit; zero exactly for equal features.

    Raises
    ------
    TypeError, ValueError
        As for `similarity_preserving_loss`; also if ``gamma`` or ``order`` is out of range.

    Notes
    -----
    At a relative distance :math:`\delta` between the two sides, value and gradient keep a relative accuracy of a few
    1e-16 / :math:`\delta`: the kernels are rounded before they are compared.  Beyond a gamma of 372 :math:`e^{-2
    \gamma}` is 0 in float64, and so is the loss.

    References
    ----------
    .. [1] B. Peng et al., "Correlation Congruence for Knowledge Distillation", ICCV 2019, equations 6 and 10,
       arXiv:1904.01802.

    Examples
    --------
    At order 1 and γ = 1/2, K = (1 + cos) / e: the pair's cosines differ by 1, twice in four entries.

    >>> import numpy as np
    >>> student, teacher = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]
    >>> round(correlation_congruence_loss(student, teacher, gamma=0.5, order=1), 6)
    0.067668
    >>> round(float(np.exp(-2.0)) / 2.0, 6)
    0.067668
    """
    gamma, order = _checks.not_negative("gamma", gamma), _checks.count("order", order)
    student, teacher, _ = batches(student_features, teacher_features)
    (f, _), (g, _) = _directions(student, teacher)
    difference = _kernel(f @ f.T, gamma, order) - _kernel(g @ g.T, gamma, order)
    return float((difference**2).sum() / len(f) ** 2)


def correlation_congruence_loss_grad(
    student_features: ArrayLike, teacher_features: ArrayLike, *, gamma: float = 0.4, order: int = 2
) -> FloatArray:
    r"""Gradient of `correlation_congruence_loss` with respect to ``student_features``.

    With :math:`S_{ij} = \hat f_i \cdot \hat f_j` and :math:`K'` the derivative of the series, itself the series to
    order P - 1 times :math:`2 \gamma`,

    .. math::

        B = \frac{2}{N^2} (K^f - K^g) \odot K'(S), \qquad
        \frac{\partial L}{\partial \hat F} = 2 B \hat F, \qquad
        \frac{\partial L}{\partial f_i} = \frac{1}{\|f_i\|} \bigl(I - \hat f_i \hat f_i^\top\bigr)
            \frac{\partial L}{\partial \hat f_i}

    Parameters
    ----------
    student_features, teacher_features, gamma, order
        See `correlation_congruence_loss`.

    Returns
    -------
    ndarray, the shape of ``student_features``
        Each example's is at right angles to its features.

    Raises
    ------
    TypeError, ValueError
        As for `correlation_congruence_loss`.

    Examples
    --------
    The example above: B = (2/4) (-1/e) (1/e) off the diagonal; twice that points from each example to the other.

    >>> student, teacher = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]
    >>> correlation_congruence_loss_grad(student, teacher, gamma=0.5, order=1).round(6) + 0.0
    array([[ 0.      , -0.135335],
           [-0.135335,  0.      ]])
    """
    gamma, order = _checks.not_negative("gamma", gamma), _checks.count("order", order)
    student, teacher, shape = batches(student_features, teacher_features)
    (f, lengths), (g, _) = _directions(student, teacher)
    s = f @ f.T
    difference = _kernel(s, gamma, order) - _kernel(g @ g.T, gamma, order)
    slopes = 4.0 / len(f) ** 2 * difference * (gamma * _kernel(s, gamma, order - 1))
    return through_unit(f, lengths, 2.0 * slopes @ f).reshape(shape)


def relational_distance_loss(student_features: ArrayLike, teacher_features: ArrayLike) -> float:
    r"""Huber distance between the pairwise distances of a batch, each in units of their mean.

    .. math::

        d^f_{ij} = \|f_i - f_j\|_2, \qquad \mu_f = \operatorname{mean}_{d^f_{ij} > 0} d^f_{ij}, \qquad
        L = \frac{1}{N^2} \sum_{i, j} h\Bigl(\frac{d^f_{ij}}{\mu_f} - \frac{d^g_{ij}}{\mu_g}\Bigr)

    with :math:`h(x) = x^2 / 2` for :math:`|x| \le 1` and :math:`|x| - 1/2` beyond.

    Parameters
    ----------
    student_features : array_like, shape (N, D) or (N, C, H, W)
        :math:`f`, at least two different examples.
    teacher_features : array_like, shape (N, D') or (N, C', H', W')
        :math:`g`; constants, at least two different examples.

    Returns
    -------
    float
        Mean over all N² pairs, those of an example with itself included; without unit, zero exactly for equal features.

    Raises
    ------
    TypeError, ValueError
        As for `similarity_preserving_loss`, except that rows may be zero; also if all examples of a side coincide, a
        single one included: their mean distance is not defined.

    Notes
    -----
    Kinks: two examples of the student that coincide, whose distance has no direction (their gradient counts 0), and
    the joint of h.  Scaling all features of a side changes nothing.  At a relative distance :math:`\delta` between
    the two sides, value and gradient keep a relative accuracy of a few 1e-16 / :math:`\delta`: the distances are
    rounded before they are compared.

    References
    ----------
    .. [1] W. Park et al., "Relational Knowledge Distillation", CVPR 2019,
       equations 5 to 9, arXiv:1904.05068.

    Examples
    --------
    Three points on a line, at 0, 1, 2 and at 0, 1, 3.  In units of the means, 4/3 and 2, the distances 01, 12, 02
    differ by 1/4, -1/4, 0: twice two thirty-seconds, over nine pairs.

    >>> round(relational_distance_loss([[0.0], [1.0], [2.0]], [[0.0], [1.0], [3.0]]), 6)
    0.013889
    >>> round(2.0 * 2.0 / 32.0 / 9.0, 6)
    0.013889
    """
    student, teacher, _ = batches(student_features, teacher_features)
    scaled, target = _in_units_of_mean(STUDENT, student), _in_units_of_mean(TEACHER, teacher)
    return float(_huber(scaled.ratios - target.ratios).mean())


def relational_distance_loss_grad(
    student_features: ArrayLike, teacher_features: ArrayLike
) -> FloatArray:
    r"""Gradient of `relational_distance_loss` with respect to ``student_features``.

    With :math:`r = d / \mu`, n the number of positive distances and
    :math:`H_{ij} = h'(r^f_{ij} - r^g_{ij}) / N^2`,

    .. math::

        W_{ij} = \frac{\partial L}{\partial d^f_{ij}}
            = \frac{1}{\mu_f} \Bigl(H_{ij} - \frac{1}{n} \sum_{k, l} H_{kl}\, r^f_{kl}\Bigr), \qquad
        \frac{\partial L}{\partial f_i} = 2 \sum_{j:\, d_{ij} > 0} W_{ij} \frac{f_i - f_j}{d^f_{ij}}

    Parameters
    ----------
    student_features, teacher_features
        See `relational_distance_loss`.

    Returns
    -------
    ndarray, the shape of ``student_features``
        Sums to zero over the examples: a common shift changes no distance.

    Raises
    ------
    TypeError, ValueError
        As for `relational_distance_loss`.

    Examples
    --------
    Two examples are at their mean distance whatever they are: nothing to learn.

    >>> relational_distance_loss_grad([[0.0], [2.0]], [[1.0], [8.0]]) + 0.0
    array([[0.],
           [0.]])
    """
    student, teacher, shape = batches(student_features, teacher_features)
    scaled, target = _in_units_of_mean(STUDENT, student), _in_units_of_mean(TEACHER, teacher)
    h = _huber_slope(scaled.ratios - target.ratios) / len(student) ** 2
    slopes = (h - (h * scaled.ratios).sum() / scaled.pairs.apart.sum()) / scaled.mean
    grads: FloatArray = 2.0 * (slopes[:, :, np.newaxis] * scaled.pairs.directions).sum(axis=1)
    with np.errstate(over="ignore"):  # a slope beyond float64 is infinite
        return np.asarray(np.ldexp(grads, -scaled.pairs.exponent)).reshape(shape)


def relational_angle_loss(student_features: ArrayLike, teacher_features: ArrayLike) -> float:
    r"""Huber distance between the angles of all triplets of a batch.

    .. math::

        e_{ij} = \frac{f_i - f_j}{\|f_i - f_j\|_2}, \qquad c^f_{ijk} = e_{ij} \cdot e_{kj}, \qquad
        L = \frac{1}{N^3} \sum_{i, j, k} h\bigl(c^f_{ijk} - c^g_{ijk}\bigr)

    with :math:`h(x) = x^2 / 2` for :math:`|x| \le 1` and :math:`|x| - 1/2` beyond; e is 0 for coinciding examples.

    Parameters
    ----------
    student_features : array_like, shape (N, D) or (N, C, H, W)
        :math:`f`.
    teacher_features : array_like, shape (N, D') or (N, C', H', W')
        :math:`g`; constants.

    Returns
    -------
    float
        Mean over all N³ triplets; without unit, zero exactly for equal features, and for fewer than three examples.

    Raises
    ------
    TypeError, ValueError
        As for `similarity_preserving_loss`, except that rows may be zero.

    Notes
    -----
    Kinks: two examples of the student that coincide (their directions, and their gradient, count 0), and the joint
    of h.  Scaling or shifting all features of a side changes nothing.  Needs N³ numbers.  At a relative distance
    :math:`\delta` between the two sides, value and gradient keep a relative accuracy of a few 1e-16 / :math:`\delta`:
    the cosines are rounded before they are compared.

    References
    ----------
    .. [1] W. Park et al., "Relational Knowledge Distillation", CVPR 2019,
       equations 10 to 12, arXiv:1904.05068.

    Examples
    --------
    A right angle at the second point, two of 45° elsewhere, against three points on a line (cosines 1, -1, 1):
    differences of 1 and of √½ - 1 (twice), each counted in both orders, over 27 triplets.

    >>> import numpy as np
    >>> student, teacher = [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]], [[-1.0], [0.0], [1.0]]
    >>> round(relational_angle_loss(student, teacher), 6)
    0.043392
    >>> round(2.0 * (0.5 + 2.0 * (1.0 - float(np.sqrt(0.5))) ** 2 / 2.0) / 27.0, 6)
    0.043392
    """
    student, teacher, _ = batches(student_features, teacher_features)
    return float(_huber(_cosines_at(_pairs(student)) - _cosines_at(_pairs(teacher))).mean())


def relational_angle_loss_grad(
    student_features: ArrayLike, teacher_features: ArrayLike
) -> FloatArray:
    r"""Gradient of `relational_angle_loss` with respect to ``student_features``.

    With :math:`H_{ijk} = h'(c^f_{ijk} - c^g_{ijk}) / N^3`, symmetric in i and k,

    .. math::

        E_{ij} = \frac{\partial L}{\partial e_{ij}} = 2 \sum_k H_{ijk}\, e_{kj}, \qquad
        V_{ij} = \frac{E_{ij} - (E_{ij} \cdot e_{ij})\, e_{ij}}{\|f_i - f_j\|}, \qquad
        \frac{\partial L}{\partial f_i} = \sum_j (V_{ij} - V_{ji})

    Parameters
    ----------
    student_features, teacher_features
        See `relational_angle_loss`.

    Returns
    -------
    ndarray, the shape of ``student_features``
        Sums to zero over the examples.

    Raises
    ------
    TypeError, ValueError
        As for `relational_angle_loss`.

    Examples
    --------
    On a line the cosines are 1 or -1 and cannot move a little: no gradient.

    >>> relational_angle_loss_grad([[0.0], [1.0], [3.0]], [[0.0], [5.0], [3.0]]) + 0.0
    array([[0.],
           [0.],
           [0.]])
    """
    student, teacher, shape = batches(student_features, teacher_features)
    pairs = _pairs(student)
    h = _huber_slope(_cosines_at(pairs) - _cosines_at(_pairs(teacher))) / len(student) ** 3
    seen_from = pairs.directions.transpose(1, 0, 2)  # [j, i] is e_ij
    slopes = 2.0 * h @ seen_from  # (N, N, N) @ (N, N, D)
    across = slopes - (slopes * seen_from).sum(axis=2, keepdims=True) * seen_from
    with np.errstate(divide="ignore", invalid="ignore"):  # coinciding examples, which count 0
        moves = np.where(
            pairs.apart.T[..., np.newaxis], across / pairs.distances.T[..., np.newaxis], 0.0
        )
    grads: FloatArray = moves.sum(axis=0) - moves.sum(axis=1)
    with np.errstate(over="ignore"):  # a slope beyond float64 is infinite
        return np.asarray(np.ldexp(grads, -pairs.exponent)).reshape(shape)


def probabilistic_transfer_loss(student_features: ArrayLike, teacher_features: ArrayLike) -> float:
    r"""KL divergence between the examples' neighbourhoods, conditional probabilities made of cosines.

    .. math::

        K_{ij} = \frac{1}{2} \Bigl(\frac{f_i \cdot f_j}{\|f_i\|\, \|f_j\|} + 1\Bigr), \qquad
        q_{ij} = \frac{K_{ij}}{\sum_k K_{ik}}, \qquad
        L = \frac{1}{N} \sum_{i=1}^{N} \mathrm{KL}(p_i \,\|\, q_i)

    with p made of the teacher's features in the same way.

    Parameters
    ----------
    student_features : array_like, shape (N, D) or (N, C, H, W)
        :math:`f`; no example all zeros.
    teacher_features : array_like, shape (N, D') or (N, C', H', W')
        :math:`g`; constants, no example all zeros.

    Returns
    -------
    float
        In nats, at least 0; zero exactly for equal features.  ``inf`` where two examples of the student are exactly
        opposite and the teacher's are not.

    Raises
    ------
    TypeError, ValueError
        As for `similarity_preserving_loss`.

    Notes
    -----
    An example counts as its own neighbour.  The mean over the N rows is the paper's divergence per row; the authors'
    code divides by N².  Opposite means that the normalised vectors, as float64 has them, are.  At a relative distance
    :math:`\delta` between the two sides, value and gradient keep a relative accuracy of a few 1e-16 / :math:`\delta`:
    the probabilities are rounded before they are compared.

    References
    ----------
    .. [1] N. Passalis, A. Tefas, "Learning Deep Representations with Probabilistic Knowledge Transfer", ECCV 2018,
       equations 3 to 6, arXiv:1803.10837.

    Examples
    --------
    The student's examples are at right angles: K = 1 and 1/2, q = (2/3, 1/3); the teacher's equal: p = (1/2, 1/2).
    KL = 1/2 log(3/4) + 1/2 log(3/2) = 1/2 log(9/8).

    >>> student, teacher = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]
    >>> round(probabilistic_transfer_loss(student, teacher), 6)
    0.058892
    """
    student, teacher, _ = batches(student_features, teacher_features)
    (f, _), (g, _) = _directions(student, teacher)
    return float(kl_rows(_neighbourhoods(f, g)).mean())


def probabilistic_transfer_loss_grad(
    student_features: ArrayLike, teacher_features: ArrayLike
) -> FloatArray:
    r"""Gradient of `probabilistic_transfer_loss` with respect to ``student_features``.

    .. math::

        \frac{\partial L}{\partial K_{ij}} = \frac{q_{ij} - p_{ij}}{N K_{ij}}, \qquad
        B_{ij} = \frac{\partial L}{\partial \cos_{ij}} = \frac{q_{ij} - p_{ij}}{2 N K_{ij}}, \qquad
        \frac{\partial L}{\partial f_i} = \frac{1}{\|f_i\|} \bigl(I - \hat f_i \hat f_i^\top\bigr)
            \sum_j (B_{ij} + B_{ji}) \hat f_j

    Parameters
    ----------
    student_features, teacher_features
        See `probabilistic_transfer_loss`.

    Returns
    -------
    ndarray, the shape of ``student_features``
        Each example's is at right angles to its features.

    Raises
    ------
    TypeError, ValueError
        As for `probabilistic_transfer_loss`; also, naming the row, where two examples of the student are exactly
        opposite: the slope is not finite there.

    Examples
    --------
    The example above: off the diagonal B = (1/3 - 1/2) / (2 · 2 · 1/2) = -1/12, once from each side.

    >>> student, teacher = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]
    >>> probabilistic_transfer_loss_grad(student, teacher).round(6) + 0.0
    array([[ 0.      , -0.166667],
           [-0.166667,  0.      ]])
    """
    student, teacher, shape = batches(student_features, teacher_features)
    (f, lengths), (g, _) = _directions(student, teacher)
    doubled = _doubled_kernel(f)
    opposite = np.asarray((doubled <= 0.0).any(axis=1))
    _checks.finite_rows(
        "probabilistic_transfer_loss",
        opposite,
        np.arange(len(f)),
        "two examples of the student are opposite",
    )
    slopes = _neighbourhoods(f, g).difference() / (len(f) * doubled)
    return through_unit(f, lengths, (slopes + slopes.T) @ f).reshape(shape)


@dataclass(frozen=True)
class Scaled:
    """Vectors times a power of two, so that their largest entry is near 1 and no square overflows."""

    vectors: FloatArray
    exponent: int


@dataclass(frozen=True)
class Pairs:
    """All pairs of a batch: distances, directions from j to i, which are apart; times 2^exponent each."""

    distances: FloatArray
    directions: FloatArray
    apart: BoolArray
    exponent: int


@dataclass(frozen=True)
class Ratios:
    """Distances in units of their mean, which is that of the scaled pairs."""

    ratios: FloatArray
    mean: float
    pairs: Pairs


def _scaled(vectors: FloatArray) -> Scaled:
    _, exponent = math.frexp(abs(vectors).max())
    return Scaled(np.ldexp(vectors, -exponent), exponent)


def _gram_angles(student: FloatArray, teacher: FloatArray) -> Cosines:
    """Angles between the rows of the two Gram matrices."""
    return cosines(_gram_rows(STUDENT, student), _gram_rows(TEACHER, teacher))


def _gram_rows(name: str, vectors: FloatArray) -> FloatArray:
    """The Gram matrix of the scaled vectors, each row with its own example scaled to 1 once more."""
    _nonzero(name, vectors)
    scaled = _scaled(vectors).vectors
    rows, _ = scaled_rows(scaled)
    gram = np.asarray(rows @ scaled.T)  # (N, D) @ (D, N)
    _nonzero(f"the similarities of {name}", gram)
    return gram


def _directions(
    student: FloatArray, teacher: FloatArray
) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
    """Unit rows and lengths of both sides."""
    _nonzero(STUDENT, student)
    _nonzero(TEACHER, teacher)
    return unit_rows(student), unit_rows(teacher)


def _nonzero(name: str, vectors: FloatArray) -> None:
    nonzero_rows(name, vectors, weighted_rows(len(vectors), None))


def _kernel(cosine: FloatArray, gamma: float, order: int) -> FloatArray:
    """The Taylor series of exp(2 gamma (cos - 1)) around cos = 0, up to a power."""
    total = term = np.full_like(cosine, math.exp(-gamma) ** 2)
    for n in range(1, order + 1):
        term = term * (gamma / n) * 2.0 * cosine  # at most 1, whatever gamma is
        total = total + term
    return total


def _pairs(vectors: FloatArray) -> Pairs:
    scaled = _scaled(vectors)
    steps = scaled.vectors[:, np.newaxis] - scaled.vectors[np.newaxis]  # [i, j] is f_i - f_j
    distances = norms(steps.reshape(-1, steps.shape[2])).reshape(steps.shape[:2])
    apart = distances > 0.0
    directions = steps / np.where(apart, distances, 1.0)[..., np.newaxis]
    return Pairs(distances, directions, apart, scaled.exponent)


def _in_units_of_mean(name: str, vectors: FloatArray) -> Ratios:
    pairs = _pairs(vectors)
    if not pairs.apart.any():
        raise ValueError(f"{name} must hold two different rows, got {len(vectors)} that coincide")
    mean = float(pairs.distances.sum() / pairs.apart.sum())
    return Ratios(pairs.distances / mean, mean, pairs)


def _cosines_at(pairs: Pairs) -> FloatArray:
    """[j, i, k] is the cosine at j of the directions to i and k."""
    seen_from = pairs.directions.transpose(1, 0, 2)
    return np.asarray(seen_from @ seen_from.transpose(0, 2, 1))


def _neighbourhoods(f: FloatArray, g: FloatArray) -> SoftenedPair:
    """Both distributions, of unit rows: a softmax of logarithms divides by the sum."""
    with np.errstate(divide="ignore"):  # opposite examples have no probability
        return soften_pair(np.log(_doubled_kernel(g)), np.log(_doubled_kernel(f)), 1.0)


def _doubled_kernel(unit: FloatArray) -> FloatArray:
    """2 K, 1 + cos; where that cancels it is half the squared length of the sum of two unit vectors."""
    cosine = unit @ unit.T
    doubled = 1.0 + cosine
    i, j = np.nonzero(cosine < -0.5)
    doubled[i, j] = ((unit[i] + unit[j]) ** 2).sum(axis=1) / 2.0
    return np.asarray(doubled)


def _huber(x: FloatArray) -> FloatArray:
    inside = abs(x) <= 1.0
    return np.where(inside, x * x / 2.0, abs(x) - 0.5)


def _huber_slope(x: FloatArray) -> FloatArray:
    return np.minimum(np.maximum(x, -1.0), 1.0)
