"""Parts of what a block holds: some rows or columns of an array, a frame or a list."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from streamlearn._arrays import asarray, concat, default_int, is_array, namespace, rows_at
from streamlearn._arrays.sparse import csr, is_sparse


def n_rows(x: Any) -> int:
    """Return the number of rows of an array, a frame or a list."""
    return int(x.shape[0]) if hasattr(x, "shape") and len(x.shape) else len(x)


def declared_rows_or_raise(name: str, number: int, n: int, declared: int) -> None:
    """Check that a block has as many rows as its chunk declares.

    Raises
    ------
    ValueError
        If it has another number.
    """
    if n != declared:
        raise ValueError(
            f"Block {number} of {name} has {n} rows, and its chunk declares {declared}. Find the "
            f"lengths with {name}.compute_chunk_sizes(), or declare chunks of unknown length: NaN "
            "as the number of rows, as in dask.array.from_delayed(block, (np.nan, n_columns))."
        )


def head(X: Any, n: int) -> Any:
    """Return a copy of the first n rows of X. A view would keep all of X in memory."""
    return some_rows(X, range(min(n, n_rows(X))))


def some_rows(X: Any, which: Sequence[int] | np.ndarray) -> Any:
    """Return a copy of some rows of X."""
    if hasattr(X, "iloc"):
        return X.iloc[list(which)]
    if hasattr(X, "to_physical") or hasattr(X, "get_columns"):  # of polars
        return X[list(which)]
    X = csr(X) if is_sparse(X) else X
    if not is_array(X):
        return [X[i] for i in which]
    return rows_at(X, asarray(which, like=X, dtype=default_int(X)))


def without_rows(X: Any) -> Any:
    """Return an array or a frame like X without its rows."""
    return X[:0, ...] if is_array(X) and not is_sparse(X) else X[:0]


def made_up(frame: Any) -> Any:
    """Return a few made-up rows of a dask DataFrame or Series, with its dtypes.

    dask's own sample has text where the frame has objects.
    """
    rows = frame._meta_nonempty
    return rows.astype(frame.dtypes) if np.any(rows.dtypes != frame.dtypes) else rows


def some_columns(X: Any, which: Sequence[int]) -> Any:
    """Return some columns of an array or a frame. Columns of a frame in a row are not copied."""
    if hasattr(X, "iloc"):
        run = slice(which[0], which[-1] + 1) if len(which) else slice(0)
        return X.iloc[:, run if list(which) == list(range(X.shape[1])[run]) else list(which)]
    if isinstance(X, np.ndarray) or not is_array(X) or is_sparse(X):
        return X[:, list(which)]
    return namespace(X).take(X, asarray(which, like=X, dtype=default_int(X)), axis=1)


def joined(blocks: Sequence[Any]) -> Any:
    """Return the rows of some blocks in one array or frame."""
    first = blocks[0]
    if is_array(first) or is_sparse(first):
        return concat(list(blocks))
    return sys.modules[type(first).__module__.partition(".")[0]].concat(blocks)
