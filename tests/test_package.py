"""The package and the files around it tell one story."""

import re
from pathlib import Path

import kdref

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAIN_JOB = "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/kdref"
TESTS = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/python -m pytest -q"


def test_the_citation_names_the_version_of_the_package() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", citation, flags=re.MULTILINE) == [kdref.__version__]


def test_the_changelog_has_a_section_for_the_version() -> None:
    changelog = (ROOT / "docs" / "changelog.md").read_text(encoding="utf-8")
    assert f"## {kdref.__version__}" in changelog


def test_the_package_tells_type_checkers_that_it_is_typed() -> None:
    assert (Path(kdref.__file__).parent / "py.typed").exists()


def test_the_readme_gives_the_two_commands_on_lines_of_their_own() -> None:
    lines = README.splitlines()
    assert lines.count(MAIN_JOB) == 1
    assert lines.count(TESTS) == 1


def test_the_readme_fits_on_a_screen() -> None:
    assert len(README.splitlines()) <= 70
