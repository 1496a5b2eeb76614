"""A callback that records each block of a fit, and shows where the time went."""

from __future__ import annotations

import os
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from streamlearn import __version__
from streamlearn._estimator.callbacks import FitWatcher
from streamlearn.blocks import Record
from streamlearn.diagnostics import report
from streamlearn.diagnostics.timeline import timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAN = float("nan")

PAUSE = 0.05
"""Seconds between two looks at the memory, at least."""

SHARE = 1 / 200
"""The largest share of the time that these looks take. A look takes a millisecond in some virtual
machines."""

COLUMNS = (
    *("pass", "name", "block", "rows", "bytes", "load_worker", "load_start", "load_end"),
    *("learn_worker", "learn_start", "learn_end", "error", "loss"),
)


class Pass(NamedTuple):
    """One pass: its name, and when it began and ended."""

    name: str
    start: float
    end: float = NAN
    complete: bool = False


class FitRecorder(FitWatcher):
    """A callback that records each block of a fit: its rows, bytes, times, threads and loss.

    Parameters
    ----------
    max_records : int, default=100_000
        The largest number of blocks that are kept. The first ones are dropped if there are more. A
        record takes about 500 bytes.

    Attributes
    ----------
    n_blocks : int
        The number of blocks that were read, also those whose records were dropped.
    passes : list of Pass
        The passes of the fit, the last 1,000 of them.

    Notes
    -----
    It records the last call of ``fit`` or ``partial_fit``. The memory is that of the process that
    calls ``fit``, and on Linux only. Losses are known at the ends of segments of 64 blocks.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.diagnostics import FitRecorder
    >>> from streamlearn.linear_model import SGDRegressor
    >>> X = da.random.default_rng(0).normal(size=(8_000, 3), chunks=(1_000, 3))
    >>> recorder = FitRecorder()
    >>> model = SGDRegressor(random_state=0).set_callbacks(recorder).fit(X, X[:, 0])
    >>> recorder.frame()[["name", "rows", "bytes"]].head(2)
        name  rows  bytes
    0  epoch  1000  32000
    1  epoch  1000  32000
    >>> figure = recorder.plot()
    >>> recorder.to_html("fit.html")  # doctest: +SKIP
    """

    def __init__(self, *, max_records: int = 100_000) -> None:
        if max_records < 1:
            raise ValueError(f"max_records must be at least 1, got {max_records!r}.")
        self.max_records = max_records
        self._begin(None)

    def _begin(self, estimator: Any) -> None:
        self._rows: deque[list[Any]] = deque(maxlen=self.max_records)
        self._memory: deque[tuple[float, float]] = deque(maxlen=self.max_records)
        self.passes: deque[Pass] = deque(maxlen=1_000)
        self.n_blocks, self.n_passes = 0, 0
        self._waiting: dict[int, list[Any]] = {}
        self._open: list[Pass] = []
        self._next_look = 0.0
        self.about: dict[str, Any] = {}
        if estimator is not None:
            self.about = {
                "estimator": type(estimator).__name__,
                "params": {k: repr(v) for k, v in estimator.get_params(deep=False).items()},
                "version": __version__,
            }

    def setup(self, estimator: Any, context: Any) -> None:
        """Forget the fit before."""
        self._begin(estimator)
        self._started = time.time()

    def teardown(self, estimator: Any, context: Any) -> None:
        """Take what is known of the columns."""
        names = getattr(estimator, "feature_names_in_", None)
        now = time.time()
        self._look(now)  # the curve goes to the end
        self.about["seconds"] = now - self._started
        self.about["n_features"] = getattr(estimator, "n_features_in_", None)
        self.about["names"] = [] if names is None else [str(name) for name in names]

    def begin_pass(self, name: str, n_blocks: int | None, n_rows: int | None) -> None:
        """Begin a pass."""
        self._now = self.n_passes, name
        self.n_passes += 1
        now = time.time()
        self._open.append(Pass(name, now))
        if now > self._next_look:
            self._look(now)
        self._waiting.clear()

    def block_done(self, record: Record) -> None:
        """Record a block."""
        self.n_blocks += 1
        row = [self._now, (*record[:9], record.error), NAN]
        self._rows.append(row)
        if self._now[1] == "epoch":
            self._waiting[record.block] = row
        if record.update_end > self._next_look:
            self._look(record.update_end)

    def end_pass(self, *, complete: bool) -> None:
        """End a pass."""
        began = self._open.pop()
        self.passes.append(began._replace(end=time.time(), complete=complete))

    def progress_made(self, progress: Any, publish: Any) -> None:
        """Record the losses of a segment."""
        if progress.at == "segment":
            for block, loss in progress.newest_losses:
                if block in self._waiting:
                    self._waiting[block][-1] = loss
            self._waiting.clear()

    def _look(self, now: float) -> None:
        """Look at the memory."""
        began = time.thread_time()
        used = _memory()
        if used is not None:
            self._memory.append((now, used))
        self._next_look = now + max(PAUSE, (time.thread_time() - began) / SHARE)

    def frame(self) -> Any:
        """Return the records as a DataFrame of pandas, in the order in which blocks were done.

        Returns
        -------
        pandas.DataFrame
            A row for each block: ``pass`` (0, 1...), ``name`` of the pass, ``block``, ``rows``,
            ``bytes``, then ``load_worker``, ``load_start`` and ``load_end``, the same for
            ``learn``, ``error`` and ``loss``. Times are Unix times in seconds. A block of a pass
            that only merges statistics is loaded and not learned from: both its ``learn`` times
            are the end of its load. The error says why a block was left out, and is empty if it was
            read. The loss is the mean before the block was learned from, NaN if there is none.
        """
        import pandas as pd

        return pd.DataFrame(self._all(), columns=list(COLUMNS))

    def plot(self, **how: Any) -> Figure:
        """Draw what each thread did, the memory and the progressive loss on one time axis.

        Parameters
        ----------
        **how : dict of str to object
            Arguments of `timeline`, such as ``title``, ``figsize`` or ``figure``.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ValueError
            If no block was recorded.
        """
        self._recorded_or_raise()
        title = f"{self.about['estimator']}: {self.n_blocks:,} blocks"
        # Sorted as their ends in the picture, because rounds learn from blocks side by side.
        rows = sorted(self._all(), key=lambda row: row[COLUMNS.index("learn_end")])
        losses = [row[-1] for row in rows if _has_loss(row)]
        tasks = [task for row in rows for task in _tasks(row)]
        memory = [(at, used / 1e6) for at, used in self._memory]
        how = {"title": title, **how}
        return timeline(
            _Results(tasks),
            _Results(memory) if memory else None,
            losses or None,
            step=LEARN,
            **how,
        )

    def summary(self) -> str:
        """Return a sentence that says what took the longest, and what to do about it.

        Raises
        ------
        ValueError
            If no block was recorded.
        """
        self._recorded_or_raise()
        return report.advice(self.frame())

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write one page that holds the pictures and all that is known, and loads nothing.

        Parameters
        ----------
        path : str or path
            The file, which is replaced if it exists.

        Raises
        ------
        ValueError
            If no block was recorded.
        """
        self._recorded_or_raise()
        page = report.page(self.about, self.frame(), list(self.passes), self.plot(), self.n_blocks)
        with open(path, "w", encoding="utf-8") as file:
            file.write(page)

    def _all(self) -> list[tuple[Any, ...]]:
        """Return the records in the order in which blocks were done."""
        return [(*of_pass, *record, loss) for of_pass, record, loss in self._rows]

    def _recorded_or_raise(self) -> None:
        if not self._rows:
            raise ValueError(
                "No block was recorded. Set the recorder before the fit: "
                "estimator.set_callbacks(recorder).fit(X, y)."
            )


class _Results(NamedTuple):
    """What `timeline` reads of a profiler."""

    results: list[Any]


LOAD, LEARN, SCORED = "load-block", "learn-block-and-score", "learn-block"


def _has_loss(row: tuple[Any, ...]) -> bool:
    return row[-1] == row[-1]


def _tasks(row: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Return the tasks of a record, as dask's profiler has them."""
    _, name, _, _, _, loader, start, end, learner, begin, until, *_ = row
    tasks = [(LOAD if name == "epoch" else "reduce-block", None, start, end, loader)]
    if until > begin:
        tasks.append((LEARN if _has_loss(row) else SCORED, None, begin, until, learner))
    return tasks


def _memory() -> float | None:
    """Return the bytes that this process has in memory, None where nobody says it."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except OSError:
        return None


_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
