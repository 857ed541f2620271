"""Writes the vector files and the page of flags, or says which of them differ from what would be written.

python -m tests.vectors [--check]
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.vectors import files, page

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "kdref" / "conformance" / "vectors"
SCHEMA = "schema.json"
"""Written by hand: it is the format, and not made of vectors."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check; 1 if a check finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.vectors", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare byte for byte, write nothing")
    chosen = parser.parse_args(arguments)
    wanted = outputs(ROOT)
    if not chosen.check:
        write(wanted)
    found = list(differences(wanted))
    sys.stdout.write("".join(f"{line}\n" for line in found) or "every file is as generated\n")
    return int(bool(found))


def outputs(root: Path) -> dict[Path, str]:
    """Every file that is made, with its text."""
    folder = root / FOLDER.relative_to(ROOT)
    made = {folder / name: text for name, text in files.texts()}
    return made | {root / page.PLACE: page.text()}


def write(wanted: Mapping[Path, str]) -> None:
    """Write every file, and remove vector files that are no longer made."""
    for path in strays(wanted):
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def differences(wanted: Mapping[Path, str]) -> Iterator[str]:
    """A line for each file that is missing, that differs, or that nobody makes."""
    for path, text in wanted.items():
        if not path.exists():
            yield f"{path.name} is missing"
        elif path.read_bytes() != text.encode():
            yield f"{path.name} differs from what the generator writes"
    yield from (f"{path.name} is not made by the generator" for path in strays(wanted))


def strays(wanted: Mapping[Path, str]) -> list[Path]:
    """Vector files that nobody makes."""
    folders = {path.parent for path in wanted if path.suffix == ".json"}
    there = {path for folder in folders for path in folder.glob("*.json")}
    return sorted(path for path in there - set(wanted) if path.name != SCHEMA)


if __name__ == "__main__":
    sys.exit(main())
