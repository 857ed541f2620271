"""Optimisers: a record of hyper-parameters, an explicit state, and a step from one state to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from kdref import _checks
from kdref.network import Parameters, RealArray


@dataclass(frozen=True)
class OptimiserState:
    """What an optimiser knows after a number of steps.

    Attributes
    ----------
    parameters : list of (weights, bias)
        The network.
    moments : tuple of such lists
        SGD: the velocity.  Adam: the running means of the gradient and of its square.
    n_steps : int
        Steps taken.
    """

    parameters: Parameters
    moments: tuple[Parameters, ...]
    n_steps: int


@dataclass(frozen=True)
class Sgd:
    r"""Gradient descent with momentum.

    .. math::

        v_t = \mu\, v_{t-1} + g_t, \qquad \theta_t = \theta_{t-1} - \eta\, v_t

    with the gradient :math:`g`, the parameters :math:`\theta` and :math:`v_0 = 0`.

    Attributes
    ----------
    learning_rate : float
        :math:`\eta > 0`.
    momentum : float, default 0.0
        :math:`\mu` in [0, 1]; 0 is plain gradient descent.

    References
    ----------
    .. [1] B. T. Polyak, "Some methods of speeding up the convergence of iteration
       methods", 1964.
    .. [2] I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of
       initialization and momentum in deep learning", ICML 2013, equations 1-2; their
       velocity is :math:`-\eta` times the one here, which at a constant :math:`\eta`
       takes the same steps.

    Examples
    --------
    Gradient 1 in each step: velocities 1 and 1.5, so 10 - 0.1 - 0.15.

    >>> import numpy as np
    >>> one = [(np.ones((1, 1)), np.ones(1))]
    >>> optimiser = Sgd(learning_rate=0.1, momentum=0.5)
    >>> state = optimiser.start([(np.full((1, 1), 10.0), np.zeros(1))])
    >>> state = optimiser.step(optimiser.step(state, one), one)
    >>> round(state.parameters[0][0].item(), 6)
    9.75
    """

    learning_rate: float
    momentum: float = 0.0

    def __post_init__(self) -> None:
        """Check the hyper-parameters."""
        _checks.positive("learning_rate", self.learning_rate)
        _checks.fraction("momentum", self.momentum)

    def start(self, parameters: Parameters) -> OptimiserState:
        """Begin at ``parameters`` with a velocity of zero."""
        return OptimiserState(parameters, (map_layers(np.zeros_like, parameters),), 0)

    def step(self, state: OptimiserState, gradients: Parameters) -> OptimiserState:
        """Take one step; ``state`` and ``gradients`` stay as they are."""
        (velocity,) = state.moments
        velocity = map_layers(lambda v, g: self.momentum * v + g, velocity, gradients)
        moved = map_layers(
            lambda theta, v: theta - self.learning_rate * v, state.parameters, velocity
        )
        return OptimiserState(moved, (velocity,), state.n_steps + 1)


@dataclass(frozen=True)
class Adam:
    r"""Gradient descent with adaptive steps, and weight decay beside it.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1)\, g_t, \qquad
        v_t = \beta_2 v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}
            - \eta \lambda\, \theta_{t-1}

    The last term, for weights and not for biases, is the decoupled weight decay of AdamW [2].

    Attributes
    ----------
    learning_rate : float, default 1e-3
        :math:`\eta > 0`.
    beta1, beta2 : float, default 0.9 and 0.999
        Memory of the two running means, in [0, 1).
    epsilon : float, default 1e-8
        :math:`\epsilon`, the paper's own constant.
    weight_decay : float, default 0.0
        :math:`\lambda \ge 0`.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", 2015,
       algorithm 1, arXiv:1412.6980.
    .. [2] I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", 2019,
       algorithm 2, arXiv:1711.05101.  There a schedule multiplies the decay; here, as
       in PyTorch's AdamW, the learning rate does.

    Examples
    --------
    The first step has the length of the learning rate, whatever the gradient's size.

    >>> import numpy as np
    >>> optimiser = Adam(learning_rate=0.1)
    >>> for size in (1e-3, 1e3):
    ...     state = optimiser.start([(np.full((1, 1), 10.0), np.zeros(1))])
    ...     state = optimiser.step(state, [(np.full((1, 1), size), np.zeros(1))])
    ...     print(round(state.parameters[0][0].item(), 6))
    9.900001
    9.9
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        """Check the hyper-parameters."""
        _checks.positive("learning_rate", self.learning_rate)
        for name, beta in (("beta1", self.beta1), ("beta2", self.beta2)):
            _checks.below_one(name, beta)
        _checks.positive("epsilon", self.epsilon)
        _checks.not_negative("weight_decay", self.weight_decay)

    def start(self, parameters: Parameters) -> OptimiserState:
        """Begin at ``parameters`` with both means at zero."""
        zeros = map_layers(np.zeros_like, parameters)
        return OptimiserState(parameters, (zeros, zeros), 0)

    def step(self, state: OptimiserState, gradients: Parameters) -> OptimiserState:
        """Take one step; ``state`` and ``gradients`` stay as they are."""
        t = state.n_steps + 1
        means, squares = state.moments
        means = map_layers(lambda m, g: self.beta1 * m + (1.0 - self.beta1) * g, means, gradients)
        squares = map_layers(
            lambda v, g: self.beta2 * v + (1.0 - self.beta2) * g * g, squares, gradients
        )
        # The means begin at zero, so that early ones are too small by these factors.
        first, second = 1.0 - self.beta1**t, 1.0 - self.beta2**t

        def moved(theta: RealArray, m: RealArray, v: RealArray) -> RealArray:
            decay = self.weight_decay if theta.ndim == 2 else 0.0
            change = (m / first) / (np.sqrt(v / second) + self.epsilon) + decay * theta
            moved_to: RealArray = theta - self.learning_rate * change
            return moved_to

        return OptimiserState(
            map_layers(moved, state.parameters, means, squares), (means, squares), t
        )


Optimiser: TypeAlias = Sgd | Adam


def map_layers(function: Callable[..., RealArray], *operands: Parameters) -> Parameters:
    """Apply a function to the weights and biases of one or several networks, layer by layer."""
    return [
        (function(*(layer[0] for layer in layers)), function(*(layer[1] for layer in layers)))
        for layers in zip(*operands, strict=True)
    ]
