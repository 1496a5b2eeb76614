"""dask's shuffles through the disk: they run as a graph of their own, before any block is made.

dask shuffles by P2P on a cluster, and by disk without one. In both, tasks before a *barrier* write
rows to disk, and tasks after it read partitions from there. The tasks before the barriers run once.
Every pass then reads the partitions again, as long as the results of the barriers are kept.
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
    """The shuffles that blocks depend on.

    Parameters
    ----------
    graph : dict of key to GraphNode
        All tasks before those that read partitions.
    kept : sequence of keys
        The results of ``graph`` that the reading of partitions needs.
    annotations : dict of key to dict
        The annotations of tasks of ``graph``, from ``dask.annotate``.
    """

    def __init__(
        self, graph: Mapping[Key, Any], kept: Iterable[Key], annotations: Annotations
    ) -> None:
        self.graph, self.kept, self.annotations = dict(graph), list(kept), annotations
        self.results: list[Any] = []
        self.here: dict[Key, DataNode] = {}

    def begin(self, scheduler: Scheduler) -> None:
        """Shuffle, unless the results of an earlier shuffle are still kept."""
        if self.results:
            return
        graph = self.graph
        if scheduler.client is None:
            opened = [graph[key] for key in self.kept if not graph[key].dependencies]
            graph = graph | {node.key: _opened(node, scheduler.in_processes) for node in opened}
        if scheduler.client is not None:
            self.results = scheduler.submit(graph, self.kept, self.annotations)
            return
        self.results = scheduler.run(graph, self.kept)
        pairs = zip(self.kept, self.results, strict=True)
        self.here = {key: DataNode(key, value) for key, value in pairs}

    def end(self) -> None:
        """Release the results. The rows on disk are then deleted."""
        release(self.results)
        self.results, self.here = [], {}


def set_apart(
    graph: dict[Key, Any], outputs: Iterable[Key], annotations: Annotations
) -> tuple[dict[Key, Any], set[Key], Shuffles | None]:
    """Separate the shuffles that ``outputs`` depend on from the rest of their graph.

    Returns
    -------
    graph : dict of key to GraphNode
        The rest. Its tasks read partitions. They depend on results of the shuffles, whose tasks are
        not in this graph.
    partitions : set of keys
        The tasks that read partitions. Each of them stays a task of its own: in P2P it runs on the
        worker that has the partition on its disk, and partitions of one block may be on several.
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
    partitions = after & reached(graph, outputs, after)
    kept = {need for key in partitions for need in graph[key].dependencies}
    # The new names are then in the order of the partitions, as the old ones are.
    before = sorted(reached(graph, kept), key=lambda key: natural_sort_key(str(key)))
    token = uuid4().hex
    names: dict[Key, Key] = {k: (f"{key_split(k)}-{token}", i) for i, k in enumerate(before)}
    ids: dict[str, str] = {}
    for i, key in enumerate(barriers.intersection(before)):
        if is_p2p_barrier(graph[key]):
            # P2P finds a shuffle by its id and by the key of its barrier, and runs only one with
            # the same id at a time. The same rows may be shuffled twice on a cluster, by another
            # graph for example, so this shuffle gets an id of its own.
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
    # P2P puts a partition of both sides of a merge on one worker if a task needs both sides.
    both = ("shuffled-" + token, 0)
    passed[both] = Task(both, _after, List(*map(TaskRef, results)), tuple)
    results.append(both)
    annotated = {names[key]: annotations[key] for key in before if key in annotations}
    # An annotated task is not fused, so that its annotations do not apply to other tasks.
    fused = fuse_linear_task_spec(passed, [*results, *annotated])
    return rest, partitions, Shuffles(fused, results, annotated)


def warn_of_orders(graph: Mapping[Key, Any], outputs: Mapping[str, Iterable[Key]]) -> None:
    """Warn if the rows of some parts come from a shuffle of a frame, and those of others do not.

    A shuffle of dask has no fixed order of rows. In one pass, two shuffles of the same sources have
    the same order. Rows that were persisted before may have another order.
    """
    barriers = {key for key, node in graph.items() if is_frame_barrier(node)}
    if not barriers:
        return
    shuffled = {name: not barriers.isdisjoint(reached(graph, k)) for name, k in outputs.items()}
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


def warn_of_draws(graph: Mapping[Key, Any]) -> None:
    """Warn if rows are drawn by their places, and these come from a shuffle of a frame."""
    if any(map(is_frame_barrier, graph.values())):
        warnings.warn(
            "The rows come from a shuffle of a frame (shuffle, merge, sort_values, set_index), "
            "which dask does in another order each time. So a row may be drawn for several parts. "
            "Persist the frame before it is split: df = df.persist().",
            UserWarning,
            stacklevel=5,
        )


def reached(graph: Mapping[Key, Any], roots: Iterable[Key], ends: Iterable[Key] = ()) -> set[Key]:
    """Return ``roots`` and the tasks that they need, but not the tasks that ``ends`` need."""
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
    """Return a task, or an argument of one, with other ids of P2P shuffles."""
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
    """Make the tasks that write partitions to a shuffle by disk run one after the other.

    The shuffle appends rows as they arrive. Without this order, rows would have another order in
    each pass, and in each of two columns of a frame that are shuffled separately.
    """
    before = None
    for key in sorted(graph[barrier].dependencies, key=lambda key: key[1]):
        node = graph[key]
        if before is not None:
            graph[key] = Task(key, _after, TaskRef(before), node.func, *node.args, **node.kwargs)
        before = key


def _opened(node: Task, in_processes: bool) -> DataNode:
    """Open the file of a shuffle by disk in this process, so that it lasts for several passes.

    The processes that run a graph delete their files when they end. A task that was pickled opens
    a file that several processes can use: no process keeps rows of it in its own memory.
    """
    return DataNode(node.key, (pickle.loads(pickle.dumps(node)) if in_processes else node)())


def _after(_before: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)
