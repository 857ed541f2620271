"""Row values of the terms between two distributions, and of one distribution alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from kdref._checks import FloatArray
from kdref.conformance.distributions import Batch
from kdref.conformance.terms.floors import WHOLE, floored_log, given

if TYPE_CHECKING:
    from kdref.conformance.terms.term import Term

SMALLEST_NORM = 1e-300
"""A zero vector, or a constant one in a correlation, has cosine 0 with every other."""


def times_log(p: FloatArray, log_p: FloatArray) -> FloatArray:
    """P log p with 0 log 0 = 0; of a negative "probability" it is not a number."""
    return np.where(p > 0.0, p * log_p, np.where(p == 0.0, 0.0, np.nan))


def over_classes(values: FloatArray) -> FloatArray:
    """Sum over the classes."""
    return np.asarray(values.sum(axis=-1))


def cross_entropy(term: Term, batch: Batch) -> FloatArray:
    """-sum p log q; of sigmoids, of each class and its complement."""
    first, second = given(term.first), given(term.second)
    p, floor = batch.p(first), term.first_floor
    if floor is not None and floor.mode in WHOLE:
        change = WHOLE[floor.mode]
        return -over_classes(
            change(p, floor.epsilon) * np.log(change(batch.p(second), floor.epsilon))
        )
    if first.transform == "sigmoid":
        log_q = batch.log_p(second)
        return -over_classes(p * log_q + (1.0 - p) * (log_q - batch.scores(second)))
    # A raw second argument has been passed where log-probabilities were expected.
    raw = second.transform == "raw"
    return -over_classes(
        p * (batch.scores(second) if raw else floored_log(second, term.second_floor, batch))
    )


def kl(term: Term, batch: Batch) -> FloatArray:
    """Sum p (log p - log q); of sigmoids, of each class and its complement."""
    first, floor = given(term.first), term.first_floor
    p = batch.p(first)
    if floor is not None and floor.mode == "ratio":
        return over_classes(p * np.log(p / batch.p(given(term.second)) + floor.epsilon))
    if floor is not None and floor.mode in WHOLE:
        changed = WHOLE[floor.mode](p, floor.epsilon)
        return cross_entropy(term, batch) + over_classes(changed * np.log(changed))
    if first.transform == "sigmoid":
        log_p = batch.log_p(first)
        own = over_classes(p * log_p + (1.0 - p) * (log_p - batch.scores(first)))
        return cross_entropy(term, batch) + own
    return cross_entropy(term, batch) + over_classes(times_log(p, floored_log(first, floor, batch)))


def kl_without_log(term: Term, batch: Batch) -> FloatArray:
    """Sum p (log p - q): a probability in place of its logarithm."""
    first = given(term.first)
    p = batch.p(first)
    own = times_log(p, floored_log(first, term.first_floor, batch))
    return over_classes(own - p * batch.p(given(term.second)))


def pair(
    formula: Callable[[FloatArray, FloatArray], FloatArray],
) -> Callable[[Term, Batch], FloatArray]:
    """A row value that sees two distributions through their probabilities alone."""

    def rows(term: Term, batch: Batch) -> FloatArray:
        return formula(batch.p(given(term.first)), batch.p(given(term.second)))

    return rows


def log_pair(
    formula: Callable[[FloatArray, FloatArray], FloatArray],
) -> Callable[[Term, Batch], FloatArray]:
    """A row value that sees two distributions through their log-probabilities alone."""

    def rows(term: Term, batch: Batch) -> FloatArray:
        return formula(batch.log_p(given(term.first)), batch.log_p(given(term.second)))

    return rows


def huber(p: FloatArray, q: FloatArray) -> FloatArray:
    """Huber loss with its corner at 1, summed."""
    d = abs(p - q)
    return over_classes(np.where(d < 1.0, 0.5 * d * d, d - 0.5))


def cosine(term: Term, batch: Batch) -> FloatArray:
    """1 - cos(x, y)."""
    return _cosine_distance(term, *_probabilities(term, batch))


def correlation(term: Term, batch: Batch) -> FloatArray:
    """1 - Pearson correlation of two rows."""
    x, y = _probabilities(term, batch)
    return _cosine_distance(
        term, x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
    )


def column_correlation(term: Term, batch: Batch) -> FloatArray:
    """1 - Pearson correlation of each class across the batch, averaged: no row value exists."""
    x, y = (np.swapaxes(z, -1, -2) for z in _probabilities(term, batch))
    columns = _cosine_distance(
        term, x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
    )
    return np.asarray(columns.mean(axis=-1))


def _probabilities(term: Term, batch: Batch) -> tuple[FloatArray, FloatArray]:
    return batch.p(given(term.first)), batch.p(given(term.second))


def _cosine_distance(term: Term, x: FloatArray, y: FloatArray) -> FloatArray:
    """With the option added to the product of the norms, as some authors do."""
    norms = np.sqrt(over_classes(x * x) * over_classes(y * y)) + float(term.option or 0.0)
    return 1.0 - over_classes(x * y) / np.maximum(norms, SMALLEST_NORM)


def sorted_distance(p: FloatArray, q: FloatArray) -> FloatArray:
    """Absolute error of the sorted probabilities."""
    return over_classes(abs(np.sort(p, axis=-1) - np.sort(q, axis=-1)))


def binary_cross_entropy(term: Term, batch: Batch) -> FloatArray:
    """-sum p log q + (1 - p) log(1 - q)."""
    p, q = batch.p(given(term.first)), batch.p(given(term.second))
    if term.second_floor is not None:
        q = np.clip(q, term.second_floor.epsilon, 1.0 - term.second_floor.epsilon)
    return -over_classes(p * np.log(q) + (1.0 - p) * np.log1p(-q))


def entropy(term: Term, batch: Batch) -> FloatArray:
    """-sum p log p."""
    first = given(term.first)
    return -over_classes(times_log(batch.p(first), floored_log(first, term.first_floor, batch)))


def mixing_weight(option: float | str | None, alpha: float) -> float:
    """The number that a mixing weight stands for."""
    if isinstance(option, str):
        return {"alpha": alpha, "1 - alpha": 1.0 - alpha}[option]
    return float(option or 0.0)


def mixture(term: Term, batch: Batch) -> tuple[FloatArray, FloatArray, float]:
    """KL of either side to the mixture w first + (1 - w) second, and w."""
    first, second = given(term.first), given(term.second)
    w, p, q = mixing_weight(term.option, batch.alpha), batch.p(first), batch.p(second)
    log_m = np.log(w * p + (1.0 - w) * q)
    to_first = over_classes(times_log(p, batch.log_p(first)) - p * log_m)
    return to_first, over_classes(times_log(q, batch.log_p(second)) - q * log_m), w


def generalised_js(term: Term, batch: Batch) -> FloatArray:
    """W KL(p || m) + (1 - w) KL(q || m), with m = w p + (1 - w) q."""
    first, second, w = mixture(term, batch)
    return w * first + (1.0 - w) * second


def crossed_js(term: Term, batch: Batch) -> FloatArray:
    """(1 - w) KL(p || m) + w KL(q || m), with m = w p + (1 - w) q."""
    first, second, w = mixture(term, batch)
    return (1.0 - w) * first + w * second


def skew_cross_entropy(term: Term, batch: Batch) -> FloatArray:
    """-sum p log m, with m = w p + (1 - w) q."""
    p, q = batch.p(given(term.first)), batch.p(given(term.second))
    w = mixing_weight(term.option, batch.alpha)
    return -over_classes(p * np.log(w * p + (1.0 - w) * q))


def ones(term: Term, batch: Batch) -> FloatArray:
    """One for each row."""
    return np.ones((batch.n_calls, batch.n_examples))
