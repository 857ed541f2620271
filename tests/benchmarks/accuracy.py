"""Everybody's digits: errors in ulp of this library, its exact twin and four peers, judged by the oracle.

    python -m tests.benchmarks.accuracy [--rows 4] [--save]

``--save`` writes ``results/accuracy.json``, from which the tables and the graph of the page on accuracy are made
(``python -m tests.benchmarks.page``).
"""

import argparse
import json
import math
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gmpy2
import numpy as np

from tests.accuracy import (
    FORMATS,
    SUBJECTS,
    Subject,
    draw,
    elementwise,
    error,
    oracle_row,
    run,
)
from tests.accuracy_inputs import CLASSES, FIXED_SEED, Case, DType
from tests.benchmarks.peers import PEERS
from tests.oracle import divergences
from tests.oracle.precision import bits_for, working_precision
from tests.oracle.rounding import rounded

RESULT = Path(__file__).parent / "results" / "accuracy.json"

FUNCTIONS = (
    "logsumexp",
    "softmax",
    "log_softmax",
    "entropy_from_logits",
    "kl_divergence_from_logits",
    "js_divergence_from_logits",
    "hard_label_loss",
    "forward_kl_loss_grad",
    "reverse_kl_loss_grad",
    "distillation_loss_grad",
)
DTYPES: dict[str, DType] = {"float64": np.float64, "float32": np.float32}

NEVER_NEGATIVE = ("kl_divergence_from_logits", "js_divergence_from_logits")

NOISES = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
NOISE_SHAPE, NOISE_TEMPERATURE, NOISE_BITS = (60, 100), 2.0, 400


def contenders() -> dict[str, Any]:
    """Who is judged; the exact functions by the same measure as everybody."""
    own = {"kdref": import_module("kdref"), "kdref.exact": import_module("kdref.exact")}
    return {**own, **{name: make() for name, make in PEERS.items()}}


def judged(subject: Subject, case: Case, libraries: dict[str, Any]) -> dict[str, Any]:
    """Each library's largest finite error over the rows of a case, and flags for what no unit measures.

    N: NaN; I: an infinity that is wrong or missing; Z: not 0 where the truth is; -: a negative divergence.
    """
    inputs, parameters = subject.arguments(case)
    n_rows = len(case.student)
    with working_precision(bits_for(case.student.shape[-1])):
        truths = [oracle_row(subject, [b[r] for b in inputs], parameters) for r in range(n_rows)]
    cells: dict[str, Any] = {}
    for name, library in libraries.items():
        if not hasattr(library, subject.name):
            continue
        with np.errstate(all="ignore"):
            results = run(
                plain_numbers(getattr(library, subject.name)),
                subject,
                inputs,
                parameters,
                case.student.dtype.type,
            )
        errors, flags = [0.0], set()
        for row, (got, truth) in enumerate(zip(results, truths, strict=True)):
            if truth is None:  # a gradient that does not exist
                continue
            flags |= flagged(subject, got, truth)
            with working_precision(bits_for(case.student.shape[-1])):
                measure = (
                    elementwise(subject, case, got, truth)
                    if name == "kdref.exact"
                    else error(subject, case, row, got, truth)
                )
            errors.append(measure if math.isfinite(measure) else 0.0)
        cells[name] = {"ulp": float(f"{max(errors):.3g}"), "flags": "".join(sorted(flags))}
    return cells


def plain_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with scalars of other libraries as floats."""

    def call(*arrays: Any, **parameters: Any) -> Any:
        result = function(*arrays, **parameters)
        return float(result) if np.ndim(result) == 0 else result

    return call


def flagged(subject: Subject, got: Any, truth: Any) -> set[str]:
    """The flags of one row."""
    flags = set()
    entries = truth if isinstance(truth, tuple) else (truth,)
    for g, t in zip(np.ravel(got).astype(np.float64), entries, strict=True):
        if np.isnan(g):
            flags.add("N")
        elif np.isinf(g) != gmpy2.is_infinite(t) and abs(t) < FORMATS[np.float32].largest:
            flags.add("I")
        elif t == 0 and g != 0 and subject.kind != "gradient":
            flags.add("Z")
        if subject.name in NEVER_NEGATIVE and g < 0:
            flags.add("-")
    return flags


def table(n_rows: int, libraries: dict[str, Any]) -> dict[str, Any]:
    """Errors by type, function, class and library."""
    result: dict[str, Any] = {}
    for dtype_name, dtype in DTYPES.items():
        result[dtype_name] = {name: {} for name in FUNCTIONS}
        for case in draw(list(CLASSES), dtype, n_rows, FIXED_SEED):
            for name in FUNCTIONS:
                result[dtype_name][name][case.name] = judged(SUBJECTS[name], case, libraries)
    return result


def near_the_teacher(libraries: dict[str, Any]) -> dict[str, Any]:
    """KL of a student that is its teacher plus noise: worst relative error and share of negative rows."""
    result: dict[str, Any] = {}
    for dtype_name, dtype in DTYPES.items():
        rng = np.random.default_rng(FIXED_SEED)
        teacher = rng.normal(0.0, 3.0, NOISE_SHAPE).astype(dtype)
        direction = rng.normal(size=NOISE_SHAPE)
        by_noise = []
        for noise in NOISES:
            student = (teacher.astype(np.float64) + noise * direction).astype(dtype)
            if (student == teacher).all(axis=1).any():  # the noise is below the spacing of the type
                break
            with working_precision(NOISE_BITS):
                truth = np.array(
                    [
                        rounded(divergences.kl_divergence_from_logits(t, s, NOISE_TEMPERATURE))
                        for t, s in zip(teacher, student, strict=True)
                    ]
                )
            row: dict[str, Any] = {"noise": noise, "kl": float(f"{np.median(truth):.3g}")}
            for name, library in libraries.items():
                got = library.kl_divergence_from_logits(
                    teacher, student, temperature=NOISE_TEMPERATURE
                )
                got = np.asarray(got).astype(dtype).astype(np.float64)
                row[name] = {
                    "relative_error": float(f"{np.abs(got / truth - 1.0).max():.3g}"),
                    "negative": float((got < 0.0).mean()),
                }
            by_noise.append(row)
        result[dtype_name] = by_noise
    return result


def main() -> None:
    """Measure; print the largest error of each function; write the result file if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2)
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    libraries = contenders()
    packages = ("numpy", "scipy", "torch", "jax", "optax")
    results = {
        "seed": FIXED_SEED,
        "rows": arguments.rows,
        "versions": {name: version(name) for name in packages},
        "near_the_teacher": near_the_teacher(libraries),
        "errors": table(arguments.rows, libraries),
    }
    for dtype, functions in results["errors"].items():
        for function, classes in functions.items():
            worst = {
                name: max(cells[name]["ulp"] for cells in classes.values() if name in cells)
                for name in libraries
                if name in next(iter(classes.values()))
            }
            sys.stdout.write(
                f"{dtype} {function:28} "
                + ", ".join(f"{n} {w:.3g}" for n, w in worst.items())
                + "\n"
            )
    if arguments.save:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
