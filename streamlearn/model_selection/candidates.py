"""The candidates of a search: the parameters that it compares, and what each one has learned.

Candidates learn in groups. A group is one candidate, or several linear models that are columns of
one (`streamlearn.linear_model.many_models`).
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid, ParameterSampler

from streamlearn import blocks as engine
from streamlearn._thirdparty.partial_fit import partially_fitted
from streamlearn.linear_model.many_models import ManyModels, common, many_models
from streamlearn.wrappers.block_scores import BlockScore, has_no_weight


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
    of_blocks : tuple of int or None
        The fold of each block. None deals the blocks to the folds in turn.
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
    of_blocks: tuple[int, ...] | None
    full: bool
    catches: bool
    config: dict[str, Any]

    def fold_of(self, block: int) -> int:
        """Return the fold of a block."""
        return block % self.n_folds if self.of_blocks is None else self.of_blocks[block]

    def added(self, a: Mapping[str, Any], b: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the sums of each score over the rows of both."""
        if not a:
            return b
        return {name: score.merge(a[name], b[name]) for name, score in self.scores.items()}


class ScoredBlock(NamedTuple):
    """The scores of a block before it was learned from.

    Attributes
    ----------
    rows : int
        The number of its rows.
    after : int
        The number of blocks learned from before.
    values : dict of str to float
        The scores by name.
    """

    rows: int
    after: int
    values: dict[str, float]


class Candidate(NamedTuple):
    """How a candidate was scored while it learned.

    Attributes
    ----------
    number : int
        Its place among all candidates.
    by_block : tuple of ScoredBlock
        The blocks that were scored before they were learned from.
    sums : dict of str to object
        The sums of each score over these blocks.
    n_blocks : int
        The number of blocks that it has learned from.
    fit_time, score_time : float
        Seconds.
    error : str
        The traceback of the error that has ended it, or an empty string.
    dropped : int
        The number of blocks after which it has dropped out, or 0.
    """

    number: int
    by_block: tuple[ScoredBlock, ...] = ()
    sums: Mapping[str, Any] = {}
    n_blocks: int = 0
    fit_time: float = 0.0
    score_time: float = 0.0
    error: str = ""
    dropped: int = 0

    @property
    def goes_on(self) -> bool:
        """Whether it learns from the next block."""
        return not (self.error or self.dropped)


class Group(NamedTuple):
    """Candidates that learn together.

    Attributes
    ----------
    models : tuple of object
        One estimator for each fold, which does not learn from it, and one for all blocks.
    members : tuple of Candidate
    """

    models: tuple[Any, ...]
    members: tuple[Candidate, ...]

    @property
    def goes_on(self) -> bool:
        """Whether it learns from the next block. If not, it has one candidate."""
        return self.members[0].goes_on

    def model_of(self, place: int, fold: int = -1) -> Any:
        """Return the estimator of a member for a fold, or for all blocks."""
        model = self.models[fold]
        return model.model(place) if isinstance(model, ManyModels) else model

    def parts(self) -> tuple[Group, ...]:
        """Return each member as a group of its own."""
        if len(self.members) == 1 and not isinstance(self.models[0], ManyModels):
            return (self,)
        return tuple(
            Group(tuple(model.alone(place) for model in self.models), (member,))
            for place, member in enumerate(self.members)
        )

    def without(self, dropped: Mapping[int, int]) -> Iterator[Group]:
        """Yield the groups of those that go on, and of those that drop out after some blocks."""
        left = [k for k, member in enumerate(self.members) if member.number not in dropped]
        if len(left) == len(self.members):
            yield self
            return
        for part in self.parts():
            (member,) = part.members
            if member.number in dropped:
                yield part._replace(members=(member._replace(dropped=dropped[member.number]),))
            elif len(left) == 1:
                yield part
        if len(left) > 1:
            models = tuple(model.kept(left) for model in self.models)
            yield Group(models, tuple(self.members[k] for k in left))


def begun(
    estimator: Any, parameters: Sequence[dict[str, Any]], rules: Rules, most: int
) -> tuple[Group, ...]:
    """Return the groups of all candidates, which have learned nothing.

    ``most`` is the largest number of linear models that are columns of one.
    """
    groups: dict[Hashable, list[tuple[int, Any]]] = {}
    for number, given in enumerate(parameters):
        model = clone(estimator, safe=False)
        model.set_params(**clone(given, safe=False))
        key = common(model) if most > 1 else None
        groups.setdefault(number if key is None else key, []).append((number, model))
    n_models = rules.n_folds + (rules.full or not rules.n_folds)
    out = []
    for members in groups.values():
        for start in range(0, len(members), most):
            numbers, models = zip(*members[start : start + most], strict=True)
            model = models[0] if len(models) == 1 else many_models(models)
            copies = [model, *(clone_of(model) for _ in range(n_models - 1))]
            out.append(Group(tuple(copies), tuple(map(Candidate, numbers))))
    return tuple(out)


def clone_of(model: Any) -> Any:
    """Return an unfitted copy of an estimator, or of the columns of several."""
    if isinstance(model, ManyModels):
        return many_models(model.members)
    return clone(model, safe=False)


def after_block(rules: Rules, group: Group, block: engine.Block) -> tuple[Group, ...]:
    """Return a group that has learned from one more block.

    If an error ends one of several candidates, each goes on alone.
    """
    if not group.goes_on or has_no_weight(block.sample_weight):
        return (group,)
    with config_context(**rules.config):
        try:
            scored = group
            if not rules.n_folds and group.members[0].n_blocks:
                scored = _scored_before(rules, group, block)
            return (_learned(rules, scored, block),)
        except Exception:
            if not rules.catches:
                raise
            if len(group.members) == 1:
                failed = group.members[0]._replace(error=traceback.format_exc())
                return (group._replace(members=(failed,)),)
    return tuple(g for part in group.parts() for g in after_block(rules, part, block))


def scores_of(rules: Rules, model: Any, n: int, block: engine.Block) -> list[dict[str, Any]]:
    """Return the sums of the scores of a block, for each of the ``n`` members of a group."""
    if not isinstance(model, ManyModels):
        return [{name: score.of_block(model, block) for name, score in rules.scores.items()}]
    found, p = [], model.scores(block.X)
    for place in range(n):
        X, member = model.of_scores(place, p)
        rows = block._replace(parts={**block.parts, "X": X})
        found.append({name: score.of_block(member, rows) for name, score in rules.scores.items()})
    return found


def _scored_before(rules: Rules, group: Group, block: engine.Block) -> Group:
    start = time.perf_counter()
    found = scores_of(rules, group.models[-1], len(group.members), block)
    took = (time.perf_counter() - start) / len(group.members)
    members = []
    for member, sums in zip(group.members, found, strict=True):
        values = {name: rules.scores[name].result(part) for name, part in sums.items()}
        scored = ScoredBlock(engine.n_rows(block.X), member.n_blocks, values)
        members.append(
            member._replace(
                by_block=(*member.by_block, scored),
                sums=rules.added(member.sums, sums),
                score_time=member.score_time + took,
            )
        )
    return group._replace(members=tuple(members))


def _learned(rules: Rules, group: Group, block: engine.Block) -> Group:
    start = time.perf_counter()
    params = {**rules.params, **block.along}
    y = params.pop("y", None)
    left_out = rules.fold_of(block.number) if rules.n_folds else None
    models = tuple(
        model if fold == left_out else partially_fitted(model, block.X, y, params)
        for fold, model in enumerate(group.models)
    )
    took = (time.perf_counter() - start) / len(group.members)
    return Group(
        models,
        tuple(
            member._replace(n_blocks=member.n_blocks + 1, fit_time=member.fit_time + took)
            for member in group.members
        ),
    )
