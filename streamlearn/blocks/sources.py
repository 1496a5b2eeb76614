"""What users give as a source of blocks: `from_blocks`, and sources in place of a collection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from streamlearn._arrays.plain import plain
from streamlearn.blocks.source_kinds import begins, is_read_once, with_columns
from streamlearn.blocks.streams import Stream, StreamedRows


def from_blocks(source: Any, *, y: Any = None, sample_weight: Any = None) -> Any:
    """Let estimators read blocks of rows one after the other, from whatever gives them.

    Parameters
    ----------
    source : iterable, callable, DataLoader, Dataset or LazyFrame
        A list or another iterable of blocks, or a function without arguments that returns one, such
        as a generator function. Also a ``DataLoader`` of torch, a ``Dataset`` or ``Scanner`` of
        pyarrow, or a ``LazyFrame`` of polars. A block holds rows X, or is a tuple (X, y) or (X, y,
        sample_weight), in which y and the weights may be None.
    y : str or list of str, default=None
        The columns that hold the target, if blocks are frames.
    sample_weight : str, default=None
        The column that holds the weights, if blocks are frames.

    Returns
    -------
    StreamedRows, or tuple of StreamedRows
        X, or as many parts as a block has. A part that is None is returned as None. To find the
        parts, blocks are read up to the first that has rows. The first pass continues from there.

    Raises
    ------
    TypeError
        If ``source`` cannot be a source of blocks.
    ValueError
        If it has no block, or a block has other parts.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.blocks import from_blocks
    >>> from streamlearn.linear_model import SGDRegressor
    >>> def read_blocks():
    ...     for day in range(20):
    ...         X = np.random.default_rng(day).normal(size=(500, 2))
    ...         yield X, X[:, 0] - X[:, 1]
    >>> X, y = from_blocks(read_blocks)
    >>> model = SGDRegressor(random_state=0).fit(X, y)
    >>> [len(predicted) for predicted in model.predict(X)][:3]
    [500, 500, 500]
    """
    stream = _stream_of(source)
    if stream is None:
        if not hasattr(type(source), "__iter__") or isinstance(source, str | bytes | Mapping):
            raise TypeError(
                f"A {type(source).__name__} cannot be a source of blocks. Give an iterable of "
                "blocks, or a function that returns one."
            )
        stream = Stream(partial(iter, source), once=is_read_once(source))
    if y is not None or sample_weight is not None:
        apart = partial(_columns_apart, stream.begin, y, sample_weight)
        stream = Stream(apart, once=stream.once, narrowed=stream.narrowed)
    parts = _parts(stream)
    return parts[0] if len(parts) == 1 else parts


def is_source(x: object) -> bool:
    """Return whether ``x`` is streamed rows, or can only be a source of blocks."""
    return isinstance(x, StreamedRows) or begins(x) is not None


def as_rows(x: Any) -> Any:
    """Return the rows X of a source of blocks, and anything else as it is."""
    parts = _opened(x)
    return x if parts is None else parts[0]


def taken_apart(X: Any, y: Any = None, sample_weight: Any = None) -> tuple[Any, Any, Any]:
    """Return X, y and the weights. If X is a source, they are its parts.

    Raises
    ------
    ValueError
        If X brings a y, or weights, and another is given. If y or the weights are a source of
        several parts.
    """
    given = {"y": y, "sample_weight": sample_weight}
    for name, x in given.items():
        parts = _opened(x) or (x,)
        if len(parts) > 1:
            raise ValueError(
                f"{name} is a source whose blocks have {len(parts)} parts, expected {name} alone. "
                "Give X and y in one source, or one source for each."
            )
        given[name] = parts[0]
    X, *along = _opened(X) or (X,)
    for name, part in zip(given, along, strict=False):
        if part is not None and given[name] is not None:
            raise ValueError(
                f"The blocks of X contain {name}, and {name} is given too. Leave one out."
            )
        given[name] = given[name] if part is None else part
    return X, given["y"], given["sample_weight"]


def _stream_of(x: Any) -> Stream | None:
    """Return the stream of a source, or None of anything else."""
    begin = begins(x)
    if begin is None:
        return None
    narrowed = with_columns(x)
    return Stream(
        begin,
        once=is_read_once(x),
        narrowed=None if narrowed is None else partial(_narrowed, narrowed),
    )


def _narrowed(with_names: Callable[[Sequence[Any]], Any], names: Sequence[Any]) -> Stream:
    stream = _stream_of(with_names(names))
    assert stream is not None
    return stream


def _opened(x: Any) -> tuple[StreamedRows | None, ...] | None:
    """Return the parts of a source that a user gives. The result is None for streamed rows."""
    stream = _stream_of(x)
    return None if stream is None else _parts(stream)


def _parts(stream: Stream) -> tuple[StreamedRows | None, ...]:
    heads = stream.heads()
    return tuple(
        None if head is None else StreamedRows(stream, place) for place, head in enumerate(heads)
    )


def _columns_apart(begin: Callable[[], Iterable[Any]], y: Any, weight: Any) -> Iterator[Any]:
    """Return frames as (X, y, weights), by the names of the columns."""
    return map(partial(_parts_of_frame, y, weight), begin())


def _parts_of_frame(y: Any, weight: Any, block: Any) -> tuple[Any, ...]:
    frame = plain(block)
    if not hasattr(frame, "columns"):
        raise TypeError(
            f"y and sample_weight are names of columns, and a block is a "
            f"{type(frame).__name__}. Give blocks (X, y), or frames."
        )
    taken = {weight, *(y if isinstance(y, list) else [y])}
    X = frame[[name for name in frame.columns if name not in taken]]
    parts = (X, *(None if name is None else frame[name] for name in (y, weight)))
    return parts if weight is not None else parts[:2]
