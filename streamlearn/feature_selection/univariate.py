"""Selectors by scores of single features."""

from __future__ import annotations

from typing import Any

from sklearn.feature_selection import SelectFdr as TheirFdr
from sklearn.feature_selection import SelectFpr as TheirFpr
from sklearn.feature_selection import SelectFwe as TheirFwe
from sklearn.feature_selection import SelectKBest as TheirKBest
from sklearn.feature_selection import SelectPercentile as TheirPercentile

from streamlearn.feature_selection.score_filter import ScoreFilter
from streamlearn.feature_selection.score_functions import f_classif


class SelectKBest(ScoreFilter, TheirKBest):
    """Keep the k features with the highest scores, on arrays and dask collections.

    It is scikit-learn's `~sklearn.feature_selection.SelectKBest`. Over a collection the scores
    are functions of sums, which are computed in parallel, in one pass.

    Parameters
    ----------
    score_func : callable, default=streamlearn.feature_selection.f_classif
        A function of (X, y) that returns scores, or scores and p-values. A collection needs
        `f_classif`, `chi2`, `f_regression` or `r_regression`, scikit-learn's function of the same
        name, or `mutual_info_classif` or `mutual_info_regression` of this package, which may read
        it twice. Other functions get X and y in memory.
    k : int or "all", default=10
        The number of features.

    Attributes
    ----------
    scores_ : ndarray of shape (n_features,)
        The score of each feature.
    pvalues_ : ndarray of shape (n_features,) or None
        The p-value of each score. It is None if ``score_func`` has none.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    A pipeline over a collection fits this beforehand, in a pass of its own.

    Differences from scikit-learn:

    - `partial_fit` and `merge` exist, for scores that are functions of sums.
    - Over a collection other scores are an error.
    - `f_classif` and `chi2` refuse a y of numbers that are not labels.
    - Rows of a collection become floats.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.feature_selection import SelectKBest
    >>> X = da.random.default_rng(0).normal(size=(1_000, 3), chunks=(100, 3))
    >>> y = (X[:, 1] > 0).astype(int)
    >>> SelectKBest(k=1).fit(X, y).get_support()
    array([False,  True, False])
    """

    def __init__(self, score_func: Any = f_classif, *, k: Any = 10) -> None:
        self.score_func = score_func
        self.k = k


class SelectPercentile(ScoreFilter, TheirPercentile):
    """Keep a share of the features, those with the highest scores, on arrays and collections.

    It is scikit-learn's `~sklearn.feature_selection.SelectPercentile`. Over a collection the scores
    are functions of sums, which are computed in parallel, in one pass.

    Parameters
    ----------
    score_func : callable, default=streamlearn.feature_selection.f_classif
        A function of (X, y) that returns scores, or scores and p-values. A collection needs
        `f_classif`, `chi2`, `f_regression` or `r_regression`, scikit-learn's function of the same
        name, or `mutual_info_classif` or `mutual_info_regression` of this package, which may read
        it twice. Other functions get X and y in memory.
    percentile : float, default=10
        The share of the features, in percent.

    Attributes
    ----------
    scores_ : ndarray of shape (n_features,)
        The score of each feature.
    pvalues_ : ndarray of shape (n_features,) or None
        The p-value of each score. It is None if ``score_func`` has none.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    A pipeline over a collection fits this beforehand, in a pass of its own.

    Differences from scikit-learn:

    - `partial_fit` and `merge` exist, for scores that are functions of sums.
    - Over a collection other scores are an error.
    - `f_classif` and `chi2` refuse a y of numbers that are not labels.
    - Rows of a collection become floats.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.feature_selection import SelectPercentile
    >>> X = da.random.default_rng(0).normal(size=(1_000, 3), chunks=(100, 3))
    >>> y = (X[:, 1] > 0).astype(int)
    >>> SelectPercentile(percentile=34).fit(X, y).get_support()
    array([False,  True, False])
    """

    def __init__(self, score_func: Any = f_classif, *, percentile: Any = 10) -> None:
        self.score_func = score_func
        self.percentile = percentile


class SelectFpr(ScoreFilter, TheirFpr):
    """Keep features whose p-value is below a level, on arrays and dask collections.

    It is scikit-learn's `~sklearn.feature_selection.SelectFpr`. Over a collection the scores
    are functions of sums, which are computed in parallel, in one pass.

    Parameters
    ----------
    score_func : callable, default=streamlearn.feature_selection.f_classif
        A function of (X, y) that returns scores, or scores and p-values. A collection needs
        `f_classif`, `chi2`, `f_regression` or `r_regression`, scikit-learn's function of the same
        name, or `mutual_info_classif` or `mutual_info_regression` of this package, which may read
        it twice. Other functions get X and y in memory.
    alpha : float, default=0.05
        The level: the expected share of chosen ones among features that have no effect.

    Attributes
    ----------
    scores_ : ndarray of shape (n_features,)
        The score of each feature.
    pvalues_ : ndarray of shape (n_features,) or None
        The p-value of each score. It is None if ``score_func`` has none.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    A pipeline over a collection fits this beforehand, in a pass of its own.

    Differences from scikit-learn:

    - `partial_fit` and `merge` exist, for scores that are functions of sums.
    - Over a collection other scores are an error.
    - `f_classif` and `chi2` refuse a y of numbers that are not labels.
    - Rows of a collection become floats.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.feature_selection import SelectFpr
    >>> X = da.random.default_rng(0).normal(size=(1_000, 3), chunks=(100, 3))
    >>> y = (X[:, 1] > 0).astype(int)
    >>> SelectFpr(alpha=1e-9).fit(X, y).get_support()
    array([False,  True, False])
    """

    def __init__(self, score_func: Any = f_classif, *, alpha: Any = 5e-2) -> None:
        self.score_func = score_func
        self.alpha = alpha


class SelectFdr(ScoreFilter, TheirFdr):
    """Keep features with a limited rate of false discoveries, on arrays and dask collections.

    It is scikit-learn's `~sklearn.feature_selection.SelectFdr`. Over a collection the scores
    are functions of sums, which are computed in parallel, in one pass.

    Parameters
    ----------
    score_func : callable, default=streamlearn.feature_selection.f_classif
        A function of (X, y) that returns scores, or scores and p-values. A collection needs
        `f_classif`, `chi2`, `f_regression` or `r_regression`, scikit-learn's function of the same
        name, or `mutual_info_classif` or `mutual_info_regression` of this package, which may read
        it twice. Other functions get X and y in memory.
    alpha : float, default=0.05
        The expected share of features without effect among the chosen ones (Benjamini and
        Hochberg, 1995).

    Attributes
    ----------
    scores_ : ndarray of shape (n_features,)
        The score of each feature.
    pvalues_ : ndarray of shape (n_features,) or None
        The p-value of each score. It is None if ``score_func`` has none.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    A pipeline over a collection fits this beforehand, in a pass of its own.

    Differences from scikit-learn:

    - `partial_fit` and `merge` exist, for scores that are functions of sums.
    - Over a collection other scores are an error.
    - `f_classif` and `chi2` refuse a y of numbers that are not labels.
    - Rows of a collection become floats.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.feature_selection import SelectFdr
    >>> X = da.random.default_rng(0).normal(size=(1_000, 3), chunks=(100, 3))
    >>> y = (X[:, 1] > 0).astype(int)
    >>> SelectFdr(alpha=1e-9).fit(X, y).get_support()
    array([False,  True, False])
    """

    def __init__(self, score_func: Any = f_classif, *, alpha: Any = 5e-2) -> None:
        self.score_func = score_func
        self.alpha = alpha


class SelectFwe(ScoreFilter, TheirFwe):
    """Keep features with a limited chance of any false one, on arrays and dask collections.

    It is scikit-learn's `~sklearn.feature_selection.SelectFwe`. Over a collection the scores
    are functions of sums, which are computed in parallel, in one pass.

    Parameters
    ----------
    score_func : callable, default=streamlearn.feature_selection.f_classif
        A function of (X, y) that returns scores, or scores and p-values. A collection needs
        `f_classif`, `chi2`, `f_regression` or `r_regression`, scikit-learn's function of the same
        name, or `mutual_info_classif` or `mutual_info_regression` of this package, which may read
        it twice. Other functions get X and y in memory.
    alpha : float, default=0.05
        The chance that a feature without effect is among the chosen ones (Bonferroni).

    Attributes
    ----------
    scores_ : ndarray of shape (n_features,)
        The score of each feature.
    pvalues_ : ndarray of shape (n_features,) or None
        The p-value of each score. It is None if ``score_func`` has none.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    A pipeline over a collection fits this beforehand, in a pass of its own.

    Differences from scikit-learn:

    - `partial_fit` and `merge` exist, for scores that are functions of sums.
    - Over a collection other scores are an error.
    - `f_classif` and `chi2` refuse a y of numbers that are not labels.
    - Rows of a collection become floats.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.feature_selection import SelectFwe
    >>> X = da.random.default_rng(0).normal(size=(1_000, 3), chunks=(100, 3))
    >>> y = (X[:, 1] > 0).astype(int)
    >>> SelectFwe(alpha=1e-9).fit(X, y).get_support()
    array([False,  True, False])
    """

    def __init__(self, score_func: Any = f_classif, *, alpha: Any = 5e-2) -> None:
        self.score_func = score_func
        self.alpha = alpha
