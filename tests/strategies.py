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
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from kdref import (
    LOSSES,
    LossEntry,
    hard_label_loss,
    log_softmax,
    soft_cross_entropy_loss,
    softmax,
)

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, int]

SOME = settings(max_examples=settings().max_examples // 4)
"""A quarter of the profile's examples: for a law of one function."""

FEW = settings(max_examples=settings().max_examples // 20)
"""For laws that run over the whole registry, so that the default tests stay fast while the registry grows: each example
is a whole batch of numbers, and a run with a seed draws three times as many."""

COSTLY = settings(max_examples=settings().max_examples // 33)
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


def maps_for(shape: tuple[int, ...]) -> st.SearchStrategy[Array]:
    """Feature maps of C channels on two by two places."""
    return logits((*shape, 2, 2), bound=4)


def vectors_for(shape: tuple[int, ...]) -> st.SearchStrategy[Array]:
    """Feature vectors."""
    return logits(shape, bound=4)


INPUTS: Mapping[str, Callable[[Shape], st.SearchStrategy[Array]]] = {
    "student_logits": logits,
    "teacher_logits": logits,
    "labels": labels_for,
    "student_features": vectors_for,
    "teacher_features": vectors_for,
    "student_mean": vectors_for,
    "student_later": maps_for,
    "teacher_later": maps_for,
}

MAPS = {"attention_transfer", "neuron_selectivity", "flow"}
"""Losses whose features are maps."""


def drawn_input(entry: LossEntry, name: str, shape: Shape) -> st.SearchStrategy[Array]:
    """One input of a loss."""
    return maps_for(shape) if entry.name in MAPS else INPUTS[name](shape)


PARAMETERS: Mapping[str, st.SearchStrategy[float]] = {
    "temperature": temperatures,
    "alpha": fractions,
    "beta": fractions,
    "confidence": fractions,
    "forward_weight": fractions,
    "skew": fractions,
    "smoothing": fractions,
    "gamma": st.floats(0.0, 4.0),
    "target_weight": st.floats(0.0, 8.0),
    "non_target_weight": st.floats(0.0, 8.0),
    "inter_weight": st.floats(0.0, 8.0),
    "intra_weight": st.floats(0.0, 8.0),
    "power": st.floats(1.5, 4.0),
    "variance": st.floats(0.125, 8.0),
}
"""Ranges of the parameters; one that is not named here keeps its example value from the registry."""


SCALES = {"dist": 1.0 / 16.0}
"""By how much the logits of a loss are scaled down: a correlation of probabilities near 0 or 1 is ill-conditioned."""


@dataclass(frozen=True)
class Call:
    """The arguments of one loss; every array is read-only, so that a loss which writes to one fails."""

    entry: LossEntry
    inputs: Mapping[str, Array]
    parameters: Mapping[str, Any]

    def value(self, **keywords: Any) -> float:
        return self.entry.value(*self.positional, **{**self.named, **keywords})

    def grad(self, **keywords: Any) -> Array:
        return self.entry.grad(*self.positional, **{**self.named, **keywords})

    @property
    def positional(self) -> list[Array]:
        return [self.inputs[name] for name in self.entry.inputs]

    @property
    def named(self) -> dict[str, Any]:
        """Parameters, and the arrays that are passed by keyword."""
        return {**{name: self.inputs[name] for name in self.entry.constants}, **self.parameters}

    def with_inputs(self, **inputs: Array) -> "Call":
        return replace(self, inputs={**self.inputs, **inputs})

    def with_parameters(self, **parameters: Any) -> "Call":
        return replace(self, parameters={**self.parameters, **parameters})

    def map_inputs(self, change: Callable[[str, Array], Array]) -> "Call":
        """The call with each input changed; the function is given its name too."""
        return self.with_inputs(**{name: change(name, a) for name, a in self.inputs.items()})

    @property
    def student(self) -> Array:
        return self.inputs[self.entry.inputs[0]]

    @property
    def n_rows(self) -> int:
        return len(self.student)

    @property
    def condition(self) -> float:
        """How much a rounding of the probabilities grows in the value; in the gradient it grows by the square."""
        if self.entry.name not in CONDITIONS:
            return 1.0
        return CONDITIONS[self.entry.name](self, float(self.parameters.get("temperature", 1.0)))


def frozen(array: Array) -> Array:
    """A read-only copy."""
    copy = np.array(array)
    copy.flags.writeable = False
    return copy


@st.composite
def calls(draw: st.DrawFn, entry: LossEntry, min_rows: int = 1, min_classes: int = 2) -> Call:
    """Arguments for a loss by the names in its entry."""
    shape = draw(shapes(min_rows, min_classes))
    scale = SCALES.get(entry.name, 1.0)
    inputs = {
        name: frozen(drawn if name == "labels" else drawn * scale)
        for name in (*entry.inputs, *entry.constants)
        for drawn in [draw(drawn_input(entry, name, shape))]
    }
    parameters = {
        name: draw(PARAMETERS[name]) if name in PARAMETERS else example
        for name, example in entry.parameters.items()
    }
    call = Call(entry, inputs, parameters)
    if entry.name in KINKS:
        temperature = float(parameters.get("temperature", 1.0))
        assume(KINKS[entry.name](call, temperature) > 1e-3)
    return call


MOST_DRAWS = 10_000
"""Of logits that must keep away from kinks: a scale that never does is a mistake of the test, not a reason to wait."""

STEP = 0.2
"""How far from a kink `normal_call` stays: twice the step of the numerical gradients."""


def normal_call(
    entry: LossEntry,
    rng: np.random.Generator,
    shape: Shape = (3, 4),
    *,
    scale: float = 1.0,
    temperature: float = 1.0,
    away: float = STEP,
) -> Call:
    """Arguments with normal logits, ``away`` from the kinks, for tests of ordinary numbers and no corners.

    Logits are of size ``2 * scale``, and ``temperature`` is the one at which the distance from a kink is told.
    """
    for _ in range(MOST_DRAWS):
        inputs: dict[str, Array] = {
            name: rng.integers(0, shape[1], size=shape[0])
            if name == "labels"
            else rng.normal(scale=2.0 * scale, size=(*shape, 2, 2) if entry.name in MAPS else shape)
            for name in (*entry.inputs, *entry.constants)
        }
        frozen_inputs = {name: frozen(a) for name, a in inputs.items()}
        call = Call(entry, frozen_inputs, dict(entry.parameters))
        if entry.name not in KINKS or KINKS[entry.name](call, temperature) > away:
            return call
    raise AssertionError(f"{entry.name}: {MOST_DRAWS} draws came too near a kink, at scale {scale}")


def log_pair(call: Call, temperature: float) -> tuple[Array, Array]:
    """Logarithms of the teacher's and of the student's softened probabilities."""
    return (
        log_softmax(call.inputs["teacher_logits"], temperature),
        log_softmax(call.inputs["student_logits"], temperature),
    )


def least_gap(rows: Array) -> float:
    """The smallest distance between two entries of a row."""
    return float(np.diff(np.sort(rows, axis=1), axis=1).min(initial=np.inf))


def tie_distance(call: Call, temperature: float) -> float:
    """How near log p and log q come in any class; a tie is a kink of total variation."""
    log_p, log_q = log_pair(call, temperature)
    return float(abs(log_q - log_p).min())


def rank_distance(call: Call, temperature: float) -> float:
    """The same by rank, and how near two of the student's classes come: kinks of the universal logit loss."""
    log_p, log_q = log_pair(call, temperature)
    ranked = abs(np.sort(log_q, axis=1) - np.sort(log_p, axis=1))
    return min(float(ranked.min()), least_gap(log_q))


def edge_distance(call: Call, temperature: float) -> float:
    """How near two of the teacher's classes come: a tie at the edge of the k largest is broken by the index."""
    return least_gap(log_pair(call, temperature)[0])


def spread(call: Call, temperature: float) -> float:
    """The least spread of a row or column of probabilities, but for exactly constant ones: kinks of correlations."""
    batches = [np.exp(log) for log in log_pair(call, temperature)]
    spreads = np.concatenate([np.ptp(rows, axis=1) for p in batches for rows in (p, p.T)])
    return float(spreads[spreads > 0.0].min(initial=np.inf))


def inverse_spread(call: Call, temperature: float) -> float:
    """A correlation divides deviations by their size, and its derivative does so twice."""
    return max(1.0, 1.0 / spread(call, temperature))


CONDITIONS: Mapping[str, Callable[[Call, float], float]] = {"dist": inverse_spread}
"""Losses whose value near a kink feels roundings of its probabilities more than once."""


def length(call: Call, temperature: float) -> float:
    """The shortest vector: a cosine has a kink at zero."""
    return float(min(np.linalg.norm(a, axis=1).min() for a in call.inputs.values()))


def least_length(vectors: Array) -> float:
    return float(np.linalg.norm(vectors, axis=-1).min(initial=np.inf))


def direction(call: Call, temperature: float) -> float:
    """The shortest feature vector, channel or attention map, relative to its entries' size: it has no direction."""
    sides = [a.reshape(*a.shape[:2], -1) for a in call.inputs.values()]
    return min(least_length(a.reshape(len(a), -1) if a.shape[2] == 1 else a) for a in sides)


def separation(call: Call, temperature: float) -> float:
    """How near two examples come, and how near a compared number comes to the joint of Huber's function."""
    sides = [a.reshape(len(a), -1) for a in call.inputs.values()]
    apart = ~np.eye(call.n_rows, dtype=bool)
    distances = [np.linalg.norm(a[:, np.newaxis] - a, axis=2) for a in sides]
    if call.n_rows < 2:
        return 0.0 if call.entry.name == "relational_distance" else math.inf
    nearest = min(float(d[apart].min()) for d in distances)
    if nearest == 0.0:
        return 0.0
    ratios = [d / d[apart].mean() for d in distances]
    joint = float(abs(abs(ratios[0] - ratios[1]) - 1.0).min())
    cosines = [np.einsum("ijd,kjd->jik", u, u) for u in map(_directions, sides, distances)]
    angle_joint = float(abs(abs(cosines[0] - cosines[1]) - 1.0).min())
    return min(nearest, joint if call.entry.name == "relational_distance" else angle_joint)


def _directions(vectors: Array, distances: Array) -> Array:
    steps = vectors[:, np.newaxis] - vectors
    return np.asarray(steps / np.where(distances > 0.0, distances, 1.0)[..., np.newaxis])


def opposition(call: Call, temperature: float) -> float:
    """How near two of the examples are to being opposite, where a neighbour has no probability; and `direction`."""
    units = [
        a / np.linalg.norm(a, axis=1, keepdims=True)
        for a in call.inputs.values()
        if a.any(axis=1).all()
    ]
    opposite = min((float((1.0 + u @ u.T).min()) for u in units), default=0.0)
    return min(direction(call, temperature), opposite)


KINKS: Mapping[str, Callable[[Call, float], float]] = {
    "total_variation": tie_distance,
    "universal_logit": rank_distance,
    "top_k_kl": edge_distance,
    "dist": spread,
    "logit_cosine": length,
    "cosine_feature": direction,
    "attention_transfer": direction,
    "neuron_selectivity": direction,
    "similarity_preserving": direction,
    "correlation_congruence": direction,
    "relational_distance": separation,
    "relational_angle": separation,
    "probabilistic_transfer": opposition,
}
"""How far a call is from the kinks that the loss documents; laws are not asked of inputs that sit on one."""


def frozen_value(call: Call) -> Callable[[Array], float]:
    """The value as a function of the student alone, with what the gradient holds constant held at the call's."""
    first = call.entry.inputs[0]
    if not call.entry.held_constant:
        return lambda student: call.with_inputs(**{first: student}).value()
    # The weighted soft label: its w from hard losses, one row at a time.
    student, teacher, labels = call.inputs.values()
    students, teachers = (
        np.array([hard_label_loss(row[np.newaxis], [y]) for row, y in zip(z, labels, strict=True)])
        for z in (student, teacher)
    )
    w = 1.0 - np.exp(-students / (teachers + 1e-7))
    return lambda s: (
        float(w.mean()) * soft_cross_entropy_loss(s, teacher, weights=w, **call.parameters)
    )


def claiming(law: str) -> list[LossEntry]:
    """The losses for which the registry claims a law."""
    return [entry for entry in LOSSES.values() if law in entry.laws]


def separable() -> list[LossEntry]:
    """The losses that are means over rows, and so take weights."""
    return [entry for entry in LOSSES.values() if entry.row_separable]
