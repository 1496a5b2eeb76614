"""On a cluster: workers are killed, the client is closed, the scheduler ends, memory is short."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter

import dask
import dask.array as da
import numpy as np
import pytest
from dask.utils import key_split

from streamlearn.blocks import align, reduce
from streamlearn.diagnostics import FitCheckpoint
from streamlearn.linear_model import SGDRegressor
from streamlearn.preprocessing import StandardScaler
from tests.blocks import test_rounds, tracking
from tests.blocks.test_schedulers import mixed, squares
from tests.blocks.tracking import COLUMNS

distributed = pytest.importorskip("distributed", reason="distributed is an extra")

N, WINDOW = 60, 6
LEARNED = {"state", "learn-block", "learn-round", "merge-blocks", "reduce-block", "view-model"}


def read(folder, number, rows=5, columns=COLUMNS, seconds=0.02):
    """Read a block, and note the process that read it."""
    with (folder / "loads").open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(seconds)
    return np.random.default_rng(number).normal(size=(rows, columns))


def array(folder, n=N, **how):
    shape = how.get("rows", 5), how.get("columns", COLUMNS)
    parts = [dask.delayed(read, pure=False)(folder, i, **how) for i in range(n)]
    return da.concatenate([da.from_delayed(part, shape, float) for part in parts])


def loads(folder):
    """Return the process of each load."""
    noted = folder / "loads"
    return noted.read_text().split() if noted.exists() else []


VERBS = {
    "fold": lambda X: tracking.run(tracking.rough, 0.1, align(X=X))[0],
    "rounds": lambda X: test_rounds.run(X, test_rounds.side_of_cluster())[0],
    "reduce": lambda X: reduce(squares, mixed, align(X=X)),
}


def with_results(dask_scheduler):
    """Return the workers that have results which blocks were learned to."""
    return {
        worker.address
        for task in dask_scheduler.tasks.values()
        if key_split(task.key) in LEARNED
        for worker in task.who_has or ()
    }


def kill_at(client, folder, moments, whom, draw):
    """Kill a worker each time that so many loads have begun."""
    for moment in moments:
        while len(loads(folder)) < moment:
            time.sleep(0.005)
        processes = client.run(os.getpid)
        having = client.run_on_scheduler(with_results)
        those = [worker for worker in processes if (worker in having) == (whom == "with results")]
        os.kill(processes[draw.choice(those or sorted(processes))], signal.SIGKILL)


@pytest.mark.parametrize("whom", ["with results", "without"])
@pytest.mark.parametrize("n_deaths", [1, 2])
@pytest.mark.parametrize("verb", VERBS)
def test_a_death_costs_at_most_a_window_of_loads_and_no_bit(client, tmp_path, verb, n_deaths, whom):
    client.wait_for_workers(3)
    learns_though_workers_die(client, tmp_path, verb, n_deaths, whom, WINDOW)


def learns_though_workers_die(client, folder, verb, n_deaths, whom, window):
    draw = random.Random(f"{verb} {n_deaths} {whom}")
    X = array(folder)
    moments = [draw.randrange(10, 30), draw.randrange(35, 50)][:n_deaths]
    killer = threading.Thread(target=kill_at, args=(client, folder, moments, whom, draw))
    killer.start()
    found = VERBS[verb](X)
    killer.join()
    assert N <= len(loads(folder)) <= N + n_deaths * (window + 1)
    with dask.config.set(scheduler="sync"):
        assert VERBS[verb](X) == found


@pytest.fixture(scope="module", params=[1, 2])
def few_workers(request, importable_tests):
    """Let dask run on one worker process or on two."""
    settings = {"distributed.deploy.lost-worker-timeout": "10 minutes"}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=request.param, threads_per_worker=1, dashboard_address=":0", memory_limit=0
        ) as cluster,
        cluster.get_client() as client,
    ):
        yield request.param, client


@pytest.mark.thorough
@pytest.mark.complete
@pytest.mark.parametrize("whom", ["with results", "without"])
@pytest.mark.parametrize("n_deaths", [1, 2])
@pytest.mark.parametrize("verb", VERBS)
def test_a_death_among_one_or_two_workers_costs_no_more(
    few_workers, tmp_path, verb, n_deaths, whom
):
    n_workers, client = few_workers
    client.wait_for_workers(n_workers)
    learns_though_workers_die(client, tmp_path, verb, n_deaths, whom, 2 * n_workers)


ONE_EPOCH = {"max_iter": 1, "tol": None, "random_state": 0}

ENDS = {
    "closed": lambda client, cluster: client.close(),
    "restarted": lambda client, cluster: client.restart(),
    "shut down": lambda client, cluster: client.shutdown(),
}


@pytest.mark.parametrize(
    "how", ["closed", "shut down", pytest.param("restarted", marks=pytest.mark.thorough)]
)
def test_a_fit_without_its_client_ends_with_an_error_and_its_checkpoint(
    importable_tests, tmp_path, how
):
    """It goes on without the cluster, and ends with the bits of a fit that nothing has ended."""
    path, X = tmp_path / "fit", array(tmp_path, 40, seconds=0.01)

    def model(**kept):
        fresh = SGDRegressor(eta0=0.01, learning_rate="constant", **ONE_EPOCH)
        return fresh.set_callbacks(FitCheckpoint(path, **kept))

    def end():
        while len(loads(tmp_path)) < 20:
            time.sleep(0.01)
        ENDS[how](client, cluster)

    with (
        dask.config.set({"streamlearn.segment": 8}),
        distributed.LocalCluster(
            n_workers=1, processes=how == "restarted", dashboard_address=":0"
        ) as cluster,
        cluster.get_client() as client,
    ):
        ending = threading.Thread(target=end)
        ending.start()
        with pytest.raises(ConnectionError, match="client was closed, or has lost the scheduler"):
            model().fit(X, X[:, 0])
        ending.join()
    assert path.exists()
    before = len(loads(tmp_path))
    with dask.config.set({"streamlearn.segment": 8, "scheduler": "sync"}):
        resumed = model(resume=True).fit(X, X[:, 0])
        assert len(loads(tmp_path)) - before < 40
        path.unlink()
        known = model().fit(X, X[:, 0])
    assert resumed.coef_.tobytes() == known.coef_.tobytes()


FITS = {
    "fold": lambda X: SGDRegressor(
        eta0=1e-3, learning_rate="constant", batch_size=64, **ONE_EPOCH
    ).fit(X, X[:, 0]),
    "rounds": lambda X: SGDRegressor(**ONE_EPOCH).fit(X, X[:, 0]),
    "reduce": lambda X: StandardScaler().fit(X),
}


@pytest.mark.complete
@pytest.mark.thorough
@pytest.mark.parametrize("fit", FITS)
def test_more_than_the_memory_fits_into_three_workers_of_600_MB(importable_tests, tmp_path, fit):
    """No worker spills or pauses, and each loads about a third of the 75 blocks of 40 MB."""
    with (
        distributed.LocalCluster(
            n_workers=3, threads_per_worker=1, memory_limit="600MB", dashboard_address=":0"
        ) as cluster,
        cluster.get_client() as client,
    ):
        X = array(tmp_path, 75, rows=100_000, columns=50, seconds=0)
        FITS[fit](X)
        logs = [line for lines in client.get_worker_logs().values() for _, line in lines]
        spilled = client.run(lambda dask_worker: dask_worker.data.spilled_total)
    by_process = Counter(loads(tmp_path))
    assert len(by_process) == 3
    assert sum(by_process.values()) == 75
    assert max(by_process.values()) <= 1.5 * 75 / 3
    assert min(by_process.values()) >= 0.5 * 75 / 3
    assert not [line for line in logs if "Pausing" in line or "spill" in line.lower()]
    assert all(total == (0, 0) for total in spilled.values())
