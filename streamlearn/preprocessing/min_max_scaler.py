"""Scaling to a given range: `MinMaxScaler`."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import extremes
from streamlearn.preprocessing.scaler import Scaler


class MinMaxScaler(Scaler):
    """Map each feature to a given range, by its smallest and its largest number.

    It is scikit-learn's `~sklearn.preprocessing.MinMaxScaler` for arrays of any library and for
    dask collections. The blocks of a collection are read in parallel.

    Parameters
    ----------
    feature_range : tuple (min, max), default=(0, 1)
        The range of the transformed features. ``min`` must be smaller than ``max``.
    copy : bool, default=True
        It has no effect, because the input is never changed.
    clip : bool, default=False
        Whether `transform` clips numbers to the range.

    Attributes
    ----------
    min_ : array of shape (n_features,)
        What is added after the multiplication: ``min - data_min_ * scale_``.
    scale_ : array of shape (n_features,)
        What a feature is multiplied by: ``(max - min) / data_range_``, and ``max - min`` for
        constant features.
    data_min_ : array of shape (n_features,)
        The smallest number of each feature.
    data_max_ : array of shape (n_features,)
        The largest number of each feature.
    data_range_ : array of shape (n_features,)
        ``data_max_ - data_min_``.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.
    n_samples_seen_ : int
        The number of rows.

    Notes
    -----
    NaN are ignored in ``fit``, feature by feature, and stay NaN in ``transform``. Extremes are
    exact and do not depend on the blocks. Fitted attributes are in the namespace and on the device
    of X, and in its dtype if that is a float. Sparse rows are not supported.

    Differences from scikit-learn:

    - ``data_min_`` is subtracted from the rows first, so that no digits are lost if features lie
      far from zero. scikit-learn multiplies first, and loses as many digits as the offset has.
    - A feature of small numbers is scaled in any unit. scikit-learn treats a feature as constant
      if its range is below ten units of rounding at 1.
    - A feature becomes 0 if its range overflows. In scikit-learn it becomes ``min``.
    - ``copy=False`` has no effect, because the input is never changed.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.preprocessing import MinMaxScaler
    >>> X = da.from_array([[-1.0, 2.0], [-0.5, 6.0], [0.0, 10.0], [1.0, 18.0]], chunks=(2, 2))
    >>> scaler = MinMaxScaler().fit(X)
    >>> scaler.data_max_
    array([ 1., 18.])
    >>> scaler.transform(X).compute()
    array([[0.  , 0.  ],
           [0.25, 0.25],
           [0.5 , 0.5 ],
           [1.  , 1.  ]])
    """

    _dense = "MinMaxScaler does not support sparse input. Consider using MaxAbsScaler instead."

    _state: extremes.Extremes

    _parameter_constraints: dict[str, Any] = {
        "feature_range": [tuple],
        "copy": ["boolean"],
        "clip": ["boolean"],
    }

    def __init__(self, feature_range: Any = (0, 1), *, copy: Any = True, clip: Any = False) -> None:
        self.feature_range = feature_range
        self.copy = copy
        self.clip = clip

    def _validate_params(self) -> None:
        super()._validate_params()
        if not self.feature_range[0] < self.feature_range[1]:
            raise ValueError(
                "Minimum of desired feature range must be smaller than maximum. Got "
                f"{self.feature_range}."
            )

    def _statistic(self) -> Learner:
        return extremes.learner(self._range(self.feature_range))

    def _fitted_statistic(self) -> Learner:
        return extremes.learner(self._range(self._fitted_range))

    def _range(self, feature_range: tuple[Any, ...]) -> extremes.Range:
        return extremes.Range(float(feature_range[0]), float(feature_range[1]), bool(self.clip))

    def _publish(self) -> None:
        state, params = self._state, self._range(self.feature_range)
        self._fitted_range = self.feature_range
        self.data_min_ = extremes.minimum(state)
        self.data_max_ = extremes.maximum(state)
        with np.errstate(over="ignore"):
            self.data_range_ = extremes.spread(state)
            self.scale_ = (params.high - params.low) / extremes.spread_or_one(params, state)
            self.min_ = params.low - self.data_min_ * self.scale_
        self.n_samples_seen_ = int(to_numpy(extremes.rows(state))[0])
