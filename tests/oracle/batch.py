"""The oracle's losses by name, and their means over the examples of a batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gmpy2
from gmpy2 import mpfr

from tests.oracle import distillation, hard_labels, mixtures, soft_targets
from tests.oracle.precision import bits_for, working_precision
from tests.oracle.rounding import rounded
from tests.oracle.rows import exact, total


@dataclass(frozen=True)
class RowLoss:
    """A loss that is the mean of what each example contributes."""

    value: Callable[..., mpfr]
    gradient: Callable[..., tuple[mpfr, ...]]


LOSSES = {
    "hard_label": RowLoss(hard_labels.hard_label, hard_labels.hard_label_gradient),
    "label_smoothing": RowLoss(hard_labels.label_smoothing, hard_labels.label_smoothing_gradient),
    "virtual_teacher": RowLoss(hard_labels.virtual_teacher, hard_labels.virtual_teacher_gradient),
    "soft_cross_entropy": RowLoss(
        soft_targets.soft_cross_entropy, soft_targets.soft_cross_entropy_gradient
    ),
    "forward_kl": RowLoss(soft_targets.forward_kl, soft_targets.forward_kl_gradient),
    "reverse_kl": RowLoss(soft_targets.reverse_kl, soft_targets.reverse_kl_gradient),
    "symmetric_kl": RowLoss(soft_targets.symmetric_kl, soft_targets.symmetric_kl_gradient),
    "generalised_js": RowLoss(mixtures.generalised_js, mixtures.generalised_js_gradient),
    "skew_forward_kl": RowLoss(mixtures.skew_forward_kl, mixtures.skew_forward_kl_gradient),
    "skew_reverse_kl": RowLoss(mixtures.skew_reverse_kl, mixtures.skew_reverse_kl_gradient),
    "total_variation": RowLoss(soft_targets.total_variation, soft_targets.total_variation_gradient),
    "distillation": RowLoss(distillation.distillation, distillation.distillation_gradient),
}


def batch_value(
    name: str | RowLoss,
    *inputs: Any,
    weights: Sequence[float] | None = None,
    bits: int | None = None,
    **parameters: Any,
) -> mpfr:
    """sum_i w_i l_i / sum_i w_i; ``inputs`` are batches, in the order of the row function's arguments."""
    loss_of_row = _row_loss(name)
    with working_precision(bits or bits_for(len(inputs[0][0]))):
        shares = _shares(len(inputs[0]), weights)
        return total(
            share * loss_of_row.value(*example, **parameters)
            for share, *example in zip(shares, *inputs, strict=True)
            if share != 0
        )


def batch_gradient(
    name: str | RowLoss,
    *inputs: Any,
    weights: Sequence[float] | None = None,
    bits: int | None = None,
    **parameters: Any,
) -> list[tuple[mpfr, ...]]:
    """Row i is w_i / sum w times the example's own gradient; a row of weight 0 is all zeros."""
    gradient, n_classes = _row_loss(name).gradient, len(inputs[0][0])
    with working_precision(bits or bits_for(n_classes)):
        shares = _shares(len(inputs[0]), weights)
        return [
            tuple(share * g for g in gradient(*example, **parameters))
            if share != 0
            else (mpfr(0),) * n_classes
            for share, *example in zip(shares, *inputs, strict=True)
        ]


def loss(name: str, *inputs: Any, **options: Any) -> float:
    """The batch's value as the nearest float64."""
    return rounded(batch_value(name, *inputs, **options))


def loss_gradient(name: str, *inputs: Any, **options: Any) -> list[list[float]]:
    """The batch's gradient, each entry as the nearest float64."""
    return [[rounded(g) for g in row] for row in batch_gradient(name, *inputs, **options)]


def _row_loss(name: str | RowLoss) -> RowLoss:
    return LOSSES[name] if isinstance(name, str) else name


def _shares(n_examples: int, weights: Sequence[float] | None) -> tuple[mpfr, ...]:
    row = exact([1.0] * n_examples if weights is None else [float(w) for w in weights])
    everything = gmpy2.fsum(list(row))
    return tuple(w / everything for w in row)
