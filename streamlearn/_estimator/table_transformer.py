"""The base class of transformers that learn a mergeable statistic from the columns of a table.

The statistic of each block is made in parallel, and the statistics are merged in a fixed order. A
one-pass pipeline uses the same statistic through `streamlearn.stages.of_table`.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Self

import numpy as np

from streamlearn import blocks as engine
from streamlearn._arrays import asarray, is_array, namespace, same_dtype
from streamlearn._arrays.sparse import is_sparse
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import unchanged_on_error
from streamlearn._estimator.merging import Merging
from streamlearn._estimator.outputs import Transformer, mapped
from streamlearn._estimator.tables import TableReader, check_table, reader_of
from streamlearn._validation.columns import Table
from streamlearn._validation.messages import no_rows
from streamlearn.stages import set_features


class TableStatistic(NamedTuple):
    """The statistic of a table, as module-level functions, so that it pickles.

    Attributes
    ----------
    params : object
        The parameters of ``of_table``.
    of_table : callable
        ``(params, table, y, reader, block) -> state``: the statistic of one block. ``y`` is the
        target of the block, or None. ``block`` is the block's number for errors, or None.
    merge : callable
        ``(a, b, reader) -> state``: the statistic of the rows of both, exactly.
    reads : bool
        Whether ``of_table`` gets the block's X instead of a table and reads it itself, because an
        array of numbers need not become columns.
    """

    params: Any
    of_table: Callable[..., Any]
    merge: Callable[..., Any]
    reads: bool = False

    def of(self, X: Any, y: Any, reader: TableReader, block: int | None) -> Any:
        """Return the statistic of a block."""
        given = X if self.reads else reader.table(X, block)
        return self.of_table(self.params, given, y, reader, block)


class TableTransformer(Merging, Transformer):
    """A transformer of columns of any kind, with a mergeable statistic.

    A subclass defines

    ``_table_statistic()``
        It returns the `TableStatistic` with the present parameters.
    ``_publish(state)``
        It sets the fitted attributes.
    ``_transformed(table, block)``
        It returns the transformed rows of a block: an array, sparse rows, or a frame. A subclass
        that does not need columns defines ``_function(reader)`` instead.
    ``_nothing()``
        It returns an empty result, with the columns and the dtype of the transformed rows.
    """

    _needs_y = False
    _takes_codes = False
    """Whether text may arrive as a dictionary of Arrow."""

    _state: Any

    def _table_statistic(self) -> TableStatistic:
        """Return the statistic with the present parameters."""
        raise NotImplementedError

    def _publish(self, state: Any) -> None:
        """Set the fitted attributes."""
        raise NotImplementedError

    def _same_place_or_raise(self, state: Any) -> None:
        """Raise an error if more rows are in another library or on another device than the state.

        Most statistics are on the host for all rows.
        """

    def _transformed(self, table: Table, block: int | None) -> Any:
        """Return the transformed rows of a block."""
        raise NotImplementedError

    def _nothing(self) -> Any:
        """Return an empty result."""
        raise NotImplementedError

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from all rows, in one pass.

        Parameters
        ----------
        X : array, frame, dask array or dask DataFrame of shape (n_samples, n_features)
            Columns may hold numbers, text, categories, dates and missing values.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If a column mixes text and numbers.
        ValueError
            If there are no rows or no columns, or if the parameters do not fit the columns.
        """
        return self._learn(X, y, reset=True)

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Learn from more rows. Parameters and errors are those of `fit`."""
        return self._learn(X, y, reset=not hasattr(self, "_state"))

    @watched
    def _learn(
        self, X: Any, y: Any, *, reset: bool, statistic: TableStatistic | None = None
    ) -> Self:
        """Learn from X, on top of the former state unless ``reset``."""
        self._validate_params()
        statistic = self._table_statistic() if statistic is None else statistic
        X, y, _ = engine.taken_apart(X, y)
        with unchanged_on_error(self):
            X, reader = check_table(self, X, reset=reset)
            coded = (self._takes_codes and reader.names) or ()
            blocks = engine.align(coded=coded, X=X, y=y if self._needs_y else None)
            merge = partial(statistic.merge, reader=reader)
            state = engine.reduce(partial(of_block, statistic, reader), merge, blocks)
            if state is None:
                raise no_rows(type(self).__name__)
            if not reset:
                self._same_place_or_raise(state)
                state = merge(self._state, state)
            self._state = state
            self._publish(self._state)
        return self

    def _merge_from(self, a: Any, b: Any) -> None:
        a._same_place_or_raise(b._state)
        self._state = self._table_statistic().merge(a._state, b._state, self._reader())
        self._publish(self._state)

    def _finish(self, state: Any, *, names: Any, n_features: int) -> None:
        """Set the state that a pipeline has learned."""
        set_features(self, n_features, names)
        self._state = state
        self._publish(state)

    def _reader(self, X: Any = None) -> TableReader:
        """Return the reader of blocks like X, or like the fitted X if none is given."""
        name = type(self).__name__
        if X is not None:
            return reader_of(name, X)
        names = getattr(self, "feature_names_in_", None)
        names = None if names is None else tuple(names.tolist())
        return TableReader(name, getattr(self, "n_features_in_", None), names)

    def _function(self, reader: TableReader) -> Callable[..., Any]:
        """Return the transformation of blocks that ``reader`` reads."""
        return TableFunction(reader, self._as_fitted()._transformed)

    def _as_fitted(self) -> Self:
        """Return a copy for tasks. It does not change when this learns more.

        It does not have the state, because only further learning needs it.
        """
        out = copy(self)
        out.__dict__.pop("_state", None)
        return out

    def _rows_function(self) -> Callable[..., Any]:
        """Return the transformation of the rows of blocks."""
        return self._function(self._reader())

    def _transform(self, X: Any, names: Any) -> Any:
        X, reader = check_table(self, X, reset=False)
        return mapped(self._function(reader), X, self._nothing, names)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.allow_nan = True
        return tags


def of_block(statistic: TableStatistic, reader: TableReader, block: engine.Block) -> Any:
    """Return the statistic of a block."""
    return statistic.of(block.X, block.y, reader, block.named)


@dataclass(frozen=True, eq=False)
class TableFunction:
    """A transformation of tables as a function of the X of a block.

    Attributes
    ----------
    reader : TableReader
    function : callable
        ``(table, block) -> rows``.
    """

    reader: TableReader
    function: Callable[..., Any]

    whole = True

    def __call__(self, X: Any) -> Any:
        """Return the transformed rows. If X is an array, they are in its library."""
        rows = self.function(self.reader.table(X), None)
        here = isinstance(X, np.ndarray) or not is_array(X) or is_sparse(X)
        if here or is_sparse(rows):
            return rows
        # Rows of floats keep theirs, but a result does not fit into whole numbers.
        floats = namespace(X).isdtype(X.dtype, "real floating")
        return asarray(rows, like=X, dtype=None if floats else same_dtype(rows.dtype, X))
