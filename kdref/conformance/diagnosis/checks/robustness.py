"""Tests beyond the formula: determinism, mutation, rows that see each other, padding, precision."""

import itertools

import numpy as np

from kdref._checks import FloatArray, IntArray
from kdref.conformance.diagnosis.calls.box import Box
from kdref.conformance.diagnosis.calls.probes import ALPHAS, BASE, Probes, draw

REPEATS = 4
ALPHA = ALPHAS[1]

NOISE_STEPS = {"single": 2.0**-20, "half": 2.0**-10}
"""Moves of the logits, each above the spacing of its numbers, that change a smooth loss by about their square."""

SMOOTH = {"single": 3e-9, "half": 3e-5}
"""Second differences, relative to the value, above which the result was computed in that precision or less."""

MOVED = 1.001
"""A change of a parameter that every loss shows which uses it."""

NEARBY, UNCOUPLED = 2.0**-10, 1e-10
"""A move of logits that changes no rank, and the mixed difference, of the order of its square, that is none."""

Pair = tuple[FloatArray, FloatArray]
"""Logits of student and teacher."""


def is_deterministic(box: Box, probes: Probes) -> bool:
    """Whether repeated calls give the same, to the last bits."""
    student, teacher, labels = probes.inputs
    for m in range(REPEATS):
        again = [
            box.one(student[m], teacher[m], labels[m], probes.setting[2], a) for a in probes.alphas
        ]
        if not np.allclose(again, probes.values[m], rtol=1e-12, atol=0.0, equal_nan=True):
            return False
    return True


def noise(box: Box, rng: np.random.Generator, precision: str) -> float:
    """Second differences over a tiny step, relative to the value: the rounding noise of the computation."""
    n, c, temperature = BASE
    found = []
    for student, teacher, labels in zip(*draw(rng, 8, n, c), strict=True):
        move = np.sign(rng.normal(size=(2, *student.shape))) * NOISE_STEPS[precision]
        ahead, here, behind = (
            box.one(student + k * move[0], teacher + k * move[1], labels, temperature, ALPHA)
            for k in (1.0, 0.0, -1.0)
        )
        found.append(abs(ahead - 2.0 * here + behind) / (1e-9 + abs(here)))
    return float(np.median(found))


def coarseness(box: Box, rng: np.random.Generator) -> str:
    """What shows that a loss computes in half precision or less; empty if nothing does."""
    level = noise(box, rng, "half")
    if level == 0.0:
        return f"a change of every logit by {NOISE_STEPS['half']:.1g} changes nothing"
    if level > SMOOTH["half"]:
        return f"second differences of relative size {level:.0e} where 1e-6 is expected"
    return ""


def rounds_parameters(box: Box, probes: Probes) -> bool:
    """Whether temperature or alpha counts to single precision only: rounding changes nothing, moving does."""
    student, teacher, labels = (each[0] for each in probes.inputs)
    temperature = probes.setting[2]

    def value(temperature: float, alpha: float) -> float:
        return box.one(student, teacher, labels, temperature, alpha)

    here, rounded = value(temperature, ALPHA), [float(np.float32(x)) for x in (temperature, ALPHA)]
    return value(rounded[0], ALPHA) == here != value(MOVED * temperature, ALPHA) or value(
        temperature, rounded[1]
    ) == here != value(temperature, MOVED * ALPHA)


def uses_teacher(box: Box, rng: np.random.Generator) -> bool:
    """Whether another teacher changes the value anywhere: several alphas and temperatures, ten inputs."""
    n, c, temperature = BASE
    student, teacher, labels = draw(rng, 10, n, c)
    others = teacher[::-1]
    for s, t, other, y in zip(student, teacher, others, labels, strict=True):
        for alpha in (0.37, 0.9, 0.05, 1.0, 0.0):
            for tau in (temperature, 1.0, 6.0):
                first, second = box.one(s, t, y, tau, alpha), box.one(s, other, y, tau, alpha)
                if not abs(first - second) <= 1e-12 * (1.0 + abs(first)):
                    return True
    return False


def couples_rows(box: Box, rng: np.random.Generator) -> bool:
    """Whether a change of one row has another effect when a second row has changed, too."""
    n, c = 2, BASE[1]
    for student, teacher, labels in zip(*draw(rng, 3, n, c), strict=True):
        new_student, new_teacher, _ = draw(rng, 1, n, c)
        moved = new_student[0], new_teacher[0]
        if abs(_mixed_difference(box, (student, teacher), moved, labels)) > 1e-6:
            return True
    return False


def only_ranks_rows(box: Box, rng: np.random.Generator) -> bool:
    """Whether rows that see each other no longer do so when they move by very little.

    Rows that are chosen, or weighted, by their rank in the batch couple on purpose; logits that are mixed with other
    rows' stay coupled however small the move.
    """
    n, c = 2, BASE[1]
    for student, teacher, labels in zip(*draw(rng, 6, n, c), strict=True):
        moves = NEARBY * rng.normal(size=(2, n, c))
        moved = student + moves[0], teacher + moves[1]
        if not abs(_mixed_difference(box, (student, teacher), moved, labels)) <= UNCOUPLED:
            return False
    return True


def _mixed_difference(box: Box, logits: Pair, moved: Pair, labels: IntArray) -> float:
    """What a change of both rows does beyond the two changes alone."""
    total = 0.0
    for changed in itertools.product((False, True), repeat=2):
        rows = np.array(changed)[:, np.newaxis]
        student, teacher = (
            np.where(rows, new, old) for old, new in zip(logits, moved, strict=True)
        )
        total += (-1.0) ** sum(changed) * box.one(student, teacher, labels, BASE[2], ALPHA)
    return total


def is_mean_of_rows(box: Box, rng: np.random.Generator) -> bool:
    """Whether two rows together always lie between the two alone: a mean whose weights the rows set themselves.

    Such a loss couples its rows on purpose.  Its parts are judged at the ends of alpha, and as their difference,
    since a sum of two such means need not lie between.
    """
    c, temperature = BASE[1:]
    between = {"hard": True, "soft": True, "difference": True}
    for student, teacher, labels in zip(*draw(rng, 12, 2, c), strict=True):
        rows = (slice(0, 2), slice(0, 1), slice(1, 2))
        ends = np.array(
            [
                [box.one(student[r], teacher[r], labels[r], temperature, a) for a in (0.0, 1.0)]
                for r in rows
            ]
        )
        parts = {"hard": ends[:, 0], "soft": ends[:, 1], "difference": ends[:, 1] - ends[:, 0]}
        for name, (both, first, second) in parts.items():
            slack = 1e-9 * (1.0 + abs(first) + abs(second))
            between[name] &= min(first, second) - slack <= both <= max(first, second) + slack
    return between["hard"] and (between["soft"] or between["difference"])


def counts_padding(
    box: Box, rng: np.random.Generator, ignore_index: int
) -> tuple[bool | None, str]:
    """Whether the logits or the number of ignored rows change the value.

    Returns
    -------
    tuple
        True or False, or None where it could not be tried; and what was seen.
    """
    n, c, temperature = 6, BASE[1], BASE[2]
    student, teacher, labels = (each[0] for each in draw(rng, 1, n, c))
    masked = labels.copy()
    masked[-2:] = ignore_index
    box.errors.clear()
    whole = box.one(student, teacher, masked, temperature, ALPHA)
    if not np.isfinite(whole):
        reason = f": {box.errors[-1]}" if box.errors else ": the value is not finite"
        return None, f"labels of {ignore_index} are refused{reason}"
    moved_student, moved_teacher = student.copy(), teacher.copy()
    moved_student[-2:] += rng.normal(size=(2, c))
    moved_teacher[-2:] -= rng.normal(size=(2, c))
    kept = box.one(student[:-2], teacher[:-2], masked[:-2], temperature, ALPHA)
    other = box.one(moved_student, moved_teacher, masked, temperature, ALPHA)
    bound = 1e-6 * (1.0 + abs(whole))
    if abs(other - whole) > bound:
        return True, "changing the logits of ignored rows changes the loss"
    if abs(kept - whole) > bound:
        return (
            True,
            f"ignored rows are in the denominator: {whole:.6g} with them, {kept:.6g} without",
        )
    return False, ""
