r"""Losses on correlations between the softened distributions, along the rows and along the columns of a batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray
from kdref._softened import Softened, pick, soften
from kdref.losses._rows import logit_rows
from kdref.losses._vectors import cosines


def dist_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    inter_weight: float = 1.0,
    intra_weight: float = 1.0,
) -> float:
    r"""How badly the student's probabilities correlate with the teacher's, within examples and within classes.

    .. math::

        L = \beta \Bigl(1 - \frac{1}{N} \sum_{i=1}^{N} r(p_{i \cdot}, q_{i \cdot})\Bigr)
            + \gamma \Bigl(1 - \frac{1}{C} \sum_{k=1}^{C} r(p_{\cdot k}, q_{\cdot k})\Bigr)

    with :math:`p = \mathrm{softmax}(t / T)`, :math:`q = \mathrm{softmax}(s / T)` and Pearson's correlation r.

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; constants, never differentiated.
    temperature : float, default 1.0
        :math:`T > 0`, applied to both sides.
    inter_weight : float, default 1.0
        :math:`\beta \ge 0`, of the relation between the classes of an example (rows).
    intra_weight : float, default 1.0
        :math:`\gamma \ge 0`, of the relation between the examples of a class (columns).

    Returns
    -------
    float
        Between 0 and :math:`2 (\beta + \gamma)`, without unit.  Zero exactly for equal logits if no row and no column
        of probabilities is constant; a constant one has r = 0 and costs its full share: so do all columns of a
        single example.

    Raises
    ------
    TypeError, ValueError
        As for `forward_kl_loss`; also if a weight is not finite and at least 0.

    Notes
    -----
    There is no ``weights``: the columns couple the examples, so that the loss of a batch is not a mean over rows.
    Any positive multiple of the deviations from the mean correlates perfectly; the loss ignores how sure a
    distribution is.  Constant means exactly constant: where a row or column nearly is, r is ill-conditioned and the
    gradient steep.  The authors' code adds 1e-8 to the denominator of r and multiplies both terms by :math:`T^2`.

    References
    ----------
    .. [1] T. Huang et al., "Knowledge Distillation from A Stronger Teacher" (DIST), 2022, equations 6 to 9,
       arXiv:2205.10536.

    Examples
    --------
    Two classes rise and fall together: here every row and column correlates by 1 or by -1. The first example agrees,
    the second is reversed: r = (1, -1) along the rows.

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0], [1.0, 3.0]]), np.log([[3.0, 1.0], [2.0, 1.0]])
    >>> round(dist_loss(student, teacher, intra_weight=0.0), 6)
    1.0

    The student's first column, (3/4, 2/3), falls as the teacher's does.

    >>> round(dist_loss(student, teacher, inter_weight=0.0), 6)
    0.0
    """
    inter_weight, intra_weight = _weights(inter_weight, intra_weight)
    p, q = _softened_batches(student_logits, teacher_logits, temperature)
    inter, _ = _deficits(q.p, p.p)
    intra, _ = _deficits(q.p.T, p.p.T)
    return float(inter_weight * inter.mean() + intra_weight * intra.mean())


def dist_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    inter_weight: float = 1.0,
    intra_weight: float = 1.0,
) -> FloatArray:
    r"""Gradient of `dist_loss` with respect to ``student_logits``.

    For centred vectors :math:`a = q - \bar q` and :math:`b = p - \bar p`, :math:`r = \hat a \cdot \hat b`; the
    centring drops out, because :math:`\hat b - r \hat a` sums to zero already:

    .. math::

        \frac{\partial r}{\partial q} = \frac{\hat b - r\, \hat a}{\|a\|}, \qquad
        G_{ik} = -\frac{\beta}{N} \frac{\partial r_{i \cdot}}{\partial q_{ik}}
            - \frac{\gamma}{C} \frac{\partial r_{\cdot k}}{\partial q_{ik}}, \qquad
        \frac{\partial L}{\partial s_{ik}} = \frac{1}{T} q_{ik} \Bigl(G_{ik} - \sum_j q_{ij} G_{ij}\Bigr)

    Parameters
    ----------
    student_logits, teacher_logits, temperature, inter_weight, intra_weight
        See `dist_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero; a constant row or column (a kink) adds nothing.

    Raises
    ------
    TypeError, ValueError
        As for `dist_loss`.

    Examples
    --------
    Three examples of two classes; only the columns count, whose entries are q = (1/2, 1/2, 3/4) and
    p = (1/2, 3/4, 3/4). Centred: a = (-1, -1, 2)/12 and b = (-2, 1, 1)/12, r = 1/2, and b̂ - r â over the
    length of a is (-3, 3, 0). Each of the two opposite columns has -1/2 of that, and q (1 - q) = 1/4 comes in.

    >>> import numpy as np
    >>> teacher = np.log([[1.0, 1.0], [3.0, 1.0], [3.0, 1.0]])
    >>> student = np.log([[1.0, 1.0], [1.0, 1.0], [3.0, 1.0]])
    >>> dist_loss_grad(student, teacher, inter_weight=0.0)[:2].round(6)
    array([[ 0.75, -0.75],
           [-0.75,  0.75]])
    """
    inter_weight, intra_weight = _weights(inter_weight, intra_weight)
    p, q = _softened_batches(student_logits, teacher_logits, temperature)
    _, inter = _deficits(q.p, p.p)
    _, intra = _deficits(q.p.T, p.p.T)
    n_examples, n_classes = q.p.shape
    slopes = inter_weight / n_examples * inter + intra_weight / n_classes * intra.T
    return q.backward(slopes - pick(slopes, q.top)) / _checks.temperature(temperature)


def _weights(inter_weight: float, intra_weight: float) -> tuple[float, float]:
    return _checks.not_negative("inter_weight", inter_weight), _checks.not_negative(
        "intra_weight", intra_weight
    )


def _softened_batches(
    student_logits: ArrayLike, teacher_logits: ArrayLike, temperature: float
) -> tuple[Softened, Softened]:
    """The teacher's and the student's distributions."""
    temperature = _checks.temperature(temperature)
    student, teacher, _ = logit_rows(student_logits, teacher_logits, None)
    return soften(teacher, temperature), soften(student, temperature)


def _deficits(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """1 - r of each pair of rows and its gradient with respect to the first; 1 and 0 where one is constant."""
    varied = (np.ptp(first, axis=1) > 0.0) & (np.ptp(second, axis=1) > 0.0)
    deficits, grads = np.ones(len(first)), np.zeros_like(first)
    if varied.any():
        angles = cosines(_centred(first[varied]), _centred(second[varied]))
        deficits[varied], grads[varied] = angles.deficit, angles.grad
    return deficits, grads


def _centred(rows: FloatArray) -> FloatArray:
    return np.asarray(rows - rows.mean(axis=1, keepdims=True))
