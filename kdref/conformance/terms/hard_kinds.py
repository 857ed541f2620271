"""The kinds of terms that see labels, and cross entropies to a uniform or a chosen class."""

from kdref.conformance.terms import hard
from kdref.conformance.terms.kind import Kind, kind

HARD_KINDS: dict[str, Kind] = {
    "label": kind(
        hard.label, "hard cross entropy", "CE(labels, {b})", r"\mathrm{CE}(y, <b>)", labels=True
    ),
    "uniform": kind(
        hard.uniform,
        "cross entropy to the uniform distribution",
        "CE(uniform, {b})",
        r"\mathrm{CE}(1/C, <b>)",
    ),
    "error probability": kind(
        lambda term, batch: 1.0 - hard.probability_at_label(term, batch),
        "error probability",
        "(1 - p_label({b}))",
        r"(1 - <b>_y)",
        labels=True,
        class_sum=False,
    ),
    "negative probability": kind(
        lambda term, batch: -hard.probability_at_label(term, batch),
        "negative probability of the label",
        "-p_label({b})",
        r"-<b>_y",
        labels=True,
        class_sum=False,
    ),
    "other classes": kind(
        hard.other_classes,
        "cross entropy to the classes other than the label",
        "CE(other classes, {b})",
        labels=True,
    ),
    "raw label": kind(
        hard.raw_label,
        "negative logit of the label",
        "-logit at the label({b})",
        "-<b>_y",
        labels=True,
    ),
    "focal": kind(hard.focal, "focal loss", "focal(labels, {b}; {w})", "", labels=True),
    "squared to label": kind(
        hard.squared_to_label,
        "squared error to the one-hot label",
        "squared error(one-hot, {b})",
        "",
        labels=True,
        class_sum=False,
    ),
    "binary label": kind(
        hard.binary_label,
        "binary cross entropy to the label",
        "BCE(labels, {b})",
        "",
        labels=True,
        class_sum=False,
    ),
    "teacher choice": kind(
        hard.teacher_choice,
        "cross entropy to the teacher's largest class",
        "CE(argmax {a}, {b})",
    ),
    "target kl": kind(
        hard.target_kl,
        "decoupled distillation, target part",
        "TCKD({a} || {b})",
        r"\mathrm{TCKD}(<a> \,\|\, <b>)",
        labels=True,
    ),
    "non-target kl": kind(
        hard.non_target_kl,
        "decoupled distillation, non-target part",
        "NCKD({a} || {b})",
        r"\mathrm{NCKD}(<a> \,\|\, <b>)",
        labels=True,
    ),
    "target cross entropy": kind(
        hard.target_cross_entropy,
        "normalised distillation, target part",
        "label part of CE({a}, {b})",
        "",
        labels=True,
    ),
    "non-target cross entropy": kind(
        hard.non_target_cross_entropy,
        "normalised distillation, non-target part",
        "CE({a}, {b}) of the other classes",
        "",
        labels=True,
    ),
}
"""By name."""
