"""Functions of rows that treat each feature by itself, in batches of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamlearn._arrays import Array, batch_rows, columns_as_rows, concat


def per_feature(
    X: Array, function: Callable[[Array], Array], dtype: Any, *, extra: int = 0
) -> Array:
    """Return the joined results of ``function`` for batches of the features of X.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    function : callable
        It takes features (n_features, m), and returns rows (m, k).
    dtype : dtype
        The float dtype of the features that it takes.
    extra : int
        The count of numbers that it makes of a row besides the features.
    """
    step, parts = batch_rows(X, extra=extra), []
    for start in range(0, max(X.shape[0], 1), step):
        part = X[start : min(start + step, X.shape[0]), :]
        parts.append(function(columns_as_rows(part, 0, X.shape[1], dtype)))
    return parts[0] if len(parts) == 1 else concat(parts)
