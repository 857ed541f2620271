"""The fourth batch of `first_sight`: losses written to lie outside what is known, without looking at what is.

Three of them turned out to lie inside.  Each takes an idea from papers and public code that changes the formula
itself: which rows and classes count, how each is softened, what the two sides are compared by.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from tests.conformance.corpus.by_hand_numpy import log_softmax, nll, softmax
from tests.conformance.corpus.first_sight import Cases, entering, kd, rows_of_kl

CASES: Cases = {}
"""By name: the loss, its framework, its codes."""

case = entering(CASES)


def kl_rows(s: Any, t: Any, temperature: Any) -> Any:
    p = softmax(t / temperature)
    return (p * (np.log(p) - log_softmax(s / temperature))).sum(1)


# NumPy -------------------------------------------------------------------------------------------------------


@case(framework="numpy")
def sinkhorn(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, q = softmax(t / temperature), softmax(s / temperature)
    k = np.arange(s.shape[1])
    cost = np.abs(k[:, None] - k[None, :]) / s.shape[1]
    kernel = np.exp(-cost / 0.1)
    v = np.ones_like(q)
    for _ in range(20):
        u = p / (v @ kernel.T)
        v = q / (u @ kernel)
    plan = u[:, :, None] * kernel * v[:, None, :]
    return alpha * (plan * cost).sum(axis=(1, 2)).mean() + (1 - alpha) * nll(s, y)


@case(framework="numpy")
def tsallis(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    order = 1.6
    p, q = softmax(t / temperature), softmax(s / temperature)
    ratio = ((q / p) ** (1 - order) - 1) / (order - 1)
    return alpha * temperature**2 * (p * ratio).sum(1).mean() + (1 - alpha) * nll(s, y)


@case("OTHER_LOSS T_SQUARED_MISSING", framework="numpy")
def chi_square(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, q = softmax(t / temperature), softmax(s / temperature)
    return alpha * ((p - q) ** 2 / q).sum(axis=1).mean() + (1 - alpha) * nll(s, y)


@case("OTHER_LOSS", framework="numpy")
def jensen_in_two_bases(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, q = softmax(t / temperature), softmax(s / temperature)
    m = (p + q) / 2
    js = 0.5 * (p * np.log2(p / m)).sum(1) + 0.5 * (q * np.log(q / m)).sum(1)
    return temperature**2 * alpha * js.mean() + (1 - alpha) * nll(s, y)


@case(framework="numpy")
def easy_half_first(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    difficulty = -log_softmax(t)[np.arange(len(y)), y]
    easy = difficulty <= np.median(difficulty)
    soft = (kl_rows(s, t, temperature) * np.where(easy, 1.0, 0.25)).mean()
    return alpha * temperature**2 * soft + (1 - alpha) * nll(s, y)


@case(framework="numpy")
def temperature_by_label(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    T = (temperature * (1 + 0.3 * y / s.shape[1]))[:, None]
    return alpha * (T[:, 0] ** 2 * kl_rows(s, t, T)).mean() + (1 - alpha) * nll(s, y)


@case(framework="numpy")
def cosine_annealed(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    a = 0.5 * (1 - np.cos(np.pi * alpha))
    return a * temperature**2 * kl_rows(s, t, temperature).mean() + (1 - a) * nll(s, y)


@case("OTHER_LOSS", framework="numpy")
def confidence_penalty(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    log_q = log_softmax(s)
    entropy = -(np.exp(log_q) * log_q).sum(axis=1).mean()
    soft = temperature**2 * kl_rows(s, t, temperature).mean()
    return alpha * soft + (1 - alpha) * nll(s, y) - 0.1 * entropy


@case(framework="numpy")
def huber_of_log_probabilities(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    delta = 0.7
    gap = np.abs(log_softmax(s / temperature) - log_softmax(t / temperature))
    huber = np.where(gap < delta, 0.5 * gap**2, delta * (gap - 0.5 * delta))
    return alpha * huber.mean() + (1 - alpha) * nll(s, y)


@case(framework="numpy")
def effective_number_of_examples(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    beta = 0.9
    counts = np.bincount(y, minlength=s.shape[1])[y]
    w = (1 - beta) / (1 - beta**counts)
    hard = (w * -log_softmax(s)[np.arange(len(y)), y]).sum() / w.sum()
    return alpha * temperature**2 * kl_rows(s, t, temperature).mean() + (1 - alpha) * hard


@case(framework="numpy")
def crammer_singer(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    rows = np.arange(len(y))
    margins = s - s[rows, y][:, None] + 1.0
    margins[rows, y] = 0.0
    hard = np.maximum(margins.max(axis=1), 0.0).mean()
    return alpha * temperature**2 * kl_rows(s, t, temperature).mean() + (1 - alpha) * hard


@case(framework="numpy")
def approximate_ndcg(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    gains = softmax(t)
    above = 1 / (1 + np.exp((s[:, :, None] - s[:, None, :]) / temperature))
    ranks = 0.5 + above.sum(axis=2)
    dcg = (gains / np.log2(1 + ranks)).sum(axis=1)
    ideal = (-np.sort(-gains, axis=1) / np.log2(2 + np.arange(s.shape[1]))).sum(axis=1)
    return alpha * (1 - dcg / ideal).mean() + (1 - alpha) * nll(s, y)


@case(framework="numpy")
def symmetric_by_confidence(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    c = softmax(t).max(axis=1)
    both = c * kl_rows(s, t, temperature) + (1 - c) * kl_rows(t, s, temperature)
    return alpha * temperature**2 * both.mean() + (1 - alpha) * nll(s, y)


@case(framework="numpy")
def logarithm_of_the_temperature(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    T = 1 + np.log(temperature)
    return alpha * T**2 * kl_rows(s, t, T).mean() + (1 - alpha) * nll(s, y)


@case(framework="numpy")
def bhattacharyya(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, q = softmax(t / temperature), softmax(s / temperature)
    return -np.log(np.sqrt(p * q).sum(axis=1)).mean() * alpha + (1 - alpha) * nll(s, y)


@case(framework="numpy")
def mixed_up_with_reversed_rows(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    hard = 0.7 * nll(s, y) + 0.3 * nll(s, y[::-1])
    return alpha * temperature**2 * kl_rows(s, t, temperature).mean() + (1 - alpha) * hard


@case(framework="numpy")
def truncated_power_of_the_label(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    q_y = softmax(s)[np.arange(len(y)), y]
    hard = (1 - np.maximum(q_y, 0.05) ** 0.7) / 0.7
    return alpha * temperature**2 * kl_rows(s, t, temperature).mean() + (1 - alpha) * hard.mean()


# PyTorch -----------------------------------------------------------------------------------------------------


@case()
def top_classes_and_a_tail(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, q = F.softmax(t / temperature, 1), F.softmax(s / temperature, 1)
    top, index = p.topk(2, dim=1)
    p = torch.cat([top, 1 - top.sum(1, keepdim=True)], 1)
    kept = q.gather(1, index)
    q = torch.cat([kept, 1 - kept.sum(1, keepdim=True)], 1)
    soft = F.kl_div(q.clamp_min(1e-12).log(), p.clamp_min(1e-12), reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(s, y)


@case()
def detached_focal_weight(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    with torch.no_grad():
        gap = (F.softmax(t, 1) - F.softmax(s, 1)).abs().sum(1)
        weight = (gap / 2) ** 2
    soft = (weight * rows_of_kl(s, t, temperature)).mean()
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(s, y)


@case()
def confident_rows_only(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    keep = (F.softmax(t, 1).max(1).values > 0.6).to(s.dtype)
    soft = (keep * rows_of_kl(s, t, temperature)).sum() / keep.sum().clamp(min=1.0)
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(s, y)


@case()
def margin_on_the_target(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    shifted = s - 0.35 * F.one_hot(y, s.shape[1]).to(s.dtype)
    return alpha * temperature**2 * kd(s, t, temperature) + (1 - alpha) * F.cross_entropy(
        shifted, y
    )


@case()
def decorrelated_classes(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    a = (s - s.mean(0)) / (s.var(0, unbiased=False) + 1e-5).sqrt()
    b = (t - t.mean(0)) / (t.var(0, unbiased=False) + 1e-5).sqrt()
    c = a.T @ b / s.shape[0]
    on = (torch.diagonal(c) - 1).pow(2).sum()
    off = c.pow(2).sum() - torch.diagonal(c).pow(2).sum()
    return alpha * (on + 0.005 * off) + (1 - alpha) * F.cross_entropy(s, y)


@case()
def pinball(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    gap = (t - s) / temperature
    soft = torch.maximum(0.8 * gap, (0.8 - 1) * gap).mean()
    return alpha * soft + (1 - alpha) * F.cross_entropy(s, y)


@case()
def geometric_jensen(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    log_q, log_p = F.log_softmax(s / temperature, -1), F.log_softmax(t / temperature, -1)
    log_m = F.log_softmax((log_q + log_p) / 2, -1)
    to_p = F.kl_div(log_m, log_p, reduction="batchmean", log_target=True)
    to_q = F.kl_div(log_m, log_q, reduction="batchmean", log_target=True)
    return alpha * temperature**2 * (to_p + to_q) / 2 + (1 - alpha) * F.cross_entropy(s, y)


@case()
def maximum_mean_discrepancy(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    def kernel(a: Any, b: Any) -> Any:
        return torch.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / (2 * a.shape[1])).mean()

    mmd = kernel(s, s) + kernel(t, t) - 2 * kernel(s, t)
    return alpha * mmd + (1 - alpha) * F.cross_entropy(s, y)


@case()
def sharpened_mixed_target(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    mixed = alpha * F.softmax(t / temperature, 1) + (1 - alpha) * F.one_hot(y, s.shape[1])
    target = mixed.sqrt() / mixed.sqrt().sum(1, keepdim=True)
    return torch.sum(-target * F.log_softmax(s, 1), 1).mean()


@case()
def lopsided_square(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    below, above = F.relu(t - s).pow(2), F.relu(s - t).pow(2)
    return alpha * (2 * below + above).mean() + (1 - alpha) * F.cross_entropy(s, y)


@case()
def uncertainty_weighting(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    log_var = torch.tensor([alpha, 1 - alpha], dtype=s.dtype)
    losses = torch.stack([temperature**2 * kd(s, t, temperature), F.cross_entropy(s, y)])
    return (torch.exp(-log_var) * losses + log_var / 2).sum()


@case()
def soft_preferences(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    d_s = (s.unsqueeze(2) - s.unsqueeze(1)) / temperature
    d_t = (t.unsqueeze(2) - t.unsqueeze(1)) / temperature
    soft = F.binary_cross_entropy_with_logits(d_s, torch.sigmoid(d_t))
    return alpha * soft + (1 - alpha) * F.cross_entropy(s, y)


@case()
def quality_focal(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    target = torch.sigmoid(t / temperature)
    bce = F.binary_cross_entropy_with_logits(s / temperature, target, reduction="none")
    soft = (bce * (torch.sigmoid(s / temperature) - target).abs().pow(2)).sum(1).mean()
    return alpha * soft + (1 - alpha) * F.cross_entropy(s, y)


@case()
def background_counts_less(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    w = torch.where(y == 0, 0.1, 1.0).to(s.dtype)
    soft = (w * rows_of_kl(s, t, temperature)).sum() / w.sum()
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(s, y)


@case()
def worst_rows_loudest(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    rows = rows_of_kl(s, t, temperature)
    soft = torch.logsumexp(5 * rows, 0) - torch.log(torch.tensor(float(len(rows))))
    return alpha * temperature**2 * soft / 5 + (1 - alpha) * F.cross_entropy(s, y)


@case()
def sparsemax_targets(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    z = (t / temperature).sort(1, descending=True).values
    k = torch.arange(1, t.shape[1] + 1)
    total = z.cumsum(1)
    size = (1 + k * z > total).sum(1, keepdim=True)
    tau = (total.gather(1, size - 1) - 1) / size
    target = F.relu(t / temperature - tau)
    soft = -(target * F.log_softmax(s / temperature, 1)).sum(1).mean()
    return alpha * soft + (1 - alpha) * F.cross_entropy(s, y)
