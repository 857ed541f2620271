"""The vector files keep to their schema, and the schema lets nothing else through."""

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from kdref.conformance import notes, vector_names
from kdref.conformance.vectors import texts

FOLDER = files("kdref.conformance.vectors")


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = read("schema.json")
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


SAMPLE = {"distillation_1", "generalised_js_ends", "flow"}
"""Files of each kind; a second for all of them is too long for the default run."""


@pytest.mark.parametrize(
    "name",
    [
        name if name in SAMPLE else pytest.param(name, marks=pytest.mark.slow)
        for name in vector_names()
    ],
)
def test_vector_file_keeps_to_the_schema(name: str, validator: Draft202012Validator) -> None:
    found = [
        f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(read(f"{name}.json"))
    ]
    assert found == []


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every subschema that describes an object."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


def test_schema_closes_every_object() -> None:
    open_ones = [
        o for o in objects(read("schema.json")) if o.get("additionalProperties") is not False
    ]
    # The one object whose keys are flags and not words of the format.
    assert [sorted(o) for o in open_ones] == [
        ["additionalProperties", "description", "propertyNames", "type"]
    ]


def small() -> Any:
    """A file with one vector of each group."""
    data = read("forward_kl.json")
    for group in data["groups"]:
        del group["vectors"][1:]
    return data


def first(data: Any, result: str) -> Any:
    vectors = [v for group in data["groups"] for v in group["vectors"]]
    return next(v for v in vectors if v["result"] == result)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.update(extra=1),
        lambda data: data.pop("allowance"),
        lambda data: data["groups"][0].update(extra=1),
        lambda data: data["groups"][0].pop("origin"),
        lambda data: first(data, "valid").update(extra=1),
        lambda data: first(data, "valid").pop("gradient"),
        lambda data: first(data, "valid").update(value="NaN"),
        lambda data: first(data, "valid").update(value="0.5"),
        lambda data: first(data, "valid").update(result="maybe"),
        lambda data: first(data, "valid").update(id="no slash"),
        lambda data: first(data, "valid")["flags"].append("lower case"),
        lambda data: first(data, "valid")["inputs"].update(outputs=[1.0]),
        lambda data: first(data, "valid")["parameters"].update(tau=1.0),
        lambda data: first(data, "valid")["floor"].pop("float64"),
        lambda data: first(data, "valid")["mistakes"].update(LOG_BASE_2="Infinity"),
        lambda data: first(data, "invalid").update(value=1.0),
        lambda data: first(data, "acceptable").pop("conventions"),
        lambda data: first(data, "acceptable")["conventions"].pop(),
        lambda data: first(data, "acceptable")["conventions"][0].update(refused=True),
    ],
)
def test_schema_refuses_what_is_not_of_the_format(
    spoil: Callable[[Any], None], validator: Draft202012Validator
) -> None:
    data = small()
    assert not list(validator.iter_errors(data))
    spoil(data)
    assert list(validator.iter_errors(data))


def test_every_flag_has_a_note_and_every_note_is_of_a_flag() -> None:
    carried = {
        flag
        for name in vector_names()
        for group in read(f"{name}.json")["groups"]
        for vector in group["vectors"]
        for flag in vector["flags"]
    }
    assert carried == set(notes())


def test_notes_are_whole_sentences_and_link_to_pages() -> None:
    for note in notes().values():
        assert note.description.endswith(".")
        assert note.effect.endswith(".")
        assert all(link.startswith("https://") for link in note.links)


def test_headers_tell_how_many_vectors_there_are() -> None:
    for name in vector_names():
        data = read(f"{name}.json")
        assert data["n_vectors"] == sum(len(group["vectors"]) for group in data["groups"])


def test_numbers_are_their_shortest_decimals() -> None:
    def same(digits: str) -> float:
        assert digits in (repr(float(digits)), str(int(float(digits)))), digits
        return float(digits)

    for content in texts().values():
        json.loads(content, parse_float=same)
