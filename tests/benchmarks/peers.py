"""The functions of this library as users of other libraries write them, under the names of this one.

Each peer is a mapping from names to functions with this library's arguments, computed in the type of the input.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def naive() -> SimpleNamespace:
    """NumPy by the textbook, with the maximum subtracted, as blog posts have it."""

    def softmax(z: Array, temperature: float = 1.0) -> Array:
        scaled = z / z.dtype.type(temperature)
        e = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        return np.asarray(e / e.sum(axis=-1, keepdims=True))

    def log_softmax(z: Array, temperature: float = 1.0) -> Array:
        return np.asarray(np.log(softmax(z, temperature)))

    def logsumexp(z: Array) -> Array:
        top = z.max(axis=-1, keepdims=True)
        return np.asarray((top + np.log(np.exp(z - top).sum(axis=-1, keepdims=True)))[..., 0])

    def total(p: Array, log_ratio: Array) -> Array:
        return np.asarray(np.where(p > 0.0, p * log_ratio, 0.0).sum(axis=-1))

    def entropy(z: Array, temperature: float) -> Array:
        return np.negative(total(softmax(z, temperature), log_softmax(z, temperature)))

    def kl(p_logits: Array, q_logits: Array, temperature: float) -> Array:
        log_ratio = log_softmax(p_logits, temperature) - log_softmax(q_logits, temperature)
        return total(softmax(p_logits, temperature), log_ratio)

    def js(p_logits: Array, q_logits: Array, temperature: float, beta: float) -> Array:
        p, q = softmax(p_logits, temperature), softmax(q_logits, temperature)
        b = p.dtype.type(beta)
        m = np.log(b * p + (1 - b) * q)
        return np.asarray(b * total(p, np.log(p) - m) + (1 - b) * total(q, np.log(q) - m))

    def hard_label(student: Array, labels: Array) -> Array:
        at_label = np.take_along_axis(log_softmax(student), labels[:, None], 1)
        return np.asarray(-at_label.mean())

    def forward_kl_grad(student: Array, teacher: Array, temperature: float) -> Array:
        difference = softmax(student, temperature) - softmax(teacher, temperature)
        return np.asarray(difference / student.dtype.type(temperature * len(student)))

    def reverse_kl_grad(student: Array, teacher: Array, temperature: float) -> Array:
        q = softmax(student, temperature)
        log_ratio = log_softmax(student, temperature) - log_softmax(teacher, temperature)
        centred = log_ratio - total(q, log_ratio)[:, None]
        return np.asarray(q * centred / student.dtype.type(temperature * len(student)))

    def distillation_grad(
        student: Array, teacher: Array, labels: Array, temperature: float, alpha: float
    ) -> Array:
        hard = softmax(student)
        hard[np.arange(len(labels)), labels] -= 1
        a, squared = student.dtype.type(alpha), student.dtype.type(temperature**2)
        soft = forward_kl_grad(student, teacher, temperature)
        return np.asarray((1 - a) * hard / len(student) + a * squared * soft)

    return SimpleNamespace(
        logsumexp=logsumexp,
        softmax=softmax,
        log_softmax=log_softmax,
        entropy_from_logits=entropy,
        kl_divergence_from_logits=kl,
        js_divergence_from_logits=js,
        hard_label_loss=hard_label,
        forward_kl_loss_grad=forward_kl_grad,
        reverse_kl_loss_grad=reverse_kl_grad,
        distillation_loss_grad=distillation_grad,
    )


def scipy() -> SimpleNamespace:
    """``scipy.special``, which has no gradients."""
    from scipy import special

    def softmax(z: Array, temperature: float) -> Array:
        return np.asarray(special.softmax(z / z.dtype.type(temperature), axis=-1))

    def kl(p_logits: Array, q_logits: Array, temperature: float) -> Array:
        p, q = softmax(p_logits, temperature), softmax(q_logits, temperature)
        return np.asarray(special.rel_entr(p, q).sum(axis=-1))

    def js(p_logits: Array, q_logits: Array, temperature: float, beta: float) -> Array:
        p, q = softmax(p_logits, temperature), softmax(q_logits, temperature)
        b = p.dtype.type(beta)
        m = b * p + (1 - b) * q
        to_m = [special.rel_entr(r, m).sum(axis=-1) for r in (p, q)]
        return np.asarray(b * to_m[0] + (1 - b) * to_m[1])

    return SimpleNamespace(
        logsumexp=lambda z: special.logsumexp(z, axis=-1),
        softmax=softmax,
        log_softmax=lambda z, temperature: special.log_softmax(
            z / z.dtype.type(temperature), axis=-1
        ),
        entropy_from_logits=lambda z, temperature: special.entr(softmax(z, temperature)).sum(-1),
        kl_divergence_from_logits=kl,
        js_divergence_from_logits=js,
        hard_label_loss=lambda s, y: (
            -np.take_along_axis(special.log_softmax(s, axis=-1), y[:, None], 1).mean()
        ),
    )


def torch() -> SimpleNamespace:
    """``torch.nn.functional`` and autograd."""
    import torch as library
    from torch.nn import functional

    def on_tensors(function: Callable[..., Any]) -> Callable[..., Array]:
        def call(*arrays: Array, **parameters: float) -> Array:
            tensors = (library.from_numpy(np.array(array)) for array in arrays)
            return np.asarray(function(*tensors, **parameters).numpy())

        return call

    def gradient(loss: Callable[..., Any]) -> Callable[..., Array]:
        def of_first(student: Any, *others: Any, **parameters: float) -> Any:
            leaf = student.requires_grad_()
            loss(leaf, *others, **parameters).backward()
            return leaf.grad

        return on_tensors(of_first)

    def softmax(z: Any, temperature: float) -> Any:
        return functional.softmax(z / temperature, -1)

    def log_softmax(z: Any, temperature: float) -> Any:
        return functional.log_softmax(z / temperature, -1)

    def kl(p_logits: Any, q_logits: Any, temperature: float) -> Any:
        log_q, p = log_softmax(q_logits, temperature), softmax(p_logits, temperature)
        return functional.kl_div(log_q, p, reduction="none").sum(-1)

    def js(p_logits: Any, q_logits: Any, temperature: float, beta: float) -> Any:
        p, q = softmax(p_logits, temperature), softmax(q_logits, temperature)
        log_m = (beta * p + (1 - beta) * q).log()
        to_m = [functional.kl_div(log_m, r, reduction="none").sum(-1) for r in (p, q)]
        return beta * to_m[0] + (1 - beta) * to_m[1]

    def entropy(z: Any, temperature: float) -> Any:
        return -(softmax(z, temperature) * log_softmax(z, temperature)).nansum(-1)

    def reverse_kl(s: Any, t: Any, temperature: float) -> Any:
        log_q, log_p = log_softmax(s, temperature), log_softmax(t, temperature)
        return functional.kl_div(log_p, log_q, reduction="batchmean", log_target=True)

    def distillation(s: Any, t: Any, y: Any, temperature: float, alpha: float) -> Any:
        hard, soft = functional.cross_entropy(s, y), kl(t, s, temperature).mean()
        return (1 - alpha) * hard + alpha * temperature**2 * soft

    return SimpleNamespace(
        logsumexp=on_tensors(lambda z: library.logsumexp(z, -1)),
        softmax=on_tensors(softmax),
        log_softmax=on_tensors(log_softmax),
        entropy_from_logits=on_tensors(entropy),
        kl_divergence_from_logits=on_tensors(kl),
        js_divergence_from_logits=on_tensors(js),
        hard_label_loss=on_tensors(functional.cross_entropy),
        forward_kl_loss_grad=gradient(lambda s, t, temperature: kl(t, s, temperature).mean()),
        reverse_kl_loss_grad=gradient(reverse_kl),
        distillation_loss_grad=gradient(distillation),
    )


def jax() -> SimpleNamespace:
    """``jax.nn`` and ``optax``, jitted, with 64-bit types allowed."""
    import jax as library
    import optax
    from jax import nn, numpy

    library.config.update("jax_enable_x64", True)

    def on_arrays(function: Callable[..., Any]) -> Callable[..., Array]:
        compiled = library.jit(function)

        def call(*arrays: Array, **parameters: float) -> Array:
            typed = {name: arrays[0].dtype.type(value) for name, value in parameters.items()}
            return np.asarray(compiled(*arrays, **typed))

        return call

    def gradient(loss: Callable[..., Any]) -> Callable[..., Array]:
        return on_arrays(library.grad(loss))

    def softmax(z: Any, temperature: Any) -> Any:
        return nn.softmax(z / temperature)

    def log_softmax(z: Any, temperature: Any) -> Any:
        return nn.log_softmax(z / temperature)

    def kl(p_logits: Any, q_logits: Any, temperature: Any) -> Any:
        return optax.kl_divergence(
            log_softmax(q_logits, temperature), softmax(p_logits, temperature)
        )

    def js(p_logits: Any, q_logits: Any, temperature: Any, beta: Any) -> Any:
        p, q = softmax(p_logits, temperature), softmax(q_logits, temperature)
        log_m = numpy.log(beta * p + (1 - beta) * q)
        to_m = [optax.kl_divergence(log_m, r) for r in (p, q)]
        return beta * to_m[0] + (1 - beta) * to_m[1]

    def entropy(z: Any, temperature: Any) -> Any:
        return -numpy.nansum(softmax(z, temperature) * log_softmax(z, temperature), -1)

    def hard_label(s: Any, y: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(s, y).mean()

    def distillation(s: Any, t: Any, y: Any, temperature: Any, alpha: Any) -> Any:
        soft = kl(t, s, temperature).mean()
        return (1 - alpha) * hard_label(s, y) + alpha * temperature**2 * soft

    return SimpleNamespace(
        logsumexp=on_arrays(lambda z: nn.logsumexp(z, -1)),
        softmax=on_arrays(softmax),
        log_softmax=on_arrays(log_softmax),
        entropy_from_logits=on_arrays(entropy),
        kl_divergence_from_logits=on_arrays(kl),
        js_divergence_from_logits=on_arrays(js),
        hard_label_loss=on_arrays(hard_label),
        forward_kl_loss_grad=gradient(lambda s, t, temperature: kl(t, s, temperature).mean()),
        reverse_kl_loss_grad=gradient(lambda s, t, temperature: kl(s, t, temperature).mean()),
        distillation_loss_grad=gradient(distillation),
    )


PEERS = {"naive NumPy": naive, "SciPy": scipy, "PyTorch": torch, "JAX": jax}
