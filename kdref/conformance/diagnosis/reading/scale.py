"""Codes of what stands in front of the terms: reductions, weights, constants."""

from kdref.conformance.diagnosis.reading.parts import Parts, Reading, is_class_sum
from kdref.conformance.diagnosis.reading.shapes import (
    first_shape,
    fixed_temperature,
    in_bits,
    is_one,
)
from kdref.conformance.diagnosis.search.laws import close
from kdref.conformance.weights import Shape


def read_reductions(parts: Parts, hard: Shape | None, soft: Shape | None, reading: Reading) -> None:
    """Means over classes, sums over rows, rows divided by twice."""
    for shape, terms in ((hard, parts.hard), (soft, parts.soft)):
        if shape is None:
            continue
        if shape.classes <= -1.0 and is_class_sum(terms[0][1]):
            reading.codes.add("CLASS_MEAN")
        if shape.examples == 1.0:
            reading.codes.add("ROW_SUM")
        if shape.examples <= -1.0:
            reading.codes.add("ROW_MEAN_TWICE")
    if hard is not None and hard.temperature != 0.0:
        reading.codes.add("T_POWER")


def read_weights(parts: Parts, hard: Shape | None, soft: Shape | None, reading: Reading) -> None:
    """Weights against (1 - alpha, alpha), then constants that remain."""
    shapes = [shape for shape in (hard, soft) if shape is not None]
    if any(in_bits(shape.constant) for shape in shapes):
        reading.codes.add("LOG_BASE_2")
    if soft is None:
        return
    if hard is None:
        reading.codes.add("SOFT_ONLY")
    else:
        softs = {shape.alpha for w, _ in parts.soft if (shape := first_shape([w])) is not None}
        if softs == {"1 - alpha"} and hard.alpha == "alpha":
            reading.codes.add("ALPHA_ON_HARD")
        elif _is_built_in(parts, hard, soft, reading):
            return
        elif not (softs == {"alpha"} and hard.alpha == "1 - alpha"):
            reading.codes.add("FREE_WEIGHTS")
            return
    _read_constants(parts, hard, soft, reading)


def _is_built_in(parts: Parts, hard: Shape, soft: Shape, reading: Reading) -> bool:
    """Whether constant weights are alpha and 1 - alpha of a loss that takes no alpha."""
    if "alpha" in reading.takes or not hard.alpha == soft.alpha == "1":
        return False
    tau = fixed_temperature(parts.soft[0][1])
    shares = [soft.constant] if tau is None else [soft.constant / tau**2, soft.constant]
    for share in shares:
        if 0.0 < share < 1.0 and close(hard.constant + share, 1.0):
            reading.setting(f"alpha = {share:.6g}", share)
            return True
    return False


def _read_constants(parts: Parts, hard: Shape | None, soft: Shape, reading: Reading) -> None:
    bits = "LOG_BASE_2" in reading.codes
    plain_hard = all(term.kind in ("label", "other classes") for _, term in parts.hard)
    if hard is not None and plain_hard and not is_one(abs(hard.constant), bits):
        reading.codes.add("CONSTANT_FACTOR")
    if "OTHER_LOSS" in reading.codes:
        return
    tau = fixed_temperature(parts.soft[0][1])
    constant = abs(soft.constant)  # a sign is told as one
    squared = tau is not None and soft.temperature == 0.0 and is_one(constant / tau**2, bits)
    simple_weight = soft.alpha == "1" and hard is None and constant < 1.0
    if not is_one(constant, bits) and not squared and not simple_weight:
        reading.codes.add("CONSTANT_FACTOR")
