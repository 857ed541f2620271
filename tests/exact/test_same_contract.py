"""kdref.exact is called like kdref: the same names, parameters, errors, shapes and types."""

import inspect
from typing import Any

import numpy as np
import pytest

import kdref
from kdref import exact

NAMES = sorted(name for name in vars(exact) if callable(getattr(exact, name)))


LOSSES = (
    "hard_label",
    "soft_cross_entropy",
    "forward_kl",
    "reverse_kl",
    "generalised_js",
    "distillation",
)


def test_exact_has_all_of_the_two_rooms_below_the_losses_and_the_losses_that_are_bounded_in_ulp() -> (
    None
):
    functions = {
        name
        for module in (kdref.probabilities, kdref.divergences)
        for name, member in vars(module).items()
        if name in vars(kdref) and inspect.isfunction(member)
    }
    losses = {f"{name}_loss{ending}" for name in LOSSES for ending in ("", "_grad")}
    assert set(NAMES) == functions - {"one_hot"} | losses  # which computes nothing


@pytest.mark.parametrize("name", NAMES)
def test_exact_takes_the_parameters_of_its_plain_twin(name: str) -> None:
    assert inspect.signature(getattr(exact, name)) == inspect.signature(getattr(kdref, name))


Z, W = [[0.0, 1.0, -2.0], [3.0, 0.5, 0.5]], [[1.0, 0.0, 0.0], [0.0, 2.0, -1.0]]
P, Q = [[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]], [[0.25, 0.5, 0.25], [0.25, 0.25, 0.5]]
BAD_ROW = [[0.0, np.nan, 1.0], [0.0, 0.0, 0.0]]

CALLS: dict[str, tuple[Any, ...]] = {
    "logsumexp": (Z,),
    "softmax": (Z,),
    "log_softmax": (Z,),
    "softmax_jacobian": (Z,),
    "softmax_vjp": (Z, W),
    "entropy": (P,),
    **dict.fromkeys(
        ["cross_entropy", "cross_entropy_grad", "kl_divergence", "kl_divergence_grad"], (P, Q)
    ),
    **dict.fromkeys(["js_divergence", "total_variation"], (P, Q)),
    **dict.fromkeys([name for name in NAMES if name.endswith("_from_logits")], (Z, W)),
    **dict.fromkeys([name for name in NAMES if "_loss" in name], (Z, W)),
    **dict.fromkeys([name for name in NAMES if name.startswith("hard_label")], (Z, [0, 2])),
    **dict.fromkeys([name for name in NAMES if name.startswith("distillation")], (Z, W, [0, 2])),
    "entropy_from_logits": (Z,),
}


def outcome(library: Any, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What comes back, or the type and the words of the error."""
    try:
        return getattr(library, name)(*arguments, **options)
    except (TypeError, ValueError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("name", NAMES)
def test_exact_returns_the_type_and_shape_of_its_plain_twin(name: str) -> None:
    certain, plain = (outcome(library, name, CALLS[name], {}) for library in (exact, kdref))
    assert type(certain) is type(plain)
    np.testing.assert_allclose(certain, plain, rtol=1e-14, atol=1e-17)
    assert np.shape(certain) == np.shape(plain)


@pytest.mark.parametrize("name", [name for name in NAMES if "_loss" not in name])
def test_exact_row_functions_take_one_row_and_any_leading_shape(name: str) -> None:
    function, arguments = getattr(exact, name), CALLS[name]
    rows = function(*arguments)
    for row in range(2):
        alone = function(*(argument[row] for argument in arguments))
        assert np.array_equal(alone, rows[row])
        assert isinstance(alone, float) == (np.ndim(rows) == 1)
    deep = function(*([[argument], [argument]] for argument in arguments))
    assert np.array_equal(deep[1, 0], rows)


ODD_ARRAYS: list[tuple[int, Any]] = [
    (0, "text"),
    (0, 1.0),
    (0, []),
    (0, [[], []]),
    (0, BAD_ROW),
    (0, [[np.inf, 0.0, 0.0], [0.0, 0.0, 0.0]]),
    (0, [[-np.inf] * 3, [0.0, 0.0, 0.0]]),
    (0, [[True, False, False]] * 2),
    (0, np.ma.masked_array(Z, mask=False)),
    (1, [[0.5, 0.5], [0.5, 0.5]]),
    (1, BAD_ROW),
    (1, [0, 3]),
    (1, [0.0, 1.0]),
    (2, [0, -1]),
    (2, None),
]
"""The place of an argument, and what stands there."""

ODD_OPTIONS: list[tuple[str, Any]] = [
    *(("temperature", value) for value in (0.0, -1.0, np.nan, "hot", 1e200, 1e-200)),
    *(("beta", value) for value in (1.5, 1, np.nan)),
    *(("alpha", value) for value in (-0.1, 1, None)),
    *(
        ("weights", value)
        for value in ([1.0], [0.0, 0.0], [-1.0, 2.0], [np.nan, 1.0], [False, True])
    ),
]


def check_same_answer(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    certain, plain = (outcome(library, name, arguments, options) for library in (exact, kdref))
    if isinstance(plain, tuple):
        assert certain == plain
    else:
        np.testing.assert_allclose(certain, plain, rtol=1e-13, atol=1e-17)


@pytest.mark.parametrize("name", NAMES)
def test_exact_answers_odd_arrays_like_its_plain_twin(name: str) -> None:
    for place, value in ODD_ARRAYS:
        if place < len(CALLS[name]):
            arguments = list(CALLS[name])
            arguments[place] = value
            check_same_answer(name, tuple(arguments), {})


@pytest.mark.parametrize("name", NAMES)
def test_exact_answers_odd_options_like_its_plain_twin(name: str) -> None:
    for option, value in ODD_OPTIONS:
        if option in inspect.signature(getattr(exact, name)).parameters:
            check_same_answer(name, CALLS[name], {option: value})


@pytest.mark.parametrize("name", NAMES)
def test_exact_leaves_its_inputs_alone(name: str) -> None:
    arrays = [np.array(argument) for argument in CALLS[name]]
    for array in arrays:
        array.setflags(write=False)
    first = getattr(exact, name)(*arrays)
    fortran = [np.asfortranarray(array) for array in arrays]
    assert np.array_equal(getattr(exact, name)(*fortran), first)


def test_exact_reverse_kl_names_the_row_that_has_no_gradient() -> None:
    student, teacher = [[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, -np.inf]]
    with pytest.raises(
        ValueError, match="reverse_kl_loss must be finite to have a gradient, got inf in row 1"
    ):
        exact.reverse_kl_loss_grad(student, teacher)
    assert not exact.reverse_kl_loss_grad(student, teacher, weights=[1.0, 0.0]).any()
