"""Fitting the steps of a pipeline to a collection one after the other.

A step that takes no collection is fitted to all rows in memory. Its results for the collection are
lazy, block by block.
"""

from __future__ import annotations

import copy
import warnings
from functools import partial
from typing import Any

from sklearn.exceptions import DataConversionWarning
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import TargetEncoder

from streamlearn import blocks as engine
from streamlearn import stages
from streamlearn._arrays.plain import plain
from streamlearn._estimator.callbacks import CallbackSupportMixin, watched
from streamlearn._thirdparty.lazy import LazyEstimator, ask
from streamlearn._thirdparty.tags import takes_collections
from streamlearn.pipeline import one_pass
from streamlearn.pipeline.rows_of_fit import of_flow, rows_of_fit

__all__ = ["of_collection"]

Steps = list[tuple[str, Any]]


class OfCollection(CallbackSupportMixin, LazyEstimator):
    """A step that can be fitted to a collection, and whose results for it are lazy.

    Parameters
    ----------
    estimator : object
        The estimator of the step.
    name : str
        The name of the step.
    """

    def __init__(self, estimator: Any, name: Any) -> None:
        super().__init__(estimator)
        self.name = name

    def loads(self) -> bool:
        """Return whether ``fit`` loads all rows, because the step cannot learn block by block."""
        return not all(
            stages.is_ours(inner) or stages.learns_nothing(inner)
            for _, inner in stages.leaves_within(self.name, self.estimator)
        )

    @watched
    def fit(self, X: Any, y: Any = None, **params: Any) -> OfCollection:
        """Fit the step."""
        if self._flows(params):
            one_pass.fit_alone(self.name, self.estimator, X, y)
        else:
            self._load_and_fit(X, y, params)
        return self

    @watched
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit the step, then transform X lazily."""
        if self._flows(params):
            flow = one_pass.fit_alone(self.name, self.estimator, X, y)
            return rows_of_fit(of_flow(flow), partial(ask, self.estimator, "transform"), X)
        rows = self._load_and_fit(X, y, params)
        meta = self.estimator.transform(engine.head(rows, 1))
        return ask(self.estimator, "transform", X, meta=meta)

    @watched
    def fit_predict(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit the step and return its predictions for the rows, in memory."""
        rows, y, params = _in_memory(X, y, params)
        return self.estimator.fit_predict(rows, y, **params)

    def _flows(self, params: dict[str, Any]) -> bool:
        """Return whether the step learns block by block."""
        return not params and not self.loads()

    def _load_and_fit(self, X: Any, y: Any, params: dict[str, Any]) -> Any:
        """Fit the step to all rows in memory, and return them."""
        rows, y, params = _in_memory(X, y, params)
        self.estimator.fit(rows, y, **params)
        return rows

    def get_metadata_routing(self) -> Any:
        """Return the routing of the step."""
        return self.estimator.get_metadata_routing()


def _in_memory(X: Any, y: Any, params: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    """Return the arguments of ``fit`` in memory, after the steps before have transformed them."""
    source, functions = engine.origin(X) if engine.is_collection(X) else (X, ())
    rows, y, *values = map(plain, engine.in_memory(source, y, *params.values()))
    return engine.LazyRows(rows, functions).all(), y, dict(zip(params, values, strict=True))


def of_collection(steps: Steps) -> Steps:
    """Return steps that can be fitted to a collection. Warn of the steps that load it.

    Raises
    ------
    NotImplementedError
        If a step transforms the rows that it is fitted to in another way than other rows.
    """
    out = _of_collection(steps)
    loading = [step for step in _wrapped(out) if step.loads()]
    for step in loading:
        for name, inner in stages.nested(step.name, step.estimator):
            if isinstance(inner, TargetEncoder):
                raise NotImplementedError(
                    f"The step {name!r} (TargetEncoder) encodes the rows that it is fitted to in "
                    "another way than others, which has no lazy form. Use "
                    "streamlearn.preprocessing.TargetEncoder, or give X and y in memory."
                )
    if loading:
        names = ", ".join(f"{s.name!r} ({type(s.estimator).__name__})" for s in loading)
        warnings.warn(
            f"All rows are loaded to fit the steps that take no dask collection: {names}. A step "
            "that has partial_fit needs few blocks in memory at a time in one pass, or in "
            "streamlearn.wrappers.Incremental; a frozen one needs no fit.",
            DataConversionWarning,
            stacklevel=4,
        )
    return out


def _of_collection(steps: Steps, start: str = "") -> Steps:
    out = []
    for name, step in steps:
        now = step
        # Estimators of dask's own packages read collections by themselves.
        if step is None or isinstance(step, str) or takes_collections(step) or _is_dasks(step):
            pass
        elif isinstance(step, Pipeline):
            now = copy.copy(step)
            now.steps = _of_collection(step.steps, f"{start}{name}__")
        else:
            now = OfCollection(step, f"{start}{name}")
        out.append((name, now))
    return out


def _is_dasks(step: Any) -> bool:
    return "dask" in type(step).__module__


def _wrapped(steps: Steps) -> list[OfCollection]:
    found: list[OfCollection] = []
    for _, step in steps:
        if isinstance(step, OfCollection):
            found.append(step)
        elif isinstance(step, Pipeline):
            found += _wrapped(step.steps)
    return found


def unwrapped(before: Steps, fitted: Steps) -> Steps:
    """Return the fitted steps without the wrappers of `of_collection`."""
    out = []
    for (name, was), (_, now) in zip(before, fitted, strict=True):
        if isinstance(now, OfCollection):
            now = now.estimator
        elif isinstance(now, Pipeline) and now is not was:
            was.steps = unwrapped(was.steps, now.steps)
            now = was
        out.append((name, now))
    return out
