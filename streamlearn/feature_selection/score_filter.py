"""The base class of selectors by scores of single features."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import validate_data

from streamlearn import blocks as engine
from streamlearn._estimator.inputs import CheckedInputs, labels_of_target, unchanged_on_error
from streamlearn._estimator.mergeable import MergeableEstimator
from streamlearn._training.fit_settings import FitSettings, Target
from streamlearn._training.summed import read_again
from streamlearn._validation.labels import classes_missing, listed, same_labels_or_raise
from streamlearn.core.learner import Learner
from streamlearn.feature_selection.scores import Found, Score, score_of
from streamlearn.feature_selection.selector import Selector

KNOWN = (
    "f_classif, chi2, f_regression, r_regression, and mutual_info_classif and "
    "mutual_info_regression of streamlearn are functions of sums. Use one of them, or give X and y "
    "in memory."
)


class ScoreFilter(Selector, MergeableEstimator):
    """A selector by scores of single features.

    A subclass inherits from scikit-learn's selector of the same name, too.
    """

    score_func: Any
    _check_params: Any  # it is scikit-learn's
    scores_: np.ndarray
    pvalues_: np.ndarray | None
    _labels: np.ndarray | None = None
    _again: Any = None

    @property
    def _score(self) -> Score:
        score = score_of(self.score_func)
        if score is None:
            name = getattr(self.score_func, "__name__", repr(self.score_func))
            raise TypeError(f"{name} needs all rows in memory. {KNOWN}")
        return score

    @property
    def _kind(self) -> str:  # type: ignore[override]
        return self._score.kind

    def _statistic(self) -> Learner:
        return self._score.learner(0 if self._labels is None else len(self._labels))

    def _publish(self) -> None:
        score, n_classes = self._score, 0 if self._labels is None else len(self._labels)
        self._again = None if score.again is None else score.again(n_classes, self._state)
        if self._again is None:
            self._set_scores(score.of(self._state))

    def _set_scores(self, found: Found) -> None:
        self.scores_, self.pvalues_ = found
        self._check_params(np.empty((0, len(self.scores_))), None)

    def _read_more(self, settings: FitSettings, given: CheckedInputs) -> None:
        if self._again is None:
            return
        learner, of = self._again
        second = settings._replace(learner=learner)
        self._set_scores(of(read_again(second, given.blocks, given.flow, None).state))
        self._again = None

    def _one_read_or_raise(self, method: str) -> None:
        """Check that no second read is needed."""
        if self._again is not None:
            name = getattr(self.score_func, "__name__", "score_func")
            raise TypeError(
                f"{method} reads rows once, and {name} puts numbers in bins, whose edges a first "
                "read of all rows finds. Use fit, or set discrete_features=True and give labels."
            )

    def _target(
        self, given: CheckedInputs, y: Any, sample_weight: Any, *, reset: bool, classes: Any = None
    ) -> tuple[Target, int]:
        if self._kind == "values":
            if classes is not None:
                raise ValueError(
                    "classes are for scores of labels, and y holds numbers here. Leave it out."
                )
            self._labels = None
            return Target(), 1
        former = None if reset else self._labels
        known = former if classes is None else listed(classes, former)
        if known is None:
            known = labels_of_target(given, y).classes
        elif former is not None:
            same_labels_or_raise(classes, known, former)
        self._labels = known
        return Target(known), len(known)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Score all features, in one pass.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
                (n_samples, n_features)
            Numbers without NaN and infinity.
        y : array, Series, dask array or dask Series of shape (n_samples,), default=None
            The label or the number of each row. None means that the blocks of X contain it.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If X is a collection and ``score_func`` is not a function of sums.
        ValueError
            If X and y do not line up, or if the score refuses them.
        """
        self._validate_params()
        if score_of(self.score_func) is None and not _is_lazy(X, y):
            return self._fit_in_memory(X, y)
        return self._learn(X, y, reset=True, whole=True)

    def partial_fit(self, X: Any, y: Any = None, classes: Any = None) -> Self:
        """Score all features by more rows, on top of those of earlier calls.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
                (n_samples, n_features)
            Numbers without NaN and infinity.
        y : array, Series, dask array or dask Series of shape (n_samples,), default=None
            The label or the number of each row.
        classes : array of shape (n_classes,), default=None
            All labels that will ever occur. The first call needs them, if y holds labels.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If ``score_func`` is not a function of sums.
        ValueError
            If `fit` would raise it, if the labels are not given, or if X has other features than
            before.
        """
        reset = self._former() is None
        if reset and classes is None and self._kind == "labels":
            raise classes_missing()
        with unchanged_on_error(self):
            self._learn(X, y, reset=reset, classes=classes)
            self._one_read_or_raise("partial_fit")
        return self

    def _fit_in_memory(self, X: Any, y: Any) -> Self:
        """Score by a function that is no function of sums, as scikit-learn does."""
        with unchanged_on_error(self):
            self.__dict__.pop("_state", None)
            how: dict[str, Any] = {"accept_sparse": ["csr", "csc"]}
            if y is None:
                X = validate_data(self, X, **how)
            else:
                X, y = validate_data(self, X, y, multi_output=True, **how)
            self._check_params(X, y)
            found = self.score_func(X, y)
            scores, pvalues = found if isinstance(found, list | tuple) else (found, None)
            self.scores_ = np.asarray(scores)
            self.pvalues_ = None if pvalues is None else np.asarray(pvalues)
        return self

    def _merge_from(self, a: Any, b: Any) -> None:
        if not hasattr(a, "_state") or not hasattr(b, "_state"):
            raise TypeError(f"merge needs sums of both. {KNOWN}")
        if not np.array_equal(a._labels, b._labels):
            raise ValueError(
                f"merge needs two {type(self).__name__} with the same labels, got {a._labels} and "
                f"{b._labels}. Fit both by partial_fit(X, y, classes=...) with all labels."
            )
        super()._merge_from(a, b)
        self._one_read_or_raise("merge")


def _is_lazy(X: Any, y: Any) -> bool:
    return engine.is_collection(X) or engine.is_collection(y)
