"""The base class of vectorizers that find a vocabulary."""

from __future__ import annotations

from functools import partial
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.metadata_routing import UNUSED

from streamlearn import blocks as engine
from streamlearn._arrays.sparse import csr
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import unchanged_on_error
from streamlearn._estimator.merging import Merging
from streamlearn._sklearn import _align_api_if_sparse
from streamlearn._validation.messages import no_rows
from streamlearn.feature_extraction.of_documents import OfDocuments, Reading
from streamlearn.feature_extraction.terms import (
    Counted,
    Limits,
    TermCounts,
    chosen,
    count,
    merge,
    of_rows,
    rows_of,
)

CHECKED = "_stop_words_id"
"""The attribute by which scikit-learn knows that it has checked the stop words, and warned."""


class OfTerms(Merging, OfDocuments, CountVectorizer):
    """A vectorizer with a column for each term. Terms of blocks are counted in parallel.

    A subclass may define ``_publish_counts``.
    """

    __metadata_request__partial_fit = {"raw_documents": UNUSED}

    _state: TermCounts

    vocabulary_: dict[Any, int]
    fixed_vocabulary_: bool

    def _needs_rows(self) -> bool:
        """Return whether documents must be read, because not all is given."""
        return self.vocabulary is None

    def _publish_counts(self, documents: np.ndarray, n_documents: int) -> None:
        """Set attributes by the number of documents with each term of the vocabulary."""

    def fit(self, raw_documents: Any, y: Any = None) -> Self:
        """Find the vocabulary.

        Parameters
        ----------
        raw_documents : list, array, Series, dask Bag, Series or array, or source of blocks, of \
                shape (n_documents,)
            Text, or what the analyzer takes. An iterator, such as a generator, may yield documents
            or blocks of them.
        y : None
            It is ignored.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If a document is not text.
        ValueError
            If a document is missing, if no term is left, or if
            ``vocabulary`` has a term or a column twice.
        """
        return self._learn(raw_documents, reset=True)

    def partial_fit(self, raw_documents: Any, y: Any = None) -> Self:
        """Learn from more documents. The vocabulary may grow, and columns may move.

        Parameters and errors are those of `fit`.
        """
        return self._learn(raw_documents, reset=not hasattr(self, "_state"))

    def fit_transform(self, raw_documents: Any, y: Any = None) -> Any:
        """Find the vocabulary, and return the rows of the same documents.

        A collection is read twice, and the second read is lazy.

        Parameters
        ----------
        raw_documents : list, array, Series, dask Bag, Series or array, or source of blocks, of \
                shape (n_documents,)
            As in `fit`.
        y : None
            It is ignored.

        Returns
        -------
        sparse rows (CSR) or dask array of shape (n_documents, n_terms)
            As `transform` returns them.

        Raises
        ------
        TypeError, ValueError
            If `fit` would raise them.
        """
        return self._learn(raw_documents, reset=True, transforms=True)

    @watched
    def _learn(self, X: Any, *, reset: bool, transforms: bool = False) -> Any:
        """Learn from X. Return self, or the rows of X if ``transforms``."""
        X = self._opened(X)
        rows = None
        with unchanged_on_error(self):
            self._check_parameters()
            if self._needs_rows():
                state, rows = self._counted(X, keep=transforms)
                self._set(state if reset else merge(self._state, state))
        if not transforms:
            return self
        if rows is None:
            return self.transform(X)
        return _align_api_if_sparse(self._weighted(self._in_columns(rows)))

    def _counted(self, X: Any, *, keep: bool) -> tuple[TermCounts, csr_array | None]:
        """Return the counts of terms, and the rows of documents in memory if ``keep``."""
        how, reading = self._how(), Reading(list, self._is_checked())
        known = self.vocabulary_ if self.fixed_vocabulary_ else None
        if keep and not engine.is_collection(X):
            return _of_documents(how, known, reading.documents(X, None))
        of_block = partial(_of_block, how, known, reading)
        state = engine.reduce(of_block, merge, engine.align(X=X))
        if state is None:
            raise no_rows(type(self).__name__)
        return state, None

    def _how(self) -> Counted:
        """Return how terms are counted, without what this has learned."""
        out = self._unfitted()
        analyze = out.build_analyzer()
        if CHECKED in vars(out):
            setattr(self, CHECKED, getattr(out, CHECKED))
        return Counted(analyze, bool(self.binary), self.dtype)

    def _unfitted(self) -> Self:
        """Return a copy with the same parameters. ``copy`` would look at each term."""
        out = type(self).__new__(type(self))
        known = {*self.get_params(deep=False), CHECKED}
        out.__dict__ = {name: value for name, value in vars(self).items() if name in known}
        return out

    def _check_parameters(self) -> None:
        """Let scikit-learn check the parameters. Set the vocabulary if it is given."""
        probe = self._unfitted()
        if self.vocabulary is None:
            probe.vocabulary = ["a"]
        CountVectorizer.fit_transform(probe, [])
        if self.vocabulary is not None:
            self.vocabulary_ = probe.vocabulary_
        self.fixed_vocabulary_ = self.vocabulary is not None

    def _set(self, state: TermCounts) -> None:
        """Set the state, and the attributes that depend on it."""
        if self.fixed_vocabulary_:
            documents = np.zeros(len(self.vocabulary_), dtype=np.int64)
            columns = [self.vocabulary_[term] for term in state.places]
            documents[columns] = state.documents
        else:
            limits = Limits(self.min_df, self.max_df, self.max_features, self.dtype)
            self.vocabulary_, places = chosen(state, limits)
            documents = state.documents[places]
        self._state = state
        self._publish_counts(documents, state.n_documents)

    def _in_columns(self, rows: csr_array) -> csr_array:
        """Return rows whose columns are the places of terms with the columns of the vocabulary."""
        if self.fixed_vocabulary_:
            return rows
        places = self._state.places
        at = np.fromiter((places[t] for t in self.vocabulary_), np.intp, len(self.vocabulary_))
        return csr(rows[:, at])

    def _weighted(self, rows: csr_array) -> csr_array:
        """Return the result for counts."""
        return rows

    def _merge_from(self, a: Any, b: Any) -> None:
        if hasattr(a, "_state"):
            self._set(merge(a._state, b._state))

    def transform(self, raw_documents: Any) -> Any:
        """Return a row for each document, with a column for each term of the vocabulary.

        Parameters
        ----------
        raw_documents : list, array, Series, dask Bag, Series or array, or source of blocks, of \
                shape (n_documents,)
            As in `fit`.

        Returns
        -------
        sparse rows (CSR) or dask array of shape (n_documents, n_terms)
            It is lazy for a collection: a dask array whose blocks are sparse rows.

        Raises
        ------
        TypeError
            If a document is not text.
        ValueError
            If a document is missing.
        NotFittedError
            If the vocabulary is neither fitted nor given.
        """
        X = self._opened(raw_documents)
        if not hasattr(self, "vocabulary_"):
            if self.vocabulary is None:
                raise NotFittedError("Vocabulary not fitted or provided")
            self._check_parameters()
        return self._rows(X, len(self.vocabulary_))

    def _rows_function(self) -> Reading:
        function = Rows(self._how(), self.vocabulary_)
        return Reading(function, self._is_checked())

    def _known_beforehand(self) -> bool:
        """Return whether a pipeline must fit this before its learner sees a row."""
        return self._needs_rows()

    def _fitted_to_columns(self, X: Any) -> Self | None:
        """Return a fitted copy without reading X, or None if rows are needed."""
        return None if self._needs_rows() else clone(self).fit([])


class Rows:
    """The counts of documents as a function. Unlike a partial, it has a fast ``repr``."""

    def __init__(self, how: Counted, known: dict[Any, int], weighted: Any = None) -> None:
        self.how, self.known, self.weighted = how, known, weighted

    def __call__(self, documents: list[Any]) -> csr_array:
        """Return the rows."""
        rows = rows_of(self.how, documents, self.known)
        return rows if self.weighted is None else self.weighted(rows)


def _of_documents(
    how: Counted, known: dict[Any, int] | None, documents: list[Any]
) -> tuple[TermCounts, csr_array]:
    if known is None:
        return count(how, documents)
    rows = rows_of(how, documents, known)
    return of_rows(_by_column(known), rows), rows


def _by_column(known: dict[Any, int]) -> dict[Any, int]:
    return dict(sorted(known.items(), key=lambda item: item[1]))


def _of_block(
    how: Counted, known: dict[Any, int] | None, reading: Reading, block: engine.Block
) -> TermCounts:
    """Return the counts of the terms of a block."""
    return _of_documents(how, known, reading.documents(block.X, block.named))[0]
