"""What every estimator shares: what comes in is checked, what goes out matches it.

In-memory arrays of NumPy and frames of pandas go through scikit-learn's own checks. Collections are
checked twice: their shape at once, their values inside the task of each block, where `Reader` turns
whatever the block holds into an array that the numerics take.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._set_output import _get_output_config, _wrap_data_with_container
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from streamlearn import blocks as engine
from streamlearn.backend import (
    Array,
    asarray,
    device,
    float_dtype,
    is_array,
    itemsize,
    namespace,
    same_place,
    widest_float,
)
from streamlearn.labels import as_vector


class Reader(NamedTuple):
    """How the part X of a block becomes an array: checked, and of a real floating dtype.

    Attributes
    ----------
    estimator : str
        Its name, for errors.
    n_features : int
    names : tuple of str or None
        Feature names, where X is a frame.
    allow_nan : bool
    checked : bool
        True for arrays that have been through scikit-learn's checks.
    """

    estimator: str
    n_features: int
    names: tuple[str, ...] | None = None
    allow_nan: bool = False
    checked: bool = False

    def rows(self, X: Any, block: int) -> Array:
        """Return the part X of block number ``block`` as an array of shape (n_rows, n_features).

        Raises
        ------
        TypeError
            If it holds no numbers.
        ValueError
            If it is not two-dimensional, has other features than were announced, or holds NaN or
            infinity where that is not allowed.
        """
        if self.checked:
            return X
        X = self._array(X, block)
        if X.ndim != 2 or X.shape[1] != self.n_features:
            raise ValueError(
                f"Block {block} of X has shape {tuple(X.shape)}, but {self.estimator} is expecting "
                f"{self.n_features} features as input."
            )
        finite_or_raise(X, "X", block, allow_nan=self.allow_nan)
        return X

    def made(self, rows: engine.Rows, block: int) -> Array:
        """Check rows that are still to be made, and return what they are made of.

        Raises
        ------
        ValueError
            If they will hold NaN or infinity. They are made to look only where what they are made
            of has any.
        """
        xp = namespace(rows.array)
        may_be = xp.isdtype(rows.array.dtype, "real floating")
        if may_be and not bool(xp.isfinite(xp.sum(rows.array))):
            finite_or_raise(rows.all(), "X", block, allow_nan=self.allow_nan)
        return rows.array

    def _array(self, X: Any, block: int) -> Array:
        if hasattr(X, "columns") and hasattr(X, "to_numpy"):
            found = tuple(map(str, X.columns))
            if self.names is not None and found != self.names:
                raise ValueError(
                    f"Block {block} of X has the columns {list(found)}, but {self.estimator} is "
                    f"expecting {list(self.names)}. Select the columns by name, in this order."
                )
            single = all(dtype == np.float32 for dtype in X.dtypes)
            return X.to_numpy(dtype=np.float32 if single else np.float64, na_value=np.nan)
        if not is_array(X):
            X = np.asarray(X)
        xp = namespace(X)
        if xp.isdtype(X.dtype, "complex floating"):
            raise ValueError(f"Complex data not supported: block {block} of X is {X.dtype}.")
        if isinstance(X, np.ndarray) and X.dtype.kind in "OUSMm":
            try:
                return X.astype(np.float64)
            except (TypeError, ValueError) as error:
                raise type(error)(
                    f"Block {block} of X has dtype {X.dtype} and is not numeric: {error}"
                ) from error
        if not xp.isdtype(X.dtype, "real floating") or itemsize(X.dtype, xp) < 4:
            return xp.astype(X, widest_float(X))
        return X


def finite_or_raise(x: Array, name: str, block: int | None, *, allow_nan: bool = False) -> None:
    """Check that ``x`` holds no infinity, and no NaN unless ``allow_nan``.

    Raises
    ------
    ValueError
        Naming the block, if there is one.
    """
    xp = namespace(x)
    if not xp.isdtype(x.dtype, "real floating") or bool(xp.isfinite(xp.sum(x))):
        return
    wrong = xp.isinf(x) if allow_nan else ~xp.isfinite(x)
    if bool(xp.any(wrong)):
        what = "NaN" if not allow_nan and bool(xp.any(xp.isnan(x))) else "infinity"
        where = "" if block is None else f" in block {block}"
        raise ValueError(f"Input {name} contains {what}{where}.")


class Given(NamedTuple):
    """Checked containers, lined up, and how to read them."""

    blocks: engine.Blocks
    reader: Reader
    lazy: bool


def take_in(
    estimator: BaseEstimator,
    X: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    reset: bool,
    allow_nan: bool = False,
    numeric_y: bool = False,
    needs_y: bool = False,
    as_rows: bool = False,
) -> Given:
    """Check what ``fit`` or ``partial_fit`` was given; set ``n_features_in_`` if ``reset``.

    Parameters
    ----------
    estimator : BaseEstimator
    X, y, sample_weight : containers over the same rows
        In memory or dask collections; y and the weights may be None.
    reset : bool
        Whether this is the first data the estimator sees.
    allow_nan : bool
        Whether X may hold NaN.
    numeric_y : bool
        Whether y holds values rather than labels.
    needs_y : bool
        Whether y must not be missing.
    as_rows : bool
        Let a lazily transformed X arrive as `Rows`.

    Raises
    ------
    ValueError, TypeError
        As scikit-learn's estimators do, and if collections do not line up.
    """
    name = type(estimator).__name__
    if needs_y and y is None:
        raise ValueError(
            f"This {name} estimator requires y to be passed, but the target y is None."
        )
    if engine.is_collection(X):
        X = engine.whole_rows(X)
        reader = announce(estimator, X, reset=reset, allow_nan=allow_nan)
        weight = _weight_per_row(sample_weight)
        names = ("X",) if as_rows else ()
        blocks = engine.align(as_rows=names, X=X, y=y, sample_weight=weight)
        return Given(blocks, reader, lazy=True)
    if is_array(X) and not isinstance(X, np.ndarray):
        reader = announce(estimator, X, reset=reset, allow_nan=allow_nan)
        X = reader.rows(X, 0)
        if X.shape[0] == 0:
            raise ValueError(
                f"Found array with 0 sample(s) (shape={tuple(X.shape)}) while a minimum of 1 is "
                f"required by {name}."
            )
        if y is not None and not engine.is_collection(y):
            y = as_vector(y, "y") if not numeric_y else _values(y, X)
        sample_weight = _weight_per_row(sample_weight)
    else:
        checks = {"dtype": [np.float64, np.float32], "ensure_all_finite": True}
        checks["ensure_all_finite"] = "allow-nan" if allow_nan else True
        if y is None or engine.is_collection(y):
            X = validate_data(estimator, X, reset=reset, **checks)
        else:
            X, y = validate_data(estimator, X, y, reset=reset, y_numeric=numeric_y, **checks)
        if sample_weight is not None and not engine.is_collection(sample_weight):
            sample_weight = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        reader = Reader(name, X.shape[1], allow_nan=allow_nan)
    parts = engine.align(X=X, y=y, sample_weight=sample_weight)
    return Given(parts, reader._replace(checked=True), lazy=False)


def announce(estimator: BaseEstimator, X: Any, *, reset: bool, allow_nan: bool) -> Reader:
    """Check or set the features by what a collection or an array says of itself."""
    name = type(estimator).__name__
    shape = getattr(X, "shape", ())
    ndim = 2 if engine.is_frame(X) and hasattr(X, "columns") else len(shape)
    if ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {ndim}D array instead: X has shape {tuple(shape)}. "
            "Reshape with X.reshape(-1, 1) if it is a single feature, X.reshape(1, -1) if it is a "
            "single sample."
        )
    if not engine.is_frame(X):
        if shape[1] != shape[1]:
            raise ValueError(
                "The number of features of X is unknown to dask. Say it when X is made, for "
                "instance with the shape= of dask.array.from_delayed."
            )
        if shape[1] == 0:
            raise ValueError(
                f"Found array with 0 feature(s) (shape={tuple(shape)}) while a minimum of 1 is "
                f"required by {name}."
            )
        if getattr(X.dtype, "kind", "f") == "c":
            raise ValueError(f"Complex data not supported: X is {X.dtype}.")
    said = X._meta if engine.is_frame(X) else X
    _check_feature_names(estimator, said, reset=reset)
    _check_n_features(estimator, said, reset=reset)
    names = tuple(map(str, said.columns)) if engine.is_frame(X) else None
    return Reader(name, estimator.n_features_in_, names, allow_nan)


def _weight_per_row(weight: Any) -> Any:
    if weight is not None and not hasattr(weight, "__len__") and not hasattr(weight, "shape"):
        raise TypeError(
            f"sample_weight must hold one weight a row, got the number {weight!r}. Leave it out "
            "for equal weights."
        )
    return weight


def _values(y: Any, X: Array) -> Array:
    y = asarray(y, like=X, dtype=float_dtype(X)) if not is_array(y) else y
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    finite_or_raise(y, "y", None)
    return y


def read_weight(parts: tuple, names: tuple[str, ...], X: Array, block: int) -> Array | None:
    """Return a block's row weights beside X, or None.

    Raises
    ------
    ValueError
        If they hold NaN or infinity.
    """
    if "sample_weight" not in names:
        return None
    weight = as_vector(parts[names.index("sample_weight")], "sample_weight")
    weight = asarray(weight, like=X, dtype=X.dtype)
    finite_or_raise(weight, "sample_weight", block)
    return weight


def read_values(parts: tuple, names: tuple[str, ...], X: Array, block: int) -> Array:
    """Return a block's target values beside X, shape (n_rows,) or (n_rows, n_outputs).

    Raises
    ------
    ValueError
        If they hold NaN or infinity.
    """
    y = parts[names.index("y")]
    y = y.to_numpy() if hasattr(y, "to_numpy") else y
    y = asarray(y, like=X, dtype=X.dtype)
    finite_or_raise(y, "y", block)
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def rows_out(
    estimator: BaseEstimator,
    X: Any,
    function: Callable[[Array], Array],
    *,
    beside: Array,
    attribute: str,
    dtype: Any = None,
    columns: int | None = None,
    names: Any = None,
    allow_nan: bool = False,
) -> Any:
    """Apply ``function`` to the rows of X: at once to an array in memory, lazily to a collection.

    Parameters
    ----------
    estimator : BaseEstimator
        Fitted.
    X : container of shape (n_rows, n_features)
    function : callable
        Module-level or a partial of one: array in, array over the same rows out.
    beside : array
        A fitted attribute; X must be in its namespace and on its device.
    attribute : str
        Its name, for the error.
    dtype : NumPy dtype, optional
        Of a lazy result, as dask shows it; X's own by default.
    columns : int, optional
        Width of a two-dimensional result.
    names : sequence of str, optional
        Columns of a lazy frame, where the result is to be one.

    Raises
    ------
    NotFittedError
    ValueError
        If X has other features, or is in another namespace or on another device.
    """
    check_is_fitted(estimator)
    name = type(estimator).__name__
    if engine.is_collection(X):
        X = engine.whole_rows(X)
        reader = announce(estimator, X, reset=False, allow_nan=allow_nan)
        task = partial(_rows_of_block, reader, function, beside, attribute)
        if dtype is None:
            dtype = np.dtype(np.float64)
            if not engine.is_frame(X) and X.dtype in (np.float32, np.float64):
                dtype = X.dtype
        return engine.map_rows(task, X, dtype=dtype, columns=columns, names=names)
    if is_array(X) and not isinstance(X, np.ndarray):
        reader = announce(estimator, X, reset=False, allow_nan=allow_nan)
        return _rows_of_block(reader, function, beside, attribute, X)
    finite = "allow-nan" if allow_nan else True
    X = validate_data(
        estimator, X, reset=False, dtype=[np.float64, np.float32], ensure_all_finite=finite
    )
    reader = Reader(name, X.shape[1], checked=True)
    return _rows_of_block(reader, function, beside, attribute, X)


def _rows_of_block(
    reader: Reader, function: Callable, beside: Array, attribute: str, X: Any
) -> Array:
    X = reader.rows(X, 0)
    if not same_place(X, beside):
        raise ValueError(
            f"{reader.estimator} was fitted on {_place(beside)} and X is on {_place(X)}. Move X "
            f"there, or fit again: {attribute} stays where it was fitted."
        )
    return function(X)


def _place(x: Array) -> str:
    return f"{namespace(x).__name__.rpartition('.')[2]} device {device(x)}"


class Transformer(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """``transform`` with ``set_output``: lazy for collections, scikit-learn's for the rest.

    A subclass gives ``_transform(X, names)``.
    """

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
        if not engine.is_collection(X):
            out = self._transform(X, None)
            if not isinstance(out, np.ndarray):
                return out
            return _wrap_data_with_container("transform", out, X, self)
        wanted = _get_output_config("transform", self)["dense"]
        if wanted not in ("default", "pandas"):
            raise ValueError(
                f"set_output(transform={wanted!r}) has no lazy form for a dask collection; "
                'use "pandas", which makes a dask DataFrame, or "default".'
            )
        names = self.get_feature_names_out()
        return self._transform(X, names if wanted == "pandas" or engine.is_frame(X) else None)

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit to X, then transform it: two passes over a collection, the second of them lazy."""
        return self.fit(X, y, **fit_params).transform(X)

    def _transform(self, X: Any, names: Any) -> Any:
        raise NotImplementedError
