r"""Rows as vectors: their norms and cosines, without overflow and without cancellation near agreement.

For unit vectors at an angle :math:`\theta`, :math:`1 - \cos\theta` loses every digit once :math:`\theta` is below
1e-8.  With :math:`d = f - g` and its part at right angles to f, :math:`d_\perp = d - (d \cdot \hat f) \hat f`,

.. math::

    \sin\theta = \frac{\|d_\perp\|}{\|g\|}, \qquad 1 - \cos\theta = \frac{\sin^2\theta}{1 + \cos\theta},
    \qquad \frac{\partial}{\partial f} (1 - \cos\theta) = \frac{d_\perp}{\|f\|\, \|g\|},

and where f is near g their difference d is exact.
"""

from dataclasses import dataclass

import numpy as np

from kdref._checks import FloatArray, IntArray


@dataclass(frozen=True)
class Cosines:
    """One row per pair of vectors.

    Attributes
    ----------
    deficit : array, shape (n,)
        1 - cos, at least 0.
    grad : array, shape (n, D)
        Its gradient with respect to the first vector; infinite where that vector is so short (a subnormal number)
        that the true one lies beyond float64.
    """

    deficit: FloatArray
    grad: FloatArray


def cosines(first: FloatArray, second: FloatArray) -> Cosines:
    """1 - cos of each pair of rows, none of which is zero."""
    f, exponent = scaled_rows(first)
    g, _ = scaled_rows(second)
    f_norm = _norms(f)
    # Lengths within a factor of sqrt(2) of each other; a power of two changes no digit of the difference.
    g = np.ldexp(g, np.rint(np.log2(f_norm / _norms(g))).astype(np.intc))
    g_norm = _norms(g)
    cosine = (f * g).sum(axis=-1, keepdims=True) / (f_norm * g_norm)
    side = np.where(cosine < 0.0, -1.0, 1.0)  # near opposite vectors it is the sum that is small
    d = f - side * g
    unit = f / f_norm
    across = d - (d * unit).sum(axis=-1, keepdims=True) * unit
    sine = _norms(across) / g_norm
    acute = sine * sine / (1.0 + np.maximum(cosine, 0.0))
    deficit = np.where(cosine > 0.0, acute, 1.0 - cosine)
    with np.errstate(over="ignore"):
        grad = np.ldexp(side * across / (f_norm * g_norm), -exponent)
    return Cosines(deficit[:, 0], grad)


def norms(vectors: FloatArray) -> FloatArray:
    """Euclidean norm of each row, shape (n, 1), where squares alone would overflow or underflow too."""
    scaled, exponent = scaled_rows(vectors)
    return np.asarray(np.ldexp(_norms(scaled), exponent))


def unit_rows(vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows of length 1 and the lengths they had, shape (n, 1); a zero row stays one."""
    scaled, exponent = scaled_rows(vectors)
    lengths = _norms(scaled)
    unit = scaled / np.where(lengths > 0.0, lengths, 1.0)
    with np.errstate(over="ignore"):  # a length beyond float64 leaves a gradient of 0
        return unit, np.ldexp(lengths, exponent)


def scaled_rows(vectors: FloatArray) -> tuple[FloatArray, IntArray]:
    """Rows whose largest entry is near 1, and the powers of two that this took, shape (n, 1)."""
    _, exponent = np.frexp(abs(vectors).max(axis=-1, keepdims=True))
    return np.ldexp(vectors, -exponent), exponent


def through_unit(unit: FloatArray, lengths: FloatArray, grads: FloatArray) -> FloatArray:
    r"""The chain rule through :math:`\hat f = f / \|f\|`: :math:`(g - (g \cdot \hat f) \hat f) / \|f\|`."""
    across = grads - (grads * unit).sum(axis=-1, keepdims=True) * unit
    with np.errstate(over="ignore"):  # the slope of a length near 5e-324 can exceed float64
        return np.asarray(across / lengths)


def _norms(vectors: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True)))
