"""A chain of stages: each stage learns from a block before the next stage sees the block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, NamedTuple

from sklearn import config_context, get_config

from streamlearn._validation.messages import no_rows
from streamlearn._validation.reader import Reader
from streamlearn.blocks import LazyRows
from streamlearn.stages.behind_fills import BehindFills
from streamlearn.stages.columns_made import enough_or_raise, made_of, with_made
from streamlearn.stages.stage import Mergeable, StagedBlock, Stateless


def _configured(method: Any) -> Any:
    """Return a method of `Chain` that runs with the chain's configuration of scikit-learn."""

    @wraps(method)
    def run(self: Chain, *args: Any, **how: Any) -> Any:
        with config_context(**self.config):
            return method(self, *args, **how)

    return run


class Passed(NamedTuple):
    """What a stage leaves to the next.

    Attributes
    ----------
    rows : LazyRows
        The rows that it has transformed.
    before : LazyRows
        These rows before that.
    known : object
        What it has computed from the block alone, or None.
    clean : bool
        Whether it is known that the rows contain neither NaN nor infinity.
    reader : Reader
    """

    rows: LazyRows
    before: LazyRows
    known: Any
    clean: bool
    reader: Reader


class StageCall(NamedTuple):
    """How a block passes through a stage.

    Attributes
    ----------
    y : array or None
    params : dict
        The fit arguments of the stage.
    block : int or None
        The number of the block.
    learns, alone : bool
        See `Chain.learn`.
    transforms : bool
        Whether the stage transforms the rows.
    """

    y: Any
    params: Mapping[str, Any]
    block: int | None
    learns: bool
    alone: bool
    transforms: bool


@dataclass(frozen=True, eq=False)
class Chain:
    """Stages, each of which transforms blocks for the next.

    Attributes
    ----------
    stages : tuple of stage
    params : tuple of dict
        For each stage, its fit arguments: ``{name: (part, value)}``. ``part`` is the part of a
        block that holds the argument. If it is None, ``value`` is the argument.
    config : dict
        scikit-learn's configuration in the thread that makes this object. Tasks run in other
        threads.
    n_columns : int or None
        The number of columns from which the learner after it has learned in earlier calls.
    """

    stages: tuple[Any, ...]
    params: tuple[dict[str, tuple[str | None, Any]], ...]
    config: dict[str, Any] = field(default_factory=get_config)
    n_columns: int | None = None

    @property
    def cross_fits(self) -> bool:
        """Whether a stage transforms the rows of ``fit`` in another way than other rows."""
        return any(getattr(stage, "cross_fits", False) for stage in self.stages)

    @property
    def merges(self) -> bool:
        """Whether blocks can be learned from side by side, and their states merged."""
        return all(stage.merges for stage in self.stages)

    def begin(self) -> tuple[Any, ...]:
        """Return the states from which ``partial_fit`` continues."""
        return tuple(stage.begin() for stage in self.stages)

    def before_any_block(self) -> tuple[Any, ...]:
        """Return the states before any block."""
        return (None,) * len(self.stages)

    def coded(self, sample: Any) -> tuple[str, ...]:
        """Return the columns of a frame whose text may arrive as a dictionary of Arrow."""
        coded = getattr(self.stages[0], "coded", None) if self.stages else None
        return () if coded is None else coded(sample)

    def arguments(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
        """Return the fit arguments of each stage, from the parts of a block by name."""
        return tuple(
            {name: value if part is None else given[part] for name, (part, value) in params.items()}
            for params in self.params
        )

    @_configured
    def of_block(
        self, X: LazyRows, given: Mapping[str, Any], reader: Reader, block: int | None, learns: bool
    ) -> StagedBlock:
        """Return the block after the work that needs no state.

        The block passes through the first stages that are `Stateless`. The next stage computes
        what it can from the block alone.
        """
        parts: tuple[Any, ...] = ()
        staged_block = StagedBlock(X)
        for applied, params in enumerate(self.arguments(given)):
            staged_block, after = self._alone(applied, X, params, reader, block, learns)
            parts = (*parts, *staged_block.parts)
            if after is None:
                return staged_block._replace(parts=parts, applied=applied, block=block)
            X = after
            staged_block, reader = StagedBlock(X), reader.of_anything()
        return staged_block._replace(parts=parts, applied=len(self.stages), block=block)

    def _alone(
        self,
        i: int,
        X: LazyRows,
        params: Mapping[str, Any],
        reader: Reader,
        block: int | None,
        learns: bool,
    ) -> tuple[StagedBlock, LazyRows | None]:
        """Return what stage i computes from a block alone, and its result if that needs no more."""
        stage, staged_block = self.stages[i], StagedBlock(X)
        if learns or isinstance(stage, Stateless):
            staged_block = stage.of_block(X, params, reader, block)
        elif isinstance(stage, Mergeable):
            staged_block = StagedBlock(stage.read(X, reader, block))
        if not isinstance(stage, Stateless):
            return staged_block, None
        (part,) = staged_block.parts
        after = X.then(stage.function(part, block)).settled()
        part = with_made(stage, part, made_of(after, block))
        return staged_block._replace(parts=(part,)), after

    @_configured
    def learn(
        self,
        states: tuple[Any, ...],
        staged_block: StagedBlock,
        y: Any,
        given: Mapping[str, Any],
        reader: Reader,
        *,
        learns: bool = True,
        through: bool = True,
        alone: bool = False,
    ) -> tuple[tuple[Any, ...], StagedBlock]:
        """Return the states of all stages after one more block, and the transformed block.

        With ``through=False`` the last stage learns but does not transform. With ``learns=False``
        no stage learns. With ``alone=True`` the returned states are those of the block alone, and
        it is transformed by ``states``.
        """
        rows, parts, applied, clean, block = staged_block
        last = len(self.stages) - 1
        before = Passed(rows, rows, None, clean, reader)
        out: tuple[Any, ...] = ()
        for i, params in enumerate(self.arguments(given)):
            transforms = i >= applied and (through or i < last)
            how = StageCall(y, params, block, learns, alone, transforms)
            state, before = self._through(i, states, out, parts, before, how)
            if learns and (through or i < last):
                enough_or_raise(self.stages[i], state, self.n_columns if i == last else None)
            out = (*out, state)
        done = len(self.stages) if through else max(applied, last)
        return out, StagedBlock(before.rows, applied=done, clean=before.clean, block=block)

    def _through(
        self,
        i: int,
        states: tuple[Any, ...],
        out: tuple[Any, ...],
        parts: tuple[Any, ...],
        passed: Passed,
        how: StageCall,
    ) -> tuple[Any, Passed]:
        """Return the state of stage i after a block, and what the next stage gets.

        ``out`` are the states of the stages before it after the block.
        """
        stage, state, (y, params, block, learns, alone, transforms) = self.stages[i], states[i], how
        rows, before, known, clean, reader = passed
        if learns and isinstance(stage, BehindFills):
            fills = states[i - 1] if alone else out[i - 1]
            own = stage.with_gaps(before, fills, known, block)
            learn = stage.alone if alone else stage.learn
            gapped: Any
            gapped, _ = learn(states[i], own, y, params, reader)
            state = gapped if alone else stage.with_fills(gapped, fills)
        elif learns:
            own = StagedBlock(rows, parts[i : i + 1], clean=clean, block=block)
            learn = stage.alone if alone else stage.learn
            state, rows = learn(states[i], own, y, params, reader)
        elif isinstance(stage, Mergeable):
            rows = stage.read(rows, reader, None)
        if transforms:
            if not alone:
                _as_wide_or_raise(stage, states[i], state)
            function = stage.function(states[i] if alone else state, block)
            before = rows
            rows = rows.then(function).settled()
            clean = clean and not getattr(function, "whole", False)
        known = parts[i] if i < len(parts) else None
        made = made_of(rows, block) if transforms else getattr(known, "made", None)
        state = with_made(stage, state, made)
        return state, Passed(rows, before, known, clean, reader.of_anything())

    def merged(self, states: tuple[Any, ...], others: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the merged states of blocks alone."""
        return tuple(
            with_made(stage, stage.merged(state, other), getattr(other, "made", None))
            for stage, state, other in zip(self.stages, states, others, strict=True)
        )

    def after_round(self, states: tuple[Any, ...], alone: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the states of all stages, merged with those of the blocks of a round alone."""
        out = []
        for stage, state, other in zip(self.stages, states, alone, strict=True):
            merged = getattr(stage, "after_round", stage.merged)(state, other)
            out.append(with_made(stage, merged, getattr(other, "made", None)))
            if isinstance(stage, BehindFills):
                out[-1] = stage.with_fills(out[-1], out[-2])
            _as_wide_or_raise(stage, state, out[-1])
        return tuple(out)

    def transformed(
        self, states: tuple[Any, ...], X: Any, reader: Reader, block: int | None
    ) -> Any:
        """Return the rows of a block that was learned from, transformed by all stages."""
        staged_block = self.of_block(LazyRows(X), {}, reader, block, learns=False)
        _, after = self.learn(states, staged_block, None, {}, reader, learns=False)
        return after.rows.all()

    def width(self, states: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return a key for the columns of each stage, as far as they depend on the rows."""
        return tuple(_width(*each) for each in zip(self.stages, states, strict=True))

    def fitted(self, states: tuple[Any, ...]) -> list[Any]:
        """Return the fitted transformers.

        Raises
        ------
        ValueError
            If there were no rows.
        """
        if any(state is None for state in states):
            raise no_rows(type(self.stages[0].estimator).__name__)
        return [stage.fitted(state) for stage, state in zip(self.stages, states, strict=True)]


def _width(stage: Any, state: Any) -> Any:
    return None if state is None or not hasattr(stage, "width") else stage.width(state)


def _changed(before: Any, after: Any) -> bool:
    """Return whether a key that was known has changed."""
    if isinstance(before, dict):
        return any(_changed(width, after.get(name)) for name, width in before.items())
    if isinstance(before, tuple) and isinstance(after, tuple):
        return any(_changed(*both) for both in zip(before, after, strict=True))
    return before is not None and before != after


def _as_wide_or_raise(stage: Any, before: Any, after: Any) -> None:
    if not _changed(_width(stage, before), _width(stage, after)):
        return
    raise ValueError(
        f"{type(stage.estimator).__name__} made other columns of earlier blocks, from which the "
        "next step has learned. Which columns it makes is known only when it has seen all rows. "
        "Let it keep all columns, as SimpleImputer(keep_empty_features=True) and "
        'MissingIndicator(features="all") do, or use fit with schedule="per-step".'
    )
