"""Measures a diagnosis on a corpus: identified, codes exact, accused of something that is not there."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kdref.conformance import Convention, diagnose
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

    @property
    def exact(self) -> bool:
        return not self.missing and not self.extra


def unseen_error(loss: Any, convention: Convention, seed: int) -> float:
    """The largest relative error of a convention's predictions on inputs that no diagnosis has drawn."""
    rng = np.random.default_rng([seed, 77])
    worst = 0.0
    for _ in range(10):
        n, c = int(rng.integers(2, 9)), int(rng.integers(3, 11))
        student, teacher = rng.normal(size=(2, n, c)) * 2.0
        labels = rng.integers(0, c, n)
        given = {"temperature": float(rng.uniform(1.1, 8.0)), "alpha": float(rng.uniform())}
        value = float(np.mean(loss(student.copy(), teacher.copy(), labels, **given)))
        predicted = convention(student, teacher, labels, **given)
        worst = max(worst, abs(value - predicted) / max(abs(value), 1e-3))
    return worst


def score(recipe: Recipe, seed: int) -> Score:
    """Diagnose a random loss and compare with what was planted."""
    report = diagnose(recipe.loss)
    floored = recipe.soft_epsilon or recipe.hard_epsilon
    tolerance = 1e-4 if floored else 3e-5 if recipe.single else 1e-6
    found = report.convention
    identified = found is not None and unseen_error(recipe.loss, found, seed) <= tolerance
    expected = recipe.codes()
    return Score(identified, expected - report.codes, report.codes - expected, report.formula)
