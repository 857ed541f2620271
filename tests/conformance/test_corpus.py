"""The diagnosis measured: random losses with planted mistakes, and losses in the style of public code."""

from typing import Any

import numpy as np
import pytest

from kdref.conformance import diagnose
from tests.conformance.corpus import by_hand_numpy
from tests.conformance.corpus.random_losses import make
from tests.conformance.corpus.scoring import UNJUDGED, score

N_RANDOM = 500
IDENTIFIED, EXACT = 0.99, 0.98


def diagnosed(loss: Any, framework: Any) -> Any:
    report = diagnose(loss, framework=framework)
    return report.verdict, report.codes - UNJUDGED


def test_a_few_random_losses_are_read_exactly() -> None:
    rng = np.random.default_rng(20261124)
    for seed in range(4):
        recipe = make(rng)
        result = score(recipe, seed)
        assert result.identified, recipe
        assert result.exact, (recipe, result)


@pytest.mark.slow
def test_random_losses_are_identified_and_read_without_false_accusation() -> None:
    rng = np.random.default_rng()  # fresh each time; a failure prints its recipes
    recipes = [make(rng) for _ in range(N_RANDOM)]
    scores = [score(recipe, seed) for seed, recipe in enumerate(recipes)]
    failed = [
        (r, s) for r, s in zip(recipes, scores, strict=True) if not (s.identified and s.exact)
    ]
    accused = [(r, s) for r, s in failed if s.extra]
    assert sum(s.identified for s in scores) >= IDENTIFIED * N_RANDOM, failed
    assert sum(s.exact for s in scores) >= EXACT * N_RANDOM, failed
    assert not accused


@pytest.mark.slow
@pytest.mark.parametrize("name", by_hand_numpy.CASES)
def test_a_loss_in_the_style_of_public_numpy_code_is_read_exactly(name: Any) -> None:
    loss, codes = by_hand_numpy.CASES[name]
    verdict, found = diagnosed(loss, "numpy")
    assert found == (codes or frozenset())
    assert (verdict == "unknown") == (codes is None)


@pytest.mark.slow
@pytest.mark.peers
def test_losses_in_the_style_of_public_torch_code_are_read_exactly() -> None:
    pytest.importorskip("torch")
    from tests.conformance.corpus import by_hand_torch

    wrong = {}
    for name, (loss, codes) in by_hand_torch.CASES.items():
        verdict, found = diagnosed(loss, "torch")
        expected = codes or frozenset()
        if found != expected or (verdict == "unknown") != (codes is None):
            wrong[name] = (verdict, found, codes)
    assert wrong == {}
