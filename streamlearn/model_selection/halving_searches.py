"""Searches whose candidates drop out while blocks pass."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from streamlearn._sklearn import Interval, StrOptions
from streamlearn.model_selection.base_search import BaseSearch, Comparison
from streamlearn.model_selection.candidates import parameters_of
from streamlearn.model_selection.groups import Group
from streamlearn.model_selection.halving import Bracket, Cuts, brackets_of, halved, unknown_n_blocks


class HalvingBase(BaseSearch):
    """What both searches share."""

    factor: Any
    confidence: Any
    min_resources: Any

    _parameter_constraints: dict[str, Any] = {
        **BaseSearch._parameter_constraints,
        "factor": [Interval(Real, 1, None, closed="neither")],
        "confidence": [Interval(Real, 0.5, 1, closed="left")],
    }

    def _cuts(self, score: str, brackets: Sequence[Bracket]) -> Cuts:
        """Return when candidates drop out by this score."""
        return Cuts(score, tuple(brackets), float(self.factor) ** 2, float(self.confidence))


class SuccessiveHalvingSearchCV(HalvingBase):
    """Choose parameters from one read of the data: bad candidates drop out while blocks pass.

    Each block is scored by every candidate that is left, before it learns from the block. After
    some blocks the better ones stay, one of ``factor``, by their scores since the last cut. All of
    them are scored on the same blocks, so their differences on each block say how sure that is.
    Candidates that are not clearly worse than the best one stay longer. The blocks up to a cut grow
    by ``factor`` from one cut to the next.

    Parameters
    ----------
    estimator : object
        Anything with ``partial_fit``. It is never changed.
    parameters : dict or list of dict
        The values to try of each parameter. With ``n_iter``, values may be distributions.
    n_iter : int or None, default=None
        The number of candidates to draw. None tries every combination.
    factor : float, default=3
        One of ``factor`` candidates stays at each cut.
    confidence : float, default=0.99
        The confidence with which a candidate must be worse than the best one to drop out. It is
        from 0.5 to 1. Others stay longer, up to ``factor ** 2`` times as many. With 0.5 the mean
        scores alone decide.
    min_resources : "exhaust" or int, default="exhaust"
        The number of blocks before the first cut. "exhaust" is the largest for which there are
        enough cuts to leave one candidate before the end of the data.
    scoring : str, callable, list, dict or None, default=None
        The score, as for `StreamSearchCV`.
    n_jobs : int or None, default=None
        The number of threads that the candidates share. None uses all processors.
    refit : bool, str or callable, default=True
        As for `StreamSearchCV`. The score that it names decides which candidates stay.
    shuffle : bool, default=True
        Whether the blocks of a collection are read in random order.
    random_state : int, RandomState instance or None, default=None
        The seed of the order, and of the parameters that are drawn.
    error_score : "raise" or float, default=numpy.nan
        The score of a candidate that is ended by an error. "raise" raises the error.
    verbose : int, default=0
        If it is not 0, print how far the read is.

    Attributes
    ----------
    cv_results_ : dict of str to array
        As that of `StreamSearchCV`. A candidate that has learned from more blocks ranks before
        those that dropped out earlier.
    best_estimator_ : object
        The best of the candidates that are left, by the scores of all blocks. It has learned from
        all of them.
    best_score_, best_params_, best_index_, progressive_scores_, n_splits_, multimetric_ : object
        As for `StreamSearchCV`.
    scorer_, refit_time_ : object
        As for `StreamSearchCV`.

    Notes
    -----
    Differences from scikit-learn:

    - A candidate that stays goes on with what it has learned. scikit-learn fits it again, to more
      rows.
    - The resource is the number of blocks, and the data are read once.
    - There is no ``aggressive_elimination``.
    - There is ``confidence``. With 0.5 it is the rule of the paper.

    References
    ----------
    Jamieson & Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
    2016.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import SGDClassifier
    >>> from streamlearn.model_selection import SuccessiveHalvingSearchCV
    >>> X = da.random.default_rng(0).normal(size=(20_000, 3), chunks=(1_000, 3))
    >>> y = X[:, 0] + 0.1 * X[:, 1] > 0
    >>> grid = {"alpha": [1e-4, 1e-2, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0]}
    >>> model = SGDClassifier(random_state=0)
    >>> search = SuccessiveHalvingSearchCV(model, grid, random_state=0).fit(X, y)
    >>> sorted(search.cv_results_["n_blocks"].tolist())
    [6, 6, 6, 6, 20, 20, 20, 20]
    >>> search.best_params_
    {'alpha': 0.0001}
    """

    _parameter_constraints: dict[str, Any] = {
        **HalvingBase._parameter_constraints,
        "min_resources": [StrOptions({"exhaust"}), Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        estimator: Any,
        parameters: Any,
        *,
        n_iter: Any = None,
        factor: Any = 3,
        confidence: Any = 0.99,
        min_resources: Any = "exhaust",
        scoring: Any = None,
        n_jobs: Any = None,
        refit: Any = True,
        shuffle: Any = True,
        random_state: Any = None,
        error_score: Any = np.nan,
        verbose: Any = 0,
    ) -> None:
        self.estimator = estimator
        self.parameters = parameters
        self.n_iter = n_iter
        self.factor = factor
        self.confidence = confidence
        self.min_resources = min_resources
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.refit = refit
        self.shuffle = shuffle
        self.random_state = random_state
        self.error_score = error_score
        self.verbose = verbose

    def _brackets(self, n_blocks: int | None, n_candidates: int) -> Sequence[Bracket]:
        """Return when candidates drop out."""
        return [halved(n_candidates, n_blocks, self.factor, self.min_resources)]


class HyperbandSearchCV(HalvingBase):
    """Choose parameters from one read of the data, by brackets of successive halving.

    Successive halving must know how early a bad candidate can be recognized. Hyperband tries
    several answers: the first bracket has many candidates and cuts early, and the last one has few
    candidates and cuts nothing. All brackets learn from the same read.

    Parameters
    ----------
    estimator : object
        Anything with ``partial_fit``. It is never changed.
    parameters : dict or list of dict
        The distributions, or lists of values, of each parameter.
    factor : float, default=3
        One of ``factor`` candidates stays at each cut.
    confidence : float, default=0.99
        The confidence with which a candidate must be worse than the best one to drop out. It is
        from 0.5 to 1. Others stay longer, up to ``factor ** 2`` times as many. With 0.5 the mean
        scores alone decide.
    min_resources : int, default=2
        The smallest number of blocks before a cut.
    n_blocks : int or None, default=None
        The number of blocks of the data, if a source does not say it.
    scoring : str, callable, list, dict or None, default=None
        The score, as for `StreamSearchCV`.
    n_jobs : int or None, default=None
        The number of threads that the candidates share. None uses all processors.
    refit : bool, str or callable, default=True
        As for `StreamSearchCV`. The score that it names decides which candidates stay.
    shuffle : bool, default=True
        Whether the blocks of a collection are read in random order.
    random_state : int, RandomState instance or None, default=None
        The seed of the order, and of the parameters that are drawn.
    error_score : "raise" or float, default=numpy.nan
        The score of a candidate that is ended by an error. "raise" raises the error.
    verbose : int, default=0
        If it is not 0, print how far the read is.

    Attributes
    ----------
    brackets_ : list of dict
        The candidates of each bracket, and the numbers of blocks after which some drop out.
    cv_results_, best_estimator_, best_score_, best_params_, best_index_ : object
        As for `SuccessiveHalvingSearchCV`. "bracket" is the number of a candidate's bracket.
    progressive_scores_, n_splits_, multimetric_, scorer_, refit_time_ : object
        As for `StreamSearchCV`.

    Notes
    -----
    The number of candidates follows from the number of blocks. With R blocks, first cuts after r
    of them and the factor e, there are about ``(s + 1) e^s / (k + 1)`` candidates in bracket
    k of ``s = log_e(R / r)``. Only blocks that may have rows count.

    Differences from scikit-learn:

    - scikit-learn has no such class. It is named after the class of dask-ml.

    Differences from dask-ml:

    - ``max_iter`` is the number of blocks. The data are read once.

    References
    ----------
    Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar, "Hyperband: a novel bandit-based approach to
    hyperparameter optimization", 2018.

    Examples
    --------
    >>> import dask.array as da
    >>> from scipy.stats import loguniform
    >>> from streamlearn.linear_model import SGDClassifier
    >>> from streamlearn.model_selection import HyperbandSearchCV
    >>> X = da.random.default_rng(0).normal(size=(20_000, 3), chunks=(1_000, 3))
    >>> y = X[:, 0] + 0.1 * X[:, 1] > 0
    >>> drawn = {"alpha": loguniform(1e-5, 1e1)}
    >>> search = HyperbandSearchCV(SGDClassifier(random_state=0), drawn, random_state=0).fit(X, y)
    >>> [len(bracket["candidates"]) for bracket in search.brackets_]
    [9, 5, 3]
    >>> bool(search.best_params_["alpha"] < 0.1)
    True
    """

    _parameter_constraints: dict[str, Any] = {
        **{k: v for k, v in HalvingBase._parameter_constraints.items() if k != "n_iter"},
        "min_resources": [Interval(Integral, 2, None, closed="left")],
        "n_blocks": [Interval(Integral, 2, None, closed="left"), None],
    }

    def __init__(
        self,
        estimator: Any,
        parameters: Any,
        *,
        factor: Any = 3,
        confidence: Any = 0.99,
        min_resources: Any = 2,
        n_blocks: Any = None,
        scoring: Any = None,
        n_jobs: Any = None,
        refit: Any = True,
        shuffle: Any = True,
        random_state: Any = None,
        error_score: Any = np.nan,
        verbose: Any = 0,
    ) -> None:
        self.estimator = estimator
        self.parameters = parameters
        self.factor = factor
        self.confidence = confidence
        self.min_resources = min_resources
        self.n_blocks = n_blocks
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.refit = refit
        self.shuffle = shuffle
        self.random_state = random_state
        self.error_score = error_score
        self.verbose = verbose

    def _all_brackets(self, n_blocks: int | None) -> list[Bracket]:
        if n_blocks is not None and self.n_blocks not in (None, n_blocks):
            raise ValueError(
                f"n_blocks={self.n_blocks}, and the data have {n_blocks} blocks with rows. Leave "
                "n_blocks out, which is for sources that do not say how many blocks they have."
            )
        n_blocks = n_blocks if self.n_blocks is None else int(self.n_blocks)
        if n_blocks is None:
            raise unknown_n_blocks("n_blocks=None", "Give n_blocks.")
        if n_blocks < self.min_resources:
            raise ValueError(
                f"min_resources={self.min_resources} and there are {n_blocks} blocks. Give data in "
                "more blocks, or a smaller min_resources, which is at least 2."
            )
        return brackets_of(n_blocks, self.factor, int(self.min_resources))

    def _candidates(self, n_blocks: int | None, seed: int) -> list[dict[str, Any]]:
        """Draw the candidates of all brackets."""
        n = max(bracket.stop for bracket in self._all_brackets(n_blocks))
        with warnings.catch_warnings():
            # The user has not asked for so many, and the brackets say how many there are.
            warnings.filterwarnings("ignore", "The total space of parameters")
            return parameters_of(self.parameters, n, seed)

    def _brackets(self, n_blocks: int | None, n_candidates: int) -> Sequence[Bracket]:
        """Return the brackets. If a grid has too few candidates, the last ones have fewer."""
        return [
            bracket._replace(stop=min(bracket.stop, n_candidates))
            for bracket in self._all_brackets(n_blocks)
            if bracket.start < n_candidates
        ]

    def _attributes(
        self, comparison: Comparison, groups: Sequence[Group], of_folds: Sequence[Any]
    ) -> dict[str, Any]:
        """Return the fitted attributes."""
        out = super()._attributes(comparison, groups, of_folds)
        sizes = [bracket.stop - bracket.start for bracket in comparison.brackets]
        out["cv_results_"]["bracket"] = np.repeat(np.arange(len(sizes)), sizes)
        out["brackets_"] = [
            {"candidates": list(range(start, stop)), "n_blocks": [at for at, _ in cuts]}
            for start, stop, cuts in comparison.brackets
        ]
        return out
