"""The newest record of each block's last task in a running graph, as soon as the task is done.

dask's local schedulers call a function after each task. A task on a cluster logs an event, which
the scheduler forwards to the client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import get_ident
from typing import Any, NamedTuple
from uuid import uuid4

from dask.callbacks import Callback

from streamlearn.blocks.graph import Task
from streamlearn.blocks.watch import Record

CHECK = 0.5
"""Seconds after which to look whether tasks are done that could not report it."""


class DoneTasks(NamedTuple):
    """The tasks that are reported when they are done, and the function that gets their records.

    Attributes
    ----------
    name : str
        The first part of the keys of these tasks. Each has a result with a ``newest`` record.
    done : callable
        ``(record)``. It is called in the thread that runs the graph.
    """

    name: str
    done: Callable[[Record], None]

    def _is(self, key: Any) -> bool:
        return isinstance(key, tuple) and key[0] == self.name

    @contextmanager
    def here(self) -> Iterator[None]:
        """Listen to the graphs that a local scheduler runs in the body."""

        def after(key: Any, result: Any, *_state: Any) -> None:
            if self._is(key):
                self.done(result.newest)

        with Callback(posttask=after):
            yield

    @contextmanager
    def on_cluster(
        self, client: Any, graph: dict[Any, Any]
    ) -> Iterator[Callable[[Sequence[Any]], None]]:
        """Let the tasks of ``graph`` log events. Yield a function that listens until futures end.

        Events that are late are lost. distributed never deletes a topic, so the graphs that a
        thread runs share one.
        """
        topic, events = f"streamlearn-{client.id}-{get_ident()}", SimpleQueue[Any]()
        this = uuid4().hex
        for key, node in graph.items():
            if self._is(key):
                args = topic, this, node.func, *node.args
                graph[key] = Task(key, _logged, *args, _data_producer=node.data_producer)

        def listen(futures: Sequence[Any]) -> None:
            for future in futures:
                future.add_done_callback(lambda _future: events.put(None))
            while not all(future.done() for future in futures):
                try:
                    event = events.get(timeout=CHECK)
                except Empty:
                    continue
                if event is not None:
                    of_graph, record = event[1]
                    if of_graph == this:  # and not a late event of another one
                        self.done(Record._make(record))

        client.subscribe_topic(topic, events.put)
        try:
            yield listen
        finally:
            client.unsubscribe_topic(topic)


def _logged(topic: str, of_graph: str, function: Callable[..., Any], *args: Any) -> Any:
    """Return the result of a function. Log the graph and its newest record without the report."""
    from distributed import get_worker

    result = function(*args)
    newest = result.newest._replace(report=None, marks=())
    get_worker().log_event(topic, [of_graph, list(newest)])
    return result
