"""Checks that turn the parts of a block into arrays: rows, target values, weights and labels.

They run inside the task of a block, because only the block itself has a namespace, a device and a
dtype. Errors name the block. ``block`` is None for containers in memory, which are one block.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import (
    Array,
    asarray,
    cast,
    device,
    entries,
    is_array,
    itemsize,
    namespace,
    reads_are_free,
    row_major,
    same_place,
    to_numpy,
    widest_float,
)
from streamlearn._arrays.plain import known_or_raise, plain
from streamlearn._arrays.sparse import csr, is_sparse
from streamlearn._validation.tables import (
    APART,
    ENCODE,
    column_with,
    fault_of,
    is_complex,
    is_date,
    is_table,
    names_of,
    numbers_of,
    sparse_of,
)

DENSE = "Use '.toarray()' to convert to a dense array."


class Reader(NamedTuple):
    """How the part X of a block is checked and becomes an array of a real floating dtype.

    Attributes
    ----------
    estimator : str
        The estimator's name in errors.
    n_features : int or None
        None if any number of features is right.
    names : tuple of str or None
        Feature names, if X is a frame.
    allow_nan : bool
        Whether X may contain NaN.
    checked : bool
        Whether the container has been checked before.
    finite : bool
        Whether to look for NaN and infinity. If False, the code that uses the rows looks for them,
        which is cheaper. On a device the reader looks for them in any case.
    dense : str or None
        The advice in errors about sparse rows. It is None if rows may be sparse.
    """

    estimator: str
    n_features: int | None
    names: tuple[str, ...] | None = None
    allow_nan: bool = False
    checked: bool = False
    finite: bool = True
    dense: str | None = DENSE

    def looks(self, X: Any) -> bool:
        """Return whether this reader looks for NaN and infinity in X."""
        return self.finite or not reads_are_free(X)

    def of_anything(self) -> Reader:
        """Return a reader of the rows that a transformer returns for rows of this reader."""
        return self._replace(n_features=None, names=None, checked=False)

    def rows(self, X: Any, block: int | None = None) -> Array:
        """Return the part X of a block as an array of shape (n_rows, n_features).

        Raises
        ------
        TypeError
            If X contains something else than numbers. If X is sparse and must be dense.
        ValueError
            If X is not two-dimensional or does not have the expected features. If X contains
            infinity, or NaN that is not allowed.
        """
        if self.checked:
            return X
        X = self._array(X, block)
        if X.ndim != 2 or self.n_features not in (None, X.shape[1]):
            expected = (
                "two dimensions" if self.n_features is None else f"{self.n_features} features"
            )
            raise ValueError(
                f"{in_block('X', block)} has shape {tuple(X.shape)}, but {self.estimator} is "
                f"expecting {expected} as input. All blocks must have the same columns."
            )
        if self.looks(X):
            self.finite_or_raise(X, block)
        return X

    def finite_or_raise(self, X: Array, block: int | None = None) -> None:
        """Check that rows contain no infinity, and no NaN unless it is allowed.

        Raises
        ------
        ValueError
            If they do. The message names the block and, for a frame, the column.
        """
        finite_or_raise(X, "X", block, allow_nan=self.allow_nan, names=self.names)

    def whole(self, rows: Any, block: int | None = None) -> Any:
        """Check `streamlearn.blocks.LazyRows`, and return them with an array as their source.

        The rows are computed only if their source contains NaN or infinity.

        Raises
        ------
        TypeError, ValueError
            The same errors as `rows`, also for NaN and infinity in the computed rows.
        """
        if not rows.functions:
            return rows._replace(array=self.rows(rows.array, block))
        if self.looks(rows.array) and not sum_is_finite(rows.array):
            self.finite_or_raise(rows.all(), block)
        return rows._replace(array=dense_or_sparse(rows.array))

    def _array(self, X: Any, block: int | None) -> Array:
        known_or_raise(X, in_block("X", block))
        if hasattr(X, "columns"):
            found = tuple(map(str, X.columns))
            if self.names is not None and found != self.names:
                raise ValueError(
                    f"{in_block('X', block)} has the columns {list(found)}, but {self.estimator} "
                    f"is expecting {list(self.names)}. Select the columns by name, in this order."
                )
            X = sparse_of(X)
        if is_sparse(X):
            dense_or_raise(X, self.dense)
            X = _sparse_numbers(X, block)
        else:
            X = as_numbers(X, "X", block)
        xp = namespace(X)
        known = xp.isdtype(X.dtype, "real floating") and itemsize(X.dtype, xp) in (4, 8)
        if known and getattr(X.dtype, "isnative", True):
            return X
        return cast(X, widest_float(X))  # as scikit-learn's checks do


CLIP = "Drop such rows, or clip the values."
FILL = "Drop such rows, or fill the gaps."
NO_NUMBERS = (
    "could not convert",
    "float() argument",
    "could not be promoted",
    "setting an array element",
)
ADVICE = {
    **dict.fromkeys(NO_NUMBERS, ENCODE),
    "Complex data not supported": APART,
    "contains infinity": CLIP,
    "Input contains NaN": f"It is y that does. {FILL}",
    "y contains NaN": FILL,
    "sample_weight contains NaN": FILL,
    "Found array with dim": "Give rows and columns: X.reshape(len(X), -1), say.",
    "should be a 1d array": "Give one value a row.",
}
"""The advice for an error, by words of its message."""


@contextmanager
def with_advice(X: Any) -> Iterator[None]:
    """Add notes to errors of scikit-learn's checks: advice, and the column of a frame."""
    try:
        yield
    except (TypeError, ValueError) as error:
        text, notes = str(error), []
        of_values = any(words in text for words in (*NO_NUMBERS, "Input X contains"))
        if names_of(X) is not None and of_values:
            notes.append(fault_of(X, allow_nan="contains infinity" in text))
        notes.append(next((advice for words, advice in ADVICE.items() if words in text), None))
        for note in notes:
            if note is not None and note not in getattr(error, "__notes__", ()):
                error.add_note(note)
        raise


def _is_complex(x: Array) -> bool:
    if isinstance(x, np.ndarray):
        return is_complex(x.dtype)
    return namespace(x).isdtype(x.dtype, "complex floating")


def _not_complex(named: str) -> str:
    return f"Complex data not supported: {named}. {APART}"


def in_block(name: str, block: int | None) -> str:
    """Return the name of a part of a block in errors.

    Examples
    --------
    >>> in_block("y", 3), in_block("y", None)
    ('Block 3 of y', 'y')
    """
    return name if block is None else f"Block {block} of {name}"


def as_array(x: Any, what: str = "X") -> Array:
    """Return a container as an array in row-major order. Frames and sequences become NumPy's.

    Raises
    ------
    TypeError
        If it is sparse.
    """
    if type(x) is np.ndarray:
        return row_major(plain(x))
    if is_table(x):
        return row_major(plain(x.to_numpy()))
    dense_or_raise(x, DENSE)
    known_or_raise(x, what, sparse=False)
    x = plain(x)
    return row_major(x if is_array(x) else np.asarray(x))


def dense_or_sparse(x: Any) -> Array:
    """Return a container as an array: a ``csr_array`` if it is sparse, else as `as_array`."""
    return csr(x) if is_sparse(x) else as_array(x)


def dense_or_raise(x: Any, advice: str | None) -> None:
    """Check that ``x`` is not sparse, unless ``advice`` is None.

    Raises
    ------
    TypeError
        If it is sparse. The message names its type and gives the advice.
    """
    if advice is not None and hasattr(x, "tocsr"):
        raise TypeError(
            f"Sparse data was passed ({type(x).__name__}), but dense data is required. {advice}"
        )


def _sparse_numbers(X: Any, block: int | None) -> Array:
    named = f"{in_block('X', block)} has dtype {X.dtype}"
    if X.dtype.kind == "c":
        raise ValueError(_not_complex(named))
    if X.dtype.kind not in "biuf":
        raise TypeError(f"{named} and is not numeric. {ENCODE}")
    return csr(X)


def as_numbers(x: Any, name: str, block: int | None = None) -> Array:
    """Return a container as an array of real numbers. Text that spells numbers is converted.

    Raises
    ------
    TypeError, ValueError
        If it contains something else: dates, other text, objects, complex numbers.
    """
    what = in_block(name, block)
    if type(x) is not np.ndarray and is_table(x):
        return row_major(numbers_of(x, what))
    x = as_array(x, what)
    named = f"{what} has dtype {x.dtype}"
    if _is_complex(x):
        raise ValueError(_not_complex(named))
    if is_date(x.dtype):
        raise TypeError(f"{named} and is not numeric. {ENCODE}")
    try:
        return x.astype(np.float64) if getattr(x.dtype, "kind", "f") in "OUS" else x
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{named} and is not numeric: {error}. {ENCODE}") from error


def as_vector(x: Any, name: str, block: int | None = None) -> Array:
    """Return a target or weights, in any container, as an array of shape (n_rows,).

    Raises
    ------
    ValueError
        If it has more than one column, or if it is complex.
    """
    x = as_array(x, in_block(name, block))
    if _is_complex(x):
        raise ValueError(_not_complex(f"{in_block(name, block)} has dtype {x.dtype}"))
    if x.ndim == 2 and x.shape[1] == 1:
        x = x[:, 0]
    if x.ndim != 1:
        raise ValueError(
            f"{in_block(name, block)} should be a 1d array, got an array of shape "
            f"{tuple(x.shape)} instead. Give one value a row."
        )
    return x


def read_weight(weight: Any, X: Array, block: int | None, *, signed: bool = True) -> Array | None:
    """Return a block's row weights (n_rows,) on the device and in the dtype of X, or None.

    Raises
    ------
    TypeError, ValueError
        If they are no numbers, if they contain NaN or infinity, or if a row has several. If they
        are not ``signed``, also if one of them is negative.
    """
    if weight is None:
        return None
    weight = as_vector(as_numbers(weight, "sample_weight", block), "sample_weight", block)
    weight = asarray(weight, like=X, dtype=X.dtype)
    finite_or_raise(weight, "sample_weight", block)
    if not signed and bool(namespace(weight).any(weight < 0)):
        raise ValueError(
            f"Negative values in data passed to `sample_weight`: "
            f"{in_block('sample_weight', block)} has some, and learning_rate='auto' takes none. "
            "Use another schedule."
        )
    return weight


def read_values(y: Any, X: Array, block: int | None, columns: int = 1) -> Array:
    """Return a block's target values on the device and in the dtype of X.

    Their shape is (n_rows,) if ``columns`` is 1, else (n_rows, columns).

    Raises
    ------
    TypeError, ValueError
        If they are no numbers, if they contain NaN or infinity, or if a row does not have
        ``columns`` values.
    """
    y = as_numbers(y, "y", block)
    if columns == 1:
        y = as_vector(y, "y", block)
    elif y.ndim != 2 or y.shape[1] != columns:
        raise ValueError(
            f"{in_block('y', block)} should have {columns} columns, got an array of shape "
            f"{tuple(y.shape)} instead."
        )
    y = asarray(y, like=X, dtype=X.dtype)
    finite_or_raise(y, "y", block)
    return y


def indicator_or_raise(y: Array, block: int | None, name: str = "y") -> None:
    """Check that a target with several labels for each row contains only 0 and 1.

    Raises
    ------
    ValueError
        If it contains other numbers. The message names the block if there are several.
    """
    if not bool(namespace(y).all((y == 0) | (y == 1))):
        raise ValueError(
            f"{in_block(name, block)} has {y.shape[1]} columns and holds other numbers than 0 and "
            "1. A column for each label must mark the rows that have it. Give classes in one "
            "column."
        )


def finite_or_raise(
    x: Array,
    name: str,
    block: int | None,
    *,
    allow_nan: bool = False,
    names: tuple[str, ...] | None = None,
) -> None:
    """Check that ``x`` contains no infinity, and no NaN unless ``allow_nan``.

    Raises
    ------
    ValueError
        If it does. The message names the block if there are several, and the column if ``names``
        of columns are given.
    """
    if sum_is_finite(x):
        return
    if is_sparse(x):
        x, names = entries(x), None
    xp = namespace(x)
    wrong = xp.isinf(x) if allow_nan else ~xp.isfinite(x)
    if bool(xp.any(wrong)):
        what, remedy = "infinity", CLIP
        if not allow_nan and bool(xp.any(xp.isnan(x))):
            what, remedy, wrong = "NaN", FILL, xp.isnan(x)
        places = [] if block is None else [f"block {block}"]
        if names is not None:
            places.append(f"column {column_with(to_numpy(wrong), names)!r}")
        where = f" in {', '.join(places)}" if places else ""
        raise ValueError(f"Input {name} contains {what}{where}. {remedy}")


def sum_is_finite(x: Array) -> bool:
    """Return whether the sum of ``x`` is finite, so that it contains no NaN and no infinity.

    The result is True if ``x`` is not floating. It may also be False because the sum overflows.
    """
    x = entries(x)
    xp = namespace(x)
    if not xp.isdtype(x.dtype, "real floating"):
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(xp.isfinite(xp.sum(x)))


def same_place_or_raise(X: Array, fitted: Array, estimator: str, method: str) -> None:
    """Check that ``X`` is in the namespace and on the device of a fitted attribute.

    Raises
    ------
    ValueError
        If it is not. The message names both namespaces and devices.
    """
    if not same_place(X, fitted):
        here, there = _library(X), _library(fitted)
        move = f"{there}.asarray"
        raise ValueError(
            f"Inputs passed to {estimator}.{method}() must use the same namespace and the same "
            f"device as those passed to fit(), in all blocks: fitted on {there}, device "
            f"{device(fitted)}, got {here}, device {device(X)}. Move the rows there, "
            f"{move}(X{'' if here != there else ', device=...'}), of a dask array "
            f"X.map_blocks({move}, dtype=X.dtype, meta=X._meta); or move the model here, "
            f"sklearn.utils._array_api.move_estimator_to(model, {here}, X.device)."
        )


def _library(x: Array) -> str:
    """Return the name by which users import the package of ``x``."""
    return namespace(x).__name__.removeprefix("array_api_compat.")
