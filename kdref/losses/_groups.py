r"""A group of classes seen as one: its mass on both sides, and the log-ratio of the two masses.

Summing the probabilities of a group G gives :math:`P = \sum_{k \in G} p_k` and :math:`Q = \sum_{k \in G} q_k`.
"""

from dataclasses import dataclass

import numpy as np

from kdref._arithmetic import expm1_minus_identity
from kdref._checks import BoolArray, FloatArray
from kdref._softened import SoftenedPair


@dataclass(frozen=True)
class Group:
    """The masses of one group per row.

    Attributes
    ----------
    p, q : array, shape (n,)
        Teacher's and student's mass.
    gap : array, shape (n,)
        log(q / p).
    difference : array, shape (n,)
        q - p.
    """

    p: FloatArray
    q: FloatArray
    gap: FloatArray
    difference: FloatArray

    def cost(self) -> FloatArray:
        r"""The group's term of a forward KL in its Bregman form, :math:`P \varphi(\log Q/P) \ge 0`."""
        return kl_terms(self.p, self.q, self.gap, self.difference)


def kl_terms(p: FloatArray, q: FloatArray, gap: FloatArray, difference: FloatArray) -> FloatArray:
    r"""The terms :math:`p \varphi(\log q/p)`, infinite where only q is excluded."""
    with np.errstate(all="ignore"):  # a class or group without mass on one side has an infinite gap
        near = p * expm1_minus_identity(np.minimum(gap, 1.0))
        far = difference - p * gap
    finite = np.where(p > 0.0, np.where(gap <= 1.0, near, far), q)
    return np.where(np.isneginf(gap), np.inf, finite)


def group(pair: SoftenedPair, members: BoolArray) -> Group:
    """The masses of the classes where ``members`` is true, and their log-ratio without cancellation."""
    p = np.where(members, pair.p.p, 0.0).sum(axis=-1)
    q = np.where(members, pair.q.p, 0.0).sum(axis=-1)
    difference = np.where(members, pair.difference(), 0.0).sum(axis=-1)
    with np.errstate(all="ignore"):  # groups without mass; the quotient is not used there
        relative = difference / p
        far = log_mass(pair.q.log_p, members) - log_mass(pair.p.log_p, members)
        gap = np.where(abs(relative) < 0.5, np.log1p(relative), far)
    return Group(p, q, gap, difference)


def log_mass(log_p: FloatArray, members: BoolArray) -> FloatArray:
    """Logarithm of the summed probabilities; -inf for no member or only excluded ones."""
    inside = np.where(members, log_p, -np.inf)
    largest = inside.max(axis=-1)
    anchor = np.where(np.isneginf(largest), 0.0, largest)
    with np.errstate(divide="ignore"):  # the logarithm of an empty group
        return np.asarray(anchor + np.log(np.exp(inside - anchor[:, np.newaxis]).sum(axis=-1)))
