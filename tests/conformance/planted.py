"""One planted mistake for each code that a diagnosis of a NumPy loss can report."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.conformance.corpus import by_hand_numpy as by_hand
from tests.conformance.corpus.by_hand_numpy import log_softmax, nll, softmax
from tests.conformance.corpus.random_losses import Recipe

Loss = Callable[..., Any]


def logs_of_logits(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, q = t / temperature, s / temperature
    return alpha * temperature**2 * (p * np.log(p / q)).sum(axis=1).mean() + (1 - alpha) * nll(s, y)


def divides_later(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, log_q = softmax(t / temperature), log_softmax(s) / temperature
    soft = (p * (np.log(p) - log_q)).sum(axis=1).mean()
    return alpha * temperature**2 * soft + (1 - alpha) * nll(s, y)


def writes(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    value = Recipe().loss(s, t, y, temperature=temperature, alpha=alpha)
    s /= temperature
    return value


def averages_teachers(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    t = t + 0.3 * t.mean(axis=0, keepdims=True) * (len(t) > 1)
    return Recipe().loss(s, t, y, temperature=temperature, alpha=alpha)


def half_precision(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p = softmax((t / temperature).astype(np.float16)).astype(np.float64)
    soft = (p * (np.log(p) - log_softmax(s / temperature))).sum(axis=1).mean()
    return alpha * temperature**2 * soft + (1 - alpha) * nll(s, y)


_draws = np.random.default_rng(0)


def drops_out(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    keep = _draws.random(s.shape) > 0.1
    return Recipe().loss(s * keep, t, y, temperature=temperature, alpha=alpha)


PLANTED: dict[str, Loss] = {
    "AGREES": by_hand.textbook,
    "SOFT_ONLY": Recipe(weights="soft only").loss,
    "ALPHA_ON_HARD": Recipe(weights="on hard").loss,
    "FREE_WEIGHTS": Recipe(weights="free alpha").loss,
    "CROSS_ENTROPY_NOT_KL": Recipe(divergence="cross entropy").loss,
    "ROW_SUM": Recipe(rows="sum").loss,
    "CONSTANT_FACTOR": Recipe(constant=2.0).loss,
    "CONSTANT_OFFSET": Recipe(offset=True).loss,
    "LABEL_SMOOTHING": Recipe(smoothing=0.1).loss,
    "LOG_BASE_2": Recipe(base_2=True).loss,
    "EPSILON": Recipe(soft_epsilon=1e-8).loss,
    "KL_REVERSED": Recipe(divergence="reverse").loss,
    "OTHER_LOSS": Recipe(divergence="raw squared").loss,
    "CLASS_MEAN": Recipe(class_mean=True).loss,
    "ROW_MEAN_TWICE": Recipe(rows="twice").loss,
    "T_SQUARED_MISSING": Recipe(power=0.0).loss,
    "T_SQUARED_TWICE": Recipe(power=4.0).loss,
    "T_SQUARED_INVERTED": Recipe(power=-2.0).loss,
    "TEMPERATURE_IGNORED": Recipe(student_tau=1.0, teacher_tau=1.0).loss,
    "TEMPERATURE_FIXED": Recipe(student_tau=3.0, teacher_tau=3.0).loss,
    "STUDENT_NOT_SOFTENED": Recipe(student_tau=1.0).loss,
    "TEACHER_NOT_SOFTENED": Recipe(teacher_tau=1.0).loss,
    "HARD_AT_TEMPERATURE": Recipe(hard_tempered=True).loss,
    "T_POWER": Recipe(power=1.0).loss,
    "TEMPERATURE_MULTIPLIED": Recipe(multiplied=True).loss,
    "TEMPERATURE_AFTER_LOG": divides_later,
    "ALPHA_DISCONTINUOUS": Recipe(jump=1.0).loss,
    "SPECIAL_BRANCH": by_hand.plain_at_one,
    "NEGATIVE_WEIGHT": Recipe(constant=-1.0).loss,
    "LABELS_ON_TEACHER": Recipe(swapped=True, divergence="reverse").loss,
    "ROLES_SWAPPED": Recipe(swapped=True).loss,
    "SOFTMAX_NOT_LOG": Recipe(divergence="no log").loss,
    "NO_SOFTMAX": Recipe(divergence="raw target").loss,
    "DOUBLE_SOFTMAX_HARD": Recipe(hard_twice=True).loss,
    "DOUBLE_SOFTMAX_SOFT": Recipe(soft_twice=True).loss,
    "SOFTMAX_WRONG_AXIS": Recipe(batch_axis=True).loss,
    "TEACHER_IGNORED": Recipe(ignored=True).loss,
    "NOT_FINITE": logs_of_logits,
    "INPUT_MUTATED": writes,
    "ROW_COUPLING": averages_teachers,
    "UNSTABLE": by_hand.unshifted,
    "IMPRECISE": half_precision,
    "NONDETERMINISTIC": drops_out,
}
"""Codes whose planted mistake needs no framework, no hand-written gradient and no padding."""

BESIDE = {"NO_SOFTMAX": {"CROSS_ENTROPY_NOT_KL"}, "NOT_FINITE": {"NO_SOFTMAX"}}
"""Codes that come with another: a raw target is never a KL."""
