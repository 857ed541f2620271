"""Numerical gradients of functions whose derivatives are known, and what the report says of right and wrong ones."""

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from kdref import GradientReport, check_gradient, numerical_gradient
from kdref.gradcheck import STEPS, TOLERANCES
from tests.strategies import SOME, Array, logits

METHODS = list(STEPS)


def exactly(message: str) -> str:
    return f"^{re.escape(message)}$"


def wavy(x: Array) -> Any:
    """sin x0 + x1 e^(x2 / 4), for real and complex numbers."""
    return np.sin(x[0]) + x[1] * np.exp(x[2] / 4.0)


def wavy_gradient(x: Array) -> Array:
    grown = np.exp(x[2] / 4.0)
    return np.array([np.cos(x[0]), grown, x[1] * grown / 4.0])


AT = np.array([0.7, -1.3, 2.1])


# Each method on what it should get right.


@pytest.mark.parametrize("method", METHODS)
def test_gradient_of_a_polynomial_by_hand(method: str) -> None:
    # f = x0^2 x1 + 3 x1 at (2, 5): (2 x0 x1, x0^2 + 3) = (20, 7).
    got = numerical_gradient(lambda x: x[0] ** 2 * x[1] + 3.0 * x[1], [2.0, 5.0], method=method)
    np.testing.assert_allclose(got, [20.0, 7.0], rtol=1e-9)
    assert got.dtype == np.float64


@pytest.mark.parametrize(
    ("method", "error"), [("central", 1e-8), ("richardson", 1e-11), ("complex-step", 1e-15)]
)
def test_methods_are_as_accurate_as_the_module_says(method: str, error: float) -> None:
    got = numerical_gradient(wavy, AT, method=method)
    np.testing.assert_allclose(got, wavy_gradient(AT), rtol=error)


def test_central_differences_divide_by_twice_the_step() -> None:
    # For a cubic, ((x + h)^3 - (x - h)^3) / 2h = 3 x^2 + h^2 exactly: 3 + 1/4 with x = 1 and h = 1/2.
    got = numerical_gradient(lambda x: x**3, 1.0, method="central", step=0.5)
    assert got == 3.25


def test_richardson_removes_the_first_three_errors_of_central_differences() -> None:
    # Central differences of x^7 err by 35 h^2 x^4 + 21 h^4 x^2 + h^6; four steps remove the three terms.
    got = numerical_gradient(lambda x: x**7, 1.0, step=0.5)
    assert got == pytest.approx(7.0, rel=1e-14)
    # The next term is left: for x^9 the h^8 of four steps h / 2^j, times -(1 * 1/4 * 1/16 * 1/64).
    rest = numerical_gradient(lambda x: x**9, 0.0, step=1.0)
    assert rest == pytest.approx(-1.0 / 4096.0, rel=1e-13)


def test_richardson_is_the_default_with_a_step_of_a_tenth() -> None:
    default = numerical_gradient(wavy, AT)
    np.testing.assert_array_equal(default, numerical_gradient(wavy, AT, method="richardson"))
    np.testing.assert_array_equal(default, numerical_gradient(wavy, AT, step=0.1))
    assert (default != numerical_gradient(wavy, AT, step=0.2)).any()


def test_steps_and_tolerances_are_those_of_the_documentation() -> None:
    assert STEPS == {"central": 1e-4, "richardson": 0.1, "complex-step": 1e-20}
    assert TOLERANCES == {"central": 1e-6, "richardson": 1e-9, "complex-step": 1e-13}


def test_differences_are_divided_by_the_step_that_was_taken() -> None:
    # At 1e6 the step 1e-4 is stored with an error of 1e-7 relative; of a linear function nothing else can err.
    got = numerical_gradient(lambda x: 3.0 * (x - 1e6), 1e6, method="central")
    assert got == pytest.approx(3.0, rel=1e-15)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (2, 1, 2)])
def test_gradient_has_the_shape_of_the_argument(method: str, shape: tuple[int, ...]) -> None:
    x = np.arange(1.0, 1.0 + math.prod(shape)).reshape(shape)
    got = numerical_gradient(lambda x: (x**2).sum(), x, method=method)
    assert got.shape == shape
    np.testing.assert_allclose(got, 2.0 * x, rtol=1e-9)


def test_gradient_of_nothing_is_nothing() -> None:
    assert numerical_gradient(lambda x: 1.0, np.zeros((0, 2))).shape == (0, 2)


@SOME
@given(x=logits((3,), bound=2))
def test_methods_agree_with_the_known_gradient(x: Array) -> None:
    for method in METHODS:
        report = check_gradient(wavy, wavy_gradient, x, method=method)
        assert report.passed, str(report)


def test_argument_may_be_a_list_and_is_not_written_to() -> None:
    def greedy(x: Array) -> Any:
        x *= 2.0
        return (x**2).sum()

    def greedy_gradient(x: Array) -> Array:
        x *= 8.0
        return x

    point = np.array([1.0, 2.0])
    assert check_gradient(greedy, greedy_gradient, point).passed
    assert point.tolist() == [1.0, 2.0]
    np.testing.assert_allclose(numerical_gradient(greedy, [1.0, 2.0]), [8.0, 16.0])


@pytest.mark.parametrize("convert", [float, np.float32, np.asarray, lambda v: np.array([v]), int])
def test_function_may_return_any_single_real_number(convert: Any) -> None:
    got = numerical_gradient(lambda x: convert(4.0 * x), 2.0, method="central", step=0.5)
    assert got == 4.0


def test_kink_shows_unless_the_steps_stay_on_one_side() -> None:
    # |x| at 0 looks flat to differences that reach equally far to both sides.
    assert numerical_gradient(abs, 0.0) == 0.0
    # At 0.05 only the longest step, 0.1, reaches over the kink: (0.15 - 0.05) / 0.2 = 1/2 in place of 1,
    # which counts -1 / ((4 - 1) (16 - 1) (64 - 1)) = -1 / 2835 in the extrapolation.
    assert numerical_gradient(abs, 0.05) == pytest.approx(1.0 + 0.5 / 2835.0, rel=1e-13)
    assert not check_gradient(abs, np.sign, 0.05).passed
    assert check_gradient(abs, np.sign, 0.05, step=0.01).passed


# Errors.


@pytest.mark.parametrize(
    "check",
    [
        lambda **k: numerical_gradient(wavy, AT, **k),
        lambda **k: check_gradient(wavy, wavy_gradient, AT, **k),
    ],
)
def test_unknown_methods_and_bad_steps_are_refused(check: Any) -> None:
    message = "method must be one of 'central', 'richardson', 'complex-step', got 'forward'"
    with pytest.raises(ValueError, match=exactly(message)):
        check(method="forward")
    for step in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=exactly(f"step must be finite and > 0, got {step!r}")):
            check(step=step)
    with pytest.raises(TypeError, match=exactly("step must be a real number, got '1'")):
        check(step="1")


def test_step_that_does_not_change_the_argument_is_refused() -> None:
    message = "step must change x by a finite amount, got 1e-10 at 1000000000.0"
    with pytest.raises(ValueError, match=exactly(message)):
        numerical_gradient(lambda x: x.sum(), [0.0, 1e9], method="central", step=1e-10)


def test_step_to_infinity_is_refused_without_a_warning() -> None:
    message = "step must change x by a finite amount, got 1e+308 at 1.7e+308"
    with pytest.raises(ValueError, match=exactly(message)):
        numerical_gradient(lambda x: x.sum(), [1.7e308], method="central", step=1e308)


def test_step_that_changes_the_argument_beyond_float64_is_refused() -> None:
    message = "step must change x by a finite amount, got 1e+308 at 0.0"
    with pytest.raises(ValueError, match=exactly(message)):
        numerical_gradient(lambda x: x.sum(), [0.0], method="central", step=1e308)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_argument_must_be_finite_and_real(bad: float) -> None:
    with pytest.raises(ValueError, match=exactly(f"x must be finite, got {bad!r} at index 1")):
        numerical_gradient(wavy, [0.0, bad])
    with pytest.raises(ValueError, match=exactly(f"x must be finite, got {bad!r} at index 1")):
        check_gradient(wavy, wavy_gradient, [0.0, bad])
    with pytest.raises(
        TypeError,
        match=exactly("x must hold real numbers of at most 64 bits, got dtype complex128"),
    ):
        numerical_gradient(wavy, [1j])


def test_check_needs_something_to_compare() -> None:
    message = "x must have at least one entry, got shape (0,)"
    with pytest.raises(ValueError, match=exactly(message)):
        check_gradient(lambda x: 0.0, lambda x: x, [])


@pytest.mark.parametrize("method", ["central", "richardson"])
@pytest.mark.parametrize("result", [1j, "1", None, True])
def test_function_must_return_a_real_number(method: str, result: Any) -> None:
    message = f"the function must return a real number, got {result!r}"
    with pytest.raises(TypeError, match=exactly(message)):
        numerical_gradient(lambda x: result, 1.0, method=method)


@pytest.mark.parametrize("method", METHODS)
def test_function_must_return_one_number(method: str) -> None:
    message = "the function must return one number, got shape (2,)"
    with pytest.raises(ValueError, match=exactly(message)):
        numerical_gradient(lambda x: x, [1.0, 2.0], method=method)


def test_complex_step_refuses_a_function_that_loses_the_imaginary_part() -> None:
    message = (
        "the function must return a complex number for the complex step, "
        "got dtype float64: the imaginary part was lost on the way"
    )
    with pytest.raises(TypeError, match=exactly(message)):
        numerical_gradient(lambda x: x.real.sum(), [1.0], method="complex-step")


def test_gradient_must_have_the_shape_of_the_argument_and_hold_real_numbers() -> None:
    message = "x and the gradient must have the same shape, got (3,) and (2,)"
    with pytest.raises(ValueError, match=exactly(message)):
        check_gradient(wavy, lambda x: x[:2], AT)
    message = "the gradient must hold real numbers of at most 64 bits, got dtype complex128"
    with pytest.raises(TypeError, match=exactly(message)):
        check_gradient(wavy, lambda x: x + 1j, AT)


def test_tolerance_must_be_above_zero() -> None:
    with pytest.raises(ValueError, match=exactly("tolerance must be finite and > 0, got 0.0")):
        check_gradient(wavy, wavy_gradient, AT, tolerance=0.0)


# The report.


def square(x: Array) -> Any:
    return (x**2).sum()


def test_report_on_a_wrong_gradient_names_the_worst_entry_with_both_numbers() -> None:
    # True gradient (6, 8), given (6, 4): off by 4 of max(norm 10, sqrt 52) = 0.4.
    report = check_gradient(square, lambda x: x * [2.0, 1.0], [3.0, 4.0])
    assert not report.passed
    assert report.norm_error == pytest.approx(0.4, rel=1e-12)
    assert report.entry_error == pytest.approx(4.0, rel=1e-12)
    assert report.where == (1,)
    assert report.analytic == 4.0
    assert report.numerical == pytest.approx(8.0, rel=1e-12)
    assert (report.method, report.tolerance) == ("richardson", 1e-9)


def test_error_in_norm_is_relative_to_the_larger_of_the_two_gradients() -> None:
    # True (6, 8), given (12, 16): off by 10 of 20.
    report = check_gradient(square, lambda x: 4.0 * x, [3.0, 4.0])
    assert report.norm_error == pytest.approx(0.5, rel=1e-12)


def test_report_prints_three_lines() -> None:
    report = GradientReport(
        method="central",
        norm_error=0.25,
        entry_error=0.125,
        where=(2, 0),
        analytic=1.0 / 3.0,
        numerical=-2.0,
        tolerance=1e-6,
    )
    assert str(report) == (
        "gradient DISAGREES (central)\n"
        "  error in norm  2.5e-01  (tolerance 1e-06)\n"
        "  worst entry    [2, 0]: analytic 0.3333333333, numerical -2, difference 1.2e-01"
    )


def test_report_on_a_right_gradient_says_so() -> None:
    report = check_gradient(square, lambda x: 2.0 * x, [[3.0, 4.0]], method="complex-step")
    assert report.passed
    assert str(report).startswith("gradient agrees (complex-step)\n")
    assert report.where[0] == 0
    assert len(report.where) == 2


@pytest.mark.parametrize("method", METHODS)
def test_tolerance_is_that_of_the_method_unless_given(method: str) -> None:
    default = check_gradient(square, lambda x: 2.0 * x, [3.0], method=method)
    assert default.tolerance == TOLERANCES[method]
    slack = check_gradient(square, lambda x: 2.1 * x, [3.0], method=method, tolerance=0.1)
    assert (slack.tolerance, slack.passed) == (0.1, True)


def test_step_is_handed_on() -> None:
    # The exact central difference of a cubic: 3 x^2 + h^2.
    report = check_gradient(
        lambda x: (x**3).sum(), lambda x: 3.0 * x**2, [1.0], method="central", step=0.5
    )
    assert report.numerical == 3.25


def test_error_equal_to_the_tolerance_passes() -> None:
    report = GradientReport("central", 1e-6, 0.0, (0,), 0.0, 0.0, 1e-6)
    assert report.passed


def test_zero_gradients_agree() -> None:
    report = check_gradient(lambda x: 1.0, np.zeros_like, [3.0, 4.0])
    assert report.passed
    assert report.norm_error == 0.0


@pytest.mark.parametrize("analytic", [0.0, 1.0, math.nan, math.inf])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_nan_never_passes(analytic: float, value: float) -> None:
    report = check_gradient(lambda x: value, lambda x: np.array([analytic]), [1.0])
    assert not report.passed
    assert math.isnan(report.norm_error)
    assert math.isnan(report.numerical)


@pytest.mark.parametrize("analytic", [math.nan, math.inf, -math.inf])
def test_gradient_that_is_not_finite_never_passes(analytic: float) -> None:
    report = check_gradient(square, lambda x: np.array([analytic, 2.0]), [1.0, 1.0])
    assert not report.passed
    assert report.where == (0,)


def test_infinite_slope_on_both_sides_does_not_pass() -> None:
    report = check_gradient(
        lambda x: 1.5e308 * np.sign(x[0]), lambda x: np.array([np.inf]), [0.0], method="central"
    )
    assert report.numerical == math.inf
    assert math.isnan(report.entry_error)
    assert not report.passed


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_gradients_of_any_size_are_compared(size: float) -> None:
    # Their squares leave the range of float64.
    assert check_gradient(lambda x: size * x.sum(), lambda x: np.full(2, size), [1.0, 2.0]).passed
    wrong = check_gradient(lambda x: size * x.sum(), lambda x: np.full(2, 2.0 * size), [1.0, 2.0])
    assert not wrong.passed
    assert wrong.norm_error == pytest.approx(0.5, rel=1e-9)


def test_opposite_gradients_at_the_end_of_float64_disagree() -> None:
    report = check_gradient(lambda x: 1e308 * float(x[0]), lambda x: np.array([-1e308]), [0.0])
    assert not report.passed
    assert report.norm_error == pytest.approx(2.0, rel=1e-9)
    assert report.entry_error == math.inf
