"""The wording and the borders of every check; that functions call them is in `test_bad_input`."""

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from kdref import _checks


def refuses(
    error: type[Exception], message: str, check: Callable[..., Any], *args: Any, **options: Any
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        check(*args, **options)


# Numbers.


@pytest.mark.parametrize(
    "value", [2, 2.0, np.float32(2.0), np.float64(2.0), np.int8(2), Fraction(2)]
)
def test_real_number_accepts_every_kind_of_real_scalar(value: Any) -> None:
    number = _checks.real_number("x", value)
    assert (type(number), number) == (float, 2.0)


@pytest.mark.parametrize("value", [True, np.True_, "2", None, 2j, [2.0], np.array(2.0)])
def test_real_number_refuses_what_only_looks_like_one(value: Any) -> None:
    refuses(TypeError, f"x must be a real number, got {value!r}", _checks.real_number, "x", value)


def test_integer_beyond_float64_counts_as_infinite() -> None:
    assert _checks.real_number("x", 10**400) == math.inf
    refuses(ValueError, "x must be finite and > 0, got inf", _checks.positive, "x", 10**400)


@pytest.mark.parametrize("value", [1e-100, 1.0, 1e300])
def test_temperature_accepts_its_borders(value: float) -> None:
    assert _checks.temperature(value) == value


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_temperature_refuses_what_is_not_above_zero(value: float) -> None:
    refuses(
        ValueError, f"temperature must be finite and > 0, got {value}", _checks.temperature, value
    )


def test_temperature_refuses_what_is_too_small_to_divide_by() -> None:
    refuses(
        ValueError, "temperature must be >= 1e-100, got 9.9e-101", _checks.temperature, 9.9e-101
    )


def test_squarable_temperature_has_an_upper_border_too() -> None:
    assert _checks.squarable_temperature(1e100) == 1e100
    message = "temperature must be <= 1e+100 where it is squared, got 1.1e+100"
    refuses(ValueError, message, _checks.squarable_temperature, 1.1e100)
    refuses(
        ValueError, "temperature must be finite and > 0, got 0.0", _checks.squarable_temperature, 0
    )


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_fraction_accepts_its_borders(value: float) -> None:
    assert _checks.fraction("beta", value) == value


@pytest.mark.parametrize("value", [-1e-9, 1.0 + 1e-9, math.nan])
def test_fraction_refuses_what_lies_outside(value: float) -> None:
    refuses(ValueError, f"beta must lie in [0, 1], got {value!r}", _checks.fraction, "beta", value)


def test_fraction_must_be_a_number_first() -> None:
    refuses(TypeError, "beta must be a real number, got '1'", _checks.fraction, "beta", "1")


def test_below_one_accepts_zero_and_refuses_one() -> None:
    assert _checks.below_one("dropout", 0) == 0.0
    for value in (-1e-9, 1.0, math.nan):
        message = f"dropout must lie in [0, 1), got {value!r}"
        refuses(ValueError, message, _checks.below_one, "dropout", value)


def test_not_negative_accepts_zero_and_refuses_infinity() -> None:
    assert _checks.not_negative("decay", 0) == 0.0
    for value in (-5e-324, math.inf, math.nan):
        message = f"decay must be finite and >= 0, got {value!r}"
        refuses(ValueError, message, _checks.not_negative, "decay", value)


def test_generator_refuses_a_seed() -> None:
    source = np.random.default_rng(1)
    assert _checks.generator("rng", source) is source
    for value in (7, None, np.random):
        message = f"rng must be a numpy.random.Generator, got {value!r}"
        refuses(TypeError, message, _checks.generator, "rng", value)


def test_half_open_and_unbounded_weights_must_be_numbers_first() -> None:
    for check in (_checks.below_one, _checks.not_negative):
        refuses(TypeError, "w must be a real number, got None", check, "w", None)


def test_positive_accepts_the_smallest_number_and_refuses_zero() -> None:
    assert _checks.positive("step", 5e-324) == 5e-324
    for value in (0.0, -2.0, math.nan, math.inf):
        refuses(
            ValueError,
            f"step must be finite and > 0, got {value!r}",
            _checks.positive,
            "step",
            value,
        )


def test_count_accepts_integers_from_its_minimum_on() -> None:
    assert _checks.count("n", 1) == 1
    assert _checks.count("n", 0, minimum=0) == 0
    assert type(_checks.count("n", np.int64(3))) is int
    refuses(ValueError, "n must be >= 1, got 0", _checks.count, "n", 0)
    refuses(ValueError, "n must be >= 2, got 1", _checks.count, "n", np.int64(1), minimum=2)
    for value in (True, np.True_, 1.0, "1", None):
        refuses(TypeError, f"n must be an integer, got {value!r}", _checks.count, "n", value)


def test_choice_accepts_the_words_it_names() -> None:
    assert _checks.choice("method", "a", ("a", "b")) == "a"
    for value in ("c", None, 1, ["a"]):
        message = f"method must be one of 'a', 'b', got {value!r}"
        refuses(ValueError, message, _checks.choice, "method", value, ("a", "b"))


# Arrays.


def test_one_row_has_one_dimension() -> None:
    _checks.one_row("x", np.zeros(3))
    refuses(
        ValueError, "x must have shape (C,), got (1, 3)", _checks.one_row, "x", np.zeros((1, 3))
    )


def test_row_integers_are_one_a_row() -> None:
    assert _checks.row_integers("ids", [4, -1], 2).tolist() == [4, -1]
    message = "ids must have shape (2,), one entry a row, got (2, 1)"
    refuses(ValueError, message, _checks.row_integers, "ids", [[4], [1]], 2)
    message = "ids must be integer class ids, got dtype float64"
    refuses(TypeError, message, _checks.row_integers, "ids", [0.0, 1.0], 2)


def test_real_array_converts_to_float64_and_copies_only_if_it_must() -> None:
    given = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert _checks.real_array("x", given) is given
    assert _checks.real_array("x", [1, 2]).dtype == np.float64
    assert _checks.real_array("x", 3).shape == ()


def test_real_array_has_contiguous_rows_whatever_comes_in() -> None:
    given = np.arange(6.0).reshape(2, 3)
    for odd in (np.asfortranarray(given), given[:, ::-1], np.broadcast_to(given[0], (2, 3))):
        array = _checks.real_array("x", odd)
        assert array.flags.c_contiguous
        np.testing.assert_array_equal(array, odd)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_real_array_refuses_integers_that_float64_rounds(dtype: Any) -> None:
    assert _checks.real_array("z", np.array([2**53], dtype=dtype)).tolist() == [2.0**53]
    message = f"z must hold integers within +-2**53, as float64 does, got {2**53 + 1} at index 0"
    refuses(ValueError, message, _checks.real_array, "z", np.array([2**53 + 1], dtype=dtype))


def test_real_array_refuses_negative_integers_that_float64_rounds() -> None:
    assert _checks.real_array("z", [-(2**53)]).tolist() == [-(2.0**53)]
    message = f"z must hold integers within +-2**53, as float64 does, got {-(2**53) - 1} at index 0"
    refuses(ValueError, message, _checks.real_array, "z", [-(2**53) - 1])


def test_finite_array_refuses_nan_and_infinities_by_their_place() -> None:
    assert _checks.finite_array("x", [1.0, -2.0]).tolist() == [1.0, -2.0]
    refuses(
        ValueError, "x must be finite, got nan at index 1", _checks.finite_array, "x", [0.0, np.nan]
    )
    refuses(
        ValueError,
        "x must be finite, got -inf at index (0, 0)",
        _checks.finite_array,
        "x",
        [[-np.inf]],
    )
    refuses(ValueError, "x must be finite, got inf", _checks.finite_array, "x", np.inf)


def test_finite_array_must_hold_real_numbers_first() -> None:
    message = "x must hold real numbers of at most 64 bits, got dtype complex128"
    refuses(TypeError, message, _checks.finite_array, "x", [1j])


def test_above_zero_accepts_the_smallest_number_and_refuses_zero_by_its_place() -> None:
    _checks.above_zero("v", np.array([5e-324, np.inf]))
    for value in (0.0, -1.0, math.nan):
        message = f"v must be > 0, got {value!r} at index (0, 1)"
        refuses(ValueError, message, _checks.above_zero, "v", np.array([[1.0, value]]))


def test_not_empty_refuses_an_array_without_entries() -> None:
    _checks.not_empty("x", np.zeros(1))
    message = "x must have at least one entry, got shape (0, 3)"
    refuses(ValueError, message, _checks.not_empty, "x", np.zeros((0, 3)))


def test_bounded_array_accepts_its_bound() -> None:
    assert _checks.bounded_array("g", [2.0, -2.0], 2.0).tolist() == [2.0, -2.0]
    for value in (2.5, -2.5, math.nan, math.inf):
        message = f"g must lie within +-2, got {value!r} at index 1"
        refuses(ValueError, message, _checks.bounded_array, "g", [0.0, value], 2.0)
    message = "g must lie within +-2, got 3.0 at index (7, 1)"
    rows = np.array([4, 7])
    refuses(
        ValueError,
        message,
        _checks.bounded_array,
        "g",
        [[0.0, 1.0], [2.0, 3.0]],
        2.0,
        row_numbers=rows,
    )


def test_logits_may_exclude_classes_unless_told_otherwise() -> None:
    assert _checks.logits("z", [0.0, -np.inf]).tolist() == [0.0, -np.inf]
    assert _checks.logits("z", [0.0, -1.0], exclusion=False).tolist() == [0.0, -1.0]
    for value in (-math.inf, math.inf, math.nan):
        message = f"z must be finite, got {value!r} at index (1, 0)"
        refuses(ValueError, message, _checks.logits, "z", [[0.0], [value]], exclusion=False)


def test_logits_are_refused_by_the_callers_row_numbers() -> None:
    rows = [[0.0, 1.0], [np.nan, 1.0]]
    numbers = np.array([3, 7])
    message = "z must not hold NaN or +inf, got nan at index (7, 0)"
    refuses(ValueError, message, _checks.logits, "z", rows, row_numbers=numbers)
    message = "z must be finite, got nan at index (7, 0)"
    refuses(ValueError, message, _checks.logits, "z", rows, row_numbers=numbers, exclusion=False)


def test_single_row_without_a_finite_logit_is_refused_without_a_place() -> None:
    message = "z must have a finite logit in each row, got -inf"
    refuses(ValueError, message, _checks.logits, "z", [-np.inf, -np.inf])


@pytest.mark.parametrize("miss", [9.9e-7, -9.9e-7])
def test_probabilities_may_miss_one_by_a_millionth(miss: float) -> None:
    assert _checks.probabilities("p", [0.5, 0.5 + miss]).sum() == pytest.approx(1.0 + miss)


@pytest.mark.parametrize("miss", [1.1e-6, -1.1e-6])
def test_probabilities_may_not_miss_one_by_more(miss: float) -> None:
    message = f"p must sum to 1 within 1e-06 in each row, got {0.5 + (0.5 + miss)!r}"
    refuses(ValueError, message, _checks.probabilities, "p", [0.5, 0.5 + miss])


def test_divisible_needs_a_finite_quotient_where_p_is_above_zero() -> None:
    p = np.array([1.0, 0.0])
    _checks.divisible("q", np.array([1e-308, 0.0]), "p", p)
    for value in (0.0, 5e-324):
        message = f"q must be > 0, with a finite p / q, wherever p > 0, got {value} at index 0"
        refuses(ValueError, message, _checks.divisible, "q", np.array([value, 1.0]), "p", p)


def test_matrix_names_its_columns() -> None:
    _checks.matrix("f", np.zeros((1, 1)))
    message = "f must have shape (N, D) with N >= 1 and D >= 1, got (2,)"
    refuses(ValueError, message, _checks.matrix, "f", np.zeros(2), columns="D")


def test_integers_become_the_index_type() -> None:
    array = _checks.integers("labels", np.array([1, 2], dtype=np.uint8))
    assert array.dtype == np.intp
    assert _checks.integers("labels", array) is array  # copied only if it must be


def test_class_ids_are_refused_by_the_callers_row_numbers() -> None:
    ids = np.array([0, 2, 3])
    assert _checks.class_ids("labels", ids, 4) is ids
    message = "labels must lie in 0 .. 2, got 3 at index 9"
    refuses(
        ValueError, message, _checks.class_ids, "labels", ids, 3, row_numbers=np.array([1, 5, 9])
    )


def test_integers_beyond_the_index_type_are_refused_as_they_were_given() -> None:
    message = f"labels must be class ids below 2**63, got {2**64 - 1} at index 1"
    ids = np.array([0, 2**64 - 1], dtype=np.uint64)
    refuses(ValueError, message, _checks.integers, "labels", ids)


def test_row_weights_turn_booleans_into_numbers() -> None:
    weights = _checks.row_weights([True, False], 2)
    assert weights.dtype == np.float64
    assert weights.tolist() == [1.0, 0.0]


def test_labels_needed_unless_alpha_is_one() -> None:
    _checks.labels_needed(1.0)
    message = "labels must be given unless alpha is 1, got None with alpha 0.9"
    refuses(ValueError, message, _checks.labels_needed, 0.9)


def test_finite_rows_name_the_callers_row() -> None:
    numbers = np.array([4, 6, 8])
    _checks.finite_rows("x_loss", np.array([False, False, False]), numbers, "why")
    message = "x_loss must be finite to have a gradient, got inf in row 6: why"
    refuses(
        ValueError,
        message,
        _checks.finite_rows,
        "x_loss",
        np.array([False, True, True]),
        numbers,
        "why",
    )


def test_row_result_is_a_builtin_float_for_one_row() -> None:
    assert type(_checks.row_result(np.asarray(2.0))) is float
    rows = np.array([1.0, 2.0])
    assert _checks.row_result(rows) is rows
