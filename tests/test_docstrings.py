"""What docstrings say of parameters and attributes is what there is.

scikit-learn asks the same of its own, in tests that it does not install for others.
"""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model as theirs
from sklearn.externals._numpydoc import docscrape
from sklearn.utils import get_tags

import streamlearn
from tests.public import OF_DOCUMENTS, documents, public_estimators

ESTIMATORS = public_estimators()


def parameters(doc: docscrape.NumpyDocString) -> dict[str, str]:
    """Return the documented parameters, each with its type."""
    return {
        name.lstrip("*"): parameter.type
        for parameter in doc["Parameters"]
        for name in parameter.name.split(", ")
    }


DIFFERENCES = "Differences from scikit-learn:"
NO_DIFFERENCES = "There are no differences from scikit-learn."


def differences(cls: type) -> list[str]:
    """Return the bullets about what is different, or the one sentence that nothing is."""
    lines = docscrape.ClassDoc(cls)["Notes"]
    if NO_DIFFERENCES in lines:
        return [NO_DIFFERENCES]
    if DIFFERENCES not in lines:
        return []
    bullets: list[str] = []
    for line in filter(None, lines[lines.index(DIFFERENCES) + 1 :]):
        if line.startswith("- "):
            bullets.append(line.removeprefix("- "))
        elif bullets and line.startswith("  "):
            bullets[-1] += f" {line.strip()}"
        else:
            break
    return bullets


def test_the_estimators_are_found():
    assert {
        "StandardScaler", "MinMaxScaler", "MaxAbsScaler", "SGDClassifier", "SGDRegressor",
        "Perceptron", "PassiveAggressiveClassifier", "PassiveAggressiveRegressor",
        "KMeans", "MiniBatchKMeans", "MLPClassifier", "MLPRegressor", "Pipeline", "Incremental",
        "GaussianMixture", "ParallelPostFit",
    } <= ESTIMATORS.keys()  # fmt: skip


@pytest.mark.complete
@pytest.mark.parametrize("name", ESTIMATORS)
def test_differences_from_scikit_learn_are_bullets(name):
    found = differences(ESTIMATORS[name])
    assert found, f"no line {DIFFERENCES!r} with bullets below it, nor {NO_DIFFERENCES!r}"
    assert all(bullet.endswith(".") for bullet in found)


def with_notes(*lines: str) -> type:
    """Return a class with these lines in its notes."""
    return type("Scaler", (), {"__doc__": "\n".join(["Scale.", "", "Notes", "-----", *lines])})


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("It is as scikit-learn's.",),
        (DIFFERENCES,),
        (DIFFERENCES, "", "Sums are exact."),
        ("Sums are exact.", "", "- There is one."),
        (f"{DIFFERENCES} sums are exact.", "", "- There is one."),
        (f"Read on. {NO_DIFFERENCES}",),
    ],
)
def test_differences_that_are_no_bullets_are_not_found(lines):
    assert differences(with_notes(*lines)) == []


def test_differences_are_found():
    lines = (DIFFERENCES, "", "- Sums are", "  exact.", "- It is fast.", "", "Rows may be sparse.")
    assert differences(with_notes(*lines)) == ["Sums are exact.", "It is fast."]
    assert differences(with_notes(NO_DIFFERENCES)) == [NO_DIFFERENCES]


@pytest.mark.complete
@pytest.mark.parametrize("name", ESTIMATORS)
def test_parameters_are_those_of_the_signature(name):
    said = parameters(docscrape.ClassDoc(ESTIMATORS[name]))
    signature = inspect.signature(ESTIMATORS[name]).parameters
    assert list(said) == list(signature)
    for parameter, what in said.items():
        _, given, default = what.partition("default=")
        if given:
            known = signature[parameter].default
            if default.startswith("numpy."):
                assert getattr(np, default.removeprefix("numpy.")) is known, parameter
            elif callable(known):
                assert default == f"{known.__module__.rpartition('.')[0]}.{known.__name__}"
            else:
                assert ast.literal_eval(default) == known, parameter
        else:
            assert signature[parameter].default is inspect.Parameter.empty, parameter


@pytest.mark.complete
@pytest.mark.parametrize("name", ESTIMATORS)
def test_arguments_are_those_of_the_methods(name):
    """A method without a list of its own says in a line whose it shares."""
    for method, function in inspect.getmembers(ESTIMATORS[name], inspect.isfunction):
        if not method.startswith("_") and function.__module__.startswith("streamlearn"):
            doc = docscrape.FunctionDoc(function)
            assert doc["Summary"], f"{method} has no docstring"
            if doc["Parameters"]:
                _self, *arguments = inspect.signature(function).parameters
                assert list(parameters(doc)) == arguments, method


def made(cls: type):
    """Return an estimator that fits quickly."""
    takes = inspect.signature(cls).parameters
    how = {"max_iter": 2, "random_state": 0, "n_clusters": 2, "store_covariance": True}
    if "estimator" in takes:
        how["estimator"] = theirs.SGDClassifier(random_state=0)
    how["parameters"] = {"alpha": np.logspace(-6, -3, 5).tolist()}
    return cls(**{name: value for name, value in how.items() if name in takes})


@pytest.mark.complete
@pytest.mark.parametrize(
    "name", [name for name in ESTIMATORS if name not in ("ColumnTransformer", "Pipeline")]
)
def test_attributes_are_those_of_a_fit(name):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(40, 3)), columns=["a", "b", "c"])
    y = np.digitize(X["a"], [-0.5, 0.5])
    if name == "DatetimeEncoder":
        X = X.astype("datetime64[s]")
    estimator = made(ESTIMATORS[name])
    X = documents(40) if name in OF_DOCUMENTS else X
    X = X.abs() if get_tags(estimator).input_tags.positive_only else X
    y = 1 + y if getattr(get_tags(estimator).target_tags, "positive_only", False) else y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(*([y] if name.startswith("Label") else [X, y]))
    said = {attribute.name for attribute in docscrape.ClassDoc(ESTIMATORS[name])["Attributes"]}
    said = {name for names in said for name in names.split(", ")}
    published = {n for n in vars(estimator) if n.endswith("_") and not n.startswith("_")}
    assert published <= said
    # A property may be there only under some parameters.
    assert {
        n for n in said if not hasattr(estimator, n) and not hasattr(type(estimator), n)
    } == set()


def test_headings_have_a_line_of_their_own():
    heading = re.compile(r"^ *(Notes|Parameters|Returns|Raises|Examples|References) -{4}")
    source = Path(streamlearn.__file__).parent
    for module in source.rglob("*.py"):
        assert not [*filter(heading.match, module.read_text("utf-8").splitlines())], module
