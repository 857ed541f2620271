"""The classes of input on which digits are judged, as generators that draw from a seeded ``rng``.

Each takes ``(rng, dtype, n_rows)`` and returns a `Case`: a batch for a student and a teacher, with labels and
hyper-parameters.  What is "near" or "large" depends on the type: float32 and float16 have their own magnitudes.
"""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
DType = type[np.floating]

FIXED_SEED = 20150309


def seed(*, fresh: bool = False) -> int:
    """The seed of a run: ``KDREF_SEED`` if that is set, else a fixed one, or a fresh one for the sweeps."""
    chosen = os.environ.get("KDREF_SEED")
    if chosen is not None:
        return int(chosen)
    return secrets.randbits(32) if fresh else FIXED_SEED


@dataclass(frozen=True)
class Case:
    """A batch of one class of input."""

    name: str
    student: Array
    teacher: Array
    labels: NDArray[np.intp]
    cotangent: NDArray[np.float64]
    """Something for `softmax_vjp` to carry back."""
    temperature: float
    beta: float = 0.5
    alpha: float = 0.9


@dataclass(frozen=True)
class Magnitudes:
    """What the words of the classes mean in one type."""

    huge: float
    shift: float
    near: float
    tie: float
    deepest_normal: float
    """Logits this far below the top have a subnormal probability ..."""
    deepest: float
    """... and this far below, none."""


MAGNITUDES = {
    np.float64: Magnitudes(1e300, 1e8, 1e-8, 1e-12, 708.0, 745.0),
    np.float32: Magnitudes(3e38, 1e5, 1e-4, 1e-6, 87.0, 103.0),
    np.float16: Magnitudes(6e4, 1e3, 1e-2, 2e-3, 10.0, 17.0),
}


def case(
    name: str,
    rng: np.random.Generator,
    dtype: DType,
    student: NDArray[np.float64] | Array,
    teacher: NDArray[np.float64] | Array,
    **given: Any,
) -> Case:
    """Round the logits to the type; draw the labels and hyper-parameters that the class leaves open."""
    n_rows, n_classes = student.shape
    drawn = Case(
        name,
        student.astype(dtype),
        teacher.astype(dtype),
        rng.integers(n_classes, size=(n_rows,)),
        rng.normal(size=(n_rows, n_classes)).astype(dtype).astype(np.float64),
        temperature=float(rng.choice([1.0, 2.0, 3.0, rng.uniform(0.5, 8.0)])),
        beta=float(rng.choice([0.5, 0.1, 0.9, rng.uniform(0.0, 1.0)])),
        alpha=float(rng.choice([0.9, 0.5, rng.uniform(0.0, 1.0)])),
    )
    return replace(drawn, **given)


def normal_pair(
    rng: np.random.Generator, n_rows: int, n_classes: int = 10
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two independent batches of ordinary logits, N(0, 3)."""
    return rng.normal(0.0, 3.0, (n_rows, n_classes)), rng.normal(0.0, 3.0, (n_rows, n_classes))


def of_width(name: str, n_classes: int) -> Callable[..., Case]:
    """Ordinary logits over that many classes."""

    def generate(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
        return case(name, rng, dtype, *normal_pair(rng, n_rows, n_classes))

    return generate


def at_temperature(name: str, temperature: float) -> Callable[..., Case]:
    """Ordinary logits at an unusual temperature."""

    def generate(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
        return case(name, rng, dtype, *normal_pair(rng, n_rows), temperature=temperature)

    return generate


def magnitude_1e4(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """Logits spread over +-1e4, or gathered near its two ends."""
    spread = rng.uniform(-1e4, 1e4, (2, n_rows, 10))
    gathered = 1e4 * rng.choice([-1.0, 1.0], (2, n_rows, 10)) + rng.normal(
        0.0, 30.0, (2, n_rows, 10)
    )
    return case("mag1e4", rng, dtype, *np.where(alternate(n_rows), spread, gathered))


def huge(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """Logits of either sign near the end of the type's range, or exactly at one value of either sign."""
    signs = MAGNITUDES[dtype].huge * rng.choice([-1.0, 1.0], (2, n_rows, 10))
    spread = signs * rng.uniform(0.5, 1.0, signs.shape)
    return case("huge", rng, dtype, *np.where(alternate(n_rows), spread, signs))


def tails(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """Classes down to 700 below the top."""
    logits = -rng.uniform(0.0, 700.0, (2, n_rows, 10))
    return case("tails", rng, dtype, *logits)


def shifted(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """Ordinary logits far from zero, at a temperature that does not divide them exactly."""
    student, teacher = normal_pair(rng, n_rows)
    far = MAGNITUDES[dtype].shift
    return case("shift1e8", rng, dtype, student + far, teacher + far, temperature=3.0)


def near_tie(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """All logits of a row nearly equal."""
    student, teacher = 1.0 + MAGNITUDES[dtype].tie * rng.normal(size=(2, n_rows, 10))
    return case("neartie", rng, dtype, student, teacher)


def near(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """A student that has almost reached its teacher."""
    teacher = normal_pair(rng, n_rows)[0].astype(dtype).astype(np.float64)
    student = teacher + MAGNITUDES[dtype].near * rng.normal(size=teacher.shape)
    return case("near1e-8", rng, dtype, student, teacher)


def near_one_ulp(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """A student one unit in the last place from its teacher, up or down."""
    teacher = normal_pair(rng, n_rows)[0].astype(dtype)
    side = rng.choice([-np.inf, np.inf], teacher.shape).astype(dtype)
    return case("near1ulp", rng, dtype, np.nextafter(teacher, side), teacher)


def near_shifted(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """The same distributions almost, but for a constant added to the logits."""
    teacher = normal_pair(rng, n_rows)[0].astype(dtype).astype(np.float64)
    student = teacher + 3.7 + MAGNITUDES[dtype].near * rng.normal(size=teacher.shape)
    return case("nearshift", rng, dtype, student, teacher)


def same(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """Equal logits."""
    teacher = normal_pair(rng, n_rows)[0]
    return case("same", rng, dtype, teacher, teacher)


def confident(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """One class 30 to 60 above the rest: the label's, and the same for both in every other row."""
    student, teacher = normal_pair(rng, n_rows)
    labels = rng.integers(10, size=n_rows)
    believed = np.where(alternate(n_rows)[:, 0], labels, rng.integers(10, size=n_rows))
    rows = np.arange(n_rows)
    student[rows, labels] += rng.uniform(30.0, 60.0, n_rows)
    teacher[rows, believed] += rng.uniform(30.0, 60.0, n_rows)
    return case("confident", rng, dtype, student, teacher, labels=labels)


def one_hot_teacher(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """A teacher that excludes all classes but one."""
    student, teacher = normal_pair(rng, n_rows)
    only = rng.integers(10, size=(n_rows, 1))
    teacher[np.arange(10) != only] = -np.inf
    return case("onehotT", rng, dtype, student, teacher)


def masked_teacher(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """A teacher that excludes about half of the classes."""
    student, teacher = normal_pair(rng, n_rows)
    teacher[random_mask(rng, n_rows)] = -np.inf
    return case("maskT", rng, dtype, student, teacher)


def masked_both(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """Both exclude the same classes; the label is not one of them."""
    student, teacher = normal_pair(rng, n_rows)
    mask = random_mask(rng, n_rows)
    student[mask] = teacher[mask] = -np.inf
    return case("maskboth", rng, dtype, student, teacher, labels=student.argmax(axis=1))


def disjoint(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """What one believes in, the other excludes."""
    student, teacher = normal_pair(rng, n_rows)
    mask = random_mask(rng, n_rows)
    student[mask], teacher[~mask] = -np.inf, -np.inf
    return case("disjoint", rng, dtype, student, teacher)


def subnormal(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """Probabilities that are subnormal numbers of the type, or logits that are."""
    size = MAGNITUDES[dtype]
    deep = -rng.uniform(size.deepest_normal, size.deepest, (2, n_rows, 10))
    deep[..., :5] = rng.normal(0.0, 3.0, (2, n_rows, 5))
    tiny = float(np.finfo(dtype).smallest_subnormal) * rng.integers(-1000, 1000, deep.shape)
    return case("subnormal", rng, dtype, *np.where(alternate(n_rows), deep, tiny), temperature=1.0)


def log_probabilities(rng: np.random.Generator, dtype: DType, n_rows: int) -> Case:
    """Rows that are log-probabilities already, so that their log-sum-exp is nearly 0."""
    pair = [z - np.log(np.exp(z).sum(axis=1, keepdims=True)) for z in normal_pair(rng, n_rows)]
    return case("logprobs", rng, dtype, *pair)


def alternate(n_rows: int) -> NDArray[np.bool_]:
    """True for every other row, as a column: classes with two kinds of row."""
    return np.equal(np.arange(n_rows) % 2, 0).reshape(n_rows, 1)


def random_mask(rng: np.random.Generator, n_rows: int, n_classes: int = 10) -> NDArray[np.bool_]:
    """About half of the classes, never all of them and never none."""
    order = rng.permuted(np.tile(np.arange(n_classes), (n_rows, 1)), axis=1)
    n_excluded = rng.integers(1, n_classes, (n_rows, 1))
    excluded: NDArray[np.bool_] = order < n_excluded
    return excluded


CLASSES: dict[str, Callable[[np.random.Generator, DType, int], Case]] = {
    "ordinary": of_width("ordinary", 10),
    "C1": of_width("C1", 1),
    "C2": of_width("C2", 2),
    "C1000": of_width("C1000", 1000),
    "mag1e4": magnitude_1e4,
    "huge": huge,
    "tails": tails,
    "shift1e8": shifted,
    "neartie": near_tie,
    "near1e-8": near,
    "near1ulp": near_one_ulp,
    "nearshift": near_shifted,
    "same": same,
    "confident": confident,
    "Ttiny": at_temperature("Ttiny", 1e-3),
    "Thuge1e3": at_temperature("Thuge1e3", 1e3),
    "Thuge1e6": at_temperature("Thuge1e6", 1e6),
    "onehotT": one_hot_teacher,
    "maskT": masked_teacher,
    "maskboth": masked_both,
    "disjoint": disjoint,
    "subnormal": subnormal,
    "logprobs": log_probabilities,
}
"""All classes but the widest."""

WIDEST = of_width("C100k", 100_000)
"""The class of 100,000 classes: minutes of the oracle's time at 2400 bits, so 400 are used, and few rows."""
