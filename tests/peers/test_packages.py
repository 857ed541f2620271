"""What CONVENTIONS says of an installable package is what the package returns."""

import importlib.metadata
import inspect
from typing import Any

import numpy as np
import pytest

from kdref.conformance.diagnosis.calls.frameworks import framework
from kdref.conformance.diagnosis.calls.signature import by_keyword
from kdref.conformance.libraries import CONVENTIONS
from tests.peers.packages import PACKAGES

pytestmark = pytest.mark.peers

RELATIVE = 1e-12
"""Both compute in double precision on moderate logits."""

SINGLE_RELATIVE = 1e-6
"""Where a package casts to single precision itself; values here are sums of a few terms of size 1."""

IN_SINGLE = {
    "keras-logits",
    "keras-logits-kl",
    "liger-jsd",
    "torchtune",
    "torchtune-reverse",
    "torchtune-symmetric",
    "trl-distillation",
    "tunix",
}

SETTINGS = [(3, 5, 2.3, 0.35), (4, 3, 1.7, 0.8), (2, 7, 4.5, 0.0), (5, 4, 3.0, 1.0)]


def test_every_package_that_is_said_to_be_run_is_run() -> None:
    said = {name for name, loss in CONVENTIONS.items() if loss.proof == "run"}
    assert said == set(PACKAGES)


@pytest.mark.parametrize("name", PACKAGES)
def test_parameters_are_those_that_the_entry_maps(name: str) -> None:
    taken = set(inspect.signature(PACKAGES[name].function).parameters)
    entry = CONVENTIONS[name]
    assert {"temperature", "alpha"} & taken == {
        parameter for parameter in ("temperature", "alpha") if getattr(entry, parameter)
    }


@pytest.mark.filterwarnings("ignore")  # the packages' own
@pytest.mark.parametrize("name", PACKAGES)
def test_package_returns_what_its_convention_says(name: str) -> None:
    tolerance = SINGLE_RELATIVE if name in IN_SINGLE else RELATIVE
    for seed, (n, c, temperature, alpha) in enumerate(SETTINGS):
        rng = np.random.default_rng(seed)
        student, teacher = rng.normal(size=(2, n, c)) * 2.0
        labels = rng.integers(0, c, n)
        got = published(name, student, teacher, labels, temperature, alpha)
        expected = CONVENTIONS[name].convention(
            student, teacher, labels, temperature=temperature, alpha=alpha
        )
        np.testing.assert_allclose(got, expected, rtol=tolerance, err_msg=version(name))


def version(name: str) -> str:
    """What the entry is about, and what is installed: a newer release may have changed its loss."""
    entry = CONVENTIONS[name]
    installed = importlib.metadata.version(entry.package)
    return f"the entry is about {entry.package} {entry.version}, and {installed} is installed"


PADDED = [
    name
    for name, peer in PACKAGES.items()
    if CONVENTIONS[name].convention.ignore_index is not None
    and "y" in inspect.signature(peer.function).parameters
]
"""Losses that are given padding by its label; another takes a mask."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PADDED)
def test_padding_is_ignored_where_the_entry_says_so(name: str) -> None:
    ignored = CONVENTIONS[name].convention.ignore_index
    rng = np.random.default_rng(7)
    student, teacher = rng.normal(size=(2, 5, 4))
    labels = np.array([0, ignored, 3, ignored, 1])
    kept = labels != ignored
    whole = published(name, student, teacher, labels, 2.0, 0.3)
    rest = published(name, student[kept], teacher[kept], labels[kept], 2.0, 0.3)
    np.testing.assert_allclose(whole, rest, rtol=SINGLE_RELATIVE)


def published(
    name: str, student: Any, teacher: Any, labels: Any, temperature: float, alpha: float
) -> float:
    """One call of the package in double precision, a mean where it returns rows."""
    peer = PACKAGES[name]
    arrays = framework(peer.framework)
    call, _ = by_keyword(peer.function)
    s, t = (arrays.array(z, "float64") for z in (student, teacher))
    result = call(peer.function, s, t, arrays.labels(labels), temperature, alpha)
    return float(arrays.numpy(result).mean())
