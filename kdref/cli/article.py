"""``kdref article``: the article's figures, printed and computed, and what its claims come to."""

import argparse
import textwrap
from collections.abc import Sequence
from typing import Any

from kdref.article import CLAIMS, TITLE, Claim, Reproduction, reproduce
from kdref.cli import _output

WIDTH = 100
"""Characters of a line of prose."""


def add_parser(subparsers: Any) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "article",
        help="the article's figures, printed and computed",
        description="Computes every worked example of the article and puts the printed figures beside the computed "
        "ones, then examines its claims. Exits 1 if a printed figure is not reproduced to its digits.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the worked examples and the claims; 1 if a printed figure is not reproduced."""
    reproductions = reproduce()
    if arguments.json:
        print(_output.json_text(as_data(reproductions)))
    else:
        print(figures_text(reproductions))
        print(claims_text())
    return exit_code(reproductions)


def exit_code(reproductions: Sequence[Reproduction]) -> int:
    """0 if each printed figure is reproduced, 1 if one is not."""
    return int(any(reproduction.failed for reproduction in reproductions))


def as_data(reproductions: Sequence[Reproduction]) -> dict[str, object]:
    """The same as the two texts, for JSON."""
    claims = [
        {
            "section": claim.section,
            "words": claim.words,
            "meaning": claim.meaning,
            "verdict": claim.verdict,
            "numbers": claim.numbers(),
        }
        for claim in CLAIMS
    ]
    reproduced = exit_code(reproductions) == 0
    return {
        "article": TITLE,
        "reproduced": reproduced,
        "examples": reproductions,
        "claims": claims,
    }


def figures_text(reproductions: Sequence[Reproduction]) -> str:
    """The table of figures, with notes on what is lost and where the article goes on from rounded figures."""
    header = ("step", "from", "printed", "computed", "in full", "unrounded", "")
    rows = [row for reproduction in reproductions for row in _rows(reproduction)]
    printed = [r.agrees for r in reproductions if r.agrees is not None]
    reproduced = sum(sum(agrees) for agrees in printed)
    return "\n".join(
        (
            f"The article: {TITLE}",
            "",
            _output.table(header, rows),
            "",
            f"{reproduced} of {sum(map(len, printed))} printed figures reproduced to their digits.",
            *_wrapped(
                '"lost": the article showed a picture there, which did not survive. "unrounded": the article goes on '
                "from figures that it rounded before; this is what comes out if nothing is rounded on the way."
            ),
            "",
        )
    )


def claims_text(claims: Sequence[Claim] = CLAIMS) -> str:
    """Each claim, its meaning, the verdict and the numbers it rests on."""
    lines = ["What the article claims in words, examined on its own example", ""]
    for claim in claims:
        lines += [f"{claim.words}: {claim.meaning}.", *_wrapped(claim.verdict)]
        numbers = claim.numbers()
        width = max(map(len, numbers))
        lines += [f"    {name:<{width}}  {value:10.4g}" for name, value in numbers.items()]
        lines.append("")
    return "\n".join(lines[:-1])


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")


def _rows(reproduction: Reproduction) -> list[tuple[str, ...]]:
    """One row of the table for each figure; the step is named in the first."""
    digits, count = reproduction.digits, len(reproduction.computed)
    printed = reproduction.printed or (None,) * count
    unrounded = reproduction.unrounded or (None,) * count
    agrees = reproduction.agrees or (None,) * count
    words = {None: "", True: "agrees", False: "DIFFERS"}
    return [
        (
            step,
            start,
            "lost" if theirs is None else f"{theirs:.{digits}f}",
            f"{own:.{digits}f}",
            repr(own),
            "" if exact is None else f"{exact:.6f}",
            words[verdict],
        )
        for step, start, theirs, own, exact, verdict in zip(
            [reproduction.quantity, *[""] * (count - 1)],
            _starts(reproduction),
            printed,
            reproduction.computed,
            unrounded,
            agrees,
            strict=True,
        )
    ]


def _starts(reproduction: Reproduction) -> list[str]:
    """The input figures that stand beside each result; none where all of them make one number."""
    figures = list(zip(*reproduction.inputs.values(), strict=True))
    if len(figures) != len(reproduction.computed):
        return [""] * len(reproduction.computed)
    return [", ".join(map(str, row)) for row in figures]
