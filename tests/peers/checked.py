"""What `diagnose` says of the losses of installed packages, written to a result file.

    python -m tests.peers.checked

The page of conventions shows the file; ``test_checked.py`` compares it with what is said today.
"""

import importlib.metadata
import json
import sys
import time
from pathlib import Path
from typing import Any

from kdref.conformance import CONVENTIONS, Report, diagnose
from tests.peers.packages import PACKAGES

RESULT = Path(__file__).with_name("checked.json")

SAME = 1e-5
"""Two conventions, one of them found through a package that computes in single precision."""


def check(name: str) -> Report:
    """The diagnosis of one package's loss."""
    peer = PACKAGES[name]
    return diagnose(
        peer.function,
        framework=peer.framework,
        ignore_index=CONVENTIONS[name].convention.ignore_index,
    )


def as_data(name: str, report: Report) -> dict[str, Any]:
    """What is kept of a report: the package, what was said, and whether it is what `CONVENTIONS` says."""
    entry, found = CONVENTIONS[name], report.convention
    return {
        "package": entry.package,
        "version": importlib.metadata.version(entry.package),
        "function": entry.where.split(": ")[1],
        "verdict": report.verdict,
        "formula": report.formula,
        "codes": sorted(report.codes),
        "as_said": found is not None and found.equals(entry.convention, tolerance=SAME),
    }


def main() -> None:
    """Check every package and write what was said."""
    results = {}
    for name in PACKAGES:
        started = time.process_time()
        results[name] = as_data(name, check(name))
        seconds = time.process_time() - started
        verdict, formula = results[name]["verdict"], results[name]["formula"]
        sys.stdout.write(f"{name:24} {seconds:5.1f} s  {verdict:10} {formula}\n")
        sys.stdout.write(f"{'':33} {' '.join(results[name]['codes'])} {results[name]['as_said']}\n")
        sys.stdout.flush()
    RESULT.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
