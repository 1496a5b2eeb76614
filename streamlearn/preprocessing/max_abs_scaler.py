"""Scaling by the largest magnitude: `MaxAbsScaler`."""

from __future__ import annotations

from typing import Any

from streamlearn._arrays import to_numpy
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import extremes
from streamlearn.preprocessing.scaler import Scaler


class MaxAbsScaler(Scaler):
    """Divide each feature by its largest magnitude.

    It is scikit-learn's `~sklearn.preprocessing.MaxAbsScaler` for arrays of any library and for
    dask collections. The blocks of a collection are read in parallel.

    Parameters
    ----------
    copy : bool, default=True
        It has no effect, because the input is never changed.
    clip : bool, default=False
        Whether `transform` clips numbers to [-1, 1].

    Attributes
    ----------
    scale_ : array of shape (n_features,)
        What a feature is divided by, in the unit of the feature. It is ``max_abs_``, and 1 for
        features that are always 0.
    max_abs_ : array of shape (n_features,)
        The largest magnitude of each feature.
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
    of X, and in its dtype if that is a float.

    Sparse rows of scipy, in memory or as blocks, stay sparse in ``transform``. Their zeros count.

    Differences from scikit-learn:

    - A feature of small numbers is scaled in any unit. scikit-learn does not change a feature
      whose largest magnitude is below ten units of rounding at 1.
    - ``copy=False`` has no effect, because the input is never changed.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.preprocessing import MaxAbsScaler
    >>> X = da.from_array([[1.0, -1.0, 2.0], [2.0, 0.0, 0.0], [0.0, 1.0, -1.0]], chunks=(2, 3))
    >>> scaler = MaxAbsScaler().fit(X)
    >>> scaler.max_abs_
    array([2., 1., 2.])
    >>> scaler.transform(X).compute()
    array([[ 0.5, -1. ,  1. ],
           [ 1. ,  0. ,  0. ],
           [ 0. ,  1. , -0.5]])
    """

    _dense = None  # rows may be sparse

    _state: extremes.Extremes

    _parameter_constraints: dict[str, Any] = {"copy": ["boolean"], "clip": ["boolean"]}

    def __init__(self, *, copy: Any = True, clip: Any = False) -> None:
        self.copy = copy
        self.clip = clip

    def _statistic(self) -> Learner:
        return extremes.learner(extremes.Magnitude(bool(self.clip)))

    def _publish(self) -> None:
        self.max_abs_ = extremes.magnitude(self._state)
        self.scale_ = extremes.magnitude_or_one(self._state)
        self.n_samples_seen_ = int(to_numpy(extremes.rows(self._state))[0])

    def __sklearn_tags__(self) -> Any:
        """Return the tags: X may be sparse rows."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
