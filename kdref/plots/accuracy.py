"""How far implementations are from the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from kdref import _checks
from kdref.plots._drawing import MARKERS, QUIET, axes_or_new, cues

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    ax = axes_or_new(ax)
    for k, (name, values) in enumerate(errors.items()):
        curve = _checks.real_array(name, values)
        _checks.same_shape("noise", at, name, curve)
        ax.plot(at, curve, label=name, marker=MARKERS[k % len(MARKERS)], **cues(k))
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
