"""The kinds of things that blocks can be read from, and how a pass over each begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

ROWS = 65_536
"""Rows of a block of a polars LazyFrame, which has no blocks of its own."""


def begins(x: object) -> Callable[[], Iterable[Any]] | None:
    """Return what begins a pass over ``x``, where it can only be a source of blocks.

    It is judged by its type: some objects say that they have every attribute. A list, or another
    iterable, may hold rows. It is a source only if it is given to `from_blocks`.
    """
    kind = type(x)
    if x is None or hasattr(kind, "shape") or hasattr(kind, "__array__") or isinstance(x, type):
        return None
    package = kind.__module__.partition(".")[0]
    if package == "polars" and kind.__name__ == "LazyFrame":
        return partial(_of_polars, x)
    if package == "pyarrow" and hasattr(kind, "count_rows"):
        return partial(_of_arrow, x)
    if any(
        base.__name__ == "DataLoader" and base.__module__.startswith("torch.utils.data")
        for base in kind.__mro__
    ):
        return partial(_of_torch, x)
    if callable(x) and package != "dask":
        return x
    return partial(iter, x) if is_read_once(x) else None


def is_read_once(x: object) -> bool:
    """Tell whether ``x`` is an iterator, such as a generator, which cannot be begun again."""
    return hasattr(type(x), "__next__")


def with_columns(x: object) -> Callable[[Sequence[Any]], Any] | None:
    """Return a function of names that returns a source like ``x`` with only these columns.

    It reads nothing else. The result is None if ``x`` always reads all of its columns.
    """
    kind = type(x)
    package = kind.__module__.partition(".")[0]
    if package == "polars" and kind.__name__ == "LazyFrame":
        return partial(_select, x)
    return partial(_scan, x) if package == "pyarrow" and hasattr(kind, "scanner") else None


def _select(frame: Any, names: Sequence[Any]) -> Any:
    return frame.select(names)


def _scan(dataset: Any, names: Sequence[Any]) -> Any:
    return dataset.scanner(columns=names, batch_readahead=1)


def _of_torch(loader: Any) -> Iterator[Any]:
    """Return the batches of a DataLoader, which goes on after an error."""
    return map(_as_block, loader)


def _as_block(batch: Any) -> Any:
    """Return a batch as a block: a DataLoader collates tuples as lists."""
    return tuple(batch) if isinstance(batch, list) else batch


def _of_arrow(dataset: Any) -> Iterator[Any]:
    """Return the record batches of a Dataset, with one read ahead, or as a Scanner reads them."""
    few = {} if type(dataset).__name__ == "Scanner" else {"batch_readahead": 1}
    return dataset.to_batches(**few)


def _of_polars(frame: Any) -> Iterator[Any]:
    """Yield the rows of a LazyFrame, in their order."""
    if hasattr(frame, "collect_batches"):
        yield from frame.collect_batches(chunk_size=ROWS, maintain_order=True, lazy=True)
        return
    start, block = 0, None
    while block is None or block.height == ROWS:
        block = frame.slice(start, ROWS).collect()
        if block.height or not start:
            yield block
        start += ROWS
