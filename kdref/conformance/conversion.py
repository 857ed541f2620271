"""How a convention's value follows from `kdref.distillation_loss`: a factor, an alpha, a temperature, an offset."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kdref.conformance.convention import Convention
from kdref.conformance.distributions import Distribution, Temperature
from kdref.conformance.terms import Term
from kdref.conformance.weights import Weight
from kdref.divergences import entropy_from_logits
from kdref.losses import distillation_loss

HARD = Term("label", None, Distribution("student", "softmax", 1.0))
"""The hard term of `kdref.distillation_loss`."""


class Conversion(NamedTuple):
    r"""The relation of a convention to `kdref.distillation_loss`.

    With h the weight of the hard term and w the weight of the soft one divided by the square of its temperature,

    .. math::

        L(s, t, y; T, \alpha) = (h + w)\, L_\text{distillation}\bigl(s, t, y; \tau, \tfrac{w}{h + w}\bigr) + e H(t/\tau)

    Attributes
    ----------
    hard, soft : Weight
        h and w, functions of T, C, N and alpha.
    temperature : str or float
        The temperature of both sides of the soft term: ``"T"`` or a number.
    entropy : Weight or None
        e, the weight of the teacher's mean entropy: that of a cross entropy in place of KL, whose gradient is the same.
    """

    hard: Weight
    soft: Weight
    temperature: Temperature
    entropy: Weight | None

    @property
    def total(self) -> Weight:
        """The factor h + w in front of `kdref.distillation_loss`."""
        return Weight(self.hard.parts + self.soft.parts)

    def __call__(
        self,
        student_logits: ArrayLike,
        teacher_logits: ArrayLike,
        labels: ArrayLike,
        *,
        temperature: float,
        alpha: float,
    ) -> float:
        """The convention's value, by way of `kdref.distillation_loss`.

        Parameters
        ----------
        student_logits, teacher_logits : array_like, shape (N, C)
            Unnormalised scores.
        labels : array_like of int, shape (N,)
            Class ids.
        temperature, alpha : float
            The convention's parameters.

        Returns
        -------
        float
            The value; NaN where both weights are 0.
        """
        n, c = np.shape(teacher_logits)
        setting = temperature, c, n, alpha
        total, soft = self.total(*setting), self.soft(*setting)
        if total == 0.0:
            return float("nan")
        tau = temperature if isinstance(self.temperature, str) else self.temperature
        value = total * distillation_loss(
            student_logits, teacher_logits, labels, temperature=tau, alpha=soft / total
        )
        if self.entropy is not None:
            rows = entropy_from_logits(teacher_logits, temperature=tau)
            value += self.entropy(*setting) * float(np.mean(rows))
        return float(value)

    @property
    def factor(self) -> str:
        """What stands in front of `kdref.distillation_loss`, as Python in T, C, N and alpha."""
        return _python(self.total)

    @property
    def alpha(self) -> str:
        """The alpha that `kdref.distillation_loss` takes, as Python."""
        soft, total = _python(self.soft), self.factor
        if soft == total:
            return "1"
        if total == "1":
            return soft.removeprefix("(").removesuffix(")") if soft == "(1 - alpha)" else soft
        return f"{_bracketed(soft)} / {_bracketed(total)}"

    def __str__(self) -> str:
        """The whole relation as Python, with the arrays s, t and y."""
        tau = self.temperature if isinstance(self.temperature, str) else f"{self.temperature:g}"
        text = f"distillation_loss(s, t, y, temperature={tau}, alpha={self.alpha})"
        if self.factor != "1":
            text = f"{_bracketed(self.factor)} * {text}"
        if self.entropy is None:
            return text
        weight = _python(self.entropy)
        front = "" if weight == "1" else f"{_bracketed(weight)} * "
        return f"{text} + {front}entropy_from_logits(t, temperature={tau}).mean()"


def conversion(convention: Convention) -> Conversion | None:
    """How a convention follows from `kdref.distillation_loss`, away from its branches and apart from its epsilons.

    Parameters
    ----------
    convention : Convention
        What a loss computes.

    Returns
    -------
    Conversion or None
        None where the convention has a term that `kdref.distillation_loss` has not.

    Examples
    --------
    >>> from kdref.conformance import distillation_convention
    >>> print(conversion(distillation_convention(soft_weight="1 - alpha", hard_weight="alpha")))
    distillation_loss(s, t, y, temperature=T, alpha=1 - alpha)
    >>> print(conversion(distillation_convention(reduction="mean", hard_weight=None, soft_weight="1")))
    (1 / C) * distillation_loss(s, t, y, temperature=T, alpha=1)
    """
    hard = Weight(())
    soft: list[tuple[Weight, Term, Temperature]] = []
    for factor, term in convention.terms:
        tau = _common_temperature(term.plain)
        if term.plain == HARD:
            hard = Weight(hard.parts + factor.parts)
        elif tau is None:
            return None
        else:
            soft.append((factor, term, tau))
    if len(soft) != 1:
        return None
    factor, term, tau = soft[0]
    entropy = factor if term.kind == "cross entropy" else None
    return Conversion(hard, _divided_by_square(factor, tau), tau, entropy)


def _common_temperature(term: Term) -> Temperature | None:
    """The temperature of a KL or cross entropy from the teacher's softmax to the student's, if it is one."""
    if term.kind not in ("kl", "cross entropy") or term.first is None or term.second is None:
        return None
    tau = term.first.temperature
    if isinstance(tau, str) and tau != "T":
        return None
    sides = Distribution("teacher", "softmax", tau), Distribution("student", "softmax", tau)
    return tau if (term.first, term.second) == sides else None


def _divided_by_square(factor: Weight, tau: Temperature) -> Weight:
    if isinstance(tau, str):
        return Weight(tuple(m._replace(temperature=m.temperature - 2.0) for m in factor.parts))
    return Weight(tuple(m._replace(constant=m.constant / tau**2) for m in factor.parts))


def _python(factor: Weight) -> str:
    return factor.text("1").replace("^", "**")


def _bracketed(text: str) -> str:
    simple = text.replace(".", "").replace("_", "").isalnum()
    whole = text.startswith("(") and text.endswith(")") and text.count("(") == 1
    return text if simple or whole else f"({text})"
