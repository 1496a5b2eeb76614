"""What may be in memory when: the positions over which sources live, and what a load waits for."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Mapping, Sequence

from streamlearn.blocks.graph import Alias, Key
from streamlearn.blocks.plan import Plan


def lifetimes(plan: Plan, order: Sequence[int]) -> tuple[dict[Key, int], dict[Key, int]]:
    """Return for each shared task the position that needs it first, and the last that reads it."""
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


def is_source(key: Key, plan: Plan) -> bool:
    """Return whether a shared task reads a source: it waits for no other shared task."""
    node = plan.shared[key]
    return not isinstance(node, Alias) and not any(d in plan.shared for d in node.dependencies)


def sources(
    plan: Plan, first: Mapping[Key, int], last: Mapping[Key, int]
) -> dict[Key, tuple[int, int]]:
    """Return the span of positions over which each shared source may be in memory.

    What is made of a source may be views of it, so it counts until the last block that has any
    part of it.
    """
    reach = dict(last)
    for key in reversed(plan.shared):
        for dep in plan.shared[key].dependencies:
            if key in reach and dep in reach:
                reach[dep] = max(reach[dep], reach[key])
    return {
        key: (first[key], reach[key])
        for key in first
        if is_source(key, plan) and key not in plan.alone
    }


def gates(spans: Sequence[tuple[int, int]], n: int, window: int) -> tuple[list[int], bool]:
    """Return what each load waits for, and whether sources stay within the bound.

    For each of ``n`` positions, the one whose result its load waits for, or -1. Blocks up to that
    one are gone; those behind it, at most ``window``, and the shared sources alive over them, given
    by their ``spans``, are at most ``window`` + 1 together, wherever waiting can bring that about.
    It cannot where a block needs that many sources itself.
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
