"""One number for all digits of kdref.exact on fixed inputs; ``python -m tests.exact.digest`` prints it.

The inputs are made of integers and powers of two, because NumPy's exponentials and normal numbers may differ between
machines and versions; the bit generator's raw integers do not.
"""

import hashlib
import math
import sys

import numpy as np
from numpy.typing import NDArray

from kdref import exact

ROWS, CLASSES = 4, 7


def raw_integers(seed: int, shape: tuple[int, ...], bits: int) -> NDArray[np.int64]:
    """The topmost bits of the generator's raw output."""
    numbers = np.random.PCG64(seed).random_raw(math.prod(shape))
    return (np.asarray(numbers) >> np.uint64(64 - bits)).astype(np.int64).reshape(shape)


def logits(seed: int) -> NDArray[np.float64]:
    """Ordinary logits, dyadic fractions between -8 and 8."""
    return np.asarray(raw_integers(seed, (ROWS, CLASSES), 50), dtype=np.float64) * 2.0**-46 - 8.0


def probabilities(seed: int) -> NDArray[np.float64]:
    """Rows of multiples of 2^-20 that sum to exactly 1."""
    weights = raw_integers(seed, (ROWS, CLASSES), 16)
    weights[:, -1] = 2**20 - weights[:, :-1].sum(axis=1)
    return np.asarray(weights, dtype=np.float64) * 2.0**-20


def pairs() -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Students and teachers of several kinds, far apart and almost equal."""
    teacher, student = logits(1), logits(2)
    masked = np.where(raw_integers(3, teacher.shape, 2) == 0, -np.inf, 0.0)
    masked[:, 0] = 0.0
    return {
        "ordinary": (student, teacher),
        "near": (teacher + student * 2.0**-26, teacher),
        "one ulp": (np.nextafter(teacher, student), teacher),
        "deep": (student * 64.0, teacher * 64.0),
        "far": (student * 2.0**980, teacher * 2.0**980),
        "masked": (student + masked, teacher + masked),
    }


def results() -> list[NDArray[np.float64] | float]:
    """Every function's values and gradients."""
    labels = np.array([0, 0, 0, 0])
    everything: list[NDArray[np.float64] | float] = []
    for number, (student, teacher) in enumerate(pairs().values()):
        temperature = (1.0, 3.0)[number % 2]
        everything += [
            exact.logsumexp(student),
            exact.softmax(student, temperature),
            exact.log_softmax(student, temperature),
            exact.softmax_jacobian(student, temperature),
            exact.softmax_vjp(student, logits(4), temperature),
            exact.entropy_from_logits(student, temperature=temperature),
            exact.total_variation_from_logits(teacher, student, temperature=temperature),
            exact.hard_label_loss(student, labels),
            exact.soft_cross_entropy_loss(student, teacher, temperature=temperature),
            exact.forward_kl_loss(student, teacher, temperature=temperature),
            exact.forward_kl_loss_grad(student, teacher, temperature=temperature),
            exact.reverse_kl_loss(student, teacher, temperature=temperature),
            exact.reverse_kl_loss_grad(student, teacher, temperature=temperature),
            exact.generalised_js_loss(student, teacher, temperature=temperature, beta=0.3),
            exact.generalised_js_loss_grad(student, teacher, temperature=temperature, beta=0.3),
            exact.distillation_loss(student, teacher, labels, temperature=temperature),
            exact.distillation_loss_grad(
                student, teacher, labels, temperature=temperature, weights=[1.0, 2.0, 3.0, 4.0]
            ),
        ]
    p, q = probabilities(5), probabilities(6)
    everything += [exact.entropy(p), exact.cross_entropy(p, q), exact.kl_divergence(p, q)]
    everything += [exact.js_divergence(p, q, beta=0.25), exact.total_variation(p, q)]
    everything += [exact.logsumexp(exact.log_softmax(logits(7)))]
    return everything


def digest() -> str:
    """SHA-256 of all results' bytes."""
    total = hashlib.sha256()
    for result in results():
        total.update(np.asarray(result, dtype="<f8").tobytes())
    return total.hexdigest()


if __name__ == "__main__":
    sys.stdout.write(f"{digest()}\n")
