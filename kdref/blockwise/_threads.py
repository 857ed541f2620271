"""A fixed partition of the work, done by any number of threads and combined in one order."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

SPANS = 64
"""Pieces of work at most: enough to keep many cores busy, and a number that does not depend on them."""

Result = TypeVar("Result")


def available_cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spans(n_blocks: int) -> list[range]:
    """Blocks in at most `SPANS` runs of nearly equal length, the same for every number of threads."""
    n_spans = min(SPANS, n_blocks)
    edges = [n_blocks * i // n_spans for i in range(n_spans + 1)]
    return [range(first, last) for first, last in pairwise(edges)]


def in_order(
    work: Callable[[range], Result], pieces: list[range], n_threads: int
) -> Iterator[Result]:
    """The results in the order of the pieces; an error is the first piece's that has one."""
    if n_threads == 1 or len(pieces) == 1:
        yield from map(work, pieces)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        futures = [pool.submit(work, piece) for piece in pieces]
        try:
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)
