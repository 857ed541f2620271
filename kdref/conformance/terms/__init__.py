"""The terms that a distillation loss is made of, each as data."""

from kdref.conformance.terms.floors import FLOORS as FLOORS
from kdref.conformance.terms.floors import Floor as Floor
from kdref.conformance.terms.kind import Kind as Kind
from kdref.conformance.terms.kinds import KINDS as KINDS
from kdref.conformance.terms.term import Term as Term
from kdref.conformance.terms.term import columns as columns
from kdref.conformance.terms.term import value as value
