"""The weight of a term as a function of temperature, alpha, the number of classes and of rows."""

import math
from collections.abc import Callable
from typing import NamedTuple

PER_BIT = 1.0 / math.log(2.0)
"""Turns nats into bits: the mark of logarithms in base 2."""

NEGLIGIBLE = 1e-7
"""A polynomial's coefficient below this share of the largest is rounding."""

EXTRAS: dict[str, Callable[[float, int, int, float], float]] = {
    "": lambda t, c, n, a: 1.0,
    "ln T": lambda t, c, n, a: math.log(t),
    "ln C": lambda t, c, n, a: math.log(c),
    "ln N": lambda t, c, n, a: math.log(n),
    "ln alpha": lambda t, c, n, a: math.log(a) if a > 0.0 else 0.0,
    "ln(1 - alpha)": lambda t, c, n, a: math.log1p(-a) if a < 1.0 else 0.0,
    "1/(C - 1)": lambda t, c, n, a: 1.0 / (c - 1) if c > 1 else math.inf,
}
"""Factors that are not powers; they come from c log c offsets and from smoothing over the other classes."""


class Monomial(NamedTuple):
    """A constant times powers of alpha, T, C and N, times one extra factor.

    Parameters
    ----------
    constant : float
        The number in front.
    alpha, temperature, classes, examples : float
        Powers of alpha, T, C and N.
    extra : str
        A key of ``EXTRAS``; empty for none.
    """

    constant: float
    alpha: float = 0.0
    temperature: float = 0.0
    classes: float = 0.0
    examples: float = 0.0
    extra: str = ""

    def __call__(self, temperature: float, classes: int, examples: int, alpha: float) -> float:
        """The number at one setting."""
        powers = (
            (alpha, self.alpha),
            (temperature, self.temperature),
            (float(classes), self.classes),
            (float(examples), self.examples),
        )
        product = self.constant * EXTRAS[self.extra](temperature, classes, examples, alpha)
        for base, exponent in powers:
            product *= base**exponent if exponent else 1.0
        return product


class Shape(NamedTuple):
    """Monomials that differ only in alpha, read together.

    Attributes
    ----------
    alpha : str
        ``"1"``, ``"alpha"``, ``"1 - alpha"`` or a polynomial as text.
    constant : float
        The factor of that shape; of a polynomial, 1.
    temperature, classes, examples : float
        Powers of T, C and N.
    extra : str
        A key of `EXTRAS`.
    """

    alpha: str
    constant: float
    temperature: float
    classes: float
    examples: float
    extra: str


class Weight(NamedTuple):
    """A sum of monomials.

    Parameters
    ----------
    parts : tuple of Monomial
        The summands.
    """

    parts: tuple[Monomial, ...]

    def __call__(self, temperature: float, classes: int, examples: int, alpha: float) -> float:
        """The number at one setting."""
        return math.fsum(part(temperature, classes, examples, alpha) for part in self.parts)

    def shapes(self) -> list[Shape]:
        """The monomials grouped by everything but alpha."""
        groups: dict[tuple[float, float, float, str], dict[float, float]] = {}
        for m in self.parts:
            group = groups.setdefault((m.temperature, m.classes, m.examples, m.extra), {})
            group[m.alpha] = group.get(m.alpha, 0.0) + m.constant
        shapes = []
        for (t, c, n, extra), polynomial in groups.items():
            largest = max(abs(k) for k in polynomial.values())
            kept = {j: k for j, k in polynomial.items() if abs(k) > NEGLIGIBLE * largest}
            if kept:
                shapes.append(Shape(*_alpha_shape(kept), t, c, n, extra))
        return shapes

    def text(self, term: str) -> str:
        """The weight times the text of a term, divisions last: ``alpha * T^2 * KL / C``."""
        return _sum_text([_product(shape, term, latex=False) for shape in self.shapes()])

    def latex(self, term: str) -> str:
        """The same as LaTeX."""
        return _sum_text([_product(shape, term, latex=True) for shape in self.shapes()])


def weight(
    alpha: str = "1",
    *,
    constant: float = 1.0,
    temperature: float = 0.0,
    classes: float = 0.0,
    examples: float = 0.0,
) -> Weight:
    """A weight from its shape in alpha and powers of T, C and N.

    Parameters
    ----------
    alpha : {"1", "alpha", "1 - alpha"}
        The shape.
    constant : float
        The number in front.
    temperature, classes, examples : float
        Powers of T, C and N.

    Returns
    -------
    Weight
        Their product.
    """
    polynomial = {"1": {0.0: 1.0}, "alpha": {1.0: 1.0}, "1 - alpha": {0.0: 1.0, 1.0: -1.0}}[alpha]
    return Weight(
        tuple(
            Monomial(constant * k, j, temperature, classes, examples) for j, k in polynomial.items()
        )
    )


def number_text(k: float) -> str:
    """A constant as people write it."""
    if math.isclose(abs(k), PER_BIT, rel_tol=1e-5):
        return "-1/ln 2" if k < 0.0 else "1/ln 2"
    return f"{k:.10g}"


def _alpha_shape(polynomial: dict[float, float]) -> tuple[str, float]:
    zero, one = polynomial.get(0.0, 0.0), polynomial.get(1.0, 0.0)
    if set(polynomial) == {0.0}:
        return "1", zero
    if set(polynomial) == {1.0}:
        return "alpha", one
    if set(polynomial) == {0.0, 1.0} and math.isclose(zero, -one, rel_tol=1e-6):
        return "1 - alpha", zero
    if len(polynomial) == 1:
        power, k = next(iter(polynomial.items()))
        return f"alpha^{power:g}", k
    return _sum_text([_alpha_text(k, j) for j, k in sorted(polynomial.items())]), 1.0


def _alpha_text(k: float, power: float) -> str:
    if power == 0.0:
        return number_text(k)
    name = "alpha" if power == 1.0 else f"alpha^{power:g}"
    return name if k == 1.0 else f"-{name}" if k == -1.0 else f"{number_text(k)} * {name}"


def _sum_text(products: list[str]) -> str:
    text = " + ".join(products) if products else "0"
    return text.replace("+ -", "- ")


def _product(shape: Shape, term: str, *, latex: bool) -> str:
    factors: list[str] = []
    divisors: list[str] = []
    negated = shape.constant == -1.0 and not term.startswith("-")
    if not negated and (shape.constant != 1.0 or (term == "1" and shape.alpha == "1")):
        factors.append(number_text(shape.constant))
    if shape.alpha != "1":
        simple = "+" not in shape.alpha and " - " not in shape.alpha
        factors.append(shape.alpha if simple else f"({shape.alpha})")
    for name, power in (("T", shape.temperature), ("C", shape.classes), ("N", shape.examples)):
        if power:
            size = abs(power)
            raised = (
                name if size == 1.0 else f"{name}^{size:g}" if not latex else f"{name}^{{{size:g}}}"
            )
            (factors if power > 0.0 else divisors).append(raised)
    if shape.extra.startswith("1/"):
        divisors.append(shape.extra.removeprefix("1/"))
    elif shape.extra:
        factors.append(shape.extra)
    if term != "1":
        factors.append(term)
    product = _joined(factors or ["1"], divisors, latex=latex)
    return f"-{product}" if negated else product


def _joined(factors: list[str], divisors: list[str], *, latex: bool) -> str:
    if not latex:
        return " * ".join(factors) + "".join(f" / {d}" for d in divisors)
    written = [f.replace("alpha", r"\alpha").replace("ln", r"\ln") for f in factors[:-1]]
    top = r"\, ".join(
        [*written, factors[-1].replace("alpha", r"\alpha").replace(r"\\alpha", r"\alpha")]
    )
    return top if not divisors else rf"\frac{{1}}{{{' '.join(divisors)}}}\, {top}"
