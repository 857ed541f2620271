r"""Losses between models whose classes are not the same: different tokenizers, different vocabularies."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kdref._checks import FloatArray, IntArray
from kdref._softened import SoftenedPair, pick, soften_pair
from kdref.losses._rows import Rows, unlike_logit_rows


def universal_logit_loss(
    student_logits: ArrayLike, teacher_logits: ArrayLike, *, weights: ArrayLike | None = None
) -> float:
    r"""Sum of the differences between the sorted probabilities of student and teacher.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \sum_{j=1}^{\max(C, C')} \bigl|q_{i (j)} - p_{i (j)}\bigr|, \qquad
        q_i = \mathrm{softmax}(s_i), \quad p_i = \mathrm{softmax}(t_i)

    where :math:`(j)` is the j-th largest of its row, and the shorter row is padded with zeros.

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    teacher_logits : array_like, shape (N, C')
        Unnormalised scores :math:`t`, over as many classes as the teacher has; constants, never differentiated.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, between 0 and 2 and without unit; zero exactly for equal logits, in any order of the
        classes.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers.
    ValueError
        If an array is not 2-D, the numbers of rows differ, an entry is NaN or ``+inf``, a row holds only ``-inf``, or
        the weights are not usable.

    See Also
    --------
    total_variation_loss : half of this, if both sides rank the same classes alike.

    Notes
    -----
    This is the Wasserstein-1 distance with the same cost between any two tokens.  It compares how sure the two are, not
    of what.  The kinks are ties: equal probabilities at one rank, where the sign taken is 0, and equal probabilities of
    two of the student's classes, which keep their order.

    References
    ----------
    .. [1] N. Boizard et al., "Towards Cross-Tokenizer Distillation: the Universal Logit Distillation Loss for LLMs",
       2024, section 3.2, arXiv:2402.12030.

    Examples
    --------
    Sorted, the student has (3/4, 1/4) and the teacher (1/2, 1/4, 1/4): 1/4 + 0 + 1/4.

    >>> import numpy as np
    >>> student, teacher = np.log([[1.0, 3.0]]), np.log([[1.0, 2.0, 1.0]])
    >>> round(universal_logit_loss(student, teacher), 6)
    0.5
    """
    pair, _, rows = _ranked_pair(student_logits, teacher_logits, weights)
    return rows.mean(abs(pair.difference()).sum(axis=1))


def universal_logit_loss_grad(
    student_logits: ArrayLike, teacher_logits: ArrayLike, *, weights: ArrayLike | None = None
) -> FloatArray:
    r"""Gradient of `universal_logit_loss` with respect to ``student_logits``.

    Sorting moves entries and changes none, so that a class takes the slope of its rank :math:`\rho_k`:

    .. math::

        g_k = \mathrm{sign}\bigl(q_{(\rho_k)} - p_{(\rho_k)}\bigr), \qquad
        \frac{\partial L}{\partial s_{ik}} = \frac{1}{N} q_{ik} \Bigl(g_{ik} - \sum_j q_{ij} g_{ij}\Bigr)

    Parameters
    ----------
    student_logits, teacher_logits, weights
        See `universal_logit_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero.

    Raises
    ------
    TypeError, ValueError
        As for `universal_logit_loss`.

    Examples
    --------
    The larger class is too sure (g = 1), the smaller is right (g = 0): q (g - 3/4).

    >>> import numpy as np
    >>> student, teacher = np.log([[1.0, 3.0]]), np.log([[1.0, 2.0, 1.0]])
    >>> universal_logit_loss_grad(student, teacher).round(6)
    array([[-0.1875,  0.1875]])
    """
    pair, order, rows = _ranked_pair(student_logits, teacher_logits, weights)
    slopes = pair.sign()
    by_rank = pair.q.backward(slopes - pick(slopes, pair.q.top))[:, : order.shape[1]]
    row_grads = np.empty_like(by_rank)
    np.put_along_axis(row_grads, order, by_rank, axis=1)
    return rows.mean_grad(row_grads)


def _ranked_pair(
    student_logits: ArrayLike, teacher_logits: ArrayLike, weights: ArrayLike | None
) -> tuple[SoftenedPair, IntArray, Rows]:
    """Both sides by descending logits at T = 1, where the student's came from, and the rows.

    Sorted logits soften to sorted probabilities, and the pair keeps the digits of their difference.
    """
    student, teacher, rows = unlike_logit_rows(student_logits, teacher_logits, weights)
    order = np.argsort(-student, axis=1, kind="stable")
    students, teachers = np.take_along_axis(student, order, axis=1), -np.sort(-teacher, axis=1)
    width = max(student.shape[1], teacher.shape[1])
    # A padded zero is the probability of an excluded class.
    students, teachers = (
        np.pad(z, ((0, 0), (0, width - z.shape[1])), constant_values=-np.inf)
        for z in (students, teachers)
    )
    return soften_pair(teachers, students, 1.0), order, rows
