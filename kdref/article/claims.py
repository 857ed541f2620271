"""What the article claims in words, each put beside numbers from the article's own example.

Two of its sentences are about training and cannot be settled on one example: that soft labels make a student easier to
train, and that a small model results.  Those are measured on real digits by ``kdref distil``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from kdref._checks import FloatArray
from kdref.article.effects import (
    gradient_noise,
    gradient_sizes,
    high_temperature_limit,
    label_information,
    softening,
)
from kdref.article.rescaling import rescaling
from kdref.article.worked_examples import TEACHER, TEMPERATURE, Q
from kdref.divergences import entropy
from kdref.probabilities import one_hot

TEACHER_LOGITS: FloatArray = np.array([TEACHER])
"""The teacher of the article's second example, shape (1, 3)."""

STUDENT_LOGITS: FloatArray = TEMPERATURE * np.log([Q])
"""Logits whose softmax at T = 3 is the student's prediction in the article, shape (1, 3)."""

RUNNER_UP = (3.0, 2.0, 0.0, 0.0, 0.0, 0.0)
"""Six classes, two of them likely: the second gains from a little softening and loses from more."""

SEED = 20250814
"""Of the labels that are drawn: the article's date."""


@dataclass(frozen=True)
class Claim:
    """A sentence of the article and what numbers say about it.

    Attributes
    ----------
    section : str
        The article's heading above it.
    words : str
        The phrase itself.
    meaning : str
        What it says, in English.
    verdict : str
        Where it is right and where it is loose.
    numbers : callable
        Returns the numbers that the verdict rests on, by name.
    """

    section: str
    words: str
    meaning: str
    verdict: str
    numbers: Callable[[], Mapping[str, float]]


def _low_probabilities() -> Mapping[str, float]:
    article = softening(TEACHER, [1.0, TEMPERATURE])
    runner_up = softening(RUNNER_UP, [1.0, 1.5, 100.0]).probabilities[:, 1]
    return {
        "class 1 at T = 1": float(article.probabilities[0, 1]),
        "class 1 at T = 3": float(article.probabilities[1, 1]),
        "entropy at T = 1, nats": float(article.entropies[0]),
        "entropy at T = 3, nats": float(article.entropies[1]),
        "entropy at most, log 3": float(np.log(3.0)),
        "second of (3, 2, 0, 0, 0, 0) at T = 1": float(runner_up[0]),
        "the same at T = 1.5": float(runner_up[1]),
        "the same at T = 100": float(runner_up[2]),
    }


def _richer_labels() -> Mapping[str, float]:
    information = label_information(TEACHER_LOGITS, [0], [1.0, TEMPERATURE, 1000.0])
    return {
        "entropy of the one-hot label, bits": float(entropy(one_hot(0, 3))) / np.log(2.0),
        "entropy of the soft label at T = 1, bits": float(information.bits[0]),
        "at T = 3, bits": float(information.bits[1]),
        "at T = 1000, bits": float(information.bits[2]),
        "log-odds of class 2 against 1 at T = 1": float(information.log_odds[0]),
        "at T = 3": float(information.log_odds[1]),
        "at T = 1000": float(information.log_odds[2]),
    }


def _vanishing_gradients() -> Mapping[str, float]:
    sizes = gradient_sizes(STUDENT_LOGITS, TEACHER_LOGITS, [0], [0.1, 1.0, 3.0, 99.0, 100.0])
    runs = rescaling(
        STUDENT_LOGITS, TEACHER_LOGITS, temperature=8.0, rate=1.0, adam_rate=0.3, n_steps=30
    )
    return {
        "hard gradient": sizes.hard,
        "soft gradient at T = 1": float(sizes.soft[1]),
        "without T^2 at T = 3": float(sizes.soft[2]),
        "without T^2 at T = 100": float(sizes.soft[4]),
        "its exponent of T there": float(sizes.exponents[3]),
        "with T^2 at T = 3": float(sizes.scaled[2]),
        "with T^2 at T = 100": float(sizes.scaled[4]),
        "with T^2 as T grows": sizes.limit,
        "without T^2 at T = 0.1": float(sizes.soft[0]),
        "with T^2 at T = 0.1": float(sizes.scaled[0]),
        **{f"T^2 KL after 30 steps of {name}": float(x[-1]) for name, x in runs.losses.items()},
    }


def _decaying_divergence() -> Mapping[str, float]:
    limit = high_temperature_limit(STUDENT_LOGITS, TEACHER_LOGITS, [TEMPERATURE, 100.0])
    return {
        "T^2 KL at T = 3, nats": float(limit.losses[0]),
        "T^2 KL at T = 100, nats": float(limit.losses[1]),
        "half the mean squared difference of the centred logits": limit.limit,
        "gradient's distance from matching logits at T = 3": float(limit.gradient_errors[0]),
        "gradient's distance from matching logits at T = 100": float(limit.gradient_errors[1]),
    }


def _easier_learning() -> Mapping[str, float]:
    rng = np.random.default_rng(SEED)
    noise = gradient_noise(STUDENT_LOGITS[0], TEACHER_LOGITS[0], [1, 100], rng=rng)
    return {
        "soft gradient": noise.soft,
        "noise of one drawn one-hot label": float(noise.expected[0]),
        "the same, drawn 10,000 times": float(noise.errors[0]),
        "noise of the mean of 100 labels": float(noise.expected[1]),
    }


CLAIMS: tuple[Claim, ...] = (
    Claim(
        section="低概率信息的利用价值",
        words="适当提升了其他类别的概率权重",
        meaning="softening raises the probabilities of the other classes",
        verdict="Right for this example and for entropy, which never falls as T grows. Loose in general: a class "
        "gains only while its logit is below the mean logit under p; a runner-up gains at first, then loses.",
        numbers=_low_probabilities,
    ),
    Claim(
        section="低概率信息的利用价值",
        words="包含了更丰富的类别间关系信息",
        meaning="a soft label says more about the relations between classes than a one-hot one",
        verdict="Right: a one-hot label has no entropy and treats all wrong classes alike. Loose about temperature: "
        "T spreads the weight but adds nothing, the log-odds between the wrong classes fall with 1/T.",
        numbers=_richer_labels,
    ),
    Claim(
        section="最终损失计算方法",
        words="确保了KL散度不会因温度参数的引入而过度衰减",
        meaning="with T^2 the KL divergence does not decay because of the temperature",
        verdict="Right at high T: T^2 KL tends to a limit above zero, half the mean squared difference of the "
        "centred logits. Distillation at high T is therefore matching logits.",
        numbers=_decaying_divergence,
    ),
    Claim(
        section="最终损失计算方法",
        words="避免反向传播过程中出现梯度消失问题",
        meaning="T^2 avoids vanishing gradients in backpropagation",
        verdict="Right at high T: the soft gradient falls with 1/T^2 and the factor makes up for it, so that it keeps "
        "its weight beside the hard one. Loose elsewhere: at low T the factor is what makes the gradient small; "
        "and a gradient that is small by one common factor is repaired by the learning rate, or by Adam, as well.",
        numbers=_vanishing_gradients,
    ),
    Claim(
        section="总结",
        words="显著降低了学生模型的学习难度",
        meaning="soft labels make the student easier to train",
        verdict="Right in so far as the teacher's probabilities are the true ones: a one-hot label drawn from them "
        "gives the same gradient plus noise. A teacher's mistakes are not noise and do not average out; "
        "what is gained on real digits, kdref distil measures.",
        numbers=_easier_learning,
    ),
)
"""In the article's order."""
