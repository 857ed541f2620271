"""The table of losses tells the truth about the functions it names."""

import inspect
import pkgutil
from importlib import import_module

import pytest

import kdref
import kdref.losses
from kdref.registry import LAWS, LOSSES, LossEntry

ENTRIES = [pytest.param(entry, id=name) for name, entry in LOSSES.items()]


def public_losses() -> set[str]:
    modules = [
        import_module(module.name)
        for module in pkgutil.iter_modules(kdref.losses.__path__, "kdref.losses.")
    ]
    return {
        name
        for module in modules
        for name, member in vars(module).items()
        if name.endswith("_loss") and not name.startswith("_") and inspect.isfunction(member)
    }


def test_every_public_loss_is_in_the_table() -> None:
    assert public_losses() == {f"{name}_loss" for name in LOSSES}


@pytest.mark.parametrize("entry", ENTRIES)
def test_entry_stands_under_its_own_name(entry: LossEntry) -> None:
    assert LOSSES[entry.name] is entry


@pytest.mark.parametrize("entry", ENTRIES)
def test_twins_are_named_alike_and_live_in_the_file_of_their_family(entry: LossEntry) -> None:
    assert entry.value.__name__ == f"{entry.name}_loss"
    assert entry.grad.__name__ == f"{entry.name}_loss_grad"
    module = f"kdref.losses.{entry.family}"
    assert (entry.value.__module__, entry.grad.__module__) == (module, module)


@pytest.mark.parametrize("entry", ENTRIES)
def test_twins_are_adjacent_in_their_file(entry: LossEntry) -> None:
    lines, first = inspect.getsourcelines(entry.value)
    _, second = inspect.getsourcelines(entry.grad)
    assert second == first + len(lines) + 2  # two blank lines between them


@pytest.mark.parametrize("entry", ENTRIES)
def test_package_exports_both_twins(entry: LossEntry) -> None:
    assert getattr(kdref, entry.value.__name__) is entry.value
    assert getattr(kdref, entry.grad.__name__) is entry.grad


@pytest.mark.parametrize("entry", ENTRIES)
def test_twins_take_the_same_parameters_which_are_those_of_the_entry(entry: LossEntry) -> None:
    of_value = inspect.signature(entry.value).parameters
    assert dict(of_value) == dict(inspect.signature(entry.grad).parameters)
    positional = [p.name for p in of_value.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    keyword_only = [p.name for p in of_value.values() if p.kind is p.KEYWORD_ONLY]
    weights = ["weights"] if entry.row_separable else []
    assert tuple(positional) == entry.inputs
    assert keyword_only == [*entry.constants, *entry.parameters, *weights]
    assert len(of_value) == len(positional) + len(keyword_only)


def test_temperature_comes_first_among_the_parameters() -> None:
    softened = [entry for entry in LOSSES.values() if "temperature" in entry.parameters]
    assert [next(iter(entry.parameters)) for entry in softened] == ["temperature"] * len(softened)


@pytest.mark.parametrize("entry", ENTRIES)
def test_entry_claims_known_laws_and_names_its_formula_and_source(entry: LossEntry) -> None:
    assert entry.laws <= LAWS.keys()
    assert entry.formula
    assert entry.source


def test_every_law_is_claimed_by_some_loss() -> None:
    assert set(LAWS) == set().union(*(entry.laws for entry in LOSSES.values()))
