from typing import Any

import numpy as np

from kdref.conformance import diagnose
from tests.conformance.corpus.by_hand_numpy import textbook
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
