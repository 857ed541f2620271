"""Where torchdistill computes something else under a loss's name: what exactly."""

from typing import Any

import numpy as np
import pytest

from kdref import flow_loss, similarity_preserving_loss
from tests.peers.published_features import OUTPUTS, torchdistill

# Other people's imports may warn; what they return is judged.
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]


def tensors(*arrays: Any) -> Any:
    torch = pytest.importorskip("torch")
    return [torch.from_numpy(array) for array in arrays]


def test_similarity_preserving_of_torchdistill_divides_rows_by_the_sum_of_their_absolute_values() -> (
    None
):
    f, g = np.random.default_rng(4).normal(size=(2, 5, 3))
    grams = [x @ x.T for x in (f, g)]
    # Its normalize(matrix, 1) reads like dim=1 and is p=1, the L1 norm.
    rows = [a / abs(a).sum(axis=1, keepdims=True) for a in grams]
    got = float(torchdistill("SPKDLoss", *tensors(f, g), **OUTPUTS, reduction="batchmean"))
    assert got == pytest.approx(((rows[0] - rows[1]) ** 2).sum() / 25.0, rel=1e-13)
    assert got < 0.5 * similarity_preserving_loss(f, g)


def test_flow_of_torchdistill_adds_the_norms_of_columns_without_a_square() -> None:
    f, g, later, after = np.random.default_rng(5).normal(size=(4, 1, 6, 2, 2))
    later, after = later[:, :1], after[:, :1]  # one column, one example
    names = ("student_first", "student_second", "teacher_first", "teacher_second")
    where = {name: {"io": "output", "path": name.split("_")[1]} for name in names}
    module = pytest.importorskip("torchdistill.losses.mid_level")
    sides = [
        {"first": {"output": a}, "second": {"output": b}}
        for a, b in (tensors(f, later), tensors(g, after))
    ]
    got = float(module.FSPLoss({"pair": where})(*sides))
    loss = flow_loss(f, g, student_later=later, teacher_later=after)
    assert got**2 / 6.0 == pytest.approx(loss, rel=1e-13)
