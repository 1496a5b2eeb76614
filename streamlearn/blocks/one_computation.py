"""The graphs of a pass as dask's own callbacks see them: as one computation.

Without it a ``dask.diagnostics.ProgressBar`` would draw a bar for each graph.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from dask.callbacks import Callback

Functions = tuple[Callable[..., Any] | None, ...]
"""The functions of a callback: start, start_state, pretask, posttask, finish."""


class OneComputation:
    """The callbacks of a pass. They start with its first graph, and finish when it is closed.

    Parameters
    ----------
    n_blocks : int
        The number of blocks of the pass.
    """

    def __init__(self, n_blocks: int) -> None:
        self.left, self.done = n_blocks, 0
        self.started: dict[Functions, tuple[Any, Any]] = {}

    @contextmanager
    def part(self, graph: Collection[Any], n_blocks: int) -> Iterator[None]:
        """Let a local scheduler run one of the graphs in the body, that of some blocks."""
        own = Callback.active
        self.left -= n_blocks
        later = len(graph) * self.left // max(n_blocks, 1)
        Callback.active = {self._joined(functions, later) for functions in own}
        try:
            yield
        finally:
            Callback.active = own
            self.done += len(graph)

    def close(self) -> None:
        """Let the callbacks finish."""
        started, self.started = self.started, {}
        for (*_, finish), last in started.items():
            if finish:
                finish(*last, False)

    def _joined(self, functions: Functions, later: int) -> Functions:
        """Return callbacks that see the tasks of all graphs."""
        start, start_state, before, after, finish = functions
        done = self.done

        def begin(graph: Any) -> None:
            first = functions not in self.started
            tasks, state = ({}, {}) if first else self.started[functions]
            self.started[functions] = ({**tasks, **graph}, state)
            if first and start:
                start(graph)

        def end(graph: Any, state: Any, failed: bool) -> None:
            tasks, _ = self.started[functions]
            if not failed:
                self.started[functions] = (tasks, _longer(state, done, later))
                return
            del self.started[functions]
            if finish:
                finish(tasks, state, failed)

        def seen(function: Callable[..., Any] | None, place: int) -> Callable[..., Any] | None:
            def call(*args: Any) -> None:
                assert function is not None
                function(*args[:place], _longer(args[place], done, later), *args[place + 1 :])

            return call if function else None

        return begin, seen(start_state, 1), seen(before, 2), seen(after, 3), end


def _longer(state: dict[str, Any], done: int, later: int) -> dict[str, Any]:
    """Return the state of a scheduler that has done more tasks, and has more to do."""
    if not state:
        return state
    finished, waiting = (
        TasksAndOthers(state["finished"], done),
        TasksAndOthers(state["waiting"], later),
    )
    return {**state, "finished": finished, "waiting": waiting}


class TasksAndOthers:
    """A collection of tasks, with a number of others that have no names any more, or not yet."""

    def __init__(self, tasks: Collection[Any], others: int) -> None:
        self.tasks, self.others = tasks, others

    def __len__(self) -> int:
        """Return the number of all tasks."""
        return len(self.tasks) + self.others

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the tasks that have names."""
        return iter(self.tasks)

    def __contains__(self, key: Any) -> bool:
        """Return whether a task is among them."""
        return key in self.tasks
