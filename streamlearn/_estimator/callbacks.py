"""scikit-learn's callbacks: fits call them, and see what they answer.

A fit is a task. Its passes over the data are tasks in it, named "epoch", "labels", "statistics"...
Each block is a task in a pass. If training may have several epochs, they are tasks in "training".
Once a segment or an epoch has been learned from, its last task has the fitted attributes of that
moment, from which scikit-learn makes a fitted copy if a callback asks for one.

A `FitWatcher` is a callback that sees the blocks and the progress themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from inspect import signature
from typing import Any, TypeVar

from sklearn.callback import CallbackContext, CallbackSupportMixin, with_callbacks

from streamlearn._thirdparty.tags import takes_collections
from streamlearn._training.epochs import Progress, Publish
from streamlearn._training.lines import BlockLines
from streamlearn.blocks import (
    Record,
    Watch,
    is_collection,
    noting_left_out,
    unnoted,
    unwatched,
    watches,
    watching,
)
from streamlearn.stages import Flow

__all__ = ["CallbackSupportMixin", "FitWatcher", "Tasks", "inside", "watched", "watchers"]

HELD = (
    *("_callback_fit_ctx", "_parent_callback_ctx"),
    *("_skl_callbacks", "_skl_callbacks_to_teardown"),
)
"""Attributes of scikit-learn that an estimator does not have while it fits.

Tasks would carry them to workers, and a ``fit`` of scikit-learn, which some methods call, would
tear them down.
"""

COUNT = "n_blocks_skipped_"
"""The attribute with the number of blocks that a fit over blocks has left out."""

_running: dict[int, CallbackContext] = {}
"""The contexts of running fits, by the ``id`` of the estimator."""

Method = TypeVar("Method", bound=Callable[..., Any])


class FitWatcher(Watch):
    """A callback that sees passes, blocks and progress, by the methods of a `Watch`.

    The methods of scikit-learn's protocol do nothing. A subclass may define ``setup`` and
    ``teardown``, which are called at both ends of a fit.
    """

    def setup(self, estimator: Any, context: CallbackContext) -> None:
        """See a fit begin."""

    def teardown(self, estimator: Any, context: CallbackContext) -> None:
        """See a fit end, also after an error."""

    def on_fit_task_begin(self, estimator: Any, context: CallbackContext) -> None:
        """Do nothing: a `FitWatcher` sees passes and blocks."""

    def on_fit_task_end(self, estimator: Any, context: CallbackContext) -> None:
        """Do nothing: a `FitWatcher` sees passes and blocks."""


class Tasks(Watch):
    """It turns the passes of a fit into tasks of scikit-learn, and calls the callbacks.

    Parameters
    ----------
    estimator : estimator
    context : CallbackContext
        The context of the fit.
    **task : dict of str to object
        ``X``, ``y`` and ``metadata``, which callbacks may ask for.
    """

    def __init__(self, estimator: Any, context: CallbackContext, **task: Any) -> None:
        self.estimator, self.task = estimator, {"estimator": estimator, **task}
        self.open: list[CallbackContext | None] = [context]
        self.block: CallbackContext | None = None
        self.cut_short: list[CallbackContext | None] = []
        self.depth = 0  # of the tasks around the training, while there is one
        self.stop = False

    def begin_training(self, max_iter: int) -> None:
        """Begin a task for several epochs."""
        self.depth = len(self.open)
        self._begin("training", max_iter, task=max_iter > 1)

    def end_training(self) -> None:
        """End that task, and before it an epoch that the user has interrupted."""
        self._end_block()
        while len(self.open) > self.depth:
            self._end(self.open.pop())
        self.depth = 0

    def begin_pass(self, name: str, n_blocks: int | None, n_rows: int | None) -> None:
        """Begin the task of a pass. What a rule reads between epochs is no task."""
        self.stop = False
        apart = self.depth and name != "epoch"
        self._begin(name, None if apart else n_blocks if n_blocks != 1 else 0, task=not apart)

    def block_done(self, record: Record) -> None:
        """Begin and end the task of a block. The last one ends when its segment has ended."""
        context = self.open[-1]
        if context is None or context.max_subtasks == 0:
            return
        self._end_block()
        self.block = context.subcontext(f"block {record.block}")
        with _apart():
            self.block.call_on_fit_task_begin(**self.task)

    def end_pass(self, *, complete: bool) -> None:
        """End the task of a pass, unless it is an epoch, which ends with its progress."""
        if complete:
            self._end_block()
        if not self.depth or self.open[-1] is None:
            context = self.open.pop()
            if complete:
                self._end(context)
            else:
                self.cut_short += [self.block, context]
                self.block = None

    def end_fit(self) -> None:
        """End the tasks of passes that were cut short, because the fit has ended without an error.

        The user has interrupted a refinement, for example.
        """
        for context in self.cut_short:
            self._end(context)

    def progress_made(self, progress: Progress, publish: Publish | None) -> bool:
        """End the task of the last block of a segment, or that of an epoch."""
        attributes = None
        if publish is not None and publish.estimator is self.estimator:
            attributes = partial(publish.attributes, progress)
        elif publish is not None and hasattr(self.estimator, "_attributes_by_steps"):
            attributes = partial(self.estimator._attributes_by_steps, publish, progress)
        if progress.at == "segment":
            context = self.open[-1]
            assert context is not None
            last = progress.blocks == context.max_subtasks or not context.max_subtasks
            self._end_block(None if last else attributes)
            return self.stop
        if progress.at == "end":
            return self._end(self.open.pop(), attributes)
        return False

    def _begin(self, name: str, max_subtasks: int | None, *, task: bool = True) -> None:
        parent = next(context for context in reversed(self.open) if context is not None)
        context = parent.subcontext(name, max_subtasks=max_subtasks) if task else None
        self.open.append(context)
        if context is not None:
            with _apart():
                context.call_on_fit_task_begin(**self.task)

    def _end_block(self, attributes: Any = None) -> None:
        block, self.block = self.block, None
        self.stop |= self._end(block, attributes)

    def _end(self, context: CallbackContext | None, attributes: Any = None) -> bool:
        if context is None:
            return False
        with _apart():
            return bool(
                context.call_on_fit_task_end(**self.task, reconstruction_attributes=attributes)
            )


def watched(method: Method) -> Method:
    """Let a method that fits call the callbacks of its estimator, and print verbose lines.

    Its first arguments are X and y.
    """
    names = signature(method)
    rows, place = next((x, at) for at, x in enumerate(names.parameters) if x in ("X", "y"))

    @with_callbacks
    def whole(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = names.bind(self, *args, **kwargs).arguments
        given |= given.get("metadata", {})
        X, y, weight = given.get("X"), given.get("y"), given.get("sample_weight")
        task = {
            "X": None if isinstance(X, Flow) else X,
            "y": None if isinstance(X, Flow) else y,
            "metadata": {} if weight is None else {"sample_weight": weight},
        }
        context = self._init_callback_context(max_subtasks=None)
        with _apart():
            context.call_on_fit_task_begin(estimator=self, **task)
        ours = watchers(self)
        callbacks = getattr(self, "_skl_callbacks", [])
        theirs = [Tasks(self, context, **task)] if len(ours) < len(callbacks) else []
        held = {name: self.__dict__.pop(name) for name in HELD if name in self.__dict__}
        _running[id(self)] = context
        try:
            with watching(*ours, *theirs, *_lines(self)):
                out = method(self, *args, **kwargs)
        finally:
            del _running[id(self)]
            self.__dict__.update(held)
        for tasks in theirs:
            tasks.end_fit()
        with _apart():
            context.call_on_fit_task_end(estimator=self, **task, reconstruction_attributes={})
        return out

    def begun(self: Any, *args: Any, **kwargs: Any) -> Any:
        own = vars(self)
        calls = "_skl_callbacks" in own or "_parent_callback_ctx" in own
        if id(self) in _running or not calls:  # a method of a subclass has begun the fit
            with watching(*_lines(self)):
                return method(self, *args, **kwargs)
        return whole(self, *args, **kwargs)

    @wraps(method)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        further = kwargs.get("further", not kwargs.get("reset", method.__name__ != "partial_fit"))
        known = COUNT in vars(self) and further
        before = vars(self)[COUNT] if known else 0
        with noting_left_out() as left_out:
            out = begun(self, *args, **kwargs)
        X = args[place - 1] if place <= len(args) else kwargs.get(rows)
        if known or isinstance(X, Flow) or is_collection(X):
            setattr(self, COUNT, before + len(left_out))
        else:
            vars(self).pop(COUNT, None)
        return out

    return fit  # type: ignore[return-value]


def watchers(estimator: Any) -> list[FitWatcher]:
    """Return the callbacks of an estimator that see passes, blocks and progress."""
    callbacks = getattr(estimator, "_skl_callbacks", [])
    return [callback for callback in callbacks if isinstance(callback, FitWatcher)]


def _lines(estimator: Any) -> list[Watch]:
    """Return what prints verbose lines, unless it is printing them already."""
    printing = any(isinstance(watch, BlockLines) for watch in watches())
    if printing or not getattr(estimator, "verbose", False):
        return []
    return [BlockLines(type(estimator).__name__)]


@contextmanager
def _apart() -> Iterator[None]:
    """Let a callback read data: its passes belong neither to watches nor to the fit's journal."""
    with unwatched(), unnoted():
        yield


@contextmanager
def inside(outer: Any, estimator: Any, X: Any, y: Any) -> Iterator[None]:
    """Let the fit of an inner estimator of another library be a task of the fit of ``outer``.

    Callbacks see the passes of our estimators as passes of ``outer``.
    """
    context = _running.get(id(outer))
    if context is None or takes_collections(estimator):
        yield
        return
    inner = context.subcontext(f"fit of {type(estimator).__name__}")
    with inner.propagate_callback_context(estimator):
        with _apart():
            inner.call_on_fit_task_begin(estimator=outer, X=X, y=y)
        yield
        with _apart():
            inner.call_on_fit_task_end(estimator=outer, X=X, y=y)
