r"""Divergences by way of a mixture of the teacher's and the student's distribution.

A loss that sees the logits only through :math:`q` has the row gradient
:math:`\frac{1}{T} q_k (g_k - \sum_j q_j g_j)` with :math:`g_k = \partial l / \partial q_k`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._arithmetic import expm1_minus_identity, identity_minus_log1p
from kdref._checks import FloatArray
from kdref._softened import SoftenedPair, pick, soften_pair
from kdref.divergences import js_rows, kl_rows
from kdref.losses._rows import logit_rows

SMALL = 1e-290
"""Probabilities above this have all their digits."""

STEEP = 600.0
"""Where log(q/p) is below minus this, p/q is written with its logarithm: it would overflow."""


def generalised_js_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    beta: float = 0.5,
    weights: ArrayLike | None = None,
) -> float:
    r"""Generalised Jensen-Shannon divergence between teacher and student.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \bigl[\beta\, \mathrm{KL}(p_i \,\|\, m_i)
            + (1 - \beta)\, \mathrm{KL}(q_i \,\|\, m_i)\bigr], \qquad
        m_i = \beta p_i + (1 - \beta) q_i

    with :math:`p_i = \mathrm{softmax}(t_i / T)` and :math:`q_i = \mathrm{softmax}(s_i / T)`.

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; constants, never differentiated.
    temperature : float, default 1.0
        :math:`T > 0`, applied to both sides.
    beta : float, default 0.5
        Weight of the teacher, in [0, 1].
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats: finite always, at most log 2, zero
        exactly for equal logits.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers.
    ValueError
        As for `forward_kl_loss`; also if ``beta`` lies outside [0, 1].

    See Also
    --------
    forward_kl_loss, reverse_kl_loss : the limits, after division by beta or 1 - beta.

    Notes
    -----
    At ``beta`` 0 or 1 the formula is 0.  Divided by :math:`\beta`, the loss tends to
    forward KL as :math:`\beta \to 0`; divided by :math:`1 - \beta`, to reverse KL as
    :math:`\beta \to 1`.  Some libraries return those limits at the ends instead, which
    makes their loss jump there.

    References
    ----------
    .. [1] R. Agarwal et al., "On-Policy Distillation of Language Models: Learning
       from Self-Generated Mistakes" (GKD), 2023, section 2, arXiv:2306.13649.

    Examples
    --------
    Teacher and student exclude each other's class: log 2.

    >>> import numpy as np
    >>> student, teacher = [[0.0, -np.inf]], [[-np.inf, 0.0]]
    >>> round(generalised_js_loss(student, teacher), 6)
    0.693147
    """
    temperature, beta = _checks.temperature(temperature), _checks.fraction("beta", beta)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    return rows.mean(js_rows(soften_pair(teacher, student, temperature), beta))


def generalised_js_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    beta: float = 0.5,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `generalised_js_loss` with respect to ``student_logits``.

    The derivatives through :math:`m` cancel, because :math:`\beta p / m + (1 - \beta) q / m = 1`:

    .. math::

        g_k = (1 - \beta) \log \frac{q_k}{m_k}, \qquad
        \frac{\partial L}{\partial s_{ik}} = \frac{1}{N T} q_{ik} \Bigl(g_{ik} - \sum_j q_{ij} g_{ij}\Bigr)

    Parameters
    ----------
    student_logits, teacher_logits, temperature, beta, weights
        See `generalised_js_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero; zeros where ``beta`` is 0 or 1.

    Raises
    ------
    TypeError, ValueError
        As for `generalised_js_loss`.

    Notes
    -----
    Only differences of :math:`g` within a row matter.  They are taken relative to the
    student's largest class k: with :math:`r = p / q`,
    :math:`\log \frac{q}{m} - \log \frac{q_k}{m_k} = -\log\bigl(1 + \beta (r - r_k) q_k / m_k\bigr)`.

    Examples
    --------
    With p = (3/4, 1/4), q = (1/2, 1/2) the mixture is (5/8, 3/8), and the entries are
    plus or minus 1/8 of log(4/3) + log(5/4) = log(5/3).

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> generalised_js_loss_grad(student, teacher).round(6)
    array([[-0.063853,  0.063853]])
    """
    temperature, beta = _checks.temperature(temperature), _checks.fraction("beta", beta)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    if beta in (0.0, 1.0):
        return rows.mean_grad(np.zeros_like(student))
    pair = soften_pair(teacher, student, temperature)
    relative = _log_student_share(pair, beta, 1.0 - beta)
    return rows.mean_grad(pair.q.backward(relative) * (1.0 - beta) / temperature)


def skew_forward_kl_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    skew: float = 0.1,
    weights: ArrayLike | None = None,
) -> float:
    r"""Forward KL to a student into which a share of the teacher is mixed.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \mathrm{KL}(p_i \,\|\, m_i), \qquad m_i = a\, p_i + (1 - a)\, q_i

    with :math:`p_i = \mathrm{softmax}(t_i / T)` and :math:`q_i = \mathrm{softmax}(s_i / T)`.

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; constants, never differentiated.
    temperature : float, default 1.0
        :math:`T > 0`, applied to both sides.
    skew : float, default 0.1
        The teacher's share :math:`a` in [0, 1].  At 0 this is `forward_kl_loss`, at 1 it is 0.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats; zero exactly for equal logits, and at most :math:`-\log a`: finite unless
        ``skew`` is 0.

    Raises
    ------
    TypeError, ValueError
        As for `forward_kl_loss`; also if ``skew`` lies outside [0, 1].

    See Also
    --------
    skew_reverse_kl_loss : the same for reverse KL.

    Notes
    -----
    The skew bounds :math:`p / m` by :math:`1 / a`, and with it the gradient where the student has almost no mass.

    References
    ----------
    .. [1] J. Ko et al., "DistiLLM: Towards Streamlined Distillation for Large Language Models", 2024, section 3.1,
       arXiv:2402.03898.

    Examples
    --------
    p = (3/4, 1/4), q = (1/2, 1/2), half of each: m = (5/8, 3/8), and 3/4 log(6/5) + 1/4 log(2/3).

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> round(skew_forward_kl_loss(student, teacher, skew=0.5), 6)
    0.035375
    """
    temperature, skew = _checks.temperature(temperature), _checks.fraction("skew", skew)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    return rows.mean(_skew_rows(soften_pair(teacher, student, temperature), skew))


def skew_forward_kl_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    skew: float = 0.1,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `skew_forward_kl_loss` with respect to ``student_logits``.

    .. math::

        g_k = \frac{\partial}{\partial q_k} \sum_j p_j \log \frac{p_j}{m_j} = -(1 - a) \frac{p_k}{m_k}, \qquad
        \frac{\partial L}{\partial s_{ik}} = \frac{1}{N T} q_{ik} \Bigl(g_{ik} - \sum_j q_{ij} g_{ij}\Bigr)

    Parameters
    ----------
    student_logits, teacher_logits, temperature, skew, weights
        See `skew_forward_kl_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero; zeros where ``skew`` is 1.

    Raises
    ------
    TypeError, ValueError
        As for `skew_forward_kl_loss`.

    Notes
    -----
    Only differences of :math:`g` within a row matter.  With :math:`v = \log(m / p)` and the student's largest
    class k, :math:`\frac{p}{m} - \frac{p_k}{m_k} = \frac{p_k}{m_k} (e^{v_k - v} - 1)`.

    Examples
    --------
    p/m = (6/5, 2/3), so g = (-3/5, -1/3), and the entries are plus or minus 1/4 of 4/15.

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> skew_forward_kl_loss_grad(student, teacher, skew=0.5).round(6)
    array([[-0.066667,  0.066667]])
    """
    temperature, skew = _checks.temperature(temperature), _checks.fraction("skew", skew)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    pair = soften_pair(teacher, student, temperature)
    if skew == 0.0:
        return rows.mean_grad(pair.difference() / temperature)
    return rows.mean_grad(pair.q.backward(_skew_forward_slopes(pair, skew)) / temperature)


def skew_reverse_kl_loss(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    skew: float = 0.1,
    weights: ArrayLike | None = None,
) -> float:
    r"""Reverse KL to a teacher into which a share of the student is mixed.

    .. math::

        L = \frac{1}{N} \sum_{i=1}^{N} \mathrm{KL}(q_i \,\|\, m_i), \qquad m_i = (1 - a)\, p_i + a\, q_i

    with :math:`p_i = \mathrm{softmax}(t_i / T)` and :math:`q_i = \mathrm{softmax}(s_i / T)`.

    Parameters
    ----------
    student_logits : array_like, shape (N, C)
        Unnormalised scores :math:`s`.
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`; constants, never differentiated.
    temperature : float, default 1.0
        :math:`T > 0`, applied to both sides.
    skew : float, default 0.1
        The student's share :math:`a` in [0, 1].  At 0 this is `reverse_kl_loss`, at 1 it is 0.
    weights : array_like, shape (N,), optional
        Non-negative row weights, or a boolean mask; a row of weight 0 is not looked at.

    Returns
    -------
    float
        Mean over the N examples, in nats; zero exactly for equal logits, and at most :math:`-\log a`: finite unless
        ``skew`` is 0.

    Raises
    ------
    TypeError, ValueError
        As for `reverse_kl_loss`; also if ``skew`` lies outside [0, 1].

    See Also
    --------
    skew_forward_kl_loss : the same for forward KL.

    References
    ----------
    .. [1] J. Ko et al., "DistiLLM: Towards Streamlined Distillation for Large Language Models", 2024, section 3.1,
       arXiv:2402.03898.

    Examples
    --------
    p = (3/4, 1/4), q = (1/2, 1/2), half of each: m = (5/8, 3/8), and 1/2 log(4/5) + 1/2 log(4/3).

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> round(skew_reverse_kl_loss(student, teacher, skew=0.5), 6)
    0.032269
    """
    temperature, skew = _checks.temperature(temperature), _checks.fraction("skew", skew)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    return rows.mean(_skew_rows(soften_pair(student, teacher, temperature), skew))


def skew_reverse_kl_loss_grad(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float = 1.0,
    skew: float = 0.1,
    weights: ArrayLike | None = None,
) -> FloatArray:
    r"""Gradient of `skew_reverse_kl_loss` with respect to ``student_logits``.

    .. math::

        g_k = \frac{\partial}{\partial q_k} \sum_j q_j \log \frac{q_j}{m_j}
            = \log \frac{q_k}{m_k} + 1 - a \frac{q_k}{m_k}, \qquad
        \frac{\partial L}{\partial s_{ik}} = \frac{1}{N T} q_{ik} \Bigl(g_{ik} - \sum_j q_{ij} g_{ij}\Bigr)

    Parameters
    ----------
    student_logits, teacher_logits, temperature, skew, weights
        See `skew_reverse_kl_loss`.

    Returns
    -------
    ndarray, shape (N, C)
        Rows sum to zero; zeros where ``skew`` is 1.

    Raises
    ------
    TypeError, ValueError
        As for `skew_reverse_kl_loss`; also, naming the row, where ``skew`` is 0 and the loss infinite.

    Notes
    -----
    With :math:`x = \log\frac{q}{m} - \log\frac{q_k}{m_k}` relative to the student's largest class k and
    :math:`\varphi(x) = e^x - 1 - x`, the differences :math:`g - g_k = x - a \frac{q_k}{m_k} (e^x - 1)` are
    :math:`(1 - a) \frac{p_k}{m_k} x - a \frac{q_k}{m_k} \varphi(x)`, because the two factors sum to 1.

    Examples
    --------
    q/m = (4/5, 4/3); g differs by log(3/5) + 4/15 between the classes, and the entries are a quarter of that.

    >>> import numpy as np
    >>> teacher, student = np.log([[3.0, 1.0]]), np.log([[1.0, 1.0]])
    >>> skew_reverse_kl_loss_grad(student, teacher, skew=0.5).round(6)
    array([[-0.06104,  0.06104]])
    """
    temperature, skew = _checks.temperature(temperature), _checks.fraction("skew", skew)
    student, teacher, rows = logit_rows(student_logits, teacher_logits, weights)
    pair = soften_pair(teacher, student, temperature)
    if skew == 0.0:
        _checks.finite_rows(
            "skew_reverse_kl_loss",
            pair.swapped().infinite_rows(),
            rows.kept,
            "the teacher excludes a class of the student's",
        )
    return rows.mean_grad(pair.q.backward(_skew_reverse_slopes(pair, skew)) / temperature)


def _skew_rows(pair: SoftenedPair, skew: float) -> FloatArray:
    r"""KL(p, m) of each row for m = skew p + (1 - skew) q.

    With :math:`g = m/p - 1`, of which log(m/p) would keep fewer digits, it is :math:`\sum p (g - \log(1 + g))`.
    """
    if skew == 0.0:
        return kl_rows(pair)
    if skew == 1.0:  # the mixture is p
        return np.zeros(len(pair.gap))
    # What is left of sum q - p in the gap would not cancel behind the mixture's logarithm.
    gap = pair.gap - pair.difference().sum(axis=-1, keepdims=True)
    growth = (1.0 - skew) * _quotient_less_one(pair, gap)
    log_ratio = _log_mixture(gap, growth, skew)
    near = pair.p.times(identity_minus_log1p(growth, log_ratio))
    mixture = skew * pair.p.p + (1.0 - skew) * pair.q.p
    far = (mixture - pair.p.p) - pair.p.times(log_ratio)  # it is m where p is zero
    return np.asarray(np.where(growth <= 1.75, near, far).sum(axis=-1))


def _quotient_less_one(pair: SoftenedPair, gap: FloatArray) -> FloatArray:
    """q/p - 1, where gap is log(q/p)."""
    with np.errstate(all="ignore"):  # the branch that is not taken may overflow
        # A gap of 4 is rounded by 4 units, the quotient by one and its two sides.
        direct = (abs(gap) > 1.0) & (pair.p.p > SMALL) & (pair.q.p > SMALL)
        return np.where(direct, pair.q.p / pair.p.p - 1.0, np.expm1(np.minimum(gap, STEEP)))


def _log_mixture(gap: FloatArray, growth: FloatArray, skew: float) -> FloatArray:
    """log(m/p) for m = skew p + (1 - skew) q, gap = log(q/p) and growth = m/p - 1.

    Beyond `STEEP`, where the growth stands still, p is too small for it to matter.
    """
    with np.errstate(all="ignore"):  # the branch that is not taken may overflow
        return np.where(growth > -0.5, np.log1p(growth), np.log(skew + (1.0 - skew) * np.exp(gap)))


def _skew_forward_slopes(pair: SoftenedPair, skew: float) -> FloatArray:
    """-(1 - a) p/m relative to its value at the student's largest class, for a above 0."""
    if skew == 1.0:
        return np.zeros_like(pair.gap)
    ratio_top, ratio, step = _ratio_steps(pair)
    student_share = 1.0 - skew
    mixture_top = skew * ratio_top + student_share  # m/q
    with np.errstate(all="ignore"):  # infinite for a class that the student excludes
        near = student_share * step / ((skew * ratio + student_share) * mixture_top)
        steep = 1.0 / (skew + student_share * np.exp(pair.gap)) - ratio_top / mixture_top
        return -student_share * np.where(pair.gap < -STEEP, steep, near)


def _skew_reverse_slopes(pair: SoftenedPair, skew: float) -> FloatArray:
    """log(q/m) - a q/m relative to its value at the student's largest class."""
    if skew == 0.0:
        return pair.gap_from_top()
    if skew == 1.0:
        return np.zeros_like(pair.gap)
    x = _log_student_share(pair, 1.0 - skew, skew)
    ratio_top, _, _ = _ratio_steps(pair)
    teachers, students = (1.0 - skew) * ratio_top, skew
    with np.errstate(all="ignore"):  # infinite for a class that the student excludes
        slopes = teachers * x - students * expm1_minus_identity(x)
        return np.asarray(slopes / (teachers + students))


def _log_student_share(
    pair: SoftenedPair, teacher_share: float, student_share: float
) -> FloatArray:
    """log(q/m) of each class relative to its value at the student's largest class."""
    ratio_top, ratio, step = _ratio_steps(pair)
    mixture_top = student_share + teacher_share * ratio_top  # m/q
    with np.errstate(all="ignore"):  # infinite for a class that the student excludes
        growth = teacher_share * step / mixture_top
        # Of a quotient that is far below 1, as where the teacher excludes a class, 1 + growth would keep few digits.
        shrunk = np.log(mixture_top / (student_share + teacher_share * ratio))
        return np.where(growth > -0.5, -np.log1p(growth), shrunk)


def _ratio_steps(pair: SoftenedPair) -> tuple[FloatArray, FloatArray, FloatArray]:
    """p/q at the student's largest class and at each, and how much larger the latter is."""
    with np.errstate(
        all="ignore"
    ):  # p/q is infinite for classes that the student excludes; q is zero there
        # Where the rows share little, the gap is a difference of large numbers: the quotient keeps more digits.
        ratio = pair.p.p / pair.q.p
        ratio_top = pick(ratio, pair.q.top)
        x = -pair.gap_from_top()
        near = abs(x) < 1.0
        step = np.where(near, ratio_top * np.expm1(np.where(near, x, 0.0)), ratio - ratio_top)
    return ratio_top, ratio, step
