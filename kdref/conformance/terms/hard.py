"""Row values of the terms that see labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kdref._checks import FloatArray
from kdref.conformance.distributions import Batch, log_softmax
from kdref.conformance.terms.floors import floored_log, given
from kdref.conformance.terms.soft import over_classes

if TYPE_CHECKING:
    from kdref.conformance.terms.term import Term

EXCLUDED = -1e30
"""A logit that takes a class out of a softmax without making an infinity."""


def label(term: Term, batch: Batch) -> FloatArray:
    """-log q at the label."""
    return -batch.at_label(floored_log(term.second, term.second_floor, batch))


def uniform(term: Term, batch: Batch) -> FloatArray:
    """-log q, averaged over the classes."""
    return np.asarray(-floored_log(term.second, term.second_floor, batch).mean(axis=-1))


def other_classes(term: Term, batch: Batch) -> FloatArray:
    """-log q, averaged over the classes other than the label: what smoothing may share among them alone."""
    total = batch.n_classes * uniform(term, batch)
    return np.asarray((total - label(term, batch)) / max(batch.n_classes - 1, 1))


def probability_at_label(term: Term, batch: Batch) -> FloatArray:
    """Q at the label."""
    return batch.at_label(batch.p(given(term.second)))


def raw_label(term: Term, batch: Batch) -> FloatArray:
    """Minus the logit of the label."""
    return -batch.at_label(batch.logits[given(term.second).side])


def focal(term: Term, batch: Batch) -> FloatArray:
    """(1 - q)^gamma (-log q) at the label."""
    gamma = float(term.option or 0.0)
    return np.asarray((1.0 - probability_at_label(term, batch)) ** gamma * label(term, batch))


def squared_to_label(term: Term, batch: Batch) -> FloatArray:
    """Squared error to the one-hot label."""
    p = batch.p(given(term.second))
    return over_classes(p * p) - 2.0 * batch.at_label(p) + 1.0


def binary_label(term: Term, batch: Batch) -> FloatArray:
    """Binary cross entropy of each class to the one-hot label."""
    second = given(term.second)
    if second.transform == "sigmoid":
        z = batch.scores(second)
        return -over_classes(batch.log_p(second) - z) - batch.at_label(z)
    log_rest = np.log1p(-batch.p(second))
    return batch.at_label(log_rest) - over_classes(log_rest) + label(term, batch)


def teacher_choice(term: Term, batch: Batch) -> FloatArray:
    """-log q at the first distribution's largest class."""
    choice = batch.logits[given(term.first).side].argmax(axis=-1)[..., np.newaxis]
    return -np.take_along_axis(batch.log_p(given(term.second)), choice, axis=-1)[..., 0]


def target_kl(term: Term, batch: Batch) -> FloatArray:
    """KL of (p_label, 1 - p_label) to (q_label, 1 - q_label)."""
    p = batch.at_label(batch.p(given(term.first)))
    q = batch.at_label(batch.p(given(term.second)))
    return np.asarray(p * np.log(p / q) + (1.0 - p) * (np.log1p(-p) - np.log1p(-q)))


def _non_target_logs(term: Term, batch: Batch) -> tuple[FloatArray, FloatArray]:
    z = (batch.scores(d) for d in (given(term.first), given(term.second)))
    first, second = (log_softmax(np.where(batch.is_label(), EXCLUDED, each), -1) for each in z)
    return first, second


def non_target_kl(term: Term, batch: Batch) -> FloatArray:
    """KL among the classes that are not the label."""
    first, second = _non_target_logs(term, batch)
    return over_classes(np.where(batch.is_label(), 0.0, np.exp(first) * (first - second)))


def non_target_cross_entropy(term: Term, batch: Batch) -> FloatArray:
    """Cross entropy among the classes that are not the label."""
    first, second = _non_target_logs(term, batch)
    return -over_classes(np.where(batch.is_label(), 0.0, np.exp(first) * second))


def target_cross_entropy(term: Term, batch: Batch) -> FloatArray:
    """-p log q at the label."""
    log_q = batch.log_p(given(term.second))
    return -batch.at_label(batch.p(given(term.first)) * log_q)
