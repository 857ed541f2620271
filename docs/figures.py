"""Draws the figures of the reference pages of the losses: ``python docs/figures.py`` from the repository.

Every curve is computed by kdref; nothing is random.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import kdref

FOLDER = Path(__file__).parent / "_static" / "losses"

TEACHER = np.array([[2.0, 1.0, 0.0, -1.0]])


def modes(axes: Any) -> None:
    """One bump fitted to two: what each divergence settles for."""
    x = np.linspace(-6.0, 6.0, 121)
    bumps = 0.75 * np.exp(-0.5 * ((x + 2.0) / 0.7) ** 2) + 0.4 * np.exp(
        -0.5 * ((x - 2.5) / 0.7) ** 2
    )
    teacher = np.log(bumps + 1e-12)[np.newaxis]
    axes.fill_between(x, kdref.softmax(teacher)[0], color="0.85", label="teacher")
    grid = [(m, w) for m in np.linspace(-4.0, 4.0, 81) for w in np.linspace(0.5, 4.0, 36)]
    students = np.array([-0.5 * ((x - m) / w) ** 2 for m, w in grid])
    targets = np.broadcast_to(teacher, students.shape)
    rows = {
        "forward KL": kdref.kl_divergence_from_logits(targets, students),
        "reverse KL": kdref.kl_divergence_from_logits(students, targets),
        "JS": kdref.js_divergence_from_logits(targets, students),
        "total variation": kdref.total_variation_from_logits(targets, students),
    }
    styles = ("-", "--", "-.", ":")
    for (name, costs), style in zip(rows.items(), styles, strict=True):
        axes.plot(x, kdref.softmax(students[int(np.argmin(costs))]), style, label=name)
    axes.set(xlabel="class", ylabel="probability", xticks=[])


def bridge(axes: Any) -> None:
    """The skew bounds forward KL where the student denies the teacher's class."""
    leads = np.linspace(-4.0, 12.0, 161)
    for skew in (0.0, 0.01, 0.1, 0.5):
        costs = [
            kdref.skew_forward_kl_loss([[0.0, lead]], [[2.0, 0.0]], skew=skew) for lead in leads
        ]
        axes.plot(leads, costs, label=f"a = {skew:g}")
    axes.set(
        xlabel="student's lead of the wrong class", ylabel="skew forward KL, nats", ylim=(0, 6)
    )


def parts(axes: Any) -> None:
    """What the teacher's certainty leaves of the second part of KL, and of DKD's."""
    leads = np.linspace(0.0, 12.0, 61)
    student = np.array([[0.0, -1.0, 0.0, 1.0]])
    whole, target, rest = [], [], []
    for lead in leads:
        teacher = np.add(TEACHER, [[lead, 0.0, 0.0, 0.0]])
        whole.append(kdref.forward_kl_loss(student, teacher))
        options = {"temperature": 1.0, "target_weight": 0.0, "non_target_weight": 1.0}
        rest.append(kdref.decoupled_kd_loss(student, teacher, [0], **options))
        options = {"temperature": 1.0, "target_weight": 1.0, "non_target_weight": 0.0}
        target.append(kdref.decoupled_kd_loss(student, teacher, [0], **options))
    of_rest = np.subtract(whole, target)
    axes.plot(leads, rest, label="NCKD, as DKD counts it")
    axes.plot(leads, of_rest, "--", label="NCKD, as KL counts it: (1 - p_y) NCKD")
    axes.set(xlabel="teacher's further lead of the label", ylabel="nats", ylim=(0, None))


def certainty(axes: Any) -> None:
    """DIST does not see how sure a distribution is, where the deviations are proportional."""
    p = kdref.softmax(np.array([[2.0, 1.0, 0.0], [0.0, 1.5, 1.0], [-1.0, 0.0, 1.0]]))
    shares = np.linspace(0.05, 1.0, 39)
    losses: list[tuple[str, Callable[..., float]]] = [
        ("forward KL", kdref.forward_kl_loss),
        ("DIST", kdref.dist_loss),
    ]
    for name, loss in losses:
        costs = [loss(np.log(1 / 3 + share * (p - 1 / 3)), np.log(p)) for share in shares]
        axes.plot(shares, costs, label=name)
    axes.set(xlabel="student's deviation from even, as a share of the teacher's", ylabel="loss")


def leads_of_labels(axes: Any) -> None:
    """Smoothing asks for a lead and no more; the hard loss asks for ever more."""
    leads = np.linspace(-2.0, 10.0, 121)
    rows = [[lead] + [0.0] * 9 for lead in leads]
    curves = {
        "hard label": [kdref.hard_label_loss_grad([row], [0])[0, 0] for row in rows],
        "label smoothing 0.1": [kdref.label_smoothing_loss_grad([row], [0])[0, 0] for row in rows],
        "virtual teacher 0.9, T = 2 (times T)": [
            2.0 * kdref.virtual_teacher_loss_grad([row], [0], temperature=2.0)[0, 0] for row in rows
        ],
    }
    for name, curve in curves.items():
        axes.plot(leads, curve, label=name)
    axes.axhline(0.0, color="0.7", linewidth=0.8)
    axes.set(xlabel="student's lead of the label, ten classes", ylabel="gradient at the label")


def scales(axes: Any) -> None:
    """Which losses between logits mind the scale of the student's."""
    factors = np.linspace(0.1, 3.0, 59)
    student = TEACHER - TEACHER.mean()
    losses: list[tuple[str, Callable[..., float]]] = [
        ("logit MSE", kdref.logit_mse_loss),
        ("logit cosine", kdref.logit_cosine_loss),
        ("standardised KL", kdref.standardised_kl_loss),
        ("forward KL", kdref.forward_kl_loss),
    ]
    for (name, loss), style in zip(losses, ("-", "--", ":", "-."), strict=True):
        axes.plot(factors, [loss(f * student, student) for f in factors], style, label=name)
    axes.set(
        xlabel="student's logits as a multiple of the teacher's", ylabel="loss", ylim=(-0.1, 2)
    )


def tails(axes: Any) -> None:
    """The three tails for a student that equals its teacher, and for one that does not."""
    teacher = -0.3 * np.arange(20.0)[np.newaxis]
    other = teacher + np.sin(2.0 * np.arange(20.0))[np.newaxis]
    ks = np.arange(1, 21)
    for tail, colour in (("bucket", "C0"), ("renormalise", "C1"), ("drop", "C2")):
        for student, style, what in (
            (other, "-", "another student"),
            (teacher, ":", "the teacher"),
        ):
            costs = [kdref.top_k_kl_loss(student, teacher, k=int(k), tail=tail) for k in ks]
            axes.plot(ks, costs, style, color=colour, label=f"{tail}, {what}")
    axes.set(xlabel="k of 20 classes", ylabel="top-k KL, nats", ylim=(-0.05, 2))


def rankings(axes: Any) -> None:
    """Rolling the student's classes changes total variation, not the universal logit loss."""
    steps = np.arange(4)
    rolled = [np.roll(0.7 * TEACHER, step, axis=1) for step in steps]
    curves = {
        "2 × total variation": [2.0 * kdref.total_variation_loss(s, TEACHER) for s in rolled],
        "universal logit": [kdref.universal_logit_loss(s, TEACHER) for s in rolled],
    }
    for (name, curve), style in zip(curves.items(), ("o-", "s--"), strict=True):
        axes.plot(steps, curve, style, label=name)
    axes.set(xlabel="classes that the student's probabilities are rolled by", ylabel="loss")
    axes.set_xticks(steps)


FIGURES: dict[str, Callable[[Any], None]] = {
    "labels": leads_of_labels,
    "soft-targets": modes,
    "mixtures": bridge,
    "logits": scales,
    "decoupled": parts,
    "correlations": certainty,
    "sparse": tails,
    "vocabularies": rankings,
}


def main() -> None:
    """Write every figure."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    mpl.rcParams.update({"svg.hashsalt": "kdref", "svg.fonttype": "none", "font.size": 9})
    # A second cue beside the colour.
    mpl.rcParams["axes.prop_cycle"] += mpl.cycler(
        linestyle=["-", "--", "-.", ":", "-", "--", "-.", ":", "-", "--"]
    )
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, draw in FIGURES.items():
        figure, axes = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
        draw(axes)
        axes.legend(frameon=False, fontsize=8)
        path = FOLDER / f"{name}.svg"
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
        sys.stdout.write(f"{path.relative_to(FOLDER.parents[2])}\n")


if __name__ == "__main__":
    main()
