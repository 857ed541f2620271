"""`CONVENTIONS` says what the sources do, and what it says in kdref's terms has the same value."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kdref
from kdref.conformance import (
    CONVENTIONS,
    HINTON,
    Convention,
    Distribution,
    Term,
    conversion,
    weight,
)
from kdref.conformance import distillation_convention as described
from kdref.conformance.libraries import language, language_papers, packages, repositories, tutorials
from kdref.conformance.references import known_as, references
from tests.conformance.sources import SOURCES

NAMES = list(CONVENTIONS)

EXACT = 1e-12
"""Both sides are sums of a few terms of size 1 in double precision."""

FLOORED = 1e-6
"""kdref's losses have no epsilon: 1e-7 in a probability or a deviation shows."""

SETTINGS = [(3, 5, 2.3, 0.35), (4, 3, 1.7, 0.8), (2, 7, 4.5, 0.1)]


def calls() -> list[dict[str, Any]]:
    made = []
    for seed, (n, c, temperature, alpha) in enumerate(SETTINGS):
        rng = np.random.default_rng(seed)
        s, t = rng.normal(size=(2, n, c)) * 2.0
        made.append({"s": s, "t": t, "y": rng.integers(0, c, n), "T": temperature, "alpha": alpha})
    return made


def value(convention: Convention, call: dict[str, Any]) -> float:
    return convention(call["s"], call["t"], call["y"], temperature=call["T"], alpha=call["alpha"])


# ------------------------------------------------------------------------------------ the data


def test_there_are_enough_and_no_name_is_given_twice() -> None:
    groups = (
        packages.PACKAGES,
        language.LANGUAGE,
        repositories.REPOSITORIES,
        language_papers.LANGUAGE_PAPERS,
        tutorials.TUTORIALS,
        tutorials.UNIMPORTABLE,
    )
    assert len(CONVENTIONS) == sum(len(group) for group in groups)
    assert len({loss.package for loss in CONVENTIONS.values()}) >= 15


def test_entries_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        CONVENTIONS["torchdistill"] = None  # type: ignore[index]  # what mypy forbids is tested
    with pytest.raises(dataclasses.FrozenInstanceError):
        CONVENTIONS["torchdistill"].note = ""  # type: ignore[misc]  # the same


@pytest.mark.parametrize("name", NAMES)
def test_entry_says_where_it_was_read_and_when(name: str) -> None:
    loss = CONVENTIONS[name]
    assert loss.name == name
    assert re.fullmatch(r"[a-z0-9-]+", name)
    assert re.fullmatch(r"[\w./-]+\.(py|ipynb): \S.*", loss.where)
    if "/" in loss.package:
        assert re.fullmatch(r"[0-9a-f]{40}", loss.version), "a repository is named at a commit"
        assert loss.proof == "source"
        assert loss.address.startswith("https://github.com/")
    assert re.fullmatch(r"(20\d\d-\d\d)?", loss.date)
    assert all(re.fullmatch(r"https://github\.com/\S+/(issues|pull)/\d+", t) for t in loss.threads)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_mapped_where_the_convention_depends_on_them(name: str) -> None:
    loss, call = CONVENTIONS[name], calls()[0]
    for parameter, other in (("temperature", {"T": 3.1}), ("alpha", {"alpha": 0.6})):
        depends = value(loss.convention, call) != value(loss.convention, call | other)
        assert depends == bool(getattr(loss, parameter)), parameter


# ---------------------------------------------------------------------------------- the proofs


def test_every_package_that_is_run_is_asked_for() -> None:
    root = Path(__file__).parents[2]
    listed = (root / "tests" / "peers" / "without-dependencies.txt").read_text(encoding="utf-8")
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    for loss in CONVENTIONS.values():
        if loss.proof == "run":
            pin = f"{loss.package}=={loss.version}"
            pinned = f"\n{pin}\n" in listed or f'"{pin}"' in project
            assert pinned or f'"{loss.package}>=' in project, loss.package


def test_every_loss_that_is_said_to_be_read_is_transcribed() -> None:
    assert set(SOURCES) == {name for name, loss in CONVENTIONS.items() if loss.proof == "source"}
    assert {loss.proof for loss in CONVENTIONS.values()} == {"run", "source"}


@pytest.mark.parametrize("name", SOURCES)
def test_convention_has_the_value_of_its_source(name: str) -> None:
    for call in calls():
        expected = SOURCES[name](call["s"], call["t"], call["y"], call["T"], call["alpha"])
        assert value(CONVENTIONS[name].convention, call) == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize(
    "name", [n for n in SOURCES if CONVENTIONS[n].convention.ignore_index is not None]
)
def test_convention_ignores_the_padding_that_its_source_ignores(name: str) -> None:
    convention = CONVENTIONS[name].convention
    call = calls()[1]
    call["y"] = np.array([0, -100, 2, -100])
    expected = SOURCES[name](call["s"], call["t"], call["y"], call["T"], call["alpha"])
    assert value(convention, call) == pytest.approx(expected, rel=EXACT)


# ----------------------------------------------------------------------------- in kdref's terms


def test_what_cannot_be_said_in_kdref_says_what_differs() -> None:
    without = [loss for loss in CONVENTIONS.values() if not loss.in_kdref]
    assert without
    assert all(loss.note for loss in without)


@pytest.mark.parametrize("name", [n for n in NAMES if CONVENTIONS[n].in_kdref])
def test_expression_in_kdref_has_the_value_of_the_convention(name: str) -> None:
    loss = CONVENTIONS[name]
    for call in calls():
        n, c = call["s"].shape
        got = eval(loss.in_kdref, vars(kdref) | call | {"N": n, "C": c})
        assert got == pytest.approx(value(loss.convention, call), rel=FLOORED)


@pytest.mark.parametrize("name", [n for n in NAMES if conversion(CONVENTIONS[n].convention)])
def test_conversion_has_the_value_of_the_convention(name: str) -> None:
    convention = CONVENTIONS[name].convention
    relation = conversion(convention)
    assert relation is not None
    floored = any(term.floored for _, term in convention.terms)
    for call in calls():
        got = relation(call["s"], call["t"], call["y"], temperature=call["T"], alpha=call["alpha"])
        expected = value(convention, call)
        assert got == pytest.approx(expected, rel=FLOORED if floored else EXACT)


def test_conversion_of_a_class_mean_by_hand() -> None:
    # (1 - a) CE + a T^2 KL / C with a = 0.5 and C = 5 is 0.6 times the loss with alpha 0.1 / 0.6.
    relation = conversion(described(reduction="mean"))
    assert relation is not None
    assert relation.total(2.0, 5, 3, 0.5) == pytest.approx(0.6)
    assert relation.soft(2.0, 5, 3, 0.5) == pytest.approx(0.1)
    assert relation.factor == "(1 - alpha) + alpha / C"


def test_conversion_of_the_reference_changes_nothing() -> None:
    assert str(conversion(HINTON)) == "distillation_loss(s, t, y, temperature=T, alpha=alpha)"


def test_conversion_without_any_weight_is_not_a_number() -> None:
    relation = conversion(described(soft_weight="alpha", hard_weight=None))
    assert relation is not None
    one = np.zeros((1, 2))
    assert np.isnan(relation(one, one, [0], temperature=1.0, alpha=0.0))


@pytest.mark.parametrize(
    "convention",
    [
        described(reverse=True),
        described(student_temperature=1.0),
        described(student_temperature="1/T", teacher_temperature="1/T"),
        described(transform="softmax twice"),
        described("squared"),
        Convention(HINTON.terms + described("cross entropy").terms),
        Convention(((weight(), Term("label", None, Distribution("student"))),)),
    ],
    ids=str,
)
def test_conversion_refuses_what_distillation_loss_cannot_give(convention: Convention) -> None:
    assert conversion(convention) is None


# -------------------------------------------------------------------------------- the reference


@pytest.mark.parametrize("name", NAMES)
def test_every_published_loss_is_known_as_itself(name: str) -> None:
    assert name in known_as(CONVENTIONS[name].convention)


def test_a_formula_that_jumps_is_not_known_as_one_that_does_not() -> None:
    names = known_as(CONVENTIONS["torchdistill"].convention)
    assert names == ("torchdistill",)
    assert "torchdistill" not in known_as(CONVENTIONS["philschmid"].convention)


def test_another_jump_makes_another_formula() -> None:
    convention = CONVENTIONS["torchdistill"].convention
    elsewhere = dataclasses.replace(convention.branches[0], terms=HINTON.terms)
    assert known_as(dataclasses.replace(convention, branches=(elsewhere,))) == ()


def test_every_published_loss_is_a_reference_for_a_check() -> None:
    assert set(NAMES) <= set(references())
    assert references()["deit"] is CONVENTIONS["deit"].convention
