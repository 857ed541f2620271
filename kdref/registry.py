"""The losses as data: one literal table, in reading order.

A loss is added here once it has a value, a gradient and a source; the laws, the gradient checks and the documentation
test then hold it to its entry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kdref._checks import FloatArray
from kdref.losses.distillation import distillation_loss, distillation_loss_grad
from kdref.losses.hard_labels import hard_label_loss, hard_label_loss_grad
from kdref.losses.mixtures import generalised_js_loss, generalised_js_loss_grad
from kdref.losses.soft_targets import (
    forward_kl_loss,
    forward_kl_loss_grad,
    reverse_kl_loss,
    reverse_kl_loss_grad,
    soft_cross_entropy_loss,
    soft_cross_entropy_loss_grad,
)

LAWS = {
    "zero_at_agreement": "exactly 0 when student and teacher are equal",
    "non_negative": "never below 0",
    "student_shift": "a constant added to a row of the student changes nothing; gradient rows sum to 0",
    "teacher_shift": "a constant added to a row of the teacher changes nothing",
    "class_permutation": "permuting the classes of all inputs alike changes no value",
    "row_permutation": "permuting the rows of all inputs alike changes no value",
    "exclusion": "a class that both sides exclude with -inf might as well not exist",
}
"""The laws that an entry can claim, each in words; the tests hold every claim against random inputs."""

STUDENT_ONLY = frozenset({"non_negative", "student_shift", "class_permutation", "row_permutation"})
SOFT_TARGETS = STUDENT_ONLY | {"teacher_shift", "exclusion"}
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
    value, grad : callable
        The twins.
    inputs : tuple of str
        Positional parameters in order; the gradient is with respect to the first.
    parameters : mapping of str to float
        Keyword-only parameters but for ``weights``, each with an example value.
    row_separable : bool
        Whether the value is a mean over rows, so that it takes ``weights``.
    laws : frozenset of str
        Keys of `LAWS` that hold.
    formula : str
        The row value in one line.
    source : str
        Paper and equation.
    held_constant : str
        What the gradient holds constant beside the teacher; empty if nothing.
    """

    name: str
    family: str
    value: Callable[..., float]
    grad: Callable[..., FloatArray]
    inputs: tuple[str, ...]
    parameters: Mapping[str, float]
    row_separable: bool
    laws: frozenset[str]
    formula: str
    source: str
    held_constant: str = field(default="")


LABELLED = ("student_logits", "labels")
PAIRED = ("student_logits", "teacher_logits")
COMPOSITE = ("student_logits", "teacher_logits", "labels")

LOSSES: dict[str, LossEntry] = {
    entry.name: entry
    for entry in (
        LossEntry(
            name="hard_label",
            family="hard_labels",
            value=hard_label_loss,
            grad=hard_label_loss_grad,
            inputs=LABELLED,
            parameters={},
            row_separable=True,
            laws=STUDENT_ONLY,
            formula="-log softmax(s)_y",
            source="standard: the cross entropy of classification",
        ),
        LossEntry(
            name="soft_cross_entropy",
            family="soft_targets",
            value=soft_cross_entropy_loss,
            grad=soft_cross_entropy_loss_grad,
            inputs=PAIRED,
            parameters={"temperature": 2.0},
            row_separable=True,
            laws=SOFT_TARGETS,
            formula="-sum p log q",
            source="Hinton et al. 2015, section 2, arXiv:1503.02531",
        ),
        LossEntry(
            name="forward_kl",
            family="soft_targets",
            value=forward_kl_loss,
            grad=forward_kl_loss_grad,
            inputs=PAIRED,
            parameters={"temperature": 2.0},
            row_separable=True,
            laws=DIVERGENCE,
            formula="sum p log(p / q)",
            source="Hinton et al. 2015, section 2, arXiv:1503.02531",
        ),
        LossEntry(
            name="reverse_kl",
            family="soft_targets",
            value=reverse_kl_loss,
            grad=reverse_kl_loss_grad,
            inputs=PAIRED,
            parameters={"temperature": 2.0},
            row_separable=True,
            laws=DIVERGENCE,
            formula="sum q log(q / p)",
            source="MiniLLM, Gu et al. 2023, section 2.1, arXiv:2306.08543",
        ),
        LossEntry(
            name="generalised_js",
            family="mixtures",
            value=generalised_js_loss,
            grad=generalised_js_loss_grad,
            inputs=PAIRED,
            parameters={"temperature": 2.0, "beta": 0.25},
            row_separable=True,
            laws=DIVERGENCE,
            formula="beta KL(p, m) + (1 - beta) KL(q, m), m = beta p + (1 - beta) q",
            source="GKD, Agarwal et al. 2023, section 2, arXiv:2306.13649",
        ),
        LossEntry(
            name="distillation",
            family="distillation",
            value=distillation_loss,
            grad=distillation_loss_grad,
            inputs=COMPOSITE,
            parameters={"temperature": 4.0, "alpha": 0.9},
            row_separable=True,
            laws=SOFT_TARGETS,
            formula="(1 - alpha) CE(y, softmax(s)) + alpha T^2 KL(p, q)",
            source="Hinton et al. 2015, section 2, arXiv:1503.02531",
        ),
    )
}
