"""The documentation names everything public, and runs what it shows."""

import ast
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import kdref
from kdref import cli
from tests.test_transcripts import PAGES as TRANSCRIPTS
from tests.test_transcripts import steps

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts),
]

AT_THE_TOP = {"probabilities", "divergences", "losses", "gradcheck", "registry", "tokens"}
"""Rooms whose public names are those of ``kdref`` itself."""

LONGEST_PARAMETER, LONGEST_SIGNATURE = 100, 300
"""Characters, as ``help()`` shows them; the second of a function of ``kdref`` itself."""

WITHOUT_REFERENCE = {"cli", "__main__"}
"""Commands are for shells."""


def exported(source: str) -> Iterator[str]:
    """Names that a module defines for others, or re-exports as themselves."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if alias.asname == alias.name)


def public_names() -> Iterator[str]:
    """Everything public by the name that people import it by."""
    package = Path(kdref.__file__).parent
    for path in sorted([*package.glob("*.py"), *package.glob("*/__init__.py")]):
        room = path.parent.name if path.stem == "__init__" else path.stem
        if room.startswith("_") or room in AT_THE_TOP | WITHOUT_REFERENCE:
            continue
        prefix = "kdref" if room == "kdref" else f"kdref.{room}"
        yield from (f"{prefix}.{name}" for name in exported(path.read_text(encoding="utf-8")))


def documented_names() -> Iterator[str]:
    """Everything that the reference describes."""
    for path in sorted((DOCS / "reference").glob("*.md")):
        module = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            directive, _, name = line.removeprefix(".. ").partition(":: ")
            if directive == "currentmodule":
                module = name
            if directive in {"autofunction", "autoclass", "data"}:
                yield name if name.startswith("kdref.") else f"{module}.{name}"


@pytest.mark.parametrize("name", list(public_names()))
def test_public_name_is_in_the_reference_once(name: str) -> None:
    assert list(documented_names()).count(name) == 1


def test_help_shows_signatures_that_can_be_read() -> None:
    # ArrayLike alone is 270 characters where annotations are evaluated.
    objects = {name: pkgutil.resolve_name(name) for name in public_names()}
    signatures = {
        name: inspect.signature(thing)
        for name, thing in objects.items()
        if inspect.isfunction(thing) or inspect.isclass(thing)
    }
    assert len(signatures) > 150
    parameters = [
        f"{name}: {parameter}"
        for name, signature in signatures.items()
        for parameter in signature.parameters.values()
        if len(str(parameter)) > LONGEST_PARAMETER
    ]
    assert parameters == []
    functions = [name for name, thing in objects.items() if inspect.isfunction(thing)]
    at_the_top = {name: str(signatures[name]) for name in functions if name.count(".") == 1}
    assert {name: text for name, text in at_the_top.items() if len(text) > LONGEST_SIGNATURE} == {}


@pytest.mark.parametrize(
    "command", [module.__name__.removeprefix("kdref.cli.") for module in cli.COMMANDS]
)
def test_command_is_in_the_reference(command: str) -> None:
    assert f"`kdref {command}`" in (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("entry", kdref.LOSSES.values(), ids=lambda entry: entry.name)
def test_loss_is_in_the_table_of_formulas(entry: kdref.LossEntry) -> None:
    row = rf"^\| {{py:func}}`~kdref\.{entry.name}_loss` \| \$.+ \| .*\$.+ \|$"
    table = (DOCS / "reference" / "losses.md").read_text(encoding="utf-8")
    assert len(re.findall(row, table, flags=re.MULTILINE)) == 1


@pytest.mark.parametrize("name", kdref.LOSSES)
def test_loss_is_in_the_changelog(name: str) -> None:
    assert f"`{name}_loss`" in (DOCS / "changelog.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_stand_in_blocks_that_are_run(path: Path) -> None:
    # Only ```python blocks are run; a prompt anywhere else would show a number that nobody checks.
    text = re.sub(
        r"^```python\n.*?^```$",
        "",
        path.read_text(encoding="utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    assert ">>>" not in text
    assert "skip: next" not in text


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_with_their_output_stand_in_pages_that_are_typed_again(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    prompts = len(re.findall(r"^\$ ", text, flags=re.MULTILINE))
    assert prompts == sum(step.place != (0, 0) for step in steps(path))
    assert prompts == 0 or path in TRANSCRIPTS
