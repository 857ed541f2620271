"""What an experiment measures: agreement with the teacher, class similarity, bias correction, intervals, time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray, IntArray
from kdref.divergences import kl_divergence_from_logits
from kdref.network import Parameters, RealArray, forward
from kdref.probabilities import softmax
from kdref.training import accuracy

RESAMPLES = 10_000
"""Bootstrap samples of an interval; its ends are then known to about a hundredth of its length."""

BOOTSTRAP_SEED = 20150309
"""So that the same values always have the same interval."""


@dataclass(frozen=True)
class Interval:
    """A mean with its 95% bootstrap interval.

    Attributes
    ----------
    mean, low, high : float
        The mean of the values and the ends of the interval.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Scores:
    """How one network does on the test images.

    Attributes
    ----------
    accuracy : float
        Share of images that it names right.
    agreement : float
        Share of images to which it gives the same class as the teacher.
    kl_to_teacher : float
        Mean KL(teacher, network) of the probabilities at temperature 1, in nats.
    recall : float or None
        Share of the missing class's images that it names right; None where no class is missing.
    correction : float or None
        What was added to its logit of the missing class; None where nothing was.
    """

    accuracy: float
    agreement: float
    kl_to_teacher: float
    recall: float | None = None
    correction: float | None = None


def score(
    logits: RealArray,
    teacher_logits: RealArray,
    labels: IntArray,
    *,
    missing_class: int | None = None,
    correction: float | None = None,
) -> Scores:
    """Score a network's logits against the labels and against the teacher.

    Parameters
    ----------
    logits, teacher_logits : ndarray, shape (N, C)
        What the network and the teacher say about N images.
    labels : ndarray of int, shape (N,)
        What the images show.
    missing_class : int, optional
        A class whose recall is wanted.
    correction : float, optional
        A correction that ``logits`` contain already; only written down.

    Returns
    -------
    Scores

    Examples
    --------
    Right on two of three; of one mind with the teacher on the third too; never finds class 1.

    >>> import numpy as np
    >>> network = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    >>> scores = score(network, network, np.array([0, 0, 1]), missing_class=1)
    >>> round(scores.accuracy, 3), scores.agreement, scores.kl_to_teacher, scores.recall
    (0.667, 1.0, 0.0, 0.0)
    """
    recall = None
    if missing_class is not None:
        shown = labels == missing_class
        recall = accuracy(logits[shown], labels[shown])
    return Scores(
        accuracy=accuracy(logits, labels),
        agreement=accuracy(logits, teacher_logits.argmax(axis=1)),
        kl_to_teacher=float(np.mean(kl_divergence_from_logits(teacher_logits, logits))),
        recall=recall,
        correction=correction,
    )


def best_correction(logits: RealArray, labels: IntArray, missing_class: int) -> float:
    r"""The number to add to one class's logit that makes most decisions right.

    A decision changes to the class k where the correction exceeds the lead
    :math:`d_i = \max_{j \ne k} z_{ij} - z_{ik}` of the others.  Accuracy is therefore constant
    between neighbouring leads, and only those intervals need to be tried.

    Parameters
    ----------
    logits : ndarray, shape (N, C)
        What the network says about the validation images.
    labels : ndarray of int, shape (N,)
        What they show.
    missing_class : int
        The class whose logit is corrected.

    Returns
    -------
    float
        The middle of the best interval, of equally good ones that with the smallest
        correction in size; 0.0 if no correction makes more decisions right.

    References
    ----------
    .. [1] G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural
       Network", 2015, section 3, arXiv:1503.02531: a bias increased by 3.5, chosen on
       the *test* set; here it is chosen on the validation set.

    Examples
    --------
    Two images of class 1 trail by 4 and 6, one of class 0 leads by 10: anything
    between 6 and 10 is best.

    >>> import numpy as np
    >>> logits = np.array([[4.0, 0.0], [6.0, 0.0], [10.0, 0.0]])
    >>> best_correction(logits, np.array([1, 1, 0]), 1)
    8.0
    """
    others = np.delete(logits, missing_class, axis=1)
    leads = others.max(axis=1) - logits[:, missing_class]
    edges = np.unique(np.concatenate([leads, [leads.min() - 1.0, leads.max() + 1.0]]))
    middles = (edges[:-1] + edges[1:]) / 2.0
    others_right = np.delete(np.arange(logits.shape[1]), missing_class)[others.argmax(axis=1)]
    takes = middles[:, np.newaxis] > leads  # (intervals, N): decided for the missing class
    right = np.where(takes, labels == missing_class, labels == others_right).sum(axis=1)
    if right.max() == np.sum(
        np.where(leads < 0.0, labels == missing_class, labels == others_right)
    ):
        return 0.0
    best = middles[right == right.max()]
    return float(best[np.argmin(abs(best))])


def corrected(logits: RealArray, missing_class: int, correction: float) -> RealArray:
    """Add a number to one class's logit.

    Parameters
    ----------
    logits : ndarray, shape (N, C)
        Unnormalised scores.
    missing_class : int
        The class.
    correction : float
        The number.

    Returns
    -------
    ndarray, shape (N, C)
        A new array.
    """
    out = logits.copy()
    out[:, missing_class] += correction
    return out


def class_similarity(
    teacher_logits: ArrayLike, labels: ArrayLike, *, temperature: float
) -> FloatArray:
    """The teacher's mean soft label of each class: what a 3 shares with an 8.

    Parameters
    ----------
    teacher_logits : array_like, shape (N, C)
        What the teacher says.
    labels : array_like of int, shape (N,)
        What the images show; each class at least once.
    temperature : float
        Softens the teacher.

    Returns
    -------
    ndarray, shape (C, C)
        Row i: mean softened probabilities of the examples of class i; it sums to 1.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.softmax` and `kdref.one_hot`; also if shapes do not fit or a class
        has no example.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.log([[3.0, 1.0], [1.0, 1.0], [1.0, 4.0]])
    >>> class_similarity(logits, [0, 0, 1], temperature=1.0).round(3).tolist()
    [[0.625, 0.375], [0.2, 0.8]]
    """
    soft_labels = softmax(teacher_logits, temperature)
    _checks.matrix("teacher_logits", soft_labels)
    n_classes = soft_labels.shape[1]
    ids = _labels_of(soft_labels, labels)
    counts = np.bincount(ids, minlength=n_classes).astype(np.float64)
    _checks.above_zero("the number of examples of each class", counts)
    return np.stack([soft_labels[ids == k].mean(axis=0) for k in range(n_classes)])


def confusion(logits: RealArray, labels: IntArray) -> IntArray:
    """Count how often each class is called what.

    Parameters
    ----------
    logits : ndarray, shape (N, C)
        What the network says.
    labels : ndarray of int, shape (N,)
        What the images show.

    Returns
    -------
    ndarray of int, shape (C, C)
        Row i, column j: images of class i that were called j.

    Raises
    ------
    TypeError, ValueError
        If the labels are not one class id a row.

    Examples
    --------
    >>> import numpy as np
    >>> confusion(np.array([[2.0, 1.0], [1.0, 2.0], [1.0, 2.0]]), np.array([0, 0, 1])).tolist()
    [[1, 1], [0, 1]]
    """
    n_classes = logits.shape[1]
    pairs = _labels_of(logits, labels) * n_classes + logits.argmax(axis=1)
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)


def _labels_of(rows: RealArray, labels: ArrayLike) -> IntArray:
    """Checked class ids, one for each row of scores over the classes."""
    ids = _checks.row_integers("labels", labels, len(rows))
    return _checks.class_ids("labels", ids, rows.shape[1])


def bootstrap_interval(values: Sequence[float]) -> Interval:
    """The mean of some values with its 95% percentile bootstrap interval.

    Parameters
    ----------
    values : sequence of float
        One value a seed; for a paired comparison the differences.

    Returns
    -------
    Interval
        The same for the same values: the resampling has a generator of its own.

    Raises
    ------
    TypeError, ValueError
        If there is no value, one is not finite, or they have more than one dimension.

    Notes
    -----
    The interval says how much the mean would move with other seeds: other
    divisions into training and validation, other initial weights, another order.
    It says nothing about other test images.  With ten values a percentile interval
    is somewhat too short, about as a normal one without Student's correction.

    References
    ----------
    .. [1] B. Efron, R. J. Tibshirani, *An Introduction to the Bootstrap*, 1993,
       section 13.3.

    Examples
    --------
    >>> bootstrap_interval([0.5, 0.5, 0.5])
    Interval(mean=0.5, low=0.5, high=0.5)
    """
    array = _checks.finite_array("values", values)
    _checks.not_empty("values", array)
    _checks.per_row("values", array, array.size)
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    means = array[rng.integers(0, array.size, (RESAMPLES, array.size))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(array.mean()), float(low), float(high))


def forward_seconds(
    parameters: Parameters, inputs: RealArray, *, activation: str, repetitions: int = 21
) -> float:
    """Measure how long one forward pass over all inputs takes at best: what disturbs it only adds to it.

    Parameters
    ----------
    parameters : list of (weights, bias)
        The network.
    inputs : ndarray, shape (N, n_in)
        One batch.
    activation : {"relu", "tanh"}
        The network's.
    repetitions : int, default 21
        Passes that are timed, after one that is not.

    Returns
    -------
    float
        The shortest, in seconds.
    """

    def seconds() -> float:
        begin = time.perf_counter()
        forward(parameters, inputs, activation=activation)
        return time.perf_counter() - begin

    seconds()
    return min(seconds() for _ in range(repetitions))
