"""Words that depend on where a code stands: beside another code, or in the hard term."""

from collections.abc import Set as AbstractSet

from kdref.conformance.report.codes import CODES, Code

BESIDE: dict[tuple[str, str], dict[str, str]] = {
    ("T_SQUARED_MISSING", "STUDENT_NOT_SOFTENED"): {
        "changes": "nothing yet: the gradients of a student at temperature 1 do not fade; once its logits are divided "
        "by T they do, as 1/T^2",
    },
    ("CROSS_ENTROPY_NOT_KL", "KL_REVERSED"): {
        "changes": "the student's entropy is missing, and with it a part of the gradient",
        "leaves": "nothing",
    },
    ("KL_REVERSED", "CROSS_ENTROPY_NOT_KL"): {
        "changes": "without the student's entropy the optimum is the teacher's largest class alone",
        "leaves": "nothing",
    },
}
"""By a code and another one that is found with it: what the first then says."""

IN_HARD = {"SOFTMAX_NOT_LOG": "hard = {ce}", "NO_SOFTMAX": "hard = {ce}, of logits"}
"""Repairs of the hard term, for codes that the soft term can have as well."""


def worded(
    name: str, beside: AbstractSet[str], in_hard: AbstractSet[str], in_soft: AbstractSet[str]
) -> Code:
    """A code as it should be read beside others, with the repair of the term that has it."""
    code = CODES[name]
    for (about, other), words in BESIDE.items():
        if about == name and other in beside:
            code = code._replace(**words)
    if name in in_hard and name in IN_HARD:
        repair = f"{code.repair}; {IN_HARD[name]}" if name in in_soft else IN_HARD[name]
        code = code._replace(repair=repair)
    return code
