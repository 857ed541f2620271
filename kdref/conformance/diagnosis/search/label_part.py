"""Terms that may make up the part of a loss that depends on labels."""

from collections.abc import Iterator, Sequence

import numpy as np

from kdref.conformance.diagnosis.search.candidates.floors import label_floors
from kdref.conformance.diagnosis.search.candidates.labels import equivalent_labels, label_terms
from kdref.conformance.diagnosis.search.candidates.parts import unique
from kdref.conformance.diagnosis.search.evidence import Evidence
from kdref.conformance.diagnosis.search.sparse import sparse_supports
from kdref.conformance.terms import Term


def label_stages(evidence: Evidence) -> Iterator[list[Term]]:
    """Terms that may make up the part that depends on labels, likeliest first."""
    target = evidence.contrast.difference("labels")
    if not np.isfinite(target).all():
        return
    if abs(target).max() < evidence.bound:
        yield []
        return
    for terms, largest in ((label_terms(), 3), (label_floors(), 1)):
        found = sparse_supports(
            evidence.changes(terms, "labels"), target, evidence.bound, largest=largest
        )
        used = [same for support in found for i in support for same in equivalent_labels(terms[i])]
        if used:
            yield unique(used)


def varied_side(labels: Sequence[Term]) -> str:
    """The side to vary so that the label terms cancel: the other one than theirs."""
    plain = [term for term in labels if len(term.sides) == 1]
    return "student" if plain and all(term.sides == {"teacher"} for term in plain) else "teacher"
