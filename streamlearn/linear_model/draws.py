"""scikit-learn's own draws: which rows are held out, and the order of rows in each epoch.

All come from one `numpy.random.RandomState`, in scikit-learn's order, so that row by row over an
array in memory a fit with the same ``random_state`` is scikit-learn's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils import check_random_state

SEED = np.iinfo(np.int32).max
"""Seeds are below this."""


@dataclass(frozen=True, eq=False)
class Order:
    """The order of rows in memory in each epoch: the first one's, applied once more in each.

    Attributes
    ----------
    shuffled : ndarray of int of shape (n_rows,)
        The order of the first epoch.
    first : int
        Its number.

    Examples
    --------
    >>> order = Order(np.array([1, 2, 3, 0]), first=5)
    >>> order(5), order(6), order(8)
    (array([1, 2, 3, 0]), array([2, 3, 0, 1]), array([0, 1, 2, 3]))
    """

    shuffled: np.ndarray
    first: int = 0

    def __call__(self, epoch: int) -> np.ndarray:
        """Return the rows of an epoch; in so many steps as its number has digits."""
        rows, power, times = np.arange(len(self.shuffled)), self.shuffled, epoch - self.first + 1
        while times:
            if times % 2:
                rows = rows[power]
            power, times = power[power], times // 2
        return rows


def drawn(
    random_state: Any,
    y: np.ndarray,
    weight: np.ndarray | None,
    n_outputs: int,
    *,
    classes: bool,
    part: float,
) -> tuple[list[int], np.ndarray | None]:
    """Draw what scikit-learn's call draws, in its order; an instance moves on as it moves it.

    Parameters
    ----------
    random_state : int, RandomState instance or None
    y : ndarray of shape (n_rows,)
    weight : ndarray of shape (n_rows,) or None
    n_outputs : int
    classes : bool
        Whether y holds labels.
    part : float
        Part of the rows to hold out; 0 for none.

    Returns
    -------
    seeds : list of int
        Of the order of the rows, one an output.
    held_rows : ndarray of int or None

    Raises
    ------
    ValueError
        As `held_out`.
    """
    draws = check_random_state(random_state)
    if classes and n_outputs == 1:
        draws.randint(1, SEED)  # which scikit-learn's data set takes and does not use
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
    """Draw the rows to score and never to learn from, sorted; of classes in their proportions.

    Raises
    ------
    ValueError
        If there are too few rows of a class, or none is left, or none that is held out has a
        weight.
    """
    splitter = StratifiedShuffleSplit if classes else ShuffleSplit
    split = splitter(n_splits=1, test_size=part, random_state=random_state)
    _, held = next(split.split(np.zeros((len(y), 1)), y))
    if weight is not None and not np.any(weight[held] > 0):
        raise ValueError(
            "The sample weights for validation set are all zero, consider using a different random "
            "state."
        )
    return np.sort(held)


def permutation(seed: int, n_rows: int) -> np.ndarray:
    """Return the rows as scikit-learn's data sets shuffle them: by Fisher and Yates.

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
    """Return n whole numbers below 2**31 by the generator of scikit-learn's loops, xorshift.

    A step is linear over the bits of the state: the states of twice as many steps are those so far,
    and what that many steps make of each.

    References
    ----------
    G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software, 2003.
    """
    states = _step(np.asarray([seed or 1], dtype=np.uint32))
    images = _step(np.uint32(1) << np.arange(32, dtype=np.uint32))  # of each bit
    while len(states) < n:
        states = np.concatenate([states, _sum(images, states)])
        images = _sum(images, images)
    return (states[:n] & np.uint32(2**31 - 1)).astype(np.int64)


def _step(x: np.ndarray) -> np.ndarray:
    x = x ^ (x << np.uint32(13))
    x = x ^ (x >> np.uint32(17))
    return x ^ (x << np.uint32(5))


def _sum(images: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the sum over the bits of x, without carry, of what each is mapped to."""
    total = np.zeros_like(x)
    for bit, image in enumerate(images):
        total ^= ((x >> np.uint32(bit)) & np.uint32(1)) * image
    return total
