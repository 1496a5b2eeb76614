"""Scores of single features by a target, which are functions of sums."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from streamlearn.feature_selection.mutual_information import MUTUAL_CLASSIF, MUTUAL_REGRESSION
from streamlearn.feature_selection.score_filter import ScoreFilter
from streamlearn.feature_selection.scores import (
    CHI2,
    CLASSIF,
    CORRELATION,
    KNOWN,
    REGRESSION,
    Found,
)


class ScoreFunction(ScoreFilter):
    """The scores of all features by a function."""

    _parameter_constraints: dict[str, Any] = {"score_func": [callable]}

    def __init__(self, score_func: Any) -> None:
        self.score_func = score_func

    def _check_params(self, X: Any, y: Any) -> None:
        """Accept any number of features."""

    def _get_support_mask(self) -> np.ndarray:
        """Return that all features are kept."""
        return np.ones(len(self.scores_), dtype=bool)


def _scored(function: Any, X: Any, y: Any, **given: Any) -> Found:
    model = ScoreFunction(partial(function, **given)).fit(X, y)
    return model.scores_, model.pvalues_


def f_classif(X: Any, y: Any = None) -> Found:
    """Return F of the analysis of variance of each feature between classes.

    Parameters
    ----------
    X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
            (n_samples, n_features)
        Numbers without NaN and infinity. A collection is read once.
    y : array, Series, dask array or dask Series of shape (n_samples,)
        The label of each row. None means that the blocks of X contain it.

    Returns
    -------
    f_statistic : ndarray of shape (n_features,)
        The variance between classes over that within classes. It is NaN for constant features.
    p_values : ndarray of shape (n_features,)
        Their p-values, by the F distribution.

    Raises
    ------
    ValueError
        If X and y do not line up, or hold NaN or infinity.

    Notes
    -----
    Rows of a class are summed about a number near their mean, so features far from zero lose no
    digit. In scikit-learn's function they do.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.feature_selection import f_classif
    >>> rows = [[1e8, 1.0], [1e8 + 1, 2.0], [1e8 + 5, 1.0], [1e8 + 6, 2.0]]
    >>> X = da.from_array(rows, chunks=(2, 2))
    >>> f, p = f_classif(X, da.from_array([0, 0, 1, 1], chunks=2))
    >>> f
    array([50.,  0.])
    """
    return _scored(f_classif, X, y)


def chi2(X: Any, y: Any = None) -> Found:
    """Return the chi-squared statistic of the sums of each feature in each class.

    Parameters
    ----------
    X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
            (n_samples, n_features)
        Counts, or other numbers of 0 or more. A collection is read once.
    y : array, Series, dask array or dask Series of shape (n_samples,)
        The label of each row. None means that the blocks of X contain it.

    Returns
    -------
    chi2 : ndarray of shape (n_features,)
        How far the sums are from those of classes that do not differ. It is NaN for features that
        are 0.
    p_values : ndarray of shape (n_features,)
        Their p-values, by the chi-squared distribution.

    Raises
    ------
    ValueError
        If a number is negative, if X and y do not line up, or if they hold NaN or infinity.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.feature_selection import chi2
    >>> X = np.asarray([[1, 1, 3], [0, 1, 5], [5, 4, 1], [6, 6, 2], [1, 4, 0], [0, 0, 0]])
    >>> statistic, p = chi2(X, np.asarray([1, 1, 0, 0, 2, 2]))
    >>> statistic.round(3)
    array([15.385,  6.5  ,  8.909])
    """
    return _scored(chi2, X, y)


def r_regression(
    X: Any, y: Any = None, *, center: bool = True, force_finite: bool = True
) -> np.ndarray:
    """Return Pearson's correlation of each feature with the target.

    Parameters
    ----------
    X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
            (n_samples, n_features)
        Numbers without NaN and infinity. A collection is read once.
    y : array, Series, dask array or dask Series of shape (n_samples,)
        The number of each row. None means that the blocks of X contain it.
    center : bool, default=True
        Whether means are subtracted.
    force_finite : bool, default=True
        Whether the correlation with a constant is 0 instead of NaN.

    Returns
    -------
    ndarray of shape (n_features,)
        Numbers from -1 to 1.

    Raises
    ------
    ValueError
        If X and y do not line up, or hold NaN or infinity.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.feature_selection import r_regression
    >>> r_regression(np.asarray([[1e8, 3.0], [1e8 + 1, 3.0], [1e8 + 2, 3.0]]), [5.0, 6.0, 7.0])
    array([1., 0.])
    """
    return _scored(r_regression, X, y, center=center, force_finite=force_finite)[0]


def f_regression(X: Any, y: Any = None, *, center: bool = True, force_finite: bool = True) -> Found:
    """Return F of a regression of the target on each feature alone.

    Parameters
    ----------
    X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
            (n_samples, n_features)
        Numbers without NaN and infinity. A collection is read once.
    y : array, Series, dask array or dask Series of shape (n_samples,)
        The number of each row. None means that the blocks of X contain it.
    center : bool, default=True
        Whether means are subtracted.
    force_finite : bool, default=True
        Whether F is 0 for a constant, and the largest float for a feature that the target is a
        multiple of, instead of NaN and infinity.

    Returns
    -------
    f_statistic : ndarray of shape (n_features,)
        F of each feature.
    p_values : ndarray of shape (n_features,)
        Their p-values, by the F distribution.

    Raises
    ------
    ValueError
        If X and y do not line up, or hold NaN or infinity.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.feature_selection import f_regression
    >>> X = np.asarray([[1e8, 3.0], [1e8 + 1, 3.0], [1e8 + 2, 3.0], [1e8 + 3, 3.0]])
    >>> f, p = f_regression(X, [5.0, 6.0, 7.0, 5.0])
    >>> f.round(4)
    array([0.037, 0.   ])
    """
    return _scored(f_regression, X, y, center=center, force_finite=force_finite)


def mutual_info_classif(
    X: Any, y: Any = None, *, discrete_features: Any = "auto", n_bins: Any = "auto"
) -> np.ndarray:
    """Return the mutual information of each feature with labels.

    Parameters
    ----------
    X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
            (n_samples, n_features)
        Numbers without NaN and infinity. A collection is read twice, or once if all features are
        discrete.
    y : array, Series, dask array or dask Series of shape (n_samples,)
        The label of each row. None means that the blocks of X contain it.
    discrete_features : "auto", bool or array of shape (n_features,), default="auto"
        Which features are discrete: all or none, those of a mask, or those with the numbers in an
        array. "auto" means all if rows are sparse, otherwise none.
    n_bins : "auto" or int, default="auto"
        The number of bins of each other feature. "auto" is the cube root of the number of rows,
        but at least 8 and at most 64.

    Returns
    -------
    ndarray of shape (n_features,)
        The information in nats, 0 or more. It is 0 if a feature and the labels are independent.

    Raises
    ------
    ValueError
        If X and y do not line up, or hold NaN or infinity. If a feature of sparse rows is not
        discrete, or if a discrete feature has more than a million values.

    Notes
    -----
    A discrete feature has the exact information of the pairs: scikit-learn's
    `~sklearn.metrics.mutual_info_score`. Another feature is put in bins with about the same number
    of rows. The edges are quantiles of a summary of the first read, and the second read counts the
    rows of each bin and label. If there are no more values than bins, each has its own bin.

    Bins hold no more information than the numbers, so that the result is too small. For two normal
    classes whose means differ by 2 deviations, the error is 1.8 % with 8 bins, 0.5 % with 16, 0.1 %
    with 32 and 0.03 % with 64. The mean error by chance is subtracted (Miller, 1955). What is left
    of it has a deviation of about ``0.7 * sqrt(n_bins * (n_classes - 1)) / n_samples`` for
    independent features.

    scikit-learn's function estimates the information of other features by distances to neighbours,
    of which blocks know too few. So there are no parameters ``n_neighbors``, ``copy``,
    ``random_state`` and ``n_jobs``.

    References
    ----------
    G. A. Miller, "Note on the bias of information estimates", Information Theory in Psychology,
    1955.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.feature_selection import mutual_info_classif
    >>> X = da.random.default_rng(0).integers(0, 4, size=(1_000, 2), chunks=(100, 2))
    >>> mutual_info_classif(X, X[:, 0] > 1, discrete_features=True).round(2)
    array([0.69, 0.  ])
    """
    how = {"discrete_features": discrete_features, "n_bins": n_bins}
    return _scored(mutual_info_classif, X, y, **how)[0]


def mutual_info_regression(
    X: Any, y: Any = None, *, discrete_features: Any = "auto", n_bins: Any = "auto"
) -> np.ndarray:
    """Return the mutual information of each feature with numbers.

    Parameters
    ----------
    X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
            (n_samples, n_features)
        Numbers without NaN and infinity. A collection is read twice.
    y : array, Series, dask array or dask Series of shape (n_samples,)
        The number of each row. None means that the blocks of X contain it.
    discrete_features : "auto", bool or array of shape (n_features,), default="auto"
        Which features are discrete: all or none, those of a mask, or those with the numbers in an
        array. "auto" means all if rows are sparse, otherwise none.
    n_bins : "auto" or int, default="auto"
        The number of bins of the target and of each other feature. "auto" is the cube root of the
        number of rows, but at least 8 and at most 64.

    Returns
    -------
    ndarray of shape (n_features,)
        The information in nats, 0 or more. It is 0 if a feature and the target are independent.

    Raises
    ------
    ValueError
        If X and y do not line up, or hold NaN or infinity. If a feature of sparse rows is not
        discrete, or if a discrete feature has more than a million values.

    Notes
    -----
    The notes of `mutual_info_classif` hold here, too. The target is put in bins as a feature is. If
    it has no more values than bins, each has its own bin.

    Bins hold no more information than the numbers, so that the result is too small. For a normal
    distribution with the correlation 0.5, whose information is 0.144, the error is 11.5 % with 8
    bins, 4.8 % with 16, 2.0 % with 32 and 0.9 % with 64. With the correlation 0.9, whose
    information is 0.83, it is 16 %, 7 %, 3.1 % and 1.4 %. What chance leaves has a deviation of
    about ``0.7 * n_bins / n_samples`` for independent features, if there are more rows than pairs
    of bins. If there are fewer, the result is too large.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.feature_selection import mutual_info_regression
    >>> X = da.random.default_rng(0).normal(size=(100_000, 2), chunks=(10_000, 2))
    >>> mutual_info_regression(X, X[:, 0] + 3**0.5 * X[:, 1]).round(2)
    array([0.14, 0.68])
    """
    how = {"discrete_features": discrete_features, "n_bins": n_bins}
    return _scored(mutual_info_regression, X, y, **how)[0]


KNOWN.update({mutual_info_classif: MUTUAL_CLASSIF, mutual_info_regression: MUTUAL_REGRESSION})
KNOWN.update({f_classif: CLASSIF, chi2: CHI2, f_regression: REGRESSION, r_regression: CORRELATION})
