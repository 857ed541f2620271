"""Forward value and gradient of T² KL by one library, timed on request: one contender in a process of its own.

    python -m tests.benchmarks.contenders NAME STUDENT.npy TEACHER.npy

Each line on stdin asks for one more run; the answer is the time in seconds.  At the end of the input the last answer is
the peak of the process's memory in bytes and the value of the loss.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

TEMPERATURE = 2.0
Array = NDArray[np.float32]
Run = Callable[[], float]
"""Computes value and gradient, keeps the gradient until the next run, returns the value."""


def kdref(student: Array, teacher: Array) -> Run:
    """This library: in blocks, on all cores."""
    from kdref.blockwise import value_and_grad

    kept: list[Any] = [None]

    def run() -> float:
        result = value_and_grad(
            "distillation", student, teacher, temperature=TEMPERATURE, alpha=1.0
        )
        kept[0] = result.gradient
        return result.value

    return run


def scipy(student: Array, teacher: Array) -> Run:
    """SciPy's softmax and log-softmax; the gradient is written out, since SciPy has none."""
    from scipy.special import log_softmax, softmax

    kept: list[Any] = [None]

    def run() -> float:
        log_q, log_p = log_softmax(student / TEMPERATURE, 1), log_softmax(teacher / TEMPERATURE, 1)
        p = np.exp(log_p)
        kept[0] = (softmax(student / TEMPERATURE, 1) - p) * (TEMPERATURE / len(student))
        return float(TEMPERATURE**2 * (p * (log_p - log_q)).sum() / len(student))

    return run


def torch_loss(student: Any, teacher: Any) -> Any:
    """What a training script has."""
    from torch.nn.functional import kl_div, log_softmax, softmax

    log_q, p = log_softmax(student / TEMPERATURE, 1), softmax(teacher / TEMPERATURE, 1)
    return TEMPERATURE**2 * kl_div(log_q, p, reduction="batchmean")


def torch(student: Array, teacher: Array, compiled: bool = False) -> Run:
    """PyTorch, eager or compiled."""
    import torch as library

    loss = library.compile(torch_loss) if compiled else torch_loss
    leaf, constant = library.from_numpy(student).requires_grad_(), library.from_numpy(teacher)

    def run() -> float:
        leaf.grad = None
        value = loss(leaf, constant)
        value.backward()
        return float(value.item())

    return run


def torch_compile(student: Array, teacher: Array) -> Run:
    """PyTorch through ``torch.compile``."""
    return torch(student, teacher, compiled=True)


def jax(student: Array, teacher: Array) -> Run:
    """JAX, jitted."""
    import jax as library
    from jax.nn import log_softmax

    def loss(s: Any, t: Any) -> Any:
        log_q, log_p = log_softmax(s / TEMPERATURE), log_softmax(t / TEMPERATURE)
        return TEMPERATURE**2 * (library.numpy.exp(log_p) * (log_p - log_q)).sum() / len(student)

    both = library.jit(library.value_and_grad(loss))
    s, t = library.numpy.asarray(student), library.numpy.asarray(teacher)
    kept: list[Any] = [None]

    def run() -> float:
        value, kept[0] = library.block_until_ready(both(s, t))
        return float(value)

    return run


def floor(student: Array, teacher: Array) -> Run:
    """What cannot be left out: two float64 exps in cache for each entry, one read of each input, one write."""
    from kdref.blockwise._threads import available_cores

    n_threads, at_once = available_cores(), 8192
    gradient = np.zeros(student.size, np.float32)
    s, t = student.ravel(), teacher.ravel()
    pieces = np.linspace(0, len(s), n_threads + 1).astype(int)

    def work(first: int, last: int) -> None:
        exponents, powers = np.linspace(-20.0, 0.0, at_once), np.empty(at_once)
        here = np.empty(at_once, np.float32)
        for start in range(first, last, at_once):
            n = min(at_once, last - start)
            np.copyto(here[:n], s[start : start + n])
            np.copyto(here[:n], t[start : start + n])
            for _ in range(2):
                np.exp(exponents[:n], out=powers[:n])
            np.copyto(gradient[start : start + n], here[:n])

    def run() -> float:
        if len(s) <= 4 * at_once:
            work(0, len(s))
        else:
            with ThreadPoolExecutor(n_threads) as pool:
                list(pool.map(work, pieces[:-1], pieces[1:]))
        return float("nan")

    return run


CONTENDERS: dict[str, Callable[[Array, Array], Run]] = {
    "floor": floor,
    "kdref": kdref,
    "SciPy": scipy,
    "PyTorch": torch,
    "torch.compile": torch_compile,
    "JAX jit": jax,
}


def main(name: str, student: str, teacher: str) -> None:
    """Answer requests until the input ends."""
    run = CONTENDERS[name](np.load(student), np.load(teacher))
    value = run()  # compiles, imports, touches memory
    for _ in sys.stdin:
        begin, begin_cpu = time.perf_counter(), time.process_time()
        value = run()
        answer([time.perf_counter() - begin, time.process_time() - begin_cpu])
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer({"peak_bytes": kibibytes * 1024, "value": value})


def answer(data: object) -> None:
    """One line on stdout."""
    sys.stdout.write(json.dumps(data) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:4])
