"""The figures hold the data they were given, name their axes, and leave the surroundings alone."""

from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from kdref import plots

T = [0.5, 1.0, 2.0]
P = [[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]]
SQUARE = [[8.0, 2.0], [1.0, 9.0]]

EACH: dict[str, Callable[..., Axes]] = {
    "softening": lambda **ax: plots.plot_softening(T, P, **ax),
    "gradient_sizes": lambda **ax: plots.plot_gradient_sizes(
        T, [4.0, 1.0, 0.25], [1.0, 1.0, 1.0], hard=0.7, limit=0.9, **ax
    ),
    "limit": lambda **ax: plots.plot_limit(T, [0.4, 0.5, 0.6], limit=0.7, **ax),
    "label_information": lambda **ax: plots.plot_label_information(
        T, [0.5, 1.0, 1.4], [0.4, 0.2, 0.1], most=1.6, **ax
    ),
    "gradient_noise": lambda **ax: plots.plot_gradient_noise(
        [1, 4, 16], [0.9, 0.6, 0.2], [1.0, 0.5, 0.25], soft=0.7, **ax
    ),
    "curves": lambda **ax: plots.plot_curves({"a": [3.0, 2.0], "b": [2.0, 1.0, 0.5]}, **ax),
    "class_similarity": lambda **ax: plots.plot_class_similarity(SQUARE, **ax),
    "confusion": lambda **ax: plots.plot_confusion(SQUARE, missing=1, **ax),
    "errors": lambda **ax: plots.plot_errors(
        [1e-1, 1e-2], {"naive": [1e-3, 1e-1], "kdref": [1e-16, np.nan]}, **ax
    ),
    "intervals": lambda **ax: plots.plot_intervals(
        ["teacher", "student"], [0.9, 0.8], [0.85, 0.7], [0.95, 0.85], xlabel="accuracy", **ax
    ),
}
each_plot = pytest.mark.parametrize("plot", EACH.values(), ids=EACH)


@pytest.fixture
def ax() -> Axes:
    """Axes of a figure that pyplot does not know."""
    return Figure().subplots()


def named_lines(ax: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in ax.get_lines()}


def data(line: Line2D) -> list[list[float]]:
    points: list[list[float]] = np.asarray(line.get_xydata()).T.tolist()
    return points


@each_plot
def test_plot_draws_on_the_axes_given_and_returns_them(plot: Callable[..., Axes], ax: Axes) -> None:
    assert plot(ax=ax) is ax
    assert plt.get_fignums() == []


@each_plot
def test_plot_makes_axes_of_its_own_without(plot: Callable[..., Axes]) -> None:
    try:
        assert plot().figure in [plt.figure(number) for number in plt.get_fignums()]
    finally:
        plt.close("all")


@each_plot
def test_plot_names_what_its_axes_show(plot: Callable[..., Axes], ax: Axes) -> None:
    plot(ax=ax)
    assert ax.get_xlabel()
    assert ax.get_title()
    assert ax.get_ylabel() or [label.get_text() for label in ax.get_yticklabels()] == [
        "teacher",
        "student",
    ]


@each_plot
def test_plot_leaves_the_global_settings_alone(plot: Callable[..., Axes], ax: Axes) -> None:
    before = dict(mpl.rcParams)
    plot(ax=ax)
    assert dict(mpl.rcParams) == before


@each_plot
def test_plot_tells_its_lines_apart_without_colour(plot: Callable[..., Axes], ax: Axes) -> None:
    plot(ax=ax)
    lines = [line for name, line in named_lines(ax).items() if not name.startswith("_")]
    cues = [(line.get_linestyle(), line.get_marker(), line.get_linewidth()) for line in lines]
    assert len(set(cues)) == len(cues)


@each_plot
def test_plot_cuts_no_label_off(plot: Callable[..., Axes]) -> None:
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    plot(ax=figure.subplots())
    figure.draw_without_rendering()
    inside = figure.bbox.padded(1.0)
    for axes in figure.axes:
        extent = axes.get_tightbbox()
        assert extent is not None
        assert inside.x0 <= extent.x0
        assert extent.x1 <= inside.x1
        assert inside.y0 <= extent.y0
        assert extent.y1 <= inside.y1


def test_plot_softening_holds_the_probabilities_and_the_uniform_row(ax: Axes) -> None:
    lines = named_lines(plots.plot_softening(T, P, class_names=["horse", "deer"], ax=ax))
    assert data(lines["horse"]) == [T, [0.9, 0.8, 0.6]]
    assert data(lines["deer"]) == [T, [0.1, 0.2, 0.4]]
    assert set(np.ravel(lines["1 / C"].get_ydata())) == {0.5}
    assert ax.get_xscale() == "log"
    assert [to_hex(lines[name].get_color()) for name in ("horse", "deer")] == ["#0072b2", "#d55e00"]


def test_plot_gradient_sizes_holds_both_curves_and_both_levels(ax: Axes) -> None:
    lines = named_lines(EACH["gradient_sizes"](ax=ax))
    assert data(lines["soft, KL alone"]) == [T, [4.0, 1.0, 0.25]]
    assert data(lines["soft, with T²"]) == [T, [1.0, 1.0, 1.0]]
    assert set(np.ravel(lines["hard labels"].get_ydata())) == {0.7}
    assert set(np.ravel(lines["limit of T² KL"].get_ydata())) == {0.9}
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_plot_limit_holds_the_values_and_the_limit(ax: Axes) -> None:
    lines = named_lines(EACH["limit"](ax=ax))
    assert data(lines["T² KL"]) == [T, [0.4, 0.5, 0.6]]
    assert set(np.ravel(lines["limit"].get_ydata())) == {0.7}


def test_plot_label_information_holds_entropy_and_log_odds_on_two_axes(ax: Axes) -> None:
    lines = named_lines(EACH["label_information"](ax=ax))
    assert data(lines["entropy"]) == [T, [0.5, 1.0, 1.4]]
    assert set(np.ravel(lines["of a label that says nothing"].get_ydata())) == {1.6}
    (right,) = [other for other in ax.figure.axes if other is not ax]
    assert data(named_lines(right)["log-odds of the wrong classes"]) == [T, [0.4, 0.2, 0.1]]
    assert (ax.get_ylabel(), right.get_ylabel()) == ("entropy (bits)", "log-odds (nats)")


def test_plot_gradient_noise_holds_what_was_drawn_and_the_formula(ax: Axes) -> None:
    drawn, formula, soft = EACH["gradient_noise"](ax=ax).get_lines()
    assert data(drawn) == [[1.0, 4.0, 16.0], [0.9, 0.6, 0.2]]
    assert (drawn.get_marker(), drawn.get_linestyle()) == ("o", "None")
    assert data(formula) == [[1.0, 4.0, 16.0], [1.0, 0.5, 0.25]]
    assert set(np.ravel(soft.get_ydata())) == {0.7}


def test_plot_curves_counts_epochs_from_one(ax: Axes) -> None:
    lines = named_lines(EACH["curves"](ax=ax))
    assert data(lines["a"]) == [[1.0, 2.0], [3.0, 2.0]]
    assert data(lines["b"]) == [[1.0, 2.0, 3.0], [2.0, 1.0, 0.5]]


def test_plot_class_similarity_leaves_the_diagonal_blank(ax: Axes) -> None:
    plots.plot_class_similarity(SQUARE, class_names=["3", "8"], ax=ax)
    (image,) = ax.get_images()
    shown = np.ma.filled(np.ma.asarray(image.get_array()).astype(float), np.nan)
    np.testing.assert_array_equal(shown, [[np.nan, 2.0], [1.0, np.nan]])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["3", "8"]
    assert [text.get_text() for text in ax.texts] == ["2.00", "1.00"]


def test_plot_confusion_writes_the_counts_and_frames_the_missing_row(ax: Axes) -> None:
    EACH["confusion"](ax=ax)
    (image,) = ax.get_images()
    assert np.asarray(image.get_array()).tolist() == SQUARE
    assert [text.get_text() for text in ax.texts] == ["8", "2", "1", "9"]
    (frame,) = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((-0.5, 0.5), 2.0, 1.0)


def test_plot_confusion_frames_nothing_when_no_class_is_missing(ax: Axes) -> None:
    plots.plot_confusion(SQUARE, ax=ax)
    assert list(ax.patches) == []


def test_a_square_of_many_classes_has_no_numbers_in_it(ax: Axes) -> None:
    plots.plot_confusion(np.ones((13, 13)), ax=ax)
    assert list(ax.texts) == []


def test_numbers_are_written_light_on_dark_and_dark_on_light(ax: Axes) -> None:
    plots.plot_confusion([[9.0, 1.0], [1.0, 9.0]], ax=ax)
    assert [text.get_color() for text in ax.texts] == ["black", "white", "white", "black"]


def test_plot_errors_holds_each_implementation(ax: Axes) -> None:
    lines = named_lines(EACH["errors"](ax=ax))
    assert data(lines["naive"]) == [[0.1, 0.01], [1e-3, 1e-1]]
    np.testing.assert_array_equal(data(lines["kdref"]), [[0.1, 0.01], [1e-16, np.nan]])
    assert lines["naive"].get_marker() != lines["kdref"].get_marker()


def test_plot_intervals_holds_means_and_ends(ax: Axes) -> None:
    EACH["intervals"](ax=ax)
    drawn = [data(line) for line in ax.get_lines()]
    assert drawn == [
        [[0.85, 0.95], [0.0, 0.0]],
        [[0.9], [0.0]],
        [[0.7, 0.85], [1.0, 1.0]],
        [[0.8], [1.0]],
    ]
    assert ax.yaxis_inverted()


def refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
    plt.close("all")


def test_plots_refuse_shapes_that_do_not_fit() -> None:
    refused(lambda: plots.plot_softening([1.0], P), r"temperatures must have shape \(3,\)")
    refused(lambda: plots.plot_limit(T, [1.0], limit=1.0), r"temperatures must have shape \(1,\)")
    refused(lambda: plots.plot_confusion([[1.0, 2.0]]), "its transpose must have the same shape")
    refused(lambda: plots.plot_errors(T, {"naive": [1.0]}), "noise and naive must have the same")
    refused(
        lambda: plots.plot_intervals(["a"], [1.0, 2.0], [1.0], [1.0], xlabel="x"),
        r"means must have shape \(1,\)",
    )
    refused(
        lambda: plots.plot_intervals(["a"], [1.0], [1.0], [1.0, 2.0], xlabel="x"),
        r"highs must have shape \(1,\)",
    )


def test_plots_refuse_numbers_that_cannot_be_drawn() -> None:
    refused(lambda: plots.plot_curves({"loss": [1.0, np.nan]}), "loss must be finite")
    refused(lambda: plots.plot_class_similarity([[np.inf]]), "similarity must be finite")
