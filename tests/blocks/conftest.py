"""Schedulers to run the engine on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import pytest

from tests.blocks import tracking

LOCAL = {
    "sync": {"scheduler": "sync"},
    "threads-1": {"scheduler": "threads", "num_workers": 1},
    "threads-2": {"scheduler": "threads", "num_workers": 2},
    "threads-8": {"scheduler": "threads", "num_workers": 8},
}
ROOT = str(Path(__file__).parents[2])


@pytest.fixture(autouse=True)
def _no_events_of_others():
    tracking.drain()


@pytest.fixture(params=LOCAL)
def local_scheduler(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each scheduler of this process in turn."""
    with dask.config.set(LOCAL[request.param]):
        yield request.param


@pytest.fixture(scope="module")
def importable_tests() -> Iterator[None]:
    """Let processes that are started from here import this package, to unpickle its functions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        yield


@pytest.fixture
def nothing_runs() -> Iterator[None]:
    """Fail where anything is computed."""

    def refuse(*_args, **_kwargs):
        raise AssertionError("something was computed")

    with dask.config.set(scheduler=refuse):
        yield


@pytest.fixture(scope="module")
def client(importable_tests: None) -> Iterator[Any]:
    """Three worker processes."""
    distributed = pytest.importorskip("distributed", reason="distributed is an extra")
    with (
        # Tests kill workers, and the cluster would give up one that is slow to come back.
        dask.config.set({"distributed.deploy.lost-worker-timeout": "10 minutes"}),
        distributed.LocalCluster(
            n_workers=3, threads_per_worker=1, dashboard_address=":0", memory_limit=0
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client
