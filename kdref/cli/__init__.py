"""The command ``kdref``: one file per command, argument parsing and printing, no arithmetic.

Exit codes: 0, all is well; 1, the command ran and its answer is no (a printed figure that is not reproduced, say);
2, it was called wrongly or could not read or write what it was given.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence

import numpy as np

import kdref
from kdref.cli import article, check, distil, evaluate, losses, overview, vectors

MAIN_JOB = "overview"
"""What ``kdref`` does when no command is named."""

COMMANDS = (overview, article, distil, losses, check, vectors, evaluate)
"""One module of this package per command, in the order in which ``--help`` lists them."""

INTERRUPTED, PIPE_CLOSED = 130, 141
"""What shells call a program that Ctrl-C (128 + SIGINT) or a reader gone away (128 + SIGPIPE) has ended."""


def build_parser() -> argparse.ArgumentParser:
    """Make the parser of ``kdref`` and of each of its commands."""
    parser = argparse.ArgumentParser(
        prog="kdref",
        description="The numeric reference for knowledge distillation. Without a command it does the main job: "
        "the article's figures, the gradient checks, a quick distillation and the plots.",
        epilog="Exit codes: 0 all is well, 1 the answer is no, 2 called wrongly or a file could not be used.",
    )
    parser.add_argument(
        "--version", action="version", version=f"kdref {kdref.__version__}, NumPy {np.__version__}"
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def with_main_job(arguments: Sequence[str]) -> list[str]:
    """Name the main job where no command is named: ``kdref --seed 3`` is ``kdref overview --seed 3``."""
    about_kdref = {"-h", "--help", "--version"}
    if arguments and (not arguments[0].startswith("-") or arguments[0] in about_kdref):
        return list(arguments)
    return [MAIN_JOB, *arguments]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal or a pipe whose encoding lacks a Greek letter gets its code, not an error.
        sys.stdout.reconfigure(errors="backslashreplace")
    parsed = build_parser().parse_args(with_main_job(sys.argv[1:] if argv is None else argv))
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has what it wanted (kdref article | head). Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        print("kdref: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (OSError, ValueError) as error:
        print(f"kdref: error: {error}", file=sys.stderr)
        return 2
    return code
