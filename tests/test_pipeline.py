"""Pipeline: one pass for all steps, and scikit-learn's manners around it."""

from __future__ import annotations

import pickle
from typing import Any

import dask
import dask.array as da
import dask.bag
import dask.dataframe as dd
import numpy as np
import pytest
import sklearn
from sklearn import linear_model, preprocessing
from sklearn import pipeline as theirs
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion

from streamlearn.core import affine_map
from streamlearn.linear_model import Perceptron, SGDClassifier, SGDRegressor
from streamlearn.pipeline import Pipeline, make_pipeline
from streamlearn.preprocessing import StandardScaler
from streamlearn.wrappers import Incremental
from tests.backends import open_backend
from tests.containers import CHUNKS, N_ROWS, Container, dask_array, dask_frame, frame, rows_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(N_ROWS, 4)) * [1, 2, 0.5, 1] + [0, 3, -1, 0]
Y = np.digitize(X[:, 0] + 0.3 * RNG.normal(size=N_ROWS), [-0.7, 0.6])
W = RNG.integers(1, 4, N_ROWS) / 2
BLOCKS = [rows for rows in rows_of(CHUNKS) if rows.stop > rows.start]
ONCE = list(range(len(CHUNKS)))
WHOLE = (N_ROWS,)

with open_backend("numpy") as NUMPY:
    """Backends of NumPy need no settings in force."""

KINDS = ("dask", "dask-unknown", "dask-columns", "dask-frame")


def learner(**how: Any) -> SGDClassifier:
    return SGDClassifier("log_loss", **{"classes": [0, 1, 2], "random_state": 0, **how})


def chain(*steps: Any, schedule: str = "auto", **how: Any) -> Pipeline:
    return make_pipeline(*(steps or (StandardScaler(),)), learner(**how), schedule=schedule)


def table(chunks: Any = CHUNKS, rows: np.ndarray = X) -> tuple[da.Array, da.Array]:
    return dask_array(rows, chunks), dask_array(Y, chunks)


def coef(pipe: Any) -> np.ndarray:
    last = pipe[-1]
    return coef(last) if isinstance(last, theirs.Pipeline) else np.asarray(last.coef_)


def same(a: Any, b: Any, rtol: float = 1e-9) -> None:
    np.testing.assert_allclose(coef(a), coef(b), rtol=rtol, atol=1e-12)


STEPS = {
    "scaler": lambda: [StandardScaler()],
    "two scalers": lambda: [StandardScaler(), StandardScaler(with_std=False)],
    "pca": lambda: [StandardScaler(), IncrementalPCA(3)],
    "pca first": lambda: [IncrementalPCA(3), StandardScaler()],
    "stateless first": lambda: [preprocessing.Normalizer(), StandardScaler()],
    "union": lambda: [FeatureUnion([("a", StandardScaler()), ("b", IncrementalPCA(2))])],
}
LAST = {
    "ours": learner,
    "theirs": lambda: linear_model.SGDClassifier(random_state=0),
    "regressor": lambda: SGDRegressor(random_state=0),
    "nothing": lambda: None,
}


@pytest.fixture(params=STEPS)
def steps(request):
    return STEPS[request.param]()


def reads_of(pipe: Any, kind: str, **how: Any) -> tuple[list, list]:
    of_x: list = []
    of_y: list = []
    there = Container(kind, NUMPY)
    pipe.fit(there.wrap(X, log=of_x), there.wrap(Y, log=of_y), **how)
    return sorted(of_x), sorted(of_y)


# One pass


@pytest.mark.parametrize("last", LAST)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_fit_reads_every_block_once(steps, last, kind, scheduler):
    final = LAST[last]()
    pipe = make_pipeline(*steps, *([] if final is None else [final]))
    how = {"sgdclassifier__classes": [0, 1, 2]} if last == "theirs" else {}
    with dask.config.set({"scheduler": scheduler, "streamlearn.segment": 3}):
        assert reads_of(pipe, kind, **how) == (ONCE, ONCE)


@pytest.mark.parametrize("shuffle", [False, True, "rows"])
def test_x_and_y_of_one_source_are_read_once(shuffle):
    reads: list = []
    Xy = dask_array(np.c_[X, Y], log=reads)
    chain(shuffle=shuffle).fit(Xy[:, :-1], Xy[:, -1].astype(int))
    assert sorted(reads) == ONCE
    reads.clear()
    df = dask_frame(np.c_[X, Y], log=reads)
    chain(shuffle=shuffle).fit(df[["f0", "f1", "f2"]], df["f4"].astype(int))
    assert sorted(reads) == ONCE


def test_every_epoch_and_nothing_else_reads_again():
    reads: list = []
    pipe = chain(max_iter=3, tol=None).fit(dask_array(X, log=reads), dask_array(Y))
    assert sorted(reads) == sorted(3 * ONCE)
    assert pipe[0].n_samples_seen_ == N_ROWS
    reads.clear()
    chain(schedule="per-step").fit(dask_array(X, log=reads), dask_array(Y))
    assert sorted(reads) == sorted(2 * ONCE)


def test_in_memory_the_default_is_scikit_learns_way():
    for given in [(X, Y), (frame(X), frame(Y)), (X.tolist(), Y.tolist())]:
        np.testing.assert_array_equal(
            coef(chain().fit(*given)), coef(theirs.Pipeline(chain().steps).fit(*given))
        )


@pytest.mark.parametrize("chunks", [CHUNKS, WHOLE])
def test_per_step_is_scikit_learns_way(chunks):
    ours = chain(max_iter=3, tol=None, schedule="per-step").fit(*table(chunks))
    known = theirs.Pipeline(clone(ours).steps).fit(*table(chunks))
    np.testing.assert_array_equal(coef(ours), coef(known))
    np.testing.assert_array_equal(ours[0].mean_, known[0].mean_)


EPOCHS = {
    "one": {},
    "some": {"max_iter": 5, "tol": None},
    "until it stops": {"max_iter": 100},
    "held out": {"max_iter": 50, "early_stopping": True, "n_iter_no_change": 2},
    "adaptive": {"max_iter": 9, "tol": None, "learning_rate": "adaptive"},
    "rows": {"max_iter": 4, "tol": None, "shuffle": "rows", "batch_size": 10},
    "optimal": {"max_iter": 4, "tol": None, "learning_rate": "optimal", "average": True},
}


@pytest.mark.parametrize("offset", [0.0, 1e4, 1e8])
@pytest.mark.parametrize("how", EPOCHS)
def test_of_one_block_a_pass_is_what_the_learner_makes_of_scaled_rows(how, offset):
    """Epochs, stopping and losses too; whether the mean can stay in the rows or not."""
    far = X + offset
    pipe = chain(**EPOCHS[how]).fit(*table(WHOLE, far))
    scaled = StandardScaler().fit(far).transform(far)
    alone = learner(**EPOCHS[how]).fit(*table(WHOLE, scaled))
    np.testing.assert_allclose(coef(pipe), alone.coef_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(pipe[-1].loss_curve_, alone.loss_curve_, rtol=1e-6)
    assert (pipe[-1].n_iter_, pipe[-1].t_) == (alone.n_iter_, alone.t_)


@pytest.mark.parametrize("how", ["some", "until it stops", "optimal"])
def test_later_epochs_use_final_statistics(how):
    """One more epoch, from where the first ended, over rows that are scaled beforehand."""
    settings = {**EPOCHS[how], "shuffle": False, "tol": None}
    one, two = (chain(**{**settings, "max_iter": n}).fit(*table()) for n in (1, 2))
    scaled = one[0].transform(X)
    one[-1].partial_fit(dask_array(scaled), dask_array(Y))
    same(two, one, 1e-7)
    np.testing.assert_array_equal(two[0].mean_, one[0].mean_)


def test_it_warns_of_too_few_epochs():
    with pytest.warns(ConvergenceWarning):
        chain(max_iter=2, tol=1e-12).fit(*table())


def test_many_blocks_agree_with_a_pass_for_each_step():
    rng = np.random.default_rng(1)
    rows = rng.normal(5, 3, size=(8000, 6))
    y = (rows @ rng.normal(size=6) > np.median(rows @ np.ones(6))).astype(int)
    data = da.from_array(rows, chunks=(500, 6)), da.from_array(y, chunks=500)
    one, two = (
        chain(schedule=schedule, classes=[0, 1]).fit(*data) for schedule in ("one-pass", "per-step")
    )
    np.testing.assert_allclose(one[0].mean_, two[0].mean_, rtol=1e-12)
    assert np.mean(one.predict(rows) == two.predict(rows)) > 0.99
    assert one.score(*data) == pytest.approx(two.score(*data), abs=0.005)


@pytest.mark.parametrize("max_iter", [1, 3])
@pytest.mark.parametrize("wrap", [np.asarray, frame, list], ids=["array", "frame", "list"])
def test_one_pass_in_memory(wrap, max_iter):
    how = {"max_iter": max_iter, "tol": None}
    got = chain(schedule="one-pass", **how).fit(wrap(X), wrap(Y))
    same(got, chain(**how).fit(X, Y))
    np.testing.assert_allclose(got[0].mean_, X.mean(axis=0))
    assert np.mean(got.predict(wrap(X)) == Y) > 0.7


@pytest.mark.parametrize("early_stopping", [False, True])
def test_row_by_row_each_class_has_its_own_order_in_one_pass_too(early_stopping, backend):
    rng = np.random.default_rng(0)
    X = rng.normal(3, 1, size=(200, 4))
    labels = np.digitize(X[:, 0] + 0.3 * rng.normal(size=200), [2.5, 3.5])
    models = []
    for schedule in ("per-step", "one-pass"):
        last = Perceptron(max_iter=4, tol=None, random_state=0, early_stopping=early_stopping)
        pipe = make_pipeline(StandardScaler(), last, schedule=schedule)
        pipe.fit(backend.asarray(X), backend.asarray(labels))
        models.append(backend.to_numpy(pipe[-1].coef_))
    np.testing.assert_array_equal(*models)


def test_no_scaled_block_is_ever_built(monkeypatch):
    largest: list[int] = []
    build = affine_map.AffineMap.__call__

    def watched(self, rows):
        largest.append(rows.shape[0])
        return build(self, rows)

    monkeypatch.setattr(affine_map.AffineMap, "__call__", watched)
    rng, n = np.random.default_rng(0), 20_000
    rows = rng.normal(size=(2 * n, 20))
    y = da.from_array((rows[:, 0] > 0).astype(int), chunks=n)
    for offset in (0.0, 1e5):
        data = da.from_array(rows + offset, chunks=(n, 20))
        for how in ({}, {"shuffle": "rows"}, {"max_iter": 2, "early_stopping": True, "tol": None}):
            pipe = chain(classes=[0, 1], **how).fit(data, y)
            dask.compute(pipe.predict(data), pipe.predict_proba(data))
            pipe.score(data, y)
            assert max(largest) < n / 2
            if offset:
                assert max(largest) > 100, "the rows went another way"
            largest.clear()


# partial_fit


LINED_UP = {"shuffle": False, "batch_size": 7}


def parts(lazy: bool, *rows: slice) -> list:
    wrap = (lambda a: dask_array(a, (len(a),))) if lazy else np.asarray
    return [(wrap(X[r]), wrap(Y[r])) for r in rows]


@pytest.mark.parametrize("lazy", [False, True])
def test_partial_fit_goes_on_as_one_pass_does(steps, lazy):
    whole = chain(*map(clone, steps), **LINED_UP).fit(*table())
    found = [chain(*map(clone, steps), **LINED_UP) for _ in range(3)]
    late = chain(*map(clone, steps), **{**LINED_UP, "classes": None})
    for part in parts(lazy, *BLOCKS):
        found[0].partial_fit(*part)
        late.partial_fit(*part, classes=[0, 1, 2])
    for part in parts(lazy, *BLOCKS[:2]):
        found[1].partial_fit(*part)
    for part in parts(not lazy, BLOCKS[2]):
        found[1].partial_fit(*part)
    start = BLOCKS[1].stop
    cut = (CHUNKS[0], 0, CHUNKS[2])
    found[2].fit(dask_array(X[:start], cut), dask_array(Y[:start], cut))
    found[2].partial_fit(*parts(lazy, BLOCKS[2])[0])
    for pipe in (*found, late):
        same(pipe, whole)
        assert pipe[-1].t_ == N_ROWS + 1


def test_fit_forgets_and_partial_fit_does_not(steps):
    pipe = chain(*steps, **LINED_UP).fit(*table())
    before = coef(pipe)
    assert np.any(coef(pipe.partial_fit(*table())) != before)
    np.testing.assert_array_equal(coef(pipe.fit(*table())), before)


def test_partial_fit_wants_the_labels_first():
    for last in (learner(classes=None), linear_model.SGDClassifier()):
        pipe = make_pipeline(StandardScaler(), last)
        for given in ((X, Y), table()):
            with pytest.raises(ValueError, match="classes must be passed on the first call"):
                pipe.partial_fit(*given)
        pipe.partial_fit(*table(), classes=[0, 1, 2]).partial_fit(X, Y)
        assert list(pipe.classes_) == [0, 1, 2]


def test_partial_fit_of_transformers_alone():
    pipe = make_pipeline(StandardScaler(), preprocessing.MaxAbsScaler())
    pipe.partial_fit(dask_array(X)).partial_fit(X)
    assert pipe[0].n_samples_seen_ == 2 * N_ROWS
    assert not hasattr(make_pipeline(StandardScaler(), linear_model.Ridge()), "partial_fit")
    assert not hasattr(make_pipeline(make_pipeline(linear_model.Ridge())), "partial_fit")


# Answers


METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_lazy_and_read_once(steps, kind):
    framed = kind == "dask-frame"
    pipe = chain(*steps).fit(*((dask_frame(X), dask_frame(Y)) if framed else table()))
    reads: list = []
    rows, memory = Container(kind, NUMPY).wrap(X, log=reads), frame(X) if framed else X
    known = [getattr(pipe, method)(memory) for method in METHODS]
    for method, want in zip(METHODS, known, strict=True):
        out = getattr(pipe, method)(rows)
        assert reads == []
        assert isinstance(out, dd.Series if framed and out.ndim == 1 else da.Array)
        np.testing.assert_allclose(np.asarray(out.compute()), want, rtol=1e-9)
        assert sorted(reads) == ONCE
        reads.clear()
    y = Container(kind, NUMPY).wrap(Y)
    assert pipe.score(rows, y) == pytest.approx(pipe.score(memory, Y))
    assert sorted(reads) == ONCE


def test_transform_and_its_inverse_are_lazy():
    pipe = make_pipeline(StandardScaler(), preprocessing.MinMaxScaler(), StandardScaler())
    reads: list = []
    rows = dask_array(X, log=reads)
    out = pipe.fit_transform(rows)
    assert sorted(reads) == ONCE
    np.testing.assert_allclose(out.compute(), pipe.transform(X), rtol=1e-9)
    assert sorted(reads) == sorted(2 * ONCE)
    back = pipe.inverse_transform(out)
    assert isinstance(back, da.Array)
    np.testing.assert_allclose(back.compute(), X, rtol=1e-9, atol=1e-9)


def test_weights_reach_their_steps_and_the_score():
    names = ("standardscaler__sample_weight", "sgdclassifier__sample_weight")
    want = chain(**LINED_UP)
    for rows in BLOCKS:
        want.partial_fit(X[rows], Y[rows], **dict.fromkeys(names, W[rows]))
    for weight in (W, W.tolist(), dask_array(W)):
        got = chain(**LINED_UP).fit(*table(), **dict.fromkeys(names, weight))
        same(got, want)
        np.testing.assert_allclose(got[0].mean_, np.average(X, axis=0, weights=W))
    score = want.score(X, Y, sample_weight=W)
    assert got.score(*table(), sample_weight=dask_array(W)) == pytest.approx(score)
    plain = chain(**LINED_UP).fit(*table(), **dict.fromkeys(names))
    same(plain, chain(**LINED_UP).fit(*table()))


@pytest.mark.parametrize("nested", [None, make_pipeline, theirs.make_pipeline])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_weights_are_routed_as_scikit_learn_does(nested, method):
    def make(request: bool) -> Pipeline:
        each = [StandardScaler(), IncrementalPCA(3), learner(**LINED_UP)]
        for step in each[::2] if request else []:
            getattr(step, f"set_{method}_request")(sample_weight=True)
        return make_pipeline(*each) if nested is None else make_pipeline(each[0], nested(*each[1:]))

    inner = "" if nested is None else "pipeline__"
    names = ("standardscaler__sample_weight", f"{inner}sgdclassifier__sample_weight")
    want = getattr(make(False), method)(*table(), **dict.fromkeys(names, W))
    assert np.any(coef(want) != coef(make(False).fit(*table())))
    if method == "partial_fit" and nested is theirs.make_pipeline:
        return  # scikit-learn's has no such method that could be asked what it wants
    with sklearn.config_context(enable_metadata_routing=True):
        same(getattr(make(True), method)(*table(), sample_weight=W), want)


# Errors


def test_nan_is_the_scalers_to_pass_and_the_learners_to_refuse():
    for bad, says in ((np.nan, "NaN"), (np.inf, "infinity")):
        rows = X.copy()
        rows[-1, 2] = bad
        pipe = chain()
        with pytest.raises(ValueError, match=f"Input X contains {says} in block 3"):
            pipe.fit(*table(rows=rows))
        assert not hasattr(pipe[0], "mean_")
        assert not hasattr(pipe[-1], "coef_")
        with pytest.raises(ValueError, match=f"Input X contains {says}( in column 2)?[.]"):
            pipe.set_params(schedule="one-pass").fit(rows, Y)
        if says == "NaN":
            alone = make_pipeline(StandardScaler(), preprocessing.MinMaxScaler())
            out = alone.fit(dask_array(rows)).transform(dask_array(rows)).compute()
            assert np.isnan(out).sum() == 1
        pipe.fit(*table())
        with pytest.raises(ValueError, match=f"Input X contains {says}"):
            pipe.predict(dask_array(rows)).compute()


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("last", ["ours", "theirs"])
def test_a_failing_fit_leaves_every_step_as_it_was(steps, last, method):
    pipe = make_pipeline(*steps, LAST[last]()).fit(*table())
    before = [dict(vars(step)) for _, step in pipe.steps]
    rows = X.copy()
    rows[-1, 2] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        getattr(pipe, method)(*table(rows=rows))
    for (_, step), kept in zip(pipe.steps, before, strict=True):
        assert vars(step).keys() == kept.keys()
        assert all(vars(step)[name] is value for name, value in kept.items())


class Refuses(BaseEstimator):
    """A last step that refuses when it is set to refuse, and learns rows by heart before."""

    def __init__(self, refuses=False):
        self.refuses = refuses

    def fit(self, X, y=None, **_params):
        self.coef_ = np.asarray(X).sum(axis=0)
        if self.refuses:
            raise ValueError("refused")
        return self

    partial_fit = fit

    def predict(self, X):
        return np.asarray(X) @ self.coef_

    fit_predict = fit


def branches(scaler):
    union = FeatureUnion([("a", scaler()), ("b", "passthrough")])
    columns = ColumnTransformer([("a", scaler(), [0, 1])], remainder="passthrough")
    return [union, theirs.make_pipeline(columns, scaler()), scaler()]


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("schedule", ["per-step", "one-pass"])
@pytest.mark.parametrize("method", ["fit", "partial_fit", "fit_predict"])
@pytest.mark.parametrize("scaler", [StandardScaler, preprocessing.StandardScaler])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_after_a_fit_that_fails_every_answer_is_what_it_was(lazy, schedule, method, scaler):
    pipe = make_pipeline(*branches(scaler), Refuses(), schedule=schedule)
    wrap = dask_array if lazy else np.asarray
    pipe.fit(wrap(X), wrap(Y))
    want, union = pipe.predict(X), pipe[0].transformer_list
    pipe.set_params(refuses__refuses=True)
    with pytest.raises(ValueError, match="refused"):
        getattr(pipe, method)(wrap(100 * X + 50), wrap(Y))
    np.testing.assert_array_equal(pipe.predict(X), want)
    assert pipe[0].transformer_list is union
    pipe.set_params(refuses__refuses=False)
    assert np.any(pipe.fit(wrap(100 * X + 50), wrap(Y)).predict(X) != want)


def test_a_step_that_goes_on_in_its_own_arrays_is_what_it_was():
    last = linear_model.SGDRegressor(warm_start=True, random_state=0)
    pipe = make_pipeline(preprocessing.FunctionTransformer(), last).fit(X, Y)
    want = pipe.predict(X)
    with pytest.raises(ValueError, match="overflow"):
        pipe.fit(1e200 * X, Y)
    np.testing.assert_array_equal(pipe.predict(X), want)
    assert pipe[-1] is last


def test_partial_fit_compares_the_names_of_a_frame():
    pipe = chain().fit(dask_frame(X), dask_frame(Y))
    for rows, y in ((dask_frame(X), dask_frame(Y)), (frame(X), Y)):
        with pytest.raises(ValueError, match="same order"):
            pipe.partial_fit(rows[["f1", "f0", "f2", "f3"]], y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        pipe.partial_fit(*table())
    pipe.fit(*table()).fit(dask_frame(X)[["f1", "f0"]], dask_frame(Y))
    assert list(pipe.feature_names_in_) == ["f1", "f0"]


def test_weights_of_one_fit_do_not_count_in_the_next():
    pipe = make_pipeline(StandardScaler())
    weight = {"standardscaler__sample_weight": W}
    assert pipe.fit(dask_array(X), **weight)[0].n_samples_seen_ == pytest.approx(W.sum())
    assert isinstance(pipe[0].n_samples_seen_, float)
    pipe.partial_fit(dask_array(X))
    assert pipe[0].n_samples_seen_ == pytest.approx(W.sum() + N_ROWS)
    assert isinstance(pipe.fit(dask_array(X))[0].n_samples_seen_, np.int64)


def test_weights_that_are_all_zero():
    zero = {"standardscaler__sample_weight": np.zeros(N_ROWS)}
    for schedule in ("one-pass", "per-step"):
        pipe = chain(schedule=schedule)
        with pytest.raises(ValueError, match="at least one non-zero"):
            pipe.fit(*table(), **zero)
        assert not hasattr(pipe[-1], "coef_")
    late = np.where(np.arange(N_ROWS) < CHUNKS[0], 0.0, 1.0)
    pipe = chain().fit(*table(), **dict.fromkeys(zero, late))
    np.testing.assert_allclose(pipe[0].mean_, X[CHUNKS[0] :].mean(axis=0))
    assert np.all(np.isfinite(coef(pipe)))


CANNOT = {
    "no partial_fit": ([PCA(2)], {}, TypeError, r"'pca' \(PCA\).*IncrementalPCA.*freeze.*per-step"),
    "last": (
        [StandardScaler(), linear_model.LogisticRegression()],
        {},
        TypeError,
        r"'logisticregression'.*cannot learn in one pass.*per-step",
    ),
    "in a branch": (
        [FeatureUnion([("a", PCA())]), learner()],
        {},
        TypeError,
        r"'featureunion__a' \(PCA\)",
    ),
    "no y": (
        [StandardScaler(), linear_model.SGDClassifier()],
        {"y": None},
        ValueError,
        "y is None",
    ),
    "other chunks": (
        [StandardScaler(), learner()],
        {"y": dask_array(Y, (100, 100))},
        ValueError,
        "do not line up",
    ),
    "unknown argument": (
        [StandardScaler(), learner()],
        {"standardscaler__foo": 1},
        TypeError,
        "'standardscaler' takes no",
    ),
    "unknown argument of the learner": (
        [StandardScaler(), learner()],
        {"sgdclassifier__foo": 1},
        TypeError,
        "foo",
    ),
    "epochs of a wrapper": (
        [StandardScaler(), Incremental(linear_model.SGDClassifier(), max_iter=3)],
        {},
        ValueError,
        "'incremental' has max_iter=3, .*max_iter=1, or .*per-step",
    ),
    "argument of nobody": ([StandardScaler()], {"foo": 1}, ValueError, "does not accept the foo"),
    "weights of a union": (
        [FeatureUnion([("a", StandardScaler())]), learner()],
        {"featureunion__sample_weight": W},
        NotImplementedError,
        "per-step",
    ),
}


@pytest.mark.complete
@pytest.mark.parametrize("what", CANNOT)
def test_what_cannot_be_done_says_what_to_do(what):
    each, given, kind, says = CANNOT[what]
    with pytest.raises(kind, match=f"(?s){says}"):
        make_pipeline(*map(clone, each)).fit(dask_array(X), **{"y": dask_array(Y), **given})


def test_partial_fit_does_not_ask_for_what_there_is():
    """One pass, whatever ``schedule`` says: that it says so is no remedy."""
    with pytest.raises(TypeError, match=r"'pca'.*Or use fit with schedule=\"per-step\""):
        chain(PCA(2), schedule="per-step").fit(X, Y).partial_fit(X, Y)


@pytest.mark.parametrize("last", ["ours", "theirs"])
def test_collections_of_another_kind_are_named(last):
    bag = dask.bag.from_sequence(X.tolist())
    for name, given in (("X", (bag, dask_array(Y))), ("y", (dask_array(X), bag))):
        with pytest.raises(TypeError, match=f"{name} is a dask Bag. Give a dask array"):
            make_pipeline(StandardScaler(), LAST[last]()).fit(*given)


@pytest.mark.parametrize("last", LAST)
def test_no_rows(steps, last):
    final = LAST[last]()
    pipe = make_pipeline(*steps, *([] if final is None else [final]))
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        pipe.fit(dask_array(X[:0], (0, 0)), dask_array(Y[:0], (0, 0)))


def test_parameters_that_one_pass_has_no_use_for(tmp_path):
    for how in ({"memory": str(tmp_path)}, {"transform_input": ["a"]}):
        pipe = make_pipeline(StandardScaler(), learner(), **how)
        with pytest.raises(ValueError, match=f'{next(iter(how))}.*schedule="per-step"'):
            pipe.fit(*table())
        with pytest.raises(ValueError, match=f'{next(iter(how))}.*fit with schedule="per-step"'):
            pipe.partial_fit(X, Y)
    make_pipeline(StandardScaler(), learner(), memory=str(tmp_path)).fit(X, Y)
    inner = theirs.make_pipeline(StandardScaler(), memory=str(tmp_path))
    for step, path in ((inner, "pipeline"), (FeatureUnion([("a", inner)]), "featureunion__a")):
        with pytest.raises(ValueError, match=f"memory of the step '{path}' has no effect"):
            make_pipeline(step, learner()).fit(*table())
        make_pipeline(step, learner()).fit(X, Y)
    make_pipeline(FrozenEstimator(inner), learner()).fit(*table())
    with pytest.raises(ValueError, match="'schedule' parameter of Pipeline"):
        chain(schedule="two-pass").fit(X, Y)


def test_not_fitted_yet():
    for method, given in [*((m, (dask_array(X),)) for m in METHODS), ("score", table())]:
        with pytest.raises(NotFittedError):
            getattr(chain(), method)(*given)


# Names


@pytest.mark.parametrize("last", ["ours", "theirs"])
@pytest.mark.parametrize("pandas", [False, True])
def test_a_frame_fits_and_frames_and_its_arrays_ask(steps, last, pandas):
    """Neither warns of names: those that a step sees in fit it sees when asked."""
    pipe = make_pipeline(*steps, LAST[last]())
    if pandas:
        pipe.set_output(transform="pandas")
    for given in [(dask_frame(X), dask_frame(Y)), table()]:
        pipe.fit(*given)
        named = given[0].__class__ is not da.Array
        assert hasattr(pipe, "feature_names_in_") == named
        if named:
            assert list(pipe.feature_names_in_) == ["f0", "f1", "f2", "f3"]
        want = pipe.predict(frame(X) if named else X)
        out = pipe.predict(dask_frame(X) if named else dask_array(X)).compute()
        np.testing.assert_array_equal(np.asarray(out), want)
        assert hasattr(pipe[-1], "feature_names_in_") == pandas
        if pandas and last == "ours":
            names = list(pipe[:-1].get_feature_names_out())
            assert list(pipe[-1].feature_names_in_) == names
            assert list(pipe[:-1].transform(given[0]).columns) == names


@pytest.mark.parametrize("max_iter", [1, 3])
def test_columns_are_selected_by_name_after_a_scaler(max_iter):
    """What ``set_output`` is for; in every epoch."""
    from sklearn.compose import make_column_transformer

    pipe = chain(
        StandardScaler(),
        make_column_transformer((StandardScaler(), ["f0", "f2"]), verbose_feature_names_out=False),
        max_iter=max_iter,
        tol=None,
    ).set_output(transform="pandas")
    pipe.fit(dask_frame(X), dask_frame(Y))
    assert list(pipe[-1].feature_names_in_) == ["f0", "f2"]
    out = pipe.predict(dask_frame(X)).compute()
    np.testing.assert_array_equal(out, pipe.predict(frame(X)))
    assert coef(pipe).shape == (3, 2)


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
@pytest.mark.parametrize("scaler", [StandardScaler(), preprocessing.MinMaxScaler()])
def test_scikit_learns_configuration_holds_in_every_task(scaler, scheduler):
    """It is a thread's own, and blocks are learned from and answered for in others."""
    from sklearn.compose import make_column_transformer

    pipe = chain(
        clone(scaler),
        make_column_transformer((StandardScaler(), ["f0"]), verbose_feature_names_out=False),
    )
    with dask.config.set(scheduler=scheduler):
        with sklearn.config_context(transform_output="pandas"):
            pipe.fit(dask_frame(X), dask_frame(Y))
            assert list(pipe[-1].feature_names_in_) == ["f0"]
            want, out = pipe.predict(frame(X)), pipe.predict(dask_frame(X))
        np.testing.assert_array_equal(out.compute(), want)


def test_transformers_alone_name_what_comes_out():
    pipe = make_pipeline(StandardScaler(), IncrementalPCA(2)).fit(dask_frame(X))
    assert list(pipe.transform(dask_frame(X)).columns) == ["incrementalpca0", "incrementalpca1"]
    pipe = make_pipeline(StandardScaler(), preprocessing.MinMaxScaler()).fit(dask_frame(X))
    out = pipe.transform(dask_frame(X))
    assert list(out.columns) == ["f0", "f1", "f2", "f3"]
    np.testing.assert_array_equal(out.compute().to_numpy(), pipe.transform(frame(X)))


# scikit-learn's manners


@pytest.mark.parametrize("nothing", [None, "passthrough"])
def test_steps_that_do_nothing(nothing):
    pipe = Pipeline([("a", nothing), ("b", StandardScaler()), ("c", nothing), ("d", learner())])
    np.testing.assert_array_equal(coef(pipe.fit(*table())), coef(chain().fit(*table())))
    np.testing.assert_array_equal(pipe.predict(dask_array(X)).compute(), pipe.predict(X))
    alone = Pipeline([("a", nothing), ("d", learner())]).fit(*table())
    np.testing.assert_array_equal(alone[-1].coef_, learner().fit(*table()).coef_)
    last = Pipeline([("b", StandardScaler()), ("c", nothing)]).fit(dask_array(X))
    last.partial_fit(dask_array(X))
    assert last[0].n_samples_seen_ == 2 * N_ROWS
    np.testing.assert_allclose(last.transform(dask_array(X)).compute(), last.transform(X))
    empty = Pipeline([("c", nothing)]).fit(dask_array(X)).partial_fit(X)
    np.testing.assert_array_equal(empty.transform(dask_array(X)).compute(), X)


@pytest.mark.parametrize("inner", [make_pipeline, theirs.make_pipeline])
@pytest.mark.parametrize("front", [False, True])
def test_a_pipeline_in_a_pipeline_is_its_steps(inner, front):
    how = {"max_iter": 2, "tol": None}
    each = [StandardScaler(), IncrementalPCA(3), learner(**how)]
    flat = make_pipeline(*map(clone, each)).fit(*table())
    pipe = (
        make_pipeline(inner(*each[:2]), each[2])
        if front
        else make_pipeline(each[0], inner(*each[1:]))
    )
    assert reads_of(pipe, "dask") == (sorted(2 * ONCE), sorted(2 * ONCE))
    same(pipe, flat, 1e-12)
    out = pipe.predict(dask_array(X))
    assert isinstance(out, da.Array)
    np.testing.assert_array_equal(out.compute(), flat.predict(X))
    assert pipe.score(*table()) == pytest.approx(flat.score(X, Y))
    same(pipe.partial_fit(*table()), flat.partial_fit(*table()), 1e-12)


def test_slices_keep_the_schedule():
    pipe = chain(IncrementalPCA(2), StandardScaler(), schedule="one-pass").fit(X, Y)
    for part in (pipe[:-1], pipe[1:], pipe[:]):
        assert isinstance(part, Pipeline)
        assert part.schedule == "one-pass"
    assert pipe[0] is pipe[:-1][0]
    assert pipe["standardscaler"] is pipe[1]
    assert isinstance(pipe[:-1].transform(dask_array(X)), da.Array)


def test_clone_set_params_pickle_and_html():
    pipe = chain(schedule="one-pass").fit(X, Y)
    for copy in (pickle.loads(pickle.dumps(pipe)), pickle.loads(pickle.dumps(pipe))):
        np.testing.assert_array_equal(copy.predict(dask_array(X)).compute(), pipe.predict(X))
    fresh = clone(pipe)
    assert fresh.schedule == "one-pass"
    assert not hasattr(fresh[-1], "coef_")
    fresh.set_params(schedule="auto", sgdclassifier__alpha=0.5, standardscaler__with_std=False)
    assert (fresh.schedule, fresh[-1].alpha, fresh[0].with_std) == ("auto", 0.5, False)
    assert "schedule" in fresh.get_params(deep=False)
    for shown in (pipe, clone(pipe)):
        assert "StandardScaler" in shown._repr_html_()
    assert "schedule='one-pass'" in repr(pipe)


@pytest.mark.parametrize("schedule", ["auto", "one-pass"])
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.filterwarnings("ignore:shuffle leaves")
@pytest.mark.filterwarnings("ignore:More of the data")
def test_a_grid_search_over_its_parameters(schedule, lazy):
    grid = {"sgdclassifier__alpha": [1e-4, 10.0], "standardscaler__with_mean": [True, False]}
    search = GridSearchCV(chain(schedule=schedule), grid, cv=3, error_score="raise")
    search.fit(*(table((100, 100)) if lazy else (X, Y)))
    assert search.best_params_["sgdclassifier__alpha"] == 1e-4
    assert search.best_score_ > 0.7
    assert search.predict(X).shape == (N_ROWS,)


def test_verbose_prints_how_far_the_pass_is_and_a_line(capsys):
    make_pipeline(StandardScaler(), learner(), verbose=True).fit(*table())
    said = capsys.readouterr().out
    assert said.startswith("[Pipeline]")
    *blocks, line = said.splitlines()
    assert "one pass" in line
    assert all(block.startswith("[Pipeline] epoch: ") for block in blocks)


def test_frozen_steps_stay_as_they_are():
    scaler = StandardScaler().fit(X[:50])
    model = learner().fit(scaler.transform(X[:50]), Y[:50])
    kept = [pickle.dumps(scaler), pickle.dumps(model)]
    pipe = make_pipeline(FrozenEstimator(scaler), StandardScaler(), FrozenEstimator(model))
    pipe.fit(*table()).partial_fit(*table())
    assert [pickle.dumps(scaler), pickle.dumps(model)] == kept
    assert pipe[1].n_samples_seen_ == 2 * N_ROWS
    np.testing.assert_array_equal(pipe.predict(dask_array(X)).compute(), pipe.predict(X))
    assert pipe.score(*table()) == pytest.approx(pipe.score(X, Y))


# Schedulers


def test_the_same_bits_on_every_scheduler(steps):
    chunks, found = (30,) * 6 + (20,), set()
    for settings in ({"scheduler": "sync"}, {"scheduler": "threads", "num_workers": 4}):
        for window in (1, 4):
            with dask.config.set({**settings, "streamlearn.window": window}):
                found.add(coef(chain(*map(clone, steps)).fit(*table(chunks))).tobytes())
    assert len(found) == 1


@pytest.mark.thorough
def test_workers_in_other_processes_get_all_they_need(three_processes):
    """By cloudpickle: a function of this process goes along."""
    double = eval("lambda rows: rows * 2", {"__name__": "__main__"})

    def pipes() -> list[Pipeline]:
        union = FeatureUnion([("a", StandardScaler()), ("b", preprocessing.MinMaxScaler())])
        return [
            chain(
                preprocessing.FunctionTransformer(double), StandardScaler(), max_iter=2, tol=None
            ),
            make_pipeline(union, IncrementalPCA(3), linear_model.SGDClassifier(random_state=0)),
        ]

    data = da.from_array(X, chunks=(30, 4)), da.from_array(Y, chunks=30)
    with dask.config.set(scheduler="sync"):
        here = [pipe.fit(*data).partial_fit(*data) for pipe in pipes()]
    with three_processes.get_client():
        for want, pipe in zip(here, pipes(), strict=True):
            pipe.fit(*data).partial_fit(*data)
            np.testing.assert_array_equal(coef(pipe), coef(want))
            np.testing.assert_array_equal(pipe.predict(data[0]).compute(), want.predict(X))
            assert pipe.score(*data) == pytest.approx(want.score(X, Y))


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ((), "Last step of Pipeline should implement fit"),
        (object(), "Last step of Pipeline should implement fit"),
        (SGDClassifier, "got estimator class instead"),
    ],
    ids=["tuple", "object", "class"],
)
def test_a_step_that_is_no_estimator_is_named_as_scikit_learn_names_it(step, words):
    with pytest.raises(TypeError, match=words):
        Pipeline([("junk", step)]).fit([[1]], [1])
