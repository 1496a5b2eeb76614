"""A function that puts numbers in bins between edges, and encodes the bins."""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    along_rows,
    argmax,
    asarray,
    default_int,
    float_dtype,
    is_sparse,
    namespace,
    one_hot,
    places,
)
from streamlearn.core.per_feature import per_feature


class Bins(NamedTuple):
    """A function of rows that puts the numbers of each feature in bins.

    Attributes
    ----------
    inner : array of shape (n_features, k)
        The edges without the first and the last, in the widest float. Infinity fills the rest.
    middles : array of shape (n_features, k + 1)
        The middle of each bin.
    counts : tuple of int
        The number of bins of each feature.
    encode : {"ordinal", "onehot", "onehot-dense"}
    dtype : str or None
        The dtype of the result: "float32" or "float64". None means the dtype of the rows.

    Examples
    --------
    >>> import numpy as np
    >>> inner, middles = np.asarray([[1.0, 2.0]]), np.asarray([[0.5, 1.5, 2.5]])
    >>> bins, X = Bins(inner, middles, (3,), "ordinal", None), np.asarray([[-9.0], [1.0], [5.0]])
    >>> bins(X)[:, 0], bins.inverse(bins(X))[:, 0]
    (array([0., 1., 2.]), array([0.5, 1.5, 2.5]))
    >>> bins._replace(encode="onehot-dense")(X)
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """

    inner: Array
    middles: Array
    counts: tuple[int, ...]
    encode: str
    dtype: str | None

    @property
    def width(self) -> int:
        """Return the number of columns of the result."""
        return len(self.counts) if self.encode == "ordinal" else sum(self.counts)

    def __call__(self, X: Array) -> Array:
        """Return the bins of the rows of X: their numbers, or 1 in the columns of these bins."""
        xp, wide, out = namespace(X), self.inner.dtype, self._dtype(X)

        def of(x: Array) -> Array:
            if self.dtype is not None:
                x = xp.astype(xp.astype(x, out, copy=False), wide, copy=False)
            at = places(self.inner, x, after=True)
            if self.encode == "ordinal":
                return xp.astype(at.T, out)
            if self.encode == "onehot":
                return one_hot(at.T, self.counts, out)
            feature, number = self._columns(at)
            return xp.astype(xp.take(at.T, feature, axis=1) == number, out)

        return per_feature(X, of, wide, extra=self.width)

    def inverse(self, X: Array) -> Array:
        """Return the middles of the bins of rows. If all columns are 0, the first bin is meant."""
        xp, out = namespace(X), self._dtype(X)
        if self.encode == "ordinal":
            return per_feature(
                X, lambda x: self._middles(xp.astype(x, default_int(x)), out), self.inner.dtype
            )
        if is_sparse(X):
            X = X.toarray()
        found, start = [], 0
        for count in self.counts:
            part = X[:, start : start + count]
            found.append(argmax(part, axis=1))
            start += count
        return self._middles(xp.stack(found), out)

    def _middles(self, at: Array, dtype: Any) -> Array:
        xp = namespace(at)
        last = asarray([count - 1 for count in self.counts], like=at)[:, None]
        at = xp.minimum(xp.maximum(at, 0 * at), last)
        return xp.astype(along_rows(self.middles, at).T, dtype)

    def _columns(self, at: Array) -> tuple[Array, Array]:
        """Return the feature and the bin of each column."""
        feature = [j for j, count in enumerate(self.counts) for _ in range(count)]
        number = [i for count in self.counts for i in range(count)]
        return asarray(feature, like=at), asarray(number, like=at)

    def _dtype(self, X: Array) -> Any:
        return float_dtype(X) if self.dtype is None else getattr(namespace(X), self.dtype)
