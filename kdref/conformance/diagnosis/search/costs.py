"""How complicated a formula is, and the order in which it is read."""

from kdref.conformance.convention import WeightedTerm
from kdref.conformance.terms import KINDS, Term

Terms = tuple[Term, ...]
Formula = tuple[WeightedTerm, ...]

PLAIN_COST = 9.5
"""Two terms with three parts of weights between them: nothing simpler is to be expected."""

UNUSUAL = frozenset(
    {
        "constant",
        "dot",
        "error probability",
        "negative probability",
        "entropy",
        "sum",
        "squares",
        "raw label",
        "squared to label",
    }
)
"""Kinds that turn up in coincidences; they cost a little more."""


def cost(formula: Formula) -> float:
    """How complicated a formula is: its terms, its weights' parts, its unusual kinds."""
    return sum(
        3.0 + len(weight.parts) + (term.kind in UNUSUAL) + 0.5 * term.floored
        for weight, term in formula
    )


def cheaper(best: Formula | None, found: Formula | None) -> Formula | None:
    """The cheaper of two formulas, either of which may be missing; the first of equals."""
    if found is None or (best is not None and cost(best) <= cost(found)):
        return best
    return found


def reading_order(term: Term) -> int:
    """Hard terms first, then what belongs to one side, the soft ones, the constant."""
    if term.kind == "constant":
        return 3
    return 2 if len(term.sides) == 2 else 0 if KINDS[term.kind].labels else 1
