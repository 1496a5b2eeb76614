"""Folds of cross-fitting: a row is encoded by the targets of the rows of other folds only.

The pass that sums up and the pass that encodes must give a row the same fold. So it depends on a
seed, the number of the row's block and its place in the block alone.

These folds are not those of cross-validation (`streamlearn.model_selection.folds.Folds`). Here each
row is drawn by itself, and folds have different sizes. That is enough for sums. The scores of folds
are compared, so there the rows of a block are dealt evenly, and those of each label if asked.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, check_cv
from sklearn.utils import check_consistent_length, check_random_state, indexable
from sklearn.utils.metadata_routing import process_routing

from streamlearn import blocks as engine
from streamlearn._arrays import is_array, to_numpy
from streamlearn._sklearn import _routing_enabled


class CrossFitFolds(NamedTuple):
    """How the folds of rows are found.

    Attributes
    ----------
    n_folds : int
    seed : int or None
        The seed by which the fold of each row is drawn. If it is None, all rows of a block are in
        one fold, and blocks take turns.
    """

    n_folds: int
    seed: int | None

    def of_rows(self, block: int | None, n_rows: int) -> np.ndarray:
        """Return the fold of each row of a block. If ``block`` is None, the rows are in memory.

        Examples
        --------
        >>> folds = CrossFitFolds(2, None)
        >>> folds.of_rows(3, 4).tolist(), folds.of_rows(None, 4).tolist()
        ([1, 1, 1, 1], [0, 0, 1, 1])
        """
        if self.seed is not None:
            draws = np.random.default_rng([self.seed, 0 if block is None else block])
            return draws.integers(self.n_folds, size=n_rows)
        if block is None:
            return np.arange(n_rows) * self.n_folds // max(n_rows, 1)
        return np.full(n_rows, block % self.n_folds)


ALL_IN_ONE = CrossFitFolds(1, None)
"""All rows are of one fold."""


def folds_of_blocks(cv: Any, shuffle: Any, random_state: Any) -> CrossFitFolds | None:
    """Return the folds for parameters of a `TargetEncoder`, or None if these list the rows."""
    if cv is None or isinstance(cv, int | np.integer):
        n_folds = 5 if cv is None else int(cv)
        shuffle = True if shuffle == "deprecated" else shuffle
        random_state = None if random_state == "deprecated" else random_state
    elif type(cv) in (KFold, StratifiedKFold):
        n_folds, shuffle, random_state = cv.n_splits, cv.shuffle, cv.random_state
    else:
        return None
    drawn = check_random_state(random_state).randint(2**31) if shuffle else None
    return CrossFitFolds(n_folds, drawn)


def folds_in_memory(encoder: Any, X: Any, y: Any, kind: str, params: dict[str, Any]) -> np.ndarray:
    """Return the fold of each row in memory, as scikit-learn splits them.

    Parameters
    ----------
    encoder : TargetEncoder
    X, y : array-like over the same rows
    kind : {"continuous", "binary", "multiclass"}
        The type of the target.
    params : dict
        The metadata for the splitter.

    Raises
    ------
    ValueError
        If a row is in no test fold or in several, or if a fold does not train on all other rows.
    """
    X = X if hasattr(X, "__len__") else np.asarray(X)
    y = y if hasattr(y, "shape") else np.asarray(y)
    check_consistent_length(X, y)
    how: dict[str, Any] = {"shuffle": True if encoder.shuffle == "deprecated" else encoder.shuffle}
    if encoder.random_state != "deprecated":
        how["random_state"] = encoder.random_state
    if is_array(y):
        y = to_numpy(y)
    cv = check_cv(encoder.cv, y, classifier=kind != "continuous", **how)
    routed: dict[str, Any] = {}
    if _routing_enabled():
        if params.get("groups") is not None:
            X, y, params["groups"] = indexable(X, y, params["groups"])
        routed = process_routing(encoder, "fit_transform", **params).splitter.split
    folds = np.full(engine.n_rows(X), -1)
    for i, (train, test) in enumerate(cv.split(X, y, **routed)):
        if (folds[test] >= 0).any():
            folds[:] = -1
            break
        folds[test] = i
        if len(train) + len(test) != len(folds):
            raise ValueError(
                f"Fold {i} of cv has {len(train)} training rows and {len(test)} others, of "
                f"{len(folds)} in all. A row is encoded by all rows of other folds: "
                "give a splitter that trains on all of them."
            )
    if (folds < 0).any():
        raise ValueError(
            "Validation indices from `cv` must cover each sample index exactly once with no "
            "overlap. Pass a splitter with non-overlapping validation folds as `cv`."
        )
    return folds
