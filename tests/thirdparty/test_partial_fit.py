"""Steps that are not ours: they learn as a hand-written loop over the blocks lets them."""

from __future__ import annotations

from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import linear_model, naive_bayes, preprocessing
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.frozen import FrozenEstimator

from streamlearn._thirdparty import partial_fit, tags
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import Pipeline, make_pipeline
from streamlearn.preprocessing import StandardScaler
from streamlearn.stages import stage
from streamlearn.wrappers import ParallelPostFit
from tests.containers import CHUNKS, N_ROWS, blocks_of, dask_array, dask_frame, frame, rows_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(N_ROWS, 4)) * [1, 2, 0.5, 1] + [0, 3, -1, 0]
Y = np.digitize(X[:, 0] + 0.3 * RNG.normal(size=N_ROWS), [-0.7, 0.6])
W = RNG.integers(1, 4, N_ROWS) / 2
BLOCKS = [rows for rows in rows_of(CHUNKS) if rows.stop > rows.start]
ONCE = list(range(len(CHUNKS)))
CLASSES = [0, 1, 2]

TRANSFORMERS = {
    "pca": [IncrementalPCA(2)],
    "scaler": [preprocessing.StandardScaler()],
    "min-max, pca": [preprocessing.MinMaxScaler(), IncrementalPCA(3)],
    "ours, max-abs": [StandardScaler(), preprocessing.MaxAbsScaler()],
    "pca, ours": [IncrementalPCA(3), StandardScaler()],
    "stateless": [preprocessing.FunctionTransformer(np.abs), preprocessing.Normalizer()],
    "frozen": [FrozenEstimator(PCA(2).fit(X)), preprocessing.FunctionTransformer(np.abs)],
}
LAST = {
    "SGDClassifier": linear_model.SGDClassifier(random_state=0),
    "GaussianNB": naive_bayes.GaussianNB(),
    "SGDRegressor": linear_model.SGDRegressor(random_state=0),
    "MiniBatchKMeans": MiniBatchKMeans(3, random_state=0, n_init=1),
    "nothing": None,
}
CLASSIFIERS = ("SGDClassifier", "GaussianNB")


def table(rows: np.ndarray = X, **how: Any) -> tuple[da.Array, da.Array]:
    return dask_array(rows, **how), dask_array(Y)


def by_hand(transformers: list, last: Any, weighted: bool = False, passes: int = 1) -> list:
    """Return the steps, each of which learned from a block before the next one."""
    steps = [clone(step) for step in transformers]
    last = None if last is None else clone(last)
    for at in passes * BLOCKS:
        rows = X[at]
        for step in steps:
            if hasattr(step, "partial_fit") and not isinstance(step, FrozenEstimator):
                step.partial_fit(rows)
            rows = step.transform(rows)
        if last is not None:
            how = {"classes": CLASSES} if type(last).__name__ in CLASSIFIERS else {}
            last.partial_fit(rows, Y[at], **how, **({"sample_weight": W[at]} if weighted else {}))
    return [*steps, *([] if last is None else [last])]


def assert_same(pipe: Any, want: list) -> None:
    found = 0
    for (name, step), known in zip(pipe.steps, want, strict=True):
        for attribute, value in vars(known).items():
            private = attribute.startswith("_") or attribute == "random_state_"
            if isinstance(value, np.ndarray) and not private:
                found += 1
                np.testing.assert_allclose(
                    getattr(step, attribute), value, rtol=1e-9, atol=1e-12, err_msg=name
                )
    assert found or not any(hasattr(step, "partial_fit") for step in want)


@pytest.fixture(params=TRANSFORMERS)
def transformers(request):
    return TRANSFORMERS[request.param]


@pytest.fixture(params=LAST)
def last(request):
    return LAST[request.param]


def made(transformers: list, last: Any) -> Any:
    steps = [*transformers, *([] if last is None else [last])]
    return make_pipeline(*map(clone, steps))


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_one_pass_is_the_loop_over_blocks(transformers, last, scheduler):
    reads: list = []
    with dask.config.set({"scheduler": scheduler, "streamlearn.segment": 3}):
        pipe = made(transformers, last).fit(dask_array(X, log=reads), dask_array(Y))
    assert sorted(reads) == ONCE
    assert_same(pipe, by_hand(transformers, last))


def test_partial_fit_goes_on_with_the_loop(transformers, last):
    pipe = made(transformers, last)
    how = {"classes": CLASSES} if type(last).__name__ in CLASSIFIERS else {}
    for at in BLOCKS:
        pipe.partial_fit(X[at], Y[at], **how)
    assert_same(pipe, by_hand(transformers, last))
    assert_same(pipe.partial_fit(*table()), by_hand(transformers, last, passes=2))
    assert_same(pipe.fit(*table()), by_hand(transformers, last))


def test_weights_are_cut_like_x(transformers):
    last = LAST["SGDClassifier"]
    for weight in (W, dask_array(W), list(W)):
        pipe = made(transformers, last).fit(*table(), sgdclassifier__sample_weight=weight)
        assert_same(pipe, by_hand(transformers, last, weighted=True))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classes_that_are_known_save_a_pass_over_y(name):
    for how, passes in (({}, 2), ({f"{name.lower()}__classes": CLASSES}, 1)):
        reads: list = []
        pipe = make_pipeline(StandardScaler(), clone(LAST[name]))
        pipe.fit(dask_array(X), dask_array(Y, log=reads), **how)
        assert sorted(reads) == sorted(passes * ONCE)
        assert_same(pipe, by_hand([StandardScaler()], LAST[name]))


def test_labels_may_be_strings():
    names = np.array(["low", "mid", "top"])[Y]
    pipe = make_pipeline(StandardScaler(), clone(LAST["SGDClassifier"]))
    pipe.fit(dask_array(X), dask_array(names))
    out = pipe.predict(dask_array(X)).compute()
    np.testing.assert_array_equal(out, pipe.predict(X))
    assert set(out) <= {"low", "mid", "top"}
    assert pipe.score(dask_array(X), dask_array(names)) == pytest.approx(np.mean(out == names))


def test_a_task_that_runs_twice_does_not_train_twice(monkeypatch, transformers):
    def twice(*args: Any) -> Any:
        partial_fit.partially_fitted(*args)
        return partial_fit.partially_fitted(*args)

    monkeypatch.setattr(stage, "partially_fitted", twice)
    last = LAST["SGDClassifier"]
    assert_same(made(transformers, last).fit(*table()), by_hand(transformers, last))


class Fragile(TransformerMixin, BaseEstimator):
    """Counts blocks in a list, in place, and breaks at the third."""

    def __init__(self, breaks=True):
        self.breaks = breaks

    def partial_fit(self, X, y=None):
        self.blocks_ = getattr(self, "blocks_", [])
        if self.breaks and len(self.blocks_) == 2:
            raise RuntimeError("broken")
        self.blocks_.append(len(X))
        return self

    def fit(self, X, y=None):
        raise AssertionError("this is one pass")

    def transform(self, X):
        return X


@pytest.mark.parametrize("last", [None, SGDClassifier(classes=CLASSES, shuffle=False)])
def test_what_is_given_changes_at_the_end_or_not_at_all(last):
    steps = [StandardScaler(), Fragile(), *([] if last is None else [clone(last)])]
    pipe = make_pipeline(*steps)
    with pytest.raises(RuntimeError, match="broken"):
        pipe.fit(*table())
    assert [sorted(vars(step)) for step in steps] == [sorted(vars(clone(step))) for step in steps]
    pipe.set_params(fragile__breaks=False).fit(*table())
    assert pipe[1] is steps[1]
    assert steps[1].blocks_ == [70, 21, 109]
    kept = steps[1].blocks_
    pipe.set_params(fragile__breaks=True)
    with pytest.raises(RuntimeError, match="broken"):
        pipe.fit(*table())
    assert steps[1].blocks_ is kept
    assert kept == [70, 21, 109]
    assert steps[0].n_samples_seen_ == N_ROWS


def test_parameters_stay_the_objects_they_were():
    state = np.random.RandomState(0)
    pipe = make_pipeline(StandardScaler(), MiniBatchKMeans(3, random_state=state, n_init=1))
    pipe.fit(dask_array(X))
    assert pipe[1].random_state is state


TEXT = np.array([f"w{i % 7} v{i % 3}" for i in range(N_ROWS)], dtype=object)
LABEL = np.arange(N_ROWS) % 3


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    "last", [linear_model.SGDClassifier(random_state=0), naive_bayes.BernoulliNB()]
)
def test_blocks_of_text(last, known):
    """Hashed to sparse blocks, which only the last step sees."""
    reads: list = []
    texts = dask_array(TEXT, log=reads, known=known)
    hashing = HashingVectorizer(n_features=64, alternate_sign=False)
    name = type(last).__name__.lower()
    pipe = make_pipeline(hashing, clone(last))
    pipe.fit(texts, dask_array(LABEL, known=known), **{f"{name}__classes": CLASSES})
    assert sorted(reads) == ONCE
    want = clone(last)
    for at in BLOCKS:
        want.partial_fit(hashing.transform(TEXT[at]), LABEL[at], classes=CLASSES)
    reads.clear()
    out = pipe.predict(texts)
    assert isinstance(out, da.Array)
    assert reads == []
    np.testing.assert_array_equal(out.compute(), want.predict(hashing.transform(TEXT)))
    assert sorted(reads) == ONCE
    score = pipe.score(texts, dask_array(LABEL, known=known))
    assert score == pytest.approx(want.score(hashing.transform(TEXT), LABEL))
    assert score > 0.9


ASKED = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform")


@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.filterwarnings("ignore:X has feature names, but PCA was fitted without")
def test_answers_are_lazy_and_read_once(transformers, last, framed):
    """Values, and the features of a frame, have its index; columns of scores are an array."""
    wrap, memory = (dask_frame, frame(X)) if framed else (dask_array, X)
    pipe = made(transformers, last).fit(wrap(X), wrap(Y))
    reads: list = []
    methods = [m for m in ASKED if hasattr(pipe, m)]
    assert methods
    for method in methods:
        want = getattr(pipe, method)(memory)
        out = getattr(pipe, method)(wrap(X, log=reads))
        assert reads == []
        got = out.compute()
        assert sorted(reads) == ONCE
        reads.clear()
        np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-9)
        assert got.shape == np.shape(want)
        if framed and (method == "transform" or out.ndim == 1):
            assert list(got.index) == list(memory.index)
        else:
            assert out.dtype == want.dtype


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("make", [SGDClassifier, linear_model.SGDClassifier])
def test_hashed_text_never_becomes_a_frame_of_a_column_a_feature(monkeypatch, make, scaled):
    """Labels of a million columns take a minute, before anything is read."""
    widths: list = []
    build = pd.DataFrame.__init__

    def counted(self, *args, **how):
        build(self, *args, **how)
        widths.append(self.shape[1])

    between = [StandardScaler(with_mean=False)] if scaled else []
    pipe = make_pipeline(HashingVectorizer(n_features=2**16), *between, make("log_loss"))
    texts = pd.Series(TEXT, index=np.arange(N_ROWS) * 2)
    lazy = dd.from_pandas(texts, npartitions=3)
    pipe.fit(lazy, dd.from_pandas(pd.Series(LABEL, index=texts.index), npartitions=3))
    monkeypatch.setattr(pd.DataFrame, "__init__", counted)
    for method in ("predict", "predict_proba", "decision_function"):
        out = getattr(pipe, method)(lazy)
        got = out.compute(scheduler="sync")
        if method != "predict_proba" and out.ndim == 1:
            assert list(got.index) == list(texts.index)
        np.testing.assert_allclose(got, getattr(pipe, method)(TEXT), rtol=1e-9)
    assert max(widths, default=0) <= len(pipe.classes_)
    hashed = pipe[:1].transform(lazy)
    assert isinstance(hashed, da.Array)
    assert sparse.issparse(hashed.blocks[0].compute())
    assert max(widths, default=0) <= len(pipe.classes_)


def test_every_method_that_may_be_lazy_is_lazy_in_pipelines_and_wrappers():
    for name in tags.LAZY:
        assert name in vars(Pipeline)
        assert name in vars(ParallelPostFit)


def test_scores_of_a_collection():
    for name, score in (
        ("SGDClassifier", True),
        ("SGDRegressor", True),
        ("MiniBatchKMeans", False),
    ):
        pipe = made([StandardScaler()], LAST[name]).fit(*table())
        if not score:
            with pytest.raises(TypeError, match=r"MiniBatchKMeans\.score does not work"):
                pipe.score(*table())
            continue
        reads: list = []
        got = pipe.score(dask_array(X, log=reads), dask_array(Y))
        assert sorted(reads) == ONCE
        assert got == pytest.approx(pipe.score(X, Y))
        weighted = pipe.score(*table(), sample_weight=dask_array(W))
        assert weighted == pytest.approx(pipe.score(X, Y, sample_weight=W))


@pytest.mark.parametrize("last", [SGDClassifier(classes=CLASSES), linear_model.SGDClassifier()])
def test_a_step_that_leaves_rows_out_is_named(last):
    """Or the rest would be learned with the targets of others."""

    def some(rows):
        return rows[rows[:, 0] > 0] if len(rows) > 1 else rows

    pipe = make_pipeline(preprocessing.FunctionTransformer(some), clone(last))
    says = r"FunctionTransformer\.transform made \d+ rows of the \d+ of a block"
    with pytest.raises(ValueError, match=says):
        pipe.fit(*table())
    pipe[-1].partial_fit(X, Y, classes=CLASSES)
    out = pipe.predict(dask_array(X))
    with pytest.raises(ValueError, match=says):
        out.compute()


def test_what_cannot_be_asked_about_a_row_of_ones_says_so():
    def refuse(rows):
        if len(rows) < 2:
            raise RuntimeError("one is not enough")
        return rows

    pipe = make_pipeline(preprocessing.FunctionTransformer(refuse), StandardScaler())
    pipe.fit(*table())
    with pytest.raises(ValueError, match=r"(?s)FunctionTransformer\.transform.*not enough.*blocks"):
        pipe.transform(dask_array(X))


def test_steps_that_keep_the_kind_of_array_keep_it(backend):
    """Also of blocks without rows, which the step cannot be asked about."""
    double = preprocessing.FunctionTransformer(lambda rows: rows * 2)
    X_, Y_ = (dask_array(a, make=backend.asarray) for a in (X, Y))
    for steps in ([double], [StandardScaler(), double], [double, StandardScaler()]):
        pipe = make_pipeline(*map(clone, steps), SGDClassifier(classes=CLASSES, random_state=0))
        pipe.fit(X_, Y_)
        for out in blocks_of(pipe.decision_function(X_)):
            backend.check(out, backend.widest)
        backend.check(pipe[-1].coef_, backend.widest)
        known = clone(pipe).fit(*table())
        np.testing.assert_allclose(
            backend.to_numpy(pipe[-1].coef_), known[-1].coef_, rtol=1e5 * backend.eps, atol=1e-3
        )
