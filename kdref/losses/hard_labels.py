"""Losses against labels: the student alone."""

import numpy as np
from numpy.typing import ArrayLike

from kdref._checks import FloatArray
from kdref._softened import pick, replace, soften
from kdref.losses._rows import labelled_rows


def hard_label_loss(
    student_logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None
) -> float:
    r"""Cross entropy of the student with the true labels, at temperature 1.

    .. math::

        L = -\frac{1}{N} \sum_{i=1}^{N} \log r_{i y_i}, \qquad r_i = \mathrm{softmax}(s_i)

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    labels : array_like of int, shape (N,)
        True class ids :math:`y`, from 0 to C - 1.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; the mean is then
        :math:`\sum_i w_i l_i / \sum_i w_i`, and a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats; ``inf`` if the student excludes a label.

    Raises
    ------
    TypeError
        If the logits are not real numbers or the labels not integers.
    ValueError
        If the logits are not 2-D, hold NaN, ``+inf`` or a row of only ``-inf``, a
        label lies outside 0 .. C - 1, or the weights are not usable.

    See Also
    --------
    hard_label_loss_grad : its gradient, :math:`(r - \mathrm{onehot}(y)) / N`.
    distillation_loss : this loss together with a soft one.

    Notes
    -----
    A student that is certain and right still pays: at a lead of 40 nats the
    loss is e^-40, not 0.

    Examples
    --------
    The student gives the label 1/4: log 4.

    >>> import numpy as np
    >>> round(hard_label_loss(np.log([[1.0, 3.0]]), [0]), 6)
    1.386294
    """
    student, ids, rows = labelled_rows(student_logits, labels, weights)
    return rows.mean(-pick(soften(student, 1.0).log_p, ids)[:, 0] + 0.0)


def hard_label_loss_grad(
    student_logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None
) -> FloatArray:
    r"""Gradient of `hard_label_loss` with respect to ``student_logits``.

    .. math::

        \frac{\partial}{\partial s_k} \Bigl(\log \sum_j e^{s_j} - s_y\Bigr)
            = r_k - \delta_{k y}, \qquad
        \frac{\partial L}{\partial s_{ik}} = \frac{r_{ik} - \delta_{k y_i}}{N}

    Parameters
    ----------
    student_logits, labels, weights
        See `hard_label_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero.

    Raises
    ------
    TypeError, ValueError
        As for `hard_label_loss`.

    Notes
    -----
    At the label, :math:`r_y - 1` is :math:`\mathrm{expm1}(\log r_y)`, which keeps its digits
    when the student is nearly certain.

    Examples
    --------
    >>> import numpy as np
    >>> hard_label_loss_grad(np.log([[1.0, 3.0]]), [0]).round(6)
    array([[-0.75,  0.75]])
    """
    student, ids, rows = labelled_rows(student_logits, labels, weights)
    softened = soften(student, 1.0)
    return rows.mean_grad(replace(softened.p, ids, np.expm1(pick(softened.log_p, ids))))
