"""The figure of ``kdref distil``: one file with a panel for each thing that the results can show."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kdref._checks import FloatArray
from kdref.cli import _output
from kdref.experiments import RegimeResult
from kdref.experiments.distillation import SIMILARITY_TEMPERATURE
from kdref.experiments.regimes import CORRECTED, DISTILLED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Panel = Callable[["Axes"], object]

COLUMNS = 3
PANEL_WIDTH, PANEL_HEIGHT = 5.2, 4.4
"""Inches."""


def require_drawable(path: Path) -> None:
    """Refuse a file that could not be written when everything else is done."""
    from matplotlib.figure import Figure

    formats = sorted(Figure().canvas.get_supported_filetypes())
    if path.suffix.lstrip(".").lower() not in formats:
        raise ValueError(f"--figure must end in one of {', '.join(formats)}, got {path}")
    if not path.parent.is_dir():
        raise ValueError(f"--figure must lie in a folder that exists, got {path}")


def draw(results: Mapping[str, RegimeResult], path: Path) -> None:
    """Draw all panels into one file."""
    from matplotlib.figure import Figure

    panels = _panels(results)
    n_columns = min(COLUMNS, len(panels))
    n_rows = -(-len(panels) // n_columns)
    size = (PANEL_WIDTH * n_columns, PANEL_HEIGHT * n_rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for panel, ax in zip(panels, grid, strict=False):
        panel(ax)
    for ax in grid[len(panels) :]:
        ax.remove()
    with _output.written_whole(path) as temporary:
        figure.savefig(temporary, dpi=150)


def _panels(results: Mapping[str, RegimeResult]) -> list[Panel]:
    first = next(iter(results.values()))
    panels = [_differences_panel(results)]
    panels += [_curves_panel(result) for result in results.values() if _curves(result)]
    panels.append(_similarity_panel(first))
    for result in results.values():
        if result.regime.missing_class is not None:
            panels += [
                _confusion_panel(result, DISTILLED),
                _confusion_panel(result, DISTILLED + CORRECTED),
            ]
    return panels


def _differences_panel(results: Mapping[str, RegimeResult]) -> Panel:
    from kdref import plots

    gains = {
        f"{name}\n{first}\nminus {second}": summary.accuracy
        for name, result in results.items()
        for (first, second), summary in result.differences.items()
    }

    def panel(ax: "Axes") -> None:
        plots.plot_intervals(
            list(gains),
            [100.0 * gain.mean for gain in gains.values()],
            [100.0 * gain.low for gain in gains.values()],
            [100.0 * gain.high for gain in gains.values()],
            xlabel="difference in test accuracy (percentage points)",
            title="Gains, with 95% intervals over the seeds",
            ax=ax,
        )
        ax.axvline(0.0, color=plots.QUIET, linestyle=":")
        ax.tick_params(axis="y", labelsize="small")

    return panel


def _curves(result: RegimeResult) -> dict[str, FloatArray]:
    """Mean validation accuracies of the students after each epoch; none of loaded networks."""
    curves = {name: result.mean_curve(name) for name in result.regime.students}
    return {name: curve for name, curve in curves.items() if curve is not None}


def _curves_panel(result: RegimeResult) -> Panel:
    from kdref import plots

    return lambda ax: plots.plot_curves(
        _curves(result),
        ylabel="validation accuracy",
        title=f"{result.regime.name}: training",
        ax=ax,
    )


def _similarity_panel(result: RegimeResult) -> Panel:
    from kdref import plots

    title = f"{result.regime.name}: teacher's mean soft labels, T = {SIMILARITY_TEMPERATURE:g}"
    return lambda ax: plots.plot_class_similarity(result.mean_similarity(), title=title, ax=ax)


def _confusion_panel(result: RegimeResult, network: str) -> Panel:
    from kdref import plots

    return lambda ax: plots.plot_confusion(
        result.total_confusion(network),
        missing=result.regime.missing_class,
        title=f"{result.regime.name}: {network}, all seeds",
        ax=ax,
    )
