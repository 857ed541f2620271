"""What the commands share when they print or write: aligned tables, JSON, whole files or none."""

import dataclasses
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

NUMBER = frozenset("0123456789+-")
"""What a cell begins with that is aligned by its right edge."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align rows of text under a header: a column of numbers to the right, any other to the left.

    Examples
    --------
    >>> print(table(("loss", "nats"), [("forward_kl", "0.13"), ("hard_label", "12.50")]))
    loss         nats
    ----------  -----
    forward_kl   0.13
    hard_label  12.50
    """
    columns = list(zip(header, *rows, strict=True))
    widths = [max(len(cell) for cell in column) for column in columns]
    rightwards = [all(cell[:1] in NUMBER for cell in column[1:] if cell) for column in columns]
    rule = ["-" * width for width in widths]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, rightwards, strict=True)
        )
        for row in (header, rule, *rows)
    ]
    return "\n".join(line.rstrip() for line in lines)


def json_text(data: object) -> str:
    """Write dataclasses, arrays and numbers as JSON that every language reads.

    JSON has no infinity: it and NaN become the strings ``"Infinity"``, ``"-Infinity"`` and ``"NaN"``.

    Examples
    --------
    >>> print(json_text({"value": np.float64(0.5), "row": np.array([1.0, np.inf])}))
    {
      "value": 0.5,
      "row": [
        1.0,
        "Infinity"
      ]
    }
    """
    return json.dumps(_plain(data), indent=2, ensure_ascii=False, allow_nan=False)


def _plain(data: object) -> object:
    """The same data in the types that JSON has."""
    if dataclasses.is_dataclass(data) and not isinstance(data, type):
        return {field.name: _plain(getattr(data, field.name)) for field in dataclasses.fields(data)}
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, np.ndarray | np.generic):
        return _plain(data.tolist())
    if isinstance(data, list | tuple):
        return [_plain(item) for item in data]
    if isinstance(data, Path):
        return str(data)
    if isinstance(data, float) and not math.isfinite(data):
        return "NaN" if math.isnan(data) else ("Infinity" if data > 0 else "-Infinity")
    return data


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` and rename it when the block is done: a whole file or none.

    The temporary path has the same suffix, by which plotting libraries choose the format.
    """
    temporary = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
