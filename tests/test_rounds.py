"""Linear models with the default rule learn from the blocks of a round side by side."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest
from dask.utils import key_split
from scipy import sparse
from sklearn.base import clone

from streamlearn._training import side_by_side
from streamlearn.blocks import from_blocks
from streamlearn.compose import make_column_transformer
from streamlearn.impute import SimpleImputer
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import MinMaxScaler, StandardScaler

ROWS, BLOCK, D = 24_000, 250, 3
CLASSES = {
    "log loss": SGDClassifier(loss="log_loss", random_state=0),
    "squared hinge, L1": SGDClassifier(loss="squared_hinge", penalty="l1", random_state=0),
    "hinge": SGDClassifier(random_state=0),
    "three classes": SGDClassifier(loss="log_loss", random_state=0),
}
VALUES = {
    "squared error": SGDRegressor(random_state=0),
    "huber": SGDRegressor(loss="huber", random_state=0),
    "L1": SGDRegressor(penalty="l1", alpha=0.05, random_state=0),
}


def table(kind="classes", n=ROWS, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, D)) * [1.0, 20.0, 0.1] + [5.0, 0.0, -3.0]
    p = ((X - [5.0, 0.0, -3.0]) / [1.0, 20.0, 0.1]) @ [1.0, -2.0, 0.5] + rng.logistic(size=n)
    if kind == "values":
        return X, p
    return X, np.digitize(p, [-1.0, 1.0]) if kind == "three classes" else (p > 0).astype(int)


def in_blocks(*arrays, size=BLOCK):
    return [da.from_array(a, chunks=(size, *a.shape[1:])) for a in arrays]


@pytest.fixture
def steps(monkeypatch):
    """The number of rows of each round."""
    found = []
    step = side_by_side._step

    def noted(settings, learned, sums):
        found.append(sums.rows)
        return step(settings, learned, sums)

    monkeypatch.setattr(side_by_side, "_step", noted)
    return found


def bits(model):
    last = model[-1] if hasattr(model, "steps") else model
    return last.coef_.tobytes(), last.intercept_.tobytes(), last.loss_curve_


@pytest.mark.parametrize("name", [*CLASSES, *VALUES])
@pytest.mark.parametrize("ahead", [None, StandardScaler(), MinMaxScaler()])
def test_threads_and_sources_of_blocks_change_no_bit(name, ahead, steps):
    model = {**CLASSES, **VALUES}[name]
    kind = "values" if name in VALUES else name if name == "three classes" else "classes"
    if ahead is not None:
        model = make_pipeline(ahead, model)
    last = model[-1] if ahead is not None else model
    X, y = table(kind)
    if name in CLASSES:
        last.set_params(classes=np.unique(y))
    how = {"scheduler": "threads"}
    found = []
    for settings in ({"scheduler": "sync"}, *(how | {"num_workers": k} for k in (1, 2, 8))):
        with dask.config.set(settings):
            found.append(bits(clone(model).fit(*in_blocks(X, y))))
    assert found[1:] == found[:-1]
    assert len(steps) >= 4 * 5
    if name != "hinge":  # whose rounds have less than 6 blocks here
        assert max(steps) > steps[0]
    last.set_params(shuffle=False)
    with dask.config.set(scheduler="sync"):
        ordered = bits(clone(model).fit(*in_blocks(X, y)))
    source = from_blocks([(X[a : a + BLOCK], y[a : a + BLOCK]) for a in range(0, ROWS, BLOCK)])
    assert bits(clone(model).fit(*source)) == ordered


@pytest.mark.parametrize("name", [*CLASSES, *VALUES])
def test_rounds_end_where_steps_one_after_the_other_do(name, steps, monkeypatch):
    kind = "values" if name in VALUES else name if name == "three classes" else "classes"
    X, y = table(kind, n=40_000)
    model = {**CLASSES, **VALUES}[name]
    rounds = clone(model).fit(*in_blocks(X, y))
    assert steps
    monkeypatch.setattr(side_by_side, "_seen", lambda *_: 0.0)
    one_by_one = clone(model).fit(*in_blocks(X, y))
    scale = np.abs(one_by_one.coef_).max()
    np.testing.assert_allclose(rounds.coef_, one_by_one.coef_, atol=0.02 * scale)
    if model.penalty == "l1":
        assert ((rounds.coef_ == 0) == (one_by_one.coef_ == 0)).all()


def test_a_scaler_ahead_has_seen_all_rows_once(steps):
    X, y = table()
    model = make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=0))
    model.fit(*in_blocks(X, y))
    assert sum(steps) > ROWS / 2
    np.testing.assert_allclose(model[0].mean_, X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(model[0].var_, X.var(axis=0), rtol=1e-12)
    assert model[0].n_samples_seen_ == ROWS


def test_branches_of_a_table_learn_in_rounds(steps):
    pd = pytest.importorskip("pandas")
    dd = pytest.importorskip("dask.dataframe")
    X, y = table()
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    gaps = np.random.default_rng(1).random(ROWS) < 0.1
    frame.loc[gaps, "b"] = np.nan
    frame["late"] = y
    ddf = dd.from_pandas(frame, npartitions=ROWS // BLOCK)
    model = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]), (MinMaxScaler(), ["c"])
        ),
        SGDClassifier(loss="log_loss", random_state=0, classes=[0, 1]),
    )
    model.fit(ddf[["a", "b", "c"]], ddf["late"])
    assert len(steps) > 4
    both, small = (model[0].named_transformers_[k] for k in ("pipeline", "minmaxscaler"))
    np.testing.assert_allclose(both[0].statistics_, [X[:, 0].mean(), frame["b"].mean()], rtol=1e-12)
    assert both[1].n_samples_seen_ == ROWS
    np.testing.assert_array_equal(small.data_min_, X[:, 2].min())
    np.testing.assert_array_equal(small.data_max_, X[:, 2].max())
    assert model.score(frame[["a", "b", "c"]], y) > 0.75


@pytest.mark.parametrize("kind", ["weights", "class_weight"])
def test_weights_count_in_rounds_and_rows_of_weight_0_are_absent(kind, steps):
    X, y = table()
    weight = np.random.default_rng(2).integers(0, 3, ROWS).astype(float)
    how = {"class_weight": {0: 1.0, 1: 3.0}} if kind == "class_weight" else {}
    model = SGDClassifier(loss="log_loss", random_state=0, shuffle=False, **how)
    expected = clone(model).fit(
        *in_blocks(np.repeat(X, weight.astype(int), axis=0), np.repeat(y, weight.astype(int)))
    )
    dX, dy, dw = in_blocks(X, y, weight)
    found = clone(model).fit(dX, dy, sample_weight=dw)
    assert steps
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=0.05, atol=0.01)
    X = X.copy()
    X[weight == 0] = 1e9
    other = clone(model).fit(in_blocks(X)[0], dy, sample_weight=dw)
    np.testing.assert_array_equal(other.coef_, found.coef_)


def test_rows_may_be_sparse_or_float32(steps):
    X, y = table()
    expected = SGDClassifier(loss="log_loss", random_state=0).fit(*in_blocks(X, y))
    (dX, dy), n = in_blocks(X, y), len(steps)
    stored = dX.map_blocks(sparse.csr_array, meta=sparse.csr_array((0, 0)))
    found = SGDClassifier(loss="log_loss", random_state=0).fit(stored, dy)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-6)
    small = SGDClassifier(loss="log_loss", random_state=0).fit(dX.astype("float32"), dy)
    assert small.coef_.dtype == np.float32
    np.testing.assert_allclose(small.coef_, expected.coef_, rtol=0.01)
    assert len(steps) == 3 * n


def test_later_epochs_and_early_stopping_use_rounds_too(steps):
    X, y = table()
    model = SGDClassifier(
        loss="log_loss", early_stopping=True, n_iter_no_change=5, max_iter=20, random_state=1
    )
    model.fit(*in_blocks(X, y))
    assert 2 < model.n_iter_ < 20
    of_an_epoch = 0.9 * ROWS  # the others are held out
    assert sum(steps) > 1.5 * of_an_epoch
    assert model.score(X, y) > 0.75


@pytest.mark.parametrize("ahead", [False, True])
def test_what_is_not_finite_is_found_in_a_round(ahead, steps):
    X, y = table()
    X[ROWS - 10, 1] = np.nan
    model = SGDClassifier(loss="log_loss", random_state=0, shuffle=False)
    model = make_pipeline(StandardScaler(), model) if ahead else model
    with pytest.raises(ValueError, match=f"NaN in block {ROWS // BLOCK - 1}"):
        model.fit(*in_blocks(X, y))
    assert steps


def test_explicit_schedules_and_fixed_batches_have_no_rounds(steps):
    X, y = table()
    SGDClassifier(learning_rate="optimal", random_state=0).fit(*in_blocks(X, y))
    SGDClassifier(batch_size=100, random_state=0).fit(*in_blocks(X, y))
    assert not steps


def test_a_step_that_cannot_be_merged_keeps_the_blocks_in_a_chain(steps):
    from sklearn.decomposition import IncrementalPCA

    X, y = table()
    model = make_pipeline(IncrementalPCA(2), SGDClassifier(loss="log_loss", random_state=0))
    model.fit(*in_blocks(X, y))
    assert not steps


@pytest.mark.parametrize("size", [60, 250, 3000])
def test_partial_fit_goes_on_with_rounds_where_it_ended(size, steps):
    X, y = table()
    model = SGDClassifier(loss="log_loss", random_state=0, classes=[0, 1])
    half = ROWS // 2
    model.partial_fit(*in_blocks(X[:half], y[:half], size=BLOCK))
    before = len(steps)
    model.partial_fit(*in_blocks(X[half:], y[half:], size=size))
    assert (len(steps) > before) == (half // size >= 8)
    whole = SGDClassifier(loss="log_loss", random_state=0).fit(*in_blocks(X, y))
    np.testing.assert_allclose(model.coef_, whole.coef_, rtol=0.1, atol=0.02)


@pytest.mark.thorough
def test_workers_change_no_bit_of_the_model(client):
    X, y = table()
    model = make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=0))
    with dask.config.set(scheduler="sync"):
        expected = clone(model).fit(*in_blocks(X, y))
    found = clone(model).fit(*in_blocks(X, y))
    assert bits(found)[:2] == bits(expected)[:2]
    # sums of losses depend on where a block lies in memory
    np.testing.assert_allclose(found[-1].loss_curve_, expected[-1].loss_curve_, rtol=1e-12)


def rows_of(k, n=4_000, d=20):
    return np.random.default_rng(k).normal(size=(n, d))


def labels_of(X):
    return (X[:, 0] + np.sin(1e3 * X[:, 1]) > 0).astype(int)


def received(dask_worker):
    return [item for entry in dask_worker.transfer_incoming_log for item in entry["keys"].items()]


@pytest.mark.thorough
@pytest.mark.parametrize("scaled", [False, True])
def test_between_workers_only_views_and_sums_travel(client, scaled):
    delayed = [dask.delayed(rows_of, pure=False)(k) for k in range(64)]
    X = da.concatenate([da.from_delayed(rows, (4_000, 20), float) for rows in delayed])
    y = da.concatenate(
        [da.from_delayed(dask.delayed(labels_of)(rows), (4_000,), int) for rows in delayed]
    )
    model = SGDClassifier(loss="log_loss", random_state=0, classes=[0, 1])
    before = {worker: len(items) for worker, items in client.run(received).items()}
    (make_pipeline(StandardScaler(), model) if scaled else model).fit(X, y)
    travelled = {}
    for worker, items in client.run(received).items():
        for key, size in items[before[worker] :]:
            if isinstance(key, tuple) and key[1] >= 16:  # where rounds begin
                name = key_split(key)
                travelled[name] = travelled.get(name, 0) + size
    assert travelled
    small = {"view-model", "learn-block", "merge-blocks", "renew-model", "learn-round"}
    assert set(travelled) <= small | {"state", "wait-for-block", "merged-so-far"}
    assert sum(travelled.values()) < 0.05 * (X.nbytes + y.nbytes)
