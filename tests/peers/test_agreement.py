"""Value and gradient of every loss against the other implementations."""

import numpy as np
import pytest

import kdref
from tests.peers.agreement import ROUNDING, Peer, by_torch, measure
from tests.peers.published import PUBLISHED, trl_generalised_js
from tests.peers.transcribed import TRANSCRIBED
from tests.strategies import normal_call

# Other people's imports may warn; what they return is judged.
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]


@pytest.mark.parametrize(
    "peer", PUBLISHED + TRANSCRIBED, ids=lambda peer: f"{peer.loss}-{peer.package}"
)
def test_loss_and_gradient_agree_with_another_implementation(peer: Peer) -> None:
    difference = measure(peer)
    assert difference.value <= peer.tolerance
    assert difference.gradient <= peer.tolerance


@pytest.mark.parametrize(("beta", "limit"), [(0, "forward_kl_loss"), (1, "reverse_kl_loss")])
def test_trl_returns_the_limits_at_the_ends_where_generalised_js_is_zero(
    beta: int, limit: str
) -> None:
    call = normal_call(kdref.LOSSES["generalised_js"], np.random.default_rng(1))
    call = call.with_parameters(beta=float(beta))
    peer = Peer("generalised_js", "trl", "torch", trl_generalised_js, {})
    value, _ = by_torch(peer, call)
    student, teacher = call.inputs.values()
    expected = getattr(kdref, limit)(student, teacher, temperature=call.parameters["temperature"])
    assert value == pytest.approx(expected, rel=ROUNDING)
    assert call.value() == 0.0
