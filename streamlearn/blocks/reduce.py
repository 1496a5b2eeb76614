"""``reduce``: the verb of mergeable learners. Blocks in parallel, merged in a fixed order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import reduce as left_to_right
from typing import Any

from streamlearn.blocks.block import Block
from streamlearn.blocks.containers import Blocks
from streamlearn.blocks.graph import Key, List, Task, TaskRef
from streamlearn.blocks.schedule import Loaded, Schedule, prepared

FAN_IN = 8
"""Results merged by one task. A fixed number, so that rounding does not depend on the scheduler."""


def reduce(
    of_block: Callable[[Block], Any],
    merge: Callable[[Any, Any], Any],
    blocks: Blocks,
    *,
    order: Sequence[int] | None = None,
) -> Any:
    """Merge what ``of_block`` makes of each block, in a tree whose shape only their number decides.

    Parameters
    ----------
    of_block : callable
        ``(block) -> state``, of a `Block`. Blocks without rows are skipped.
    merge : callable
        ``(a, b) -> state``, associative up to rounding.
    blocks : Blocks
    order : sequence of int, optional
        The blocks to read, each at most once; default all, 0, 1, 2...

    Returns
    -------
    object or None
        The merged state; None if no block has rows.
    """
    if blocks.whole is not None:
        return prepared(blocks.whole, {}, of_block, time.time()).value
    schedule = Schedule(
        blocks, range(len(blocks)) if order is None else order, "part", ordered=False
    )
    n = len(schedule.order)
    graph = schedule.loads(0, n, "part", of_block)
    level = [schedule.key("part", p) for p in range(n)]
    done = 0
    while True:
        merged: list[Key] = []
        for at in range(0, len(level), FAN_IN):
            key = schedule.key("merge", done + len(merged))
            some = List(*map(TaskRef, level[at : at + FAN_IN]))
            graph[key] = Task(key, _merge, merge, some)
            merged.append(key)
        done += len(merged)
        level = merged
        if len(level) == 1:
            return schedule.run(graph, level[0], 0, n)


def _merge(merge: Callable[..., Any], parts: list[Any]) -> Any:
    values = [part.value if isinstance(part, Loaded) else part for part in parts]
    found = [value for value in values if value is not None]
    return left_to_right(merge, found) if found else None
