from typing import Any

import numpy as np
import pytest

from kdref.conformance import diagnose
from tests.conformance.corpus.by_hand_numpy import textbook, unshifted
from tests.conformance.corpus.random_losses import Recipe

IGNORED = -100


def masked(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
    kept = labels != IGNORED
    return textbook(
        student[kept], teacher[kept], labels[kept], temperature=temperature, alpha=alpha
    )


def hard_term_masked(
    student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    kept = labels != IGNORED
    hard = Recipe().hard(student[kept], labels[kept], temperature).mean()
    soft = Recipe().soft(student, teacher, temperature).mean()
    return alpha * soft + (1 - alpha) * hard


def whole_denominator(
    student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    return masked(student, teacher, labels, temperature=temperature, alpha=alpha) * np.mean(
        labels != IGNORED
    )


def test_padding_that_is_selected_away_is_not_accused() -> None:
    report = diagnose(masked, ignore_index=IGNORED)
    assert report.verdict == "agrees"


def test_padding_in_the_soft_term_is_counted() -> None:
    report = diagnose(hard_term_masked, ignore_index=IGNORED)
    assert report.codes == {"PADDING_COUNTED"}
    assert "logits of ignored rows" in report.findings[0].detail


def test_padding_in_the_denominator_is_counted() -> None:
    report = diagnose(whole_denominator, ignore_index=IGNORED)
    assert report.codes == {"PADDING_COUNTED"}
    assert "denominator" in report.findings[0].detail


def test_padding_is_not_tested_unless_asked_for() -> None:
    assert any("padding" in item for item in diagnose(hard_term_masked).untested)


def test_rows_that_are_ranked_in_their_batch_couple_on_purpose() -> None:
    def harder_half_twice(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
        loss = Recipe().loss
        given = {"temperature": temperature, "alpha": alpha}
        rows = np.array([loss(s[[i]], t[[i]], y[[i]], **given) for i in range(len(y))])
        return np.mean(np.where(rows > np.median(rows), 2.0, 1.0) * rows)

    report = diagnose(harder_half_twice)
    assert report.codes == set()
    assert any("as by their rank" in note for note in report.notes)


def test_a_stable_loss_with_large_offsets_is_not_called_unstable() -> None:
    assert "UNSTABLE" not in diagnose(textbook).codes


def test_underflow_at_gaps_of_thousands_is_a_note_and_no_finding() -> None:
    report = diagnose(textbook)
    assert report.verdict == "agrees"
    assert any("0 log 0" in note for note in report.notes)


def with_parameters_in(dtype: Any) -> Any:
    def loss(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
        return textbook(s, t, y, temperature=dtype(temperature), alpha=dtype(alpha))

    return loss


def test_parameters_in_single_precision_are_a_note_and_no_epsilon() -> None:
    report = diagnose(with_parameters_in(np.float32))
    assert report.codes == {"AGREES"}
    assert any("alpha is held in single precision" in note for note in report.notes)
    assert not any("single" in note for note in diagnose(with_parameters_in(np.float64)).notes)


def half(z: Any) -> Any:
    return np.asarray(z).astype(np.float16).astype(np.float64)


def brain(z: Any) -> Any:
    """The first half of a float32, as bfloat16 keeps it."""
    bits = np.asarray(z, np.float32).view(np.int32) & np.int32(~0xFFFF)
    return bits.view(np.float32).astype(np.float64)


@pytest.mark.parametrize("rounded", [half, brain])
def test_a_loss_in_half_precision_is_called_imprecise(rounded: Any) -> None:
    def loss(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
        value = textbook(rounded(s), rounded(t), y, temperature=temperature, alpha=alpha)
        return float(rounded(value))

    report = diagnose(loss)
    assert report.codes == {"IMPRECISE"}
    assert report.formula.endswith("alpha * T^2 * KL(teacher/T || student/T)")


@pytest.mark.slow
def test_values_too_coarse_for_a_formula_are_said_to_be_coarse_and_not_coupled() -> None:
    def loss(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
        return float(half(np.mean(np.sin(half(s)) * half(t))))

    report = diagnose(loss)
    assert (report.verdict, report.codes) == ("unknown", frozenset())
    (note,) = report.notes
    assert note.startswith("its values are too coarse to find a formula, as in half precision")


def test_a_loss_that_is_always_zero_is_not_called_coarse() -> None:
    report = diagnose(lambda s, t, y: 0.0 * s.sum())
    assert report.codes == {"TEACHER_IGNORED"}


def test_a_clamp_of_logits_is_told_as_another_value_and_not_as_nan() -> None:
    def clamped(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
        s, t = (np.clip(z, -50.0, 50.0) for z in (s, t))
        return textbook(s, t, y, temperature=temperature, alpha=alpha)

    (finding,) = diagnose(clamped).findings
    assert finding.code == "UNSTABLE"
    assert finding.detail == "wrong when 5000 is added to all logits of a row"
    assert finding.meaning.startswith("another value than the formula's")
    assert "NaN" not in finding.changes
    (other,) = diagnose(unshifted).findings
    assert (other.code, "NaN" in other.changes) == ("UNSTABLE", True)


@pytest.mark.parametrize(
    ("place", "seen", "repair"),
    [
        (0, "the student's logits", "student = student / T, not in place"),
        (1, "the teacher's logits", "write to a copy of it"),
        (2, "the labels", "write to a copy of it"),
    ],
)
def test_the_input_that_is_written_to_is_named(place: Any, seen: Any, repair: Any) -> None:
    def writes(*arrays: Any, temperature: Any, alpha: Any) -> Any:
        value = textbook(*arrays, temperature=temperature, alpha=alpha)
        arrays[place][0] = 0
        return value

    (finding,) = diagnose(writes).findings
    assert finding.code == "INPUT_MUTATED"
    assert (finding.detail, finding.repair) == (f"written to: {seen}", repair)


def test_an_exception_without_a_message_is_told_without_a_colon() -> None:
    def refuses(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
        if temperature < 1.0:
            raise AssertionError
        return textbook(s, t, y, temperature=temperature, alpha=alpha)

    told = "the loss raised AssertionError at temperature = 0.5"
    assert [note for note in diagnose(refuses).notes if "raised" in note] == [told]
