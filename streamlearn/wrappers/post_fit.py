"""Lazy predictions of an estimator that takes no collections: `ParallelPostFit`."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.metrics import get_scorer_names
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn._arrays import device, is_array, namespace
from streamlearn._estimator.callbacks import CallbackSupportMixin, inside, watched
from streamlearn._estimator.versions import Versioned
from streamlearn._sklearn import (
    METHODS,
    HasMethods,
    StrOptions,
    _estimator_has,
    _is_fitted,
    _routing_enabled,
)
from streamlearn._thirdparty.lazy import ask
from streamlearn._thirdparty.tags import LAZY, is_stateless, takes_collections
from streamlearn.wrappers import scoring

METAS = {
    "predict": "predict_meta",
    "predict_proba": "predict_proba_meta",
    "predict_log_proba": "predict_proba_meta",
    "transform": "transform_meta",
}
"""The parameter for each method that describes its result."""


def _lazy(name: str) -> Any:
    """Return a method that is lazy for a collection, and otherwise the estimator's own."""

    def method(self: ParallelPostFit, X: Any, **params: Any) -> Any:
        inner = self._fitted()
        params = self._routed(name, params)
        if not engine.is_collection(X) or takes_collections(inner):
            return getattr(inner, name)(X, **params)
        meta = getattr(self, METAS[name]) if name in METAS else None
        return ask(inner, name, X, meta=meta, like=vars(self).get("_like"), **params)

    method.__name__ = name
    method.__doc__ = f"""Return what the estimator's ``{name}`` returns for each block of X.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows that the estimator takes.
        **params : dict of str to object
            Further arguments of the method.

        Returns
        -------
        array, dask array, or dask Series or DataFrame
            For rows in memory it is what the estimator returns. For a collection it is lazy. For a
            dask DataFrame it is a frame, or an array if the estimator returns sparse rows.
        """
    return available_if(_estimator_has(name))(method)


class ParallelPostFit(CallbackSupportMixin, MetaEstimatorMixin, Versioned, BaseEstimator):
    """Predict, transform and score lazily, block by block, with any fitted estimator.

    It is for a model that was fitted to rows in memory and predicts for many more rows. Rows in
    memory go directly to the estimator.

    Parameters
    ----------
    estimator : object
        The estimator. It is fitted already, or `fit` fits a copy. It is never changed.
    scoring : str, callable or None, default=None
        What `score` returns: the name of a scorer, a scorer ``(estimator, X, y)``, or None for the
        estimator's own score. `sklearn.metrics.get_scorer_names` lists all names, and each works
        over collections. A callable must work on collections itself. None needs an estimator whose
        own score is accuracy or R2, if X is a collection.
    predict_meta : array, Series or DataFrame, default=None
        What `predict` returns for a collection. Its dtype, dimensions and columns matter, and its
        values do not. None finds it out with a row of ones.
    predict_proba_meta : array, Series or DataFrame, default=None
        The same for `predict_proba` and `predict_log_proba`.
    transform_meta : array, Series or DataFrame, default=None
        The same for `transform`.

    Attributes
    ----------
    estimator_ : object
        The fitted copy of ``estimator``. It exists only after `fit`. Fitted attributes, such as
        ``classes_`` or ``coef_``, can be read on the wrapper as well.

    Notes
    -----
    `fit` passes X to the estimator as it is. An estimator that takes only arrays loads a whole
    collection. `Incremental` learns from it block by block. `sklearn.base.clone` drops the fitted
    attributes, unless ``estimator`` is a `sklearn.frozen.FrozenEstimator`.

    Differences from scikit-learn:

    - scikit-learn has no such class. It is named after the class of dask-ml.
    - Results for a collection are lazy, because they may be larger than memory.
    - For a collection a score that cannot be summed up block by block is an error, because the rows
      may not fit in memory.

    Differences from dask-ml:

    - `fit` leaves ``estimator`` unchanged.
    - Results for a DataFrame are frames with its index.
    - A score that cannot be summed up block by block is an error.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn.linear_model import LinearRegression
    >>> from streamlearn.wrappers import ParallelPostFit
    >>> model = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> X = da.arange(10_000, chunks=1_000, dtype=float)[:, None]
    >>> y = ParallelPostFit(model).predict(X)
    >>> y
    dask.array<..., shape=(10000,), dtype=float64, chunksize=(1000,), chunktype=numpy.ndarray>
    >>> round(float(y[-1].compute()), 6)
    19999.0
    """

    _takes_collections = True

    _callees = {"fit": "fit"}
    """The method of the estimator that gets the arguments of ours, if its name is another one."""

    _parameter_constraints: dict[str, Any] = {
        "estimator": [HasMethods("fit"), HasMethods("predict"), HasMethods("transform")],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None],
        "predict_meta": ["array-like", None],
        "predict_proba_meta": ["array-like", None],
        "transform_meta": ["array-like", None],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        scoring: Any = None,
        predict_meta: Any = None,
        predict_proba_meta: Any = None,
        transform_meta: Any = None,
    ) -> None:
        self.estimator = estimator
        self.scoring = scoring
        self.predict_meta = predict_meta
        self.predict_proba_meta = predict_proba_meta
        self.transform_meta = transform_meta

    @watched
    def fit(self, X: Any, y: Any = None, **params: Any) -> ParallelPostFit:
        """Fit a copy of the estimator.

        Parameters
        ----------
        X : container
            The rows that the estimator takes.
        y : container, default=None
            The targets that the estimator takes.
        **params : dict of str to object
            Further arguments of the estimator's ``fit``.

        Returns
        -------
        self

        Raises
        ------
        Exception
            If the estimator's ``fit`` raises it.
        """
        self._validate_params()
        X, y, params = parts_and_params(X, y, params)
        estimator = self._fresh()
        with inside(self, estimator, X, y):
            estimator.fit(X, y, **self._routed("fit", params))
        self.estimator_, self._like = estimator, kind_of(X)
        return self

    @available_if(_estimator_has("transform"))
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit a copy of the estimator, then transform the same rows.

        Parameters
        ----------
        X : container
            The rows that the estimator takes.
        y : container, default=None
            The targets that the estimator takes.
        **params : dict of str to object
            Further arguments of the estimator's ``fit``.

        Returns
        -------
        array, dask array, or dask DataFrame
            The transformed rows, as `transform` returns them.
        """
        X, y, params = parts_and_params(X, y, params)
        return self.fit(X, y, **params).transform(X)

    predict = _lazy("predict")
    predict_proba = _lazy("predict_proba")
    predict_log_proba = _lazy("predict_log_proba")
    decision_function = _lazy("decision_function")
    score_samples = _lazy("score_samples")
    transform = _lazy("transform")
    inverse_transform = _lazy("inverse_transform")

    def _can_score(self) -> bool:
        return self.scoring is not None or _estimator_has("score")(self)

    @available_if(_can_score)
    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """Return the score that ``scoring`` asks for.

        A collection is read once.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows.
        y : array, Series, dask array or dask Series, default=None
            The true targets.
        **params : dict of str to object
            Further arguments of the scorer, such as ``sample_weight``.

        Returns
        -------
        float
            The score. A greater score is better.

        Raises
        ------
        ValueError, TypeError
            If the score does not work over a collection, or if ``scoring`` is a metric.
        """
        inner = self._fitted()
        X, y, params = parts_and_params(X, y, params)
        scorer = scoring.scorer_of(self.scoring)
        params = self._routed("score", params, of="estimator" if scorer is None else "scorer")
        if engine.is_collection(X):
            return scoring.score_of_collection(self, inner, scorer, X, y, params)
        if scorer is None:
            return inner.score(X, y, **params)
        return scorer(self, X, y, **params)

    @available_if(_estimator_has("get_feature_names_out"))
    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Return the names of the columns that ``transform`` makes.

        Parameters
        ----------
        input_features : array-like of str, default=None
            The names of the columns of X.

        Returns
        -------
        ndarray of str
            The names, in the order of the columns.
        """
        return self._fitted().get_feature_names_out(input_features)

    @available_if(_estimator_has("set_output"))
    def set_output(self, *, transform: Any = None) -> ParallelPostFit:
        """Set the container that ``transform`` makes. ``estimator`` is not changed.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            The container. None leaves the setting as it is.

        Returns
        -------
        self
        """
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
            if _is_fitted(self):
                self.estimator_ = deepcopy(self._inner()).set_output(transform=transform)
        return self

    def _fresh(self) -> Any:
        """Return an unfitted copy of the estimator, with the container of ``set_output``."""
        estimator = clone(self.estimator, safe=False)
        if hasattr(self, "_sklearn_output_config"):
            estimator.set_output(**self._sklearn_output_config)
        return estimator

    def _inner(self) -> Any:
        """Return the estimator that predicts: the fitted copy, or ``estimator`` itself."""
        return vars(self).get("estimator_", vars(self).get("estimator"))

    def _fitted(self) -> Any:
        """Return the estimator that predicts, or raise a NotFittedError."""
        check_is_fitted(self)
        return self._inner()

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there is an estimator that can predict or transform."""
        inner = self._inner()
        if "estimator_" in vars(self) or not hasattr(inner, "__sklearn_tags__"):
            return True
        return is_stateless(inner) or _is_fitted(inner)

    def __getattr__(self, name: str) -> Any:
        """Return a fitted attribute of the estimator that predicts."""
        fitted = name.endswith("_") and not name.startswith("_") and name != "estimator_"
        if fitted and self.__sklearn_is_fitted__():
            return getattr(self._inner(), name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _routed(self, method: str, params: dict[str, Any], of: str = "estimator") -> dict[str, Any]:
        """Return the arguments that ``method`` passes on. None counts as not given."""
        params = {name: value for name, value in params.items() if value is not None}
        if not _routing_enabled() or not params:
            return params
        return process_routing(self, method, **params)[of][self._callees.get(method, method)]

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the routing of metadata to the estimator, and to the scorer if there is one.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            The router.
        """
        router = MetadataRouter(owner=self)
        names = [*self._callees, *(name for name in LAZY if name in METHODS)]
        names += ["score"] if self.scoring is None else []
        mapping = MethodMapping()
        for name in names:
            mapping.add(caller=name, callee=self._callees.get(name, name))
        router.add(estimator=self.estimator, method_mapping=mapping)
        if self.scoring is not None:
            mapping = MethodMapping().add(caller="score", callee="score")
            router.add(scorer=scoring.scorer_of(self.scoring), method_mapping=mapping)
        return router

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        if not hasattr(self.estimator, "__sklearn_tags__"):
            return super().__sklearn_tags__()
        return deepcopy(get_tags(self.estimator))


def parts_and_params(X: Any, y: Any, params: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    """Return X, y and the arguments of ``fit``. If X is a source, its parts are among them."""
    X, y, weight = engine.taken_apart(X, y, params.get("sample_weight"))
    return X, y, params if weight is None else {**params, "sample_weight": weight}


def kind_of(X: Any) -> Any:
    """Return an empty array like X. It is None for NumPy's and for a collection's: dask knows.

    A slice of X would keep the memory of X, and in torch the history of its gradients.
    """
    sparse = hasattr(X, "tocsr")
    known = isinstance(X, np.ndarray) or engine.is_collection(X)
    if known or not (sparse or is_array(X)):
        return None
    if sparse:
        return X.tocsr()[:0]
    return namespace(X).zeros((0, *X.shape[1:]), dtype=X.dtype, device=device(X))
