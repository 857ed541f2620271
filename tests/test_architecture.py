"""The house keeps its shape: imports point downwards, modules stay small, the top level stays closed."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "kdref"

FLOORS = {
    "_checks": 0,
    "_arithmetic": 1,
    "exact": 1,
    "gradcheck": 1,
    "_softened": 2,
    "probabilities": 3,
    "divergences": 3,
    "losses": 4,
    "registry": 5,
    "tokens": 5,
    "network": 5,
    "datasets": 5,
    "blockwise": 6,
    "training": 6,
    "conformance": 7,
    "article": 7,
    "experiments": 7,
    "plots": 7,
    "exercises": 8,
    "cli": 9,
    "__main__": 10,
}
"""Every room and the floor it stands on; a room sees only what is below it, and itself."""

COMPOSITE = "losses.distillation"
"""The only family file that may import its siblings: the composite loss is made of two of them."""

ON_DEMAND = {"matplotlib", "tqdm"}
"""Slow to import and not needed for arithmetic: inside functions, or in ``plots``."""

LONGEST_MODULE = 250
"""Lines of code, docstrings not counted."""

TOP_LEVEL = {
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CITATION.cff",
    "kdref",
    "tests",
    "notebooks",
    "docs",
}


def modules(package: Path) -> dict[str, ast.Module]:
    """The parsed modules of a package by dotted name below it; a folder's ``__init__`` has the folder's name."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def imported(tree: ast.Module) -> Iterator[str]:
    """Dotted names below ``kdref`` that a module imports anywhere, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, (
                f"line {node.lineno}: a relative import hides which way it points"
            )
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (
            name.removeprefix("kdref").lstrip(".")
            for name in names
            if name.split(".")[0] == "kdref"
        )


def wrong_directions(package: Path) -> list[str]:
    """Every import that does not point downwards, as *from -> to*."""
    wrong = []
    for name, tree in modules(package).items():
        room = name.split(".")[0]
        for target in imported(tree):
            goal = target.split(".")[0]
            if name == "":
                fine = goal not in {"cli", "__main__"}
            elif goal == room:
                fine = (
                    room != "losses"
                    or name in {"losses", COMPOSITE}
                    or target.startswith("losses._")
                )
            elif (
                goal not in FLOORS
            ):  # a name that kdref/__init__ re-exports: only those above all rooms may
                fine = room in {"cli", "__main__"}
            else:
                fine = FLOORS[goal] < FLOORS[room]
            if not fine:
                wrong.append(f"kdref.{name} -> kdref.{target}")
    return wrong


def code_lines(tree: ast.Module, source: str) -> int:
    """Lines that are neither blank nor in a docstring."""
    docstrings = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            text = node.body[0]
            docstrings += sum(
                bool(line.strip())
                for line in source.splitlines()[text.lineno - 1 : text.end_lineno]
            )
    return sum(bool(line.strip()) for line in source.splitlines()) - docstrings


def test_every_room_has_a_floor() -> None:
    rooms = {name.split(".")[0] for name in modules(PACKAGE)} - {""}
    assert rooms <= set(FLOORS)


def test_imports_point_downwards() -> None:
    assert wrong_directions(PACKAGE) == []


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        ("probabilities.py", "from kdref.losses import x", "kdref.probabilities -> kdref.losses.x"),
        (
            "probabilities.py",
            "import kdref.divergences",
            "kdref.probabilities -> kdref.divergences",
        ),
        ("losses/a.py", "def f():\n    import kdref.cli", "kdref.losses.a -> kdref.cli"),
        ("losses/a.py", "from kdref.losses.b import x", "kdref.losses.a -> kdref.losses.b.x"),
        ("plots.py", "from kdref import softmax", "kdref.plots -> kdref.softmax"),
        ("__init__.py", "from kdref.cli import main", "kdref. -> kdref.cli.main"),
    ],
)
def test_a_planted_import_that_points_upwards_or_sideways_is_found(
    tmp_path: Path, path: str, source: str, found: str
) -> None:
    planted = tmp_path / path
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(source, encoding="utf-8")
    assert wrong_directions(tmp_path) == [found]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("losses/distillation.py", "from kdref.losses.hard_labels import hard_label_loss"),
        ("losses/a.py", "from kdref.losses._rows import rows"),
        ("divergences.py", "from kdref import _checks"),
        ("cli/article.py", "from kdref.cli import _output"),
    ],
)
def test_a_planted_import_that_points_downwards_is_left_alone(
    tmp_path: Path, path: str, source: str
) -> None:
    planted = tmp_path / path
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(source, encoding="utf-8")
    assert wrong_directions(tmp_path) == []


def test_a_planted_relative_import_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plots.py").write_text("from . import article", encoding="utf-8")
    with pytest.raises(AssertionError, match="relative import hides"):
        wrong_directions(tmp_path)


def test_modules_are_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sorted(PACKAGE.rglob("*.py"))
        if (lines := code_lines(ast.parse(source := path.read_text(encoding="utf-8")), source))
        > LONGEST_MODULE
    }
    assert long == {}


def test_code_lines_counts_neither_docstrings_nor_blank_lines() -> None:
    source = '"""One."""\n\nx = 1\n\n\ndef f():\n    """Two,\n\n    more."""\n    return x\n'
    assert code_lines(ast.parse(source), source) == 3


def test_slow_imports_wait_until_they_are_needed() -> None:
    early = [
        f"kdref.{name}: {package}"
        for name, tree in modules(PACKAGE).items()
        if name.split(".")[0] != "plots"
        for node in tree.body
        for package in top_level_packages(node)
        if package in ON_DEMAND
    ]
    assert early == []


def top_level_packages(node: ast.stmt) -> list[str]:
    """The packages that a statement of a module's body imports."""
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    return [(node.module or "").split(".")[0]] if isinstance(node, ast.ImportFrom) else []


def test_importing_kdref_imports_neither_matplotlib_nor_tqdm() -> None:
    code = f"import sys, kdref; sys.exit(sorted({ON_DEMAND!r} & set(sys.modules)) or 0)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_top_level_is_closed() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip(
            "an unpacked source distribution: only a checkout knows which files are the project's"
        )
    listed = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=True
    ).stdout
    names = {name.split("/")[0] for name in listed.splitlines()}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


def test_vendored_files_are_marked_as_such() -> None:
    attributes = (ROOT / ".gitattributes").read_text(encoding="utf-8")
    assert "docs/_static/vendor/** linguist-vendored" in attributes
    vendored = {path.name for path in (ROOT / "docs" / "_static" / "vendor").iterdir()}
    assert vendored == {"tex-svg-full.js", "LICENSE-mathjax"}
