"""The adapter to dask's graphs, which uses names that dask may change or move.

An array's raw graph is used without low-level optimization. dask's optimization renames and inlines
tasks, so a source would be read once for X and again for y. `plan.split` fuses tasks instead.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import dask
from dask._task_spec import (
    Alias,
    DataNode,
    GraphNode,
    List,
    Task,
    TaskRef,
    convert_legacy_graph,
    fuse_linear_task_spec,
)
from dask.array.optimization import optimize
from dask.base import collections_to_expr, get_scheduler
from dask.blockwise import _fuse_annotations as fused_annotations
from dask.core import flatten
from dask.highlevelgraph import HighLevelGraph, Layer, MaterializedLayer
from dask.system import CPU_COUNT
from dask.utils import ensure_dict

from streamlearn.blocks.blas import one_blas_thread
from streamlearn.blocks.categorized import mended

if TYPE_CHECKING:
    from streamlearn.blocks.done_tasks import DoneTasks

__all__ = [
    "Alias",
    "Annotations",
    "DataNode",
    "GraphNode",
    "HighLevelGraph",
    "Key",
    "Layer",
    "List",
    "Scheduler",
    "Task",
    "TaskRef",
    "collection_of_expression",
    "convert_legacy_graph",
    "expressions_of_frames",
    "fuse_linear_task_spec",
    "fused_annotations",
    "is_disk_barrier",
    "is_frame_barrier",
    "is_future",
    "is_p2p_barrier",
    "optimized",
    "raw_graph",
    "release",
    "row_sources",
    "scheduler",
]

Key = Hashable
Annotations = dict[Key, dict[str, Any]]
"""Annotations of tasks from ``dask.annotate``: retries, priority, workers, resources."""


def expressions_of_frames() -> Any:
    """Return dask's module of the expressions of frames, whose import takes long."""
    from dask.dataframe.dask_expr import _expr

    return _expr


def collection_of_expression(expression: Any) -> Any:
    """Return the dask frame of an expression."""
    from dask.dataframe.dask_expr._collection import new_collection

    return new_collection(expression)


def raw_graph(
    arrays: Mapping[str, Any], frames: Mapping[str, Any]
) -> tuple[dict[Key, Any], dict[str, list[Key]], Annotations]:
    """Return the tasks of all collections, the keys of each, and the annotations of the tasks.

    The keys of a collection are in the order of its rows. Frames go through dask's query planner,
    which reads only the columns that are needed. They go through it together, so a file that two of
    them share is read once. (``dask.optimize`` on several frames returns the data of the first one
    for each of them.) The planner drops the annotations of frames, with a warning. Futures stay as
    they are.
    """
    merged: dict[Key, Any] = {}
    keys: dict[str, list[Key]] = {}
    annotations: Annotations = {}
    for name, array in arrays.items():
        # An update from a HighLevelGraph would look up each key in every layer.
        graph = array.__dask_graph__()
        merged.update(ensure_dict(graph))
        for layer in getattr(graph, "layers", {}).values():
            for kind, value in (layer.annotations or {}).items():
                for key in layer:
                    own = value(key) if callable(value) else value
                    annotations.setdefault(key, {})[kind] = own
        keys[name] = list(flatten(array.__dask_keys__()))
    if frames:
        planned = _planned(list(frames.values()), {len(found) for found in keys.values()})
        merged.update(planned.__dask_graph__())
        keys |= zip(frames, map(list, map(flatten, planned.__dask_keys__())), strict=True)
    futures = {key: value for key, value in merged.items() if is_future(value)}
    nodes = convert_legacy_graph({k: v for k, v in merged.items() if k not in futures}, set(merged))
    # An alias of `dask.dataframe.from_delayed` has the key of its target instead of its own.
    renamed = {
        key: Alias(key, node.target)
        for key, node in nodes.items()
        if isinstance(node, Alias) and node.key != key
    }
    return nodes | renamed | futures, keys, annotations


def _planned(frames: list[Any], chunks: set[int]) -> Any:
    """Plan frames together, so that only the columns that are needed are read.

    The planner's steps are called one by one, because ``optimize`` joins partitions if few columns
    of a file are read. The index of a block would then be no partition that the user knows, and the
    result would depend on the columns that are read. dask joins partitions when it makes an array
    of a frame. So a frame that comes with such an array is planned by ``optimize``.
    """
    asked = mended(collections_to_expr(frames))
    planned = asked.simplify().lower_completely().simplify()
    if chunks - set(map(len, planned.__dask_keys__())):
        return asked.optimize(fuse=False)
    return planned


def row_sources(node: GraphNode) -> Set[Key]:
    """Return the dependencies that contain a task's rows, but not those with indices of rows."""
    takes = sys.modules.get("dask.array._shuffle")
    functions = () if takes is None else (takes._getitem, takes.concatenate_arrays)
    if getattr(node, "func", None) not in functions:
        return node.dependencies
    rows = node.args[0]
    return {rows.key} if isinstance(rows, TaskRef) else rows.dependencies


def optimized(array: Any, keys: Sequence[Key]) -> dict[Key, Any]:
    """Return the tasks that an array needs for ``keys``, optimized by dask."""
    return dict(optimize(ensure_dict(array.__dask_graph__()), list(keys)))


def _annotated(graph: dict[Key, Any], annotations: Annotations) -> HighLevelGraph:
    """Return ``graph`` as a HighLevelGraph with annotations."""
    kinds: dict[str, dict[Key, Any]] = {}
    for key, own in annotations.items():
        for kind, value in own.items():
            kinds.setdefault(kind, {})[key] = value
    # dask calls such a function with each key. None means that the task has no such annotation.
    by_key = {kind: values.get for kind, values in kinds.items()}
    return HighLevelGraph({"pass": MaterializedLayer(graph, by_key)}, {"pass": set()})


def is_future(value: Any) -> bool:
    """Return whether ``value`` is a future, which refers to data on a cluster."""
    return bool(getattr(value, "__dask_future__", False)) or (
        type(value).__module__.partition(".")[0] == "distributed" and hasattr(value, "key")
    )


def is_p2p_barrier(node: Any) -> bool:
    """Return whether a task is the barrier of a shuffle by P2P."""
    p2p = sys.modules.get("distributed.shuffle._core")
    return p2p is not None and isinstance(node, p2p.P2PBarrierTask)


def is_frame_barrier(node: Any) -> bool:
    """Return whether a task is the barrier of a shuffle without a fixed order of rows.

    That is every shuffle of a frame. When P2P rechunks an array, each row has a fixed place.
    """
    if is_p2p_barrier(node):
        return type(node.spec).__name__ != "ArrayRechunkSpec"
    return is_disk_barrier(node)


def is_disk_barrier(node: Any) -> bool:
    """Return whether a task is the barrier of a shuffle by disk."""
    by_disk = sys.modules.get("dask.dataframe.shuffle")
    return by_disk is not None and getattr(node, "func", None) is by_disk.barrier


class Scheduler(NamedTuple):
    """A scheduler of dask, on which graphs run.

    Attributes
    ----------
    get : callable
        ``get(graph, keys) -> results``, the interface of every dask scheduler.
    client : distributed.Client or None
    """

    get: Any
    client: Any = None

    @one_blas_thread()
    def run(
        self,
        graph: dict[Key, Any],
        keys: list[Key],
        *,
        sent: dict[Key, Any] | None = None,
        tasks: DoneTasks | None = None,
        part: AbstractContextManager[None] | None = None,
    ) -> list[Any]:
        """Run ``graph`` in this process and return the results of ``keys``.

        BLAS has one thread meanwhile.

        Parameters
        ----------
        graph : dict of key to GraphNode
        keys : list of keys
        sent : dict, optional
            Values that ``graph`` refers to. The dict is emptied before the graph runs, so that the
            values live no longer than the tasks that need them.
        tasks : DoneTasks, optional
            The tasks whose records are reported when they are done.
        part : context manager, optional
            A context for the scheduler.

        Returns
        -------
        list
        """
        if sent:
            sent.clear()
        with part or nullcontext(), tasks.here() if tasks else nullcontext():
            return list(self.get(graph, keys))

    def submit(
        self, graph: dict[Key, Any], keys: Sequence[Key], annotations: Annotations
    ) -> list[Any]:
        """Submit ``graph`` to the cluster and return the futures of ``keys``.

        Tasks that are submitted later have a lower priority, unless annotations say otherwise.
        """
        # dask would hash all tasks of a dict, and it hashes no graph of layers.
        whole = _annotated(graph, annotations)
        return list(self.client.get(whole, list(keys), sync=False, fifo_timeout=0))

    @property
    def in_processes(self) -> bool:
        """Whether tasks run in several processes of this machine, without a cluster."""
        return "multiprocessing" in getattr(self.get, "__module__", "")

    def read_ahead(self) -> int:
        """Return how many blocks to load ahead, so that every thread or worker is busy."""
        if self.client is not None:
            threads = self.client.nthreads().values()
            return max(2, 2 * len(threads), sum(threads) + 1)
        if "sync" in getattr(self.get, "__name__", ""):
            return 2
        pool = dask.config.get("pool", None)
        threads = getattr(pool, "_max_workers", None) or getattr(pool, "_processes", None)
        return max(2, int(threads or dask.config.get("num_workers", None) or CPU_COUNT))


def release(values: Iterable[Any]) -> None:
    """Release the futures among ``values``. Work that nobody else needs stops."""
    for value in values:
        if is_future(value):
            value.release()


def scheduler(collections: Sequence[Any]) -> Scheduler:
    """Return the scheduler that dask would run ``collections`` on.

    Raises
    ------
    RuntimeError
        If the current client is asynchronous: this code cannot wait for it.
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
