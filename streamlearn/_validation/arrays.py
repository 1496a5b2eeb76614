"""Functions that turn containers in memory into arrays, numbers or one value for each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from streamlearn._arrays import Array, is_array, namespace, row_major
from streamlearn._arrays.plain import known_or_raise, plain
from streamlearn._arrays.sparse import csr, is_sparse
from streamlearn._validation.messages import in_block
from streamlearn._validation.tables import (
    APART,
    ENCODE,
    is_complex,
    is_date,
    is_table,
    numbers_of,
)

DENSE = "Use '.toarray()' to convert to a dense array."


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


def as_numbers(
    x: Any, name: str, block: int | None = None, names: Sequence[str] | None = None
) -> Array:
    """Return a container as an array of real numbers. Text that spells numbers is converted.

    Raises
    ------
    TypeError, ValueError
        If it contains something else: dates, other text, objects, complex numbers. The message
        names the column of a table, or of an array of objects by ``names``.
    """
    what = in_block(name, block)
    if type(x) is not np.ndarray and is_table(x):
        return row_major(numbers_of(x, what))
    x = as_array(x, what)
    if isinstance(x, np.ndarray) and x.dtype.kind in "biuf":
        return x
    named = f"{what} has dtype {x.dtype}"
    if _is_complex(x):
        raise ValueError(_not_complex(named))
    if is_date(x.dtype):
        raise TypeError(f"{named} and is not numeric. {ENCODE}")
    try:
        return x.astype(np.float64) if getattr(x.dtype, "kind", "f") in "OUS" else x
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        named += _in_column(x, names)
        raise kind(f"{named} and is not numeric: {error}. {ENCODE}") from error


def _in_column(x: np.ndarray, names: Sequence[str] | None) -> str:
    """Return the words for the first column that is not numeric. Of one column there are none."""
    if x.ndim != 2 or x.shape[1] < 2:
        return ""
    for j in range(x.shape[1]):
        try:
            x[:, j].astype(np.float64)
        except (TypeError, ValueError):
            return f" in column {j if names is None else repr(names[j])}"
    return ""


def sparse_numbers(X: Any, block: int | None) -> Array:
    """Return the sparse part X of a block as a ``csr_array`` of real numbers.

    Raises
    ------
    TypeError, ValueError
        If it contains something else.
    """
    named = f"{in_block('X', block)} has dtype {X.dtype}"
    if X.dtype.kind == "c":
        raise ValueError(_not_complex(named))
    if X.dtype.kind not in "biuf":
        raise TypeError(f"{named} and is not numeric. {ENCODE}")
    return csr(X)


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
            f"{tuple(x.shape)} instead. Give one value for each row."
        )
    return x


def _is_complex(x: Array) -> bool:
    if isinstance(x, np.ndarray):
        return is_complex(x.dtype)
    return namespace(x).isdtype(x.dtype, "complex floating")


def _not_complex(named: str) -> str:
    return f"Complex data not supported: {named}. {APART}"
