"""Mutation testing: changes the code in every small way that mutmut knows, and counts the changes that no test notices.

    python -m pip install "mutmut>=3.8"
    python -m tests.mutation [--folder FOLDER] [--only ROOM ...] [--children N]

Works on copies below FOLDER, which may be kept to go on where a run was interrupted; the repository is only read.
Prints the counts of each file and the names of the survivors, which `docs/contributing.md` explains; the difference
that one of them makes is shown by ``mutmut show NAME`` in the room's folder.  Takes about an hour on one core, so CI
does not run it.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

ROOMS: dict[str, tuple[str, ...]] = {
    "kdref/_arithmetic.py": ("tests/test_arithmetic.py",),
    "kdref/_softened.py": ("tests/test_softened.py", "tests/test_divergences.py", "tests/losses"),
    "kdref/_checks.py": ("tests/test_checks.py", "tests/test_bad_input.py"),
    "kdref/probabilities.py": ("tests/test_probabilities.py", "tests/test_bad_input.py"),
    "kdref/divergences.py": (
        "tests/test_divergences.py",
        "tests/losses",
        "tests/test_bad_input.py",
    ),
    "kdref/losses/*.py": ("tests/losses", "tests/test_bad_input.py"),
    "kdref/gradcheck.py": ("tests/test_gradcheck.py",),
    "kdref/blockwise/*.py": ("tests/test_blockwise.py",),
}
"""What is changed, and the tests that are asked: those of the room itself, which answer within seconds."""

LEFT_OUT = "not any_size and not anything_at_all and not memory_mapped"
"""Tests of bad input that draw extremes or write files: too slow to ask of every survivor."""

KILLED = {1, 3, 24, 36, 152, 255, -24}
"""Exit codes of pytest under mutmut: failures, and tests that no longer end."""


def settings(room: str) -> str:
    """The configuration file of mutmut, which lives in the copy alone."""
    lines = {
        "source_paths": ["kdref"],
        "only_mutate": [room],
        "pytest_add_cli_args_test_selection": ROOMS[room],
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "-k", LEFT_OUT],
    }
    blocks = ("\n    ".join([f"{key} =", *values]) for key, values in lines.items())
    return "\n".join(["[mutmut]", *blocks, ""])


def copy(folder: Path, room: str) -> None:
    """The package and its tests, with a configuration of their own."""
    for part in ("kdref", "tests"):
        shutil.copytree(
            ROOT / part,
            folder / part,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    shutil.copy2(ROOT / "pyproject.toml", folder)
    (folder / "setup.cfg").write_text(settings(room))


def mutate(folder: Path, children: int) -> None:
    """Run mutmut in a copy; its spinner, drawn ten times a second, goes to a file."""
    with (folder / "mutmut.log").open("w") as log:
        subprocess.run(
            [sys.executable, "-m", "mutmut", "run", "--max-children", str(children)],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )


def outcomes(folder: Path) -> Iterator[tuple[str, str, bool]]:
    """File, name and whether it was killed, of each mutant below a folder that was tried."""
    for record in sorted(folder.rglob("*.py.meta")):
        codes = json.loads(record.read_text())["exit_code_by_key"]
        file = str(record).rpartition("mutants/")[2].removesuffix(".meta")
        yield from (
            (file, name, code in KILLED) for name, code in codes.items() if code is not None
        )


def report(folder: Path) -> str:
    """Counts by file, the total, and the survivors."""
    results = list(outcomes(folder))
    tried, killed = Counter(r[0] for r in results), Counter(r[0] for r in results if r[2])
    lines = [f"{killed[file]:5} of {tried[file]:5} killed  {file}" for file in sorted(tried)]
    share = killed.total() / max(tried.total(), 1)
    lines.append(f"{killed.total():5} of {tried.total():5} killed: {share:.1%}")
    return "\n".join([*lines, "", "Survivors:", *(name for _, name, dead in results if not dead)])


def main() -> None:
    """Copies, mutates, tests, and prints the report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="kept afterwards; a temporary one otherwise")
    parser.add_argument(
        "--only", nargs="+", default=list(ROOMS), choices=list(ROOMS), metavar="ROOM"
    )
    parser.add_argument("--children", type=int, default=1, help="mutants tested at a time")
    options = parser.parse_args()
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="kdref-mutants-"))).resolve()
    for room in options.only:
        copied = folder / room.removesuffix("/*.py").removesuffix(".py").rpartition("/")[2]
        copied.mkdir(parents=True, exist_ok=True)
        copy(copied, room)
        mutate(copied, options.children)
    sys.stdout.write(f"{report(folder)}\n\nThe mutants are in {folder}\n")


if __name__ == "__main__":
    main()
