"""What all searches share: candidates learn from the same blocks, and the best one predicts."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

import joblib  # type: ignore[import-untyped]
import numpy as np
from sklearn import get_config
from sklearn import pipeline as theirs
from sklearn.exceptions import NotFittedError

from streamlearn import blocks as engine
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import check_parameters
from streamlearn._sklearn import HasMethods, Interval, StrOptions
from streamlearn._thirdparty.partial_fit import with_classes
from streamlearn._thirdparty.tags import labels_at_hand
from streamlearn._training.epochs import Progress, Publish, train
from streamlearn._training.stopping import Never
from streamlearn.model_selection.candidates import Candidate, SearchSettings, parameters_of
from streamlearn.model_selection.draws import seed_of
from streamlearn.model_selection.groups import Group, as_ours, begun
from streamlearn.model_selection.halving import Bracket, Cuts
from streamlearn.model_selection.results import table_of
from streamlearn.model_selection.search_checks import (
    best_or_raise,
    have_rows_or_raise,
    learns_or_raise,
    names_one_or_raise,
    no_block_scored,
    partial_fit_advised,
    warn_of_failures,
)
from streamlearn.model_selection.search_data import aligned, data_of_search, width_of
from streamlearn.model_selection.search_learner import SearchLearner, in_order, scores_of_folds
from streamlearn.wrappers.block_scores import block_score
from streamlearn.wrappers.post_fit import ParallelPostFit, kind_of, parts_and_params
from streamlearn.wrappers.scoring import scorers_by_name

FITTED = {
    *("best_estimator_", "best_index_", "best_params_", "best_score_"),
    *("progressive_scores_", "refit_time_"),
}
"""Fitted attributes that only some searches have."""


class Comparison(NamedTuple):
    """What a search compares.

    Attributes
    ----------
    parameters : list of dict
        The parameters of each candidate.
    settings : SearchSettings
    brackets : sequence of Bracket
        When candidates drop out; empty if none does.
    like : array or None
        An empty array like the rows, see `streamlearn.wrappers.post_fit.kind_of`.
    """

    parameters: list[dict[str, Any]]
    settings: SearchSettings
    brackets: Sequence[Bracket]
    like: Any


class BaseSearch(ParallelPostFit):
    """A search whose candidates learn from each block while it is in memory."""

    predict_meta = predict_proba_meta = transform_meta = None

    _parameter_constraints: dict[str, Any] = {
        "estimator": [HasMethods("partial_fit"), theirs.Pipeline],
        "parameters": [dict, list],
        "n_iter": [Interval(Integral, 1, None, closed="left"), None],
        "scoring": [str, callable, list, tuple, dict, None],
        "refit": ["boolean", str, callable],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "error_score": [StrOptions({"raise"}), Real],
        "verbose": ["verbose"],
    }

    parameters: Any
    n_iter: Any
    refit: Any
    shuffle: Any
    random_state: Any
    n_jobs: Any
    error_score: Any
    verbose: Any

    def _folds(self, rows: Sequence[int | None] | None) -> tuple[int, tuple[int, ...] | None]:
        """Return the number of folds, and the fold of each block if they are not dealt in turn.

        ``rows`` are those of each block. 0 folds: blocks are scored before they are learned from.
        """
        return 0, None

    def _brackets(self, n_blocks: int | None, n_candidates: int) -> Sequence[Bracket]:
        """Return when candidates drop out."""
        return ()

    def _cuts(self, score: str, brackets: Sequence[Bracket]) -> Cuts:
        """Return when candidates drop out by this score."""
        raise NotImplementedError

    def _candidates(self, n_blocks: int | None, seed: int) -> list[dict[str, Any]]:
        """Return the parameters of each candidate."""
        return parameters_of(self.parameters, self.n_iter, seed)

    @watched
    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Let all candidates learn from the same blocks, and choose the best one.

        Parameters
        ----------
        X : container
            The rows: a dask array or DataFrame, a source of blocks, or rows in memory.
        y : container, default=None
            The targets.
        **params : dict of str to object
            Further arguments of the estimator's ``partial_fit``, such as ``sample_weight`` or
            ``classes``.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If a step of a pipeline cannot learn block by block, if ``partial_fit`` does not take an
            argument, or if some parts of the data are in memory and others are not.
        ValueError
            If there is no candidate, if all of them end with an error, or if the data do not fit
            the search.
        """
        with partial_fit_advised(self.estimator):
            check_parameters(self, again=True)
        named = scorers_by_name(self.scoring)
        scores = {name: block_score(self.estimator, scorer) for name, scorer in named.items()}
        seed = seed_of(self.random_state)
        X, y, params = parts_and_params(X, y, params)
        params = {name: labels_at_hand(name, value) for name, value in params.items()}
        learns = as_ours(self.estimator)
        learns_or_raise(learns, self.parameters, params)
        params = with_classes(learns, self._routed("fit", params), y, further=False)
        like = kind_of(X)
        given, same, rows = data_of_search(X, y, params, seed)
        # A block without rows is no step of the search; unknown lengths are NaN, and count.
        n_blocks = None if rows is None else sum(n != 0 for n in rows)
        n_folds, of_blocks = self._folds(rows)
        if not n_folds and n_blocks == 1:
            raise no_block_scored()
        parameters = self._candidates(n_blocks, seed)
        brackets = self._brackets(n_blocks, len(parameters))
        decides = self._decides(scores)
        settings = SearchSettings(
            same,
            scores,
            n_folds,
            of_blocks,
            bool(self.refit),
            self.error_score != "raise",
            get_config(),
        )
        classes = params.get("classes", getattr(self.estimator, "classes", None))
        n_classes = 1 if classes is None else len(classes)
        groups = begun(self.estimator, parameters, settings, width_of(given), n_classes)
        learner = SearchLearner(
            settings,
            seed if self.shuffle else None,
            min(_threads(self.n_jobs), len(parameters)),
            self._cuts(decides, brackets) if brackets else None,
        )
        comparison = Comparison(parameters, settings, brackets, like)
        found = self._compare(comparison, learner, groups, aligned(given))
        for name in FITTED - found.keys():
            self.__dict__.pop(name, None)
        self.__dict__.update(found)
        return self

    def _compare(
        self,
        comparison: Comparison,
        learner: SearchLearner,
        groups: tuple[Group, ...],
        blocks: engine.Blocks,
    ) -> dict[str, Any]:
        """Let the candidates learn and score them. Return the fitted attributes."""

        def attributes(progress: Progress) -> dict[str, Any]:
            return self._attributes(comparison, progress.learned, [])

        settings, n_folds = comparison.settings, comparison.settings.n_folds
        out = train(
            learner,
            blocks,
            Progress(groups),
            Never(),
            max_iter=1,
            publish=None if n_folds else Publish(self, attributes),
        )
        have_rows_or_raise(n_folds, out.learned)
        ended = tuple(group.with_merged_folds(n_folds) for group in out.learned)
        warn_of_failures(in_order(ended), self.error_score)
        of_folds = scores_of_folds(settings, ended, blocks) if n_folds else []
        return self._attributes(comparison, ended, of_folds)

    def _decides(self, scores: dict[str, Any]) -> str:
        """Return the name of the score that chooses the best candidate."""
        if len(scores) == 1 and "score" in scores:
            names_one_or_raise(self.refit, self.scoring)
            return "score"
        if isinstance(self.refit, str) and self.refit in scores:
            return self.refit
        if self.refit is False or callable(self.refit):
            return next(iter(scores))
        raise ValueError(
            f"refit={self.refit!r} is not one of the scores {', '.join(map(repr, scores))}. Give "
            "the name of the one that chooses the best candidate, or refit=False."
        )

    def _attributes(
        self, comparison: Comparison, groups: Sequence[Group], of_folds: Sequence[Any]
    ) -> dict[str, Any]:
        """Return the fitted attributes. ``of_folds`` are the scores of each candidate's folds."""
        settings, candidates = comparison.settings, in_order(groups)
        error_score = np.nan if self.error_score == "raise" else self.error_score
        table = table_of(comparison.parameters, candidates, settings, of_folds, error_score)
        several = list(settings.scores) != ["score"]
        out = {
            "cv_results_": table,
            "n_splits_": max(1, settings.n_folds),
            "multimetric_": several,
            "scorer_": self.scoring,
            "_like": comparison.like,
        }
        if not settings.n_folds:
            out["progressive_scores_"] = {
                name: _by_block(candidates, name) for name in settings.scores
            }
        if several and self.refit is False:
            return out
        decides = self._decides(dict(settings.scores))
        best = (
            best_or_raise(self.refit(table), len(candidates))
            if callable(self.refit)
            else int(np.argmin(table[f"rank_test_{decides}"]))
        )
        out |= {"best_index_": best, "best_params_": comparison.parameters[best]}
        if not callable(self.refit):
            out["best_score_"] = float(table[f"mean_test_{decides}"][best])
        if self.refit:
            out |= {"best_estimator_": _model_of(groups, best), "refit_time_": 0.0}
        return out

    def _inner(self) -> Any:
        """Return the best candidate, or ``estimator`` before the fit."""
        return vars(self).get("best_estimator_", vars(self).get("estimator"))

    def _fitted(self) -> Any:
        """Return the best candidate, or raise a NotFittedError."""
        own = vars(self)
        if "cv_results_" in own and "best_estimator_" not in own:
            raise NotFittedError(
                f"This {type(self).__name__} was fitted with refit=False, so no candidate can "
                "predict. Fit it with refit=True, or with the name of one of several scores."
            )
        return super()._fitted()

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there is a best candidate."""
        return "best_estimator_" in vars(self)

    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """Return the score of the best candidate, by the score that has chosen it.

        Parameters
        ----------
        X : container
            The rows.
        y : container, default=None
            The targets.
        **params : dict of str to object
            Further arguments of the scorer, such as ``sample_weight``.

        Returns
        -------
        float
            A greater score is better.
        """
        best, named = self._fitted(), scorers_by_name(self.scoring)
        asked = ParallelPostFit(best, scoring=named[self._decides(named)])
        asked._like = self._like
        return asked.score(X, y, **params)


def _model_of(groups: Sequence[Group], number: int) -> Any:
    """Return the estimator of a candidate that has learned from all blocks."""
    return next(
        group.model_of(place)
        for group in groups
        for place, member in enumerate(group.members)
        if member.number == number
    )


def _by_block(candidates: Sequence[Candidate], name: str) -> np.ndarray:
    """Return the scores of each block before it was learned from, (n_candidates, n_blocks)."""
    n_blocks = max(len(candidate.by_block) for candidate in candidates)
    out = np.full((len(candidates), n_blocks), np.nan)
    for row, candidate in zip(out, candidates, strict=True):
        row[: len(candidate.by_block)] = [each.values[name] for each in candidate.by_block]
    return out


def _threads(n_jobs: int | None) -> int:
    """Return the number of threads for ``n_jobs``. None means all processors."""
    n = int(joblib.cpu_count())
    if n_jobs is None:
        return n
    if n_jobs == 0:
        raise ValueError("n_jobs == 0 has no meaning. Give a number of threads, or None for all.")
    return n_jobs if n_jobs > 0 else max(1, n + 1 + n_jobs)
