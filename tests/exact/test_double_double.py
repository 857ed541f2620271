"""The number type against exact rational arithmetic: what is called exact is, and the rest keeps its bound."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from kdref._checks import FloatArray
from kdref.exact.double_double import (
    DoubleDouble,
    at_least,
    at_most,
    double_double,
    exact_product,
    exact_sum,
    fast_two_sum,
    split,
    two_product,
    two_sum,
    where,
)

# The public functions silence NumPy's warnings around everything: infinities are made and discarded on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:kdref.exact")

any_float = st.floats(allow_nan=False, allow_infinity=False, max_value=1e307, min_value=-1e307)


def moderate_floats(power: int) -> st.SearchStrategy[float]:
    """0, or numbers of either sign between 2^-power and 2^power."""
    sized = st.floats(2.0**-power, 2.0**power) | st.floats(-(2.0**power), -(2.0**-power))
    return sized | st.just(0.0)


moderate = moderate_floats(200)
numbers = st.builds(
    lambda hi, tail: DoubleDouble(hi, tail * 2.0**-54 * math.ulp(hi)),
    moderate,
    st.integers(-(2**53), 2**53),
)


def exactly(x: DoubleDouble) -> Fraction:
    """The rational number that the two parts stand for."""
    return Fraction(float(x.hi)) + Fraction(float(x.lo))


@given(any_float, any_float)
@example(1.0, 2.0**-1074)
@example(1e300, -1e300)
def test_two_sum_loses_nothing(a: float, b: float) -> None:
    total, error = two_sum(np.asarray(a), np.asarray(b))
    assert total == a + b
    assert Fraction(float(total)) + Fraction(float(error)) == Fraction(a) + Fraction(b)


@given(any_float, any_float)
def test_fast_two_sum_loses_nothing_when_the_larger_number_comes_first(a: float, b: float) -> None:
    larger, smaller = sorted((a, b), key=abs, reverse=True)
    total, error = fast_two_sum(np.asarray(larger), np.asarray(smaller))
    assert total == a + b
    assert Fraction(float(total)) + Fraction(float(error)) == Fraction(a) + Fraction(b)


@given(any_float)
@example(1.7e308)
@example(-(2.0**1023))
@example(2.0**996 + 2.0**945)
@example(5e-324)
def test_split_gives_two_halves_of_at_most_26_bits_that_add_up(a: float) -> None:
    high, low = (float(half) for half in split(np.asarray(a)))
    assert Fraction(high) + Fraction(low) == Fraction(a)
    for half in (high, low):
        mantissa, _ = math.frexp(half)
        assert mantissa * 2.0**26 == math.floor(mantissa * 2.0**26)


@given(moderate_floats(480), moderate_floats(480))
@example(2.0**1000 + 2.0**948, 3.0 + 2.0**-50)
@example(1.7e308, -0.3)
def test_two_product_loses_nothing(a: float, b: float) -> None:
    product, error = two_product(np.asarray(a), np.asarray(b))
    assert product == a * b
    assert Fraction(float(product)) + Fraction(float(error)) == Fraction(a) * Fraction(b)


@given(moderate, moderate)
def test_exact_sum_and_exact_product_hold_every_bit(a: float, b: float) -> None:
    left, right = np.asarray(a), np.asarray(b)
    assert exactly(exact_sum(left, right)) == Fraction(a) + Fraction(b)
    assert exactly(exact_product(left, right)) == Fraction(a) * Fraction(b)


@given(numbers, numbers)
@pytest.mark.parametrize(
    ("operation", "units"),
    [
        # In units of 2^-106 of the true result; those of sum and product are proved by Joldes, Muller and Popescu.
        (lambda a, b: a + b, 3),
        (lambda a, b: a - b, 3),
        (lambda a, b: a * b, 7),
        (lambda a, b: a / b, 10),
    ],
)
def test_operations_keep_their_bound_also_when_the_numbers_cancel(
    operation: Callable[[Any, Any], Any], units: int, a: DoubleDouble, b: DoubleDouble
) -> None:
    for right in (b, -a * (1.0 + 2.0**-52)):
        assume(exactly(right) != 0)
        result = operation(a, right)
        truth = operation(exactly(a), exactly(right))
        assert abs(exactly(result) - truth) <= units * abs(truth) * Fraction(1, 2**106)
        assert float(result.hi) == float(result.hi) + float(result.lo)


@given(numbers)
def test_a_number_divided_by_itself_is_one_and_minus_itself_zero(a: DoubleDouble) -> None:
    assert exactly(a - a) == 0
    if exactly(a) != 0:
        assert abs(exactly(a / a) - 1) <= Fraction(1, 2**104)


def test_floats_and_arrays_may_stand_on_either_side() -> None:
    third = DoubleDouble(1.0) / 3.0
    array: FloatArray = np.array([1.0, 2.0])
    sides: list[tuple[Any, DoubleDouble]] = [(array, third), (2.0, third)]
    for left, right in sides:
        assert np.array_equal((left + third).hi, (third + left).hi)
        assert np.array_equal((left * third).hi, (third * left).hi)
        assert np.array_equal((left - third).hi, -(third - left).hi)
        assert np.array_equal((left / third).hi, (double_double(left) / right).hi)
    assert isinstance(array + third, DoubleDouble)


@given(st.lists(moderate, min_size=1, max_size=40))
def test_sum_of_positive_numbers_keeps_a_hundred_bits(values: list[float]) -> None:
    row: FloatArray = np.array([[abs(value) for value in values]])
    truth = sum(map(Fraction, row[0].tolist()))
    total = double_double(row).sum()
    assert total.hi.shape == (1, 1)
    got = Fraction(float(total.hi[0, 0])) + Fraction(float(total.lo[0, 0]))
    assert abs(got - truth) <= truth * Fraction(1, 2**100)


def test_sum_adds_halves_in_a_fixed_order() -> None:
    # Of five, the first two are added to the next two and the fifth waits; then a + c to b + d, and e to both.
    row = 1.0 / DoubleDouble(np.array([3.0, 7.0, 11.0, 13.0, 17.0]))
    a, b, c, d, e = (row[k] for k in range(5))
    expected = ((a + c) + (b + d)) + e
    assert (row.sum().hi[0], row.sum().lo[0]) == (expected.hi, expected.lo)


@given(numbers, st.integers(-400, 400))
def test_times_power_of_two_is_exact_in_range(a: DoubleDouble, exponent: int) -> None:
    assert exactly(a.times_power_of_two(exponent)) == exactly(a) * Fraction(2) ** exponent


def test_times_power_of_two_rounds_to_a_subnormal_and_overflows_to_infinity() -> None:
    almost = DoubleDouble(1.5, 2.0**-60)
    assert float(almost.times_power_of_two(-1074).hi) == 2 * 5e-324  # a tie, to even
    assert float(almost.times_power_of_two(-1080).hi) == 0.0
    assert float(almost.times_power_of_two(2000).hi) == math.inf


def test_infinities_have_nothing_behind_them() -> None:
    infinite = double_double(np.array([np.inf, -np.inf]))
    for result in (infinite + 1.0, infinite - 1.0, infinite * 3.0, infinite / 3.0, -infinite):
        assert np.isinf(result.hi).all()
        assert not result.lo.any()
    assert (1.0 / infinite).hi.tolist() == [0.0, 0.0]
    assert np.isnan((infinite - infinite).hi).all()


def test_abs_where_and_bounds_move_both_parts() -> None:
    third = DoubleDouble(1.0) / 3.0
    assert exactly(abs(-third)) == exactly(third)
    row = DoubleDouble(np.array([-1.0, third.hi, 2.0]), np.array([0.0, third.lo, 0.0]))
    assert at_most(row, 1.0).hi.tolist() == [-1.0, 1.0 / 3.0, 1.0]
    assert at_least(row, 0.0).hi.tolist() == [0.0, 1.0 / 3.0, 2.0]
    chosen = where(np.array([True, False, False]), row, 1.0 / third)
    assert chosen.hi.tolist() == [-1.0, 3.0, 3.0]
    picked = row.pick(np.array([1]))
    assert exactly(picked[0]) == exactly(third)
