"""scikit-learn's tools with our estimators, over the collections that they take."""

from __future__ import annotations

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor, StackingRegressor, VotingClassifier, VotingRegressor
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)

from streamlearn.linear_model import SGDClassifier, SGDRegressor
from tests.containers import dask_array

RNG = np.random.default_rng(0)
N = 400
X = RNG.normal(size=(N, 2))
TARGET = X[:, 0] * 2.0
LABELS = (X[:, 0] > 0).astype(int)
VALUES = {"alpha": [1e-4, 1e-2]}

pytestmark = pytest.mark.filterwarnings("ignore:shuffle leaves the", "ignore:More of the data than")


def regressor():
    return SGDRegressor(random_state=0)


def classifier():
    return SGDClassifier(loss="log_loss", random_state=0)


def calibrated(rows, labels):
    model = FrozenEstimator(classifier().fit(rows, labels))
    return CalibratedClassifierCV(model).fit(rows, labels).score(rows, labels)


def importance(rows, target):
    model = regressor().fit(rows, target)
    found = permutation_importance(model, rows, target, n_repeats=2, random_state=0)
    return found.importances_mean[0]


REGRESSIONS = {
    "cross_val_score": lambda X, y: cross_val_score(regressor(), X, y, cv=3).min(),
    "cross_val_predict": lambda X, y: (
        1 - abs(np.asarray(cross_val_predict(regressor(), X, y, cv=3)) - TARGET).max()
    ),
    "GridSearchCV": lambda X, y: GridSearchCV(regressor(), VALUES, cv=3).fit(X, y).score(X, y),
    "RandomizedSearchCV": lambda X, y: (
        RandomizedSearchCV(regressor(), VALUES, n_iter=2, cv=3).fit(X, y).score(X, y)
    ),
    "permutation_importance": importance,
    "TransformedTargetRegressor": lambda X, y: (
        TransformedTargetRegressor(regressor(), func=np.negative, inverse_func=np.negative)
        .fit(X, y)
        .score(X, y)
    ),
    "VotingRegressor": lambda X, y: VotingRegressor([("a", regressor())]).fit(X, y).score(X, y),
    "StackingRegressor": lambda X, y: (
        StackingRegressor([("a", regressor())], final_estimator=regressor(), cv=3)
        .fit(X, y)
        .score(X, y)
    ),
    "BaggingRegressor": lambda X, y: (
        BaggingRegressor(regressor(), n_estimators=2, random_state=0).fit(X, y).score(X, y)
    ),
    "RFE": lambda X, y: RFE(regressor(), n_features_to_select=1).fit(X, y).support_[0],
    "SelectFromModel": lambda X, y: SelectFromModel(regressor()).fit(X, y).get_support()[0],
}
CLASSIFICATIONS = {
    "cross_val_score": lambda X, y: cross_val_score(classifier(), X, y, cv=3).min(),
    "GridSearchCV": lambda X, y: GridSearchCV(classifier(), VALUES, cv=3).fit(X, y).score(X, y),
    "CalibratedClassifierCV": calibrated,
    "VotingClassifier": lambda X, y: VotingClassifier([("a", classifier())]).fit(X, y).score(X, y),
}


@pytest.mark.parametrize("tool", REGRESSIONS)
def test_regressors_work_in_tools_over_arrays_of_known_lengths(tool):
    assert REGRESSIONS[tool](dask_array(X, (100,) * 4), dask_array(TARGET, (100,) * 4)) > 0.9


@pytest.mark.parametrize("tool", CLASSIFICATIONS)
def test_classifiers_work_in_tools_over_arrays_of_known_lengths(tool):
    assert CLASSIFICATIONS[tool](dask_array(X, (100,) * 4), dask_array(LABELS, (100,) * 4)) > 0.9


def frame():
    """Return a dask DataFrame of the rows and a Series of their targets."""
    columns = pd.DataFrame(X, columns=["a", "b"]).assign(y=TARGET)
    lazy = dd.from_pandas(columns, npartitions=4)
    return lazy[["a", "b"]], lazy["y"]


OVER_FRAMES = ["BaggingRegressor", "RFE", "SelectFromModel"]


@pytest.mark.parametrize("tool", OVER_FRAMES)
def test_some_tools_work_over_frames(tool):
    assert REGRESSIONS[tool](*frame()) > 0.9


@pytest.mark.parametrize("tool", [name for name in REGRESSIONS if name not in OVER_FRAMES])
def test_the_others_work_over_frames_whose_lengths_were_found(tool):
    assert REGRESSIONS[tool](*(x.to_dask_array(lengths=True) for x in frame())) > 0.9


def test_rows_are_split_by_scikit_learn_over_arrays_of_known_lengths():
    rows, target = dask_array(X, (100,) * 4), dask_array(TARGET, (100,) * 4)
    X_train, X_test, y_train, _ = train_test_split(rows, target, random_state=0, shuffle=False)
    assert (len(X_train), len(X_test)) == (300, 100)
    assert regressor().fit(X_train, y_train).score(X_train, y_train) > 0.9
