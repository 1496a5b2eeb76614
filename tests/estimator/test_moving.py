"""A fitted estimator moves as a whole: it predicts there, and learns on there."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.pipeline import make_pipeline
from sklearn.utils._array_api import move_estimator_to

from streamlearn._estimator.moving import moved
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.preprocessing import StandardScaler
from tests.backends import MODULES, open_backend, selected

ONCE = {"max_iter": 1, "tol": None, "random_state": 0}
ESTIMATORS = {
    "StandardScaler": StandardScaler(),
    "SGDClassifier": SGDClassifier(loss="log_loss", **ONCE),
    "SGDClassifier-optimal": SGDClassifier(
        learning_rate="optimal", average=True, batch_size=64, **ONCE
    ),
    "SGDRegressor": SGDRegressor(**ONCE),
    "row by row": SGDClassifier(batch_size=1, average=True, alpha=0.1, eta0=1e-3, **ONCE),
    "Pipeline": make_pipeline(StandardScaler(), SGDClassifier(**ONCE)),
}

WIDE = [name for name in selected() if MODULES[name] != "numpy" and "no_" not in name]
"""Libraries that scikit-learn's ``move_to``, which keeps 64 bits, can move NumPy's arrays to."""


def rows():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, 3)).astype("f")
    return z * np.asarray([1, 10, 1e-2], "f") + np.asarray([0, 100, 0], "f"), z


def learned(estimator):
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    return last.coef_ if hasattr(last, "coef_") else last.mean_


@pytest.mark.parametrize("backend", WIDE, indirect=True)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_moved_estimator_answers_and_learns_where_it_is(name, backend):
    estimator = clone(ESTIMATORS[name])
    X, z = rows()
    y = np.digitize(z[:, 0], [-0.5, 0.5]) if is_classifier(estimator) else z[:, 0]
    there = {n: backend.asarray(a) for n, a in {"X": X, "y": y}.items()}
    for known, asked, xp, device, read in (
        ({"X": X, "y": y}, there, backend.xp, backend.device, backend.to_numpy),
        (there, {"X": X, "y": y}, np, "cpu", np.asarray),
    ):
        model = clone(estimator).fit(**known)
        kept = learned(model)
        moved = move_estimator_to(model, xp, device)
        assert learned(model) is kept
        np.testing.assert_allclose(read(learned(moved)), to_numpy_of(kept, backend), rtol=1e-6)
        for method in ("predict", "transform", "decision_function"):
            if hasattr(model, method):
                want = to_numpy_of(getattr(model, method)(known["X"]), backend)
                got = read(getattr(moved, method)(asked["X"]))
                np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
        if hasattr(model, "partial_fit"):
            model.partial_fit(**known)
            moved.partial_fit(**asked)
            want = to_numpy_of(learned(model), backend)
            np.testing.assert_allclose(read(learned(moved)), want, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("batch_size", [1, "auto"])
def test_a_model_from_a_device_of_narrow_floats_learns_on_in_numpy(batch_size):
    X, z = rows()
    y = np.digitize(z[:, 0], [-0.5, 0.5])
    model = SGDClassifier(batch_size=batch_size, average=True, alpha=0.1, eta0=1e-3, **ONCE)
    with open_backend("strict-no_float64") as backend:
        there = [backend.asarray(a) for a in (X, y)]
        moved = move_estimator_to(model.fit(*there), np, "cpu").partial_fit(X, y)
        want = backend.to_numpy(model.partial_fit(*there).coef_)
    np.testing.assert_allclose(moved.coef_, want, rtol=1e-3, atol=1e-4)


def to_numpy_of(x, backend):
    return x if isinstance(x, np.ndarray) else backend.to_numpy(x)


def test_views_and_readonly_arrays_are_copied_for_libraries_that_take_none():
    given = np.arange(6.0).reshape(2, 3)[:, ::-1]
    given.flags.writeable = False
    (seen,) = moved((given,), lambda array: array)
    np.testing.assert_array_equal(seen, given)
    assert seen.flags.c_contiguous
    assert seen.flags.writeable


@pytest.mark.parametrize("backend", WIDE, indirect=True)
def test_labels_of_text_stay_numpys(backend):
    X, z = rows()
    y = np.where(z[:, 0] > 0, "yes", "no")
    model = SGDClassifier(classes=["no", "yes"], **ONCE).fit(X, y)
    moved = move_estimator_to(model, backend.xp, backend.device)
    assert moved.classes_ is model.classes_
    assert moved.classes == ["no", "yes"]
    backend.check(moved.coef_)
    np.testing.assert_array_equal(moved.predict(backend.asarray(X)), model.predict(X))
