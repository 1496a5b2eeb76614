"""The data of a search as blocks: collections as they are, and rows in memory cut at random."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import indexable

from streamlearn import blocks as engine
from streamlearn._arrays import is_sparse
from streamlearn._thirdparty.tags import by_row_and_same, is_lazy, rows_known
from streamlearn._training.fit_settings import generator
from streamlearn.wrappers.split import rows_at

BLOCKS_IN_MEMORY = 20
"""The number of blocks into which rows in memory are cut, if each has two rows: R2 needs them."""


def width_of(given: Any) -> int | None:
    """Return the number of features of the rows, or None if these are not dense."""
    X = given["X"] if isinstance(given, dict) else given[0][0]
    rows = engine.meta_of(X) if engine.is_collection(X) else X
    return None if getattr(rows, "ndim", 0) != 2 or is_sparse(rows) else rows.shape[1]


def data_of_search(
    X: Any, y: Any, params: dict[str, Any], seed: int
) -> tuple[Any, dict[str, Any], tuple[int | None, ...] | None]:
    """Return the parts of the data, and what else a search must know of them.

    Rows in memory are cut into blocks, in random order.

    Returns
    -------
    given : dict of str to collection, or list of tuple
        The collections, or the blocks of rows in memory.
    same : dict
        The arguments of ``partial_fit`` that are the same for all blocks.
    rows : tuple of int or None
        The number of rows of each block, None where it is not known. It is None if a source does
        not say its number of blocks.

    Raises
    ------
    TypeError
        If X is in memory and another part is a collection.
    ValueError
        If rows in memory have arguments for each row other than weights. If X and y have different
        numbers of rows, or fewer than two.
    """
    lazy = engine.is_collection(X)
    if not lazy:
        for name, part in {"y": y, **params}.items():
            if is_lazy(part):
                raise engine.in_memory_and_lazy("X", X, name, part)
        X, y = indexable(X, y)
    n_rows = rows_known(X)
    by_row, same = by_row_and_same(params, n_rows)
    if lazy:
        streamed = isinstance(X, engine.StreamedRows)
        return {"X": X, "y": y, **by_row}, same, None if streamed else engine.row_chunks(X)
    further = by_row.keys() - {"sample_weight"}
    if further:
        raise ValueError(
            f"{', '.join(sorted(further))} with a value for each row needs a dask collection: rows "
            "in memory may only have sample_weight. Give X as a dask array."
        )
    assert n_rows is not None
    if n_rows < 2:
        raise ValueError(
            f"Found array with {n_rows} sample(s) while a minimum of 2 is required by a search: "
            "it scores rows that a candidate has not learned from."
        )
    parts = indexable(X, y, by_row.get("sample_weight"))
    while parts[-1] is None:
        parts.pop()
    mixed = generator(seed).permutation(n_rows)
    cut = [
        tuple(rows_at(part, rows) for part in parts)
        for rows in np.array_split(mixed, min(BLOCKS_IN_MEMORY, max(2, n_rows // 2)))
    ]
    return cut, same, tuple(engine.n_rows(block[0]) for block in cut)


def aligned(given: Any) -> engine.Blocks:
    """Return the blocks of the parts that `data_of_search` returns.

    A source of blocks has a thread from here to the end of its pass.
    """
    if isinstance(given, dict):
        return engine.align(**given)
    streamed = engine.from_blocks(given)
    streamed = streamed if isinstance(streamed, tuple) else (streamed,)
    return engine.align(**dict(zip(("X", "y", "sample_weight"), streamed, strict=False)))
