"""Tables whose rows come in an order of their own, or with weights: how real rows arrive.

`tables.py` puts them together: rows with their scores, targets of these, and an order or weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np

HEAVY, HEAVY_SHARE = 1e4, 1 / 250


# -- rows and their scores -----------------------------------------------------------------------


def hourly(rng: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of a daily curve, weekdays and four numbers, with dummies of hours and days."""
    t = np.arange(n)
    hour, day = t % 24, t // 24 % 7
    X = rng.normal(size=(n, 4))
    p = X @ rng.normal(size=4) + 2 * np.sin(2 * np.pi * hour / 24) + 0.5 * (day > 4)
    return np.hstack([X, np.eye(24)[hour], np.eye(7)[day]]), p


def monthly(rng: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of twelve months: December sells, February does not."""
    month, X = np.arange(n) % 12, rng.normal(size=(n, 5))
    p = X @ rng.normal(size=5) + 3 * (month == 11) - (month == 1)
    return np.hstack([X, np.eye(12)[month]]), p


def paired(rng: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw each thing before and after a treatment, a row each."""
    before = rng.normal(size=(n // 2, 10))
    X = np.empty((n, 12))
    X[::2, :10], X[1::2, :10] = before, before + 0.1 * rng.normal(size=before.shape)
    X[:, 10] = np.arange(n) % 2
    X[:, 11] = X[:, 10] * X[:, 0]
    return X, X @ np.append(rng.normal(size=10), [2.0, 1.0])


def customers(rng: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw 20 to 400 rows of a customer together, with features and a taste of his own."""
    lengths = rng.integers(20, 400, size=n // 100 + 20)
    who = np.repeat(np.arange(len(lengths)), lengths)[:n]
    own, taste = rng.normal(size=(len(lengths), 10)), 0.7 * rng.normal(size=len(lengths))
    X = np.hstack([own[who] + 0.3 * rng.normal(size=(n, 10)), rng.normal(size=(n, 5))])
    return X, X @ rng.normal(size=15) + taste[who]


def groups(rng: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw 100 groups, with a column and a level of their own.

    The rows of each are in two places, both among the first half of all rows and among the second,
    which is held out. A group that only the held-out rows have would be all that is measured.
    """
    half = -(-n // 2)
    runs = [np.repeat(rng.permutation(np.arange(200) % 100), -(-half // 200)) for _ in range(2)]
    who = np.concatenate([run[:half] for run in runs])[:n]
    X = np.hstack([rng.normal(size=(n, 10)), np.eye(100)[who]])
    return X, X @ np.append(rng.normal(size=10), 2 * rng.normal(size=100))


def trend(rng: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of a year, twice: five features rise with time, and no feature follows the scores.

    The second year is held out.
    """
    half = -(-n // 2)
    t = np.arange(n) % half / half
    X = rng.normal(size=(n, 5)) + 2 * t[:, None]
    X = np.column_stack([X, t, np.sin(50 * t), np.cos(50 * t)])
    return X, X @ rng.normal(size=8) + 2 * t + np.sin(9 * t)


def new_unit(rng: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows with a feature in a unit that changes by 1,000 after half of each half."""
    X = rng.normal(size=(n, 6))
    p = X @ rng.normal(size=6)
    half = -(-n // 2)
    X[np.arange(n) % half >= half // 2, 0] *= 1000.0
    return X, p


def one_far_off(rng: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows, with one feature of one row 1,000 deviations off."""
    X, coef = rng.normal(size=(n, 6)), rng.normal(size=6)
    p = X @ coef
    X[n // 4, 2] = 1000.0
    return X, p


def negatives(rng: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw after each thing that a user chose four that he did not: these are the labels."""
    user = np.repeat(rng.normal(size=(-(-n // 5), 5)), 5, axis=0)[:n]
    taste, item = rng.normal(size=10), rng.normal(size=(n, 10))
    chosen = np.arange(n) % 5 == 0
    item[chosen] += taste / np.linalg.norm(taste)
    return np.hstack([user, item]), np.where(chosen, np.inf, -np.inf)


def correlated(rng: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    X = rng.normal(size=(n, 15)) @ rng.normal(size=(15, 15))
    return X, X @ rng.normal(size=15)


# -- orders of what is learned from --------------------------------------------------------------


def as_they_are(y: np.ndarray, X: np.ndarray) -> np.ndarray:
    return np.arange(len(y))


def alternating(y: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Return an order in which large and small targets alternate, as long as there are both."""
    by_target = np.argsort(y, kind="stable")
    low, high = by_target[: len(y) // 2], by_target[len(y) // 2 :]
    rng = np.random.default_rng(0)
    order = np.empty(2 * len(low), int)
    order[::2], order[1::2] = rng.permutation(low), rng.permutation(high)[: len(low)]
    return order


def by_feature(y: np.ndarray, X: np.ndarray) -> np.ndarray:
    return np.argsort(X[:, 0], kind="stable")


# -- weights -------------------------------------------------------------------------------------


def heavy(rng: Any, X: np.ndarray) -> np.ndarray:
    """Return weights of mean 1: one row in 250 weighs 10,000 times the others."""
    w = np.where(rng.uniform(size=len(X)) < HEAVY_SHARE, HEAVY, 1.0)
    return w / w.mean()


def skewed(rng: Any, X: np.ndarray) -> np.ndarray:
    """Return weights of mean 1 whose logarithms are spread evenly over four orders."""
    w = 10.0 ** rng.uniform(0, 4, len(X))
    return w / w.mean()


def padded(rng: Any, X: np.ndarray) -> np.ndarray:
    """Return weights 0, 1, 0, 1, and move the rows of weight 0 a million times as far out."""
    w = np.arange(len(X)) % 2.0
    X[w == 0] *= 1e6
    return w


# -- targets -------------------------------------------------------------------------------------


def labels(rng: Any, p: np.ndarray) -> np.ndarray:
    return (p / _spread(p) + 0.5 * rng.logistic(size=len(p)) > 0).astype(int)


def values(rng: Any, p: np.ndarray) -> np.ndarray:
    return p / _spread(p) + 0.5 * rng.normal(size=len(p))


def _spread(p: np.ndarray) -> float:
    """Return the deviation of scores; those that are infinite are labels, whatever the noise."""
    return float(p.std()) if np.isfinite(p).all() else 1.0
