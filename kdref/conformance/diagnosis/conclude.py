"""From what a diagnosis has found to its report."""

import numpy as np

from kdref.conformance.convention import HINTON, Convention
from kdref.conformance.diagnosis.progress import Diagnosis
from kdref.conformance.diagnosis.reading.parts import Reading
from kdref.conformance.diagnosis.reading.reading import read
from kdref.conformance.diagnosis.relative import VALUE_BLIND, Comparison, compare
from kdref.conformance.report import Disagreement, Report
from kdref.conformance.report.findings import explain, milder_verdicts, verdict_of
from kdref.conformance.report.report import PARTS


def conclude(
    state: Diagnosis, framework: str, parts: tuple[str, ...], against: Convention | None
) -> Report:
    """The report: codes from the formula and from what the checks have seen, the verdict, a disagreement."""
    reading, compared = Reading(), Comparison(set(state.codes))
    reference = HINTON if against is None else against
    if state.convention is not None:
        reading = read(state.convention, takes=state.takes, kept=state.kept, single=state.single)
        compared = Comparison(state.codes | reading.codes)
        if against is not None:
            compared = compare(compared.codes, state.convention, against)
    codes = _of_parts(compared.codes, parts)
    details = state.details | reading.details | compared.details
    if reading.names:
        details["OTHER_LOSS"] = "; ".join(dict.fromkeys(reading.names))
    milder = milder_verdicts(codes, frozen_teacher=state.frozen_teacher) | compared.verdicts
    verdict = verdict_of(codes, milder)
    if verdict != "wrong" and not _judged(state, parts):
        verdict = "unknown"
    if verdict == "agrees" and "value" in parts:
        codes.add("AGREES")
    findings = explain(codes, framework, details, milder, state.variants | reading.variants)
    return Report(
        verdict=verdict,
        formula=str(state.convention)
        if state.convention
        else "NaN"
        if "NOT_FINITE" in codes
        else "",
        convention=state.convention,
        findings=tuple(findings),
        codes=frozenset(codes),
        alternatives=tuple(reading.alternatives),
        untested=(
            *state.untested,
            *(f"the {part}: it was not asked for" for part in PARTS if part not in parts),
        ),
        notes=tuple(dict.fromkeys([*state.notes, *reading.notes])),
        disagreement=None
        if verdict == "agrees" or "value" not in parts
        else _disagreement(state, reference),
        framework=framework,
        reference=str(reference),
        calls=state.box.calls,
        parts=parts,
    )


def _judged(state: Diagnosis, parts: tuple[str, ...]) -> bool:
    """Whether what was asked for could be answered: a gradient can be without a formula, the rest cannot."""
    if set(parts) <= {"gradient"}:
        return bool(parts) and state.gradient_judged
    return state.convention is not None


def _of_parts(codes: set[str], parts: tuple[str, ...]) -> set[str]:
    gradient = {"GRADIENT_MISMATCH", "TEACHER_GETS_GRADIENT"}
    kept = set(gradient) if "gradient" in parts else set()
    if "robustness" in parts:
        kept |= VALUE_BLIND - gradient
    if "value" in parts:
        kept |= codes - VALUE_BLIND
    return codes & kept


def _disagreement(state: Diagnosis, reference: Convention) -> Disagreement | None:
    """A small input with short numbers on which loss and reference differ."""
    rng = np.random.default_rng(1)
    for temperature, alpha in ((2.0, 0.25), (4.0, 0.75), (1.0, 0.5), (2.0, 0.0), (2.0, 1.0)):
        student, teacher = np.round(rng.normal(size=(2, 2, 3)) * 4.0) / 2.0
        labels = rng.integers(0, 3, 2)
        got = state.box.one(student, teacher, labels, temperature, alpha)
        expected = reference(student, teacher, labels, temperature=temperature, alpha=alpha)
        if not abs(got - expected) <= 1e-4 * abs(expected):
            return Disagreement(
                student, teacher, labels.tolist(), temperature, alpha, got, expected
            )
    return None
