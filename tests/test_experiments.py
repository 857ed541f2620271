import dataclasses
import json
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdref import datasets, experiments, network
from kdref.divergences import kl_divergence_from_logits
from kdref.experiments import (
    REGIMES,
    Interval,
    RegimeResult,
    Settings,
    best_correction,
    bootstrap_interval,
    class_similarity,
    confusion,
    corrected,
    forward_seconds,
    load_run,
    run_experiment,
    run_seed,
    save_run,
    score,
    tuned_settings,
    tuning,
)
from kdref.experiments import regimes as regimes_module
from kdref.experiments.distillation import train_student
from kdref.experiments.measures import RESAMPLES
from kdref.experiments.regimes import (
    CORRECTED,
    DECISIONS,
    DISTILLED,
    HARD,
    TEACHER,
    divide,
    division_sizes,
    held_out_images,
    pose,
)
from kdref.experiments.settings import tuned_accuracy, tuning_results
from kdref.experiments.workers import THREAD_VARIABLES, available_cores, run_tasks
from kdref.network import Parameters, forward
from kdref.probabilities import softmax
from kdref.training import accuracy
from tests.strategies import SOME, logits, seeds
from tests.worker_tasks import die, environment_of, fail_or_wait

BRIEF = Settings(learning_rate=0.01, weight_decay=0.0, n_epochs=1, batch_size=256)
BRIEFLY: Mapping[str, Mapping[str, Settings]] = {
    name: {
        TEACHER: BRIEF,
        HARD: BRIEF,
        DECISIONS: BRIEF,
        DISTILLED: dataclasses.replace(BRIEF, temperature=2.0, alpha=1.0),
    }
    for name in REGIMES
}
"""Settings that train hardly at all, for what does not depend on how well."""

ALL = tuple(REGIMES.values())


def numbers(parameters: Parameters) -> list[float]:
    return [float(x) for layer in parameters for array in layer for x in array.ravel()]


# Measures


def test_score_by_hand() -> None:
    # Decisions 0, 1, 1, 0 against labels 0, 1, 0, 1 and the teacher's 0, 1, 1, 1; of the 1s one is found.
    network_logits = np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 2.0], [2.0, 0.0]])
    teacher = np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 2.0], [0.0, 2.0]])
    scores = score(network_logits, teacher, np.array([0, 1, 0, 1]), missing_class=1, correction=0.5)
    # KL is 0 but for the last row, where the two have exchanged their probabilities: 2 tanh 1.
    assert scores.kl_to_teacher == pytest.approx(2.0 * np.tanh(1.0) / 4.0, rel=1e-14)
    assert (scores.accuracy, scores.agreement, scores.recall) == (0.5, 0.75, 0.5)
    assert scores.correction == 0.5


def test_a_teacher_agrees_with_itself() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 4))
    scores = score(rows, rows, np.zeros(20, np.intp))
    assert (scores.agreement, scores.kl_to_teacher, scores.recall) == (1.0, 0.0, None)


@SOME
@given(logits((12, 4)), st.lists(st.integers(0, 3), min_size=12, max_size=12), st.integers(0, 3))
def test_best_correction_is_as_good_as_any_on_a_fine_grid(
    rows: Any, labels: list[int], missing: int
) -> None:
    ids = np.array(labels)
    found = accuracy(corrected(rows, missing, best_correction(rows, ids, missing)), ids)
    # Logits lie within +-16 on a grid of 1/2048, and so do their differences, within +-32.
    tried = np.random.default_rng(0).uniform(-33.0, 33.0, 200)
    assert found >= max(accuracy(corrected(rows, missing, by), ids) for by in tried)
    assert found >= accuracy(rows, ids)


def test_best_correction_is_zero_where_none_is_needed() -> None:
    rows = np.array([[3.0, 0.0], [0.0, 3.0]])
    assert best_correction(rows, np.array([0, 1]), 1) == 0.0


def test_best_correction_takes_the_smallest_of_equally_good_intervals() -> None:
    # Leads of class 0 over 1: -2 (a 0), 1 (a 1), 5 (a 0), 6 (a 1).  Right decisions for corrections below -2... :
    # below -2: 2; -2..1: 1 (as without any); 1..5: 2; 5..6: 1; above 6: 2.  The interval 1..5 is nearest to 0
    # by its middle 3; below -2 the middle is -2.5, which is nearer still.
    rows = np.array([[-2.0, 0.0], [1.0, 0.0], [5.0, 0.0], [6.0, 0.0]])
    assert best_correction(rows, np.array([0, 1, 0, 1]), 1) == -2.5


def test_corrected_changes_one_column_of_a_copy() -> None:
    rows = np.zeros((2, 3))
    assert corrected(rows, 1, 2.5).tolist() == [[0.0, 2.5, 0.0], [0.0, 2.5, 0.0]]
    assert not rows.any()


@SOME
@given(logits((9, 3)), st.floats(0.5, 8.0))
def test_class_similarity_averages_the_soft_labels_of_each_class(
    rows: Any, temperature: float
) -> None:
    labels = np.array([0, 1, 2] * 3)
    similarity = class_similarity(rows, labels, temperature=temperature)
    np.testing.assert_allclose(similarity.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(
        similarity.mean(axis=0), softmax(rows, temperature).mean(axis=0), rtol=1e-12
    )


@SOME
@given(logits((12, 4)), st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_confusion_counts_every_image_once(rows: Any, labels: list[int]) -> None:
    ids = np.array(labels)
    counts = confusion(rows, ids)
    assert counts.sum(axis=1).tolist() == np.bincount(ids, minlength=4).tolist()
    assert counts.trace() / 12 == pytest.approx(accuracy(rows, ids))


@SOME
@given(st.lists(st.floats(-1.0, 1.0), min_size=2, max_size=12), st.floats(-5.0, 5.0))
def test_bootstrap_interval_moves_with_the_values(values: list[float], shift: float) -> None:
    plain = bootstrap_interval(values)
    moved = bootstrap_interval([value + shift for value in values])
    assert plain.mean == pytest.approx(np.mean(values), abs=1e-12)
    assert min(values) - 1e-12 <= plain.low <= plain.mean + 1e-12
    assert plain.mean - 1e-12 <= plain.high <= max(values) + 1e-12
    for a, b in zip(dataclasses.astuple(plain), dataclasses.astuple(moved), strict=True):
        assert b == pytest.approx(a + shift, abs=1e-9)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 1], r"number of examples of each class must be > 0, got 0.0 at index 2"),
        ([0, 1, 3], r"labels must lie in 0 \.\. 2, got 3 at index 2"),
        ([0, 1], r"labels must have shape \(3,\), one entry a row"),
    ],
)
def test_class_similarity_refuses_labels_that_leave_a_row_empty(
    labels: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        class_similarity(np.eye(3), labels, temperature=1.0)


def test_confusion_refuses_a_class_that_is_none() -> None:
    with pytest.raises(ValueError, match=r"labels must lie in 0 \.\. 2, got 5 at index 1"):
        confusion(np.eye(3), np.array([0, 5, 1]))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], r"values must have at least one entry, got shape \(0,\)"),
        ([[1.0, 2.0]], r"values must have shape \(2,\), one entry a row, got \(1, 2\)"),
    ],
)
def test_bootstrap_interval_refuses_what_is_no_list_of_values(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(values)


def test_bootstrap_interval_of_two_values_is_that_of_the_binomial() -> None:
    # A resample holds 0, 1 or 2 ones with probabilities 1/4, 1/2, 1/4: both tails are wider than 2.5 %.
    assert bootstrap_interval([0.0, 1.0]) == Interval(mean=0.5, low=0.0, high=1.0)


def test_bootstrap_interval_of_many_values_is_about_the_normal_one() -> None:
    values = np.random.default_rng(1).normal(size=400)
    interval = bootstrap_interval(values.tolist())
    half = 1.96 * values.std() / 20.0
    # The ends are quantiles of RESAMPLES means, known to about 2.7 sd / sqrt(RESAMPLES) = 1.4 % of `half`.
    assert interval.low == pytest.approx(values.mean() - half, abs=4.0 * 0.014 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=4.0 * 0.014 * half)
    assert RESAMPLES == 10_000


def test_forward_seconds_is_longer_for_more_work() -> None:
    rng, inputs = np.random.default_rng(0), np.ones((500, 64))
    small, large = (
        forward_seconds(
            network.initialise((64, width, 10), rng=rng), inputs, activation="relu", repetitions=15
        )
        for width in (8, 2000)
    )
    assert 0.0 < small < large


# Who sees what


@SOME
@given(seeds, st.integers(0, 9))
def test_the_test_images_are_the_same_for_every_seed_and_seen_by_nobody(
    seed: int, repetition: int
) -> None:
    division, other = divide((seed, repetition)), divide((0, 0))
    everything = np.concatenate([division.train, division.validation, division.test])
    assert sorted(everything.tolist()) == list(range(1797))
    np.testing.assert_array_equal(division.test, other.test)
    assert division_sizes() == {"train": 809, "validation": 269, "test": 719}


def rows_of(inputs: Any) -> set[bytes]:
    return {row.tobytes() for row in inputs}


@pytest.mark.parametrize("regime", ALL, ids=lambda regime: regime.name)
def test_a_problem_holds_no_test_image_and_no_validation_image_to_train_on(regime: Any) -> None:
    # No two of the 1,797 images are equal, so that their bytes name them.
    problem = pose(regime, (5, 1))
    trained = (
        rows_of(problem.teacher_inputs)
        | rows_of(problem.labelled_inputs)
        | rows_of(problem.transfer_inputs)
    )
    assert not trained & rows_of(problem.validation_inputs)
    assert not (trained | rows_of(problem.validation_inputs)) & rows_of(held_out_images()[0])


def test_with_few_labels_teacher_and_student_share_them_and_the_rest_has_none() -> None:
    problem = pose(REGIMES["few_labels"], (5, 1))
    assert np.bincount(problem.labels).tolist() == [5] * 10
    np.testing.assert_array_equal(problem.labelled_inputs, problem.teacher_inputs)
    np.testing.assert_array_equal(problem.labels, problem.teacher_labels)
    assert problem.transfer_labels is None
    assert len(problem.transfer_inputs) == 809


def test_with_a_missing_class_only_the_teacher_sees_it() -> None:
    problem = pose(REGIMES["missing_class"], (5, 1))
    assert problem.transfer_labels is not None
    assert 3 not in problem.labels
    assert 3 not in problem.transfer_labels
    assert (problem.teacher_labels == 3).sum() + len(problem.labels) == 809


def test_other_seeds_draw_other_images_and_other_labels() -> None:
    first, second = (pose(REGIMES["few_labels"], (5, k)) for k in (1, 2))
    assert rows_of(first.teacher_inputs) != rows_of(second.teacher_inputs)
    assert rows_of(first.transfer_inputs) != rows_of(second.transfer_inputs)


# One seed


@pytest.fixture(scope="module")
def counted() -> list[tuple[int, int]]:
    """What the callback of `brief` was called with."""
    return []


@pytest.fixture(scope="module")
def brief(counted: list[tuple[int, int]]) -> dict[str, RegimeResult]:
    return run_experiment(
        ALL, BRIEFLY, seed=3, n_seeds=2, callback=lambda done, total: counted.append((done, total))
    )


def test_students_begin_with_the_same_weights_and_see_what_their_name_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    regime = REGIMES["few_labels"]
    problem = pose(regime, (3, 0))
    teacher = network.initialise((64, 200, 200, 10), rng=np.random.default_rng(0))
    calls: list[tuple[Any, ...]] = []
    module = experiments.distillation
    monkeypatch.setattr(module, "train", lambda *a, **k: calls.append((*a, k)))
    monkeypatch.setattr(module, "distil", lambda *a, **k: calls.append((*a, k)))
    for kind in (HARD, DECISIONS, DISTILLED):
        settings = BRIEFLY[regime.name][kind]
        train_student(kind, regime, problem, settings, teacher, (3, 0))
    hard, decisions, distilled = calls
    assert numbers(hard[0]) == numbers(decisions[0]) == numbers(distilled[0])
    said = forward(teacher, problem.transfer_inputs).logits
    np.testing.assert_array_equal(hard[1], problem.labelled_inputs)
    np.testing.assert_array_equal(hard[2], problem.labels)
    np.testing.assert_array_equal(decisions[1], problem.transfer_inputs)
    np.testing.assert_array_equal(decisions[2], said.argmax(axis=1))
    np.testing.assert_array_equal(distilled[1], problem.transfer_inputs)
    np.testing.assert_array_equal(distilled[2], said)
    assert distilled[3] is None
    assert (distilled[4]["temperature"], distilled[4]["alpha"]) == (2.0, 1.0)


def test_a_regime_gives_the_same_alone_as_among_others(brief: dict[str, RegimeResult]) -> None:
    [alone] = run_seed([REGIMES["missing_class"]], (3, 1), BRIEFLY)
    among = brief["missing_class"].seeds[1]
    assert alone.scores == among.scores
    assert alone.histories == among.histories
    assert {name: numbers(p) for name, p in alone.parameters.items()} == {
        name: numbers(p) for name, p in among.parameters.items()
    }


def test_regimes_with_all_labels_share_their_teacher(brief: dict[str, RegimeResult]) -> None:
    teachers = {
        name: numbers(result.seeds[0].parameters[TEACHER]) for name, result in brief.items()
    }
    assert teachers["all_labels"] == teachers["small_relu"] == teachers["missing_class"]
    assert teachers["few_labels"] != teachers["all_labels"]


def test_scores_are_those_of_the_networks_on_the_test_images(
    brief: dict[str, RegimeResult],
) -> None:
    single = brief["missing_class"].seeds[0]
    inputs, labels = held_out_images()
    teacher = forward(single.parameters[TEACHER], inputs).logits
    student = forward(single.parameters[DISTILLED], inputs, activation="tanh").logits
    scores = single.scores[DISTILLED]
    assert scores.accuracy == accuracy(student, labels)
    assert scores.agreement == accuracy(student, teacher.argmax(axis=1))
    assert scores.kl_to_teacher == np.mean(kl_divergence_from_logits(teacher, student))
    assert scores.recall == accuracy(student[labels == 3], labels[labels == 3])
    problem = pose(REGIMES["missing_class"], (3, 0))
    seen = forward(
        single.parameters[DISTILLED], problem.validation_inputs, activation="tanh"
    ).logits
    by = best_correction(seen, problem.validation_labels, 3)
    after = single.scores[DISTILLED + CORRECTED]
    assert after.correction == by
    assert after.accuracy == accuracy(corrected(student, 3, by), labels)
    assert single.scores[TEACHER].agreement == 1.0
    np.testing.assert_array_equal(single.confusions[DISTILLED], confusion(student, labels))
    np.testing.assert_allclose(
        single.similarity, class_similarity(teacher, labels, temperature=4.0), rtol=1e-14
    )


def test_no_choice_depends_on_the_test_images(monkeypatch: pytest.MonkeyPatch) -> None:
    # With nonsense in the place of the test images and their labels, every network and every correction stays.
    before = run_seed(ALL, (3, 0), BRIEFLY)
    digits = datasets.load_digits()
    test = divide((0, 0)).test
    images, labels = digits.images.copy(), digits.labels.copy()
    images[test] = np.random.default_rng(0).integers(0, 17, images[test].shape)
    nonsense = dataclasses.replace(digits, images=images, labels=labels)
    monkeypatch.setattr(regimes_module, "load_digits", lambda: nonsense)
    after = run_seed(ALL, (3, 0), BRIEFLY)
    for a, b in zip(before, after, strict=True):
        assert {name: numbers(p) for name, p in a.parameters.items()} == {
            name: numbers(p) for name, p in b.parameters.items()
        }
        assert a.histories == b.histories
        assert [s.correction for s in a.scores.values()] == [
            s.correction for s in b.scores.values()
        ]
        assert a.scores != b.scores


# Many seeds


def test_run_experiment_summarises_its_seeds(brief: dict[str, RegimeResult]) -> None:
    assert list(brief) == list(REGIMES)
    for result in brief.values():
        assert [single.seed for single in result.seeds] == [(3, 0), (3, 1)]
        for name, summary in result.networks.items():
            scores = [single.scores[name] for single in result.seeds]
            assert summary.accuracy == bootstrap_interval([each.accuracy for each in scores])
            assert summary.kl_to_teacher == bootstrap_interval(
                [each.kl_to_teacher for each in scores]
            )
        for (first, second), summary in result.differences.items():
            pairs = [(s.scores[first], s.scores[second]) for s in result.seeds]
            assert summary.accuracy == bootstrap_interval(
                [a.accuracy - b.accuracy for a, b in pairs]
            )
            assert summary.agreement == bootstrap_interval(
                [a.agreement - b.agreement for a, b in pairs]
            )


def test_the_comparisons_are_those_that_a_regime_has(brief: dict[str, RegimeResult]) -> None:
    assert {name: list(result.differences) for name, result in brief.items()} == {
        "few_labels": [(DISTILLED, HARD), (DISTILLED, DECISIONS)],
        "all_labels": [(DISTILLED, HARD)],
        "small_relu": [(DISTILLED, HARD)],
        "missing_class": [(DISTILLED, HARD), (DISTILLED + CORRECTED, HARD + CORRECTED)],
    }
    missing, few = brief["missing_class"], brief["few_labels"]
    assert missing.networks[HARD].recall is not None
    assert missing.networks[HARD].correction is None
    assert missing.networks[HARD + CORRECTED].correction is not None
    assert few.networks[HARD].recall is None


def test_sizes_are_counted_and_times_measured(brief: dict[str, RegimeResult]) -> None:
    few, relu = brief["few_labels"], brief["small_relu"]
    assert (few.teacher_size.sizes, few.teacher_size.n_parameters) == ((64, 200, 200, 10), 55_210)
    assert (few.student_size.sizes, few.student_size.n_parameters) == ((64, 8, 10), 610)
    assert relu.student_size.n_parameters == 64 * 6 + 6 + 6 * 10 + 10
    assert 0.0 < few.student_size.forward_seconds < few.teacher_size.forward_seconds


def test_pictures_are_drawn_from_all_seeds(brief: dict[str, RegimeResult]) -> None:
    result = brief["missing_class"]
    assert result.total_confusion(HARD).sum() == 2 * 719
    np.testing.assert_allclose(result.mean_similarity().sum(axis=1), 1.0, rtol=1e-12)
    curve = result.mean_curve(HARD)
    histories = [single.histories[HARD].validation_accuracy for single in result.seeds]
    assert curve is not None
    assert histories[0] is not None
    assert histories[1] is not None
    assert curve.tolist() == [(histories[0][0] + histories[1][0]) / 2.0]


@pytest.mark.usefixtures("brief")
def test_the_callback_counts_the_tasks(counted: list[tuple[int, int]]) -> None:
    # Two seeds times two groups of regimes: those with few labels, those with all.
    assert counted == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_results_do_not_depend_on_the_processes(brief: dict[str, RegimeResult]) -> None:
    parallel = run_experiment([REGIMES["few_labels"]], BRIEFLY, seed=3, n_seeds=2, n_workers=2)
    # One thread or several may add up a product in another order.
    for one, other in zip(parallel["few_labels"].seeds, brief["few_labels"].seeds, strict=True):
        for name in one.parameters:
            np.testing.assert_allclose(
                numbers(one.parameters[name]), numbers(other.parameters[name]), rtol=0, atol=1e-8
            )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed must be >= 0, got -1"),
        ({"n_seeds": 1}, "n_seeds must be >= 2, got 1"),
        ({"n_workers": -1}, "n_workers must be >= 0, got -1"),
    ],
)
def test_run_experiment_names_what_is_wrong(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_experiment(ALL, BRIEFLY, **options)


def test_tasks_run_in_other_processes_with_one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    tasks = [(number, THREAD_VARIABLES) for number in (3, 4, 5)]
    results = dict(run_tasks(environment_of, tasks, n_workers=2))
    assert {number: square for number, (square, _, _) in results.items()} == {0: 9, 1: 16, 2: 25}
    assert os.getpid() not in {process for _, process, _ in results.values()}
    assert all(values == ["1"] * 4 for _, _, values in results.values())
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_an_error_in_a_worker_is_raised_and_ends_the_others_at_once() -> None:
    before, begin = set(multiprocessing.active_children()), time.perf_counter()
    with pytest.raises(FloatingPointError, match="the loss must stay finite"):
        list(run_tasks(fail_or_wait, [1, 0, 2, 3], n_workers=2))
    for process in set(multiprocessing.active_children()) - before:
        process.join()
    assert time.perf_counter() - begin < 50.0


def test_a_worker_that_is_killed_is_an_error_and_not_an_endless_wait() -> None:
    with pytest.raises(BrokenProcessPool):
        list(run_tasks(die, [1, 2], n_workers=2))


def test_without_workers_tasks_run_here_and_in_order() -> None:
    results = list(run_tasks(environment_of, [(3, ()), (4, ())], n_workers=0))
    assert [(number, square) for number, (square, _, _) in results] == [(0, 9), (1, 16)]
    assert {process for _, (_, process, _) in results} == {os.getpid()}


def test_available_cores_counts_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert available_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1


# Saved and loaded


@pytest.fixture
def saved(tmp_path: Path, brief: dict[str, RegimeResult]) -> Path:
    chosen = {name: brief[name] for name in ("few_labels", "missing_class")}
    save_run(tmp_path / "run", chosen, seed=3)
    return tmp_path / "run"


def test_a_saved_run_is_scored_the_same_when_it_is_loaded(
    saved: Path, brief: dict[str, RegimeResult]
) -> None:
    seed, regimes, loaded = load_run(saved)
    assert (seed, [regime.name for regime in regimes], len(loaded)) == (
        3,
        ["few_labels", "missing_class"],
        2,
    )
    again = run_experiment(regimes, BRIEFLY, seed=seed, n_seeds=2, loaded=loaded)
    for name, result in again.items():
        assert result.networks == brief[name].networks
        assert result.differences == brief[name].differences
        assert result.mean_curve(HARD) is None


def test_a_saved_run_has_readable_names(saved: Path) -> None:
    assert sorted(str(path.relative_to(saved)) for path in saved.rglob("*.*"))[:5] == [
        "few_labels/0-distilled.npz",
        "few_labels/0-hard-labels.npz",
        "few_labels/0-teacher.npz",
        "few_labels/0-teachers-decisions.npz",
        "few_labels/1-distilled.npz",
    ]


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("{", "run.json must name seed, n_seeds and regimes, got JSONDecodeError"),
        ('{"seed": 1}', "run.json must name seed, n_seeds and regimes, got KeyError"),
        ("[1]", "run.json must name seed, n_seeds and regimes, got TypeError"),
        ('{"seed": 1, "n_seeds": 1, "regimes": ["few_labels"]}', "run.json must describe a run of"),
        ('{"seed": true, "n_seeds": 2, "regimes": ["few_labels"]}', "must describe a run of"),
        ('{"seed": 1, "n_seeds": 2, "regimes": []}', "must describe a run of few_labels, all_"),
        ('{"seed": 1, "n_seeds": 2, "regimes": ["none"]}', r"got .*\['none'\]"),
        ('{"seed": 1, "n_seeds": 2, "regimes": "few_labels"}', "must describe a run of"),
    ],
)
def test_load_run_refuses_a_description_that_is_none(
    saved: Path, contents: str, message: str
) -> None:
    (saved / "run.json").write_text(contents, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_run(saved)


def test_load_run_refuses_another_network(saved: Path) -> None:
    path = saved / "few_labels" / "1-distilled.npz"
    for sizes, dtype, found in (
        ((64, 9, 10), "float64", r"float64 of \(64, 9, 10\)"),
        ((64, 8, 10), "float32", r"float32 of \(64, 8, 10\)"),
    ):
        wrong = network.initialise(sizes, rng=np.random.default_rng(0), dtype=dtype)
        network.save_parameters(path, wrong)
        with pytest.raises(ValueError, match=rf"widths \(64, 8, 10\), got {found}"):
            load_run(saved)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"1-distilled\.npz"):
        load_run(saved)


# The tuning

TINY = tuning.Plan(
    n_seeds=2,
    teacher_epochs=(1, 2),
    student_epochs=(2, 10),
    teacher={
        "learning_rate": (0.003,),
        "weight_decay": (0.0,),
        "batch_size": (256,),
        "dropout": (0.0, 0.5),
    },
    student={"learning_rate": (0.01, 0.1), "weight_decay": (0.0,), "batch_size": (256,)},
    temperatures=(1.0, 4.0),
    alpha=0.9,
    widths=(4,),
)


@pytest.fixture(scope="module")
def tiny() -> dict[str, Any]:
    return tuning.tune(TINY, n_workers=0)


def test_checkpoints_are_spread_evenly_and_end_with_the_last_epoch() -> None:
    assert tuning.checkpoints(100) == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    assert tuning.checkpoints(15) == [2, 3, 5, 6, 8, 9, 11, 12, 14, 15]
    assert tuning.checkpoints(2) == [1, 2]


def test_choose_takes_the_best_figure_at_the_earliest_epoch() -> None:
    trials = [dataclasses.replace(BRIEF, n_epochs=20, batch_size=size) for size in (1, 2, 3)]
    mean = np.zeros((3, 10))
    mean[[0, 1, 2], [7, 4, 4]] = 0.9
    choice = tuning.choose(trials, mean)
    assert choice.settings == dataclasses.replace(BRIEF, n_epochs=10, batch_size=2)
    assert choice.validation_accuracy == 0.9
    assert choice.trials[0]["validation_accuracy"][7] == 0.9


def test_choose_takes_figures_that_differ_by_rounding_alone_for_equal() -> None:
    trials = [dataclasses.replace(BRIEF, n_epochs=20, batch_size=size) for size in (1, 2)]
    mean = np.full((2, 10), 0.9)
    mean[1, 9] = np.nextafter(0.9, 1.0)
    assert tuning.choose(trials, mean).settings == dataclasses.replace(trials[0], n_epochs=2)


@pytest.mark.parametrize("regime", ALL, ids=lambda regime: regime.name)
def test_every_way_of_training_a_student_has_the_same_trials(regime: Any) -> None:
    shared = ("learning_rate", "weight_decay", "batch_size")
    first, *others = (
        [
            tuple(getattr(settings, name) for name in shared)
            for settings in tuning.trials(tuning.FULL, regime, kind)
        ]
        for kind in regime.students
    )
    assert others == [first] * len(others)
    assert len(set(first)) == 12
    epochs = {
        kind: tuning.trials(tuning.FULL, regime, kind)[0].n_epochs for kind in regime.students
    }
    # On 50 labels an epoch is one or two steps, so that four times as many are allowed.
    few = regime.labels_per_class is not None
    assert epochs == {kind: 400 if few and kind == HARD else 100 for kind in regime.students}


@pytest.mark.parametrize("name", ["weight_decay", "batch_size"])
def test_each_temperature_is_tried_as_often_with_each_value(name: str) -> None:
    trials = tuning.trials(tuning.FULL, REGIMES["all_labels"], DISTILLED)
    pairs = Counter((settings.temperature, getattr(settings, name)) for settings in trials)
    assert set(pairs.values()) == {2}
    assert len(pairs) == 3 * 2
    rates = {(settings.temperature, settings.learning_rate) for settings in trials}
    assert len(rates) == 3 * 3


def test_a_distilled_student_has_labels_only_where_the_regime_has_them() -> None:
    alphas = {
        name: {settings.alpha for settings in tuning.trials(tuning.FULL, regime, DISTILLED)}
        for name, regime in REGIMES.items()
    }
    assert alphas == {
        "few_labels": {1.0},
        "all_labels": {0.9},
        "small_relu": {0.9},
        "missing_class": {1.0},
    }


def test_the_tuning_chooses_what_was_best_on_the_validation_images(tiny: dict[str, Any]) -> None:
    assert set(tiny["chosen"]) == set(REGIMES)
    for name, networks in tiny["chosen"].items():
        for network_name, chosen in networks.items():
            trials = tiny["trials"][name][network_name]
            figures = [max(trial["validation_accuracy"]) for trial in trials]
            assert tiny["validation_accuracy"][name][network_name] == max(figures)
            winner = trials[int(np.argmax(figures))]
            assert {key: chosen[key] for key in chosen if key != "n_epochs"} == {
                key: winner[key] for key in chosen if key != "n_epochs"
            }


def test_a_trials_figure_is_the_mean_validation_accuracy_of_a_training(
    tiny: dict[str, Any],
) -> None:
    # Training as the experiments do, with a student's first trial: the same figures come out.
    regime, trial = REGIMES["missing_class"], tiny["trials"]["missing_class"][HARD][0]
    teacher = Settings(**tiny["chosen"]["missing_class"][TEACHER])
    settings = Settings(**{key: trial[key] for key in trial if key != "validation_accuracy"})
    figures = []
    for repetition in range(2):
        seed = (tuning.SEED, repetition)
        problem = pose(regime, seed)
        student = train_student(
            HARD, regime, problem, settings, [(np.zeros((64, 10)), np.zeros(10))], seed
        )
        seen = forward(student.parameters, problem.validation_inputs, activation="tanh").logits
        by = best_correction(seen, problem.validation_labels, 3)
        figures.append(accuracy(corrected(seen, 3, by), problem.validation_labels))
    assert trial["validation_accuracy"][-1] == round(np.mean(figures), 6)
    assert teacher.n_epochs == 1


def test_the_tuning_never_looks_at_a_test_image(
    tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = datasets.load_digits()
    images, labels = digits.images.copy(), digits.labels.copy()
    test = divide((0, 0)).test
    images[test] = 0
    nonsense = dataclasses.replace(digits, images=images)
    monkeypatch.setattr(regimes_module, "load_digits", lambda: nonsense)
    plan = dataclasses.replace(TINY, widths=())
    assert {**tuning.tune(plan, n_workers=0), "students": 0, "plan": 0} == {
        **tiny,
        "students": 0,
        "plan": 0,
    }
    assert labels.any()


def test_the_tuning_compares_students_of_both_activations(tiny: dict[str, Any]) -> None:
    assert [(row["activation"], row["hidden"]) for row in tiny["students"]] == [
        ("relu", 4),
        ("tanh", 4),
    ]
    kinds = (HARD, DISTILLED)
    assert all(0.0 < row[kind] < 1.0 for row in tiny["students"] for kind in kinds)


def test_the_tuning_is_ready_for_json(tiny: dict[str, Any]) -> None:
    again = json.loads(json.dumps(tiny))
    assert again["chosen"] == tiny["chosen"]
    assert Settings(**again["chosen"]["few_labels"][DISTILLED]).alpha == 1.0


# The committed result of the tuning


def test_the_committed_tuning_is_of_the_plan_that_the_script_has() -> None:
    plan = json.loads(json.dumps(dataclasses.asdict(tuning.FULL)))
    assert tuning_results()["plan"] == plan
    assert tuning_results()["seed"] == tuning.SEED


@pytest.mark.parametrize("regime", ALL, ids=lambda regime: regime.name)
def test_the_committed_choices_are_the_best_of_the_committed_trials(regime: Any) -> None:
    for name, settings in tuned_settings(regime.name).items():
        trials = tuning_results()["trials"][regime.name][name]
        figures = np.array([trial["validation_accuracy"] for trial in trials])
        candidates = tuning.trials(tuning.FULL, regime, name)
        choice = tuning.choose(candidates, figures)
        assert settings == choice.settings
        assert tuned_accuracy(regime.name)[name] == choice.validation_accuracy
        assert [
            {key: trial[key] for key in trial if key != "validation_accuracy"} for trial in trials
        ] == [dataclasses.asdict(candidate) for candidate in candidates]


def test_teachers_of_the_same_labels_have_the_same_settings() -> None:
    teachers = {name: tuned_settings(name)[TEACHER] for name in REGIMES}
    assert teachers["all_labels"] == teachers["small_relu"] == teachers["missing_class"]
