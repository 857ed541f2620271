"""``kdref vectors list`` and ``kdref vectors export DIR``: the test vectors, for any language."""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from kdref.cli import _output
from kdref.conformance.vectors import load_vectors, texts, vector_names


def add_parser(subparsers: Any) -> None:
    """Add the command and what it does."""
    parser = subparsers.add_parser(
        "vectors",
        help="test vectors for any language: list them, or write them to a directory",
        description="Inputs with their expected value and gradient, as JSON files that any language can read. "
        "They come with their schema, and with a note on what each flag means.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list", help="the files, their losses, and how many vectors there are"
    )
    listing.add_argument("--json", action="store_true", help="print JSON for machines")
    listing.set_defaults(run=run_list)
    export = actions.add_parser(
        "export",
        help="write the files to a directory",
        description="Writes every file whole or not at all, and says of each file that was there whether it is "
        "replaced.",
    )
    export.add_argument("directory", metavar="DIR", type=Path, help="made if it is not there")
    export.set_defaults(run=run_export)


def run_list(arguments: argparse.Namespace) -> int:
    """Print a line for each file."""
    found = [counted(name) for name in vector_names()]
    if arguments.json:
        print(_output.json_text(found))
        return 0
    header = ("file", "loss", "valid", "acceptable", "invalid")
    print(_output.table(header, [tuple(map(str, each.values())) for each in found]))
    total = sum(each[result] for each in found for result in header[2:])
    print(f"\n{total} vectors in {len(found)} files")
    return 0


def counted(name: str) -> dict[str, Any]:
    """A file's name, its loss, and how many vectors have each result."""
    file = load_vectors(name)
    counts = Counter(vector.result for vector in file.vectors)
    results = ("valid", "acceptable", "invalid")
    return {"file": f"{name}.json", "loss": file.loss} | {r: counts[r] for r in results}


def run_export(arguments: argparse.Namespace) -> int:
    """Write the files, and say what became of each that was there before."""
    directory: Path = arguments.directory
    directory.mkdir(parents=True, exist_ok=True)
    counts = Counter(
        written(directory / name, content) for name, content in sorted(texts().items())
    )
    words = ", ".join(f"{count} {what}" for what, count in counts.items())
    print(f"{directory}: {words}")
    return 0


def written(path: Path, content: bytes) -> str:
    """Write a file unless it is there already; one that differs is replaced, and named."""
    if path.is_file() and path.read_bytes() == content:
        return "unchanged"
    replaced = path.exists()
    with _output.written_whole(path) as temporary:
        temporary.write_bytes(content)
    if replaced:
        print(f"replaced {path}, which was different")
    return "replaced" if replaced else "written"
