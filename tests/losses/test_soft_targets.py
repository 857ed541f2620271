"""The losses against a teacher's softened distribution, beyond the laws of the registry."""

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given

from kdref import (
    LOSSES,
    entropy_from_logits,
    forward_kl_loss,
    forward_kl_loss_grad,
    reverse_kl_loss,
    reverse_kl_loss_grad,
    soft_cross_entropy_loss,
    soft_cross_entropy_loss_grad,
    softmax,
)
from tests.oracle.batch import loss, loss_gradient
from tests.oracle.precision import working_precision
from tests.strategies import SOME, Array, Call, calls, temperatures

NAMES = ["soft_cross_entropy", "forward_kl", "reverse_kl"]

TEACHER, STUDENT = np.log([[3.0, 1.0]]), np.zeros((1, 2))


def test_mean_of_rows_whose_sum_overflows_is_finite() -> None:
    # KL of each row is 6e307; float64 ends at 1.8e308.
    student, teacher = np.array(4 * [[6e307, 0.0]]), np.array(4 * [[0.0, 6e307]])
    assert forward_kl_loss(student, teacher) == 6e307
    assert forward_kl_loss(student, teacher, weights=[4.0, 0.0, 2.0, 2.0]) == 6e307
    assert forward_kl_loss([[0.0, 0.0]], [[0.0, -np.inf]]) == math.log(2)
    assert forward_kl_loss([[0.0, -np.inf]], [[0.0, 0.0]]) == math.inf


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_softened_losses_by_hand_at_any_temperature(temperature: float) -> None:
    # Logits times T leave p = (3/4, 1/4) and q = (1/2, 1/2); the gradients carry 1/T, and nothing carries T^2.
    student, teacher = temperature * STUDENT, temperature * TEACHER
    for value, gradient, by_hand, row in [
        (soft_cross_entropy_loss, soft_cross_entropy_loss_grad, math.log(2), [-0.25, 0.25]),
        (
            forward_kl_loss,
            forward_kl_loss_grad,
            0.75 * math.log(1.5) - 0.25 * math.log(2),
            [-0.25, 0.25],
        ),
        (
            reverse_kl_loss,
            reverse_kl_loss_grad,
            math.log(4 / 3) / 2,
            [-math.log(3) / 4, math.log(3) / 4],
        ),
    ]:
        assert value(student, teacher, temperature=temperature) == pytest.approx(by_hand, rel=1e-14)
        np.testing.assert_allclose(
            gradient(student, teacher, temperature=temperature),
            np.array([row]) / temperature,
            rtol=1e-14,
        )


@pytest.mark.parametrize("name", NAMES)
def test_temperature_is_one_unless_given(name: str) -> None:
    entry = LOSSES[name]
    student, teacher = [[0.5, -1.0, 2.0]], [[1.5, 0.0, -1.0]]
    assert entry.value(student, teacher) == entry.value(student, teacher, temperature=1.0)
    assert entry.value(student, teacher) != entry.value(student, teacher, temperature=2.0)
    unsoftened = entry.grad(student, teacher)
    np.testing.assert_array_equal(unsoftened, entry.grad(student, teacher, temperature=1.0))


@SOME
@given(call=calls(LOSSES["forward_kl"]), temperature=temperatures)
def test_forward_kl_is_soft_cross_entropy_minus_the_teachers_entropy(
    call: Call, temperature: float
) -> None:
    student, teacher = call.inputs.values()
    entropy = np.mean(entropy_from_logits(teacher, temperature=temperature))
    soft = soft_cross_entropy_loss(student, teacher, temperature=temperature)
    kl = forward_kl_loss(student, teacher, temperature=temperature)
    assert kl + entropy == pytest.approx(soft, rel=1e-14)


@SOME
@given(call=calls(LOSSES["soft_cross_entropy"]))
def test_gradients_of_soft_cross_entropy_and_forward_kl_are_one(call: Call) -> None:
    student, teacher = call.inputs.values()
    temperature = call.parameters["temperature"]
    np.testing.assert_array_equal(
        call.grad(), forward_kl_loss_grad(student, teacher, temperature=temperature)
    )
    difference = softmax(student, temperature) - softmax(teacher, temperature)
    np.testing.assert_allclose(
        call.grad() * call.n_rows * temperature, difference, rtol=1e-12, atol=1e-15
    )


@SOME
@given(call=calls(LOSSES["forward_kl"]))
def test_reverse_kl_is_forward_kl_with_the_roles_exchanged(call: Call) -> None:
    student, teacher = call.inputs.values()
    exchanged = reverse_kl_loss(teacher, student, **call.parameters)
    assert exchanged == pytest.approx(call.value(), rel=1e-13)


# Ordinary formulas lose these rows: near agreement, certain, far apart, deep in the tails.
ROWS = [
    ([[0.3, -1.2, 2.5]], [[0.3, -1.2, 2.5 + 1e-9]]),
    ([[0.3, -1.2, 2.5]], [[1e8 + 0.25, 1e8 - 1.25, 1e8 + 2.5]]),
    ([[40.0, 0.0, 1.0]], [[45.0, 0.0, 0.5]]),
    ([[40.0, 0.0, 1.0]], [[0.0, 45.0, 0.5]]),
    ([[0.0, -650.5, 3.0]], [[0.5, -640.25, 2.0]]),
    ([[0.0, -720.5, -800.0]], [[0.5, -3.0, 1e5]]),
    ([[0.0, 1.0, -3e5]], [[2.5, 0.0, -1e200]]),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("student", "teacher"), ROWS)
def test_rows_that_ordinary_formulas_lose_keep_their_digits(
    name: str, student: list[list[float]], teacher: list[list[float]]
) -> None:
    entry = LOSSES[name]
    for temperature in (1.0, 1.7):
        with working_precision():
            value = loss(name, student, teacher, temperature=temperature)
            gradient = loss_gradient(name, student, teacher, temperature=temperature)
        assert entry.value(student, teacher, temperature=temperature) == pytest.approx(
            value, rel=2e-15, abs=0
        )
        got = entry.grad(student, teacher, temperature=temperature)
        largest = np.abs(gradient).max()
        np.testing.assert_allclose(got, gradient, rtol=0, atol=1e-14 * largest)


# Infinite values.


@pytest.mark.parametrize("name", ["soft_cross_entropy", "forward_kl"])
def test_class_that_only_the_student_excludes_costs_without_end_and_has_a_gradient(
    name: str,
) -> None:
    entry = LOSSES[name]
    student, teacher = [[0.0, -np.inf], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]
    assert entry.value(student, teacher) == math.inf
    # (q - p) / 2 with q = (1, 0), p = (1/2, 1/2) in the first row.
    assert entry.grad(student, teacher).tolist() == [[0.25, -0.25], [0.0, 0.0]]


@pytest.mark.parametrize("name", ["soft_cross_entropy", "forward_kl"])
def test_class_that_only_the_teacher_excludes_is_free(name: str) -> None:
    # p = (1, 0), q = (1/2, 1/2): the student pays log 2 and no more.
    entry = LOSSES[name]
    student, teacher = [[0.0, 0.0]], [[0.0, -np.inf]]
    assert entry.value(student, teacher) == pytest.approx(math.log(2), rel=1e-15)
    assert entry.grad(student, teacher).tolist() == [[-0.5, 0.5]]


def test_reverse_kl_is_infinite_where_the_teacher_excludes_a_class_and_names_the_row() -> None:
    student, teacher = [[0.0, 0.0]] * 3, [[0.0, 0.0], [0.0, -np.inf], [-np.inf, 0.0]]
    assert reverse_kl_loss(student, teacher) == math.inf
    message = (
        "reverse_kl_loss must be finite to have a gradient, got inf in row 1: "
        "the teacher excludes a class of the student's"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        reverse_kl_loss_grad(student, teacher)


def test_reverse_kl_names_the_callers_row_behind_rows_of_weight_zero() -> None:
    student, teacher = [[0.0, 0.0]] * 3, [[0.0, -np.inf], [0.0, 0.0], [-np.inf, 0.0]]
    with pytest.raises(ValueError, match=r"got inf in row 2: the teacher excludes"):
        reverse_kl_loss_grad(student, teacher, weights=[0.0, 1.0, 1.0])
    assert reverse_kl_loss(student, teacher, weights=[0.0, 1.0, 0.0]) == 0.0


def test_reverse_kl_does_not_mind_what_only_the_student_excludes() -> None:
    # q = (1, 0), p = (1/2, 1/2): log 2; the excluded class cannot be moved, so the gradient is 0.
    student, teacher = [[0.0, -np.inf]], [[0.0, 0.0]]
    assert reverse_kl_loss(student, teacher) == pytest.approx(math.log(2), rel=1e-15)
    assert reverse_kl_loss_grad(student, teacher).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("function", [forward_kl_loss_grad, reverse_kl_loss_grad])
def test_class_that_both_exclude_has_no_gradient(function: Callable[..., Array]) -> None:
    gradient = function([[0.0, -np.inf, 1.0]], [[1.0, -np.inf, 0.0]])
    assert gradient[0, 1] == 0.0
    assert gradient[0, 0] == -gradient[0, 2] != 0.0
