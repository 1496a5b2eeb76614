"""A table of text, whole numbers and numbers with gaps, in every container that holds one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate, count
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

CHUNKS = (25, 0, 4, 31)
N_ROWS = sum(CHUNKS)
ALL_MISSING = slice(25, 29)
"""The rows of the block whose text is missing everywhere."""

_numbers = count()


def table(seed: int = 0, missing: Any = None) -> pd.DataFrame:
    """Return columns of text, of whole numbers, and of numbers with gaps."""
    rng = np.random.default_rng(seed)
    text = rng.choice(["b", "a", "dd", "c", "e"], N_ROWS, p=[0.4, 0.2, 0.2, 0.15, 0.05])
    text = text.astype(object)
    text[rng.random(N_ROWS) < 0.1] = missing
    text[ALL_MISSING] = missing
    return pd.DataFrame(
        {
            "t": pd.Series(text, dtype=object),
            "n": rng.choice([30, -4, 7, 12], N_ROWS),
            "f": rng.choice([0.5, -1.0, 2.25, np.nan], N_ROWS),
        }
    )


def cuts(sizes: tuple[int, ...] = CHUNKS) -> list[slice]:
    return [slice(end - n, end) for n, end in zip(sizes, accumulate(sizes), strict=True)]


def in_parts(X: Any, sizes: tuple[int, ...] = CHUNKS, make: Callable = lambda x: x) -> Any:
    """Return a dask DataFrame or Series whose partitions are what ``make`` makes of rows."""
    number = next(_numbers)

    def load(rows: slice) -> Any:
        assert number >= 0  # a part of the name: dask takes equal frames for one
        return make(X.iloc[rows])

    with dask.config.set({"dataframe.convert-string": False}):  # objects stay what they are
        return dd.from_map(load, cuts(sizes), meta=make(X.iloc[:0])).optimize(fuse=False)


def in_blocks(x: np.ndarray, sizes: tuple[int, ...] = CHUNKS) -> da.Array:
    """Return a dask array with the blocks as they are: dask's own leave empty ones out."""
    name = f"objects-{next(_numbers)}"
    tail = (0,) * (x.ndim - 1)
    graph = {(name, i, *tail): x[rows] for i, rows in enumerate(cuts(sizes))}
    chunks = (tuple(sizes), *((n,) for n in x.shape[1:]))
    return da.Array(graph, name, chunks, dtype=x.dtype)


def text_as(dtype: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda X: X.assign(t=X["t"].astype(dtype))


def categories(X: pd.DataFrame) -> pd.DataFrame:
    return X.assign(t=X["t"].astype("category"), n=X["n"].astype("category"))


def known_categories(X: pd.DataFrame) -> Any:
    return in_parts(categories(X).assign(t=lambda x: x["t"].cat.add_categories(["never"])))


def unknown_categories(X: pd.DataFrame) -> Any:
    """Return a dask DataFrame whose partitions have categories of their own."""
    out = in_parts(X)
    return out.map_partitions(categories, meta=categories(X.iloc[:0]), enforce_metadata=False)


def of_polars(X: pd.DataFrame) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "t": [x if isinstance(x, str) else None for x in X["t"]],
            "n": X["n"].tolist(),
            "f": X["f"].to_numpy(),
        }
    )


def of_arrow(X: pd.DataFrame) -> pa.Table:
    return pa.table({name: of_polars(X)[name].to_arrow() for name in X})


def dictionary(X: pd.DataFrame) -> pa.Table:
    out = of_arrow(X)
    return out.set_column(0, "t", out["t"].cast(pa.string()).dictionary_encode())


CONTAINERS: dict[str, tuple[Callable[[pd.DataFrame], Any], Any]] = {
    "array": (lambda X: X.to_numpy(object), None),
    "array, NaN": (lambda X: X.to_numpy(object), np.nan),
    "list": (lambda X: X.to_numpy(object).tolist(), None),
    "pandas": (lambda X: X, None),
    "pandas, NaN": (lambda X: X, np.nan),
    "pandas, str": (text_as("str"), np.nan),
    "pandas, string[python]": (text_as("string[python]"), np.nan),
    "pandas, string[pyarrow]": (text_as("string[pyarrow]"), np.nan),
    "pandas, categories": (categories, np.nan),
    "pandas, Int64": (lambda X: text_as("str")(X).assign(n=X["n"].astype("Int64")), np.nan),
    "polars": (of_polars, None),
    "polars, categories": (
        lambda X: of_polars(X).with_columns(pl.col("t").cast(pl.Categorical)),
        None,
    ),
    "pyarrow": (of_arrow, np.nan),
    "pyarrow, dictionary": (dictionary, np.nan),
    "dask array": (lambda X: in_blocks(X.to_numpy(object)), None),
    "dask": (in_parts, None),
    "dask, text": (lambda X: in_parts(text_as("string[pyarrow]")(X)), np.nan),
    "dask, categories": (known_categories, np.nan),
    "dask, unknown categories": (unknown_categories, np.nan),
}
"""What puts a table in a container, and what is missing there."""


def dense(x: Any) -> np.ndarray:
    """Return what a transformer made as an array, also of lazy and of sparse rows."""
    x = x.compute(scheduler="sync") if hasattr(x, "dask") else x
    return np.asarray(x.toarray() if hasattr(x, "toarray") else x)


def alike(a: Any, b: Any) -> bool:
    """Tell whether two lists of values are the same; NaN is NaN."""
    a, b = (x if isinstance(x, list) else np.asarray(x).tolist() for x in (a, b))
    return len(a) == len(b) and all(
        p == q or (p != p and q != q) for p, q in zip(a, b, strict=True)
    )
