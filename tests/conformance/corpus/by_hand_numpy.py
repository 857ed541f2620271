"""Losses written by hand in the style of public NumPy code, with the codes that a diagnosis should report.

None as the codes means: outside what is known, to be called unknown.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Loss = Callable[..., Any]
CASES: dict[str, tuple[Loss, frozenset[str] | None]] = {}


def case(*codes: str, outside: bool = False) -> Callable[[Loss], Loss]:
    def enter(loss: Loss) -> Loss:
        CASES[loss.__name__] = (loss, None if outside else frozenset(codes))
        return loss

    return enter


def softmax(x: Any, axis: int = -1) -> Any:
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(x: Any) -> Any:
    x = x - x.max(axis=1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def nll(x: Any, y: Any) -> Any:
    return -log_softmax(x)[np.arange(len(y)), y].mean()


@case("AGREES")
def textbook(
    student_logits: Any, teacher_logits: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    T = temperature
    p, q = softmax(teacher_logits / T), softmax(student_logits / T)
    kl = np.sum(p * (np.log(p) - np.log(q)), axis=1).mean()
    ce = -np.log(softmax(student_logits)[np.arange(len(labels)), labels]).mean()
    return alpha * T * T * kl + (1 - alpha) * ce


@case("CLASS_MEAN", "ALPHA_ON_HARD")
def course_mean(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, lq = softmax(t / temperature), log_softmax(s / temperature)
    return alpha * nll(s, y) + (1 - alpha) * temperature**2 * np.mean(p * (np.log(p) - lq))


@case("T_SQUARED_MISSING", "CROSS_ENTROPY_NOT_KL", "EPSILON")
def blog_cross_entropy(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    soft_t, soft_s = softmax(t / temperature), softmax(s / temperature)
    soft = -np.mean(np.sum(soft_t * np.log(soft_s + 1e-8), axis=1))
    onehot = np.eye(s.shape[1])[y]
    hard = -np.mean(np.sum(onehot * np.log(softmax(s) + 1e-8), axis=1))
    return alpha * soft + (1 - alpha) * hard


@case("HARD_AT_TEMPERATURE", "T_SQUARED_MISSING", "EPSILON")
def course_hard_at_temperature(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    q, p = softmax(s / temperature), softmax(t / temperature)
    hard = -np.log(q[np.arange(len(y)), y] + 1e-12).mean()
    soft = (p * np.log((p + 1e-12) / (q + 1e-12))).sum(axis=1).mean()
    return (1 - alpha) * hard + alpha * soft


@case("SOFTMAX_NOT_LOG", "FREE_WEIGHTS")
def no_log(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, q = softmax(t / temperature), softmax(s / temperature)
    return nll(s, y) + alpha * temperature**2 * (p * (np.log(p) - q)).sum(1).mean()


@case("SOFT_ONLY", "KL_REVERSED", "T_SQUARED_MISSING")
def reverse_only(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    lq, lp = log_softmax(s / temperature), log_softmax(t / temperature)
    return (np.exp(lq) * (lq - lp)).sum(-1).mean()


@case("TEMPERATURE_FIXED", "FREE_WEIGHTS")
def hard_coded_four(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    T = 4.0
    p, q = softmax(t / T), softmax(s / T)
    return 0.1 * nll(s, y) + 0.9 * T * T * (p * np.log(p / q)).sum(1).mean()


@case("TEACHER_NOT_SOFTENED", "T_SQUARED_MISSING")
def cached_probabilities(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, lq = softmax(t), log_softmax(s / temperature)
    return alpha * (p * (np.log(p) - lq)).sum(1).mean() + (1 - alpha) * nll(s, y)


@case("STUDENT_NOT_SOFTENED", "CROSS_ENTROPY_NOT_KL", "ALPHA_ON_HARD")
def student_forgot(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p = softmax(t / temperature)
    return (1 - alpha) * temperature**2 * -(p * log_softmax(s)).sum(1).mean() + alpha * nll(s, y)


@case("T_SQUARED_INVERTED")
def divided(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, lq = softmax(t / temperature), log_softmax(s / temperature)
    kl = (p * (np.log(p) - lq)).sum(1).mean()
    return alpha * kl / temperature**2 + (1 - alpha) * nll(s, y)


@case("T_SQUARED_TWICE", "CLASS_MEAN")
def fourth_power(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, lq = softmax(t / temperature), log_softmax(s / temperature)
    kl = (p * (np.log(p) - lq)).mean() * temperature**2
    return alpha * kl * temperature**2 + (1 - alpha) * nll(s, y)


@case("T_POWER")
def single_power(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, lq = softmax(t / temperature), log_softmax(s / temperature)
    return alpha * temperature * (p * (np.log(p) - lq)).sum(1).mean() + (1 - alpha) * nll(s, y)


@case("TEMPERATURE_MULTIPLIED")
def multiplied(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, lq = softmax(t * temperature), log_softmax(s * temperature)
    return alpha * temperature**2 * (p * (np.log(p) - lq)).sum(1).mean() + (1 - alpha) * nll(s, y)


@case("ROLES_SWAPPED")
def other_order(teacher_out: Any, student_out: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, lq = softmax(teacher_out / temperature), log_softmax(student_out / temperature)
    return alpha * temperature**2 * (p * (np.log(p) - lq)).sum(1).mean() + (1 - alpha) * nll(
        student_out, y
    )


@case("NO_SOFTMAX", "CROSS_ENTROPY_NOT_KL")
def raw_targets(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    soft = -(t * log_softmax(s / temperature)).sum(axis=1).mean()
    return alpha * soft + (1 - alpha) * nll(s, y)


@case("DOUBLE_SOFTMAX_HARD", "T_SQUARED_MISSING")
def softmax_then_cross_entropy(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, lq = softmax(t / temperature), log_softmax(s / temperature)
    return alpha * (p * (np.log(p) - lq)).sum(1).mean() + (1 - alpha) * nll(softmax(s), y)


@case("DOUBLE_SOFTMAX_SOFT")
def keras_model_with_softmax(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, lq = softmax(softmax(t) / temperature), log_softmax(softmax(s) / temperature)
    return alpha * temperature**2 * (p * (np.log(p) - lq)).sum(1).mean() + (1 - alpha) * nll(s, y)


@case("SOFTMAX_WRONG_AXIS")
def axis_zero(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, q = softmax(t / temperature, axis=0), softmax(s / temperature, axis=0)
    return alpha * temperature**2 * (p * np.log(p / q)).sum(1).mean() + (1 - alpha) * nll(s, y)


@case("TEACHER_IGNORED")
def same_tensor_twice(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, q = softmax(s / temperature), softmax(s / temperature)
    return alpha * temperature**2 * (p * np.log(p / q)).sum(1).mean() + (1 - alpha) * nll(s, y)


@case("OTHER_LOSS", "FREE_WEIGHTS")
def mimic_logits(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    return nll(s, y) + alpha * np.mean((s - t) ** 2)


@case("OTHER_LOSS", "ALPHA_ON_HARD")
def mse_of_probabilities(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    d = softmax(s / temperature) - softmax(t / temperature)
    return alpha * nll(s, y) + (1 - alpha) * np.mean(d**2)


@case("OTHER_LOSS", "SOFT_ONLY")
def jensen_shannon(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, q = softmax(t / temperature), softmax(s / temperature)
    m = 0.5 * (p + q)
    js = 0.5 * (p * np.log(p / m)).sum(1) + 0.5 * (q * np.log(q / m)).sum(1)
    return temperature**2 * js.mean()


@case("LABEL_SMOOTHING")
def smoothed_labels(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    lp = log_softmax(s)
    hard = -(0.9 * lp[np.arange(len(y)), y] + 0.1 * lp.mean(axis=1)).mean()
    p, lq = softmax(t / temperature), log_softmax(s / temperature)
    return alpha * temperature**2 * (p * (np.log(p) - lq)).sum(1).mean() + (1 - alpha) * hard


@case("LOG_BASE_2")
def in_bits(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, q = softmax(t / temperature), softmax(s / temperature)
    soft = (p * np.log2(p / q)).sum(1).mean()
    return (
        alpha * temperature**2 * soft
        - (1 - alpha) * np.log2(softmax(s)[np.arange(len(y)), y]).mean()
    )


@case("ROW_SUM", "CROSS_ENTROPY_NOT_KL", "SOFT_ONLY")
def batch_sum(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    return -np.sum(softmax(t / temperature) * log_softmax(s / temperature)) * temperature**2


@case("ROW_MEAN_TWICE")
def divided_by_n_twice(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, lq = softmax(t / temperature), log_softmax(s / temperature)
    kl = (p * (np.log(p) - lq)).sum(1).mean() / len(y)
    return alpha * temperature**2 * kl + (1 - alpha) * nll(s, y)


@case("CONSTANT_FACTOR", "T_SQUARED_MISSING", "CLASS_MEAN")
def times_hundred(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, lq = softmax(t / temperature), log_softmax(s / temperature)
    return alpha * 100.0 * (p * (np.log(p) - lq)).mean() + (1 - alpha) * nll(s, y)


@case("ALPHA_DISCONTINUOUS")
def shortcut(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, lq = softmax(t / temperature), log_softmax(s / temperature)
    kl = (p * (np.log(p) - lq)).sum(1).mean()
    if alpha == 1:
        return kl
    return alpha * temperature**2 * kl + (1 - alpha) * nll(s, y)


@case("SPECIAL_BRANCH")
def plain_at_one(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    if temperature == 1:
        return nll(s, y)
    p, lq = softmax(t / temperature), log_softmax(s / temperature)
    return alpha * temperature**2 * (p * (np.log(p) - lq)).sum(1).mean() + (1 - alpha) * nll(s, y)


@case("CONSTANT_OFFSET")
def factor_in_the_target(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    target = temperature**2 * softmax(t / temperature)
    soft = (target * (np.log(target) - log_softmax(s / temperature))).sum(1).mean()
    return alpha * soft + (1 - alpha) * nll(s, y)


@case("UNSTABLE")
def unshifted(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    def naive(z: Any) -> Any:
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)

    p, q = naive(t / temperature), naive(s / temperature)
    kl = (p * np.log(p / q)).sum(1).mean()
    return alpha * temperature**2 * kl - (1 - alpha) * np.log(naive(s)[np.arange(len(y)), y]).mean()


@case("EPSILON", "T_SQUARED_MISSING")
def keras_clip(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p = np.clip(softmax(t / temperature), 1e-7, 1.0)
    q = np.clip(softmax(s / temperature), 1e-7, 1.0)
    return alpha * (p * np.log(p / q)).sum(-1).mean() + (1 - alpha) * nll(s, y)


@case("OTHER_LOSS", "SOFT_ONLY")
def symmetric(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, q = softmax(t / temperature), softmax(s / temperature)
    return temperature**2 * ((p - q) * (np.log(p) - np.log(q))).sum(1).mean()


@case("OTHER_LOSS", "FREE_WEIGHTS")
def decoupled(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    rows, T = np.arange(len(y)), temperature
    p, q = softmax(t / T), softmax(s / T)
    py, qy = p[rows, y], q[rows, y]
    tckd = py * np.log(py / qy) + (1 - py) * np.log((1 - py) / (1 - qy))
    gone = -1000.0 * np.eye(s.shape[1])[y]
    p2, q2 = softmax(t / T + gone), softmax(s / T + gone)
    nckd = np.where(p2 > 0, p2 * np.log(np.where(p2 > 0, p2, 1) / np.where(q2 > 0, q2, 1)), 0).sum(
        1
    )
    return nll(s, y) + alpha * T * T * (tckd + 8.0 * nckd).mean()


# Outside -----------------------------------------------------------------------------------------------------


@case(outside=True)
def confidence_weighted(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, lq = softmax(t / temperature), log_softmax(s / temperature)
    w = p.max(axis=1) ** 1.5
    return alpha * temperature**2 * ((p * (np.log(p) - lq)).sum(1) * w).mean() + (1 - alpha) * nll(
        s, y
    )


@case(outside=True)
def top_two(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    k = np.argsort(-t, axis=1)[:, :2]
    a, b = np.take_along_axis(t, k, 1) / temperature, np.take_along_axis(s, k, 1) / temperature
    p, lq = softmax(a), log_softmax(b)
    return alpha * temperature**2 * (p * (np.log(p) - lq)).sum(1).mean() + (1 - alpha) * nll(s, y)


@case(outside=True)
def contrastive(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    a = s / np.linalg.norm(s, axis=1, keepdims=True)
    b = t / np.linalg.norm(t, axis=1, keepdims=True)
    return nll(a @ b.T / temperature, np.arange(len(y))) * alpha + (1 - alpha) * nll(s, y)


@case(outside=True)
def relational(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    def gram(z: Any) -> Any:
        z = z / np.linalg.norm(z, axis=1, keepdims=True)
        return z @ z.T

    return alpha * ((gram(s) - gram(t)) ** 2).mean() + (1 - alpha) * nll(s, y)


@case(outside=True)
def margin_ranking(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    order = np.argsort(-t, axis=1)
    z = np.take_along_axis(s, order, 1)
    return alpha * np.maximum(0.0, 0.5 - z[:, :-1] + z[:, 1:]).mean() + (1 - alpha) * nll(s, y)


@case(outside=True)
def entropy_gated(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p = softmax(t / temperature)
    h = -(p * np.log(p)).sum(1)
    kl = (p * (np.log(p) - log_softmax(s / temperature))).sum(1)
    return ((h < 1.0) * kl).mean() * alpha * temperature**2 + (1 - alpha) * nll(s, y)


@case(outside=True)
def list_net_permutation(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    order = np.argsort(-t, axis=1)
    z = np.take_along_axis(s / temperature, order, 1)
    tail = np.log(np.cumsum(np.exp(z[:, ::-1]), axis=1)[:, ::-1])
    return alpha * (tail - z).sum(1).mean() + (1 - alpha) * nll(s, y)


@case(outside=True)
def wasserstein_ordered(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    d = np.cumsum(softmax(t / temperature) - softmax(s / temperature), axis=1)
    return alpha * np.abs(d).sum(1).mean() + (1 - alpha) * nll(s, y)


@case(outside=True)
def correct_teacher_only(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    right = t.argmax(1) == y
    p = softmax(t / temperature)
    kl = (p * (np.log(p) - log_softmax(s / temperature))).sum(1)
    return alpha * temperature**2 * (right * kl).mean() + (1 - alpha) * nll(s, y)


@case(outside=True)
def random_power_divergence(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, q = softmax(t / temperature), softmax(s / temperature)
    return alpha * ((p**1.7 * q**-0.7).sum(1).mean() - 1) / 1.19 + (1 - alpha) * nll(s, y)


@case(outside=True)
def attention_map(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    a = (s**2) / np.sqrt(((s**2) ** 2).sum(1, keepdims=True))
    b = (t**2) / np.sqrt(((t**2) ** 2).sum(1, keepdims=True))
    return alpha * ((a - b) ** 2).mean() + (1 - alpha) * nll(s, y)
