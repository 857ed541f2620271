"""Divergences of probabilities and of softened logits: examples by hand, limits, infinities."""

from functools import partial
from math import inf, log

import numpy as np
import pytest
from gmpy2 import mpfr
from hypothesis import given
from hypothesis import strategies as st

import kdref
from kdref import check_gradient
from tests.oracle import divergences as oracle
from tests.oracle.precision import working_precision
from tests.oracle.rounding import ulps
from tests.strategies import SOME, Array, fractions, logits, probability_rows, temperatures

P, Q = [0.75, 0.25], [0.5, 0.5]
P_LOGITS, Q_LOGITS = np.log([3.0, 1.0]), np.log([1.0, 1.0])

EXCLUDED, INCLUDED = [0.0, -np.inf], [0.0, 0.0]

# JS with beta = 1/4: m = 1/4 p + 3/4 q = (9/16, 7/16), whose ratios to p are 3/4, 7/4 and to q 9/8, 7/8.
JS_QUARTER = 0.25 * (0.75 * log(4 / 3) + 0.25 * log(4 / 7)) + 0.75 * (
    0.5 * log(8 / 9) + 0.5 * log(8 / 7)
)


# By hand.


def test_divergences_of_probabilities_by_hand() -> None:
    by_hand = [
        # H(p) = 3/4 log 4/3 + 1/4 log 4.
        (kdref.entropy(P), 0.75 * log(4 / 3) + 0.25 * log(4)),
        # Minus 3/4 log 1/2 minus 1/4 log 1/2, and with the roles exchanged minus 1/2 log 3/4 minus 1/2 log 1/4.
        (kdref.cross_entropy(P, Q), log(2)),
        (kdref.cross_entropy(Q, P), 0.5 * log(16 / 3)),
        # 3/4 log 3/2 + 1/4 log 1/2, and 1/2 log 2/3 + 1/2 log 2.
        (kdref.kl_divergence(P, Q), 0.75 * log(1.5) - 0.25 * log(2)),
        (kdref.kl_divergence(Q, P), 0.5 * log(4 / 3)),
        (kdref.js_divergence(P, Q, beta=0.25), JS_QUARTER),
        # Half of 1/4 + 1/4.
        (kdref.total_variation(P, Q), 0.25),
    ]
    for got, expected in by_hand:
        assert got == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_divergences_of_logits_by_hand(temperature: float) -> None:
    # The logits are multiplied by T, so that the softened distributions are P and Q at every temperature.
    p, q = temperature * P_LOGITS, temperature * Q_LOGITS
    softened = {"temperature": temperature}
    by_hand = {
        kdref.entropy_from_logits(p, **softened): 0.75 * log(4 / 3) + 0.25 * log(4),
        kdref.cross_entropy_from_logits(p, q, **softened): log(2),
        kdref.cross_entropy_from_logits(q, p, **softened): 0.5 * log(16 / 3),
        kdref.kl_divergence_from_logits(p, q, **softened): 0.75 * log(1.5) - 0.25 * log(2),
        kdref.kl_divergence_from_logits(q, p, **softened): 0.5 * log(4 / 3),
        kdref.js_divergence_from_logits(p, q, beta=0.25, **softened): JS_QUARTER,
        kdref.total_variation_from_logits(p, q, **softened): 0.25,
    }
    for got, expected in by_hand.items():
        assert got == pytest.approx(expected, rel=1e-14)


def test_defaults_are_temperature_one_and_beta_one_half() -> None:
    p, q = [0.3, -1.0, 2.0], [1.0, 0.5, -2.0]
    pairs = [
        kdref.cross_entropy_from_logits,
        kdref.kl_divergence_from_logits,
        kdref.js_divergence_from_logits,
        kdref.total_variation_from_logits,
    ]
    for function in pairs:
        assert function(p, q) == function(p, q, temperature=1.0) != function(p, q, temperature=2.0)
    assert kdref.entropy_from_logits(p) == kdref.entropy_from_logits(p, temperature=1.0)
    halves = kdref.js_divergence_from_logits(p, q, beta=0.5)
    assert kdref.js_divergence_from_logits(p, q) == halves
    assert kdref.js_divergence(P, Q) == kdref.js_divergence(P, Q, beta=0.5)
    assert kdref.js_divergence(P, Q) != kdref.js_divergence(P, Q, beta=0.25)


# Zeros and infinities.


def test_zero_log_zero_is_zero() -> None:
    assert kdref.entropy([1.0, 0.0]) == 0.0
    assert str(kdref.entropy([1.0, 0.0])) == "0.0"  # not -0.0
    assert str(kdref.cross_entropy([1.0, 0.0], [1.0, 0.0])) == "0.0"
    assert kdref.kl_divergence([1.0, 0.0], [0.5, 0.5]) == pytest.approx(log(2), rel=1e-15)
    assert kdref.entropy_from_logits(EXCLUDED) == 0.0


def test_what_q_excludes_costs_p_without_end() -> None:
    assert kdref.cross_entropy([0.5, 0.5], [1.0, 0.0]) == inf
    assert kdref.kl_divergence([0.5, 0.5], [1.0, 0.0]) == inf
    assert kdref.cross_entropy_from_logits(INCLUDED, EXCLUDED) == inf
    assert kdref.kl_divergence_from_logits(INCLUDED, EXCLUDED) == inf


def test_what_q_excludes_costs_p_without_end_even_if_its_probability_underflows() -> None:
    assert kdref.cross_entropy_from_logits([0.0, -1e4], EXCLUDED) == inf
    assert kdref.kl_divergence_from_logits([0.0, -1e4], EXCLUDED) == inf


def test_what_both_exclude_costs_nothing() -> None:
    assert kdref.cross_entropy_from_logits(EXCLUDED, EXCLUDED) == 0.0
    assert kdref.kl_divergence_from_logits(EXCLUDED, EXCLUDED) == 0.0
    assert kdref.js_divergence_from_logits(EXCLUDED, EXCLUDED) == 0.0
    assert kdref.total_variation_from_logits(EXCLUDED, EXCLUDED) == 0.0


def test_rows_that_differ_by_more_than_float64_holds_are_as_far_apart_as_can_be() -> None:
    p, q = [1.7e308, -1.7e308], [-1.7e308, 1.7e308]
    assert kdref.js_divergence_from_logits(p, q) == log(2)
    assert kdref.total_variation_from_logits(p, q) == 1.0
    assert kdref.kl_divergence_from_logits(p, q) == inf


@pytest.mark.parametrize("beta", [0.25, 0.5, 0.9])
def test_js_divergence_of_rows_without_a_common_class_is_the_entropy_of_its_weights(
    beta: float,
) -> None:
    # m is beta on p's class and 1 - beta on q's: beta log 1/beta + (1 - beta) log 1/(1 - beta).
    expected = -beta * log(beta) - (1 - beta) * log(1 - beta)
    apart = kdref.js_divergence([1.0, 0.0], [0.0, 1.0], beta=beta)
    assert apart == pytest.approx(expected, rel=1e-15)
    from_logits = kdref.js_divergence_from_logits([0.0, -np.inf], [-np.inf, 0.0], beta=beta)
    assert from_logits == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_js_divergence_is_zero_at_both_ends_of_beta(beta: float) -> None:
    assert kdref.js_divergence(P, Q, beta=beta) == 0.0
    rows = kdref.js_divergence([P, Q], [Q, P], beta=beta)
    np.testing.assert_array_equal(rows, np.zeros(2), strict=True)
    assert kdref.js_divergence_from_logits(EXCLUDED, INCLUDED, beta=beta) == 0.0
    assert kdref.js_divergence_from_logits(INCLUDED, EXCLUDED, beta=beta) == 0.0


@SOME
@given(p=probability_rows((3, 4)), beta=fractions)
def test_divergences_of_equal_probabilities_are_exactly_zero(p: Array, beta: float) -> None:
    for rows in (
        kdref.kl_divergence(p, p),
        kdref.js_divergence(p, p, beta=beta),
        kdref.total_variation(p, p),
    ):
        np.testing.assert_array_equal(rows, 0.0)


@SOME
@given(z=logits((3, 4)), shift=st.integers(-1000, 1000), beta=fractions)
def test_divergences_of_equal_logits_are_exactly_zero(z: Array, shift: int, beta: float) -> None:
    for rows in (
        kdref.kl_divergence_from_logits(z, z + shift),
        kdref.js_divergence_from_logits(z, z + shift, beta=beta),
        kdref.total_variation_from_logits(z, z + shift),
    ):
        np.testing.assert_array_equal(rows, 0.0)


# Against the oracle, row by row, where a textbook formula would fail.

NEAR = [
    # Rows a hair apart, on both sides of the borders between the formulas for log q/p (1/2 and 3/2).
    ([0.5, 0.5], [0.5 + 1e-9, 0.5 - 1e-9]),
    ([0.5, 0.3, 0.2], [0.5, 0.3 + 1e-12, 0.2 - 1e-12]),
    ([0.5, 0.5], [0.26, 0.74]),
    ([0.5, 0.5], [0.24, 0.76]),
    ([0.4, 0.6], [0.61, 0.39]),
    ([1e-200, 1.0], [1e-201, 1.0]),
    # The quotient of these leaves the range of float64.
    ([1e-160, 1.0], [1.0, 1e-160]),
    ([1.0, 1e-320], [1e-320, 1.0]),
]


@pytest.mark.parametrize(("p", "q"), NEAR)
@pytest.mark.parametrize("beta", [0.1, 0.5])
def test_divergences_of_probabilities_keep_their_digits(
    p: list[float], q: list[float], beta: float
) -> None:
    with working_precision():
        truths = [
            (kdref.kl_divergence(p, q), oracle.kl_divergence(p, q)),
            (kdref.js_divergence(p, q, beta=beta), oracle.js_divergence(p, q, beta)),
            (kdref.total_variation(p, q), oracle.total_variation(p, q)),
            (kdref.cross_entropy(p, q), oracle.cross_entropy(p, q)),
        ]
        for got, truth in truths:
            assert isinstance(got, float)
            # Rounded rows do not sum to exactly 1, which the definition feels as about 1e-16 of the entries.
            assert ulps(got, truth) <= 20.0


def test_kl_divergence_includes_the_defect_of_rows_that_do_not_sum_to_one() -> None:
    # By the definition, whatever the sums are: 1 log 1/(1 + 1e-7) = -1e-7 + 5e-15.
    got = kdref.kl_divergence([1.0, 0.0], [1.0 + 1e-7, 0.0])
    with working_precision():
        assert got == pytest.approx(
            float(oracle.kl_divergence([1.0, 0.0], [1.0 + 1e-7, 0.0])), rel=1e-15
        )


FAR_AND_NEAR = [
    ([0.0, 0.0], [1e-9, 0.0]),
    ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0 + 1e-14]),
    ([0.0, -650.0, 3.0], [0.0, 650.0, -3.0]),
    ([0.0, -720.5], [0.0, -1e290]),
    ([0.0, 1.0, 2.0], [0.9, 0.0, 4.0]),
    ([40.0, 0.0], [45.0, 0.0]),
    ([5.0, 0.0, 0.0], [0.0, 5.0, 1.0]),
    ([0.0, 1.0, -0.3], [0.0, 2.05, -0.2]),
    ([0.0, 1.0, -0.3], [0.0, -0.05, -0.2]),
    ([0.0, -1e5], [-1e5, 0.0]),
]


@pytest.mark.parametrize(("p", "q"), FAR_AND_NEAR)
@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("beta", [0.1, 0.5, 0.95])
def test_divergences_of_logits_keep_their_digits(
    p: list[float], q: list[float], temperature: float, beta: float
) -> None:
    softened = {"temperature": temperature}
    with working_precision():
        truths: list[tuple[object, mpfr]] = [
            (kdref.entropy_from_logits(p, **softened), oracle.entropy_from_logits(p, temperature)),
            (
                kdref.cross_entropy_from_logits(p, q, **softened),
                oracle.cross_entropy_from_logits(p, q, temperature),
            ),
            (
                kdref.kl_divergence_from_logits(p, q, **softened),
                oracle.kl_divergence_from_logits(p, q, temperature),
            ),
            (
                kdref.js_divergence_from_logits(p, q, beta=beta, **softened),
                oracle.js_divergence_from_logits(p, q, temperature, beta),
            ),
            (
                kdref.total_variation_from_logits(p, q, **softened),
                oracle.total_variation_from_logits(p, q, temperature),
            ),
        ]
        for got, truth in truths:
            assert isinstance(got, float)
            assert ulps(got, truth) <= 6.0


# Gradients with respect to q.


def test_gradients_with_respect_to_q_are_minus_the_ratio() -> None:
    # -p/q = (-3/4 / (1/2), -1/4 / (1/2)).
    assert kdref.cross_entropy_grad(P, Q).tolist() == [-1.5, -0.5]
    assert kdref.kl_divergence_grad(P, Q).tolist() == [-1.5, -0.5]


def test_zeros_of_gradients_and_values_have_no_minus_sign() -> None:
    assert not np.signbit(kdref.cross_entropy_grad([[1.0, 0.0]], [[0.5, 0.5]])[0, 1])
    assert not np.signbit(kdref.cross_entropy([[1.0], [1.0]], [[1.0], [1.0]])).any()


def test_gradients_with_respect_to_q_are_zero_where_p_is() -> None:
    for gradient in (kdref.cross_entropy_grad, kdref.kl_divergence_grad):
        got = gradient([[1.0, 0.0], [1.0, 0.0]], [[0.5, 0.5], [1.0, 0.0]])
        assert got.tolist() == [[-2.0, 0.0], [-1.0, 0.0]]


def test_gradients_with_respect_to_q_are_refused_where_q_excludes_what_p_holds() -> None:
    message = r"^q must be > 0, with a finite p / q, wherever p > 0, got 0\.0 at index \(1, 0\)$"
    for gradient in (kdref.cross_entropy_grad, kdref.kl_divergence_grad):
        with pytest.raises(ValueError, match=message):
            gradient([[1.0, 0.0], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]])


@SOME
@given(z=logits((2, 3), bound=2), temperature=temperatures)
def test_gradient_passes_through_softmax_vjp_to_the_gradient_of_the_loss(
    z: Array, temperature: float
) -> None:
    # The chain rule in two steps: d CE / d q, then d q / d s.
    teacher, student = z
    p, q = kdref.softmax(teacher, temperature), kdref.softmax(student, temperature)
    by_steps = kdref.softmax_vjp(student, kdref.cross_entropy_grad(p, q), temperature)
    at_once = kdref.soft_cross_entropy_loss_grad([student], [teacher], temperature=temperature)
    np.testing.assert_allclose(by_steps, at_once[0], rtol=1e-11, atol=1e-14)


def test_gradients_equal_the_complex_step_through_the_definition() -> None:
    p, q = np.array([0.2, 0.5, 0.3]), np.array([0.6, 0.1, 0.3])
    for gradient, definition in (
        (kdref.cross_entropy_grad, lambda x: -(p * np.log(x)).sum()),
        (kdref.kl_divergence_grad, lambda x: (p * np.log(p / x)).sum()),
    ):
        report = check_gradient(definition, partial(gradient, p), q, method="complex-step")
        assert report.passed, str(report)
