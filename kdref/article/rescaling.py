"""What the factor T² does not do: a factor common to all entries of a gradient is a learning rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kdref import _checks
from kdref._checks import FloatArray
from kdref.losses import distillation_loss, forward_kl_loss_grad
from kdref.training import Adam, Optimiser, Sgd

Gradient = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, eq=False)
class Rescaling:
    """Training the student's logits themselves, with and without T².

    Attributes
    ----------
    losses : mapping of str to array of shape (n_steps + 1,)
        For each way to train, T² KL before each step and after the last, in nats.
    """

    losses: Mapping[str, FloatArray]


def rescaling(
    student_logits: ArrayLike,
    teacher_logits: ArrayLike,
    *,
    temperature: float,
    rate: float,
    adam_rate: float,
    n_steps: int,
) -> Rescaling:
    r"""Train logits by gradient descent and by Adam, on KL and on T² KL.

    A step of gradient descent and one of Adam are

    .. math::

        s \leftarrow s - \eta\, g, \qquad
        s \leftarrow s - \eta\, \frac{\hat m}{\sqrt{\hat v} + \epsilon}

    with running means :math:`\hat m` of :math:`g` and :math:`\hat v` of :math:`g^2` [1].  A factor c in the
    gradient turns the first into descent at rate :math:`c \eta`; in the second it cancels but for
    :math:`\epsilon`.

    Parameters
    ----------
    student_logits, teacher_logits : array_like, shape (N, C)
        Where the student starts, and the teacher.
    temperature : float
        :math:`T > 0`.
    rate : float
        :math:`\eta` of gradient descent.
    adam_rate : float
        That of Adam.
    n_steps : int
        Steps of each.

    Returns
    -------
    Rescaling
        Of five runs: descent on KL, the same at a rate T² times as high, descent on
        T² KL, Adam on KL and Adam on T² KL.

    Raises
    ------
    TypeError, ValueError
        As for `kdref.distillation_loss`; also if a logit is infinite, a rate is not a
        finite number above zero, or ``n_steps`` is not an integer of at least 1.

    References
    ----------
    .. [1] D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", 2015,
       algorithm 1, arXiv:1412.6980.

    Examples
    --------
    Descent without the factor is left behind; Adam does not notice it.

    >>> runs = rescaling(
    ...     [[0.0, 1.0]], [[1.0, 0.0]], temperature=4.0, rate=1.0, adam_rate=0.1, n_steps=10
    ... )
    >>> for name, losses in runs.losses.items():
    ...     print(f"{losses[-1]:.4f} {name}")
    0.2641 descent on KL
    0.0000 descent on KL, rate times T²
    0.0000 descent on T² KL
    0.0029 Adam on KL
    0.0029 Adam on T² KL
    """
    start = _checks.finite_array("student_logits", student_logits)
    teacher = _checks.finite_array("teacher_logits", teacher_logits)
    factor = _checks.squarable_temperature(temperature) ** 2
    slow, adam = Sgd(_checks.positive("rate", rate)), Adam(_checks.positive("adam_rate", adam_rate))
    steps = _checks.count("n_steps", n_steps)

    def plain(student: FloatArray) -> FloatArray:
        return forward_kl_loss_grad(student, teacher, temperature=temperature)

    def scaled(student: FloatArray) -> FloatArray:
        return factor * plain(student)

    paths = {
        "descent on KL": _path(plain, slow, start, steps),
        "descent on KL, rate times T²": _path(plain, Sgd(factor * rate), start, steps),
        "descent on T² KL": _path(scaled, slow, start, steps),
        "Adam on KL": _path(plain, adam, start, steps),
        "Adam on T² KL": _path(scaled, adam, start, steps),
    }
    return Rescaling({name: _losses(path, teacher, temperature) for name, path in paths.items()})


def _losses(path: list[FloatArray], teacher: FloatArray, temperature: float) -> FloatArray:
    """T² KL at each place of a path."""
    return np.array(
        [distillation_loss(s, teacher, None, temperature=temperature, alpha=1.0) for s in path]
    )


def _path(
    gradient: Gradient, optimiser: Optimiser, start: FloatArray, n_steps: int
) -> list[FloatArray]:
    """Where the logits go; to the optimiser they are the weights of one layer without bias."""
    path, no_bias = [start], np.zeros(0)
    state = optimiser.start([(start, no_bias)])
    for _ in range(n_steps):
        state = optimiser.step(state, [(gradient(path[-1]), no_bias)])
        path.append(np.asarray(state.parameters[0][0], dtype=np.float64))
    return path
