r"""Few passes over a block that fits the cache, and for each row a bound on what that costs in digits.

Work is done in powers of two, :math:`e^u = 2^{u / \log 2}`, because ``exp2`` is the cheaper function:

.. math::

    a_i = \frac{s_i - \max s}{T \log 2}, \quad b_i = \frac{t_i - \max t}{T \log 2}, \qquad
    \mathrm{KL}(p \,\|\, q) = \log 2 \sum_i p_i (b_i - a_i) + \log \sum_j 2^{a_j} - \log \sum_j 2^{b_j}

This is the textbook formula, which loses digits where the result is small against its terms.  How many, follows from
how it reacts to its inputs.  Rounding moves an exponent by at most :math:`\delta = 4 u M`, with u the unit roundoff and
M the largest :math:`|u_i|` of the row.  To first order KL then moves by

.. math::

    \sum_i (q_i - p_i)\, \delta_i + \sum_i p_i (\log \tfrac{p_i}{q_i} - \mathrm{KL})\, \delta'_i
    \;\le\; \delta\, (2\, \mathrm{TV} + 2\, \mathrm{KL} + 2\, \mathrm{TV}), \qquad
    \mathrm{TV} \le \sqrt{\mathrm{KL} / 2}

(:math:`\sum p |\log (p / q)| \le \mathrm{KL} + 2\, \mathrm{TV}`, since :math:`\log x \le x - 1`; the last one is
Pinsker's inequality), and the sums and logarithms add their own roundings.  A row whose bound is not below
`TOLERANCE` of its value, or of its gradient's largest entry, is left to the teaching functions; so is a row whose
bound is NaN or infinite, which is what excluded classes and bad input lead to.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from kdref import _checks
from kdref._checks import BoolArray, FloatArray, IntArray
from kdref.blockwise._batch import Array, Block
from kdref.registry import LossEntry

TOLERANCE = 0.9e-12
"""What the fast formulas may be off; the teaching functions' few ulp make it 1e-12 between the two."""

ROUNDOFF = 2.0**-53
LOG_2 = math.log(2.0)

COLUMNS = 32768
"""Classes at a time: a few float64 buffers of this length fit a core's cache."""

SUM_STEPS = 40
"""Roundings on the way of a term through NumPy's pairwise sum: 16 in a lane, 3 to join lanes, one per doubling."""


@dataclass(frozen=True)
class Scratch:
    """A thread's buffers for blocks of up to ``n_rows`` rows."""

    student: FloatArray
    teacher: FloatArray
    labelled: FloatArray
    work: FloatArray

    @classmethod
    def allocate(cls, n_rows: int, n_classes: int, *, labelled: bool) -> "Scratch":
        """Three buffers of whole rows, the third only for a loss with a term at temperature 1, and a working one."""
        whole = (n_rows, n_classes)
        return cls(
            np.empty(whole),
            np.empty(whole),
            np.empty(whole if labelled else (0, 0)),
            np.empty((n_rows, min(n_classes, COLUMNS))),
        )


class Powers:
    r"""Rows of :math:`2^{(z - \max z) / (T \log 2)}`, written block by block into a buffer, and their sums."""

    def __init__(self, logits: Array, temperature: float, buffer: FloatArray) -> None:
        self.logits = logits
        self.top = logits.max(axis=1, keepdims=True).astype(np.float64)
        low = logits.min(axis=1, keepdims=True).astype(np.float64)
        self.spread: FloatArray = ((self.top - low) / temperature)[:, 0]
        self.scale = 1.0 / (LOG_2 * temperature)
        self.buffer = buffer[: len(logits)]
        self.total: FloatArray = np.zeros(len(logits))

    def exponents(self, columns: slice) -> FloatArray:
        """The exponents of some classes, in the buffer."""
        part = self.buffer[:, columns]
        np.copyto(part, self.logits[:, columns])
        part -= self.top
        part *= self.scale
        return part

    def raise_to(self, columns: slice) -> FloatArray:
        """Two to the power of the exponents, in their place, added to the sums."""
        part = self.buffer[:, columns]
        np.exp2(part, out=part)
        self.total += part.sum(axis=1)
        return part

    @property
    def log_total(self) -> FloatArray:
        """The log-sum-exp relative to the maximum."""
        return np.asarray(np.log(self.total))


@dataclass(frozen=True)
class Outcome:
    """What a fast formula gives for each row: the value and how sure both value and gradient are."""

    values: FloatArray
    sure: BoolArray


def column_slices(n_classes: int) -> list[slice]:
    """Classes in cache-sized pieces."""
    return [slice(i, min(i + COLUMNS, n_classes)) for i in range(0, n_classes, COLUMNS)]


def sum_steps(n_classes: int) -> float:
    """Roundings that a term of a sum over the classes may go through."""
    return SUM_STEPS + math.ceil(n_classes / COLUMNS)


def divergence_bound(
    kl: FloatArray, weighing: Powers, other: Powers, n_classes: int
) -> tuple[FloatArray, FloatArray]:
    """The error of a KL divergence by the module's formula, and the relative error of a probability."""
    steps = sum_steps(n_classes)
    spread = np.maximum(weighing.spread, other.spread)
    logs = weighing.log_total + other.log_total
    tv = np.sqrt(np.maximum(kl, 0.0) / 2.0)
    gaps = kl + 2.0 * tv + abs(weighing.log_total - other.log_total)
    from_inputs = 4.0 * ROUNDOFF * spread * (4.0 * tv + 2.0 * kl)
    from_sums = (steps + 6.0) * ROUNDOFF * (gaps + 2.0 + logs)
    return from_inputs + from_sums, (8.0 * spread + steps + 6.0) * ROUNDOFF


def logit_pair(block: Block) -> tuple[Array, Array]:
    """Student and teacher, float16 as float32: NumPy has no fast maximum of the former."""
    pair = (block.student, np.asarray(block.teacher))
    student, teacher = (z.astype(np.float32) if z.dtype.type is np.float16 else z for z in pair)
    return student, teacher


def class_ids(block: Block, n_classes: int) -> IntArray | None:
    """The checked labels of a block, if there are any."""
    if block.labels is None:
        return None
    ids = _checks.integers("labels", block.labels)
    return _checks.class_ids("labels", ids, n_classes, row_numbers=block.numbers)


class Target:
    """Where a block's gradient goes, each row times its weight's share; keeps the largest entry of each row."""

    def __init__(self, out: Array, shares: FloatArray) -> None:
        self.out = out
        self.shares = shares
        self.largest: FloatArray = np.zeros(len(shares))

    def write(self, columns: slice, gradient: FloatArray) -> None:
        """Round some classes to the type of the output."""
        largest = np.maximum(gradient.max(axis=1), -gradient.min(axis=1))
        np.maximum(self.largest, largest, out=self.largest)
        np.copyto(self.out[:, columns], gradient, casting="same_kind")


def soft_targets(
    block: Block,
    target: Target,
    scratch: Scratch,
    *,
    temperature: float,
    soft_weight: float = 1.0,
    hard_weight: float = 0.0,
    entropy: bool = True,
) -> Outcome:
    """``soft_weight`` times KL(p, q) plus ``hard_weight`` times the cross entropy with the labels.

    Without ``entropy`` the soft term is the cross entropy of q with p, whose gradient is the same.
    """
    student, teacher = logit_pair(block)
    n_classes = student.shape[1]
    q, p = (
        Powers(student, temperature, scratch.student),
        Powers(teacher, temperature, scratch.teacher),
    )
    cross = np.zeros(len(student))
    for columns in column_slices(n_classes):
        work = scratch.work[: len(student), : columns.stop - columns.start]
        a, b = q.exponents(columns), p.exponents(columns)
        np.subtract(b if entropy else 0.0, a, out=work)
        q.raise_to(columns)
        work *= p.raise_to(columns)
        cross += work.sum(axis=1)
    soft = LOG_2 * cross / p.total + (q.log_total - (p.log_total if entropy else 0.0))
    bound, relative = divergence_bound(soft, p, q, n_classes)
    if not entropy:  # every term is at least zero: only the size of the terms counts
        bound = relative * (soft + 1.0)
    values, error = soft_weight * soft, soft_weight * bound
    factor = soft_weight / temperature
    gradient_error = factor * relative * (1.0 / q.total + 1.0 / p.total)
    hard, labels = None, class_ids(block, n_classes)
    if hard_weight > 0.0 and labels is not None:
        hard, ce = _hard_term(student, labels, scratch)
        hard_relative = (8.0 * hard.spread + sum_steps(n_classes) + 6.0) * ROUNDOFF
        values = values + hard_weight * ce
        error = error + hard_weight * hard_relative * (ce + 1.0)
        gradient_error = gradient_error + hard_weight * 2.0 * hard_relative
    for columns in column_slices(n_classes):
        a, b = q.buffer[:, columns], p.buffer[:, columns]
        a *= (target.shares * factor / q.total)[:, np.newaxis]
        b *= (target.shares * factor / p.total)[:, np.newaxis]
        a -= b
        if hard is not None and labels is not None:
            share = target.shares * hard_weight
            a += hard.buffer[:, columns] * (share / hard.total)[:, np.newaxis]
            here = np.flatnonzero((labels >= columns.start) & (labels < columns.stop))
            a[here, labels[here] - columns.start] -= share[here]
        target.write(columns, a)
    sure = (error <= TOLERANCE * values) & (
        gradient_error * target.shares <= TOLERANCE * target.largest
    )
    return Outcome(values, np.asarray(sure))


def _hard_term(student: Array, labels: IntArray, scratch: Scratch) -> tuple[Powers, FloatArray]:
    """The student's powers at temperature 1, and its cross entropy with the labels."""
    r = Powers(student, 1.0, scratch.labelled)
    for columns in column_slices(student.shape[1]):
        r.exponents(columns)
        r.raise_to(columns)
    at_label = student[np.arange(len(labels)), labels].astype(np.float64)
    return r, r.log_total + (r.top[:, 0] - at_label)


def reverse_kl(block: Block, target: Target, scratch: Scratch, *, temperature: float) -> Outcome:
    """KL(q, p), whose gradient needs the log-ratio once more: it takes the place of the teacher's powers."""
    student, teacher = logit_pair(block)
    n_classes = student.shape[1]
    q, p = (
        Powers(student, temperature, scratch.student),
        Powers(teacher, temperature, scratch.teacher),
    )
    cross = np.zeros(len(student))
    for columns in column_slices(n_classes):
        work = scratch.work[: len(student), : columns.stop - columns.start]
        a, b = q.exponents(columns), p.exponents(columns)
        np.subtract(a, b, out=work)
        q.raise_to(columns)
        p.raise_to(columns)
        np.copyto(b, work)
        work *= a
        cross += work.sum(axis=1)
    kl = LOG_2 * cross / q.total + (p.log_total - q.log_total)
    bound, relative = divergence_bound(kl, q, p, n_classes)
    centre = (cross / q.total)[:, np.newaxis]  # sum of q (a - b): the mean of what is centred
    factor = target.shares * LOG_2 / (temperature * q.total)
    for columns in column_slices(n_classes):
        a, b = q.buffer[:, columns], p.buffer[:, columns]
        b -= centre
        a *= factor[:, np.newaxis]
        a *= b
        target.write(columns, a)
    # Its factors' relative errors, and those of the log-ratio and of its mean, times a probability.
    by_ratio = (relative * (1.0 + kl) + bound) / (temperature * q.total) * target.shares
    gradient_error = relative * target.largest + by_ratio
    sure = (bound <= TOLERANCE * kl) & (gradient_error <= TOLERANCE * target.largest)
    return Outcome(kl, np.asarray(sure))


Formula: TypeAlias = Callable[[Block, Target, Scratch], Outcome]


def fast_formula(
    entry: LossEntry, options: Mapping[str, Any], *, has_labels: bool
) -> Formula | None:
    """The fast formula of a loss with its parameters checked; None for a loss that has none."""
    if entry.name == "distillation":
        alpha = _checks.fraction("alpha", options["alpha"])
        temperature = _checks.squarable_temperature(options["temperature"])
        if not has_labels:
            _checks.labels_needed(alpha)
        return partial(
            soft_targets,
            temperature=temperature,
            soft_weight=alpha * temperature**2,
            hard_weight=1.0 - alpha,
        )
    if entry.name not in ("soft_cross_entropy", "forward_kl", "reverse_kl"):
        return None
    temperature = _checks.temperature(options["temperature"])
    if entry.name == "reverse_kl":
        return partial(reverse_kl, temperature=temperature)
    return partial(soft_targets, temperature=temperature, entropy=entry.name == "forward_kl")
