from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdref.losses import distillation_loss, forward_kl_loss, hard_label_loss, hard_label_loss_grad
from kdref.network import Parameters, backward, forward, initialise
from kdref.training import (
    Adam,
    EpochReport,
    Optimiser,
    OptimiserState,
    Schedule,
    Sgd,
    Trained,
    accuracy,
    distil,
    train,
)
from tests.strategies import FEW, SOME, seeds

RNG = np.random.default_rng(20150309)
INPUTS = RNG.normal(size=(23, 5))
LABELS = RNG.integers(0, 3, 23)
TEACHER = RNG.normal(0.0, 2.0, (23, 3))
START = initialise((5, 4, 3), rng=RNG, activation="tanh")
SCHEDULE = Schedule(Adam(0.01), n_epochs=3, batch_size=10, activation="tanh", dropout=0.3)


def layer(weight: float, bias: float) -> Parameters:
    return [(np.array([[weight]]), np.array([bias]))]


def numbers(parameters: Parameters) -> list[float]:
    return [float(x) for weights, bias in parameters for x in (*weights.ravel(), *bias)]


def fitted(schedule: Schedule = SCHEDULE, seed: int = 7, **options: Any) -> Trained:
    return train(
        START, INPUTS, LABELS, schedule=schedule, rng=np.random.default_rng(seed), **options
    )


def distilled(
    labels: Any, schedule: Schedule = SCHEDULE, teacher: Any = TEACHER, **options: Any
) -> Trained:
    rng = np.random.default_rng(7)
    return distil(START, INPUTS, teacher, labels, schedule=schedule, rng=rng, **options)


def test_sgd_by_hand() -> None:
    # Momentum 1/2, learning rate 1/10, gradients 4 then 2: velocities 4 and 2 + 4/2 = 4; 1 - 0.4 - 0.4.
    optimiser = Sgd(learning_rate=0.1, momentum=0.5)
    state = optimiser.step(optimiser.start(layer(1.0, 0.0)), layer(4.0, -4.0))
    assert numbers(state.parameters) == pytest.approx([0.6, 0.4], rel=1e-15)
    state = optimiser.step(state, layer(2.0, -2.0))
    assert numbers(state.parameters) == pytest.approx([0.2, 0.8], rel=1e-15)
    assert numbers(state.moments[0]) == [4.0, -4.0]
    assert state.n_steps == 2


def test_adam_by_hand() -> None:
    # beta1 = 1/2, beta2 = 3/4, epsilon negligible, gradients 4 then 2.
    # m: 2, then 1 + 1 = 2, corrected by 1/2 and 3/4: 4, 8/3.
    # v: 4, then 3 + 1 = 4, corrected by 1/4 and 7/16: 16, 64/7.  Steps 4/4 = 1 and (8/3) / (8 / sqrt 7).
    optimiser = Adam(learning_rate=0.1, beta1=0.5, beta2=0.75, epsilon=1e-300)
    state = optimiser.step(optimiser.start(layer(1.0, 0.0)), layer(4.0, 0.0))
    assert numbers(state.parameters) == pytest.approx([0.9, 0.0], rel=1e-15)
    state = optimiser.step(state, layer(2.0, 0.0))
    assert numbers(state.parameters)[0] == pytest.approx(0.9 - 0.1 * np.sqrt(7.0) / 3.0, rel=1e-15)
    assert (numbers(state.moments[0])[0], numbers(state.moments[1])[0]) == (2.0, 4.0)


def test_weight_decay_shrinks_weights_and_leaves_biases() -> None:
    # A zero gradient: 10 - 0.1 * 0.5 * 10 = 9.5.
    optimiser = Adam(learning_rate=0.1, weight_decay=0.5)
    state = optimiser.step(optimiser.start(layer(10.0, 10.0)), layer(0.0, 0.0))
    assert numbers(state.parameters) == [9.5, 10.0]


@SOME
@given(seeds, st.floats(1e-4, 1.0))
def test_without_momentum_sgd_is_plain_gradient_descent(seed: int, rate: float) -> None:
    rng = np.random.default_rng(seed)
    theta, *gradients = [initialise((3, 2), rng=rng) for _ in range(4)]
    optimiser = Sgd(rate)
    state = optimiser.start(theta)
    expected = np.array(numbers(theta))
    for gradient in gradients:
        state = optimiser.step(state, gradient)
        expected = expected - rate * np.array(numbers(gradient))
    assert numbers(state.parameters) == expected.tolist()


@SOME
@given(st.floats(1e-4, 1.0), st.floats(1e-3, 1e6), st.sampled_from([-1.0, 1.0]))
def test_adams_first_step_is_the_learning_rate_against_the_gradient(
    rate: float, size: float, sign: float
) -> None:
    state = Adam(rate).step(Adam(rate).start(layer(0.0, 0.0)), layer(sign * size, 0.0))
    # epsilon 1e-8 beside a gradient of at least 1e-3 shortens the step by 1e-5 at most.
    assert numbers(state.parameters)[0] == pytest.approx(-sign * rate, rel=1.01e-5)


@pytest.mark.parametrize("optimiser", [Sgd(0.1, 0.9), Adam(0.1, weight_decay=0.1)])
def test_a_step_writes_to_nothing_it_was_given(optimiser: Optimiser) -> None:
    state, gradients = optimiser.start(layer(1.0, 2.0)), layer(3.0, 4.0)
    before = numbers(state.parameters), [numbers(m) for m in state.moments], numbers(gradients)
    for _ in range(2):
        optimiser.step(state, gradients)
    assert before == (
        numbers(state.parameters),
        [numbers(m) for m in state.moments],
        numbers(gradients),
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sgd(0.0), "learning_rate must be finite and > 0, got 0.0"),
        (lambda: Sgd(0.1, 1.5), r"momentum must lie in \[0, 1\], got 1.5"),
        (lambda: Adam(-1.0), "learning_rate must be finite and > 0, got -1.0"),
        (lambda: Adam(beta1=1.0), r"beta1 must lie in \[0, 1\), got 1.0"),
        (lambda: Adam(beta2=-0.1), r"beta2 must lie in \[0, 1\), got -0.1"),
        (lambda: Adam(epsilon=0.0), "epsilon must be finite and > 0, got 0.0"),
        (lambda: Adam(weight_decay=-1.0), "weight_decay must be finite and >= 0, got -1.0"),
        (lambda: Adam(weight_decay=np.inf), "weight_decay must be finite and >= 0, got inf"),
        (lambda: Schedule(Sgd(0.1), n_epochs=0), "n_epochs must be >= 1, got 0"),
        (lambda: Schedule(Sgd(0.1), 1, batch_size=0), "batch_size must be >= 1, got 0"),
        (
            lambda: Schedule(Sgd(0.1), 1, activation="gelu"),
            "activation must be one of 'relu', 'tanh'",
        ),
        (lambda: Schedule(Sgd(0.1), 1, dropout=1.0), r"dropout must lie in \[0, 1\), got 1.0"),
    ],
)
def test_hyper_parameters_out_of_range_are_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_one_step_on_all_examples_is_gradient_descent_on_their_loss() -> None:
    schedule = Schedule(Sgd(0.5), n_epochs=1, batch_size=23, activation="tanh")
    passed = forward(START, INPUTS, activation="tanh")
    gradients = backward(START, passed, hard_label_loss_grad(passed.logits, LABELS))
    expected = np.array(numbers(START)) - 0.5 * np.array(numbers(gradients))
    # The shuffled rows are added up in another order.
    np.testing.assert_allclose(numbers(fitted(schedule).parameters), expected, rtol=1e-12)


@dataclass(frozen=True)
class Recording(Sgd):
    """Notes how many steps were taken and how large each gradient's batch can have been."""

    def step(self, state: OptimiserState, gradients: Parameters) -> OptimiserState:
        BIAS_GRADIENTS.append(gradients[-1][1])
        return super().step(state, gradients)


BIAS_GRADIENTS: list[Any] = []


def test_every_epoch_shows_each_example_once() -> None:
    # At a learning rate too small to move anything, the last bias's gradient is the mean of r - onehot over the
    # batch; over an epoch, weighted by the sizes 10, 10, 3, the batches add up to the gradient of all 23.
    BIAS_GRADIENTS.clear()
    fitted(Schedule(Recording(1e-300), n_epochs=2, batch_size=10, activation="tanh"))
    whole = hard_label_loss_grad(forward(START, INPUTS, activation="tanh").logits, LABELS).sum(0)
    assert len(BIAS_GRADIENTS) == 6
    for epoch in (BIAS_GRADIENTS[:3], BIAS_GRADIENTS[3:]):
        total = 10 * epoch[0] + 10 * epoch[1] + 3 * epoch[2]
        np.testing.assert_allclose(total / 23, whole, rtol=1e-12)
    assert not np.allclose(BIAS_GRADIENTS[0], BIAS_GRADIENTS[3])  # in another order


@FEW
@given(seeds)
def test_the_same_generator_gives_the_same_network(seed: int) -> None:
    first, second = fitted(seed=seed), fitted(seed=seed)
    assert numbers(first.parameters) == numbers(second.parameters)
    assert first.history == second.history
    assert numbers(fitted(seed=seed + 1).parameters) != numbers(first.parameters)


def test_training_does_not_write_to_where_it_began() -> None:
    before = numbers(START)
    fitted()
    distilled(LABELS)
    assert numbers(START) == before


def test_with_alpha_zero_distilling_is_training_on_labels() -> None:
    student, trained = distilled(LABELS, alpha=0.0), fitted()
    assert numbers(student.parameters) == numbers(trained.parameters)
    assert student.history == trained.history


def test_with_alpha_one_the_labels_teach_nothing() -> None:
    with_labels, without = distilled(LABELS, alpha=1.0), distilled(None, alpha=1.0)
    assert numbers(with_labels.parameters) == numbers(without.parameters)
    assert with_labels.history.loss == without.history.loss
    assert without.history.train_accuracy is None


def test_a_student_of_its_teachers_kind_becomes_its_teacher() -> None:
    # A linear teacher is within reach of a linear student, and the loss is convex: KL tends to 0.
    rng = np.random.default_rng(3)
    teacher: Parameters = [(rng.normal(size=(5, 3)), rng.normal(size=3))]
    logits = forward(teacher, INPUTS).logits
    student = distil(
        [(np.zeros((5, 3)), np.zeros(3))],
        INPUTS,
        logits,
        None,
        temperature=2.0,
        alpha=1.0,
        schedule=Schedule(Adam(0.05), n_epochs=400, batch_size=23),
        rng=rng,
    ).parameters
    assert forward_kl_loss(forward(student, INPUTS).logits, logits) < 1e-5
    assert forward_kl_loss(np.zeros((23, 3)), logits) > 0.5


def test_the_history_is_measured_without_dropout_on_all_examples() -> None:
    validation = (INPUTS[:7], LABELS[:7])
    student = distilled(LABELS, temperature=3.0, alpha=0.6, validation=validation)
    logits = forward(student.parameters, INPUTS, activation="tanh").logits
    history = student.history
    assert len(history.loss) == 3
    assert history.train_accuracy is not None
    assert history.validation_loss is not None
    assert history.validation_accuracy is not None
    assert history.loss[-1] == distillation_loss(
        logits, TEACHER, LABELS, temperature=3.0, alpha=0.6
    )
    assert history.train_accuracy[-1] == accuracy(logits, LABELS)
    assert history.validation_loss[-1] == pytest.approx(
        hard_label_loss(logits[:7], LABELS[:7]), rel=1e-12
    )
    assert history.validation_accuracy[-1] == accuracy(logits[:7], LABELS[:7])


def test_validation_changes_nothing_but_the_history() -> None:
    with_validation, without = fitted(validation=(INPUTS[:7], LABELS[:7])), fitted()
    assert numbers(with_validation.parameters) == numbers(without.parameters)
    assert without.history.validation_loss is None
    assert without.history.validation_accuracy is None


def test_the_callback_sees_each_epoch_and_its_network() -> None:
    reports: list[EpochReport] = []
    trained = fitted(callback=reports.append)
    assert [report.epoch for report in reports] == [1, 2, 3]
    assert tuple(report.loss for report in reports) == trained.history.loss
    assert numbers(reports[-1].parameters) == numbers(trained.parameters)
    assert numbers(reports[0].parameters) != numbers(reports[1].parameters)


def test_the_network_keeps_float32() -> None:
    start = [(weights.astype(np.float32), bias.astype(np.float32)) for weights, bias in START]
    for optimiser in (Sgd(0.1, 0.9), Adam(0.01, weight_decay=0.1)):
        trained = train(
            start,
            INPUTS.astype(np.float32),
            LABELS,
            schedule=replace(SCHEDULE, optimiser=optimiser),
            rng=np.random.default_rng(0),
        )
        assert {array.dtype for pair in trained.parameters for array in pair} == {
            np.dtype(np.float32)
        }


def test_a_diverging_loss_stops_with_the_epoch_and_the_step() -> None:
    # The first step throws the weights to 1e307; the logits of the next batch overflow.
    schedule = Schedule(Sgd(1e308), n_epochs=3, batch_size=10)
    message = "the loss must stay finite, got a logit of -?(nan|inf) at epoch 1, step 2 "
    with pytest.raises(FloatingPointError, match=message):
        fitted(schedule)


def test_a_loss_that_diverges_in_the_last_step_stops_at_the_end_of_the_epoch() -> None:
    schedule = Schedule(Sgd(1e308), n_epochs=1, batch_size=23)
    with pytest.raises(FloatingPointError, match=r"got a logit of .* at the end of epoch 1 "):
        fitted(schedule)


def test_an_infinite_loss_of_finite_logits_stops_too() -> None:
    # T^2 KL of logits around 1e308 is beyond float64; the rate is so small that the logits stay as they are.
    start = [(np.full((1, 2), 1.0), np.array([1e307, -1e307]))]
    with pytest.raises(FloatingPointError, match="got a loss of inf at the end of epoch 1 "):
        distil(
            start,
            np.ones((1, 1)),
            [[-1e307, 1e307]],
            None,
            temperature=1e3,
            alpha=1.0,
            schedule=Schedule(Sgd(1e-300), n_epochs=1),
            rng=np.random.default_rng(0),
        )


A_SEED: Any = 7


def test_schedule_refuses_the_mere_name_of_an_optimiser() -> None:
    name: Any = "sgd"
    with pytest.raises(TypeError, match="optimiser must be Sgd or Adam, got 'sgd'"):
        Schedule(name, n_epochs=1)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([[0], [1]], ValueError, r"labels must have shape \(2,\), one entry a row, got \(2, 1\)"),
        ([0], ValueError, r"labels must have shape \(2,\), one entry a row, got \(1,\)"),
        ([0.0, 1.0], TypeError, "labels must be integer class ids"),
    ],
)
def test_accuracy_refuses_labels_that_would_be_broadcast(
    labels: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        accuracy(np.eye(2), labels)


def test_accuracy_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"logits must have shape \(N, C\) with N >= 1"):
        accuracy(np.zeros((0, 2)), [])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: train(START, INPUTS, LABELS[:5], schedule=SCHEDULE, rng=RNG),
            ValueError,
            r"labels must have shape \(23,\), one entry a row, got \(5,\)",
        ),
        (
            lambda: train(START, INPUTS, LABELS + 1, schedule=SCHEDULE, rng=RNG),
            ValueError,
            r"labels must lie in 0 \.\. 2, got 3",
        ),
        (
            lambda: train(START, INPUTS, LABELS, schedule=SCHEDULE, rng=A_SEED),
            TypeError,
            "rng must be a numpy.random.Generator, got 7",
        ),
        (
            lambda: distilled(LABELS, teacher=TEACHER[:5]),
            ValueError,
            "each of the 23 inputs, got 5",
        ),
        (lambda: distilled(None), ValueError, "labels must be given unless alpha is 1, got None"),
        (lambda: distilled(LABELS, temperature=0.0), ValueError, "temperature must be finite"),
        (lambda: distilled(LABELS, alpha=1.1), ValueError, r"alpha must lie in \[0, 1\], got 1.1"),
    ],
)
def test_wrong_arguments_are_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
