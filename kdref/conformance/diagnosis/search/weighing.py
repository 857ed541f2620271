"""The weights of given terms: refitted at every setting, then read as functions of T, C, N and alpha."""

import numpy as np

from kdref._checks import FloatArray
from kdref.conformance.diagnosis.calls.probes import Probes
from kdref.conformance.diagnosis.search.costs import Formula, Terms, reading_order
from kdref.conformance.diagnosis.search.evidence import DOUBLE, Evidence
from kdref.conformance.diagnosis.search.laws import read_weight
from kdref.conformance.diagnosis.search.sparse import residual
from kdref.conformance.terms import columns


def weighted(evidence: Evidence, terms: Terms) -> Formula | None:
    """Refit at every setting, where the residual must vanish, and read each weight's law."""
    if not terms:
        return ()
    found = []
    for setting in evidence.settings:
        fitted = _coefficients(evidence, terms, evidence.probes(setting))
        if fitted is None:
            return None
        found.append(fitted)
    stacked = np.array(found)  # (settings, terms, alphas)
    loose = 1e-7 if evidence.tolerance <= DOUBLE else max(3e-5, 2.0 * evidence.tolerance)
    formula = []
    for i, term in enumerate(terms):
        offset = term.kind == "constant"
        law = read_weight(
            stacked[:, i], evidence.settings, evidence.alphas, loose, logarithms=offset
        )
        if law is None:
            return None
        if law.parts:
            formula.append((law, term))
    return tuple(sorted(formula, key=lambda part: reading_order(part[1])))


def _coefficients(evidence: Evidence, terms: Terms, probes: Probes) -> FloatArray | None:
    """Coefficients of the terms at one setting, shape (terms, alphas), if they leave no residual."""
    if not probes.finite:
        return None
    bound = 10.0 * evidence.tolerance * max(probes.scale, 1e-300)
    mixed = any(isinstance(term.option, str) for term in terms)
    with np.errstate(all="ignore"):
        if not mixed:
            x, worst = residual(
                columns(list(terms), probes.batch(evidence.alphas[0])), probes.values
            )
            return x if worst < bound else None
        fits = [
            residual(columns(list(terms), probes.batch(alpha)), probes.values[:, j : j + 1])
            for j, alpha in enumerate(evidence.alphas)
        ]
    if max(worst for _, worst in fits) >= bound:
        return None
    return np.concatenate([x for x, _ in fits], axis=1)
