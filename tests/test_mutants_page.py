"""The page of surviving mutants keeps to the code: its lines are there, and its numbers are those of its list."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.mutation import PAGE, ROOMS, ROOT, Change, explained, files_of, of_file

LISTED = explained(PAGE.read_text(encoding="utf-8"))

FILES = [
    file
    for room in ROOMS
    for file in files_of(room)
    if "def " in (ROOT / file).read_text(encoding="utf-8")
]


def functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, str]]:
    """The functions of a module by name, as Python writes them out again."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from functions(node.body, f"{prefix}{node.name}.")
        if isinstance(node, ast.FunctionDef):
            yield prefix + node.name, ast.unparse(node)


def texts() -> dict[str, str]:
    """Every function of the changed files."""
    found: dict[str, str] = {}
    for file in FILES:
        module = file.removeprefix("kdref/").removesuffix(".py").removesuffix("/__init__")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        found |= functions(tree.body, module.replace("/", ".") + ".")
    return found


def test_listed_changes_are_to_lines_of_the_code() -> None:
    code = texts()
    assert len(LISTED) > 100
    assert [c for c in LISTED if c.removed not in code.get(c.function, "")] == []
    assert [c for c in LISTED if c.removed == c.added] == []


@pytest.mark.parametrize("file", FILES)
def test_number_of_survivors_is_that_of_the_list(file: str) -> None:
    row = rf"^\| `{re.escape(file)}` \| (\d+) \| (\d+) \| (\S+) \|$"
    [(tried, killed, share)] = re.findall(row, PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert int(tried) - int(killed) == len(of_file(LISTED, file))
    assert share == f"{int(killed) / int(tried):.1%}"


def test_every_listed_change_belongs_to_one_file() -> None:
    assert sorted(c for file in FILES for c in of_file(LISTED, file)) == sorted(LISTED)


def test_list_is_read_by_function_line_and_change() -> None:
    page = "text\n```diff\n@@ a.b @@\n- x\n+ y\n+ z\n@@ c.D.e @@\n- v\n+ w\n```\n"
    expected = [Change("a.b", "x", "y"), Change("a.b", "x", "z"), Change("c.D.e", "v", "w")]
    assert explained(page) == expected
