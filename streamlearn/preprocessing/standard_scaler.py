"""Standardization of features: `StandardScaler`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import moments, standardize
from streamlearn.preprocessing.scaler import Scaler


class StandardScaler(Scaler):
    """Subtract the mean of each feature and divide by its standard deviation.

    It is scikit-learn's `~sklearn.preprocessing.StandardScaler` for arrays of any library and for
    dask collections. The blocks of a collection are read in parallel, and their statistics are
    merged in a fixed order.

    Parameters
    ----------
    copy : bool, default=True
        It has no effect, because the input is never changed.
    with_mean : bool, default=True
        Whether to subtract the mean. Sparse rows need False.
    with_std : bool, default=True
        Whether to divide by the standard deviation.

    Attributes
    ----------
    scale_ : array of shape (n_features,) or None
        The standard deviation of each feature, in the unit of the feature. It is 1 for constant
        features, and None if ``with_std=False``.
    mean_ : array of shape (n_features,) or None
        The mean of each feature. It is None if ``with_mean`` and ``with_std`` are both False.
    var_ : array of shape (n_features,) or None
        The variance of each feature (``ddof=0``). It is None if ``with_std=False``.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.
    n_samples_seen_ : int, float or array of shape (n_features,)
        The number of rows that are not NaN, or the sum of their weights. It is one number if it is
        the same for all features.

    Notes
    -----
    NaN are ignored in ``fit``, feature by feature, and stay NaN in ``transform``. Sums are kept in
    the widest float of the device (see `streamlearn.core.statistics.moments`). Fitted attributes
    are in the namespace and on the device of X.

    Sparse rows of scipy, in memory or as blocks, need ``with_mean=False``. They stay sparse in
    ``transform``, and their zeros count.

    Differences from scikit-learn:

    - The mean and the scale are right at any offset and in any unit. They are right even if the
      variance underflows to 0 or overflows to infinity. scikit-learn gives infinity and NaN there.
    - Weights that add up to 0 are an error, because they have no mean.
    - ``copy=False`` has no effect, because the input is never changed.
    - Rows of half precision (float16) become float64, because half precision holds 3 digits.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.preprocessing import StandardScaler
    >>> X = da.from_array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, 1.0]], chunks=(2, 2))
    >>> scaler = StandardScaler().fit(X)
    >>> scaler.mean_
    array([0.5, 0.5])
    >>> scaler.transform(X)
    dask.array<..., shape=(4, 2), dtype=float64, chunksize=(2, 2), chunktype=numpy.ndarray>
    """

    _dense = None  # rows may be sparse

    _state: moments.Moments

    _parameter_constraints: dict[str, Any] = {
        "copy": ["boolean"],
        "with_mean": ["boolean"],
        "with_std": ["boolean"],
    }

    def __init__(self, *, copy: Any = True, with_mean: Any = True, with_std: Any = True) -> None:
        self.copy = copy
        self.with_mean = with_mean
        self.with_std = with_std

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn the mean and the standard deviation of each feature, in one pass.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            Numbers, of which some may be NaN.
        y : None
            It is ignored.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds infinity, if X has no rows or no features, if X and the weights do not line
            up, or if the weights add up to 0.
        """
        return self._learn(X, reset=True, sample_weight=sample_weight)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from more rows, on top of those of earlier calls.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            Numbers, of which some may be NaN.
        y : None
            It is ignored.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `fit` would raise it, or if X has other features than before.
        """
        return self._learn(X, reset=self._former() is None, sample_weight=sample_weight)

    def _statistic(self) -> Learner:
        return standardize.learner(self.with_mean, self.with_std)

    def _publish(self) -> None:
        state, some = self._state, self.with_mean or self.with_std
        self.mean_ = moments.mean(state) if some else None
        with np.errstate(over="ignore"):  # the variance may overflow where the deviation does not
            self.var_ = moments.variance(state) if self.with_std else None
        self.scale_ = moments.scale(state) if self.with_std else None
        seen = to_numpy(state.weight + state.weight_low)
        seen = seen if self._weighted else seen.astype(np.int64)
        self.n_samples_seen_ = seen[0] if np.all(seen == seen[0]) else seen

    def transform(self, X: Any, copy: bool | None = None) -> Any:
        """Subtract the mean and divide by the scale.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to transform.
        copy : bool or None, default=None
            It has no effect, because the input is never changed.

        Returns
        -------
        array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The transformed rows, in the namespace and on the device of X. They are lazy if X is a
            dask collection. ``set_output(transform="pandas")`` makes a lazy dask DataFrame of a
            dask array.

        Raises
        ------
        ValueError
            If X holds infinity, has other features than in `fit`, or is in another namespace or on
            another device.
        """
        return super().transform(X)

    def inverse_transform(self, X: Any, copy: bool | None = None) -> Any:
        """Undo `transform`: multiply by the scale and add the mean.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            Transformed rows.
        copy : bool or None, default=None
            It has no effect, because the input is never changed.

        Returns
        -------
        array, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows as they were, in the namespace and on the device of X. They are lazy if X is a
            dask collection.

        Raises
        ------
        ValueError
            If X has another number of features than in `fit`, or is in another namespace or on
            another device.
        """
        return super().inverse_transform(X)

    def __sklearn_tags__(self) -> Any:
        """Return the tags: sparse rows need ``with_mean=False``, and float dtypes are kept."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not self.with_mean
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
