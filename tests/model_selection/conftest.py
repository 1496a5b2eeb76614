"""A cluster in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="package")
def workers() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="distributed is an extra")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=False, dashboard_address=":0"
    ) as cluster:
        yield cluster


@pytest.fixture
def cluster(workers: Any) -> Iterator[Any]:
    """A client that is the default for one test only."""
    with workers.get_client() as client:
        yield client
