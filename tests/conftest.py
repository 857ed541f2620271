"""What every test run shares: seeds, the drawing back-end, and the code blocks of the README and the docs.

A default run draws the same random inputs each time. ``KDREF_SEED=12345 python -m pytest`` draws other ones, more of
them, and says in its header how to repeat a failure.
"""

import os
from pathlib import Path

import hypothesis
import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

# Set before anything imports matplotlib: no test opens a window.
os.environ["MPLBACKEND"] = "Agg"
# Set before anything imports NumPy: the tests' matrices are small, and threads that wait for each other take longer.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

SEED = os.environ.get("KDREF_SEED")
ROOT = Path(__file__).parents[1]

# How quickly inputs are drawn depends on what else the machine does: no deadline, and no health check of the time.
UNHURRIED = hypothesis.settings(
    deadline=None, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("default", UNHURRIED, derandomize=True)
hypothesis.settings.register_profile("ci", UNHURRIED, max_examples=300, print_blob=True)
hypothesis.settings.load_profile("ci" if SEED else "default")


class MarkdownBlocks:
    """Collects the ``python`` blocks of Markdown files, wherever they are.

    A conftest's own hook would only see the files below its folder.
    """

    def __init__(self) -> None:
        self.pytest_collect_file = Sybil(
            parsers=[PythonCodeBlockParser(), SkipParser()], patterns=["*.md"], path=str(ROOT)
        ).pytest()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(MarkdownBlocks())


def pytest_report_header() -> str:
    return f"random inputs: KDREF_SEED={SEED}" if SEED else "random inputs: the same in each run"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SEED and isinstance(item, pytest.Function) and hypothesis.is_hypothesis_test(item.obj):
            hypothesis.seed(int(SEED))(item.obj)
