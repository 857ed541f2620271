"""What a reading is made of: the terms of a convention by what they compare, and the codes found so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kdref.conformance.convention import WeightedTerm
from kdref.conformance.diagnosis.calls.signature import PARAMETERS, default_named
from kdref.conformance.terms import KINDS, Term

DOUBLES = frozenset({"softmax twice", "softened softmax"})
RAW = frozenset({"raw", "positive"})
AXES = frozenset({"batch softmax", "whole softmax"})
DIVIDED = "divided logs"
OTHER_TRANSFORMS = frozenset(
    {"sigmoid", "standardised", "standardised, ddof 1", "normalised", "centred"}
)


ORDERED = frozenset(
    {
        "kl", "cross entropy", "kl without log", "exponentiated", "p minus log", "exponentiated raw", "binary",
        "binary kl", "chi squared", "renyi", "teacher choice",
    }
)  # fmt: skip
"""Kinds whose value changes when their two sides are exchanged: they tell which side is taken for the teacher."""


@dataclass
class Reading:
    """The codes of a convention, and other formulas that are equal to it by algebra.

    Attributes
    ----------
    codes : set of str
        Keys of `kdref.conformance.CODES`; empty for the Hinton loss.
    names : list of str
        What an ``OTHER_LOSS`` is called.
    alternatives : list of str
        Other readings of the same numbers.
    details : dict of str to str
        What was seen, by code.
    in_hard, in_soft : set of str
        Codes that either term can have, by the term that has them.
    variants : dict of str to str
        Which words of `kdref.conformance.report.variants.VARIANTS` a code gets in place of its own.
    notes : list of str
        Settings that are built into a loss which does not take them as parameters.
    takes : frozenset of str
        Which of ``"temperature"`` and ``"alpha"`` the loss takes.
    kept : mapping of str to float
        Other numbers that it takes, which kept their defaults.
    """

    codes: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)
    alternatives: list[str] = field(default_factory=list)
    details: dict[str, str] = field(default_factory=dict)
    in_hard: set[str] = field(default_factory=set)
    in_soft: set[str] = field(default_factory=set)
    variants: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    takes: frozenset[str] = frozenset(PARAMETERS)
    kept: Mapping[str, float] = field(default_factory=dict)

    def setting(self, what: str, value: float) -> None:
        """Note a number that the loss was not given."""
        name = default_named(self.kept, value)
        told = f"in force, the default of {name}" if name else "built in: the loss takes none"
        self.notes.append(f"{what} is {told}")

    def of_hard(self, code: str) -> None:
        """Note a code of the hard term that a soft one may have too."""
        self.codes.add(code)
        self.in_hard.add(code)

    def of_soft(self, code: str) -> None:
        """Note a code of a soft term that the hard one may have too."""
        self.codes.add(code)
        self.in_soft.add(code)

    def other(self, term: Term) -> None:
        """Note another loss by its name."""
        self.codes.add("OTHER_LOSS")
        name = KINDS[term.kind].name
        unusual = {d.transform for d in term.distributions} & OTHER_TRANSFORMS
        self.names.append(f"{name} of {', '.join(sorted(unusual))} logits" if unusual else name)


@dataclass(frozen=True)
class Parts:
    """The terms of a convention by what they compare."""

    hard: list[WeightedTerm]
    soft: list[WeightedTerm]
    single: list[WeightedTerm]
    constants: list[WeightedTerm]


def split(terms: Sequence[WeightedTerm]) -> Parts:
    """The terms of a convention by what they compare."""
    parts = Parts([], [], [], [])
    for weight, term in terms:
        if term.kind == "constant":
            parts.constants.append((weight, term))
        elif len(term.sides) == 2 or term.kind == "teacher choice":
            parts.soft.append((weight, term))
        elif KINDS[term.kind].labels:
            parts.hard.append((weight, term))
        else:
            parts.single.append((weight, term))
    return parts


def is_class_sum(term: Term) -> bool:
    """Whether the term is defined as a sum over classes, each of which is not a problem of its own."""
    sigmoid = any(d.transform == "sigmoid" for d in term.distributions)
    return KINDS[term.kind].class_sum and not sigmoid
