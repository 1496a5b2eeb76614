"""Terms: their counts in documents, as sparse rows and as a statistic that merges.

A term is whatever an analyzer of scikit-learn returns: a word, or several. `count` gives each term
of a block a number in the order in which it finds them. `chosen` sorts them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import repeat
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from streamlearn._arrays.sparse import cast, made

Term = Hashable
Analyzer = Callable[[Any], Iterable[Term]]


class TermCounts(NamedTuple):
    """The terms of some documents, and how often they occur.

    Attributes
    ----------
    places : dict of term to int
        The place of each term in the arrays.
    documents : ndarray of int64 of shape (n_terms,)
        The number of documents with each term.
    counts : ndarray of int64 of shape (n_terms,)
        How often each term occurs in all documents.
    n_documents : int
    """

    places: dict[Term, int]
    documents: np.ndarray
    counts: np.ndarray
    n_documents: int


class Counted(NamedTuple):
    """How terms are counted.

    Attributes
    ----------
    analyze : callable
        ``(document) -> terms``.
    binary : bool
        Whether a term counts once in a document.
    dtype : dtype
        The dtype of counts.
    """

    analyze: Analyzer
    binary: bool
    dtype: Any


def rows_of(how: Counted, documents: Sequence[Any], known: Mapping[Term, int]) -> csr_array:
    """Return the counts of known terms in documents, (n_documents, n_known).

    Examples
    --------
    >>> rows_of(Counted(str.split, False, int), ["a b a c", "c"], {"a": 0, "b": 1}).toarray()
    array([[2, 1],
           [0, 0]])
    """
    width = len(known)
    get, found, ends = known.get, list[int](), [0]
    for document in documents:
        found.extend(map(get, how.analyze(document), repeat(width)))
        ends.append(len(found))
    rows = _summed(found, ends, width + 1)
    # The last column counts unknown terms. Columns are sorted, so it is the last entry of a row.
    kept = rows.indices < width
    at = np.concatenate([[0], np.cumsum(kept)])[rows.indptr].astype(rows.indptr.dtype)
    return _as_asked(how, made(rows.data[kept], rows.indices[kept], at, width))


def count(how: Counted, documents: Sequence[Any]) -> tuple[TermCounts, csr_array]:
    """Return the counts of all terms in documents, and the rows, whose columns are the places.

    Examples
    --------
    >>> state, rows = count(Counted(str.split, False, int), ["b a b", "b"])
    >>> state.places, state.documents, state.counts
    ({'b': 0, 'a': 1}, array([2, 1]), array([3, 1]))
    >>> rows.toarray()
    array([[2, 1],
           [1, 0]])
    """
    places: defaultdict[Term, int] = defaultdict()
    places.default_factory = places.__len__
    get, found, ends = places.__getitem__, list[int](), [0]
    for document in documents:
        found.extend(map(get, how.analyze(document)))
        ends.append(len(found))
    rows = _as_asked(how, _summed(found, ends, len(places)))
    return of_rows(dict(places), rows), rows


def of_rows(places: dict[Term, int], rows: csr_array) -> TermCounts:
    """Return the statistic of rows whose columns are the places of terms."""
    n = len(places)
    weights = rows.data.astype(np.float64)
    return TermCounts(
        places,
        np.bincount(rows.indices, minlength=n).astype(np.int64, copy=False),
        np.bincount(rows.indices, weights=weights, minlength=n).astype(np.int64),
        rows.shape[0],
    )


def merge(a: TermCounts, b: TermCounts) -> TermCounts:
    """Return the counts over the documents of both.

    Examples
    --------
    >>> how = Counted(str.split, False, int)
    >>> here, there = (count(how, documents)[0] for documents in (["b a"], ["c a", "c"]))
    >>> both = merge(here, there)
    >>> both.places, both.documents.tolist(), both.n_documents
    ({'b': 0, 'a': 1, 'c': 2}, [1, 2, 2], 3)
    """
    places = dict(a.places)
    at = [places.setdefault(term, len(places)) for term in b.places]
    sums = []
    for here, there in ((a.documents, b.documents), (a.counts, b.counts)):
        out = np.zeros(len(places), dtype=np.int64)
        out[: len(here)] = here
        out[at] += there
        sums.append(out)
    return TermCounts(places, sums[0], sums[1], a.n_documents + b.n_documents)


class Limits(NamedTuple):
    """Which terms are kept: the parameters of CountVectorizer."""

    min_df: Any
    max_df: Any
    max_features: Any
    dtype: Any


def chosen(state: TermCounts, limits: Limits) -> tuple[dict[Term, int], np.ndarray]:
    """Return the columns of the terms that are kept, in their order, and their places.

    Raises
    ------
    ValueError
        If no term is kept.

    Examples
    --------
    >>> state, _ = count(Counted(str.split, False, int), ["b a b", "b"])
    >>> chosen(state, Limits(1, 1.0, None, int))
    ({'a': 0, 'b': 1}, array([1, 0]))
    """
    if not state.places:
        raise ValueError("empty vocabulary; perhaps the documents only contain stop words")
    most, least = (
        limit if isinstance(limit, Integral) else limit * state.n_documents
        for limit in (limits.max_df, limits.min_df)
    )
    if most < least:
        raise ValueError("max_df corresponds to < documents than min_df")
    terms = sorted(state.places)  # type: ignore[type-var]
    places = np.fromiter(map(state.places.__getitem__, terms), dtype=np.intp, count=len(terms))
    documents = state.documents[places]
    kept = np.flatnonzero((documents <= most) & (documents >= least))
    if limits.max_features is not None and len(kept) > limits.max_features:
        # scikit-learn sorts sums of this dtype. Terms that are equally frequent stay in its order.
        counts = state.counts[places[kept]].astype(_dtype_of_sums(limits.dtype))
        kept = np.sort(kept[(-counts).argsort()[: limits.max_features]])
    if not len(kept):
        raise ValueError("After pruning, no terms remain. Try a lower min_df or a higher max_df.")
    return {terms[at]: column for column, at in enumerate(kept)}, places[kept]


def _dtype_of_sums(dtype: Any) -> Any:
    """Return the dtype of the sums of a sparse array of scipy."""
    return csr_array(np.zeros((1, 1), dtype=dtype)).sum(axis=0).dtype


def _summed(found: list[int], ends: list[int], width: int) -> csr_array:
    """Return the counts of places in documents, whose last places are given by ``ends``."""
    small = np.int32 if len(found) < 2**31 else np.int64
    at = np.asarray(found, dtype=small)
    shape = (len(ends) - 1, width)
    rows = csr_array(
        (np.ones(len(at), dtype=np.intc), at, np.asarray(ends, dtype=small)),
        shape=shape,
    )
    rows.sum_duplicates()
    return rows


def _as_asked(how: Counted, rows: csr_array) -> csr_array:
    rows = cast(rows, np.dtype(how.dtype))
    if how.binary:
        rows.data.fill(1)
    return rows
