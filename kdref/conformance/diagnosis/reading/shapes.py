"""Weights and constants, read the way people write them."""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from kdref.conformance.diagnosis.calls.probes import ALPHAS, SETTINGS
from kdref.conformance.diagnosis.search.laws import close, read_weight
from kdref.conformance.terms import Term
from kdref.conformance.weights import PER_BIT, Shape, Weight

SIMPLE_DENOMINATOR = 100

TRADED = 1e-2
"""How far from 1 a constant is found where a temperature, fitted to single precision beside it, makes up for it."""


def first_shape(weights: Sequence[Weight]) -> Shape | None:
    """The shape of a sum of weights; where that needs several monomials, it is read anew from its values."""
    total = Weight(tuple(part for weight in weights for part in weight.parts))
    shapes = total.shapes()
    if len(shapes) > 1:
        values = np.array([[total(t, c, n, a) for a in ALPHAS] for n, c, t in SETTINGS])
        again = read_weight(values, SETTINGS, ALPHAS, 1e-7)
        shapes = again.shapes() if again is not None else shapes
    return shapes[0] if shapes else None


def is_simple(k: float) -> bool:
    """Whether a constant is one that people write: a short decimal or a small fraction."""
    best = Fraction(k).limit_denominator(SIMPLE_DENOMINATOR)
    return best != 0 and close(float(best), k)


def in_bits(k: float) -> bool:
    """Whether a constant carries 1/ln 2."""
    return is_simple(abs(k) / PER_BIT) and not is_simple(abs(k))


def fixed_temperature(term: Term) -> float | None:
    """The temperature that somebody wrote into the code, if it is not 1."""
    numbers = [d.temperature for d in term.distributions if not isinstance(d.temperature, str)]
    return next((float(tau) for tau in numbers if tau != 1.0), None)


def settled(shape: Shape | None, term: Term) -> Shape | None:
    """The shape of a weight in single precision, its constant taken for the one that a fitted temperature hides.

    Twice softened, logits at a high temperature hardly differ, so that a slightly wrong temperature and a slightly
    wrong constant explain them alike.
    """
    tau = fixed_temperature(term)
    if shape is None or tau is None:
        return shape
    for whole in (1.0, PER_BIT, tau**2):
        if math.isclose(abs(shape.constant), whole, rel_tol=TRADED):
            return shape._replace(constant=math.copysign(whole, shape.constant))
    return shape


def is_one(k: float, bits: bool) -> bool:
    """Whether a constant is 1, in nats or in bits."""
    return close(k, 1.0) or (bits and close(k, PER_BIT))


def plainness(k: float) -> tuple[int, float]:
    """Digits that a constant needs, then its distance from 1: the smaller, the likelier somebody wrote it."""
    digits = f"{k:.5e}".split("e")[0].replace(".", "").rstrip("0")
    return len(digits), abs(math.log(k))
