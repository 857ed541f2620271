"""What a rounding dropped, judged by rational arithmetic, and phi, judged by the oracle's arithmetic."""

import math
from fractions import Fraction

import gmpy2
import numpy as np
import pytest
from gmpy2 import mpfr
from hypothesis import given
from hypothesis import strategies as st

from kdref._arithmetic import (
    compensated_sum,
    division_remainder,
    expm1_minus_identity,
    finite_or_zero,
    identity_minus_log1p,
    split,
    two_sum,
)
from tests.oracle.precision import working_precision
from tests.oracle.rounding import ulps
from tests.strategies import seeds

moderate = st.floats(-1e100, 1e100)


def test_two_sum_keeps_what_the_rounding_of_a_sum_dropped() -> None:
    # 2^60 + 1 needs 61 bits; float64 keeps 53 and drops the 1.
    total, dropped = two_sum(np.array([2.0**60]), np.array([1.0]))
    assert (total[0], dropped[0]) == (2.0**60, 1.0)


@given(a=moderate, b=moderate)
def test_two_sum_is_exact(a: float, b: float) -> None:
    total, dropped = two_sum(np.array(a), np.array(b))
    assert float(total) == a + b
    assert Fraction(float(total)) + Fraction(float(dropped)) == Fraction(a) + Fraction(b)


@given(a=moderate)
def test_split_halves_a_number_into_two_of_26_bits(a: float) -> None:
    high, low = (float(half) for half in split(np.array(a)))
    assert high + low == a
    for half in (high, low):
        mantissa = math.frexp(half)[0]
        assert mantissa * 2.0**26 == int(mantissa * 2.0**26) or abs(a) < 1e-290


def test_division_remainder_is_what_a_rounded_quotient_leaves() -> None:
    # 1/3 rounds to (1 - 2^-54) / 3, so that 3 times it is 2^-54 short of 1.
    remainder = division_remainder(np.array(1.0), np.array(3.0), np.array(1.0 / 3.0))
    assert float(remainder) == 2.0**-54


sized = st.floats(1e-50, 1e50)


@given(a=sized, b=sized, sign=st.sampled_from([-1.0, 1.0]))
def test_division_remainder_is_exact(a: float, b: float, sign: float) -> None:
    quotient = sign * a / b
    remainder = division_remainder(np.array(sign * a), np.array(b), np.array(quotient))
    assert Fraction(float(remainder)) == Fraction(sign * a) - Fraction(quotient) * Fraction(b)


def test_finite_or_zero_replaces_infinities_and_nan_alone() -> None:
    given_numbers = np.array([-np.inf, -1.5, 0.0, 2.5, np.inf, np.nan])
    assert finite_or_zero(given_numbers).tolist() == [0.0, -1.5, 0.0, 2.5, 0.0, 0.0]


def phi(d: float) -> mpfr:
    return gmpy2.exp(mpfr(d)) - 1 - mpfr(d)


# The ends of the series, both sides of its border at |d| = 1, and where d^2 / 2 underflows.
POINTS = [1e-150, 1e-8, 0.1, 0.5, 0.9, 1.0, 1.0000001, 1.5, 3.0, 30.0, 700.0]


@pytest.mark.parametrize("d", [sign * point for point in POINTS for sign in (1.0, -1.0)])
def test_expm1_minus_identity_keeps_its_digits_at_every_size(d: float) -> None:
    got = float(expm1_minus_identity(np.array(d)))
    with working_precision():
        assert ulps(got, phi(d)) <= 3.0


@given(d=st.floats(-1.0, 1.0))
def test_expm1_minus_identity_keeps_its_digits_near_zero(d: float) -> None:
    got = float(expm1_minus_identity(np.array(d)))
    with working_precision():
        assert ulps(got, phi(d)) <= 3.0


def test_expm1_minus_identity_is_zero_at_zero_and_grows_without_end_below() -> None:
    got = expm1_minus_identity(np.array([0.0, -np.inf]))
    assert got.dtype == np.float64
    assert got.tolist() == [0.0, np.inf]
    assert got.dtype == np.float64


def psi(g: float) -> mpfr:
    return mpfr(g) - gmpy2.log1p(mpfr(g))


@pytest.mark.parametrize(
    "g",
    [1e-150, -1e-150, 1e-8, -1e-8, -0.64, -0.66, 1.74, 1.76, 2.7, -0.999, 30.0, 1e300],
)
def test_identity_minus_log1p_keeps_its_digits_at_every_size(g: float) -> None:
    got = float(identity_minus_log1p(np.array(g), np.log1p(g)))
    with working_precision():
        assert ulps(got, psi(g)) <= 3.0


@given(g=st.floats(-0.65, 1.75))
def test_identity_minus_log1p_keeps_its_digits_near_zero(g: float) -> None:
    # The logarithm is not looked at here.
    got = float(identity_minus_log1p(np.array(g), np.array(np.nan)))
    with working_precision():
        assert ulps(got, psi(g)) <= 3.0


def test_identity_minus_log1p_is_zero_at_zero_and_grows_without_end_at_minus_one() -> None:
    got = identity_minus_log1p(np.array([0.0, -1.0]), np.array([0.0, -np.inf]))
    assert got.tolist() == [0.0, np.inf]
    assert got.dtype == np.float64


def test_compensated_sum_keeps_what_every_partial_sum_dropped() -> None:
    # Left to right, 1 is lost in 1e16 and the sum comes out as 0.
    assert float(compensated_sum(np.array([1e16, 1.0, -1e16]))) == 1.0


@given(seed=seeds, n_terms=st.integers(1, 40))
def test_compensated_sum_is_rounded_once(seed: int, n_terms: int) -> None:
    # Sizes from 1e-8 to 1, so that every partial sum drops something; what is lost with that is of second order.
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(2, n_terms)) * 10.0 ** rng.uniform(-8.0, 0.0, size=(2, n_terms))
    for total, row in zip(compensated_sum(rows).tolist(), rows.tolist(), strict=True):
        exact = sum(map(Fraction, row), Fraction())
        assert abs(Fraction(total) - exact) <= abs(exact) / 2**53 + Fraction(1, 2**95)
