r"""Losses against a teacher's softened distribution.

Throughout, :math:`p = \mathrm{softmax}(t / T)` is the teacher's and :math:`q = \mathrm{softmax}(s / T)` the
student's distribution.  None of these losses carries a factor :math:`T^2`: see `distillation_loss`.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray
from kdref._softened import SoftenedPair, pick, soften_pair
from kdref.divergences import cross_entropy_rows, kl_rows
from kdref.losses._rows import Rows, logit_rows, term


def soft_cross_entropy_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
) -> float:
    r"""Cross entropy of the student's softened distribution with the teacher's.

    .. math::

        L = -\frac{1}{N} \sum_{i=1}^{N} \sum_{k=1}^{C} p_{ik} \log q_{ik}, \qquad
        p_i = \mathrm{softmax}(t_i / T), \quad q_i = \mathrm{softmax}(s_i / T)

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; constants, never differentiated.
    temperature : float, default 1.0
        :math:`T > 0`, applied to both sides.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats; at agreement the teacher's entropy,
        not zero.  ``inf`` where the student excludes a class of the teacher's.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers.
    ValueError
        If an array is not 2-D, the shapes differ, an entry is NaN or ``+inf``, a
        row holds only ``-inf``, ``temperature`` is not a finite number above
        zero, or the weights are not usable.

    See Also
    --------
    forward_kl_loss : this minus the teacher's entropy; the same gradient.

    References
    ----------
    .. [1] G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a
       Neural Network", 2015, section 2, arXiv:1503.02531.

    Examples
    --------
    An undecided student pays log 2 for any teacher.

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> round(soft_cross_entropy_loss(student, teacher), 6)
    0.693147
    """
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    return rows.mean(cross_entropy_rows(soften_pair(teacher, student, temperature)))


def soft_cross_entropy_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `soft_cross_entropy_loss` with respect to ``student_logits``.

    .. math::

        -\sum_k p_k \log q_k = \log \sum_j e^{s_j / T} - \frac{1}{T} \sum_k p_k s_k, \qquad
        \frac{\partial L}{\partial s_{ik}} = \frac{q_{ik} - p_{ik}}{N T}

    Parameters
    ----------
    student_logits, teacher_logits, temperature, weights
        See `soft_cross_entropy_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero; the same array as `forward_kl_loss_grad`, since the
        two losses differ by a constant.

    Raises
    ------
    TypeError, ValueError
        As for `soft_cross_entropy_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> soft_cross_entropy_loss_grad(student, teacher).round(6)
    array([[-0.25,  0.25]])
    """
    return forward_kl_loss_grad(
        student_logits, teacher_logits, temperature=temperature, weights=weights
    )


def forward_kl_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
) -> float:
    r"""KL divergence from the teacher's softened distribution to the student's.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \mathrm{KL}(p_i \,\|\, q_i), \qquad
        p_i = \mathrm{softmax}(t_i / T), \quad q_i = \mathrm{softmax}(s_i / T)

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; constants, never differentiated.
    temperature : float, default 1.0
        :math:`T > 0`, applied to both sides.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats; zero exactly for equal logits.
        No factor :math:`T^2`: see `distillation_loss`.  ``inf`` where the student
        excludes a class to which the teacher gives mass.

    Raises
    ------
    TypeError, ValueError
        As for `soft_cross_entropy_loss`.

    See Also
    --------
    forward_kl_loss_grad : its gradient, :math:`(q - p) / (N T)`.
    reverse_kl_loss : the same divergence with the arguments swapped.

    Notes
    -----
    Forward KL asks the student to cover every class that the teacher believes
    in.  It is computed without subtracting logarithms, so that it keeps its
    digits when the student is close to the teacher: see
    `kdref.kl_divergence_from_logits`.

    References
    ----------
    .. [1] G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a
       Neural Network", 2015, section 2, arXiv:1503.02531.

    Examples
    --------
    The teacher says 3 : 1, the student is undecided. By hand:
    3/4 log(3/2) + 1/4 log(1/2).

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> round(forward_kl_loss(student, teacher), 6)
    0.130812

    A higher temperature brings the two sides closer.

    >>> round(forward_kl_loss(student, teacher, temperature=2.0), 6)
    0.036341
    """
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    return rows.mean(kl_rows(soften_pair(teacher, student, temperature)))


def forward_kl_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `forward_kl_loss` with respect to ``student_logits``.

    .. math::

        \frac{\partial\, \mathrm{KL}}{\partial q_k} = -\frac{p_k}{q_k}, \qquad
        \frac{\partial L}{\partial s_{ik}} = \frac{1}{N T} q_{ik} \Bigl(-\frac{p_{ik}}{q_{ik}} + \sum_j p_{ij}\Bigr)
            = \frac{q_{ik} - p_{ik}}{N T}

    Parameters
    ----------
    student_logits, teacher_logits, temperature, weights
        See `forward_kl_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero; finite also where the loss is infinite.

    Raises
    ------
    TypeError, ValueError
        As for `forward_kl_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> forward_kl_loss_grad(student, teacher).round(6)
    array([[-0.25,  0.25]])
    """
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    pair = soften_pair(teacher, student, temperature)
    return rows.mean_grad(pair.difference() / temperature)


def reverse_kl_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
) -> float:
    r"""KL divergence from the student's softened distribution to the teacher's.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \mathrm{KL}(q_i \,\|\, p_i), \qquad
        p_i = \mathrm{softmax}(t_i / T), \quad q_i = \mathrm{softmax}(s_i / T)

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; constants, never differentiated.
    temperature : float, default 1.0
        :math:`T > 0`, applied to both sides.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats; zero exactly for equal logits, ``inf``
        where the student gives mass to a class that the teacher excludes.

    Raises
    ------
    TypeError, ValueError
        As for `soft_cross_entropy_loss`.

    See Also
    --------
    forward_kl_loss : the same divergence with the arguments swapped.

    Notes
    -----
    Reverse KL lets the student choose: it pays for mass where the teacher has
    little, and nothing for leaving a class of the teacher's alone.

    References
    ----------
    .. [1] Y. Gu et al., "MiniLLM: Knowledge Distillation of Large Language
       Models", 2023, section 2.1, arXiv:2306.08543.

    Examples
    --------
    The student is undecided, the teacher says 3 : 1. By hand:
    1/2 log(2/3) + 1/2 log 2.

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> round(reverse_kl_loss(student, teacher), 6)
    0.143841
    """
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    return rows.mean(kl_rows(soften_pair(student, teacher, temperature)))


def reverse_kl_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `reverse_kl_loss` with respect to ``student_logits``.

    .. math::

        g_k = \frac{\partial\, \mathrm{KL}}{\partial q_k} = \log \frac{q_k}{p_k} + 1, \qquad
        \frac{\partial L}{\partial s_{ik}} = \frac{1}{N T} q_{ik} \Bigl(g_{ik} - \sum_j q_{ij} g_{ij}\Bigr)
            = \frac{1}{N T} q_{ik} \Bigl(\log \frac{q_{ik}}{p_{ik}} - \mathrm{KL}(q_i \,\|\, p_i)\Bigr)

    Parameters
    ----------
    student_logits, teacher_logits, temperature, weights
        See `reverse_kl_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero.

    Raises
    ------
    TypeError, ValueError
        As for `reverse_kl_loss`; also, naming the row, where the loss is
        infinite: its gradient has no finite value there.

    Examples
    --------
    With q = (1/2, 1/2) and p = (3/4, 1/4) this is plus or minus a quarter of log 3.

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> reverse_kl_loss_grad(student, teacher).round(6)
    array([[-0.274653,  0.274653]])
    """
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    pair = soften_pair(teacher, student, temperature)
    return rows.mean_grad(_reverse_rows("reverse_kl_loss", pair, rows) / temperature)


def symmetric_kl_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    forward_weight: float = 0.5,
    weights: ArrayLike | None = None,
) -> float:
    r"""Weighted sum of forward and reverse KL.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \bigl[w\, \mathrm{KL}(p_i \,\|\, q_i)
            + (1 - w)\, \mathrm{KL}(q_i \,\|\, p_i)\bigr]

    with :math:`p_i = \mathrm{softmax}(t_i / T)` and :math:`q_i = \mathrm{softmax}(s_i / T)`.

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; constants, never differentiated.
    temperature : float, default 1.0
        :math:`T > 0`, applied to both sides.
    forward_weight : float, default 0.5
        :math:`w` in [0, 1]; symmetric in teacher and student at 1/2.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats; zero exactly for equal logits.  ``inf`` where a term with weight is; a
        term of weight 0 counts 0, also where it is infinite.

    Raises
    ------
    TypeError, ValueError
        As for `forward_kl_loss`; also if ``forward_weight`` lies outside [0, 1].

    See Also
    --------
    forward_kl_loss, reverse_kl_loss : its two terms.
    generalised_js_loss : symmetric too, and bounded.

    Notes
    -----
    Twice the loss at :math:`w = 1/2` is Jeffreys' divergence.  Its gradient is the same mixture of the two gradients,
    so that both pull at once: towards the teacher's classes, and away from where the teacher has none.

    References
    ----------
    .. [1] S. Kullback, R. A. Leibler, "On Information and Sufficiency",
       1951 (the symmetric divergence).

    Examples
    --------
    Half of 0.130812 (forward KL) and half of 0.143841 (reverse KL); together a quarter of log 3, halved.

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> round(symmetric_kl_loss(student, teacher), 6)
    0.137327
    """
    forward_weight = _checks.fraction("forward_weight", forward_weight)
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    pair = soften_pair(teacher, student, temperature)
    forward = term(forward_weight, kl_rows(pair))
    return rows.mean(forward + term(1.0 - forward_weight, kl_rows(pair.swapped())))


def symmetric_kl_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    forward_weight: float = 0.5,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `symmetric_kl_loss` with respect to ``student_logits``.

    .. math::

        \frac{\partial L}{\partial s_{ik}} = \frac{1}{N T} \Bigl[w\, (q_{ik} - p_{ik})
            + (1 - w)\, q_{ik} \Bigl(\log \frac{q_{ik}}{p_{ik}} - \mathrm{KL}(q_i \,\|\, p_i)\Bigr)\Bigr]

    Parameters
    ----------
    student_logits, teacher_logits, temperature, forward_weight, weights
        See `symmetric_kl_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero.

    Raises
    ------
    TypeError, ValueError
        As for `symmetric_kl_loss`; also, naming the row, where ``forward_weight`` is below 1 and reverse KL infinite.

    Examples
    --------
    Half of -1/4 and half of minus a quarter of log 3.

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> symmetric_kl_loss_grad(student, teacher).round(6)
    array([[-0.262327,  0.262327]])
    """
    forward_weight = _checks.fraction("forward_weight", forward_weight)
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    pair = soften_pair(teacher, student, temperature)
    grad = forward_weight * pair.difference()
    if forward_weight < 1.0:
        grad = grad + (1.0 - forward_weight) * _reverse_rows("symmetric_kl_loss", pair, rows)
    return rows.mean_grad(grad / temperature)


def total_variation_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
) -> float:
    r"""Total variation distance of the student's softened distribution from the teacher's.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \frac{1}{2} \sum_{k=1}^{C} |p_{ik} - q_{ik}|, \qquad
        p_i = \mathrm{softmax}(t_i / T), \quad q_i = \mathrm{softmax}(s_i / T)

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; constants, never differentiated.
    temperature : float, default 1.0
        :math:`T > 0`, applied to both sides.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, between 0 and 1 and without unit; zero exactly for equal logits.

    Raises
    ------
    TypeError, ValueError
        As for `forward_kl_loss`.

    See Also
    --------
    forward_kl_loss : by Pinsker's inequality at least twice the square of a row's distance.

    Notes
    -----
    The distance is the mass that has to be moved from one distribution to make the other.  Its kinks are ties,
    :math:`p_k = q_k`: there the slope jumps, and the gradient takes the middle, 0.  It does not fade near the
    teacher, as that of a divergence does.

    References
    ----------
    .. [1] Y. Wen et al., "f-Divergence Minimization for Sequence-Level Knowledge Distillation", 2023,
       arXiv:2307.15190.

    Examples
    --------
    p = (3/4, 1/4), q = (1/2, 1/2): a quarter has to be moved.

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> round(total_variation_loss(student, teacher), 6)
    0.25
    """
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    pair = soften_pair(teacher, student, temperature)
    return rows.mean(abs(pair.difference()).sum(axis=-1) / 2.0)


def total_variation_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `total_variation_loss` with respect to ``student_logits``.

    .. math::

        g_k = \frac{\partial}{\partial q_k} \frac{1}{2} \sum_j |p_j - q_j|
            = \tfrac{1}{2}\, \mathrm{sign}(q_k - p_k), \qquad
        \frac{\partial L}{\partial s_{ik}} = \frac{1}{N T} q_{ik} \Bigl(g_{ik} - \sum_j q_{ij} g_{ij}\Bigr)

    Parameters
    ----------
    student_logits, teacher_logits, temperature, weights
        See `total_variation_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero; at ties, :math:`p_k = q_k`, the sign is 0.  Logits that
        differ by subnormal numbers only can make a tie of what is none.

    Raises
    ------
    TypeError, ValueError
        As for `total_variation_loss`.

    Examples
    --------
    g = (-1/2, 1/2) has mean 0 under q = (1/2, 1/2), so the entries are 1/2 × g.

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> total_variation_loss_grad(student, teacher).round(6)
    array([[-0.25,  0.25]])
    """
    temperature = _checks.temperature(temperature)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    pair = soften_pair(teacher, student, temperature)
    slopes = pair.sign() / 2.0
    return rows.mean_grad(pair.q.backward(slopes - pick(slopes, pair.q.top)) / temperature)


def _reverse_rows(name: str, pair: SoftenedPair, rows: Rows) -> FloatArray:
    """T times the row gradients of reverse KL, which has none where the teacher excludes a class of the student's."""
    infinite = pair.swapped().infinite_rows()
    _checks.finite_rows(name, infinite, rows.kept, "the teacher excludes a class of the student's")
    # A constant in g does not pass the softmax.
    return pair.q.backward(pair.gap_from_top())
