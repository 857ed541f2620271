"""Which words a code gets where its own do not fit: beside another code, or for the hard term."""

from kdref.conformance.diagnosis.reading.parts import Reading

BESIDE = {
    ("T_SQUARED_MISSING", "STUDENT_NOT_SOFTENED"): "no square for a student at 1",
    ("CROSS_ENTROPY_NOT_KL", "KL_REVERSED"): "cross entropy of the student",
    ("KL_REVERSED", "CROSS_ENTROPY_NOT_KL"): "reversed without the student's entropy",
}
"""Variants by a code and another one that is found with it."""

IN_HARD = {
    "SOFTMAX_NOT_LOG": "probabilities in the hard term",
    "NO_SOFTMAX": "logits in the hard term",
}
"""Variants of codes that the hard term has and no soft one."""


def choose_words(reading: Reading) -> None:
    """Note the variants of the codes that were found."""
    for (code, other), variant in BESIDE.items():
        if {code, other} <= reading.codes:
            reading.variants[code] = variant
    for code in reading.in_hard - reading.in_soft:
        reading.variants[code] = IN_HARD[code]
