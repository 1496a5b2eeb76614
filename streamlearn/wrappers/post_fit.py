"""Lazy answers of an estimator that knows nothing of collections."""

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
from streamlearn._arrays import is_array
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
"""The parameters that say what a method's answer looks like."""


def _lazy(name: str) -> Any:
    """Return a method: lazy for a collection, the estimator's own for the rest."""

    def method(self: ParallelPostFit, X: Any, **params: Any) -> Any:
        check_is_fitted(self)
        params = self._routed(name, params)
        inner = self._inner()
        if not engine.is_collection(X) or takes_collections(inner):
            return getattr(inner, name)(X, **params)
        meta = getattr(self, METAS[name]) if name in METAS else None
        return ask(inner, name, X, meta=meta, like=vars(self).get("_like"), **params)

    method.__name__ = name
    method.__doc__ = f"""Return what the estimator's ``{name}`` makes of each block of X.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        **params : dict of str to object
            Further arguments of the method.

        Returns
        -------
        array, dask array, or dask Series or DataFrame
            Lazy for dask, a frame for a frame but where its rows become sparse ones, which are an
            array's; of rows in memory what the estimator returns.
        """
    return available_if(_estimator_has(name))(method)


class ParallelPostFit(MetaEstimatorMixin, Versioned, BaseEstimator):
    """Predict, transform and score lazily, block by block, with any fitted estimator.

    For a model that was fitted on rows that fit in memory and is wanted for many more. What is in
    memory goes straight through to the estimator.

    Parameters
    ----------
    estimator : object
        Fitted, or to be fitted with ``fit``. It is never changed.
    scoring : str, callable or None, default=None
        What ``score`` returns: the name of a scorer, a scorer ``(estimator, X, y)``, or the
        estimator's own score. Of a collection: accuracy or R2 where those are the estimator's own,
        "accuracy", "neg_log_loss", "neg_mean_squared_error", "neg_mean_absolute_error", "r2", or a
        callable that works on collections.
    predict_meta, predict_proba_meta, transform_meta : array, Series, DataFrame, default=None
        What comes out for a collection: its dtype, dimensions and columns count. Without them it is
        found out by asking about a row of ones. That of ``predict_proba`` is for
        ``predict_log_proba`` too.

    Attributes
    ----------
    estimator_ : object
        The fitted copy of ``estimator``, after ``fit`` only. Fitted attributes, such as
        ``classes_`` or ``coef_``, can be read on the wrapper as well.

    Notes
    -----
    Other than with dask-ml's, ``fit`` leaves ``estimator`` alone, answers about a DataFrame are
    frames with its index, and a score that cannot be summed up block by block is an error.

    ``fit`` hands X over as it is: an estimator that knows only arrays loads a collection whole. To
    learn from one, see `Incremental`. `sklearn.base.clone` forgets what was fitted, unless
    ``estimator`` is a `sklearn.frozen.FrozenEstimator`.

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
    """Which method of the estimator gets the arguments of which of ours, where not its own name."""

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

    def fit(self, X: Any, y: Any = None, **params: Any) -> ParallelPostFit:
        """Fit a copy of the estimator.

        Parameters
        ----------
        X, y : containers
            What the estimator takes.
        **params : dict of str to object
            Further arguments of its ``fit``.

        Returns
        -------
        self
        """
        self._validate_params()
        estimator = self._fresh()
        estimator.fit(X, y, **self._routed("fit", params))
        self.estimator_, self._like = estimator, kind_of(X)
        return self

    @available_if(_estimator_has("transform"))
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit, then transform the same rows: lazily, if they are in a collection."""
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
        """Return the score that ``scoring`` says, of a collection in one pass.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        y : array, Series, dask array or dask Series, optional
        **params : dict of str to object
            Further arguments of the scorer, such as ``sample_weight``.

        Raises
        ------
        ValueError, TypeError
            If the score has no form for a collection, or ``scoring`` is a metric.
        """
        check_is_fitted(self)
        scorer, inner = scoring.scorer_of(self.scoring), self._inner()
        params = self._routed("score", params, of="estimator" if scorer is None else "scorer")
        if engine.is_collection(X):
            return scoring.of_collection(self, inner, scorer, X, y, params)
        if scorer is None:
            return inner.score(X, y, **params)
        return scorer(self, X, y, **params)

    @available_if(_estimator_has("get_feature_names_out"))
    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Return the names of what ``transform`` makes."""
        check_is_fitted(self)
        return self._inner().get_feature_names_out(input_features)

    @available_if(_estimator_has("set_output"))
    def set_output(self, *, transform: Any = None) -> ParallelPostFit:
        """Say what ``transform`` makes; the estimator that was given is not changed.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None
        """
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
            if _is_fitted(self):
                self.estimator_ = deepcopy(self._inner()).set_output(transform=transform)
        return self

    def _fresh(self) -> Any:
        """Return an unfitted copy of the estimator, with the output that was asked for."""
        estimator = clone(self.estimator, safe=False)
        if hasattr(self, "_sklearn_output_config"):
            estimator.set_output(**self._sklearn_output_config)
        return estimator

    def _inner(self) -> Any:
        """Return the estimator that answers: the fitted copy, or the one that was given."""
        return vars(self).get("estimator_", vars(self).get("estimator"))

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether there is something that can answer."""
        inner = self._inner()
        if "estimator_" in vars(self) or not hasattr(inner, "__sklearn_tags__"):
            return True
        return is_stateless(inner) or _is_fitted(inner)

    def __getattr__(self, name: str) -> Any:
        """Return a fitted attribute of the estimator that answers."""
        fitted = name.endswith("_") and not name.startswith("_") and name != "estimator_"
        if fitted and self.__sklearn_is_fitted__():
            return getattr(self._inner(), name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _routed(self, method: str, params: dict[str, Any], of: str = "estimator") -> dict[str, Any]:
        """Return the arguments that ``method`` hands on; None counts as not given."""
        params = {name: value for name, value in params.items() if value is not None}
        if not _routing_enabled() or not params:
            return params
        return process_routing(self, method, **params)[of][self._callees.get(method, method)]

    def get_metadata_routing(self) -> MetadataRouter:
        """Return what is handed on: to the estimator, and to the scorer if there is one."""
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


def kind_of(X: Any) -> Any:
    """Return no rows of an array whose kind dask may not know: of all but NumPy's."""
    sparse = hasattr(X, "tocsr")
    if isinstance(X, np.ndarray) or not (sparse or is_array(X)):
        return None
    return X.tocsr()[:0] if sparse else X[:0, ...]
