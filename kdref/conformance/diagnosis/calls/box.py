"""Calls somebody's loss on copies of inputs and notes what happened: mutation, vectors, exceptions, precision."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kdref._checks import FloatArray, IntArray
from kdref.conformance.diagnosis.calls.frameworks import Framework, Function
from kdref.conformance.diagnosis.calls.signature import ARRAYS, PARAMETERS, Call, Loss


class Expression:
    """An adapter written as a Python expression, in which a name stands for the loss.

    Parameters
    ----------
    text : str
        Such as ``"NAME(student, labels, teacher, T=temperature, a=alpha)"``.
    name : str
        What the loss is called in it; its gradient is called the same way.
    namespace : dict
        What else the expression may use.

    Examples
    --------
    >>> adapter = Expression("f(student, teacher, T=temperature)", "f", {})
    >>> adapter(lambda s, t, T: (s - t) / T, 5.0, 1.0, None, 2.0, 0.5)
    2.0
    >>> sorted(adapter.takes)
    ['temperature']
    """

    def __init__(self, text: str, name: str, namespace: dict[str, Any]) -> None:
        self.text, self.name, self.namespace = text, name, namespace
        self._code = compile(text, "--call", "eval")

    @property
    def takes(self) -> frozenset[str]:
        """Which of the two parameters are passed on."""
        return frozenset(PARAMETERS) & set(self._code.co_names)

    def __call__(
        self,
        function: Loss,
        student: Any,
        teacher: Any,
        labels: Any,
        temperature: float,
        alpha: float,
    ) -> Any:
        """What the expression gives."""
        arrays = {"student": student, "teacher": teacher, "labels": labels}
        given = {"temperature": temperature, "alpha": alpha, self.name: function}
        return eval(self._code, {**self.namespace, **arrays, **given})


@dataclass
class Box:
    """A loss, how to call it, and what its calls have shown so far.

    Attributes
    ----------
    loss : callable
        Somebody's loss.
    framework : Framework
        Whose arrays it takes.
    call : callable
        The adapter.
    dtype : str
        Of the logits that it is given.
    calls : int
        How often it was called.
    mutated : set of str
        Inputs that it has written to, of ``"student"``, ``"teacher"`` and ``"labels"``.
    vector : bool
        Whether it has returned one value a row.
    errors : list of Exception
        What it raised, at most the first few.
    result_dtypes : set of str
        Of its results.
    single : bool
        Whether every finite result so far is a float32 number.
    """

    loss: Loss
    framework: Framework
    call: Call
    dtype: str = "float64"
    calls: int = 0
    mutated: set[str] = field(default_factory=set)
    vector: bool = False
    errors: list[Exception] = field(default_factory=list)
    result_dtypes: set[str] = field(default_factory=set)
    single: bool = True

    def function(self, temperature: float, alpha: float) -> Function:
        """The loss with its two parameters filled in."""
        return lambda s, t, y: self.call(self.loss, s, t, y, temperature, alpha)

    def first(
        self,
        student: FloatArray,
        teacher: FloatArray,
        labels: IntArray,
        temperature: float,
        alpha: float,
    ) -> float:
        """One call whose exception is the caller's to see; float32 is tried where float64 is refused."""
        try:
            return self._value(student, teacher, labels, temperature, alpha)
        except Exception as error:
            if self.framework.name == "numpy" or self.dtype == "float32":
                raise
            self.dtype = "float32"
            try:
                return self._value(student, teacher, labels, temperature, alpha)
            except Exception:
                raise error from None

    def one(
        self,
        student: FloatArray,
        teacher: FloatArray,
        labels: IntArray,
        temperature: float,
        alpha: float,
    ) -> float:
        """One call; an exception is noted and counts as NaN."""
        try:
            return self._value(student, teacher, labels, temperature, alpha)
        except Exception as error:
            if len(self.errors) < 3:
                self.errors.append(error)
            return float("nan")

    def many(
        self,
        student: FloatArray,
        teacher: FloatArray,
        labels: IntArray,
        temperature: float,
        alphas: Sequence[float],
    ) -> FloatArray:
        """Values of M inputs at each alpha, shape (M, alphas)."""
        return np.array(
            [
                [self.one(s, t, y, temperature, alpha) for alpha in alphas]
                for s, t, y in zip(student, teacher, labels, strict=True)
            ]
        )

    def _value(
        self,
        student: FloatArray,
        teacher: FloatArray,
        labels: IntArray,
        temperature: float,
        alpha: float,
    ) -> float:
        self.calls += 1
        s, t = (self.framework.array(each, self.dtype) for each in (student, teacher))
        ids = self.framework.labels(labels)
        returned = self.call(self.loss, s, t, ids, temperature, alpha)
        if isinstance(returned, tuple | dict):
            raise TypeError(
                f"the loss must return a real number or one a row, got a {type(returned).__name__}: "
                "pick the total in an adapter (call=, --call)"
            )
        result = self.framework.numpy(returned)
        before = (student.astype(self.dtype), teacher.astype(self.dtype), labels)
        for name, given, passed in zip(ARRAYS, before, (s, t, ids), strict=True):
            if not np.array_equal(self.framework.numpy(passed), given, equal_nan=True):
                self.mutated.add(name)
        return self._number(result, len(student))

    def _number(self, result: np.ndarray[Any, Any], n_examples: int) -> float:
        if result.dtype.kind not in "iufb":
            raise TypeError(
                f"the loss must return a real number or one a row, got dtype {result.dtype}"
            )
        if np.squeeze(result).ndim > 1 or result.size > max(1, n_examples):
            raise ValueError(
                f"the loss must return a real number or one a row, got shape {result.shape}"
            )
        self.vector |= result.size > 1
        self.result_dtypes.add(str(result.dtype))
        number = float(np.mean(result, dtype=np.float64)) if result.size else float("nan")
        exact = (
            result.dtype != np.float64 if result.size > 1 else float(np.float32(number)) == number
        )
        if np.isfinite(number) and not exact:
            self.single = False
        return number
