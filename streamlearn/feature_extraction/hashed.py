"""Methods of scikit-learn's hashers as functions of the documents of a block."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from streamlearn._arrays.sparse import csr
from streamlearn.blocks import is_collection, n_rows


def some_or_raise(X: Any) -> Any:
    """Return X.

    Raises
    ------
    ValueError
        If it is in memory and holds nothing, as in scikit-learn.
    """
    if not is_collection(X) and not n_rows(X):
        raise ValueError("Cannot vectorize empty sequence.")
    return X


class Hashed:
    """A method of scikit-learn as a function of documents, also of none.

    Parameters
    ----------
    method : callable
        ``(estimator, documents) -> rows``.
    estimator : object
        It has ``n_features`` and ``dtype``.
    """

    def __init__(self, method: Any, estimator: Any) -> None:
        self.method, self.estimator = method, estimator

    def __call__(self, documents: list[Any]) -> csr_array:
        """Return the rows."""
        if not documents:
            width = self.estimator.n_features
            return csr_array((0, width), dtype=np.dtype(self.estimator.dtype))
        return csr(self.method(self.estimator, documents))
