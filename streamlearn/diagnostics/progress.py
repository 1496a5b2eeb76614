"""A display of a long fit: one line a pass, with its speed and the time that is left."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from streamlearn._estimator.callbacks import FitWatcher
from streamlearn.blocks import Record

WIDTH = 24
"""Characters of a bar."""


class FitProgress(FitWatcher):
    """A callback that shows how far each pass of a fit is, its rows a second and the time left.

    A pass is one line. On a terminal and in a notebook the line changes while blocks are read. In a
    file or a pipe it is printed again every ten seconds. It works for any scheduler of dask, also
    for a cluster. Many epochs over an array in memory are one line.

    Parameters
    ----------
    file : text stream, default=None
        Where to write. None is ``sys.stderr``.
    interval : float, default=None
        The seconds between two writes. None is 0.1 for a line that changes, and 10 otherwise.

    Examples
    --------
    >>> import sys
    >>> import dask.array as da
    >>> from streamlearn.diagnostics import FitProgress
    >>> from streamlearn.preprocessing import StandardScaler
    >>> X = da.random.default_rng(0).normal(size=(40_000, 5), chunks=(1_000, 5))
    >>> scaler = StandardScaler().set_callbacks(FitProgress(sys.stdout)).fit(X)
    StandardScaler statistics: 100 %, 40 of 40 blocks, 40,000 rows, ... rows/s, ... s
    """

    def __init__(self, file: TextIO | None = None, *, interval: float | None = None) -> None:
        self.file = file
        self.interval = interval

    def setup(self, estimator: Any, context: Any) -> None:
        """Take the name of the estimator."""
        self._name, self._epoch, self._training, self._line = type(estimator).__name__, 0, 0, ""

    def begin_training(self, max_iter: int) -> None:
        """Count epochs from here."""
        self._epoch, self._training = 0, max_iter

    def end_training(self) -> None:
        """End the line of epochs in memory."""
        self._training = 0
        if self._line:
            self._write(self._line, last=True)

    def begin_pass(self, name: str, n_blocks: int | None, n_rows: int | None) -> None:
        """Begin a line, unless the pass is one of many epochs in memory."""
        epoch = name == "epoch"
        self._epoch += epoch
        self._joined = epoch and n_blocks == 1 and self._training > 1
        if not (self._joined and self._epoch > 1):
            self._started = time.monotonic()
            self._rows, self._shown = 0, 0.0
        self._what = f"{name} {self._epoch}" if epoch else name
        self._n_blocks, self._done = n_blocks, 0

    def block_done(self, record: Record) -> None:
        """Show one more block, if it is time for that."""
        self._done += 1
        self._rows += record.rows
        now = time.monotonic()
        pause = self.interval
        if pause is None:
            pause = 0.1 if self._changes() else 10.0
        if now - max(self._shown, self._started) >= pause:
            self._shown = now
            self._write(self._text(now))

    def end_pass(self, *, complete: bool) -> None:
        """End the line."""
        text = self._text(time.monotonic())
        if self._joined and complete:
            self._line = text
        else:
            self._write(text if complete else f"{text}, ended early", last=True)

    def _text(self, now: float) -> str:
        took = now - self._started
        done, total = (self._done, self._n_blocks)
        if self._joined:
            done, total = self._epoch, self._training
            self._what, unit = "training", "epochs"
        else:
            unit = "blocks"
        of, share, bar = "", "", ""
        left = f"{_duration(took)}"
        if total:
            of = f" of {'at most ' if self._joined else ''}{total:,}"
            share = f"{done / total:4.0%}, ".replace("%", " %").lstrip()
            if done < total and done:
                left = f"{_duration(took * (total - done) / done)} left"
            if self._changes():
                full = round(WIDTH * done / total)
                bar = f"[{'#' * full}{'.' * (WIDTH - full)}] "
        speed = self._rows / max(took, 1e-9)
        return (
            f"{self._name} {self._what}: {bar}{share}{done:,}{of} {unit}, {self._rows:,} rows, "
            f"{speed:,.0f} rows/s, {left}"
        )

    def _write(self, text: str, *, last: bool = False) -> None:
        changes = self._changes()
        width = len(self._line)
        if changes:
            text = f"\r{text:<{width}}"
        self._line = "" if last else text.strip()
        out = self._out()
        out.write(text + ("\n" if last or not changes else ""))
        out.flush()

    def _out(self) -> TextIO:
        return sys.stderr if self.file is None else self.file

    def _changes(self) -> bool:
        """Return whether a line can be written again, on a terminal or in a notebook."""
        out = self._out()
        return out.isatty() or type(out).__module__.startswith("ipykernel")


def _duration(seconds: float) -> str:
    """Return a duration in the units that a person reads."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"
