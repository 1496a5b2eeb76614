"""Documents: what users give as rows of text, and the documents of a block as a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import numpy as np

from streamlearn import blocks as engine
from streamlearn._arrays.plain import plain
from streamlearn._arrays.sparse import is_sparse
from streamlearn._validation.messages import in_block

ONE_COLUMN = (
    "Documents are one column: select it, X['text'] of a frame, X[:, 0] of an array. In a "
    'ColumnTransformer name it without brackets: ("text", vectorizer, "text").'
)
FILL = 'Fill it: X.fillna("") of a column of pandas or dask, X.fill_null("") of polars.'


def opened(X: Any, *, blocks: Callable[[Any], bool]) -> Any:
    """Return the documents that a user gives: a collection of one dimension, a column or a list.

    Parameters
    ----------
    X : array, Series, dask array, Series or Bag, source of blocks, or iterable of documents
    blocks : callable
        ``(item) -> bool``: whether an iterator with this first item is one of blocks. Else it is
        one of documents, as in scikit-learn.

    Raises
    ------
    TypeError
        If X holds no documents.
    ValueError
        If X is one string, or has several columns.
    """
    if isinstance(X, str | bytes):
        raise ValueError("Iterable over raw text documents expected, string object received.")
    X = plain(X)
    if engine.is_bag(X):
        return engine.from_bag(X)
    if hasattr(type(X), "__next__"):
        X = _of_iterator(X, blocks)
    X, _, _ = engine.taken_apart(X)
    if engine.is_collection(X):
        engine.check_kind("X", X)
        _one_column_or_raise(X.shape if not engine.is_frame(X) else engine.meta_of(X).shape)
        return X
    if is_sparse(X):
        raise TypeError("X holds sparse rows of numbers, and documents are expected.")
    if hasattr(X, "shape"):
        _one_column_or_raise(X.shape)
        return X
    if not isinstance(X, Iterable):
        raise TypeError(
            f"Iterable over raw text documents expected, got {type(X).__name__}. Give a list of "
            "documents, a column of a frame, or a dask Bag, Series or array of text."
        )
    return X if isinstance(X, list) else documents_of(X)


def _of_iterator(X: Any, blocks: Callable[[Any], bool]) -> Any:
    """Return the documents of an iterator, or the iterator itself if it is one of blocks."""
    first = next(X, None)
    if first is None:
        return list(X)
    whole = chain([first], X)
    return whole if blocks(first) else list(whole)


def _one_column_or_raise(shape: tuple[Any, ...]) -> None:
    if len(shape) != 1:
        raise ValueError(f"X has {len(shape)} dimensions (shape={tuple(shape)}). {ONE_COLUMN}")


def is_block(first: Any) -> bool:
    """Return whether the first item of an iterator is a block of documents."""
    return hasattr(first, "shape") or isinstance(first, list | tuple)


def documents_of(X: Any, block: int | None = None) -> list[Any]:
    """Return the documents of a block as a list.

    Raises
    ------
    ValueError
        If the block has several columns.
    """
    if hasattr(X, "shape"):
        if len(X.shape) != 1:
            raise ValueError(
                f"{in_block('X', block)} has shape {tuple(X.shape)}, and documents are expected. "
                f"{ONE_COLUMN}"
            )
        convert = getattr(X, "to_list", None) or getattr(X, "tolist", None)
        if convert is not None:
            return list(convert())
    convert = getattr(X, "to_pylist", None)  # an array of pyarrow, whose items are no text
    return list(X) if convert is None else convert()


def text_or_raise(documents: list[Any], block: int | None) -> None:
    """Check that all documents are text or bytes.

    Raises
    ------
    ValueError
        If one is missing.
    TypeError
        If one is something else.
    """
    if all(map(_is_text, documents)):
        return
    at, document = next((i, x) for i, x in enumerate(documents) if not _is_text(x))
    where = f"{in_block('X', block)}, row {at}"
    if _is_missing(document):
        raise ValueError(
            f"np.nan is an invalid document, expected byte or unicode string: {where} is missing. "
            f"{FILL}"
        )
    raise TypeError(
        f"{where} is a {type(document).__name__}, and a document is text or bytes. Convert them, "
        "X.astype(str), or give a preprocessor or an analyzer that takes them."
    )


def _is_text(x: Any) -> bool:
    return isinstance(x, str | bytes)


def _is_missing(x: Any) -> bool:
    kind = type(x).__name__
    return x is None or kind == "NAType" or (isinstance(x, float | np.floating) and x != x)
