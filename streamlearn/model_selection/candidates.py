"""The candidates of a search: the parameters that it compares, and what each one has learned."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from typing import Any, NamedTuple

from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid, ParameterSampler

from streamlearn import blocks as engine
from streamlearn._thirdparty.partial_fit import partially_fitted
from streamlearn.wrappers.block_scores import BlockScore


def parameters_of(parameters: Any, n_iter: int | None, seed: int) -> list[dict[str, Any]]:
    """Return the parameters of each candidate.

    Parameters
    ----------
    parameters : dict or sequence of dict
        Lists of values, or distributions with a method ``rvs``.
    n_iter : int or None
        The number of candidates to draw. None takes every combination.
    seed : int

    Returns
    -------
    list of dict

    Raises
    ------
    ValueError
        If every combination is wanted, and there is a distribution.
    """
    if n_iter is not None:
        return list(ParameterSampler(parameters, n_iter, random_state=seed))
    for given in [parameters] if isinstance(parameters, Mapping) else parameters:
        drawn = [name for name, values in given.items() if hasattr(values, "rvs")]
        if drawn:
            raise ValueError(
                f"{drawn[0]!r} has a distribution, which has no list of values. Give n_iter, the "
                "number of candidates to draw."
            )
    return list(ParameterGrid(parameters))


class Rules(NamedTuple):
    """How all candidates learn and are scored.

    Attributes
    ----------
    params : dict
        Further arguments of ``partial_fit``, the same for all blocks.
    scores : dict of str to BlockScore
        The scores by name.
    n_folds : int
        The number of folds, or 0 if each block is scored before it is learned from.
    full : bool
        Whether a model learns from all blocks. Without folds there is always one.
    catches : bool
        Whether an error ends a candidate only, and not the search.
    config : dict
        scikit-learn's configuration in the thread of the user.
    """

    params: dict[str, Any]
    scores: Mapping[str, BlockScore]
    n_folds: int
    full: bool
    catches: bool
    config: dict[str, Any]

    def fold_of(self, block: int) -> int:
        """Return the fold of a block. Neighbouring blocks are in different folds."""
        return block % self.n_folds


class ScoredBlock(NamedTuple):
    """The scores of a block before it was learned from.

    Attributes
    ----------
    block, rows : int
        Its number and its rows.
    after : int
        The number of blocks learned from before.
    values : dict of str to float
        The scores by name.
    """

    block: int
    rows: int
    after: int
    values: dict[str, float]


class Candidate(NamedTuple):
    """What the models of one candidate have learned, and how they were scored.

    Attributes
    ----------
    models : tuple of object
        One estimator for each fold, which does not learn from it, and one for all blocks.
    learned : tuple of int
        The number of blocks that each of them has learned from.
    by_block : tuple of ScoredBlock
    sums : dict of str to object
        The sums of each score over these blocks.
    fit_time, score_time : float
        Seconds.
    error : str
        The traceback of the error that has ended it, or an empty string.
    dropped : int
        The number of blocks after which it has dropped out, or 0.
    """

    models: tuple[Any, ...]
    learned: tuple[int, ...]
    by_block: tuple[ScoredBlock, ...] = ()
    sums: Mapping[str, Any] = {}
    fit_time: float = 0.0
    score_time: float = 0.0
    error: str = ""
    dropped: int = 0

    @property
    def goes_on(self) -> bool:
        """Whether it learns from the next block."""
        return not (self.error or self.dropped)

    @property
    def model(self) -> Any:
        """The estimator that has learned from all blocks."""
        return self.models[-1]


def begun(estimator: Any, parameters: dict[str, Any], rules: Rules) -> Candidate:
    """Return a candidate that has learned nothing."""
    n_models = rules.n_folds + (rules.full or not rules.n_folds)
    models = [clone(estimator, safe=False) for _ in range(n_models)]
    for model in models:
        model.set_params(**clone(parameters, safe=False))
    return Candidate(tuple(models), (0,) * n_models)


def after_block(rules: Rules, candidate: Candidate, block: engine.Block) -> Candidate:
    """Return a candidate that has learned from one more block."""
    if not candidate.goes_on:
        return candidate
    with config_context(**rules.config):
        try:
            if not rules.n_folds and candidate.learned[0]:
                candidate = _scored_before(rules, candidate, block)
            return _learned(rules, candidate, block)
        except Exception:
            if not rules.catches:
                raise
            return candidate._replace(error=traceback.format_exc())


def _scored_before(rules: Rules, candidate: Candidate, block: engine.Block) -> Candidate:
    start = time.perf_counter()
    found = {name: score.of_block(candidate.model, block) for name, score in rules.scores.items()}
    values = {name: rules.scores[name].result(sums) for name, sums in found.items()}
    scored = ScoredBlock(block.number, engine.n_rows(block.X), candidate.learned[0], values)
    return candidate._replace(
        by_block=(*candidate.by_block, scored),
        sums=added(rules.scores, candidate.sums, found),
        score_time=candidate.score_time + time.perf_counter() - start,
    )


def _learned(rules: Rules, candidate: Candidate, block: engine.Block) -> Candidate:
    start = time.perf_counter()
    params = {**rules.params, **block.along}
    y = params.pop("y", None)
    models, learned = list(candidate.models), list(candidate.learned)
    left_out = rules.fold_of(block.number) if rules.n_folds else None
    for k, model in enumerate(models):
        if k != left_out:
            models[k] = partially_fitted(model, block.X, y, params)
            learned[k] += 1
    return candidate._replace(
        models=tuple(models),
        learned=tuple(learned),
        fit_time=candidate.fit_time + time.perf_counter() - start,
    )


def added(scores: Mapping[str, BlockScore], a: Mapping[str, Any], b: Mapping[str, Any]) -> Any:
    """Return the sums of each score over the rows of both."""
    if not a:
        return b
    return {name: score.merge(a[name], b[name]) for name, score in scores.items()}
