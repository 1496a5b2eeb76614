"""Rows that are still to be made: a block, and functions of its rows.

What `map_rows` returns remembers what it was made of. The next verb then takes the block before and
sends cache-sized batches through the functions: a transformed block is never built, in fit or in
predict. A function that takes blocks whole has a true attribute ``whole``: it may cost more a call
than a row, or want a frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from streamlearn._arrays import batch_rows, concat, is_array


class LazyRows(NamedTuple):
    """A block whose rows are still to be made.

    Attributes
    ----------
    array : array of shape (n_rows, n_columns), or what else a block holds
    functions : tuple of callable
        Rows in, as many rows out; to be applied one after the other.
    """

    array: Any
    functions: tuple[Callable[..., Any], ...] = ()

    def of(self, rows: Any) -> Any:
        """Make some rows of ``array``."""
        for function in self.functions:
            rows = function(rows)
        return rows

    def then(self, *functions: Callable[..., Any]) -> LazyRows:
        """Return what ``functions`` make of these rows."""
        return LazyRows(self.array, (*self.functions, *functions))

    def settled(self) -> LazyRows:
        """Apply what takes the block whole, and all before it; the rest can work on batches."""
        last = max((i for i, f in enumerate(self.functions, 1) if _is_whole(f)), default=0)
        if not is_array(self.array):
            last = max(last, min(1, len(self.functions)))  # which makes an array of it
        x, waiting = self.array, tuple[Callable[..., Any], ...]()
        for function in self.functions[:last]:
            if _is_whole(function) or not is_array(x):
                x, waiting = function(LazyRows(x, waiting).all()), ()
            else:
                waiting = (*waiting, function)
        return LazyRows(x, self.functions[last:])

    def all(self) -> Any:
        """Make all rows, a cache-sized batch at a time."""
        array, functions = rows = self.settled()
        if len(functions) <= 1:
            return rows.of(array)
        n, size = array.shape[0], batch_rows(array)
        if n <= size:
            return rows.of(array)
        made = [rows.of(array[a : min(a + size, n), ...]) for a in range(0, n, size)]
        return concat(made)


def as_lazy_rows(X: Any) -> LazyRows:
    """Return what a block holds as lazy rows, itself where it is that."""
    return X if isinstance(X, LazyRows) else LazyRows(X)


def _is_whole(function: Callable[..., Any]) -> bool:
    return getattr(function, "whole", False)


def then(
    functions: tuple[Callable[..., Any], ...], function: Callable[[Any], Any]
) -> tuple[Callable[..., Any], ...]:
    """Return ``functions`` and ``function``, as one with the last of them if it can be."""
    fuse = getattr(function, "after", None)
    one = fuse(functions[-1]) if fuse is not None and functions else None
    return (*functions, function) if one is None else (*functions[:-1], one)


def remember(X: Any, source: Any, functions: tuple[Callable[..., Any], ...]) -> None:
    """Note on a dask array or frame what it was made of."""
    object.__setattr__(X, "_streamlearn_rows", (_name(X), source, functions))


def origin(X: Any) -> tuple[Any, tuple[Callable[..., Any], ...]]:
    """Return what ``X`` is made of by functions of its rows, and these functions."""
    # Not by getattr, which a frame takes for a column. A Delayed has no attributes of its own.
    held = getattr(X, "__dict__", {})
    name, source, functions = held.get("_streamlearn_rows", (None, X, ()))
    # An array that was assigned to has another name, and is no longer what was made.
    return (source, functions) if functions and name == _name(X) else (X, ())


def is_named(X: Any) -> bool:
    """Return whether the columns of a collection have names that its blocks have, too.

    What `map_rows` made of a frame is one, so that the index comes along. If the function returns
    arrays, scikit-learn's estimator would have met no names in memory.
    """
    functions = origin(X)[1]
    return not functions or getattr(functions[-1], "makes_frames", False)


def _name(X: Any) -> str:
    return X.name if hasattr(type(X), "chunks") else X._name
