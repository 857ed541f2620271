"""Exponential and logarithm against MPFR at 600 bits."""

import math
from collections.abc import Callable

import gmpy2
import numpy as np
import pytest
from gmpy2 import mpfr
from numpy.typing import NDArray

from kdref.exact.double_double import DoubleDouble
from kdref.exact.elementary import LN2, exp, expm1, expm1_minus_identity, log, log1p
from tests.oracle.precision import working_precision

# The public functions silence NumPy's warnings around everything: infinities are made and discarded on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:kdref.exact")

Drawn = Callable[[np.random.Generator], NDArray[np.float64]]


def between(low: float, high: float) -> Drawn:
    """Uniform numbers."""
    return lambda rng: rng.uniform(low, high, 200)


def sized(low: float, high: float, sign: float = 1.0) -> Drawn:
    """Numbers of all magnitudes from 10^low to 10^high."""
    return lambda rng: sign * 10.0 ** rng.uniform(low, high, 200)


@pytest.mark.parametrize(
    ("function", "truth", "draw", "bits"),
    [
        (exp, gmpy2.exp, between(-650.0, 700.0), 100),
        (exp, gmpy2.exp, between(-1.0, 1.0), 100),
        (expm1, gmpy2.expm1, between(-700.0, 700.0), 100),
        (expm1, gmpy2.expm1, between(-1.2, 1.2), 100),
        (expm1, gmpy2.expm1, sized(-280.0, 0.0), 100),
        (expm1, gmpy2.expm1, sized(-250.0, 0.0, -1.0), 100),
        (log, gmpy2.log, sized(-280.0, 280.0), 102),
        (log, gmpy2.log, between(0.5, 1.5), 102),
        (log1p, gmpy2.log1p, sized(-250.0, 250.0), 102),
        (log1p, gmpy2.log1p, sized(-250.0, -0.1, -1.0), 102),
        (log1p, gmpy2.log1p, between(-0.5, 0.5), 102),
        (expm1_minus_identity, lambda x: gmpy2.expm1(x) - x, sized(-120.0, 0.0), 80),
        (expm1_minus_identity, lambda x: gmpy2.expm1(x) - x, sized(-120.0, 2.0, -1.0), 80),
        (expm1_minus_identity, lambda x: gmpy2.expm1(x) - x, sized(-7.0, -5.0), 80),
    ],
)
def test_relative_error_stays_below_a_power_of_two(
    function: Callable[[DoubleDouble], DoubleDouble],
    truth: Callable[[mpfr], mpfr],
    draw: Drawn,
    bits: int,
) -> None:
    rng = np.random.default_rng(20150309)
    high = draw(rng)
    x = DoubleDouble(high, high * rng.uniform(-1.0, 1.0, high.shape) * 2.0**-54)
    result = function(x)
    with working_precision(600):
        for hi, lo, got_hi, got_lo in zip(x.hi, x.lo, result.hi, result.lo, strict=True):
            true = truth(mpfr(float(hi)) + mpfr(float(lo)))
            got = mpfr(float(got_hi)) + mpfr(float(got_lo))
            assert abs(got - true) <= abs(true) * gmpy2.exp2(mpfr(-bits)), (hi, lo)


def test_ln2_is_log_2_in_three_pieces_of_53_bits() -> None:
    with working_precision(600):
        rest = gmpy2.log(mpfr(2))
        for piece in LN2:
            assert piece == float(rest)
            rest -= mpfr(piece)
        assert abs(rest) < gmpy2.exp2(mpfr(-162))


@pytest.mark.parametrize(
    ("function", "argument", "value"),
    [
        (exp, -math.inf, 0.0),
        (exp, -800.0, 0.0),
        (exp, 0.0, 1.0),
        (exp, 710.0, math.inf),
        (exp, math.inf, math.inf),
        (expm1, -math.inf, -1.0),
        (expm1, 0.0, 0.0),
        (expm1, 5e-324, 5e-324),
        (expm1, math.inf, math.inf),
        (log, 0.0, -math.inf),
        (log, 1.0, 0.0),
        (log, math.inf, math.inf),
        (log, 5e-324, -744.4400719213812),
        (log1p, -1.0, -math.inf),
        (log1p, 0.0, 0.0),
        (log1p, 5e-324, 5e-324),
        (log1p, math.inf, math.inf),
        (expm1_minus_identity, -math.inf, math.inf),
        (expm1_minus_identity, 0.0, 0.0),
        (expm1_minus_identity, -800.0, 799.0),
    ],
)
def test_limits_are_exact(
    function: Callable[[DoubleDouble], DoubleDouble], argument: float, value: float
) -> None:
    result = function(DoubleDouble(np.array([argument, 1.0])))
    assert float(result.hi[0]) == value
    assert float(result.lo[0]) == 0.0 or abs(float(result.lo[0])) < 2.0**-52 * abs(value)
