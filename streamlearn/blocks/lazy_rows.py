"""Lazy rows: a block, and functions that have not been applied to its rows yet.

A result of `map_rows` remembers its source and its functions. The next verb reads the source and
passes batches that fit a cache through the functions. So neither fit nor predict builds a
transformed block. A function that needs whole blocks has an attribute ``whole`` that is true:
because each call is expensive, for example, or because it takes a frame. A function with an
attribute ``numbered`` that is true depends on the block: ``function(number)`` is the function for
the rows of a block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from streamlearn._arrays import batch_rows, concat, is_array


class LazyRows(NamedTuple):
    """A block, and functions that have not been applied to its rows yet.

    Attributes
    ----------
    array : array of shape (n_rows, n_columns), or another container that a block holds
    functions : tuple of callable
        They are applied one after the other. Each takes rows and returns the same number of rows.
    """

    array: Any
    functions: tuple[Callable[..., Any], ...] = ()

    def of(self, rows: Any) -> Any:
        """Apply the functions to some rows of ``array``."""
        for function in self.functions:
            rows = function(rows)
        return rows

    def then(self, *functions: Callable[..., Any]) -> LazyRows:
        """Return these lazy rows with ``functions`` to apply after the others."""
        return LazyRows(self.array, (*self.functions, *functions))

    def settled(self) -> LazyRows:
        """Apply the functions up to the last one that needs a whole block.

        The remaining functions can be applied to batches.
        """
        if not self.functions:
            return self
        last = max((i for i, f in enumerate(self.functions, 1) if _is_whole(f)), default=0)
        x = self.array
        waiting: tuple[Callable[..., Any], ...] = ()
        for place, function in enumerate(self.functions):
            if place >= last and is_array(x):
                return LazyRows(x, self.functions[place:])
            if _is_whole(function) or not is_array(x):  # which makes an array of it, or does not
                x, waiting = function(LazyRows(x, waiting).all()), ()
            else:
                waiting = (*waiting, function)
        return LazyRows(x)

    def all(self) -> Any:
        """Apply the functions to all rows, in batches that fit a cache."""
        array, functions = rows = self.settled()
        if len(functions) <= 1:
            return rows.of(array)
        n, size = array.shape[0], batch_rows(array)
        if n <= size:
            return rows.of(array)
        made = [rows.of(array[a : min(a + size, n), ...]) for a in range(0, n, size)]
        return concat(made)


def as_lazy_rows(X: Any) -> LazyRows:
    """Return X as lazy rows: X itself if it is lazy already."""
    return X if isinstance(X, LazyRows) else LazyRows(X)


def _is_whole(function: Callable[..., Any]) -> bool:
    return getattr(function, "whole", False)


def in_block(
    functions: tuple[Callable[..., Any], ...], number: int | None
) -> tuple[Callable[..., Any], ...]:
    """Return functions of rows as they are for the rows of one block, or for a few of any."""
    return tuple(f(number) if is_numbered(f) else f for f in functions)


def is_numbered(function: Callable[..., Any]) -> bool:
    """Return whether a function of rows depends on the number of their block."""
    return getattr(function, "numbered", False)


def then(
    functions: tuple[Callable[..., Any], ...], function: Callable[[Any], Any]
) -> tuple[Callable[..., Any], ...]:
    """Return ``functions`` with ``function`` added, fused with the last of them if possible."""
    fuse = getattr(function, "after", None)
    one = fuse(functions[-1]) if fuse is not None and functions else None
    return (*functions, function) if one is None else (*functions[:-1], one)


def remember(
    X: Any, source: Any, functions: tuple[Callable[..., Any], ...], *, named: bool
) -> None:
    """Store on a dask array or frame its source and the functions that were applied.

    ``named`` says whether the last function returns frames.
    """
    object.__setattr__(X, "_streamlearn_rows", (_name(X), source, functions, named))


def origin(X: Any, *, numbered: bool = False) -> tuple[Any, tuple[Callable[..., Any], ...]]:
    """Return the source of ``X`` and the functions of rows that were applied to it.

    A caller that does not know the numbers of blocks cannot apply functions that depend on them.
    Unless ``numbered``, ``X`` is then its own source.
    """
    # getattr would look for a column of a frame. A Delayed has no attributes of its own.
    attributes = getattr(X, "__dict__", {})
    name, source, functions, _ = attributes.get("_streamlearn_rows", (None, X, (), True))
    # An assignment to entries of an array changes its name: its functions no longer describe it.
    known = functions and name == _name(X) and (numbered or not any(map(is_numbered, functions)))
    return (source, functions) if known else (X, ())


def is_named(X: Any) -> bool:
    """Return whether the blocks of a collection have column names.

    A result of `map_rows` on a frame is a frame, so that it has the index. But if the last function
    returns arrays, there are no names, as in memory with scikit-learn's estimator.
    """
    return not origin(X, numbered=True)[1] or X.__dict__["_streamlearn_rows"][-1]


def _name(X: Any) -> str:
    return X.name if hasattr(type(X), "chunks") else X._name
