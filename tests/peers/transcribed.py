"""Papers' formulas in PyTorch, for the losses that no published package has; autograd differentiates them.

Each follows the text of its paper, in the paper's order and with the means to read it: probabilities first, then
logarithms, nothing rearranged.
"""

from typing import Any

from tests.peers.agreement import Peer
from tests.peers.loading import package
from tests.peers.transcribed_features import FEATURES


def kl(p: Any, q: Any) -> Any:
    """sum_k p_k log(p_k / q_k) of each row."""
    return (p * (p / q).log()).sum(1)


def one_hot(y: Any, like: Any) -> Any:
    torch = package("torch")
    return torch.nn.functional.one_hot(y, like.shape[1]).to(like.dtype)


def virtual_teacher(s: Any, y: Any, *, temperature: float, confidence: float) -> Any:
    """Yuan et al. 2020: a manually designed distribution, softened like a teacher's."""
    hot = one_hot(y, s)
    u = confidence * hot + (1.0 - confidence) / (s.shape[1] - 1) * (1.0 - hot)
    powers = u ** (1.0 / temperature)
    return kl(powers / powers.sum(1, keepdim=True), (s / temperature).softmax(1)).mean()


def total_variation(s: Any, t: Any, *, temperature: float) -> Any:
    """Wen et al. 2023: half of the sum of the absolute differences."""
    difference = (t / temperature).softmax(1) - (s / temperature).softmax(1)
    return 0.5 * difference.abs().sum(1).mean()


def skew_forward_kl(s: Any, t: Any, *, temperature: float, skew: float) -> Any:
    """Ko et al. 2024: KL from p to the mixture of p and q."""
    p, q = (t / temperature).softmax(1), (s / temperature).softmax(1)
    return kl(p, skew * p + (1.0 - skew) * q).mean()


def skew_reverse_kl(s: Any, t: Any, *, temperature: float, skew: float) -> Any:
    """Ko et al. 2024: KL from q to the mixture, the roles exchanged."""
    p, q = (t / temperature).softmax(1), (s / temperature).softmax(1)
    return kl(q, skew * q + (1.0 - skew) * p).mean()


def normalised_kd(s: Any, t: Any, y: Any, *, temperature: float, gamma: float) -> Any:
    """Yang et al. 2023, equation 7: S_t and T_t at T = 1, the normalised rest at lambda = T."""
    hot = one_hot(y, s)
    target = ((t.softmax(1) * hot).sum(1)) * (s.softmax(1) * hot).sum(1).log()
    rests = []
    for z in (t, s):
        p = (z / temperature).softmax(1)
        rest = p[hot == 0].reshape(len(p), -1)
        rests.append(rest / rest.sum(1, keepdim=True))
    return -(target + gamma * temperature**2 * (rests[0] * rests[1].log()).sum(1)).mean()


def top_k_kl_drop(s: Any, t: Any, *, temperature: float, k: int, tail: str) -> Any:
    """The stored k log-probabilities of the teacher, renormalised, against the student's over all classes."""
    assert tail == "drop"
    stored, index = (t / temperature).softmax(1).topk(k, dim=1)
    p = stored / stored.sum(1, keepdim=True)
    return kl(p, (s / temperature).softmax(1).gather(1, index)).mean()


TRANSCRIBED = FEATURES + tuple(
    Peer(name, "transcription", "torch", function, parameters)
    for name, function, parameters in (
        ("virtual_teacher", virtual_teacher, {}),
        ("total_variation", total_variation, {}),
        ("skew_forward_kl", skew_forward_kl, {}),
        ("skew_reverse_kl", skew_reverse_kl, {}),
        ("normalised_kd", normalised_kd, {}),
        ("top_k_kl", top_k_kl_drop, {"tail": "drop", "k": 3}),
    )
)
