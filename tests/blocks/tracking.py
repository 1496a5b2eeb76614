"""Collections that count what is read and what is alive, in whatever process that happens.

Row ``r`` of every array holds ``4 r, 4 r + 1, 4 r + 2, 4 r + 3``: what a block holds shows where it
comes from.
"""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import dask
import dask.array as da
import numpy as np

from streamlearn.blocks import Block, Blocks, Record, Segment, fold

COLUMNS = 4


class Event(NamedTuple):
    """A tracked array came to life (+1) or died (-1)."""

    time: float
    change: int
    what: str
    first: int


events: list[Event] = []


class Tracked(np.ndarray):
    """An array whose views keep it alive: NumPy stops at a subclass when it looks for a base."""


def track(what: str, values: Any) -> np.ndarray:
    """Copy ``values`` into an array that reports its birth and its death."""
    array = np.array(values).view(Tracked)
    first = int(array.flat[0]) // COLUMNS if array.size else -1

    def report(change: int) -> None:
        events.append(Event(time.time(), change, what, first))

    report(1)
    weakref.finalize(array, report, -1).atexit = False
    return array


def drain() -> list[Event]:
    """Return the events of this process so far and forget them."""
    out = list(events)
    events.clear()
    return out


def peak(happened: Sequence[Event]) -> int:
    """Return the largest number of arrays alive at a time; fail if one never died."""
    alive = top = 0
    for event in sorted(happened, key=lambda e: e.time):
        alive += event.change
        top = max(top, alive)
    assert alive == 0, f"{alive} arrays were never let go"
    return top


def reads(happened: Sequence[Event]) -> list[int]:
    """Return the first row of each source that was read, sorted."""
    return sorted(e.first for e in happened if e.change == 1 and e.what == "source")


def rows(start: int, n: int) -> np.ndarray:
    """Return rows ``start`` to ``start + n``."""
    return np.arange(start * COLUMNS, (start + n) * COLUMNS, dtype=float).reshape(n, COLUMNS)


def read(start: int, n: int, seconds: float = 0.0) -> np.ndarray:
    """Read a source."""
    time.sleep(seconds)
    return track("source", rows(start, n))


def copied(block: np.ndarray, seconds: float) -> np.ndarray:
    """Make a block that is no view of its source."""
    time.sleep(seconds)
    return track("block", block)


def copies(X: Any, seconds: float = 0.0) -> Any:
    """Make blocks that are no views of their sources, and count them too."""
    return X.map_blocks(copied, seconds, dtype=float, meta=np.empty((0, 0)))


def source(lengths: Sequence[int], seconds: float = 0.0) -> Any:
    """Return a dask array of tracked sources with these numbers of rows."""
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).tolist()
    return da.concatenate(
        [
            da.from_delayed(
                dask.delayed(read, pure=False)(start, n, seconds), (n, COLUMNS), dtype=float
            )
            for start, n in zip(starts, lengths, strict=True)
        ]
    )


def plain(n: int = 200, seconds: float = 0.0) -> Any:
    """Return ``n`` blocks, each its own source."""
    return source([5] * n, seconds)


def tall_to_short(n: int = 200, seconds: float = 0.0) -> Any:
    """Return ``n`` blocks, ten to a source."""
    return copies(source([50] * (n // 10), seconds).rechunk((5, COLUMNS)), seconds)


def offset(n: int = 200, seconds: float = 0.0) -> Any:
    """Return ``n`` blocks, each of one or two sources that do not end where blocks do."""
    lengths = [13] * (n * 5 // 13) + [n * 5 % 13]
    return copies(source(lengths, seconds).rechunk((5, COLUMNS)), seconds)


LAYOUTS: dict[str, Callable[..., Any]] = {
    "plain": plain,
    "tall-to-short": tall_to_short,
    "offset": offset,
}


def parts_of(block: Block) -> tuple:
    """Prepare nothing."""
    return tuple(block.parts.values())


def gather(state: tuple, parts: tuple) -> tuple[tuple, Any]:
    """Collect the first row of each block: shows the order."""
    return (*state, int(parts[0].flat[0]) // COLUMNS), None


def see(state: int, parts: tuple) -> tuple[int, list[np.ndarray]]:
    """Report the parts of each block as they came."""
    return state + 1, [np.array(x) for x in parts]


def slow(state: float, parts: tuple) -> tuple[float, None]:
    """Sum, slower than blocks load."""
    time.sleep(0.001)
    return state + float(parts[0].sum()), None


def rough(state: float, parts: tuple) -> tuple[float, float]:
    """Take a step whose rounding depends on the order and on nothing else."""
    state = state * 0.7 + float(np.sin(parts[0]).sum()) / 3.0
    return state, state


def run(step: Callable, state: Any, blocks: Blocks, **kwargs: Any) -> tuple[Any, list[Record]]:
    """Fold to the end; return the last state and all records."""
    records: list[Record] = []
    for segment in fold(step, state, blocks, prepare=kwargs.pop("prepare", parts_of), **kwargs):
        state = segment.state
        records += segment.records
    return state, records


def assert_overlap(blocks: Blocks) -> None:
    """Fail unless block 4 is loaded while block 3 is learned from: each waits for the other."""
    meeting = threading.Barrier(2, timeout=20)

    def prepare(block: Block) -> int:
        if block.number == 4:
            meeting.wait()
        return block.number

    def step(state: int, index: int) -> tuple[int, None]:
        if index == 3:
            meeting.wait()
        return state + 1, None

    assert run(step, 0, blocks, prepare=prepare)[0] == len(blocks)


def segments(step: Callable, state: Any, blocks: Blocks, **kwargs: Any) -> Iterator[Segment]:
    """Fold without preparation."""
    return fold(step, state, blocks, prepare=kwargs.pop("prepare", parts_of), **kwargs)


def failing(n_blocks: int, which: int) -> da.Array:
    """Return a dask array that cannot be read in block ``which``."""
    parts = [da.from_delayed(dask.delayed(_read)(i, which), (4, 2), int) for i in range(n_blocks)]
    return da.concatenate(parts)


def _read(i: int, which: int) -> np.ndarray:
    if i == which:
        raise FileNotFoundError(2, "No such file", f"part-{i}.npy")
    return np.full((4, 2), i)


def happened(client: Any) -> list[Event]:
    """Return what happened on all workers; data that are let go of die a little later."""
    events: list[Event] = []
    for _ in range(100):
        events += [e for some in client.run(drain).values() for e in some]
        if sum(e.change for e in events) == 0:
            break
        time.sleep(0.02)
    return events


def left_on(client: Any) -> list[Any]:
    """Return the tasks that stay on the cluster; those that are let go of stop a little later."""
    for _ in range(200):
        gc.collect()  # an error and the frames of its traceback refer to each other
        left = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks))
        if not left:
            break
        time.sleep(0.02)
    return left
