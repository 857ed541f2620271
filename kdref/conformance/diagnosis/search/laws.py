"""How a coefficient depends on temperature, alpha, C and N, read from its values at several settings."""

import functools
import itertools
import math
from collections.abc import Sequence

import numpy as np

from kdref._checks import FloatArray
from kdref.conformance.diagnosis.calls.probes import Setting
from kdref.conformance.diagnosis.search.sparse import residual, sparse_supports
from kdref.conformance.weights import EXTRAS, PER_BIT, Monomial, Weight

LARGEST_POWER = 6.0

DENOMINATORS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 25, 50, 64, 100, 128, 1000, 4096, 10000)
"""Denominators of the constants that people write."""


def read_weight(
    coefficients: FloatArray,
    settings: tuple[Setting, ...],
    alphas: tuple[float, ...],
    tolerance: float,
    *,
    logarithms: bool = False,
) -> Weight | None:
    """The weight that has these values, or None.

    Parameters
    ----------
    coefficients : array, shape (settings, alphas)
        Values of the coefficient.
    settings : sequence of (N, C, T)
        Where they were taken.
    alphas : sequence of float
        The same.
    tolerance : float
        Relative to the largest coefficient.
    logarithms : bool
        Whether logarithms of T and alpha may occur, as they do in offsets.
    """
    scale = float(abs(coefficients).max())
    if scale == 0.0:
        return Weight(())
    for degree in range(min(3, len(alphas))):
        powers = np.vander(np.asarray(alphas), degree + 1, increasing=True)
        x, worst = residual(powers, coefficients.T)
        if worst < tolerance * scale:
            parts = _polynomial_parts(x, settings, scale, tolerance)
            if parts is not None:
                return Weight(tuple(parts))
            break
    return _joint(coefficients, settings, alphas, tolerance, logarithms=logarithms)


def _polynomial_parts(
    x: FloatArray, settings: tuple[Setting, ...], scale: float, tolerance: float
) -> list[Monomial] | None:
    parts: list[Monomial] = []
    for power, values in enumerate(x):
        if abs(values).max() < 10.0 * tolerance * scale:
            continue
        found = _monomial(values, settings, tolerance) or _few_monomials(
            values, settings, tolerance
        )
        if found is None:
            return None
        parts += [m._replace(alpha=float(power)) for m in found]
    return parts


def _monomial(
    values: FloatArray, settings: tuple[Setting, ...], tolerance: float
) -> list[Monomial] | None:
    """One product of powers, by a log-linear fit with exponents rounded to halves."""
    if (np.sign(values) != np.sign(values[0])).any() or (values == 0.0).any():
        return None
    n, c, t = np.array(settings, dtype=np.float64).T
    logs = np.stack([np.ones(len(n)), np.log(t), np.log(c), np.log(n)], axis=1)
    fitted, *_ = np.linalg.lstsq(logs, np.log(abs(values)), rcond=None)
    exponents = np.round(fitted[1:] * 2.0) / 2.0 + 0.0
    if abs(exponents).max() > LARGEST_POWER:
        return None
    constants = values / (t ** exponents[0] * c ** exponents[1] * n ** exponents[2])
    middle = float(np.median(constants))
    if abs(constants - middle).max() > 20.0 * tolerance * abs(middle):
        return None
    i, j, k = (float(e) for e in exponents)
    return [Monomial(nice_number(middle, tolerance), 0.0, i, j, k)]


def _products(
    alphas: Sequence[float],
    extras: Sequence[str],
    temperatures: Sequence[float],
    examples: Sequence[float],
) -> list[Monomial]:
    return [
        Monomial(1.0, a, t, c, n, extra)
        for extra in extras
        for a in alphas
        for t in temperatures
        for c in (0.0, -1.0, 1.0)
        for n in examples
    ]


POWERS = (0.0, 2.0, -2.0, 1.0, -1.0, 4.0, 3.0)
EACH_WAY = (0.0, -1.0, 1.0)
SUMS = (
    *_products((0.0,), ("",), POWERS, EACH_WAY),
    *_products((0.0,), ("ln T", "ln C", "ln N", "1/(C - 1)"), POWERS[:4], EACH_WAY),
)
POWERS_OF_ALPHA = tuple(_products((0.0, 1.0, 2.0, -1.0, 0.5), ("",), POWERS, EACH_WAY))
"""Monomials that are combined where a single one does not do."""


@functools.lru_cache(maxsize=256)
def _values_of(
    monomials: tuple[Monomial, ...], settings: tuple[Setting, ...], alphas: tuple[float, ...]
) -> FloatArray:
    """Values of monomials at each setting and alpha, one row each."""
    rows = [(t, c, n, a) for n, c, t in settings for a in alphas]
    return np.array([[m(t, c, n, a) for m in monomials] for t, c, n, a in rows])


def _few_monomials(
    values: FloatArray, settings: tuple[Setting, ...], tolerance: float
) -> list[Monomial] | None:
    return _combined(SUMS, settings, (0.5,), values[:, np.newaxis], tolerance, largest=2)


def _joint(
    coefficients: FloatArray,
    settings: tuple[Setting, ...],
    alphas: tuple[float, ...],
    tolerance: float,
    *,
    logarithms: bool,
) -> Weight | None:
    """All settings and alphas at once: uncommon powers of alpha, and logarithms in offsets."""
    if len(alphas) == 1:
        return None
    values = coefficients.reshape(-1, 1)
    found = _combined(POWERS_OF_ALPHA, settings, alphas, values, tolerance, largest=2)
    if found is None and logarithms:
        found = _offset(values, settings, alphas, tolerance)
    return None if found is None else Weight(tuple(found))


def _offset(
    values: FloatArray,
    settings: tuple[Setting, ...],
    alphas: tuple[float, ...],
    tolerance: float,
) -> list[Monomial] | None:
    """One product of powers times logarithms, as in c log c with c = alpha T^2."""
    for powers in itertools.product(POWERS[:4], EACH_WAY, EACH_WAY):
        found = _combined(_logarithms(*powers), settings, alphas, values, tolerance, largest=3)
        if found is not None:
            return found
    return None


@functools.cache
def _logarithms(temperature: float, classes: float, examples: float) -> tuple[Monomial, ...]:
    return tuple(
        Monomial(1.0, alpha, temperature, classes, examples, extra)
        for alpha in (0.0, 1.0)
        for extra in EXTRAS
    )


def _combined(
    monomials: tuple[Monomial, ...],
    settings: tuple[Setting, ...],
    alphas: tuple[float, ...],
    values: FloatArray,
    tolerance: float,
    *,
    largest: int,
) -> list[Monomial] | None:
    """The few monomials of a dictionary that add up to the values, with their constants."""
    table = _values_of(monomials, settings, alphas)
    bound = 10.0 * tolerance * float(abs(values).max())
    for support in sparse_supports(table, values, bound, largest=largest, limit=1):
        x, _ = residual(table[:, list(support)], values)
        return [
            monomials[i]._replace(constant=nice_number(float(k), tolerance))
            for i, k in zip(support, x[:, 0], strict=True)
        ]
    return None


def nice_number(k: float, tolerance: float) -> float:
    """A rational, or one times 1/ln 2 or ln 2, or a short decimal, if ``k`` is that close to it; else ``k``."""
    for base in (1.0, PER_BIT, 1.0 / PER_BIT):
        for denominator in DENOMINATORS if tolerance < 1e-6 else (1, 2, 4, 5, 10, 100):
            scaled = k / base * denominator
            whole = round(scaled)
            if whole and abs(scaled - whole) < tolerance * abs(scaled):
                return whole / denominator * base
    for digits in range(2, 9):
        rounded = round(k, digits)
        if rounded and abs(k - rounded) < 0.1 * tolerance * abs(k):
            return rounded
    return k


def close(a: float, b: float) -> bool:
    """Whether two constants are the same to the accuracy with which they can be read."""
    return math.isclose(a, b, rel_tol=1e-5)
