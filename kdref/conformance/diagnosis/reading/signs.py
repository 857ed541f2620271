"""The code of a term that is to be minimised and has a negative weight, everywhere or at usual settings."""

from collections.abc import Sequence

from kdref.conformance.convention import WeightedTerm
from kdref.conformance.diagnosis.reading.hard import smoothing_terms
from kdref.conformance.diagnosis.reading.parts import Parts, Reading

USUAL = tuple(
    (temperature, classes, 8, alpha)
    for alpha in (0.5, 0.1, 0.9)
    for temperature in (4.0, 1.0, 2.0, 10.0)
    for classes in (10, 3)
)
"""T, C, N and alpha at which weights are looked at: alpha between 0 and 1, T from 1."""

ROUNDING = 1e-9
"""A weight that is no further below 0 is 0."""


def read_signs(parts: Parts, reading: Reading) -> None:
    """A part of the loss in which every weight is at most 0, and one below it, is maximised.

    Where several terms stand together, as in the difference of two cross entropies, a positive one excuses the rest.
    """
    hard = [*parts.hard, *(each for each in smoothing_terms(parts) if each not in parts.hard)]
    for group in (hard if parts.hard else [], parts.soft):
        seen = [each for each in group if "student" in each[1].sides]
        settings = [setting for setting in USUAL if _is_negative(seen, setting)]
        if settings:
            reading.codes.add("NEGATIVE_WEIGHT")
            told = [reading.details.get("NEGATIVE_WEIGHT"), _seen(seen, settings)]
            reading.details["NEGATIVE_WEIGHT"] = "; ".join(filter(None, told))


def _is_negative(group: Sequence[WeightedTerm], setting: tuple[float, int, int, float]) -> bool:
    weights = [weight(*setting) for weight, _ in group]
    return bool(weights) and max(weights) <= ROUNDING and min(weights) < -ROUNDING


def _seen(group: Sequence[WeightedTerm], settings: list[tuple[float, int, int, float]]) -> str:
    weight, term = min(group, key=lambda each: each[0](*settings[0]))
    if len(settings) == len(USUAL):
        return f"{term.text()} is maximised"
    temperature, _, _, alpha = settings[0]
    value = weight(*settings[0])
    return f"the weight of {term.text()} is {value:g} at T = {temperature:g}, alpha = {alpha:g}"
