"""Terms that see both sides: common ones, rare ones, and those at temperatures that somebody wrote into the code."""

from kdref.conformance.diagnosis.search.candidates.grids import at_temperature
from kdref.conformance.diagnosis.search.candidates.parts import (
    AXES,
    COMMON_WEIGHTS,
    CROSSED,
    DIVIDED,
    DOUBLES,
    LOGARITHMIC,
    MIXTURES,
    NICE,
    SCORES,
    pair,
    unique,
)
from kdref.conformance.distributions import Temperature
from kdref.conformance.terms import Floor, Term

DIST_EPSILON = 1e-8
"""Added to the product of the norms by the authors of DIST (arXiv:2205.10536)."""


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
    terms.append(pair("absolute", "T", "T"))
    for kind in ("correlation", "column correlation"):
        terms += [pair(kind, "T", "T", option=added) for added in (None, DIST_EPSILON)]
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
            terms += [pair(kind, a, b, option=weight) for kind in MIXTURES]
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
            terms += [pair("generalised js", a, b, same, option=w) for w in COMMON_WEIGHTS]
            terms += [pair(kind, a, b, same) for kind in ("binary", "exponentiated", "absolute")]
        divided = (("softmax", DIVIDED), (DIVIDED, "softmax"), (DIVIDED, DIVIDED))
        terms += [pair("kl", a, b, each, reverse=r) for each in divided for r in (False, True)]
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
    terms = [term for tau in NICE for term in at_temperature(tau)]
    crossed = [pair(kind, a, b) for kind in LOGARITHMIC for a in CROSSED for b in CROSSED if a != b]
    return unique([*terms, *crossed])
