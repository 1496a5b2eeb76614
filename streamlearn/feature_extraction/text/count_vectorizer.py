"""Text as counts of terms: `CountVectorizer`."""

from __future__ import annotations

from streamlearn.feature_extraction.vocabulary import OfTerms


class CountVectorizer(OfTerms):
    r"""Count the terms of documents, on lists, columns, dask collections and sources of blocks.

    It is scikit-learn's `~sklearn.feature_extraction.text.CountVectorizer`, which splits the text
    here, too. Blocks of documents are read in parallel, and the vocabulary does not depend on them.

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
    dtype : dtype, default=numpy.int64
        The dtype of the result.

    Attributes
    ----------
    vocabulary_ : dict
        The column of each term. Columns are in the order of the sorted terms.
    fixed_vocabulary_ : bool
        Whether the vocabulary was given.

    Notes
    -----
    The terms of each block are counted in one task, and the counts are merged, in one pass. The
    counts of all terms must fit in memory, also of those that ``min_df``, ``max_df`` and
    ``max_features`` leave out. A fitted estimator keeps them for `partial_fit` and `merge`.
    `HashingVectorizer` needs no vocabulary.

    A pipeline over a collection finds the vocabulary beforehand, in a pass over the documents
    alone. With ``vocabulary`` that pass is not needed.

    Python splits text in one thread at a time. On dask's threads the speed is that of one thread.
    With processes or a cluster it grows with the number of workers.

    Differences from scikit-learn:

    - `partial_fit` and `merge` exist.
    - An error says which document is missing, or is not text.
    - An iterator of lists, arrays or columns is one of blocks. An iterator of other objects is one
      of documents, as in scikit-learn.
    - With ``vocabulary``, `fit` reads no documents.

    Examples
    --------
    >>> import dask.bag
    >>> from streamlearn.feature_extraction.text import CountVectorizer
    >>> documents = ["red apple", "green apple", "green tea, green cup"]
    >>> bag = dask.bag.from_sequence(documents, npartitions=2)
    >>> counts = CountVectorizer(min_df=2).fit(bag)
    >>> counts.vocabulary_
    {'apple': 0, 'green': 1}
    >>> counts.transform(bag).compute().toarray()
    array([[1, 0],
           [1, 1],
           [0, 2]])
    """

    vocabulary_: dict[object, int]
