"""Sequences to rows and back, what each normalisation counts, and several teachers as one."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdref import (
    LOSSES,
    average_teachers,
    forward_kl_loss,
    forward_kl_loss_grad,
    hard_label_loss,
    log_softmax,
    softmax,
    tokens,
    universal_logit_loss,
)
from tests.strategies import SOME, logits, temperatures, weights_for

RNG = np.random.default_rng(41)
STUDENT, TEACHER = RNG.normal(size=(2, 2, 4, 5))
LABELS = np.array([[0, 3, 1, 2], [4, 2, -100, -100]])


def test_tokens_match_the_logits_at_i_with_the_label_at_i_plus_one_when_shifted() -> None:
    rows = tokens(STUDENT, TEACHER, LABELS, shift=True)
    # The first sequence predicts 3, 1, 2 from its positions 0, 1, 2; the second only 2 from its position 0.
    by_hand = -(
        log_softmax(STUDENT[0, 0])[3]
        + log_softmax(STUDENT[0, 1])[1]
        + log_softmax(STUDENT[0, 2])[2]
        + log_softmax(STUDENT[1, 0])[2]
    )
    got = hard_label_loss(rows.student_logits, rows.labels, weights=rows.weights)
    assert got == pytest.approx(by_hand / 4.0, rel=1e-15)


def test_tokens_match_positions_with_their_own_labels_when_not_shifted() -> None:
    rows = tokens(STUDENT, TEACHER, LABELS, shift=False)
    assert rows.labels.tolist() == LABELS.ravel().tolist()
    np.testing.assert_array_equal(rows.student_logits, STUDENT.reshape(8, 5))
    np.testing.assert_array_equal(rows.teacher_logits, TEACHER.reshape(8, 5))
    assert rows.weights.tolist() == [1, 1, 1, 1, 1, 1, 0, 0]


def test_token_normalisation_counts_tokens_and_sequence_normalisation_sequences() -> None:
    first = forward_kl_loss(STUDENT[0], TEACHER[0])  # four tokens
    second = forward_kl_loss(STUDENT[1, :2], TEACHER[1, :2])  # two
    for normalise, expected in (
        ("token", (4.0 * first + 2.0 * second) / 6.0),
        ("sequence", (first + second) / 2.0),
    ):
        rows = tokens(STUDENT, TEACHER, LABELS, shift=False, normalise=normalise)
        got = forward_kl_loss(rows.student_logits, rows.teacher_logits, weights=rows.weights)
        assert got == pytest.approx(expected, rel=1e-14)


def test_sequence_without_a_token_to_count_has_no_weight() -> None:
    labels = np.array([[1, 2, 3, 4], [-100, -100, -100, -100]])
    rows = tokens(STUDENT, TEACHER, labels, shift=False, normalise="sequence")
    got = forward_kl_loss(rows.student_logits, rows.teacher_logits, weights=rows.weights)
    assert got == pytest.approx(forward_kl_loss(STUDENT[0], TEACHER[0]), rel=1e-15)


def test_padding_may_hold_anything() -> None:
    student = STUDENT.copy()
    student[1, 2:] = np.nan
    rows = tokens(student, TEACHER, LABELS, shift=False)
    clean = tokens(STUDENT, TEACHER, LABELS, shift=False)
    assert hard_label_loss(
        rows.student_logits, rows.labels, weights=rows.weights
    ) == hard_label_loss(clean.student_logits, clean.labels, weights=clean.weights)


def test_another_ignore_index_and_vocabularies_of_different_size() -> None:
    rows = tokens(STUDENT, TEACHER[..., :3], LABELS, shift=True, ignore_index=3)
    assert rows.weights.tolist() == [0, 1, 1, 1, 1, 1]
    assert rows.teacher_logits.shape == (6, 3)
    usable = rows.labels != -100
    universal_logit_loss(rows.student_logits, rows.teacher_logits, weights=usable)


@pytest.mark.parametrize("shift", [True, False])
def test_gradient_goes_back_to_the_positions_that_it_came_from(shift: bool) -> None:
    rows = tokens(STUDENT, TEACHER, LABELS, shift=shift)
    grad = forward_kl_loss_grad(rows.student_logits, rows.teacher_logits, weights=rows.weights)
    back = rows.to_sequences(grad)
    assert back.shape == STUDENT.shape
    counted = np.zeros((2, 4), dtype=bool)
    counted[0, : 3 if shift else 4] = counted[1, : 1 if shift else 2] = True
    assert back[counted].all()
    assert not back[~counted].any()
    number = counted.sum()
    np.testing.assert_allclose(
        back[counted], forward_kl_loss_grad(STUDENT[counted], TEACHER[counted]), rtol=1e-14
    )
    assert number == rows.weights.sum()


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"student_logits": STUDENT[0]},
            ValueError,
            "student_logits must have shape (B, L, C) with B, L and C >= 1, got (4, 5)",
        ),
        (
            {"labels": LABELS[:, :3]},
            ValueError,
            "labels must have shape (2, 4), one id a position of student_logits, got (2, 3)",
        ),
        (
            {"teacher_logits": TEACHER[:1]},
            ValueError,
            "labels must have shape (1, 4), one id a position of teacher_logits, got (2, 4)",
        ),
        (
            {"labels": LABELS * 1.0},
            TypeError,
            "labels must be integer class ids, got dtype float64",
        ),
        ({"shift": 1}, TypeError, "shift must be True or False, got 1"),
        (
            {"ignore_index": 0.5},
            TypeError,
            "ignore_index must be integer class ids, got dtype float64",
        ),
        (
            {"normalise": "batch"},
            ValueError,
            "normalise must be one of 'token', 'sequence', got 'batch'",
        ),
        (
            {"labels": np.full((2, 4), -100)},
            ValueError,
            "labels must include a token that counts, got only -100 to predict",
        ),
        (
            {
                "student_logits": STUDENT[:, :1],
                "teacher_logits": TEACHER[:, :1],
                "labels": LABELS[:, :1],
            },
            ValueError,
            "labels must have L >= 2 positions to be shifted, got 1",
        ),
    ],
)
def test_tokens_that_cannot_be_rows_are_refused(
    changed: dict[str, object], error: type[Exception], message: str
) -> None:
    arguments = {
        "student_logits": STUDENT,
        "teacher_logits": TEACHER,
        "labels": LABELS,
        "shift": True,
        **changed,
    }
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        tokens(**arguments)


def test_rows_of_another_number_do_not_go_back() -> None:
    rows = tokens(STUDENT, TEACHER, LABELS, shift=True)
    message = r"^the first axis of rows must have shape \(6,\), one entry a row, got \(8,\)$"
    with pytest.raises(ValueError, match=message):
        rows.to_sequences(np.zeros((8, 5)))


@SOME
@given(
    teachers=st.lists(logits((3, 4)), min_size=1, max_size=4),
    temperature=temperatures,
    data=st.data(),
)
def test_average_teachers_softens_to_the_average_of_the_probabilities(
    teachers: list[np.ndarray], temperature: float, data: st.DataObject
) -> None:
    shares = data.draw(weights_for(len(teachers)))
    t = average_teachers(teachers, temperature=temperature, shares=shares)
    probabilities = [softmax(z, temperature) for z in teachers]
    average = np.average(probabilities, axis=0, weights=shares)
    np.testing.assert_allclose(softmax(t, temperature), average, rtol=1e-13)


@SOME
@given(teacher=logits((3, 4)), temperature=temperatures, copies=st.integers(1, 4))
def test_average_of_equal_teachers_teaches_what_each_does(
    teacher: np.ndarray, temperature: float, copies: int
) -> None:
    t = average_teachers([teacher] * copies, temperature=temperature)
    np.testing.assert_array_equal(t, temperature * log_softmax(teacher, temperature))


def test_class_that_all_teachers_exclude_stays_excluded_and_one_teacher_can_save_it() -> None:
    first, second = [[0.0, -np.inf, -np.inf]], [[0.0, 0.0, -np.inf]]
    np.testing.assert_allclose(softmax(average_teachers([first, second])), [[0.75, 0.25, 0.0]])
    # A teacher without a share cannot.
    alone = softmax(average_teachers([first, second], shares=[1.0, 0.0]))
    np.testing.assert_array_equal(alone, [[1.0, 0.0, 0.0]])


def test_average_of_probabilities_is_not_the_average_of_logits() -> None:
    # 9 : 1 and 1 : 9 average to 1 : 1 both ways; 99 : 1 and 1 : 1 to 0.745 : 0.255, but sqrt 99 : 1 of the logits.
    first, second = np.log([[99.0, 1.0]]), np.zeros((1, 2))
    assert softmax(average_teachers([first, second]))[0, 0] == pytest.approx(0.745)
    root = np.sqrt(99.0)
    assert softmax((first + second) / 2.0)[0, 0] == pytest.approx(root / (1.0 + root))


def test_log_probabilities_are_logits_at_temperature_one() -> None:
    log_p = log_softmax(TEACHER[0])
    value = forward_kl_loss(STUDENT[0], log_p)
    assert value == pytest.approx(forward_kl_loss(STUDENT[0], TEACHER[0]), rel=1e-14)
    assert "forward_kl" in LOSSES


@pytest.mark.parametrize(
    ("teachers", "options", "message"),
    [
        ([], {}, "teachers must hold at least one array of logits, got none"),
        (
            [[[0.0, 1.0]], [[0.0, 1.0, 2.0]]],
            {},
            "teachers[0] and teachers[1] must have the same shape, got (1, 2) and (1, 3)",
        ),
        (
            [[[0.0, 1.0]], [[0.0, np.nan]]],
            {},
            "teachers[1] must not hold NaN or +inf, got nan at index (0, 1)",
        ),
        (
            [[[0.0, 1.0]]],
            {"shares": [0.0]},
            "shares must include one above 0, got only zeros",
        ),
    ],
)
def test_teachers_that_cannot_be_averaged_are_refused(
    teachers: list[Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        average_teachers(teachers, **options)
