"""Ctrl-C ends a fit after the last segment, for every learner in the same way."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from sklearn import linear_model
from sklearn.base import clone

from streamlearn.blocks import Record, Watch, watching
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.diagnostics import FitCheckpoint
from streamlearn.linear_model import PassiveAggressiveRegressor, SGDClassifier, SGDRegressor
from streamlearn.neural_network import MLPClassifier, MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from streamlearn.wrappers import Incremental
from tests.blocks.interrupts import interrupting
from tests.containers import dask_array

N_BLOCKS, ROWS, SEGMENT = 20, 10, 5
X = np.random.default_rng(0).normal(3, 2, size=(N_BLOCKS * ROWS, 3))
Y = (X[:, 0] > X[:, 1]).astype(int)
CLASSES = [0, 1]

LEARNERS = {
    "linear": SGDClassifier(classes=CLASSES, random_state=0, tol=None),
    "linear, in rounds": SGDClassifier(
        loss="log_loss", classes=CLASSES, random_state=0, shuffle=False, tol=None
    ),
    "row by row": PassiveAggressiveRegressor(random_state=0, tol=None),
    "scheduled": SGDRegressor(
        learning_rate="invscaling", batch_size=4, early_stopping=True, random_state=0, tol=None
    ),
    "net": MLPRegressor(hidden_layer_sizes=(4,), random_state=0),
    "net of classes": MLPClassifier((4,), classes=CLASSES, random_state=0),
    "clusters": MiniBatchKMeans(3, random_state=0, max_no_improvement=None),
    "any": Incremental(linear_model.SGDClassifier(random_state=0), classes=CLASSES, random_state=0),
    "pipeline": make_pipeline(
        StandardScaler(), SGDClassifier(classes=CLASSES, random_state=0, tol=None)
    ),
    "pipeline of a net": make_pipeline(
        StandardScaler(), MLPClassifier((4,), classes=CLASSES, random_state=0)
    ),
    "pipeline of another library": make_pipeline(
        StandardScaler(), linear_model.SGDClassifier(random_state=0)
    ),
}


class Interrupt(Watch):
    """Press Ctrl-C when a number of blocks of a pass are done."""

    def __init__(self, after: int, name: str = "epoch") -> None:
        self.left, self.name = after, name

    def begin_pass(self, name: str, n_blocks: int | None, n_rows: int | None) -> None:
        self.now = name

    def block_done(self, record: Record) -> None:
        if self.now == self.name:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


def fit(estimator: Any, after: int, *, name: str = "epoch", n: int = N_BLOCKS) -> Any:
    """Fit to the first blocks, with an interrupt."""
    rows = n * ROWS
    data = (dask_array(a[:rows], (ROWS,) * n) for a in (X, Y))
    with dask.config.set({"streamlearn.segment": SEGMENT}), watching(Interrupt(after, name)):
        return estimator.fit(*data)


def learned(estimator: Any) -> list[np.ndarray]:
    """Return the numbers that were learned, also by the steps of a pipeline."""
    if hasattr(estimator, "steps"):
        return [a for _, step in estimator.steps for a in learned(step)]
    inner = getattr(estimator, "estimator_", estimator)
    names = ("coef_", "intercept_", "coefs_", "intercepts_", "cluster_centers_", "mean_", "var_")
    found = [getattr(inner, name) for name in names if hasattr(inner, name)]
    return [np.asarray(a) for one in found for a in (one if isinstance(one, list) else [one])]


@pytest.fixture(params=LEARNERS)
def learner(request: pytest.FixtureRequest) -> Any:
    return clone(LEARNERS[request.param])


def without_shuffle(estimator: Any) -> Any:
    for name in estimator.get_params():
        if name.rpartition("__")[2] == "shuffle":
            estimator.set_params(**{name: False})
    return estimator


def test_the_estimator_is_fitted_up_to_the_last_segment(learner):
    """It is what a fit to the blocks of whole segments learns."""
    without_shuffle(learner)
    with pytest.warns(UserWarning, match=r"interrupted in epoch 1, after the first 100 rows"):
        fit(learner, 2 * SEGMENT + 3)
    whole = fit(clone(learner), 10**9, n=2 * SEGMENT)
    for got, expected in zip(learned(learner), learned(whole), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert len(learned(learner)) > 0
    assert len(np.asarray(learner.predict(X))) == len(X)


def test_before_anything_is_learned_the_estimator_stays_as_it_was(learner):
    with pytest.raises(KeyboardInterrupt):
        fit(learner, SEGMENT - 1)
    assert not hasattr(learner, "n_features_in_")
    fit(learner, 10**9)
    before = dict(vars(learner))
    with pytest.raises(KeyboardInterrupt):
        fit(learner, 1)
    assert vars(learner) == before


def test_after_an_interrupt_fit_works_again(learner):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit(learner, 2 * SEGMENT + 1)
        fit(learner, 10**9)
        expected = fit(clone(learner), 10**9)
    for got, want in zip(learned(learner), learned(expected), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", ["linear", "net", "clusters", "any", "pipeline"])
def test_a_later_epoch_counts_whole_ones(name):
    learner = clone(LEARNERS[name])
    epochs = {"pipeline": "sgdclassifier__max_iter"}.get(name, "max_iter")
    learner.set_params(**{epochs: 4})
    with pytest.warns(UserWarning, match="interrupted in epoch 2, after all rows"):
        fit(learner, 2 * N_BLOCKS + 2)
    final = learner[-1] if name == "pipeline" else learner
    assert final.n_iter_ == 2


@pytest.mark.parametrize("name", ["linear", "net", "clusters", "any", "pipeline"])
def test_partial_fit_keeps_what_it_had_learned(name):
    learner = clone(LEARNERS[name])
    given = {"classes": CLASSES} if name == "pipeline" else {}
    data = dask_array(X, (ROWS,) * N_BLOCKS), dask_array(Y, (ROWS,) * N_BLOCKS)
    with dask.config.set({"streamlearn.segment": SEGMENT}):
        learner.partial_fit(*data, **given)
        before = learned(learner)
        with pytest.warns(UserWarning, match="interrupted"), watching(Interrupt(SEGMENT + 1)):
            learner.partial_fit(*data)
        after = learned(learner)
        assert any(np.any(a != b) for a, b in zip(before, after, strict=True))
        learner.partial_fit(*data)


def test_an_interrupt_in_another_pass_is_raised():
    model = SGDClassifier(random_state=0)
    with pytest.raises(KeyboardInterrupt):
        fit(model, 3, name="labels")
    assert not hasattr(model, "coef_")
    scaler = StandardScaler()
    with pytest.raises(KeyboardInterrupt):
        fit(scaler, 15, name="statistics")
    assert not hasattr(scaler, "mean_")


def test_statistics_of_some_rows_are_of_no_use():
    """A pipeline of transformers alone stays as it was, as a transformer does."""
    pipe = make_pipeline(StandardScaler(), StandardScaler())
    with pytest.raises(KeyboardInterrupt):
        fit(pipe, 2 * SEGMENT + 1)
    assert not hasattr(pipe[0], "mean_")


def test_an_interrupt_of_a_refinement_keeps_the_epochs():
    model = SGDClassifier(loss="log_loss", classes=CLASSES, random_state=0, refine=2)
    epochs = clone(model).set_params(refine=0)
    with pytest.warns(UserWarning, match="interrupted in read 1 of refine=2"):
        fit(model, 3, name="refinement")
    fit(epochs, 10**9)
    np.testing.assert_array_equal(model.coef_, epochs.coef_)


def test_an_epoch_without_a_score_keeps_what_it_had_learned():
    model = Incremental(
        linear_model.SGDClassifier(random_state=0),
        classes=CLASSES,
        patience=2,
        max_iter=3,
        random_state=0,
    )
    with pytest.warns(UserWarning, match="interrupted in epoch 1"):
        fit(model, SEGMENT + 1)
    assert model.best_validation_score_ is None
    assert hasattr(model.estimator_, "coef_")


@pytest.mark.parametrize("scheduler", ["threads", "sync"])
def test_no_block_is_loaded_after_the_ones_that_are_being_loaded(scheduler, tmp_path):
    """A real signal arrives while a scheduler of dask runs."""

    def loaded() -> int:
        return len(list(tmp_path.iterdir()))

    def marked(block):
        (tmp_path / f"{block[0, 0]}").touch()
        time.sleep(0.02)
        return block

    n = 100
    rows = da.concatenate([da.from_array(np.full((4, 2), float(i)), chunks=-1) for i in range(n)])
    X = rows.map_blocks(marked, dtype=float)
    model, at = SGDRegressor(random_state=0, shuffle=False), []

    def ready() -> bool:
        at.append(loaded())
        return at[-1] > 20

    settings = {"streamlearn.segment": 5, "scheduler": scheduler, "num_workers": 2}
    with (
        dask.config.set(settings),
        interrupting(ready),
        pytest.warns(UserWarning, match="interrupted in epoch 1"),
    ):
        model.fit(X, rows[:, 0])
    time.sleep(0.2)
    assert loaded() <= at[-1] + 8
    assert model.t_ > 4 * 10


def test_rows_in_memory_keep_whole_epochs():
    calls: list[Callable[[], Any]] = [
        lambda: MLPClassifier((4,), random_state=0, max_iter=50).fit(X, Y),
        lambda: SGDClassifier(random_state=0, max_iter=50, tol=None).fit(X, Y),
        lambda: MiniBatchKMeans(3, random_state=0, batch_size=20, tol=0.0).fit(X),
    ]
    for call in calls:
        warned = pytest.warns(UserWarning, match="interrupted in epoch 2, after all rows")
        with warned, watching(Interrupt(3)):
            model = call()
        assert model.n_iter_ == 2


@pytest.mark.parametrize("name", ["linear", "net", "clusters", "any", "pipeline"])
@pytest.mark.filterwarnings("ignore:The fit was interrupted")
def test_an_interrupted_fit_goes_on_from_its_checkpoint(name, tmp_path):
    model, whole = LEARNERS[name], clone(LEARNERS[name])
    data = [dask_array(a, (ROWS,) * N_BLOCKS) for a in (X, Y)]
    again = clone(model).set_callbacks(FitCheckpoint(tmp_path / "fit", resume=True))
    fit(again, 2 * SEGMENT + 1)
    with dask.config.set({"streamlearn.segment": SEGMENT}):
        whole.fit(*data)
        assert any((a != b).any() for a, b in zip(learned(again), learned(whole), strict=True))
        again.fit(*data)
    for a, b in zip(learned(again), learned(whole), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["linear", "net", "clusters", "any", "pipeline"])
@pytest.mark.filterwarnings("ignore:The fit was interrupted")
def test_an_interrupt_just_after_a_fit_goes_on_keeps_what_the_checkpoint_had(name, tmp_path):
    keep = FitCheckpoint(tmp_path / "fit", resume=True)
    first, then = (clone(LEARNERS[name]).set_callbacks(keep) for _ in range(2))
    fit(first, 2 * SEGMENT + 1)
    with pytest.warns(UserWarning, match="interrupted in epoch 1, after the first 100 rows"):
        fit(then, 1)
    for a, b in zip(learned(first), learned(then), strict=True):
        np.testing.assert_array_equal(a, b)
