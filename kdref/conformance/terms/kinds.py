"""Every kind of term that is known, by name."""

from kdref.conformance.terms.hard_kinds import HARD_KINDS
from kdref.conformance.terms.kind import Kind
from kdref.conformance.terms.soft_kinds import SOFT_KINDS

KINDS: dict[str, Kind] = SOFT_KINDS | HARD_KINDS
"""Kinds by name: row values, name in a report, formula as text."""
