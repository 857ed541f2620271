"""The comparisons: who sees which images and labels, and which networks are trained on them.

In all of them the test images are the same and are used for nothing but the final scores; what is left is divided
anew for each seed into images to train and to validate on.
"""

from dataclasses import dataclass

import numpy as np

from kdref import _checks
from kdref._checks import IntArray
from kdref.datasets import load_digits, stratified_split
from kdref.network import RealArray

TEACHER = "teacher"
HARD = "hard labels"
DECISIONS = "teacher's decisions"
DISTILLED = "distilled"
CORRECTED = ", corrected"
"""Ends the name of a student whose bias for the missing class was corrected."""

TEACHER_SIZES = (64, 200, 200, 10)
TEACHER_ACTIVATION = "relu"

TEST_SHARE, VALIDATION_SHARE = 0.4, 0.25
"""Of all images; of those that are not for the test."""

TEST_SEED = 1998
"""Divides off the test images, once and for all: the year of the data set."""

DIVISION, LABELLED, TEACHER_RUN, STUDENT_RUN = 0, 1, 2, 3
"""Streams of randomness within a seed, so that no part depends on how much another one draws."""


@dataclass(frozen=True)
class Regime:
    """One comparison of students.

    Attributes
    ----------
    name : str
        As the command line calls it.
    title : str
        What is special about it, in a few words.
    student_sizes : tuple of int
        Widths of the student from the pixels to the logits.
    activation : str
        The student's.
    labels_per_class : int or None
        How many labels there are for teacher and student; None for all.
    missing_class : int or None
        A class that the teacher has seen and the student never sees.
    students : tuple of str
        How the students are trained.
    """

    name: str
    title: str
    student_sizes: tuple[int, ...]
    activation: str
    labels_per_class: int | None
    missing_class: int | None
    students: tuple[str, ...]


REGIMES: dict[str, Regime] = {
    regime.name: regime
    for regime in (
        Regime(
            name="few_labels",
            title="50 labels for teacher and student; all training images, unlabelled, to distil on",
            student_sizes=(64, 8, 10),
            activation="tanh",
            labels_per_class=5,
            missing_class=None,
            students=(HARD, DECISIONS, DISTILLED),
        ),
        Regime(
            name="all_labels",
            title="all labels for teacher and student",
            student_sizes=(64, 8, 10),
            activation="tanh",
            labels_per_class=None,
            missing_class=None,
            students=(HARD, DISTILLED),
        ),
        Regime(
            name="small_relu",
            title="all labels; a student that is hard to train, six rectified units",
            student_sizes=(64, 6, 10),
            activation="relu",
            labels_per_class=None,
            missing_class=None,
            students=(HARD, DISTILLED),
        ),
        Regime(
            name="missing_class",
            title="the teacher has seen every digit, the student never sees a 3",
            student_sizes=(64, 8, 10),
            activation="tanh",
            labels_per_class=None,
            missing_class=3,
            students=(HARD, DISTILLED),
        ),
    )
}


@dataclass(frozen=True)
class Division:
    """Indices of the images for each purpose.

    Attributes
    ----------
    train, validation, test : ndarray of int
        Disjoint; together all images.
    """

    train: IntArray
    validation: IntArray
    test: IntArray


@dataclass(frozen=True)
class Problem:
    """The images and labels of one regime and one seed, without the test images.

    Attributes
    ----------
    teacher_inputs, teacher_labels : ndarray
        What the teacher is trained on.
    labelled_inputs, labels : ndarray
        What a student on hard labels is trained on.
    transfer_inputs : ndarray
        What a student is distilled on.
    transfer_labels : ndarray, or None
        Their labels; None if the transfer set is unlabelled.
    validation_inputs, validation_labels : ndarray
        What hyper-parameters and corrections are chosen on.
    """

    teacher_inputs: RealArray
    teacher_labels: IntArray
    labelled_inputs: RealArray
    labels: IntArray
    transfer_inputs: RealArray
    transfer_labels: IntArray | None
    validation_inputs: RealArray
    validation_labels: IntArray


def generator(seed: tuple[int, int], stream: int) -> np.random.Generator:
    """The generator of one stream of one seed."""
    return np.random.default_rng((*seed, stream))


def divide(seed: tuple[int, int]) -> Division:
    """Divide the digits: test images that are always the same, the rest by the seed."""
    labels = load_digits().labels
    pool, test = stratified_split(
        labels, (1.0 - TEST_SHARE, TEST_SHARE), rng=np.random.default_rng(TEST_SEED)
    )
    shares = (1.0 - VALIDATION_SHARE, VALIDATION_SHARE)
    train, validation = stratified_split(labels[pool], shares, rng=generator(seed, DIVISION))
    return Division(pool[train], pool[validation], test)


def held_out_images() -> tuple[RealArray, IntArray]:
    """Inputs and labels of the test images."""
    digits = load_digits()
    test = divide((0, 0)).test
    return digits.rows()[test], digits.labels[test].astype(np.intp)


def pose(regime: Regime, seed: tuple[int, int]) -> Problem:
    """The regime's images and labels for one seed."""
    digits = load_digits()
    inputs, labels = digits.rows(), digits.labels.astype(np.intp)
    division = divide(seed)
    train, validation = division.train, division.validation
    teacher = labelled = transfer = train
    if regime.labels_per_class is not None:
        teacher = labelled = _some_of_each_class(train, labels, regime.labels_per_class, seed)
    if regime.missing_class is not None:
        labelled = transfer = train[labels[train] != regime.missing_class]
    unlabelled = regime.labels_per_class is not None
    return Problem(
        teacher_inputs=inputs[teacher],
        teacher_labels=labels[teacher],
        labelled_inputs=inputs[labelled],
        labels=labels[labelled],
        transfer_inputs=inputs[transfer],
        transfer_labels=None if unlabelled else labels[transfer],
        validation_inputs=inputs[validation],
        validation_labels=labels[validation],
    )


def _some_of_each_class(
    train: IntArray, labels: IntArray, per_class: int, seed: tuple[int, int]
) -> IntArray:
    _checks.count("labels_per_class", per_class)
    rng = generator(seed, LABELLED)
    classes = np.unique(labels[train])
    drawn = [rng.permutation(train[labels[train] == k])[:per_class] for k in classes]
    return np.sort(np.concatenate(drawn))


def division_sizes() -> dict[str, int]:
    """How many images are for training, validation and test; the same for every seed."""
    division = divide((0, 0))
    return {name: len(getattr(division, name)) for name in ("train", "validation", "test")}
