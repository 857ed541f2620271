"""Losses and gradients against other people's libraries, on inputs where all of them are accurate.

Needs the extra ``peers`` and runs with ``-m peers``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import kdref

pytestmark = pytest.mark.peers

# Both sides compute in float64 on moderate logits: sums of ten terms of size 1, each off by a few ulp.
RELATIVE, ABSOLUTE = 1e-12, 1e-14

T, ALPHA, BETA = 2.5, 0.7, 0.3
RNG = np.random.default_rng(20150309)
STUDENT, TEACHER = RNG.normal(scale=3.0, size=(2, 16, 10))
LABELS = RNG.integers(10, size=16)


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch", reason="needs the extra 'peers'")


@pytest.fixture(scope="module")
def special() -> Any:
    return pytest.importorskip("scipy.special", reason="needs the extra 'peers'")


def torch_losses(torch: Any) -> dict[str, Callable[[Any], Any]]:
    """The losses as PyTorch's users write them, as functions of the student's logits."""
    functional = torch.nn.functional
    teacher, labels = torch.tensor(TEACHER), torch.tensor(LABELS)
    log_p = functional.log_softmax(teacher / T, dim=1)

    def log_q(student: Any) -> Any:
        return functional.log_softmax(student / T, dim=1)

    def divergence(log_a: Any, log_b: Any) -> Any:  # KL(a, b): PyTorch takes b first
        return functional.kl_div(log_b, log_a, reduction="batchmean", log_target=True)

    def jensen_shannon(student: Any) -> Any:
        log_m = torch.log(BETA * log_p.exp() + (1.0 - BETA) * log_q(student).exp())
        return BETA * divergence(log_p, log_m) + (1.0 - BETA) * divergence(log_q(student), log_m)

    def distillation(student: Any) -> Any:
        soft, hard = divergence(log_p, log_q(student)), functional.cross_entropy(student, labels)
        return ALPHA * T**2 * soft + (1.0 - ALPHA) * hard

    return {
        "hard_label": lambda student: functional.cross_entropy(student, labels),
        "soft_cross_entropy": lambda student: functional.cross_entropy(student / T, log_p.exp()),
        "forward_kl": lambda student: divergence(log_p, log_q(student)),
        "reverse_kl": lambda student: divergence(log_q(student), log_p),
        "generalised_js": jensen_shannon,
        "distillation": distillation,
    }


@pytest.mark.parametrize("entry", kdref.LOSSES.values(), ids=lambda entry: entry.name)
def test_loss_and_gradient_agree_with_pytorch_and_its_autograd(
    torch: Any, entry: kdref.LossEntry
) -> None:
    given = {"student_logits": STUDENT, "teacher_logits": TEACHER, "labels": LABELS}
    inputs = [given[name] for name in entry.inputs]
    chosen = {"temperature": T, "alpha": ALPHA, "beta": BETA}
    parameters = {name: chosen[name] for name in entry.parameters}
    student = torch.tensor(STUDENT, requires_grad=True)
    loss = torch_losses(torch)[entry.name](student)
    loss.backward()
    assert entry.value(*inputs, **parameters) == pytest.approx(loss.item(), rel=RELATIVE)
    gradient = entry.grad(*inputs, **parameters)
    np.testing.assert_allclose(gradient, student.grad.numpy(), rtol=RELATIVE, atol=ABSOLUTE)


def test_probabilities_agree_with_scipy(special: Any) -> None:
    np.testing.assert_allclose(
        kdref.softmax(TEACHER), special.softmax(TEACHER, axis=1), rtol=RELATIVE
    )
    np.testing.assert_allclose(
        kdref.log_softmax(TEACHER), special.log_softmax(TEACHER, axis=1), rtol=RELATIVE
    )
    np.testing.assert_allclose(
        kdref.logsumexp(TEACHER), special.logsumexp(TEACHER, axis=1), rtol=RELATIVE
    )


def test_divergences_agree_with_scipy(special: Any) -> None:
    p, q = kdref.softmax(TEACHER), kdref.softmax(STUDENT)
    np.testing.assert_allclose(kdref.entropy(p), special.entr(p).sum(axis=1), rtol=RELATIVE)
    np.testing.assert_allclose(
        kdref.kl_divergence(p, q), special.rel_entr(p, q).sum(axis=1), rtol=RELATIVE
    )
