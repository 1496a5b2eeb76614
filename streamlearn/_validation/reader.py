"""Checks that turn the parts of a block into arrays: rows, target values, weights and labels.

They run inside the task of a block, because only the block itself has a namespace, a device and a
dtype. Errors name the block. ``block`` is None for containers in memory, which are one block.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    asarray,
    cast,
    device,
    itemsize,
    namespace,
    reads_are_free,
    same_place,
    widest_float,
)
from streamlearn._arrays.plain import known_or_raise
from streamlearn._arrays.sparse import is_sparse
from streamlearn._validation.arrays import (
    DENSE,
    as_numbers,
    as_vector,
    dense_or_raise,
    dense_or_sparse,
    sparse_numbers,
)
from streamlearn._validation.finite import finite_or_raise, sum_is_finite
from streamlearn._validation.messages import in_block
from streamlearn._validation.tables import sparse_of


class Reader(NamedTuple):
    """How the part X of a block is checked and becomes an array of a real floating dtype.

    Attributes
    ----------
    estimator : str
        The estimator's name in errors.
    n_features : int or None
        None if any number of features is right.
    names : tuple of str or None
        Feature names, if X is a frame.
    allow_nan : bool
        Whether X may contain NaN.
    checked : bool
        Whether the container has been checked before.
    finite : bool
        Whether to look for NaN and infinity. If False, the code that uses the rows looks for them,
        which is cheaper. On a device the reader looks for them in any case.
    dense : str or None
        The advice in errors about sparse rows. It is None if rows may be sparse.
    """

    estimator: str
    n_features: int | None
    names: tuple[str, ...] | None = None
    allow_nan: bool = False
    checked: bool = False
    finite: bool = True
    dense: str | None = DENSE

    def looks(self, X: Any) -> bool:
        """Return whether this reader looks for NaN and infinity in X."""
        return self.finite or not reads_are_free(X)

    def of_anything(self) -> Reader:
        """Return a reader of the rows that a transformer returns for rows of this reader."""
        return self._replace(n_features=None, names=None, checked=False)

    def rows(self, X: Any, block: int | None = None) -> Array:
        """Return the part X of a block as an array of shape (n_rows, n_features).

        Raises
        ------
        TypeError
            If X contains something else than numbers. If X is sparse and must be dense.
        ValueError
            If X is not two-dimensional or does not have the expected features. If X contains
            infinity, or NaN that is not allowed.
        """
        if self.checked:
            return X
        X = self._array(X, block)
        if X.ndim != 2 or self.n_features not in (None, X.shape[1]):
            expected = (
                "two dimensions" if self.n_features is None else f"{self.n_features} features"
            )
            raise ValueError(
                f"{in_block('X', block)} has shape {tuple(X.shape)}, but {self.estimator} is "
                f"expecting {expected} as input. All blocks must have the same columns."
            )
        if self.looks(X):
            self.finite_or_raise(X, block)
        return X

    def finite_or_raise(self, X: Array, block: int | None = None, *, made: bool = False) -> None:
        """Check that rows contain no infinity, and no NaN unless it is allowed.

        ``made`` tells whether a transformation made the columns.

        Raises
        ------
        ValueError
            If they do. The message names the block and the column.
        """
        finite_or_raise(X, "X", block, allow_nan=self.allow_nan, names=self.names, made=made)

    def whole(self, rows: Any, block: int | None = None) -> Any:
        """Check `streamlearn.blocks.LazyRows`, and return them with an array as their source.

        The rows are computed only if their source contains NaN or infinity.

        Raises
        ------
        TypeError, ValueError
            The same errors as `rows`, also for NaN and infinity in the computed rows.
        """
        if not rows.functions:
            return rows._replace(array=self.rows(rows.array, block))
        if self.looks(rows.array) and not sum_is_finite(rows.array):
            self.finite_or_raise(rows.all(), block, made=True)
        return rows._replace(array=dense_or_sparse(rows.array))

    def _array(self, X: Any, block: int | None) -> Array:
        known_or_raise(X, in_block("X", block))
        if hasattr(X, "columns"):
            found = tuple(map(str, X.columns))
            if self.names is not None and found != self.names:
                raise ValueError(
                    f"{in_block('X', block)} has the columns {list(found)}, but {self.estimator} "
                    f"is expecting {list(self.names)}. Select the columns by name, in this order."
                )
            X = sparse_of(X)
        if is_sparse(X):
            dense_or_raise(X, self.dense)
            X = sparse_numbers(X, block)
        else:
            X = as_numbers(X, "X", block, self.names)
        xp = namespace(X)
        known = xp.isdtype(X.dtype, "real floating") and itemsize(X.dtype, xp) in (4, 8)
        if known and getattr(X.dtype, "isnative", True):
            return X
        return cast(X, widest_float(X))  # as scikit-learn's checks do


def read_weight(weight: Any, X: Array, block: int | None, *, unsigned: str = "") -> Array | None:
    """Return a block's row weights (n_rows,) on the device and in the dtype of X, or None.

    Raises
    ------
    TypeError, ValueError
        If they are no numbers, if they contain NaN or infinity, or if a row has several. If
        ``unsigned`` says why none may be negative, also if one is.
    """
    if weight is None:
        return None
    weight = as_vector(as_numbers(weight, "sample_weight", block), "sample_weight", block)
    weight = asarray(weight, like=X, dtype=X.dtype)
    finite_or_raise(weight, "sample_weight", block)
    if unsigned and bool(namespace(weight).any(weight < 0)):
        raise ValueError(
            f"Negative values in data passed to `sample_weight`: "
            f"{in_block('sample_weight', block)} has some, and {unsigned}"
        )
    return weight


def read_values(y: Any, X: Array, block: int | None, columns: int = 1) -> Array:
    """Return a block's target values on the device and in the dtype of X.

    Their shape is (n_rows,) if ``columns`` is 1, else (n_rows, columns).

    Raises
    ------
    TypeError, ValueError
        If they are no numbers, if they contain NaN or infinity, or if a row does not have
        ``columns`` values.
    """
    y = as_numbers(y, "y", block)
    if columns == 1:
        y = as_vector(y, "y", block)
    elif y.ndim != 2 or y.shape[1] != columns:
        raise ValueError(
            f"{in_block('y', block)} should have {columns} columns, got an array of shape "
            f"{tuple(y.shape)} instead."
        )
    y = asarray(y, like=X, dtype=X.dtype)
    finite_or_raise(y, "y", block)
    return y


def indicator_or_raise(y: Array, block: int | None, name: str = "y") -> None:
    """Check that a target with several labels for each row contains only 0 and 1.

    Raises
    ------
    ValueError
        If it contains other numbers. The message names the block if there are several.
    """
    if not bool(namespace(y).all((y == 0) | (y == 1))):
        raise ValueError(
            f"{in_block(name, block)} has {y.shape[1]} columns and holds other numbers than 0 and "
            "1. A column for each label must mark the rows that have it. Give classes in one "
            "column."
        )


def same_place_or_raise(X: Array, fitted: Array, estimator: str, method: str) -> None:
    """Check that ``X`` is in the namespace and on the device of a fitted attribute.

    Raises
    ------
    ValueError
        If it is not. The message names both namespaces and devices.
    """
    if not same_place(X, fitted):
        here, there = _library(X), _library(fitted)
        move = f"{there}.asarray"
        raise ValueError(
            f"Inputs passed to {estimator}.{method}() must use the same namespace and the same "
            f"device as those passed to fit(), in all blocks: fitted on {there}, device "
            f"{device(fitted)}, got {here}, device {device(X)}. Move the rows there, "
            f"{move}(X{'' if here != there else ', device=...'}), of a dask array "
            f"X.map_blocks({move}, dtype=X.dtype, meta=X._meta); or move the model here, "
            f"streamlearn.to_namespace(model, {here.partition('.')[0]!r}, device=X.device)."
        )


def _library(x: Array) -> str:
    """Return the name by which users import the package of ``x``."""
    return namespace(x).__name__.removeprefix("array_api_compat.")
