"""QuantileTransformer."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any, NamedTuple, Self

import numpy as np

from streamlearn._arrays import Array, asarray, is_sparse, namespace, sorted_rows, to_numpy
from streamlearn._sklearn import Interval, StrOptions
from streamlearn.blocks import is_collection
from streamlearn.core.distribution import Distribution
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import block_summary, quantile_learner, quantile_summary, quantiles
from streamlearn.core.statistics.quantile_summary import QuantileSummary
from streamlearn.preprocessing.scaler import Scaler


class Params(NamedTuple):
    """The number of quantiles that are taken from a summary, and the distribution to make.

    Attributes
    ----------
    n_quantiles : int
    normal : bool
    size, zeros
        As `streamlearn.core.statistics.quantile_summary.Sketch` has them.
    """

    n_quantiles: int
    normal: bool
    size: int
    zeros: bool


class QuantileTransformer(Scaler):
    """Give each feature a uniform or a normal distribution, by its quantiles.

    It is scikit-learn's `~sklearn.preprocessing.QuantileTransformer` for arrays of any library and
    for dask collections. The blocks of a collection are read in parallel.

    Parameters
    ----------
    n_quantiles : int, default=1000
        The number of quantiles. It is at most the number of rows.
    output_distribution : {'uniform', 'normal'}, default='uniform'
        The distribution of the transformed features.
    ignore_implicit_zeros : bool, default=False
        Leave out zeros that sparse rows do not store. Only for sparse rows.
    subsample : int or None, default=10_000
        It must not be smaller than ``n_quantiles``. It has no other effect, because all rows are
        used.
    random_state : int, RandomState instance or None, default=None
        It has no effect, because nothing is drawn.
    copy : bool, default=True
        It has no effect, because the input is never changed.

    Attributes
    ----------
    n_quantiles_ : int
        The number of quantiles.
    quantiles_ : array of shape (`n_quantiles_`, n_features)
        The quantiles of each feature.
    references_ : array of shape (`n_quantiles_`,)
        The ranks of the quantiles, from 0 to 1.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a frame whose column names are all
        strings.

    Notes
    -----
    NaN are ignored in ``fit``, feature by feature, and stay NaN in ``transform``. Fitted attributes
    are in the namespace and on the device of X.

    Rows of scipy.sparse, in memory or as blocks, stay sparse in ``transform``. They must not be
    negative, unless their zeros are ignored.

    Quantiles come from a mergeable summary of each feature [1]_, see
    `streamlearn.core.statistics.quantile_summary`. It holds 2,048 numbers, or twice
    ``n_quantiles`` if that is more.

    Differences from scikit-learn:

    - All rows are used. Quantiles are exact while the summary holds all different numbers of a
      feature. Beyond that their ranks are off by a thousandth of the rows at most, and mostly by
      much less. A subsample of 10,000 rows is off by 0.4 to 0.7 %.
    - Rows of float32 are transformed as rows of float64 are. In scikit-learn the smallest and the
      largest number of a float32 feature do not reach the ends of the normal distribution if they
      are beyond 1.
    - ``partial_fit`` exists.

    References
    ----------
    .. [1] P. K. Agarwal, G. Cormode, Z. Huang, J. Phillips, Z. Wei, K. Yi, "Mergeable Summaries",
       Symposium on Principles of Database Systems, 2012.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.preprocessing import QuantileTransformer
    >>> X = da.from_array([[0.0], [1.0], [1.0], [100.0], [1000.0]], chunks=(2, 1))
    >>> scaler = QuantileTransformer(n_quantiles=5).fit(X)
    >>> scaler.quantiles_[:, 0]
    array([   0.,    1.,    1.,  100., 1000.])
    >>> scaler.transform(X).compute()[:, 0]
    array([0.   , 0.375, 0.375, 0.75 , 1.   ])
    """

    _dense = None  # rows may be sparse

    _state: QuantileSummary

    _parameter_constraints: dict[str, Any] = {
        "n_quantiles": [Interval(Integral, 1, None, closed="left")],
        "output_distribution": [StrOptions({"uniform", "normal"})],
        "ignore_implicit_zeros": ["boolean"],
        "subsample": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
        "copy": ["boolean"],
    }

    def __init__(
        self,
        *,
        n_quantiles: Any = 1000,
        output_distribution: Any = "uniform",
        ignore_implicit_zeros: Any = False,
        subsample: Any = 10_000,
        random_state: Any = None,
        copy: Any = True,
    ) -> None:
        self.n_quantiles = n_quantiles
        self.output_distribution = output_distribution
        self.ignore_implicit_zeros = ignore_implicit_zeros
        self.subsample = subsample
        self.random_state = random_state
        self.copy = copy

    def _known_beforehand(self) -> bool:
        """Return True: a learner in one pass cannot follow a map that changes with each block."""
        return True

    def _validate_params(self) -> None:
        super()._validate_params()
        if self.subsample is not None and self.n_quantiles > self.subsample:
            raise ValueError(
                "The number of quantiles cannot be greater than the number of samples used. Got "
                f"{self.n_quantiles} quantiles and {self.subsample} samples. Give fewer "
                "n_quantiles, or a larger subsample."
            )

    def _learn(self, X: Any, y: Any = None, *, reset: bool, **metadata: Any) -> Self:
        super()._learn(X, y, reset=reset, **metadata)
        if self.ignore_implicit_zeros and not (is_collection(X) or hasattr(X, "tocsr")):
            warnings.warn(
                "'ignore_implicit_zeros' takes effect only with sparse matrix. This parameter has "
                "no effect.",
                stacklevel=3,
            )
        return self

    def _statistic(self) -> Learner:
        return _learner(self._settings())

    def _fitted_statistic(self) -> Learner:
        normal = self.output_distribution == "normal"
        zeros = not self.ignore_implicit_zeros
        return _learner(self._fitted._replace(normal=normal, zeros=zeros))

    def _settings(self) -> Params:
        size = max(quantile_summary.SIZE, 2 * self.n_quantiles)
        normal = self.output_distribution == "normal"
        return Params(self.n_quantiles, normal, size, not self.ignore_implicit_zeros)

    def _publish(self) -> None:
        self._fitted, n = self._settings(), _rows(self._state)
        if self.n_quantiles > n:
            warnings.warn(
                f"n_quantiles ({self.n_quantiles}) is greater than the total number of samples "
                f"({n}). n_quantiles is set to n_samples.",
                stacklevel=4,
            )
        made = _quantiles(self._fitted, self._state)
        self.references_ = made.references
        self.n_quantiles_ = made.references.shape[0]
        dtype = self._state.values.dtype
        self.quantiles_ = namespace(made.quantiles).astype(made.quantiles.T, dtype, copy=False)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: sparse rows are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _rows(state: QuantileSummary) -> int:
    """Return the number of rows of a summary."""
    return int(np.max(np.rint(to_numpy(quantiles.rows(state)))))


def _quantiles(params: Params, state: QuantileSummary) -> Distribution:
    """Return the quantiles that a summary has, as a function of rows."""
    n = max(1, min(params.n_quantiles, _rows(state)))
    ranks = np.linspace(0, 1, n)
    found = quantiles.quantile(state, ranks.tolist()).T
    found = namespace(state.at).astype(found, state.at.dtype)
    if not params.zeros:
        nothing = state.at[:, :1] == 0  # as scikit-learn has it
        found = namespace(found).where(nothing, namespace(found).zeros_like(found), found)
    # A copy in order: rounding may have put two neighbours the other way round.
    found = sorted_rows(namespace(found).asarray(found, copy=True))
    return Distribution(found, asarray(ranks, like=found), params.normal)


class _Checked(NamedTuple):
    """A `Distribution` that checks that sparse rows are not negative."""

    function: Distribution
    zeros: bool

    def __call__(self, X: Array) -> Array:
        """Return the transformed rows of X."""
        if self.zeros:
            _not_negative(X)
        return self.function(X)

    def inverse(self, X: Array) -> Array:
        """Return the rows that became X."""
        return self.function.inverse(X)


def _not_negative(X: Array) -> None:
    if is_sparse(X) and bool(np.any(X.data < 0)):
        raise ValueError("QuantileTransformer only accepts non-negative sparse matrices.")


def _of_block(params: Params, X: Array, weight: Array | None = None) -> QuantileSummary:
    if params.zeros:
        _not_negative(X)
    return block_summary.of_block(params, X, weight)


def _applied(params: Params, state: QuantileSummary) -> _Checked:
    return _Checked(_quantiles(params, state), params.zeros)


def _learner(params: Params) -> Learner:
    return quantile_learner.learner(params, _applied, _of_block)
