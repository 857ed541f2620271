"""Vectors on inputs that are hard for floating-point numbers, and none for the formula."""

import math
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from tests.vectors.drafts import Draft, Rows, labels, moved, ordinary, stream
from tests.vectors.losses import File


class Kind(NamedTuple):
    """One kind of input: what a student and a teacher look like."""

    slug: str
    flag: str
    comment: str
    draw: Callable[[random.Random], tuple[Any, ...]]
    """Student, teacher, and a temperature if it is not one of the usual."""
    of_two: bool = False
    """Whether it lies in how student and teacher relate, so that it needs both."""
    agreeing: bool = False
    """Whether the label is the student's largest class."""


def pair(n_rows: int, n_classes: int, size: float = 5.0) -> Callable[[random.Random], Any]:
    """Two independent batches."""
    return lambda rng: (
        ordinary(rng, n_rows, n_classes, size=size),
        ordinary(rng, n_rows, n_classes, size=size),
    )


def at(temperature: float) -> Callable[[random.Random], Any]:
    """Ordinary logits at an unusual temperature."""
    return lambda rng: (*pair(1, 4)(rng), temperature)


def shifted(student: float, teacher: float, temperature: float) -> Callable[[random.Random], Any]:
    """Ordinary logits far from zero."""

    def draw(rng: random.Random) -> Any:
        s, t = pair(1, 4)(rng)
        return moved(s, student), moved(t, teacher), temperature

    return draw


def near(distance: float, shift: float = 0.0) -> Callable[[random.Random], Any]:
    """A student that has almost reached its teacher, up to a shift."""

    def draw(rng: random.Random) -> Any:
        teacher = ordinary(rng, 1, 4)
        student = [[z + shift + distance * rng.uniform(-1.0, 1.0) for z in row] for row in teacher]
        return student, teacher

    return draw


def one_unit_apart(rng: random.Random) -> Any:
    """A student that differs from its teacher by one unit in the last place."""
    teacher = ordinary(rng, 1, 4)
    ends = (-math.inf, math.inf)
    return [[math.nextafter(z, rng.choice(ends)) for z in row] for row in teacher], teacher


def same(shift: float = 0.0) -> Callable[[random.Random], Any]:
    """Equal logits, or equal up to a shift that loses no digit: quarters are exact."""

    def draw(rng: random.Random) -> Any:
        teacher = [[round(4 * z) / 4 for z in row] for row in ordinary(rng, 2, 4)]
        return moved(teacher, shift), teacher

    return draw


def confident(student: int | None, teacher: int | None) -> Callable[[random.Random], Any]:
    """One class 30 to 40 above the others, for each side that has one."""

    def draw(rng: random.Random) -> Any:
        s, t = pair(1, 4)(rng)
        for row, top in ((s[0], student), (t[0], teacher)):
            if top is not None:
                row[top] = round(row[top] + rng.uniform(30.0, 40.0), 2)
        return s, t

    return draw


def tails(rng: random.Random) -> Any:
    """Classes down to 700 below the top."""
    return tuple([[round(rng.uniform(-700.0, 0.0), 1) for _ in range(5)]] for _ in range(2))


def huge(size: float) -> Callable[[random.Random], Any]:
    """Logits of either sign near the end of the range, no two of them alike."""

    def draw(rng: random.Random) -> Any:
        def row() -> list[float]:
            parts = [round(rng.uniform(0.1, 1.0), 3) * rng.choice((-1.0, 1.0)) for _ in range(3)]
            return [part * size for part in parts]

        return [row()], [row()]

    return draw


def near_tie(rng: random.Random) -> Any:
    """All logits of a row nearly equal."""
    return tuple([[1.0 + 1e-12 * round(rng.uniform(-9, 9), 2) for _ in range(4)]] for _ in range(2))


def subnormal_logits(rng: random.Random) -> Any:
    """Logits that are subnormal numbers."""
    return tuple([[5e-324 * round(rng.uniform(-999, 999)) for _ in range(3)]] for _ in range(2))


def subnormal_probabilities(rng: random.Random) -> Any:
    """Classes whose probabilities are subnormal numbers."""

    def row() -> list[float]:
        return [0.5, round(rng.uniform(-1, 1), 2), round(rng.uniform(-740.0, -712.0), 1)]

    return [row()], [row()], 1.0


def log_probabilities(rng: random.Random) -> Any:
    """Rows that are log-probabilities already."""

    def normalised(rows: Rows) -> Rows:
        sums = [math.log(math.fsum(map(math.exp, row))) for row in rows]
        return [[z - total for z in row] for row, total in zip(rows, sums, strict=True)]

    return tuple(map(normalised, pair(1, 4)(rng)))


KINDS = (
    Kind("two-classes", "TWO_CLASSES", "two classes, far apart", pair(2, 2, 12.0)),
    Kind("one-class", "ONE_CLASS", "one class: every distribution is the same", pair(2, 1)),
    Kind("many-classes", "MANY_CLASSES", "twenty classes", pair(1, 20)),
    Kind("shift-1000", "LARGE_SHIFT", "both sides around 1000", shifted(1e3, 1e3, 1.0)),
    Kind("shift-minus-1000", "LARGE_SHIFT", "both around -1000", shifted(-1e3, -1e3, 1.0)),
    Kind("shift-1e8", "LARGE_SHIFT", "both around 1e8; T = 3 rounds", shifted(1e8, 1e8, 3.0)),
    Kind("shift-student", "LARGE_SHIFT", "the student around 2000", shifted(2e3, 0.0, 2.0)),
    Kind("shift-teacher", "LARGE_SHIFT", "the teacher around -2000", shifted(0.0, -2e3, 2.0), True),
    Kind("near-1e-2", "NEAR_TEACHER", "the student within 1e-2 of its teacher", near(1e-2), True),
    Kind("near-1e-4", "NEAR_TEACHER", "the student within 1e-4 of its teacher", near(1e-4), True),
    Kind("near-1e-8", "NEAR_TEACHER", "the student within 1e-8 of its teacher", near(1e-8), True),
    Kind("near-shifted", "NEAR_TEACHER", "within 1e-6, up to a shift", near(1e-6, 3.75), True),
    Kind("near-one-ulp", "NEAR_TEACHER", "one unit in the last place away", one_unit_apart, True),
    Kind("same", "AT_TEACHER", "student and teacher are equal", same(), True),
    Kind("same-shifted", "AT_TEACHER", "equal up to a constant per row", same(8.0), True),
    Kind("confident-both", "CONFIDENT", "both certain of the same class", confident(1, 1)),
    Kind("confident-right", "CONFIDENT", "certain of the label", confident(2, 2), agreeing=True),
    Kind("confident-apart", "CONFIDENT", "certain of different classes", confident(0, 2), True),
    Kind("confident-student", "CONFIDENT", "only the student is certain", confident(3, None)),
    Kind("confident-teacher", "CONFIDENT", "only the teacher is certain", confident(None, 0), True),
    Kind("tails-1", "TAILS", "classes down to 700 below the top", lambda rng: (*tails(rng), 1.0)),
    Kind("tails-2", "TAILS", "classes down to 700 below the top, T = 2", tails),
    Kind("large-100", "LARGE_LOGITS", "logits within 100", pair(1, 4, 100.0)),
    Kind("large-1e4", "LARGE_LOGITS", "logits within 10,000", pair(1, 4, 1e4)),
    Kind("huge-1e30", "HUGE_LOGITS", "logits within 1e30", huge(1e30)),
    Kind("huge-1e300", "HUGE_LOGITS", "logits within 1e300", huge(1e300)),
    Kind("temperature-0.1", "TINY_TEMPERATURE", "T = 0.1", at(0.1)),
    Kind("temperature-0.001", "TINY_TEMPERATURE", "T = 0.001", at(1e-3)),
    Kind("temperature-20", "HUGE_TEMPERATURE", "T = 20", at(20.0)),
    Kind("temperature-1000", "HUGE_TEMPERATURE", "T = 1000", at(1e3)),
    Kind("temperature-1e6", "HUGE_TEMPERATURE", "T = 1,000,000", at(1e6)),
    Kind("near-tie", "NEAR_TIE", "logits that are equal to 1e-11", near_tie),
    Kind("subnormal-logits", "SUBNORMAL", "subnormal logits", subnormal_logits),
    Kind("subnormal-p", "SUBNORMAL", "subnormal probabilities", subnormal_probabilities),
    Kind("log-probabilities", "LOG_PROBABILITIES", "rows with a sum of 1", log_probabilities),
)

USUAL = 2.0
"""The temperature of kinds that do not set one."""


def drafts(file: File) -> Iterator[Draft]:
    """Every kind that this loss can tell from the others."""
    for kind in KINDS:
        if (kind.of_two and not file.has_teacher) or not suits(file, kind):
            continue
        rng = stream(file.name, kind.slug)
        student, teacher, *given = kind.draw(rng)
        while not file.is_separable and len(student) < 3:
            more = kind.draw(rng)
            student, teacher = student + more[0], teacher + more[1]
        ids = labels(rng, len(student), len(student[0]))
        if kind.agreeing:
            ids = [row.index(max(row)) for row in student]
        temperature = given[0] if given else USUAL
        yield file.draft(
            kind.slug,
            kind.comment,
            student,
            teacher,
            ids,
            temperature=temperature,
            flags=(kind.flag,),
        )


def suits(file: File, kind: Kind) -> bool:
    """Not what a loss does not have, nor what its definition or the oracle's text of it does not bear."""
    if {kind.flag, kind.slug} & set(UNSUITABLE.get(file.loss, ())):
        return False
    if file.formula is None and kind.flag in ("HUGE_LOGITS", "SUBNORMAL", "MANY_CLASSES"):
        return False  # exponentials of bare logits, difference quotients with a step of 1e-241, and hours
    return file.is_softened or not kind.slug.startswith("temperature")


NO_CORRELATION = ("CONFIDENT", "LARGE_LOGITS", "TINY_TEMPERATURE", "TAILS", "HUGE_TEMPERATURE")
"""Where columns hold probabilities that float64 has not, or that agree in every digit it has: no float64 computation of
their correlation that is known here, kdref's included, keeps its digits."""

UNSUITABLE: Mapping[str, tuple[str, ...]] = {
    "virtual_teacher": ("ONE_CLASS",),
    "total_variation": ("AT_TEACHER",),
    "universal_logit": ("AT_TEACHER", "NEAR_TEACHER", "TAILS"),
    "standardised_kl": ("ONE_CLASS", "TWO_CLASSES"),
    "decoupled_kd": ("ONE_CLASS",),
    "normalised_kd": ("ONE_CLASS",),
    "dist": ("ONE_CLASS", "TWO_CLASSES", *NO_CORRELATION, "near-one-ulp"),
    "top_k_kl": ("ONE_CLASS", "TWO_CLASSES"),
}
"""Kinds of input on which a loss is not defined, or lies at a kink, where it has no gradient."""
