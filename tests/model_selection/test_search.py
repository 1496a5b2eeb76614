"""Searches: their scores are those of a loop by hand, from one read of the data."""

from __future__ import annotations

import pickle
import warnings
from copy import deepcopy

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform
from sklearn import linear_model as theirs
from sklearn import metrics
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, ParameterGrid

from streamlearn.blocks import from_blocks
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.model_selection import (
    HyperbandSearchCV,
    KFold,
    StreamSearchCV,
    SuccessiveHalvingSearchCV,
    in_block,
)
from streamlearn.model_selection.halving import staying
from streamlearn.neural_network import MLPClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler

N_BLOCKS, ROWS = 8, 100
rng = np.random.default_rng(0)
X = 1e3 + rng.normal(size=(N_BLOCKS * ROWS, 4)) * [0.1, 1, 10, 100]
SIGNAL = (X - 1e3) @ [10, 1, 0, 0.01]
CLASSES = np.where(SIGNAL + rng.normal(size=len(X)) > 0, "late", "on time")
VALUES = SIGNAL + rng.normal(size=len(X))
BLOCKS = [slice(k * ROWS, (k + 1) * ROWS) for k in range(N_BLOCKS)]


def lazy(x):
    return da.from_array(x, chunks=(ROWS, *x.shape[1:]))


LINEAR = (SGDClassifier(random_state=0), {"alpha": [1e-4, 1.0], "loss": ["hinge", "log_loss"]})
CASES = {
    "classes": (*LINEAR, CLASSES, "accuracy"),
    "probabilities": (
        SGDClassifier("log_loss", random_state=0),
        {"alpha": [1e-4, 1.0]},
        CLASSES,
        "neg_log_loss",
    ),
    "values": (SGDRegressor(random_state=0), {"alpha": [1e-4, 10.0]}, VALUES, "r2"),
    "own score": (SGDRegressor(random_state=0), {"alpha": [1e-4, 10.0]}, VALUES, None),
    "areas": (SGDClassifier("log_loss", random_state=0), LINEAR[1], CLASSES, "roc_auc"),
    "F1": (SGDClassifier(random_state=0), {"alpha": [1e-4, 1.0]}, CLASSES, "f1_macro"),
    "theirs": (theirs.SGDClassifier(random_state=0), {"alpha": [1e-4, 1.0]}, CLASSES, "accuracy"),
    "net": (
        make_pipeline(StandardScaler(), MLPClassifier(random_state=0)),
        {"mlpclassifier__hidden_layer_sizes": [(3,), (5,)]},
        CLASSES,
        "accuracy",
    ),
    "pipeline": (
        make_pipeline(StandardScaler(), SGDClassifier(random_state=0)),
        {"sgdclassifier__alpha": [1e-4, 1.0], "standardscaler__with_std": [True, False]},
        CLASSES,
        "accuracy",
    ),
    "clusters": (MiniBatchKMeans(3, random_state=0), {"n_clusters": [2, 4]}, None, None),
}


def by_hand(estimator, y, blocks):
    """Return the estimator after a loop over blocks, and what it predicts of each before that."""
    model, before = clone(estimator), []
    known = {} if y is None or y.dtype.kind == "f" else {"classes": np.unique(y)}
    for number, block in blocks:
        before.append((number, block, deepcopy(model)))
        model.partial_fit(X[block], *([] if y is None else [y[block]]), **known)
    return model, before[1:]


def same_answers(got, want):
    if want.dtype.kind == "f":  # columns of one model are rounded in another order
        np.testing.assert_allclose(got, want, rtol=1e-7)
    else:
        np.testing.assert_array_equal(got, want)


def pooled(scoring, model_of, y):
    """Return the score of rows together that different models predict."""
    if scoring is None and y is None:
        return np.mean([model.score(X[block]) for block, model in model_of])
    target = np.concatenate([y[block] for block, _ in model_of])
    if scoring == "neg_log_loss":
        P = np.concatenate([model.predict_proba(X[block]) for block, model in model_of])
        return -metrics.log_loss(target, P)
    if scoring == "roc_auc":
        p = [model.decision_function(X[block]) for block, model in model_of]
        return metrics.roc_auc_score(target == "on time", np.concatenate(p))
    predicted = np.concatenate([model.predict(X[block]) for block, model in model_of])
    if scoring == "f1_macro":
        return metrics.f1_score(target, predicted, average="macro")
    score = metrics.accuracy_score if scoring == "accuracy" else metrics.r2_score
    return score(target, predicted)


@pytest.mark.parametrize("name", CASES)
def test_progressive_scores_are_those_of_blocks_not_yet_learned_from(name):
    estimator, grid, y, scoring = CASES[name]
    search = StreamSearchCV(estimator, grid, scoring=scoring, shuffle=False)
    search.fit(lazy(X), None if y is None else lazy(y))
    for k, given in enumerate(ParameterGrid(grid)):
        model, before = by_hand(clone(estimator).set_params(**given), y, enumerate(BLOCKS))
        want = pooled(scoring, [(block, then) for _, block, then in before], y)
        assert search.cv_results_["mean_test_score"][k] == pytest.approx(want, rel=1e-9)
        assert search.cv_results_["params"][k] == given
    best = int(np.argmax(search.cv_results_["mean_test_score"]))
    assert search.best_index_ == best
    given = list(ParameterGrid(grid))[best]
    model, _ = by_hand(clone(estimator).set_params(**given), y, enumerate(BLOCKS))
    same_answers(search.best_estimator_.predict(X), model.predict(X))
    same_answers(search.predict(lazy(X)).compute(), model.predict(X))


@pytest.mark.parametrize("name", [name for name in CASES if name != "clusters"])
def test_folds_are_blocks_that_their_model_has_not_learned_from(name):
    estimator, grid, y, scoring = CASES[name]
    search = StreamSearchCV(estimator, grid, scoring=scoring, cv=3, shuffle=False)
    search.fit(lazy(X), lazy(y))
    for k, given in enumerate(ParameterGrid(grid)):
        for fold in range(3):
            others = [(b, block) for b, block in enumerate(BLOCKS) if b % 3 != fold]
            model, _ = by_hand(clone(estimator).set_params(**given), y, others)
            want = pooled(scoring, [(block, model) for block in BLOCKS[fold::3]], y)
            got = search.cv_results_[f"split{fold}_test_score"][k]
            assert got == pytest.approx(want, rel=1e-9)
    assert search.n_splits_ == 3
    given = search.best_params_
    whole, _ = by_hand(clone(estimator).set_params(**given), y, enumerate(BLOCKS))
    same_answers(search.best_estimator_.predict(X), whole.predict(X))


@pytest.mark.parametrize("kind", ["lazy", "memory"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_kfold_deals_the_blocks(shuffle, kind):
    seed = 0 if shuffle else None
    cv = KFold(4, shuffle=shuffle, random_state=seed)
    search = StreamSearchCV(*LINEAR, cv=cv, shuffle=False, scoring="accuracy", random_state=0)
    if kind == "memory":
        assert search.fit(X, CLASSES).n_splits_ == 4
        return
    search.fit(lazy(X), lazy(CLASSES))
    of_blocks = cv.fold_of_blocks((ROWS,) * N_BLOCKS)
    assert sorted(of_blocks) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert (list(of_blocks) == sorted(of_blocks)) is not shuffle
    for k, given in enumerate(ParameterGrid(LINEAR[1])):
        others = [(b, block) for b, block in enumerate(BLOCKS) if of_blocks[b] != 2]
        model, _ = by_hand(clone(LINEAR[0]).set_params(**given), CLASSES, others)
        at = [(block, model) for b, block in enumerate(BLOCKS) if of_blocks[b] == 2]
        want = pooled("accuracy", at, CLASSES)
        assert search.cv_results_["split2_test_score"][k] == pytest.approx(want, rel=1e-9)


def test_kfold_over_a_stream_says_what_to_give():
    data = from_blocks([(X[b], CLASSES[b]) for b in BLOCKS])
    with pytest.raises(ValueError, match="Give cv=4, which deals"):
        StreamSearchCV(*LINEAR, cv=KFold(4)).fit(*data)
    assert StreamSearchCV(*LINEAR, cv=4, shuffle=False).fit(*data).n_splits_ == 4


@pytest.mark.parametrize(("cv", "reads"), [("progressive", 1), (4, 2)])
def test_rows_are_read_once_and_once_more_for_folds(cv, reads):
    loads = []

    def load(block):
        loads.append(1)
        return block

    counted = lazy(X).map_blocks(load, meta=np.empty((0, 4)))
    StreamSearchCV(*LINEAR, cv=cv).fit(counted, lazy(CLASSES))
    assert len(loads) == reads * N_BLOCKS


def frames():
    dd = pytest.importorskip("dask.dataframe")
    frame = pd.DataFrame(X, columns=list("abcd"))
    return dd.from_pandas(frame, npartitions=N_BLOCKS), dd.from_pandas(
        pd.Series(CLASSES, name="y"), npartitions=N_BLOCKS
    )


CONTAINERS = {
    "arrays": lambda: (lazy(X), lazy(CLASSES)),
    "frames": frames,
    "stream": lambda: from_blocks([(X[b], CLASSES[b]) for b in BLOCKS]),
    "memory": lambda: (X, CLASSES),
    "table": lambda: (pd.DataFrame(X, columns=list("abcd")), pd.Series(CLASSES)),
    "lists": lambda: (X.tolist(), CLASSES.tolist()),
}


@pytest.mark.parametrize("cv", ["progressive", 2])
@pytest.mark.parametrize("kind", CONTAINERS)
def test_any_container_gives_a_model_that_predicts(kind, cv):
    data = CONTAINERS[kind]()
    search = StreamSearchCV(*LINEAR, cv=cv, random_state=0).fit(*data)
    assert search.best_params_["alpha"] == 1e-4
    assert search.best_score_ > 0.7
    assert search.score(*data) > 0.7
    assert search.classes_.tolist() == ["late", "on time"]


@pytest.mark.parametrize("cv", ["progressive", 2])
def test_the_number_of_threads_changes_no_bit(cv):
    found = [
        StreamSearchCV(*LINEAR, cv=cv, n_jobs=n, random_state=0).fit(lazy(X), lazy(CLASSES))
        for n in (1, 4)
    ]
    assert found[0].cv_results_["mean_test_score"].tolist() == (
        found[1].cv_results_["mean_test_score"].tolist()
    )
    assert found[0].coef_.tolist() == found[1].coef_.tolist()


def test_on_a_cluster_the_same_scores():
    distributed = pytest.importorskip("distributed", reason="distributed is an extra")
    here = StreamSearchCV(*LINEAR, random_state=0).fit(lazy(X), lazy(CLASSES))
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster),
    ):
        there = StreamSearchCV(*LINEAR, random_state=0).fit(lazy(X), lazy(CLASSES))
    assert there.cv_results_["mean_test_score"].tolist() == (
        here.cv_results_["mean_test_score"].tolist()
    )
    assert there.coef_.tolist() == here.coef_.tolist()


@pytest.mark.parametrize("cv", ["progressive", 2])
@pytest.mark.parametrize("wrap", [lazy, np.asarray])
def test_rows_of_weight_0_count_neither_in_learning_nor_in_scores(wrap, cv):
    weight = np.where(np.arange(len(X)) % 3 == 0, 0.0, 2.0)
    wrong = np.where(weight > 0, CLASSES, np.where(CLASSES == "late", "on time", "late"))
    search = StreamSearchCV(*LINEAR, random_state=0, cv=cv, scoring="accuracy")
    search.fit(wrap(X), wrap(wrong), sample_weight=wrap(weight))
    assert search.best_score_ > 0.8
    assert metrics.accuracy_score(CLASSES, search.predict(X)) > 0.8


def test_the_table_has_scikit_learns_columns():
    y = (CLASSES == "late").astype(int)
    known = GridSearchCV(theirs.SGDClassifier(random_state=0), {"alpha": [1e-4, 1.0]}, cv=3)
    ours = StreamSearchCV(theirs.SGDClassifier(random_state=0), {"alpha": [1e-4, 1.0]}, cv=3)
    known.fit(X, y)
    ours.fit(lazy(X), lazy(y))
    missing = known.cv_results_.keys() - ours.cv_results_.keys()
    assert missing == {"std_fit_time", "std_score_time"}  # all candidates learn in one read
    for name in known.cv_results_.keys() & ours.cv_results_.keys():
        assert type(ours.cv_results_[name]) is type(known.cv_results_[name])
        if name.startswith("param_"):
            assert ours.cv_results_[name].dtype == known.cv_results_[name].dtype


def test_several_scores_and_the_one_that_chooses():
    several = StreamSearchCV(
        SGDClassifier("log_loss", random_state=0),
        {"alpha": [1e-4, 10.0]},
        scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss",
        random_state=0,
    ).fit(lazy(X), lazy(CLASSES))
    one = StreamSearchCV(
        SGDClassifier("log_loss", random_state=0),
        {"alpha": [1e-4, 10.0]},
        scoring="neg_log_loss",
        random_state=0,
    ).fit(lazy(X), lazy(CLASSES))
    assert several.multimetric_
    assert several.best_score_ == one.best_score_
    assert several.score(lazy(X), lazy(CLASSES)) == one.score(lazy(X), lazy(CLASSES))
    with pytest.raises(ValueError, match="refit=True is not one of the scores 'acc"):
        several.set_params(refit=True).fit(lazy(X), lazy(CLASSES))
    none = several.set_params(refit=False).fit(lazy(X), lazy(CLASSES))
    assert "rank_test_accuracy" in none.cv_results_
    for ask in (none.predict, none.score):
        with pytest.raises(NotFittedError, match="fitted with refit=False"):
            ask(X)
    worst = several.set_params(refit=lambda table: int(np.argmax(table["rank_test_accuracy"])))
    assert worst.fit(lazy(X), lazy(CLASSES)).best_params_ == {"alpha": 10.0}
    no_number = several.set_params(refit=lambda table: table["params"][0])
    with pytest.raises(TypeError, match=r"refit returned .* Return an int from 0 to"):
        no_number.fit(lazy(X), lazy(CLASSES))


def test_an_error_ends_a_candidate_only():
    grid = {"alpha": [1e-4, -1.0]}
    search = StreamSearchCV(SGDClassifier(), grid, random_state=0, error_score=-7.0)
    with pytest.warns(FitFailedWarning, match="1 of 2 candidates ended with an error"):
        search.fit(lazy(X), lazy(CLASSES))
    assert search.cv_results_["mean_test_score"][1] == -7.0
    assert search.best_params_ == {"alpha": 1e-4}
    with pytest.raises(ValueError, match="'alpha' parameter"):
        search.set_params(error_score="raise").fit(lazy(X), lazy(CLASSES))
    with pytest.raises(ValueError, match="All 1 candidates ended with an error"):
        StreamSearchCV(SGDClassifier(), {"alpha": [-1.0]}).fit(lazy(X), lazy(CLASSES))


def test_an_error_of_one_of_several_columns_leaves_the_others():
    def score(model, rows, labels):
        if model.alpha == 1.0:
            raise ArithmeticError("no score")
        return metrics.accuracy_score(labels, model.predict(rows))

    grid = {"alpha": [1e-4, 1e-3, 1.0]}
    search = StreamSearchCV(SGDClassifier(random_state=0), grid, scoring=score, shuffle=False)
    with pytest.warns(FitFailedWarning, match="1 of 3 candidates"):
        search.fit(lazy(X), lazy(CLASSES))
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, False, True]
    search.set_params(parameters={"alpha": [1e-4, 1e-3]})
    want = search.cv_results_["mean_test_score"][:2]
    search.fit(lazy(X), lazy(CLASSES))
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], want, rtol=1e-9)


def test_a_block_that_ends_one_of_several_columns_is_scored_once_by_the_others(monkeypatch):
    calls = []

    def fails_once(model, *args):
        calls.append(type(model).__name__)
        if calls[-1] == "ManyClassifiers" and calls.count("ManyClassifiers") == 3:
            raise ArithmeticError("columns")
        return learn(model, *args)

    learn = in_block.partially_fitted
    monkeypatch.setattr(in_block, "partially_fitted", fails_once)
    grid = {"alpha": [1e-4, 1e-3]}
    search = StreamSearchCV(SGDClassifier(random_state=0), grid, shuffle=False, n_jobs=1)
    search.fit(lazy(X), lazy(CLASSES))
    assert calls.count("SGDClassifier") == 2 * (N_BLOCKS - 2)
    assert search.progressive_scores_["score"].shape == (2, N_BLOCKS - 1)
    monkeypatch.undo()
    want = search.cv_results_["mean_test_score"]
    search.fit(lazy(X), lazy(CLASSES))
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], want, rtol=1e-9)


def test_values_are_drawn_from_distributions():
    drawn = {"alpha": loguniform(1e-6, 1e2)}
    search = StreamSearchCV(SGDClassifier(), drawn, n_iter=5, random_state=0)
    alphas = search.fit(lazy(X), lazy(CLASSES)).cv_results_["param_alpha"]
    assert len(set(alphas.tolist())) == 5
    with pytest.raises(ValueError, match="Give n_iter"):
        search.set_params(n_iter=None).fit(lazy(X), lazy(CLASSES))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cv": 9}, "cv=9 needs as many blocks"),
        ({"cv": KFold(9)}, "needs as many blocks, because blocks are folds, and there are 8"),
        ({"cv": 1}, "'cv' parameter"),
        ({"n_jobs": 0}, "n_jobs == 0 has no meaning"),
        ({"scoring": "nonsense"}, "'nonsense'"),
        ({"parameters": {"beta": [1]}}, "Invalid parameter 'beta'"),
        ({"estimator": theirs.LinearRegression()}, "'estimator' parameter"),
    ],
)
def test_what_cannot_be_searched_is_said(change, message):
    search = StreamSearchCV(*LINEAR).set_params(**change)
    with pytest.raises(ValueError, match=message):
        search.fit(lazy(X), lazy(CLASSES))


def behind(exhaustive, search):
    """Return by how many standard errors a winner is behind that of the exhaustive search.

    They are those of the paired differences over the blocks, all of which the latter has scored.
    """
    by_block = exhaustive.progressive_scores_["score"]
    chosen = exhaustive.cv_results_["params"].index(search.best_params_)
    differences = by_block[exhaustive.best_index_] - by_block[chosen]
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    return differences.mean() / error if error else 0.0


def ends_within_two_errors(cls, seed, n_blocks, grid):
    """One target in twenty is wrong by tens of deviations, and which block has many is chance."""
    draws = np.random.default_rng(seed)
    rows = draws.normal(size=(n_blocks * 20, 5))
    y = rows @ np.arange(5.0) + draws.normal(size=len(rows))
    y += np.where(draws.random(len(y)) < 0.05, 30 * draws.standard_t(2, len(y)), 0)
    data = [da.from_array(part, chunks=(20, *part.shape[1:])) for part in (rows, y)]
    how = {"scoring": "neg_mean_absolute_error", "random_state": seed, "n_jobs": 1}
    model = SGDRegressor("huber", penalty="elasticnet", random_state=0)
    exhaustive = StreamSearchCV(model, grid, **how).fit(*data)
    search = cls(model, grid, **how).fit(*data)
    assert behind(exhaustive, search) <= 2
    assert search.cv_results_["n_blocks"].sum() < 0.7 * exhaustive.cv_results_["n_blocks"].sum()
    assert search.cv_results_["n_blocks"][search.best_index_] == n_blocks
    assert search.cv_results_["rank_test_score"][search.best_index_] == 1


ALPHAS = {"alpha": np.logspace(-4, 2, 9).tolist()}


def test_candidates_drop_out_and_the_winner_is_that_of_all_within_two_errors():
    ends_within_two_errors(SuccessiveHalvingSearchCV, 0, 27, ALPHAS)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("cls", [SuccessiveHalvingSearchCV, HyperbandSearchCV])
def test_the_winner_of_many_candidates_is_that_of_all_within_two_errors(cls, seed):
    grid = {"alpha": np.logspace(-4, 2, 7).tolist(), "l1_ratio": np.linspace(0, 1, 7).tolist()}
    ends_within_two_errors(cls, seed, 54, grid)


def test_a_candidate_stays_unless_it_is_clearly_worse_or_too_many_are_better():
    noise = np.random.default_rng(0).normal(size=(9, 12))
    scores = np.array([0, -0.1, -0.2, -9, -9, -9, -9, -9, -9])[:, None] + noise
    rows = np.full(12, 7.0)
    # the first three differ by less than their noise
    assert np.flatnonzero(staying(scores, rows, 1, 3.0, 0.99)).tolist() == [0, 1, 2]
    assert staying(scores, rows, 1, 2.0, 0.99).sum() == 2
    assert staying(scores, rows, 1, 3.0, 0.5).sum() == 1
    assert staying(scores, rows, 4, 3.0, 0.99).sum() == 4
    # noise that is common to all says nothing of their differences
    common = scores[:, :1] + noise[:1] * 100
    assert staying(common, rows, 1, 9.0, 0.99).sum() == 1
    # blocks count by their rows, and one block is not enough
    empty = np.where(np.arange(12) < 6, 7.0, 1e-9)
    shifted = scores + np.where(np.arange(12) < 6, 0, 1e3) * (np.arange(9) == 8)[:, None]
    assert not staying(shifted, empty, 1, 3.0, 0.99)[8]
    assert staying(scores[:, :1], rows[:1], 1, 9.0, 0.99).all()
    # NaN is the worst
    scores[0] = np.nan
    assert not staying(scores, rows, 1, 9.0, 0.99)[0]
    assert staying(np.full((3, 4), np.nan), np.ones(4), 1, 3.0, 0.99).tolist() == [
        *(True, False, False),
    ]


def test_a_candidate_that_dropped_out_learns_no_more():
    how = {"random_state": 0, "min_resources": 2, "factor": 2, "confidence": 0.5}
    search = SuccessiveHalvingSearchCV(*LINEAR, **how)
    search.fit(lazy(X), lazy(CLASSES))
    assert sorted(search.cv_results_["n_blocks"].tolist()) == [2, 2, 4, 8]
    seen = np.isfinite(search.progressive_scores_["score"]).sum(axis=1)
    assert (seen == search.cv_results_["n_blocks"] - 1).all()


def test_an_error_in_all_that_are_left_is_an_error_of_the_search():
    """Rows that no candidate takes do not let one win that has dropped out before."""
    gap = X.copy()
    gap[-1, 0] = np.nan
    search = SuccessiveHalvingSearchCV(*LINEAR, random_state=0, confidence=0.5, shuffle=False)
    with pytest.raises(ValueError, match=r"had not dropped out ended with an error.*In block 7"):
        search.fit(lazy(gap), lazy(CLASSES))


def test_a_pipeline_whose_last_step_knows_the_labels_is_searched_in_one_read():
    def load(block):
        reads.append(block[0, 0])
        return block

    reads = []
    both = da.from_array(np.c_[X, CLASSES == "late"], chunks=(ROWS, 5)).map_blocks(
        load, dtype=float
    )
    reads.clear()
    pipe = make_pipeline(StandardScaler(), SGDClassifier(classes=[0, 1], random_state=0))
    StreamSearchCV(pipe, {"sgdclassifier__alpha": [1e-4, 1.0]}).fit(both[:, :4], both[:, 4])
    assert len(reads) == N_BLOCKS


@pytest.mark.parametrize("factor", [2, 3])
def test_hyperband_has_brackets_of_one_read(factor):
    drawn = {"alpha": loguniform(1e-6, 1e2)}
    search = HyperbandSearchCV(SGDClassifier(), drawn, factor=factor, random_state=0)
    search.fit(lazy(X), lazy(CLASSES))
    n = sum(len(bracket["candidates"]) for bracket in search.brackets_)
    assert n == len(search.cv_results_["params"]) == len(search.cv_results_["bracket"])
    assert search.brackets_[-1]["n_blocks"] == []
    last = search.brackets_[-1]["candidates"]
    assert (search.cv_results_["n_blocks"][last] == N_BLOCKS).all()


def test_halving_over_a_stream_needs_the_number_of_blocks():
    data = from_blocks([(X[b], CLASSES[b]) for b in BLOCKS])
    search = SuccessiveHalvingSearchCV(*LINEAR, random_state=0, shuffle=False)
    with pytest.raises(ValueError, match="Give min_resources"):
        search.fit(*data)
    assert search.set_params(min_resources=2).fit(*data).cv_results_["n_blocks"].max() == N_BLOCKS
    band = HyperbandSearchCV(LINEAR[0], {"alpha": loguniform(1e-6, 1.0)}, shuffle=False)
    with pytest.raises(ValueError, match="Give n_blocks"):
        band.fit(*data)
    assert band.set_params(n_blocks=N_BLOCKS).fit(*data).best_score_ > 0.5


def test_a_search_can_be_cloned_shown_and_pickled():
    search = StreamSearchCV(*LINEAR, random_state=0).fit(lazy(X), lazy(CLASSES))
    assert clone(search).get_params()["parameters"] == LINEAR[1]
    assert "StreamSearchCV" in search._repr_html_()
    again = pickle.loads(pickle.dumps(search))
    assert again.predict(X).tolist() == search.predict(X).tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search.fit(lazy(X), lazy(CLASSES))
