"""KBinsDiscretizer."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from copy import copy
from functools import partial
from numbers import Integral
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import Array, asarray, is_sparse
from streamlearn._estimator.mergeable import MergeableTransformer
from streamlearn._estimator.outputs import NamesOut
from streamlearn._sklearn import (
    Interval,
    Options,
    StrOptions,
    _align_api_if_sparse,
)
from streamlearn.blocks import of_frame
from streamlearn.core.bins import Bins
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import block_summary, quantile_learner, quantile_summary
from streamlearn.core.statistics.quantile_summary import QuantileSummary
from streamlearn.core.statistics.quantiles import METHODS
from streamlearn.preprocessing.bin_edges import WEIGHTED, edges_of
from streamlearn.preprocessing.weights import not_negative_or_raise


class Params(NamedTuple):
    """How edges of bins are found from a summary, and how bins are encoded.

    Attributes
    ----------
    n_bins : int or tuple of int
    encode, strategy, method : str
    dtype : str or None
    size, zeros
        As `streamlearn.core.statistics.quantile_summary.Sketch` has them.
    """

    n_bins: Any
    encode: str
    strategy: str
    method: str
    dtype: str | None
    size: int
    zeros: bool = True


class KBinsDiscretizer(NamesOut, MergeableTransformer):
    """Put the numbers of each feature in bins.

    It is scikit-learn's `~sklearn.preprocessing.KBinsDiscretizer` for arrays of any library and for
    dask collections. The blocks of a collection are read in parallel.

    Parameters
    ----------
    n_bins : int or array-like of shape (n_features,), default=5
        The number of bins.
    encode : {'onehot', 'onehot-dense', 'ordinal'}, default='onehot'
        'onehot' makes a column for each bin, in sparse rows. 'onehot-dense' makes dense rows.
        'ordinal' makes one column, which has the number of the bin.
    strategy : {'uniform', 'quantile', 'kmeans'}, default='quantile'
        'uniform' makes bins of the same width. 'quantile' makes bins of the same number of rows.
        'kmeans' makes a bin around the centre of each cluster of the numbers.
    quantile_method : str, default='averaged_inverted_cdf'
        One of NumPy's nine methods of Hyndman and Fan. Weights need 'averaged_inverted_cdf' or
        'inverted_cdf'.
    dtype : {np.float32, np.float64}, default=None
        The dtype of the result. None means the dtype of the rows.
    subsample : int or None, default=200_000
        It has no effect, because all rows are used.
    random_state : int, RandomState instance or None, default=None
        It has no effect, because nothing is drawn.

    Attributes
    ----------
    bin_edges_ : ndarray of ndarray of shape (n_features,)
        The edges of each feature's bins. They are arrays of NumPy for every X.
    n_bins_ : ndarray of shape (n_features,)
        The number of bins of each feature. Bins that are not wider than 1e-8 are removed.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a frame whose column names are all
        strings.

    Notes
    -----
    Sparse rows are scipy's. For arrays of other libraries than NumPy set ``encode='onehot-dense'``
    or ``'ordinal'``.

    If each bin has a column, the column is named by its feature and by the number of its bin:
    ``x0_0.0``, ``x0_1.0``...

    Edges come from a mergeable summary of 2,048 numbers for each feature [1]_, see
    `streamlearn.core.statistics.quantile_summary`. The edges of uniform bins are always exact.

    Differences from scikit-learn:

    - All rows are used. Quantiles are exact while a feature has no more than 2,048 different
      numbers. Beyond that their ranks are off by a thousandth of the rows at most, and mostly by
      much less.
    - Clusters are found among the numbers of the summary. Each number is weighted by its number of
      rows. If the summary is exact, the clusters are those of the rows. There is one exception: a
      cluster without rows starts again at all rows of one number, not at one row.
    - ``inverse_transform`` keeps the dtype if each bin has a column. scikit-learn makes float64.
    - Rows whose weight is 0 are left out of all strategies. Negative weights are an error.
    - ``partial_fit`` exists.

    References
    ----------
    .. [1] P. K. Agarwal, G. Cormode, Z. Huang, J. Phillips, Z. Wei, K. Yi, "Mergeable Summaries",
       Symposium on Principles of Database Systems, 2012.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.preprocessing import KBinsDiscretizer
    >>> X = da.from_array([[-2.0, 1.0], [-1.0, 2.0], [0.0, 3.0], [1.0, 4.0]], chunks=(2, 2))
    >>> bins = KBinsDiscretizer(n_bins=3, encode="ordinal", strategy="uniform").fit(X)
    >>> bins.bin_edges_[0]
    array([-2., -1.,  0.,  1.])
    >>> bins.transform(X).compute()
    array([[0., 0.],
           [1., 1.],
           [2., 2.],
           [2., 2.]])
    """

    _state: QuantileSummary

    _parameter_constraints: dict[str, Any] = {
        "n_bins": [Interval(Integral, 2, None, closed="left"), "array-like"],
        "encode": [StrOptions({"onehot", "onehot-dense", "ordinal"})],
        "strategy": [StrOptions({"uniform", "quantile", "kmeans"})],
        "quantile_method": [StrOptions({*METHODS, *WEIGHTED, "closest_observation"})],
        "dtype": [Options(type, {np.float64, np.float32}), None],
        "subsample": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_bins: Any = 5,
        *,
        encode: Any = "onehot",
        strategy: Any = "quantile",
        quantile_method: Any = "averaged_inverted_cdf",
        dtype: Any = None,
        subsample: Any = 200_000,
        random_state: Any = None,
    ) -> None:
        self.n_bins = n_bins
        self.encode = encode
        self.strategy = strategy
        self.quantile_method = quantile_method
        self.dtype = dtype
        self.subsample = subsample
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn the edges of bins, in one pass.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            Numbers without NaN and infinity.
        y : None
            Ignored.
        sample_weight : array or dask array of shape (n_samples,), optional
            The weight of each row. None means 1 for every row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds NaN or infinity, if X has no rows or no features, if X and the weights do not
            line up, or if the method of quantiles takes no weights.
        """
        return self._learn(X, reset=True, sample_weight=sample_weight)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from more rows. Parameters and errors are those of `fit`."""
        return self._learn(X, reset=self._former() is None, sample_weight=sample_weight)

    def _statistic(self) -> Learner:
        params = self._settings()
        return quantile_learner.learner(params, _applied, _of_block)

    def _settings(self) -> Params:
        n_bins = self.n_bins
        if not isinstance(n_bins, Integral):
            n_bins = tuple(check_array(n_bins, dtype=None, ensure_2d=False).tolist())
        size = 4 if self.strategy == "uniform" else quantile_summary.SIZE
        dtype = None if self.dtype is None else np.dtype(self.dtype).name
        return Params(n_bins, self.encode, self.strategy, self.quantile_method, dtype, size)

    def _publish(self) -> None:
        self._fitted = self._settings()
        edges, warned = _edges(self._fitted, self._state)
        for warning in warned:
            warnings.warn(warning, stacklevel=4)
        self.bin_edges_ = np.empty(len(edges), dtype=object)
        self.bin_edges_[:] = edges
        self.n_bins_ = np.asarray([len(each) - 1 for each in edges])

    def _function(self) -> Bins:
        return _bins(self._fitted, list(self.bin_edges_), self._state)

    def _transform(self, X: Any, names: Any) -> Any:
        out = super()._transform(X, names)
        return _align_api_if_sparse(out) if is_sparse(out) else out

    def inverse_transform(self, X: Any) -> Any:
        """Return the middle of the bin for each number.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape (n_samples, n_out)
            As `transform` returns them.

        Returns
        -------
        array, dask array or dask DataFrame
            In X's namespace and on its device; lazy for dask.

        Raises
        ------
        ValueError
            If X has another number of columns than `transform` makes.
        """
        check_is_fitted(self)
        function, names = self._function(), None
        shown = copy(self)
        shown.n_features_in_ = function.width
        if self._fitted.encode != "ordinal":
            shown._dense = None
        if of_frame(X):
            names = OneToOneFeatureMixin.get_feature_names_out(self)
        return shown._rows("inverse_transform", function.inverse, X, names, named=False)

    def _names_out(self, names: np.ndarray) -> Any:
        if self._fitted.encode == "ordinal":
            return names
        return [
            f"{name}_{float(i)}"
            for name, count in zip(names, self.n_bins_, strict=True)
            for i in range(int(count))
        ]

    def _known_beforehand(self) -> bool:
        """Return True: a learner in one pass cannot follow a map that changes with each block."""
        return True

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags. The fitted edges are NumPy's for every X."""
        tags = super().__sklearn_tags__()
        tags.array_api_support = False
        return tags


def _edges(params: Params, state: QuantileSummary) -> tuple[list[np.ndarray], list[str]]:
    return edges_of(state, params.n_bins, params.strategy, params.method)


def _bins(params: Params, edges: Sequence[np.ndarray], state: QuantileSummary) -> Bins:
    """Return the function of rows that the edges define, with arrays in the library of a state."""
    most = max(len(each) - 1 for each in edges)
    inner = np.full((len(edges), most), np.inf)
    middles = np.zeros((len(edges), most))
    for j, each in enumerate(edges):
        inner[j, : len(each) - 2] = each[1:-1]
        with np.errstate(invalid="ignore"):
            middles[j, : len(each) - 1] = (each[1:] + each[:-1]) * 0.5
    counts = tuple(len(each) - 1 for each in edges)
    place = partial(asarray, like=state.at)
    return Bins(place(inner), place(middles), counts, params.encode, params.dtype)


def _of_block(params: Params, X: Array, weight: Array | None = None) -> QuantileSummary:
    if weight is not None:
        not_negative_or_raise(weight)
        if params.strategy == "quantile" and params.method not in WEIGHTED:
            raise ValueError(
                "When fitting with strategy='quantile' and sample weights, quantile_method should "
                "either be set to 'averaged_inverted_cdf' or 'inverted_cdf', got quantile_method="
                f"'{params.method}' instead."
            )
    return block_summary.of_block(params, X, weight)


def _applied(params: Params, state: QuantileSummary) -> Bins:
    edges, _ = _edges(params, state)
    return _bins(params, edges, state)
