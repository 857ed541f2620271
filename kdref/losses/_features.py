"""Feature arrays, (N, D) vectors or (N, C, H, W) maps: checked, flattened to rows, and put back in shape."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray
from kdref.losses._arguments import nonzero_rows
from kdref.losses._rows import Rows, weighted_rows
from kdref.losses._vectors import norms

STUDENT, TEACHER = "student_features", "teacher_features"


@dataclass(frozen=True)
class FeaturePair:
    """Student and teacher features of the rows that count, and the shape of the student's as the caller gave it."""

    student: FloatArray
    teacher: FloatArray
    rows: Rows
    shape: tuple[int, ...]

    def mean_grad(self, row_grads: FloatArray) -> FloatArray:
        """Gradients of the rows, weighted, in the shape of the student's features."""
        flat = row_grads.reshape(len(row_grads), -1)
        return self.rows.mean_grad(flat).reshape(self.shape)


def feature_pair(
    student_features: ArrayLike, teacher_features: ArrayLike, weights: ArrayLike | None = None
) -> FeaturePair:
    """Vectors or maps of one shape, flattened to rows."""
    student = _array(STUDENT, student_features, maps=False)
    teacher = _array(TEACHER, teacher_features, maps=False)
    _checks.same_shape(STUDENT, student, TEACHER, teacher)
    return _kept(student, teacher, weights, flat=True)


def map_pair(
    student_features: ArrayLike, teacher_features: ArrayLike, weights: ArrayLike | None = None
) -> FeaturePair:
    """Maps of one number and size, with any number of channels each: (n, C, H W)."""
    student = _array(STUDENT, student_features, maps=True)
    teacher = _array(TEACHER, teacher_features, maps=True)
    if student.shape[0] != teacher.shape[0] or student.shape[2:] != teacher.shape[2:]:
        raise ValueError(
            f"{STUDENT} and {TEACHER} must have the same shape but for the channels, "
            f"got {student.shape} and {teacher.shape}"
        )
    return _kept(student, teacher, weights, flat=False)


def batches(
    student_features: ArrayLike, teacher_features: ArrayLike
) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
    """Two batches of N vectors, of any length each, for losses that compare examples; and the student's shape."""
    student = _array(STUDENT, student_features, maps=False)
    teacher = _array(TEACHER, teacher_features, maps=False)
    same_number(student, teacher)
    pair = _kept(student, student, None, flat=True), _kept(teacher, teacher, None, flat=True)
    return pair[0].student, pair[1].teacher, student.shape


def same_number(student: FloatArray, teacher: FloatArray) -> None:
    """As many examples on both sides."""
    if len(student) != len(teacher):
        raise ValueError(
            f"{STUDENT} and {TEACHER} must have the same number of rows, "
            f"got {student.shape} and {teacher.shape}"
        )


def maps_of(name: str, value: ArrayLike, rows: Rows, shape: tuple[int, ...]) -> FloatArray:
    """A second array of maps beside a first one of the given shape: the channels may differ."""
    array = _array(name, value, maps=True)
    if array.shape[0] != shape[0] or array.shape[2:] != shape[2:]:
        raise ValueError(
            f"{name} must have shape {(shape[0], 'C', *shape[2:])} for any C, got {array.shape}"
        )
    kept = _checks.finite_array(name, array[rows.kept])
    return kept.reshape(*kept.shape[:2], -1)


def unit_rows(name: str, vectors: FloatArray, rows: Rows) -> tuple[FloatArray, FloatArray]:
    """Rows of length 1 and the lengths they had, shape (n, 1); none may be zero."""
    nonzero_rows(name, vectors, rows)
    lengths = norms(vectors)
    return vectors / lengths, lengths


def through_unit(unit: FloatArray, lengths: FloatArray, grads: FloatArray) -> FloatArray:
    r"""The chain rule through :math:`\hat f = f / \|f\|`: :math:`(g - (g \cdot \hat f) \hat f) / \|f\|`."""
    across = grads - (grads * unit).sum(axis=-1, keepdims=True) * unit
    return np.asarray(across / lengths)


def _array(name: str, value: ArrayLike, *, maps: bool) -> FloatArray:
    array = _checks.real_array(name, value)
    if array.ndim not in ((4,) if maps else (2, 4)) or 0 in array.shape:
        shapes = "(N, C, H, W)" if maps else "(N, D) or (N, C, H, W)"
        raise ValueError(f"{name} must have shape {shapes} and no empty axis, got {array.shape}")
    return array


def _kept(
    student: FloatArray, teacher: FloatArray, weights: ArrayLike | None, *, flat: bool
) -> FeaturePair:
    rows = weighted_rows(len(student), weights)
    kept = []
    for name, array in ((STUDENT, student), (TEACHER, teacher)):
        used = _checks.finite_array(name, array[rows.kept])
        kept.append(used.reshape(len(used), -1) if flat else used.reshape(*used.shape[:2], -1))
    return FeaturePair(kept[0], kept[1], rows, student.shape)
