"""What the notes of `CONVENTIONS` say of packages beyond their formulas."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kdref.conformance import CONVENTIONS
from tests.peers.loading import alone, package
from tests.peers.packages import PACKAGES

pytestmark = pytest.mark.peers

RNG = np.random.default_rng(5)
STUDENT, TEACHER = RNG.normal(size=(2, 6, 4)) * 2.0
LABELS = RNG.integers(0, 4, 6)
T = 2.5


def tensors() -> tuple[Any, Any, Any]:
    torch = package("torch")
    return torch.tensor(STUDENT), torch.tensor(TEACHER), torch.tensor(LABELS)


def value(name: str, **parameters: float) -> float:
    return float(PACKAGES[name].function(*tensors(), **parameters))


def test_pytorch_warns_that_its_mean_will_be_another() -> None:
    s, t, _ = tensors()
    with pytest.warns(UserWarning, match="will be changed to behave the same as 'batchmean'"):
        package("torch").nn.KLDivLoss()(s.log_softmax(1), t.softmax(1))


def test_torchdistill_without_targets_leaves_out_t_squared() -> None:
    s, t, _ = tensors()
    module = package("torchdistill.losses.mid_level")
    loss = module.KDLoss("s", "output", "t", "output", temperature=T, alpha=0.5)
    without = float(loss({"s": {"output": s}}, {"t": {"output": t}}))
    assert without == pytest.approx(value("torchdistill", temperature=T, alpha=0.0), rel=1e-12)


@pytest.mark.filterwarnings("ignore")  # PyTorch warns of size_average
def test_mmrazor_s_decoupled_mean_is_a_sum() -> None:
    s, t, y = tensors()
    criterion = alone("mmrazor.models.losses.decoupled_kd").DKDLoss(tau=T, reduction="mean")
    total = len(LABELS) * value("mmrazor-dkd", temperature=T)
    assert float(criterion(s, t, y)) == pytest.approx(total, rel=1e-12)


def test_sentence_transformers_multiplies_by_the_square_of_the_student_s_temperature() -> None:
    s, t, _ = tensors()
    module = package("sentence_transformers.sentence_transformer.losses.distill_kl_div")
    criterion = module.DistillKLDivLoss(
        None,
        similarity_fct=lambda query, candidate: candidate,
        student_temperature=T,
        teacher_temperature=1.0,
    )
    got = float(criterion.compute_loss_from_embeddings([s, *s.T], t))
    p, log_q = t.softmax(1), (s / T).log_softmax(1)
    expected = T**2 * float((p * (p.log() - log_q)).sum(1).mean())
    assert got == pytest.approx(expected, rel=1e-12)


def test_keras_caps_the_divergence_of_a_row() -> None:
    torch = package("torch")
    s, t = torch.tensor([[100.0, -100.0]]), torch.tensor([[-100.0, 100.0]])
    function = PACKAGES["keras-logits-kl"].function
    capped = float(function(s, t, torch.tensor([0]), temperature=1.0, alpha=1.0))
    assert capped == pytest.approx(-math.log(1e-7), rel=1e-5)
    assert round(-math.log(1e-7), 3) == 16.118
    assert "16.118" in CONVENTIONS["keras-logits-kl"].note


def test_near_its_ends_trl_s_divergence_is_a_small_part_of_kl() -> None:
    near, at = (value("trl-gkd", temperature=T, alpha=beta) for beta in (0.01, 0.0))
    assert near == pytest.approx(0.01 * at, rel=0.05)


def test_lightly_train_s_default_temperature_leaves_out_a_factor() -> None:
    # The default stands in a module that needs much more: it is read.
    place = Path(alone("lightly_train._methods.distillation.distillation_loss").__file__)
    source = place.with_name("distillation.py").read_text(encoding="utf-8")
    assert "temperature: float = 0.07" in source
    assert round(0.07**-2) == 204
