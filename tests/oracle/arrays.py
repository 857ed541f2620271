"""Arrays of MPFR numbers, for losses that are written down batch by batch."""

from typing import Any, TypeAlias

import gmpy2
import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[Any]


def exact(array: Any) -> Numbers:
    """The same numbers; a float64 loses nothing on the way in, and class ids stay integers."""
    if np.issubdtype(np.asarray(array).dtype, np.integer):
        return np.asarray(array)
    numbers: Numbers = np.empty(np.shape(array), dtype=object)
    for index in np.ndindex(numbers.shape):
        numbers[index] = gmpy2.mpfr(float(array[index]))
    return numbers


def norm(x: Numbers) -> Numbers:
    """Length along the last axis, which stays."""
    return np.asarray((x * x).sum(axis=-1, keepdims=True) ** gmpy2.mpfr("0.5"))


def unit(x: Numbers) -> Numbers:
    """Vectors of length 1."""
    return x / norm(x)


def elementwise(function: Any, x: Numbers) -> Numbers:
    """A function of one number, of each."""
    return np.asarray(np.frompyfunc(function, 1, 1)(x))


def softmax(x: Numbers) -> Numbers:
    """exp over its sum, row by row: the exponents have room for any float64."""
    e = elementwise(gmpy2.exp, x)
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def log(x: Numbers) -> Numbers:
    """Natural logarithms."""
    return elementwise(gmpy2.log, x)
