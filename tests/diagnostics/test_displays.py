"""Displays of fitted estimators."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from streamlearn._validation import messages
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.diagnostics import (
    CoefficientsDisplay,
    InertiaDisplay,
    ProgressiveLossDisplay,
)
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.neural_network import MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import PolynomialFeatures, StandardScaler

pytest.importorskip("matplotlib")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

X = da.random.default_rng(0).normal(size=(200, 3), chunks=(20, 3))
TARGET = 2.0 * X[:, 1] - X[:, 0]


@pytest.fixture(autouse=True)
def closed_figures():
    """Draw without a window, and close the figures of pyplot."""
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.mark.parametrize(
    "model",
    [
        SGDRegressor(random_state=0),
        MLPRegressor(hidden_layer_sizes=(3,), random_state=0),
        make_pipeline(StandardScaler(), SGDRegressor(random_state=0)),
    ],
)
def test_the_progressive_loss_is_drawn_as_it_is(model):
    model.fit(X, TARGET)
    losses = getattr(model, "loss_curve_", None) or model[-1].loss_curve_
    display = ProgressiveLossDisplay.from_estimator(model)
    np.testing.assert_array_equal(display.points_.get_ydata(), losses)
    means = np.cumsum(losses) / np.arange(1, len(losses) + 1)
    np.testing.assert_allclose(display.mean_.get_ydata(), means)
    display.figure_.canvas.draw()


def test_it_draws_where_it_is_asked_to():
    ax = Figure().subplots()
    fitted = SGDRegressor(random_state=0).fit(X, TARGET)
    assert ProgressiveLossDisplay.from_estimator(fitted, ax=ax).ax_ is ax
    assert CoefficientsDisplay.from_estimator(fitted, ax=ax).ax_ is ax


def test_without_axes_it_draws_into_a_figure_of_pyplot_as_scikit_learn_does():
    fitted = SGDRegressor(random_state=0).fit(X, TARGET)
    for show in (ProgressiveLossDisplay, CoefficientsDisplay):
        display = show.from_estimator(fitted)
        assert plt.gcf() is display.figure_


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    fitted = SGDRegressor(random_state=0).fit(X, TARGET)
    monkeypatch.setattr(messages, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"CoefficientsDisplay draws with matplotlib.*\[plot\]"):
        CoefficientsDisplay.from_estimator(fitted)


def test_what_has_no_losses_or_coefficients_is_refused():
    fitted = StandardScaler().fit(X)
    with pytest.raises(TypeError, match="StandardScaler has no loss_curve_"):
        ProgressiveLossDisplay.from_estimator(fitted)
    with pytest.raises(TypeError, match="StandardScaler has no coef_"):
        CoefficientsDisplay.from_estimator(fitted)
    with pytest.raises(NotFittedError):
        ProgressiveLossDisplay.from_estimator(SGDRegressor())


def labels(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def test_coefficients_are_drawn_from_the_largest():
    pipe = make_pipeline(StandardScaler(), SGDRegressor(random_state=0)).fit(X, TARGET)
    display = CoefficientsDisplay.from_estimator(pipe, max_features=2)
    assert labels(display) == ["x1", "x0"]
    widths = [bar.get_width() for bar in display.bars_]
    np.testing.assert_array_equal(widths, pipe[-1].coef_[[1, 0]])
    display.figure_.canvas.draw()


def test_names_come_from_the_steps_before():
    pipe = make_pipeline(PolynomialFeatures(2), StandardScaler(), SGDRegressor(random_state=0))
    pipe.fit(X, X[:, 0] * X[:, 1])
    assert labels(CoefficientsDisplay.from_estimator(pipe))[0] == "x0 x1"
    model = SGDClassifier(random_state=0).fit(X, X[:, 0] > 0)
    given = CoefficientsDisplay.from_estimator(model, feature_names=["$a$", "b", "c"])
    assert labels(given)[0] == r"\$a\$"
    given.figure_.canvas.draw()
    with pytest.raises(ValueError, match="2 names, and coef_ has 3 features"):
        CoefficientsDisplay.from_estimator(model, feature_names=["a", "b"])


def test_an_output_is_a_row_of_coef():
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    model = SGDClassifier(random_state=0).fit(X, y)
    display = CoefficientsDisplay.from_estimator(model, output=2)
    np.testing.assert_array_equal(display.coef, model.coef_[2])
    with pytest.raises(ValueError, match="output=3 is not one of the 3 rows"):
        CoefficientsDisplay.from_estimator(model, output=3)
    np.testing.assert_array_equal(
        CoefficientsDisplay.from_estimator(model.sparsify(), output=1).coef,
        model.densify().coef_[1],
    )


def test_inertia_is_that_of_each_fit():
    kmeans = MiniBatchKMeans(random_state=0)
    display = InertiaDisplay.from_estimator(kmeans, X, n_clusters=[2, 5])
    expected = [-MiniBatchKMeans(k, random_state=0).fit(X).score(X) for k in (2, 5)]
    np.testing.assert_allclose(display.line_.get_ydata(), expected)
    assert not hasattr(kmeans, "cluster_centers_")
    assert display.ax_.get_ylim()[0] == 0
    assert display.ax_.get_ylim()[1] > 1.04 * max(expected)
    display.figure_.canvas.draw()
