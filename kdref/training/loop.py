r"""Training by minibatches: on labels (`train`) or on a teacher's logits (`distil`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray, IntArray
from kdref.losses import (
    distillation_loss,
    distillation_loss_grad,
    hard_label_loss,
    hard_label_loss_grad,
)
from kdref.network import ACTIVATIONS, Parameters, RealArray, backward, forward
from kdref.training.optimisers import Optimiser, OptimiserState


@dataclass(frozen=True)
class TrainingHistory:
    """How a training went, one entry an epoch, measured at its end without dropout.

    Attributes
    ----------
    loss : tuple of float
        What was minimised, over all training examples, in nats.
    train_accuracy : tuple of float, or None
        Share of training examples whose label the network finds; None without labels.
    validation_loss, validation_accuracy : tuple of float, or None
        Hard-label loss in nats and accuracy on the validation examples; None
        without such examples.
    """

    loss: tuple[float, ...]
    train_accuracy: tuple[float, ...] | None
    validation_loss: tuple[float, ...] | None
    validation_accuracy: tuple[float, ...] | None


@dataclass(frozen=True)
class EpochReport:
    """What a callback is given after each epoch.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    loss, train_accuracy, validation_loss, validation_accuracy : float or None
        The entries of `TrainingHistory` for this epoch.
    parameters : list of (weights, bias)
        The network after this epoch; not to be written to.
    """

    epoch: int
    loss: float
    train_accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    parameters: Parameters


@dataclass(frozen=True)
class Trained:
    """A trained network and how it became so.

    Attributes
    ----------
    parameters : list of (weights, bias)
        The network after the last epoch.
    history : TrainingHistory
        One entry an epoch.
    """

    parameters: Parameters
    history: TrainingHistory


Callback: TypeAlias = Callable[[EpochReport], object]


@dataclass(frozen=True)
class Schedule:
    """How to train: what does not depend on the examples or the loss.

    Attributes
    ----------
    optimiser : Sgd or Adam
        Rule of the steps.
    n_epochs : int
        Passes over the examples.
    batch_size : int, default 128
        Examples a step; the last batch of an epoch holds what is left.
    activation : {"relu", "tanh"}, default "relu"
        The network's.
    dropout : float, default 0.0
        Share of hidden activations dropped while training.
    """

    optimiser: Optimiser
    n_epochs: int
    batch_size: int = 128
    activation: str = "relu"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Check what is not checked by its own type."""
        if not isinstance(self.optimiser, Optimiser):
            raise TypeError(f"optimiser must be Sgd or Adam, got {self.optimiser!r}")
        _checks.count("n_epochs", self.n_epochs)
        _checks.count("batch_size", self.batch_size)
        _checks.choice("activation", self.activation, ACTIVATIONS)
        _checks.below_one("dropout", self.dropout)


Labelled: TypeAlias = tuple[ArrayLike, ArrayLike]
"""Inputs and labels, to validate on."""


def train(
    parameters: Parameters,
    inputs: RealArray,
    labels: ArrayLike,
    *,
    schedule: Schedule,
    rng: np.random.Generator,
    validation: Labelled | None = None,
    callback: Callback | None = None,
) -> Trained:
    r"""Train a network on labels.

    Minimises `kdref.hard_label_loss` of the logits by minibatches.

    Parameters
    ----------
    parameters : list of (weights, bias)
        Where to begin; not written to.
    inputs : ndarray, shape (N, n_in)
        One example a row, in the dtype of the parameters.
    labels : array_like of int, shape (N,)
        Class ids.
    schedule : Schedule
        Optimiser, epochs, batches, activation, dropout.
    rng : numpy.random.Generator
        Source of the order of the examples and of dropout's masks.
    validation : (inputs, labels), optional
        Examples to measure on after each epoch; they do not influence the training.
    callback : callable, optional
        Called with an `EpochReport` after each epoch.

    Returns
    -------
    Trained
        The network and its history.

    Raises
    ------
    FloatingPointError
        If the loss does not stay finite; names the epoch and the step.
    TypeError, ValueError
        As for `kdref.hard_label_loss` and `kdref.network.forward`.

    See Also
    --------
    distil : the same on a teacher's logits.

    Examples
    --------
    Two points on a line, told apart by one linear layer.

    >>> import numpy as np
    >>> from kdref.training import Schedule, Sgd
    >>> start = [(np.zeros((1, 2)), np.zeros(2))]
    >>> trained = train(
    ...     start, np.array([[-1.0], [1.0]]), [0, 1],
    ...     schedule=Schedule(Sgd(learning_rate=1.0), n_epochs=3), rng=np.random.default_rng(7),
    ... )
    >>> trained.history.train_accuracy
    (1.0, 1.0, 1.0)
    >>> [round(loss, 3) for loss in trained.history.loss]   # from log 2 = 0.693
    [0.313, 0.195, 0.14]
    """
    ids = _checks.row_integers("labels", labels, len(inputs))
    objective = _Objective(
        lambda logits, rows: hard_label_loss(logits, ids[rows]),
        lambda logits, rows: hard_label_loss_grad(logits, ids[rows]),
    )
    return _fit(parameters, inputs, ids, objective, schedule, rng, validation, callback)


def distil(
    parameters: Parameters,
    inputs: RealArray,
    teacher_logits: ArrayLike,
    labels: ArrayLike | None,
    *,
    temperature: float = 4.0,
    alpha: float = 0.9,
    schedule: Schedule,
    rng: np.random.Generator,
    validation: Labelled | None = None,
    callback: Callback | None = None,
) -> Trained:
    """Train a student on a teacher's logits, and on labels as far as there are any.

    Minimises `kdref.distillation_loss` of the logits by minibatches.

    Parameters
    ----------
    parameters : list of (weights, bias)
        Where the student begins; not written to.
    inputs : ndarray, shape (N, n_in)
        One example a row, in the dtype of the parameters.
    teacher_logits : array_like, shape (N, C)
        What the teacher says about each of them.
    labels : array_like of int, shape (N,), or None
        Class ids; None for an unlabelled transfer set, with ``alpha`` 1.
    temperature : float, default 4.0
        Softens both sides.
    alpha : float, default 0.9
        Weight of the soft term.
    schedule, rng, validation, callback
        See `train`.

    Returns
    -------
    Trained
        The student and its history.

    Raises
    ------
    FloatingPointError
        If the loss does not stay finite; names the epoch and the step.
    TypeError, ValueError
        As for `kdref.distillation_loss` and `kdref.network.forward`.

    See Also
    --------
    train : the same on labels alone.

    Examples
    --------
    Without labels, the student takes over the teacher's 3 : 1 as odds of its own.

    >>> import numpy as np
    >>> from kdref.training import Schedule, Sgd
    >>> start = [(np.zeros((1, 2)), np.zeros(2))]
    >>> trained = distil(
    ...     start, np.array([[1.0]]), np.log([[3.0, 1.0]]), None, temperature=1.0, alpha=1.0,
    ...     schedule=Schedule(Sgd(learning_rate=1.0), n_epochs=50), rng=np.random.default_rng(7),
    ... )
    >>> weights, bias = trained.parameters[0]
    >>> np.exp(weights[0] + bias - weights[0, 1] - bias[1]).round(3).tolist()
    [3.0, 1.0]
    """
    ids = None if labels is None else _checks.row_integers("labels", labels, len(inputs))
    teacher = _checks.logits("teacher_logits", teacher_logits)
    if len(teacher) != len(inputs):
        raise ValueError(
            f"teacher_logits must have a row for each of the {len(inputs)} inputs, got {len(teacher)}"
        )

    def arguments(logits: RealArray, rows: Rows) -> tuple[RealArray, FloatArray, IntArray | None]:
        return logits, teacher[rows], None if ids is None else ids[rows]

    options = {"temperature": temperature, "alpha": alpha}
    objective = _Objective(
        lambda logits, rows: distillation_loss(*arguments(logits, rows), **options),
        lambda logits, rows: distillation_loss_grad(*arguments(logits, rows), **options),
    )
    return _fit(parameters, inputs, ids, objective, schedule, rng, validation, callback)


def accuracy(logits: RealArray, labels: ArrayLike) -> float:
    """Share of rows whose largest logit stands at the label.

    Parameters
    ----------
    logits : ndarray, shape (N, C)
        Unnormalised scores; of equal ones the first counts.
    labels : array_like of int, shape (N,)
        Class ids.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` has not the shape above, or the labels are not one integer a row.

    Examples
    --------
    >>> import numpy as np
    >>> accuracy(np.array([[3.0, 1.0], [0.0, 2.0], [5.0, 4.0], [1.0, 9.0]]), [0, 1, 1, 1])
    0.75
    """
    _checks.matrix("logits", logits)
    ids = _checks.row_integers("labels", labels, len(logits))
    return float((logits.argmax(axis=1) == ids).mean())


Rows: TypeAlias = IntArray | slice


@dataclass(frozen=True)
class _Objective:
    """What is minimised, as functions of the logits of some rows of the examples."""

    value: Callable[[RealArray, Rows], float]
    grad: Callable[[RealArray, Rows], FloatArray]


def _fit(
    parameters: Parameters,
    inputs: RealArray,
    labels: IntArray | None,
    objective: _Objective,
    schedule: Schedule,
    rng: np.random.Generator,
    validation: Labelled | None,
    callback: Callback | None,
) -> Trained:
    _checks.generator("rng", rng)
    state = schedule.optimiser.start(parameters)
    reports = []
    # A network that diverges overflows before its loss is NaN; that is reported below, and once.
    with np.errstate(over="ignore", invalid="ignore"):
        for epoch in range(1, schedule.n_epochs + 1):
            state = _one_epoch(state, epoch, inputs, objective, schedule, rng)
            report = _report(
                state.parameters, epoch, inputs, labels, objective, schedule, validation
            )
            reports.append(report)
            if callback is not None:
                callback(report)
    return Trained(state.parameters, _history(reports))


def _one_epoch(
    state: OptimiserState,
    epoch: int,
    inputs: RealArray,
    objective: _Objective,
    schedule: Schedule,
    rng: np.random.Generator,
) -> OptimiserState:
    order = rng.permutation(len(inputs))
    for step, begin in enumerate(range(0, len(order), schedule.batch_size), start=1):
        rows = order[begin : begin + schedule.batch_size]
        passed = forward(
            state.parameters,
            inputs[rows],
            activation=schedule.activation,
            dropout=schedule.dropout,
            rng=rng,
        )
        _require_finite("a logit", passed.logits, f"epoch {epoch}, step {step}")
        logits_grad = objective.grad(passed.logits, rows)
        gradients = backward(state.parameters, passed, logits_grad)
        state = schedule.optimiser.step(state, gradients)
    return state


def _report(
    parameters: Parameters,
    epoch: int,
    inputs: RealArray,
    labels: IntArray | None,
    objective: _Objective,
    schedule: Schedule,
    validation: Labelled | None,
) -> EpochReport:
    logits = forward(parameters, inputs, activation=schedule.activation).logits
    _require_finite("a logit", logits, f"the end of epoch {epoch}")
    loss = objective.value(logits, slice(None))
    _require_finite("a loss", loss, f"the end of epoch {epoch}")
    validation_loss = validation_accuracy = None
    if validation is not None:
        validation_inputs, validation_labels = validation
        seen = forward(parameters, validation_inputs, activation=schedule.activation).logits
        validation_loss = hard_label_loss(seen, validation_labels)
        validation_accuracy = accuracy(seen, validation_labels)
    return EpochReport(
        epoch=epoch,
        loss=loss,
        train_accuracy=None if labels is None else accuracy(logits, labels),
        validation_loss=validation_loss,
        validation_accuracy=validation_accuracy,
        parameters=parameters,
    )


def _history(reports: list[EpochReport]) -> TrainingHistory:
    def column(name: str) -> tuple[float, ...] | None:
        values = tuple(getattr(report, name) for report in reports)
        return None if None in values else values

    return TrainingHistory(
        loss=tuple(report.loss for report in reports),
        train_accuracy=column("train_accuracy"),
        validation_loss=column("validation_loss"),
        validation_accuracy=column("validation_accuracy"),
    )


def _require_finite(name: str, value: RealArray | float, where: str) -> None:
    finite = np.isfinite(value)
    if not finite.all():
        found = float(np.asarray(value)[~finite].flat[0])
        raise FloatingPointError(
            f"the loss must stay finite, got {name} of {found} at {where} "
            "(is the learning rate too large?)"
        )
