"""Vectors of losses on features: vectors (N, D) or maps (N, C, H, W)."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gmpy2 import mpfr

from kdref.registry import LOSSES as REGISTRY  # for its words; its functions are not called
from tests.vectors.conventions import Choice, n_rows
from tests.vectors.drafts import Draft, ordinary, stream

Shape = tuple[int, ...]


@dataclass(frozen=True)
class FeatureFile:
    """One file of a loss on features; ``shapes`` are those of its arrays in order."""

    name: str
    loss: str
    shapes: tuple[tuple[Shape, ...], ...]
    fixed: Mapping[str, float] = field(default_factory=dict)
    directions: bool = False
    """Whether a zero vector has no direction, and so no loss."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Positional arguments in order."""
        return REGISTRY[self.loss].inputs

    @property
    def names(self) -> tuple[str, ...]:
        """All arrays, those passed by keyword too."""
        return self.inputs + REGISTRY[self.loss].constants

    @property
    def is_separable(self) -> bool:
        """Whether rows may have weights."""
        return REGISTRY[self.loss].row_separable


def alike(*shapes: Shape) -> tuple[tuple[Shape, ...], ...]:
    """Student and teacher of one shape."""
    return tuple((shape, shape) for shape in shapes)


VECTORS = alike((1, 2), (2, 3), (3, 2), (2, 4))
BATCHES = (((3, 2), (3, 2)), ((3, 2), (3, 4)), ((4, 2), (4, 2)), ((3, 3), (3, 2)))
MAPS = alike((1, 2, 1, 2), (2, 1, 2, 2), (1, 3, 2, 1))
CHANNELS = (
    ((1, 2, 1, 2), (1, 3, 1, 2)),
    ((2, 1, 1, 3), (2, 2, 1, 3)),
    ((1, 2, 2, 1), (1, 2, 2, 1)),
)
FLOWS = (
    ((1, 2, 1, 2), (1, 2, 1, 2), (1, 1, 1, 2), (1, 1, 1, 2)),
    ((2, 1, 1, 2), (2, 1, 2, 1), (2, 2, 1, 2), (2, 2, 2, 1)),
    ((1, 2, 2, 1), (1, 2, 1, 3), (1, 2, 2, 1), (1, 2, 1, 3)),
)  # fmt: skip

FILES = (
    FeatureFile("hint", "hint", VECTORS),
    FeatureFile("cosine_feature", "cosine_feature", VECTORS[1:], directions=True),
    FeatureFile("attention_transfer_2", "attention_transfer", MAPS, {"power": 2.0}),
    FeatureFile("neuron_selectivity", "neuron_selectivity", CHANNELS, directions=True),
    FeatureFile("flow", "flow", FLOWS),
    FeatureFile("variational_information_0_5", "variational_information", VECTORS, {"variance": 0.5}),
    FeatureFile("similarity_preserving", "similarity_preserving", BATCHES),
    FeatureFile("correlation_congruence_0_4", "correlation_congruence", BATCHES,
                {"gamma": 0.4, "order": 2}, directions=True),
    FeatureFile("relational_distance", "relational_distance", BATCHES),
    FeatureFile("relational_angle", "relational_angle", BATCHES),
    FeatureFile("probabilistic_transfer", "probabilistic_transfer", BATCHES, directions=True),
)  # fmt: skip


def drafts(file: FeatureFile) -> Iterator[Draft]:
    """Formula, hard inputs, weights, conventions, refusals."""
    yield from formula(file)
    yield from hard(file)
    if file.is_separable:
        yield from weighted(file)
    yield from conventions(file)
    yield from refused(file)


def draw(
    file: FeatureFile, slug: str, shapes: tuple[Shape, ...], size: float = 3.0
) -> dict[str, Any]:
    """Entries with two decimals."""
    rng = stream(file.name, slug)
    arrays = {}
    for name, shape in zip(file.names, shapes, strict=True):
        [entries] = ordinary(rng, 1, math.prod(shape), size=size)
        arrays[name] = nested(entries, shape)
    return arrays


def nested(entries: list[float], shape: Shape) -> Any:
    """A flat list as nested ones."""
    if len(shape) == 1:
        return entries
    step = len(entries) // shape[0]
    return [nested(entries[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


def each(array: Any, change: Callable[[float], float]) -> Any:
    """The same nesting with every entry changed."""
    return [each(a, change) for a in array] if isinstance(array, list) else change(array)


def formula(file: FeatureFile) -> Iterator[Draft]:
    """Ordinary features of each shape."""
    for shapes in file.shapes:
        size = " and ".join("×".join(map(str, shape)) for shape in dict.fromkeys(shapes))
        slug = "formula-" + "-".join("x".join(map(str, shape)) for shape in dict.fromkeys(shapes))
        yield Draft(slug, f"ordinary features, {size}", draw(file, slug, shapes), file.fixed)


def hard(file: FeatureFile) -> Iterator[Draft]:
    """A student near its teacher, at it, and features of unusual sizes."""
    [shapes] = [s for s in file.shapes if s[0] == s[1]][1:2] or [file.shapes[-1]]
    student = file.inputs[0]
    partners = {student: file.inputs[1], "student_later": "teacher_later"}
    same_shape = all(
        shapes[file.names.index(a)] == shapes[file.names.index(b)]
        for a, b in partners.items()
        if a in file.names
    )
    if same_shape:
        for slug, distance in (("near-1e-3", 1e-3), ("near-1e-7", 1e-7)):
            arrays = draw(file, slug, shapes)
            rng = stream(file.name, slug, "student")
            for own, partner in partners.items():
                if own in arrays:
                    # Called within the iteration.
                    arrays[own] = each(arrays[partner], lambda x: x + distance * rng.uniform(-1, 1))  # noqa: B023
            comment = f"the student within {distance:g} of its teacher"
            yield Draft(slug, comment, arrays, file.fixed, ("NEAR_TEACHER",))
        arrays = draw(file, "same", shapes)
        for own, partner in partners.items():
            if own in arrays:
                arrays[own] = copy.deepcopy(arrays[partner])
        yield Draft("same", "student and teacher are equal", arrays, file.fixed, ("AT_TEACHER",))
    for slug, size, flag in (
        ("large-1e6", 1e6, "LARGE_FEATURES"),
        ("small-1e-6", 1e-6, "SMALL_FEATURES"),
    ):
        # Called within the iteration.
        arrays = {k: each(a, lambda x: x * size) for k, a in draw(file, slug, shapes).items()}  # noqa: B023
        yield Draft(slug, f"features of size {size:g}", arrays, file.fixed, (flag,))


def weighted(file: FeatureFile) -> Iterator[Draft]:
    """Weights of examples; one of weight 0 may hold anything."""
    shapes = tuple((3, *shape[1:]) for shape in file.shapes[0])
    kinds = (
        ("weights", "WEIGHTED_ROWS", "the mean divides by the sum of the weights", [2.0, 0.5, 1.0]),
        ("ignored-row", "IGNORED_ROWS", "a mask: the last row does not count", [1.0, 1.0, 0.0]),
        ("ignored-nan", "IGNORED_ROWS", "the row that does not count holds NaN", [1.0, 1.0, 0.0]),
    )
    for slug, flag, comment, weights in kinds:
        arrays = draw(file, slug, shapes)
        if slug == "ignored-nan":
            arrays = {k: [*a[:2], each(a[2], lambda _: math.nan)] for k, a in arrays.items()}
        yield Draft(slug, comment, arrays | {"weights": weights}, file.fixed, (flag,))


def conventions(file: FeatureFile) -> Iterator[Draft]:
    """A mean or a sum over rows; a mean of squares where the paper halves their sum."""
    mean = Choice("the mean over rows")
    found: list[tuple[str, list[Choice]]] = []
    if file.is_separable:
        found.append(("rows", [mean, Choice("the sum over rows", factor=n_rows)]))
    if file.loss == "hint":
        half = Choice("half the sum of squares")
        found.append(("squares", [half, Choice("the mean of squares", factor=mean_of_squares)]))
    shapes = file.shapes[1]
    for slug, choices in found:
        yield Draft(
            f"convention-{slug}",
            "in use: " + "; ".join(choice.name for choice in choices),
            draw(file, f"convention-{slug}", shapes),
            file.fixed,
            ("CONVENTION",),
            conventions=tuple(choices),
        )


def mean_of_squares(draft: Draft) -> mpfr:
    """From half the sum over D entries to their mean."""
    return mpfr(2) / len(draft.inputs["student_features"][0])


def refused(file: FeatureFile) -> Iterator[Draft]:
    """Input that has no right answer."""
    for name in file.names:
        short = name.replace("_", "-").removesuffix("-features")
        arrays = draw(file, f"refused-{name}", file.shapes[1])
        for slug, value, flag, words in (
            ("nan", math.nan, "NOT_A_NUMBER", "a NaN"),
            ("infinity", math.inf, "POSITIVE_INFINITY", "+infinity"),
        ):
            bad = copy.deepcopy(arrays)
            place = bad[name][-1]
            while isinstance(place[-1], list):
                place = place[-1]
            place[-1] = value
            comment = f"{name.replace('_', ' ')} hold {words}"
            yield Draft(f"refused-{short}-{slug}", comment, bad, file.fixed, (flag,), refused=True)
        fewer = arrays | {name: arrays[name][:-1]}
        comment = f"{name.replace('_', ' ')} have a row less"
        yield Draft(
            f"refused-{short}-fewer-rows", comment, fewer, file.fixed, ("SHAPE",), refused=True
        )
        if file.directions and name in file.inputs:
            zero = arrays | {name: [*arrays[name][:-1], each(arrays[name][-1], lambda _: 0.0)]}
            comment = f"a vector of the {name.replace('_', ' ')} is zero"
            slug = f"refused-{short}-zero"
            yield Draft(slug, comment, zero, file.fixed, ("ZERO_VECTOR",), refused=True)
