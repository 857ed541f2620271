"""Requirements that only some losses make; worded like those of `kdref._checks`."""

import numpy as np

from kdref import _checks
from kdref._checks import FloatArray, IntArray
from kdref._softened import replace
from kdref.losses._rows import Rows


def at_most(name: str, value: int, limit_name: str, limit: int) -> int:
    """An integer that does not exceed a size of the arrays."""
    if value > limit:
        raise ValueError(f"{name} must be <= {limit_name} = {limit}, got {value}")
    return value


def enough_classes(name: str, logits: FloatArray, minimum: int) -> None:
    """Logits over at least that many classes."""
    if logits.shape[1] < minimum:
        raise ValueError(
            f"{name} must have shape (N, C) with C >= {minimum}, got {logits.shape[1]} class(es)"
        )


def nonzero_rows(name: str, vectors: FloatArray, rows: Rows) -> None:
    """Rows that have a direction."""
    if not vectors.any(axis=-1).all():
        row = int(rows.kept[int(np.argmin(vectors.any(axis=-1)))])
        raise ValueError(f"{name} must not hold a zero vector, got one in row {row}")


def not_both_infinite(name: str, first: FloatArray, second: FloatArray, rows: Rows) -> None:
    """Labels that at least one side can pay for."""
    both = np.isinf(first) & np.isinf(second)
    if both.any():
        row = int(rows.kept[int(np.argmax(both))])
        raise ValueError(
            f"{name} must not be excluded by student and teacher alike, got both in row {row}"
        )


def without_label(name: str, logits: FloatArray, labels: IntArray, rows: Rows) -> FloatArray:
    """The logits with the label's class excluded; some other class must be left."""
    rest = replace(logits, labels, -np.inf)
    return _checks.logits(f"{name} without the label", rest, row_numbers=rows.kept)
