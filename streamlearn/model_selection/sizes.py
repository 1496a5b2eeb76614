"""The sizes of two parts: numbers of rows where these are known, else shares."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from streamlearn import blocks as engine
from streamlearn._sklearn import _validate_shuffle_split
from streamlearn.model_selection.draws import Draw, DrawnPart
from streamlearn.model_selection.folds import RangePart, Rows, Split


class Sizes(NamedTuple):
    """The sizes of the parts. They are shares if the number of all rows is None."""

    train: float
    test: float
    n_rows: int | None


def sizes(rows: Rows, test_size: Any, train_size: Any, default: float) -> Sizes:
    """Return the sizes of the parts of collections.

    Raises
    ------
    ValueError
        If a size is out of range, or a number of rows that are not counted.
    """
    n = rows.n_rows
    if n is not None:
        if not n:
            raise ValueError("The collections have no rows, and both parts need some.")
        n_train, n_test = _validate_shuffle_split(n, test_size, train_size, default)
        return Sizes(n_train, n_test, n)
    for name, size in (("test_size", test_size), ("train_size", train_size)):
        if isinstance(size, int | np.integer) and not isinstance(size, bool):
            first = next(iter(rows.given))
            lengths = "" if rows.lengths is None else f", or {engine.find_lengths(first)}"
            raise ValueError(
                f"{name}={size} is a number of rows, and the lengths of the blocks are unknown. "
                f"Give a share between 0 and 1{lengths}."
            )
        if size is not None and not (isinstance(size, float) and 0 < size < 1):
            raise ValueError(f"{name} must be a share between 0 and 1, got {size!r}.")
    if test_size is None and train_size is None:
        test_size = default
    test = 1 - train_size if test_size is None else test_size
    train = 1 - test if train_size is None else train_size
    if train + test > 1:
        raise ValueError(
            f"The sum of test_size={test_size} and train_size={train_size} is above 1. Give "
            "smaller shares."
        )
    return Sizes(float(train), float(test), None)


def drawn(asked: Sizes, seed: int, *, stratified: bool) -> Split:
    """Return a split by a draw from each block."""
    draw = Draw(seed, asked.test, asked.train, asked.n_rows, stratified)
    return Split(DrawnPart(draw, False), DrawnPart(draw, True))


def cut_at(asked: Sizes, n_blocks: int | None) -> Split:
    """Return a split of the first rows from those after them, as scikit-learn cuts.

    Raises
    ------
    ValueError
        If the number of blocks is not known.
    """
    if n_blocks is None:
        raise ValueError(
            "shuffle=False takes the first rows of all, and a source does not say how many there "
            "are. Give shuffle=True, which draws rows from each block, or a dask collection."
        )
    if asked.n_rows is not None:
        cut = asked.train
        return Split(RangePart(0, cut, True), RangePart(cut, cut + asked.test, True))
    cut, end = asked.train * n_blocks, (asked.train + asked.test) * n_blocks
    return Split(RangePart(0, cut, False), RangePart(cut, min(end, n_blocks), False))
