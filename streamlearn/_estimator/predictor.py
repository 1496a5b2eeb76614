"""The base classes of predictors that learn a mergeable statistic.

A fit is a reduction: every block is summed by itself, in parallel, and the sums merge. The model is
a function of the sums. So blocks can be read in any order, more rows can be learned later, and two
fitted estimators can be merged. A subclass defines ``_statistic()``, a learner whose ``of_block``
takes the target, and ``_publish()``, which sets the fitted attributes from ``_state``.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin

from streamlearn import blocks as engine
from streamlearn import metrics
from streamlearn._arrays import Array
from streamlearn._estimator.estimator import Estimator
from streamlearn._estimator.inputs import CheckedInputs, check_parameters, labels_of_target
from streamlearn._estimator.mergeable import MergeableEstimator
from streamlearn._training.fit_settings import Target
from streamlearn._validation.label_codes import labels_like
from streamlearn._validation.labels import class_weights, declared, fixed_weights_or_raise

UNSIGNED = "a fit needs weights of 0 or more. Leave such rows out."


class MergeablePredictor(MergeableEstimator, Estimator):
    """A predictor whose statistic can be merged, see `streamlearn._estimator.mergeable`."""

    _takes_collections = True
    _takes_flow = True  # X may be a `streamlearn.stages.Flow`
    _dense: str | None = None  # rows may be sparse
    _unsigned = UNSIGNED

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from all rows.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity, dense or sparse.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The target of each row. None means that the blocks of X contain it.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row, 0 or more. None means 1 for every row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X and y do not line up, if they hold NaN or infinity, if a weight is negative, or if
            the weights add up to 0.
        """
        return self._learn(X, y, reset=True, sample_weight=sample_weight, whole=True)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from more rows, on top of those of earlier calls.

        The result is that of a fit to the rows of all calls, up to rounding.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity, dense or sparse.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The target of each row. None means that the blocks of X contain it.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row, 0 or more. None means 1 for every row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `fit` would raise it, or if X or y has other columns than before.
        """
        return self._learn(X, y, reset=self._former() is None, sample_weight=sample_weight)

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._dense is None
        tags.array_api_support = True
        return tags


class MergeableRegressor(RegressorMixin, MergeablePredictor):
    """A regressor whose statistic can be merged. It may have several targets.

    Attributes
    ----------
    _columns : int or None
        The number of columns of y. None if y has one dimension.
    """

    _kind = "values"
    _multi_output = True

    _columns: int | None

    def _target(
        self, given: CheckedInputs, y: Any, sample_weight: Any, *, reset: bool, classes: Any = None
    ) -> tuple[Target, int]:
        columns = _columns(given, y)
        if not reset and columns != self._columns:
            raise ValueError(
                f"y has {_said(columns)}, but {type(self).__name__} has learned from a y of "
                f"{_said(self._columns)}. Give the same columns in each call of partial_fit."
            )
        self._columns = columns
        return Target(), 1 if columns is None else columns

    def _merge_from(self, a: Any, b: Any) -> None:
        if a._columns != b._columns:
            raise ValueError(
                f"merge needs two {type(self).__name__} with the same targets, got y of "
                f"{_said(a._columns)} and {_said(b._columns)}. Fit both to the same columns of y."
            )
        super()._merge_from(a, b)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return R2, the coefficient of determination of the predictions.

        A collection is read once. If y has several columns, the result is the mean of their R2.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The true target of each row. None means that the blocks of X contain it.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.

        Returns
        -------
        float
            A number that is at most 1.

        Raises
        ------
        ValueError
            If X and y do not line up, or if `predict` would raise it.
        """
        X, y, sample_weight = engine.taken_apart(X, y, sample_weight)
        return metrics.r2_score(y, self.predict(X), sample_weight=sample_weight)

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator: y may have several columns."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = self._multi_output
        tags.target_tags.single_output = True
        return tags


class MergeableClassifier(ClassifierMixin, MergeablePredictor):
    """A classifier whose statistic can be merged.

    It has the parameter ``classes``. If it has ``class_weight``, the weight of a row is multiplied
    by that of its class.

    Attributes
    ----------
    _class_weight : tuple of float or None
        The weight of each class, None if all are 1.
    """

    _kind = "labels"

    classes: Any
    classes_: Any
    _class_weight: tuple[float, ...] | None = None

    def partial_fit(  # type: ignore[override]
        self, X: Any, y: Any = None, classes: Any = None, sample_weight: Any = None
    ) -> Self:
        """Learn from more rows, on top of those of earlier calls.

        The result is that of a fit to the rows of all calls, up to rounding.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The label of each row: whole numbers, booleans or strings.
            None means that the blocks of X contain it.
        classes : array of shape (n_classes,), default=None
            All labels that will ever occur. The first call needs them, here or as the parameter of
            the estimator.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row, 0 or more. None means 1 for every row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `fit` would raise it, if the labels are not given, or if they differ from those of
            the first call.
        """
        check_parameters(self, again=False)
        fixed_weights_or_raise(getattr(self, "class_weight", None))
        reset = self._former() is None
        known = declared(self, classes, further=True)
        return self._learn(X, y, reset=reset, sample_weight=sample_weight, classes=known)

    def _target(
        self, given: CheckedInputs, y: Any, sample_weight: Any, *, reset: bool, classes: Any = None
    ) -> tuple[Target, int]:
        known = declared(self, None, further=False) if reset and classes is None else classes
        balanced, found = getattr(self, "class_weight", None) == "balanced", None
        if known is None or balanced:
            found = labels_of_target(given, y, sample_weight, weighted=balanced)
            known = found.classes if known is None else known
        self.classes_ = known
        how = getattr(self, "class_weight", None)
        weights = class_weights(how, known, found, unsigned="a fit needs weights of 0 or more.")
        self._class_weight = None if weights is None else tuple(map(float, weights))
        return Target(known), len(known)

    def _publish_classes(self, like: Array) -> None:
        """Set ``classes_``, in the library and on the device of ``like``."""
        self.classes_ = labels_like(self.classes_, like)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of rows whose label is predicted right.

        A collection is read once.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The true label of each row. None means that the blocks of X contain it.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.

        Returns
        -------
        float
            A number between 0 and 1.

        Raises
        ------
        ValueError
            If X and y do not line up, or if `predict` would raise it.
        """
        X, y, sample_weight = engine.taken_apart(X, y, sample_weight)
        return metrics.accuracy_score(y, self.predict(X), sample_weight=sample_weight)


def _columns(given: CheckedInputs, y: Any) -> int | None:
    """Return the number of columns of a target, or None if it has one dimension."""
    if given.whole is not None:
        y = given.whole.y
    y = y._meta if engine.is_frame(y) else y if hasattr(y, "shape") else np.asarray(y)
    return int(y.shape[1]) if len(y.shape) == 2 else None


def _said(columns: int | None) -> str:
    return "one dimension" if columns is None else f"{columns} columns"
