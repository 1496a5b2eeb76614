"""Shuffles through the disk: a pass of their own, before any block can be made.

dask's shuffles by P2P, on a cluster, and by disk, without one, end the tasks that take rows in with
a *barrier*; the tasks after it hand partitions out. Between the two the rows are on disk. So what
comes before the barriers runs once, as a graph of its own, and every pass hands the partitions out
again, while the results of the barriers are held.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from typing import Any
from uuid import uuid4

from dask.utils import key_split, natural_sort_key

from streamlearn.blocks.graph import (
    Annotations,
    DataNode,
    GraphNode,
    Key,
    List,
    Scheduler,
    Task,
    TaskRef,
    fuse_linear_task_spec,
    is_disk_barrier,
    is_frame_barrier,
    is_p2p_barrier,
    release,
)


class Shuffles:
    """The shuffles that blocks are made of.

    Parameters
    ----------
    graph : dict of key to GraphNode
        All that comes before the partitions.
    kept : sequence of keys
        The results of ``graph`` that partitions are handed out with.
    annotations : dict of key to dict
        What ``dask.annotate`` says of tasks of ``graph``.
    """

    def __init__(
        self, graph: Mapping[Key, Any], kept: Iterable[Key], annotations: Annotations
    ) -> None:
        self.graph, self.kept, self.annotations = dict(graph), list(kept), annotations
        self.held: list[Any] = []
        self.here: dict[Key, DataNode] = {}

    def begin(self, scheduler: Scheduler) -> None:
        """Shuffle, unless it is done and the results are still held."""
        if self.held:
            return
        graph = self.graph
        if scheduler.client is None:
            opened = [graph[key] for key in self.kept if not graph[key].dependencies]
            graph = graph | {node.key: _opened(node, scheduler.in_processes) for node in opened}
        self.held = scheduler.run(
            graph, self.kept, stay=len(self.kept), annotations=self.annotations
        )
        if scheduler.client is None:
            pairs = zip(self.kept, self.held, strict=True)
            self.here = {key: DataNode(key, value) for key, value in pairs}

    def end(self) -> None:
        """Let go of the results, and so of the rows on disk."""
        release(self.held)
        self.held, self.here = [], {}


def set_apart(
    graph: dict[Key, Any], outputs: Iterable[Key], annotations: Annotations
) -> tuple[dict[Key, Any], set[Key], Shuffles | None]:
    """Set the shuffles that ``outputs`` come from apart from the rest of their graph.

    Returns
    -------
    graph : dict of key to GraphNode
        The rest. It hands partitions out, by results of the shuffles that stand nowhere in it.
    partitions : set of keys
        The tasks that hand them out. P2P has one worker do it, which holds the partition on its
        disk, and not every partition of a block the same: each stays a task of its own.
    shuffles : Shuffles or None
    """
    barriers = {key for key, node in graph.items() if is_p2p_barrier(node) or is_disk_barrier(node)}
    if not barriers:
        return graph, set(), None
    after = {
        key
        for key, node in graph.items()
        if isinstance(node, GraphNode) and not barriers.isdisjoint(node.dependencies)
    }
    partitions = after & _reached(graph, outputs, after)
    kept = {need for key in partitions for need in graph[key].dependencies}
    # In the order of their partitions: so the new names are ordered, too.
    before = sorted(_reached(graph, kept), key=lambda key: natural_sort_key(str(key)))
    token = uuid4().hex
    names: dict[Key, Key] = {k: (f"{key_split(k)}-{token}", i) for i, k in enumerate(before)}
    ids: dict[str, str] = {}
    for i, key in enumerate(barriers.intersection(before)):
        if is_p2p_barrier(graph[key]):
            # P2P knows a shuffle by its id and the key of its barrier, one at a time. With others
            # of the same rows on the cluster, or another of their graphs, it needs one of its own.
            old = graph[key].spec.id
            ids[old] = f"{token}-{i}"
            names[key] = str(key).replace(old, ids[old])

    into = {need for key in barriers.intersection(before) for need in graph[key].dependencies}

    def renamed(key: Key, name: Key) -> GraphNode:
        node = graph[key]
        if ids and (key in into or key in barriers or key in after):
            node = _with_ids(node, ids)
        return node.substitute(names, name)

    passed = {names[key]: renamed(key, names[key]) for key in before}
    for key in barriers.intersection(before):
        if is_disk_barrier(graph[key]):
            _in_order(passed, names[key])
    rest = graph | {key: renamed(key, key) for key in partitions}
    for key in barriers | kept:
        del rest[key]
    results = [names[key] for key in kept]
    # P2P has both sides of a merge leave a partition to the same worker where a task needs both.
    both = ("shuffled-" + token, 0)
    passed[both] = Task(both, _after, List(*map(TaskRef, results)), tuple)
    results.append(both)
    said = {names[key]: annotations[key] for key in before if key in annotations}
    # A task of which something is said stays one of its own.
    fused = fuse_linear_task_spec(passed, [*results, *said])
    return rest, partitions, Shuffles(fused, results, said)


def warn_of_orders(graph: Mapping[Key, Any], outputs: Mapping[str, Iterable[Key]]) -> None:
    """Warn where the rows of some parts come from a shuffle of a frame, and those of others do not.

    dask lets rows through a shuffle in no fixed order. In one pass two shuffles of the same sources
    have the same one, but what was persisted may have another.
    """
    barriers = {key for key, node in graph.items() if is_frame_barrier(node)}
    if not barriers:
        return
    shuffled = {name: not barriers.isdisjoint(_reached(graph, k)) for name, k in outputs.items()}
    if len(set(shuffled.values())) > 1:
        one, other = (next(n for n in shuffled if shuffled[n] is known) for known in (True, False))
        warnings.warn(
            f"{one} comes from a shuffle of a frame (shuffle, merge, sort_values, set_index), and "
            f"{other} does not come from the same one. dask shuffles rows in no fixed order, so "
            "the rows may not belong together. Take both from one frame, either before it is "
            "persisted or after: df = df.persist(); X, y = df[features], df[target].",
            UserWarning,
            stacklevel=3,
        )


def _reached(graph: Mapping[Key, Any], roots: Iterable[Key], ends: Iterable[Key] = ()) -> set[Key]:
    """Return the tasks that ``roots`` need and the roots, but not what ``ends`` need."""
    found: set[Key] = set()
    stack = list(roots)
    while stack:
        key = stack.pop()
        node = graph.get(key)
        if key in found or not isinstance(node, GraphNode):
            continue
        found.add(key)
        if key not in ends:
            stack.extend(node.dependencies)
    return found


def _with_ids(x: Any, ids: Mapping[str, str]) -> Any:
    """Return a task, or what is inside of one, with other ids of P2P."""
    if isinstance(x, str):
        return ids.get(x, x)
    if type(x) in (list, tuple):
        return type(x)(_with_ids(each, ids) for each in x)
    if type(x) is dict:
        return {key: _with_ids(each, ids) for key, each in x.items()}
    if not isinstance(x, Task):
        return x
    out = copy(x)
    out.args, out.kwargs = _with_ids(x.args, ids), _with_ids(x.kwargs, ids)
    if is_p2p_barrier(x):
        out.spec = replace(x.spec, id=ids[x.spec.id])
    return out


def _in_order(graph: dict[Key, GraphNode], barrier: Key) -> None:
    """Have partitions go into a shuffle by disk one after the other.

    It appends them as they come. Without an order of its own each pass, and each of two columns of
    a frame that are shuffled apart, would have the rows in another one.
    """
    before = None
    for key in sorted(graph[barrier].dependencies, key=lambda key: key[1]):
        node = graph[key]
        if before is not None:
            graph[key] = Task(key, _after, TaskRef(before), node.func, *node.args, **node.kwargs)
        before = key


def _opened(node: Task, in_processes: bool) -> DataNode:
    """Open the file of a shuffle by disk in this process, so that it lasts from pass to pass.

    The processes that work on a graph remove their files when they end. A pickle of the task opens
    a file that several processes can use: none keeps rows of it in its own memory.
    """
    return DataNode(node.key, (pickle.loads(pickle.dumps(node)) if in_processes else node)())


def _after(_before: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)
