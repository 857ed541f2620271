"""``kdref evaluate``: the value and the gradient of a loss over arrays in files, however large they are."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from kdref.blockwise import BlockwiseResult, separable_losses, value_and_grad
from kdref.cli import _output

FLOATING = "float16, float32 or float64"
HEADER_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def add_parser(subparsers: Any) -> None:
    """Add the command and its options; a loss's parameters are the registry's."""
    parser = subparsers.add_parser(
        "evaluate",
        help="a loss and its gradient over .npy files of any size",
        description="Evaluates a loss of the registry over logits in .npy files (float16, float32 or float64, one "
        "example a row), in memory that does not grow with their number. Values agree with the library's "
        "functions within 1e-12 relative.",
    )
    parser.add_argument("student", metavar="STUDENT.npy", type=Path, help="the student's logits")
    parser.add_argument(
        "teacher",
        metavar="TEACHER.npy",
        type=Path,
        nargs="?",
        help="the teacher's logits, for a loss that takes them",
    )
    parser.add_argument("--loss", required=True, choices=separable_losses(), help="which loss")
    parser.add_argument("--labels", metavar="L.npy", type=Path, help="integer class ids, one a row")
    parser.add_argument(
        "--weights", metavar="W.npy", type=Path, help="weights or a mask, one a row"
    )
    for name, example in _parameters().items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(
            option, dest=name, type=type(example), help="a parameter of some losses"
        )
    parser.add_argument(
        "--gradient", metavar="OUT.npy", type=Path, help="write the gradient to this file"
    )
    parser.add_argument("--threads", type=int, help="all cores unless given")
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate and print."""
    student = read(arguments.student, "f", FLOATING)
    teacher = arguments.teacher and read(arguments.teacher, "f", FLOATING)
    labels = arguments.labels and read(arguments.labels, "iu", "integers")
    weights = arguments.weights and read(arguments.weights, "fbiu", "numbers or booleans")
    given = {name: getattr(arguments, name) for name in _parameters()}
    parameters = {name: value for name, value in given.items() if value is not None}
    unknown = [name for name in parameters if name not in separable_losses()[arguments.loss]]
    if unknown:
        raise ValueError(f"{unknown[0]} must not be given for {arguments.loss}, which has none")
    with destination(arguments, student) as out, progress_bar(len(student)) as progress:
        result = value_and_grad(
            arguments.loss,
            student,
            teacher,
            labels,
            weights=weights,
            out=out,
            n_threads=arguments.threads,
            progress=progress,
            **parameters,
        )
    print(report(arguments, student, parameters, result))
    return 0


def report(
    arguments: argparse.Namespace,
    student: NDArray[Any],
    parameters: dict[str, Any],
    result: BlockwiseResult,
) -> str:
    """What was evaluated and what came out."""
    data = {
        "loss": arguments.loss,
        "parameters": {**separable_losses()[arguments.loss], **parameters},
        "rows": student.shape[0],
        "classes": student.shape[1],
        "value": result.value,
        "rows_recomputed": result.rows_recomputed,
        "gradient": arguments.gradient,
    }
    if arguments.json:
        return _output.json_text(data)
    settings = "".join(f", {name} {value}" for name, value in data["parameters"].items())
    lines = [
        f"{data['loss']}{settings}: {data['rows']} rows of {data['classes']} classes",
        f"value            {result.value!r} nats",
        f"rows recomputed  {result.rows_recomputed} (by the teaching function, where a fast bound was too weak)",
    ]
    if arguments.gradient:
        lines.append(f"gradient         {arguments.gradient}")
    return "\n".join(lines)


def read(path: Path, kinds: str, expected: str) -> NDArray[Any]:
    """Map a .npy file into memory, or say in one line why that cannot be done."""
    with path.open("rb") as file:
        if file.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
            raise ValueError(f"{path} must be a .npy file, got one that does not begin like it")
        file.seek(0)
        try:
            shape, _, dtype = HEADER_READERS[npy.read_magic(file)](file)
        except (KeyError, ValueError):
            raise ValueError(f"{path} must have a .npy header, got a damaged one") from None
        start = file.tell()
    if dtype.hasobject:
        raise ValueError(f"{path} must hold {expected}, got pickled Python objects")
    if dtype.kind not in kinds or dtype.itemsize > 8:
        raise ValueError(f"{path} must hold {expected}, got {dtype}")
    if min(shape, default=0) < 0:
        raise ValueError(f"{path} must have sizes >= 0, got shape {shape}")
    needed = start + int(np.prod(shape, dtype=object)) * dtype.itemsize
    if needed == start:
        raise ValueError(f"{path} must hold at least one number, got shape {shape}")
    if path.stat().st_size < needed:
        raise ValueError(
            f"{path} must have {needed} bytes for its shape {shape}, got {path.stat().st_size}: it is truncated"
        )
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


@contextmanager
def destination(
    arguments: argparse.Namespace, student: NDArray[Any]
) -> Iterator[NDArray[Any] | None]:
    """A mapped file for the gradient, under its own name only once it is whole."""
    path: Path | None = arguments.gradient
    if path is None:
        yield None
        return
    inputs = (arguments.student, arguments.teacher, arguments.labels, arguments.weights)
    if any(path.resolve() == given.resolve() for given in inputs if given):
        raise ValueError(f"{path} must not be one of the inputs, got the same file")
    with _output.written_whole(path) as temporary:
        out = npy.open_memmap(temporary, "w+", np.dtype(student.dtype.type), student.shape)
        if hasattr(os, "posix_fallocate"):  # a full disk is an error now, not a crash while writing
            with temporary.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, temporary.stat().st_size)
        yield out
        out.flush()


@contextmanager
def progress_bar(n_rows: int) -> Iterator[Callable[[int], object] | None]:
    """A bar on stderr, if somebody is looking."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=n_rows, unit="row", file=sys.stderr, leave=False) as bar:
        yield bar.update


def _parameters() -> dict[str, Any]:
    """Every parameter of the losses on offer, with a value that shows its type."""
    return {
        name: value
        for parameters in separable_losses().values()
        for name, value in parameters.items()
    }
