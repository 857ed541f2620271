"""From MPFR numbers to floats: the nearest one, and how far a given one is from the truth.

The error is counted in units in the last place (ulp) of the truth, in the format that the result is judged in:
0.5 ulp is what a correctly rounded result can be off.  Below the smallest normal number the unit stays that of the
subnormals.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import gmpy2
from gmpy2 import mpfr


@dataclass(frozen=True)
class Format:
    """A binary floating-point format."""

    bits: int
    smallest_exponent: int
    """The smallest positive number is 2 to this power."""
    largest: float


FLOAT64 = Format(53, -1074, float.fromhex("0x1.fffffffffffffp+1023"))
FLOAT32 = Format(24, -149, float.fromhex("0x1.fffffep+127"))
FLOAT16 = Format(11, -24, 65504.0)


def rounded(truth: mpfr) -> float:
    """The float64 nearest to the truth, ties to even."""
    return float(truth)


def unit(truth: mpfr, form: Format = FLOAT64) -> mpfr:
    """The unit in the last place of a number of that size."""
    lowest = form.smallest_exponent
    exponent = gmpy2.get_exp(truth) - form.bits if gmpy2.is_finite(truth) and truth != 0 else lowest
    return gmpy2.exp2(mpfr(max(exponent, lowest)))


def ulps(got: float, truth: mpfr, form: Format = FLOAT64, *, scale: mpfr | None = None) -> float:
    """``|got - truth|`` in ulp of the truth, or of ``scale`` where a larger size sets the unit.

    Infinite for a NaN, for an infinity that is wrong or missing, and for anything but 0 where the truth is exactly 0
    and no scale is given: no number of units would say how wrong that is.
    """
    size = truth if scale is None else scale
    if math.isnan(got) or gmpy2.is_nan(truth):
        return math.inf
    overflows = abs(truth) >= form.largest + unit(mpfr(form.largest), form) / 2
    if overflows or math.isinf(got):
        return 0.0 if overflows and math.isinf(got) and (got > 0) == (truth > 0) else math.inf
    if size == 0:
        return 0.0 if got == truth else math.inf
    return float(abs(mpfr(got) - truth) / unit(size, form))


def worst_ulps(got: Iterable[float], truth: Iterable[mpfr], form: Format = FLOAT64) -> float:
    """The largest error of a row's entries, each in its own ulp."""
    return max(ulps(float(g), t, form) for g, t in zip(got, truth, strict=True))


def ulps_in_norm(got: Iterable[float], truth: Iterable[mpfr], form: Format = FLOAT64) -> float:
    """The largest error of a row's entries in ulp of the row's largest entry."""
    entries = list(truth)
    scale = max(abs(t) for t in entries)
    return max(ulps(float(g), t, form, scale=scale) for g, t in zip(got, entries, strict=True))
