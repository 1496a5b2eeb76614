"""Checks that are left out: they would have changed nothing."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from streamlearn._estimator import inputs as base
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.neural_network import MLPClassifier
from streamlearn.preprocessing import StandardScaler
from tests.public import public_estimators

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)) * [1e-6, 1.0, 1e6] + [0.0, 1e8, 0.0]
Y = (X[:, 0] > 0).astype(int)
ESTIMATORS: dict[str, Any] = {
    "SGDClassifier": lambda: SGDClassifier(classes=[0, 1], random_state=0),
    "SGDRegressor": lambda: SGDRegressor(random_state=0),
    "MLPClassifier": lambda: MLPClassifier(4, classes=[0, 1], random_state=0),
    "MiniBatchKMeans": lambda: MiniBatchKMeans(2, random_state=0),
    "StandardScaler": lambda: StandardScaler(),
}


def spoiled(value: float, at: tuple[int, ...], x: np.ndarray) -> np.ndarray:
    out = x.astype(np.float64)
    out[at] = value
    return out


ROWS: dict[str, Any] = {
    "clean": X,
    "float32": X.astype(np.float32),
    "a view that is not contiguous": np.repeat(X, 2, axis=0)[::2],
    "columns first": np.asfortranarray(X),
    "NaN": spoiled(np.nan, (40, 1), X),
    "infinity": spoiled(np.inf, (40, 1), X),
    "a sum that overflows": np.full((60, 3), 1e307),
    "other features": X[:, :2],
    "one dimension": X[:, 0],
    "no rows": X[:0],
    "integers": X.astype(np.int64),
    "the other byte order": X.astype(">f8"),
    "objects": X.astype(object),
    "complex": X.astype(complex),
    "a list": X.tolist(),
    "a frame": pd.DataFrame(X, columns=list("abc")),
}
TARGETS: dict[str, Any] = {
    "clean": Y,
    "floats": Y.astype(float),
    "NaN": spoiled(np.nan, (40,), Y),
    "infinity": spoiled(np.inf, (40,), Y),
    "other rows": Y[:-1],
    "a column": Y[:, None],
    "two columns": np.column_stack([Y, Y]),
    "text": np.array(["no", "yes"])[Y],
    "complex": Y.astype(complex),
    "a list": Y.tolist(),
}


def outcome(name: str, method: str, *data: Any) -> Any:
    """Return what comes of a call after a first one: the error in words, or the bits."""
    model = ESTIMATORS[name]()
    target = () if name in ("MiniBatchKMeans", "StandardScaler") else (Y,)
    model.partial_fit(X, *target)
    try:
        out = getattr(model, method)(*data[: 1 + (len(target) if method == "partial_fit" else 0)])
    except Exception as error:
        return type(error), str(error), getattr(error, "__notes__", None)
    if method == "partial_fit":
        answer = "transform" if name == "StandardScaler" else "predict"
        out = getattr(model, answer)(X)
    return out.dtype, out.shape, np.asarray(out).tobytes()


def with_and_without(monkeypatch: pytest.MonkeyPatch, *call: Any) -> None:
    got = outcome(*call)
    monkeypatch.setattr(base, "needs_no_checks", lambda *_, **__: False)
    assert got == outcome(*call)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.filterwarnings("ignore")
def test_rows_come_to_the_same_with_and_without_the_short_cut(monkeypatch, name, rows):
    for method in ("partial_fit", "transform" if name == "StandardScaler" else "predict"):
        with monkeypatch.context() as patch:
            with_and_without(patch, name, method, ROWS[rows], Y[: len(ROWS[rows])])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["SGDClassifier", "SGDRegressor", "MLPClassifier"])
@pytest.mark.filterwarnings("ignore")
def test_targets_come_to_the_same_with_and_without_the_short_cut(monkeypatch, name, target):
    with_and_without(monkeypatch, name, "partial_fit", X, TARGETS[target])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_clean_rows_are_not_checked_again(monkeypatch, name):
    model = ESTIMATORS[name]().partial_fit(X, Y)

    def refuse(*_args: Any, **_how: Any) -> None:
        raise AssertionError("checked again")

    monkeypatch.setattr(base, "validate_data", refuse)
    model.partial_fit(X, Y)
    (model.transform if name == "StandardScaler" else model.predict)(X)
    with pytest.raises(AssertionError, match="checked again"):
        model.partial_fit(X.tolist(), Y)


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != "StandardScaler"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_parameters_are_checked_in_each_fit_and_when_they_change(monkeypatch, name):
    model, seen = ESTIMATORS[name](), []
    plain = type(model)._validate_params
    monkeypatch.setattr(
        type(model), "_validate_params", lambda self: (seen.append(0), plain(self))[1]
    )
    for _ in range(3):
        model.partial_fit(X, Y)
    assert len(seen) == 1
    model.set_params(verbose=1, random_state=1).set_params(verbose=0).partial_fit(X, Y)
    assert len(seen) == 2
    kept = model.batch_size
    for _ in range(2):  # what is wrong does not count as seen
        with pytest.raises(ValueError, match="'batch_size' parameter"):
            model.set_params(batch_size=-3).partial_fit(X, Y)
    model.set_params(batch_size=kept).partial_fit(X, Y)
    before = len(seen)
    for _ in range(2):
        model.fit(X, Y)
    assert len(seen) == before + 2


@pytest.mark.parametrize("name", ESTIMATORS)
def test_while_an_error_is_put_right_nothing_learned_is_missing(name):
    """Another thread may ask at any line: here every line of ours is one."""
    model, learned, seen = ESTIMATORS[name]().partial_fit(X, Y), set(), []

    def at_each_line(_frame: Any, _event: str, _argument: Any) -> Any:
        seen.append(learned - vars(model).keys())
        return at_each_line

    learned = {attribute for attribute in vars(model) if attribute.endswith("_")}
    former = sys.gettrace()
    sys.settrace(at_each_line)
    try:
        with pytest.raises(ValueError, match="infinity"):
            model.partial_fit(ROWS["infinity"], Y)
    finally:
        sys.settrace(former)
    assert len(seen) > 100
    assert not set().union(*seen)


@pytest.mark.parametrize("name", sorted(public_estimators()))
def test_another_thread_may_add_attributes_while_it_is_asked_whether_it_is_fitted(name):
    cls = public_estimators()[name]
    model = cls.__new__(cls)

    class Adding(str):
        """A name that adds an attribute as soon as it is looked at, as another thread might."""

        __slots__ = ()

        def endswith(self, end: Any) -> bool:  # type: ignore[override]
            vars(model)[f"more{len(vars(model))}"] = None
            return str(self).endswith(end)

    vars(model).update({Adding("plain"): 0, Adding("learned"): 0, "steps": [], "transformers": []})
    with contextlib.suppress(NotFittedError, AttributeError):  # of wrappers without an estimator
        check_is_fitted(model)
