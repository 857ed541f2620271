"""``kdref`` without a command: the article, the gradient checks, a quick distillation, and the figures of all three."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kdref.article import (
    STUDENT_LOGITS,
    TEACHER_LOGITS,
    gradient_noise,
    gradient_sizes,
    high_temperature_limit,
    label_information,
    reproduce,
    softening,
)
from kdref.cli import _output
from kdref.cli.article import exit_code, figures_text
from kdref.experiments import (
    REGIMES,
    Regime,
    SeedResult,
    Settings,
    available_cores,
    run_seed,
    tuned_settings,
)
from kdref.experiments.distillation import SIMILARITY_TEMPERATURE
from kdref.experiments.gradients import gradient_reports
from kdref.experiments.regimes import CORRECTED, DISTILLED, HARD
from kdref.experiments.workers import run_tasks
from kdref.gradcheck import GradientReport
from kdref.registry import LOSSES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DIRECTORY = Path("kdref-figures")
"""Where the figures go unless told otherwise."""

QUICK = ("few_labels", "missing_class")
"""The comparisons of which one seed is run."""

TEMPERATURES = np.geomspace(0.1, 100.0, 121)
DRAWS = (1, 3, 10, 30, 100, 300)

Draw = Callable[["Axes"], object]


def add_parser(subparsers: Any) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "overview",
        help="the main job, also without its name: article, gradient checks, a quick distillation, figures",
        description="Computes the article's figures, checks every gradient against a numerical one, distils a student "
        "on handwritten digits (one seed; kdref distil runs more), and writes the figures. Exits 1 if a printed "
        "figure is not reproduced or a gradient disagrees.",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=DIRECTORY,
        metavar="DIRECTORY",
        help="where the figures go (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of everything random (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do the four parts one after the other; 1 if a figure or a gradient is wrong."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    reproductions = reproduce()
    print(figures_text(reproductions), flush=True)
    reports = gradient_reports(np.random.default_rng(arguments.seed))
    print(gradients_text(reports), flush=True)
    # Other processes also where there is one core: theirs multiply small matrices on one thread, which is faster.
    n_workers = min(available_cores(), len(QUICK))
    results = quick_distillation(arguments.seed, n_workers=n_workers)
    print(distillation_text(results), flush=True)
    paths = write_figures(arguments.out, figures(results, np.random.default_rng(arguments.seed)))
    print("\n".join(("Figures", *(f"  {path}" for path in paths))))
    gradients_agree = all(report.passed for report in reports.values())
    return exit_code(reproductions) if gradients_agree else 1


def gradients_text(reports: Mapping[str, GradientReport]) -> str:
    """A row for each gradient: its error in norm and the verdict; below, which losses are not there and why."""
    rows = [
        (
            name,
            f"{report.norm_error:.1e}",
            f"{report.tolerance:.0e}",
            "agrees" if report.passed else "DISAGREES",
        )
        for name, report in reports.items()
    ]
    heading = "Gradients against Richardson's extrapolation of central differences"
    table = _output.table(("gradient of", "error in norm", "allowed", ""), rows)
    left_out = [
        f"  Left to the tests: {entry.name}, whose gradient holds {entry.held_constant} constant."
        for entry in LOSSES.values()
        if entry.held_constant
    ]
    return "\n".join((heading, "", table, "", *left_out, ""))


def quick_distillation(seed: int, *, n_workers: int) -> dict[str, SeedResult]:
    """One seed of the comparisons that show most, with the tuned settings, each in a process of its own."""
    tasks = [(REGIMES[name], (seed, 0), tuned_settings(name)) for name in QUICK]
    found = dict(run_tasks(_run_comparison, tasks, n_workers=n_workers))
    return {name: found[number] for number, name in enumerate(QUICK)}


def _run_comparison(task: tuple[Regime, tuple[int, int], Mapping[str, Settings]]) -> SeedResult:
    regime, seed, settings = task
    (result,) = run_seed([regime], seed, {regime.name: settings})
    return result


def distillation_text(results: Mapping[str, SeedResult]) -> str:
    """A table for each comparison."""
    lines = ["Distillation on 8 x 8 handwritten digits, one seed (kdref distil repeats it)", ""]
    for name, result in results.items():
        lines += [f"{REGIMES[name].title}:", _scores_table(result), ""]
    return "\n".join(lines)


def _scores_table(result: SeedResult) -> str:
    header = ("network", "test accuracy", "agrees with teacher", "KL to teacher, nats")
    missing = REGIMES[result.regime].missing_class
    rows = [
        (
            name,
            f"{scores.accuracy:.1%}",
            f"{scores.agreement:.1%}",
            f"{scores.kl_to_teacher:.3f}",
            *(() if scores.recall is None else (f"{scores.recall:.1%}",)),
        )
        for name, scores in result.scores.items()
    ]
    return _output.table(header if missing is None else (*header, f"{missing}s found"), rows)


def figures(results: Mapping[str, SeedResult], rng: np.random.Generator) -> dict[str, Draw]:
    """What each figure's file is called and how to draw it."""
    return article_figures(rng) | distillation_figures(results)


def article_figures(rng: np.random.Generator) -> dict[str, Draw]:
    """The figures of the article's claims, from its own example."""
    from kdref import plots

    student, teacher = STUDENT_LOGITS, TEACHER_LOGITS
    softened = softening(teacher[0], TEMPERATURES)
    labels = label_information(teacher, [0], TEMPERATURES)
    sizes = gradient_sizes(student, teacher, [0], TEMPERATURES)
    limit = high_temperature_limit(student, teacher, TEMPERATURES)
    noise = gradient_noise(student[0], teacher[0], DRAWS, rng=rng)
    return {
        "softening": lambda ax: plots.plot_softening(TEMPERATURES, softened.probabilities, ax=ax),
        "label-information": lambda ax: plots.plot_label_information(
            TEMPERATURES, labels.bits, labels.log_odds, most=labels.most, ax=ax
        ),
        "gradient-sizes": lambda ax: plots.plot_gradient_sizes(
            TEMPERATURES, sizes.soft, sizes.scaled, hard=sizes.hard, limit=sizes.limit, ax=ax
        ),
        "high-temperature-limit": lambda ax: plots.plot_limit(
            TEMPERATURES, limit.losses, limit=limit.limit, ax=ax
        ),
        "gradient-noise": lambda ax: plots.plot_gradient_noise(
            noise.draws, noise.errors, noise.expected, soft=noise.soft, ax=ax
        ),
    }


def distillation_figures(results: Mapping[str, SeedResult]) -> dict[str, Draw]:
    """The figures of the two comparisons."""
    from kdref import plots

    few, missing = (results[name] for name in QUICK)
    missing_class = REGIMES[missing.regime].missing_class
    curves = {
        name: history.validation_accuracy
        for name in (HARD, DISTILLED)
        if (history := few.histories[name]).validation_accuracy is not None
    }
    return {
        "training": lambda ax: plots.plot_curves(
            curves,
            ylabel="validation accuracy",
            title="Few labels: a student alone and distilled",
            ax=ax,
        ),
        "class-similarity": lambda ax: plots.plot_class_similarity(
            missing.similarity,
            title=f"The teacher's mean soft labels, T = {SIMILARITY_TEMPERATURE:g}",
            ax=ax,
        ),
        "confusion-without-3": lambda ax: plots.plot_confusion(
            missing.confusions[DISTILLED],
            missing=missing_class,
            title=f"A distilled student that never saw a {missing_class}",
            ax=ax,
        ),
        "confusion-without-3-corrected": lambda ax: plots.plot_confusion(
            missing.confusions[DISTILLED + CORRECTED],
            missing=missing_class,
            title=f"The same student after the correction of its bias for {missing_class}",
            ax=ax,
        ),
    }


def write_figures(directory: Path, drawings: Mapping[str, Draw]) -> Sequence[Path]:
    """Write one PNG for each drawing and say where."""
    from matplotlib.figure import Figure

    paths = []
    for name, draw in drawings.items():
        figure = Figure(figsize=(6.4, 4.8), layout="constrained")
        draw(figure.subplots())
        path = directory / f"{name}.png"
        with _output.written_whole(path) as temporary:
            figure.savefig(temporary, dpi=120)
        paths.append(path)
    return paths
