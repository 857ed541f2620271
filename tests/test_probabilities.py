"""Softmax and its kin: examples by hand and laws; bad input is in `test_bad_input`."""

import math

import numpy as np
import pytest
from hypothesis import given

from kdref import log_softmax, logsumexp, one_hot, softmax, softmax_jacobian, softmax_vjp
from tests.strategies import SOME, Array, logits, temperatures

ROUNDING = 1e-14


# logsumexp


def test_logsumexp_of_logarithms_is_the_logarithm_of_their_sum() -> None:
    # log(1 + 2 + 5) = log 8; log(4 + 4) = log 8 as well.
    assert logsumexp(np.log([1.0, 2.0, 5.0])) == pytest.approx(math.log(8.0), rel=1e-15)
    np.testing.assert_allclose(logsumexp(np.log([[4.0, 4.0], [1.0, 1.0]])), np.log([8.0, 2.0]))


def test_logsumexp_of_one_class_is_its_logit() -> None:
    assert logsumexp([-3.25]) == -3.25


def test_logsumexp_keeps_a_rest_that_one_plus_it_would_lose() -> None:
    # log(e^0 + e^-45) = e^-45 to twenty digits; 1 + e^-45 is 1 in float64.
    assert logsumexp([0.0, -45.0]) == pytest.approx(math.exp(-45.0), rel=1e-14)


def test_logsumexp_ignores_excluded_classes() -> None:
    assert logsumexp([1.5, -np.inf, -np.inf]) == 1.5


@SOME
@given(z=logits((2, 4)))
def test_logsumexp_moves_with_a_shift(z: Array) -> None:
    np.testing.assert_allclose(logsumexp(z + 1000.0), np.add(logsumexp(z), 1000.0), rtol=1e-15)


@SOME
@given(z=logits((2, 4)))
def test_logsumexp_lies_between_the_maximum_and_log_c_above_it(z: Array) -> None:
    result = np.asarray(logsumexp(z))
    assert (result >= z.max(axis=-1)).all()
    assert (result <= z.max(axis=-1) + math.log(4.0) + ROUNDING).all()


# softmax and log_softmax


def test_softmax_of_logarithms_is_their_share() -> None:
    # e^log 1 : e^log 3 = 1 : 3.
    np.testing.assert_allclose(softmax(np.log([1.0, 3.0])), [0.25, 0.75], rtol=1e-15)


def test_softmax_at_temperature_two_takes_square_roots() -> None:
    # e^(log 4 / 2) : e^(log 36 / 2) = 2 : 6.
    np.testing.assert_allclose(softmax(np.log([4.0, 36.0]), 2.0), [0.25, 0.75], rtol=1e-15)
    np.testing.assert_allclose(
        log_softmax(np.log([4.0, 36.0]), 2.0), np.log([0.25, 0.75]), rtol=1e-15
    )


def test_temperature_is_one_unless_given_and_may_be_named() -> None:
    z = [0.3, -1.7, 2.0]
    for function in (softmax, log_softmax, softmax_jacobian):
        np.testing.assert_array_equal(function(z), function(z, temperature=1.0))
        assert (function(z) != function(z, 2.0)).all()
    np.testing.assert_array_equal(softmax_vjp(z, z), softmax_vjp(z, z, temperature=1.0))


@SOME
@given(z=logits((2, 4)), temperature=temperatures)
def test_softmax_rows_sum_to_one(z: Array, temperature: float) -> None:
    np.testing.assert_allclose(softmax(z, temperature).sum(axis=-1), 1.0, rtol=1e-15)


@SOME
@given(z=logits((2, 4)), temperature=temperatures)
def test_log_softmax_is_the_logarithm_of_softmax(z: Array, temperature: float) -> None:
    np.testing.assert_allclose(
        log_softmax(z, temperature), np.log(softmax(z, temperature)), rtol=ROUNDING, atol=1e-15
    )
    assert (log_softmax(z, temperature) <= 0.0).all()


@SOME
@given(z=logits((2, 4)))
def test_log_softmax_is_the_logits_minus_logsumexp(z: Array) -> None:
    expected = z - np.asarray(logsumexp(z))[:, np.newaxis]
    np.testing.assert_allclose(log_softmax(z), expected, rtol=ROUNDING, atol=ROUNDING)


@SOME
@given(z=logits((2, 4)), temperature=temperatures)
def test_softmax_keeps_the_order_of_the_logits(z: Array, temperature: float) -> None:
    p = softmax(z, temperature)
    ordered = np.take_along_axis(p, np.argsort(z, axis=-1), axis=-1)
    assert (np.diff(ordered, axis=-1) >= 0.0).all()


def test_softmax_becomes_uniform_as_the_temperature_grows_and_one_hot_as_it_falls() -> None:
    z = [2.0, -1.0, 0.5]
    np.testing.assert_allclose(softmax(z, 1e12), 1.0 / 3.0, rtol=1e-11)
    assert softmax(z, 1e-3).tolist() == [1.0, 0.0, 0.0]


# softmax_jacobian and softmax_vjp


def test_softmax_jacobian_by_hand() -> None:
    # p = (1/4, 3/4): p_i (delta_ij - p_j) is 3/16 on the diagonal and -3/16 beside it; T = 2 halves it.
    z = 2.0 * np.log([1.0, 3.0])
    np.testing.assert_allclose(
        softmax_jacobian(z, 2.0), [[3 / 32, -3 / 32], [-3 / 32, 3 / 32]], rtol=1e-15
    )


def test_softmax_jacobian_of_three_classes_by_hand() -> None:
    # p = (1/2, 1/4, 1/4): 1/2 * 1/2, 1/4 * 3/4 on the diagonal; -1/8 and -1/16 beside it.
    expected = np.array([[4.0, -2.0, -2.0], [-2.0, 3.0, -1.0], [-2.0, -1.0, 3.0]]) / 16.0
    np.testing.assert_allclose(softmax_jacobian(np.log([2.0, 1.0, 1.0])), expected, rtol=1e-15)


@SOME
@given(z=logits((2, 4)), temperature=temperatures)
def test_softmax_jacobian_is_symmetric_and_its_rows_sum_to_zero(
    z: Array, temperature: float
) -> None:
    jacobian = softmax_jacobian(z, temperature)
    np.testing.assert_array_equal(jacobian, jacobian.swapaxes(-1, -2))
    assert (abs(jacobian.sum(axis=-1)) <= 1e-15 * abs(jacobian).sum(axis=-1)).all()


def test_softmax_jacobian_keeps_its_digits_for_a_nearly_certain_class() -> None:
    # p (1 - p) = e^-40 / (1 + e^-40)^2, where 1 - p as rounded is 0.
    jacobian = softmax_jacobian([40.0, 0.0])
    np.testing.assert_allclose(
        jacobian, np.exp(-40.0) * np.array([[1.0, -1.0], [-1.0, 1.0]]), rtol=1e-15
    )


def test_softmax_vjp_by_hand() -> None:
    # p = (1/4, 3/4), g = (2, 4): the mean is 7/2; p (g - 7/2) = (-3/8, 3/8); T = 3 takes a third.
    z = 3.0 * np.log([1.0, 3.0])
    np.testing.assert_allclose(softmax_vjp(z, [2.0, 4.0], 3.0), [-0.125, 0.125], rtol=1e-14)


@SOME
@given(z=logits((2, 4)), g=logits((2, 4)), temperature=temperatures)
def test_softmax_vjp_ignores_a_constant_in_the_cotangent(
    z: Array, g: Array, temperature: float
) -> None:
    np.testing.assert_array_equal(
        softmax_vjp(z, g + 64.0, temperature), softmax_vjp(z, g, temperature)
    )


@SOME
@given(z=logits((2, 4)), g=logits((2, 4)), temperature=temperatures)
def test_softmax_vjp_rows_sum_to_zero(z: Array, g: Array, temperature: float) -> None:
    rows = softmax_vjp(z, g, temperature)
    assert (abs(rows.sum(axis=-1)) <= 1e-14 * abs(rows).sum(axis=-1)).all()


def test_softmax_vjp_accepts_cotangents_up_to_its_limit() -> None:
    np.testing.assert_allclose(softmax_vjp([0.0, 0.0], [1e300, -1e300]), [5e299, -5e299])


# one_hot


def test_one_hot_puts_a_one_at_each_label() -> None:
    expected = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    assert one_hot([2, 0], 3).tolist() == expected
    assert one_hot(np.array([[2, 0]]), 3).tolist() == [expected]
    assert one_hot(1, 3).tolist() == [0.0, 1.0, 0.0]
    assert one_hot(0, 1).tolist() == [1.0]


def test_one_hot_is_the_limit_of_softmax() -> None:
    assert softmax(1000.0 * one_hot([1, 2], 3)).tolist() == one_hot([1, 2], 3).tolist()
