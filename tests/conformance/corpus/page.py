"""Fills the tables of the page on diagnosis from the committed figures."""

import json
import re
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"
PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "diagnosis.md"

NAMES = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX", "keras": "Keras", "outside": "outside"}
COLUMNS = ("losses", "identified", "exact", "falsely accused", "median seconds", "worst seconds")


def load() -> dict[str, Any]:
    """The committed figures."""
    data: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return data


def table(header: tuple[str, ...], rows: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (list(header), rule, *rows))


def tables(results: dict[str, Any]) -> dict[str, str]:
    """Each table of the page by its name."""
    random = results["random"]
    sight = results["first sight"]
    groups = [("random", random)]
    groups += [(f"first sight, now: {NAMES[g['framework']]}", g) for g in results["now"]]
    groups += [(f"fitted: {NAMES[g['framework']]}", g) for g in results["fitted"]]
    return {
        "first sight": table(
            ("batch", *map(str, sight["batch"])),
            [[name, *map(str, row)] for name, row in sight.items() if name != "batch"],
        ),
        "corpus": table(
            ("corpus", *COLUMNS), [[name, *(str(g[c]) for c in COLUMNS)] for name, g in groups]
        ),
        "open": f"In {results['open']} of them more than one set of codes can be defended, and the one kept is the "
        "diagnosis's own: these cannot count against it above.",
        "seed": f"The random losses were drawn with the seed {random['seed']}.",
    }


def filled(text: str, results: dict[str, Any]) -> str:
    """The page with its tables replaced."""
    for name, content in tables(results).items():
        pattern = rf"(<!-- table: {name} -->\n).*?(<!-- end of table -->)"
        text, found = re.subn(pattern, rf"\g<1>\n{content}\n\n\g<2>", text, flags=re.S)
        assert found == 1, name
    return text
