"""Measures a diagnosis on a corpus: identified, codes exact, accused of something that is not there."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdref.conformance import Convention, Report, diagnose
from kdref.conformance.diagnosis.calls.frameworks import framework as framework_named
from tests.conformance.corpus.random_losses import Recipe

UNJUDGED = frozenset({"TEACHER_GETS_GRADIENT"})
"""True of nearly every function in PyTorch, whose caller switches the teacher's gradient off."""


@dataclass(frozen=True)
class Score:
    """How one diagnosis did."""

    identified: bool
    missing: frozenset[str]
    extra: frozenset[str]
    formula: str
    seconds: float = 0.0

    @property
    def exact(self) -> bool:
        return not self.missing and not self.extra


def unseen_error(
    loss: Any, convention: Convention, seed: int = 0, framework: str = "numpy"
) -> float:
    """The largest relative error of a convention's predictions on inputs that no diagnosis has drawn."""
    rng = np.random.default_rng([seed, 77])
    native = framework_named(framework)
    worst = 0.0
    for _ in range(10):
        n, c = int(rng.integers(2, 9)), int(rng.integers(3, 11))
        student, teacher = rng.normal(size=(2, n, c)) * 2.0
        labels = rng.integers(0, c, n)
        given = {"temperature": float(rng.uniform(1.1, 8.0)), "alpha": float(rng.uniform())}
        arrays = (native.array(z, "float64") for z in (student, teacher))
        result = native.numpy(loss(*arrays, native.labels(labels), **given))
        value = float(np.mean(result, dtype=np.float64))
        predicted = convention(student, teacher, labels, **given)
        worst = max(worst, abs(value - predicted) / max(abs(value), 1e-3))
    return worst


def score(recipe: Recipe, seed: int) -> Score:
    """Diagnose a random loss and compare with what was planted."""
    report, seconds = timed(recipe.loss, "numpy")
    floored = recipe.soft_epsilon or recipe.hard_epsilon
    tolerance = 1e-4 if floored else 3e-5 if recipe.single else 1e-6
    found = report.convention
    identified = found is not None and unseen_error(recipe.loss, found, seed) <= tolerance
    expected = recipe.codes()
    return Score(
        identified, expected - report.codes, report.codes - expected, report.formula, seconds
    )


def score_by_hand(loss: Any, framework: str, codes: frozenset[str] | None) -> Score:
    """Diagnose a loss written by hand; one outside must be called unknown and accused of nothing.

    Identified is, too, what has no formula to identify: a value that is not finite, noise, half precision.
    """
    report, seconds = timed(loss, framework)
    found, expected = report.codes - UNJUDGED, codes or frozenset()
    error = (
        np.inf
        if report.convention is None
        else unseen_error(loss, report.convention, framework=framework)
    )
    blind = bool(expected & {"NOT_FINITE", "NONDETERMINISTIC", "IMPRECISE", "ROW_COUPLING"})
    right = report.verdict == "unknown" if codes is None else error <= 1e-4 or blind
    return Score(right, expected - found, found - expected, report.formula, seconds)


def timed(loss: Any, framework: str) -> tuple[Report, float]:
    """The report and the processor time that it took."""
    start = time.process_time()
    report = diagnose(loss, framework=framework)
    return report, time.process_time() - start
