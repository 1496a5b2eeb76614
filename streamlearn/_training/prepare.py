"""The task of a block: it turns the block's parts into checked arrays, and draws random numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import (
    Array,
    asarray,
    batch_rows,
    default_int,
    first_row,
    is_array,
    namespace,
    power_of_two,
    rows_at,
    to_numpy,
)
from streamlearn._training.fit_settings import FitSettings, generator
from streamlearn._validation.arrays import as_vector
from streamlearn._validation.label_codes import encode
from streamlearn._validation.messages import in_block
from streamlearn._validation.reader import Reader, read_values, read_weight
from streamlearn.blocks import Block, LazyRows, as_lazy_rows
from streamlearn.core.batches import GROWTH, SMALLEST
from streamlearn.core.learner import Batch
from streamlearn.stages import Chain, StagedBlock

DRAWS = 512
"""Random numbers drawn for the samples of a block: one for each row of the largest sample."""


class Draws(NamedTuple):
    """The random numbers of a block in an epoch.

    Attributes
    ----------
    order : list of float or None
        Random numbers for the order of the batches; see `streamlearn.core.batches.cut`.
    rows : array of int or None
        A permutation of runs of consecutive rows.
    run : int
        The number of consecutive rows in a run.
    samples : ndarray of shape (DRAWS,), or None
        Numbers in [0, 1), from which the samples of the batches are drawn.
    """

    order: list[float] | None = None
    rows: Array | None = None
    run: int = 1
    samples: np.ndarray | None = None


class PreparedBlock(NamedTuple):
    """A block that has been read and encoded.

    Attributes
    ----------
    X : array of shape (n_rows, n_columns)
    target, weight : arrays over the same rows, or None
    kept : ndarray of int or None
        The indices of these rows in the container in memory; None for all rows.
    held_out : Batch or None
        Rows that are scored and not learned from.
    functions : tuple of callable
        Functions that have not been applied to the rows of X yet.
    block : int or None
        The number by which errors name the block.
    draws : Draws
    """

    X: Array
    target: Array | None
    weight: Array | None
    kept: np.ndarray | None = None
    held_out: Batch | None = None
    functions: tuple[Callable[..., Any], ...] = ()
    block: int | None = None
    draws: Draws = Draws()


class PendingBlock(NamedTuple):
    """A block that has not passed through the stages ahead of the learner yet.

    Attributes
    ----------
    staged_block : StagedBlock
    block : Block
        The original block, without X.
    target, weight : arrays, or None
    epoch : int
    """

    staged_block: StagedBlock
    block: Block
    target: Array | None
    weight: Array | None
    epoch: int


def read_block(settings: FitSettings, epoch: int, block: Block) -> PreparedBlock | PendingBlock:
    """Return a block with its parts as checked arrays, without random draws."""
    if settings.ahead is None:
        X = settings.reader.whole(as_lazy_rows(block.X), block.named)
    else:
        staged_block = staged(
            settings.ahead, settings.reader, block, learns=epoch == settings.first.epoch
        )
        X = staged_block.rows if is_array(staged_block.rows.array) else LazyRows(np.empty((1, 1)))
    like = LazyRows(first_row(X.array), X.functions).all()
    weight = read_weight(block.sample_weight, like, block.named, unsigned=settings.unsigned)
    target = read_target(settings, block, like)
    if settings.ahead is None:
        return without_held_out(settings, block, X, target, weight)
    return PendingBlock(staged_block, block._replace(parts=block.along), target, weight, epoch)


def staged(chain: Chain, reader: Reader, block: Block, *, learns: bool) -> StagedBlock:
    """Return a block after the work of the stages that needs no state."""
    return chain.of_block(as_lazy_rows(block.X), block.along, reader, block.named, learns)


def read_target(settings: FitSettings, block: Block, like: Array) -> Array | None:
    """Return the learner's target: codes of classes, or values; None if it has no target."""
    target = settings.target
    if not target.learned:
        return None
    if target.classes is not None:
        y = as_vector(block.y, "y", block.named)
        return encode(target.classes, y, like=like, where=in_block("y", block.named))
    columns = settings.n_outputs if target.columns is None else target.columns
    values = read_values(block.y, like, block.named, columns)
    if target.valid is not None:
        target.valid(values, block.named)
    return values


def without_held_out(
    settings: FitSettings, block: Block, rows: LazyRows, target: Array | None, weight: Array | None
) -> PreparedBlock:
    """Return a block without the rows that no column learns from, and with some rows held out."""
    (X, functions), learner, holds = rows, settings.learner, settings.held_out
    learned, kept, held_out = Batch(X, target, weight), None, None
    held_rows = None if holds is None else holds.rows
    absent = learner.absent and learner.absent(learner.params, target, weight)
    if absent is not None and bool(namespace(absent).any(absent)):
        present = np.flatnonzero(~to_numpy(absent))
        learned = taken(learned, present)
        if held_rows is not None:
            held_rows = np.searchsorted(present, held_rows[np.isin(held_rows, present)])
    n = learned.X.shape[0]
    if holds is not None and holds.share and n:
        # The epoch is not part of the key: a row that is held out once is never learned from.
        shuffled = generator(settings.shuffle.seed, block.number).permutation(n)
        held_rows = np.sort(shuffled[: min(int(np.ceil(holds.share * n)), n - 1)])
    if held_rows is not None:
        kept = np.delete(np.arange(n), held_rows)
        held_out = taken(learned, held_rows)
        held_out = held_out._replace(X=LazyRows(held_out.X, functions).all())
        learned = taken(learned, kept)
    return PreparedBlock(*learned[:3], kept, held_out, functions, block.named)


def with_draws(
    settings: FitSettings, epoch: int, number: int, block: PreparedBlock
) -> PreparedBlock:
    """Return a block with the random draws of an epoch. ``number`` is that of the block."""
    shuffle, X, order, rows, run = settings.shuffle, block.X, None, None, 1
    n, has_samples = X.shape[0], settings.learner.sampled is not None
    # To seed a generator takes longer than to draw from it, and some blocks draw nothing.
    is_random = has_samples or (shuffle.order is None and shuffle.by is not None)
    source: Any = generator(shuffle.seed, number, epoch) if is_random else None
    seen = settings.first.rows + (epoch - settings.first.epoch) * n
    if shuffle.order is not None:
        at = shuffle.order(epoch)
        if block.kept is not None:
            at = np.searchsorted(block.kept, at[np.isin(at, block.kept)])
        rows = asarray(at, like=X, dtype=default_int(X))
    elif shuffle.by == "rows" or (shuffle.by == "batches" and _permutes_rows(settings, X, seen)):
        if settings.fixed_size(X) is None:
            run = run_length(n, seen, largest(settings, X, seen))
        rows = asarray(source.permutation(n // run), like=X, dtype=default_int(X))
    elif shuffle.by == "batches":
        order = source.random(1 + n // (settings.batch_size or SMALLEST)).tolist()
    samples = source.random(DRAWS) if has_samples else None
    return block._replace(draws=Draws(order, rows, run, samples))


def _permutes_rows(settings: FitSettings, X: Array, seen: int) -> bool:
    """Return whether an order of batches is too coarse, so that rows are permuted instead."""
    if settings.batch_size is None and settings.fixed_size(X) is not None:
        return True
    rule = settings.learner.mixes
    return rule is not None and bool(rule(X, settings.n_outputs, seen))


def run_length(n: int, seen: int, largest: int) -> int:
    """Return the length of the runs in which n rows are permuted, a power of two.

    A batch in the middle of the block holds `SMALLEST` runs or more, so it is as well mixed as the
    first batches. Longer runs are faster to gather. Measured outside of ``bench/`` on 20 float64
    features and one core: 28 ns a row one by one, which is what learning from the row costs, 16 ns
    in runs of 16 rows, and 9 ns in runs of 256 rows.

    Parameters
    ----------
    n : int
        The number of rows of the block.
    seen : int
        The number of rows before it.
    largest : int
        The number of rows of the largest batch.

    Returns
    -------
    int

    Examples
    --------
    >>> run_length(10_000, 0, 65_536), run_length(100_000, 0, 65_536)
    (2, 16)
    >>> run_length(100_000, 1_000_000, 65_536), run_length(100_000, 1_000_000, 512)
    (512, 8)
    """
    batch = min((seen + n // 2) // GROWTH, n, largest)
    return power_of_two(batch // SMALLEST)


def taken(batch: Batch, rows: np.ndarray) -> Batch:
    """Return some rows of a batch, with their targets and weights."""
    at = asarray(rows, like=batch.X, dtype=default_int(batch.X))
    X, target, weight = (None if a is None else rows_at(a, at) for a in batch[:3])
    return Batch(X, target, weight)


def largest(settings: FitSettings, X: Array, seen: int) -> int:
    """Return the number of rows of the largest batch if transformed rows are not built."""
    rule = settings.learner.largest
    return batch_rows(X) if rule is None else rule(X, settings.n_outputs, seen + X.shape[0] // 2)
