"""Some of the columns of rows, and rows with zeros in place of the others."""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    asarray,
    cast,
    concat,
    default_int,
    device,
    float_dtype,
    is_sparse,
    namespace,
    with_empty_columns,
)


class Chosen(NamedTuple):
    """A function of rows that returns some of their columns.

    Attributes
    ----------
    columns : tuple of int
        The columns, in their order.
    n_features : int

    Examples
    --------
    >>> import numpy as np
    >>> some = Chosen((0, 2), 3)
    >>> some(np.asarray([[1.0, 2.0, 3.0]]))
    array([[1., 3.]])
    >>> some.inverse(np.asarray([[1.0, 3.0]]))
    array([[1., 0., 3.]])
    """

    columns: tuple[int, ...]
    n_features: int

    def __call__(self, X: Array) -> Array:
        """Return the columns of X, in its float dtype."""
        X = cast(X, float_dtype(X))
        if len(self.columns) == self.n_features:
            return X
        return X[:, list(self.columns)] if is_sparse(X) else self._taken(X, self.columns)

    def inverse(self, X: Array) -> Array:
        """Return rows in which the columns that were left out are 0."""
        X = cast(X, float_dtype(X))
        if is_sparse(X):
            return with_empty_columns(X, self.columns, self.n_features)
        zeros = namespace(X).zeros((X.shape[0], 1), dtype=X.dtype, device=device(X))
        places = [len(self.columns)] * self.n_features
        for place, column in enumerate(self.columns):
            places[column] = place
        return self._taken(concat([X, zeros], axis=1), places)

    @staticmethod
    def _taken(X: Array, columns: list[int] | tuple[int, ...]) -> Array:
        at = asarray(list(columns), like=X, dtype=default_int(X))
        return namespace(X).take(X, at, axis=1)
