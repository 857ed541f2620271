"""The choice of the hyper-parameters, on validation images alone.

``python -m kdref.experiments.tuning`` writes ``tuned.json``: every trial with its validation accuracy, and the
chosen settings, which the experiments read.  It takes about ten minutes of one core.

Rules: each way of training a student gets the same trials, learning rate, weight decay and batch size alike, and as
many checkpoints to choose an epoch from; the trials of a distilled student take the temperatures in turn, and are no
more for that.  A trial's figure is its mean validation accuracy over seeds that the experiments do not use; the best
figure wins, at the earliest epoch that reaches it.  No test image is looked at.
"""

import dataclasses
import itertools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from kdref._checks import FloatArray
from kdref.experiments.distillation import student_logits, train_student, train_teacher
from kdref.experiments.measures import best_correction, corrected
from kdref.experiments.regimes import (
    DISTILLED,
    HARD,
    REGIMES,
    TEACHER,
    Problem,
    Regime,
    pose,
)
from kdref.experiments.settings import TUNED, Settings
from kdref.experiments.workers import available_cores, run_tasks
from kdref.network import ACTIVATIONS
from kdref.training import EpochReport, accuracy

SEED = 1_000_000
"""The experiments count their seeds from 0."""

CHECKPOINTS = 10
"""An epoch is chosen from as many, evenly spaced up to the last."""

Grid = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Plan:
    """What is tried.

    Attributes
    ----------
    n_seeds : int
        Divisions and starts that a trial is averaged over.
    teacher_epochs, student_epochs : tuple of int
        The most epochs that a network may train on all training images, and on few
        labels, where an epoch is short.
    teacher, student : mapping of str to sequence
        Values of `Settings` to combine; each combination is a trial, and those of the
        students are the same for each way of training them.
    temperatures : sequence of float
        The trials of a distilled student take them in turn, so that it has no more
        trials than the others.
    alpha : float
        Weight of the soft term where a distilled student has labels too.
    widths : sequence of int
        Hidden units of the students that are compared with each other, each with both
        activations, with all labels.
    """

    n_seeds: int
    teacher_epochs: tuple[int, int]
    student_epochs: tuple[int, int]
    teacher: Grid
    student: Grid
    temperatures: Sequence[float]
    alpha: float
    widths: Sequence[int]


FULL = Plan(
    n_seeds=4,
    teacher_epochs=(40, 150),
    student_epochs=(100, 400),
    teacher={
        "learning_rate": (0.001, 0.003),
        "weight_decay": (0.0,),
        "batch_size": (64,),
        "dropout": (0.0, 0.25, 0.5),
    },
    student={
        "learning_rate": (0.003, 0.01, 0.03),
        "weight_decay": (0.0, 0.1),
        "batch_size": (32, 128),
    },
    temperatures=(1.0, 2.0, 4.0),
    alpha=0.9,
    widths=(4, 6, 8, 16),
)


def trials(plan: Plan, regime: Regime, kind: str) -> list[Settings]:
    """The settings that are tried for one network of a regime, each with the most epochs."""
    few = regime.labels_per_class is not None
    grid = plan.teacher if kind == TEACHER else plan.student
    most = plan.teacher_epochs if kind == TEACHER else plan.student_epochs
    n_epochs = most[few and kind in {TEACHER, HARD}]
    tried = [
        Settings(n_epochs=n_epochs, **dict(zip(grid, values, strict=True)))
        for values in itertools.product(*grid.values())
    ]
    if kind != DISTILLED:
        return tried
    # Where the transfer set has no labels, or none of one class, only the teacher speaks.
    alpha = 1.0 if few or regime.missing_class is not None else plan.alpha
    in_turn = itertools.cycle(plan.temperatures)
    return [
        dataclasses.replace(settings, temperature=temperature, alpha=alpha)
        for settings, temperature in zip(tried, in_turn, strict=False)
    ]


def checkpoints(n_epochs: int) -> list[int]:
    """The epochs that can be chosen."""
    return sorted({-(-n_epochs * k // CHECKPOINTS) for k in range(1, CHECKPOINTS + 1)})


@dataclass(frozen=True)
class Task:
    """Trials for one seed: of a regime's teacher, or with a chosen teacher of its students."""

    plan: Plan
    regime: Regime
    repetition: int
    teacher: Settings | None


Tried = dict[str, list[list[float]]]
"""For each network its validation accuracies: one list a trial, one entry a checkpoint."""


def run_task(task: Task) -> Tried:
    """Make all trials of a task."""
    seed = (SEED, task.repetition)
    problem = pose(task.regime, seed)
    if task.teacher is None:
        tried = []
        for settings in trials(task.plan, task.regime, TEACHER):
            watch = Watch(task.regime, TEACHER, problem, settings.n_epochs)
            train_teacher(problem, settings, seed, watch)
            tried.append(watch.accuracies)
        return {TEACHER: tried}
    teacher = train_teacher(problem, task.teacher, seed).parameters
    found: Tried = {kind: [] for kind in task.regime.students}
    for kind in task.regime.students:
        for settings in trials(task.plan, task.regime, kind):
            watch = Watch(task.regime, kind, problem, settings.n_epochs)
            train_student(kind, task.regime, problem, settings, teacher, seed, watch)
            found[kind].append(watch.accuracies)
    return found


class Watch:
    """A callback that notes the validation accuracy at the checkpoints.

    Where a class is missing, a student's accuracy is taken after the correction of its bias.
    """

    def __init__(self, regime: Regime, kind: str, problem: Problem, n_epochs: int) -> None:
        self.regime, self.problem = regime, problem
        self.missing_class = None if kind == TEACHER else regime.missing_class
        self.epochs = set(checkpoints(n_epochs))
        self.accuracies: list[float] = []

    def __call__(self, report: EpochReport) -> None:
        """Note the accuracy, if this is a checkpoint."""
        if report.epoch not in self.epochs:
            return
        accuracy_now = report.validation_accuracy
        if self.missing_class is not None:
            labels = self.problem.validation_labels
            logits = student_logits(self.regime, report.parameters, self.problem.validation_inputs)
            by = best_correction(logits, labels, self.missing_class)
            accuracy_now = accuracy(corrected(logits, self.missing_class, by), labels)
        self.accuracies.append(cast(float, accuracy_now))


@dataclass(frozen=True)
class Choice:
    """The settings that won, their figure, and all trials with theirs at each checkpoint."""

    settings: Settings
    validation_accuracy: float
    trials: list[dict[str, Any]]


def choose(candidates: Sequence[Settings], mean: FloatArray) -> Choice:
    """Choose the best trial, cut at its best epoch.

    Parameters
    ----------
    candidates : sequence of Settings
        One a trial.
    mean : ndarray, shape (trials, checkpoints)
        Validation accuracies, averaged over the seeds; of equal ones the earliest
        epoch wins, then the first trial.

    Returns
    -------
    Choice
    """
    figures = mean.round(6)  # first, so that equal ones are equal, and the file shows what decided
    column, row = divmod(int(figures.T.argmax()), len(candidates))
    best = candidates[row]
    n_epochs = checkpoints(best.n_epochs)[column]
    return Choice(
        dataclasses.replace(best, n_epochs=n_epochs),
        float(figures[row, column]),
        [
            dataclasses.asdict(settings) | {"validation_accuracy": of_trial.tolist()}
            for settings, of_trial in zip(candidates, figures, strict=True)
        ],
    )


def compare(
    plan: Plan, regimes: Sequence[Regime], teachers: Mapping[str, Settings], *, n_workers: int
) -> dict[str, dict[str, Choice]]:
    """Choose for each regime: its students' settings if its teacher's are given, else its teacher's."""
    tasks = [
        Task(plan, regime, repetition, teachers.get(regime.name))
        for regime in regimes
        for repetition in range(plan.n_seeds)
    ]
    results = dict(run_tasks(run_task, tasks, n_workers=n_workers))
    chosen: dict[str, dict[str, Choice]] = {}
    for place, regime in enumerate(regimes):
        of_seeds = [results[place * plan.n_seeds + k] for k in range(plan.n_seeds)]
        chosen[regime.name] = {
            kind: choose(
                trials(plan, regime, kind), np.mean([tried[kind] for tried in of_seeds], axis=0)
            )
            for kind in of_seeds[0]
        }
    return chosen


def tune(plan: Plan = FULL, *, n_workers: int) -> dict[str, Any]:
    """Make all trials of a plan and say what won.

    Parameters
    ----------
    plan : Plan
        What is tried.
    n_workers : int
        Processes; 0 for none but this one.

    Returns
    -------
    dict
        Ready for JSON: ``"chosen"`` settings, ``"trials"``, and ``"students"`` of
        several widths and both activations, with the best figure of each way.
    """
    first = {regime.labels_per_class: regime for regime in reversed(REGIMES.values())}
    teachers = compare(plan, list(first.values()), {}, n_workers=n_workers)
    of_regime = {
        regime.name: teachers[first[regime.labels_per_class].name][TEACHER]
        for regime in REGIMES.values()
    }
    settings = {name: choice.settings for name, choice in of_regime.items()}
    students = compare(plan, list(REGIMES.values()), settings, n_workers=n_workers)
    choices = {name: {TEACHER: of_regime[name]} | students[name] for name in REGIMES}
    return {
        "made_by": "python -m kdref.experiments.tuning",
        "seed": SEED,
        "plan": dataclasses.asdict(plan),
        "chosen": _each(choices, lambda choice: dataclasses.asdict(choice.settings)),
        "validation_accuracy": _each(choices, lambda choice: choice.validation_accuracy),
        "students": compare_students(plan, settings["all_labels"], n_workers=n_workers),
        "trials": _each(choices, lambda choice: choice.trials),
    }


def compare_students(plan: Plan, teacher: Settings, *, n_workers: int) -> list[dict[str, Any]]:
    """Best validation accuracies of students of several sizes and both activations, with all labels."""
    variants = [
        dataclasses.replace(
            REGIMES["all_labels"],
            name=f"{activation} {width}",
            student_sizes=(64, width, 10),
            activation=activation,
        )
        for activation in ACTIVATIONS
        for width in plan.widths
    ]
    teachers = {variant.name: teacher for variant in variants}
    chosen = compare(plan, variants, teachers, n_workers=n_workers)
    return [
        {"activation": variant.activation, "hidden": variant.student_sizes[1]}
        | {kind: choice.validation_accuracy for kind, choice in chosen[variant.name].items()}
        for variant in variants
    ]


def _each(
    choices: dict[str, dict[str, Choice]], part: Callable[[Choice], Any]
) -> dict[str, dict[str, Any]]:
    return {
        regime: {network: part(choice) for network, choice in networks.items()}
        for regime, networks in choices.items()
    }


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name(TUNED)
    results = tune(n_workers=available_cores())
    target.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
