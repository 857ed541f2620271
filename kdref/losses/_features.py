"""Feature arrays, (N, D) vectors or (N, C, H, W) maps: checked, flattened to rows, and put back in shape."""

from dataclasses import dataclass

from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray
from kdref.losses._rows import Rows, weighted_rows

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
    student_features: ArrayLike,
    teacher_features: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    student_name: str = STUDENT,
) -> FeaturePair:
    """Vectors or maps of one shape, flattened to rows."""
    student = _array(student_name, student_features, maps=False)
    teacher = _array(TEACHER, teacher_features, maps=False)
    _checks.same_shape(student_name, student, TEACHER, teacher)
    rows = weighted_rows(len(student), weights)
    kept = [
        _checks.finite_array(name, array[rows.kept]).reshape(len(rows.kept), -1)
        for name, array in ((student_name, student), (TEACHER, teacher))
    ]
    return FeaturePair(kept[0], kept[1], rows, student.shape)


def map_pair(
    student_features: ArrayLike, teacher_features: ArrayLike, weights: ArrayLike | None = None
) -> FeaturePair:
    """Maps of one number and size, with any number of channels each: (n, C, H W)."""
    student, teacher = (
        feature_maps(STUDENT, student_features),
        feature_maps(TEACHER, teacher_features),
    )
    if student.shape[2:] != teacher.shape[2:]:
        raise ValueError(
            f"{STUDENT} and {TEACHER} must have the same height and width, "
            f"got {student.shape} and {teacher.shape}"
        )
    return kept_maps(student, teacher, weights)


def feature_maps(name: str, value: ArrayLike) -> FloatArray:
    """An array of shape (N, C, H, W)."""
    return _array(name, value, maps=True)


def kept_maps(student: FloatArray, teacher: FloatArray, weights: ArrayLike | None) -> FeaturePair:
    """The maps of the rows that count, (n, C, H W)."""
    _same_number(student, teacher)
    rows = weighted_rows(len(student), weights)
    kept = kept_map(STUDENT, student, rows), kept_map(TEACHER, teacher, rows)
    return FeaturePair(*kept, rows, student.shape)


def kept_map(name: str, maps: FloatArray, rows: Rows) -> FloatArray:
    """Finite maps of the rows that count, their places on one axis."""
    kept = _checks.finite_array(name, maps[rows.kept])
    return kept.reshape(*kept.shape[:2], -1)


def batches(
    student_features: ArrayLike, teacher_features: ArrayLike
) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
    """Two batches of N vectors, of any length each, for losses that compare examples; and the student's shape."""
    student = _array(STUDENT, student_features, maps=False)
    teacher = _array(TEACHER, teacher_features, maps=False)
    _same_number(student, teacher)
    vectors = [
        _checks.finite_array(name, array).reshape(len(array), -1)
        for name, array in ((STUDENT, student), (TEACHER, teacher))
    ]
    return vectors[0], vectors[1], student.shape


def _array(name: str, value: ArrayLike, *, maps: bool) -> FloatArray:
    array = _checks.real_array(name, value)
    if array.ndim not in ((4,) if maps else (2, 4)) or 0 in array.shape:
        shapes = "(N, C, H, W)" if maps else "(N, D) or (N, C, H, W)"
        raise ValueError(f"{name} must have shape {shapes} and no empty axis, got {array.shape}")
    return array


def _same_number(student: FloatArray, teacher: FloatArray) -> None:
    if len(student) != len(teacher):
        raise ValueError(
            f"{STUDENT} and {TEACHER} must have the same number of rows, "
            f"got {student.shape} and {teacher.shape}"
        )
