"""Functions of rows that depend on parameters only: thresholds, norms and polynomials.

Each takes rows of any library, or sparse rows, and returns rows in their float dtype.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations, combinations_with_replacement
from math import comb
from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    cast,
    column_major,
    concat,
    device,
    float_dtype,
    is_sparse,
    namespace,
    of_entries,
    powers_of_two,
    rows_divided,
    sparse_products,
    sparse_row_norms,
    without_zeros,
)
from streamlearn.core.statistics.moments import or_one

NORMS = ("l1", "l2", "max")


class Threshold(NamedTuple):
    """A function of rows: 1 for numbers above the ``threshold``, and 0 for others.

    Examples
    --------
    >>> import numpy as np
    >>> Threshold(0.5)(np.asarray([[0.4, 0.6], [0.5, -1.0]]))
    array([[0., 1.],
           [0., 0.]])
    """

    threshold: float = 0.0

    def __call__(self, X: Array) -> Array:
        """Return the transformed rows.

        Raises
        ------
        ValueError
            If the zeros of sparse rows would become 1.
        """
        X = cast(X, float_dtype(X))
        if not is_sparse(X):
            return self._above(X)
        if self.threshold < 0:
            raise ValueError("Cannot binarize a sparse matrix with threshold < 0")
        (X,) = of_entries(X, self._above, rows=())
        return without_zeros(X)

    def _above(self, x: Array) -> Array:
        return namespace(x).astype(x > self.threshold, x.dtype)


class UnitRows(NamedTuple):
    """A function that divides rows by their norm: "l1", "l2" or "max". Rows of zeros do not change.

    Norms are summed in units of the largest number of the row, so that they do not overflow.

    Examples
    --------
    >>> import numpy as np
    >>> UnitRows("l2")(np.asarray([[3e200, 4e200], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """

    norm: str = "l2"

    def __call__(self, X: Array) -> Array:
        """Return the transformed rows."""
        X = cast(X, float_dtype(X))
        largest = or_one(row_norms(X, "max"))
        if self.norm == "max":
            return rows_divided(X, largest)
        # Division by a power of two costs no rounding.
        X = rows_divided(X, powers_of_two(largest))
        return rows_divided(X, or_one(row_norms(X, self.norm)))


def row_norms(X: Array, norm: str) -> Array:
    """Return the norms "l1", "l2" or "max" of rows, (n_rows,)."""
    if is_sparse(X):
        return sparse_row_norms(X, norm)
    xp = namespace(X)
    if norm == "max":
        return xp.max(xp.abs(X), axis=1)
    return xp.sum(xp.abs(X), axis=1) if norm == "l1" else xp.sqrt(xp.sum(X * X, axis=1))


class Polynomials(NamedTuple):
    """A function of rows: all products of features, from one degree to another.

    Attributes
    ----------
    min_degree, max_degree : int
    interaction_only : bool
        Leave out products that contain a feature more than once.
    include_bias : bool
        Begin with a column of ones.
    column_major : bool
        Put the numbers of a column next to each other in memory. Only NumPy can do this.

    Examples
    --------
    >>> import numpy as np
    >>> Polynomials(0, 2)(np.asarray([[2.0, 3.0]]))
    array([[1., 2., 3., 4., 6., 9.]])
    """

    min_degree: int
    max_degree: int
    interaction_only: bool = False
    include_bias: bool = True
    column_major: bool = False

    def terms(self, n_features: int) -> Iterator[tuple[int, ...]]:
        """Yield the features of each product, in the order of the columns."""
        choose = combinations if self.interaction_only else combinations_with_replacement
        degrees = range(max(1, self.min_degree), self.max_degree + 1)
        found = (choose(range(n_features), degree) for degree in degrees)
        return chain([()] if self.include_bias else [], chain.from_iterable(found))

    def n_terms(self, n_features: int) -> int:
        """Return the number of columns."""
        degrees = range(max(1, self.min_degree), self.max_degree + 1)
        more = [0 if self.interaction_only else degree - 1 for degree in degrees]
        counts = (comb(n_features + m, degree) for degree, m in zip(degrees, more, strict=True))
        return sum(counts) + self.include_bias

    def __call__(self, X: Array) -> Array:
        """Return the transformed rows.

        Raises
        ------
        ValueError
            If rows of another library than NumPy are to be ``column_major``.
        """
        X = cast(X, float_dtype(X))
        if is_sparse(X):
            degrees = range(max(1, self.min_degree), self.max_degree + 1)
            return sparse_products(
                X, degrees, distinct=self.interaction_only, ones=self.include_bias
            )
        out = self._dense(X)
        out = column_major(out) if self.column_major else out
        if out is None:
            raise ValueError(
                "PolynomialFeatures does not support order='F' for non-numpy arrays. Use order='C'."
            )
        return out

    def _dense(self, X: Array) -> Array:
        xp, (m, d) = namespace(X), X.shape
        parts = [xp.ones((m, 1), dtype=X.dtype, device=device(X))] if self.include_bias else []
        if self.max_degree and self.min_degree <= 1:
            parts.append(X)
        # Among the products of a degree, those whose first feature is j or later come last.
        last, first = X, list(range(d))
        for degree in range(2, self.max_degree + 1):
            made, starts, width = [], [], 0
            for j in range(d):
                starts.append(width)
                start = j + 1 if self.interaction_only else j
                at = first[start] if start < d else last.shape[1]
                if at < last.shape[1]:
                    made.append(X[:, j : j + 1] * last[:, at:])
                    width += last.shape[1] - at
            if not made:
                break
            last, first = concat(made, axis=1), starts
            if degree >= self.min_degree:
                parts.append(last)
        if not parts:
            return X[:, :0]
        return concat(parts, axis=1)
