r"""Numerical gradients and a report on an analytic one.

Knows only callables and NumPy.  Three methods, from the one that works on anything to the one that is exact:

================  ==========================================================  ==================================
method            formula for one entry                                       error of a smooth function
================  ==========================================================  ==================================
``central``       :math:`\frac{f(x + h) - f(x - h)}{2 h}`                     about 1e-10: rounding against h²
``richardson``    central at h, h/2, h/4, h/8, extrapolated to h = 0          about 1e-12
``complex-step``  :math:`\mathrm{Im} f(x + i h) / h` with h = 1e-20           about 1e-16: nothing is subtracted
================  ==========================================================  ==================================
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray

STEPS = {"central": 1e-4, "richardson": 0.1, "complex-step": 1e-20}
"""Default steps, for functions that vary over distances of about 1 in each entry."""

TOLERANCES = {"central": 1e-6, "richardson": 1e-9, "complex-step": 1e-13}
"""What `check_gradient` demands of the error in norm, with room over the errors measured for each method."""

LEVELS = 4
"""Central differences that Richardson's extrapolation combines; their steps halve."""

Function = Callable[[Any], Any]


@dataclass(frozen=True)
class GradientReport:
    """How an analytic gradient compares with a numerical one.

    Attributes
    ----------
    method : str
        How the numerical gradient was made.
    norm_error : float
        Euclidean norm of the difference, divided by the larger of the two norms; 0
        if both gradients are zero.
    entry_error : float
        Largest absolute difference of one entry.
    where : tuple of int
        The index of that entry.
    analytic, numerical : float
        Its two values.
    tolerance : float
        The largest ``norm_error`` that passes.
    """

    method: str
    norm_error: float
    entry_error: float
    where: tuple[int, ...]
    analytic: float
    numerical: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the error in norm is within the tolerance; NaN is not."""
        return self.norm_error <= self.tolerance

    def __str__(self) -> str:
        """Three lines: the verdict, the error in norm, the worst entry with both numbers."""
        return "\n".join(
            (
                f"gradient {'agrees' if self.passed else 'DISAGREES'} ({self.method})",
                f"  error in norm  {self.norm_error:.1e}  (tolerance {self.tolerance:.0e})",
                f"  worst entry    {list(self.where)}: analytic {self.analytic:.10g}, "
                f"numerical {self.numerical:.10g}, difference {self.entry_error:.1e}",
            )
        )


def numerical_gradient(
    function: Function, x: ArrayLike, *, method: str = "richardson", step: float | None = None
) -> FloatArray:
    r"""Gradient of a scalar function, entry by entry, from its values alone.

    .. math::

        D(h) = \frac{f(x + h e_i) - f(x - h e_i)}{2 h}, \qquad
        D_{j+1}(h) = D_j(h/2) + \frac{D_j(h/2) - D_j(h)}{4^{j} - 1}

    Parameters
    ----------
    function : callable
        Takes an array of the shape of ``x`` and returns a number.
    x : array_like
        Where to differentiate; finite, of any shape.
    method : {"richardson", "central", "complex-step"}
        ``"complex-step"`` needs a function that computes with complex numbers,
        such as a textbook formula; the functions of kdref refuse them.
    step : float, optional
        :math:`h`, 0.1, 1e-4 or 1e-20 by method.  A softened loss varies over
        distances of about T: pass 0.1 T there, and less near a kink.

    Returns
    -------
    ndarray, the shape of ``x``
        The numerical gradient.

    Raises
    ------
    TypeError
        If ``x`` does not hold real numbers, ``function`` does not return one, or
        with ``"complex-step"`` it returns a real number: the imaginary part was lost.
    ValueError
        If ``method`` is unknown, ``step`` is not above zero or too small or too
        large to change ``x`` by a finite amount, or ``x`` is not finite.

    Notes
    -----
    Differences are divided by the step that was taken, :math:`(x + h) - (x - h)` as
    stored, which at entries near 1e6 is worth four digits.

    References
    ----------
    .. [1] L. F. Richardson, "The approximate arithmetical solution by finite
       differences...", 1911 (the extrapolation).
    .. [2] W. Squire, G. Trapp, "Using complex variables to estimate derivatives of
       real functions", SIAM Review 40, 1998.

    Examples
    --------
    The gradient of x² + 3 y at (2, 1) is (4, 3).

    >>> numerical_gradient(lambda x: x[0] ** 2 + 3.0 * x[1], [2.0, 1.0]).round(6)
    array([4., 3.])
    """
    _checks.choice("method", method, tuple(STEPS))
    h = STEPS[method] if step is None else _checks.positive("step", step)
    point = _checks.finite_array("x", x)
    derivative = {"central": _central, "richardson": _richardson, "complex-step": _complex_step}
    gradient = np.empty_like(point)
    for index in np.ndindex(point.shape):
        gradient[index] = derivative[method](function, point, index, h)
    return gradient


def check_gradient(
    value: Function,
    gradient: Function,
    x: ArrayLike,
    *,
    method: str = "richardson",
    step: float | None = None,
    tolerance: float | None = None,
) -> GradientReport:
    r"""Compare an analytic gradient with a numerical one.

    .. math::

        \text{error in norm} = \frac{\|g - \hat g\|_2}{\max(\|g\|_2, \|\hat g\|_2)}

    Parameters
    ----------
    value : callable
        Takes an array of the shape of ``x`` and returns a number.
    gradient : callable
        Takes the same array and returns an array of its shape.
    x : array_like
        Where to compare.
    method, step
        See `numerical_gradient`.
    tolerance : float, optional
        Largest error in norm that passes: 1e-9, 1e-6 or 1e-13 by method.

    Returns
    -------
    GradientReport
        Prints as three lines; ``.passed`` tells whether the two agree.

    Raises
    ------
    TypeError, ValueError
        As for `numerical_gradient`; also if ``x`` is empty or ``gradient`` returns
        another shape.

    Examples
    --------
    A factor 2 forgotten in the second entry.

    >>> report = check_gradient(
    ...     lambda x: x[0] ** 2 + x[1] ** 2, lambda x: [2.0 * x[0], x[1]], [3.0, 4.0]
    ... )
    >>> report.passed
    False
    >>> report.where, round(report.analytic, 6), round(report.numerical, 6)
    ((1,), 4.0, 8.0)
    """
    _checks.choice("method", method, tuple(STEPS))
    bound = TOLERANCES[method] if tolerance is None else _checks.positive("tolerance", tolerance)
    point = _checks.finite_array("x", x)
    _checks.not_empty("x", point)
    analytic = _checks.real_array("the gradient", gradient(point.copy()))
    _checks.same_shape("x", point, "the gradient", analytic)
    numerical = numerical_gradient(value, point, method=method, step=step)
    with np.errstate(over="ignore", invalid="ignore"):  # inf - inf is NaN, which does not pass
        difference = abs(analytic - numerical)
    where = np.unravel_index(int(np.argmax(difference)), point.shape)
    return GradientReport(
        method=method,
        norm_error=_error_in_norm(analytic, numerical),
        entry_error=float(difference[where]),
        where=tuple(int(i) for i in where),
        analytic=float(analytic[where]),
        numerical=float(numerical[where]),
        tolerance=bound,
    )


def _error_in_norm(analytic: FloatArray, numerical: FloatArray) -> float:
    """Of both gradients scaled to a largest entry of 1, so that no square over- or underflows; NaN stays NaN."""
    largest = np.maximum(abs(analytic).max(), abs(numerical).max())
    if largest == 0.0:
        return 0.0
    with np.errstate(invalid="ignore"):  # inf / inf is NaN
        a, b = analytic / largest, numerical / largest
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(a), np.linalg.norm(b)))


def _moved(point: FloatArray, index: tuple[int, ...], step: float) -> FloatArray:
    moved = point.copy()
    with np.errstate(over="ignore"):  # a step to infinity is refused
        moved[index] += step
    return moved


def _central(function: Function, point: FloatArray, index: tuple[int, ...], h: float) -> float:
    ahead, behind = _moved(point, index, h), _moved(point, index, -h)
    taken = float(ahead[index]) - float(behind[index])
    if not 0.0 < taken < math.inf:
        raise ValueError(
            f"step must change x by a finite amount, got {h!r} at {float(point[index])!r}"
        )
    return (_real_value(function(ahead)) - _real_value(function(behind))) / taken


def _richardson(function: Function, point: FloatArray, index: tuple[int, ...], h: float) -> float:
    column = [_central(function, point, index, h / 2.0**level) for level in range(LEVELS)]
    for order in range(1, LEVELS):
        column = [
            fine + (fine - coarse) / (4.0**order - 1.0)
            for coarse, fine in itertools.pairwise(column)
        ]
    return column[0]


def _complex_step(function: Function, point: FloatArray, index: tuple[int, ...], h: float) -> float:
    moved = point.astype(np.complex128)
    moved[index] += 1j * h
    result = np.asarray(function(moved))
    if result.dtype.kind != "c":
        raise TypeError(
            "the function must return a complex number for the complex step, "
            f"got dtype {result.dtype}: the imaginary part was lost on the way"
        )
    return float(_scalar(result).imag) / h


def _real_value(result: object) -> float:
    array = np.asarray(result)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"the function must return a real number, got {result!r}")
    return float(_scalar(array))


def _scalar(array: Any) -> Any:
    if array.size != 1:
        raise ValueError(f"the function must return one number, got shape {array.shape}")
    return array.reshape(())[()]
