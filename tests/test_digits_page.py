"""The page on teacher and student shows the committed run, and its sentences hold for that run."""

import dataclasses
import json
from typing import Any

import pytest

from kdref.experiments import REGIMES, bootstrap_interval, tuned_settings
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
        assert len(regime["seeds"]) == 30
        assert regime["settings"] == {
            network: dataclasses.asdict(settings)
            for network, settings in tuned_settings(name).items()
        }, "run kdref distil again"
        assert regime["validation_accuracy"] == tuned_accuracy(name)


def accuracies(results: dict[str, Any], regime: str, first: str, second: str) -> list[float]:
    """Of each repetition the difference."""
    return [
        seed[first]["accuracy"] - seed[second]["accuracy"]
        for seed in results["regimes"][regime]["seeds"]
    ]


def test_the_sentences_about_few_labels_hold_for_the_run(results: dict[str, Any]) -> None:
    few, decided = (gain(results, "few_labels", DISTILLED, other) for other in (HARD, DECISIONS))
    assert few["low"] > 0.0
    assert decided["mean"] < 0.1 * few["mean"]  # the decisions bring nearly all of it
    assert decided["low"] < 0.0 < decided["high"]
    of_ten = accuracies(results, "few_labels", DISTILLED, DECISIONS)[:10]
    assert bootstrap_interval(of_ten).low > 0.0
    networks = results["regimes"]["few_labels"]["networks"]
    kl = {name: summary["kl_to_teacher"]["mean"] for name, summary in networks.items()}
    assert kl[DISTILLED] < 0.5 * kl[DECISIONS]


def test_the_sentences_about_all_labels_hold_for_the_run(results: dict[str, Any]) -> None:
    everything = gain(results, "all_labels", DISTILLED, HARD)
    assert everything["low"] < 0.0 < everything["high"]
    assert results["regimes"]["all_labels"]["settings"][DISTILLED]["temperature"] == 1.0
    assert gain(results, "small_relu", DISTILLED, HARD)["high"] < 0.0
    figures = results["regimes"]["small_relu"]["validation_accuracy"]
    assert figures[DISTILLED] > figures[HARD]
    differences = accuracies(results, "small_relu", DISTILLED, HARD)
    assert sum(difference < 0.0 for difference in differences) > 20
    assert 1 <= sum(difference < -0.05 for difference in differences) <= 5
    seeds = results["regimes"]["small_relu"]["seeds"]
    for name in (HARD, DISTILLED):
        assert 1 <= sum(seed[name]["accuracy"] < 0.83 for seed in seeds) <= 6


def test_the_sentences_about_the_missing_class_hold_for_the_run(results: dict[str, Any]) -> None:
    before = gain(results, "missing_class", DISTILLED, HARD)
    after = gain(results, "missing_class", DISTILLED + CORRECTED, HARD + CORRECTED)
    assert 0.0 < before["low"] < before["high"] < after["low"]
    recalls = {
        name: summary["recall"]["mean"]
        for name, summary in results["regimes"]["missing_class"]["networks"].items()
    }
    assert recalls[HARD] == 0.0 < recalls[DISTILLED] < recalls[DISTILLED + CORRECTED]
    assert 1.9 < recalls[DISTILLED + CORRECTED] / recalls[HARD + CORRECTED] < 2.2
