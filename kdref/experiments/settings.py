"""Hyper-parameters of each network, as the tuning chose them on validation images."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from kdref.training import Adam, Schedule

TUNED = "tuned.json"
"""Made by ``python -m kdref.experiments.tuning``."""


@dataclass(frozen=True)
class Settings:
    """How one network is trained: by Adam, from a fresh start.

    Attributes
    ----------
    learning_rate, weight_decay : float
        Adam's.
    n_epochs, batch_size : int
        Passes over the examples, and examples a step.
    dropout : float
        Share of hidden activations dropped; above 0 for teachers only.
    temperature, alpha : float
        Of the distillation loss; ``alpha`` 0, the loss on labels alone, for the others.
    """

    learning_rate: float
    weight_decay: float
    n_epochs: int
    batch_size: int
    dropout: float = 0.0
    temperature: float = 1.0
    alpha: float = 0.0

    def schedule(self, activation: str) -> Schedule:
        """The same for the training loop."""
        return Schedule(
            Adam(self.learning_rate, weight_decay=self.weight_decay),
            self.n_epochs,
            self.batch_size,
            activation,
            self.dropout,
        )


@functools.cache
def tuning_results() -> Mapping[str, Any]:
    """All that the tuning wrote down: grids, trials, choices."""
    text = resources.files("kdref.experiments").joinpath(TUNED).read_text(encoding="utf-8")
    results: dict[str, Any] = json.loads(text)
    return results


def tuned_settings(regime: str) -> dict[str, Settings]:
    """The chosen settings of a regime's teacher and students.

    Parameters
    ----------
    regime : str
        Its name.

    Returns
    -------
    dict of str to Settings
        By the network's name.
    """
    chosen = tuning_results()["chosen"][regime]
    return {name: Settings(**values) for name, values in chosen.items()}


def tuned_accuracy(regime: str) -> dict[str, float]:
    """The validation accuracy that each chosen setting had in the tuning, by the network's name."""
    figures: dict[str, float] = tuning_results()["validation_accuracy"][regime]
    return figures
