"""Probabilities and divergences against SciPy, on inputs where both are accurate."""

from typing import Any

import numpy as np
import pytest

import kdref

pytestmark = pytest.mark.peers

# Both sides compute in float64 on moderate logits: sums of ten terms of size 1, each off by a few ulp.
RELATIVE = 1e-12

STUDENT, TEACHER = np.random.default_rng(20150309).normal(scale=3.0, size=(2, 16, 10))


@pytest.fixture(scope="module")
def special() -> Any:
    return pytest.importorskip("scipy.special", reason="needs the extra 'peers'")


def test_probabilities_agree_with_scipy(special: Any) -> None:
    np.testing.assert_allclose(
        kdref.softmax(TEACHER), special.softmax(TEACHER, axis=1), rtol=RELATIVE
    )
    np.testing.assert_allclose(
        kdref.log_softmax(TEACHER), special.log_softmax(TEACHER, axis=1), rtol=RELATIVE
    )
    np.testing.assert_allclose(
        kdref.logsumexp(TEACHER), special.logsumexp(TEACHER, axis=1), rtol=RELATIVE
    )


def test_divergences_agree_with_scipy(special: Any) -> None:
    p, q = kdref.softmax(TEACHER), kdref.softmax(STUDENT)
    np.testing.assert_allclose(kdref.entropy(p), special.entr(p).sum(axis=1), rtol=RELATIVE)
    np.testing.assert_allclose(
        kdref.kl_divergence(p, q), special.rel_entr(p, q).sum(axis=1), rtol=RELATIVE
    )
