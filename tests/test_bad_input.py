"""Bad input x call x estimator x container: what the error says, and that nothing has changed.

The tables are tests/bad_input_cases.py, of estimators, and tests/bad_call_cases.py, of functions
and searches. The page docs/bad_input.md is both with the errors as they came; after a change print
it again::

    python -m tests.test_bad_input > docs/bad_input.md
"""

from __future__ import annotations

import copy
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import dask
import joblib
import numpy as np
import pytest
import sklearn
from scipy.sparse import issparse
from sklearn import linear_model as theirs
from sklearn.base import BaseEstimator, clone, is_classifier

from streamlearn.feature_selection import VarianceThreshold
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import Pipeline
from streamlearn.stages import learns_nothing
from tests.backends import MODULES, selected
from tests.bad_call_cases import CALLS, Call
from tests.bad_input_cases import (
    AGAIN,
    ANSWER,
    ARRAY,
    CASES,
    DASK,
    DASK_FRAME,
    ELSEWHERE,
    ESTIMATORS,
    EVERY,
    FRAME,
    LEARN,
    ONCE,
    OUT_OF_RANGE,
    SHOWN,
    Case,
    encoders,
    everyone,
    good,
    has,
    of_numbers,
    table,
)
from tests.containers import CHUNKS, N_ROWS, dask_array, dask_frame, frame
from tests.public import public_estimators

# Calls


def wrapped(kind: str) -> Callable[[Any], Any]:
    """Return what puts NumPy's arrays in the container and leaves all else."""

    def wrap(x: Any) -> Any:
        if callable(x):
            return x(wrap)
        if not isinstance(x, np.ndarray):
            return x
        if kind in (DASK, DASK_FRAME):
            ends = np.minimum(np.cumsum(CHUNKS), len(x))
            chunks = tuple(np.diff(ends, prepend=0).tolist())
            return dask_array(x, chunks) if kind == DASK else dask_frame(x, chunks)
        return x if kind == ARRAY else frame(x)

    return wrap


def arguments(estimator: BaseEstimator, case: Case, kind: str) -> dict[str, Any]:
    rows = good(estimator)
    given = {"X": rows.X, "y": rows.y, **case.make(rows)}
    return {name: wrapped(kind)(x) for name, x in given.items()}


def call(estimator: BaseEstimator, method: str, X: Any, y: Any, **more: Any) -> None:
    """Call a method, and make all blocks of a lazy answer."""
    with dask.config.set(scheduler="sync"):
        if method in ANSWER:
            out = getattr(estimator, method)(X)
            if dask.is_dask_collection(out):
                dask.compute(*np.ravel(np.asarray(out.to_delayed(), dtype=object)))
            return
        if method == "partial_fit" and is_classifier(estimator) and "classes" not in more:
            more["classes"] = None if hasattr(estimator, "classes_") else [0, 1, 2]
        getattr(estimator, method)(X, y, **{k: v for k, v in more.items() if v is not None})


@cache
def fitted(name: str, kind: str) -> BaseEstimator:
    estimator, wrap = clone(ESTIMATORS[name]), wrapped(kind)
    rows = good(estimator)
    return estimator.fit(wrap(rows.X), wrap(rows.y))


def prepared(name: str, case: Case, kind: str, state: str) -> BaseEstimator:
    estimator = clone(ESTIMATORS[name]) if state == "new" else copy.deepcopy(fitted(name, kind))
    return estimator.set_params(**case.params)


def calls(name: str, case: Case) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the containers of a case, the states of the estimator, and the methods to call."""
    estimator = ESTIMATORS[name]
    for kind in case.where:
        unread = kind in (DASK, DASK_FRAME) and learns_nothing(estimator) and not case.declared
        own = [m for m in case.calls if has(estimator, m) and not (unread and m in LEARN)]
        for state in ("new", "fitted") if case.state == "both" else (case.state,):
            # What only answers is called when there is a fit, but where that is the case.
            able = own if state in ("fitted", case.state) else [m for m in own if m in LEARN]
            if able:
                yield kind, state, able


def answers(estimator: BaseEstimator, kind: str) -> list[np.ndarray]:
    """Return what a fitted estimator makes of good rows."""
    rows = good(estimator) if encoders(estimator) else table(labels=True)
    X = wrapped(FRAME if kind in (FRAME, DASK_FRAME) else ARRAY)(rows.X)
    found = (getattr(estimator, m)(X) for m in ANSWER if has(estimator, m))
    return [x.toarray() if issparse(x) else np.asarray(x) for x in found]


def error_of(estimator: BaseEstimator, method: str, case: Case, kind: str) -> Exception | None:
    """Return the error of a call."""
    given = arguments(estimator, case, kind)
    try:
        call(estimator, method, **given)
    except Exception as error:
        return error
    return None


def state_of(estimator: BaseEstimator) -> str:
    """Return a hash of all attributes. joblib takes no masked arrays, which searches have."""
    known = dict(vars(estimator))
    if "cv_results_" in known:
        known["cv_results_"] = {k: np.asarray(v).tolist() for k, v in known["cv_results_"].items()}
    return joblib.hash([type(estimator), known])


def in_words(error: Exception | None) -> str:
    """Return the message of an error and its notes as one line."""
    text = " ".join(
        part if part.endswith((".", "!")) else f"{part}."
        for part in (str(error), *getattr(error, "__notes__", ()))
    )
    return " ".join(text.split())


@pytest.mark.complete(share=0.1)  # there are 2,400
@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(name, case, id=f"{name}-{case.given.replace('`', '')}")
        for cases in CASES.values()
        for case in cases
        for name, estimator in ESTIMATORS.items()
        if case.is_for(estimator)
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_bad_input_is_refused_in_words_and_changes_nothing(name, case):
    for kind, state, methods in calls(name, case):
        estimator = prepared(name, case, kind, state)
        # What learns nothing, and a threshold, answer by their parameters, good or bad.
        by_parameters = learns_nothing(estimator) or isinstance(estimator, VarianceThreshold)
        again = state == "fitted" and not (case.params and by_parameters)
        known = answers(estimator, kind) if again else []
        # The state is taken after the answers: the first one may compute and keep an inverse.
        before = state_of(estimator)
        for method in methods:
            where = f"{method}, {SHOWN[kind]}, {state}"
            error = error_of(estimator, method, case, kind)
            assert isinstance(error, case.error), f"{where}: {error!r}"
            assert re.search(case.says, in_words(error)), f"{where}: {in_words(error)}"
            assert state_of(estimator) == before, f"{where}: the estimator has changed"
        if known:
            for a, b in zip(answers(estimator, kind), known, strict=True):
                np.testing.assert_array_equal(a, b)


def error_of_call(case: Call, kind: str) -> Exception | None:
    """Return the error of a function or a search."""
    try:
        with dask.config.set(scheduler="sync"):
            case.call(wrapped(kind))
    except Exception as error:
        return error
    return None


@pytest.mark.complete
@pytest.mark.parametrize(
    ("case", "kind"),
    [
        pytest.param(case, kind, id=f"{case.given}-{case.to}-{kind}".replace("`", ""))
        for cases in CALLS.values()
        for case in cases
        for kind in case.where
    ],
)
def test_a_bad_call_is_refused_in_words(case, kind):
    error = error_of_call(case, kind)
    assert isinstance(error, case.error), repr(error)
    assert re.search(case.says, in_words(error)), in_words(error)


def test_every_public_estimator_is_in_the_table_or_has_a_reason():
    assert set(public_estimators()) == ESTIMATORS.keys() | ELSEWHERE.keys()
    assert not ESTIMATORS.keys() & ELSEWHERE.keys()


@pytest.mark.complete
@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_parameter_has_a_value_out_of_range(name):
    estimator = ESTIMATORS[name]
    if not isinstance(estimator, Pipeline):
        known = type(estimator)._parameter_constraints
        checked = {name for name in known if known[name] != "no_validation"}
        assert checked <= OUT_OF_RANGE.keys()


OTHERS = [name for name in selected() if MODULES[name] != "numpy"]


# In float32 there is one number alone in a feature that is far from zero.
@pytest.mark.filterwarnings("ignore:Feature 0 is constant", "ignore:self.within_class_std_dev_")
@pytest.mark.parametrize(
    "name", [name for name, x in ESTIMATORS.items() if of_numbers(x) and not learns_nothing(x)]
)
@pytest.mark.parametrize("backend", OTHERS, indirect=True)
def test_a_model_and_arrays_of_different_libraries(name, backend):
    """A model of any library asked with NumPy, and a model of NumPy asked with any."""
    rows = table(labels=is_classifier(ESTIMATORS[name]))
    here = {"X": rows.X, "y": rows.y}
    there = {name: backend.asarray(x) for name, x in here.items()}
    for known, asked in ((here, there), (there, here)):
        model = clone(ESTIMATORS[name]).fit(**known)
        if hasattr(model, "get_precision"):
            model.get_precision()  # an inverse is computed and kept by the first call that needs it
        before = copy.copy(vars(model))
        dropped = name == "VarianceThreshold" and not model.get_support().all()
        for method in AGAIN:
            # Without the feature of one number, rows to go back from have fewer columns.
            if hasattr(model, method) and not (dropped and method == "inverse_transform"):
                with pytest.raises(ValueError, match=r"same namespace and the same device.*Move"):
                    call(model, method, **asked)
        assert vars(model) == before


# What is no error


def test_negative_weights_are_taken_as_scikit_learn_takes_them():
    X, y, w = table(labels=True)
    X, w = (X - X.mean(axis=0)) / X.std(axis=0), np.where(np.arange(N_ROWS) % 5, w, -w)
    how = {"learning_rate": "invscaling", "shuffle": False, **ONCE}
    ours = SGDClassifier(batch_size=1, **how).fit(X, y, sample_weight=w)
    known = theirs.SGDClassifier(**how).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(ours.coef_, known.coef_, rtol=1e-10, atol=1e-12)


# The page


PAGE = Path(__file__).parents[1] / "docs" / "bad_input.md"
LONGEST = 330
HEAD = """\
# What errors about bad input say

Each line is a case of `tests/bad_input_cases.py` or `tests/bad_call_cases.py`. It says what is
given, to which calls of which estimators or functions, and in which container. The message is that
of the first of these. An error does not change the estimator: a fitted one has the same attributes
and predicts the same.

- For NumPy arrays and pandas frames in memory most messages are scikit-learn's.
- Block 3 of X is `X.blocks[3]` of a dask array X, and `X.partitions[3]` of a frame.
- If a block cannot be read, the error is not changed. It gets a note that names the block, which is
  the last line of the traceback.
- Predictions over dask collections are lazy. An error in a block is raised when they are computed.
- Negative weights are an error for `learning_rate="auto"`, for clusters and for quantiles.
  Elsewhere they are allowed, as in scikit-learn.

Printed with scikit-learn {version} by `python -m tests.test_bad_input > docs/bad_input.md`.
"""


def message(name: str, case: Case, kind: str) -> str:
    """Return the first error of a case, as a cell of the page."""
    state, method = next((s, methods[0]) for k, s, methods in calls(name, case) if k == kind)
    return shown(error_of(prepared(name, case, kind, state), method, case, kind))


def shown(error: Exception | None) -> str:
    """Return an error as a cell of the page."""
    # No rows of numbers, and what scikit-learn takes from a set in alphabetical order.
    text = re.sub(r" ?[\[\]\d\s.+ej-]{80,}", " [...] ", in_words(error)).strip()
    text = re.sub(
        r"{('[^']+'(, )?)+}", lambda m: f"{{{', '.join(sorted(m[0][1:-1].split(', ')))}}}", text
    )
    if len(text) > LONGEST:
        text = text[: text.rindex(" ", 0, LONGEST)] + " ..."
    return f"{type(error).__name__}: {text}".replace("|", "\\|").replace("<", "&lt;")


def message_of_call(case: Call, kind: str) -> str:
    return shown(error_of_call(case, kind))


def in_calls(case: Case) -> str:
    """Return the calls and the estimators that a case is for."""
    left_out = [f"`{method}`" for method in EVERY if method not in case.calls]
    if len(left_out) < 3:
        text = " except ".join(["every call", *([", ".join(left_out)] if left_out else [])])
    elif set(ANSWER) <= set(case.calls):
        text = "every call that answers"
    else:
        text = ", ".join(f"`{method}`" for method in case.calls)
    return text if case.to is everyone else f"{text} of {case.to.__doc__}"


def lines(case: Case) -> Iterator[tuple[str, ...]]:
    """Yield the line of a case, or one for each container where the errors differ."""
    name = next(name for name, estimator in ESTIMATORS.items() if case.is_for(estimator))
    yield from in_containers(case, in_calls(case), partial(message, name, case))


def in_containers(
    case: Case | Call, to: str, message_in: Callable[[str], str]
) -> Iterator[tuple[str, ...]]:
    """Yield the cells of a case, a line for each container where the errors differ."""
    found: dict[str, list[str]] = {}
    for kind in case.where:
        found.setdefault(message_in(kind), []).append(SHOWN[kind])
    first = (case.given, to)
    for text, kinds in found.items():
        yield *first, ", ".join(kinds), text
        first = ("", "")


def page() -> str:
    """Return docs/bad_input.md."""
    out = [HEAD.format(version=sklearn.__version__)]
    for section, cases in CASES.items():
        out += [f"## {section}", "", "| given | to | in | message |", "|---|---|---|---|"]
        out += [f"| {' | '.join(line)} |" for case in cases for line in lines(case)]
        out.append("")
    for section, several in CALLS.items():
        out += [f"## {section}", "", "| given | to | in | message |", "|---|---|---|---|"]
        for each in several:
            message_in = partial(message_of_call, each)
            out += [f"| {' | '.join(line)} |" for line in in_containers(each, each.to, message_in)]
        out.append("")
    return "\n".join(out).rstrip() + "\n"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_page_is_what_the_table_prints():
    """Another scikit-learn may have other words: then the cases alone must be the same."""
    written, printed = PAGE.read_text(encoding="utf-8"), page()
    if f"scikit-learn {sklearn.__version__} " not in written:
        written, printed = (
            re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE) for text in (written, printed)
        )
    assert written == printed, "run: python -m tests.test_bad_input > docs/bad_input.md"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.stdout.write(page())
