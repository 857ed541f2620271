"""`diagnose`: given only a callable, find the formula it computes and say what is wrong with it."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from kdref import _checks
from kdref.conformance.convention import Convention
from kdref.conformance.diagnosis.calls.box import Box, Expression
from kdref.conformance.diagnosis.calls.frameworks import FRAMEWORKS, one_thread
from kdref.conformance.diagnosis.calls.frameworks import framework as framework_named
from kdref.conformance.diagnosis.calls.signature import (
    ARRAYS,
    PARAMETERS,
    Call,
    Loss,
    by_keyword,
    contradicting_names,
    default_call,
    kept_defaults,
    suggested_call,
)
from kdref.conformance.diagnosis.checks import robustness
from kdref.conformance.diagnosis.checks.gradients import compare_gradients
from kdref.conformance.diagnosis.conclude import conclude
from kdref.conformance.diagnosis.identify import identify
from kdref.conformance.diagnosis.progress import Diagnosis
from kdref.conformance.report import Report
from kdref.conformance.report.report import PARTS

SEED = 20150309


def diagnose(
    loss: Loss,
    *,
    framework: str = "numpy",
    gradient: Loss | None = None,
    call: Call | None = None,
    ignore_index: int | None = None,
    against: Convention | None = None,
    frozen_teacher: bool = True,
    parts: tuple[str, ...] = PARTS,
) -> Report:
    """Find the formula that a distillation loss computes, and what is wrong with it.

    Parameters
    ----------
    loss : callable
        ``loss(student_logits, teacher_logits, labels, temperature=..., alpha=...)`` returning a
        number, or one a row; parameters that it does not take are not passed, and other numbers that
        it takes keep their defaults.
    framework : {"numpy", "torch", "jax", "tensorflow", "keras"}
        Whose arrays it takes; inputs are converted, gradients are automatic.
    gradient : callable, optional
        A gradient with respect to the student, written by hand, of the same signature.
    call : callable, optional
        For other signatures: ``call(loss, student, teacher, labels, temperature, alpha)``.
    ignore_index : int, optional
        The label of rows that should be ignored; without it, padding is not tested.
    against : Convention, optional
        Another reference than the Hinton loss: what it shares with the loss is no finding.
    frozen_teacher : bool
        Whether the teacher runs without gradients (``torch.no_grad()``), as it usually does: a
        loss that would let one pass is then told so, and its verdict is its formula's.  If False,
        ``TEACHER_GETS_GRADIENT`` makes it wrong.
    parts : tuple of str
        Which tests to report, of ``"value"``, ``"gradient"`` and ``"robustness"``.

    Returns
    -------
    Report
        ``.verdict``, ``.formula``, ``.convention``, ``.findings``, ``.codes``; prints as text.

    Raises
    ------
    ValueError
        If ``framework`` or a part is unknown.
    TypeError
        If the loss is a class, and ``call`` does not make an instance of it.
    Exception
        Whatever the loss raises on its first call.

    Notes
    -----
    The loss is called some thousand times on copies of small inputs, in PyTorch on one thread.
    What is called ``"unknown"`` is not accused of anything.

    Examples
    --------
    >>> import kdref
    >>> report = diagnose(kdref.distillation_loss, gradient=kdref.distillation_loss_grad)
    >>> report.verdict
    'agrees'
    >>> print(report.formula)
    (1 - alpha) * CE(labels, student) + alpha * T^2 * KL(teacher/T || student/T)
    """
    _checks.choice("framework", framework, FRAMEWORKS)
    for part in parts:
        _checks.choice("parts", part, PARTS)
    state = _begin(loss, framework, call, frozen_teacher=frozen_teacher)
    box = state.box
    with (
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
        one_thread(box.framework),
    ):  # the user's warnings are not ours to raise
        warnings.simplefilter("ignore")
        identify(state)
        if "gradient" in parts:
            _add_gradient(state, gradient)
        if "robustness" in parts:
            _add_robustness(state, ignore_index)
        report = conclude(state, framework, parts, against)
    return report if call is not None else replace(report, call=default_call(loss, "loss"))


def _begin(loss: Loss, framework: str, call: Call | None, *, frozen_teacher: bool) -> Diagnosis:
    """A diagnosis to come: how the loss is called, and what its signature already tells."""
    native = framework_named(framework)
    if call is not None:
        takes = call.takes if isinstance(call, Expression) else frozenset(PARAMETERS)
        box = Box(loss, native, call)
        return Diagnosis(box, np.random.default_rng(SEED), takes, frozen_teacher)
    default, takes = by_keyword(loss)
    box = Box(loss, native, default)
    state = Diagnosis(box, np.random.default_rng(SEED), takes, frozen_teacher, kept_defaults(loss))
    if state.kept:
        defaults = " and ".join(f"{name} ({value:g})" for name, value in state.kept.items())
        state.untested.append(
            f'other values than the default of {defaults}: call=, --call "{suggested_call(loss)}"'
        )
    names = contradicting_names(loss)
    if names:
        state.notes.append(
            f"it was called with (student, teacher, labels), and its arguments are called ({', '.join(names)}): "
            f'if they are right, call=, --call "{suggested_call(loss)}"'
        )
    return state


def assert_agrees(
    loss: Loss,
    *,
    framework: str = "numpy",
    gradient: Loss | None = None,
    call: Call | None = None,
    accept: frozenset[str] | set[str] = frozenset(),
) -> None:
    """Raise `AssertionError` with the report unless a loss is the Hinton loss.

    Parameters
    ----------
    loss, framework, gradient, call
        See `diagnose`.
    accept : set of str
        Codes of conventions that are meant, such as ``{"CROSS_ENTROPY_NOT_KL"}``.

    Raises
    ------
    AssertionError
        The message is the report.

    Examples
    --------
    >>> import kdref
    >>> assert_agrees(kdref.distillation_loss)
    """
    report = diagnose(loss, framework=framework, gradient=gradient, call=call)
    if not accepted(report, accept):
        raise AssertionError(f"the loss does not agree with the reference\n\n{report}")


def accepted(report: Report, accept: frozenset[str] | set[str]) -> bool:
    """Whether a report has no finding but cautions and the accepted codes."""
    if report.verdict == "unknown":
        return False
    return all(f.verdict == "caution" or f.code in accept for f in report.findings)


NO_GRADIENT = {
    "NOT_FINITE": "the gradient: the values are not finite",
    "NONDETERMINISTIC": "the gradient: two calls with the same inputs differ",
}

WRITTEN = {
    "student": "the student's logits",
    "teacher": "the teacher's logits",
    "labels": "the labels",
}


def _add_gradient(state: Diagnosis, gradient: Loss | None) -> None:
    reasons = [reason for code, reason in NO_GRADIENT.items() if code in state.codes]
    if reasons:
        state.untested += reasons
        return
    tests = compare_gradients(
        state.box,
        state.rng,
        gradient,
        state.convention,
        tolerance=state.tolerance,
        positive=state.positive,
        varies=bool(state.takes),
    )
    state.codes |= tests.codes
    state.details.update(tests.details)
    state.variants.update(tests.variants)
    state.notes += tests.notes
    state.untested += tests.untested
    state.gradient_judged = tests.judged


def _add_robustness(state: Diagnosis, ignore_index: int | None) -> None:
    _add_mutation(state)
    if state.box.vector:
        state.notes.append("it returns one value a row; their mean was judged")
    if ignore_index is None:
        state.untested.append("padding: pass ignore_index= to test it")
        return
    counted, seen = robustness.counts_padding(state.box, state.rng, ignore_index)
    if counted:
        state.codes.add("PADDING_COUNTED")
        state.details["PADDING_COUNTED"] = seen
    elif counted is None:
        state.untested.append(f"padding: {seen}")


def _add_mutation(state: Diagnosis) -> None:
    """Which inputs were written to; the repair is that of the first."""
    written = [WRITTEN[name] for name in ARRAYS if name in state.box.mutated]
    if not written:
        return
    state.codes.add("INPUT_MUTATED")
    state.details["INPUT_MUTATED"] = f"written to: {', '.join(written)}"
    if "student" not in state.box.mutated:
        state.variants["INPUT_MUTATED"] = "another input written to"
