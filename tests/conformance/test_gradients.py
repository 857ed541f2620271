from typing import Any

import numpy as np
import pytest

import kdref
from kdref.conformance import diagnose
from tests.conformance.corpus.by_hand_numpy import log_softmax, nll, textbook


def test_a_right_gradient_is_not_accused() -> None:
    report = diagnose(textbook, gradient=kdref.distillation_loss_grad)
    assert "GRADIENT_MISMATCH" not in report.codes


def test_a_gradient_with_a_factor_is_told_with_its_factor() -> None:
    def doubled(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        return 2.0 * kdref.distillation_loss_grad(
            student, teacher, labels, temperature=temperature, alpha=alpha
        )

    report = diagnose(textbook, gradient=doubled)
    (finding,) = report.findings
    assert finding.code == "GRADIENT_MISMATCH"
    assert "2 times the derivative" in finding.detail
    assert report.verdict == "wrong"


@pytest.mark.parametrize(
    ("factor", "told"),
    [
        (lambda n, c, temperature: 3.0, "3 times"),
        (lambda n, c, temperature: 5.0, "5 times"),
        (lambda n, c, temperature: n, "3 = N times"),
        (lambda n, c, temperature: 1.0 / c, "0.2 = 1/C times"),
        (lambda n, c, temperature: temperature**2, "5.6169 = T^2 times"),
        (lambda n, c, temperature: -1.0, "-1 times"),
    ],
)
def test_a_factor_is_named_by_what_it_varies_with(factor: Any, told: Any) -> None:
    def scaled(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        found = hinton_gradient(student, teacher, labels, temperature=temperature, alpha=alpha)
        return factor(*student.shape, temperature) * found

    (finding,) = diagnose(textbook, gradient=scaled).findings
    assert finding.detail == f"it is {told} the derivative"


def test_the_gradient_of_another_divergence_is_a_mismatch_without_a_factor() -> None:
    def reverse_kl_gradient(
        student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any
    ) -> Any:
        hard = kdref.hard_label_loss_grad(student, labels)
        soft = kdref.reverse_kl_loss_grad(student, teacher, temperature=temperature)
        return (1.0 - alpha) * hard + alpha * temperature**2 * soft

    report = diagnose(textbook, gradient=reverse_kl_gradient)
    (finding,) = report.findings
    assert finding.code == "GRADIENT_MISMATCH"
    assert "not a constant factor" in finding.detail


def test_a_gradient_is_judged_also_where_the_formula_is_unknown() -> None:
    def value(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        return float(np.sin(student * teacher).sum())

    def gradient(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        return np.cos(student * teacher) * teacher

    assert diagnose(value, gradient=gradient).codes == set()
    report = diagnose(value, gradient=lambda *a, **k: -gradient(*a, **k))
    assert report.codes == {"GRADIENT_MISMATCH"}


def hinton_gradient(
    student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    return kdref.distillation_loss_grad(
        student, teacher, labels, temperature=temperature, alpha=alpha
    )


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_does_not_agree(lost: Any) -> None:
    def first_entry_lost(*arrays: Any, **given: Any) -> Any:
        found = hinton_gradient(*arrays, **given)
        found[0, 0] = lost
        return found

    for parts in (("value", "gradient", "robustness"), ("gradient",)):
        report = diagnose(textbook, gradient=first_entry_lost, parts=parts)
        (finding,) = report.findings
        assert report.verdict == "wrong"
        assert finding.meaning == "the gradient is not finite where the value is"
        assert finding.detail.startswith("2 of 30 entries are NaN or infinite on ordinary logits")


@pytest.mark.parametrize(
    "branches",
    [lambda temperature, alpha: temperature == 2.0, lambda temperature, alpha: alpha >= 0.9],
)
def test_a_gradient_that_branches_at_a_round_temperature_or_a_large_alpha_is_told_with_its_place(
    branches: Any,
) -> None:
    def four_times(*arrays: Any, temperature: Any, alpha: Any) -> Any:
        found = hinton_gradient(*arrays, temperature=temperature, alpha=alpha)
        return 4.0 * found if branches(temperature, alpha) else found

    (finding,) = diagnose(textbook, gradient=four_times).findings
    assert finding.detail == "it is 4 times the derivative, at temperature 2, alpha 0.9"


def in_log_space(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
    log_p, log_q = (log_softmax(z / temperature) for z in (teacher, student))
    soft = (np.exp(log_p) * (log_p - log_q)).sum(axis=1).mean()
    return alpha * temperature**2 * soft + (1 - alpha) * nll(student, labels)


def test_a_gradient_that_overflows_on_large_logits_is_not_finite_where_the_value_is() -> None:
    def cancels_late(student: Any, teacher: Any, labels: Any, **given: Any) -> Any:
        grown = np.exp(15.0 * np.abs(student))
        return hinton_gradient(student, teacher, labels, **given) * grown / grown

    (finding,) = diagnose(in_log_space, gradient=cancels_late).findings
    assert finding.meaning == "the gradient is not finite where the value is"
    assert finding.detail == "NaN or infinite on logits of scale 40"


def test_a_gradient_lost_only_where_probabilities_underflow_is_a_note_as_for_a_value() -> None:
    def through_logarithms(student: Any, teacher: Any, labels: Any, **given: Any) -> Any:
        q = kdref.softmax(student)
        return hinton_gradient(student, teacher, labels, **given) + 0.0 * np.log(q)

    report = diagnose(in_log_space, gradient=through_logarithms)
    assert report.codes == {"AGREES"}
    assert any(note.startswith("the gradient is not finite") for note in report.notes)


def test_a_gradient_is_untested_where_the_value_refuses() -> None:
    def refusing(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        if alpha == 0.9:
            raise ValueError
        return textbook(student, teacher, labels, temperature=temperature, alpha=alpha)

    report = diagnose(refusing, gradient=hinton_gradient, parts=("gradient",))
    assert report.untested[0].startswith("the gradient at temperature 2, alpha 0.9: the value is")
    assert (report.verdict, report.codes) == ("agrees", frozenset())
