"""The report of a diagnosis: data, and a text that a person likes to read."""

import textwrap
from dataclasses import dataclass, field

import numpy as np

from kdref._checks import FloatArray
from kdref.conformance.convention import HINTON, Convention
from kdref.conformance.report.findings import Finding

WIDTH = 96

HEADLINES = {
    "agrees": "agrees: this is the reference, to rounding",
    "convention": "a convention: a known variant that trains the same way up to weights",
    "wrong": "wrong",
    "unknown": "unknown: no formula was found; nothing is claimed about it",
}


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

    def snippet(self, framework: str) -> str:
        """Python that reproduces it; ``loss`` is the user's."""
        imports, convert = SNIPPETS[framework]
        arrays = ", ".join(
            convert.format(array=np.array2string(z, separator=", ", precision=17).replace("\n", ""))
            for z in (self.student, self.teacher)
        )
        labels = convert.format(array=str(self.labels))
        return "\n".join(
            (
                imports,
                f"student, teacher = {arrays}",
                f"labels = {labels}",
                f"print(loss(student, teacher, labels, temperature={self.temperature!r}, alpha={self.alpha!r}))",
                f"# got {self.got:.10g}, the reference is {self.expected:.10g}",
            )
        )


SNIPPETS = {
    "numpy": ("import numpy as np", "np.array({array})"),
    "torch": ("import torch", "torch.tensor({array})"),
    "jax": ("import jax.numpy as jnp", "jnp.array({array})"),
    "tensorflow": ("import tensorflow as tf", "tf.constant({array})"),
    "keras": ("import keras", "keras.ops.convert_to_tensor({array})"),
}


@dataclass(frozen=True)
class Report:
    """What a diagnosis found.

    Attributes
    ----------
    verdict : {"agrees", "convention", "wrong", "unknown"}
        ``"convention"`` is a known variant that trains the same way up to weights.
    formula : str
        What the loss computes, as text; empty if that is unknown.
    convention : Convention or None
        The same as a callable that predicts the loss.
    findings : tuple of Finding
        What differs from the reference, with effect and repair.
    codes : frozenset of str
        The findings' codes; ``{"AGREES"}`` if there is none.
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

    def __str__(self) -> str:
        """The verdict, the formula beside the reference, findings, what was not tested, a snippet."""
        lines = [f"verdict    {HEADLINES[self.verdict]}"]
        lines += [f"formula    {self.formula or 'not found'}", f"reference  {self.reference}"]
        for finding in self.findings:
            lines += ["", *_finding_lines(finding)]
        for title, items in (
            ("also possible", self.alternatives),
            ("notes", self.notes),
            ("not tested", self.untested),
        ):
            if items:
                lines += ["", title, *(line for item in items for line in _wrapped(item, "  - "))]
        if self.disagreement is not None and self.verdict != "agrees":
            code = self.disagreement.snippet(self.framework)
            lines += ["", "the first disagreement", textwrap.indent(code, "    ")]
        return "\n".join(lines)


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
