"""``Incremental(..., n_parallel=n)``: copies learn side by side and are averaged."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from sklearn import linear_model, naive_bayes, preprocessing
from sklearn.base import BaseEstimator
from sklearn.neural_network import MLPClassifier

from streamlearn.blocks import from_blocks
from streamlearn.wrappers import Incremental

LENGTHS = (30, 50, 20, 40, 60, 10, 0, 25, 35, 30)
ENDS = np.cumsum(LENGTHS)
BLOCKS = [slice(end - n, end) for end, n in zip(ENDS, LENGTHS, strict=True)]
DRAWS = np.random.default_rng(0)
X = DRAWS.normal(size=(ENDS[-1], 4))
Y = np.digitize(X[:, 0] + 0.3 * DRAWS.normal(size=len(X)), [-0.7, 0.6])
W = DRAWS.integers(1, 4, len(X)) / 2
CLASSES = [0, 1, 2]


def in_blocks(*arrays: np.ndarray) -> list[Any]:
    return [da.from_array(a, chunks=(LENGTHS, *a.shape[1:])) for a in arrays]


def by_hand(estimator: Any, n: int, **how: Any) -> Any:
    """Return what rounds of n blocks make of scikit-learn's estimator, with averages by rows."""
    estimator = deepcopy(estimator)
    for at in range(0, len(BLOCKS), n):
        rows, copies = [b for b in BLOCKS[at : at + n] if b.stop > b.start], []
        for block in rows:
            copy = deepcopy(estimator)
            given = {name: a[block] if name == "sample_weight" else a for name, a in how.items()}
            copies.append(copy.partial_fit(X[block], Y[block], **given))
        if not copies:
            continue
        lengths = [block.stop - block.start for block in rows]
        t = getattr(estimator, "t_", 1.0)
        estimator = deepcopy(copies[0])
        estimator.coef_ = np.average([c.coef_ for c in copies], axis=0, weights=lengths)
        estimator.intercept_ = np.average([c.intercept_ for c in copies], axis=0, weights=lengths)
        estimator.t_ = t + sum(lengths)
    return estimator


MODELS = {
    "SGDClassifier": linear_model.SGDClassifier(random_state=0),
    "invscaling": linear_model.SGDClassifier(
        loss="log_loss", learning_rate="invscaling", eta0=0.1, random_state=0
    ),
    "SGDRegressor": linear_model.SGDRegressor(random_state=0),
    "Perceptron": linear_model.Perceptron(),
}


def labels(name: str) -> dict[str, Any]:
    return {} if name == "SGDRegressor" else {"classes": CLASSES}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n", [1, 2, 4, 100])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_scikit_learns_trained_block_by_block_and_averaged_by_hand(name, n, weighted):
    how = {"sample_weight": W} if weighted else {}
    expected = by_hand(MODELS[name], n, **labels(name), **how)
    model = Incremental(MODELS[name], n_parallel=n, shuffle=False)
    dX, dy, dw = in_blocks(X, Y, W)
    model.fit(dX, dy, **labels(name), **({"sample_weight": dw} if weighted else {}))
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(model.intercept_, expected.intercept_, rtol=1e-10)
    assert model.t_ == expected.t_ == 1 + len(X)


@pytest.mark.parametrize("name", MODELS)
def test_schedulers_sources_and_calls_change_no_bit(name):
    model, found = Incremental(MODELS[name], n_parallel=4, random_state=0), []
    for settings in (
        {"scheduler": "sync"},
        {"scheduler": "threads", "num_workers": 2},
        {"scheduler": "threads", "num_workers": 8, "streamlearn.window": 1},
    ):
        with dask.config.set(settings):
            found.append(model.fit(*in_blocks(X, Y), **labels(name)).coef_.tobytes())
    assert len(set(found)) == 1
    ordered = Incremental(MODELS[name], n_parallel=4, shuffle=False)
    expected = ordered.fit(*in_blocks(X, Y), **labels(name)).coef_.tobytes()
    source = from_blocks([(X[rows], Y[rows]) for rows in BLOCKS])
    assert ordered.fit(*source, **labels(name)).coef_.tobytes() == expected
    again = Incremental(MODELS[name], n_parallel=4, shuffle=False)
    assert again.partial_fit(*in_blocks(X, Y), **labels(name)).coef_.tobytes() == expected


def test_an_array_in_memory_is_one_block():
    model = linear_model.SGDClassifier(random_state=0)
    one, many = (
        Incremental(model, n_parallel=n, max_iter=3).fit(X, Y, classes=CLASSES) for n in (1, 4)
    )
    assert one.coef_.tobytes() == many.coef_.tobytes()


def test_patience_holds_blocks_out_of_the_rounds():
    model = Incremental(
        MODELS["SGDClassifier"], n_parallel=3, patience=2, max_iter=20, random_state=0
    )
    model.fit(*in_blocks(X, Y), classes=CLASSES)
    assert len(model.validation_scores_) == model.n_iter_
    best = 1 + model.validation_scores_.index(model.best_validation_score_)
    of_an_epoch, rest = divmod(model.t_ - 1, best)
    assert rest == 0
    assert len(X) - of_an_epoch in LENGTHS[:6] + LENGTHS[7:]  # one block is held out


@pytest.mark.parametrize(
    ("estimator", "why"),
    [
        (linear_model.SGDClassifier(average=True), "SGDClassifier also learns _average_coef"),
        (naive_bayes.GaussianNB(), "GaussianNB lacks floats in coef_ and intercept_"),
        (MLPClassifier((3,)), "MLPClassifier lacks floats in coef_ and intercept_"),
        (preprocessing.StandardScaler(), "StandardScaler lacks floats in coef_ and intercept_"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_averaged_is_named(estimator, why):
    model = Incremental(estimator, n_parallel=2)
    arrays = in_blocks(X, Y)
    with pytest.raises(ValueError, match=f"n_parallel > 1 averages .* {why}") as caught:
        model.fit(*arrays)
    assert "Give n_parallel=1, an estimator" in str(caught.value)
    model.set_params(n_parallel=1).fit(*arrays)
    assert not hasattr(Incremental(estimator, n_parallel=2), "estimator_")


class Counting(BaseEstimator):
    """Counts rows, and merges copies itself."""

    def partial_fit(self, X: Any, y: Any = None) -> Counting:
        self.n_ = getattr(self, "n_", 0) + len(X)
        return self

    def merge(self, other: Counting, before: Counting) -> Counting:
        out = Counting()
        out.n_ = self.n_ + other.n_ - getattr(before, "n_", 0)
        return out


class OfAnotherKind(Counting):
    """Has a method of the same name that does something else."""

    def merge(self, path: str) -> None:
        raise AssertionError("nobody calls it")


def test_an_estimator_may_merge_copies_itself():
    assert Incremental(Counting(), n_parallel=3).fit(*in_blocks(X, Y)).n_ == len(X)
    with pytest.raises(ValueError, match="OfAnotherKind lacks floats"):
        Incremental(OfAnotherKind(), n_parallel=3).fit(*in_blocks(X, Y))
