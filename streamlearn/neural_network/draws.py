"""scikit-learn's own draws: first weights, the order of rows, and which of them are held out.

All come from one `numpy.random.RandomState`, in scikit-learn's order, so that over an array in
memory a fit with the same ``random_state`` is scikit-learn's.
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
    """Return a net of drawn weights beside ``like``; what is drawn from is used up."""
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
    """Return what `start` does, as a task that is run twice must: from a copy of the draws."""
    return start(copy.deepcopy(random_state), params, n_features, n_outputs, like=like)


class Order:
    """The order of the rows in each epoch: each is a permutation of the one before."""

    def __init__(self, random_state: np.random.RandomState, n_rows: int) -> None:
        self.random_state = random_state
        self.rows = np.arange(n_rows)

    def __call__(self, _epoch: int) -> np.ndarray:
        """Return the rows of the next epoch, which epoch ever it is."""
        moved = np.arange(len(self.rows))
        self.random_state.shuffle(moved)
        self.rows = self.rows[moved]
        return self.rows


def split(
    random_state: np.random.RandomState, n_rows: int, held_out: float, labels: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to learn from and those to score, in the proportions of ``labels`` if given.

    Raises
    ------
    ValueError
        If fewer than two rows are left to score.
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
