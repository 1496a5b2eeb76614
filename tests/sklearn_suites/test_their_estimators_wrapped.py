"""Every estimator of scikit-learn that has ``partial_fit``, wrapped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import linear_model
from sklearn.base import clone, is_classifier, is_clusterer
from sklearn.utils import get_tags
from sklearn.utils.discovery import all_estimators

from streamlearn.wrappers import Incremental
from tests.containers import blocks_of
from tests.wrappers.learners import BLOCKS, CLASSES, METHODS, X, Y, wrap

UNIT = (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0))
CLASSIFIER = linear_model.SGDClassifier(random_state=0)
REGRESSOR = linear_model.SGDRegressor(random_state=0)
PARAMS: dict[str, dict[str, Any]] = {
    "Birch": {"threshold": 0.05},
    "CategoricalNB": {"min_categories": 2},
    "LatentDirichletAllocation": {"n_components": 2},
    "MiniBatchDictionaryLearning": {"n_components": 2},
    "MiniBatchKMeans": {"n_init": 1},
    "MultiOutputClassifier": {"estimator": CLASSIFIER},
    "MultiOutputRegressor": {"estimator": REGRESSOR},
    "OneVsOneClassifier": {"estimator": CLASSIFIER},
    "OneVsRestClassifier": {"estimator": CLASSIFIER},
    "SelectFromModel": {"estimator": REGRESSOR},
}
NAMES = {
    name: kind
    for name, kind in all_estimators()
    if hasattr(kind, "partial_fit") and name != "HashingVectorizer"  # which takes text
}
NO_SUM = {"LatentDirichletAllocation", "MiniBatchKMeans", "MultiOutputClassifier"}
"""Whose own score is neither accuracy nor R2."""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:Class PassiveAggressive")
def test_it_learns_answers_and_scores_as_it_does_in_a_loop(name):
    estimator = NAMES[name](**PARAMS.get(name, {}))
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)
    y = Y if is_classifier(estimator) or is_clusterer(estimator) else X[:, 0]
    how: dict[str, Any] = {"classes": CLASSES} if is_classifier(estimator) else {}
    if not get_tags(estimator).target_tags.single_output:
        y, how = np.column_stack([y, y]), {key: [value] * 2 for key, value in how.items()}
    model = Incremental(estimator, shuffle=False).fit(wrap(UNIT), wrap(y), **how)
    want = clone(estimator)
    for at in BLOCKS:
        want.partial_fit(UNIT[at], y[at], **how)
    asked = [method for method in METHODS if hasattr(want, method)]
    assert asked
    for method in asked:
        known = getattr(want, method)(UNIT)
        if isinstance(known, list):
            with pytest.raises(ValueError, match="returns list"):
                getattr(model, method)(wrap(UNIT))
            continue
        out = getattr(model, method)(wrap(UNIT))
        assert out.shape == known.shape
        found = np.concatenate(blocks_of(out))
        np.testing.assert_allclose(found, known, rtol=1e-9, atol=1e-12, err_msg=method)
    if name in NO_SUM:
        with pytest.raises(TypeError, match=r"score does not work over a dask collection"):
            model.score(wrap(UNIT), wrap(y))
    elif hasattr(want, "score"):
        assert model.score(wrap(UNIT), wrap(y)) == pytest.approx(want.score(UNIT, y))
