"""A dask frame whose partitions are tasks of a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from streamlearn.blocks import door

if TYPE_CHECKING:
    from streamlearn.blocks.graph import Key


def frame_of_tasks(
    graph: dict[Key, Any], keys: list[Key], meta: Any, divisions: Sequence[Any]
) -> Any:
    """Return a DataFrame or Series like ``meta``, whose partitions are the tasks ``keys``."""
    import dask.dataframe as dd

    layer = _Layer(needed(graph, keys), door.tokenize(keys))
    return dd.from_graph(layer, meta, tuple(divisions), keys, "rows-of-frame")


def needed(graph: dict[Key, Any], keys: list[Key]) -> dict[Key, Any]:
    """Return the tasks that ``keys`` need, and the data that these tasks refer to."""
    tasks = door.reached(graph, keys)
    data = {need for key in tasks for need in graph[key].dependencies if need in graph}
    return {key: graph[key] for key in (*tasks, *data, *keys)}


class _Layer(Mapping["Key", Any]):
    """The tasks of a frame, with a token: to find one from all tasks takes dask a millisecond each.

    Parameters
    ----------
    tasks : dict of key to GraphNode
    token : str
        A token of the keys of the partitions, whose names say what they hold.
    """

    def __init__(self, tasks: dict[Key, Any], token: str) -> None:
        self.tasks, self.token = tasks, token

    def __getitem__(self, key: Key) -> Any:
        """Return a task."""
        return self.tasks[key]

    def __iter__(self) -> Iterator[Key]:
        """Iterate over the keys."""
        return iter(self.tasks)

    def __len__(self) -> int:
        """Return the number of tasks."""
        return len(self.tasks)

    def __dask_tokenize__(self) -> str:
        """Return the token."""
        return self.token
