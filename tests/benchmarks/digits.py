"""Makes the tables and the graph of the page on teacher and student; no number there is typed by hand.

    kdref distil --seeds 30 --json > tests/benchmarks/results/digits.json
    python -m tests.benchmarks.digits

The first takes two minutes of one core and is only needed after new settings.
"""

import json
from pathlib import Path
from typing import Any

from kdref.cli import distil
from kdref.experiments import REGIMES, Interval, Settings, Summary
from tests.benchmarks.page import DOCS, filled, markdown

PAGE, GRAPH = DOCS / "digits.md", DOCS / "gains-on-digits.svg"
RESULT = Path(__file__).parent / "results" / "digits.json"


def scores_table(name: str, regime: dict[str, Any]) -> str:
    """What ``kdref distil`` prints of the scores."""
    header, *rows = distil.scores_rows(
        {network: summary(data) for network, data in regime["networks"].items()},
        {
            (pair["first"], pair["second"]): summary(pair["first_minus_second"])
            for pair in regime["differences"]
        },
        REGIMES[name].missing_class,
    )
    return markdown(header, [[cell.replace("-", "−") for cell in row] for row in rows])


def summary(data: dict[str, Any]) -> Summary:
    """From JSON again."""
    return Summary(**{name: cell and Interval(**cell) for name, cell in data.items()})


def settings_table(regimes: dict[str, Any]) -> str:
    """What it prints of the settings, all comparisons together."""
    header: list[str] = []
    rows: list[list[str]] = []
    for name, regime in regimes.items():
        settings = {network: Settings(**values) for network, values in regime["settings"].items()}
        header, *found = distil.settings_rows(settings, regime["validation_accuracy"])
        rows += [[f"{name}: {network}", *cells] for network, *cells in found]
    return markdown(["", *header[1:]], rows)


def sizes_table(regimes: dict[str, Any]) -> str:
    """Widths, parameters and times of the two networks of each comparison."""
    rows = []
    for name, regime in regimes.items():
        teacher, student = regime["teacher"], regime["student"]
        cells = [
            f"{'-'.join(map(str, size['sizes']))}; {size['n_parameters']:,}; "
            f"{1e3 * size['forward_seconds']:.2f} ms"
            for size in (teacher, student)
        ]
        times = (teacher[key] / student[key] for key in ("n_parameters", "forward_seconds"))
        rows.append([name, *cells, *(f"{ratio:.0f} times" for ratio in times)])
    return markdown(["", "teacher", "student", "smaller", "faster"], rows)


def tables(results: dict[str, Any]) -> dict[str, str]:
    """All tables of the page by name."""
    regimes = results["regimes"]
    return {
        **{name: scores_table(name, regime) for name, regime in regimes.items()},
        "settings": settings_table(regimes),
        "sizes": sizes_table(regimes),
    }


def draw_graph(results: dict[str, Any]) -> None:
    """Every paired difference in accuracy with its interval."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from kdref import plots

    gains = {
        f"{name}\n{pair['first']} − {pair['second']}": pair["first_minus_second"]["accuracy"]
        for name, regime in results["regimes"].items()
        for pair in regime["differences"]
    }
    means, lows, highs = (
        [100.0 * gain[end] for gain in gains.values()] for end in ("mean", "low", "high")
    )
    figure = Figure(figsize=(7.2, 3.8), layout="constrained")
    ax = figure.subplots()
    plots.plot_intervals(
        list(gains),
        means,
        lows,
        highs,
        xlabel="difference in test accuracy (percentage points)",
        title="What distillation gains, with 95% intervals",
        ax=ax,
    )
    ax.axvline(0.0, color=plots.QUIET, linestyle=":")
    with mpl.rc_context({"svg.hashsalt": "kdref"}):  # so that the same graph is the same file
        figure.savefig(GRAPH, metadata={"Date": None})


def main() -> None:
    """Fill the page and draw its graph."""
    results = json.loads(RESULT.read_text(encoding="utf-8"))
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(filled(text, tables(results)), encoding="utf-8")
    draw_graph(results)


if __name__ == "__main__":
    main()
