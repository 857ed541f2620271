"""One example of every loss that can be followed with a pencil; the derivation stands above each.

Many share a teacher that says 3 : 1 and an undecided student, at temperature 1:

    p = (3/4, 1/4),  q = (1/2, 1/2).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import cosh, exp, log
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
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=lambda: LOGITS)


T1 = {"temperature": 1.0}

# Three classes with the label 0: the teacher says 2 : 1 : 1, the student 1 : 2 : 1, so p = (1/2, 1/4, 1/4) and
# q = (1/4, 1/2, 1/4); without the label (1/2, 1/2) and (2/3, 1/3).
THREE: Mapping[str, Any] = {
    "student_logits": np.log([[1.0, 2.0, 1.0]]),
    "teacher_logits": np.log([[2.0, 1.0, 1.0]]),
    "labels": [0],
}

# The weight of the weighted soft label: the student gives the label 1/2, the teacher 3/4.
FOCUS = 1.0 - exp(-log(2.0) / (log(4.0 / 3.0) + 1e-7))

# The student (1, 0, -1) has mean 0 and standard deviation sqrt(2 / 2) = 1, so z = (1, 0, -1) / D with D = 1 + 1e-7;
# the teacher is constant, hence uniform.
D = 1.0 + 1e-7
STANDARDISED = np.array([exp(1.0 / D), 1.0, exp(-1.0 / D)]) / (1.0 + 2.0 * cosh(1.0 / D))

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
    # u = 1/2 (1, 0) + 1/4 (1, 1) = (3/4, 1/4) and r = (1/4, 3/4): 3/4 log 4 + 1/4 log 4/3.  Gradient r - u.
    "label_smoothing": Example(
        0.75 * log(4.0) + 0.25 * log(4.0 / 3.0),
        [-0.5, 0.5],
        {"smoothing": 0.5},
        {"student_logits": np.log([[1.0, 3.0]]), "labels": [0]},
    ),
    # At T = 1 a confidence of 3/4 makes the teacher of the other examples: forward KL and its gradient.
    "virtual_teacher": Example(
        0.75 * log(1.5) - 0.25 * log(2.0), [-0.25, 0.25], {**T1, "confidence": 0.75}
    ),
    # Half of forward KL, 3/4 log 3 - log 2, and half of reverse KL, log 2 - 1/2 log 3, are 1/8 log 3.
    # Gradient: half of -1/4 and half of -1/4 log 3.
    "symmetric_kl": Example(
        log(3.0) / 8.0,
        [-0.125 * (1.0 + log(3.0)), 0.125 * (1.0 + log(3.0))],
        {**T1, "forward_weight": 0.5},
    ),
    # (|3/4 - 1/2| + |1/4 - 1/2|) / 2.  The slopes (-1/2, 1/2) have mean 0 under q: 1/2 times them.
    "total_variation": Example(0.25, [-0.25, 0.25], T1),
    # a = 1/2: m = (5/8, 3/8) and p/m = (6/5, 2/3).  g = -1/2 p/m = (-3/5, -1/3), and 1/4 (g_0 - g_1) = -1/15.
    "skew_forward_kl": Example(
        0.75 * log(1.2) + 0.25 * log(2.0 / 3.0), [-1.0 / 15.0, 1.0 / 15.0], {**T1, "skew": 0.5}
    ),
    # a = 1/2: q/m = (4/5, 4/3).  g = log(q/m) + 1 - 1/2 q/m; g_0 - g_1 = log 3/5 + 1/2 (4/3 - 4/5) = log 3/5 + 4/15.
    "skew_reverse_kl": Example(
        0.5 * log(0.8) + 0.5 * log(4.0 / 3.0),
        [(log(0.6) + 4.0 / 15.0) / 4.0, -(log(0.6) + 4.0 / 15.0) / 4.0],
        {**T1, "skew": 0.5},
    ),
    # Differences (1, -3): (1 + 9) / 2.  Gradient 2/2 times the differences.
    "logit_mse": Example(
        5.0, [1.0, -3.0], inputs={"student_logits": [[2.0, 0.0]], "teacher_logits": [[1.0, 3.0]]}
    ),
    # Both have length 5 and their product is 24: 1 - 24/25.
    # -(t/5 - 24/25 s/5) / 5 = -(100 - 72, 75 - 96) / 625 = (-28, 21) / 625.
    "logit_cosine": Example(
        0.04,
        [-28.0 / 625.0, 21.0 / 625.0],
        inputs={"student_logits": [[3.0, 4.0]], "teacher_logits": [[4.0, 3.0]]},
    ),
    # KL(uniform, q) = -log 3 - mean of log q = log((1 + 2 cosh(1/D)) / 3), because the z sum to 0.
    # G = q - 1/3; G.c = q_0 - q_2; the gradient is (G - c (q_0 - q_2) / (2 D)) / D for c = (1, 0, -1).
    "standardised_kl": Example(
        log((1.0 + 2.0 * cosh(1.0 / D)) / 3.0),
        [
            (STANDARDISED[0] - 1.0 / 3.0 - (STANDARDISED[0] - STANDARDISED[2]) / (2.0 * D)) / D,
            (STANDARDISED[1] - 1.0 / 3.0) / D,
            (STANDARDISED[2] - 1.0 / 3.0 + (STANDARDISED[0] - STANDARDISED[2]) / (2.0 * D)) / D,
        ],
        {**T1, "ddof": 1},
        {"student_logits": [[1.0, 0.0, -1.0]], "teacher_logits": [[0.0, 0.0, 0.0]]},
    ),
    # Of the label: KL((1/2, 1/2), (1/4, 3/4)) = 1/2 log 2 + 1/2 log 2/3 = 1/2 log 4/3.
    # Of the rest: KL((1/2, 1/2), (2/3, 1/3)) = 1/2 log 3/4 + 1/2 log 3/2 = 1/2 log 9/8, eight times.
    # Gradient: q_y - p_y = -1/4 at the label, 1/4 (2/3, 1/3) at the others, and there 8 (2/3 - 1/2, 1/3 - 1/2) too.
    "decoupled_kd": Example(
        0.5 * log(4.0 / 3.0) + 4.0 * log(9.0 / 8.0),
        [-0.25, 1.0 / 6.0 + 4.0 / 3.0, 1.0 / 12.0 - 4.0 / 3.0],
        {**T1, "target_weight": 1.0, "non_target_weight": 8.0},
        THREE,
    ),
    # 1/2 log 4 at the label; of the rest 1/2 log 3/2 + 1/2 log 3.
    # Gradient: 1/2 (1/4 - 1, 1/2, 1/4) + (0, 2/3 - 1/2, 1/3 - 1/2).
    "normalised_kd": Example(
        0.5 * log(4.0) + 0.5 * log(4.5),
        [-0.375, 0.25 + 1.0 / 6.0, 0.125 - 1.0 / 6.0],
        {**T1, "gamma": 1.0},
        THREE,
    ),
    # w of the soft cross entropy log 2, and w of its gradient q - p.
    "weighted_soft_label": Example(FOCUS * log(2.0), [-0.25 * FOCUS, 0.25 * FOCUS], T1),
    # One row, so every column is constant and costs its share: intra-class 1.
    # Centred, a = (-1, 2, -1)/12 and b = (2, -1, -1)/12: r = (-2 - 2 + 1)/6 = -1/2, inter-class 3/2.
    # (b^ - r a^)/|a| = (2 - 1/2, -1 + 1, -1 - 1/2)/sqrt 6 * 12/sqrt 6 = (3, 0, -3); G is minus that, its mean under q
    # is 0, and q G = (-3/4, 0, 3/4).
    "dist": Example(
        2.5, [-0.75, 0.0, 0.75], {**T1, "inter_weight": 1.0, "intra_weight": 1.0}, THREE
    ),
    # k = 1 keeps the label's class: KL((1/2, 1/2), (1/4, 3/4)) as above, with the bucket's slope 3/4 - 1/2 shared
    # as 2/3 and 1/3.
    "top_k_kl": Example(
        0.5 * log(4.0 / 3.0),
        [-0.25, 1.0 / 6.0, 1.0 / 12.0],
        {**T1, "k": 1, "tail": "bucket"},
        THREE,
    ),
    # Sorted, (3/4, 1/4, 0) and (1/2, 1/4, 1/4).  The larger class is too sure, the smaller right: g = (0, 1), whose
    # mean under q = (1/4, 3/4) is 3/4: (-3/16, 3/16).
    "universal_logit": Example(
        0.5,
        [-0.1875, 0.1875],
        inputs={
            "student_logits": np.log([[1.0, 3.0]]),
            "teacher_logits": np.log([[1.0, 2.0, 1.0]]),
        },
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


def test_every_loss_of_logits_has_a_worked_example() -> None:
    # Those of features are worked by hand in `tests/losses`, with arrays of their own shapes.
    of_logits = {n for n, entry in LOSSES.items() if entry.inputs[0] == "student_logits"}
    assert EXAMPLES.keys() == of_logits


@pytest.mark.parametrize("name", EXAMPLES)
def test_value_and_gradient_are_those_worked_out_by_hand(name: str) -> None:
    entry, example = LOSSES[name], EXAMPLES[name]
    inputs = [example.inputs[key] for key in entry.inputs]
    assert entry.value(*inputs, **example.parameters) == pytest.approx(example.value, rel=1e-14)
    gradient = entry.grad(*inputs, **example.parameters)
    # What is 0 by hand may come out as a rounding of 1.
    np.testing.assert_allclose(gradient, [example.gradient], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", [name for name in EXAMPLES if LOSSES[name].row_separable])
def test_example_counts_half_beside_a_second_row(name: str) -> None:
    # The mean over examples: two copies cost as much as one, and each row's gradient is half.
    entry, example = LOSSES[name], EXAMPLES[name]
    twice = [np.concatenate([example.inputs[key]] * 2) for key in entry.inputs]
    assert entry.value(*twice, **example.parameters) == pytest.approx(example.value, rel=1e-14)
    half = [[g / 2.0 for g in example.gradient]] * 2
    np.testing.assert_allclose(entry.grad(*twice, **example.parameters), half, rtol=1e-14)
