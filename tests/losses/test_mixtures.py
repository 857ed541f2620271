"""Generalised Jensen-Shannon and skew divergences beyond the laws of the registry."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdref import (
    LOSSES,
    forward_kl_loss,
    forward_kl_loss_grad,
    generalised_js_loss,
    generalised_js_loss_grad,
    skew_forward_kl_loss,
    softmax,
)
from tests.oracle.batch import loss, loss_gradient
from tests.oracle.precision import working_precision
from tests.strategies import SOME, Call, calls, normal_call

TEACHER, STUDENT = np.log([[3.0, 1.0]]), np.zeros((1, 2))


def test_generalised_js_by_hand_with_a_quarter_on_the_teacher() -> None:
    # m = 1/4 (3/4, 1/4) + 3/4 (1/2, 1/2) = (9/16, 7/16).
    # 1/4 [3/4 log (3/4)/(9/16) + 1/4 log (1/4)/(7/16)] + 3/4 [1/2 log (1/2)/(9/16) + 1/2 log (1/2)/(7/16)]
    value = 0.25 * (0.75 * math.log(4 / 3) + 0.25 * math.log(4 / 7))
    value += 0.75 * (0.5 * math.log(8 / 9) + 0.5 * math.log(8 / 7))
    # g = 3/4 (log 8/9, log 8/7), and q_0 (g_0 - mean) = 1/4 (g_0 - g_1) = 3/16 log 7/9.
    entry = 3 / 16 * math.log(7 / 9)
    for temperature in (1.0, 2.5):
        student, teacher = temperature * STUDENT, temperature * TEACHER
        options = {"temperature": temperature, "beta": 0.25}
        assert generalised_js_loss(student, teacher, **options) == pytest.approx(value, rel=1e-14)
        np.testing.assert_allclose(
            generalised_js_loss_grad(student, teacher, **options),
            [[entry / temperature, -entry / temperature]],
            rtol=1e-14,
        )


def test_beta_is_one_half_and_temperature_one_unless_given() -> None:
    student, teacher = [[0.5, -1.0, 2.0]], [[1.5, 0.0, -1.0]]
    stated = {"temperature": 1.0, "beta": 0.5}
    assert generalised_js_loss(student, teacher) == generalised_js_loss(student, teacher, **stated)
    np.testing.assert_array_equal(
        generalised_js_loss_grad(student, teacher),
        generalised_js_loss_grad(student, teacher, **stated),
    )
    assert generalised_js_loss(student, teacher) != generalised_js_loss(student, teacher, beta=0.25)


@pytest.mark.parametrize("beta", [0, 0.0, 1, 1.0])
def test_both_ends_of_beta_are_zero_with_zero_gradient(beta: float) -> None:
    call = normal_call(LOSSES["generalised_js"], np.random.default_rng(3))
    assert call.value(beta=beta) == 0.0
    np.testing.assert_array_equal(call.grad(beta=beta), np.zeros((3, 4)))


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_both_ends_of_beta_still_look_at_their_input(beta: float) -> None:
    for function in (generalised_js_loss, generalised_js_loss_grad):
        with pytest.raises(ValueError, match=r"^teacher_logits must not hold NaN or \+inf"):
            function([[0.0, 1.0]], [[0.0, np.nan]], beta=beta)


@SOME
@given(call=calls(LOSSES["forward_kl"]), small=st.sampled_from([1e-10, 1e-12]))
def test_divided_by_beta_it_tends_to_forward_kl(call: Call, small: float) -> None:
    student, teacher = (z / 16.0 for z in call.inputs.values())  # ratios p/q below e^(2 * 4)
    call = call.with_inputs(student_logits=student, teacher_logits=teacher)
    options = {**call.parameters, "beta": small}
    # What is left out is of relative size beta times the largest ratio.
    assert generalised_js_loss(student, teacher, **options) / small == pytest.approx(
        forward_kl_loss(student, teacher, **call.parameters), rel=1e-6
    )
    np.testing.assert_allclose(
        generalised_js_loss_grad(student, teacher, **options) / small,
        forward_kl_loss_grad(student, teacher, **call.parameters),
        rtol=0.0,
        atol=1e-6 / call.parameters["temperature"],
    )


ROWS = [
    ([[0.3, -1.2, 2.5]], [[0.3, -1.2, 2.5 + 1e-9]]),
    ([[0.3, -1.2, 2.5]], [[1e8 + 0.25, 1e8 - 1.25, 1e8 + 2.5]]),
    ([[40.0, 0.0, 1.0]], [[45.0, 0.0, 0.5]]),
    ([[40.0, 0.0, 1.0]], [[0.0, 45.0, 0.5]]),
    ([[0.0, -650.5, 3.0]], [[0.5, -640.25, 2.0]]),
    ([[0.0, -720.5, -800.0]], [[0.5, -3.0, 1e5]]),
    ([[0.0, -590.0, 1.0]], [[-5.0, 20.0, 1.0]]),
    ([[0.0, -640.0, 1.0]], [[-5.0, 20.0, 1.0]]),
    ([[0.0, 0.9, -0.9]], [[0.0, -0.2, 0.2]]),
]


@pytest.mark.parametrize(("student", "teacher"), ROWS)
@pytest.mark.parametrize("beta", [0.01, 0.5, 0.9])
def test_rows_that_ordinary_formulas_lose_keep_their_digits(
    student: list[list[float]], teacher: list[list[float]], beta: float
) -> None:
    for temperature in (1.0, 1.7):
        options = {"temperature": temperature, "beta": beta}
        with working_precision():
            value = loss("generalised_js", student, teacher, **options)
            gradient = loss_gradient("generalised_js", student, teacher, **options)
        assert generalised_js_loss(student, teacher, **options) == pytest.approx(
            value, rel=2e-15, abs=0
        )
        largest = np.abs(gradient).max()
        got = generalised_js_loss_grad(student, teacher, **options)
        np.testing.assert_allclose(got, gradient, rtol=0, atol=1e-14 * largest)


@pytest.mark.parametrize(
    ("student", "teacher"),
    [([0.0, -np.inf], [0.0, 0.0]), ([0.0, 0.0], [0.0, -np.inf]), ([0.0, -np.inf], [-np.inf, 0.0])],
)
def test_excluded_classes_cost_a_finite_amount_and_have_a_finite_gradient(
    student: list[float], teacher: list[float]
) -> None:
    with working_precision():
        value = loss("generalised_js", [student], [teacher], temperature=1.0, beta=0.25)
        gradient = loss_gradient("generalised_js", [student], [teacher], temperature=1.0, beta=0.25)
    assert generalised_js_loss([student], [teacher], beta=0.25) == pytest.approx(value, rel=1e-15)
    got = generalised_js_loss_grad([student], [teacher], beta=0.25)
    np.testing.assert_allclose(got, gradient, rtol=1e-14, atol=0)


@pytest.mark.parametrize("beta", [1e-10, 0.25, 1.0 - 1e-10])
def test_generalised_js_of_sides_that_deny_each_other_is_the_entropy_of_beta(beta: float) -> None:
    # p = (0, 1) and q = (1, 0), but for e^-700: beta log 1/beta + (1 - beta) log 1/(1 - beta).
    value = generalised_js_loss([[0.0, -700.0]], [[-700.0, 0.0]], beta=beta)
    expected = -beta * math.log(beta) - (1.0 - beta) * math.log1p(-beta)
    assert value == pytest.approx(expected, rel=1e-14, abs=0.0)


SKEWED = ("skew_forward_kl", "skew_reverse_kl")


@pytest.mark.parametrize("name", SKEWED)
@pytest.mark.parametrize("skew", [1e-10, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("at_top", [-650.0, -1.0])
def test_skew_divergences_keep_their_digits_where_a_ratio_leaves_float64(
    name: str, at_top: float, skew: float
) -> None:
    # Probabilities of e^-650 on one side or on either; the gradient entry by entry, also the one of 1e-283.
    student, teacher = [[0.0, -650.0, -1.0]], [[at_top, 0.0, -0.5]]
    entry = LOSSES[name]
    options = {"temperature": 1.0, "skew": skew}
    value = loss(name, student, teacher, **options)
    assert entry.value(student, teacher, **options) == pytest.approx(value, rel=1e-14, abs=0.0)
    for got, true in zip(
        entry.grad(student, teacher, **options)[0],
        loss_gradient(name, student, teacher, **options)[0],
        strict=True,
    ):
        assert got == pytest.approx(true, rel=1e-12, abs=0.0)


@pytest.mark.parametrize("name", SKEWED)
def test_skew_divergences_of_a_row_do_not_depend_on_its_neighbours(name: str) -> None:
    rng = np.random.default_rng(8)
    teacher = rng.normal(0.0, 3.0, (2, 5))
    student = teacher + np.array([[1.0], [1e-9]]) * rng.normal(size=(2, 5))
    value = LOSSES[name].value
    alone = value(student[1:], teacher[1:])
    assert value(student, teacher, weights=[1e-300, 1.0]) == pytest.approx(alone, rel=1e-14, abs=0)


@pytest.mark.parametrize("depth", [700.0, 800.0, 1e5])
def test_skew_divergence_grows_to_minus_log_skew_where_the_student_denies_the_teacher(
    depth: float,
) -> None:
    # m = skew p but for e^-700: KL(p, m) = -log skew.
    value = skew_forward_kl_loss([[0.0, -depth]], [[-depth, 0.0]], skew=0.25)
    assert value == pytest.approx(math.log(4.0), rel=1e-15)


def test_generalised_js_gradient_keeps_its_digits_where_the_teacher_excludes_a_class() -> None:
    # m = q (1 - b) where the teacher excludes the class, else q (1 - b) + b: the entries are +-(1 - b) q_1 q_2 times
    # log(1 + b / ((1 - b) q_1)), which is not the logarithm of a difference.
    share = 2.0**-20
    q = softmax([0.0, -1.0])
    expected = share * q[0] * q[1] * math.log1p((1.0 - share) / (share * q[0]))
    grad = generalised_js_loss_grad([[0.0, -1.0]], [[0.0, -np.inf]], beta=1.0 - share)
    np.testing.assert_allclose(grad, [[-expected, expected]], rtol=1e-14)
