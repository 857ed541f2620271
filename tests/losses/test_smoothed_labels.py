"""Label smoothing and the virtual teacher: their ends, their relation, one class, excluded classes."""

import numpy as np
import pytest
from hypothesis import given

from kdref import (
    LOSSES,
    forward_kl_loss,
    forward_kl_loss_grad,
    hard_label_loss,
    hard_label_loss_grad,
    label_smoothing_loss,
    label_smoothing_loss_grad,
    soft_cross_entropy_loss,
    virtual_teacher_loss,
    virtual_teacher_loss_grad,
)
from tests.oracle.batch import loss_gradient
from tests.oracle.precision import working_precision
from tests.strategies import SOME, Call, calls, fractions, temperatures

NO_CLASS = np.array([[1.0, -np.inf, 0.5]])


@SOME
@given(call=calls(LOSSES["hard_label"]))
def test_smoothing_by_nothing_is_the_hard_loss(call: Call) -> None:
    student, labels = call.inputs.values()
    assert label_smoothing_loss(student, labels, smoothing=0.0) == call.value()
    np.testing.assert_array_equal(
        label_smoothing_loss_grad(student, labels, smoothing=0.0), call.grad()
    )


@SOME
@given(call=calls(LOSSES["hard_label"]))
def test_smoothing_by_everything_asks_for_the_even_distribution(call: Call) -> None:
    student, labels = call.inputs.values()
    even = np.zeros_like(student)
    got = label_smoothing_loss(student, labels, smoothing=1.0)
    assert got == pytest.approx(soft_cross_entropy_loss(student, even), rel=1e-14)
    np.testing.assert_array_equal(
        label_smoothing_loss_grad(student, labels, smoothing=1.0),
        forward_kl_loss_grad(student, even),
    )


@SOME
@given(call=calls(LOSSES["hard_label"]), smoothing=fractions)
def test_smoothing_is_linear(call: Call, smoothing: float) -> None:
    student, labels = call.inputs.values()
    ends = [label_smoothing_loss(student, labels, smoothing=e) for e in (0.0, 1.0)]
    got = label_smoothing_loss(student, labels, smoothing=smoothing)
    mixed = (1.0 - smoothing) * ends[0] + smoothing * ends[1]
    assert got == pytest.approx(mixed, rel=1e-12, abs=1e-300)


def test_smoothed_labels_of_one_class_cost_nothing() -> None:
    assert label_smoothing_loss([[3.0]], [0], smoothing=0.3) == 0.0
    np.testing.assert_array_equal(label_smoothing_loss_grad([[3.0]], [0], smoothing=0.3), [[0.0]])


def test_excluded_class_costs_infinity_as_soon_as_labels_are_smoothed() -> None:
    assert label_smoothing_loss(NO_CLASS, [0], smoothing=0.0) == hard_label_loss(NO_CLASS, [0])
    assert label_smoothing_loss(NO_CLASS, [0], smoothing=0.1) == np.inf
    # The gradient r - u has a finite formula.
    got = label_smoothing_loss_grad(NO_CLASS, [0], smoothing=0.3)
    r = np.add(hard_label_loss_grad(NO_CLASS, [0]), [[1.0, 0.0, 0.0]])
    np.testing.assert_allclose(got, r - [[0.8, 0.1, 0.1]], atol=1e-15)


@SOME
@given(call=calls(LOSSES["virtual_teacher"]), temperature=temperatures)
def test_virtual_teacher_is_forward_kl_from_its_log_probabilities(
    call: Call, temperature: float
) -> None:
    student, labels = call.inputs.values()
    n_classes = student.shape[1]
    u = np.full(student.shape, 0.2 / (n_classes - 1))
    u[np.arange(len(u)), labels] = 0.8
    options = {"temperature": temperature, "confidence": 0.8}
    assert virtual_teacher_loss(student, labels, **options) == pytest.approx(
        forward_kl_loss(student, np.log(u), temperature=temperature), rel=1e-12, abs=1e-14
    )


def test_certain_virtual_teacher_is_a_hard_label_at_its_temperature() -> None:
    student, labels = np.array([[2.0, 0.0, 1.0]]), [1]
    options = {"temperature": 2.0, "confidence": 1.0}
    assert virtual_teacher_loss(student, labels, **options) == hard_label_loss(student / 2, labels)
    np.testing.assert_array_equal(
        virtual_teacher_loss_grad(student, labels, **options),
        hard_label_loss_grad(student / 2.0, labels) / 2.0,
    )


def test_virtual_teacher_without_confidence_excludes_the_label() -> None:
    # u = (0, 1/2, 1/2) against the even student: log(3/2).
    got = virtual_teacher_loss(np.zeros((1, 3)), [0], temperature=5.0, confidence=0.0)
    assert got == pytest.approx(np.log(1.5), rel=1e-14)


def test_virtual_teacher_of_one_class_is_refused() -> None:
    message = r"^student_logits must have shape \(N, C\) with C >= 2, got 1 class\(es\)$"
    for function in (virtual_teacher_loss, virtual_teacher_loss_grad):
        with pytest.raises(ValueError, match=message):
            function([[3.0]], [0], temperature=1.0)


@pytest.mark.parametrize("bad", [-0.1, 1.1, np.nan])
def test_shares_of_labels_must_lie_between_zero_and_one(bad: float) -> None:
    with pytest.raises(ValueError, match=r"^smoothing must lie in \[0, 1\], got"):
        label_smoothing_loss([[0.0, 1.0]], [0], smoothing=bad)
    with pytest.raises(ValueError, match=r"^confidence must lie in \[0, 1\], got"):
        virtual_teacher_loss([[0.0, 1.0]], [0], temperature=1.0, confidence=bad)


def test_virtual_teacher_keeps_what_float64_drops_of_its_logits() -> None:
    # A student whose logit is the teacher's as rounded: all that is left is the rounding, magnified by a small T.
    odds = 0.9 * 3 / 0.1
    student = [[float(np.log(odds)), 0.0, 0.0, 0.0]]
    options = {"temperature": 0.5, "confidence": 0.9}
    with working_precision():
        expected = loss_gradient("virtual_teacher", student, [0], **options)
    got = virtual_teacher_loss_grad(student, [0], **options)
    assert got[0, 0] != 0.0
    np.testing.assert_allclose(got, expected, rtol=1e-2, atol=0.0)
