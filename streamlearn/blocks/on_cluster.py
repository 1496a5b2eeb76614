"""The tasks of a pass on a cluster. The client submits them while the pass goes on.

In a graph a load waits for the result of an earlier task. If the worker with that result dies, the
scheduler runs the task again, and everything that it came from: all blocks since the graph began.
So on a cluster the client does the waiting. It submits loads as soon as earlier blocks are no
longer needed, and keeps their results on the workers until it has what was learned from them. If a
worker dies, only the blocks are loaded again that this worker had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from queue import Empty, SimpleQueue
from typing import Any

from streamlearn.blocks.blas import one_blas_thread
from streamlearn.blocks.done_tasks import CHECK, DoneTasks, Logs
from streamlearn.blocks.graph import Annotations, Key, Scheduler, release
from streamlearn.blocks.within import with_defaults


class OnCluster:
    """Results that a pass keeps on a cluster, by their keys.

    Parameters
    ----------
    scheduler : Scheduler
        One with a client.
    blame : callable
        ``(keys) -> str or None``: a note for the error if workers died in tasks ``keys``.
    tasks : DoneTasks or None
        The tasks whose records are reported when they are done.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        blame: Callable[[set[Key]], str | None],
        tasks: DoneTasks | None,
    ) -> None:
        self.scheduler, self.blame, self.tasks = scheduler, blame, tasks
        self.futures: dict[Key, Any] = {}
        self.events = SimpleQueue[Any]()
        self.logs: Logs | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Submit tasks and wait for them in the body. BLAS has one thread meanwhile.

        Raises
        ------
        ConnectionError
            If the client was closed, or has lost the scheduler.
        """
        client = self.scheduler.client
        logs = nullcontext() if self.tasks is None else self.tasks.logged(client, self.events.put)
        try:
            with connected(client), one_blas_thread(), _seceded(), logs as self.logs:
                yield
        except BaseException as error:
            if type(error).__name__ == "KilledWorker":
                self._note_killers(error)
            self.drop([*self.futures])
            raise

    def submit(self, graph: dict[Key, Any], keys: Iterable[Key], annotations: Annotations) -> None:
        """Submit tasks, except those whose results are kept already. Keep the results of ``keys``.

        Loads that are submitted earlier run earlier.
        """
        new = {key: node for key, node in graph.items() if key not in self.futures}
        if self.logs is not None:
            self.logs.add(new)
        keys = [key for key in keys if key in new]
        self.futures |= zip(keys, self.scheduler.submit(new, keys, annotations), strict=True)

    def done(self, key: Key) -> bool:
        """Return whether a task has ended, perhaps by an error."""
        return bool(self.futures[key].done())

    def wait(self, *keys: Key) -> None:
        """Wait until one of these tasks has ended. Show the watches what is done meanwhile."""
        for key in keys:
            self.futures[key].add_done_callback(lambda _future: self.events.put(None))
        while not any(map(self.done, keys)):
            with suppress(Empty):
                event = self.events.get(timeout=CHECK)
                if event is not None and self.logs is not None:
                    self.logs.show(event)

    def take(self, key: Key) -> Any:
        """Wait for a result and return it. It leaves the cluster."""
        self.wait(key)
        result = self.scheduler.client.gather(self.futures[key])
        self.drop([key])
        return result

    def drop(self, keys: Iterable[Key]) -> None:
        """Release results. Work that nobody else needs stops."""
        release([self.futures.pop(key) for key in keys if key in self.futures])

    def _note_killers(self, error: BaseException) -> None:
        """Add a note that names the tasks in which workers died.

        The task that dask names only waited for one of them.
        """
        with suppress(Exception):  # the scheduler may have died, too
            note = self.blame(self.scheduler.client.run_on_scheduler(_killers))
            if note is not None:
                error.add_note(note)


def _killers(dask_scheduler: Any) -> set[Key]:
    """Return the tasks that dask blames, because too many workers died while they ran them."""
    tasks = dask_scheduler.tasks.values()
    return {ts.key for ts in tasks if ts.suspicious and ts.exception_blame is ts}


LOST = ("scheduler-connection-lost", "scheduler-restart")
"""Reasons for which distributed cancels futures."""


@contextmanager
def connected(client: Any) -> Iterator[None]:
    """Raise an error that says so if the client of a cluster loses the scheduler in the body.

    Raises
    ------
    ConnectionError
        If the client was closed, or has lost the scheduler.
    """
    try:
        yield
    except Exception as error:
        if client is None or (
            client.status == "running" and getattr(error, "reason", "") not in LOST
        ):
            raise
        raise ConnectionError(
            "The fit has ended, because the dask client was closed, or has lost the scheduler. "
            "The fit is lost, except for the part that a FitCheckpoint has kept: it goes on from "
            "there with resume=True and another client."
        ) from error


@contextmanager
def _seceded() -> Iterator[None]:
    """Free the thread of the current task, if there is one, for the tasks that it waits for."""
    import distributed

    try:
        with_defaults(distributed.secede)
        inside = True
    except Exception:  # not inside a task, or the task has seceded already
        inside = False
    try:
        yield
    finally:
        if inside:
            distributed.rejoin()
