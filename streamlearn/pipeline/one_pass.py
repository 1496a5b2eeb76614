"""Fitting the steps of a pipeline in one pass over the rows."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn import pipeline as theirs
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import column_or_1d

from streamlearn import blocks as engine
from streamlearn import stages
from streamlearn._arrays.plain import plain, rows_or_raise
from streamlearn._estimator.inputs import check_declared
from streamlearn._sklearn import _routing_enabled, routed_to_steps
from streamlearn._thirdparty.partial_fit import with_classes
from streamlearn._thirdparty.tags import is_by_row, labels_at_hand, rows_known
from streamlearn._training import transformers
from streamlearn._training.epochs import Progress, Publish
from streamlearn._validation.reader import Reader
from streamlearn.pipeline.scout import Leaf, Scout, prefit_steps
from streamlearn.pipeline.shared_steps import SharedSteps
from streamlearn.stages import Chain, Flow
from streamlearn.wrappers import Incremental

LEARNING = ("partial_fit", "fit_transform", "fit", "fit_predict")
"""Methods that a step may learn with. Arguments are routed to at most one of them."""


def leaves_of(
    pipe: theirs.Pipeline, start: str, params: Mapping[str, Any], *, further: bool
) -> Iterator[Leaf]:
    """Return the steps of a pipeline in their order, with those of pipelines inside it."""
    further = further and _routing_enabled() and hasattr(pipe, "partial_fit")
    method = "partial_fit" if further else "fit"
    routed = routed_to_steps(pipe, method, params)
    for name, step in pipe.steps:
        if step is None or isinstance(step, str):
            continue
        given = next((dict(routed[name][m]) for m in LEARNING if routed[name].get(m)), {})
        if isinstance(step, theirs.Pipeline):
            yield from leaves_of(step, f"{start}{name}__", given, further=further)
        else:
            yield Leaf(f"{start}{name}", step, given)


def fit_steps(
    leaves: list[Leaf],
    X: Any,
    y: Any,
    *,
    further: bool,
    exact: bool = False,
    verbose: bool = False,
    shared: SharedSteps | None = None,
) -> Flow | None:
    """Let all steps learn. The steps before the last change only when all steps have learned.

    If ``exact``, a step is fitted beforehand if a later step of its branch learns. ``shared`` are
    the first steps, if other pipelines have them too. The result is the flow of the rows through
    the transformers, or None if there are no transformers.
    """
    learner = None
    if leaves and isinstance(leaves[-1].estimator, FrozenEstimator):
        leaves = leaves[:-1]
    if leaves and hasattr(type(leaves[-1].estimator), "_takes_flow"):
        *leaves, (_, learner, given) = leaves
    flow = None
    if leaves:
        X, y = plain(X), plain(y)
        for name, a in (("X", X), ("y", y)):
            rows_or_raise(a, name)
            if engine.is_collection(a):
                engine.check_kind(name, a)
        X, y = (a if a is None or hasattr(a, "shape") else np.asarray(a) for a in (X, y))
        stages.learn_in_blocks_or_raise([(leaf.path, leaf.estimator) for leaf in leaves])
        scout = Scout(y, partial(fit_alone, ""), further, exact)
        if shared is not None:
            scout.fitted = shared.of([leaf.estimator for leaf in leaves])
        known = prefit_steps(leaves, X, scout, verbose=verbose)
        flow = _flow(leaves, X, y, known, further=further)
        if further and learner is not None:
            learned_from = getattr(learner, "n_features_in_", None)
            flow.chain = replace(flow.chain, n_columns=learned_from)
        if shared is not None:
            flow.chain = shared.chain(flow.chain)
        if learner is not None and isinstance(y, np.ndarray) and y.shape[1:] in ((), (1,)):
            y = column_or_1d(y, warn=True)
    if learner is not None:
        learns = learner.partial_fit if further else learner.fit
        learns(X if flow is None else flow, y, **given)
    elif flow is not None:
        transformers.fit(flow, y)
    if flow is not None:
        fitted = flow.chain.fitted(flow.states)
        for stage, known in zip(flow.chain.stages, fitted, strict=True):
            stages.adopt(stage.estimator, known)
    return flow


def fit_alone(name: str, estimator: Any, X: Any, y: Any) -> Flow | None:
    """Fit a transformer that no learner follows, with the statistics of all rows."""
    return fit_steps([Leaf(name, estimator, {})], X, y, further=False, exact=True)


def attributes_by_steps(
    pipe: theirs.Pipeline, publish: Publish, progress: Progress
) -> dict[str, Any] | None:
    """Return the steps as they are while the last one learns, or None before it has learned."""
    attributes = publish.attributes(progress)
    if attributes is None:
        return None
    learner = copy.copy(publish.estimator)
    vars(learner).update(attributes)
    fitted = {id(publish.estimator): learner}
    if publish.flow is not None:
        chain = publish.flow.chain
        known = chain.fitted(progress.learned.ahead)
        stages_of = (id(stage.estimator) for stage in chain.stages)
        fitted |= dict(zip(stages_of, known, strict=True))
    return {"steps": _steps_with(pipe, fitted)}


def _steps_with(pipe: theirs.Pipeline, fitted: dict[int, Any]) -> list[tuple[str, Any]]:
    """Return the steps of a pipeline with the fitted copies, which are given by ``id``."""
    steps = []
    for name, step in pipe.steps:
        now = fitted.get(id(step), step)
        if isinstance(step, theirs.Pipeline):
            now = copy.copy(step)
            now.steps = _steps_with(step, fitted)
        steps.append((name, now))
    return steps


def _flow(
    leaves: list[Leaf], X: Any, y: Any, known: dict[int, stages.Prefitted], *, further: bool
) -> Flow:
    """Return the flow of X through the stages of steps."""
    n_rows = rows_known(X)
    found: list[Any] = []
    arguments: list[dict[str, Any]] = []
    parts: dict[str, Any] = {}
    for path, step, given in leaves:
        if isinstance(step, Incremental) and step.max_iter > 1 and not further:
            raise ValueError(
                f"The step {path!r} has max_iter={step.max_iter}, and in one pass Incremental "
                'learns in one epoch. Use max_iter=1, or schedule="per-step".'
            )
        params = {
            name: labels_at_hand(name, value) for name, value in given.items() if value is not None
        }
        final = step is leaves[-1].estimator and not hasattr(step, "transform")
        found.append(stages.stage_of(path, step, params, known))
        if final:
            params = with_classes(step, params, y, further=further)
        arguments.append({})
        for key, value in params.items():
            by_row = is_by_row(key, value, n_rows)
            arguments[-1][key] = (f"{path}__{key}", None) if by_row else (None, value)
            if by_row:
                parts[f"{path}__{key}"] = value
    chain = Chain(stages.behind_fills(found), tuple(arguments))
    states = chain.begin() if further else chain.before_any_block()
    return Flow(X, chain, states, parts, _reader(found[0], X, reset=states[0] is None))


def _reader(first: Any, X: Any, *, reset: bool) -> Reader:
    """Return the reader of blocks for the first stage. One of another library gets raw blocks."""
    if isinstance(first, stages.Mergeable):
        return check_declared(copy.copy(first.estimator), X, reset=reset, allow_nan=True)
    return Reader(type(first.estimator).__name__, None, allow_nan=True)
