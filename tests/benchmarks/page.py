"""Makes the tables and the graph of the page on accuracy from the result files; no number there is typed by hand.

    python -m tests.benchmarks.page

A table stands between ``<!-- table: NAME -->`` and ``<!-- end of table -->``; `filled` replaces what is there.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests import test_against_oracle as bounds
from tests.benchmarks import accuracy, speed

DOCS = Path(__file__).parents[2] / "docs" / "explanation"
PAGE, ALL_TABLES = DOCS / "accuracy.md", DOCS / "accuracy-tables.md"
GRAPH = DOCS / "kl-near-the-teacher.svg"

CONTENDERS = ("naive NumPy", "SciPy", "PyTorch", "JAX", "kdref", "kdref.exact")
EASY = ("ordinary", "C1000")
"""Logits as a first example has them."""

STYLES = {
    ("float32", "PyTorch"): ("PyTorch, float32", "#D55E00", "o-"),
    ("float64", "PyTorch"): ("PyTorch, float64", "#0072B2", "s--"),
    ("float32", "kdref"): ("kdref, float32", "#CC79A7", "v-."),
    ("float64", "kdref"): ("kdref, float64", "#009E73", "^:"),
}
"""Okabe and Ito's colours, and a second cue."""


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))


def number(value: float) -> str:
    """Two digits; 9e15 rather than 9e+15."""
    return re.sub(r"e([+-])0*(\d)", lambda m: "e" + m[1].strip("+") + m[2], f"{value:.2g}")


def cell(measured: dict[str, Any] | None) -> str:
    """An error in ulp with its flags; a dash where the library has no such function."""
    if measured is None:
        return "–"
    return f"{number(measured['ulp'])} {measured['flags'].replace('-', '−')}".strip()


def largest(cells: Iterable[dict[str, Any] | None]) -> dict[str, Any] | None:
    """The largest error of several cells and all of their flags."""
    there = [c for c in cells if c is not None]
    if not there:
        return None
    flags = "".join(sorted(set().union(*(c["flags"] for c in there))))
    return {"ulp": max(c["ulp"] for c in there), "flags": flags}


def worst_table(results: dict[str, Any], dtype: str) -> str:
    """For each function the largest error on easy classes and on all of them."""
    rows = []
    for function, classes in results["errors"][dtype].items():
        cells = [f"`{function}`"]
        for name in CONTENDERS:
            easy = largest(classes[c].get(name) for c in EASY)
            cells.append(
                f"{cell(easy)} / {cell(largest(c.get(name) for c in classes.values()))}"
                if easy
                else "–"
            )
        rows.append(cells)
    return markdown(("ulp, easy / all", *CONTENDERS), rows)


def class_table(results: dict[str, Any], dtype: str, function: str) -> str:
    """One function: a row for each class of input."""
    classes = results["errors"][dtype][function]
    rows = [[name, *(cell(cells.get(c)) for c in CONTENDERS)] for name, cells in classes.items()]
    return markdown((f"{function}, ulp", *CONTENDERS), rows)


def noise_table(results: dict[str, Any]) -> str:
    """KL near the teacher: relative errors, and how many rows come out negative."""
    rows = [
        [
            dtype,
            number(row["noise"]),
            number(row["kl"]),
            *(
                f"{number(row[name]['relative_error'])}"
                + (
                    f", {100 * row[name]['negative']:.0f} % negative"
                    if row[name]["negative"]
                    else ""
                )
                for name in ("SciPy", "PyTorch", "JAX", "kdref")
            ),
        ]
        for dtype, by_noise in results["near_the_teacher"].items()
        for row in by_noise
    ]
    return markdown(("type", "noise", "KL", "SciPy", "PyTorch", "JAX", "kdref"), rows)


def bounds_table() -> str:
    """What the tests hold the functions to."""
    rows = [
        ("values, softmax and log_softmax entries", f"{bounds.VALUE:g} ulp"),
        ("skew and Jensen-Shannon divergences", f"{bounds.MIXED:g} ulp"),
        ("logsumexp", f"{bounds.LOGSUMEXP:g} ulp of max(abs(max z), log C)"),
        ("divergences of given probabilities", f"{bounds.GIVEN:g} ulp"),
        ("gradients", f"{bounds.GRADIENT:g} ulp of the row's largest entry"),
        (
            f"gradients on {', '.join(bounds.EXTREMES)}; of distillation and label smoothing with two classes",
            f"{bounds.GRADIENT_OF_EXTREMES:g} ulp of the same",
        ),
        ("anything, for float32 and float16 input", f"{bounds.ROUNDED_ONCE:g} ulp of that type"),
        (
            "the same, logsumexp near 0",
            f"{bounds.NARROW_LOGSUMEXP:g} ulp of that type, or the float64 bound where that is more",
        ),
    ]  # fmt: skip
    return markdown(("results", "bound"), rows)


def speed_table(results: dict[str, Any]) -> str:
    """Wall clock, processor time and peak memory at each shape."""
    rows = []
    for shape, by_name in results["shapes"].items():
        own = by_name["kdref"]
        for name, row in by_name.items():
            rows.append(
                [
                    f"{shape}, {name}",
                    *(
                        f"{1e3 * row[key]:.3g}"
                        for key in ("seconds", "best_seconds", "cpu_seconds")
                    ),
                    f"{row['seconds'] / own['seconds']:.2f}",
                    f"{row['best_seconds'] / own['best_seconds']:.2f}",
                    f"{row['cpu_seconds'] / own['cpu_seconds']:.2f}",
                    f"{row['peak_bytes'] / 2**20:.0f}",
                ]
            )
    header = (
        *("shape", "ms, median", "ms, best", "processor ms"),
        *("/ kdref", "best / kdref", "processor / kdref", "peak MiB"),
    )
    return markdown(header, rows)


def machine_line(results: dict[str, Any]) -> str:
    """What the speed was measured on."""
    return ", ".join(f"{key} {value}" for key, value in results["machine"].items()) + "."


def tables() -> dict[str, str]:
    """Every table of the two pages by its name."""
    digits = json.loads(accuracy.RESULT.read_text(encoding="utf-8"))
    made: dict[str, Callable[[], str]] = {
        "float64": lambda: worst_table(digits, "float64"),
        "float32": lambda: worst_table(digits, "float32"),
        "noise": lambda: noise_table(digits),
        "bounds": bounds_table,
    }
    if speed.RESULT.exists():
        seconds = json.loads(speed.RESULT.read_text(encoding="utf-8"))
        made |= {"speed": lambda: speed_table(seconds), "machine": lambda: machine_line(seconds)}
    for dtype in digits["errors"]:
        for function in digits["errors"][dtype]:
            made[f"{dtype} {function}"] = partial(class_table, digits, dtype, function)
    return {name: make() for name, make in made.items()}


def filled(text: str, contents: dict[str, str]) -> str:
    """The page with every table replaced."""

    def fill(match: re.Match[str]) -> str:
        return f"<!-- table: {match[1]} -->\n\n{contents[match[1]]}\n\n<!-- end of table -->"

    return re.sub(r"<!-- table: (.+?) -->\n.*?<!-- end of table -->", fill, text, flags=re.DOTALL)


def all_tables_page(names: Iterable[str]) -> str:
    """The page that holds nothing but tables, still empty."""
    lines = [
        "# Accuracy: all tables",
        "",
        "Errors in units in the last place by function and class of input; {doc}`accuracy` says what they mean.",
        "Made by `python -m tests.benchmarks.page`.",
    ]
    for name in names:
        if " " in name:
            dtype, function = name.split()
            lines += ["", f"## {function}, {dtype}", ""]
            lines += [f"<!-- table: {name} -->", "<!-- end of table -->"]
    return "\n".join(lines) + "\n"


def draw_graph() -> None:
    """Errors of KL where the student is its teacher plus noise."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "kdref"
    import matplotlib.pyplot as plt

    digits = json.loads(accuracy.RESULT.read_text(encoding="utf-8"))["near_the_teacher"]
    figure, ax = plt.subplots(figsize=(6.4, 4.0))
    for (dtype, name), (label, colour, style) in STYLES.items():
        noises = [row["noise"] for row in digits[dtype]]
        errors = [row[name]["relative_error"] for row in digits[dtype]]
        ax.loglog(noises, errors, style, color=colour, label=label)
    ax.axhline(1.0, color="0.5", linewidth=0.8)
    ax.annotate(
        "100 % wrong",
        (0.98, 1.0),
        (0, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
    )
    ax.set_xlabel("student = teacher + noise")
    ax.set_ylabel("worst relative error of KL")
    ax.legend()
    figure.tight_layout()
    figure.savefig(GRAPH, metadata={"Date": None})


def main() -> None:
    """Fill both pages and draw the graph."""
    contents = tables()
    ALL_TABLES.write_text(filled(all_tables_page(contents), contents), encoding="utf-8")
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), contents), encoding="utf-8")
    draw_graph()


if __name__ == "__main__":
    main()
