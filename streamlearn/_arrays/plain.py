"""Plain arrays: the data of users without masks, coordinates, gradient histories and pandas' NA.

Every block, and every collection in memory, passes through `plain` before any other code.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from streamlearn._arrays import detached, is_strided

TO_SCIPY = {
    "sparse": "{0}.to_scipy_sparse()",
    "cupyx": "{0}.get()",
    "jax": "scipy.sparse.csr_array({0}.todense())",
    "torch": "scipy.sparse.csr_array({0}.to_dense().numpy())",
}
"""For each other package of sparse arrays than scipy: the code that converts to scipy's."""

TO_DENSE = {"sparse": "todense", "cupyx": "toarray", "jax": "todense", "torch": "to_dense"}
"""For the same packages: the method that converts to a dense array."""

TO_ROWS = {
    ("xarray", "Dataset"): 'X.to_dataarray("feature").T makes one array of variables of one '
    "dimension.",
}
"""Advice for types that hold no rows, by package and name of the type."""

LOADER = (
    "gives one item at a time. Give a DataLoader, which makes blocks of rows: "
    "torch.utils.data.DataLoader({0}, batch_size=4096)."
)
PAIRS = (
    "holds blocks (X, y). Let them be read one after the other: "
    "X, y = streamlearn.blocks.from_blocks({0}), and give X and y."
)
BLOCKS = (
    "holds blocks of rows. Let them be read one after the other: "
    "streamlearn.blocks.from_blocks({0})."
)
STREAMED = "holds what from_blocks returned. Give its parts, X and y, each by itself."
ITEMS = "holds rows (x, y). Give the rows and the targets separately: X, y = zip(*{0})."
RECORDS = (
    "holds dicts. If all have the same keys, give pandas.DataFrame({0}). Otherwise put "
    "streamlearn.feature_extraction.FeatureHasher or sklearn.feature_extraction.DictVectorizer "
    "before the estimator."
)
COLUMNS = "holds no rows. If it holds columns, give pandas.DataFrame({0})."
FILE = (
    "holds no rows. If it is the name of a file, read it first, for example with pandas or "
    "dask.dataframe."
)
UNORDERED = "has no order. Give a list or an array."


def plain(x: Any) -> Any:
    """Return the array or frame that ``x`` holds: ``x`` itself if it is plain already.

    Masked entries become NaN, and so does pandas' NA in an array of objects. A tensor of torch
    loses its gradient history, and an xarray DataArray loses its coordinates. A table of pyarrow
    becomes a frame of pandas over the same memory.

    Examples
    --------
    >>> import numpy as np
    >>> plain(np.ma.masked_equal([1, 2, 0], 0))
    array([ 1.,  2., nan])
    """
    if type(x) is np.ndarray:
        return _without_na(x) if x.dtype.kind in "OT" else x
    if x is None:
        return None
    if isinstance(x, np.ma.MaskedArray):
        return _filled(x)
    if isinstance(x, np.memmap):
        return x.view(np.ndarray)  # slices of a memmap object are slower than those of an array
    if (package := _package(x)) == "pyarrow":
        return plain_table(x)
    if package == "xarray":
        return plain(x.data) if hasattr(x, "data") else x
    return detached(x) if package == "torch" else x


def plain_table(x: Any) -> Any:
    """Return a table of pyarrow as a frame of pandas that shares its columns, else ``x``."""
    if _package(x) != "pyarrow" or not hasattr(x, "column_names"):
        return x
    import pandas as pd

    return _decoded(x).to_pandas(types_mapper=pd.ArrowDtype)


def _decoded(x: Any) -> Any:
    """Return a table of pyarrow whose columns are of types that pandas can take rows of.

    pyarrow does not take rows of views of text and of runs.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    views = {"string_view": pa.large_string(), "binary_view": pa.large_binary()}
    runs = [i for i, of in enumerate(x.schema.types) if pa.types.is_run_end_encoded(of)]
    seen = [i for i, of in enumerate(x.schema.types) if str(of) in views]
    if not runs and not seen:
        return x
    columns = list(x.columns)
    for i in runs:
        columns[i] = pc.run_end_decode(columns[i])
    for i in runs + seen:
        of = columns[i].type
        columns[i] = columns[i].cast(views.get(str(of), of))
    return pa.table(columns, names=x.column_names)


def rows_or_raise(x: Any, name: str = "X") -> None:
    """Check that ``x`` holds rows.

    Raises
    ------
    TypeError
        If it does not. The message names its type and says how to get rows from it.
    """
    if x is None or type(x) is np.ndarray:
        return
    package, kind = _package(x), type(x).__name__
    if (package, kind) in TO_ROWS:
        remedy = TO_ROWS[package, kind].replace("X", name)
        raise TypeError(f"{name} is a {kind} of {package}, which holds no rows. {remedy}")
    advice = without_rows(x)
    if advice is not None:
        raise TypeError(f"{name} is a {kind}, which {advice.format(name)}")


def without_rows(x: Any) -> str | None:
    """Return what an object without rows does instead, and what to do. None for other objects.

    Examples
    --------
    >>> without_rows({1, 2})
    'has no order. Give a list or an array.'
    """
    if isinstance(x, list | tuple) and len(x):
        return _of_items(x[0])
    if isinstance(x, Mapping) and not hasattr(x, "shape"):  # a dok_array is a dict
        return COLUMNS
    if isinstance(x, str | bytes | PurePath):
        return FILE
    if isinstance(x, set | frozenset):
        return UNORDERED
    of_torch = (base for base in type(x).__mro__ if base.__module__.startswith("torch.utils.data"))
    return LOADER if any(base.__name__ == "Dataset" for base in of_torch) else None


def _of_items(first: Any) -> str | None:
    """Return what a list without rows holds, and what to do, by its first item."""
    if isinstance(first, Mapping):
        return RECORDS
    if n_dimensions(first) > 1:
        return STREAMED if type(first).__name__ == "StreamedRows" else BLOCKS
    if not isinstance(first, list | tuple) or not 2 <= len(first) <= 3:
        return None
    if n_dimensions(first[0]) > 1:
        return PAIRS
    return ITEMS if n_dimensions(first[0]) == 1 and n_dimensions(first[1]) == 0 else None


def n_dimensions(x: Any) -> int:
    """Return the number of dimensions of an array or a frame, and 0 for other objects."""
    return len(getattr(x, "shape", None) or ())


def known_or_raise(x: Any, name: str = "X", *, sparse: bool = True) -> None:
    """Check that ``x`` holds rows, and that it is not a sparse array of another library than scipy.

    Raises
    ------
    TypeError
        If a check fails. The message names the type of ``x`` and says how to convert it: to a
        sparse array of scipy, or to a dense array if ``sparse`` is False.
    """
    if x is None or type(x) is np.ndarray:
        return
    rows_or_raise(x, name)
    package = _package(x)
    if package not in TO_SCIPY or (package == "torch" and is_strided(x)):
        return
    message = f"{name} is a sparse array of another library ({package}: {type(x).__name__})"
    if not sparse:
        raise TypeError(f"{message}, but dense data is required. Use '.{TO_DENSE[package]}()'.")
    remedy = TO_SCIPY[package]
    raise TypeError(
        f"{message}. Sparse rows are scipy's: give {remedy.format('X')}, or of a dask array "
        f"X.map_blocks(lambda x: {remedy.format('x')}, dtype=X.dtype)."
    )


def _package(x: Any) -> str:
    module = type(x).__module__
    if module.startswith("jax") and not module.startswith("jax.experimental.sparse"):
        return ""
    return module.partition(".")[0]


def gaps(x: np.ndarray) -> np.ndarray:
    """Return which entries are missing: None, NaN and pandas' NA.

    Examples
    --------
    >>> import numpy as np
    >>> gaps(np.asarray(["a", None, np.nan], dtype=object))
    array([False,  True,  True])
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None:  # without pandas imported there can be no NA
        return pandas.isna(x)
    return (x != x) | (x == None)  # noqa: E711


def _without_na(x: np.ndarray) -> np.ndarray:
    """Return an array of objects with NaN instead of pandas' NA: ``x`` itself if it has none."""
    x = x.astype(object, copy=False)
    na = getattr(sys.modules.get("pandas"), "NA", None)
    at = [] if na is None else [i for i in np.flatnonzero(gaps(x)) if x.flat[i] is na]
    if at:
        x = x.copy()
        x.flat[at] = np.nan
    return x


def _filled(x: np.ma.MaskedArray) -> np.ndarray:
    """Return the data with NaN (or NaT) at the masked entries."""
    data, mask = np.asarray(x.data), np.ma.getmaskarray(x)
    if not mask.any():
        return plain(data)
    kind = data.dtype.kind
    if kind in "biu":
        data = data.astype(np.float64)
    elif kind in "SUT":
        data = data.astype(object)
    return np.where(mask, data.dtype.type("NaT") if kind in "mM" else np.nan, data)
