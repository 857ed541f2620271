"""Right losses that look like a mistake: for each code one that must not trigger it.

Each computes alpha T^2 KL + (1 - alpha) CE in a roundabout way, next to the mistake that its code names.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from kdref.conformance import distillation_convention
from tests.conformance.corpus.by_hand_numpy import log_softmax, nll, softmax, textbook

Loss = Callable[..., Any]


def kl(p: Any, q: Any) -> Any:
    return (p * np.log(p / q)).sum(axis=1).mean()


def soft(s: Any, t: Any, temperature: Any) -> Any:
    return temperature**2 * kl(softmax(t / temperature), softmax(s / temperature))


def with_soft(make: Callable[[Any, Any, Any], Any]) -> Loss:
    """The loss whose soft term, T^2 included, is written in another way."""

    def loss(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
        return alpha * make(s, t, temperature) + (1 - alpha) * nll(s, y)

    return loss


def with_hard(make: Callable[[Any, Any, Any], Any]) -> Loss:
    """The loss whose hard term is written in another way."""

    def loss(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
        return alpha * soft(s, t, temperature) + (1 - alpha) * make(s, y, temperature)

    return loss


def with_weights(combine: Callable[[Any, Any, Any], Any]) -> Loss:
    """The loss whose two terms are put together in another way."""

    def loss(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
        return combine(soft(s, t, temperature), nll(s, y), alpha)

    return loss


def entropy_left_out(s: Any, t: Any, temperature: Any) -> Any:
    p, log_q = softmax(t / temperature), log_softmax(s / temperature)
    return temperature**2 * ((p * np.log(p)).sum(1) - (p * log_q).sum(1)).mean()


def offset_taken_back(s: Any, t: Any, temperature: Any) -> Any:
    c = temperature**2
    target = c * softmax(t / temperature)
    return kl(target, softmax(s / temperature)) - c * np.log(c)


def generalised(s: Any, t: Any, temperature: Any) -> Any:
    p, q = softmax(t / temperature), softmax(s / temperature)
    return temperature**2 * (p * np.log(p / q) - p + q).sum(axis=1).mean()


def explicit_normaliser(s: Any, t: Any, temperature: Any) -> Any:
    a, b = s / temperature, t / temperature
    a, b = (z - z.max(axis=1, keepdims=True) for z in (a, b))
    gap = b - a - np.log(np.exp(b).sum(1, keepdims=True) / np.exp(a).sum(1, keepdims=True))
    return temperature**2 * (softmax(b) * gap).sum(axis=1).mean()


def normalised_again(s: Any, t: Any, temperature: Any) -> Any:
    log_q = log_softmax(s) / temperature
    log_q = log_q - np.log(np.exp(log_q).sum(axis=1, keepdims=True))
    return temperature**2 * kl(softmax(t / temperature), np.exp(log_q))


def by_way_of_the_teacher(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    return alpha * soft(s, t, temperature) + (1 - alpha) * nll(t + (s - t), y)


def teacher_on_labels_taken_back(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    return textbook(s, t, y, temperature=temperature, alpha=alpha) + nll(t, y) - nll(t, y)


def without_padding(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    kept = y != -100
    return textbook(s[kept], t[kept], y[kept], temperature=temperature, alpha=alpha)


def written_out(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    soft_part = alpha * temperature * (softmax(s / temperature) - softmax(t / temperature))
    return (soft_part + (1 - alpha) * (softmax(s) - np.eye(s.shape[1])[y])) / len(s)


def ends_of_alpha(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    if alpha == 0:
        return nll(s, y)
    if alpha == 1:
        return soft(s, t, temperature)
    return textbook(s, t, y, temperature=temperature, alpha=alpha)


def shortcut_at_one(s: Any, t: Any, temperature: Any) -> Any:
    return kl(softmax(t), softmax(s)) if temperature == 1 else soft(s, t, temperature)


def in_place_on_a_copy(s: Any, t: Any, temperature: Any) -> Any:
    s, t = s.copy(), t.copy()
    s /= temperature
    t /= temperature
    return temperature**2 * kl(softmax(t), softmax(s))


def rows_one_by_one(s: Any, t: Any, temperature: Any) -> Any:
    return np.mean([soft(a[np.newaxis], b[np.newaxis], temperature) for a, b in zip(s, t)])  # noqa: B905 - the same rows


_draws = np.random.default_rng(0)

NEAR_MISSES: dict[str, Loss] = {
    "SOFT_ONLY": with_hard(lambda s, y, tau: -np.log(softmax(s))[np.arange(len(y)), y].mean()),
    "ALPHA_ON_HARD": with_weights(lambda a, b, alpha: (beta := 1 - alpha) * b + (1 - beta) * a),
    "FREE_WEIGHTS": with_weights(lambda a, b, alpha: b + alpha * (a - b)),
    "CROSS_ENTROPY_NOT_KL": with_soft(entropy_left_out),
    "ROW_SUM": with_soft(lambda s, t, tau: soft(s, t, tau) * len(s) / s.shape[0]),
    "CONSTANT_FACTOR": with_weights(lambda a, b, alpha: 2 * (0.5 * alpha * a) + (1 - alpha) * b),
    "CONSTANT_OFFSET": with_soft(offset_taken_back),
    "LABEL_SMOOTHING": with_hard(lambda s, y, tau: nll(s, y) - 0.0 * log_softmax(s).mean()),
    "LOG_BASE_2": with_hard(
        lambda s, y, tau: -np.log(2) * np.log2(softmax(s))[np.arange(len(y)), y].mean()
    ),
    "EPSILON": with_soft(
        lambda s, t, tau: tau**2 * kl(np.clip(softmax(t / tau), 0, 1), softmax(s / tau))
    ),
    "KL_REVERSED": with_soft(
        lambda s, t, tau: (
            -(tau**2)
            * (softmax(t / tau) * (log_softmax(s / tau) - log_softmax(t / tau))).sum(1).mean()
        )
    ),
    "OTHER_LOSS": with_soft(generalised),
    "CLASS_MEAN": with_soft(
        lambda s, t, tau: (
            tau**2
            * s.shape[1]
            * np.mean(softmax(t / tau) * (log_softmax(t / tau) - log_softmax(s / tau)))
        )
    ),
    "ROW_MEAN_TWICE": with_soft(rows_one_by_one),
    "T_SQUARED_MISSING": with_soft(lambda s, t, tau: tau * (tau * soft(s, t, tau)) / tau**2),
    "T_SQUARED_TWICE": with_soft(lambda s, t, tau: tau**4 * soft(s, t, tau) / tau**4),
    "T_SQUARED_INVERTED": with_soft(
        lambda s, t, tau: kl(softmax(t / tau), softmax(s / tau)) / (1 / tau) ** 2
    ),
    "T_POWER": with_soft(lambda s, t, tau: tau**3 * soft(s, t, tau) / tau**3),
    "TEMPERATURE_IGNORED": with_soft(lambda s, t, tau: soft(s, t, np.exp(np.log(tau)))),
    "TEMPERATURE_FIXED": with_soft(lambda s, t, tau: soft(s, t, max(tau, 0.01))),
    "TEMPERATURE_MULTIPLIED": with_soft(
        lambda s, t, tau: tau**2 * kl(softmax(t * (1 / tau)), softmax(s * (1 / tau)))
    ),
    "STUDENT_NOT_SOFTENED": with_soft(lambda s, t, tau: soft(log_softmax(s), t, tau)),
    "TEACHER_NOT_SOFTENED": with_soft(lambda s, t, tau: soft(s, np.log(softmax(t)), tau)),
    "HARD_AT_TEMPERATURE": with_hard(lambda s, y, tau: nll(s / tau * tau, y)),
    "ALPHA_DISCONTINUOUS": ends_of_alpha,
    "SPECIAL_BRANCH": with_soft(shortcut_at_one),
    "TEMPERATURE_AFTER_LOG": with_soft(normalised_again),
    "NEGATIVE_WEIGHT": with_weights(lambda a, b, alpha: -(-alpha * a - (1 - alpha) * b)),
    "LABELS_ON_TEACHER": by_way_of_the_teacher,
    "ROLES_SWAPPED": teacher_on_labels_taken_back,
    "TEACHER_IGNORED": with_soft(lambda s, t, tau: soft(s, t - t[:, :1], tau)),
    "GRADIENT_MISMATCH": textbook,
    "PADDING_COUNTED": without_padding,
    "NOT_THE_REFERENCE": with_weights(lambda a, b, alpha: alpha * b + (1 - alpha) * a),
    "SOFTMAX_NOT_LOG": with_soft(explicit_normaliser),
    "NO_SOFTMAX": with_soft(explicit_normaliser),
    "DOUBLE_SOFTMAX_HARD": with_hard(lambda s, y, tau: nll(log_softmax(s), y)),
    "DOUBLE_SOFTMAX_SOFT": with_soft(lambda s, t, tau: soft(log_softmax(s), log_softmax(t), tau)),
    "SOFTMAX_WRONG_AXIS": with_soft(
        lambda s, t, tau: tau**2 * kl(softmax(t.T / tau, axis=0).T, softmax(s.T / tau, axis=0).T)
    ),
    "NOT_FINITE": with_soft(lambda s, t, tau: soft(s, np.where(np.isfinite(t), t, -np.inf), tau)),
    "INPUT_MUTATED": with_soft(in_place_on_a_copy),
    "ROW_COUPLING": with_soft(lambda s, t, tau: soft(s - s.mean(), t - t.mean(), tau)),
    "UNSTABLE": with_soft(explicit_normaliser),
    "IMPRECISE": with_weights(lambda a, b, alpha: np.float32(alpha * a + (1 - alpha) * b)),
    "NONDETERMINISTIC": with_soft(lambda s, t, tau: soft(s, t, tau) + 0.0 * _draws.normal()),
}
"""By code; the teacher's gradient needs a framework, and its near miss is among the tests of those."""

GIVEN: dict[str, dict[str, Any]] = {
    "GRADIENT_MISMATCH": {"gradient": written_out},
    "PADDING_COUNTED": {"ignore_index": -100},
    "NOT_THE_REFERENCE": {
        "against": distillation_convention(soft_weight="1 - alpha", hard_weight="alpha")
    },
}
"""What a diagnosis must be given besides for the code to be possible."""
