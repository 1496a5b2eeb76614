"""Features that vary: `VarianceThreshold`."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.feature_selection import VarianceThreshold as TheirThreshold

from streamlearn._arrays import namespace, to_numpy
from streamlearn._estimator.mergeable import MergeableTransformer
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import extremes, spread
from streamlearn.feature_selection.selector import Selector


class VarianceThreshold(Selector, MergeableTransformer, TheirThreshold):
    """Keep the features whose variance is above a threshold, on arrays and dask collections.

    It is scikit-learn's `~sklearn.feature_selection.VarianceThreshold`. Blocks are summed in
    parallel, in one pass.

    Parameters
    ----------
    threshold : float, default=0.0
        Features with this variance or a smaller one are left out, in squared units of the feature.

    Attributes
    ----------
    variances_ : array of shape (n_features,)
        The variance of each feature. If ``threshold`` is 0, it is the range of the feature where
        that is smaller.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    NaN are left out, feature by feature. A constant feature has the variance 0 exactly, however far
    from zero it is. A pipeline over a collection fits this beforehand, in a pass of its own.

    Differences from scikit-learn:

    - `partial_fit` and `merge` exist. A feature may then be selected that was not before.
    - Rows of a collection become floats.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.feature_selection import VarianceThreshold
    >>> X = da.from_array([[0, 2, 0, 3], [0, 1, 4, 3], [0, 1, 1, 3]], chunks=(2, 4))
    >>> selector = VarianceThreshold().fit(X)
    >>> selector.variances_
    array([0.        , 0.22222222, 2.88888889, 0.        ])
    >>> selector.transform(X).compute()
    array([[2., 0.],
           [1., 4.],
           [1., 1.]])
    """

    _allow_nan = True

    _state: spread.Spread

    def __init__(self, threshold: Any = 0.0) -> None:
        self.threshold = threshold

    def _statistic(self) -> Learner:
        return spread.learner()

    def _publish(self) -> None:
        found = spread.variance(self._state)
        xp = namespace(found)
        if self.threshold == 0:
            span = xp.astype(spread.span(self._state), found.dtype)
            found = xp.where(xp.isnan(span) | (found <= span), found, span)
        if not bool(xp.any(xp.isfinite(found) & (found > self.threshold))):
            one = int(to_numpy(xp.max(extremes.rows(self._state.extremes)))) == 1
            raise ValueError(
                f"No feature in X meets the variance threshold {self.threshold:.5f}"
                + (" (X contains only one sample)" if one else "")
            )
        self.variances_ = self._as_learned(found)

    def _get_support_mask(self) -> np.ndarray:
        return to_numpy(self.variances_) > self.threshold

    def __sklearn_tags__(self) -> Any:
        """Return the tags: X may be sparse and hold NaN."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags
