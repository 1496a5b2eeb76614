"""Block learners of estimators that are not ours, over blocks and over one array in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn import config_context, get_config

from streamlearn import blocks as engine
from streamlearn._arrays import asarray, default_int, is_array, namespace
from streamlearn._sklearn import _safe_indexing
from streamlearn._thirdparty.partial_fit import learned
from streamlearn._thirdparty.tags import is_by_row, rows_known
from streamlearn._training.block_learner import block_order
from streamlearn._training.course import generator
from streamlearn._training.epochs import Progress
from streamlearn._validation.messages import no_rows
from streamlearn.wrappers import scoring
from streamlearn.wrappers.post_fit import kind_of


class Copies(NamedTuple):
    """The block learner of estimators that are not ours: a copy learns from each block.

    Attributes
    ----------
    params : dict
        Further arguments of ``partial_fit``, the same for all blocks.
    seed : int or None
        Of the order of the blocks; None to leave them as they are.
    held_out : sequence of int
        Blocks that are scored and never learned from.
    config : dict
        scikit-learn's configuration, which is the thread's that makes this.
    """

    params: dict[str, Any]
    seed: int | None
    held_out: Sequence[int]
    config: dict[str, Any]

    def order(self, blocks: engine.Blocks, epoch: int) -> Sequence[int] | None:
        """Return the blocks to learn from in an order drawn for the epoch."""
        order = None if self.seed is None else block_order(blocks, self.seed, epoch)
        if not self.held_out:
            return order
        held = set(self.held_out)
        every = range(len(blocks)) if order is None else order
        return [block for block in every if block not in held]

    def prepare(self, epoch: int, block: engine.Block) -> engine.Block:
        """Return a block as it is: the estimator knows what to do with it."""
        return block

    def step(self, before: Taught, block: engine.Block) -> tuple[Taught, None]:
        """Let a copy learn from a block."""
        params = {**self.params, **block.along}
        y = params.pop("y", None)
        with config_context(**self.config):
            estimator = learned(before.estimator, block.X, y, params)
        return Taught(estimator, kind_of(block.X)), None

    def check(self, progress: Progress) -> None:
        """Check that there were rows."""
        if progress.rows_read:
            return
        if self.held_out:
            raise ValueError(_too_few(progress.blocks + len(self.held_out)))
        raise no_rows(type(progress.learned.estimator).__name__)


class AsGiven(NamedTuple):
    """The block learner of what is in memory, which the estimator takes as it is given.

    Attributes
    ----------
    X, y : objects
    params : dict
        Further arguments of ``partial_fit``.
    """

    X: Any
    y: Any
    params: dict[str, Any]

    def order(self, blocks: engine.Blocks, epoch: int) -> None:
        """Return None: there is one block."""

    def prepare(self, epoch: int, block: engine.Block) -> None:
        """Return None: all is given."""

    def step(self, before: Taught, _block: None) -> tuple[Taught, None]:
        """Let a copy learn from all rows."""
        estimator = learned(before.estimator, self.X, self.y, self.params)
        return Taught(estimator, kind_of(self.X)), None

    def check(self, progress: Progress) -> None:
        """Do nothing: the estimator has checked what it was given."""


class Taught(NamedTuple):
    """An estimator on its way through the blocks.

    Attributes
    ----------
    estimator : object
    like : array or None
        No rows of the kind that the blocks hold, see `kind_of`.
    """

    estimator: Any
    like: Any = None


class Lessons(NamedTuple):
    """What an estimator that is not ours learns from, and what it is scored on.

    Attributes
    ----------
    learner : Copies or AsGiven
    blocks : Blocks
    held : Blocks or None
        What is scored and never learned from.
    which : sequence of int
        Its blocks.
    """

    learner: Any
    blocks: engine.Blocks
    held: engine.Blocks | None = None
    which: Sequence[int] = ()

    @property
    def total(self) -> int:
        """Blocks to learn from."""
        return len(self.blocks) - (len(self.which) if self.held is self.blocks else 0)

    def score(self, scorer: Callable[..., Any] | None, taught: Taught) -> float:
        """Score what is held out."""
        assert self.held is not None
        return scoring.of_blocks(taught.estimator, scorer, self.held, self.which)


def lessons_of(
    X: Any,
    y: Any,
    params: dict[str, Any],
    *,
    seed: int,
    shuffle: bool,
    held_out: float | None,
) -> Lessons:
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
        return _in_memory(X, y, params)
    if not lazy:
        X, y = (x if x is None or _says_its_rows(x) else np.asarray(x) for x in (X, y))
    n_rows = rows_known(X)
    by_row = {name: value for name, value in params.items() if is_by_row(name, value, n_rows)}
    blocks = engine.align(X=X, y=y, **by_row)
    if lazy:
        same = {name: value for name, value in params.items() if name not in by_row}
        held = () if held_out is None else _blocks_held_out(blocks, held_out, seed)
        copies = Copies(same, seed if shuffle else None, held, get_config())
        return Lessons(copies, blocks, blocks, held)
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
    lessons = _in_memory(_rows_at(X, rest), _rows_at(y, rest), {**params, **cut})
    return lessons._replace(held=held_rows, which=[0])


def _in_memory(X: Any, y: Any, params: dict[str, Any]) -> Lessons:
    """Return rows in memory as one block; perhaps only the estimator can tell how many they are."""
    n_rows = engine.n_rows(X) if _says_its_rows(X) else 1
    block = engine.Block(0, {"X": range(max(n_rows, 1))}, in_memory=True)
    return Lessons(AsGiven(X, y, params), engine.Blocks(("X",), None, block, (n_rows,), ()))


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


def _number(block: engine.Block) -> set[int]:
    return {block.number}


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


def _says_its_rows(X: Any) -> bool:
    return hasattr(X, "shape") or hasattr(X, "__len__")
