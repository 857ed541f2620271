r"""Losses on a part of the teacher's distribution: its k largest classes, as they are stored for language models."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import BoolArray, FloatArray
from kdref._softened import SoftenedPair, soften, soften_pair
from kdref.divergences import kl_rows
from kdref.losses._arguments import at_most
from kdref.losses._groups import group, kl_terms
from kdref.losses._rows import Rows, logit_rows

TAILS = ("bucket", "renormalise", "drop")
"""What may become of the classes that are not among the k largest."""


def top_k_kl_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    k: int,
    tail: str,
    weights: ArrayLike | None = None,
) -> float:
    r"""Forward KL on the teacher's k largest classes K, with the rest treated in one of three ways.

    .. math::

        \text{bucket:} \quad & \sum_{j \in K} p_j \log \frac{p_j}{q_j} + P \log \frac{P}{Q}, \qquad
            P = \sum_{j \notin K} p_j, \quad Q = \sum_{j \notin K} q_j

        \text{renormalise:} \quad & \sum_{j \in K} \tilde p_j \log \frac{\tilde p_j}{\tilde q_j}, \qquad
            \tilde p_j = \frac{p_j}{1 - P}, \quad \tilde q_j = \frac{q_j}{1 - Q}

        \text{drop:} \quad & \sum_{j \in K} \tilde p_j \log \frac{\tilde p_j}{q_j}

    averaged over the N examples, with :math:`p = \mathrm{softmax}(t / T)` and :math:`q = \mathrm{softmax}(s / T)`.

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; constants, never differentiated.
    temperature : float, default 1.0
        :math:`T > 0`, applied to both sides.
    k : int
        How many classes K holds, from 1 to C; of equal logits the lowest index comes first.
    tail : {"bucket", "renormalise", "drop"}
        What becomes of the other classes.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats.  With ``"bucket"`` and ``"renormalise"`` exactly zero for equal logits;
        with ``"drop"`` it then is :math:`-\log(1 - P)`, so that a student which equals its teacher goes on moving mass
        into K.  ``inf`` where the student excludes a class of K (or, in a bucket, all others) but the teacher not.

    Raises
    ------
    TypeError, ValueError
        As for `forward_kl_loss`; also if ``k`` is not an integer from 1 to C, ``tail`` is another word, or, with
        ``"renormalise"``, the student excludes all of K.

    See Also
    --------
    forward_kl_loss : all three at k = C.

    Notes
    -----
    At k = 1, ``"renormalise"`` has one class left and is 0; ``"drop"`` is a hard-label loss at temperature T on the
    teacher's choice.  The kinks are ties at the edge of K, but only in the teacher, which is constant.

    References
    ----------
    .. [1] The practice of distilling language models from stored log-probabilities; there is no single paper.

    Examples
    --------
    p = (1/2, 1/4, 1/4) and q = (1/4, 1/2, 1/4), k = 1: (1/2) log 2 + (1/2) log(2/3) in the bucket, nothing
    renormalised, log 4 with the tail dropped.

    >>> import numpy as np
    >>> teacher, student = np.log([[2.0, 1.0, 1.0]]), np.log([[1.0, 2.0, 1.0]])
    >>> for tail in ("bucket", "renormalise", "drop"):
    ...     print(tail, round(top_k_kl_loss(student, teacher, k=1, tail=tail), 6))
    bucket 0.143841
    renormalise 0.0
    drop 1.386294
    """
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    largest = _largest(teacher, k)
    if _checks.choice("tail", tail, TAILS) != "bucket":
        return rows.mean(kl_rows(_cut_pair(student, teacher, largest, temperature, tail, rows)))
    pair = soften_pair(teacher, student, temperature)
    terms = kl_terms(pair.p.p, pair.q.p, pair.gap, pair.difference())
    inside = np.where(largest, terms, 0.0).sum(axis=1)
    return rows.mean(inside + group(pair, ~largest).cost())


def top_k_kl_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    k: int,
    tail: str,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `top_k_kl_loss` with respect to ``student_logits``.

    Each is forward KL of some classes: of K and the bucket, of K, of all.  Inside the bucket the mass moves by
    :math:`\partial \log Q / \partial s_k = \frac{1}{T} (q_k / Q - q_k)`:

    .. math::

        \text{bucket:} \quad \frac{q_k - p_k}{T} \;\; (k \in K), \quad
            \frac{q_k}{Q} \frac{Q - P}{T} \;\; (k \notin K); \qquad
        \text{renormalise:} \quad \frac{\tilde q_k - \tilde p_k}{T}; \qquad
        \text{drop:} \quad \frac{q_k - \tilde p_k}{T}

    divided by N, with :math:`\tilde p, \tilde q` zero outside K.

    Parameters
    ----------
    student_logits, teacher_logits, temperature, k, tail, weights
        See `top_k_kl_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero.

    Raises
    ------
    TypeError, ValueError
        As for `top_k_kl_loss`; also, naming the row, where the student excludes a whole bucket of the teacher's: its
        shares :math:`q_k / Q` have no value.

    Examples
    --------
    k = 1: (1/4 - 1/2), and the bucket's 3/4 - 1/2 shared as 2/3 and 1/3.

    >>> import numpy as np
    >>> teacher, student = np.log([[2.0, 1.0, 1.0]]), np.log([[1.0, 2.0, 1.0]])
    >>> top_k_kl_loss_grad(student, teacher, k=1, tail="bucket").round(6)
    array([[-0.25    ,  0.166667,  0.083333]])
    >>> top_k_kl_loss_grad(student, teacher, k=1, tail="drop").round(6)
    array([[-0.75,  0.5 ,  0.25]])
    """
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    largest = _largest(teacher, k)
    if _checks.choice("tail", tail, TAILS) != "bucket":
        pair = _cut_pair(student, teacher, largest, temperature, tail, rows)
        return rows.mean_grad(pair.difference() / temperature)
    pair = soften_pair(teacher, student, temperature)
    bucket = group(pair, ~largest)
    empty = np.isneginf(bucket.gap)
    _checks.finite_rows("top_k_kl_loss", empty, rows.kept, "the student excludes the whole bucket")
    shared = _shares(student, ~largest, temperature) * bucket.difference[:, np.newaxis]
    return rows.mean_grad(np.where(largest, pair.difference(), shared) / temperature)


def _largest(teacher: FloatArray, k: int) -> BoolArray:
    """Which classes are the k largest of their row; of equal ones the lowest index first."""
    n_classes = teacher.shape[1]
    count = at_most("k", _checks.count("k", k), "C", n_classes)
    order = np.argsort(-teacher, axis=1, kind="stable")
    largest = np.zeros(teacher.shape, dtype=np.bool_)
    np.put_along_axis(largest, order[:, :count], True, axis=1)
    return largest


def _cut_pair(
    student: FloatArray,
    teacher: FloatArray,
    largest: BoolArray,
    temperature: float,
    tail: str,
    rows: Rows,
) -> SoftenedPair:
    """The teacher on K alone against the student on K alone, or on all classes if the tail is dropped."""
    if tail == "renormalise":
        student = _checks.logits(
            "student_logits on the teacher's k largest classes",
            np.where(largest, student, -np.inf),
            row_numbers=rows.kept,
        )
    return soften_pair(np.where(largest, teacher, -np.inf), student, temperature)


def _shares(student: FloatArray, members: BoolArray, temperature: float) -> FloatArray:
    """q_k / Q inside the group, 0 outside, and 0 where the group is empty or excluded."""
    inside = np.where(members, student, -np.inf)
    some = np.isfinite(inside).any(axis=1, keepdims=True)
    return np.where(some, soften(np.where(some, inside, 0.0), temperature).p, 0.0)
