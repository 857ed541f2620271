"""The composite beyond the laws of the registry."""

import math
import re
from typing import Any

import numpy as np
import pytest

from kdref import (
    LOSSES,
    distillation_loss,
    distillation_loss_grad,
    forward_kl_loss,
    forward_kl_loss_grad,
    hard_label_loss,
    hard_label_loss_grad,
)
from tests.strategies import normal_call

CALL = normal_call(LOSSES["distillation"], np.random.default_rng(5))
STUDENT, TEACHER, LABELS = CALL.inputs.values()

TWINS = [distillation_loss, distillation_loss_grad]


def test_distillation_loss_by_hand() -> None:
    # T = 2, alpha = 1/4: p = (3/4, 1/4), q = (1/2, 1/2) at T; the student pays log 2 for its label.
    teacher, student = 2.0 * np.log([[3.0, 1.0]]), np.zeros((1, 2))
    kl = 0.75 * math.log(1.5) - 0.25 * math.log(2.0)
    options = {"temperature": 2.0, "alpha": 0.25}
    value = distillation_loss(student, teacher, [0], **options)
    assert value == pytest.approx(0.75 * math.log(2.0) + 0.25 * 4.0 * kl, rel=1e-14)
    # The hard gradient is (r - onehot) 3/4, the soft one 1/4 * 4 * (q - p) / 2.
    gradient = distillation_loss_grad(student, teacher, [0], **options)
    np.testing.assert_allclose(gradient, [[-0.375 - 0.125, 0.375 + 0.125]], rtol=1e-14)


def test_article_product_of_t_squared_and_kl() -> None:
    # The article's soft labels and the student's, T = 3: the logits are 3 log p and 3 log q.
    teacher = 3.0 * np.log([[0.554, 0.218, 0.228]])
    student = 3.0 * np.log([[0.26, 0.32, 0.42]])
    p, q = (0.554, 0.218, 0.228), (0.26, 0.32, 0.42)
    by_hand = 9.0 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    value = distillation_loss(student, teacher, None, temperature=3.0, alpha=1.0)
    assert value == pytest.approx(by_hand, rel=1e-14)


def test_it_is_the_weighted_sum_of_its_terms_with_t_squared_on_the_soft_one() -> None:
    options: dict[str, Any] = {"temperature": 3.0, "weights": [1.0, 2.0, 0.5]}
    hard = hard_label_loss(STUDENT, LABELS, weights=[1.0, 2.0, 0.5])
    soft = forward_kl_loss(STUDENT, TEACHER, **options)
    value = distillation_loss(STUDENT, TEACHER, LABELS, alpha=0.7, **options)
    assert value == pytest.approx(0.3 * hard + 0.7 * 9.0 * soft, rel=1e-14)
    hard_grad = hard_label_loss_grad(STUDENT, LABELS, weights=[1.0, 2.0, 0.5])
    soft_grad = forward_kl_loss_grad(STUDENT, TEACHER, **options)
    gradient = distillation_loss_grad(STUDENT, TEACHER, LABELS, alpha=0.7, **options)
    np.testing.assert_allclose(gradient, 0.3 * hard_grad + 6.3 * soft_grad, rtol=1e-13, atol=1e-16)


def test_temperature_is_four_and_alpha_nine_tenths_unless_given() -> None:
    stated = {"temperature": 4.0, "alpha": 0.9}
    for twin in TWINS:
        default = twin(STUDENT, TEACHER, LABELS)
        np.testing.assert_array_equal(default, twin(STUDENT, TEACHER, LABELS, **stated))
        for other in ({"temperature": 5.0}, {"alpha": 0.8}):
            assert np.any(default != twin(STUDENT, TEACHER, LABELS, **{**stated, **other}))


def test_labels_may_be_none_only_with_alpha_one() -> None:
    pure = {"temperature": 3.0, "alpha": 1.0}
    for twin in TWINS:
        np.testing.assert_array_equal(
            twin(STUDENT, TEACHER, None, **pure), twin(STUDENT, TEACHER, LABELS, **pure)
        )
        message = "labels must be given unless alpha is 1, got None with alpha 0.9"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            twin(STUDENT, TEACHER, None)


def test_weights_are_respected_without_labels_too() -> None:
    mask = [True, False, True]
    for twin in TWINS:
        pure = {"temperature": 3.0, "alpha": 1.0}
        masked = twin(STUDENT, TEACHER, None, weights=mask, **pure)
        np.testing.assert_array_equal(masked, twin(STUDENT, TEACHER, LABELS, weights=mask, **pure))
        assert np.any(masked != twin(STUDENT, TEACHER, None, **pure))


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_labels_are_looked_at_whatever_alpha_is(alpha: float) -> None:
    for twin in TWINS:
        with pytest.raises(ValueError, match=r"^labels must lie in 0 \.\. 3, got 4 at index 0$"):
            twin(STUDENT, TEACHER, [4, 0, 0], alpha=alpha)


@pytest.mark.parametrize(("alpha", "expected"), [(1.0, 0.0), (0.5, math.inf), (0.0, math.inf)])
def test_infinite_hard_term_counts_only_with_a_weight(alpha: float, expected: float) -> None:
    # Both exclude the label's class: the soft term is 0.
    logits = [[0.0, -np.inf]]
    assert distillation_loss(logits, logits, [1], alpha=alpha) == expected
    assert np.isfinite(distillation_loss_grad(logits, logits, [1], alpha=alpha)).all()


@pytest.mark.parametrize(("alpha", "expected"), [(1.0, math.inf), (0.5, math.inf), (0.0, 0.0)])
def test_infinite_soft_term_counts_only_with_a_weight(alpha: float, expected: float) -> None:
    # The student is certain of the label, which costs 0, and excludes what the teacher does not.
    student, teacher = [[0.0, -np.inf]], [[0.0, 0.0]]
    assert distillation_loss(student, teacher, [0], alpha=alpha) == expected
    assert np.isfinite(distillation_loss_grad(student, teacher, [0], alpha=alpha)).all()


@pytest.mark.parametrize("bad", [9e-101, 1.1e100])
def test_temperature_must_have_a_sound_square(bad: float) -> None:
    for twin in TWINS:
        with pytest.raises(ValueError, match=r"^temperature must be [<>]= 1e[+-]100"):
            twin(STUDENT, TEACHER, LABELS, temperature=bad)


@pytest.mark.parametrize("temperature", [1e-100, 1e100])
def test_temperature_may_be_at_its_borders(temperature: float) -> None:
    for twin in TWINS:
        result: Any = twin(STUDENT, TEACHER, LABELS, temperature=temperature)
        assert np.isfinite(result).all()
