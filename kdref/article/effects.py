r"""What temperature, one-hot labels and the factor :math:`T^2` do, as numbers.

The functions behind `kdref.article.claims`: each takes logits and returns a frozen dataclass of arrays, which the
functions of `kdref.plots` draw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray, IntArray
from kdref.divergences import entropy_from_logits
from kdref.losses import (
    distillation_loss,
    distillation_loss_grad,
    forward_kl_loss_grad,
    hard_label_loss_grad,
)
from kdref.probabilities import softmax, softmax_vjp


@dataclass(frozen=True, eq=False)
class Softening:
    """A distribution at several temperatures.

    Attributes
    ----------
    temperatures : array, shape (K,)
    probabilities : array, shape (K, C)
    slopes : array, shape (K, C)
        Derivatives of the probabilities with respect to T.
    entropies : array, shape (K,)
        In nats.
    """

    temperatures: FloatArray
    probabilities: FloatArray
    slopes: FloatArray
    entropies: FloatArray


def softening(logits: ArrayLike, temperatures: ArrayLike) -> Softening:
    r"""What temperature does to each probability and to the entropy.

    .. math::

        \frac{\partial p_i}{\partial T} = \frac{p_i}{T^2} \Bigl(\sum_j p_j z_j - z_i\Bigr), \qquad
        \frac{\partial H}{\partial T} = \frac{\mathrm{Var}_p(z)}{T^3} \ge 0

    A class gains while its logit lies below the mean logit under p, and loses while it lies above; entropy
    never falls.

    Parameters
    ----------
    logits : array_like, shape (C,)
        Unnormalised scores :math:`z`, finite.
    temperatures : array_like, shape (K,)
        Values of :math:`T > 0`.

    Returns
    -------
    Softening

    Raises
    ------
    TypeError, ValueError
        As for `kdref.softmax`; also if a logit is infinite or ``logits`` is not one row.

    Examples
    --------
    Of three classes at T = 1/2 and 1 the likely one loses, both others gain.

    >>> sweep = softening([2.9, 0.1, 0.23], [0.5, 1.0])
    >>> sweep.probabilities.round(3)
    array([[0.992, 0.004, 0.005],
           [0.885, 0.054, 0.061]])
    >>> np.sign(sweep.slopes)
    array([[-1.,  1.,  1.],
           [-1.,  1.,  1.]])
    """
    z, at = _checks.finite_array("logits", logits), _grid(temperatures)
    _checks.one_row("logits", z)
    return Softening(
        temperatures=at,
        probabilities=np.array([softmax(z, t) for t in at]),
        slopes=np.array([-softmax_vjp(z, z, t) / t for t in at]),
        entropies=np.array([entropy_from_logits(z, temperature=t) for t in at]),
    )


@dataclass(frozen=True, eq=False)
class GradientSizes:
    r"""Euclidean norms of gradients with respect to the student's logits, over temperatures.

    Attributes
    ----------
    temperatures : array, shape (K,)
    soft : array, shape (K,)
        Of the KL without any factor.
    scaled : array, shape (K,)
        Of T² times the KL.
    hard : float
        Of the hard-label loss, which knows no temperature.
    limit : float
        What ``scaled`` tends to as T grows.
    exponents : array, shape (K - 1,)
        :math:`n` in ``soft`` :math:`\propto T^n`, between neighbouring temperatures;
        NaN or infinite beside a gradient of 0.
    """

    temperatures: FloatArray
    soft: FloatArray
    scaled: FloatArray
    hard: float
    limit: float
    exponents: FloatArray


def gradient_sizes(
    student_logits: ArrayLike, teacher_logits: ArrayLike, labels: ArrayLike, temperatures: ArrayLike
) -> GradientSizes:
    r"""How large the soft gradient is with and without T², beside the hard one.

    .. math::

        \nabla_s \mathrm{KL} = \frac{q - p}{N T}, \qquad
        \nabla_s\, T^2\, \mathrm{KL} = \frac{T (q - p)}{N}
            \longrightarrow \frac{(s - \bar s) - (t - \bar t)}{N C} \quad (T \to \infty)

    At high T the difference q - p itself falls with 1/T, hence the two powers.  At low T it has reached its
    end, a difference of one-hot rows, and :math:`T (q - p)` vanishes with T.

    Parameters
    ----------
    student_logits, teacher_logits : array_like, shape (N, C)
        Unnormalised scores, finite.
    labels : array_like of int, shape (N,)
        True class ids.
    temperatures : array_like, shape (K,)
        Values of :math:`T > 0`.

    Returns
    -------
    GradientSizes

    Raises
    ------
    TypeError, ValueError
        As for `kdref.distillation_loss`; also if a logit is infinite.

    Examples
    --------
    Teacher (1, 0), student (0, 1): the limit is the norm of (-1, 1) / 2.

    >>> sizes = gradient_sizes([[0.0, 1.0]], [[1.0, 0.0]], [0], [1.0, 10.0, 100.0])
    >>> sizes.soft.round(6)
    array([6.53532e-01, 7.06500e-03, 7.10000e-05])
    >>> sizes.scaled.round(6), round(sizes.limit, 6)
    (array([0.653532, 0.706518, 0.707101]), 0.707107)
    """
    student = _checks.finite_array("student_logits", student_logits)
    teacher = _checks.finite_array("teacher_logits", teacher_logits)
    at = _grid(temperatures)
    soft = np.array([_norm(forward_kl_loss_grad(student, teacher, temperature=t)) for t in at])
    with np.errstate(divide="ignore", invalid="ignore"):  # a gradient of 0 has no exponent
        exponents = np.diff(np.log(soft)) / np.diff(np.log(at))
    return GradientSizes(
        temperatures=at,
        soft=soft,
        scaled=at**2 * soft,
        hard=_norm(hard_label_loss_grad(student, labels)),
        limit=_norm(_centred_difference(student, teacher)) / student.size,
        exponents=exponents,
    )


@dataclass(frozen=True, eq=False)
class HighTemperatureLimit:
    """How distillation turns into matching logits.

    Attributes
    ----------
    temperatures : array, shape (K,)
    losses : array, shape (K,)
        T² KL, in nats.
    limit : float
        What they tend to.
    gradient_errors : array, shape (K,)
        Distance of the gradient of T² KL from its limit, relative to the limit.
    """

    temperatures: FloatArray
    losses: FloatArray
    limit: float
    gradient_errors: FloatArray


def high_temperature_limit(
    student_logits: ArrayLike, teacher_logits: ArrayLike, temperatures: ArrayLike
) -> HighTemperatureLimit:
    r"""T² KL and its gradient, beside what they tend to as T grows.

    .. math::

        T^2\, \mathrm{KL} \to \frac{1}{2 N C} \sum_{i,k} d_{ik}^2, \qquad
        \nabla_s\, T^2\, \mathrm{KL} \to \frac{d}{N C}, \qquad
        d_{ik} = (s_{ik} - \bar s_i) - (t_{ik} - \bar t_i)

    Parameters
    ----------
    student_logits, teacher_logits : array_like, shape (N, C)
        Unnormalised scores, finite and not the same but for a shift of each row.
    temperatures : array_like, shape (K,)
        Values of :math:`T > 0`.

    Returns
    -------
    HighTemperatureLimit

    Raises
    ------
    TypeError, ValueError
        As for `kdref.distillation_loss`; also if a logit is infinite, or the two
        sides agree, so that there is nothing to be relative to.

    References
    ----------
    .. [1] G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a
       Neural Network", 2015, section 2.1, arXiv:1503.02531.

    Examples
    --------
    Teacher (1, 0), student (0, 1): d = (-1, 1), half its mean square is 1/2.

    >>> limit = high_temperature_limit([[0.0, 1.0]], [[1.0, 0.0]], [1.0, 10.0, 100.0])
    >>> limit.losses.round(6), limit.limit
    (array([0.462117, 0.499584, 0.499996]), 0.5)
    """
    student = _checks.finite_array("student_logits", student_logits)
    teacher = _checks.finite_array("teacher_logits", teacher_logits)
    at = _grid(temperatures)
    losses = [distillation_loss(student, teacher, None, temperature=t, alpha=1.0) for t in at]
    difference = _centred_difference(student, teacher)
    limit = difference / student.size
    size = _checks.positive("the norm of the limiting gradient", _norm(limit))
    errors = [
        _norm(distillation_loss_grad(student, teacher, None, temperature=t, alpha=1.0) - limit)
        for t in at
    ]
    return HighTemperatureLimit(
        temperatures=at,
        losses=np.array(losses),
        limit=float(0.5 * np.mean(difference**2)),
        gradient_errors=np.array(errors) / size,
    )


@dataclass(frozen=True, eq=False)
class LabelInformation:
    """What soft labels hold that one-hot labels do not.

    Attributes
    ----------
    temperatures : array, shape (K,)
    bits : array, shape (K,)
        Mean entropy of the soft labels; a one-hot label has none.
    most : float
        log2 C, the entropy of a label that says nothing.
    log_odds : array, shape (K,)
        Mean absolute log-odds between the two likeliest wrong classes, in nats:
        the order among the classes that a one-hot label treats alike.
    """

    temperatures: FloatArray
    bits: FloatArray
    most: float
    log_odds: FloatArray


def label_information(
    teacher_logits: ArrayLike, labels: ArrayLike, temperatures: ArrayLike
) -> LabelInformation:
    r"""How much the teacher's soft labels leave open, and how clearly they order the wrong classes.

    .. math::

        \text{bits} = \frac{1}{N} \sum_i \frac{H(p_i)}{\log 2}, \qquad
        \text{log-odds} = \frac{1}{N} \sum_i \log \frac{p_{ia}}{p_{ib}} = \frac{1}{N} \sum_i \frac{t_{ia} - t_{ib}}{T}

    with a and b the likeliest and second likeliest class but for the label.

    Parameters
    ----------
    teacher_logits : array_like, shape (N, C)
        Unnormalised scores :math:`t`, finite, C >= 3.
    labels : array_like of int, shape (N,)
        True class ids.
    temperatures : array_like, shape (K,)
        Values of :math:`T > 0`.

    Returns
    -------
    LabelInformation

    Raises
    ------
    TypeError, ValueError
        As for `kdref.hard_label_loss`; also if a logit is infinite or C is below 3.

    Notes
    -----
    Entropy alone is no measure of what a label teaches: it is largest for the
    uniform row.  The log-odds fall with 1/T while the entropy rises, so more
    softening spreads the weight but does not add knowledge.

    Examples
    --------
    The article's teacher: log-odds 0.13 / T between classes 2 and 1.

    >>> information = label_information([[2.9, 0.1, 0.23]], [0], [1.0, 3.0])
    >>> information.bits.round(4), round(information.most, 4)
    (array([0.6298, 1.437 ]), 1.585)
    >>> information.log_odds.round(4)
    array([0.13  , 0.0433])
    """
    teacher = _checks.finite_array("teacher_logits", teacher_logits)
    _checks.matrix("teacher_logits", teacher)
    n_classes = _checks.count("the number of classes", teacher.shape[1], minimum=3)
    ids = _checks.row_integers("labels", labels, len(teacher))
    _checks.class_ids("labels", ids, n_classes)
    at = _grid(temperatures)
    wrong = teacher[np.arange(n_classes) != ids[:, np.newaxis]].reshape(len(teacher), -1)
    second, first = np.sort(wrong, axis=1)[:, -2:].T
    bits = [np.mean(entropy_from_logits(teacher, temperature=t)) / np.log(2.0) for t in at]
    return LabelInformation(
        temperatures=at,
        bits=np.array(bits),
        most=float(np.log2(n_classes)),
        log_odds=np.mean(first - second) / at,
    )


@dataclass(frozen=True, eq=False)
class GradientNoise:
    """How far an average over drawn one-hot labels is from one soft label.

    Attributes
    ----------
    draws : array of int, shape (K,)
        How many labels were averaged.
    errors : array, shape (K,)
        Root mean square distance of the averaged hard gradient from the soft one.
    expected : array, shape (K,)
        The same from the formula.
    soft : float
        Norm of the soft gradient itself.
    """

    draws: IntArray
    errors: FloatArray
    expected: FloatArray
    soft: float


def gradient_noise(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    n_draws: ArrayLike,
    *,
    rng: np.random.Generator,
    n_trials: int = 10_000,
) -> GradientNoise:
    r"""The noise that one-hot labels add to the gradient, if the teacher's probabilities are the true ones.

    With labels drawn from the teacher, :math:`y \sim p` at T = 1, the hard gradient is the soft one plus noise:

    .. math::

        \mathbb{E}_y[q - \mathrm{onehot}(y)] = q - p, \qquad
        \mathbb{E}_y \|\mathrm{onehot}(y) - p\|^2 = 1 - \sum_k p_k^2

    and the mean over n draws is off by :math:`\sqrt{(1 - \sum_k p_k^2) / n}`.

    Parameters
    ----------
    student_logits, teacher_logits : array_like, shape (C,)
        Unnormalised scores of one example.
    n_draws : array_like of int, shape (K,)
        Numbers of labels to average.
    rng : numpy.random.Generator
        Draws the labels.
    n_trials : int, default 10,000
        Averages that each error is taken over.

    Returns
    -------
    GradientNoise

    Raises
    ------
    TypeError, ValueError
        As for `kdref.softmax`; also if the sides are not one row each, ``rng`` is not a
        generator, or a number of draws or trials is not an integer of at least 1.

    Examples
    --------
    p = (1/2, 1/2): each label is off by 1/sqrt(2), whatever is drawn.

    >>> noise = gradient_noise([0.0, 1.0], [0.0, 0.0], [1, 2], rng=np.random.default_rng(1))
    >>> noise.expected, round(float(noise.errors[0]), 6)
    (array([0.70710678, 0.5       ]), 0.707107)
    """
    p, q = softmax(teacher_logits), softmax(student_logits)
    _checks.one_row("teacher_logits", p)
    _checks.same_shape("student_logits", q, "teacher_logits", p)
    _checks.generator("rng", rng)
    trials = _checks.count("n_trials", n_trials)
    draws = np.array([_checks.count("n_draws", n) for n in np.ravel(n_draws)])
    # Means of n one-hot labels; the student's q cancels in the distance of the two gradients.
    means = [rng.multinomial(n, p / p.sum(), size=trials) / n for n in draws]
    return GradientNoise(
        draws=draws,
        errors=np.array([np.sqrt(np.mean(((mean - p) ** 2).sum(axis=1))) for mean in means]),
        expected=np.sqrt((1.0 - (p**2).sum()) / draws),
        soft=_norm(q - p),
    )


def _grid(temperatures: ArrayLike) -> FloatArray:
    """Checked temperatures as a flat array."""
    return np.array([_checks.temperature(t) for t in np.ravel(temperatures).tolist()])


def _norm(array: FloatArray) -> float:
    return float(np.linalg.norm(array))


def _centred_difference(student: FloatArray, teacher: FloatArray) -> FloatArray:
    """``(s - mean s) - (t - mean t)`` of each row."""
    difference = student - teacher
    centred: FloatArray = difference - difference.mean(axis=-1, keepdims=True)
    return centred
