"""Saved estimators: read by another version they warn, before anything that was learned is read."""

from __future__ import annotations

import copy
import io
import os
import pickle
import tempfile
import warnings
from collections import namedtuple
from contextlib import nullcontext
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn import linear_model as theirs
from sklearn.base import clone, is_classifier, is_regressor

import streamlearn
from streamlearn._estimator import versions
from streamlearn._estimator.versions import InconsistentVersionWarning
from streamlearn.cluster import KMeans, MiniBatchKMeans
from streamlearn.core.statistics import moments
from streamlearn.linear_model import (
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
    Perceptron,
    SGDClassifier,
    SGDRegressor,
)
from streamlearn.mixture import GaussianMixture
from streamlearn.neural_network import MLPClassifier, MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)
from streamlearn.wrappers import Incremental, ParallelPostFit

try:
    from skops import io as skops
except ImportError:
    skops = None

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)
KNOWN = theirs.LogisticRegression().fit(X, Y)
SEED = {"random_state": 0}
ESTIMATORS: dict[str, Any] = {
    type(made).__name__: made
    for made in (
        StandardScaler(),
        MinMaxScaler((-1, 1), clip=True),
        MaxAbsScaler(),
        RobustScaler(),
        QuantileTransformer(n_quantiles=20),
        KBinsDiscretizer(encode="ordinal"),
        SplineTransformer(),
        SGDClassifier(**SEED),
        SGDRegressor(**SEED),
        Perceptron(**SEED),
        PassiveAggressiveClassifier(**SEED),
        PassiveAggressiveRegressor(**SEED),
        MLPClassifier(hidden_layer_sizes=4, max_iter=2, **SEED),
        MLPRegressor(hidden_layer_sizes=4, max_iter=2, **SEED),
        MiniBatchKMeans(2, **SEED),
        KMeans(2, **SEED),
        GaussianMixture(2, **SEED),
        Incremental(SGDClassifier(**SEED), **SEED),
        ParallelPostFit(KNOWN),
        make_pipeline(StandardScaler(), SGDClassifier(**SEED)),
    )
}


def by_joblib(model: Any) -> io.BytesIO:
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return file


def by_us(model: Any) -> str:
    path = os.path.join(tempfile.mkdtemp(), "model")
    streamlearn.save(model, path)
    return path


NO_SKOPS = pytest.mark.skipif(skops is None, reason="skops is in the test group of pyproject.toml")
SAVED = {
    **{f"pickle {n}": (lambda m, n=n: pickle.dumps(m, n), pickle.loads) for n in range(2, 6)},
    "joblib": (by_joblib, joblib.load),
    "streamlearn": (by_us, streamlearn.load),
    "skops": (
        lambda model: skops.dumps(model),
        lambda data: skops.loads(data, trusted=skops.get_untrusted_types(data=data)),
    ),
}
KEPT = {**SAVED, "deepcopy": (copy.deepcopy, lambda m: m), "copy": (copy.copy, lambda m: m)}


def fitted(name: str) -> Any:
    model = ESTIMATORS[name]
    known = ParallelPostFit(KNOWN) if name == "ParallelPostFit" else clone(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return known if name == "ParallelPostFit" else known.fit(X, Y)


def answer(model: Any) -> np.ndarray:
    return (model.predict if hasattr(model, "predict") else model.transform)(X)


def ways(known: dict[str, Any]) -> Any:
    marked = (pytest.param(how, marks=NO_SKOPS) if how == "skops" else how for how in known)
    return pytest.mark.parametrize("how", list(marked))


@ways(KEPT)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_one_version_says_nothing(name, how):
    model, (save, read) = fitted(name), KEPT[how]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = read(save(model))
        assert versions.VERSION not in vars(again)
        clone(again)
    np.testing.assert_array_equal(answer(again), answer(model))
    if how != "skops":  # which makes dicts of its own
        assert vars(again).keys() == vars(model).keys()
    if hasattr(again, "partial_fit") and (is_classifier(again) or is_regressor(again)):
        again.partial_fit(X, Y)


@ways(SAVED)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_another_version_warns(name, how, monkeypatch):
    model, (save, read) = fitted(name), SAVED[how]
    saved = save(model)
    monkeypatch.setattr(versions, "__version__", "7.0")
    with pytest.warns(
        InconsistentVersionWarning, match=r"streamlearn, 0\.1\.0, .* it, 7\.0"
    ) as warned:
        again = read(saved)
    assert sum(name in str(one.message) for one in warned) == 1
    np.testing.assert_array_equal(answer(again), answer(model))


def test_states_with_other_fields_warn_before_they_are_read(monkeypatch):
    saved = pickle.dumps(make_pipeline(StandardScaler(), SGDClassifier()).fit(X, Y))
    fields = moments.Moments._fields
    for others in ((*fields, "new"), (*fields[1:], fields[0]), fields[:-1]):
        other = namedtuple("Moments", others)
        monkeypatch.setattr(moments, "Moments", other)
        other.__module__ = moments.__name__
        says = r"StandardScaler was .*0\.1\.0 with other fields in Moments"
        read = nullcontext() if len(others) == len(fields) else pytest.raises(TypeError)
        with pytest.warns(InconsistentVersionWarning, match=says), read:
            pickle.loads(saved)


def test_a_state_without_a_version_warns():
    model = fitted("SGDClassifier")
    again = SGDClassifier.__new__(SGDClassifier)
    with pytest.warns(InconsistentVersionWarning, match=r"before 0\.1\.0"):
        again.__setstate__(dict(vars(model)))
    np.testing.assert_array_equal(answer(again), answer(model))
