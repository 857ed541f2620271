"""Gives test vectors to an implementation and says what it made of each.

The implementation is a callable, of kdref or of anybody else: nothing here knows any loss.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdref import _checks
from kdref.conformance.vectors import Answer, Nested, Vector, VectorFile, load_vectors

DTYPES = ("float64", "float32", "float16")
"""The types that arrays may be given in."""

EXPLAINED = 1e-5
"""How near a wrong value must be to that of a known mistake, beside the allowance, to be put down to it, relative: the
files have six digits of it."""

MANY = 1e9
"""More rounding floors than this are not counted in words."""


@dataclass(frozen=True)
class Outcome:
    """What an implementation made of one vector.

    Attributes
    ----------
    vector : Vector
    status : str
        ``"passed"``, ``"failed"``, or ``"skipped"``: asked for, or the inputs mean something else in this dtype.
    reason : str
        What was wrong, in words; of a vector that was skipped, why.
    value : float or None
        What came back; None if nothing did.
    error : float
        The largest error of value and gradient in rounding floors; the file's allowance is how many there may be.
    convention : str
        Of an acceptable vector that passed, the convention that it follows.
    suspects : tuple of str
        The flags of the mistakes that return this very value.
    """

    vector: Vector
    status: str
    reason: str = ""
    value: float | None = None
    error: float = 0.0
    convention: str = ""
    suspects: tuple[str, ...] = ()


def run_vectors(
    vectors: VectorFile | str,
    value: Callable[..., Any],
    gradient: Callable[..., Any] | None = None,
    *,
    dtype: str = "float64",
    skip: Collection[str] = (),
) -> list[Outcome]:
    """Give each vector of a file to an implementation.

    ``value(*inputs, **parameters)`` is called as the twins of kdref are: arrays by position in the order of
    ``VectorFile.inputs``, then the hyper-parameters, and ``weights`` where the vector has some, by keyword.
    Each call gets arrays of its own.

    Parameters
    ----------
    vectors : VectorFile or str
        A file, or its name.
    value : callable
        Returns a number.  To refuse an input it raises an exception or returns NaN.
    gradient : callable, optional
        Takes the same and returns an array in the shape of the first input; not judged unless given.
    dtype : {"float64", "float32", "float16"}
        The type of the arrays; the rounding floors are those of this type.
    skip : collection of str
        Flags of vectors to leave out, such as ``{"WEIGHTED_ROWS"}`` for a loss without weights.

    Returns
    -------
    list of Outcome
        One for each vector, in the order of the file.

    Raises
    ------
    ValueError
        If there is no such file, or ``dtype`` is none of these.

    Examples
    --------
    A divergence in bits is found out, and named.

    >>> import kdref
    >>> from kdref.conformance import run_vectors
    >>> right = run_vectors("forward_kl", kdref.forward_kl_loss, kdref.forward_kl_loss_grad)
    >>> {outcome.status for outcome in right}
    {'passed'}
    >>> def in_bits(student, teacher, **options):
    ...     return kdref.forward_kl_loss(student, teacher, **options) / 0.6931471805599453
    >>> first = run_vectors("forward_kl", in_bits)[0]
    >>> first.status, first.suspects
    ('failed', ('LOG_BASE_2',))
    """
    file = load_vectors(vectors) if isinstance(vectors, str) else vectors
    _checks.choice("dtype", dtype, DTYPES)
    return [_outcome(file, vector, value, gradient, dtype, skip) for vector in file.vectors]


def summary(outcomes: Iterable[Outcome]) -> str:
    """How many passed, and what is known of those that did not, one line for each flag.

    Parameters
    ----------
    outcomes : iterable of Outcome
        Those of `run_vectors`.

    Returns
    -------
    str
        Lines to be printed.

    Examples
    --------
    >>> import kdref
    >>> from kdref.conformance import run_vectors, summary
    >>> print(summary(run_vectors("hint", kdref.hint_loss, kdref.hint_loss_grad)))
    20 passed
      follows: half the sum of squares
      follows: the mean over rows
    """
    listed = list(outcomes)
    counts = Counter(outcome.status for outcome in listed)
    words = (f"{counts[s]} {s}" for s in ("passed", "failed", "skipped") if counts[s])
    failed = [outcome for outcome in listed if outcome.status == "failed"]
    flags = Counter(flag for outcome in failed for flag in outcome.suspects or _kinds(outcome))
    lines = [f"  {flag}: {count}" for flag, count in flags.most_common()]
    followed = {o.convention for o in listed if o.convention}
    return "\n".join([", ".join(words), *lines, *(f"  follows: {c}" for c in sorted(followed))])


def _kinds(outcome: Outcome) -> Iterable[str]:
    """The flags of a vector that no known mistake explains."""
    return [flag for flag in outcome.vector.flags if flag not in outcome.vector.mistakes] or [
        "unexplained"
    ]


def _outcome(
    file: VectorFile,
    vector: Vector,
    value: Callable[..., Any],
    gradient: Callable[..., Any] | None,
    dtype: str,
    skip: Collection[str],
) -> Outcome:
    """One vector: skipped, or run and compared with each of its answers."""
    unwanted = [flag for flag in vector.flags if flag in skip]
    if unwanted:
        return Outcome(vector, "skipped", f"{unwanted[0]} is left out")
    if not all(answer.refused or dtype in answer.floor for answer in vector.answers):
        return Outcome(vector, "skipped", f"the inputs mean something else in {dtype}")
    with np.errstate(all="ignore"):
        got = _called(value, file, vector, dtype)
        slopes = None if gradient is None else _called(gradient, file, vector, dtype)
    judged = [_judge(answer, got, slopes, dtype, file.allowance) for answer in vector.answers]
    reason, error, answer = next((each for each in judged if not each[0]), judged[0])
    slack = file.allowance * answer.floor.get(dtype, 0.0)
    suspects = tuple(_suspects(vector, got.number, slack)) if reason else ()
    status = "failed" if reason else "passed"
    convention = "" if reason else answer.name
    return Outcome(vector, status, reason, got.number, error, convention, suspects)


@dataclass(frozen=True)
class _Result:
    """What a call returned: an array, or the exception that it raised."""

    array: np.ndarray[Any, Any] | None = None
    raised: str = ""

    @property
    def number(self) -> float | None:
        """The array as one number, None if it is not one."""
        if self.array is None or self.array.size != 1:
            return None
        return float(self.array.reshape(()))

    @property
    def words(self) -> str:
        """What came back, in words."""
        if self.array is None:
            return f"raised {self.raised}"
        if self.number is None:
            return f"got an array of shape {self.array.shape}"
        return f"got {self.number!r}"


def _called(function: Callable[..., Any], file: VectorFile, vector: Vector, dtype: str) -> _Result:
    """The result of one call, with arrays made for it."""
    arrays = {name: _array(name, given, dtype) for name, given in vector.inputs.items()}
    inputs = [arrays.pop(name) for name in file.inputs]
    try:
        return _Result(
            np.asarray(function(*inputs, **arrays, **vector.parameters), dtype=np.float64)
        )
    except Exception as error:
        return _Result(raised=f"{type(error).__name__}: {error}")


def _array(name: str, given: Nested, dtype: str) -> Any:
    """An array as implementations expect it; class ids are integers, unless a vector says otherwise."""
    if given is None or name == "labels":
        return None if given is None else np.array(given)
    return np.array(given, dtype=dtype)


def _judge(
    answer: Answer, got: _Result, slopes: _Result | None, dtype: str, allowance: int
) -> tuple[str, float, Answer]:
    """What is wrong with a result (empty if nothing is), its error in floors, and the answer it was held against."""
    if answer.refused:
        return _refusal(got), 0.0, answer
    reason, error = _judge_value(answer.value, got, answer.floor[dtype], allowance)
    if slopes is None:
        return reason, error, answer
    floor = answer.gradient_floor[dtype]
    wrong, slope_error = _judge_gradient(answer.gradient, slopes, floor, allowance)
    return reason or wrong, max(error, slope_error), answer


def _refusal(got: _Result) -> str:
    """Empty if the input was refused: by an exception, or by NaN."""
    refused = got.array is None or bool(np.isnan(got.array).any())
    return "" if refused else f"the input must be refused, {got.words}"


def _judge_value(expected: float, got: _Result, floor: float, allowance: int) -> tuple[str, float]:
    """A number within the allowance; an infinite one exactly."""
    number = got.number
    if number is None or math.isnan(number):
        return f"the value must be {expected!r}, {got.words}", math.inf
    if math.isinf(expected) or math.isinf(number):
        error = 0.0 if number == expected else math.inf
    else:
        error = abs(number - expected) / floor
    reason = f"the value must be {expected!r}, {got.words}{_distance(error)}"
    return reason if error > allowance else "", error


def _judge_gradient(
    expected: Nested, got: _Result, floor: float, allowance: int
) -> tuple[str, float]:
    """An array of the right shape within the allowance; where there is no gradient, anything that says so."""
    if expected is None:
        finite = got.array is not None and bool(np.isfinite(got.array).all())
        return ("there is no finite gradient, but one came back", math.inf) if finite else ("", 0.0)
    truth = np.array(expected)
    if got.array is None or got.array.shape != truth.shape:
        return f"the gradient must have shape {truth.shape}, {got.words}", math.inf
    errors = np.nan_to_num(np.abs(got.array - truth) / floor, nan=math.inf)
    place = tuple(int(i) for i in np.unravel_index(int(errors.argmax()), truth.shape))
    worst = float(errors[place])
    numbers = f"{truth[place].item()!r} at {place}, got {got.array[place].item()!r}"
    reason = f"the gradient must be {numbers}{_distance(worst)}"
    return reason if worst > allowance else "", worst


def _distance(error: float) -> str:
    """How far away, in words."""
    if math.isinf(error):
        return ""
    size = f"{error:.3g}" if error < MANY else f"more than {MANY:g}"
    return f", {size} rounding floors away"


def _suspects(vector: Vector, number: float | None, slack: float) -> Iterator[str]:
    """The mistakes that return this value."""
    if number is not None:
        for flag, mistaken in vector.mistakes.items():
            if math.isclose(number, mistaken, rel_tol=EXPLAINED, abs_tol=slack):
                yield flag
