"""Losses written by hand in the style of public PyTorch code, with the codes that a diagnosis should report.

None as the codes means: outside what is known, to be called unknown.  Whether the teacher receives a gradient is
judged by its own tests, not here.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from tests.conformance.corpus.by_hand_numpy import Loss

CASES: dict[str, tuple[Loss, frozenset[str] | None]] = {}


def case(*codes: str, outside: bool = False) -> Callable[[Loss], Loss]:
    def enter(loss: Loss) -> Loss:
        CASES[loss.__name__] = (loss, None if outside else frozenset(codes))
        return loss

    return enter


@case("AGREES")
def loss_fn_kd(
    outputs: Any, teacher_outputs: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    T = temperature
    kd = nn.KLDivLoss(reduction="batchmean")(
        F.log_softmax(outputs / T, dim=1), F.softmax(teacher_outputs / T, dim=1)
    )
    return kd * (alpha * T * T) + F.cross_entropy(outputs, labels) * (1.0 - alpha)


@case("CLASS_MEAN")
def old_default_reduction(
    outputs: Any, teacher_outputs: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    T = temperature
    kl = (
        F.softmax(teacher_outputs / T, 1)
        * (F.log_softmax(teacher_outputs / T, 1) - F.log_softmax(outputs / T, 1))
    ).mean()
    return kl * (alpha * T * T) + F.cross_entropy(outputs, labels) * (1.0 - alpha)


@case("CLASS_MEAN", "CONSTANT_FACTOR")
def mnist_script(outputs: Any, teacher_scores: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    T = temperature
    kl = F.kl_div(
        F.log_softmax(outputs / T, 1), F.softmax(teacher_scores / T, 1), reduction="none"
    ).mean()
    return kl * (T * T * 2.0 * alpha) + F.cross_entropy(outputs, y) * (1.0 - alpha)


@case("FREE_WEIGHTS", "TEMPERATURE_FIXED")
def tutorial(
    student_logits: Any, teacher_logits: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    T = 2
    soft_targets = nn.functional.softmax(teacher_logits / T, dim=-1)
    soft_prob = nn.functional.log_softmax(student_logits / T, dim=-1)
    loss = torch.sum(soft_targets * (soft_targets.log() - soft_prob)) / soft_prob.size()[0] * (T**2)
    return 0.25 * loss + 0.75 * nn.CrossEntropyLoss()(student_logits, labels)


@case("FREE_WEIGHTS")
def sum_over_rows_divided(y_s: Any, y_t: Any, target: Any, *, temperature: Any, alpha: Any) -> Any:
    p_s, p_t = F.log_softmax(y_s / temperature, dim=1), F.softmax(y_t / temperature, dim=1)
    loss = F.kl_div(p_s, p_t, reduction="sum") * (temperature**2) / y_s.shape[0]
    return F.cross_entropy(y_s, target) + alpha * loss


@case("ALPHA_ON_HARD")
def trainer(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    soft = nn.KLDivLoss(reduction="batchmean")(
        F.log_softmax(s / temperature, dim=-1), F.softmax(t / temperature, dim=-1)
    ) * (temperature**2)
    return alpha * F.cross_entropy(s, y) + (1.0 - alpha) * soft


@case("CLASS_MEAN")
def vision_transformer(
    outputs: Any, teacher_outputs: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    T = temperature
    soft = (
        F.kl_div(
            F.log_softmax(outputs / T, dim=1),
            F.log_softmax(teacher_outputs / T, dim=1),
            reduction="sum",
            log_target=True,
        )
        * (T * T)
        / outputs.numel()
    )
    return F.cross_entropy(outputs, labels) * (1 - alpha) + soft * alpha


@case("CROSS_ENTROPY_NOT_KL", "SOFT_ONLY", "TEMPERATURE_IGNORED")
def llm_forward_kl(
    student_logits: Any, teacher_logits: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    teacher_prob = F.softmax(teacher_logits, dim=-1, dtype=torch.float32)
    student_logprob = F.log_softmax(student_logits, dim=-1, dtype=torch.float32)
    x = torch.sum(teacher_prob * student_logprob, dim=-1).view(-1)
    return -torch.sum(x, dim=0) / labels.numel()


@case("KL_REVERSED", "SOFT_ONLY", "TEMPERATURE_IGNORED")
def llm_reverse_kl(
    logits: Any, teacher_logits: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    student_probs = F.softmax(logits, dim=-1)
    gap = F.log_softmax(teacher_logits, -1) - F.log_softmax(logits, -1)
    return -(student_probs * gap).sum(-1).mean()


@case("SOFT_ONLY", "OTHER_LOSS", "T_SQUARED_MISSING")
def generalised_jsd(
    student_logits: Any, teacher_logits: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    beta = 0.3
    s = F.log_softmax(student_logits / temperature, dim=-1)
    t = F.log_softmax(teacher_logits / temperature, dim=-1)
    weights = torch.log(torch.tensor([1 - beta, beta], dtype=s.dtype))
    m = torch.logsumexp(torch.stack([s + weights[0], t + weights[1]]), dim=0)
    kl_t = F.kl_div(m, t, reduction="none", log_target=True)
    kl_s = F.kl_div(m, s, reduction="none", log_target=True)
    return (beta * kl_t + (1 - beta) * kl_s).sum() / s.size(0)


@case("SOFTMAX_NOT_LOG")
def vanilla(
    y_pred_student: Any, y_pred_teacher: Any, y_true: Any, *, temperature: Any, alpha: Any
) -> Any:
    soft_teacher = F.softmax(y_pred_teacher / temperature, dim=1)
    soft_student = F.softmax(y_pred_student / temperature, dim=1)
    loss = (1 - alpha) * F.cross_entropy(y_pred_student, y_true)
    return loss + (alpha * temperature**2) * F.kl_div(
        soft_student, soft_teacher, reduction="batchmean"
    )


@case("KL_REVERSED")
def arguments_swapped(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    T = temperature
    kd = F.kl_div(F.log_softmax(t / T, 1), F.softmax(s / T, 1), reduction="batchmean") * T * T
    return alpha * kd + (1 - alpha) * F.cross_entropy(s, y)


@case("NOT_FINITE")
def log_probabilities_as_target(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    T = temperature
    kd = F.kl_div(F.log_softmax(s / T, 1), F.log_softmax(t / T, 1), reduction="batchmean")
    return alpha * T * T * kd + (1 - alpha) * F.cross_entropy(s, y)


@case("SOFTMAX_NOT_LOG", "T_SQUARED_MISSING")
def log_target_with_probabilities(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    T = temperature
    kd = F.kl_div(
        F.log_softmax(s / T, 1), F.softmax(t / T, 1), reduction="batchmean", log_target=True
    )
    return alpha * kd + (1 - alpha) * F.cross_entropy(s, y)


@case("DOUBLE_SOFTMAX_HARD", "ALPHA_ON_HARD")
def softmax_into_cross_entropy(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    hard = F.cross_entropy(F.softmax(s, dim=1), y)
    soft = F.kl_div(
        F.log_softmax(s / temperature, 1), F.softmax(t / temperature, 1), reduction="batchmean"
    )
    return alpha * hard + (1 - alpha) * soft * temperature * temperature


@case("DOUBLE_SOFTMAX_SOFT", "CROSS_ENTROPY_NOT_KL", "FREE_WEIGHTS", "T_SQUARED_MISSING")
def cross_entropy_of_softmaxes(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    soft = F.cross_entropy(F.softmax(s / temperature, 1), F.softmax(t / temperature, 1))
    return F.cross_entropy(s, y) + alpha * soft


@case("NO_SOFTMAX")
def raw_logits_with_log_target(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    soft = F.kl_div(s / temperature, t / temperature, reduction="batchmean", log_target=True)
    return alpha * soft + (1 - alpha) * F.cross_entropy(s, y)


@case("CONSTANT_OFFSET")
def factor_inside_the_target(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    T = temperature
    soft = F.kl_div(
        F.log_softmax(s / T, 1), F.softmax(t / T, 1) * (alpha * T * T), reduction="batchmean"
    )
    return soft + (1 - alpha) * F.cross_entropy(s, y)


@case("HARD_AT_TEMPERATURE", "CLASS_MEAN")
def hard_scaled_too(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    s, t = s / temperature, t / temperature
    soft = F.kl_div(F.log_softmax(s, 1), F.softmax(t, 1), reduction="none").mean() * temperature**2
    return alpha * soft + (1 - alpha) * F.cross_entropy(s, y)


@case("T_SQUARED_MISSING", "INPUT_MUTATED")
def in_place(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    hard = F.cross_entropy(s, y)
    s /= temperature
    t /= temperature
    soft = F.kl_div(F.log_softmax(s, 1), F.softmax(t, 1), reduction="batchmean")
    return alpha * soft + (1 - alpha) * hard


@case("SOFTMAX_WRONG_AXIS", "T_SQUARED_MISSING")
def dim_zero(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    soft = F.kl_div(
        F.log_softmax(s / temperature, dim=0),
        F.softmax(t / temperature, dim=0),
        reduction="batchmean",
    )
    return alpha * soft + (1 - alpha) * F.cross_entropy(s, y)


@case("OTHER_LOSS", "FREE_WEIGHTS")
def binary_cross_entropy(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    T = temperature
    soft = F.binary_cross_entropy(F.softmax(s / T, 1), F.softmax(t / T, 1))
    return F.cross_entropy(s, y) + alpha * soft


@case("OTHER_LOSS", "SOFT_ONLY")
def mse_of_softened_logits(
    logits_S: Any, logits_T: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    return F.mse_loss(logits_S / temperature, logits_T / temperature)


@case("OTHER_LOSS")
def standardised(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    def normalise(logit: Any) -> Any:
        return (logit - logit.mean(dim=-1, keepdims=True)) / (
            1e-7 + logit.std(dim=-1, keepdims=True)
        )

    p, q = F.softmax(normalise(t) / temperature, 1), F.log_softmax(normalise(s) / temperature, 1)
    soft = F.kl_div(q, p, reduction="none").sum(1).mean() * temperature**2
    return alpha * soft + (1 - alpha) * F.cross_entropy(s, y)


@case("LABEL_SMOOTHING", "CROSS_ENTROPY_NOT_KL")
def smoothing(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    hard = F.cross_entropy(s, y, label_smoothing=0.1)
    soft = F.cross_entropy(s / temperature, F.softmax(t / temperature, 1)) * temperature**2
    return alpha * soft + (1 - alpha) * hard


@case("ROLES_SWAPPED", "FREE_WEIGHTS")
def three_arguments(
    teacher_logits: Any, student_logits: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    T = temperature
    soft = F.kl_div(
        F.log_softmax(student_logits / T, 1),
        F.softmax(teacher_logits / T, 1),
        reduction="batchmean",
    )
    return 0.7 * T * T * soft + 0.3 * F.cross_entropy(student_logits, labels)


@case("ALPHA_DISCONTINUOUS", "ALPHA_ON_HARD")
def no_alpha_no_square(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    T = temperature
    soft = F.kl_div(F.log_softmax(s / T, 1), F.softmax(t / T, 1), reduction="batchmean")
    if alpha is None or alpha == 0:
        return soft
    return alpha * F.cross_entropy(s, y) + (1 - alpha) * (T**2) * soft


@case("SOFT_ONLY", "CROSS_ENTROPY_NOT_KL", "T_SQUARED_MISSING", "CLASS_MEAN")
def product_mean(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    return -(F.softmax(t / temperature, 1) * F.log_softmax(s / temperature, 1)).mean()


@case("EPSILON", "T_SQUARED_MISSING")
def clamped(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p = F.softmax(t / temperature, 1).clamp(min=1e-8)
    q = F.softmax(s / temperature, 1).clamp(min=1e-8)
    return alpha * (p * (p.log() - q.log())).sum(1).mean() + (1 - alpha) * F.cross_entropy(s, y)


@case("STUDENT_NOT_SOFTENED", "T_SQUARED_MISSING", "ROW_SUM")
def student_only_one(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    soft = F.kl_div(F.log_softmax(s, 1), F.softmax(t / temperature, 1), reduction="sum")
    return alpha * soft + (1 - alpha) * F.cross_entropy(s, y, reduction="sum")


@case("OTHER_LOSS", "FREE_WEIGHTS")
def total(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, q = F.softmax(t / temperature, 1), F.softmax(s / temperature, 1)
    return F.cross_entropy(s, y) + 0.5 * (p - q).abs().sum(1).mean()


@case("OTHER_LOSS", "SOFT_ONLY", "T_SQUARED_MISSING")
def skewed(logits: Any, teacher_logits: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
    lam = 0.1
    p, q = F.softmax(teacher_logits / temperature, -1), F.softmax(logits / temperature, -1)
    mixed = (lam * p + (1 - lam) * q).log()
    return (p * (p.log() - mixed)).sum(-1).mean()


@case("AGREES")
def module_in_float32(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    s, t = s.float(), t.float()
    T = temperature
    soft = nn.KLDivLoss(reduction="batchmean")(F.log_softmax(s / T, dim=1), F.softmax(t / T, dim=1))
    return alpha * T**2 * soft + (1 - alpha) * nn.CrossEntropyLoss()(s, y)


# Outside -----------------------------------------------------------------------------------------------------


@case(outside=True)
def adaptive_temperature(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    T = t.std(dim=1, keepdim=True) * temperature
    soft = F.kl_div(F.log_softmax(s / T, 1), F.softmax(t / T, 1), reduction="none").sum(1).mean()
    return alpha * soft + (1 - alpha) * F.cross_entropy(s, y)


@case(outside=True)
def weighted_soft_labels(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    T = temperature
    soft = -(F.softmax(t / T, 1) * F.log_softmax(s / T, 1)).sum(1)
    ce_s, ce_t = F.cross_entropy(s, y, reduction="none"), F.cross_entropy(t, y, reduction="none")
    focal = 1 - torch.exp(-(ce_s / (ce_t + 1e-7)))
    return alpha * T**2 * (focal * soft).mean() + (1 - alpha) * F.cross_entropy(s, y)


@case(outside=True)
def pairwise_differences(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    d_s, d_t = s.unsqueeze(2) - s.unsqueeze(1), t.unsqueeze(2) - t.unsqueeze(1)
    return alpha * F.smooth_l1_loss(d_s, d_t) + (1 - alpha) * F.cross_entropy(s, y)


@case(outside=True)
def batch_gram(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    g_s, g_t = F.normalize(s @ s.t(), dim=1), F.normalize(t @ t.t(), dim=1)
    return alpha * (g_s - g_t).pow(2).sum() / len(y) ** 2 + (1 - alpha) * F.cross_entropy(s, y)


@case(outside=True)
def temperature_per_class(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    T = temperature + torch.arange(s.shape[1], dtype=s.dtype) * 0.1
    soft = F.kl_div(F.log_softmax(s / T, 1), F.softmax(t / T, 1), reduction="batchmean")
    return alpha * soft + (1 - alpha) * F.cross_entropy(s, y)


@case(outside=True)
def sigmoid_gate(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    kl = F.kl_div(
        F.log_softmax(s / temperature, 1), F.softmax(t / temperature, 1), reduction="none"
    ).sum(1)
    return (torch.tanh(kl) * alpha).mean() + (1 - alpha) * F.cross_entropy(s, y)


@case(outside=True)
def hinge_between_losses(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    gap = F.cross_entropy(s, y, reduction="none") - F.cross_entropy(t, y, reduction="none")
    return alpha * F.relu(gap).mean() + (1 - alpha) * F.cross_entropy(s, y)


@case(outside=True)
def instance_contrast(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    sim = F.normalize(s, dim=1) @ F.normalize(t, dim=1).t() / temperature
    return alpha * F.cross_entropy(sim, torch.arange(len(y))) + (1 - alpha) * F.cross_entropy(s, y)


@case(outside=True)
def teacher_mixed_with_label(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p = F.softmax(t / temperature, 1)
    target = torch.where(
        p.max(1, keepdim=True).values > 0.5, p, F.one_hot(y, s.shape[1]).to(p.dtype)
    )
    return -(target * F.log_softmax(s / temperature, 1)).sum(1).mean()


@case(outside=True)
def focal_divergence(s: Any, t: Any, y: Any, *, temperature: Any, alpha: Any) -> Any:
    p, q = F.softmax(t / temperature, 1), F.softmax(s / temperature, 1)
    return alpha * ((1 - q) ** 1.5 * p * (p.log() - q.log())).sum(1).mean() + (
        1 - alpha
    ) * F.cross_entropy(s, y)
