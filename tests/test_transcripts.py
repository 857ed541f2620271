"""Pages show files and what commands say about them; here the commands are typed again.

A ``{code-block}`` with a caption is a file of that name. A ``console`` block is typed where the files above it are,
command after command; what each prints is compared exactly. A command on files that import a framework has the marker
``peers``; without one, ``python`` gets the standard library alone.

``python tests/test_transcripts.py --update [PAGE ...]`` types the commands and stores what they print.
"""

import ast
import contextlib
import importlib.util
import io
import itertools
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from kdref import cli

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"^```(?P<info>\S.*?)\n(?P<body>.*?)^```$", flags=re.MULTILINE | re.DOTALL)
FILE = re.compile(
    r"(?::[^\n]*\n)*?:caption: (?P<name>\S+)\n(?::[^\n]*\n)*\n*(?P<text>.*)", flags=re.DOTALL
)
COMMAND = re.compile(
    r"^\$ (?P<command>(?:.*\\\n)*.*)\n(?P<printed>(?:(?!\$ ).*\n)*)", flags=re.MULTILINE
)
SETTING = re.compile(r"[A-Z_]+=\w+")
FRAMEWORKS = {"jax", "keras", "optax", "tensorflow", "torch", "torchdistill", "trl"}


@dataclass(frozen=True)
class Step:
    """A command, or a file of tests, with the files that are there when its turn comes."""

    page: Path
    files: dict[str, str]
    command: str
    printed: str = ""
    place: tuple[int, int] = (0, 0)
    """Where in the page it stands what the command prints."""
    earlier: tuple[str, ...] = ()
    """What was typed before it in the same block, and in the same folder."""

    @property
    def frameworks(self) -> list[str]:
        """What the files need that the command names."""
        python = {name: text for name, text in self.files.items() if name.endswith(".py")}
        named = [text for name, text in python.items() if name in self.command]
        modules = {
            name.split(".")[0]
            for text in named
            for node in ast.walk(ast.parse(text))
            for name in imported(node, self.files)
        }
        return sorted(modules & FRAMEWORKS)


def imported(node: ast.AST, files: dict[str, str]) -> Iterator[str]:
    """Modules that a statement imports, and what a file beside it imports in turn."""
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom) and node.module:
        names = [node.module]
    for name in names:
        yield name
        for inner in ast.walk(ast.parse(files.get(f"{name}.py", ""))):
            yield from imported(inner, {})


def steps(page: Path) -> Iterator[Step]:
    """What a page types, from top to bottom."""
    files: dict[str, str] = {}
    for block in FENCE.finditer(page.read_text(encoding="utf-8")):
        file = FILE.match(block["body"])
        if file and block["info"].startswith("{code-block}"):
            files = files | {file["name"]: file["text"]}
            if file["name"].startswith("test_"):
                yield Step(page, files, f"pytest {file['name']}")
        if block["info"] == "console":
            earlier: tuple[str, ...] = ()
            for typed in COMMAND.finditer(block["body"]):
                start, end = (block.start("body") + at for at in typed.span("printed"))
                yield Step(page, files, typed["command"], typed["printed"], (start, end), earlier)
                earlier += (typed["command"],)


@contextlib.contextmanager
def folder_with(files: dict[str, str]) -> Iterator[None]:
    """A folder to work in that holds the files, from which one can import; nothing of it is left behind."""
    path, modules, no_bytecode = list(sys.path), set(sys.modules), sys.dont_write_bytecode
    sys.dont_write_bytecode = (
        True  # two files of one name within a second would share their bytecode
    )
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        for file, text in files.items():
            Path(file).write_text(text, encoding="utf-8")
        sys.path.insert(0, name)
        try:
            yield
        finally:
            sys.path[:], sys.dont_write_bytecode = path, no_bytecode
            for module in {Path(file).stem for file in files} - modules:
                sys.modules.pop(module, None)
            importlib.invalidate_caches()


def typed(step: Step) -> str:
    """What the command prints."""
    with folder_with(step.files):
        for command in step.earlier:
            run(command, step)
        return run(step.command, step)


def run(command: str, step: Step) -> str:
    """What one command prints in the folder that is the current one."""
    words = shlex.split(command.replace("\\\n", " "))
    settings = dict(word.split("=") for word in itertools.takewhile(SETTING.fullmatch, words))
    program, *arguments = words[len(settings) :]
    printed = io.StringIO()
    with mock.patch.dict(os.environ, settings), contextlib.redirect_stdout(printed):
        if program == "pytest":
            names = runpy.run_path(arguments[0])
            for test in [value for name, value in names.items() if name.startswith("test_")]:
                test()
        elif program in ("python", "node"):
            printed.write(run_outside(program, arguments, alone=not step.frameworks))
        else:
            assert program == "kdref", command
            with contextlib.redirect_stderr(printed):
                code = cli.main(arguments)
            assert code in (0, 1), printed.getvalue()
    return printed.getvalue()


def run_outside(program: str, arguments: list[str], *, alone: bool) -> str:
    """What another process prints; Python has its standard library alone unless the page shows a framework."""
    path = [sys.executable, *(["-I", "-S"] if alone else [])] if program == "python" else [program]
    done = subprocess.run(
        [*path, *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


PAGES = [page for page in sorted((ROOT / "docs").glob("how-to/*.md")) if list(steps(page))]


def cases() -> Iterator[object]:
    for page in PAGES:
        for number, step in enumerate(steps(page)):
            marks = [pytest.mark.peers] if step.frameworks else []
            yield pytest.param(step, marks=marks, id=f"{page.stem}-{number}")


# What other people's packages warn about when they are imported is not judged here.
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("step", list(cases()))
def test_command_prints_what_the_page_says(step: Step) -> None:
    if step.command.startswith("node ") and shutil.which("node") is None:
        pytest.skip("needs node")
    missing = [name for name in step.frameworks if not importlib.util.find_spec(name)]
    if missing:  # not imported here: Keras asks for its backend then, which the command names
        pytest.skip(f"needs {', '.join(missing)}: the extra 'peers'")
    assert typed(step) == step.printed, "run this file with --update and look at the change"


def update(page: Path) -> None:
    """Store what the commands print now."""
    text = page.read_text(encoding="utf-8")
    for step in reversed(list(steps(page))):
        start, end = step.place
        if end:
            text = text[:start] + typed(step) + text[end:]
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] != ["--update"]:
        sys.exit("usage: python tests/test_transcripts.py --update [PAGE ...]")
    for chosen in [Path(name).resolve() for name in sys.argv[2:]] or PAGES:
        update(chosen)
