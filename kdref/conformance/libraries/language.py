"""Libraries for language models, which can be installed; rows are tokens."""

from kdref.conformance.convention import Branch, Convention, WeightedTerm
from kdref.conformance.convention import distillation_convention as described
from kdref.conformance.distributions import Distribution
from kdref.conformance.libraries.published import PublishedLoss
from kdref.conformance.terms import Term
from kdref.conformance.weights import weight

STUDENT_AT_ONE = Distribution("student", "softmax", 1.0)
TEACHER_AT_ONE = Distribution("teacher", "softmax", 1.0)

PADDING = -100
"""The label of tokens that do not count."""


def soft_only(
    divergence: str = "kl", *, reverse: bool = False, temperature_power: float = 0.0
) -> Convention:
    """A divergence at the temperature, with neither T^2 nor a hard term."""
    return described(
        divergence,
        reverse=reverse,
        temperature_power=temperature_power,
        hard_weight=None,
        soft_weight="1",
        ignore_index=PADDING,
    )


def at_one(*terms: WeightedTerm) -> Convention:
    """A loss of tokens that has no temperature."""
    return Convention(terms, ignore_index=PADDING)


def term(kind: str, *, reverse: bool = False, option: float | None = None) -> Term:
    """A term between teacher and student at temperature 1."""
    if reverse:
        return Term(kind, STUDENT_AT_ONE, TEACHER_AT_ONE, option)
    return Term(kind, TEACHER_AT_ONE, STUDENT_AT_ONE, option)


ONE = weight()
"""The weight 1."""


def jensen_shannon() -> Convention:
    """The generalised JS divergence with alpha for beta, and a KL divergence at either end."""
    between = described(
        "generalised js",
        mixture="alpha",
        temperature_power=0.0,
        hard_weight=None,
        soft_weight="1",
    )
    ends = (
        Branch("alpha", 0.0, soft_only().terms),
        Branch("alpha", 1.0, soft_only(reverse=True).terms),
    )
    return Convention(between.terms, ends, PADDING)


LANGUAGE = (
    PublishedLoss(
        "trl-gkd",
        "trl",
        "1.16.0",
        "2026-10",
        "trl/experimental/gkd/gkd_trainer.py: GKDTrainer.generalized_jsd_loss",
        jensen_shannon(),
        "run",
        temperature="temperature",
        alpha="beta",
        note="No T^2.  At beta 0 and 1 it jumps to KL, of which the divergence nearby is about beta or 1 - beta times: "
        "0.01 is a hundredth of 0.  GOLDTrainer has the same function.",
        threads=(
            "https://github.com/huggingface/trl/pull/3043",
            "https://github.com/huggingface/trl/issues/6780",
            "https://github.com/huggingface/trl/issues/2202",
        ),
        equivalent="generalised_js_loss(s, t, temperature=T, beta=alpha)",
    ),
    PublishedLoss(
        "trl-distillation",
        "trl",
        "1.16.0",
        "2026-10",
        "trl/trainer/distillation_trainer.py: _chunked_divergence_loss of DistillationTrainer",
        jensen_shannon(),
        "run",
        temperature="temperature",
        alpha="beta",
        note="The same formula, computed from hidden states in tiles; padding is a mask instead of a label.",
        equivalent="generalised_js_loss(s, t, temperature=T, beta=alpha)",
    ),
    PublishedLoss(
        "torchtune",
        "torchtune",
        "0.6.1",
        "2025-04",
        "torchtune/modules/loss/kd_losses.py: ForwardKLLoss",
        at_one((ONE, term("cross entropy"))),
        "run",
        note="Named forward KL, it is the cross entropy: its least value is the teacher's entropy, not 0.  Its recipes "
        "weight it with kd_ratio beside the labels' cross entropy.  No temperature, and single precision.",
        threads=("https://github.com/meta-pytorch/torchtune/pull/1698",),
    ),
    PublishedLoss(
        "torchtune-reverse",
        "torchtune",
        "0.6.1",
        "2025-04",
        "torchtune/modules/loss/kd_losses.py: ReverseKLLoss",
        at_one((ONE, term("kl", reverse=True))),
        "run",
        note="A divergence in full, unlike the forward one.",
        equivalent="reverse_kl_loss(s, t)",
    ),
    PublishedLoss(
        "torchtune-symmetric",
        "torchtune",
        "0.6.1",
        "2025-04",
        "torchtune/modules/loss/kd_losses.py: SymmetricKLLoss",
        at_one(
            (weight("alpha"), term("cross entropy")),
            (weight("1 - alpha"), term("kl", reverse=True)),
        ),
        "run",
        alpha="sym_kd_ratio",
        note="A cross entropy one way and a divergence the other.",
        equivalent="alpha * soft_cross_entropy_loss(s, t) + (1 - alpha) * reverse_kl_loss(s, t)",
    ),
    PublishedLoss(
        "liger-jsd",
        "liger-kernel",
        "0.8.5",
        "2026-10",
        "liger_kernel/chunked_loss/jsd_loss.py: LigerFusedLinearJSDLoss",
        described(
            "generalised js",
            mixture=0.5,
            temperature_power=0.0,
            soft_weight=0.5,
            hard_weight=0.5,
            ignore_index=PADDING,
        ),
        "run",
        temperature="temperature",
        note="By default 0.5 of the labels' cross entropy and 0.5 of the divergence, at beta 0.5, and no T^2.",
        threads=(
            "https://github.com/linkedin/Liger-Kernel/pull/290",
            "https://github.com/huggingface/trl/pull/5731",
        ),
        equivalent="0.5 * hard_label_loss(s, y) + 0.5 * generalised_js_loss(s, t, temperature=T, beta=0.5)",
    ),
    PublishedLoss(
        "textbrewer",
        "textbrewer",
        "0.2.1.post1",
        "2020-12",
        "textbrewer/losses.py: kd_ce_loss",
        described("cross entropy", temperature_power=0.0, hard_weight=None, soft_weight="1"),
        "run",
        temperature="temperature, 4 by default",
        note="Its weight in the distillers is kd_loss_weight, 1 by default; that of the labels' loss is 0 by default.",
        threads=(
            "https://github.com/airaria/TextBrewer/issues/11",
            "https://github.com/airaria/TextBrewer/issues/90",
        ),
    ),
    PublishedLoss(
        "textbrewer-mse",
        "textbrewer",
        "0.2.1.post1",
        "2020-12",
        "textbrewer/losses.py: kd_mse_loss",
        described(
            "squared",
            transform="raw",
            temperature_power=0.0,
            reduction="mean",
            hard_weight=None,
            soft_weight="1",
        ),
        "run",
        temperature="temperature, 4 by default",
        note="The logits divided by T: T only scales it by 1/T^2.",
        equivalent="logit_mse_loss(s, t) / T**2",
    ),
    PublishedLoss(
        "sentence-transformers",
        "sentence-transformers",
        "6.2.0",
        "2026-10",
        "sentence_transformers/sentence_transformer/losses/distill_kl_div.py: DistillKLDivLoss",
        described(hard_weight=None, soft_weight="1"),
        "run",
        temperature="temperature",
        note="The classes are the candidates for a query, the logits their similarities.  With student_temperature and "
        "teacher_temperature apart, the factor is the square of the student's.",
        threads=("https://github.com/huggingface/sentence-transformers/pull/3428",),
    ),
    PublishedLoss(
        "tunix",
        "google-tunix",
        "0.1.7",
        "2026-06",
        "tunix/distillation/strategies/logit.py: LogitStrategy.compute_loss",
        described(),
        "run",
        temperature="temperature",
        alpha="alpha",
        note="Labels are one-hot; single precision.",
    ),
)
"""Losses of libraries for language models."""
