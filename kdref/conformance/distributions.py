"""What a loss does to logits before it compares them, and the evaluation of it over many inputs at once.

A `Distribution` is a side, a transform and a temperature, as data.  A `Batch` holds the inputs of many calls of
one shape, stacked, and computes each distribution once.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kdref._checks import FloatArray, IntArray

Temperature = str | float

SYMBOLIC: dict[str, Callable[[float], float]] = {
    "T": lambda t: t,
    "1/T": lambda t: 1.0 / t,
    "T^2": lambda t: t * t,
    "sqrt(T)": lambda t: t**0.5,
}
"""Divisors of the logits that depend on the temperature; any number is a fixed temperature."""

SIDES = ("student", "teacher")

TRANSFORMS = {
    "softmax": "{z}",
    "softmax twice": "softmax({z})",
    "softened softmax": "softmax({name}){divisor}",
    "divided logs": "exp(log_softmax({name}){divisor})",
    "batch softmax": "{z} over the batch",
    "whole softmax": "{z} over all entries",
    "raw": "raw {z}",
    "positive": "raw {z} taken as a probability",
    "sigmoid": "sigmoid {z}",
    "standardised": "z-score({name}){divisor}",
    "standardised, ddof 1": "z-score1({name}){divisor}",
    "normalised": "normalised({name}){divisor}",
    "centred": "centred({name}){divisor}",
}
"""Each transform with its text; a plain softmax is what a divergence takes for granted and is not spelt out."""

Z_SCORE_EPSILON = 1e-7
"""Added to the standard deviation by the authors of logit standardisation (arXiv:2403.01427)."""


class Distribution(NamedTuple):
    """A side of the loss, what is done to its logits, and the temperature that divides them.

    Attributes
    ----------
    side : {"student", "teacher"}
        Whose logits.
    transform : str
        A key of ``TRANSFORMS``.
    temperature : str or float
        ``"T"``, another key of ``SYMBOLIC``, or a number.
    """

    side: str
    transform: str = "softmax"
    temperature: Temperature = "T"

    def divisor(self, temperature: float) -> float:
        """The number that divides the logits."""
        tau = self.temperature
        return SYMBOLIC[tau](temperature) if isinstance(tau, str) else float(tau)

    def text(self) -> str:
        """Readable text, such as ``teacher/T``."""
        tau = self.temperature
        number = tau if isinstance(tau, str) else f"{tau:.10g}"
        divisor = "" if number == "1" else f"/({number})" if "/" in number else f"/{number}"
        return TRANSFORMS[self.transform].format(
            name=self.side, divisor=divisor, z=self.side + divisor
        )

    def latex(self) -> str:
        """The same as LaTeX, with s and t for the logits."""
        letter = self.side[0]
        tau = self.temperature
        divided = letter if tau == 1.0 else f"{letter}/{_latex_temperature(tau)}"
        if self.transform == "softmax":
            return divided
        return rf"\text{{{self.text()}}}".replace("^2", "²")


def _latex_temperature(tau: Temperature) -> str:
    if not isinstance(tau, str):
        return f"{tau:.10g}"
    return {"1/T": "T^{-1}", "sqrt(T)": r"\sqrt{T}"}.get(tau, tau)


def log_softmax(scores: FloatArray, axis: int | tuple[int, ...]) -> FloatArray:
    """Logarithm of the softmax along any axis; kdref's own works on the last one."""
    centred = scores - scores.max(axis=axis, keepdims=True)
    result: FloatArray = centred - np.log(np.exp(centred).sum(axis=axis, keepdims=True))
    return result


RAW = frozenset({"raw", "positive", "centred"})
"""Transforms that make no distribution: the logits themselves take the place of probabilities."""

SOFTMAX_AXES: dict[str, int | tuple[int, ...]] = {"batch softmax": -2, "whole softmax": (-2, -1)}


class Batch:
    """Stacked inputs of M calls of one shape, temperature and alpha; distributions are computed once.

    Parameters
    ----------
    student, teacher : array, shape (M, N, C)
        Logits.
    labels : array of int, shape (M, N)
        Class ids.
    temperature, alpha : float
        The two parameters of the calls.
    """

    def __init__(
        self,
        student: FloatArray,
        teacher: FloatArray,
        labels: IntArray,
        temperature: float,
        alpha: float,
    ) -> None:
        self.logits = {"student": student, "teacher": teacher}
        self.labels, self.temperature, self.alpha = labels, temperature, alpha
        self.n_calls, self.n_examples, self.n_classes = student.shape
        self._logs: dict[Distribution, FloatArray] = {}
        self._probabilities: dict[Distribution, FloatArray] = {}

    def scores(self, d: Distribution) -> FloatArray:
        """The transformed logits before the last softmax."""
        z = self.logits[d.side]
        tau = d.divisor(self.temperature)
        if d.transform == "softmax twice":
            return np.exp(log_softmax(z / tau, -1))
        if d.transform == "softened softmax":
            return np.exp(log_softmax(z, -1)) / tau
        if d.transform == "divided logs":
            return log_softmax(z, -1) / tau
        return _STATISTICS[d.transform](z) / tau if d.transform in _STATISTICS else z / tau

    def log_p(self, d: Distribution) -> FloatArray:
        """Log-probabilities; of raw logits their logarithm, of a sigmoid the element-wise one."""
        if d not in self._logs:
            z = self.scores(d)
            if d.transform == "sigmoid":
                self._logs[d] = -np.logaddexp(0.0, -z)
            elif d.transform in ("raw", "positive"):
                self._logs[d] = np.log(z)
            elif d.transform == "divided logs":
                self._logs[d] = z
            else:
                self._logs[d] = log_softmax(z, SOFTMAX_AXES.get(d.transform, -1))
        return self._logs[d]

    def p(self, d: Distribution) -> FloatArray:
        """Probabilities; of raw logits the logits themselves."""
        if d not in self._probabilities:
            raw = d.transform in RAW
            self._probabilities[d] = self.scores(d) if raw else np.exp(self.log_p(d))
        return self._probabilities[d]

    def at_label(self, values: FloatArray) -> FloatArray:
        """The entry of each row at its label."""
        return np.take_along_axis(values, self.labels[..., np.newaxis], axis=-1)[..., 0]

    def is_label(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """True at each row's label."""
        return np.asarray(np.arange(self.n_classes) == self.labels[..., np.newaxis])


def _centred(z: FloatArray) -> FloatArray:
    result: FloatArray = z - z.mean(axis=-1, keepdims=True)
    return result


_STATISTICS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "standardised": lambda z: _centred(z) / z.std(axis=-1, keepdims=True),
    "standardised, ddof 1": lambda z: (
        _centred(z) / (Z_SCORE_EPSILON + z.std(axis=-1, ddof=1, keepdims=True))
    ),
    "normalised": lambda z: z / np.linalg.norm(z, axis=-1, keepdims=True),
    "centred": _centred,
}
