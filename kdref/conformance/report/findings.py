"""Findings: codes explained in the user's framework, and the verdict that they add up to."""

from collections.abc import Iterable
from dataclasses import dataclass

from kdref.conformance.report.codes import CODES
from kdref.conformance.report.repairs import WORDS

VERDICTS = ("agrees", "convention", "wrong", "unknown")


@dataclass(frozen=True)
class Finding:
    """A code with its explanation in the user's framework.

    Attributes
    ----------
    code : str
        A key of ``CODES``.
    verdict : str
        What it makes of the loss.
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


def explain(
    codes: Iterable[str], framework: str, details: dict[str, str], *, soft_only: bool
) -> list[Finding]:
    """The findings of some codes, with repairs in a framework, in the order of `CODES`."""
    given = set(codes)
    findings = []
    for name, code in CODES.items():
        if name not in given or name == "AGREES":
            continue
        mild = name == "T_SQUARED_MISSING" and soft_only
        findings.append(
            Finding(
                name,
                "convention" if mild else code.verdict,
                code.meaning,
                code.changes,
                code.leaves,
                code.repair.format(**WORDS[framework]),
                details.get(name, ""),
            )
        )
    return findings


def verdict_of(codes: set[str]) -> str:
    """The verdict of a set of codes of an identified loss."""
    soft_only = "SOFT_ONLY" in codes
    severities = {
        "convention" if name == "T_SQUARED_MISSING" and soft_only else CODES[name].verdict
        for name in codes
    }
    if "wrong" in severities:
        return "wrong"
    return "convention" if "convention" in severities else "agrees"
