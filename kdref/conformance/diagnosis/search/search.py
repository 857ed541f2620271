"""Finds the formula of a loss: labels, both sides and one side separately, then their weights together.

Differences separate the parts.  The value with these labels minus the value with others leaves the terms that see
labels; the value with this teacher minus the value with another leaves the terms that see both sides.  Each part is
nearly always a single term, so that a large dictionary can be searched for it without coincidences.
"""

from collections.abc import Sequence

import numpy as np

from kdref.conformance.diagnosis.search.candidates.labels import one_sided_terms
from kdref.conformance.diagnosis.search.candidates.parts import DIVIDED, one, unique
from kdref.conformance.diagnosis.search.costs import PLAIN_COST, Formula, Terms, cheaper, cost
from kdref.conformance.diagnosis.search.evidence import Evidence
from kdref.conformance.diagnosis.search.label_part import label_stages, varied_side
from kdref.conformance.diagnosis.search.pair_part import Reach, alike, pair_stages
from kdref.conformance.diagnosis.search.sparse import sparse_supports
from kdref.conformance.diagnosis.search.weighing import weighted
from kdref.conformance.terms import KINDS, Term, columns


def search(evidence: Evidence, *, reach: Reach = "all") -> Formula | None:
    """The cheapest formula that explains every setting, or None."""
    if not evidence.contrast.base.finite:
        return None
    if evidence.contrast.base.scale == 0.0:
        return ()
    for labels in label_stages(evidence):
        found, tried = _cheapest(evidence, labels, reach)
        # Without any candidate for the part that sees both sides, other label terms do not help.
        if found is not None or not tried:
            return found
    return None


def _cheapest(
    evidence: Evidence, labels: Sequence[Term], reach: Reach
) -> tuple[Formula | None, bool]:
    """The cheapest formula with these label terms, and whether there was any candidate.

    A complicated formula is held against later single terms.
    """
    varied = varied_side(labels)
    best: Formula | None = None
    tried = False
    for single, candidates in pair_stages(evidence, labels, varied, reach):
        if best is not None and not single:
            break
        for both in candidates:
            tried = True
            best = cheaper(best, _completed(evidence, labels, both, varied))
            if best is not None and cost(best) > PLAIN_COST:
                for same in alike(both):
                    best = cheaper(best, _completed(evidence, labels, same, varied))
        if best is not None and cost(best) <= PLAIN_COST:
            break
    return best, tried


def _completed(
    evidence: Evidence, labels: Sequence[Term], both: Terms, varied: str
) -> Formula | None:
    """Add terms of one side and labels until the values themselves are explained, then read the weights."""
    kept = "teacher" if varied == "student" else "student"
    free = [term for term in labels if term not in both]
    rest = [*free, *one_sided_terms(kept)]
    if any(term.floored for term in free):
        rest += [one("uniform", kept)._replace(second_floor=t.second_floor) for t in free[:400]]
    if not both and not labels:
        rest += one_sided_terms(varied)
    terms = [*both, *unique(rest)]
    mixed = any(isinstance(term.option, str) for term in both)
    alpha = evidence.alphas[1] if mixed else evidence.alphas[0]
    values = evidence.contrast.base.values[:, 1:2] if mixed else evidence.contrast.base.values
    with np.errstate(all="ignore"):
        table = columns(terms, evidence.contrast.base.batch(alpha))
    pinned = tuple(range(len(both)))
    best: Formula | None = None
    for support in sparse_supports(
        table, values, evidence.bound, largest=3, pinned=pinned, limit=10
    ):
        found = weighted(evidence, tuple(terms[i] for i in support))
        if found is not None and _undoes_itself(found):
            continue
        best = cheaper(best, found)
        if best is not None and cost(best) <= PLAIN_COST:
            break
    return best


def _undoes_itself(formula: Formula) -> bool:
    """No softened logits on one side, and two kinds of label terms, which together are softened logits again.

    The freedom in that explains an epsilon.
    """
    seen = [(term, d) for _, term in formula for d in term.distributions]
    unlike = any(d.transform in (DIVIDED, "raw") for term, d in seen if len(term.sides) == 2)
    labelled = {(term.kind, d.temperature) for term, d in seen if KINDS[term.kind].labels}
    return unlike and len(labelled) > 1
