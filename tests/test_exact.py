"""scikit-learn's algorithm row by row, cell by cell of everything that it accepts.

A cell is a loss, a learning rate, a penalty, an average, weights, and what y holds. Gradient steps
of a fixed size are chaotic on some data: what scikit-learn answers there is rounding. Every cell is
therefore run on the first of a few tables and strengths of the penalty on which scikit-learn's own
answer moves by less than 1e-12 when each number of X moves to the next float. No cell is left out.
"""

from __future__ import annotations

import itertools
import warnings
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy import sparse as sp
from sklearn import linear_model as theirs
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import compute_class_weight
from sklearn.utils._param_validation import InvalidParameterError

from streamlearn import linear_model
from streamlearn.core.linear.losses import MARGIN_LOSSES, SKLEARN_LOSSES
from streamlearn.core.linear.rates import RATES
from streamlearn.core.linear.row_step import PASSIVE
from streamlearn.linear_model import (
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
    Perceptron,
    SGDClassifier,
    SGDRegressor,
)
from streamlearn.linear_model.base import SGD
from streamlearn.pipeline import make_pipeline
from tests.containers import dask_array

N_ROWS = 70
KINDS = ("two classes", "three classes", "values")
VALUE_LOSSES = [name for name in SKLEARN_LOSSES if name not in MARGIN_LOSSES]
PENALTIES = ("l2", "l1", "elasticnet", None)
AVERAGES = {"two classes": (False, True), "three classes": (False, 40), "values": (False, True)}
WEIGHTS = (None, "rows", "classes")
ALPHAS = (1e-6, 1e-3, 0.1, 10.0)


class Table(NamedTuple):
    """Rows, values and codes of two and three classes to learn, weights."""

    X: np.ndarray
    targets: dict[str, np.ndarray]
    rows: np.ndarray


def table(centre: Any, scale: Any) -> Table:
    rng = np.random.default_rng(7)
    Z = rng.normal(size=(N_ROWS, 4))
    values = Z @ [1.0, -0.5, 0.3, 0.0] + 0.3 * rng.normal(size=N_ROWS)
    codes = {n: np.searchsorted(np.quantile(values, np.linspace(0, 1, n + 1)[1:-1]), values)
             for n in (2, 3)}  # fmt: skip
    targets = {"two classes": codes[2], "three classes": codes[3], "values": values}
    return Table(Z * scale + centre, targets, rng.uniform(0.1, 2.0, N_ROWS))


TABLES = {
    "plain": table(0.2, 0.5),
    "far from 0": table([3.0, -3.0, 0.0, 2.0], 0.1),
    "scales over orders": table(0.0, [1e-4, 1e-1, 1.0, 1e-2]),
    "small": table(0.0, 1e-2),
}


ABSENT = np.random.default_rng(3).random((4, N_ROWS, 4)) < 0.6
ABSENT[1:, :, 0] = False
"""What is 0 in sparse rows, where no table will do the first time in others; some have nothing."""


class Fits(NamedTuple):
    """What scikit-learn answers in a cell, on the table and alpha that the cell is sound on."""

    table: Table
    how: dict[str, Any]
    known: Any
    moved: list[Any]


def cells(kind: str, loss: str, rate: str) -> list[dict[str, Any]]:
    weights = WEIGHTS if kind != "values" else WEIGHTS[:2]
    return [
        {"loss": loss, "learning_rate": rate, "penalty": penalty, "average": average, "w": w}
        for penalty, average, w in itertools.product(PENALTIES, AVERAGES[kind], weights)
    ]


def fit(model: Any, X: np.ndarray, kind: str, given: Table, w: Any) -> Any:
    rows = given.rows.astype(X.dtype) if w == "rows" else None
    if getattr(model, "class_weight", None) == "balanced" and not isinstance(model, SGD):
        classes, y = np.unique(given.targets[kind]), given.targets[kind]
        counted = compute_class_weight("balanced", classes=classes, y=y, sample_weight=rows)
        model.set_params(class_weight=dict(zip(classes.tolist(), counted, strict=True)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, given.targets[kind], sample_weight=rows)


def nudged(X: np.ndarray, seed: int) -> np.ndarray:
    up = np.random.default_rng(seed).random(X.shape) < 0.5
    moved = np.where(up, np.nextafter(X, X.dtype.type(np.inf)), np.nextafter(X, -np.inf))
    return np.where(X == 0.0, X, moved).astype(X.dtype)


def next_to(how: dict[str, Any], to: float) -> dict[str, float]:
    """Return the strength and the step size, each the next float towards ``to``."""
    return {name: float(np.nextafter(how[name], to)) for name in ("alpha", "eta0")}


def distance(a: Any, b: Any) -> float:
    """Return how far two models are apart, of the larger of the second's numbers."""
    pairs = [(a.coef_, b.coef_), (a.intercept_, b.intercept_)]
    size = max(np.abs(y).max() for _, y in pairs)
    return max(float(np.abs(x - y).max()) for x, y in pairs) / (size or 1.0)


def sound(
    kind: str, cell: dict[str, Any], turn: int, dtype: str = "float64", make: Any = np.asarray
) -> Fits:
    """Return scikit-learn's fits where they are no rounding."""
    cell = dict(cell)
    w = cell.pop("w")
    model = theirs.SGDRegressor if kind == "values" else theirs.SGDClassifier
    if w == "classes":
        cell["class_weight"] = {0: 0.5, 1: 2.0, 2: 1.25} if kind == "three classes" else "balanced"
    rule = {"max_iter": 3, "tol": 0.03, "n_iter_no_change": 1, "shuffle": False}
    tries = list(itertools.product(ALPHAS, TABLES))
    for i in range(len(tries) * (len(ABSENT) if make is sp.csr_matrix else 1)):
        alpha, name = tries[(5 * turn + i) % len(tries)]
        how = {
            **cell, **rule, "alpha": alpha, "l1_ratio": 0.3, "epsilon": 0.05, "eta0": 0.07,
            "power_t": 0.4,
        }  # fmt: skip
        given, limit = TABLES[name], 1e-12 if dtype == "float64" else 1e-3
        if make is sp.csr_matrix:
            given = given._replace(X=np.where(ABSENT[i // len(tries)], 0.0, given.X))
        X = given.X.astype(dtype)
        known = fit(model(**how), make(X), kind, given, w)
        moved = [
            fit(model(**how | next_to(how, to)), make(nudged(X, seed)), kind, given, w)
            for seed, to in enumerate((np.inf, 0.0))
        ]
        if all(distance(m, known) < limit and m.n_iter_ == known.n_iter_ for m in moved):
            SEEN[alpha] += 1
            SEEN[name] += 1
            return Fits(given._replace(X=make(given.X)), how, known, moved)
    raise AssertionError(f"scikit-learn's answer is rounding on all tables: {cell}")


SEEN: Counter = Counter()
"""How many cells each alpha and each table was used for."""

GROUPS = [
    (kind, loss, rate)
    for kind, loss in itertools.product(KINDS, SKLEARN_LOSSES)
    for rate in (*RATES, *PASSIVE)
    if kind != "values" or loss in VALUE_LOSSES
    if rate in RATES or loss == ("epsilon_insensitive" if kind == "values" else "hinge")
]


@pytest.mark.parametrize(("kind", "loss", "rate"), GROUPS, ids=map(" ".join, GROUPS))
def test_every_cell_is_scikit_learns(kind, loss, rate):
    ours = SGDRegressor if kind == "values" else SGDClassifier
    for turn, cell in enumerate(cells(kind, loss, rate), GROUPS.index((kind, loss, rate))):
        given, how, known, _ = sound(kind, cell, turn)
        got = fit(ours(batch_size=1, **how), given.X, kind, given, cell["w"])
        assert distance(got, known) <= 1e-10, how
        assert (got.t_, got.n_iter_) == (known.t_, known.n_iter_), how


def test_every_alpha_and_table_was_used():
    """Else the tables were too easy, or the last ones in the list."""
    for names in (ALPHAS, TABLES):
        used = [SEEN[name] for name in names]
        # A process may have run only a few of the cases.
        assert sum(used) < 60 or 10 * min(used) >= sum(used), SEEN


@pytest.mark.parametrize(("kind", "loss", "rate"), GROUPS, ids=map(" ".join, GROUPS))
def test_cells_of_sparse_rows_are_scikit_learns(kind, loss, rate):
    """With intercepts that move by a hundredth, and L1 penalties that cut what a row has."""
    ours, number = (
        SGDRegressor if kind == "values" else SGDClassifier,
        GROUPS.index((kind, loss, rate)),
    )
    for turn, cell in list(enumerate(cells(kind, loss, rate), number))[number % 4 :: 4]:
        given, how, known, _ = sound(kind, cell, turn, make=sp.csr_matrix)
        got = fit(ours(batch_size=1, **how), given.X, kind, given, cell["w"])
        assert distance(got, known) <= 1e-10, how
        assert (got.t_, got.n_iter_) == (known.t_, known.n_iter_), how


@pytest.mark.parametrize(("kind", "loss", "rate"), GROUPS, ids=map(" ".join, GROUPS))
def test_float32_is_as_far_off_as_scikit_learns_own(kind, loss, rate):
    ours = SGDRegressor if kind == "values" else SGDClassifier
    number = GROUPS.index((kind, loss, rate))
    for turn, cell in list(enumerate(cells(kind, loss, rate), number))[number % 4 :: 4]:
        given, how, known, moved = sound(kind, cell, turn, "float32")
        exact = fit(type(known)(**how), given.X, kind, given, cell["w"])
        got = fit(ours(batch_size=1, **how), given.X.astype("f"), kind, given, cell["w"])
        assert got.coef_.dtype == np.float32
        # 210 rows are learned from, each with a rounding or two.
        allowed = 4 * max(distance(m, exact) for m in (known, *moved)) + 32 * np.finfo("f").eps
        assert distance(got, exact) <= allowed, how


def any_parameters(rng: np.random.Generator, kind: str) -> dict[str, Any]:
    """Draw parameters that the cells leave as they are, with those of a cell."""
    _, loss, rate = GROUPS[rng.choice([i for i, group in enumerate(GROUPS) if group[0] == kind])]
    few = {"max_iter": int(rng.integers(1, 12)), "n_iter_no_change": int(rng.integers(1, 4))}
    values = {
        "penalty": PENALTIES, "average": (False, True, 2, 25), "fit_intercept": (True, False),
        "tol": (None, 0.0, 1e-3, 0.1), "shuffle": (False, True), "alpha": ALPHAS,
        "l1_ratio": (0.0, 0.15, 1.0), "eta0": (0.003, 0.07), "power_t": (0.0, 0.25, 1.0),
        "epsilon": (0.0, 0.1, 1.0), "early_stopping": (False, False, True),
    }  # fmt: skip
    if kind != "values":
        values["class_weight"] = (None, "balanced", {0: 0.5, 1: 2.0})
    drawn = {name: some[rng.integers(len(some))] for name, some in values.items()}
    if drawn["early_stopping"]:
        drawn |= {"validation_fraction": 0.3, "tol": None}  # what scikit-learn scores: see the docs
    return (
        {"loss": loss, "learning_rate": rate, "random_state": int(rng.integers(99))} | few | drawn
    )


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("kind", KINDS)
def test_parameters_drawn_together_give_scikit_learns_fit(kind, seed):
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    name = "SGDRegressor" if kind == "values" else "SGDClassifier"
    ours, known = (getattr(module, name) for module in (linear_model, theirs))
    w = WEIGHTS[rng.integers(2)]
    for _ in range(20):
        how, given = any_parameters(rng, kind), TABLES[rng.choice(list(TABLES))]
        want = fit(known(**how), given.X, kind, given, w)
        moved = [fit(known(**how | next_to(how, to)), nudged(given.X, 1), kind, given, w)
                 for to in (np.inf, 0.0)]  # fmt: skip
        if all(distance(m, want) < 1e-12 and m.n_iter_ == want.n_iter_ for m in moved):
            break
    got = fit(ours(batch_size=1, **how), given.X, kind, given, w)
    assert distance(got, want) <= 1e-10, how
    assert (got.t_, got.n_iter_) == (want.t_, want.n_iter_), how


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("rate", ["optimal", "adaptive", "pa1"])
@pytest.mark.parametrize("kind", KINDS)
def test_calls_of_partial_fit_begin_where_scikit_learns_do(kind, rate, penalty):
    """The L1 penalty received and the adaptive step size start again, the count of rows goes on."""
    given, classes = TABLES["plain"], {} if kind == "values" else {"classes": [0, 1, 2]}
    loss = "hinge" if kind != "values" else "epsilon_insensitive"
    how = {"loss": loss, "penalty": penalty, "alpha": 0.03, "eta0": 0.07, "learning_rate": rate}
    ours, known = (
        getattr(module, "SGDRegressor" if kind == "values" else "SGDClassifier")
        for module in (linear_model, theirs)
    )
    # Under an average scikit-learn's classifiers begin a call with the intercepts of another.
    for average in (False, 30) if kind == "values" else (False,):
        a = ours(batch_size=1, shuffle=False, average=average, **how)
        b = known(shuffle=False, average=average, **how)
        for at in (slice(0, 25), slice(25, 26), slice(26, 70)):
            for model in (a, b):
                model.partial_fit(given.X[at], given.targets[kind][at], **classes)
            assert distance(a, b) <= 1e-10
            assert a.t_ == b.t_


def drawn(kind: str, how: dict[str, Any], random_state: Any, X: np.ndarray, w: Any) -> list[Any]:
    """Return our fit and scikit-learn's, with the same draws."""
    given, name = TABLES["plain"], "SGDRegressor" if kind == "values" else "SGDClassifier"
    models = []
    for module, more in ((linear_model, {"batch_size": 1}), (theirs, {})):
        state = np.random.RandomState(3) if random_state == "instance" else random_state
        model = getattr(module, name)(**how, **more, random_state=state)
        models.append(fit(model, X, kind, given, w))
        models[-1].next_draw = None if isinstance(state, int) else state.random_sample()
    return models


@pytest.mark.complete
@pytest.mark.parametrize("random_state", [7, "instance"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("stop", [False, True])
def test_draws_are_scikit_learns(stop, average, kind, random_state):
    """The order of the rows in each epoch, and which are held out to stop by."""
    for penalty, w, loss in itertools.product(
        (None, "l2"),
        (None, "rows"),
        ("hinge", "log_loss") if kind != "values" else ("squared_error", "huber"),
    ):
        how = {
            "loss": loss, "penalty": penalty, "average": average, "early_stopping": stop,
            "learning_rate": "constant", "eta0": 0.01, "max_iter": 30, "n_iter_no_change": 2,
        }  # fmt: skip
        if stop and (penalty, loss) != (None, "hinge") and kind != "values":
            how |= {"fit_intercept": False, "max_iter": 4}  # what scikit-learn scores: see the docs
        if stop and penalty and kind == "values":
            how["max_iter"] = 2
        got, known = drawn(kind, how, random_state, TABLES["plain"].X, w)
        assert distance(got, known) <= 1e-10, how
        assert (got.t_, got.n_iter_) == (known.t_, known.n_iter_)
        assert got.next_draw == known.next_draw


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_held_out_is_what_scikit_learn_holds_out(kind):
    how = {"early_stopping": True, "penalty": None, "shuffle": False, "tol": 1e-3, "eta0": 0.05}
    how |= {"learning_rate": "constant", "n_iter_no_change": 3, "validation_fraction": 0.3}
    ended = set()
    for seed in range(5):
        got, known = drawn(kind, how, seed, TABLES["plain"].X, None)
        assert distance(got, known) <= 1e-10
        assert (got.t_, got.n_iter_) == (known.t_, known.n_iter_)
        ended.add(got.n_iter_)
    assert len(ended) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_partial_fit_counts_on_from_a_fit_that_held_rows_out(kind):
    given, how = TABLES["plain"], {"penalty": None, "learning_rate": "invscaling", "eta0": 0.1}
    models = drawn(kind, how | {"early_stopping": True, "max_iter": 4}, 0, given.X, None)
    for model in models:
        model.set_params(early_stopping=False).partial_fit(given.X, given.targets[kind])
    assert distance(*models) <= 1e-10
    assert models[0].t_ == models[1].t_ == 1 + 70 * 5


@pytest.mark.parametrize("kind", KINDS)
def test_a_warm_start_begins_where_scikit_learns_does(kind):
    """Under an average with the mean, once there is one."""
    given, how = TABLES["plain"], {"warm_start": True, "max_iter": 1, "tol": None, "eta0": 0.05}
    # Of regressors scikit-learn's new mean has a rest of the old one.
    for average in (False, 20, 100) if kind != "values" else (False, 100):
        models = drawn(kind, how | {"average": average}, 0, given.X, None)
        for model in models:
            model.fit(given.X[1:], given.targets[kind][1:])
        assert distance(*models) <= 1e-10, average


def test_calls_of_partial_fit_draw_what_scikit_learns_do():
    given = TABLES["plain"]
    for kind, random_state in itertools.product(KINDS, (4, "instance")):
        models = [
            (linear_model.SGDRegressor, theirs.SGDRegressor)[i](**more)
            if kind == "values"
            else (SGDClassifier, theirs.SGDClassifier)[i](**more)
            for i, more in enumerate(({"batch_size": 1}, {}))
        ]
        more = {} if kind == "values" else {"classes": np.unique(given.targets[kind])}
        for model in models:
            model.random_state = np.random.RandomState(3) if random_state == "instance" else 4
            for at in (slice(0, 30), slice(30, 31), slice(31, 70)):
                model.partial_fit(given.X[at], given.targets[kind][at], **more)
        assert distance(*models) <= 1e-10


def test_partial_fit_goes_on_from_another_algorithm_and_penalty():
    """From the answer of the one before, with the count of rows."""
    given = TABLES["plain"]
    X, y = given.X, given.targets["values"]
    model = SGDRegressor(shuffle=False).partial_fit(X, y)
    steps = [{"batch_size": 1}, {"penalty": "l1"}, {"penalty": "l2"}, {"batch_size": 16}]
    for i, how in enumerate([*steps, {"batch_size": 1}]):
        before = model.coef_
        model.set_params(learning_rate="constant", eta0=1e-9, **how).partial_fit(X, y)
        assert 0 < np.abs(model.coef_ - before).max() < 1e-5
        assert model.t_ == 1 + 70 * (i + 2)


@pytest.mark.parametrize("chunks", [(70,), (1, 40, 0, 29)])
def test_blocks_are_one_call(chunks):
    given = TABLES["scales over orders"]
    how = {"penalty": "elasticnet", "learning_rate": "adaptive", "shuffle": False, "average": 9}
    for kind, model in (("three classes", SGDClassifier), ("values", SGDRegressor)):
        whole = model(batch_size=1, max_iter=2, tol=None, **how).fit(given.X, given.targets[kind])
        lazy = [dask_array(a, chunks) for a in (given.X, given.targets[kind])]
        blocks = model(batch_size=1, max_iter=2, tol=None, **how).fit(*lazy)
        assert distance(blocks, whole) <= 1e-13


@pytest.mark.complete
@pytest.mark.parametrize("loss", VALUE_LOSSES)
@pytest.mark.parametrize("scale", [1e50, 1e100, 1e160, 1e200, 1e300])
@pytest.mark.parametrize("rate", ["constant", "invscaling"])
def test_overflow_is_scikit_learns(loss, scale, rate):
    """The same error in the same epoch, or none.

    From 1e160 on scores may be an infinity minus another: there some losses of scikit-learn's take
    the comparison with NaN for an answer, and go on.
    """
    given = TABLES["plain"]
    X, y = given.X * scale, given.targets["values"]
    for penalty in (None, "l2"):
        how = {"loss": loss, "penalty": penalty, "learning_rate": rate, "eta0": 1.0, "tol": None}
        outcomes = []
        for model in (SGDRegressor(batch_size=1, **how), theirs.SGDRegressor(**how)):
            model.set_params(shuffle=False, max_iter=3)
            try:
                outcomes.append(bool(np.isfinite(model.fit(X, y).coef_).all()))
            except ValueError as error:
                outcomes.append(str(error))
        if scale < 1e160 or outcomes[1] is not True:
            assert outcomes[0] == outcomes[1], penalty


@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_perceptron_is_scikit_learns(kind, penalty):
    for name, how in itertools.product(TABLES, ({}, {"eta0": 0.07, "class_weight": "balanced"})):
        given = TABLES[name]
        how = {**how, "penalty": penalty, "shuffle": False, "tol": 0.02, "n_iter_no_change": 2}
        for w in (None, "rows"):
            known = fit(theirs.Perceptron(**how), given.X, kind, given, w)
            got = fit(Perceptron(**how), given.X, kind, given, w)
            assert distance(got, known) <= 1e-10, (name, w)
            assert (got.t_, got.n_iter_) == (known.t_, known.n_iter_)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix])
@pytest.mark.parametrize("rate", ["pa1", "pa2"])
@pytest.mark.parametrize("kind", KINDS[:2])
def test_rows_of_nothing_are_no_iterates_of_pa1(kind, rate, make):
    """Also the first ones of a call, and of a tile; for each class, in an order of its own."""
    given, y = TABLES["plain"], TABLES["plain"].targets[kind]
    X = given.X.copy()
    X[[0, 1, 20, 64, 65]] = 0.0
    how = {"learning_rate": rate, "penalty": None, "eta0": 0.3, "average": 10, "tol": None}
    for shuffle in (False, True):
        models = [
            module.SGDClassifier(**how, **more, shuffle=shuffle, random_state=0, max_iter=3).fit(
                make(X), y
            )
            for module, more in ((linear_model, {"batch_size": 1}), (theirs, {}))
        ]
        assert distance(*models) <= 1e-10


@pytest.mark.parametrize("average", [False, 30])
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:Class PassiveAggressive:FutureWarning")
def test_passive_aggressive_is_scikit_learns(kind, loss, average):
    ours, known = PassiveAggressiveClassifier, theirs.PassiveAggressiveClassifier
    how = {"loss": loss, "average": average, "shuffle": False, "tol": 0.02, "n_iter_no_change": 2}
    if kind == "values":
        ours, known = PassiveAggressiveRegressor, theirs.PassiveAggressiveRegressor
        how["loss"] = loss.replace("hinge", "epsilon_insensitive")
    for name, C in itertools.product(TABLES, (1.0, 0.03)):
        given = TABLES[name]
        a = fit(ours(C=C, **how), given.X, kind, given, None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            b = known(C=C, **how).fit(given.X, given.targets[kind])
        assert distance(a, b) <= 1e-10, (name, C)
        assert (a.t_, a.n_iter_) == (b.t_, b.n_iter_)
    if not average:
        classes = {} if kind == "values" else {"classes": [0, 1, 2]}
        a, b, given = ours(**how), known(**how), TABLES["plain"]
        for at in (slice(0, 30), slice(30, 70)):
            for model in (a, b):
                model.partial_fit(given.X[at], given.targets[kind][at], **classes)
            assert distance(a, b) <= 1e-10


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        (Perceptron, "eta0", 0.0), (Perceptron, "penalty", "l0"), (Perceptron, "batch_size", 0),
        (Perceptron, "l1_ratio", None),
        (PassiveAggressiveClassifier, "C", 0.0), (PassiveAggressiveRegressor, "C", -1.0),
        (PassiveAggressiveClassifier, "loss", "log_loss"),
        (PassiveAggressiveRegressor, "loss", "hinge"), (PassiveAggressiveRegressor, "epsilon", -1),
    ],
)  # fmt: skip
def test_parameters_of_the_short_names_are_checked_by_name(model, name, value):
    given = TABLES["plain"]
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter of {model.__name__}"):
        model(**{name: value}).fit(given.X, given.targets["two classes"])


def test_the_short_names_have_no_probabilities():
    for model in (Perceptron(), PassiveAggressiveClassifier()):
        assert not hasattr(model, "predict_proba")


@pytest.mark.parametrize("chunks", [(70,), (1, 40, 0, 29)])
def test_the_short_names_learn_from_blocks_and_in_a_pipeline(chunks):
    given = TABLES["plain"]
    for model, kind in (
        (Perceptron(shuffle=False), "three classes"),
        (PassiveAggressiveClassifier(shuffle=False, loss="squared_hinge"), "two classes"),
        (PassiveAggressiveRegressor(shuffle=False, C=0.1), "values"),
    ):
        lazy = [dask_array(a, chunks) for a in (given.X, given.targets[kind])]
        once = clone(model).set_params(max_iter=1, tol=None)
        whole = once.fit(given.X, given.targets[kind])
        blocks = clone(model).fit(*lazy)
        assert distance(blocks, whole) <= 1e-13
        line = make_pipeline(FunctionTransformer(), clone(model)).fit(*lazy)
        assert distance(line[-1], whole) <= 1e-13
        np.testing.assert_array_equal(line.predict(given.X), blocks.predict(given.X))


def test_rows_in_one_order_for_all_classes_are_those_of_the_first():
    """What `shuffle="rows"` asks for: the first class learns as ever, the others otherwise."""
    given = TABLES["plain"]
    how = {"batch_size": 1, "random_state": 0, "max_iter": 3, "tol": None, "eta0": 0.05}
    one, own = (
        SGDClassifier(learning_rate="constant", shuffle=shuffle, **how).fit(
            given.X, given.targets["three classes"]
        )
        for shuffle in ("rows", True)
    )
    np.testing.assert_allclose(one.coef_[0], own.coef_[0], rtol=1e-12)
    assert np.abs(one.coef_[1:] - own.coef_[1:]).min() > 1e-6
