"""What happens on large logits: epsilons inside logarithms, overflow, and underflow."""

from dataclasses import dataclass, field, replace

import numpy as np

from kdref._checks import FloatArray
from kdref.conformance.convention import Convention
from kdref.conformance.diagnosis.calls.box import Box
from kdref.conformance.diagnosis.calls.probes import BASE, SATURATED, Probes, draw, probe
from kdref.conformance.diagnosis.search.candidates.floors import with_floors
from kdref.conformance.distributions import RAW, SOFTMAX_AXES
from kdref.conformance.terms import Term, value

ALPHA = 0.37
N_SATURATED = 32
OFFSET = 5000.0
"""Added to all logits of a row: exp overflows beyond 709 T."""

GAP = 4000.0
"""Scale of logits whose small probabilities underflow to zero."""

AGREE, AGREE_SINGLE = 1e-7, 2e-5
"""How far a prediction may lie from the value, relative to 1 + |value|."""

MODERATE = -32.0
"""Log-probabilities above this, which is 1e-14, are far from rounding to 0 or 1."""

MANY = 400_000
"""Combinations of epsilons that are tried at most."""


@dataclass
class Saturation:
    """What large logits have shown.

    Attributes
    ----------
    convention : Convention
        With the epsilons that explain the values, if any.
    codes : set of str
        ``UNSTABLE``, ``EPSILON`` or none.
    notes : list of str
        Which inputs, and what is worth knowing without being a finding.
    variants : dict of str to str
        Which words of `kdref.conformance.report.variants.VARIANTS` a code gets in place of its own.
    """

    convention: Convention
    codes: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    variants: dict[str, str] = field(default_factory=dict)


def saturate(
    box: Box, rng: np.random.Generator, convention: Convention, *, single: bool
) -> Saturation:
    """Compare a loss with its formula on large logits."""
    result = Saturation(convention)
    scales = tuple(s for s in SATURATED if s < 20.0 or not single)
    probes = probe(box, rng, BASE, (ALPHA,), N_SATURATED, scales=scales)
    if not any(
        d.transform in SOFTMAX_AXES for _, term in convention.terms for d in term.distributions
    ):
        _shifted_rows(box, rng, result, single=single)
    predicted = convention.many(*probes.inputs, BASE[2], ALPHA)
    values = probes.values[:, 0]
    if (np.isfinite(predicted) & ~np.isfinite(values)).any():
        result.codes.add("UNSTABLE")
        result.variants.clear()
        result.notes.insert(0, f"not finite on logits of scale {scales[-1]:g}")
        return result
    if not _agree(predicted, values, single=single).all():
        _settle(result, probes, single=single)
    _underflow(box, rng, result)
    return result


def _agree(
    predicted: FloatArray, values: FloatArray, *, single: bool
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    bound = (AGREE_SINGLE if single else AGREE) * (1.0 + abs(values))
    return np.asarray(abs(predicted - values) <= bound)


def _shifted_rows(box: Box, rng: np.random.Generator, result: Saturation, *, single: bool) -> None:
    """A constant added to all logits of a row, another for each row."""
    n, c, temperature = BASE
    student, teacher, labels = draw(rng, 3, n, c)
    offsets = np.array([0.0, OFFSET, -OFFSET])[:, np.newaxis]
    student, teacher = student + offsets, teacher + offsets
    values = box.many(student, teacher, labels, temperature, (ALPHA,))[:, 0]
    predicted = result.convention.many(student, teacher, labels, temperature, ALPHA)
    if not np.isfinite(predicted).all():
        return
    far = abs(values - predicted) > (0.05 if single else 1e-6) * (1.0 + abs(predicted))
    if (far | ~np.isfinite(values)).any():
        result.codes.add("UNSTABLE")
        finite = bool(np.isfinite(values).all())
        if finite:
            result.variants["UNSTABLE"] = "another value"
        what = "wrong" if finite else "not finite"
        result.notes.append(f"{what} when {OFFSET:g} is added to all logits of a row")


def _underflow(box: Box, rng: np.random.Generator, result: Saturation) -> None:
    """Logits so far apart that probabilities underflow, and a class excluded by both sides: notes only."""
    n, c, temperature = BASE
    student, teacher, labels = draw(rng, 3, n, c, scales=(GAP,))
    values = box.many(student, teacher, labels, temperature, (ALPHA,))
    if not np.isfinite(values).all():
        result.notes.append(
            "not finite on logits that differ by thousands, where a probability is 0 (0 log 0)"
        )


def _settle(result: Saturation, probes: Probes, *, single: bool) -> None:
    """Find the epsilons that explain the departure from the formula."""
    values, batch = probes.values[:, 0], probes.batch(ALPHA)
    terms = [term.plain for _, term in result.convention.terms]
    options = _options(terms)
    factors = [w(BASE[2], BASE[1], BASE[0], ALPHA) for w, _ in result.convention.terms]
    with np.errstate(all="ignore"):
        tables = [
            np.stack([k * value(option, batch) for option in group])
            for k, group in zip(factors, options, strict=True)
        ]
    choice = _best_combination(tables, values, options, 1e-5 if single else 1e-7)
    if choice is None:
        _unidentified(result, probes, single=single)
        return
    chosen = {term: options[i][j] for i, (term, j) in enumerate(zip(terms, choice, strict=True))}
    changed = tuple((w, chosen[term.plain]) for w, term in result.convention.terms)
    branches = tuple(
        replace(b, terms=tuple((w, chosen.get(term.plain, term)) for w, term in b.terms))
        for b in result.convention.branches
    )
    result.convention = replace(result.convention, terms=changed, branches=branches)


def _unidentified(result: Saturation, probes: Probes, *, single: bool) -> None:
    """Where only probabilities that round to 0 or 1 make the difference, no clamp of the author's is accused."""
    values = probes.values[:, 0]
    predicted = result.convention.many(*probes.inputs, BASE[2], ALPHA)
    moderate = _smallest_log_probability(result.convention, probes) > MODERATE
    if _agree(predicted[moderate], values[moderate], single=single).all():
        result.notes.append("departs from its formula where probabilities round to 0 or 1")
        return
    result.codes.add("EPSILON")
    result.notes.append(
        "departs from its formula on large logits: a clamp or epsilon that was not identified"
    )


def _smallest_log_probability(convention: Convention, probes: Probes) -> FloatArray:
    """Of each input, over all that the formula takes a softmax or a sigmoid of; shape (M,)."""
    batch = probes.batch(ALPHA)
    smallest = np.zeros(batch.n_calls)
    for d in {d for _, term in convention.terms for d in term.distributions}:
        if d.transform not in RAW:
            logs = -abs(batch.scores(d)) if d.transform == "sigmoid" else batch.log_p(d)
            smallest = np.minimum(smallest, logs.min(axis=(-2, -1)))
    return smallest


def _options(terms: list[Term]) -> list[list[Term]]:
    floored = ("kl", "cross entropy", "binary", "label", "kl without log", "uniform", "entropy")
    groups = [[term, *with_floors(term)] if term.kind in floored else [term] for term in terms]
    while np.prod([float(len(group)) for group in groups]) > MANY:
        longest = max(range(len(groups)), key=lambda i: (terms[i].kind != "kl", len(groups[i])))
        groups[longest] = groups[longest][: max(1, len(groups[longest]) // 2)]
    return groups


def _best_combination(
    tables: list[FloatArray], values: FloatArray, options: list[list[Term]], tolerance: float
) -> tuple[int, ...] | None:
    """Indices of the combination that fits best; among equals, the one with the fewest epsilons."""
    total = tables[0]
    for table in tables[1:]:
        total = (total[:, np.newaxis] + table[np.newaxis]).reshape(-1, len(values))
    errors = abs(total - values).max(axis=1)
    bound = tolerance * float(abs(values).max()) * 10.0
    with np.errstate(invalid="ignore"):
        fitting = np.flatnonzero(errors < bound)
    if len(fitting) == 0:
        return None
    sizes = [len(group) for group in options]
    places = [tuple(int(i) for i in np.unravel_index(f, sizes)) for f in fitting]

    def rank(k: int) -> tuple[float, int, int]:
        terms = [options[i][j] for i, j in enumerate(places[k])]
        used = sum((t.first_floor is not None) + (t.second_floor is not None) for t in terms)
        return round(float(errors[fitting[k]]) / bound, 1), used, k

    return places[min(range(len(places)), key=rank)]
