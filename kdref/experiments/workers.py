"""Independent tasks on several processes, each with single-threaded linear algebra."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""What the usual linear algebra libraries read when they are loaded."""


def available_cores() -> int:
    """How many cores this process may use.

    Returns
    -------
    int
        At least 1.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_tasks(
    function: Callable[[Task], Result], tasks: Sequence[Task], *, n_workers: int
) -> Iterator[tuple[int, Result]]:
    """Run a function on each task and give the results as they come.

    Parameters
    ----------
    function : callable
        Defined at the top of a module, so that another process finds it.
    tasks : sequence
        Its arguments.
    n_workers : int
        Processes; with 0 everything is done in this one.

    Yields
    ------
    (int, result)
        The number of the task and what the function returned for it.

    Notes
    -----
    Matrices as small as these are multiplied faster by one thread than by
    several, and the processes would fight for the cores.  A library reads the
    number of its threads once, when it is loaded: so the variables are set while
    fresh processes start, and put back afterwards.
    """
    if n_workers == 0:
        yield from ((number, function(task)) for number, task in enumerate(tasks))
        return
    others = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(
        min(n_workers, len(tasks)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),  # Ctrl-C is the caller's business
    )
    try:
        with _environment(dict.fromkeys(THREAD_VARIABLES, "1")):
            numbers = {executor.submit(function, task): number for number, task in enumerate(tasks)}
        for future in as_completed(numbers):
            yield numbers[future], future.result()
    except BaseException:  # an error, Ctrl-C, or a caller that wants no more: nobody waits
        executor.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    executor.shutdown()


@contextlib.contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
