"""The rows of a loss: which of them count, their weighted mean, and their gradients put back in place."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray, IntArray

TINY = 2.0**-64
"""So many rows of any size have a sum, once they are multiplied by it."""


@dataclass(frozen=True)
class Rows:
    """The rows that carry weight, out of ``n_rows``; the others are not looked at.

    Attributes
    ----------
    n_rows : int
        N, as the caller gave it.
    kept : array of int, shape (n,)
        The places of the rows with a weight above zero.
    weights : array, shape (n,)
        Their weights, scaled by a power of two so that no sum overflows; 1 without weights.
    """

    n_rows: int
    kept: IntArray
    weights: FloatArray

    def mean(self, values: FloatArray) -> float:
        r"""The weighted mean :math:`\sum_i w_i l_i / \sum_i w_i`."""
        with np.errstate(over="ignore"):
            total = (self.weights * values).sum()
        if np.isinf(total):  # a mean of what float64 holds is one too
            return float((self.weights * (values * TINY)).sum() / self.weights.sum() / TINY)
        return float(total / self.weights.sum())

    def mean_grad(self, row_grads: FloatArray) -> FloatArray:
        """The gradient of `mean`: each row's gradient times its share, zeros for rows without weight."""
        out = np.zeros((self.n_rows, *row_grads.shape[1:]))
        out[self.kept] = row_grads * self.weights[:, np.newaxis] / self.weights.sum()
        return out


def weighted_rows(n_rows: int, weights: ArrayLike | None) -> Rows:
    """The rows that ``weights`` keeps; all of them without weights."""
    if weights is None:
        return Rows(n_rows, np.arange(n_rows), np.ones(n_rows))
    checked = _checks.row_weights(weights, n_rows)
    kept = np.flatnonzero(checked)
    _, exponent = np.frexp(checked.max())
    return Rows(n_rows, kept, np.ldexp(checked[kept], -exponent))


def logit_rows(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    weights: ArrayLike | None,
    *,
    exclusion: bool = True,
) -> tuple[FloatArray, FloatArray, Rows]:
    """Checked student and teacher logits of the rows that count."""
    student = _matrix("student_logits", student_logits)
    teacher = _matrix("teacher_logits", teacher_logits)
    _checks.same_shape("student_logits", student, "teacher_logits", teacher)
    rows = weighted_rows(len(student), weights)
    return (
        _kept_logits("student_logits", student, rows, exclusion=exclusion),
        _kept_logits("teacher_logits", teacher, rows, exclusion=exclusion),
        rows,
    )


def unlike_logit_rows(
    student_logits: ArrayLike, teacher_logits: ArrayLike, weights: ArrayLike | None
) -> tuple[FloatArray, FloatArray, Rows]:
    """The same for two sides that need not have the same classes, only the same rows."""
    student = _matrix("student_logits", student_logits)
    teacher = _matrix("teacher_logits", teacher_logits)
    if len(student) != len(teacher):
        raise ValueError(
            "student_logits and teacher_logits must have the same number of rows, "
            f"got {student.shape} and {teacher.shape}"
        )
    rows = weighted_rows(len(student), weights)
    return (
        _kept_logits("student_logits", student, rows),
        _kept_logits("teacher_logits", teacher, rows),
        rows,
    )


def labelled_rows(
    student_logits: ArrayLike, labels: ArrayLike, weights: ArrayLike | None
) -> tuple[FloatArray, IntArray, Rows]:
    """Checked student logits and labels, shape (n, 1), of the rows that count."""
    student = _matrix("student_logits", student_logits)
    rows = weighted_rows(len(student), weights)
    ids = kept_labels(labels, student.shape[1], rows)
    return _kept_logits("student_logits", student, rows), ids, rows


def kept_labels(labels: ArrayLike, n_classes: int, rows: Rows) -> IntArray:
    """Checked labels of the rows that count, as a column."""
    kept = _checks.row_integers("labels", labels, rows.n_rows)[rows.kept]
    return _checks.class_ids("labels", kept, n_classes, row_numbers=rows.kept)[:, np.newaxis]


def term(weight: float, values: FloatArray) -> FloatArray:
    """A weighted term of a loss; with weight 0 it is left out, even where it is infinite."""
    with np.errstate(over="ignore"):
        return weight * values if weight > 0.0 else np.zeros_like(values)


def _matrix(name: str, value: ArrayLike) -> FloatArray:
    array = _checks.real_array(name, value)
    _checks.matrix(name, array)
    return array


def _kept_logits(name: str, array: FloatArray, rows: Rows, *, exclusion: bool = True) -> FloatArray:
    return _checks.logits(name, array[rows.kept], row_numbers=rows.kept, exclusion=exclusion)
