"""Codes from a convention alone: what its terms and weights say, compared with the Hinton loss."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from kdref.conformance.convention import Convention, WeightedTerm
from kdref.conformance.distributions import Distribution
from kdref.conformance.laws import close, read_weight
from kdref.conformance.probes import ALPHAS, SETTINGS
from kdref.conformance.terms import KINDS, Term
from kdref.conformance.weights import PER_BIT, Shape, Weight

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
SLOT_KINDS = HINTON_LIKE - {"dot"}
"""Kinds in which the order of the two sides matters."""

DOUBLES = frozenset({"softmax twice", "softened softmax"})
RAW = frozenset({"raw", "positive"})
AXES = frozenset({"batch softmax", "whole softmax"})
OTHER_TRANSFORMS = frozenset(
    {"sigmoid", "standardised", "standardised, ddof 1", "normalised", "centred"}
)

POWERS = {2.0: None, 0.0: "T_SQUARED_MISSING", 4.0: "T_SQUARED_TWICE", -2.0: "T_SQUARED_INVERTED"}

SIMPLE_DENOMINATOR = 100


@dataclass
class Reading:
    """The codes of a convention, and other formulas that are equal to it by algebra.

    Attributes
    ----------
    codes : set of str
        Keys of `kdref.conformance.findings.CODES`; empty for the Hinton loss.
    names : list of str
        What an ``OTHER_LOSS`` is called.
    alternatives : list of str
        Other readings of the same numbers.
    """

    codes: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)
    alternatives: list[str] = field(default_factory=list)

    def other(self, term: Term) -> None:
        """Note another loss by its name."""
        self.codes.add("OTHER_LOSS")
        name = KINDS[term.kind].name
        unusual = {d.transform for d in term.distributions} & OTHER_TRANSFORMS
        self.names.append(f"{name} of {', '.join(sorted(unusual))} logits" if unusual else name)


@dataclass(frozen=True)
class Parts:
    """The terms of a convention by what they compare."""

    hard: list[WeightedTerm]
    soft: list[WeightedTerm]
    single: list[WeightedTerm]
    constants: list[WeightedTerm]


def read(convention: Convention) -> Reading:
    """The codes of a convention."""
    reading = Reading()
    parts = _parts(convention.terms)
    if _roles_swapped(parts):
        reading.codes.add("ROLES_SWAPPED")
        parts = _parts([(w, _exchanged(term)) for w, term in convention.terms])
    everything = [*convention.terms, *(each for b in convention.branches for each in b.terms)]
    if any(term.floored for _, term in everything):
        reading.codes.add("EPSILON")
    if parts.constants:
        reading.codes.add("CONSTANT_OFFSET")
    hard = _read_hard(parts, reading)
    _read_single_sided(parts, reading)
    soft = _read_soft(parts, hard, reading)
    _read_reductions(parts, hard, soft, reading)
    _read_weights(parts, hard, soft, reading)
    _read_branches(convention, reading)
    _alternatives(parts, hard, soft, reading)
    return reading


def _parts(terms: Sequence[WeightedTerm]) -> Parts:
    parts = Parts([], [], [], [])
    for weight, term in terms:
        if term.kind == "constant":
            parts.constants.append((weight, term))
        elif len(term.sides) == 2 or term.kind == "teacher choice":
            parts.soft.append((weight, term))
        elif KINDS[term.kind].labels:
            parts.hard.append((weight, term))
        else:
            parts.single.append((weight, term))
    return parts


def _roles_swapped(parts: Parts) -> bool:
    """The labels are compared with the teacher's logits."""
    return bool(parts.hard) and all(term.sides == {"teacher"} for _, term in parts.hard)


def _exchanged(term: Term) -> Term:
    def other(d: Distribution | None) -> Distribution | None:
        if d is None:
            return None
        return d._replace(side="teacher" if d.side == "student" else "student")

    return term._replace(first=other(term.first), second=other(term.second))


# The hard term ---------------------------------------------------------------------------------------------


def _read_hard(parts: Parts, reading: Reading) -> Shape | None:
    """Codes of the hard term; returns its weight's shape."""
    if not parts.hard:
        return None
    for _, term in parts.hard:
        _read_hard_term(term, reading)
    if sum(term.kind == "label" for _, term in parts.hard) > 1:
        reading.codes.add("OTHER_LOSS")
    weights = [weight for weight, term in parts.hard if term.kind == "label"][:1]
    targets = {term.second for _, term in parts.hard if term.kind == "label"}
    smoothing = [w for w, term in parts.single if term.kind == "uniform" and term.second in targets]
    if smoothing and weights:
        reading.codes.add("LABEL_SMOOTHING")
    return _first_shape(weights + smoothing if weights else [parts.hard[0][0]])


def _read_hard_term(term: Term, reading: Reading) -> None:
    d = term.second
    if d is None:
        return
    if d.transform in DOUBLES:
        reading.codes.add("DOUBLE_SOFTMAX_HARD")
    if d.transform in AXES:
        reading.codes.add("SOFTMAX_WRONG_AXIS")
    if d.temperature != 1.0:
        reading.codes.add("HARD_AT_TEMPERATURE")
    if term.kind == "raw label":
        reading.codes.add("NO_SOFTMAX")
    elif term.kind != "label":
        reading.other(term)


def _first_shape(weights: Sequence[Weight]) -> Shape | None:
    """The shape of a sum of weights; where that needs several monomials, it is read anew from its values."""
    total = Weight(tuple(part for weight in weights for part in weight.parts))
    shapes = total.shapes()
    if len(shapes) > 1:
        values = np.array([[total(t, c, n, a) for a in ALPHAS] for n, c, t in SETTINGS])
        again = read_weight(values, SETTINGS, ALPHAS, 1e-7)
        shapes = again.shapes() if again is not None else shapes
    return shapes[0] if shapes else None


def _read_single_sided(parts: Parts, reading: Reading) -> None:
    """Entropies, sums and uniform targets that are not label smoothing."""
    smoothing = "LABEL_SMOOTHING" in reading.codes
    for _, term in parts.single:
        teacher_only = term.sides == {"teacher"}
        if term.kind == "uniform" and smoothing:
            continue
        if teacher_only and term.kind == "entropy" and not parts.soft:
            continue  # constant for the student: the teacher is ignored
        reading.other(term)


# The soft term ---------------------------------------------------------------------------------------------


def _read_soft(parts: Parts, hard: Shape | None, reading: Reading) -> Shape | None:
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
    found = [_temperature_codes(each, _first_shape([w]), hard) for w, each in parts.soft]
    reading.codes |= set.intersection(*found)  # of a sum, only what all its terms share
    return _first_shape([weight])


def _read_soft_term(term: Term, reading: Reading) -> None:
    transforms = {d.transform for d in term.distributions}
    if transforms & DOUBLES:
        reading.codes.add("DOUBLE_SOFTMAX_SOFT")
    if transforms & AXES:
        reading.codes.add("SOFTMAX_WRONG_AXIS")
    if term.kind not in HINTON_LIKE or transforms & OTHER_TRANSFORMS:
        reading.other(term)
        return
    if term.kind in ("cross entropy", "dot"):
        reading.codes.add("CROSS_ENTROPY_NOT_KL")
    if term.kind in WITHOUT_LOG:
        reading.codes.add("SOFTMAX_NOT_LOG")
    if transforms & RAW or term.kind == "exponentiated raw":
        reading.codes.add("NO_SOFTMAX")
    if term.kind in SLOT_KINDS and term.first is not None and term.first.side == "student":
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
        if held or not _class_sum(term):
            return found
    if squares and shape.temperature in (0.0, 1.0, 2.0, 4.0):
        return found
    code = POWERS.get(shape.temperature, "T_POWER")
    return found | ({code} if code is not None else set())


def _holds_square(constant: float, tau: float, hard: Shape | None) -> bool:
    """Whether a constant is the square of the fixed temperature, times a weight.

    Two constant weights that sum to 1 settle it; else the plainer of the two readings is taken.
    """
    in_nats = abs(constant) / PER_BIT if _bits(constant) else abs(constant)
    share = in_nats / tau**2
    if hard is not None and hard.alpha == "1" and close(hard.constant + share, 1.0):
        return True
    return close(share, 1.0) or _plainness(share) < _plainness(in_nats)


def _plainness(k: float) -> tuple[int, float]:
    """Digits that a constant needs, then its distance from 1: the smaller, the likelier somebody wrote it."""
    digits = f"{k:.5e}".split("e")[0].replace(".", "").rstrip("0")
    return len(digits), abs(math.log(k))


# Reductions and weights ------------------------------------------------------------------------------------


def _read_reductions(
    parts: Parts, hard: Shape | None, soft: Shape | None, reading: Reading
) -> None:
    for shape, terms in ((hard, parts.hard), (soft, parts.soft)):
        if shape is None:
            continue
        if shape.classes <= -1.0 and _class_sum(terms[0][1]):
            reading.codes.add("CLASS_MEAN")
        if shape.examples == 1.0:
            reading.codes.add("ROW_SUM")
        if shape.examples <= -1.0:
            reading.codes.add("ROW_MEAN_TWICE")
    if hard is not None and hard.temperature != 0.0:
        reading.codes.add("T_POWER")


def _class_sum(term: Term) -> bool:
    """Whether the term is defined as a sum over classes, each of which is not a problem of its own."""
    sigmoid = any(d.transform == "sigmoid" for d in term.distributions)
    return KINDS[term.kind].class_sum and not sigmoid


def _simple(k: float) -> bool:
    """Whether a constant is one that people write: a short decimal or a small fraction."""
    best = Fraction(k).limit_denominator(SIMPLE_DENOMINATOR)
    return best != 0 and close(float(best), k)


def _bits(k: float) -> bool:
    """Whether a constant carries 1/ln 2."""
    return _simple(abs(k) / PER_BIT) and not _simple(abs(k))


def _read_weights(parts: Parts, hard: Shape | None, soft: Shape | None, reading: Reading) -> None:
    """Weights against (1 - alpha, alpha), then constants that remain."""
    shapes = [shape for shape in (hard, soft) if shape is not None]
    if any(_bits(shape.constant) for shape in shapes):
        reading.codes.add("LOG_BASE_2")
    if soft is None:
        return
    if hard is None:
        reading.codes.add("SOFT_ONLY")
    else:
        softs = {shape.alpha for w, _ in parts.soft if (shape := _first_shape([w])) is not None}
        if softs == {"1 - alpha"} and hard.alpha == "alpha":
            reading.codes.add("ALPHA_ON_HARD")
        elif not (softs == {"alpha"} and hard.alpha == "1 - alpha"):
            reading.codes.add("FREE_WEIGHTS")
            return
    _read_constants(parts, hard, soft, reading)


def _read_constants(parts: Parts, hard: Shape | None, soft: Shape, reading: Reading) -> None:
    bits = "LOG_BASE_2" in reading.codes
    plain_hard = all(term.kind == "label" for _, term in parts.hard)
    if hard is not None and plain_hard and not _is_one(hard.constant, bits):
        reading.codes.add("CONSTANT_FACTOR")
    if "OTHER_LOSS" in reading.codes:
        return
    fixed = [
        d.temperature
        for d in parts.soft[0][1].distributions
        if not isinstance(d.temperature, str) and d.temperature != 1.0
    ]
    squared = any(
        soft.temperature == 0.0 and _is_one(soft.constant / float(tau) ** 2, bits) for tau in fixed
    )
    simple_weight = soft.alpha == "1" and hard is None and 0.0 < soft.constant < 1.0
    if not _is_one(soft.constant, bits) and not squared and not simple_weight:
        reading.codes.add("CONSTANT_FACTOR")


def _is_one(k: float, bits: bool) -> bool:
    return close(k, 1.0) or (bits and close(k, PER_BIT))


def _read_branches(convention: Convention, reading: Reading) -> None:
    for branch in convention.branches:
        end = branch.parameter == "alpha" and branch.value in (0.0, 1.0)
        reading.codes.add("ALPHA_DISCONTINUOUS" if end else "SPECIAL_BRANCH")


# Equal by algebra ------------------------------------------------------------------------------------------


def _alternatives(parts: Parts, hard: Shape | None, soft: Shape | None, reading: Reading) -> None:
    """Other readings that no probe can tell from this one."""
    if soft is None:
        return
    if hard is None and "KL_REVERSED" in reading.codes:
        reading.alternatives.append(
            "without a hard term, exchanged roles (teacher passed as student) give the same numbers: "
            "only the source can tell"
        )
    root = abs(soft.constant) ** 0.5
    if (
        "TEMPERATURE_FIXED" not in reading.codes
        and "CONSTANT_FACTOR" in reading.codes
        and _simple(root)
    ):
        reading.alternatives.append(
            f"the constant {soft.constant:g} may be the square of a fixed temperature {root:g}: "
            "only the source can tell"
        )
    if (
        "TEMPERATURE_FIXED" in reading.codes
        and soft.temperature == 0.0
        and not close(soft.constant, 1.0)
    ):
        reading.alternatives.append(
            f"the factor {soft.constant:.6g} may be a constant or the fixed temperature's square: "
            "only the source can tell"
        )
