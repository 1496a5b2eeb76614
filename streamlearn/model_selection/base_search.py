"""What all searches share: candidates learn from the same blocks, and the best one predicts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

import joblib  # type: ignore[import-untyped]
import numpy as np
from sklearn import get_config
from sklearn import pipeline as theirs
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.utils import indexable

from streamlearn import blocks as engine
from streamlearn._arrays import is_sparse
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import check_parameters
from streamlearn._sklearn import HasMethods, Interval, StrOptions
from streamlearn._thirdparty.partial_fit import with_classes
from streamlearn._thirdparty.tags import by_row_and_same, labels_at_hand, rows_known
from streamlearn._training.course import generator
from streamlearn._training.epochs import Progress, Publish, train
from streamlearn._training.stopping import Never
from streamlearn.model_selection.candidates import Candidate, Rules, parameters_of
from streamlearn.model_selection.draws import seed_of
from streamlearn.model_selection.groups import Group, as_ours, begun
from streamlearn.model_selection.halving import Bracket, Cuts
from streamlearn.model_selection.results import table_of
from streamlearn.model_selection.search_learner import SearchLearner, in_order, scores_of_folds
from streamlearn.wrappers.block_scores import block_score
from streamlearn.wrappers.post_fit import ParallelPostFit, kind_of, parts_and_params
from streamlearn.wrappers.scoring import scorers_by_name
from streamlearn.wrappers.split import rows_at

FITTED = {
    *("best_estimator_", "best_index_", "best_params_", "best_score_"),
    *("progressive_scores_", "refit_time_"),
}
"""Fitted attributes that only some searches have."""

BLOCKS_IN_MEMORY = 20
"""The number of blocks into which rows in memory are cut, if each has two rows: R2 needs them."""


class Contest(NamedTuple):
    """What a search compares.

    Attributes
    ----------
    parameters : list of dict
        The parameters of each candidate.
    rules : Rules
    brackets : sequence of Bracket
        When candidates drop out; empty if none does.
    like : array or None
        An empty array like the rows, see `streamlearn.wrappers.post_fit.kind_of`.
    """

    parameters: list[dict[str, Any]]
    rules: Rules
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
        ValueError
            If there is no candidate, if all of them end with an error, or if the data do not fit
            the search.
        """
        check_parameters(self, again=True)
        named = scorers_by_name(self.scoring)
        scores = {name: block_score(self.estimator, scorer) for name, scorer in named.items()}
        seed = seed_of(self.random_state)
        X, y, params = parts_and_params(X, y, params)
        params = {name: labels_at_hand(name, value) for name, value in params.items()}
        learns = as_ours(self.estimator)
        params = with_classes(learns, self._routed("fit", params), y, further=False)
        like = kind_of(X)
        given, same, rows = laid_out(X, y, params, seed)
        n_blocks = None if rows is None else len(rows)
        n_folds, of_blocks = self._folds(rows)
        parameters = self._candidates(n_blocks, seed)
        brackets = self._brackets(n_blocks, len(parameters))
        decides = self._decides(scores)
        rules = Rules(
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
        groups = begun(self.estimator, parameters, rules, width_of(given), n_classes)
        contest = Contest(parameters, rules, brackets, like)
        learner = SearchLearner(
            rules,
            seed if self.shuffle else None,
            min(_threads(self.n_jobs), len(parameters)),
            Cuts(decides, tuple(brackets)) if brackets else None,
        )

        def attributes(progress: Progress) -> dict[str, Any]:
            return self._attributes(contest, progress.learned, [])

        blocks = aligned(given)
        out = train(
            learner,
            blocks,
            Progress(groups),
            Never(),
            max_iter=1,
            publish=None if n_folds else Publish(self, attributes),
        )
        ended = out.learned
        self._say_failures(in_order(ended))
        of_folds = scores_of_folds(rules, ended, blocks) if n_folds else []
        found = self._attributes(contest, ended, of_folds)
        for name in FITTED - found.keys():
            self.__dict__.pop(name, None)
        self.__dict__.update(found)
        return self

    def _decides(self, scores: dict[str, Any]) -> str:
        """Return the name of the score that chooses the best candidate."""
        if len(scores) == 1 and "score" in scores:
            return "score"
        if isinstance(self.refit, str) and self.refit in scores:
            return self.refit
        if self.refit is False or callable(self.refit):
            return next(iter(scores))
        raise ValueError(
            f"refit={self.refit!r} names none of the scores {', '.join(map(repr, scores))}. Give "
            "the name of the one that chooses the best candidate, or refit=False."
        )

    def _say_failures(self, candidates: Sequence[Candidate]) -> None:
        """Warn of candidates that errors have ended.

        Raises
        ------
        ValueError
            If that is true of all.
        """
        failed = [candidate.error for candidate in candidates if candidate.error]
        if not failed:
            return
        first = failed[0].strip()
        if len(failed) == len(candidates):
            raise ValueError(
                f"All {len(failed)} candidates ended with an error. error_score='raise' shows it "
                f"where it happens. The first one was:\n{first}"
            )
        warnings.warn(
            f"{len(failed)} of {len(candidates)} candidates ended with an error, and their scores "
            f"are {self.error_score}. error_score='raise' raises it. The first one was:\n{first}",
            FitFailedWarning,
            stacklevel=5,
        )

    def _attributes(
        self, contest: Contest, groups: Sequence[Group], of_folds: Sequence[Any]
    ) -> dict[str, Any]:
        """Return the fitted attributes. ``of_folds`` are the scores of each candidate's folds."""
        rules, candidates = contest.rules, in_order(groups)
        error_score = np.nan if self.error_score == "raise" else self.error_score
        table = table_of(contest.parameters, candidates, rules, of_folds, error_score)
        several = list(rules.scores) != ["score"]
        out = {
            "cv_results_": table,
            "n_splits_": max(1, rules.n_folds),
            "multimetric_": several,
            "scorer_": self.scoring,
            "_like": contest.like,
        }
        if not rules.n_folds:
            out["progressive_scores_"] = {
                name: _by_block(candidates, name) for name in rules.scores
            }
        if several and self.refit is False:
            return out
        decides = self._decides(dict(rules.scores))
        best = (
            int(self.refit(table))
            if callable(self.refit)
            else int(np.argmin(table[f"rank_test_{decides}"]))
        )
        out |= {"best_index_": best, "best_params_": contest.parameters[best]}
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


def width_of(given: Any) -> int | None:
    """Return the number of features of the rows, or None if these are not dense."""
    X = given["X"] if isinstance(given, dict) else given[0][0]
    rows = engine.meta_of(X) if engine.is_collection(X) else X
    return None if getattr(rows, "ndim", 0) != 2 or is_sparse(rows) else rows.shape[1]


def laid_out(
    X: Any, y: Any, params: dict[str, Any], seed: int
) -> tuple[Any, dict[str, Any], tuple[int | None, ...] | None]:
    """Return the parts of the data, and what else a search must know of them.

    Rows in memory are cut into blocks, in random order.

    Returns
    -------
    given : dict of str to collection, or list of tuple
        The collections, or the blocks of rows in memory.
    same : dict
        The arguments of ``partial_fit`` that are the same for all blocks.
    rows : tuple of int or None
        The number of rows of each block, None where it is not known. It is None if a source does
        not say its number of blocks.

    Raises
    ------
    ValueError
        If rows in memory have arguments for each row that are no weights, or if X and y have
        different numbers of rows, or fewer than two.
    """
    lazy = engine.is_collection(X)
    if not lazy:
        X, y = indexable(X, y)
    n_rows = rows_known(X)
    by_row, same = by_row_and_same(params, n_rows)
    if lazy:
        streamed = isinstance(X, engine.StreamedRows)
        return {"X": X, "y": y, **by_row}, same, None if streamed else engine.row_chunks(X)
    further = by_row.keys() - {"sample_weight"}
    if further:
        raise ValueError(
            f"{', '.join(sorted(further))} with a value for each row needs a dask collection: rows "
            "in memory may only have sample_weight. Give X as a dask array."
        )
    assert n_rows is not None
    if n_rows < 2:
        raise ValueError(
            f"Found array with {n_rows} sample(s) while a minimum of 2 is required by a search: "
            "it scores rows that a candidate has not learned from."
        )
    parts = indexable(X, y, by_row.get("sample_weight"))
    while parts[-1] is None:
        parts.pop()
    mixed = generator(seed).permutation(n_rows)
    cut = [
        tuple(rows_at(part, rows) for part in parts)
        for rows in np.array_split(mixed, min(BLOCKS_IN_MEMORY, max(2, n_rows // 2)))
    ]
    return cut, same, tuple(engine.n_rows(block[0]) for block in cut)


def aligned(given: Any) -> engine.Blocks:
    """Return the blocks of the parts that `laid_out` returns.

    A source of blocks has a thread from here to the end of its pass.
    """
    if isinstance(given, dict):
        return engine.align(**given)
    streamed = engine.from_blocks(given)
    streamed = streamed if isinstance(streamed, tuple) else (streamed,)
    return engine.align(**dict(zip(("X", "y", "sample_weight"), streamed, strict=False)))
