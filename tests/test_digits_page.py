"""The page on teacher and student shows the committed run, and its sentences hold for that run."""

import dataclasses
import json
from typing import Any

import pytest

from kdref.experiments import REGIMES, tuned_settings
from kdref.experiments.regimes import CORRECTED, DECISIONS, DISTILLED, HARD, division_sizes
from kdref.experiments.settings import tuned_accuracy
from tests.benchmarks import digits, page


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(digits.RESULT.read_text(encoding="utf-8"))
    return loaded


def gain(results: dict[str, Any], regime: str, first: str, second: str) -> dict[str, float]:
    (found,) = [
        pair["first_minus_second"]["accuracy"]
        for pair in results["regimes"][regime]["differences"]
        if (pair["first"], pair["second"]) == (first, second)
    ]
    return dict(found)


def test_tables_are_those_of_the_result_file(results: dict[str, Any]) -> None:
    text = digits.PAGE.read_text(encoding="utf-8")
    filled = page.filled(text, digits.tables(results))
    assert filled == text, "run: python -m tests.benchmarks.digits"
    assert all(f"<!-- table: {name} -->" in text for name in digits.tables(results))
    assert f"({digits.GRAPH.name})" in text
    assert digits.GRAPH.stat().st_size > 5000


def test_the_run_is_of_the_committed_settings(results: dict[str, Any]) -> None:
    assert list(results["regimes"]) == list(REGIMES)
    assert results["images"] == division_sizes()
    for name, regime in results["regimes"].items():
        assert len(regime["seeds"]) == 10
        assert regime["settings"] == {
            network: dataclasses.asdict(settings)
            for network, settings in tuned_settings(name).items()
        }, "run kdref distil again"
        assert regime["validation_accuracy"] == tuned_accuracy(name)


def test_the_sentences_hold_for_the_run(results: dict[str, Any]) -> None:
    few, decided = (gain(results, "few_labels", DISTILLED, other) for other in (HARD, DECISIONS))
    assert few["low"] > 0.0
    assert decided["low"] > 0.0
    assert decided["mean"] < 0.3 * few["mean"]  # most of the gain is the decisions'
    everything = gain(results, "all_labels", DISTILLED, HARD)
    assert everything["low"] < 0.0 < everything["high"]
    assert results["regimes"]["all_labels"]["settings"][DISTILLED]["temperature"] == 1.0
    assert gain(results, "small_relu", DISTILLED, HARD)["high"] < 0.0
    figures = results["regimes"]["small_relu"]["validation_accuracy"]
    assert figures[DISTILLED] > figures[HARD]
    assert gain(results, "missing_class", DISTILLED + CORRECTED, HARD + CORRECTED)["low"] > 0.0
    recalls = {
        name: summary["recall"]["mean"]
        for name, summary in results["regimes"]["missing_class"]["networks"].items()
    }
    assert recalls[HARD] == 0.0 < recalls[DISTILLED] < recalls[DISTILLED + CORRECTED]
    assert 0.0 < recalls[HARD + CORRECTED] < recalls[DISTILLED + CORRECTED]
