"""The digits of a vector, and the rounding floors that its conditioning sets, from the oracle alone.

An input z is known to one part in 1/eps; a value L cannot be told better than

    (sum_i |z_i dL/dz_i| + |L|) eps,

and an entry g of the gradient not better than (sum_j |z_j dg/dz_j| + |g|) eps, over the logits or features of student
and teacher.  That is the floor: no fixed relative error is fair, since one loss is known to all its digits, and
another to none.  The derivatives are difference quotients at 2400 bits.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import gmpy2
import numpy as np
from gmpy2 import mpfr

from tests.oracle.arrays import Numbers, exact
from tests.oracle.batch import RowLoss, batch_gradient, batch_value
from tests.oracle.definitions import FORMULAS, HOLDING
from tests.oracle.precision import working_precision
from tests.oracle.rounding import rounded

DTypes: TypeAlias = type[np.floating[Any]]

DTYPES: Mapping[str, DTypes] = {
    "float16": np.float16,
    "float32": np.float32,
    "float64": np.float64,
}

STEP_EXPONENT = -800
"""Twice that is left after a second difference, and a third of the bits is right in each."""

RELATIVE_STEP_EXPONENT = -1200
"""Relative, so that logits of 1e300 still move by far less than 1."""


@dataclass(frozen=True)
class Digits:
    """Value and gradient, unrounded, and what they change by per relative change of everything they depend on.

    There is no gradient where it is not finite.
    """

    value: mpfr
    gradient: Numbers | None
    conditioning: tuple[mpfr, mpfr]


Compute: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Any], bool], Digits]
"""Inputs and parameters to digits; the conditioning is left out where the last is False."""


def answer(
    compute: Compute, inputs: Mapping[str, Any], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Value, gradient and floors as a vector holds them."""
    with working_precision():
        digits = compute(inputs, parameters, True)
        floors = list(floors_of(digits, compute, inputs, parameters))
    return {
        "value": plain(digits.value),
        "gradient": None if digits.gradient is None else plain_array(digits.gradient),
        "floor": {dtype: value for dtype, value, _ in floors},
        "gradient_floor": {dtype: gradient for dtype, _, gradient in floors},
    }


def plain(number: mpfr) -> float:
    """The nearest float; zero has no sign."""
    return rounded(number) + 0.0


def plain_array(numbers: Numbers) -> Any:
    """The nearest floats, nested as they are."""
    return np.frompyfunc(plain, 1, 1)(numbers).tolist()


# ------------------------------------------------------------------------- losses on logits


def of_rows(
    loss: RowLoss, names: Sequence[str], factor: mpfr, mask: Sequence[float] | None = None
) -> Compute:
    """The weighted mean of a loss of rows, times a factor; a mask stands in for weights."""

    def compute(
        inputs: Mapping[str, Any], parameters: Mapping[str, Any], conditioned: bool
    ) -> Digits:
        weights = inputs.get("weights", mask)
        n_rows = len(inputs[names[0]])
        rows = [inputs[name] or [None] * n_rows for name in names]
        value = factor * batch_value(loss, *rows, weights=weights, **parameters)
        gradient = finite_gradient(loss, rows, weights, parameters)
        # An infinite value is met exactly or not at all, and needs no floor.
        of_value, of_gradient = abs(value) if gmpy2.is_finite(value) else mpfr(0), mpfr(0)
        everything = sum(map(mpfr, weights or [1.0] * n_rows))
        for weight, *example in zip(weights or [1.0] * n_rows, *rows, strict=True):
            if weight != 0 and conditioned:
                share = factor * mpfr(weight) / everything
                value_changes, gradient_changes = row_conditioning(loss, names, example, parameters)
                of_value += share * value_changes
                of_gradient = max(of_gradient, share * gradient_changes)
        scaled = None if gradient is None else gradient * factor
        return Digits(value, scaled, (of_value, of_gradient))

    return compute


def finite_gradient(
    loss: RowLoss, rows: Sequence[Any], weights: Any, parameters: Mapping[str, Any]
) -> Numbers | None:
    """The gradient, unless the loss is infinite and its formula is not finite there."""
    try:
        found = np.array(batch_gradient(loss, *rows, weights=weights, **parameters), dtype=object)
    except ValueError:
        return None
    return found if all(map(gmpy2.is_finite, found.flat)) else None


def row_conditioning(
    loss: RowLoss, names: Sequence[str], example: Sequence[Any], parameters: Mapping[str, Any]
) -> tuple[mpfr, mpfr]:
    """The changes of one example's value, and the largest of its gradient's entries, per relative change."""
    step = gmpy2.exp2(mpfr(RELATIVE_STEP_EXPONENT))
    value = loss.value(*example, **parameters)
    try:
        gradient = loss.gradient(*example, **parameters)
    except ValueError:
        return mpfr(0), mpfr(0)
    of_value, of_entries = mpfr(0), [abs(g) for g in gradient]
    for changed in moved_logits(names, example, step):
        of_value += abs(loss.value(*changed, **parameters) - value) / step
        for k, g in enumerate(loss.gradient(*changed, **parameters)):
            of_entries[k] += abs(g - gradient[k]) / step
    return of_value if gmpy2.is_finite(value) else mpfr(0), max(of_entries)


def moved_logits(names: Sequence[str], example: Sequence[Any], step: mpfr) -> Iterator[list[Any]]:
    """The example with one logit after the other changed by a relative step."""
    for place, name in enumerate(names):
        if name.endswith("_logits"):
            row = [mpfr(z) for z in example[place]]
            for k, z in enumerate(row):
                if z != 0 and gmpy2.is_finite(z):
                    changed = list(example)
                    changed[place] = (*row[:k], z * (1 + step), *row[k + 1 :])
                    yield changed


# ------------------------------------------------------- losses written down batch by batch


def of_arrays(
    name: str,
    names: Sequence[str],
    factor: mpfr,
    mask: Sequence[float] | None = None,
    *,
    separable: bool,
) -> Compute:
    """A loss of whole batches, times a factor; where it is separable, the weighted mean of that of single examples."""

    def compute(
        inputs: Mapping[str, Any], parameters: Mapping[str, Any], conditioned: bool
    ) -> Digits:
        arrays = {key: np.array(given) for key, given in inputs.items() if key != "weights"}
        if not separable:
            return scaled(batch_digits(name, names, arrays, parameters, conditioned), factor)
        weights = inputs.get("weights", mask or [1.0] * len(arrays[names[0]]))
        everything = sum(map(mpfr, weights))
        value, conditioning = mpfr(0), (mpfr(0), mpfr(0))
        gradient: Numbers = np.full(arrays[names[0]].shape, mpfr(0), dtype=object)
        for row, weight in enumerate(weights):
            if weight != 0:
                single = {key: array[row : row + 1] for key, array in arrays.items()}
                digits = batch_digits(name, names, single, parameters, conditioned)
                digits = scaled(digits, mpfr(weight) / everything)
                value += digits.value
                gradient[row : row + 1] = digits.gradient
                sums = zip(conditioning, digits.conditioning, strict=True)
                conditioning = tuple(a + b for a, b in sums)
        return scaled(Digits(value, gradient, conditioning), factor)

    return compute


def scaled(digits: Digits, factor: mpfr) -> Digits:
    """Everything times a factor."""
    gradient = None if digits.gradient is None else digits.gradient * factor
    of_value, of_gradient = digits.conditioning
    return Digits(digits.value * factor, gradient, (of_value * factor, of_gradient * factor))


Move: TypeAlias = tuple[str, tuple[int, ...]]
"""One entry of one array, changed by the step."""


def batch_digits(
    name: str,
    names: Sequence[str],
    arrays: Mapping[str, Any],
    parameters: Mapping[str, Any],
    conditioned: bool,
) -> Digits:
    """First and second difference quotients of a formula, at 2400 bits."""
    step = gmpy2.exp2(mpfr(STEP_EXPONENT))
    given = {key: exact(array) for key, array in arrays.items()}
    student = names[0]

    def value(*moves: Move, held: Sequence[Move] | None = None) -> mpfr:
        """The loss of moved arrays; where a gradient holds something constant, as it is at ``held``."""
        changed = moved_arrays(given, moves, step)
        keywords = dict(parameters)
        if held is not None and name in HOLDING:
            keywords["held"] = moved_arrays(given, held, step)[student]
        inputs = [changed.pop(key) for key in names]
        return FORMULAS[name](*inputs, **changed, **keywords)

    base = value()
    real = {key: array for key, array in given.items() if array.dtype == object}
    places = [(key, i) for key, array in real.items() for i in np.ndindex(array.shape)]
    ahead = {place: value(place) for place in places}

    def slope(index: tuple[int, ...], *moves: Move) -> mpfr:
        """The derivative by one entry of the student, after the moves."""
        before = ahead[moves[0]] if moves else base
        return (value(*moves, (student, index), held=moves) - before) / step

    gradient: Numbers = np.empty(given[student].shape, dtype=object)
    of_value, of_gradient = abs(base), mpfr(0)
    for index in np.ndindex(gradient.shape):
        gradient[index] = slope(index)
    if conditioned:
        of_value += sum(abs(given[k][i] * (ahead[k, i] - base) / step) for k, i in places)
        for index in np.ndindex(gradient.shape):
            changes = abs(gradient[index])
            for key, i in places:
                changes += abs(given[key][i] * (slope(index, (key, i)) - gradient[index]) / step)
            of_gradient = max(of_gradient, changes)
    return Digits(base, gradient, (of_value, of_gradient))


def moved_arrays(
    arrays: Mapping[str, Numbers], moves: Sequence[Move], step: mpfr
) -> dict[str, Numbers]:
    """Copies with some entries changed by the step."""
    changed = {key: array.copy() for key, array in arrays.items()}
    for key, index in moves:
        changed[key][index] += step
    return changed


# ---------------------------------------------------------------------------------- floors


def floors_of(
    digits: Digits, compute: Compute, inputs: Mapping[str, Any], parameters: Mapping[str, Any]
) -> Iterator[tuple[str, float, float]]:
    """The floors of each dtype in which the rounded inputs still mean the same, within the floors themselves."""
    for name, dtype in DTYPES.items():
        info = np.finfo(dtype)
        floor, gradient_floor = (
            float(k * mpfr(float(info.eps)) + mpfr(float(info.tiny))) for k in digits.conditioning
        )
        if dtype is not np.float64:
            narrow = {key: narrowed(key, array, dtype) for key, array in inputs.items()}
            if overflows(inputs, narrow, digits, dtype):
                continue
            rounded_parameters = {key: narrowed(key, p, dtype) for key, p in parameters.items()}
            other = compute(narrow, rounded_parameters, False)
            if not within(other, digits, floor, gradient_floor):
                continue
        yield name, upwards(floor), upwards(gradient_floor)


def narrowed(name: str, given: Any, dtype: DTypes) -> Any:
    """Logits, features, weights and parameters rounded to a narrower dtype; integers stay."""
    if name == "labels" or isinstance(given, int | str):
        return given
    with np.errstate(over="ignore"):
        return np.array(given).astype(dtype).astype(np.float64).tolist()


def overflows(
    inputs: Mapping[str, Any], narrow: Mapping[str, Any], digits: Digits, dtype: DTypes
) -> bool:
    """Whether an input, the sum of the weights, or a result is beyond the range, or a weight vanishes."""
    largest = float(np.finfo(dtype).max)
    weights = np.array(inputs.get("weights", [1.0]))
    vanishing = (weights > 0) & (weights < np.finfo(dtype).tiny)
    if math.fsum(weights / len(weights)) > largest / len(weights) or vanishing.any():
        return True
    results = [digits.value, *([] if digits.gradient is None else digits.gradient.flat)]
    if any(gmpy2.is_finite(r) and abs(r) > largest for r in results):
        return True
    return any(
        bool(np.any(np.isinf(narrow[name]) & np.isfinite(inputs[name])))
        for name in inputs
        if name != "labels"
    )


def within(other: Digits, digits: Digits, floor: float, gradient_floor: float) -> bool:
    """Whether two answers are the same to their floors."""
    if not gmpy2.is_finite(digits.value):
        value_agrees = other.value == digits.value
    else:
        value_agrees = abs(other.value - digits.value) <= floor
    if other.gradient is None or digits.gradient is None:
        return value_agrees and other.gradient is digits.gradient
    return value_agrees and bool(np.all(abs(other.gradient - digits.gradient) <= gradient_floor))


def upwards(number: float) -> float:
    """Two digits, not less than the number."""
    short = float(f"{number:.1e}")
    return short if short >= number else float(f"{number * 1.05:.1e}")
