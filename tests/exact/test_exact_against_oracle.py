"""kdref.exact against the oracle: at most one unit in the last place, entry by entry, gradients included."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import kdref
from kdref import exact
from tests.accuracy import SUBJECTS, Verdict, describe, draw, judge
from tests.accuracy_inputs import CLASSES, Case, DType, seed
from tests.oracle import divergences
from tests.oracle.batch import batch_gradient, batch_value
from tests.oracle.precision import working_precision
from tests.oracle.rounding import ulps

ONE_ULP = 1.0
"""A correctly rounded result is within 0.5; what was measured is 0.5001."""

NARROW = 0.501
"""After rounding once more, to the type of narrow input."""

PRECISION_OF_EXTREMES = 9000
"""Quotients of 1e308 by 1e-100, and of subnormal numbers by it, need more bits than the classes do."""


JUDGED = {name: subject for name, subject in SUBJECTS.items() if hasattr(exact, name)}
"""The plain library has more losses; `test_same_contract` says which are here."""


def complain(verdicts: list[Verdict], allowed: float, chosen_seed: int) -> None:
    failing = [v for v in verdicts if not v.elementwise <= allowed]
    if failing:
        worst = max(failing, key=lambda v: v.elementwise)
        pytest.fail(
            f"{len(failing)} rows are off by more than {allowed} ulp (KDREF_SEED={chosen_seed}), the worst:\n"
            f"{describe(worst)}"
        )


def judge_all(case: Case) -> list[Verdict]:
    accepted = [subject for subject in JUDGED.values() if subject.accepts(case)]
    return [verdict for subject in accepted for verdict in judge(exact, subject, case)]


TWO_KINDS = ("mag1e4", "huge", "confident", "subnormal")
"""Classes in which every other row is of another kind."""


@pytest.mark.parametrize("class_name", [name for name in CLASSES if name != "C1000"])
def test_exact_is_within_one_ulp_entry_by_entry(class_name: str) -> None:
    [case] = draw([class_name], np.float64, 2 if class_name in TWO_KINDS else 1, seed())
    complain(judge_all(case), ONE_ULP, seed())


SWEEP_SEED = seed(fresh=True)


@pytest.mark.slow
@pytest.mark.parametrize("class_name", CLASSES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_exact_is_within_one_ulp_on_fresh_inputs(class_name: str, dtype: DType) -> None:
    [case] = draw([class_name], dtype, 1 if class_name == "C1000" else 8, SWEEP_SEED)
    complain(judge_all(case), ONE_ULP if dtype is np.float64 else NARROW, SWEEP_SEED)


@pytest.mark.slow
def test_exact_is_within_one_ulp_on_100_000_classes() -> None:
    [case] = draw(["C100k"], np.float64, 1, SWEEP_SEED)
    complain(judge_all(case), ONE_ULP, SWEEP_SEED)


# ------------------------------------------------------------------------------ the far edges


def edge(student: list[float], teacher: list[float], **given: Any) -> Case:
    """One row, with hyper-parameters of no importance unless given."""
    rows = np.array([student]), np.array([teacher])
    rng = np.random.default_rng(5)
    plain = Case("edge", *rows, np.array([1]), rng.normal(size=rows[0].shape), 1.0, 0.3, 0.6)
    return replace(plain, **given)


LARGEST = 1.7e308
ORDINARY = [1.5, -0.25, 0.75, -3.0], [0.5, 2.5, -1.0, 0.0]
EDGES = {
    "temperature 1e-100": edge(*ORDINARY, temperature=1e-100),
    "temperature 1e-3": edge(*ORDINARY, temperature=1e-3),
    "temperature 1e100": edge(*ORDINARY, temperature=1e100),
    "temperature 1e300": edge(*ORDINARY, temperature=1e300),
    "quotients beyond the range": edge(
        [1e300, -1e300, 2e299, 0.0], [-1e300, 1e300, 3e299, 0.0], temperature=1e-20
    ),
    "differences beyond the range": edge(
        [LARGEST, LARGEST, -LARGEST, 5e-324], [LARGEST, -LARGEST, LARGEST, 0.0]
    ),
    "nothing in common": edge([LARGEST, -LARGEST, 0.0, 1.0], [-LARGEST, LARGEST, 0.0, 1.0]),
    "huge at a huge temperature": edge(
        [LARGEST, -LARGEST, 0.0, 1.0], [-LARGEST, LARGEST, 0.0, 1.0], temperature=1e308
    ),
    "subnormal logits": edge([0.0, 5e-324, 1e-310, -1e-320], [1e-310, 0.0, 0.0, 5e-324]),
    "subnormal logits at 1e-100": edge(
        [0.0, 5e-324, 1e-310, -1e-320], [1e-310, 0.0, 0.0, 5e-324], temperature=1e-100
    ),
    "excluded by the student alone": edge([0.0, -math.inf, 1.0], [0.0, -2000.0, 1.0]),
    "excluded by the teacher alone": edge([0.0, -2000.0, 1.0], [0.0, -math.inf, 1.0]),
    "log-probabilities": edge([-math.log(3.0)] * 3, [-math.log(2.0), -math.log(2.0), -math.inf]),
    "nearly log-probabilities": edge([-1e-30, -69.07755278982137], [0.0, 0.0]),
}


@pytest.mark.filterwarnings(
    "ignore:overflow encountered:RuntimeWarning:tests"
)  # the given rows' softmax
@pytest.mark.parametrize("name", EDGES)
def test_exact_is_within_one_ulp_at_the_edges_of_the_range(name: str) -> None:
    case = EDGES[name]
    squared = case.temperature > 1e100  # refused by the composite, whose factor would overflow
    subjects = [s for n, s in JUDGED.items() if not (squared and n.startswith("distillation"))]
    verdicts = [v for s in subjects for v in judge(exact, s, case, bits=PRECISION_OF_EXTREMES)]
    complain(verdicts, ONE_ULP, 0)


@pytest.mark.parametrize("temperature", [1e16, 1e36, 1e90])
def test_exact_keeps_the_gradient_of_js_where_hot_shares_differ_by_a_masked_class(
    temperature: float,
) -> None:
    # log(q/p) is log(4/3) for all classes but the masked one, up to 1/T, which is far below 106 bits of log(4/3).
    student, teacher = [[33.0, -np.inf, -59.0, -28.0]], [[4.0, -16.0, -7.0, -5.0]]
    rows = exact.generalised_js_loss_grad(student, teacher, temperature=temperature)
    truth = batch_gradient(
        "generalised_js", student, teacher, temperature=temperature, beta=0.5, bits=2400
    )
    assert all(ulps(x, y) <= ONE_ULP for x, y in zip(rows[0], truth[0], strict=True))


@pytest.mark.parametrize("beta", [1e-280, 1e-17, 1.0 - 1e-8, 1.0 - 2.0**-53])
@pytest.mark.parametrize("class_name", ["near1ulp", "tails", "maskT"])
def test_exact_is_within_one_ulp_for_beta_near_its_ends(beta: float, class_name: str) -> None:
    [case] = draw([class_name], np.float64, 1, seed())
    case = replace(case, beta=beta)
    names = ["js_divergence", "generalised_js_loss", "generalised_js_loss_grad"]
    complain([v for name in names for v in judge(exact, SUBJECTS[name], case)], ONE_ULP, seed())


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (
            [1.0, 1e-40],
            [1.0, 1e-17],
        ),  # the difference of the small ones is 1e20 times the divergence
        ([1.0, 1e-17], [1.0, 1e-40]),
        ([1.0, 5e-324], [1.0, 1e-300]),
        ([0.5, 0.5], [0.5 + 2.0**-53, 0.5 - 2.0**-54]),
        ([0.25, 0.75, 0.0, 0.0], [0.75, 0.0, 0.25, 0.0]),
        ([1.0 - 2.0**-53, 2.0**-53], [1.0 - 2.0**-52, 2.0**-52]),
    ],
)
def test_exact_kl_of_given_rows_is_the_definition_where_its_parts_cancel(
    p: list[float], q: list[float]
) -> None:
    with working_precision():
        truth = divergences.kl_divergence(p, q)
        assert ulps(float(exact.kl_divergence(p, q)), truth) <= ONE_ULP
        assert ulps(float(exact.js_divergence(p, q)), divergences.js_divergence(p, q)) <= ONE_ULP


# ------------------------------------------------------------------------- batches and zeros


@pytest.mark.parametrize(
    "name",
    [
        "hard_label",
        "soft_cross_entropy",
        "forward_kl",
        "reverse_kl",
        "generalised_js",
        "distillation",
    ],
)
@pytest.mark.parametrize("weights", [None, [2.0, 0.0, 0.125, 1e-3], [5e-324, 0.0, 1e308, 1.7e308]])
def test_exact_rounds_the_weighted_mean_of_a_batch_once(
    name: str, weights: list[float] | None
) -> None:
    [case] = draw(["ordinary"], np.float64, 4, seed())
    inputs, parameters = SUBJECTS[f"{name}_loss"].arguments(case)
    got = getattr(exact, f"{name}_loss")(*inputs, **parameters, weights=weights)
    assert ulps(got, batch_value(name, *inputs, **parameters, weights=weights)) <= ONE_ULP
    rows = getattr(exact, f"{name}_loss_grad")(*inputs, **parameters, weights=weights)
    truth = batch_gradient(name, *inputs, **parameters, weights=weights)
    for got_row, true_row in zip(rows, truth, strict=True):
        for entry, true in zip(got_row, true_row, strict=True):
            assert ulps(entry, true) <= ONE_ULP


@pytest.mark.parametrize("class_name", ["same", "shift1e8", "huge", "maskboth", "subnormal", "C1"])
def test_exact_divergences_of_equal_logits_are_exactly_zero(class_name: str) -> None:
    [case] = draw([class_name], np.float64, 1, seed())
    case = replace(case, student=case.teacher)
    for name in ("forward_kl_loss", "reverse_kl_loss", "generalised_js_loss"):
        inputs, parameters = SUBJECTS[name].arguments(case)
        assert getattr(exact, name)(*inputs, **parameters) == 0.0
        assert not getattr(exact, f"{name}_grad")(*inputs, **parameters).any()


# ----------------------------------------------------------------- what it is for: certificates


@pytest.mark.parametrize("class_name", [name for name in CLASSES if name != "C1000"])
def test_exact_certifies_the_plain_functions_on_many_rows(class_name: str) -> None:
    # Forty rows of each class, which the oracle would need minutes for; the bound is the plain functions' 6 ulp and
    # the half that the certificate itself may be off.
    [case] = draw([class_name], np.float64, 40, seed())
    for name in (
        "softmax",
        "log_softmax",
        "entropy_from_logits",
        "cross_entropy_from_logits",
        "kl_divergence_from_logits",
        "js_divergence_from_logits",
    ):
        inputs, parameters = SUBJECTS[name].arguments(case)
        plain = getattr(kdref, name)(*inputs, **parameters)
        certain = getattr(exact, name)(*inputs, **parameters)
        finite = np.isfinite(certain)
        assert np.array_equal(plain[~finite], certain[~finite])
        unit = np.spacing(abs(certain[finite]))
        assert np.all(abs(plain[finite] - certain[finite]) <= 6.5 * unit), name
