"""Answers about collections: lazy, in kind, and the estimator's own."""

from __future__ import annotations

import warnings
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import linear_model, naive_bayes, pipeline, preprocessing
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.multioutput import MultiOutputClassifier

from streamlearn._arrays import namespace
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.wrappers import Incremental, ParallelPostFit
from streamlearn.wrappers.post_fit import kind_of
from tests.containers import CHUNKS, INDEX, N_ROWS, blocks_of, dask_array, dask_frame, frame
from tests.wrappers.learners import CLASSES, FAR, METHODS, ONCE, Bare, X, Y, wrap

FITTED: dict[str, Any] = {
    "GradientBoostingClassifier": GradientBoostingClassifier(n_estimators=3).fit(X, Y),
    "LinearRegression": linear_model.LinearRegression().fit(FAR, FAR[:, :2]),
    "PCA": PCA(2).fit(FAR),
    "Normalizer": preprocessing.Normalizer(),
    "Pipeline": pipeline.make_pipeline(
        preprocessing.StandardScaler(), linear_model.LogisticRegression()
    ).fit(FAR, Y),
    "FrozenEstimator": FrozenEstimator(naive_bayes.GaussianNB().fit(FAR, Y)),
}


@pytest.mark.parametrize("kind", ["dask", "dask-unknown", "dask-columns", "dask-frame"])
@pytest.mark.parametrize("name", FITTED)
@pytest.mark.filterwarnings("ignore:X has feature names")
def test_a_fitted_estimator_answers_lazily(name, kind):
    given = FITTED[name]
    model = ParallelPostFit(given)
    asked = [method for method in METHODS if hasattr(model, method)]
    assert asked == [method for method in METHODS if hasattr(given, method)]
    assert asked
    for method in asked:
        want = getattr(given, method)(FAR)
        reads: list = []
        out = getattr(model, method)(wrap(FAR, kind, log=reads))
        assert reads == []
        framed = kind == "dask-frame" and (method == "transform" or out.ndim == 1)
        assert isinstance(out, dd.DataFrame | dd.Series if framed else da.Array)
        assert out.ndim == want.ndim
        made = out.compute()
        assert sorted(reads) == ONCE
        np.testing.assert_allclose(made, want, rtol=1e-9)
        np.testing.assert_array_equal(getattr(model, method)(FAR), want)
        if framed:
            np.testing.assert_array_equal(made.index, INDEX)
        else:
            assert [len(block) for block in blocks_of(out)] == list(CHUNKS)
            assert out.dtype == want.dtype


def test_fit_lets_a_copy_learn():
    given = linear_model.LogisticRegression()
    model = ParallelPostFit(given)
    with pytest.raises(NotFittedError):
        model.predict(wrap(X))
    assert not hasattr(model, "classes_")
    assert model.fit(X, Y, sample_weight=np.ones(N_ROWS)) is model
    assert not hasattr(given, "classes_")
    assert list(model.classes_) == CLASSES
    np.testing.assert_array_equal(model.predict(wrap(X)).compute(), given.fit(X, Y).predict(X))
    fitted = model.estimator_
    with pytest.raises(ValueError, match="inconsistent"):
        model.fit(X, Y[:-1])
    assert model.estimator_ is fitted
    scaled = ParallelPostFit(preprocessing.StandardScaler()).fit_transform(FAR)
    np.testing.assert_array_equal(scaled, preprocessing.StandardScaler().fit_transform(FAR))


def test_a_clone_keeps_what_is_frozen():
    fitted = linear_model.LogisticRegression().fit(X, Y)
    with pytest.raises(NotFittedError):
        clone(ParallelPostFit(fitted)).predict(X)
    kept = clone(ParallelPostFit(FrozenEstimator(fitted)))
    np.testing.assert_array_equal(kept.fit(X, Y).predict(wrap(X)).compute(), fitted.predict(X))


def test_each_method_is_there_only_where_the_estimator_has_it():
    model = ParallelPostFit(linear_model.LinearRegression())
    for name in ("predict_proba", "transform", "decision_function", "inverse_transform"):
        with pytest.raises(AttributeError, match=name):
            getattr(model, name)
    hinge = Incremental(linear_model.SGDClassifier())
    assert not hasattr(hinge, "predict_proba")
    assert hasattr(hinge.set_params(estimator__loss="log_loss"), "predict_proba")
    assert not hasattr(ParallelPostFit(Bare()), "score")
    with pytest.raises(ValueError, match="'estimator' parameter of ParallelPostFit"):
        ParallelPostFit(object()).fit(X)


def test_inverse_transform_and_score_samples_are_lazy_too():
    model = ParallelPostFit(PCA(2).fit(FAR))
    low = model.transform(wrap(FAR))
    back = model.inverse_transform(low).compute()
    np.testing.assert_allclose(back, model.inverse_transform(model.transform(FAR)), rtol=1e-9)
    likely = model.score_samples(wrap(FAR)).compute()
    np.testing.assert_allclose(likely, model.score_samples(FAR), rtol=1e-6)


def test_our_own_estimators_answer_themselves():
    ours = SGDClassifier(classes=CLASSES, random_state=0).fit(X, Y)
    out = ParallelPostFit(ours).decision_function(wrap(X))
    np.testing.assert_allclose(out.compute(), ours.decision_function(X), rtol=1e-9)
    lazy = Incremental(SGDClassifier(random_state=0), shuffle=False).fit(wrap(X), wrap(Y))
    assert lazy.score(wrap(X), wrap(Y)) == pytest.approx(lazy.score(X, Y))
    learned = ParallelPostFit(SGDClassifier(random_state=0)).fit(wrap(X), wrap(Y))
    assert learned.score(wrap(X), wrap(Y)) > 0.5


# What comes out, where it is said and where it is found out


@pytest.mark.parametrize("meta", [None, np.zeros((0, 3), np.float64)])
def test_a_meta_that_is_given_is_not_found_out(meta):
    """A model of categories cannot be asked about a row of ones; its feature names tell as much."""
    rows = np.arange(N_ROWS)[:, None] % 3 + 3
    encoder = preprocessing.OneHotEncoder(sparse_output=False).fit(rows)
    with pytest.raises(ValueError, match="X has 2 features, but OneHotEncoder"):
        ParallelPostFit(encoder).transform(wrap(np.c_[rows, rows]))
    for make, index in ((dask_array, None), (dask_frame, INDEX)):
        model = ParallelPostFit(encoder, transform_meta=meta)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lazy = model.transform(make(rows))
            out = lazy.compute()
        assert lazy.shape[1] == 3
        np.testing.assert_array_equal(out, encoder.transform(rows))
        if index is not None:
            np.testing.assert_array_equal(out.index, index)
    named = ParallelPostFit(
        encoder, transform_meta=pd.DataFrame(columns=list("abc"), dtype=np.float32)
    ).transform(wrap(rows))
    assert isinstance(named, dd.DataFrame)
    assert list(named.columns) == list("abc")
    np.testing.assert_array_equal(named.compute(), encoder.transform(rows))


def test_metas_say_what_predictions_look_like():
    model = naive_bayes.CategoricalNB().fit(Y[:, None], Y)
    metas = {"predict_meta": np.array([1], np.int16), "predict_proba_meta": [[0.0, 0.0, 1.0]]}
    wrapped = ParallelPostFit(model, **metas)
    rows = wrap(Y[:, None])
    assert wrapped.predict(rows).dtype == np.int16
    for name in ("predict", "predict_proba", "predict_log_proba"):
        out = getattr(wrapped, name)(rows)
        want = getattr(model, name)(Y[:, None])
        assert out.shape == want.shape
        np.testing.assert_allclose(out.compute(), want)


def test_what_has_no_form_for_a_collection_says_so():
    several = MultiOutputClassifier(linear_model.LogisticRegression()).fit(X, Y[:, None] > [0, 1])
    model = ParallelPostFit(several)
    assert isinstance(model.predict_proba(X), list)
    with pytest.raises(ValueError, match=r"predict_proba returns list, .*Map it over the blocks"):
        model.predict_proba(wrap(X))
    process = ParallelPostFit(GaussianProcessRegressor().fit(X[:9], Y[:9]))
    assert len(process.predict(X, return_std=True)) == 2
    with pytest.raises(ValueError, match="predict returns tuple"):
        process.predict(wrap(X), return_std=True)


def test_set_output_makes_frames_and_leaves_the_estimator_alone():
    given = preprocessing.StandardScaler()
    model = Incremental(given, shuffle=False).set_output(transform="pandas").fit(wrap(FAR))
    assert isinstance(given.fit(FAR).transform(FAR), np.ndarray)
    assert list(model.get_feature_names_out()) == ["x0", "x1", "x2", "x3"]
    for each in (
        model,
        clone(model).fit(FAR),
        ParallelPostFit(given).set_output(transform="pandas"),
    ):
        out = each.transform(wrap(FAR))
        assert isinstance(out, dd.DataFrame)
        assert list(out.columns) == ["x0", "x1", "x2", "x3"]
        np.testing.assert_allclose(out.compute(), each.transform(FAR), rtol=1e-9)
    assert isinstance(given.transform(FAR), np.ndarray)
    model.set_output(transform="default")
    assert isinstance(model.transform(wrap(FAR)), da.Array)
    assert not hasattr(Incremental(linear_model.SGDClassifier()), "set_output")


# Blocks of other kinds


SPARSE = [sparse.csr_matrix, sparse.csr_array]


@pytest.mark.parametrize("make", SPARSE)
@pytest.mark.parametrize("said", [False, True])
def test_sparse_blocks_go_through_to_estimators_that_take_them(make, said):
    """Whether dask knows it or not."""
    rows = np.where(np.abs(X) > 1, np.abs(X), 0.0)
    lazy = wrap(rows).map_blocks(make, dtype=float, meta=make((0, 0)) if said else np.empty((0, 0)))
    for estimator in (linear_model.SGDClassifier(random_state=0), naive_bayes.MultinomialNB()):
        model = Incremental(estimator, shuffle=False).fit(lazy, wrap(Y))
        want = clone(estimator)
        for at in blocks_of(lazy):
            if at.shape[0]:
                assert sparse.issparse(at)
        start = 0
        for n in CHUNKS:
            if n:
                at = slice(start, start + n)
                want.partial_fit(make(rows[at]), Y[at], classes=CLASSES)
            start += n
        out = model.predict(lazy)
        assert out.shape == (N_ROWS,)
        np.testing.assert_array_equal(out.compute(), want.predict(make(rows)))
        np.testing.assert_array_equal(model.predict(make(rows)), want.predict(make(rows)))
        assert model.score(lazy, wrap(Y)) == pytest.approx(want.score(rows, Y))


def test_a_sparse_matrix_that_dask_cuts_is_learned_from_in_pieces():
    rows = sparse.csr_matrix(np.where(np.abs(X) > 1, X, 0.0))
    lazy, target = da.from_array(rows, chunks=(50, 4)), da.from_array(Y, chunks=50)
    estimator = linear_model.SGDClassifier(random_state=0)
    model = Incremental(estimator, shuffle=False, scoring="accuracy").fit(lazy, target)
    want = clone(estimator)
    for start in range(0, N_ROWS, 50):
        at = slice(start, start + 50)
        want.partial_fit(rows[at], Y[at], classes=CLASSES)
    np.testing.assert_array_equal(model.coef_, want.coef_)
    np.testing.assert_array_equal(model.predict(lazy).compute(), want.predict(rows))
    assert model.score(lazy, target) == pytest.approx(want.score(rows, Y))


class OfKind(BaseEstimator):
    """A sum of rows that takes arrays of one library only."""

    def partial_fit(self, X, y=None):
        self.total_ = getattr(self, "total_", 0) + namespace(X).sum(X, axis=0)
        return self

    def predict(self, X):
        return namespace(X, self.total_).sum(X * self.total_, axis=1)

    def transform(self, X):
        assert namespace(X) is namespace(self.total_)
        return X - self.total_


def test_blocks_of_any_library_go_through(backend):
    """What comes out is found out with an array of that library, though dask knows NumPy's only."""
    model = Incremental(OfKind(), shuffle=False).fit(wrap(X, make=backend.asarray))
    want = Incremental(OfKind()).fit(X)
    for name in ("predict", "transform"):
        out = getattr(model, name)(wrap(X, make=backend.asarray))
        blocks = blocks_of(out)
        for block, rows in zip(blocks, CHUNKS, strict=True):
            backend.check(block, backend.widest)
            assert block.shape[0] == rows
        found = np.concatenate([backend.to_numpy(block) for block in blocks])
        assert out.shape == found.shape
        tolerance = 1e3 * backend.eps
        np.testing.assert_allclose(found, getattr(want, name)(X), rtol=tolerance, atol=tolerance)
    backend.check(model.total_)
    fitted = ParallelPostFit(model.estimator_, predict_meta=np.zeros(0))
    assert len(blocks_of(fitted.predict(wrap(X, make=backend.asarray)))) == len(CHUNKS)


def test_answers_of_any_library_can_be_computed(backend):
    """dask joins the blocks, of torch's tensors too; strict arrays nobody has."""
    if backend.name.startswith("strict"):
        return
    lazy = wrap(X, make=backend.asarray)
    model = SGDClassifier("log_loss", classes=CLASSES, random_state=0).fit(
        lazy, wrap(Y, make=backend.asarray)
    )
    for method in ("predict", "predict_proba"):
        out = getattr(model, method)(lazy)
        want = backend.to_numpy(getattr(model, method)(backend.asarray(X)))
        made = np.asarray(out.compute())
        np.testing.assert_allclose(made, want, rtol=1e-4, atol=1e-6)
        if backend.widest == "float64":
            assert out.dtype == made.dtype


TEXT = np.array([f"w{i % 7} v{i % 3}" for i in range(N_ROWS)], dtype=object)


def test_what_is_kept_of_the_kind_of_rows_holds_none_of_their_memory(backend):
    X = backend.asarray(FAR)
    kept = kind_of(X)
    if isinstance(X, np.ndarray):
        assert kept is None
        return
    backend.check(kept)
    assert (kept.shape, kept.dtype) == ((0, X.shape[1]), X.dtype)


@pytest.mark.torch
def test_what_is_kept_of_the_kind_of_tensors_holds_no_memory_and_no_gradients():
    torch = pytest.importorskip("torch")
    kept = kind_of(torch.as_tensor(FAR).requires_grad_())
    assert not kept.requires_grad
    assert kept.untyped_storage().nbytes() == 0


def test_blocks_of_text_become_sparse_rows():
    model = ParallelPostFit(HashingVectorizer(n_features=16))
    out = model.transform(dask_array(TEXT))
    assert out.shape == (N_ROWS, 16)
    made = [block for block in blocks_of(out) if block.shape[0]]
    np.testing.assert_array_equal(sparse.vstack(made).toarray(), model.transform(TEXT).toarray())


@pytest.mark.parametrize("framed", [False, True])
def test_a_wrapped_learner_learns_from_hashed_text(framed):
    learner = Incremental(linear_model.SGDClassifier(random_state=0), classes=CLASSES)
    pipe = make_pipeline(HashingVectorizer(n_features=16), learner)
    labels = np.arange(N_ROWS) % 3
    text = dask_frame(TEXT) if framed else dask_array(TEXT)
    pipe.fit(text, dask_frame(labels) if framed else dask_array(labels))
    assert pipe[-1].coef_.shape == (3, 16)
    np.testing.assert_array_equal(pipe.predict(text).compute(), pipe.predict(TEXT))
    assert np.mean(pipe.predict(TEXT) == labels) > 0.9


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_frames_of_several_dtypes_reach_the_estimator_as_they_are():
    """A pipeline that picks columns by name, as rows of arrays could not."""
    from sklearn.compose import make_column_transformer

    data = pd.DataFrame({"size": FAR[:, 1], "kind": np.array(["a", "b", "c"])[Y]})
    model = pipeline.make_pipeline(
        make_column_transformer(
            (preprocessing.StandardScaler(), ["size"]),
            (preprocessing.OneHotEncoder(handle_unknown="ignore"), ["kind"]),
        ),
        linear_model.LogisticRegression(),
    ).fit(data, Y)
    assert is_classifier(ParallelPostFit(model))
    lazy = dd.from_pandas(data, npartitions=3)
    wrapped = ParallelPostFit(model)
    np.testing.assert_array_equal(wrapped.predict(lazy).compute(), model.predict(data))
    y = dd.from_pandas(pd.Series(Y), npartitions=3)
    assert wrapped.score(lazy, y) == pytest.approx(model.score(data, Y))
    with dask.config.set(scheduler="threads"):
        np.testing.assert_allclose(wrapped.predict_proba(lazy), model.predict_proba(data))


def test_a_frame_in_memory_reaches_the_estimator_with_its_names():
    model = Incremental(preprocessing.StandardScaler()).fit(frame(FAR))
    assert list(model.feature_names_in_) == ["f0", "f1", "f2", "f3"]
    np.testing.assert_allclose(model.transform(frame(FAR)).mean(axis=0), 0, atol=1e-6)
