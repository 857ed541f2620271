"""The published distillation losses of installable packages, called as ``(s, t, y, temperature=..., alpha=...)``.

Each is named as in `kdref.conformance.CONVENTIONS`.  What its own parameters are set to is what the entry says.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from tests.peers.loading import alone, package


@dataclass(frozen=True)
class Published:
    """A package's loss.

    Attributes
    ----------
    function : callable
        ``function(student, teacher, labels, *, temperature, alpha)``, without what the loss has no use for.
    framework : str
        What it computes with.
    """

    function: Callable[..., Any]
    framework: str = "torch"


# --------------------------------------------------------------------------------- any network


def torchdistill_kd(s: Any, t: Any, y: Any, *, temperature: float, alpha: float) -> Any:
    return _torchdistill("KDLoss", s, t, y, temperature=temperature, alpha=alpha)


def torchdistill_logit_std(s: Any, t: Any, y: Any, *, temperature: float, alpha: float) -> Any:
    return _torchdistill("LogitStdKDLoss", s, t, y, temperature=temperature, alpha=alpha)


def torchdistill_dist(s: Any, t: Any, y: Any, *, temperature: float) -> Any:
    return _torchdistill("DISTLoss", s, t, y, tau=temperature)


def _torchdistill(name: str, s: Any, t: Any, y: Any, **options: Any) -> Any:
    module = package("torchdistill.losses.mid_level")
    criterion = getattr(module, name)("s", "output", "t", "output", **options)
    return criterion({"s": {"output": s}}, {"t": {"output": t}}, y)


def keras_logits(s: Any, t: Any, y: Any, *, temperature: float, alpha: float) -> Any:
    return _keras(s, t, y, temperature, alpha, {})


def keras_logits_kl(s: Any, t: Any, y: Any, *, temperature: float, alpha: float) -> Any:
    divergence = package("keras").losses.KLDivergence()
    return _keras(s, t, y, temperature, alpha, {"loss": divergence})


def _keras(
    s: Any, t: Any, y: Any, temperature: float, alpha: float, options: Mapping[str, Any]
) -> Any:
    """A `Distiller` around two models that return the given logits."""
    keras = package("keras")
    distiller = keras.distillation.Distiller(
        teacher=_keras_model(t),
        student=_keras_model(s),
        distillation_losses=keras.distillation.LogitsDistillation(temperature, **options),
        student_loss_weight=1.0 - alpha,
    )
    distiller.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    distiller.built = True
    return distiller.compute_loss(x=s, y=y, y_pred=s, training=True)


def _keras_model(output: Any) -> Any:
    """A model whose output is known."""
    keras = package("keras")

    # keras is of no type here, and of one where it is installed.
    class Known(keras.Model):  # type: ignore[misc, name-defined, unused-ignore]
        def call(self, x: Any) -> Any:
            return output

    return Known()


def vit_pytorch(s: Any, t: Any, y: Any, *, temperature: float, alpha: float) -> Any:
    return _vit_pytorch(s, t, y, temperature, alpha, hard=False)


def vit_pytorch_hard(s: Any, t: Any, y: Any, *, alpha: float) -> Any:
    return _vit_pytorch(s, t, y, 1.0, alpha, hard=True)


def _vit_pytorch(s: Any, t: Any, y: Any, temperature: float, alpha: float, *, hard: bool) -> Any:
    """The wrapper's forward pass, its networks replaced by their outputs."""
    networks = SimpleNamespace(
        teacher=lambda image: t,
        student=lambda image, distill_token: (s, s),
        distill_mlp=lambda token: token,
        distillation_token=None,
        temperature=temperature,
        alpha=alpha,
        hard=hard,
    )
    return alone("vit_pytorch.distill").DistillWrapper.forward(networks, None, y)


def kd_lib(s: Any, t: Any, y: Any, *, temperature: float, alpha: float) -> Any:
    trainer = alone("KD_Lib.KD.vision.vanilla.vanilla_kd").VanillaKD
    return _kd_lib(trainer, temperature, alpha).calculate_kd_loss(s, t, y)


def kd_lib_self_training(s: Any, t: Any, y: Any, *, temperature: float, alpha: float) -> Any:
    trainer = alone("KD_Lib.KD.vision.teacher_free.self_training").SelfTraining
    torch = package("torch")
    made = trainer(torch.nn.Identity(), None, None, None, temp=temperature, distil_weight=alpha)
    return made.calculate_kd_loss(s, t, y)


def _kd_lib(trainer: Any, temperature: float, alpha: float) -> Any:
    network = package("torch").nn.Identity()
    return trainer(network, network, None, None, None, None, temp=temperature, distil_weight=alpha)


def mmrazor_kl(s: Any, t: Any, *, temperature: float) -> Any:
    return alone("mmrazor.models.losses.kl_divergence").KLDivergence(tau=temperature)(s, t)


def mmrazor_dkd(s: Any, t: Any, y: Any, *, temperature: float) -> Any:
    return alone("mmrazor.models.losses.decoupled_kd").DKDLoss(tau=temperature)(s, t, y)


def mmdetection(s: Any, t: Any, *, temperature: float) -> Any:
    module = alone("mmdet.models.losses.kd_loss")
    return module.KnowledgeDistillationKLDivLoss(T=temperature)(s, t)


def modelopt(s: Any, t: Any, *, temperature: float) -> Any:
    module = alone("modelopt.torch.distill.losses")
    return module.LogitsDistillationLoss(temperature=temperature)(s, t)


def fasterai(s: Any, t: Any, *, temperature: float) -> Any:
    return package("fasterai.distill.losses").SoftTarget(s, t, T=temperature)


def lightly_train(s: Any, t: Any, *, temperature: float) -> Any:
    """Features whose products with an identity matrix, the queue, are the logits."""
    module = alone("lightly_train._methods.distillation.distillation_loss")
    queue = package("torch").eye(s.shape[1], dtype=s.dtype)
    return module.DistillationLoss(temperature)(teacher_features=t, student_features=s, queue=queue)


# ------------------------------------------------------------------------------ language models


def trl_gkd(s: Any, t: Any, y: Any, *, temperature: float, alpha: float) -> Any:
    trainer = package("trl.experimental.gkd.gkd_trainer").GKDTrainer
    return trainer.generalized_jsd_loss(s, t, y, beta=alpha, temperature=temperature)


def trl_distillation(s: Any, t: Any, y: Any, *, temperature: float, alpha: float) -> Any:
    """Hidden states that an identity matrix projects to the logits; padding is a mask."""
    torch = package("torch")
    head = torch.eye(s.shape[1], dtype=s.dtype)
    module = package("trl.trainer.distillation_trainer")
    loss, _, _ = module._chunked_divergence_loss(
        s[None], t[None], head, head, (y != -100)[None], alpha, temperature=temperature
    )
    return loss


def torchtune_forward(s: Any, t: Any, y: Any) -> Any:
    return alone("torchtune.modules.loss.kd_losses").ForwardKLLoss()(s, t, y)


def torchtune_reverse(s: Any, t: Any, y: Any) -> Any:
    return alone("torchtune.modules.loss.kd_losses").ReverseKLLoss()(s, t, y)


def torchtune_symmetric(s: Any, t: Any, y: Any, *, alpha: float) -> Any:
    module = alone("torchtune.modules.loss.kd_losses")
    return module.SymmetricKLLoss(sym_kd_ratio=alpha)(s, t, y)


def liger_jsd(s: Any, t: Any, y: Any, *, temperature: float) -> Any:
    """Inputs that an identity matrix projects to the logits."""
    weights = package("torch").eye(s.shape[1], dtype=s.dtype)
    module = package("liger_kernel.chunked_loss")
    criterion = module.LigerFusedLinearJSDLoss(temperature=temperature, compiled=False)
    return criterion(s, weights, t, weights, y)


def textbrewer(s: Any, t: Any, *, temperature: float) -> Any:
    return alone("textbrewer.losses").kd_ce_loss(s, t, temperature)


def textbrewer_mse(s: Any, t: Any, *, temperature: float) -> Any:
    return alone("textbrewer.losses").kd_mse_loss(s, t, temperature)


def sentence_transformers(s: Any, t: Any, *, temperature: float) -> Any:
    """A similarity that picks the logit of each candidate."""
    module = package("sentence_transformers.sentence_transformer.losses.distill_kl_div")
    criterion = module.DistillKLDivLoss(
        None, similarity_fct=lambda query, candidate: candidate, temperature=temperature
    )
    return criterion.compute_loss_from_embeddings([s, *s.T], t)


def tunix(s: Any, t: Any, y: Any, *, temperature: float, alpha: float) -> Any:
    strategy = alone("tunix.distillation.strategies.logit").LogitStrategy
    made = strategy(None, None, None, temperature=temperature, alpha=alpha)
    loss, _ = made.compute_loss(s, t, package("jax").nn.one_hot(y, s.shape[1]))
    return loss


PACKAGES = {
    "torchdistill": Published(torchdistill_kd),
    "torchdistill-logit-std": Published(torchdistill_logit_std),
    "torchdistill-dist": Published(torchdistill_dist),
    "keras-logits": Published(keras_logits, "keras"),
    "keras-logits-kl": Published(keras_logits_kl, "keras"),
    "vit-pytorch": Published(vit_pytorch),
    "vit-pytorch-hard": Published(vit_pytorch_hard),
    "kd-lib": Published(kd_lib),
    "kd-lib-self-training": Published(kd_lib_self_training),
    "mmrazor": Published(mmrazor_kl),
    "mmrazor-dkd": Published(mmrazor_dkd),
    "mmdetection": Published(mmdetection),
    "modelopt": Published(modelopt),
    "fasterai": Published(fasterai),
    "lightly-train": Published(lightly_train),
    "trl-gkd": Published(trl_gkd),
    "trl-distillation": Published(trl_distillation),
    "torchtune": Published(torchtune_forward),
    "torchtune-reverse": Published(torchtune_reverse),
    "torchtune-symmetric": Published(torchtune_symmetric),
    "liger-jsd": Published(liger_jsd),
    "textbrewer": Published(textbrewer),
    "textbrewer-mse": Published(textbrewer_mse),
    "sentence-transformers": Published(sentence_transformers),
    "tunix": Published(tunix, "jax"),
}
