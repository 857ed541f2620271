"""The library's functions against the oracle, row by row, on every class of input.

The default run draws from a fixed seed; the sweeps (marker ``slow``) from a fresh one, which every failure names:
``KDREF_SEED=<number>`` repeats it.
"""

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gmpy2
import numpy as np
import pytest
from gmpy2 import mpfr

import kdref
from tests.accuracy import (
    FORMATS,
    LOSS_ARGUMENTS,
    SUBJECTS,
    Verdict,
    describe,
    draw,
    judge,
    size_of_logsumexp,
)
from tests.accuracy_inputs import CLASSES, Case, DType, seed
from tests.oracle.batch import batch_gradient, batch_value
from tests.oracle.hard_labels import hard_label_gradient
from tests.oracle.precision import working_precision
from tests.oracle.rounding import FLOAT64, ulps, ulps_in_norm, unit

# The bounds, in ulp, are about twice what the formulas attain; accuracy is judged, not fitted.
VALUE = 6.0
"""Values from logits, entries of softmax and its logarithm, entropy and cross entropy of given probabilities."""

MIXED = 8.0
"""Divergences to a mixture m: KL(p, m) is about half the square of m/p - 1, so that the roundings of log(q/p) count
twice.  Skew divergences were off by more than 6 ulp in one row of 31,200, by 6.3; generalised Jensen-Shannon in one of
35,400, by 6.14, with NumPy 1.26."""

MIXTURES = ("skew_forward", "skew_reverse", "generalised_js", "js_divergence_from_logits")
"""How the names of their functions begin."""

LOGSUMEXP = 2.0
"""In ulp of max(|max z|, log C): where the two cancel, float64 holds no more."""

GIVEN = 20.0
"""Divergences of given probabilities: what misses a sum of 1 may cancel most of the rest."""

GRADIENT = 10.0
"""In ulp of the row's largest entry."""

GRADIENT_OF_EXTREMES = 100.0
"""Where the exponents run into hundreds, and for composites of two classes."""

EXTREMES = ("tails", "mag1e4", "Ttiny")

ROUNDED_ONCE = 0.501
"""Narrow input: the float64 result rounded once to the input's type is the nearest number but for near ties."""

NARROW_LOGSUMEXP = 2.0
"""The same for log-sum-exp near 0.  Where the sum of exponentials is within about 1e-9 of 1, as in one row of a
hundred, even that is less than what float64 holds of it, and the bound of the float64 result is the one that counts."""

COMPOSITES = ("distillation_loss_grad", "label_smoothing_loss_grad")
"""Sums of two terms, which with two classes may cancel in both entries alike; with more, some entry is left."""

ILL_CONDITIONED, ILL_CONDITIONED_ROW = 16.0, 4.0
"""A composite gradient whose terms cancel by more is judged by their size: with two classes, and with more."""


def bound(verdict: Verdict) -> float:
    """How many ulp this function may be off on this class of input."""
    name, kind, class_name = verdict.subject.name, verdict.subject.kind, verdict.case.name
    if verdict.case.student.dtype != np.float64:
        if kind == "logsumexp" and class_name == "logprobs":
            return max(NARROW_LOGSUMEXP, float64_bound_in_narrow_ulp(verdict))
        return ROUNDED_ONCE
    if kind == "gradient":
        extreme = class_name in EXTREMES or is_composite_of_two_classes(verdict)
        return GRADIENT_OF_EXTREMES if extreme else GRADIENT
    if name.startswith(MIXTURES):
        return MIXED
    return {"logsumexp": LOGSUMEXP, "given": GIVEN}.get(kind, VALUE)


def float64_bound_in_narrow_ulp(verdict: Verdict) -> float:
    """The bound of float64's log-sum-exp in the ulp of the narrow result, and one rounding."""
    form = FORMATS[verdict.case.student.dtype.type]
    with working_precision():
        allowed = LOGSUMEXP * unit(size_of_logsumexp(verdict.case, verdict.row))
        return float(allowed / unit(verdict.truth, form)) + 0.5


def fails(verdict: Verdict) -> bool:
    allowed = bound(verdict) * cancellation(verdict)
    if verdict.subject.name == "kl_divergence" and verdict.error > allowed:
        allowed = VALUE * defect_cancellation(verdict)
    return not verdict.error <= allowed


def is_composite_of_two_classes(verdict: Verdict) -> bool:
    """Whether two terms make up the gradient of a row with no more than two classes, counting those not excluded."""
    classes = np.isfinite(verdict.case.student[verdict.row]).sum()
    return verdict.subject.name in COMPOSITES and classes <= 2


def defect_cancellation(verdict: Verdict) -> float:
    """How much larger the Bregman part of KL of given rows is than their KL.

    KL is that part plus the sum of p - q, which is exact; in one near pair of some hundreds the two cancel to a few
    per cent, and what is left has the rounding of a part that itself is within the bound of values.
    """
    (p, q), _ = verdict.subject.arguments(verdict.case)
    with working_precision():
        defect = sum(mpfr(float(x)) for x in p[verdict.row]) - sum(
            mpfr(float(x)) for x in q[verdict.row]
        )
        return float(abs((verdict.truth - defect) / verdict.truth))


def cancellation(verdict: Verdict) -> float:
    """How much larger than a composite gradient its hard term is, where that leaves no digits to judge; else 1.

    With two classes the soft term may undo the hard one in both entries: in one row of three hundred to less than
    one part in sixteen.  With five it did so once in some ten thousand rows, to one part in thirteen.  No sum of two
    rounded terms is better than they are.
    """
    if verdict.subject.name not in COMPOSITES or verdict.truth is None:
        return 1.0
    case, row = verdict.case, verdict.row
    _, parameters = verdict.subject.arguments(case)
    share = 1.0 - (parameters["alpha"] if "alpha" in parameters else parameters["smoothing"])
    with working_precision():
        hard = hard_label_gradient(case.student[row], int(case.labels[row]))
        size = float(share * max(map(abs, hard)) / max(map(abs, verdict.truth)))
    limit = ILL_CONDITIONED if is_composite_of_two_classes(verdict) else ILL_CONDITIONED_ROW
    return size if size > limit else 1.0


def complain(verdicts: list[Verdict], chosen_seed: int) -> None:
    """Fail with the worst row of each function that breaks its bound."""
    failing = sorted(filter(fails, verdicts), key=lambda v: -v.error)
    worst = {v.subject.name: v for v in reversed(failing)}
    text = "\n".join(f"{describe(v)}\n  the bound is {bound(v):g} ulp" for v in worst.values())
    if failing:
        pytest.fail(f"{len(failing)} rows break their bound (KDREF_SEED={chosen_seed}):\n{text}")


def judge_all(library: Any, case: Case) -> list[Verdict]:
    accepted = [subject for subject in SUBJECTS.values() if subject.accepts(case)]
    return [verdict for subject in accepted for verdict in judge(library, subject, case)]


QUICK = [name for name in CLASSES if name != "C1000"]
"""The oracle needs seconds for 1,000 classes: they are in the sweeps."""


@pytest.mark.parametrize("class_name", QUICK)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_every_function_meets_its_bound(class_name: str, dtype: DType) -> None:
    # Two rows, because some classes have two kinds of row.
    [case] = draw([class_name], dtype, 2, seed())
    complain(judge_all(kdref, case), seed())


@pytest.mark.parametrize(
    ("class_name", "chosen_seed"), [("ordinary", 137), ("shift1e8", 108), ("C2", 127)]
)
def test_skew_divergences_meet_their_bound_on_rows_where_the_gap_alone_does_not(
    class_name: str, chosen_seed: int
) -> None:
    # By the exponential of log(q/p) one row of each of these is off by 8 to 10 ulp.
    [case] = draw([class_name], np.float64, 12, chosen_seed)
    subjects = [SUBJECTS["skew_forward_kl_loss"], SUBJECTS["skew_reverse_kl_loss"]]
    verdicts = [verdict for subject in subjects for verdict in judge(kdref, subject, case)]
    assert max(verdict.error for verdict in verdicts) <= VALUE


@pytest.mark.parametrize(("class_name", "chosen_seed"), [("maskT", 9103), ("confident", 7010)])
def test_gradients_of_mixtures_meet_their_bound_where_the_sides_share_little(
    class_name: str, chosen_seed: int
) -> None:
    # By log1p of a number near -1, or by the exponential of a rounded gap, one row of each is off by 17 to 34 ulp.
    [case] = draw([class_name], np.float64, 20, chosen_seed)
    names = ("generalised_js", "skew_forward_kl", "skew_reverse_kl")
    verdicts = [v for name in names for v in judge(kdref, SUBJECTS[f"{name}_loss_grad"], case)]
    assert max(verdict.error for verdict in verdicts) <= GRADIENT


SWEEP_SEED = seed(fresh=True)


@pytest.mark.slow
@pytest.mark.parametrize("class_name", CLASSES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_every_function_meets_its_bound_on_fresh_inputs(class_name: str, dtype: DType) -> None:
    [case] = draw([class_name], dtype, 2 if class_name == "C1000" else 20, SWEEP_SEED)
    complain(judge_all(kdref, case), SWEEP_SEED)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_function_meets_its_bound_on_100_000_classes(dtype: DType) -> None:
    [case] = draw(["C100k"], dtype, 1, SWEEP_SEED)
    complain(judge_all(kdref, case), SWEEP_SEED)


# ---------------------------------------------------------------------------- signs and zeros


DIVERGENCES = (
    "forward_kl_loss",
    "reverse_kl_loss",
    "symmetric_kl_loss",
    "total_variation_loss",
    "generalised_js_loss",
    "skew_forward_kl_loss",
    "skew_reverse_kl_loss",
)
DIVERGENCES_OF_ROWS = (
    "kl_divergence_from_logits",
    "js_divergence_from_logits",
    "total_variation_from_logits",
)


@pytest.mark.parametrize("class_name", CLASSES)
def test_divergences_of_equal_logits_are_exactly_zero(class_name: str) -> None:
    [case] = draw([class_name], np.float64, 2, seed())
    case = replace(case, student=case.teacher)
    for name in (*DIVERGENCES, *DIVERGENCES_OF_ROWS):
        inputs, parameters = SUBJECTS[name].arguments(case)
        assert np.all(getattr(kdref, name)(*inputs, **parameters) == 0.0), name
    for name in DIVERGENCES:
        inputs, parameters = SUBJECTS[name].arguments(case)
        assert not np.any(getattr(kdref, f"{name}_grad")(*inputs, **parameters)), name


@pytest.mark.parametrize("class_name", CLASSES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_divergences_from_logits_are_never_negative(class_name: str, dtype: DType) -> None:
    [case] = draw([class_name], dtype, 50 if class_name != "C1000" else 2, seed())
    for name in DIVERGENCES_OF_ROWS:
        inputs, parameters = SUBJECTS[name].arguments(case)
        rows = getattr(kdref, name)(*inputs, **parameters)
        assert np.all(rows >= 0.0), describe_first(name, case, rows)


def describe_first(name: str, case: Case, rows: Any) -> str:
    row = int(np.argmax(~(rows >= 0.0)))
    return (
        f"{name} is {rows[row]!r} for {case.teacher[row].tolist()}, {case.student[row].tolist()}, "
        f"temperature {case.temperature!r}, beta {case.beta!r}"
    )


# ------------------------------------------------------------------------------ whole batches


@pytest.mark.parametrize(
    "name",
    LOSS_ARGUMENTS,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_losses_of_a_batch_are_the_weighted_means_of_the_oracle(name: str, weighted: bool) -> None:
    [case] = draw(["ordinary"], np.float64, 4, seed())
    inputs, parameters = SUBJECTS[f"{name}_loss"].arguments(case)
    weights = [2.0, 0.0, 0.125, 1e-3] if weighted else None
    got = getattr(kdref, f"{name}_loss")(*inputs, **parameters, weights=weights)
    bound = MIXED if name.startswith(MIXTURES) else VALUE
    assert ulps(got, batch_value(name, *inputs, **parameters, weights=weights)) <= bound
    rows = getattr(kdref, f"{name}_loss_grad")(*inputs, **parameters, weights=weights)
    truth = batch_gradient(name, *inputs, **parameters, weights=weights)
    for got_row, true_row in zip(rows, truth, strict=True):
        assert ulps_in_norm(got_row, true_row) <= GRADIENT


# ------------------------------------------------------------------------- the judge is judged


def textbook_softmax(logits: Any, temperature: float = 1.0) -> Any:
    z = np.asarray(logits, np.float64) / temperature
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def textbook_kl(p_logits: Any, q_logits: Any, temperature: float = 1.0) -> Any:
    p, q = textbook_softmax(p_logits, temperature), textbook_softmax(q_logits, temperature)
    with np.errstate(all="ignore"):
        return (p * (np.log(p) - np.log(q))).sum(axis=-1)


def textbook_kl_gradient(student: Any, teacher: Any, temperature: float = 1.0) -> Any:
    return (
        textbook_softmax(student, temperature) - textbook_softmax(teacher, temperature)
    ) / temperature


@pytest.mark.parametrize(
    ("name", "textbook", "class_name"),
    [
        ("softmax", textbook_softmax, "shift1e8"),
        ("softmax", textbook_softmax, "tails"),
        ("kl_divergence_from_logits", textbook_kl, "near1e-8"),
        ("kl_divergence_from_logits", textbook_kl, "confident"),
        ("kl_divergence_from_logits", textbook_kl, "maskboth"),
        ("forward_kl_loss_grad", textbook_kl_gradient, "near1ulp"),
    ],
)
def test_judge_rejects_the_textbook_formulas_where_they_fail(
    name: str, textbook: Any, class_name: str
) -> None:
    [case] = draw([class_name], np.float64, 2, seed())
    verdicts = list(judge(SimpleNamespace(**{name: textbook}), SUBJECTS[name], case))
    assert any(map(fails, verdicts))
    with pytest.raises(pytest.fail.Exception, match=rf"KDREF_SEED=3\):\n{name} on {class_name}"):
        complain(verdicts, 3)


def test_judge_rejects_a_result_where_there_is_none_and_none_where_there_is_one() -> None:
    [case] = draw(
        ["maskT"], np.float64, 1, seed()
    )  # the teacher excludes what the student believes in
    subject = SUBJECTS["reverse_kl_loss_grad"]

    def finite(*_: object, **__: object) -> Any:
        return np.zeros((1, 10))

    def refusing(*_: object, **__: object) -> Any:
        raise ValueError

    [verdict] = judge(SimpleNamespace(reverse_kl_loss_grad=finite), subject, case)
    assert verdict.error == math.inf
    [verdict] = judge(
        SimpleNamespace(forward_kl_loss_grad=refusing),
        SUBJECTS["forward_kl_loss_grad"],
        case,
    )
    assert verdict.error == math.inf


def test_judge_measures_a_gradient_by_its_largest_entry() -> None:
    [case] = draw(["ordinary"], np.float64, 1, seed())
    subject = SUBJECTS["forward_kl_loss_grad"]

    def off_by_four_units(*inputs: Any, **parameters: Any) -> Any:
        rows = kdref.forward_kl_loss_grad(*inputs, **parameters)
        largest = abs(rows[0]).max()
        rows[0, abs(rows[0]).argmin()] += 4.0 * float(
            gmpy2.exp2(gmpy2.get_exp(gmpy2.mpfr(largest)) - 53)
        )
        return rows

    [verdict] = judge(SimpleNamespace(forward_kl_loss_grad=off_by_four_units), subject, case)
    assert 1.0 < verdict.error < GRADIENT
    assert verdict.elementwise > verdict.error
    assert FLOAT64.bits == 53
