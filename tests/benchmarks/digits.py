"""Makes the tables and the graph of the page on teacher and student; no number there is typed by hand.

kdref distil --json > tests/benchmarks/results/digits.json
python -m tests.benchmarks.digits
"""

import json
from pathlib import Path
from typing import Any

from kdref.experiments.regimes import DISTILLED, TEACHER
from tests.benchmarks.page import DOCS, filled, markdown

PAGE, GRAPH = DOCS / "digits.md", DOCS / "gains-on-digits.svg"
RESULT = Path(__file__).parent / "results" / "digits.json"

MEASURES = {
    "accuracy": ("test accuracy, %", 100.0, ".1f"),
    "agreement": ("agrees with teacher, %", 100.0, ".1f"),
    "kl_to_teacher": ("KL to teacher, nats", 1.0, ".3f"),
    "recall": ("3s found, %", 100.0, ".1f"),
    "correction": ("added to the logit of 3", 1.0, ".1f"),
}
"""For each field of a summary its heading, a factor, and digits."""


def interval(cell: dict[str, float] | None, factor: float, form: str, sign: str = "") -> str:
    """A mean with its interval, as ``kdref distil`` prints it; nothing where nothing was measured."""
    if cell is None:
        return ""
    mean, low, high = (f"{factor * cell[end]:{sign}{form}}" for end in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]".replace("-", "−")


def scores_table(regime: dict[str, Any]) -> str:
    """A row for each network and for each paired difference."""
    measures = {
        name: how
        for name, how in MEASURES.items()
        if any(summary[name] is not None for summary in regime["networks"].values())
    }
    rows = [
        [name, *(interval(summary[m], factor, form) for m, (_, factor, form) in measures.items())]
        for name, summary in regime["networks"].items()
    ]
    for pair in regime["differences"]:
        summary = pair["first_minus_second"]
        rows.append(
            [
                f"{pair['first']} − {pair['second']}",
                *(interval(summary[m], f, form, "+") for m, (_, f, form) in measures.items()),
            ]
        )
    return markdown(["", *(heading for heading, _, _ in measures.values())], rows)


def settings_table(regimes: dict[str, Any]) -> str:
    """How each network was trained, and its figure on the validation images."""
    rows = [
        [
            f"{name}: {network}",
            f"{s['learning_rate']:g}",
            f"{s['weight_decay']:g}",
            f"{s['batch_size']}",
            f"{s['n_epochs']}",
            f"{s['dropout']:g}" if network == TEACHER else "",
            f"{s['temperature']:g}" if network == DISTILLED else "",
            f"{s['alpha']:g}" if network == DISTILLED else "",
            f"{100.0 * regime['validation_accuracy'][network]:.1f}",
        ]
        for name, regime in regimes.items()
        for network, s in regime["settings"].items()
    ]
    header = ["", "learning rate", "weight decay", "batch", "epochs", "dropout", "T", "alpha"]
    return markdown([*header, "validation, %"], rows)


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
        **{name: scores_table(regime) for name, regime in regimes.items()},
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
