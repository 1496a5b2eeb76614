"""What the benchmarks share: a process for each contender, medians over turns, one table."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import pickle
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# Measured is the checkout that the benchmark is part of, also where another one is installed.
sys.path.insert(0, str(Path(__file__).parent.parent))

DATA = Path(__file__).parent / "data"

# The figures compare schedules of work, and a BLAS that starts threads under dask's own threads
# would measure the two pools fighting for cores.
ONE_BLAS_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def of_examples(module: str) -> Any:
    """Return a module of the folder ``examples``."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
    return importlib.import_module(module)


def importable(module: str, python: str = sys.executable) -> bool:
    """Whether an interpreter finds a module; another one is asked without running the module."""
    if python == sys.executable:
        try:
            return importlib.util.find_spec(module) is not None
        except ModuleNotFoundError:
            return False
    ask = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", ask], capture_output=True).returncode == 0


def in_own_process(
    python: str,
    script: str,
    arguments: Sequence[object],
    blas: Mapping[str, str] = ONE_BLAS_THREAD,
) -> dict[str, Any]:
    """Run one contender and return what it printed, a JSON object on its last line.

    The process has the variables ``blas``, and no others that set threads of BLAS.
    """
    command = [python, script, *map(str, arguments)]
    others = {name: value for name, value in os.environ.items() if name not in ONE_BLAS_THREAD}
    done = subprocess.run(command, env={**others, **blas}, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\nended with status {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def in_turn(
    contenders: Iterable[str], turns: int, measure: Callable[[str], dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Measure every contender once a turn, so that a machine that slows down slows all of them."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders}
    for turn in range(turns):
        for name, kept in results.items():
            print(f"turn {turn + 1} of {turns}: {name}", file=sys.stderr, flush=True)
            kept.append(measure(name))
    return results


def medians(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Median of every figure over the turns; None stays None."""
    return {
        key: None if value is None else statistics.median(r[key] for r in results)
        for key, value in results[0].items()
    }


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows in columns; a figure that was not measured is a dash."""
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def in_blocks(rows: np.ndarray, block_rows: int) -> Any:
    """Return a dask array each of whose blocks is a source of its own, so that they can shuffle."""
    import dask.array as da

    starts = range(0, len(rows), block_rows)
    return da.concatenate([da.from_array(rows[i : i + block_rows], chunks=-1) for i in starts])


# -- memory of this process ----------------------------------------------------------------------


def memory() -> dict[str, float]:
    """MB: resident now, its anonymous part, and the peak.

    VmHWM and not getrusage's ru_maxrss, which starts at the size of the process that started us.
    """
    with open("/proc/self/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    kept = {"rss": "VmRSS", "anon": "RssAnon", "peak_rss": "VmHWM"}
    return {key: int(fields[field].split()[0]) / 1024 for key, field in kept.items()}


class Sampler(threading.Thread):
    """Samples one figure of `memory` until it is stopped: not all have a high-water mark.

    Attributes
    ----------
    seen : list of (float, float)
        Seconds since the start, and MB.
    """

    def __init__(self, figure: str, seconds: float = 0.01):
        super().__init__(daemon=True)
        self.figure, self.seconds, self.stop = figure, seconds, threading.Event()
        self.seen: list[tuple[float, float]] = []
        self.began = time.perf_counter()

    def run(self) -> None:
        """Sample until `stop` is set."""
        while not self.stop.wait(self.seconds):
            self.look()

    def look(self) -> None:
        """Sample once."""
        self.seen.append((time.perf_counter() - self.began, memory()[self.figure]))

    def peak(self) -> float:
        """MB: the highest sample so far."""
        self.look()
        return max(value for _, value in self.seen)


# -- a noisy logistic table in .npy blocks -------------------------------------------------------

N_FEATURES = 20


def _model() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offsets of up to 10 deviations, scales from 0.1 to 10, and coefficients."""
    rng = np.random.default_rng(20)
    scale = np.logspace(-1, 1, N_FEATURES)
    offset = scale * rng.uniform(-10, 10, N_FEATURES)
    coef = rng.normal(size=N_FEATURES) / 3
    return offset, scale, coef


def _block(k: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    offset, scale, coef = _model()
    rng = np.random.default_rng([20, k])
    X = rng.standard_normal((rows, N_FEATURES))
    y = (rng.logistic(size=rows) < X @ coef - 0.5).astype(np.int64)
    X *= scale
    X += offset
    return X, y


def best_accuracy(home: Path, block: int) -> float:
    """Accuracy of the rule that made the labels, on one block: nothing does better."""
    offset, scale, coef = _model()
    X, y = (np.load(home / part / f"{block}.npy") for part in ("X", "y"))
    return float(np.mean(((X - offset) / scale @ coef > 0.5) == y))


def stack(n_blocks: int, block_rows: int, data: Path = DATA) -> Path:
    """Make sure that the first blocks are on disk, as ``da.from_npy_stack`` wants them."""
    home = data / f"uncentred-{block_rows}x{N_FEATURES}"
    for part in ("X", "y"):
        (home / part).mkdir(parents=True, exist_ok=True)
    for k in range(n_blocks):
        files = [home / part / f"{k}.npy" for part in ("X", "y")]
        if not all(file.exists() for file in files):
            print(f"writing block {k + 1} of {n_blocks} to {home}", file=sys.stderr, flush=True)
            for file, values in zip(files, _block(k, block_rows), strict=True):
                _put(file, lambda partial, values=values: np.save(partial, values))
    kept = len(list((home / "y").glob("[0-9]*.npy")))
    for part, dtype, rest in (("X", np.float64, ((N_FEATURES,),)), ("y", np.int64, ())):
        info = {"chunks": ((block_rows,) * kept, *rest), "dtype": np.dtype(dtype), "axis": 0}
        _put(home / part / "info", lambda partial, info=info: pickle.dump(info, partial))
    return home


def _put(file: Path, write: Callable[[Any], None]) -> None:
    """Write under another name first: a run that is cut short leaves no half file behind."""
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    with partial.open("wb") as opened:
        write(opened)
    partial.replace(file)
