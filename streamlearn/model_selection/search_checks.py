"""Errors of searches: what cannot be searched, and candidates that errors have ended."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any

from sklearn import pipeline as theirs
from sklearn.exceptions import FitFailedWarning
from sklearn.frozen import FrozenEstimator

from streamlearn import stages
from streamlearn.model_selection.candidates import Candidate
from streamlearn.model_selection.groups import Group

OR_ELSE = (
    'Or use validation_curve with a pipeline of schedule="per-step", which loads all rows to fit '
    "such a step."
)
"""What else can compare candidates that do not learn block by block."""

OURS = "Or use validation_curve, which compares the values of one parameter of any estimator."
"""The same, if the last step is one of ours that takes several passes over the blocks."""


@contextmanager
def partial_fit_advised(estimator: Any) -> Iterator[None]:
    """Let an error about an estimator without ``partial_fit`` say what compares such estimators."""
    try:
        yield
    except ValueError as error:
        if hasattr(estimator, "fit") and not hasattr(estimator, "partial_fit"):
            error.add_note(
                "Candidates of a search learn block by block. validation_curve compares the values "
                "of one parameter of any estimator."
            )
        raise


def learns_or_raise(estimator: Any, parameters: Any, params: Mapping[str, Any]) -> None:
    """Check that an estimator learns block by block, and takes the arguments of ``fit``.

    Parameters
    ----------
    estimator : object
    parameters : dict or list of dict
        The grid. Steps of pipelines that it replaces are not checked.
    params : dict
        The arguments.

    Raises
    ------
    TypeError
        If a step does not learn block by block, or if ``partial_fit`` lacks an argument.
    """
    if isinstance(estimator, theirs.Pipeline):
        grids = [parameters] if isinstance(parameters, Mapping) else parameters
        replaced = {name for grid in grids if isinstance(grid, Mapping) for name in grid}
        if not replaced & {"steps", *(name for name, _ in estimator.steps)}:
            steps = [
                (name, step)
                for name, step in stages.leaves("", estimator)
                if step not in ("passthrough", None) and not isinstance(step, FrozenEstimator)
            ]
            last = estimator.steps[-1][1]
            ours = type(last).__module__.startswith("streamlearn.")
            several = ours and not hasattr(last, "partial_fit")
            stages.learn_in_blocks_or_raise(steps, OURS if several else OR_ELSE)
        return
    known = inspect.signature(estimator.partial_fit).parameters
    if any(each.kind is each.VAR_KEYWORD for each in known.values()):
        return
    for name in params:
        if name not in known:
            more = "" if name != "groups" else ", and no search has folds by groups"
            raise TypeError(
                f"fit got {name!r}, which partial_fit of {type(estimator).__name__} does not "
                f"take{more}. Leave it out."
            )


def names_one_or_raise(refit: Any, scoring: Any) -> None:
    """Check that ``refit`` names the only score, if it is a name.

    Raises
    ------
    ValueError
        If it names another one.
    """
    if isinstance(refit, str) and refit not in ("score", scoring):
        raise ValueError(
            f"refit={refit!r} names a score, and the only one is scoring={scoring!r}. Give "
            f"refit=True, scoring={refit!r}, or a list of several scores."
        )


def best_or_raise(best: Any, n_candidates: int) -> int:
    """Return the number of the best candidate that a function of ``cv_results_`` returns.

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    what = f"refit returned {best!r} as the number of the best of {n_candidates} candidates. "
    advice = f"Return an int from 0 to {n_candidates - 1}."
    if not isinstance(best, Integral):
        raise TypeError(what + advice)
    if not 0 <= int(best) < n_candidates:
        raise ValueError(what + advice)
    return int(best)


def have_rows_or_raise(n_folds: int, groups: Sequence[Group]) -> None:
    """Check that each fold had rows to learn from. ``groups`` have learned from all blocks.

    Raises
    ------
    ValueError
        If a fold had none.
    """
    found = [group.folds for group in groups if group.goes_on]
    empty = sorted({*range(n_folds)} - frozenset().union(*found)) if found else []
    if empty:
        which = f"Fold {empty[0]} has" if len(empty) == 1 else f"Folds {empty} have"
        raise ValueError(
            f"{which} no rows with a weight, and the number of folds is {n_folds}. Folds are "
            "blocks, and all blocks of an empty fold have no rows. Give fewer folds, more blocks "
            "with rows, or cv='progressive'."
        )


def no_block_scored() -> ValueError:
    """Return the error for data in one block."""
    return ValueError(
        "The data are one block. Each block is scored before a candidate learns from it, so a "
        "search needs two. Give X and y in more blocks, by rechunk of an array or repartition of a "
        "frame."
    )


def warn_of_failures(candidates: Sequence[Candidate], error_score: Any) -> None:
    """Warn of candidates that errors have ended.

    Raises
    ------
    ValueError
        If that is true of all that did not drop out before.
    """
    failed = [candidate for candidate in candidates if candidate.error]
    if not failed:
        return
    dropped = sum(bool(candidate.dropped) for candidate in candidates)
    first = failed[0].error
    if len(failed) + dropped == len(candidates):
        which = f"{len(failed)} candidates that had not dropped out" if dropped else "candidates"
        n = "" if dropped else f"{len(failed)} "
        raise ValueError(
            f"All {n}{which} ended with an error. error_score='raise' raises it where it happens. "
            f"The first one was: {first}"
        )
    warnings.warn(
        f"{len(failed)} of {len(candidates)} candidates ended with an error, and their scores "
        f"are {error_score}. error_score='raise' raises it. The first one was: {first}",
        FitFailedWarning,
        stacklevel=6,
    )
