"""Values and gradients of the losses that are written down batch by batch.

A gradient is a difference quotient, with a step that takes a third of the working precision: no derivative is written
down here.
"""

from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

from tests.oracle import features, logits
from tests.oracle.arrays import exact
from tests.oracle.precision import BITS, working_precision

FORMULAS = {**logits.FORMULAS, **features.FORMULAS}

HOLDING = {"weighted_soft_label"}
"""Losses whose gradient holds something of the student's constant."""


def value_and_gradient(
    name: str, first: Any, *others: Any, bits: int = BITS, **named: Any
) -> tuple[float, NDArray[Any]]:
    """The loss and its gradient with respect to ``first``, rounded once."""
    with working_precision(bits):
        student, *rest = (exact(array) for array in (first, *others))
        keywords = {k: exact(v) if isinstance(v, np.ndarray) else v for k, v in named.items()}
        if name in HOLDING:
            keywords["held"] = student

        def formula(x: Any) -> Any:
            return FORMULAS[name](x, *rest, **keywords)

        value = formula(student)
        step = gmpy2.exp2(gmpy2.mpfr(-bits // 3))
        gradient = np.empty(student.shape)
        for index in np.ndindex(student.shape):
            ahead = student.copy()
            ahead[index] += step
            gradient[index] = float((formula(ahead) - value) / step)
        return float(value), gradient
