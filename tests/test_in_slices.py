"""Predictions of a pipeline for a large array: slice by slice, as each row answers for itself."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from sklearn import pipeline as theirs
from sklearn.preprocessing import FunctionTransformer

from streamlearn.cluster import MiniBatchKMeans
from streamlearn.compose import make_column_transformer
from streamlearn.decomposition import PCA
from streamlearn.linear_model import Ridge, SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import MinMaxScaler, StandardScaler
from tests.backends import Backend

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400_000, 8)) * [1, 2, 0.5, 1, 3, 1, 1, 0.1] + 3  # 25.6 MB, which is 4 slices
LABELS = np.asarray(["late", "on time", "unknown"])[np.digitize(X[:, 0], [2.5, 3.5])]
FEW = slice(0, 5_000)


def classifier(*steps):
    learner = SGDClassifier(loss="log_loss", random_state=0)
    return make_pipeline(*steps, learner).fit(X[FEW], LABELS[FEW])


@pytest.fixture(scope="module")
def scaled():
    return classifier(StandardScaler())


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_no_copy_of_all_rows_is_built(scaled, method):
    tracemalloc.start()
    try:
        out = getattr(scaled, method)(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # answers, and the slices of them before they are joined
    assert peak < 2 * out.nbytes + X.nbytes / 2
    np.testing.assert_array_equal(out, getattr(theirs.Pipeline, method)(scaled, X))


@pytest.mark.parametrize(
    "steps",
    [
        (MinMaxScaler(), PCA(3)),
        (make_pipeline(StandardScaler(), "passthrough"),),
        (make_column_transformer((StandardScaler(), [0, 3]), remainder="passthrough"),),
    ],
    ids=["two steps", "nested", "columns"],
)
def test_answers_are_those_of_all_rows_at_once(steps):
    pipe = classifier(*steps)
    np.testing.assert_array_equal(pipe.predict(X), theirs.Pipeline.predict(pipe, X))
    np.testing.assert_allclose(
        pipe.predict_log_proba(X), theirs.Pipeline.predict_log_proba(pipe, X), rtol=1e-10
    )


def test_several_targets_and_clusters():
    targets = X[:, :2] @ [[1.0, 2.0], [0.0, 1.0]]
    line = make_pipeline(StandardScaler(), Ridge()).fit(X[FEW], targets[FEW])
    np.testing.assert_allclose(line.predict(X), theirs.Pipeline.predict(line, X), rtol=1e-12)
    clusters = make_pipeline(StandardScaler(), MiniBatchKMeans(3, random_state=0)).fit(X[FEW])
    np.testing.assert_array_equal(clusters.predict(X), theirs.Pipeline.predict(clusters, X))


@pytest.mark.parametrize("inner", [False, True], ids=["a step", "in a column transformer"])
def test_a_step_of_another_library_gets_all_rows_at_once(inner):
    seen = []

    def less_their_mean(rows):
        seen.append(len(rows))
        return rows - rows.mean(axis=0)

    step = FunctionTransformer(less_their_mean)
    pipe = classifier(make_column_transformer((step, slice(0, 8))) if inner else step)
    seen.clear()
    pipe.predict(X)
    assert seen == [len(X)]


def test_a_mapped_file(scaled, tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    np.testing.assert_array_equal(scaled.predict(mapped), scaled.predict(X))


def test_arrays_of_any_library(backend: Backend):
    few = slice(0, 70_000)
    rows, labels = map(backend.asarray, (X[few], (X[few, 0] > 3).astype(np.int64)))
    pipe = make_pipeline(StandardScaler(), SGDClassifier(random_state=0))
    pipe.fit(rows[:1_000, :], labels[:1_000])
    out, whole = pipe.predict(rows), theirs.Pipeline.predict(pipe, rows)
    assert out.dtype == whole.dtype
    np.testing.assert_array_equal(backend.to_numpy(out), backend.to_numpy(whole))


def test_faults_are_told_as_for_few_rows(scaled):
    bad = X.copy()
    bad[-1, 0] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        scaled.predict(bad)
    with pytest.raises(ValueError, match="X has 7 features"):
        scaled.predict(X[:, :7])
