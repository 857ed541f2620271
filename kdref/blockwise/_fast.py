r"""Few passes over a block that fits the cache, and for each row a bound on what that costs in digits.

Work is done in powers of two, :math:`e^u = 2^{u / \log 2}`, because ``exp2`` is the cheaper function.  With one shift
for the whole block, which leaves no power too large,

.. math::

    a_i = \frac{s_i - c}{T \log 2}, \quad b_i = \frac{t_i - c'}{T \log 2}, \qquad
    \mathrm{KL}(p \,\|\, q) = \log 2 \sum_i p_i (b_i - a_i) + \log \sum_j 2^{a_j} - \log \sum_j 2^{b_j}

This is the textbook formula, which loses digits where the result is small against its terms.  How many, follows from
how it reacts to its inputs.  Rounding moves an exponent, in nats, by at most :math:`\delta = 5 u M`, with u the unit
roundoff and M the largest :math:`|s_i - c| / T` or :math:`|t_i - c'| / T` of the row.  To first order KL then moves by

.. math::

    \sum_i (q_i - p_i)\, \delta_i + \sum_i p_i (\log \tfrac{p_i}{q_i} - \mathrm{KL})\, \delta'_i
    \;\le\; \delta\, (2\, \mathrm{TV} + 2\, \mathrm{KL} + 2\, \mathrm{TV}), \qquad
    \mathrm{TV} \le \min(1, \sqrt{\mathrm{KL} / 2})

(:math:`\sum p |\log (p / q)| \le \mathrm{KL} + 2\, \mathrm{TV}`, since :math:`\log x \le x - 1`; the last one is
Pinsker's inequality).  A sum over the classes is off by k roundings of the sum of its terms' sizes, which is at most
:math:`\mathrm{KL} + 2\, \mathrm{TV}` and the difference of the logarithms; each logarithm, by k for the sum in it
and by its own rounding.  The cross entropy :math:`-\sum p \log q` is the same without b and obeys the same bounds.

A row whose bound is not below `TOLERANCE` of its value, or of its gradient's largest entry, is left to the teaching
functions; so is a row whose bound or value is NaN or infinite, which is what excluded classes and bad input lead to.
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

COLUMNS = 65536
"""Classes at a time: a few float64 buffers of this length fit a core's share of the cache."""

FAR = 600.0
"""Exponents, in nats, whose powers and their reciprocals are well inside the range of float64."""

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


def at(a: Array, places: IntArray) -> Array:
    """One entry of each row."""
    entries: Array = a[np.arange(len(a)), places]
    return entries


class Powers:
    r"""Rows of :math:`2^{(z - c) / (T \log 2)}`, written block by block into a buffer, and their sums.

    One shift c serves for all rows: none, unless all logits lie on one side of zero.  Only where that takes a power out
    of range each row is shifted by its own maximum.
    """

    def __init__(self, logits: Array, temperature: float, buffer: FloatArray) -> None:
        self.logits = logits
        self.place = logits.argmax(axis=1)
        top = at(logits, self.place)[:, np.newaxis].astype(np.float64)
        low, highest = logits.min(keepdims=True).astype(np.float64), top.max(keepdims=True)
        self.shift = np.zeros((1, 1)) if low <= 0.0 <= highest else highest
        if not max(highest - self.shift, self.shift - low) <= FAR * temperature:
            self.shift, low = top, logits.min(axis=1, keepdims=True).astype(np.float64)
        self.reach: FloatArray = np.maximum(top - self.shift, self.shift - low)[:, 0] / temperature
        self.scale = 1.0 / (LOG_2 * temperature)
        self.largest: FloatArray = np.exp2((top - self.shift) * self.scale)[:, 0]
        self.buffer = buffer[: len(logits)]
        self.total: FloatArray = np.zeros(len(logits))

    def exponents(self, columns: slice) -> FloatArray:
        """The exponents of some classes, in the buffer."""
        part = self.buffer[:, columns]
        np.copyto(part, self.logits[:, columns])
        if self.shift.any():
            part -= self.shift
        part *= self.scale
        return part

    def raise_to(self, columns: slice) -> FloatArray:
        """Two to the power of the exponents, in their place, added to the sums."""
        part = self.buffer[:, columns]
        np.exp2(part, out=part)
        self.total += part.sum(axis=1)
        return part

    def relative_error(self) -> FloatArray:
        """Of a probability: its power's exponent and the sum's, the sum, and a few operations."""
        steps = sum_steps(self.logits.shape[1])
        return np.asarray((10.0 * self.reach + steps + 6.0) * ROUNDOFF)

    def probability_error(self) -> FloatArray:
        """Of the largest probability, absolute; that of any other is below it."""
        return np.asarray(self.relative_error() * self.largest / self.total)


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


def value_bound(
    value: FloatArray, offset: FloatArray, weighing: Powers, other: Powers
) -> FloatArray:
    """The error of a divergence or a cross entropy by the module's formula.

    ``offset`` is what the logarithms add to the sum over the classes.
    """
    steps = sum_steps(weighing.logits.shape[1])
    reach = np.maximum(weighing.reach, other.reach)
    tv = np.minimum(np.sqrt(np.maximum(value, 0.0) / 2.0), 1.0)
    sizes = value + 2.0 * tv + abs(offset)
    logs = abs(np.log(weighing.total)) + abs(np.log(other.total))
    from_inputs = 5.0 * reach * (4.0 * tv + 2.0 * value)
    from_sums = (2.0 * steps + 9.0) * sizes + 2.0 * steps + 4.0 + 4.0 * logs
    return np.asarray((from_inputs + from_sums) * ROUNDOFF)


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


@dataclass(frozen=True)
class Target:
    """Where a block's gradient goes, and each row's share of the total weight."""

    out: Array
    shares: FloatArray

    def write(self, columns: slice, gradient: FloatArray) -> None:
        """Round some classes to the type of the output."""
        np.copyto(self.out[:, columns], gradient, casting="same_kind")


def is_sure(values: FloatArray, error: FloatArray) -> BoolArray:
    """Rows whose value is finite and within the tolerance."""
    return np.asarray(np.isfinite(values) & (error <= TOLERANCE * values))


def have_an_entry_of(least: FloatArray, gradient: FloatArray, *powers: Powers) -> BoolArray:
    """Rows of a gradient whose largest entry has at least this size.

    It usually stands where one of the two sides has its largest probability; only where neither of those entries is
    large enough the whole row is looked at.
    """
    largest = np.zeros(len(least))
    for side in powers:
        np.maximum(largest, abs(at(gradient, side.place)), out=largest)
    for row in np.flatnonzero(least > largest):
        largest[row] = max(gradient[row].max(), -gradient[row].min())
    return np.asarray(least <= largest)


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
    offset = np.log(q.total) - (np.log(p.total) if entropy else 0.0)
    soft = LOG_2 * cross / p.total + offset
    values, error = soft_weight * soft, soft_weight * value_bound(soft, offset, p, q)
    factor = soft_weight / temperature
    gradient_error = factor * (q.probability_error() + p.probability_error())
    hard, labels = None, class_ids(block, n_classes)
    if hard_weight > 0.0 and labels is not None:
        hard, ce = _hard_term(student, labels, scratch)
        values = values + hard_weight * ce
        error = error + hard_weight * 3.0 * hard.relative_error()
        gradient_error = gradient_error + hard_weight * 2.0 * hard.relative_error()
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
    least = gradient_error * target.shares / TOLERANCE
    sure = is_sure(values, error) & have_an_entry_of(least, q.buffer, q, p)
    return Outcome(values, sure)


def _hard_term(student: Array, labels: IntArray, scratch: Scratch) -> tuple[Powers, FloatArray]:
    """The student's powers at temperature 1, and its cross entropy with the labels."""
    r = Powers(student, 1.0, scratch.labelled)
    for columns in column_slices(student.shape[1]):
        r.exponents(columns)
        r.raise_to(columns)
    at_label = at(student, labels)[:, np.newaxis].astype(np.float64)
    return r, np.log(r.total) - (at_label - r.shift)[:, 0]


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
    offset = np.log(p.total) - np.log(q.total)
    kl = LOG_2 * cross / q.total + offset
    bound, relative = value_bound(kl, offset, q, p), q.relative_error()
    centre = (cross / q.total)[:, np.newaxis]  # sum of q (a - b): the mean of what is centred
    factor = target.shares * LOG_2 / (temperature * q.total)
    for columns in column_slices(n_classes):
        a, b = q.buffer[:, columns], p.buffer[:, columns]
        b -= centre
        a *= factor[:, np.newaxis]
        a *= b
        target.write(columns, a)
    # The error of the probability that is a factor, and those of the log-ratio and of its mean times a probability.
    largest = q.largest / (q.total * temperature) * target.shares
    by_ratio = (q.relative_error() + p.relative_error() + bound) * largest
    least = np.where(relative < TOLERANCE, by_ratio / (TOLERANCE - relative), np.inf)
    sure = is_sure(kl, bound) & have_an_entry_of(least, q.buffer, q, p)
    return Outcome(kl, sure)


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
