"""The report of a diagnosis: data, and a text that a person likes to read."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field

import numpy as np

from kdref._checks import FloatArray
from kdref.conformance.convention import HINTON, Convention
from kdref.conformance.report.findings import Finding
from kdref.conformance.report.repairs import WORDS

WIDTH = 96

PARTS = ("value", "gradient", "robustness")
"""What a diagnosis can be asked for."""

HEADLINES = {
    "agrees": "agrees: this is the reference, to rounding",
    "convention": "a convention: a known variant that trains the same way up to weights",
    "wrong": "wrong: {codes}",
    "unknown": "unknown: no formula was found; nothing is claimed about it",
}
HEADLINES_AGAINST = HEADLINES | {
    "convention": "a convention: it differs from the reference by what is named below",
}
HEADLINES_WITHOUT_VALUE = HEADLINES | {
    "agrees": "no fault in its {parts}; whether its value is right was not asked",
    "unknown": "unknown: its {parts} could not be tested",
}


CALL = "loss(student, teacher, labels, temperature=temperature, alpha=alpha)"
"""How a loss of the usual signature is called."""


@dataclass(frozen=True)
class Disagreement:
    """The first input on which a loss and its reference differ.

    Attributes
    ----------
    student, teacher : array, shape (N, C)
        The logits.
    labels : list of int
        The labels.
    temperature, alpha : float
        The parameters.
    got, expected : float
        What the loss and the reference return.
    """

    student: FloatArray
    teacher: FloatArray
    labels: list[int]
    temperature: float
    alpha: float
    got: float
    expected: float

    def snippet(self, framework: str, setup: str = "", call: str = CALL) -> str:
        """Python that reproduces it; the user's function is imported by ``setup`` and called by ``call``.

        What it gives is shown to six digits: single precision has few more, and they differ from machine to machine.
        """
        imports, convert = SNIPPETS[framework]
        written = [
            np.array2string(z, separator=", ", precision=17) for z in (self.student, self.teacher)
        ]
        student, teacher = (convert.format(array=" ".join(each.split())) for each in written)
        labels = LABELS[framework].format(array=self.labels)
        lines = (
            imports,
            *([setup] if setup else []),
            f"student = {student}",
            f"teacher = {teacher}",
            f"labels, temperature, alpha = {labels}, {self.temperature!r}, {self.alpha!r}",
            f"print({call})",
            f"# it gives {self.got:.6g}, the reference {self.expected:.6g}",
        )
        return "\n".join(lines)


SNIPPETS = {
    "numpy": ("import numpy as np", "np.array({array})"),
    "torch": ("import torch", "torch.tensor({array}, dtype=torch.float64)"),
    "jax": ("import jax.numpy as jnp", "jnp.array({array})"),
    "tensorflow": ("import tensorflow as tf", "tf.constant({array}, dtype=tf.float64)"),
    "keras": ("import keras", "keras.ops.convert_to_tensor({array})"),
}
LABELS = {
    name: convert.split(", dtype")[0].removesuffix(")") + ")"
    for name, (_, convert) in SNIPPETS.items()
}
"""How arrays are made in each framework: logits in double precision where it has that by default, and labels."""


@dataclass(frozen=True)
class Report:
    """What a diagnosis found.

    Attributes
    ----------
    verdict : {"agrees", "convention", "wrong", "unknown"}
        Of the parts that were asked for; ``"convention"`` is a known variant that trains the same
        way up to weights.
    formula : str
        What the loss computes, as text; empty if that is unknown.
    convention : Convention or None
        The same as a callable that predicts the loss.
    findings : tuple of Finding
        What differs from the reference, with effect and repair.
    codes : frozenset of str
        The findings' codes; ``{"AGREES"}`` if there is none and the value was asked for.
    alternatives : tuple of str
        Other readings of the same numbers, and what would decide.
    untested : tuple of str
        What was not tested, and why.
    notes : tuple of str
        Worth knowing, and no finding.
    disagreement : Disagreement or None
        The first input on which loss and reference differ.
    framework : str
        Of the loss.
    reference : str
        The formula that it was compared with.
    calls : int
        How often the loss was called.
    parts : tuple of str
        Which tests were asked for.
    setup, call : str
        How the snippet imports and calls the user's function.
    """

    verdict: str
    formula: str = ""
    convention: Convention | None = None
    findings: tuple[Finding, ...] = ()
    codes: frozenset[str] = frozenset()
    alternatives: tuple[str, ...] = ()
    untested: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    disagreement: Disagreement | None = None
    framework: str = "numpy"
    reference: str = field(default_factory=lambda: str(HINTON))
    calls: int = 0
    parts: tuple[str, ...] = PARTS
    setup: str = ""
    call: str = CALL

    def __str__(self) -> str:
        """The verdict, the formula beside the reference, findings, what was not tested, a snippet."""
        lines = [f"verdict    {self._headline()}"]
        lines += [f"formula    {self.formula or 'not found'}", f"reference  {self.reference}"]
        for finding in sorted(self.findings, key=lambda f: GRAVITY.index(f.verdict)):
            lines += ["", *_finding_lines(finding)]
        lines += _definitions(self.findings, self.framework)
        for title, items in (
            ("also possible", self.alternatives),
            ("notes", self.notes),
            ("not tested", self.untested),
        ):
            if items:
                lines += ["", title, *(line for item in items for line in _wrapped(item, "  - "))]
        if self.disagreement is not None and self.verdict != "agrees":
            lines += ["", "the first disagreement", textwrap.indent(self.snippet(), "    ")]
        return "\n".join(lines)

    def _headline(self) -> str:
        mistakes = ", ".join(f.code for f in self.findings if f.verdict == "wrong")
        headlines = HEADLINES if self.reference == str(HINTON) else HEADLINES_AGAINST
        headlines = headlines if "value" in self.parts else HEADLINES_WITHOUT_VALUE
        return headlines[self.verdict].format(codes=mistakes, parts=" and ".join(self.parts))

    def snippet(self) -> str:
        """Python that reproduces the first disagreement; empty if there is none."""
        if self.disagreement is None:
            return ""
        return self.disagreement.snippet(self.framework, self.setup, self.call)


GRAVITY = ("wrong", "convention", "caution")
"""Findings are told in this order."""


def _definitions(findings: tuple[Finding, ...], framework: str) -> list[str]:
    """What p, log_p and log_q stand for in the repairs that name them without saying."""
    used = [
        name
        for name in ("p", "log_p", "log_q")
        if any(
            re.search(rf"\b{name}\b", f.repair) and not re.search(rf"\b{name} = ", f.repair)
            for f in findings
        )
    ]
    if not used:
        return []
    told = ", ".join(f"{name} = {WORDS[framework][name]}" for name in used)
    return ["", *_wrapped(told, "  where     ")]


def _finding_lines(finding: Finding) -> list[str]:
    lines = [f"{finding.code} ({finding.verdict}): {finding.meaning}"]
    if finding.detail:
        lines += _wrapped(finding.detail, "  seen      ")
    lines += _wrapped(finding.changes, "  changes   ")
    lines += _wrapped(finding.leaves, "  leaves    ")
    return lines + _wrapped(finding.repair, "  repair    ")


def _wrapped(text: str, prefix: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=prefix,
        subsequent_indent=" " * len(prefix),
        break_long_words=False,
        break_on_hyphens=False,
    )
