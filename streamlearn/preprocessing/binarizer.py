"""Binarizer."""

from __future__ import annotations

from numbers import Real
from typing import Any

from streamlearn._estimator.stateless import UnfittedTransformer
from streamlearn.core.rowwise_maps import Threshold


class Binarizer(UnfittedTransformer):
    """Make 1 of numbers above a threshold, and 0 of all others.

    It is scikit-learn's `~sklearn.preprocessing.Binarizer` for arrays of any library, for sparse
    rows and for dask collections. The blocks of a collection are transformed lazily.

    Parameters
    ----------
    threshold : float, default=0.0
        Numbers above it become 1. If rows are sparse, it must not be below 0.
    copy : bool, default=True
        It has no effect, because the input is never changed.

    Attributes
    ----------
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a frame whose column names are all
        strings.

    Notes
    -----
    Nothing is learned from rows. So `transform` works without a fit, and a pipeline in one pass
    takes this as a step.

    Differences from scikit-learn:

    - Integers become floats, as in all transformers here. scikit-learn's stay integers.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.preprocessing import Binarizer
    >>> X = da.from_array([[1.0, -1.0, 2.0], [2.0, 0.0, 0.0]], chunks=(1, 3))
    >>> Binarizer().fit_transform(X).compute()
    array([[1., 0., 1.],
           [1., 0., 0.]])
    """

    _keeps_csc = True

    _parameter_constraints: dict[str, Any] = {"threshold": [Real], "copy": ["boolean"]}

    def __init__(self, *, threshold: Any = 0.0, copy: Any = True) -> None:
        self.threshold = threshold
        self.copy = copy

    def _function(self) -> Threshold:
        return Threshold(float(self.threshold))
