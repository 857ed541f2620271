"""Judges functions of the library by the oracle: row by row, in units in the last place.

`SUBJECTS` names every function with its arguments and the oracle's text of it; `judge` runs one of them, of the
plain library or of `kdref.exact`, over a case of `tests.accuracy_inputs`.  Run as a script it prints the largest
error of each function:

    python -m tests.accuracy [--exact] [--dtype float32] [--rows 4] [--seed 7] [--classes tails C2]
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from typing import Any, Literal

import gmpy2
import numpy as np
from gmpy2 import mpfr
from numpy.typing import NDArray

from tests.accuracy_inputs import CLASSES, WIDEST, Array, Case, DType, seed
from tests.oracle import divergences, rows
from tests.oracle.batch import LOSSES
from tests.oracle.precision import bits_for, working_precision
from tests.oracle.rounding import FLOAT16, FLOAT32, FLOAT64, Format, ulps, ulps_in_norm, worst_ulps

Kind = Literal["value", "logsumexp", "given", "entries", "gradient"]

FORMATS: dict[DType, Format] = {np.float64: FLOAT64, np.float32: FLOAT32, np.float16: FLOAT16}

SMALLEST_JUDGED = 1e-289
"""Below this the factors of a gradient underflow in float64 before their product does."""

SMALLEST_LOGSUMEXP = 1e-16
"""Below this even 106 bits cannot tell a row of log-probabilities from one that sums to 1 exactly."""

WIDEST_JACOBIAN = 20

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Subject:
    """A function of the library.

    ``arguments`` makes its batch arguments and its parameters; the oracle's function takes the same for one row.
    A loss averages over its batch, so it is asked for one example at a time.
    """

    name: str
    kind: Kind
    arguments: Callable[[Case], Arguments]
    truth: Callable[..., Any]
    is_loss: bool = False

    def accepts(self, case: Case) -> bool:
        """Whether the function has an answer that can be judged on this class.

        The C x C Jacobian is left out where C is large, and the virtual teacher where there is no other class.  The
        sign of q - p is left out where log q - log p is of a few units of 5e-324, which rounding turns either way.
        """
        if self.name.startswith("virtual_teacher_loss") and case.student.shape[-1] == 1:
            return False
        if self.name == "total_variation_loss_grad" and case.name == "subnormal":
            return False
        return self.name != "softmax_jacobian" or case.student.shape[-1] <= WIDEST_JACOBIAN


@dataclass(frozen=True)
class Verdict:
    """One row's error, and what was compared."""

    subject: Subject
    case: Case
    row: int
    got: Any
    truth: Any
    error: float
    """In ulp; for a gradient in ulp of the row's largest entry."""
    elementwise: float
    """The worst entry in its own ulp, entries below `SMALLEST_JUDGED` left out."""


def judge(
    library: Any, subject: Subject, case: Case, *, bits: int | None = None
) -> Iterator[Verdict]:
    """The error of each row of the case; infinite for NaN, for a wrong infinity, and for a nonzero that must be 0."""
    inputs, parameters = subject.arguments(case)
    dtype = case.student.dtype.type
    results = run(getattr(library, subject.name), subject, inputs, parameters, dtype)
    with working_precision(bits or bits_for(case.student.shape[-1])):
        for row, got in enumerate(results):
            truth = oracle_row(subject, [batch[row] for batch in inputs], parameters)
            yield Verdict(
                subject,
                case,
                row,
                got,
                truth,
                error(subject, case, row, got, truth),
                elementwise(subject, case, got, truth),
            )


def run(
    function: Callable[..., Any],
    subject: Subject,
    inputs: tuple[Any, ...],
    parameters: dict[str, float],
    dtype: DType,
) -> list[Any]:
    """The library's results, one for each row, rounded once to the input's type; None where it refuses."""
    batches = [slice(i, i + 1) for i in range(len(inputs[0]))]
    if not subject.is_loss and subject.kind != "gradient":
        with np.errstate(over="ignore"):
            return list(function(*inputs, **parameters).astype(dtype))
    results: list[Any] = []
    for batch in batches:
        try:
            got = function(*(argument[batch] for argument in inputs), **parameters)
        except ValueError:
            got = None
        else:
            got = got if isinstance(got, float) else got[0]
        with np.errstate(over="ignore"):
            results.append(None if got is None else np.asarray(got).astype(dtype))
    return results


def oracle_row(subject: Subject, inputs: list[Any], parameters: dict[str, float]) -> Any:
    """The oracle's result for one row, None where there is none: a gradient that no float64 holds."""
    try:
        truth = subject.truth(*inputs, **parameters)
    except ValueError:
        return None
    if subject.kind == "gradient" and isinstance(truth[0], tuple):  # the Jacobian's rows
        return tuple(entry for row in truth for entry in row)
    if subject.kind == "gradient" and not all(math.isfinite(float(entry)) for entry in truth):
        return None
    return truth


def error(subject: Subject, case: Case, row: int, got: Any, truth: Any) -> float:
    """The error in the unit that the subject's kind calls for."""
    form = FORMATS[case.student.dtype.type]
    if got is None or truth is None:
        return 0.0 if got is None and truth is None else math.inf
    if subject.kind == "gradient":
        small = max(map(abs, truth)) < SMALLEST_JUDGED
        return 0.0 if small else ulps_in_norm(np.ravel(got), truth, form)
    if subject.kind == "entries":
        return worst_ulps(got, truth, form)
    if subject.kind == "logsumexp" and form is FLOAT64:
        return ulps(float(got), truth, form, scale=size_of_logsumexp(case, row))
    return ulps(float(got), truth, form)


def size_of_logsumexp(case: Case, row: int) -> mpfr:
    """The numbers whose sum log-sum-exp is: max z and at most log C."""
    logits = case.student[row].astype(np.float64)
    return max(abs(mpfr(float(logits.max()))), gmpy2.log(mpfr(len(logits))))


def elementwise(subject: Subject, case: Case, got: Any, truth: Any) -> float:
    """The worst entry in its own ulp, where the truth is large enough for double-double arithmetic."""
    form = FORMATS[case.student.dtype.type]
    if got is None or truth is None:
        return 0.0 if got is None and truth is None else math.inf
    least = SMALLEST_LOGSUMEXP if subject.kind == "logsumexp" else SMALLEST_JUDGED
    entries = truth if isinstance(truth, tuple) else (truth,)
    return max(
        ulps(float(g), t, form)
        if abs(t) >= least or t == 0
        else (0.0 if abs(float(g)) < 2 * least else math.inf)
        for g, t in zip(np.ravel(got), entries, strict=True)
    )


# ----------------------------------------------------------------------------- the functions


def softened(logits: Array, temperature: float) -> NDArray[np.floating]:
    """Rows of probabilities in the type of the logits, as a user would have them."""
    z = logits.astype(np.float64)
    powers = np.exp((z - z.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True)).astype(logits.dtype)


def student_only(case: Case) -> Arguments:
    return (case.student,), {}


def student_at_temperature(case: Case) -> Arguments:
    return (case.student,), {"temperature": case.temperature}


def student_and_cotangent(case: Case) -> Arguments:
    return (case.student, case.cotangent), {"temperature": case.temperature}


def one_given(case: Case) -> Arguments:
    return (softened(case.student, case.temperature),), {}


def two_given(case: Case) -> Arguments:
    t = case.temperature
    return (softened(case.teacher, t), softened(case.student, t)), {}


def two_given_and_beta(case: Case) -> Arguments:
    return two_given(case)[0], {"beta": case.beta}


def teacher_and_student(case: Case) -> Arguments:
    return (case.teacher, case.student), {"temperature": case.temperature}


def teacher_student_and_beta(case: Case) -> Arguments:
    return (case.teacher, case.student), {"temperature": case.temperature, "beta": case.beta}


def student_and_teacher(case: Case) -> Arguments:
    return (case.student, case.teacher), {"temperature": case.temperature}


def student_teacher_and_beta(case: Case) -> Arguments:
    return (case.student, case.teacher), {"temperature": case.temperature, "beta": case.beta}


def student_and_labels(case: Case) -> Arguments:
    return (case.student, case.labels), {}


def all_three(case: Case) -> Arguments:
    options = {"temperature": case.temperature, "alpha": case.alpha}
    return (case.student, case.teacher, case.labels), options


def with_share(name: str) -> Callable[[Case], Arguments]:
    """Student, teacher and one parameter beside the temperature, whose value is the case's beta."""

    def arguments(case: Case) -> Arguments:
        return (case.student, case.teacher), {"temperature": case.temperature, name: case.beta}

    return arguments


def labels_and_smoothing(case: Case) -> Arguments:
    return (case.student, case.labels), {"smoothing": case.beta}


def labels_and_confidence(case: Case) -> Arguments:
    options = {"temperature": case.temperature, "confidence": case.beta}
    return (case.student, case.labels), options


LOSS_ARGUMENTS: dict[str, Callable[[Case], Arguments]] = {
    "hard_label": student_and_labels,
    "label_smoothing": labels_and_smoothing,
    "virtual_teacher": labels_and_confidence,
    "soft_cross_entropy": student_and_teacher,
    "forward_kl": student_and_teacher,
    "reverse_kl": student_and_teacher,
    "symmetric_kl": with_share("forward_weight"),
    "total_variation": student_and_teacher,
    "generalised_js": student_teacher_and_beta,
    "skew_forward_kl": with_share("skew"),
    "skew_reverse_kl": with_share("skew"),
    "distillation": all_three,
}
"""The losses that the bounds in ulp hold for."""

SUBJECTS: dict[str, Subject] = {
    subject.name: subject
    for subject in (
        Subject("logsumexp", "logsumexp", student_only, rows.logsumexp),
        Subject("softmax", "entries", student_at_temperature, rows.softmax),
        Subject("log_softmax", "entries", student_at_temperature, rows.log_softmax),
        Subject("softmax_jacobian", "gradient", student_at_temperature, rows.softmax_jacobian),
        Subject("softmax_vjp", "gradient", student_and_cotangent, rows.softmax_vjp),
        Subject("entropy", "value", one_given, divergences.entropy),
        Subject("cross_entropy", "value", two_given, divergences.cross_entropy),
        Subject("cross_entropy_grad", "gradient", two_given, divergences.cross_entropy_gradient),
        Subject("kl_divergence", "given", two_given, divergences.kl_divergence),
        Subject("kl_divergence_grad", "gradient", two_given, divergences.kl_divergence_gradient),
        Subject("js_divergence", "given", two_given_and_beta, divergences.js_divergence),
        Subject("total_variation", "given", two_given, divergences.total_variation),
        Subject(
            "entropy_from_logits", "value", student_at_temperature, divergences.entropy_from_logits
        ),
        Subject(
            "cross_entropy_from_logits",
            "value",
            teacher_and_student,
            divergences.cross_entropy_from_logits,
        ),
        Subject(
            "kl_divergence_from_logits",
            "value",
            teacher_and_student,
            divergences.kl_divergence_from_logits,
        ),
        Subject(
            "js_divergence_from_logits",
            "value",
            teacher_student_and_beta,
            divergences.js_divergence_from_logits,
        ),
        Subject(
            "total_variation_from_logits",
            "value",
            teacher_and_student,
            divergences.total_variation_from_logits,
        ),
        *(
            Subject(f"{name}_loss", "value", arguments, LOSSES[name].value, is_loss=True)
            for name, arguments in LOSS_ARGUMENTS.items()
        ),
        *(
            Subject(f"{name}_loss_grad", "gradient", arguments, LOSSES[name].gradient, is_loss=True)
            for name, arguments in LOSS_ARGUMENTS.items()
        ),
    )
}
"""Every function that has a bound, under its public name."""


# -------------------------------------------------------------------------------- the report


def describe(verdict: Verdict) -> str:
    """What to type to see one row again."""
    inputs, parameters = verdict.subject.arguments(verdict.case)
    rows_of = ", ".join(repr(np.asarray(batch[verdict.row]).tolist()) for batch in inputs)
    options = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
    return (
        f"{verdict.subject.name} on {verdict.case.name} ({verdict.case.student.dtype}), row {verdict.row}: "
        f"{verdict.error:.4g} ulp, elementwise {verdict.elementwise:.4g}\n"
        f"  got {np.asarray(verdict.got).tolist()!r}\n"
        f"  inputs {rows_of[:3000]}; {options}"
    )


def draw(names: Sequence[str], dtype: DType, n_rows: int, chosen_seed: int) -> Iterator[Case]:
    """One case of each class, every class from a stream of its own so that it can be drawn alone."""
    generators = {**CLASSES, "C100k": WIDEST}
    for name in names:
        rng = np.random.default_rng([chosen_seed, *name.encode()])
        yield generators[name](rng, dtype, n_rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the largest error of each function, over all classes and where it occurs."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--exact", action="store_true", help="judge kdref.exact, elementwise")
    parser.add_argument("--dtype", default="float64", choices=["float64", "float32", "float16"])
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--seed", type=int, default=seed(fresh=True))
    parser.add_argument("--classes", nargs="*", default=list(CLASSES))
    parser.add_argument("--functions", nargs="*", help="all that the library has, unless given")
    parser.add_argument("--worst", action="store_true", help="show the inputs of the worst rows")
    chosen = parser.parse_args(arguments)
    library = import_module("kdref.exact" if chosen.exact else "kdref")
    cases = list(draw(chosen.classes, getattr(np, chosen.dtype), chosen.rows, chosen.seed))
    sys.stdout.write(f"seed {chosen.seed}, {chosen.dtype}, {chosen.rows} rows of each class\n")
    for name in chosen.functions or [name for name in SUBJECTS if hasattr(library, name)]:
        subject = SUBJECTS[name]
        verdicts = [
            v for case in cases if subject.accepts(case) for v in judge(library, subject, case)
        ]
        key = attrgetter("elementwise" if chosen.exact else "error")
        by_class = {case.name: 0.0 for case in cases}
        for verdict in verdicts:
            by_class[verdict.case.name] = max(by_class[verdict.case.name], key(verdict))
        ranking = sorted(by_class.items(), key=lambda item: -item[1])[:4]
        line = ", ".join(f"{label} {value:.3g}" for label, value in ranking)
        sys.stdout.write(f"{name:30s} {line}\n")
        if chosen.worst:
            sys.stdout.write(describe(max(verdicts, key=key)) + "\n")


if __name__ == "__main__":
    main()
