"""The command line as a whole: the main job by default, versions, exit codes, good manners."""

import argparse
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import kdref
from kdref import cli
from kdref.cli import _output

ROOT = Path(__file__).parents[1]


def raising(error: BaseException) -> Callable[[argparse.Namespace], int]:
    def run(_: argparse.Namespace) -> int:
        raise error

    return run


@pytest.fixture
def planted(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Callable[[argparse.Namespace], int]], None]:
    """Puts one function in the place of all commands."""

    def plant(run: Callable[[argparse.Namespace], int]) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("command")
        parser.set_defaults(run=run)
        monkeypatch.setattr(cli, "build_parser", lambda: parser)

    return plant


@pytest.mark.parametrize(
    ("arguments", "completed"),
    [
        ([], ["overview"]),
        (["--seed", "3"], ["overview", "--seed", "3"]),
        (["article", "--json"], ["article", "--json"]),
        (["--version"], ["--version"]),
        (["-h"], ["-h"]),
    ],
)
def test_kdref_does_the_main_job_when_no_command_is_named(
    arguments: list[str], completed: list[str]
) -> None:
    assert cli.with_main_job(arguments) == completed


def test_version_names_kdref_and_numpy() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kdref", "--version"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert done.stdout == f"kdref {kdref.__version__}, NumPy {np.__version__}\n"


def test_an_unknown_command_exits_with_2_and_lists_the_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["distrust"])
    assert "invalid choice: 'distrust'" in capsys.readouterr().err


@pytest.mark.parametrize("code", [0, 1])
def test_the_exit_code_is_the_one_of_the_command(planted: Callable[..., None], code: int) -> None:
    planted(lambda _: code)
    assert cli.main(["any"]) == code


@pytest.mark.parametrize(
    "error", [ValueError("temperature must be > 0, got -1"), FileNotFoundError("no such file")]
)
def test_a_value_or_file_that_cannot_be_used_exits_with_2_and_one_line(
    planted: Callable[..., None], capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    planted(raising(error))
    assert cli.main(["any"]) == 2
    assert capsys.readouterr().err == f"kdref: error: {error}\n"


def test_a_mistake_of_our_own_is_not_hidden(planted: Callable[..., None]) -> None:
    planted(raising(ZeroDivisionError("ours")))
    with pytest.raises(ZeroDivisionError, match="ours"):
        cli.main(["any"])


def test_what_the_terminal_cannot_show_is_spelled_out(
    planted: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252"))
    planted(lambda _: 0 * sys.stdout.write("T² α"))
    assert cli.main(["any"]) == 0
    assert written.getvalue().split() == [b"T\xb2", b"\\u03b1"]


def test_ctrl_c_ends_without_a_traceback(
    planted: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    planted(raising(KeyboardInterrupt()))
    assert cli.main(["any"]) == cli.INTERRUPTED
    assert capsys.readouterr().err == "kdref: interrupted\n"


def test_a_reader_that_goes_away_ends_the_command_quietly() -> None:
    code = (
        "import argparse, sys\n"
        "from kdref import cli\n"
        "parser = argparse.ArgumentParser()\n"
        "parser.add_argument('command')\n"
        "parser.set_defaults(run=lambda _: [print('x' * 1000) for _ in range(1000)] and 0)\n"
        "cli.build_parser = lambda: parser\n"
        "sys.exit(cli.main(['any']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        complaint = process.stderr.read()
    assert (process.returncode, complaint) == (cli.PIPE_CLOSED, b"")


@dataclass(frozen=True)
class Figures:
    """Something a command would print."""

    where: Path
    value: float
    row: tuple[float, ...]


def test_json_text_writes_dataclasses_and_spells_out_what_json_lacks() -> None:
    text = _output.json_text(Figures(Path("a.png"), float("-inf"), (float("nan"), 1.0)))
    assert json.loads(text) == {"where": "a.png", "value": "-Infinity", "row": ["NaN", 1.0]}


def write_half(path: Path) -> None:
    with _output.written_whole(path) as temporary:
        temporary.write_text("ne", encoding="utf-8")
        raise RuntimeError("half way")


def test_written_whole_leaves_the_old_file_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "figure.svg"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError, match="half way"):
        write_half(path)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_written_whole_replaces_the_file_and_keeps_its_suffix(tmp_path: Path) -> None:
    path = tmp_path / "figure.svg"
    path.write_text("old", encoding="utf-8")
    with _output.written_whole(path) as temporary:
        assert temporary.suffix == ".svg"
        temporary.write_text("new", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [path]
