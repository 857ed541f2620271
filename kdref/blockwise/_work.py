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

ENTRIES = 65536
"""Entries of a block of rows, unless a single row has more."""

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


class Work:
    """One call's work, as a function of a span of blocks."""

    def __init__(
        self, entry: LossEntry, options: dict[str, Any], batch: Batch, gradient: Array
    ) -> None:
        self.entry, self.options, self.batch, self.gradient = entry, options, batch, gradient
        self.n_rows, self.n_classes = batch.student.shape
        self.rows_at_once = max(1, ENTRIES // self.n_classes)
        self.n_blocks = -(-self.n_rows // self.rows_at_once)
        self.fast = fast_formula(entry, options, has_labels=batch.labels is not None)
        # Buffers between two spans, for whichever thread comes next.
        self.idle: list[Scratch | None] = []
        # Half of the memory is for teaching functions, of which a wide row takes megabytes; the rest for threads.
        block = self.n_classes * self.rows_at_once
        at_once = max(1, MEMORY // 2 // (TEACHING_BYTES * block))
        self.teaching = BoundedSemaphore(at_once)
        left = MEMORY - at_once * TEACHING_BYTES * block
        self.most_threads = max(1, left // self.scratch_bytes) if self.fast else SPANS

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

    @property
    def scratch_bytes(self) -> int:
        """What the fast formulas take at most for one thread: float64 buffers, and float16 input as float32."""
        narrow = self.batch.student.dtype.type is np.float16
        whole = (2 + (self.batch.labels is not None) + narrow) * self.n_classes
        entries: int = self.rows_at_once * (whole + min(self.n_classes, COLUMNS))
        return 8 * entries

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
            value += self.taught(block.some(unsure), out, unsure)
        return value, len(unsure)

    def taught(self, block: Block, out: Array, places: IntArray) -> float:
        """By the teaching functions; the gradient goes to ``places`` of ``out``."""
        with self.teaching:
            value, grad = weighted_sum_and_grad(self.entry, self.options, block)
            out[places] = grad / self.batch.total_weight
        return value
