"""One diagnosis in progress: what is known so far."""

from dataclasses import dataclass, field

import numpy as np

from kdref.conformance.convention import Convention
from kdref.conformance.diagnosis.calls.box import Box
from kdref.conformance.diagnosis.calls.probes import ALPHAS, SETTINGS, Setting
from kdref.conformance.diagnosis.search.costs import Formula
from kdref.conformance.diagnosis.search.evidence import DOUBLE, HALF, SINGLE, Evidence
from kdref.conformance.diagnosis.search.pair_part import Reach
from kdref.conformance.diagnosis.search.search import search


@dataclass
class Diagnosis:
    """One diagnosis in progress: what is known so far."""

    box: Box
    rng: np.random.Generator
    takes: frozenset[str]
    frozen_teacher: bool = True
    kept: dict[str, float] = field(default_factory=dict)
    codes: set[str] = field(default_factory=set)
    details: dict[str, str] = field(default_factory=dict)
    variants: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    untested: list[str] = field(default_factory=list)
    tolerance: float = DOUBLE
    positive: bool = False
    coarse: bool = False
    convention: Convention | None = None
    gradient_judged: bool = False

    @property
    def alphas(self) -> tuple[float, ...]:
        """The alphas to evaluate at; one if the loss has none."""
        return ALPHAS if "alpha" in self.takes else ALPHAS[1:2]

    @property
    def single(self) -> bool:
        """Whether the loss computes in single precision or less."""
        return self.tolerance in (SINGLE, HALF)

    def find(
        self,
        alphas: tuple[float, ...] = ALPHAS,
        settings: tuple[Setting, ...] = SETTINGS,
        *,
        reach: Reach = "all",
    ) -> Formula | None:
        """A formula at these alphas and settings, within the tolerance that is known to hold."""
        kept = alphas if "alpha" in self.takes else self.alphas
        evidence = Evidence(self.box, self.rng, kept, self.tolerance, settings, self.positive)
        return search(evidence, reach=reach)
