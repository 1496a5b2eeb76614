"""Interrupts, as from Ctrl-C, that arrive while a test works."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

AGAIN = 10.0
"""Seconds until the next interrupt: enough for what an interrupt ends."""


@contextmanager
def interrupting(ready: Callable[[], bool]) -> Iterator[None]:
    """Interrupt the main thread as soon as ``ready`` returns True, and again until the block ends.

    Python loses an interrupt that arrives in a callback of the garbage collector. distributed has
    such callbacks. A user would press Ctrl-C once more. Tests that a script starts in the
    background ignore interrupts from the outset, so the usual handler is installed here.
    """
    main, ended = threading.main_thread().ident, threading.Event()

    def send() -> None:
        while not (ended.is_set() or ready()):
            time.sleep(0.01)
        while not ended.is_set():
            signal.pthread_kill(main, signal.SIGINT)
            ended.wait(AGAIN)

    sender = threading.Thread(target=send)
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    sender.start()
    try:
        yield
    finally:
        ended.set()
        sender.join()
        signal.signal(signal.SIGINT, former)
