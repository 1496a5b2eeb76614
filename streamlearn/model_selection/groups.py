"""Groups of candidates that learn together.

A group is one candidate, or several linear models that are columns of one
(`streamlearn.linear_model.many_models`). These may be the last steps of pipelines, if all other
steps are the same. Groups of pipelines share their first steps
(`streamlearn.pipeline.shared_steps`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sklearn import pipeline as theirs
from sklearn.base import clone

from streamlearn.linear_model.many_models import (
    MOST_MODELS,
    ManyModels,
    common,
    many_models,
    most_models,
)
from streamlearn.model_selection.candidates import Candidate, SearchSettings
from streamlearn.model_selection.merged_folds import merged, merges, without_each
from streamlearn.pipeline import Pipeline, shared_steps


class Group(NamedTuple):
    """Candidates that learn together.

    Attributes
    ----------
    models : tuple of object
        One estimator for each fold, which does not learn from it, and one for all blocks. If the
        group `merges`, each learns from its fold alone until `with_merged_folds`.
    members : tuple of Candidate
    path : tuple of int
        The steps of pipelines that other groups may share; see
        `streamlearn.pipeline.shared_steps.paths_of`.
    folds : frozenset of int
        The folds that had rows so far.
    """

    models: tuple[Any, ...]
    members: tuple[Candidate, ...]
    path: tuple[int, ...] = ()
    folds: frozenset[int] = frozenset()

    @property
    def goes_on(self) -> bool:
        """Whether it learns from the next block. If not, it has one candidate."""
        return self.members[0].goes_on

    @property
    def merges(self) -> bool:
        """Whether its models learn from one fold each, and are merged at the end."""
        return all(map(merges, self.models))

    def with_merged_folds(self, n_folds: int) -> Group:
        """Return the group after the last block. If it merges, its models become those it lacks."""
        if not n_folds or not self.goes_on or not self.merges:
            return self
        own = [model if hasattr(model, "n_features_in_") else None for model in self.models]
        others = without_each(own[:n_folds])
        every = merged(others[0], own[0])
        found = [*others, *[every] * (len(own) - n_folds)]
        both = zip(self.models, found, strict=True)
        return self._replace(models=tuple(old if new is None else new for old, new in both))

    def model_of(self, place: int, fold: int = -1) -> Any:
        """Return the estimator of a member for a fold, or for all blocks."""
        model = self.models[fold]
        many = columns_of(model)
        return model if many is None else with_last(model, many.model(place))

    def parts(self) -> tuple[Group, ...]:
        """Return each member as a group of its own."""
        if columns_of(self.models[0]) is None:
            return (self,)
        return tuple(
            self._replace(
                models=tuple(_alone(model, k) for model in self.models), members=(member,)
            )
            for k, member in enumerate(self.members)
        )

    def split(self, most: int) -> tuple[Group, ...]:
        """Return groups of at most ``most`` members."""
        if most == 1:
            return self.parts()
        n = len(self.members)
        return tuple(self.kept(range(k, min(k + most, n))) for k in range(0, n, most))

    def kept(self, places: Sequence[int]) -> Group:
        """Return the group of several members."""
        models = []
        for model in self.models:
            many = columns_of(model)
            assert many is not None
            models.append(with_last(model, many.kept(places)))
        members = tuple(self.members[k] for k in places)
        return self._replace(models=tuple(models), members=members)

    def without(self, dropped: Mapping[int, int]) -> Iterator[Group]:
        """Yield the groups of candidates that go on, and of candidates that drop out later."""
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
            yield self.kept(left)


def columns_of(model: Any) -> ManyModels | None:
    """Return several linear models that are an estimator, or the last step of a pipeline."""
    last = shared_steps.leaves_of(model)[-1:] if isinstance(model, theirs.Pipeline) else [model]
    return last[0] if last and isinstance(last[0], ManyModels) else None


def with_last(model: Any, last: Any) -> Any:
    """Return a pipeline with another last step, and ``last`` in place of another estimator."""
    if isinstance(model, theirs.Pipeline):
        return shared_steps.with_last(model, last)
    return last


def as_ours(model: Any) -> Any:
    """Return a pipeline of scikit-learn as one of ours with the same steps, and all else as is."""
    foreign = isinstance(model, theirs.Pipeline) and not isinstance(model, Pipeline)
    return Pipeline(model.steps) if foreign else model


def _alone(model: Any, place: int) -> Any:
    many = columns_of(model)
    assert many is not None
    return with_last(model, many.alone(place))


def begun(
    estimator: Any,
    parameters: Sequence[dict[str, Any]],
    settings: SearchSettings,
    n_features: int | None,
    n_classes: int,
) -> tuple[Group, ...]:
    """Return the groups of all candidates, which have learned nothing.

    Parameters
    ----------
    estimator : object
    parameters : sequence of dict
        The parameters of each candidate.
    settings : SearchSettings
    n_features : int or None
        The number of features, or None if rows are not dense.
    n_classes : int
        The number of classes, or 1.
    """
    models = []
    for given in parameters:
        model = clone(estimator, safe=False)
        models.append(model.set_params(**clone(given, safe=False)))
    paths = shared_steps.paths_of(models)
    n_models = settings.n_folds + (settings.full or not settings.n_folds)
    out = []
    for numbers in _together(models, paths):
        first, path = models[numbers[0]], paths[numbers[0]]
        most = 1 if n_features is None else MOST_MODELS
        if isinstance(first, theirs.Pipeline):
            most = MOST_MODELS  # the first block shows the features behind its first steps
        elif len(numbers) > 1 and n_features is not None:
            most = most_models(first, n_features, n_classes)
        for start in range(0, len(numbers), most):
            some = numbers[start : start + most]
            model = _joined([models[k] for k in some])
            copies = (model, *(_clone_of(model) for _ in range(n_models - 1)))
            out.append(Group(copies, tuple(map(Candidate, some)), path))
    return tuple(out)


def _together(models: Sequence[Any], paths: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """Return the numbers of the models that are columns of one."""
    found: dict[Hashable, list[int]] = {}
    frames: list[Any] = []
    for number, (model, path) in enumerate(zip(models, paths, strict=True)):
        if isinstance(model, theirs.Pipeline):
            key = _common_of_pipelines(model, path, frames)
        else:
            key = common(model)
        found.setdefault(number if key is None else key, []).append(number)
    return list(found.values())


def _common_of_pipelines(model: Any, path: tuple[int, ...], frames: list[Any]) -> Hashable:
    """Return what the pipelines must have in common to be columns of one.

    ``frames`` are the pipelines so far, without their last steps.
    """
    steps = shared_steps.leaves_of(model)
    last = common(steps[-1]) if len(path) == len(steps) - 1 else None
    if last is None:
        return None
    frame = shared_steps.with_last(model, "passthrough")
    for number, known in enumerate(frames):
        if shared_steps.are_equal(frame, known):
            return number, last
    frames.append(frame)
    return len(frames) - 1, last


def _joined(models: Sequence[Any]) -> Any:
    first = models[0]
    if len(models) == 1:
        return first
    if not isinstance(first, theirs.Pipeline):
        return many_models(models)
    last = many_models([shared_steps.leaves_of(model)[-1] for model in models])
    return shared_steps.with_last(first, last)


def _clone_of(model: Any) -> Any:
    """Return an unfitted copy of an estimator, or of the columns of several."""
    many = columns_of(model)
    if many is None:
        return clone(model, safe=False)
    return with_last(clone(_alone(model, 0), safe=False), many_models(many.members))
