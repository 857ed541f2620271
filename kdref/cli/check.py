"""``kdref check``: what formula a loss computes, what is wrong with it, and how to repair it."""

import argparse
import contextlib
import importlib
import importlib.util
import io
import sys
import textwrap
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from kdref.cli import _output
from kdref.cli._hints import hints
from kdref.conformance.diagnosis import PARTS, accepted, diagnose
from kdref.conformance.diagnosis.calls.box import Expression
from kdref.conformance.diagnosis.calls.frameworks import FRAMEWORKS
from kdref.conformance.diagnosis.calls.signature import default_call
from kdref.conformance.libraries import CONVENTIONS
from kdref.conformance.references import LOSS_CONVENTIONS, reference, references
from kdref.conformance.report import CODES, Report

COULD_NOT_RUN = 2

SHOWN = 10
"""Lines of what a loss printed that are shown when it fails."""


class WholeNames(argparse.HelpFormatter):
    """Help in which a name with a hyphen stays on one line, so that it can be found and copied."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


def add_parser(subparsers: Any) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "check",
        formatter_class=WholeNames,
        help="is a loss right, and if not, what does it compute?",
        description="Calls a distillation loss on small inputs, finds the formula that it computes, and says what is "
        "wrong with it. Exits 0 if it agrees or is a convention accepted with --accept, 1 with findings, "
        "2 if it could not be run.",
    )
    parser.add_argument(
        "loss",
        metavar="FILE.py:NAME",
        help="the loss, in a file or as MODULE:NAME, which a file with relative imports needs",
    )
    parser.add_argument(
        "--framework", choices=FRAMEWORKS, default="numpy", help="whose arrays it takes"
    )
    parser.add_argument(
        "--call",
        metavar="EXPRESSION",
        help='how to call it if its signature differs: "NAME(student, labels, teacher, T=temperature, a=alpha)"',
    )
    parser.add_argument(
        "--gradient", metavar="NAME", help="a gradient written by hand, in the same place"
    )
    parser.add_argument("--only", choices=PARTS, help="report only these tests")
    parser.add_argument(
        "--against",
        metavar="NAME",
        choices=sorted(references()),
        help="another reference than the Hinton loss: a loss of kdref "
        f"({', '.join(sorted(LOSS_CONVENTIONS))}) or what a library returns "
        f"({', '.join(sorted(CONVENTIONS))})",
    )
    parser.add_argument(
        "--ignore-index",
        type=int,
        metavar="LABEL",
        help="label of padding; tests that it is ignored",
    )
    parser.add_argument(
        "--unfrozen-teacher",
        action="store_true",
        help="the teacher does not run without gradients: one that reaches it is wrong",
    )
    parser.add_argument(
        "--accept",
        nargs="+",
        default=[],
        metavar="CODE",
        choices=sorted(CODES),
        help="findings that are meant",
    )
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Diagnose and print; the exit code is the answer."""
    place, printed = Place(), io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):  # a loss that prints does so at every call
            report = checked(arguments, place)
    except (Exception, SystemExit) as error:  # a script that ends itself has not agreed
        _say_why(arguments, place, error, printed.getvalue())
        return COULD_NOT_RUN
    lines = printed.getvalue().count("\n")
    if lines:
        report = replace(
            report, notes=(*report.notes, f"it printed {lines:,} lines, which are not shown")
        )
    print(_output.json_text(as_data(report)) if arguments.json else str(report))
    return 0 if accepted(report, frozenset(arguments.accept)) else 1


@dataclass
class Place:
    """Where the loss is; empty until it has been imported."""

    module: ModuleType | None = None
    name: str = ""


def _say_why(
    arguments: argparse.Namespace, place: Place, error: BaseException, printed: str
) -> None:
    """The traceback, the end of what was printed, and what may help."""
    lines = [f"kdref check: {arguments.loss} could not be run", short_traceback(error)]
    if printed:
        lines += ["it printed", textwrap.indent("\n".join(printed.splitlines()[-SHOWN:]), "  ")]
    framework, call = arguments.framework, arguments.call
    lines += [f"hint: {each}" for each in hints(error, place.module, place.name, framework, call)]
    print("\n".join(lines), file=sys.stderr)


def checked(arguments: argparse.Namespace, place: Place) -> Report:
    """The report on the loss that the arguments name."""
    module, name = load(arguments.loss)
    place.module, place.name = module, name
    adapter = Expression(arguments.call, name, vars(module)) if arguments.call else None
    loss = member(module, name)
    report = diagnose(
        loss,
        framework=arguments.framework,
        gradient=member(module, arguments.gradient) if arguments.gradient else None,
        call=adapter,
        ignore_index=arguments.ignore_index,
        against=reference(arguments.against) if arguments.against else None,
        frozen_teacher=not arguments.unfrozen_teacher,
        parts=(arguments.only,) if arguments.only else PARTS,
    )
    call = arguments.call or default_call(loss, name)
    return replace(report, setup=f"from {module.__name__} import {name}", call=call)


def load(place: str) -> tuple[ModuleType, str]:
    """The module and the name of ``FILE.py:NAME`` or ``MODULE:NAME``."""
    where, separator, name = place.rpartition(":")
    if not separator or not where or not name:
        raise ValueError(f"the loss must be given as FILE.py:NAME or MODULE:NAME, got {place!r}")
    if not where.endswith(".py"):
        if Path(where).is_file():
            raise ValueError(f"the file must end in .py, got {where!r}")
        sys.path.insert(0, str(Path.cwd()))
        return importlib.import_module(where), name
    path = Path(where).resolve()
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.exists():
        raise ValueError(f"the file must exist, got {where!r}")
    sys.path.insert(0, str(path.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module, name


def member(module: ModuleType, name: str) -> Callable[..., Any]:
    """A callable of a module by name."""
    found = getattr(module, name, None)
    if not callable(found):
        raise ValueError(f"{module.__name__} must have a function {name}, got {found!r}")
    function: Callable[..., Any] = found
    return function


def short_traceback(error: BaseException) -> str:
    """The user's own frames of a traceback; kdref's and importlib's say nothing to them."""
    own = str(Path(__file__).resolve().parent.parent)
    trace = traceback.TracebackException.from_exception(error)
    kept = [
        f
        for f in trace.stack
        if not f.filename.startswith(own) and not f.filename.startswith("<frozen")
    ]
    trace.stack = traceback.StackSummary.from_list(kept)
    trace.__cause__ = trace.__context__ = None
    return "".join(trace.format()).rstrip()


def as_data(report: Report) -> dict[str, object]:
    """The report for JSON."""
    return {
        "verdict": report.verdict,
        "formula": report.formula,
        "latex": report.convention.latex() if report.convention else "",
        "reference": report.reference,
        "codes": sorted(report.codes),
        "findings": report.findings,
        "alternatives": report.alternatives,
        "notes": report.notes,
        "untested": report.untested,
        "calls": report.calls,
        "snippet": report.snippet(),
    }
