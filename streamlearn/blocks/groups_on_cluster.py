"""Blocks side by side on a cluster. Their results are merged in groups, which the client merges.

A group is a node of the tree of `streamlearn.blocks.merge_tree`, so rounding is the same. If the
window is short, a group is merged in parts. What the first blocks were merged to goes to the
client, and from there to the task that merges the next ones. The results of blocks are kept until
the client has what they were merged to. At most window + 1 blocks are loaded, or have results that
the client has not. So no more are loaded again if a worker dies.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from streamlearn.blocks import door
from streamlearn.blocks.merge_tree import FAN_IN, MergeTree
from streamlearn.blocks.schedule import Schedule

if TYPE_CHECKING:
    from streamlearn.blocks.graph import GraphNode, Key


def merged_in_groups(
    schedule: Schedule,
    start: int,
    stop: int,
    tasks: Callable[[int, int], dict[Key, GraphNode]],
    merge: Callable[[Any, list[Any]], Any],
    how: Any,
) -> Any:
    """Return the merged results of the blocks at positions ``start`` to ``stop``.

    Parameters
    ----------
    schedule : Schedule
    start, stop : int
    tasks : callable
        ``(start, stop) -> graph`` with the results of these positions.
    merge : callable
        ``(how, list of parts) -> merged part``.
    how : object

    Returns
    -------
    object
    """
    assert schedule.cluster is not None
    cluster, name = schedule.cluster, schedule.result
    tree = MergeTree(partial(merge, how))
    length = min(FAN_IN, max(1, schedule.window // 2))
    merging: dict[int, Key] = {}  # by the first position
    so_far: Any = None  # of the blocks of the last group that the client has
    done = loaded = taken = start  # the first positions without a result, a task, one on the client
    while taken < stop:
        first, most = loaded, max(loaded, taken + schedule.window + 1)
        loaded = min(most, schedule.let_in(done, first, stop))
        graph = tasks(first, loaded) if first < loaded else {}
        merged = []
        begin = taken
        while begin < stop and (end := _end_of_cut(begin, start, stop, length)) <= loaded:
            whole = (begin - start) % FAN_IN == 0
            if begin not in merging and (whole or begin == taken):
                key, before = (schedule.key(n, begin) for n in ("merge-blocks", "merged-so-far"))
                parts = [door.TaskRef(schedule.key(name, p)) for p in range(begin, end)]
                if not whole:
                    graph[before] = door.DataNode(before, so_far)
                    parts = [door.TaskRef(before), *parts]
                graph[key] = door.Task(key, merge, how, door.List(*parts))
                merging[begin] = key
                merged.append(key)
            begin = end
        if graph:
            schedule.submit(graph, merged, name, first, loaded)
        waited = [schedule.key(name, done)] if done < loaded else []
        cluster.wait(*waited, *(merging[p] for p in (taken,) if p in merging))
        while done < loaded and cluster.done(schedule.key(name, done)):
            done += 1
        if taken in merging and cluster.done(merging[taken]):
            so_far = cluster.take(merging.pop(taken))
            end = _end_of_cut(taken, start, stop, length)
            schedule.let_go(name, taken, end)
            taken = end
            if (end - start) % FAN_IN == 0 or end == stop:
                tree.add(so_far)
                so_far = None
    return tree.result()


def _end_of_cut(begin: int, start: int, stop: int, length: int) -> int:
    """Return the end of what is merged together from ``begin`` on. Groups are cut, too."""
    group = begin - (begin - start) % FAN_IN
    return min(begin + length, group + FAN_IN, stop)
