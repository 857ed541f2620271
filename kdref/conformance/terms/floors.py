"""Epsilons that keep a logarithm finite, and what they do to log-probabilities."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kdref._checks import FloatArray
from kdref.conformance.distributions import Batch, Distribution


class Floor(NamedTuple):
    """An epsilon that keeps a logarithm finite.

    Attributes
    ----------
    mode : str
        A key of ``FLOORS`` where the logarithm alone is changed; a key of ``WHOLE`` where
        the probabilities are changed before everything else; ``"ratio"`` for log(p/q + epsilon).
    epsilon : float
        The constant.
    """

    mode: str
    epsilon: float


def _renormalised(floored: FloatArray) -> FloatArray:
    result: FloatArray = np.log(floored / floored.sum(axis=-1, keepdims=True))
    return result


FLOORS: dict[str, Callable[[FloatArray, float], FloatArray]] = {
    "add": lambda p, e: np.log(p + e),
    "clip": lambda p, e: np.log(np.maximum(p, e)),
    "clip both": lambda p, e: np.log(np.clip(p, e, 1.0 - e)),
    "add, renormalise": lambda p, e: _renormalised(p + e),
    "clip, renormalise": lambda p, e: _renormalised(np.clip(p, e, 1.0 - e)),
}

WHOLE: dict[str, Callable[[FloatArray, float], FloatArray]] = {
    "clip all": lambda p, e: np.clip(p, e, 1.0),
    "clip both all": lambda p, e: np.clip(p, e, 1.0 - e),
    "add all": lambda p, e: p + e,
}


def floored_log(d: Distribution | None, floor: Floor | None, batch: Batch) -> FloatArray:
    """Log-probabilities, through a floor if there is one."""
    if floor is None:
        return batch.log_p(given(d))
    return FLOORS[floor.mode](batch.p(given(d)), floor.epsilon)


def given(d: Distribution | None) -> Distribution:
    """The distribution that a kind of term needs."""
    if d is None:
        raise TypeError("the kind of this term needs another distribution, got None")
    return d
