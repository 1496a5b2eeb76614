"""Steps whose results for collections are lazy, whatever library they are from."""

from __future__ import annotations

from typing import Any

from sklearn import pipeline as theirs
from sklearn.frozen import FrozenEstimator

from streamlearn._thirdparty.lazy import LazyEstimator
from streamlearn._thirdparty.tags import takes_collections


def lazily(step: Any) -> Any:
    """Return a step whose results for collections are lazy."""
    if isinstance(step, FrozenEstimator):
        return lazily(step.estimator)
    if step is None or isinstance(step, str) or takes_collections(step):
        return step
    if isinstance(step, theirs.Pipeline):
        return theirs.Pipeline([(name, lazily(inner)) for name, inner in step.steps])
    return LazyEstimator(step)
