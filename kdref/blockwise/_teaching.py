"""A block of rows by the teaching functions: any loss of the registry, and the judge of the fast formulas."""

from collections.abc import Mapping
from typing import Any

from kdref._checks import FloatArray
from kdref.blockwise._batch import Block, renumbered
from kdref.registry import LossEntry


def weighted_sum_and_grad(
    entry: LossEntry, parameters: Mapping[str, Any], block: Block
) -> tuple[float, FloatArray]:
    """The weighted sum of the rows' losses, and each row's gradient times its weight."""
    given = {
        "student_logits": block.student,
        "teacher_logits": block.teacher,
        "labels": block.labels,
    }
    inputs = [given[name] for name in entry.inputs]
    # Equal weights are left out: scaling by them and back would cost a subnormal gradient its last bit.
    weights = None if (block.weights == block.weights[0]).all() else block.weights
    with renumbered(block.numbers):
        mean = entry.value(*inputs, weights=weights, **parameters)
        grad = entry.grad(*inputs, weights=weights, **parameters)
    weight = float(block.weights.sum())
    return mean * weight, grad * weight
