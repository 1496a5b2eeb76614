"""The graph of a lazy result, in which an error of a task that makes rows names their block.

A prediction is one more layer on the graph of X, and the tasks of X fail before ours begin. So the
layers of X are replaced by layers of the same names and keys, whose tasks add a note to an error.
The graph of X is looked at only when the result is computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import dask.array as da
from dask.core import flatten
from dask.utils import ensure_dict

from streamlearn.blocks.block import how_to_compute, noted
from streamlearn.blocks.graph import (
    GraphNode,
    HighLevelGraph,
    Layer,
    Task,
    convert_legacy_graph,
    is_future,
)

if TYPE_CHECKING:
    from streamlearn.blocks.graph import Key


class NamedTask(Task):
    """A task whose error gets a note.

    Attributes
    ----------
    where : str
        The place that the note names.
    """

    where: str

    __slots__ = ("where",)

    def __init__(self, key: Key, func: Any, /, *args: Any, where: str, **kwargs: Any) -> None:
        super().__init__(key, func, *args, **kwargs)
        self.where = where

    def __call__(self, values: Any = ()) -> Any:
        """Run the task."""
        with noted(self.where):
            return super().__call__(values)


class Reads:
    """The tasks that make the blocks of a collection, by key.

    Parameters
    ----------
    graph : mapping of key to GraphNode
    keys : sequence of (key or nested list of key)
        The keys of each block.
    numbers : sequence of int
        The number of each block.
    """

    def __init__(self, graph: Any, keys: Sequence[Any], numbers: Sequence[int]) -> None:
        self.graph, self.keys, self.numbers = graph, keys, numbers

    @cached_property
    def tasks(self) -> dict[Key, Any]:
        """All tasks. The tasks that make blocks add notes to errors."""
        whole = ensure_dict(self.graph)
        futures = {key: value for key, value in whole.items() if is_future(value)}
        nodes = convert_legacy_graph(
            {key: value for key, value in whole.items() if key not in futures}, set(whole)
        )
        found: dict[Key, Any] = {}
        for index, keys in zip(self.numbers, self.keys, strict=True):
            where = f"block {index} of X, which could not be computed. {how_to_compute(index)}"
            stack = list(flatten([keys]))
            while stack:
                key = stack.pop()
                if key in found or key not in nodes:
                    continue
                found[key] = _named(nodes[key], where)
                stack.extend(nodes[key].dependencies)
        return nodes | futures | found


def _named(node: GraphNode, where: str) -> GraphNode:
    if type(node) is not Task:
        return node
    how = {**node.kwargs, "_data_producer": node.data_producer}
    return NamedTask(node.key, node.func, *node.args, where=where, **how)


class _NamedLayer(Layer):
    """A layer of the graph of X, with tasks that add notes to errors."""

    def __init__(self, layer: Layer, reads: Reads) -> None:
        super().__init__(layer.annotations, layer.collection_annotations)
        self.layer, self.reads = layer, reads

    def __contains__(self, key: object) -> bool:
        """Return whether the layer has a task."""
        return key in self.layer

    def __getitem__(self, key: Key) -> Any:
        """Return a task."""
        return self.reads.tasks[key]

    def __iter__(self) -> Iterator[Key]:
        """Iterate over the keys."""
        return iter(self.layer)

    def __len__(self) -> int:
        """Return the number of tasks."""
        return len(self.layer)

    def is_materialized(self) -> bool:
        """Return whether the tasks have been made."""
        return bool(self.layer.is_materialized())

    def get_output_keys(self) -> Any:
        """Return the keys that other layers may need."""
        return self.layer.get_output_keys()


def named_reads(X: Any) -> Any:
    """Return a dask array like X. If a block of it cannot be made, the error names the block.

    Arrays of dask's query planner have no layers, and are returned as they are.
    """
    keys = X.__dask_keys__()
    reads = Reads(X.__dask_graph__(), keys, range(len(keys)))
    if not hasattr(reads.graph, "layers"):
        return X
    graph = reads.graph
    layers = {name: _NamedLayer(layer, reads) for name, layer in graph.layers.items()}
    graph = HighLevelGraph(layers, graph.dependencies)
    return da.Array(graph, X.name, X.chunks, meta=X._meta)
