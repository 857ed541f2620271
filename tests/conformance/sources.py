"""What the source of repositories does that cannot be installed, said again in NumPy.

Each function follows the file and commit that `CONVENTIONS` names, in the order of its steps and with the meaning that
PyTorch, TensorFlow or JAX give them, and shares nothing with `kdref`: probabilities are what is left of exponentials.
``tests/peers/test_primitives.py`` compares the first four with PyTorch.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Source = Callable[..., float]


def softmax(z: Array) -> Array:
    powers = np.exp(z)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def log_softmax(z: Array) -> Array:
    return np.asarray(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))


def kl_div(log_input: Array, target: Array, reduction: str = "mean") -> float:
    """``torch.nn.functional.kl_div``: the mean is one over all entries."""
    entries = target * (np.log(target) - log_input)
    rows = {"mean": entries.size, "batchmean": len(entries), "sum": 1}[reduction]
    return float(entries.sum() / rows)


def cross_entropy(s: Array, y: Array) -> float:
    """``torch.nn.functional.cross_entropy``."""
    return float(-np.mean([row[label] for row, label in zip(log_softmax(s), y, strict=True)]))


# -------------------------------------------------------------------------------------- papers


def haitongli(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    divergence = kl_div(log_softmax(s / T), softmax(t / T))
    return divergence * (alpha * T * T) + cross_entropy(s, y) * (1.0 - alpha)


def haitongli_mnist(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    divergence = kl_div(log_softmax(s / T), softmax(t / T))
    return divergence * (T * T * 2.0 * alpha) + cross_entropy(s, y) * (1.0 - alpha)


def takd(s: Array, t: Array, y: Array, T: float, lambda_: float) -> float:
    loss_kd = kl_div(log_softmax(s / T), softmax(t / T))
    return (1 - lambda_) * cross_entropy(s, y) + lambda_ * T * T * loss_kd


def tf_kd(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    d_kl = kl_div(log_softmax(s / T), softmax(t / T)) * (T * T)
    return (1.0 - alpha) * cross_entropy(s, y) + alpha * d_kl


def deit(s: Array, t: Array, y: Array, tau: float, alpha: float) -> float:
    total = kl_div(log_softmax(s / tau), np.exp(log_softmax(t / tau)), "sum")
    distillation = total * (tau * tau) / s.size
    return cross_entropy(s, y) * (1 - alpha) + distillation * alpha


def deit_hard(s: Array, t: Array, y: Array, tau: float, alpha: float) -> float:
    return cross_entropy(s, y) * (1 - alpha) + cross_entropy(s, t.argmax(axis=1)) * alpha


def attention_transfer(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    l_kl = kl_div(log_softmax(s / T), softmax(t / T), "sum") * T**2 / len(s)
    return l_kl * alpha + cross_entropy(s, y) * (1.0 - alpha)


def repdistiller(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    loss_div = kl_div(log_softmax(s / T), softmax(t / T), "sum") * T**2 / len(s)
    return 1.0 * cross_entropy(s, y) + alpha * loss_div


def mdistiller(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    p = softmax(t / T)
    rows = (p * (np.log(p) - log_softmax(s / T))).sum(axis=1)
    return 0.1 * cross_entropy(s, y) + 0.9 * float(rows.mean()) * T**2


def mdistiller_dkd(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    """The target against the rest, and the rest with the target's logit lowered by 1000."""
    target = np.eye(s.shape[1])[y]
    pairs, rests = [], []
    for z in (s, t):
        p = softmax(z / T)
        of_target = (p * target).sum(axis=1)
        pairs.append(np.stack([of_target, (p * (1 - target)).sum(axis=1)], axis=1))
        rests.append(z / T - 1000.0 * target)
    tckd = kl_div(np.log(pairs[0]), pairs[1], "sum") * T**2 / len(y)
    others = target == 0
    log_q, p = log_softmax(rests[0])[others], softmax(rests[1])[others]
    nckd = float((p * (np.log(p) - log_q)).sum()) * T**2 / len(y)
    return 1.0 * tckd + 8.0 * nckd


def logit_standardisation(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    def normalised(z: Array) -> Array:
        deviation = np.sqrt(
            ((z - z.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) / (z.shape[1] - 1)
        )
        return np.asarray((z - z.mean(axis=1, keepdims=True)) / (1e-7 + deviation[:, np.newaxis]))

    return kl_div(log_softmax(normalised(s) / T), softmax(normalised(t) / T), "batchmean") * T**2


def kd_zoo(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    return kl_div(log_softmax(s / T), softmax(t / T), "batchmean") * T * T


def intel_distiller(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    scaled = kl_div(log_softmax(s / T), softmax(t / T), "batchmean") * T**2
    return 0.5 * cross_entropy(s, y) + 0.5 * scaled


def big_vision(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    labels = softmax(t / T)
    rows = -(labels * log_softmax(s / T)).sum(axis=1)
    rows = rows + (labels * np.log(np.clip(labels, 1e-8, None))).sum(axis=1)
    return float(np.mean(T**2 * rows))


def continual_learning(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    return float((-softmax(t / T) * log_softmax(s / T)).sum(axis=1).mean())


# ---------------------------------------------------------------------------- language models


def distillm_forward_kl(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    return -_over_tokens((softmax(t) * log_softmax(s)).sum(axis=1), y)


def distillm_reverse_kl(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    products = softmax(s) * log_softmax(t) - softmax(s) * log_softmax(s)
    return -_over_tokens(products.sum(axis=1), y)


def distillm_symmetric_kl(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    forward, reverse = (f(s, t, y, T, alpha) for f in (distillm_forward_kl, distillm_reverse_kl))
    return (1 - 0.9) * forward + 0.9 * reverse


def distillm_js(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    p, q = softmax(t), softmax(s)
    log_m = np.log((1 - 0.9) * p + 0.9 * q)
    of_student = -_over_tokens((q * log_m - q * log_softmax(s)).sum(axis=1), y)
    of_teacher = -_over_tokens((p * log_m - p * log_softmax(t)).sum(axis=1), y)
    return 0.9 * of_student + (1 - 0.9) * of_teacher


def distillm_tv(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    return _over_tokens((0.5 * abs(softmax(t) - softmax(s))).sum(axis=1), y)


def distillm_skew_forward_kl(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    p, q = softmax(t), softmax(s)
    return -_over_tokens((p * np.log(0.1 * p + (1 - 0.1) * q)).sum(axis=1), y)


def distillm_skew_reverse_kl(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    p, q = softmax(t), softmax(s)
    log_m = np.log((1 - 0.1) * p + 0.1 * q)
    return -_over_tokens((q * log_m - q * log_softmax(s)).sum(axis=1), y)


def minillm_kd(s: Array, t: Array, y: Array, T: float, kd_ratio: float) -> float:
    kept = y != -100
    lm_loss = cross_entropy(s[kept], y[kept])
    distil_loss = -_over_tokens((softmax(t) * log_softmax(s)).sum(axis=1), y)
    return (1 - kd_ratio) * lm_loss + kd_ratio * distil_loss


def distilbert(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    """With ``restrict_ce_to_mask``, so that both terms see the same tokens."""
    kept = y > -1
    loss_ce = kl_div(log_softmax(s[kept] / T), softmax(t[kept] / T), "batchmean") * T**2
    return 0.5 * loss_ce + 0.5 * cross_entropy(s[kept], y[kept])


def tinybert(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    return float((-softmax(t / T) * log_softmax(s / T)).mean())


def distil_whisper(s: Array, t: Array, y: Array, T: float, kl_weight: float) -> float:
    kept = y >= 0
    p = softmax(t / T)
    entries = p * (np.log(p) - log_softmax(s / T)) * kept[:, np.newaxis]
    kl_loss = float(entries.sum() / kept.sum()) * T**2
    return 0.8 * cross_entropy(s[kept], y[kept]) + kl_weight * kl_loss


def distillkit(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    log_p, kept = log_softmax(t / T), y >= 0
    per_token = (np.exp(log_p) * (log_p - log_softmax(s / T))).sum(axis=1) * kept
    return float(per_token.sum()) * T**2 / float(kept.sum())


def minimind(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    kept = y != -100
    distill = T**2 * kl_div(log_softmax(s[kept] / T), softmax(t[kept] / T), "batchmean")
    return alpha * cross_entropy(s[kept], y[kept]) + (1 - alpha) * distill


def _over_tokens(rows: Array, y: Array) -> float:
    mask = y != -100
    return float((rows * mask).sum() / mask.sum())


# ------------------------------------------------------------------------ tutorials and wheels


def pytorch_tutorial(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    soft_targets, log_q = softmax(t / T), log_softmax(s / T)
    soft = np.sum(soft_targets * (np.log(soft_targets) - log_q)) / len(log_q) * T**2
    return float(0.25 * soft + 0.75 * cross_entropy(s, y))


def pytorch_tutorial_first(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    soft = -np.sum(softmax(t / T) * log_softmax(s / T)) / len(s) * T**2
    return float(0.25 * soft + 0.75 * cross_entropy(s, y))


def keras_tutorial(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    distillation = keras_kl_divergence(softmax(t / T), softmax(s / T)) * T**2
    return alpha * cross_entropy(s, y) + (1 - alpha) * distillation


def keras_tutorial_first(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    distillation = keras_kl_divergence(softmax(t / T), softmax(s / T))
    return alpha * cross_entropy(s, y) + (1 - alpha) * distillation


def keras_kl_divergence(y_true: Array, y_pred: Array) -> float:
    y_true, y_pred = np.clip(y_true, 1e-7, 1), np.clip(y_pred, 1e-7, 1)
    return float((y_true * np.log(y_true / y_pred)).sum(axis=1).mean())


def philschmid(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    loss_logits = kl_div(log_softmax(s / T), softmax(t / T), "batchmean") * T**2
    return alpha * cross_entropy(s, y) + (1.0 - alpha) * loss_logits


def labml(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    soft = kl_div(log_softmax(s / T), np.exp(log_softmax(t / T)))
    return 100.0 * soft + 0.5 * cross_entropy(s, y)


def kd_keras(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    temperature, lambda_const = 5.0, 0.07
    rows = -(softmax(t / temperature) * np.log(softmax(s / temperature))).sum(axis=1)
    return lambda_const * cross_entropy(s, y) + float(rows.mean())


def super_gradients(s: Array, t: Array, y: Array, T: float, coefficient: float) -> float:
    distillation = kl_div(log_softmax(s), softmax(t), "batchmean")
    return cross_entropy(s, y) * (1 - coefficient) + distillation * coefficient


def easydel(s: Array, t: Array, y: Array, T: float, alpha: float) -> float:
    """A cross entropy less the teacher's entropy, each a mean over tokens times T^2."""
    kept = y != -100
    p = softmax(t / T)
    cross = -_over_tokens((p * log_softmax(s / T)).sum(axis=1), y) * T * T
    own = -_over_tokens((p * log_softmax(t / T)).sum(axis=1), y) * T * T
    return alpha * (cross - own) + (1.0 - alpha) * cross_entropy(s[kept], y[kept])


SOURCES: dict[str, Source] = {
    function.__name__.replace("_", "-"): function
    for function in (
        haitongli,
        haitongli_mnist,
        takd,
        tf_kd,
        deit,
        deit_hard,
        attention_transfer,
        repdistiller,
        mdistiller,
        mdistiller_dkd,
        logit_standardisation,
        kd_zoo,
        intel_distiller,
        big_vision,
        continual_learning,
        distillm_forward_kl,
        distillm_symmetric_kl,
        distillm_js,
        distillm_tv,
        distillm_skew_forward_kl,
        distillm_skew_reverse_kl,
        minillm_kd,
        distilbert,
        tinybert,
        distil_whisper,
        distillkit,
        minimind,
        pytorch_tutorial,
        pytorch_tutorial_first,
        keras_tutorial,
        keras_tutorial_first,
        philschmid,
        labml,
        kd_keras,
        super_gradients,
        easydel,
    )
}
"""Every loss that is proven by its source, by its name in `CONVENTIONS`."""
