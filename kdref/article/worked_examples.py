"""The article's worked examples as data, beside the functions that compute them.

The article is 知识蒸馏技术原理详解：从软标签到模型压缩的实现机制 (2025-08-14).  Some of its results were
pictures that did not survive: what they showed is not known, so those examples have no printed figures
and reproduce nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray
from kdref.divergences import kl_divergence
from kdref.probabilities import softmax

TITLE = "知识蒸馏技术原理详解：从软标签到模型压缩的实现机制 (2025-08-14)"

TEMPERATURE = 3.0
"""The article's T."""

Figures = tuple[float, ...]


@dataclass(frozen=True)
class WorkedExample:
    """One computation of the article.

    Attributes
    ----------
    section : str
        The article's heading above it.
    quantity : str
        What is computed, in words and letters that the code uses too.
    function : callable
        Takes the figures of ``inputs`` by name and returns the result, an array.
    inputs : mapping of str to tuple of float
        The figures that the article shows as the starting point.
    printed : tuple of float, or None
        What the article prints; None where a picture stood that is lost.
    digits : int
        Digits behind the point: of the printed figures, or to show where there are none.
    rounded : mapping of str to tuple of float
        For those inputs that are rounded results of an earlier step: what they are
        without rounding.  Empty where the article starts from given figures.
    """

    section: str
    quantity: str
    function: Callable[..., FloatArray]
    inputs: Mapping[str, Figures]
    printed: Figures | None
    digits: int = 3
    rounded: Mapping[str, Figures] = field(default_factory=dict)


@dataclass(frozen=True)
class Reproduction:
    """What came out of a `WorkedExample`.

    Attributes
    ----------
    section, quantity, inputs, printed, digits
        As in the example.
    computed : tuple of float
        The result from the article's own inputs, to full precision.
    unrounded : tuple of float, or None
        The result when no intermediate figure is rounded; None where none is.
    agrees : tuple of bool, or None
        For each figure, whether the computed one rounds to the printed one; None
        where nothing is printed.
    """

    section: str
    quantity: str
    inputs: Mapping[str, Figures]
    printed: Figures | None
    digits: int
    computed: Figures
    unrounded: Figures | None
    agrees: tuple[bool, ...] | None

    @property
    def failed(self) -> bool:
        """Whether a printed figure is not reproduced to its digits."""
        return self.agrees is not None and not all(self.agrees)


def kl_terms(p: ArrayLike, q: ArrayLike) -> FloatArray:
    r"""The terms of the KL divergence one by one, as one writes them down by hand.

    .. math::

        p_i \log \frac{p_i}{q_i}, \qquad \sum_i p_i \log \frac{p_i}{q_i} = \mathrm{KL}(p \,\|\, q)

    Parameters
    ----------
    p, q : array_like, shape (..., C)
        Rows of probabilities; a class with p = 0 contributes nothing.

    Returns
    -------
    ndarray, shape (..., C)
        In nats.  A term is negative where the student gives a class more than the
        teacher does; only the sum cannot be.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers.
    ValueError
        If a row is not one of probabilities, or q is 0 where p is not.

    See Also
    --------
    kdref.kl_divergence : their sum, which cancels no digits when p and q are close.

    Examples
    --------
    3/4 log(3/2) and 1/4 log(1/2).

    >>> kl_terms([0.75, 0.25], [0.5, 0.5]).round(6)
    array([ 0.304099, -0.173287])
    """
    teacher, student = _checks.probabilities("p", p), _checks.probabilities("q", q)
    _checks.same_shape("p", teacher, "q", student)
    _checks.divisible("q", student, "p", teacher)
    ratio = np.divide(teacher, student, out=np.ones_like(teacher), where=teacher > 0.0)
    return teacher * np.log(ratio)


def _softmax(logits: Figures) -> FloatArray:
    return softmax(logits)


def _divided(logits: Figures) -> FloatArray:
    return np.asarray(logits) / TEMPERATURE


def _kl(p: Figures, q: Figures) -> FloatArray:
    return np.atleast_1d(kl_divergence(p, q))


def _kl_times_t_squared(p: Figures, q: Figures) -> FloatArray:
    return TEMPERATURE**2 * _kl(p, q)


TEACHER = (2.9, 0.1, 0.23)
ROUNDED_P = (0.554, 0.218, 0.228)
Q = (0.26, 0.32, 0.42)

_EXACT_P = {"p": tuple(softmax(TEACHER, TEMPERATURE).tolist())}

WORKED_EXAMPLES: tuple[WorkedExample, ...] = (
    WorkedExample(
        section="Softmax输出示例分析",
        quantity="softmax",
        function=_softmax,
        inputs={"logits": (1.1, 0.2, 0.2)},
        printed=(0.552, 0.224, 0.224),
    ),
    WorkedExample(
        section="低概率信息的利用价值",
        quantity="softmax",
        function=_softmax,
        inputs={"logits": TEACHER},
        printed=(0.885, 0.054, 0.061),
    ),
    WorkedExample(
        section="低概率信息的利用价值",
        quantity="logits / T, T = 3",
        function=_divided,
        inputs={"logits": TEACHER},
        printed=(0.967, 0.033, 0.077),
    ),
    WorkedExample(
        section="低概率信息的利用价值",
        quantity="softmax of that",
        function=_softmax,
        inputs={"logits": (0.967, 0.033, 0.077)},
        printed=(0.554, 0.218, 0.228),
        rounded={"logits": tuple(_divided(TEACHER).tolist())},
    ),
    WorkedExample(
        section="KL散度计算方法",
        quantity="terms p log(p / q)",
        function=kl_terms,
        inputs={"p": ROUNDED_P, "q": Q},
        printed=None,
        rounded=_EXACT_P,
    ),
    WorkedExample(
        section="KL散度计算方法",
        quantity="KL(p, q), their sum",
        function=_kl,
        inputs={"p": ROUNDED_P, "q": Q},
        printed=None,
        rounded=_EXACT_P,
    ),
    WorkedExample(
        section="最终损失计算方法",
        quantity="T^2 KL(p, q), T = 3",
        function=_kl_times_t_squared,
        inputs={"p": ROUNDED_P, "q": Q},
        printed=None,
        rounded=_EXACT_P,
    ),
)
"""In the article's order."""


def reproduce(examples: Sequence[WorkedExample] | None = None) -> tuple[Reproduction, ...]:
    """Compute each worked example and compare with what the article prints.

    Parameters
    ----------
    examples : sequence of WorkedExample, optional
        Others than those of the article.

    Returns
    -------
    tuple of Reproduction
        One for each example, in order.

    Examples
    --------
    >>> first, *_ = reproduce()
    >>> first.printed, [round(figure, 6) for figure in first.computed], first.failed
    ((0.552, 0.224, 0.224), [0.55153, 0.224235, 0.224235], False)
    """
    chosen = WORKED_EXAMPLES if examples is None else examples
    return tuple(_reproduced(example) for example in chosen)


def _reproduced(example: WorkedExample) -> Reproduction:
    computed = _figures(example, example.inputs)
    unrounded = (
        _figures(example, {**example.inputs, **example.rounded}) if example.rounded else None
    )
    agrees = None
    if example.printed is not None:
        agrees = tuple(
            f"{own:.{example.digits}f}" == f"{theirs:.{example.digits}f}"
            for own, theirs in zip(computed, example.printed, strict=True)
        )
    return Reproduction(
        example.section,
        example.quantity,
        example.inputs,
        example.printed,
        example.digits,
        computed,
        unrounded,
        agrees,
    )


def _figures(example: WorkedExample, inputs: Mapping[str, Figures]) -> Figures:
    return tuple(float(figure) for figure in example.function(**inputs))
