"""Estimators learn from merged, shuffled and persisted frames on a cluster and score them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from streamlearn.cluster import MiniBatchKMeans
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler

dd = pytest.importorskip("dask.dataframe", reason="dask DataFrames are an extra")
pd = pytest.importorskip("pandas")
pytest.importorskip("distributed", reason="distributed is an extra")

ROWS, FEATURES = 3000, ["a", "b"]


def table() -> pd.DataFrame:
    """Return two clouds of points, the labels of which only a merge brings in."""
    draws = np.random.default_rng(0)
    k = draws.integers(0, 40, ROWS)
    points = draws.normal(size=(ROWS, 2)) + np.where(k % 2, 8, 0)[:, None]
    return pd.DataFrame(points, columns=FEATURES).assign(k=k)


LABELS = pd.DataFrame({"k": range(40), "label": ["even", "odd"] * 20})


def labelled() -> dd.DataFrame:
    points = dd.from_pandas(table(), npartitions=6)
    return points.merge(dd.from_pandas(LABELS, npartitions=2), on="k", broadcast=False)


FRAMES = {
    "merged": labelled,
    "shuffled": lambda: labelled().shuffle("a"),
    "persisted": lambda: labelled().shuffle("a").persist(),
}


@pytest.fixture(params=FRAMES)
def frame(client, request: pytest.FixtureRequest) -> dd.DataFrame:
    return FRAMES[request.param]()


EXPECTED = table().merge(LABELS, on="k")


@pytest.mark.thorough
def test_a_pipeline_in_one_pass(frame):
    X, y = frame[FEATURES], frame["label"]
    model = make_pipeline(
        StandardScaler(), SGDClassifier(classes=["even", "odd"], random_state=0)
    ).fit(X, y)
    np.testing.assert_allclose(model[0].mean_, EXPECTED[FEATURES].mean(), rtol=1e-9)
    assert model[0].n_samples_seen_ == ROWS
    assert model.score(X, y) > 0.99
    assert model.score(X, y) == model.score(EXPECTED[FEATURES], EXPECTED["label"])


@pytest.mark.thorough
def test_clusters(frame):
    model = MiniBatchKMeans(n_clusters=2, random_state=0).fit(frame[FEATURES])
    centers = np.sort(model.cluster_centers_, axis=0)
    np.testing.assert_allclose(centers, [[0, 0], [8, 8]], atol=0.5)
    assert model.score(frame[FEATURES]) == pytest.approx(model.score(EXPECTED[FEATURES]))


@pytest.mark.thorough
def test_early_stopping(frame):
    model = SGDClassifier(
        learning_rate="optimal",
        early_stopping=True,
        n_iter_no_change=2,
        max_iter=50,
        random_state=0,
    )
    model.fit(frame[FEATURES], frame["label"])
    assert 2 < model.n_iter_ < 50
    found = model.score(EXPECTED[FEATURES], EXPECTED["label"])
    assert found > 0.95
    assert model.score(frame[FEATURES], frame["label"]) == found


@pytest.mark.thorough
def test_metrics_of_lazy_answers(frame):
    model = SGDClassifier(random_state=0).fit(frame[FEATURES], frame["label"])
    answers = frame.assign(guess=model.predict(frame[FEATURES]))[["label", "guess"]].compute()
    assert len(answers) == ROWS
    found = accuracy_score(answers["label"], answers["guess"])
    assert found == model.score(frame[FEATURES], frame["label"])
