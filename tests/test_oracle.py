"""The oracle judges everything else, so it is judged first: by hand, by doubled precision, by differentiation.

Nothing of kdref is imported here.
"""

import ast
import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import gmpy2
import numpy as np
import pytest
from gmpy2 import mpfr

from tests.accuracy_inputs import CLASSES, WIDEST, Case, seed
from tests.oracle import divergences, rows
from tests.oracle.batch import LOSSES, batch_gradient, batch_value, loss, loss_gradient
from tests.oracle.precision import BITS, bits_for, working_precision
from tests.oracle.rounding import FLOAT16, FLOAT32, FLOAT64, rounded, ulps, ulps_in_norm

PARAMETERS = {
    "label_smoothing": {"smoothing": 0.3},
    "virtual_teacher": {"confidence": 0.8},
    "symmetric_kl": {"forward_weight": 0.3},
    "generalised_js": {"beta": 0.3},
    "skew_forward_kl": {"skew": 0.3},
    "skew_reverse_kl": {"skew": 0.3},
    "distillation": {"alpha": 0.6},
}
"""What the losses take beside a temperature."""


def arguments(name: str, case: Case, row: int) -> tuple[list[Any], dict[str, Any]]:
    """One example of a case, as the row functions of the oracle take it."""
    student, teacher, label = case.student[row], case.teacher[row], int(case.labels[row])
    given = PARAMETERS.get(name, {})
    if name in ("hard_label", "label_smoothing"):
        return [student, label], given
    options = {"temperature": case.temperature, **given}
    if name == "virtual_teacher":
        return [student, label], options
    return [student, teacher, label] if name == "distillation" else [student, teacher], options


def test_oracle_imports_nothing_of_kdref() -> None:
    for path in sorted((Path(__file__).parent / "oracle").glob("**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "kdref" for name in names), path.name


# By hand: the teacher says 3 : 1, the student is undecided, so p = (3/4, 1/4) and q = (1/2, 1/2).
TEACHER, STUDENT = [[math.log(3.0), 0.0]], [[0.0, 0.0]]


@pytest.mark.parametrize(
    ("name", "inputs", "value", "gradient"),
    [
        # 3/4 log(3/2) + 1/4 log(1/2) = 3/4 log 3 - log 2; q - p.
        ("forward_kl", (STUDENT, TEACHER), 0.75 * math.log(3) - math.log(2), [-0.25, 0.25]),
        # 1/2 log(2/3) + 1/2 log 2 = log 2 - 1/2 log 3;
        # q_1 (log(q_1/p_1) - RKL) = 1/2 (log(2/3) - log 2 + 1/2 log 3) = -1/4 log 3.
        (
            "reverse_kl",
            (STUDENT, TEACHER),
            math.log(2) - 0.5 * math.log(3),
            [-0.25 * math.log(3), 0.25 * math.log(3)],
        ),
        # -3/4 log(1/2) - 1/4 log(1/2).
        ("soft_cross_entropy", (STUDENT, TEACHER), math.log(2), [-0.25, 0.25]),
        # -log(1/2); q - onehot(1).
        ("hard_label", (STUDENT, [1]), math.log(2), [0.5, -0.5]),
        # (|3/4 - 1/2| + |1/4 - 1/2|) / 2; signs (-1/2, 1/2) have mean 0 under q: q times them.
        ("total_variation", (STUDENT, TEACHER), 0.25, [-0.25, 0.25]),
        # m = (5/8, 3/8): 1/2 (3/4 log(6/5) + 1/4 log(2/3)) + 1/2 (1/2 log(4/5) + 1/2 log(4/3));
        # slopes 1/2 log(4/5) and 1/2 log(4/3), difference 1/2 log(5/3): q_1 q_2 times it.
        (
            "generalised_js",
            (STUDENT, TEACHER),
            0.5 * (0.75 * math.log(6 / 5) + 0.25 * math.log(2 / 3))
            + 0.25 * (math.log(4 / 5) + math.log(4 / 3)),
            [-0.125 * math.log(5 / 3), 0.125 * math.log(5 / 3)],
        ),
    ],
)
def test_oracle_gives_the_values_worked_out_by_hand(
    name: str, inputs: tuple[Any, ...], value: float, gradient: list[float]
) -> None:
    # The right sides are rounded a few times in float64.
    assert loss(name, *inputs) == pytest.approx(value, rel=1e-15)
    assert loss_gradient(name, *inputs)[0] == pytest.approx(gradient, rel=1e-15)


def test_oracle_composes_the_distillation_loss_by_hand() -> None:
    # T = 2 softens log 3 : 0 to sqrt(3) : 1; alpha = 3/4, T^2 = 4.
    root = math.sqrt(3.0)
    soft = sum(p * math.log(2 * p) for p in (root / (1 + root), 1 / (1 + root)))
    got = loss("distillation", STUDENT, TEACHER, [1], temperature=2.0, alpha=0.75)
    assert got == pytest.approx(0.25 * math.log(2) + 0.75 * 4 * soft, rel=1e-14)


def test_oracle_weights_are_shares_and_a_row_of_weight_zero_is_not_looked_at() -> None:
    student, teacher = (
        [[0.0, 0.0], [1.0, 0.0], [math.nan, 0.0]],
        [[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]],
    )
    got = loss("forward_kl", student, teacher, weights=[1.0, 3.0, 0.0])
    first, second = (
        loss("forward_kl", [s], [t]) for s, t in zip(student[:2], teacher[:2], strict=True)
    )
    assert got == pytest.approx((first + 3 * second) / 4, rel=1e-15)
    assert loss_gradient("forward_kl", student, teacher, weights=[1.0, 3.0, 0.0])[2] == [0.0, 0.0]


def test_oracle_treats_excluded_classes_as_absent() -> None:
    whole, masked = [[1.0, 2.0, 0.5]], [[1.0, 2.0, -math.inf]]
    assert loss("forward_kl", masked, masked) == 0.0
    assert loss("forward_kl", masked, whole) == math.inf
    assert loss("forward_kl", whole, masked) < math.inf
    assert loss("soft_cross_entropy", masked, [[0.0, -math.inf, -math.inf]]) < math.inf
    assert loss("soft_cross_entropy", masked, [[-math.inf, -math.inf, 0.0]]) == math.inf
    assert loss("forward_kl", masked, [[-math.inf, -math.inf, 0.0]]) == math.inf
    assert loss_gradient("forward_kl", masked, masked) == [[0.0, 0.0, 0.0]]
    with pytest.raises(ValueError, match="reverse KL is infinite"):
        batch_gradient("reverse_kl", whole, masked)
    # Nothing in common: KL to the even mixture is log 2 on both sides.
    apart = loss("generalised_js", [[0.0, -math.inf]], [[-math.inf, 0.0]])
    assert apart == pytest.approx(math.log(2), rel=1e-15)


def test_oracle_handles_the_largest_and_the_smallest_floats() -> None:
    assert loss("soft_cross_entropy", [[1e300, -1e300]], [[-1e300, 1e300]]) == 2e300
    assert loss("hard_label", [[0.0, -700.0]], [0]) == pytest.approx(math.exp(-700.0), rel=1e-15)
    assert loss_gradient("hard_label", [[0.0, 5e-324]], [0]) == [[-0.5, 0.5]]
    with working_precision():
        # log(e^0 + e^-130) = e^-130 (1 - ...): sixty digits of log-sum-exp end before it.
        assert rounded(rows.logsumexp([0.0, -130.0])) == pytest.approx(math.exp(-130.0), rel=1e-15)
        # Two halves of a unit: z and z + 5e-324 differ by it, whatever stands beside them.
        first, second, _ = rows.log_softmax([5e-324, 0.0, -1e300])
        assert rounded(first - second) == 5e-324


def test_oracle_divergences_of_probabilities_keep_the_definition_for_rows_that_miss_one() -> None:
    # Only the definition is asked for: 1/2 log((1/2) / (3/5)) + 1/2 log((1/2) / (1/2)) is negative.
    got = rounded(divergences.kl_divergence([0.5, 0.5], [0.6, 0.5]))
    assert got == pytest.approx(0.5 * math.log(5 / 6), rel=1e-15)
    assert divergences.kl_divergence([1.0, 0.0], [0.0, 1.0]) == rows.INFINITY
    assert divergences.cross_entropy([1.0, 0.0], [1.0, 0.0]) == 0
    assert divergences.entropy([0.5, 0.5, 0.0]) == pytest.approx(math.log(2), rel=1e-15)
    assert divergences.cross_entropy_gradient([0.5, 0.5, 0.0], [0.25, 0.75, 0.0])[2] == 0


def test_softmax_jacobian_is_what_softmax_vjp_multiplies_by() -> None:
    logits, cotangent = [0.3, -1.2, 4.0], [1.0, -2.5, 0.125]
    with working_precision():
        jacobian = rows.softmax_jacobian(logits, 1.5)
        product = [rows.dot(row, rows.exact(cotangent)) for row in jacobian]  # symmetric: v J = J v
        for got, expected in zip(rows.softmax_vjp(logits, cotangent, 1.5), product, strict=True):
            assert ulps(rounded(got), expected) <= 0.5


# ------------------------------------------------------------------------------ differentiation


def slope(function: Callable[[list[mpfr]], mpfr], row: list[float], k: int) -> mpfr:
    """A central difference; at 2400 bits a step of 2^-600 leaves about 1200 right bits."""
    step = gmpy2.exp2(mpfr(-600))
    sides = []
    for sign in (1, -1):
        moved = list(rows.exact(row))
        moved[k] += sign * step
        sides.append(function(moved))
    return (sides[0] - sides[1]) / (2 * step)


@pytest.mark.parametrize("name", LOSSES)
def test_oracle_gradients_are_the_derivatives_of_the_oracle_values(name: str) -> None:
    case = CLASSES["ordinary"](np.random.default_rng(31), np.float64, 1)
    case = replace(case, temperature=2.5)
    (student, *others), options = arguments(name, case, 0)
    with working_precision():
        gradient = LOSSES[name].gradient(student, *others, **options)
        for k, entry in enumerate(gradient):
            numeric = slope(lambda s: LOSSES[name].value(s, *others, **options), list(student), k)
            assert abs(numeric - entry) <= gmpy2.exp2(mpfr(-1000)) * abs(entry)


def test_oracle_gradients_of_divergences_are_the_derivatives_with_respect_to_q() -> None:
    p, q = [0.5, 0.25, 0.25], [0.125, 0.625, 0.25]
    for value, gradient in (
        (divergences.cross_entropy, divergences.cross_entropy_gradient),
        (divergences.kl_divergence, divergences.kl_divergence_gradient),
    ):
        with working_precision():
            for k, entry in enumerate(gradient(p, q)):
                numeric = slope(partial(value, p), q, k)
                assert abs(numeric - entry) <= gmpy2.exp2(mpfr(-1000)) * abs(entry)


# ---------------------------------------------------------------------------- doubled precision


@pytest.mark.parametrize(
    "class_name",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "C1000" else ())  # it takes seconds
        for name in CLASSES
    ],
)
def test_oracle_agrees_with_itself_at_doubled_precision(class_name: str) -> None:
    check_against_doubled_precision(
        CLASSES[class_name](np.random.default_rng(seed()), np.float64, 1)
    )


@pytest.mark.slow
def test_oracle_agrees_with_itself_at_doubled_precision_on_100_000_classes() -> None:
    check_against_doubled_precision(WIDEST(np.random.default_rng(seed()), np.float64, 1))


def check_against_doubled_precision(case: Case) -> None:
    """One row; every loss, value and gradient, far beyond the last bit of float64.

    Not the rounded results: a number halfway between two floats but for e^-10000 is rounded by that.
    """
    bits = bits_for(case.student.shape[-1])
    for name in LOSSES:
        (student, *others), options = arguments(name, case, 0)
        inputs = [[argument] for argument in (student, *others)]
        once, twice = (batch_value(name, *inputs, bits=b, **options) for b in (bits, 2 * bits))
        assert agree(once, twice), name
        if once < math.inf:
            gradients = [
                batch_gradient(name, *inputs, bits=b, **options)[0] for b in (bits, 2 * bits)
            ]
            assert all(map(agree, *gradients)), name


def agree(once: mpfr, twice: mpfr) -> bool:
    """Whether 200 bits are the same, or all down to 2^-1300."""
    if once == twice:
        return True
    with working_precision():
        error = abs(once - twice)
        return bool(error <= gmpy2.exp2(mpfr(-200)) * abs(twice) + gmpy2.exp2(mpfr(-1300)))


# -------------------------------------------------------------------------------------- rounding


@pytest.mark.parametrize(
    ("truth", "nearest"),
    [
        (Fraction(1) + Fraction(1, 2**53), 1.0),  # a tie goes to the even neighbour
        (Fraction(1) + Fraction(1, 2**53) + Fraction(1, 2**900), 1.0 + 2.0**-52),
        (Fraction(3, 2**1075), 2 * 5e-324),  # a tie between subnormals
        (Fraction(1, 2**1075), 0.0),
        (Fraction(1, 2**1075) + Fraction(1, 2**1500), 5e-324),
        (Fraction(2**1024), math.inf),
        (Fraction(-1, 3), -1 / 3),
    ],
)
def test_rounded_gives_the_nearest_float_also_outside_the_working_precision(
    truth: Fraction, nearest: float
) -> None:
    with working_precision():
        number = mpfr(truth.numerator) / mpfr(truth.denominator)
    assert rounded(number) == nearest


def test_ulps_counts_units_in_the_last_place_of_the_truth() -> None:
    one = mpfr(1)
    assert ulps(1.0 + 2.0**-52, one) == 1.0
    assert ulps(1.0 - 2.0**-53, one) == 0.5
    assert ulps(1.0 + 2.0**-23, one, FLOAT32) == 1.0
    assert ulps(1.0 + 2.0**-10, one, FLOAT16) == 1.0
    assert ulps(0.0, mpfr(5e-324)) == 1.0
    assert ulps(0.0, mpfr(2.0**-1022)) == 2.0**52
    assert ulps(3.0, mpfr(2), scale=mpfr(8)) == 2.0**49
    assert ulps_in_norm([1.0, 2.0**-52], [mpfr(1), mpfr(0)]) == 1.0


@pytest.mark.parametrize(
    ("got", "truth"),
    [
        (math.nan, mpfr(1)),
        (math.inf, mpfr(1)),
        (1e308, mpfr("inf")),
        (-math.inf, mpfr("inf")),
        (5e-324, mpfr(0)),
        (1.0, mpfr("nan")),
    ],
)
def test_ulps_is_infinite_for_what_no_unit_measures(got: float, truth: mpfr) -> None:
    assert ulps(got, truth) == math.inf


def test_ulps_accepts_an_infinity_only_where_the_format_rounds_to_it() -> None:
    assert ulps(math.inf, mpfr("inf")) == 0.0
    assert ulps(math.inf, mpfr(65520), FLOAT16) == 0.0
    assert ulps(math.inf, mpfr(65519), FLOAT16) == math.inf
    assert ulps(65504.0, mpfr(65519), FLOAT16) < 0.5
    with working_precision():
        edge = mpfr(FLOAT64.largest) + gmpy2.exp2(mpfr(970))
        assert ulps(math.inf, edge) == 0.0
        assert ulps(FLOAT64.largest, edge) == math.inf
    assert BITS == 2400
