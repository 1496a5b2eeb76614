"""RobustScaler."""

from __future__ import annotations

from typing import Any

from scipy.special import ndtri

from streamlearn.core import robust
from streamlearn.core.learner import Learner
from streamlearn.core.statistics.quantile_summary import QuantileSummary
from streamlearn.preprocessing.scaler import Scaler


class RobustScaler(Scaler):
    """Subtract the median of each feature, and divide by the distance between two quantiles.

    It is scikit-learn's `~sklearn.preprocessing.RobustScaler` for arrays of any library and for
    dask collections. The blocks of a collection are read in parallel.

    Parameters
    ----------
    with_centering : bool, default=True
        Subtract the median.
    with_scaling : bool, default=True
        Divide by the distance between the quantiles.
    quantile_range : tuple (q_min, q_max), default=(25.0, 75.0)
        The two quantiles, in percent.
    copy : bool, default=True
        It has no effect, because the input is never changed.
    unit_variance : bool, default=False
        Scale so that a feature with a normal distribution gets variance 1.

    Attributes
    ----------
    center_ : array of shape (n_features,) or None
        The median of each feature. It is None if ``with_centering=False``.
    scale_ : array of shape (n_features,) or None
        The distance between the quantiles. It is 1 for constant features, and None if
        ``with_scaling=False``.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a frame whose column names are all
        strings.

    Notes
    -----
    NaN are ignored in ``fit``, feature by feature, and stay NaN in ``transform``. Fitted attributes
    are in the namespace and on the device of X, and in its dtype if that is a float.

    Rows of scipy.sparse, in memory or as blocks, need ``with_centering=False``. They stay sparse in
    ``transform``, and their zeros count.

    Quantiles come from a mergeable summary of 2,048 numbers for each feature [1]_, see
    `streamlearn.core.statistics.quantile_summary`.

    Differences from scikit-learn:

    - Quantiles are exact while a feature has no more than 2,048 different numbers. Beyond that
      their ranks are off by a thousandth of the rows at most, and mostly by much less.
    - ``partial_fit`` exists.

    References
    ----------
    .. [1] P. K. Agarwal, G. Cormode, Z. Huang, J. Phillips, Z. Wei, K. Yi, "Mergeable Summaries",
       Symposium on Principles of Database Systems, 2012.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.preprocessing import RobustScaler
    >>> X = da.from_array([[1.0, -2.0, 2.0], [-2.0, 1.0, 3.0], [4.0, 1.0, -2.0]], chunks=(2, 3))
    >>> scaler = RobustScaler().fit(X)
    >>> scaler.center_
    array([1., 1., 2.])
    >>> scaler.transform(X).compute()
    array([[ 0. , -2. ,  0. ],
           [-1. ,  0. ,  0.4],
           [ 1. ,  0. , -1.6]])
    """

    _dense = None  # rows may be sparse

    _state: QuantileSummary

    _parameter_constraints: dict[str, Any] = {
        "with_centering": ["boolean"],
        "with_scaling": ["boolean"],
        "quantile_range": [tuple],
        "copy": ["boolean"],
        "unit_variance": ["boolean"],
    }

    def __init__(
        self,
        *,
        with_centering: Any = True,
        with_scaling: Any = True,
        quantile_range: Any = (25.0, 75.0),
        copy: Any = True,
        unit_variance: Any = False,
    ) -> None:
        self.with_centering = with_centering
        self.with_scaling = with_scaling
        self.quantile_range = quantile_range
        self.copy = copy
        self.unit_variance = unit_variance

    def _validate_params(self) -> None:
        super()._validate_params()
        q_min, q_max = self.quantile_range
        if not 0 <= q_min <= q_max <= 100:
            raise ValueError(
                f"Invalid quantile range: {self.quantile_range}. Give two percentages, the smaller "
                "one first, for example (25, 75)."
            )

    def _statistic(self) -> Learner:
        return robust.learner(self._settings())

    def _fitted_statistic(self) -> Learner:
        return robust.learner(self._fitted)

    def _settings(self) -> robust.Robust:
        low, high = (float(q) / 100 for q in self.quantile_range)
        unit = float(ndtri(high) - ndtri(low)) if self.unit_variance else 1.0
        spread = (low, high) if self.with_scaling else None
        return robust.Robust(bool(self.with_centering), spread, unit)

    def _publish(self) -> None:
        state, self._fitted = self._state, self._settings()
        self.center_ = robust.centre(state) if self.with_centering else None
        self.scale_ = robust.scale(self._fitted, state) if self.with_scaling else None

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: sparse rows are taken if nothing is subtracted."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not self.with_centering
        return tags
