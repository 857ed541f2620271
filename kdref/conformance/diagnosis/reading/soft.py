"""Codes of the soft term: its divergence, its temperatures, the factor in T that goes with them."""

from kdref.conformance.diagnosis.calls.signature import default_named
from kdref.conformance.diagnosis.reading.parts import (
    AXES,
    DIVIDED,
    DOUBLES,
    ORDERED,
    OTHER_TRANSFORMS,
    RAW,
    Parts,
    Reading,
    is_class_sum,
)
from kdref.conformance.diagnosis.reading.shapes import (
    first_shape,
    fixed_temperature,
    in_bits,
    plainness,
)
from kdref.conformance.diagnosis.search.laws import close
from kdref.conformance.terms import KINDS, Term
from kdref.conformance.weights import PER_BIT, Shape

HINTON_LIKE = frozenset(
    {
        "kl",
        "cross entropy",
        "kl without log",
        "dot",
        "exponentiated",
        "p minus log",
        "exponentiated raw",
    }
)
"""Kinds that are KL(teacher || student) or a slip in writing it; any other is another loss."""

WITHOUT_LOG = frozenset({"kl without log", "dot", "exponentiated", "p minus log"})
POWERS = {2.0: None, 0.0: "T_SQUARED_MISSING", 4.0: "T_SQUARED_TWICE", -2.0: "T_SQUARED_INVERTED"}


def read_soft(parts: Parts, hard: Shape | None, reading: Reading) -> Shape | None:
    """Codes of the soft term; returns its weight's shape."""
    if not parts.soft:
        reading.codes.add("TEACHER_IGNORED")
        return None
    weight = parts.soft[0][0]
    for _, each in parts.soft:
        _read_soft_term(each, reading)
    if len(parts.soft) > 1:
        reading.codes.add("OTHER_LOSS")
        if not reading.names:
            reading.names.append(
                "a sum of " + " and ".join(KINDS[t.kind].name for _, t in parts.soft)
            )
        orders = {t.first.side for _, t in parts.soft if t.first is not None}
        if len(orders) > 1:
            reading.codes.discard("KL_REVERSED")
    found = [_temperature_codes(each, first_shape([w]), hard) for w, each in parts.soft]
    shared = set.intersection(*found)  # of a sum, only what all its terms share
    if "TEMPERATURE_FIXED" in shared and "temperature" not in reading.takes:
        shared.discard("TEMPERATURE_FIXED")
        tau = fixed_temperature(parts.soft[0][1])
        if tau is not None:
            reading.setting(f"a temperature of {tau:.6g}", tau)
    if "temperature" not in reading.takes and default_named(reading.kept, 1.0):
        shared.discard("TEMPERATURE_IGNORED")  # it may be the temperature that was left at 1
    reading.codes |= shared
    shape = first_shape([weight])
    if "TEMPERATURE_IGNORED" in shared and shape is not None and shape.temperature:
        reading.details["TEMPERATURE_IGNORED"] = (
            f"T stands in front of the soft term alone, as T^{shape.temperature:g}"
        )
    return shape


def _read_soft_term(term: Term, reading: Reading) -> None:
    transforms = {d.transform for d in term.distributions}
    if transforms & DOUBLES:
        reading.codes.add("DOUBLE_SOFTMAX_SOFT")
    if transforms & AXES:
        reading.codes.add("SOFTMAX_WRONG_AXIS")
    if DIVIDED in transforms:
        reading.codes.add("TEMPERATURE_AFTER_LOG")
    if term.kind not in HINTON_LIKE or transforms & OTHER_TRANSFORMS:
        reading.other(term)
        return
    if term.kind in ("cross entropy", "dot"):
        reading.codes.add("CROSS_ENTROPY_NOT_KL")
    if term.kind in WITHOUT_LOG:
        reading.of_soft("SOFTMAX_NOT_LOG")
    if transforms & RAW or term.kind == "exponentiated raw":
        reading.of_soft("NO_SOFTMAX")
    if term.kind in ORDERED and term.first is not None and term.first.side == "student":
        reading.codes.add("KL_REVERSED")


def _temperature_codes(term: Term, shape: Shape | None, hard: Shape | None) -> set[str]:
    """Which temperatures soften the two sides, and the factor in T that goes with them."""
    raw = any(d.transform in RAW for d in term.distributions)
    if shape is None or raw or term.kind == "teacher choice":
        return set()
    taus = {d.side: d.temperature for d in term.distributions}
    teacher, student = taus["teacher"], taus["student"]
    if teacher == student == 1.0:
        return {"TEMPERATURE_IGNORED"}
    fixed = [tau for tau in (teacher, student) if not isinstance(tau, str) and tau != 1.0]
    squares = bool({"T^2", "sqrt(T)"} & {teacher, student})
    flags = {
        "TEMPERATURE_FIXED": bool(fixed),
        "STUDENT_NOT_SOFTENED": student == 1.0,
        "TEACHER_NOT_SOFTENED": teacher == 1.0,
        "TEMPERATURE_MULTIPLIED": "1/T" in (teacher, student),
        "T_POWER": squares,
    }
    found = {code for code, holds in flags.items() if holds}
    if shape.temperature == 0.0:
        held = bool(fixed) and _holds_square(shape.constant, float(fixed[0]), hard)
        if held or not is_class_sum(term):
            return found
    if squares and shape.temperature in (0.0, 1.0, 2.0, 4.0):
        return found
    code = POWERS.get(shape.temperature, "T_POWER")
    return found | ({code} if code is not None else set())


def _holds_square(constant: float, tau: float, hard: Shape | None) -> bool:
    """Whether a constant is the square of the fixed temperature, times a weight.

    Two constant weights that sum to 1 settle it; else the plainer of the two readings is taken.
    """
    in_nats = abs(constant) / PER_BIT if in_bits(constant) else abs(constant)
    share = in_nats / tau**2
    if hard is not None and hard.alpha == "1" and close(hard.constant + share, 1.0):
        return True
    return close(share, 1.0) or plainness(share) < plainness(in_nats)
