"""Tests of gradients: against the value's own differences, and whether the teacher receives one."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from kdref._checks import FloatArray, IntArray
from kdref.conformance.convention import Convention
from kdref.conformance.diagnosis.calls.box import Box, Loss
from kdref.conformance.diagnosis.calls.probes import BASE, draw
from kdref.conformance.diagnosis.search.evidence import DOUBLE, HALF, NEARLY, SINGLE
from kdref.gradcheck import numerical_gradient

ALPHA = 0.37
N_INPUTS = 2

AGREE = {DOUBLE: 1e-5, NEARLY: 1e-5, SINGLE: 1e-3, HALF: 5e-2}
"""Error in norm that counts as agreement, by the residual that the values leave."""

CONSTANT = 1e-4
"""Spread, relative to the median, within which a ratio of two gradients is called constant."""

STEPS = {"richardson": 0.1, "central": 1e-5}
"""Long steps cross kinks, short ones lose digits: a mismatch must show with both."""

HELD_CONSTANT = (
    "whether the gradient is right: it is not the derivative of the value, as where a weight is held constant on "
    "purpose, and no formula was found that tells the two apart"
)


@dataclass
class GradientTests:
    """What the gradient has shown.

    Attributes
    ----------
    codes : set of str
        ``GRADIENT_MISMATCH``, ``TEACHER_GETS_GRADIENT``.
    details : dict of str to str
        A measured fact for each code.
    untested : list of str
        What was not tested, and why.
    judged : bool
        Whether it was compared with differences.
    """

    codes: set[str] = field(default_factory=set)
    details: dict[str, str] = field(default_factory=dict)
    untested: list[str] = field(default_factory=list)
    judged: bool = False


def compare_gradients(
    box: Box,
    rng: np.random.Generator,
    gradient: Loss | None,
    convention: Convention | None,
    *,
    tolerance: float,
    positive: bool,
) -> GradientTests:
    """Compare a gradient written by hand, or the framework's, with differences of the value.

    Values in single precision carry too few digits to be differenced: there the differences are those of the
    formula, which predicts them.
    """
    result = GradientTests()
    if gradient is None and not box.framework.differentiates:
        result.untested.append("the gradient: a NumPy value carries none (pass gradient=)")
        result.untested.append("whether the teacher gets a gradient: NumPy has none")
        return result
    result.judged = True
    if tolerance in (SINGLE, HALF) and convention is None:
        result.untested.append(
            "the gradient: differences of single-precision values show little, and no formula was found"
        )
        result.judged = False
    value = _value_of(box, None if tolerance in (DOUBLE, NEARLY) else convention)
    analytic, teachers = [], []
    numerical: dict[str, list[FloatArray]] = {method: [] for method in STEPS}
    n, c, temperature = BASE
    for student, teacher, labels in zip(
        *draw(rng, N_INPUTS, n, c, scales=(1.5,), positive=positive), strict=True
    ):
        student, teacher = (np.abs(z) + 0.5 if positive else z for z in (student, teacher))
        found = _gradient(box, gradient, student, teacher, labels, temperature)
        if found[0] is None:
            result.untested.append("the gradient: what the loss returns cannot be differentiated")
            result.judged = False
            return result
        analytic.append(found[0])
        teachers.append(found[1])
        for method, step in STEPS.items() if result.judged else ():
            numerical[method].append(
                numerical_gradient(value(teacher, labels), student, method=method, step=step)
            )
    if result.judged:
        estimates = {method: np.array(found) for method, found in numerical.items()}
        blind = gradient is None and convention is None
        _judge(result, np.array(analytic), estimates, AGREE[tolerance], blind=blind)
    _judge_teacher(result, teachers)
    return result


def _value_of(
    box: Box, convention: Convention | None
) -> Callable[[FloatArray, IntArray], Callable[[FloatArray], float]]:
    """The loss, or the formula in its place, as a function of the student's logits."""
    temperature = BASE[2]

    def at(teacher: FloatArray, labels: IntArray) -> Callable[[FloatArray], float]:
        if convention is None:
            return lambda student: box.one(student, teacher, labels, temperature, ALPHA)
        return lambda student: convention(
            student, teacher, labels, temperature=temperature, alpha=ALPHA
        )

    return at


def _gradient(
    box: Box,
    gradient: Loss | None,
    student: FloatArray,
    teacher: FloatArray,
    labels: IntArray,
    temperature: float,
) -> tuple[FloatArray | None, FloatArray | None]:
    if gradient is None:
        function = box.function(temperature, ALPHA)
        return box.framework.gradients(function, student, teacher, labels, box.dtype)
    s, t = (box.framework.array(each, box.dtype) for each in (student, teacher))
    given = box.call(gradient, s, t, box.framework.labels(labels), temperature, ALPHA)
    array = box.framework.numpy(given).astype(np.float64)
    if array.shape != student.shape:
        raise ValueError(f"the gradient must have shape {student.shape}, got {array.shape}")
    return array, None


def _judge(
    result: GradientTests,
    analytic: FloatArray,
    estimates: dict[str, FloatArray],
    agree: float,
    *,
    blind: bool,
) -> None:
    """A mismatch, unless a weight that is detached on purpose in an unknown loss would leave it, too.

    Such a weight can even leave a constant factor, but never a gradient of zero.
    """
    errors = {method: _error(analytic, numerical) for method, numerical in estimates.items()}
    best = min(errors, key=lambda method: errors[method])
    error, numerical = errors[best], estimates[best]
    if not error > agree:
        return
    if blind and analytic.any():
        result.judged = False
        result.untested.append(HELD_CONSTANT)
        return
    result.codes.add("GRADIENT_MISMATCH")
    factor = _constant_factor(analytic, numerical, max(CONSTANT, agree))
    result.details["GRADIENT_MISMATCH"] = (
        f"error in norm {error:.1e}, not a constant factor"
        if factor is None
        else f"it is {_named(factor)} times the derivative"
    )


def _constant_factor(analytic: FloatArray, numerical: FloatArray, spread: float) -> float | None:
    """The ratio of two gradients where it is the same all over."""
    big = abs(numerical) > 1e-3 * abs(numerical).max(initial=0.0)
    ratios = (analytic / np.where(big, numerical, 1.0))[big]
    middle = float(np.median(ratios)) if ratios.size else 0.0
    constant = ratios.size and abs(ratios - middle).max() <= spread * abs(middle)
    return middle if constant else None


def _named(ratio: float) -> str:
    """A ratio, and the power of T, N or C that it is, if it is one."""
    n, c, temperature = BASE
    for name, base in (("T", temperature), ("N", float(n)), ("C", float(c))):
        for power in (1, 2, -1, -2):
            if abs(ratio - base**power) <= CONSTANT * base**power:
                raised = name if abs(power) == 1 else f"{name}^2"
                return f"{ratio:.6g} = {raised if power > 0 else '1/' + raised}"
    return f"{ratio:.6g}"


def _error(analytic: FloatArray, numerical: FloatArray) -> float:
    """Error in norm; zero where there is nothing to compare."""
    larger = max(float(np.linalg.norm(analytic)), float(np.linalg.norm(numerical)))
    if larger == 0.0 or not np.isfinite(numerical).all():
        return 0.0
    return float(np.linalg.norm(analytic - numerical)) / larger


def _judge_teacher(result: GradientTests, teachers: list[FloatArray | None]) -> None:
    found = [each for each in teachers if each is not None]
    if not found:
        result.untested.append(
            "whether the teacher gets a gradient: only the framework's own would show it"
        )
        return
    largest = max(float(abs(each).max()) for each in found)
    if largest > 0.0:
        result.codes.add("TEACHER_GETS_GRADIENT")
        result.details["TEACHER_GETS_GRADIENT"] = (
            f"up to {largest:.2g} an entry, if the teacher's logits require a gradient"
        )
