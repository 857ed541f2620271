"""The blockwise path against the teaching functions, class by class; its memory, threads and errors."""

import inspect
import math
import os
import re
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kdref import softmax
from kdref.blockwise import _work, separable_losses, value_and_grad
from kdref.blockwise._batch import Block, checked_batch, loss_parameters
from kdref.blockwise._fast import (
    COLUMNS,
    ROUNDOFF,
    TOLERANCE,
    Outcome,
    Powers,
    Scratch,
    Target,
    fast_formula,
    have_an_entry_of,
    is_sure,
    sum_steps,
    value_bound,
)
from kdref.blockwise._threads import SPANS, available_cores, in_order
from kdref.registry import LOSSES
from tests.accuracy_inputs import CLASSES, Case, seed
from tests.looping import for_each

AGREEMENT = 1e-12
"""Promised between the two paths, relative to the value and to the gradient's largest entry of a row."""

FAST = ("forward_kl", "reverse_kl", "soft_cross_entropy", "distillation")
NAMES = [
    name
    for name, entry in LOSSES.items()
    if entry.row_separable and set(entry.inputs) <= {"student_logits", "teacher_logits", "labels"}
]


def inputs_of(name: str, case: Case) -> dict[str, Any]:
    """What the loss takes of a case."""
    given = {
        "student_logits": case.student,
        "teacher_logits": case.teacher,
        "labels": case.labels,
    }
    return {key: given[key] for key in LOSSES[name].inputs}


def parameters_of(name: str, case: Case) -> dict[str, Any]:
    """The example values of the registry, at the temperature of the case."""
    parameters: dict[str, Any] = dict(LOSSES[name].parameters)
    return (
        {**parameters, "temperature": case.temperature}
        if "temperature" in parameters
        else parameters
    )


def batch_for(name: str, n_rows: int = 6, n_classes: int = 4, seed: int = 5) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    student, teacher = rng.normal(0.0, 2.0, (2, n_rows, n_classes))
    given = {
        "student_logits": student,
        "teacher_logits": teacher,
        "labels": rng.integers(n_classes, size=n_rows),
    }
    return {key: given[key] for key in LOSSES[name].inputs}


each_class = for_each((class_name, {"class_name": class_name}) for class_name in CLASSES)


def exactly(message: str) -> str:
    return f"^{re.escape(message)}$"


# ---------------------------------------------------------------------------- agreement


def test_value_and_grad_by_hand() -> None:
    # p = (3/4, 1/4), q = (1/2, 1/2) in the first row, which weighs three times the second, where p = q.
    teacher, student = np.log([[3.0, 1.0], [1.0, 1.0]]), np.log([[1.0, 1.0], [1.0, 1.0]])
    result = value_and_grad("forward_kl", student, teacher, weights=[3.0, 1.0], temperature=1.0)
    assert result.value == pytest.approx(0.75 * (0.75 * math.log(3.0) - math.log(2.0)), rel=1e-14)
    assert result.gradient == pytest.approx(np.array([[-0.1875, 0.1875], [0.0, 0.0]]), rel=1e-14)
    assert result.rows_recomputed == 1


def agrees_row_by_row(name: str, class_name: str, n_rows: int, chosen_seed: int) -> None:
    """Value and gradient of each row, or the error, are those of the teaching functions."""
    case = CLASSES[class_name](np.random.default_rng(chosen_seed), np.float64, n_rows)
    parameters = parameters_of(name, case)
    for row in range(n_rows):
        inputs = {key: array[row : row + 1] for key, array in inputs_of(name, case).items()}
        try:
            expected = LOSSES[name].value(**inputs, **parameters)
            gradient = LOSSES[name].grad(**inputs, **parameters)
        except ValueError as error:
            with pytest.raises(ValueError, match=f"^{re.escape(str(error))}$"):
                value_and_grad(name, **inputs, **parameters)
            continue
        got = value_and_grad(name, **inputs, **parameters)
        assert got.value == pytest.approx(expected, rel=AGREEMENT, abs=0.0)
        assert math.copysign(1.0, got.value) == math.copysign(1.0, expected)
        largest = abs(gradient).max()
        np.testing.assert_allclose(got.gradient, gradient, rtol=0.0, atol=AGREEMENT * largest)


@each_class
@pytest.mark.parametrize("name", NAMES)
def test_value_and_grad_agrees_row_by_row_with_the_teaching_functions(
    name: str, class_name: str
) -> None:
    # Two rows, because some classes have two kinds of row.
    agrees_row_by_row(name, class_name, 2, seed())


SWEEP_SEED = seed(fresh=True)


@pytest.mark.slow
@each_class
@pytest.mark.parametrize("name", NAMES)
def test_value_and_grad_agrees_row_by_row_on_fresh_inputs(name: str, class_name: str) -> None:
    agrees_row_by_row(name, class_name, 20, SWEEP_SEED)


def agrees_at(noise: float, name: str, n_rows: int, n_classes: int, chosen_seed: int) -> None:
    """The same for students this far from their teacher."""
    rng = np.random.default_rng(chosen_seed)
    teacher = rng.normal(0.0, 3.0, (n_rows, n_classes))
    student = teacher + noise * rng.normal(size=teacher.shape)
    labels = teacher.argmax(axis=1)
    given = {"student_logits": student, "teacher_logits": teacher, "labels": labels}
    for row in range(n_rows):
        inputs = {key: given[key][row : row + 1] for key in LOSSES[name].inputs}
        got = value_and_grad(name, **inputs, temperature=2.0)
        expected = LOSSES[name].value(**inputs, temperature=2.0)
        gradient = LOSSES[name].grad(**inputs, temperature=2.0)
        assert got.value == pytest.approx(expected, rel=AGREEMENT, abs=0.0)
        np.testing.assert_allclose(
            got.gradient, gradient, rtol=0.0, atol=AGREEMENT * abs(gradient).max()
        )


def powers(rows: list[list[float]], temperature: float = 1.0) -> Powers:
    logits = np.array(rows, np.float32)
    return Powers(logits, temperature, np.empty(logits.shape))


@pytest.mark.parametrize(
    ("rows", "temperature", "shift", "reach"),
    [
        # Zero lies among the logits: no shift, and the reach is the larger of the row's top and the block's bottom.
        ([[1.0, -2.0], [3.0, 0.0]], 2.0, [[0.0]], [1.0, 1.5]),
        ([[0.0, 1.0], [2.0, 3.0]], 1.0, [[0.0]], [1.0, 3.0]),
        ([[0.0, -1.0], [-2.0, -3.0]], 1.0, [[0.0]], [3.0, 3.0]),
        # It does not: all are shifted by the largest.
        ([[4.0, 5.0], [3.0, 2.0]], 1.0, [[5.0]], [3.0, 3.0]),
        ([[-5.0, -4.0], [-3.0, -2.5]], 0.5, [[-2.5]], [5.0, 5.0]),
        ([[0.5, 3.0], [1.0, 2.0]], 1.0, [[3.0]], [2.5, 2.5]),
        ([[500.0, 400.0], [450.0, 420.0]], 1.0, [[500.0]], [100.0, 100.0]),
        # Up to 600 times the temperature that will do; beyond it each row has its own shift and bottom.
        ([[600.0, 0.0], [1.0, 0.0]], 1.0, [[0.0]], [600.0, 1.0]),
        ([[1100.0, 0.0], [1.0, 0.0]], 2.0, [[0.0]], [550.0, 0.5]),
        ([[601.0, 0.0], [1.0, -2.0]], 1.0, [[601.0], [1.0]], [601.0, 3.0]),
        ([[0.0, -601.0], [1.0, -2.0]], 1.0, [[0.0], [1.0]], [601.0, 3.0]),
        ([[1202.0, 2.0], [1.0, 1.5]], 2.0, [[1202.0], [1.5]], [600.0, 0.25]),
    ],
)
def test_powers_are_shifted_no_more_than_they_need(
    rows: list[list[float]], temperature: float, shift: list[list[float]], reach: list[float]
) -> None:
    got = powers(rows, temperature)
    assert got.shift.tolist() == shift
    assert got.shift.dtype == got.reach.dtype == np.float64
    assert got.reach.tolist() == reach
    assert got.place.tolist() == np.argmax(rows, axis=1).tolist()
    tops = np.max(rows, axis=1) - got.shift[:, 0]
    assert got.largest == pytest.approx(np.exp(tops / temperature), rel=1e-12)


# In units of roundoff, for two classes: 41 steps of a sum, reaches of 3 and 1, logarithms of -1 and 2.
@pytest.mark.parametrize(
    ("value", "offset", "units"),
    [
        # tv 1, sizes 2 + 2 + 4: 5 * 3 * (4 + 4) + 91 * 8 + 86 + 4 * 3.
        (2.0, -4.0, 946.0),
        # tv 1/2, sizes 1/2 + 1 + 1: 5 * 3 * (2 + 1) + 91 * 5/2 + 98.
        (0.5, 1.0, 370.5),
        # tv is at most 1, sizes 8 + 2: 5 * 3 * (4 + 16) + 91 * 10 + 98.
        (8.0, 0.0, 1308.0),
        # Rounded below 0, so tv 0, sizes -1/2 + 1: 5 * 3 * -1 + 91 * 1/2 + 98.
        (-0.5, 1.0, 128.5),
    ],
)
def test_bound_of_a_value_by_hand(value: float, offset: float, units: float) -> None:
    weighing, other = powers([[0.0, -3.0]]), powers([[0.0, -1.0]])
    weighing.total[:], other.total[:] = math.exp(-1.0), math.exp(2.0)
    bound = value_bound(np.array([value]), np.array([offset]), weighing, other)
    assert bound / ROUNDOFF == pytest.approx([units])
    assert value_bound(np.array([value]), np.array([offset]), other, weighing) == bound


def test_bound_of_a_probability_by_hand() -> None:
    # 10 * 3 for the exponents, 41 for the sum, 6 besides; the largest probability is e / 4.
    side = powers([[1.0, -3.0]])
    side.total[:] = 4.0
    assert side.relative_error() / ROUNDOFF == pytest.approx([77.0])
    assert side.probability_error() / ROUNDOFF == pytest.approx([77.0 * math.e / 4.0])


def test_value_is_sure_up_to_the_tolerance_itself_and_only_if_it_is_finite() -> None:
    values = np.array([1.0, 1.0, math.inf, math.nan, -1.0])
    errors = np.array([TOLERANCE, 1.001 * TOLERANCE, 1.0, 0.0, 0.0])
    assert is_sure(values, errors).tolist() == [True, False, False, False, False]


def test_largest_entry_of_a_gradient_is_found_wherever_it_stands() -> None:
    q, p = powers([[1.0, 0.0, 0.0]] * 5), powers([[0.0, 1.0, 0.0]] * 5)
    # At the student's top, at the teacher's, elsewhere with either sign; in the last row it is too small.
    gradient = np.array(
        [[-2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 1.0, 2.0], [0.0, 1.0, -2.0], [1.9, -1.9, 1.9]]
    )
    least = np.full(5, 2.0)
    assert have_an_entry_of(least, gradient, q, p).tolist() == [True] * 4 + [False]


@pytest.mark.parametrize(("lead", "recomputed"), [(3.3, 0), (3.55, 1)])
def test_hard_term_is_left_to_the_teaching_functions_when_it_is_small(
    lead: float, recomputed: int
) -> None:
    # A cross entropy of log(1 + e^-lead) against 3 (10 lead + 47) roundoffs, of which 0.9e-12 may be lost:
    # 0.0362 and 240, and 0.0283 and 247.5.
    result = value_and_grad("distillation", [[lead, 0.0]], [[lead, 0.0]], [0], alpha=0.0)
    assert result.rows_recomputed == recomputed
    assert result.value == pytest.approx(math.log1p(math.exp(-lead)), rel=AGREEMENT)


@pytest.mark.parametrize(
    ("shape", "with_labels", "dtype", "rows", "lessons", "threads"),
    [
        # 30 MiB are 31,457,280 bytes.  A lesson of 32 rows takes 5,120,000 of the quarter for lessons, which holds one;
        # of the 26,337,280 left a row takes 24,000 (32,000 with labels, 32,000 for float16): 262 rows, 4 or 3 threads.
        ((5000, 1000), False, np.float32, 262, 1, 4),
        ((5000, 1000), True, np.float32, 262, 1, 3),
        ((5000, 1000), False, np.float16, 262, 1, 3),
        # Small arrays make four blocks, or blocks of 65,536 entries, or one.
        ((1000, 1000), False, np.float32, 250, 1, 4),
        ((100, 1000), False, np.float32, 65, 1, 16),
        ((20, 1000), False, np.float32, 20, 1, 54),
        # A lesson of one row takes 20,520,960; a row 2,576,384, with labels 3,602,432: 10,936,320 hold 4 or 3.
        ((500, 128_256), False, np.float32, 2, 1, 2),
        ((500, 128_256), True, np.float32, 1, 1, 3),
        # 3,276 rows of ten make a lesson of 5,241,600; a row takes 240.
        ((10**6, 10), False, np.float64, 26_214, 1, 4),
        # Rows of 20,000 make lessons of one, 3,200,000, of which a quarter of the memory holds two.
        ((500, 20_000), False, np.float64, 13, 2, 4),
    ],
)
def test_blocks_and_threads_stay_within_the_memory(
    shape: tuple[int, int],
    with_labels: bool,
    dtype: type[np.floating],
    rows: int,
    lessons: int,
    threads: int,
) -> None:
    logits = np.broadcast_to(np.zeros(1, dtype), shape)
    labels = np.zeros(shape[0], int) if with_labels else None
    entry = LOSSES["distillation"]
    batch = checked_batch(entry, logits, logits, labels, None)
    work = _work.Work(entry, {"temperature": 2.0, "alpha": 1.0}, batch, np.empty((0, 0), dtype))
    assert work.rows_at_once == rows
    assert work.n_blocks == math.ceil(shape[0] / rows)
    assert work.teaching._value == lessons
    assert work.most_threads == threads


def test_loss_without_a_fast_formula_may_use_any_number_of_threads_and_recomputes_nothing() -> None:
    inputs = batch_for("generalised_js")
    entry = LOSSES["generalised_js"]
    batch = checked_batch(entry, **inputs, labels=None, weights=None)
    options = loss_parameters(entry, {})
    assert _work.Work(entry, options, batch, np.empty((6, 4))).most_threads == SPANS
    assert value_and_grad("generalised_js", **inputs).rows_recomputed == 0


@pytest.mark.parametrize("n_rows", [300, 2000])
def test_recomputed_rows_of_all_blocks_are_counted(
    n_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_work, "ENTRIES", 64)
    monkeypatch.setattr(_work, "TAUGHT", 20)
    inputs = batch_for("forward_kl", n_rows=n_rows)
    inputs["student_logits"] = inputs["teacher_logits"].copy()
    inputs["student_logits"][:, 0] += 1e-6
    result = value_and_grad("forward_kl", **inputs)
    assert result.rows_recomputed == n_rows
    expected = LOSSES["forward_kl"].value(**inputs)
    assert result.value == pytest.approx(expected, rel=AGREEMENT, abs=0.0)


def test_block_without_weights_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_work, "ENTRIES", 64)
    inputs = batch_for("forward_kl", n_rows=300)
    weights = np.ones(300)
    weights[32:64] = 0.0  # two blocks of sixteen rows
    result = value_and_grad("forward_kl", **inputs, weights=weights)
    kept = {key: a[weights > 0.0] for key, a in inputs.items()}
    assert result.value == pytest.approx(LOSSES["forward_kl"].value(**kept), rel=AGREEMENT)
    assert result.rows_recomputed == value_and_grad("forward_kl", **kept).rows_recomputed
    assert not result.gradient[32:64].any()


def test_sum_over_more_classes_than_fit_a_piece_takes_one_more_step_for_each_piece() -> None:
    assert [sum_steps(n) for n in (1, COLUMNS, COLUMNS + 1, 3 * COLUMNS)] == [41, 41, 42, 43]


def test_scratch_has_no_third_buffer_unless_a_term_needs_it() -> None:
    shapes = [
        [a.shape for a in vars(Scratch.allocate(2, COLUMNS + 5, labelled=labelled)).values()]
        for labelled in (False, True)
    ]
    whole, work = (2, COLUMNS + 5), (2, COLUMNS)
    assert shapes == [[whole, whole, (0, 0), work], [whole, whole, whole, work]]


def mixed_batch(n_rows: int, chosen_seed: int) -> dict[str, NDArray[Any]]:
    """Rows of all classes of ten logits in one batch: what is large in one row must not spoil another."""
    cases = [draw(np.random.default_rng(chosen_seed), np.float64, n_rows) for draw in TENS]
    return {
        "student_logits": np.concatenate([case.student for case in cases]),
        "teacher_logits": np.concatenate([case.teacher for case in cases]),
        "labels": np.concatenate([case.labels for case in cases]),
    }


TENS = [draw for name, draw in CLASSES.items() if name not in ("C1", "C2", "C1000")]


@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("name", FAST)
def test_rows_that_a_fast_formula_vouches_for_are_within_its_tolerance(
    name: str, temperature: float
) -> None:
    batch = mixed_batch(6, seed())
    inputs = {key: batch[key] for key in LOSSES[name].inputs}
    options = {**loss_parameters(LOSSES[name], {}), "temperature": temperature}
    formula = fast_formula(LOSSES[name], options, has_labels="labels" in inputs)
    assert formula is not None
    n_rows, n_classes = inputs["student_logits"].shape
    numbers, ones = np.arange(n_rows), np.ones(n_rows)
    labels = inputs.get("labels")
    block = Block(numbers, inputs["student_logits"], inputs["teacher_logits"], labels, ones)
    target = Target(np.empty((n_rows, n_classes)), ones)
    with np.errstate(all="ignore"):
        outcome = formula(
            block, target, Scratch.allocate(n_rows, n_classes, labelled=labels is not None)
        )
    assert outcome.sure.any()
    assert not outcome.sure.all()
    for row in np.flatnonzero(outcome.sure):
        one = {key: array[row : row + 1] for key, array in inputs.items()}
        value = LOSSES[name].value(**one, temperature=temperature)
        gradient = LOSSES[name].grad(**one, temperature=temperature)
        assert outcome.values[row] == pytest.approx(value, rel=AGREEMENT, abs=0.0)
        np.testing.assert_allclose(
            target.out[row], gradient[0], rtol=0.0, atol=AGREEMENT * abs(gradient).max()
        )


@pytest.mark.parametrize("name", FAST)
def test_value_and_grad_recomputes_only_the_rows_that_are_far_out(name: str) -> None:
    inputs = batch_for(name, n_rows=40, n_classes=50)
    alone = value_and_grad(name, **inputs)
    assert alone.rows_recomputed == 0
    inputs["student_logits"][7] *= 1e6  # beyond what exponents without a shift may be
    got = value_and_grad(name, **inputs)
    assert got.rows_recomputed == 1
    others = np.arange(40) != 7
    np.testing.assert_allclose(got.gradient[others], alone.gradient[others], rtol=1e-11)
    shifted = {key: a + 1e3 if a.dtype == np.float64 else a for key, a in inputs.items()}
    assert value_and_grad(name, **shifted).rows_recomputed == 1


NOISES = (1.0, 0.3, 0.1, 0.03, 0.01, 1e-4)
"""From rows that the fast formulas vouch for to rows that they do not."""


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("noise", NOISES)
def test_value_and_grad_agrees_on_both_sides_of_its_bound(name: str, noise: float) -> None:
    agrees_at(noise, name, 6, 200, seed())


@pytest.mark.slow
@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("noise", NOISES)
def test_value_and_grad_agrees_on_both_sides_of_its_bound_on_fresh_inputs(
    name: str, noise: float
) -> None:
    agrees_at(noise, name, 100, 1000, SWEEP_SEED)


@pytest.mark.parametrize("name", FAST)
def test_value_and_grad_cuts_wide_rows_into_classes_without_changing_the_result(name: str) -> None:
    rng = np.random.default_rng(11)
    student, teacher = rng.normal(0.0, 3.0, (2, 3, 150_000))
    given = {
        "student_logits": student,
        "teacher_logits": teacher,
        "labels": np.array([COLUMNS - 1, COLUMNS, 149_999]),
    }
    inputs = {key: given[key] for key in LOSSES[name].inputs}
    got = value_and_grad(name, **inputs, temperature=3.0)
    assert got.rows_recomputed == 0
    assert got.value == pytest.approx(
        LOSSES[name].value(**inputs, temperature=3.0), rel=AGREEMENT, abs=0.0
    )
    gradient = LOSSES[name].grad(**inputs, temperature=3.0)
    np.testing.assert_allclose(
        got.gradient, gradient, rtol=0.0, atol=AGREEMENT * abs(gradient).max(axis=1).min()
    )


@pytest.mark.parametrize("name", FAST)
def test_value_and_grad_recomputes_no_ordinary_row_and_every_masked_one(name: str) -> None:
    inputs = batch_for(name, n_rows=8, n_classes=50)
    assert value_and_grad(name, **inputs).rows_recomputed == 0
    inputs["student_logits"][[1, 6], 0] = -np.inf
    inputs["teacher_logits"][[1, 6], 0] = -np.inf
    if "labels" in inputs:
        inputs["labels"][:] = 1
    assert value_and_grad(name, **inputs).rows_recomputed == 2


@given(
    name=st.sampled_from(NAMES),
    n_rows=st.integers(1, 5),
    n_classes=st.integers(1, 7),
    draw=st.integers(0, 2**32 - 1),
)
def test_value_and_grad_agrees_on_small_batches_with_weights(
    name: str, n_rows: int, n_classes: int, draw: int
) -> None:
    inputs = batch_for(name, n_rows, n_classes, draw)
    weights = np.random.default_rng(draw).integers(0, 3, n_rows).astype(np.float64)
    weights[0] = 1.0
    parameters: dict[str, Any] = dict(LOSSES[name].parameters)
    try:
        expected = LOSSES[name].value(**inputs, weights=weights, **parameters)
        gradient = LOSSES[name].grad(**inputs, weights=weights, **parameters)
    except ValueError as error:  # a loss may need more classes than these
        with pytest.raises(ValueError, match=f"^{re.escape(str(error))}$"):
            value_and_grad(name, **inputs, weights=weights, **parameters)
        return
    got = value_and_grad(name, **inputs, weights=weights, **parameters)
    assert got.value == pytest.approx(expected, rel=AGREEMENT, abs=0.0)
    np.testing.assert_allclose(got.gradient, gradient, rtol=1e-9, atol=AGREEMENT)
    assert not got.gradient[weights == 0.0].any()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", FAST)
def test_value_and_grad_computes_in_float64_and_rounds_the_gradient_once(
    name: str, dtype: type[np.floating]
) -> None:
    inputs = batch_for(name, n_rows=20, n_classes=30)
    for key in ("student_logits", "teacher_logits"):
        inputs[key] = inputs[key].astype(dtype)
    got = value_and_grad(name, **inputs)
    assert got.gradient.dtype == dtype
    assert got.value == pytest.approx(LOSSES[name].value(**inputs), rel=AGREEMENT, abs=0.0)
    exact = LOSSES[name].grad(**inputs)
    # Half a unit of the type for the rounding, and a hair for the float64 arithmetic before it.
    unit = np.spacing(abs(exact).astype(dtype)).astype(np.float64)
    assert (abs(got.gradient.astype(np.float64) - exact) <= 0.5 * unit + 1e-12).all()


def test_value_and_grad_uses_the_defaults_of_the_loss() -> None:
    inputs = batch_for("distillation")
    got = value_and_grad("distillation", **inputs)
    assert got.value == pytest.approx(LOSSES["distillation"].value(**inputs), rel=AGREEMENT)
    pure = value_and_grad(
        "distillation", inputs["student_logits"], inputs["teacher_logits"], alpha=1
    )
    expected = LOSSES["distillation"].value(
        inputs["student_logits"], inputs["teacher_logits"], None, alpha=1.0
    )
    assert pure.value == pytest.approx(expected, rel=AGREEMENT)


# ------------------------------------------------------------------ rows, weights, infinities


def test_value_and_grad_is_infinite_where_the_loss_is_and_keeps_the_finite_gradient() -> None:
    student, teacher = np.zeros((3, 2)), np.zeros((3, 2))
    student[1, 0] = -np.inf
    got = value_and_grad("forward_kl", student, teacher)
    assert got.value == math.inf
    # The student gives class 1 everything, the teacher half: q - p over N.
    assert got.gradient[1].tolist() == [-0.5 / 3.0, 0.5 / 3.0]


def test_value_and_grad_looks_at_no_row_of_weight_zero() -> None:
    inputs = batch_for("forward_kl", n_rows=5)
    mask = np.array([True, False, True, True, False])
    inputs["student_logits"][~mask] = np.nan
    inputs["teacher_logits"][~mask] = np.inf
    got = value_and_grad("forward_kl", **inputs, weights=mask)
    kept = {key: array[mask] for key, array in inputs.items()}
    assert got.value == pytest.approx(LOSSES["forward_kl"].value(**kept), rel=AGREEMENT)
    assert not got.gradient[~mask].any()
    assert got.gradient[mask].all()


def test_value_and_grad_weights_may_be_as_large_as_floats_are() -> None:
    inputs = batch_for("forward_kl", n_rows=4)
    got = value_and_grad("forward_kl", **inputs, weights=np.full(4, 1.5e308))
    assert got.value == pytest.approx(LOSSES["forward_kl"].value(**inputs), rel=AGREEMENT)


# ----------------------------------------------------------------------- threads and memory


@pytest.mark.parametrize("name", NAMES)
def test_value_and_grad_does_not_depend_on_the_number_of_threads(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_work, "ENTRIES", 64)  # many small blocks
    inputs = batch_for(name, n_rows=60, n_classes=12)
    one = value_and_grad(name, **inputs, n_threads=1, **dict[str, Any](LOSSES[name].parameters))
    for n_threads in (2, 5):
        many = value_and_grad(
            name, **inputs, n_threads=n_threads, **dict[str, Any](LOSSES[name].parameters)
        )
        assert many.value == one.value
        assert np.array_equal(many.gradient, one.gradient)
        assert many.rows_recomputed == one.rows_recomputed


def test_value_and_grad_reports_every_row_to_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_work, "ENTRIES", 64)
    seen: list[int] = []
    value_and_grad("forward_kl", **batch_for("forward_kl", n_rows=301), progress=seen.append)
    assert sum(seen) == 301
    assert len(seen) == 19  # blocks of 16 rows, fewer than the 64 pieces there may be


MEBIBYTE = 2**20


def peak_memory(n_rows: int, n_classes: int, tmp_path: Path, *, near: bool, n_threads: int) -> int:
    """What a call over memory-mapped files allocates at its peak."""
    rng = np.random.default_rng(3)
    shape = (n_rows, n_classes)
    arrays: list[NDArray[Any]] = []
    for name in ("student", "teacher", "gradient"):
        arrays.append(np.lib.format.open_memmap(tmp_path / f"{name}.npy", "w+", np.float32, shape))
    for start in range(n_rows):
        arrays[1][start] = rng.normal(0.0, 3.0, n_classes)
        noise = 1e-4 if near else 3.0
        arrays[0][start] = arrays[1][start] + noise * rng.normal(size=n_classes)
    # Near the teacher all rows are left to the teaching functions, unless a hard term outweighs their errors.
    name, labels = ("forward_kl", None) if near else ("distillation", np.zeros(n_rows, np.int64))
    tracemalloc.start()
    try:
        result = value_and_grad(
            name, arrays[0], arrays[1], labels, out=arrays[2], n_threads=n_threads
        )
        assert result.rows_recomputed == (n_rows if near else 0)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("near", [False, True])
def test_value_and_grad_takes_at_most_32_mebibytes_for_a_large_vocabulary(
    tmp_path: Path, near: bool
) -> None:
    peak = peak_memory(12, 128_256, tmp_path, near=near, n_threads=12)
    assert peak <= 32 * MEBIBYTE


@pytest.mark.parametrize("near", [False, True])
def test_value_and_grad_takes_at_most_32_mebibytes_for_many_threads(
    tmp_path: Path, near: bool
) -> None:
    assert peak_memory(1500, 1000, tmp_path, near=near, n_threads=12) <= 32 * MEBIBYTE


def test_value_and_grad_takes_no_more_memory_for_more_rows(tmp_path: Path) -> None:
    # From 1,049 rows on blocks are full.  One thread: of two, the second may come too late to need buffers.
    few = peak_memory(1100, 1000, tmp_path, near=False, n_threads=1)
    many = peak_memory(4400, 1000, tmp_path, near=False, n_threads=1)
    assert many <= 1.2 * few + 0.1 * MEBIBYTE
    assert many <= 32 * MEBIBYTE


# ---------------------------------------------------------------------- kinds of arrays, out


def test_value_and_grad_takes_arrays_of_any_layout_and_never_writes_to_them() -> None:
    inputs = batch_for("forward_kl", n_rows=9, n_classes=5)
    student, teacher = inputs["student_logits"], inputs["teacher_logits"]
    plain = value_and_grad("forward_kl", student, teacher)
    frozen = student.copy()
    frozen.flags.writeable = False
    wide = np.repeat(teacher, 2, axis=1)[:, ::2]
    for s, t in (
        (np.asfortranarray(student), teacher),
        (frozen, wide),
        (student.tolist(), teacher.tolist()),
        (student.astype(">f8"), teacher),
    ):
        before = np.array(s), np.array(t)
        got = value_and_grad("forward_kl", s, t)
        assert got.value == pytest.approx(plain.value, rel=1e-15)
        assert got.gradient == pytest.approx(plain.gradient, rel=1e-13)
        assert np.array_equal(np.array(s), before[0])
        assert np.array_equal(np.array(t), before[1])
    one_teacher = np.broadcast_to(teacher[:1], teacher.shape)
    got = value_and_grad("forward_kl", student, one_teacher)
    assert got.value == pytest.approx(
        LOSSES["forward_kl"].value(student, one_teacher), rel=AGREEMENT
    )


def test_value_and_grad_writes_to_out_and_returns_it(tmp_path: Path) -> None:
    inputs = batch_for("reverse_kl")
    expected = value_and_grad("reverse_kl", **inputs)
    shape = inputs["student_logits"].shape
    mapped = np.lib.format.open_memmap(tmp_path / "gradient.npy", "w+", np.float64, shape)
    got = value_and_grad("reverse_kl", **inputs, out=mapped)
    assert got.gradient is mapped
    mapped.flush()
    assert np.array_equal(np.load(tmp_path / "gradient.npy"), expected.gradient)


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        ([[0.0]], TypeError, "out must be a NumPy array, got list"),
        (
            np.zeros((6, 5)),
            ValueError,
            "out must have shape (6, 4) and dtype float64, got (6, 5) and float64",
        ),
        (
            np.zeros((6, 4), np.float32),
            ValueError,
            "out must have shape (6, 4) and dtype float64, got (6, 4) and float32",
        ),
        (np.broadcast_to(0.0, (6, 4)), ValueError, "out must be writeable, got a read-only array"),
    ],
)
def test_value_and_grad_refuses_an_out_that_does_not_fit(
    out: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=exactly(message)):
        value_and_grad("forward_kl", **batch_for("forward_kl"), out=out)


def test_value_and_grad_refuses_to_overwrite_an_input() -> None:
    inputs = batch_for("forward_kl")
    for key in inputs:
        message = "out must not overlap an input, got an array that does"
        with pytest.raises(ValueError, match=exactly(message)):
            value_and_grad("forward_kl", **inputs, out=inputs[key])


# --------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.nan, r"must not hold NaN or \+inf, got nan at index \(37, 2\)"),
        (np.inf, r"must not hold NaN or \+inf, got inf at index \(37, 2\)"),
    ],
)
@pytest.mark.parametrize("key", ["student_logits", "teacher_logits"])
@pytest.mark.parametrize("name", ["forward_kl", "reverse_kl", "generalised_js"])
def test_value_and_grad_names_a_bad_entry_by_its_place_in_the_whole_array(
    name: str, key: str, bad: float, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_work, "ENTRIES", 64)
    inputs = batch_for(name, n_rows=60)
    inputs[key][37, 2] = bad
    inputs[key][59, 0] = bad
    weights = np.ones(60)
    weights[20:36] = 0.0
    for n_threads in (1, 4):
        with pytest.raises(ValueError, match=f"{key} {message}"):
            value_and_grad(name, **inputs, weights=weights, n_threads=n_threads)


def test_value_and_grad_names_an_empty_row_a_bad_label_and_an_infinite_gradient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_work, "ENTRIES", 64)
    inputs = batch_for("distillation", n_rows=60)
    inputs["labels"][41] = 4
    with pytest.raises(ValueError, match=r"labels must lie in 0 \.\. 3, got 4 at index 41"):
        value_and_grad("distillation", **inputs)
    student, teacher = inputs["student_logits"], inputs["teacher_logits"]
    with pytest.raises(ValueError, match=r"labels must lie in 0 \.\. 3, got 4 at index 41"):
        value_and_grad("hard_label", student, labels=inputs["labels"])
    teacher[50, 1] = -np.inf
    with pytest.raises(ValueError, match=r"reverse_kl_loss must be finite .* got inf in row 50"):
        value_and_grad("reverse_kl", student, teacher)
    student[45] = -np.inf
    with pytest.raises(ValueError, match="a finite logit in each row, got -inf at index 45"):
        value_and_grad("forward_kl", student, teacher)


MATRIX = "must have shape (N, C) with N >= 1 and C >= 1, got"
REAL = "must hold real numbers of at most 64 bits, got dtype"
FLOATS = "must hold float16, float32 or float64, got dtype"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"teacher_logits": None},
            ValueError,
            "teacher_logits must be given for distillation, got None",
        ),
        (
            {"labels": None},
            ValueError,
            "labels must be given unless alpha is 1, got None with alpha 0.9",
        ),
        ({"labels": np.zeros(6)}, TypeError, "labels must be integer class ids, got dtype float64"),
        ({"labels": [0.0] * 6}, TypeError, "labels must be integer class ids, got dtype float64"),
        (
            {"labels": np.zeros(5, int)},
            ValueError,
            "labels must have shape (6,), one entry a row, got (5,)",
        ),
        ({"labels": 1}, ValueError, "labels must have shape (6,), one entry a row, got ()"),
        (
            {"teacher_logits": np.zeros((6, 5))},
            ValueError,
            "student_logits and teacher_logits must have the same shape, got (6, 4) and (6, 5)",
        ),
        ({"student_logits": np.zeros((6, 4), int)}, TypeError, f"student_logits {FLOATS} int64"),
        ({"teacher_logits": np.zeros((6, 4), int)}, TypeError, f"teacher_logits {FLOATS} int64"),
        ({"student_logits": np.zeros((6, 4), bool)}, TypeError, f"student_logits {REAL} bool"),
        ({"teacher_logits": np.zeros((6, 4), bool)}, TypeError, f"teacher_logits {REAL} bool"),
        (
            {"student_logits": np.zeros((6, 4), complex)},
            TypeError,
            f"student_logits {REAL} complex128",
        ),
        ({"student_logits": [["a"]]}, TypeError, f"student_logits {REAL} <U1"),
        (
            {"student_logits": [[1.0], [1.0, 2.0]]},
            ValueError,
            "student_logits must be rectangular, got rows of unequal length",
        ),
        ({"student_logits": 1.0}, ValueError, f"student_logits {MATRIX} ()"),
        ({"student_logits": np.float64(1.0)}, ValueError, f"student_logits {MATRIX} ()"),
        ({"student_logits": np.array(1.0)}, ValueError, f"student_logits {MATRIX} ()"),
        ({"student_logits": np.zeros((0, 4))}, ValueError, f"student_logits {MATRIX} (0, 4)"),
        ({"teacher_logits": np.zeros(4)}, ValueError, f"teacher_logits {MATRIX} (4,)"),
        (
            {"student_logits": np.ma.zeros((6, 4))},
            TypeError,
            "student_logits must be a plain array, got a masked array (express the mask as weights)",
        ),
        ({"weights": np.zeros(6)}, ValueError, "weights must include one above 0, got only zeros"),
        ({"weights": [0.0] * 6}, ValueError, "weights must include one above 0, got only zeros"),
        (
            {"weights": -np.ones(6)},
            ValueError,
            "weights must be finite and >= 0, got -1.0 at index 0",
        ),
        (
            {"weights": np.ones(5)},
            ValueError,
            "weights must have shape (6,), one entry a row, got (5,)",
        ),
        ({"weights": np.ones(6, complex)}, TypeError, f"weights {REAL} complex128"),
        ({"temperature": 0.0}, ValueError, "temperature must be finite and > 0, got 0.0"),
        (
            {"temperature": 1e200},
            ValueError,
            "temperature must be <= 1e+100 where it is squared, got 1e+200",
        ),
        ({"alpha": 1.5}, ValueError, "alpha must lie in [0, 1], got 1.5"),
        ({"alpha": "a"}, TypeError, "alpha must be a real number, got 'a'"),
        (
            {"beta": 0.5},
            TypeError,
            "parameters of distillation must be among: temperature, alpha; got 'beta'",
        ),
        ({"n_threads": 0}, ValueError, "n_threads must be >= 1, got 0"),
        ({"n_threads": 1.5}, TypeError, "n_threads must be an integer, got 1.5"),
    ],
)
def test_value_and_grad_refuses_bad_arguments(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments = {"loss_name": "distillation", **batch_for("distillation"), **change}
    with pytest.raises(error, match=exactly(message)):
        value_and_grad(**arguments)


def test_value_and_grad_refuses_a_loss_that_is_no_mean_over_rows_of_logits() -> None:
    allowed = ", ".join(map(repr, NAMES))
    for name in ("kl", "dist", "hint", "cosine_feature"):
        with pytest.raises(
            ValueError, match=exactly(f"loss_name must be one of {allowed}, got {name!r}")
        ):
            value_and_grad(name, [[0.0, 1.0]], [[1.0, 0.0]])


def test_value_and_grad_says_when_a_loss_has_no_parameters() -> None:
    with pytest.raises(
        TypeError, match=exactly("parameters of hard_label must be among: none; got 'alpha'")
    ):
        value_and_grad("hard_label", [[0.0, 1.0]], labels=[0], alpha=0.5)


def test_separable_losses_come_with_the_defaults_of_their_functions() -> None:
    losses = separable_losses()
    assert list(losses) == NAMES
    assert losses["generalised_js"] == {"temperature": 1.0, "beta": 0.5}
    # Where the function has none, the registry's example stands in.
    assert losses["virtual_teacher"] == {"temperature": 2.0, "confidence": 0.9}
    assert "temperature" in LOSSES["virtual_teacher"].parameters
    for name, defaults in losses.items():
        assert defaults.keys() == LOSSES[name].parameters.keys()
        assert inspect.Parameter.empty not in defaults.values()


def test_value_and_grad_needs_a_parameter_without_a_default() -> None:
    message = "temperature must be given for virtual_teacher, got None"
    with pytest.raises(ValueError, match=exactly(message)):
        value_and_grad("virtual_teacher", [[0.0, 1.0]], labels=[0])


def test_value_and_grad_refuses_an_input_that_the_loss_does_not_take() -> None:
    inputs = batch_for("distillation")
    for key, name in (("labels", "forward_kl"), ("teacher_logits", "hard_label")):
        message = f"{key} must be None for {name}, which does not take it"
        with pytest.raises(ValueError, match=exactly(message)):
            value_and_grad(name, **inputs)


def test_value_and_grad_finds_bad_weights_beyond_the_first_chunk() -> None:
    n_rows = 70_000
    student = np.zeros((n_rows, 1), np.float32)
    weights = np.ones(n_rows)
    weights[:65_536] = 0.0
    weights[66_000] = np.nan
    with pytest.raises(ValueError, match="weights must be finite and >= 0, got nan at index 66000"):
        value_and_grad("forward_kl", student, student, weights=weights)


def test_available_cores_are_those_of_the_process_or_of_the_machine_or_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    assert available_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    for count, expected in ((5, 5), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert available_cores() == expected


@pytest.mark.parametrize(
    ("n_pieces", "n_threads", "shared"), [(3, 1, False), (1, 4, False), (2, 2, True), (3, 2, True)]
)
def test_pieces_are_shared_out_only_where_there_are_several_of_both(
    n_pieces: int, n_threads: int, shared: bool
) -> None:
    pieces = [range(i, i + 1) for i in range(n_pieces)]
    done = list(in_order(lambda piece: (piece, threading.get_ident()), pieces, n_threads))
    assert [piece for piece, _ in done] == pieces
    assert all((thread != threading.get_ident()) == shared for _, thread in done)


def test_pieces_after_one_that_fails_are_not_begun() -> None:
    begun: list[int] = []
    never = threading.Event()

    def work(piece: range) -> None:
        begun.append(piece.start)
        if piece.start == 0:
            raise ValueError("the first piece")
        never.wait(0.01)

    with pytest.raises(ValueError, match="the first piece"):
        list(in_order(work, [range(i, i + 1) for i in range(1000)], 2))
    assert len(begun) < 1000


@settings(max_examples=30)
@given(n_blocks=st.integers(1, 500))
def test_spans_cover_every_block_once_and_in_order(n_blocks: int) -> None:
    from kdref.blockwise._threads import SPANS, spans

    pieces = spans(n_blocks)
    assert [block for piece in pieces for block in piece] == list(range(n_blocks))
    assert 1 <= len(pieces) <= SPANS


def test_labels_without_a_share_are_checked_and_change_nothing() -> None:
    student, teacher = np.random.default_rng(4).normal(size=(2, 3, 5))
    got = value_and_grad("distillation", student, teacher, [0, 1, 4], alpha=1.0)
    assert got.value == value_and_grad("distillation", student, teacher, alpha=1.0).value
    assert got.rows_recomputed == 0
    with pytest.raises(ValueError, match=r"^labels must lie in 0 \.\. 4, got 5 at index 2$"):
        value_and_grad("distillation", student, teacher, [0, 1, 5], alpha=1.0)


def test_rows_where_the_two_terms_of_distillation_balance_are_computed_again() -> None:
    # Half of q - p and half of q - y vanish together at q = (p + y) / 2, where neither term does.
    rng = np.random.default_rng(6)
    teacher, labels = rng.normal(size=(8, 10)), rng.integers(10, size=8)
    p = softmax(teacher)
    student = np.log((p + np.eye(10)[labels]) / 2.0) + 1e-6 * rng.normal(size=(8, 10))
    options: dict[str, Any] = {"temperature": 1.0, "alpha": 0.5}
    got = value_and_grad("distillation", student, teacher, labels, **options)
    expected = LOSSES["distillation"].grad(student, teacher, labels, **options)
    np.testing.assert_array_less(
        abs(got.gradient - expected).max(axis=1), AGREEMENT * abs(expected).max(axis=1)
    )
    assert got.rows_recomputed == 8


@pytest.mark.parametrize("name", FAST)
def test_ordinary_rows_are_not_computed_again_at_a_high_temperature(name: str) -> None:
    rng = np.random.default_rng(7)
    student, teacher = 64.0 * rng.normal(size=(2, 16, 100))
    inputs = {"student_logits": student, "teacher_logits": teacher}
    if name == "distillation":
        inputs["labels"] = rng.integers(100, size=16)
    assert value_and_grad(name, **inputs, temperature=64.0).rows_recomputed == 0


def zeros_worked_on(n_rows: int, n_classes: int) -> _work.Work:
    """How forward KL of that many logits would be shared out; they take no memory."""
    zeros = np.broadcast_to(np.float32(0.0), (n_rows, n_classes))
    entry = LOSSES["forward_kl"]
    batch = checked_batch(entry, zeros, zeros, None, None)
    return _work.Work(entry, loss_parameters(entry, {}), batch, zeros)


def test_one_thread_works_where_two_would_exceed_the_memory() -> None:
    assert zeros_worked_on(4, 1_500_000).most_threads == 1
    assert zeros_worked_on(4, 1_000).most_threads > 1


def test_block_is_a_quarter_of_the_rows_rounded_up() -> None:
    assert zeros_worked_on(401, 1_000).rows_at_once == 101


def test_block_of_rows_that_all_count_is_written_into_the_gradient_itself() -> None:
    entry, logits, gradient = LOSSES["forward_kl"], np.zeros((8, 3)), np.empty((8, 3))
    batch = checked_batch(entry, logits, logits, None, None)
    work = _work.Work(entry, loss_parameters(entry, {}), batch, gradient)
    fast, shared = work.fast, list[bool]()
    assert fast is not None

    def noting(block: Block, target: Target, scratch: Scratch) -> Outcome:
        shared.append(np.shares_memory(target.out, gradient))
        return fast(block, target, scratch)

    work.fast = noting
    for start in (0, 4):
        work.block(start, start + 4, work.allocated())
    assert shared == [True, True]
