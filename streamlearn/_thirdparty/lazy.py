"""Methods on collections: a method of a fitted estimator is called on each block, lazily."""

from __future__ import annotations

import warnings
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn import config_context, get_config
from sklearn.base import BaseEstimator
from sklearn.pipeline import FeatureUnion, Pipeline

from streamlearn import blocks as engine
from streamlearn._arrays import asarray, device, is_array, namespace, same_dtype
from streamlearn._arrays.sparse import is_sparse
from streamlearn._thirdparty.rowwise import function_of
from streamlearn._thirdparty.scoring import score
from streamlearn._thirdparty.tags import LAZY
from streamlearn._validation.advice import with_advice
from streamlearn._validation.inner_columns import known_values
from streamlearn._validation.missing import as_known
from streamlearn.blocks import LazyRows


@dataclass(frozen=True, eq=False)
class Method:
    """A method of a fitted estimator as a function of whole blocks.

    Attributes
    ----------
    estimator : object
    name : str
    params : dict
        Further arguments of the method.
    nothing : array, optional
        The result for an array of NumPy or a frame without rows, for which most estimators raise an
        error. Results for other blocks are converted to its dtype, if both are numbers and the
        conversion is of the same kind.
    config : dict
        scikit-learn's configuration in the thread that makes this object. Tasks run in other
        threads.
    """

    estimator: Any
    name: str
    params: dict[str, Any]
    nothing: Any = None

    config: dict[str, Any] = field(default_factory=get_config)

    whole = True

    def __call__(self, X: Any) -> Any:
        """Call the method.

        Raises
        ------
        ValueError
            If the result has more or fewer rows than X.
        """
        if self.nothing is not None and not engine.n_rows(X):
            if not is_array(X) or isinstance(X, np.ndarray):
                return self.nothing
            one = namespace(X).ones((1, *X.shape[1:]), dtype=X.dtype, device=device(X))
            return self(one)[:0, ...]
        function = function_of(self.estimator, X, self.config) if self.name == "transform" else None
        if function is not None:
            return function(X)
        with config_context(**self.config), with_advice(X):
            out = getattr(self.estimator, self.name)(as_known(self.estimator, X), **self.params)
        if _has_rows(out) and engine.n_rows(out) != engine.n_rows(X):
            raise ValueError(
                f"{type(self.estimator).__name__}.{self.name} made {engine.n_rows(out)} rows of "
                f"the {engine.n_rows(X)} of a block, and one is expected for each. Leave rows out "
                "beforehand, of both X and y."
            )
        return _in_dtype(self.nothing, out)


def _in_dtype(nothing: Any, out: Any) -> Any:
    both = isinstance(nothing, np.ndarray) and isinstance(out, np.ndarray)
    if not both or out.dtype == nothing.dtype:
        return out
    if out.dtype.kind == "O" and nothing.dtype.kind == "f":  # booleans next to numbers
        with suppress(TypeError, ValueError):
            return out.astype(nothing.dtype)
    if out.dtype.kind not in "biufc":
        return out
    return out.astype(nothing.dtype) if np.can_cast(out.dtype, nothing.dtype, "same_kind") else out


def _has_rows(x: Any) -> bool:
    return len(getattr(x, "shape", ())) > 0


def ask(
    estimator: Any, name: str, X: Any, *, meta: Any = None, like: Any = None, **params: Any
) -> Any:
    """Call a method of a fitted estimator on each block of a collection, lazily.

    Parameters
    ----------
    estimator : object
    name : str
    X : dask array or dask DataFrame
    meta : array, Series or DataFrame, optional
        An example of the result, with its library, dtype and columns. By default the method is
        called on a row of ones, or on a row of dask's sample of a frame. If that raises an error,
        for example because of unknown categories, the feature names of the estimator give the
        columns, and their dtype is float64.
    like : array, optional
        An array of the library of X's blocks, if dask may not know it.
    **params : dict of str to object
        Further arguments of the method.

    Returns
    -------
    dask array, dask Series or dask DataFrame
        As from `streamlearn.blocks.map_rows`.

    Raises
    ------
    ValueError
        If the method raises an error on that row, or does not return one array with a row for each
        row of X. The estimator's own error about columns that differ from those of fit is raised as
        it is.
    """
    X = engine.whole_rows(X)
    what = f"{type(estimator).__name__}.{name}"
    out: Any = meta if meta is None or hasattr(meta, "shape") else np.asarray(meta)
    try:
        if out is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                out = _example(Method(estimator, name, params), X, like)
    except Exception as error:
        if _minds_columns(estimator, name, params, X, error):
            raise
        out = _as_known(estimator, name, X)
        if out is None:
            raise ValueError(
                f"{what} was called on a row of ones to find the type of its result, and it "
                f"raised {type(error).__name__}: {error}. Map it over the blocks yourself: "
                "X.map_blocks for a dask array, X.map_partitions for a DataFrame."
            ) from error
    if len(getattr(out, "shape", ())) not in (1, 2):
        raise ValueError(
            f"{what} returns {_described(out)}, expected one array with a row for each row of X. "
            "Map it over the blocks yourself."
        )
    names = None
    if (
        len(out.shape) == 2
        and engine.of_frame(X)
        and not (hasattr(out, "columns") or is_sparse(out))
    ):
        names = _names(estimator, name, _columns(X), out.shape[1])
    function = Method(as_fitted(estimator), name, params, _nothing(out))
    return engine.map_rows(function, X, meta=out, names=names)


def as_fitted(estimator: Any) -> Any:
    """Return a copy that does not change when the estimator, or one inside it, is fitted again.

    A fit replaces attributes. So a copy of references is enough.
    """
    out = copy(estimator)
    if isinstance(out, Pipeline | FeatureUnion):
        name = "steps" if isinstance(out, Pipeline) else "transformer_list"
        inner = [(step, as_fitted(one)) for step, one in getattr(out, name)]
        setattr(out, name, inner)
    return out


def _nothing(out: Any) -> Any:
    """Return a result without its rows, in native byte order, because dask joins blocks so."""
    if hasattr(out, "iloc"):
        return out.iloc[:0]
    if isinstance(out, np.ndarray):
        return out[:0].astype(out.dtype.newbyteorder("="))
    return out[:0, ...] if is_array(out) else out[:0]


def _described(out: Any) -> str:
    shape = getattr(out, "shape", None)
    return type(out).__name__ + ("" if shape is None else f" of shape {tuple(shape)}")


def _as_known(estimator: Any, name: str, X: Any) -> Any:
    """Return an example of a method's result from fitted attributes, with a few rows or none.

    The labels give the predictions of a classifier, and the feature names give the columns of a
    transformer. For a pipeline the method of its last step is called. The result is None if the
    attributes are not enough.
    """
    classes: Any = getattr(estimator, "classes_", None)
    if is_array(classes) and name == "predict":
        return classes
    if is_array(classes) and name in ("predict_proba", "predict_log_proba"):
        return np.empty((0, len(classes)))
    if isinstance(estimator, Pipeline) and len(estimator.steps) > 1:
        last = estimator.steps[-1][1]
        with suppress(Exception):  # the step may have no features, or raise for a row of ones
            ones = np.ones((1, last.n_features_in_))
            return Method(last, name, {})(ones)
    if name != "transform" or X.ndim != 2:
        return None
    sparse = getattr(estimator, "sparse_output_", getattr(estimator, "sparse_output", False))
    given = _columns(X)
    known = given is not None and hasattr(estimator, "feature_names_in_")
    if not known and getattr(estimator, "n_features_in_", X.shape[1]) != X.shape[1]:
        return None
    with suppress(Exception):  # there may be no names, or names for other columns
        width = len(estimator.get_feature_names_out(None if known else given))
        return csr_array((0, width)) if sparse else np.empty((0, width))
    return None


def _minds_columns(
    estimator: Any, name: str, params: dict[str, Any], X: Any, error: Exception
) -> bool:
    """Return whether ``error`` is about the columns of X.

    It is so if the columns of fit raise another error or none. Some estimators accept frames whose
    columns are in another order, and frames with more or fewer columns.
    """
    if not engine.is_frame(X):
        n_features = getattr(estimator, "n_features_in_", None)
        return n_features is not None and X.ndim == 2 and X.shape[1] not in (n_features, np.nan)
    known = getattr(estimator, "feature_names_in_", None)
    if known is None or X.ndim != 2 or list(X.columns) == list(known):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = _sample(X, None).reindex(columns=list(known))
            Method(estimator, name, params)(rows)
    except Exception as other:
        return str(other) != str(error)
    return True


def _example(method: Method, X: Any, like: Any) -> Any:
    """Return the result of a method for made-up rows.

    If it raises an error, a row with values that the encoders inside it know is tried.
    """
    try:
        return method(_sample(X, like))
    except Exception:
        row = _made_up(X, None, like)
        if X.ndim != 2 or not (hasattr(row, "iloc") or getattr(row.dtype, "kind", "") == "O"):
            raise
        names = list(row.columns) if hasattr(row, "iloc") else list(range(row.shape[1]))
        known = known_values(method.estimator, names)
        with suppress(Exception):  # the values may not be all that it minds
            return _numbers(method(_with_values(row, names, known)))
        raise


def _numbers(out: Any) -> Any:
    """Return an array of objects that are numbers, because booleans are among them, as numbers."""
    if isinstance(out, np.ndarray) and out.dtype.kind == "O":
        if any(isinstance(value, str) for value in out.flat):
            return out
        with suppress(TypeError, ValueError):
            return out.astype(np.float64)
    return out


def _with_values(row: Any, names: list[Any], known: dict[Any, Any]) -> Any:
    """Return a row of a frame or an array of objects, with the known values of its columns."""
    if not hasattr(row, "iloc"):
        for j in known.keys() & set(names):
            row[:, j] = known[j]
        return row
    return row.assign(
        **{
            name: type(row[name])([known[name]], row.index).astype(row[name].dtype)
            for name in known.keys() & set(names)
        }
    )


def _sample(X: Any, like: Any) -> Any:
    """Return a block of a few made-up rows. The functions of X are applied to them if possible."""
    if isinstance(X, engine.StreamedRows) and engine.n_rows(X.head):
        return X.head
    source, functions = engine.origin(X)
    if functions:
        with suppress(Exception):  # the categories are made up, and may be unknown
            return LazyRows(_made_up(source, functions[0], like), functions).all()
    return _made_up(X, None, like)


def _made_up(X: Any, first: Any, like: Any) -> Any:
    """Return a block with one made-up row, to which ``first`` can be applied if it is given."""
    if engine.is_frame(X):
        return engine.made_up(X).iloc[:1]  # in the second row dask's strings are missing
    dtype = engine.meta_of(X).dtype
    if X.ndim == 1 and dtype.kind in "OUST":
        return np.array(["a"], dtype=object)
    block = np.ones((1, *X.shape[1:]), dtype=dtype)
    if first is not None:
        if getattr(first, "fitted", None) is not None:  # ours, which has an array of their library
            block = asarray(block, like=first.fitted, dtype=first.fitted.dtype)
        return block
    like = X._meta if like is None else like
    if hasattr(like, "tocsr"):
        return type(like)(block)
    if is_array(like) and not isinstance(like, np.ndarray):
        return asarray(block, like=like, dtype=same_dtype(block.dtype, like))
    return block


def _columns(X: Any) -> list[Any] | None:
    return list(X.columns) if engine.is_frame(X) else None


def _names(estimator: Any, name: str, given: list[Any] | None, columns: int) -> list[Any] | None:
    """Return the names of the columns of a result, or None if its columns are no features."""
    known = getattr(estimator, "feature_names_in_", None)
    if name == "transform":
        with suppress(AttributeError):  # the method is missing here, or in a transformer inside
            return list(estimator.get_feature_names_out(given if known is None else None))
    elif name == "inverse_transform":
        if known is not None and len(known) == columns:
            return list(known)
    else:
        return None
    return [f"x{i}" for i in range(columns)]


class LazyEstimator(BaseEstimator):
    """A fitted estimator whose methods take collections and are lazy.

    Parameters
    ----------
    estimator : object
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def __getattr__(self, name: str) -> Any:
        """Return a lazy form of the methods in `LAZY`, and other attributes of the estimator."""
        if name == "estimator":  # it does not exist yet while a copy is made
            raise AttributeError(name)
        found = getattr(self.estimator, name)
        return partial(ask, self.estimator, name) if name in LAZY else found

    def fit(self, *_args: Any, **_params: Any) -> LazyEstimator:
        """Return self: the estimator is fitted already."""
        return self

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return accuracy or R2 of the predictions, in one pass.

        It raises the same errors as `streamlearn._thirdparty.scoring.score`.
        """
        return score(self.estimator, self, X, y, sample_weight)

    def __sklearn_is_fitted__(self) -> bool:
        """Return True."""
        return True
