"""What is to be computed: checked once, read a block of rows at a time, never converted as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kdref import _checks
from kdref._checks import FloatArray, IntArray
from kdref.registry import LOSSES, LossEntry

Array: TypeAlias = NDArray[Any]

INPUTS = {"student_logits", "teacher_logits", "labels"}
"""What a loss may take to be evaluated here: features, say, are not rows of logits."""

WEIGHTS_AT_ONCE = 65536
"""How many weights are looked at together."""


@dataclass(frozen=True)
class Block:
    """Some rows of weight above zero: views where all rows of the range count, copies where some are left out.

    Attributes
    ----------
    numbers : array of int, shape (n,)
        The rows' places in the caller's arrays.
    student, teacher : array, shape (n, C)
        In the caller's types; the teacher may be None.
    labels : array of int, shape (n,), or None
        Not yet checked against C.
    weights : array, shape (n,)
        Scaled by a power of two as `Batch.scale` says; ones without weights.
    """

    numbers: IntArray
    student: Array
    teacher: Array | None
    labels: Array | None
    weights: FloatArray

    def some(self, rows: IntArray) -> Block:
        """Only these rows of the block."""
        return Block(
            self.numbers[rows],
            self.student[rows],
            None if self.teacher is None else self.teacher[rows],
            None if self.labels is None else self.labels[rows],
            self.weights[rows],
        )


@dataclass(frozen=True)
class Batch:
    """The checked arguments of `kdref.blockwise.value_and_grad`."""

    student: Array
    teacher: Array | None
    labels: Array | None
    weights: Array | None
    scale: int
    """Weights are multiplied by two to this power, so that their sum cannot overflow."""
    total_weight: float

    def block(self, start: int, stop: int) -> Block:
        """The rows from ``start`` to ``stop`` that carry weight."""
        numbers = np.arange(start, stop)
        whole = Block(
            numbers,
            self.student[start:stop],
            None if self.teacher is None else self.teacher[start:stop],
            None if self.labels is None else self.labels[start:stop],
            np.ones(len(numbers)),
        )
        if self.weights is None:
            return whole
        weights = np.ldexp(self.weights[start:stop].astype(np.float64), self.scale)
        kept = np.flatnonzero(weights)
        some = whole if len(kept) == len(weights) else whole.some(kept)
        return Block(some.numbers, some.student, some.teacher, some.labels, weights[kept])


def separable_losses() -> dict[str, dict[str, Any]]:
    """The losses of the registry that are means over rows of logits: their parameters with the defaults.

    A parameter without a default stands there with the registry's example value.

    Returns
    -------
    dict of str to dict
        By the loss's name: its parameters and their values.
    """
    return {
        name: {
            parameter: _default(entry, parameter, otherwise=example)
            for parameter, example in entry.parameters.items()
        }
        for name, entry in LOSSES.items()
        if _is_separable(entry)
    }


def separable_loss(loss_name: str) -> LossEntry:
    """The registry's entry of such a loss."""
    names = [name for name, entry in LOSSES.items() if _is_separable(entry)]
    return LOSSES[_checks.choice("loss_name", loss_name, names)]


def loss_parameters(entry: LossEntry, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of the loss: as given, else the default of its function."""
    for name in given:
        if name not in entry.parameters:
            allowed = ", ".join(entry.parameters) or "none"
            raise TypeError(f"parameters of {entry.name} must be among: {allowed}; got {name!r}")
    missing = [name for name in entry.parameters if name not in given]
    parameters = {name: _default(entry, name) for name in missing} | dict(given)
    for name, value in parameters.items():
        if value is Parameter.empty:
            raise ValueError(f"{name} must be given for {entry.name}, got None")
    return parameters


def _is_separable(entry: LossEntry) -> bool:
    return entry.row_separable and set(entry.inputs) <= INPUTS


def _default(entry: LossEntry, parameter: str, *, otherwise: Any = Parameter.empty) -> Any:
    default = signature(entry.value).parameters[parameter].default
    return otherwise if default is Parameter.empty else default


def checked_batch(
    entry: LossEntry,
    student_logits: ArrayLike,
    teacher_logits: ArrayLike | None,
    labels: ArrayLike | None,
    weights: ArrayLike | None,
) -> Batch:
    """Shapes and types, and all of the weights; entries are checked as their block is read."""
    student = _floating_matrix("student_logits", student_logits)
    teacher = None
    if _is_taken(entry, "teacher_logits", teacher_logits):
        teacher = _floating_matrix("teacher_logits", teacher_logits)
        _checks.same_shape("student_logits", student, "teacher_logits", teacher)
    n_rows = len(student)
    ids = None
    if _is_taken(entry, "labels", labels, optional=entry.name == "distillation"):
        ids = _label_array(labels)
        _checks.integers("labels", ids[:0] if ids.ndim else ids)
        _checks.per_row("labels", ids, n_rows)
    if weights is None:
        return Batch(student, teacher, ids, None, 0, float(n_rows))
    checked = weights
    if not isinstance(checked, np.ndarray):
        checked = _checks.row_weights(checked, n_rows)
    _checks.per_row("weights", checked, n_rows)
    return Batch(student, teacher, ids, checked, *_scale_and_total(checked))


def destination(out: Array | None, batch: Batch) -> Array:
    """Where the gradient goes: ``out``, or a new array of the student's type."""
    shape, dtype = batch.student.shape, np.dtype(batch.student.dtype.type)
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a NumPy array, got {type(out).__name__}")
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(
            f"out must have shape {shape} and dtype {dtype}, got {out.shape} and {out.dtype}"
        )
    if not out.flags.writeable:
        raise ValueError("out must be writeable, got a read-only array")
    if any(a is not None and np.may_share_memory(out, a) for a in (batch.student, batch.teacher)):
        raise ValueError("out must not overlap an input, got an array that does")
    return out


@contextmanager
def renumbered(numbers: IntArray) -> Iterator[None]:
    """Errors that name a row of a block name its place in the caller's arrays instead."""

    def place(match: re.Match[str]) -> str:
        return match[1] + str(numbers[int(match[2])])

    try:
        yield
    except ValueError as error:
        raise ValueError(re.sub(r"(\bin row |\bat index \(?)(\d+)", place, str(error))) from None


def _is_taken(entry: LossEntry, name: str, value: object, *, optional: bool = False) -> bool:
    """Whether the loss takes this input; refuse one that is missing or that would be ignored."""
    if name not in entry.inputs and value is not None:
        raise ValueError(f"{name} must be None for {entry.name}, which does not take it")
    if name in entry.inputs and value is None and not optional:
        raise ValueError(f"{name} must be given for {entry.name}, got None")
    return value is not None


def _floating_matrix(name: str, value: Any) -> Array:
    array = value if isinstance(value, np.ndarray) else _checks.real_array(name, value)
    _checks.real_array(name, array[:0] if array.ndim else array)
    if array.dtype.type not in (np.float16, np.float32, np.float64):
        raise TypeError(f"{name} must hold float16, float32 or float64, got dtype {array.dtype}")
    _checks.matrix(name, array)
    return array


def _label_array(labels: Any) -> Array:
    return labels if isinstance(labels, np.ndarray) else _checks.integers("labels", labels)


def _scale_and_total(weights: Array) -> tuple[int, float]:
    """A power of two that keeps the sum of the weights in range, and that sum."""
    starts = range(0, len(weights), WEIGHTS_AT_ONCE)
    largest = 0.0
    for start in starts:
        some = weights[start : start + WEIGHTS_AT_ONCE]
        if some.any():
            with renumbered(np.arange(start, start + len(some))):
                largest = max(largest, float(_checks.row_weights(some, len(some)).max()))
    if largest == 0.0:
        _checks.row_weights(weights, len(weights))
    scale = -int(np.frexp(largest)[1])
    return scale, sum(
        float(np.ldexp(weights[start : start + WEIGHTS_AT_ONCE].astype(np.float64), scale).sum())
        for start in starts
    )
