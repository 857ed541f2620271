"""Terms that may make up the part of a loss that depends on both sides."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from kdref.conformance.diagnosis.search.candidates import grids
from kdref.conformance.diagnosis.search.candidates.floors import floored_pairs, with_floors
from kdref.conformance.diagnosis.search.candidates.pairs import (
    common_pairs,
    fixed_pairs,
    rare_pairs,
)
from kdref.conformance.diagnosis.search.candidates.parts import DIVIDED, LOGARITHMIC, NICE, unique
from kdref.conformance.diagnosis.search.costs import Terms
from kdref.conformance.diagnosis.search.evidence import Evidence, Part
from kdref.conformance.diagnosis.search.scans import nearest, scan
from kdref.conformance.diagnosis.search.sparse import Support, residual, sparse_supports
from kdref.conformance.terms import Term

Reach = Literal["common", "listed", "all"]
"""How far to search: where values are noisy, only among terms that are common, or listed without a parameter."""

N_PINNED = 8
"""Label terms that stand beside a candidate at most."""


def pair_stages(
    evidence: Evidence, labels: Sequence[Term], varied: str, reach: Reach
) -> Iterator[tuple[bool, Iterator[Terms]]]:
    """Supports for the part that depends on both sides, in stages; first those of a single plain term."""
    part = Part(
        varied,
        evidence.contrast.difference(varied),
        [term for term in labels if varied in term.sides][:N_PINNED],
    )
    if not np.isfinite(part.target).all():
        return
    if residual(evidence.changes(part.pinned, varied), part.target)[1] < evidence.bound:
        yield True, iter([()])
        return
    common = common_pairs()
    yield True, pairs(evidence, common, part, 1)
    if reach == "common":
        return
    rare = rare_pairs()
    yield True, pairs(evidence, rare, part, 1)
    if reach == "listed":
        yield False, pairs(evidence, common, part, 2)
        return
    yield True, pairs(evidence, fixed_pairs(), part, 1)
    yield True, pairs(evidence, floored_pairs(), part, 1)
    yield False, scanned(evidence, part)
    yield False, floored_later(evidence, rare, part)
    if len(evidence.alphas) > 1:
        yield False, mixtures_by_alpha(evidence, varied)
    yield False, pairs(evidence, common, part, 2)
    yield False, pairs(evidence, common + rare, part, 2, seeds=len(common))


def floored_later(evidence: Evidence, rare: list[Term], part: Part) -> Iterator[Terms]:
    """Epsilons in the uncommon terms, and those at fixed temperatures, that come near without fitting."""
    uncommon = [t for t in (*rare, *fixed_pairs()) if t.kind in LOGARITHMIC]
    near = nearest(evidence, uncommon, part)
    near += scan(evidence, part, near=True)
    terms = [floored for term in near for floored in with_floors(term)]
    yield from pairs(evidence, unique(terms), part, 1)


def scanned(evidence: Evidence, part: Part) -> Iterator[Terms]:
    """Terms at a temperature or mixing weight that no dictionary holds."""
    for term in scan(evidence, part):
        yield (term,)


def pairs(
    evidence: Evidence,
    terms: list[Term],
    part: Part,
    largest: int,
    *,
    seeds: int | None = None,
) -> Iterator[Terms]:
    """Supports of one stage; label terms that vary with this side are pinned, pairs begin with a seed."""
    known = terms + part.pinned
    changes = evidence.changes(known, part.varied)
    last: Support = tuple(range(len(terms), len(known)))
    for support in sparse_supports(
        changes, part.target, evidence.bound, largest=largest, pinned=last, seeds=seeds
    ):
        yield tuple(known[i] for i in support if i < len(terms))


def mixtures_by_alpha(evidence: Evidence, varied: str) -> Iterator[Terms]:
    """Mixtures weighted by alpha, tried at a single alpha; the weights' laws see the others."""
    terms, alpha = grids.alpha_mixtures(), evidence.alphas[1]
    changes = evidence.changes(terms, varied, alpha)
    target = evidence.contrast.difference(varied)[:, 1:2]
    for support in sparse_supports(changes, target, evidence.bound, largest=1):
        yield tuple(terms[i] for i in support)


def alike(both: Terms) -> Iterator[Terms]:
    """Supports that change with the teacher as this one does.

    A temperature that divides the student's log-probabilities, and not its logits, changes only what the student
    adds by itself.  In a cross entropy the student's logits meet the teacher's probabilities as a product: what
    divides them is a factor there, and shows only in the values.
    """
    if len(both) != 1 or both[0].kind not in LOGARITHMIC:
        return
    first, second = both[0].distributions
    if both[0].kind == "kl":
        if (first.transform, second.transform) == ("softmax", "softmax"):
            yield (both[0]._replace(second=second._replace(transform=DIVIDED)),)
        return
    if isinstance(first.temperature, str) or first.temperature == 1.0:
        return  # where the teacher's temperature is none of the code's, the student's is listed
    if second.side == "student" and second.transform == "softmax":
        for tau in ("T", 1.0, *NICE):
            if tau != second.temperature:
                yield (both[0]._replace(second=second._replace(temperature=tau)),)
