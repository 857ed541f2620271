"""Tests of gradients: against differences of the value, finite where it is, and whether the teacher gets one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from kdref._checks import FloatArray, IntArray
from kdref.conformance.convention import Convention
from kdref.conformance.diagnosis.calls.box import Box
from kdref.conformance.diagnosis.calls.probes import BASE, SATURATED, draw
from kdref.conformance.diagnosis.calls.signature import Loss
from kdref.conformance.diagnosis.checks.saturation import GAP
from kdref.conformance.diagnosis.search.evidence import DOUBLE, HALF, NEARLY, SINGLE
from kdref.gradcheck import numerical_gradient


class Point(NamedTuple):
    """Where gradients are compared.

    Attributes
    ----------
    temperature, alpha : float
        Of the calls.
    n_inputs : int
        How many inputs are drawn.
    """

    temperature: float
    alpha: float
    n_inputs: int

    def __str__(self) -> str:
        """Where it is, in words."""
        return f"at temperature {self.temperature:g}, alpha {self.alpha:g}"


POINTS = (Point(BASE[2], 0.37, 2), Point(2.0, 0.9, 1))
"""The second has what training often has, a round temperature and a large alpha: a backward pass may branch there."""

N_LARGE = 6

FEWER = (2, 4)
"""N and C of another shape, within the base's."""

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

FADED = (
    "the gradient is not finite, though the value is, on logits that differ by thousands, where a probability is 0: "
    "what the value leaves out there has to be left out before its logarithm or root is taken"
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
    variants : dict of str to str
        Which words of `kdref.conformance.report.variants.VARIANTS` a code gets in place of its own.
    notes : list of str
        Worth knowing, and no finding.
    untested : list of str
        What was not tested, and why.
    judged : bool
        Whether it was compared with differences.
    """

    codes: set[str] = field(default_factory=set)
    details: dict[str, str] = field(default_factory=dict)
    variants: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    untested: list[str] = field(default_factory=list)
    judged: bool = False

    def mismatch(self, detail: str, variant: str = "") -> None:
        """The student's gradient is wrong."""
        self.codes.add("GRADIENT_MISMATCH")
        self.details["GRADIENT_MISMATCH"] = detail
        if variant:
            self.variants["GRADIENT_MISMATCH"] = variant

    def unjudged(self, reason: str) -> None:
        """The student's gradient was not compared."""
        self.judged = False
        self.untested.append(reason)


class NoGradientError(Exception):
    """What the loss returns cannot be differentiated."""


@dataclass(frozen=True)
class Slopes:
    """Gradients of a loss at given parameters: its own, and differences of its value.

    Attributes
    ----------
    box : Box
        The loss.
    gradient : callable or None
        A gradient written by hand; None for the framework's.
    value : Convention or None
        What is differenced in place of the loss.
    point : Point
        The parameters.
    """

    box: Box
    gradient: Loss | None
    value: Convention | None
    point: Point

    def analytic(
        self, student: FloatArray, teacher: FloatArray, labels: IntArray
    ) -> tuple[FloatArray, FloatArray | None]:
        """The gradient with respect to the student, and the teacher's where the framework shows it.

        Raises
        ------
        NoGradientError
            If there is none.
        """
        temperature, alpha, _ = self.point
        framework, dtype = self.box.framework, self.box.dtype
        if self.gradient is not None:
            s, t = (framework.array(each, dtype) for each in (student, teacher))
            y = framework.labels(labels)
            given = self.box.call(self.gradient, s, t, y, temperature, alpha)
            array = framework.numpy(given).astype(np.float64)
            if array.shape != student.shape:
                raise ValueError(f"the gradient must have shape {student.shape}, got {array.shape}")
            return array, None
        function = self.box.function(temperature, alpha)
        try:
            found, teachers = framework.gradients(function, student, teacher, labels, dtype)
        except Exception as error:  # whatever the framework raises, the loss cannot be trained with
            lines = str(error).strip().splitlines() or [""]
            raise NoGradientError(f"{type(error).__name__}: {lines[0]}") from error
        if found is None:
            raise NoGradientError("what it returns is not connected with the student's logits")
        return found, teachers

    def differences(
        self, student: FloatArray, teacher: FloatArray, labels: IntArray, method: str
    ) -> FloatArray:
        """Differences of the value."""
        temperature, alpha, _ = self.point

        def value(moved: FloatArray) -> float:
            if self.value is None:
                return self.box.one(moved, teacher, labels, temperature, alpha)
            return self.value(moved, teacher, labels, temperature=temperature, alpha=alpha)

        return numerical_gradient(value, student, method=method, step=STEPS[method])


def compare_gradients(
    box: Box,
    rng: np.random.Generator,
    gradient: Loss | None,
    convention: Convention | None,
    *,
    tolerance: float,
    positive: bool,
    varies: bool = True,
) -> GradientTests:
    """Compare a gradient written by hand, or the framework's, with differences of the value.

    Values in single precision carry too few digits to be differenced: there the differences are those of the
    formula, which predicts them.

    Parameters
    ----------
    box, rng, gradient, convention
        The loss, the source of inputs, the gradient written by hand, the formula that was found.
    tolerance : float
        The residual that the values leave.
    positive : bool
        Only positive logits.
    varies : bool
        Whether the loss takes a temperature or alpha: one that takes neither is compared at one point.
    """
    result = GradientTests()
    if gradient is None and not box.framework.differentiates:
        result.untested.append("the gradient: a NumPy value carries none (pass gradient=)")
        result.untested.append("whether the teacher gets a gradient: NumPy has none")
        return result
    result.judged = True
    smooth = tolerance in (DOUBLE, NEARLY)
    if not smooth and convention is None:
        result.unjudged(
            "the gradient: differences of single-precision values show little, and no formula was found"
        )
    blind = gradient is None and convention is None
    teachers: list[FloatArray | None] = []
    try:
        for point in POINTS if varies else POINTS[:1]:
            slopes = Slopes(box, gradient, None if smooth else convention, point)
            inputs = list(_inputs(slopes, rng, positive=positive))
            teachers += _judge_point(result, slopes, inputs, AGREE[tolerance], blind=blind)
            if result.codes:
                break
        if not result.codes and not positive:
            _judge_large(result, slopes, rng)
    except NoGradientError as reason:
        result.mismatch(str(reason), "no gradient")
        return result
    _judge_teacher(result, teachers)
    return result


Inputs = tuple[FloatArray, FloatArray, IntArray]


def _inputs(slopes: Slopes, rng: np.random.Generator, *, positive: bool) -> Iterator[Inputs]:
    """Ordinary logits on which the value is finite."""
    temperature, alpha, n_inputs = slopes.point
    drawn = draw(rng, n_inputs, *BASE[:2], scales=(1.5,), positive=positive)
    for student, teacher, labels in zip(*drawn, strict=True):
        if positive:
            student, teacher = (np.abs(z) + 0.5 for z in (student, teacher))
        if np.isfinite(slopes.box.one(student, teacher, labels, temperature, alpha)):
            yield student, teacher, labels


def _judge_point(
    result: GradientTests, slopes: Slopes, inputs: list[Inputs], agree: float, *, blind: bool
) -> list[FloatArray | None]:
    """Compare at one point; returns the gradients that the teacher gets there."""
    if not inputs:
        result.untested.append(f"the gradient {slopes.point}: the value is not finite there")
        result.judged &= slopes.point is not POINTS[0]
        return []
    found = [slopes.analytic(*each) for each in inputs]
    analytic = np.array([student for student, _ in found])
    if not np.isfinite(analytic).all():
        lost = f"{(~np.isfinite(analytic)).sum()} of {analytic.size} entries are NaN or infinite"
        result.mismatch(f"{lost} on ordinary logits {slopes.point}", "gradient not finite")
    elif result.judged:
        _judge(result, slopes, inputs, analytic, agree, blind=blind)
    return [teacher for _, teacher in found]


def _judge(
    result: GradientTests,
    slopes: Slopes,
    inputs: list[Inputs],
    analytic: FloatArray,
    agree: float,
    *,
    blind: bool,
) -> None:
    """A mismatch, unless a weight that is detached on purpose in an unknown loss would leave it, too.

    Such a weight can even leave a constant factor, but never a gradient of zero.
    """
    where = "" if slopes.point is POINTS[0] else f", {slopes.point}"
    estimates = (np.array([slopes.differences(*each, m) for each in inputs]) for m in STEPS)
    finite = [numerical for numerical in estimates if np.isfinite(numerical).all()]
    if not finite:
        result.unjudged(f"the gradient: the value is not finite a small step away{where}")
        return
    numerical = min(finite, key=lambda each: _error(analytic, each))
    error = _error(analytic, numerical)
    if error <= agree:
        return
    if blind and analytic.any():
        result.unjudged(HELD_CONSTANT)
        return
    factor = _constant_factor(analytic, numerical, max(CONSTANT, agree))
    seen = (
        f"error in norm {error:.1e}, not a constant factor"
        if factor is None
        else f"it is {_named(slopes, factor, inputs[0])} times the derivative"
    )
    result.mismatch(seen + where)


def _judge_large(result: GradientTests, slopes: Slopes, rng: np.random.Generator) -> None:
    """Whether the gradient is finite on large logits on which the value is."""
    temperature, alpha, _ = slopes.point
    for scale in (SATURATED[-1], GAP):
        drawn = draw(rng, N_LARGE, *BASE[:2], scales=(scale,))
        for student, teacher, labels in zip(*drawn, strict=True):
            if not np.isfinite(slopes.box.one(student, teacher, labels, temperature, alpha)):
                continue
            if np.isfinite(slopes.analytic(student, teacher, labels)[0]).all():
                continue
            if scale == GAP:  # as with the value, underflow so far out is told and is no finding
                result.notes.append(FADED)
            else:
                result.mismatch(
                    f"NaN or infinite on logits of scale {scale:g}", "gradient not finite"
                )
            return


def _constant_factor(analytic: FloatArray, numerical: FloatArray, spread: float) -> float | None:
    """The ratio of two gradients where it is the same all over."""
    big = abs(numerical) > 1e-3 * abs(numerical).max(initial=0.0)
    ratios = (analytic / np.where(big, numerical, 1.0))[big]
    middle = float(np.median(ratios)) if ratios.size else 0.0
    constant = ratios.size and abs(ratios - middle).max() <= spread * abs(middle)
    return middle if constant else None


def _named(slopes: Slopes, ratio: float, example: Inputs) -> str:
    """A ratio, and the power of T, N or C that it is; of another shape it tells N and C from the numbers they have."""
    student, teacher, labels = example
    n, c = FEWER
    fewer = student[:n, :c], teacher[:n, :c], labels[:n] % c
    numerical = slopes.differences(*fewer, "richardson")
    other = _constant_factor(slopes.analytic(*fewer)[0], numerical, CONSTANT)
    temperature = slopes.point.temperature
    sizes: dict[str, tuple[float, float]] = {"N": (len(student), n), "C": (student.shape[1], c)}
    if not temperature.is_integer():  # of 2 or 4 nothing would tell it
        sizes["T"] = (temperature, temperature)
    for name, (here, there) in sizes.items():
        for power in (1, 2, -1, -2):
            if _close(ratio, here**power) and other is not None and _close(other, there**power):
                raised = name if abs(power) == 1 else f"{name}^2"
                return f"{ratio:.6g} = {raised if power > 0 else '1/' + raised}"
    return f"{ratio:.6g}"


def _close(ratio: float, power: float) -> bool:
    return abs(ratio - power) <= CONSTANT * power


def _error(analytic: FloatArray, numerical: FloatArray) -> float:
    """Error in norm; zero where both are."""
    larger = max(float(np.linalg.norm(analytic)), float(np.linalg.norm(numerical)))
    return float(np.linalg.norm(analytic - numerical)) / larger if larger > 0.0 else 0.0


def _judge_teacher(result: GradientTests, teachers: list[FloatArray | None]) -> None:
    found = [each for each in teachers if each is not None]
    if not found:
        result.untested.append(
            "whether the teacher gets a gradient: only the framework's own would show it"
        )
        return
    largest = float(np.max(np.abs(found)))
    if largest == 0.0:
        return
    result.codes.add("TEACHER_GETS_GRADIENT")
    seen = f"up to {largest:.2g} an entry" if np.isfinite(largest) else "NaN or infinite"
    result.details["TEACHER_GETS_GRADIENT"] = f"{seen}, if the teacher's logits require a gradient"
