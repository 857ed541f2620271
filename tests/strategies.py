"""Hypothesis strategies: logits, labels, temperatures, probabilities, and whole calls of a loss of the registry.

Logits are drawn on a grid of 1/2048 so that adding a whole number to them is exact: a law about shifts then tests the
loss and not the rounding of the shift.  A call is drawn by the names in its registry entry; a loss with a new kind of
input needs one line in `INPUTS`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from kdref import LOSSES, LossEntry, softmax

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, int]

SOME = settings(max_examples=settings().max_examples // 4)
"""A quarter of the profile's examples: for a law of one function."""

FEW = settings(max_examples=settings().max_examples // 10)
"""For laws that run over the whole registry, so that the default tests stay fast while the registry grows."""

COSTLY = settings(max_examples=settings().max_examples // 25)
"""For the same laws where one example calls the loss a hundred times."""

temperatures = st.floats(0.25, 8.0)
fractions = st.floats(0.0, 1.0)
seeds = st.integers(0, 2**32 - 1)


def shapes(min_rows: int = 1, min_classes: int = 2) -> st.SearchStrategy[Shape]:
    """(N, C), both small."""
    return st.tuples(st.integers(min_rows, 4), st.integers(min_classes, 5))


def logits(shape: tuple[int, ...], *, bound: int = 16) -> st.SearchStrategy[Array]:
    """Logits in [-bound, bound), on a grid because they are drawn as 16-bit integers (one draw for the array)."""
    n_bytes = 2 * math.prod(shape)

    def on_the_grid(drawn: bytes) -> Array:
        return np.frombuffer(drawn, dtype="<i2").reshape(shape) * (bound / 2**15)

    return st.binary(min_size=n_bytes, max_size=n_bytes).map(on_the_grid)


def extreme_logits(shape: tuple[int, ...]) -> st.SearchStrategy[Array]:
    """Logits of every size up to 1e300, with excluded classes, at least one finite in each row."""
    numbers = st.one_of(st.floats(-1e300, 1e300), st.floats(-800.0, 800.0), st.just(-np.inf))
    arrays = hnp.arrays(np.float64, shape, elements=numbers)
    return arrays.filter(lambda array: bool((array.max(axis=-1) > -np.inf).all()))


def labels_for(shape: Shape) -> st.SearchStrategy[Array]:
    """One class id a row."""
    return hnp.arrays(np.int64, shape[0], elements=st.integers(0, shape[1] - 1))


def weights_for(n_rows: int) -> st.SearchStrategy[Array]:
    """Weights above zero of moderate size."""
    return hnp.arrays(np.float64, n_rows, elements=st.floats(0.125, 8.0))


def probability_rows(shape: Shape) -> st.SearchStrategy[Array]:
    """Rows of probabilities, some of them with exact zeros."""

    def of_scores(scores: Array) -> Array:
        return softmax(np.where(scores < -6.0, -np.inf, scores))

    return (
        logits(shape, bound=8).filter(lambda s: bool((s.max(axis=-1) >= -6.0).all())).map(of_scores)
    )


INPUTS: Mapping[str, Callable[[Shape], st.SearchStrategy[Array]]] = {
    "student_logits": logits,
    "teacher_logits": logits,
    "labels": labels_for,
}

PARAMETERS: Mapping[str, st.SearchStrategy[float]] = {
    "temperature": temperatures,
    "alpha": fractions,
    "beta": fractions,
}
"""Ranges of the parameters; one that is not named here keeps its example value from the registry."""


@dataclass(frozen=True)
class Call:
    """The arguments of one loss; every array is read-only, so that a loss which writes to one fails."""

    entry: LossEntry
    inputs: Mapping[str, Array]
    parameters: Mapping[str, Any]

    def value(self, **keywords: Any) -> float:
        return self.entry.value(*self.inputs.values(), **{**self.parameters, **keywords})

    def grad(self, **keywords: Any) -> Array:
        return self.entry.grad(*self.inputs.values(), **{**self.parameters, **keywords})

    def with_inputs(self, **inputs: Array) -> "Call":
        return replace(self, inputs={**self.inputs, **inputs})

    def map_inputs(self, change: Callable[[str, Array], Array]) -> "Call":
        """The call with each input changed; the function is given its name too."""
        return self.with_inputs(**{name: change(name, a) for name, a in self.inputs.items()})

    @property
    def student(self) -> Array:
        return self.inputs[self.entry.inputs[0]]

    @property
    def n_rows(self) -> int:
        return len(self.student)


def frozen(array: Array) -> Array:
    """A read-only copy."""
    copy = np.array(array)
    copy.flags.writeable = False
    return copy


@st.composite
def calls(draw: st.DrawFn, entry: LossEntry, min_rows: int = 1, min_classes: int = 2) -> Call:
    """Arguments for a loss by the names in its entry."""
    shape = draw(shapes(min_rows, min_classes))
    inputs = {name: frozen(draw(INPUTS[name](shape))) for name in entry.inputs}
    parameters = {
        name: draw(PARAMETERS[name]) if name in PARAMETERS else example
        for name, example in entry.parameters.items()
    }
    return Call(entry, inputs, parameters)


def normal_call(entry: LossEntry, rng: np.random.Generator, shape: Shape = (3, 4)) -> Call:
    """Arguments with normal logits, for tests that need ordinary numbers and no corners."""
    inputs: dict[str, Array] = {
        name: rng.integers(0, shape[1], size=shape[0])
        if name == "labels"
        else rng.normal(scale=2.0, size=shape)
        for name in entry.inputs
    }
    return Call(entry, {name: frozen(a) for name, a in inputs.items()}, dict(entry.parameters))


def claiming(law: str) -> list[LossEntry]:
    """The losses for which the registry claims a law."""
    return [entry for entry in LOSSES.values() if law in entry.laws]


def separable() -> list[LossEntry]:
    """The losses that are means over rows, and so take weights."""
    return [entry for entry in LOSSES.values() if entry.row_separable]
