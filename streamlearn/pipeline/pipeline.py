"""Pipelines whose steps learn in one pass over the data.

scikit-learn's ``Pipeline`` fits its steps one after the other, so k steps cost k passes. Here every
block goes through all steps while it is in memory, see `streamlearn.stages`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from typing import Any

from sklearn import pipeline as theirs
from sklearn.pipeline import make_pipeline as named_by_type
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn import stages
from streamlearn._arrays.plain import plain
from streamlearn._estimator.callbacks import watched, watchers
from streamlearn._estimator.inputs import unchanged_on_error
from streamlearn._estimator.versions import Versioned
from streamlearn._sklearn import (
    StrOptions,
    _print_elapsed_time,
    add_route,
    check_steps,
)
from streamlearn._thirdparty.tags import takes_collections, takes_several_passes
from streamlearn._training.epochs import Progress, Publish
from streamlearn._validation.missing import frame_of
from streamlearn.pipeline import one_pass, per_step
from streamlearn.pipeline.in_slices import in_slices
from streamlearn.pipeline.inputs import taken_apart, takes_documents
from streamlearn.pipeline.lazy_steps import lazily
from streamlearn.pipeline.rows_of_fit import of_flow, rows_of_fit
from streamlearn.pipeline.shared_steps import SharedSteps


def _asked(name: str) -> Any:
    """Return scikit-learn's method, with lazy steps if X is a collection."""
    theirs_too = vars(theirs.Pipeline)[name]

    @wraps(theirs_too.fn)
    def method(self: Pipeline, X: Any, *args: Any, **params: Any) -> Any:
        if name == "score" and not args:
            X, y = taken_apart(self, X, params.pop("y", None))
            args = (y,)
        if engine.is_bag(X) and takes_documents(self):
            X = engine.from_bag(X)
        if not engine.is_collection(X):
            ask = partial(theirs_too.fn, self)
            if args or params:
                return ask(frame_of(self, X), *args, **params)
            return in_slices(self, name, ask, frame_of(self, X))
        check_is_fitted(self)
        return getattr(lazily(theirs.Pipeline(self.steps)), name)(X, *args, **params)

    return available_if(theirs_too.check)(method)


class Pipeline(Versioned, theirs.Pipeline):
    """Pipeline that reads every block of a dask collection exactly once.

    It is a subclass of scikit-learn's `~sklearn.pipeline.Pipeline`. Over a dask collection the
    steps learn while the blocks flow through them. Each step has learned from a block before the
    next step sees it. So the last step learns from the first blocks with statistics of few rows. If
    rows are in random order, that costs nothing that can be measured. If rows are sorted or drift,
    shuffle the blocks, as the learners do by default (``bench/onepass.py``).

    Over a collection no transformed block of streamlearn's own transformers is ever built, in fit
    or in predict. The exceptions are steps that take whole blocks: steps of other
    libraries, FeatureUnion and ColumnTransformer.

    Parameters
    ----------
    steps : list of (str, estimator) tuples
        The names of the steps and the estimators, as in scikit-learn. In one pass a step may be one
        of these:

        - one of streamlearn's estimators, or anything with ``partial_fit``;
        - anything that learns nothing from rows: FunctionTransformer, PolynomialFeatures, hashing,
          encoders with given categories, ``sklearn.frozen.FrozenEstimator``;
        - a pipeline, FeatureUnion or ColumnTransformer of such steps;
        - "passthrough".
    schedule : {"auto", "one-pass", "per-step"}, default="auto"
        How often the data are read.

        - "one-pass" reads the data once. It also holds for pipelines inside, whatever their
          ``schedule`` is.
        - "per-step" is scikit-learn's way, one pass for each step. A step that takes no dask
          collection is then fitted to all rows in memory, with a warning, and its results are lazy.
        - "auto" is "one-pass" for a dask collection, and "per-step" for an array in memory and
          before `KMeans`, which passes over the rows several times.
    transform_input : list of str, default=None
        The arguments of `fit` that are transformed by the steps, as in scikit-learn. It needs
        ``schedule="per-step"``.
    memory : str or object with the joblib.Memory interface, default=None
        Where fitted transformers are cached, as in scikit-learn. It needs ``schedule="per-step"``.
    verbose : bool, default=False
        Whether to print how long each step takes, or how long the one pass takes.

    Attributes
    ----------
    named_steps : Bunch
        The steps by their names.
    classes_ : array of shape (n_classes,)
        The labels of the last step, if it is a classifier.
    n_features_in_ : int
        The number of features that the first step has seen.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features that the first step has seen. It exists only if that step has it.

    Notes
    -----
    In one pass ``max_iter``, ``tol``, early stopping and ``loss_curve_`` of the last step have the
    same meaning as without a pipeline. A last step of another library learns by ``partial_fit``, in
    one epoch, and so does what `Incremental` holds. Steps of other libraries are called with whole
    blocks.

    Differences from scikit-learn:

    - The parameter ``schedule`` is an addition, because k steps would cost k passes over a
      collection.
    - In one pass a step learns from the first blocks with the statistics that the steps before have
      by then, because every block is read once. In scikit-learn it sees their final statistics.
    - In one pass transformers learn only in the first epoch. Later epochs use their final
      statistics.
    - In one pass ``memory`` and ``transform_input`` are an error, because they have no effect.
    - The method `partial_fit` is an addition.
    - Predictions and transformed rows of a collection are lazy, also if a step is of another
      library.
    - If all steps are streamlearn's, predictions for an array in memory, or for a mapped file, are
      made slice by slice. So no transformed copy of all rows is built. In scikit-learn it is.

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

    steps: list[Any]

    _parameter_constraints: dict[str, Any] = {
        **theirs.Pipeline._parameter_constraints,
        "schedule": [StrOptions({"auto", "one-pass", "per-step"})],
    }

    def __init__(
        self,
        steps: Any,
        *,
        schedule: Any = "auto",
        transform_input: Any = None,
        memory: Any = None,
        verbose: Any = False,
    ) -> None:
        super().__init__(steps, transform_input=transform_input, memory=memory, verbose=verbose)
        self.schedule = schedule

    def __getitem__(self, ind: Any) -> Any:
        """Return a step, or a pipeline of a slice of the steps with the same ``schedule``."""
        out = super().__getitem__(ind)
        return out.set_params(schedule=self.schedule) if isinstance(ind, slice) else out

    def fit(self, X: Any, y: Any = None, **params: Any) -> Pipeline:
        """Fit all steps, in one pass if ``schedule`` asks for it.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame
            The rows that the first step takes.
        y : array, Series, dask array or dask Series of shape (n_samples,), default=None
            The targets.
        **params : dict of str to object
            Arguments of the steps as ``step__parameter``, as in scikit-learn. Arguments with one
            value for each row are cut to blocks like X.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            In one pass, if a step has to learn from rows and cannot learn block by block.
        NotImplementedError
            If a step does not work over a collection.
        ValueError
            If a step raises it.
        """
        X, y = taken_apart(self, X, y)
        if self._in_one_pass(X):
            self._fit_in_one_pass(X, y, params)
            return self
        return self._fit_per_step("fit", X, y, params)

    def _fit_per_step(self, method: str, X: Any, y: Any, params: dict[str, Any]) -> Any:
        """Fit one step after the other. For a collection steps are wrapped so that they take it."""
        pipe = copy.copy(self)
        if engine.is_collection(X):
            X, y = plain(X), plain(y)
            pipe.steps = per_step.of_collection(self.steps)
        else:
            X = frame_of(self, X)
        # scikit-learn calls callbacks, and this one lets ours see the passes of the steps.
        with _unchanged_on_error(self), engine.watching(*watchers(self)):
            out = getattr(super(Pipeline, pipe), method)(X, y, **params)
            self.steps = per_step.unwrapped(self.steps, pipe.steps)
        return self if out is pipe else out

    @available_if(vars(theirs.Pipeline)["fit_transform"].check)
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit all steps, then transform the same rows.

        In one pass a collection is read twice, and the second read is lazy.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame
            The rows that the first step takes.
        y : array, Series, dask array or dask Series of shape (n_samples,), default=None
            The targets.
        **params : dict of str to object
            Arguments of the steps, see `fit`.

        Returns
        -------
        array, DataFrame, dask array or dask DataFrame
            The rows, transformed by the last step.

        Raises
        ------
        TypeError, NotImplementedError, ValueError
            If `fit` would raise them.
        """
        X, y = taken_apart(self, X, y)
        if self._in_one_pass(X):
            return self._fit_and_ask("transform", X, y, params)
        return self._fit_per_step("fit_transform", X, y, params)

    @available_if(vars(theirs.Pipeline)["fit_predict"].check)
    def fit_predict(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit all steps, then predict for the same rows.

        In one pass a collection is read twice, and the second read is lazy.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame
            The rows that the first step takes.
        y : array, Series, dask array or dask Series of shape (n_samples,), default=None
            The targets.
        **params : dict of str to object
            Arguments of the steps, see `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples,)
            The predictions of the last step.

        Raises
        ------
        TypeError, NotImplementedError, ValueError
            If `fit` would raise them.
        """
        X, y = taken_apart(self, X, y)
        if self._in_one_pass(X):
            return self._fit_and_ask("predict", X, y, params)
        return self._fit_per_step("fit_predict", X, y, params)

    def _can_partial_fit(self) -> bool:
        *_, final = (None, *(step for _, step in stages.leaves("", self)))
        return final is None or hasattr(final, "partial_fit") or hasattr(final, "transform")

    @available_if(_can_partial_fit)
    def partial_fit(self, X: Any, y: Any = None, classes: Any = None, **params: Any) -> Pipeline:
        """Let all steps learn from more rows, in one pass with any ``schedule``.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame
            The rows that the first step takes.
        y : array, Series, dask array or dask Series of shape (n_samples,), default=None
            The targets.
        classes : array of shape (n_classes,), default=None
            All labels that will ever occur, for a last step that needs them in its first call.
        **params : dict of str to object
            Arguments of the steps, see `fit`.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If `fit` would raise them in one pass.
        """
        X, y = taken_apart(self, X, y)
        self._fit_in_one_pass(X, y, params, further=True, classes=classes)
        return self

    def _in_one_pass(self, X: Any) -> bool:
        self._validate_params()
        if self.schedule != "auto":
            return bool(self.schedule == "one-pass")
        *_, final = (None, *(step for _, step in stages.leaves("", self)))
        return engine.is_collection(X) and not takes_several_passes(final)

    @watched
    def _fit_in_one_pass(
        self,
        X: Any,
        y: Any,
        params: dict[str, Any],
        *,
        further: bool = False,
        classes: Any = None,
        shared: SharedSteps | None = None,
    ) -> stages.Flow | None:
        """Fit, or learn ``further``, in one pass. Return the flow of the rows through the steps.

        ``shared`` are the first steps, if other pipelines have them too.
        """
        self._validate_params()
        check_steps(self)
        for path, pipe in stages.nested("", self):
            for name in ("memory", "transform_input"):
                if isinstance(pipe, theirs.Pipeline) and getattr(pipe, name) is not None:
                    of = f" of the step {path!r}" if path else ""
                    raise ValueError(
                        f'{name}{of} has no effect in one pass; use fit with schedule="per-step".'
                    )
        leaves = list(one_pass.leaves_of(self, "", params, further=further))
        if classes is not None and leaves:
            leaves[-1].params["classes"] = classes
        message = f"(steps 1 to {len(self)}) Processing in one pass" if self.verbose else None
        with _print_elapsed_time("Pipeline", message), _unchanged_on_error(self):
            flow = one_pass.fit_steps(
                leaves, X, y, further=further, verbose=self.verbose, shared=shared
            )
        return flow

    def _attributes_by_steps(self, publish: Publish, progress: Progress) -> dict[str, Any] | None:
        """Return the steps as they are while the last one learns, or None before it has learned."""
        return one_pass.attributes_by_steps(self, publish, progress)

    def _fit_and_ask(self, method: str, X: Any, y: Any, params: dict[str, Any]) -> Any:
        """Fit in one pass, then call a method of the last step for the same rows."""
        flow = self._fit_in_one_pass(X, y, params)
        if flow is None or not flow.chain.cross_fits:
            return getattr(self, method)(X)
        steps = [(path, lazily(step)) for path, step in stages.leaves("", self)]
        n_stages = len(flow.chain.stages)
        if method == "predict" and n_stages == len(steps):
            flow, n_stages = flow.without_last(), n_stages - 1  # the last is of another library
        before, after = theirs.Pipeline(steps[:n_stages]), theirs.Pipeline(steps[n_stages:])
        rows = rows_of_fit(of_flow(flow), before.transform, X)
        return getattr(after, method)(rows) if after.steps else rows

    def get_metadata_routing(self) -> Any:
        """Return the metadata routing of scikit-learn, and that of ``partial_fit``.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            The router.
        """
        router = super().get_metadata_routing()
        for name, step in self.steps:
            if hasattr(step, "partial_fit"):
                add_route(router, name, "partial_fit")
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
    """Return a `Pipeline` of ``steps``, which are named after their types.

    Parameters
    ----------
    *steps : estimators
        The steps in their order.
    schedule : {"auto", "one-pass", "per-step"}, default="auto"
        How often the data are read, see `Pipeline`.
    memory : str or object with the joblib.Memory interface, default=None
        Where fitted transformers are cached. It needs ``schedule="per-step"``.
    transform_input : list of str, default=None
        The arguments of ``fit`` that the steps transform. It needs ``schedule="per-step"``.
    verbose : bool, default=False
        Whether to print how long each step takes.

    Returns
    -------
    Pipeline

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
        named_by_type(*steps).steps,
        schedule=schedule,
        memory=memory,
        transform_input=transform_input,
        verbose=verbose,
    )


@contextmanager
def _unchanged_on_error(pipe: Pipeline) -> Iterator[None]:
    """Restore a pipeline and all estimators in it if the body raises."""
    with ExitStack() as guards:
        for _, step in stages.nested("", pipe):
            guards.enter_context(unchanged_on_error(step))
            # A FeatureUnion changes its list in place, and a warm start the fitted attributes.
            if isinstance(step, theirs.FeatureUnion):
                step.transformer_list = list(step.transformer_list)
            elif getattr(step, "warm_start", False) and not takes_collections(step):
                step.__dict__ = vars(copy.deepcopy(step))
        yield
