"""Schedulers to run the engine on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def nothing_runs() -> Iterator[None]:
    """Fail where anything is computed."""

    def refuse(*_args, **_kwargs):
        raise AssertionError("something was computed")

    with dask.config.set(scheduler=refuse):
        yield
