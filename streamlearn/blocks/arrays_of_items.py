"""An array of dask from a collection of other items. `with_dask` imports this module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dask.array as da
import numpy as np
from dask.base import tokenize

from streamlearn.blocks.countable import as_countable
from streamlearn.blocks.graph import HighLevelGraph, Task, TaskRef


def array_of_items(bag: Any, function: Callable[[Any], np.ndarray], rows: tuple[Any, ...]) -> Any:
    """Return an array of one dimension with a block ``function(items)`` for each partition.

    Parameters
    ----------
    bag : Bag
    function : callable
        It returns an array of objects.
    rows : tuple of int or NaN
        The number of items of each partition.
    """
    name = f"array-of-items-{tokenize(bag, function)}"
    tasks = {
        (name, i): Task((name, i), function, TaskRef((bag.name, i))) for i in range(bag.npartitions)
    }
    graph = HighLevelGraph.from_collections(name, tasks, dependencies=[bag])
    return as_countable(da.Array(graph, name, chunks=(rows,), meta=np.empty(0, dtype=object)))
