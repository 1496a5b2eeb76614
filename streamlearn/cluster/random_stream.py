"""scikit-learn's stream of random numbers as a value, which is part of the state.

A task that runs twice starts from the same value, and so draws the same numbers. The value is made
of dicts with numbers and names, without pickle. So no code runs when a fitted estimator is read.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class RandomStream:
    """A RandomState that is made from a value, and turned into a value again.

    Parameters
    ----------
    value : dict
        What `value` has returned, or `value_of` a RandomState.
    """

    def __init__(self, value: dict[str, Any]) -> None:
        self._value = value
        self._source: np.random.RandomState | None = None

    def source(self) -> np.random.RandomState:
        """Return the RandomState. It is made in the first call, because few steps draw."""
        if self._source is None:
            self._source = np.random.RandomState(_generator(self._value["bit_generator"]))
            forward(self._source, self._value)
        return self._source

    def value(self) -> dict[str, Any]:
        """Return the present state of the stream."""
        return self._value if self._source is None else value_of(self._source)


def value_of(source: np.random.RandomState) -> dict[str, Any]:
    """Return the present state of ``source`` as dicts of numbers and names.

    Arrays become lists, because the generator's arrays must not move to another library or device.

    Examples
    --------
    >>> value = value_of(np.random.RandomState(0))
    >>> value["bit_generator"], value["state"]["key"][:2]
    ('MT19937', [0, 1])
    """
    return _listed(source.get_state(legacy=False))


def forward(source: np.random.RandomState, value: dict[str, Any]) -> None:
    """Let ``source`` continue from ``value``, which must be of the same kind of generator."""
    source.set_state(value)


def _listed(x: Any) -> Any:
    if isinstance(x, dict):
        return {key: _listed(value) for key, value in x.items()}
    return x.tolist() if isinstance(x, np.ndarray) else x


def _generator(name: str) -> np.random.BitGenerator:
    """Return a bit generator of NumPy by its name."""
    made = getattr(np.random, name, None)
    if not (isinstance(made, type) and issubclass(made, np.random.BitGenerator)):
        raise ValueError(
            f"This estimator continues the random numbers of {name!r}, which is not a "
            "bit generator of numpy.random. Fit it again with random_state=RandomState(seed)."
        )
    return made()
