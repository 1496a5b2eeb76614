"""The fits and the scores of all splits, from as few reads of the data as they need.

Fits that learn from blocks share each read, and so do scores (`streamlearn.blocks.SharedReads`).
The others follow one another, and each reads its own part. If an estimator merges, each fold is
fitted once (`merged_folds`).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from sklearn import preprocessing
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import Pipeline

from streamlearn import blocks as engine
from streamlearn._thirdparty.partial_fit import as_here
from streamlearn._thirdparty.tags import is_stateless, takes_collections
from streamlearn._training.block_learner import block_order, shuffled_before
from streamlearn.blocks import SharedReader, SharedReads
from streamlearn.model_selection.base_search import BaseSearch
from streamlearn.model_selection.draws import seed_of
from streamlearn.model_selection.fits import (
    Fitted,
    PlannedFit,
    Scored,
    SplitData,
    fitted_copy,
    scored,
)
from streamlearn.model_selection.folds import Part, to_read
from streamlearn.model_selection.merged_folds import are_all_but_one, merges, without_each
from streamlearn.preprocessing import TargetEncoder
from streamlearn.wrappers.incremental import Incremental
from streamlearn.wrappers.summed import is_summed

IN_ORDER = "shuffle leaves the"
"""The beginning of the warning that blocks are not shuffled."""

Job = tuple[Part, Callable[[dict[str, Any]], Any]]

MOST_FITS = 64
"""The number of fits that share a read. Each has threads, and copies of rows if they are drawn."""


class ScoredFits:
    """Fits to parts of the data, and their scores.

    Parameters
    ----------
    data : SplitData
    planned : sequence of PlannedFit
    scorers : dict of str to scorer
    error_score : "raise" or float
        The score if a fit fails. "raise" raises the error.
    train_score : bool
        Whether the rows that were learned from are scored as well.

    Raises
    ------
    ValueError
        If ``error_score`` is something else, or if all fits fail.

    Warns
    -----
    FitFailedWarning
        If some fits fail.
    """

    def __init__(
        self,
        data: SplitData,
        planned: Sequence[PlannedFit],
        scorers: dict[str, Any],
        error_score: Any,
        *,
        train_score: bool,
    ) -> None:
        error_score_or_raise(error_score)
        self.error_score, self.scorers = error_score, scorers
        self.fits = fits_of(data, planned, error_score)
        self._look_at_errors()
        parts = ["test", *(["train"] if train_score else [])]
        self.scores = scores_of(data, planned, self.fits, scorers, parts)

    @property
    def estimators(self) -> list[Any]:
        """The fitted copies."""
        return [fitted.estimator for fitted in self.fits]

    def n_rows(self, part: str) -> list[int]:
        """Return the number of rows of a part that each fit was scored on."""
        return [each.n_rows for each in self.scores[part]]

    def arrays(self, *shape: int) -> dict[str, np.ndarray]:
        """Return all that was found, by name.

        Parameters
        ----------
        *shape : int
            The shape of each array. By default it is (n_fits,).
        """
        found: dict[str, list[float]] = {}
        for part, scores in self.scores.items():
            for name in self.scorers:
                found[f"{part}_{name}"] = [
                    each.scores.get(name, self.error_score) for each in scores
                ]
        found["fit_time"] = [fitted.seconds for fitted in self.fits]
        each_time = [[each.seconds for each in scores] for scores in self.scores.values()]
        found["score_time"] = [sum(seconds) for seconds in zip(*each_time, strict=True)]
        n = len(self.fits)
        return {key: np.asarray(values).reshape(shape or n) for key, values in found.items()}

    def _look_at_errors(self) -> None:
        errors = [fitted.error for fitted in self.fits if fitted.error is not None]
        n, n_failed = len(self.fits), len(errors)
        if not n_failed:
            return
        first = errors[0]
        if n_failed == n:
            raise ValueError(
                f"All the {n} fits failed. It is very likely that your model is misconfigured. "
                'error_score="raise" raises the error of the first fit: '
                f"{type(first).__name__}: {first}"
            ) from first
        warnings.warn(
            f"{n_failed} fits failed out of a total of {n}, and their score is "
            f"{self.error_score}. The first error: {type(first).__name__}: {first}",
            FitFailedWarning,
            stacklevel=4,
        )


def error_score_or_raise(error_score: Any) -> None:
    """Check that a fit which fails has a score, or that its error is raised."""
    if error_score != "raise" and not isinstance(error_score, Real):
        raise ValueError(
            f"error_score must be the string 'raise' or a numeric value, got {error_score!r}."
        )


def fits_of(
    data: SplitData, planned: Sequence[PlannedFit], error_score: Any = "raise"
) -> list[Fitted]:
    """Make the fits that are planned.

    Raises
    ------
    Exception
        The error of a fit, if ``error_score`` is "raise".
    """

    def of_fold(number: int, given: dict[str, Any]) -> Fitted:
        return fitted_copy(number, planned[number], given | data.same)

    def work(number: int, given: dict[str, Any]) -> Fitted:
        found = of_fold(number, given)
        if found.error is not None and error_score == "raise":
            raise found.error
        return found

    usual = [(each.train, partial(work, i)) for i, each in enumerate(planned)]
    jobs, by_folds = [*usual], _mergeable(planned)
    for i in (i for numbers in by_folds for i in numbers):
        jobs[i] = planned[i].test, partial(of_fold, i)
    found = _fitted(data, planned, jobs, {*range(len(planned))})
    again = set[int]()
    for numbers in by_folds:
        fits = _without_each_fold([found[i] for i in numbers])
        if fits is None:
            again.update(numbers)
        else:
            found |= zip(numbers, fits, strict=True)
    if again:
        found |= _fitted(data, planned, usual, again)
    return [found[i] for i in range(len(planned))]


def _fitted(
    data: SplitData, planned: Sequence[PlannedFit], jobs: Sequence[Job], numbers: set[int]
) -> dict[int, Fitted]:
    """Return the results of some of the fits by their numbers."""
    at = sorted(numbers)
    together = {k for k, i in enumerate(at) if learns_from_blocks(planned[i].estimator)}
    tests = [planned[i].test for i in at]
    found = _results_of(
        data, [jobs[i] for i in at], together, order_of(planned[0].estimator), tests
    )
    return dict(zip(at, found, strict=True))


def _mergeable(planned: Sequence[PlannedFit]) -> list[list[int]]:
    """Return the numbers of the fits to all folds but one, of each estimator that merges."""
    by_estimator: dict[int, list[int]] = {}
    for i, each in enumerate(planned):
        if merges(each.estimator):
            by_estimator.setdefault(id(each.estimator), []).append(i)
    found = by_estimator.values()
    return [numbers for numbers in found if are_all_but_one([planned[i].train for i in numbers])]


def _without_each_fold(parts: Sequence[Fitted]) -> list[Fitted] | None:
    """Return the fits to all folds but one from those to each fold.

    None means that a fold has no fit of its own, or that they do not merge. An example is a fold
    that lacks a class.
    """
    if any(part.error is not None for part in parts):
        return None
    start = time.perf_counter()
    try:
        models = without_each([part.estimator for part in parts])
    except ValueError:
        return None
    took = time.perf_counter() - start + sum(part.seconds for part in parts)
    return [Fitted(model, took / len(parts)) for model in models]


def scores_of(
    data: SplitData,
    planned: Sequence[PlannedFit],
    fits: Sequence[Fitted],
    scorers: dict[str, Any],
    parts: Sequence[str],
) -> dict[str, list[Scored]]:
    """Return the scores of some fits on parts of their rows, which are empty where a fit failed."""
    at = [(part, i) for part in parts for i, fit in enumerate(fits) if fit.error is None]
    jobs = [
        (getattr(planned[i], part), partial(scored, i, part, fits[i], scorers)) for part, i in at
    ]
    # A scorer that is a function may do with a dask collection whatever it likes.
    ours = all(scorer is None or is_summed(scorer) for scorer in scorers.values())
    out = {part: [Scored({})] * len(fits) for part in parts}
    found = _results_of(data, jobs, {*range(len(jobs))} if ours else set(), None)
    for (part, i), each in zip(at, found, strict=True):
        out[part][i] = each
    return out


def _results_of(
    data: SplitData,
    jobs: Sequence[Job],
    together: set[int],
    order: Any,
    others: Sequence[Part] = (),
) -> list[Any]:
    """Do jobs on parts of the rows. Those of ``together`` share reads, if that is possible.

    Raises
    ------
    ValueError
        If there is no block of the ``other`` parts.
    """
    found = dict[int, Any]()
    reads = SharedReads(data.rows) if len(together) > 1 else None
    if reads is not None and reads.can_be_shared:
        several = sorted(together)
        for start in range(0, len(several), MOST_FITS):
            numbers = several[start : start + MOST_FITS]
            some = (jobs[i] for i in numbers)
            readers = [SharedReader(part, part.holds, as_here(work)) for part, work in some]
            found |= zip(numbers, reads.read(readers, order), strict=True)
        _blocks_or_raise(data, others, reads.n_blocks)
    with warnings.catch_warnings():
        first = None
        if reads is not None and order is not None and not found:
            first = order(reads.blocks, 0)
        for i, (part, work) in enumerate(jobs):
            if i in found:
                continue
            if first is None or i not in together:
                found[i] = work(to_read(data.rows, part))
            else:  # the order of shared reads
                with shuffled_before():
                    found[i] = work(to_read(data.rows, part, first))
            warnings.filterwarnings("ignore", IN_ORDER)  # once is enough
    return [found[i] for i in range(len(jobs))]


def _blocks_or_raise(data: SplitData, parts: Sequence[Part], n_blocks: int) -> None:
    """Check that each part has one of the blocks of a source, whose number is now known."""
    if data.rows.lengths is not None:
        return
    for part in parts:
        if all(part.holds(number) is False for number in range(n_blocks)):
            raise ValueError(
                f"{data.splitter} needs as many blocks as folds, because the folds of a source are "
                f"blocks, and the source has {n_blocks} with rows. Give fewer folds, smaller "
                "blocks, or ShuffleSplit, which draws rows from each block."
            )


def learns_from_blocks(estimator: Any) -> bool:
    """Return whether a fit learns from one block after the other, whatever their number is."""
    inside = [estimator, *(x for x in estimator.get_params().values() if hasattr(x, "fit"))]
    return _fits_collections(estimator) and all(map(_learns_from_blocks, inside))


def _fits_collections(estimator: Any) -> bool:
    """Return whether an estimator takes collections by a method of ours, and not of a subclass."""
    ours = (getattr(type(estimator).fit, "__module__", None) or "").startswith("streamlearn.")
    return takes_collections(estimator) and ours


def _learns_from_blocks(estimator: Any) -> bool:
    if isinstance(estimator, BaseSearch) or getattr(estimator, "_skl_callbacks", None):
        return False
    if isinstance(estimator, Incremental):
        return estimator.patience is None  # it holds out some of a known number of blocks
    if isinstance(estimator, Pipeline) and getattr(estimator, "schedule", "") == "per-step":
        return all(_fits_collections(step) for _, step in estimator.steps if hasattr(step, "fit"))
    able = _fits_collections(estimator) or hasattr(estimator, "partial_fit")
    return able or is_stateless(estimator)


def order_of(estimator: Any) -> Callable[[engine.Blocks, int], Sequence[int] | None]:
    """Return the order of the blocks in each read: a random one if the estimator shuffles them."""
    shuffles, random_state = _shuffle(estimator) or (False, None)
    # The draw changes no generator that the user has given.
    seed = seed_of(deepcopy(random_state)) if shuffles else None

    def order(blocks: engine.Blocks, read: int) -> Sequence[int] | None:
        return None if seed is None else block_order(blocks, seed, read, warns=read == 0)

    return order


def _shuffle(estimator: Any) -> tuple[bool, Any] | None:
    """Return whether the blocks are shuffled, and by which ``random_state``; None if unknown."""
    params = estimator.get_params(deep=False)
    # A TargetEncoder shuffles the rows of its folds, not blocks.
    if "shuffle" in params and not isinstance(
        estimator, TargetEncoder | preprocessing.TargetEncoder
    ):
        return bool(params["shuffle"]), params.get("random_state")
    inside = (x for x in estimator.get_params().values() if hasattr(x, "get_params"))
    found = [each for each in map(_shuffle, inside) if each is not None]
    return next((each for each in found if each[0]), None)
