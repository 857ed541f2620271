"""What temperature does: to a distribution, to labels, to gradients and to the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kdref.plots._drawing import COLOURS, QUIET, axes_or_new, cues, series

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    at, rows = series("probabilities", "temperatures", temperatures, probabilities)
    n_classes = rows.shape[1]
    names = class_names or [f"class {k}" for k in range(n_classes)]
    ax = axes_or_new(ax)
    for k, name in enumerate(names):
        ax.plot(at, rows[:, k], label=name, **cues(k))
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


def plot_label_information(
    temperatures: ArrayLike,
    bits: ArrayLike,
    log_odds: ArrayLike,
    *,
    most: float,
    ax: Axes | None = None,
) -> Axes:
    """Draw how much soft labels leave open, and on a second axis how clearly they order the wrong classes.

    Parameters
    ----------
    temperatures : array_like, shape (K,)
        Values of T > 0.
    bits : array_like, shape (K,)
        Mean entropy of the soft labels.
    log_odds : array_like, shape (K,)
        Mean log-odds between the two likeliest wrong classes, in nats.
    most : float
        The entropy, in bits, of a label that says nothing.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes without.

    Returns
    -------
    matplotlib.axes.Axes
        Those with the entropy.

    Raises
    ------
    TypeError, ValueError
        If an array does not hold finite numbers or the shapes do not fit.
    """
    at, lines = series(
        "bits and log_odds", "temperatures", temperatures, np.column_stack([bits, log_odds])
    )
    ax = axes_or_new(ax)
    entropy = ax.plot(at, lines[:, 0], label="entropy", **cues(0))
    level = ax.axhline(most, color=QUIET, linestyle=":", label="of a label that says nothing")
    right = ax.twinx()
    odds = right.plot(at, lines[:, 1], label="log-odds of the wrong classes", **cues(1))
    ax.set(
        xscale="log",
        xlabel="temperature T",
        ylabel="entropy (bits)",
        ylim=(0.0, 1.5 * most),
        title="Softening opens the label and blurs its order",
    )
    right.set(ylabel="log-odds (nats)", ylim=(0.0, None))
    ax.legend(handles=[*entropy, level, *odds])
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
    at, lines = series(
        "soft and scaled", "temperatures", temperatures, np.column_stack([soft, scaled])
    )
    ax = axes_or_new(ax)
    ax.plot(at, lines[:, 0], label="soft, KL alone", **cues(0))
    ax.plot(at, lines[:, 1], label="soft, with T²", **cues(1))
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
    at, column = series("values", "temperatures", temperatures, np.reshape(values, (-1, 1)))
    ax = axes_or_new(ax)
    ax.plot(at, column[:, 0], label=ylabel.split(" (")[0], **cues(0))
    ax.axhline(limit, color=QUIET, linestyle=":", label="limit")
    ax.set(
        xscale="log",
        xlabel="temperature T",
        ylabel=ylabel,
        title="The limit of high temperature",
    )
    ax.legend()
    return ax


def plot_gradient_noise(
    draws: ArrayLike,
    errors: ArrayLike,
    expected: ArrayLike,
    *,
    soft: float,
    ax: Axes | None = None,
) -> Axes:
    """Draw how far the mean gradient of n one-hot labels is from that of one soft label.

    Parameters
    ----------
    draws : array_like, shape (K,)
        Numbers of labels.
    errors, expected : array_like, shape (K,)
        The distance as drawn and by the formula, in nats per unit of logit.
    soft : float
        Norm of the soft gradient.
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
    at, lines = series("errors and expected", "draws", draws, np.column_stack([errors, expected]))
    ax = axes_or_new(ax)
    ax.plot(at, lines[:, 0], label="drawn", color=COLOURS[1], marker="o", linestyle="")
    ax.plot(at, lines[:, 1], label=r"$\sqrt{(1 - \sum p_k^2) / n}$", **cues(0))
    ax.axhline(soft, color=QUIET, linestyle=":", label="the soft gradient itself")
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="one-hot labels averaged, n",
        ylabel="error of the gradient (nats per logit)",
        title="A one-hot label is a soft label plus noise",
    )
    ax.legend()
    return ax
