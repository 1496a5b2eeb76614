"""All splits share each read, and each fit is the one of its own blocks alone."""

from __future__ import annotations

import warnings
from collections import Counter

import dask
import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model, preprocessing
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning

from streamlearn._training import summed as _training_summed
from streamlearn.blocks import align, from_blocks
from streamlearn.cluster import KMeans, MiniBatchKMeans
from streamlearn.linear_model import Ridge, RidgeClassifier, SGDClassifier, SGDRegressor
from streamlearn.model_selection import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StreamSearchCV,
    TimeSeriesSplit,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from streamlearn.model_selection.scored_fits import order_of
from streamlearn.neural_network import MLPClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler, TargetEncoder
from streamlearn.wrappers import Incremental
from tests.containers import CHUNKS, N_ROWS, dask_array, dask_frame, rows_of

RNG = np.random.default_rng(0)
X = 1e3 + RNG.normal(size=(N_ROWS, 3)) * [0.1, 1.0, 10.0]
VALUES = (X - 1e3) @ [10.0, 1.0, 0.0] + 0.1 * RNG.normal(size=N_ROWS)
LABELS = (VALUES > 0.3).astype(int)
WEIGHT = RNG.uniform(0.5, 2.0, N_ROWS)
SMALL = (40, 0, 1, 49, 60, 50)
"""Lengths of blocks, one of which is empty and one has a row."""

ESTIMATORS = {
    "classifier": SGDClassifier(random_state=0, shuffle=False),
    "pipeline": make_pipeline(StandardScaler(), SGDClassifier(random_state=0, shuffle=False)),
    "clusters": MiniBatchKMeans(3, random_state=0),
    "wrapped": Incremental(linear_model.SGDClassifier(random_state=0), shuffle=False),
    "epochs": SGDClassifier(random_state=0, shuffle=False, max_iter=3, tol=None),
    "early": SGDClassifier(
        random_state=0, shuffle=False, learning_rate="constant", eta0=1e-6, max_iter=9, tol=1e-2
    ),
    "net": make_pipeline(StandardScaler(), MLPClassifier((4,), random_state=0, shuffle=False)),
    "steps": make_pipeline(
        StandardScaler(), SGDClassifier(random_state=0, shuffle=False), schedule="per-step"
    ),
    "passes": MiniBatchKMeans(3, random_state=0, max_iter=4, n_init=3),
    "iterations": KMeans(3, random_state=0, n_init=2),
    "sums": Ridge(),
    "sums behind": make_pipeline(StandardScaler(), RidgeClassifier()),
    "alone": linear_model.LogisticRegression(),
}
SPLITTERS = {
    "blocks": KFold(2),
    "rows": StratifiedKFold(3),
    "order": TimeSeriesSplit(2),
    "drawn": ShuffleSplit(2, random_state=0),
    "shuffled": KFold(3, shuffle=True, random_state=0),
}


def answers(model):
    """Return all numbers that a fit has found."""
    while hasattr(model, "steps") or hasattr(model, "estimator_"):
        model = model[-1] if hasattr(model, "steps") else model.estimator_
    names = ("coef_", "cluster_centers_", "coefs_", "n_iter_")
    found = [getattr(model, name) for name in names if getattr(model, name, None) is not None]
    return np.concatenate(
        [np.ravel(part) for a in found for part in (a if type(a) is list else [a])]
    )


@pytest.mark.filterwarnings("ignore:Maximum number of iteration")
@pytest.mark.parametrize("splitter", SPLITTERS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_each_fit_is_that_of_its_own_blocks_alone(name, splitter):
    model, cv = ESTIMATORS[name], SPLITTERS[splitter]
    rows, labels = dask_array(X, SMALL), dask_array(LABELS, SMALL)
    found = cross_validate(
        model, rows, labels, cv=cv, return_estimator=True, return_train_score=True
    )
    for k, (train, test) in enumerate(cv.split_collections(rows, labels)):
        alone = clone(model)
        in_memory = name == "alone"
        alone.fit(*(np.asarray(x) if in_memory else x for x in train))
        np.testing.assert_allclose(
            answers(found["estimator"][k]), answers(alone), rtol=1e-9, atol=1e-12
        )
        if not in_memory:
            assert found["test_score"][k] == pytest.approx(alone.score(*test), rel=1e-9)
            assert found["train_score"][k] == pytest.approx(alone.score(*train), rel=1e-9)


@pytest.mark.parametrize("encoder", [TargetEncoder, preprocessing.TargetEncoder])
def test_the_folds_of_an_encoder_say_nothing_about_the_order_of_blocks(encoder):
    rows = align(X=dask_array(X, (50,) * 4))
    learner = SGDClassifier(random_state=3)
    for first in (encoder(), encoder(shuffle=True, random_state=7)):
        model = make_pipeline(first, StandardScaler(), learner)
        assert [*order_of(model)(rows, 0)] == [*order_of(learner)(rows, 0)]


def test_a_pipeline_with_a_target_encoder_is_cross_validated():
    codes = dask_array((X > 1e3).astype(float), (50,) * 4)
    model = make_pipeline(TargetEncoder(), SGDClassifier(random_state=0))
    assert cross_val_score(model, codes, dask_array(LABELS, (50,) * 4), cv=2).min() > 0.3


SHUFFLED = {
    "classifier": SGDClassifier("log_loss", random_state=0),
    "rows": SGDClassifier("log_loss", random_state=0, shuffle="rows", max_iter=2, tol=None),
    "pipeline": make_pipeline(StandardScaler(), MLPClassifier((4,), random_state=0)),
    "wrapped": Incremental(linear_model.SGDClassifier(random_state=0), random_state=0),
}


@pytest.mark.parametrize("name", SHUFFLED)
def test_blocks_are_shuffled_once_for_all_fits(name):
    model, chunks = SHUFFLED[name], (40, 60, 50, 50)
    rows, labels = dask_array(X, chunks), dask_array(LABELS, chunks)
    how = {"cv": KFold(2), "return_estimator": True}
    found = cross_validate(model, rows, labels, **how)["estimator"]
    again = cross_validate(model, rows, labels, **how)["estimator"]
    orders = [order_of(model)(align(X=rows), read) for read in range(2)]
    assert sorted(orders[0]) == [0, 1, 2, 3] != [*orders[0]]
    for fold, (fit, same) in enumerate(zip(found, again, strict=True)):
        passes = iter([orders[0], *orders])  # the first finds the labels

        def read(fold=fold, passes=passes):
            for number in next(passes):
                if number // 2 != fold:
                    yield X[rows_of(chunks)[number]], LABELS[rows_of(chunks)[number]]

        alone = clone(model).fit(*from_blocks(read))
        np.testing.assert_allclose(answers(fit), answers(alone), rtol=1e-9)
        np.testing.assert_array_equal(answers(fit), answers(same))


CLASSIFIER = SGDClassifier(classes=[0, 1], random_state=0)
READS = {
    "blocks": (2, lambda *data: cross_validate(CLASSIFIER, *data, cv=KFold(3))),
    "rows": (2, lambda *data: cross_val_score(CLASSIFIER, *data, cv=StratifiedKFold(4))),
    "both parts": (
        2,
        lambda *data: cross_validate(
            CLASSIFIER,
            *data,
            cv=KFold(2),
            return_train_score=True,
            scoring=["accuracy", "roc_auc", "f1"],
        ),
    ),
    "predictions": (1, lambda *data: cross_val_predict(CLASSIFIER, *data, cv=KFold(3))),
    "values": (
        2,
        lambda *data: validation_curve(
            CLASSIFIER, *data, cv=KFold(2), param_name="alpha", param_range=[1e-4, 1e-2, 1.0]
        ),
    ),
    "sizes": (
        2,
        lambda *data: learning_curve(CLASSIFIER, *data, cv=KFold(2), train_sizes=[0.3, 0.6, 1.0]),
    ),
    "drawn sizes": (
        2,
        lambda *data: learning_curve(
            CLASSIFIER, *data, cv=KFold(2), train_sizes=[0.3, 1.0], shuffle=True
        ),
    ),
    "epochs": (
        4,
        lambda *data: cross_validate(
            clone(CLASSIFIER).set_params(max_iter=3, tol=None), *data, cv=KFold(3)
        ),
    ),
    "no partial_fit": (
        3 - 1 + 1,  # each block is in the training parts of two of the three folds
        lambda *data: cross_validate(linear_model.LogisticRegression(), *data, cv=KFold(3)),
    ),
}


@pytest.mark.parametrize("make", [dask_array, dask_frame])
@pytest.mark.parametrize("name", READS)
def test_all_splits_share_each_read(name, make):
    n, call = READS[name]
    log: list[int] = []
    both = make(np.column_stack([X, LABELS]), log=log)
    data = (
        (both[["f0", "f1", "f2"]], both["f3"]) if make is dask_frame else (both[:, :3], both[:, 3])
    )
    call(*data)
    read = Counter(log)
    assert [read[block] for block, rows in enumerate(CHUNKS) if rows] == [n] * 3


def test_labels_are_looked_for_in_one_more_read_of_the_target_only():
    logs: list[list[int]] = [[], []]
    data = dask_array(X, log=logs[0]), dask_array(LABELS, log=logs[1])
    cross_val_score(SGDClassifier(random_state=0), *data, cv=KFold(3))
    assert [Counter(log)[0] for log in logs] == [2, 3]


def test_scores_of_all_splits_are_those_of_each_alone():
    rows, target, weight = (dask_array(x, (50, 60, 50, 40)) for x in (X, VALUES, WEIGHT))
    model = make_pipeline(StandardScaler(), SGDRegressor(random_state=0, shuffle=False))
    how = {"params": {"sgdregressor__sample_weight": weight}, "scoring": ["r2", "max_error"][:1]}
    found = cross_validate(model, rows, target, cv=KFold(2), **how)["test_r2"]
    parts = KFold(2).split_collections(rows, target, weight)
    for score, (train, test) in zip(found, parts, strict=True):
        alone = clone(model).fit(*train[:2], sgdregressor__sample_weight=train[2])
        assert score == pytest.approx(alone.score(*test[:2]), rel=1e-9)


def test_curves_are_those_of_each_candidate_alone():
    rows, target = (dask_array(x, (50, 60, 50, 40)) for x in (X, VALUES))
    model, cv = SGDRegressor(random_state=0, shuffle=False), KFold(2)
    how = {"param_name": "alpha", "param_range": [1e-4, 10.0]}
    _, test = validation_curve(model, rows, target, cv=cv, **how)
    for alpha, scores in zip(how["param_range"], test, strict=True):
        candidate = clone(model).set_params(alpha=alpha)
        expected = cross_val_score(candidate, rows, target, cv=cv)
        np.testing.assert_allclose(scores, expected, rtol=1e-9)
    sizes, _, test = learning_curve(model, rows, target, cv=cv, train_sizes=[0.25, 0.5, 1.0])
    np.testing.assert_array_equal(sizes, [24, 50, 100])  # 22 of 90 rows, and 27 of 110
    for n, scores in zip((22, 45, 90), test, strict=True):
        first = clone(model).fit(
            dask_array(X[110:], (50, 40))[:n], dask_array(VALUES[110:], (50, 40))[:n]
        )
        assert scores[0] == pytest.approx(first.score(rows[:110], target[:110]), rel=1e-9)


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_the_scheduler_changes_no_score(scheduler):
    rows, target = dask_array(X), dask_array(VALUES)
    model = SGDRegressor(random_state=0)
    expected = cross_val_score(model, rows, target, cv=2)
    with dask.config.set(scheduler=scheduler):
        found = cross_val_score(model, rows, target, cv=2)
    np.testing.assert_array_equal(found, expected)


def test_an_error_of_a_block_is_raised_and_names_the_block():
    def broken(block, block_info=None):
        if block_info[0]["chunk-location"][0] == 3:
            raise OSError("no such file")
        return block

    rows = dask_array(X).map_blocks(broken, meta=np.empty((0, 3)))
    with pytest.raises(OSError, match="no such file") as error:
        cross_val_score(SGDRegressor(random_state=0), rows, dask_array(VALUES), cv=KFold(2))
    assert error.value.__notes__[0].startswith("In block 3 of X and y")


def test_a_fit_that_ends_early_keeps_no_other_waiting():
    weight = np.where(np.arange(N_ROWS) < 70, -1.0, 1.0)  # the fit that reads them fails
    with pytest.warns(FitFailedWarning, match="1 fits failed out of a total of 2"):
        found = cross_val_score(
            SGDRegressor(random_state=0, shuffle=False),
            *map(dask_array, (X, VALUES)),
            cv=KFold(2),
            params={"sample_weight": dask_array(weight)},
            error_score=-1.0,
        )
    assert (found == -1.0).tolist() == [False, True]


# Sources of blocks

CUTS = rows_of((50, 60, 50, 40))


def source(log=None, labels=LABELS):
    def read():
        for number, at in enumerate(CUTS):
            if log is not None:
                log.append(number)
            yield X[at], labels[at]

    return read


@pytest.mark.parametrize(
    "cv", [KFold(3), StratifiedKFold(2), KFold(2, shuffle=True, random_state=0)]
)
def test_a_source_is_read_once_for_fits_and_once_for_scores(cv):
    log: list[int] = []
    model = SGDClassifier(classes=[0, 1], random_state=0)
    found = cross_validate(model, source(log), cv=cv, return_estimator=True)
    assert Counter(log) == dict.fromkeys(range(len(CUTS)), 2)
    for k, (train, test) in enumerate(cv.split_collections(*from_blocks(source()))):
        alone = clone(model).fit(*train)
        np.testing.assert_allclose(answers(found["estimator"][k]), answers(alone), rtol=1e-9)
        assert found["test_score"][k] == pytest.approx(alone.score(*test), rel=1e-9)


def test_blocks_of_a_source_are_dealt_to_the_folds_in_turn():
    for shuffle in (False, True):
        cv = KFold(2, shuffle=shuffle, random_state=3 if shuffle else None)
        parts = cv.split_collections(*from_blocks(source()))
        tested = [[len(block) for block in test[0]] for _, test in parts]
        assert sorted([*tested[0], *tested[1]]) == [40, 50, 50, 60]
        assert all(len(lengths) == 2 for lengths in tested)
        if not shuffle:
            assert tested == [[50, 50], [60, 40]]


def test_predictions_of_a_source_are_those_of_the_model_of_each_block():
    X_, y_ = from_blocks(source(labels=VALUES))
    model = SGDRegressor(random_state=0)
    found = [*cross_val_predict(model, X_, y_, cv=KFold(2))]
    for fold in range(2):
        train = [(X[at], VALUES[at]) for k, at in enumerate(CUTS) if k % 2 != fold]
        alone = clone(model).fit(*from_blocks(train))
        for k in range(fold, 4, 2):
            np.testing.assert_allclose(found[k], alone.predict(X[CUTS[k]]), rtol=1e-9)


@pytest.mark.parametrize(
    "kind", ["arrow", "frames", pytest.param("loader", marks=pytest.mark.thorough)]
)
def test_other_sources_are_scored(kind, tmp_path):
    table = pd.DataFrame(X, columns=list("abc")).assign(y=LABELS)
    if kind == "arrow":
        dataset = pytest.importorskip("pyarrow.dataset")
        parquet = pytest.importorskip("pyarrow.parquet")
        for number, at in enumerate(CUTS):
            arrow = pytest.importorskip("pyarrow").Table.from_pandas(table[at])
            parquet.write_table(arrow, tmp_path / f"{number}.parquet")
        given = from_blocks(dataset.dataset(tmp_path, format="parquet"), y="y")
    elif kind == "frames":
        given = from_blocks([table[at] for at in CUTS], y="y")
    else:
        data = pytest.importorskip("torch.utils.data")
        torch = pytest.importorskip("torch")
        both = data.TensorDataset(torch.asarray(X), torch.asarray(LABELS))
        given = (data.DataLoader(both, batch_size=50),)
    model = make_pipeline(StandardScaler(), SGDClassifier(classes=[0, 1], random_state=0))
    assert cross_val_score(model, *given, cv=KFold(2)).min() > 0.8
    assert cross_val_score(model, *given).min() > 0.7


def test_weights_in_the_blocks_are_learned_from():
    weight = np.where(np.arange(N_ROWS) % 2, 1e-9, 1.0)
    blocks = [(X[at], VALUES[at], weight[at]) for at in CUTS]
    model = SGDRegressor(random_state=0)
    found = cross_validate(model, lambda: blocks, cv=KFold(2), return_estimator=True)
    alone = clone(model).fit(lambda: blocks[1::2])
    np.testing.assert_allclose(answers(found["estimator"][0]), answers(alone), rtol=1e-9)


def test_an_estimator_of_another_library_gets_a_source_in_memory():
    found = cross_val_score(linear_model.LogisticRegression(), source(), cv=KFold(2))
    first = np.r_[X[CUTS[1]], X[CUTS[3]]], np.r_[LABELS[CUTS[1]], LABELS[CUTS[3]]]
    second = np.r_[X[CUTS[0]], X[CUTS[2]]], np.r_[LABELS[CUTS[0]], LABELS[CUTS[2]]]
    alone = linear_model.LogisticRegression().fit(*first)
    assert found[0] == pytest.approx(alone.score(*second), rel=1e-9)


def test_curves_of_a_source_draw_rows_from_each_block():
    model, given = SGDRegressor(random_state=0), from_blocks(source(labels=VALUES))
    how = {"cv": KFold(2), "train_sizes": [0.5, 1.0], "shuffle": True, "random_state": 0}
    sizes, _, test = learning_curve(model, *given, **how)
    assert abs(sizes - [50, 100]).max() <= 2
    np.testing.assert_allclose(test[1], cross_val_score(model, *given, cv=KFold(2)), rtol=1e-9)


# Blocks that stay in order


def apart(function, *args, **how):
    """Call a function whose fits do not share reads."""
    with dask.config.set({"streamlearn.on-bad-block": "skip"}):
        return function(*args, **how)


SHARED = {
    "fits": lambda *data: cross_validate(
        clone(CLASSIFIER).set_params(max_iter=3, tol=None), *data, cv=KFold(2)
    ),
    "fits apart": lambda *data: apart(cross_val_score, CLASSIFIER, *data, cv=KFold(2)),
    "search": lambda *data: StreamSearchCV(CLASSIFIER, {"alpha": [1e-4, 1e-2]}, cv=2).fit(*data),
    "candidates": lambda *data: validation_curve(
        CLASSIFIER, *data, cv=KFold(2), param_name="alpha", param_range=[1e-4, 1e-2]
    ),
}


def rechunked(chunks=50):
    """Return blocks that share two sources. One of them needs both."""
    sources = (N_ROWS // 2 + 1, N_ROWS - N_ROWS // 2 - 1)
    return tuple(dask_array(x, sources).rechunk({0: chunks}) for x in (X, LABELS))


@pytest.mark.parametrize("name", SHARED)
def test_one_warning_says_that_blocks_of_one_source_stay_in_order(name):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        SHARED[name](*rechunked())
    found = [str(each.message) for each in said if "in order" in str(each.message)]
    assert len(found) == 1
    assert "If the rows are sorted" in found[0]


@pytest.mark.parametrize("why", ["not shuffled", "one block", "own sources", "a source"])
def test_nothing_is_said_about_the_order_where_it_is_no_surprise(why):
    model = clone(CLASSIFIER).set_params(shuffle=why != "not shuffled")
    data = {
        "not shuffled": rechunked,
        "one block": lambda: rechunked((N_ROWS, 0)),
        "own sources": lambda: (dask_array(X), dask_array(LABELS)),
        "a source": lambda: from_blocks(source()),
    }[why]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "More of the data than the window")
        cross_val_score(model, *data, cv=ShuffleSplit(2, random_state=0))
        if why != "one block":  # a search needs two
            StreamSearchCV(model, {"alpha": [1e-4]}, shuffle=model.shuffle).fit(*data)


MERGED = {
    "classes": (RidgeClassifier(), LABELS),
    "labels": (RidgeClassifier(classes=["a", "b"]), np.array(["a", "b"])[LABELS]),
    "values": (Ridge(alpha=0.1), VALUES),
}


@pytest.mark.parametrize(
    "cv", [KFold(3), StratifiedKFold(4), KFold(2, shuffle=True, random_state=0)]
)
@pytest.mark.parametrize("name", MERGED)
def test_a_model_of_sums_sums_each_row_once_for_all_folds(name, cv, monkeypatch):
    model, targets = MERGED[name]
    summed = []

    def counted(learner, rows, *args):
        summed.append(rows.array.shape[0])
        return statistic(learner, rows, *args)

    statistic = _training_summed.statistic_of
    monkeypatch.setattr(_training_summed, "statistic_of", counted)
    given = dask_array(X, CHUNKS), dask_array(targets, CHUNKS)
    with dask.config.set(scheduler="sync"):
        found = cross_validate(model, *given, cv=cv, return_estimator=True)
    assert sum(summed) == N_ROWS
    for fit, (train, _) in zip(found["estimator"], cv.split_collections(*given), strict=True):
        alone = clone(model).fit(*train)
        np.testing.assert_allclose(fit.coef_, alone.coef_, rtol=1e-9)
        np.testing.assert_allclose(fit.intercept_, alone.intercept_, rtol=1e-9)


LACKING = {
    "a class comes late": np.where(np.arange(N_ROWS) < N_ROWS - 30, LABELS, 2),
    "a fold has one class": np.where(np.arange(N_ROWS) < N_ROWS // 3, 0, LABELS),
}


@pytest.mark.parametrize("name", LACKING)
def test_folds_that_lack_a_class_are_fitted_as_others_are(name):
    given = dask_array(X, CHUNKS), dask_array(LACKING[name], CHUNKS)
    found = cross_validate(RidgeClassifier(), *given, cv=KFold(3), return_estimator=True)
    for fit, (train, _) in zip(found["estimator"], KFold(3).split_collections(*given), strict=True):
        alone = RidgeClassifier().fit(*train)
        np.testing.assert_allclose(fit.coef_, alone.coef_, rtol=1e-9)
        assert fit.classes_.tolist() == alone.classes_.tolist()


@pytest.mark.parametrize("refit", [False, True])
def test_a_search_over_models_of_sums_sums_each_row_once_for_all_folds(refit, monkeypatch):
    summed = []

    def counted(learner, rows, *args):
        summed.append(rows.array.shape[0])
        return statistic(learner, rows, *args)

    statistic = _training_summed.statistic_of
    monkeypatch.setattr(_training_summed, "statistic_of", counted)
    given = dask_array(X, CHUNKS), dask_array(VALUES, CHUNKS)
    grid = {"alpha": [0.1, 1e3]}
    search = StreamSearchCV(Ridge(), grid, cv=KFold(3), refit=refit, n_jobs=1).fit(*given)
    assert sum(summed) == 2 * N_ROWS
    monkeypatch.undo()
    for k, alpha in enumerate(grid["alpha"]):
        scores = cross_val_score(Ridge(alpha), *given, cv=KFold(3))
        found = [search.cv_results_[f"split{fold}_test_score"][k] for fold in range(3)]
        np.testing.assert_allclose(found, scores, rtol=1e-9)
    if refit:
        alone = Ridge(**search.best_params_).fit(*given)
        np.testing.assert_allclose(search.best_estimator_.coef_, alone.coef_, rtol=1e-9)
