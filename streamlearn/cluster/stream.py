"""scikit-learn's stream of random numbers as a value: what was drawn so far is part of the state.

A task that runs twice starts from the same value, and so draws the same.
"""

from __future__ import annotations

import pickle

import numpy as np


class Stream:
    """A RandomState on loan.

    Parameters
    ----------
    value : bytes
        What `value` returned before, or `value_of` a RandomState.
    """

    def __init__(self, value: bytes):
        self._value = value
        self._source: np.random.RandomState | None = None

    def source(self) -> np.random.RandomState:
        """Return the RandomState, which is made when it is first asked for: few steps draw."""
        if self._source is None:
            self._source = pickle.loads(self._value)
        return self._source

    def value(self) -> bytes:
        """Return the stream from where it is now."""
        return self._value if self._source is None else value_of(self._source)


def value_of(source: np.random.RandomState) -> bytes:
    """Return the stream of ``source`` from where it is now."""
    return pickle.dumps(source)


def forward(source: np.random.RandomState, value: bytes) -> None:
    """Let ``source`` go on from ``value``, a stream that began as its own."""
    source.set_state(pickle.loads(value).get_state(legacy=False))
