"""The ways in which a default learner can be given rows: in memory, over blocks, a few a call."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from common import in_blocks

from streamlearn.core.linear.losses import LOSSES, SKLEARN_LOSSES
from streamlearn.core.linear.sgd import Params


class Task(NamedTuple):
    """A loss on the rows of a table, K columns, and the rows of a block."""

    params: Params
    K: int
    seed: int
    block_rows: int


Coefficients = tuple[np.ndarray, np.ndarray]


def sgd(task: Task, module: Any, **settings: Any) -> Any:
    """Return the learner of a package, streamlearn's or scikit-learn's linear_model."""
    kind = "Classifier" if task.params.kind == "classes" else "Regressor"
    settings = {"loss": task.params.loss, "random_state": task.seed, **settings}
    return getattr(module, f"SGD{kind}")(**settings)


def ours(task: Task, **settings: Any) -> Any:
    """Return streamlearn's learner as it comes; blocks cannot say how many classes there are."""
    from streamlearn import linear_model

    known: dict[str, Any] = {}
    if task.params.kind == "classes":
        known = {"classes": range(max(task.K, 2))}
    elif task.params.loss not in SKLEARN_LOSSES:
        known = {LOSSES[task.params.loss].parameter: task.params.epsilon}
    return sgd(task, linear_model, **known, **settings)


def fitted(task: Task, fit: Callable[[], Any], d: int) -> Coefficients:
    """Return a learner's model, or NaN where it has diverged, and said so."""
    try:
        model = fit()
    except ValueError as error:
        if "overflow" not in str(error) and "diverged" not in str(error):
            raise
        return np.full((task.K, d), np.nan), np.full(task.K, np.nan)
    return np.atleast_2d(model.coef_), model.intercept_


def in_memory(
    task: Task, X: np.ndarray, y: np.ndarray, w: np.ndarray | None = None
) -> Coefficients:
    return fitted(
        task, lambda: ours(task, max_iter=1, tol=None).fit(X, y, sample_weight=w), X.shape[1]
    )


def over_blocks(
    task: Task, X: np.ndarray, y: np.ndarray, w: np.ndarray | None = None
) -> Coefficients:
    """One default pass over dask blocks."""
    parts = [None if a is None else in_blocks(a, task.block_rows) for a in (X, y, w)]
    return fitted(task, lambda: ours(task).fit(*parts[:2], sample_weight=parts[2]), X.shape[1])


def per_step(task: Task, X: np.ndarray, y: np.ndarray, w: np.ndarray | None = None) -> Coefficients:
    """One pass for a scaler and one for the learner."""
    from streamlearn.pipeline import Pipeline
    from streamlearn.preprocessing import StandardScaler

    scaler = StandardScaler()
    steps = Pipeline([("scaler", scaler), ("model", ours(task))], schedule="per-step")
    parts = [in_blocks(a, task.block_rows) for a in (X, y)]
    given = None if w is None else in_blocks(w, task.block_rows)
    weights = {f"{step}__sample_weight": given for step in steps.named_steps}
    W, b = fitted(task, lambda: steps.fit(*parts, **weights)[-1], X.shape[1])
    W = W / scaler.scale_
    return W, b - W @ scaler.mean_


def in_calls(
    task: Task,
    X: np.ndarray,
    y: np.ndarray,
    w: np.ndarray | None = None,
    *,
    rows: int,
    model: Any = None,
) -> Coefficients:
    """``partial_fit`` of some rows a call, in order; of streamlearn's learner by default."""
    model = ours(task) if model is None else model

    def fit() -> Any:
        known = {"classes": np.arange(max(task.K, 2))} if task.params.kind == "classes" else {}
        for i in range(0, len(y), rows):
            at = slice(i, i + rows)
            if w is not None and not w[at].any():
                continue  # scikit-learn, and so we, refuse rows of which none has a weight
            model.partial_fit(X[at], y[at], sample_weight=None if w is None else w[at], **known)
        return model

    return fitted(task, fit, X.shape[1])


WAYS: dict[str, Callable[..., Coefficients]] = {
    "in memory": in_memory,
    "over blocks": over_blocks,
    "per step": per_step,
    "1,000 a call": partial(in_calls, rows=1000),
    "100 a call": partial(in_calls, rows=100),
}
