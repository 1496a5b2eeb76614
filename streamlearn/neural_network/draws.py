"""scikit-learn's own draws: the first weights, the order of rows, and the held-out rows.

All draws come from one `numpy.random.RandomState`, in scikit-learn's order. So a fit to an array in
memory is scikit-learn's fit if the ``random_state`` is the same.
"""

from __future__ import annotations

import copy
import math
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from streamlearn._arrays import Array, asarray, float_dtype
from streamlearn.core import mlp


def glorot(
    random_state: np.random.RandomState, units: tuple[int, ...], activation: str
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Draw the first weights and biases of a net with ``units`` in its layers.

    References
    ----------
    Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    2010.
    """
    factor = 2.0 if activation == "logistic" else 6.0
    weights, biases = [], []
    for below, above in pairwise(units):
        bound = math.sqrt(factor / (below + above))
        weights.append(random_state.uniform(-bound, bound, (below, above)))
        biases.append(random_state.uniform(-bound, bound, above))
    return weights, biases


def start(
    random_state: np.random.RandomState,
    params: mlp.Params,
    n_features: int,
    n_outputs: int,
    *,
    like: Array,
) -> mlp.State:
    """Return a net of drawn weights, in the library and on the device of ``like``.

    The draws change ``random_state``.
    """
    units = (n_features, *params.hidden, n_outputs)
    weights, biases = (
        tuple(asarray(a, like=like, dtype=float_dtype(like)) for a in part)
        for part in glorot(random_state, units, params.activation)
    )
    return mlp.start(params, weights, biases)


def start_in_task(
    random_state: np.random.RandomState,
    params: mlp.Params,
    n_features: int,
    n_outputs: int,
    *,
    like: Array,
) -> mlp.State:
    """Return the net of `start`, from a copy of the draws.

    So a task that runs twice draws the same weights.
    """
    return start(copy.deepcopy(random_state), params, n_features, n_outputs, like=like)


class Order:
    """The order of the rows in each epoch, which permutes the order of the epoch before."""

    def __init__(self, random_state: np.random.RandomState, n_rows: int) -> None:
        self.random_state = random_state
        self.rows = np.arange(n_rows)
        self.drawn = 0

    def __call__(self, number: int) -> np.ndarray:
        """Return the rows of an epoch by its number. The epochs before it are drawn first."""
        while self.drawn <= number:
            permutation = np.arange(len(self.rows))
            self.random_state.shuffle(permutation)
            self.rows = self.rows[permutation]
            self.drawn += 1
        return self.rows


def train_and_held_out(
    random_state: np.random.RandomState, n_rows: int, held_out: float, labels: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to learn from and the rows to score, stratified by ``labels`` if given.

    Raises
    ------
    ValueError
        If there are fewer than two rows to score.
    """
    learn, score = train_test_split(
        np.arange(n_rows), random_state=random_state, test_size=held_out, stratify=labels
    )
    if len(score) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    return learn, score
