"""Bags of dask as arrays of objects, whose blocks are the bag's partitions."""

from __future__ import annotations

from collections.abc import Iterable
from math import nan
from typing import Any

import numpy as np

from streamlearn.blocks import door


def is_bag(x: Any) -> bool:
    """Return whether ``x`` is a Bag of dask."""
    return hasattr(type(x), "__dask_graph__") and hasattr(type(x), "pluck")


def as_objects(items: Iterable[Any]) -> np.ndarray:
    """Return items as an array of objects of shape (n_items,), also if they are sequences.

    Examples
    --------
    >>> as_objects([["a", "b"], ["c", "d"]]).shape
    (2,)
    """
    return np.fromiter(items, dtype=object)


def from_bag(bag: Any) -> Any:
    """Return the items of a Bag as a lazy dask array of objects, with a block for each partition.

    Examples
    --------
    >>> import dask.bag
    >>> from_bag(dask.bag.from_sequence(["one", "two", "three"], npartitions=2)).compute()
    array(['one', 'two', 'three'], dtype=object)
    """
    return door.array_of_items(bag, as_objects, (nan,) * bag.npartitions)
