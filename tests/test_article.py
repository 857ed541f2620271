"""The worked examples: what the article prints is reproduced, what it does not print is never called printed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdref.article import TITLE, WORKED_EXAMPLES, WorkedExample, kl_terms, reproduce
from kdref.divergences import kl_divergence
from kdref.probabilities import softmax
from tests.strategies import SOME

ROUNDING = 1e-12
"""Of a handful of float64 operations on numbers near 1."""


def one_figure(printed: float, digits: int, computed: float) -> WorkedExample:
    return WorkedExample(
        section="Planted",
        quantity="one figure",
        function=lambda x: np.array(x),
        inputs={"x": (computed,)},
        printed=(printed,),
        digits=digits,
    )


def test_every_printed_figure_is_reproduced() -> None:
    printed = [result for result in reproduce() if result.printed is not None]
    assert [len(result.computed) for result in printed] == [3, 3, 3, 3]
    assert all(result.agrees == (True, True, True) for result in printed)


def test_where_the_article_had_a_picture_nothing_counts_as_printed() -> None:
    lost = [result for result in reproduce() if result.printed is None]
    assert [result.quantity for result in lost] == [
        "terms p log(p / q)",
        "KL(p, q), their sum",
        "T^2 KL(p, q), T = 3",
    ]
    assert all(result.agrees is None and not result.failed for result in lost)


def test_the_first_softmax_by_hand() -> None:
    # e^1.1 = 3.004166, e^0.2 = 1.221403; their sum with two of the latter is 5.446972.
    assert reproduce()[0].computed == pytest.approx(
        (3.004166 / 5.446972, 1.221403 / 5.446972, 1.221403 / 5.446972), abs=1e-6
    )


def test_the_kl_by_hand_term_by_term() -> None:
    # 0.554 log(0.554 / 0.26) = 0.554 * 0.756483, 0.218 log(0.218 / 0.32) = 0.218 * -0.383826, and
    # 0.228 log(0.228 / 0.42) = 0.228 * -0.610909; the sum is 0.196130, nine times that 1.765173.
    terms, total, product = (result.computed for result in reproduce()[4:])
    assert terms == pytest.approx((0.419092, -0.083674, -0.139287), abs=1e-6)
    assert total == pytest.approx((0.196130,), abs=1e-6)
    assert product == pytest.approx((1.765173,), abs=1e-6)


def test_unrounded_results_start_from_the_logits() -> None:
    p = softmax([2.9, 0.1, 0.23], 3.0)
    kl = float(kl_divergence(p, [0.26, 0.32, 0.42]))
    softened, terms, total, product = (result.unrounded for result in reproduce()[3:])
    assert softened == pytest.approx(p.tolist(), rel=ROUNDING)
    assert sum(terms or ()) == pytest.approx(kl, rel=ROUNDING)
    assert total == pytest.approx((kl,), rel=ROUNDING)
    assert product == pytest.approx((9.0 * kl,), rel=ROUNDING)


def test_steps_that_start_from_given_figures_have_no_unrounded_result() -> None:
    assert [result.unrounded for result in reproduce()[:3]] == [None, None, None]


def test_each_rounded_input_is_an_earlier_printed_result() -> None:
    printed = {example.printed for example in WORKED_EXAMPLES}
    for example in WORKED_EXAMPLES:
        for name, exact in example.rounded.items():
            assert example.inputs[name] in printed
            assert example.inputs[name] == tuple(round(x, example.digits) for x in exact)


def test_reproduce_finds_a_planted_wrong_figure() -> None:
    printed = WORKED_EXAMPLES[0].printed
    assert printed is not None
    wrong = replace(WORKED_EXAMPLES[0], printed=(0.553, *printed[1:]))
    (result,) = reproduce([wrong])
    assert result.agrees == (False, True, True)
    assert result.failed


@pytest.mark.parametrize(
    ("printed", "digits", "computed", "agrees"),
    [
        (0.552, 3, 0.5515297, True),
        (0.552, 3, 0.5525001, False),
        (0.5, 1, 0.54, True),
        (0.55, 2, 0.54, False),
        (-0.084, 3, -0.0836741, True),
    ],
)
def test_reproduce_compares_to_the_digits_that_are_printed(
    printed: float, digits: int, computed: float, agrees: bool
) -> None:
    (result,) = reproduce([one_figure(printed, digits, computed)])
    assert result.agrees == (agrees,)


def test_reproduce_refuses_a_printed_row_of_another_length() -> None:
    example = replace(WORKED_EXAMPLES[0], printed=(0.552, 0.224))
    with pytest.raises(ValueError, match="shorter"):
        reproduce([example])


def test_the_title_carries_the_date_of_the_article() -> None:
    assert TITLE.endswith("(2025-08-14)")


@SOME
@given(st.lists(st.floats(-20.0, 20.0), min_size=6, max_size=6))
def test_kl_terms_sum_to_the_divergence(logits: list[float]) -> None:
    p, q = softmax(np.reshape(logits, (2, 3)))
    # Each term is below 40 and off by an ulp or two of the logarithm.
    assert kl_terms(p, q).sum() == pytest.approx(kl_divergence(p, q), abs=1e-13)


def test_kl_terms_of_a_class_without_mass_is_zero() -> None:
    # 1 log(1 / (1/2)) = log 2, and 0 log 0 = 0 also where q is 0.
    assert kl_terms([1.0, 0.0], [0.5, 0.5]).tolist() == [np.log(2.0), 0.0]
    assert kl_terms([1.0, 0.0], [1.0, 0.0]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        ([0.5, 0.6], [0.5, 0.5], r"p must sum to 1"),
        ([0.5, 0.5], [0.5, -0.5], r"q must hold probabilities >= 0"),
        ([0.5, 0.5], [1.0, 0.0], r"q must be > 0"),
        ([0.5, 0.5], [[0.5, 0.5]], r"p and q must have the same shape"),
    ],
)
def test_kl_terms_refuses_what_is_no_pair_of_distributions(
    p: list[float], q: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        kl_terms(p, q)
