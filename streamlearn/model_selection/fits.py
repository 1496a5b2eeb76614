"""Fits to one part of a split and scores on the other: what the functions of this folder share."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sklearn.base import clone, is_classifier

from streamlearn import blocks as engine
from streamlearn._sklearn import _routing_enabled
from streamlearn._thirdparty.lazy import LazyEstimator
from streamlearn._thirdparty.tags import (
    by_row_and_same,
    has_parameter,
    is_lazy,
    rows_known,
    takes_collections,
)
from streamlearn.blocks import Record, Watch, watching
from streamlearn.model_selection.folds import Part, Rows
from streamlearn.model_selection.splitters import splitter_of
from streamlearn.wrappers.scoring import scorers_by_name, scores_of_collection
from streamlearn.wrappers.summed import is_summed, metric_or_raise


def any_collection(*given: Any) -> bool:
    """Return whether one of some arguments is a collection."""
    return any(map(is_lazy, given))


def parts_of_source(
    estimator: Any, X: Any, y: Any, params: Mapping[str, Any] | None
) -> tuple[Any, Any, dict[str, Any]]:
    """Return X, y and the arguments of ``fit``. If X is a source of blocks, they are its parts.

    Raises
    ------
    TypeError
        If ``params`` is not a dict.
    ValueError
        If X brings a part that is given too, or weights that ``fit`` does not take.
    """
    if params is not None and not isinstance(params, Mapping):
        raise TypeError(
            f"params is a {type(params).__name__}, and no dict. Give the further arguments of "
            "fit by name, such as {'sample_weight': weights}."
        )
    given = dict(params or {})
    X, y, weight = engine.taken_apart(X, y)
    if weight is None:
        return X, y, given
    if "sample_weight" in given or not has_parameter(estimator.fit, "sample_weight"):
        raise ValueError(
            "The blocks of X contain sample_weight, and "
            + ("params has it, too" if "sample_weight" in given else "fit does not take it")
            + ". Separate the parts: X, y, w = streamlearn.blocks.from_blocks(source), and give w "
            "in params by the name that fit knows, such as step__sample_weight of a pipeline."
        )
    return X, y, {**given, "sample_weight": weight}


def defaults_or_raise(
    *,
    groups: Any = None,
    n_jobs: Any = None,
    verbose: int = 0,
    pre_dispatch: Any = "all",
    **others: Any,
) -> None:
    """Check that parameters that need rows in memory have their defaults.

    Raises
    ------
    ValueError
        If one has not, or if metadata routing is enabled.
    """
    if groups is not None:
        raise ValueError(
            "groups needs rows in memory: no splitter of collections has groups. Leave it out."
        )
    if n_jobs not in (None, 1):
        raise ValueError(
            f"n_jobs={n_jobs!r} needs rows in memory. dask runs the tasks of a fit in parallel. "
            "Leave n_jobs out."
        )
    if verbose:
        raise ValueError(
            f"verbose={verbose!r} needs rows in memory. Set verbose of the estimator instead."
        )
    if pre_dispatch not in ("all", "2*n_jobs"):
        raise ValueError(f"pre_dispatch={pre_dispatch!r} needs rows in memory. Leave it out.")
    for name, value in others.items():
        if value:
            raise ValueError(f"{name}={value!r} needs rows in memory. Leave it out.")
    if _routing_enabled():
        raise ValueError(
            "Metadata routing is not supported over collections. Disable it: "
            "sklearn.set_config(enable_metadata_routing=False). Then params go to fit."
        )


def scorers(estimator: Any, scoring: Any) -> dict[str, Any]:
    """Return the scorers by name, as `streamlearn.wrappers.scoring.scorers_by_name`.

    Raises
    ------
    TypeError
        If ``estimator`` is none, or lacks the score that is asked for.
    ValueError
        If that function raises it, or if a scorer does not work over collections.
    """
    fits_or_raise(estimator)
    named = scorers_by_name(scoring)
    if None in named.values() and not hasattr(estimator, "score"):
        raise TypeError(
            "If no scoring is specified, the estimator passed should have a 'score' method. The "
            f"estimator {estimator!r} does not. Give scoring."
        )
    for scorer in filter(is_summed, named.values()):
        metric_or_raise(scorer)  # now, and not after a fit
    return named


def fits_or_raise(estimator: Any) -> None:
    """Check that an estimator is one.

    Raises
    ------
    TypeError
        If it is not.
    """
    if isinstance(estimator, type) or not hasattr(estimator, "fit"):
        made = f"{estimator.__name__}()" if isinstance(estimator, type) else "SGDClassifier()"
        raise TypeError(
            f"estimator={estimator!r} is not an estimator instance with a method fit. Give one, "
            f"such as {made}."
        )


class SplitData(NamedTuple):
    """The arguments of ``fit``, and the splitter of their rows.

    Attributes
    ----------
    splitter : OverBlocks
    rows : AlignedRows or SourceRows
        The arguments of ``fit`` with one value for each row: X, y and others.
    same : dict of str to object
        The other arguments of ``fit``.
    """

    splitter: Any
    rows: Rows
    same: dict[str, Any]

    @classmethod
    def of(cls, estimator: Any, X: Any, y: Any, params: dict[str, Any], cv: Any) -> SplitData:
        """Return those of the arguments of `cross_validate`."""
        by_row, same = by_row_and_same(params, rows_known(X))
        given = {"X": X, "y": y, **by_row}
        stratified = y is not None and is_classifier(estimator) and getattr(y, "ndim", 1) == 1
        splitter = splitter_of(cv, stratified=stratified)
        given = {name: x for name, x in given.items() if x is not None}
        return cls(splitter, splitter.aligned(given, y), same)

    def planned_fits(self, estimators: Sequence[Any]) -> list[PlannedFit]:
        """Return the fits of all estimators on each split, one split after the other."""
        return [
            PlannedFit(estimator, *split)
            for split in self.splitter.splits(self.rows)
            for estimator in estimators
        ]


class PlannedFit(NamedTuple):
    """An estimator to fit to one part of the rows, and to score on another.

    Attributes
    ----------
    estimator : object
        A copy of it is fitted.
    train, test : Part
    """

    estimator: Any
    train: Part
    test: Part


class Fitted(NamedTuple):
    """A fitted copy of an estimator, the seconds of its fit, and the error that has ended it."""

    estimator: Any
    seconds: float
    error: Exception | None = None


class Scored(NamedTuple):
    """The scores of a fitted estimator by name, the seconds, and the number of rows."""

    scores: dict[str, float]
    seconds: float = 0.0
    n_rows: int = 0


def fitted_copy(number: int, planned: PlannedFit, given: dict[str, Any]) -> Fitted:
    """Fit a copy of the estimator of a planned fit. It is one of the fits of all splits."""
    start, copy, failure = time.perf_counter(), clone(planned.estimator), None
    try:
        with engine.noted(f"fit {number} of the splits"):
            fit(copy, given)
    except Exception as error:
        failure = error
    return Fitted(copy, time.perf_counter() - start, failure)


def scored(
    number: int, part: str, fitted: Fitted, scorers: dict[str, Any], given: dict[str, Any]
) -> Scored:
    """Return the scores of a fit on a part of the rows."""
    start, counted = time.perf_counter(), _Rows()
    with watching(counted), engine.noted(f"the {part} score of fit {number} of the splits"):
        model, X, y = fitted.estimator, given["X"], given.get("y")
        scores = scores_of_collection(lazily(model), model, scorers, X, y)
    for name, score in scores.items():
        _number_or_raise(name, score)
    return Scored(scores, time.perf_counter() - start, counted.n_rows)


def _number_or_raise(name: str, score: Any) -> None:
    try:
        if not isinstance(score, str):
            float(score)
            return
    except (TypeError, ValueError):
        pass
    raise ValueError(
        f"scoring must return a number, got {score!r} ({type(score)}) instead. The scorer {name!r} "
        "returned it. Return a float."
    )


class _Rows(Watch):
    """It counts the rows of the last pass."""

    def __init__(self) -> None:
        self.n_rows = 0

    def begin_pass(self, name: str, n_blocks: int | None, n_rows: int | None) -> None:
        self.n_rows = 0

    def block_done(self, record: Record) -> None:
        self.n_rows += record.rows


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
    return fitted if takes_collections(fitted) else LazyEstimator(fitted)
