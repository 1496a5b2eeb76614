"""From the steps of a pipeline to stages, and back to fitted steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline

from streamlearn.foreign import is_stateless
from streamlearn.stages.branches import Branches, branches_of, leaves
from streamlearn.stages.chain import Chain
from streamlearn.stages.stage import Foreign, Mergeable, Stateless


def stage_of(
    name: str, estimator: Any, params: Mapping[str, Any], *, final: bool = False
) -> Mergeable | Foreign | Stateless | Branches:
    """Return how a step flows.

    Raises
    ------
    TypeError
        If it can neither learn block by block nor do without.
    """
    if isinstance(estimator, FrozenEstimator):  # which shows the attributes of what it holds
        return Stateless(estimator)
    if hasattr(estimator, "_machine_of_rows"):
        if unknown := sorted(set(params) - {"sample_weight"}):
            raise TypeError(f"The step {name!r} takes no {unknown}.")
        return Mergeable(estimator, estimator._machine_of_rows(), bool(params))
    if isinstance(estimator, FeatureUnion | ColumnTransformer):
        if params:
            raise NotImplementedError(
                f"The step {name!r} ({type(estimator).__name__}) takes no {sorted(params)} in one "
                'pass. Use fit with schedule="per-step".'
            )
        return Branches(
            estimator,
            {
                inner: chain_of(f"{name}__{inner}", branch)
                for inner, branch in branches_of(estimator)
            },
        )
    if hasattr(estimator, "partial_fit"):
        return Foreign(estimator)
    if not final and is_stateless(estimator):
        return Stateless(estimator)
    kind = type(estimator).__name__
    if final:
        remedy = "Use an estimator that has"
    else:
        remedy = (
            "Use a transformer that has (IncrementalPCA for PCA), or fit this one to some rows "
            f"beforehand and freeze it: ({name!r}, sklearn.frozen.FrozenEstimator({kind}(...)"
            ".fit(some_rows)))"
        )
    raise TypeError(
        f"The step {name!r} ({kind}) cannot learn in one pass, block by block: it has no "
        f'partial_fit. {remedy}. Or use fit with schedule="per-step", which hands it the whole '
        "collection."
    )


def chain_of(name: str, estimator: Any) -> Chain:
    """Return the stages of a transformer, or of a pipeline of transformers."""
    stages = tuple(stage_of(at, leaf, {}) for at, leaf in leaves(name, estimator))
    return Chain(stages, ({},) * len(stages))


def adopt(estimator: Any, fitted: Any) -> None:
    """Give ``estimator`` the attributes of a fitted copy, as if it had been fitted in place."""
    params = {name: vars(estimator)[name] for name in estimator.get_params(deep=False)}
    if isinstance(estimator, FeatureUnion):
        names, known = zip(*fitted.transformer_list, strict=True)
        before = [inner for _, inner in estimator.transformer_list]
        for was, now in zip(before, known, strict=True):
            if not isinstance(was, str):
                adopt(was, now)
        pairs = zip(names, before, known, strict=True)
        estimator.transformer_list[:] = [
            (name, now if isinstance(was, str) else was) for name, was, now in pairs
        ]
    elif isinstance(estimator, Pipeline):
        for (_, inner), (_, known) in zip(estimator.steps, fitted.steps, strict=True):
            if inner is not None and not isinstance(inner, str):
                adopt(inner, known)
    estimator.__dict__ = {**vars(fitted), **params}
