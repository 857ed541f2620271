"""The working precision, and the argument for it.

Take a term of any formula here: a float64 input, or a difference of two of them, times factors of at most
1.  It lies below 2^1025, so rounding it to 2400 bits costs at most 2^-1375.  The smallest float64 above zero
is 2^-1074, and a result that is barely subnormal is still known to 300 bits:

    1025 (largest input) + 1074 (smallest result) + 300 (what is left to round correctly) = 2399.

The same 2400 bits hold any sum of two float64 exactly (2^1024 against 2^-1074: 2098 bits), so differences of
logits are exact, and 1 + x keeps 1300 bits of every x that float64 can express.  Sixty digits, a popular choice, are
not enough: with two logits 130 apart the second one moves log-sum-exp in its 57th digit.

Rows of 100,000 classes would take minutes at that precision.  They are drawn from ordinary logits, whose
results lie within 2^-100 .. 2^20, and 400 bits leave the same margin of about 300.

Neither argument is taken on trust: `tests/test_oracle.py` repeats the work at doubled precision.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import gmpy2

BITS = 2400
BITS_FOR_MANY_CLASSES = 400
MANY_CLASSES = 20_000


def bits_for(n_classes: int) -> int:
    """The working precision for rows of that length."""
    return BITS if n_classes < MANY_CLASSES else BITS_FOR_MANY_CLASSES


@contextmanager
def working_precision(bits: int = BITS) -> Iterator[None]:
    """Everything of the oracle that runs inside is done with this many bits."""
    with gmpy2.context(
        precision=bits, emax=gmpy2.get_emax_max(), emin=gmpy2.get_emin_min(), subnormalize=False
    ):
        yield
