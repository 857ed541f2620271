"""Holds a convention against the loss where it was not fitted: ends of alpha, round temperatures, new shapes."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from kdref._checks import FloatArray
from kdref.conformance.convention import Branch, Convention, WeightedTerm
from kdref.conformance.diagnosis.calls.box import Box
from kdref.conformance.diagnosis.calls.probes import ALPHAS, BASE, SETTINGS, Setting, draw, probe

EXACT, EXACT_SINGLE, EXACT_FLOORED = 1e-6, 3e-5, 1e-4
"""Relative differences that count as agreement: plain, in single precision, with an epsilon inside the logarithms."""

SMALL, SMALL_SINGLE = 1e-3, 0.1
"""Values below this are compared absolutely with it; in single precision a small one is a difference of large ones."""

UNSEEN_SHAPES = ((1, 5), (4, 2), (7, 11), (2, 12), (5, 6), (8, 3), (3, 4), (6, 9))
"""N and C of unseen inputs: single rows and two classes first.  Few, because some frameworks compile for each."""

ROUND_TEMPERATURES = (2.0, 3.0, 4.0, 5.0, 10.0, 20.0, 0.5)
SMALL_SCALES = (0.7,)
N_UNSEEN = 4
N_SPECIAL = 5

Formula = tuple[WeightedTerm, ...]
Finder = Callable[[tuple[float, ...], tuple[Setting, ...]], Formula | None]


@dataclass
class Validation:
    """The convention with its branches, and what was found on the way.

    Attributes
    ----------
    convention : Convention
        With a branch for each special value that was identified.
    codes : set of str
        ``ALPHA_DISCONTINUOUS``, ``SPECIAL_BRANCH``, ``NOT_FINITE``.
    notes : list of str
        What is special where.
    worst : float
        Largest relative difference on unseen inputs.
    """

    convention: Convention
    codes: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    worst: float = 0.0


def with_branches(
    box: Box,
    rng: np.random.Generator,
    result: Validation,
    find: Finder,
    *,
    tolerance: float,
    positive: bool,
    takes_alpha: bool,
) -> None:
    """Compare at special values of alpha and temperature, and identify what stands there."""
    n, c, base_temperature = BASE
    special: list[tuple[str, float, Setting, tuple[float, ...]]] = [
        ("alpha", a, (n, c, base_temperature), (a,)) for a in (0.0, 1.0, 0.5) if takes_alpha
    ]
    special += [("temperature", t, (n, c, t), (ALPHAS[1],)) for t in (1.0, *ROUND_TEMPERATURES)]
    for parameter, at, setting, alphas in special:
        # Small logits: an epsilon that is not identified must not pass for a branch at a low temperature.
        probes = probe(box, rng, setting, alphas, N_SPECIAL, scales=SMALL_SCALES, positive=positive)
        predicted = result.convention.many(*probes.inputs, setting[2], alphas[0])
        values = probes.values[:, 0]
        finite = np.isfinite(values)
        if not finite.all():
            _not_finite(result, box, f"at {parameter} = {at:g}", bool(np.isfinite(predicted).all()))
            continue
        if _differences(predicted, values, tolerance).max() <= tolerance:
            continue
        end = parameter == "alpha" and at in (0.0, 1.0)
        result.codes.add("ALPHA_DISCONTINUOUS" if end else "SPECIAL_BRANCH")
        settings = (
            tuple((m, k, at) for m, k, _ in SETTINGS) if parameter == "temperature" else SETTINGS
        )
        found = find(ALPHAS if parameter == "temperature" else alphas, settings)
        if found is None:
            result.notes.append(
                f"at {parameter} = {at:g} another formula, which was not identified"
            )
        else:
            branch = Branch(parameter, at, found)
            result.convention = replace(
                result.convention, branches=(*result.convention.branches, branch)
            )


def _not_finite(result: Validation, box: Box, where: str, predicted: bool) -> None:
    if box.errors:
        said = f": {box.errors[-1]}" if str(box.errors[-1]) else ""
        result.notes.append(f"the loss raised {type(box.errors[-1]).__name__} {where}{said}")
        box.errors.clear()
    elif predicted:
        result.codes.add("NOT_FINITE")
        result.notes.append(f"not finite {where}")


def _differences(predicted: FloatArray, values: FloatArray, tolerance: float) -> FloatArray:
    small = SMALL_SINGLE if tolerance == EXACT_SINGLE else SMALL
    difference = abs(predicted - values) / np.maximum(abs(values), small)
    return np.where(np.isnan(difference), np.inf, difference)


def validate(
    box: Box, rng: np.random.Generator, result: Validation, *, tolerance: float, positive: bool
) -> None:
    """Predict calls at shapes, temperatures and alphas that no search has seen."""
    for n, c in UNSEEN_SHAPES:
        for _ in range(N_UNSEEN):
            temperature, alpha = float(rng.uniform(1.05, 8.0)), float(rng.uniform())
            inputs = draw(rng, 1, n, c, positive=positive)
            value = box.many(*inputs, temperature, (alpha,))[0, 0]
            predicted = result.convention.many(*inputs, temperature, alpha)[0]
            if not np.isfinite(value) and (n == 1 or c == 2):
                what = "raises" if box.errors else "not finite"
                result.notes.append(f"{what} for N = {n}, C = {c}")
                box.errors.clear()
            elif np.isfinite(value) or np.isfinite(predicted):
                differences = _differences(np.array([predicted]), np.array([value]), tolerance)
                result.worst = max(result.worst, float(differences[0]))
