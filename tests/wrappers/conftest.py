"""Each learner in turn."""

from __future__ import annotations

import pytest
from sklearn.base import clone

from tests.wrappers.learners import LEARNERS


@pytest.fixture(params=LEARNERS)
def learner(request: pytest.FixtureRequest) -> tuple:
    estimator, rows, target = LEARNERS[request.param]
    return clone(estimator), rows, target
