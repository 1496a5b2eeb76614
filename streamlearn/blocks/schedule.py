"""One pass over blocks as tasks: when each block may be loaded.

`fold` and `reduce` build on this. A block's task waits for the result of an earlier block, its
*gate*. So at most ``window`` + 1 blocks and shared sources are in memory at any time. On a cluster
the client does the waiting, see `streamlearn.blocks.on_cluster`.
"""

from __future__ import annotations

import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from streamlearn.blocks import door
from streamlearn.blocks.block import how_to_compute
from streamlearn.blocks.containers import Blocks
from streamlearn.blocks.left_out import leaves_out
from streamlearn.blocks.loading import load_block, make_shared
from streamlearn.blocks.merge_tree import FAN_IN
from streamlearn.blocks.plan import Plan, Recipe, source_keys
from streamlearn.blocks.read_ahead import gates, is_source_task, lifetimes, sources
from streamlearn.blocks.watch import WatchedPass

NOBODY = WatchedPass(())
"""A pass that nobody watches."""

if TYPE_CHECKING:
    from streamlearn.blocks.done_tasks import DoneTasks
    from streamlearn.blocks.graph import Annotations, GraphNode, Key, List, Scheduler
    from streamlearn.blocks.on_cluster import OnCluster


class Schedule:
    """The tasks of one pass over ``blocks`` in ``order``.

    Parameters
    ----------
    blocks : Blocks
        Blocks of dask collections.
    order : sequence of int
        The index of the block at each position. An index appears at most once.
    result : str
        The name of the tasks after which a block is no longer needed. The task at position ``p``
        has the key ``(f"{result}-{token}", p)``, and loads wait for it.
    ordered : bool
        Whether each of these tasks waits for the one before.
    passing : WatchedPass
        The pass, to which the newest record of each of these tasks is shown.

    Raises
    ------
    ValueError
        If ``order`` names a block twice.
    RuntimeError
        If the data are on a cluster and its client is not the scheduler in use.
    """

    def __init__(
        self,
        blocks: Blocks,
        order: Sequence[int],
        result: str,
        *,
        ordered: bool,
        passing: WatchedPass = NOBODY,
    ) -> None:
        assert blocks.plan is not None
        self.plan: Plan = blocks.plan
        self.names, self.functions, self.rows = blocks.names, blocks.functions, blocks.rows
        self.leaves_out = leaves_out()
        self.order = [int(index) for index in order]
        self.scheduler: Scheduler = door.scheduler(blocks.sources)
        if len(set(self.order)) < len(self.order):
            raise ValueError("The order of the blocks names a block twice.")
        if self.plan.remote and self.scheduler.client is None:
            raise RuntimeError(
                "The data are persisted on a cluster, and its Client is not the dask scheduler in "
                "use. Make it the current one, or persist the data without it."
            )
        self.token, self.result, self.passing = uuid4().hex, result, passing
        # Without an order of their own, results could let later loads begin while a late block
        # still keeps the sources that it shares. A chain of empty tasks is then the gate.
        self.gate = "wait-for-block" if self.plan.shared and not ordered else result
        self.computation = door.OneComputation(len(self.order))
        tasks = None
        if passing.seen_by:
            tasks = door.DoneTasks(f"{result}-{self.token}", passing.done)
        self.done_tasks: DoneTasks | None = tasks
        self.cluster: OnCluster | None = None
        if self.scheduler.client is not None:
            self.cluster = door.OnCluster(self.scheduler, self._name_killers, tasks)
        self.shared = {key: self.key("load-shared", i) for i, key in enumerate(self.plan.shared)}
        self.first, self.last = lifetimes(self.plan, self.order)
        self.begin, self.end = _by_position(self.first), _by_position(self.last)
        with door.connected(self.scheduler.client):
            self.window = setting("window", self.scheduler.read_ahead())
        self.gates = self._gates(self.window)
        self.carried: dict[Key, Any] = {}
        self.annotations: Annotations = {}
        self.due: list[int] = []
        if self.plan.shuffles:
            with door.connected(self.scheduler.client):
                self.plan.shuffles.begin(self.scheduler)

    def key(self, name: str, position: int) -> Key:
        """Return the key of a task. dask shows the task as ``name``."""
        return (f"{name}-{self.token}", position)

    def loads(
        self,
        start: int,
        stop: int,
        name: str,
        prepare: Callable[..., Any],
        due: Mapping[int, Key] | None = None,
    ) -> dict[Key, GraphNode]:
        """Return the tasks that load positions ``start`` to ``stop``, and the tasks they need.

        ``due`` has tasks that use up results, by the number of the results that they need. Loads
        wait for them, too. dask would put them off to the end, and keep all results until then.
        """
        graph: dict[Key, GraphNode] = {}
        for n, key in (due or {}).items():  # the loads do not get what these tasks return
            used = self.key("wait-for-merge", n)
            graph[used] = door.Task(used, _nothing, None, door.TaskRef(key))
        self.due = sorted(due or ())
        for old, value in self.carried.items():
            # A task and not data: the scheduler drops the result of a task after its last use.
            key = self.shared[old]
            graph[key] = door.Task(key, list.pop, [value])
        for old in self._beginning(start, stop):
            key = self.shared[old]
            graph[key] = self._task_of_shared(key, old, start)
        for p in range(start, stop):
            key = self.key(name, p)
            graph[key] = self._task_of_load(key, p, start, prepare)
        gated = self.cluster is None and self.gate != self.result and stop > start
        for p in range(start, self.gates[stop - 1] + 1 if gated else start):
            key = self.key(self.gate, p)
            before = door.TaskRef(self.key(self.gate, p - 1)) if p > start else None
            graph[key] = door.Task(key, _nothing, before, door.TaskRef(self.key(self.result, p)))
        needed = {key for node in graph.values() for key in node.dependencies}
        outside = self.plan.outside | (self.plan.shuffles.here if self.plan.shuffles else {})
        return graph | {key: outside[key] for key in needed & outside.keys()}

    def _task_of_shared(self, key: Key, old: Key, start: int) -> GraphNode:
        """Return the task that makes what several blocks need, the task ``old`` of the plan."""
        node = self.plan.shared[old]
        source = is_source_task(old, self.plan)
        self._annotate(key, (old,))
        return door.Task(
            key,
            make_shared,
            Recipe(((node, ()),), (old,), tuple(node.dependencies)),
            self.order[self.first[old]],
            self._tries(key),
            self._gate(self.first[old], start) if source else None,
            *(door.TaskRef(self.shared.get(k, k)) for k in node.dependencies),
            _data_producer=source,
        )

    def _task_of_load(
        self, key: Key, position: int, start: int, prepare: Callable[..., Any]
    ) -> GraphNode:
        """Return the task that loads the block at a position."""
        index = self.order[position]
        recipe = self.plan.recipes[index]
        self._annotate(key, (node.key for node, _ in recipe.nodes))
        # dask places a data producer on any free worker, and other tasks near their inputs. What
        # blocks share is an input: it would draw loads to one worker. Only a partition that a
        # shuffle left on one worker is a reason to run there.
        return door.Task(
            key,
            load_block,
            self.names,
            self.functions,
            index,
            self.rows[index],
            prepare,
            recipe,
            self._tries(key),
            self._gate(position, start),
            *(door.TaskRef(self.shared.get(k, k)) for k in recipe.inputs),
            _data_producer=self.plan.alone.isdisjoint(recipe.inputs),
        )

    def joined(
        self, graph: dict[Key, GraphNode], load: Key, key: Key, after: Callable[..., Any], *how: Any
    ) -> GraphNode:
        """Take a block's task out of ``graph``, and return the task ``key`` that goes on from it.

        It computes ``after(*how, function, *inputs)``, where ``function(*inputs)`` is the block.
        """
        node = graph.pop(load)
        assert isinstance(node, door.Task)
        if load in self.annotations:
            self.annotations[key] = self.annotations.pop(load)
        return door.Task(key, after, *how, node.func, *node.args, _data_producer=node.data_producer)

    def run(self, graph: dict[Key, GraphNode], key: Key, start: int, stop: int) -> Any:
        """Run ``graph``, for positions ``start`` to ``stop``, and return the result of ``key``.

        Shared results that later blocks need are kept. It is not for a cluster.
        """
        here, self.carried, self.annotations = self.carried, {}, {}
        ahead = [k for k in (*here, *self._beginning(start, stop)) if self.last[k] >= stop]
        result, *kept = self.scheduler.run(
            graph,
            [key, *(self.shared[k] for k in ahead)],
            sent=here,
            tasks=self.done_tasks,
            part=self.computation.part(graph, stop - start),
        )
        self.carried = dict(zip(ahead, kept, strict=True))
        return result

    def let_in(self, done: int, start: int, stop: int) -> int:
        """Return the end of the positions from ``start`` on that may be loaded, at most ``stop``.

        The blocks at positions before ``done`` are no longer needed.
        """
        return bisect_left(self.gates, done, start, stop)

    def submit(
        self,
        graph: dict[Key, GraphNode],
        keys: Iterable[Key],
        load: str = "",
        start: int = 0,
        stop: int = 0,
    ) -> None:
        """Submit ``graph`` to the cluster. It has the tasks ``load`` of ``start`` to ``stop``.

        Their results are kept there, and those of ``keys``, and what later blocks share. All tasks
        but loads have a higher priority: they make room for others.
        """
        assert self.cluster is not None
        annotations, self.annotations = self.annotations, {}
        loads = [self.key(load, p) for p in range(start, stop)]
        shared = [self.shared[old] for old in self._beginning(start, stop)]
        urgent = graph.keys() - {*loads, *shared}
        outside = graph.keys() & self.plan.outside.keys()
        annotations |= {key: {"priority": 1} for key in urgent - outside}
        self.cluster.submit(graph, [*keys, *loads, *shared, *outside], annotations)

    def let_go(self, load: str, start: int, stop: int) -> None:
        """Release the tasks ``load`` of these positions, and what no later position shares."""
        assert self.cluster is not None
        for p in range(start, stop):
            ended = (self.shared[old] for old in self.end.get(p, ()))
            self.cluster.drop([self.key(load, p), *ended])

    def __enter__(self) -> Self:
        """Begin the pass."""
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """End the pass. If it ends early, release all that is kept for later blocks and passes."""
        self.computation.close()
        self.carried = {}
        if self.cluster is not None:
            self.cluster.drop([*self.cluster.futures])
        if error is not None and self.plan.shuffles:
            self.plan.shuffles.end()

    def _annotate(self, key: Key, made_of: Iterable[Key]) -> None:
        """Give a task the annotations of the collections' tasks that it runs."""
        known = self.plan.annotations
        if known and (own := [known[old] for old in made_of if old in known]):
            self.annotations[key] = door.fused_annotations(*own)

    def _tries(self, key: Key) -> int:
        """Return how often a task tries to read before a block is left out; 0 if none is.

        dask runs a task that fails again, as often as its annotation ``retries`` says. A task that
        leaves a block out does not fail, so it tries again itself.
        """
        if not self.leaves_out:
            return 0
        return 1 + int(self.annotations.get(key, {}).get("retries", 0))

    def _name_killers(self, keys: set[Any]) -> str | None:
        """Return a sentence that names the blocks of tasks ``keys``, in which workers died.

        The result is None if they are tasks of no block.
        """
        first: dict[Any, int] = {self.shared[old]: position for old, position in self.first.items()}
        own = {f"{name}-{self.token}" for name in ("load-block", self.result)}
        ours = [k for k in keys if isinstance(k, tuple) and (k in first or k[0] in own)]
        at = {first[k] if k in first else k[1] for k in ours}
        blocks = sorted(self.order[position] for position in at)
        if not blocks:
            return None
        which = " or ".join(f"block {index}" for index in blocks)
        return (
            f"In {which} of {' and '.join(self.names)}: the workers that ran it died. Perhaps "
            f"they had too little memory. {how_to_compute(blocks[0])}."
        )

    def _beginning(self, start: int, stop: int) -> Iterator[Key]:
        return chain.from_iterable(self.begin.get(p, ()) for p in range(start, stop))

    def _gate(self, position: int, start: int) -> List | None:
        gate = self.gates[position]
        if gate < start or self.cluster is not None:  # then the client waits
            return None
        found = [door.TaskRef(self.key(self.gate, gate))]
        # What the last group of results waits for may still be under way.
        if before := bisect_right(self.due, gate + 1 - FAN_IN):
            found.append(door.TaskRef(self.key("wait-for-merge", self.due[before - 1])))
        return door.List(*found)

    def _gates(self, window: int) -> list[int]:
        n = len(self.order)
        spans = sources(self.plan, self.first, self.last)
        # Sources that every block needs stay in memory however long loads wait. Often they are
        # small: a scale or a model. If blocks come from nothing else, they are all of the data.
        always = {key for key, span in spans.items() if span == (0, n - 1)}
        out, bounded = gates([span for k, span in spans.items() if k not in always], n, window)
        everything = always and n > window + 1 and source_keys(self.plan, self.order[0]) <= always
        if everything or not bounded:
            warnings.warn(
                f"More of the data than the window of {window} blocks must be in memory at a time, "
                "since blocks far apart share sources. X may be chunked by columns, or come from "
                "one task. Its rows may be in random order, or depend on a statistic of all rows. "
                "Store the data in chunks of whole rows, or compute the statistic first. Split "
                "rows within blocks: streamlearn.model_selection.train_test_split. If the sources "
                "are small, set a larger window: dask.config.set({'streamlearn.window': ...}).",
                UserWarning,
                stacklevel=2,
            )
        return out


def _by_position(found: Mapping[Key, int]) -> dict[int, list[Key]]:
    out: dict[int, list[Key]] = {}
    for key, position in found.items():
        out.setdefault(position, []).append(key)
    return out


def setting(name: str, default: int) -> int:
    """Return an option of the engine from dask's configuration: a whole number, at least 1.

    Raises
    ------
    ValueError
        If the option is something else.
    """
    value = door.config.get(f"streamlearn.{name}", default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(
            f"The dask option streamlearn.{name} must be a whole number of at least 1, got "
            f"{value!r}."
        )
    return value


def _nothing(*_waited_for: Any) -> None:
    return None
