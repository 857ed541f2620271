"""A vector before its digits are known, and the draws that its inputs come from."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Rows = list[list[float]]


@dataclass(frozen=True)
class Draft:
    """What is known of a vector without computing: its inputs, and what it is there to reveal.

    One that is to be ``refused`` has no answer; one with ``conventions`` has several.
    """

    slug: str
    comment: str
    inputs: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    refused: bool = False
    conventions: tuple[Any, ...] = ()

    @property
    def rows(self) -> int:
        """How many examples there are."""
        return len(next(iter(self.inputs.values())))


def stream(*words: str) -> random.Random:
    """A stream of its own for each name: a new vector does not change the others.

    Python promises the same numbers of ``random()`` in every version; NumPy's distributions may change.
    """
    return random.Random("/".join(words))


def ordinary(rng: random.Random, n_rows: int, n_classes: int, *, size: float = 5.0) -> Rows:
    """Logits between -size and size, with two decimals."""
    return [[round(rng.uniform(-size, size), 2) for _ in range(n_classes)] for _ in range(n_rows)]


def labels(rng: random.Random, n_rows: int, n_classes: int) -> list[int]:
    """Class ids."""
    return [int(rng.random() * n_classes) for _ in range(n_rows)]


def moved(rows: Rows, by: float) -> Rows:
    """A constant added to every entry."""
    return [[z + by for z in row] for row in rows]
