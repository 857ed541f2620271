"""Terms that see labels, and terms that see one side only."""

from collections.abc import Sequence

from kdref.conformance.diagnosis.search.candidates.parts import (
    AXES,
    DOUBLES,
    NICE,
    one,
    pair,
    unique,
)
from kdref.conformance.distributions import Temperature
from kdref.conformance.terms import Term


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


def equivalent_labels(term: Term) -> list[Term]:
    """Terms whose dependence on the label is proportional to this one's: what else it may stand for."""
    d = term.second
    if d is None or term.floored:
        return [term]
    if term.kind == "label" and d.transform == "softmax":
        taus: Sequence[Temperature] = (1.0, "T", "1/T", "T^2", "sqrt(T)", *NICE)
        plain = [one("label", d.side, tau) for tau in taus]
        smoothed = [one("other classes", d.side, tau) for tau in (1.0, "T")]
        return [*plain, one("raw label", d.side), *smoothed]
    if term.kind in ("label", "error probability", "squared to label"):
        kinds = ("error probability", "negative probability", "squared to label")
        near = [one(kind, d.side, d.temperature) for kind in kinds]
        return [*near, one("label", d.side, d.temperature, "softmax twice"), term]
    return [term]


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
