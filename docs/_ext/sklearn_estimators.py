"""Which of scikit-learn's estimators are here, which learn while blocks flow, and which do not."""

import warnings
from collections.abc import Iterable

import dask.array as da
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, ClusterMixin, OutlierMixin, RegressorMixin
from sklearn.utils import all_estimators

from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from tests.public import names_by_module

PREDICTORS = (ClassifierMixin, RegressorMixin, ClusterMixin, OutlierMixin)
TEXT = """## The same names here

These {n} classes are in streamlearn under the same name. They have scikit-learn's parameters and
attributes, and their pages list what differs.

{same}

## Flow as they are

Each of these {n_flow} transformers of scikit-learn was put before a learner, in one pass over a
dask array. It learned from the blocks, or had nothing to learn from them. A transformer that draws
random numbers needs a number as `random_state`, and a projection needs a number as `n_components`.
Random features such as `RBFSampler` before a linear model are a kernel method for any number of
rows.

{flow}

These {n_partial} predictors have `partial_fit`. `Incremental` lets them learn from blocks.

{partial}

## Need all rows in memory

Fit these {n_rest} to a sample, and let `ParallelPostFit` predict or
transform block by block.

{rest}

Not listed: {n_other} that wrap other estimators, such as `GridSearchCV`, that take text or dicts,
or that have no `predict` or `transform` for new rows.
"""


def flows(estimator: object) -> bool:
    """Tell whether a transformer learns in one pass before a learner."""
    rows = np.random.default_rng(0).integers(0, 3, size=(200, 4)) + 1.0
    X = da.from_array(rows, chunks=(50, 4))
    y = da.from_array((rows[:, 0] > 1).astype(int), chunks=50)
    learner = SGDClassifier(classes=[0, 1], random_state=0)
    try:
        make_pipeline(estimator, learner, schedule="one-pass").fit(X, y)
    except Exception:  # whatever it is, it cannot be used so
        return False
    return True


def seeded(estimator: BaseEstimator) -> BaseEstimator:
    """Give the parameters without which some transformers learn from the rows."""
    there = estimator.get_params()
    given = {"random_state": 0, "n_components": 2, "gamma": 1.0}
    automatic = {name for name, value in there.items() if value in (None, "auto", "scale")}
    return estimator.set_params(**{name: given[name] for name in given if name in automatic})


def listed(names: Iterable[str]) -> str:
    """Return names as inline code."""
    return ", ".join(f"`{name}`" for name in sorted(names))


def sklearn_estimators() -> str:
    """Return the sections of the page."""
    ours = {name for names in names_by_module().values() for name in names}
    same, flow, partial, rest, other = [], [], [], [], []
    for name, cls in all_estimators():
        if name in ours:
            same.append(name)
            continue
        try:
            estimator = cls()
        except TypeError:  # it wraps another estimator
            other.append(name)
            continue
        predictor = issubclass(cls, PREDICTORS)
        usable = hasattr(cls, "predict" if predictor else "transform")
        if not usable or "feature_extraction" in cls.__module__:
            other.append(name)
        elif predictor:
            (partial if hasattr(cls, "partial_fit") else rest).append(name)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                (flow if flows(seeded(estimator)) else rest).append(name)
    return TEXT.format(
        same=listed(same),
        n=len(same),
        flow=listed(flow),
        n_flow=len(flow),
        partial=listed(partial),
        n_partial=len(partial),
        rest=listed(rest),
        n_rest=len(rest),
        n_other=len(other),
    )
