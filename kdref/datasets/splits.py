"""Division of examples into parts in which every class has its share."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import IntArray


def stratified_split(
    labels: ArrayLike, fractions: Sequence[float], *, rng: np.random.Generator
) -> list[IntArray]:
    r"""Divide examples at random into parts that each hold the same share of every class.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        Class ids.
    fractions : sequence of float
        The parts' sizes, each above 0, with sum 1: ``(0.5, 0.2, 0.3)`` for
        training, validation and test.
    rng : numpy.random.Generator
        Source of the division.

    Returns
    -------
    list of ndarray of int
        For each part the indices of its examples in ascending order; together they
        are 0 to N - 1, each once.

    Raises
    ------
    TypeError
        If ``labels`` are not integers, a fraction is not a real number, or ``rng``
        is not a generator.
    ValueError
        If ``labels`` has not one dimension, a fraction is not above 0, or their sum
        is further from 1 than 1e-9.

    Notes
    -----
    A class of n examples is shuffled and cut at the rounded multiples
    :math:`n (f_1 + \dots + f_k)`, so that a part's share of it differs from
    :math:`n f_k` by less than 1.

    Examples
    --------
    Six examples of class 0 and three of class 1, two thirds and one third.

    >>> import numpy as np
    >>> labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
    >>> train, test = stratified_split(labels, (2 / 3, 1 / 3), rng=np.random.default_rng(7))
    >>> labels[train].tolist(), labels[test].tolist()
    ([0, 0, 0, 0, 1, 1], [0, 0, 1])
    """
    ids = _checks.integers("labels", labels)
    if ids.ndim != 1:
        raise ValueError(f"labels must have shape (N,), got {ids.shape}")
    shares = [_checks.positive("each of fractions", fraction) for fraction in fractions]
    if abs(math.fsum(shares) - 1.0) > 1e-9:
        raise ValueError(f"fractions must sum to 1, got {math.fsum(shares)!r}")
    _checks.generator("rng", rng)
    edges = np.cumsum(shares)[:-1]
    by_class = [_cut(np.flatnonzero(ids == label), edges, rng) for label in np.unique(ids)]
    return [np.sort(np.concatenate(parts)) for parts in zip(*by_class, strict=True)]


def _cut(members: IntArray, edges: ArrayLike, rng: np.random.Generator) -> list[IntArray]:
    cuts = np.rint(np.multiply(edges, len(members))).astype(np.intp)
    return np.split(rng.permutation(members), cuts)
