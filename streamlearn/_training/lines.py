"""Verbose lines that all learners share: how far a pass is, and how fast."""

from __future__ import annotations

import time

from streamlearn.blocks import Record, Watch

BLOCKS_BETWEEN_LINES = 64
"""The largest number of blocks between two lines."""


class BlockLines(Watch):
    """It prints some ten lines a pass, or one for each 64 blocks of a long pass.

    Parameters
    ----------
    name : str
        The name of the estimator.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def begin_pass(self, name: str, n_blocks: int | None, n_rows: int | None) -> None:
        """Begin to count."""
        self.what, self.n_blocks = name, n_blocks
        self.done = self.rows = self.printed = 0
        self.started = time.perf_counter()

    def block_done(self, record: Record) -> None:
        """Print a line if it is time for one."""
        self.done += 1
        self.rows += record.rows
        if self.n_blocks is None:  # after 1, 2, 4... blocks, and then after each 64
            every = min(1 << (self.done.bit_length() - 1), BLOCKS_BETWEEN_LINES)
        else:
            every = min(max(self.n_blocks // 8, 1), BLOCKS_BETWEEN_LINES)
        if self.done % every == 0 or self.done == self.n_blocks:
            self._tell()

    def end_pass(self, *, complete: bool) -> None:
        """Print the last line, if it is not printed yet."""
        if self.done > self.printed:
            self._tell()

    def _tell(self) -> None:
        self.printed = self.done
        if self.n_blocks == 1:
            return
        of = "" if self.n_blocks is None else f" of {self.n_blocks:,}"
        speed = self.rows / max(time.perf_counter() - self.started, 1e-9)
        print(  # noqa: T201
            f"[{self.name}] {self.what}: {self.done:,}{of} blocks, {self.rows:,} rows, "
            f"{speed:,.0f} rows/s"
        )
