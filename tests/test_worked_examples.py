"""One example of every loss that can be followed with a pencil; the derivation stands above each.

All but the hard label share a teacher that says 3 : 1 and an undecided student, at temperature 1:

    p = (3/4, 1/4),  q = (1/2, 1/2).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log
from typing import Any

import numpy as np
import pytest

from kdref import LOSSES

LOGITS: Mapping[str, Any] = {
    "student_logits": np.log([[1.0, 1.0]]),
    "teacher_logits": np.log([[3.0, 1.0]]),
    "labels": [0],
}


@dataclass(frozen=True)
class Example:
    """Value and gradient, as they come out by hand, in the notation of the derivation."""

    value: float
    gradient: list[float]
    parameters: Mapping[str, float] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=lambda: LOGITS)


T1 = {"temperature": 1.0}

EXAMPLES = {
    # The student's logits are log 1 and log 3, so r = (1/4, 3/4) and the label 0 costs -log 1/4 = log 4.
    # Gradient r - onehot = (1/4 - 1, 3/4).
    "hard_label": Example(
        log(4.0), [-0.75, 0.75], inputs={"student_logits": np.log([[1.0, 3.0]]), "labels": [0]}
    ),
    # -3/4 log 1/2 - 1/4 log 1/2 = log 2.  Gradient q - p = (1/2 - 3/4, 1/2 - 1/4).
    "soft_cross_entropy": Example(log(2.0), [-0.25, 0.25], T1),
    # 3/4 log (3/4)/(1/2) + 1/4 log (1/4)/(1/2) = 3/4 log 3/2 - 1/4 log 2.  Gradient q - p.
    "forward_kl": Example(0.75 * log(1.5) - 0.25 * log(2.0), [-0.25, 0.25], T1),
    # 1/2 log (1/2)/(3/4) + 1/2 log (1/2)/(1/4) = 1/2 log 2/3 + 1/2 log 2 = 1/2 log 4/3.
    # Gradient 1/2 (log 2/3 - 1/2 log 4/3) = 1/2 log (2/3 / sqrt(4/3)) = 1/2 log sqrt(1/3) = -1/4 log 3.
    "reverse_kl": Example(0.5 * log(4.0 / 3.0), [-0.25 * log(3.0), 0.25 * log(3.0)], T1),
    # beta = 1/2: m = (5/8, 3/8).  1/2 [3/4 log (3/4)/(5/8) + 1/4 log (1/4)/(3/8)]
    # + 1/2 [1/2 log (1/2)/(5/8) + 1/2 log (1/2)/(3/8)] with the ratios 6/5, 2/3, 4/5 and 4/3.
    # Gradient: g = 1/2 (log 4/5, log 4/3), and 1/2 (g_0 - mean g) = 1/4 (g_0 - g_1) = 1/8 log 3/5.
    "generalised_js": Example(
        (0.75 * log(1.2) + 0.25 * log(2.0 / 3.0)) / 2.0 + (log(0.8) + log(4.0 / 3.0)) / 4.0,
        [log(0.6) / 8.0, -log(0.6) / 8.0],
        {**T1, "beta": 0.5},
    ),
    # alpha = 1/4 and T = 2 on logits that are twice as large, which leaves p and q as they are:
    # the undecided student pays log 2 for its label, and T^2 = 4 times the forward KL counts a quarter.
    # Gradient 3/4 (1/2 - 1, 1/2) + 1/4 * 4 * 1/2 (q - p) = (-3/8 - 1/8, 3/8 + 1/8).
    "distillation": Example(
        0.75 * log(2.0) + 0.25 * 4.0 * (0.75 * log(1.5) - 0.25 * log(2.0)),
        [-0.5, 0.5],
        {"temperature": 2.0, "alpha": 0.25},
        {**LOGITS, "teacher_logits": 2.0 * np.log([[3.0, 1.0]])},
    ),
}


def test_every_loss_has_a_worked_example() -> None:
    assert EXAMPLES.keys() == LOSSES.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_value_and_gradient_are_those_worked_out_by_hand(name: str) -> None:
    entry, example = LOSSES[name], EXAMPLES[name]
    inputs = [example.inputs[key] for key in entry.inputs]
    assert entry.value(*inputs, **example.parameters) == pytest.approx(example.value, rel=1e-14)
    gradient = entry.grad(*inputs, **example.parameters)
    np.testing.assert_allclose(gradient, [example.gradient], rtol=1e-14)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_counts_half_beside_a_second_row(name: str) -> None:
    # The mean over examples: two copies cost as much as one, and each row's gradient is half.
    entry, example = LOSSES[name], EXAMPLES[name]
    twice = [np.concatenate([example.inputs[key]] * 2) for key in entry.inputs]
    assert entry.value(*twice, **example.parameters) == pytest.approx(example.value, rel=1e-14)
    half = [[g / 2.0 for g in example.gradient]] * 2
    np.testing.assert_allclose(entry.grad(*twice, **example.parameters), half, rtol=1e-14)
