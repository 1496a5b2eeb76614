"""Results of linear models: functions of the scores of rows by the coefficients."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import Array, asarray, namespace, to_numpy
from streamlearn._estimator.outputs import one_column, rows_out
from streamlearn._validation.label_codes import decode
from streamlearn.core.linear import links
from streamlearn.linear_model.row_scores import Scores


class LinearScores:
    """A fitted linear model, whose coefficients may be sparse."""

    coef_: Any
    intercept_: Any

    def _dense_coef(self) -> Array:
        """Return ``coef_`` as an array of shape (n_outputs, n_features)."""
        coef = self.coef_.toarray() if issparse(self.coef_) else self.coef_
        return coef if coef.ndim == 2 else coef[None, :]

    def _out(self, method: str, X: Any, of_scores: Callable[..., Any]) -> Any:
        """Apply a function of the scores (m, K) to the rows of X; see `rows_out`."""
        check_is_fitted(self)
        coef = self._dense_coef()
        # Without an intercept, some models have one number instead of an array.
        intercept = namespace(coef).zeros_like(coef[:, 0]) + asarray(self.intercept_, like=coef)
        function = Scores(coef, intercept, of_scores)
        return rows_out(self, method, X, function, fitted=coef, finite=False)


class LinearClassifier(LinearScores):
    """A linear model with a score for each class, or one score for two classes."""

    classes_: Any

    def decision_function(self, X: Any) -> Any:
        """Return the score of each class, which is largest for the predicted one.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples,) or (n_samples, n_classes)
            One value for each row if there are two classes: it is above 0 if the second one is
            predicted. Otherwise there is a column for each class. The result is lazy if X is a dask
            collection. Columns are a dask array if X is a dask DataFrame.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        return self._out("decision_function", X, one_column)

    def predict(self, X: Any) -> Any:
        """Return the label of each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples,)
            The labels. Numbers are in the namespace and on the device of X, and strings are in
            NumPy. The result is lazy if X is a dask collection. It is a Series with the index of X
            if X is a dask DataFrame.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        check_is_fitted(self)
        return self._out("predict", X, partial(labels_of, to_numpy(self.classes_)))


def _if_probable(model: Any) -> bool:
    return bool(model._has_probabilities())


class ProbableClassifier(LinearClassifier):
    """A linear classifier with the probabilities of a loss.

    A subclass defines ``_loss_of_scores()``, the name of the loss.
    """

    def _loss_of_scores(self) -> str:
        raise NotImplementedError

    def _has_probabilities(self) -> bool:
        """Return True, or raise an AttributeError that says why there are none."""
        return True

    @available_if(_if_probable)
    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, if the loss has one.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples, n_classes)
            One column for each class, in the order of ``classes_``; see
            `streamlearn.core.linear.links.probabilities`. The result is lazy if X is a dask
            collection. It is a dask array, with a chunk for each partition, if X is a dask
            DataFrame.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        check_is_fitted(self)
        of_scores = partial(links.probabilities, loss=self._loss_of_scores())
        return self._out("predict_proba", X, of_scores)

    @available_if(_if_probable)
    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of `predict_proba`, which is -inf where a probability is 0.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples, n_classes)
            One column for each class, as `predict_proba` returns them.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        check_is_fitted(self)
        of_scores = partial(log_probabilities, self._loss_of_scores())
        return self._out("predict_log_proba", X, of_scores)


def labels_of(classes: np.ndarray, p: Array) -> Array:
    """Return the labels of rows from their scores (m, K)."""
    return decode(classes, links.codes(p))


def log_probabilities(loss: str, p: Array) -> Array:
    """Return the logarithms of the probabilities of classes, from scores (m, K)."""
    probabilities = links.probabilities(p, loss=loss)
    with np.errstate(divide="ignore"):
        return namespace(p).log(probabilities)
