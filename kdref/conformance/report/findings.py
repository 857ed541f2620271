"""Findings: codes explained in the user's framework, and the verdict that they add up to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kdref.conformance.report.codes import CODES
from kdref.conformance.report.repairs import WORDS
from kdref.conformance.report.variants import VARIANTS

VERDICTS = ("agrees", "convention", "wrong", "unknown")

NO_VARIANTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Finding:
    """A code with its explanation in the user's framework.

    Attributes
    ----------
    code : str
        A key of ``CODES``.
    verdict : str
        What it makes of the loss; ``"caution"`` is told and changes no verdict.
    meaning, changes, leaves, repair : str
        What the code says of itself.
    detail : str
        What was measured, such as the ratio of two gradients.
    """

    code: str
    verdict: str
    meaning: str
    changes: str
    leaves: str
    repair: str
    detail: str = ""


def milder_verdicts(codes: Iterable[str], *, frozen_teacher: bool) -> dict[str, str]:
    """Codes that weigh less here than by themselves.

    Without a hard term, a missing T^2 is a learning rate.  A gradient that reaches the teacher's logits stops there
    if the teacher runs without gradients, which is the caller's business and the usual case.
    """
    milder = {"T_SQUARED_MISSING": "convention"} if "SOFT_ONLY" in set(codes) else {}
    return milder | ({"TEACHER_GETS_GRADIENT": "caution"} if frozen_teacher else {})


def explain(
    codes: Iterable[str],
    framework: str,
    details: dict[str, str],
    milder: dict[str, str],
    variants: Mapping[str, str] = NO_VARIANTS,
) -> list[Finding]:
    """The findings of some codes, with repairs in a framework, in the order of `CODES`; variants change the words."""
    told = {name: VARIANTS[variants[name]] if name in variants else CODES[name] for name in CODES}
    given = set(codes) - {"AGREES"}
    return [
        Finding(
            name,
            milder.get(name, code.verdict),
            code.meaning,
            code.changes,
            code.leaves,
            code.repair.format(**WORDS[framework]),
            details.get(name, ""),
        )
        for name, code in told.items()
        if name in given
    ]


def verdict_of(codes: Iterable[str], milder: dict[str, str]) -> str:
    """The verdict of a set of codes of an identified loss: the gravest of theirs."""
    severities = {milder.get(name, CODES[name].verdict) for name in codes}
    if "wrong" in severities:
        return "wrong"
    return "convention" if "convention" in severities else "agrees"
