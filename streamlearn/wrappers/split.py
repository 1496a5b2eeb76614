"""Splits of rows or blocks into those to learn from and those to score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn import get_config

from streamlearn import blocks as engine
from streamlearn._arrays import asarray, default_int, is_array, namespace
from streamlearn._sklearn import _safe_indexing
from streamlearn._thirdparty.tags import by_row_and_same, is_lazy, rows_known
from streamlearn._training.fit_settings import generator
from streamlearn.wrappers import scoring
from streamlearn.wrappers.block_learners import AsGiven, Copies, LearnedCopy, too_few_blocks


class BlockSplit(NamedTuple):
    """The blocks that an estimator learns from, and those that it is scored on.

    Attributes
    ----------
    learner : Copies or AsGiven
        The block learner.
    blocks : Blocks
        The blocks to learn from. Over a collection they include the held-out ones.
    held : Blocks or None
        The blocks with the held-out ones, which are scored and never learned from.
    which : sequence of int
        The numbers of the held-out blocks among ``held``.
    """

    learner: Any
    blocks: engine.Blocks
    held: engine.Blocks | None = None
    which: Sequence[int] = ()

    def score(self, scorer: Callable[..., Any] | None, fitted: LearnedCopy) -> float:
        """Return the score on the held-out blocks."""
        assert self.held is not None
        return scoring.of_blocks(fitted.estimator, scorer, self.held, self.which)


def split_of(
    X: Any,
    y: Any,
    params: dict[str, Any],
    *,
    seed: int,
    shuffle: bool,
    held_out: float | None,
    n_parallel: int = 1,
) -> BlockSplit:
    """Return the split of X and y.

    Parameters
    ----------
    X, y : containers
        The rows and their targets.
    params : dict
        Further arguments of ``partial_fit``. Arguments with one value for each row are cut to
        blocks like X.
    seed : int
        The seed of the order of the blocks and of what is held out.
    shuffle : bool
        Whether to permute the blocks of a collection before each epoch.
    held_out : float or None
        The share of the blocks to hold out. In memory it is the share of the rows.
    n_parallel : int, default=1
        The number of blocks of a collection that are learned from side by side.

    Returns
    -------
    BlockSplit

    Raises
    ------
    ValueError
        If the containers do not line up, or if there are too few blocks or rows to hold some out.
    TypeError
        If X is in memory and another container is not.
    """
    lazy = engine.is_collection(X)
    if not lazy and held_out is None and not any(map(is_lazy, (y, *params.values()))):
        return _in_memory(X, y, params)
    if not lazy:
        X, y = (x if x is None or _says_its_rows(x) else np.asarray(x) for x in (X, y))
    n_rows = rows_known(X)
    by_row, same = by_row_and_same(params, n_rows)
    blocks = engine.align(X=X, y=y, **by_row)
    if lazy:
        held = () if held_out is None else _blocks_held_out(blocks, held_out, seed)
        copies = Copies(same, seed if shuffle else None, held, get_config(), n_parallel)
        return BlockSplit(copies, blocks, blocks, held)
    assert held_out is not None
    assert n_rows is not None
    n_held = int(np.ceil(held_out * n_rows))
    if not 0 < n_held < n_rows:
        raise ValueError(
            f"validation_fraction={held_out!r} of n_samples = {n_rows} leaves none to learn from. "
            "Give more rows, or patience=None."
        )
    shuffled = generator(seed).permutation(n_rows)
    apart, rest = np.sort(shuffled[:n_held]), np.sort(shuffled[n_held:])
    cut = {name: rows_at(value, rest) for name, value in by_row.items()}
    given = {"X": X, "y": y, "sample_weight": by_row.get("sample_weight")}
    held_rows = engine.align(**{name: rows_at(value, apart) for name, value in given.items()})
    split = _in_memory(rows_at(X, rest), rows_at(y, rest), {**params, **cut})
    return split._replace(held=held_rows, which=[0])


def _in_memory(X: Any, y: Any, params: dict[str, Any]) -> BlockSplit:
    """Return rows in memory as one block. Their number is 1 if only the estimator knows it."""
    n_rows = engine.n_rows(X) if _says_its_rows(X) else 1
    block = engine.Block(0, {"X": range(max(n_rows, 1))}, in_memory=True)
    return BlockSplit(AsGiven(X, y, params), engine.Blocks(("X",), None, block, (n_rows,), ()))


def _blocks_held_out(blocks: engine.Blocks, share: float, seed: int) -> list[int]:
    """Return the blocks to hold out, none of which is empty.

    A block of unknown length is read to count its rows. Blocks that share a source are held out
    together, because the source is read once.
    """
    if blocks.plan is None:
        raise ValueError(
            "patience holds out blocks, and the number of blocks of a source is not known "
            "beforehand. Give a dask collection, or hold out rows in a source of their own."
        )
    groups = [[b for b in group if blocks.rows[b] != 0] for group in engine.groups(blocks.plan)]
    groups = [group for group in groups if group]
    if len(groups) < 2:
        raise ValueError(too_few_blocks(len(blocks)))
    wanted, held = share * sum(map(len, groups)), list[int]()
    waiting = [groups[group] for group in generator(seed).permutation(len(groups))[:-1]]
    while waiting and len(held) < wanted:
        looked_at = list[int]()
        while waiting and len(held) + len(looked_at) < wanted:
            looked_at += waiting.pop(0)
        held += _with_rows(blocks, looked_at)
    if not held:
        raise ValueError(too_few_blocks(len(blocks)))
    return sorted(held)


def _with_rows(blocks: engine.Blocks, among: list[int]) -> list[int]:
    """Return the blocks that have rows. Blocks of unknown lengths are read."""
    unknown = sorted(block for block in among if blocks.rows[block] is None)
    if not unknown:
        return among
    # `reduce` skips blocks without rows.
    found = engine.reduce(_number, _join, blocks, order=unknown, name="rows") or set()
    return [block for block in among if blocks.rows[block] or block in found]


def _number(block: engine.Block) -> set[int]:
    return {block.number}


def _join(a: set[int], b: set[int]) -> set[int]:
    return a | b


def rows_at(x: Any, at: np.ndarray) -> Any:
    """Return some rows of what holds rows in memory. None stays None."""
    if hasattr(x, "tocsr"):
        return x.tocsr()[at]
    if is_array(x) and not isinstance(x, np.ndarray):
        return namespace(x).take(x, asarray(at, like=x, dtype=default_int(x)), axis=0)
    return None if x is None else _safe_indexing(x, at)


def _says_its_rows(X: Any) -> bool:
    return hasattr(X, "shape") or hasattr(X, "__len__")
