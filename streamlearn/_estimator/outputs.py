"""Outputs of estimators: functions of rows, which are lazy for collections.

The output has the container of X. Rows of collections are checked inside the task of each block,
and arrays in memory are checked at once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn._arrays import Array, asarray, same_dtype, same_place, to_numpy
from streamlearn._arrays.sparse import as_given, is_sparse
from streamlearn._estimator.estimator import Estimator
from streamlearn._estimator.inputs import check_rows
from streamlearn._sklearn import _get_output_config, _wrap_data_with_container
from streamlearn._validation.reader import Reader, same_place_or_raise
from streamlearn._validation.tables import all_sparse
from streamlearn.stages.framed import Framed
from streamlearn.stages.stage import as_they_are


def rows_out(
    estimator: BaseEstimator,
    method: str,
    X: Any,
    function: Callable[[Array], Array],
    *,
    fitted: Array | None,
    names: Any = None,
    named: bool = True,
    allow_nan: bool = False,
    finite: bool = True,
) -> Any:
    """Apply ``function`` to the rows of X: at once to an array in memory, lazily to a collection.

    Parameters
    ----------
    estimator : BaseEstimator
        The fitted estimator.
    method : str
        The method that the user called, for errors.
    X : container of shape (n_rows, n_features)
        The rows.
    function : callable
        It takes an array and returns an array over the same rows. It is a function of a module, or
        a partial of one, so that it can be pickled.
    fitted : array or None
        A fitted attribute. X must be in its namespace and on its device. None if there is none.
    names : sequence of str, optional
        The columns of the result, if it is to be a lazy frame.
    named : bool, default=True
        Whether a frame must have the column names of fit.
    allow_nan : bool, default=False
        Whether X may hold NaN.
    finite : bool, default=True
        Whether to check X for NaN and infinity. It is False if ``function`` does so.

    Returns
    -------
    array or dask collection
        The results of ``function``.

    Raises
    ------
    ValueError
        If X has other features, or is in another namespace or on another device.
    """
    rows, _, reader = check_rows(
        estimator,
        X,
        reset=False,
        named=named,
        allow_nan=allow_nan,
        finite=finite or not engine.is_collection(X),
    )
    return checked_rows_out(RowFunction(reader, function, fitted, method), rows, X, names)


def checked_rows_out(task: RowFunction, rows: Any, X: Any, names: Any = None) -> Any:
    """Apply a function to the rows of X that `check_rows` has returned. The container is X's.

    It is for functions that take long to make, which only rows that pass the checks are worth.
    """
    return as_given(mapped(task, rows, lambda: task.of_a_row(rows), names), X)


def mapped(
    function: Callable[[Any], Any], X: Any, example: Callable[[], Any], names: Any = None
) -> Any:
    """Apply ``function`` to a container: at once to one in memory, lazily to a collection.

    Parameters
    ----------
    function : callable
        It takes the X of a block, and returns as many rows.
    X : array, Series, DataFrame or dask collection
    example : callable
        ``() -> array, sparse rows, Series or frame``: the result of ``function`` for few rows or
        for none. It is called for a collection only.
    names : sequence of str, optional
        The columns of the result, if it is to be a lazy frame. Sparse rows stay a lazy array,
        because dask's frames have no sparse columns.
    """
    if not engine.is_collection(X):
        return function(X)
    meta = example()
    return engine.map_rows(function, X, meta=meta, names=None if is_sparse(meta) else names)


def one_column(out: Array) -> Array:
    """Return outputs (m, 1) as (m,), and outputs of several columns as they are."""
    return out[:, 0] if out.shape[1] == 1 else out


@dataclass(frozen=True, eq=False)
class RowFunction:
    """A method of a fitted estimator as a function of a block's rows.

    Attributes
    ----------
    reader : Reader
        How the block is read and checked.
    function : callable
        It takes an array and returns an array over the same rows. It may have a method
        ``after(before)``, which returns one function for it and the function before it, or None.
        It may have a method ``unchecked``, which is the same function without checks of values.
    fitted : array or None
        X must be in its namespace and on its device. None if it may be in any.
    method : str
        The method that the user called, for errors.
    """

    reader: Reader
    function: Callable[[Array], Array]
    fitted: Array | None
    method: str

    def __call__(self, X: Any) -> Array:
        """Read X and apply the function."""
        rows = self.reader.rows(X)
        if self.fitted is not None:
            same_place_or_raise(rows, self.fitted, self.reader.estimator, self.method)
        try:
            return as_given(self.function(rows), X)
        except ValueError:
            if not self.reader.finite:
                self.reader.finite_or_raise(rows)  # NaN has its own error, and may be the reason
            raise

    def of_a_row(self, X: Any) -> Array:
        """Return the result for one row of ones, of the dtype that a collection's blocks have."""
        dtype = to_numpy(self.reader.rows(engine.meta_of(X))).dtype
        like = np.empty(0) if self.fitted is None else self.fitted
        row = asarray(np.ones((1, X.shape[1])), like=like, dtype=same_dtype(dtype, like))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # The row is made up.
            return getattr(self.function, "unchecked", self.function)(row)

    def unbuilt(self, X: Array) -> Callable[..., Any] | None:
        """Return the function that makes no transformed batch of X, if there is one.

        X is checked here, except for NaN.
        """
        unbuilt = getattr(self.function, "unbuilt", None)
        if unbuilt is None or self.reader._replace(finite=False).rows(X) is not X:
            return None
        if self.fitted is not None:
            same_place_or_raise(X, self.fitted, self.reader.estimator, self.method)
        return unbuilt(X)

    def after(self, before: Any) -> RowFunction | None:
        """Return one function for ``before`` and this one, or None. It checks for NaN."""
        fuse = getattr(self.function, "after", None)
        if fuse is None or not isinstance(before, RowFunction):
            return None
        function = fuse(before.function)
        if function is None or self.fitted is None or before.fitted is None:
            return None
        if not same_place(self.fitted, before.fitted):
            return None
        return RowFunction(before.reader._replace(finite=False), function, self.fitted, self.method)


class Transformer(TransformerMixin, Estimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """A transformer whose ``transform`` follows ``set_output`` and is lazy for collections.

    A subclass defines ``_transform(X, names)``.
    """

    _takes_collections = True

    def __init_subclass__(cls, **how: Any) -> None:
        """Enable ``set_output`` without scikit-learn's wrapper, which would compute the result."""
        super().__init_subclass__(auto_wrap_output_keys=None, **how)
        cls._sklearn_auto_wrap_output_keys = {"transform"}

    def transform(self, X: Any) -> Any:
        """Transform the rows of X.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to transform.

        Returns
        -------
        array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features_out)
            The transformed rows, in the namespace and on the device of X. They are lazy if X is a
            dask collection. ``set_output(transform="pandas")`` makes a lazy dask DataFrame of a
            dask array. "polars" does so too, because dask has no frames of polars: the steps of a
            pipeline get frames of polars, and the result holds frames of pandas.

        Raises
        ------
        ValueError
            If X has other features than in `fit`, or is in another namespace or on another device.
        """
        check_is_fitted(self)
        return self._in_container(X, self._transform)

    def _in_container(self, X: Any, transform: Callable[[Any, Any], Any]) -> Any:
        """Return ``transform(X, names)`` in the container of X, or in that of ``set_output``."""
        wanted = _get_output_config("transform", self)["dense"]
        if not engine.is_collection(X):
            out = transform(X, None)
            return (
                out
                if wanted == "default"
                else _wrap_data_with_container(
                    "transform", out if is_sparse(out) else to_numpy(out), X, self
                )
            )
        framed = engine.is_frame(X) and not all_sparse(X)
        names = self.get_feature_names_out() if framed else None
        if wanted == "default":
            return transform(X, names)
        # A copy names the columns, because this may learn others before lazy ones are computed.
        rows, fitted = transform(X, None), copy(self)
        if isinstance(rows, engine.StreamedRows):  # a block may have an index
            return rows.framed(partial(Framed, fitted=fitted))
        function = Framed(as_they_are, fitted)
        return engine.map_rows(
            function, rows, meta=function(np.empty((0, rows.shape[1]), rows.dtype))
        )

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit to X, then transform it.

        A collection is read twice, and the second pass is lazy.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from and to transform.
        y : object, default=None
            The y of `fit`.
        **fit_params : dict of str to object
            Further arguments of `fit`.

        Returns
        -------
        array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features_out)
            As `transform` returns them.

        Raises
        ------
        TypeError, ValueError
            If `fit` or `transform` would raise them.
        """
        X, y, _ = engine.taken_apart(X, y)
        return self.fit(X, y, **fit_params).transform(X)

    def _transform(self, X: Any, names: Any) -> Any:
        raise NotImplementedError


def feature_names(estimator: Any, n_features: int) -> list[str]:
    """Return the names of the features of a fitted estimator: those of fit, or x0, x1, ..."""
    return list(getattr(estimator, "feature_names_in_", [f"x{i}" for i in range(n_features)]))


class NamesOut:
    """A transformer that names the columns of its result after the features.

    A subclass defines ``_names_out(names)``.
    """

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns of the result.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            The names of the features. None means those of fit, or x0, x1, ... if fit was given
            none. Names that differ from those of fit are an error.

        Returns
        -------
        ndarray of str of shape (n_columns,)
            The names, in the order of the columns.
        """
        names = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        return np.asarray(self._names_out(names), dtype=object)

    def _names_out(self, names: np.ndarray) -> Sequence[str]:
        raise NotImplementedError
