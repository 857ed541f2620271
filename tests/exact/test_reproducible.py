"""The digits of kdref.exact are the same on every machine: other vector instructions, other versions of NumPy."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from tests.exact.digest import digest

DIGEST = "afe129a684c590b8b6bf6376ad31cce58821f7cb1d8e1220c691c50068adf249"
"""Made once with ``python -m tests.exact.digest``; every supported version of NumPy must return it."""

REPORT = """
import numpy as np
from tests.exact.digest import digest
print(*np.show_config(mode="dicts")["SIMD Extensions"].get("found", []))
print(digest())
"""


def optional_instructions() -> list[str]:
    """The instruction sets beyond its baseline that NumPy uses on this machine."""
    configuration: Any = np.show_config(mode="dicts")
    return list(configuration["SIMD Extensions"].get("found", []))


def test_digits_are_those_of_every_other_machine() -> None:
    assert digest() == DIGEST


def test_digits_do_not_depend_on_the_vector_instructions() -> None:
    instructions = optional_instructions()
    if not instructions:
        pytest.skip("NumPy uses no optional instructions here, so that none can be switched off")
    switched_off = {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(instructions)}
    report = subprocess.run(
        [sys.executable, "-c", REPORT], env=switched_off, check=True, capture_output=True, text=True
    )
    still_on, number = report.stdout.split("\n")[:2]
    assert still_on == ""
    assert number == DIGEST
