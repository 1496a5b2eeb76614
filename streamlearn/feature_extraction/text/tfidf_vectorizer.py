"""Text as weights of terms: `TfidfVectorizer`."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer as TheirVectorizer
from sklearn.utils.validation import check_is_fitted

from streamlearn.core.statistics.document_frequencies import (
    Frequencies,
    Weighted,
    Weighting,
    inverse,
)
from streamlearn.feature_extraction.of_documents import Reading
from streamlearn.feature_extraction.vocabulary import OfTerms, Rows


class TfidfVectorizer(OfTerms, TheirVectorizer):
    r"""Weight the terms of documents by inverse document frequencies, on lists and collections.

    It is scikit-learn's `~sklearn.feature_extraction.text.TfidfVectorizer`: a `CountVectorizer`
    followed by a `TfidfTransformer`. Blocks of documents are read in parallel, once for both.

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
    analyzer : {"word", "char", "char_wb"} or callable, default="word"
        What terms are made of: words, characters, or characters of one word. A function
        ``(document) -> terms`` makes terms of its own.
    stop_words : {"english"} or list, default=None
        Words that are left out.
    token_pattern : str, default=r"(?u)\b\w\w+\b"
        A regular expression of words.
    ngram_range : tuple (min_n, max_n), default=(1, 1)
        How many words, or characters, a term has.
    max_df : float or int, default=1.0
        Terms in more documents are left out: a share of the documents, or a number of them.
    min_df : float or int, default=1
        Terms in fewer documents are left out: a share of the documents, or a number of them.
    max_features : int, default=None
        The number of terms, the most frequent ones. None keeps all.
    vocabulary : mapping or iterable, default=None
        The terms, or a mapping of terms to columns. None finds the terms in the documents.
    binary : bool, default=False
        Whether a term counts once in a document.
    dtype : dtype, default=numpy.float64
        The dtype of the result.
    norm : {"l1", "l2"} or None, default="l2"
        The norm of each row of the result, which is then 1. None does not change the length.
    use_idf : bool, default=True
        Whether to multiply by the inverse document frequency of a term.
    smooth_idf : bool, default=True
        Whether one more document that has every term once is counted.
    sublinear_tf : bool, default=False
        Whether a count c becomes 1 + log(c).

    Attributes
    ----------
    vocabulary_ : dict
        The column of each term. Columns are in the order of the sorted terms.
    fixed_vocabulary_ : bool
        Whether the vocabulary was given.
    idf_ : ndarray of shape (n_terms,)
        The inverse document frequency of each term, see `TfidfTransformer`. It exists only if
        ``use_idf``.

    Notes
    -----
    See `CountVectorizer`. A pipeline over a collection finds the vocabulary and the document
    frequencies beforehand, in a pass over the documents alone.

    Differences from scikit-learn:

    - `partial_fit` and `merge` exist.
    - An error says which document is missing, or is not text.
    - An iterator of lists, arrays or columns is one of blocks. An iterator of other objects is one
      of documents, as in scikit-learn.
    - With ``vocabulary`` and ``use_idf=False``, `fit` reads no documents.

    Examples
    --------
    >>> from streamlearn.feature_extraction.text import TfidfVectorizer
    >>> documents = ["red apple", "green apple", "green tea, green cup"]
    >>> tfidf = TfidfVectorizer(min_df=2).fit(documents)
    >>> tfidf.transform(documents).toarray()
    array([[1.        , 0.        ],
           [0.70710678, 0.70710678],
           [0.        , 1.        ]])
    """

    def _needs_rows(self) -> bool:
        return self.vocabulary is None or bool(self.use_idf)

    def _weighting(self) -> Weighting:
        return Weighting(
            self.norm, bool(self.use_idf), bool(self.smooth_idf), bool(self.sublinear_tf)
        )

    def _check_parameters(self) -> None:
        self._check_params()
        super()._check_parameters()

    def _publish_counts(self, documents: np.ndarray, n_documents: int) -> None:
        if self.use_idf:
            rows, none = (np.asarray([n], dtype=np.int64) for n in (n_documents, 0))
            with np.errstate(divide="ignore"):
                idf = inverse(self._weighting(), Frequencies(documents, rows, none))
            self._idf = idf.astype(self._floats(), copy=False)
        else:
            self.__dict__.pop("_idf", None)

    def _floats(self) -> np.dtype:
        """Return the dtype of the result, which is always of floats."""
        dtype = np.dtype(self.dtype)
        return dtype if dtype in (np.float64, np.float32) else np.dtype(np.float64)

    @property
    def idf_(self) -> np.ndarray:
        """The inverse document frequencies (n_terms,).

        Raises
        ------
        NotFittedError
            If there are none yet.
        """
        if "_idf" not in vars(self):
            name = type(self).__name__
            if hasattr(self, "vocabulary_") and not self.use_idf:
                raise AttributeError(f"{name} has no idf_ with use_idf=False.")
            raise NotFittedError(
                f"{name} is not fitted yet. Call 'fit' with appropriate arguments before using "
                "this attribute."
            )
        return self._idf

    @idf_.setter
    def idf_(self, value: Any) -> None:
        """Set the frequencies of another estimator, for the vocabulary that is fitted or given.

        Raises
        ------
        ValueError
            If ``use_idf=False``, or if there are as many as terms.
        """
        if not self.use_idf:
            raise ValueError("`idf_` cannot be set when `user_idf=False`.")
        if self.vocabulary is not None:
            self._check_parameters()
        known = getattr(self, "vocabulary_", None)
        if known is not None and len(known) != len(value):
            raise ValueError(
                f"idf length = {len(value)} must be equal to vocabulary size = {len(known)}"
            )
        self._idf = np.asarray(value)

    def transform(self, raw_documents: Any) -> Any:
        """Return the weights of the terms of each document.

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
            If this is not fitted.
        """
        check_is_fitted(self, msg="The TF-IDF vectorizer is not fitted")
        return super().transform(raw_documents)

    def _weights(self) -> Weighted:
        return Weighted(self.idf_ if self.use_idf else None, self.norm, bool(self.sublinear_tf))

    def _weighted(self, rows: csr_array) -> csr_array:
        return self._weights()(rows)

    def _rows_function(self) -> Reading:
        function = Rows(self._how(), self.vocabulary_, self._weights())
        return Reading(function, self._is_checked())
