"""Functions that turn the steps of a pipeline into stages, and stages into fitted steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import has_fit_parameter

from streamlearn._thirdparty.tags import takes_several_passes
from streamlearn.stages.behind_fills import behind_fills
from streamlearn.stages.branches import Branches, branches_of, is_branched, leaves, leaves_within
from streamlearn.stages.chain import Chain
from streamlearn.stages.of_columns import of_branches
from streamlearn.stages.of_table import OfTable
from streamlearn.stages.rowless import learns_in_blocks, learns_nothing
from streamlearn.stages.stage import Foreign, Mergeable, Prefitted, Stateless

OURS = {
    "impute": ("MissingIndicator", "SimpleImputer"),
    "preprocessing": (
        "KBinsDiscretizer",
        "OneHotEncoder",
        "OrdinalEncoder",
        "PowerTransformer",
        "QuantileTransformer",
        "RobustScaler",
        "SplineTransformer",
        "TargetEncoder",
    ),
}
"""Our transformers that learn from blocks, by module.

scikit-learn's transformers with the same names cannot.
"""


def is_ours(step: Any) -> bool:
    """Return whether a step is one of our transformers that learn from blocks."""
    ours = ("_learner_of_rows", "_table_statistic", "_known_beforehand")
    return any(hasattr(step, name) for name in ours)


PER_STEP = 'Or use fit with schedule="per-step", which loads all rows to fit such a step.'


def learn_in_blocks_or_raise(steps: list[tuple[str, Any]], or_else: str = PER_STEP) -> None:
    """Check that all steps, and all estimators inside them, learn block by block or learn nothing.

    ``or_else`` is the end of the message.

    Raises
    ------
    TypeError
        If some do not. The message names them.
    """
    final = None if not steps or hasattr(steps[-1][1], "transform") else steps[-1][1]
    unable = [
        (name, step)
        for at, outer in steps
        for name, step in leaves_within(at, outer)
        if not (learns_in_blocks(step) or is_ours(step))
        and (step is final or not learns_nothing(step))
    ]
    if not unable:
        return
    named = [f"{name!r} ({type(step).__name__})" for name, step in unable]
    if all(takes_several_passes(step) for _, step in unable):
        raise TypeError(
            f"The step {', '.join(named)} cannot learn in one pass: it passes over the rows "
            'several times. Use schedule="per-step" or "auto", and fit.'
        )
    remedies = []
    for module, kinds in OURS.items():
        names = sorted({type(step).__name__ for _, step in unable} & set(kinds))
        if names:
            remedies.append(f"streamlearn.{module} has {' and '.join(names)} that can.")
    if not remedies and any(step is not final for _, step in unable):
        name, kind = unable[0][0].rpartition("__")[2], type(unable[0][1]).__name__
        remedies.append(
            "For a transformer use one that has it (IncrementalPCA for PCA), or fit it to some "
            f"rows beforehand and freeze it: ({name!r}, sklearn.frozen.FrozenEstimator({kind}(...)"
            ".fit(some_rows)))."
        )
    if unable[-1][1] is final:
        remedies.append("For the last step use an estimator that has it.")
    one = len(unable) == 1
    raise TypeError(
        f"The step{'' if one else 's'} {', '.join(named)} cannot learn in one pass, block by "
        f"block: {'it has' if one else 'they have'} no partial_fit. {' '.join(remedies)} {or_else}"
    )


def stage_of(
    name: str, estimator: Any, params: Mapping[str, Any], known: Mapping[int, Prefitted] = {}
) -> Mergeable | OfTable | Foreign | Stateless | Branches:
    """Return the stage of a step that learns block by block or learns nothing.

    Parameters
    ----------
    name : str
        The name of the step.
    estimator : object
    params : dict
        Its fit arguments.
    known : dict of int to Prefitted
        The stages of transformers that are fitted beforehand, by the ``id`` of the estimator.

    Returns
    -------
    stage

    Raises
    ------
    TypeError
        If the step does not take one of the fit arguments.
    NotImplementedError
        If the step is a FeatureUnion or ColumnTransformer and has fit arguments.
    """
    if id(estimator) in known:
        return known[id(estimator)]
    if isinstance(estimator, FrozenEstimator):  # it has the attributes of its inner estimator
        return Stateless(estimator)
    if hasattr(estimator, "_learner_of_rows"):
        taken = {"sample_weight"} if has_fit_parameter(estimator, "sample_weight") else set()
        if unknown := sorted(set(params) - taken):
            raise TypeError(f"The step {name!r} takes no {unknown}.")
        return Mergeable(estimator, estimator._learner_of_rows(bool(params)), bool(params))
    if hasattr(estimator, "_table_statistic"):
        if params:
            raise TypeError(f"The step {name!r} takes no {sorted(params)}.")
        return OfTable(estimator, estimator._table_statistic())
    if is_branched(estimator):
        if params:
            raise NotImplementedError(
                f"The step {name!r} ({type(estimator).__name__}) takes no {sorted(params)} in one "
                'pass. Use fit with schedule="per-step".'
            )
        return of_branches(
            estimator,
            {
                inner: chain_of(f"{name}__{inner}", branch, known)
                for inner, branch in branches_of(estimator)
            },
        )
    return Foreign(estimator) if learns_in_blocks(estimator) else Stateless(estimator)


def chain_of(name: str, estimator: Any, known: Mapping[int, Prefitted] = {}) -> Chain:
    """Return the chain of a transformer, or of a pipeline of transformers."""
    stages = behind_fills([stage_of(at, leaf, {}, known) for at, leaf in leaves(name, estimator)])
    return Chain(stages, ({},) * len(stages))


def set_features(estimator: Any, n_features: int, names: Any) -> None:
    """Give ``estimator`` the features that it has seen, and their names unless these are None."""
    estimator.n_features_in_ = n_features
    if names is None:
        estimator.__dict__.pop("feature_names_in_", None)
    else:
        estimator.feature_names_in_ = np.asarray(names, dtype=object)


def adopt(estimator: Any, fitted: Any) -> None:
    """Give ``estimator`` the fitted attributes of a copy, as if it had been fitted itself.

    It keeps the callbacks that a pipeline around it has set for its fit.
    """
    callbacks = {name: value for name, value in vars(estimator).items() if "callback" in name}
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
    estimator.__dict__ = {**vars(fitted), **params, **callbacks}
