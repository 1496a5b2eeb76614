"""What groups of candidates do with a block: they are scored on it, and then learn from it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from sklearn import config_context
from sklearn import pipeline as theirs

from streamlearn import blocks as engine
from streamlearn._arrays import is_sparse
from streamlearn._thirdparty.partial_fit import partially_fitted
from streamlearn.linear_model.many_models import most_models
from streamlearn.model_selection.candidates import ScoredBlock, SearchSettings
from streamlearn.model_selection.groups import Group, as_ours, columns_of, with_last
from streamlearn.pipeline import shared_steps
from streamlearn.pipeline.shared_steps import SharedSteps
from streamlearn.stages import Shared
from streamlearn.wrappers.block_scores import has_no_weight


def after_block(
    settings: SearchSettings, shared: Sequence[Shared], group: Group, block: engine.Block
) -> tuple[Group, ...]:
    """Return a group that has learned from one more block.

    ``shared`` is what groups share while their models learn from the block, for each of the models.
    If an error ends one of several candidates, each goes on alone.
    """
    if not group.goes_on or has_no_weight(block.sample_weight):
        return (group,)
    with config_context(**settings.config):
        try:
            scored = group
            if not settings.n_folds and group.members[0].n_blocks:
                scored = _scored_before(settings, shared[-1], group, block)
            learned = _learned(settings, shared, scored, block)
            most = (
                len(group.members) if scored.members[0].n_blocks else most_together(learned, block)
            )
            if most >= len(group.members):
                return (learned,)
            parts = group.split(most)
        except Exception as error:
            if len(group.members) == 1:
                if not settings.catches:
                    raise
                failed = group.members[0]._replace(error=_in_words(error, block))
                return (group._replace(members=(failed,)),)
            parts = group.parts()  # an error is that of a model, and not of columns
    return tuple(g for part in parts for g in after_block(settings, shared, part, block))


def _in_words(error: Exception, block: engine.Block) -> str:
    """Return an error with its notes, and the block where it was raised, as a line."""
    notes = [*getattr(error, "__notes__", ()), f"In block {block.number}."]
    return " ".join(f"{type(error).__name__}: {error} {' '.join(notes)}".split())


def most_together(group: Group, block: engine.Block) -> int:
    """Return the largest number of members of a group of pipelines, after its first block.

    The last steps are columns of one model. Only now it is known which features they get.
    """
    for model in group.models:
        many = columns_of(model)
        if many is None or not isinstance(model, theirs.Pipeline):
            break
        if hasattr(many, "coef_"):  # one model has not learned from the block, which is its fold
            row = engine.head(block.X, 1)
            for step in shared_steps.leaves_of(model)[:-1]:
                row = step.transform(row)
            n_classes = len(getattr(many, "classes_", (1,)))
            return 1 if is_sparse(row) else most_models(many.members[0], row.shape[1], n_classes)
    return len(group.members)


def scores_of(
    settings: SearchSettings, shared: Shared, group: Group, fold: int, block: engine.Block
) -> list[dict[str, Any]]:
    """Return the sums of the scores of a block for each member of a group.

    ``fold`` is the place of their models, and ``shared`` is what groups share meanwhile.
    """
    found: list[dict[str, Any]] = [{} for _ in group.members]
    by_answers = {name: score for name, score in settings.scores.items() if score.by_answers}
    for name, score in settings.scores.items():
        if not score.by_answers:
            for place, sums in enumerate(found):
                sums[name] = score.of_block(group.model_of(place, fold), block)
    if not by_answers:
        return found
    model, X = group.models[fold], block.X
    if group.path:
        X = SharedSteps(group.path, shared).transformed(model, X)
        model = shared_steps.behind(model, len(group.path))
    many, p = columns_of(model), None
    if many is not None:
        p = many.scores(X)
        answers = many.answers(p)
        for name, score in settings.scores.items():
            of_each = score.of_models and score.of_models(many, answers, block)
            if of_each:
                del by_answers[name]
                for sums, of_one in zip(found, of_each, strict=True):
                    sums[name] = of_one
    if not by_answers:
        return found
    for place, sums in enumerate(found):
        asked = model
        if many is not None:
            X, asked = many.of_scores(place, p)
            asked = with_last(model, asked)
        rows = block._replace(parts={**block.parts, "X": X})
        sums.update({name: score.of_block(asked, rows) for name, score in by_answers.items()})
    return found


def _scored_before(
    settings: SearchSettings, shared: Shared, group: Group, block: engine.Block
) -> Group:
    start = time.perf_counter()
    found = scores_of(settings, shared, group, -1, block)
    took = (time.perf_counter() - start) / len(group.members)
    members = []
    for member, sums in zip(group.members, found, strict=True):
        values = {name: score.result(sums[name]) for name, score in settings.scores.items()}
        scored = ScoredBlock(engine.n_rows(block.X), member.n_blocks, values)
        members.append(
            member._replace(
                by_block=(*member.by_block, scored),
                sums=settings.added(member.sums, sums),
                score_time=member.score_time + took,
            )
        )
    return group._replace(members=tuple(members))


def _learn(
    shared: SharedSteps, pipe: Any, X: Any, y: Any, classes: Any = None, **params: Any
) -> None:
    """Let a pipeline learn from a block, as its ``partial_fit`` does."""
    how = {"further": True, "classes": classes, "shared": shared}
    as_ours(pipe)._fit_in_one_pass(X, y, params, **how)


def _learned(
    settings: SearchSettings, shared: Sequence[Shared], group: Group, block: engine.Block
) -> Group:
    start = time.perf_counter()
    params = {**settings.params, **block.along}
    y = params.pop("y", None)
    left_out = settings.fold_of(block.number) if settings.n_folds else None
    by_fold, models = left_out is not None and group.merges, []
    for fold, (model, results) in enumerate(zip(group.models, shared, strict=True)):
        if (fold == left_out) is not by_fold:
            models.append(model)
        elif isinstance(model, theirs.Pipeline):
            learn = partial(_learn, SharedSteps(group.path, results))
            models.append(partially_fitted(model, block.X, y, params, learn))
        else:
            models.append(partially_fitted(model, block.X, y, params))
    took = (time.perf_counter() - start) / len(group.members)
    members = tuple(
        member._replace(n_blocks=member.n_blocks + 1, fit_time=member.fit_time + took)
        for member in group.members
    )
    folds = group.folds if left_out is None else group.folds | {left_out}
    return group._replace(models=tuple(models), members=members, folds=folds)
