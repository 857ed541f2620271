"""Terms with a parameter that is searched: a temperature or a mixing weight that no list holds."""

from kdref.conformance.diagnosis.search.candidates.parts import (
    AXES,
    COMMON_WEIGHTS,
    CROSSED,
    DOUBLES,
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
    """Candidates at a temperature that is being searched, or that somebody wrote into the code."""
    sides: list[tuple[Temperature, Temperature]] = [
        (tau, tau),
        (tau, "T"),
        ("T", tau),
        (tau, 1.0),
        (1.0, tau),
    ]
    terms = [
        pair(kind, a, b, reverse=reverse)
        for kind in (*LOGARITHMIC, "kl without log")
        for a, b in sides
        for reverse in (False, True)
    ]
    terms += [
        pair(kind, tau, tau)
        for kind in ("squared", "binary", "exponentiated", "dot", "p minus log")
    ]
    terms += [pair("generalised js", tau, tau, option=weight) for weight in COMMON_WEIGHTS]
    return terms + _transformed(tau)


def _transformed(tau: float) -> list[Term]:
    """The same with a second softmax, another axis, or raw logits on one side."""
    both = [(transform, transform) for transform in (*DOUBLES, *AXES)]
    one_side = [("softmax", transform) for transform in (*DOUBLES, *AXES)]
    one_side += [(second, first) for first, second in one_side]
    terms = [
        pair(kind, tau, tau, transforms, reverse=reverse)
        for kind in (*LOGARITHMIC, "kl without log")
        for transforms in (*both, *one_side)
        for reverse in (False, True)
    ]
    return terms + [
        pair("cross entropy", raw, tau, ("raw", "softmax"), reverse=reverse)
        for raw in (1.0, tau)
        for reverse in (False, True)
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
