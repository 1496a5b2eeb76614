"""Every scheduler runs the same plain graphs to the same bits, and its tools can read them."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
from dask.callbacks import Callback
from dask.diagnostics import CacheProfiler, Profiler, ProgressBar, ResourceProfiler
from dask.utils import key_split

import streamlearn
import streamlearn.blocks
from streamlearn.blocks import align, reduce
from tests.blocks import tracking
from tests.blocks.conftest import LOCAL, ROOT
from tests.blocks.tracking import LAYOUTS, gather, plain, rough, run, tall_to_short


def squares(block):
    return float(np.square(block.X).sum()) / 3.0


def mixed(a, b):
    """Merge to a result whose rounding shows the order."""
    return a * 0.7 + b / 3.0


def both(X):
    """Return what a fold and a reduce make of X."""
    blocks = align(X=X)
    return run(rough, 0.1, blocks)[0], reduce(squares, mixed, blocks)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_threads_give_the_bits_of_one_thread(layout):
    X = LAYOUTS[layout](100)
    results = {}
    for name, config in LOCAL.items():
        with dask.config.set(config):
            results[name] = both(X)
    assert len(set(results.values())) == 1, results


# A pool of processes starts in seconds, so one is made and kept for both verbs.
@pytest.mark.thorough
def test_processes_give_the_bits_of_one_thread(importable_tests):
    X = tall_to_short(20)
    with dask.config.set(scheduler="sync"):
        expected = both(X)
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(2, mp_context=context) as pool,
        # Results are carried over the border of a segment by way of this process.
        dask.config.set({"scheduler": "processes", "pool": pool, "streamlearn.segment": 15}),
    ):
        assert both(X) == expected


def test_the_scheduler_is_the_one_dask_would_take():
    """A scheduler given as a function gets plain dicts of single tasks, as dask's do."""
    graphs = []

    def record(graph, keys, **kwargs):
        graphs.append(graph)
        return dask.get(graph, keys, **kwargs)

    with dask.config.set(scheduler=record):
        assert run(gather, (), align(X=plain(3)))[0] == (0, 5, 10)
        assert reduce(squares, mixed, align(X=plain(3))) is not None
    assert [type(g) for g in graphs] == [dict, dict]


def names_in(profiler):
    return {key_split(result.key) for result in profiler.results}


def test_dasks_profilers_show_readable_names():
    with dask.config.set(scheduler="threads"), Profiler() as profiler:
        run(tracking.slow, 0.0, align(X=plain(10)))
    assert names_in(profiler) == {"load-block", "learn-block"}
    with dask.config.set(scheduler="threads"), Profiler() as profiler:
        reduce(squares, mixed, align(X=tall_to_short(20)))
    assert names_in(profiler) == {
        "reduce-block",
        "merge-blocks",
        "load-shared",
        "wait-for-block",
        "wait-for-merge",
    }


def test_dasks_resource_profiler_measures_a_fold():
    with dask.config.set(scheduler="threads"), ResourceProfiler(dt=0.01) as resources:
        run(tracking.slow, 0.0, align(X=plain(50)))
    assert resources.results[0].mem > 0


QUERY_PLANNING = """
import dask
dask.config.set({"array.query-planning": True})
import dask.array as da
import numpy as np
from dask.array import array_expr_enabled
from streamlearn.blocks import align, fold, map_rows, reduce

assert array_expr_enabled()
reads = []

def read(block):
    if len(block):
        reads.append(float(block[0, 0]))
    return block + 0.0

def step(state, parts):
    return state + 1, [np.array(x) for x in parts]

def passed(**containers):
    reads.clear()
    with dask.config.set(scheduler="sync"):
        (segment,) = fold(step, 0, align(**containers), prepare=lambda b: tuple(b.parts.values()))
    return [np.concatenate(x) for x in zip(*(r.report for r in segment.records))]

rows = np.arange(80.0).reshape(20, 4)
Z = da.from_array(rows, chunks=(5, 4)).map_blocks(read, dtype=float, meta=np.empty((0, 0)))
X, y = passed(X=Z[:, :-1], y=Z[:, -1])
assert (X == rows[:, :-1]).all() and (y == rows[:, -1]).all()
assert len(reads) == 4, reads
(X,) = passed(X=Z.rechunk((3, 4)))
assert (X == rows).all() and len(reads) == 4, reads
X, y = passed(X=da.from_array(rows, chunks=(5, 2)), y=np.arange(20))
assert (X == rows).all() and (y == np.arange(20)).all()
total = reduce(lambda block: block.X.sum(), lambda a, b: a + b, align(X=Z))
assert total == rows.sum()
for shape, names in ((0, None), ((0, 2), None), ((0, 2), ["a", "b"])):
    out = map_rows(lambda b: b[:, 0] if shape == 0 else b[:, :2], Z, meta=np.empty(shape),
                   names=names)
    assert (out.compute() == (rows[:, 0] if shape == 0 else rows[:, :2])).all(axis=None)
"""


def test_dasks_array_query_planning_works():
    """It can only be chosen before dask.array is imported, so in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", QUERY_PLANNING],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_one_module_touches_what_dask_may_move():
    """Private modules of dask, and its graphs, are met in graph.py, or where one is mended."""
    doors = ("graph.py", "categorized.py")
    package = Path(streamlearn.blocks.__file__).parent
    for path in package.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [f"{node.module}.{alias.name}" for alias in node.names]
            for module in modules:
                top, *rest = module.split(".")
                if top in ("dask", "distributed") and path.name not in doors:
                    assert not any(part.startswith("_") for part in rest), (path.name, module)
                    assert "highlevelgraph" not in rest, (path.name, module)
                    assert "optimization" not in rest, (path.name, module)


def test_nothing_in_the_library_computes_a_collection():
    """Every read goes through the three verbs: no compute of a whole, none of block after block."""
    for path in Path(streamlearn.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("compute", "persist", "to_delayed"), (path, node.lineno)


def test_the_package_loads_neither_dask_nor_frames():
    heavy = {"dask", "distributed", "pandas", "polars", "torch", "jax", "cupy"}
    code = f"import sys; import streamlearn.blocks; print({heavy} & sys.modules.keys() or 'none')"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert result.stdout.strip() == "none"


def test_tasks_pickle_so_that_they_can_travel():
    import pickle

    blocks = align(X=tall_to_short(20), y=np.arange(100))
    graphs = []

    def record(graph, keys, **kwargs):
        graphs.append(graph)
        return dask.get(pickle.loads(pickle.dumps(graph)), keys, **kwargs)

    with dask.config.set({"scheduler": record, "streamlearn.segment": 7}):
        state, _ = run(gather, (), blocks)
    assert state == tuple(range(0, 100, 5))


def test_dasks_progress_bar_draws_one_bar_a_pass():
    """The share of the tasks that are done never falls, and the bar ends once."""
    X = da.ones((60, 2), chunks=(1, 2))
    out = io.StringIO()
    with dask.config.set({"streamlearn.segment": 4}), ProgressBar(dt=0.001, out=out):
        run(gather, (), align(X=X))
    said = out.getvalue()
    assert said.count("\n") == 1
    shares = [int(share) for share in re.findall(r"(\d+)% Completed", said)]
    assert shares == sorted(shares)
    assert shares[-1] == 100


def test_dasks_profilers_see_all_graphs_of_a_pass():
    X = da.ones((20, 2), chunks=(1, 2))
    with dask.config.set({"streamlearn.segment": 4}), Profiler() as tasks, CacheProfiler() as kept:
        run(gather, (), align(X=X))
    assert Counter(key_split(task.key) for task in tasks.results)["learn-block"] == 20
    assert Counter(key_split(task.key) for task in kept.results)["learn-block"] == 20


def test_dasks_callbacks_finish_once_after_an_error():
    ended = []
    callback = Callback(finish=lambda dsk, state, failed: ended.append(failed))

    def broken(block):
        if block[0, 0] > 50:
            raise OSError("the disk is gone")
        return block

    X = da.arange(60, chunks=1)[:, None].map_blocks(broken, dtype=float)
    with dask.config.set({"streamlearn.segment": 4}), callback, pytest.raises(OSError):
        run(gather, (), align(X=X))
    assert ended == [True]
    assert Callback.active == set()


class Full:
    """A page of a journal on a disk that is full."""

    known = None

    def note(self, *_args, **_how):
        raise OSError("no space left")


def test_dasks_callbacks_finish_after_an_error_between_the_graphs_of_a_reduce(monkeypatch):
    monkeypatch.setitem(reduce.__globals__, "open_page", lambda *args, **how: Full())
    ended = []
    callback = Callback(finish=lambda dsk, state, failed: ended.append(failed))
    with dask.config.set(scheduler="sync"), callback, pytest.raises(OSError, match="no space left"):
        reduce(lambda block: block.number, max, align(X=da.ones((100, 2), chunks=(1, 2))))
    assert ended == [False]
