from typing import Any

import numpy as np

import kdref
from kdref.conformance import diagnose
from tests.conformance.corpus.by_hand_numpy import textbook


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
