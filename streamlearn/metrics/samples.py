"""A sample of the rows, drawn in one pass.

Each row gets a random number, and the rows with the smallest ones are kept. The number of a row
depends on the seed and on how many rows come before it. So the sample is the same for any chunks,
and in memory. Where dask does not know how many rows come before a block, it depends on the seed,
the number of the block and the place in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import concat
from streamlearn.blocks import Place
from streamlearn.metrics.over_blocks import Statistic

WITHOUT_SIZE = 1 << 16
"""The most rows of a collection that are kept if no size is given."""


class Sample(NamedTuple):
    """Some rows. If their number is given, they are in the order of their random numbers.

    Attributes
    ----------
    size : int, float or None
        The most rows, or the probability of each row. None keeps all of them. Without a number of
        rows, a collection may not have more than `WITHOUT_SIZE`.
    advice : str
        What the error about a collection of more rows says.
    keys : ndarray of uint64 of shape (n_rows,)
    parts : tuple of ndarray of shape (n_rows, ...)
        The rows of each container.
    """

    size: float | None
    advice: str
    keys: np.ndarray
    parts: tuple[np.ndarray, ...]


Read = Callable[[Any, Any, Any, int | None], tuple[np.ndarray, ...]]
"""``(y_true, y_pred, weight, block) -> parts``: the rows of a block, in memory."""


def sample_of(read: Read, size: float | None, seed: int, advice: str) -> Statistic:
    """Return the sums that a sample of the rows is."""
    return Statistic(_of_block, _merge, options=(read, size, seed, advice), draws=True)


def keys_of(seed: int, place: Place) -> np.ndarray:
    """Return the random number of each row of a block.

    Examples
    --------
    >>> keys_of(0, Place(3, 2, start=5)).tolist() == keys_of(0, Place(0, 7, start=0)).tolist()[5:]
    True
    """
    if place.start is None:
        return np.random.PCG64([seed, place.number]).random_raw(place.n_rows)
    bits = np.random.PCG64(seed)
    bits.advance(place.start)
    return bits.random_raw(place.n_rows)


def _of_block(
    read: Read,
    size: float | None,
    seed: int,
    advice: str,
    place: Place,
    y_true: Any,
    y_pred: Any,
    weight: Any,
    block: int | None,
) -> Sample:
    parts = read(y_true, y_pred, weight, block)
    sample = Sample(size, advice, keys_of(seed, place), parts)
    if isinstance(size, float):
        some = sample.keys < size * 2.0**64
        sample = sample._replace(keys=sample.keys[some], parts=tuple(x[some] for x in parts))
    found = _first(sample)
    return found if block is None else _few_or_raise(found)


def _first(sample: Sample) -> Sample:
    """Return the rows with the smallest numbers, or all rows if their number is not given."""
    if not isinstance(sample.size, int):
        return sample
    order = np.arange(len(sample.keys))
    if sample.size < len(order):
        order = np.argpartition(sample.keys, sample.size)[: sample.size]
    order = order[np.argsort(sample.keys[order])]
    return sample._replace(keys=sample.keys[order], parts=tuple(x[order] for x in sample.parts))


def _merge(a: Sample, b: Sample) -> Sample:
    parts = tuple(concat([*pair]) for pair in zip(a.parts, b.parts, strict=True))
    keys = np.concatenate([a.keys, b.keys])
    return _few_or_raise(_first(a._replace(keys=keys, parts=parts)))


def _few_or_raise(sample: Sample) -> Sample:
    if not isinstance(sample.size, int) and len(sample.keys) > WITHOUT_SIZE:
        raise ValueError(
            f"The rows are too many to keep: a collection has more than {WITHOUT_SIZE}. "
            f"{sample.advice}"
        )
    return sample
