"""One-dimensional searches: a temperature that somebody wrote into the code, or a mixing weight."""

from collections.abc import Callable

import numpy as np

from kdref._checks import FloatArray
from kdref.conformance.diagnosis.search.candidates.grids import at_mixing_weight, at_temperature
from kdref.conformance.diagnosis.search.evidence import Evidence, Part
from kdref.conformance.diagnosis.search.sparse import residual
from kdref.conformance.terms import Term

TEMPERATURES = np.exp(np.linspace(np.log(0.04), np.log(60.0), 36))
WEIGHTS = np.linspace(0.02, 0.98, 17)
GOLDEN = (5.0**0.5 - 1.0) / 2.0
STEPS = 60
N_REFINED = 6

NEAR, N_NEAREST = 1e-3, 4
"""Share of a difference that an epsilon may leave unexplained, and how many such terms are tried with one."""

PROMISING = 0.02
"""A family is refined where its best grid point leaves less than this share of the difference."""

Family = Callable[[float], list[Term]]
"""Terms at one value of the searched parameter, always in the same order."""


def nearest(evidence: Evidence, terms: list[Term], part: Part) -> list[Term]:
    """The few terms that come near to explaining a difference: what an epsilon may have disturbed."""
    left = _residuals(evidence, terms, part)
    order = [int(i) for i in np.argsort(left)[:N_NEAREST]]
    return [terms[i] for i in order if left[i] < NEAR * float((part.target**2).sum())]


def scan(evidence: Evidence, part: Part, *, near: bool = False) -> list[Term]:
    """Terms that explain a difference at some temperature or mixing weight that no dictionary holds.

    With ``near``, they need only come near: short decimals are tried, since an epsilon shifts the best value, and
    every family, since it may shift one past another.
    """
    refined, near_ones = (_near if near else _exact), list[Term]()
    for grid, terms_at in ((TEMPERATURES, at_temperature), (WEIGHTS, at_mixing_weight)):
        table = np.stack([_residuals(evidence, terms_at(float(x)), part) for x in grid])
        enough = PROMISING * float((part.target**2).sum())
        best = [int(i) for i in np.argsort(table.min(axis=0))[:N_REFINED]]
        for i in (i for i in best if table[:, i].min() < enough):
            found = refined(evidence, part, terms_at, i, grid, int(np.argmin(table[:, i])))
            if found and not near:
                return found
            near_ones += found
    return near_ones


def _residuals(evidence: Evidence, terms: list[Term], part: Part) -> FloatArray:
    """Squared residual of each term alone, the pinned ones beside it."""
    changes = evidence.changes([*terms, *part.pinned], part.varied)
    basis = changes[:, len(terms) :]
    if not np.isfinite(basis).all():
        return np.full(len(terms), np.inf)
    finite = np.isfinite(changes[:, : len(terms)]).all(axis=0)
    each = _without(np.where(finite, changes[:, : len(terms)], 0.0), basis)
    left = _without(part.target, basis)
    norms = np.maximum((each**2).sum(axis=0), 1e-300)
    squared = (left**2).sum() - ((each.T @ left) ** 2).sum(axis=1) / norms
    return np.where(np.isfinite(squared), squared, np.inf)


def _without(values: FloatArray, basis: FloatArray) -> FloatArray:
    """What a basis leaves unexplained."""
    if basis.shape[1] == 0:
        return values
    left: FloatArray = values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
    return left


def _near(
    evidence: Evidence, part: Part, terms_at: Family, i: int, grid: FloatArray, start: int
) -> list[Term]:
    """Short decimals near the best parameter of the i-th term, if it comes near at all."""
    worst = _worst(evidence, part, terms_at, i)
    x = _minimum(worst, grid, start)
    places = (1, 2, 3) if worst(x) < NEAR * float(abs(part.target).max()) else ()
    return [terms_at(round(x, digits))[i] for digits in places]


def _exact(
    evidence: Evidence, part: Part, terms_at: Family, i: int, grid: FloatArray, start: int
) -> list[Term]:
    """All terms that fit at the best parameter of the i-th one, at its shortest decimal that fits.

    Terms that differ by something of one side only fit equally well: the values will tell.
    """
    worst = _worst(evidence, part, terms_at, i)
    x = _minimum(worst, grid, start)
    best = worst(x)
    if not best < 5.0 * evidence.bound:
        return []
    # A short decimal must fit as well as the minimum: at high temperatures its neighbours nearly do.
    short = [round(x, digits) for digits in range(1, 8) if abs(round(x, digits) - x) < 1e-5 * x]
    kept = next((each for each in short if worst(each) <= 2.0 * best), x)
    fits = [_worst(evidence, part, terms_at, k)(kept) for k in range(len(terms_at(kept)))]
    order = [int(k) for k in np.argsort(fits)]
    return [terms_at(kept)[k] for k in order if fits[k] < 5.0 * evidence.bound]


def _worst(evidence: Evidence, part: Part, terms_at: Family, i: int) -> Callable[[float], float]:
    """The largest residual of the i-th term as a function of the searched parameter."""

    def worst(x: float) -> float:
        changes = evidence.changes([terms_at(x)[i], *part.pinned], part.varied)
        return residual(changes, part.target)[1]

    return worst


def _minimum(worst: Callable[[float], float], grid: FloatArray, start: int) -> float:
    """Golden-section search between the neighbours of a grid point."""
    low, high = float(grid[max(0, start - 1)]), float(grid[min(len(grid) - 1, start + 1)])
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
    return (low + high) / 2.0
