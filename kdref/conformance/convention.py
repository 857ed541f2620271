"""`Convention`: what a distillation loss computes, as data that can be called, printed and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray, IntArray
from kdref.conformance.distributions import Batch, Distribution, Temperature
from kdref.conformance.terms import Floor, Term, value
from kdref.conformance.weights import Weight, weight

WeightedTerm = tuple[Weight, Term]

EQUAL_TOLERANCE = 1e-7
"""How far two conventions may differ, relative to the larger value, and still be called the same."""


@dataclass(frozen=True)
class Branch:
    """Another formula that is used at one value of a parameter.

    Attributes
    ----------
    parameter : {"alpha", "temperature"}
        What is looked at.
    value : float
        Where the branch is taken.
    terms : tuple of (Weight, Term)
        The formula there.
    """

    parameter: str
    value: float
    terms: tuple[WeightedTerm, ...]


@dataclass(frozen=True)
class Convention:
    """An immutable description of a distillation loss: a weighted sum of known terms.

    Attributes
    ----------
    terms : tuple of (Weight, Term)
        Each weight is a function of temperature, alpha, C and N; each term a mean over rows.
    branches : tuple of Branch
        Values of alpha or the temperature at which another formula is used.
    ignore_index : int, optional
        Rows with this label are left out of every mean.

    Examples
    --------
    >>> hinton = distillation_convention()
    >>> print(hinton)
    (1 - alpha) * CE(labels, student) + alpha * T^2 * KL(teacher/T || student/T)

    The teacher says 3 : 1, the student is undecided, and T is 1: KL is 0.130812.

    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> round(hinton(student, teacher, [0], temperature=1.0, alpha=1.0), 6)
    0.130812
    """

    terms: tuple[WeightedTerm, ...]
    branches: tuple[Branch, ...] = ()
    ignore_index: int | None = None

    def __call__(
        self,
        student_logits: ArrayLike,
        teacher_logits: ArrayLike,
        labels: ArrayLike | None,
        *,
        temperature: float = 4.0,
        alpha: float = 0.9,
    ) -> float:
        """What an implementation with this convention returns.

        Parameters
        ----------
        student_logits, teacher_logits : array_like, shape (N, C)
            Unnormalised scores.
        labels : array_like of int, shape (N,), or None
            Class ids; None where no term needs them.
        temperature, alpha : float
            The loss's two parameters.

        Returns
        -------
        float
            The value, in the unit of the implementation; not finite where its formula is not.

        Raises
        ------
        TypeError, ValueError
            If the arrays are not of these shapes and types.
        """
        student = _checks.real_array("student_logits", student_logits)
        teacher = _checks.real_array("teacher_logits", teacher_logits)
        _checks.matrix("student_logits", student)
        _checks.same_shape("student_logits", student, "teacher_logits", teacher)
        ids = (
            np.zeros(len(student), dtype=np.intp)
            if labels is None
            else _checks.integers("labels", labels)
        )
        _checks.per_row("labels", ids, len(student))
        kept = (
            np.ones(len(ids), dtype=bool) if self.ignore_index is None else ids != self.ignore_index
        )
        stacked = student[kept][np.newaxis], teacher[kept][np.newaxis], ids[kept][np.newaxis]
        return float(self.many(*stacked, temperature, alpha)[0])

    def many(
        self,
        student: FloatArray,
        teacher: FloatArray,
        labels: IntArray,
        temperature: float,
        alpha: float,
    ) -> FloatArray:
        """The values of M calls at once, from arrays of shape (M, N, C) and (M, N)."""
        batch = Batch(student, teacher, labels, float(temperature), float(alpha))
        total = np.zeros(batch.n_calls)
        with np.errstate(all="ignore"):  # a wrong formula may well divide by zero
            for factor, term in self.terms_at(batch.temperature, batch.alpha):
                k = factor(batch.temperature, batch.n_classes, batch.n_examples, batch.alpha)
                total = total + (k * value(term, batch) if k != 0.0 else 0.0)
        return total

    def terms_at(self, temperature: float, alpha: float) -> tuple[WeightedTerm, ...]:
        """The formula in force at these parameters."""
        for branch in self.branches:
            if branch.value == {"alpha": alpha, "temperature": temperature}[branch.parameter]:
                return branch.terms
        return self.terms

    def __str__(self) -> str:
        """The formula as one line of text."""
        text = terms_text(self.terms)
        for branch in self.branches:
            text += f"; at {branch.parameter} = {branch.value:g}: {terms_text(branch.terms)}"
        return text

    def latex(self) -> str:
        """The formula as LaTeX, with p and q softened from logits t and s."""
        text = _terms_latex(self.terms)
        for branch in self.branches:
            name = r"\alpha" if branch.parameter == "alpha" else "T"
            text += rf";\quad {name} = {branch.value:g}:\; {_terms_latex(branch.terms)}"
        return text

    def equals(self, other: Convention, *, tolerance: float = EQUAL_TOLERANCE) -> bool:
        """Whether the two return the same on random inputs of several shapes, temperatures and alphas."""
        return self.largest_difference(other) <= tolerance

    def largest_difference(self, other: Convention) -> float:
        """The largest relative difference over a fixed set of random inputs; infinity where only one is finite."""
        worst = 0.0
        for inputs in comparison_inputs():
            mine, theirs = self.many(*inputs), other.many(*inputs)
            both = np.isfinite(mine) & np.isfinite(theirs)
            if (np.isfinite(mine) != np.isfinite(theirs)).any():
                return float("inf")
            scale = np.maximum(np.maximum(abs(mine), abs(theirs)), 1e-12)
            worst = max(worst, float((abs(mine - theirs) / scale)[both].max(initial=0.0)))
        return worst

    def ratio_to(self, other: Convention) -> float | None:
        """The constant c with ``self = c * other`` on every input, or None if there is none."""
        inputs = comparison_inputs()
        mine = np.concatenate([self.many(*each) for each in inputs])
        theirs = np.concatenate([other.many(*each) for each in inputs])
        if not (np.isfinite(mine).all() and np.isfinite(theirs).all() and (theirs != 0.0).all()):
            return None
        ratios = mine / theirs
        middle = float(np.median(ratios))
        return middle if np.allclose(ratios, middle, rtol=EQUAL_TOLERANCE, atol=0.0) else None

    def without_floors(self) -> Convention:
        """The same formula with no epsilon inside its logarithms."""
        return replace(self, terms=tuple((k, term.plain) for k, term in self.terms))


def comparison_inputs() -> list[tuple[FloatArray, FloatArray, IntArray, float, float]]:
    """Inputs that tell conventions apart: N, C, T and alpha all differ."""
    rng = np.random.default_rng(20150309)
    inputs = []
    for n, c, temperature, alpha in ((3, 5, 2.3, 0.35), (4, 3, 1.7, 0.8), (2, 7, 4.5, 0.1)):
        student, teacher = rng.normal(size=(2, 8, n, c)) * 2.0
        inputs.append((student, teacher, rng.integers(0, c, (8, n)), temperature, alpha))
    return inputs


def terms_text(terms: Sequence[WeightedTerm]) -> str:
    """A weighted sum of terms as text."""
    text = " + ".join(factor.text(term.text()) for factor, term in terms) or "0"
    return text.replace("+ -", "- ")


def _terms_latex(terms: Sequence[WeightedTerm]) -> str:
    text = " + ".join(factor.latex(term.latex()) for factor, term in terms) or "0"
    return text.replace("+ -", "- ")


REDUCTIONS = {
    "batchmean": (0.0, 0.0),
    "mean": (-1.0, 0.0),
    "sum": (0.0, 1.0),
    "batchmean twice": (0.0, -1.0),
}
"""What a reduction does beyond a mean over rows of sums over classes: powers of C and of N."""


def distillation_convention(
    divergence: str = "kl",
    *,
    reverse: bool = False,
    student_temperature: Temperature = "T",
    teacher_temperature: Temperature = "T",
    transform: str = "softmax",
    temperature_power: float = 2.0,
    reduction: str = "batchmean",
    hard_reduction: str = "batchmean",
    soft_weight: str | float = "alpha",
    hard_weight: str | float | None = "1 - alpha",
    hard_temperature: Temperature = 1.0,
    mixture: float | str | None = None,
    soft_factor: float = 1.0,
    hard_factor: float = 1.0,
    epsilon: tuple[Floor | None, Floor | None] = (None, None),
    ignore_index: int | None = None,
) -> Convention:
    """A convention of the usual form: a soft term between teacher and student and a hard term.

    Parameters
    ----------
    divergence : str
        A kind of term between two distributions, a key of ``kdref.conformance.terms.KINDS``:
        ``"kl"``, ``"cross entropy"``, ``"squared"``, ``"generalised js"``, ...
    reverse : bool
        Student first: KL(student || teacher).
    student_temperature, teacher_temperature : str or float
        ``"T"``, ``"1/T"``, ``"T^2"`` or a number.
    transform : str
        What is done to both sides' logits, a key of ``kdref.conformance.distributions.TRANSFORMS``;
        ``"raw"`` compares the logits themselves.
    temperature_power : float
        The factor of the soft term is T to this power.
    reduction, hard_reduction : {"batchmean", "mean", "sum", "batchmean twice"}
        Means over rows, over rows and classes, sum over rows, or divided by N twice.
    soft_weight, hard_weight : {"alpha", "1 - alpha", "1"} or float
        Weights; ``hard_weight=None`` for no hard term.
    hard_temperature : str or float
        What divides the logits of the hard term.
    mixture : float or str, optional
        Mixing weight of Jensen-Shannon and skew divergences.
    soft_factor, hard_factor : float
        Further constants.
    epsilon : pair of Floor or None
        Floors inside the logarithms of the two sides of the soft term.
    ignore_index : int, optional
        Rows with this label are left out.

    Returns
    -------
    Convention
        With the defaults, the loss of Hinton, Vinyals and Dean.
    """
    student = Distribution("student", transform, student_temperature)
    teacher = Distribution("teacher", transform, teacher_temperature)
    first, second = (student, teacher) if reverse else (teacher, student)
    classes, examples = REDUCTIONS[reduction]
    soft = weight(
        *_shape(soft_weight),
        constant=_constant(soft_weight) * soft_factor,
        temperature=temperature_power,
        classes=classes,
        examples=examples,
    )
    terms: list[WeightedTerm] = [(soft, Term(divergence, first, second, mixture, *epsilon))]
    if hard_weight is not None:
        classes, examples = REDUCTIONS[hard_reduction]
        hard = weight(
            *_shape(hard_weight),
            constant=_constant(hard_weight) * hard_factor,
            classes=classes,
            examples=examples,
        )
        label = Term("label", None, Distribution("student", "softmax", hard_temperature))
        terms.insert(0, (hard, label))
    return Convention(tuple(terms), ignore_index=ignore_index)


def _shape(given: str | float) -> tuple[str]:
    return (given,) if isinstance(given, str) else ("1",)


def _constant(given: str | float) -> float:
    return 1.0 if isinstance(given, str) else float(given)


HINTON = distillation_convention()
"""The reference: (1 - alpha) CE + alpha T^2 KL(teacher || student), a mean over rows."""
