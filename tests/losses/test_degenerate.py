"""Degenerate inputs over the whole registry: the right answer, or an error that says what is wrong.

What each loss does there is on its reference page, under "At the edges"; the tests of the families have the details.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from kdref import LOSSES, LossEntry
from tests.oracle.batch import LOSSES as ROW_LOSSES
from tests.oracle.batch import loss, loss_gradient
from tests.oracle.definitions import value_and_gradient
from tests.strategies import Array, Call, normal_call

Change = Callable[[str, Array], Array]


def one_class(name: str, array: Array) -> Array:
    return np.zeros_like(array) if name == "labels" else array[:, :1]


def one_row(name: str, array: Array) -> Array:
    return array[:1]


def constant_rows_of_the_student(name: str, array: Array) -> Array:
    return np.full_like(array, 0.75) if name.startswith("student") else array


def equal_rows(name: str, array: Array) -> Array:
    return np.repeat(array[:1], len(array), axis=0)


CHANGES: tuple[Change, ...] = (one_class, one_row, constant_rows_of_the_student, equal_rows)

REFUSED: Mapping[tuple[str, str], str] = {
    ("one_class", "virtual_teacher"): "C >= 2, got 1 class",
    ("one_class", "decoupled_kd"): "C >= 2, got 1 class",
    ("one_class", "normalised_kd"): "C >= 2, got 1 class",
    ("one_class", "standardised_kl"): "ddof must be <= C - 1 = 0, got 1",
    ("one_row", "relational_distance"): "must hold two different rows, got 1",
    ("equal_rows", "relational_distance"): "must hold two different rows, got 4 that coincide",
    ("constant_rows_of_the_student", "relational_distance"): "must hold two different rows, got 4",
}
"""What has no answer, and what the error says."""

KINKED: Mapping[tuple[str, str], float] = {
    ("one_class", "dist"): 3.0,
    ("one_row", "dist"): 2.0,
    ("equal_rows", "dist"): 2.0,
    ("constant_rows_of_the_student", "dist"): 3.0,
    ("equal_rows", "relational_angle"): 0.0,
    ("constant_rows_of_the_student", "relational_angle"): 0.0,
}
"""What its page defines where the formula divides 0 by 0: a correlation of 0 costs its weight, 1 for rows and 2 for
columns, and examples that coincide have no angle.  The value is at least this."""

INFINITE: Mapping[tuple[str, str], str] = {
    ("one_class", "probabilistic_transfer"): "two examples of the student are opposite",
}
"""What costs infinity, and why it has no gradient: on a line, two examples are alike or opposite."""

TIED = {("constant_rows_of_the_student", "universal_logit")}
"""Where the gradient is one of several at a kink."""


def degenerate(entry: LossEntry, change: Change) -> Call:
    call = normal_call(entry, np.random.default_rng(5), (4, 3), away=0.05).map_inputs(change)
    most = call.student.shape[1]
    small = {"k": min(int(entry.parameters["k"]), most)} if "k" in entry.parameters else {}
    return call.with_parameters(**small)


def truth(call: Call) -> tuple[float, Array]:
    name = call.entry.name
    if name not in ROW_LOSSES:
        return value_and_gradient(name, *call.positional, **call.named)
    inputs = [array.tolist() for array in call.positional]
    gradient = np.array(loss_gradient(name, *inputs, **call.named))
    return loss(name, *inputs, **call.named), gradient


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_degenerate_input_has_the_right_answer_or_a_clear_error(change: Change) -> None:
    for entry in LOSSES.values():
        case, call = (change.__name__, entry.name), degenerate(entry, change)
        if case in REFUSED:
            for twin in (call.value, call.grad):
                with pytest.raises(ValueError, match=REFUSED[case]):
                    twin()
        elif case in INFINITE:
            assert call.value() == np.inf
            with pytest.raises(ValueError, match=INFINITE[case]):
                call.grad()
        elif case in KINKED:
            assert call.value() >= KINKED[case] - 1e-15, case
            assert np.isfinite(call.grad()).all(), case
        else:
            check(call, case)


def check(call: Call, case: tuple[str, str]) -> None:
    value, gradient = truth(call)
    assert call.value() == pytest.approx(value, rel=1e-13, abs=1e-15), case
    if case not in TIED:
        # A constant row of standardised KL has the slope 1e7, the paper's constant.
        size = max(1.0, float(abs(gradient).max(initial=0.0)))
        np.testing.assert_allclose(call.grad(), gradient, rtol=0.0, atol=1e-13 * size)


@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize("tail", ["bucket", "renormalise", "drop"])
def test_top_k_kl_at_the_ends_of_k_agrees_with_the_definition(k: int, tail: str) -> None:
    call = normal_call(LOSSES["top_k_kl"], np.random.default_rng(6), (3, 4), away=0.05)
    call = call.with_parameters(k=k, tail=tail)
    value, gradient = truth(call)
    assert call.value() == pytest.approx(value, rel=1e-14, abs=1e-16)
    np.testing.assert_allclose(call.grad(), gradient, rtol=0.0, atol=1e-15)


def test_zero_vectors_are_refused_by_exactly_the_losses_that_need_a_direction() -> None:
    needing = {
        "logit_cosine",
        "cosine_feature",
        "attention_transfer",
        "neuron_selectivity",
        "similarity_preserving",
        "correlation_congruence",
        "probabilistic_transfer",
    }
    for entry in LOSSES.values():
        call = normal_call(entry, np.random.default_rng(7), (4, 3), away=0.05)
        zeroed = call.student.copy()
        zeroed[1] = 0.0
        call = call.with_inputs(**{entry.inputs[0]: zeroed})
        if entry.name in needing:
            with pytest.raises(ValueError, match="must not hold a zero"):
                call.value()
        else:
            assert np.isfinite(call.value()), entry.name
            assert np.isfinite(call.grad()).all(), entry.name
