"""The labels that a user lists, in every container and every place that takes them."""

from __future__ import annotations

from typing import Any

import array_api_strict
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn import linear_model as theirs
from sklearn.naive_bayes import GaussianNB

from streamlearn.linear_model import PassiveAggressiveClassifier, Perceptron, SGDClassifier
from streamlearn.metrics import log_loss
from streamlearn.neural_network import MLPClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from streamlearn.wrappers import Incremental
from tests.containers import dask_array

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 100
ROWS = np.random.default_rng(0).normal(size=(N, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)
LINES = pd.Series(LABELS, name="y")

LISTED = {
    "list": lambda: [0, 1],
    "tuple in another order": lambda: (1, 0),
    "array": lambda: np.asarray([0, 1]),
    "Series": lambda: pd.Series([0, 1]),
    "dask array": lambda: da.unique(da.from_array(LABELS, chunks=25)),
    "NumPy's unique": lambda: np.unique(da.from_array(LABELS, chunks=25)),
    "dask Series": lambda: dd.from_pandas(LINES, npartitions=2).unique(),
    "array-api-strict": lambda: array_api_strict.asarray([0, 1]),
    "masked": lambda: np.ma.masked_array([0, 1]),
}

P = np.stack([1 - LABELS * 0.8 - 0.1, LABELS * 0.8 + 0.1], axis=1)
PLACES = {
    "a parameter": lambda X, y, c: SGDClassifier(classes=c).fit(X, y),
    "a net's parameter": lambda X, y, c: MLPClassifier((2,), max_iter=1, classes=c).fit(X, y),
    "partial_fit": lambda X, y, c: SGDClassifier().partial_fit(X, y, classes=c),
    "a net's partial_fit": lambda X, y, c: MLPClassifier((2,)).partial_fit(X, y, classes=c),
    "Perceptron": lambda X, y, c: Perceptron().partial_fit(X, y, classes=c),
    "passive-aggressive": lambda X, y, c: PassiveAggressiveClassifier(classes=c).fit(X, y),
    "a pipeline": lambda X, y, c: make_pipeline(StandardScaler(), SGDClassifier()).partial_fit(
        X, y, classes=c
    ),
    "a pipeline of another": lambda X, y, c: make_pipeline(
        StandardScaler(), theirs.SGDClassifier()
    ).partial_fit(X, y, classes=c),
    "a pipeline's argument": lambda X, y, c: make_pipeline(
        StandardScaler(), theirs.SGDClassifier(), schedule="one-pass"
    ).fit(X, y, sgdclassifier__classes=c),
    "Incremental's parameter": lambda X, y, c: Incremental(GaussianNB(), classes=c).fit(X, y),
    "Incremental.fit": lambda X, y, c: Incremental(theirs.SGDClassifier()).fit(X, y, classes=c),
    "Incremental.partial_fit": lambda X, y, c: Incremental(SGDClassifier()).partial_fit(
        X, y, classes=c
    ),
    "log_loss": lambda X, y, c: log_loss(y, dask_array(P, (25,) * 4), labels=c),
}


@pytest.mark.filterwarnings("ignore:The labels that were passed are not sorted")
@pytest.mark.parametrize("listed", LISTED)
@pytest.mark.parametrize("place", PLACES)
def test_labels_may_be_listed_in_any_container(place, listed):
    """Chunks of as many rows as there are labels would be cut like X, were they a value a row."""
    X, y = dask_array(ROWS, (25,) * 4), dask_array(LABELS, (25,) * 4)
    found = PLACES[place](X, y, LISTED[listed]())
    if place == "log_loss":
        assert found == pytest.approx(-np.log(0.9))
    else:
        assert np.asarray(found.classes_).tolist() == [0, 1]


@pytest.mark.parametrize("lazy", [False, True], ids=["in memory", "blocks"])
@pytest.mark.parametrize("classes", [None, [0, 1], np.asarray([0, 1]), "strict"], ids=str)
def test_an_estimator_gets_the_labels_in_the_library_of_its_rows(monkeypatch, lazy, classes):
    """scikit-learn's estimators that take arrays of any library want classes of the same one."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    strict = array_api_strict.asarray

    def make(x: np.ndarray) -> Any:
        return dask_array(x, (60, 40), make=strict) if lazy else strict(x)

    classes = strict([0, 1]) if isinstance(classes, str) else classes
    with sklearn.config_context(array_api_dispatch=True):
        for method in ("fit", "partial_fit"):
            if method == "partial_fit" and classes is None:
                continue
            found = Incremental(GaussianNB(), shuffle=False)
            getattr(found, method)(make(ROWS), make(LABELS), classes=classes)
            known = GaussianNB().fit(ROWS, LABELS)
            np.testing.assert_allclose(np.asarray(found.theta_), known.theta_)
