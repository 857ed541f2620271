"""What is passed to a loss, and what its signature tells."""

from typing import Any

import numpy as np
import pytest

from kdref.conformance import diagnose
from kdref.conformance.diagnosis.calls.signature import (
    contradicting_names,
    default_call,
    kept_defaults,
    suggested_call,
)
from tests.conformance.corpus.by_hand_numpy import log_softmax, nll


def hinton(student: Any, teacher: Any, labels: Any, T: float, alpha: float, power: int = 2) -> Any:
    log_p, log_q = log_softmax(teacher / T), log_softmax(student / T)
    soft = (np.exp(log_p) * (log_p - log_q)).sum(axis=1).mean()
    return alpha * T**power * soft + (1 - alpha) * nll(student, labels)


def default_of_one(
    student: Any, teacher: Any, labels: Any, T: float = 1.0, alpha: float = 0.5
) -> Any:
    return hinton(student, teacher, labels, T, alpha)


def default_of_four(
    student: Any, teacher: Any, labels: Any, tau: float = 4.0, lam: float = 0.3
) -> Any:
    return hinton(student, teacher, labels, tau, lam)


def without_square(
    student: Any, teacher: Any, labels: Any, T: float = 1.0, alpha: float = 0.5
) -> Any:
    return hinton(student, teacher, labels, T, alpha, power=0)


@pytest.mark.parametrize("loss", [default_of_one, without_square])
def test_a_temperature_that_keeps_its_default_of_one_is_untested_and_not_ignored(loss: Any) -> None:
    report = diagnose(loss)
    assert report.codes == {"AGREES"}
    assert report.untested[0] == (
        f'other values than the default of T (1): call=, --call "{loss.__name__}(student, teacher, labels, '
        'T=temperature, alpha=alpha)"'
    )


def test_a_temperature_that_is_not_there_is_still_called_ignored() -> None:
    def no_temperature(student: Any, teacher: Any, labels: Any, alpha: float = 0.5) -> Any:
        return hinton(student, teacher, labels, 1.0, alpha)

    assert diagnose(no_temperature).codes == {"TEMPERATURE_IGNORED"}


def test_defaults_in_force_are_told_by_name() -> None:
    report = diagnose(default_of_four)
    assert report.codes == {"AGREES"}
    assert report.notes[-2:] == (
        "a temperature of 4 is in force, the default of tau",
        "alpha = 0.3 is in force, the default of lam",
    )
    assert report.untested[0].startswith("other values than the default of tau (4) and lam (0.3)")


def test_what_the_call_passes_keeps_no_default() -> None:
    report = diagnose(
        default_of_four,
        call=lambda loss, s, t, y, temperature, alpha: loss(s, t, y, temperature, alpha),
    )
    assert report.verdict == "agrees"
    assert not any("default" in each for each in (*report.notes, *report.untested))


class Module:
    """A module of PyTorch passes everything on to ``forward``."""

    def __call__(self, *arrays: Any, **options: Any) -> Any:
        return self.forward(*arrays, **options)

    def forward(self, student: Any, teacher: Any, labels: Any) -> Any:
        return hinton(student, teacher, labels, 4.0, 0.3)


def test_a_module_is_called_as_its_forward_is() -> None:
    report = diagnose(Module())
    assert report.codes == {"AGREES"}
    assert any("a temperature of 4 is built in" in note for note in report.notes)


def test_the_disagreement_is_shown_with_the_call_that_was_made() -> None:
    def squares(student: Any, teacher: Any) -> Any:
        return np.mean((student - teacher) ** 2)

    assert "print(loss(student, teacher))" in diagnose(squares).snippet()


def test_a_class_is_refused_with_the_way_to_call_it() -> None:
    with pytest.raises(
        TypeError, match=r"got the class Module: .* --call \"Module\(\.\.\.\)\(student"
    ):
        diagnose(Module)


def teacher_first(
    teacher_logits: Any, student_logits: Any, labels: Any, temperature: float, alpha: float
) -> Any:
    return hinton(student_logits, teacher_logits, labels, temperature, alpha)


def test_names_that_say_another_order_are_pointed_at() -> None:
    report = diagnose(teacher_first)
    assert "ROLES_SWAPPED" in report.codes
    (note,) = [each for each in report.notes if "its arguments are called" in each]
    assert note.endswith(
        '--call "teacher_first(teacher, student, labels, temperature=temperature, alpha=alpha)"'
    )


@pytest.mark.parametrize(
    ("loss", "names"),
    [
        (teacher_first, ("teacher_logits", "student_logits", "labels")),
        (hinton, ()),
        (lambda outputs, labels, teacher_outputs: 0.0, ("outputs", "labels", "teacher_outputs")),
        (lambda outputs, targets: 0.0, ()),
        (lambda y_s, y_t, target: 0.0, ()),
        (lambda *arrays: 0.0, ()),
    ],
)
def test_only_plain_words_contradict_the_order(loss: Any, names: Any) -> None:
    assert contradicting_names(loss) == names


def test_numbers_are_kept_and_options_are_not_told() -> None:
    def loss(
        s: Any, t: Any, y: Any, eps: float = 1e-8, reduction: str = "mean", log: bool = False
    ) -> Any: ...

    assert kept_defaults(loss) == {"eps": 1e-8}
    assert default_call(loss, "f") == "f(student, teacher, labels)"
    assert suggested_call(loss) == "loss(student, teacher, labels)"


def test_a_temperature_is_not_taken_for_labels() -> None:
    def soft(y_s: Any, y_t: Any, T: Any) -> Any: ...

    assert default_call(soft, "f") == "f(student, teacher)"
    assert suggested_call(soft) == "soft(student, teacher, T=temperature)"
