"""Parameters of metrics: a value that scikit-learn refuses is refused, and not ignored."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as theirs

from streamlearn import metrics
from tests.containers import dask_array

LABELS, FOUND = np.asarray([0, 1, 1, 0, 1, 0]), np.asarray([0, 1, 0, 0, 1, 1])
CHANCES = 0.1 + 0.8 * FOUND
VALUES = np.arange(1.0, 7.0)
ROWS = np.random.default_rng(0).normal(size=(6, 2))
GIVEN = (
    (VALUES, VALUES + 0.1),
    (LABELS, FOUND),
    (LABELS, CHANCES),
    (LABELS, np.stack([1 - CHANCES, CHANCES], axis=1)),
    (ROWS, LABELS),
)
PARAMETERS = [
    (name, parameter)
    for name in metrics.__all__
    if hasattr(theirs, name) and not inspect.isclass(getattr(metrics, name))
    for parameter in list(inspect.signature(getattr(metrics, name)).parameters)[2:]
    if parameter in inspect.signature(getattr(theirs, name)).parameters
]


def error_of(function: Any, *args: Any, **how: Any) -> Exception | None:
    try:
        function(*args, **how)
    except Exception as error:
        return error
    return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("lazy", [False, True], ids=["in memory", "over blocks"])
@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_a_value_that_scikit_learn_refuses_is_refused(name, parameter, lazy):
    ours, other = getattr(metrics, name), getattr(theirs, name)
    needed = {"beta": 1.0} if name == "fbeta_score" and parameter != "beta" else {}
    for args in GIVEN:
        if parameter != "beta" and error_of(other, *args, **needed):
            continue
        rows = tuple(dask_array(a, (2, 4)) for a in args) if lazy else args
        for bad in ("no such value", -1.5, object(), 3 + 2j):
            if error_of(other, *args, **needed, **{parameter: bad}):
                error = error_of(ours, *rows, **needed, **{parameter: bad})
                assert isinstance(error, ValueError | TypeError | NotImplementedError), bad
