"""From calls of a loss to a validated formula."""

import numpy as np

from kdref.conformance.convention import Convention
from kdref.conformance.diagnosis.calls.probes import ALPHAS, BASE, Probes, draw, probe
from kdref.conformance.diagnosis.checks import robustness
from kdref.conformance.diagnosis.checks.saturation import saturate
from kdref.conformance.diagnosis.checks.validation import (
    EXACT,
    EXACT_FLOORED,
    EXACT_SINGLE,
    Validation,
    validate,
    with_branches,
)
from kdref.conformance.diagnosis.progress import Diagnosis
from kdref.conformance.diagnosis.search.costs import Formula
from kdref.conformance.diagnosis.search.evidence import DOUBLE, HALF, NEARLY, SINGLE
from kdref.conformance.diagnosis.search.pair_part import Reach
from kdref.conformance.terms import Term

UNIDENTIFIED = (
    "the values differ from the formula by less than one part in 100,000, as an epsilon in a denominator or in a "
    "logarithm makes them; which one was not identified"
)

TOLERANCES = {DOUBLE: EXACT, SINGLE: EXACT_SINGLE, NEARLY: EXACT_FLOORED, HALF: 10.0 * HALF}
"""How closely a formula must predict unseen inputs, by the residual that it was found with."""


def identify(state: Diagnosis) -> None:
    """Find a formula, its special values and epsilons, and validate it."""
    box = state.box
    student, teacher, labels = (each[0] for each in draw(state.rng, 1, *BASE[:2]))
    box.first(student, teacher, labels, BASE[2], ALPHAS[1])
    first = probe(box, state.rng, BASE, state.alphas, 16)
    if not robustness.is_deterministic(box, first):
        state.codes.add("NONDETERMINISTIC")
        return
    if not first.finite and not _finite_on_positive_logits(state, first):
        return
    formula = _formula(state, first)
    if formula is None:
        if not robustness.uses_teacher(box, state.rng):
            state.codes.add("TEACHER_IGNORED")
        elif not state.coarse and robustness.couples_rows(box, state.rng):
            _judge_coupling(state)
        return
    _confirm(state, Convention(formula))


def _finite_on_positive_logits(state: Diagnosis, first: Probes) -> bool:
    """A loss that takes logarithms of logits is finite on positive ones only."""
    positive = probe(state.box, state.rng, BASE, state.alphas, 16, positive=True)
    if state.box.errors and not np.isfinite(first.values).any():
        raise state.box.errors[0]
    state.codes.add("NOT_FINITE")
    state.positive = positive.finite
    state.details["NOT_FINITE"] = (
        "finite only where all logits are positive" if positive.finite else
        f"{np.isnan(first.values).mean():.0%} of the values are NaN"
    )  # fmt: skip
    return positive.finite


def _formula(state: Diagnosis, first: Probes) -> Formula | None:
    """Search in double precision; where the loss computes in less, or nearly fits, with a wider tolerance."""
    if not state.box.single and robustness.rounds_parameters(state.box, first):
        return _noted(state, "temperature or alpha is held")
    found = _within(state, SINGLE, "all") if state.box.single else state.find()
    if found is None:
        found = _in_half(state)
    if found is not None or state.box.single or state.coarse:
        return found
    if robustness.noise(state.box, state.rng, "single") > robustness.SMOOTH["single"]:
        return _noted(state, "computed")
    found = _within(state, NEARLY, "listed")
    if found is not None:
        state.codes.add("EPSILON")
        state.details["EPSILON"] = UNIDENTIFIED
    return found


def _in_half(state: Diagnosis) -> Formula | None:
    """A formula of a loss that computes in half precision; where there is none, it is too coarse to judge its rows."""
    seen = robustness.coarseness(state.box, state.rng)
    if not seen:
        return None
    state.coarse = True
    found = _within(state, HALF, "common")
    if found is not None:
        state.codes.add("IMPRECISE")
        state.details["IMPRECISE"] = seen
        return found
    state.tolerance = HALF
    state.notes.append(f"its values are too coarse to find a formula, as in half precision: {seen}")
    return None


def _noted(state: Diagnosis, what: str) -> Formula | None:
    """A formula of a loss in which something is in single precision."""
    found = _within(state, SINGLE, "all")
    if found is not None:
        state.notes.append(f"{what} in single precision, although the inputs are double")
    return found


def _within(state: Diagnosis, tolerance: float, reach: Reach) -> Formula | None:
    """A formula within a wider tolerance, which stays in force if there is one."""
    state.tolerance = tolerance
    found = state.find(reach=reach)
    if found is None:
        state.tolerance = DOUBLE
    return found


def _judge_coupling(state: Diagnosis) -> None:
    if robustness.is_mean_of_rows(state.box, state.rng):
        state.notes.append("a mean of rows with weights that depend on the rows themselves")
    elif robustness.only_ranks_rows(state.box, state.rng):
        state.notes.append("rows are chosen or weighted within the batch, as by their rank")
    elif _plain_alone(state):
        state.codes.add("ROW_COUPLING")


def _plain_alone(state: Diagnosis) -> bool:
    """Whether single rows have a plain formula although batches, whose rows see each other, have none."""
    settings = tuple(
        (1, c, t) for c, t in ((5, 2.37), (4, 1.43), (3, 3.1), (7, 1.18), (6, 1.9), (4, 4.5))
    )
    found = state.find(settings=settings, reach="common")
    if found is None or not _is_plain(tuple(term for _, term in found)):
        return False
    state.details["ROW_COUPLING"] = f"for a single row it is {Convention(found)}"
    return True


def _is_plain(terms: tuple[Term, ...]) -> bool:
    plain = all(term.kind in ("kl", "cross entropy", "label") for term in terms)
    return plain and len(terms) <= 2 and any(len(term.sides) == 2 for term in terms)


def _confirm(state: Diagnosis, convention: Convention) -> None:
    """Branches, saturated logits and unseen inputs; a formula that fails there is dropped."""
    box, rng = state.box, state.rng
    checked = Validation(convention)
    if not state.positive and state.tolerance in (DOUBLE, SINGLE):
        saturated = saturate(box, rng, convention, single=state.single)
        checked = Validation(saturated.convention, saturated.codes, saturated.notes)
        state.variants.update(saturated.variants)
        state.details.update(
            {code: saturated.notes[0] for code in saturated.codes if saturated.notes}
        )
    floored = any(term.floored for _, term in checked.convention.terms)
    tolerance = max(TOLERANCES[state.tolerance], EXACT_FLOORED if floored else 0.0)
    with_branches(
        box,
        rng,
        checked,
        state.find,
        tolerance=tolerance,
        positive=state.positive,
        takes_alpha="alpha" in state.takes,
    )
    validate(box, rng, checked, tolerance=tolerance, positive=state.positive)
    if checked.worst > tolerance:
        state.notes.append("a formula was found that fails on other inputs, and dropped")
        state.codes &= {"NOT_FINITE"}
        return
    state.convention = checked.convention
    state.codes |= checked.codes
    state.notes += checked.notes
