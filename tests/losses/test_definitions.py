"""Losses that are no mean of labelled or soft rows, against their definitions in high precision.

The label and soft-target families have the stricter tests of `tests/test_against_oracle.py`.
"""

from typing import Any

import numpy as np
import pytest

from kdref import LOSSES
from tests.oracle.definitions import FORMULAS, value_and_gradient
from tests.oracle.precision import BITS
from tests.strategies import Call, normal_call

ROUNDING = 1e-14
"""Relative, of the value and in norm of the gradient: measured below 1e-15 on ordinary inputs."""

TAILS = ("bucket", "renormalise", "drop")

CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in FORMULAS if name != "top_k_kl"),
    *(("top_k_kl", {"tail": tail}) for tail in TAILS),
]

ROUNDED_FIRST = {
    "standardised_kl",
    "dist",
    "attention_transfer",
    "neuron_selectivity",
    "flow",
    "similarity_preserving",
    "correlation_congruence",
    "relational_distance",
    "relational_angle",
    "probabilistic_transfer",
}
"""Losses that round what they compare before they compare it, as their pages say; the others keep all digits."""

cases = pytest.mark.parametrize(("name", "parameters"), CASES)


def ordinary(name: str, parameters: dict[str, Any]) -> Call:
    call = normal_call(LOSSES[name], np.random.default_rng(3), (3, 3), away=0.05)
    return call.with_parameters(**parameters)


def near_agreement(call: Call, distance: float) -> Call:
    first, second, *_ = call.entry.inputs
    near = {first: call.inputs[second] + distance * call.student}
    if call.entry.constants:
        near["student_later"] = call.inputs["teacher_later"]
    return call.with_inputs(**near)


def assert_agrees(call: Call, tolerance: float) -> None:
    value, gradient = value_and_gradient(call.entry.name, *call.positional, **call.named)
    assert call.value() == pytest.approx(value, rel=tolerance, abs=0.0)
    assert np.linalg.norm(call.grad() - gradient) <= tolerance * np.linalg.norm(gradient)


@cases
def test_ordinary_inputs_agree_with_the_definition(name: str, parameters: dict[str, Any]) -> None:
    assert_agrees(ordinary(name, parameters), ROUNDING)


@cases
def test_digits_that_are_left_near_agreement_are_those_of_the_page(
    name: str, parameters: dict[str, Any]
) -> None:
    for distance in (1e-5, 1e-10):
        call = near_agreement(ordinary(name, parameters), distance)
        rounded = 1e-15 * call.condition / distance
        assert_agrees(call, rounded if name in ROUNDED_FIRST else 1e-15)


def test_every_loss_is_in_one_of_the_two_oracles() -> None:
    rowwise = {"hard_labels", "soft_targets", "mixtures", "distillation"}
    assert set(FORMULAS) == {e.name for e in LOSSES.values() if e.family not in rowwise}


@pytest.mark.slow
@cases
def test_definition_is_the_same_at_doubled_precision(name: str, parameters: dict[str, Any]) -> None:
    call = near_agreement(ordinary(name, parameters), 1e-10)
    value, gradient = value_and_gradient(name, *call.positional, **call.named)
    again = value_and_gradient(name, *call.positional, bits=2 * BITS, **call.named)
    assert value == again[0]
    np.testing.assert_array_equal(gradient, again[1])
