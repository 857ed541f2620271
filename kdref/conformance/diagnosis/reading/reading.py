"""Codes from a convention alone: what its terms and weights say, compared with the Hinton loss."""

from collections.abc import Mapping
from types import MappingProxyType

from kdref.conformance.convention import Convention
from kdref.conformance.diagnosis.calls.signature import PARAMETERS
from kdref.conformance.diagnosis.reading.hard import read_hard, read_single_sided
from kdref.conformance.diagnosis.reading.parts import ORDERED, Parts, Reading, split
from kdref.conformance.diagnosis.reading.scale import read_reductions, read_weights
from kdref.conformance.diagnosis.reading.shapes import fixed_temperature, is_simple, settled
from kdref.conformance.diagnosis.reading.signs import read_signs
from kdref.conformance.diagnosis.reading.soft import read_soft
from kdref.conformance.diagnosis.reading.words import choose_words
from kdref.conformance.diagnosis.search.laws import close
from kdref.conformance.distributions import Distribution
from kdref.conformance.terms import Term
from kdref.conformance.weights import Shape

NOTHING: Mapping[str, float] = MappingProxyType({})


def read(
    convention: Convention,
    *,
    takes: frozenset[str] = frozenset(PARAMETERS),
    kept: Mapping[str, float] = NOTHING,
    single: bool = False,
) -> Reading:
    """The codes of a convention; what a loss does not take as a parameter is a setting, and no mistake.

    With ``single``, it was found from values in single precision.
    """
    reading = Reading(takes=takes, kept=kept)
    parts = split(convention.terms)
    if _labels_on_teacher(parts):
        if _teacher_leads(parts):
            reading.codes.add("LABELS_ON_TEACHER")
        else:
            reading.codes.add("ROLES_SWAPPED")
            parts = split([(w, _exchanged(term)) for w, term in convention.terms])
    everything = [*convention.terms, *(each for b in convention.branches for each in b.terms)]
    if any(term.floored for _, term in everything):
        reading.codes.add("EPSILON")
    if parts.constants:
        reading.codes.add("CONSTANT_OFFSET")
    hard = read_hard(parts, reading)
    read_single_sided(parts, reading)
    soft = read_soft(parts, hard, reading)
    if single and parts.soft:
        soft = settled(soft, parts.soft[0][1])
    read_reductions(parts, hard, soft, reading)
    read_weights(parts, hard, soft, reading)
    read_signs(parts, reading)
    _read_branches(convention, reading)
    add_alternatives(parts, hard, soft, reading)
    choose_words(reading)
    return reading


def _labels_on_teacher(parts: Parts) -> bool:
    """The labels are compared with the teacher's logits."""
    return bool(parts.hard) and all(term.sides == {"teacher"} for _, term in parts.hard)


def _teacher_leads(parts: Parts) -> bool:
    """The soft term's order shows that its roles are right; one without an order cannot tell."""
    firsts = {
        term.first.side for _, term in parts.soft if term.kind in ORDERED and term.first is not None
    }
    return firsts == {"teacher"}


def _exchanged(term: Term) -> Term:
    def other(d: Distribution | None) -> Distribution | None:
        if d is None:
            return None
        return d._replace(side="teacher" if d.side == "student" else "student")

    return term._replace(first=other(term.first), second=other(term.second))


def _share(parts: Parts, soft: Shape) -> float:
    """The constant of the soft term without the square of its fixed temperature."""
    tau = fixed_temperature(parts.soft[0][1])
    return soft.constant if tau is None else soft.constant / tau**2


def _read_branches(convention: Convention, reading: Reading) -> None:
    for branch in convention.branches:
        end = branch.parameter == "alpha" and branch.value in (0.0, 1.0)
        reading.codes.add("ALPHA_DISCONTINUOUS" if end else "SPECIAL_BRANCH")


def add_alternatives(
    parts: Parts, hard: Shape | None, soft: Shape | None, reading: Reading
) -> None:
    """Other readings that no probe can tell from this one."""
    if soft is None:
        return
    if hard is None and "KL_REVERSED" in reading.codes:
        reading.alternatives.append(
            "without a hard term, exchanged roles (teacher passed as student) give the same numbers: "
            "only the source can tell"
        )
    constant = abs(soft.constant)
    root = constant**0.5
    if (
        "TEMPERATURE_FIXED" not in reading.codes
        and "CONSTANT_FACTOR" in reading.codes
        and is_simple(root)
        and root != 1.0
    ):
        reading.alternatives.append(
            f"the constant {constant:g} may be the square of a fixed temperature {root:g}: "
            "only the source can tell"
        )
    if (
        "TEMPERATURE_FIXED" in reading.codes
        and (hard is None or not close(hard.constant + _share(parts, soft), 1.0))
        and soft.temperature == 0.0
        and not close(soft.constant, 1.0)
    ):
        reading.alternatives.append(
            f"the factor {soft.constant:.6g} may be a constant or the fixed temperature's square: "
            "only the source can tell"
        )
