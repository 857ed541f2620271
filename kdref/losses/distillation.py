r"""The composite: hard labels and the teacher's soft labels in one loss, with the factor :math:`T^2`."""

from __future__ import annotations

from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray
from kdref.losses.hard_labels import hard_label_loss, hard_label_loss_grad
from kdref.losses.soft_targets import forward_kl_loss, forward_kl_loss_grad


def distillation_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    labels: ArrayLike | None,
    *,
    temperature: float = 4.0,
    alpha: float = 0.9,
    weights: ArrayLike | None = None,
) -> float:
    r"""The distillation loss of Hinton, Vinyals and Dean.

    .. math::

        L = (1 - \alpha)\, \mathrm{CE}(y, r) + \alpha\, T^2\, \mathrm{KL}(p \,\|\, q)

    averaged over the N examples, with the student's :math:`r = \mathrm{softmax}(s)` at temperature 1
    and :math:`p = \mathrm{softmax}(t / T)`, :math:`q = \mathrm{softmax}(s / T)`.

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; constants, never differentiated.
    labels : array_like of int, shape (N,), or None
        True class ids :math:`y`; may be None when ``alpha`` is 1.
    temperature : float, default 4.0
        :math:`T > 0` of the soft term; between 1e-100 and 1e100, so that its
        square is a sound factor.
    alpha : float, default 0.9
        Weight of the *soft* term, in [0, 1].  At 0 this is `hard_label_loss`, at
        1 the pure soft loss :math:`T^2\, \mathrm{KL}`.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats.  A term of weight 0 counts 0, also where
        it is infinite.

    Raises
    ------
    TypeError
        If the logits are not real numbers or the labels not integers.
    ValueError
        As for `forward_kl_loss` and `hard_label_loss`; also if ``alpha`` lies
        outside [0, 1], ``temperature`` outside the range above, or ``labels`` is
        None and ``alpha`` is not 1.

    See Also
    --------
    hard_label_loss, forward_kl_loss : its two terms.

    Notes
    -----
    The gradient of the soft term falls with :math:`1 / T^2` at high T, which the
    factor makes up for: the balance of the two terms, and with it the meaning of
    ``alpha``, then hardly depends on T.  With soft labels alone the factor only
    scales the learning rate.

    References
    ----------
    .. [1] G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a
       Neural Network", 2015, section 2, arXiv:1503.02531.  The paper writes the
       soft term as a cross entropy, whose gradient is the same.

    Examples
    --------
    The article's product, T² KL = 9 × 0.196, from its rounded soft labels.

    >>> import numpy as np
    >>> teacher = 3.0 * np.log([[0.554, 0.218, 0.228]])
    >>> student = 3.0 * np.log([[0.26, 0.32, 0.42]])
    >>> round(distillation_loss(student, teacher, None, temperature=3.0, alpha=1.0), 3)
    1.765

    Half of each term; the student is undecided, so the hard one is log 2.

    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> round(distillation_loss(student, teacher, [0], temperature=1.0, alpha=0.5), 6)
    0.41198
    >>> round(0.5 * float(np.log(2.0)) + 0.5 * 0.130812, 6)
    0.41198
    """
    alpha, temperature = (
        _checks.fraction("alpha", alpha),
        _checks.squarable_temperature(temperature),
    )
    soft = forward_kl_loss(student_logits, teacher_logits, temperature=temperature, weights=weights)
    if labels is None:
        _checks.labels_needed(alpha)
        return temperature**2 * soft
    hard = hard_label_loss(student_logits, labels, weights=weights)
    return _term(1.0 - alpha, hard) + _term(alpha * temperature**2, soft)


def distillation_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    labels: ArrayLike | None,
    *,
    temperature: float = 4.0,
    alpha: float = 0.9,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `distillation_loss` with respect to ``student_logits``.

    .. math::

        \frac{\partial L}{\partial s_{ik}} = \frac{1}{N} \bigl[(1 - \alpha) (r_{ik} - \delta_{k y_i})
            + \alpha\, T^2 \cdot \tfrac{1}{T} (q_{ik} - p_{ik})\bigr]

    Parameters
    ----------
    student_logits, teacher_logits, labels, temperature, alpha, weights
        See `distillation_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero; finite also where the loss is infinite.

    Raises
    ------
    TypeError, ValueError
        As for `distillation_loss`.

    Examples
    --------
    At T = 1, half of (r - onehot) and half of (q - p): -0.25 - 0.125.

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> distillation_loss_grad(student, teacher, [0], temperature=1.0, alpha=0.5).round(6)
    array([[-0.375,  0.375]])
    """
    alpha, temperature = (
        _checks.fraction("alpha", alpha),
        _checks.squarable_temperature(temperature),
    )
    soft = forward_kl_loss_grad(
        student_logits, teacher_logits, temperature=temperature, weights=weights
    )
    if labels is None:
        _checks.labels_needed(alpha)
        return temperature**2 * soft
    hard = hard_label_loss_grad(student_logits, labels, weights=weights)
    return (1.0 - alpha) * hard + alpha * temperature**2 * soft


def _term(weight: float, loss: float) -> float:
    """A weighted term of the loss; with weight 0 it is left out, even if it is infinite."""
    return weight * loss if weight > 0.0 else 0.0
