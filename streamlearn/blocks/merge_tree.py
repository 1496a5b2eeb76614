"""Merging in a tree whose shape depends on the number of parts alone, so rounding cannot change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from streamlearn.blocks import door

if TYPE_CHECKING:
    from streamlearn.blocks.graph import GraphNode, Key

FAN_IN = 8
"""Parts that are merged at a time."""


def merged_in_tree(
    graph: dict[Key, GraphNode],
    parts: list[Key],
    keys: Iterator[Key],
    merge: Callable[..., Any],
    how: Any,
) -> tuple[Key, dict[int, Key]]:
    """Add the tasks that merge ``parts`` to ``graph``.

    Parameters
    ----------
    graph : dict of key to task
    parts : list of key
    keys : iterator of key
        The keys of the new tasks. As many as there are parts are enough.
    merge : callable
        ``(how, list of parts) -> merged part``.
    how : object

    Returns
    -------
    key
        The key of the last task.
    dict of int to key
        For each number of parts after which there is something to merge: the last task that merges
        only these parts.
    """
    n, size = len(parts), 1
    due: dict[int, Key] = {}
    while True:
        merged: list[Key] = []
        size *= FAN_IN
        for at in range(0, len(parts), FAN_IN):
            key = next(keys)
            some = door.List(*map(door.TaskRef, parts[at : at + FAN_IN]))
            graph[key] = door.Task(key, merge, how, some)
            merged.append(key)
            due[min(len(merged) * size, n)] = key
        parts = merged
        if len(parts) == 1:
            return parts[0], due


class MergeTree:
    """The same tree for parts that come one after the other.

    Parameters
    ----------
    merge : callable
        ``(list of parts) -> merged part``.
    levels : list of lists, optional
        The levels of a tree that grows on here.

    Attributes
    ----------
    levels : list of lists
        The parts that wait for others: as they came, merged once, merged twice...
    """

    def __init__(
        self, merge: Callable[[list[Any]], Any], levels: Iterable[Iterable[Any]] = ()
    ) -> None:
        self.merge = merge
        self.levels: list[list[Any]] = [list(level) for level in levels]

    def add(self, part: Any, level: int = 0) -> None:
        """Add the next part."""
        if level == len(self.levels):
            self.levels.append([])
        self.levels[level].append(part)
        if len(self.levels[level]) == FAN_IN:
            full, self.levels[level] = self.levels[level], []
            self.add(self.merge(full), level + 1)

    def result(self) -> Any:
        """Return the merged parts."""
        rest: list[Any] = []
        for level in self.levels:
            rest = [self.merge(level + rest)]
        return self.merge(rest)
