"""Codes of the hard term, and of terms that see one side only."""

from kdref.conformance.convention import WeightedTerm
from kdref.conformance.diagnosis.reading.parts import AXES, DOUBLES, Parts, Reading
from kdref.conformance.diagnosis.reading.shapes import first_shape
from kdref.conformance.terms import Term
from kdref.conformance.weights import Shape


def read_hard(parts: Parts, reading: Reading) -> Shape | None:
    """Codes of the hard term; returns its weight's shape."""
    if not parts.hard:
        return None
    for _, term in parts.hard:
        _read_hard_term(term, reading)
    if sum(term.kind == "label" for _, term in parts.hard) > 1:
        reading.codes.add("OTHER_LOSS")
    weights = [weight for weight, term in parts.hard if term.kind == "label"][:1]
    targets = {term.second for _, term in parts.hard if term.kind == "label"}
    smoothing = [w for w, term in smoothing_terms(parts) if term.second in targets]
    if smoothing and weights:
        reading.codes.add("LABEL_SMOOTHING")
    return first_shape(weights + smoothing if weights else [parts.hard[0][0]])


def smoothing_terms(parts: Parts) -> list[WeightedTerm]:
    """Cross entropies to the uniform distribution, over all classes or over those other than the label."""
    every = [*parts.single, *parts.hard]
    return [(w, term) for w, term in every if term.kind in ("uniform", "other classes")]


def _read_hard_term(term: Term, reading: Reading) -> None:
    d = term.second
    if d is None:
        return
    if d.transform in DOUBLES:
        reading.codes.add("DOUBLE_SOFTMAX_HARD")
    if d.transform in AXES:
        reading.codes.add("SOFTMAX_WRONG_AXIS")
    if d.temperature != 1.0:
        reading.codes.add("HARD_AT_TEMPERATURE")
    if term.kind == "raw label":
        reading.of_hard("NO_SOFTMAX")
    elif term.kind == "negative probability":
        reading.of_hard("SOFTMAX_NOT_LOG")
    elif term.kind not in ("label", "other classes"):
        reading.other(term)


def read_single_sided(parts: Parts, reading: Reading) -> None:
    """Entropies, sums and uniform targets that are not label smoothing."""
    smoothing = "LABEL_SMOOTHING" in reading.codes
    for _, term in parts.single:
        teacher_only = term.sides == {"teacher"}
        if term.kind == "uniform" and smoothing:
            continue
        if teacher_only and term.kind == "entropy" and not parts.soft:
            continue  # constant for the student: the teacher is ignored
        reading.other(term)
