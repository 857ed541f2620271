"""Every public function of mathematics against input that is wrong, odd or extreme.

Each gets a right answer or an error that reads *name must requirement, got value*; never a NaN, never a warning (they
are errors here), and what was passed in stays as it was.
"""

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import kdref
from kdref import LOSSES
from tests.looping import for_each
from tests.strategies import FEW, Array, extreme_logits, frozen

CLEAR = re.compile(r"^[\w ]+ must .+, got .+$", re.DOTALL)


@dataclass(frozen=True)
class Subject:
    """A public function with valid arguments, all exact in float16 and in eight-bit integers where they can be."""

    function: Callable[..., Any]
    arrays: Mapping[str, Array]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    is_loss: bool = False
    weighted: bool = False
    """Whether rows have weights."""

    @property
    def sees_logits(self) -> bool:
        """Whether the logits are not hidden behind a softmax, so that none may be infinite."""
        return self.function.__module__ == "kdref.losses.logits"

    def __call__(self, **changed: Any) -> Any:
        arguments = {**self.arrays, **self.parameters, **changed}
        inputs = [arguments.pop(name) for name in self.arrays]
        return self.function(*inputs, **arguments)

    def kind(self, name: str) -> str:
        """What an array holds: logits, probabilities, labels or a cotangent."""
        return (
            "probabilities"
            if name in {"p", "q"}
            else name.removeprefix("p_")
            .removeprefix("q_")
            .removeprefix("student_")
            .removeprefix("teacher_")
        )


A = frozen(np.array([[3.0, 1.0, 0.0], [2.0, 2.0, 5.0]]))
B = frozen(np.array([[0.0, 1.0, 4.0], [2.0, 1.0, 0.0]]))
P = frozen(np.array([[0.25, 0.75, 0.0], [0.5, 0.25, 0.25]]))
Q = frozen(np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]]))
LABELS = frozen(np.array([0, 2]))

SOFT = {"temperature": 2.0}
MIXED = {"temperature": 2.0, "beta": 0.25}

ROW_FUNCTIONS = [
    Subject(kdref.logsumexp, {"logits": A}),
    Subject(kdref.softmax, {"logits": A}, SOFT),
    Subject(kdref.log_softmax, {"logits": A}, SOFT),
    Subject(kdref.softmax_jacobian, {"logits": A}, SOFT),
    Subject(kdref.softmax_vjp, {"logits": A, "cotangent": B}, SOFT),
    Subject(kdref.entropy_from_logits, {"logits": A}, SOFT),
    Subject(kdref.cross_entropy_from_logits, {"p_logits": A, "q_logits": B}, SOFT),
    Subject(kdref.kl_divergence_from_logits, {"p_logits": A, "q_logits": B}, SOFT),
    Subject(kdref.js_divergence_from_logits, {"p_logits": A, "q_logits": B}, MIXED),
    Subject(kdref.total_variation_from_logits, {"p_logits": A, "q_logits": B}, SOFT),
]
OF_PROBABILITIES = [
    Subject(kdref.entropy, {"p": P}),
    Subject(kdref.cross_entropy, {"p": P, "q": Q}),
    Subject(kdref.cross_entropy_grad, {"p": P, "q": Q}),
    Subject(kdref.kl_divergence, {"p": P, "q": Q}),
    Subject(kdref.kl_divergence_grad, {"p": P, "q": Q}),
    Subject(kdref.js_divergence, {"p": P, "q": Q}, {"beta": 0.25}),
    Subject(kdref.total_variation, {"p": P, "q": Q}),
]
OF_LABELS = [Subject(kdref.one_hot, {"labels": LABELS}, {"n_classes": 3})]

OF_FEATURES = {"features", "relations"}
"""Families that take vectors and maps in place of logits; `tests/losses` examines their edges."""

VALID: Mapping[str, Array] = {"student_logits": A, "teacher_logits": B, "labels": LABELS}

OF_LOSSES = [
    Subject(
        twin,
        {name: VALID[name] for name in entry.inputs},
        entry.parameters,
        is_loss=True,
        weighted=entry.row_separable,
    )
    for entry in LOSSES.values()
    if entry.family not in OF_FEATURES
    for twin in (entry.value, entry.grad)
]

OF_ROWS = [subject for subject in OF_LOSSES if subject.weighted]

SUBJECTS = [*ROW_FUNCTIONS, *OF_PROBABILITIES, *OF_LABELS, *OF_LOSSES]


Decorator = Callable[[Callable[..., None]], Callable[..., None]]


def cases(subjects: list[Subject], *kinds: str) -> Decorator:
    """Each array argument of those kinds, of each subject."""
    return for_each(
        (f"{name} of {subject.function.__name__}", {"subject": subject, "name": name})
        for subject in subjects
        for name in subject.arrays
        if subject.kind(name) in kinds
    )


def each(subjects: list[Subject]) -> Decorator:
    return for_each((subject.function.__name__, {"subject": subject}) for subject in subjects)


def subjects_with(parameter: str) -> Decorator:
    return each([subject for subject in SUBJECTS if parameter in subject.parameters])


def exactly(message: str) -> str:
    return f"^{re.escape(message)}$"


REAL = ("logits", "probabilities", "cotangent")


def test_every_public_function_of_these_rooms_is_examined() -> None:
    rooms = {"kdref.probabilities", "kdref.divergences"}
    public = {
        member
        for member in vars(kdref).values()
        if callable(member)
        and (member.__module__ in rooms or member.__module__.startswith("kdref.losses."))
        and member.__module__.rpartition(".")[2] not in OF_FEATURES
    }
    assert public == {subject.function for subject in SUBJECTS}


# Wrong types.


@cases(SUBJECTS, *REAL)
def test_array_of_other_than_real_numbers_is_refused(subject: Subject, name: str) -> None:
    right = subject.arrays[name]
    for wrong, dtype in [
        (right.astype(bool), "bool"),
        (right.astype(object), "object"),
        (right.astype(complex), "complex128"),
        (right.astype(str), "<U32"),
        (right.astype(int).astype("M8[s]"), "datetime64[s]"),
    ]:
        message = f"{name} must hold real numbers of at most 64 bits, got dtype {dtype}"
        with pytest.raises(TypeError, match=exactly(message)):
            subject(**{name: wrong})


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="longdouble is float64 here")
@cases(SUBJECTS, *REAL)
def test_wider_floats_are_refused_because_digits_would_be_lost(subject: Subject, name: str) -> None:
    message = (
        f"{name} must hold real numbers of at most 64 bits, got dtype {np.dtype(np.longdouble)}"
    )
    with pytest.raises(TypeError, match=exactly(message)):
        subject(**{name: subject.arrays[name].astype(np.longdouble)})


@cases(SUBJECTS, *REAL)
def test_things_that_are_no_arrays_are_refused(subject: Subject, name: str) -> None:
    for wrong in [None, "logits", {"a": 1.0}, [["1", "2"]], [[None, 1.0]], [[1j]]]:
        dtype = np.asarray(wrong).dtype
        message = f"{name} must hold real numbers of at most 64 bits, got dtype {dtype}"
        with pytest.raises(TypeError, match=exactly(message)):
            subject(**{name: wrong})


@cases(SUBJECTS, *REAL, "labels")
def test_masked_array_is_refused_because_its_mask_would_be_ignored(
    subject: Subject, name: str
) -> None:
    message = f"{name} must be a plain array, got a masked array (express the mask as weights)"
    with pytest.raises(TypeError, match=exactly(message)):
        subject(**{name: np.ma.masked_array(subject.arrays[name])})


@cases(SUBJECTS, *REAL, "labels")
def test_rows_of_unequal_length_are_refused(subject: Subject, name: str) -> None:
    message = f"{name} must be rectangular, got rows of unequal length"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(**{name: [[1, 2], [3]]})


@cases(SUBJECTS, "labels")
@pytest.mark.parametrize(
    ("dtype", "named"), [(float, "float64"), (bool, "bool"), (object, "object")]
)
def test_labels_that_are_not_integers_are_refused(
    subject: Subject, name: str, dtype: Any, named: str
) -> None:
    message = f"labels must be integer class ids, got dtype {named}"
    with pytest.raises(TypeError, match=exactly(message)):
        subject(**{name: LABELS.astype(dtype)})


# Wrong shapes.


@cases(ROW_FUNCTIONS + OF_PROBABILITIES, "logits", "probabilities")
@pytest.mark.parametrize(
    ("wrong", "shape"), [(1.0, "()"), ([], "(0,)"), (np.ones((2, 0)), "(2, 0)")]
)
def test_rows_without_a_class_are_refused(
    subject: Subject, name: str, wrong: Any, shape: str
) -> None:
    message = f"{name} must have shape (..., C) with C >= 1, got {shape}"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(**{name: wrong})


@cases(OF_LOSSES, "logits")
@pytest.mark.parametrize("shape", [(), (3,), (0,), (0, 3), (2, 0), (1, 2, 3)])
def test_losses_refuse_what_is_not_a_matrix(
    subject: Subject, name: str, shape: tuple[int, ...]
) -> None:
    message = f"{name} must have shape (N, C) with N >= 1 and C >= 1, got {shape}"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(**{name: np.ones(shape)})


@each([s for s in SUBJECTS if len(s.arrays) > 1 and "labels" not in list(s.arrays)[1]])
@pytest.mark.parametrize("change", [lambda a: a[:1], lambda a: a[0], lambda a: a[..., :2]])
def test_arrays_of_different_shapes_are_refused_and_never_broadcast(
    subject: Subject, change: Callable[[Array], Array]
) -> None:
    first, second = list(subject.arrays)[:2]
    wrong = change(subject.arrays[second])
    if subject.kind(second) == "probabilities":
        wrong = wrong / wrong.sum(axis=-1, keepdims=True)
    if subject.is_loss and wrong.ndim != 2:
        message = f"{second} must have shape (N, C) with N >= 1 and C >= 1, got (3,)"
    elif "universal_logit" in subject.function.__name__:
        if len(wrong) == 2:
            return  # its two sides need not have the same classes
        message = f"{first} and {second} must have the same number of rows, got (2, 3) and (1, 3)"
    else:
        message = f"{first} and {second} must have the same shape, got (2, 3) and {wrong.shape}"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(**{second: wrong})


@cases(OF_LOSSES, "labels")
@pytest.mark.parametrize("wrong", [[0], [0, 1, 2], [[0, 2]], 0])
def test_labels_must_be_one_a_row(subject: Subject, name: str, wrong: Any) -> None:
    message = f"labels must have shape (2,), one entry a row, got {np.shape(wrong)}"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(**{name: wrong})


@each(ROW_FUNCTIONS + OF_PROBABILITIES)
def test_row_functions_of_no_rows_return_no_rows(subject: Subject) -> None:
    result = subject(**{name: a[:0] for name, a in subject.arrays.items()})
    assert result.shape == (0, *np.shape(subject())[1:])


# Wrong values.


@cases(SUBJECTS, "logits")
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_logits_that_are_nan_or_plus_infinity_are_refused_by_their_place(
    subject: Subject, name: str, bad: float
) -> None:
    wrong = subject.arrays[name].copy()
    wrong[1, 2] = bad
    requirement = "be finite" if subject.sees_logits else "not hold NaN or +inf"
    message = f"{name} must {requirement}, got {bad} at index (1, 2)"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(**{name: wrong})


@cases(SUBJECTS, "logits")
def test_row_that_excludes_every_class_is_refused_by_its_place(subject: Subject, name: str) -> None:
    wrong = subject.arrays[name].copy()
    wrong[1] = -np.inf
    message = f"{name} must have a finite logit in each row, got -inf at index 1"
    if subject.sees_logits:
        message = f"{name} must be finite, got -inf at index (1, 0)"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(**{name: wrong})


@cases(OF_ROWS, "logits")
def test_place_of_a_bad_logit_is_the_callers_also_behind_rows_of_weight_zero(
    subject: Subject, name: str
) -> None:
    padded = {
        key: np.concatenate([a[:1], a]) if key != name else np.concatenate([a[:1] * np.nan, a])
        for key, a in subject.arrays.items()
    }
    padded[name][2, 1] = np.nan
    requirement = "be finite" if subject.sees_logits else "not hold NaN or +inf"
    message = f"{name} must {requirement}, got nan at index (2, 1)"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(**padded, weights=[0.0, 1.0, 1.0])


@cases(OF_ROWS, "logits")
def test_place_of_an_empty_row_is_the_callers_also_behind_rows_of_weight_zero(
    subject: Subject, name: str
) -> None:
    padded = {key: np.concatenate([a[:1], a]) for key, a in subject.arrays.items()}
    padded[name][2] = -np.inf
    message = f"{name} must have a finite logit in each row, got -inf at index 2"
    if subject.sees_logits:
        message = f"{name} must be finite, got -inf at index (2, 0)"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(**padded, weights=[0.0, 1.0, 1.0])


@cases(OF_PROBABILITIES, "probabilities")
@pytest.mark.parametrize("bad", [np.nan, -0.25, -np.inf])
def test_probabilities_that_are_nan_or_negative_are_refused_by_their_place(
    subject: Subject, name: str, bad: float
) -> None:
    wrong = subject.arrays[name].copy()
    wrong[0, 1] = bad
    message = f"{name} must hold probabilities >= 0, got {bad} at index (0, 1)"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(**{name: wrong})


@cases(OF_PROBABILITIES, "probabilities")
@pytest.mark.parametrize(("third", "total"), [(0.25001, "1.00001"), (0.0, "0.75"), (np.inf, "inf")])
def test_rows_that_do_not_sum_to_one_are_refused_by_their_place(
    subject: Subject, name: str, third: float, total: str
) -> None:
    wrong = np.array([[0.5, 0.25, 0.25], [0.5, 0.25, third]])
    message = f"{name} must sum to 1 within 1e-06 in each row, got {total} at index 1"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(**{name: wrong})


@cases(OF_PROBABILITIES, "probabilities")
def test_float16_rows_may_sum_to_one_within_their_precision(subject: Subject, name: str) -> None:
    rows = np.array([[0.501, 0.2505, 0.25], [0.25, 0.5, 0.25]], dtype=np.float16)
    assert rows.astype(np.float64).sum(axis=1)[0] - 1.0 > 1e-3
    subject(**{name: rows})
    message = f"{name} must sum to 1 within 0.002 in each row, got 1.00390625 at index 0"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(**{name: np.array([[0.50390625, 0.25, 0.25], [0.25, 0.5, 0.25]], np.float16)})


@cases(ROW_FUNCTIONS, "cotangent")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e301])
def test_cotangent_must_be_finite_with_room_for_differences(
    subject: Subject, name: str, bad: float
) -> None:
    wrong = B.copy()
    wrong[1, 0] = bad
    message = f"cotangent must lie within +-1e+300, got {bad!r} at index (1, 0)"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(**{name: wrong})


def test_cotangent_has_less_room_where_it_is_divided_by_a_small_temperature() -> None:
    message = "cotangent must lie within +-1e+290, got 1e+291 at index 0"
    with pytest.raises(ValueError, match=exactly(message)):
        kdref.softmax_vjp([0.0, 0.0], [1e291, 0.0], 1e-10)
    np.testing.assert_allclose(
        kdref.softmax_vjp([0.0, 0.0], [1e290, -1e290], 1e-10), [5e299, -5e299]
    )


@cases(SUBJECTS, "labels")
@pytest.mark.parametrize("bad", [-1, 3, -100, 2**40])
def test_labels_out_of_range_are_refused_by_their_place(
    subject: Subject, name: str, bad: int
) -> None:
    message = f"labels must lie in 0 .. 2, got {bad} at index 1"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(**{name: [0, bad]})


@cases(OF_LOSSES, "labels")
def test_place_of_a_bad_label_is_the_callers_also_behind_rows_of_weight_zero(
    subject: Subject, name: str
) -> None:
    padded = {key: np.concatenate([a[:1], a]) for key, a in subject.arrays.items()}
    padded[name] = np.array([-100, 0, 7])
    message = "labels must lie in 0 .. 2, got 7 at index 2"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(**padded, weights=[False, True, True])


# Wrong parameters.


@subjects_with("temperature")
@pytest.mark.parametrize("bad", [0.0, -0.0, -1.0, np.nan, np.inf, -np.inf])
def test_temperature_must_be_finite_and_above_zero(subject: Subject, bad: float) -> None:
    message = f"temperature must be finite and > 0, got {bad!r}"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(temperature=bad)


@subjects_with("temperature")
@pytest.mark.parametrize("bad", [9e-101, 5e-324])
def test_temperature_too_small_to_divide_by_is_refused(subject: Subject, bad: float) -> None:
    message = f"temperature must be >= 1e-100, got {bad!r}"
    with pytest.raises(ValueError, match=exactly(message)):
        subject(temperature=bad)


@subjects_with("temperature")
@pytest.mark.parametrize("bad", [None, "2", True, [2.0], np.array(2.0), 2.0 + 0.0j])
def test_temperature_must_be_a_real_number(subject: Subject, bad: Any) -> None:
    message = f"temperature must be a real number, got {bad!r}"
    with pytest.raises(TypeError, match=exactly(message)):
        subject(temperature=bad)


@pytest.mark.parametrize("name", ["alpha", "beta", "smoothing", "forward_weight", "skew"])
@pytest.mark.parametrize("bad", [-0.001, 1.001, np.nan, np.inf, -np.inf])
def test_fraction_must_lie_between_zero_and_one(name: str, bad: float) -> None:
    subjects = [subject for subject in SUBJECTS if name in subject.parameters]
    assert subjects
    for subject in subjects:
        with pytest.raises(ValueError, match=exactly(f"{name} must lie in [0, 1], got {bad!r}")):
            subject(**{name: bad})


@pytest.mark.parametrize("name", ["gamma", "target_weight", "non_target_weight", "inter_weight"])
@pytest.mark.parametrize("bad", [-0.001, np.nan, np.inf])
def test_factor_must_be_finite_and_not_negative(name: str, bad: float) -> None:
    subjects = [subject for subject in SUBJECTS if name in subject.parameters]
    assert subjects
    for subject in subjects:
        with pytest.raises(
            ValueError, match=exactly(f"{name} must be finite and >= 0, got {bad!r}")
        ):
            subject(**{name: bad})


@each(OF_ROWS)
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ([1.0], ValueError, "weights must have shape (2,), one entry a row, got (1,)"),
        (1.0, ValueError, "weights must have shape (2,), one entry a row, got ()"),
        ([[1.0, 1.0]], ValueError, "weights must have shape (2,), one entry a row, got (1, 2)"),
        ([1.0, -0.5], ValueError, "weights must be finite and >= 0, got -0.5 at index 1"),
        ([np.nan, 1.0], ValueError, "weights must be finite and >= 0, got nan at index 0"),
        ([1.0, np.inf], ValueError, "weights must be finite and >= 0, got inf at index 1"),
        ([0.0, 0.0], ValueError, "weights must include one above 0, got only zeros"),
        ([False, False], ValueError, "weights must include one above 0, got only zeros"),
        (["a", "b"], TypeError, "weights must hold real numbers of at most 64 bits, got dtype <U1"),
        (
            [1j, 1.0],
            TypeError,
            "weights must hold real numbers of at most 64 bits, got dtype complex128",
        ),
        (
            [None, 1.0],
            TypeError,
            "weights must hold real numbers of at most 64 bits, got dtype object",
        ),
        (
            np.ma.masked_array([1.0, 1.0]),
            TypeError,
            "weights must be a plain array, got a masked array (express the mask as weights)",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, list) else "",
)
def test_weights_that_cannot_be_used_are_refused(
    subject: Subject, bad: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=exactly(message)):
        subject(weights=bad)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (0, ValueError, "n_classes must be >= 1, got 0"),
        (-3, ValueError, "n_classes must be >= 1, got -3"),
        (3.0, TypeError, "n_classes must be an integer, got 3.0"),
        (True, TypeError, "n_classes must be an integer, got True"),
        (None, TypeError, "n_classes must be an integer, got None"),
    ],
)
def test_one_hot_needs_a_number_of_classes(bad: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=exactly(message)):
        kdref.one_hot([0], bad)


# Odd but right: the same numbers in another form give the same result to the last bit.


@each([subject for subject in SUBJECTS if subject.parameters])
def test_parameter_left_out_has_the_default_of_its_signature(subject: Subject) -> None:
    takes = inspect.signature(subject.function).parameters
    defaults = {name: takes[name].default for name in subject.parameters}
    needed = {
        name: subject.parameters[name]
        for name, default in defaults.items()
        if default is inspect.Parameter.empty
    }
    inputs = subject.arrays.values()
    without = subject.function(*inputs, **needed)
    np.testing.assert_array_equal(without, subject.function(*inputs, **{**defaults, **needed}))


def test_no_loss_of_a_certain_student_has_a_minus_sign() -> None:
    for loss in (kdref.hard_label_loss, kdref.label_smoothing_loss):
        assert math.copysign(1.0, loss([[0.0]], [0])) == 1.0


def spread(a: Array) -> Array:
    return np.repeat(a, 2, axis=-1)[..., ::2]


def memory_mapped(a: Array, folder: Path) -> Array:
    file = folder / "array.npy"
    np.save(file, a)
    return np.asanyarray(np.load(file, mmap_mode="r"))


FORMS: Mapping[str, Callable[[Array], Any]] = {
    "list": lambda a: a.tolist(),
    "tuple of arrays": tuple,
    "Fortran order": np.asfortranarray,
    "non-contiguous": spread,
    "reversed view": lambda a: a[..., ::-1].copy()[..., ::-1],
    "other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
}


@each(SUBJECTS)
@pytest.mark.parametrize("form", FORMS)
def test_form_of_the_arrays_does_not_matter(subject: Subject, form: str) -> None:
    odd = {name: FORMS[form](a) for name, a in subject.arrays.items()}
    np.testing.assert_array_equal(subject(**odd), subject(), strict=True)


@each(SUBJECTS)
def test_memory_mapped_arrays_do_as_well(subject: Subject, tmp_path: Path) -> None:
    mapped = {}
    for name, a in subject.arrays.items():
        folder = tmp_path / subject.function.__name__ / name
        folder.mkdir(parents=True)
        mapped[name] = memory_mapped(a, folder)
    assert all(isinstance(a, np.memmap) for a in mapped.values())
    result = subject(**mapped)
    assert type(result) is type(subject())
    np.testing.assert_array_equal(result, subject(), strict=True)


@cases(SUBJECTS, *REAL)
def test_narrower_types_give_the_same_where_they_hold_the_same_numbers(
    subject: Subject, name: str
) -> None:
    for narrow in (subject.arrays[name].astype(dtype) for dtype in ("f2", "f4")):
        np.testing.assert_array_equal(subject(**{name: narrow}), subject(), strict=True)
    if subject.kind(name) == "probabilities":  # whole ones are one-hot
        whole = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
        subject = replace(subject, arrays=dict.fromkeys(subject.arrays, whole))
    for narrow in (subject.arrays[name].astype(dtype) for dtype in ("i1", "u1", "i8", "u8")):
        np.testing.assert_array_equal(subject(**{name: narrow}), subject(), strict=True)


@cases(SUBJECTS, "labels")
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_labels_may_be_of_any_integer_type(subject: Subject, name: str, dtype: Any) -> None:
    np.testing.assert_array_equal(subject(**{name: LABELS.astype(dtype)}), subject(), strict=True)


@each(SUBJECTS)
def test_broadcast_arrays_count_as_the_rows_they_show(subject: Subject) -> None:
    shown = {name: np.broadcast_to(a[0], a.shape) for name, a in subject.arrays.items()}
    copied = {name: a.copy() for name, a in shown.items()}
    np.testing.assert_array_equal(subject(**shown), subject(**copied), strict=True)


@each(SUBJECTS)
def test_nothing_that_is_passed_in_is_written_to(subject: Subject) -> None:
    # The subjects' arrays are read-only: a write would raise here, and show in a writeable copy.
    subject()
    copies = {name: a.copy() for name, a in subject.arrays.items()}
    subject(**copies)
    for name, a in subject.arrays.items():
        np.testing.assert_array_equal(copies[name], a, strict=True)


@each(SUBJECTS)
def test_results_share_no_memory_with_the_arguments(subject: Subject) -> None:
    result = subject()
    assert not any(np.may_share_memory(result, a) for a in subject.arrays.values())


@each(ROW_FUNCTIONS + OF_PROBABILITIES)
def test_rows_are_independent_and_any_leading_shape_will_do(subject: Subject) -> None:
    whole = np.asarray(subject())
    one_row = subject(**{name: a[1] for name, a in subject.arrays.items()})
    np.testing.assert_array_equal(one_row, whole[1])
    assert isinstance(one_row, float | np.ndarray)
    assert isinstance(one_row, float) == (whole.ndim == 1)
    deep = subject(**{name: a.reshape(2, 1, 3) for name, a in subject.arrays.items()})
    np.testing.assert_array_equal(deep, whole.reshape(2, 1, *whole.shape[1:]), strict=True)


# Extreme but right.


UNDEFINED = re.compile(
    r"^\w+ must be finite to have a gradient, got inf"
    r"|^\w+ without the label must have a finite logit in each row"
    r"|^labels must not be excluded by student and teacher alike"
)
"""Refusals by the row, of input on which a loss or its gradient has no value."""


def called(subject: Subject, arrays: Mapping[str, Array], **parameters: Any) -> Any:
    """The result, or None where the gradient of an infinite loss is refused by its row."""
    keywords = {key: value for key, value in parameters.items() if key in subject.parameters}
    try:
        return subject(**arrays, **keywords)
    except ValueError as error:
        if not UNDEFINED.match(str(error)):
            raise
        return None


def excluded_by_one_side(arrays: Mapping[str, Array]) -> bool:
    masks = [np.isneginf(a) for name, a in arrays.items() if name.endswith("logits")]
    return len(masks) > 1 and bool((masks[0] != masks[1]).any())


NON_NEGATIVE = ("entropy", "divergence", "variation", "loss")


def assert_sound(subject: Subject, arrays: Mapping[str, Array], result: Any) -> None:
    """No NaN; no negative divergence; an infinity only where one side, or the student of a label, excludes a class."""
    if result is None:
        assert excluded_by_one_side(arrays) or "labels" in arrays
        return
    name = subject.function.__name__
    array = np.asarray(result)
    assert not np.isnan(array).any()
    if name == "log_softmax":
        assert (array <= 0.0).all()
        np.testing.assert_array_equal(np.isneginf(array), np.isneginf(arrays["logits"]))
        return
    if any(word in name for word in NON_NEGATIVE) and not name.endswith("grad"):
        assert (array >= 0.0).all()
    if np.isinf(array).any():
        assert not name.endswith("grad")
        assert excluded_by_one_side(arrays) or "labels" in arrays


def drawn(
    data: st.DataObject, subject: Subject, rows: st.SearchStrategy[Array]
) -> dict[str, Array]:
    return {
        name: data.draw(rows) if subject.kind(name) == "logits" else a
        for name, a in subject.arrays.items()
    }


ON_LOGITS = [
    pytest.param(s, id=s.function.__name__)
    for s in ROW_FUNCTIONS + OF_LOSSES
    if any(s.kind(name) == "logits" for name in s.arrays) and not s.sees_logits
]


@pytest.mark.parametrize("subject", ON_LOGITS)
@FEW
@given(
    data=st.data(),
    temperature=st.floats(1e-3, 1e6),
    fraction=st.floats(0.0, 1.0) | st.sampled_from([5e-324, 1e-300, 1.0 - 2.0**-53]),
)
def test_logits_of_any_size_give_a_sound_result(
    subject: Subject, data: st.DataObject, temperature: float, fraction: float
) -> None:
    arrays = drawn(data, subject, extreme_logits((2, 3)))
    result = called(subject, arrays, temperature=temperature, beta=fraction, alpha=fraction)
    assert_sound(subject, arrays, result)


@pytest.mark.parametrize("subject", ON_LOGITS)
@FEW
@given(data=st.data(), exponent=st.floats(-100.0, 100.0))
def test_temperature_of_any_size_gives_a_sound_result(
    subject: Subject, data: st.DataObject, exponent: float
) -> None:
    arrays = drawn(data, subject, hnp.arrays(np.float64, (2, 3), elements=st.floats(-1e3, 1e3)))
    temperature = min(max(10.0**exponent, 1e-100), 1e100)
    assert_sound(subject, arrays, called(subject, arrays, temperature=temperature))


@each(
    [
        s
        for s in SUBJECTS
        if "temperature" in s.parameters and not {"alpha", "gamma"} & s.parameters.keys()
    ]
)
@pytest.mark.parametrize("temperature", [1e-100, 1e101, 1.7976931348623157e308])
def test_largest_and_smallest_temperatures_give_a_sound_result(
    subject: Subject, temperature: float
) -> None:
    assert_sound(subject, subject.arrays, subject(temperature=temperature))


# Anything at all.


def outcome(subject: Subject, changed: Mapping[str, Any]) -> Any:
    """The result, or the words of a refusal."""
    try:
        return subject(**changed)
    except (TypeError, ValueError) as error:
        return str(error)


numbers = (
    st.floats() | st.integers(-(10**3), 10**3) | st.booleans() | st.none() | st.text(max_size=2)
)
anything = st.one_of(
    st.none(),
    st.text(max_size=3),
    numbers,
    st.lists(numbers, max_size=4),
    st.lists(st.lists(numbers, max_size=3), max_size=3),
    hnp.arrays(
        st.one_of(
            hnp.floating_dtypes(),
            hnp.integer_dtypes(),
            hnp.boolean_dtypes(),
            hnp.complex_number_dtypes(),
        ),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    ),
)


@pytest.mark.parametrize("subject", [pytest.param(s, id=s.function.__name__) for s in SUBJECTS])
@FEW
@given(data=st.data())
def test_anything_at_all_gets_a_result_without_nan_or_a_clear_error(
    subject: Subject, data: st.DataObject
) -> None:
    arguments = {**subject.arrays, **subject.parameters}
    changed = data.draw(st.sets(st.sampled_from(sorted(arguments)), min_size=1))
    got = outcome(subject, {name: data.draw(anything, label=name) for name in sorted(changed)})
    if isinstance(got, str):
        assert CLEAR.match(got)
    else:
        assert not np.isnan(got).any()
