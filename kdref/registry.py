"""The losses as data: one literal table, in reading order.

A loss is added here once it has a value, a gradient and a source; the laws, the gradient checks and the documentation
test then hold it to its entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kdref._checks import FloatArray
from kdref.losses import (
    correlations,
    decoupled,
    distillation,
    features,
    hard_labels,
    logits,
    mixtures,
    relations,
    soft_targets,
    sparse,
    vocabularies,
)

LAWS = {
    "zero_at_agreement": "exactly 0 when student and teacher are equal",
    "non_negative": "never below 0",
    "student_shift": "a constant added to a row of the student changes nothing; gradient rows sum to 0",
    "teacher_shift": "a constant added to a row of the teacher changes nothing",
    "class_permutation": "permuting the classes of all inputs alike changes no value, away from ties",
    "row_permutation": "permuting the rows of all inputs alike changes no value",
    "exclusion": "a class that both sides exclude with -inf might as well not exist",
}
"""The laws that an entry can claim, each in words; the tests hold every claim against random inputs."""

DISTANCE = frozenset({"non_negative", "class_permutation", "row_permutation", "zero_at_agreement"})
STUDENT_ONLY = frozenset({"non_negative", "student_shift", "class_permutation", "row_permutation"})
FEATURE_DISTANCE = frozenset({"non_negative", "row_permutation", "zero_at_agreement"})
BOTH_SHIFTS = STUDENT_ONLY | {"teacher_shift"}
SOFT_TARGETS = BOTH_SHIFTS | {"exclusion"}
DIVERGENCE = SOFT_TARGETS | {"zero_at_agreement"}


@dataclass(frozen=True)
class LossEntry:
    """One loss: its value, its gradient, what it takes, what holds for it, and where it comes from.

    Attributes
    ----------
    name : str
        The function's name without ``_loss``.
    family : str
        Its file in ``kdref/losses``.
    inputs : tuple of str
        Positional parameters in order; the gradient is with respect to the first.
    parameters : mapping of str to float, int or str
        Keyword-only parameters but for ``weights``, each with an example value.
    laws : frozenset of str
        Keys of `kdref.registry.LAWS` that hold.
    value, grad : callable
        The twins.
    formula : str
        The row value in one line.
    source : str
        Paper and equation; "code" where the authors' code differs from the paper and is followed.
    row_separable : bool
        Whether the value is a mean over rows, so that it takes ``weights``.
    held_constant : str
        What the gradient holds constant beside the teacher; empty if nothing.
    constants : tuple of str
        Keyword-only arrays beside the inputs.
    """

    name: str
    family: str
    inputs: tuple[str, ...]
    parameters: Mapping[str, float | str]
    laws: frozenset[str]
    value: Callable[..., float]
    grad: Callable[..., FloatArray]
    formula: str
    source: str
    row_separable: bool = True
    held_constant: str = ""
    constants: tuple[str, ...] = ()


LABELLED = ("student_logits", "labels")
PAIRED = ("student_logits", "teacher_logits")
COMPOSITE = ("student_logits", "teacher_logits", "labels")
FEATURES = ("student_features", "teacher_features")

# A table is read across: name, family, what it takes, what holds; the twins; formula; source.
# fmt: off
LOSSES: dict[str, LossEntry] = {
    entry.name: entry
    for entry in (
        LossEntry(
            "hard_label", "hard_labels", LABELLED, {}, STUDENT_ONLY,
            hard_labels.hard_label_loss, hard_labels.hard_label_loss_grad,
            "-log softmax(s)_y",
            "standard: the cross entropy of classification"),
        LossEntry(
            "label_smoothing", "hard_labels", LABELLED, {"smoothing": 0.1}, STUDENT_ONLY,
            hard_labels.label_smoothing_loss, hard_labels.label_smoothing_loss_grad,
            "-sum u log softmax(s), u = (1 - e) onehot(y) + e / C",
            "Szegedy et al. 2016, section 7, arXiv:1512.00567"),
        LossEntry(
            "virtual_teacher", "hard_labels", LABELLED, {"temperature": 2.0, "confidence": 0.9}, STUDENT_ONLY,
            hard_labels.virtual_teacher_loss, hard_labels.virtual_teacher_loss_grad,
            "KL(softmax(log(u) / T), q), u = a on y, (1 - a) / (C - 1) elsewhere",
            "Tf-KD, Yuan et al. 2020, section 5, arXiv:1909.11723"),
        LossEntry(
            "soft_cross_entropy", "soft_targets", PAIRED, {"temperature": 2.0}, SOFT_TARGETS,
            soft_targets.soft_cross_entropy_loss, soft_targets.soft_cross_entropy_loss_grad,
            "-sum p log q",
            "Hinton et al. 2015, section 2, arXiv:1503.02531"),
        LossEntry(
            "forward_kl", "soft_targets", PAIRED, {"temperature": 2.0}, DIVERGENCE,
            soft_targets.forward_kl_loss, soft_targets.forward_kl_loss_grad,
            "sum p log(p / q)",
            "Hinton et al. 2015, section 2, arXiv:1503.02531"),
        LossEntry(
            "reverse_kl", "soft_targets", PAIRED, {"temperature": 2.0}, DIVERGENCE,
            soft_targets.reverse_kl_loss, soft_targets.reverse_kl_loss_grad,
            "sum q log(q / p)",
            "MiniLLM, Gu et al. 2023, section 2.1, arXiv:2306.08543"),
        LossEntry(
            "symmetric_kl", "soft_targets", PAIRED, {"temperature": 2.0, "forward_weight": 0.25}, DIVERGENCE,
            soft_targets.symmetric_kl_loss, soft_targets.symmetric_kl_loss_grad,
            "w KL(p, q) + (1 - w) KL(q, p)",
            "Kullback & Leibler 1951 (Jeffreys' divergence at w = 1/2, halved)"),
        LossEntry(
            "total_variation", "soft_targets", PAIRED, {"temperature": 2.0}, DIVERGENCE,
            soft_targets.total_variation_loss, soft_targets.total_variation_loss_grad,
            "1/2 sum abs(p - q)",
            "f-distill, Wen et al. 2023, arXiv:2307.15190"),
        LossEntry(
            "generalised_js", "mixtures", PAIRED, {"temperature": 2.0, "beta": 0.25}, DIVERGENCE,
            mixtures.generalised_js_loss, mixtures.generalised_js_loss_grad,
            "beta KL(p, m) + (1 - beta) KL(q, m), m = beta p + (1 - beta) q",
            "GKD, Agarwal et al. 2023, section 2, arXiv:2306.13649"),
        LossEntry(
            "skew_forward_kl", "mixtures", PAIRED, {"temperature": 2.0, "skew": 0.1}, DIVERGENCE,
            mixtures.skew_forward_kl_loss, mixtures.skew_forward_kl_loss_grad,
            "KL(p, a p + (1 - a) q)",
            "DistiLLM, Ko et al. 2024, section 3.1, arXiv:2402.03898"),
        LossEntry(
            "skew_reverse_kl", "mixtures", PAIRED, {"temperature": 2.0, "skew": 0.1}, DIVERGENCE,
            mixtures.skew_reverse_kl_loss, mixtures.skew_reverse_kl_loss_grad,
            "KL(q, (1 - a) p + a q)",
            "DistiLLM, Ko et al. 2024, section 3.1, arXiv:2402.03898"),
        LossEntry(
            "logit_mse", "logits", PAIRED, {}, DISTANCE,
            logits.logit_mse_loss, logits.logit_mse_loss_grad,
            "mean over C of (s - t)^2",
            "Ba & Caruana 2014, equation 1, arXiv:1312.6184"),
        LossEntry(
            "logit_cosine", "logits", PAIRED, {}, DISTANCE,
            logits.logit_cosine_loss, logits.logit_cosine_loss_grad,
            "1 - s.t / (|s| |t|)",
            "standard: the cosine distance"),
        LossEntry(
            "standardised_kl", "logits", PAIRED, {"temperature": 2.0, "ddof": 1}, BOTH_SHIFTS | {"zero_at_agreement"},
            logits.standardised_kl_loss, logits.standardised_kl_loss_grad,
            "KL(softmax(z(t) / T), softmax(z(s) / T)), z(x) = (x - mean) / (1e-7 + std)",
            "Sun et al. 2024, section 4, arXiv:2403.01427 (code)"),
        LossEntry(
            "decoupled_kd", "decoupled", COMPOSITE,
            {"temperature": 4.0, "target_weight": 1.0, "non_target_weight": 8.0}, DIVERGENCE,
            decoupled.decoupled_kd_loss, decoupled.decoupled_kd_loss_grad,
            "a KL((p_y, 1 - p_y), (q_y, 1 - q_y)) + b KL(p without y, q without y)",
            "DKD, Zhao et al. 2022, equation 7, arXiv:2203.08679"),
        LossEntry(
            "normalised_kd", "decoupled", COMPOSITE, {"temperature": 2.0, "gamma": 1.5}, SOFT_TARGETS,
            decoupled.normalised_kd_loss, decoupled.normalised_kd_loss_grad,
            "-p1_y log q1_y - gamma T^2 sum (p without y) log(q without y)",
            "NKD, Yang et al. 2023, equation 7, arXiv:2303.13005"),
        LossEntry(
            "weighted_soft_label", "decoupled", COMPOSITE, {"temperature": 4.0}, SOFT_TARGETS,
            decoupled.weighted_soft_label_loss, decoupled.weighted_soft_label_loss_grad,
            "-w sum p log q, w = 1 - exp(-CE(y, s) / (CE(y, t) + 1e-7))",
            "WSLD, Zhou et al. 2021, equation 13, arXiv:2102.00650 (code)", held_constant='the weight w'),
        LossEntry(
            "dist", "correlations", PAIRED, {"temperature": 2.0, "inter_weight": 1.0, "intra_weight": 2.0}, BOTH_SHIFTS,
            correlations.dist_loss, correlations.dist_loss_grad,
            "b (1 - mean over rows of r(p_i, q_i)) + g (1 - mean over columns of r(p_k, q_k))",
            "DIST, Huang et al. 2022, equations 6 to 9, arXiv:2205.10536", row_separable=False),
        LossEntry(
            "top_k_kl", "sparse", PAIRED, {"temperature": 2.0, "k": 2, "tail": "bucket"}, DIVERGENCE,
            sparse.top_k_kl_loss, sparse.top_k_kl_loss_grad,
            "KL(p, q) on the teacher's k largest classes; the tail in a bucket, renormalised or dropped",
            "practice of distilling from stored log-probabilities"),
        LossEntry(
            "universal_logit", "vocabularies", PAIRED, {}, SOFT_TARGETS | {"zero_at_agreement"},
            vocabularies.universal_logit_loss, vocabularies.universal_logit_loss_grad,
            "sum abs(sort(q) - sort(p)) at T = 1, the shorter padded with zeros",
            "ULD, Boizard et al. 2024, section 3.2, arXiv:2402.12030"),
        LossEntry(
            "hint", "features", FEATURES, {}, FEATURE_DISTANCE,
            features.hint_loss, features.hint_loss_grad,
            "1/2 |f - g|^2",
            "FitNets, Romero et al. 2015, equation 3, arXiv:1412.6550"),
        LossEntry(
            "cosine_feature", "features", FEATURES, {}, FEATURE_DISTANCE,
            features.cosine_feature_loss, features.cosine_feature_loss_grad,
            "1 - f.g / (|f| |g|)",
            "DistilBERT, Sanh et al. 2019, section 3, arXiv:1910.01108"),
        LossEntry(
            "attention_transfer", "features", FEATURES, {"power": 2.0}, FEATURE_DISTANCE,
            features.attention_transfer_loss, features.attention_transfer_loss_grad,
            "mean over H W of (Q_f - Q_g)^2, Q = A / |A|, A = sum over channels of abs(f)^power",
            "AT, Zagoruyko & Komodakis 2017, section 3.1, arXiv:1612.03928 (code)"),
        LossEntry(
            "neuron_selectivity", "features", FEATURES, {}, FEATURE_DISTANCE,
            features.neuron_selectivity_loss, features.neuron_selectivity_loss_grad,
            "MMD^2 of the channels' normalised maps with the kernel (x.y)^2",
            "NST, Huang & Wang 2017, equations 5 and 7, arXiv:1707.01219"),
        LossEntry(
            "flow", "features", FEATURES, {}, FEATURE_DISTANCE,
            features.flow_loss, features.flow_loss_grad,
            "mean of (G_f - G_g)^2, G = f1 f2' / (H W)",
            "FSP, Yim et al. 2017, equations 1 and 2", constants=("student_later", "teacher_later")),
        LossEntry(
            "variational_information", "features", ("student_mean", "teacher_features"), {"variance": 0.5},
            frozenset({"row_permutation"}),
            features.variational_information_loss, features.variational_information_loss_grad,
            "mean of 1/2 ((mean - g)^2 / v + log v)",
            "VID, Ahn et al. 2019, equations 4 and 5, arXiv:1904.05835"),
        LossEntry(
            "similarity_preserving", "relations", FEATURES, {}, FEATURE_DISTANCE,
            relations.similarity_preserving_loss, relations.similarity_preserving_loss_grad,
            "|G_f - G_g|^2 / N^2, G = rows of F F' over their norms",
            "SP, Tung & Mori 2019, equations 2 to 4, arXiv:1907.09682", row_separable=False),
        LossEntry(
            "correlation_congruence", "relations", FEATURES, {"gamma": 0.4, "order": 2}, FEATURE_DISTANCE,
            relations.correlation_congruence_loss, relations.correlation_congruence_loss_grad,
            "|K_f - K_g|^2 / N^2, K = series of exp(2 gamma (cos - 1)) to an order",
            "CC, Peng et al. 2019, equations 6 and 10, arXiv:1904.01802", row_separable=False),
        LossEntry(
            "relational_distance", "relations", FEATURES, {}, FEATURE_DISTANCE,
            relations.relational_distance_loss, relations.relational_distance_loss_grad,
            "mean over pairs of huber(d_f / mean d_f - d_g / mean d_g)",
            "RKD, Park et al. 2019, equations 5 to 9, arXiv:1904.05068", row_separable=False),
        LossEntry(
            "relational_angle", "relations", FEATURES, {}, FEATURE_DISTANCE,
            relations.relational_angle_loss, relations.relational_angle_loss_grad,
            "mean over triplets of huber(cos_f - cos_g)",
            "RKD, Park et al. 2019, equations 10 to 12, arXiv:1904.05068", row_separable=False),
        LossEntry(
            "probabilistic_transfer", "relations", FEATURES, {}, FEATURE_DISTANCE,
            relations.probabilistic_transfer_loss, relations.probabilistic_transfer_loss_grad,
            "mean over rows of KL(p, q), q = rows of (cos + 1) / 2 over their sums",
            "PKT, Passalis & Tefas 2018, equations 3 to 6, arXiv:1803.10837", row_separable=False),
        LossEntry(
            "distillation", "distillation", COMPOSITE, {"temperature": 4.0, "alpha": 0.9}, SOFT_TARGETS,
            distillation.distillation_loss, distillation.distillation_loss_grad,
            "(1 - alpha) CE(y, softmax(s)) + alpha T^2 KL(p, q)",
            "Hinton et al. 2015, section 2, arXiv:1503.02531"),
    )
}
# fmt: on
