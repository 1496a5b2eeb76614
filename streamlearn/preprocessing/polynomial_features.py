"""PolynomialFeatures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from streamlearn._estimator.outputs import NamesOut
from streamlearn._estimator.stateless import StatelessTransformer
from streamlearn._sklearn import Interval, StrOptions
from streamlearn.core.rowwise_maps import Polynomials


class PolynomialFeatures(NamesOut, StatelessTransformer):
    """Make products of features: powers of one feature, and products of several.

    It is scikit-learn's `~sklearn.preprocessing.PolynomialFeatures` for arrays of any library, for
    sparse rows and for dask collections. The blocks of a collection are transformed lazily.

    Parameters
    ----------
    degree : int or tuple (min_degree, max_degree), default=2
        The largest degree of a product, or the smallest and the largest. The degree is the number
        of factors. The column of ones does not depend on ``min_degree``.
    interaction_only : bool, default=False
        Leave out products that contain a feature more than once.
    include_bias : bool, default=True
        Begin with a column of ones.
    order : {"C", "F"}, default="C"
        The memory order: "C" puts the numbers of a row next to each other, and "F" those of a
        column. "F" is for arrays of NumPy and dask arrays of them.

    Attributes
    ----------
    powers_ : ndarray of shape (`n_output_features_`, `n_features_in_`)
        The exponent of each feature in each product.
    n_output_features_ : int
        The number of columns of the result.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a frame whose column names are all
        strings.

    Notes
    -----
    Nothing is learned from rows: `fit` looks at the columns only. A pipeline in one pass takes this
    as a step, and makes the products of one batch of rows after the other.

    There are no differences from scikit-learn.

    References
    ----------
    .. [1] A. Nystrom and J. Hughes, "Leveraging sparsity to speed up polynomial feature expansions
       of CSR matrices using k-simplex numbers", arXiv:1803.06418, 2018. As there, only stored
       numbers are multiplied here.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.preprocessing import PolynomialFeatures
    >>> X = da.from_array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], chunks=(2, 2))
    >>> PolynomialFeatures().fit_transform(X).compute()
    array([[ 1.,  0.,  1.,  0.,  0.,  1.],
           [ 1.,  2.,  3.,  4.,  6.,  9.],
           [ 1.,  4.,  5., 16., 20., 25.]])
    """

    _keeps_csc = True

    _parameter_constraints: dict[str, Any] = {
        "degree": [Interval(Integral, 0, None, closed="left"), "array-like"],
        "interaction_only": ["boolean"],
        "include_bias": ["boolean"],
        "order": [StrOptions({"C", "F"})],
    }

    def __init__(
        self,
        degree: Any = 2,
        *,
        interaction_only: Any = False,
        include_bias: Any = True,
        order: Any = "C",
    ) -> None:
        self.degree = degree
        self.interaction_only = interaction_only
        self.include_bias = include_bias
        self.order = order

    def _set_columns(self, n_features: int) -> None:
        self._degrees = self._asked_degrees()
        n_terms = self._function().n_terms(n_features)
        if n_terms > np.iinfo(np.intp).max:
            raise ValueError(
                "The output that would result from the current configuration would have "
                f"{n_terms} features which is too large to be indexed by {np.intp.__name__}. X has "
                f"{n_features} features. Use fewer features, a smaller degree than {self.degree}, "
                "interaction_only=True, or include_bias=False."
            )
        self.n_output_features_ = n_terms

    def _asked_degrees(self) -> tuple[int, int]:
        """Return the smallest and the largest degree that are asked for."""
        degree = self.degree
        if isinstance(degree, Integral):
            if degree == 0 and not self.include_bias:
                raise ValueError(
                    "Setting degree to zero and include_bias to False would result in an empty "
                    "output array."
                )
            return 0, int(degree)
        if not (isinstance(degree, Iterable) and len(degree) == 2):  # type: ignore[arg-type]
            raise ValueError(
                "degree must be a non-negative int or tuple (min_degree, max_degree), got "
                f"{degree}."
            )
        low, high = degree
        integers = isinstance(low, Integral) and isinstance(high, Integral)
        if not (integers and 0 <= low <= high):
            raise ValueError(
                "degree=(min_degree, max_degree) must be non-negative integers that fulfil "
                f"min_degree <= max_degree, got {degree}."
            )
        if high == 0 and not self.include_bias:
            raise ValueError(
                "Setting both min_degree and max_degree to zero and include_bias to False would "
                "result in an empty output array."
            )
        return int(low), int(high)

    def _function(self) -> Polynomials:
        return Polynomials(
            *self._degrees, bool(self.interaction_only), bool(self.include_bias), self.order == "F"
        )

    @property
    def powers_(self) -> np.ndarray:
        """The exponent of each feature in each product."""
        check_is_fitted(self)
        terms = self._function().terms(self.n_features_in_)
        return np.vstack([np.bincount(term, minlength=self.n_features_in_) for term in terms])

    def _names_out(self, names: np.ndarray) -> list[str]:
        out = []
        for term in self._function().terms(self.n_features_in_):
            counts = Counter(term).items()
            words = (names[j] if n == 1 else f"{names[j]}^{n}" for j, n in counts)
            out.append(" ".join(words) or "1")
        return out
