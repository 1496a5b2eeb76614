"""PowerTransformer."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import (
    Array,
    asarray,
    float_dtype,
    is_array,
    namespace,
    reads_are_free,
    to_numpy,
)
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import CheckedInputs, check_inputs, unchanged_on_error
from streamlearn._estimator.outputs import RowFunction, Transformer, rows_out
from streamlearn._sklearn import StrOptions
from streamlearn._validation.reader import Reader
from streamlearn.blocks import is_frame, taken_apart
from streamlearn.core.power_map import Origin, PowerMap
from streamlearn.core.statistics import likelihood
from streamlearn.preprocessing.power_search import FirstLook, first_look, most_likely

YEO_JOHNSON = "yeo-johnson"

POSITIVE = "The Box-Cox transformation can only be applied to strictly positive data"


class PowerTransformer(OneToOneFeatureMixin, Transformer):
    """Make each feature more like a normal distribution, by a power transformation.

    It is scikit-learn's `~sklearn.preprocessing.PowerTransformer` for arrays of any library and for
    dask collections. The blocks of a collection are read in parallel.

    Parameters
    ----------
    method : {"yeo-johnson", "box-cox"}, default="yeo-johnson"
        "yeo-johnson" [1]_ takes all numbers. "box-cox" [2]_ takes positive numbers only.
    standardize : bool, default=True
        Give the transformed features a mean of 0 and a variance of 1.
    copy : bool, default=True
        It has no effect, because the input is never changed.

    Attributes
    ----------
    lambdas_ : array of shape (n_features,)
        The power of each feature. It has the maximum likelihood.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a frame whose column names are all
        strings.

    Notes
    -----
    NaN are ignored in ``fit``, feature by feature, and stay NaN in ``transform``.

    A fit reads the data 3 to 5 times. The first pass finds the range of each feature and takes a
    sample of the rows. The search begins at the optimum of the sample. Each further pass is one
    Newton step for all features together [3]_. Heavy tails can take a few more passes, because a
    sample shows little of them. If reading is slow, let dask hold the data: ``X.persist()``.

    There is no ``partial_fit``, because the likelihood of a new lambda needs all rows again.

    Fitted attributes are in the namespace and on the device of X, and in its dtype if that is a
    float. The sums are kept in the widest float.

    Differences from scikit-learn:

    - The likelihood of numbers far from zero is right to the last digits, and so are standardized
      numbers. In scikit-learn digits cancel. At a mean of 1000 and a deviation of 1 its lambda is
      right to 1e-4, and at a mean of 100,000 it has no right digit.
    - The lambda of a float32 feature is found in float64. scikit-learn's is right to 1e-3.
    - A feature without a number raises the same error with both methods. In scikit-learn
      "yeo-johnson" fails with another error.

    References
    ----------
    .. [1] I.-K. Yeo and R. A. Johnson, "A new family of power transformations to improve normality
       or symmetry", Biometrika 87(4), 2000.
    .. [2] G. E. P. Box and D. R. Cox, "An analysis of transformations", Journal of the Royal
       Statistical Society B 26(2), 1964.
    .. [3] T. Marchand, B. Muzellec, C. Beguier, J. Ogier du Terrail and M. Andreux, "SecureFedYJ: a
       safe feature Gaussianization protocol for federated learning", NeurIPS 2022. They show that
       the likelihood has one optimum.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.preprocessing import PowerTransformer
    >>> X = da.from_array([[1.0, 2.0], [3.0, 2.0], [4.0, 5.0]], chunks=(2, 2))
    >>> power = PowerTransformer().fit(X)
    >>> power.lambdas_.round(3)
    array([ 1.387, -3.101])
    >>> power.transform(X).compute().round(3)
    array([[-1.316, -0.707],
           [ 0.21 , -0.707],
           [ 1.106,  1.414]])
    """

    _map: PowerMap | None
    """The transformation to a mean of 0 and a variance of 1, or None if ``standardize=False``."""

    _parameter_constraints: dict[str, Any] = {
        "method": [StrOptions({YEO_JOHNSON, "box-cox"})],
        "standardize": ["boolean"],
        "copy": ["boolean"],
    }

    def __init__(
        self, method: Any = YEO_JOHNSON, *, standardize: Any = True, copy: Any = True
    ) -> None:
        self.method = method
        self.standardize = standardize
        self.copy = copy

    @watched
    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the lambda of maximum likelihood of each feature, in a few passes.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            Numbers, of which some may be NaN.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds infinity, if X has no rows or no features, or if a feature has no numbers.
            With "box-cox" also if a number is not positive or a feature is constant.
        """
        self._validate_params()
        with unchanged_on_error(self):
            X, _, _ = taken_apart(X)
            given = check_inputs(self, X, reset=True, allow_nan=True)
            first = first_look(given.reader, given.blocks)
            with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
                self._search(given, first)
        return self

    def _search(self, given: CheckedInputs, first: FirstLook) -> None:
        """Find the lambdas, given the result of a first look at the rows."""
        self._refuse(first.extent, given.reader)
        yeo_johnson = self.method == YEO_JOHNSON
        origin, found, bounded = most_likely(yeo_johnson, first, given.reader, given.blocks)
        if bounded:
            warnings.warn(
                "With its most likely lambda the numbers of a feature would overflow. lambdas_ has "
                "the nearest lambda with which they do not.",
                UserWarning,
                stacklevel=4,
            )
        self._map = None
        if self.standardize:
            self._map = likelihood.standardized(yeo_johnson, origin, found, like=first.moments.mean)
        self.lambdas_ = asarray(found.power, like=first.extremes.low)

    def _refuse(self, extent: np.ndarray, reader: Reader) -> None:
        """Check that the smallest and the largest number of each feature can be transformed."""
        for j in np.flatnonzero(np.isnan(extent[0]))[:1]:
            raise ValueError(f"Column must not be all nan. {_column(reader, j)} is.")
        if self.method == YEO_JOHNSON:
            return
        if np.any(extent[0] <= 0):
            raise ValueError(POSITIVE)
        for j in np.flatnonzero(extent[0] == extent[1])[:1]:
            raise ValueError(
                f"Data must not be constant. {_column(reader, j)} is: leave it out, or use "
                f"method={YEO_JOHNSON!r}, which leaves it as it is."
            )

    def fit_transform(self, X: Any, y: Any = None) -> Any:  # type: ignore[override]
        """Fit to X, then transform it. Parameters and errors are those of `fit`."""
        X, y, _ = taken_apart(X, y)
        return self.fit(X, y).transform(X)

    def inverse_transform(self, X: Any) -> Any:
        """Undo `transform`.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            Transformed rows.

        Returns
        -------
        array, dask array or dask DataFrame
            The rows, in X's namespace and on its device. They are lazy for dask. A number that is
            the transformation of no number becomes NaN, with a warning.

        Raises
        ------
        ValueError
            If X has another number of features than in `fit`, or is in another namespace or on
            another device.
        """
        check_is_fitted(self)
        names = list(X.columns) if is_frame(X) else None
        return self._rows("inverse_transform", Inverse(self._function()), X, names, named=False)

    def _function(self) -> PowerMap:
        """Return the transformation. If it does not standardize, it uses the present ``lambdas_``.

        ``lambdas_`` may have been set from outside.
        """
        known = getattr(self, "_map", None)
        if known is not None:
            return known
        power = self.lambdas_ if is_array(self.lambdas_) else np.asarray(self.lambdas_)
        xp = namespace(power)
        power = xp.astype(power, float_dtype(power), copy=False)
        one, nothing = xp.ones_like(power), xp.zeros_like(power)
        yeo_johnson = self.method == YEO_JOHNSON
        plain = Origin(nothing, one, one if yeo_johnson else nothing, nothing)
        return PowerMap(yeo_johnson, False, power, plain, nothing, one)

    def _transform(self, X: Any, names: Any) -> Any:
        return self._rows("transform", Forward(self._function()), X, names)

    def _rows(self, method: str, function: Any, X: Any, names: Any, *, named: bool = True) -> Any:
        return rows_out(
            self,
            method,
            X,
            function,
            fitted=self._function().power,
            names=names,
            named=named,
            allow_nan=True,
        )

    def _rows_function(self) -> RowFunction:
        """Return the transformation of the rows of blocks, together with their reader."""
        reader = Reader(type(self).__name__, None, allow_nan=True)
        function: Any = Forward(self._function())
        return RowFunction(reader, function, function.function.power, "transform")

    def _known_beforehand(self) -> bool:
        """Return True: a learner in one pass cannot follow a map that changes with each block."""
        return True

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.array_api_support = True
        return tags


class Forward(NamedTuple):
    """The transformation of rows. Box-Cox raises if a number is not positive."""

    function: PowerMap

    def __call__(self, X: Array) -> Array:
        """Return the transformed rows of X."""
        if not self.function.yeo_johnson and bool(namespace(X).any(X <= 0)):
            raise ValueError(POSITIVE)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self.function(X)


class Inverse(NamedTuple):
    """The inverse of the transformation."""

    function: PowerMap

    def __call__(self, X: Array) -> Array:
        """Return the rows that became X."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            out = self.function.inverse(X)
        if reads_are_free(X):
            xp = namespace(X)
            lost = to_numpy(xp.any(xp.isnan(out) & ~xp.isnan(X), axis=0))
            for column in np.flatnonzero(lost):
                warnings.warn(
                    f"Some values in column {column} of the inverse-transformed data are NaN: "
                    "no number is transformed to them. This happens with very skewed features. "
                    "Look at the data, or preprocess them before they are transformed.",
                    UserWarning,
                    stacklevel=2,
                )
        return out


def _column(reader: Reader, j: int) -> str:
    return f"Column {j if reader.names is None else repr(reader.names[j])}"
