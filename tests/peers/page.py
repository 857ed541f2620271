"""Makes the page of what libraries return from `CONVENTIONS`; nothing between its markers is typed by hand.

python -m tests.peers.page
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kdref.conformance import CONVENTIONS, Convention, PublishedLoss, Weight, conversion
from kdref.conformance.conversion import HARD
from kdref.conformance.diagnosis.reading.reading import read
from kdref.conformance.report import CODES
from kdref.conformance.terms import KINDS, Term
from tests.benchmarks.page import filled
from tests.peers.checked import RESULT

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGE = REFERENCE / "conventions.md"

PROOFS = {
    "run": "a test runs the published package",
    "source": "a test compares with a transcription of this source",
}


def contents() -> dict[str, str]:
    """What stands between the markers of the page, by name."""
    losses = tuple(CONVENTIONS.values())
    return {
        "codes": codes_table(losses),
        "terms": terms_table(losses),
        "conversions": conversions_table(losses),
        "checked": checked_table(json.loads(RESULT.read_text(encoding="utf-8"))),
        "losses": "\n\n".join(section(loss) for loss in losses),
    }


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    cells = [
        header,
        ("---",) * len(header),
        *(tuple(c.replace("|", r"\|") for c in r) for r in rows),
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def link(loss: PublishedLoss) -> str:
    """The loss's name, leading to its section."""
    return f"[{loss.name}](#{loss.name})"


# -------------------------------------------------------------------------------------- tables


def codes_table(losses: tuple[PublishedLoss, ...]) -> str:
    """How many differ from the reference in what, most frequent first."""
    counts = Counter(code for loss in losses for code in read(loss.convention).codes)
    counts["AGREES"] = sum(not read(loss.convention).codes for loss in losses)
    rows = [
        (str(n), f"`{code}`", CODES[code].meaning if code in CODES else "the Hinton loss itself")
        for code, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    return table((f"of {len(losses)}", "code", "what it means"), rows)


def terms_table(losses: tuple[PublishedLoss, ...]) -> str:
    """Every term between teacher and student, and the hard term beside it."""
    rows = []
    for loss in losses:
        hard = [hard_text(*pair) for pair in loss.convention.terms if is_hard(pair[1])]
        soft = [pair for pair in loss.convention.terms if not is_hard(pair[1])]
        for number, pair in enumerate(soft):
            first = number == 0
            rows.append(
                (
                    link(loss) if first else "",
                    *soft_cells(*pair),
                    (" + ".join(hard) or "none") if first else "",
                )
            )
    header = (
        "loss",
        "term",
        "teacher",
        "student",
        "factor",
        "rows and classes",
        "weight",
        "hard term",
    )
    return table(header, rows)


def is_hard(term: Term) -> bool:
    """Whether a term compares the student with labels."""
    return term.kind == "label"


def soft_cells(factor: Weight, term: Term) -> tuple[str, ...]:
    """Kind, both sides, the power of T, the reduction and the weight of a term."""
    (shape,) = factor.shapes()
    sides = {d.side: d.text() for d in term.distributions}
    order = "" if term.first is None or term.first.side == "teacher" else ", student first"
    floors = {f"{f.mode} {f.epsilon:g}" for f in (term.first_floor, term.second_floor) if f}
    weights = [] if term.option is None else [f"weight {term.option}"]
    notes = f" ({', '.join(weights + sorted(floors))})" if weights or floors else ""
    power = {0.0: "none", 1.0: "T"}.get(shape.temperature, f"T^{shape.temperature:g}")
    reduction = "mean" if shape.classes == 0.0 else "mean, divided by C"
    rest = Weight(tuple(m._replace(temperature=0.0, classes=0.0) for m in factor.parts))
    return (
        KINDS[term.kind].name + order + notes,
        sides["teacher"],
        sides["student"],
        power,
        reduction,
        rest.text("1").strip("()"),
    )


def hard_text(factor: Weight, term: Term) -> str:
    """The hard term with its weight; CE alone is that of the labels at temperature 1."""
    return factor.text("CE" if term.plain == HARD else term.text())


def conversions_table(losses: tuple[PublishedLoss, ...]) -> str:
    """Factor, alpha, temperature and offset of those that follow from `distillation_loss`."""
    rows = []
    for loss in losses:
        relation = conversion(loss.convention)
        if relation is None:
            rows.append((link(loss), f"none: {what_differs(loss.convention)}", "", "", ""))
            continue
        entropy = relation.entropy.text("H").replace("^", "**") if relation.entropy else "0"
        tau = relation.temperature
        rows.append(
            (
                link(loss),
                code(relation.factor),
                code(relation.alpha),
                code(tau if isinstance(tau, str) else f"{tau:g}"),
                code(entropy),
            )
        )
    return table(("loss", "factor", "alpha", "temperature", "plus"), rows)


def code(text: str) -> str:
    """Text as code."""
    return f"`{text}`"


def what_differs(convention: Convention) -> str:
    """Why no factor leads to `distillation_loss`."""
    reading = read(convention)
    if reading.names:
        return "; ".join(dict.fromkeys(reading.names))
    kinds = reading.codes & {"KL_REVERSED", "NO_SOFTMAX", "STUDENT_NOT_SOFTENED"}
    return ", ".join(CODES[name].meaning for name in sorted(kinds))


def checked_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """What a diagnosis said of each package that was run."""
    rows = [
        (
            f"[{name}](#{name})",
            f"{said['package']} {said['version']}",
            said["verdict"],
            code(said["formula"]) if said["formula"] else "not found",
            ", ".join(code(each) for each in said["codes"]),
            "yes" if said["as_said"] else "no",
        )
        for name, said in results.items()
    ]
    return table(("loss", "version", "verdict", "formula found", "codes", "as below"), rows)


# ------------------------------------------------------------------------------------ sections


def section(loss: PublishedLoss) -> str:
    """Everything about one loss."""
    blocks = [
        f"### {loss.name}",
        provenance(loss),
        f"$$\n{loss.convention.latex()}\n$$",
        "```text\n" + str(loss.convention).replace("; at", "\nat") + "\n```",
        "\n".join(f"- {fact}" for fact in facts(loss)),
        loss.note.replace(".  ", ".\n"),
    ]
    return "\n\n".join(block for block in blocks if block)


def provenance(loss: PublishedLoss) -> str:
    """Package, version, place and proof in one sentence."""
    path, function = loss.where.split(": ", 1)
    if loss.address:
        file = f"[`{path}`]({loss.address})"
        where = f"{loss.package} at {loss.version[:10]}"
    else:
        file, where = f"`{path}`", f"{loss.package} {loss.version}"
    date = f" ({loss.date})" if loss.date else ""
    return f"{where}{date}, {file}, {function}; {PROOFS[loss.proof]}."


def facts(loss: PublishedLoss) -> list[str]:
    """Its parameters, the same in kdref, what differs, and where it was talked about."""
    lines = [f"T is its {loss.temperature}." if loss.temperature else "It has no temperature."]
    lines.append(f"alpha is its {loss.alpha}." if loss.alpha else "It has no alpha.")
    if loss.in_kdref:
        ends = ", ".join(f"{b.parameter} = {b.value:g}" for b in loss.convention.branches)
        lines.append(f"In kdref{f', away from {ends}' if ends else ''}: `{loss.in_kdref}`.")
    codes = sorted(read(loss.convention).codes)
    lines.append(
        "Codes: " + ", ".join(f"`{name}`" for name in codes) + "." if codes else "No codes."
    )
    if loss.threads:
        lines.append("Threads: " + ", ".join(f"[{thread(t)}]({t})" for t in loss.threads) + ".")
    return lines


def thread(address: str) -> str:
    """owner/name#number."""
    owner, name, _, number = address.removeprefix("https://github.com/").split("/")
    return f"{owner}/{name}#{number}"


def main() -> None:
    """Write the page."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), contents()), encoding="utf-8")


if __name__ == "__main__":
    main()
