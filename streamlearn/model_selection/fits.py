"""Fits to one part of a split and scores on the other: what the functions of this folder share."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.exceptions import FitFailedWarning

from streamlearn import blocks as engine
from streamlearn._sklearn import _routing_enabled
from streamlearn._thirdparty.lazy import Lazily
from streamlearn._thirdparty.tags import by_row_and_same, is_lazy, rows_known, takes_collections
from streamlearn.model_selection.splitters import splitter_of
from streamlearn.wrappers.scoring import scorers_by_name, scores_of_collection
from streamlearn.wrappers.summed import is_summed, metric_or_raise


def in_collections(*given: Any) -> bool:
    """Return whether one of some arguments is a collection."""
    return any(map(is_lazy, given))


def one_by_one_or_raise(
    *, groups: Any = None, n_jobs: Any = None, verbose: int = 0, **others: Any
) -> None:
    """Check that parameters that need rows in memory have their defaults.

    Raises
    ------
    ValueError
        If one has not, or if metadata routing is enabled.
    """
    if groups is not None:
        raise ValueError("groups needs rows in memory: no splitter of collections has groups.")
    if n_jobs not in (None, 1):
        raise ValueError(
            f"n_jobs={n_jobs!r} needs rows in memory. dask runs the tasks of a fit in parallel. "
            "Leave n_jobs out."
        )
    if verbose:
        raise ValueError(
            f"verbose={verbose!r} needs rows in memory. Set verbose of the estimator instead."
        )
    for name, value in others.items():
        if value:
            raise ValueError(f"{name}={value!r} needs rows in memory. Leave it out.")
    if _routing_enabled():
        raise ValueError(
            "Metadata routing is not supported over collections. Disable it: "
            "sklearn.set_config(enable_metadata_routing=False). Then params go to fit."
        )


def scorers(scoring: Any) -> dict[str, Any]:
    """Return the scorers by name, as `streamlearn.wrappers.scoring.scorers_by_name`.

    Raises
    ------
    ValueError
        If that function raises it, or if a scorer has no form for collections.
    """
    named = scorers_by_name(scoring)
    for scorer in filter(is_summed, named.values()):
        metric_or_raise(scorer)  # now, and not after a fit
    return named


class Task(NamedTuple):
    """What is fitted and scored, and how its rows are split.

    Attributes
    ----------
    splitter : OverBlocks
    by_row : dict of str to dask collection
        The arguments of ``fit`` with one value for each row: X, y and others.
    same : dict of str to object
        The other arguments of ``fit``.
    labels : dask collection or None
        The targets.
    """

    splitter: Any
    by_row: dict[str, Any]
    same: dict[str, Any]
    labels: Any

    @classmethod
    def of(cls, estimator: Any, X: Any, y: Any, params: dict[str, Any], cv: Any) -> Task:
        """Return the task of the arguments of `cross_validate`."""
        by_row, same = by_row_and_same(params, rows_known(X))
        given = {"X": X, "y": y, **by_row}
        stratified = y is not None and is_classifier(estimator) and getattr(y, "ndim", 1) == 1
        splitter = splitter_of(cv, stratified=stratified)
        return cls(splitter, {name: x for name, x in given.items() if x is not None}, same, y)

    def parts(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Yield the arguments of ``fit`` for both parts of each split."""
        for train, test in self.splitter.parts(self.by_row, self.labels):
            yield train | self.same, test | self.same


class Outcomes:
    """The scores and the times of fits.

    Parameters
    ----------
    error_score : "raise" or float
        The score if a fit fails. "raise" raises the error.
    """

    def __init__(self, error_score: Any) -> None:
        if error_score != "raise" and not isinstance(error_score, Real):
            raise ValueError(
                f"error_score must be the string 'raise' or a numeric value, got {error_score!r}."
            )
        self.error_score = error_score
        self.found: dict[str, list[Any]] = {}
        self.estimators: list[Any] = []
        self.errors: list[Exception] = []

    def add(
        self,
        estimator: Any,
        train: dict[str, Any],
        test: dict[str, Any],
        asked: dict[str, Any],
        *,
        train_score: bool,
    ) -> None:
        """Fit a copy of an estimator to one part and score it on the other, or on both."""
        start = time.perf_counter()
        fitted, failed = clone(estimator), False
        number = len(self.estimators)
        try:
            with engine.noted(f"fit {number} of the splits"):
                fit(fitted, train)
        except Exception as error:
            if self.error_score == "raise":
                raise
            self.errors.append(error)
            failed = True
        middle = time.perf_counter()
        values: dict[str, Any] = {}
        for name, part in {"test": test, **({"train": train} if train_score else {})}.items():
            scores = dict.fromkeys(asked, self.error_score)
            if not failed:
                lazy, X, y = lazily(fitted), part["X"], part.get("y")
                with engine.noted(f"the {name} score of fit {number} of the splits"):
                    scores = scores_of_collection(lazy, fitted, asked, X, y)
            values |= {f"{name}_{key}": value for key, value in scores.items()}
        values |= {"fit_time": middle - start, "score_time": time.perf_counter() - middle}
        self.estimators.append(fitted)
        for key, value in values.items():
            self.found.setdefault(key, []).append(value)

    def arrays(self, *shape: int) -> dict[str, Any]:
        """Return all that was found, by name.

        Parameters
        ----------
        *shape : int
            The shape of each array. By default it is (n_fits,).

        Raises
        ------
        ValueError
            If all fits failed.

        Warns
        -----
        FitFailedWarning
            If some failed.
        """
        n, n_failed = len(self.estimators), len(self.errors)
        if n_failed == n:
            raise ValueError(
                f"All the {n} fits failed. It is very likely that your model is misconfigured. "
                'error_score="raise" raises the error of the first fit, which is the cause above.'
            ) from self.errors[0]
        if n_failed:
            first = self.errors[0]
            warnings.warn(
                f"{n_failed} fits failed out of a total of {n}, and their score is "
                f"{self.error_score}. The first error: {type(first).__name__}: {first}",
                FitFailedWarning,
                stacklevel=3,
            )
        return {key: np.asarray(v).reshape(shape or n) for key, v in self.found.items()}


def fit(estimator: Any, given: dict[str, Any]) -> None:
    """Fit an estimator to the arguments of ``fit`` by name.

    One of another library that holds none of ours gets its rows in memory.
    """
    further = dict(given)
    inner = estimator.get_params().values()
    if not any(map(takes_collections, (estimator, *inner))):
        further = dict(zip(further, engine.in_memory(*further.values()), strict=True))
    X, y = further.pop("X"), further.pop("y", None)
    estimator.fit(X, *([] if y is None else [y]), **further)


def lazily(fitted: Any) -> Any:
    """Return a fitted estimator whose predictions of collections are lazy."""
    return fitted if takes_collections(fitted) else Lazily(fitted)
