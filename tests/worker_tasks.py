"""Tasks for the tests of `kdref.experiments.workers`, in a module that a fresh process loads in no time."""

import os
import time


def environment_of(task: tuple[int, tuple[str, ...]]) -> tuple[int, int, list[str | None]]:
    """A number's square, the process, and some variables of its environment."""
    number, names = task
    return number * number, os.getpid(), [os.environ.get(name) for name in names]


def fail_or_wait(task: int) -> int:
    """Fail at task 0, and be busy for a minute at any other."""
    if task == 0:
        raise FloatingPointError("the loss must stay finite")
    time.sleep(60.0)
    return task


def die(task: int) -> int:
    """End the process without a word."""
    os._exit(task)
