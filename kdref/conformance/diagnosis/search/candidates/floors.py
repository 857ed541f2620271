"""Terms with an epsilon inside a logarithm."""

from collections.abc import Sequence

import numpy as np

from kdref.conformance.diagnosis.search.candidates.parts import LOGARITHMIC, one, pair
from kdref.conformance.distributions import SOFTMAX_AXES
from kdref.conformance.terms import Floor, Term
from kdref.conformance.terms.floors import WHOLE

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


def label_floors() -> list[Term]:
    """Hard cross entropies with an epsilon."""
    plain = [one("label", side, tau) for side in ("student", "teacher") for tau in (1.0, "T")]
    plain.append(one("label", "student", 1.0, "softmax twice"))
    return [floored for term in plain for floored in with_floors(term)]


def floored_pairs() -> list[Term]:
    """Terms between both sides with an epsilon inside a logarithm."""
    plain = [pair("binary"), pair("binary", 1.0, 1.0)]
    for a, b in (("T", "T"), (1.0, 1.0), (1.0, "T"), ("T", 1.0)):
        plain += [pair(kind, a, b, reverse=r) for kind in LOGARITHMIC for r in (False, True)]
    plain += [pair(kind, "1/T", "1/T", reverse=r) for kind in LOGARITHMIC for r in (False, True)]
    for transform in ("softmax twice", "softened softmax", "batch softmax"):
        plain += [pair(kind, "T", "T", (transform, transform)) for kind in LOGARITHMIC]
    return [floored for term in plain for floored in with_floors(term)]


def with_floors(term: Term, epsilons: Sequence[float] = EPSILONS) -> list[Term]:
    """The term with each epsilon in each place where people put one."""
    variants = []
    # Renormalising each row would make a softmax over another axis one over the classes again.
    rows = not any(d.transform in SOFTMAX_AXES for d in term.distributions)
    modes = (
        "add",
        "clip",
        "clip both",
        *(("add, renormalise", "clip, renormalise") if rows else ()),
    )
    for e in epsilons:
        for mode in modes:
            floor = Floor(mode, e)
            if term.kind == "binary":
                variants += [term._replace(second_floor=floor)] if mode == "clip both" else []
                continue
            variants.append(term._replace(second_floor=floor))
            if term.kind == "kl":
                variants.append(term._replace(first_floor=floor, second_floor=floor))
                variants += [term._replace(first_floor=floor)] if mode == "add" else []
        if term.kind in LOGARITHMIC:
            for mode in WHOLE:
                variants.append(
                    term._replace(first_floor=Floor(mode, e), second_floor=Floor(mode, e))
                )
        if term.kind == "kl":
            variants.append(term._replace(first_floor=Floor("ratio", e)))
    return variants
