"""Symmetric KL, total variation and the skew divergences: their ends, bounds and infinities."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdref import (
    LOSSES,
    forward_kl_loss,
    forward_kl_loss_grad,
    reverse_kl_loss,
    reverse_kl_loss_grad,
    skew_forward_kl_loss,
    skew_forward_kl_loss_grad,
    skew_reverse_kl_loss,
    skew_reverse_kl_loss_grad,
    symmetric_kl_loss,
    symmetric_kl_loss_grad,
    total_variation_loss,
    total_variation_loss_grad,
)
from tests.strategies import SOME, Call, calls

FORWARD = (forward_kl_loss, forward_kl_loss_grad)
REVERSE = (reverse_kl_loss, reverse_kl_loss_grad)
# The student excludes what the teacher believes in, and the other way round.
STUDENT_EXCLUDES = ([[0.0, -np.inf]], [[0.0, 1.0]])
TEACHER_EXCLUDES = STUDENT_EXCLUDES[::-1]


@pytest.mark.parametrize(
    ("twins", "name", "value", "limits"),
    [
        ((symmetric_kl_loss, symmetric_kl_loss_grad), "forward_weight", 1.0, FORWARD),
        ((symmetric_kl_loss, symmetric_kl_loss_grad), "forward_weight", 0.0, REVERSE),
        ((skew_forward_kl_loss, skew_forward_kl_loss_grad), "skew", 0.0, FORWARD),
        ((skew_reverse_kl_loss, skew_reverse_kl_loss_grad), "skew", 0.0, REVERSE),
    ],
)
@SOME
@given(call=calls(LOSSES["forward_kl"]))
def test_ends_are_forward_or_reverse_kl(
    twins: Any, name: str, value: float, limits: Any, call: Call
) -> None:
    for function, limit in zip(twins, limits, strict=True):
        got = function(*call.inputs.values(), **call.parameters, **{name: value})
        expected = limit(*call.inputs.values(), **call.parameters)
        np.testing.assert_allclose(got, expected, rtol=1e-15)


@pytest.mark.parametrize(
    "twins",
    [
        (skew_forward_kl_loss, skew_forward_kl_loss_grad),
        (skew_reverse_kl_loss, skew_reverse_kl_loss_grad),
    ],
)
@SOME
@given(call=calls(LOSSES["forward_kl"]), skew=st.floats(0.01, 1.0))
def test_skew_bounds_the_loss_and_at_one_leaves_nothing(
    twins: Any, call: Call, skew: float
) -> None:
    value, grad = twins
    assert value(*call.inputs.values(), skew=skew) <= -math.log(skew) * (1.0 + 1e-14)
    assert value(*call.inputs.values(), skew=1.0) == 0.0
    assert not grad(*call.inputs.values(), skew=1.0).any()


@SOME
@given(call=calls(LOSSES["forward_kl"]), skew=st.floats(0.0, 1.0))
def test_skew_never_exceeds_its_share_of_the_divergence(call: Call, skew: float) -> None:
    # KL is convex in its second argument: KL(p, a p + (1 - a) q) <= (1 - a) KL(p, q).
    inputs = list(call.inputs.values())
    bound = (1.0 - skew) * forward_kl_loss(*inputs)
    assert skew_forward_kl_loss(*inputs, skew=skew) <= bound * (1.0 + 1e-13)


def test_skew_losses_are_finite_where_kl_is_not() -> None:
    # p = (1/(1 + e), e/(1 + e)) against q = (1, 0): the excluded class costs log 1/a = log 10.
    share = math.e / (1.0 + math.e)
    rest = 1.0 - share
    expected = share * math.log(10.0) + rest * math.log(rest / (0.1 * rest + 0.9))
    assert skew_forward_kl_loss(*STUDENT_EXCLUDES) == pytest.approx(expected, rel=1e-14)
    assert skew_reverse_kl_loss(*TEACHER_EXCLUDES) == pytest.approx(expected, rel=1e-14)
    assert np.isfinite(skew_forward_kl_loss_grad(*STUDENT_EXCLUDES)).all()
    assert np.isfinite(skew_reverse_kl_loss_grad(*TEACHER_EXCLUDES)).all()


@pytest.mark.parametrize(
    ("function", "name", "options"),
    [
        (skew_reverse_kl_loss_grad, "skew_reverse_kl_loss", {"skew": 0.0}),
        (symmetric_kl_loss_grad, "symmetric_kl_loss", {"forward_weight": 0.5}),
    ],
)
def test_gradient_of_an_infinite_reverse_kl_is_refused_by_its_row(
    function: Any, name: str, options: dict[str, float]
) -> None:
    message = (
        f"^{name} must be finite to have a gradient, got inf in row 0: "
        "the teacher excludes a class of the student's$"
    )
    with pytest.raises(ValueError, match=message):
        function(*TEACHER_EXCLUDES, **options)


def test_term_of_symmetric_kl_without_weight_counts_nothing_also_where_it_is_infinite() -> None:
    assert symmetric_kl_loss(*TEACHER_EXCLUDES, forward_weight=0.5) == np.inf
    assert symmetric_kl_loss(*TEACHER_EXCLUDES, forward_weight=1.0) < np.inf
    assert symmetric_kl_loss(*STUDENT_EXCLUDES, forward_weight=0.0) < np.inf
    np.testing.assert_array_equal(
        symmetric_kl_loss_grad(*TEACHER_EXCLUDES, forward_weight=1.0),
        forward_kl_loss_grad(*TEACHER_EXCLUDES),
    )


@SOME
@given(call=calls(LOSSES["forward_kl"]))
def test_symmetric_kl_at_one_half_and_total_variation_do_not_know_who_teaches(call: Call) -> None:
    student, teacher = call.inputs.values()
    for loss in (symmetric_kl_loss, total_variation_loss):
        assert loss(student, teacher) == pytest.approx(loss(teacher, student), rel=1e-13)


@SOME
@given(call=calls(LOSSES["forward_kl"]))
def test_pinsker_bounds_total_variation_by_forward_kl(call: Call) -> None:
    student, teacher = (a[:1] for a in call.inputs.values())
    tv, kl = total_variation_loss(student, teacher), forward_kl_loss(student, teacher)
    assert tv**2 <= kl / 2.0 * (1.0 + 1e-14)


def test_total_variation_gradient_takes_the_middle_of_the_kink_at_a_tie() -> None:
    # p = (1/2, 1/4, 1/4), q = (1/4, 1/2, 1/4): signs (-1, 1, 0)/2, mean under q 1/8.
    teacher, student = np.log([[2.0, 1.0, 1.0]]), np.log([[1.0, 2.0, 1.0]])
    np.testing.assert_allclose(
        total_variation_loss_grad(student, teacher), [[-5 / 32, 6 / 32, -1 / 32]], rtol=1e-14
    )


def test_total_variation_gradient_knows_a_tie_whose_neighbours_changed_places() -> None:
    # Five of ten share the mass on either side, one of them on both: of the student's, four signs are 1/2, one is 0,
    # and the mean is 2/5.
    student = np.array([[1, 1, 1, 1, 1, -1, -1, -1, -1, -1]]) * 1e300
    teacher = np.array([[-1, -1, -1, -1, 1, 1, 1, 1, 1, -1]]) * 1e300
    np.testing.assert_allclose(
        total_variation_loss_grad(student, teacher, temperature=7.029420869578016)
        * 7.029420869578016,
        [[0.02, 0.02, 0.02, 0.02, -0.08, 0.0, 0.0, 0.0, 0.0, 0.0]],
        rtol=1e-14,
    )


def test_total_variation_gradient_does_not_fade_near_the_teacher() -> None:
    teacher = np.array([[1.0, 0.0, -0.5]])
    direction = np.array([[0.3, -0.2, 0.1]])
    sizes = [
        np.linalg.norm(total_variation_loss_grad(teacher + h * direction, teacher))
        for h in (1e-3, 1e-9)
    ]
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-2)


def test_disjoint_distributions_are_one_apart() -> None:
    assert total_variation_loss([[0.0, -np.inf]], [[-np.inf, 0.0]]) == 1.0
