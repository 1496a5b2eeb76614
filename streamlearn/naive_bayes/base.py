"""The base class of naive Bayes classifiers."""

from __future__ import annotations

from typing import Any

from streamlearn._estimator.likelihoods import LikelihoodClassifier
from streamlearn.core.class_scores import as_they_are


class NaiveBayes(LikelihoodClassifier):
    """A naive Bayes classifier: the features of a row are independent, given its class."""

    def predict_joint_log_proba(self, X: Any) -> Any:
        """Return ``log P(x, c) = log P(c) + log P(x | c)`` of each row x and class c.

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
        return self._from_scores("predict_joint_log_proba", X, as_they_are)
