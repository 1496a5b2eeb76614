"""What an estimator that is not ours learns from, epoch by epoch: blocks, or one array in memory.

Both have ``epoch``, which lets copies of an estimator learn, and ``score``, of what was held out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import _safe_indexing

from streamlearn import blocks as engine
from streamlearn._arrays import asarray, default_int, is_array, namespace
from streamlearn._thirdparty.partial_fit import as_here, is_by_row, learned, rows_known
from streamlearn._training.block import generator
from streamlearn._training.epochs import block_order
from streamlearn.wrappers import scoring
from streamlearn.wrappers.post_fit import kind_of


class Taught(NamedTuple):
    """An estimator on its way through the blocks.

    Attributes
    ----------
    estimator : object
    blocks, rows : int
        What this epoch's part of it has learned from so far.
    like : array or None
        No rows of the kind that the blocks hold, see `kind_of`.
    """

    estimator: Any
    blocks: int = 0
    rows: int = 0
    like: Any = None


class InMemory(NamedTuple):
    """Rows in memory, which make one block, as they are given.

    Attributes
    ----------
    X, y : objects
    params : dict
        Further arguments of ``partial_fit``.
    held : Blocks or None
        Rows that are scored and never learned from.
    """

    X: Any
    y: Any
    params: dict[str, Any]
    held: engine.Blocks | None = None

    @property
    def total(self) -> int:
        """Blocks to learn from."""
        return 1

    def epoch(self, estimator: Any, _epoch: int) -> Iterator[Taught]:
        """Learn from all rows."""
        estimator = learned(estimator, self.X, self.y, self.params)
        yield Taught(estimator, 1, _rows(self.X), kind_of(self.X))

    def score(self, estimator: Any, scorer: Callable | None) -> float:
        """Score the rows that are held out."""
        assert self.held is not None
        return scoring.of_blocks(estimator, scorer, self.held, [0])


class InBlocks(NamedTuple):
    """The blocks of collections.

    Attributes
    ----------
    blocks : Blocks
    params : dict
        Further arguments of ``partial_fit``, the same for all blocks.
    seed : int or None
        Of the blocks' order; None to leave them as they are.
    held : sequence of int
        Blocks that are scored and never learned from.
    """

    blocks: engine.Blocks
    params: dict[str, Any]
    seed: int | None
    held: Sequence[int] = ()

    @property
    def total(self) -> int:
        """Blocks to learn from."""
        return len(self.blocks) - len(self.held)

    def epoch(self, estimator: Any, epoch: int) -> Iterator[Taught]:
        """Learn from one block after the other; yield after each segment of them."""
        order: Sequence[int] | None = None
        if self.seed is not None:
            order = block_order(self.blocks, self.seed, epoch)
        if self.held:
            held = set(self.held)
            every = range(len(self.blocks)) if order is None else order
            order = [block for block in every if block not in held]
        step = as_here(partial(_learn, self.blocks.names, self.params))
        taught, done = Taught(estimator), 0
        for segment in engine.fold(step, taught, self.blocks, prepare=_as_they_are, order=order):
            done += len(segment.records)
            taught = segment.state._replace(blocks=done)
            yield taught
        if not taught.rows:
            if self.held:
                raise ValueError(_too_few(len(self.blocks)))
            name = type(estimator).__name__
            raise ValueError(
                f"Found array with 0 sample(s) while a minimum of 1 is required by {name}."
            )

    def score(self, estimator: Any, scorer: Callable | None) -> float:
        """Score the blocks that are held out."""
        return scoring.of_blocks(estimator, scorer, self.blocks, self.held)


def lessons_of(
    X: Any,
    y: Any,
    params: dict[str, Any],
    *,
    seed: int,
    shuffle: bool,
    held_out: float | None,
) -> InMemory | InBlocks:
    """Return what is learned from.

    Parameters
    ----------
    X, y : containers
    params : dict
        Further arguments of ``partial_fit``; those with a value a row are cut to blocks like X.
    seed : int
    shuffle : bool
        Permute the blocks of a collection before each epoch.
    held_out : float or None
        Share of the blocks to hold out; in memory, of the rows.

    Raises
    ------
    ValueError
        If the containers do not line up, or there is too little to hold some out.
    TypeError
        If X is in memory and another one is not.
    """
    lazy = engine.is_collection(X)
    if not lazy and held_out is None and not any(map(engine.is_collection, (y, *params.values()))):
        return InMemory(X, y, params)
    if not lazy:
        X, y = (x if x is None or _says_its_rows(x) else np.asarray(x) for x in (X, y))
    n_rows = rows_known(X)
    by_row = {name: value for name, value in params.items() if is_by_row(name, value, n_rows)}
    blocks = engine.align(X=X, y=y, **by_row)
    if lazy:
        same = {name: value for name, value in params.items() if name not in by_row}
        held = () if held_out is None else _blocks_held_out(blocks, held_out, seed)
        return InBlocks(blocks, same, seed if shuffle else None, held)
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
    cut = {name: _rows_at(value, rest) for name, value in by_row.items()}
    given = {"X": X, "y": y, "sample_weight": by_row.get("sample_weight")}
    held_rows = engine.align(**{name: _rows_at(value, apart) for name, value in given.items()})
    return InMemory(_rows_at(X, rest), _rows_at(y, rest), {**params, **cut}, held_rows)


def _blocks_held_out(blocks: engine.Blocks, share: float, seed: int) -> list[int]:
    """Return the blocks to hold out: none that is empty, which takes a look where nobody knows.

    Those that share a source go together, as it is read once.
    """
    assert blocks.plan is not None
    groups = [[b for b in group if blocks.rows[b] != 0] for group in engine.groups(blocks.plan)]
    groups = [group for group in groups if group]
    if len(groups) < 2:
        raise ValueError(_too_few(len(blocks)))
    wanted, held = share * sum(map(len, groups)), list[int]()
    waiting = [groups[group] for group in generator(seed).permutation(len(groups))[:-1]]
    while waiting and len(held) < wanted:
        looked_at = list[int]()
        while waiting and len(held) + len(looked_at) < wanted:
            looked_at += waiting.pop(0)
        held += _with_rows(blocks, looked_at)
    if not held:
        raise ValueError(_too_few(len(blocks)))
    return sorted(held)


def _with_rows(blocks: engine.Blocks, among: list[int]) -> list[int]:
    """Return the blocks that have rows. Those of unknown lengths are read."""
    unknown = sorted(block for block in among if blocks.rows[block] is None)
    if not unknown:
        return among
    # What is made of a block is asked for only if it has rows.
    found = engine.reduce(_number, _join, blocks, order=unknown) or set()
    return [block for block in among if blocks.rows[block] or block in found]


def _number(index: int, _parts: tuple) -> set[int]:
    return {index}


def _join(a: set[int], b: set[int]) -> set[int]:
    return a | b


def _too_few(n_blocks: int) -> str:
    return (
        f"patience needs blocks that can be held out and others to learn from, and all {n_blocks} "
        "of X share one source or are empty. Give more blocks, each of whole sources (as they are "
        "stored, say), or patience=None."
    )


def _rows_at(x: Any, at: np.ndarray) -> Any:
    if hasattr(x, "tocsr"):
        return x.tocsr()[at]
    if is_array(x) and not isinstance(x, np.ndarray):
        return namespace(x).take(x, asarray(at, like=x, dtype=default_int(x)), axis=0)
    return None if x is None else _safe_indexing(x, at)


def _rows(X: Any) -> int:
    """Return the rows of what only the estimator may know to read, 0 where it does not say."""
    return engine.n_rows(X) if _says_its_rows(X) else 0


def _says_its_rows(X: Any) -> bool:
    return hasattr(X, "shape") or hasattr(X, "__len__")


def _as_they_are(_index: int, parts: tuple) -> tuple:
    return parts


def _learn(
    names: tuple[str, ...], params: dict[str, Any], before: Taught, parts: tuple
) -> tuple[Taught, None]:
    """Let a copy learn from a block: the chain's task."""
    given = dict(zip(names, parts, strict=True))
    X, y = given.pop("X"), given.pop("y", None)
    estimator = learned(before.estimator, X, y, {**params, **given})
    rows = before.rows + engine.n_rows(X)
    return before._replace(estimator=estimator, rows=rows, like=kind_of(X)), None
