"""Time and memory of a scaler and a logistic SGD over data in blocks, as a user has them.

The question: what do they cost, compared with a bare read of the data, and with the other ways?
Each contender runs in a process of its own, in turn, several turns; the table shows medians:

sum          a bare ``X.sum()`` of the dask array: the pass that nobody can avoid
dask-ml      dask-ml's StandardScaler and Incremental(SGDClassifier), in scikit-learn's Pipeline
loop         scikit-learn's StandardScaler and SGDClassifier, partial_fit by hand, block by block
streamlearn  our StandardScaler and SGDClassifier, in scikit-learn's Pipeline: two passes
one-pass     the same in streamlearn.pipeline's: one pass
plain        the same with ``learning_rate="optimal"``: plain SGD instead of the default's Newton
memory       streamlearn.pipeline's, on one array in memory, which is there before the clock starts

No variable sets the threads of BLAS, as in a shell of a user, and dask runs its threads. The names
that end in "-omp1" are the same with OMP_NUM_THREADS=1 and its like. The last lines of the output
compare the two, since the library itself has to look after those threads.

The data are float64 blocks in .npy files, read once before the clock starts: the page cache is warm
if they fit in memory. Features are up to 10 deviations away from zero, with scales from 0.1 to 10.
Every block is read into memory of its own, as is done with Parquet, Zarr or HDF5. With ``--mapped``
it is memory-mapped, which is as cheap as loading can be.

A process first imports its contender, and fits and predicts 200 rows: that is "begin". The first
fit of a process takes much longer than a later one, because dask and others are imported late. So
"fit" is a later fit.

fit learns from all blocks but the last. predict goes over all blocks, lazily, down to the number of
right answers in each; those of the last one give the held-out accuracy. For ``sum`` the two are
the sums over the same blocks.

Memory is counted above the footprint of a process, its resident memory after "begin". RSS counts
the pages of the mapped files that were touched and are still mapped, though the kernel can drop
them at any time. "anon" does not: it is the memory that the contender allocated itself.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import (
    DATA,
    N_FEATURES,
    ONE_BLAS_THREAD,
    Sampler,
    best_accuracy,
    importable,
    in_own_process,
    in_turn,
    medians,
    memory,
    stack,
    table,
)

# What each contender needs; all but dask-ml run under this interpreter.
NEEDS = {
    "sum": ("dask.array",),
    "dask-ml": ("dask_ml",),
    "loop": ("sklearn",),
    "streamlearn": ("streamlearn.preprocessing", "streamlearn.linear_model"),
    "one-pass": ("streamlearn.pipeline",),
    "one-pass-omp1": ("streamlearn.pipeline",),
    "plain": ("streamlearn.pipeline",),
    "memory": ("streamlearn.pipeline",),
    "memory-omp1": ("streamlearn.pipeline",),
}
ONE_THREAD = "-omp1"


# -- contenders: `fit` learns from the first blocks, `right` counts right answers in each ---------


class Source(NamedTuple):
    """The first blocks of a table on disk, and how they are opened: numpy.load's mode, or None."""

    home: Path
    n_blocks: int
    mmap_mode: str | None

    def arrays(self) -> Any:
        """Open them as dask arrays X, y."""
        import dask.array as da

        X, y = (da.from_npy_stack(str(self.home / part), self.mmap_mode) for part in ("X", "y"))
        return X.blocks[: self.n_blocks], y.blocks[: self.n_blocks]

    def blocks(self) -> Iterator[Any]:
        """Open one after the other, as NumPy arrays X, y."""
        for k in range(self.n_blocks):
            yield tuple(np.load(self.home / p / f"{k}.npy", self.mmap_mode) for p in ("X", "y"))


class FromBlocks:
    """A contender that reads its blocks while the clock runs."""

    def ready(self, source: Source) -> None:
        """Nothing is loaded beforehand."""


class Sum(FromBlocks):
    """The bare pass; nothing is learned."""

    def fit(self, source: Source) -> None:
        """One pass."""
        X, _ = source.arrays()
        X.sum().compute()

    right = fit


class Lazy(FromBlocks):
    """A pipeline over dask arrays."""

    def __init__(self, pipe, **fit_params):
        self.pipe, self.fit_params = pipe, fit_params

    def fit(self, source: Source) -> None:
        """Let the pipeline do it."""
        self.pipe.fit(*source.arrays(), **self.fit_params)

    def right(self, source: Source) -> np.ndarray:
        """Predict and compare in one graph, so that no prediction outlives its block."""
        import dask.array as da

        X, y = source.arrays()
        predicted = self.pipe.predict(X)
        return da.map_blocks(
            _right, predicted, y, dtype=np.int64, chunks=((1,) * source.n_blocks,)
        ).compute()


class InMemory:
    """A pipeline on one array."""

    def __init__(self, pipe):
        self.pipe = pipe

    def ready(self, source: Source) -> None:
        """Read all blocks."""
        self.X, self.y = map(np.concatenate, zip(*source.blocks(), strict=True))

    def fit(self, source: Source) -> None:
        """Let the pipeline do it."""
        rows = sum(len(y) for _, y in source._replace(mmap_mode="r").blocks())
        self.pipe.fit(self.X[:rows], self.y[:rows])

    def right(self, source: Source) -> np.ndarray:
        """Predict all rows."""
        right = self.pipe.predict(self.X) == self.y
        return np.count_nonzero(right.reshape(source.n_blocks, -1), axis=1)


def _right(predicted, y):
    return np.array([np.count_nonzero(np.asarray(predicted) == y)])


class Loop(FromBlocks):
    """scikit-learn by hand: one pass for the scaler, one for the classifier."""

    def __init__(self, scaler, classifier):
        self.scaler, self.classifier = scaler, classifier

    def fit(self, source: Source) -> None:
        """Two loops."""
        for X, _ in source.blocks():
            self.scaler.partial_fit(X)
        for X, y in source.blocks():
            self.classifier.partial_fit(self.scaler.transform(X), y, classes=[0, 1])

    def right(self, source: Source) -> np.ndarray:
        """One loop."""
        return np.array(
            [
                np.count_nonzero(self.classifier.predict(self.scaler.transform(X)) == y)
                for X, y in source.blocks()
            ]
        )


def contender(name: str) -> Any:
    """Import and build one contender."""
    if name == "sum":
        import dask.array  # noqa: F401  so that it counts in the footprint, as the others' does

        return Sum()
    if name == "loop":
        from sklearn.linear_model import SGDClassifier
        from sklearn.preprocessing import StandardScaler

        return Loop(StandardScaler(), SGDClassifier(loss="log_loss", random_state=0))
    if name == "dask-ml":
        from dask_ml.preprocessing import StandardScaler
        from dask_ml.wrappers import Incremental
        from sklearn.linear_model import SGDClassifier
        from sklearn.pipeline import make_pipeline

        learner = Incremental(SGDClassifier(loss="log_loss", random_state=0), random_state=0)
        return Lazy(make_pipeline(StandardScaler(), learner), incremental__classes=[0, 1])
    from streamlearn.linear_model import SGDClassifier
    from streamlearn.preprocessing import StandardScaler

    name = name.removesuffix(ONE_THREAD)
    if name == "streamlearn":
        from sklearn.pipeline import make_pipeline
    else:
        from streamlearn.pipeline import make_pipeline
    rule = "optimal" if name == "plain" else "auto"
    learner = SGDClassifier(loss="log_loss", learning_rate=rule, classes=[0, 1], random_state=0)
    kind = InMemory if name == "memory" else Lazy
    return kind(make_pipeline(StandardScaler(), learner))


# -- measuring one contender, in its own process -------------------------------------------------


def measure(name: str, data: Path, n_blocks: int, block_rows: int, mapped: bool) -> dict[str, Any]:
    """Begin, then fit and predict once."""
    source = Source(stack(n_blocks, block_rows, data), n_blocks, "r" if mapped else None)
    seconds, cpu = time.perf_counter(), time.process_time()
    first, small = contender(name), source._replace(home=stack(2, 100, data), n_blocks=2)
    for work in (first.ready, first.fit, first.right):
        work(small)
    figures = {"begin_s": time.perf_counter() - seconds, "begin_cpu_s": time.process_time() - cpu}
    model = contender(name)
    model.ready(source)
    start = memory()
    anon = Sampler("anon")
    anon.start()

    figures["footprint_mb"] = start["rss"]
    for stage, work in (("fit", model.fit), ("predict", model.right)):
        seconds, cpu = time.perf_counter(), time.process_time()
        right = work(source._replace(n_blocks=n_blocks - (stage == "fit")))
        figures[f"{stage}_s"] = time.perf_counter() - seconds
        figures[f"{stage}_cpu_s"] = time.process_time() - cpu
        figures[f"{stage}_peak_rss_mb"] = memory()["peak_rss"] - start["rss"]
        figures[f"{stage}_peak_anon_mb"] = anon.peak() - start["anon"]
    anon.stop.set()
    figures["page_faults"] = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    figures["accuracy"] = None if right is None else float(right.mean() / block_rows)
    figures["held_out_accuracy"] = None if right is None else float(right[-1] / block_rows)
    return figures


# -- the parent ----------------------------------------------------------------------------------

HEADER = (
    "contender",
    "begin s",
    "begin cpu s",
    "fit s",
    "fit cpu s",
    "fit / sum",
    "dask-ml / fit",
    "predict s",
    "predict cpu s",
    "predict / sum",
    "dask-ml / predict",
    "footprint MB",
    "peak RSS + MB",
    "peak anon + MB",
    "held-out accuracy",
)


def rows_of(found: dict[str, dict[str, Any]], absent: list[str]) -> list[list[object]]:
    """Medians to table rows."""

    def ratio(over, under, key):
        if over not in found or under not in found:
            return None
        return f"{found[over][key] / found[under][key]:.2f}"

    rows: list[list[object]] = []
    for name in NEEDS:
        if name in absent:
            rows.append([f"{name}: not installed", *[None] * (len(HEADER) - 1)])
        elif name in found:
            f = found[name]
            rows.append(
                [
                    name,
                    f"{f['begin_s']:.2f}",
                    f"{f['begin_cpu_s']:.2f}",
                    f"{f['fit_s']:.2f}",
                    f"{f['fit_cpu_s']:.2f}",
                    ratio(name, "sum", "fit_s"),
                    ratio("dask-ml", name, "fit_s"),
                    f"{f['predict_s']:.2f}",
                    f"{f['predict_cpu_s']:.2f}",
                    ratio(name, "sum", "predict_s"),
                    ratio("dask-ml", name, "predict_s"),
                    f"{f['footprint_mb']:.0f}",
                    f"{f['predict_peak_rss_mb']:.0f}",
                    f"{f['predict_peak_anon_mb']:.0f}",
                    None if f["held_out_accuracy"] is None else f"{f['held_out_accuracy']:.5f}",
                ]
            )
    return rows


def of_threads(results: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Compare each contender that ran with one thread of BLAS with itself without the variables."""
    for name in results:
        plain = name.removesuffix(ONE_THREAD)
        if plain == name or plain not in results:
            continue
        ratios = medians(
            [
                {key: free[key] / one[key] for key in free if key.endswith("_s")}
                for free, one in zip(results[plain], results[name], strict=True)
            ]
        )
        shown = ", ".join(f"{key.removesuffix('_s')} {ratio:.2f}" for key, ratio in ratios.items())
        yield f"{plain}, without variables over OMP_NUM_THREADS=1: {shown}"


def warm(home: Path, n_blocks: int) -> None:
    """Read every block once, untimed, so that no contender pays for the disk."""
    buffer = bytearray(1 << 24)
    for part in ("X", "y"):
        for k in range(n_blocks):
            with open(home / part / f"{k}.npy", "rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=4_000_000, help="default: 4,000,000")
    parser.add_argument("--block-rows", type=int, default=500_000, help="default: 500,000")
    parser.add_argument("--turns", type=int, default=3, help="default: 3")
    parser.add_argument(
        "--contenders", nargs="+", choices=NEEDS, help="default: all that can be imported"
    )
    parser.add_argument(
        "--dask-ml-python", default=sys.executable, help="interpreter that has dask-ml"
    )
    parser.add_argument("--data", type=Path, default=DATA, help="where the blocks are kept")
    parser.add_argument("--mapped", action="store_true", help="map blocks instead of reading them")
    parser.add_argument("--json", type=Path, help="write every turn's figures to this file")
    parser.add_argument("--measure", choices=NEEDS, help=argparse.SUPPRESS)
    args = parser.parse_args()

    n_blocks, rest = divmod(args.rows, args.block_rows)
    if rest or n_blocks < 2:
        parser.error("--rows must be at least two times --block-rows, and a multiple of it")
    if args.measure:
        figures = measure(args.measure, args.data, n_blocks, args.block_rows, args.mapped)
        print(json.dumps(figures))
        return

    def python(name):
        return args.dask_ml_python if name == "dask-ml" else sys.executable

    wanted = args.contenders or list(NEEDS)
    absent = [n for n in wanted if not all(importable(module, python(n)) for module in NEEDS[n])]
    if args.contenders and set(absent) - {"dask-ml"}:
        parser.error(f"cannot be imported: {', '.join(absent)}")

    stack(2, 100, args.data)
    home = stack(n_blocks, args.block_rows, args.data)
    warm(home, n_blocks)
    arguments = ["--rows", args.rows, "--block-rows", args.block_rows, "--data", args.data]
    arguments += ["--mapped"] * args.mapped
    results = in_turn(
        [name for name in wanted if name not in absent],
        args.turns,
        lambda name: in_own_process(
            python(name),
            __file__,
            [*arguments, "--measure", name],
            ONE_BLAS_THREAD if name.endswith(ONE_THREAD) else {},
        ),
    )
    found = {name: medians(turns) for name, turns in results.items()}

    print(
        f"{args.rows:,} x {N_FEATURES} float64 ({args.rows * N_FEATURES * 8e-9:.2f} GB) in "
        f"{n_blocks} blocks, the last held out. Medians of {args.turns} turns, "
        f"{'mapped' if args.mapped else 'copied'}, {os.cpu_count()} cores, "
        f"best possible held-out accuracy {best_accuracy(home, n_blocks - 1):.5f}"
    )
    print(table(HEADER, rows_of(found, absent)))
    for line in of_threads(results):
        print(line)
    if args.json:
        machine = {"cores": os.cpu_count(), "machine": platform.machine()}
        record = {"rows": args.rows, "block_rows": args.block_rows, **machine, "turns": results}
        args.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
