"""The newest record of each block's last task in a running graph, as soon as the task is done.

dask's local schedulers call a function after each task. A task on a cluster logs an event, which
the scheduler forwards to the client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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

    def has(self, key: Any) -> bool:
        """Return whether the task with this key is one of them."""
        return isinstance(key, tuple) and key[0] == self.name

    @contextmanager
    def here(self) -> Iterator[None]:
        """Listen to the graphs that a local scheduler runs in the body."""

        def after(key: Any, result: Any, *_state: Any) -> None:
            if self.has(key):
                self.done(result.newest)

        with Callback(posttask=after):
            yield

    @contextmanager
    def logged(self, client: Any, put: Callable[[Any], None]) -> Iterator[Logs]:
        """Call ``put`` with the events that tasks on a cluster log in the body.

        Events that are late are lost. distributed never deletes a topic, so the graphs that a
        thread runs share one.
        """
        topic = f"streamlearn-{client.id}-{get_ident()}"
        client.subscribe_topic(topic, put)
        try:
            yield Logs(self, topic, uuid4().hex)
        finally:
            with suppress(Exception):  # the client may be closed
                client.unsubscribe_topic(topic)


class Logs(NamedTuple):
    """The events of some graphs.

    Attributes
    ----------
    tasks : DoneTasks
    topic : str
    name : str
        It is part of each event, because other graphs may use the topic, too.
    """

    tasks: DoneTasks
    topic: str
    name: str

    def add(self, graph: dict[Any, Any]) -> None:
        """Let the tasks of ``graph`` log events."""
        for key, node in graph.items():
            if self.tasks.has(key):
                args = self.topic, self.name, node.func, *node.args
                graph[key] = Task(key, _logged, *args, _data_producer=node.data_producer)

    def show(self, event: Any) -> None:
        """Report the record of an event, if it is of these graphs and not a late one of others."""
        name, record = event[1]
        if name == self.name:
            self.tasks.done(Record._make(record))


def _logged(topic: str, of_graph: str, function: Callable[..., Any], *args: Any) -> Any:
    """Return the result of a function. Log the graph and its newest record without the report."""
    from distributed import get_worker

    result = function(*args)
    newest = result.newest._replace(report=None, checksums=())
    get_worker().log_event(topic, [of_graph, list(newest)])
    return result
