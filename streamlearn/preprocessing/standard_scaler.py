"""StandardScaler."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import moments
from streamlearn.preprocessing.scaler import Scaler


class StandardScaler(Scaler):
    """Subtract the mean of each feature and divide by its standard deviation.

    scikit-learn's `~sklearn.preprocessing.StandardScaler` for any array backend and for dask
    collections, whose blocks are read in parallel and merged in a fixed order.

    Parameters
    ----------
    copy : bool, default=True
        Has no effect: input is never changed.
    with_mean : bool, default=True
        Subtract the mean.
    with_std : bool, default=True
        Divide by the standard deviation.

    Attributes
    ----------
    scale_ : array of shape (n_features,) or None
        Standard deviation, 1 for constant features; None if ``with_std=False``.
    mean_ : array of shape (n_features,) or None
        None if neither is asked for.
    var_ : array of shape (n_features,) or None
        None if ``with_std=False``.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Only where X was a frame whose column names are all strings.
    n_samples_seen_ : int, float or array of shape (n_features,)
        Rows that are not NaN, or the sum of their weights: one number where it is the same for
        all features.

    Notes
    -----
    NaN are counted out feature by feature in ``fit`` and stay NaN in ``transform``. Sums are kept
    in the widest float of the device, see `streamlearn.core.statistics.moments`. Fitted attributes
    are in the namespace and on the device of X.

    Rows of scipy.sparse, in memory or as blocks, need ``with_mean=False``, and stay sparse in
    ``transform``. Their zeros count.

    Differences from scikit-learn:

    - Scale and mean are right at any offset and in any unit, also where the variance itself leaves
      the floats (0 or infinity).
    - Weights that add up to 0 are an error.

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
        """Learn mean and standard deviation of each feature, in one pass.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        y : None
            Ignored.
        sample_weight : array or dask array of shape (n_samples,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds infinity, has no rows or features, or does not line up with the weights.
        """
        return self._learn(X, reset=True, sample_weight=sample_weight)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from more rows; the same parameters and errors as `fit`."""
        return self._learn(X, reset=self._former() is None, sample_weight=sample_weight)

    def _statistic(self) -> Learner:
        return moments.learner(self.with_mean, self.with_std)

    def _publish(self) -> None:
        state, some = self._state, self.with_mean or self.with_std
        self.mean_ = moments.mean(state) if some else None
        with np.errstate(over="ignore"):  # in units where only the deviation is in the floats
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
        copy : bool or None, default=None
            Has no effect: input is never changed.

        Returns
        -------
        array, DataFrame, dask array or dask DataFrame
            In X's namespace and on its device; lazy for dask. ``set_output(transform="pandas")``
            makes a lazy dask DataFrame of a dask array.
        """
        return super().transform(X)

    def inverse_transform(self, X: Any, copy: bool | None = None) -> Any:
        """Undo `transform`: multiply by the scale and add the mean.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        copy : bool or None, default=None
            Has no effect: input is never changed.

        Returns
        -------
        array, dask array or dask DataFrame
            In X's namespace and on its device; lazy for dask.
        """
        return super().inverse_transform(X)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: sparse rows are taken without means, float dtypes kept."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not self.with_mean
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
