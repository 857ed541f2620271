"""The rows of a loss: which of them count, their weighted mean, and their gradients put back in place.

The same conventions as in the plain losses (a row of weight 0 is not looked at), in double-double arithmetic.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray, IntArray
from kdref.exact.double_double import DoubleDouble, double_double


def row_result(rows: DoubleDouble) -> float | FloatArray:
    """Values of shape (..., 1), rounded: a builtin float for one row, an array for several."""
    return _checks.row_result(np.asarray(rows.hi[..., 0]))


@dataclass(frozen=True)
class Rows:
    """The rows that carry weight, out of ``n_rows``; ``kept`` are their places and ``shares`` their w / sum w."""

    n_rows: int
    kept: IntArray
    shares: DoubleDouble

    def mean(self, values: DoubleDouble) -> float:
        """The weighted mean of values of shape (n, 1), rounded once."""
        return float((values[:, 0] * self.shares).sum().hi[0])

    def mean_grad(self, row_grads: DoubleDouble) -> FloatArray:
        """The gradient of `mean`: each row's gradient times its share, zeros for rows without weight."""
        out = np.zeros((self.n_rows, *row_grads.hi.shape[1:]))
        out[self.kept] = (row_grads * self.shares[:, np.newaxis]).hi
        return out


def weighted_rows(n_rows: int, weights: ArrayLike | None) -> Rows:
    """The rows that ``weights`` keeps; all of them without weights."""
    checked = np.ones(n_rows) if weights is None else _checks.row_weights(weights, n_rows)
    kept = np.flatnonzero(checked)
    _, exponent = np.frexp(checked.max())
    scaled = double_double(np.ldexp(checked[kept], -exponent))  # so that no sum overflows
    return Rows(n_rows, kept, scaled / scaled.sum())


def logit_rows(
    student_logits: ArrayLike, teacher_logits: ArrayLike, weights: ArrayLike | None
) -> tuple[FloatArray, FloatArray, Rows]:
    """Checked student and teacher logits of the rows that count."""
    student = _matrix("student_logits", student_logits)
    teacher = _matrix("teacher_logits", teacher_logits)
    _checks.same_shape("student_logits", student, "teacher_logits", teacher)
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
    ids = _checks.integers("labels", labels)
    _checks.per_row("labels", ids, rows.n_rows)
    kept = _checks.class_ids("labels", ids[rows.kept], student.shape[1], row_numbers=rows.kept)
    return _kept_logits("student_logits", student, rows), kept[:, np.newaxis], rows


def _matrix(name: str, value: ArrayLike) -> FloatArray:
    array = _checks.real_array(name, value)
    _checks.matrix(name, array)
    return array


def _kept_logits(name: str, array: FloatArray, rows: Rows) -> FloatArray:
    return _checks.logits(name, array[rows.kept], row_numbers=rows.kept)
