"""Counts of terms as weights: `TfidfTransformer`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import Array, to_sparse
from streamlearn._estimator.mergeable import MergeableTransformer
from streamlearn._estimator.outputs import rows_out
from streamlearn._sklearn import StrOptions, _align_api_if_sparse
from streamlearn.blocks import is_collection
from streamlearn.core.learner import Learner, an_array
from streamlearn.core.statistics import document_frequencies
from streamlearn.core.statistics.document_frequencies import Frequencies, Weighted, Weighting


class Stored(NamedTuple):
    """A function of rows whose result is sparse for rows of NumPy."""

    function: Callable[[Array], Array]

    def __call__(self, X: Array) -> Array:
        """Return the result for the rows of X."""
        out = self.function(X)
        return to_sparse(out) if isinstance(out, np.ndarray) else out


class TfidfTransformer(OneToOneFeatureMixin, MergeableTransformer):
    """Weight counts of terms by inverse document frequencies, on arrays and dask collections.

    It is scikit-learn's `~sklearn.feature_extraction.text.TfidfTransformer` for sparse rows, for
    arrays of any library and for dask collections of both. The blocks of a collection are read in
    parallel, once.

    Parameters
    ----------
    norm : {"l1", "l2"} or None, default="l2"
        The norm of each row of the result, which is then 1. None does not change the length.
    use_idf : bool, default=True
        Whether to multiply by the inverse document frequency of a term.
    smooth_idf : bool, default=True
        Whether one more document that has every term once is counted.
    sublinear_tf : bool, default=False
        Whether a count c becomes 1 + log(c).

    Attributes
    ----------
    idf_ : array of shape (n_features,)
        The inverse document frequency of each term, log(n / f) + 1, where n is the number of
        documents and f is the number of documents with the term. Both are one larger if
        ``smooth_idf``. It exists only if ``use_idf``.
    n_features_in_ : int
        The number of terms.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the terms. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    Document frequencies are sums of integers. So the result does not depend on the blocks, and
    `partial_fit` and `merge` are exact. Every entry that a sparse row stores counts, also a 0.

    Behind a `HashingVectorizer` or a `CountVectorizer` it learns in the pass of the learner. Each
    block is weighted by the frequencies of the blocks up to it. `TfidfVectorizer` finds them
    beforehand.

    Differences from scikit-learn:

    - `partial_fit` and `merge` exist.
    - Rows of other libraries than NumPy stay dense, because sparse rows are NumPy's.
    - ``copy`` has no effect, because the input is never changed.

    References
    ----------
    C. D. Manning, P. Raghavan, H. Schütze, Introduction to Information Retrieval, Cambridge
    University Press, 2008, chapter 6.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from streamlearn.feature_extraction.text import TfidfTransformer
    >>> X = csr_array([[2.0, 1.0, 0.0], [1.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    >>> tfidf = TfidfTransformer(norm=None, smooth_idf=False).fit(X)
    >>> tfidf.idf_
    array([1.        , 2.09861229, 2.09861229])
    >>> tfidf.transform(X).toarray()
    array([[2.        , 2.09861229, 0.        ],
           [1.        , 0.        , 2.09861229],
           [1.        , 0.        , 0.        ]])
    """

    _dense = None  # rows may be sparse

    _state: Frequencies

    _parameter_constraints: dict[str, Any] = {
        "norm": [StrOptions({"l1", "l2"}), None],
        "use_idf": ["boolean"],
        "smooth_idf": ["boolean"],
        "sublinear_tf": ["boolean"],
    }

    def __init__(
        self,
        *,
        norm: Any = "l2",
        use_idf: Any = True,
        smooth_idf: Any = True,
        sublinear_tf: Any = False,
    ) -> None:
        self.norm = norm
        self.use_idf = use_idf
        self.smooth_idf = smooth_idf
        self.sublinear_tf = sublinear_tf

    def _statistic(self) -> Learner:
        return document_frequencies.learner(
            Weighting(self.norm, bool(self.use_idf), bool(self.smooth_idf), bool(self.sublinear_tf))
        )

    def _publish(self) -> None:
        self.__dict__.pop("idf_", None)
        if self.use_idf:
            params = self._statistic().params
            self.idf_ = self._as_learned(document_frequencies.inverse(params, self._state))

    def transform(self, X: Any, copy: Any = True) -> Any:
        """Return the weights of counts.

        Parameters
        ----------
        X : sparse rows, array, DataFrame, dask array or dask DataFrame of shape \
                (n_samples, n_features)
            The counts of terms in documents.
        copy : bool, default=True
            It has no effect, because the input is never changed.

        Returns
        -------
        sparse rows (CSR), array or dask array of shape (n_samples, n_features)
            The weights. They are dense if X is an array of another library than NumPy, and lazy if
            X is a dask collection.

        Raises
        ------
        ValueError
            If X has other features than in `fit`, or holds NaN or infinity.
        """
        check_is_fitted(self)
        out = self._in_container(X, self._transform)
        return out if is_collection(out) else _align_api_if_sparse(out)

    def _transform(self, X: Any, names: Any) -> Any:
        # The attribute may have been set, as one of another transformer.
        idf = getattr(self, "idf_", None)
        weighted: Any = Weighted(idf, self.norm, bool(self.sublinear_tf))
        function: Any = Stored(weighted)
        fitted = an_array(self._state) if idf is None else idf
        return rows_out(self, "transform", X, function, fitted=fitted, names=names)

    def __sklearn_tags__(self) -> Any:
        """Return the tags: X may be sparse rows."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = False  # the result for rows of NumPy is sparse
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


# As scikit-learn's, it has no set_output: frames have no sparse columns.
TfidfTransformer._sklearn_auto_wrap_output_keys = set()
