"""What a document costs in vectorizers of text, compared with scikit-learn in memory and dask-ml.

Documents of `--words` words with Zipf frequencies, in `--blocks` text files. All contenders read
the files, which is timed, and each result is counted and dropped.

scikit-learn     on a list of all documents
streamlearn      the same
threads          streamlearn on a dask Bag of the files, with dask's threads
processes        the same with dask's processes, one for each core
dask-ml          dask-ml's vectorizers on the same Bag, with threads
dask-ml, processes   the same with processes

Speed is in microseconds of time a document, the best of several runs. dask-ml has no
TfidfVectorizer.

    python bench/text.py --documents 200000 --dask-ml-python /path/to/python
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import importable, in_own_process, in_turn, medians, table

CONTENDERS = (
    *("scikit-learn", "streamlearn", "threads", "processes"),
    *("dask-ml", "dask-ml, processes"),
)
FIGURES = (
    *("CountVectorizer, fit", "CountVectorizer, transform"),
    *("TfidfVectorizer, fit", "TfidfVectorizer, transform"),
    "HashingVectorizer, transform",
)
LEVELS = 100_000


def write(folder: Path, documents: int, words: int, blocks: int) -> None:
    """Write one document a line."""
    rng = np.random.default_rng(0)
    known = np.asarray([f"w{number:x}" for number in range(LEVELS)])
    share = np.cumsum(1.0 / np.arange(1, LEVELS + 1))
    for block in range(blocks):
        n = documents // blocks
        at = np.searchsorted(share, share[-1] * rng.random((n, words))).clip(max=LEVELS - 1)
        lines = (" ".join(line) for line in known[at])
        (folder / f"{block:04d}.txt").write_text("\n".join(lines) + "\n")


def entries(rows: Any) -> int:
    """Return the number of entries of sparse rows."""
    return int(rows.nnz)


def best_of(runs: int, function: Callable[[], Any]) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(contender: str, folder: Path, runs: int) -> dict[str, float | None]:
    """Return the microseconds a document of each figure."""
    import dask
    import dask.bag

    if contender == "scikit-learn":
        from sklearn.feature_extraction import text
    elif contender.startswith("dask-ml"):
        from dask_ml.feature_extraction import text
    else:
        from streamlearn.feature_extraction import text
    lazy = contender not in ("scikit-learn", "streamlearn")
    paths = sorted(map(str, folder.glob("*.txt")))
    n = sum(len(Path(path).read_text().splitlines()) for path in paths)

    def documents() -> Any:
        if lazy:
            return dask.bag.read_text(paths)
        return [line for path in paths for line in Path(path).read_text().splitlines()]

    def counted(rows: Any) -> None:
        if lazy:
            dask.compute(*(dask.delayed(entries)(block) for block in rows.to_delayed().ravel()))
        else:
            entries(rows)

    figures: dict[str, float | None] = dict.fromkeys(FIGURES)
    scheduler = "processes" if contender.endswith("processes") else "threads"
    with dask.config.set(scheduler=scheduler, num_workers=os.cpu_count()):
        for name in ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer"):
            if not hasattr(text, name):
                continue
            model = getattr(text, name)()
            if name != "HashingVectorizer":
                # dask-ml finds the vocabulary of lazy documents in fit_transform alone.
                fit = model.fit_transform if contender.startswith("dask-ml") else model.fit
                figures[f"{name}, fit"] = best_of(runs, lambda fit=fit: fit(documents())) / n * 1e6
            transform = model.transform
            figures[f"{name}, transform"] = (
                best_of(runs, lambda transform=transform: counted(transform(documents()))) / n * 1e6
            )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=80, help="words of a document")
    parser.add_argument("--blocks", type=int, default=20)
    parser.add_argument("--runs", type=int, default=2, help="runs, of which the best counts")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument(
        "--dask-ml-python", default=sys.executable, help="interpreter that has dask-ml"
    )
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--json", type=Path, help="also write every turn's figures here")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        contender, folder = args.measure
        print(json.dumps(measure(contender, Path(folder), args.runs)))
        return

    def python(name: str) -> str:
        return args.dask_ml_python if name.startswith("dask-ml") else sys.executable

    known = {
        name: not name.startswith("dask-ml") or importable("dask_ml", python(name))
        for name in args.contenders
    }
    with tempfile.TemporaryDirectory() as place:
        write(Path(place), args.documents, args.words, args.blocks)
        results = in_turn(
            [name for name in args.contenders if known[name]],
            args.turns,
            lambda name: in_own_process(
                python(name), __file__, ["--runs", args.runs, "--measure", name, place]
            ),
        )
    print(
        f"\n{args.documents:,} documents of {args.words} words in {args.blocks} files, on "
        f"{os.cpu_count()} cores. Microseconds a document, medians of {args.turns} turns"
    )
    rows = [
        [name, *medians(results[name]).values()]
        if known[name]
        else [name, "not installed", *[None] * (len(FIGURES) - 1)]
        for name in args.contenders
    ]
    print(table(("", *FIGURES), rows))
    if args.json:
        args.json.write_text(json.dumps({"documents": args.documents, "turns": results}, indent=1))


if __name__ == "__main__":
    main()
