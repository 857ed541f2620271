"""`diagnose`: given only a callable, find the formula it computes and say what is wrong with it."""

import warnings
from dataclasses import dataclass, field

import numpy as np

from kdref import _checks
from kdref.conformance import robustness
from kdref.conformance.box import Box, Call, Loss, by_keyword
from kdref.conformance.convention import HINTON, Convention
from kdref.conformance.findings import explain, verdict_of
from kdref.conformance.frameworks import FRAMEWORKS
from kdref.conformance.frameworks import framework as framework_named
from kdref.conformance.gradients import compare_gradients
from kdref.conformance.laws import Setting
from kdref.conformance.probes import ALPHAS, BASE, Probes, draw, probe
from kdref.conformance.reading import read
from kdref.conformance.report import Disagreement, Report
from kdref.conformance.saturation import saturate
from kdref.conformance.search import DOUBLE, SINGLE, Formula, Search
from kdref.conformance.terms import Term
from kdref.conformance.validation import (
    EXACT,
    EXACT_FLOORED,
    EXACT_SINGLE,
    Validation,
    validate,
    with_branches,
)

SEED = 20150309

PARTS = ("value", "gradient", "robustness")

HALF = 1e-2
"""Residual of a loss that computes in half precision."""


@dataclass
class Diagnosis:
    """One diagnosis in progress: what is known so far."""

    box: Box
    rng: np.random.Generator
    takes_alpha: bool
    codes: set[str] = field(default_factory=set)
    details: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    untested: list[str] = field(default_factory=list)
    tolerance: float = DOUBLE
    positive: bool = False
    convention: Convention | None = None

    @property
    def alphas(self) -> tuple[float, ...]:
        """The alphas to evaluate at; one if the loss has none."""
        return ALPHAS if self.takes_alpha else ALPHAS[1:2]

    @property
    def single(self) -> bool:
        """Whether the loss computes in single precision or less."""
        return self.tolerance > DOUBLE

    def find(
        self, alphas: tuple[float, ...], settings: tuple[Setting, ...], *, common_only: bool = False
    ) -> Formula | None:
        """A formula at other alphas or settings."""
        kept = alphas if self.takes_alpha else self.alphas
        search = Search(self.box, self.rng, kept, self.tolerance, settings, self.positive)
        return search.formula(common_only=common_only)


def diagnose(
    loss: Loss,
    *,
    framework: str = "numpy",
    gradient: Loss | None = None,
    call: Call | None = None,
    ignore_index: int | None = None,
    against: Convention | None = None,
    parts: tuple[str, ...] = PARTS,
) -> Report:
    """Find the formula that a distillation loss computes, and what is wrong with it.

    Parameters
    ----------
    loss : callable
        ``loss(student_logits, teacher_logits, labels, temperature=..., alpha=...)`` returning a
        number, or one a row; parameters that it does not take are not passed.
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
    Exception
        Whatever the loss raises on its first call.

    Notes
    -----
    The loss is called some thousand times on copies of small inputs.  What is called
    ``"unknown"`` is not accused of anything.

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
    default, taken = by_keyword(loss)
    box = Box(loss, framework_named(framework), call or default)
    state = Diagnosis(box, np.random.default_rng(SEED), call is not None or "alpha" in taken)
    with (
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):  # the user's warnings are not ours to raise
        warnings.simplefilter("ignore")
        _identify(state)
        if "gradient" in parts and "NOT_FINITE" not in state.codes:
            _add_gradient(state, gradient)
        if "robustness" in parts:
            _add_robustness(state, ignore_index)
        return _report(state, framework, parts, against)


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


# Steps -------------------------------------------------------------------------------------------------------


def _identify(state: Diagnosis) -> None:
    """Find a formula, its special values and epsilons, and validate it."""
    box = state.box
    student, teacher, labels = (each[0] for each in draw(state.rng, 1, *BASE[:2]))
    box.first(student, teacher, labels, BASE[2], ALPHAS[1])
    first = probe(box, state.rng, BASE, state.alphas, 16)
    if not robustness.is_deterministic(box, first):
        state.codes.add("NONDETERMINISTIC")
        return
    if not first.finite and not _finite_on_positive_logits(state, first):
        return
    formula = _formula(state)
    if formula is None:
        if not robustness.uses_teacher(box, state.rng):
            state.codes.add("TEACHER_IGNORED")
        elif robustness.couples_rows(box, state.rng) and _plain_alone(state):
            state.codes.add("ROW_COUPLING")
        return
    _confirm(state, Convention(formula))


def _finite_on_positive_logits(state: Diagnosis, first: Probes) -> bool:
    """A loss that takes logarithms of logits is finite on positive ones only."""
    positive = probe(state.box, state.rng, BASE, state.alphas, 16, positive=True)
    if state.box.errors and not np.isfinite(first.values).any():
        raise state.box.errors[0]
    state.codes.add("NOT_FINITE")
    state.positive = positive.finite
    state.details["NOT_FINITE"] = (
        "finite only where all logits are positive" if positive.finite else
        f"{np.isnan(first.values).mean():.0%} of the values are NaN"
    )  # fmt: skip
    return positive.finite


def _formula(state: Diagnosis) -> Formula | None:
    """Search in double precision; where the loss computes in less, with a wider tolerance."""
    if state.box.single:
        state.tolerance = SINGLE
        return Search(state.box, state.rng, state.alphas, SINGLE, positive=state.positive).formula()
    search = Search(state.box, state.rng, state.alphas, DOUBLE, positive=state.positive)
    found = search.formula()
    if found is not None:
        return found
    level = robustness.noise(state.box, state.rng, "half")
    if level > robustness.SMOOTH["half"]:
        search = Search(state.box, state.rng, state.alphas, HALF, positive=state.positive)
        found = search.formula(common_only=True)
        if found is not None:
            state.tolerance = HALF
            state.codes.add("IMPRECISE")
            state.details["IMPRECISE"] = (
                f"second differences of relative size {level:.0e} where 1e-6 is expected"
            )
    elif robustness.noise(state.box, state.rng, "single") > robustness.SMOOTH["single"]:
        found = Search(
            state.box, state.rng, state.alphas, SINGLE, positive=state.positive
        ).formula()
        if found is not None:
            state.tolerance = SINGLE
            state.notes.append("computed in single precision, although the inputs are double")
    return found


def _plain_alone(state: Diagnosis) -> bool:
    """Whether single rows have a plain formula although batches, whose rows see each other, have none."""
    settings = tuple(
        (1, c, t) for c, t in ((5, 2.37), (4, 1.43), (3, 3.1), (7, 1.18), (6, 1.9), (4, 4.5))
    )
    found = state.find(state.alphas, settings, common_only=True)
    if found is None or not _is_plain(tuple(term for _, term in found)):
        return False
    state.details["ROW_COUPLING"] = f"for a single row it is {Convention(found)}"
    return True


def _is_plain(terms: tuple[Term, ...]) -> bool:
    plain = all(term.kind in ("kl", "cross entropy", "label") for term in terms)
    return plain and len(terms) <= 2 and any(len(term.sides) == 2 for term in terms)


def _confirm(state: Diagnosis, convention: Convention) -> None:
    """Branches, saturated logits and unseen inputs; a formula that fails there is dropped."""
    box, rng = state.box, state.rng
    checked = Validation(convention)
    if not state.positive and state.tolerance < HALF:
        saturated = saturate(box, rng, convention, single=state.single)
        checked = Validation(saturated.convention, saturated.codes, saturated.notes)
        state.details.update(
            {code: saturated.notes[0] for code in saturated.codes if saturated.notes}
        )
    floored = any(term.floored for _, term in checked.convention.terms)
    tolerance = HALF * 10.0 if state.tolerance == HALF else EXACT_SINGLE if state.single else EXACT
    tolerance = max(tolerance, EXACT_FLOORED if floored else 0.0)
    with_branches(
        box,
        rng,
        checked,
        state.find,
        tolerance=tolerance,
        positive=state.positive,
        takes_alpha=state.takes_alpha,
    )
    validate(box, rng, checked, positive=state.positive)
    if checked.worst > tolerance:
        state.notes.append("a formula was found that fails on other inputs, and dropped")
        state.codes &= {"NOT_FINITE"}
        return
    state.convention = checked.convention
    state.codes |= checked.codes
    state.notes += checked.notes


def _add_gradient(state: Diagnosis, gradient: Loss | None) -> None:
    tests = compare_gradients(
        state.box, state.rng, gradient, single=state.single, positive=state.positive
    )
    state.codes |= tests.codes
    state.details.update(tests.details)
    state.untested += tests.untested


def _add_robustness(state: Diagnosis, ignore_index: int | None) -> None:
    if state.box.mutated:
        state.codes.add("INPUT_MUTATED")
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


VALUE_BLIND = frozenset(
    {
        "GRADIENT_MISMATCH", "TEACHER_GETS_GRADIENT", "INPUT_MUTATED", "ROW_COUPLING", "PADDING_COUNTED",
        "UNSTABLE", "IMPRECISE", "NONDETERMINISTIC",
    }
)  # fmt: skip
"""Codes that do not come from the formula."""


def _report(
    state: Diagnosis, framework: str, parts: tuple[str, ...], against: Convention | None
) -> Report:
    codes, names, alternatives = set(state.codes), list[str](), list[str]()
    reference = HINTON if against is None else against
    if state.convention is not None:
        reading = read(state.convention)
        codes |= reading.codes
        names, alternatives = reading.names, reading.alternatives
        codes = codes if against is None else _relative(codes, state.convention, against)
    codes = _of_parts(codes, parts)
    details = dict(state.details)
    if names:
        details["OTHER_LOSS"] = "; ".join(dict.fromkeys(names))
    verdict = verdict_of(codes)
    if state.convention is None and verdict != "wrong":
        verdict = "unknown"
    findings = explain(codes, framework, details, soft_only="SOFT_ONLY" in codes)
    return Report(
        verdict=verdict,
        formula=str(state.convention)
        if state.convention
        else "NaN"
        if "NOT_FINITE" in codes
        else "",
        convention=state.convention,
        findings=tuple(findings),
        codes=frozenset(codes | {"AGREES"} if verdict == "agrees" else codes),
        alternatives=tuple(alternatives),
        untested=tuple(state.untested),
        notes=tuple(dict.fromkeys(state.notes)),
        disagreement=None if verdict == "agrees" else _disagreement(state, reference),
        framework=framework,
        reference=str(reference),
        calls=state.box.calls,
    )


def _relative(codes: set[str], found: Convention, against: Convention) -> set[str]:
    """Codes against another reference than Hinton's: none that the two share."""
    unseen = codes & VALUE_BLIND
    if found.equals(against, tolerance=EXACT_FLOORED):
        return unseen
    if found.ratio_to(against) is not None:
        return unseen | {"CONSTANT_FACTOR"}
    return (codes - read(against).codes) or unseen | {"OTHER_LOSS"}


def _of_parts(codes: set[str], parts: tuple[str, ...]) -> set[str]:
    gradient = {"GRADIENT_MISMATCH", "TEACHER_GETS_GRADIENT"}
    kept = set(gradient) if "gradient" in parts else set()
    if "robustness" in parts:
        kept |= VALUE_BLIND - gradient
    if "value" in parts:
        kept |= codes - VALUE_BLIND
    return codes & kept


def _disagreement(state: Diagnosis, reference: Convention) -> Disagreement | None:
    """A small input with short numbers on which loss and reference differ."""
    rng = np.random.default_rng(1)
    for temperature, alpha in ((2.0, 0.25), (4.0, 0.75), (1.0, 0.5), (2.0, 0.0), (2.0, 1.0)):
        student, teacher = np.round(rng.normal(size=(2, 2, 3)) * 4.0) / 2.0
        labels = rng.integers(0, 3, 2)
        got = state.box.one(student, teacher, labels, temperature, alpha)
        expected = reference(student, teacher, labels, temperature=temperature, alpha=alpha)
        if not abs(got - expected) <= 1e-4 * abs(expected):
            return Disagreement(
                student, teacher, labels.tolist(), temperature, alpha, got, expected
            )
    return None
