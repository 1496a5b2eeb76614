"""The bound on memory: the positions at which sources are in memory, and what each load waits for.

A position is the place of a block in the order of a pass.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streamlearn.blocks import door
from streamlearn.blocks.plan import Plan

if TYPE_CHECKING:
    from streamlearn.blocks.graph import Key


def lifetimes(plan: Plan, order: Sequence[int]) -> tuple[dict[Key, int], dict[Key, int]]:
    """Return for each shared task the first position that needs it and the last that reads it."""
    position = {index: p for p, index in enumerate(order)}
    uses = {
        key: [position[i] for i in readers if i in position]
        for key, readers in plan.readers.items()
    }
    first, last = {}, {}
    for key in reversed(plan.shared):
        if uses[key]:
            first[key], last[key] = min(uses[key]), max(uses[key])
            for dep in plan.shared[key].dependencies:
                if dep in uses:
                    uses[dep].append(first[key])
    return first, last


def is_source_task(key: Key, plan: Plan) -> bool:
    """Return whether a shared task reads a source, so that it waits for no other shared task."""
    node = plan.shared[key]
    return not isinstance(node, door.Alias) and not any(d in plan.shared for d in node.dependencies)


def sources(
    plan: Plan, first: Mapping[Key, int], last: Mapping[Key, int]
) -> dict[Key, tuple[int, int]]:
    """Return for each shared source the first and the last position at which it may be in memory.

    Results of a source may be views of it. So it counts until the last block that uses any part
    of it.
    """
    reach = dict(last)
    for key in reversed(plan.shared):
        for dep in plan.shared[key].dependencies:
            if key in reach and dep in reach:
                reach[dep] = max(reach[dep], reach[key])
    return {
        key: (first[key], reach[key])
        for key in first
        if is_source_task(key, plan) and key not in plan.alone
    }


def gates(spans: Sequence[tuple[int, int]], n: int, window: int) -> tuple[list[int], bool]:
    """Return the gate of each load, and whether the sources stay within the bound.

    The gate of a position is an earlier position, or -1: the load waits for the result of the block
    there. All blocks up to the gate have then left memory. After it come at most ``window`` blocks
    and the shared sources that they need. Together they are at most ``window`` + 1, if waiting can
    achieve this. It cannot if one block alone needs more sources.

    Parameters
    ----------
    spans : sequence of (int, int)
        The first and the last position of each shared source; see `sources`.
    n : int
        The number of positions.
    window : int
        The number of blocks that may be loaded ahead.

    Returns
    -------
    gates : list of int
    bounded : bool
    """
    begin = deque(sorted(spans))
    alive: list[int] = []
    out, gate, bounded = [], -1, True
    for p in range(n):
        while begin and begin[0][0] <= p:
            insort(alive, begin.popleft()[1])
        gate = max(gate, p - window)
        while True:
            while alive and alive[0] <= gate:
                alive.pop(0)
            if p - gate + len(alive) <= window + 1 or gate >= p - 1:
                break
            gate += 1
        bounded = bounded and len(alive) <= window + 1
        out.append(gate)
    return out, bounded
