"""Text as counts of hashed terms: `HashingVectorizer`."""

from __future__ import annotations

from copy import copy
from typing import Any, Self

from sklearn.feature_extraction.text import HashingVectorizer as TheirVectorizer

from streamlearn._estimator.callbacks import watched
from streamlearn.feature_extraction.hashed import Hashed, some_or_raise
from streamlearn.feature_extraction.of_documents import OfDocuments, Reading


class HashingVectorizer(OfDocuments, TheirVectorizer):
    r"""Count hashed terms of documents, on lists, columns, dask collections and sources of blocks.

    It is scikit-learn's `~sklearn.feature_extraction.text.HashingVectorizer`, lazy for collections.

    Parameters
    ----------
    input : {"filename", "file", "content"}, default="content"
        What a document is: the name of a file, an object with a method ``read``, or the text.
    encoding : str, default="utf-8"
        The encoding of bytes and of files.
    decode_error : {"strict", "ignore", "replace"}, default="strict"
        What to do with bytes that are not in the encoding.
    strip_accents : {"ascii", "unicode"} or callable, default=None
        How accents are removed. None keeps them.
    lowercase : bool, default=True
        Whether characters become lower case.
    preprocessor : callable, default=None
        A function ``(document) -> str`` instead of ``strip_accents`` and ``lowercase``.
    tokenizer : callable, default=None
        A function ``(str) -> tokens`` instead of ``token_pattern``.
    stop_words : {"english"} or list, default=None
        Words that are left out.
    token_pattern : str, default=r"(?u)\b\w\w+\b"
        A regular expression of words.
    ngram_range : tuple (min_n, max_n), default=(1, 1)
        How many words, or characters, a term has.
    analyzer : {"word", "char", "char_wb"} or callable, default="word"
        What terms are made of: words, characters, or characters of one word. A function
        ``(document) -> terms`` makes terms of its own.
    n_features : int, default=1048576
        The number of columns.
    binary : bool, default=False
        Whether a term counts once in a document.
    norm : {"l1", "l2"} or None, default="l2"
        The norm of each row of the result, which is then 1. None does not change the length.
    alternate_sign : bool, default=True
        Whether the hash decides the sign of a term, so that collisions cancel in the mean.
    dtype : dtype, default=numpy.float64
        The dtype of the result.

    Notes
    -----
    Nothing is learned. So `transform` works without a fit, and a pipeline reads the documents once.

    Differences from scikit-learn:

    - An error says which document is missing, or is not text.
    - An iterator of lists, arrays or columns is one of blocks. An iterator of other objects is one
      of documents, as in scikit-learn.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from streamlearn.feature_extraction.text import HashingVectorizer
    >>> text = da.from_array(np.asarray(["red apple", "green apple"], dtype=object), chunks=1)
    >>> rows = HashingVectorizer(n_features=8, norm=None, alternate_sign=False).transform(text)
    >>> rows.compute().toarray()
    array([[1., 0., 0., 1., 0., 0., 0., 0.],
           [1., 0., 0., 0., 0., 0., 1., 0.]])
    """

    _learns_nothing = True

    @watched
    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters. No documents are read.

        Parameters
        ----------
        X : list, array, Series, dask Bag, Series or array, or source of blocks, of shape \
                (n_documents,)
            Text.
        y : None
            It is ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X is one string.
        """
        return super().fit(X if isinstance(X, str) else [])

    @watched
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters, as `fit` does."""
        return super().partial_fit([])

    def transform(self, X: Any) -> Any:
        """Return a row for each document.

        Parameters
        ----------
        X : list, array, Series, dask Bag, Series or array, or source of blocks, of shape \
                (n_documents,)
            Text, or what the analyzer takes.

        Returns
        -------
        sparse rows (CSR) or dask array of shape (n_documents, n_features)
            It is lazy for a collection: a dask array whose blocks are sparse rows.

        Raises
        ------
        TypeError
            If a document is not text.
        ValueError
            If a document is missing, or X is in memory and has no documents.
        """
        return self._rows(some_or_raise(self._opened(X)), self.n_features)

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Check the parameters, then return the rows of X as `transform` does.

        Parameters
        ----------
        X : list, array, Series, dask Bag, Series or array, or source of blocks, of shape \
                (n_documents,)
            Text.
        y : None
            It is ignored.

        Returns
        -------
        sparse rows (CSR) or dask array of shape (n_documents, n_features)
        """
        self.fit([])
        return self.transform(X)

    def _rows_function(self) -> Reading:
        self.build_analyzer()  # it checks the stop words, and a copy would do so each time
        return Reading(Hashed(TheirVectorizer.transform, copy(self)), self._is_checked())
