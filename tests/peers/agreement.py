"""How far a loss of kdref and another implementation of it are apart, in value and in gradient."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kdref import LOSSES
from tests.strategies import Call, normal_call

Array = NDArray[Any]

SEEDS = range(20)

SHAPES = ((4, 7), (5, 3))
"""Two, and two temperatures, taken in turn: a factor that is right for one of them only shows in the other."""

TEMPERATURES = (1.5, 3.0)

AWAY = 0.01
"""How far the batches stay from a kink: nothing takes a step here, but a correlation must be well conditioned."""


ROUNDING = 1e-14
"""What float64 explains on ordinary inputs: the other side subtracts where kdref does not; measured below 4e-15."""


@dataclass(frozen=True)
class Peer:
    """Another implementation of a loss.

    Attributes
    ----------
    loss : str
        Its name in the registry.
    package : str
        Where it comes from.
    framework : str
        ``"torch"`` or ``"jax"``: what the function computes with, and what differentiates it.
    function : callable
        Takes the inputs as arrays of that framework, by position, and the parameters by keyword; returns the scalar
        that should be kdref's, any relation between the two included.
    parameters : mapping
        Parameters for which the conventions agree; the others are the registry's examples.
    tolerance : float
        Relative difference that is explained: by float64 unless the function says otherwise.
    """

    loss: str
    package: str
    framework: str
    function: Callable[..., Any]
    parameters: Mapping[str, Any]
    tolerance: float = ROUNDING

    @property
    def relation(self) -> str:
        """What the function says of itself, in one line, and the parameters that it asks for."""
        told = " ".join((self.function.__doc__ or "The same.").split())
        chosen = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
        return f"{told} With {chosen}." if chosen else told


@dataclass(frozen=True)
class Difference:
    """The largest differences over some calls: of the value, relative, and of the gradient, relative in norm."""

    value: float
    gradient: float


def measure(peer: Peer) -> Difference:
    """The largest differences over some ordinary batches."""
    differences = [difference(peer, call) for call in batches(peer)]
    return Difference(max(d.value for d in differences), max(d.gradient for d in differences))


def batches(peer: Peer) -> Iterator[Call]:
    """The inputs, with the parameters that the peer's convention asks for."""
    entry = LOSSES[peer.loss]
    for seed in SEEDS:
        temperature = TEMPERATURES[seed // 2 % 2]
        softened = {"temperature": temperature} if "temperature" in entry.parameters else {}
        call = normal_call(
            entry,
            np.random.default_rng(seed),
            SHAPES[seed % 2],
            temperature=temperature,
            away=AWAY,
        )
        yield call.with_parameters(**{**softened, **peer.parameters})


def difference(peer: Peer, call: Call) -> Difference:
    """The differences for one call."""
    evaluate = {"torch": by_torch, "jax": by_jax}[peer.framework]
    value, gradient = evaluate(peer, call)
    scale = np.linalg.norm(gradient)
    return Difference(
        abs(call.value() - value) / abs(value),
        float(np.linalg.norm(call.grad() - gradient) / scale),
    )


def by_torch(peer: Peer, call: Call) -> tuple[float, Array]:
    """Value and gradient by PyTorch's autograd in float64."""
    torch = pytest.importorskip("torch")
    student, *others = (torch.from_numpy(a.copy()) for a in call.positional)
    student.requires_grad_()
    named = {
        name: torch.from_numpy(x.copy()) if isinstance(x, np.ndarray) else x
        for name, x in call.named.items()
    }
    value = peer.function(student, *others, **named)
    value.backward()
    return value.item(), student.grad.numpy()


def by_jax(peer: Peer, call: Call) -> tuple[float, Array]:
    """Value and gradient by JAX in float64."""
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    student, *others = (jax.numpy.asarray(a) for a in call.inputs.values())

    def function(s: Any) -> Any:
        return peer.function(s, *others, **call.parameters)

    value, gradient = jax.value_and_grad(function)(student)
    return float(value), np.asarray(gradient)
