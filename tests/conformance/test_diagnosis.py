from typing import Any

import numpy as np
import pytest

import kdref
from kdref.conformance import CODES, assert_agrees, diagnose, distillation_convention
from tests.conformance.corpus.by_hand_numpy import (
    confidence_weighted,
    contrastive,
    log_softmax,
    nll,
    softmax,
    textbook,
)
from tests.conformance.corpus.random_losses import Recipe
from tests.conformance.corpus.scoring import unseen_error
from tests.conformance.near_misses import GIVEN, NEAR_MISSES
from tests.conformance.planted import BESIDE, PLANTED

ELSEWHERE = {"GRADIENT_MISMATCH", "TEACHER_GETS_GRADIENT", "PADDING_COUNTED", "NOT_THE_REFERENCE"}
"""Codes that are planted in the tests of gradients, of frameworks, of robustness, and below."""


@pytest.mark.parametrize("code", PLANTED)
def test_a_planted_mistake_is_reported_by_its_code_and_no_other(code: Any) -> None:
    report = diagnose(PLANTED[code])
    assert report.codes == {code} | BESIDE.get(code, set())


TABLE = {
    "agrees": "AGREES",
    "convention": """
        SOFT_ONLY ALPHA_ON_HARD FREE_WEIGHTS CROSS_ENTROPY_NOT_KL ROW_SUM CONSTANT_FACTOR CONSTANT_OFFSET
        LABEL_SMOOTHING LOG_BASE_2 EPSILON KL_REVERSED OTHER_LOSS NOT_THE_REFERENCE
    """,
    "wrong": """
        CLASS_MEAN ROW_MEAN_TWICE T_SQUARED_MISSING T_SQUARED_TWICE T_SQUARED_INVERTED TEMPERATURE_IGNORED
        TEMPERATURE_FIXED STUDENT_NOT_SOFTENED TEACHER_NOT_SOFTENED HARD_AT_TEMPERATURE T_POWER
        TEMPERATURE_MULTIPLIED TEMPERATURE_AFTER_LOG ALPHA_DISCONTINUOUS SPECIAL_BRANCH NEGATIVE_WEIGHT
        LABELS_ON_TEACHER ROLES_SWAPPED SOFTMAX_NOT_LOG NO_SOFTMAX
        DOUBLE_SOFTMAX_HARD DOUBLE_SOFTMAX_SOFT SOFTMAX_WRONG_AXIS TEACHER_IGNORED NOT_FINITE
        GRADIENT_MISMATCH TEACHER_GETS_GRADIENT INPUT_MUTATED ROW_COUPLING PADDING_COUNTED UNSTABLE IMPRECISE
        NONDETERMINISTIC
    """,
}
"""The promise: every code and what it makes of a loss."""


def test_the_codes_are_those_that_are_promised_with_their_verdicts() -> None:
    promised = {code: verdict for verdict, codes in TABLE.items() for code in codes.split()}
    assert {name: code.verdict for name, code in CODES.items()} == promised


def test_every_code_has_a_planted_mistake_and_a_right_loss_beside_it() -> None:
    assert set(PLANTED) | ELSEWHERE == set(CODES)
    assert set(NEAR_MISSES) | {"AGREES", "TEACHER_GETS_GRADIENT"} == set(CODES)


@pytest.mark.parametrize("code", NEAR_MISSES)
def test_a_right_loss_that_looks_like_a_mistake_is_not_accused(code: Any) -> None:
    report = diagnose(NEAR_MISSES[code], **GIVEN.get(code, {}))
    assert (report.verdict, set(report.codes)) == ("agrees", {"AGREES"})


@pytest.mark.parametrize(
    "loss", [kdref.distillation_loss, Recipe(vector=True).loss, Recipe(single=True).loss]
)
def test_a_right_loss_has_no_finding(loss: Any) -> None:
    report = diagnose(loss)
    assert (report.verdict, report.codes, report.findings) == ("agrees", frozenset({"AGREES"}), ())


def test_a_gradient_of_the_library_agrees_with_its_value() -> None:
    report = diagnose(kdref.distillation_loss, gradient=kdref.distillation_loss_grad)
    assert report.verdict == "agrees"
    assert not any("gradient: a NumPy" in item for item in report.untested)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tau", "constant", "factor"),
    [(7.047286498801027, 1.0, set()), (7.047286498801027, 1.5, {"CONSTANT_FACTOR"})],
)
def test_what_a_fitted_temperature_leaves_open_in_single_precision_is_no_factor(
    tau: float, constant: float, factor: set[str]
) -> None:
    recipe = Recipe(
        single=True, soft_twice=True, student_tau=tau, teacher_tau=tau, constant=constant
    )
    report = diagnose(recipe.loss)
    assert report.codes == {"DOUBLE_SOFTMAX_SOFT", "TEMPERATURE_FIXED"} | factor


@pytest.mark.slow
def test_labels_at_two_temperatures_do_not_explain_an_epsilon() -> None:
    recipe = Recipe(teacher_tau=1.0, hard_tempered=True, hard_epsilon=1e-10, base_2=True)
    assert diagnose(recipe.loss).codes == {
        "TEACHER_NOT_SOFTENED",
        "HARD_AT_TEMPERATURE",
        "EPSILON",
        "LOG_BASE_2",
    }


@pytest.mark.parametrize("loss", [confidence_weighted, contrastive])
def test_what_is_outside_is_called_unknown_and_accused_of_nothing(loss: Any) -> None:
    report = diagnose(loss)
    assert (report.verdict, report.codes, report.convention) == ("unknown", frozenset(), None)


def test_a_convention_predicts_inputs_that_the_diagnosis_has_not_drawn() -> None:
    recipe = Recipe(power=0.0, class_mean=True, weights="on hard", hard_tempered=True)
    report = diagnose(recipe.loss)
    assert report.codes == {
        "T_SQUARED_MISSING",
        "CLASS_MEAN",
        "ALPHA_ON_HARD",
        "HARD_AT_TEMPERATURE",
    }
    assert report.convention is not None
    assert unseen_error(recipe.loss, report.convention, 5) <= 1e-6


def test_the_formula_is_readable() -> None:
    report = diagnose(Recipe(class_mean=True).loss)
    assert report.formula == (
        "(1 - alpha) * CE(labels, student) + alpha * T^2 * KL(teacher/T || student/T) / C"
    )


@pytest.mark.parametrize(
    ("largest", "told"), [(1.0, "clip all 1e-07"), (1.0 - 1e-7, "clip both all 1e-07")]
)
def test_probabilities_clipped_at_one_end_are_told_from_those_at_both(
    largest: Any, told: Any
) -> None:
    def clipped(s: Any, t: Any, y: Any, *, temperature: Any) -> Any:
        p, q = (np.clip(softmax(z / temperature), 1e-7, largest) for z in (t, s))
        return temperature**2 * (p * np.log(p / q)).sum(1).mean()

    assert diagnose(clipped).formula == f"T^2 * KL(teacher/T || student/T) [{told}]"


@pytest.mark.slow
def test_a_student_softened_at_another_fixed_temperature_than_its_teacher_is_one_cross_entropy() -> (
    None
):
    def two_temperatures(s: Any, t: Any, y: Any, *, alpha: Any) -> Any:
        soft = -(softmax(t / 0.04) * log_softmax(s / 0.1)).sum(1).mean()
        return alpha * soft + (1 - alpha) * nll(s, y)

    formula = "(1 - alpha) * CE(labels, student) + alpha * CE(teacher/0.04, student/0.1)"
    assert diagnose(two_temperatures).formula == formula


def test_a_missing_square_is_a_convention_in_a_soft_only_loss() -> None:
    report = diagnose(Recipe(power=0.0, weights="soft only").loss)
    assert report.codes == {"SOFT_ONLY", "T_SQUARED_MISSING"}
    assert report.verdict == "convention"


def test_reversed_kl_without_a_hard_term_may_be_exchanged_roles() -> None:
    report = diagnose(Recipe(divergence="reverse", weights="soft only").loss)
    assert any("exchanged roles" in item for item in report.alternatives)


def test_a_loss_without_temperature_and_alpha_is_diagnosed_by_what_varies() -> None:
    def forward(student: Any, teacher: Any) -> Any:
        return kdref.forward_kl_loss(student, teacher, temperature=1.0)

    report = diagnose(forward)
    assert report.codes == {"SOFT_ONLY", "TEMPERATURE_IGNORED"}


def test_other_signatures_are_called_through_an_adapter() -> None:
    def swapped_arguments(labels: Any, teacher: Any, student: Any, T: Any, a: Any) -> Any:
        return textbook(student, teacher, labels, temperature=T, alpha=a)

    report = diagnose(
        swapped_arguments,
        call=lambda loss, s, t, y, temperature, alpha: loss(y, t, s, temperature, alpha),
    )
    assert report.verdict == "agrees"


def test_another_reference_shares_its_peculiarities() -> None:
    reference = distillation_convention("cross entropy", reduction="mean")
    recipe = Recipe(divergence="cross entropy", class_mean=True)
    assert diagnose(recipe.loss, against=reference).verdict == "agrees"
    assert diagnose(recipe.loss).codes == {"CROSS_ENTROPY_NOT_KL", "CLASS_MEAN"}


ON_HARD = distillation_convention(soft_weight="1 - alpha", hard_weight="alpha")
SOFT_ALONE = distillation_convention(temperature_power=0.0, soft_weight="1", hard_weight=None)


@pytest.mark.parametrize(
    ("reference", "verdict", "told"),
    [
        (ON_HARD, "convention", "alpha weights the hard term (ALPHA_ON_HARD); this loss is "
         "distillation_loss(s, t, y, temperature=T, alpha=alpha); the reference is "
         "distillation_loss(s, t, y, temperature=T, alpha=1 - alpha)"),
        (distillation_convention(reduction="mean"), "wrong", "divided by the number of classes (CLASS_MEAN)"),
        (SOFT_ALONE, "convention", "there is no hard term (SOFT_ONLY)"),
    ],
)  # fmt: skip
def test_what_only_the_reference_has_is_named(reference: Any, verdict: Any, told: Any) -> None:
    report = diagnose(textbook, against=reference)
    assert (report.verdict, report.codes) == (verdict, frozenset({"NOT_THE_REFERENCE"}))
    assert told in report.findings[0].detail
    assert "trains the same way" not in str(report)


def test_two_losses_of_the_same_codes_are_told_apart_by_their_numbers() -> None:
    def weighed(a: float) -> Any:
        return distillation_convention(soft_weight=a, hard_weight=1.0)

    def loss(s: Any, t: Any, y: Any, *, temperature: Any) -> Any:
        return Recipe().loss(s, t, y, temperature=temperature, alpha=0.5) * 2.0

    report = diagnose(loss, against=weighed(0.5))
    assert report.codes == {"NOT_THE_REFERENCE"}
    assert diagnose(loss, against=weighed(1.0)).verdict == "agrees"


@pytest.mark.parametrize(("factor", "code"), [(3.0, "CONSTANT_FACTOR"), (-1.0, "NEGATIVE_WEIGHT")])
def test_a_multiple_of_the_reference_is_told_with_its_factor(factor: Any, code: Any) -> None:
    def multiple(*inputs: Any, **given: Any) -> Any:
        return factor * Recipe(weights="on hard").loss(*inputs, **given)

    def loss(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
        return multiple(s, t, y, temperature=temperature, alpha=alpha)

    report = diagnose(loss, against=ON_HARD)
    assert report.codes == {code}
    assert report.findings[0].detail == f"this loss is {factor:g} times the reference"


def with_hard(hard: Any) -> Any:
    """The loss with another hard term, of student, teacher and labels."""

    def loss(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
        soft = Recipe(weights="soft only").loss(s, t, y, temperature=temperature, alpha=1.0)
        return alpha * soft + (1 - alpha) * hard(s, t, y)

    return loss


def test_a_hard_term_without_its_minus_is_maximised() -> None:
    report = diagnose(with_hard(lambda s, t, y: -nll(s, y)))
    assert (report.verdict, report.codes) == ("wrong", frozenset({"NEGATIVE_WEIGHT"}))
    assert report.findings[0].detail == "CE(labels, student) is maximised"
    assert report.alternatives == ()


def test_a_soft_cross_entropy_without_its_minus_is_maximised() -> None:
    report = diagnose(Recipe(divergence="cross entropy", weights="soft only", constant=-1.0).loss)
    assert report.codes == {"NEGATIVE_WEIGHT", "CROSS_ENTROPY_NOT_KL", "SOFT_ONLY"}


def test_a_weight_that_turns_negative_at_usual_settings_is_told_with_one_of_them() -> None:
    def loss(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
        return Recipe().loss(s, t, y, temperature=temperature, alpha=alpha) + (
            alpha - alpha * temperature**2
        ) * nll(s, y)

    report = diagnose(loss)
    assert report.codes == {"NEGATIVE_WEIGHT", "FREE_WEIGHTS"}
    seen = {finding.code: finding.detail for finding in report.findings}["NEGATIVE_WEIGHT"]
    assert seen == "the weight of CE(labels, student) is -7 at T = 4, alpha = 0.5"


@pytest.mark.slow
def test_a_difference_of_two_cross_entropies_is_not_called_negative() -> None:
    report = diagnose(with_hard(lambda s, t, y: nll(s, y) - 0.5 * nll(s / 2.0, y)))
    assert "NEGATIVE_WEIGHT" not in report.codes


def test_probabilities_in_place_of_their_logarithms_in_the_hard_term() -> None:
    report = diagnose(with_hard(lambda s, t, y: -softmax(s)[np.arange(len(y)), y].mean()))
    assert (report.verdict, report.codes) == ("wrong", frozenset({"SOFTMAX_NOT_LOG"}))
    assert report.findings[0].repair == "hard = -log_softmax(student)[np.arange(N), labels].mean()"


def test_logits_in_place_of_log_probabilities_in_the_hard_term() -> None:
    report = diagnose(with_hard(lambda s, t, y: -s[np.arange(len(y)), y].mean()))
    assert report.codes == {"NO_SOFTMAX"}
    assert report.findings[0].repair.startswith("hard = ")


@pytest.mark.slow
def test_smoothing_over_the_other_classes_is_read_as_people_write_it() -> None:
    def shared(s: Any, t: Any, y: Any) -> Any:
        others = (log_softmax(s).sum(1) + nll_of_rows(s, y)) / (s.shape[1] - 1)
        return (0.9 * nll_of_rows(s, y) - 0.1 * others).mean()

    def nll_of_rows(s: Any, y: Any) -> Any:
        return -log_softmax(s)[np.arange(len(y)), y]

    report = diagnose(with_hard(shared))
    assert report.codes == {"LABEL_SMOOTHING"}
    assert report.formula.startswith(
        "0.9 * (1 - alpha) * CE(labels, student) + 0.1 * (1 - alpha) * CE(other classes, student) + "
    )


@pytest.mark.slow
@pytest.mark.parametrize("tau", [2.31, 5.07])
def test_an_epsilon_beside_an_odd_temperature_moves_no_softmax_to_another_axis(tau: Any) -> None:
    options: dict[str, Any] = {"soft_epsilon": 1e-7, "hard_epsilon": 1e-8, "power": -2.0}
    report = diagnose(Recipe(student_tau=tau, teacher_tau=tau, **options).loss)
    assert report.codes == {"EPSILON", "T_SQUARED_INVERTED", "TEMPERATURE_FIXED"}


def test_words_fit_what_stands_beside_them() -> None:
    report = diagnose(Recipe(power=0.0, student_tau=1.0).loss)
    changes = {finding.code: finding.changes for finding in report.findings}
    assert "do not fade" in changes["T_SQUARED_MISSING"]
    report = diagnose(Recipe(student_tau=1.0, teacher_tau=1.0).loss)
    assert report.findings[0].detail == "T stands in front of the soft term alone, as T^2"


def test_an_exception_of_the_loss_reaches_its_author() -> None:
    def broken(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        raise KeyError("a slip")

    with pytest.raises(KeyError, match="a slip"):
        diagnose(broken)


def test_a_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match="one a row, got shape"):
        diagnose(lambda s, t, y, temperature, alpha: s - t)


def test_an_unknown_framework_is_refused() -> None:
    with pytest.raises(ValueError, match="framework must be one of"):
        diagnose(textbook, framework="caffe")


def test_assert_agrees_is_silent_for_a_right_loss_and_tells_the_report_for_a_wrong_one() -> None:
    assert_agrees(textbook)
    with pytest.raises(AssertionError, match="CLASS_MEAN"):
        assert_agrees(Recipe(class_mean=True).loss)


def test_assert_agrees_accepts_a_convention_that_is_meant() -> None:
    assert_agrees(Recipe(divergence="cross entropy").loss, accept={"CROSS_ENTROPY_NOT_KL"})


def test_warnings_of_the_loss_do_not_reach_the_caller() -> None:
    def noisy(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        np.log(np.zeros(1))
        return nll(student, labels)

    assert diagnose(noisy).codes == {"TEACHER_IGNORED"}
