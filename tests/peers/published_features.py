"""What published packages compute on features and relations, each with its relation to kdref's loss."""

from typing import Any

from tests.peers.agreement import Peer
from tests.peers.loading import alone, package

EPSILON = 1e-11
"""What PyTorch's 1e-12 beside a squared length of about 1 explains."""


def torchdistill(name: str, s: Any, t: Any, **options: Any) -> Any:
    """A loss between two modules' outputs."""
    module = package("torchdistill.losses.mid_level")
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
    torch = package("torch")
    return f.shape[1] / 2.0 * torch.nn.functional.mse_loss(f, g)


def torch_cosine_feature(f: Any, g: Any) -> Any:
    """Adds 1e-12 to the squared lengths."""
    torch = package("torch")
    return torch.nn.functional.cosine_embedding_loss(f, g, torch.ones(len(f), dtype=f.dtype))


def torch_variational_information(mean: Any, g: Any, *, variance: float) -> Any:
    """Unless `full`, it leaves the same constant out."""
    torch = package("torch")
    variances = torch.full_like(mean, variance)
    return torch.nn.functional.gaussian_nll_loss(mean, g, variances)


def torchdistill_variational_information(mean: Any, g: Any, *, variance: float) -> Any:
    torch = package("torch")
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


def textbrewer_flow(f: Any, g: Any, *, student_later: Any, teacher_later: Any) -> Any:
    """Of sequences: the places of a map are its positions, the channels its hidden units."""
    layers = [[sequence(x) for x in pair] for pair in ((f, student_later), (g, teacher_later))]
    return alone("textbrewer.losses").fsp_loss(*layers)


def textbrewer_neuron_selectivity(f: Any, g: Any) -> Any:
    """A mean over the (H W)^2 entries, of channels as they are: of unit ones, (H W)^2 times it is the loss."""
    units = [x / x.norm(dim=1, keepdim=True) for x in (sequence(f), sequence(g))]
    layers = [[unit, unit] for unit in units]
    return units[0].shape[1] ** 2 * alone("textbrewer.losses").mmd_loss(*layers)


def sequence(maps: Any) -> Any:
    """(N, C, H, W) as (N, H W, C)."""
    return maps.flatten(2).transpose(1, 2)


FEATURES = (
    Peer("flow", "textbrewer", "torch", textbrewer_flow, {}),
    Peer("neuron_selectivity", "textbrewer", "torch", textbrewer_neuron_selectivity, {}),
    Peer("hint", "torch", "torch", torch_hint, {}),
    Peer("cosine_feature", "torch", "torch", torch_cosine_feature, {}, EPSILON),
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
