"""Inputs on which hypotheses about a loss come apart, and the values of a loss on them.

N, C, T and 1/alpha all differ, so that no power of one passes for another; rows carry offsets, so that a missing
softmax shows; scales differ, so that a sparse combination is unique.  For each input the loss is also called with
other labels and with other logits of one side: what a difference leaves is the part that depends on labels, or on
both sides, alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kdref._checks import FloatArray, IntArray
from kdref.conformance.diagnosis.calls.box import Box
from kdref.conformance.distributions import Batch

Setting = tuple[int, int, float]
"""N, C and T."""

ALPHAS = (0.17, 0.37, 0.61, 0.83)
BASE: Setting = (3, 5, 2.37)
SETTINGS: tuple[Setting, ...] = (
    BASE,
    (2, 5, 1.43),
    (4, 3, 3.1),
    (3, 7, 1.18),
    (5, 4, 4.5),
    (2, 6, 1.9),
    (4, 9, 1.27),
    (6, 3, 1.71),
    (2, 4, 2.9),
)
"""N, C and T of the inputs; all T are above 1, because a loss may branch there."""

N_BASE, N_OTHER = 36, 12
SCALES = (0.7, 1.5, 3.0)
SATURATED = (0.7, 3.0, 12.0, 40.0)
GRID = 1024.0
"""Logits are multiples of 1/1024, which float32 holds exactly."""

Inputs = tuple[FloatArray, FloatArray, IntArray]


def draw(
    rng: np.random.Generator,
    n_inputs: int,
    n_examples: int,
    n_classes: int,
    *,
    scales: Sequence[float] = SCALES,
    positive: bool = False,
) -> Inputs:
    """Student logits, teacher logits, labels of ``n_inputs`` calls."""
    shape = (2, n_inputs, n_examples, n_classes)
    scale = rng.choice(scales, n_inputs)[:, np.newaxis, np.newaxis]
    logits = rng.normal(size=shape) * scale + 0.5 * rng.normal(size=(*shape[:3], 1))
    if positive:
        logits = abs(logits) + 0.05
    student, teacher = np.round(logits * GRID) / GRID
    return student, teacher, rng.integers(0, n_classes, (n_inputs, n_examples))


@dataclass
class Probes:
    """Inputs of one setting, the alphas, and the loss's values.

    Attributes
    ----------
    setting : tuple
        N, C and T.
    alphas : tuple of float
        At which each input was tried.
    inputs : tuple
        Student logits, teacher logits and labels.
    values : array, shape (M, alphas)
        What the loss returned.
    """

    setting: Setting
    alphas: tuple[float, ...]
    inputs: Inputs
    values: FloatArray
    _batches: dict[float, Batch] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """The largest value, against which residuals are measured."""
        return float(abs(self.values).max())

    @property
    def finite(self) -> bool:
        """Whether all values are."""
        return bool(np.isfinite(self.values).all())

    def batch(self, alpha: float) -> Batch:
        """The inputs for evaluating terms."""
        if alpha not in self._batches:
            self._batches[alpha] = Batch(*self.inputs, self.setting[2], alpha)
        return self._batches[alpha]


def probe(
    box: Box,
    rng: np.random.Generator,
    setting: Setting,
    alphas: tuple[float, ...],
    n_inputs: int,
    *,
    scales: Sequence[float] = SCALES,
    positive: bool = False,
) -> Probes:
    """Draw inputs and call the loss on them."""
    n, c, temperature = setting
    inputs = draw(rng, n_inputs, n, c, scales=scales, positive=positive)
    return Probes(setting, alphas, inputs, box.many(*inputs, temperature, alphas))


class Contrast:
    """Base inputs and their changed copies: other labels, another teacher, another student.

    Parameters
    ----------
    box : Box
        The loss.
    rng : numpy.random.Generator
        Draws the inputs.
    setting, alphas
        See `Probes`.
    positive : bool
        Only positive logits, for losses that take their logarithm.
    """

    def __init__(
        self,
        box: Box,
        rng: np.random.Generator,
        setting: Setting,
        alphas: tuple[float, ...],
        *,
        positive: bool = False,
        scales: Sequence[float] = SCALES,
        n_inputs: int = N_BASE,
    ) -> None:
        self.box, self.positive = box, positive
        self.base = probe(box, rng, setting, alphas, n_inputs, positive=positive, scales=scales)
        n, c, _ = setting
        student, teacher, labels = self.base.inputs
        others = draw(rng, n_inputs, n, c, positive=positive, scales=scales)
        shifted = (labels + rng.integers(1, c, labels.shape)) % c if c > 1 else labels
        self._changed: dict[str, Inputs] = {
            "labels": (student, teacher, shifted),
            "teacher": (student, others[1], labels),
            "student": (others[0], teacher, labels),
        }
        self._differences: dict[str, FloatArray] = {}
        self._batches: dict[tuple[str, float], Batch] = {}

    def difference(self, what: str) -> FloatArray:
        """Values minus values with ``what`` changed, shape (M, alphas)."""
        if what not in self._differences:
            temperature = self.base.setting[2]
            other = self.box.many(*self._changed[what], temperature, self.base.alphas)
            self._differences[what] = self.base.values - other
        return self._differences[what]

    def both_batches(self, what: str, alpha: float) -> Batch:
        """The base inputs and after them the changed ones, for evaluating terms on both at once."""
        key = (what, alpha)
        if key not in self._batches:
            pairs = zip(self.base.inputs, self._changed[what], strict=True)
            student, teacher, labels = (np.concatenate(pair) for pair in pairs)
            self._batches[key] = Batch(student, teacher, labels, self.base.setting[2], alpha)
        return self._batches[key]
