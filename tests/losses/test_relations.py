"""Losses on relations by hand, at the ends of their parameters, of odd batches, and of extreme sizes."""

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from kdref import (
    LOSSES,
    correlation_congruence_loss,
    correlation_congruence_loss_grad,
    probabilistic_transfer_loss,
    probabilistic_transfer_loss_grad,
    relational_angle_loss,
    relational_angle_loss_grad,
    relational_distance_loss,
    relational_distance_loss_grad,
    similarity_preserving_loss,
    similarity_preserving_loss_grad,
)
from tests.strategies import SOME, normal_call, seeds

RNG = np.random.default_rng(62)
F, G = RNG.normal(size=(2, 4, 3))
RELATIONS = [entry.name for entry in LOSSES.values() if entry.family == "relations"]
OF_DIRECTIONS = ["similarity_preserving", "correlation_congruence", "probabilistic_transfer"]
OF_STEPS = ["relational_distance", "relational_angle"]


# ------------------------------------------------------------------------------------ by hand


def test_similarity_preserving_by_hand() -> None:
    # Gram matrices ((1, 1), (1, 2)) and ((1, -1), (-1, 1)): cosines 0 and 1 / sqrt(10) of their rows, 2/4 (1 - cos).
    student, teacher = [[1.0, 0.0], [1.0, 1.0]], [[1.0], [-1.0]]
    loss = similarity_preserving_loss(student, teacher)
    assert loss == pytest.approx(1.0 - 0.5 / math.sqrt(10.0), rel=1e-15)
    # B = ((-1/4, 1/4), (b, -b/2)) with b = 3 / (5 sqrt(10)); then (B + B') F.
    b = 0.6 / math.sqrt(10.0)
    grad = similarity_preserving_loss_grad(student, teacher)
    np.testing.assert_allclose(grad, [[b - 0.25, b + 0.25], [0.25, -b]], rtol=1e-14)


def test_correlation_congruence_of_order_two_by_hand() -> None:
    # e K = 1 + s + s^2/2: 1.78 at the student's s = 0.6, 0.5 at the teacher's -1; twice (1.28 / e)^2 over 4.
    student, teacher = [[2.0, 0.0], [3.0, 4.0]], [[1.0], [-1.0]]
    loss = correlation_congruence_loss(student, teacher, gamma=0.5, order=2)
    assert loss == pytest.approx(0.8192 / math.e**2, rel=1e-14)
    # B = 2/4 * 1.28 * 1.6 / e^2 = 1.024 / e^2; the other's parts across are (0, 0.8) and (0.64, -0.48), over 2 and 5.
    grad = correlation_congruence_loss_grad(student, teacher, gamma=0.5, order=2)
    expected = np.array([[0.0, 0.8192], [0.262144, -0.196608]]) / math.e**2
    np.testing.assert_allclose(grad, expected, rtol=1e-14, atol=1e-17)


def test_relational_distance_by_hand() -> None:
    # Distances 1, 2, 3 in units of 2 against three equal ones: -1/2, 0, 1/2; twice (1/8 + 1/8) over 9.
    student, teacher = [[0.0], [1.0], [3.0]], np.eye(3)
    assert relational_distance_loss(student, teacher) == pytest.approx(1.0 / 18.0, rel=1e-15)
    # H = -1/18, 0, 1/18, their mean with r 1/54; W = -1/27, -1/108, 1/54; twice the sums of W with the directions.
    grad = relational_distance_loss_grad(student, teacher)
    np.testing.assert_allclose(grad, [[1.0 / 27.0], [-1.0 / 18.0], [1.0 / 54.0]], rtol=1e-14)


def test_relational_angle_by_hand() -> None:
    # Cosines 0 and twice sqrt(1/2) against three times 1/2, each in both orders, over 27.
    student, teacher = [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]], np.eye(3)
    right, sharp = -0.5, math.sqrt(0.5) - 0.5
    expected = 2.0 * (right**2 / 2.0 + 2.0 * sharp**2 / 2.0) / 27.0
    assert relational_angle_loss(student, teacher) == pytest.approx(expected, rel=1e-14)
    # Moving (1, 0) by (x, y) changes the right angle's cosine by y, the other two by (x - y) and (-x - y) over sqrt(8).
    y = (2.0 * right - math.sqrt(2.0) * sharp) / 27.0
    grad = relational_angle_loss_grad(student, teacher)
    np.testing.assert_allclose(grad, [[0.0, y], [-y, -y], [y, 0.0]], rtol=1e-14, atol=1e-17)


def test_probabilistic_transfer_by_hand() -> None:
    # The teacher's two are opposite, p = (1, 0); the student's cosine 0.6 gives K = (1, 0.8), q = (5/9, 4/9).
    student, teacher = [[1.0, 0.0], [3.0, 4.0]], [[1.0], [-1.0]]
    loss = probabilistic_transfer_loss(student, teacher)
    assert loss == pytest.approx(math.log(1.8), rel=1e-15)
    # 2 B = 2 (4/9) / (2 * 2 * 0.8) = 5/18, times (0, 0.8) / 1 and (0.64, -0.48) / 5.
    grad = probabilistic_transfer_loss_grad(student, teacher)
    expected = [[0.0, 2.0 / 9.0], [0.64 / 18.0, -0.48 / 18.0]]
    np.testing.assert_allclose(grad, expected, rtol=1e-14, atol=1e-17)


# --------------------------------------------------------------------------------------- laws


@pytest.mark.parametrize("name", RELATIONS)
def test_widths_may_differ_and_rotations_do_not_matter(name: str) -> None:
    entry = LOSSES[name]
    rotation, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))
    wide = np.concatenate([G @ rotation, np.zeros((4, 2))], axis=1)
    value = entry.value(F, G, **entry.parameters)
    assert entry.value(F, wide, **entry.parameters) == pytest.approx(value, rel=1e-13)
    grad = entry.grad(F, G, **entry.parameters)
    np.testing.assert_allclose(
        entry.grad(F @ rotation, wide, **entry.parameters), grad @ rotation, rtol=1e-11, atol=1e-13
    )


@pytest.mark.parametrize("name", RELATIONS)
def test_maps_count_as_vectors(name: str) -> None:
    entry = LOSSES[name]
    maps = np.random.default_rng(6).normal(size=(4, 2, 3, 1))
    flat = maps.reshape(4, 6)
    assert entry.value(maps, G, **entry.parameters) == entry.value(flat, G, **entry.parameters)
    grad = entry.grad(maps, G, **entry.parameters)
    assert grad.shape == maps.shape
    np.testing.assert_array_equal(grad.reshape(4, 6), entry.grad(flat, G, **entry.parameters))


@SOME
@given(seed=seeds)
def test_relational_losses_ignore_scale_and_shift(seed: int) -> None:
    f, g = np.random.default_rng(seed).integers(-99, 99, size=(2, 4, 3)).astype(float)
    f[:, 0] += np.arange(4.0) * 200.0  # no two examples coincide
    g[:, 0] += np.arange(4.0) * 200.0
    for value in (relational_distance_loss, relational_angle_loss):
        assert value(4.0 * f + 64.0, g / 8.0 - 3.0) == value(f, g)
        assert value(3.0 * f, g) == pytest.approx(value(f, g), rel=1e-11, abs=1e-15)


@pytest.mark.parametrize("name", OF_DIRECTIONS[1:])
def test_losses_of_directions_ignore_the_length_of_each_example(name: str) -> None:
    entry = LOSSES[name]
    lengths = np.array([[2.0], [0.25], [1.0], [64.0]])
    value = entry.value(F, G, **entry.parameters)
    assert entry.value(lengths * F, G / lengths, **entry.parameters) == value


def test_similarity_preserving_ignores_the_length_of_all_examples_and_not_of_one() -> None:
    value = similarity_preserving_loss(F, G)
    assert similarity_preserving_loss(8.0 * F, G / 8.0) == value
    assert similarity_preserving_loss(F * [[1.0], [2.0], [1.0], [1.0]], G) != pytest.approx(value)


def test_correlation_congruence_tends_to_the_gaussian_kernel_as_the_order_grows() -> None:
    gamma = 0.7
    gaussians = []
    for x in (F, G):
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        gaussians.append(np.exp(-gamma * ((unit[:, np.newaxis] - unit) ** 2).sum(axis=2)))
    limit = ((gaussians[0] - gaussians[1]) ** 2).mean()
    errors = [
        abs(correlation_congruence_loss(F, G, gamma=gamma, order=order) - limit)
        for order in (1, 3, 6, 12)
    ]
    assert sorted(errors, reverse=True) == errors
    assert correlation_congruence_loss(F, G, gamma=gamma, order=25) == pytest.approx(
        limit, rel=1e-13
    )


@pytest.mark.parametrize("gamma", [0.0, 1e3, 1.7e308])
def test_correlation_congruence_without_width_or_with_too_much_is_zero(gamma: float) -> None:
    assert correlation_congruence_loss(F, G, gamma=gamma) == 0.0
    assert not correlation_congruence_loss_grad(F, G, gamma=gamma).any()


def test_similarity_preserving_is_at_most_four_over_n() -> None:
    # Rows of the Gram matrices that are opposite but for the diagonal, which is positive: near the bound as N grows.
    n = 50
    student, teacher = np.ones((n, 1)), np.array([[(-1.0) ** i] for i in range(n)])
    assert 1.9 / n < similarity_preserving_loss(student, teacher) < 4.0 / n


# ------------------------------------------------------------------------------ degenerate inputs


@pytest.mark.parametrize("name", [*OF_DIRECTIONS, "relational_angle"])
def test_one_example_has_no_relations(name: str) -> None:
    entry = LOSSES[name]
    assert entry.value(F[:1], G[1:2], **entry.parameters) == pytest.approx(0.0, abs=1e-31)
    np.testing.assert_allclose(entry.grad(F[:1], G[1:2], **entry.parameters), 0.0, atol=1e-15)


@pytest.mark.parametrize("name", OF_DIRECTIONS)
def test_equal_examples_on_both_sides_agree(name: str) -> None:
    entry = LOSSES[name]
    same, equal = np.repeat(F[:1], 3, axis=0), np.repeat(G[:1], 3, axis=0)
    assert entry.value(same, equal, **entry.parameters) == pytest.approx(0.0, abs=1e-30)


def test_relational_angle_counts_coinciding_examples_as_no_angle() -> None:
    same = np.repeat(F[:1], 3, axis=0)
    assert relational_angle_loss(same, same) == 0.0
    # Against an equilateral triangle six differences of 1/2; and six cosines of 1, of a step with itself.
    assert relational_angle_loss(same, np.eye(3)) == pytest.approx((6 / 8 + 6 / 2) / 27, rel=1e-15)
    assert not relational_angle_loss_grad(same, np.eye(3)).any()


def test_relational_angle_gradient_leaves_out_a_pair_that_coincides() -> None:
    student = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    grad = relational_angle_loss_grad(student, G)
    assert np.isfinite(grad).all()
    # Moving the pair together keeps it together, so that the loss is smooth along the way.
    direction = np.array([[1.0, 0.5], [1.0, 0.5], [0.0, 0.0], [0.0, 0.0]])
    step = 1e-6
    slope = (
        relational_angle_loss(student + step * direction, G)
        - relational_angle_loss(student - step * direction, G)
    ) / (2.0 * step)
    assert slope == pytest.approx((grad * direction).sum(), rel=1e-7)


def test_relational_distance_gradient_leaves_out_a_pair_that_coincides() -> None:
    student = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    grad = relational_distance_loss_grad(student, G)
    direction = np.array([[1.0, 0.5], [1.0, 0.5], [0.0, 0.0], [0.0, 0.0]])
    step = 1e-6
    slope = (
        relational_distance_loss(student + step * direction, G)
        - relational_distance_loss(student - step * direction, G)
    ) / (2.0 * step)
    assert slope == pytest.approx((grad * direction).sum(), rel=1e-7)


def test_relational_distance_of_a_far_pair_is_linear() -> None:
    student, teacher = [[0.0], [0.0], [0.0], [9.0]], [[0.0], [1.0], [2.0], [3.0]]
    # Only three pairs are apart, at their mean: r = 1; 0 for the others.  The line: 0.6 d for d = 1, 2, 3.
    inside = 2.0 * ((0.6**2) * 2 + (1.0 - 0.6) ** 2 + (1.0 - 1.2) ** 2 + (1.0 - 1.8) ** 2) / 2.0
    beyond = 2.0 * (1.2 - 0.5)
    loss = relational_distance_loss(student, teacher)
    assert loss == pytest.approx((inside + beyond) / 16.0, rel=1e-14)


@pytest.mark.parametrize(("side", "n"), [("student_features", 1), ("teacher_features", 3)])
def test_relational_distance_refuses_examples_that_all_coincide(side: str, n: int) -> None:
    inputs = {"student_features": F[:n], "teacher_features": G[:n]}
    inputs[side] = np.repeat(F[:1], n, axis=0)
    message = f"^{side} must hold two different rows, got {n} that coincide$"
    for twin in (relational_distance_loss, relational_distance_loss_grad):
        with pytest.raises(ValueError, match=message):
            twin(**inputs)


@pytest.mark.parametrize("name", OF_STEPS)
def test_zero_vectors_are_points_like_any_other(name: str) -> None:
    entry = LOSSES[name]
    # A common shift that rounds to nothing keeps the distances.
    shifted = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0], [4.0, 4.0]])
    assert entry.value(shifted, G) == entry.value(shifted + 16.0, G)


@pytest.mark.parametrize("side", ["student_features", "teacher_features"])
@pytest.mark.parametrize("name", OF_DIRECTIONS)
def test_zero_example_is_refused_by_its_row(name: str, side: str) -> None:
    entry = LOSSES[name]
    inputs = {"student_features": F.copy(), "teacher_features": G.copy()}
    inputs[side][2] = 0.0
    for twin in (entry.value, entry.grad):
        message = f"^{side} must not hold a zero vector, got one in row 2$"
        with pytest.raises(ValueError, match=message):
            twin(**inputs, **entry.parameters)


@pytest.mark.parametrize("factor", [1.0, 2.0**-500, 2.0**500])
def test_probabilistic_transfer_is_infinite_for_opposite_students(factor: float) -> None:
    student = np.array([[1.0, 2.0, 3.0], [1.0, 0.0, 0.0], [-1.0, -2.0, -3.0]])
    student[2] *= factor
    assert probabilistic_transfer_loss(student, G[:3]) == math.inf
    message = (
        "^probabilistic_transfer_loss must be finite to have a gradient, got inf in row 0: "
        "two examples of the student are opposite$"
    )
    with pytest.raises(ValueError, match=message):
        probabilistic_transfer_loss_grad(student, G[:3])


def test_probabilistic_transfer_of_opposites_on_both_sides_is_zero() -> None:
    assert probabilistic_transfer_loss([[1.0, 0.0], [-2.0, 0.0]], [[0.0, 3.0], [0.0, -1.0]]) == 0.0


@pytest.mark.parametrize("angle", [1e-3, 1e-6, 1e-9])
def test_probabilistic_transfer_keeps_its_digits_near_opposition(angle: float) -> None:
    # 1 + cos = 1 - cos(angle) = 2 sin^2(angle/2); the teacher's K is 1 and 1/2, p = (2/3, 1/3).
    student = [[1.0, 0.0], [-math.cos(angle), math.sin(angle)]]
    k = math.sin(angle / 2.0) ** 2
    q = k / (1.0 + k)
    expected = 2.0 / 3.0 * math.log(2.0 / 3.0 / (1.0 - q)) + math.log(1.0 / 3.0 / q) / 3.0
    loss = probabilistic_transfer_loss(student, [[1.0, 0.0], [0.0, 1.0]])
    assert loss == pytest.approx(expected, rel=1e-14)


# ---------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize("exponent", [500, -500, 900, -900])
@pytest.mark.parametrize("name", RELATIONS)
def test_extreme_features_change_nothing(name: str, exponent: int) -> None:
    call = normal_call(LOSSES[name], np.random.default_rng(8), (4, 3))
    scaled = call.with_inputs(student_features=np.ldexp(call.student, exponent))
    assert scaled.value() == call.value()
    np.testing.assert_array_equal(np.ldexp(scaled.grad(), exponent), call.grad())
    teacher = np.ldexp(call.inputs["teacher_features"], exponent)
    assert call.with_inputs(teacher_features=teacher).value() == call.value()


def test_distances_beyond_float64_are_compared_all_the_same() -> None:
    huge, plain = np.array([[1.0], [-1.0], [0.0]]) * 2.0**1023, [[1.0], [-1.0], [0.0]]
    assert relational_distance_loss(huge, F[:3]) == relational_distance_loss(plain, F[:3])
    np.testing.assert_allclose(
        np.ldexp(relational_distance_loss_grad(huge, F[:3]), 1023),
        relational_distance_loss_grad(plain, F[:3]),
        atol=1e-15,  # 2^-1023 is subnormal
    )


def test_similarity_preserving_of_one_tiny_example_is_the_limit() -> None:
    teacher = [[1.0, 0.0], [1.0, 1.0]]
    student = np.array([[1.0, 0.0], [0.0, 1e-200]])
    # Rows (1, 0) and (0, 1) against (1, 1)/sqrt(2) and (1, 2)/sqrt(5), whatever the length of the second example.
    expected = 0.5 * (2.0 - math.sqrt(0.5) - 2.0 / math.sqrt(5.0))
    assert similarity_preserving_loss(student, teacher) == pytest.approx(expected, rel=1e-14)


def test_slope_beyond_float64_is_infinite() -> None:
    # Half a unit against a teacher at another ratio: the slope is of size 1 / 5e-324.
    tiny = [[5e-324], [0.0], [1.5e-323]]
    grad = relational_distance_loss_grad(tiny, [[0.0], [1.0], [2.0]])
    assert np.isinf(grad).all()


@pytest.mark.parametrize("side", ["student_features", "teacher_features"])
def test_similarities_that_vanish_are_refused(side: str) -> None:
    inputs = {"student_features": F[:2].copy(), "teacher_features": G[:2].copy()}
    inputs[side] = np.array([[1e200, 0.0], [0.0, 1e-200]])
    message = f"^the similarities of {side} must not hold a zero vector, got one in row 1$"
    for twin in (similarity_preserving_loss, similarity_preserving_loss_grad):
        with pytest.raises(ValueError, match=message):
            twin(**inputs)


# --------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"gamma": -0.1}, ValueError, "gamma must be finite and >= 0, got -0.1"),
        ({"gamma": math.inf}, ValueError, "gamma must be finite and >= 0, got inf"),
        ({"order": 0}, ValueError, "order must be >= 1, got 0"),
        ({"order": 2.0}, TypeError, "order must be an integer, got 2.0"),
    ],
)
def test_kernel_out_of_range_is_refused(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    for twin in (correlation_congruence_loss, correlation_congruence_loss_grad):
        with pytest.raises(error, match=f"^{re.escape(message)}$"):
            twin(F, G, **change)


BAD = [
    (
        {"student_features": F[:3]},
        "student_features and teacher_features must have the same number of rows, "
        "got (3, 3) and (4, 3)",
    ),
    (
        {"student_features": F[0]},
        "student_features must have shape (N, D) or (N, C, H, W) and no empty axis, got (3,)",
    ),
    (
        {"teacher_features": np.where(G[2, 1] == G, np.nan, G)},
        "teacher_features must be finite, got nan at index (2, 1)",
    ),
]


@pytest.mark.parametrize(("change", "message"), BAD)
@pytest.mark.parametrize("name", RELATIONS)
def test_unusable_features_are_refused(name: str, change: dict[str, Any], message: str) -> None:
    entry = LOSSES[name]
    inputs = {"student_features": F, "teacher_features": G, **change}
    for twin in (entry.value, entry.grad):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            twin(**inputs, **entry.parameters)


def test_opposite_examples_of_the_student_are_named_by_the_first_of_them() -> None:
    student = [[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
    with pytest.raises(ValueError, match=r"got inf in row 1: two examples of the student are opp"):
        probabilistic_transfer_loss_grad(student, [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
