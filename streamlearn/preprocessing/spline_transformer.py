"""SplineTransformer."""

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple, Self

import numpy as np
from scipy.interpolate import BSpline
from sklearn.utils import check_array

from streamlearn._arrays import Array, asarray, entries, is_sparse, namespace, to_numpy
from streamlearn._estimator.mergeable import MergeableTransformer
from streamlearn._estimator.outputs import NamesOut
from streamlearn._sklearn import Interval, StrOptions, _align_api_if_sparse
from streamlearn.core.learner import Learner
from streamlearn.core.splines import Basis
from streamlearn.core.statistics import block_summary, quantile_learner, quantile_summary, quantiles
from streamlearn.core.statistics.quantile_summary import QuantileSummary
from streamlearn.preprocessing.knots import inner_knots, with_outer_knots
from streamlearn.preprocessing.weights import not_negative_or_raise


class Params(NamedTuple):
    """How knots are found from a summary, and which splines are made of them.

    Attributes
    ----------
    n_knots, degree : int
    knots : str or tuple of tuple of float
    extrapolation, order : str
    bias, sparse : bool
    weighted : bool
        Whether rows have weights.
    size, zeros
        As `streamlearn.core.statistics.quantile_summary.Sketch` has them.
    """

    n_knots: int
    degree: int
    knots: Any
    extrapolation: str
    bias: bool
    sparse: bool
    order: str
    weighted: bool
    size: int
    zeros: bool = True


class SplineTransformer(NamesOut, MergeableTransformer):
    """Turn each feature into the values of B-splines.

    It is scikit-learn's `~sklearn.preprocessing.SplineTransformer` for arrays of any library and
    for dask collections. The blocks of a collection are read in parallel.

    Parameters
    ----------
    n_knots : int, default=5
        The number of knots, if they are not given.
    degree : int, default=3
        The degree of the splines.
    knots : {'uniform', 'quantile'} or array-like of shape (n_knots, n_features), default='uniform'
        The places of the knots. 'uniform' puts them at equal distances from the smallest to the
        largest number of a feature. 'quantile' puts them at its quantiles. An array has the knots.
    extrapolation : {'error', 'constant', 'linear', 'continue', 'periodic'}, default='constant'
        The values beyond the first and the last knot. 'error' raises an error. 'constant' keeps the
        values at the knot. 'linear' continues with a line, and 'continue' with the polynomials.
        'periodic' repeats the splines.
    include_bias : bool, default=True
        Keep the last spline of each feature. Then the splines of a feature add up to 1.
    order : {'C', 'F'}, default='C'
        The memory order of the result, if it is a dense array of NumPy. Other libraries take 'C'
        only.
    handle_missing : {'error', 'zeros'}, default='error'
        'error' raises an error for NaN. 'zeros' makes all splines 0 there.
    sparse_output : bool, default=False
        Return sparse rows of scipy. X must then be arrays of NumPy.

    Attributes
    ----------
    bsplines_ : list of shape (n_features,)
        The splines of each feature, scipy's `~scipy.interpolate.BSpline`.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a frame whose column names are all
        strings.
    n_features_out_ : int
        The number of columns of the result.

    Notes
    -----
    A column is named by its feature and by the number of its spline: ``x0_sp_0``, ``x0_sp_1``...

    Splines are evaluated by de Boor's recursion [1]_ in the library of X.

    Quantiles come from a mergeable summary of 2,048 numbers for each feature [2]_, see
    `streamlearn.core.statistics.quantile_summary`. Uniform knots are always exact.

    Differences from scikit-learn:

    - Quantiles are exact while a feature has no more than 2,048 different numbers. Beyond that
      their ranks are off by a thousandth of the rows at most, and mostly by much less.
    - ``extrapolation="linear"`` works for all features if ``degree`` is 0 or 1. In scikit-learn it
      works only for the first features, because the degree grows from one feature to the next.
    - ``extrapolation="constant"`` works with ``degree=0``. In scikit-learn it is an error of NumPy.
    - Sparse rows store no zeros.
    - Negative weights are an error.
    - ``partial_fit`` exists.

    References
    ----------
    .. [1] C. de Boor, "A Practical Guide to Splines", Springer, 1978.
    .. [2] P. K. Agarwal, G. Cormode, Z. Huang, J. Phillips, Z. Wei, K. Yi, "Mergeable Summaries",
       Symposium on Principles of Database Systems, 2012.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from streamlearn.preprocessing import SplineTransformer
    >>> X = da.from_array(np.arange(6.0).reshape(6, 1), chunks=(2, 1))
    >>> splines = SplineTransformer(degree=2, n_knots=3).fit(X)
    >>> splines.transform(X).compute().round(2)
    array([[0.5 , 0.5 , 0.  , 0.  ],
           [0.18, 0.74, 0.08, 0.  ],
           [0.02, 0.66, 0.32, 0.  ],
           [0.  , 0.32, 0.66, 0.02],
           [0.  , 0.08, 0.74, 0.18],
           [0.  , 0.  , 0.5 , 0.5 ]])
    """

    _state: QuantileSummary

    _parameter_constraints: dict[str, Any] = {
        "n_knots": [Interval(Integral, 2, None, closed="left")],
        "degree": [Interval(Integral, 0, None, closed="left")],
        "knots": [StrOptions({"uniform", "quantile"}), "array-like"],
        "extrapolation": [StrOptions({"error", "constant", "linear", "continue", "periodic"})],
        "include_bias": ["boolean"],
        "order": [StrOptions({"C", "F"})],
        "handle_missing": [StrOptions({"error", "zeros"})],
        "sparse_output": ["boolean"],
    }

    def __init__(
        self,
        n_knots: Any = 5,
        degree: Any = 3,
        *,
        knots: Any = "uniform",
        extrapolation: Any = "constant",
        include_bias: Any = True,
        order: Any = "C",
        handle_missing: Any = "error",
        sparse_output: Any = False,
    ) -> None:
        self.n_knots = n_knots
        self.degree = degree
        self.knots = knots
        self.extrapolation = extrapolation
        self.include_bias = include_bias
        self.order = order
        self.handle_missing = handle_missing
        self.sparse_output = sparse_output

    @property
    def _allow_nan(self) -> bool:  # type: ignore[override]
        return self.handle_missing == "zeros"

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn the knots, in one pass.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            Numbers. NaN are allowed if ``handle_missing="zeros"``.
        y : None
            Ignored.
        sample_weight : array or dask array of shape (n_samples,), optional
            The weights are used for quantiles. Rows of weight 0 do not count for uniform knots.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds infinity, or NaN and ``handle_missing="error"``, if X has less than two rows,
            if X and the weights do not line up, or if given knots do not fit X.
        """
        return self._learn(X, reset=True, sample_weight=sample_weight)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from more rows. Parameters and errors are those of `fit`."""
        return self._learn(X, reset=self._former() is None, sample_weight=sample_weight)

    def _learn(self, X: Any, y: Any = None, *, reset: bool, **metadata: Any) -> Self:
        try:
            return super()._learn(X, y, reset=reset, **metadata)
        except ValueError as error:
            if "Input X contains NaN" not in str(error) or self.handle_missing == "zeros":
                raise
            raise ValueError(
                "Input X contains NaN values and `SplineTransformer` is configured to error in "
                "this case (handle_missing='error'). To avoid this error, set handle_missing="
                "'zeros' to encode missing values as splines with value 0 or ensure no missing "
                f"values in X. {error}"
            ) from error

    def _statistic(self) -> Learner:
        return self._learner_of(False)

    def _learner_of_rows(self, weighted: bool) -> Learner:
        self._validate_params()
        return self._learner_of(weighted or getattr(self, "_weighted", False))

    def _learner_of(self, weighted: bool) -> Learner:
        return quantile_learner.learner(self._settings(weighted), _applied, _of_block)

    def _settings(self, weighted: bool) -> Params:
        knots = self.knots
        if not isinstance(knots, str):
            knots = tuple(map(tuple, check_array(knots, dtype=np.float64).tolist()))
        return Params(
            self.n_knots,
            self.degree,
            knots,
            self.extrapolation,
            bool(self.include_bias),
            bool(self.sparse_output),
            self.order,
            weighted,
            quantile_summary.SIZE if knots == "quantile" else 4,
        )

    def _publish(self) -> None:
        params = self._settings(self._weighted)
        rows = to_numpy(quantiles.rows(self._state))
        if not self._weighted and np.all(rows < 2):
            raise ValueError(
                f"Found array with 1 sample(s) (shape=(1, {rows.shape[0]})) while a minimum of 2 "
                "is required by SplineTransformer."
            )
        made = _basis(params, self._state)
        self._knots, self._fitted = made.knots, params
        self.n_features_out_ = made.width

    @property
    def bsplines_(self) -> list[BSpline]:
        """The splines of each feature. They are made of the knots, which alone are saved."""
        if not hasattr(self, "_fitted"):
            raise AttributeError("This SplineTransformer has no bsplines_: it is not fitted yet.")
        k, goes_on = self._fitted.degree, self._fitted.extrapolation in ("periodic", "continue")
        knots = to_numpy(self._knots).astype(np.float64)
        n = knots.shape[1] - k - 1
        coef = np.eye(n)
        if self._fitted.extrapolation == "periodic":
            coef = np.eye(n - k)
            coef = np.concatenate([coef, coef[:k, :]])
        return [BSpline.construct_fast(t, coef, k, extrapolate=goes_on) for t in knots]

    def _function(self) -> Any:
        return _as_asked(self._fitted, self._knots)

    def _transform(self, X: Any, names: Any) -> Any:
        out = super()._transform(X, names)
        return _align_api_if_sparse(out) if is_sparse(out) else out

    def _names_out(self, names: np.ndarray) -> list[str]:
        n = self.n_features_out_ // len(names)
        return [f"{name}_sp_{i}" for name in names for i in range(n)]

    def _known_beforehand(self) -> bool:
        """Return True: a learner in one pass cannot follow a map that changes with each block."""
        return True

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags. The fitted splines are scipy's for every X."""
        tags = super().__sklearn_tags__()
        tags.array_api_support = False
        return tags


class _AsAsked(NamedTuple):
    """A `Basis` with a memory order, which raises beyond the knots if that is an error."""

    function: Basis
    order: str

    def unchecked(self, X: Array) -> Array:
        """Return the splines at rows without a check, to see the type of the result."""
        return self.function(X)

    def __call__(self, X: Array) -> Array:
        """Return the splines at the rows of X."""
        out = self.function(X)
        if self.function.extrapolation == "error":
            made = entries(out)
            if bool(namespace(made).any(namespace(made).isnan(made))):
                # The message is that of scikit-learn, and that of scipy if the result is sparse.
                raise ValueError(
                    "Out of bounds: `X` contains values beyond the limits of the knots."
                )
        if self.order == "C" or is_sparse(out):
            return out
        if not isinstance(out, np.ndarray):
            raise ValueError("order='F' is for arrays of NumPy. Set order='C'.")
        return np.asfortranarray(out)


def _basis(params: Params, state: QuantileSummary) -> Basis:
    """Return the splines that a summary defines, with arrays in its library."""
    inner = inner_knots(state, params.knots, params.n_knots, weighted=params.weighted)
    knots = with_outer_knots(inner, params.degree, periodic=params.extrapolation == "periodic")
    return _as_asked(params, asarray(np.ascontiguousarray(knots.T), like=state.at)).function


def _as_asked(params: Params, knots: Array) -> _AsAsked:
    basis = Basis(knots, params.degree, params.extrapolation, params.bias, params.sparse)
    return _AsAsked(basis, params.order)


def _of_block(params: Params, X: Array, weight: Array | None = None) -> QuantileSummary:
    if weight is not None:
        not_negative_or_raise(weight)
    return block_summary.of_block(params, X, weight)


def _applied(params: Params, state: QuantileSummary) -> _AsAsked:
    return _AsAsked(_basis(params, state), params.order)
