"""How often each value of a feature comes with each value of the target, in tables that merge.

Values are the numbers of a discrete feature, or the bins of another one. Tables are on the host,
and have a row for each value that was seen. The numbers of a feature are in ascending order, so
that the tables of two blocks are merged by their values.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import Array, asarray, default_int, device, is_sparse, namespace, to_numpy
from streamlearn._training.summed import example_of
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics import block_summary, quantile_summary, quantiles
from streamlearn.core.statistics.quantile_summary import QuantileSummary, Sketch

MOST_VALUES = 1 << 20
"""The most values that a discrete feature may take."""


class Table(NamedTuple):
    """The pairs of one feature.

    Attributes
    ----------
    values : ndarray of shape (v,)
        Numbers in ascending order.
    counts : ndarray of shape (v, k)
        How many rows have a value, and each of the k values of the target.
    """

    values: np.ndarray
    counts: np.ndarray


class Columns(NamedTuple):
    """What a read knows of the variables.

    Attributes
    ----------
    n_classes : int
        The number of classes of the target, 0 if it is a number.
    discrete : bool, "auto" or tuple of int
        Which features are discrete: all, none, all if rows are sparse, or these.
    edges : tuple of ndarray or None, or None
        For each feature the inner edges of its bins, or None if it is discrete. None if bins are
        not known yet: then the numbers are summarized instead.
    target_edges : ndarray or None
        The inner edges of the bins of a target of numbers.
    """

    n_classes: int
    discrete: Any = "auto"
    edges: tuple[np.ndarray | None, ...] | None = None
    target_edges: np.ndarray | None = None


class Pairs(NamedTuple):
    """What a read finds.

    Attributes
    ----------
    like : array of shape (0,)
        The library, the device and the float dtype of the rows.
    finite : bool
        Whether all numbers of discrete features are finite.
    tables : tuple of Table or None
        For each feature, None if its pairs cannot be counted yet.
    continuous : QuantileSummary or None
        The summary of the features that are not discrete.
    target : QuantileSummary or None
        The summary of a target of numbers.
    """

    like: Array
    finite: bool
    tables: tuple[Table | None, ...]
    continuous: QuantileSummary | None = None
    target: QuantileSummary | None = None


def init(params: Columns, n_features: int, n_outputs: int = 1, *, like: Array) -> Pairs:
    """Return what is found in no rows."""
    target = like[:0, 0]
    if params.n_classes:
        target = namespace(like).zeros(0, dtype=default_int(like), device=device(like))
    return of_block(params, like[:0, :], None, target)


def of_block(params: Columns, X: Array, weight: Array | None, target: Array) -> Pairs:
    """Return what is found in a block. Its target holds codes of classes, or numbers.

    Examples
    --------
    >>> import numpy as np
    >>> X, codes = np.asarray([[5.0], [5.0], [7.0]]), np.asarray([0, 1, 1])
    >>> of_block(Columns(2, True), X, None, codes).tables
    (Table(values=array([5., 7.]), counts=array([[1, 1],
           [0, 1]])),)
    """
    d, sparse = X.shape[1], is_sparse(X)
    discrete = discrete_mask(params.discrete, d, sparse=sparse)
    if sparse and not discrete.all():
        raise ValueError(
            "Sparse rows can't have continuous features. Set discrete_features=True, or make X "
            "dense."
        )
    if params.edges is None:
        rest = np.flatnonzero(~discrete)
        numbers = None if params.n_classes else block_summary.of_block(Sketch(), target[:, None])
        summary = None
        if len(rest):
            some = X if len(rest) == d else _columns(X, rest)
            summary = block_summary.of_block(Sketch(), some)
        if not params.n_classes:
            return Pairs(example_of(X), True, (None,) * d, summary, numbers)
        codes, k = to_numpy(target), params.n_classes
    else:
        summary = numbers = None
        codes, k = to_numpy(target), params.n_classes
        if params.target_edges is not None:
            codes = np.searchsorted(params.target_edges, codes, side="right")
            k = len(params.target_edges) + 1
    like, tables = example_of(X), list[Table | None]()
    X = to_numpy(X) if not sparse else X.tocsc()
    for j in range(d):
        edges = None if params.edges is None else params.edges[j]
        if edges is not None:
            at = np.searchsorted(edges, X[:, j], side="right")
            values = np.arange(len(edges) + 1, dtype=np.float64)
            tables.append(Table(values, _counted(at, codes, len(values), k)))
        elif not discrete[j]:
            tables.append(None)
        else:
            tables.append(_of_sparse(X, j, codes, k) if sparse else _of_values(X[:, j], codes, k))
    finite = all(table is None or np.isfinite(table.values).all() for table in tables)
    return Pairs(like, bool(finite), tuple(tables), summary, numbers)


def _columns(X: Array, at: np.ndarray) -> Array:
    """Return some columns of dense rows."""
    return namespace(X).take(X, asarray(at, like=X, dtype=default_int(X)), axis=1)


def discrete_mask(given: Any, d: int, *, sparse: bool) -> np.ndarray:
    """Return which of d features are discrete.

    Raises
    ------
    IndexError
        If the numbers of features or a mask are not those of d features.
    """
    if isinstance(given, str | bool):
        return np.full(d, sparse if given == "auto" else bool(given))
    known = np.asarray(given, dtype=None if len(given) else np.int64)
    if known.dtype == bool:
        if known.shape != (d,):
            raise IndexError(
                f"discrete_features is a mask of shape {known.shape}, and X has {d} features."
            )
        return known
    mask = np.zeros(d, dtype=bool)
    mask[known] = True
    return mask


def _counted(at: np.ndarray, codes: np.ndarray, n_values: int, k: int) -> np.ndarray:
    """Return how many rows have each value and each code, (n_values, k)."""
    found = np.bincount(at * k + codes, minlength=n_values * k)
    return found.reshape(n_values, k)


def _of_values(x: np.ndarray, codes: np.ndarray, k: int) -> Table:
    values, at = np.unique(x, return_inverse=True)
    return Table(values.astype(np.float64), _counted(at, codes, len(values), k))


def _of_sparse(X: Any, j: int, codes: np.ndarray, k: int) -> Table:
    """Return the table of a sparse column, with the zeros that are not stored."""
    stored = slice(X.indptr[j], X.indptr[j + 1])
    known = codes[X.indices[stored]]
    table = _of_values(X.data[stored], known, k)
    zeros = np.bincount(codes, minlength=k) - np.bincount(known, minlength=k)
    if not zeros.any():
        return table
    return _joined(table, Table(np.zeros(1), zeros[None, :]))


def _joined(a: Table, b: Table) -> Table:
    """Return the table of the rows of both."""
    if np.array_equal(a.values, b.values):
        return Table(a.values, a.counts + b.counts)
    values = np.union1d(a.values, b.values)
    if len(values) > MOST_VALUES:
        raise ValueError(
            f"A discrete feature has more than {MOST_VALUES} different values. Leave it out of "
            "discrete_features, so that its values are put in bins."
        )
    counts = np.zeros((len(values), a.counts.shape[1]), dtype=a.counts.dtype)
    for table in (a, b):
        counts[np.searchsorted(values, table.values)] += table.counts
    return Table(values, counts)


def merge(a: Pairs, b: Pairs) -> Pairs:
    """Return what is found in the rows of both."""
    tables = tuple(
        None if one is None or other is None else _joined(one, other)
        for one, other in zip(a.tables, b.tables, strict=True)
    )
    summaries = (
        None if one is None or other is None else quantile_summary.merge(one, other)
        for one, other in zip(a[3:], b[3:], strict=True)
    )
    return Pairs(a.like, a.finite and b.finite, tables, *summaries)


def n_features(state: Pairs) -> int:
    """Return the number of features."""
    return len(state.tables)


def is_finite(state: Pairs) -> bool:
    """Return whether no row contained infinity, or NaN in a discrete feature."""
    rest = state.continuous
    return state.finite and (rest is None or bool(quantile_summary.is_finite(rest)))


def is_clean(state: Pairs, n_rows: int) -> bool:
    """Return whether ``n_rows`` rows contained no NaN."""
    rest = state.continuous
    return state.finite and (rest is None or bool(quantile_summary.is_clean(rest, n_rows)))


def is_empty(state: Pairs) -> bool:
    """Return whether there are no rows."""
    rest = state.continuous
    counted = any(table is not None and table.counts.any() for table in state.tables)
    return not counted and (rest is None or bool(quantile_summary.is_empty(rest)))


def edges_of(state: QuantileSummary, n_bins: int) -> list[tuple[np.ndarray, bool]]:
    """Return the inner edges of the bins of each feature, and whether each value has its own bin.

    Bins have about the same number of rows. A feature with few values has a bin for each of them.
    """
    shares = (np.arange(1, n_bins) / n_bins).tolist()
    found = to_numpy(quantiles.quantile(state, shares)).astype(np.float64).T
    exact = to_numpy(quantile_summary.is_exact(state))
    known = to_numpy(state.at) > 0
    out = []
    for j, edges in enumerate(found):
        values = to_numpy(state.values)[j][known[j]].astype(np.float64)
        if exact[j] and len(values) <= n_bins:
            out.append((values[1:], True))
        else:
            edges = np.unique(edges)
            out.append((edges[edges > values[0]], False))
    return out


def _applied(params: Columns, state: Pairs) -> Any:
    raise NotImplementedError("tables of pairs transform no rows")


def learner(params: Columns) -> Learner:
    """Return a mergeable learner of the pairs."""
    return mergeable(
        params,
        init=init,
        of_block=of_block,
        merge=merge,
        applied=_applied,
        n_features=n_features,
        is_finite=is_finite,
        is_clean=is_clean,
        is_empty=is_empty,
        sparse=True,
        supervised=True,
    )
