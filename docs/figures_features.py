"""Draws the figures of the losses on features and relations: ``python docs/figures_features.py`` from the repository.

Every curve is computed by kdref; nothing is random.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import kdref

FOLDER = Path(__file__).parent / "_static" / "losses"


def scales(axes: Any) -> None:
    """Which losses mind that the student's features are a multiple of the teacher's, and the sign of it."""
    teacher = np.array([[[[1.0, -2.0], [0.5, 1.5]], [[0.0, 1.0], [2.0, -0.5]]]])
    factors = np.linspace(-2.0, 3.0, 100)  # 0 is not among them: a zero vector has no direction
    losses: list[tuple[str, Callable[..., float]]] = [
        ("hint / 10", lambda f, g: kdref.hint_loss(f, g) / 10.0),
        ("cosine", kdref.cosine_feature_loss),
        ("attention transfer", kdref.attention_transfer_loss),
        ("neuron selectivity", kdref.neuron_selectivity_loss),
        (
            "flow to a later layer",
            lambda f, g: kdref.flow_loss(f, g, student_later=teacher, teacher_later=teacher),
        ),
    ]
    styles = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)))
    for (name, loss), style in zip(losses, styles, strict=True):
        axes.plot(factors, [loss(a * teacher, teacher) for a in factors], ls=style, label=name)
    axes.set(
        xlabel="student's features as a multiple of the teacher's", ylabel="loss", ylim=(-0.1, 4)
    )


def bent(axes: Any) -> None:
    """Five examples of the teacher on an arc; one of the student's moves away along its own direction."""
    angles = np.linspace(0.2, 1.4, 5)
    teacher = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    lengths = np.linspace(0.25, 4.0, 76)
    losses: list[tuple[str, Callable[..., float]]] = [
        ("similarity preserving", kdref.similarity_preserving_loss),
        ("correlation congruence", kdref.correlation_congruence_loss),
        ("relational distance", kdref.relational_distance_loss),
        ("relational angle", kdref.relational_angle_loss),
        ("probabilistic transfer", kdref.probabilistic_transfer_loss),
    ]
    styles = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)))
    for (name, loss), style in zip(losses, styles, strict=True):
        costs = []
        for length in lengths:
            student = teacher.copy()
            student[2] *= length
            costs.append(loss(student, teacher))
        axes.plot(lengths, costs, ls=style, label=name)
    axes.set(xlabel="length of one of five examples, the others 1", ylabel="loss")


FIGURES = {"features": scales, "relations": bent}


def main() -> None:
    """Write each figure as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.hashsalt": "kdref", "svg.fonttype": "none", "font.size": 9})
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
