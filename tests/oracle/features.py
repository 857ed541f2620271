"""Losses on features and relations by their definitions, on arrays of MPFR numbers."""

from collections.abc import Callable, Mapping
from typing import Any

import gmpy2
import numpy as np

from tests.oracle.arrays import Numbers, norm, unit


def places(x: Numbers) -> Numbers:
    """(N, C, H W)."""
    return x.reshape(*x.shape[:2], -1)


def hint(f: Numbers, g: Numbers) -> Any:
    return ((f - g) ** 2).sum() / (2 * len(f))


def cosine_feature(f: Numbers, g: Numbers) -> Any:
    return (1 - (unit(f) * unit(g)).sum(axis=1)).sum() / len(f)


def attention_transfer(f: Numbers, g: Numbers, *, power: float) -> Any:
    q_f, q_g = (unit((abs(places(x)) ** gmpy2.mpfr(power)).sum(axis=1)) for x in (f, g))
    return ((q_f - q_g) ** 2).sum() / q_f.size


def neuron_selectivity(f: Numbers, g: Numbers) -> Any:
    x, y = unit(places(f)), unit(places(g))

    def kernels(a: Numbers, b: Numbers) -> Any:
        squares = [(p @ q.T) ** 2 for p, q in zip(a, b, strict=True)]
        return sum(s.sum() for s in squares) / (len(a) * a.shape[1] * b.shape[1])

    return kernels(x, x) + kernels(y, y) - 2 * kernels(x, y)


def flow(f: Numbers, g: Numbers, *, student_later: Numbers, teacher_later: Numbers) -> Any:
    sides = (places(f), places(student_later)), (places(g), places(teacher_later))
    flows = [np.array([p @ q.T for p, q in zip(a, b, strict=True)]) / a.shape[2] for a, b in sides]
    return ((flows[0] - flows[1]) ** 2).sum() / flows[0].size


def variational_information(mean: Numbers, g: Numbers, *, variance: float) -> Any:
    v = gmpy2.mpfr(variance)
    return ((mean - g) ** 2 / v + gmpy2.log(v)).sum() / (2 * mean.size)


def similarity_preserving(f: Numbers, g: Numbers) -> Any:
    return ((unit(f @ f.T) - unit(g @ g.T)) ** 2).sum() / len(f) ** 2


def correlation_congruence(f: Numbers, g: Numbers, *, gamma: float, order: int) -> Any:
    width = gmpy2.mpfr(gamma)

    def kernel(x: Numbers) -> Numbers:
        s = unit(x) @ unit(x).T
        terms = ((2 * width) ** n / gmpy2.factorial(n) * s**n for n in range(order + 1))
        return np.asarray(gmpy2.exp(-2 * width) * sum(terms))

    return ((kernel(f) - kernel(g)) ** 2).sum() / len(f) ** 2


def huber(x: Numbers) -> Any:
    return sum(v * v / 2 if abs(v) <= 1 else abs(v) - gmpy2.mpfr("0.5") for v in x.flat)


def relational_distance(f: Numbers, g: Numbers) -> Any:
    def ratios(x: Numbers) -> Numbers:
        d = norm(x[:, np.newaxis] - x)[..., 0]
        return np.asarray(d * sum(v > 0 for v in d.flat) / d.sum())

    return huber(ratios(f) - ratios(g)) / len(f) ** 2


def relational_angle(f: Numbers, g: Numbers) -> Any:
    def angles(x: Numbers) -> Numbers:
        steps = x[:, np.newaxis] - x
        lengths = norm(steps)
        e = steps / np.where(lengths == 0, gmpy2.mpfr(1), lengths)
        return np.array([e[:, j] @ e[:, j].T for j in range(len(x))])

    return huber(angles(f) - angles(g)) / len(f) ** 3


def probabilistic_transfer(f: Numbers, g: Numbers) -> Any:
    def conditional(x: Numbers) -> Numbers:
        k = (1 + unit(x) @ unit(x).T) / 2
        return np.asarray(k / k.sum(axis=1, keepdims=True))

    p, q = conditional(g), conditional(f)
    return sum(a * gmpy2.log(a / b) for a, b in zip(p.flat, q.flat, strict=True)) / len(f)


FORMULAS: Mapping[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        hint,
        cosine_feature,
        attention_transfer,
        neuron_selectivity,
        flow,
        variational_information,
        similarity_preserving,
        correlation_congruence,
        relational_distance,
        relational_angle,
        probabilistic_transfer,
    )
}
