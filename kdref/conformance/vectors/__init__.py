"""Test vectors: inputs with their expected value and gradient, in JSON files that any language can read.

The files lie beside this module; ``schema.json`` is their format, ``notes.json`` says what each flag means.  They are
made by a generator from an oracle at 2,400 bits, never by hand and never by the losses that they judge, which nothing
here imports.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, TypeAlias

from kdref import _checks

FORMAT = ("schema.json", "notes.json")
"""The files that are no vectors."""

Nested: TypeAlias = Any
"""A number, or lists of them."""

SPECIAL = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}
"""JSON has no such numbers; the files hold these strings."""


@dataclass(frozen=True)
class Note:
    """The text of a flag.

    Attributes
    ----------
    bug_type : str
        The kind of mistake, such as ``"wrong formula"`` or ``"lost digits"``.
    description, effect : str
        What the mistake is, and what it does.
    links : tuple of str
        Public threads and pages about it.
    """

    bug_type: str
    description: str
    effect: str
    links: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What may come out: a value with its gradient, or a refusal.

    Attributes
    ----------
    name : str
        The convention, where several are in use; else empty.
    refused : bool
        Whether the input must be refused; then there is nothing else.
    value : float
        In nats; may be infinite.
    gradient : nested lists of float, or None
        In the shape of the differentiated input; None where there is none, since its formula is not finite.
    floor, gradient_floor : mapping of str to float
        The rounding floor of the value and of the gradient's largest entry, by the name of the dtype.
    """

    name: str = ""
    refused: bool = False
    value: float = math.nan
    gradient: Nested = None
    floor: Mapping[str, float] = field(default_factory=dict)
    gradient_floor: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Vector:
    """One input with its expected value and gradient.

    Attributes
    ----------
    id : str
        ``FILE/WORDS``; it never comes to mean another vector.
    comment : str
        What it is about; of one that must be refused, why.
    flags : tuple of str
        Which kinds of mistake fail it; `notes` has the text of each.
    result : str
        ``"valid"``, ``"invalid"`` (must be refused) or ``"acceptable"`` (several conventions are in use).
    inputs : mapping of str to nested lists
        Arrays by name, ``weights`` among them where rows have some.
    parameters : mapping of str to float or str
        Hyper-parameters by name.
    answers : tuple of Answer
        What may come out: one, or one for each convention.
    mistakes : mapping of str to float
        The values, to six digits, that usual mistakes return; the keys are flags.
    """

    id: str
    comment: str
    flags: tuple[str, ...]
    result: str
    inputs: Mapping[str, Nested]
    parameters: Mapping[str, float | str]
    answers: tuple[Answer, ...]
    mistakes: Mapping[str, float]


@dataclass(frozen=True)
class Group:
    """Vectors of one file that test the same thing.

    Attributes
    ----------
    name, comment : str
        ``"formula"``, ``"hard"``, ``"edges"``, ``"weights"``, ``"conventions"`` or ``"refused"``, and that in words.
    origin : str
        Where the digits come from.
    vectors : tuple of Vector
    """

    name: str
    comment: str
    origin: str
    vectors: tuple[Vector, ...]


@dataclass(frozen=True)
class VectorFile:
    """The vectors of one loss.

    Attributes
    ----------
    name : str
        The file's name without ``.json``: the loss, and the parameter that its vectors share.
    loss : str
        The loss as the registry calls it.
    formula, source : str
        The value of one row, and paper and equation.
    inputs, constants : tuple of str
        Arrays passed by position, in order, and by keyword; the gradient is with respect to the first.
    allowance : int
        How many rounding floors a result may be off.
    groups : tuple of Group
    """

    name: str
    loss: str
    formula: str
    source: str
    inputs: tuple[str, ...]
    constants: tuple[str, ...]
    allowance: int
    groups: tuple[Group, ...]

    @property
    def vectors(self) -> tuple[Vector, ...]:
        """The vectors of all groups."""
        return tuple(vector for group in self.groups for vector in group.vectors)


def vector_names() -> tuple[str, ...]:
    """The names of the vector files.

    Returns
    -------
    tuple of str
        Sorted.

    Examples
    --------
    >>> from kdref.conformance import vector_names
    >>> [name for name in vector_names() if name.startswith("generalised_js")]
    ['generalised_js_0_1', 'generalised_js_0_5', 'generalised_js_ends']
    """
    stems = (name.removesuffix(".json") for name in texts() if name not in FORMAT)
    return tuple(sorted(stems))


def load_vectors(name: str) -> VectorFile:
    """Read a vector file by its name.

    Parameters
    ----------
    name : str
        One of `vector_names`.

    Returns
    -------
    VectorFile

    Raises
    ------
    ValueError
        If there is no such file; the message lists the names.

    Examples
    --------
    The teacher says 3 : 1, the student is undecided: 3/4 log(3/2) + 1/4 log(1/2), and q - p.

    >>> from kdref.conformance import load_vectors
    >>> first = load_vectors("forward_kl").vectors[0]
    >>> first.id, round(first.answers[0].value, 6), first.answers[0].gradient
    ('forward_kl/formula-by-hand', 0.130812, [[-0.25, 0.25]])
    """
    _checks.choice("name", name, vector_names())
    data = json.loads((files(__name__) / f"{name}.json").read_text(encoding="utf-8"))
    return VectorFile(
        name,
        data["loss"],
        data["formula"],
        data["source"],
        tuple(data["inputs"]),
        tuple(data["constants"]),
        data["allowance"],
        tuple(map(_group, data["groups"])),
    )


def notes() -> dict[str, Note]:
    """The note of every flag.

    Returns
    -------
    dict of str to Note
        By the flag's name.

    Examples
    --------
    >>> from kdref.conformance import notes
    >>> notes()["LOG_BASE_2"].description
    'Bits in place of nats.'
    """
    data = json.loads((files(__name__) / "notes.json").read_text(encoding="utf-8"))
    return {
        flag: Note(**note | {"links": tuple(note["links"])}) for flag, note in data["notes"].items()
    }


def texts() -> dict[str, bytes]:
    """Every file of the vectors as it is, the schema and the notes too."""
    return {
        path.name: path.read_bytes()
        for path in files(__name__).iterdir()
        if path.name.endswith(".json")
    }


def _group(data: Mapping[str, Any]) -> Group:
    vectors = tuple(map(_vector, data["vectors"]))
    return Group(data["name"], data["comment"], data["origin"], vectors)


def _vector(data: Mapping[str, Any]) -> Vector:
    refused = data["result"] == "invalid"
    answers = [] if refused else data.get("conventions", [data])
    return Vector(
        data["id"],
        data["comment"],
        tuple(data["flags"]),
        data["result"],
        {name: _numbers(given) for name, given in data["inputs"].items()},
        {name: _numbers(given) for name, given in data["parameters"].items()},
        tuple(map(_answer, answers)) or (Answer(refused=True),),
        data.get("mistakes", {}),
    )


def _answer(data: Mapping[str, Any]) -> Answer:
    if data.get("refused"):
        return Answer(data["name"], refused=True)
    return Answer(
        data.get("name", ""),
        False,
        _numbers(data["value"]),
        _numbers(data["gradient"]),
        data["floor"],
        data["gradient_floor"],
    )


def _numbers(given: Nested) -> Nested:
    """The same with numbers in place of the strings that stand for some."""
    if isinstance(given, list):
        return [_numbers(item) for item in given]
    return SPECIAL.get(given, given)
