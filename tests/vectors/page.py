"""The page of the reference that lists the vector files and what each flag means."""

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from tests.vectors import files
from tests.vectors.features import FeatureFile
from tests.vectors.losses import File
from tests.vectors.notes import NOTES

PLACE = PurePosixPath("docs/reference/vectors-flags.md")

HEAD = """# Test vectors: files and flags

Made by `python -m tests.vectors` from the data; {doc}`vectors` explains the format.
"""


def text() -> str:
    """The whole page."""
    rows = [
        (f"`{file.name}.json`", f"{{py:func}}`~kdref.{file.loss}_loss`", settings(file), str(count))
        for file in files.FILES
        for count in [sum(1 for _ in files.drafts(file))]
    ]
    total = sum(int(row[-1]) for row in rows)
    parts = [HEAD, f"## Files\n\n{total:,} vectors in {len(rows)} files.\n"]
    parts.append(table(("file", "loss", "parameters", "vectors"), rows))
    for bug_type in dict.fromkeys(note.bug_type for note in NOTES.values()):
        parts.append(f"## Flags: {bug_type}\n")
        parts.append(
            table(
                ("flag", "what it is", "what it does"),
                (
                    (f"`{flag}`", note.description + linked(note.links), note.effect)
                    for flag, note in NOTES.items()
                    if note.bug_type == bug_type
                ),
            )
        )
    return "\n".join(parts)


def settings(file: File | FeatureFile) -> str:
    """The parameters that all vectors of a file share."""
    return ", ".join(f"{name} {value}" for name, value in file.fixed.items())


def linked(links: Iterable[str]) -> str:
    """Links by where they lead."""
    places = [f"[{place(link)}]({link})" for link in links]
    return f" See {', '.join(places)}." if places else ""


def place(link: str) -> str:
    """OWNER/NAME#NUMBER for a thread, OWNER/NAME: FILE for a file, the end of the address for a page."""
    parts = link.removeprefix("https://").split("/")
    if "blob" in parts:
        return f"{parts[1]}/{parts[2]}: {parts[-1]}"
    if parts[0] == "github.com":
        return f"{parts[1]}/{parts[2]}#{parts[-1]}"
    return parts[-1].removesuffix(".html")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    rule = ["---"] * len(header)
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, rule, *rows))
