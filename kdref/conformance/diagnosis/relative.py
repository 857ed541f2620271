"""What tells a loss from another reference than Hinton's: what it shares with that is no finding."""

from dataclasses import dataclass, field

from kdref.conformance.convention import Convention
from kdref.conformance.conversion import conversion
from kdref.conformance.diagnosis.checks.validation import EXACT_FLOORED
from kdref.conformance.diagnosis.reading.reading import read
from kdref.conformance.report.codes import CODES
from kdref.conformance.report.findings import milder_verdicts, verdict_of

VALUE_BLIND = frozenset(
    {
        "GRADIENT_MISMATCH", "TEACHER_GETS_GRADIENT", "INPUT_MUTATED", "ROW_COUPLING", "PADDING_COUNTED",
        "UNSTABLE", "IMPRECISE", "NONDETERMINISTIC",
    }
)  # fmt: skip
"""Codes that do not come from the formula."""

WITH_NUMBERS = frozenset(
    {
        "FREE_WEIGHTS", "CONSTANT_FACTOR", "CONSTANT_OFFSET", "LABEL_SMOOTHING", "EPSILON", "OTHER_LOSS",
        "TEMPERATURE_FIXED", "T_POWER", "ALPHA_DISCONTINUOUS", "SPECIAL_BRANCH",
    }
)  # fmt: skip
"""Codes that two losses can share and still differ in."""


@dataclass(frozen=True)
class Comparison:
    """The codes of a loss against a reference.

    Attributes
    ----------
    codes : set of str
        What the reference has not, and ``NOT_THE_REFERENCE`` where that does not say it all.
    details : dict of str to str
        What was seen, by code.
    verdicts : dict of str to str
        Of ``NOT_THE_REFERENCE``, which weighs as much as what it stands for.
    """

    codes: set[str]
    details: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)


def compare(codes: set[str], found: Convention, against: Convention) -> Comparison:
    """The codes that remain against a reference; one that the reference has and the loss has not is named."""
    unseen = codes & VALUE_BLIND
    if found.equals(against, tolerance=EXACT_FLOORED):
        return Comparison(unseen)
    ratio = found.ratio_to(against)
    if ratio is not None:
        code = "CONSTANT_FACTOR" if ratio > 0.0 else "NEGATIVE_WEIGHT"
        return Comparison(unseen | {code}, {code: f"this loss is {ratio:g} times the reference"})
    theirs = read(against).codes
    own, missing = codes - theirs, theirs - codes
    if own - unseen and not missing and not codes & theirs & WITH_NUMBERS:
        return Comparison(own)
    code = "NOT_THE_REFERENCE"
    milder = milder_verdicts(theirs, frozen_teacher=True)
    graver = {code: "wrong"} if verdict_of(missing, milder) == "wrong" else {}
    return Comparison(own | {code}, {code: _difference(missing, found, against)}, graver)


def _difference(missing: set[str], found: Convention, against: Convention) -> str:
    """Codes that only the reference has, and both losses by way of one, where that can be had."""
    told = [f"{CODES[name].meaning} ({name})" for name in CODES if name in missing]
    sentences = ["only in the reference: " + ", ".join(told)] if told else []
    mine, theirs = conversion(found), conversion(against)
    if mine is not None and theirs is not None and str(mine) != str(theirs):
        sentences.append(f"this loss is {mine}; the reference is {theirs}")
    return "; ".join(sentences) or "the two formulas above differ"
