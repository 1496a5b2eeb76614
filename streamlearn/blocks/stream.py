"""One pass over blocks, as tasks: what may be loaded when, and what a block's own task does.

`fold` and `reduce` build on this. A block's task waits for the result of an earlier block (its
*gate*), so that at most ``window`` + 1 blocks and shared sources are alive at any time.
"""

from __future__ import annotations

import sys
import threading
import time
import warnings
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

import dask

from streamlearn.backend import is_array, nbytes
from streamlearn.blocks.containers import Blocks
from streamlearn.blocks.graph import (
    Alias,
    DataNode,
    GraphNode,
    Key,
    Plan,
    Recipe,
    Scheduler,
    Task,
    TaskRef,
    cook,
    is_future,
    scheduler,
)


class Loaded(NamedTuple):
    """A block after its own task: what was made of it, and how long that took.

    Attributes
    ----------
    value : object
        What ``prepare`` returned; None for a block without rows.
    rows, bytes : int
    worker : str
        The thread, behind the worker's address on a cluster.
    start, end : float
        Seconds since the epoch.
    """

    value: Any
    rows: int
    bytes: int
    worker: str
    start: float
    end: float


class Stream:
    """The tasks of one pass over ``blocks`` in ``order``.

    Parameters
    ----------
    blocks : Blocks
        Blocks of dask collections.
    order : sequence of int
        The blocks by position.
    gate : str
        Name of the tasks that loads wait for: position ``p``'s is ``(f"{gate}-{token}", p)``.
    """

    def __init__(self, blocks: Blocks, order: Sequence[int], gate: str):
        assert blocks.plan is not None
        self.plan: Plan = blocks.plan
        self.names, self.order = blocks.names, order
        self.scheduler: Scheduler = scheduler(blocks.sources)
        self.token, self.gate = uuid4().hex, gate
        self.first, self.last = lifetimes(self.plan, order)
        window = setting("window", self.scheduler.read_ahead())
        self.gates = gates(sources(self.plan, self.first, self.last), len(order), window)
        self.shared = {key: self.key("shared", i) for i, key in enumerate(self.plan.shared)}
        self.carried: dict[Key, Any] = {}

    def key(self, name: str, position: int) -> Key:
        """Return the key of a task; dask shows it under ``name``."""
        return (f"{name}-{self.token}", position)

    def loads(self, start: int, stop: int, name: str, prepare: Callable) -> dict[Key, GraphNode]:
        """Return the tasks that load positions ``start`` to ``stop``, and what those need."""
        graph: dict[Key, GraphNode] = {}
        for key, value in self.plan.outside.items():
            if isinstance(value, GraphNode):
                graph[key] = value
            elif value is not None and not is_future(value):
                graph[key] = DataNode(key, value)
        for key, value in self.carried.items():
            if not is_future(value):
                # A task, not data: the scheduler drops a task's result after its last reader.
                graph[key] = Task(key, list.pop, [value])
        for key, node in self.plan.shared.items():
            if start <= self.first[key] < stop:
                node = node.substitute(self.shared, key=self.shared[key])
                wait = self._gate(self.first[key], start) if is_root(key, self.plan) else None
                graph[node.key] = (
                    Task(node.key, _first_of, node, wait, _data_producer=True) if wait else node
                )
        for p in range(start, stop):
            index = self.order[p]
            recipe = self.plan.recipes[index]
            key = self.key(name, p)
            needs = (TaskRef(self.shared.get(k, k)) for k in recipe.inputs)
            # A data producer is placed where there is room; others follow their inputs, and the
            # gate would pull every load to the worker that holds the state.
            graph[key] = Task(
                key,
                load,
                self.names,
                index,
                prepare,
                recipe,
                self._gate(p, start),
                *needs,
                _data_producer=True,
            )
        return graph

    def _gate(self, position: int, start: int) -> TaskRef | None:
        gate = self.gates[position]
        return TaskRef(self.key(self.gate, gate)) if gate >= start else None

    def run(self, graph: dict[Key, GraphNode], key: Key, stop: int) -> Any:
        """Run ``graph`` for ``key``; shared results that positions from ``stop`` on need are kept."""
        here, self.carried = self.carried, {}
        ahead = [name for k, name in self.shared.items() if self.first[k] < stop <= self.last[k]]
        again = {name: here[name] for name in ahead if is_future(here.get(name))}
        ahead = [name for name in ahead if name not in again]
        result, *kept = self.scheduler.run(graph, [key, *ahead], stay=len(ahead), sent=here)
        self.carried = again | dict(zip(ahead, kept, strict=True))
        return result


def load(
    names: tuple[str, ...],
    index: int,
    prepare: Callable[[int, tuple], Any],
    recipe: Recipe,
    _gate: Any,
    *inputs: Any,
) -> Loaded:
    """Make the parts of block ``index`` and prepare them: the task of one block."""
    start = time.time()
    return prepared(names, index, prepare, tuple(cook(recipe, inputs)), start)


def prepared(
    names: tuple[str, ...],
    index: int,
    prepare: Callable[[int, tuple], Any],
    parts: tuple[Any, ...],
    start: float,
) -> Loaded:
    """Prepare a block whose parts are at hand.

    Raises
    ------
    ValueError
        If the parts have different numbers of rows.
    """
    lengths = [x.shape[0] for x in parts]
    if len(set(lengths)) > 1:
        found = ", ".join(f"{name} has {n} rows" for name, n in zip(names, lengths, strict=True))
        raise ValueError(
            f"The parts of block {index} do not line up: {found}. If they were read apart, select "
            "all columns in one frame and split it afterwards: "
            "Xy = df[features + [target]].to_dask_array(); X, y = Xy[:, :-1], Xy[:, -1]."
        )
    value = prepare(index, parts) if lengths[0] else None
    return Loaded(value, int(lengths[0]), sum(map(_nbytes, parts)), _worker(), start, time.time())


def lifetimes(plan: Plan, order: Sequence[int]) -> tuple[dict[Key, int], dict[Key, int]]:
    """Return for each shared task the position that needs it first, and the last that reads it."""
    position = {index: p for p, index in enumerate(order)}
    uses = {key: [position[i] for i in readers] for key, readers in plan.readers.items()}
    first, last = {}, {}
    for key in reversed(plan.shared):
        first[key], last[key] = min(uses[key]), max(uses[key])
        for dep in plan.shared[key].dependencies:
            if dep in uses:
                uses[dep].append(first[key])
    return first, last


def is_root(key: Key, plan: Plan) -> bool:
    """Tell whether a shared task reads a source: it waits for no other task of the graph."""
    node = plan.shared[key]
    return not isinstance(node, Alias) and not any(d in plan.shared for d in node.dependencies)


def sources(plan: Plan, first: Mapping[Key, int], last: Mapping[Key, int]) -> list[tuple[int, int]]:
    """Return the span of positions over which each shared source may be in memory, in order.

    A source is a shared task that waits for no other. What is made of it may be views of it, so it
    counts until the last block that has any part of it.
    """
    reach = dict(last)
    for key in reversed(plan.shared):
        for dep in plan.shared[key].dependencies:
            if dep in reach:
                reach[dep] = max(reach[dep], reach[key])
    return sorted((first[key], reach[key]) for key in plan.shared if is_root(key, plan))


def gates(spans: Sequence[tuple[int, int]], n: int, window: int) -> list[int]:
    """Return for each of ``n`` positions the one whose result its load waits for, -1 for none.

    Blocks behind the gate are gone. Between it and the position lie at most ``window`` blocks, and
    together with the shared sources alive there, given by their ``spans``, at most ``window`` + 1.
    """
    roots = deque(spans)
    alive: list[int] = []
    out, gate, crowded = [], -1, False
    for p in range(n):
        while roots and roots[0][0] <= p:
            insort(alive, roots.popleft()[1])
        gate = max(gate, p - window)
        while alive and alive[0] <= gate:
            alive.pop(0)
        while gate < p - 1 and p - gate + len(alive) > window + 1:
            gate += 1
            while alive and alive[0] <= gate:
                alive.pop(0)
        crowded = crowded or p - gate + len(alive) > window + 1
        out.append(gate)
    if crowded or (n > window + 1 and (0, n - 1) in spans):
        warnings.warn(
            "Blocks share sources over such a distance that more of the data must be held in memory "
            f"than the window of {window} blocks: X may be chunked by columns, or one task may feed "
            "every block. Store the data in chunks of whole rows, or raise "
            "dask.config.set({'streamlearn.window': ...}) if the sources are small.",
            UserWarning,
            stacklevel=2,
        )
    return out


def groups(plan: Plan) -> list[list[int]]:
    """Return the blocks in groups that share a source; shuffling moves a group as one."""
    parent = list(range(len(plan.recipes)))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(indices: Iterable[int]) -> int | None:
        found = sorted({find(i) for i in indices})
        for i in found[1:]:
            parent[i] = found[0]
        return found[0] if found else None

    users = {key: set(readers) for key, readers in plan.readers.items()}
    for key in reversed(plan.shared):
        one = join(users[key])
        for dep in plan.shared[key].dependencies:
            if dep in users and one is not None:
                users[dep].add(one)
    out: dict[int, list[int]] = {}
    for i in range(len(parent)):
        out.setdefault(find(i), []).append(i)
    return list(out.values())


def setting(name: str, default: int) -> int:
    """Read an engine setting: a whole number, at least 1.

    Raises
    ------
    ValueError
        If dask's configuration holds something else.
    """
    value = dask.config.get(f"streamlearn.{name}", default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(
            f"The dask option streamlearn.{name} must be a whole number of at least 1, got "
            f"{value!r}."
        )
    return value


def _first_of(value: Any, _gate: Any) -> Any:
    return value


def _nbytes(part: Any) -> int:
    if is_array(part):
        return nbytes(part)
    if hasattr(part, "memory_usage"):
        usage = part.memory_usage(index=False)
        return int(usage.sum() if hasattr(usage, "sum") else usage)
    return int(getattr(part, "nbytes", 0))


def _worker() -> str:
    thread = threading.current_thread().name
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return thread
    try:
        return f"{distributed.get_worker().address} {thread}"
    except ValueError:  # not inside a worker
        return thread
