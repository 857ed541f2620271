"""What published packages compute, each with its relation to kdref's loss."""

from types import SimpleNamespace
from typing import Any

from tests.peers.agreement import Peer
from tests.peers.loading import alone, package
from tests.peers.published_features import EPSILON, FEATURES


def functional() -> Any:
    return package("torch.nn.functional")


# ------------------------------------------------------------------------------------- PyTorch


def torch_hard_label(s: Any, y: Any) -> Any:
    return functional().cross_entropy(s, y)


def torch_label_smoothing(s: Any, y: Any, *, smoothing: float) -> Any:
    return functional().cross_entropy(s, y, label_smoothing=smoothing)


def torch_soft_cross_entropy(s: Any, t: Any, *, temperature: float) -> Any:
    return functional().cross_entropy(s / temperature, (t / temperature).softmax(1))


def torch_forward_kl(s: Any, t: Any, *, temperature: float) -> Any:
    log_q, log_p = (s / temperature).log_softmax(1), (t / temperature).log_softmax(1)
    return functional().kl_div(log_q, log_p, reduction="batchmean", log_target=True)


def torch_forward_kl_mean(s: Any, t: Any, *, temperature: float) -> Any:
    """Its reduction `mean` divides by N C: C times it is the loss."""
    log_q, p = (s / temperature).log_softmax(1), (t / temperature).softmax(1)
    return s.shape[1] * functional().kl_div(log_q, p, reduction="mean")


def torch_logit_mse(s: Any, t: Any) -> Any:
    return functional().mse_loss(s, t)


def torch_logit_cosine(s: Any, t: Any) -> Any:
    """Adds 1e-12 to the squared lengths."""
    torch = package("torch")
    return functional().cosine_embedding_loss(s, t, torch.ones(len(s), dtype=s.dtype))


# --------------------------------------------------------------------------------- torchdistill


def torchdistill_loss(name: str, s: Any, t: Any, targets: Any = None, **options: Any) -> Any:
    module = package("torchdistill.losses.mid_level")
    criterion = getattr(module, name)("s", "output", "t", "output", **options)
    return criterion({"s": {"output": s}}, {"t": {"output": t}}, targets)


def torchdistill_forward_kl(s: Any, t: Any, *, temperature: float) -> Any:
    """`KDLoss` without a hard term, alpha=0, has no T^2 either."""
    return torchdistill_loss("KDLoss", s, t, temperature=temperature, alpha=0.0)


def torchdistill_distillation(s: Any, t: Any, y: Any, *, temperature: float, alpha: float) -> Any:
    """Its alpha weights the hard term."""
    return torchdistill_loss("KDLoss", s, t, y, temperature=temperature, alpha=1.0 - alpha)


def torchdistill_dist(
    s: Any, t: Any, *, temperature: float, inter_weight: float, intra_weight: float
) -> Any:
    """T^2 times the loss; its eps of 1e-8 is a floor under the norms and changes nothing here."""
    return (
        torchdistill_loss("DISTLoss", s, t, beta=inter_weight, gamma=intra_weight, tau=temperature)
        / temperature**2
    )


def torchdistill_standardised_kl(s: Any, t: Any, *, temperature: float, ddof: int) -> Any:
    assert ddof == 1
    return torchdistill_loss("LogitStdKDLoss", s, t, temperature=temperature, alpha=0.0)


# ------------------------------------------------------------------------------------- mmrazor


def mmrazor_decoupled_kd(
    s: Any,
    t: Any,
    y: Any,
    *,
    temperature: float,
    target_weight: float,
    non_target_weight: float,
) -> Any:
    """T^2 times the loss."""
    criterion = alone("mmrazor.models.losses.decoupled_kd").DKDLoss(
        tau=temperature, alpha=target_weight, beta=non_target_weight
    )
    return criterion(s, t, y) / temperature**2


def mmrazor_weighted_soft_label(s: Any, t: Any, y: Any, *, temperature: float) -> Any:
    """T^2 times the loss."""
    module = alone("mmrazor.models.losses.weighted_soft_label_distillation")
    criterion = module.WSLD(tau=temperature, num_classes=s.shape[1])
    return criterion(s, t, y) / temperature**2


# ----------------------------------------------------------------------------------------- trl


def trl_generalised_js(s: Any, t: Any, *, temperature: float, beta: float) -> Any:
    trainer = package("trl.experimental.gold.gold_trainer").GOLDTrainer
    return trainer.generalized_jsd_loss(s, t, beta=beta, temperature=temperature)


def trl_divergence(alpha: float, s: Any, t: Any, temperature: float) -> Any:
    """Forward KL at 0, reverse KL at 1, generalised JS with the teacher's weight alpha between."""
    utils = package("trl.experimental.sdpo.loss_utils")
    return utils.compute_divergence(
        (s / temperature).log_softmax(1), (t / temperature).log_softmax(1), alpha
    ).mean()


def trl_forward_kl(s: Any, t: Any, *, temperature: float) -> Any:
    """`generalized_jsd_loss` jumps at beta 0 to forward KL, which is its limit divided by beta."""
    return trl_generalised_js(s, t, temperature=temperature, beta=0)


def trl_reverse_kl(s: Any, t: Any, *, temperature: float) -> Any:
    """`generalized_jsd_loss` jumps at beta 1 to reverse KL, which is its limit divided by 1 - beta."""
    return trl_generalised_js(s, t, temperature=temperature, beta=1)


def trl_symmetric_kl(s: Any, t: Any, *, temperature: float, forward_weight: float) -> Any:
    forward, reverse = (trl_divergence(a, s, t, temperature) for a in (0.0, 1.0))
    return forward_weight * forward + (1.0 - forward_weight) * reverse


def trl_top_k_kl(s: Any, t: Any, *, temperature: float, k: int, tail: str) -> Any:
    """Its support is the *student's* top k: with the roles exchanged its reverse KL is the loss."""
    utils = package("trl.experimental.sdpo.loss_utils")
    return utils.compute_topk_self_distillation_loss(
        t / temperature,
        s / temperature,
        distillation_topk=k,
        distillation_alpha=1.0,
        distillation_add_tail=tail == "bucket",
    ).mean()


def trl_universal_logit(s: Any, t: Any) -> Any:
    """One sequence whose answer is all of its tokens."""
    torch = package("torch")
    config = SimpleNamespace(
        uld_crossentropy_weight=0.0,
        uld_distillation_weight=1.0,
        uld_student_temperature=1.0,
        uld_teacher_temperature=1.0,
        uld_skip_student_eos=False,
        uld_skip_teacher_eos=False,
        use_extended_uld=False,
        uld_token_merge_strategy="product",  # how split tokens are merged; there are none
    )
    loss = package("trl.experimental.gold.gold_trainer").ULDLoss(config)
    ids = torch.ones((1, len(s)), dtype=torch.long)
    return loss(s[None], t[None], ids, ids, ids, ids)


# --------------------------------------------------------------------------------------- optax


def optax_hard_label(s: Any, y: Any) -> Any:
    return package("optax").softmax_cross_entropy_with_integer_labels(s, y).mean()


def optax_label_smoothing(s: Any, y: Any, *, smoothing: float) -> Any:
    optax, jax = package("optax"), package("jax")
    hot = jax.nn.one_hot(y, s.shape[1], dtype=s.dtype)
    return optax.softmax_cross_entropy(s, optax.smooth_labels(hot, smoothing)).mean()


def optax_kl(from_logits: Any, to_logits: Any, temperature: float) -> Any:
    optax, jax = package("optax"), package("jax")
    log_p, log_q = (jax.nn.log_softmax(z / temperature) for z in (from_logits, to_logits))
    return optax.losses.kl_divergence_with_log_targets(log_q, log_p).mean()


def optax_forward_kl(s: Any, t: Any, *, temperature: float) -> Any:
    return optax_kl(t, s, temperature)


def optax_reverse_kl(s: Any, t: Any, *, temperature: float) -> Any:
    return optax_kl(s, t, temperature)


def optax_logit_mse(s: Any, t: Any) -> Any:
    return package("optax").squared_error(s, t).mean()


def optax_logit_cosine(s: Any, t: Any) -> Any:
    return package("optax").cosine_distance(s, t).mean()


# --------------------------------------------------------------------------------------- keras


def keras_losses() -> Any:
    keras = package("keras")
    keras.config.set_floatx("float64")
    return keras.losses


def keras_forward_kl(s: Any, t: Any, *, temperature: float) -> Any:
    """Clips both sides to [1e-7, 1], which ordinary probabilities do not reach."""
    p, q = (t / temperature).softmax(1), (s / temperature).softmax(1)
    return keras_losses().kl_divergence(p, q).mean()


def keras_label_smoothing(s: Any, y: Any, *, smoothing: float) -> Any:
    hot = functional().one_hot(y, s.shape[1]).to(s.dtype)
    rows = keras_losses().categorical_crossentropy(
        hot, s, from_logits=True, label_smoothing=smoothing
    )
    return rows.mean()


PUBLISHED = (
    Peer("hard_label", "torch", "torch", torch_hard_label, {}),
    Peer("hard_label", "optax", "jax", optax_hard_label, {}),
    Peer("label_smoothing", "torch", "torch", torch_label_smoothing, {}),
    Peer("label_smoothing", "optax", "jax", optax_label_smoothing, {}),
    Peer("label_smoothing", "keras", "torch", keras_label_smoothing, {}),
    Peer("soft_cross_entropy", "torch", "torch", torch_soft_cross_entropy, {}),
    Peer("forward_kl", "torch", "torch", torch_forward_kl, {}),
    Peer("forward_kl", "torch", "torch", torch_forward_kl_mean, {}),
    Peer("forward_kl", "torchdistill", "torch", torchdistill_forward_kl, {}),
    Peer("forward_kl", "trl", "torch", trl_forward_kl, {}),
    Peer("forward_kl", "optax", "jax", optax_forward_kl, {}),
    Peer("forward_kl", "keras", "torch", keras_forward_kl, {"temperature": 4.0}),
    Peer("reverse_kl", "trl", "torch", trl_reverse_kl, {}),
    Peer("reverse_kl", "optax", "jax", optax_reverse_kl, {}),
    Peer("symmetric_kl", "trl", "torch", trl_symmetric_kl, {}),
    Peer("generalised_js", "trl", "torch", trl_generalised_js, {}),
    Peer("logit_mse", "torch", "torch", torch_logit_mse, {}),
    Peer("logit_mse", "optax", "jax", optax_logit_mse, {}),
    Peer("logit_cosine", "torch", "torch", torch_logit_cosine, {}, EPSILON),
    Peer("logit_cosine", "optax", "jax", optax_logit_cosine, {}),
    Peer("standardised_kl", "torchdistill", "torch", torchdistill_standardised_kl, {}),
    Peer("decoupled_kd", "mmrazor", "torch", mmrazor_decoupled_kd, {}),
    Peer("weighted_soft_label", "mmrazor", "torch", mmrazor_weighted_soft_label, {}),
    Peer("dist", "torchdistill", "torch", torchdistill_dist, {}),
    Peer("top_k_kl", "trl", "torch", trl_top_k_kl, {"tail": "bucket"}),
    Peer("top_k_kl", "trl", "torch", trl_top_k_kl, {"tail": "renormalise", "k": 3}),
    Peer("universal_logit", "trl", "torch", trl_universal_logit, {}),
    Peer("distillation", "torchdistill", "torch", torchdistill_distillation, {}),
    *FEATURES,
)
