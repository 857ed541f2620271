"""DIST beyond the laws of the registry: what it ignores, constant rows and columns, single examples."""

import numpy as np
import pytest

from kdref import dist_loss, dist_loss_grad, softmax

RNG = np.random.default_rng(71)
STUDENT, TEACHER = RNG.normal(size=(2, 4, 3))


def test_dist_is_zero_at_agreement_where_nothing_is_constant() -> None:
    assert dist_loss(STUDENT, STUDENT) == 0.0
    assert not dist_loss_grad(STUDENT, STUDENT).any()


def test_single_example_has_constant_columns_which_cost_their_full_share() -> None:
    assert dist_loss(STUDENT[:1], STUDENT[:1], inter_weight=2.0, intra_weight=3.0) == 3.0
    assert dist_loss(STUDENT[:1], TEACHER[:1], inter_weight=0.0) == 1.0
    assert not dist_loss_grad(STUDENT[:1], TEACHER[:1], inter_weight=0.0).any()


def test_one_class_is_constant_everywhere() -> None:
    assert dist_loss([[1.0], [2.0]], [[3.0], [0.0]]) == 2.0
    np.testing.assert_array_equal(dist_loss_grad([[1.0], [2.0]], [[3.0], [0.0]]), [[0.0], [0.0]])


@pytest.mark.parametrize("level", [0.0, 0.1, 1e8])
def test_constant_row_of_logits_has_no_correlation(level: float) -> None:
    student = STUDENT.copy()
    student[1] = level
    r = [np.corrcoef(softmax(TEACHER)[i], softmax(student)[i])[0, 1] for i in (0, 2, 3)]
    expected = 1.0 - sum(r) / 4.0  # the constant row counts 0
    assert dist_loss(student, TEACHER, intra_weight=0.0) == pytest.approx(expected, rel=1e-13)
    assert not dist_loss_grad(student, TEACHER, intra_weight=0.0)[1].any()


def test_equal_rows_make_every_column_constant() -> None:
    student = np.repeat(STUDENT[:1], 4, axis=0)
    assert dist_loss(student, TEACHER, inter_weight=0.0) == 1.0
    assert not dist_loss_grad(student, TEACHER, inter_weight=0.0).any()


def test_dist_is_pearsons_correlation_of_the_softened_probabilities() -> None:
    p, q = softmax(TEACHER, 2.0), softmax(STUDENT, 2.0)
    rows = np.mean([np.corrcoef(p[i], q[i])[0, 1] for i in range(4)])
    columns = np.mean([np.corrcoef(p[:, k], q[:, k])[0, 1] for k in range(3)])
    got = dist_loss(STUDENT, TEACHER, temperature=2.0, inter_weight=0.5, intra_weight=4.0)
    assert got == pytest.approx(0.5 * (1.0 - rows) + 4.0 * (1.0 - columns), rel=1e-13)


def test_dist_ignores_how_sure_a_distribution_is_where_its_deviations_are_proportional() -> None:
    # Deviations from the even (1/3, 1/3, 1/3) halved: less sure, perfectly correlated.
    p = softmax(TEACHER)
    q = 1.0 / 3.0 + (p - 1.0 / 3.0) / 2.0
    # Two roundings, of the probabilities and of their logarithms.
    assert dist_loss(np.log(q), np.log(p)) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("name", ["inter_weight", "intra_weight"])
def test_weights_of_the_relations_must_be_finite_and_not_negative(name: str) -> None:
    for function in (dist_loss, dist_loss_grad):
        with pytest.raises(ValueError, match=rf"^{name} must be finite and >= 0, got -1\.0$"):
            function(STUDENT, TEACHER, **{name: -1.0})


def test_classes_whose_probabilities_all_underflow_are_constant() -> None:
    # exp(-2000) is 0 in float64: the second and third columns vary in truth, and cost 1 each here.
    logits = np.array([[2.0, 0.0, -1.0], [3.0, 1.0, -0.5], [2.5, 0.25, 0.0]])
    got = dist_loss(logits, logits, temperature=0.001, inter_weight=0.0)
    assert got == 1.0  # the first column is 1 to the last bit, too
    assert not dist_loss_grad(logits, logits, temperature=0.001, inter_weight=0.0).any()
