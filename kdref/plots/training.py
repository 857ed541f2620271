"""Teacher and student: training curves, comparisons over seeds, what the classes share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref.plots._drawing import COLOURS, MARKERS, axes_or_new, cues, draw_square, square

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_curves(
    curves: Mapping[str, ArrayLike],
    *,
    xlabel: str = "epoch",
    ylabel: str = "loss (nats)",
    title: str = "Training",
    ax: Axes | None = None,
) -> Axes:
    """Draw training curves: one value per epoch (or step), counted from 1.

    Parameters
    ----------
    curves : mapping of str to array_like of shape (n,)
        A name and its values; the lengths may differ.
    xlabel, ylabel, title : str
        What is counted, what is drawn with its unit, and what it shows.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes without.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If a curve does not hold finite numbers.
    """
    ax = axes_or_new(ax)
    for k, (name, values) in enumerate(curves.items()):
        curve = np.ravel(_checks.finite_array(name, values))
        ax.plot(np.arange(1, curve.size + 1), curve, label=name, **cues(k))
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.legend()
    return ax


def plot_intervals(
    names: Sequence[str],
    means: ArrayLike,
    lows: ArrayLike,
    highs: ArrayLike,
    *,
    xlabel: str,
    title: str = "Mean with 95% interval over the seeds",
    ax: Axes | None = None,
) -> Axes:
    """Draw means with their intervals, one line each, the first on top.

    Parameters
    ----------
    names : sequence of str
        What was measured n times.
    means, lows, highs : array_like, shape (n,)
        The mean of each and the ends of its interval.
    xlabel : str
        The quantity and its unit.
    title : str, optional
        What it shows.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes without.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If an array does not hold finite numbers or the shapes do not fit.
    """
    middle = _checks.finite_array("means", means)
    _checks.per_row("means", middle, len(names))
    ends = [_checks.finite_array(name, x) for name, x in (("lows", lows), ("highs", highs))]
    for name, end in zip(("lows", "highs"), ends, strict=True):
        _checks.per_row(name, end, len(names))
    ax = axes_or_new(ax)
    for k in range(len(names)):
        ax.plot([ends[0][k], ends[1][k]], [k, k], color=COLOURS[k % len(COLOURS)], linewidth=2.0)
        marker = MARKERS[k % len(MARKERS)]
        ax.plot(middle[k], k, marker=marker, color=COLOURS[k % len(COLOURS)], linestyle="")
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel=xlabel, title=title, ylim=(len(names) - 0.5, -0.5))
    return ax


def plot_class_similarity(
    similarity: ArrayLike,
    *,
    class_names: Sequence[str] | None = None,
    title: str = "What the soft labels say about the other classes",
    ax: Axes | None = None,
) -> Axes:
    """Draw what each class shares with the others: the teacher's mean soft label of each class.

    Parameters
    ----------
    similarity : array_like, shape (C, C)
        Row i: mean soft label of the examples of class i.  The diagonal is left
        blank, since it would drown the rest.
    class_names : sequence of str, optional
        C names; the numbers of the classes without.
    title : str, optional
        What it shows.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes without.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If ``similarity`` does not hold finite numbers or is not square.
    """
    table = square("similarity", similarity)
    shown = np.where(np.eye(len(table), dtype=bool), np.nan, table)
    ax = axes_or_new(ax)
    draw_square(ax, shown, class_names, colour_label="mean probability", digits=2)
    ax.set(xlabel="class in the soft label", ylabel="class of the example", title=title)
    return ax


def plot_confusion(
    counts: ArrayLike,
    *,
    missing: int | None = None,
    class_names: Sequence[str] | None = None,
    title: str = "Confusion",
    ax: Axes | None = None,
) -> Axes:
    """Draw a confusion matrix; the row of a class that the student never saw is framed.

    Parameters
    ----------
    counts : array_like, shape (C, C)
        Row i, column j: examples of class i that were called j.
    missing : int, optional
        The class to frame.
    class_names : sequence of str, optional
        C names; the numbers of the classes without.
    title : str, default "Confusion"
        What it shows.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes without.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If ``counts`` does not hold finite numbers or is not square.
    """
    from matplotlib.patches import Rectangle

    table = square("counts", counts)
    ax = axes_or_new(ax)
    draw_square(ax, table, class_names, colour_label="examples", digits=0)
    if missing is not None:
        frame = Rectangle(
            (-0.5, missing - 0.5),
            len(table),
            1.0,
            fill=False,
            edgecolor=COLOURS[1],
            linewidth=2.5,
            clip_on=False,
        )
        ax.add_patch(frame)
    ax.set(xlabel="predicted class", ylabel="true class", title=title)
    return ax
