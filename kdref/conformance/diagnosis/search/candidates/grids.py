"""Terms with a parameter that is searched: a temperature or a mixing weight that no list holds."""

from kdref.conformance.diagnosis.search.candidates.parts import (
    CROSSED,
    LOGARITHMIC,
    MIXTURES,
    NICE,
    pair,
)
from kdref.conformance.distributions import Temperature
from kdref.conformance.terms import Term


def alpha_mixtures() -> list[Term]:
    """Mixtures whose weight is alpha itself."""
    return [
        pair(kind, tau, tau, option=weight)
        for kind in MIXTURES
        for weight in ("alpha", "1 - alpha")
        for tau in ("T", 1.0)
    ]


def at_temperature(tau: float) -> list[Term]:
    """Candidates at a temperature that is being searched."""
    shapes: list[tuple[Temperature, Temperature]] = [
        (tau, tau),
        (tau, "T"),
        ("T", tau),
        (tau, 1.0),
        (1.0, tau),
    ]
    terms = [
        pair(kind, a, b, reverse=r)
        for kind in LOGARITHMIC
        for a, b in shapes
        for r in (False, True)
    ]
    terms += [
        pair(kind, tau, tau)
        for kind in ("kl without log", "squared", "binary", "exponentiated", "dot", "p minus log")
    ]
    terms.append(pair("generalised js", tau, tau, option=0.5))
    return terms + [
        pair(kind, tau, tau, transforms)
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


def at_mixing_weight(weight: float) -> list[Term]:
    """Mixtures at a mixing weight that is being searched."""
    terms = [pair(kind, tau, tau, option=weight) for kind in MIXTURES for tau in ("T", 1.0)]
    terms += [
        pair("generalised js", tau, tau, (transform, transform), option=weight)
        for transform in ("batch softmax", "softmax twice")
        for tau in ("T", 1.0, *CROSSED)
    ]
    return terms + [pair("generalised js", tau, tau, option=weight) for tau in NICE]
