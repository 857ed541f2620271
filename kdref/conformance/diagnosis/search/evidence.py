"""What a search for a formula works on: the values of a loss on the base inputs, on changed ones, at other settings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from kdref._checks import FloatArray
from kdref.conformance.diagnosis.calls.box import Box
from kdref.conformance.diagnosis.calls.probes import (
    N_OTHER,
    SETTINGS,
    Contrast,
    Probes,
    Setting,
    probe,
)
from kdref.conformance.terms import Term, columns

DOUBLE, SINGLE, HALF = 1e-9, 1e-6, 1e-2
"""Largest residual, relative to the largest value, of a loss in float64, in float32, and in less."""

NEARLY = 1e-5
"""Residual that an epsilon may leave which no term holds."""


class Part(NamedTuple):
    """The part of a loss that changes with one side.

    Attributes
    ----------
    varied : str
        The side.
    target : array, shape (M, alphas)
        How much the values change.
    pinned : list of Term
        Label terms that change with the same side.
    """

    varied: str
    target: FloatArray
    pinned: list[Term]


@dataclass
class Evidence:
    """The values of a loss at given alphas, and how closely a formula must explain them.

    Attributes
    ----------
    box : Box
        The loss.
    rng : numpy.random.Generator
        Draws the inputs.
    alphas : tuple of float
        Where the loss is evaluated; one for an endpoint or a loss without alpha.
    tolerance : float
        `DOUBLE`, `SINGLE`, `HALF` or `NEARLY`.
    settings : sequence of (N, C, T)
        The first is searched, the others confirm.
    positive : bool
        Only positive logits.
    contrast : Contrast
        The base inputs and their changed copies.
    others : dict
        Values at the other settings.
    """

    box: Box
    rng: np.random.Generator
    alphas: tuple[float, ...]
    tolerance: float
    settings: tuple[Setting, ...] = SETTINGS
    positive: bool = False
    contrast: Contrast = field(init=False)
    others: dict[Setting, Probes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Call the loss on the base inputs."""
        self.contrast = Contrast(
            self.box, self.rng, self.settings[0], self.alphas, positive=self.positive
        )

    @property
    def bound(self) -> float:
        """The absolute residual that counts as zero at the base."""
        return self.tolerance * max(self.contrast.base.scale, 1e-300)

    def changes(self, terms: Sequence[Term], what: str, alpha: float | None = None) -> FloatArray:
        """How each term changes when labels or a side are changed."""
        if not terms:
            return np.zeros((len(self.contrast.base.values), 0))
        both = self.contrast.both_batches(what, self.alphas[0] if alpha is None else alpha)
        with np.errstate(all="ignore"):
            values = columns(list(terms), both)
        half = len(values) // 2
        difference: FloatArray = values[:half] - values[half:]
        return difference

    def probes(self, setting: Setting) -> Probes:
        """The values at a setting; drawn once."""
        if setting == self.settings[0]:
            return self.contrast.base
        if setting not in self.others:
            self.others[setting] = probe(
                self.box, self.rng, setting, self.alphas, N_OTHER, positive=self.positive
            )
        return self.others[setting]
