"""Ordinary least squares: `LinearRegression`."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

from streamlearn._sklearn import Interval, Options
from streamlearn.linear_model.exact import ExactRegressor
from streamlearn.linear_model.least_squares import Problem, Solution, singular_values, solve


class LinearRegression(ExactRegressor):
    """Least squares, exact in one pass over data of any size.

    It is scikit-learn's `~sklearn.linear_model.LinearRegression` for arrays of any library and for
    dask collections. The blocks of a collection are summed in parallel, and the sums are merged in
    a fixed order. So `partial_fit` and `merge` give the same result as one fit to all rows.

    Parameters
    ----------
    fit_intercept : bool, default=True
        Whether to learn an intercept.
    copy_X : bool, default=True
        It has no effect, because the input is never changed.
    tol : float, default=1e-6
        A direction of the features counts if its singular value is more than this share of the
        largest one. Features are measured in units of their deviations.
    n_jobs : {None, 1, -1}, default=None
        It has no effect, because all targets are solved together.
    positive : bool, default=False
        Whether no coefficient may be negative.

    Attributes
    ----------
    coef_ : array of shape (n_features,) or (n_targets, n_features)
        The coefficients. There is a row for each target if y has two dimensions.
    intercept_ : float or array of shape (n_targets,)
        The intercept. It is 0.0 if ``fit_intercept=False``.
    rank_ : int
        The number of directions of the features that count. It exists only if ``positive=False``.
    singular_ : array of shape (min(n_samples, n_features),)
        The singular values of the rows, less their means if there is an intercept. It exists only
        if ``positive=False``.
    condition_number_ : float
        The ratio of the largest to the smallest singular value that counts, for features in units
        of their deviations.
    n_reads_ : int
        How often the last fit has read the rows: 1, or 2 if the condition number asked for it.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    The sums are the co-moments of features and targets (`streamlearn.core.statistics.comoments`),
    and the normal equations are solved in float64. If they are ill-conditioned, above 1,000 as
    ``condition_number_`` counts, `fit` reads all rows a second time. The result is then as accurate
    as from a QR decomposition of all rows (`streamlearn.linear_model.least_squares`). `partial_fit`
    and `merge` cannot read rows again. They lose twice as many digits as ``condition_number_`` has.

    In a one-pass pipeline the result is that of rows transformed by the final statistics. Behind a
    scaler one read is enough for both. Behind stages that are not an offset and a scale, `fit`
    reads twice.

    Sparse rows of scipy are never made dense, except in a second read, in small parts. Fitted
    attributes are in the namespace and on the device of X. A matrix of features times features is
    kept, so that there may be 16,384 features at most.

    Differences from scikit-learn:

    - ``tol`` compares singular values of features in units of their deviations. In scikit-learn the
      result depends on units: a feature that is 1e6 times smaller than another one is ignored.
    - Sparse rows have the exact result of dense rows, also ``rank_`` and ``singular_``, and may be
      used with ``positive=True``. scikit-learn iterates until ``tol``.
    - ``copy_X`` has no effect, because the input is never changed.
    - ``n_jobs`` has no effect and takes only None, 1 and -1, because all targets are solved
      together.
    - The methods `partial_fit` and `merge` and the attributes ``condition_number_`` and
      ``n_reads_`` are additions.

    References
    ----------
    Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances", 1979. The second read: Fukaya et al., "Shifted Cholesky QR for computing the QR
    factorization of ill-conditioned matrices", 2020.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import LinearRegression
    >>> X = da.random.default_rng(0).normal(size=(10_000, 2), chunks=(1_000, 2))
    >>> model = LinearRegression().fit(X, X @ [3.0, -1.0] + 5)
    >>> model.coef_.round(6), round(float(model.intercept_), 6)
    (array([ 3., -1.]), 5.0)
    """

    _parameter_constraints: dict[str, Any] = {
        "fit_intercept": ["boolean"],
        "copy_X": ["boolean"],
        "n_jobs": [Options(Integral, {1, -1}), None],
        "positive": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    _one_column_is_a_matrix = True

    def __init__(
        self,
        *,
        fit_intercept: Any = True,
        copy_X: Any = True,
        tol: Any = 1e-6,
        n_jobs: Any = None,
        positive: Any = False,
    ) -> None:
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.tol = tol
        self.n_jobs = n_jobs
        self.positive = positive

    def _solved(self, problem: Problem) -> Solution:
        found = solve(problem, np.zeros(problem.xy.shape[1]), self.tol, positive=self.positive)
        for name in ("rank_", "singular_"):
            self.__dict__.pop(name, None)
        if not self.positive:
            self.rank_ = found.rank
            values = singular_values(problem)
            most = problem.d if self._weighted else min(problem.d, int(problem.weight))
            self.singular_ = self._as_learned(values[:most])
        return found
