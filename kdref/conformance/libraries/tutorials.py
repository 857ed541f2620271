"""Tutorials and courses, read at a commit, and packages that cannot be imported here."""

from kdref.conformance.convention import distillation_convention as described
from kdref.conformance.libraries.packages import KERAS
from kdref.conformance.libraries.published import PublishedLoss

KERAS_IO = "keras-team/keras-io"

TUTORIALS = (
    PublishedLoss(
        "pytorch-tutorial",
        "pytorch/tutorials",
        "c53e7d4efc0e39e455c531d21ec7db28ba220214",
        "",
        "beginner_source/knowledge_distillation_tutorial.py: train_knowledge_distillation",
        described(soft_weight=0.25, hard_weight=0.75),
        "source",
        temperature="T",
        note="soft_target_loss_weight and ce_loss_weight are free; 0.25 and 0.75 are what it shows.  The divergence is "
        "written as p (log p - log q), NaN where p underflows to 0.",
    ),
    PublishedLoss(
        "pytorch-tutorial-first",
        "pytorch/tutorials",
        "035c541fa706ab2b1eca57e0625b5bbdca5e04cb",
        "",
        "beginner_source/knowledge_distillation_tutorial.py: train_knowledge_distillation",
        described("cross entropy", soft_weight=0.25, hard_weight=0.75),
        "source",
        temperature="T",
        note="An earlier text of the tutorial: a cross entropy.",
    ),
    PublishedLoss(
        "keras-tutorial",
        KERAS_IO,
        "501fb4cbe62e5b5c434393f512a452ef833640a1",
        "",
        "examples/vision/knowledge_distillation.py: Distiller",
        described(soft_weight="1 - alpha", hard_weight="alpha", epsilon=(KERAS, KERAS)),
        "source",
        temperature="temperature",
        alpha="alpha, on the hard term",
        note="Probabilities are clipped to [1e-7, 1].",
        threads=("https://github.com/keras-team/keras-io/pull/870",),
    ),
    PublishedLoss(
        "keras-tutorial-first",
        KERAS_IO,
        "1da2fdefe1b108145dcdb0794b60195cda85c38d",
        "2020-09",
        "examples/vision/knowledge_distillation.py: Distiller",
        described(
            soft_weight="1 - alpha",
            hard_weight="alpha",
            temperature_power=0.0,
            epsilon=(KERAS, KERAS),
        ),
        "source",
        temperature="temperature",
        alpha="alpha, on the hard term",
        note="Without T^2, on purpose, says its author.  At this commit the constructor exchanges teacher and student, "
        "so that the teacher is trained; the formula is for the two as the training step names them.",
        threads=(
            "https://github.com/keras-team/keras-io/pull/870",
            "https://github.com/keras-team/keras-io/issues/869",
            "https://github.com/keras-team/keras-io/issues/257",
        ),
    ),
    PublishedLoss(
        "philschmid",
        "philschmid/knowledge-distillation-transformers-pytorch-sagemaker",
        "6023a17c28f00cb989a13c976d16fb005213acf4",
        "2022-02",
        "knowledge-distillation.ipynb: DistillationTrainer.compute_loss",
        described(soft_weight="1 - alpha", hard_weight="alpha"),
        "source",
        temperature="temperature",
        alpha="alpha, on the hard term",
        threads=(
            "https://github.com/philschmid/knowledge-distillation-transformers-pytorch-sagemaker/issues/1",
        ),
    ),
    PublishedLoss(
        "labml",
        "labmlai/annotated_deep_learning_paper_implementations",
        "e6b3c8a6a2cdae4071bcde1abeaaf9a2bc37bd53",
        "2025-08",
        "labml_nn/distillation/__init__.py: Configs.step",
        described(temperature_power=0.0, reduction="mean", soft_weight=100.0, hard_weight=0.5),
        "source",
        temperature="temperature, 5 by default",
        note="The weight 100 stands for T^2 and for the division by C: with T = 5 and ten classes it is 0.4 of T^2 KL.",
        threads=(
            "https://github.com/labmlai/annotated_deep_learning_paper_implementations/issues/66",
        ),
    ),
    PublishedLoss(
        "kd-keras",
        "TropComplique/knowledge-distillation-keras",
        "d09cf8aab57f49b159e1be0f05d5a7b5efde3eb2",
        "2017-10",
        "knowledge_distillation_for_mobilenet.ipynb: knowledge_distillation_loss",
        described(
            "cross entropy",
            student_temperature=5.0,
            teacher_temperature=5.0,
            temperature_power=0.0,
            soft_weight=1.0,
            hard_weight=0.07,
        ),
        "source",
        note="The temperature 5 is fixed, and lambda_const, 0.07, makes up for the missing T^2.",
        threads=("https://github.com/TropComplique/knowledge-distillation-keras/issues/2",),
    ),
)
"""Losses of tutorials and courses."""

UNIMPORTABLE = (
    PublishedLoss(
        "super-gradients",
        "super-gradients",
        "3.7.1",
        "2024-04",
        "super_gradients/training/losses/kd_losses.py: KDLogitsLoss",
        described(student_temperature=1.0, teacher_temperature=1.0, temperature_power=0.0),
        "source",
        alpha="distillation_loss_coeff, 0.5 by default",
        note="No temperature.  Read in the published wheel: it needs an old release of a parser to be imported.",
    ),
    PublishedLoss(
        "easydel",
        "easydel",
        "0.3.0",
        "2026-07",
        "easydel/trainers/distillation_trainer/_fn.py: distillation_loss(use_hard_labels=True)",
        described(ignore_index=-100),
        "source",
        temperature="temperature",
        alpha="alpha",
        note="Without use_hard_labels the hard term is left out and alpha still weights the soft one.  Read in the "
        "published wheel, which asks for a cluster's libraries.",
        threads=("https://github.com/erfanzar/EasyDeL/pull/267",),
    ),
)
"""Losses of published packages, read in the wheel."""
