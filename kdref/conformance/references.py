"""What a loss can be compared with: the losses of the registry and the conventions of public libraries, by name."""

from collections.abc import Mapping

from kdref import _checks
from kdref.conformance.convention import HINTON, Convention, distillation_convention
from kdref.conformance.distributions import Distribution
from kdref.conformance.libraries import CONVENTIONS
from kdref.conformance.terms import Term
from kdref.conformance.weights import weight

SAME = 1e-5
"""How far formulas may differ, relative to the larger value: an epsilon of 1e-7 inside a logarithm shows less."""


def _soft(divergence: str, *, reverse: bool = False, mixture: float | None = None) -> Convention:
    return distillation_convention(
        divergence,
        reverse=reverse,
        temperature_power=0.0,
        soft_weight="1",
        hard_weight=None,
        mixture=mixture,
    )


LOSS_CONVENTIONS: dict[str, Convention] = {
    "hard_label": Convention(
        ((weight(), Term("label", None, Distribution("student", "softmax", 1.0))),)
    ),
    "soft_cross_entropy": _soft("cross entropy"),
    "forward_kl": _soft("kl"),
    "reverse_kl": _soft("kl", reverse=True),
    "generalised_js": _soft("generalised js", mixture=0.5),
    "distillation": HINTON,
}
"""Losses of the registry as conventions; generalised JS at its default weight."""


def references() -> Mapping[str, Convention]:
    """Every convention that has a name."""
    return LOSS_CONVENTIONS | {name: loss.convention for name, loss in CONVENTIONS.items()}


def known_as(convention: Convention) -> tuple[str, ...]:
    """The names of the references that compute the same.

    Parameters
    ----------
    convention : Convention
        What a loss computes, such as the one that `diagnose` found.

    Returns
    -------
    tuple of str
        Losses of the registry and keys of `CONVENTIONS`, in alphabetical order; branches count, padding does not.

    Examples
    --------
    >>> from kdref.conformance import distillation_convention
    >>> known_as(distillation_convention(reduction="mean"))
    ('deit', 'haitongli', 'takd', 'tf-kd')
    """
    return tuple(sorted(name for name, known in references().items() if _same(known, convention)))


def _same(first: Convention, second: Convention) -> bool:
    """Whether two conventions have the same values, also where they branch."""
    ends = [{(b.parameter, b.value): b.terms for b in c.branches} for c in (first, second)]
    return (
        ends[0].keys() == ends[1].keys()
        and first.equals(second, tolerance=SAME)
        and all(
            Convention(terms).equals(Convention(ends[1][place]), tolerance=SAME)
            for place, terms in ends[0].items()
        )
    )


def reference(name: str) -> Convention:
    """A convention by name.

    Raises
    ------
    ValueError
        If nothing is called that; the message lists the names.
    """
    known = references()
    return known[_checks.choice("against", name, tuple(known))]
