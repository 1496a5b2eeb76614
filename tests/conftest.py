"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

# Without it scikit-learn's checks of array libraries are skipped. Read when scipy is imported.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import dask
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from tests.backends import Backend, open_backend, selected

# The same examples on every run: a red build must be red again on the next try. Backends are made
# per test and do not change between examples.
settings.register_profile(
    "streamlearn",
    derandomize=True,
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("streamlearn")


@pytest.fixture(autouse=True)
def same_draws_in_any_order(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let each test draw from the start: tests run in another order and in other processes."""
    if hasattr(request.module, "RNG"):
        monkeypatch.setattr(request.module, "RNG", np.random.default_rng(0))


@pytest.fixture(autouse=True)
def settings_end_with_their_test() -> Iterator[None]:
    """Fail a test that leaves settings of the engine behind, which would change later tests.

    Two threads that overlap in ``dask.config.set`` of one name leave it set for good.
    """
    yield
    left = dask.config.config.pop("streamlearn", {})
    assert not left, f"the test leaves settings behind: {left}"


@pytest.fixture(params=selected())
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Each selected array library in turn, see `tests.backends`."""
    with open_backend(request.param) as chosen:
        yield chosen


@pytest.fixture(scope="session")
def importable_tests() -> Iterator[None]:
    """Let processes that are started from here import this package, to unpickle its functions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[1]))
        yield


@pytest.fixture(scope="session")
def three_processes(importable_tests: None) -> Iterator[Any]:
    """Start a cluster of three worker processes, which takes seconds."""
    distributed = pytest.importorskip("distributed", reason="distributed is an extra")
    settings = {
        # Tests kill workers, and the cluster would give up one that is slow to come back.
        "distributed.deploy.lost-worker-timeout": "10 minutes",
        # Workers are forks of a process that has imported what all of them need.
        "distributed.worker.multiprocessing-method": "forkserver",
    }
    with dask.config.set(settings):
        distributed.utils.get_mp_context().set_forkserver_preload(
            ["distributed", "dask.dataframe", "streamlearn.pipeline", "streamlearn.cluster"]
        )
        with distributed.LocalCluster(
            n_workers=3, threads_per_worker=1, dashboard_address=":0", memory_limit=0
        ) as cluster:
            # It is a callback of the garbage collector, and one in which an interrupt is lost.
            distributed.gc.disable_gc_diagnosis()
            yield cluster


@pytest.fixture(scope="module")
def client(three_processes: Any) -> Iterator[Any]:
    """Let dask run on three worker processes while the tests of a module run."""
    with three_processes.get_client() as client:
        yield client


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say how long the command of the README takes."""
    daily = config.option.markexpr == "not thorough and not exhaustive"
    return "On 2 idle cores all of these tests take about 4 minutes." if daily else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the skipped tests are, instead of a line for each."""
    skipped = len(terminalreporter.stats.get("skipped", ()))
    if skipped and not {*"sAa"} & {*terminalreporter.config.option.reportchars}:
        terminalreporter.write_line(
            f"{skipped} tests are skipped: they need libraries that are not installed, or a case "
            "does not apply. -rs lists the reasons."
        )


DAILY, THOROUGH = 3, 7
"""How many cases of a test run every day, and where a change is to land."""


@pytest.hookimpl(tryfirst=True)  # before cases are left out by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that run on every backend, and the cases that do not run every day.

    The cases of a test are drawn by their names, so that the same ones run each time.
    """
    tests: dict[str, list[pytest.Item]] = {}
    for item in items:
        if "backend" in getattr(item, "fixturenames", ()):
            item.add_marker("backends")
        tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for cases in tests.values():
        complete = cases[0].get_closest_marker("complete")
        share = 0.0 if complete is None else complete.kwargs.get("share", 1.0)
        thorough = max(THOROUGH, share * len(cases))
        drawn = sorted(cases, key=lambda item: crc32(item.nodeid.encode()))
        for place, item in enumerate(drawn[DAILY:], start=DAILY):
            if item.get_closest_marker("exhaustive"):
                continue
            if place < thorough:
                item.add_marker("thorough")
            else:
                # A slow test is marked as thorough itself, and -m thorough would take all cases.
                item.own_markers[:] = [m for m in item.own_markers if m.name != "thorough"]
                item.add_marker("exhaustive")
