"""``kdref distil``: teachers and students on real digits, over many seeds."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kdref.cli import _distil_figure, _output
from kdref.experiments import (
    REGIMES,
    Interval,
    RegimeResult,
    Settings,
    Size,
    Summary,
    available_cores,
    load_run,
    run_experiment,
    save_run,
    tuned_settings,
)
from kdref.experiments.regimes import DISTILLED, TEACHER, division_sizes
from kdref.experiments.settings import tuned_accuracy

SEEDS, QUICK_SEEDS = 10, 4
QUICK_REGIMES = ("few_labels",)


def add_parser(subparsers: Any) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "distil",
        aliases=["distill"],
        help="a teacher, a student, and the same student distilled, on handwritten digits",
        description="Trains teachers and students on the digits that come with the package, and compares a student "
        "trained on labels with the same student distilled: means over seeds with 95% bootstrap intervals, and "
        "paired differences. Hyper-parameters were chosen on validation images.",
    )
    parser.add_argument(
        "--regime",
        action="append",
        choices=tuple(REGIMES),
        help="a comparison; may be repeated (default: all)",
    )
    parser.add_argument("--seed", type=int, help="of everything random (default: 0)")
    parser.add_argument("--seeds", type=int, metavar="N", help=f"repetitions (default: {SEEDS})")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"{QUICK_SEEDS} repetitions of {QUICK_REGIMES[0]}, unless --regime or --seeds say otherwise",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes (default: one for each core; 0: all in this one)",
    )
    parser.add_argument("--figure", metavar="FILE", type=Path, help="draw the results into FILE")
    parser.add_argument("--save", metavar="DIR", type=Path, help="write the networks into DIR")
    parser.add_argument(
        "--load", metavar="DIR", type=Path, help="score the networks in DIR instead of training"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the comparisons and print them."""
    # What could fail in the end is looked at before minutes are spent.
    if arguments.figure is not None:
        _distil_figure.require_drawable(arguments.figure)
    if arguments.save is not None:
        arguments.save.mkdir(parents=True, exist_ok=True)
    seed, results = _results(arguments)
    if arguments.save is not None:
        save_run(arguments.save, results, seed=seed)
    if arguments.figure is not None:
        _distil_figure.draw(results, arguments.figure)
    print(_output.json_text(as_data(results, seed)) if arguments.json else text(results, seed))
    return 0


def _results(arguments: argparse.Namespace) -> tuple[int, dict[str, RegimeResult]]:
    """The run's seed and its results, from networks that are trained or loaded."""
    seed = 0 if arguments.seed is None else arguments.seed
    names = arguments.regime or (QUICK_REGIMES if arguments.quick else tuple(REGIMES))
    n_seeds = QUICK_SEEDS if arguments.quick else SEEDS
    n_seeds = n_seeds if arguments.seeds is None else arguments.seeds
    regimes = [regime for name, regime in REGIMES.items() if name in names]
    loaded = None
    if arguments.load is not None:
        _refuse_beside_load(arguments)
        seed, regimes, loaded = load_run(arguments.load)
        n_seeds = len(loaded)
    with _progress() as callback:
        return seed, run_experiment(
            regimes,
            {regime.name: tuned_settings(regime.name) for regime in regimes},
            seed=seed,
            n_seeds=n_seeds,
            n_workers=available_cores() if arguments.workers is None else arguments.workers,
            loaded=loaded,
            callback=callback,
        )


def _refuse_beside_load(arguments: argparse.Namespace) -> None:
    for option in ("regime", "seed", "seeds", "quick", "save"):
        given = getattr(arguments, option)
        if given is not None and given is not False:
            raise ValueError(f"--load says itself what it scores, so --{option} must be left out")


@contextmanager
def _progress() -> Iterator[Callable[[int, int], object] | None]:
    """A bar on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(desc="teachers with their students", unit="teacher", leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)
            bar.refresh()

        yield show


def as_data(results: Mapping[str, RegimeResult], seed: int) -> dict[str, object]:
    """The same as the text, and the scores of each seed, for JSON."""
    return {
        "seed": seed,
        "images": division_sizes(),
        "regimes": {
            name: {
                "title": result.regime.title,
                "teacher": result.teacher_size,
                "student": result.student_size,
                "settings": result.settings,
                "validation_accuracy": tuned_accuracy(name),
                "networks": result.networks,
                "differences": [
                    {"first": first, "second": second, "first_minus_second": summary}
                    for (first, second), summary in result.differences.items()
                ],
                "seeds": [single.scores for single in result.seeds],
            }
            for name, result in results.items()
        },
    }


def text(results: Mapping[str, RegimeResult], seed: int) -> str:
    """The report for people."""
    sizes = division_sizes()
    n_seeds = len(next(iter(results.values())).seeds)
    lines = [
        f"{sum(sizes.values()):,} handwritten digits of 8 x 8 pixels: {sizes['train']} to train, "
        f"{sizes['validation']} to validate, {sizes['test']} to test.",
        f"Means of {n_seeds} repetitions (seed {seed}), with 95% bootstrap intervals.",
    ]
    for result in results.values():
        lines += ["", *_regime_lines(result)]
    lines += [
        "",
        "An interval says how far the mean may move with other initial weights, another order and another choice",
        "of training images; the test images are the same in each repetition. Of ten repetitions it is somewhat too",
        "short, and there are several: a difference that hardly clears zero is worth a run with --seeds 30.",
        "KL is KL(teacher, network) of the probabilities at temperature 1. Settings were chosen on validation images,",
        "for each way of training a student from the same trials: kdref/experiments/tuned.json lists them all.",
    ]
    return "\n".join(lines)


def _regime_lines(result: RegimeResult) -> list[str]:
    regime, teacher, student = result.regime, result.teacher_size, result.student_size
    heading = f"{regime.name}: {regime.title}"
    header, *scores = scores_rows(result.networks, result.differences, regime.missing_class)
    settings_header, *settings = settings_rows(result.settings, tuned_accuracy(regime.name))
    return [
        heading,
        "=" * len(heading),
        f"teacher {_size_text(teacher)}",
        f"student {_size_text(student)}: {teacher.n_parameters / student.n_parameters:.0f} times smaller, "
        f"{teacher.forward_seconds / student.forward_seconds:.0f} times faster",
        "",
        _output.table(header, scores),
        "",
        *_verdicts(result),
        "",
        _output.table(settings_header, settings),
    ]


def _size_text(size: Size) -> str:
    widths = "-".join(map(str, size.sizes))
    milliseconds = 1e3 * size.forward_seconds
    return f"{widths}, {size.n_parameters:,} parameters, {milliseconds:.2f} ms for the test images"


def scores_rows(
    networks: Mapping[str, Summary],
    differences: Mapping[tuple[str, str], Summary],
    missing_class: int | None,
) -> list[list[str]]:
    """A header, then a row of intervals for each network and for each paired difference."""
    header = ["", "test accuracy, %", "agrees with teacher, %", "KL to teacher, nats"]
    if missing_class is not None:
        header += [f"{missing_class}s found, %", f"added to the logit of {missing_class}"]
    rows = [header]
    rows += [[name, *_cells(summary, len(header), sign="")] for name, summary in networks.items()]
    rows += [
        [f"{first} - {second}", *_cells(summary, len(header), sign="+")]
        for (first, second), summary in differences.items()
    ]
    return rows


def _cells(summary: Summary, n_columns: int, *, sign: str) -> list[str]:
    cells = [
        _interval(summary.accuracy, 100.0, f"{sign}.1f"),
        _interval(summary.agreement, 100.0, f"{sign}.1f"),
        _interval(summary.kl_to_teacher, 1.0, f"{sign}.3f"),
        _interval(summary.recall, 100.0, f"{sign}.1f"),
        _interval(summary.correction, 1.0, "+.1f"),
    ]
    return cells[: n_columns - 1]


def _interval(interval: Interval | None, factor: float, form: str) -> str:
    if interval is None:
        return ""
    mean, low, high = (
        f"{factor * value:{form}}" for value in (interval.mean, interval.low, interval.high)
    )
    return f"{mean} [{low}, {high}]"


def _verdicts(result: RegimeResult) -> list[str]:
    """One sentence for each paired difference in accuracy."""
    return [
        f"{first} against {second}: {_verdict(summary.accuracy)}"
        for (first, second), summary in result.differences.items()
    ]


def _verdict(difference: Interval) -> str:
    points = f"{100.0 * abs(difference.mean):.1f} points of accuracy"
    if difference.low > 0.0:
        return f"gains {points}."
    if difference.high < 0.0:
        return f"loses {points}."
    return "no difference in accuracy that these seeds can show."


def settings_rows(
    settings: Mapping[str, Settings], figures: Mapping[str, float]
) -> list[list[str]]:
    """A header, then for each network how it was trained and its figure on the validation images."""
    header = ["chosen settings", "learning rate", "weight decay", "batch", "epochs"]
    header += ["dropout", "T", "alpha", "validation accuracy, %"]
    rows = [
        [
            name,
            f"{each.learning_rate:g}",
            f"{each.weight_decay:g}",
            f"{each.batch_size}",
            f"{each.n_epochs}",
            f"{each.dropout:g}" if name == TEACHER else "",
            f"{each.temperature:g}" if name == DISTILLED else "",
            f"{each.alpha:g}" if name == DISTILLED else "",
            f"{100.0 * figures[name]:.1f}",
        ]
        for name, each in settings.items()
    ]
    return [header, *rows]
