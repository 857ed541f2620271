"""Laws over the whole registry, so that a loss is tested by being added, and laws between functions.

Each law is held against random inputs; which losses it is asked of, the registry says.
"""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import kdref
from kdref import LOSSES, LossEntry, check_gradient
from tests.strategies import (
    COSTLY,
    FEW,
    SOME,
    Array,
    Call,
    calls,
    claiming,
    fractions,
    frozen_value,
    logits,
    normal_call,
    probability_rows,
    seeds,
    separable,
    temperatures,
    weights_for,
)

SUMMATION = 1e-12
"""Relative: the same terms, added in another order or multiplied by other weights."""

SUBNORMAL = 1e-320
"""Absolute: below 1e-308 numbers lie 5e-324 apart, and a tiny beta takes gradients there."""

RICHARDSON = 1e-8
"""Error in norm of an extrapolated numerical gradient of an ordinary input; measured below 2e-10."""

STEPS = {
    **dict.fromkeys(("dist", "relational_angle", "relational_distance"), 0.01),
    "standardised_kl": 0.02,
    **dict.fromkeys(("logit_cosine", "cosine_feature", "neuron_selectivity"), 0.02),
    **dict.fromkeys(
        ("similarity_preserving", "correlation_congruence", "probabilistic_transfer"), 0.02
    ),
}
"""Steps of the numerical gradient, 0.1 else, in units of the logits' size: correlations, standardised logits and
directions vary over shorter distances."""

COMPLEX_STEP = 1e-13
"""Error in norm of a complex step through a textbook formula, on inputs where the textbook is accurate."""


def over(entries: list[LossEntry]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entry", entries, ids=[entry.name for entry in entries])


ALL = list(LOSSES.values())


CANCELLATION = 1e-14
"""Absolute: a number near 0 may have been the difference of terms near 1."""


def near(value: Any, condition: float = 1.0) -> Any:
    """Equal but for the order of summation, as far as the condition of the loss lets that be seen."""
    return pytest.approx(value, rel=SUMMATION, abs=CANCELLATION * condition)


def assert_same_rows(got: Array, expected: Array, condition: float = 1.0) -> None:
    np.testing.assert_allclose(got, expected, rtol=SUMMATION, atol=CANCELLATION * condition**2)


# What every entry of the table must do.


@over(ALL)
@FEW
@given(data=st.data())
def test_value_is_a_builtin_float_and_gradient_a_float64_array_of_the_shape(
    entry: LossEntry, data: st.DataObject
) -> None:
    call = data.draw(calls(entry))
    assert type(call.value()) is float
    gradient = call.grad()
    assert type(gradient) is np.ndarray
    assert gradient.dtype == np.float64
    assert gradient.shape == call.student.shape
    assert gradient.flags.writeable


@over(ALL)
@FEW
@given(data=st.data())
def test_inputs_are_never_written_to(entry: LossEntry, data: st.DataObject) -> None:
    call = data.draw(calls(entry))
    writeable = call.map_inputs(lambda _, array: array.copy())
    writeable.value()
    writeable.grad()
    for name, array in call.inputs.items():
        np.testing.assert_array_equal(writeable.inputs[name], array, strict=True)


@over(ALL)
@COSTLY
@given(seed=seeds, temperature=st.floats(0.1, 10.0))
def test_gradient_equals_the_numerical_one(entry: LossEntry, seed: int, temperature: float) -> None:
    soft = {"temperature": temperature} if "temperature" in entry.parameters else {}
    # Softened logits of size 2; a term at T = 1 beside the softened one must not see a step above 1.
    hard = "labels" in entry.inputs
    scale = (min(temperature, 1.0) if hard else temperature) if soft else 1.0
    rng = np.random.default_rng(seed)
    shape = (4, 3) if entry.family == "relations" else (2, 3)  # two examples have no angles
    call = normal_call(
        entry, rng, shape=shape, scale=scale, temperature=temperature if soft else 1.0
    )
    report = check_gradient(
        frozen_value(call.with_parameters(**soft)),
        lambda x: call.with_inputs(**{entry.inputs[0]: x}).grad(**soft),
        call.student,
        step=STEPS.get(entry.name, 0.1) * scale,
        tolerance=RICHARDSON,
    )
    assert report.passed, f"{report}\nseed {seed}"


# The laws that an entry claims.


def agreement(call: Call) -> Call:
    """The call with everything of the teacher's equal to the student's."""
    student_of = {
        "teacher_logits": "student_logits",
        "teacher_features": "student_features",
        "teacher_later": "student_later",
    }
    return call.map_inputs(lambda name, a: call.inputs[student_of.get(name, name)])


@over(claiming("zero_at_agreement"))
@FEW
@given(data=st.data())
def test_loss_and_gradient_are_exactly_zero_at_agreement(
    entry: LossEntry, data: st.DataObject
) -> None:
    call = data.draw(calls(entry))
    agreed = agreement(call)
    assert agreed.value() == 0.0
    assert not agreed.grad().any()


@over([entry for entry in claiming("zero_at_agreement") if "teacher_shift" in entry.laws])
@FEW
@given(data=st.data(), shift=st.integers(-1000, 1000))
def test_loss_is_exactly_zero_where_only_a_shift_tells_the_two_apart(
    entry: LossEntry, data: st.DataObject, shift: int
) -> None:
    call = data.draw(calls(entry))
    assert call.with_inputs(teacher_logits=call.student + shift).value() == 0.0


@over(claiming("non_negative"))
@FEW
@given(data=st.data())
def test_loss_is_never_negative(entry: LossEntry, data: st.DataObject) -> None:
    assert data.draw(calls(entry)).value() >= 0.0


@over(claiming("non_negative"))
@FEW
@given(data=st.data(), seed=seeds, noise=st.sampled_from([1e-3, 1e-6, 1e-9, 1e-12]))
def test_loss_is_never_negative_near_the_teacher(
    entry: LossEntry, data: st.DataObject, seed: int, noise: float
) -> None:
    call = data.draw(calls(entry))
    if "teacher_logits" in call.inputs:
        moved = call.student + noise * np.random.default_rng(seed).normal(size=call.student.shape)
        call = call.with_inputs(teacher_logits=moved)
    assert call.value() >= 0.0


def shifted_rows(call: Call, name: str, shifts: Array) -> Call:
    return call.with_inputs(**{name: call.inputs[name] + shifts[:, np.newaxis]})


def draw_shifts(data: st.DataObject, n_rows: int) -> Array:
    whole = st.integers(-(2**20), 2**20)
    return np.array(data.draw(st.lists(whole, min_size=n_rows, max_size=n_rows)), dtype=float)


@pytest.mark.parametrize(
    ("entry", "side"),
    [
        pytest.param(entry, side, id=f"{entry.name}-{side}")
        for side in ("student", "teacher")
        for entry in claiming(f"{side}_shift")
    ],
)
@FEW
@given(data=st.data())
def test_constant_added_to_a_row_changes_nothing(
    entry: LossEntry, side: str, data: st.DataObject
) -> None:
    call = data.draw(calls(entry))
    shifted = shifted_rows(call, f"{side}_logits", draw_shifts(data, call.n_rows))
    assert shifted.value() == near(call.value(), call.condition)
    assert_same_rows(shifted.grad(), call.grad(), call.condition)


@over(claiming("student_shift"))
@FEW
@given(data=st.data())
def test_gradient_rows_sum_to_zero(entry: LossEntry, data: st.DataObject) -> None:
    gradient = data.draw(calls(entry)).grad()
    # A few roundings of the largest entry: 1e-15 of the sum of sizes for each.
    assert (abs(gradient.sum(axis=1)) <= 1e-14 * abs(gradient).sum(axis=1) + SUBNORMAL).all()


@over(claiming("class_permutation"))
@FEW
@given(data=st.data())
def test_permuting_the_classes_alike_permutes_the_gradient(
    entry: LossEntry, data: st.DataObject
) -> None:
    call = data.draw(calls(entry))
    order = np.array(data.draw(st.permutations(range(call.student.shape[1]))))
    place = np.argsort(order)  # where each class went
    permuted = call.map_inputs(lambda name, a: place[a] if name == "labels" else a[:, order])
    assert permuted.value() == near(call.value(), call.condition)
    assert_same_rows(permuted.grad(), call.grad()[:, order], call.condition)


@over(claiming("row_permutation"))
@FEW
@given(data=st.data())
def test_permuting_the_rows_alike_permutes_the_gradient(
    entry: LossEntry, data: st.DataObject
) -> None:
    call = data.draw(calls(entry, min_rows=2))
    order = data.draw(st.permutations(range(call.n_rows)))
    permuted = call.map_inputs(lambda _, a: a[order])
    assert permuted.value() == near(call.value(), call.condition)
    assert_same_rows(permuted.grad(), call.grad()[order], call.condition)


@over(claiming("exclusion"))
@FEW
@given(data=st.data())
def test_class_that_both_sides_exclude_might_as_well_not_exist(
    entry: LossEntry, data: st.DataObject
) -> None:
    call = data.draw(calls(entry))
    at = data.draw(st.integers(0, call.student.shape[1]))

    def with_class(name: str, a: Array) -> Array:
        return a + (a >= at) if name == "labels" else np.insert(a, at, -np.inf, axis=1)

    wider = call.map_inputs(with_class)
    assert wider.value() == near(call.value())
    assert_same_rows(np.delete(wider.grad(), at, axis=1), call.grad())
    assert not wider.grad()[:, at].any()


# Weights, for every loss that is a mean over rows.


@over(separable())
@FEW
@given(data=st.data(), weight=st.floats(1e-3, 1e3))
def test_equal_weights_are_as_good_as_none(
    entry: LossEntry, data: st.DataObject, weight: float
) -> None:
    call = data.draw(calls(entry))
    equal = np.full(call.n_rows, weight)
    assert call.value(weights=equal) == near(call.value())
    assert_same_rows(call.grad(weights=equal), call.grad())


@over(separable())
@FEW
@given(data=st.data())
def test_boolean_mask_selects_a_subset_of_the_rows(entry: LossEntry, data: st.DataObject) -> None:
    call = data.draw(calls(entry, min_rows=2))
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=call.n_rows, max_size=call.n_rows)))
    assume(mask.any())
    subset = call.map_inputs(lambda _, a: a[mask])
    assert call.value(weights=mask) == near(subset.value())
    assert_same_rows(call.grad(weights=mask)[mask], subset.grad())
    assert not call.grad(weights=mask)[~mask].any()


def scaled_rows(rows: Array, factors: Array) -> Array:
    return np.asarray(rows * factors.reshape(-1, *[1] * (rows.ndim - 1)))


@over(separable())
@FEW
@given(data=st.data())
def test_integer_weights_repeat_rows(entry: LossEntry, data: st.DataObject) -> None:
    call = data.draw(calls(entry))
    times = np.array(
        data.draw(st.lists(st.integers(1, 3), min_size=call.n_rows, max_size=call.n_rows))
    )
    repeated = call.map_inputs(lambda _, a: np.repeat(a, times, axis=0))
    assert call.value(weights=times) == near(repeated.value())
    first = np.cumsum(times) - times
    assert_same_rows(call.grad(weights=times), scaled_rows(repeated.grad()[first], times))


@over(separable())
@FEW
@given(data=st.data())
def test_loss_is_the_weighted_mean_of_its_rows(entry: LossEntry, data: st.DataObject) -> None:
    call = data.draw(calls(entry))
    weights = data.draw(weights_for(call.n_rows))
    rows = [
        call.with_inputs(**{name: a[i : i + 1] for name, a in call.inputs.items()})
        for i in range(call.n_rows)
    ]
    expected = math.fsum(w * row.value() for w, row in zip(weights, rows, strict=True))
    assert call.value(weights=weights) == near(expected / math.fsum(weights))
    shares = weights / weights.sum()
    expected_rows = [w * row.grad()[0] for w, row in zip(shares, rows, strict=True)]
    assert_same_rows(call.grad(weights=weights), np.array(expected_rows))


@over(separable())
@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**1020], ids=["tiny", "huge"])
def test_only_the_proportions_of_the_weights_count(entry: LossEntry, scale: float) -> None:
    call = normal_call(entry, np.random.default_rng(11))
    weights = np.array([1.0, 2.0, 3.0])
    assert call.value(weights=weights * scale) == call.value(weights=weights)
    np.testing.assert_array_equal(call.grad(weights=weights * scale), call.grad(weights=weights))


@over(separable())
@pytest.mark.parametrize("padding", [np.nan, np.inf, -np.inf])
def test_rows_of_weight_zero_may_hold_anything(entry: LossEntry, padding: float) -> None:
    call = normal_call(entry, np.random.default_rng(12))
    padded = call.map_inputs(
        lambda name, a: np.insert(a, 1, -100 if name == "labels" else padding, axis=0)
    )
    weights = np.array([2.0, 0.0, 1.0, 1.0])
    bare = np.array([2.0, 1.0, 1.0])
    assert padded.value(weights=weights) == call.value(weights=bare)
    gradient = padded.grad(weights=weights)
    np.testing.assert_array_equal(np.delete(gradient, 1, axis=0), call.grad(weights=bare))
    np.testing.assert_array_equal(gradient[1], 0.0)


# High temperature: the soft loss becomes a squared distance of logits.


def centred(z: Array) -> Array:
    return np.asarray(z - z.mean(axis=1, keepdims=True))


@SOME
@given(data=st.data())
def test_t_squared_times_forward_kl_tends_to_half_the_mean_squared_difference_of_centred_logits(
    data: st.DataObject,
) -> None:
    # The next term of the expansion is of relative size |logits| / T: 16 / 1e8 here.
    student, teacher = data.draw(logits((3, 4))), data.draw(logits((3, 4)))
    limit = 0.5 * ((centred(student) - centred(teacher)) ** 2).mean()
    value = 1e8**2 * kdref.forward_kl_loss(student, teacher, temperature=1e8)
    assert value == pytest.approx(limit, rel=1e-6)


@SOME
@given(data=st.data())
def test_t_squared_times_forward_kl_gradient_tends_to_the_difference_of_centred_logits(
    data: st.DataObject,
) -> None:
    student, teacher = data.draw(logits((3, 4))), data.draw(logits((3, 4)))
    limit = (centred(student) - centred(teacher)) / (3 * 4)
    gradient = 1e8**2 * kdref.forward_kl_loss_grad(student, teacher, temperature=1e8)
    # Entries of the limit may cancel; the terms that are left out are below 16 * 16 / 1e8.
    np.testing.assert_allclose(gradient, limit, rtol=1e-6, atol=3e-6)


# Laws between divergences.


def pairs() -> st.SearchStrategy[tuple[Array, Array]]:
    return st.tuples(logits((3, 4)), logits((3, 4)))


@SOME
@given(pair=pairs(), temperature=temperatures, beta=fractions)
def test_js_divergence_is_symmetric_when_the_weights_are_exchanged_too(
    pair: tuple[Array, Array], temperature: float, beta: float
) -> None:
    p, q = pair
    one_way = kdref.js_divergence_from_logits(p, q, temperature=temperature, beta=beta)
    other_way = kdref.js_divergence_from_logits(q, p, temperature=temperature, beta=1.0 - beta)
    # 1 - (1 - beta) is beta but for one rounding, which a tiny beta feels: 1e-16 absolute.
    np.testing.assert_allclose(one_way, other_way, rtol=SUMMATION, atol=1e-14)


@SOME
@given(pair=st.tuples(probability_rows((3, 4)), probability_rows((3, 4))), beta=fractions)
def test_js_divergence_of_probabilities_is_symmetric_and_at_most_log_2(
    pair: tuple[Array, Array], beta: float
) -> None:
    p, q = pair
    one_way = np.asarray(kdref.js_divergence(p, q, beta=beta))
    np.testing.assert_allclose(one_way, kdref.js_divergence(q, p, beta=1.0 - beta), atol=1e-14)
    assert (one_way <= math.log(2.0) + 1e-15).all()


@SOME
@given(pair=st.tuples(logits((3, 4), bound=4), logits((3, 4), bound=4)))
def test_js_divergence_over_beta_tends_to_forward_and_reverse_kl(
    pair: tuple[Array, Array],
) -> None:
    # JS / b = KL(p, m) + KL(q, m) (1 - b) / b; the second term is of size b chi2(p, q) / 2, below b e^16.
    p, q = pair
    beta = 1e-13
    forward = np.asarray(kdref.js_divergence_from_logits(p, q, beta=beta)) / beta
    reverse = np.asarray(kdref.js_divergence_from_logits(q, p, beta=1.0 - beta)) / beta
    kl = kdref.kl_divergence_from_logits(p, q)
    np.testing.assert_allclose(forward, kl, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(reverse, kl, rtol=1e-3, atol=1e-9)  # 1 - (1 - b) is b to 1e-3


@SOME
@given(pair=pairs(), temperature=temperatures)
def test_pinsker_total_variation_squared_is_at_most_half_the_kl_divergence(
    pair: tuple[Array, Array], temperature: float
) -> None:
    p, q = pair
    tv = np.asarray(kdref.total_variation_from_logits(p, q, temperature=temperature))
    kl = np.asarray(kdref.kl_divergence_from_logits(p, q, temperature=temperature))
    assert (tv**2 <= kl / 2.0 * (1.0 + 1e-14)).all()


@SOME
@given(pair=pairs(), temperature=temperatures, beta=fractions)
def test_js_divergence_is_at_most_the_entropy_of_its_weights(
    pair: tuple[Array, Array], temperature: float, beta: float
) -> None:
    p, q = pair
    js = np.asarray(kdref.js_divergence_from_logits(p, q, temperature=temperature, beta=beta))
    # Not of [beta, 1 - beta]: a rounded 1 - beta has another logarithm, which a tiny beta feels.
    rest = (1.0 - beta) * math.log1p(-beta) if beta < 1.0 else 0.0
    bound = -(beta * math.log(beta) if beta > 0.0 else 0.0) - rest
    assert (js <= bound * (1.0 + 1e-14) + SUBNORMAL).all()
    assert bound <= math.log(2.0) * (1.0 + 1e-15)


@SOME
@given(pair=pairs(), temperature=temperatures)
def test_cross_entropy_is_entropy_plus_kl_divergence(
    pair: tuple[Array, Array], temperature: float
) -> None:
    p, q = pair
    whole = kdref.cross_entropy_from_logits(p, q, temperature=temperature)
    parts = np.add(
        kdref.entropy_from_logits(p, temperature=temperature),
        kdref.kl_divergence_from_logits(p, q, temperature=temperature),
    )
    np.testing.assert_allclose(whole, parts, rtol=1e-14)


@SOME
@given(pair=st.tuples(probability_rows((3, 4)), probability_rows((3, 4))))
def test_cross_entropy_of_probabilities_is_entropy_plus_kl_divergence(
    pair: tuple[Array, Array],
) -> None:
    p, q = pair
    parts = np.add(kdref.entropy(p), kdref.kl_divergence(p, q))
    np.testing.assert_allclose(kdref.cross_entropy(p, q), parts, rtol=1e-13, atol=1e-15)


@SOME
@given(pair=st.tuples(logits((3, 4), bound=8), logits((3, 4), bound=8)), beta=fractions)
def test_divergences_of_logits_are_those_of_their_probabilities(
    pair: tuple[Array, Array], beta: float
) -> None:
    # The probabilities are rounded to 1e-16 each, which a logarithm of 1e-7 or more feels as 1e-15.
    p, q = (kdref.softmax(z) for z in pair)
    two_ways = [
        (kdref.entropy_from_logits(pair[0]), kdref.entropy(p)),
        (kdref.cross_entropy_from_logits(*pair), kdref.cross_entropy(p, q)),
        (kdref.kl_divergence_from_logits(*pair), kdref.kl_divergence(p, q)),
        (kdref.js_divergence_from_logits(*pair, beta=beta), kdref.js_divergence(p, q, beta=beta)),
        (kdref.total_variation_from_logits(*pair), kdref.total_variation(p, q)),
    ]
    for from_logits, from_probabilities in two_ways:
        np.testing.assert_allclose(from_logits, from_probabilities, rtol=1e-13, atol=1e-14)


@SOME
@given(pair=pairs(), temperature=temperatures)
def test_total_variation_is_symmetric_and_lies_between_zero_and_one(
    pair: tuple[Array, Array], temperature: float
) -> None:
    p, q = pair
    one_way = np.asarray(kdref.total_variation_from_logits(p, q, temperature=temperature))
    other_way = np.asarray(kdref.total_variation_from_logits(q, p, temperature=temperature))
    np.testing.assert_allclose(one_way, other_way, rtol=1e-14)
    assert ((one_way >= 0.0) & (one_way <= 1.0 + 1e-15)).all()


@SOME
@given(data=st.data(), temperature=temperatures)
def test_losses_are_the_means_of_their_divergences(data: st.DataObject, temperature: float) -> None:
    student, teacher = data.draw(pairs())
    losses = [
        (
            kdref.soft_cross_entropy_loss,
            kdref.cross_entropy_from_logits(teacher, student, temperature=temperature),
        ),
        (
            kdref.forward_kl_loss,
            kdref.kl_divergence_from_logits(teacher, student, temperature=temperature),
        ),
        (
            kdref.reverse_kl_loss,
            kdref.kl_divergence_from_logits(student, teacher, temperature=temperature),
        ),
        (
            kdref.generalised_js_loss,
            kdref.js_divergence_from_logits(teacher, student, temperature=temperature),
        ),
    ]
    for loss, rows in losses:
        assert loss(student, teacher, temperature=temperature) == near(np.mean(rows))


@SOME
@given(data=st.data(), temperature=temperatures)
def test_softmax_vjp_is_the_cotangent_times_the_jacobian(
    data: st.DataObject, temperature: float
) -> None:
    z, cotangent = data.draw(pairs())
    jacobian = kdref.softmax_jacobian(z, temperature)
    np.testing.assert_allclose(
        kdref.softmax_vjp(z, cotangent, temperature),
        np.einsum("ni,nij->nj", cotangent, jacobian),
        rtol=1e-12,
        atol=1e-14
        * float(abs(cotangent).max())
        / temperature,  # the product cancels, the vjp does not
    )


# Gradients against the textbook formulas, by the complex step.


def textbook_softmax(z: Array) -> Array:
    e = np.exp(z - z.real.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def textbook_kl(p: Array, q: Array) -> Any:
    return (p * (np.log(p) - np.log(q))).sum(axis=1).mean()


def textbook(
    name: str, s: Array, t: Array, labels: Array, temperature: float, weight: float
) -> Any:
    """The formulas of the registry, written without a thought for rounding."""
    p, q = textbook_softmax(t / temperature), textbook_softmax(s / temperature)
    hard = -np.log(textbook_softmax(s)[np.arange(len(labels)), labels]).mean()
    mixture = weight * p + (1.0 - weight) * q
    formulas = {
        "hard_label": hard,
        "soft_cross_entropy": -(p * np.log(q)).sum(axis=1).mean(),
        "forward_kl": textbook_kl(p, q),
        "reverse_kl": textbook_kl(q, p),
        "generalised_js": weight * textbook_kl(p, mixture)
        + (1.0 - weight) * textbook_kl(q, mixture),
        "distillation": (1.0 - weight) * hard + weight * temperature**2 * textbook_kl(p, q),
    }
    return formulas[name]


@pytest.mark.parametrize(
    "name",
    [
        "hard_label",
        "soft_cross_entropy",
        "forward_kl",
        "reverse_kl",
        "generalised_js",
        "distillation",
    ],
)
@FEW
@given(seed=seeds, temperature=st.floats(0.5, 4.0), weight=st.floats(0.1, 0.9))
def test_gradient_equals_the_complex_step_through_the_textbook_formula(
    name: str, seed: int, temperature: float, weight: float
) -> None:
    call = normal_call(LOSSES["distillation"], np.random.default_rng(seed), shape=(3, 5))
    student, teacher, labels = call.inputs.values()
    entry = LOSSES[name]
    settings = {"temperature": temperature, "beta": weight, "alpha": weight}
    parameters = {key: settings[key] for key in entry.parameters}
    others = [call.inputs[key] for key in entry.inputs[1:]]
    largest = abs(entry.grad(student, *others, **parameters)).max()
    report = check_gradient(
        lambda s: textbook(name, s, teacher, labels, temperature, weight),
        lambda s: entry.grad(s, *others, **parameters),
        student,
        method="complex-step",
        # The textbook adds up terms of size up to 1, and is no better than their roundings.
        tolerance=max(COMPLEX_STEP, np.finfo(float).eps / largest),
    )
    assert report.passed, f"{report}\nseed {seed}"


# The composite.


@SOME
@given(data=st.data(), temperature=temperatures)
def test_distillation_loss_with_alpha_0_is_the_hard_loss(
    data: st.DataObject, temperature: float
) -> None:
    call = data.draw(calls(LOSSES["distillation"]))
    student, _, labels = call.inputs.values()
    options = {"temperature": temperature, "alpha": 0.0}
    assert call.value(**options) == kdref.hard_label_loss(student, labels)
    np.testing.assert_array_equal(call.grad(**options), kdref.hard_label_loss_grad(student, labels))


@SOME
@given(data=st.data(), temperature=temperatures, labelled=st.booleans())
def test_distillation_loss_with_alpha_1_is_t_squared_times_forward_kl_with_or_without_labels(
    data: st.DataObject, temperature: float, labelled: bool
) -> None:
    student, teacher, labels = data.draw(calls(LOSSES["distillation"])).inputs.values()
    given_labels = labels if labelled else None
    options = {"temperature": temperature, "alpha": 1.0}
    value = kdref.distillation_loss(student, teacher, given_labels, **options)
    gradient = kdref.distillation_loss_grad(student, teacher, given_labels, **options)
    factor = temperature**2
    assert value == factor * kdref.forward_kl_loss(student, teacher, temperature=temperature)
    np.testing.assert_array_equal(
        gradient, factor * kdref.forward_kl_loss_grad(student, teacher, temperature=temperature)
    )


@SOME
@given(data=st.data(), alpha=fractions)
def test_distillation_loss_is_linear_in_alpha(data: st.DataObject, alpha: float) -> None:
    call = data.draw(calls(LOSSES["distillation"]))
    mixed = (1.0 - alpha) * call.value(alpha=0.0) + alpha * call.value(alpha=1.0)
    assert call.value(alpha=alpha) == near(mixed)
    mixed_grad = (1.0 - alpha) * call.grad(alpha=0.0) + alpha * call.grad(alpha=1.0)
    assert_same_rows(call.grad(alpha=alpha), mixed_grad)
