"""Judges other people's distillation losses: what formula they compute, and what is wrong with it.

`Convention`
    What a loss computes, as immutable data: a tuple of ``(Weight, Term)``, branches at special values, and the
    label of ignored rows.  ``convention(student_logits, teacher_logits, labels, *, temperature, alpha)`` evaluates
    it, ``str(convention)`` prints it as text, ``convention.latex()`` as LaTeX, ``convention.equals(other)`` compares
    two on fixed random inputs, ``convention.ratio_to(other)`` gives the constant factor between them (or None).
`distillation_convention`
    Makes one of the usual form from words: divergence, temperatures of both sides, power of T, reduction, weights.
`HINTON`
    The reference.
`CONVENTIONS`
    What public libraries and repositories return, by name: a mapping of `PublishedLoss`, each with its version, its
    convention, and how it is known.
`conversion`
    How a convention follows from `distillation_loss`: a factor, an alpha, a temperature, an offset.
`known_as`
    The names of the published losses that compute the same as a convention.
`diagnose`, `assert_agrees`
    Find the formula of a callable; the report says what differs, what that changes and how to repair it.
`vector_names`, `load_vectors`, `notes`
    Test vectors for any language: inputs with their expected value and gradient, and what each of their flags means.
`run_vectors`, `summary`
    Give the vectors of a file to a callable; an `Outcome` says what it made of each.
"""

from kdref.conformance.convention import HINTON as HINTON
from kdref.conformance.convention import Branch as Branch
from kdref.conformance.convention import Convention as Convention
from kdref.conformance.convention import distillation_convention as distillation_convention
from kdref.conformance.conversion import Conversion as Conversion
from kdref.conformance.conversion import conversion as conversion
from kdref.conformance.diagnosis import assert_agrees as assert_agrees
from kdref.conformance.diagnosis import diagnose as diagnose
from kdref.conformance.distributions import Distribution as Distribution
from kdref.conformance.libraries import CONVENTIONS as CONVENTIONS
from kdref.conformance.libraries import PublishedLoss as PublishedLoss
from kdref.conformance.references import known_as as known_as
from kdref.conformance.report import CODES as CODES
from kdref.conformance.report import Finding as Finding
from kdref.conformance.report import Report as Report
from kdref.conformance.runner import Outcome as Outcome
from kdref.conformance.runner import run_vectors as run_vectors
from kdref.conformance.runner import summary as summary
from kdref.conformance.terms import Floor as Floor
from kdref.conformance.terms import Term as Term
from kdref.conformance.vectors import Answer as Answer
from kdref.conformance.vectors import Group as Group
from kdref.conformance.vectors import Note as Note
from kdref.conformance.vectors import Vector as Vector
from kdref.conformance.vectors import VectorFile as VectorFile
from kdref.conformance.vectors import load_vectors as load_vectors
from kdref.conformance.vectors import notes as notes
from kdref.conformance.vectors import vector_names as vector_names
from kdref.conformance.weights import Monomial as Monomial
from kdref.conformance.weights import Weight as Weight
from kdref.conformance.weights import weight as weight
