"""Repositories for language models, read at a commit; rows are tokens."""

from kdref.conformance.convention import distillation_convention as described
from kdref.conformance.libraries.language import (
    ONE,
    PADDING,
    STUDENT_AT_ONE,
    at_one,
    soft_only,
    term,
)
from kdref.conformance.libraries.published import PublishedLoss
from kdref.conformance.terms import Term
from kdref.conformance.weights import weight

DISTILLM = "jongwooko/distillm", "d47e77ff9d27721783b32213be38c1204230cc0a", "2025-03"

LANGUAGE_PAPERS = (
    *(
        PublishedLoss(
            f"distillm-{name}",
            *DISTILLM,
            f"distillm/losses.py: {function}",
            convention,
            "source",
            note=note,
            threads=threads,
            equivalent=equivalent,
        )
        for name, function, convention, note, threads, equivalent in (
            (
                "forward-kl",
                "forward_kl",
                at_one((ONE, term("cross entropy"))),
                "Named forward KL, it is the cross entropy.  The trainer weights it with kd_ratio.",
                ("https://github.com/jongwooko/distillm/issues/7",),
                "",
            ),
            (
                "symmetric-kl",
                "symmetric_kl(lam=0.9)",
                at_one(
                    (weight(constant=0.1), term("cross entropy")),
                    (weight(constant=0.9), term("kl", reverse=True)),
                ),
                "A cross entropy one way and a divergence the other.",
                (),
                "0.1 * soft_cross_entropy_loss(s, t) + 0.9 * reverse_kl_loss(s, t)",
            ),
            (
                "js",
                "js_distance(lam=0.9)",
                at_one((ONE, term("generalised js", option=0.1))),
                "Its lam is the student's weight.",
                (),
                "generalised_js_loss(s, t, beta=0.1)",
            ),
            (
                "tv",
                "tv_distance",
                at_one((weight(constant=0.5), term("absolute"))),
                "",
                (),
                "total_variation_loss(s, t)",
            ),
            (
                "skew-forward-kl",
                "skewed_forward_kl(lam=0.1)",
                at_one((ONE, term("skew cross entropy", option=0.1))),
                "Without the teacher's entropy: a cross entropy with the mixture.",
                ("https://github.com/jongwooko/distillm/issues/7",),
                "skew_forward_kl_loss(s, t, skew=0.1) + entropy_from_logits(t).mean()",
            ),
            (
                "skew-reverse-kl",
                "skewed_reverse_kl(lam=0.1)",
                at_one((ONE, term("kl to mixture", reverse=True, option=0.1))),
                "A divergence in full, unlike the forward one.",
                (),
                "skew_reverse_kl_loss(s, t, skew=0.1)",
            ),
        )
    ),
    PublishedLoss(
        "minillm-kd",
        "microsoft/LMOps",
        "1518d70818d2ae2a0344247315e14714996d493f",
        "2024-12",
        "minillm/finetune.py: get_distil_loss",
        at_one(
            (weight("1 - alpha"), Term("label", None, STUDENT_AT_ONE)),
            (weight("alpha"), term("cross entropy")),
        ),
        "source",
        alpha="kd_ratio",
        note="The KD baseline of MiniLLM: a cross entropy at temperature 1.",
    ),
    PublishedLoss(
        "distilbert",
        "huggingface/transformers-research-projects",
        "362a490dc36e91359fe76a7a707dc29e663196b2",
        "2025-03",
        "distillation/distiller.py: Distiller.step",
        described(soft_weight=0.5, hard_weight=0.5, ignore_index=PADDING),
        "source",
        temperature="temperature",
        note="alpha_ce and alpha_clm (or alpha_mlm), 0.5 and 0.5 by default, are free.  A cosine loss of hidden states "
        "can come on top.  The soft term may count more tokens than the hard one.",
        threads=("https://github.com/huggingface/transformers/issues/1181",),
    ),
    PublishedLoss(
        "tinybert",
        "huawei-noah/Pretrained-Language-Model",
        "1bb9b3e49b05279a4ba5cbe805ac81c803f94981",
        "2020-12",
        "TinyBERT/task_distill.py: soft_cross_entropy",
        described(
            "cross entropy",
            temperature_power=0.0,
            reduction="mean",
            hard_weight=None,
            soft_weight="1",
        ),
        "source",
        temperature="temperature, 1 by default",
        note="A mean over the classes as well.",
        threads=(
            "https://github.com/huawei-noah/Pretrained-Language-Model/issues/176",
            "https://github.com/huawei-noah/Pretrained-Language-Model/issues/12",
            "https://github.com/huawei-noah/Pretrained-Language-Model/issues/11",
        ),
    ),
    PublishedLoss(
        "distil-whisper",
        "huggingface/distil-whisper",
        "cc96130f6e4cc74cab4545f3c6e7e5c204ced871",
        "2025-01",
        "training/run_distillation.py: train_step",
        described(hard_weight=0.8, soft_weight="alpha", ignore_index=PADDING),
        "source",
        temperature="temperature",
        alpha="kl_weight, 1 by default",
        note="The weight of the hard term is fixed.",
        threads=("https://github.com/huggingface/distil-whisper/issues/45",),
    ),
    PublishedLoss(
        "distillkit",
        "arcee-ai/DistillKit",
        "87a72f61f51127a6adfa311f5a3881b1ff7be09f",
        "2025-12",
        "distillkit/lossfuncs/kl.py: KLDLoss of a DenseSignal",
        soft_only(temperature_power=2.0),
        "source",
        temperature="temperature",
        note="A trainer's loss is the weighted mean of such terms.  Stored top-k logits lose the rest, or share it.",
    ),
    PublishedLoss(
        "minimind",
        "jingyaogong/minimind",
        "3f1a7cc25b19a861cd1bd6ed313be526b9ecdaf8",
        "2026-06",
        "trainer/train_distillation.py: train_epoch",
        described(soft_weight="1 - alpha", hard_weight="alpha", ignore_index=PADDING),
        "source",
        temperature="temperature",
        alpha="alpha, on the hard term",
    ),
)
"""Losses of papers' repositories on language models."""
