"""Vectors at the edges: excluded classes, infinite values, weights, and input that must be refused."""

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.vectors.drafts import Draft, labels, ordinary, stream
from tests.vectors.losses import File

INF, NAN = math.inf, math.nan

Excluded = tuple[int, ...]


def exclusions(file: File) -> Iterator[Draft]:
    """Logits of minus infinity, on one side or on both, so that the value may be infinite; and missing labels."""
    if file.formula is None:  # its text in the oracle does not say what 0 log 0 is
        return
    kinds: tuple[tuple[str, str, Excluded, Excluded], ...] = (
        ("excluded-one-hot", "the teacher excludes all classes but one", (), (0, 1, 3)),
        ("excluded-teacher", "the teacher excludes two classes", (), (1, 2)),
        ("excluded-student", "the student excludes a class", (3,), ()),
        ("excluded-both", "both exclude the same class", (1,), (1,)),
        ("excluded-more", "the teacher excludes more than the student", (1,), (1, 3)),
        ("excluded-disjoint", "each excludes what the other believes in", (0, 1), (2, 3)),
    )
    for slug, comment, of_student, of_teacher in kinds:
        if of_teacher and not file.has_teacher:
            continue
        rng = stream(file.name, slug)
        student, teacher = ordinary(rng, 2, 4), ordinary(rng, 2, 4)
        for rows, classes in ((student, of_student), (teacher, of_teacher)):
            for k in classes:
                rows[1][k] = -INF
        believed = [row.index(max(row)) for row in student]
        yield file.draft(
            slug, comment, student, teacher, believed, temperature=2.0, flags=("EXCLUDED_CLASS",)
        )
    if file.fixed.get("alpha") == 1.0:
        rng = stream(file.name, "no-labels")
        student, teacher = ordinary(rng, 2, 3), ordinary(rng, 2, 3)
        comment = "without labels, which have no weight"
        yield file.draft(
            "no-labels", comment, student, teacher, None, temperature=3.0, flags=("NO_LABELS",)
        )
    if file.has_labels:
        rng = stream(file.name, "excluded-label")
        student, teacher = ordinary(rng, 2, 4), ordinary(rng, 2, 4)
        student[0][2] = -INF
        comment = "the student excludes the label"
        yield file.draft(
            "excluded-label",
            comment,
            student,
            teacher,
            [2, 0],
            temperature=2.0,
            flags=("EXCLUDED_CLASS",),
        )


def weighted(file: File) -> Iterator[Draft]:
    """Weights of rows; a row of weight 0 may hold anything."""
    kinds: tuple[tuple[str, str, str, list[float], float | None], ...] = (
        ("weights", "WEIGHTED_ROWS", "the mean divides by the sum of the weights", [2.0, 0.5, 1.0], None),
        ("weights-equal", "WEIGHTED_ROWS", "equal weights are no weights", [0.25, 0.25, 0.25], None),
        ("weights-scaled", "WEIGHTED_ROWS", "weights of any size", [3e-5, 1e-5, 7e-5], None),
        ("ignored-row", "IGNORED_ROWS", "a mask: the last row does not count", [1.0, 1.0, 0.0], None),
        ("ignored-nan", "IGNORED_ROWS", "the row that does not count holds NaN", [1.0, 1.0, 0.0], NAN),
        ("ignored-infinite", "IGNORED_ROWS", "it holds infinities", [1.0, 3.0, 0.0], INF),
        ("weights-extreme", "EXTREME_WEIGHTS", "weights whose sum overflows", [1.5e308, 1e308, 1e308], None),
    )  # fmt: skip
    if not file.is_separable:
        return
    for slug, flag, comment, weights, padding in kinds:
        rng = stream(file.name, slug)
        student, teacher, ids = ordinary(rng, 3, 3), ordinary(rng, 3, 3), labels(rng, 3, 3)
        if padding is not None:
            student[2], teacher[2], ids[2] = [padding] * 3, [padding] * 3, -100
        yield file.draft(
            slug,
            comment,
            student,
            teacher,
            ids,
            temperature=3.0,
            weights=weights,
            flags=(flag,),
        )


class Refusal(NamedTuple):
    """Something wrong with one argument."""

    slug: str
    flag: str
    argument: str
    reason: str
    spoil: Callable[[Any], Any]
    """From the good argument (None where a parameter is replaced, or weights are added) to the bad one."""


def entry(value: float) -> Callable[[Any], Any]:
    """A bad entry in the second row."""

    def spoil(rows: Any) -> Any:
        bad = copy.deepcopy(rows)
        bad[1][2] = value
        return bad

    return spoil


def whole_row(value: float) -> Callable[[Any], Any]:
    """A second row of one bad value."""
    return lambda rows: [rows[0], [value] * len(rows[1])]


def label(value: Any) -> Callable[[Any], Any]:
    """A bad second label."""
    return lambda ids: [ids[0], value]


def given(value: Any) -> Callable[[Any], Any]:
    """Whatever it was, now this."""
    return lambda _: value


BAD_LOGITS = (
    ("nan", "NOT_A_NUMBER", "{} hold a NaN", entry(NAN)),
    ("infinity", "POSITIVE_INFINITY", "{} hold +infinity", entry(INF)),
    ("all-excluded", "EMPTY_ROW", "{} exclude every class of a row", whole_row(-INF)),
    ("fewer-rows", "SHAPE", "{} have a row less than the other inputs", lambda rows: rows[:1]),
    ("flat", "SHAPE", "{} have one dimension", lambda rows: rows[0]),
)
FEWER_CLASSES = (
    "fewer-classes",
    "SHAPE",
    "{} have a class less",
    lambda rows: [r[:2] for r in rows],
)

REFUSALS = (
    *(Refusal(f"student-{a}", b, "student_logits", c.format("student logits"), d)
      for a, b, c, d in BAD_LOGITS),
    *(Refusal(f"teacher-{a}", b, "teacher_logits", c.format("teacher logits"), d)
      for a, b, c, d in (*BAD_LOGITS, FEWER_CLASSES)),
    Refusal("label-too-large", "LABEL_RANGE", "labels", "a label is C", label(3)),
    Refusal("label-negative", "LABEL_RANGE", "labels", "a label is -1", label(-1)),
    Refusal("label-fraction", "LABEL_TYPE", "labels", "a label is 0.5", label(0.5)),
    *(Refusal(f"{side}-minus-infinity", "MINUS_INFINITY", f"{side}_logits",
              f"{side} logits hold -infinity", entry(-INF)) for side in ("student", "teacher")),
    *(Refusal(f"{side}-zero", "ZERO_VECTOR", f"{side}_logits", f"a row of the {side} is zero",
              whole_row(0.0)) for side in ("student", "teacher")),
    Refusal("labels-missing", "NO_LABELS", "labels", "labels are missing", given(None)),
    Refusal("labels-too-few", "SHAPE", "labels", "one label for two rows", lambda ids: ids[:1]),
    *(Refusal(f"temperature-{slug}", "TEMPERATURE_RANGE", "temperature", f"T is {words}", given(value))
      for slug, words, value in (("zero", "0", 0.0), ("negative", "-1", -1.0),
                                 ("infinite", "infinite", INF), ("nan", "NaN", NAN))),
    *(Refusal(f"weights-{slug}", "WEIGHT_RANGE", "weights", words, given(value))
      for slug, words, value in (
          ("negative", "a weight is negative", [1.0, -0.25]),
          ("nan", "a weight is NaN", [1.0, NAN]),
          ("infinite", "a weight is infinite", [1.0, INF]),
          ("zero", "no row has a weight", [0.0, 0.0]))),
    Refusal("weights-too-few", "SHAPE", "weights", "one weight for two rows", given([1.0])),
    *(Refusal(f"{name}-{slug}", "SHARE_RANGE", name, f"{name} is {value:g}", given(value))
      for name in ("alpha", "beta", "skew", "smoothing", "confidence", "forward_weight")
      for slug, value in (("negative", -0.5), ("above-1", 1.5))),
    *(Refusal(f"{name}-negative", "PARAMETER_RANGE", name, f"{name} is negative", given(-1.0))
      for name in ("target_weight", "non_target_weight", "gamma", "inter_weight", "intra_weight")),
    Refusal("ddof-negative", "PARAMETER_RANGE", "ddof", "ddof is negative", given(-1)),
    Refusal("k-zero", "PARAMETER_RANGE", "k", "k is 0", given(0)),
    Refusal("k-too-large", "PARAMETER_RANGE", "k", "k is larger than C", given(4)),
    Refusal("tail-unknown", "PARAMETER_RANGE", "tail", "no such tail", given("rest")),
)  # fmt: skip

SEES_LOGITS = ("logit_mse", "logit_cosine", "standardised_kl")
"""Losses that see logits other than through a softmax, so that none may be infinite."""


def possible(file: File, case: Refusal) -> bool:
    """Whether this is an error for that loss."""
    if case.flag == "NO_LABELS":
        return file.fixed.get("alpha") != 1.0
    if case.flag == "MINUS_INFINITY":
        return file.loss in SEES_LOGITS
    if case.flag == "ZERO_VECTOR":
        return file.loss == "logit_cosine"
    if case.slug.endswith("fewer-classes"):
        return file.loss != "universal_logit"
    return case.argument != "weights" or file.is_separable


def refused(file: File) -> Iterator[Draft]:
    """Input that no implementation can give a right answer to."""
    for case in REFUSALS:
        rng = stream(file.name, "refused", case.slug)
        student, teacher, ids = ordinary(rng, 2, 3), ordinary(rng, 2, 3), labels(rng, 2, 3)
        good = file.draft(case.slug, "", student, teacher, ids, temperature=2.0)
        inputs, parameters = dict(good.inputs), dict(good.parameters)
        if not possible(file, case):
            continue
        if case.argument in inputs or case.argument == "weights":
            inputs[case.argument] = case.spoil(inputs.get(case.argument))
        elif case.argument in parameters:
            parameters[case.argument] = case.spoil(None)
        else:
            continue
        yield Draft(
            f"refused-{case.slug}", case.reason, inputs, parameters, (case.flag,), refused=True
        )
