"""One call's work: blocks of rows, each by the fast formula where it is sure, else by the teaching functions."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any

import numpy as np

from kdref._checks import IntArray
from kdref.blockwise._batch import Array, Batch, Block
from kdref.blockwise._fast import COLUMNS, Formula, Scratch, Target, fast_formula
from kdref.blockwise._teaching import weighted_sum_and_grad
from kdref.blockwise._threads import SPANS
from kdref.registry import LossEntry

ENTRIES = 262144
"""Entries of a block of rows: many, because between two passes the threads wait for each other."""

FEW = 65536
"""A quarter of the rows makes a block, so that small arrays are shared out too, unless it has fewer entries."""

TAUGHT = 32768
"""Entries that the teaching functions are given together, unless a single row has more."""

MEMORY = 30 * 2**20
"""Bytes that all threads together may take, but for small change."""

TEACHING_BYTES = 160
"""What a teaching function takes at its peak for each entry of its input."""

BUFFERED = 1024
"""NumPy's buffer, in entries, while rows of at least half its length are worked on."""


@contextmanager
def unbuffered(n_classes: int) -> Iterator[None]:
    """Let NumPy combine a column with rows of this length directly.

    NumPy copies the column into full rows if two of them fit its buffer, which takes four times as long.
    """
    before = np.setbufsize(BUFFERED) if 2 * n_classes >= BUFFERED else np.getbufsize()
    try:
        yield
    finally:
        np.setbufsize(before)


def scratch_bytes(batch: Batch) -> int:
    """What the fast formulas take at most for a row of a block: float64 buffers, and float16 input as float32."""
    given = [a for a in (batch.student, batch.teacher) if a is not None]
    n_classes: int = batch.student.shape[1]
    whole = 8 * (2 + (batch.labels is not None)) + 4 * sum(a.dtype == np.float16 for a in given)
    row: int = whole * n_classes + 8 * min(n_classes, COLUMNS)
    return row


class Work:
    """One call's work, as a function of a span of blocks."""

    def __init__(
        self, entry: LossEntry, options: dict[str, Any], batch: Batch, gradient: Array
    ) -> None:
        self.entry, self.options, self.batch, self.gradient = entry, options, batch, gradient
        self.n_rows, self.n_classes = batch.student.shape
        self.fast = fast_formula(entry, options, has_labels=batch.labels is not None)
        # A quarter of the memory is for teaching functions, or what one row takes; the rest for threads.
        self.taught_at_once = max(1, TAUGHT // self.n_classes)
        lesson = TEACHING_BYTES * self.taught_at_once * self.n_classes
        lessons = max(1, MEMORY // 4 // lesson)
        self.teaching = BoundedSemaphore(lessons)
        left = MEMORY - lessons * lesson
        # Blocks do not depend on the number of threads, but must leave room for two.
        row = scratch_bytes(batch)
        most = min(ENTRIES // self.n_classes, left // 2 // row)
        few = max(FEW // self.n_classes, -(-self.n_rows // 4))
        self.rows_at_once = max(1, min(most, few, self.n_rows))
        self.most_threads = max(1, left // (row * self.rows_at_once)) if self.fast else SPANS
        self.n_blocks = -(-self.n_rows // self.rows_at_once)
        # Buffers between two spans, for whichever thread comes next.
        self.idle: list[Scratch | None] = []

    def span(self, blocks: range) -> tuple[int, float, int]:
        """Rows finished, their weighted sum, and how many were recomputed."""
        scratch = self.idle.pop() if self.idle else self.allocated()
        values: list[float] = []
        recomputed = stop = 0
        # Bad rows are found by their bounds, and explained later.
        with np.errstate(all="ignore"), unbuffered(self.n_classes):
            for block in blocks:
                start = block * self.rows_at_once
                stop = min(start + self.rows_at_once, self.n_rows)
                value, again = self.block(start, stop, scratch)
                values.append(value)
                recomputed += again
        self.idle.append(scratch)
        return stop - blocks.start * self.rows_at_once, sum(values), recomputed

    def allocated(self) -> Scratch | None:
        """Buffers for one more thread, if there is a fast formula that needs them."""
        if self.fast is None:
            return None
        labelled = self.batch.labels is not None
        return Scratch.allocate(self.rows_at_once, self.n_classes, labelled=labelled)

    def block(self, start: int, stop: int, scratch: Scratch | None) -> tuple[float, int]:
        """The weighted sum of some rows, and how many were recomputed; writes their gradient."""
        block = self.batch.block(start, stop)
        whole = len(block.numbers) == stop - start
        if not whole:
            self.gradient[start:stop] = 0.0
        if len(block.numbers) == 0:
            return 0.0, 0
        out = self.gradient[start:stop] if whole else np.empty_like(block.student)
        if self.fast is None or scratch is None:
            value, recomputed = self.taught(block, out, np.arange(len(out))), 0
        else:
            value, recomputed = self.vouched(block, out, self.fast, scratch)
        if not whole:
            self.gradient[block.numbers] = out
        return value, recomputed

    def vouched(
        self, block: Block, out: Array, fast: Formula, scratch: Scratch
    ) -> tuple[float, int]:
        """By the fast formula where it is sure of itself, else by the teaching functions."""
        outcome = fast(block, Target(out, block.weights / self.batch.total_weight), scratch)
        value = float((block.weights * outcome.values).sum(where=outcome.sure))
        unsure = np.flatnonzero(~outcome.sure)
        if len(unsure):
            value += self.taught(block, out, unsure)
        return value, len(unsure)

    def taught(self, block: Block, out: Array, places: IntArray) -> float:
        """Some rows of the block by the teaching functions, a few at a time."""
        values: list[float] = []
        for start in range(0, len(places), self.taught_at_once):
            rows = places[start : start + self.taught_at_once]
            with self.teaching:
                value, grad = weighted_sum_and_grad(self.entry, self.options, block.some(rows))
                out[rows] = grad / self.batch.total_weight
            values.append(value)
        return sum(values)
