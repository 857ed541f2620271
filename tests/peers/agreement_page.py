"""The table of second implementations: measured, kept in a result file, and shown on a page of the reference."""

import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kdref import LOSSES
from tests.benchmarks.page import filled, number
from tests.peers.agreement import SEEDS, measure
from tests.peers.page import REFERENCE, table
from tests.peers.published import PUBLISHED
from tests.peers.transcribed import TRANSCRIBED

RESULT = Path(__file__).with_name("agreement.json")
PAGE = REFERENCE / "losses-agreement.md"

PEERS = PUBLISHED + TRANSCRIBED

DISTRIBUTIONS = ("torch", "jax", "optax", "keras", "torchdistill", "mmrazor", "textbrewer", "trl")
"""What is installed for them."""


def measured() -> Iterator[dict[str, Any]]:
    """A row for each pair, the largest differences to two digits."""
    for peer in PEERS:
        difference = measure(peer)
        yield {
            "loss": peer.loss,
            "package": peer.package,
            "relation": peer.relation,
            "value": f"{difference.value:.1e}",
            "gradient": f"{difference.gradient:.1e}",
        }


def save(rows: list[dict[str, Any]]) -> None:
    """Write the result file, and fill the page from it."""
    versions = {name: importlib.metadata.version(name) for name in DISTRIBUTIONS}
    result = {"inputs": len(SEEDS), "versions": versions, "rows": rows}
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(filled(text, contents()), encoding="utf-8")


def results() -> list[dict[str, Any]]:
    """The rows of the result file."""
    rows: list[dict[str, Any]] = json.loads(RESULT.read_text(encoding="utf-8"))["rows"]
    return rows


def contents() -> dict[str, str]:
    """What stands between the markers of the page."""
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    rows = sorted(result["rows"], key=lambda row: order(row["loss"]))
    losses = [row["loss"] for row in rows]
    cells = (
        (
            f"`{row['loss']}`" if losses.index(row["loss"]) == i else "",
            row["package"],
            row["relation"],
            number(float(row["value"])),
            number(float(row["gradient"])),
        )
        for i, row in enumerate(rows)
    )
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return {
        "agreement": table(
            ("loss", "second implementation", "relation or source", "value", "gradient"), cells
        ),
        "inputs": f"Largest differences over {result['inputs']} batches each; {versions}.",
    }


def order(loss: str) -> int:
    """The registry's."""
    return list(LOSSES).index(loss)
