"""The accurate pass over rows of logits, at the points that its identities are there for."""

import gmpy2
import numpy as np
import pytest
from gmpy2 import mpfr
from hypothesis import given
from hypothesis import strategies as st

from kdref._softened import (
    E_MINUS_LIFT,
    HOT,
    LIFT,
    WIDE,
    in_range,
    pick,
    replace,
    soften,
    soften_pair,
)
from tests.oracle import rows as truth
from tests.oracle.precision import working_precision
from tests.oracle.rounding import rounded, ulps, worst_ulps
from tests.strategies import SOME, Array, extreme_logits, logits, seeds, temperatures

SHIFT = 1e8
"""A common shift that leaves a float64 logit eight of its sixteen digits."""

TEMPERATURES = [0.3, 1.0, 3.0, 7.0]

PROMISED = 6.0
"""Ulp of any entry of softmax and its logarithm: an exponential, its correction, a sum and a quotient, each rounded.
With NumPy 1.26's exponential 3.05 has been seen."""


def test_pick_takes_one_entry_of_each_row() -> None:
    rows = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert pick(rows, np.array([[2], [0]])).tolist() == [[3.0], [4.0]]


def test_replace_changes_one_entry_of_each_row_in_a_copy() -> None:
    rows = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert replace(rows, np.array([[2], [0]]), -1.0).tolist() == [
        [1.0, 2.0, -1.0],
        [-1.0, 5.0, 6.0],
    ]
    assert rows.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def test_e_minus_lift_is_correctly_rounded() -> None:
    with working_precision():
        assert rounded(gmpy2.exp(mpfr(-LIFT))) == E_MINUS_LIFT


# Scaling of logits whose differences could overflow.


@pytest.mark.parametrize("largest", [0.0, 1.0, WIDE, -WIDE])
def test_in_range_leaves_ordinary_logits_alone(largest: float) -> None:
    given_rows = np.array([[largest, 0.0, -np.inf]])
    temperature, (rows,) = in_range(3.0, given_rows)
    assert temperature == 3.0
    assert rows is given_rows


@pytest.mark.parametrize("largest", [1.7e308, -1.7e308])
def test_in_range_scales_all_logits_and_the_temperature_if_one_is_too_large(largest: float) -> None:
    temperature, scaled = in_range(3.0, np.array([[1.0, -np.inf]]), np.array([[largest, 0.0]]))
    assert temperature == 3.0 / 16.0
    assert [z.tolist() for z in scaled] == [[[1.0 / 16.0, -np.inf]], [[largest / 16.0, 0.0]]]


def test_in_range_takes_a_temperature_that_has_two_halves() -> None:
    temperature, (scaled,) = in_range(2.0**991, np.array([[2.0**991, -np.inf]]))
    assert (temperature, scaled.tolist()) == (2.0**951, [[2.0**951, -np.inf]])
    temperature, (rows,) = in_range(HOT, np.array([[1.0]]))
    assert (temperature, rows.tolist()) == (HOT, [[1.0]])


def test_in_range_accepts_no_rows() -> None:
    temperature, (rows,) = in_range(3.0, np.zeros((0, 4)))
    assert (temperature, rows.shape) == (3.0, (0, 4))


# One distribution.


@pytest.mark.parametrize("temperature", [1e302, 1.7e308])
def test_soften_keeps_its_digits_at_any_temperature(temperature: float) -> None:
    z = np.array([[0.0, -40.0, -3.0]]) * (temperature / 100.0)
    with working_precision():
        expected = truth.softmax(z[0], temperature)
        assert worst_ulps(soften(z, temperature).p[0], expected) <= PROMISED


def test_soften_of_logs_is_their_share() -> None:
    # e^log w is w, so p = w / sum w; at T = 2 the weights are square roots: 1, 2 and 3 of 6.
    softened = soften(np.log([[1.0, 4.0, 9.0]]), 2.0)
    np.testing.assert_allclose(softened.p, [[1 / 6, 2 / 6, 3 / 6]], rtol=1e-15)
    np.testing.assert_allclose(softened.log_p, np.log([[1 / 6, 2 / 6, 3 / 6]]), rtol=1e-15)
    assert softened.top.tolist() == [[2]]
    np.testing.assert_allclose(softened.others, [[1.0]], rtol=1e-15)  # 1/3 + 2/3 of the largest
    np.testing.assert_allclose(softened.exponent, np.log([[1 / 3, 2 / 3, 1.0]]), rtol=1e-15)


@given(z=logits((2, 4)), temperature=temperatures)
@SOME
def test_soften_is_within_the_promised_ulp_in_every_entry(z: Array, temperature: float) -> None:
    softened = soften(z, temperature)
    with working_precision():
        for row, p, log_p in zip(z, softened.p, softened.log_p, strict=True):
            assert worst_ulps(p, truth.softmax(row, temperature)) <= PROMISED
            assert worst_ulps(log_p, truth.log_softmax(row, temperature)) <= PROMISED


@given(z=logits((2, 4)), temperature=temperatures)
@SOME
def test_soften_is_the_same_to_the_last_bit_after_a_shift(z: Array, temperature: float) -> None:
    # On the grid of the drawn logits a shift of 1e8 is exact, so that no digit may change.
    plain, shifted = soften(z, temperature), soften(z + SHIFT, temperature)
    np.testing.assert_array_equal(shifted.p, plain.p)
    np.testing.assert_array_equal(shifted.log_p, plain.log_p)


# The roundings of (z - max z) / T alone cost |u| / 2 ulp of e^u: 250 and more here without the correction.
DEEP_ROWS = [
    [0.1, -530.7, -601.3, -689.9],
    [1e4, 1e4 - 650.0000000001, 1e4 - 123.456789],
    [0.3, -699.1, 0.1],
]


@pytest.mark.parametrize("row", DEEP_ROWS)
@pytest.mark.parametrize("temperature", [1.0, 1.0 / 3.0 + 0.66])
def test_soften_keeps_its_digits_deep_in_the_tails(row: list[float], temperature: float) -> None:
    softened = soften(np.array([row]), temperature)
    with working_precision():
        assert worst_ulps(softened.p[0], truth.softmax(row, temperature)) <= 3.0
        assert worst_ulps(softened.log_p[0], truth.log_softmax(row, temperature)) <= 2.0


def test_soften_gives_a_confident_row_its_tiny_doubt() -> None:
    # log(1 / (1 + e^-50)) is -e^-50 to 1e-22 relative; 1 + e^-50 rounds to 1.
    softened = soften(np.array([[50.0, 0.0]]), 1.0)
    assert softened.log_p[0, 0] == pytest.approx(-np.exp(-50.0), rel=1e-15)
    assert softened.others[0, 0] == pytest.approx(np.exp(-50.0), rel=1e-15)


def test_soften_gives_an_excluded_class_nothing() -> None:
    softened = soften(np.array([[0.0, -np.inf, 0.0]]), 2.0)
    assert softened.p.tolist() == [[0.5, 0.0, 0.5]]
    assert softened.log_p[0, 1] == -np.inf
    assert np.isfinite(softened.correction).all()


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_soften_reaches_the_ends_of_float64(temperature: float) -> None:
    softened = soften(np.array([[1.7e308, -1.7e308], [1.7e308, 1.7e308]]), temperature * 1e308)
    with working_precision():
        p = truth.softmax([1.7e308, -1.7e308], temperature * 1e308)
        assert worst_ulps(softened.p[0], p) <= 3.0
    assert softened.p[1].tolist() == [0.5, 0.5]


# Multiplying by probabilities that would underflow.


def test_times_multiplies_by_the_probabilities() -> None:
    values = np.array([[4.0, -8.0]])
    assert soften(np.zeros((1, 2)), 1.0).times(values).tolist() == [[2.0, -4.0]]


def test_times_is_zero_where_the_probability_is_whatever_the_value() -> None:
    softened = soften(np.array([[0.0, -np.inf, -np.inf, -1e5]]), 1.0)
    assert softened.times(np.array([[1.0, np.inf, np.nan, 1e300]])).tolist() == [
        [1.0, 0.0, 0.0, 0.0]
    ]


@pytest.mark.parametrize("depth", [600.1, 689.9, 690.1, 745.3, 800.123456789, 1000.3, 1399.0])
@pytest.mark.parametrize("value", [1e-5, 3.0, 2e303])
def test_times_keeps_a_product_whose_probability_underflows(depth: float, value: float) -> None:
    # Three logits, so that the normaliser is not 1.
    row = [0.0, -0.5, -depth]
    got = soften(np.array([row]), 1.0).times(np.array([[1.0, 1.0, value]]))
    with working_precision():
        product = truth.softmax(row)[2] * mpfr(value)
        assert ulps(float(got[0, 2]), product) <= 4.0


def test_times_leaves_products_beyond_twice_the_lift_at_zero() -> None:
    assert soften(np.array([[0.0, -1400.1]]), 1.0).times(np.array([[1.0, 1e300]]))[0, 1] == 0.0


# Backpropagation.


def test_backward_is_the_chain_rule() -> None:
    # p = (1/4, 3/4), top is the second class; g = (1, 0): p (g - 1/4) = (3/16, -3/16).
    softened = soften(np.log([[1.0, 3.0]]), 1.0)
    np.testing.assert_allclose(
        softened.backward(np.array([[1.0, 0.0]])), [[3 / 16, -3 / 16]], rtol=1e-15
    )


def test_backward_keeps_the_digits_of_a_nearly_certain_class() -> None:
    # The entry at the top is minus the sum of the others: -(2 e^-40) and not the 0 of 1 - 1.
    softened = soften(np.array([[40.0, 0.0, 0.0]]), 1.0)
    row = softened.backward(np.array([[0.0, 1.0, 1.0]]))[0]
    assert row[0] == -(row[1] + row[2])
    assert row[0] == pytest.approx(-2.0 * np.exp(-40.0), rel=1e-15)


def test_backward_ignores_what_excluded_classes_would_say() -> None:
    softened = soften(np.array([[0.0, 0.0, -np.inf]]), 1.0)
    assert softened.backward(np.array([[0.0, 1.0, np.inf]])).tolist() == [[-0.25, 0.25, 0.0]]


@given(z=logits((2, 4)), g=logits((2, 4)))
@SOME
def test_backward_keeps_its_digits_in_norm(z: Array, g: Array) -> None:
    softened = soften(z, 1.0)
    got = softened.backward(g - pick(g, softened.top))
    with working_precision():
        for row, cotangent, entries in zip(z, g, got, strict=True):
            exact = truth.softmax_vjp(row, cotangent)
            scale = max(abs(entry) for entry in exact)
            for entry, expected in zip(entries, exact, strict=True):
                # The drawn cotangents may nearly cancel in the mean: a few roundings of p g.
                assert abs(entry - expected) <= 10.0 * 2.0**-53 * float(scale) + 1e-300


# Two distributions.


def test_gap_is_the_logarithm_of_the_ratio() -> None:
    # p = (3/4, 1/4), q = (1/2, 1/2): log q/p = (log 2/3, log 2).
    pair = soften_pair(np.log([[3.0, 1.0]]), np.zeros((1, 2)), 1.0)
    np.testing.assert_allclose(pair.gap, [[np.log(2 / 3), np.log(2.0)]], rtol=1e-15)
    np.testing.assert_allclose(pair.p.p, [[0.75, 0.25]], rtol=1e-15)
    assert pair.q.p.tolist() == [[0.5, 0.5]]


def test_swapped_exchanges_the_roles() -> None:
    pair = soften_pair(np.log([[3.0, 1.0]]), np.zeros((1, 2)), 1.0)
    swapped = pair.swapped()
    assert swapped.p is pair.q
    assert swapped.q is pair.p
    np.testing.assert_array_equal(swapped.gap, -pair.gap)
    np.testing.assert_array_equal(swapped.sign(), -pair.sign())


def test_sign_is_that_of_the_difference() -> None:
    # p = (1/2, 1/4, 1/4), q = (1/4, 1/2, 1/4).
    pair = soften_pair(np.log([[2.0, 1.0, 1.0]]), np.log([[1.0, 2.0, 1.0]]), 1.0)
    np.testing.assert_array_equal(pair.sign(), [[-1.0, 1.0, 0.0]])


@given(seed=seeds, n_classes=st.sampled_from([3, 10, 300]), temperature=temperatures)
@SOME
def test_sign_of_a_class_is_zero_where_only_the_others_change_places(
    seed: int, n_classes: int, temperature: float
) -> None:
    rng = np.random.default_rng(seed)
    for row in (3.0 * rng.normal(size=n_classes), rng.choice([-1e300, 1e300], n_classes)):
        moved = np.append(rng.permutation(row[:-1]), row[-1])
        for a, b in ((row, moved), (moved, row)):
            pair = soften_pair(a[np.newaxis], b[np.newaxis], temperature)
            np.testing.assert_array_equal(pair.sign()[0], np.sign(b - a))


def test_what_another_row_moves_makes_no_tie() -> None:
    a = np.array([[0.0, 0.0, -80.0], [5.0, 0.0, 0.0]])
    b = np.array([[0.0, 0.0, -79.0], [0.0, 5.0, 0.0]])
    assert soften_pair(a, b, 1.0).sign().tolist() == [[-1.0, -1.0, 1.0], [-1.0, 1.0, 0.0]]


def test_sign_takes_no_more_for_a_tie_than_rounding_leaves() -> None:
    # The last class is level with itself but for 2^-45, 128 roundings of what moves.
    a = np.array([[2.0, 0.0, 1.0]])
    b = np.array([[0.0, 2.0, 1.0 + 2.0**-45]])
    assert soften_pair(a, b, 1.0).sign().tolist() == [[-1.0, 1.0, 1.0]]
    assert soften_pair(b, a, 1.0).sign().tolist() == [[1.0, -1.0, -1.0]]


def test_sign_sees_what_is_far_smaller_than_a_probability() -> None:
    # The third class grows by (e - 1) e^-80 / 2, which the first two lose.
    a = np.array([[0.0, 0.0, -80.0]])
    pair = soften_pair(a, np.array([[0.0, 0.0, -79.0]]), 1.0)
    np.testing.assert_array_equal(pair.sign(), [[-1.0, -1.0, 1.0]])


@pytest.mark.parametrize("noise", [1e-3, 1e-8, 1e-12])
@pytest.mark.parametrize("shift", [0.0, 3.7, SHIFT])
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_gap_keeps_its_digits_near_agreement(
    noise: float, shift: float, temperature: float
) -> None:
    a = np.array([[0.3, -1.2, 2.5, 0.0]])
    b = a + shift + noise * np.array([[1.0, -2.0, 0.5, 3.0]])
    pair = soften_pair(a, b, temperature)
    with working_precision():
        log_p = truth.log_softmax(a[0], temperature)
        log_q = truth.log_softmax(b[0], temperature)
        exact = [y - x for x, y in zip(log_p, log_q, strict=True)]
        scale = max(abs(d) for d in exact)
        for got, d in zip(pair.gap[0], exact, strict=True):
            assert ulps(float(got), d, scale=scale) <= 4.0


@given(a=logits((2, 4)), b=logits((2, 4)), temperature=temperatures)
@SOME
def test_gap_and_difference_keep_their_digits(a: Array, b: Array, temperature: float) -> None:
    pair = soften_pair(a, b, temperature)
    difference = pair.difference()
    with working_precision():
        for i in range(len(a)):
            log_p, log_q = (truth.log_softmax(z[i], temperature) for z in (a, b))
            exact_gap = [y - x for x, y in zip(log_p, log_q, strict=True)]
            scale = max(abs(d) for d in exact_gap)
            for got, d in zip(pair.gap[i], exact_gap, strict=True):
                assert abs(got - d) <= 4.0 * 2.0**-52 * float(scale)
            p, q = (truth.softmax(z[i], temperature) for z in (a, b))
            exact_difference = [y - x for x, y in zip(p, q, strict=True)]
            largest = max(abs(d) for d in exact_difference)
            for got, d in zip(difference[i], exact_difference, strict=True):
                assert abs(got - d) <= 10.0 * 2.0**-53 * float(largest)


@pytest.mark.parametrize("excluded_by_p", [True, False])
@pytest.mark.parametrize("excluded_by_q", [True, False])
def test_infinite_rows_are_those_in_which_q_excludes_a_class_that_p_does_not(
    excluded_by_p: bool, excluded_by_q: bool
) -> None:
    a = np.array([[0.0, -np.inf if excluded_by_p else 1.0], [0.0, 0.0]])
    b = np.array([[0.0, -np.inf if excluded_by_q else 1.0], [0.0, 0.0]])
    expected = [excluded_by_q and not excluded_by_p, False]
    assert soften_pair(a, b, 1.0).infinite_rows().tolist() == expected


def test_gap_is_infinite_where_one_side_excludes_a_class_and_zero_where_both_do() -> None:
    a = np.array([[0.0, -np.inf, 0.0, -np.inf]])
    b = np.array([[0.0, 0.0, -np.inf, -np.inf]])
    pair = soften_pair(a, b, 1.0)
    assert pair.gap[0, 1:3].tolist() == [np.inf, -np.inf]
    assert pair.gap[0, 0] == 0.0
    assert pair.difference().tolist() == [[0.0, 0.5, -0.5, 0.0]]


def test_gap_of_a_class_that_both_exclude_is_zero_whatever_the_others_do() -> None:
    a, b = np.array([[0.0, 1.0, 3.0, -np.inf]]), np.array([[1.0, 0.0, 0.0, -np.inf]])
    pair = soften_pair(a, b, 1.0)
    assert (pair.gap[0, 3], pair.sign()[0, 3]) == (0.0, 0.0)


def test_gap_is_finite_where_only_twice_the_gap_overflows() -> None:
    pair = soften_pair(np.array([[0.0, 1e308]]), np.array([[1e308, 0.0]]), 1.0)
    assert pair.gap.tolist() == [[1e308, -1e308]]


def test_pair_without_a_common_class_differs_by_everything() -> None:
    pair = soften_pair(np.array([[0.0, -np.inf]]), np.array([[-np.inf, 0.0]]), 1.0)
    assert pair.difference().tolist() == [[-1.0, 1.0]]
    assert pair.infinite_rows().tolist() == [True]


@pytest.mark.parametrize(("size", "temperature"), [(1.7e308, 1.0), (1e209, 1e-100)])
def test_pair_whose_gap_overflows_differs_by_everything_too(
    size: float, temperature: float
) -> None:
    a, b = np.array([[size, -size, -size]]), np.array([[-size, size, -size]])
    pair = soften_pair(a, b, temperature)
    assert pair.gap.tolist() == [[-np.inf, np.inf, 0.0]]
    assert pair.difference().tolist() == [[-1.0, 1.0, 0.0]]
    assert pair.infinite_rows().tolist() == [True]


@pytest.mark.parametrize(("student", "infinite"), [([0.0, 0.0], True), ([1.0, 0.0], False)])
def test_a_gap_that_overflows_is_infinite_only_where_there_is_mass(
    student: list[float], infinite: bool
) -> None:
    # q's log-probability of class 1 is -1e309; p gives it one half, or e^-1e19 that no float64 tells from 0.
    pair = soften_pair(np.array([student]), np.array([[0.0, -1e290]]), 1e-19)
    assert pair.infinite_rows().tolist() == [infinite]


@SOME
@given(data=st.data(), temperature=st.floats(1e-3, 1e6))
def test_pair_of_any_logits_is_free_of_nan(data: st.DataObject, temperature: float) -> None:
    a, b = data.draw(extreme_logits((2, 3))), data.draw(extreme_logits((2, 3)))
    pair = soften_pair(a, b, temperature)
    assert not np.isnan(pair.gap).any()
    assert (abs(pair.difference()) <= 1.0).all()


def test_gap_from_the_top_keeps_its_digits_where_both_gaps_are_large() -> None:
    # q's two classes have gaps of 6667 that differ by 0.47 / 3; the third class is p's.
    p_logits, q_logits = np.array([[-1e4, -1e4 + 0.37, 1e4]]), np.array([[1e4, 1e4 - 0.1, -1e4]])
    pair = soften_pair(p_logits, q_logits, 3.0)
    first, second, third = pair.gap_from_top()[0].tolist()
    steps = (q_logits[0, 1] - q_logits[0, 0]) - (p_logits[0, 1] - p_logits[0, 0])  # exact
    assert first == 0.0
    assert second == pytest.approx(steps / 3.0, rel=1e-15)
    assert third == pytest.approx(-4e4 / 3.0, rel=1e-15)
    assert abs((pair.gap[0, 1] - pair.gap[0, 0]) / second - 1.0) > 1e-13
    swapped = pair.swapped()
    assert swapped.gap_from_top()[0].tolist() == pytest.approx([-4e4 / 3, -4e4 / 3 - second, 0.0])


def test_gap_from_a_top_that_p_excludes_is_infinite() -> None:
    pair = soften_pair(np.array([[-np.inf, 0.0]]), np.array([[1.0, 0.0]]), 1.0)
    assert pair.gap_from_top()[0, 1] == -np.inf
