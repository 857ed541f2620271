from typing import Any

import numpy as np
import pytest

from kdref.conformance import CODES, Finding, Report
from kdref.conformance.report import Disagreement
from kdref.conformance.report.findings import explain, milder_verdicts, verdict_of
from kdref.conformance.report.repairs import WORDS
from kdref.conformance.report.variants import VARIANTS


def test_a_report_shows_verdict_formula_reference_finding_and_repair() -> None:
    findings = explain({"CLASS_MEAN"}, "torch", {"CLASS_MEAN": "C = 5"}, {})
    text = str(Report("wrong", "the formula", findings=tuple(findings), framework="torch"))
    for expected in ("wrong", "the formula", "alpha * T^2 * KL", "CLASS_MEAN (wrong)", "C = 5"):
        assert expected in text
    assert (
        "repair    sum over classes and average over rows: F.kl_div(log_q, p, reduction='batchmean')"
        in text
    )


@pytest.mark.parametrize("framework", WORDS)
@pytest.mark.parametrize("code", sorted(set(CODES) - {"AGREES"}))
def test_every_code_has_a_repair_in_every_framework(code: Any, framework: Any) -> None:
    (finding,) = explain({code}, framework, {}, {})
    assert isinstance(finding, Finding)
    assert all((finding.meaning, finding.changes, finding.leaves, finding.repair))
    assert "{" not in finding.repair.replace("{ ", "")
    assert "\n" not in finding.repair


@pytest.mark.parametrize("variant", VARIANTS)
def test_other_words_for_a_code_have_a_repair_in_every_framework(variant: Any) -> None:
    for framework in WORDS:
        (found,) = explain({"CLASS_MEAN"}, framework, {}, {}, {"CLASS_MEAN": variant})
        assert all((found.meaning, found.changes, found.leaves, found.repair))
        assert "{" not in found.repair


def test_the_worst_code_decides() -> None:
    assert verdict_of(set(), {}) == "agrees"
    assert verdict_of({"ALPHA_ON_HARD", "T_SQUARED_MISSING"}, {}) == "wrong"


def test_a_missing_square_weighs_less_without_a_hard_term() -> None:
    codes = {"SOFT_ONLY", "T_SQUARED_MISSING"}
    assert verdict_of(codes, milder_verdicts(codes, frozen_teacher=True)) == "convention"


def test_a_gradient_to_the_teacher_is_wrong_unless_the_teacher_is_frozen() -> None:
    codes = {"TEACHER_GETS_GRADIENT"}
    assert verdict_of(codes, milder_verdicts(codes, frozen_teacher=True)) == "agrees"
    assert verdict_of(codes, milder_verdicts(codes, frozen_teacher=False)) == "wrong"


def test_mistakes_are_told_before_conventions_and_cautions() -> None:
    codes = {"SOFT_ONLY", "CLASS_MEAN", "TEACHER_GETS_GRADIENT"}
    milder = milder_verdicts(codes, frozen_teacher=True)
    text = str(Report("wrong", findings=tuple(explain(codes, "jax", {}, milder)), framework="jax"))
    assert text.startswith("verdict    wrong: CLASS_MEAN\n")
    assert text.index("CLASS_MEAN (wrong)") < text.index("SOFT_ONLY (convention)")
    assert text.index("SOFT_ONLY (convention)") < text.index("TEACHER_GETS_GRADIENT (caution)")


def test_what_a_repair_names_is_said_once() -> None:
    text = str(
        Report("wrong", findings=tuple(explain({"CLASS_MEAN"}, "torch", {}, {})), framework="torch")
    )
    assert "where     p = F.softmax(teacher / T, dim=-1), log_q = " in text
    told = explain({"CROSS_ENTROPY_NOT_KL"}, "torch", {}, {})
    assert "where " not in str(Report("convention", findings=tuple(told), framework="torch"))


def test_the_snippet_reproduces_the_disagreement() -> None:
    arrays = np.array([[0.5, -1.0]]), np.array([[1.0, 2.0]])
    snippet = Disagreement(*arrays, [1], 2.0, 0.25, got=3.0, expected=4.0).snippet("numpy")
    seen: dict[str, Any] = {}

    def loss(student: Any, teacher: Any, labels: Any, temperature: Any, alpha: Any) -> Any:
        seen.update(student=student, teacher=teacher, labels=labels, given=(temperature, alpha))

    exec(snippet, {"loss": loss, "print": lambda *values: None})
    np.testing.assert_array_equal(seen["student"], arrays[0])
    np.testing.assert_array_equal(seen["teacher"], arrays[1])
    assert seen["given"] == (2.0, 0.25)
    assert "it gives 3, the reference 4" in snippet
