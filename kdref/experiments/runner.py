"""Comparisons over many seeds, on several processes: means, intervals, paired differences, times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kdref import _checks
from kdref._checks import FloatArray, IntArray
from kdref.experiments.distillation import SeedResult, run_seed
from kdref.experiments.measures import Interval, Scores, bootstrap_interval, forward_seconds
from kdref.experiments.regimes import (
    CORRECTED,
    DECISIONS,
    DISTILLED,
    HARD,
    TEACHER,
    TEACHER_ACTIVATION,
    Regime,
    held_out_images,
)
from kdref.experiments.settings import Settings
from kdref.experiments.workers import run_tasks
from kdref.network import Parameters, count_parameters

PAIRS = (
    (DISTILLED, HARD),
    (DISTILLED, DECISIONS),
    (DISTILLED + CORRECTED, HARD + CORRECTED),
)
"""Students that are compared seed by seed, where a regime has both."""

Loaded = Mapping[int, Mapping[str, Mapping[str, Parameters]]]
"""Saved networks: by repetition, regime and name."""


@dataclass(frozen=True)
class Summary:
    """Scores over the seeds: of a network, or of the differences between two.

    Attributes
    ----------
    accuracy, agreement, kl_to_teacher : Interval
        As in `Scores`; KL in nats.
    recall, correction : Interval or None
        None where there is no missing class, or no correction.
    """

    accuracy: Interval
    agreement: Interval
    kl_to_teacher: Interval
    recall: Interval | None
    correction: Interval | None


@dataclass(frozen=True)
class Size:
    """What a network costs.

    Attributes
    ----------
    sizes : tuple of int
        Its widths.
    n_parameters : int
        Weights and biases.
    forward_seconds : float
        Shortest time of a forward pass over all test images in one batch; on one core,
        if the run had workers.
    """

    sizes: tuple[int, ...]
    n_parameters: int
    forward_seconds: float


@dataclass(frozen=True)
class RegimeResult:
    """What one comparison came to over all seeds.

    Attributes
    ----------
    regime : Regime
        The comparison.
    settings : mapping of str to Settings
        How each network was trained.
    networks : dict of str to Summary
        The teacher, the students, and the students with corrected bias.
    differences : dict of (str, str) to Summary
        First minus second, paired by seed.
    teacher_size, student_size : Size
        What compression bought.
    seeds : tuple of SeedResult
        The single runs.
    """

    regime: Regime
    settings: Mapping[str, Settings]
    networks: dict[str, Summary]
    differences: dict[tuple[str, str], Summary]
    teacher_size: Size
    student_size: Size
    seeds: tuple[SeedResult, ...]

    def mean_similarity(self) -> FloatArray:
        """The teachers' mean soft label of each class, over the seeds."""
        mean: FloatArray = np.mean([result.similarity for result in self.seeds], axis=0)
        return mean

    def total_confusion(self, name: str) -> IntArray:
        """A network's confusion on the test images, added up over the seeds."""
        total: IntArray = np.sum([result.confusions[name] for result in self.seeds], axis=0)
        return total

    def mean_curve(self, name: str) -> FloatArray | None:
        """A network's validation accuracy after each epoch, averaged; None for loaded networks."""
        curves = [
            history.validation_accuracy
            for result in self.seeds
            if (history := result.histories.get(name)) and history.validation_accuracy
        ]
        return np.mean(curves, axis=0) if curves else None


@dataclass(frozen=True)
class _Task:
    """Regimes that share their teacher, for one seed."""

    regimes: tuple[Regime, ...]
    seed: tuple[int, int]
    settings: Mapping[str, Mapping[str, Settings]]
    loaded: Mapping[str, Mapping[str, Parameters]] | None


def run_experiment(
    regimes: Sequence[Regime],
    settings: Mapping[str, Mapping[str, Settings]],
    *,
    seed: int = 0,
    n_seeds: int = 10,
    n_workers: int = 0,
    loaded: Loaded | None = None,
    callback: Callable[[int, int], object] | None = None,
) -> dict[str, RegimeResult]:
    """Compare students over many seeds.

    Parameters
    ----------
    regimes : sequence of Regime
        The comparisons; see `kdref.experiments.REGIMES`.
    settings : mapping of str to mapping of str to Settings
        For each regime and network how to train it; see `tuned_settings`.
    seed : int, default 0
        Repetition k uses the streams of ``(seed, k)``.
    n_seeds : int, default 10
        Repetitions, at least 2 for an interval.
    n_workers : int, default 0
        Processes; 0 for none but this one.  The results do not depend on it, but for
        the times.
    loaded : mapping, optional
        Saved networks, which are scored as they are.
    callback : callable, optional
        Called with the tasks done and their number, at the start and after each.

    Returns
    -------
    dict of str to RegimeResult
        In the order of ``regimes``.

    Raises
    ------
    TypeError, ValueError
        If ``seed``, ``n_seeds`` or ``n_workers`` is no integer or too small.
    """
    _checks.count("seed", seed, minimum=0)
    _checks.count("n_seeds", n_seeds, minimum=2)
    _checks.count("n_workers", n_workers, minimum=0)
    tasks = [
        _Task(group, (seed, k), settings, None if loaded is None else loaded[k])
        for k in range(n_seeds)
        for group in _by_teacher(regimes)
    ]
    found: list[list[SeedResult]] = [[] for _ in tasks]
    if callback is not None:
        callback(0, len(tasks))
    for done, (number, results) in enumerate(run_tasks(_run, tasks, n_workers=n_workers), start=1):
        found[number] = results
        if callback is not None:
            callback(done, len(tasks))
    # In the order of the tasks, that is of the seeds, so that pairs are of the same seed.
    flat = [result for results in found for result in results]
    of_regime = {
        regime.name: tuple(result for result in flat if result.regime == regime.name)
        for regime in regimes
    }
    sizes = _sizes(regimes, of_regime, n_workers)
    return {
        regime.name: _summarised(
            regime, settings[regime.name], of_regime[regime.name], *sizes[regime.name]
        )
        for regime in regimes
    }


def _by_teacher(regimes: Sequence[Regime]) -> list[tuple[Regime, ...]]:
    """Regimes grouped by the labels that their teacher has."""
    labels = dict.fromkeys(regime.labels_per_class for regime in regimes)
    return [
        tuple(regime for regime in regimes if regime.labels_per_class == each) for each in labels
    ]


def _run(task: _Task) -> list[SeedResult]:
    return run_seed(task.regimes, task.seed, task.settings, task.loaded)


def _summarised(
    regime: Regime,
    settings: Mapping[str, Settings],
    seeds: tuple[SeedResult, ...],
    teacher_size: Size,
    student_size: Size,
) -> RegimeResult:
    scores = {name: [result.scores[name] for result in seeds] for name in seeds[0].scores}
    return RegimeResult(
        regime=regime,
        settings=settings,
        networks={name: _summary(values) for name, values in scores.items()},
        differences={
            (first, second): _difference(scores[first], scores[second])
            for first, second in PAIRS
            if first in scores and second in scores
        },
        teacher_size=teacher_size,
        student_size=student_size,
        seeds=seeds,
    )


def _summary(scores: Sequence[Scores]) -> Summary:
    def interval(values: Sequence[float | None]) -> Interval | None:
        known = [value for value in values if value is not None]
        return bootstrap_interval(known) if known else None

    return Summary(
        accuracy=bootstrap_interval([each.accuracy for each in scores]),
        agreement=bootstrap_interval([each.agreement for each in scores]),
        kl_to_teacher=bootstrap_interval([each.kl_to_teacher for each in scores]),
        recall=interval([each.recall for each in scores]),
        correction=interval([each.correction for each in scores]),
    )


def _difference(first: Sequence[Scores], second: Sequence[Scores]) -> Summary:
    """Of each pair the first minus the second."""
    return _summary(
        [
            Scores(
                accuracy=a.accuracy - b.accuracy,
                agreement=a.agreement - b.agreement,
                kl_to_teacher=a.kl_to_teacher - b.kl_to_teacher,
                recall=None if a.recall is None or b.recall is None else a.recall - b.recall,
            )
            for a, b in zip(first, second, strict=True)
        ]
    )


def _sizes(
    regimes: Sequence[Regime], of_regime: Mapping[str, Sequence[SeedResult]], n_workers: int
) -> dict[str, tuple[Size, Size]]:
    """The sizes of each regime's teacher and student, from their first seed."""
    sized = [
        pair
        for regime in regimes
        for pair in (
            (of_regime[regime.name][0].parameters[TEACHER], TEACHER_ACTIVATION),
            (of_regime[regime.name][0].parameters[regime.students[0]], regime.activation),
        )
    ]
    # One process even where there are many: they are timed one after the other, on an idle machine.
    found = dict(run_tasks(_size, sized, n_workers=min(n_workers, 1)))
    return {regime.name: (found[2 * k], found[2 * k + 1]) for k, regime in enumerate(regimes)}


def _size(sized: tuple[Parameters, str]) -> Size:
    parameters, activation = sized
    widths = (len(parameters[0][0]), *(len(bias) for _, bias in parameters))
    inputs, _ = held_out_images()
    seconds = forward_seconds(parameters, inputs, activation=activation)
    return Size(widths, count_parameters(parameters), seconds)
