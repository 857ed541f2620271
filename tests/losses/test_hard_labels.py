"""The hard label loss beyond the laws of the registry."""

import math

import numpy as np
import pytest
from hypothesis import given

from kdref import LOSSES, hard_label_loss, hard_label_loss_grad, log_softmax, one_hot, softmax
from tests.oracle.batch import loss, loss_gradient
from tests.oracle.precision import working_precision
from tests.strategies import SOME, Call, calls


def test_hard_label_loss_by_hand() -> None:
    # r = (1/4, 3/4) in both rows; the labels cost log 4 and log 4/3, on average log(16/3) / 2.
    student = np.log([[1.0, 3.0], [2.0, 6.0]])
    assert hard_label_loss(student, [0, 1]) == pytest.approx(math.log(16 / 3) / 2, rel=1e-15)
    # Each row's r - onehot, halved by the mean.
    expected = [[-0.375, 0.375], [0.125, -0.125]]
    np.testing.assert_allclose(hard_label_loss_grad(student, [0, 1]), expected, rtol=1e-14)


def test_weights_count_rows() -> None:
    # log 4 three times and log 4/3 once, of four.
    student = np.log([[1.0, 3.0], [2.0, 6.0]])
    value = hard_label_loss(student, [0, 1], weights=[3.0, 1.0])
    assert value == pytest.approx(0.75 * math.log(4) + 0.25 * math.log(4 / 3), rel=1e-15)
    expected = [[-0.75 * 0.75, 0.75 * 0.75], [0.25 * 0.25, -0.25 * 0.25]]
    gradient = hard_label_loss_grad(student, [0, 1], weights=[3.0, 1.0])
    np.testing.assert_allclose(gradient, expected, rtol=1e-14)


@SOME
@given(call=calls(LOSSES["hard_label"]))
def test_hard_label_loss_is_minus_the_mean_log_probability_of_the_labels(call: Call) -> None:
    student, labels = call.inputs.values()
    chosen = np.take_along_axis(log_softmax(student), labels[:, np.newaxis], axis=1)
    assert call.value() == pytest.approx(-chosen.mean(), rel=1e-14, abs=1e-300)
    difference = softmax(student) - one_hot(labels, student.shape[1])
    np.testing.assert_allclose(call.grad() * call.n_rows, difference, atol=1e-15)


def test_single_class_costs_nothing() -> None:
    assert str(hard_label_loss([[3.0], [-2.0]], [0, 0])) == "0.0"  # not -0.0
    assert hard_label_loss_grad([[3.0], [-2.0]], [0, 0]).tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize("lead", [1.0, 20.0, 40.0, 300.0])
def test_confident_student_still_pays_and_still_learns(lead: float) -> None:
    # log(1 + 2 e^-40) is 2 e^-40: an ordinary formula gives 0 for the value and for the gradient at the label.
    student = [[lead, 0.0, 0.0]]
    with working_precision():
        value, gradient = (
            loss("hard_label", student, [0]),
            loss_gradient("hard_label", student, [0]),
        )
    assert hard_label_loss(student, [0]) == pytest.approx(value, rel=1e-15)
    np.testing.assert_allclose(hard_label_loss_grad(student, [0]), gradient, rtol=1e-15)
    assert value > 0.0


def test_excluded_label_costs_without_end_and_has_the_formula_for_its_gradient() -> None:
    student = [[0.0, -np.inf], [0.0, 0.0]]
    assert hard_label_loss(student, [1, 0]) == math.inf
    # (r - onehot) / 2 with r = (1, 0) in the first row.
    assert hard_label_loss_grad(student, [1, 0]).tolist() == [[0.5, -0.5], [-0.25, 0.25]]


def test_excluded_class_that_is_not_the_label_might_as_well_not_exist() -> None:
    assert hard_label_loss([[0.0, -np.inf, 0.0]], [0]) == hard_label_loss([[0.0, 0.0]], [0])
    gradient = hard_label_loss_grad([[0.0, -np.inf, 0.0]], [0])
    assert gradient.tolist() == [[-0.5, 0.0, 0.5]]
