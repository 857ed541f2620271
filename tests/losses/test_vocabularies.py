"""The universal logit loss: vocabularies of any size, in any order."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdref import softmax, total_variation_loss, universal_logit_loss, universal_logit_loss_grad
from tests.strategies import SOME, Array, logits, seeds


@SOME
@given(student=logits((3, 4)), teacher=logits((3, 4)), seed=seeds)
def test_order_of_either_vocabulary_does_not_matter(
    student: Array, teacher: Array, seed: int
) -> None:
    shuffled = np.random.default_rng(seed).permuted(teacher, axis=1)
    value = universal_logit_loss(student, teacher)
    assert universal_logit_loss(student, shuffled) == pytest.approx(value, rel=1e-12, abs=1e-14)
    assert universal_logit_loss(student, student[:, ::-1]) == pytest.approx(0.0, abs=1e-14)


@SOME
@given(student=logits((2, 3)), teacher=logits((2, 3)), more=st.integers(1, 3))
def test_padding_is_the_same_as_excluded_classes(student: Array, teacher: Array, more: int) -> None:
    wider = np.pad(teacher, ((0, 0), (0, more)), constant_values=-np.inf)
    assert universal_logit_loss(student, wider) == universal_logit_loss(student, teacher)
    assert universal_logit_loss(wider, student) == universal_logit_loss(teacher, student)
    np.testing.assert_array_equal(
        universal_logit_loss_grad(student, wider), universal_logit_loss_grad(student, teacher)
    )
    grad = universal_logit_loss_grad(wider, student)
    assert not grad[:, 3:].any()


@pytest.mark.parametrize(("student_size", "teacher_size"), [(3, 7), (7, 3), (1, 5), (5, 1)])
def test_vocabularies_may_differ_in_either_direction(student_size: int, teacher_size: int) -> None:
    rng = np.random.default_rng(91)
    student, teacher = rng.normal(size=(2, student_size)), rng.normal(size=(2, teacher_size))
    value = universal_logit_loss(student, teacher)
    assert value == pytest.approx(universal_logit_loss(teacher, student), rel=1e-14)
    grad = universal_logit_loss_grad(student, teacher)
    assert grad.shape == student.shape
    if student_size > 1:
        step = 1e-6 * np.eye(2 * student_size).reshape(-1, 2, student_size)
        slopes = [
            (
                universal_logit_loss(student + h, teacher)
                - universal_logit_loss(student - h, teacher)
            )
            / 2e-6
            for h in step
        ]
        np.testing.assert_allclose(grad.ravel(), slopes, rtol=1e-7, atol=1e-9)


def test_single_class_on_both_sides_agrees() -> None:
    assert universal_logit_loss([[3.0]], [[-8.0]]) == 0.0
    np.testing.assert_array_equal(universal_logit_loss_grad([[3.0]], [[-8.0]]), [[0.0]])


def test_it_is_twice_total_variation_where_both_rank_the_classes_alike() -> None:
    student, teacher = np.sort(np.random.default_rng(92).normal(size=(2, 3, 5)), axis=2)
    assert universal_logit_loss(student, teacher) == pytest.approx(
        2.0 * total_variation_loss(student, teacher), rel=1e-13
    )


def test_numbers_of_rows_must_agree() -> None:
    message = (
        "student_logits and teacher_logits must have the same number of rows, got (2, 3) and (1, 4)"
    )
    for function in (universal_logit_loss, universal_logit_loss_grad):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            function(np.zeros((2, 3)), np.zeros((1, 4)))


def test_gradient_keeps_its_digits_where_the_student_is_sure() -> None:
    # Slopes +1, +1, -1: with q = (1, e^-10, e^-60), all entries are e^-60 times something, of which 1 + 1 is no part.
    student, teacher = np.array([[0.0, -10.0, -60.0]]), np.array([[0.0, -10.3, -10.3]])
    q = softmax(student)[0]
    expected = [2.0 * q[0] * q[2], 2.0 * q[1] * q[2], -2.0 * q[2] * (q[0] + q[1])]
    got = universal_logit_loss_grad(student, teacher)
    np.testing.assert_allclose(got, [expected], rtol=1e-14)


def test_of_equal_classes_the_first_have_the_higher_ranks() -> None:
    # The ten highest ranks are pushed up, all others down; the student's 32 largest logits are equal.
    student = np.tile([0.0, 1.0], 32)[np.newaxis]
    teacher = np.array([10 * [5.0] + 22 * [0.0] + 32 * [-1.0]])
    up = np.flatnonzero(universal_logit_loss_grad(student, teacher) < 0.0)
    assert up.tolist() == list(range(1, 21, 2))


def test_signs_are_those_of_probabilities_that_both_round_to_one() -> None:
    # The student is surer by about e^-40: g = (1, -1), and the entries are +-2 q_1 q_2.
    grad = universal_logit_loss_grad([[50.0, 0.0]], [[40.0, 0.0]])
    np.testing.assert_allclose(grad, [[2.0 * np.exp(-50.0), -2.0 * np.exp(-50.0)]], rtol=1e-14)
