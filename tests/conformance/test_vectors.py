"""The vectors: who makes them, that they are as made, and that the library agrees with them to the last digits."""

import ast
import dataclasses
import functools
import inspect
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kdref
from kdref import conformance, exact
from kdref.conformance import Vector, VectorFile, run_vectors, vector_names
from kdref.conformance.vectors import texts
from tests.oracle.batch import LOSSES as LOSSES_OF_ROWS
from tests.oracle.definitions import FORMULAS
from tests.vectors import __main__ as generator
from tests.vectors import answers, files, page

ROOT = Path(__file__).parents[2]

OWN_FLOORS = 4.0
"""Rounding floors that the plain functions stay within; others are allowed 8.  Measured: up to 2.7, mostly 1."""

SMALLEST_EXACT = 1e-289
"""Below this double-double arithmetic underflows before its result does."""

load_vectors = functools.cache(conformance.load_vectors)

# ------------------------------------------------------------------------------- the walls


def imports(path: Path) -> Iterator[str]:
    """Dotted names of kdref that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "kdref")
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "kdref":
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def beyond(path: Path, allowed: tuple[str, ...]) -> list[str]:
    """What a file imports of kdref beyond the allowed rooms."""
    return [name for name in imports(path) if not f"{name}.".startswith(allowed)]


JUDGE = ("kdref._checks.", "kdref.conformance.vectors.")


@pytest.mark.parametrize("place", ["runner.py", "vectors/__init__.py"])
def test_runner_and_vectors_never_import_the_losses(place: str) -> None:
    source = ROOT / "kdref" / "conformance" / place
    assert beyond(source, JUDGE) == []
    assert "import_module" not in source.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "line",
    [
        "import kdref",
        "import kdref.losses.mixtures as m",
        "from kdref import forward_kl_loss",
        "from kdref.conformance import diagnose",
        "def f():\n    from kdref.losses.soft_targets import forward_kl_loss",
    ],
)
def test_planted_import_of_the_losses_is_found(line: str, tmp_path: Path) -> None:
    (tmp_path / "runner.py").write_text(f"from kdref import _checks\n{line}\n", encoding="utf-8")
    assert len(beyond(tmp_path / "runner.py", JUDGE)) == 1


WORDS = {"inputs", "constants", "parameters", "row_separable", "formula", "source"}
"""What the generator reads of an entry of the registry: no function."""


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests" / "vectors").glob("*.py")), ids=lambda p: p.stem
)
def test_generator_uses_words_of_the_registry_and_nothing_else_of_kdref(path: Path) -> None:
    assert set(imports(path)) <= {"kdref.registry.LOSSES"}
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"(?:REGISTRY\[[\w.]+\]|\bentry)\.(\w+)", text)) <= WORDS
    assert len(re.findall("REGISTRY", text)) == len(re.findall(r"REGISTRY\[|as REGISTRY", text))


# --------------------------------------------------------------------------- what there is


def test_there_are_at_least_1000_vectors_in_few_bytes() -> None:
    assert sum(len(load_vectors(name).vectors) for name in vector_names()) >= 1000
    assert sum(map(len, texts().values())) < 1_500_000


def test_every_loss_that_the_oracle_has_has_vectors() -> None:
    covered = {load_vectors(name).loss for name in vector_names()}
    assert covered == set(LOSSES_OF_ROWS) | set(FORMULAS) == set(kdref.LOSSES)


def test_every_result_is_there_and_ids_are_unique() -> None:
    vectors = [vector for name in vector_names() for vector in load_vectors(name).vectors]
    assert set(Counter(vector.result for vector in vectors)) == {"valid", "invalid", "acceptable"}
    assert len({vector.id for vector in vectors}) == len(vectors)
    for name in vector_names():
        assert all(vector.id.startswith(f"{name}/") for vector in load_vectors(name).vectors)


def test_unknown_file_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^name must be one of 'attention_transfer_2', .*, got 'kl'$"
    ):
        load_vectors("kl")


@pytest.mark.parametrize("name", vector_names())
def test_inputs_and_parameters_are_those_of_the_loss(name: str) -> None:
    file = load_vectors(name)
    entry = kdref.LOSSES[file.loss]
    assert (file.inputs, file.constants) == (entry.inputs, entry.constants)
    for vector in file.vectors:
        assert set(vector.inputs) - {"weights"} == {*entry.inputs, *entry.constants}
        assert set(vector.parameters) == set(entry.parameters)


# ------------------------------------------------------------------------------ as generated


SAMPLE = ("forward_kl", "generalised_js_ends", "hint")


@pytest.mark.parametrize("name", SAMPLE)
def test_sample_of_the_files_is_as_generated(name: str) -> None:
    [file] = [file for file in files.FILES if file.name == name]
    assert files.text(file).encode() == texts()[f"{name}.json"], "run: python -m tests.vectors"


def test_notes_are_as_generated() -> None:
    assert files.notes_text().encode() == texts()["notes.json"], "run: python -m tests.vectors"


def test_page_of_flags_is_as_generated() -> None:
    assert (ROOT / page.PLACE).read_text(encoding="utf-8") == page.text(), (
        "run: python -m tests.vectors"
    )


@pytest.mark.slow
def test_every_file_is_as_generated() -> None:
    assert list(generator.differences(generator.outputs(ROOT))) == []


def test_check_names_what_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(files, "FILES", [f for f in files.FILES if f.name in ("hint", "flow")])
    monkeypatch.setattr(generator, "ROOT", tmp_path)
    monkeypatch.setattr(generator, "FOLDER", tmp_path / "vectors")
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0
    assert capsys.readouterr().out == 2 * "every file is as generated\n"
    folder = tmp_path / "vectors"
    (folder / "hint.json").write_text("{}", encoding="utf-8")
    (folder / "flow.json").unlink()
    (folder / "stray.json").write_text("{}", encoding="utf-8")
    assert generator.main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "hint.json differs from what the generator writes",
        "flow.json is missing",
        "stray.json is not made by the generator",
    ]
    assert generator.main([]) == 0
    assert not (folder / "stray.json").exists()


# ---------------------------------------------------------------------- the library agrees


@pytest.mark.parametrize("name", vector_names())
def test_plain_functions_pass_with_most_of_the_allowance_left(name: str) -> None:
    entry = kdref.LOSSES[load_vectors(name).loss]
    for outcome in run_vectors(load_vectors(name), entry.value, entry.grad):
        assert outcome.status == "passed", (outcome.vector.id, outcome.reason)
        assert outcome.error <= OWN_FLOORS, (outcome.vector.id, outcome.error)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("name", vector_names())
def test_plain_functions_pass_on_narrow_inputs(name: str, dtype: str) -> None:
    entry = kdref.LOSSES[load_vectors(name).loss]
    failed = [
        o
        for o in run_vectors(load_vectors(name), entry.value, entry.grad, dtype=dtype)
        if o.status == "failed"
    ]
    assert failed == []


def exact_vectors() -> list[tuple[VectorFile, Vector]]:
    """Every vector with one answer, of the losses that are there in double-double arithmetic."""
    found = map(load_vectors, vector_names())
    return [
        (file, vector)
        for file in found
        if hasattr(exact, f"{file.loss}_loss")
        for vector in file.vectors
        if vector.result == "valid"
    ]


def compare_with_exact(file: VectorFile, vector: Vector) -> None:
    """At most one unit in the last place between two numbers that are rounded from the same truth."""
    [answer] = vector.answers
    rest = dict(vector.inputs)
    inputs = [rest.pop(name) for name in file.inputs]
    twins = [getattr(exact, f"{file.loss}_loss{suffix}") for suffix in ("", "_grad")]
    got = [twins[0](*inputs, **rest, **vector.parameters)]
    truth = [answer.value]
    if answer.gradient is None:
        with pytest.raises(ValueError, match="must be finite to have a gradient"):
            twins[1](*inputs, **rest, **vector.parameters)
    else:
        got += list(np.ravel(twins[1](*inputs, **rest, **vector.parameters)))
        truth += list(np.ravel(answer.gradient))
    for a, b in zip(got, truth, strict=True):
        allowed = math.ulp(b) if abs(b) >= SMALLEST_EXACT else 2 * SMALLEST_EXACT
        assert a == b or abs(a - b) <= allowed, (vector.id, a, b)


def test_exact_agrees_with_a_sample_to_one_unit() -> None:
    for file, vector in exact_vectors()[::40]:
        compare_with_exact(file, vector)


@pytest.mark.slow
def test_exact_agrees_with_all_to_one_unit() -> None:
    for file, vector in exact_vectors():
        compare_with_exact(file, vector)


# -------------------------------------------------------------------------------- the floors


def test_floor_of_a_loss_by_hand() -> None:
    # hard_label of (log 3, 0) for class 0: L = log(4/3), q - y = (-1/4, 1/4), and only the first logit is not 0:
    # (1/4 log 3 + log(4/3)) eps = 0.5623 eps.  The gradient's entries change by q_0 q_1 log 3 = 3/16 log 3 and are 1/4.
    vector = load_vectors("hard_label").vectors[0]
    [answer] = vector.answers
    for dtype in (np.float64, np.float32, np.float16):
        eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
        by_hand = (0.25 * math.log(3.0) + math.log(4.0 / 3.0)) * eps + tiny
        assert by_hand <= answer.floor[dtype.__name__] <= 1.1 * by_hand
        by_hand = (3.0 / 16.0 * math.log(3.0) + 0.25) * eps + tiny
        assert by_hand <= answer.gradient_floor[dtype.__name__] <= 1.1 * by_hand


def test_dtypes_in_which_the_inputs_mean_something_else_have_no_floor() -> None:
    by_id = {vector.id: vector.answers[0] for vector in load_vectors("forward_kl").vectors}
    assert set(by_id["forward_kl/formula-by-hand"].floor) == {"float16", "float32", "float64"}
    assert set(by_id["forward_kl/huge-1e30"].floor) == {"float32", "float64"}
    assert set(by_id["forward_kl/huge-1e300"].floor) == {"float64"}


@pytest.mark.parametrize("number", [1.0, 1.04, 9.96e-17, 2.225e-308, 0.0])
def test_floors_are_rounded_upwards_to_two_digits(number: float) -> None:
    short = answers.upwards(number)
    assert number <= short <= 1.11 * number
    assert len(f"{short:.15e}".rstrip("0").split("e")[0]) >= 2


def test_vectors_cannot_be_changed() -> None:
    vector = load_vectors("hint").vectors[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        vector.result = "invalid"  # type: ignore[misc]  # what mypy forbids is tested


def test_parameters_of_answers_are_documented() -> None:
    for each in (VectorFile, Vector):
        text: Any = inspect.getdoc(each)
        assert all(field.name in text for field in dataclasses.fields(each))


# ---------------------------------------------------------------------- the page's consumer


@pytest.mark.parametrize(
    ("careful", "careless", "failing"),
    [
        ("math.log1p(math.fsum(rest))", "math.log(1.0 + math.fsum(rest))", "confident-right"),
        ("math.expm1(log_q[label])", "math.exp(log_q[label]) - 1.0", "confident-right"),
        ("0 <= label < n_classes", "label < n_classes", "refused-label-negative"),
        ("len(student) == len(labels) == len(weights)", "True", "refused-labels-too-few"),
        ("0.0 <= w < math.inf", "w < math.inf", "refused-weights-negative"),
        ("[w / largest for w in weights]", "weights", "weights-extreme"),
        ("if share == 0.0:", "if False:", "ignored-nan"),
    ],
)
def test_what_is_careful_in_the_consumer_of_the_page_has_a_vector(
    careful: str, careless: str, failing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page_text = (ROOT / "docs" / "how-to" / "test-vectors.md").read_text(encoding="utf-8")
    [source] = re.findall(
        r":caption: cross_entropy\.py\n(.*?)^```", page_text, re.DOTALL | re.MULTILINE
    )
    assert source.count(careful) == 1
    names: dict[str, Any] = {}
    definitions, _, _ = source.replace(careful, careless).rpartition("main(")
    exec(definitions, names)
    names["main"](generator.FOLDER)
    assert f"failed hard_label/{failing} " in capsys.readouterr().out
