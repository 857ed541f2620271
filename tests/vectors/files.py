"""The vector files: from drafts to the text of each."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from gmpy2 import mpfr

from kdref.registry import LOSSES as REGISTRY  # for its words; its functions are not called
from tests.oracle.precision import BITS, working_precision
from tests.vectors import conventions, edges, features, formula, hard, losses
from tests.vectors.answers import Compute, answer, of_arrays, of_rows
from tests.vectors.conventions import Choice
from tests.vectors.drafts import Draft
from tests.vectors.features import FeatureFile
from tests.vectors.losses import File
from tests.vectors.mistakes import mistaken_values
from tests.vectors.notes import NOTES

ALLOWANCE = 8
"""How many rounding floors a result may be off: an honest computation needs a few."""

DEFINITION = f"the definition, computed with {BITS} bits and rounded once"

GROUPS = (
    ("formula", "Ordinary inputs, which tell one formula from another.", DEFINITION),
    ("hard", "Inputs that are hard for floating-point numbers.", DEFINITION),
    ("edges", "Excluded classes and infinite values.", DEFINITION),
    ("weights", "Weights of rows, and rows that do not count.", DEFINITION),
    ("conventions", "Inputs with an answer for each definition in use.", DEFINITION),
    ("refused", "Input that has no right answer.", "the contract: there are no digits"),
)
"""Name, comment and origin of the groups, in order."""

ENDS = File("generalised_js_ends", "generalised_js")
FILES: tuple[File | FeatureFile, ...] = (*losses.FILES, ENDS, *features.FILES)


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of everything that the generator writes."""
    yield "notes.json", notes_text()
    for file in FILES:
        yield f"{file.name}.json", text(file)


def notes_text() -> str:
    """The notes, one flag a line."""
    notes = [f"  {quoted(flag)}: {encoded(note._asdict())}" for flag, note in NOTES.items()]
    return '{\n "notes": {\n' + ",\n".join(notes) + "\n }\n}\n"


def text(file: File | FeatureFile) -> str:
    """One file: a header, then its groups, each vector on three lines."""
    entry = REGISTRY[file.loss]
    cases = list(vectors(file))
    header = {
        "loss": file.loss,
        "formula": entry.formula,
        "source": entry.source,
        "inputs": list(file.inputs),
        "constants": list(entry.constants),
        "parameters": sorted(entry.parameters),
        "differentiated": file.inputs[0],
        "allowance": ALLOWANCE,
        "n_vectors": len(cases),
    }
    lines = [
        "{",
        *(f' "{key}": {encoded(value)},' for key, value in header.items()),
        ' "groups": [',
    ]
    groups = []
    for name, comment, origin in GROUPS:
        members = [lines_of(vector) for group, vector in cases if group == name]
        if members:
            words = {"name": name, "comment": comment, "origin": origin}
            head = "".join(f'   "{key}": {encoded(value)},\n' for key, value in words.items())
            body = ",\n".join(members)
            groups.append(f'  {{\n{head}   "vectors": [\n{body}\n   ]\n  }}')
    return "\n".join([*lines, ",\n".join(groups), " ]", "}", ""])


def lines_of(vector: Mapping[str, Any]) -> str:
    """Words, inputs and answers, a line each."""
    words = {k: v for k, v in vector.items() if k in ("id", "comment", "flags", "result")}
    given = {k: v for k, v in vector.items() if k in ("parameters", "inputs")}
    answers = {k: v for k, v in vector.items() if k not in words and k not in given}
    parts = [encoded(part)[1:-1] for part in (words, given, answers) if part]
    return "    {" + ",\n     ".join(parts) + "}"


def vectors(file: File | FeatureFile) -> Iterator[tuple[str, dict[str, Any]]]:
    """The group and the data of each vector."""
    for group, draft in drafts(file):
        yield group, vector(file, group, draft)


def drafts(file: File | FeatureFile) -> Iterator[tuple[str, Draft]]:
    """The drafts of a file with their groups."""
    if isinstance(file, FeatureFile):
        for draft in features.drafts(file):
            yield group_of_features(draft), draft
    elif file is ENDS:
        yield from (("conventions" if d.conventions else "hard", d) for d in conventions.ends())
    else:
        for group, source in (
            ("formula", formula.drafts),
            ("hard", hard.drafts),
            ("edges", edges.exclusions),
            ("weights", edges.weighted),
            ("conventions", conventions.drafts),
            ("refused", edges.refused),
        ):
            yield from ((group, draft) for draft in source(file))


def group_of_features(draft: Draft) -> str:
    """The group by what a draft is."""
    if draft.refused:
        return "refused"
    if draft.conventions:
        return "conventions"
    if "weights" in draft.inputs:
        return "weights"
    return "hard" if draft.flags else "formula"


def vector(file: File | FeatureFile, group: str, draft: Draft) -> dict[str, Any]:
    """One vector as the file holds it."""
    result = "invalid" if draft.refused else ("acceptable" if draft.conventions else "valid")
    flags = list(draft.flags)
    found: dict[str, Any] = {
        "id": f"{file.name}/{draft.slug}",
        "comment": draft.comment,
        "flags": flags,
        "result": result,
        "parameters": dict(draft.parameters),
        "inputs": dict(draft.inputs),
    }
    if draft.conventions:
        found["conventions"] = [convention(file, draft, each) for each in draft.conventions]
    elif not draft.refused:
        found |= answer(compute(file, Choice(""), mpfr(1)), draft.inputs, draft.parameters)
        if math.isinf(found["value"]):
            flags.append("INFINITE_VALUE")
    if group == "formula" and isinstance(file, File):
        found["mistakes"] = mistaken_values(file, draft)
        flags.extend(found["mistakes"])
    return found


def compute(file: File | FeatureFile, choice: Choice, factor: mpfr) -> Compute:
    """How the digits come about."""
    loss = choice.loss or (None if isinstance(file, FeatureFile) else file.formula)
    if loss is None:
        separable = file.is_separable
        return of_arrays(file.loss, file.inputs, factor, choice.mask, separable=separable)
    return of_rows(loss, file.inputs, factor, choice.mask)


def convention(file: File | FeatureFile, draft: Draft, choice: Choice) -> dict[str, Any]:
    """One of the answers of a vector that has several."""
    if choice.refused:
        return {"name": choice.name, "refused": True}
    with working_precision():
        factor = choice.factor(draft)
    return {"name": choice.name} | answer(
        compute(file, choice, factor), draft.inputs, draft.parameters
    )


# ------------------------------------------------------------------------------------- JSON


def encoded(data: Any) -> str:
    """JSON on one line: floats as their shortest decimals, infinities and NaN as strings."""
    if isinstance(data, Mapping):
        return "{" + ", ".join(f"{quoted(k)}: {encoded(v)}" for k, v in data.items()) + "}"
    if isinstance(data, list | tuple):
        words = any(isinstance(item, str) for item in data)
        return "[" + (", " if words else ",").join(map(encoded, data)) + "]"
    if isinstance(data, float) and not math.isfinite(data):
        return '"NaN"' if math.isnan(data) else ('"Infinity"' if data > 0 else '"-Infinity"')
    return quoted(data) if isinstance(data, str) else json.dumps(data)


def quoted(words: str) -> str:
    """A JSON string; what is not ASCII stays readable."""
    return json.dumps(words, ensure_ascii=False)
