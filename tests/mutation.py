"""Mutation testing: makes every small change to the code that mutmut knows, and counts those that no test notices.

    python -m pip install "mutmut>=3.8"
    python -m tests.mutation [ROOM ...]        ROOM as in `ROOMS`, or a file in one; all of them by default

The changed code is written to a temporary copy of the package, in which every function carries all its mutants and an
environment variable chooses one.  There pytest collects the tests of a room once and notes which functions each of
them reaches; for each mutant a fork of it runs those that reach it, quick ones and killers of its neighbours first,
until one fails.  `docs/mutants.md` lists the survivors and says why they are left.  Prints the counts and every
survivor that is not listed there, with what it changes; those, and listed ones that are killed, make it fail.
"""

import ast
import contextlib
import difflib
import functools
import mmap
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
from _pytest.runner import runtestprotocol

ROOT = Path(__file__).parents[1]

PAGE = ROOT / "docs" / "mutants.md"
"""Lists the survivors that are left, with the reason."""

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


@dataclass(frozen=True, order=True)
class Change:
    """What a mutant does: the function, as ``module.name`` or ``module.Class.name``, a line of it, and the new one."""

    function: str
    removed: str
    added: str

    def __str__(self) -> str:
        return f"@@ {self.function} @@\n- {self.removed}\n+ {self.added}"


def change(folder: Path, mutant: str) -> Change:
    """The lines that a mutant removes and adds."""
    module, _, name = mutant.rpartition(".")
    path = folder / module.replace(".", "/")
    texts = functions_of(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))
    plain = name.rpartition("__mutmut_")[0]
    lines = list(
        difflib.unified_diff(texts[f"{plain}__mutmut_orig"], texts[name], lineterm="", n=0)
    )[2:]
    removed, added = (" ".join(x[1:].strip() for x in lines if x[0] == sign) for sign in "-+")
    words = plain.removeprefix("xǁ").replace("ǁ", ".") if "ǁ" in plain else plain.removeprefix("x_")
    return Change(f"{module.removeprefix('kdref.')}.{words}", removed, added)


def changes_of(folder: Path, mutants: list[str]) -> dict[str, Change]:
    """What each mutant does; without those that do nothing, since 1e300 + 1 is 1e300."""
    changes = {mutant: change(folder, mutant) for mutant in mutants}
    return {mutant: c for mutant, c in changes.items() if c.removed != c.added}


def explained(page: str) -> list[Change]:
    """The changes that a page lists in its blocks of type ``diff``."""
    changes = []
    function = removed = ""
    for block in re.findall(r"^```diff\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("@@ "):
                function = line.strip("@ ")
            elif line.startswith("- "):
                removed = line[2:]
            else:
                changes.append(Change(function, removed, line[2:]))
    return changes


def of_file(changes: list[Change], file: str) -> list[Change]:
    """Those in the functions of a file of the package."""
    module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    starts = re.compile(rf"{module.removeprefix('kdref.')}\.([A-Z]\w*\.)?\w+")
    return [change for change in changes if starts.fullmatch(change.function)]


def say(text: str) -> None:
    """Print at once: a room takes minutes."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def count(what: str, tried: int, alive: int) -> str:
    """A line of numbers."""
    return f"{what}: {tried - alive} of {tried} killed, {1 - alive / max(tried, 1):.1%}"


def compare(survivors: list[Change], listed: list[Change]) -> bool:
    """Print where survivors and the list differ; whether they do."""
    for change in sorted(Counter(survivors) - Counter(listed)):
        say(f"not listed:\n{change}")
    for change in sorted(Counter(listed) - Counter(survivors)):
        say(f"listed, but killed:\n{change}")
    return sorted(survivors) != sorted(listed)


def main(rooms: list[str]) -> int:
    """Copies, mutates, tests and prints; 1 where the list of survivors is not up to date."""
    tried = alive = 0
    differs = False
    listed = explained(PAGE.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="kdref-mutants-") as name:
        folder = Path(name)
        copy(folder)
        for room in rooms or ROOMS:
            files = {file: changes_of(folder, mutate(folder, file)) for file in files_of(room)}
            mutants = [mutant for changes in files.values() for mutant in changes]
            survivors = set(survivors_of(folder, mutants, tests_of(room)))
            for file, changes in files.items():
                left = [change for mutant, change in changes.items() if mutant in survivors]
                tried, alive = tried + len(changes), alive + len(left)
                say(count(file, len(changes), len(left)))
                differs |= compare(left, of_file(listed, file))
                shutil.copy2(ROOT / file, folder / file)
    say(count("together", tried, alive))
    return int(differs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
