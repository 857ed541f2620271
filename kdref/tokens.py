r"""From what language models give to what losses take: tokens to rows, several teachers to one.

A loss takes rows (N, C) and their weights.  A batch of sequences is (B, L, C) logits and (B, L) labels of which some
are padding; `tokens` turns one into the other, and weights say all of it: which tokens count, and how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray, IntArray
from kdref._softened import soften

NORMALISATIONS = ("token", "sequence")


@dataclass(frozen=True)
class TokenRows:
    """A batch of sequences as rows; what `tokens` returns.

    Attributes
    ----------
    student_logits : array, shape (N, C)
        One row a position: N is B L, or B (L - 1) if the positions were shifted.
    teacher_logits : array, shape (N, C')
        The same of the teacher.
    labels : array of int, shape (N,)
        The token that each row predicts; ignored ones keep their id, which no loss looks at.
    weights : array, shape (N,)
        0 for ignored tokens; for the others 1, or one over the number of tokens of their sequence.
    shape : tuple of int
        (B, L), as they came in.
    """

    student_logits: FloatArray
    teacher_logits: FloatArray
    labels: IntArray
    weights: FloatArray
    shape: tuple[int, int]

    def to_sequences(self, rows: ArrayLike) -> FloatArray:
        """Rows, such as a gradient, back in the shape of the student's sequences.

        Parameters
        ----------
        rows : array_like, shape (N, C)
            One row for each of these.

        Returns
        -------
        ndarray, shape (B, L, C)
            Zeros at the last position of each sequence if the positions were shifted: it predicts nothing.

        Raises
        ------
        TypeError, ValueError
            If ``rows`` is not a real array with one row for each of these.

        Examples
        --------
        >>> import numpy as np
        >>> batch = tokens(np.zeros((1, 3, 2)), np.zeros((1, 3, 2)), [[0, 1, 0]], shift=True)
        >>> batch.to_sequences([[1.0, 2.0], [3.0, 4.0]]).tolist()
        [[[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]]
        """
        array = _checks.real_array("rows", rows)
        _checks.matrix("rows", array)
        _checks.per_row("the first axis of rows", array[:, 0], len(self.labels))
        n_sequences, length = self.shape
        out = np.zeros((n_sequences, length, array.shape[1]))
        predicted = len(self.labels) // n_sequences
        out[:, :predicted] = array.reshape(n_sequences, predicted, -1)
        return out


def tokens(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    labels: ArrayLike,
    *,
    shift: bool,
    ignore_index: int = -100,
    normalise: str = "token",
) -> TokenRows:
    r"""Rows and weights of a batch of sequences, so that any loss can be taken over its tokens.

    .. math::

        L = \frac{\sum_{b, j} w_{bj}\, \ell_{bj}}{\sum_{b, j} w_{bj}}, \qquad
        w_{bj} = \begin{cases} 0 & y_{bj} \text{ is ignored} \\
            1 & \text{token} \\ 1 / n_b & \text{sequence} \end{cases}

    with :math:`n_b` the number of tokens of sequence b that are not ignored.

    Parameters
    ----------
    student_logits : array_like, shape (B, L, C)
        Unnormalised scores of each position.
    teacher_logits : array_like, shape (B, L, C')
        The teacher's, at the same positions; C' differs from C only for losses across vocabularies.
    labels : array_like of int, shape (B, L)
        Token ids.
    shift : bool
        Whether the logits at position i predict the label at i + 1, as in causal language models that are given their
        labels unshifted.  The last position then predicts nothing and the first label is not predicted: L - 1 rows a
        sequence are left.
    ignore_index : int, default -100
        The label of tokens that do not count: padding, or the prompt.
    normalise : {"token", "sequence"}
        Whether every token counts the same, so that long sequences count more, or every sequence.  A sequence without
        a token to count has no weight in either case.

    Returns
    -------
    TokenRows
        Pass its fields on: ``loss(rows.student_logits, rows.teacher_logits, weights=rows.weights)``.

    Raises
    ------
    TypeError
        If the logits are not real numbers, the labels or ``ignore_index`` not integers, or ``shift`` is no bool.
    ValueError
        If the shapes do not fit, ``normalise`` is another word, there is one position only and ``shift`` is true,
        or every label is ignored.

    See Also
    --------
    average_teachers : several teachers as one.

    Examples
    --------
    Two sequences of three tokens; the second has one token of padding. Shifted, they predict two tokens and one.

    >>> import numpy as np
    >>> logits, labels = np.zeros((2, 3, 5)), [[4, 1, 2], [3, 0, -100]]
    >>> rows = tokens(logits, logits, labels, shift=True)
    >>> rows.labels.tolist(), rows.weights.tolist()
    ([1, 2, 0, -100], [1.0, 1.0, 1.0, 0.0])
    >>> tokens(logits, logits, labels, shift=True, normalise="sequence").weights.tolist()
    [0.5, 0.5, 1.0, 0.0]
    """
    student, teacher = (
        _sequences("student_logits", student_logits),
        _sequences("teacher_logits", teacher_logits),
    )
    ids = _checks.integers("labels", labels)
    for name, positions in (("student_logits", student), ("teacher_logits", teacher)):
        _same_positions(name, positions.shape[:2], ids.shape)
    first = _shift(shift, ids.shape[1])
    ignored = _checks.integers("ignore_index", np.asarray(ignore_index))
    targets = ids[:, first:]
    counted = targets != ignored
    if not counted.any():
        raise ValueError(
            f"labels must include a token that counts, got only {int(ignored)} to predict"
        )
    weights = counted.astype(np.float64)
    if _checks.choice("normalise", normalise, NORMALISATIONS) == "sequence":
        weights /= np.maximum(counted.sum(axis=1, keepdims=True), 1)
    kept = slice(ids.shape[1] - first)
    return TokenRows(
        student[:, kept].reshape(-1, student.shape[2]),
        teacher[:, kept].reshape(-1, teacher.shape[2]),
        targets.reshape(-1),
        weights.reshape(-1),
        (ids.shape[0], ids.shape[1]),
    )


def average_teachers(
    teachers: Sequence[ArrayLike],
    *,
    temperature: float = 1.0,
    shares: ArrayLike | None = None,
) -> FloatArray:
    r"""Logits that soften to the average of several teachers' softened probabilities.

    .. math::

        t = T \log \sum_{m=1}^{M} \frac{a_m}{\sum_j a_j}\, \mathrm{softmax}(t_m / T), \qquad
        \mathrm{softmax}(t / T) = \sum_m \frac{a_m}{\sum_j a_j}\, \mathrm{softmax}(t_m / T)

    Parameters
    ----------
    teachers : sequence of M array_like, each of shape (..., C)
        The teachers' logits.
    temperature : float, default 1.0
        :math:`T > 0`; the loss must soften at the same T.
    shares : array_like, shape (M,), optional
        Non-negative weights :math:`a` of the teachers; equal ones unless given.

    Returns
    -------
    ndarray, shape (..., C)
        Logits, which are T times log-probabilities; ``-inf`` for a class that every teacher with a share excludes.

    Raises
    ------
    TypeError, ValueError
        As for `softmax`; also if there is no teacher, the shapes differ, or the shares are not usable.

    See Also
    --------
    tokens : rows and weights of a batch of sequences.

    Notes
    -----
    Log-probabilities are valid logits at T = 1: softmax gives back what they are logarithms of.  Averaging *logits*
    instead softens to the normalised geometric mean of the teachers' probabilities.  That is a veto: where one teacher
    says almost nothing, so does the mean, while in an average of probabilities each teacher can only add.

    Examples
    --------
    One teacher is sure of the first class (9 : 1), the other of the second (1 : 3): the average of 9/10 and 1/4
    is 0.575, of which the geometric mean (9 × 1/3 = 3, its root √3 : 1) makes 0.634.

    >>> import numpy as np
    >>> first, second = np.log([[9.0, 1.0]]), np.log([[1.0, 3.0]])
    >>> np.exp(average_teachers([first, second])).round(6)
    array([[0.575, 0.425]])
    >>> from kdref.probabilities import softmax
    >>> softmax((first + second) / 2.0).round(6)
    array([[0.633975, 0.366025]])
    """
    temperature = _checks.temperature(temperature)
    rows = [_checks.logits(f"teachers[{m}]", teacher) for m, teacher in enumerate(teachers)]
    if not rows:
        raise ValueError("teachers must hold at least one array of logits, got none")
    for m, row in enumerate(rows[1:], start=1):
        _checks.same_shape("teachers[0]", rows[0], f"teachers[{m}]", row)
    weights = (
        np.ones(len(rows)) if shares is None else _checks.row_weights(shares, len(rows), "shares")
    )
    kept = np.flatnonzero(weights)
    log_p = np.stack([soften(rows[m], temperature).log_p for m in kept])
    share = (weights[kept] / weights[kept].max()).reshape(-1, *[1] * rows[0].ndim)
    largest = log_p.max(axis=0)
    anchor = np.where(np.isneginf(largest), 0.0, largest)
    # log1p of the deviations from the largest: equal teachers give back their own logarithms.
    mean = (share * np.expm1(log_p - anchor)).sum(axis=0) / share.sum()
    with np.errstate(divide="ignore"):  # a class that all exclude
        return np.asarray(temperature * (anchor + np.log1p(mean)))


def _sequences(name: str, value: ArrayLike) -> FloatArray:
    array = _checks.real_array(name, value)
    if array.ndim != 3 or 0 in array.shape:
        raise ValueError(
            f"{name} must have shape (B, L, C) with B, L and C >= 1, got {array.shape}"
        )
    return array


def _same_positions(name: str, positions: tuple[int, ...], labels: tuple[int, ...]) -> None:
    if positions != labels:
        raise ValueError(
            f"labels must have shape {positions}, one id a position of {name}, got {labels}"
        )


def _shift(shift: object, length: int) -> int:
    """How many labels at the start of a sequence are not predicted."""
    if not isinstance(shift, bool | np.bool_):
        raise TypeError(f"shift must be True or False, got {shift!r}")
    if shift and length < 2:
        raise ValueError(f"labels must have L >= 2 positions to be shifted, got {length}")
    return int(shift)
