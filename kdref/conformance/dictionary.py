"""The terms that a search tries, in the order in which they are likely.

Three families: terms that see labels, terms that see both sides, terms that see one side only.  Each has its common
members first; the rest follows only where those do not explain the loss.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from kdref.conformance.distributions import Distribution, Temperature
from kdref.conformance.terms import Floor, Term

EPSILONS = (
    1e-20,
    1e-16,
    1e-15,
    1e-12,
    1e-10,
    1e-9,
    1e-8,
    1e-7,
    1e-6,
    1e-5,
    1e-4,
    1e-3,
    1e-2,
    1e-30,
    5e-8,
    1e-37,
    1e-38,
    1e-40,
    1e-14,
    1e-11,
    1e-13,
    1e-18,
    1e-300,
    float(np.finfo(np.float32).tiny),
    float(np.finfo(np.float32).eps),
    float(np.finfo(np.float64).eps),
    float(np.finfo(np.float64).tiny),
)
"""Epsilons that people write, machine constants among them."""

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

LOGARITHMIC = ("kl", "cross entropy")
DOUBLES = ("softmax twice", "softened softmax")
AXES = ("batch softmax", "whole softmax")
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


# Labels ----------------------------------------------------------------------------------------------------


def label_terms() -> list[Term]:
    """Terms that see labels, apart from epsilons; a plain softmax stands for all its temperatures."""
    terms = [one("label", side) for side in ("student", "teacher")]
    for tau in (1.0, "T"):
        terms += [
            one("label", side, tau, transform)
            for side in ("student", "teacher")
            for transform in (*DOUBLES, *AXES)
            if not (transform == "softened softmax" and tau == 1.0)
        ]
        terms += [one("error probability", side, tau) for side in ("student", "teacher")]
        terms += [one("focal", "student", tau, option=gamma) for gamma in (1.0, 2.0, 0.5, 3.0, 5.0)]
        terms += [one("squared to label", "student", tau), one("binary label", "student", tau)]
        terms.append(one("binary label", "student", tau, "sigmoid"))
        for kind in (
            "target kl",
            "non-target kl",
            "target cross entropy",
            "non-target cross entropy",
        ):
            terms.append(pair(kind, tau, tau))
    terms += [pair("target cross entropy", 1.0, "T"), pair("non-target cross entropy", 1.0, "T")]
    return unique(terms)


def label_floors() -> list[Term]:
    """Hard cross entropies with an epsilon."""
    plain = [one("label", side, tau) for side in ("student", "teacher") for tau in (1.0, "T")]
    plain.append(one("label", "student", 1.0, "softmax twice"))
    return [floored for term in plain for floored in with_floors(term)]


def equivalent_labels(term: Term) -> list[Term]:
    """Terms whose dependence on the label is proportional to this one's: what else it may stand for."""
    d = term.second
    if d is None or term.floored:
        return [term]
    if term.kind == "label" and d.transform == "softmax":
        taus: Sequence[Temperature] = (1.0, "T", "1/T", "T^2", "sqrt(T)", *NICE)
        return [*(one("label", d.side, tau) for tau in taus), one("raw label", d.side)]
    if term.kind in ("label", "error probability", "squared to label"):
        near = [
            one(kind, d.side, d.temperature) for kind in ("error probability", "squared to label")
        ]
        return [*near, one("label", d.side, d.temperature, "softmax twice"), term]
    return [term]


# One side --------------------------------------------------------------------------------------------------


def one_sided_terms(side: str) -> list[Term]:
    """Terms that see one side only, and the constant."""
    terms = [Term("constant")]
    for tau in (1.0, "T"):
        terms += [one("uniform", side, tau), one("entropy", side, tau)]
        terms += [one("uniform", side, tau, transform) for transform in (*DOUBLES, *AXES)]
        terms += [one("entropy", side, tau, "softmax twice"), one("squares", side, tau)]
    terms += [one("sum", side), one("squares", side, 1.0, "raw")]
    terms += [one("uniform", side, tau) for tau in ("1/T", "T^2")]
    return unique(terms)


# Both sides ------------------------------------------------------------------------------------------------


def common_pairs() -> list[Term]:
    """What most losses are made of."""
    terms = []
    for a, b in (("T", "T"), (1.0, 1.0), (1.0, "T"), ("T", 1.0)):
        for kind in ("kl", "cross entropy", "kl without log"):
            terms += [pair(kind, a, b), pair(kind, a, b, reverse=True)]
        terms += [
            pair("squared", a, b),
            pair("dot", a, b),
            pair("generalised js", a, b, option=0.5),
        ]
        terms += [pair("exponentiated", a, b), pair("p minus log", a, b), pair("binary", a, b)]
        for kind in LOGARITHMIC:
            for transform in ("softmax twice", *AXES):
                same = (transform, transform)
                terms += [pair(kind, a, b, same), pair(kind, a, b, same, reverse=True)]
            one_sided = ("softmax", "softmax twice")
            terms += [pair(kind, a, b, one_sided), pair(kind, a, b, one_sided, reverse=True)]
    terms += [pair("squared", 1.0, 1.0, ("raw", "raw")), pair("squared", "T", "T", ("raw", "raw"))]
    terms += [pair("dot", 1.0, 1.0, ("raw", "raw")), pair("cosine", 1.0, 1.0, ("raw", "raw"))]
    terms += [pair(kind, "T", "T") for kind in ("correlation", "column correlation", "absolute")]
    for tau in (1.0, "T"):
        terms += [pair("cross entropy", a, tau, ("raw", "softmax")) for a in (1.0, "T")]
        terms += [pair(kind, tau, tau, ("softmax", "raw")) for kind in LOGARITHMIC]
    return unique(terms)


def rare_pairs() -> list[Term]:
    """Everything else that is known, at the temperatures T and 1."""
    terms = [*_other_kinds(), *_odd_transforms(), *_odd_temperatures()]
    known = set(common_pairs())
    return [term for term in unique(terms) if term not in known]


def _other_kinds() -> list[Term]:
    terms = []
    kinds = ("absolute", "root squared", "huber", "hellinger", "chi squared", "renyi", "squared logs",
             "absolute logs", "p minus log", "exponentiated", "cosine", "correlation", "column correlation",
             "sorted absolute", "binary kl", "binary", "kl without log", "dot")  # fmt: skip
    for a, b in (("T", "T"), (1.0, 1.0), (1.0, "T"), ("T", 1.0)):
        for kind in kinds:
            terms += [pair(kind, a, b), pair(kind, a, b, reverse=True)]
        for weight in (0.5, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9, 0.01, 0.05, 0.95, 0.99):
            for kind in (
                "generalised js",
                "crossed js",
                "kl to mixture",
                "kl from mixture",
                "skew cross entropy",
            ):
                terms.append(pair(kind, a, b, option=weight))
        for kind in ("absolute", "root squared", "huber", "cosine", "correlation", "squared", "kl",
                     "exponentiated raw", "p minus log", "cross entropy", "dot"):  # fmt: skip
            terms.append(pair(kind, a, b, ("raw", "raw")))
        for mixed in (
            ("positive", "positive"),
            ("softmax", "positive"),
            ("raw", "softmax"),
            ("softmax", "raw"),
        ):
            terms += [
                pair(k, a, b, mixed, reverse=r)
                for k in (*LOGARITHMIC, "squared")
                for r in (False, True)
            ]
        raw = pair("kl", a, b, ("raw", "raw"))
        terms += [
            raw._replace(first_floor=Floor("clip all", e), second_floor=Floor("clip all", e))
            for e in (1e-7, 1e-8)
        ]
    for tau in (1.0, "T"):
        reverse = [pair("teacher choice", 1.0, tau, reverse=r) for r in (False, True)]
        terms += [*reverse, pair("squared", tau, tau, ("centred", "centred"))]
    return terms


def _odd_transforms() -> list[Term]:
    terms = []
    singles = ("softmax", *DOUBLES, *AXES, *SCORES)
    for a, b in (("T", "T"), (1.0, 1.0), (1.0, "T"), ("T", 1.0)):
        for first in singles:
            for second in singles:
                if (first, second) == ("softmax", "softmax"):
                    continue
                for kind in (*LOGARITHMIC, "kl without log", "squared", "dot"):
                    for reverse in (False, True):
                        terms.append(pair(kind, a, b, (first, second), reverse=reverse))
        for transform in (*DOUBLES, *AXES, *SCORES):
            same = (transform, transform)
            terms += [
                pair("generalised js", a, b, same, option=w) for w in (0.5, 0.1, 0.3, 0.7, 0.9)
            ]
            terms += [pair(kind, a, b, same) for kind in ("binary", "exponentiated", "absolute")]
        sigmoid = ("sigmoid", "sigmoid")
        terms += [
            pair(kind, a, b, sigmoid, reverse=r)
            for kind in (*LOGARITHMIC, "squared")
            for r in (False, True)
        ]
    return terms


def _odd_temperatures() -> list[Term]:
    taus: tuple[Temperature, ...] = ("T", 1.0, "1/T", "T^2", "sqrt(T)")
    kinds = ("kl", "cross entropy", "kl without log", "squared", "generalised js")
    odd = [
        pair(kind, tau, tau, (transform, transform), reverse=reverse)
        for kind in (*LOGARITHMIC, "kl without log", "squared", "binary", "generalised js", "dot")
        for tau in ("1/T", "T^2")
        for transform in ("softmax", *DOUBLES, *AXES)
        for reverse in (False, True)
    ]
    odd += [pair("cross entropy", "1/T", "1/T", ("raw", "softmax"))]
    odd = [t._replace(option=0.5) if t.kind == "generalised js" else t for t in odd]
    return odd + [
        pair(kind, a, b, reverse=reverse, option=0.5 if kind == "generalised js" else None)
        for kind in kinds
        for a in taus
        for b in taus
        for reverse in (False, True)
    ]


def fixed_pairs() -> list[Term]:
    """Known terms at temperatures that somebody wrote into the code."""
    terms = []
    for x in NICE:
        for kind in (*LOGARITHMIC, "kl without log"):
            for a, b in ((x, x), (x, "T"), ("T", x), (x, 1.0), (1.0, x)):
                terms += [pair(kind, a, b), pair(kind, a, b, reverse=True)]
            terms += [
                pair(kind, x, y) for y in CROSSED if x in CROSSED and y != x and kind in LOGARITHMIC
            ]
            for transform in (*DOUBLES, *AXES):
                terms.append(pair(kind, x, x, (transform, transform)))
                terms += [
                    pair(kind, x, x, ("softmax", transform)),
                    pair(kind, x, x, (transform, "softmax")),
                ]
        terms += [
            pair(kind, x, x)
            for kind in ("squared", "binary", "exponentiated", "p minus log", "dot")
        ]
        terms += [pair("generalised js", x, x, option=w) for w in (0.5, 0.1, 0.3, 0.7, 0.9)]
        terms += [
            pair("cross entropy", a, x, ("raw", "softmax"), reverse=r)
            for a in (1.0, x)
            for r in (False, True)
        ]
    return unique(terms)


def floored_pairs() -> list[Term]:
    """Terms between both sides with an epsilon inside a logarithm."""
    plain = [pair("binary"), pair("binary", 1.0, 1.0)]
    for a, b in (("T", "T"), (1.0, 1.0), (1.0, "T"), ("T", 1.0)):
        plain += [pair(kind, a, b, reverse=r) for kind in LOGARITHMIC for r in (False, True)]
    plain += [pair(kind, "1/T", "1/T", reverse=r) for kind in LOGARITHMIC for r in (False, True)]
    for transform in ("softmax twice", "softened softmax", "batch softmax"):
        plain += [pair(kind, "T", "T", (transform, transform)) for kind in LOGARITHMIC]
    return [floored for term in plain for floored in with_floors(term)]


def alpha_mixtures() -> list[Term]:
    """Mixtures whose weight is alpha itself."""
    kinds = (
        "generalised js",
        "crossed js",
        "kl to mixture",
        "kl from mixture",
        "skew cross entropy",
    )
    return [
        pair(kind, tau, tau, option=weight)
        for kind in kinds
        for weight in ("alpha", "1 - alpha")
        for tau in ("T", 1.0)
    ]


def with_floors(term: Term, epsilons: Sequence[float] = EPSILONS) -> list[Term]:
    """The term with each epsilon in each place where people put one."""
    variants = []
    for e in epsilons:
        for mode in ("add", "clip", "clip both", "add, renormalise", "clip, renormalise"):
            floor = Floor(mode, e)
            if term.kind == "binary":
                variants += [term._replace(second_floor=floor)] if mode == "clip both" else []
                continue
            variants.append(term._replace(second_floor=floor))
            if term.kind == "kl":
                variants.append(term._replace(first_floor=floor, second_floor=floor))
                variants += [term._replace(first_floor=floor)] if mode == "add" else []
        if term.kind in LOGARITHMIC:
            for mode in ("clip all", "add all"):
                variants.append(
                    term._replace(first_floor=Floor(mode, e), second_floor=Floor(mode, e))
                )
        if term.kind == "kl":
            variants.append(term._replace(first_floor=Floor("ratio", e)))
    return variants


def families(tau: float) -> list[list[Term]]:
    """One list of candidate terms per family, at a temperature that is being searched."""
    shapes: list[tuple[Temperature, Temperature]] = [
        (tau, tau),
        (tau, "T"),
        ("T", tau),
        (tau, 1.0),
        (1.0, tau),
    ]
    groups = [
        [pair(kind, a, b, reverse=r)]
        for kind in LOGARITHMIC
        for a, b in shapes
        for r in (False, True)
    ]
    groups += [
        [pair(kind, tau, tau)]
        for kind in ("kl without log", "squared", "binary", "exponentiated", "dot", "p minus log")
    ]
    groups += [[pair("generalised js", tau, tau, option=0.5)]]
    groups += [
        [pair(kind, tau, tau, transforms)]
        for kind in LOGARITHMIC
        for transforms in (
            ("softmax twice",) * 2,
            ("batch softmax",) * 2,
            ("softmax", "softmax twice"),
            ("whole softmax",) * 2,
            ("softened softmax",) * 2,
            ("raw", "softmax"),
        )
    ]
    return groups


def mixtures(weight: float) -> list[list[Term]]:
    """One list per family of mixtures, at a mixing weight that is being searched."""
    kinds = (
        "generalised js",
        "crossed js",
        "kl to mixture",
        "kl from mixture",
        "skew cross entropy",
    )
    groups = [[pair(kind, tau, tau, option=weight)] for kind in kinds for tau in ("T", 1.0)]
    for transform in ("batch softmax", "softmax twice"):
        same = (transform, transform)
        groups += [
            [pair("generalised js", tau, tau, same, option=weight)] for tau in ("T", 1.0, *CROSSED)
        ]
    return groups + [[pair("generalised js", tau, tau, option=weight)] for tau in NICE]
