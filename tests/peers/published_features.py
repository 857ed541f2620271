"""What published packages compute on features and relations, each with its relation to kdref's loss."""

from typing import Any

import pytest

from tests.peers.agreement import Peer


def torchdistill(name: str, s: Any, t: Any, **options: Any) -> Any:
    """A loss between two modules' outputs."""
    module = pytest.importorskip("torchdistill.losses.mid_level")
    return getattr(module, name)(**options)({"m": {"output": s}}, {"m": {"output": t}})


OUTPUTS = {"student_output_path": "m", "teacher_output_path": "m"}
PAIR = {"student": {"io": "output", "path": "m"}, "teacher": {"io": "output", "path": "m"}}
MODULES = {
    "student_module_path": "m",
    "student_module_io": "output",
    "teacher_module_path": "m",
    "teacher_module_io": "output",
}


def torch_hint(f: Any, g: Any) -> Any:
    """A mean over D and no 1/2: D/2 times it is the loss."""
    torch = pytest.importorskip("torch")
    return f.shape[1] / 2.0 * torch.nn.functional.mse_loss(f, g)


def torch_cosine_feature(f: Any, g: Any) -> Any:
    torch = pytest.importorskip("torch")
    return torch.nn.functional.cosine_embedding_loss(f, g, torch.ones(len(f), dtype=f.dtype))


def torch_variational_information(mean: Any, g: Any, *, variance: float) -> Any:
    """Without ``full=True`` it leaves the same constant out."""
    torch = pytest.importorskip("torch")
    variances = torch.full_like(mean, variance)
    return torch.nn.functional.gaussian_nll_loss(mean, g, variances)


def torchdistill_variational_information(mean: Any, g: Any, *, variance: float) -> Any:
    torch = pytest.importorskip("torch")
    student = (mean, torch.full_like(mean, variance))
    return torchdistill("VIDLoss", student, g, feature_pairs={"pair": PAIR})


def torchdistill_attention_transfer(f: Any, g: Any, *, power: float) -> Any:
    """Its mode "code"; a mean over channels instead of a sum is lost in the normalisation."""
    assert power == 2.0
    return torchdistill("ATLoss", f, g, at_pairs={"pair": PAIR}, mode="code")


def torchdistill_correlation_congruence(f: Any, g: Any, *, gamma: float, order: int) -> Any:
    """The norm of the difference, not its square, over N^2, of features that it does not normalise."""
    unit = (x / x.norm(dim=1, keepdim=True) for x in (f, g))
    norm = torchdistill(
        "CCKDLoss",
        *unit,
        student_linear_path="m",
        teacher_linear_path="m",
        kernel_config={"type": "gaussian", "gamma": gamma, "max_p": order},
        reduction="batchmean",
    )
    return len(f) ** 2 * norm**2


def torchdistill_relational_distance(f: Any, g: Any) -> Any:
    factors = {"dist_factor": 1.0, "angle_factor": 0.0}
    return torchdistill("RKDLoss", f, g, **OUTPUTS, **factors, reduction="mean")


def torchdistill_relational_angle(f: Any, g: Any) -> Any:
    factors = {"dist_factor": 0.0, "angle_factor": 1.0}
    return torchdistill("RKDLoss", f, g, **OUTPUTS, **factors, reduction="mean")


def torchdistill_probabilistic_transfer(f: Any, g: Any) -> Any:
    """A mean over the N^2 entries, as in the authors' code: N times it is the loss.  Its eps, 1e-7, is set to 0."""
    return len(f) * torchdistill("PKTLoss", f, g, **MODULES, eps=0.0)


FEATURES = (
    Peer("hint", "torch", "torch", torch_hint, {}),
    Peer("cosine_feature", "torch", "torch", torch_cosine_feature, {}),
    Peer("variational_information", "torch", "torch", torch_variational_information, {}),
    Peer(
        "variational_information", "torchdistill", "torch", torchdistill_variational_information, {}
    ),
    Peer("attention_transfer", "torchdistill", "torch", torchdistill_attention_transfer, {}),
    Peer(
        "correlation_congruence", "torchdistill", "torch", torchdistill_correlation_congruence, {}
    ),
    Peer("relational_distance", "torchdistill", "torch", torchdistill_relational_distance, {}),
    Peer("relational_angle", "torchdistill", "torch", torchdistill_relational_angle, {}),
    Peer(
        "probabilistic_transfer", "torchdistill", "torch", torchdistill_probabilistic_transfer, {}
    ),
)
