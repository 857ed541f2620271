"""Measures the diagnosis on its corpus, and writes the figures where the page reads them.

    python -m tests.conformance.corpus [--random 500] [--seed SEED]

Random losses are drawn with a fresh seed, which is written beside the figures.  Losses in PyTorch, JAX and Keras need
those packages, and ``KERAS_BACKEND`` set to torch or jax where TensorFlow is missing.
"""

import argparse
import json
import secrets
import statistics
from collections.abc import Iterable
from typing import Any

import numpy as np

from tests.conformance.corpus import by_hand_numpy
from tests.conformance.corpus.page import PAGE, RESULTS, filled
from tests.conformance.corpus.random_losses import make
from tests.conformance.corpus.scoring import Score, score, score_by_hand


def figures(scores: list[Score], framework: str) -> dict[str, Any]:
    seconds = [s.seconds for s in scores]
    return {
        "framework": framework,
        "losses": len(scores),
        "identified": sum(s.identified for s in scores),
        "exact": sum(s.exact for s in scores),
        "falsely accused": sum(bool(s.extra) for s in scores),
        "median seconds": round(statistics.median(seconds), 2),
        "worst seconds": round(max(seconds), 2),
    }


def on_random_losses(n: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    scores = []
    for i in range(n):
        recipe = make(rng)
        scores.append(score(recipe, i))
        if not (scores[-1].identified and scores[-1].exact):
            print(recipe, scores[-1])
    return {"seed": seed, **figures(scores, "NumPy")}


def on_losses_by_hand(cases: Iterable[tuple[str, Any, str, frozenset[str] | None]]) -> list[Any]:
    """Figures of known losses by framework, then of those outside."""
    groups: dict[str, list[Score]] = {}
    for name, loss, framework, codes in cases:
        found = score_by_hand(loss, framework, codes)
        groups.setdefault(framework if codes else "outside", []).append(found)
        if not (found.identified and found.exact):
            print(name, found)
    return [figures(scores, name) for name, scores in groups.items()]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.corpus")
    parser.add_argument("--random", type=int, default=500, help="how many random losses")
    parser.add_argument("--seed", type=int, default=None, help="of a run to be repeated")
    arguments = parser.parse_args()
    from tests.conformance.corpus import by_hand_torch, first_sight, fourth_batch

    seed = secrets.randbelow(2**32) if arguments.seed is None else arguments.seed
    fitted = [(name, loss, "numpy", codes) for name, (loss, codes) in by_hand_numpy.CASES.items()]
    fitted += [(name, loss, "torch", codes) for name, (loss, codes) in by_hand_torch.CASES.items()]
    written_later = first_sight.CASES | fourth_batch.CASES
    results = {
        "random": on_random_losses(arguments.random, seed),
        "first sight": {name: list(row) for name, row in first_sight.FIRST_SIGHT.items()},
        "open": len(first_sight.OPEN),
        "now": on_losses_by_hand((name, *case) for name, case in written_later.items()),
        "fitted": on_losses_by_hand(fitted),
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")


if __name__ == "__main__":
    main()
