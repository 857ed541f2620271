"""What each loss is mistaken for: the values that usual mistakes would return for a vector, from the oracle."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import gmpy2
import numpy as np
from gmpy2 import mpfr

from tests.oracle import hard_labels, soft_targets
from tests.oracle.arrays import exact as array
from tests.oracle.batch import LOSSES, RowLoss, batch_value
from tests.oracle.definitions import FORMULAS
from tests.oracle.precision import working_precision
from tests.oracle.rows import Row, dot, exact, log_softmax, softmax, total
from tests.vectors.drafts import Draft
from tests.vectors.losses import File

RowValue = Callable[..., mpfr]

TELLS_APART = 1e-4
"""A mistake is named only where it changes the value by more than this share of it."""


def mistaken_values(file: File, draft: Draft) -> dict[str, float]:
    """The value that each mistake returns, to six digits, where that is another one."""
    with working_precision():
        right = mean(right_value(file), file, draft)
        found = {flag: value(draft) for flag, value in mistakes(file)}
        limit = TELLS_APART * abs(right)
        return {
            flag: float(f"{float(value):.6g}")
            for flag, value in found.items()
            if gmpy2.is_finite(value) and abs(value - right) > limit
        }


def right_value(file: File) -> RowValue:
    """The value of one row; of a loss that couples rows, of the batch."""
    if file.formula is not None:
        return file.formula.value
    return of_one(file.loss) if file.is_separable else of_batch(file.loss)


def of_batch(name: str) -> RowValue:
    """A loss that is written down batch by batch."""
    return lambda *inputs, **options: FORMULAS[name](
        *(array(np.array(i)) for i in inputs), **options
    )


def of_one(name: str) -> RowValue:
    """The same of a batch of one example."""
    return lambda *inputs, **options: of_batch(name)(*([each] for each in inputs), **options)


def mean(value: RowValue, file: File, draft: Draft) -> mpfr:
    """The mean over rows of a row's value."""
    inputs = [draft.inputs[name] for name in file.inputs]
    if not file.is_separable:
        return value(*inputs, **draft.parameters)
    return batch_value(RowLoss(value, no_gradient), *inputs, **draft.parameters)


def no_gradient(*_: Any, **__: Any) -> Row:
    """Mistakes are told by their values."""
    raise NotImplementedError


def mistakes(file: File) -> Iterator[tuple[str, Callable[[Draft], mpfr]]]:
    """The mistakes that this loss invites, each as a function of a vector."""
    right = right_value(file)
    rows: dict[str, RowValue] = dict(OF_LOSS.get(file.loss, {}))
    if file.is_softened and file.loss != "distillation":  # which has the same among its own
        rows |= of_softening(file, right)
    for flag, row_value in rows.items():
        yield flag, partial(mean, row_value, file)
    if file.is_separable:
        yield "ROW_SUM", lambda draft: draft.rows * mean(right, file, draft)
        yield "ROW_MEAN_TWICE", lambda draft: mean(right, file, draft) / draft.rows
    if file.loss not in WITHOUT_LOGARITHM:
        yield "LOG_BASE_2", lambda draft: mean(right, file, draft) / gmpy2.log(2)
    if file.loss not in WITHOUT_CLASS_MEAN:
        yield "CLASS_MEAN", partial(mean, by_class(right), file)


WITHOUT_LOGARITHM = (
    "total_variation",
    "logit_mse",
    "logit_cosine",
    "dist",
    "universal_logit",
    "distillation",
)
"""Losses whose value does not scale with the base of logarithms, or that have that among their own."""

WITHOUT_CLASS_MEAN = ("logit_mse", "logit_cosine", "dist", "distillation")
"""Losses with no sum over classes outside, or that have that among their own."""


def by_class(value: RowValue) -> RowValue:
    """Divided by the number of classes."""
    return lambda student, *rest, **options: value(student, *rest, **options) / len(student)


def times(logits: Iterable[float], factor: mpfr) -> Row:
    """Logits that undo a temperature, or apply it twice."""
    return tuple(z * factor for z in exact(logits))


PARTLY_SOFTENED = ("normalised_kd", "weighted_soft_label", "dist")
"""Losses that scaled logits would change elsewhere too, and the one that takes whole batches."""


def of_softening(file: File, right: RowValue) -> dict[str, RowValue]:
    """Temperature on one side, on none, or the wrong way up."""

    def ignored(*inputs: Any, temperature: float, **rest: Any) -> mpfr:
        return right(*inputs, temperature=1.0, **rest)

    def scaled(student: bool, teacher: bool, power: int) -> RowValue:
        def value(s: Any, *others: Any, temperature: float, **rest: Any) -> mpfr:
            factor = mpfr(temperature) ** power
            s = times(s, factor) if student else s
            if teacher:
                others = (times(others[0], factor), *others[1:])
            return right(s, *others, temperature=temperature, **rest)

        return value

    def with_square(*inputs: Any, temperature: float, **rest: Any) -> mpfr:
        return mpfr(temperature) ** 2 * right(*inputs, temperature=temperature, **rest)

    found: dict[str, RowValue] = {"TEMPERATURE_IGNORED": ignored, "T_SQUARED_ADDED": with_square}
    if file.loss in PARTLY_SOFTENED:
        return found
    found["STUDENT_NOT_SOFTENED"] = scaled(True, False, 1)
    if file.has_teacher:
        found["TEACHER_NOT_SOFTENED"] = scaled(False, True, 1)
        found["TEMPERATURE_MULTIPLIED"] = scaled(True, True, 2)
    return found


def swapped(value: RowValue) -> RowValue:
    """Student and teacher exchanged."""
    return lambda student, teacher, *rest, **options: value(teacher, student, *rest, **options)


def twice_softened(value: RowValue) -> RowValue:
    """Probabilities given where logits belong."""
    return lambda student, *rest, **options: value(
        softmax(student), *(softmax(r) if is_row(r) else r for r in rest), **options
    )


def is_row(argument: Any) -> bool:
    """Logits, and not a label."""
    return not isinstance(argument, int)


def not_log(student: Iterable[float], teacher: Iterable[float], temperature: float) -> mpfr:
    """sum_k p_k (log p_k - q_k): a softmax where its logarithm belongs."""
    p, log_p = softmax(teacher, temperature), log_softmax(teacher, temperature)
    q = softmax(student, temperature)
    return total(x * (a - y) for x, a, y in zip(p, log_p, q, strict=True) if x != 0)


def over_others(student: Iterable[float], label: int, smoothing: float) -> mpfr:
    """The smoothing shared by the other classes alone."""
    log_q, e = log_softmax(student), mpfr(smoothing)
    others = e / (len(log_q) - 1)
    u = tuple((1 - e) if k == label else others for k in range(len(log_q)))
    return -dot(u, log_q)


def without(value: RowValue, parameter: str) -> RowValue:
    """A parameter that is not looked at."""

    def ignoring(*inputs: Any, **options: Any) -> mpfr:
        return value(*inputs, **{k: v for k, v in options.items() if k != parameter})

    return ignoring


def instead(value: RowValue, parameter: str, to: Callable[[float], float]) -> RowValue:
    """A parameter that means something else."""

    def changed(*inputs: Any, **options: Any) -> mpfr:
        return value(*inputs, **options | {parameter: to(options[parameter])})

    return changed


def composite(
    combine: Callable[[mpfr, mpfr, mpfr, mpfr, int], mpfr],
    *,
    soft: RowValue = soft_targets.forward_kl,
    hard: RowValue = hard_labels.hard_label,
) -> RowValue:
    """A composite of a hard and a soft term: ``combine(hard, soft, alpha, temperature, n_classes)``."""

    def value(student: Any, teacher: Any, label: int, *, temperature: float, alpha: float) -> mpfr:
        terms = hard(student, label), soft(student, teacher, temperature)
        return combine(*terms, mpfr(alpha), mpfr(temperature), len(student))

    return value


def usual(h: mpfr, k: mpfr, a: mpfr, t: mpfr, c: int) -> mpfr:
    """(1 - a) h + a T^2 k."""
    return (1 - a) * h + a * t * t * k


def unsoftened(side: int) -> RowValue:
    """KL with one side at T = 1: 0 for the student, 1 for the teacher."""

    def value(student: Any, teacher: Any, temperature: float) -> mpfr:
        pair = [student, teacher]
        pair[side] = times(pair[side], mpfr(temperature))
        return soft_targets.forward_kl(pair[0], pair[1], temperature)

    return value


OF_DISTILLATION: Mapping[str, RowValue] = {
    "T_SQUARED_MISSING": composite(lambda h, k, a, t, c: (1 - a) * h + a * k),
    "T_SQUARED_TWICE": composite(lambda h, k, a, t, c: (1 - a) * h + a * t**4 * k),
    "T_SQUARED_INVERTED": composite(lambda h, k, a, t, c: (1 - a) * h + a * k / t**2),
    "CLASS_MEAN": composite(lambda h, k, a, t, c: (1 - a) * h + a * t * t * k / c),
    "ALPHA_ON_HARD": composite(lambda h, k, a, t, c: a * h + (1 - a) * t * t * k),
    "NEGATIVE_WEIGHT": composite(lambda h, k, a, t, c: (1 - a) * h - a * t * t * k),
    "LOG_BASE_2": composite(lambda h, k, a, t, c: usual(h, k, a, t, c) / gmpy2.log(2)),
    "TEMPERATURE_IGNORED": composite(
        lambda h, k, a, t, c: (1 - a) * h + a * k,
        soft=lambda s, t, temperature: soft_targets.forward_kl(s, t, 1.0),
    ),
    "STUDENT_NOT_SOFTENED": composite(usual, soft=unsoftened(0)),
    "TEACHER_NOT_SOFTENED": composite(usual, soft=unsoftened(1)),
    "KL_REVERSED": composite(usual, soft=soft_targets.reverse_kl),
    "CROSS_ENTROPY_NOT_KL": composite(usual, soft=soft_targets.soft_cross_entropy),
    "SOFTMAX_NOT_LOG": composite(usual, soft=not_log),
    "DOUBLE_SOFTMAX_HARD": composite(usual, hard=twice_softened(hard_labels.hard_label)),
}  # fmt: skip


def hard_at_temperature(
    student: Any, teacher: Any, label: int, *, temperature: float, alpha: float
) -> mpfr:
    """The hard term softened too."""
    h = -log_softmax(student, temperature)[label]
    k = soft_targets.forward_kl(student, teacher, temperature)
    return usual(h, k, mpfr(alpha), mpfr(temperature), len(student))


FORWARD, REVERSE = LOSSES["forward_kl"].value, LOSSES["reverse_kl"].value

OF_LOSS: Mapping[str, Mapping[str, RowValue]] = {
    "hard_label": {"DOUBLE_SOFTMAX_HARD": twice_softened(hard_labels.hard_label)},
    "label_smoothing": {
        "DOUBLE_SOFTMAX_HARD": twice_softened(hard_labels.label_smoothing),
        "SMOOTHING_OVER_OTHERS": over_others,
        "SMOOTHING_IGNORED": without(hard_labels.hard_label, "smoothing"),
    },
    "soft_cross_entropy": {
        "KL_NOT_CROSS_ENTROPY": FORWARD,
        "ROLES_SWAPPED": swapped(LOSSES["soft_cross_entropy"].value),
        "DOUBLE_SOFTMAX_SOFT": twice_softened(LOSSES["soft_cross_entropy"].value),
    },
    "forward_kl": {
        "KL_REVERSED": REVERSE,
        "CROSS_ENTROPY_NOT_KL": LOSSES["soft_cross_entropy"].value,
        "SOFTMAX_NOT_LOG": not_log,
        "DOUBLE_SOFTMAX_SOFT": twice_softened(FORWARD),
    },
    "reverse_kl": {
        "KL_REVERSED": FORWARD,
        "SOFTMAX_NOT_LOG": swapped(not_log),
        "DOUBLE_SOFTMAX_SOFT": twice_softened(REVERSE),
    },
    "symmetric_kl": {
        "ROLES_SWAPPED": swapped(LOSSES["symmetric_kl"].value),
        "CONSTANT_FACTOR": lambda *inputs, **options: 2 * LOSSES["symmetric_kl"].value(*inputs, **options),
    },
    "total_variation": {
        "CONSTANT_FACTOR": lambda *inputs, **options: 2 * LOSSES["total_variation"].value(*inputs, **options),
        "DOUBLE_SOFTMAX_SOFT": twice_softened(LOSSES["total_variation"].value),
    },
    "generalised_js": {
        "ROLES_SWAPPED": swapped(LOSSES["generalised_js"].value),
        "SHARE_IGNORED": instead(LOSSES["generalised_js"].value, "beta", lambda _: 0.5),
    },
    "skew_forward_kl": {
        "ROLES_SWAPPED": swapped(LOSSES["skew_forward_kl"].value),
        "SHARE_SWAPPED": instead(LOSSES["skew_forward_kl"].value, "skew", lambda a: 1.0 - a),
        "SHARE_IGNORED": without(FORWARD, "skew"),
    },
    "skew_reverse_kl": {
        "ROLES_SWAPPED": swapped(LOSSES["skew_reverse_kl"].value),
        "SHARE_SWAPPED": instead(LOSSES["skew_reverse_kl"].value, "skew", lambda a: 1.0 - a),
        "SHARE_IGNORED": without(REVERSE, "skew"),
    },
    "logit_mse": {
        "CONSTANT_FACTOR": lambda *inputs, **options: 2 * of_one("logit_mse")(*inputs, **options)
    },
    "standardised_kl": {"ROLES_SWAPPED": swapped(of_one("standardised_kl"))},
    "decoupled_kd": {"ROLES_SWAPPED": swapped(of_one("decoupled_kd"))},
    "top_k_kl": {"ROLES_SWAPPED": swapped(of_one("top_k_kl"))},
    "distillation": {**OF_DISTILLATION, "HARD_AT_TEMPERATURE": hard_at_temperature},
}  # fmt: skip
"""What a loss invites beside wrong means and wrong temperatures."""
