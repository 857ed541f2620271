"""The claims: the numbers support the verdicts, and the laws behind them hold on any input."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kdref._checks import FloatArray
from kdref.article import (
    CLAIMS,
    STUDENT_LOGITS,
    TEACHER_LOGITS,
    gradient_noise,
    gradient_sizes,
    high_temperature_limit,
    label_information,
    rescaling,
    softening,
)
from kdref.divergences import kl_divergence
from kdref.gradcheck import numerical_gradient
from kdref.probabilities import softmax
from tests.strategies import SOME

ROUNDING = 1e-12
"""Of a handful of float64 operations on numbers near 1."""

rows = st.lists(st.floats(-5.0, 5.0), min_size=4, max_size=4)
temperatures = st.floats(0.5, 50.0)
NUMBERS = {claim.words: claim.numbers() for claim in CLAIMS}


def numbers(part: str) -> list[float]:
    """The numbers of the claim whose words contain ``part``."""
    (found,) = [values for words, values in NUMBERS.items() if part in words]
    return list(found.values())


def test_every_claim_has_words_of_the_article_and_finite_numbers() -> None:
    assert len(CLAIMS) == 5
    assert all(np.isfinite(list(values.values())).all() for values in NUMBERS.values())


def test_softening_raises_the_low_classes_but_the_runner_up_only_at_first() -> None:
    at_1, at_3, entropy_1, entropy_3, most, runner_1, runner_2, runner_100 = numbers("适当提升")
    assert at_1 < at_3
    assert entropy_1 < entropy_3 < most
    assert runner_1 < runner_2
    assert runner_100 < runner_1


def test_entropy_rises_while_the_log_odds_fall_with_temperature() -> None:
    none, *bits_and_odds = numbers("更丰富")
    bits, odds = bits_and_odds[:3], bits_and_odds[3:]
    assert none == 0.0
    assert bits == sorted(bits)
    assert odds == pytest.approx([0.13, 0.13 / 3.0, 0.13 / 1000.0], rel=ROUNDING)


def test_t_squared_holds_the_gradient_at_high_t_and_shrinks_it_at_low_t() -> None:
    hard, at_1, soft_3, soft_100, exponent, scaled_3, scaled_100, limit, low, low_scaled = numbers(
        "梯度消失"
    )[:10]
    assert soft_100 < 1e-3 * hard
    assert exponent == pytest.approx(-2.0, abs=0.01)
    assert scaled_3 == pytest.approx(9.0 * soft_3, rel=ROUNDING)
    assert scaled_100 == pytest.approx(limit, rel=0.01)
    assert low > 10.0 * at_1
    assert low_scaled == pytest.approx(0.01 * low, rel=ROUNDING)


def test_a_common_factor_is_a_learning_rate_and_adam_hardly_notices_it() -> None:
    descent, faster, scaled, adam, adam_scaled = numbers("梯度消失")[10:]
    assert faster == scaled  # the factor is 64, so that both ways round alike
    assert descent > 1e6 * scaled
    assert adam == pytest.approx(adam_scaled, rel=1e-3)


@pytest.mark.parametrize("temperature", [0.25, 2.0, 16.0])
def test_rescaling_by_t_squared_is_a_higher_rate_bit_for_bit(
    temperature: float,
) -> None:
    student, teacher = np.random.default_rng(20250814).normal(size=(2, 3, 4))
    runs = rescaling(
        student, teacher, temperature=temperature, rate=0.5, adam_rate=0.1, n_steps=5
    ).losses
    np.testing.assert_array_equal(runs["descent on T² KL"], runs["descent on KL, rate times T²"])
    assert len({losses[0] for losses in runs.values()}) == 1


def test_adam_takes_a_first_step_of_its_rate_whatever_the_gradient() -> None:
    # The first corrected means are g and g², so that the step is rate * g / (|g| + epsilon): from (0, 1) to
    # (0.1, 0.9), where KL of (1, 0) against it at T = 1 is known in closed form.
    runs = rescaling(
        [[0.0, 1.0]], [[1.0, 0.0]], temperature=1.0, rate=1.0, adam_rate=0.1, n_steps=1
    ).losses
    expected = kl_divergence(softmax([1.0, 0.0]), softmax([0.1, 0.9]))
    assert runs["Adam on KL"][1] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rate": 0.0}, "rate must be finite and > 0, got 0.0"),
        ({"adam_rate": -1.0}, "adam_rate must be finite and > 0, got -1.0"),
        ({"n_steps": 0}, "n_steps must be >= 1, got 0"),
        ({"temperature": 0.0}, "temperature must be finite and > 0, got 0.0"),
    ],
)
def test_rescaling_refuses_rates_and_counts_that_are_none(
    wrong: dict[str, float], message: str
) -> None:
    usual: dict[str, Any] = {"temperature": 2.0, "rate": 1.0, "adam_rate": 0.1, "n_steps": 1}
    with pytest.raises(ValueError, match=message):
        rescaling(STUDENT_LOGITS, TEACHER_LOGITS, **(usual | wrong))


def test_t_squared_kl_tends_to_matching_logits() -> None:
    at_3, at_100, limit, error_3, error_100 = numbers("过度衰减")
    assert abs(at_100 - limit) < abs(at_3 - limit) < 0.1 * limit
    assert error_100 < error_3 / 10.0


def test_the_measured_noise_of_a_label_is_the_one_of_the_formula() -> None:
    soft, one, measured, hundred = numbers("学习难度")
    # 200 trials: the root mean square is known to about a tenth.
    assert measured == pytest.approx(one, rel=0.2)
    assert hundred == pytest.approx(one / 10.0, rel=ROUNDING)
    assert one < soft


def test_softening_at_the_figures_of_the_article() -> None:
    sweep = softening(TEACHER_LOGITS[0], [1.0, 3.0])
    assert sweep.probabilities.round(3).tolist() == [[0.885, 0.054, 0.061], [0.554, 0.218, 0.228]]
    assert sweep.temperatures.tolist() == [1.0, 3.0]


def test_the_exercise_of_the_first_notebook_has_the_solution_it_gives() -> None:
    assert softmax([2.9, 0.1, 0.23], 3.95)[0] == pytest.approx(0.5, abs=1e-3)


@SOME
@given(rows, temperatures)
def test_softening_slopes_are_the_derivatives_of_the_probabilities(
    logits: list[float], temperature: float
) -> None:
    sweep = softening(logits, [temperature])

    def probability(k: int) -> Callable[[FloatArray], float]:
        return lambda t: float(softmax(logits, float(t[0]))[k])

    step = 0.1 * temperature
    numerical = [numerical_gradient(probability(k), [temperature], step=step)[0] for k in range(4)]
    # Relative to 1 / T, the size of a slope where anything happens; a logit gap of 10 T bends more.
    np.testing.assert_allclose(
        sweep.slopes[0] * temperature, np.multiply(numerical, temperature), rtol=0.0, atol=1e-5
    )


@SOME
@given(rows, temperatures, st.floats(1.01, 10.0))
def test_entropy_never_falls_as_the_temperature_rises(
    logits: list[float], temperature: float, factor: float
) -> None:
    low, high = softening(logits, [temperature, factor * temperature]).entropies
    assert high >= low - ROUNDING


@SOME
@given(rows, temperatures)
def test_a_class_gains_exactly_while_its_logit_is_below_the_mean(
    logits: list[float], temperature: float
) -> None:
    sweep = softening(logits, [temperature])
    below = sweep.probabilities[0] @ logits - np.array(logits)
    clear = abs(below) > 1e-9
    assert (np.sign(sweep.slopes[0][clear]) == np.sign(below[clear])).all()


@SOME
@given(rows, rows, st.integers(0, 3))
def test_gradient_sizes_agree_with_their_formulas(
    student: list[float], teacher: list[float], label: int
) -> None:
    sizes = gradient_sizes([student], [teacher], [label], [0.5, 2.0])
    p, q = (softmax(x, 2.0) for x in (teacher, student))
    assert sizes.soft[1] == pytest.approx(np.linalg.norm(q - p) / 2.0, abs=ROUNDING)
    assert sizes.scaled == pytest.approx(sizes.soft * [0.25, 4.0], rel=ROUNDING)
    hard = softmax(student) - np.eye(4)[label]
    assert sizes.hard == pytest.approx(np.linalg.norm(hard), abs=ROUNDING)


def test_gradient_sizes_fall_with_one_over_t_squared_only_at_high_t() -> None:
    sizes = gradient_sizes(STUDENT_LOGITS, TEACHER_LOGITS, [0], [0.01, 0.02, 1000.0, 2000.0])
    assert sizes.exponents[0] == pytest.approx(
        -1.0, abs=1e-6
    )  # q - p has reached (0, 0, 1) - (1, 0, 0)
    assert sizes.exponents[-1] == pytest.approx(-2.0, abs=1e-3)


def test_gradient_sizes_of_a_student_that_agrees_have_no_exponent() -> None:
    sizes = gradient_sizes(TEACHER_LOGITS, TEACHER_LOGITS, [0], [1.0, 2.0])
    assert sizes.soft.tolist() == [0.0, 0.0]
    assert np.isnan(sizes.exponents).all()


@SOME
@given(rows, rows, st.floats(-3.0, 3.0))
def test_the_limit_of_t_squared_kl_is_half_the_mean_squared_centred_difference(
    student: list[float], teacher: list[float], shift: float
) -> None:
    difference = np.subtract(student, teacher)
    difference -= difference.mean()
    assume(np.linalg.norm(difference) > 0.1)
    shifted = np.add(teacher, shift)
    limit = high_temperature_limit([student], [shifted], [1e4])
    assert limit.limit == pytest.approx(0.5 * np.mean(difference**2), rel=1e-9)
    # The next term is of the order of the logits' spread over T.
    assert limit.losses[0] == pytest.approx(limit.limit, rel=1e-2)
    assert limit.gradient_errors[0] < 1e-2


def test_high_temperature_limit_refuses_sides_that_agree() -> None:
    with pytest.raises(ValueError, match="norm of the limiting gradient must be finite and > 0"):
        high_temperature_limit(TEACHER_LOGITS, TEACHER_LOGITS, [1.0])


def test_label_information_of_uniform_and_of_certain_rows() -> None:
    # Uniform over four classes: two bits, and nothing to order the wrong classes by.
    uniform = label_information([[0.0, 0.0, 0.0, 0.0]], [1], [1.0])
    assert (uniform.bits.tolist(), uniform.most, uniform.log_odds.tolist()) == ([2.0], 2.0, [0.0])
    # The wrong classes of label 3 hold 1, 5 and 2: the order that counts is 5 before 2.
    ordered = label_information([[1.0, 5.0, 2.0, 9.0]], [3], [1.0, 2.0])
    assert ordered.log_odds.tolist() == [3.0, 1.5]


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        ([[1.0, 2.0]], [0], "number of classes must be >= 3, got 2"),
        ([[1.0, 2.0, 3.0]], [3], r"labels must lie in 0 \.\. 2, got 3"),
        ([[1.0, 2.0, 3.0]], [0, 1], r"labels must have shape \(1,\)"),
        ([1.0, 2.0, 3.0], [0], r"teacher_logits must have shape \(N, C\)"),
    ],
)
def test_label_information_refuses_what_does_not_fit(
    logits: list[float], labels: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        label_information(logits, labels, [1.0])


def test_gradient_noise_falls_with_the_square_root_of_the_draws() -> None:
    noise = gradient_noise(
        [0.0, 1.0, 2.0], [2.0, 1.0, 0.0], [1, 100], rng=np.random.default_rng(5), n_trials=2000
    )
    assert noise.expected[1] == pytest.approx(noise.expected[0] / 10.0, rel=ROUNDING)
    # 2000 trials: the root mean square is known to about 2 %.
    np.testing.assert_allclose(noise.errors, noise.expected, rtol=0.08)
    assert noise.soft == pytest.approx(np.linalg.norm(softmax([0, 1, 2]) - softmax([2, 1, 0])))


@pytest.mark.parametrize(
    ("draws", "trials", "message"),
    [([0], 1, "n_draws must be >= 1, got 0"), ([1], 0, "n_trials must be >= 1, got 0")],
)
def test_gradient_noise_refuses_counts_below_one(
    draws: list[int], trials: int, message: str
) -> None:
    rng = np.random.default_rng(5)
    with pytest.raises(ValueError, match=message):
        gradient_noise([0.0, 1.0], [1.0, 0.0], draws, rng=rng, n_trials=trials)


def test_one_distribution_is_softened_at_a_time() -> None:
    with pytest.raises(ValueError, match=r"logits must have shape \(C,\), got \(1, 2\)"):
        softening([[1.0, 2.0]], [1.0])


def test_gradient_noise_is_that_of_one_example_and_of_a_generator() -> None:
    rng: Any = np.random.default_rng(5)
    with pytest.raises(ValueError, match=r"teacher_logits must have shape \(C,\), got \(1, 2\)"):
        gradient_noise([[0.0, 1.0]], [[1.0, 0.0]], [1], rng=rng)
    rng = 7
    with pytest.raises(TypeError, match=r"rng must be a numpy.random.Generator, got 7"):
        gradient_noise([0.0, 1.0], [1.0, 0.0], [1], rng=rng)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_the_sweeps_refuse_a_temperature_that_is_none(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature must be finite and > 0"):
        softening([1.0, 2.0], [1.0, temperature])
    with pytest.raises(ValueError, match="temperature must be finite and > 0"):
        high_temperature_limit(STUDENT_LOGITS, TEACHER_LOGITS, [1.0, temperature])
