"""From what a diagnosis has found to its report."""

import numpy as np

from kdref.conformance.convention import HINTON, Convention
from kdref.conformance.diagnosis.checks.validation import EXACT_FLOORED
from kdref.conformance.diagnosis.progress import Diagnosis
from kdref.conformance.diagnosis.reading.reading import read
from kdref.conformance.report import Disagreement, Report
from kdref.conformance.report.findings import explain, milder_verdicts, verdict_of
from kdref.conformance.report.report import PARTS

VALUE_BLIND = frozenset(
    {
        "GRADIENT_MISMATCH", "TEACHER_GETS_GRADIENT", "INPUT_MUTATED", "ROW_COUPLING", "PADDING_COUNTED",
        "UNSTABLE", "IMPRECISE", "NONDETERMINISTIC",
    }
)  # fmt: skip
"""Codes that do not come from the formula."""


def conclude(
    state: Diagnosis, framework: str, parts: tuple[str, ...], against: Convention | None
) -> Report:
    """The report: codes from the formula and from what the checks have seen, the verdict, a disagreement."""
    codes, names, alternatives = set(state.codes), list[str](), list[str]()
    reference = HINTON if against is None else against
    if state.convention is not None:
        reading = read(state.convention, takes=state.takes, kept=state.kept)
        codes |= reading.codes
        names, alternatives = reading.names, reading.alternatives
        state.notes += reading.notes
        codes = codes if against is None else _relative(codes, state.convention, against)
    codes = _of_parts(codes, parts)
    details = dict(state.details)
    if names:
        details["OTHER_LOSS"] = "; ".join(dict.fromkeys(names))
    milder = milder_verdicts(codes, frozen_teacher=state.frozen_teacher)
    verdict = verdict_of(codes, milder)
    if verdict != "wrong" and not _judged(state, parts):
        verdict = "unknown"
    if verdict == "agrees" and "value" in parts:
        codes.add("AGREES")
    findings = explain(codes, framework, details, milder, state.variants)
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
        alternatives=tuple(alternatives),
        untested=(
            *state.untested,
            *(f"the {part}: it was not asked for" for part in PARTS if part not in parts),
        ),
        notes=tuple(dict.fromkeys(state.notes)),
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


def _relative(codes: set[str], found: Convention, against: Convention) -> set[str]:
    """Codes against another reference than Hinton's: none that the two share."""
    unseen = codes & VALUE_BLIND
    if found.equals(against, tolerance=EXACT_FLOORED):
        return unseen
    if found.ratio_to(against) is not None:
        return unseen | {"CONSTANT_FACTOR"}
    return (codes - read(against).codes) or unseen | {"OTHER_LOSS"}


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
