"""Losses between logits beyond the laws of the registry: directions, scales, constant rows, small angles."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from kdref import (
    forward_kl_loss,
    logit_cosine_loss,
    logit_cosine_loss_grad,
    logit_mse_loss,
    logit_mse_loss_grad,
    standardised_kl_loss,
    standardised_kl_loss_grad,
)
from tests.oracle.precision import working_precision
from tests.oracle.rows import dot, exact
from tests.strategies import SOME, Array, logits, seeds

RNG = np.random.default_rng(51)
STUDENT, TEACHER = RNG.normal(size=(2, 3, 5))


def test_mse_of_one_class_is_the_squared_difference() -> None:
    assert logit_mse_loss([[2.0], [1.0]], [[0.0], [0.0]]) == 2.5
    np.testing.assert_array_equal(
        logit_mse_loss_grad([[2.0], [1.0]], [[0.0], [0.0]]), [[2.0], [1.0]]
    )


def test_mse_of_logits_too_far_apart_is_infinite_with_a_finite_gradient() -> None:
    assert logit_mse_loss([[1e200]], [[0.0]]) == np.inf
    assert logit_mse_loss_grad([[1e200]], [[0.0]]) == 2e200


def test_mse_gradient_beyond_float64_is_infinite() -> None:
    assert logit_mse_loss_grad([[1.7e308]], [[-1.7e308]]).tolist() == [[np.inf]]


@pytest.mark.parametrize(("student", "value"), [(2.0, 0.0), (-3.0, 2.0)])
def test_cosine_of_one_class_is_a_sign(student: float, value: float) -> None:
    assert logit_cosine_loss([[student]], [[5.0]]) == value
    np.testing.assert_array_equal(logit_cosine_loss_grad([[student]], [[5.0]]), [[0.0]])


@SOME
@given(seed=seeds)
def test_cosine_ignores_the_scale_of_either_side(seed: int) -> None:
    student, teacher = np.random.default_rng(seed).normal(size=(2, 3, 4))
    value = logit_cosine_loss(student, teacher)
    for scale in (2.0**-900, 2.0**900, 8.0):
        assert logit_cosine_loss(scale * student, teacher) == value
        assert logit_cosine_loss(student, scale * teacher) == value
        np.testing.assert_array_equal(
            logit_cosine_loss_grad(scale * student, teacher) * scale,
            logit_cosine_loss_grad(student, teacher),
        )


def test_cosine_gradient_beyond_float64_is_infinite_while_the_value_keeps_its_digits() -> None:
    # At 45 degrees; the slope across has the size sin(45) / 1e-310, and none along.
    tiny = 1e-310
    assert logit_cosine_loss([[tiny, 0.0]], [[1.0, 1.0]]) == pytest.approx(1.0 - 0.5**0.5)
    np.testing.assert_array_equal(
        logit_cosine_loss_grad([[tiny, 0.0]], [[1.0, 1.0]]), [[0.0, -np.inf]]
    )


@pytest.mark.parametrize("noise", [1e-3, 1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_cosine_keeps_its_digits_near_agreement_and_near_opposition(
    noise: float, side: float
) -> None:
    student = side * (TEACHER[:1] + noise * STUDENT[:1])
    grad = logit_cosine_loss_grad(student, TEACHER[:1])
    with working_precision():
        s, t = exact(student[0]), exact(TEACHER[0])
        lengths = (dot(s, s) * dot(t, t)) ** 0.5
        cosine = dot(s, t) / lengths
        truth = [float(-(y / lengths - cosine * x / dot(s, s))) for x, y in zip(s, t, strict=True)]
        deficit = float(1 - cosine)
    assert logit_cosine_loss(student, TEACHER[:1]) == pytest.approx(deficit, rel=1e-13)
    assert np.linalg.norm(grad - truth) <= 1e-12 * np.linalg.norm(truth)


@pytest.mark.parametrize("name", ["student_logits", "teacher_logits"])
@pytest.mark.parametrize("function", [logit_cosine_loss, logit_cosine_loss_grad])
def test_cosine_of_a_zero_vector_is_refused_by_its_row(name: str, function: Any) -> None:
    inputs = {"student_logits": STUDENT.copy(), "teacher_logits": TEACHER.copy()}
    inputs[name][1] = 0.0
    message = f"^{name} must not hold a zero vector, got one in row 1$"
    with pytest.raises(ValueError, match=message):
        function(*inputs.values())
    # Without weight the row is not looked at.
    assert np.isfinite(function(*inputs.values(), weights=[1.0, 0.0, 1.0])).all()


@SOME
@given(student=logits((3, 4)), teacher=logits((3, 4)))
def test_standardised_kl_ignores_the_scale_of_a_row_but_for_the_constant(
    student: Array, teacher: Array
) -> None:
    one = standardised_kl_loss(student + 1e6 * np.arange(4), teacher)
    two = standardised_kl_loss(4.0 * (student + 1e6 * np.arange(4)), teacher)
    assert two == pytest.approx(one, rel=1e-6, abs=1e-12)


def test_standardised_kl_gradient_of_logits_of_any_size_shrinks_with_their_scale() -> None:
    far = standardised_kl_loss_grad(1e10 * STUDENT, TEACHER)
    for scale in (1e150, 1e290):
        grad = standardised_kl_loss_grad(scale * 1e10 * STUDENT, TEACHER)
        np.testing.assert_allclose(grad * scale, far, rtol=1e-12, atol=1e-24)
    # Subnormal logits have no spread beside the constant 1e-7: (q - p) / (T N 1e-7), less its mean.
    subnormal = standardised_kl_loss_grad([[1e-310, 0.0, 0.0]], [[1.0, 0.0, -1.0]], temperature=1.0)
    constant = standardised_kl_loss_grad([[0.0, 0.0, 0.0]], [[1.0, 0.0, -1.0]], temperature=1.0)
    np.testing.assert_allclose(subnormal, constant, rtol=1e-15)


def test_standardised_kl_refuses_logits_whose_deviation_may_overflow() -> None:
    far = standardised_kl_loss([[1e307, 0.0, -1e307]], TEACHER[:1, :3])
    assert far == pytest.approx(standardised_kl_loss([[1e10, 0.0, -1e10]], TEACHER[:1, :3]))
    wide, mask = np.array([[0.0, 1.0], [0.0, 1.1e307]]), [0.0, 1.0]
    message = "must lie within +-1e+307, got 1.1e+307 at index (1, 1)"
    for function in (standardised_kl_loss, standardised_kl_loss_grad):
        with pytest.raises(ValueError, match=f"^student_logits {re.escape(message)}$"):
            function(wide, np.zeros((2, 2)), weights=mask)
        with pytest.raises(ValueError, match=f"^teacher_logits {re.escape(message)}$"):
            function(np.zeros((2, 2)), wide, weights=mask)


def test_standardised_kl_takes_a_constant_row_for_a_uniform_one() -> None:
    constant = np.full((1, 5), 0.1)
    for shift in (0.0, 1e8):
        got = standardised_kl_loss(constant + shift, TEACHER[:1], temperature=3.0)
        z = (TEACHER[0] - TEACHER[0].mean()) / (1e-7 + TEACHER[0].std(ddof=1))
        expected = forward_kl_loss([[0.0] * 5], [z], temperature=3.0)
        assert got == pytest.approx(expected, rel=1e-13)


def test_standardised_kl_gradient_at_a_constant_row_is_steep_and_finite() -> None:
    grad = standardised_kl_loss_grad(np.zeros((1, 5)), TEACHER[:1], temperature=2.0)
    step = 1e-12  # small against the constant 1e-7
    for k in range(5):
        ahead, behind = np.zeros((2, 1, 5))
        ahead[0, k], behind[0, k] = step, -step
        slope = (
            standardised_kl_loss(ahead, TEACHER[:1]) - standardised_kl_loss(behind, TEACHER[:1])
        ) / (2.0 * step)
        assert slope == pytest.approx(grad[0, k], rel=1e-3, abs=1e3)
    assert abs(grad).max() > 1e5


def test_standardised_kl_of_one_class_needs_ddof_0() -> None:
    assert standardised_kl_loss([[3.0]], [[1.0]], ddof=0) == 0.0
    np.testing.assert_array_equal(standardised_kl_loss_grad([[3.0]], [[1.0]], ddof=0), [[0.0]])
    with pytest.raises(ValueError, match=f"^{re.escape('ddof must be <= C - 1 = 0, got 1')}$"):
        standardised_kl_loss([[3.0]], [[1.0]])


@pytest.mark.parametrize(
    ("ddof", "error", "message"),
    [
        (-1, ValueError, "ddof must be >= 0, got -1"),
        (5, ValueError, "ddof must be <= C - 1 = 4, got 5"),
        (1.0, TypeError, "ddof must be an integer, got 1.0"),
    ],
)
def test_ddof_out_of_range_is_refused(ddof: Any, error: type[Exception], message: str) -> None:
    for function in (standardised_kl_loss, standardised_kl_loss_grad):
        with pytest.raises(error, match=f"^{re.escape(message)}$"):
            function(STUDENT, TEACHER, ddof=ddof)
