"""The containers that users have their rows in, all made of the same NumPy table.

A container's ``wrap`` cuts rows at `CHUNKS`, which are unequal and of which one is empty, and notes
in a list each block that is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, count, product
from typing import Any, NamedTuple

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd

from tests.backends import Backend, selected

CHUNKS = (70, 0, 21, 109)
N_ROWS = sum(CHUNKS)
INDEX = np.arange(N_ROWS)[::-1] * 10

ARRAYS = ("array", "dask", "dask-unknown", "dask-columns")
FRAMES = ("frame", "dask-frame")

_LIBRARIES = ("numpy", "torch", "jax", "cupy")
CASES = [
    (name, kind)
    for name in selected()
    for kind in ARRAYS
    if kind in ("array", "dask") or name in _LIBRARIES
]
CASES += [("numpy", kind) for kind in FRAMES if "numpy" in selected()]
"""Array library and kind of container. Frames hold NumPy's arrays, and what dask knows of a chunk
matters once for each library."""

MAIN_CASES = [
    case
    for case in CASES
    if case[0] in _LIBRARIES or case in [("strictest", "array"), ("strict-device1", "dask")]
]
"""For what no device's floats and no layout of chunks change."""

_numbers = count()


def rows_of(chunks: Sequence[int]) -> list[slice]:
    return [slice(end - n, end) for n, end in zip(chunks, accumulate(chunks), strict=True)]


def dask_array(
    x: np.ndarray,
    chunks: Sequence[int] = CHUNKS,
    make: Callable[[np.ndarray], Any] = np.array,
    *,
    log: list | None = None,
    known: bool = True,
    columns: Sequence[int] = (),
) -> da.Array:
    """Return a dask array whose blocks are what ``make`` makes of rows; ``log`` gets their numbers.

    By hand: `dask.array.concatenate` leaves out empty chunks, and a rechunk joins them to others.
    """

    def load(i: int, *where: slice) -> Any:
        if log is not None and not any(at.start for at in where[1:]):
            log.append(i)
        return make(x[where])

    name = f"table-{next(_numbers)}"
    axes = [rows_of(chunks)]
    if x.ndim > 1:
        axes += [rows_of(columns or x.shape[1:2])]
    graph = {
        (name, *(i for i, _ in at), *((0,) * (x.ndim - len(at)))): (
            load,
            at[0][0],
            *(where for _, where in at),
        )
        for at in product(*(list(enumerate(axis)) for axis in axes))
    }
    lengths: list[tuple] = [tuple(chunks) if known else (np.nan,) * len(chunks)]
    lengths += [tuple(columns) or x.shape[1:2]] if x.ndim > 1 else []
    lengths += [(n,) for n in x.shape[2:]]
    return da.Array(graph, name, chunks=tuple(lengths), meta=np.empty((0,) * x.ndim, dtype=x.dtype))


def frame(x: np.ndarray, index: Any = INDEX) -> pd.DataFrame | pd.Series:
    if x.ndim == 1:
        return pd.Series(x, index=index, name="y")
    return pd.DataFrame(x, index=index, columns=[f"f{j}" for j in range(x.shape[1])])


def dask_frame(
    x: np.ndarray, chunks: Sequence[int] = CHUNKS, *, log: list | None = None
) -> dd.DataFrame | dd.Series:
    number = next(_numbers)

    def load(i: int, rows: slice) -> pd.DataFrame | pd.Series:
        assert number >= 0  # a part of the name: dask takes equal frames for one
        if log is not None:
            log.append(i)
        return frame(x[rows], INDEX[rows])

    return dd.from_map(load, range(len(chunks)), rows_of(chunks), meta=frame(x[:0], INDEX[:0]))


def blocks_of(out: Any) -> tuple:
    """Compute each block of a dask collection, and concatenate none."""
    return dask.compute(*np.ravel(np.asarray(out.to_delayed(), dtype=object)), scheduler="sync")


class Container(NamedTuple):
    """One kind of container of one library's arrays."""

    kind: str
    backend: Backend

    @property
    def lazy(self) -> bool:
        return self.kind.startswith("dask")

    @property
    def is_frame(self) -> bool:
        return self.kind.endswith("frame")

    @property
    def dtype(self) -> str:
        """The dtype of float64 rows here."""
        return self.backend.widest

    def wrap(self, x: np.ndarray, log: list | None = None) -> Any:
        """Return rows in this container; those of strings hold NumPy's arrays."""
        make = np.array if x.dtype.kind in "OU" else self.backend.asarray
        if self.kind == "array":
            return make(x)
        if self.kind == "frame":
            return frame(x)
        if self.kind == "dask-frame":
            return dask_frame(x, log=log)
        columns = (1, x.shape[1] - 1) if self.kind == "dask-columns" and x.ndim == 2 else ()
        known = self.kind != "dask-unknown"
        return dask_array(x, make=make, log=log, known=known, columns=columns)

    def numpy(self, out: Any, dtype: str | None = None, strings: bool = False) -> np.ndarray:
        """Return what an estimator gave back, and fail if it is not of this container."""
        check = np.asarray if strings or self.is_frame else self.backend.to_numpy
        if self.kind in ("array", "frame"):
            found = check(out)
        elif self.is_frame and isinstance(out, dd.DataFrame | dd.Series):
            made = out.compute(scheduler="sync")
            np.testing.assert_array_equal(made.index, INDEX)
            assert made.shape[1:] == tuple(out.shape[1:])
            if made.ndim == 1:
                assert made.dtype == out.dtype
            else:
                assert list(made.dtypes) == list(out.dtypes)
            found = made.to_numpy()
        else:
            assert isinstance(out, da.Array), type(out)
            arrays = [check(block) for block in blocks_of(out)]
            assert tuple(len(a) for a in arrays) == CHUNKS
            assert out.ndim == arrays[0].ndim
            if out.ndim == 2:
                assert out.shape[1] == arrays[0].shape[1]
            found = np.concatenate(arrays)
            if self.backend.widest == "float64":
                assert found.dtype == out.dtype, f"dask shows {out.dtype}, blocks are {found.dtype}"
        if dtype is not None:
            assert found.dtype == dtype
        return found
