"""The mutual information of features and a target, from tables of pairs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import fsum
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_array

from streamlearn._arrays import to_numpy
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import quantile_summary
from streamlearn.feature_selection import pair_tables
from streamlearn.feature_selection.pair_tables import Columns, Pairs
from streamlearn.feature_selection.scores import Found, Score

FEWEST_BINS, MOST_BINS = 8, 64
"""The limits of the number of bins, if it is "auto"."""


def information(counts: np.ndarray, *, binned: bool) -> float:
    """Return the mutual information of a table of pairs (v, k), 0 or more, in nats.

    If values are ``binned``, the mean error of a table with few rows is subtracted [1]_.

    References
    ----------
    .. [1] G. A. Miller, "Note on the bias of information estimates", Information Theory in
       Psychology, 1955.

    Examples
    --------
    >>> import numpy as np
    >>> information(np.asarray([[5, 0], [0, 5]]), binned=False)
    0.6931471805599453
    """
    rows, columns, n = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    i, j = np.nonzero(counts)
    share = counts[i, j] / n
    found = fsum(share * np.log(share / (rows[i] / n) / (columns[j] / n)))
    if binned:
        seen = np.count_nonzero(rows) + np.count_nonzero(columns)
        found += (seen - len(i) - 1) / (2.0 * n)
    return max(found, 0.0)


def score_of_pairs(kind: str, *, discrete_features: Any = "auto", n_bins: Any = "auto") -> Score:
    """Return the score by mutual information, for a target of "labels" or of "values".

    Raises
    ------
    ValueError
        If a parameter is not one that is allowed.
    """
    auto = isinstance(n_bins, str) and n_bins == "auto"
    if not auto and (not isinstance(n_bins, Integral) or isinstance(n_bins, bool) or n_bins < 2):
        raise ValueError(
            f"n_bins={n_bins!r} must be 'auto', or a number of bins that is at least 2."
        )
    discrete = _discrete(discrete_features)
    n = None if auto else int(n_bins)
    return Score(
        kind,
        partial(_first, discrete),
        _of_first,
        again=partial(_again, discrete, n),
    )


def _discrete(given: Any) -> Any:
    """Return which features are discrete as a value that can be compared.

    Raises
    ------
    ValueError
        If it is another text than "auto".
    """
    if isinstance(given, str) and given != "auto":
        raise ValueError(f"Invalid string value for discrete_features: {given!r}. Give 'auto'.")
    if isinstance(given, str | bool | np.bool_):
        return given if isinstance(given, str) else bool(given)
    known = check_array(given, ensure_2d=False, dtype=None, ensure_min_samples=0)
    return tuple(bool(x) if known.dtype == bool else int(x) for x in known)


def _first(discrete: Any, n_classes: int) -> Learner:
    return pair_tables.learner(Columns(n_classes, discrete))


def _of_first(state: Pairs) -> Found:
    return np.asarray([information(t.counts, binned=False) for t in state.tables if t]), None


def _again(
    discrete: Any, n_bins: int | None, n_classes: int, state: Pairs
) -> tuple[Learner, Callable[[Pairs], Found]] | None:
    """Return the learner of a second read, and the scores of what it finds.

    The result is None if the first read is enough.
    """
    if all(table is not None for table in state.tables):
        return None
    d, summary = len(state.tables), state.continuous
    some = state.target if summary is None else summary
    assert some is not None
    n = float(to_numpy(quantile_summary.total(some))[0])
    count = n_bins or min(max(round(n ** (1 / 3)), FEWEST_BINS), MOST_BINS)
    target, exact = None, True
    if state.target is not None:
        ((target, exact),) = pair_tables.edges_of(state.target, count)
    edges: list[np.ndarray | None] = [None] * d
    binned = np.full(d, not exact)
    if summary is not None:
        rest = ~pair_tables.discrete_mask(discrete, d, sparse=False)
        found = pair_tables.edges_of(summary, count)
        for j, (inner, own) in zip(np.flatnonzero(rest), found, strict=True):
            edges[j], binned[j] = inner, binned[j] or not own
    params = Columns(n_classes, discrete, tuple(edges), target)
    return pair_tables.learner(params), partial(_of_second, binned)


def _of_second(binned: np.ndarray, state: Pairs) -> Found:
    tables = [table for table in state.tables if table is not None]
    each = zip(tables, binned, strict=True)
    return np.asarray([information(table.counts, binned=bool(b)) for table, b in each]), None


MUTUAL_CLASSIF = score_of_pairs("labels")._replace(
    keywords=frozenset({"discrete_features", "n_bins"}), given=partial(score_of_pairs, "labels")
)
MUTUAL_REGRESSION = score_of_pairs("values")._replace(
    keywords=MUTUAL_CLASSIF.keywords, given=partial(score_of_pairs, "values")
)
