r"""A multilayer perceptron written out by hand: a list of ``(weights, bias)``, forward and backward.

With the inputs :math:`h^0 = x` (N rows), weights :math:`W^l` of shape (n_in, n_out) and an activation
:math:`f`, the layers compute

.. math::

    z^l = h^{l-1} W^l + b^l, \qquad h^l = f(z^l), \qquad \text{logits} = z^L

so that the last layer has no activation, and the softmax belongs to the loss.  The network keeps the dtype
of its parameters, float64 or float32.
"""

from __future__ import annotations

import itertools
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from kdref import _checks

RealArray: TypeAlias = NDArray[np.floating[Any]]
Parameters: TypeAlias = list[tuple[RealArray, RealArray]]

ACTIVATIONS = ("relu", "tanh")
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class ForwardPass:
    """What a forward pass leaves behind: the logits, and what `backward` needs.

    Attributes
    ----------
    logits : ndarray, shape (N, C)
        The last layer's output.
    layer_inputs : tuple of ndarray
        What each layer multiplied, the network's inputs first; after dropout.
    hidden : tuple of ndarray
        The hidden layers' activations before dropout.
    masks : tuple of ndarray
        Dropout's factors for each hidden layer, 0 or 1 / (1 - dropout); empty without dropout.
    activation : str
        ``"relu"`` or ``"tanh"``.
    """

    logits: RealArray
    layer_inputs: tuple[RealArray, ...]
    hidden: tuple[RealArray, ...]
    masks: tuple[RealArray, ...]
    activation: str


def initialise(
    sizes: Sequence[int],
    *,
    rng: np.random.Generator,
    activation: str = "relu",
    dtype: DTypeLike = np.float64,
) -> Parameters:
    r"""Random weights of the size that suits the activation, and zero biases.

    .. math::

        \text{ReLU (He):} \quad W_{ij} \sim \mathcal N\Bigl(0, \frac{2}{n_\text{in}}\Bigr), \qquad
        \text{tanh (Glorot):} \quad W_{ij} \sim \mathcal U(-a, a), \;
        a = \sqrt{\frac{6}{n_\text{in} + n_\text{out}}}

    Parameters
    ----------
    sizes : sequence of int
        Widths from the inputs to the logits: ``(64, 8, 10)`` has one hidden layer.
    rng : numpy.random.Generator
        Source of the weights.
    activation : {"relu", "tanh"}, default "relu"
        The hidden layers' activation, which decides the rule.
    dtype : dtype, default float64
        float64 or float32; the same draws, rounded.

    Returns
    -------
    list of (weights, bias)
        Weights of shape (n_in, n_out) and biases of shape (n_out,), layer by layer.

    Raises
    ------
    TypeError
        If a size is not an integer or ``rng`` is not a generator.
    ValueError
        If there are fewer than two sizes, one is below 1, or ``activation`` or
        ``dtype`` is none of the above.

    See Also
    --------
    forward : applies the network.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Delving Deep into Rectifiers", 2015,
       equation 10, arXiv:1502.01852.
    .. [2] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep
       feedforward neural networks", 2010, equation 16.

    Examples
    --------
    >>> import numpy as np
    >>> parameters = initialise((64, 8, 10), rng=np.random.default_rng(7))
    >>> [(weights.shape, bias.shape) for weights, bias in parameters]
    [((64, 8), (8,)), ((8, 10), (10,))]
    >>> count_parameters(parameters)   # 64 * 8 + 8 + 8 * 10 + 10
    610
    """
    widths = [_checks.count("each of sizes", size) for size in sizes]
    if len(widths) < 2:
        raise ValueError(f"sizes must name inputs and outputs, got {len(widths)} number(s)")
    _checks.choice("activation", activation, ACTIVATIONS)
    _checks.choice("dtype", np.dtype(dtype).name, DTYPES)
    _checks.generator("rng", rng)
    return [
        (_draw_weights(n_in, n_out, rng, activation).astype(dtype), np.zeros(n_out, dtype))
        for n_in, n_out in itertools.pairwise(widths)
    ]


def _draw_weights(
    n_in: int, n_out: int, rng: np.random.Generator, activation: str
) -> NDArray[np.float64]:
    if activation == "relu":
        return rng.normal(0.0, np.sqrt(2.0 / n_in), (n_in, n_out))
    bound = np.sqrt(6.0 / (n_in + n_out))
    return rng.uniform(-bound, bound, (n_in, n_out))


def forward(
    parameters: Parameters,
    inputs: ArrayLike,
    *,
    activation: str = "relu",
    dropout: float = 0.0,
    rng: np.random.Generator | None = None,
) -> ForwardPass:
    r"""The network's logits, with what `backward` needs to go back.

    .. math::

        z^l = h^{l-1} W^l + b^l, \qquad
        h^l = m^l \odot f(z^l), \qquad
        m^l_{ij} = \begin{cases} 0 & \text{with probability } d \\
        1 / (1 - d) & \text{otherwise} \end{cases}

    Parameters
    ----------
    parameters : list of (weights, bias)
        From `initialise` or `load_parameters`.
    inputs : array_like, shape (N, n_in)
        One example a row, in the dtype of the parameters.
    activation : {"relu", "tanh"}, default "relu"
        :math:`f`.
    dropout : float, default 0.0
        :math:`d`, the share of hidden activations that are set to zero, in [0, 1).
        The others are scaled up, so that the mean stays and nothing changes at
        evaluation, where dropout is left at 0.
    rng : numpy.random.Generator, optional
        Source of the masks; needed when ``dropout`` is above 0.

    Returns
    -------
    ForwardPass
        ``.logits`` has shape (N, C).

    Raises
    ------
    TypeError
        If ``inputs`` and the parameters differ in dtype (bytes of an image are to
        be scaled first), or ``rng`` is missing where it is needed.
    ValueError
        If shapes do not fit, or an option lies outside its range.

    See Also
    --------
    backward : the gradients of a loss through this pass.

    References
    ----------
    .. [1] N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov,
       "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15,
       2014, section 4 and (scaling while training, as here) section 10.

    Examples
    --------
    One hidden ReLU unit, max(0, 2 - 3) = 0 and max(0, 4 - 3) = 1; then times (5, -5).

    >>> import numpy as np
    >>> parameters = [
    ...     (np.array([[2.0]]), np.array([-3.0])),
    ...     (np.array([[5.0, -5.0]]), np.array([0.0, 1.0])),
    ... ]
    >>> forward(parameters, [[1.0], [2.0]]).logits.tolist()
    [[0.0, 1.0], [5.0, -4.0]]
    """
    _checks.choice("activation", activation, ACTIVATIONS)
    dropout = _checks.below_one("dropout", dropout)
    source = _checks.generator("rng", rng) if dropout > 0.0 else None
    inputs = _checked_inputs(parameters, inputs)
    layer_inputs, hidden, masks = [inputs], [], []
    for weights, bias in parameters[:-1]:
        hidden.append(_activate(layer_inputs[-1] @ weights + bias, activation))  # (N, n_out)
        if source is not None:
            masks.append(_dropout_mask(hidden[-1], dropout, source))
            layer_inputs.append(hidden[-1] * masks[-1])
        else:
            layer_inputs.append(hidden[-1])
    weights, bias = parameters[-1]
    logits = layer_inputs[-1] @ weights + bias
    return ForwardPass(logits, tuple(layer_inputs), tuple(hidden), tuple(masks), activation)


def backward(
    parameters: Parameters, forward_pass: ForwardPass, logits_grad: ArrayLike
) -> Parameters:
    r"""Gradient of a loss with respect to every weight and bias: backpropagation.

    With :math:`\delta^l = \partial L / \partial z^l`, beginning at the logits,

    .. math::

        \frac{\partial L}{\partial W^l} = (h^{l-1})^\top \delta^l, \qquad
        \frac{\partial L}{\partial b^l} = \sum_i \delta^l_i, \qquad
        \delta^{l-1} = \bigl(\delta^l (W^l)^\top\bigr) \odot m^{l-1} \odot f'(z^{l-1})

    where :math:`f'` is 1 or 0 for ReLU (0 at zero) and :math:`1 - \tanh^2 z` for tanh, and
    :math:`m` is dropout's mask.

    Parameters
    ----------
    parameters : list of (weights, bias)
        Those that the forward pass used.
    forward_pass : ForwardPass
        From `forward`.
    logits_grad : array_like, shape (N, C)
        The loss's gradient with respect to the logits, as the ``_grad`` twins
        return it: already divided by N.

    Returns
    -------
    list of (weights_grad, bias_grad)
        In the shapes and the dtype of ``parameters``.

    Raises
    ------
    TypeError
        If ``logits_grad`` does not hold real numbers.
    ValueError
        If ``logits_grad`` has not the shape of the logits.

    See Also
    --------
    kdref.check_gradient : compares such a gradient with a numerical one.

    References
    ----------
    .. [1] D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by
       back-propagating errors", Nature 323, 1986, equations 4-7.

    Examples
    --------
    One linear layer: h = (1, 2), and the loss pulls at the second logit alone.

    >>> import numpy as np
    >>> parameters = [(np.eye(2), np.zeros(2))]
    >>> forward_pass = forward(parameters, [[1.0, 2.0]])
    >>> [(weights_grad, bias_grad)] = backward(parameters, forward_pass, [[0.0, 3.0]])
    >>> weights_grad.tolist(), bias_grad.tolist()
    ([[0.0, 3.0], [0.0, 6.0]], [0.0, 3.0])
    """
    logits = forward_pass.logits
    grad = _checks.real_array("logits_grad", logits_grad)
    if grad.shape != logits.shape:
        raise ValueError(
            f"logits_grad must have the logits' shape {logits.shape}, got {grad.shape}"
        )
    delta: RealArray = grad.astype(logits.dtype, copy=False)  # dL/dz of the last layer, (N, C)
    gradients: Parameters = []
    for layer in reversed(range(len(parameters))):
        weights, _ = parameters[layer]
        weights_grad = forward_pass.layer_inputs[layer].T @ delta  # (n_in, N) @ (N, n_out)
        gradients.append((weights_grad, delta.sum(axis=0)))
        if layer > 0:
            delta = (delta @ weights.T) * _slope(forward_pass, layer - 1)
    gradients.reverse()
    return gradients


def _activate(z: RealArray, activation: str) -> RealArray:
    return np.maximum(z, 0.0) if activation == "relu" else np.tanh(z)


def _slope(forward_pass: ForwardPass, layer: int) -> RealArray:
    """The derivative of a hidden layer's output with respect to its ``z``, dropout included."""
    hidden = forward_pass.hidden[layer]
    # ReLU lets the gradient through exactly where it let the signal through.
    relu = forward_pass.activation == "relu"
    slope = (hidden > 0.0).astype(hidden.dtype) if relu else 1.0 - hidden * hidden
    return slope * forward_pass.masks[layer] if forward_pass.masks else slope


def _dropout_mask(hidden: RealArray, dropout: float, rng: np.random.Generator) -> RealArray:
    kept = rng.random(hidden.shape) >= dropout
    return (kept / (1.0 - dropout)).astype(hidden.dtype)


def _checked_inputs(parameters: Parameters, inputs: ArrayLike) -> RealArray:
    dtype, array = parameters[0][0].dtype, np.asarray(inputs)
    n_in = parameters[0][0].shape[0]
    if array.dtype != dtype:
        raise TypeError(f"inputs must have the parameters' dtype {dtype}, got {array.dtype}")
    if array.ndim != 2 or array.shape[1] != n_in:
        raise ValueError(f"inputs must have shape (N, {n_in}), got {array.shape}")
    return array


def count_parameters(parameters: Parameters) -> int:
    """How many numbers the network holds, weights and biases together.

    Parameters
    ----------
    parameters : list of (weights, bias)
        The network.

    Returns
    -------
    int
        The sum of the sizes.

    Examples
    --------
    >>> import numpy as np
    >>> count_parameters([(np.zeros((3, 2)), np.zeros(2))])   # 3 * 2 + 2
    8
    """
    return sum(weights.size + bias.size for weights, bias in parameters)


def save_parameters(path: str | os.PathLike[str], parameters: Parameters) -> None:
    """Write a network to a ``.npz`` file, whole or not at all.

    Parameters
    ----------
    path : path-like
        Where; an existing file is replaced in one step, so that a reader never
        meets half a file.
    parameters : list of (weights, bias)
        The network; stored as ``weights_0``, ``bias_0``, ``weights_1``, ...

    Raises
    ------
    OSError
        If the file cannot be written; an older one is then still whole.
    ValueError
        If the layers do not fit together or are not float32 or float64.

    See Also
    --------
    load_parameters : reads it back, bit for bit.
    """
    path = Path(path)
    _check_layers("parameters", parameters)
    arrays: dict[str, Any] = {}
    for layer, (weights, bias) in enumerate(parameters):
        arrays |= {f"weights_{layer}": weights, f"bias_{layer}": bias}
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            np.savez(file, **arrays)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load_parameters(path: str | os.PathLike[str]) -> Parameters:
    """Read a network that `save_parameters` wrote; nothing in the file is executed.

    Parameters
    ----------
    path : path-like
        The ``.npz`` file.

    Returns
    -------
    list of (weights, bias)
        Bit for bit what was saved, dtype included.

    Raises
    ------
    OSError
        If there is no such file or it cannot be read.
    ValueError
        If the file is no ``.npz``, holds pickled objects, or its arrays are not
        the layers of one network.

    See Also
    --------
    save_parameters : writes it.
    """
    arrays = _read_npz(Path(path))
    n_layers = len(arrays) // 2
    names = [f"{kind}_{layer}" for layer in range(n_layers) for kind in ("weights", "bias")]
    if not names or set(names) != set(arrays):
        raise ValueError(f"{path} must hold weights_0, bias_0, ..., got {sorted(arrays)}")
    parameters = [(arrays[f"weights_{i}"], arrays[f"bias_{i}"]) for i in range(n_layers)]
    _check_layers(str(path), parameters)
    return parameters


def _read_npz(path: Path) -> dict[str, Any]:
    try:
        # Opened here because np.load leaves a truncated archive open when it fails.
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("a single array")
            arrays = dict(archive)
        if not all(isinstance(array, np.ndarray) for array in arrays.values()):
            raise ValueError("a member that is no array")
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} must be an .npz file without objects, got: {error}") from error
    return arrays


def _check_layers(name: str, parameters: Parameters) -> None:
    """Refuse layers that do not chain, or that mix dtypes."""
    if not parameters:
        raise ValueError(f"{name} must hold at least one layer, got none")
    dtype = parameters[0][0].dtype
    n_in = parameters[0][0].shape[:1]
    for layer, (weights, bias) in enumerate(parameters):
        fits = weights.ndim == 2 and weights.shape[:1] == n_in and bias.shape == weights.shape[1:]
        if not fits:
            raise ValueError(
                f"{name} must hold layers that fit together, got weights_{layer} of shape "
                f"{weights.shape} and bias_{layer} of shape {bias.shape} for {n_in} inputs"
            )
        if {weights.dtype, bias.dtype} != {dtype} or dtype.name not in DTYPES:
            raise ValueError(
                f"{name} must hold float32 or float64 throughout, got {weights.dtype} and "
                f"{bias.dtype} in layer {layer}"
            )
        n_in = bias.shape
