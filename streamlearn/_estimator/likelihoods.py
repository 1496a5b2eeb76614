"""The base class of classifiers that score each class by a function of rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import Array, to_numpy
from streamlearn._estimator.outputs import rows_out
from streamlearn._estimator.predictor import MergeableClassifier
from streamlearn._validation.label_codes import decode
from streamlearn.core.class_scores import (
    FunctionOfScores,
    as_they_are,
    difference,
    largest,
    log_probabilities,
    probabilities,
)


class LikelihoodClassifier(MergeableClassifier):
    """A classifier whose statistic can be merged, and that scores each class.

    A subclass defines ``_class_scores()``, which returns a function of rows: the logarithm of the
    probability of each class up to a constant for each row.
    """

    def _class_scores(self) -> Any:
        """Return the scores as a function of rows, a NamedTuple of `core.class_scores`."""
        raise NotImplementedError

    def _from_scores(
        self, method: str, X: Any, of_scores: Callable[[Array], Array], scores: Any = None
    ) -> Any:
        """Return a function of the scores of the rows of X; see `rows_out`.

        ``scores`` are those of ``_class_scores`` by default.
        """
        check_is_fitted(self)
        function: Any = FunctionOfScores(
            self._class_scores() if scores is None else scores, of_scores
        )
        return rows_out(self, method, X, function, fitted=self._like)

    def predict(self, X: Any) -> Any:
        """Return the most probable label of each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples,)
            The labels. Numbers are in the namespace and on the device of X, and strings are in
            NumPy. The result is lazy if X is a dask collection.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        check_is_fitted(self)
        return self._from_scores("predict", X, partial(labels, to_numpy(self.classes_)))

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of the probability of each class for each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples, n_classes)
            The columns are in the order of ``classes_``. The result is lazy if X is a dask
            collection.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        return self._from_scores("predict_log_proba", X, log_probabilities)

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class for each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples, n_classes)
            The columns are in the order of ``classes_``. The result is lazy if X is a dask
            collection.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        return self._from_scores("predict_proba", X, probabilities)


class DecidingClassifier(LikelihoodClassifier):
    """A classifier that shows its scores."""

    def _decided_by(self) -> Any:
        """Return the scores that `decision_function` shows."""
        return self._class_scores()

    def decision_function(self, X: Any) -> Any:
        """Return the score of each class, which is largest for the most probable one.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples,) or (n_samples, n_classes)
            One value for each row if there are two classes: the score of the second less that of
            the first. The result is lazy if X is a dask collection.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        check_is_fitted(self)
        shown = difference if self.classes_.shape[0] == 2 else as_they_are
        return self._from_scores("decision_function", X, shown, scores=self._decided_by())


def labels(classes: np.ndarray, scores: Array) -> Array:
    """Return the label of the largest score of each row."""
    return decode(classes, largest(scores))
