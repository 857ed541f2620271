"""A term of a loss as data, and the one evaluation that the fit and `Convention` share.

A `Term` is a kind, one or two distributions, an option (a mixing weight, an exponent) and floors (an epsilon
inside a logarithm).  The value of a term is the mean over rows of its row value.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kdref._checks import FloatArray
from kdref.conformance.distributions import Batch, Distribution
from kdref.conformance.terms.floors import Floor
from kdref.conformance.terms.kinds import KINDS


class Term(NamedTuple):
    """One term of a loss.

    Attributes
    ----------
    kind : str
        A key of ``KINDS``.
    first, second : Distribution or None
        In mathematical order: KL(first || second), CE(first, second); a term with labels has only a second.
    option : float, str or None
        A mixing weight (also ``"alpha"`` or ``"1 - alpha"``), an exponent, or what is added to the
        product of norms in a cosine.
    first_floor, second_floor : Floor or None
        Epsilons inside the logarithms of either side.
    """

    kind: str
    first: Distribution | None = None
    second: Distribution | None = None
    option: float | str | None = None
    first_floor: Floor | None = None
    second_floor: Floor | None = None

    @property
    def distributions(self) -> tuple[Distribution, ...]:
        """The distributions that occur, first and second."""
        return tuple(d for d in (self.first, self.second) if d is not None)

    @property
    def sides(self) -> frozenset[str]:
        """The sides whose logits the term sees."""
        return frozenset(d.side for d in self.distributions)

    @property
    def plain(self) -> Term:
        """The term without its epsilons."""
        return self._replace(first_floor=None, second_floor=None)

    @property
    def floored(self) -> bool:
        """Whether an epsilon stands in it."""
        return self.first_floor is not None or self.second_floor is not None

    def text(self) -> str:
        """Readable text, such as ``KL(teacher/T || student/T)``."""
        parts = {"a": self.first, "b": self.second}
        words = {name: d.text() for name, d in parts.items() if d is not None}
        option = f"{self.option:.6g}" if isinstance(self.option, float) else str(self.option)
        text = KINDS[self.kind].text.format(w=option, **words)
        floors = {f for f in (self.first_floor, self.second_floor) if f is not None}
        notes = sorted(f"{f.mode} {f.epsilon:.3g}" for f in floors)
        return text + (f" [{', '.join(notes)}]" if notes else "")

    def latex(self) -> str:
        """The same as LaTeX."""
        parts = {"a": self.first, "b": self.second}
        words = {name: d.latex() for name, d in parts.items() if d is not None}
        option = f"{self.option:.6g}" if isinstance(self.option, float) else str(self.option)
        return _filled(KINDS[self.kind].latex, {"w": option.replace("alpha", r"\alpha"), **words})


def _filled(template: str, words: dict[str, str]) -> str:
    """LaTeX is full of braces: placeholders are written <a>."""
    for name, word in words.items():
        template = template.replace(f"<{name}>", word)
    return template


def value(term: Term, batch: Batch) -> FloatArray:
    """The term's value in each of the calls of a batch, shape (M,)."""
    rows = KINDS[term.kind].rows(term, batch)
    return rows.mean(axis=-1) if rows.ndim == 2 else rows


def columns(terms: list[Term], batch: Batch) -> FloatArray:
    """Values of several terms side by side, shape (M, number of terms)."""
    return np.stack([value(term, batch) for term in terms], axis=1)
