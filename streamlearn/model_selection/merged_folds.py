"""Fits to all folds but one, of estimators that merge: each fold is fitted once.

K fits that leave out a fold each would sum every block K - 1 times. Here each block is summed once,
and a fit without a fold is the merge of the fits to the others. Nothing is subtracted, so no digit
is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamlearn._estimator.merging import Merging
from streamlearn.model_selection.folds import FoldPart


def merges(estimator: Any) -> bool:
    """Return whether the fit to several folds is the merge of the fits to each of them.

    Balanced weights of classes are those of each fit, so they do not merge.
    """
    balanced = getattr(estimator, "class_weight", None) == "balanced"
    return isinstance(estimator, Merging) and hasattr(estimator, "merge") and not balanced


def without_each(fits: Sequence[Any]) -> list[Any]:
    """Return for each of several fitted estimators the merge of all others.

    None stands for a fold without rows, and for a merge of nothing else.

    Examples
    --------
    >>> from streamlearn.preprocessing import StandardScaler
    >>> fits = [StandardScaler().fit([[x]]) for x in (1.0, 2.0, 6.0)]
    >>> [float(each.mean_[0]) for each in without_each(fits)]
    [4.0, 3.5, 1.5]
    """
    before, after = [None], [None]
    for each in fits[:-1]:
        before.append(merged(before[-1], each))
    for each in reversed(fits[1:]):
        after.append(merged(each, after[-1]))
    return [merged(a, b) for a, b in zip(before, reversed(after), strict=True)]


def merged(a: Any, b: Any) -> Any:
    """Return the merge of two fitted estimators, of which each may be None."""
    return b if a is None else a if b is None else a.merge(b)


def are_all_but_one(parts: Sequence[Any]) -> bool:
    """Return whether each part is all folds but one, and each fold is left out once."""
    if not all(isinstance(part, FoldPart) and not part.test for part in parts):
        return False
    folds = parts[0].folds
    same = all(part.folds == folds for part in parts)
    return same and [part.fold for part in parts] == [*range(folds.n_folds)]
