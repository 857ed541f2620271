"""Figures from data that others computed: each function takes arrays and an ``Axes`` and returns it.

Colours are those of Okabe and Ito, which the colour-blind can tell apart; each line has a second cue beside its
colour.  Nothing here touches global settings or shows a window.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Of Okabe and Ito, in the order in which the series of a figure take them."""

LINE_STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

QUIET = "#777777"
"""Reference lines: limits, baselines, what a law predicts."""

HEAT, SIGNED = "cividis", "RdBu_r"
"""Colour maps for amounts, and for values whose sign matters."""

LEGIBLE_CLASSES = 12
"""A square of more classes than this has no numbers written into it."""


def plot_softening(
    temperatures: ArrayLike,
    probabilities: ArrayLike,
    *,
    class_names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw each class's probability against the temperature.

    Parameters
    ----------
    temperatures : array_like, shape (K,)
        Values of T > 0; the axis is logarithmic.
    probabilities : array_like, shape (K, C)
        One softened distribution for each.
    class_names : sequence of str, optional
        C names; ``class 0`` and so on without.
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
    at, rows = _series("probabilities", temperatures, probabilities)
    n_classes = rows.shape[1]
    names = _names(class_names, n_classes)
    ax = _axes(ax)
    for k, name in enumerate(names):
        ax.plot(at, rows[:, k], label=name, **_cues(k))
    ax.axhline(1.0 / n_classes, color=QUIET, linewidth=1.0, linestyle=":", label="1 / C")
    ax.set(
        xscale="log",
        xlabel="temperature T",
        ylabel="probability",
        ylim=(-0.02, 1.02),
        title="Softening evens the probabilities out",
    )
    ax.legend()
    return ax


def plot_gradient_sizes(
    temperatures: ArrayLike,
    soft: ArrayLike,
    scaled: ArrayLike,
    *,
    hard: float,
    limit: float,
    ax: Axes | None = None,
) -> Axes:
    r"""Draw the size of the soft gradient with and without T² against the temperature.

    Parameters
    ----------
    temperatures : array_like, shape (K,)
        Values of T > 0.
    soft, scaled : array_like, shape (K,)
        Norms of the gradients of KL and of T² KL, in nats per unit of logit.
    hard : float
        Norm of the gradient of the hard-label loss.
    limit : float
        What ``scaled`` tends to.
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
    at, lines = _series("soft and scaled", temperatures, np.column_stack([soft, scaled]))
    ax = _axes(ax)
    ax.plot(at, lines[:, 0], label="soft, KL alone", **_cues(0))
    ax.plot(at, lines[:, 1], label="soft, with T²", **_cues(1))
    ax.axhline(hard, color=COLOURS[2], linestyle="-.", label="hard labels")
    ax.axhline(limit, color=QUIET, linestyle=":", label="limit of T² KL")
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="temperature T",
        ylabel="norm of the gradient (nats per logit)",
        title="T² holds the soft gradient up at high T only",
    )
    ax.legend()
    return ax


def plot_limit(
    temperatures: ArrayLike,
    values: ArrayLike,
    *,
    limit: float,
    ylabel: str = "T² KL (nats)",
    ax: Axes | None = None,
) -> Axes:
    """Draw a quantity against the temperature, with the limit that it tends to.

    Parameters
    ----------
    temperatures : array_like, shape (K,)
        Values of T > 0.
    values : array_like, shape (K,)
        The quantity at each.
    limit : float
        Its limit as T grows.
    ylabel : str, default "T² KL (nats)"
        The quantity's name and unit.
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
    at, column = _series("values", temperatures, np.reshape(values, (-1, 1)))
    ax = _axes(ax)
    ax.plot(at, column[:, 0], label=ylabel.split(" (")[0], **_cues(0))
    ax.axhline(limit, color=QUIET, linestyle=":", label="limit")
    ax.set(
        xscale="log",
        xlabel="temperature T",
        ylabel=ylabel,
        title="The limit of high temperature",
    )
    ax.legend()
    return ax


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
    ax = _axes(ax)
    for k, (name, values) in enumerate(curves.items()):
        curve = np.ravel(_checks.finite_array(name, values))
        ax.plot(np.arange(1, curve.size + 1), curve, label=name, **_cues(k))
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.legend()
    return ax


def plot_class_similarity(
    similarity: ArrayLike,
    *,
    class_names: Sequence[str] | None = None,
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
    table = _square("similarity", similarity)
    shown = np.where(np.eye(len(table), dtype=bool), np.nan, table)
    ax = _axes(ax)
    _draw_square(ax, shown, class_names, colour_label="mean probability", digits=2)
    ax.set(
        xlabel="class in the soft label",
        ylabel="class of the example",
        title="What the soft labels say about the other classes",
    )
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
    table = _square("counts", counts)
    ax = _axes(ax)
    _draw_square(ax, table, class_names, colour_label="examples", digits=0)
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


def plot_errors(
    noise: ArrayLike,
    errors: Mapping[str, ArrayLike],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw relative errors of several implementations of KL against the distance from the teacher.

    Parameters
    ----------
    noise : array_like, shape (K,)
        Standard deviations of what was added to the teacher's logits to make the
        student's.
    errors : mapping of str to array_like of shape (K,)
        For each implementation its worst relative error; NaN where it was not
        measured, 0 is not drawn.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes without.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If an array does not hold numbers or the shapes do not fit.
    """
    at = _checks.finite_array("noise", noise)
    ax = _axes(ax)
    for k, (name, values) in enumerate(errors.items()):
        curve = _checks.real_array(name, values)
        _checks.same_shape("noise", at, name, curve)
        ax.plot(at, curve, label=name, marker=MARKERS[k % len(MARKERS)], **_cues(k))
    ax.axhline(1.0, color=QUIET, linestyle=":", label="no digit right")
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="noise on the teacher's logits (standard deviation)",
        ylabel="worst relative error of KL",
        title="KL when the student is close to its teacher",
    )
    ax.margins(y=0.3)  # room for the legend, which otherwise covers a line
    ax.legend(fontsize="small")
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
    ax = _axes(ax)
    for k in range(len(names)):
        ax.plot([ends[0][k], ends[1][k]], [k, k], color=COLOURS[k % len(COLOURS)], linewidth=2.0)
        marker = MARKERS[k % len(MARKERS)]
        ax.plot(middle[k], k, marker=marker, color=COLOURS[k % len(COLOURS)], linestyle="")
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel=xlabel, title=title, ylim=(len(names) - 0.5, -0.5))
    return ax


def _axes(ax: Axes | None) -> Axes:
    return plt.subplots(layout="constrained")[1] if ax is None else ax


def _cues(k: int) -> dict[str, Any]:
    """Colour and line style of the k-th series."""
    return {
        "color": COLOURS[k % len(COLOURS)],
        "linestyle": LINE_STYLES[k % len(LINE_STYLES)],
    }


def _series(name: str, at: ArrayLike, rows: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Checked temperatures, and a column of as many values for each series."""
    temperatures = _checks.finite_array("temperatures", at)
    values = _checks.finite_array(name, rows)
    _checks.matrix(name, values)
    _checks.per_row("temperatures", temperatures, len(values))
    return temperatures, values


def _names(class_names: Sequence[str] | None, n_classes: int) -> Sequence[str]:
    return class_names or [f"class {k}" for k in range(n_classes)]


def _square(name: str, value: ArrayLike) -> FloatArray:
    table = _checks.finite_array(name, value)
    _checks.matrix(name, table)
    _checks.same_shape(name, table, "its transpose", table.T)
    return table


def _draw_square(
    ax: Axes,
    table: FloatArray,
    class_names: Sequence[str] | None,
    *,
    colour_label: str,
    digits: int,
) -> None:
    """A heat map with a colour bar and, for few classes, the numbers in it."""
    image = ax.imshow(table, cmap=HEAT, vmin=0.0)
    ax.figure.colorbar(image, ax=ax, label=colour_label, shrink=0.8)
    ticks = range(len(table))
    names = class_names or [str(k) for k in ticks]
    ax.set_xticks(ticks, names)
    ax.set_yticks(ticks, names)
    if len(table) > LEGIBLE_CLASSES:
        return
    dark = np.nanmax(table) / 2.0
    for (i, j), value in np.ndenumerate(table):
        if np.isfinite(value) and round(value, digits) > 0.0:
            colour = "white" if value < dark else "black"
            text = f"{value:.{digits}f}".removeprefix("0")
            ax.text(j, i, text, ha="center", va="center", fontsize=7, color=colour)
