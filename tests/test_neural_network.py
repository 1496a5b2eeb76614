"""The nets through their public classes: in memory scikit-learn's fits, over blocks its calls."""

from __future__ import annotations

import pickle
import warnings
from itertools import accumulate, cycle, pairwise
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from scipy import sparse
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.utils import get_tags
from sklearn.utils._array_api import move_estimator_to

from streamlearn._arrays import to_numpy
from streamlearn.core import mlp
from streamlearn.neural_network import MLPClassifier, MLPRegressor, draws
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.backends import MODULES, selected
from tests.blocks.tracking import drain, peak, track
from tests.containers import (
    CASES,
    CHUNKS,
    N_ROWS,
    Container,
    dask_array,
    dask_frame,
    frame,
)

TASKS = ("two classes", "words", "labels", "values", "three values", "counts")
SMALL = {"hidden_layer_sizes": (8, 4), "random_state": 3}
ATTRIBUTES = (
    "n_iter_",
    "t_",
    "n_layers_",
    "n_outputs_",
    "loss_",
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "best_validation_score_",
)


def rows(task: str, n: int = N_ROWS, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, targets and weights of a task."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    signal = X @ rng.normal(size=(5, 3)) + 0.3 * rng.normal(size=(n, 3))
    y = {
        "two classes": (signal[:, 0] > 0).astype(int),
        "words": np.asarray(["a", "bb", "c"])[np.digitize(signal[:, 0], [-1.0, 1.0])],
        "labels": (signal > 0).astype(int),
        "values": signal[:, 0],
        "three values": signal,
        "counts": rng.poisson(np.exp(0.3 * signal[:, 0])).astype(float),
    }[task]
    return X, y, rng.random(n)


def both(task: str, **how: Any) -> tuple[Any, Any]:
    """Return our estimator for a task and scikit-learn's."""
    name = "MLPClassifier" if task in TASKS[:3] else "MLPRegressor"
    how = SMALL | ({"loss": "poisson"} if task == "counts" else {}) | how
    ours = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}[name]
    return ours(**how), getattr(theirs, name)(**how)


def classes_of(task: str) -> dict[str, Any]:
    known = {"two classes": [0, 1], "words": ["a", "bb", "c"], "labels": [0, 1, 2]}
    return {"classes": known[task]} if task in known else {}


def parameters(model: Any) -> np.ndarray:
    return np.concatenate([np.ravel(to_numpy(a)) for a in (*model.coefs_, *model.intercepts_)])


def same(ours: Any, known: Any, X: np.ndarray, rtol: float = 1e-8) -> None:
    """Compare to the rounding that a few hundred steps add up."""
    np.testing.assert_allclose(parameters(ours), parameters(known), rtol=rtol, atol=rtol)
    assert ours.out_activation_ == known.out_activation_
    for name in filter(lambda name: hasattr(known, name), ATTRIBUTES):
        got, want = getattr(ours, name), getattr(known, name)
        if want is None:
            assert got is None, name
        else:
            np.testing.assert_allclose(got, want, rtol=rtol, err_msg=name)
    if hasattr(known, "classes_"):
        np.testing.assert_array_equal(ours.classes_, known.classes_)
        np.testing.assert_array_equal(ours.predict(X), known.predict(X))
        assert ours.predict(X).dtype == known.predict(X).dtype
        for method in ("predict_proba", "predict_log_proba"):
            got, want = getattr(ours, method)(X), getattr(known, method)(X)
            np.testing.assert_allclose(got, want, rtol=1e-6)
    else:
        np.testing.assert_allclose(ours.predict(X), known.predict(X), rtol=1e-6, atol=1e-9)


def quiet(fit: Any, *args: Any, **how: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fit(*args, **how)


def in_chunks(*arrays: np.ndarray, chunks: tuple[int, ...] = CHUNKS) -> list[da.Array]:
    return [dask_array(a, chunks) for a in arrays]


# In memory it is scikit-learn's fit

FITS = {
    "adam": {"batch_size": 30},
    "one batch": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05, "batch_size": 64},
    "plain": {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False, "alpha": 0.0},
    "invscaling": {
        "solver": "sgd",
        "learning_rate": "invscaling",
        "learning_rate_init": 0.1,
        "batch_size": 80,
    },
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.1,
        "batch_size": 50,
        "tol": 0.05,
        "n_iter_no_change": 1,
        "max_iter": 40,
    },
    "in order": {"shuffle": False, "batch_size": 37},
    "logistic": {"activation": "logistic", "alpha": 0.5},
    "tanh": {"activation": "tanh", "batch_size": 23},
    "identity": {"activation": "identity", "hidden_layer_sizes": 3},
    "early stopping": {
        "early_stopping": True,
        "learning_rate_init": 0.02,
        "batch_size": 40,
        "n_iter_no_change": 2,
        "max_iter": 40,
    },
    "lbfgs": {"solver": "lbfgs", "max_iter": 8},
}


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("how", FITS)
@pytest.mark.parametrize("task", TASKS)
def test_a_fit_is_scikit_learns(task, how, weighted):
    X, y, w = rows(task)
    weight = {"sample_weight": w} if weighted else {}
    ours, known = both(task, **{"max_iter": 8, **FITS[how]})
    quiet(ours.fit, X, y, **weight)
    quiet(known.fit, X, y, **weight)
    same(ours, known, X)
    assert ours.score(X, y, **weight) == pytest.approx(known.score(X, y, **weight), rel=1e-6)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("unit", [1e-100, 1e-14, 1e3])
def test_a_target_in_any_unit_is_scikit_learns(unit, solver):
    X = np.random.default_rng(0).normal(size=(150, 3))
    y = unit * (X @ [1.0, 2.0, -1.0])
    how = {"hidden_layer_sizes": (5,), "solver": solver, "random_state": 0, "max_iter": 8}
    ours, known = (quiet(cls(**how).fit, X, y) for cls in (MLPRegressor, theirs.MLPRegressor))
    for got, want in zip(ours.coefs_, known.coefs_, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("how", ["adam", "invscaling", "adaptive", "in order"])
@pytest.mark.parametrize("task", TASKS)
def test_calls_of_partial_fit_are_scikit_learns(task, how):
    X, y, w = rows(task)
    ours, known = both(task, **FITS[how])
    for start in (0, 60, 120, 60):
        at = slice(start, start + 80)
        for model in (ours, known):
            model.partial_fit(X[at], y[at], sample_weight=w[at], **classes_of(task))
    same(ours, known, X)


@pytest.mark.parametrize("task", ["words", "values"])
def test_a_random_state_goes_on_from_call_to_call_as_scikit_learns_does(task):
    """A RandomState goes on from call to call; a fit, one that goes on from it, and more rows."""
    X, y, _ = rows(task)
    models = both(task, max_iter=3, warm_start=True)
    for model in models:
        model.set_params(random_state=np.random.RandomState(5))
        quiet(model.fit, X, y)
        quiet(model.fit, X, y)
        model.partial_fit(X[:50], y[:50])
    same(*models, X)
    assert len(models[0].loss_curve_) == 7


@pytest.mark.parametrize("task", ["labels", "counts"])
def test_a_fit_in_float32_is_scikit_learns_in_float32(task):
    X, y, _ = rows(task)
    X = X.astype(np.float32)
    ours, known = both(task, max_iter=5)
    quiet(ours.fit, X, y)
    quiet(known.fit, X, y)
    assert {a.dtype for a in (*ours.coefs_, *ours.intercepts_)} == {np.dtype(np.float32)}
    np.testing.assert_allclose(parameters(ours), parameters(known), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("how", ["adaptive", "early stopping"])
def test_what_verbose_prints_is_scikit_learns(how, capsys):
    X, y, _ = rows("two classes")
    printed = []
    for model in both("two classes", **FITS[how], verbose=True):
        quiet(model.fit, X, y)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert {"adaptive": "Setting learning rate", "early stopping": "Validation score"}[how] in (
        printed[0]
    )


def test_a_column_is_a_target_and_scikit_learn_warns_of_it():
    X, y, _ = rows("values")
    ours, _ = both("values", max_iter=2)
    with pytest.warns(DataConversionWarning):
        quiet(ours.fit, X, y[:, None])
    assert ours.predict(X).shape == y.shape


def test_batches_larger_than_the_data_are_cut_with_a_warning():
    X, y, _ = rows("values", 30)
    ours, known = both("values", max_iter=2, batch_size=31)
    for model in (ours, known):
        with pytest.warns(UserWarning, match="going to be clipped"):
            quiet(model.fit, X, y)
    same(ours, known, X)


def test_one_class_is_predicted_everywhere():
    X, _, _ = rows("values")
    ours, known = both("two classes", max_iter=2)
    for model in (ours, known):
        quiet(model.fit, X, np.full(N_ROWS, 7))
    same(ours, known, X)
    assert ours.predict_proba(dask_array(X)).compute(scheduler="sync").shape == (N_ROWS, 2)


def test_weights_set_by_hand_are_what_a_fit_goes_on_from():
    X, y, _ = rows("values")
    known, _ = both("values")
    known.partial_fit(X, y)
    model, _ = both("values")
    model.coefs_, model.intercepts_, model.n_features_in_ = known.coefs_, known.intercepts_, 5
    model.partial_fit(X, y)
    fresh, _ = both("values", warm_start=True, max_iter=1)
    fresh.partial_fit(X, y)
    np.testing.assert_array_equal(parameters(model), parameters(quiet(fresh.fit, X, y)))


def test_another_solver_goes_on_with_its_own_first_step():
    X, y, _ = rows("values")
    model, _ = both("values")
    model.partial_fit(X, y).set_params(solver="sgd").partial_fit(X, y)
    assert model._learned.moving._fields == ("eta", "velocity")
    assert model.t_ == 2 * N_ROWS


def test_all_rows_at_once_go_on_from_batches_as_scikit_learns_do():
    X, y, _ = rows("values")
    ours, known = both("values", max_iter=2, warm_start=True)
    for model in (ours, known):
        for solver in ("adam", "lbfgs"):
            quiet(model.set_params(solver=solver).fit, X, y)
    same(ours, known, X)
    assert ours.t_ == 2 * N_ROWS


# Over blocks it is scikit-learn's partial_fit, a block after the other


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("how", ["adam", "invscaling", "tanh"])
@pytest.mark.parametrize("task", TASKS)
def test_a_pass_over_blocks_is_a_hand_loop_over_scikit_learns(task, how, weighted):
    X, y, w = rows(task)
    ours, known = both(task, **{**FITS[how], "batch_size": 20}, shuffle=False)
    weight = {"sample_weight": dask_array(w)} if weighted else {}
    ours.fit(*in_chunks(X, y), **weight)
    for end, n in zip(accumulate(CHUNKS), CHUNKS, strict=True):
        if n:
            at = slice(end - n, end)
            weight = {"sample_weight": w[at]} if weighted else {}
            known.partial_fit(X[at], y[at], **weight, **classes_of(task))
    np.testing.assert_allclose(ours.loss_curve_, known.loss_curve_, rtol=1e-9)
    assert ours.t_ == known.t_ == N_ROWS
    assert ours.n_iter_ == 1
    np.testing.assert_allclose(parameters(ours), parameters(known), rtol=1e-8, atol=1e-10)


everywhere = pytest.mark.parametrize(("backend", "kind"), CASES, indirect=["backend"])


@everywhere
@pytest.mark.parametrize("task", ["labels", "three values", "counts", "words"])
def test_targets_of_every_kind_in_every_container(task, backend, kind):
    container = Container(kind, backend)
    X, y, w = rows(task)
    model, _ = both(task, max_iter=1, activation="tanh", shuffle=False)
    known = clone(model)
    chunked = in_chunks if container.lazy else lambda *arrays: arrays
    with dask.config.set(scheduler="sync"):
        quiet(known.fit, *chunked(X, y), sample_weight=chunked(w)[0])
        quiet(model.fit, container.wrap(X), container.wrap(y), sample_weight=container.wrap(w))
    tolerance = 1e4 * backend.eps
    np.testing.assert_allclose(parameters(model), parameters(known), rtol=tolerance, atol=tolerance)
    words = task == "words"
    out = container.numpy(model.predict(container.wrap(X)), strings=words)
    assert out.shape == y.shape
    want = known.predict(X)
    if hasattr(model, "classes_"):
        assert np.mean(out == want) > 0.99  # at a threshold float32 may be on the other side
        P = container.numpy(model.predict_proba(container.wrap(X)), container.dtype)
        np.testing.assert_allclose(P, known.predict_proba(X), rtol=tolerance, atol=tolerance)
    else:
        np.testing.assert_allclose(out, want, rtol=tolerance, atol=tolerance)
    score = model.score(container.wrap(X), container.wrap(y))
    assert score == pytest.approx(known.score(X, y), rel=1e-2, abs=1e-2)


@everywhere
def test_lbfgs_in_memory_of_any_library_and_over_blocks_by_name(backend, kind):
    container = Container(kind, backend)
    X, y, _ = rows("words")
    model, known = both("words", solver="lbfgs", max_iter=25)
    if container.lazy:
        with pytest.raises(NotImplementedError, match=r"lbfgs.*all rows at once.*'adam'"):
            model.fit(container.wrap(X), container.wrap(y))
        assert not hasattr(model, "coefs_")
        return
    quiet(model.fit, container.wrap(X), container.wrap(y))
    quiet(known.fit, X, y)
    # A line search on float32 takes other steps.
    if backend.widest == "float64":
        np.testing.assert_allclose(parameters(model), parameters(known), rtol=1e-3, atol=1e-3)
    assert model.score(container.wrap(X), container.wrap(y)) > 0.7


def test_lbfgs_has_no_partial_fit_and_no_one_pass():
    X, y, _ = rows("values")
    model, _ = both("values", solver="lbfgs")
    assert not hasattr(model, "partial_fit")
    with pytest.raises(NotImplementedError, match=r'lbfgs.*schedule="per-step"'):
        make_pipeline(StandardScaler(), model, schedule="one-pass").fit(X, y)


def test_lbfgs_sees_further_than_float32():
    """Its weights are float64, as scikit-learn's; rounded gradients would end the search."""
    X, y, _ = rows("values")
    model, known = both("values", solver="lbfgs", max_iter=30)
    for each in (model, known):
        quiet(each.fit, X.astype(np.float32), y.astype(np.float32))
    assert model.coefs_[0].dtype == known.coefs_[0].dtype == np.float64
    assert model.loss_ == pytest.approx(known.loss_, rel=1e-2)


# Labels


@pytest.mark.parametrize("task", TASKS[:3])
def test_labels_that_are_not_given_cost_a_pass_over_y(task):
    X, y, _ = rows(task)
    logs: list[list] = [[], []]
    data = [dask_array(a, log=log) for a, log in zip((X, y), logs, strict=True)]
    found, _ = both(task)
    once = list(range(len(CHUNKS)))
    with dask.config.set(scheduler="sync"):
        found.fit(*data)
        assert sorted(logs[0]) == once
        assert sorted(logs[1]) == sorted(once if task == "labels" else 2 * once)
        logs[1].clear()
        declared = clone(found).set_params(**classes_of(task)).fit(*data)
        assert sorted(logs[1]) == once
    np.testing.assert_array_equal(parameters(declared), parameters(found))
    np.testing.assert_array_equal(declared.classes_, found.classes_)


def test_boolean_labels_stay_boolean():
    X, y, _ = rows("two classes")
    model, _ = both("two classes")
    model.fit(*in_chunks(X, y > 0))
    out = model.predict(dask_array(X)).compute(scheduler="sync")
    assert out.dtype == np.bool_


def test_a_y_that_is_no_target_is_refused_by_block():
    X, y, _ = rows("labels")
    model, _ = both("labels")
    two, spoiled = dask_array(X), y.copy()
    spoiled[-1, 1] = 2
    with pytest.raises(ValueError, match=r"Block 3 of y has 3 columns.*other numbers than 0 and 1"):
        model.fit(two, dask_array(spoiled))
    with pytest.raises(ValueError, match=r"y has 3 columns.*other numbers than 0 and 1"):
        model.fit(X, spoiled)
    with pytest.raises(ValueError, match="y has 3 columns, and there are 2 classes"):
        model.set_params(classes=[0, 1]).fit(X, y)
    model.set_params(classes=None)
    narrow = dask_array(y, make=lambda part: part[:, :2] if len(part) == CHUNKS[-1] else part)
    with pytest.raises(ValueError, match=r"Block 3 of y should have 3 columns.*\(109, 2\)"):
        model.fit(two, narrow)
    words, _ = both("words")
    with pytest.raises(ValueError, match=r"Block 3 of y contains labels that are not in classes"):
        words.set_params(classes=["a", "bb"]).fit(two, dask_array(np.sort(rows("words")[1])))
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        words.set_params(classes=None).fit(X, X[:, 0])


def test_counts_are_not_negative():
    X, y, _ = rows("counts")
    model, _ = both("counts")
    y[-1] = -0.5
    for data, where in ((in_chunks(X, y), "Block 3 of y"), ((X, y), "^y")):
        with pytest.raises(ValueError, match=f"{where} has .* below 0.*'poisson'"):
            model.fit(*data)
    model.set_params(loss="squared_error").fit(*in_chunks(X, y))


def test_partial_fit_is_told_all_labels_at_first_and_the_same_later():
    X, y, _ = rows("words")
    model, _ = both("words")
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    model.partial_fit(X, y, classes=["c", "bb", "a", "zz"])
    assert model.predict_proba(X).shape == (N_ROWS, 4)
    with pytest.raises(ValueError, match="not the same as on last call"):
        model.partial_fit(X, y, classes=["a", "bb"])
    with pytest.raises(ValueError, match="labels that are not in classes"):
        model.partial_fit(X, np.full(N_ROWS, "q"))
    before = parameters(model)
    model.partial_fit(X, y)
    assert np.any(parameters(model) != before)


def test_warm_start_wants_the_same_target():
    X, y, _ = rows("words")
    model, _ = both("words", warm_start=True)
    model.fit(*in_chunks(X, y))
    with pytest.raises(ValueError, match="same classes as in the previous call to fit"):
        model.fit(*in_chunks(X, y == "a"))
    values, _ = both("values", warm_start=True)
    values.fit(*in_chunks(X, X[:, 0]))
    with pytest.raises(ValueError, match="y makes 2 outputs, and the fit before made 1"):
        values.fit(*in_chunks(X, X[:, :2]))


def test_a_net_that_goes_on_keeps_its_layers():
    X, y, _ = rows("values")
    for how in ({"warm_start": True}, {}):
        model, _ = both("values", **how)
        model.fit(*in_chunks(X, y)).set_params(hidden_layer_sizes=[8, 5])
        with pytest.raises(ValueError, match=r"hidden_layer_sizes=\[8, 5\].*\(8, 4\)"):
            (model.fit if how else model.partial_fit)(*in_chunks(X, y))
    model.set_params(warm_start=False).fit(*in_chunks(X, y))
    assert [len(b) for b in model.intercepts_] == [8, 5, 1]


# Epochs and stopping over blocks


def test_epochs_over_blocks_read_them_as_often():
    X, y, _ = rows("values")
    log: list = []
    model, _ = both("values", max_iter=3)
    with dask.config.set(scheduler="sync"), pytest.warns(ConvergenceWarning, match="3"):
        model.fit(dask_array(X, log=log), dask_array(y))
    assert sorted(log) == sorted(3 * list(range(len(CHUNKS))))
    assert model.n_iter_ == 3
    assert model.t_ == 3 * N_ROWS
    assert len(model.loss_curve_) == 3 * 3  # one block of four has no rows
    # The loss of an epoch is the mean of its blocks' by their rows.
    assert min(model.loss_curve_[-3:]) < model.loss_ < max(model.loss_curve_[-3:])


def test_a_pass_goes_on_from_another_as_epochs_do():
    X, y, _ = rows("words")
    data = in_chunks(X, y)
    epochs = quiet(both("words", max_iter=2)[0].fit, *data)
    calls = both("words")[0].set_params(classes=["a", "bb", "c"])
    calls.partial_fit(*data).partial_fit(*data)
    np.testing.assert_array_equal(parameters(calls), parameters(epochs))
    assert calls.loss_curve_ == epochs.loss_curve_


def test_the_loss_stops_epochs_over_blocks():
    X, y, _ = rows("values")
    model, _ = both("values", max_iter=50, tol=1e9, n_iter_no_change=3)
    model.fit(*in_chunks(X, y))
    assert model.n_iter_ == 5  # the first is better than nothing, and more than three must fail


def test_adaptive_steps_shrink_before_they_stop():
    X, y, _ = rows("values")
    how = FITS["adaptive"] | {"tol": 1e9, "max_iter": 1000}
    model, _ = both("values", **how)
    model.fit(*in_chunks(X, y))
    # 0.1 / 5**8 is the first below 1e-6. The first epoch is free; each cut waits for two more.
    assert float(model._learned.moving.eta) == pytest.approx(0.1 / 5**8)
    assert model.n_iter_ == 1 + 2 * 9


def test_early_stopping_ends_with_the_best_weights():
    X, y, _ = rows("two classes", 600)
    chunks = (200, 200, 200)
    data = in_chunks(X, y, chunks=chunks)
    how = {"early_stopping": True, "learning_rate_init": 0.05, "n_iter_no_change": 3}
    model, _ = both("two classes", max_iter=60, **how)
    with dask.config.set({"streamlearn.segment": 3}):
        model.fit(*data)
        best = int(np.argmax(model.validation_scores_))
        assert best < len(model.validation_scores_) - 1
        assert model.best_validation_score_ == max(model.validation_scores_)
        assert model.best_loss_ is None
        assert model.t_ == model.n_iter_ * 540
        shorter, _ = both("two classes", max_iter=best + 1, **how)
        quiet(shorter.fit, *data)
    np.testing.assert_array_equal(parameters(model), parameters(shorter))


def test_what_is_held_out_is_not_learned_from():
    """Rows that are never learned from may hold any value that can be scored."""
    X, y, _ = rows("values")
    how = {"early_stopping": True, "max_iter": 2, "shuffle": False, "validation_fraction": 0.5}
    model = quiet(both("values", **how)[0].fit, *in_chunks(X, y))
    learned = 0
    for k in range(0, N_ROWS, 10):
        spoiled = y.copy()
        spoiled[k] += 100.0
        other = quiet(both("values", **how)[0].fit, *in_chunks(X, spoiled))
        assert other.validation_scores_ != model.validation_scores_
        learned += other.loss_curve_ != model.loss_curve_
    assert 5 <= learned <= 15


def test_blocks_too_small_to_hold_rows_out():
    X, y, _ = rows("values", 3)
    model, _ = both("values", early_stopping=True)
    with pytest.raises(ValueError, match="holds out too few"):
        model.fit(*in_chunks(X, y, chunks=(1, 1, 1)))
    with pytest.raises(ValueError, match="validation set is too small"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping"):
        model.partial_fit(X, y)


def test_a_task_that_runs_twice_draws_the_same_first_weights():
    source, like = np.random.RandomState(0), np.zeros((1, 5))
    first, second = (
        draws.start_in_task(source, mlp.Params(hidden=(3,)), 5, 1, like=like) for _ in range(2)
    )
    for a, b in zip(first.weights + first.biases, second.weights + second.biases, strict=True):
        np.testing.assert_array_equal(a, b)


def test_shuffling_blocks_and_rows_gives_other_nets_and_the_same_again():
    X, y, _ = rows("values")
    data = in_chunks(X, y)
    found = {}
    for shuffle in (False, True, "rows"):
        for seed in (0, 1):
            model, _ = both("values", batch_size=16, shuffle=shuffle, random_state=seed)
            model.fit(*data)
            again = clone(model).fit(*data)
            np.testing.assert_array_equal(parameters(again), parameters(model))
            found[shuffle, seed] = parameters(model).tobytes()
    assert len(set(found.values())) == 6


# What a fit leaves behind


def test_a_pickle_goes_on_learning_where_it_was():
    X, y, _ = rows("words")
    model, _ = both("words")
    for data in (in_chunks(X, y), (X, y)):
        model.partial_fit(*data, **classes_of("words"))
        copy = pickle.loads(pickle.dumps(model))
        for each in (model, copy):
            each.partial_fit(*data)
        np.testing.assert_array_equal(parameters(copy), parameters(model))
        assert copy.loss_curve_ == model.loss_curve_


def test_predictions_are_of_what_was_fitted():
    X, y, _ = rows("values")
    model, _ = both("values")
    model.partial_fit(X, y)
    before = model.predict(X)
    model.set_params(activation="tanh", hidden_layer_sizes=(2,), loss="poisson")
    np.testing.assert_array_equal(model.predict(X), before)


WIDE = [name for name in selected() if MODULES[name] != "numpy" and "no_" not in name]
"""Libraries that scikit-learn's ``move_to``, which keeps 64 bits, can move NumPy's arrays to."""


@pytest.mark.parametrize("backend", WIDE, indirect=True)
def test_a_moved_net_answers_and_learns_where_it_is(backend):
    X, y, _ = rows("two classes")
    model, _ = both("two classes", shuffle=False)
    moved = move_estimator_to(model.partial_fit(X, y, classes=[0, 1]), backend.xp, backend.device)
    there = backend.asarray(X), backend.asarray(y)
    for _ in range(2):
        got, want = backend.to_numpy(moved.predict_proba(there[0])), model.predict_proba(X)
        np.testing.assert_allclose(got, want, rtol=1e4 * backend.eps)
        moved.partial_fit(*there)
        model.partial_fit(X, y)


@pytest.mark.parametrize("task", ["words", "three values"])
def test_a_list_beside_blocks_is_a_target(task):
    X, y, _ = rows(task)
    model, _ = both(task)
    model.fit(dask_array(X), y.tolist())
    np.testing.assert_array_equal(parameters(model), parameters(clone(model).fit(*in_chunks(X, y))))


@pytest.mark.parametrize("task", ["words", "values"])
def test_parameters_and_tags_are_scikit_learns_but_for_what_is_said(task):
    ours, known = both(task)
    params = ours.get_params()
    assert params.pop("max_iter") == "auto"
    assert params.pop("classes", None) is None
    assert params.pop("n_parallel") == 1
    assert params == {k: v for k, v in known.get_params().items() if k != "max_iter"}
    tags, theirs_too = get_tags(ours), get_tags(known)
    assert tags.array_api_support
    theirs_too.array_api_support = True
    assert tags == theirs_too


def test_attributes_are_not_changed_in_place():
    X, y, _ = rows("values")
    model, _ = both("values")
    model.partial_fit(X, y)
    coefs, curve, before = model.coefs_, model.loss_curve_, parameters(model)
    model.partial_fit(X, y)
    np.testing.assert_array_equal(np.ravel(coefs[0]), before[: coefs[0].size])
    assert len(curve) == 1


@pytest.mark.parametrize("lazy", [False, True])
def test_a_net_that_leaves_the_floats_is_refused_and_forgotten(lazy):
    X, y, _ = rows("values")
    model, _ = both("values", solver="sgd", learning_rate_init=1e200, max_iter=3)
    data = in_chunks(X, y) if lazy else (X, y)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        model.fit(*data)
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_counts_of_wild_rows_bring_no_warning_of_numpys(solver):
    """Of which a net says at first that there are none, or infinitely many."""
    X, y, _ = rows("counts")
    model, _ = both("counts", solver=solver, max_iter=2, hidden_layer_sizes=())
    if solver == "lbfgs":
        assert np.isnan(quiet(model.fit, 1e4 * X, y).loss_)
        return
    for data in ((1e4 * X, y), in_chunks(1e4 * X, y)):
        with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
            quiet(model.fit, *data)


@pytest.mark.parametrize("lazy", [False, True])
def test_no_weight_at_all_is_refused(lazy):
    X, y, w = rows("values")
    model, _ = both("values")
    data = in_chunks(X, y, 0 * w) if lazy else (X, y, 0 * w)
    with pytest.raises(ValueError, match="at least one non-zero"):
        model.fit(data[0], data[1], sample_weight=data[2])


def test_a_block_without_weight_teaches_nothing_but_momentum():
    X, y, w = rows("values")
    w[:70] = 0
    plain = {"solver": "sgd", "momentum": 0.0, "shuffle": False}
    model, _ = both("values", **plain)
    model.fit(*in_chunks(X, y), sample_weight=dask_array(w))
    rest, _ = both("values", **plain)
    rest.fit(*in_chunks(X[70:], y[70:], chunks=CHUNKS[1:]), sample_weight=w[70:])
    np.testing.assert_allclose(parameters(model), parameters(rest), rtol=1e-12)
    assert model.loss_curve_[0] == 0.0


@pytest.mark.parametrize("size", [0, (3, 0), -1, (4.5,)], ids=str)
def test_layers_have_whole_units(size):
    X, y, _ = rows("values")
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        both("values", hidden_layer_sizes=size)[0].fit(X, y)


@pytest.mark.parametrize(("target", "method"), [("words", "predict_proba"), ("labels", "predict")])
def test_several_columns_for_a_frame_are_an_array(target, method):
    X, y, _ = rows(target)
    model, _ = both(target)
    model.fit(dask_frame(X), dask_frame(y))
    out = getattr(model, method)(dask_frame(X))
    assert isinstance(out, da.Array)
    np.testing.assert_allclose(out.compute(), getattr(model, method)(frame(X)))


# As the last step of one pass


@pytest.mark.parametrize("task", TASKS)
def test_one_block_in_one_pass_is_the_fit_to_transformed_rows(task):
    """Rows 1e8 away from zero; what comes lazily out of a scaler is what a pipeline sends on."""
    X, y, _ = rows(task)
    X = 1e8 + X * [1.0, 10.0, 100.0, 1.0, 1e3]
    data = in_chunks(X, y, chunks=(N_ROWS,))
    model, _ = both(task, max_iter=4)
    pipe = quiet(make_pipeline(StandardScaler(), model).fit, *data)
    scaler = StandardScaler().fit(data[0])
    known = quiet(clone(model).fit, scaler.transform(data[0]), data[1])
    np.testing.assert_allclose(parameters(pipe[-1]), parameters(known), rtol=1e-9, atol=1e-10)
    assert pipe.score(*data) == pytest.approx(known.score(scaler.transform(data[0]), data[1]))
    assert pipe[-1].n_features_in_ == 5


@pytest.mark.parametrize("task", TASKS)
def test_one_pass_in_memory_permutes_rows(task):
    X, y, _ = rows(task)
    model, _ = both(task, max_iter=4, batch_size=50)
    pipe = make_pipeline(StandardScaler(), model, schedule="one-pass")
    quiet(pipe.fit, X, y)
    assert pipe.predict(X).shape == y.shape
    assert pipe[-1].t_ == 4 * N_ROWS
    one_block = clone(pipe).set_params(**{f"{type(model).__name__.lower()}__shuffle": "rows"})
    quiet(one_block.fit, *in_chunks(X, y, chunks=(N_ROWS,)))
    np.testing.assert_array_equal(parameters(one_block[-1]), parameters(pipe[-1]))


def test_a_pipeline_learns_on_in_partial_fit():
    X, y, _ = rows("labels", 2000)
    data = in_chunks(X, y, chunks=(500,) * 4)
    pipe = make_pipeline(StandardScaler(), both("labels", learning_rate_init=0.02)[0])
    scores = []
    for _ in range(4):
        pipe.partial_fit(*data, classes=[0, 1, 2])
        scores.append(pipe.score(*data))
    assert scores[-1] > scores[0] + 0.2
    assert pipe[-1].t_ == 8000
    assert pipe[0].n_samples_seen_ == 8000


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_few_blocks_are_in_memory_at_once(scheduler):
    n = 40
    X, y, _ = rows("two classes", 50 * n)
    data = dask_array(X, (50,) * n, lambda part: track("block", part)), dask_array(y, (50,) * n)
    pipe = make_pipeline(StandardScaler(), both("two classes")[0].set_params(classes=[0, 1]))
    drain()
    with dask.config.set({"scheduler": scheduler, "num_workers": 2, "streamlearn.window": 2}):
        pipe.fit(*data)
    assert 1 <= peak(drain()) <= 3


# Sparse rows


def few_entries(task: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows that are mostly zeros, targets and weights."""
    X, y, w = rows(task)
    return X * (np.random.default_rng(2).random(X.shape) < 0.4), y, w


FORMATS = ["csr_array", "csr_matrix", "csc_array", "coo_matrix", "lil_array"]


@pytest.mark.parametrize("how", FITS)
@pytest.mark.parametrize("task", TASKS)
def test_a_fit_to_sparse_rows_is_scikit_learns(task, how):
    X, y, w = few_entries(task)
    S = sparse.csr_array(X)
    ours, known = both(task, **{"max_iter": 8, **FITS[how]})
    for weight in ({}, {"sample_weight": w}):
        quiet(ours.fit, S, y, **weight)
        quiet(known.fit, S, y, **weight)
        same(ours, known, S)
        assert ours.score(S, y) == pytest.approx(known.score(S, y), rel=1e-6)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8"])
def test_sparse_rows_of_every_format_are_as_dense_ones(format, dtype):
    X, y, _ = few_entries("values")
    X = (10 * X).astype(dtype)
    ours, _ = both("values", max_iter=2)
    want = quiet(clone(ours).fit, X, y)
    quiet(ours.fit, getattr(sparse, format)(X), y)
    tolerance = 1e-4 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(parameters(ours), parameters(want), rtol=tolerance, atol=tolerance)
    assert ours.coefs_[0].dtype == want.coefs_[0].dtype
    found = ours.predict(getattr(sparse, format)(X))
    np.testing.assert_allclose(found, want.predict(X), rtol=tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("kind", ["sparse", "mixed", "unknown"])
@pytest.mark.parametrize("how", ["adam", "adaptive", "early stopping"])
@pytest.mark.parametrize("task", TASKS)
def test_sparse_blocks_are_as_dense_ones(task, how, kind):
    X, y, w = few_entries(task)
    makes = cycle([sparse.coo_array, sparse.csr_array, np.asarray, sparse.csr_matrix])
    layout: dict[str, Any] = {
        "sparse": {"make": sparse.csr_matrix},
        "mixed": {"make": lambda x: next(makes)(x)},
        "unknown": {"make": sparse.csc_array, "known": False},
    }[kind]
    ours, _ = both(task, **{**FITS[how], "max_iter": 2})
    S, dense = dask_array(X, CHUNKS, **layout), dask_array(X)
    along = {"y": dask_array(y), "sample_weight": dask_array(w)}
    with dask.config.set(scheduler="sync"):
        got, want = (quiet(clone(ours).fit, rows, **along) for rows in (S, dense))
        np.testing.assert_allclose(parameters(got), parameters(want), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(got.loss_curve_, want.loss_curve_, rtol=1e-9)
        method = "predict_proba" if hasattr(got, "predict_proba") else "predict"
        found = getattr(got, method)(S).compute()
        np.testing.assert_allclose(found, getattr(want, method)(X), rtol=1e-7, atol=1e-9)
        if not got.early_stopping:
            for model, rows_ in ((got, S), (want, dense)):
                model.partial_fit(rows_, along["y"])
            np.testing.assert_allclose(parameters(got), parameters(want), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
def test_hashed_words_reach_a_net_as_sparse_rows(schedule):
    X, y, _ = few_entries("two classes")
    texts = np.array([" ".join(f"w{j}" for j in np.flatnonzero(x)) or "none" for x in X], object)
    net, known = both("two classes", shuffle=False)
    pipe = make_pipeline(HashingVectorizer(n_features=64), net, schedule=schedule)
    with dask.config.set(scheduler="sync"):
        pipe.set_params(mlpclassifier__max_iter="auto").fit(dask_array(texts), dask_array(y))
        found = pipe.predict_proba(dask_array(texts)).compute()
    hashed = pipe[0].transform(texts)
    assert sparse.issparse(hashed)
    for start, stop in pairwise(accumulate(CHUNKS, initial=0)):
        if stop > start:
            known.partial_fit(hashed[start:stop], y[start:stop], classes=[0, 1])
    np.testing.assert_allclose(parameters(pipe[-1]), parameters(known), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(found, known.predict_proba(hashed), rtol=1e-7)


def test_what_is_wrong_with_sparse_rows_is_named():
    X, y, _ = few_entries("values")
    X[-1, 2] = np.nan
    model, _ = both("values", max_iter=1)
    with dask.config.set(scheduler="sync"):
        with pytest.raises(ValueError, match="contains NaN"):
            model.fit(sparse.csr_array(X), y)
        with pytest.raises(ValueError, match="contains NaN in block 3"):
            model.fit(dask_array(X, make=sparse.csr_array), dask_array(y))
