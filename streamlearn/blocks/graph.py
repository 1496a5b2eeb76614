"""The adapter to dask's graphs: the one module that touches what dask may move.

An array's raw graph is taken as it is, without low-level optimization: those passes rename and
inline tasks, and so read a source once for X and once more for y. `plan.split` fuses instead.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
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
    fuse_linear_task_spec,
)
from dask.array.optimization import optimize
from dask.base import collections_to_expr, get_scheduler
from dask.blockwise import _fuse_annotations as fused_annotations
from dask.core import flatten
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer
from dask.system import CPU_COUNT
from dask.utils import ensure_dict

__all__ = [
    "Alias",
    "Annotations",
    "DataNode",
    "GraphNode",
    "Key",
    "List",
    "Scheduler",
    "Task",
    "TaskRef",
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
"""What ``dask.annotate`` says of tasks: retries, priority, workers, resources."""


def raw_graph(
    arrays: Mapping[str, Any], frames: Mapping[str, Any]
) -> tuple[dict[Key, Any], dict[str, list[Key]], Annotations]:
    """Return the tasks of all collections, each one's keys in the order of its rows, annotations.

    Frames go through dask's query planner, which reads only the columns that are asked for, and all
    together, so that a file two of them share is read once. (``dask.optimize`` on several frames
    returns the first one's data for each of them.) It drops their annotations, with a warning.
    Futures stay as they are.
    """
    merged: dict[Key, Any] = {}
    keys: dict[str, list[Key]] = {}
    annotations: Annotations = {}
    for name, array in arrays.items():
        # Layer by layer: an update from a HighLevelGraph looks each key up in every layer.
        graph = array.__dask_graph__()
        merged.update(ensure_dict(graph))
        for layer in getattr(graph, "layers", {}).values():
            for kind, value in (layer.annotations or {}).items():
                for key in layer:
                    said = value(key) if callable(value) else value
                    annotations.setdefault(key, {})[kind] = said
        keys[name] = list(flatten(array.__dask_keys__()))
    if frames:
        planned = _planned(list(frames.values()), {len(found) for found in keys.values()})
        merged.update(planned.__dask_graph__())
        keys |= zip(frames, map(list, map(flatten, planned.__dask_keys__())), strict=True)
    futures = {key: value for key, value in merged.items() if is_future(value)}
    nodes = convert_legacy_graph({k: v for k, v in merged.items() if k not in futures}, set(merged))
    # An alias of `dask.dataframe.from_delayed` is called what it stands for, not what it is.
    renamed = {
        key: Alias(key, node.target)
        for key, node in nodes.items()
        if isinstance(node, Alias) and node.key != key
    }
    return nodes | renamed | futures, keys, annotations


def _planned(frames: list[Any], chunks: set[int]) -> Any:
    """Plan frames together: only the columns that are asked for are read.

    Step by step, since ``optimize`` joins the partitions of files of which little is read: what a
    block is called would be no partition of the user's, and what is learned would depend on the
    columns that are read. An array that dask made of a frame has them joined, so a frame that goes
    with such an array is planned as dask does.
    """
    asked = collections_to_expr(frames)
    planned = asked.simplify().lower_completely().simplify()
    if chunks - set(map(len, planned.__dask_keys__())):
        return asked.optimize(fuse=False)
    return planned


def row_sources(node: GraphNode) -> Set[Key]:
    """Return the dependencies that hold a task's rows. Indices by which dask takes rows do not."""
    takes = sys.modules.get("dask.array._shuffle")
    functions = () if takes is None else (takes._getitem, takes.concatenate_arrays)
    if getattr(node, "func", None) not in functions:
        return node.dependencies
    rows = node.args[0]
    return {rows.key} if isinstance(rows, TaskRef) else rows.dependencies


def optimized(array: Any, keys: Sequence[Key]) -> dict[Key, Any]:
    """Return the tasks that an array needs for ``keys``, as dask would run them."""
    return dict(optimize(ensure_dict(array.__dask_graph__()), list(keys)))


def _annotated(graph: dict[Key, Any], annotations: Annotations) -> HighLevelGraph:
    """Return ``graph`` as a graph that says what is said of its tasks."""
    kinds: dict[str, dict[Key, Any]] = {}
    for key, said in annotations.items():
        for kind, value in said.items():
            kinds.setdefault(kind, {})[key] = value
    # A function is asked for each task. None says nothing.
    by_key = {kind: values.get for kind, values in kinds.items()}
    return HighLevelGraph({"pass": MaterializedLayer(graph, by_key)}, {"pass": set()})


def is_future(value: Any) -> bool:
    """Return whether ``value`` stands for data on a cluster."""
    return bool(getattr(value, "__dask_future__", False)) or (
        type(value).__module__.partition(".")[0] == "distributed" and hasattr(value, "key")
    )


def is_p2p_barrier(node: Any) -> bool:
    """Return whether a task ends what a shuffle by P2P takes in."""
    p2p = sys.modules.get("distributed.shuffle._core")
    return p2p is not None and isinstance(node, p2p.P2PBarrierTask)


def is_frame_barrier(node: Any) -> bool:
    """Return whether a task ends what a shuffle of a frame takes in, which has its rows as they come.

    Of an array, P2P knows the place of each.
    """
    if is_p2p_barrier(node):
        return type(node.spec).__name__ != "ArrayRechunkSpec"
    return is_disk_barrier(node)


def is_disk_barrier(node: Any) -> bool:
    """Return whether a task ends what a shuffle by disk takes in."""
    by_disk = sys.modules.get("dask.dataframe.shuffle")
    return by_disk is not None and getattr(node, "func", None) is by_disk.barrier


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
        self,
        graph: dict[Key, Any],
        keys: list[Key],
        *,
        stay: int = 0,
        sent: dict[Key, Any] | None = None,
        annotations: Annotations | None = None,
        name: Callable[[set[Key]], str | None] | None = None,
    ) -> list[Any]:
        """Run ``graph`` for ``keys``.

        On a cluster the last ``stay`` results remain there, as futures. ``sent`` is emptied as soon
        as the graph is on its way: what it refers to then lives no longer than its readers need it.
        ``name`` says in words which tasks workers died of.
        """
        if self.client is None:
            if sent:
                sent.clear()
            return list(self.get(graph, keys))
        whole = _annotated(graph, annotations) if annotations else graph
        futures = list(self.client.get(whole, keys, sync=False))
        if sent:
            sent.clear()
        home, there = futures[: len(keys) - stay], futures[len(keys) - stay :]
        try:
            with _seceded():
                return self.client.gather(home) + there
        except BaseException as error:
            if name is not None and type(error).__name__ == "KilledWorker":
                self._note_killers(error, graph, name)
            release(there)
            raise
        finally:
            # A traceback that somebody keeps refers to them, and so would keep the work going.
            release(home)

    def _note_killers(
        self, error: BaseException, graph: Mapping[Key, Any], name: Callable[..., Any]
    ) -> None:
        """Note which tasks workers died of: the one that dask names only waited on one of them."""
        with suppress(Exception):  # the scheduler may have died, too
            killers = self.client.run_on_scheduler(_killers)
            said = name(killers & graph.keys())
            if said is not None:
                error.add_note(said)

    @property
    def in_processes(self) -> bool:
        """Whether tasks run in processes of this machine, without a cluster."""
        return "multiprocessing" in getattr(self.get, "__module__", "")

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


def _killers(dask_scheduler: Any) -> set[Key]:
    """Return the tasks that were on too many workers that died."""
    tasks = dask_scheduler.tasks.values()
    return {ts.key for ts in tasks if ts.suspicious and ts.exception_blame is ts}


def release(values: Iterable[Any]) -> None:
    """Let go of the futures among ``values``; work that nobody else asked for stops."""
    for value in values:
        if is_future(value):
            value.release()


@contextmanager
def _seceded() -> Iterator[None]:
    """Leave the slot of the task that this runs in, if any, to the tasks that it waits for."""
    import distributed

    try:
        distributed.secede()
        inside = True
    except Exception:  # not inside a task, or one that has left already
        inside = False
    try:
        yield
    finally:
        if inside:
            distributed.rejoin()


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
