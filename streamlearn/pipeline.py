"""A chain of steps that reads the data once.

scikit-learn's ``Pipeline`` fits its steps one after the other: k steps cost k passes. Here every
block goes through all steps while it is in memory, see `streamlearn.stages`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import wraps
from typing import Any

import numpy as np
from sklearn import pipeline as theirs
from sklearn.base import is_classifier
from sklearn.utils._param_validation import StrOptions
from sklearn.utils._set_output import _get_output_config
from sklearn.utils._user_interface import _print_elapsed_time
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn import stages
from streamlearn.backend import to_numpy
from streamlearn.base import announce, unchanged_on_error
from streamlearn.foreign import Lazily, takes, takes_collections
from streamlearn.labels import discover
from streamlearn.reading import Reader
from streamlearn.stages import Chain, Flow

LEARNING = ("partial_fit", "fit_transform", "fit", "fit_predict")
"""Methods whose arguments a step learns with; at most one is routed to."""


def _asked(name: str) -> Any:
    """Return scikit-learn's method; asked about a collection, steps that are not ours are lazy."""
    theirs_too = vars(theirs.Pipeline)[name]

    @wraps(theirs_too.fn)
    def method(self: Pipeline, X: Any, *args: Any, **params: Any) -> Any:
        if not engine.is_collection(X):
            return theirs_too.fn(self, X, *args, **params)
        check_is_fitted(self)
        steps = [(at, step if _is_lazy(step) else Lazily(step)) for at, step in self.steps]
        return getattr(theirs.Pipeline(steps), name)(X, *args, **params)

    return available_if(theirs_too.check)(method)


def _is_lazy(step: Any) -> bool:
    return step is None or isinstance(step, str) or takes_collections(step)


class Pipeline(theirs.Pipeline):
    """scikit-learn's pipeline, which over a dask collection reads every block exactly once.

    Steps learn while the blocks flow through them: each step has learned from a block before the
    next one sees it, so that the last step learns from the first blocks under young statistics.
    On rows in random order that costs nothing that can be measured (``bench/onepass.py``). No
    transformed block of our own transformers is ever built, in fit or in predict.

    Parameters
    ----------
    steps : list of (str, estimator) tuples
        As scikit-learn's. In one pass a step may be one of streamlearn's estimators, anything with
        ``partial_fit``, anything that has nothing to learn (FunctionTransformer, Normalizer,
        hashing, ``sklearn.frozen.FrozenEstimator``), a pipeline, FeatureUnion or ColumnTransformer
        of such, or "passthrough".
    schedule : {"auto", "one-pass", "per-step"}, default="auto"
        "one-pass" reads the data once; "per-step" is scikit-learn's way exactly, a pass for each
        step. "auto" is "one-pass" for a dask collection and "per-step" for an array in memory.
    transform_input : list of str, default=None
    memory : str or object with the joblib.Memory interface, default=None
        These two need ``schedule="per-step"``.
    verbose : bool, default=False

    Attributes
    ----------
    named_steps : Bunch
    classes_ : array of shape (n_classes,)
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    Notes
    -----
    In one pass transformers learn in the first epoch only; later epochs use their final
    statistics. ``max_iter``, ``tol``, early stopping and ``loss_curve_`` of the last step mean what
    they mean for it alone. A last step that is not ours learns by ``partial_fit``, in one epoch.
    Steps that are not ours are called with whole blocks.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import SGDClassifier
    >>> from streamlearn.pipeline import make_pipeline
    >>> from streamlearn.preprocessing import StandardScaler
    >>> X = da.random.default_rng(0).normal(5, 2, size=(10_000, 3), chunks=(1_000, 3))
    >>> y = X[:, 0] > X[:, 1]
    >>> pipe = make_pipeline(StandardScaler(), SGDClassifier(classes=[False, True], random_state=0))
    >>> pipe.fit(X, y).score(X, y) > 0.99
    True
    """

    _takes_collections = True

    _parameter_constraints: dict = {
        **theirs.Pipeline._parameter_constraints,
        "schedule": [StrOptions({"auto", "one-pass", "per-step"})],
    }

    def __init__(self, steps, *, schedule="auto", transform_input=None, memory=None, verbose=False):
        super().__init__(steps, transform_input=transform_input, memory=memory, verbose=verbose)
        self.schedule = schedule

    def __getitem__(self, ind):
        """Return a step, or the pipeline of a slice of the steps, with this one's schedule."""
        out = super().__getitem__(ind)
        return out.set_params(schedule=self.schedule) if isinstance(ind, slice) else out

    def fit(self, X: Any, y: Any = None, **params: Any) -> Pipeline:
        """Fit all steps: in one pass over a collection, unless ``schedule`` says otherwise.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame
            What the first step takes.
        y : array, Series, dask array or dask Series of shape (n_samples,), optional
        **params : dict of str to object
            ``step__parameter``, as scikit-learn's; what has a value a row is cut to blocks like X.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            In one pass, if a step can neither learn block by block nor do without learning.
        ValueError
            As the steps do.
        """
        if self._in_one_pass(X):
            return self._fit_in_one_pass(X, y, params)
        return super().fit(X, y, **params)

    @available_if(theirs.Pipeline._can_fit_transform)
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit all steps, then transform: two passes over a collection, the second of them lazy."""
        if self._in_one_pass(X):
            return self._fit_in_one_pass(X, y, params).transform(X)
        return super().fit_transform(X, y, **params)

    @available_if(vars(theirs.Pipeline)["fit_predict"].check)
    def fit_predict(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit all steps, then predict: two passes over a collection, the second of them lazy."""
        if self._in_one_pass(X):
            return self._fit_in_one_pass(X, y, params).predict(X)
        return super().fit_predict(X, y, **params)

    def _can_partial_fit(self) -> bool:
        final = self._final_estimator
        return (
            final == "passthrough" or hasattr(final, "partial_fit") or hasattr(final, "transform")
        )

    @available_if(_can_partial_fit)
    def partial_fit(self, X: Any, y: Any = None, classes: Any = None, **params: Any) -> Pipeline:
        """Let all steps learn from more rows, in one pass, whatever ``schedule`` says.

        Parameters
        ----------
        X, y
            As `fit`.
        classes : array of shape (n_classes,), optional
            All labels there will ever be, for a last step that wants them in its first call.
        **params : dict of str to object
            As `fit`.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            As `fit`.
        """
        return self._fit_in_one_pass(X, y, params, further=True, classes=classes)

    def _in_one_pass(self, X: Any) -> bool:
        self._validate_params()
        return self.schedule == "one-pass" or (self.schedule == "auto" and engine.is_collection(X))

    def _fit_in_one_pass(
        self, X: Any, y: Any, params: dict[str, Any], *, further: bool = False, classes: Any = None
    ) -> Pipeline:
        """Fit, or learn further. The steps before the last change when all is done."""
        self._validate_params()
        for name in ("memory", "transform_input"):
            if getattr(self, name) is not None:
                raise ValueError(f'{name} has no effect in one pass; use schedule="per-step".')
        self.steps = list(self.steps)
        self._validate_steps()
        method = "partial_fit" if further and _routing_enabled() else "fit"
        routed = self._check_method_params(method=method, props=params)
        given = {name: _for_learning(routed[name]) for name, step in self.steps if step is not None}
        if classes is not None:
            given[self.steps[-1][0]]["classes"] = classes
        context = self._init_callback_context(max_subtasks=1)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        message = f"(steps 1 to {len(self)}) Processing in one pass" if self.verbose else None
        with _print_elapsed_time("Pipeline", message):
            self._learn(X, y, given, further=further)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def _learn(self, X: Any, y: Any, given: Mapping[str, dict], *, further: bool) -> None:
        (last, final), learner = self.steps[-1], None
        if getattr(final, "_takes_flow", False):
            learner = final
        flow = _flow(self.steps[: None if learner is None else -1], X, y, given, further=further)
        if learner is None:
            if flow is not None:
                stages.fit(flow, y)
        else:
            learn = learner.partial_fit if further else learner.fit
            with unchanged_on_error(learner):
                learn(X if flow is None else flow, y, **given[last])
        if flow is None:
            return
        with unchanged_on_error(final):
            for stage, fitted in zip(
                flow.chain.stages, flow.chain.fitted(flow.states), strict=True
            ):
                stages.adopt(stage.estimator, fitted)
            if learner is not None:
                _name_features(learner, flow)

    def get_metadata_routing(self) -> Any:
        """Return scikit-learn's routing, and that of ``partial_fit``."""
        router = super().get_metadata_routing()
        for _, name, step in self._iter():
            if hasattr(step, "partial_fit"):
                router._route_mappings[name].mapping.add(caller="partial_fit", callee="partial_fit")
        return router

    predict = _asked("predict")
    predict_proba = _asked("predict_proba")
    predict_log_proba = _asked("predict_log_proba")
    decision_function = _asked("decision_function")
    score_samples = _asked("score_samples")
    transform = _asked("transform")
    inverse_transform = _asked("inverse_transform")
    score = _asked("score")


def make_pipeline(
    *steps: Any,
    schedule: str = "auto",
    memory: Any = None,
    transform_input: Any = None,
    verbose: bool = False,
) -> Pipeline:
    """Return a `Pipeline` of ``steps``, named after their types.

    Parameters
    ----------
    *steps : estimators
    schedule, memory, transform_input, verbose
        As `Pipeline`.

    Examples
    --------
    >>> from streamlearn.linear_model import SGDRegressor
    >>> from streamlearn.preprocessing import StandardScaler
    >>> make_pipeline(StandardScaler(), SGDRegressor(), schedule="one-pass")
    Pipeline(schedule='one-pass',
             steps=[('standardscaler', StandardScaler()),
                    ('sgdregressor', SGDRegressor())])
    """
    return Pipeline(
        theirs._name_estimators(steps),
        schedule=schedule,
        memory=memory,
        transform_input=transform_input,
        verbose=verbose,
    )


def _for_learning(routed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a step's learning, under whichever name they were routed."""
    return next((dict(routed[m]) for m in LEARNING if routed.get(m)), {})


def _flow(steps: list, X: Any, y: Any, given: Mapping[str, dict], *, further: bool) -> Flow | None:
    """Return X on its way through ``steps``, or None where they leave it as it is."""
    n_rows = _n_rows(X)
    found: list = []
    params: list[dict] = []
    parts: dict[str, Any] = {}
    for name, step in steps:
        for path, leaf in stages.leaves(name, step):
            inner = path[len(name) :].lstrip("_")
            start = f"{inner}__" if inner else ""
            mine = {
                key[len(start) :]: value
                for key, value in given[name].items()
                if key.startswith(start)
            }
            final = step is steps[-1][1] and not hasattr(leaf, "transform")
            if final:
                mine = _with_classes(leaf, mine, y, further=further)
            found.append(stages.stage_of(path, leaf, mine, final=final))
            params.append({})
            for key, value in mine.items():
                by_row = _is_by_row(key, value, n_rows)
                params[-1][key] = (f"{path}__{key}", None) if by_row else (None, value)
                if by_row:
                    parts[f"{path}__{key}"] = value
    if not found:
        return None
    chain = Chain(tuple(found), tuple(params))
    states = chain.begin() if further else chain.nothing()
    X = X if hasattr(X, "shape") or engine.is_collection(X) else np.asarray(X)
    return Flow(X, chain, states, parts, _reader(found[0], X))


def _reader(first: Any, X: Any) -> Reader:
    """Return how blocks are read for the first stage: as they are, if it is not ours."""
    reader = Reader(type(first.estimator).__name__, None, allow_nan=True)
    if isinstance(first, stages.Mergeable):
        reader = announce(copy.copy(first.estimator), X, reset=True, allow_nan=True)
    return reader._replace(in_memory=not engine.is_collection(X))


def _n_rows(X: Any) -> int | None:
    if not engine.is_collection(X):
        return engine.n_rows(X)
    rows = engine.row_chunks(X)
    return None if None in rows else sum(n for n in rows if n is not None)


def _is_by_row(name: str, value: Any, n_rows: int | None) -> bool:
    """Tell whether an argument has a value a row."""
    if name == "sample_weight" or engine.is_collection(value):
        return value is not None
    listed = hasattr(value, "shape") or isinstance(value, list | tuple)
    return listed and name != "classes" and np.ndim(value) > 0 and engine.n_rows(value) == n_rows


def _with_classes(final: Any, params: dict, y: Any, *, further: bool) -> dict:
    """Return the arguments of a last step that is not ours, with the labels if it wants them."""
    known = "classes" in params or (further and hasattr(final, "classes_"))
    if known or y is None or not is_classifier(final) or not takes(final.partial_fit, "classes"):
        return params
    if further:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    return {**params, "classes": to_numpy(discover(engine.align(y=y)).classes)}


def _name_features(learner: Any, flow: Flow) -> None:
    """Tell the learner the names that a frame will have when it comes out of the stages."""
    names, framed = None, engine.is_frame(flow.X)
    for stage in flow.chain.stages:
        if not hasattr(stage.estimator, "get_feature_names_out"):
            return
        names = stage.estimator.get_feature_names_out(names)
        framed = engine.is_frame(flow.X) or _wants_frame(stage.estimator)
    if framed:
        learner.feature_names_in_ = np.asarray(names, dtype=object)


def _wants_frame(estimator: Any) -> bool:
    return _get_output_config("transform", estimator)["dense"] != "default"
