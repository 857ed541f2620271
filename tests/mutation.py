"""Mutation testing: makes every small change to the code that mutmut knows, and counts those that no test notices.

    python -m pip install "mutmut>=3.8"
    python -m tests.mutation [ROOM ...]        ROOM as in `ROOMS`, or a file in one; all of them by default

The changed code is written to a temporary copy of the package, in which every function carries all its mutants and an
environment variable chooses one.  There pytest collects the tests of a room once and notes which functions each of
them reaches; for each mutant a fork of it runs those that reach it, quick ones and killers of its neighbours first,
until one fails.  Prints the counts and what each survivor changes; `docs/contributing.md` says why those are left.
"""

import ast
import contextlib
import difflib
import functools
import mmap
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
from _pytest.runner import runtestprotocol

ROOT = Path(__file__).parents[1]

ROOMS: dict[str, tuple[str, ...]] = {
    "kdref/_arithmetic.py": ("tests/test_arithmetic.py",),
    "kdref/_softened.py": (
        "tests/test_softened.py",
        "tests/test_divergences.py",
        "tests/losses",
        "tests/test_against_oracle.py",
    ),
    "kdref/_checks.py": ("tests/test_checks.py", "tests/test_bad_input.py"),
    "kdref/probabilities.py": ("tests/test_probabilities.py", "tests/test_bad_input.py"),
    "kdref/divergences.py": (
        "tests/test_divergences.py",
        "tests/test_bad_input.py",
        "tests/losses",
        "tests/test_against_oracle.py",
    ),
    "kdref/losses": (
        "tests/losses",
        "tests/test_bad_input.py",
        "tests/test_laws.py",
        "tests/test_against_oracle.py",
    ),
    "kdref/gradcheck.py": ("tests/test_gradcheck.py",),
    "kdref/blockwise": ("tests/test_blockwise.py",),
}
"""What is changed, and the tests that are asked."""

LIST, SURVIVORS = "KDREF_MUTANTS", "KDREF_SURVIVORS"
"""Environment variables that name the plugin's input and output files."""

CHOSEN = "MUTANT_UNDER_TEST"
"""The one that mutmut's code looks at."""


# In the copy, as a plugin of pytest.


def pytest_configure() -> None:
    """Random inputs need not be shrunk here."""
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutation", parent=hypothesis.settings(), phases=phases)
    hypothesis.settings.load_profile("mutation")


def passes(item: pytest.Item) -> bool:
    return not any(r.failed for r in runtestprotocol(item, log=False, nextitem=None))


@dataclass(frozen=True)
class Asked:
    """A test, the processor time that it takes on the code as it is, and the changed functions that it calls there."""

    item: pytest.Item
    seconds: float
    reached: frozenset[str]


def asked(item: pytest.Item, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Run a test on the code as it is, on which it must pass."""
    reached: set[str] = set()

    def note(function: str, **_: object) -> None:
        reached.add(function)

    monkeypatch.setattr("mutmut.mutation.trampoline.record_trampoline_hit", note)
    start = time.process_time()
    if not passes(item):
        raise pytest.UsageError(f"{item.nodeid} fails without any mutant")
    return Asked(item, time.process_time() - start, frozenset(reached))


def killer(mutant: str, tests: list[Asked]) -> int | None:
    """The number of the first test that fails with a mutant, found in a fork; None if it survives.

    A fork that needs much more processor time than the tests do no longer ends, nor does one that waits for something;
    both count as failures.
    """
    shared = mmap.mmap(-1, 8)
    child = os.fork()
    if child == 0:
        os.environ[CHOSEN] = mutant
        limit = 1.0 + 2.0 * sum(test.seconds for test in tests)
        signal.setitimer(signal.ITIMER_PROF, limit)
        signal.setitimer(
            signal.ITIMER_REAL, 20.0 * limit
        )  # a busy machine is not mistaken for a deadlock
        for number, test in enumerate(tests):
            shared[:8] = number.to_bytes(8, "little")
            if not passes(test.item):
                os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return int.from_bytes(shared[:8], "little") if status != 0 else None


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Instead of one run of the tests, one for each mutant."""
    os.environ[CHOSEN] = "stats"  # mutmut's word for calling the original and saying so
    with pytest.MonkeyPatch.context() as monkeypatch:
        tests = [asked(item, monkeypatch) for item in session.items]
    tests.sort(key=lambda test: test.seconds)
    with Path(os.environ[SURVIVORS]).open("w") as survivors:
        for mutant in Path(os.environ[LIST]).read_text().split():
            function, _, _ = mutant.rpartition("__mutmut_")
            chosen = [test for test in tests if function in test.reached]
            number = killer(mutant, chosen)
            if number is None:
                survivors.write(f"{mutant}\n")
                survivors.flush()
            else:
                tests.remove(chosen[number])
                tests.insert(0, chosen[number])
    return True


# Around it.


def copy(folder: Path) -> None:
    """The package and its tests as they stand."""
    for part in ("kdref", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, folder / part, ignore=ignored)
    shutil.copy2(ROOT / "pyproject.toml", folder)
    (folder / "setup.cfg").write_text("[mutmut]\nsource_paths = kdref\n")  # it insists on one


def tests_of(room: str) -> tuple[str, ...]:
    return next(t for known, t in ROOMS.items() if room == known or room.startswith(f"{known}/"))


def files_of(room: str) -> list[str]:
    path = ROOT / room
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    return [str(file.relative_to(ROOT)) for file in files]


def mutate(folder: Path, file: str) -> list[str]:
    """Write a file's mutants into it, and return their names as the environment variable wants them."""
    from mutmut.mutation.file_mutation import mutate_file_contents

    with contextlib.chdir(folder):
        mutated = mutate_file_contents(file, (ROOT / file).read_text())
    (folder / file).write_text(mutated.code)
    module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return [f"{module}.{name}" for name in mutated.mutant_names]


def survivors_of(folder: Path, mutants: list[str], tests: tuple[str, ...]) -> list[str]:
    """The mutants that the tests do not notice."""
    given, left = folder / "mutants.txt", folder / "survivors.txt"
    given.write_text("\n".join(mutants))
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.mutation",
        "-p",
        "no:cacheprovider",
        "--tb=native",  # a failure is not read, only counted, and this is the quickest
    ]
    subprocess.run(
        [*command, *tests],
        cwd=folder,
        env={**os.environ, **one_thread, LIST: str(given), SURVIVORS: str(left)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return left.read_text().split()


@functools.cache
def functions_of(file: Path) -> dict[str, list[str]]:
    """The arguments and the lines of every function's body in a file with mutants."""
    return {
        node.name: [
            ast.unparse(node.args),
            *(line for part in node.body for line in ast.unparse(part).splitlines()),
        ]
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef)
    }


def change(folder: Path, mutant: str) -> str:
    """The lines that a mutant removes and adds."""
    module, _, name = mutant.rpartition(".")
    path = folder / module.replace(".", "/")
    texts = functions_of(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))
    original = texts[f"{name.rpartition('_')[0]}_orig"]
    lines = list(difflib.unified_diff(original, texts[name], lineterm="", n=0))[2:]
    return "\n".join(f"    {line[0]} {line[1:].strip()}" for line in lines if line[0] in "+-")


def say(text: str) -> None:
    """Print at once: a room takes minutes."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(rooms: list[str]) -> None:
    """Copies, mutates, tests and prints."""
    tried = alive = 0
    with tempfile.TemporaryDirectory(prefix="kdref-mutants-") as name:
        folder = Path(name)
        copy(folder)
        for room in rooms or ROOMS:
            mutants = [mutant for file in files_of(room) for mutant in mutate(folder, file)]
            survivors = survivors_of(folder, mutants, tests_of(room))
            tried, alive = tried + len(mutants), alive + len(survivors)
            killed = len(mutants) - len(survivors)
            say(f"{room}: {killed} of {len(mutants)} killed, {killed / len(mutants):.1%}")
            for mutant in survivors:
                say(f"  {mutant}\n{change(folder, mutant)}")
            for file in files_of(room):
                shutil.copy2(ROOT / file, folder / file)
    say(f"together: {tried - alive} of {tried} killed, {(tried - alive) / tried:.1%}")


if __name__ == "__main__":
    main(sys.argv[1:])
