"""Finds the formula that a callable computes, and what is wrong with it.

`calls`
    Frameworks, inputs, and the box in which somebody's loss is called.
`search`
    From values to a formula: candidates, sparse fits, the laws of weights.
`checks`
    What a formula does not show: large logits, ends and branches, gradients, padding, precision.
`reading`
    From a formula to codes.
"""

from kdref.conformance.diagnosis.entry import accepted as accepted
from kdref.conformance.diagnosis.entry import assert_agrees as assert_agrees
from kdref.conformance.diagnosis.entry import diagnose as diagnose
from kdref.conformance.report.report import PARTS as PARTS
