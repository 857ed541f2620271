"""Coerces and checks arguments; the only place that words an argument error.

Every message reads *name must requirement, got value*.  A wrong type raises `TypeError`, a wrong value or
shape `ValueError`.  Nothing is repaired: no entry is clipped, filled in or renormalised.
"""

import math
from collections.abc import Sequence
from numbers import Real
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.intp]
BoolArray: TypeAlias = NDArray[np.bool_]

SUM_TOLERANCE = 1e-6
"""How far from 1 a row of probabilities may sum: figures rounded to six digits still pass."""

SUM_TOLERANCE_FLOAT16 = 2e-3
"""The same for float16 rows, whose entries carry eleven bits."""

SMALLEST_TEMPERATURE = 1e-100
"""Logits up to 1e100 may be divided by it twice, as in a gradient, without overflow."""

LARGEST_INTEGER = 2**53
"""Up to this, float64 holds every integer."""

LARGEST_SQUARED_TEMPERATURE = 1e100
"""The square of a larger one would multiply a divergence that has underflowed."""


def real_number(name: str, value: object) -> float:
    """A Python float from a real scalar; a bool, a string or an array is a `TypeError`."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a real number, got {value!r}")
    try:
        return float(value)
    except OverflowError:  # an int beyond float64 is not finite for our purposes
        return math.inf


def temperature(value: object) -> float:
    """A temperature: finite and above zero, and not so near to zero that dividing by it overflows."""
    number = positive("temperature", value)
    if number < SMALLEST_TEMPERATURE:
        raise ValueError(f"temperature must be >= {SMALLEST_TEMPERATURE:g}, got {number!r}")
    return number


def squarable_temperature(value: object) -> float:
    """A temperature whose square is used as a factor."""
    number = temperature(value)
    if number > LARGEST_SQUARED_TEMPERATURE:
        raise ValueError(
            f"temperature must be <= {LARGEST_SQUARED_TEMPERATURE:g} where it is squared, got {number!r}"
        )
    return number


def fraction(name: str, value: object) -> float:
    """A number in [0, 1]."""
    number = real_number(name, value)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{name} must lie in [0, 1], got {number!r}")
    return number


def below_one(name: str, value: object) -> float:
    """A number in [0, 1)."""
    number = real_number(name, value)
    if not 0.0 <= number < 1.0:
        raise ValueError(f"{name} must lie in [0, 1), got {number!r}")
    return number


def not_negative(name: str, value: object) -> float:
    """A finite number of at least zero."""
    number = real_number(name, value)
    if not 0.0 <= number < math.inf:
        raise ValueError(f"{name} must be finite and >= 0, got {number!r}")
    return number


def positive(name: str, value: object) -> float:
    """A finite number above zero."""
    number = real_number(name, value)
    if not (math.isfinite(number) and number > 0.0):
        raise ValueError(f"{name} must be finite and > 0, got {number!r}")
    return number


def count(name: str, value: object, *, minimum: int = 1) -> int:
    """An integer of at least ``minimum``."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < minimum:
        raise ValueError(f"{name} must be >= {minimum}, got {int(value)}")
    return int(value)


def choice(name: str, value: object, allowed: Sequence[str]) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in allowed:
        words = ", ".join(repr(word) for word in allowed)
        raise ValueError(f"{name} must be one of {words}, got {value!r}")
    return value


def generator(name: str, value: object) -> np.random.Generator:
    """A source of randomness; a seed or None is refused."""
    if not isinstance(value, np.random.Generator):
        raise TypeError(f"{name} must be a numpy.random.Generator, got {value!r}")
    return value


def _plain_array(name: str, value: ArrayLike) -> NDArray[np.generic]:
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must be a plain array, got a masked array (express the mask as weights)"
        )
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must be rectangular, got rows of unequal length") from None


def real_array(name: str, value: ArrayLike) -> FloatArray:
    """A float64 array, rows contiguous, from real numbers of at most 64 bits; may share memory, so is never written to.

    NumPy adds up contiguous rows in pairs, others one by one, which loses digits.
    """
    array = _plain_array(name, value)
    if array.dtype.kind not in "iuf" or array.dtype.itemsize > 8:
        raise TypeError(
            f"{name} must hold real numbers of at most 64 bits, got dtype {array.dtype}"
        )
    if array.dtype.kind != "f":
        inexact = np.greater(array, LARGEST_INTEGER) | np.less(array, -LARGEST_INTEGER)
        _refuse(name, "hold integers within +-2**53, as float64 does", array, inexact)
    return array.astype(np.float64, order="C", copy=False)


def finite_array(name: str, value: ArrayLike) -> FloatArray:
    """A float64 array without NaN or infinities."""
    array = real_array(name, value)
    _refuse(name, "be finite", array, ~np.isfinite(array))
    return array


def above_zero(name: str, array: FloatArray) -> None:
    """Entries above zero."""
    _refuse(name, "be > 0", array, ~(array > 0.0))


def not_empty(name: str, array: NDArray[np.generic]) -> None:
    """An array with at least one entry."""
    if array.size == 0:
        raise ValueError(f"{name} must have at least one entry, got shape {array.shape}")


def bounded_array(
    name: str, value: ArrayLike, bound: float, *, row_numbers: IntArray | None = None
) -> FloatArray:
    """A float64 array of entries between -bound and bound."""
    array = real_array(name, value)
    _refuse(name, f"lie within +-{bound:g}", array, ~(abs(array) <= bound), row_numbers)
    return array


def _refuse(
    name: str,
    requirement: str,
    array: NDArray[np.generic],
    bad: BoolArray,
    row_numbers: IntArray | None = None,
) -> None:
    """Raise naming the first entry where ``bad`` holds; ``row_numbers`` are the rows' places in the caller's array."""
    if not bad.any():
        return
    index = tuple(int(i) for i in np.argwhere(bad)[0])
    place = index if row_numbers is None else (int(row_numbers[index[0]]), *index[1:])
    where = f" at index {place if len(place) > 1 else place[0]}" if place else ""
    raise ValueError(f"{name} must {requirement}, got {array[index].item()!r}{where}")


def logits(
    name: str,
    value: ArrayLike,
    *,
    row_numbers: IntArray | None = None,
    exclusion: bool = True,
) -> FloatArray:
    """Logits of shape (..., C): no NaN, no +inf, and -inf only where a class may be excluded."""
    array = real_array(name, value)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(f"{name} must have shape (..., C) with C >= 1, got {array.shape}")
    if not exclusion:
        _refuse(name, "be finite", array, ~np.isfinite(array), row_numbers)
        return array
    _refuse(name, "not hold NaN or +inf", array, ~(array < np.inf), row_numbers)
    empty = np.isneginf(array.max(axis=-1))
    _refuse(
        name, "have a finite logit in each row", array.max(axis=-1), np.asarray(empty), row_numbers
    )
    return array


def probabilities(name: str, value: ArrayLike) -> FloatArray:
    """Rows of probabilities of shape (..., C): entries >= 0 that sum to 1."""
    array = real_array(name, value)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(f"{name} must have shape (..., C) with C >= 1, got {array.shape}")
    _refuse(name, "hold probabilities >= 0", array, ~(array >= 0.0))
    narrow = np.asarray(value).dtype == np.float16
    tolerance = SUM_TOLERANCE_FLOAT16 if narrow else SUM_TOLERANCE
    sums = np.asarray(array.sum(axis=-1))
    _refuse(
        name, f"sum to 1 within {tolerance:g} in each row", sums, ~(abs(sums - 1.0) <= tolerance)
    )
    return array


def divisible(name: str, q: FloatArray, numerator_name: str, p: FloatArray) -> None:
    """Where p is above zero, p / q must be a finite float64."""
    with np.errstate(all="ignore"):  # 0 / 0 is not used, and overflow is what is looked for
        overflows = (p > 0.0) & ~(p / q < np.inf)
    requirement = f"be > 0, with a finite {numerator_name} / {name}, wherever {numerator_name} > 0"
    _refuse(name, requirement, q, overflows)


def same_shape(first_name: str, first: FloatArray, second_name: str, second: FloatArray) -> None:
    """Two arrays of one shape; nothing is broadcast."""
    if first.shape != second.shape:
        raise ValueError(
            f"{first_name} and {second_name} must have the same shape, "
            f"got {first.shape} and {second.shape}"
        )


def one_row(name: str, array: NDArray[np.generic]) -> None:
    """An array of shape (C,)."""
    if array.ndim != 1:
        raise ValueError(f"{name} must have shape (C,), got {array.shape}")


def matrix(name: str, array: NDArray[np.generic], *, columns: str = "C") -> None:
    """An array of shape (N, C) with at least one row and one column."""
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"{name} must have shape (N, {columns}) with N >= 1 and {columns} >= 1, got {array.shape}"
        )


def integers(name: str, value: ArrayLike) -> IntArray:
    """An integer array; floats that happen to be whole are refused, because they usually are a mistake."""
    array = _plain_array(name, value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integer class ids, got dtype {array.dtype}")
    _refuse(name, "be class ids below 2**63", array, np.greater(array, np.iinfo(np.intp).max))
    return array.astype(np.intp, copy=False)


def class_ids(
    name: str, array: IntArray, n_classes: int, *, row_numbers: IntArray | None = None
) -> IntArray:
    """Integers in 0 .. n_classes - 1."""
    outside = (array < 0) | (array >= n_classes)
    _refuse(name, f"lie in 0 .. {n_classes - 1}", array, outside, row_numbers)
    return array


def per_row(name: str, array: NDArray[np.generic], n_rows: int) -> None:
    """One entry for each row."""
    if array.shape != (n_rows,):
        raise ValueError(f"{name} must have shape ({n_rows},), one entry a row, got {array.shape}")


def row_integers(name: str, value: ArrayLike, n_rows: int) -> IntArray:
    """An integer for each row."""
    array = integers(name, value)
    per_row(name, array, n_rows)
    return array


def row_weights(weights: ArrayLike, n_rows: int, name: str = "weights") -> FloatArray:
    """Finite weights >= 0, one a row, not all zero; booleans are masks."""
    array = _plain_array(name, weights)
    if array.dtype.kind == "b":
        array = array.astype(np.float64)
    real = real_array(name, array)
    per_row(name, real, n_rows)
    _refuse(name, "be finite and >= 0", real, ~(np.isfinite(real) & (real >= 0.0)))
    if not real.any():
        raise ValueError(f"{name} must include one above 0, got only zeros")
    return real


def labels_needed(alpha: float) -> None:
    """Labels may be left out only where the hard term has no weight."""
    if alpha != 1.0:
        raise ValueError(f"labels must be given unless alpha is 1, got None with alpha {alpha!r}")


def finite_rows(name: str, infinite: BoolArray, row_numbers: IntArray, reason: str) -> None:
    """Refuse, by its row, a loss that is infinite where its gradient has no finite formula."""
    if infinite.any():
        row = int(row_numbers[int(np.argmax(infinite))])
        raise ValueError(
            f"{name} must be finite to have a gradient, got inf in row {row}: {reason}"
        )


def row_result(rows: FloatArray) -> float | FloatArray:
    """What a row function returns: a builtin float for one row, the array for several."""
    return float(rows) if np.ndim(rows) == 0 else rows
