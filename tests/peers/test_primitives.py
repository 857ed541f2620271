"""The few PyTorch functions that the transcriptions of sources are made of mean what PyTorch means by them."""

import numpy as np
import pytest

from tests.conformance import sources

pytestmark = pytest.mark.peers

RNG = np.random.default_rng(3)
STUDENT, TEACHER = RNG.normal(size=(2, 5, 4)) * 2.0
LABELS = RNG.integers(0, 4, 5)


@pytest.mark.filterwarnings("ignore")  # PyTorch warns of its own reduction="mean"
@pytest.mark.parametrize("reduction", ["mean", "batchmean", "sum"])
def test_kl_div(reduction: str) -> None:
    torch = pytest.importorskip("torch")
    s, t = torch.tensor(STUDENT), torch.tensor(TEACHER)
    expected = torch.nn.KLDivLoss(reduction=reduction)(s.log_softmax(1), t.softmax(1))
    got = sources.kl_div(sources.log_softmax(STUDENT), sources.softmax(TEACHER), reduction)
    assert got == pytest.approx(float(expected), rel=1e-13)


@pytest.mark.filterwarnings("ignore")
def test_kl_div_has_the_same_default() -> None:
    torch = pytest.importorskip("torch")
    s, t = torch.tensor(STUDENT), torch.tensor(TEACHER)
    expected = torch.nn.KLDivLoss()(s.log_softmax(1), t.softmax(1))
    got = sources.kl_div(sources.log_softmax(STUDENT), sources.softmax(TEACHER))
    assert got == pytest.approx(float(expected), rel=1e-13)


def test_cross_entropy() -> None:
    torch = pytest.importorskip("torch")
    expected = torch.nn.functional.cross_entropy(torch.tensor(STUDENT), torch.tensor(LABELS))
    assert sources.cross_entropy(STUDENT, LABELS) == pytest.approx(float(expected), rel=1e-13)
