"""scikit-learn's own draws: which rows are held out, and the order of the rows in each epoch.

All draws come from one `numpy.random.RandomState`, in scikit-learn's order. So a fit row by row to
an array in memory is scikit-learn's fit if the ``random_state`` is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils import check_random_state

SEED = np.iinfo(np.int32).max
"""The upper bound of seeds."""


class FitDraws(NamedTuple):
    """What a fit draws before its first epoch.

    Attributes
    ----------
    seed : int
        All later draws depend on it.
    order_seeds : tuple of int
        The seeds of the orders of rows in memory, if the fit learns row by row.
    held_rows : ndarray of int or None
        The held-out rows of an array in memory.
    """

    seed: int
    order_seeds: tuple[int, ...] = ()
    held_rows: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Order:
    """The order of rows in memory in each epoch.

    Each epoch applies the permutation of the first epoch once more, as scikit-learn does.

    Attributes
    ----------
    shuffled : ndarray of int of shape (n_rows,)
        The order of the first epoch.
    first : int, default=0
        The number of the first epoch.

    Examples
    --------
    >>> order = Order(np.array([1, 2, 3, 0]), first=5)
    >>> order(5), order(6), order(8)
    (array([1, 2, 3, 0]), array([2, 3, 0, 1]), array([0, 1, 2, 3]))
    """

    shuffled: np.ndarray
    first: int = 0

    def __call__(self, epoch: int) -> np.ndarray:
        """Return the rows of an epoch, by repeated squaring of the permutation."""
        rows, power, times = np.arange(len(self.shuffled)), self.shuffled, epoch - self.first + 1
        while times:
            if times % 2:
                rows = rows[power]
            power, times = power[power], times // 2
        return rows


def sklearn_draws(
    random_state: Any,
    y: np.ndarray,
    weight: np.ndarray | None,
    n_outputs: int,
    *,
    classes: bool,
    part: float,
) -> tuple[list[int], np.ndarray | None]:
    """Draw what one call of scikit-learn draws, in the same order.

    An instance of `numpy.random.RandomState` is left as scikit-learn leaves it.

    Parameters
    ----------
    random_state : int, RandomState instance or None
    y : ndarray of shape (n_rows,)
        Labels or values.
    weight : ndarray of shape (n_rows,) or None
        The weights of the rows.
    n_outputs : int
        The number of columns of the model.
    classes : bool
        Whether y holds labels.
    part : float
        The share of the rows to hold out, 0 for none.

    Returns
    -------
    seeds : list of int
        The seeds of the orders of the rows, one for each output.
    held_rows : ndarray of int or None
        The rows that are held out.

    Raises
    ------
    ValueError
        If `held_out` raises it.
    """
    draws = check_random_state(random_state)
    if classes and n_outputs == 1:
        draws.randint(1, SEED)  # scikit-learn draws a seed for its data set, and does not use it
    held_rows = held_out(random_state, y, weight, part, classes=classes) if part else None
    if n_outputs > 1:
        each = [np.random.RandomState(seed) for seed in draws.randint(SEED, size=n_outputs)]
        for one in each:
            one.randint(1, SEED)
        return [int(one.randint(SEED)) for one in each], held_rows
    seed = int(draws.randint(SEED))
    if not classes:
        draws.randint(1, SEED)
    return [seed], held_rows


def held_out(
    random_state: Any, y: np.ndarray, weight: np.ndarray | None, part: float, *, classes: bool
) -> np.ndarray:
    """Draw the held-out rows, sorted. Classes keep their proportions.

    Raises
    ------
    ValueError
        If a class has too few rows, if no row is left to learn from, or if no held-out row has a
        weight.
    """
    splitter = StratifiedShuffleSplit if classes else ShuffleSplit
    split = splitter(n_splits=1, test_size=part, random_state=random_state)
    _, held_rows = next(split.split(np.zeros((len(y), 1)), y))
    if weight is not None and not np.any(weight[held_rows] > 0):
        raise ValueError(
            "The sample weights for validation set are all zero, consider using a different random "
            "state."
        )
    return np.sort(held_rows)


def permutation(seed: int, n_rows: int) -> np.ndarray:
    """Return the rows in the order in which scikit-learn's data sets shuffle them.

    It is the shuffle of Fisher and Yates.

    Examples
    --------
    >>> permutation(5, 7)
    array([5, 2, 6, 1, 0, 3, 4])
    """
    left = np.arange(n_rows, 1, -1)
    others = (np.arange(n_rows - 1) + uniform(seed, n_rows - 1) % left).tolist()
    rows = list(range(n_rows))
    for i, j in enumerate(others):
        rows[i], rows[j] = rows[j], rows[i]
    return np.asarray(rows)


def uniform(seed: int, n: int) -> np.ndarray:
    """Return n whole numbers below 2**31 from xorshift, the generator of scikit-learn's loops.

    A step is linear in the bits of the state. So the sequence is doubled at once: its second half
    is its first half after that many steps.

    References
    ----------
    G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software, 2003.
    """
    states = _step(np.asarray([seed or 1], dtype=np.uint32))
    images = _step(np.uint32(1) << np.arange(32, dtype=np.uint32))  # one for each bit
    while len(states) < n:
        states = np.concatenate([states, _sum(images, states)])
        images = _sum(images, images)
    return (states[:n] & np.uint32(2**31 - 1)).astype(np.int64)


def _step(x: np.ndarray) -> np.ndarray:
    x = x ^ (x << np.uint32(13))
    x = x ^ (x >> np.uint32(17))
    return x ^ (x << np.uint32(5))


def _sum(images: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the sum, without carry, of the images of the bits of x."""
    total = np.zeros_like(x)
    for bit, image in enumerate(images):
        total ^= ((x >> np.uint32(bit)) & np.uint32(1)) * image
    return total
