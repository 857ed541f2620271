"""Top-k KL: its three tails, k from 1 to C and beyond, ties, excluded classes."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdref import (
    LOSSES,
    forward_kl_loss,
    forward_kl_loss_grad,
    softmax,
    top_k_kl_loss,
    top_k_kl_loss_grad,
)
from tests.strategies import SOME, Call, calls, temperatures

TAILS = ("bucket", "renormalise", "drop")


@pytest.mark.parametrize("tail", TAILS)
@SOME
@given(call=calls(LOSSES["forward_kl"]))
def test_all_tails_are_forward_kl_when_k_is_c(tail: str, call: Call) -> None:
    student, teacher = call.inputs.values()
    options = {**call.parameters, "k": student.shape[1], "tail": tail}
    assert top_k_kl_loss(student, teacher, **options) == pytest.approx(call.value(), rel=1e-12)
    np.testing.assert_allclose(
        top_k_kl_loss_grad(student, teacher, **options), call.grad(), rtol=1e-12, atol=1e-15
    )


@SOME
@given(call=calls(LOSSES["top_k_kl"]), temperature=temperatures, data=st.data())
def test_bucket_never_exceeds_the_whole_divergence(
    call: Call, temperature: float, data: st.DataObject
) -> None:
    # Seeing less can only bring two distributions together: the log-sum inequality.
    student, teacher = call.inputs.values()
    k = data.draw(st.integers(1, student.shape[1]))
    got = top_k_kl_loss(student, teacher, temperature=temperature, k=k, tail="bucket")
    assert got <= forward_kl_loss(student, teacher, temperature=temperature) * (1.0 + 1e-12)


@pytest.mark.parametrize("tail", ["bucket", "renormalise"])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_identical_models_agree_exactly_with_two_of_the_tails(tail: str, k: int) -> None:
    z = np.random.default_rng(81).normal(size=(3, 4))
    assert top_k_kl_loss(z, z + 7.0, k=k, tail=tail) == pytest.approx(0.0, abs=1e-30)
    assert top_k_kl_loss(z, z, k=k, tail=tail) == 0.0
    assert not top_k_kl_loss_grad(z, z, k=k, tail=tail).any()


def test_identical_models_are_still_driven_apart_with_a_dropped_tail() -> None:
    z = np.log([[4.0, 3.0, 2.0, 1.0]])
    # K holds 0.7 of the mass: -log 0.7, and the gradient q - p renormalised pulls mass into K.
    assert top_k_kl_loss(z, z, k=2, tail="drop") == pytest.approx(-np.log(0.7), rel=1e-14)
    np.testing.assert_allclose(
        top_k_kl_loss_grad(z, z, k=2, tail="drop"),
        [[0.4 - 4 / 7, 0.3 - 3 / 7, 0.2, 0.1]],
        rtol=1e-14,
    )


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("function", [top_k_kl_loss, top_k_kl_loss_grad])
def test_of_equal_classes_the_lowest_index_is_kept(tail: str, function: Any) -> None:
    student, teacher = np.array([[0.3, -1.0, 2.0]]), np.zeros((1, 3))
    lowest = np.array([[1e-9, 0.0, 0.0]])
    got = function(student, teacher, k=1, tail=tail)
    np.testing.assert_allclose(got, function(student, lowest, k=1, tail=tail), rtol=1e-7)


def test_one_class_kept_and_renormalised_teaches_nothing() -> None:
    student, teacher = np.random.default_rng(82).normal(size=(2, 3, 4))
    assert top_k_kl_loss(student, teacher, k=1, tail="renormalise") == 0.0
    assert not top_k_kl_loss_grad(student, teacher, k=1, tail="renormalise").any()


@pytest.mark.parametrize("tail", TAILS)
def test_one_class_in_all_is_zero(tail: str) -> None:
    assert top_k_kl_loss([[3.0]], [[1.0]], k=1, tail=tail) == 0.0
    np.testing.assert_array_equal(top_k_kl_loss_grad([[3.0]], [[1.0]], k=1, tail=tail), [[0.0]])


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize(
    ("k", "error", "message"),
    [
        (0, ValueError, "k must be >= 1, got 0"),
        (5, ValueError, "k must be <= C = 4, got 5"),
        (2.0, TypeError, "k must be an integer, got 2.0"),
        (True, TypeError, "k must be an integer, got True"),
    ],
)
def test_k_out_of_range_is_refused(tail: str, k: Any, error: type[Exception], message: str) -> None:
    for function in (top_k_kl_loss, top_k_kl_loss_grad):
        with pytest.raises(error, match=f"^{re.escape(message)}$"):
            function(np.zeros((2, 4)), np.zeros((2, 4)), k=k, tail=tail)


def test_another_word_for_the_tail_is_refused() -> None:
    message = "tail must be one of 'bucket', 'renormalise', 'drop', got 'renormalize'"
    for function in (top_k_kl_loss, top_k_kl_loss_grad):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            function([[0.0, 1.0]], [[0.0, 1.0]], k=1, tail="renormalize")


def test_student_that_excludes_the_bucket_costs_infinity_and_has_no_gradient() -> None:
    student, teacher = [[0.0, -np.inf, -np.inf]], [[1.0, 0.0, 0.0]]
    assert top_k_kl_loss(student, teacher, k=1, tail="bucket") == np.inf
    message = (
        "^top_k_kl_loss must be finite to have a gradient, got inf in row 0: "
        "the student excludes the whole bucket$"
    )
    with pytest.raises(ValueError, match=message):
        top_k_kl_loss_grad(student, teacher, k=1, tail="bucket")
    # What both exclude is no loss.
    assert top_k_kl_loss(student, student, k=1, tail="bucket") == 0.0
    assert not top_k_kl_loss_grad(student, student, k=1, tail="bucket").any()


def test_student_that_excludes_all_of_k_cannot_be_renormalised() -> None:
    student, teacher = [[-np.inf, 0.0, 0.0]], [[1.0, 0.0, 0.0]]
    message = (
        "^student_logits on the teacher's k largest classes must have a finite logit in each row, "
        "got -inf at index 0$"
    )
    with pytest.raises(ValueError, match=message):
        top_k_kl_loss(student, teacher, k=1, tail="renormalise")
    with pytest.raises(ValueError, match=r"got -inf at index 1$"):  # the caller's row
        top_k_kl_loss(student * 2, teacher * 2, k=1, tail="renormalise", weights=[0.0, 1.0])
    assert top_k_kl_loss(student, teacher, k=1, tail="drop") == np.inf


def test_k_classes_of_which_some_are_excluded_by_the_teacher() -> None:
    student, teacher = np.log([[1.0, 1.0, 2.0]]), [[0.0, -np.inf, -np.inf]]
    # p is one-hot: -log q_0 = log 4 whatever happens to the tail, but renormalised on (0, 1) log 2.
    for tail, expected in (("bucket", 4.0), ("drop", 4.0), ("renormalise", 2.0)):
        got = top_k_kl_loss(student, teacher, k=2, tail=tail)
        assert got == pytest.approx(np.log(expected), rel=1e-14)


def test_bucket_gradient_near_the_teacher_keeps_its_digits() -> None:
    rng = np.random.default_rng(83)
    teacher, direction = rng.normal(size=(2, 1, 8))
    one = top_k_kl_loss_grad(teacher + 1e-9 * direction, teacher, k=3, tail="bucket")
    two = top_k_kl_loss_grad(teacher + 2e-9 * direction, teacher, k=3, tail="bucket")
    np.testing.assert_allclose(two, 2.0 * one, rtol=1e-5)


def test_forward_kl_on_stored_top_k_is_what_drop_computes() -> None:
    student, teacher = np.random.default_rng(84).normal(size=(2, 5, 6))
    order = np.argsort(-teacher, axis=1)
    kept = np.full_like(teacher, -np.inf)
    np.put_along_axis(kept, order[:, :3], np.take_along_axis(teacher, order[:, :3], 1), 1)
    got = top_k_kl_loss(student, teacher, k=3, tail="drop")
    assert got == forward_kl_loss(student, kept)
    np.testing.assert_array_equal(
        top_k_kl_loss_grad(student, teacher, k=3, tail="drop"), forward_kl_loss_grad(student, kept)
    )
    assert softmax(kept).sum() == pytest.approx(5.0)


def test_of_many_equal_classes_the_lowest_indices_are_kept() -> None:
    teacher = np.tile([0.0, 1.0], 32)[np.newaxis]
    kept = top_k_kl_loss_grad(np.zeros((1, 64)), teacher, k=20, tail="drop") < 0.0
    assert np.flatnonzero(kept).tolist() == list(range(1, 41, 2))


def test_class_that_the_student_excludes_costs_infinity_however_small_the_teachers_share() -> None:
    assert top_k_kl_loss([[0.0, -np.inf]], [[0.0, -800.0]], k=2, tail="bucket") == np.inf


def test_bucket_without_mass_costs_its_own_row_what_the_student_has_in_it() -> None:
    student, teacher = [[0.0, -3.0, -4.0], [0.0, -1.0, 0.0]], [[0.0, -800.0, -900.0]] * 2
    rows = [top_k_kl_loss([row], teacher[:1], k=1, tail="bucket") for row in student]
    got = top_k_kl_loss(student, teacher, k=1, tail="bucket")
    assert got == pytest.approx(sum(rows) / 2.0, rel=1e-15)
