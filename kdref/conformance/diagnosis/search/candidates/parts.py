"""What candidates are made of: the constants that people write, and short ways to write a term."""

from collections.abc import Iterable

from kdref.conformance.distributions import Distribution, Temperature
from kdref.conformance.terms import Term

NICE = (
    0.05,
    0.07,
    0.1,
    0.2,
    0.25,
    0.5,
    0.7,
    1.5,
    2.0,
    2.5,
    3.0,
    4.0,
    5.0,
    6.0,
    7.0,
    8.0,
    10.0,
    15.0,
    16.0,
    20.0,
)
"""Temperatures that people write."""

CROSSED = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 8.0, 10.0, 20.0)
"""Fixed temperatures that are tried against each other."""

MIXTURES = (
    "generalised js",
    "crossed js",
    "kl to mixture",
    "kl from mixture",
    "skew cross entropy",
)
COMMON_WEIGHTS = (0.5, 0.1, 0.3, 0.7, 0.9)
"""Mixing weights that people write."""

LOGARITHMIC = ("kl", "cross entropy")
DOUBLES = ("softmax twice", "softened softmax")
AXES = ("batch softmax", "whole softmax")
DIVIDED = "divided logs"
SCORES = ("standardised", "standardised, ddof 1", "normalised")


def pair(
    kind: str,
    first_tau: Temperature = "T",
    second_tau: Temperature = "T",
    transforms: tuple[str, str] = ("softmax", "softmax"),
    *,
    reverse: bool = False,
    option: float | str | None = None,
) -> Term:
    """A term between teacher and student, in that order unless reversed."""
    sides = ("student", "teacher") if reverse else ("teacher", "student")
    first = Distribution(sides[0], transforms[0], first_tau)
    return Term(kind, first, Distribution(sides[1], transforms[1], second_tau), option)


def one(
    kind: str,
    side: str,
    tau: Temperature = 1.0,
    transform: str = "softmax",
    option: float | None = None,
) -> Term:
    """A term with one distribution: the second place if it is compared with labels, else the first."""
    d = Distribution(side, transform, tau)
    alone = kind in ("entropy", "sum", "squares")
    return Term(kind, d if alone else None, None if alone else d, option)


def unique(terms: Iterable[Term]) -> list[Term]:
    """The terms without repetitions, in order."""
    return list(dict.fromkeys(terms))
