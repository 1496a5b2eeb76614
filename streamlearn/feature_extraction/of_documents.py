"""The base class of estimators of documents: text, or lists of named values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import numpy as np
from scipy.sparse import csr_array
from sklearn.callback import CallbackSupportMixin

from streamlearn import blocks as engine
from streamlearn._estimator.fitted import Fitted
from streamlearn._estimator.versions import Versioned
from streamlearn._sklearn import _align_api_if_sparse
from streamlearn.feature_extraction.documents import documents_of, is_block, opened, text_or_raise


@dataclass(frozen=True, eq=False)
class Reading:
    """A function of the documents of a block, which may be a list, an array or a column.

    Attributes
    ----------
    function : callable
        ``(documents) -> rows``, where documents are a list.
    checked : bool
        Whether all documents must be text or bytes.
    token : str
        What dask names the results by. To hash a vocabulary would take longer.
    """

    function: Callable[[list[Any]], Any]
    checked: bool
    token: str = field(default_factory=lambda: uuid4().hex)

    whole = True

    def __call__(self, X: Any) -> Any:
        """Return the rows of a block."""
        return self.function(self.documents(X, None))

    def documents(self, X: Any, block: int | None) -> list[Any]:
        """Return the documents of a block, checked."""
        documents = documents_of(X, block)
        if self.checked:
            text_or_raise(documents, block)
        return documents

    def __dask_tokenize__(self) -> str:
        """Return the token."""
        return self.token


class OfDocuments(CallbackSupportMixin, Fitted, Versioned):
    """An estimator of documents, with sparse rows as its result.

    A subclass inherits from an estimator of scikit-learn, too. It defines ``_rows_function()``,
    which returns a `Reading`.
    """

    _takes_collections = True
    _takes_documents = True
    """Whether a pipeline that begins with this takes Bags of dask."""

    dtype: Any
    get_params: Callable[..., dict[str, Any]]

    def _rows_function(self) -> Reading:
        """Return the transformation of documents of a block."""
        raise NotImplementedError

    def _opened(self, X: Any) -> Any:
        """Return the documents that a user gives; see `opened`."""
        return opened(X, blocks=self._is_block)

    def _is_block(self, first: Any) -> bool:
        """Return whether an iterator with this first item is one of blocks, not of documents."""
        return not callable(getattr(self, "analyzer", None)) and is_block(first)

    def _is_checked(self) -> bool:
        """Return whether documents must be text or bytes: scikit-learn's functions read them."""
        own = callable(self.analyzer) or self.preprocessor is not None
        return self.input == "content" and not own

    def _rows(self, X: Any, n_features: int) -> Any:
        """Return the rows of documents, lazily for a collection."""
        if engine.is_collection(X):
            nothing = csr_array((0, n_features), dtype=np.dtype(self.dtype))
            return engine.map_rows(self._rows_function(), X, meta=nothing)
        return _align_api_if_sparse(self._rows_function()(X))

    def __sklearn_array_api_convert__(self, converter: Callable[[Any], Any]) -> Any:
        """Return a copy. It is the same for all libraries: sparse rows are NumPy's."""
        out = type(self)(**self.get_params(deep=False))
        out.__dict__.update(vars(self))
        return out
