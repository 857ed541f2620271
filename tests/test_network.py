import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdref.gradcheck import numerical_gradient
from kdref.losses import (
    distillation_loss,
    distillation_loss_grad,
    hard_label_loss,
    hard_label_loss_grad,
)
from kdref.network import (
    Parameters,
    backward,
    count_parameters,
    forward,
    initialise,
    load_parameters,
    save_parameters,
)
from tests.strategies import SOME, seeds

RICHARDSON = 1e-9
"""In norm: what numerical_gradient attains on smooth functions, with room."""

SIZES = (5, 4, 4, 3)
A_FLOAT: Any = 2.0
A_SEED: Any = 7
LABELS = [0, 2, 1, 1, 0, 2]
TEACHER = np.random.default_rng(20150309).normal(0.0, 3.0, (6, 3))

Loss = tuple[Callable[[Any], float], Callable[[Any], Any]]
LOSSES: dict[str, Loss] = {
    "hard labels": (
        lambda s: hard_label_loss(s, LABELS),
        lambda s: hard_label_loss_grad(s, LABELS),
    ),
    "distillation": (
        lambda s: distillation_loss(s, TEACHER, LABELS, temperature=3.0, alpha=0.7),
        lambda s: distillation_loss_grad(s, TEACHER, LABELS, temperature=3.0, alpha=0.7),
    ),
}


def flat(parameters: Parameters) -> Any:
    return np.concatenate([array.ravel() for layer in parameters for array in layer])


def unflat(vector: Any, like: Parameters) -> Parameters:
    cuts = np.cumsum([array.size for layer in like for array in layer])[:-1]
    arrays = iter(np.split(vector, cuts))
    return [
        (next(arrays).reshape(weights.shape), next(arrays).reshape(bias.shape))
        for weights, bias in like
    ]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_backward_is_the_gradient_of_every_weight_and_bias(
    loss: str, activation: str, dropout: float
) -> None:
    value, gradient = LOSSES[loss]
    rng = np.random.default_rng(8)
    parameters = initialise(SIZES, rng=rng, activation=activation)
    parameters = [(weights, rng.normal(0.0, 0.3, bias.shape)) for weights, bias in parameters]
    inputs = rng.normal(size=(6, 5))

    def run(vector: Any) -> Any:
        masks = np.random.default_rng(11)  # the same units are dropped in each evaluation
        return forward(
            unflat(vector, parameters), inputs, activation=activation, dropout=dropout, rng=masks
        )

    at = flat(parameters)
    forward_pass = run(at)
    analytic = flat(backward(parameters, forward_pass, gradient(forward_pass.logits)))
    # No ReLU may change sides within the step, or there is no derivative to compare with.
    numerical = numerical_gradient(lambda v: value(run(v).logits), at, step=1e-3)
    assert np.count_nonzero(analytic) > 20
    assert np.linalg.norm(analytic - numerical) <= RICHARDSON * np.linalg.norm(numerical)


def test_backward_of_a_hidden_unit_by_hand() -> None:
    # z = 2 * 3 - 1 = 5, h = tanh 5 or relu 5; logits = 4 h; dL/dlogit = 1.
    # dL/dW2 = h, dL/db2 = 1, dL/dz = 4 f'(z), dL/dW1 = 3 * 4 f'(z).
    parameters: Parameters = [
        (np.array([[2.0]]), np.array([-1.0])),
        (np.array([[4.0]]), np.array([0.0])),
    ]
    for activation, h, slope in (("relu", 5.0, 1.0), ("tanh", np.tanh(5.0), 1 - np.tanh(5.0) ** 2)):
        passed = forward(parameters, [[3.0]], activation=activation)
        first, second = backward(parameters, passed, [[1.0]])
        assert passed.logits.item() == 4.0 * h
        assert (second[0].item(), second[1].item()) == (h, 1.0)
        assert (first[0].item(), first[1].item()) == pytest.approx((12.0 * slope, 4.0 * slope))


def test_relu_passes_no_gradient_at_zero() -> None:
    parameters: Parameters = [(np.ones((1, 1)), np.zeros(1)), (np.ones((1, 1)), np.zeros(1))]
    first, _ = backward(parameters, forward(parameters, [[0.0]]), [[1.0]])
    assert first[1].item() == 0.0


@SOME
@given(seeds, st.sampled_from(["relu", "tanh"]))
def test_permuting_the_rows_permutes_the_logits_and_leaves_the_gradient(
    seed: int, activation: str
) -> None:
    rng = np.random.default_rng(seed)
    parameters = initialise(SIZES, rng=rng, activation=activation)
    inputs, order = rng.normal(size=(6, 5)), rng.permutation(6)
    plain = forward(parameters, inputs, activation=activation)
    permuted = forward(parameters, inputs[order], activation=activation)
    np.testing.assert_allclose(permuted.logits, plain.logits[order], rtol=1e-12, atol=1e-13)
    logits_grad = rng.normal(size=(6, 3))
    np.testing.assert_allclose(  # sums over the rows in another order
        flat(backward(parameters, permuted, logits_grad[order])),
        flat(backward(parameters, plain, logits_grad)),
        rtol=1e-11,
        atol=1e-13,
    )


@SOME
@given(seeds, st.floats(-3.0, 3.0))
def test_backward_is_linear_in_the_gradient_of_the_logits(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    parameters = initialise(SIZES, rng=rng, activation="tanh")
    passed = forward(parameters, rng.normal(size=(6, 5)), activation="tanh")
    a, b = rng.normal(size=(2, 6, 3))
    combined = flat(backward(parameters, passed, a + factor * b))
    parts = flat(backward(parameters, passed, a)) + factor * flat(backward(parameters, passed, b))
    np.testing.assert_allclose(combined, parts, rtol=1e-9, atol=1e-12)


def test_dropout_leaves_the_mean_of_a_linear_layer_unchanged() -> None:
    # Inputs of 1 pass the ReLU; each logit is the mean of 400 masks times 1, whose standard deviation is
    # sqrt(d / (1 - d)) / sqrt(400) = 0.041 for d = 0.4.  Over 1000 rows: 0.0013; five of these are allowed.
    parameters: Parameters = [
        (np.ones((1, 400)), np.zeros(400)),
        (np.full((400, 1), 1.0 / 400.0), np.zeros(1)),
    ]
    passed = forward(parameters, np.ones((1000, 1)), dropout=0.4, rng=np.random.default_rng(5))
    assert abs(passed.logits.mean() - 1.0) < 5 * 0.0013
    assert passed.logits.std() == pytest.approx(0.041, rel=0.1)
    assert set(np.unique(passed.masks[0])) == {0.0, 1.0 / 0.6}


def test_without_dropout_no_randomness_is_used_and_no_mask_kept() -> None:
    parameters = initialise((2, 3, 2), rng=np.random.default_rng(1))
    rng = np.random.default_rng(3)
    passed = forward(parameters, np.ones((1, 2)), rng=rng)
    assert passed.masks == ()
    assert rng.random() == np.random.default_rng(3).random()


@pytest.mark.parametrize(
    ("activation", "expected"), [("relu", 2.0 / 300), ("tanh", 2.0 / (300 + 200))]
)
def test_initialise_draws_weights_of_the_rules_variance(activation: str, expected: float) -> None:
    weights, bias = initialise((300, 200), rng=np.random.default_rng(0), activation=activation)[0]
    # 60,000 draws: the variance is known to sqrt(2 / 60000) = 0.6 %, the mean to sigma / 245.
    assert weights.var() == pytest.approx(expected, rel=0.03)
    assert abs(weights.mean()) < 5.0 * np.sqrt(expected) / 245.0
    assert not bias.any()


def test_glorot_weights_stay_within_their_bound() -> None:
    weights = initialise((300, 200), rng=np.random.default_rng(0), activation="tanh")[0][0]
    bound = np.sqrt(6.0 / 500.0)
    assert 0.999 * bound < abs(weights).max() <= bound


def test_float32_is_kept_from_the_weights_to_the_gradients() -> None:
    double = initialise(SIZES, rng=np.random.default_rng(2))
    single = initialise(SIZES, rng=np.random.default_rng(2), dtype=np.float32)
    assert all(
        np.array_equal(a.astype(np.float32), b)
        for wide, narrow in zip(double, single, strict=True)
        for a, b in zip(wide, narrow, strict=True)
    )
    passed = forward(single, np.ones((6, 5), np.float32), dropout=0.5, rng=np.random.default_rng(3))
    gradients = backward(single, passed, hard_label_loss_grad(passed.logits, LABELS))
    dtypes = {passed.logits.dtype, *(array.dtype for layer in gradients for array in layer)}
    assert dtypes == {np.dtype(np.float32)}


def test_the_teacher_of_the_experiments_holds_fifty_five_thousand_numbers() -> None:
    # 64 * 200 + 200 + 200 * 200 + 200 + 200 * 10 + 10
    assert count_parameters(initialise((64, 200, 200, 10), rng=np.random.default_rng(0))) == 55_210


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda g, p: initialise((3,), rng=g), ValueError, "sizes must name inputs and outputs"),
        (lambda g, p: initialise((3, 0), rng=g), ValueError, "each of sizes must be >= 1, got 0"),
        (
            lambda g, p: initialise((3, A_FLOAT), rng=g),
            TypeError,
            "each of sizes must be an integer",
        ),
        (
            lambda g, p: initialise((3, 2), rng=A_SEED),
            TypeError,
            "rng must be a numpy.random.Generator, got 7",
        ),
        (
            lambda g, p: initialise((3, 2), rng=g, activation="elu"),
            ValueError,
            "activation must be one of",
        ),
        (
            lambda g, p: initialise((3, 2), rng=g, dtype=np.float16),
            ValueError,
            "dtype must be one of",
        ),
        (
            lambda g, p: forward(p, np.ones((2, 4))),
            ValueError,
            r"inputs must have shape \(N, 5\), got \(2, 4\)",
        ),
        (
            lambda g, p: forward(p, np.ones(5)),
            ValueError,
            r"inputs must have shape \(N, 5\), got \(5,\)",
        ),
        (
            lambda g, p: forward(p, np.ones((2, 5), np.uint8)),
            TypeError,
            "inputs must have the parameters' dtype float64, got uint8",
        ),
        (lambda g, p: forward(p, np.ones((2, 5)), activation="gelu"), ValueError, "got 'gelu'"),
        (
            lambda g, p: forward(p, np.ones((2, 5)), dropout=1.0, rng=g),
            ValueError,
            r"dropout must lie in \[0, 1\), got 1.0",
        ),
        (
            lambda g, p: forward(p, np.ones((2, 5)), dropout=0.5),
            TypeError,
            "rng must be .* got None",
        ),
        (
            lambda g, p: backward(p, forward(p, np.ones((2, 5))), np.ones((2, 4))),
            ValueError,
            r"logits_grad must have the logits' shape \(2, 3\), got \(2, 4\)",
        ),
    ],
)
def test_wrong_arguments_are_named(call: Any, error: type[Exception], message: str) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(error, match=message):
        call(rng, initialise(SIZES, rng=rng))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_saved_parameters_come_back_bit_for_bit(tmp_path: Path, dtype: str) -> None:
    parameters = initialise(SIZES, rng=np.random.default_rng(4), dtype=dtype)
    path = tmp_path / "network.npz"
    save_parameters(path, parameters)
    loaded = load_parameters(path)
    for saved, read in zip(parameters, loaded, strict=True):
        for a, b in zip(saved, read, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
    assert [file.name for file in tmp_path.iterdir()] == ["network.npz"]


def test_saving_the_same_network_twice_writes_the_same_bytes(tmp_path: Path) -> None:
    parameters = initialise(SIZES, rng=np.random.default_rng(4))
    for name in ("a.npz", "b.npz"):
        save_parameters(tmp_path / name, parameters)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_failed_save_leaves_the_older_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "network.npz"
    save_parameters(path, initialise((2, 2), rng=np.random.default_rng(0)))
    before = path.read_bytes()

    def full_disk(file: Any, **arrays: Any) -> None:
        file.write(b"PK half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_parameters(path, initialise((2, 3), rng=np.random.default_rng(0)))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["network.npz"]


def test_layers_that_do_not_fit_are_not_saved(tmp_path: Path) -> None:
    wrong: Parameters = [(np.ones((2, 3)), np.ones(3)), (np.ones((4, 1)), np.ones(1))]
    with pytest.raises(ValueError, match=r"got weights_1 of shape \(4, 1\) .* for \(3,\) inputs"):
        save_parameters(tmp_path / "network.npz", wrong)


def test_a_network_without_layers_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="parameters must hold at least one layer, got none"):
        save_parameters(tmp_path / "network.npz", [])
    assert not list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []


ONE = {"weights_0": np.ones((2, 3)), "bias_0": np.ones(3)}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, r"must hold weights_0, bias_0, \.\.\., got \[\]"),
        ({"weights_0": np.ones((2, 3))}, r"got \['weights_0'\]"),
        (ONE | {"weights_2": np.ones((3, 1)), "bias_2": np.ones(1)}, "got .*'weights_2'"),
        (ONE | {"bias_0": np.ones(2)}, r"bias_0 of shape \(2,\)"),
        (ONE | {"weights_0": np.ones(3)}, r"weights_0 of shape \(3,\)"),
        (ONE | {"weights_1": np.ones((2, 1)), "bias_1": np.ones(1)}, r"for \(3,\) inputs"),
        (ONE | {"bias_0": np.ones(3, np.float32)}, "got float64 and float32 in layer 0"),
        (
            {name: array.astype(int) for name, array in ONE.items()},
            "got int64 and int64 in layer 0",
        ),
        (ONE | {"bias_0": np.array([object()] * 3)}, "without objects, got: Object arrays cannot"),
    ],
)
def test_arrays_that_are_not_a_network_are_refused(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    path = tmp_path / "network.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=message):
        load_parameters(path)


def test_files_that_are_no_archive_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.npz"
    save_parameters(path, initialise(SIZES, rng=np.random.default_rng(0)))
    whole = path.read_bytes()
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as archive:
        archive.writestr("weights_0.npy", "not an array")
    np.save(tmp_path / "single.npy", np.ones(3))
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "text.txt").write_text("weights", encoding="utf-8")
    (tmp_path / "truncated.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "flipped.npz").write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    for name in sorted({file.name for file in tmp_path.iterdir()} - {"network.npz"}):
        with pytest.raises(ValueError, match=f"{name} must be an .npz file without objects"):
            load_parameters(tmp_path / name)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        load_parameters(tmp_path / "none.npz")
