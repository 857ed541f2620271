"""Libraries for any network, which can be installed: their tests run the published package."""

from kdref.conformance.convention import Branch, Convention
from kdref.conformance.convention import distillation_convention as described
from kdref.conformance.distributions import Distribution
from kdref.conformance.libraries.published import PublishedLoss
from kdref.conformance.terms import Floor, Term
from kdref.conformance.weights import weight

STUDENT, TEACHER = Distribution("student"), Distribution("teacher")
AT_ONE = Distribution("teacher", "softmax", 1.0), Distribution("student", "softmax", 1.0)

KERAS = Floor("clip all", 1e-7)
"""Keras clips the arguments of its KL divergence to [1e-7, 1]."""


HARD_DISTILLATION = Convention(
    (
        (weight("1 - alpha"), Term("label", None, AT_ONE[1])),
        (weight("alpha"), Term("teacher choice", *AT_ONE)),
    )
)
"""The teacher's largest class as a second label."""


def decoupled(non_target: float) -> Convention:
    """Decoupled distillation with T^2, its target part with weight 1."""
    return Convention(
        (
            (weight(temperature=2.0), Term("target kl", TEACHER, STUDENT)),
            (weight(temperature=2.0, constant=non_target), Term("non-target kl", TEACHER, STUDENT)),
        )
    )


def alpha_on_hard(transform: str = "softmax") -> Convention:
    """Alpha on the hard term; with alpha 0 the divergence alone, and no T^2."""
    soft = described(
        transform=transform, hard_weight=None, soft_weight="1", temperature_power=0.0
    ).terms
    usual = described(transform=transform, soft_weight="1 - alpha", hard_weight="alpha").terms
    return Convention(usual, (Branch("alpha", 0.0, soft),))


PACKAGES = (
    PublishedLoss(
        "torchdistill",
        "torchdistill",
        "1.1.5",
        "2026-08",
        "torchdistill/losses/mid_level.py: KDLoss",
        alpha_on_hard(),
        "run",
        temperature="temperature",
        alpha="alpha, on the hard term",
        note="With alpha=0 or without targets it returns the divergence without T^2.  Its beta, 1 - alpha by default, "
        "frees the soft weight.",
        threads=("https://github.com/yoshitomo-matsubara/torchdistill/issues/233",),
    ),
    PublishedLoss(
        "torchdistill-logit-std",
        "torchdistill",
        "1.1.5",
        "2026-08",
        "torchdistill/losses/mid_level.py: LogitStdKDLoss",
        alpha_on_hard("standardised, ddof 1"),
        "run",
        temperature="temperature",
        alpha="alpha, on the hard term",
        note="Logits are standardised row by row, so that their scale does not matter.  With alpha=0 there is no T^2.",
        equivalent="alpha * hard_label_loss(s, y) + (1 - alpha) * T**2 * standardised_kl_loss(s, t, temperature=T)",
    ),
    PublishedLoss(
        "torchdistill-dist",
        "torchdistill",
        "1.1.5",
        "2026-08",
        "torchdistill/losses/mid_level.py: DISTLoss",
        Convention(
            (
                (weight(temperature=2.0), Term("correlation", TEACHER, STUDENT)),
                (weight(temperature=2.0), Term("column correlation", TEACHER, STUDENT)),
            )
        ),
        "run",
        temperature="tau",
        note="Its beta and gamma, both 1 by default, weight the two correlations.",
        equivalent="T**2 * dist_loss(s, t, temperature=T)",
    ),
    PublishedLoss(
        "keras-logits",
        "keras",
        "3.15.1",
        "2026-07",
        "keras/src/distillation/distillation_loss.py: LogitsDistillation, in a Distiller",
        described(transform="raw", temperature_power=0.0, epsilon=(KERAS, KERAS)),
        "run",
        temperature="temperature",
        alpha="1 - student_loss_weight",
        note="By default its loss is the string 'kl_divergence', which becomes a function, and only an instance of "
        "KLDivergence gets a softmax and T^2: the divergence is of the logits themselves, clipped to [1e-7, 1].",
    ),
    PublishedLoss(
        "keras-logits-kl",
        "keras",
        "3.15.1",
        "2026-07",
        "keras/src/distillation/distillation_loss.py: LogitsDistillation(loss=KLDivergence()), in a Distiller",
        described(epsilon=(KERAS, KERAS)),
        "run",
        temperature="temperature",
        alpha="1 - student_loss_weight",
        note="Probabilities are clipped to [1e-7, 1]: the divergence of a row cannot exceed 16.118.",
    ),
    PublishedLoss(
        "vit-pytorch",
        "vit-pytorch",
        "1.26.11",
        "2026-10",
        "vit_pytorch/distill.py: DistillWrapper",
        described(),
        "run",
        temperature="temperature",
        alpha="alpha",
        note="The hard term sees the class token's logits, the soft term those of the distillation token.",
        threads=(
            "https://github.com/lucidrains/vit-pytorch/pull/91",
            "https://github.com/lucidrains/vit-pytorch/issues/289",
        ),
    ),
    PublishedLoss(
        "vit-pytorch-hard",
        "vit-pytorch",
        "1.26.11",
        "2026-10",
        "vit_pytorch/distill.py: DistillWrapper(hard=True)",
        HARD_DISTILLATION,
        "run",
        alpha="alpha",
        note="Hard distillation: the teacher's largest class is a second label, and there is no temperature.",
        equivalent="(1 - alpha) * hard_label_loss(s, y) + alpha * hard_label_loss(s, t.argmax(axis=1))",
    ),
    PublishedLoss(
        "kd-lib",
        "KD-Lib",
        "0.0.32",
        "2022-05",
        "KD_Lib/KD/vision/vanilla/vanilla_kd.py: VanillaKD",
        described("squared", reduction="mean"),
        "run",
        temperature="temp",
        alpha="distil_weight",
        note="By default loss_fn is a mean squared error of the two softmaxes.  A KLDivLoss in its place would be "
        "given probabilities instead of log-probabilities, and the two sides the other way round.",
        threads=("https://github.com/AberHu/Knowledge-Distillation-Zoo/issues/12",),
        equivalent="(1 - alpha) * hard_label_loss(s, y) + alpha * T**2 * ((softmax(t / T) - softmax(s / T))**2).mean()",
    ),
    PublishedLoss(
        "kd-lib-self-training",
        "KD-Lib",
        "0.0.32",
        "2022-05",
        "KD_Lib/KD/vision/teacher_free/self_training.py: SelfTraining",
        described(student_temperature=1.0, temperature_power=0.0, reduction="mean"),
        "run",
        temperature="temp, on the teacher only",
        alpha="distil_weight",
        note="Only the teacher is softened; KLDivLoss() divides by the number of classes.",
        threads=("https://github.com/yuanli2333/Teacher-free-Knowledge-Distillation/issues/24",),
    ),
    PublishedLoss(
        "mmrazor",
        "mmrazor",
        "1.0.0",
        "2023-04",
        "mmrazor/models/losses/kl_divergence.py: KLDivergence",
        described(hard_weight=None, soft_weight="1"),
        "run",
        temperature="tau",
        note="Its loss_weight, 1 by default, stands beside the task's loss; softmax along dimension 1.",
        threads=("https://github.com/open-mmlab/mmrazor/pull/100",),
    ),
    PublishedLoss(
        "mmrazor-dkd",
        "mmrazor",
        "1.0.0",
        "2023-04",
        "mmrazor/models/losses/decoupled_kd.py: DKDLoss",
        decoupled(1.0),
        "run",
        temperature="tau",
        note="Its alpha and beta, both 1 by default, weight the two parts.  With reduction='mean' it is a sum over "
        "rows, because size_average=False is passed too.",
        equivalent="T**2 * decoupled_kd_loss(s, t, y, temperature=T, target_weight=1, non_target_weight=1)",
    ),
    PublishedLoss(
        "mmdetection",
        "mmdet",
        "3.3.0",
        "2024-01",
        "mmdet/models/losses/kd_loss.py: KnowledgeDistillationKLDivLoss",
        described(reduction="mean", hard_weight=None, soft_weight="1"),
        "run",
        temperature="T",
        note="A mean over the classes before the mean over rows; many detection repositories copy it.",
        threads=("https://github.com/HikariTJU/LD/issues/74",),
    ),
    PublishedLoss(
        "modelopt",
        "nvidia-modelopt",
        "0.47.0",
        "2026-09",
        "modelopt/torch/distill/losses.py: LogitsDistillationLoss",
        described(reduction="mean", hard_weight=None, soft_weight="1"),
        "run",
        temperature="temperature",
        note="reduction='mean', its default, divides by the number of classes too; 'none' sums over the classes.",
    ),
    PublishedLoss(
        "fasterai",
        "fasterai",
        "0.4.1",
        "2026-09",
        "fasterai/distill/losses.py: SoftTarget",
        described(hard_weight=None, soft_weight="1"),
        "run",
        temperature="T",
    ),
    PublishedLoss(
        "lightly-train",
        "lightly-train",
        "0.18.0",
        "2026-10",
        "lightly_train/_methods/distillation/distillation_loss.py: DistillationLoss",
        described(temperature_power=0.0, hard_weight=None, soft_weight="1"),
        "run",
        temperature="temperature",
        note="Its logits are products of unit features with those in a queue.  Without T^2, at its T of 0.07, the loss "
        "is 204 times as large.",
        threads=("https://github.com/lightly-ai/lightly-train/issues/352",),
    ),
)
"""Losses of installable libraries."""
