"""The smallest sets of columns whose combination explains targets exactly.

A full least squares is useless here: at one temperature the dictionary is rank deficient.  Sets of one, two and
three columns are screened by Gram formulas, and those that pass are verified by least squares on the residual's
largest entry.
"""

from collections.abc import Iterable

import numpy as np

from kdref._checks import FloatArray, IntArray

Support = tuple[int, ...]

SCREEN_FLOOR = 1e-11
"""A squared residual below this share of the targets' cannot be told from zero by a Gram formula."""

DEPENDENT = 1e-9
"""Two unit columns whose squared sine is below this are one column."""

VERIFIED = 400
"""Sets that are verified, best first, per size."""

TRIPLE_SEEDS = 150
"""Columns that are tried as the first of a triple."""


def residual(columns: FloatArray, targets: FloatArray) -> tuple[FloatArray, float]:
    """Least-squares coefficients and the largest residual; infinite where something is not finite."""
    if columns.shape[1] == 0:
        return np.zeros((0, targets.shape[1])), float(abs(targets).max(initial=0.0))
    if not (np.isfinite(columns).all() and np.isfinite(targets).all()):
        return np.full((columns.shape[1], targets.shape[1]), np.nan), np.inf
    norms = np.linalg.norm(columns, axis=0)
    norms[norms == 0.0] = 1.0
    x, *_ = np.linalg.lstsq(columns / norms, targets, rcond=1e-13)
    left = targets - (columns / norms) @ x
    return x / norms[:, np.newaxis], float(abs(left).max())


def sparse_supports(
    columns: FloatArray,
    targets: FloatArray,
    tolerance: float,
    *,
    largest: int,
    pinned: Support = (),
    limit: int = 12,
    seeds: int | None = None,
) -> list[Support]:
    """Supports of the smallest size that explains the targets to an absolute tolerance, best first.

    Parameters
    ----------
    columns : array, shape (M, K)
        The dictionary; columns that are not finite are never used.
    targets : array, shape (M, R)
        What is to be explained, by one support for all R.
    tolerance : float
        Largest residual that counts as zero.
    largest : int
        Largest number of columns beside the pinned ones, up to three.
    pinned : tuple of int
        Columns that are always in the support.
    limit : int
        At most so many supports.
    seeds : int, optional
        Pairs contain one of the first so many columns; by default any.

    Returns
    -------
    list of tuple of int
        Empty if no support of that size fits.
    """
    if residual(columns[:, list(pinned)], targets)[1] < tolerance:
        return [pinned]
    index, unit, rest = _projected(columns, targets, pinned)
    n_seeds = unit.shape[1] if seeds is None else int((index < seeds).sum())
    screen = max(
        SCREEN_FLOOR * float((rest**2).sum()), len(rest) * rest.shape[1] * (2.0 * tolerance) ** 2
    )
    for size in range(1, largest + 1):
        found = []
        for candidate in _SCREENS[size](unit, rest, screen, n_seeds):
            support = pinned + tuple(int(index[i]) for i in candidate)
            worst = residual(columns[:, list(support)], targets)[1]
            if worst < tolerance:
                found.append((worst, support))
        if found:
            return [support for _, support in sorted(found)[:limit]]
    return []


def _projected(
    columns: FloatArray, targets: FloatArray, pinned: Support
) -> tuple[np.ndarray[tuple[int], np.dtype[np.intp]], FloatArray, FloatArray]:
    """Usable columns as unit vectors and the targets, both without their part in the pinned columns."""
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(columns).all(axis=0) & (abs(columns).max(axis=0) < 1e12)
    usable[list(pinned)] = False
    index = np.flatnonzero(usable)
    kept, rest = columns[:, index], targets
    before = np.linalg.norm(kept, axis=0)
    if pinned:
        basis, _ = np.linalg.qr(
            columns[:, list(pinned)] / np.linalg.norm(columns[:, list(pinned)], axis=0)
        )
        kept, rest = kept - basis @ (basis.T @ kept), rest - basis @ (basis.T @ rest)
    norms = np.linalg.norm(kept, axis=0)
    alive = norms > DEPENDENT * np.maximum(before, 1e-300)
    return index[alive], kept[:, alive] / norms[alive], rest


def _singles(unit: FloatArray, rest: FloatArray, screen: float, seeds: int) -> Iterable[Support]:
    left = (rest**2).sum() - ((unit.T @ rest) ** 2).sum(axis=1)
    return [(int(i),) for i in _best(left, screen)]


def _pair_residuals(gram: FloatArray, products: FloatArray, total: float) -> FloatArray:
    """Squared residual of every seed with every later unit column, in closed form."""
    seeds = len(gram)
    determinant = 1.0 - gram**2
    determinant[determinant < DEPENDENT] = np.nan
    squares = (products**2).sum(axis=1)
    explained = squares[:seeds, np.newaxis] + squares - 2.0 * gram * (products[:seeds] @ products.T)
    left: FloatArray = total - explained / determinant
    left[np.tril(np.ones(gram.shape, dtype=bool)) | np.isnan(left)] = np.inf
    return left


def _pairs(unit: FloatArray, rest: FloatArray, screen: float, seeds: int) -> Iterable[Support]:
    gram = unit[:, :seeds].T @ unit
    left = _pair_residuals(gram, unit.T @ rest, float((rest**2).sum()))
    k = unit.shape[1]
    return [(int(i) // k, int(i) % k) for i in _best(left.ravel(), screen)]


def _triples(unit: FloatArray, rest: FloatArray, screen: float, seeds: int) -> Iterable[Support]:
    found: list[Support] = []
    for i in range(min(unit.shape[1] - 2, TRIPLE_SEEDS)):
        seed, later = unit[:, i : i + 1], unit[:, i + 1 :]
        later = later - seed @ (seed.T @ later)
        norms = np.linalg.norm(later, axis=0)
        later = np.where(norms > 1e-6, later / np.maximum(norms, 1e-300), 0.0)
        pairs = _pairs(later, rest - seed @ (seed.T @ rest), screen, later.shape[1])
        found += [(i, i + 1 + j, i + 1 + k) for j, k in pairs]
        if len(found) > VERIFIED:
            break
    return found[:VERIFIED]


def _best(left: FloatArray, screen: float) -> IntArray:
    passing = np.flatnonzero(left < screen).astype(np.intp)
    best: IntArray = passing[np.argsort(left[passing])][:VERIFIED]
    return best


_SCREENS = {1: _singles, 2: _pairs, 3: _triples}
