"""One seed of one comparison: a teacher, students trained in different ways, and their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kdref._checks import FloatArray, IntArray
from kdref.experiments.measures import (
    Scores,
    best_correction,
    class_similarity,
    confusion,
    corrected,
    score,
)
from kdref.experiments.regimes import (
    CORRECTED,
    DECISIONS,
    DISTILLED,
    STUDENT_RUN,
    TEACHER,
    TEACHER_ACTIVATION,
    TEACHER_RUN,
    TEACHER_SIZES,
    Problem,
    Regime,
    generator,
    held_out_images,
    pose,
)
from kdref.experiments.settings import Settings
from kdref.network import Parameters, RealArray, forward, initialise
from kdref.training import Callback, Trained, TrainingHistory, distil, train

SIMILARITY_TEMPERATURE = 4.0
"""At which soft labels show what a class shares with the others; that of the default loss."""

Networks = Mapping[str, Parameters]


@dataclass(frozen=True)
class SeedResult:
    """What one seed of one regime came to.

    Attributes
    ----------
    regime : str
        Its name.
    seed : tuple of int
        The run's seed and the number of this repetition.
    scores : dict of str to Scores
        For each network, and for students whose bias was corrected.
    histories : dict of str to TrainingHistory
        For each network that was trained; empty for networks that were loaded.
    confusions : dict of str to ndarray of int, shape (10, 10)
        On the test images, for each entry of ``scores``.
    similarity : ndarray, shape (10, 10)
        The teacher's mean soft label of each class of the test images.
    parameters : dict of str to list of (weights, bias)
        The networks.
    """

    regime: str
    seed: tuple[int, int]
    scores: dict[str, Scores]
    histories: dict[str, TrainingHistory]
    confusions: dict[str, IntArray]
    similarity: FloatArray
    parameters: dict[str, Parameters]


def train_teacher(
    problem: Problem, settings: Settings, seed: tuple[int, int], callback: Callback | None = None
) -> Trained:
    """Train the large network on labels, with dropout."""
    rng = generator(seed, TEACHER_RUN)
    return train(
        initialise(TEACHER_SIZES, rng=rng, activation=TEACHER_ACTIVATION),
        problem.teacher_inputs,
        problem.teacher_labels,
        schedule=settings.schedule(TEACHER_ACTIVATION),
        rng=rng,
        validation=(problem.validation_inputs, problem.validation_labels),
        callback=callback,
    )


def train_student(
    kind: str,
    regime: Regime,
    problem: Problem,
    settings: Settings,
    teacher: Parameters,
    seed: tuple[int, int],
    callback: Callback | None = None,
) -> Trained:
    """Train a small network in one of the ways; all begin with the same weights.

    Parameters
    ----------
    kind : str
        ``HARD`` on labels, ``DECISIONS`` on the teacher's decisions about the transfer
        set as if they were labels, ``DISTILLED`` on its logits there.
    regime, problem, settings, seed
        What to train on, and how.
    teacher : list of (weights, bias)
        The trained teacher; constant.
    callback : callable, optional
        Called after each epoch.

    Returns
    -------
    Trained
    """
    rng = generator(seed, STUDENT_RUN)
    start = initialise(regime.student_sizes, rng=rng, activation=regime.activation)
    schedule = settings.schedule(regime.activation)
    validation = (problem.validation_inputs, problem.validation_labels)
    if kind == DISTILLED:
        return distil(
            start,
            problem.transfer_inputs,
            teacher_logits(teacher, problem.transfer_inputs),
            problem.transfer_labels,
            temperature=settings.temperature,
            alpha=settings.alpha,
            schedule=schedule,
            rng=rng,
            validation=validation,
            callback=callback,
        )
    inputs, labels = problem.labelled_inputs, problem.labels
    if kind == DECISIONS:
        inputs = problem.transfer_inputs
        labels = teacher_logits(teacher, inputs).argmax(axis=1)
    return train(
        start,
        inputs,
        labels,
        schedule=schedule,
        rng=rng,
        validation=validation,
        callback=callback,
    )


def run_seed(
    regimes: Sequence[Regime],
    seed: tuple[int, int],
    settings: Mapping[str, Mapping[str, Settings]],
    loaded: Mapping[str, Networks] | None = None,
) -> list[SeedResult]:
    """Train and score all networks of some regimes for one seed.

    Parameters
    ----------
    regimes : sequence of Regime
        Those with the same labels and the same settings share their teacher.
    seed : tuple of int
        The run's seed and the number of this repetition.
    settings : mapping of str to mapping of str to Settings
        For each regime and each of its networks.
    loaded : mapping of str to mapping of str to parameters, optional
        For each regime networks that are scored as they are, without training.

    Returns
    -------
    list of SeedResult
        One a regime.
    """
    teachers: dict[tuple[int | None, Settings], Trained] = {}
    results = []
    for regime in regimes:
        problem, chosen = pose(regime, seed), settings[regime.name]
        if loaded is not None:
            results.append(score_networks(regime, problem, seed, loaded[regime.name], {}))
            continue
        key = (regime.labels_per_class, chosen[TEACHER])
        if key not in teachers:
            teachers[key] = train_teacher(problem, chosen[TEACHER], seed)
        teacher = teachers[key]
        trained = {TEACHER: teacher} | {
            kind: train_student(kind, regime, problem, chosen[kind], teacher.parameters, seed)
            for kind in regime.students
        }
        networks = {name: each.parameters for name, each in trained.items()}
        histories = {name: each.history for name, each in trained.items()}
        results.append(score_networks(regime, problem, seed, networks, histories))
    return results


def score_networks(
    regime: Regime,
    problem: Problem,
    seed: tuple[int, int],
    networks: Networks,
    histories: dict[str, TrainingHistory],
) -> SeedResult:
    """Score trained networks on the test images; a correction is chosen on the validation images."""
    inputs, labels = held_out_images()
    teacher = teacher_logits(networks[TEACHER], inputs)
    logits = {TEACHER: teacher} | {
        kind: student_logits(regime, networks[kind], inputs) for kind in regime.students
    }
    corrections: dict[str, float] = {}
    if regime.missing_class is not None:
        for kind in regime.students:
            seen = student_logits(regime, networks[kind], problem.validation_inputs)
            by = best_correction(seen, problem.validation_labels, regime.missing_class)
            corrections[kind + CORRECTED] = by
            logits[kind + CORRECTED] = corrected(logits[kind], regime.missing_class, by)
    return SeedResult(
        regime=regime.name,
        seed=seed,
        scores={
            name: score(
                rows,
                teacher,
                labels,
                missing_class=regime.missing_class,
                correction=corrections.get(name),
            )
            for name, rows in logits.items()
        },
        histories=histories,
        confusions={name: confusion(rows, labels) for name, rows in logits.items()},
        similarity=class_similarity(teacher, labels, temperature=SIMILARITY_TEMPERATURE),
        parameters=dict(networks),
    )


def teacher_logits(parameters: Parameters, inputs: RealArray) -> RealArray:
    """What a teacher says, without dropout."""
    return forward(parameters, inputs, activation=TEACHER_ACTIVATION).logits


def student_logits(regime: Regime, parameters: Parameters, inputs: RealArray) -> RealArray:
    """What a student says."""
    return forward(parameters, inputs, activation=regime.activation).logits
