"""The base class of splitters over the blocks of collections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from streamlearn import blocks as engine
from streamlearn.model_selection.folds import Rows, Split, indices, rows_of, taken


class OverBlocks:
    """A splitter whose splits of collections are parts of blocks.

    A subclass defines ``splits(rows)``, and is a subclass of scikit-learn's splitter as well.
    """

    _stratified = False

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Any]:
        """Yield the indices of the rows to learn from and to score, for each split.

        Parameters
        ----------
        X : array, DataFrame or dask array of shape (n_samples, n_features)
            The rows. Rows in memory are split by scikit-learn. Blocks need known lengths, because a
            row has no index otherwise. `split_collections` splits blocks of unknown lengths.
        y : array or dask array of shape (n_samples,), default=None
            The targets. Labels of a collection are computed if the splits are stratified.
        groups : None, default=None
            It is ignored, as in scikit-learn's splitter.

        Yields
        ------
        train, test : ndarray of int
            The indices of the rows.

        Raises
        ------
        ValueError
            If lengths are unknown, if X and y do not line up, or if there are too few rows.
        """
        if not engine.is_collection(X):
            yield from super().split(X, y, groups)  # type: ignore[misc]
            return
        rows = self.aligned({"X": X}, y)
        if rows.lengths is None:
            raise ValueError(
                "X is a source of blocks, so its rows have no indices. Use "
                f"{type(self).__name__}.split_collections, which splits lazily, or "
                "streamlearn.model_selection.cross_validate."
            )
        known = [n for n in rows.lengths if n is not None]
        if len(known) < len(rows.lengths):
            raise ValueError(
                "X has blocks of unknown lengths, so its rows have no indices. Use "
                f"{type(self).__name__}.split_collections, which splits lazily, or "
                f"streamlearn.model_selection.cross_validate; or {engine.find_lengths('X')}."
            )
        labels = np.asarray(*engine.in_memory(y)) if self._stratified else None
        for train, test in self.splits(rows):
            yield indices(train, known, labels), indices(test, known, labels)

    def split_collections(
        self, *arrays: Any, labels: Any = None
    ) -> Iterator[tuple[list[Any], list[Any]]]:
        """Yield the parts to learn from and to score, for each split, lazily.

        Parameters
        ----------
        *arrays : dask arrays, DataFrames or Series, or parts of a source of blocks
            Collections over the same rows, with the same blocks. Lengths may be unknown.
        labels : dask array or dask Series of shape (n_samples,), default=None
            The labels, for stratified splits. None means the second of the arrays.

        Yields
        ------
        train, test : list of dask collection
            The part of each of the arrays.

        Raises
        ------
        TypeError
            If one of the arrays is not a dask collection, or all are in memory.
        ValueError
            If collections do not line up, or if there are too few blocks or rows.

        Examples
        --------
        >>> import dask.array as da
        >>> from streamlearn.model_selection import KFold
        >>> X = da.arange(12, chunks=3)[:, None]
        >>> y = X[:, 0] % 2
        >>> for (X_train, y_train), (X_test, y_test) in KFold(2).split_collections(X, y):
        ...     print(X_train[:, 0].compute(), X_test[:, 0].compute())
        [ 6  7  8  9 10 11] [0 1 2 3 4 5]
        [0 1 2 3 4 5] [ 6  7  8  9 10 11]
        """
        if not any(map(engine.is_collection, arrays)):
            raise TypeError(
                "None of the arrays is a dask collection. Use split for rows in memory."
            )
        if labels is None and len(arrays) > 1:
            labels = arrays[1]
        given = {f"arrays[{i}]": x for i, x in enumerate(arrays)}
        for train, test in self.parts(given, labels):
            yield [train[name] for name in given], [test[name] for name in given]

    def parts(
        self, given: dict[str, Any], labels: Any
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Yield the parts of collections by name: those to learn from and those to score."""
        rows = self.aligned(given, labels)
        for train, test in self.splits(rows):
            yield taken(rows, train), taken(rows, test)

    def aligned(self, given: dict[str, Any], labels: Any) -> Rows:
        """Return collections by name, with the labels that the splits need.

        Raises
        ------
        ValueError
            If labels are missing.
        """
        if not self._stratified:
            return rows_of(given)
        if labels is None:
            raise ValueError(
                f"{type(self).__name__} deals rows by their labels y, which are None. Give them, "
                "or use KFold."
            )
        return rows_of(given, labels)

    def splits(self, rows: Rows) -> list[Split]:
        """Return the splits of collections."""
        raise NotImplementedError
