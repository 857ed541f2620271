"""Losses on features by hand, at the ends of their parameters, and at the edges of their inputs."""

import inspect
import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdref import (
    LOSSES,
    attention_transfer_loss,
    attention_transfer_loss_grad,
    cosine_feature_loss,
    cosine_feature_loss_grad,
    flow_loss,
    flow_loss_grad,
    hint_loss,
    hint_loss_grad,
    logit_cosine_loss,
    logit_mse_loss,
    neuron_selectivity_loss,
    neuron_selectivity_loss_grad,
    variational_information_loss,
    variational_information_loss_grad,
)
from tests.strategies import SOME, normal_call, seeds

RNG = np.random.default_rng(61)
F, G = RNG.normal(size=(2, 3, 4))
MAPS, OTHERS = RNG.normal(size=(2, 3, 4, 2, 2))
FAR = {"student_later": OTHERS[:, :2], "teacher_later": MAPS[:, :2]}


def channels(*rows: list[float]) -> Any:
    """One example whose channels lie along a line."""
    return np.array([[[row] for row in rows]])


# ------------------------------------------------------------------------------------ by hand


def test_hint_by_hand() -> None:
    # Squared distances 1 + 4 = 5 and 9 + 16 = 25: half of their mean.
    student, teacher = [[1.0, 2.0], [0.0, 0.0]], [[0.0, 0.0], [3.0, 4.0]]
    assert hint_loss(student, teacher) == 7.5
    # The differences over N = 2.
    np.testing.assert_array_equal(hint_loss_grad(student, teacher), [[0.5, 1.0], [-1.5, -2.0]])


def test_cosine_feature_by_hand() -> None:
    # (1, 1) and (2, 0) are at 45 degrees.
    assert cosine_feature_loss([[1.0, 1.0]], [[2.0, 0.0]]) == pytest.approx(1 - math.sqrt(0.5))
    # Of (1, 0) the part across (1, 1) is (1/2, -1/2); minus that, over the length sqrt(2).
    grad = cosine_feature_loss_grad([[1.0, 1.0]], [[2.0, 0.0]])
    half = math.sqrt(0.5) / 2.0
    np.testing.assert_allclose(grad, [[-half, half]], rtol=1e-15)


def test_attention_transfer_of_power_one_by_hand() -> None:
    # A = (1 + 2, 2 + 2) = (3, 4), Q = (0.6, 0.8) against (0.8, 0.6): (0.04 + 0.04) / 2 places.
    student, teacher = channels([1.0, -2.0], [2.0, 2.0]), channels([4.0, 3.0])
    loss = attention_transfer_loss(student, teacher, power=1.0)
    assert loss == pytest.approx(0.04, rel=1e-14)
    # Q_f.Q_g = 0.96 leaves (0.8, 0.6) - 0.96 (0.6, 0.8) = (0.224, -0.168); times -2 / 2 / 5, then the signs.
    grad = attention_transfer_loss_grad(student, teacher, power=1.0)
    expected = channels([-0.0448, -0.0336], [-0.0448, 0.0336])
    np.testing.assert_allclose(grad, expected, rtol=1e-13)


def test_neuron_selectivity_by_hand() -> None:
    # Channels along the axes: I/2.  One along (3, 4): ((.36, .48), (.48, .64)).  D = ((.14, -.48), (-.48, -.14)).
    student, teacher = channels([1.0, 0.0], [0.0, 2.0]), channels([3.0, 4.0])
    loss = neuron_selectivity_loss(student, teacher)
    assert loss == pytest.approx(2 * 0.14**2 + 2 * 0.48**2, rel=1e-15)
    # 4/2 D f: (.28, -.96) and (-.96, -.28), of which the part across, over the lengths 1 and 2.
    grad = neuron_selectivity_loss_grad(student, teacher)
    np.testing.assert_allclose(grad, channels([0.0, -0.96], [-0.48, 0.0]), atol=1e-15)


def test_flow_by_hand() -> None:
    # G_f = (1 + 2, 3 + 0) / 2 = (1.5, 1.5); the teacher has one place: G_g = (2, 0).
    student, later = channels([1.0, 2.0]), channels([1.0, 1.0], [3.0, 0.0])
    teacher, after = channels([2.0]), channels([1.0], [0.0])
    layers = {"student_later": later, "teacher_later": after}
    # (-0.5, 1.5): the mean of 0.25 and 2.25.
    assert flow_loss(student, teacher, **layers) == 1.25
    # 2 / (2 * 2) of -0.5 (1, 1) + 1.5 (3, 0).
    grad = flow_loss_grad(student, teacher, **layers)
    np.testing.assert_array_equal(grad, channels([2.0, -0.25]))


def test_variational_information_by_hand() -> None:
    # 1/2 (1 / 0.5 + log 0.5) and 1/2 (4 / 2 + log 2): the logarithms cancel, the mean of 1 and 1.
    arguments = ([[0.0, 2.0]], [[1.0, 0.0]])
    assert variational_information_loss(*arguments, variance=[0.5, 2.0]) == pytest.approx(1.0)
    # (-1 / 0.5, 2 / 2) over D = 2.
    grad = variational_information_loss_grad(*arguments, variance=[0.5, 2.0])
    np.testing.assert_array_equal(grad, [[-1.0, 0.5]])


# --------------------------------------------------------------------------------------- laws


def test_hint_is_half_d_times_the_mean_squared_error() -> None:
    assert hint_loss(F, G) == pytest.approx(4 / 2 * logit_mse_loss(F, G), rel=1e-15)


def test_cosine_feature_is_the_cosine_of_logits() -> None:
    assert cosine_feature_loss(F, G) == logit_cosine_loss(F, G)


def test_maps_count_as_vectors_for_losses_that_take_both() -> None:
    flat, others = MAPS.reshape(3, 16), OTHERS.reshape(3, 16)
    for name in ("hint", "cosine_feature", "variational_information"):
        entry = LOSSES[name]
        assert entry.value(MAPS, OTHERS, **entry.parameters) == entry.value(
            flat, others, **entry.parameters
        )
        np.testing.assert_array_equal(
            entry.grad(MAPS, OTHERS, **entry.parameters).reshape(3, 16),
            entry.grad(flat, others, **entry.parameters),
        )


def test_variational_information_at_variance_one_is_the_hint_over_d() -> None:
    loss = variational_information_loss(F, G, variance=1.0)
    assert loss == pytest.approx(hint_loss(F, G) / 4, rel=1e-15)
    np.testing.assert_array_equal(
        variational_information_loss_grad(F, G, variance=1.0), hint_loss_grad(F, G) / 4
    )


def test_variational_information_is_least_where_the_variance_is_the_squared_error() -> None:
    best = (F - G) ** 2
    loss = variational_information_loss(F, G, variance=best)
    assert loss == pytest.approx((1 + np.log(best).mean()) / 2, rel=1e-13)
    for factor in (0.9, 1.1):
        assert variational_information_loss(F, G, variance=factor * best) > loss


def test_variance_broadcasts_one_for_each_channel() -> None:
    v = np.array([0.5, 1.0, 2.0, 4.0]).reshape(4, 1, 1)
    full = np.broadcast_to(v, MAPS.shape)
    assert variational_information_loss(MAPS, OTHERS, variance=v) == variational_information_loss(
        MAPS, OTHERS, variance=full
    )


def test_variance_of_a_row_goes_with_the_row() -> None:
    v = np.array([[0.5], [1.0], [2.0]])
    loss = variational_information_loss(F, G, variance=v, weights=[0.0, 0.0, 1.0])
    assert loss == variational_information_loss(F[2:], G[2:], variance=2.0)


@SOME
@given(seed=seeds, power=st.floats(1.0, 6.0))
def test_attention_transfer_ignores_the_scale_of_an_example(seed: int, power: float) -> None:
    f, g = np.random.default_rng(seed).normal(size=(2, 2, 3, 2, 2))
    scales = np.array([8.0, 0.25]).reshape(2, 1, 1, 1)
    value = attention_transfer_loss(f, g, power=power)
    assert attention_transfer_loss(scales * f, g / scales, power=power) == value
    np.testing.assert_array_equal(
        attention_transfer_loss_grad(scales * f, g, power=power) * scales,
        attention_transfer_loss_grad(f, g, power=power),
    )


def test_attention_transfer_of_a_high_power_sees_the_largest_place_alone() -> None:
    student, teacher = channels([1.0, 0.75, 0.5]), channels([0.5, 1.0, 0.75])
    assert attention_transfer_loss(student, teacher, power=1000.0) == pytest.approx(2 / 3)
    assert attention_transfer_loss(student, 3.0 * student, power=1000.0) == pytest.approx(
        0.0, abs=1e-12
    )


@SOME
@given(seed=seeds)
def test_neuron_selectivity_has_two_forms(seed: int) -> None:
    rng = np.random.default_rng(seed)
    f, g = rng.normal(size=(3, 5)), rng.normal(size=(2, 5))
    x, y = (m / np.linalg.norm(m, axis=1, keepdims=True) for m in (f, g))
    kernels = ((x @ x.T) ** 2).mean() + ((y @ y.T) ** 2).mean() - 2 * ((x @ y.T) ** 2).mean()
    loss = neuron_selectivity_loss(channels(*f.tolist()), channels(*g.tolist()))
    assert loss == pytest.approx(kernels, rel=1e-12)


def test_neuron_selectivity_ignores_signs_scales_and_order_of_channels() -> None:
    changed = (MAPS * np.array([2.0, -1.0, 0.5, -4.0]).reshape(4, 1, 1))[:, ::-1]
    # Sums in another order round differently.
    assert neuron_selectivity_loss(changed, MAPS) == pytest.approx(0.0, abs=1e-31)
    assert neuron_selectivity_loss(changed, OTHERS) == pytest.approx(
        neuron_selectivity_loss(MAPS, OTHERS), rel=1e-14
    )


def test_flow_is_symmetric_in_the_two_layers() -> None:
    exchanged = flow_loss(
        FAR["student_later"],
        FAR["teacher_later"],
        student_later=MAPS,
        teacher_later=OTHERS,
    )
    assert exchanged == pytest.approx(flow_loss(MAPS, OTHERS, **FAR), rel=1e-14)


def test_flow_is_quadratic_in_a_scale_of_all_layers() -> None:
    doubled = {name: 2.0 * array for name, array in FAR.items()}
    assert flow_loss(2.0 * MAPS, 2.0 * OTHERS, **doubled) == 16.0 * flow_loss(MAPS, OTHERS, **FAR)


# ---------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize("exponent", [500, -500, 900, -900])
@pytest.mark.parametrize("name", ["cosine_feature", "attention_transfer", "neuron_selectivity"])
def test_extreme_features_change_nothing_that_ignores_scale(name: str, exponent: int) -> None:
    entry = LOSSES[name]
    call = normal_call(entry, np.random.default_rng(8))
    first = entry.inputs[0]
    scaled = call.with_inputs(**{first: np.ldexp(call.student, exponent)})
    assert scaled.value() == call.value()
    np.testing.assert_array_equal(np.ldexp(scaled.grad(), exponent), call.grad())
    teacher = np.ldexp(call.inputs["teacher_features"], exponent)
    assert call.with_inputs(teacher_features=teacher).value() == call.value()


def test_squares_beyond_float64_are_infinite_with_a_finite_gradient() -> None:
    assert hint_loss([[1e200]], [[0.0]]) == math.inf
    assert hint_loss_grad([[1e200]], [[0.0]]) == 1e200
    assert variational_information_loss([[1e200]], [[0.0]], variance=1.0) == math.inf
    assert variational_information_loss_grad([[1e200]], [[0.0]], variance=1.0) == 1e200
    layers = {"student_later": channels([1.0]), "teacher_later": channels([1.0])}
    assert flow_loss(channels([1e200]), channels([1.0]), **layers) == math.inf
    assert flow_loss_grad(channels([1e200]), channels([1.0]), **layers) == 2e200


def test_flow_beyond_float64_is_refused() -> None:
    big, one = channels([1e200]), channels([1.0])
    with pytest.raises(ValueError, match=r"^the student's flow must be finite, got inf at index"):
        flow_loss(big, one, student_later=big, teacher_later=one)
    with pytest.raises(ValueError, match=r"^the teacher's flow must be finite, got inf at index"):
        flow_loss_grad(one, big, student_later=one, teacher_later=big)


# ------------------------------------------------------------------------------ degenerate inputs


@pytest.mark.parametrize("name", ["hint", "cosine_feature", "attention_transfer", "flow"])
def test_one_example_counts_by_itself(name: str) -> None:
    call = normal_call(LOSSES[name], np.random.default_rng(9), (3, 4))
    first = call.map_inputs(lambda _, array: array[:1])
    assert first.value() == pytest.approx(call.value(weights=[1, 0, 0]), rel=1e-15)


def test_one_channel_of_attention_is_its_own_power() -> None:
    student, teacher = channels([3.0, -4.0]), channels([5.0, 0.0])
    # Power 1: (0.6, 0.8) against (1, 0).
    loss = attention_transfer_loss(student, teacher, power=1.0)
    assert loss == pytest.approx((0.16 + 0.64) / 2.0, rel=1e-14)


def test_one_place_has_one_attention_and_one_direction() -> None:
    student, teacher = channels([3.0], [-4.0]), channels([5.0])
    assert attention_transfer_loss(student, teacher) == 0.0
    assert neuron_selectivity_loss(student, teacher) == 0.0
    np.testing.assert_array_equal(attention_transfer_loss_grad(student, teacher), 0.0 * student)
    np.testing.assert_array_equal(neuron_selectivity_loss_grad(student, teacher), 0.0 * student)


@pytest.mark.parametrize("length", [1.0, 1e-150, 1e150])
def test_opposite_vectors_cost_two_and_pull_nowhere(length: float) -> None:
    assert cosine_feature_loss([[3.0 * length, 4.0 * length]], [[-3.0, -4.0]]) == 2.0
    grad = cosine_feature_loss_grad([[3.0 * length, 4.0 * length]], [[-3.0, -4.0]])
    np.testing.assert_allclose(grad * length, [[0.0, 0.0]], atol=1e-16)


def test_losses_without_a_direction_accept_zero_vectors() -> None:
    zeros = np.zeros_like(MAPS)
    assert hint_loss(zeros, zeros) == 0.0
    assert variational_information_loss(zeros, zeros, variance=1.0) == 0.0
    assert flow_loss(zeros, zeros, student_later=zeros, teacher_later=zeros) == 0.0


@pytest.mark.parametrize("side", ["student_features", "teacher_features"])
@pytest.mark.parametrize("name", ["cosine_feature", "attention_transfer"])
def test_zero_example_is_refused_by_its_row(name: str, side: str) -> None:
    entry = LOSSES[name]
    call = normal_call(entry, np.random.default_rng(2))
    array = call.inputs[side].copy()
    array[1] = 0.0
    call = call.with_inputs(**{side: array})
    for twin in (call.value, call.grad):
        message = f"^{side} must not hold a zero vector, got one in row 1$"
        with pytest.raises(ValueError, match=message):
            twin()
        assert np.isfinite(twin(weights=[1.0, 0.0, 1.0])).all()


@pytest.mark.parametrize("side", ["student_features", "teacher_features"])
@pytest.mark.parametrize("twin", [neuron_selectivity_loss, neuron_selectivity_loss_grad])
def test_zero_channel_is_refused_by_its_row_and_channel(twin: Any, side: str) -> None:
    inputs = {"student_features": MAPS.copy(), "teacher_features": OTHERS.copy()}
    inputs[side][2, 1] = 0.0
    message = f"^{side} must not hold a zero channel, got one at index {re.escape('(2, 1)')}$"
    with pytest.raises(ValueError, match=message):
        twin(**inputs, weights=[0.0, 1.0, 1.0])
    assert np.isfinite(twin(**inputs, weights=[1.0, 1.0, 0.0])).all()


@pytest.mark.parametrize("name", ["attention_transfer", "neuron_selectivity"])
def test_number_of_channels_may_differ(name: str) -> None:
    entry = LOSSES[name]
    # The same channel twice is the same attention and the same mean.
    twice = np.concatenate([OTHERS, OTHERS], axis=1)
    once = entry.value(MAPS, OTHERS, **entry.parameters)
    assert entry.value(MAPS, twice, **entry.parameters) == pytest.approx(once, rel=1e-14)
    assert entry.grad(twice, MAPS, **entry.parameters).shape == twice.shape


# ------------------------------------------------------------------------------- weights and errors


@pytest.mark.parametrize(
    "name", [entry.name for entry in LOSSES.values() if entry.family == "features"]
)
def test_row_without_weight_may_hold_nan(name: str) -> None:
    call = normal_call(LOSSES[name], np.random.default_rng(12))

    def spoiled(_: str, array: Any) -> Any:
        copy = array.copy()
        copy[1] = np.nan
        return copy

    padded = call.map_inputs(spoiled)
    weights = np.array([0.5, 0.0, 2.0])
    assert padded.value(weights=weights) == call.value(weights=weights)
    grad = padded.grad(weights=weights)
    np.testing.assert_array_equal(grad, call.grad(weights=weights))
    assert not grad[1].any()


BAD: list[tuple[str, dict[str, Any], str]] = [
    (
        "hint",
        {"student_features": F[0]},
        "student_features must have shape (N, D) or (N, C, H, W) and no empty axis, got (4,)",
    ),
    (
        "hint",
        {"teacher_features": F[:, :3]},
        "student_features and teacher_features must have the same shape, got (3, 4) and (3, 3)",
    ),
    (
        "attention_transfer",
        {"student_features": F},
        "student_features must have shape (N, C, H, W) and no empty axis, got (3, 4)",
    ),
    (
        "attention_transfer",
        {"student_features": MAPS[:, :0]},
        "student_features must have shape (N, C, H, W) and no empty axis, got (3, 0, 2, 2)",
    ),
    (
        "attention_transfer",
        {"student_features": MAPS[:, :, :1]},
        "student_features and teacher_features must have the same height and width, "
        "got (3, 4, 1, 2) and (3, 4, 2, 2)",
    ),
    (
        "neuron_selectivity",
        {"student_features": MAPS[:2]},
        "student_features and teacher_features must have the same number of rows, "
        "got (2, 4, 2, 2) and (3, 4, 2, 2)",
    ),
    ("attention_transfer", {"power": 0.5}, "power must lie in [1, 1000], got 0.5"),
    ("attention_transfer", {"power": 1001.0}, "power must lie in [1, 1000], got 1001.0"),
    ("attention_transfer", {"power": -1.0}, "power must be finite and > 0, got -1.0"),
    (
        "flow",
        {"student_later": OTHERS[:2]},
        "student_features and student_later must have the same shape but for the channels, "
        "got (3, 4, 2, 2) and (2, 4, 2, 2)",
    ),
    (
        "flow",
        {"teacher_later": OTHERS[:, :, :1]},
        "teacher_features and teacher_later must have the same shape but for the channels, "
        "got (3, 4, 2, 2) and (3, 4, 1, 2)",
    ),
    (
        "flow",
        {"student_later": OTHERS[:, :3]},
        "the student's flow and the teacher's flow must have the same shape, "
        "got (3, 4, 3) and (3, 4, 4)",
    ),
    ("variational_information", {"variance": 0.0}, "variance must be > 0, got 0.0"),
    ("variational_information", {"variance": math.inf}, "variance must be finite, got inf"),
    (
        "variational_information",
        {"variance": [1.0, 2.0]},
        "variance must broadcast to the features' shape (3, 4), got (2,)",
    ),
    (
        "variational_information",
        {"student_mean": F[0]},
        "student_mean must have shape (N, D) or (N, C, H, W) and no empty axis, got (4,)",
    ),
]


@pytest.mark.parametrize(("name", "change", "message"), BAD)
def test_unusable_argument_is_refused(name: str, change: dict[str, Any], message: str) -> None:
    entry = LOSSES[name]
    call = normal_call(entry, np.random.default_rng(0))
    arguments = {**call.inputs, **call.parameters, **change}
    for twin in (entry.value, entry.grad):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            twin(**arguments)


@pytest.mark.parametrize(
    "name", [name for name, e in LOSSES.items() if e.family in ("features", "relations")]
)
def test_array_at_fault_is_named_by_its_argument(name: str) -> None:
    call = normal_call(LOSSES[name], np.random.default_rng(3))
    for key, array in (*call.inputs.items(),):
        words, not_finite = array.astype(str), array.copy()
        not_finite.flat[-1] = np.nan
        for wrong, error, message in (
            (words, TypeError, f"{key} must hold real numbers of at most 64 bits, got dtype"),
            (not_finite, ValueError, f"{key} must be finite, got nan at index"),
            (array[0, 0, ...] if array.ndim == 4 else array[0, 0], ValueError, f"{key} must have"),
        ):
            changed = replace(call, inputs={**call.inputs, key: wrong})
            for function in (changed.value, changed.grad):
                with pytest.raises(error, match=f"^{re.escape(message)}"):
                    function()


@pytest.mark.parametrize(
    "name",
    [n for n, e in LOSSES.items() if e.family in ("features", "relations") and e.parameters],
)
def test_parameter_left_out_has_the_default_of_its_signature(name: str) -> None:
    call = normal_call(LOSSES[name], np.random.default_rng(3))
    takes = inspect.signature(call.entry.value).parameters
    defaults = {key: takes[key].default for key in call.parameters}
    needed = {k: call.parameters[k] for k, d in defaults.items() if d is inspect.Parameter.empty}
    bare = replace(call, parameters=needed)
    full = replace(call, parameters={**defaults, **needed})
    assert bare.value() == full.value()
    np.testing.assert_array_equal(bare.grad(), full.grad())


@pytest.mark.parametrize(
    "name", [name for name, e in LOSSES.items() if e.family in ("features", "relations")]
)
@pytest.mark.parametrize("size", [5e-324, 1.7e308])
def test_features_at_the_ends_of_float64_bring_numbers_or_infinities_and_no_warning(
    name: str, size: float
) -> None:
    call = normal_call(LOSSES[name], np.random.default_rng(5))
    student = np.sign(call.student) * np.where(abs(call.student) > 1.0, 1.0, 0.75) * size
    changed = call.with_inputs(**{call.entry.inputs[0]: student})
    if name == "flow" and size > 1.0:
        with pytest.raises(ValueError, match=r"^the student's flow must be finite, got -?inf"):
            changed.value()
        return
    assert not math.isnan(changed.value())
    assert not np.isnan(changed.grad()).any()


def test_gradients_beyond_float64_are_infinite() -> None:
    far, one = channels([1e100]), channels([1.0])
    assert hint_loss_grad([[1.7e308]], [[-1.7e308]]) == math.inf
    layers = {"student_later": channels([1e200]), "teacher_later": one}
    assert flow_loss_grad(far, one, **layers) == math.inf
    both = channels([1e200, -1e200])
    with pytest.raises(ValueError, match=r"^the student's flow must be finite, got -?(nan|inf)"):
        flow_loss(both, both, student_later=channels([1e200, 1e200]), teacher_later=both)


def test_attention_does_not_move_an_activation_of_zero() -> None:
    student, teacher = channels([0.0, 1.0], [2.0, 1.0]), channels([1.0, 3.0])
    grad = attention_transfer_loss_grad(student, teacher)
    assert grad[0, 0, 0, 0] == 0.0
    assert np.isfinite(grad).all()
