"""A mergeable statistic of all rows: the blocks are summed side by side, and the sums merge.

The blocks of a one-pass pipeline pass through its stages first. If the only stage that learns is
the last one, and transforms rows by an offset and a scale, the rows before it are summed. The
transformation of all rows is then applied to the sums, so that one read is enough, and the result
is that of rows transformed by the final statistics. Other stages learn in a read of their own, and
so do all stages ahead of a learner without ``rescale``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import (
    Array,
    asarray,
    entries,
    first_row,
    float_dtype,
    itemsize,
    namespace,
    rows_at,
)
from streamlearn._sklearn import _get_feature_names
from streamlearn._training.ahead import names_made
from streamlearn._training.fit_settings import FitSettings
from streamlearn._training.prepare import read_target, staged
from streamlearn._training.transformers import fit as learn_stages
from streamlearn._validation.arrays import as_array
from streamlearn._validation.messages import no_features, no_rows
from streamlearn._validation.reader import Reader, read_weight, same_place_or_raise
from streamlearn.blocks import Block, Blocks, LazyRows, reduce
from streamlearn.core.affine_map import AffineMap
from streamlearn.core.learner import an_array
from streamlearn.stages import (
    Chain,
    Flow,
    Mergeable,
    Stateless,
    framed_if_asked,
    may_be_refused,
    statistic_of,
)


class RowsStatistic(NamedTuple):
    """The statistic of some rows.

    Attributes
    ----------
    state : State of the learner
    like : array of shape (0,)
        The library, the device and the float dtype of the rows.
    names : ndarray or None
        The names of the features, if stages ahead return frames.
    ahead : tuple or None
        What the stages ahead have learned from these rows, if they learn in the same read.
    folds : tuple or None
        The statistic of the rows of each fold, None for one without rows.
    """

    state: Any
    like: Array
    names: np.ndarray | None = None
    ahead: tuple[Any, ...] | None = None
    folds: tuple[Any, ...] | None = None


class Read(NamedTuple):
    """A read of all blocks.

    Attributes
    ----------
    settings : FitSettings
        Its learner is mergeable.
    states : tuple or None
        The states of the stages ahead, if these have learned. Without them they learn.
    function : callable or None
        A function of rows that is applied before they are summed.
    n_folds : int
        The number of folds that are summed by themselves, 0 for none. The blocks of a collection
        are dealt to them in turn. The rows of each block are, if there are fewer blocks.
    cuts : bool
        Whether there are fewer blocks.
    """

    settings: FitSettings
    states: tuple[Any, ...] | None = None
    function: Any = None
    n_folds: int = 0
    cuts: bool = False

    def __call__(self, block: Block) -> RowsStatistic:
        """Return the sums of a block."""
        if self.settings.ahead is not None:
            return _of_staged(self, block)
        settings = self.settings
        X = settings.reader._replace(finite=False).rows(block.X, block.named)
        return _of_rows(self, LazyRows(X), block, settings.reader)

    def merge(self, a: RowsStatistic, b: RowsStatistic) -> RowsStatistic:
        """Return the sums of the rows of both."""
        learner, name = self.settings.learner, self.settings.reader.estimator
        assert learner.merge is not None
        assert learner.n_features is not None
        same_place_or_raise(an_array(b.state), an_array(a.state), name, "fit")
        ahead = None
        if a.ahead is not None and b.ahead is not None:
            assert self.settings.ahead is not None
            ahead = self.settings.ahead.merged(a.ahead, b.ahead)  # its error names the block
        found, known = (learner.n_features(one.state) for one in (b, a))
        if found != known:
            raise ValueError(
                f"X has {found} features, but {name} is expecting {known} features as input."
            )
        folds = None
        if a.folds is not None and b.folds is not None:
            folds = tuple(map(self._either, a.folds, b.folds))
        return RowsStatistic(
            learner.merge(a.state, b.state), wider(a.like, b.like), a.names, ahead, folds
        )

    def _either(self, a: Any, b: Any) -> Any:
        """Return the merged states. Each may be None."""
        assert self.settings.learner.merge is not None
        return b if a is None else a if b is None else self.settings.learner.merge(a, b)

    def of(self, blocks: Blocks) -> RowsStatistic:
        """Return the sums of all blocks.

        Raises
        ------
        ValueError
            If there are no rows.
        """
        of_block: Any = self
        found: RowsStatistic | None = reduce(of_block, self.merge, blocks)
        if found is None:
            raise no_rows(self.settings.reader.estimator)
        return found


def read_all(
    settings: FitSettings,
    blocks: Blocks,
    flow: Flow | None,
    y: Any,
    former: Any = None,
    *,
    n_folds: int = 0,
) -> tuple[RowsStatistic, Any]:
    """Return the sums of all blocks, and what was summed before, in the same units.

    Parameters
    ----------
    settings : FitSettings
    blocks : Blocks
    flow : Flow or None
        The stages ahead. Its ``states`` become those after the read.
    y : container
        The target, for the stages.
    former : State or None
        The state of the learner that was learned before.
    n_folds : int
        See `Read`.
    """
    cuts = blocks.streamed is None and sum(n != 0 for n in blocks.rows) < n_folds
    if flow is None:
        return Read(settings, n_folds=n_folds, cuts=cuts).of(blocks), former
    if not _is_affine(flow.chain) or not (settings.learner.rescale or _is_fixed(flow.chain)):
        learn_stages(flow, y)
        return Read(settings, flow.states, n_folds=n_folds, cuts=cuts).of(blocks), former
    before = flow.states
    found = Read(settings, n_folds=n_folds, cuts=cuts).of(blocks)
    assert found.ahead is not None
    states = found.ahead
    if all(state is not None for state in before):
        states = flow.chain.merged(before, states)
    flow.states = states
    now, then = (_map_of(flow.chain, which) for which in (states, before))
    state, folds = found.state, found.folds
    if now is not None:
        plain = AffineMap(None, None)
        state = _rescaled(settings, state, plain, now)
        if folds is not None:
            folds = tuple(s if s is None else _rescaled(settings, s, plain, now) for s in folds)
        if former is not None and then is not None:
            former = _rescaled(settings, former, then, now)
    return found._replace(state=state, ahead=None, folds=folds), former


def read_again(
    settings: FitSettings, blocks: Blocks, flow: Flow | None, function: Any
) -> RowsStatistic:
    """Return the sums of all rows after a function of rows. The stages ahead do not learn."""
    return Read(settings, None if flow is None else flow.states, function).of(blocks)


def rows_of(settings: FitSettings, block: Block) -> tuple[Array, Array | None, Array]:
    """Return the rows of a block in memory, their weights and targets. No stages are ahead."""
    reader = settings.reader._replace(finite=False)
    X = reader.rows(block.X, block.named)
    like = first_row(X)
    weight = read_weight(block.sample_weight, like, block.named, unsigned=settings.unsigned)
    return X, weight, read_target(settings, block, like)


def example_of(like: Array) -> Array:
    """Return an array without numbers, in the library and float dtype of rows."""
    none = namespace(like).reshape(entries(like), (-1,))[:0]
    return namespace(none).astype(none, float_dtype(like))


def wider(a: Array, b: Array) -> Array:
    """Return which of two arrays has more digits."""
    return b if itemsize(b.dtype, namespace(b)) > itemsize(a.dtype, namespace(a)) else a


def _is_affine(chain: Chain) -> bool:
    """Return whether only the last stage may learn, and transforms by an offset and a scale."""
    *before, last = chain.stages
    fixed = all(isinstance(stage, Stateless) for stage in before) and not chain.cross_fits
    if not fixed or _is_fixed(chain):
        return fixed
    if type(last) is not Mergeable:
        return False
    learner = last.learner
    assert learner.applied is not None
    with np.errstate(all="ignore"):
        function = learner.applied(
            learner.params, learner.init(learner.params, 1, like=np.zeros((1, 1)))
        )
    return isinstance(framed_if_asked(function, last.estimator, last.begin), AffineMap)


def _is_fixed(chain: Chain) -> bool:
    """Return whether no stage learns."""
    return all(isinstance(stage, Stateless) for stage in chain.stages) and not chain.cross_fits


def _map_of(chain: Chain, states: tuple[Any, ...]) -> AffineMap | None:
    """Return the transformation of the last stage, or None if it has learned nothing."""
    if states[-1] is None or isinstance(chain.stages[-1], Stateless):
        return None
    function = chain.stages[-1].function(states[-1], None)
    return function if isinstance(function, AffineMap) else AffineMap(None, None)


def _rescaled(settings: FitSettings, state: Any, before: AffineMap, now: AffineMap) -> Any:
    """Return the state for the rows of the map ``now`` instead of those of ``before``."""
    learner = settings.learner
    assert learner.rescale is not None
    rest, like = now.remainder, an_array(state)
    if rest is not None and before.remainder is None:
        # What the offset leaves is small, so that no digit of the remainder is lost after it.
        now = now._replace(remainder=None)
        state = _rescaled(settings, state, before, now)
        one = namespace(rest).ones_like(rest)
        moved: Any = one, rest if now.scale is None else rest / now.scale
    else:
        moved = now.since(before)
    if moved is None:
        return state
    return learner.rescale(learner.params, state, *(asarray(v, like=like) for v in moved))


def _of_staged(read: Read, block: Block) -> RowsStatistic:
    """Return the sums of a block that passes through stages."""
    settings = read.settings
    chain, learns = settings.ahead, read.states is None
    assert chain is not None
    staged_block = staged(chain, settings.reader, block, learns=learns)
    y = None if block.y is None else as_array(block.y)
    states = chain.before_any_block() if read.states is None else read.states
    found, passed = chain.learn(
        states,
        staged_block,
        y,
        block.along,
        settings.reader,
        learns=learns,
        through=not learns,
        alone=learns,
    )
    rows = passed.rows
    names = None if rows.functions else _get_feature_names(rows.array)
    same = all(isinstance(stage, Mergeable) for stage in chain.stages)
    reader = Reader(settings.reader.estimator, None, settings.reader.names if same else None)
    reader = reader._replace(dense=None if settings.learner.sparse else reader.dense)
    rows = reader._replace(finite=False).whole(rows, block.named)
    sums = _of_rows(read, rows, block, reader)
    return sums._replace(names=names, ahead=found if learns else None)


def _of_rows(read: Read, rows: LazyRows, block: Block, reader: Reader) -> RowsStatistic:
    """Return the sums of the rows of a block."""
    settings, n = read.settings, rows.array.shape[0]
    learner = settings.learner
    like = LazyRows(first_row(rows.array), rows.functions).all()
    if like.shape[1] == 0:
        raise no_features(reader.estimator, (n, 0))
    weight = read_weight(block.sample_weight, like, block.named, unsigned=settings.unsigned)
    target = read_target(settings, block, like) if learner.supervised else None
    shown = rows if read.function is None else rows.then(read.function)
    with np.errstate(over="ignore", invalid="ignore"):
        state = statistic_of(learner, shown, weight, target, settings.n_outputs)
    if may_be_refused(learner, state, n, reader):
        if settings.ahead is not None:
            reader = reader._replace(names=names_made(settings, read.states))
        reader.finite_or_raise(rows.all(), block.named, made=settings.ahead is not None)
    folds = None
    if read.n_folds:
        folds = _folds(read, shown, weight, target, state, block.number)
    return RowsStatistic(state, example_of(like), folds=folds)


def _folds(
    read: Read,
    rows: LazyRows,
    weight: Array | None,
    target: Array | None,
    state: Any,
    number: int,
) -> tuple[Any, ...]:
    """Return the statistic of each fold of a block, whose own statistic is ``state``."""
    k, n = read.n_folds, rows.array.shape[0]
    if not read.cuts:
        return tuple(state if fold == number % k else None for fold in range(k))
    # The first block is cut as KFold does. Blocks of one row go to all folds in turn.
    sizes = [n // k + ((fold - number) % k < n % k) for fold in range(k)]
    out, start = [], 0
    for size in sizes:
        at = slice(start, start + size)
        some = LazyRows(rows_at(rows.array, at), rows.functions)
        w, y = (a if a is None else rows_at(a, at) for a in (weight, target))
        learner, n_outputs = read.settings.learner, read.settings.n_outputs
        out.append(statistic_of(learner, some, w, y, n_outputs) if size else None)
        start += size
    return tuple(out)
