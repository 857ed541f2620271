import dataclasses
from typing import Any

import numpy as np
import pytest

import kdref
from kdref.conformance import HINTON, Branch, Convention, Distribution, Floor, Term, weight
from kdref.conformance import distillation_convention as described
from kdref.conformance.references import LOSS_CONVENTIONS, reference
from kdref.conformance.terms import KINDS
from kdref.conformance.weights import Monomial, Weight

LN2 = float(np.log(2.0))


def inputs(n: Any = 4, c: Any = 5, seed: Any = 3) -> Any:
    rng = np.random.default_rng(seed)
    student, teacher = rng.normal(size=(2, n, c)) * 2.0
    return student, teacher, rng.integers(0, c, n)


def test_the_reference_by_hand() -> None:
    # The teacher says 3 : 1, the student is undecided: CE = log 2, KL = 3/4 log(3/2) + 1/4 log(1/2).
    teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    kl = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    value = HINTON(student, teacher, [0], temperature=1.0, alpha=0.5)
    assert value == pytest.approx(0.5 * LN2 + 0.5 * kl, rel=1e-14)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_the_reference_is_distillation_loss(temperature: Any, alpha: Any) -> None:
    student, teacher, labels = inputs()
    expected = kdref.distillation_loss(
        student, teacher, labels, temperature=temperature, alpha=alpha
    )
    value = HINTON(student, teacher, labels, temperature=temperature, alpha=alpha)
    assert value == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("name", ["soft_cross_entropy", "forward_kl", "reverse_kl"])
def test_named_references_are_the_losses_of_the_registry(name: Any) -> None:
    student, teacher, labels = inputs()
    expected = kdref.LOSSES[name].value(student, teacher, temperature=3.0)
    value = reference(name)(student, teacher, labels, temperature=3.0, alpha=0.5)
    assert value == pytest.approx(expected, rel=1e-12)


def test_every_composite_and_soft_loss_with_a_reference_is_in_the_registry() -> None:
    assert set(LOSS_CONVENTIONS) <= set(kdref.LOSSES)


def test_a_convention_is_immutable_and_hashable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        HINTON.terms = ()  # type: ignore[misc]  # what mypy forbids is what is tested
    assert hash(HINTON) == hash(described())
    assert described() == HINTON


def test_text_and_latex_name_every_part() -> None:
    convention = described(
        reduction="mean", soft_weight=0.25, hard_weight=0.75, student_temperature=1.0
    )
    assert str(convention) == (
        "0.75 * CE(labels, student) + 0.25 * T^2 * KL(teacher/T || student) / C"
    )
    assert convention.latex() == (
        r"0.75\, \mathrm{CE}(y, s) + \frac{1}{C}\, 0.25\, T^{2}\, \mathrm{KL}(t/T \,\|\, s)"
    )


def test_conventions_that_compute_the_same_are_equal_whatever_their_text() -> None:
    student = Distribution("student", "softmax", 1.0)
    halves = Convention(((weight(constant=0.5), Term("label", None, student)),) * 2)
    whole = Convention(((weight(), Term("label", None, student)),))
    assert halves != whole
    assert halves.equals(whole)
    assert not whole.equals(HINTON)


def test_the_ratio_of_two_conventions_is_their_constant_factor() -> None:
    assert described(soft_factor=2.0, hard_factor=2.0).ratio_to(HINTON) == pytest.approx(2.0)
    assert described(reduction="mean").ratio_to(HINTON) is None


def test_a_class_mean_divides_the_soft_term_by_the_number_of_classes() -> None:
    student, teacher, labels = inputs(c=5)
    given = {"temperature": 2.0, "alpha": 1.0}
    ratio = HINTON(student, teacher, labels, **given) / described(reduction="mean")(
        student, teacher, labels, **given
    )
    assert ratio == pytest.approx(5.0)


def test_a_cross_entropy_differs_from_kl_by_the_teachers_entropy() -> None:
    student, teacher, labels = inputs()
    given = {"temperature": 2.0, "alpha": 1.0}
    entropy = np.mean(kdref.entropy_from_logits(teacher, temperature=2.0))
    difference = described("cross entropy")(student, teacher, labels, **given) - HINTON(
        student, teacher, labels, **given
    )
    assert difference == pytest.approx(4.0 * entropy)


def test_rows_with_the_ignored_label_do_not_count() -> None:
    student, teacher, labels = inputs()
    padded = labels.copy()
    padded[-1] = -100
    given = {"temperature": 2.0, "alpha": 0.4}
    expected = HINTON(student[:-1], teacher[:-1], labels[:-1], **given)
    assert described(ignore_index=-100)(student, teacher, padded, **given) == expected


def test_a_branch_is_taken_at_its_value_only() -> None:
    soft_only = described(hard_weight=None, soft_weight="1").terms
    convention = Convention(HINTON.terms, (Branch("alpha", 1.0, soft_only),))
    student, teacher, labels = inputs()
    assert convention(student, teacher, labels, temperature=2.0, alpha=0.5) == HINTON(
        student, teacher, labels, temperature=2.0, alpha=0.5
    )
    assert "at alpha = 1" in str(convention)


def test_an_epsilon_caps_the_divergence() -> None:
    # KL of a saturated pair is 200 without the floor, and at most -log 1e-7 = 16.118 with it.
    floor = Floor("clip all", 1e-7)
    capped = described(epsilon=(floor, floor), temperature_power=0.0)
    value = capped([[100.0, -100.0]], [[-100.0, 100.0]], [0], temperature=1.0, alpha=1.0)
    assert value == pytest.approx(-np.log(1e-7), rel=1e-5)


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="same shape"):
        HINTON([[0.0, 1.0]], [[0.0]], [0], temperature=1.0, alpha=0.5)


def test_an_unknown_reference_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="against must be one of"):
        reference("hintons")


@pytest.mark.parametrize("name", KINDS)
def test_the_latex_of_every_kind_is_filled_in(name: Any) -> None:
    kind = KINDS[name]
    teacher = Distribution("teacher") if "{a}" in kind.text else None
    student = Distribution("student", "divided logs") if "{b}" in kind.text else None
    written = Term(name, teacher, student, 0.5).latex()
    assert "<" not in written
    assert "_softmax" not in written.replace(r"\_softmax", "")


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (Monomial(-1.0, 1.0, 2.0), "-alpha * T^2 * KL"),
        (Monomial(-2.0, 1.0), "-2 * alpha * KL"),
        (Monomial(-1.0), "-KL"),
        (Monomial(0.1, classes=1.0, extra="1/(C - 1)"), "0.1 * C * KL / (C - 1)"),
    ],
)
def test_signs_and_divisions_are_written_as_people_write_them(part: Any, written: Any) -> None:
    assert Weight((part,)).text("KL") == written


def test_a_weight_alone_is_written_with_its_sign() -> None:
    assert Weight((Monomial(-1.0),)).text("1") == "-1"
    assert Weight((Monomial(-1.0),)).text("-dot") == "-1 * -dot"
