"""The runner is judged by wrong losses: each hand-written mutant must fail, and with the flag of its mistake."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import kdref
from kdref.conformance import Outcome, load_vectors, notes, run_vectors, summary, vector_names

LOG_2 = math.log(2.0)

Loss = Callable[..., Any]


@functools.cache
def vectors(name: str) -> Any:
    return load_vectors(name)


def composite(combine: Callable[..., float], soft: Loss = kdref.forward_kl_loss) -> Loss:
    """A composite of accurate terms: what is wrong with it is its formula."""

    def loss(
        student: Any, teacher: Any, labels: Any, *, temperature: float, alpha: float, **w: Any
    ) -> float:
        kdref.distillation_loss(
            student, teacher, labels, temperature=temperature, alpha=alpha, **w
        )  # its checks
        hard = kdref.hard_label_loss(student, labels, **w)
        term = soft(student, teacher, temperature=temperature, **w)
        return combine(hard, term, alpha, temperature, student.shape[1])

    return loss


def hinton(hard: float, soft: float, alpha: float, t: float, n_classes: int) -> float:
    return (1 - alpha) * hard + alpha * t**2 * soft


def from_logits(change: Callable[[Any, Any, float], tuple[Any, Any, float]]) -> Loss:
    """The forward KL of changed arguments."""

    def loss(student: Any, teacher: Any, *, temperature: float, **weights: Any) -> float:
        kdref.forward_kl_loss(student, teacher, temperature=temperature, **weights)
        s, t, changed = change(student, teacher, temperature)
        return kdref.forward_kl_loss(s, t, temperature=changed, **weights)

    return loss


def scaled(factor: Callable[[Any, float], float], loss: Loss = kdref.forward_kl_loss) -> Loss:
    """A loss times a factor of the student's shape and the temperature."""
    return lambda student, *others, **options: (
        loss(student, *others, **options) * factor(student, options.get("temperature", 1.0))
    )


def in_terms_of(name: str, **fixed: float) -> Loss:
    """Another loss in its place, with some parameters that are not looked at."""
    loss = getattr(kdref, f"{name}_loss")
    return lambda *inputs, **options: loss(*inputs, **(options | fixed))


def without(name: str, *ignored: str) -> Loss:
    """Another loss in its place, which lacks some parameters."""
    loss = getattr(kdref, f"{name}_loss")
    return lambda *inputs, **options: loss(
        *inputs, **{k: v for k, v in options.items() if k not in ignored}
    )


def one_side(student: bool) -> Loss:
    """The forward KL with one side only at the temperature."""
    return from_logits(lambda s, t, T: (s, t * T, T) if student else (s * T, t, T))


def hard_at_temperature(
    student: Any, teacher: Any, labels: Any, *, temperature: float, alpha: float, **w: Any
) -> float:
    kdref.distillation_loss(student, teacher, labels, temperature=temperature, alpha=alpha, **w)
    hard = kdref.hard_label_loss(student / temperature, labels, **w)
    soft = kdref.forward_kl_loss(student, teacher, temperature=temperature, **w)
    return hinton(hard, soft, alpha, temperature, 0)


def over_others(student: Any, labels: Any, *, smoothing: float, **weights: Any) -> float:
    kdref.label_smoothing_loss(student, labels, smoothing=smoothing, **weights)
    n_classes = student.shape[1]
    shared = smoothing * n_classes / max(n_classes - 1, 1)
    return kdref.label_smoothing_loss(student, labels, smoothing=min(shared, 1.0), **weights)


def not_log(student: Any, teacher: Any, *, temperature: float, weights: Any = None) -> float:
    kdref.forward_kl_loss(student, teacher, temperature=temperature, weights=weights)
    p, log_p = (f(teacher, temperature=temperature) for f in (kdref.softmax, kdref.log_softmax))
    q = kdref.softmax(student, temperature=temperature)
    rows = (p * (np.where(p > 0, log_p, 0.0) - q)).sum(axis=1)
    return float(np.average(rows, weights=weights))


MUTANTS: list[tuple[str, str, Loss]] = [
    ("distillation_0_9", "T_SQUARED_MISSING", composite(lambda h, k, a, t, c: (1 - a) * h + a * k)),
    ("distillation_0_9", "T_SQUARED_TWICE", composite(lambda h, k, a, t, c: (1 - a) * h + a * t**4 * k)),
    ("distillation_0_9", "T_SQUARED_INVERTED", composite(lambda h, k, a, t, c: (1 - a) * h + a * k / t**2)),
    ("distillation_0_9", "CLASS_MEAN", composite(lambda h, k, a, t, c: (1 - a) * h + a * t**2 * k / c)),
    ("distillation_0_9", "ALPHA_ON_HARD", composite(lambda h, k, a, t, c: a * h + (1 - a) * t**2 * k)),
    ("distillation_0_9", "NEGATIVE_WEIGHT", composite(lambda h, k, a, t, c: (1 - a) * h - a * t**2 * k)),
    ("distillation_0_9", "KL_REVERSED", composite(hinton, kdref.reverse_kl_loss)),
    ("distillation_0_9", "CROSS_ENTROPY_NOT_KL", composite(hinton, kdref.soft_cross_entropy_loss)),
    ("distillation_0_9", "STUDENT_NOT_SOFTENED", composite(hinton, one_side(False))),
    ("distillation_0_9", "TEACHER_NOT_SOFTENED", composite(hinton, one_side(True))),
    ("distillation_0_9", "SOFTMAX_NOT_LOG", composite(hinton, not_log)),
    ("distillation_0_9", "TEMPERATURE_IGNORED", in_terms_of("distillation", temperature=1.0)),
    ("distillation_0_9", "LOG_BASE_2", scaled(lambda s, t: 1 / LOG_2, kdref.distillation_loss)),
    ("distillation_0_9", "ROW_SUM", scaled(lambda s, t: len(s), kdref.distillation_loss)),
    ("distillation_0_9", "HARD_AT_TEMPERATURE", hard_at_temperature),
    ("distillation_1", "T_SQUARED_MISSING", scaled(lambda s, t: t**-2, kdref.distillation_loss)),
    ("forward_kl", "KL_REVERSED", in_terms_of("reverse_kl")),
    ("forward_kl", "CLASS_MEAN", scaled(lambda s, t: 1 / s.shape[1])),
    ("forward_kl", "LOG_BASE_2", scaled(lambda s, t: 1 / LOG_2)),
    ("forward_kl", "T_SQUARED_ADDED", scaled(lambda s, t: t**2)),
    ("forward_kl", "ROW_MEAN_TWICE", scaled(lambda s, t: 1 / len(s))),
    ("forward_kl", "CROSS_ENTROPY_NOT_KL", in_terms_of("soft_cross_entropy")),
    ("forward_kl", "STUDENT_NOT_SOFTENED", one_side(False)),
    ("forward_kl", "TEACHER_NOT_SOFTENED", one_side(True)),
    ("forward_kl", "TEMPERATURE_IGNORED", from_logits(lambda s, t, T: (s, t, 1.0))),
    ("forward_kl", "TEMPERATURE_MULTIPLIED", from_logits(lambda s, t, T: (s, t, 1.0 / T))),
    ("forward_kl", "SOFTMAX_NOT_LOG", not_log),
    ("forward_kl", "DOUBLE_SOFTMAX_SOFT",
     from_logits(lambda s, t, T: (kdref.softmax(s), kdref.softmax(t), T))),
    ("soft_cross_entropy", "KL_NOT_CROSS_ENTROPY", in_terms_of("forward_kl")),
    ("reverse_kl", "KL_REVERSED", in_terms_of("forward_kl")),
    ("hard_label", "DOUBLE_SOFTMAX_HARD", lambda s, y, **w: kdref.hard_label_loss(kdref.softmax(s), y, **w)),
    ("label_smoothing_0_1", "SMOOTHING_OVER_OTHERS", over_others),
    ("label_smoothing_0_1", "SMOOTHING_IGNORED", without("hard_label", "smoothing")),
    ("symmetric_kl_0_25", "ROLES_SWAPPED", in_terms_of("symmetric_kl", forward_weight=0.75)),
    ("symmetric_kl_0_25", "CONSTANT_FACTOR", scaled(lambda s, t: 2.0, kdref.symmetric_kl_loss)),
    ("total_variation", "CONSTANT_FACTOR", scaled(lambda s, t: 2.0, kdref.total_variation_loss)),
    ("generalised_js_0_1", "ROLES_SWAPPED", in_terms_of("generalised_js", beta=0.9)),
    ("generalised_js_0_1", "SHARE_IGNORED", in_terms_of("generalised_js", beta=0.5)),
    ("skew_forward_kl_0_1", "SHARE_SWAPPED", in_terms_of("skew_forward_kl", skew=0.9)),
    ("skew_reverse_kl_0_1", "SHARE_IGNORED", without("reverse_kl", "skew")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "flag", "mutant"), MUTANTS, ids=[f"{n}-{f}" for n, f, _ in MUTANTS]
)
def test_mutant_fails_with_its_flag_and_only_where_it_differs(
    name: str, flag: str, mutant: Loss
) -> None:
    outcomes = [o for o in run_vectors(vectors(name), mutant) if "/formula-" in o.vector.id]
    failed = [o for o in outcomes if o.status == "failed"]
    assert failed
    assert all(flag in o.suspects for o in failed)
    assert {o.vector.id for o in failed} == {
        o.vector.id for o in outcomes if flag in o.vector.flags
    }
    # The mistake is found out for sure: no other explains every failure.
    assert set.intersection(*(set(o.suspects) for o in failed)) == {flag}


def test_every_mistake_that_the_files_name_has_a_mutant() -> None:
    named = {flag for name in vector_names() for v in vectors(name).vectors for flag in v.mistakes}
    assert named == {flag for _, flag, _ in MUTANTS}


# ------------------------------------------------------------- mistakes that are no formula


def textbook_log_softmax(z: Any, shift: bool = True) -> Any:
    z = z - z.max(axis=-1, keepdims=True) if shift else z
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def textbook(shift: bool = True) -> tuple[Loss, Loss]:
    """Forward KL as textbooks have it, with or without the maximum subtracted."""

    def value(student: Any, teacher: Any, *, temperature: float) -> Any:
        log_q, log_p = (textbook_log_softmax(z / temperature, shift) for z in (student, teacher))
        return (np.exp(log_p) * (log_p - log_q)).sum(axis=-1).mean()

    def gradient(student: Any, teacher: Any, *, temperature: float) -> Any:
        log_q, log_p = (textbook_log_softmax(z / temperature, shift) for z in (student, teacher))
        return (np.exp(log_q) - np.exp(log_p)) / temperature / len(student)

    return value, gradient


UNWEIGHTED = {"WEIGHTED_ROWS", "IGNORED_ROWS", "EXTREME_WEIGHTS", "WEIGHT_RANGE"}


def failures(*functions: Loss, name: str = "forward_kl", **options: Any) -> list[Outcome]:
    outcomes = run_vectors(vectors(name), *functions, **options)
    return [outcome for outcome in outcomes if outcome.status == "failed"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_textbook_formulas_pass_on_ordinary_inputs_in_their_own_precision(dtype: str) -> None:
    failed = failures(*textbook(), dtype=dtype, skip=UNWEIGHTED)
    assert not [o.vector.id for o in failed if "/formula-" in o.vector.id]


def test_textbook_formulas_fail_where_digits_are_lost_and_infinities_meet() -> None:
    kinds = {
        notes()[flag].bug_type
        for o in failures(*textbook(), skip=UNWEIGHTED)
        for flag in o.vector.flags
    }
    assert kinds == {"lost digits", "infinities", "overflow", "missing check"}
    reasons = {o.vector.id: o.reason for o in failures(*textbook(), skip=UNWEIGHTED)}
    assert reasons["forward_kl/near-one-ulp"].endswith("rounding floors away")
    assert "got nan" in reasons["forward_kl/excluded-one-hot"]
    assert reasons["forward_kl/refused-temperature-negative"].startswith(
        "the input must be refused, got "
    )


def test_softmax_without_a_shift_fails_where_exponentials_overflow() -> None:
    shifted = {o.vector.id for o in failures(*textbook(), skip=UNWEIGHTED)}
    naive = failures(*textbook(shift=False), skip=UNWEIGHTED)
    lost = [o for o in naive if o.vector.id not in shifted and not math.isfinite(o.value or 0.0)]
    flags = {flag for o in lost for flag in o.vector.flags}
    assert {"LARGE_SHIFT", "HUGE_LOGITS", "TINY_TEMPERATURE"} <= flags
    assert {notes()[flag].bug_type for flag in flags} == {"overflow"}
    large = [v.id for v in vectors("forward_kl").vectors if "LARGE_SHIFT" in v.flags]
    assert set(large) <= {o.vector.id for o in lost}


def test_epsilon_inside_the_logarithm_fails_where_it_matters() -> None:
    def clipped(student: Any, teacher: Any, *, temperature: float) -> Any:
        p, q = (np.exp(textbook_log_softmax(z / temperature)) for z in (teacher, student))
        return (p * (np.log(p + 1e-8) - np.log(q + 1e-8))).sum(axis=-1).mean()

    by_flag = {flag for o in failures(clipped, skip=UNWEIGHTED) for flag in o.vector.flags}
    assert {"TAILS", "LARGE_LOGITS", "INFINITE_VALUE"} <= by_flag


def test_padding_that_counts_fails_with_ignored_rows() -> None:
    def counted(student: Any, teacher: Any, *, weights: Any = None, **options: Any) -> float:
        kdref.forward_kl_loss(student, teacher, weights=weights, **options)
        if weights is None or not np.isfinite(student).all():
            return kdref.forward_kl_loss(student, teacher, weights=weights, **options)
        rows = kdref.kl_divergence_from_logits(teacher, student, **options)
        return float((rows * weights).mean())  # divided by the rows, not by the weights

    failed = failures(counted)
    assert {flag for o in failed for flag in o.vector.flags} <= {
        "WEIGHTED_ROWS", "IGNORED_ROWS", "EXTREME_WEIGHTS"
    }  # fmt: skip
    assert {"WEIGHTED_ROWS", "IGNORED_ROWS"} <= {flag for o in failed for flag in o.vector.flags}


def test_wrong_gradients_of_right_values_fail() -> None:
    right, slopes = kdref.forward_kl_loss, kdref.forward_kl_loss_grad
    times_t = scaled(lambda s, t: t, slopes)
    failed = failures(right, times_t)
    assert all("the gradient must be" in o.reason and o.suspects == () for o in failed)
    ordinary = {
        v.id: v.parameters["temperature"] for v in vectors("forward_kl").vectors if v.mistakes
    }
    assert {o.vector.id for o in failed} & set(ordinary) == {
        i for i, T in ordinary.items() if T != 1.0
    }
    assert all(
        "must have shape" in o.reason for o in failures(right, lambda *a, **k: slopes(*a, **k)[0])
    )


def test_gradient_that_does_not_exist_must_not_come_back_finite() -> None:
    [outcome] = failures(
        kdref.reverse_kl_loss,
        lambda s, *rest, **k: (
            kdref.reverse_kl_loss_grad(s, *rest, **k)
            if np.isfinite(kdref.reverse_kl_loss(s, *rest, **k))
            else np.zeros_like(s)
        ),
        name="reverse_kl",
    )[:1]
    assert outcome.reason == "there is no finite gradient, but one came back"


# ---------------------------------------------------------------------------- the other words


def test_refusal_may_be_an_exception_or_nan_but_no_number() -> None:
    def lenient(student: Any, teacher: Any, **options: Any) -> float:
        try:
            return kdref.forward_kl_loss(student, teacher, **options)
        except (TypeError, ValueError):
            return math.nan

    assert failures(lenient) == []

    def made_up(student: Any, teacher: Any, **options: Any) -> float:
        value = lenient(student, teacher, **options)
        return 0.0 if math.isnan(value) else value

    failed = failures(made_up)
    assert {o.vector.result for o in failed} == {"invalid"}
    assert all(o.reason == "the input must be refused, got 0.0" for o in failed)
    assert len(failed) == sum(v.result == "invalid" for v in vectors("forward_kl").vectors)


def test_exceptions_and_arrays_in_place_of_numbers_are_told() -> None:
    def broken(*_: Any, **__: Any) -> float:
        raise RuntimeError("no kernel")

    failed = failures(broken)
    assert {o.reason.partition(", ")[2] for o in failed if o.vector.result == "valid"} == {
        "raised RuntimeError: no kernel"
    }
    rows = failures(
        lambda s, t, *, temperature, **_: kdref.kl_divergence_from_logits(
            t, s, temperature=temperature
        ),
        skip=UNWEIGHTED,
    )
    assert any("got an array of shape (3,)" in o.reason for o in rows)


@pytest.mark.parametrize(
    ("name", "loss", "followed"),
    [
        ("forward_kl", scaled(lambda s, t: t**2),
         {"T^2 inside", "Kullback-Leibler divergence", "the sum over classes", "the mean over rows"}),
        ("forward_kl", in_terms_of("soft_cross_entropy"), {"cross entropy with the teacher"}),
        ("forward_kl", scaled(lambda s, t: len(s)), {"the sum over rows"}),
        ("generalised_js_ends", in_terms_of("generalised_js"), {"the formula: 0"}),
        ("distillation_1", kdref.distillation_loss,
         {"T^2 KL(p, q)", "the mean over rows", "no class: refused"}),
    ],
)  # fmt: skip
def test_acceptable_vectors_tell_the_convention(name: str, loss: Loss, followed: set[str]) -> None:
    outcomes = run_vectors(vectors(name), loss)
    told = {o.convention for o in outcomes if o.vector.result == "acceptable"} - {""}
    assert told == followed if name != "forward_kl" else told <= followed


def test_jump_at_the_ends_is_a_convention_and_near_them_a_mistake() -> None:
    def jumping(student: Any, teacher: Any, *, beta: float, **options: Any) -> float:
        if beta < 1e-3:
            return kdref.forward_kl_loss(student, teacher, **options)
        if beta > 1 - 1e-3:
            return kdref.reverse_kl_loss(student, teacher, **options)
        return kdref.generalised_js_loss(student, teacher, beta=beta, **options)

    outcomes = run_vectors(vectors("generalised_js_ends"), jumping)
    assert {o.convention for o in outcomes if o.status == "passed"} == {
        "a jump to KL(p, q)", "a jump to KL(q, p)"
    }  # fmt: skip
    assert {o.vector.flags for o in outcomes if o.status == "failed"} == {("SHARE_NEAR_END",)}


def test_skipped_vectors_say_why() -> None:
    outcomes = run_vectors(
        vectors("forward_kl"), kdref.forward_kl_loss, dtype="float16", skip=UNWEIGHTED
    )
    reasons = {o.reason for o in outcomes if o.status == "skipped"}
    assert reasons == {f"{flag} is left out" for flag in UNWEIGHTED} | {
        "the inputs mean something else in float16"
    }


def test_inputs_have_the_dtype_asked_for_and_are_fresh() -> None:
    def spoiling(student: Any, teacher: Any, **options: Any) -> float:
        assert student.dtype == np.float32
        value = kdref.forward_kl_loss(student, teacher, **options)
        student[:] = 0.0
        return value

    assert failures(spoiling, dtype="float32") == []


@pytest.mark.parametrize("dtype", ["bfloat16", "double"])
def test_unknown_dtype_is_refused(dtype: str) -> None:
    with pytest.raises(
        ValueError, match=r"^dtype must be one of 'float64', 'float32', 'float16', got "
    ):
        run_vectors("hint", kdref.hint_loss, dtype=dtype)


def test_summary_counts_mistakes_where_they_are_known_and_kinds_of_input_where_not() -> None:
    lines = summary(run_vectors(vectors("forward_kl"), scaled(lambda s, t: 1 / LOG_2))).splitlines()
    assert lines[0].endswith(" failed")
    assert lines[1].startswith("  LOG_BASE_2: ")
    right = summary(
        run_vectors(vectors("total_variation"), kdref.total_variation_loss)
    ).splitlines()
    assert right[0].endswith(" passed")
    assert right[1:] == [
        "  follows: the mean over rows",
        "  follows: with the factor 1/2",
        "  follows: without a factor T^2",
    ]


def test_gradient_is_judged_by_the_convention_that_the_value_follows() -> None:
    def ignoring(function: Loss) -> Loss:
        def with_mask(student: Any, labels: Any, **options: Any) -> Any:
            ignored = labels == -100
            weights = {"weights": 1.0 - ignored} if ignored.any() else {}
            return function(student, np.where(ignored, 0, labels), **options, **weights)

        return with_mask

    right, slopes = ignoring(kdref.hard_label_loss), ignoring(kdref.hard_label_loss_grad)
    [vector] = [v for v in vectors("hard_label").vectors if v.id.endswith("ignored-label")]
    outcome = next(
        o for o in run_vectors(vectors("hard_label"), right, slopes) if o.vector == vector
    )
    assert outcome.convention == "-100 marks a row that does not count"
    wrong = next(
        o
        for o in run_vectors(vectors("hard_label"), right, scaled(lambda s, t: 2.0, slopes))
        if o.vector == vector
    )
    assert wrong.status == "failed"
