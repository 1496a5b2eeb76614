"""Rows that are still to be made: a block, and functions of its rows.

What `map_rows` returns remembers what it was made of. The next verb then takes the block before and
sends cache-sized batches through the functions: a transformed block is never built, in fit or in
predict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from streamlearn.backend import batch_rows, namespace


class Rows(NamedTuple):
    """A block whose rows are still to be made.

    Attributes
    ----------
    array : array of shape (n_rows, n_columns)
    functions : tuple of callable
        Rows in, as many rows out; to be applied one after the other.
    """

    array: Any
    functions: tuple[Callable, ...]

    def of(self, rows: Any) -> Any:
        """Make some rows of ``array``."""
        for function in self.functions:
            rows = function(rows)
        return rows

    def all(self) -> Any:
        """Make all rows, a cache-sized batch at a time."""
        if len(self.functions) == 1:
            return self.of(self.array)
        n, size = self.array.shape[0], batch_rows(self.array)
        if n <= size:
            return self.of(self.array)
        made = [self.of(self.array[a : min(a + size, n), ...]) for a in range(0, n, size)]
        return namespace(made[0]).concat(made)


def then(functions: tuple[Callable, ...], function: Callable[[Any], Any]) -> tuple[Callable, ...]:
    """Return ``functions`` and ``function``, as one with the last of them if it can be."""
    fuse = getattr(function, "after", None)
    one = fuse(functions[-1]) if fuse is not None and functions else None
    return (*functions, function) if one is None else (*functions[:-1], one)


def remember(X: Any, source: Any, functions: tuple[Callable, ...]) -> None:
    """Note on a dask array what it was made of."""
    X._streamlearn_rows = (X.name, source, functions)


def origin(X: Any) -> tuple[Any, tuple[Callable, ...]]:
    """Return the dask array that ``X`` is made of by functions of its rows, and these functions."""
    name, source, functions = getattr(X, "_streamlearn_rows", (None, X, ()))
    # An array that was assigned to has another name, and is no longer what was made.
    return (source, functions) if name == getattr(X, "name", None) else (X, ())
