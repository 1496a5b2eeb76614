"""The adapter to dask's graphs: the one module that touches what dask may move.

An array's raw graph is taken as it is, without low-level optimization: those passes rename and
inline tasks, and so read a source once for X and once more for y. `Plan` splits it instead. What
only one block needs becomes that block's `Recipe`, run inside a single task; what several blocks
need (a rechunk's sources, say) stays a task of the graph and runs once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import dask
from dask._task_spec import (
    Alias,
    DataNode,
    GraphNode,
    List,
    Task,
    TaskRef,
    convert_legacy_graph,
)
from dask.base import collections_to_expr, get_scheduler
from dask.core import flatten
from dask.system import CPU_COUNT

__all__ = [
    "Alias",
    "DataNode",
    "GraphNode",
    "Key",
    "List",
    "Plan",
    "Recipe",
    "Scheduler",
    "Task",
    "TaskRef",
    "cook",
    "is_future",
    "plan",
    "raw_graph",
    "scheduler",
]

Key = Hashable


class Recipe(NamedTuple):
    """How to make one block from its inputs: plain data, so that it travels inside a task.

    Attributes
    ----------
    nodes : tuple of (GraphNode, tuple of keys)
        In running order, each with the keys that nothing after it needs.
    outputs : tuple of keys
        The block's parts.
    inputs : tuple of keys
        What must be handed in.
    """

    nodes: tuple[tuple[GraphNode, tuple[Key, ...]], ...]
    outputs: tuple[Key, ...]
    inputs: tuple[Key, ...]


class Plan(NamedTuple):
    """A collection's graph, split into blocks and what they share.

    Attributes
    ----------
    recipes : list of Recipe
        One a block.
    shared : dict of key to GraphNode
        Tasks that several blocks need, each after the tasks it needs itself.
    readers : dict of key to set of int
        The blocks whose recipes take a shared task's result.
    outside : dict of key to object
        Data that exist already: futures of a cluster, or values in memory that several blocks take.
    """

    recipes: list[Recipe]
    shared: dict[Key, GraphNode]
    readers: dict[Key, set[int]]
    outside: dict[Key, Any]


def cook(recipe: Recipe, inputs: Sequence[Any]) -> list[Any]:
    """Run a recipe on ``inputs``; return the block's parts. No step is held longer than needed."""
    values = dict(zip(recipe.inputs, inputs, strict=True))
    for node, spent in recipe.nodes:
        values[node.key] = node(values)
        for key in spent:
            del values[key]
    return [values[key] for key in recipe.outputs]


def raw_graph(
    arrays: Mapping[str, Any], frames: Mapping[str, Any]
) -> tuple[dict[Key, Any], dict[str, list[Key]]]:
    """Return the tasks of all collections, and each one's keys in the order of its rows.

    Frames go through dask's query planner, which reads only the columns that are asked for, and all
    together, so that a file two of them share is read once. (``dask.optimize`` on several frames
    returns the first one's data for each of them.) Futures stay as they are.
    """
    merged: dict[Key, Any] = {}
    keys: dict[str, list[Key]] = {}
    for name, array in arrays.items():
        merged.update(array.__dask_graph__())
        keys[name] = list(flatten(array.__dask_keys__()))
    if frames:
        planned = collections_to_expr(list(frames.values())).optimize(fuse=False)
        merged.update(planned.__dask_graph__())
        keys |= zip(frames, map(list, map(flatten, planned.__dask_keys__())), strict=True)
    futures = {key: value for key, value in merged.items() if is_future(value)}
    nodes = convert_legacy_graph({k: v for k, v in merged.items() if k not in futures}, set(merged))
    return nodes | futures, keys


def is_future(value: Any) -> bool:
    """Tell whether ``value`` stands for data on a cluster."""
    return bool(getattr(value, "__dask_future__", False)) or (
        type(value).__module__.partition(".")[0] == "distributed" and hasattr(value, "key")
    )


def plan(graph: Mapping[Key, Any], blocks: Sequence[tuple[Key, ...]]) -> Plan:
    """Split ``graph`` for ``blocks``, each given by the keys of its parts."""
    several = -1
    owner: dict[Key, int] = {}
    for index, outputs in enumerate(blocks):
        stack = list(outputs)
        while stack:
            key = stack.pop()
            node = graph.get(key)
            if not isinstance(node, GraphNode) or owner.get(key) in (index, several):
                continue
            owner[key] = several if key in owner else index
            stack.extend(node.dependencies)

    def ordered(roots: Iterable[Key], who: int) -> list[Key]:
        out: dict[Key, None] = {}
        stack = [(key, False) for key in roots]
        while stack:
            key, ready = stack.pop()
            if owner.get(key) != who or key in out:
                continue
            if ready:
                out[key] = None
                continue
            stack.append((key, True))
            stack.extend((dep, False) for dep in graph[key].dependencies)
        return list(out)

    recipes: list[Recipe] = []
    readers: dict[Key, set[int]] = {}
    for index, outputs in enumerate(blocks):
        own = ordered(outputs, index)
        last = {dep: key for key in own for dep in graph[key].dependencies}
        spent: dict[Key, list[Key]] = {}
        for dep, user in last.items():
            if dep not in outputs:
                spent.setdefault(user, []).append(dep)
        inside = set(own)
        inputs = [key for key in dict.fromkeys([*last, *outputs]) if key not in inside]
        for key in inputs:
            readers.setdefault(key, set()).add(index)
        recipes.append(
            Recipe(
                tuple((graph[key], tuple(spent.get(key, ()))) for key in own),
                tuple(outputs),
                tuple(inputs),
            )
        )
    common = {key: graph[key] for key in ordered((k for k in readers if k in owner), several)}
    shared = {key: node for key, node in common.items() if not isinstance(node, DataNode)}
    needed = set(readers).union(*(node.dependencies for node in shared.values()))
    outside = {key: graph.get(key) for key in needed if key not in shared}
    return Plan(recipes, shared, {key: readers.get(key, set()) for key in shared}, outside)


class Scheduler(NamedTuple):
    """Where graphs run.

    Attributes
    ----------
    get : callable
        ``get(graph, keys) -> results``, as every dask scheduler has it.
    client : distributed.Client or None
    """

    get: Any
    client: Any = None

    def run(
        self, graph: dict[Key, Any], keys: list[Key], *, stay: int = 0, sent: dict | None = None
    ) -> list[Any]:
        """Run ``graph`` for ``keys``.

        On a cluster the last ``stay`` results remain there, as futures. ``sent`` is emptied as soon
        as the graph is on its way: what it refers to then lives no longer than its readers need it.
        """
        if self.client is None:
            if sent:
                sent.clear()
            return list(self.get(graph, keys))
        futures = self.client.get(graph, keys, sync=False)
        if sent:
            sent.clear()
        home = len(keys) - stay
        return self.client.gather(futures[:home]) + list(futures[home:])

    def read_ahead(self) -> int:
        """Return how many blocks to load ahead: enough for every thread or worker to be busy."""
        if self.client is not None:
            threads = self.client.nthreads().values()
            return max(2, 2 * len(threads), sum(threads) + 1)
        if "sync" in getattr(self.get, "__name__", ""):
            return 2
        pool = dask.config.get("pool", None)
        threads = getattr(pool, "_max_workers", None) or getattr(pool, "_processes", None)
        return max(2, int(threads or dask.config.get("num_workers", None) or CPU_COUNT))


def scheduler(collections: Sequence[Any]) -> Scheduler:
    """Return the scheduler that dask would run ``collections`` on.

    Raises
    ------
    RuntimeError
        Under an asynchronous client, which cannot be waited for here.
    """
    try:
        get = get_scheduler(collections=list(collections))
    except RuntimeError as error:
        if "asynchronous" not in str(error):
            raise
        raise RuntimeError(
            "The current dask Client is asynchronous, and fit, score and the metrics wait for "
            "their results. Use a Client made with asynchronous=False."
        ) from error
    client = getattr(get, "__self__", None)
    return Scheduler(get, client if hasattr(client, "gather") else None)
