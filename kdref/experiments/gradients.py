"""Every gradient of the library beside a numerical one, on random inputs."""

from typing import Any

import numpy as np

from kdref._checks import FloatArray
from kdref.gradcheck import GradientReport, check_gradient
from kdref.losses import distillation_loss, distillation_loss_grad
from kdref.network import backward, forward, initialise
from kdref.probabilities import log_softmax
from kdref.registry import LOSSES, LossEntry

N_EXAMPLES, N_CLASSES = 3, 4
"""Size of the random inputs of the gradient checks."""

STEP = 1e-3
"""Step of the numerical gradients, short enough to stay clear of the kinks that some losses have."""

SMOOTH_STEP = 0.03
"""The same for the network with tanh, which has no kinks, and bends more than a step of 0.1 allows."""

CLEARANCE = 10.0 * STEP
"""How far the random logits stay from ties, which are the kinks of total variation and of the universal logit loss."""


def gradient_reports(rng: np.random.Generator) -> dict[str, GradientReport]:
    """Check the gradient of every loss, and backpropagation through a small network.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the inputs.

    Returns
    -------
    dict of str to GradientReport
        By the name of the loss; one that holds a factor of its loss constant is not the
        gradient of the value, and is left out.  The last is ``"backpropagation"``.
    """
    reports = {
        name: _loss_report(entry, rng) for name, entry in LOSSES.items() if not entry.held_constant
    }
    return reports | {"backpropagation": _network_report(rng)}


def _random_inputs(rng: np.random.Generator) -> dict[str, Any]:
    maps = (4, 3, 1, 2)
    features = {
        name: rng.normal(size=maps)
        for name in (
            "student_features",
            "student_mean",
            "teacher_features",
            "student_later",
            "teacher_later",
        )
    }
    student_logits, teacher_logits = _logits_without_ties(rng)
    return features | {
        "student_logits": student_logits,
        "teacher_logits": teacher_logits,
        "labels": rng.integers(0, N_CLASSES, N_EXAMPLES),
    }


def _logits_without_ties(rng: np.random.Generator) -> FloatArray:
    """Student's and teacher's logits; drawn again where probabilities of a class or of a rank nearly agree."""
    while True:
        logits = rng.normal(0.0, 2.0, (2, N_EXAMPLES, N_CLASSES))
        gaps = [np.diff(np.sort(logits))]
        for temperature in (1.0, 2.0):  # those at which the registry's examples compare
            rows = log_softmax(logits, temperature)
            gaps += [np.diff(rows, axis=0), np.diff(np.sort(rows), axis=0)]
        if min(abs(gap).min() for gap in gaps) > CLEARANCE:
            return logits


def _loss_report(entry: LossEntry, rng: np.random.Generator) -> GradientReport:
    inputs = _random_inputs(rng)
    student, *others = (inputs[name] for name in entry.inputs)
    options = {name: inputs[name] for name in entry.constants} | dict(entry.parameters)
    return check_gradient(
        lambda s: entry.value(s, *others, **options),
        lambda s: entry.grad(s, *others, **options),
        student,
        step=STEP,
    )


def _network_report(rng: np.random.Generator) -> GradientReport:
    """The first layer's weights under the distillation loss; tanh, since ReLU has kinks."""
    inputs, others = rng.normal(size=(N_EXAMPLES, 4)), _random_inputs(rng)
    (weights, bias), last = initialise((4, 3, N_CLASSES), rng=rng, activation="tanh")
    targets, labels = others["teacher_logits"], others["labels"]

    def value(w: Any) -> float:
        logits = forward([(w, bias), last], inputs, activation="tanh").logits
        return distillation_loss(logits, targets, labels)

    def gradient(w: Any) -> Any:
        parameters = [(w, bias), last]
        forward_pass = forward(parameters, inputs, activation="tanh")
        grad = distillation_loss_grad(forward_pass.logits, targets, labels)
        return backward(parameters, forward_pass, grad)[0][0]

    return check_gradient(value, gradient, weights, step=SMOOTH_STEP)
