"""``kdref losses``: the losses that there are, and ``kdref losses NAME``: what one of them is."""

import argparse
import inspect
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from kdref import LOSSES, LossEntry
from kdref.cli import _output

EXAMPLE: Mapping[str, Any] = {
    "student_logits": [[1.0, 0.0, 0.5], [0.0, 2.0, 1.0]],
    "teacher_logits": [[2.0, -1.0, 0.0], [0.5, 3.0, -0.5]],
    "labels": [0, 1],
    "student_features": [[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]],
    "teacher_features": [[2.0, 1.0], [0.0, 1.0], [-1.0, 0.5]],
    "student_mean": [[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]],
}
"""Inputs of the computed example, by the names of the registry."""

MAPS: Mapping[str, Any] = {
    "student_features": [[[[1.0, 0.0]], [[0.5, 2.0]]]],
    "teacher_features": [[[[2.0, 1.0]], [[0.0, 1.0]]]],
    "student_later": [[[[1.0, 1.0]], [[0.0, 2.0]]]],
    "teacher_later": [[[[0.0, 1.0]], [[1.0, 0.5]]]],
}
"""The same for losses of feature maps: one example, two channels, one row of two places."""

OF_MAPS = {"attention_transfer", "neuron_selectivity", "flow"}

SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.MULTILINE)
"""A heading of a numpydoc docstring."""


def add_parser(subparsers: Any) -> None:
    """Add the command and its argument."""
    parser = subparsers.add_parser(
        "losses",
        help="the losses: formula and source; of one of them all there is",
        description="Lists the losses of the library, or tells about one of them: its formula, its parameters, its "
        "source, and a small example that is computed now.",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", choices=tuple(LOSSES), help="a loss")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the list or one loss."""
    print(describe(LOSSES[arguments.name]) if arguments.name else listing())
    return 0


def listing() -> str:
    """Every loss in one line, and how many there are."""
    rows = [
        (entry.name, entry.family.replace("_", " "), entry.formula, entry.source)
        for entry in LOSSES.values()
    ]
    return f"{_output.table(('loss', 'family', 'value of a row', 'source'), rows)}\n\n{len(rows)} losses"


def describe(entry: LossEntry) -> str:
    """The docstring's formula, parameters and source, and the example."""
    parts = sections(inspect.getdoc(entry.value) or "")
    constant = (
        f"\n\nThe gradient holds {entry.held_constant} constant." if entry.held_constant else ""
    )
    return "\n\n".join(
        (
            call(entry),
            parts[""] + constant,
            f"Parameters\n\n{parts['Parameters']}",
            f"Source\n\n{parts.get('References', entry.source)}",
            f"Example\n\n{computed(entry)}",
        )
    )


def call(entry: LossEntry) -> str:
    """How the loss is called, without the types."""
    signature = inspect.signature(entry.value)
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    plain = signature.replace(parameters=bare, return_annotation=signature.empty)
    return f"{entry.value.__name__}{plain}"


def sections(docstring: str) -> dict[str, str]:
    """The sections of a numpydoc docstring by heading; what stands before the first one under the empty heading."""
    first, *rest = SECTION.split(docstring)
    return {"": first.strip()} | {
        heading: text.strip() for heading, text in zip(rest[::2], rest[1::2], strict=True)
    }


def computed(entry: LossEntry) -> str:
    """Value and gradient of a small example with the registry's parameters."""
    example = MAPS if entry.name in OF_MAPS else EXAMPLE
    inputs = {name: example[name] for name in entry.inputs}
    options = {name: example[name] for name in entry.constants} | dict(entry.parameters)
    value = entry.value(*inputs.values(), **options)
    gradient = np.array2string(entry.grad(*inputs.values(), **options), precision=6)
    given = [f"{name} = {argument!r}" for name, argument in {**inputs, **options}.items()]
    return "\n".join((*given, f"value = {value:.10g}", f"gradient =\n{gradient}"))
