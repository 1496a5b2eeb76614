"""scikit-learn's callbacks see the fit of every estimator, with scikit-learn's own recorder."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import dask
import numpy as np
import pytest
from sklearn import decomposition, linear_model
from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin, ScoringMonitor
from sklearn.callback.tests._utils import (
    FailingCallback,
    NotRequiredKwargsCallback,
    RecordingAutoPropagatedCallback,
    RecordingCallback,
)
from sklearn.model_selection import GridSearchCV

import streamlearn.preprocessing as pre
from streamlearn.blocks import Watch, watching
from streamlearn.cluster import KMeans, MiniBatchKMeans
from streamlearn.compose import make_column_transformer
from streamlearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from streamlearn.feature_extraction.text import TfidfTransformer
from streamlearn.feature_selection import SelectKBest, VarianceThreshold
from streamlearn.impute import MissingIndicator, SimpleImputer
from streamlearn.linear_model import (
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
    Perceptron,
    SGDClassifier,
    SGDRegressor,
)
from streamlearn.neural_network import MLPClassifier, MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.wrappers import Incremental, ParallelPostFit
from tests.containers import dask_array

N_BLOCKS, ROWS, SEGMENT = 8, 10, 3
X = np.random.default_rng(0).normal(3, 2, size=(N_BLOCKS * ROWS, 3))
Y = (X[:, 0] > X[:, 1]).astype(int)
CLASSES = [0, 1]

LINEAR = {"random_state": 0, "max_iter": 2, "tol": None}
LEARNERS = {
    "SGDClassifier": SGDClassifier(loss="log_loss", **LINEAR),
    "SGDRegressor": SGDRegressor(**LINEAR),
    "Perceptron": Perceptron(**LINEAR),
    "PassiveAggressiveClassifier": PassiveAggressiveClassifier(**LINEAR),
    "PassiveAggressiveRegressor": PassiveAggressiveRegressor(**LINEAR),
    "MLPClassifier": MLPClassifier((4,), random_state=0, max_iter=2),
    "MLPRegressor": MLPRegressor(hidden_layer_sizes=(4,), random_state=0, max_iter=2),
    "MiniBatchKMeans": MiniBatchKMeans(3, random_state=0, max_iter=2),
    "Incremental": Incremental(
        linear_model.SGDClassifier(random_state=0), max_iter=2, random_state=0
    ),
    "Pipeline": make_pipeline(pre.StandardScaler(), SGDClassifier(loss="log_loss", **LINEAR)),
}
OTHERS = {
    "StandardScaler": pre.StandardScaler(),
    "MinMaxScaler": pre.MinMaxScaler(),
    "MaxAbsScaler": pre.MaxAbsScaler(),
    "RobustScaler": pre.RobustScaler(),
    "QuantileTransformer": pre.QuantileTransformer(n_quantiles=5),
    "PowerTransformer": pre.PowerTransformer(),
    "KBinsDiscretizer": pre.KBinsDiscretizer(3, strategy="uniform"),
    "SplineTransformer": pre.SplineTransformer(),
    "PolynomialFeatures": pre.PolynomialFeatures(),
    "Normalizer": pre.Normalizer(),
    "FunctionTransformer": pre.FunctionTransformer(),
    "OneHotEncoder": pre.OneHotEncoder(),
    "OrdinalEncoder": pre.OrdinalEncoder(),
    "TargetEncoder": pre.TargetEncoder(),
    "SimpleImputer": SimpleImputer(),
    "MissingIndicator": MissingIndicator(),
    "PCA": PCA(2),
    "IncrementalPCA": IncrementalPCA(),
    "TruncatedSVD": TruncatedSVD(1),
    "KMeans": KMeans(3, random_state=0),
    "TfidfTransformer": TfidfTransformer(),
    "VarianceThreshold": VarianceThreshold(),
    "SelectKBest": SelectKBest(k=1),
    "ColumnTransformer": make_column_transformer((pre.StandardScaler(), [0, 1])),
    "ParallelPostFit": ParallelPostFit(SGDClassifier(**LINEAR)),
}
ESTIMATORS = LEARNERS | OTHERS

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.complete,
]


def data(*, lazy: bool = True) -> tuple[Any, Any]:
    if not lazy:
        return X, Y
    return dask_array(X, (ROWS,) * N_BLOCKS), dask_array(Y, (ROWS,) * N_BLOCKS)


def fit(estimator: Any, *callbacks: Any, lazy: bool = True) -> Any:
    with dask.config.set({"streamlearn.segment": SEGMENT}):
        return estimator.set_callbacks(*callbacks).fit(*data(lazy=lazy))


@pytest.fixture(params=ESTIMATORS)
def estimator(request: pytest.FixtureRequest) -> Any:
    return clone(ESTIMATORS[request.param])


@pytest.fixture(params=LEARNERS)
def learner(request: pytest.FixtureRequest) -> Any:
    return clone(LEARNERS[request.param])


def names(callback: RecordingCallback, hook: str) -> list[str]:
    return [seen["context"].task_name for seen in callback.record if seen["name"] == hook]


@pytest.mark.parametrize("lazy", [True, False])
def test_each_task_begins_and_ends_once(estimator, lazy):
    seen = RecordingCallback()
    fit(estimator, seen, lazy=lazy)
    hooks = [record["name"] for record in seen.record]
    assert (hooks[0], hooks[-1]) == ("setup", "teardown")
    assert hooks.count("setup") == hooks.count("teardown") == 1
    begun, ended = (
        [id(r["context"]) for r in seen.record if r["name"] == f"on_fit_task_{end}"]
        for end in ("begin", "end")
    )
    assert sorted(begun) == sorted(ended)
    assert len(set(begun)) == len(begun)
    root = seen.record[0]["context"]
    if lazy or not hasattr(estimator, "steps"):  # scikit-learn replaces tasks of steps
        assert [id(context) for context in root] == begun
    for context in root:
        children = list(context._children_map)
        assert children == list(range(len(children)))
        assert context.max_subtasks is None or len(children) <= context.max_subtasks


def test_nothing_is_left_on_the_estimator(estimator):
    assert isinstance(estimator, CallbackSupportMixin)
    bare = fit(clone(estimator))
    seen = fit(estimator, RecordingCallback())
    assert vars(seen).keys() - vars(bare).keys() == {"_skl_callbacks"}
    assert vars(seen.set_callbacks()).keys() == vars(bare).keys()


class Looking(RecordingCallback):
    """Note which attributes for callbacks the estimator has while it fits."""

    def __init__(self):
        super().__init__()
        self.found = set()

    def on_fit_task_end(self, estimator, context):
        super().on_fit_task_end(estimator, context)
        if context.parent is not None:
            self.found |= {name for name in vars(estimator) if "callback" in name}


def test_tasks_do_not_carry_callbacks_to_workers(estimator):
    looking = Looking()
    fit(estimator, looking)
    assert looking.found == set()


def test_callbacks_change_nothing_that_is_learned(learner):
    watched, bare = fit(clone(learner), RecordingCallback()), fit(learner)
    np.testing.assert_array_equal(watched.predict(X), bare.predict(X))


def test_a_block_is_a_task_of_its_pass():
    seen = RecordingCallback()
    fit(clone(LEARNERS["SGDClassifier"]), seen)
    begun = names(seen, "on_fit_task_begin")
    assert [name for name in begun if not name.startswith("block")] == [
        *("fit", "labels", "training", "epoch", "epoch"),
    ]
    blocks = [name for name in begun if name.startswith("block")]
    assert sorted(blocks[:N_BLOCKS]) == [f"block {i}" for i in range(N_BLOCKS)]
    assert len(blocks) == 3 * N_BLOCKS
    root = seen.record[0]["context"]
    labels, training = root._children_map.values()
    assert (labels.max_subtasks, training.max_subtasks) == (N_BLOCKS, 2)


@pytest.mark.parametrize("at", ["setup", "on_fit_task_begin", "on_fit_task_end", "teardown"])
def test_an_error_of_a_callback_ends_the_fit_and_tears_down(learner, at):
    failing, other = FailingCallback(at), RecordingCallback()
    with pytest.raises(ValueError, match="Failing callback failed"):
        fit(learner, failing, other)
    assert failing.count_hooks("teardown") == 1
    assert not hasattr(learner, "_callback_fit_ctx")
    fit(learner)


def test_an_error_of_the_fit_tears_down(learner):
    seen = RecordingCallback()
    bad = np.where(np.arange(X.size).reshape(X.shape) == 50, np.nan, X)
    with pytest.raises(ValueError, match="NaN"):
        learner.set_callbacks(seen).fit(dask_array(bad, (ROWS,) * N_BLOCKS), data()[1])
    assert seen.count_hooks("teardown") == 1
    assert not hasattr(learner, "_callback_fit_ctx")


class Interrupt(Watch):
    """It interrupts a fit after some blocks of its epochs, or of other passes."""

    def __init__(self, after: int, of: str = "epoch") -> None:
        self.left, self.of = after, of

    def begin_pass(self, name: str, n_blocks: int | None, n_rows: int | None) -> None:
        self.name = name

    def block_done(self, record: Any) -> None:
        self.left -= self.name == self.of
        if not self.left:
            raise KeyboardInterrupt


def begun_and_ended(seen: Any) -> bool:
    """Return whether each task that has begun has ended."""
    begun, ended = (
        [id(r["context"]) for r in seen.record if r["name"] == f"on_fit_task_{end}"]
        for end in ("begin", "end")
    )
    return sorted(begun) == sorted(ended)


@pytest.mark.parametrize("after", [SEGMENT + 1, N_BLOCKS, N_BLOCKS + 1])
def test_after_an_interrupt_all_tasks_that_have_begun_end(learner, after):
    """In the first epoch, at its end, and in the second one before its first segment ends."""
    seen = RecordingCallback()
    with pytest.warns(UserWarning, match="interrupted in epoch 1"), watching(Interrupt(after)):
        fit(learner, seen)
    assert begun_and_ended(seen)
    assert names(seen, "on_fit_task_end")[-3:-1] == ["epoch", "training"]


@pytest.mark.parametrize("n_blocks", [1, 2])
def test_after_an_interrupt_the_task_of_a_refinement_ends(n_blocks):
    """The fit ends without an error, and a progress bar would never be whole."""
    seen = RecordingCallback()
    model = SGDClassifier(loss="log_loss", refine=2, random_state=0)
    with (
        pytest.warns(UserWarning, match="interrupted in read 1 of refine=2"),
        watching(Interrupt(n_blocks, of="refinement")),
    ):
        fit(model, seen)
    assert begun_and_ended(seen)
    assert names(seen, "on_fit_task_end")[-2:] == ["refinement", "fit"]


class Passes(Watch):
    """It notes the ends of passes, and refuses to see any begin if ``refuses``."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses, self.ends = refuses, []

    def begin_pass(self, name: str, n_blocks: int | None, n_rows: int | None) -> None:
        if self.refuses:
            raise RuntimeError("no pass")

    def end_pass(self, *, complete: bool) -> None:
        self.ends.append(complete)


@pytest.mark.parametrize("refuses", [False, True])
@pytest.mark.parametrize("learner", [pre.StandardScaler(), SGDRegressor(max_iter=1, tol=None)])
def test_a_pass_that_begins_also_ends(learner, refuses):
    """If a watch refuses it, it ends incomplete, for the watches that have seen it begin too."""
    seen, other = Passes(), Passes(refuses=refuses)
    with watching(seen, other):
        if refuses:
            with pytest.raises(RuntimeError, match="no pass"):
                clone(learner).fit(X, X[:, 0])
        else:
            clone(learner).fit(X, X[:, 0])
    assert seen.ends == other.ends == [not refuses]


def copies(seen: RecordingCallback) -> list[tuple[str, Any]]:
    """Return the fitted copies and the names of their tasks."""
    return [
        (record["context"].task_name, record["kwargs"]["fitted_estimator"])
        for record in seen.record
        if record["name"] == "on_fit_task_end" and record["kwargs"]["fitted_estimator"] is not None
    ]


def test_a_fitted_copy_is_what_a_fit_to_the_same_rows_gives(learner):
    """After the first segment, and after each epoch."""
    for name in learner.get_params():
        if name.rpartition("__")[2] == "shuffle":
            learner.set_params(**{name: False})
    seen = RecordingCallback()
    fit(learner, seen)
    found = copies(seen)
    assert [name.split()[0] for name, _ in found] == ["block", "block", "epoch"] * 2 + ["fit"]
    first, one_epoch = clone(learner), clone(learner)
    for name in learner.get_params():
        if name.rpartition("__")[2] == "max_iter":
            first.set_params(**{name: 1})
            one_epoch.set_params(**{name: 1})
    n = SEGMENT * ROWS
    first.fit(dask_array(X[:n], (ROWS,) * SEGMENT), dask_array(Y[:n], (ROWS,) * SEGMENT))
    one_epoch.fit(*data())
    np.testing.assert_array_equal(found[0][1].predict(X), first.predict(X))
    np.testing.assert_array_equal(found[2][1].predict(X), one_epoch.predict(X))
    np.testing.assert_array_equal(found[-1][1].predict(X), learner.predict(X))
    pickle.loads(pickle.dumps(found[0][1]))


def test_a_fitted_copy_does_not_change_later(learner):
    seen = RecordingCallback()
    fit(learner, seen)
    found = [copy for _, copy in copies(seen)]
    again = RecordingCallback()
    before = [np.array(one.predict(X)) for one in found]
    fit(learner, again)
    for one, predicted in zip(found, before, strict=True):
        np.testing.assert_array_equal(one.predict(X), predicted)


class Stop(RecordingCallback):
    """End what comes after a task with a name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def on_fit_task_end(self, estimator, context):
        super().on_fit_task_end(estimator, context)
        return context.task_name.startswith(self.name)


def test_a_callback_ends_the_training_after_an_epoch(learner):
    stop = Stop("epoch")
    fit(learner, stop)
    assert names(stop, "on_fit_task_end").count("epoch") == 1
    final = learner[-1] if hasattr(learner, "steps") else learner
    assert final.n_iter_ == 1


def test_a_callback_ends_an_epoch_after_a_segment():
    stop = Stop("block")
    model = fit(clone(LEARNERS["SGDRegressor"]), stop)
    assert len(model.loss_curve_) == 2 * SEGMENT
    assert model.n_iter_ == 2


def test_scores_are_monitored_in_every_epoch():
    scoring = {"right": lambda model, X, y: float(np.mean(model.predict(X) == np.asarray(y)))}
    monitor = ScoringMonitor(scoring=scoring)
    model = fit(clone(LEARNERS["Pipeline"]), monitor)
    log = monitor.get_logs().data_as_pandas
    assert log["task_name"].str.startswith("epoch").sum() == 2
    assert log["task_name"].str.startswith("block").sum() == 4
    assert log["right"].between(0, 1).all()
    assert log["right"].iloc[0] == np.mean(model.predict(X) == Y)


def test_what_a_callback_computes_is_no_pass_of_the_fit():
    monitor = ScoringMonitor(scoring={"score": lambda model, X, y: model.score(X, y)})
    seen = RecordingCallback()
    fit(clone(LEARNERS["SGDRegressor"]), monitor, seen)
    assert "score" not in names(seen, "on_fit_task_begin")


def test_a_callback_that_asks_for_less_gets_less(learner):
    fit(learner, NotRequiredKwargsCallback())


def test_X_and_y_and_weights_are_those_of_the_user():
    seen, weight = RecordingCallback(), np.ones(len(X))
    MLPRegressor(hidden_layer_sizes=(2,), max_iter=2).set_callbacks(seen).fit(X, Y, weight)
    given = seen.record[1]["kwargs"]
    assert given["X"] is X
    assert given["y"] is Y
    assert given["metadata"]["sample_weight"] is weight


@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
@pytest.mark.parametrize("lazy", [True, False])
def test_a_pipeline_shows_the_tasks_of_its_steps(schedule, lazy):
    seen = RecordingAutoPropagatedCallback()
    pipe = clone(LEARNERS["Pipeline"]).set_params(schedule=schedule)
    fit(pipe, seen, lazy=lazy)
    assert names(seen, "on_fit_task_end").count("epoch") == 2
    assert seen.count_hooks("on_fit_task_begin") == seen.count_hooks("on_fit_task_end")
    assert not hasattr(pipe[-1], "_skl_callbacks")
    assert not hasattr(pipe[-1], "_parent_callback_ctx")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_a_step_that_loads_a_collection_supports_callbacks():
    seen = RecordingAutoPropagatedCallback()
    pipe = make_pipeline(decomposition.PCA(2), SGDClassifier(**LINEAR), schedule="per-step")
    fit(pipe, seen)
    assert "epoch" in names(seen, "on_fit_task_end")
    assert seen.count_hooks("on_fit_task_begin") == seen.count_hooks("on_fit_task_end")


def test_verbose_steps_print_once(capsys):
    """A pipeline prints how far it is, and its steps do not say it again."""
    pipe = clone(LEARNERS["Pipeline"]).set_params(verbose=True, sgdclassifier__verbose=1)
    fit(pipe)
    said = capsys.readouterr().out
    assert said.count("[Pipeline] epoch: 8 of 8 blocks, 80 rows") == 2
    assert "[SGDClassifier]" not in said


def test_a_search_of_scikit_learn_shows_the_tasks_of_our_estimators():
    seen = RecordingAutoPropagatedCallback()
    search = GridSearchCV(SGDClassifier(**LINEAR), {"alpha": [1e-4, 1e-2]}, cv=2)
    search.set_callbacks(seen).fit(X, Y)
    assert names(seen, "on_fit_task_end").count("epoch") == 2 * 2 * 2 + 2


def test_wrappers_show_the_tasks_of_inner_estimators_of_other_libraries():
    seen = RecordingAutoPropagatedCallback()
    wrapped = ParallelPostFit(linear_model.LogisticRegression(max_iter=20))
    wrapped.set_callbacks(seen).fit(X, Y)
    assert names(seen, "on_fit_task_begin")[0] == "fit"
    assert "lbfgs-iter" in names(seen, "on_fit_task_begin")


@pytest.mark.parametrize("name", ["SGDClassifier", "MLPClassifier", "Incremental"])
def test_partial_fit_calls_them_too(name):
    seen = RecordingCallback()
    model = clone(LEARNERS[name]).set_callbacks(seen)
    model.partial_fit(*data(), classes=CLASSES)
    model.partial_fit(*data())
    assert names(seen, "on_fit_task_end").count("epoch") == 2
    assert seen.count_hooks("setup") == seen.count_hooks("teardown") == 2


def test_labels_are_a_pass():
    for encoder in (pre.LabelEncoder(), pre.LabelBinarizer()):
        seen = RecordingCallback()
        encoder.set_callbacks(seen).fit(data()[1])
        assert names(seen, "on_fit_task_end").count("labels") == 1


def test_an_estimator_with_callbacks_is_copied_and_pickled():
    model = fit(clone(LEARNERS["SGDClassifier"]), ScoringMonitor(scoring="accuracy"))
    assert len(pickle.loads(pickle.dumps(model))._skl_callbacks) == 1
    assert len(copy.deepcopy(model)._skl_callbacks) == 1
    assert not hasattr(clone(model), "coef_")
