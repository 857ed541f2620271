"""The losses that take the label apart: their identity with KL, their edges, what they hold constant."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from kdref import (
    LOSSES,
    decoupled_kd_loss,
    decoupled_kd_loss_grad,
    forward_kl_loss,
    normalised_kd_loss,
    normalised_kd_loss_grad,
    soft_cross_entropy_loss,
    softmax,
    weighted_soft_label_loss,
    weighted_soft_label_loss_grad,
)
from tests.strategies import SOME, Call, calls, normal_call, temperatures

DECOUPLED = (decoupled_kd_loss, decoupled_kd_loss_grad, normalised_kd_loss, normalised_kd_loss_grad)


@SOME
@given(call=calls(LOSSES["decoupled_kd"]), temperature=temperatures)
def test_forward_kl_is_the_target_part_and_the_rest_weighted_by_its_mass(
    call: Call, temperature: float
) -> None:
    student, teacher, labels = call.inputs.values()
    for i in range(call.n_rows):
        row = (student[i : i + 1], teacher[i : i + 1], labels[i : i + 1])
        p = softmax(row[1], temperature)[0]
        rest = float(np.delete(p, row[2]).sum())  # 1 - p_y without cancellation
        got = decoupled_kd_loss(
            *row, temperature=temperature, target_weight=1.0, non_target_weight=rest
        )
        assert got == pytest.approx(
            forward_kl_loss(row[0], row[1], temperature=temperature), rel=1e-12, abs=1e-300
        )


@pytest.mark.parametrize("noise", [1e-4, 1e-8])
def test_decoupled_kd_keeps_its_digits_near_the_teacher(noise: float) -> None:
    rng = np.random.default_rng(61)
    teacher, direction = rng.normal(size=(2, 1, 6))
    label = [2]
    # Twice as far costs four times as much, to the first order in the distance.
    near = decoupled_kd_loss(teacher + noise * direction, teacher, label)
    far = decoupled_kd_loss(teacher + 2.0 * noise * direction, teacher, label)
    assert far / near == pytest.approx(4.0, rel=10.0 * noise)


def test_two_classes_leave_nothing_to_the_non_target_part() -> None:
    student, teacher, label = [[1.0, -1.0]], [[0.5, 2.0]], [1]
    assert decoupled_kd_loss(student, teacher, label, target_weight=0.0) == 0.0
    whole = decoupled_kd_loss(student, teacher, label, temperature=2.0)
    assert whole == pytest.approx(forward_kl_loss(student, teacher, temperature=2.0), rel=1e-14)
    first = decoupled_kd_loss_grad(student, teacher, label, target_weight=0.0)
    np.testing.assert_array_equal(first, [[0.0, 0.0]])


@pytest.mark.parametrize("function", DECOUPLED)
def test_one_class_is_refused_because_nothing_is_beside_the_label(function: Any) -> None:
    message = r"^student_logits must have shape \(N, C\) with C >= 2, got 1 class\(es\)$"
    with pytest.raises(ValueError, match=message):
        function([[1.0]], [[2.0]], [0])


@pytest.mark.parametrize("function", DECOUPLED)
@pytest.mark.parametrize("side", ["student", "teacher"])
def test_side_that_excludes_all_but_the_label_is_refused_by_its_row(
    function: Any, side: str
) -> None:
    only, whole = [[0.0, 1.0], [0.0, -np.inf]], [[0.0, 1.0], [0.0, 1.0]]
    inputs = (only, whole) if side == "student" else (whole, only)
    message = (
        f"^{side}_logits without the label must have a finite logit in each row, "
        "got -inf at index 1$"
    )
    with pytest.raises(ValueError, match=message):
        function(*inputs, [0, 0])


def test_decoupled_kd_is_infinite_where_a_part_with_weight_is() -> None:
    student, teacher = [[-np.inf, 1.0, 0.0]], [[0.0, 1.0, 0.0]]
    assert decoupled_kd_loss(student, teacher, [0]) == np.inf  # of the label
    assert decoupled_kd_loss(student, teacher, [1]) == np.inf  # of the rest
    assert decoupled_kd_loss(student, teacher, [0], target_weight=0.0) == 0.0
    assert decoupled_kd_loss(student, teacher, [1], non_target_weight=0.0) < np.inf
    assert np.isfinite(decoupled_kd_loss_grad(student, teacher, [0])).all()


def test_teacher_that_excludes_the_label_asks_for_no_mass_there() -> None:
    # b = (0, 1): TCKD = -log(1 - q_y) = log 2 for q = (1/2, 1/4, 1/4).
    student, teacher = np.log([[2.0, 1.0, 1.0]]), [[-np.inf, 0.0, 0.0]]
    got = decoupled_kd_loss(student, teacher, [0], temperature=1.0)
    assert got == pytest.approx(np.log(2.0), rel=1e-14)


def test_decoupled_kd_survives_a_rest_too_small_for_float64() -> None:
    # The teacher gives the label all but e^-2000: KL(b^t, b^s) = -log q_y, and the rest is even on both sides.
    got = decoupled_kd_loss([[1.0, 0.0, 0.0]], [[2000.0, 0.0, 0.0]], [0], temperature=1.0)
    assert got == pytest.approx(np.log1p(2.0 * np.exp(-1.0)), rel=1e-14)


@pytest.mark.parametrize("name", ["target_weight", "non_target_weight"])
@pytest.mark.parametrize("bad", [-0.5, np.inf, np.nan])
def test_weights_of_the_parts_must_be_finite_and_not_negative(name: str, bad: float) -> None:
    message = f"^{re.escape(f'{name} must be finite and >= 0, got {bad!r}')}$"
    for function in (decoupled_kd_loss, decoupled_kd_loss_grad):
        with pytest.raises(ValueError, match=message):
            function([[0.0, 1.0]], [[1.0, 0.0]], [0], **{name: bad})


def test_gamma_0_leaves_the_label_alone_even_where_the_rest_is_infinite() -> None:
    student, teacher = [[0.0, -np.inf, 0.0]], [[0.0, 0.0, 0.0]]
    assert normalised_kd_loss(student, teacher, [0]) == np.inf
    got = normalised_kd_loss(student, teacher, [0], gamma=0.0)
    assert got == pytest.approx(np.log(2.0) / 3.0, rel=1e-14)


def test_normalised_kd_has_t_squared_in_its_second_term() -> None:
    call = normal_call(LOSSES["normalised_kd"], np.random.default_rng(62))
    student, teacher, labels = call.inputs.values()
    first = normalised_kd_loss(student, teacher, labels, gamma=0.0)
    both = normalised_kd_loss(student, teacher, labels, gamma=1.0, temperature=3.0)
    # At 3 times the logits, T = 1 softens to the same.
    tripled = [3.0 * student, 3.0 * teacher, labels]
    again = normalised_kd_loss(*tripled, gamma=1.0, temperature=9.0)
    of_tripled = normalised_kd_loss(*tripled, gamma=0.0)
    assert again - of_tripled == pytest.approx(9.0 * (both - first), rel=1e-12)


def test_weight_grows_with_the_student_that_is_behind_its_teacher() -> None:
    teacher = np.log([[3.0, 1.0]])
    focuses = []
    for lead in (6.0, 0.0, -6.0):  # ahead of the teacher, undecided, wrong
        student = np.array([[lead, 0.0]])
        soft = soft_cross_entropy_loss(student, teacher, temperature=4.0)
        focuses.append(weighted_soft_label_loss(student, teacher, [0]) / soft)
    assert focuses == sorted(focuses)
    assert focuses[0] < 0.01
    assert focuses[2] > 0.99


def test_weighted_soft_label_of_one_class_is_zero() -> None:
    assert weighted_soft_label_loss([[3.0]], [[1.0]], [0]) == 0.0
    np.testing.assert_array_equal(weighted_soft_label_loss_grad([[3.0]], [[1.0]], [0]), [[0.0]])


def test_weighted_soft_label_of_a_teacher_that_excludes_the_label_has_no_weight() -> None:
    student, teacher = [[0.0, 1.0]], [[-np.inf, 0.0]]
    assert weighted_soft_label_loss(student, teacher, [0]) == 0.0
    assert not weighted_soft_label_loss_grad(student, teacher, [0]).any()
    message = "^labels must not be excluded by student and teacher alike, got both in row 0$"
    with pytest.raises(ValueError, match=message):
        weighted_soft_label_loss([[-np.inf, 0.0]], teacher, [0])


def test_weighted_terms_beyond_float64_are_infinite_without_a_warning() -> None:
    # KL of each part is up to 1.8e308, and its weight is 8.
    student, teacher = [[1.7e308, -1.7e308, 0.0]], [[-1.7e308, 1.7e308, 5.0]]
    assert decoupled_kd_loss(student, teacher, [1]) == np.inf
    assert normalised_kd_loss(student, teacher, [1], gamma=8.0) == np.inf
