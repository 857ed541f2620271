"""The files of losses on logits: one for each loss and important parameter."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kdref.registry import LOSSES as REGISTRY  # for its words; its functions are not called
from tests.oracle.batch import LOSSES, RowLoss
from tests.vectors.drafts import Draft


@dataclass(frozen=True)
class File:
    """One file: a loss, and the values of the parameters that all its vectors share."""

    name: str
    loss: str
    fixed: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def formula(self) -> RowLoss | None:
        """The oracle's text of the loss of one row; None where it is written down batch by batch."""
        return LOSSES.get(self.loss)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Positional arguments in order."""
        return REGISTRY[self.loss].inputs

    @property
    def has_teacher(self) -> bool:
        """Whether there are teacher logits."""
        return "teacher_logits" in self.inputs

    @property
    def has_labels(self) -> bool:
        """Whether there are labels."""
        return "labels" in self.inputs

    @property
    def is_separable(self) -> bool:
        """Whether rows may have weights."""
        return REGISTRY[self.loss].row_separable

    @property
    def is_softened(self) -> bool:
        """Whether there is a temperature."""
        return "temperature" in REGISTRY[self.loss].parameters

    def draft(
        self,
        slug: str,
        comment: str,
        student: Any,
        teacher: Any,
        labels: Any,
        *,
        temperature: float = 1.0,
        weights: Any = None,
        **rest: Any,
    ) -> Draft:
        """A draft with what this loss takes of all that."""
        everything = {"student_logits": student, "teacher_logits": teacher, "labels": labels}
        inputs = {name: everything[name] for name in self.inputs}
        if weights is not None:
            inputs["weights"] = weights
        softening = {"temperature": temperature} if self.is_softened else {}
        return Draft(slug, comment, inputs, softening | dict(self.fixed), **rest)


FILES = (
    File("hard_label", "hard_label"),
    File("label_smoothing_0_1", "label_smoothing", {"smoothing": 0.1}),
    File("virtual_teacher_0_9", "virtual_teacher", {"confidence": 0.9}),
    File("soft_cross_entropy", "soft_cross_entropy"),
    File("forward_kl", "forward_kl"),
    File("reverse_kl", "reverse_kl"),
    File("symmetric_kl_0_25", "symmetric_kl", {"forward_weight": 0.25}),
    File("total_variation", "total_variation"),
    File("generalised_js_0_1", "generalised_js", {"beta": 0.1}),
    File("generalised_js_0_5", "generalised_js", {"beta": 0.5}),
    File("skew_forward_kl_0_1", "skew_forward_kl", {"skew": 0.1}),
    File("skew_reverse_kl_0_1", "skew_reverse_kl", {"skew": 0.1}),
    File("distillation_0_5", "distillation", {"alpha": 0.5}),
    File("distillation_0_9", "distillation", {"alpha": 0.9}),
    File("distillation_1", "distillation", {"alpha": 1.0}),
    File("logit_mse", "logit_mse"),
    File("logit_cosine", "logit_cosine"),
    File("standardised_kl_1", "standardised_kl", {"ddof": 1}),
    File("decoupled_kd_1_8", "decoupled_kd", {"target_weight": 1.0, "non_target_weight": 8.0}),
    File("normalised_kd_1_5", "normalised_kd", {"gamma": 1.5}),
    File("weighted_soft_label", "weighted_soft_label"),
    File("dist_1_2", "dist", {"inter_weight": 1.0, "intra_weight": 2.0}),
    File("top_k_kl_2_bucket", "top_k_kl", {"k": 2, "tail": "bucket"}),
    File("universal_logit", "universal_logit"),
)
