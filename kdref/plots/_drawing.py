"""What the figures share: colours and second cues, axes, and the checks of what is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Of Okabe and Ito, in the order in which the series of a figure take them."""

LINE_STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

QUIET = "#777777"
"""Reference lines: limits, baselines, what a law predicts."""

HEAT = "cividis"
"""The colour map for amounts: its lightness rises evenly, also for the colour-blind."""

LEGIBLE_CLASSES = 12
"""A square of more classes than this has no numbers written into it."""


def axes_or_new(ax: Axes | None) -> Axes:
    """The axes given, or those of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def cues(k: int) -> dict[str, Any]:
    """Colour and line style of the k-th series."""
    return {
        "color": COLOURS[k % len(COLOURS)],
        "linestyle": LINE_STYLES[k % len(LINE_STYLES)],
    }


def series(
    name: str, at_name: str, at: ArrayLike, rows: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Checked places on the horizontal axis, and a column of as many values for each line."""
    places = _checks.finite_array(at_name, at)
    values = _checks.finite_array(name, rows)
    _checks.matrix(name, values)
    _checks.per_row(at_name, places, len(values))
    return places, values


def square(name: str, value: ArrayLike) -> FloatArray:
    """A checked square table, a row and a column for each class."""
    table = _checks.finite_array(name, value)
    _checks.matrix(name, table)
    _checks.same_shape(name, table, "its transpose", table.T)
    return table


def draw_square(
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
