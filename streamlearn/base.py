"""What every estimator shares: containers are checked on their way in, matched on their way out.

In-memory arrays of NumPy and frames of pandas go through scikit-learn's own checks. Collections are
checked twice: what they say of themselves at once, their values inside the task of each block
(`streamlearn.reading`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import is_
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._set_output import _get_output_config, _wrap_data_with_container
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_sample_weight,
    check_array,
    check_is_fitted,
    validate_data,
)

from streamlearn import blocks as engine
from streamlearn.backend import Array, is_array, same_place, to_numpy
from streamlearn.moving import Movable
from streamlearn.reading import (
    DENSE,
    Reader,
    advised,
    dense_or_raise,
    known_or_raise,
    same_place_or_raise,
    sum_is_finite,
)
from streamlearn.sparse import as_given, csr, is_sparse
from streamlearn.stages import Flow


class Given(NamedTuple):
    """Checked containers, lined up, and how to read them.

    Attributes
    ----------
    blocks : Blocks
    reader : Reader
    n_features : int or None
        None where stages ahead have yet to find out.
    flow : Flow or None
        The stages ahead.
    """

    blocks: engine.Blocks
    reader: Reader
    n_features: int | None
    flow: Flow | None = None


def take_in(
    estimator: BaseEstimator,
    X: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    reset: bool,
    target: str | None = None,
    allow_nan: bool = False,
    as_rows: bool = False,
    multi_output: bool = False,
    finite: bool = True,
) -> Given:
    """Check what ``fit`` or ``partial_fit`` was given; set ``n_features_in_`` if ``reset``.

    Parameters
    ----------
    estimator : BaseEstimator
    X, y, sample_weight : containers over the same rows
        In memory or dask collections; y and the weights may be None.
    reset : bool
        Whether this is the first data the estimator sees.
    target : {"labels", "values"} or None
        What y holds; None where the estimator takes no y.
    allow_nan : bool
        Whether X may hold NaN.
    as_rows : bool
        Let a lazily transformed X arrive as `streamlearn.blocks.Rows`.
    multi_output : bool
        Whether y may have several columns.
    finite : bool
        Look for NaN and infinity in X; False where who learns from it does.

    Raises
    ------
    ValueError, TypeError
        As scikit-learn's estimators do, and if collections do not line up.
    """
    name = type(estimator).__name__
    if target is not None and y is None:
        raise ValueError(
            f"This {name} estimator requires y to be passed, but the target y is None."
        )
    for what, given in (("y", y), ("sample_weight", sample_weight)):
        if np.isscalar(given):
            raise TypeError(f"{what} must hold one value a row, got {given!r}.")
    if isinstance(X, Flow):
        given = {"X": X.X, "y": y, "sample_weight": sample_weight, **X.given}
        return Given(engine.align(as_rows=("X",), **given), X.reader, None, X)
    known_or_raise(X)
    if engine.is_collection(X):
        X = engine.whole_rows(X)
        # A frame of transformed rows is an array's: in memory it would have had no names.
        named = reset or not engine.origin(X)[1]
        reader = announce(estimator, X, reset=reset, allow_nan=allow_nan, named=named)
        reader = reader._replace(finite=finite)
        names = ("X",) if as_rows else ()
        parts = engine.align(as_rows=names, X=X, y=y, sample_weight=sample_weight)
        return Given(parts, reader, reader.n_features)
    if _is_foreign(X):
        reader = announce(estimator, X, reset=reset, allow_nan=allow_nan)
        reader = reader._replace(finite=finite)
        X = reader.rows(X)
        if X.shape[0] == 0:
            raise ValueError(
                f"Found array with 0 sample(s) (shape={tuple(X.shape)}) while a minimum of 1 is "
                f"required by {name}."
            )
    else:
        dense_or_raise(X, advice(estimator))
        checks = {
            "reset": reset,
            "accept_sparse": "csr" if advice(estimator) is None else False,
            "dtype": [np.float64, np.float32],
            "ensure_all_finite": "allow-nan" if allow_nan else finite,
        }
        of_y = {"y_numeric": target == "values", "multi_output": multi_output}
        # Everything follows X.
        y, sample_weight = (to_numpy(a) if _is_foreign(a) else a for a in (y, sample_weight))
        with advised():
            if not reset and _is_clean(estimator, X, y, finite=finite):
                pass
            elif y is None or engine.is_collection(y):
                X = validate_data(estimator, X, **checks)
            else:
                X, y = validate_data(estimator, X, y, **of_y, **checks)
            if sample_weight is not None and not engine.is_collection(sample_weight):
                # Of held-out rows the split says what is wrong.
                zeros = bool(getattr(estimator, "early_stopping", False))
                sample_weight = _check_sample_weight(
                    sample_weight, X, dtype=X.dtype, allow_all_zero_weights=zeros
                )
        X = csr(X) if is_sparse(X) else X
        reader = Reader(name, X.shape[1], allow_nan=allow_nan, finite=finite)
    parts = engine.align(X=X, y=y, sample_weight=sample_weight)
    return Given(parts, reader._replace(in_memory=True, checked=True), X.shape[1])


def announce(
    estimator: BaseEstimator, X: Any, *, reset: bool, allow_nan: bool, named: bool = True
) -> Reader:
    """Check or set the features by what a collection or an array says of itself."""
    name = type(estimator).__name__
    if engine.is_frame(X):
        said = X._meta
        ndim, names = said.ndim, tuple(map(str, getattr(said, "columns", ())))
    else:
        said, ndim, names = X, len(X.shape), None
    if ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {ndim}D {type(X).__name__} instead. Reshape X with "
            "X.reshape(-1, 1) if it is a single feature, X.reshape(1, -1) if it is a single "
            "sample; of a frame select with a list, X[['name']]."
        )
    n_features = said.shape[1]
    if n_features != n_features:
        raise ValueError(
            "The number of features of X is unknown to dask. Say it when X is made, for instance "
            "with the shape= of dask.array.from_delayed."
        )
    if n_features == 0:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={tuple(X.shape)}) while a minimum of 1 is "
            f"required by {name}."
        )
    if named:
        _check_feature_names(estimator, said, reset=reset)
    _check_n_features(estimator, said, reset=reset)
    return Reader(name, n_features, names, allow_nan, dense=advice(estimator))


def advice(estimator: BaseEstimator) -> str | None:
    """Return what to do about sparse rows, or None where an estimator takes them."""
    return getattr(estimator, "_dense", DENSE)


_checked: WeakKeyDictionary[BaseEstimator, list] = WeakKeyDictionary()
"""The parameters of estimators as they were last found right: not kept by themselves, which an
error must leave as they were."""


def check_parameters(estimator: BaseEstimator, *, again: bool) -> None:
    """Check the parameters; those that were found right before only if ``again``.

    The check takes as long as learning from 2,000 rows, and ``partial_fit`` is called in a loop.

    Raises
    ------
    ValueError
        scikit-learn's.
    """
    now = [getattr(estimator, name) for name in estimator._parameter_constraints]
    known = _checked.get(estimator)
    if again or known is None or not all(map(is_, now, known)):
        estimator._validate_params()
        _checked[estimator] = now


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Put the attributes of ``estimator`` back as they were if the body raises.

    Attributes are replaced by a fit, never changed in place, so that keeping references is enough.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def rows_out(
    estimator: BaseEstimator,
    method: str,
    X: Any,
    function: Callable[[Array], Array],
    *,
    fitted: Array,
    dtype: Any = None,
    columns: int | None = None,
    names: Any = None,
    named: bool = True,
    allow_nan: bool = False,
    finite: bool = True,
) -> Any:
    """Apply ``function`` to the rows of X: at once to an array in memory, lazily to a collection.

    Parameters
    ----------
    estimator : BaseEstimator
        Fitted.
    method : str
        What the user called, for errors.
    X : container of shape (n_rows, n_features)
    function : callable
        Module-level or a partial of one: array in, array over the same rows out.
    fitted : array
        A fitted attribute; X must be in its namespace and on its device.
    dtype : NumPy dtype, optional
        Of a lazy result, as dask shows it; that of X by default. The blocks themselves decide.
    columns : int, optional
        Width of a two-dimensional result.
    names : sequence of str, optional
        Columns of a lazy frame, where the result is to be one.
    named : bool
        Whether a frame must have the column names of fit.
    allow_nan : bool
        Whether X may hold NaN.
    finite : bool
        Check X for NaN and infinity; False where ``function`` does.

    Raises
    ------
    ValueError
        If X has other features, or is in another namespace or on another device.
    """
    known_or_raise(X)
    if engine.is_collection(X):
        X = engine.whole_rows(X)
        # A frame of transformed rows is an array's: in memory it would have had no names.
        named = named and not engine.origin(X)[1]
        reader = announce(estimator, X, reset=False, allow_nan=allow_nan, named=named)
        reader = reader._replace(finite=finite)
        task = RowFunction(reader, function, fitted, method)
        dtype = lazy_float_dtype(X) if dtype is None else dtype
        return engine.map_rows(task, X, dtype=dtype, columns=columns, names=names)
    if _is_foreign(X):
        reader = announce(estimator, X, reset=False, allow_nan=allow_nan, named=named)
        return RowFunction(reader, function, fitted, method)(X)
    dense_or_raise(X, advice(estimator))
    checks = {
        "accept_sparse": "csr" if advice(estimator) is None else False,
        "dtype": [np.float64, np.float32],
        "ensure_all_finite": "allow-nan" if allow_nan else True,
    }
    with advised():
        if _is_clean(estimator, X):
            pass
        elif named:
            X = validate_data(estimator, X, reset=False, **checks)
        else:
            X = check_array(X, estimator=estimator, input_name="X", **checks)
            _check_n_features(estimator, X, reset=False)
    reader = Reader(type(estimator).__name__, X.shape[1], in_memory=True, checked=True)
    rows = csr(X) if is_sparse(X) else X
    return as_given(RowFunction(reader, function, fitted, method)(rows), X)


def predictions_out(
    estimator: BaseEstimator,
    method: str,
    X: Any,
    function: Callable[[Array], Array],
    *,
    fitted: Array,
    dtype: Any = None,
    labels: Any = None,
    finite: bool = True,
) -> Any:
    """Apply ``function`` to the rows of X as `rows_out` does, in the dtype of X and ``fitted``.

    ``labels`` stands for the result's columns, if it has two dimensions, and names those of a lazy
    frame.
    """
    if dtype is None and engine.is_collection(X):
        dtype = np.result_type(lazy_float_dtype(X), to_numpy(fitted[:0, ...]).dtype)
    return rows_out(
        estimator,
        method,
        X,
        function,
        fitted=fitted,
        dtype=dtype,
        columns=None if labels is None else len(labels),
        names=labels if engine.is_frame(X) else None,
        finite=finite,
    )


def lazy_float_dtype(X: Any) -> np.dtype:
    """Return the dtype that a collection's blocks are computed in, as far as dask knows."""
    engine.check_kind("X", X)
    known = not engine.is_frame(X) and X.dtype in (np.float32, np.float64)
    return np.dtype(X.dtype if known else np.float64)


@dataclass(frozen=True, eq=False)
class RowFunction:
    """A method of a fitted estimator as a function of a block's rows.

    Attributes
    ----------
    reader : Reader
    function : callable
        Array in, array over the same rows out. It may have a method ``after(before)`` that returns
        one function for it and the function before it, or None.
    fitted : array
        X must be in its namespace and on its device.
    method : str
        What the user called, for errors.
    """

    reader: Reader
    function: Callable[[Array], Array]
    fitted: Array
    method: str

    def __call__(self, X: Any) -> Array:
        """Read X and apply the function."""
        rows = self.reader.rows(X)
        same_place_or_raise(rows, self.fitted, self.reader.estimator, self.method)
        return as_given(self.function(rows), X)

    def unbuilt(self, X: Array) -> Callable | None:
        """Return the function for batches of X that builds nothing, if there is one.

        X is checked here, but for NaN.
        """
        unbuilt = getattr(self.function, "unbuilt", None)
        if unbuilt is None or self.reader._replace(finite=False).rows(X) is not X:
            return None
        same_place_or_raise(X, self.fitted, self.reader.estimator, self.method)
        return unbuilt(X)

    def after(self, before: Any) -> RowFunction | None:
        """Return one function for ``before`` and this, if they make one. It checks for NaN."""
        fuse = getattr(self.function, "after", None)
        if fuse is None or not isinstance(before, RowFunction):
            return None
        function = fuse(before.function)
        if function is None or not same_place(self.fitted, before.fitted):
            return None
        return RowFunction(before.reader._replace(finite=False), function, self.fitted, self.method)


def _is_foreign(x: Any) -> bool:
    """Tell whether ``x`` is an array in memory of another library than NumPy."""
    here = isinstance(x, np.ndarray) or is_sparse(x)
    return is_array(x) and not here and not engine.is_collection(x)


def _is_clean(estimator: BaseEstimator, X: Any, y: Any = None, *, finite: bool = True) -> bool:
    """Tell whether scikit-learn's checks would hand back X and y as they are.

    Asking them takes as long as learning from 2,000 rows.
    """
    return (
        type(X) is np.ndarray
        and X.dtype in (np.float64, np.float32)
        and X.ndim == 2
        and X.shape[0] > 0
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and not hasattr(estimator, "feature_names_in_")
        and (not finite or sum_is_finite(X))
        and (y is None or _is_clean_target(y, X.shape[0]))
    )


def _is_clean_target(y: Any, n_rows: int) -> bool:
    return (
        type(y) is np.ndarray
        and y.shape == (n_rows,)
        and y.dtype.kind in "biuf"
        and sum_is_finite(y)
    )


class Transformer(Movable, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """``transform`` with ``set_output``: lazy for collections, scikit-learn's for the rest.

    A subclass gives ``_transform(X, names)``.
    """

    _takes_collections = True

    def __init_subclass__(cls, **how: Any) -> None:
        """Have ``set_output``, but no wrapper around ``transform``, which would compute."""
        super().__init_subclass__(auto_wrap_output_keys=None, **how)
        cls._sklearn_auto_wrap_output_keys = {"transform"}

    def transform(self, X: Any) -> Any:
        """Transform the rows of X.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)

        Returns
        -------
        array, DataFrame, dask array or dask DataFrame
            In X's namespace and on its device; lazy for dask. ``set_output(transform="pandas")``
            makes a lazy dask DataFrame of a dask array.
        """
        check_is_fitted(self)
        wanted = _get_output_config("transform", self)["dense"]
        if not engine.is_collection(X):
            out = self._transform(X, None)
            return (
                out
                if wanted == "default"
                else _wrap_data_with_container(
                    "transform", out if is_sparse(out) else to_numpy(out), X, self
                )
            )
        if wanted not in ("default", "pandas"):
            raise ValueError(
                f"set_output(transform={wanted!r}) has no lazy form for a dask collection; "
                'use "pandas", which makes a dask DataFrame, or "default".'
            )
        frame = wanted == "pandas" or engine.is_frame(X)
        out = self._transform(X, self.get_feature_names_out() if frame else None)
        return engine.forget(out) if wanted == "pandas" else out

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit to X, then transform it: two passes over a collection, the second of them lazy."""
        return self.fit(X, y, **fit_params).transform(X)

    def _transform(self, X: Any, names: Any) -> Any:
        raise NotImplementedError
