"""Blocks side by side on a cluster. Their results are merged in groups, which the client merges.

A group is a node of the tree of `streamlearn.blocks.merge_tree`, so rounding is the same. The
results of its blocks are kept until the client has what they were merged to.
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
    done = loaded = group = start  # the first positions without a result, a task, a merged group
    while group < stop:
        first, loaded = loaded, schedule.let_in(done, loaded, stop)
        if first < loaded:
            graph, merged = tasks(first, loaded), []
            for end in _ends(start, stop, first, loaded):
                begin = end - 1 - (end - 1 - start) % FAN_IN
                key = schedule.key("merge-blocks", begin)
                parts = [door.TaskRef(schedule.key(name, p)) for p in range(begin, end)]
                graph[key] = door.Task(key, merge, how, door.List(*parts))
                merged.append(key)
            schedule.submit(graph, merged, name, first, loaded)
        waited = [schedule.key(name, done)] if done < loaded else []
        end, key = min(group + FAN_IN, stop), schedule.key("merge-blocks", group)
        waited += [key] if end <= loaded else []
        cluster.wait(*waited)
        while done < loaded and cluster.done(schedule.key(name, done)):
            done += 1
        if end <= loaded and cluster.done(key):
            tree.add(cluster.take(key))
            schedule.let_go(name, group, end)
            group = end
    return tree.result()


def _ends(start: int, stop: int, first: int, last: int) -> list[int]:
    """Return the ends of groups, counted from ``start``, after ``first`` and up to ``last``."""
    return [p for p in range(first + 1, last + 1) if (p - start) % FAN_IN == 0 or p == stop]
