"""Losses over arrays larger than memory: a block of rows at a time, on all cores, in the input's type.

The teaching functions are what people read; this is what people run on a (4096, 128256) array.  It computes the
same: rows are cut into blocks that fit the cache, the arithmetic is float64, and each row carries a bound on its
error.  Where that bound is too weak, the teaching functions compute the row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray

from kdref import _checks
from kdref.blockwise._batch import checked_batch, destination, loss_parameters, separable_loss
from kdref.blockwise._batch import separable_losses as separable_losses
from kdref.blockwise._threads import available_cores, in_order, spans
from kdref.blockwise._work import Work


@dataclass(frozen=True)
class BlockwiseResult:
    """What `value_and_grad` returns.

    Attributes
    ----------
    value : float
        The loss in nats, the weighted mean over the rows.
    gradient : ndarray, shape (N, C)
        With respect to the student's logits, in their type; ``out`` if that was given.
    rows_recomputed : int
        Rows that the fast formula could not vouch for, computed by the teaching functions instead; 0 for a loss
        that has no fast formula.
    """

    value: float
    gradient: NDArray[Any]
    rows_recomputed: int


def value_and_grad(
    loss_name: str,
    student_logits: ArrayLike,
    teacher_logits: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    *,
    weights: ArrayLike | None = None,
    out: NDArray[Any] | None = None,
    n_threads: int | None = None,
    progress: Callable[[int], object] | None = None,
    **parameters: Any,
) -> BlockwiseResult:
    r"""Value and gradient of a loss of the registry, in memory that does not grow with N.

    .. math::

        L = \frac{\sum_i w_i\, \ell(s_i, t_i, y_i)}{\sum_i w_i}, \qquad
        \frac{\partial L}{\partial s_i} = \frac{w_i}{\sum_j w_j} \frac{\partial \ell}{\partial s_i}

    Parameters
    ----------
    loss_name : str
        A key of `kdref.LOSSES` whose entry is row-separable and takes logits and labels.
    student_logits, teacher_logits : array_like, shape (N, C)
        Arrays or `numpy.memmap` of float16, float32 or float64, not necessarily both of one type.
        The teacher is None for a loss that has none.
    labels : array_like of int, shape (N,), optional
        For the losses that take them.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.
    out : ndarray, shape (N, C), optional
        Where to write the gradient, of the student's type; may be a `numpy.memmap`.
    n_threads : int, optional
        All available cores unless given, fewer where that would take too much memory.  The result
        does not depend on it.
    progress : callable, optional
        Called with the number of rows that have been finished since the last call.
    **parameters
        The parameters of the loss; its defaults hold for those left out.

    Returns
    -------
    BlockwiseResult
        ``value``, ``gradient`` and ``rows_recomputed``.

    Raises
    ------
    TypeError
        If an array is not of one of the three types, or a parameter is not the loss's.
    ValueError
        As the loss itself raises, naming the row by its place in the whole array; also if an input
        is given that the loss does not take, or ``out`` does not fit.  Blocks before the bad row
        may then have been written to ``out``.

    See Also
    --------
    kdref.forward_kl_loss : and the other teaching functions, whose values these are.

    Notes
    -----
    All arithmetic is float64.  The value of each row agrees with the teaching function's within
    1e-12 relative, in sign, zeros and infinities.  The gradient of each row agrees within 1e-12 of
    the row's largest entry and is then rounded once to the student's type; single entries that are
    much smaller than the largest need not agree to twelve digits, and an entry beyond the type's
    range becomes infinite.  Both are promises because each row's bound is checked; a row that the
    bound does not cover is computed by the teaching functions, which takes some twenty times as
    long.  That happens near the teacher (a KL of less than about 0.03), for excluded classes and
    for nearly certain rows.

    Beyond the inputs and the gradient at most 32 MiB are used for up to 128,256 classes.

    Examples
    --------
    The teacher says 3 : 1, the student is undecided: 3/4 log(3/2) + 1/4 log(1/2), and q - p.

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> result = value_and_grad("forward_kl", student, teacher, temperature=1.0)
    >>> round(result.value, 6)
    0.130812
    >>> result.gradient.round(6)
    array([[-0.25,  0.25]])
    """
    entry = separable_loss(loss_name)
    options = loss_parameters(entry, parameters)
    batch = checked_batch(entry, student_logits, teacher_logits, labels, weights)
    threads = available_cores() if n_threads is None else _checks.count("n_threads", n_threads)
    gradient = destination(out, batch)
    work = Work(entry, options, batch, gradient)
    values: list[float] = []
    recomputed = 0
    for n_rows, value, n_recomputed in in_order(
        work.span, spans(work.n_blocks), min(threads, work.most_threads)
    ):
        values.append(value)
        recomputed += n_recomputed
        if progress is not None:
            progress(n_rows)
    return BlockwiseResult(sum(values) / batch.total_weight, gradient, recomputed)
