"""One-dimensional searches: a temperature that somebody wrote into the code, or a mixing weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kdref._checks import FloatArray
from kdref.conformance import dictionary
from kdref.conformance.sparse import residual
from kdref.conformance.terms import Term

if TYPE_CHECKING:
    from kdref.conformance.search import Search

TEMPERATURES = np.exp(np.linspace(np.log(0.04), np.log(60.0), 36))
WEIGHTS = np.linspace(0.02, 0.98, 17)
GOLDEN = (5.0**0.5 - 1.0) / 2.0
STEPS = 60

NEAR, N_NEAREST = 1e-3, 4
"""Share of a difference that an epsilon may leave unexplained, and how many such terms are tried with one."""

PROMISING = 0.02
"""A family is refined where its best grid point leaves less than this share of the difference."""

Grid = Sequence[float] | FloatArray


def nearest(
    search: Search, terms: list[Term], pinned: list[Term], target: FloatArray, varied: str
) -> list[Term]:
    """The few terms that come near to explaining a difference: what an epsilon may have disturbed."""
    left = _residuals(search, [[term] for term in terms], pinned, target, varied)
    order = [int(i) for i in np.argsort(left)[:N_NEAREST]]
    return [terms[i] for i in order if left[i] < NEAR * float((target**2).sum())]


def scan(
    search: Search, pinned: list[Term], target: FloatArray, varied: str, *, near: bool = False
) -> list[Term]:
    """Terms that explain a difference at some temperature or mixing weight that no dictionary holds.

    With ``near``, they need only come near: short decimals are tried, since an epsilon shifts the best value.
    """
    for grid, families in ((TEMPERATURES, dictionary.families), (WEIGHTS, dictionary.mixtures)):
        table = np.stack(
            [_residuals(search, families(float(x)), pinned, target, varied) for x in grid]
        )
        found: list[Term] = []
        energy = PROMISING * float((target**2).sum())
        for family in (f for f in np.argsort(table.min(axis=0))[:6] if table[:, f].min() < energy):
            found += _refined(
                search,
                grid,
                table[:, family],
                families,
                int(family),
                pinned,
                target,
                varied,
                near=near,
            )
            if found:
                return found
    return []


def _residuals(
    search: Search, families: list[list[Term]], pinned: list[Term], target: FloatArray, varied: str
) -> FloatArray:
    changes = search.changes([term for family in families for term in family] + pinned, varied)
    basis = changes[:, len(families) :]
    if not np.isfinite(basis).all():
        return np.full(len(families), np.inf)
    left = target - basis @ np.linalg.lstsq(basis, target, rcond=None)[0] if pinned else target
    finite = np.isfinite(changes[:, : len(families)]).all(axis=0)
    each = np.where(finite, changes[:, : len(families)], 0.0)
    each = each - basis @ np.linalg.lstsq(basis, each, rcond=None)[0] if pinned else each
    norms = np.maximum((each**2).sum(axis=0), 1e-300)
    squared = (left**2).sum() - ((each.T @ left) ** 2).sum(axis=1) / norms
    return np.where(np.isfinite(squared), squared, np.inf)


def _refined(
    search: Search,
    grid: FloatArray,
    coarse: FloatArray,
    families: Callable[[float], list[list[Term]]],
    family: int,
    pinned: list[Term],
    target: FloatArray,
    varied: str,
    *,
    near: bool,
) -> list[Term]:
    """Golden-section search around the best grid point, then the shortest decimal that still fits."""

    def worst(x: float) -> float:
        terms = [*families(x)[family], *pinned]
        return residual(search.changes(terms, varied), target)[1]

    i = int(np.argmin(coarse))
    low, high = float(grid[max(0, i - 1)]), float(grid[min(len(grid) - 1, i + 1)])
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = worst(left), worst(right)
    for _ in range(STEPS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = worst(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = worst(right)
    x = (low + high) / 2.0
    if near:
        places = (1, 2, 3) if worst(x) < NEAR * float(abs(target).max()) else ()
        return [families(round(x, digits))[family][0] for digits in places]
    short = [round(x, digits) for digits in range(1, 8) if abs(round(x, digits) - x) < 1e-5 * x]
    for candidate in (*short[:1], x):
        if worst(candidate) < 5.0 * search.bound:
            # Families that differ by terms of one side only fit equally well: the values will tell.
            groups = families(candidate)
            changes = search.changes([t for group in groups for t in group] + pinned, varied)
            last = list(range(len(groups), changes.shape[1]))
            fits = [residual(changes[:, [i, *last]], target)[1] for i in range(len(groups))]
            return [groups[i][0] for i in np.argsort(fits) if fits[i] < 5.0 * search.bound]
    return []
