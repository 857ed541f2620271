"""How a loss is called, from its signature: what is passed, what keeps its default, what its names say."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

Loss = Callable[..., Any]
Call = Callable[[Loss, Any, Any, Any, float, float], Any]
"""An adapter: the loss, student logits, teacher logits, labels, temperature, alpha to the loss's result."""

PARAMETERS = ("temperature", "alpha")
ARRAYS = ("student", "teacher", "labels")

NAMED = {
    "temperature": r"T|tau|.*temp.*",
    "alpha": r"alpha|lam.*|a|weight",
    "teacher": r".*teach.*|t|t_.*|.*_t",
    "labels": r".*label.*|targets?|y|y_true|gt",
    "student": r".*stud.*|.*outputs?|.*logits|.*pred.*|s|s_.*|.*_s",
}
"""What parameters are often called; the first that fits is taken for a suggestion."""

PLAIN = {"student": "student", "teacher": "teacher", "label": "labels"}
"""Words in a name that leave no doubt."""


def parameters_of(loss: Loss) -> list[inspect.Parameter] | None:
    """The parameters by name; None if the loss has no signature or takes anything.

    A module of PyTorch or a layer of Keras passes anything on to ``forward`` or ``call``, whose parameters are meant.
    """
    for function in (loss, getattr(loss, "forward", None), getattr(loss, "call", None)):
        try:
            parameters = list(inspect.signature(function).parameters.values())  # type: ignore[arg-type]  # None is refused as any other
        except (TypeError, ValueError):
            continue
        if not all(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
            return parameters
    return None


def by_keyword(loss: Loss) -> tuple[Call, frozenset[str]]:
    """The default adapter, which passes temperature and alpha by keyword where the loss takes them.

    Returns
    -------
    tuple
        The adapter and the names of the parameters that are passed.

    Raises
    ------
    TypeError
        If the loss is a class, which has to be instantiated first.
    """
    if inspect.isclass(loss):
        raise TypeError(
            f"the loss must be a function or an instance, got the class {loss.__name__}: "
            f'say how it is made and called, call=, --call "{loss.__name__}(...)(student, teacher, labels)"'
        )
    n_arrays, taken = _passed(loss)

    def call(
        function: Loss, student: Any, teacher: Any, labels: Any, temperature: float, alpha: float
    ) -> Any:
        given = {"temperature": temperature, "alpha": alpha}
        arrays = (student, teacher, labels)[:n_arrays]
        return function(*arrays, **{name: given[name] for name in taken})

    return call, taken


def default_call(loss: Loss, name: str) -> str:
    """The call of the default adapter as it would be written.

    Examples
    --------
    >>> def without_labels(student, teacher, *, temperature): ...
    >>> default_call(without_labels, "f")
    'f(student, teacher, temperature=temperature)'
    """
    n_arrays, taken = _passed(loss)
    given = (*ARRAYS[:n_arrays], *(f"{each}={each}" for each in PARAMETERS if each in taken))
    return f"{name}({', '.join(given)})"


def _passed(loss: Loss) -> tuple[int, frozenset[str]]:
    """How many arrays a loss is given, and which of temperature and alpha; one without a signature gets all."""
    parameters = parameters_of(loss)
    if parameters is None or any(p.kind is p.VAR_KEYWORD for p in parameters):
        taken = frozenset(PARAMETERS)
    else:
        taken = frozenset(p.name for p in parameters) & set(PARAMETERS)
    return 3 if parameters is None else _n_arrays(parameters), taken


def kept_defaults(loss: Loss) -> dict[str, float]:
    """Numbers that a loss takes and the default adapter does not pass, such as ``T=4.0``, by name."""
    parameters = parameters_of(loss) or []
    return {p.name: p.default for p in parameters if _is_number(p) and p.name not in PARAMETERS}


def default_named(kept: Mapping[str, float], value: float) -> str:
    """The first parameter that keeps a value as its default; empty if none does."""
    return next((name for name, default in kept.items() if default == value), "")


def suggested_call(loss: Loss, name: str = "") -> str:
    """The call of a loss as the names of its parameters suggest it, ``...`` where they say nothing.

    Examples
    --------
    >>> def kd(outputs, labels, teacher_outputs, T, scale): ...
    >>> suggested_call(kd)
    'kd(student, labels, teacher, T=temperature, scale=...)'
    """
    name = name or getattr(loss, "__name__", "")
    written = []
    for p in parameters_of(loss) or []:
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        meant = next((m for m, names in NAMED.items() if re.fullmatch(names, p.name)), "...")
        if meant == "..." and p.default is not p.empty:
            continue
        written.append(meant if meant in ARRAYS else f"{p.name}={meant}")
    return f"{name if name.isidentifier() else 'loss'}({', '.join(written)})"


def contradicting_names(loss: Loss) -> tuple[str, ...]:
    """The names of the arrays, if they say another order than student, teacher, labels; else nothing."""
    arrays = [p for p in parameters_of(loss) or [] if _is_array(p)][:3]
    said = [{role for word, role in PLAIN.items() if word in p.name.lower()} for p in arrays]
    wrong = any(
        len(roles) == 1 and place not in roles for roles, place in zip(said, ARRAYS, strict=False)
    )
    return tuple(p.name for p in arrays) if wrong else ()


def _n_arrays(parameters: list[inspect.Parameter]) -> int:
    """How many of student, teacher and labels the loss takes; a loss of two arrays has no labels."""
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return 3
    return max(1, min(3, sum(_is_array(p) for p in parameters)))


def _is_array(p: inspect.Parameter) -> bool:
    """Whether a parameter is passed by position, and is neither a number nor called like a temperature."""
    return (
        p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        and p.name not in PARAMETERS
        and not _is_number(p)
        and not re.fullmatch(NAMED["temperature"], p.name)
    )


def _is_number(p: inspect.Parameter) -> bool:
    return isinstance(p.default, int | float) and not isinstance(p.default, bool)
