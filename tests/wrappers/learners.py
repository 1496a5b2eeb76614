"""Estimators that are not ours, what they learn from, and the loop over blocks by hand."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from sklearn import linear_model, naive_bayes, preprocessing
from sklearn.base import BaseEstimator, is_classifier
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import IncrementalPCA
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPClassifier

from tests.containers import CHUNKS, N_ROWS, dask_array, dask_frame, rows_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(N_ROWS, 4)) * [1, 2, 0.5, 1] + [0, 3, -1, 0]
FAR = X * [1e-6, 1, 1e6, 1] + [0, 1e8, 0, -1e8]
Y = np.digitize(X[:, 0] + 0.3 * RNG.normal(size=N_ROWS), [-0.7, 0.6])
W = RNG.integers(1, 4, N_ROWS) / 2
CLASSES = [0, 1, 2]
ALL = rows_of(CHUNKS)
BLOCKS = [rows for rows in ALL if rows.stop > rows.start]
ONCE = list(range(len(CHUNKS)))


class Mean(BaseEstimator):
    """Answers the mean of what it has seen; keeps what each call gave it."""

    def __init__(self, breaks=None):
        self.breaks = breaks

    def partial_fit(self, X, y=None, offset=None, gain=1.0):
        self.calls_ = getattr(self, "calls_", [])
        if self.breaks == len(self.calls_):
            raise KeyError("broken")
        self.calls_.append((X, y, offset, gain))
        return self

    def predict(self, X):
        return np.full(len(X), np.mean([x.mean() for x, *_ in self.calls_]))


class Bare:
    """Has only what it must, and no more of scikit-learn."""

    def __init__(self):
        self.rows = 0

    def partial_fit(self, X, y):
        self.rows += len(X)

    def predict(self, X):
        return np.full(len(X), self.rows)


LEARNERS: dict[str, tuple[Any, np.ndarray, Any]] = {
    "SGDClassifier": (linear_model.SGDClassifier(random_state=0), X, Y),
    "SGDRegressor": (linear_model.SGDRegressor(random_state=0), X, X[:, 0] - Y),
    "GaussianNB": (naive_bayes.GaussianNB(), FAR, Y),
    "MLPClassifier": (MLPClassifier((5,), random_state=0), X, Y),
    "StandardScaler": (preprocessing.StandardScaler(), FAR, None),
    "IncrementalPCA": (IncrementalPCA(2), FAR, None),
    "MiniBatchKMeans": (MiniBatchKMeans(3, random_state=0, n_init=1), FAR, None),
    "MultiOutputRegressor": (
        MultiOutputRegressor(linear_model.SGDRegressor(random_state=0)),
        X,
        X[:, :2] @ [[1.0, 2.0], [0.0, 1.0]],
    ),
}
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform")


def labels(estimator: Any) -> dict[str, Any]:
    return {"classes": CLASSES} if is_classifier(estimator) else {}


def by_hand(estimator: Any, X: Any, y: Any = None, order: Any = None, **how: Any) -> Any:
    """Return a copy that has learned in a loop over the blocks; ``how`` is cut to blocks too."""
    estimator = deepcopy(estimator)
    for k in range(len(ALL)) if order is None else order:
        if ALL[k].stop > ALL[k].start:
            given = {name: value[ALL[k]] for name, value in how.items()}
            y_k = None if y is None else y[ALL[k]]
            estimator.partial_fit(X[ALL[k]], y_k, **labels(estimator), **given)
    return estimator


def arrays_of(estimator: Any) -> dict[str, np.ndarray]:
    found = {}
    for name, value in vars(estimator).items():
        if name == "estimators_":
            for i, inner in enumerate(value):
                found |= {f"{i} {key}": a for key, a in arrays_of(inner).items()}
        for i, a in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(a, np.ndarray) and name != "_random_state":
                found[f"{name} {i}"] = a
    return found


def assert_same(got: Any, want: Any) -> None:
    """Fail unless all that was learned has the same bits."""
    found, known = arrays_of(got), arrays_of(want)
    assert known
    assert found.keys() == known.keys()
    for name, value in known.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def wrap(x: np.ndarray | None, kind: str = "dask", **how: Any) -> Any:
    if x is None:
        return None
    if kind == "dask-frame":
        return dask_frame(x, **how)
    columns = (1, x.shape[1] - 1) if kind == "dask-columns" and x.ndim == 2 else ()
    return dask_array(x, known=kind != "dask-unknown", columns=columns, **how)
