"""What a kind of term is: its row values, its name, its formula as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from kdref._checks import FloatArray
from kdref.conformance.distributions import Batch

if TYPE_CHECKING:
    from kdref.conformance.terms.term import Term


class Kind(NamedTuple):
    """A kind of term.

    Attributes
    ----------
    rows : callable
        The row values of a term in a batch, shape (M, N); or (M,) where no row value exists.
    name : str
        What it is called in a report.
    text, latex : str
        Templates with the two distributions and the option.
    labels : bool
        Whether it sees the labels.
    class_sum : bool
        Whether it is defined as a sum over the classes, so that a division by C is a mistake.
    """

    rows: Callable[[Term, Batch], FloatArray]
    name: str
    text: str
    latex: str
    labels: bool = False
    class_sum: bool = True


def kind(
    rows: Callable[[Term, Batch], FloatArray],
    name: str,
    text: str,
    latex: str = "",
    *,
    labels: bool = False,
    class_sum: bool = True,
) -> Kind:
    """A kind whose LaTeX is its name, with what its text names, where none is given."""
    labelled = "y" if labels and "{a}" not in text else ""
    sides = (f"<{side}>" for side in "ab" if f"{{{side}}}" in text)
    written = latex or r"\text{" + name + "}(" + ", ".join(filter(None, (labelled, *sides))) + ")"
    return Kind(rows, name, text, written, labels, class_sum)
